"""Whether rasters that cover the same ground have the same values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from scipy import ndimage

from rogi.errors import InputError
from rogi.geometry import transform_coordinates
from rogi.raster.grid import Extent, Grid, Window, apply, extent_on, offset

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1.0
"""Metres by which copies on one grid differ at most: one is rounded to whole metres."""

BIAS = 2.0
"""Metres by which two grids of the same surface differ at most at the median; elevation models of different
origin differ by some metres."""

STRAYING = 0.1
"""Share of pixels that may lie beyond the finer pixels they cover, and those around these, by `TOLERANCE`."""

BORDER = 0.05
"""Share of a raster up to which another one overlaps only its border, as the tiles of a product do."""

WHOLE = 1 << 24
"""Pixels of common ground that are compared one by one; of more, `LATTICE` x `LATTICE` windows are."""

LATTICE, SIDE, PIECE = 4, 256, 1024
"""Windows along each direction of the common ground, and pixels along a side of one of them, and of the
pieces in which all pixels are compared."""


@dataclass(frozen=True)
class Candidate:
    """A raster that may be part of an elevation model.

    Attributes
    ----------
    name : str
    product : str
        Empty where it is unknown.
    grid : Grid
    read : callable
        Elevations in a window, m; NaN for voids and outside.
    """

    name: str
    product: str
    grid: Grid
    read: Callable[[Window], NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class Agreement:
    """Rasters that have the same values wherever they cover the same ground.

    Attributes
    ----------
    kept : tuple of int
        Positions of those that are no copies of others.
    notes : tuple of str
    """

    kept: tuple[int, ...]
    notes: tuple[str, ...]


def agreement(candidates: Sequence[Candidate]) -> Agreement:
    """Refuse rasters that cover the same ground with different values.

    Parameters
    ----------
    candidates : sequence of Candidate
        Of copies the first is kept.

    Raises
    ------
    InputError
        Two of them differ; both are named, with a place and what each has there.
    """
    notes: dict[tuple[str, ...], str] = {}
    copies: dict[int, int] = {}
    difference: Difference | None
    for i, j in _overlapping([candidate.grid for candidate in candidates]):
        if i in copies or j in copies:
            continue
        fine, coarse = candidates[i], candidates[j]
        if coarse.grid.metres_per_pixel < fine.grid.metres_per_pixel:
            fine, coarse = coarse, fine
        border = _share(fine.grid, coarse.grid) <= BORDER
        place = offset(fine.grid, coarse.grid)
        same = fine.product == coarse.product != ""
        if border and (same or place is None):
            continue
        if not border and fine.product and coarse.product and not same:
            raise InputError(
                f"{fine.name} ({fine.product}) and {coarse.name} ({coarse.product}) cover the same "
                "ground but are different products; give one of them, or move the other out of the folder."
            )
        if place is None:
            difference = None if same else _two_grids(fine, coarse)
            key = (fine.product, coarse.product)
            larger = coarse.grid.metres_per_pixel > 1.001 * fine.grid.metres_per_pixel
            what = "has larger pixels" if larger else "has other pixels"
            notes.setdefault(key, f"{fine.name} goes before {coarse.name}, which {what} on the same ground.")
        else:
            difference, copy = _one_grid(fine, coarse, place, border)
            if copy:
                copies[j] = i
        if difference is not None:
            longitude, latitude, first, second = difference
            raise InputError(
                f"{fine.name} and {coarse.name} cover the same ground with different values: at "
                f"{longitude:.5f}, {latitude:.5f} they have {first:.1f} and {second:.1f} m. Give the one "
                "that is right, or move the other out of the folder."
            )
    if copies:
        first, of = min(copies.items())
        more = f", and {len(copies) - 1} more" if len(copies) > 1 else ""
        notes["copies",] = f"{candidates[first].name}: left out, a copy of {candidates[of].name}{more}."
    kept = tuple(i for i in range(len(candidates)) if i not in copies)
    return Agreement(kept, tuple(notes.values()))


Difference = tuple[float, float, float, float]
"""Longitude and latitude, and the two values there, m."""


def _overlapping(grids: Sequence[Grid]) -> Iterator[tuple[int, int]]:
    """Pairs of grids that meet."""
    if len(grids) < 2:
        return
    boxes = np.array([shapely.box(*_bounds(grid)) for grid in grids])
    left, right = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    for i, j in sorted(zip(left.tolist(), right.tolist(), strict=True)):
        if i < j and _share(grids[i], grids[j]) > 0:
            yield i, j


def _bounds(grid: Grid) -> tuple[float, float, float, float]:
    rows, columns = grid.shape
    along = np.linspace(0.0, 1.0, 9)
    column = np.concatenate([along, along, np.zeros(9), np.ones(9)]) * columns
    row = np.concatenate([np.zeros(9), np.ones(9), along, along]) * rows
    lonlat = grid.lonlat(column, row)
    lonlat = lonlat[np.isfinite(lonlat).all(axis=1)]
    if not len(lonlat):
        return 0.0, 0.0, 0.0, 0.0
    (west, south), (east, north) = lonlat.min(axis=0), lonlat.max(axis=0)
    return float(west), float(south), float(east), float(north)


def _inside(one: Grid, other: Grid) -> Extent:
    """Rows and columns of `one` that `other` covers."""
    row0, row1, column0, column1 = extent_on(other, one)  # has a pixel to spare
    rows, columns = one.shape
    return max(0.0, row0 + 1), min(rows, row1 - 1), max(0.0, column0 + 1), min(columns, column1 - 1)


def _share(fine: Grid, coarse: Grid) -> float:
    """Share of the smaller of two grids that both cover."""
    row0, row1, column0, column1 = _inside(fine, coarse)
    ratio = (coarse.metres_per_pixel / fine.metres_per_pixel) ** 2
    smaller = min(float(np.prod(fine.shape)), float(np.prod(coarse.shape)) * ratio)
    return max(0.0, row1 - row0) * max(0.0, column1 - column0) / smaller


def _windows(extent: Extent, side: int) -> Iterator[Window]:
    """Windows spread over an extent."""
    row0, row1, column0, column1 = (round(v) for v in extent)
    tops = {int(v) for v in np.linspace(row0, max(row0, row1 - side), LATTICE)}
    lefts = {int(v) for v in np.linspace(column0, max(column0, column1 - side), LATTICE)}
    for top in sorted(tops):
        for left in sorted(lefts):
            yield Window(top, min(top + side, row1), left, min(left + side, column1))


def _one_grid(
    one: Candidate, other: Candidate, place: tuple[int, int], border: bool
) -> tuple[Difference | None, bool]:
    """Where two rasters of one grid differ, and whether one is a copy of the other.

    Whole rasters may nowhere differ by more than `TOLERANCE`, the borders of tiles not at the median.
    """
    extent = _inside(one.grid, other.grid)
    row0, row1, column0, column1 = (round(v) for v in extent)
    windows = list(_windows(extent, SIDE))
    whole = not border and (row1 - row0) * (column1 - column0) <= WHOLE
    if whole:
        windows += [
            Window(top, min(top + PIECE, row1), left, min(left + PIECE, column1))
            for top in range(row0, row1, PIECE)
            for left in range(column0, column1, PIECE)
        ]
    copy = whole and place == (0, 0) and one.grid.shape == other.grid.shape
    worst: Difference | None = None
    greatest, steps = 0.0, []
    for window in windows:
        first = one.read(window).astype(np.float64)
        second = other.read(window.moved(-place[0], -place[1])).astype(np.float64)
        copy = copy and np.array_equal(first, second, equal_nan=True)
        apart = np.abs(first - second)
        known = apart[np.isfinite(apart)]
        if len(known) and float(known.max()) > greatest:
            greatest = float(known.max())
            row, column = divmod(int(np.nanargmax(apart)), apart.shape[1])
            at = one.grid.lonlat(
                np.array([window.column0 + column + 0.5]), np.array([window.row0 + row + 0.5])
            )
            worst = float(at[0, 0]), float(at[0, 1]), float(first[row, column]), float(second[row, column])
        if border:
            steps.append(known)
        elif greatest > TOLERANCE:
            return worst, False
    together = np.concatenate(steps) if steps else np.zeros(0)
    return (worst if len(together) and float(np.median(together)) > BIAS else None), copy


def _two_grids(fine: Candidate, coarse: Candidate) -> Difference | None:
    """Where a coarser raster differs from a finer one.

    However a coarser pixel was made, by a mean or as the nearest finer one, its value lies among those of the
    finer pixels it covers and of those around them; and over many pixels neither is higher than the other.
    """
    side = int(np.clip(SIDE // max(1.0, coarse.grid.metres_per_pixel / fine.grid.metres_per_pixel), 2, 32))
    values, means, stray, places = [], [], [], []
    for window in _windows(_inside(coarse.grid, fine.grid), side):
        height, width = window.shape
        here = Grid(coarse.grid.crs, coarse.grid.moved(window.row0, window.column0), window.shape)
        row0, row1, column0, column1 = extent_on(here, fine.grid)
        inner = Window(int(row0) - 1, int(row1) + 2, int(column0) - 1, int(column1) + 2)
        finer = fine.read(inner).astype(np.float64)
        row, column = np.indices(finer.shape)
        points = fine.grid.lonlat((column + inner.column0 + 0.5).ravel(), (row + inner.row0 + 0.5).ravel())
        own_row, own_column = _rows_columns(here, points)
        good = (own_row >= 0) & (own_row < height) & (own_column >= 0) & (own_column < width)
        cell = (own_row[good] * width + own_column[good]).astype(np.int64)
        low = ndimage.minimum_filter(finer, 3).ravel()[good]
        high = ndimage.maximum_filter(finer, 3).ravel()[good]
        least, most = np.full(height * width, np.inf), np.full(height * width, -np.inf)
        with np.errstate(invalid="ignore"):
            np.minimum.at(least, cell, low)
            np.maximum.at(most, cell, high)
        count = np.bincount(cell, minlength=height * width)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(cell, weights=finer.ravel()[good], minlength=height * width) / count
        own = coarse.read(window).astype(np.float64).ravel()
        known = np.isfinite(own) & np.isfinite(mean) & np.isfinite(least) & np.isfinite(most)
        values.append(own[known])
        means.append(mean[known])
        stray.append(((own < least - TOLERANCE) | (own > most + TOLERANCE))[known])
        index = np.flatnonzero(known)
        places.append(here.lonlat(np.add(index % width, 0.5), np.add(index // width, 0.5)))
    value, mean = np.concatenate(values), np.concatenate(means)
    if not len(value):
        return None
    apart = value - mean
    if np.concatenate(stray).mean() <= STRAYING and abs(float(np.median(apart))) <= BIAS:
        return None
    worst = int(np.abs(apart).argmax())
    longitude, latitude = np.concatenate(places)[worst].tolist()
    return longitude, latitude, float(mean[worst]), float(value[worst])


def _rows_columns(grid: Grid, lonlat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    xy = transform_coordinates(lonlat, 4326, grid.crs)
    column, row = apply(~grid.transform, xy[:, 0], xy[:, 1])
    return np.floor(row), np.floor(column)
