"""Statistics of one unit too large to hold: the same numbers from several passes over its bands of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rogi.attributes.zonal.statistics import EXTREME_SHARE, MIN_RESULTANT_LENGTH, TIE, parse_statistic

Chunk = tuple[NDArray[np.floating[Any]], NDArray[np.float64], NDArray[np.float64]]
"""Values (those that are not finite never count), their weights and their shares."""

Chunks = Callable[[], Iterable[Chunk]]
"""Starts a pass over all chunks, the same each time."""

DIGIT_BITS = 16
"""Bits of the sort key that one pass settles."""


def streamed_statistics(
    chunks: Chunks, statistics: Sequence[str], *, extreme_share: float = EXTREME_SHARE
) -> dict[str, float]:
    """Weighted statistics of one unit, as `weighted_statistics` defines them.

    Parameters
    ----------
    chunks : callable
        See `Chunks`; called once for mean, minimum and maximum, once more for the standard deviation, and
        two (float32) or four (float64) times more for quantiles, which are found exactly, 16 bits of the
        number at a time.
    statistics : sequence of str
        See `parse_statistic`.
    extreme_share : float
        See `rogi.attributes.zonal.statistics.EXTREME_SHARE`. A unit as large as this holds whole pixels.
    """
    parsed = [parse_statistic(name) for name in statistics]
    whole, total, inner, shift = 0.0, 0.0, 0.0, np.nan
    smallest, largest, least, most = np.inf, -np.inf, np.inf, -np.inf
    for values, weights, shares in chunks():
        finite = np.flatnonzero(np.isfinite(values) & (weights > 0))
        if not len(finite):
            continue
        known, weight = values[finite].astype(np.float64), weights[finite]
        enough = shares[finite] >= extreme_share * (1.0 - TIE)
        inner += float(weight[enough].sum())
        smallest = min(smallest, float(known[enough].min(initial=np.inf)))
        largest = max(largest, float(known[enough].max(initial=-np.inf)))
        least, most = min(least, float(known.min())), max(most, float(known.max()))
        shift = known[0] if np.isnan(shift) else shift
        whole += float(weight.sum())
        total += float((weight * (known - shift)).sum())
    if whole == 0:
        return {s.name: np.nan for s in parsed}
    mean = float(shift + total / whole)
    if inner <= (0.5 + TIE) * whole or not smallest <= mean <= largest:
        smallest, largest = least, most
    found = {"mean": mean, "min": smallest, "max": largest}
    if any(s.name == "std" for s in parsed):
        squares = 0.0
        for values, weights, _ in chunks():
            finite = np.flatnonzero(np.isfinite(values) & (weights > 0))
            squares += float((weights[finite] * (values[finite].astype(np.float64) - mean) ** 2).sum())
        found["std"] = float(np.sqrt(squares / whole))
    wanted = np.array(sorted({s.quantile for s in parsed if not np.isnan(s.quantile)}))
    quantiles = dict(zip(wanted, _quantiles(chunks, wanted, whole), strict=True)) if len(wanted) else {}
    return {s.name: found[s.name] if np.isnan(s.quantile) else quantiles[s.quantile] for s in parsed}


def streamed_circular_mean(chunks: Chunks) -> tuple[float, float]:
    """Mean direction in degrees and resultant length of one unit, as `circular_statistics` defines them."""
    east, north, whole = 0.0, 0.0, 0.0
    for values, weights, _ in chunks():
        finite = np.flatnonzero(np.isfinite(values))
        angle, weight = np.deg2rad(values[finite].astype(np.float64)), weights[finite]
        east += float((weight * np.sin(angle)).sum())
        north += float((weight * np.cos(angle)).sum())
        whole += float(weight.sum())
    if whole == 0:
        return np.nan, np.nan
    length = min(float(np.hypot(east, north)) / whole, 1.0)
    if length < MIN_RESULTANT_LENGTH:
        return np.nan, length
    return float(np.rad2deg(np.arctan2(east, north))) % 360.0 % 360.0, length


def _quantiles(chunks: Chunks, quantiles: NDArray[np.float64], whole: float) -> list[float]:
    """Quantiles by radix selection on the numbers' sort keys, all quantiles in the same passes."""
    targets = quantiles * whole
    below = np.zeros(len(quantiles))
    prefixes = np.zeros(len(quantiles), dtype=np.uint64)
    reached = np.zeros(len(quantiles))
    bits, shift, single = 0, 0, False
    while True:
        histogram = np.zeros((len(quantiles), 1 << DIGIT_BITS))
        for values, weights, _ in chunks():
            if bits == 0:
                single = bool(values.dtype == np.float32)
                bits = 32 if single else 64
                shift = bits - DIGIT_BITS
            _count(_keys(values), values, weights, prefixes, np.uint64(shift), bits, histogram)
        for q, target in enumerate(targets):
            cumulative = below[q] + np.cumsum(histogram[q])
            some = np.flatnonzero(histogram[q])
            enough = some[cumulative[some] >= target - TIE * whole]
            digit = int(enough[0]) if len(enough) else int(some[-1])
            below[q] = cumulative[digit] - histogram[q, digit]
            reached[q] = cumulative[digit]
            prefixes[q] = (prefixes[q] << np.uint64(DIGIT_BITS)) | np.uint64(digit)
        if shift == 0:
            break
        shift -= DIGIT_BITS
    found = _values(prefixes, single)
    ties = (reached <= targets + TIE * whole) & (quantiles > 0)
    if ties.any():
        after = np.full(len(quantiles), np.inf)
        for values, weights, _ in chunks():
            known = values[np.isfinite(values) & (weights > 0)].astype(np.float64)
            for tied in np.flatnonzero(ties):
                above = known[known > found[tied]]
                after[tied] = min(after[tied], above.min(initial=np.inf))
        found = np.where(ties & np.isfinite(after), 0.5 * (found + after), found)
    return [float(v) for v in found]


def _keys(values: NDArray[np.floating[Any]]) -> NDArray[np.uint64]:
    """Unsigned integers in the order of the numbers."""
    # Adding zero turns -0.0 into 0.0: they are equal and must share a key.
    if values.dtype == np.float32:
        raw = (values + np.float32(0)).view(np.uint32).astype(np.uint64)
        return np.where(raw >> np.uint64(31) == 1, raw ^ np.uint64(0xFFFFFFFF), raw | np.uint64(0x80000000))
    whole = (values.astype(np.float64) + 0.0).view(np.uint64)
    top = np.uint64(1 << 63)
    return np.where(whole & top, ~whole, whole | top)


def _values(keys: NDArray[np.uint64], single: bool) -> NDArray[np.float64]:
    """The numbers of sort keys."""
    if single:
        half = np.uint64(0x80000000)
        raw = np.where(keys & half, keys ^ half, keys ^ np.uint64(0xFFFFFFFF)).astype(np.uint32)
        return raw.view(np.float32).astype(np.float64)
    top = np.uint64(1 << 63)
    return np.where(keys & top, keys ^ top, ~keys).view(np.float64)


@njit(cache=True, nogil=True)
def _count(
    keys: NDArray[np.uint64],
    values: NDArray[np.floating[Any]],
    weights: NDArray[np.float64],
    prefixes: NDArray[np.uint64],
    shift: np.uint64,
    bits: int,
    histogram: NDArray[np.float64],
) -> None:
    """Add the weights of values whose key starts with each prefix to its digit at `shift`."""
    digit_bits = np.uint64(DIGIT_BITS)
    low = np.uint64((1 << DIGIT_BITS) - 1)
    first = shift + digit_bits == np.uint64(bits)
    for k in range(len(keys)):
        if not np.isfinite(values[k]) or weights[k] <= 0:
            continue
        for q in range(len(prefixes)):
            if first or (keys[k] >> (shift + digit_bits)) == prefixes[q]:
                histogram[q, np.int64((keys[k] >> shift) & low)] += weights[k]
