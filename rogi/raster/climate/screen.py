"""Climate values that cannot be: undeclared fill values, and fields in another unit than they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.raster.climate.options import Request
from rogi.raster.climate.units import YEAR_DAYS, Conversion, Quantity, parse_unit
from rogi.schema.load import concepts

COLDEST, WARMEST = -98.6, 70.0
"""°C, of a day or an hour anywhere: the least surface temperature seen from space (Scambos et al. 2018,
doi:10.1029/2018GL078133), and what deserts stay below."""

WETTEST = ((300.0, 75.0), (27.0, 320.0), (0.9, 2000.0), (0.0, 10000.0))
"""Least length of a step (days), and mm a day that are too much: above the records of a year
(26,470 mm), a month (9,300 mm), a day (1,825 mm) and an hour (305 mm) in the World Meteorological
Organization's archive."""

NEGATIVE = -0.5
"""mm a day: packed data go a little below zero."""

FILLS = frozenset(
    (-1.0, -9.0, -99.0, -99.9, -99.99, -999.0, -999.9, -9999.0, -9999.9, -99999.0, -32767.0, -32768.0,
     999.0, 9999.0, 32767.0, 65535.0, 99999.0)
)  # fmt: skip
HUGE = 1e6
"""Magnitude from which on a number is a fill value in any unit: 1e20, 9.96921e36, -3.4e38."""

SHARE = 0.05
"""Share of values that cannot be, from which on the unit is doubted, not the values."""

CONSTANTS = 3
"""Different values that cannot be, up to which they are taken for fill values."""

KEPT = 50
"""Different values that cannot be that are remembered."""

DRY = 30.0
"""mm a year: less everywhere is told, though the driest deserts have it."""

LIKELY = {Quantity.TEMPERATURE: (-65.0, 45.0), Quantity.PRECIPITATION: (100.0, 8000.0)}
"""°C of all cells, and mm a year on average, that make a unit likely."""

UNITS = {
    Quantity.TEMPERATURE: ("degC", "K", "0.1 K", "0.1 degC", "0.01 K", "0.01 degC", "degF"),
    Quantity.PRECIPITATION: (
        "mm/month", "mm/day", "mm/year", "m/day", "m/month", "kg m-2 s-1", "m/year", "0.1 mm/month", "mm/h",
    ),
}  # fmt: skip
"""What numbers may be in, the usual first."""


def limits(quantity: Quantity, days: float) -> tuple[float, float]:
    """Least and greatest value of a step of so many days that can be: °C, or mm a day."""
    if quantity is Quantity.TEMPERATURE:
        return COLDEST, WARMEST
    return NEGATIVE, next(most for least, most in WETTEST if days > least)


def annual_limits(quantity: Quantity) -> tuple[float, float]:
    """Least and greatest annual value by the schema: °C, or mm."""
    concept = concepts()["air_temperature" if quantity is Quantity.TEMPERATURE else "precipitation"]
    assert concept.minimum is not None and concept.maximum is not None
    return concept.minimum, concept.maximum


def annual_values(total: NDArray[np.float64], quantity: Quantity) -> NDArray[np.float64]:
    """Annual values, NaN where they cannot be; rounding noise below no rain is no rain."""
    low, high = annual_limits(quantity)
    if quantity is Quantity.PRECIPITATION:
        total[(total < 0) & (total > -1.0)] = 0.0
    with np.errstate(invalid="ignore"):
        total[(total < low) | (total > high)] = np.nan
    return total


class Screen:
    """Takes out what cannot be, step by step, and says at the end what it was.

    Parameters
    ----------
    request : Request
    where : str
        Variable and file, for messages.
    unit : str
        Unit of the file.
    """

    def __init__(self, request: Request, where: str, unit: str) -> None:
        self.request, self.where, self.unit = request, where, unit
        self.good = self.bad = 0
        self.low, self.high, self.sum = np.inf, -np.inf, 0.0
        self.constants: dict[float, int] = {}
        self.yearly = 0.0  # mm a year that a mean of 1 makes in the unit of the file

    def clean(self, raw: NDArray[np.float64], conversion: Conversion, days: float) -> NDArray[np.float64]:
        """Values of a step in °C, or in mm; NaN where they cannot be.

        Parameters
        ----------
        raw : ndarray of float64
            In the file's unit.
        conversion : Conversion
        days : float
            Length of the step.
        """
        low, high = limits(self.request.quantity, days)
        if self.request.quantity is Quantity.TEMPERATURE:
            values = raw * conversion.factor + conversion.offset
        else:
            values = raw * conversion.per_step(days)
            low, high = low * days, high * days
            self.yearly = conversion.per_step(days) * YEAR_DAYS / days
        wrong = (values < low) | (values > high) | (np.abs(raw) >= HUGE)
        if self.request.quantity is Quantity.PRECIPITATION and (raw <= -1).any():
            wrong |= np.isin(raw, list(FILLS)) & (raw < 0)  # -1 mm is within the noise of packing otherwise
        values[wrong] = np.nan
        self._count(raw[wrong], raw[np.isfinite(values)])
        return values

    def _count(self, wrong: NDArray[np.float64], right: NDArray[np.float64]) -> None:
        self.bad += wrong.size
        self.good += right.size
        if right.size:
            self.low, self.high = min(self.low, float(right.min())), max(self.high, float(right.max()))
            self.sum += float(right.sum())
        for value, count in zip(
            *(part.tolist() for part in np.unique(wrong, return_counts=True)), strict=True
        ):
            if value in self.constants or len(self.constants) < KEPT:
                self.constants[value] = self.constants.get(value, 0) + count

    def verdict(self) -> tuple[str, ...]:
        """What was taken out.

        Raises
        ------
        InputError
            So much that the unit must be another, or nothing is left.
        """
        if not self.bad:
            return ()
        fills = [value for value in self.constants if self.is_fill(value)]
        others = self.bad - sum(self.constants[value] for value in fills)
        named = ", ".join(f"{value:.7g}" for value in sorted(fills))
        if not self.good and not others:
            raise InputError(
                f"{self.where} contains only {named} around the units, an undeclared fill value: it has no "
                "data there."
            )
        if others >= SHARE * (self.good + others):
            raise self.doubt(f"has {others} of {self.good + others} values around the units that cannot be")
        what = f"the undeclared fill value {named}" if fills else "values that cannot be"
        return (
            f"{self.where} contains {what} ({self.bad} of {self.good + self.bad} values around the units): "
            "taken as missing.",
        )

    def is_fill(self, value: float) -> bool:
        """Whether a number that cannot be is a fill value: a usual one, or one of few far from the others."""
        if round(value, 2) in FILLS or abs(value) >= HUGE:
            return True
        span = self.high - self.low
        apart = value < self.low - span or value > self.high + span
        return self.good > 0 and apart and len(self.constants) <= CONSTANTS

    def annual(self, values: NDArray[np.float64]) -> tuple[str, ...]:
        """What is odd about annual values as a whole.

        Raises
        ------
        InputError
            Most of them cannot be.
        """
        finite = values[np.isfinite(values)]
        if not finite.size:
            return ()
        low, high = annual_limits(self.request.quantity)
        middle = float(np.median(finite))
        warm = self.request.quantity is Quantity.TEMPERATURE
        if not low - (not warm) <= middle <= high:
            raise self.doubt(f"gives {middle:.4g} {'°C' if warm else 'mm a year'} around the units")
        if not warm and self.request.options.unit is None and middle > LIKELY[self.request.quantity][1]:
            raise self.doubt(f"gives {middle:.4g} mm a year around the units, which few places have,")
        if not warm and finite.max() < DRY:
            return (
                f"{self.where} gives at most {finite.max():.3g} mm a year around the units in the unit "
                f"{self.unit!r}{self._likely()}; check {self.request.option('unit')}.",
            )
        return ()

    def doubt(self, found: str) -> InputError:
        """The error that says what the values look like."""
        low, high = self._range()
        return InputError(
            f"{self.where} {found} in the unit {self.unit!r}: its numbers are {low:.6g} to {high:.6g}"
            f"{self._likely()}. Name the true unit with {self.request.option('unit')}, or correct the file."
        )

    def _range(self) -> tuple[float, float]:
        """Least and greatest number that is no fill value."""
        numbers = [self.low, self.high, *(v for v in self.constants if not self.is_fill(v))]
        finite = [v for v in numbers if np.isfinite(v)]
        return (min(finite), max(finite)) if finite else (np.nan, np.nan)

    def _likely(self) -> str:
        """What the numbers look like, if anything."""
        quantity = self.request.quantity
        stated = parse_unit(self.unit, quantity, self.where)
        low, high = self._range()
        least, most = LIKELY[quantity]
        for unit in UNITS[quantity]:
            conversion = parse_unit(unit, quantity, "")
            if quantity is Quantity.TEMPERATURE:
                ends = (
                    low * conversion.factor + conversion.offset,
                    high * conversion.factor + conversion.offset,
                )
                same = conversion == stated
            else:
                mean = self.sum / self.good if self.good else 0.5 * (low + high)
                ends = (mean * conversion.per_step(YEAR_DAYS),) * 2
                same = bool(np.isclose(conversion.per_step(YEAR_DAYS), self.yearly, rtol=0.2))
            if not same and least <= ends[0] and ends[1] <= most:
                return f", which looks like {unit}"
        return ""


def valid_range(attributes: Mapping[Any, Any], encoding: Mapping[Any, Any]) -> tuple[float, float]:
    """Limits that a file declares by `valid_range`, `valid_min` and `valid_max`, of its unpacked values.

    They are in packed numbers where they have the type of these (CF 1.11, section 2.5.1; NUG, appendix A).
    """
    low, high = -np.inf, np.inf
    scale, offset = float(encoding.get("scale_factor", 1.0)), float(encoding.get("add_offset", 0.0))
    packed = scale != 1.0 or offset != 0.0
    for name in ("valid_range", "valid_min", "valid_max"):
        if name not in attributes:
            continue
        try:
            given = np.asarray(attributes[name]).ravel()
            numbers = given.astype(np.float64)
        except (TypeError, ValueError):
            continue
        if packed and np.dtype(encoding.get("dtype", np.float64)).kind in "iu" and given.dtype.kind in "iu":
            numbers = np.sort(numbers * scale + offset)
        slack = abs(scale) * 0.5 if packed else 0.0
        if name != "valid_max":
            low = max(low, float(numbers[0]) - slack)
        if name != "valid_min":
            high = min(high, float(numbers[-1]) + slack)
    return low, high
