"""Units that touch, separated: where a polygon of pixels is several lobes, or where the model saw a boundary.

Each polygon is worked on in its own bounding box, so the result is the same however the raster is tiled.

``watershed``
    The distance of each pixel to the outline is a relief whose summits are the middles of lobes. It is
    flooded from the summits down; two basins that meet become one unless the neck between them is narrow,
    that is, unless the distance there is at most `NECK` of that at the lower of the two summits.
``boundary``
    For models with a boundary class: the pixels of the polygon that are no boundary are taken apart in the
    same way, but with narrow necks only (`GAP`), which are gaps in the boundary; the groups then grow back
    over the boundary, each pixel going to the nearest.

A unit smaller than the minimum is not cut off: it joins the neighbour it has the widest neck with.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from rogi.detection.candidates.confidence import fill
from rogi.detection.candidates.connected_pixels import NO_DATA, Bytes, Counts, Labels, find, join
from rogi.detection.candidates.polygons import PixelPolygons, Reader, polygonise_labels
from rogi.detection.candidates.polygons import join as join_polygons
from rogi.geometry import Floats, Ints

NECK = 0.7
"""Width of a neck relative to the narrower of the lobes beside it up to which they are two units; the choice
of this project, measured on synthetic lobes (docs/methods/detection-candidates.md)."""
GAP = 0.3
"""Width of a gap in a boundary relative to the narrower of the units beside it that is overlooked."""
SEED_SHARE = 0.25
"""Groups of pixels between boundaries with less than this share of the minimum are no units."""
MAXIMUM_PIXELS = 1 << 25
"""Polygons with a larger bounding box are left whole: they would not fit into memory."""


class Separate(StrEnum):
    """How units that touch are separated."""

    WATERSHED = "watershed"
    BOUNDARY = "boundary"


@dataclass(frozen=True)
class Separated:
    """Units after the separation.

    Attributes
    ----------
    polygons : PixelPolygons
        In the order of their first corners; together they cover the same pixels as before.
    parent : ndarray of int, shape (n,)
        Row of the polygon a unit is a part of; -1 where it was not cut.
    too_large : int
        Polygons left whole because of their size.
    """

    polygons: PixelPolygons
    parent: Ints
    too_large: int = 0


def separate_units(
    read: Reader,
    polygons: PixelPolygons,
    method: Separate,
    *,
    minimum_pixels: Counts,
    boundary_level: int = 127,
    pixel_size: tuple[float, float] = (1.0, 1.0),
    neck: float = NECK,
) -> Separated:
    """Separate the units of each polygon.

    Parameters
    ----------
    read : callable
        See `polygons.Reader`; asked for the bounding box of each polygon, and only for
        ``boundary``, where the second channel is the boundary class.
    polygons : PixelPolygons
    method : Separate
    minimum_pixels : ndarray of int64, shape (n,)
        Least size of a unit.
    boundary_level : int
        Least value of a boundary pixel.
    pixel_size : (float, float)
        Height and width of a pixel in one unit of length.
    neck : float
        See `NECK`.
    """
    size = polygons.bounds().astype(np.int64)
    area = (size[:, 2] - size[:, 0]) * (size[:, 3] - size[:, 1])
    large = area > MAXIMUM_PIXELS
    chosen = np.flatnonzero((polygons.pixels >= 2 * minimum_pixels) & ~large)

    reading = Lock()  # rasters are not made to be read by several threads

    def parts_of(row: int) -> PixelPolygons | None:
        top, left, bottom, right = (int(v) for v in size[row])
        inside = np.zeros((bottom - top, right - left), np.uint8)
        rings = polygons.polygon_offsets[row : row + 2]
        fill(polygons.coords, polygons.ring_offsets, rings[0], rings[1], top, left, inside)
        least = int(minimum_pixels[row])
        if method is Separate.WATERSHED:
            labels = separate_lobes(inside, least, pixel_size=pixel_size, neck=neck)
        else:
            with reading:
                values = read(top, left, *inside.shape)
            boundary = (values[1] >= boundary_level) & (values[1] != NO_DATA)
            labels = separate_at_boundaries(inside, boundary, least, pixel_size=pixel_size)
        return polygonise_labels(labels, top, left) if labels.max() > 1 else None

    with ThreadPoolExecutor() as pool:
        found = list(pool.map(parts_of, chosen.tolist()))
    cut = np.array([p is not None for p in found], bool)
    parts = [p for p in found if p is not None]
    whole = np.setdiff1d(np.arange(len(polygons)), chosen[cut])
    everything = [polygons.take(whole), *parts]
    parent = np.concatenate(
        [np.full(len(whole), -1), np.repeat(chosen[cut], [len(p) for p in parts]).astype(np.intp)]
    )
    first = np.concatenate([p.coords[p.corner_offsets[:-1]] for p in everything])
    order = np.lexsort([first[:, 1], first[:, 0]])
    return Separated(join_polygons(everything), parent[order], int(large.sum()))


def separate_lobes(
    inside: Bytes,
    minimum_pixels: int,
    *,
    pixel_size: tuple[float, float] = (1.0, 1.0),
    neck: float = NECK,
) -> Labels:
    """Labels of the lobes of one polygon, by the watershed of the distance to its outline.

    Parameters
    ----------
    inside : ndarray of uint8, shape (h, w)
        1 inside the polygon, which is connected over the sides of pixels; holes smaller than a unit do not
        count as outside when distances are measured.
    minimum_pixels : int
        Least size of a lobe.
    pixel_size : (float, float)
        Height and width of a pixel.
    neck : float
        See `NECK`.

    Returns
    -------
    ndarray of int32, shape (h, w)
        0 outside, else 1 to n by first pixels; each label is connected over the sides of pixels.
    """
    solid = np.pad(_without_small_holes(inside, minimum_pixels), 1)
    relief = ndimage.distance_transform_edt(solid, sampling=pixel_size)[1:-1, 1:-1]
    return _lobes(relief, inside != 0, neck, minimum_pixels)


def separate_at_boundaries(
    inside: Bytes,
    boundary: NDArray[np.bool_],
    minimum_pixels: int,
    *,
    pixel_size: tuple[float, float] = (1.0, 1.0),
) -> Labels:
    """Labels of the units of one polygon, from the pixels where a model saw a boundary between units.

    Parameters
    ----------
    inside : ndarray of uint8, shape (h, w)
    boundary : ndarray of bool, shape (h, w)
    minimum_pixels : int
        Least size of a unit, its share of the boundary pixels included.
    pixel_size : (float, float)
        Height and width of a pixel.

    Returns
    -------
    ndarray of int32, shape (h, w)
        As of `separate_lobes`.
    """
    core = (inside != 0) & ~boundary
    relief = ndimage.distance_transform_edt(np.pad(core, 1), sampling=pixel_size)[1:-1, 1:-1]
    seeds = _lobes(relief, core, GAP, max(1, int(SEED_SHARE * minimum_pixels)))
    count = int(seeds.max(initial=0))
    size = np.bincount(seeds.ravel(), minlength=count + 1)
    alive = size >= max(1.0, SEED_SHARE * minimum_pixels)
    alive[0] = False
    while True:
        labels = np.where(alive[seeds], seeds, 0).astype(np.int32)
        if alive.sum() < 2:
            return np.asarray(inside != 0, np.int32)
        _grow(labels, inside)
        grown = np.bincount(labels.ravel(), minlength=count + 1)
        small = alive & (grown < minimum_pixels)
        if not small.any():
            return _renumbered(labels)
        alive[np.flatnonzero(small)[np.argmin(grown[small])]] = False


def _lobes(relief: Floats, inside: NDArray[np.bool_], neck: float, minimum: int) -> Labels:
    pixels = np.flatnonzero(inside)
    order = pixels[np.argsort(-relief.ravel()[pixels], kind="stable")]
    return _renumbered(_flood(np.ascontiguousarray(relief), order, float(neck), int(minimum)))


def _without_small_holes(inside: Bytes, pixels: int) -> NDArray[np.bool_]:
    outside, count = ndimage.label(np.pad(inside == 0, 1, constant_values=True))
    if count == 1:
        return np.asarray(inside != 0)
    small = np.bincount(outside.ravel()) < pixels
    small[[0, outside[0, 0]]] = False
    return np.asarray((inside != 0) | small[outside][1:-1, 1:-1])


def _renumbered(labels: Labels) -> Labels:
    """Labels from 1 by their first pixels."""
    present, first = np.unique(labels, return_index=True)
    keep = present > 0
    number = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    number[present[keep][np.argsort(first[keep])]] = np.arange(1, keep.sum() + 1)
    return np.asarray(number[labels])


@njit(cache=True, nogil=True)
def _flood(relief: Floats, order: Counts, neck: float, minimum: int) -> Labels:
    """Basins of a relief flooded from the summits down; pixels of equal height in the order of the raster."""
    h, w = relief.shape
    labels = np.zeros((h, w), np.int32)
    parent, summit = np.zeros(len(order) + 1, np.int32), np.zeros(len(order) + 1)
    necks = [(0, 0)]  # basins that met and stayed apart, the widest neck first
    n = 0
    near = np.zeros(4, np.int32)
    for pixel in order:
        i, j = pixel // w, pixel % w
        height, best, label = relief[i, j], -1.0, 0
        for k in range(4):
            near[k] = 0
            y, x = i + (k == 3) - (k == 0), j + (k == 2) - (k == 1)
            if 0 <= y < h and 0 <= x < w and labels[y, x]:
                near[k] = find(parent, labels[y, x])
                if relief[y, x] > best:
                    best, label = relief[y, x], near[k]
        if label == 0:
            n += 1
            parent[n], summit[n], labels[i, j] = n, height, n
            continue
        labels[i, j] = label
        for k in range(4):
            a, b = find(parent, label), find(parent, near[k]) if near[k] else 0
            if b == 0 or a == b:
                continue
            if height > neck * min(summit[a], summit[b]):
                top = max(summit[a], summit[b])
                join(parent, a, b)
                summit[find(parent, a)] = top
            elif necks[-1] != (a, b):
                necks.append((a, b))
    size = np.zeros(n + 1, np.int64)
    for pixel in order:
        size[find(parent, labels[pixel // w, pixel % w])] += 1
    while True:
        least = 0
        for k in range(1, n + 1):
            if parent[k] == k and size[k] < minimum and (least == 0 or size[k] < size[least]):
                least = k
        if least == 0:
            break
        other = 0
        for first, second in necks[1:]:
            a, b = find(parent, first), find(parent, second)
            if a != b and (a == least or b == least):
                other = b if a == least else a
                break
        if other == 0:
            break
        total = size[least] + size[other]
        join(parent, least, other)
        size[find(parent, least)] = total
    for pixel in order:
        i, j = pixel // w, pixel % w
        labels[i, j] = find(parent, labels[i, j])
    return labels


@njit(cache=True, nogil=True)
def _grow(labels: Labels, inside: Bytes) -> None:
    """Give every pixel inside to the label nearest over the sides of pixels inside; of equals the first."""
    h, w = labels.shape
    queue = np.empty(h * w, np.int64)
    head = tail = 0
    for i in range(h):
        for j in range(w):
            if labels[i, j]:
                queue[tail] = i * w + j
                tail += 1
    while head < tail:
        i, j = queue[head] // w, queue[head] % w
        head += 1
        for k in range(4):
            y, x = i + (k == 3) - (k == 0), j + (k == 2) - (k == 1)
            if 0 <= y < h and 0 <= x < w and inside[y, x] and labels[y, x] == 0:
                labels[y, x] = labels[i, j]
                queue[tail] = y * w + x
                tail += 1
