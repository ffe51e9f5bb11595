"""The steps of pixels taken off the outlines of candidates."""

from __future__ import annotations

import numpy as np
import shapely

from rogi.detection.candidates.polygons import PixelPolygons
from rogi.geometry import Geometries, Ints

SMOOTH_AREA_CHANGE = 0.05
"""Smoothing may change the area of a candidate by at most this share of it."""
MAXIMUM_SMOOTH = 10.0


def smoothed(polygons: PixelPolygons, tolerance: float, parent: Ints | None = None) -> tuple[Geometries, int]:
    """Polygons with the steps of pixels taken off, and how many were left as they are.

    The corners that form the smallest triangles with their neighbours are dropped, up to triangles of
    ``tolerance``² pixels (Visvalingam & Whyatt 1993), of all polygons together (GEOS ``CoverageSimplifier``).
    Holes stay, borders that units share stay shared, and no polygons come to overlap. A polygon whose area
    changes by more than `SMOOTH_AREA_CHANGE` keeps its pixels, with all that overlap it then.

    Parameters
    ----------
    polygons : PixelPolygons
    tolerance : float
        Pixels; 0 changes nothing.
    parent : ndarray of int, shape (n,), optional
        The same number for polygons that may share borders; negative for those that do not.

    Returns
    -------
    geometries : ndarray of object, shape (n,)
        Valid polygons in columns and rows.
    kept : int
    """
    shapes = polygons.geometries()
    if tolerance <= 0 or len(shapes) == 0:
        return shapes, 0
    noded = shapes.copy()
    group = np.full(len(shapes), -1) if parent is None else parent
    beside = group >= 0
    # where three units meet, the border of one may run straight on: give every pixel edge its vertices
    noded[beside] = shapely.transform(shapely.segmentize(shapes[beside], 1.0), np.rint)
    simple = shapely.coverage_simplify(noded, tolerance)
    before = polygons.pixels
    change = np.abs(shapely.area(simple) - before) / before
    keep = (change > SMOOTH_AREA_CHANGE) | ~shapely.is_valid(simple)
    keep |= shapely.get_num_interior_rings(simple) != polygons.holes
    while keep.any():
        keep |= beside & np.isin(group, group[keep & beside])
        simple[keep] = shapes[keep]
        tree = shapely.STRtree(simple)
        one, other = tree.query(simple[keep], predicate="intersects")
        one = np.flatnonzero(keep)[one]
        apart = ~keep[other] & ~shapely.touches(simple[one], simple[other])
        if not apart.any():
            break
        keep[other[apart]] = True
    return np.asarray(simple), int(keep.sum())
