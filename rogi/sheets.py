"""CSV tables that people open in a spreadsheet, and that rogi does not read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Beginnings of a text that spreadsheets take for a formula (OWASP, CSV Injection)."""


def cell(value: Any) -> Any:
    """A value as it is safe in a spreadsheet: a text that would be a formula gets an apostrophe before it.

    Texts that are numbers stay, null becomes empty.

    Examples
    --------
    >>> cell("=1+1"), cell("-3.5"), cell("- see photo"), cell(-3.5), cell(None)
    ("'=1+1", '-3.5', "'- see photo", -3.5, '')
    """
    if value is None or value != value:
        return ""
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def sheet_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table for people as CSV, with a header; see :func:`cell`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[cell(value) for value in row] for row in rows])
    return out.getvalue()
