"""Statistics of the pixels in each unit, weighted by the share of each pixel that lies inside.

A value that is not finite never counts. Every statistic of a unit depends on that unit's own entries in
their row-major order and on nothing else, so the result does not depend on how units are grouped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from rogi.attributes.zonal.coverage import segment_sums
from rogi.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rogi.attributes.zonal.coverage import Coverage

MIN_VALID_SHARE = 0.5
"""Default least share of a unit that must hold values: below it the unit's statistics are null."""

MIN_RESULTANT_LENGTH = 1e-6
"""Below this resultant length directions cancel out, and their mean is rounding."""

EXTREME_SHARE = 0.5
"""Minimum and maximum are over the valid pixels at least this much inside, relative to the one most inside.
At one half these are, but for chance, the pixels whose centre is inside, as in older inventories; a pixel of
which a unit holds a sliver says little about its extremes. Zero takes every pixel touched. So does a unit of
few pixels of which these hold half of the weight or less, or do not reach around its mean: minimum, median,
mean and maximum are always in order."""

TIE = 1e-9
"""Cumulative weights this close to a quantile's, relative to the whole, count as equal to it. It is the
precision of the shares (`coverage.NEGLIGIBLE_SHARE`)."""


class Reason(StrEnum):
    """Why a unit has no value."""

    OUTSIDE = "outside"
    """The raster does not reach the unit, or the unit has no area."""

    VOID = "void"
    """Too small a share of the unit has values."""

    NO_DIRECTION = "no direction"
    """Directions cancel out or all of the ground is flat."""


@dataclass(frozen=True)
class Statistic:
    """A statistic of one number per unit: ``mean``, ``std``, ``min``, ``max``, ``median`` or ``q05``."""

    name: str
    quantile: float = np.nan


def parse_statistic(name: str) -> Statistic:
    """Read a statistic's name.

    Parameters
    ----------
    name : str
        ``mean``, ``std``, ``min``, ``max``, ``median``, or ``q`` and a percentage (``q05``, ``q97.5``).

    Raises
    ------
    OptionError
        The name is none of these.
    """
    if name in ("mean", "std", "min", "max"):
        return Statistic(name)
    if name == "median":
        return Statistic(name, 0.5)
    match = re.fullmatch(r"q(\d{1,2}(?:\.\d+)?|100)", name)
    if match:
        return Statistic(name, float(match[1]) / 100)
    raise OptionError(
        f"There is no statistic {name!r}; take mean, std, min, max, median, or a quantile such as q05 or "
        f"q97.5."
    )


def weighted_statistics(
    values: NDArray[np.floating[Any]],
    coverage: Coverage,
    statistics: Sequence[str],
    *,
    weights: NDArray[np.float64] | None = None,
    extreme_share: float = EXTREME_SHARE,
) -> dict[str, NDArray[np.float64]]:
    """Weighted statistics of each unit's valid values.

    Parameters
    ----------
    values : ndarray of float, shape (entries,)
        One value per entry of `coverage` (``coverage.gather(array)``); what is not finite never counts.
    coverage : Coverage
    statistics : sequence of str
        See `parse_statistic`.
    weights : ndarray of float64, shape (entries,), optional
        Weight of each entry; the shares when absent. On a geographic grid, shares times the area of the row's
        cells.
    extreme_share : float
        See `EXTREME_SHARE`.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        NaN where no value is valid.

    Notes
    -----
    The quantile q is the smallest value whose
    cumulative weight reaches q of the whole; where it does so exactly, the mean of that value and the next.
    For equal weights the median is thus the ordinary median. Interpolating between order statistics by rank,
    as some programs do, gives two pixels of unequal weight the same say and is avoided for small units.
    """
    parsed = [parse_statistic(name) for name in statistics]
    weight = coverage.shares if weights is None else weights
    quantiles = np.array([s.quantile for s in parsed if not np.isnan(s.quantile)], dtype=np.float64)
    moments, order = _statistics(values, weight, coverage.shares, coverage.offsets, quantiles, extreme_share)
    columns = {"mean": moments[:, 0], "std": moments[:, 1], "min": moments[:, 2], "max": moments[:, 3]}
    names = [s.name for s in parsed if not np.isnan(s.quantile)]
    columns.update({name: order[:, k] for k, name in enumerate(names)})
    return {s.name: columns[s.name].copy() for s in parsed}


@dataclass(frozen=True)
class CircularStatistics:
    """Mean direction of each unit.

    Attributes
    ----------
    mean : ndarray of float64, shape (n,)
        Degrees in [0, 360); NaN if missing.
    resultant_length : ndarray of float64, shape (n,)
        0 where directions cancel out, 1 where all are the same; of the ground that has a direction.
    flat_share : ndarray of float64, shape (n,)
        Share of the valid ground that is flat, so has no direction.
    """

    mean: NDArray[np.float64]
    resultant_length: NDArray[np.float64]
    flat_share: NDArray[np.float64]


def circular_statistics(
    directions: NDArray[np.floating[Any]],
    coverage: Coverage,
    *,
    flat: NDArray[np.bool_] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> CircularStatistics:
    """Weighted circular mean of directions.

    Parameters
    ----------
    directions : ndarray of float, shape (entries,)
        Degrees, for each entry of `coverage`; what is not finite never counts.
    coverage : Coverage
    flat : ndarray of bool, shape (entries,), optional
        Entries that are valid ground without a direction; their `directions` are not looked at.
    weights : ndarray of float64, shape (entries,), optional
        As in `weighted_statistics`.

    Notes
    -----
    Mardia and Jupp 2000, Directional Statistics, section 2.2: the direction and the length of the mean of the
    unit vectors. The mean is NaN where the length is below `MIN_RESULTANT_LENGTH`.
    """
    weight = coverage.shares if weights is None else weights
    no_flat = np.zeros(len(directions), dtype=np.bool_) if flat is None else flat
    table = _circular(directions, no_flat, weight, coverage.offsets)
    return CircularStatistics(table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy())


def valid_share(valid: NDArray[np.bool_], coverage: Coverage) -> NDArray[np.float64]:
    """Share of each unit's area, inside the grid or not, that lies on valid pixels; NaN for units without
    area.

    Parameters
    ----------
    valid : ndarray of bool, shape (entries,)
    coverage : Coverage
    """
    covered = segment_sums(coverage.shares * valid, coverage.offsets)
    share = np.full(len(coverage), np.nan)
    np.divide(covered, coverage.sizes, out=share, where=coverage.sizes > 0)
    share[share > 1 - TIE] = 1.0
    return share


def reasons(share: NDArray[np.float64], minimum: float = MIN_VALID_SHARE) -> NDArray[np.object_]:
    """Why units have no value, from their valid share: a `Reason`, or None where they have one."""
    reason = np.full(len(share), None, dtype=object)
    reason[share < minimum] = Reason.VOID
    reason[~(share > 0)] = Reason.OUTSIDE
    return reason


@njit(cache=True, nogil=True)
def _statistics(
    values: NDArray[np.floating[Any]],
    weights: NDArray[np.float64],
    shares: NDArray[np.float64],
    offsets: NDArray[np.int64],
    quantiles: NDArray[np.float64],
    extreme_share: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    units = len(offsets) - 1
    moments = np.full((units, 4), np.nan)
    order = np.full((units, len(quantiles)), np.nan)
    longest = 0
    for unit in range(units):
        longest = max(longest, offsets[unit + 1] - offsets[unit])
    kept = np.empty(longest, dtype=np.float64)
    kept_weights = np.empty(longest, dtype=np.float64)
    for unit in range(units):
        n = 0
        most = 0.0
        for k in range(offsets[unit], offsets[unit + 1]):
            if np.isfinite(values[k]) and weights[k] > 0:
                most = max(most, shares[k])
                kept[n] = values[k]
                kept_weights[n] = weights[k]
                n += 1
        if n == 0:
            continue
        # Deviations from the first value keep the digits of small differences at high elevations.
        shift = kept[0]
        whole = 0.0
        total = 0.0
        for k in range(n):
            whole += kept_weights[k]
            total += kept_weights[k] * (kept[k] - shift)
        smallest = np.inf
        largest = -np.inf
        inner = 0.0
        enough = extreme_share * most * (1.0 - TIE)
        for k in range(offsets[unit], offsets[unit + 1]):
            if np.isfinite(values[k]) and weights[k] > 0 and shares[k] >= enough:
                smallest = min(smallest, values[k])
                largest = max(largest, values[k])
                inner += weights[k]
        deviation = total / whole
        mean = shift + deviation
        if inner <= (0.5 + TIE) * whole or mean < smallest or mean > largest:
            smallest = kept[:n].min()
            largest = kept[:n].max()
        squares = 0.0
        for k in range(n):
            squares += kept_weights[k] * (kept[k] - shift - deviation) ** 2
        moments[unit, 0] = mean
        moments[unit, 1] = np.sqrt(squares / whole)
        moments[unit, 2] = smallest
        moments[unit, 3] = largest
        if len(quantiles):
            _quantiles(kept[:n], kept_weights[:n], whole, quantiles, order[unit])
    return moments, order


@njit(cache=True, nogil=True)
def _quantiles(
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    whole: float,
    quantiles: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    rank = np.argsort(values, kind="mergesort")
    n = len(values)
    for q in range(len(quantiles)):
        target = quantiles[q] * whole
        cumulative = 0.0
        for k in range(n):
            cumulative += weights[rank[k]]
            if cumulative >= target - TIE * whole:
                value = values[rank[k]]
                if cumulative <= target + TIE * whole and k + 1 < n and quantiles[q] > 0:
                    value = 0.5 * (value + values[rank[k + 1]])
                out[q] = value
                break
        else:
            out[q] = values[rank[n - 1]]


@njit(cache=True, nogil=True)
def _circular(
    directions: NDArray[np.floating[Any]],
    flat: NDArray[np.bool_],
    weights: NDArray[np.float64],
    offsets: NDArray[np.int64],
) -> NDArray[np.float64]:
    units = len(offsets) - 1
    table = np.full((units, 3), np.nan)
    for unit in range(units):
        east = 0.0
        north = 0.0
        sloping = 0.0
        level = 0.0
        for k in range(offsets[unit], offsets[unit + 1]):
            if flat[k]:
                level += weights[k]
            elif np.isfinite(directions[k]):
                angle = np.deg2rad(np.float64(directions[k]))
                east += weights[k] * np.sin(angle)
                north += weights[k] * np.cos(angle)
                sloping += weights[k]
        if sloping + level > 0:
            table[unit, 2] = level / (sloping + level)
        if sloping > 0:
            length = np.hypot(east, north) / sloping
            table[unit, 1] = min(length, 1.0)
            if length >= MIN_RESULTANT_LENGTH:
                mean = np.rad2deg(np.arctan2(east, north))
                # A tiny negative angle plus 360 rounds to 360, which is north.
                mean = mean + 360.0 if mean < 0 else mean
                table[unit, 0] = 0.0 if mean >= 360.0 else mean
    return table
