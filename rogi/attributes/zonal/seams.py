"""The ground of units across grids: each part on its own grid, none counted twice.

Where an elevation model has several grids (Copernicus widens its pixels at 50, 60, ... degrees, projected
tiles change zone, tiles of different resolution lie side by side), the first grid that has a file at a place
counts there. A unit across the edge is cut along it; every part is measured on its own grid, and all pixels
enter one weighted statistic with the area that they share with the unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from rogi.areas import area_m2
from rogi.attributes.zonal.coverage import (
    Coverage,
    pixel_rings,
    pixel_windows,
    ring_coverage,
    valid_polygons,
)
from rogi.attributes.zonal.described_units import outside_grid
from rogi.attributes.zonal.groups import (
    LARGE_UNIT_CELLS,
    Engine,
    cell_weights,
    centre_coverage,
    row_weights,
    spanned_cells,
    unit_coverages,
)
from rogi.attributes.zonal.placement import cell_areas, place_polygons
from rogi.attributes.zonal.statistics import valid_share
from rogi.geometry import transform_coordinates
from rogi.raster.grid import Grid, Window, apply, turned

if TYPE_CHECKING:
    from affine import Affine
    from numpy.typing import NDArray

    from rogi.raster.files import Raster

    Floats = NDArray[np.float64]

NEGLIGIBLE = 1e-9
"""Part of a unit's area that is rounding of coordinates."""

EDGE_POINTS = 9
"""Points along each edge of a window that are taken to another grid."""

EDGE_PIXELS = 4.0
"""Longest piece of a part's outline, in pixels, when it is taken to another CRS: there edges are curves."""


@dataclass(frozen=True)
class Piece:
    """Pixels of units on one grid.

    Attributes
    ----------
    grid : Raster
    coverage : Coverage
    window : Window
        Holds all of its entries.
    """

    grid: Raster
    coverage: Coverage
    window: Window


@dataclass(frozen=True)
class Ground:
    """Units and their pixels.

    Attributes
    ----------
    units : ndarray of int64, shape (n,)
        Positions of the units.
    pieces : tuple of Piece
        On one grid for all units, or on several for one.
    coverage : Coverage
        The entries of all pieces, piece by piece.
    weights : ndarray of float64, shape (entries,)
    areas : Coverage
        The same entries with their areas as shares: in pixels of one grid, or in m².
    """

    units: NDArray[np.int64]
    pieces: tuple[Piece, ...]
    coverage: Coverage
    weights: Floats
    areas: Coverage

    def gather(self, layers: Callable[[Piece], Sequence[NDArray[Any]]]) -> list[NDArray[Any]]:
        """Values of layers for all entries.

        Parameters
        ----------
        layers : callable
            Gives for a piece one array of values per layer, shape (entries of the piece,).
        """
        found = [layers(piece) for piece in self.pieces]
        if len(found) == 1:
            return list(found[0])
        return [np.concatenate(layer) for layer in zip(*found, strict=True)]

    def valid_share(self, valid: NDArray[np.bool_]) -> Floats:
        """Share of each unit's area on valid pixels (see `rogi.attributes.zonal.statistics.valid_share`)."""
        return valid_share(valid, self.areas)


@dataclass(frozen=True)
class Part:
    """The part of a unit that one grid has, on that grid."""

    grid: Raster
    polygon: shapely.Geometry


def grounds(
    polygons: NDArray[np.object_],
    grids: Sequence[Raster],
    engine: Engine = Engine.COVERAGE,
) -> Iterator[Ground]:
    """Pixels of all units but large ones, in groups that fit one window of a grid; units across grids alone.

    Parameters
    ----------
    polygons : ndarray of shapely geometries, shape (n,)
        On the first grid (see `rogi.attributes.zonal.placement.place_polygons`).
    grids : sequence of Raster
        In the order in which they count.
    engine : Engine

    Yields
    ------
    Ground
    """
    home = grids[0]
    whole, apart = polygons, np.zeros(len(polygons), dtype=bool)
    parted: dict[int, tuple[list[Part], float]] = {}
    if len(grids) > 1:
        apart = spanned_cells(pixel_rings(polygons, home.transform), grids) > LARGE_UNIT_CELLS
        whole = np.where(apart, shapely.Polygon(), polygons)
        parted = parted_units(whole, grids)
        apart[list(parted)] = True
        whole = np.where(apart, shapely.Polygon(), polygons)
    weights = row_weights(home, engine)
    for units, coverage, window in unit_coverages(whole, home, engine):
        kept = units[~apart[units]]
        if not len(kept):
            continue
        if len(kept) < len(units):
            coverage = _without_empty(coverage, ~apart[units])
        yield Ground(
            kept, (Piece(home, coverage, window),), coverage, cell_weights(coverage, weights), coverage
        )
    for unit, (parts, rest) in parted.items():
        yield _ground(unit, parts, rest, engine)


def parted_units(
    polygons: NDArray[np.object_], grids: Sequence[Raster]
) -> dict[int, tuple[list[Part], float]]:
    """Units that need another grid than the first, and their parts (see `split`)."""
    found = {unit: split(polygons[unit], grids) for unit in np.flatnonzero(reaches_out(polygons, grids[0]))}
    return {
        int(unit): (parts, rest)
        for unit, (parts, rest) in found.items()
        if any(part.grid is not grids[0] for part in parts)
    }


def reaches_out(polygons: NDArray[np.object_], grid: Raster) -> NDArray[np.bool_]:
    """Which polygons, on a grid, are not within one of its files."""
    bounds = pixel_rings(polygons, grid.transform).bounds
    inside = np.zeros(len(polygons), dtype=bool)
    for row0, row1, column0, column1 in extents(grid).tolist():
        with np.errstate(invalid="ignore"):
            inside |= (
                (bounds[:, 0] >= column0)
                & (bounds[:, 1] >= row0)
                & (bounds[:, 2] <= column1)
                & (bounds[:, 3] <= row1)
            )
    out: NDArray[np.bool_] = ~inside & np.isfinite(bounds[:, 0])
    return out


def split(polygon: shapely.Geometry, grids: Sequence[Raster]) -> tuple[list[Part], float]:
    """The parts of a polygon that grids have, the first grid first.

    Parameters
    ----------
    polygon : Polygon or MultiPolygon
        On the first grid.
    grids : sequence of Raster

    Returns
    -------
    parts : list of Part
    rest : float
        Area that no grid has, m².

    Examples
    --------
    >>> import pyproj
    >>> from affine import Affine
    >>> from rogi.raster.files import ArrayRaster
    >>> metres = pyproj.CRS(32645)
    >>> fine = ArrayRaster(np.zeros((10, 10)), Affine(10, 0, 5e5, 0, -10, 4e6), metres)
    >>> coarse = ArrayRaster(np.zeros((10, 10)), Affine(20, 0, 5e5, 0, -20, 4e6), metres)
    >>> parts, rest = split(shapely.box(5e5, 4e6 - 200, 5e5 + 150, 4e6), [fine, coarse])
    >>> [part.polygon.area for part in parts], rest
    ([10000.0, 20000.0], 0.0)
    """
    parts = []
    rest, last = polygon, grids[0]
    for number, grid in enumerate(grids):
        if number:
            rest, last = _moved(rest, last, grid), grid
        footprint = _footprint(rest, grid)
        own, left = (
            valid_polygons([found])[0][0]
            for found in (shapely.intersection(rest, footprint), shapely.difference(rest, footprint))
        )
        if own.area > 0 and own.area > NEGLIGIBLE * (own.area + left.area):
            parts.append(Part(grid, own))
        if left.area <= NEGLIGIBLE * (own.area + left.area):
            return parts, 0.0
        rest = left
    return parts, float(area_m2([rest], last.crs)[0])


def home_grids(
    bounds: Floats, grids: Sequence[Raster], place: Callable[[Raster, NDArray[np.int64]], NDArray[np.object_]]
) -> NDArray[np.int64]:
    """The first grid that has a file at each unit, by the units' bounding boxes; 0 where none has.

    Parameters
    ----------
    bounds : ndarray of float64, shape (n, 4)
        West, south, east, north in degrees; NaN for units without area.
    grids : sequence of Raster
    place : callable
        Gives some units, by position, as polygons on a grid.
    """
    home = np.zeros(len(bounds), dtype=np.int64)
    if len(grids) == 1 or not len(bounds):
        return home
    near = np.array([_near(bounds, grid) for grid in grids])
    home[:] = near.argmax(axis=0)
    several = np.flatnonzero(near.sum(axis=0) > 1)
    found = np.zeros(len(several), dtype=bool)
    for number, grid in enumerate(grids):
        open_ = np.flatnonzero(near[number, several] & ~found)
        touching = open_[~outside_grid(place(grid, several[open_]), grid, extents(grid))]
        home[several[touching]] = number
        found[touching] = True
    return home


def _near(bounds: Floats, grid: Raster) -> NDArray[np.bool_]:
    """Which boxes of longitudes and latitudes can touch the files of a grid."""
    west, south, east, north = bounds.T
    corners = [(west, south), (west, north), (east, south), (east, north)]
    places = [((west + east) / 2, (south + north) / 2), *corners]
    xy = [transform_coordinates(np.column_stack(place), 4326, grid.crs) for place in places]
    found = np.zeros(len(bounds), dtype=bool)
    for turn in (0.0, 360.0, -360.0) if grid.crs.is_geographic else (0.0,):
        (column, row), *around = (apply(~grid.transform, p[:, 0] + turn, p[:, 1]) for p in xy)
        wide = np.max([np.abs(c - column) for c, _ in around], axis=0) + 1
        high = np.max([np.abs(r - row) for _, r in around], axis=0) + 1
        with np.errstate(invalid="ignore"):
            for row0, row1, column0, column1 in extents(grid).tolist():
                found |= (
                    (row + high > row0)
                    & (row - high < row1)
                    & (column + wide > column0)
                    & (column - wide < column1)
                )
    return found


def window_on(window: Window, grid: Raster, other: Raster) -> Window:
    """The window of another grid around a window of a grid, with a pixel to spare."""
    along = np.linspace(0.0, 1.0, EDGE_POINTS)
    height, width = window.shape
    none, one = np.zeros(EDGE_POINTS), np.ones(EDGE_POINTS)
    column = window.column0 + width * np.concatenate([along, along, none, one])
    row = window.row0 + height * np.concatenate([none, one, along, along])
    xy = transform_coordinates(np.column_stack(apply(grid.transform, column, row)), grid.crs, other.crs)
    if other.crs.is_geographic:
        xy[:, 0] = turned(xy[:, 0], Grid(other.crs, other.transform, other.shape))
    if not np.isfinite(xy).all():
        return Window(0, 0, 0, 0)
    columns, rows = apply(~other.transform, xy[:, 0], xy[:, 1])
    low, high = np.floor([rows.min(), columns.min()]) - 1, np.ceil([rows.max(), columns.max()]) + 1
    return Window(int(low[0]), int(high[0]), int(low[1]), int(high[1]))


def extents(grid: Raster) -> Floats:
    """row0, row1, column0, column1 of the files of a grid, shape (n, 4)."""
    mosaic = getattr(grid, "mosaic", None)
    own = [(0, grid.shape[0], 0, grid.shape[1])] if mosaic is None else mosaic.extents
    return np.asarray(own, dtype=np.float64)


def _footprint(polygon: shapely.Geometry, grid: Raster) -> shapely.Geometry:
    """The files of a grid near a polygon on it."""
    column0, row0, column1, row1 = pixel_rings([polygon], grid.transform).bounds[0]
    boxes = extents(grid)
    with np.errstate(invalid="ignore"):
        near = (boxes[:, 0] < row1) & (boxes[:, 1] > row0) & (boxes[:, 2] < column1) & (boxes[:, 3] > column0)
    return shapely.union_all([_box(box, grid.transform) for box in boxes[near].tolist()])


def _box(extent: Sequence[float], transform: Affine) -> shapely.Polygon:
    row0, row1, column0, column1 = extent
    corners = ((column0, row0), (column1, row0), (column1, row1), (column0, row1))
    return shapely.Polygon([transform @ corner for corner in corners])


def _moved(polygon: shapely.Geometry, source: Raster, target: Raster) -> shapely.Geometry:
    """A polygon of one grid on another."""
    if source.crs != target.crs:
        side = float(np.sqrt(abs(source.transform.determinant)))
        polygon = shapely.segmentize(polygon, EDGE_PIXELS * side)
    return place_polygons([polygon], source.crs, target.crs, target.transform, target.shape)[0]


def _ground(unit: int, parts: Sequence[Part], rest: float, engine: Engine) -> Ground:
    """The pixels of one unit on several grids; weights are their areas inside the unit, m²."""
    pieces, weights = [], []
    for part in parts:
        rings = pixel_rings([part.polygon], part.grid.transform)
        windows = pixel_windows(rings, part.grid.shape)
        if engine is Engine.RASTERSTATS:
            coverage = centre_coverage(np.array([part.polygon], dtype=object), part.grid, windows)
        else:
            coverage = ring_coverage(rings, windows)
        pieces.append(Piece(part.grid, coverage, Window(*windows[0].tolist())))
        weights.append(coverage.shares * cells_of(part.grid, part.polygon, coverage.rows))
    rows, columns, shares = (
        np.concatenate([getattr(piece.coverage, name) for piece in pieces])
        for name in ("rows", "columns", "shares")
    )
    weight = np.concatenate(weights)
    offsets = np.array([0, len(weight)], dtype=np.int64)
    size = np.array([weight.sum() + rest])
    coverage = Coverage(offsets, rows, columns, shares, size)
    areas = Coverage(offsets, rows, columns, weight, size)
    return Ground(np.array([unit], dtype=np.int64), tuple(pieces), coverage, weight, areas)


def cells_of(grid: Raster, polygon: shapely.Geometry, rows: NDArray[np.int32]) -> Floats:
    """Area of the pixels of some rows of a grid at a polygon on it, m²."""
    return cell_areas(grid.transform, grid.crs, rows, shapely.centroid(polygon))


def _without_empty(coverage: Coverage, kept: NDArray[np.bool_]) -> Coverage:
    """A coverage without units that have no entries."""
    offsets = coverage.offsets[np.concatenate([[True], kept])]
    return Coverage(offsets, coverage.rows, coverage.columns, coverage.shares, coverage.sizes[kept])
