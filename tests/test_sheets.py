"""Tables for spreadsheets: what others wrote is never a formula, and all else is as it was."""

from __future__ import annotations

import csv
import doctest
import io

import pytest

import rogi.text
from rogi.text import sheet_text


def first_cell(value: object) -> str:
    """A value as a program reads it from the table."""
    return next(csv.DictReader(io.StringIO(sheet_text(["a"], [[value]]), newline="")))["a"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "- see photo", "@SUM(A1)", "\t=1", '=HYPERLINK("x","y")', "＝1+1", "-"]
)
def test_formulas_are_text(text: str) -> None:
    """An apostrophe before it, which spreadsheets take for the mark of text."""
    assert first_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["scree", "a=b", "a, b", 'say "no"', "-3.5", "+1e3", -3.5, 7, "RGU375000N0740600E", "", "'=1"]
)
def test_all_else_stays(value: object) -> None:
    """Numbers, also where they are texts, and texts that are no formula."""
    assert first_cell(value) == str(value)


def test_null_and_examples() -> None:
    """Null is empty; the examples of the module hold."""
    assert sheet_text(["a", "b"], [[None, float("nan")]]) == "a,b\n,\n"
    assert doctest.testmod(rogi.text).failed == 0
