"""Marks in the folder of a release for what is still to be filled in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from rogi.errors import InputError

CHANGELOG: Final = "CHANGELOG.md"
_MARK: Final = re.compile(r"<FILL IN\b", re.IGNORECASE)
_KEY: Final = re.compile(r"([a-z_]+):")


class UnfinishedError(InputError):
    """A release in which something is still to be filled in."""


def mark(what: str) -> str:
    """The mark that stands where something is to be filled in.

    Examples
    --------
    >>> mark("such as 2026-06-15")
    '<FILL IN: such as 2026-06-15>'
    """
    return f"<FILL IN: {what}>"


def marks_in(file: Path) -> dict[str, list[str]]:
    """Places of the marks in ``release.yaml`` (``file``) and the changelog beside it, by the file's name."""
    found: dict[str, list[str]] = {}
    for path in (file, file.with_name(CHANGELOG)):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):  # said by who reads it for its content
            continue
        key = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if path is file:
                if line.lstrip().startswith("#"):
                    continue
                key = f" ({start[1]})" if (start := _KEY.match(line)) else key
            if _MARK.search(line):
                found.setdefault(path.name, []).append(f"line {number}{key}")
    return found


def refuse_marks(file: Path) -> None:
    """Refuse a release in which something is still to be filled in.

    Raises
    ------
    UnfinishedError
        The message names each place.
    """
    if found := marks_in(file):
        places = "; ".join(f"{name} {', '.join(lines)}" for name, lines in found.items())
        raise UnfinishedError(
            f"{file.parent} is not filled in yet: {places}. Replace each mark <FILL IN: ...>, or remove the "
            "key if it is optional."
        )
