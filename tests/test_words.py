"""Numbers with their nouns."""

from __future__ import annotations

import doctest

import pytest

import rogi.text
from rogi.text import agreeing, counted


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 units are"), (1, "1 unit is"), (2, "2 units are"), (44_273, "44,273 units are")],
)
def test_number_noun_and_verb(number: int, text: str) -> None:
    """One of a thing has the singular, nothing and many the plural."""
    assert f"{counted(number, 'unit')} {agreeing(number, 'is', 'are')}" == text


def test_examples() -> None:
    """The examples of the module hold."""
    assert doctest.testmod(rogi.text).failed == 0
