"""Units of area columns: their names, and which one a column is in, told from the outlines' own areas."""

from __future__ import annotations

import numpy as np

from rogi.geometry import Floats

UNITS_PER_KM2 = {"km²": 1.0, "ha": 100.0, "m²": 1e6}
_SPELLINGS = {"km2": "km²", "m2": "m²", "hectare": "ha", "sqkm": "km²", "sqm": "m²"}

# A median ratio farther than this factor from that of a unit is none of that unit.
UNIT_FACTOR = 1.2

MAXIMUM_DECIMALS = 9


def standard_unit(unit: str | None) -> str:
    """One of the units known here; km² where another or none is declared."""
    text = (unit or "").strip()
    text = _SPELLINGS.get(text.casefold(), text)
    return text if text in UNITS_PER_KM2 else "km²"


def guess_unit(values: Floats, km2: Floats) -> str | None:
    """The unit in which the median ratio of values to areas is near 1; None if it is in none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values / km2
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    if not len(ratio):
        return None
    median = float(np.median(ratio))
    for unit, per_km2 in UNITS_PER_KM2.items():
        if 1 / UNIT_FACTOR <= median / per_km2 <= UNIT_FACTOR:
            return unit
    return None


def half_last_decimal(values: Floats) -> float:
    """Half of the last decimal to which all finite values are rounded; 0 if they are not rounded."""
    decimals = decimals_of(values)
    return 0.0 if decimals is None else float(0.5 * 10.0**-decimals)


def decimals_of(values: Floats) -> int | None:
    """The number of decimals all finite values are rounded to; None if they are not (or there are none)."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    for decimals in range(MAXIMUM_DECIMALS + 1):
        scaled = finite * 10.0**decimals
        if (np.abs(scaled - np.rint(scaled)) <= np.maximum(1e-6, np.abs(scaled) * 1e-12)).all():
            return decimals
    return None
