"""What overlapping windows add up to: exact sums in integers, and the levels they give.

Sums are 32-bit integers, so neither the order of windows nor how they are shared out changes a byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rogi.detection.candidates.polygons import LEVELS
from rogi.detection.windows import NO_DATA, STEPS, Blend, Bytes, Mask, Merge, Numbers, Squares, Sums

Row = NDArray[np.float64]


def add_window(
    sums: Sums, squares: Squares | None, probability: NDArray[np.float32], row: int, column: int, blend: Blend
) -> bool:
    """Add one window to the sums of a block, in place.

    Parameters
    ----------
    sums : ndarray of uint32, shape (k, h, w)
        Of probability times weight; the largest probability where windows are merged by OR.
    squares : ndarray of int64, shape (k, h, w), optional
        Of squared probability times weight.
    probability : ndarray of float32, shape (k, patch, patch)
    row, column : int
        Of the window's first pixel in the block.
    blend : Blend

    Returns
    -------
    bool
        False if a probability is NaN; the sums are then invalid.
    """
    probability, weights = np.ascontiguousarray(probability), blend.weights.astype(np.int32)
    if squares is not None:
        _add_squares(squares, probability, weights, row, column)
    return bool(_add(sums, probability, weights, row, column, blend.merge is Merge.OR))


# Loops over rows of 32-bit numbers without a branch become vector instructions: seven times as fast.
@njit(cache=True, nogil=True)
def _add(
    sums: Sums,
    probability: NDArray[np.float32],
    weights: NDArray[np.int32],
    row: int,
    column: int,
    largest: bool,
) -> bool:
    unsound = np.int32(0)
    count, height, width = probability.shape
    for k in range(count):
        for i in range(height):
            total, found, weight = sums[k, row + i, column : column + width], probability[k, i], weights[i]
            if largest:
                for j in range(width):
                    unsound |= np.int32(found[j] != found[j])
                    total[j] = max(total[j], np.uint32(_step(found[j])))
            else:
                for j in range(width):
                    unsound |= np.int32(found[j] != found[j])
                    total[j] += np.uint32(np.int32(weight * weights[j]) * _step(found[j]))
    return bool(unsound == 0)


@njit(cache=True, nogil=True)
def _add_squares(
    squares: Squares, probability: NDArray[np.float32], weights: NDArray[np.int32], row: int, column: int
) -> None:
    count, height, width = probability.shape
    for k in range(count):
        for i in range(height):
            total, found = squares[k, row + i, column : column + width], probability[k, i]
            for j in range(width):
                step = np.int64(_step(found[j]))
                total[j] += weights[i] * weights[j] * step * step


@njit(cache=True, nogil=True, inline="always")
def _step(value: np.float32) -> np.int32:
    """A probability as a whole number of steps; 0 for what is no number."""
    inside = value if value > np.float32(0.0) else np.float32(0.0)
    inside = inside if inside < np.float32(1.0) else np.float32(1.0)
    return np.int32(inside * np.float32(STEPS) + np.float32(0.5))


@njit(cache=True, nogil=True, error_model="numpy")
def cut_window(
    values: NDArray[Any],
    valid: Mask,
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
    row: int,
    column: int,
    out: NDArray[np.float32],
) -> None:
    """A window of a block as a network takes it: (value - mean) / std, and 0 where a pixel is invalid.

    Parameters
    ----------
    values : ndarray, shape (c, h, w)
        In any type of numbers that float32 holds exactly.
    valid : ndarray of bool, shape (h, w)
    mean, std : ndarray of float32, shape (c,)
    row, column : int
        Of the window's first pixel in the block.
    out : ndarray of float32, shape (c, patch, patch)
        Filled.
    """
    count, height, width = out.shape
    for i in range(height):
        known = valid[row + i, column : column + width]
        gaps = np.int32(0)
        for j in range(width):
            gaps |= np.int32(not known[j])
        for k in range(count):
            given, target, centre, scale = (
                values[k, row + i, column : column + width],
                out[k, i],
                mean[k],
                std[k],
            )
            for j in range(width):
                target[j] = (np.float32(given[j]) - centre) / scale
            if gaps:
                for j in range(width):
                    if not known[j]:
                        target[j] = np.float32(0.0)


def weight_sums(
    ran: Mask, blend: Blend, rows: slice = slice(None), columns: slice = slice(None)
) -> tuple[Squares, Numbers]:
    """Sum of the weights, and number, of the answers for each pixel of a block's footprint, or of a part.

    Parameters
    ----------
    ran : ndarray of bool, shape (side, side)
        Windows that were predicted.
    blend : Blend
    rows, columns : slice

    Returns
    -------
    weights : ndarray of int64, shape (h, w)
    count : ndarray of uint16, shape (h, w)
    """
    reach, answered = _reach(blend), float(blend.answers) * ran
    weights = reach[rows] @ answered @ reach[columns].T
    count = (reach[rows] > 0).astype(float) @ answered @ (reach[columns] > 0).astype(float).T
    return weights.astype(np.int64), count.astype(np.uint16)


def _reach(blend: Blend) -> NDArray[np.float64]:
    """Weight of each row of a block's footprint in each row of windows, shape (h, side); of columns too."""
    reach = np.zeros((blend.side * blend.stride + blend.overlap, blend.side))
    for number in range(blend.side):
        reach[number * blend.stride : number * blend.stride + blend.patch, number] = blend.weights
    return reach


def block_levels(sums: Sums, ran: Mask, blend: Blend, rows: slice, columns: slice) -> Bytes:
    """As `probability_levels` of a part of a block, without the weights of its pixels in memory.

    Parameters
    ----------
    sums : ndarray of uint32, shape (k, h, w)
        Of the whole block.
    ran : ndarray of bool, shape (side, side)
    blend : Blend
    rows, columns : slice
        Of the part, with start and stop.
    """
    reach = _reach(blend)
    levels = np.empty((len(sums), rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    along = float(blend.answers) * ran @ reach[columns].T
    _fill_levels(sums, reach, along, STEPS // LEVELS, blend.additive, rows.start, columns.start, levels)
    return levels


@njit(cache=True, nogil=True)
def _fill_levels(
    sums: Sums,
    reach: NDArray[np.float64],
    along: NDArray[np.float64],
    steps: int,
    additive: bool,
    top: int,
    left: int,
    levels: Bytes,
) -> None:
    outputs, height, width = levels.shape
    weights, half, inverse = np.empty(width), np.empty(width), np.empty(width)
    for i in range(height):
        if i == 0 or np.any(reach[top + i] != reach[top + i - 1]):  # else the weights are those of before
            weights[:] = 0.0
            for number in range(reach.shape[1]):
                down = reach[top + i, number]
                if down > 0:
                    for j in range(width):
                        weights[j] += down * along[number, j]
            _divisors(weights, steps, additive, half, inverse)
        for k in range(outputs):
            _level_row(sums[k, top + i, left : left + width], half, inverse, levels[k, i])


def probability_levels(sums: NDArray[Any], weights: Squares, blend: Blend) -> Bytes:
    """Probabilities 0 to 254, rounded, from sums and weights; 255 where no window lies.

    Parameters
    ----------
    sums : ndarray of int, shape (k, h, w)
    weights : ndarray of int64, shape (h, w)
    blend : Blend
    """
    levels = np.empty(sums.shape, np.uint8)
    whole, weight = np.ascontiguousarray(sums, np.uint32), np.ascontiguousarray(weights, float)
    _fill_rows(whole, weight, STEPS // LEVELS, blend.additive, levels)
    return levels


@njit(cache=True, nogil=True)
def _fill_rows(sums: Sums, weights: NDArray[np.float64], steps: int, additive: bool, levels: Bytes) -> None:
    half, inverse = np.empty(weights.shape[1]), np.empty(weights.shape[1])
    for i in range(len(weights)):
        _divisors(weights[i], steps, additive, half, inverse)
        for k in range(len(sums)):
            _level_row(sums[k, i], half, inverse, levels[k, i])


@njit(cache=True, nogil=True, error_model="numpy")
def _divisors(weights: Row, steps: int, additive: bool, half: Row, inverse: Row) -> None:
    """Fill what `_level_row` takes: half of the sum that makes one level, and 1 / that sum."""
    for j in range(len(weights)):
        one = steps * (weights[j] if additive else 1.0)
        # Sums are multiples of 1, halves of 1/2: with 1/4 more a quotient is never near a whole number, so
        # that a product with the rounded inverse cannot be on its other side.
        half[j], inverse[j] = one / 2.0 + 0.25, 1.0 / max(one, 1.0)
        if weights[j] == 0:  # nothing has been added up
            half[j], inverse[j] = np.float64(NO_DATA), 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _level_row(sums: Sums, half: Row, inverse: Row, levels: Bytes) -> None:
    for j in range(len(sums)):
        levels[j] = np.uint8(np.int32((np.float64(sums[j]) + half[j]) * inverse[j]))


def spread_levels(sums: NDArray[Any], squares: Squares, weights: Squares, count: Numbers) -> Bytes:
    """Standard deviation among answers, in the unit of probabilities; 255 where there are fewer than two.

    The weighted population standard deviation over all windows, models and turns,
    sqrt(Σ w p² / Σ w - (Σ w p / Σ w)²), rounded to 1/254, from sums of windows that add up.
    """
    whole, sums = np.where(weights > 0, weights, 1), sums.astype(np.int64)
    variance = np.maximum(whole * squares - sums * sums, 0)  # exact, see LARGEST_SUM
    spread = np.sqrt(variance.astype(np.float64)) / (whole * (STEPS / LEVELS))
    return np.where(count > 1, np.rint(spread), NO_DATA).astype(np.uint8)
