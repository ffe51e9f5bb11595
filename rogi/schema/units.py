"""Units of columns: their names, how one is told from the name of a column, and conversion between them."""

from __future__ import annotations

import re
from typing import Final

from rogi.errors import InputError

KELVIN: Final = 273.15
_FAHRENHEIT: Final = KELVIN - 32 * 5 / 9
_DAYS: Final = 365.25  # of a mean year

# unit -> dimension, and factor and offset to the unit that the dimension counts in
_UNITS: Final[dict[str, tuple[str, float, float]]] = {
    "km²": ("area", 1e6, 0.0),
    "ha": ("area", 1e4, 0.0),
    "m²": ("area", 1.0, 0.0),
    "acre": ("area", 4046.8564224, 0.0),  # international
    "mi²": ("area", 2589988.110336, 0.0),
    "ft²": ("area", 0.09290304, 0.0),
    "km": ("length", 1e3, 0.0),
    "m": ("length", 1.0, 0.0),
    "dm": ("length", 0.1, 0.0),
    "cm": ("length", 0.01, 0.0),
    "mm": ("length", 0.001, 0.0),
    "ft": ("length", 0.3048, 0.0),
    "in": ("length", 0.0254, 0.0),
    "K": ("temperature", 1.0, 0.0),
    "0.1 K": ("temperature", 0.1, 0.0),
    "°C": ("temperature", 1.0, KELVIN),
    "0.1 °C": ("temperature", 0.1, KELVIN),
    "°F": ("temperature", 5 / 9, _FAHRENHEIT),
    "degree": ("angle", 1.0, 0.0),
    "radian": ("angle", 57.29577951308232, 0.0),
    "gon": ("angle", 0.9, 0.0),
    "mil": ("angle", 0.05625, 0.0),  # 6400 to the circle
    "kWh m⁻²": ("energy", 3.6, 0.0),
    "Wh m⁻²": ("energy", 0.0036, 0.0),
    "MJ m⁻²": ("energy", 1.0, 0.0),
    "kJ m⁻²": ("energy", 1e-3, 0.0),
    "J m⁻²": ("energy", 1e-6, 0.0),
    "W m⁻²": ("energy", 86400 * _DAYS * 1e-6, 0.0),  # mean of a year
}

ASPECT_CODES: Final = ("class-8-from-E", "class-8-from-N", "cardinal")
"""Codings of an aspect that a dialect states as its unit: classes 1 to 8, clockwise, and compass points."""

_SPELLINGS: Final = {
    "km²": "km2 sqkm sqkms kmsq km^2 squarekilometre squarekilometer squarekilometres squarekilometers",
    "ha": "hectare hectares hm2 hm² hm^2 sqhm",
    "m²": "m2 sqm sqmt msq m^2 squaremetre squaremeter squaremetres squaremeters",
    "acre": "acres ac",
    "mi²": "mi2 sqmi sqmile sqmiles",
    "ft²": "ft2 sqft sqfeet",
    "km": "kilometre kilometer kilometres kilometers",
    "m": "masl metre meter metres meters mamsl",
    "dm": "decimetre decimeter decimetres decimeters",
    "cm": "centimetre centimeter centimetres centimeters",
    "mm": "millimetre millimeter millimetres millimeters mma mma1 mmyr mmyr1 mmyear mmyear1 mmperyear",
    "ft": "feet foot",
    "in": "inch inches",
    "K": "k kelvin degk",
    "0.1 K": "decikelvin",
    "°C": "c degc celsius centigrade",
    "0.1 °C": "decidegc",
    "°F": "f degf fahrenheit",
    "degree": "deg degs degrees dd °",
    "radian": "rad rads radians",
    "gon": "gons grads gradian gradians",
    "mil": "mils",
    "%": "pct percent perc prc",
    "kWh m⁻²": "kwh kwhm2",
    "Wh m⁻²": "wh whm2",
    "MJ m⁻²": "mj mjm2",
    "kJ m⁻²": "kj kjm2",
    "J m⁻²": "j jm2",
    "W m⁻²": "w wm2",
}
_NAMES: Final = {
    spelling: unit for unit, text in _SPELLINGS.items() for spelling in (*text.split(), unit.casefold())
}
_SIGNS: Final = str.maketrans("²³¹", "231", "⁻-/^.·*")
# MapMm, areaKm2, ELEV_FT, T[K], slope%
_TOKEN: Final = re.compile(r"[A-Z]?[a-z²°^]+\d?|[A-Z²°]+\d?(?![a-z])|%|\d+")


def standard_unit(text: str | None) -> str | None:
    """The name of a unit as used here, of any spelling; None where it is none of those known.

    Examples
    --------
    >>> standard_unit("sqkm"), standard_unit("hm²"), standard_unit("Kelvin"), standard_unit("furlong")
    ('km²', 'ha', 'K', None)
    >>> standard_unit("kWh m-2"), standard_unit("kWh/m²"), standard_unit("m a.s.l."), standard_unit("mm/yr")
    ('kWh m⁻²', 'kWh m⁻²', 'm', 'mm')
    """
    if text is None:
        return None
    plain = text.strip()
    if plain in _UNITS or plain == "%":
        return plain
    name = "".join(plain.casefold().split())
    return _NAMES.get(name) or _NAMES.get(name.translate(_SIGNS))


def declared_unit(text: str, concept: str, concept_unit: str | None, where: str) -> str:
    """The unit that a dialect states for a column, under its name here.

    Parameters
    ----------
    text
        As the dialect spells it.
    concept, concept_unit
        Name of the concept and its unit.
    where
        The place in the dialect, for the message.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the unit is not known or the concept cannot be in it.

    Examples
    --------
    >>> declared_unit("hectares", "area", "km²", "mine.yaml")
    'ha'
    >>> declared_unit("cardinal", "aspect", "degree", "mine.yaml")
    'cardinal'
    """
    if concept == "aspect" and text in ASPECT_CODES:
        return text
    unit = standard_unit(text)
    if unit is not None and concept_unit is not None and (unit == concept_unit or _fits(unit, concept_unit)):
        return unit
    codes = ASPECT_CODES if concept == "aspect" else ()
    allowed = [name for name in (*_UNITS, "%") if concept_unit is not None and _fits(name, concept_unit)]
    known = f"use {', '.join((*allowed, *codes))}" if allowed else "it has no unit; leave it out"
    raise InputError(f"{where}: {concept} cannot be in the unit {text!r}; {known}.")


def dimension(unit: str | None) -> str | None:
    """What a unit measures (``area``, ``length``, ``temperature``, ``angle``, ``energy``), or None."""
    return _UNITS[unit][0] if unit in _UNITS else None


def unit_in_name(column: str, concept_unit: str | None) -> str | None:
    """The unit that the name of a column ends with, if it measures what the concept does.

    Parameters
    ----------
    column : str
        Name of a column, e.g. ``area_ha``, ``Area_sqm``, ``ELEV_FT``.
    concept_unit : str or None
        Unit of the concept the column carries.

    Returns
    -------
    str or None
        None where the name has one word only, or its last word is no such unit.

    Examples
    --------
    >>> unit_in_name("area_ha", "km²"), unit_in_name("AreaKm2", "km²"), unit_in_name("AREA", "km²")
    ('ha', 'km²', None)
    """
    words = _TOKEN.findall(column)
    if len(words) < 2 or concept_unit is None:
        return None
    for count in (3, 2, 1):  # sq_km, kWh_m2, ha
        if len(words) > count:
            found = _NAMES.get("".join(words[-count:]).casefold()) or (
                "%" if words[-count:] == ["%"] else None
            )
            if found is not None and _fits(found, concept_unit):
                return found
    return None


def _fits(unit: str, concept_unit: str) -> bool:
    if unit == "%":
        return dimension(concept_unit) == "angle"
    return to_concept(unit, concept_unit) is not None


def to_concept(unit: str | None, concept_unit: str | None) -> tuple[float, float] | None:
    """Factor and offset from a column's unit to the concept's.

    Parameters
    ----------
    unit
        Unit of the column; None means the concept's.
    concept_unit
        Unit of the concept.

    Returns
    -------
    tuple of float or None
        ``value of the concept = factor * value + offset``; None where there is no linear way: units of
        another dimension, classes of aspect, percent of slope, or a unit that is not known.

    Examples
    --------
    >>> to_concept("ha", "km²"), to_concept("km²", "m²")
    ((0.01, 0.0), (1000000.0, 0.0))
    >>> to_concept("class-8-from-E", "degree") is None
    True
    """
    if unit is None or unit == concept_unit:
        return 1.0, 0.0
    start, end = _UNITS.get(unit), _UNITS.get(concept_unit or "")
    if start is None or end is None or start[0] != end[0]:
        return None
    return start[1] / end[1], (start[2] - end[2]) / end[1]
