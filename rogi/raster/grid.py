"""Rows and columns of rasters: windows of them, where they lie on the ground, and which share a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.geometry import local_metres, transform_coordinates
from rogi.longitudes import beside

if TYPE_CHECKING:
    import pyproj

ALIGNMENT = 0.01
"""Pixels by which the grids of tiles may differ and still count as one: their headers are rounded."""

Mask = NDArray[np.bool_]
METRES_PER_DEGREE = 111_320.0
"""Of longitude at the equator."""

Extent = tuple[float, float, float, float]
"""row0, row1, column0, column1 on a grid."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns of a grid, last ones excluded; may reach outside it."""

    row0: int
    row1: int
    column0: int
    column1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.row1 - self.row0, self.column1 - self.column0

    def grown(self, margin: int) -> Window:
        """The window with `margin` more pixels on each side."""
        return Window(self.row0 - margin, self.row1 + margin, self.column0 - margin, self.column1 + margin)

    def moved(self, rows: int, columns: int) -> Window:
        """The window so many rows down and columns to the right."""
        return Window(self.row0 + rows, self.row1 + rows, self.column0 + columns, self.column1 + columns)

    def within(self, shape: tuple[int, int]) -> Window:
        """The part inside a grid of a shape; of no rows or columns where there is none."""
        row0, column0 = min(max(self.row0, 0), shape[0]), min(max(self.column0, 0), shape[1])
        return Window(
            row0, max(row0, min(self.row1, shape[0])), column0, max(column0, min(self.column1, shape[1]))
        )

    def part(self, inner: Window) -> tuple[slice, slice]:
        """Rows and columns of this window that another one inside it has."""
        return (
            slice(inner.row0 - self.row0, inner.row1 - self.row0),
            slice(inner.column0 - self.column0, inner.column1 - self.column0),
        )

    def shared(self, other: Window) -> Window:
        """The part that another window has too; without rows or columns if they share nothing."""
        row0, column0 = max(self.row0, other.row0), max(self.column0, other.column0)
        row1, column1 = min(self.row1, other.row1), min(self.column1, other.column1)
        return Window(row0, max(row0, row1), column0, max(column0, column1))

    def without(self, inner: Window) -> list[Window]:
        """What is left without a window inside this one, in at most four windows."""
        rest = (
            Window(self.row0, inner.row0, self.column0, self.column1),
            Window(inner.row1, self.row1, self.column0, self.column1),
            Window(inner.row0, inner.row1, self.column0, inner.column0),
            Window(inner.row0, inner.row1, inner.column1, self.column1),
        )
        return [window for window in rest if 0 not in window.shape]

    def bands(self, rows: int) -> Iterator[Window]:
        """The window cut where rows of the grid are multiples of a number."""
        row = self.row0
        while row < self.row1:
            last = min(row - row % rows + rows, self.row1)
            yield Window(row, last, self.column0, self.column1)
            row = last


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie.

    Attributes
    ----------
    crs : pyproj.CRS
    transform : Affine
        From (column, row) to coordinates, at pixel corners.
    shape : tuple of int
        Rows and columns.
    """

    crs: pyproj.CRS
    transform: Affine
    shape: tuple[int, int]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Least x, least y, greatest x, greatest y of the four corners, in the units of the CRS."""
        rows, columns = self.shape
        x, y = apply(self.transform, np.array([0, columns, 0, columns]), np.array([0, 0, rows, rows]))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @cached_property
    def pixel_metres(self) -> tuple[float, float]:
        """Length on the ground of a step along a row and along a column, m, at the centre of the grid."""
        rows, columns = self.shape
        along, down = self.pixel_metres_at(np.array([rows / 2]), np.array([columns / 2]))
        return float(along[0]), float(down[0])

    def pixel_metres_at(
        self, row: NDArray[np.float64], column: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Length on the ground of a step along a row and along a column, m, at places of shape (n,)."""
        places = [(column, row), (column + 1.0, row), (column, row + 1.0)]
        here, right, below = (self.lonlat(*place) for place in places)
        along, down = local_metres(right, here), local_metres(below, here)
        return np.hypot(along[:, 0], along[:, 1]), np.hypot(down[:, 0], down[:, 1])

    def lonlat(self, column: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Longitude and latitude on WGS84, shape (n, 2), of places counted in pixels from the corner."""
        x, y = apply(self.transform, column, row)
        return transform_coordinates(np.column_stack([x, y]), self.crs, 4326)

    @property
    def metres_per_pixel(self) -> float:
        """Side of a square with the ground area of a pixel at the centre, m."""
        along, down = self.pixel_metres
        return float(np.sqrt(along * down))

    def moved(self, rows: int, columns: int) -> Affine:
        """The transform with the origin so many rows down and columns to the right."""
        return self.transform if rows == columns == 0 else self.transform @ Affine.translation(columns, rows)


def apply(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """An affine transform of arrays or numbers."""
    return transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f


def offset(base: Grid, other: Grid) -> tuple[int, int] | None:
    """Row and column of `other` on `base`, or None if it lies on another grid."""
    a, b = base.transform, other.transform
    drift = max(abs(a.a - b.a), abs(a.b - b.b), abs(a.d - b.d), abs(a.e - b.e)) * max(other.shape)
    if drift > ALIGNMENT * max(abs(a.a), abs(a.b)) or base.crs != other.crs:
        return None
    column, row = apply(~a, b.c, b.f)
    if max(abs(column - round(column)), abs(row - round(row))) > ALIGNMENT:
        return None
    return round(row), round(column)


def fineness(grid: Grid) -> tuple[float, str, float, float]:
    """What grids are sorted by, the finest first: a quality of the grid, whatever files lie on it.

    Pixels of degrees count by their size at the equator. Grids of one size are sorted by their CRS, then by
    where their pixels begin.
    """
    unit = METRES_PER_DEGREE if grid.crs.is_geographic else grid.crs.axis_info[0].unit_conversion_factor
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    area = abs(a * e - b * d) * unit**2
    column, row = apply(~Affine(a, b, 0.0, d, e, 0.0), c, f)
    return float(f"{area:.6g}"), grid.crs.to_string(), round(column % 1.0, 3) % 1.0, round(row % 1.0, 3) % 1.0


def aligned(grids: Sequence[Grid]) -> list[list[int]]:
    """Positions of grids in groups that share one; the largest group first, then by the first of each."""
    groups: list[list[int]] = []
    for number, grid in enumerate(grids):
        for group in groups:
            if offset(grids[group[0]], grid) is not None:
                group.append(number)
                break
        else:
            groups.append([number])
    return sorted(groups, key=len, reverse=True)


def joined(grids: Sequence[Grid]) -> tuple[Grid, NDArray[np.int64]]:
    """The grid that aligned grids fill, and row and column of each on it, shape (n, 2)."""
    base = grids[0]
    places = np.array([offset(base, grid) or (0, 0) for grid in grids], dtype=np.int64)
    shapes = np.array([grid.shape for grid in grids])
    if base.crs.is_geographic and base.transform.d == 0:  # rows run along parallels
        places[:, 1] = _around(places[:, 1], shapes[:, 1], 360.0 / abs(base.transform.a))
    top, left = places.min(axis=0).tolist()
    bottom, right = (places + shapes).max(axis=0).tolist()
    grid = Grid(base.crs, base.moved(top, left), (bottom - top, right - left))
    return grid, places - (top, left)


def _around(columns: NDArray[np.int64], widths: NDArray[np.int64], circle: float) -> NDArray[np.int64]:
    """Columns of tiles with those west of the widest gap moved east, if that joins the antimeridian."""
    turn = round(circle)
    if abs(turn - circle) > ALIGNMENT:
        return columns
    order = np.argsort(columns, kind="stable")
    ends = np.maximum.accumulate((columns + widths)[order])
    gaps = columns[order][1:] - ends[:-1]
    if not len(gaps) or gaps.max() <= columns.min() + turn - ends[-1]:
        return columns
    west = columns < columns[order][int(gaps.argmax()) + 1]
    return columns + np.where(west, turn, 0)


def turned(longitudes: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """Longitudes of one place by whole turns, in one piece and as near to the middle of a grid as can be."""
    middle = (grid.bounds[0] + grid.bounds[2]) / 2
    if not np.isfinite(longitudes).all() or np.abs(longitudes - middle).max() <= 180.0:
        return longitudes
    first = longitudes[0] + 360.0 * np.round((middle - longitudes[0]) / 360.0)
    return np.asarray(beside(longitudes, first))


@lru_cache(maxsize=65536)
def extent_on(other: Grid, grid: Grid) -> Extent:
    """Rows and columns that a grid has on another one, from points along its edges, with a pixel to spare."""
    height, width = other.shape
    along = np.linspace(0.0, 1.0, 21)
    column = np.concatenate([along, along, np.zeros(21), np.ones(21)]) * width
    row = np.concatenate([np.zeros(21), np.ones(21), along, along]) * height
    x, y = apply(other.transform, column, row)
    xy = transform_coordinates(np.column_stack([x, y]), other.crs, grid.crs)
    x = turned(xy[:, 0], grid) if grid.crs.is_geographic else xy[:, 0]
    columns, rows = apply(~grid.transform, x, xy[:, 1])
    if not np.isfinite(columns).all():
        return 0.0, 0.0, 0.0, 0.0
    return float(rows.min()) - 1, float(rows.max()) + 1, float(columns.min()) - 1, float(columns.max()) + 1
