"""Finished blocks on disk, and the probability raster they make together.

A block shares its edges with its neighbours: there it keeps exact sums, which are added when the raster is
read; inside it keeps the finished raster.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.detection.blending import block_levels, probability_levels, spread_levels, weight_sums
from rogi.detection.windows import NO_DATA, Blend, Bytes, Lattice, Mask, Numbers, Squares, Sums, parts_of
from rogi.errors import OutputError
from rogi.files import replacing
from rogi.raster.grid import Window

if TYPE_CHECKING:
    from collections.abc import Iterator

VOID = np.uint32(0xFFFFFFFF)
"""In the sums of an edge: a pixel without data."""

COMPRESSOR, LEVEL = "lz4", 5
"""With the bytes of neighbouring numbers put together: a third larger than zstd, and three to five times as
fast to write and to read."""

UNSOUND = "The model gives probabilities that are no numbers; try --precision fp32, or another model."

HELD_BLOCKS = 9
"""Blocks that can meet in one window of the raster of a block's size."""


@dataclass(frozen=True, eq=False)
class BlockSums:
    """What the windows of a block add up to.

    Attributes
    ----------
    sums : ndarray of uint32, shape (k, h, w)
        See `rogi.detection.blending.add_window`.
    squares : ndarray of int64, shape (k, h, w), optional
    valid : ndarray of bool, shape (h, w)
        Pixels with data, on the ground that is predicted.
    ran : ndarray of bool, shape (side, side)
        Windows that were predicted.
    """

    sums: Sums
    squares: Squares | None
    valid: Mask
    ran: Mask


def finished_parts(block: BlockSums, blend: Blend) -> dict[str, NDArray[Any]]:
    """The arrays of a block's file by name: levels inside, sums along the edges it shares."""
    void = None if block.valid.all() else ~block.valid
    parts: dict[str, NDArray[Any]] = {}
    for name, rows, columns in parts_of(blend):
        nothing = None if void is None else void[rows, columns]
        sums = block.sums[:, rows, columns]
        squares = None if block.squares is None else block.squares[:, rows, columns]
        if name == "core":
            parts[name] = block_levels(block.sums, block.ran, blend, rows, columns)
            if squares is not None:
                weights, count = weight_sums(block.ran, blend, rows, columns)
                parts[f"{name}-squares"] = spread_levels(sums, squares, weights, count)
            if nothing is not None:
                for array in parts.values():
                    np.copyto(array, NO_DATA, where=nothing)
        else:
            # Valid pixels of which no window of this block has been predicted: one of the next may be.
            parts[name] = sums.astype(np.uint32)
            if nothing is not None:
                np.copyto(parts[name], VOID, where=nothing)
            if squares is not None:
                parts[f"{name}-squares"] = squares
    return parts


def write_block(
    path: Path, ran: Mask, parts: Mapping[str, NDArray[Any]], damage: Mapping[str, str] | None = None
) -> None:
    """Keep a block, as a zip of compressed arrays, whole or not at all.

    Parameters
    ----------
    path : Path
    ran : ndarray of bool, shape (side, side)
        Windows that were predicted.
    parts : mapping
        See `finished_parts`.
    damage : mapping of str to str, optional
        What is wrong with files that could not be read, by their paths.
    """
    with replacing(path, state=True) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        _put(archive, "ran", ran)
        for name, array in parts.items():
            _put(archive, name, array)
        if damage:
            archive.writestr("damage", json.dumps(dict(damage)))


def finished_block(path: Path) -> tuple[int, dict[str, str]] | None:
    """Windows of a block that is there, and what was wrong with files; None where it is not, or not whole."""
    if not is_whole(path):
        return None
    with zipfile.ZipFile(path) as archive:
        windows = int(np.frombuffer(_decoded(archive, "ran"), bool).sum())
        return windows, json.loads(archive.read("damage")) if "damage" in archive.namelist() else {}


def is_whole(path: Path) -> bool:
    """Whether a block is there and can be read to its end."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


class BlockStore:
    """The probability raster that blocks make together.

    Parameters
    ----------
    lattice : Lattice
    outputs : int
        Channels of the model.
    paths : mapping of (int, int) to Path
        Files of the blocks that are there; the ground of others has no data.
    """

    def __init__(self, lattice: Lattice, outputs: int, paths: Mapping[tuple[int, int], Path]) -> None:
        self.lattice, self.outputs, self.paths = lattice, outputs, dict(paths)
        self._part = lru_cache(maxsize=HELD_BLOCKS * 10)(self._load)

    def read(self, window: Window) -> Bytes:
        """Probability of a window, shape (k, h, w): 0 to 254, 255 no data."""
        return self._read(window, spread=False)

    def read_spread(self, window: Window) -> Bytes:
        """Standard deviation among answers, shape (k, h, w), in the unit of probabilities."""
        return self._read(window, spread=True)

    def _read(self, window: Window, *, spread: bool) -> Bytes:
        out = np.full((self.outputs, *window.shape), NO_DATA, np.uint8)
        for block, name, source, target in self._pieces(window):
            if name == "core":
                out[:, *target] = self._part(block, "core-squares" if spread else "core")[:, *source]
        for seam in self._seams(window):
            out[:, *window.part(seam)] = self._read_seam(seam, spread=spread)
        return out

    def _seams(self, window: Window) -> Iterator[Window]:
        """The parts of a window that blocks share: strips along rows, and along columns between these."""
        lattice = self.lattice
        across = self._strips(window.row0, window.row1, lattice.row)
        down = self._strips(window.column0, window.column1, lattice.column)
        last = window.row0
        for start, stop in [*across, (window.row1, window.row1)]:
            for left, right in down:
                if last < start:
                    yield Window(last, start, left, right)
            if start < stop:
                yield Window(start, stop, window.column0, window.column1)
            last = stop

    def _strips(self, first: int, last: int, place: int) -> list[tuple[int, int]]:
        """Rows or columns from first to last that blocks share; `place` is that of the raster's first."""
        blend = self.lattice.blend
        size = blend.side * blend.stride
        starts = (number * size - place for number in self._range(first + place, last + place, size))
        ends = ((max(start, first), min(start + blend.overlap, last)) for start in starts)
        return [(start, stop) for start, stop in ends if start < stop]

    def _read_seam(self, window: Window, *, spread: bool) -> Bytes:
        blend = self.lattice.blend
        sums = np.zeros((self.outputs, *window.shape), np.uint32)
        squares = np.zeros(sums.shape if spread else (0,), np.int64)
        weights, count = np.zeros(window.shape, np.int64), np.zeros(window.shape, np.uint16)
        void = np.zeros(window.shape, bool)
        for block, name, source, target in self._pieces(window):
            part = self._part(block, name)[:, *source]
            nothing = part[0] == VOID
            void[target] |= nothing
            added = np.where(nothing, np.uint32(0), part)
            (np.add if blend.additive else np.maximum)(sums[:, *target], added, out=sums[:, *target])
            edge_weights, edge_count = self._part(block, f"{name}-weights")
            weights[target] += edge_weights[source]
            count[target] += edge_count[source]
            if spread:
                squares[:, *target] += self._part(block, f"{name}-squares")[:, *source]
        if void.any():
            sums[:, void], weights[void], count[void] = 0, 0, 0
        if spread:
            return spread_levels(sums, squares, weights, count)
        return probability_levels(sums, weights, blend)

    def _pieces(
        self, window: Window
    ) -> Iterator[tuple[tuple[int, int], str, tuple[slice, slice], tuple[slice, slice]]]:
        """Parts of blocks that a window meets: where in the part, and where in the window."""
        blend = self.lattice.blend
        size = blend.side * blend.stride
        rows = self._range(window.row0 + self.lattice.row, window.row1 + self.lattice.row, size)
        columns = self._range(
            window.column0 + self.lattice.column, window.column1 + self.lattice.column, size
        )
        for block in ((i, j) for i in rows for j in columns):
            if block not in self.paths:
                continue
            corner = self.lattice.footprint(block)
            for name, down, along in parts_of(blend):
                top, left = corner.row0 + down.start, corner.column0 + along.start
                row0, row1 = max(top, window.row0), min(corner.row0 + down.stop, window.row1)
                column0 = max(left, window.column0)
                column1 = min(corner.column0 + along.stop, window.column1)
                if row0 < row1 and column0 < column1:
                    source = slice(row0 - top, row1 - top), slice(column0 - left, column1 - left)
                    target = (
                        slice(row0 - window.row0, row1 - window.row0),
                        slice(column0 - window.column0, column1 - window.column0),
                    )
                    yield block, name, source, target

    def _range(self, start: int, stop: int, size: int) -> range:
        return range((start - self.lattice.blend.overlap) // size, (stop - 1) // size + 1)

    def _load(self, block: tuple[int, int], name: str) -> Any:
        path, blend = self.paths[block], self.lattice.blend
        part, _, kind = name.partition("-")
        rows, columns = next(where for found, *where in parts_of(blend) if found == part)
        shape = rows.stop - rows.start, columns.stop - columns.start
        dtype = np.uint8 if part == "core" else np.int64 if kind else np.uint32
        try:
            with zipfile.ZipFile(path) as archive:
                if kind != "weights":
                    return _get(archive, name, dtype, (self.outputs, *shape))
                return _weights(bytes(_decoded(archive, "ran")), blend, part)
        except (OSError, zipfile.BadZipFile, ValueError, RuntimeError, KeyError) as error:
            raise OutputError(f"{path} was changed while it was needed ({error}); run again.") from error


@lru_cache(maxsize=16)
def _weights(ran: bytes, blend: Blend, part: str) -> tuple[Squares, Numbers]:
    """See `weight_sums`; of most blocks all windows were predicted."""
    rows, columns = next(where for found, *where in parts_of(blend) if found == part)
    return weight_sums(np.frombuffer(ran, bool).reshape(blend.side, blend.side), blend, rows, columns)


def _put(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    from numcodecs import Blosc

    if array.size:
        archive.writestr(name, Blosc(COMPRESSOR, LEVEL, Blosc.SHUFFLE).encode(np.ascontiguousarray(array)))


def _get(archive: zipfile.ZipFile, name: str, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.frombuffer(_decoded(archive, name), dtype).reshape(shape)


def _decoded(archive: zipfile.ZipFile, name: str) -> bytes:
    from numcodecs import Blosc

    data: bytes = Blosc().decode(archive.read(name))
    return data
