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
from typing import TYPE_CHECKING

import numpy as np
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
    if valid.all():
        return np.ones((rows, blend.side), bool)
    squares = inner[: rows * stride, : blend.side * stride].reshape(rows, stride, blend.side, stride)
    found: Mask = np.logical_or.reduce(squares, axis=(1, 3))
    return found


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
