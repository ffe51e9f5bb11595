"""Polygons of a raster, made block by block, equal to those of the whole raster.

Blocks are read once, in rows of blocks. What is kept between them is one row of labels, the corners of the
groups of pixels that reach into the next row of blocks, and the finished polygons; so memory is that of a
block, not of the raster. Polygons follow the edges of pixels, in whole rows and columns, and no coordinate
is ever computed twice: whatever the size of the blocks, the result is the same.

Pixels are connected over their sides (4-connectivity). Groups that touch at a corner are two polygons; a
group that touches itself at a corner encloses a hole that touches its exterior, or another hole, in that
point. Polygons are therefore always valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.detection.candidates.connected_pixels import (
    NO_DATA,
    Bytes,
    Counts,
    Labels,
    corners,
    corners_of_regions,
    join_borders,
    label_block,
    roots,
    trace,
)
from rogi.geometry import Floats, Geometries, Ints

if TYPE_CHECKING:
    from affine import Affine

LEVELS = 254
"""Probability 1 in a probability raster; a value v stands for v / 254."""
BLOCK = 2048

Reader = Callable[[int, int, int, int], NDArray[np.uint8]]
"""``read(row, col, height, width)`` gives uint8 of shape (height, width) or (channels, height, width)."""


@dataclass(frozen=True)
class PixelPolygons:
    """Polygons along the edges of pixels.

    Attributes
    ----------
    coords : ndarray of int32, shape (v, 2)
        Row and column of the corners of all rings, which are not closed; row 0 is the upper edge of the
        first pixels.
    ring_offsets : ndarray of int64, shape (r + 1,)
        Ring k has the corners ``ring_offsets[k]`` to ``ring_offsets[k + 1] - 1``.
    polygon_offsets : ndarray of int64, shape (n + 1,)
        Polygon i has the rings ``polygon_offsets[i]`` to ``polygon_offsets[i + 1] - 1``: exterior, holes.
    pixels : ndarray of int64, shape (n,)
        Pixels inside.
    """

    coords: Labels
    ring_offsets: Counts
    polygon_offsets: Counts
    pixels: Counts

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def holes(self) -> Counts:
        """Number of holes of each polygon."""
        return np.diff(self.polygon_offsets) - 1

    @property
    def corner_offsets(self) -> Counts:
        """Polygon i has the corners ``corner_offsets[i]`` to ``corner_offsets[i + 1] - 1``; (n + 1,)."""
        return self.ring_offsets[self.polygon_offsets]

    def bounds(self) -> Labels:
        """First row, first column, last row, last column, the last not included; shape (n, 4)."""
        if len(self) == 0:
            return np.zeros((0, 4), np.int32)
        starts = self.corner_offsets[:-1]
        low = np.minimum.reduceat(self.coords, starts, axis=0)
        return np.hstack([low, np.maximum.reduceat(self.coords, starts, axis=0)])

    def raster_order(self) -> Ints:
        """Order of the polygons by their first corners, by row and column; shape (n,)."""
        first = self.coords[self.corner_offsets[:-1]]
        return np.lexsort([first[:, 1], first[:, 0]])

    def take(self, rows: Ints) -> PixelPolygons:
        """Some of the polygons, in the order of ``rows``."""
        rings, polygon_offsets = _ranges(self.polygon_offsets, np.asarray(rows, np.int64))
        corner, ring_offsets = _ranges(self.ring_offsets, rings)
        return PixelPolygons(self.coords[corner], ring_offsets, polygon_offsets, self.pixels[rows])

    def without_holes(self, pixels: Counts) -> PixelPolygons:
        """The polygons with holes of fewer pixels filled; ``pixels`` is a limit per polygon, shape (n,)."""
        count = len(self.ring_offsets) - 1
        owner = np.repeat(np.arange(len(self)), np.diff(self.polygon_offsets))
        exterior = np.zeros(count, bool)
        exterior[self.polygon_offsets[:-1]] = True
        area = self._ring_pixels()
        filled = ~exterior & (area < pixels[owner])
        corner, ring_offsets = _ranges(self.ring_offsets, np.flatnonzero(~filled))
        added = np.bincount(owner[filled], weights=area[filled], minlength=len(self)).astype(np.int64)
        left = np.bincount(owner[~filled], minlength=len(self))
        return PixelPolygons(
            self.coords[corner], ring_offsets, np.concatenate([[0], np.cumsum(left)]), self.pixels + added
        )

    def _ring_pixels(self) -> Counts:
        """Pixels inside each ring, shape (r,)."""
        count = len(self.ring_offsets) - 1
        following = np.arange(1, len(self.coords) + 1)
        following[self.ring_offsets[1:] - 1] = self.ring_offsets[:-1]
        row, col = self.coords.astype(np.int64).T
        # the area of a ring of horizontal and vertical edges, from its vertical ones
        terms = col * (row[following] - row)
        return np.abs(np.add.reduceat(terms, self.ring_offsets[:-1])) if count else np.zeros(0, np.int64)

    def geometries(self, transform: Affine | None = None) -> Geometries:
        """The polygons as shapely geometries, shape (n,); in columns and rows unless there is a transform.

        With a north-up transform exteriors run counter-clockwise and holes clockwise.
        """
        count = len(self.ring_offsets) - 1
        closed = self.ring_offsets + np.arange(count + 1)
        index = np.arange(closed[-1]) - np.repeat(np.arange(count), np.diff(closed))
        index[closed[1:] - 1] = self.ring_offsets[:-1]
        row, col = self.coords[index, 0].astype(float), self.coords[index, 1].astype(float)
        x, y = (col, row) if transform is None else place(transform, row, col)
        made = shapely.from_ragged_array(
            shapely.GeometryType.POLYGON, np.column_stack([x, y]), (closed, self.polygon_offsets)
        )
        return np.asarray(made, dtype=object)


def join(parts: list[PixelPolygons]) -> PixelPolygons:
    """Polygons of several sets as one, in the order of their first corners, by row and column."""
    if not parts:
        none = np.zeros(1, np.int64)
        return PixelPolygons(np.zeros((0, 2), np.int32), none, none.copy(), np.zeros(0, np.int64))
    together = PixelPolygons(
        np.concatenate([p.coords for p in parts]),
        _joined([p.ring_offsets for p in parts]),
        _joined([p.polygon_offsets for p in parts]),
        np.concatenate([p.pixels for p in parts]),
    )
    return together.take(together.raster_order())


def level_of(threshold: float) -> int:
    """Least value of a probability raster that reaches a probability."""
    return int(np.ceil(threshold * LEVELS - 1e-9))


def polygonise(
    read: Reader,
    shape: tuple[int, int],
    *,
    level: int,
    channel: int = 0,
    minimum_pixels: int = 1,
    block: int = BLOCK,
) -> PixelPolygons:
    """Polygons of the pixels with values from ``level`` to 254.

    Parameters
    ----------
    read : callable
        See `Reader`; asked for each block once, and never outside the raster.
    shape : (int, int)
        Rows and columns of the raster.
    level : int
        See `level_of`; 0 takes every pixel with data.
    channel : int
        Where the reader gives several.
    minimum_pixels : int
        Smaller groups are left out.
    block : int
        Rows and columns of a block; the result does not depend on it.

    Returns
    -------
    PixelPolygons
        In the order of their first corners, by row and column.

    Examples
    --------
    >>> raster = np.array([[0, 200, 200], [0, 200, 0]], np.uint8)
    >>> read = lambda row, col, height, width: raster[row : row + height, col : col + width]
    >>> polygonise(read, raster.shape, level=128).geometries()[0].wkt
    'POLYGON ((1 0, 1 2, 2 2, 2 1, 3 1, 3 0, 1 0))'
    """
    return join(list(_finished(read, shape, level, channel, minimum_pixels, block)))


@dataclass
class _Open:
    """Groups of pixels that are not finished: labels from 1, their pixels, and their corners so far."""

    pixels: Counts
    label: Labels
    row: Labels
    col: Labels
    order: Bytes


def _finished(
    read: Reader, shape: tuple[int, int], level: int, channel: int, minimum: int, block: int
) -> Iterator[PixelPolygons]:
    """Polygons that are complete after each row of blocks."""
    rows, cols = shape
    nothing = np.zeros(0, np.int32)
    state = _Open(np.zeros(1, np.int64), nothing, nothing, nothing, np.zeros(0, np.uint8))
    above = np.zeros(cols + 1, np.int32)  # labels of the last row, one column of background before
    for top in range(0, rows, block):
        height = min(block, rows - top)
        below = np.zeros(cols + 1, np.int32)
        pixels, parents = [state.pixels], [np.arange(len(state.pixels), dtype=np.int32)]
        known = len(state.pixels)
        parts = [(state.label, state.row, state.col, state.order)]
        beside = np.zeros(height, np.int32)
        for left in range(0, cols, block):
            width = min(block, cols - left)
            values = _channel(read(top, left, height, width), channel, (height, width))
            labels, counts = _labelled(values, level, minimum)
            # the grid points along the lower and the right end of the raster belong to the last blocks
            framed = np.zeros(
                (height + 1 + (top + height == rows), width + 1 + (left + width == cols)), np.int32
            )
            framed[0, : width + 1] = above[left : left + width + 1]
            framed[1 : height + 1, 0] = beside
            inner = framed[1 : height + 1, 1 : width + 1]
            np.add(labels, np.int32(known - 1), out=inner, where=labels > 0)
            pixels.append(counts[1:])
            parents.append(np.arange(known, known + len(counts) - 1, dtype=np.int32))
            known += len(counts) - 1
            parent = np.concatenate(parents)
            join_borders(framed, parent)
            parents = [parent]
            if framed.any() and not framed.all():
                parts.append(corners(framed, top, left))
            beside = inner[:, -1].copy()
            below[left + 1 : left + width + 1] = inner[-1]
        root = roots(parents[0])
        label, row, col, order = (np.concatenate(list(arrays)) for arrays in zip(*parts, strict=True))
        total = np.bincount(root, weights=np.concatenate(pixels), minlength=known).astype(np.int64)
        live = np.zeros(known, bool)
        if top + height < rows:
            live[root[below]] = True
            live[0] = False
        label = root[label]
        done = ~live & (total >= minimum) & (total > 0)
        if done.any():
            yield _traced(label, row, col, order, done, total)
        number = np.cumsum(live, dtype=np.int32) * live
        stays = live[label]
        state = _Open(
            np.concatenate([[0], total[live]]),
            number[label[stays]],
            row[stays],
            col[stays],
            order[stays],
        )
        above = number[root[below]]


def _labelled(values: Bytes, level: int, minimum: int) -> tuple[Labels, Counts]:
    """As `label_block`, which takes longer; most of a coverage is one group, most ground has none."""
    inside = (values >= level) & (values != NO_DATA)
    if not inside.any():
        return np.zeros(values.shape, np.int32), np.zeros(1, np.int64)
    if inside.all():
        return np.ones(values.shape, np.int32), np.array([0, values.size])
    return label_block(values, level, minimum)


def _traced(
    label: Labels, row: Labels, col: Labels, order: Bytes, done: NDArray[np.bool_], total: Counts
) -> PixelPolygons:
    """Polygons of the labels that are ``done``; ``total`` pixels each."""
    chosen = np.flatnonzero(done[label])
    chosen = chosen[np.argsort(label[chosen], kind="stable")]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(label[chosen], minlength=len(done))[done])])
    coords, rings, polygons = trace(offsets, row[chosen], col[chosen], order[chosen])
    return PixelPolygons(coords, rings, polygons, total[done])


def polygonise_labels(labels: Labels, row: int = 0, col: int = 0) -> PixelPolygons:
    """Polygons of regions that may share borders, in the order of their labels.

    Parameters
    ----------
    labels : ndarray of int32, shape (h, w)
        0 for background, else 1 to n; the pixels of each label are connected over their sides.
    row, col : int
        Position of the first pixel.
    """
    total = np.bincount(labels.ravel()).astype(np.int64)
    done = total > 0
    done[0] = False
    return _traced(*corners_of_regions(labels, row, col), done, total)


def _channel(values: NDArray[np.uint8], channel: int, shape: tuple[int, int]) -> Bytes:
    plane = values[channel] if values.ndim == 3 else values
    if plane.shape != shape or plane.dtype != np.uint8:
        raise ValueError(
            f"the reader gave {plane.dtype} of shape {plane.shape}, uint8 of shape {shape} was asked for"
        )
    return np.ascontiguousarray(plane)


def _joined(offsets: list[Counts]) -> Counts:
    """Offsets of arrays that are put one after the other."""
    return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(o) for o in offsets]))])


def _ranges(offsets: Counts, rows: Counts) -> tuple[Counts, Counts]:
    """Positions of the items of some rows, one row after the other, and the offsets of these rows."""
    lengths = offsets[rows + 1] - offsets[rows]
    ends = np.concatenate([[0], np.cumsum(lengths)])
    return np.arange(ends[-1]) - np.repeat(ends[:-1] - offsets[rows], lengths), ends


def place(transform: Affine, row: Floats, col: Floats) -> tuple[Floats, Floats]:
    """Coordinates x and y of grid points, by their rows and columns."""
    x = transform.c + col * transform.a + row * transform.b
    y = transform.f + col * transform.d + row * transform.e
    return x, y
