"""One side of a comparison: outlines made ready for matching, in an order no file decides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from rogi.areas import Rings, rings_of
from rogi.blocks import run_blocks
from rogi.geometry import (
    Floats,
    Geometries,
    Ints,
    central_meridian,
    cylindrical_equal_area,
    equal_area_crs,
    to_lonlat,
    total_bounds,
)
from rogi.longitudes import in_one_map, turned


@dataclass(frozen=True)
class Outlines:
    """Valid polygonal geometries of one inventory, in degrees and in one equal-area plane.

    Attributes
    ----------
    geometries : ndarray of object, shape (n,)
        Polygons and multipolygons on WGS84 longitude and latitude; beyond ±180 where the edge of the map
        would lie among them (`rogi.longitudes.in_one_map`).
    plane_crs : pyproj.CRS
        The equal-area CRS of the plane.
    area, perimeter : ndarray of float64, shape (n,)
        In the plane, m² and m.
    """

    geometries: Geometries
    plane_crs: Any
    area: Floats
    perimeter: Floats

    def __len__(self) -> int:
        return len(self.geometries)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Index of the bounding boxes in degrees."""
        return shapely.STRtree(self.geometries)

    def plane(self, rows: Ints | slice) -> Rings:
        """Rings of some outlines in the plane, m: made when asked for, as all would take more memory."""
        rings = rings_of(self.geometries[rows])
        cylindrical_equal_area(rings.coords, self.plane_crs, in_place=True)
        return rings

    def plane_geometries(self, rows: Ints | None = None) -> Geometries:
        """Geometries, or some rows of them, in the equal-area plane."""
        chosen = self.geometries if rows is None else self.geometries[rows]
        return np.asarray(shapely.transform(chosen, lambda c: cylindrical_equal_area(c, self.plane_crs)))


def prepare(geometries: ArrayLike, crs: Any, plane_crs: Any = None) -> Outlines:
    """Outlines ready for matching.

    Parameters
    ----------
    geometries : array_like of shapely geometries, shape (n,)
        Valid polygons and multipolygons (see `repair`).
    crs : anything `pyproj.CRS` accepts
    plane_crs : pyproj.CRS, optional
        Plane for the areas, of `rogi.geometry.equal_area_crs`; both sides of a comparison need the same. By
        default that of the bounds.
    """
    lonlat_geometries = to_lonlat(geometries, crs)
    if plane_crs is None:
        [lonlat_geometries] = in_one_map(lonlat_geometries)
        plane_crs = equal_area_crs(total_bounds(lonlat_geometries))
    return _in_plane(lonlat_geometries, plane_crs)


def _in_plane(lonlat_geometries: Geometries, plane_crs: Any) -> Outlines:
    lonlat_geometries = turned(lonlat_geometries, central_meridian(plane_crs))
    count = len(lonlat_geometries)
    side = Outlines(lonlat_geometries, plane_crs, np.zeros(count), np.zeros(count))

    def measure(start: int, stop: int) -> None:
        rings = side.plane(slice(start, stop))
        side.area[start:stop] = rings.areas()
        side.perimeter[start:stop] = perimeters(rings)

    run_blocks(measure, count)
    return side


def perimeters(rings: Rings) -> Floats:
    """Length of the boundary of each geometry, holes included, in the unit of the coordinates."""
    if len(rings.is_hole) == 0:
        return np.zeros(len(rings))
    along = np.diff(rings.coords, axis=0)
    lengths = np.sqrt(np.einsum("ij,ij->i", along, along))
    lengths[rings.ring_offsets[1:-1] - 1] = 0.0  # not an edge: into the next ring
    of_rings = np.add.reduceat(lengths, rings.ring_offsets[:-1])
    owner = np.repeat(np.arange(len(rings)), np.diff(rings.object_offsets))
    return np.bincount(owner, weights=of_rings, minlength=len(rings)).astype(np.float64)


def prepare_together(sides: list[tuple[ArrayLike, Any]]) -> list[Outlines]:
    """Several inventories, as (geometries, crs), in one equal-area plane."""
    lonlat = in_one_map(*(to_lonlat(geometries, crs) for geometries, crs in sides))
    plane_crs = equal_area_crs(total_bounds(*lonlat))
    return [_in_plane(geometries, plane_crs) for geometries in lonlat]


def repair(geometries: ArrayLike) -> tuple[Geometries, NDArray[np.bool_]]:
    """Polygonal, valid copies for a comparison, and which had to be repaired.

    Self-crossing rings are rebuilt from their lines (GEOS ``make_valid``); what is left as lines or points is
    dropped. Valid rows come back as they are.

    Returns
    -------
    geometries : ndarray of object, shape (n,)
    repaired : ndarray of bool, shape (n,)
    """
    geoms = np.array(geometries, dtype=object, ndmin=1)
    valid = np.ones(len(geoms), bool)

    def check(start: int, stop: int) -> None:
        valid[start:stop] = shapely.is_valid(geoms[start:stop])

    run_blocks(check, len(geoms))
    repaired = ~(valid | shapely.is_missing(geoms))
    if repaired.any():
        fixed = shapely.make_valid(geoms[repaired])
        mixed = shapely.get_type_id(fixed) == shapely.GeometryType.GEOMETRYCOLLECTION
        if mixed.any():
            parts, owner = shapely.get_parts(fixed[mixed], return_index=True)
            parts, again = shapely.get_parts(parts, return_index=True)
            polygon = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
            polygons = np.full(int(mixed.sum()), shapely.MultiPolygon(), object)
            rows = owner[again][polygon]
            shapely.multipolygons(parts[polygon], indices=rows, out=polygons)
            fixed[mixed] = polygons
        geoms[repaired] = fixed
    return geoms, repaired


def canonical_order(ids: ArrayLike, geometries: ArrayLike, table: pd.DataFrame | None = None) -> Ints:
    """Order of rows that depends on ids and geometries only, never on the order in a file.

    Rows are sorted by id (as text); equal ids by the bounds, then by the bytes of the geometry, and only then
    by their values. Rows that are still equal are copies of each other, and their order changes no result.

    Parameters
    ----------
    ids : array_like, shape (n,)
        Identifiers of any kind; missing ones sort as empty text.
    geometries : array_like of shapely geometries, shape (n,)
    table : DataFrame, optional
        Values of the n rows.

    Returns
    -------
    ndarray of int, shape (n,)
        Rows in canonical order.
    """
    geoms = np.asarray(geometries, dtype=object)
    text = pd.Series(np.asarray(ids, dtype=object)).astype("string").fillna("").astype(object).to_numpy()
    _, rank = np.unique(text.astype(str), return_inverse=True)
    order: Ints = np.argsort(rank, kind="stable")
    repeated = np.bincount(rank, minlength=1)[rank] > 1 if len(rank) else np.zeros(0, bool)
    if repeated.any():
        rows = np.flatnonzero(repeated)
        wkb = np.array([one or b"" for one in shapely.to_wkb(geoms[rows])], dtype=object)
        wkb_rank = pd.factorize(wkb, sort=True)[0]
        tie = np.zeros(len(rank), np.intp)
        tie[rows] = wkb_rank
        bounds = np.nan_to_num(shapely.bounds(geoms))
        last = np.zeros(len(rank), np.intp)
        both = rank[rows] * len(rank) + wkb_rank
        _, place, times = np.unique(both, return_inverse=True, return_counts=True)
        copies = rows[times[place] > 1]
        if table is not None and len(copies):
            values = table.iloc[copies].astype("string").fillna("").agg("\x1f".join, axis=1)
            last[copies] = np.unique(values.to_numpy(dtype=str), return_inverse=True)[1]
        order = np.lexsort([last, tie, *bounds.T[::-1], rank])
    return order
