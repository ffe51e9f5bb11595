"""Vector files that are no inventory, handed to pyogrio by plain paths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyogrio
from pyogrio import errors

from rogi.paths import plain_path


def list_layers(path: str | Path) -> list[tuple[str, str | None]]:
    """Names and kinds of geometry of the layers of a file; its path is data, whatever characters it has.

    Raises
    ------
    pyogrio.errors.DataSourceError
        If it cannot be opened.
    """
    listed = _by_plain_path(pyogrio.list_layers, path)
    return [(str(name), None if kind is None else str(kind)) for name, kind in listed]


def read_dataframe(path: str | Path, **options: Any) -> Any:
    """As :func:`pyogrio.read_dataframe`; the path is data, whatever characters it has."""
    return _by_plain_path(pyogrio.read_dataframe, path, **options)


def read_info(path: str | Path, **options: Any) -> dict[str, Any]:
    """As :func:`pyogrio.read_info`; the path is data, whatever characters it has."""
    return dict(_by_plain_path(pyogrio.read_info, path, **options))


def _by_plain_path(function: Callable[..., Any], path: str | Path, **options: Any) -> Any:
    with plain_path(path) as plain:
        try:
            return function(plain, **options)
        except (errors.DataSourceError, errors.DataLayerError, errors.FieldError, ValueError) as error:
            if str(plain) == str(path) or str(plain) not in str(error):
                raise
            raise type(error)(str(error).replace(str(plain), str(path))) from None
