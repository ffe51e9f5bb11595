"""Zeros that fill the edges of an image which does not say so: found once per file, in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rogi.raster.damage import around_damage
from rogi.raster.grid import Mask, Window
from rogi.raster.header import CorruptTile

if TYPE_CHECKING:
    from rogi.raster.mosaic import Tile

BLOCK = 1024
"""Rows and columns looked at at a time."""

PIECE = 256
"""Side of what is left out, at the most, around what cannot be read of a VRT."""

NEAR = 15
"""What numbers may be off a nodata value in a file compressed with loss (default of GDAL's nearblack)."""

CACHED_TILES = 256
"""Tiles whose edges a process remembers."""


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


def lossy_fill(tile: Tile) -> list[ZeroEdges]:
    """Fill of about a nodata value, in a tile compressed with loss, where it does not come out exactly.

    These are the pixels that are nearly a nodata value (`NEAR`) in all bands, and joined by such pixels to
    the edge of the tile or to one that has it exactly. Tiles that are VRTs are left alone.
    """
    if not any(part.header.lossy and not part.header.composed for part in tile.parts):
        return []
    stated = {value for part in tile.parts for value in (*part.nodata, *part.voids) if value is not None}
    found = [_edges(tile, value, NEAR) for value in sorted(stated) if np.isfinite(value)]
    return [edges for edges in found if edges is not None]


def plain_fill(tile: Tile, window: Window, valid: Mask) -> int | None:
    """Number that fills most of a quarter of a window of a tile, though nothing makes it void.

    That is 0, or the largest number of the type, in all bands of whole numbers; in files compressed with loss
    also what is nearly 0.

    Parameters
    ----------
    tile : Tile
    window : Window
        In the tile's own pixels.
    valid : array of bool
        Pixels of the window that count as ground.
    """
    kind = np.dtype(tile.parts[0].dtype)
    if kind.kind not in "iu":
        return None
    lossy = any(part.header.lossy and not part.header.masked for part in tile.parts)
    stated = {value for part in tile.parts for value in (*part.nodata, *part.voids)}
    stored = tile.read_stored(window)[0]
    for value in (0, int(np.iinfo(kind).max)):
        near = NEAR if lossy and not value else 0
        if value in stated:
            continue
        fill: Mask = np.asarray((np.abs(stored.astype(np.int64) - value) <= near).all(axis=0))
        if not near:  # else exact zeros at the edges are void already, and their seam is not
            fill &= valid
        row, column = (-(-length // 2) for length in fill.shape)
        for rows in (slice(row), slice(-row, None)):
            for columns in (slice(column), slice(-column, None)):
                if fill[rows, columns].mean() > 0.5:
                    return value
    return None


def zero_edges(tile: Tile) -> ZeroEdges | None:
    """Zeros that fill the edges of a tile, or None if it has none."""
    return _edges(tile, 0.0, 0)


@lru_cache(maxsize=CACHED_TILES)
def _edges(tile: Tile, value: float, near: int) -> ZeroEdges | None:
    """Pixels of about a value joined to the edges of a tile, or to one that has it exactly.

    If no pixel along the four edges is 0 in all bands, nothing else is read. Pixels are joined along
    their sides, not across corners.

    Raises
    ------
    CorruptTile
    """
    if not near and not _zero_on_ring(tile):
        return None
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
            zero = _near(tile, block, value, near)
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
            if near:
                exact = _near(tile, block, value, 0)
                pairs.append((numbers[exact], np.zeros(int(exact.sum()), np.int64)))
            for one, other in pairs:
                meet = (one >= 0) & (other >= 0)
                joints.append(np.unique(np.stack([one[meet], other[meet]]), axis=1))
            above[j], left = numbers[-1].copy(), numbers[:, -1].copy()
    if not joints:
        return None
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
    windows = [
        Window(row, row + 1, start, min(start + BLOCK, width))
        for row in sorted({0, height - 1})
        for start in range(0, width, BLOCK)
    ] + [
        Window(start, min(start + BLOCK // 4, height), column, column + 1)
        for start in range(0, height, BLOCK // 4)
        for column in sorted({0, width - 1})
    ]
    return any(_near(tile, window, 0.0, 0).any() for window in windows)


def _near(tile: Tile, window: Window, value: float, near: int) -> Mask:
    """Pixels of a window that are about a value in all bands; none where files of a VRT are at fault."""

    def read(part: Window) -> Mask:
        stored = tile.read_stored(part)[0]
        if near == 0:
            return np.asarray((stored == value).all(axis=0))
        return np.asarray((np.abs(stored.astype(np.float32) - value) <= near).all(axis=0))

    found: Mask = around_damage(read, window, False, _not_of([part.path for part in tile.parts]), PIECE)
    return found


def _not_of(own: Collection[Path]) -> Callable[[CorruptTile], None]:
    """Raises errors of some files themselves, and forgives those of others behind them."""

    def check(error: CorruptTile) -> None:
        if error.path in own:
            raise error

    return check


def _block(shape: tuple[int, int], i: int, j: int) -> Window:
    return Window(i * BLOCK, min((i + 1) * BLOCK, shape[0]), j * BLOCK, min((j + 1) * BLOCK, shape[1]))


def _pack(mask: Mask) -> bytes:
    return zlib.compress(np.packbits(mask).tobytes(), 1)


def _unpack(packed: bytes, shape: tuple[int, int]) -> Mask:
    bits = np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8), count=shape[0] * shape[1])
    return bits.reshape(shape).astype(bool)
