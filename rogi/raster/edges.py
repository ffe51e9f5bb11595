"""Voids that a file does not declare: zeros that fill its edges, found once per file, in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rogi.raster.damage import around_damage
from rogi.raster.files import RasterFile
from rogi.raster.grid import Mask, Window
from rogi.raster.header import CorruptTile

if TYPE_CHECKING:
    from rogi.raster.mosaic import Tile

BLOCK = 1024
"""Rows and columns looked at at a time."""

PIECE = 256
"""Side of what is left out, at the most, around what cannot be read of a VRT."""

CACHED_TILES = 256
"""Tiles whose edges a process remembers."""

SENTINELS = (-32768.0, -32767.0, -9999.0)
"""Numbers that stand for "no value" whether a file says so or not: no ground is that low."""

ZERO_EDGE_GAP = 100.0
"""Metres: where zeros line the edge of a file without a nodata value and nothing else seen in it is nearer to
zero than this, the zeros are fill and not the sea."""

EDGE_SAMPLES = 64
"""Blocks looked at along each edge of a file of elevations."""


@dataclass(frozen=True, eq=False)
class ZeroEdges:
    """Pixels of a tile that are 0 in all bands and joined to its edge by such pixels.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the tile.
    blocks : dict of (int, int) to (bool or bytes)
        Block row and column: whether all or none of it is fill, or its packed and compressed mask.
    """

    shape: tuple[int, int]
    blocks: dict[tuple[int, int], bool | bytes]

    def read(self, window: Window) -> Mask:
        """Mask of the fill in a window inside the tile."""
        fill = np.zeros(window.shape, dtype=bool)
        for i in range(window.row0 // BLOCK, -(-window.row1 // BLOCK)):
            for j in range(window.column0 // BLOCK, -(-window.column1 // BLOCK)):
                known = self.blocks.get((i, j), False)
                if known is False:
                    continue
                block = _block(self.shape, i, j)
                row0, row1 = max(block.row0, window.row0), min(block.row1, window.row1)
                left, right = max(block.column0, window.column0), min(block.column1, window.column1)
                shared = Window(row0, row1, left, right)
                mask = known if known is True else _unpack(known, block.shape)[block.part(shared)]
                fill[window.part(shared)] = mask
        return fill


@lru_cache(maxsize=CACHED_TILES)
def zero_edges(tile: Tile) -> ZeroEdges | None:
    """The fill of a tile, or None if it has none.

    If no pixel along the four edges is 0 in all bands, nothing else is read. Pixels are joined along
    their sides, not across corners.

    Raises
    ------
    CorruptTile
    """
    if not _zero_on_ring(tile):
        return None
    from scipy.ndimage import label
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, columns = (-(-length // BLOCK) for length in tile.shape)
    kept: dict[tuple[int, int], bytes] = {}
    first: dict[tuple[int, int], int] = {}
    total = 1  # patches of zeros, numbered over all blocks; 0 is what lies outside
    joints: list[NDArray[np.int64]] = []
    widths = [_block(tile.shape, 0, j).shape[1] for j in range(columns)]
    above: list[NDArray[np.int64]] = [np.zeros(width, np.int64) for width in widths]
    for i in range(rows):
        left = np.zeros(0, np.int64)
        for j in range(columns):
            block = _block(tile.shape, i, j)
            zero = _zeros(tile, block)
            if j == 0:
                left = np.zeros(zero.shape[0], np.int64)
            if not zero.any():
                above[j], left = np.full(zero.shape[1], -1), np.full(zero.shape[0], -1)
                continue
            kept[i, j], first[i, j] = _pack(zero), total
            found, count = label(zero)
            numbers = np.where(zero, found + (total - 1), -1)
            total += count
            pairs = [(numbers[0], above[j]), (numbers[:, 0], left)]
            if i == rows - 1:
                pairs.append((numbers[-1], np.zeros(zero.shape[1], np.int64)))
            if j == columns - 1:
                pairs.append((numbers[:, -1], np.zeros(zero.shape[0], np.int64)))
            for one, other in pairs:
                meet = (one >= 0) & (other >= 0)
                joints.append(np.unique(np.stack([one[meet], other[meet]]), axis=1))
            above[j], left = numbers[-1].copy(), numbers[:, -1].copy()
    one, other = np.concatenate(joints, axis=1)
    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(total, total))
    _, group = connected_components(graph, directed=False)
    outside = group == group[0]
    blocks: dict[tuple[int, int], bool | bytes] = {}
    for place, packed in kept.items():
        zero = _unpack(packed, _block(tile.shape, *place).shape)
        found, _ = label(zero)
        fill = zero & outside[np.where(zero, found + (first[place] - 1), 0)]
        if fill.all():
            blocks[place] = True
        elif fill.any():
            blocks[place] = _pack(fill)
    return ZeroEdges(tile.shape, blocks)


def _zero_on_ring(tile: Tile) -> bool:
    """Whether a pixel of the outermost rows and columns is 0 in all bands."""
    height, width = tile.shape
    windows = _lines(tile.shape, (BLOCK // 4, BLOCK), {0, height - 1}, {0, width - 1})
    return any(_zeros(tile, window).any() for window in windows)


def _lines(
    shape: tuple[int, int], block: tuple[int, int], rows: set[int], columns: set[int], most: int | None = None
) -> Iterator[Window]:
    """Some rows and columns in pieces as long as a block, of each line at most so many."""
    height, width = shape
    for row in sorted(rows):
        for start in _starts(width, block[1], most):
            yield Window(row, row + 1, start, min(start + block[1], width))
    for column in sorted(columns):
        for start in _starts(height, block[0], most):
            yield Window(start, min(start + block[0], height), column, column + 1)


def _starts(length: int, block: int, most: int | None) -> list[int]:
    count = -(-length // block)
    if most is not None and count > most:
        return sorted({int(i) * block for i in np.linspace(0, count - 1, most)})
    return [i * block for i in range(count)]


def _zeros(tile: Tile, window: Window) -> Mask:
    """Pixels of a window that are 0 in all bands; of a VRT what lies on files at fault is none."""

    def read(part: Window) -> Mask:
        zero: Mask = (tile.read_stored(part)[0] == 0).all(axis=0)
        return zero

    found: Mask = around_damage(read, window, False, _not_of([part.path for part in tile.parts]), PIECE)
    return found


def _not_of(own: Collection[Path]) -> Callable[[CorruptTile], None]:
    """Raises errors of some files themselves, and forgives those of others behind them."""

    def check(error: CorruptTile) -> None:
        if error.path in own:
            raise error

    return check


@lru_cache(maxsize=4096)
def relief_voids(raster: RasterFile) -> tuple[RasterFile, tuple[str, ...]]:
    """A file of elevations with all its voids known, and what to tell about them.

    `SENTINELS` are void in any file. In one with neither a nodata value nor a mask, zeros are if they line
    its edge, and no other elevation seen comes near the sea's. Up
    to `EDGE_SAMPLES` blocks along each edge and through the middle are looked at; what is found depends on
    the file alone.
    """
    known = raster.with_voids(*SENTINELS)
    if raster.tells_voids:
        return known, ()
    height, width = raster.shape
    lines = _lines(
        raster.shape, raster.block_shape, {0, height // 2, height - 1}, {0, width // 2, width - 1},
        EDGE_SAMPLES,
    )  # fmt: skip
    seen = np.concatenate(
        [around_damage(raster.read, window, np.nan, _not_of([raster.path])).ravel() for window in lines]
    )
    seen = seen[np.isfinite(seen)]
    notes = [
        f"{raster.path} has no nodata value but holds {value:g}; taken as void."
        for value in SENTINELS
        if (seen == value).any()
    ]
    seen = seen[~np.isin(seen, SENTINELS)]
    ground = seen[seen != 0]
    if len(ground) and len(ground) < len(seen) and np.abs(ground).min() >= ZERO_EDGE_GAP:
        notes.append(
            f"{raster.path} has no nodata value and zeros along its edges, though no other elevation near "
            "zero; zeros are taken as void."
        )
        known = known.with_voids(0.0)
    return known, tuple(notes)


def _block(shape: tuple[int, int], i: int, j: int) -> Window:
    return Window(i * BLOCK, min((i + 1) * BLOCK, shape[0]), j * BLOCK, min((j + 1) * BLOCK, shape[1]))


def _pack(mask: Mask) -> bytes:
    return zlib.compress(np.packbits(mask).tobytes(), 1)


def _unpack(packed: bytes, shape: tuple[int, int]) -> Mask:
    bits = np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8), count=shape[0] * shape[1])
    return bits.reshape(shape).astype(bool)
