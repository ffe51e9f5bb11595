"""Readings of one primary ID that is not in the 18-character form: all that its digits can mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

UNITS_PER_DEGREE = 10_000  # four decimals
LATITUDE_DIGITS, LONGITUDE_DIGITS = 6, 7
_MAX_LATITUDE, _MAX_LONGITUDE = 900_000, 1_800_000  # units
_DECIMALS = 4
_OTHER_DECIMALS = (2, 3, 5, 6)
_SEPARATORS = re.compile(r"[\s_:;/°'\-\u2010-\u2015]+")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_LOOSE = re.compile(r"(RG[US])(\d+(?:\.\d*)?)([NSEW])(\d+(?:\.\d*)?)([NSEW])", re.ASCII)
_MAX_TEXT = 64  # characters; nothing longer is an ID


class IdForm(StrEnum):
    """How an ID is written. Of several faults the one that comes last here is named."""

    CANONICAL = "canonical"
    LOWER_CASE = "lower_case"
    SEPARATED = "separated"  # blanks, separators or a decimal point
    EXTRA_ZEROS = "extra_zeros"
    SWISS17 = "swiss17"  # six digits of longitude
    DECIMALS = "other_decimals"  # not four, but as many in both numbers
    LOST_ZEROS = "lost_zeros"
    SWAPPED = "swapped"  # longitude first
    UNPARSABLE = "unparsable"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Reading:
    """One meaning of a text.

    Attributes
    ----------
    latitude, longitude
        Degrees, north and east positive.
    canonical
        The 18-character form.
    precision
        Units of 1e-4 degree in the last digit.
    """

    form: IdForm
    prefix: str
    canonical: str
    latitude: float
    longitude: float
    precision: float = 1.0


# Units, form, precision of one number.
_Number = tuple[int, IdForm, float]


def read_loosely(text: str) -> tuple[Reading, ...]:
    """All readings of a text, the likeliest first; none if it is no ID.

    Examples
    --------
    >>> [reading.canonical for reading in read_loosely("RGU46181N0100000E")]
    ['RGU461810N0100000E', 'RGU046181N0100000E']
    """
    if len(text) > _MAX_TEXT:
        return ()
    upper = text.upper()
    clean = _SEPARATORS.sub("", _DECIMAL_COMMA.sub(".", upper)).replace(",", "")
    match = _LOOSE.fullmatch(clean)
    if match is None:
        return ()
    prefix, first, first_letter, second, second_letter = match.groups()
    swapped = first_letter in "EW"
    if swapped == (second_letter in "EW"):
        return ()
    if swapped:
        first, first_letter, second, second_letter = second, second_letter, first, first_letter
    other = [IdForm.SWAPPED] if swapped else []
    if clean != upper or "." in upper:
        other.append(IdForm.SEPARATED)
    if text != upper:
        other.append(IdForm.LOWER_CASE)
    out: dict[tuple[int, int], Reading] = {}
    for (lat, lat_form, lat_precision), (lon, lon_form, lon_precision) in _pairs(first, second):
        form = max([lat_form, lon_form, *other], key=list(IdForm).index)
        if form is IdForm.CANONICAL:  # cannot be: such texts are read in bulk
            return ()
        canonical = f"{prefix}{lat:06d}{first_letter}{lon:07d}{second_letter}"
        latitude = lat / UNITS_PER_DEGREE * (-1 if first_letter == "S" else 1)
        longitude = lon / UNITS_PER_DEGREE * (-1 if second_letter == "W" else 1)
        precision = max(lat_precision, lon_precision)
        out.setdefault((lat, lon), Reading(form, prefix, canonical, latitude, longitude, precision))
    return tuple(out.values())


def _pairs(latitude: str, longitude: str) -> list[tuple[_Number, _Number]]:
    """Readings of both numbers together, the likeliest first."""
    pairs: list[tuple[_Number, _Number]] = []
    for decimals in _OTHER_DECIMALS:
        if (
            len(latitude) == 2 + decimals
            and len(longitude) == 3 + decimals
            and "." not in latitude + longitude
        ):
            scale = 10.0 ** (_DECIMALS - decimals)
            lat, lon = round(int(latitude) * scale), round(int(longitude) * scale)
            if lat <= _MAX_LATITUDE and lon <= _MAX_LONGITUDE:
                number = (IdForm.DECIMALS, max(scale, 1.0))
                pairs.append(((lat, *number), (lon, *number)))
    if pairs and len(latitude) > LATITUDE_DIGITS and int(latitude[:-LATITUDE_DIGITS]):
        return pairs  # too many digits to mean anything else
    return pairs + [(a, b) for a in _latitudes(latitude) for b in _longitudes(longitude)]


def _latitudes(digits: str) -> list[_Number]:
    if "." in digits:
        return _decimal(digits, LATITUDE_DIGITS)
    if len(digits) == LATITUDE_DIGITS:
        return [(int(digits), IdForm.CANONICAL, 1.0)]
    if len(digits) > LATITUDE_DIGITS:
        return _padded(digits, LATITUDE_DIGITS)
    readings = _lost(digits, _MAX_LATITUDE)
    at_end = int(digits.ljust(LATITUDE_DIGITS, "0"))  # two digits of degrees
    return [(value, IdForm.LOST_ZEROS, 1.0) for value in sorted(readings, key=lambda value: value != at_end)]


def _longitudes(digits: str) -> list[_Number]:
    if "." in digits:
        return _decimal(digits, LONGITUDE_DIGITS)
    if len(digits) == LONGITUDE_DIGITS:
        return [(int(digits), IdForm.CANONICAL, 1.0)]
    if len(digits) == LONGITUDE_DIGITS - 1:
        return [(int(digits), IdForm.SWISS17, 1.0)]
    if len(digits) > LONGITUDE_DIGITS:
        return _padded(digits, LONGITUDE_DIGITS)
    return [(value, IdForm.LOST_ZEROS, 1.0) for value in _lost(digits, _MAX_LONGITUDE)]


def _lost(digits: str, maximum: int) -> list[int]:
    """All values within range, by the number of zeros lost at the end: none first."""
    value = int(digits)
    if value == 0:
        return [0]
    return [value * 10**lost for lost in range(LONGITUDE_DIGITS) if value * 10**lost <= maximum] or [value]


def _padded(digits: str, length: int) -> list[_Number]:
    return [] if int(digits[:-length]) else [(int(digits), IdForm.EXTRA_ZEROS, 1.0)]


def _decimal(digits: str, length: int) -> list[_Number]:
    units = round(float(digits) * UNITS_PER_DEGREE)
    return [(units, IdForm.SEPARATED, 1.0)] if units < 10**length else []
