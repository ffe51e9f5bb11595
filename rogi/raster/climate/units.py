"""Units of climate data as files spell them, and how to get from them to °C and to mm a year."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum

from rogi.errors import InputError

DAY = 86400.0
YEAR_DAYS = 365.2425
"""Mean length of a year of the Gregorian calendar, for rates of data without a time axis."""

ALLOWED = {
    "temperature": "K, degC, 0.1 K, 0.1 degC, degF",
    "precipitation": "mm, kg m-2, m/day, mm/h, mm/day, mm/month, mm/year, kg m-2 s-1, 0.1 mm",
}


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

LENGTHS = {
    **dict.fromkeys(("mm", "millimetre", "millimetres", "millimeter", "millimeters"), 1.0),
    **dict.fromkeys(("cm", "centimetre", "centimetres", "centimeter", "centimeters"), 10.0),
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1000.0),
    **dict.fromkeys(("in", "inch", "inches"), 25.4),
}
"""Millimetres of a length."""

MASSES = {
    **dict.fromkeys(("kg", "kilogram", "kilograms"), 1.0),
    **dict.fromkeys(("g", "gram", "grams"), 1e-3),
    **dict.fromkeys(("l", "litre", "litres", "liter", "liters"), 1.0),
}
"""Millimetres of water that a mass or volume on a square metre makes."""

TIMES = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), Per.SECOND),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), Per.HOUR),
    **dict.fromkeys(("d", "dy", "day", "days"), Per.DAY),
    **dict.fromkeys(("mo", "mon", "mth", "month", "months"), Per.MONTH),
    **dict.fromkeys(("a", "y", "yr", "yrs", "year", "years", "annum"), Per.YEAR),
}

TEMPERATURES = {
    **dict.fromkeys(("k", "kelvin", "kelvins"), (1.0, -273.15)),
    **dict.fromkeys(("c", "celsius", "celcius", "centigrade"), (1.0, 0.0)),
    **dict.fromkeys(("f", "fahrenheit"), (5.0 / 9.0, -160.0 / 9.0)),
}
"""Factor and offset to °C, by the unit without "degrees"."""

SIGNS = {"º": "°", "˚": "°", "Â°": "°", "\ufffd": "°", "·": " ", "⋅": " ", "×": "*", "−": "-"}
"""Signs written for others: ordinals and rings for degrees, and ° read in the wrong encoding."""

TEMPERATURE = re.compile(
    rf"(?:degrees?|degs?|°|o(?= ?c$))?[ _.]*({'|'.join(sorted(TEMPERATURES, key=len, reverse=True))})"
    r"(?:[ _]degrees?)?"
)
LEADING = re.compile(r"(\d*\.?\d+(?:e[+-]?\d+)?)(?: ?/ ?(\d+))? ?\*? ?(?=[^\d\s.])")
TRAILING = re.compile(r"[ (]*[*/x] ?(\d*\.?\d+)\)?$")
FRACTIONS = {"tenths? ": 0.1, "hundredths? ": 0.01}
WORDS = re.compile(r"\b(?:of|liquid|water|equivalent|equiv|we|h2o|rain|rainfall|precipitation)\b|w\.e\.")
TOKEN = re.compile(
    r"(?P<slash>/ ?\(?)|(?P<number>\d+)|(?P<name>[a-z]+)(?:\*\*|\^)?(?P<power>[+-]?\d+)?"
    r"|(?P<close>\))|[\s.*(]"
)


@dataclass(frozen=True)
class Conversion:
    """From a file's numbers to °C, or to mm per `per`: value x factor + offset."""

    factor: float
    offset: float = 0.0
    per: Per = Per.STEP

    def per_step(self, days: float) -> float:
        """Factor from a file's numbers to mm in a step of so many days: a year, a month, or a part of one."""
        if self.per is Per.STEP or (self.per is Per.YEAR and days > 300):
            return self.factor
        if self.per is Per.MONTH:
            return self.factor * (12.0 if days > 300 else 1.0 if days > 27 else days / (YEAR_DAYS / 12))
        if self.per is Per.YEAR:
            return self.factor * days / YEAR_DAYS
        return self.factor * (days * DAY / SECONDS[self.per])


def parse_unit(text: str, quantity: Quantity, where: str, option: str = "") -> Conversion:
    """Read a unit.

    Parameters
    ----------
    text : str
        As files spell it: ``K``, ``degC``, ``℃``, ``0.1 K``, ``K*10``; ``mm``, ``Millimetres``, ``mm/h``,
        ``mm/3h``, ``kg.m-2.s-1``, ``m of water equivalent per day`` and the like.
    quantity : Quantity
    where : str
        File and variable, for the message.
    option : str
        How to name the unit, for the message.

    Raises
    ------
    InputError
        The unit is missing or not one of `quantity`.

    Examples
    --------
    >>> parse_unit("mm hr-1", Quantity.PRECIPITATION, "rain.nc")
    Conversion(factor=1.0, offset=0.0, per=<Per.HOUR: 'hour'>)
    >>> parse_unit("°C x 10", Quantity.TEMPERATURE, "tmean.nc").factor
    0.1
    """
    remedy = f"name it with {option or 'the unit'}, one of {ALLOWED[quantity.value]}."
    clean = _normalised(text)
    if not clean:
        raise InputError(f"{where} has no unit; {remedy}")
    scale, base = _multiple(clean)
    found: Conversion | None
    if quantity is Quantity.TEMPERATURE:
        match = TEMPERATURE.fullmatch(base)
        found = Conversion(*TEMPERATURES[match[1]]) if match else None
    else:
        found = _amount(base)
    if found is None:
        raise InputError(
            f"{where} has the unit {text!r}, which is no known unit of {quantity.value}; {remedy}"
        )
    return found if scale == 1 else replace(found, factor=found.factor * scale)


def refuse_twice(unit: str, scale: float, where: str, option: str) -> None:
    """Refuse a file whose scale factor and unit may be the same factor, named twice.

    Raises
    ------
    InputError
        Whether the numbers have to be multiplied once or twice is not known.
    """
    factor, base = _multiple(_normalised(unit))
    if factor != 1 and abs(factor - scale) < 1e-6 * factor:
        raise InputError(
            f"{where} has the scale factor {scale:g} and the unit {unit!r}, so whether its numbers are to be "
            f"multiplied once or twice is not known; name the unit after scaling with {option}: {base!r} for "
            f"once, {unit!r} for twice."
        )


def _normalised(text: str) -> str:
    """A unit in lower case, in plain letters, with one blank between parts."""
    text = text.replace("\udcb0", "°")  # a degree sign of Latin-1, as netCDF4 reads it
    for sign, plain in SIGNS.items():
        text = text.replace(sign, plain)
    text = unicodedata.normalize("NFKC", text).replace("−", "-").casefold()
    text = re.sub(r"\bper\b", "/", text.replace("[", "").replace("]", ""))
    text = re.sub(r"\bsquare (?:metres?|meters?)\b", "m2", text).replace("_per_", "/")
    return re.sub(r"\s+", " ", text).strip()


def _multiple(text: str) -> tuple[float, str]:
    """A factor and the unit that it multiplies: ``0.1 k``, ``1/10 k``, ``k/10`` and ``k*10`` are tenths."""
    for word, share in FRACTIONS.items():
        if match := re.match(rf"{word}(?:of )?(?:an? )?", text):
            return share, text[match.end() :]
    if text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        text = text[1:-1].strip()
    scale = 1.0
    if match := LEADING.match(text):
        scale, text = float(match[1]) / float(match[2] or 1), text[match.end() :]
    elif match := TRAILING.search(text):
        number = float(match[1])
        # "K*10" says how the numbers were made, by which 1 K is 10: rasters of integers are described so.
        scale, text = 1.0 / number if number > 1 else number, text[: match.start()]
    return scale, text.strip()


def _amount(text: str) -> Conversion | None:
    """Millimetres of water per time."""
    lengths: list[tuple[float, int]] = []
    masses: list[float] = []
    times: list[tuple[Per, int]] = []
    sign, group, number = 1, False, 1
    text = WORDS.sub(" ", text)
    end = 0
    while end < len(text):
        match = TOKEN.match(text, end)
        if match is None:
            return None
        end = match.end()
        name = match["name"]
        if match["slash"]:
            sign, group = -1, match["slash"].endswith("(")
        elif match["close"]:
            sign, group = 1, False
        elif match["number"]:
            number = int(match["number"])
        elif name:
            power = sign * int(match["power"] or 1)
            if not group:
                sign = 1
            if name in TIMES and power == -1:
                times.append((TIMES[name], number))
                number = 1
            elif name in LENGTHS:
                lengths.append((LENGTHS[name], power))
            elif name in MASSES and power == 1:
                masses.append(MASSES[name])
            else:
                return None
    if len(times) > 1 or number != 1 or 0 in (count for _, count in times):
        return None
    if masses:
        factor = masses[0] if lengths == [(1000.0, -2)] and len(masses) == 1 else None
    else:
        factor = lengths[0][0] if len(lengths) == 1 and lengths[0][1] == 1 else None
    if factor is None:
        return None
    per, count = times[0] if times else (Per.STEP, 1)
    return Conversion(factor / count, 0.0, per)
