"""Units of climate data as files spell them, and how to get from them to °C and to mm a year."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rogi.errors import InputError

DAY = 86400.0
YEAR_DAYS = 365.2425
"""Mean length of a year of the Gregorian calendar, for rates of data without a time axis."""


class Quantity(StrEnum):
    """What a climate field is."""

    TEMPERATURE = "temperature"
    """A mean over the period, °C."""

    PRECIPITATION = "precipitation"
    """The mean annual sum, mm (kg m-2 of water)."""


class Per(StrEnum):
    """What an amount of precipitation refers to."""

    SECOND = "second"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    STEP = "step"
    """The unit names no time: the amount is that of the data's own time step."""


SECONDS = {Per.SECOND: 1.0, Per.HOUR: 3600.0, Per.DAY: DAY}

LENGTHS = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "kg m-2": 1.0, "l m-2": 1.0}
"""Millimetres of water in an amount."""

TIMES = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), Per.SECOND),
    **dict.fromkeys(("h", "hr", "hour", "hours"), Per.HOUR),
    **dict.fromkeys(("d", "day", "days"), Per.DAY),
    **dict.fromkeys(("mon", "month", "months"), Per.MONTH),
    **dict.fromkeys(("a", "yr", "year", "years", "annum"), Per.YEAR),
}

TEMPERATURES = {
    "k": (1.0, -273.15),
    "kelvin": (1.0, -273.15),
    "kelvins": (1.0, -273.15),
    "c": (1.0, 0.0),
    "celsius": (1.0, 0.0),
    "f": (5.0 / 9.0, -160.0 / 9.0),
    "fahrenheit": (5.0 / 9.0, -160.0 / 9.0),
}
"""Factor and offset to °C, by the unit without "degrees"."""


@dataclass(frozen=True)
class Conversion:
    """From a file's numbers to °C, or to mm per `per`: value x factor + offset."""

    factor: float
    offset: float = 0.0
    per: Per = Per.STEP


def parse_unit(text: str, quantity: Quantity, where: str) -> Conversion:
    """Read a unit.

    Parameters
    ----------
    text : str
        As CF files spell it: ``K``, ``degC``; ``mm``, ``mm/h``, ``mm hr-1``, ``kg m-2 s-1``, ``m/day``,
        ``m of water equivalent per day`` and the like.
    quantity : Quantity
    where : str
        File and variable, for the message.

    Raises
    ------
    InputError
        The unit is missing or not one of `quantity`.

    Examples
    --------
    >>> parse_unit("mm hr-1", Quantity.PRECIPITATION, "rain.nc")
    Conversion(factor=1.0, offset=0.0, per=<Per.HOUR: 'hour'>)
    """
    allowed = {
        Quantity.TEMPERATURE: "K, degC",
        Quantity.PRECIPITATION: "mm, kg m-2, m/day, mm/h, mm/month, mm/year, kg m-2 s-1",
    }[quantity]
    clean = _normalised(text)
    if not clean:
        raise InputError(f"{where} names no unit; say which it is ({allowed}).")
    if quantity is Quantity.TEMPERATURE:
        found = TEMPERATURES.get(re.sub(r"^(degrees?|deg|°)[ _]?", "", clean))
        if found:
            return Conversion(*found)
    else:
        match = re.fullmatch(
            r"(mm|cm|m|in|kg m-2|l m-2)(?: of)?(?: water)?(?: equivalent)?(?: (?:/ )?([a-z]+)(?:-1)?)?", clean
        )
        if match and (match[2] is None or match[2] in TIMES):
            return Conversion(LENGTHS[match[1]], 0.0, TIMES[match[2]] if match[2] else Per.STEP)
    raise InputError(
        f"{where} is in {text!r}, which is no unit of {quantity.value} known here; units are {allowed}: "
        "say which it is."
    )


def _normalised(text: str) -> str:
    """A unit in lower case, exponents as ``m-2``, one blank between parts."""
    clean = text.strip().casefold().replace("−", "-").replace("⁻", "-").replace("²", "2").replace("¹", "1")
    clean = clean.replace("**", "").replace("^", "").replace("inches", "in").replace("inch", "in")
    clean = re.sub(r"\bper\b|/", " / ", clean)
    clean = re.sub(r"kg ?/ ?m2", "kg m-2", clean)
    clean = re.sub(r"kg m- ?2", "kg m-2", clean)
    return re.sub(r"\s+", " ", clean.replace("[", "").replace("]", "")).strip()
