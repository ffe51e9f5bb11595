"""How a column of aspects is coded, and the directions it means."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Objects = NDArray[np.object_]

_POINTS = ("n", "nne", "ne", "ene", "e", "ese", "se", "sse", "s", "ssw", "sw", "wsw", "w", "wnw", "nw", "nnw")
_WORDS = {"north": "n", "south": "s", "east": "e", "west": "w"}
# Direction of each point of the compass, degrees clockwise from north.
COMPASS: Mapping[str, float] = {point: 22.5 * k for k, point in enumerate(_POINTS)}
NO_DIRECTION = frozenset({"flat", "none", "all", "various"})

_COMPASS_SHARE = 0.9  # of the words; the rest are placeholders and mistakes
_LAST_CLASS = 8
# Whole numbers up to 16 are classes too (ArcGIS counts to 10), and up to 36 tens of degrees, if there are so
# many that they cannot all face north.
_CODES = ((_LAST_CLASS, 0), (16, 5), (36, 20))


class Coding(StrEnum):
    """What the numbers or words of an aspect column are."""

    DEGREES = "degrees"
    RADIANS = "radians"
    GON = "gon"
    MILS = "mils"
    SIGNED = "degrees from -180 to 180"
    SIGNED_RADIANS = "radians from -π to π"
    CLASSES = "class codes"  # their start is not known
    CLASSES_FROM_NORTH = "classes from north"
    CLASSES_FROM_EAST = "classes from east"
    COMPASS = "compass points"
    UNKNOWN = "in no known unit"


_BY_UNIT = {
    "class-8-from-N": Coding.CLASSES_FROM_NORTH,
    "class-8-from-E": Coding.CLASSES_FROM_EAST,
    "cardinal": Coding.COMPASS,
    "radian": Coding.RADIANS,
    "gon": Coding.GON,
    "mil": Coding.MILS,
    "degree": Coding.DEGREES,
}
_RADIAN = 180.0 / np.pi
_DEGREES_PER = {
    Coding.RADIANS: _RADIAN,
    Coding.SIGNED_RADIANS: _RADIAN,
    Coding.GON: 0.9,
    Coding.MILS: 0.05625,
    Coding.CLASSES: np.nan,
    Coding.UNKNOWN: np.nan,
}


def declared_coding(unit: str | None) -> Coding:
    """The coding that a unit of a dialect, a schema or a column's name means."""
    return _BY_UNIT.get(unit or "degree", Coding.DEGREES)


def recognised_coding(numbers: Floats, texts: Objects, enough: int, enough_classes: int) -> Coding | None:
    """What the values are by themselves; None where there are too few to tell.

    Parameters
    ----------
    numbers : ndarray, shape (n,)
        Values that are numbers and no codes for missing ones; NaN elsewhere.
    texts : ndarray of str or None, shape (n,)
    enough, enough_classes : int
        Values needed, and those needed to take whole numbers from 0 to 8 for classes; more for larger ones.
    """
    known = numbers[np.isfinite(numbers) & ~_flat(numbers)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (np.nan, np.nan)
    whole = low >= 0 and bool((known == np.rint(known)).all())
    if whole and any(high <= last and len(known) >= max(enough_classes, n) for last, n in _CODES):
        return Coding.CLASSES
    if len(known) >= enough:
        if low >= -1 and high <= 1:
            return Coding.UNKNOWN  # turns, sines or cosines
        if low >= 0 and high <= 2 * np.pi:
            return Coding.RADIANS
        if low < 0 and max(-low, high) <= np.pi:
            return Coding.SIGNED_RADIANS
        if -180 <= low < 0 and high <= 180 and float((known < 0).mean()) > 0.1:
            return Coding.SIGNED
        if low >= 0 and 360 < high <= 400 and _several(known > 360):
            return Coding.GON
        if low >= 0 and 3600 < high <= 6400:
            return Coding.MILS
        return Coding.DEGREES if float((known <= 360).mean()) >= 0.5 else Coding.UNKNOWN
    words = [text for text in texts if text is not None]
    points = sum(_point(word) is not None for word in words)
    return Coding.COMPASS if len(words) >= enough and points >= _COMPASS_SHARE * len(words) else None


def degrees(coding: Coding, numbers: Floats, texts: Objects) -> Floats:
    """(n,) directions in degrees clockwise from north, NaN if missing or it is not known.

    Of a class or point of the compass it is the middle.

    Examples
    --------
    >>> degrees(Coding.COMPASS, np.full(3, np.nan), np.array(["NE", "west", "flat"], dtype=object))
    array([ 45., 270.,  nan])
    """
    if coding is Coding.COMPASS:
        table = {word: _direction(word) for word in set(texts) if word is not None}
        return np.array([table.get(word, np.nan) for word in texts], dtype=np.float64)
    if coding in (Coding.CLASSES_FROM_NORTH, Coding.CLASSES_FROM_EAST):
        start = 0.0 if coding is Coding.CLASSES_FROM_NORTH else 90.0
        with np.errstate(invalid="ignore"):
            known = (numbers >= 1) & (numbers <= _LAST_CLASS) & (numbers == np.rint(numbers))
        return np.where(known, (start + 45.0 * (numbers - 1.0)) % 360.0, np.nan)
    found = numbers * _DEGREES_PER.get(coding, 1.0)
    if coding in (Coding.SIGNED, Coding.SIGNED_RADIANS):
        return np.where((found < 0) & ~_flat(numbers), found + 360.0, found)
    return found


def from_degrees(directions: Floats, unit: str | None) -> Objects | None:
    """(n,) classes or points of the compass of directions; None where a unit is no class.

    Examples
    --------
    >>> from_degrees(np.array([350.0, 44.0, np.nan]), "cardinal")
    array(['N', 'NE', None], dtype=object)
    """
    coding = declared_coding(unit)
    if not is_class(coding):
        return None
    start = 90.0 if coding is Coding.CLASSES_FROM_EAST else 0.0
    out = np.full(len(directions), None, dtype=object)
    known = np.isfinite(directions)
    sector = (np.floor((directions[known] - start + 22.5) / 45.0) % 8).astype(np.int64)
    names = np.array(_POINTS[::2], dtype=object)
    out[known] = [names[k].upper() for k in sector] if coding is Coding.COMPASS else (sector + 1).tolist()
    return out


def is_class(coding: Coding) -> bool:
    """Whether a value stands for a sector, not for a direction."""
    return coding in (Coding.COMPASS, Coding.CLASSES, Coding.CLASSES_FROM_NORTH, Coding.CLASSES_FROM_EAST)


def _flat(numbers: Floats) -> NDArray[np.bool_]:
    """(n,) which numbers are -1 for flat ground: no other is negative, or too many are exactly that."""
    flat = numbers == -1
    only = not (numbers[~flat] < 0).any()
    return np.asarray(flat & (only or _several(flat[np.isfinite(numbers)])))


def _several(found: NDArray[np.bool_]) -> bool:
    return int(found.sum()) > max(1, 0.02 * len(found))


def _point(word: str) -> str | None:
    """The point of the compass, or ``flat``, that a word names."""
    plain = "".join(filter(str.isalpha, word.casefold()))
    for long, short in _WORDS.items():
        plain = plain.replace(long, short)
    return plain if plain in COMPASS or plain in NO_DIRECTION else None


def _direction(word: str) -> float:
    return COMPASS.get(_point(word) or "", float("nan"))
