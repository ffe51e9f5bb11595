"""Connected pixels of one block, and the corners of their outlines: the kernels of `polygons`.

Foreground is connected over the sides of pixels (4-connectivity). Blocks are labelled one by one; labels that
meet at a border between blocks are joined by union-find.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

NO_DATA = 255
"""Pixels of a probability raster that carry no prediction."""

Labels = NDArray[np.int32]
Counts = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@njit(cache=True, nogil=True, inline="always")
def find(parent: Labels, i: int) -> int:
    """Root of a label, with path halving."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def join(parent: Labels, i: int, j: int) -> None:
    """Make two labels one; the smaller number becomes the root."""
    a, b = find(parent, i), find(parent, j)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@njit(cache=True, nogil=True)
def label_block(values: Bytes, level: int, minimum: int) -> tuple[Labels, Counts]:
    """Label the foreground of a block.

    Parameters
    ----------
    values : ndarray of uint8, shape (h, w)
    level : int
        Foreground are values from ``level`` to 254.
    minimum : int
        Groups of fewer pixels that do not touch the border of the block are background.

    Returns
    -------
    labels : ndarray of int32, shape (h, w)
        0 for background, else 1 to n.
    counts : ndarray of int64, shape (n + 1,)
        Pixels of each label; the first entry is 0.
    """
    h, w = values.shape
    labels = np.zeros((h, w), np.int32)
    parent = np.zeros(h * w // 2 + h + 2, np.int32)  # at most one new label in two pixels of a row
    n = 0
    for i in range(h):
        left = 0
        for j in range(w):
            v = values[i, j]
            if v < level or v == NO_DATA:
                left = 0
                continue
            up = labels[i - 1, j] if i else 0
            if left:
                if up and up != left:
                    join(parent, up, left)
            elif up:
                left = up
            else:
                n += 1
                parent[n] = n
                left = n
            labels[i, j] = left
    size = np.zeros(n + 1, np.int64)
    edge = np.zeros(n + 1, np.bool_)
    for k in range(1, n + 1):  # roots are smaller than what they hold
        parent[k] = parent[parent[k]]
    for i in range(h):
        for j in range(w):
            k = labels[i, j]
            if k:
                k = parent[k]
                size[k] += 1
                if i == 0 or j == 0 or i == h - 1 or j == w - 1:
                    edge[k] = True
    number = np.zeros(n + 1, np.int32)
    kept = 0
    for k in range(1, n + 1):
        if parent[k] == k and (edge[k] or size[k] >= minimum):
            kept += 1
            number[k] = kept
            size[kept] = size[k]
    for k in range(1, n + 1):
        if parent[k] != k:
            number[k] = number[parent[k]]
    for i in range(h):
        for j in range(w):
            labels[i, j] = number[labels[i, j]]
    counts = size[: kept + 1].copy()
    counts[0] = 0
    return labels, counts


@njit(cache=True, nogil=True)
def join_borders(framed: Labels, parent: Labels) -> None:
    """Join the labels of a block with those of the row above and the column to the left of it.

    Parameters
    ----------
    framed : ndarray of int32, shape (h + 1, w + 1) or larger
        Labels, with the row above as the first row and the column to the left as the first column.
    parent : ndarray of int32
        Changed in place.
    """
    for i in range(1, framed.shape[0]):
        if framed[i, 0] and framed[i, 1]:
            join(parent, framed[i, 0], framed[i, 1])
    for j in range(1, framed.shape[1]):
        if framed[0, j] and framed[1, j]:
            join(parent, framed[0, j], framed[1, j])


@njit(cache=True, nogil=True)
def roots(parent: Labels) -> Labels:
    """Root of every label."""
    out = np.empty_like(parent)
    for i in range(len(parent)):
        out[i] = find(parent, i)
    return out


@njit(cache=True, nogil=True)
def corners(framed: Labels, row: int, col: int) -> tuple[Labels, Labels, Labels, Bytes]:
    """Corners of the outlines at the upper left of each pixel of a block.

    A corner lies where one or three of the four pixels around a grid point are foreground. Where two
    foreground pixels touch diagonally each of them has a corner there, so the point is named twice.

    Parameters
    ----------
    framed : ndarray of int32, shape (h + 1, w + 1)
        As in `join_borders`.
    row, col : int
        Grid point between the first four pixels of ``framed``.

    Returns
    -------
    label, row, col : ndarray of int32, shape (v,)
    order : ndarray of uint8, shape (v,)
        For points named twice, bit 0 tells the later one along the row and bit 1 the later one along the
        column, so that an outline that meets itself there turns round the background: its holes stay holes.
    """
    h, w = framed.shape[0] - 1, framed.shape[1] - 1
    total = 0
    for i in range(h):
        for j in range(w):
            nw, ne = framed[i, j] != 0, framed[i, j + 1] != 0
            sw, se = framed[i + 1, j] != 0, framed[i + 1, j + 1] != 0
            if nw ^ ne ^ sw ^ se:
                total += 1
            elif nw != ne and nw == se:
                total += 2
    label, at_row = np.empty(total, np.int32), np.empty(total, np.int32)
    at_col, order = np.empty(total, np.int32), np.zeros(total, np.uint8)
    k = 0
    for i in range(h):
        for j in range(w):
            a, b, c, d = framed[i, j], framed[i, j + 1], framed[i + 1, j], framed[i + 1, j + 1]
            nw, ne, sw, se = a != 0, b != 0, c != 0, d != 0
            if nw ^ ne ^ sw ^ se:
                label[k], at_row[k], at_col[k] = max(a, b, c, d), row + i, col + j
                k += 1
            elif nw != ne and nw == se:
                # left and up, then right and down round the background; or left and down, right and up
                label[k], label[k + 1] = (b, c) if ne else (a, d)
                at_row[k] = at_row[k + 1] = row + i
                at_col[k] = at_col[k + 1] = col + j
                if ne:
                    order[k + 1] = 3
                else:
                    order[k], order[k + 1] = 2, 1
                k += 2
    return label, at_row, at_col, order


@njit(cache=True, nogil=True)
def trace(offsets: Counts, row: Labels, col: Labels, order: Bytes) -> tuple[Labels, Counts, Counts]:
    """Rings from the corners of each group of pixels.

    Along each grid row the corners of a group are, two by two, the ends of its horizontal edges; along each
    grid column, of its vertical edges. The rings follow these edges in turn.

    Parameters
    ----------
    offsets : ndarray of int64, shape (n + 1,)
        Group i has the corners ``offsets[i]`` to ``offsets[i + 1] - 1``.
    row, col, order : ndarrays, shape (v,)
        Of `corners`.

    Returns
    -------
    coords : ndarray of int32, shape (v, 2)
        Row and column. Each ring starts at its first corner by row and column, and is not closed. Exteriors
        first go down, holes first to the right.
    ring_offsets : ndarray of int64, shape (r + 1,)
    polygon_offsets : ndarray of int64, shape (n + 1,)
        The first ring of a group is its exterior, the others are holes, by their first corners.
    """
    n, v = len(offsets) - 1, len(row)
    coords = np.empty((v, 2), np.int32)
    ring_offsets = np.zeros(v // 4 + 1, np.int64)
    polygon_offsets = np.zeros(n + 1, np.int64)
    rings = at = 0
    for group in range(n):
        first, last = offsets[group], offsets[group + 1]
        size = last - first
        along_row, along_col = np.empty(size, np.int64), np.empty(size, np.int64)
        for k in range(size):
            r, c, o = np.int64(row[first + k]), np.int64(col[first + k]), np.int64(order[first + k])
            along_row[k] = (r << 32) | (c << 1) | (o & 1)
            along_col[k] = (c << 32) | (r << 1) | (o >> 1)
        by_row, by_col = np.argsort(along_row), np.argsort(along_col)
        across, down = np.empty(size, np.int64), np.empty(size, np.int64)
        for k in range(0, size, 2):
            across[by_row[k]], across[by_row[k + 1]] = by_row[k + 1], by_row[k]
            down[by_col[k]], down[by_col[k + 1]] = by_col[k + 1], by_col[k]
        seen = np.zeros(size, np.bool_)
        for k in range(size):
            start = by_row[k]
            if seen[start]:
                continue
            vertical = k == 0  # the first corner of all is on the exterior
            current = start
            while not seen[current]:
                seen[current] = True
                coords[at, 0], coords[at, 1] = row[first + current], col[first + current]
                at += 1
                current = down[current] if vertical else across[current]
                vertical = not vertical
            rings += 1
            ring_offsets[rings] = at
        polygon_offsets[group + 1] = rings
    return coords, ring_offsets[: rings + 1].copy(), polygon_offsets


@njit(cache=True, nogil=True)
def corners_of_regions(labels: Labels, row: int, col: int) -> tuple[Labels, Labels, Labels, Bytes]:
    """Corners of the outlines of regions that may share borders.

    Parameters
    ----------
    labels : ndarray of int32, shape (h, w)
        0 for background; the pixels of each label are connected over their sides.
    row, col : int
        Position of the first pixel.

    Returns
    -------
    label, row, col : ndarray of int32, shape (v,)
    order : ndarray of uint8, shape (v,)
        As in `corners`.
    """
    h, w = labels.shape
    around = np.zeros(4, np.int32)
    label, at_row = np.empty(0, np.int32), np.empty(0, np.int32)
    at_col, order = np.empty(0, np.int32), np.zeros(0, np.uint8)
    for write in (False, True):
        k = 0
        for i in range(h + 1):
            for j in range(w + 1):
                around[0] = labels[i - 1, j - 1] if i > 0 and j > 0 else 0
                around[1] = labels[i - 1, j] if i > 0 and j < w else 0
                around[2] = labels[i, j - 1] if i < h and j > 0 else 0
                around[3] = labels[i, j] if i < h and j < w else 0
                if around[0] == around[1] == around[2] == around[3]:
                    continue
                for n in range(4):
                    here = around[n]
                    if here == 0 or (here == around[:n]).any():
                        continue
                    nw, ne, sw, se = (
                        here == around[0],
                        here == around[1],
                        here == around[2],
                        here == around[3],
                    )
                    if nw ^ ne ^ sw ^ se:
                        if write:
                            label[k], at_row[k], at_col[k] = here, row + i, col + j
                        k += 1
                    elif nw != ne and nw == se:
                        if write:
                            label[k] = label[k + 1] = here
                            at_row[k] = at_row[k + 1] = row + i
                            at_col[k] = at_col[k + 1] = col + j
                            if ne:
                                order[k + 1] = 3
                            else:
                                order[k], order[k + 1] = 2, 1
                        k += 2
        if not write:
            label, at_row = np.empty(k, np.int32), np.empty(k, np.int32)
            at_col, order = np.empty(k, np.int32), np.zeros(k, np.uint8)
    return label, at_row, at_col, order
