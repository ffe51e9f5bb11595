"""Overlaps between the polygons of one layer: an index, then intersections of candidate pairs only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.rules.vertices import metres_per_unit, unwrapped

Mask = NDArray[np.bool_]
Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# An overlap whose mean width (2 area / perimeter) is below this comes from rounding a shared border,
# not from drawing: six decimals of a degree are 0.11 m.
SLIVER_WIDTH_M = 0.1

# Pairs whose intersection is computed at once: bounds the memory of dense layers.
PAIRS_PER_CHUNK = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """Pairs of polygons of one layer whose interiors meet.

    Attributes
    ----------
    left, right
        (k,) positions, left < right, sorted.
    geometry
        (k,) polygonal part of the intersection, in the layer's CRS.
    area
        (k,) m², on the ellipsoid.
    """

    left: Ints
    right: Ints
    geometry: Geometries
    area: Floats


def find_overlaps(geometry: Geometries, valid: Mask, crs: Any) -> Overlaps:
    """Pairs of polygons whose interiors meet, with the overlap polygon and its area.

    Parameters
    ----------
    geometry
        (n,) geometries in the CRS; others than polygons, multipolygons and collections of them never
        overlap.
    valid
        (n,) which of them may be used; invalid ones are left out.
    crs
        CRS of the geometries; None: areas are NaN, and slivers are not told apart.

    Returns
    -------
    Overlaps
        Sorted by left, then right; borders shared by neighbours and slivers narrower than
        :data:`SLIVER_WIDTH_M` do not count. Polygons across the antimeridian are compared on both sides.
    """
    shapes, owner = _entries(geometry, valid, crs)
    left, right = _candidates(shapes, owner)
    pieces: list[Geometries] = []
    keep: list[Mask] = []
    for start in range(0, len(left), PAIRS_PER_CHUNK):
        part = slice(start, start + PAIRS_PER_CHUNK)
        both = polygonal(shapely.intersection(shapes[left[part]], shapes[right[part]]))
        real = _mean_width(both, crs) >= SLIVER_WIDTH_M
        pieces.append(both[real])
        keep.append(real)
    if not pieces:
        none = np.zeros(0, np.int64)
        return Overlaps(none, none, np.zeros(0, dtype=object), np.zeros(0))
    real = np.concatenate(keep)
    overlap = np.concatenate(pieces)
    a, b = owner[left[real]], owner[right[real]]
    a, b = np.minimum(a, b), np.maximum(a, b)
    order = np.lexsort((b, a))
    order = order[_first_of_each(a[order], b[order])]
    area = np.full(len(order), np.nan) if crs is None else area_m2(overlap[order], crs)
    return Overlaps(a[order], b[order], overlap[order], area)


def _entries(geometry: Geometries, valid: Mask, crs: Any) -> tuple[Geometries, NDArray[np.int64]]:
    """Polygons to compare and the position of each; those across the antimeridian come twice, 360° apart."""
    polygonal = np.isin(
        shapely.get_type_id(geometry),
        [
            shapely.GeometryType.POLYGON,
            shapely.GeometryType.MULTIPOLYGON,
            shapely.GeometryType.GEOMETRYCOLLECTION,
        ],
    )
    owner = np.flatnonzero(valid & polygonal).astype(np.int64)
    shapes, crossing = unwrapped(geometry[owner], crs)
    if not crossing.any():
        return shapes, owner
    shifted = shapely.transform(shapes[crossing], lambda xy: xy - [360.0, 0.0])
    return np.concatenate([shapes, shifted]), np.concatenate([owner, owner[crossing]])


def _candidates(shapes: Geometries, owner: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs whose bounds and interiors meet."""
    if len(shapes) < 2:
        none = np.zeros(0, np.int64)
        return none, none
    left, right = shapely.STRtree(shapes).query(shapes)
    once = (left < right) & (owner[left] != owner[right])
    left, right = left[once], right[once]
    prepared, several = shapes.copy(), np.unique(left)
    prepared[several] = shapely.set_srid(shapes[several], 0)  # copies: others may look at the same geometries
    shapely.prepare(prepared[several])
    meet = shapely.intersects(prepared[left], shapes[right])
    left, right = left[meet], right[meet]
    # neighbours that only share a border are dropped before anything is built
    interior = ~shapely.touches(shapes[left], shapes[right])
    return left[interior].astype(np.int64), right[interior].astype(np.int64)


def polygonal(geometry: Geometries) -> Geometries:
    """The polygons of each geometry, without points and lines; empty where there are none."""
    kinds = shapely.get_type_id(geometry)
    mixed = kinds == shapely.GeometryType.GEOMETRYCOLLECTION
    out = geometry.copy()
    if mixed.any():
        parts, index = shapely.get_parts(geometry[mixed], return_index=True)
        flat = np.isin(
            shapely.get_type_id(parts), [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON]
        )
        single, position = shapely.get_parts(parts[flat], return_index=True)
        collected = np.full(int(mixed.sum()), shapely.MultiPolygon(), dtype=object)
        if len(single):
            at = index[flat][position]
            shapely.multipolygons(single, indices=at, out=collected)
        out[mixed] = collected
    out[(kinds != shapely.GeometryType.POLYGON) & (kinds != shapely.GeometryType.MULTIPOLYGON) & ~mixed] = (
        shapely.Polygon()
    )
    return out


def _mean_width(polygons: Geometries, crs: Any) -> NDArray[np.float64]:
    """2 area / perimeter in metres; 0 for empty ones, infinite where there is no CRS but an area."""
    planar = shapely.area(polygons)
    width = np.zeros(len(polygons))
    some = planar > 0
    if crs is None:
        width[some] = np.inf
        return width
    kx, ky = metres_per_unit(polygons[some], crs)
    # the perimeter is longest where the coarser axis carries it: a lower bound of the width is wanted to
    # be generous to neither axis, so lengths are scaled by the mean of the two
    width[some] = 2.0 * planar[some] * kx * ky / (shapely.length(polygons[some]) * np.sqrt(kx * ky))
    return width


def _first_of_each(a: NDArray[np.int64], b: NDArray[np.int64]) -> Mask:
    """Which of sorted pairs differ from the one before."""
    first = np.ones(len(a), dtype=bool)
    first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    return first
