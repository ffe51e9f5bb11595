"""Units of area columns, told from the outlines' own areas."""

from __future__ import annotations

import numpy as np

from rogi.geometry import Floats
from rogi.schema.units import standard_unit, to_concept

AREA_UNITS = ("km²", "ha", "m²", "acre", "mi²", "ft²")
UNITS_PER_KM2 = {unit: 1.0 / to_concept(unit, "km²")[0] for unit in AREA_UNITS}  # type: ignore[index]

# A median ratio farther than this factor from that of a unit is none of that unit. The units told from
# values alone are 100 apart, so half as much again (an area from Web Mercator at 35°) still tells the unit.
UNIT_FACTOR = 1.6
TOLD_UNITS = ("km²", "ha", "m²")
# Acres and the like are used by few: only where values agree this well and no metric unit fits.
CLOSE_FACTOR = 1.05
# How well areas measured on a plane agree with that plane's, and how badly with the ellipsoid's.
PLANE_FACTOR = 1.01

# Values whose median is this many times too large or small in every unit are in none: no mapping errs so.
FOREIGN_FACTOR = 3.0
MINIMUM_FOREIGN = 5  # values needed to say so

MAXIMUM_DECIMALS = 9
FIRST_LOOK = 1024  # values that are looked at before all


def area_unit(unit: str | None) -> str:
    """One of the units known here; km² where another or none is declared."""
    found = standard_unit(unit)
    return found if found in UNITS_PER_KM2 else "km²"


def guess_unit(values: Floats, km2: Floats) -> str | None:
    """The unit in which the median ratio of values to areas is near 1; None if it is in none."""
    median = _median_ratio(values, km2)
    if median is None:
        return None
    for units, factor in ((TOLD_UNITS, UNIT_FACTOR), (AREA_UNITS, CLOSE_FACTOR)):
        for unit in units:
            if 1 / factor <= median / UNITS_PER_KM2[unit] <= factor:
                return unit
    return None


def agrees(values: Floats, measured: Floats, factor: float = PLANE_FACTOR) -> bool:
    """Whether nine of ten values are within a factor of what was measured."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values / measured
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    return len(ratio) > 0 and float(((ratio >= 1 / factor) & (ratio <= factor)).mean()) >= 0.9


def disagrees(values: Floats, km2: Floats) -> bool:
    """Whether values are far from the areas of their outlines in every unit, all by about the same factor."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values / km2
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    if len(ratio) < MINIMUM_FOREIGN:
        return False
    low, median, high = np.quantile(ratio, [0.25, 0.5, 0.75])
    off = [abs(np.log(median / per)) for per in UNITS_PER_KM2.values()]
    return bool(min(off) > np.log(FOREIGN_FACTOR) and high / low < FOREIGN_FACTOR)


def _median_ratio(values: Floats, km2: Floats) -> float | None:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values / km2
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    return float(np.median(ratio)) if len(ratio) else None


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
        if _rounded_to(decimals, finite[:FIRST_LOOK]) and _rounded_to(decimals, finite):
            return decimals
    return None


def _rounded_to(decimals: int, values: Floats) -> bool:
    scaled = values * 10.0**decimals
    return bool((np.abs(scaled - np.rint(scaled)) <= np.maximum(1e-6, np.abs(scaled) * 1e-12)).all())
