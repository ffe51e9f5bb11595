"""Polygons on a raster's grid: its CRS, its range of longitudes, the true size of its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from rogi.areas import area_m2
from rogi.attributes.zonal.coverage import valid_polygons
from rogi.geometry import parse_crs, transform_geometries
from rogi.longitudes import unwrapped

if TYPE_CHECKING:
    import pyproj
    from affine import Affine
    from numpy.typing import NDArray

AREA_PIXELS = 64
"""Side, in pixels, of the square whose area gives that of a projected grid's pixel."""


def place_polygons(
    polygons: Any, crs: Any, target: pyproj.CRS, transform: Affine, shape: tuple[int, int]
) -> NDArray[np.object_]:
    """Polygons in the CRS of a grid, their longitudes in its range.

    Parameters
    ----------
    polygons : sequence of shapely geometries or None, shape (n,)
    crs : anything `pyproj.CRS` accepts
        CRS of the polygons.
    target : pyproj.CRS
        CRS of the grid.
    transform : Affine
        From (column, row) to the grid's coordinates.
    shape : (int, int)
        Rows and columns of the grid.

    Returns
    -------
    ndarray of Polygon or MultiPolygon, shape (n,)
        Vertices are moved, edges stay straight. On a geographic grid what lies 360 degrees to either side of
        it is moved onto it: grids of 0 to 360 degrees, and units and grids across the antimeridian. Invalid
        polygons count by the even-odd rule; missing ones are empty.
    """
    valid, _ = valid_polygons(polygons)
    moved: NDArray[np.object_] = transform_geometries(valid, crs, target)
    if not parse_crs(target).is_geographic:
        return moved
    corners = [transform @ corner for corner in ((0, 0), (shape[1], 0), (0, shape[0]), (shape[1], shape[0]))]
    west, east = min(x for x, _ in corners), max(x for x, _ in corners)
    moved = np.array(unwrapped(moved)[0])
    bounds = shapely.bounds(moved)
    for index in np.flatnonzero((bounds[:, 0] < west) | (bounds[:, 2] > east)):
        moved[index] = _onto(moved[index], west, east)
    return moved


def _onto(polygon: shapely.Geometry, west: float, east: float) -> shapely.Geometry:
    """The copy of a polygon, 360 degrees to either side, that reaches into the range; cut if several do."""
    low, _, high, _ = shapely.bounds(polygon)
    turns = [turn for turn in (0.0, 360.0, -360.0) if high + turn > west and low + turn < east]
    copies = [shapely.transform(polygon, lambda xy, by=turn: xy + np.array([by, 0.0])) for turn in turns]
    if len(copies) < 2:
        return copies[0] if copies else polygon
    return shapely.union_all(shapely.intersection(copies, shapely.box(west, -90.0, east, 90.0)))


def row_areas(transform: Affine, rows: int, crs: pyproj.CRS) -> NDArray[np.float64] | None:
    """Area of the cells of each row relative to a cell at the equator.

    Parameters
    ----------
    transform : Affine
        From (column, row) to coordinates.
    rows : int
        Number of rows.
    crs : pyproj.CRS

    Returns
    -------
    ndarray of float64, shape (rows,), or None
        None where all cells count the same: on projected grids, and on rotated geographic ones.

    Notes
    -----
    A cell between two parallels has an area proportional to the difference of the authalic function q
    (Snyder 1987, Map Projections: A Working Manual, eq. 3-12) at them.
    """
    system = parse_crs(crs)
    if not system.is_geographic or transform.b != 0 or transform.d != 0:
        return None
    latitudes = np.deg2rad(np.clip(transform.f + transform.e * np.arange(rows + 1), -90.0, 90.0))
    inverse = system.ellipsoid.inverse_flattening if system.ellipsoid is not None else 0.0
    flattening = 1.0 / inverse if inverse else 0.0
    e = np.sqrt(flattening * (2.0 - flattening))
    sine = np.sin(latitudes)
    q = 2.0 * sine
    if e > 0:
        q = (1 - e * e) * (sine / (1 - (e * sine) ** 2) + np.arctanh(e * sine) / e)
    area: NDArray[np.float64] = np.abs(np.diff(q)) / (2.0 * (1 - e * e) * np.deg2rad(abs(transform.e)))
    return area


def cell_areas(
    transform: Affine, crs: pyproj.CRS, rows: NDArray[np.int32], at: shapely.Point
) -> NDArray[np.float64]:
    """True area of a grid's cells, m².

    Parameters
    ----------
    transform : Affine
        From (column, row) to coordinates.
    crs : pyproj.CRS
    rows : ndarray of int, shape (n,)
        Of the cells.
    at : Point
        Where they are: a projection changes areas so little over a unit that those of its centre do.

    Returns
    -------
    ndarray of float64, shape (n,)

    Examples
    --------
    >>> import pyproj
    >>> from affine import Affine
    >>> second = Affine(1 / 3600, 0, 90, 0, -1 / 3600, 31)
    >>> cell_areas(second, pyproj.CRS(4326), np.array([0]), shapely.Point(90, 31)).round(1).tolist()
    [817.0]
    """
    first = int(rows.min(initial=0))
    last = int(rows.max(initial=0))
    relative = row_areas(transform @ transform.translation(0, first), last - first + 1, crs)
    if relative is not None:
        ellipsoid = parse_crs(crs).ellipsoid
        assert ellipsoid is not None
        metres = np.deg2rad([abs(transform.a), abs(transform.e)])
        equator = float(ellipsoid.semi_minor_metre**2 * metres[0] * metres[1])
        return np.asarray(relative[rows - first] * equator)
    column, row = ~transform @ (at.x, at.y)
    half = AREA_PIXELS / 2
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    square = shapely.Polygon([transform @ (column + dx, row + dy) for dx, dy in corners])
    return np.full(len(rows), float(area_m2([square], crs)[0]) / AREA_PIXELS**2)
