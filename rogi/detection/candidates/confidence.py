"""How sure the model was of each candidate: statistics of the probabilities inside, and of gaps around it.

All are sums over pixels (counts of each of the 255 probabilities, counts of pixels around a candidate), taken
block by block; so they are the same, to the last bit, whatever the size of the blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rogi.detection.candidates.connected_pixels import NO_DATA, Bytes, Counts, Labels
from rogi.detection.candidates.polygons import BLOCK, LEVELS, PixelPolygons, Reader
from rogi.geometry import Floats

HALO = 10
"""Pixels: how far the ring reaches in which missing data are counted."""
_AT_ONCE = 20_000  # candidates whose histograms are in memory
_LOW = 0.1


@dataclass(frozen=True)
class Confidence:
    """Statistics of n candidates; each array has shape (n,).

    Attributes
    ----------
    mean : ndarray of float64
        Mean probability of the pixels inside.
    p10 : ndarray of float64
        The least probability that at least a tenth of the pixels do not exceed.
    spread : ndarray of float64
        Standard deviation of the probabilities of the pixels.
    entropy : ndarray of float64
        Mean entropy of the pixels, bits: -p log₂ p - (1 - p) log₂(1 - p); 0 is sure, 1 undecided.
    invalid_halo : ndarray of float64
        Share of pixels without data in the ring of pixels at most `HALO` rows and columns away from the
        candidate, beyond the end of the raster too.
    at_edge : ndarray of bool
        Whether a pixel inside has a side in common with one without data or with the end of the raster.
    """

    mean: Floats
    p10: Floats
    spread: Floats
    entropy: Floats
    invalid_halo: Floats
    at_edge: NDArray[np.bool_]


def confidence(
    read: Reader,
    shape: tuple[int, int],
    polygons: PixelPolygons,
    *,
    channel: int = 0,
    block: int = BLOCK,
) -> Confidence:
    """Statistics of the probabilities in some polygons of a probability raster.

    Parameters
    ----------
    read : callable
        See `polygons.Reader`; asked for windows inside the raster, of at most ``block`` and
        twice `HALO` rows and columns, where there are polygons.
    shape : (int, int)
        Rows and columns of the raster.
    polygons : PixelPolygons
        Of this raster; pixels without data inside count in no statistic.
    channel : int
        Where the reader gives several.
    block : int
        Rows and columns of a block; the result does not depend on it.
    """
    parts = []
    for first in range(0, max(1, len(polygons)), _AT_ONCE):
        rows = np.arange(first, min(first + _AT_ONCE, len(polygons)))
        some = polygons if len(rows) == len(polygons) else polygons.take(rows)
        parts.append(_summary(*_tallies(read, shape, some, channel, block)))
    names = ("mean", "p10", "spread", "entropy", "invalid_halo", "at_edge")
    return Confidence(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def histograms(
    read: Reader, shape: tuple[int, int], polygons: PixelPolygons, *, channel: int = 0, block: int = BLOCK
) -> Counts:
    """Pixels of each value, 0 to 255, inside each polygon: shape (n, 256)."""
    return _tallies(read, shape, polygons, channel, block)[0]


def _tallies(
    read: Reader, shape: tuple[int, int], polygons: PixelPolygons, channel: int, block: int
) -> tuple[Counts, Counts, NDArray[np.bool_]]:
    """Pixels by value; pixels of the ring without data, and all of it; whether at an edge."""
    n = len(polygons)
    counts, ring = np.zeros((n, NO_DATA + 1), np.int64), np.zeros((n, 2), np.int64)
    at_edge = np.zeros(n, np.bool_)
    bounds = polygons.bounds().astype(np.int64)
    reach = bounds + np.array([-HALO, -HALO, HALO, HALO])
    for top in range(-HALO, shape[0] + HALO, block):
        in_rows = np.flatnonzero((reach[:, 0] < top + block) & (reach[:, 2] > top))
        if not len(in_rows):
            continue
        for left in range(-HALO, shape[1] + HALO, block):
            here = in_rows[(reach[in_rows, 1] < left + block) & (reach[in_rows, 3] > left)]
            if not len(here):
                continue
            values = _window(read, shape, channel, top - HALO, left - HALO, block + 2 * HALO)
            _tally(
                values,
                top - HALO,
                left - HALO,
                polygons.coords,
                polygons.ring_offsets,
                polygons.polygon_offsets,
                here,
                bounds,
                counts,
                ring,
                at_edge,
            )
    return counts, ring, at_edge


def _window(read: Reader, shape: tuple[int, int], channel: int, top: int, left: int, size: int) -> Bytes:
    """A square window that may reach beyond the raster, where there are no data."""
    out = np.full((size, size), NO_DATA, np.uint8)
    first_row, first_col = max(top, 0), max(left, 0)
    height = min(top + size, shape[0]) - first_row
    width = min(left + size, shape[1]) - first_col
    if height > 0 and width > 0:
        values = read(first_row, first_col, height, width)
        plane = values[channel] if values.ndim == 3 else values
        row, col = first_row - top, first_col - left
        out[row : row + height, col : col + width] = plane
    return out


def _summary(counts: Counts, ring: Counts, at_edge: NDArray[np.bool_]) -> Confidence:
    probability = np.arange(NO_DATA) / LEVELS
    entropy = np.zeros(NO_DATA)
    inner = probability[1:-1]
    entropy[1:-1] = -inner * np.log2(inner) - (1 - inner) * np.log2(1 - inner)
    valid = counts[:, :NO_DATA]
    pixels = valid.sum(axis=1)
    below = np.cumsum(valid, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # whole numbers up to the division, so that no order of summation matters
        mean = (valid @ np.arange(NO_DATA)) / (pixels * LEVELS)
        square = (valid @ np.arange(NO_DATA) ** 2) / (pixels * LEVELS**2)
        return Confidence(
            mean=mean,
            p10=np.where(pixels > 0, np.argmax(below >= _LOW * pixels[:, None], axis=1) / LEVELS, np.nan),
            spread=np.sqrt(np.maximum(square - mean * mean, 0.0)),
            entropy=(valid * entropy).sum(axis=1) / pixels,
            invalid_halo=np.where(ring[:, 1] > 0, ring[:, 0] / np.maximum(ring[:, 1], 1), 0.0),
            at_edge=at_edge,
        )


@njit(cache=True, nogil=True)
def fill(
    coords: Labels, ring_offsets: Counts, first: int, last: int, top: int, left: int, inside: Bytes
) -> None:
    """Set the pixels inside the rings ``first`` to ``last - 1`` to 1, in a window of zeros.

    Every vertical edge turns over the pixels to its right.
    """
    h, w = inside.shape
    for ring in range(first, last):
        start, stop = ring_offsets[ring], ring_offsets[ring + 1]
        before = stop - 1
        for k in range(start, stop):
            col = coords[k, 1]
            if col == coords[before, 1] and col - left < w:
                a, b = coords[before, 0] - top, coords[k, 0] - top
                if a > b:
                    a, b = b, a
                j = max(col - left, 0)
                for i in range(max(a, 0), min(b, h)):
                    inside[i, j] ^= 1
            before = k
    for i in range(h):
        for j in range(1, w):
            inside[i, j] ^= inside[i, j - 1]


@njit(cache=True, nogil=True)
def _near(inside: Bytes) -> Bytes:
    """Pixels at most `HALO` rows and columns away from one inside."""
    h, w = inside.shape
    rows, out = np.zeros((h, w), np.uint8), np.zeros((h, w), np.uint8)
    for i in range(h):
        last = -HALO - 1
        for j in range(w):
            if inside[i, j]:
                last = j
            if j - last <= HALO:
                rows[i, j] = 1
        last = w + HALO
        for j in range(w - 1, -1, -1):
            if inside[i, j]:
                last = j
            if last - j <= HALO:
                rows[i, j] = 1
    seen = np.full(w, -HALO - 1)
    for i in range(h):
        for j in range(w):
            if rows[i, j]:
                seen[j] = i
            if i - seen[j] <= HALO:
                out[i, j] = 1
    seen[:] = h + HALO
    for i in range(h - 1, -1, -1):
        for j in range(w):
            if rows[i, j]:
                seen[j] = i
            if seen[j] - i <= HALO:
                out[i, j] = 1
    return out


@njit(cache=True, nogil=True)
def _tally(
    values: Bytes,
    top: int,
    left: int,
    coords: Labels,
    ring_offsets: Counts,
    polygon_offsets: Counts,
    chosen: Counts,
    bounds: Counts,
    counts: Counts,
    ring: Counts,
    at_edge: NDArray[np.bool_],
) -> None:
    """Add the pixels of a block, without its margin of `HALO` pixels, to the sums of some polygons."""
    size = len(values)
    for n in chosen:
        # the part of the window that matters to this polygon, with a margin for the ring
        r0, c0 = max(bounds[n, 0] - 2 * HALO - top, 0), max(bounds[n, 1] - 2 * HALO - left, 0)
        r1, c1 = min(bounds[n, 2] + 2 * HALO - top, size), min(bounds[n, 3] + 2 * HALO - left, size)
        h, w = r1 - r0, c1 - c0
        if h <= 0 or w <= 0:
            continue
        inside = np.zeros((h, w), np.uint8)
        fill(coords, ring_offsets, polygon_offsets[n], polygon_offsets[n + 1], top + r0, left + c0, inside)
        near = _near(inside)
        for i in range(max(HALO - r0, 0), min(size - HALO - r0, h)):
            for j in range(max(HALO - c0, 0), min(size - HALO - c0, w)):
                if not near[i, j]:
                    continue
                value = values[r0 + i, c0 + j]
                if inside[i, j]:
                    counts[n, value] += 1
                    continue
                ring[n, 1] += 1
                if value == NO_DATA:
                    ring[n, 0] += 1
                    if (
                        (i > 0 and inside[i - 1, j])
                        or (i + 1 < h and inside[i + 1, j])
                        or (j > 0 and inside[i, j - 1])
                        or (j + 1 < w and inside[i, j + 1])
                    ):
                        at_edge[n] = True
