"""Formats of inventories that other packages write: entry points ``rogi.formats``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rogi.errors import OutputError, RogiError
from rogi.extensions import Extension, loaded
from rogi.files import replacing

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory


@dataclass(frozen=True)
class OutputFormat:
    """A format that an inventory can be written in.

    Attributes
    ----------
    suffix : str
        Of its files in small letters, with the dot: ``.txt``.
    write : callable
        Writes an inventory to a path, as one file. The path is a place of its own, which becomes the file
        asked for when all went well.
    """

    suffix: str
    write: Callable[[Inventory, Path], None]


@cache
def foreign_formats(taken: tuple[str, ...]) -> Mapping[str, tuple[Extension, OutputFormat]]:
    """Formats of other packages by name; `taken` are names and suffixes that rogi has itself."""
    suffixes: set[str] = set(taken)

    def check(extension: Extension, thing: Any) -> None:
        if not isinstance(thing, OutputFormat):
            raise ValueError(f"{extension.value} is no rogi.inventory.writing.foreign.OutputFormat")
        if not thing.suffix.startswith(".") or thing.suffix != thing.suffix.casefold():
            raise ValueError(f"the suffix {thing.suffix!r} should be a dot and small letters")
        if extension.name in taken or thing.suffix in suffixes:
            raise ValueError(f"the format {extension.name}, or its suffix {thing.suffix}, is taken")
        suffixes.add(thing.suffix)

    return MappingProxyType(loaded("rogi.formats", check))


def write_foreign(inventory: Inventory, path: Path, extension: Extension, format: OutputFormat) -> None:
    """Write an inventory, whole or not at all.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    try:
        with replacing(path) as temporary:
            format.write(inventory, temporary)
    except RogiError:
        raise
    except Exception as error:  # of a foreign module
        raise OutputError(
            f"{path} cannot be written: the format {extension.name} of {extension.origin} broke down: "
            f"{type(error).__name__}: {error}."
        ) from error
