"""The border to GDAL: its errors become sentences, its warnings notes; nothing is printed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyogrio.errors

from rogi.errors import InputError, RogiError

_TEMPORARY = re.compile(r"/\S*/rogi-[^/\s]+/(\d+/)?")


@contextmanager
def driver_calls(shown: Path, notes: list[str]) -> Iterator[None]:
    """Run calls of a driver on one file.

    Parameters
    ----------
    shown : Path
        The file as the user knows it, for messages.
    notes : list of str
        Warnings are appended, each once.

    Raises
    ------
    InputError
        For anything a driver, arrow or the file system raises.
    """
    failures = (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.CRSError,
        pyogrio.errors.FeatureError,
        pyogrio.errors.FieldError,
        pyogrio.errors.GeometryError,
        pa.ArrowException,
        OSError,
        UnicodeError,
        ValueError,
        RuntimeError,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except RogiError:
            raise
        except failures as error:
            raise InputError(
                f"{shown} could not be read ({one_line(error)}); it may be damaged or in another format: "
                "copy or download it again, or open it in QGIS and save it as a GeoPackage."
            ) from error
        finally:
            for warning in caught:
                text = one_line(warning.message)
                if text and text not in notes:
                    notes.append(text)


@contextmanager
def gdal_options(options: Mapping[str, Any]) -> Iterator[None]:
    """Set configuration options of GDAL for a while."""
    import pyogrio

    before = {name: pyogrio.get_gdal_config_option(name) for name in options}
    pyogrio.set_gdal_config_options(dict(options))
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def one_line(message: object) -> str:
    """A message without line breaks, paths of temporary copies, and advice meant for programmers."""
    text = " ".join(str(message).split())
    text = text.split("; It might help to specify")[0]
    text = text.split(" It might help to specify")[0]
    return _TEMPORARY.sub("", text).rstrip(". ;")
