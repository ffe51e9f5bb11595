"""Where a report goes, and what the ending of a file's name says of its format."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO, TypeVar

from rogi.errors import OptionError
from rogi.files import write_text

F = TypeVar("F")


def by_ending(path: Path, formats: Mapping[str, F], hint: str = "") -> F:
    """The format a file's name stands for.

    Parameters
    ----------
    path
        A file, there or not.
    formats
        Ending in small letters, with its point -> format.
    hint
        What else can be done, for the message.

    Raises
    ------
    OptionError
        If its ending is not known.
    """
    found = formats.get(path.suffix.lower())
    if found is None:
        known = f"{path}: the ending tells no format; use one of {', '.join(formats)}"
        raise OptionError(f"{known}{hint}.")
    return found


def put(text: str, target: Path | TextIO | None = None) -> None:
    """Write a text to a file, whole or not at all, or to a stream; None is stdout.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if isinstance(target, Path):
        write_text(target, text)
    else:
        (target or sys.stdout).write(text)
