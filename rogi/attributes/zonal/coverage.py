"""The exact share of each pixel that lies inside each polygon.

Every edge adds its signed area to the cells it crosses; a running sum along each row then turns the
accumulated areas into the covered share of every cell, as scan converters for anti-aliased outlines do.
The result is exact up to rounding, holes and several parts need no special case, and the cost is that of
the crossed cells. Compute it once for a grid and apply it to every layer on that grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from affine import Affine
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    Geometries = Sequence[shapely.Geometry | None] | NDArray[np.object_]

NEGLIGIBLE_SHARE = 1e-9
"""Shares below this part of a unit's largest share, or this close to one, are rounding of the coordinates:
a coordinate of 5e6 m or 180 degrees is good to about 1e-10 of a 30 m pixel."""

BAND_CELLS = 1 << 20
"""Cells of the working buffer: a unit with a larger bounding box is scanned in bands of rows."""


@dataclass(frozen=True)
class Coverage:
    """Shares of pixels inside units, unit by unit, row by row.

    Attributes
    ----------
    offsets : ndarray of int64, shape (n + 1,)
        Unit ``i`` owns the entries ``offsets[i]:offsets[i + 1]``.
    rows, columns : ndarray of int32
        Pixel of each entry.
    shares : ndarray of float64
        Part of the pixel's area inside the unit, in (0, 1].
    sizes : ndarray of float64, shape (n,)
        Area of each unit in pixels, inside the grid or not.
    """

    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    shares: NDArray[np.float64]
    sizes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of pixels each unit touches."""
        return np.diff(self.offsets)

    @property
    def covered(self) -> NDArray[np.float64]:
        """Pixels' worth of each unit that the grid covers."""
        return segment_sums(self.shares, self.offsets)

    def gather(self, array: NDArray[Any], *, origin: tuple[int, int] = (0, 0)) -> NDArray[Any]:
        """Values of `array`, whose first pixel is ``origin`` (row, column) of the grid, for each entry."""
        values: NDArray[Any] = array[self.rows - origin[0], self.columns - origin[1]]
        return values


def segment_sums(values: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum of each segment ``offsets[i]:offsets[i + 1]``; zero where it is empty."""
    sums = np.zeros(len(offsets) - 1)
    some = np.flatnonzero(np.diff(offsets) > 0)
    if len(some):
        sums[some] = np.add.reduceat(values, offsets[some])
    return sums


@dataclass(frozen=True)
class PixelRings:
    """Rings of units in pixel coordinates (x to the right, y down), ready for the kernel.

    Attributes
    ----------
    x, y : ndarray of float64
        Vertices of all rings.
    ring_offsets : ndarray of int64
        Ring ``k`` owns the vertices ``ring_offsets[k]:ring_offsets[k + 1]``.
    is_hole : ndarray of bool
    unit_offsets : ndarray of int64
        Unit ``i`` owns the rings ``unit_offsets[i]:unit_offsets[i + 1]``.
    bounds : ndarray of float64, shape (n, 4)
        Smallest and largest x and y of each unit; NaN for none or empty.
    sizes : ndarray of float64, shape (n,)
        Area in pixels.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    ring_offsets: NDArray[np.int64]
    is_hole: NDArray[np.bool_]
    unit_offsets: NDArray[np.int64]
    bounds: NDArray[np.float64]
    sizes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sizes)


def valid_polygons(polygons: Geometries) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """The polygons' areas by the even-odd rule, and which had to be rebuilt for that.

    Parameters
    ----------
    polygons : sequence of shapely geometries or None

    Returns
    -------
    areas : ndarray of Polygon or MultiPolygon
        Valid polygons unchanged; invalid ones (self-crossing rings, overlapping parts) rebuilt with
        `shapely.make_valid`; None and geometries without area become an empty polygon.
    rebuilt : ndarray of bool
    """
    geometries = np.array(polygons, dtype=object).reshape(-1)
    geometries[shapely.is_missing(geometries)] = shapely.Polygon()
    rebuilt: NDArray[np.bool_] = ~shapely.is_valid(geometries)
    geometries[rebuilt] = shapely.make_valid(geometries[rebuilt])
    mixed = np.flatnonzero(~np.isin(shapely.get_type_id(geometries), (3, 6)))
    if len(mixed):
        parts, owner = shapely.get_parts(geometries[mixed], return_index=True)
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
        keep = shapely.get_type_id(parts) == 3
        for position, index in enumerate(mixed):
            geometries[index] = shapely.multipolygons(parts[keep & (owner == position)])
    return geometries, rebuilt


def pixel_rings(polygons: Geometries, transform: Affine) -> PixelRings:
    """Rings of `polygons` in the pixel coordinates of a grid.

    Parameters
    ----------
    polygons : sequence of Polygon, MultiPolygon or None
        In the grid's CRS; invalid ones count by the even-odd rule (see `valid_polygons`).
    transform : Affine
        From (column, row) to the grid's coordinates.
    """
    geometries, _ = valid_polygons(polygons)
    parts, part_unit = shapely.get_parts(geometries, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    coordinates, vertex_ring = shapely.get_coordinates(rings, return_index=True)
    ring_unit = part_unit[ring_part]
    is_hole = np.zeros(len(rings), dtype=bool)
    is_hole[1:] = ring_part[1:] == ring_part[:-1]
    inverse = ~transform
    # The translation is taken off first: differences of large coordinates are exact, products are not.
    dx = coordinates[:, 0] - transform.c
    dy = coordinates[:, 1] - transform.f
    x = inverse.a * dx + inverse.b * dy
    y = inverse.d * dx + inverse.e * dy
    n = len(geometries)
    ring_offsets = np.searchsorted(vertex_ring, np.arange(len(rings) + 1)).astype(np.int64)
    unit_offsets = np.searchsorted(ring_unit, np.arange(n + 1)).astype(np.int64)
    first = ring_offsets[unit_offsets]
    bounds = np.full((n, 4), np.nan)
    some = np.flatnonzero(np.diff(first) > 0)
    if len(some):
        start = first[some]
        bounds[some, 0] = np.minimum.reduceat(x, start)
        bounds[some, 1] = np.minimum.reduceat(y, start)
        bounds[some, 2] = np.maximum.reduceat(x, start)
        bounds[some, 3] = np.maximum.reduceat(y, start)
    sizes = shapely.area(geometries) / abs(transform.determinant)
    return PixelRings(x, y, ring_offsets, is_hole, unit_offsets, bounds, sizes)


def pixel_windows(rings: PixelRings, shape: tuple[int, int]) -> NDArray[np.int64]:
    """First and last-plus-one row and column (row0, row1, column0, column1) of each unit inside the grid.

    Units that do not touch the grid have empty windows.
    """
    height, width = shape
    known = np.nan_to_num(rings.bounds, nan=-1.0)
    low = np.floor(np.clip(known[:, :2], 0, (width, height))).astype(np.int64)
    high = np.ceil(np.clip(known[:, 2:], 0, (width, height))).astype(np.int64)
    windows = np.column_stack([low[:, 1], high[:, 1], low[:, 0], high[:, 0]])
    windows[(high <= low).any(axis=1)] = 0
    return windows


def coverage(polygons: Geometries, transform: Affine, shape: tuple[int, int]) -> Coverage:
    """Exact share of each pixel of a grid inside each polygon.

    Parameters
    ----------
    polygons : sequence of Polygon, MultiPolygon or None
        In the grid's CRS. Edges are straight in that CRS; overlapping polygons do not disturb each other.
    transform : Affine
        From (column, row) to the grid's coordinates; may be rotated.
    shape : (int, int)
        Rows and columns of the grid.

    Returns
    -------
    Coverage
        Entries of each unit in row-major order. A polygon outside the grid has none.

    Examples
    --------
    >>> from affine import Affine
    >>> import shapely
    >>> cover = coverage([shapely.box(0.5, 0.25, 2, 1)], Affine(1, 0, 0, 0, -1, 2), (2, 2))
    >>> cover.rows.tolist(), cover.columns.tolist(), cover.shares.tolist()
    ([1, 1], [0, 1], [0.375, 0.75])
    """
    rings = pixel_rings(polygons, transform)
    return ring_coverage(rings, pixel_windows(rings, shape))


def ring_coverage(
    rings: PixelRings, windows: NDArray[np.int64], units: NDArray[np.integer[Any]] | None = None
) -> Coverage:
    """Shares of the pixels in windows of units.

    Parameters
    ----------
    rings : PixelRings
    windows : ndarray of int64, shape (m, 4)
        row0, row1, column0, column1 of each unit looked at (see `pixel_windows`).
    units : ndarray of int, shape (m,), optional
        Which units; all of them when absent.
    """
    chosen = np.arange(len(rings)) if units is None else np.asarray(units, dtype=np.int64)
    capacity = int(_capacity(rings.x, rings.y, rings.ring_offsets, rings.unit_offsets, windows, chosen))
    rows = np.empty(capacity, dtype=np.int32)
    columns = np.empty(capacity, dtype=np.int32)
    shares = np.empty(capacity, dtype=np.float64)
    offsets = _scan(
        rings.x, rings.y, rings.ring_offsets, rings.is_hole, rings.unit_offsets,
        windows, chosen, rows, columns, shares,
    )  # fmt: skip
    total = offsets[-1]
    return Coverage(
        offsets, rows[:total].copy(), columns[:total].copy(), shares[:total].copy(), rings.sizes[chosen]
    )


@njit(cache=True, nogil=True)
def _capacity(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    ring_offsets: NDArray[np.int64],
    unit_offsets: NDArray[np.int64],
    windows: NDArray[np.int64],
    units: NDArray[np.int64],
) -> int:
    """Upper bound of the number of entries: per unit its area plus the cells its edges can cross."""
    capacity = 0
    for position in range(len(units)):
        unit = units[position]
        row0, row1, column0, column1 = windows[position]
        bound = 0.0
        for ring in range(unit_offsets[unit], unit_offsets[unit + 1]):
            area = 0.0
            for k in range(ring_offsets[ring], ring_offsets[ring + 1] - 1):
                area += 0.5 * (x[k] + x[k + 1] - 2.0 * x[ring_offsets[ring]]) * (y[k + 1] - y[k])
                bound += abs(x[k + 1] - x[k]) + abs(y[k + 1] - y[k]) + 2.0
            bound += abs(area)
        cells = (row1 - row0) * (column1 - column0)
        capacity += int(min(cells, bound + 4.0))
    return capacity


@njit(cache=True, nogil=True)
def _scan(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    ring_offsets: NDArray[np.int64],
    is_hole: NDArray[np.bool_],
    unit_offsets: NDArray[np.int64],
    windows: NDArray[np.int64],
    units: NDArray[np.int64],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    shares: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Fill rows, columns and shares unit by unit; return the offsets."""
    offsets = np.zeros(len(windows) + 1, dtype=np.int64)
    buffer = np.zeros(0, dtype=np.float64)
    out = 0
    for position in range(len(units)):
        unit = units[position]
        row0, row1, column0, column1 = windows[position]
        width = column1 - column0
        first = out
        if width > 0 and row1 > row0:
            band = min(row1 - row0, max(1, BAND_CELLS // (width + 1)))
            if band * (width + 1) > len(buffer):
                buffer = np.zeros(band * (width + 1), dtype=np.float64)
            for top in range(row0, row1, band):
                bottom = min(top + band, row1)
                for ring in range(unit_offsets[unit], unit_offsets[unit + 1]):
                    _add_ring(
                        x[ring_offsets[ring] : ring_offsets[ring + 1]],
                        y[ring_offsets[ring] : ring_offsets[ring + 1]],
                        is_hole[ring], top, bottom, column0, width, buffer,
                    )  # fmt: skip
                for row in range(bottom - top):
                    base = row * (width + 1)
                    share = 0.0
                    for column in range(width):
                        share += buffer[base + column]
                        buffer[base + column] = 0.0
                        if share > 1e-15:
                            rows[out] = top + row
                            columns[out] = column0 + column
                            shares[out] = share
                            out += 1
                    buffer[base + width] = 0.0
        out = _clean(rows, columns, shares, first, out)
        offsets[position + 1] = out
    return offsets


@njit(cache=True, nogil=True)
def _clean(
    rows: NDArray[np.int32], columns: NDArray[np.int32], shares: NDArray[np.float64], first: int, last: int
) -> int:
    """Drop negligible shares of one unit, set those within rounding of one to one; return the new end."""
    largest = 0.0
    for k in range(first, last):
        largest = max(largest, shares[k])
    out = first
    for k in range(first, last):
        if shares[k] > NEGLIGIBLE_SHARE * min(largest, 1.0):
            rows[out] = rows[k]
            columns[out] = columns[k]
            shares[out] = 1.0 if shares[k] > 1.0 - NEGLIGIBLE_SHARE else shares[k]
            out += 1
    return out


@njit(cache=True, nogil=True)
def _add_ring(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    hole: bool,
    top: int,
    bottom: int,
    column0: int,
    width: int,
    buffer: NDArray[np.float64],
) -> None:
    """Add the signed area to the right of each edge of a ring to the rows top..bottom of the buffer."""
    area = 0.0
    for k in range(len(x) - 1):
        area += 0.5 * (x[k] + x[k + 1] - 2.0 * x[0]) * (y[k + 1] - y[k])
    # With x to the right and y down, a ring of positive area has its inside to the right of falling edges.
    sign = -1.0 if area > 0 else 1.0
    if hole:
        sign = -sign
    for k in range(len(x) - 1):
        xa, ya, xb, yb = x[k] - column0, y[k] - top, x[k + 1] - column0, y[k + 1] - top
        if ya == yb:
            continue
        direction = sign
        if ya > yb:
            xa, ya, xb, yb = xb, yb, xa, ya
            direction = -sign
        low = max(ya, 0.0)
        high = min(yb, float(bottom - top))
        if low >= high:
            continue
        slope = (xb - xa) / (yb - ya)
        row = int(np.floor(low))
        y_from = low
        x_from = xa if low == ya else xa + (low - ya) * slope
        while y_from < high:
            y_to = min(high, row + 1.0)
            x_to = xb if y_to == yb else xa + (y_to - ya) * slope
            _add_piece(x_from, x_to, direction * (y_to - y_from), row * (width + 1), width, buffer)
            y_from, x_from = y_to, x_to
            row += 1


@njit(cache=True, nogil=True)
def _add_piece(
    x_from: float, x_to: float, rise: float, base: int, width: int, buffer: NDArray[np.float64]
) -> None:
    """Spread one row's piece of an edge, of signed height `rise`, over the cells it crosses."""
    left, right = (x_from, x_to) if x_from <= x_to else (x_to, x_from)
    if left >= width:
        return
    if right <= 0.0:
        buffer[base] += rise
        return
    cell = int(np.floor(left))
    last = int(np.floor(right))
    if cell == last or right == cell + 1.0:
        inset = 0.5 * (left + right) - cell
        if cell < 0:
            buffer[base] += rise
        else:
            buffer[base + cell] += rise * (1.0 - inset)
            buffer[base + cell + 1] += rise * inset
        return
    per_column = rise / (right - left)
    at = left
    while at < right and cell < width:
        to = min(right, cell + 1.0)
        part = per_column * (to - at)
        inset = 0.5 * (at + to) - cell
        if cell < 0:
            # Everything left of the window covers the row from its first cell on.
            buffer[base] += part
        else:
            buffer[base + cell] += part * (1.0 - inset)
            buffer[base + cell + 1] += part * inset
        at = to
        cell += 1
