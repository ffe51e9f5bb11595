"""Numbers with their nouns and verbs, for sentences."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "outline"), counted(2000, "outline"), counted(2, "geometry", "geometries")
    ('1 outline', '2,000 outlines', '2 geometries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def agreeing(number: int, one: str, many: str) -> str:
    """The form of a word that goes with a number.

    Examples
    --------
    >>> agreeing(1, "has", "have"), agreeing(0, "has", "have")
    ('has', 'have')
    """
    return one if number == 1 else many
