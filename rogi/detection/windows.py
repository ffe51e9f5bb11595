"""Windows of a raster that overlap, and what becomes of them where they do.

Windows lie on a lattice that is fixed to the coordinate system, not to the raster: another extent, another
area or one more tile moves none of them. Their probabilities are rounded once, to integers, and weighted by
integers, so that sums are exact: the result does not depend on the order of windows, on the blocks they are
computed in, or on who computes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rogi.detection.candidates.polygons import LEVELS
from rogi.errors import OptionError
from rogi.raster.grid import Window

if TYPE_CHECKING:
    from affine import Affine

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Sums = NDArray[np.uint32]
Squares = NDArray[np.int64]
Numbers = NDArray[np.uint16]

NO_DATA = 255
"""In probability and spread rasters."""

STEPS = 16 * LEVELS
"""Probability 1 of one window: sixteen times as fine as the raster, so that a blend is not rounded twice."""

WEIGHT = 127
"""Largest weight along one axis."""

OR_STRIDE = 160
"""Pixels: the step of the windows that Sun et al. (2024) merge by OR, a core of 160 pixels and as much of a
margin on each side."""

LEAST_STRIDE_PARTS = 8
"""Parts of a window that the stride is at least: a window every 60 pixels."""

LARGEST_SUM = 3_037_000_499
"""Of the weighted probabilities of a pixel: sums have 32 bits, and the product in `spread_levels` stays below
2**63."""

BLOCK_PIXELS = 2560
"""Side of a block: what is lost when a run is stopped, and what is held in memory at a time."""

LARGEST_BLOCK = 16_384
"""Pixels; a block of this side takes some 3 GB of memory."""

ANCHOR_SHIFT = 0.37
"""Pixels: which whole pixel an origin between two of them counts as. Origins lie at whole or half pixels, at
quarters at worst, so that rounding errors of headers never tip the scale."""


class Merge(StrEnum):
    """How windows that overlap are merged."""

    COSINE = "cosine"
    """Mean of the probabilities, weighted by a cosine window."""
    OR = "or"
    """Largest probability: a pixel is above a threshold if it is so in any window (Sun et al. 2024)."""


@dataclass(frozen=True)
class Blend:
    """Windows of one size and step, and how they are merged.

    Attributes
    ----------
    merge : Merge
    stride, patch : int
        Pixels between windows, and side of a window.
    block : int
        Side of a block in pixels, about; no result depends on it.
    answers : int
        Of each window: one for each model and turn (`rogi.detection.model.ensemble`), all of equal weight.

    Raises
    ------
    OptionError
        A stride longer than a window, or shorter than an eighth of it; more answers than can be averaged.
    """

    merge: Merge
    stride: int
    patch: int
    block: int = BLOCK_PIXELS
    answers: int = 1

    def __post_init__(self) -> None:
        least = -(-self.patch // LEAST_STRIDE_PARTS)
        if not least <= self.stride <= self.patch:
            raise OptionError(
                f"--stride is from {least} to {self.patch} pixels for a model with patches of {self.patch}, "
                f"found {self.stride}."
            )
        if not 1 <= self.block <= LARGEST_BLOCK:
            raise OptionError(f"--block is up to {LARGEST_BLOCK} pixels, found {self.block}.")
        if self.answers > 1 and not self.additive:
            raise OptionError(
                "Several models or turns are averaged, which does not go with --merge or; use cosine."
            )
        most = LARGEST_SUM // (STEPS * self.heaviest**2)
        if self.answers > most:
            raise OptionError(
                f"Found {self.answers} answers for each window (models times turns); with a stride of "
                f"{self.stride} pixels {most} can be averaged. Use fewer models or --turns, or a longer "
                "--stride."
            )

    @property
    def additive(self) -> bool:
        """Whether windows add up, rather than the largest of them counting."""
        return self.merge is Merge.COSINE

    @property
    def overlap(self) -> int:
        """Pixels by which a window reaches over the next one's first."""
        return self.patch - self.stride

    @cached_property
    def weights(self) -> Squares:
        """Weights along one axis, 1 to 127, shape (patch,); all 1 where windows are merged by OR.

        sin² ramps over the overlap (at most half of the window) rise and fall at the ends, so that windows at
        strides of half their side or more add up to the same everywhere.
        """
        if self.merge is Merge.OR:
            return np.ones(self.patch, np.int64)
        length = min(self.overlap, self.patch // 2)
        ramp = np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(length, 1)) ** 2
        flat = np.ones(self.patch - 2 * length)
        weights: Squares = np.rint(WEIGHT * np.concatenate([ramp, flat, ramp[::-1]])).astype(np.int64)
        return np.maximum(weights, 1)

    @property
    def heaviest(self) -> int:
        """Largest sum of the weights of the windows over a pixel, along one axis."""
        return max(int(self.weights[start :: self.stride].sum()) for start in range(self.stride))

    @property
    def side(self) -> int:
        """Windows along the side of a block."""
        return max(round(self.block / self.stride), -(-self.overlap // self.stride), 1)


@dataclass(frozen=True)
class Lattice:
    """Windows and blocks of windows over a raster.

    Block (i, j) has the windows (i · side + a, j · side + b) with a and b from 0 to side - 1; window (g, h)
    starts at row g · stride - `row` and column h · stride - `column` of the raster.

    Attributes
    ----------
    blend : Blend
    row, column : int
        Place of the raster's first pixel on the lattice.
    shape : tuple of int
        Rows and columns of the raster.
    """

    blend: Blend
    row: int
    column: int
    shape: tuple[int, int]

    @classmethod
    def over(cls, transform: Affine, shape: tuple[int, int], blend: Blend) -> Lattice:
        """The lattice of a raster with an affine transform from (column, row) to coordinates."""
        column, row = ~transform @ (0.0, 0.0)
        return cls(blend, _whole(-row), _whole(-column), shape)

    def blocks(self) -> list[tuple[int, int]]:
        """Blocks with windows whose own ground touches the raster, by row and column."""
        size = self.blend.side * self.blend.stride
        half = self.blend.overlap // 2
        ranges = [
            range((start - half) // size, (start + length - 1 - half) // size + 1)
            for start, length in zip((self.row, self.column), self.shape, strict=True)
        ]
        return [(i, j) for i in ranges[0] for j in ranges[1]]

    def footprint(self, block: tuple[int, int]) -> Window:
        """Pixels of the raster that a block's windows cover; may reach outside."""
        size = self.blend.side * self.blend.stride
        row, column = block[0] * size - self.row, block[1] * size - self.column
        length = size + self.blend.overlap
        return Window(row, row + length, column, column + length)


def own_ground(valid: Mask, blend: Blend) -> Mask:
    """Which windows of a block have a valid pixel on their own ground, shape (side, side).

    Own grounds, squares of stride by stride in the middle of windows, tile the plane: so every valid pixel
    lies in a window that is predicted, and windows that reach a valid pixel with their margin only are not.

    Parameters
    ----------
    valid : ndarray of bool, shape (h, w)
        Of a block's footprint, or of some of its first rows.
    blend : Blend
    """
    half, stride = blend.overlap // 2, blend.stride
    inner = valid[half:, half:]
    rows = min(inner.shape[0] // stride, blend.side)
    squares = inner[: rows * stride, : blend.side * stride].reshape(rows, stride, blend.side, stride)
    found: Mask = np.logical_or.reduce(squares, axis=(1, 3))
    return found


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
        False if there is a probability that is no number; the sums then are of no use.
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
    weights = np.empty(width)
    for i in range(height):
        weights[:] = 0.0
        for number in range(reach.shape[1]):
            if reach[top + i, number] > 0:
                weights += reach[top + i, number] * along[number]
        for k in range(outputs):
            _level_row(sums[k, top + i, left : left + width], weights, steps, additive, levels[k, i])


def probability_levels(sums: NDArray[Any], weights: Squares, blend: Blend) -> Bytes:
    """Probabilities 0 to 254, rounded, from sums and weights; 255 where no window lies.

    Parameters
    ----------
    sums : ndarray of int, shape (k, h, w)
    weights : ndarray of int64, shape (h, w)
    blend : Blend
    """
    levels = np.empty(sums.shape, np.uint8)
    for k, i in np.ndindex(*sums.shape[:2]):
        total, weight = np.ascontiguousarray(sums[k, i], np.uint32), weights[i].astype(float)
        _level_row(total, weight, STEPS // LEVELS, blend.additive, levels[k, i])
    return levels


@njit(cache=True, nogil=True, error_model="numpy")
def _level_row(sums: Sums, weights: NDArray[np.float64], steps: int, additive: bool, levels: Bytes) -> None:
    for j in range(len(sums)):
        # Whole numbers below 2**34, of which a quotient in float64 is never rounded up to the next.
        whole = np.float64(steps) * (weights[j] if additive else 1.0)
        found = np.int32((2.0 * np.float64(sums[j]) + whole) / max(2.0 * whole, 1.0))
        levels[j] = np.uint8(found if weights[j] > 0 else NO_DATA)


def spread_levels(sums: NDArray[Any], squares: Squares, weights: Squares, count: Numbers) -> Bytes:
    """Standard deviation among answers, in the unit of probabilities; 255 where there are fewer than two.

    The weighted population standard deviation over all windows, models and turns,
    sqrt(Σ w p² / Σ w - (Σ w p / Σ w)²), rounded to 1/254, from sums of windows that add up.
    """
    whole, sums = np.where(weights > 0, weights, 1), sums.astype(np.int64)
    variance = np.maximum(whole * squares - sums * sums, 0)  # exact, see LARGEST_SUM
    spread = np.sqrt(variance.astype(np.float64)) / (whole * (STEPS / LEVELS))
    return np.where(count > 1, np.rint(spread), NO_DATA).astype(np.uint8)


def parts_of(blend: Blend) -> Iterator[tuple[str, slice, slice]]:
    """The parts of a block's footprint: what its windows alone cover, and its four edges, which it shares.

    Yields
    ------
    name, rows, columns
        ``core``, ``top``, ``bottom``, ``left``, ``right``.
    """
    size, overlap = blend.side * blend.stride, blend.overlap
    end = size + overlap
    yield "core", slice(overlap, size), slice(overlap, size)
    yield "top", slice(0, overlap), slice(0, end)
    yield "bottom", slice(size, end), slice(0, end)
    yield "left", slice(overlap, size), slice(0, overlap)
    yield "right", slice(overlap, size), slice(size, end)


def _whole(place: float) -> int:
    return int(np.floor(place + ANCHOR_SHIFT))
