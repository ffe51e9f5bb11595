"""How much of each outline a set of polygons covers: glaciers, or the ground that imagery shows."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely

from rogi.comparison.agreement.areas import united
from rogi.comparison.matching.graph import SLIVER_AREA_M2, candidate_pairs, connected, overlaps, self_overlaps
from rogi.comparison.matching.prepared_outlines import Outlines, prepare
from rogi.geometry import Floats, Geometries
from rogi.longitudes import around

LARGEST_PIECE: Final = 512
"""Vertices above which a polygon is cut: the work for a pair grows with those of the larger polygon."""

DEEPEST: Final = 24
"""Halvings of a polygon, which end before coordinates do."""


def covered_share(outlines: Outlines, polygons: Geometries) -> Floats:
    """Share of the area of each outline that some polygons cover together.

    Parameters
    ----------
    outlines : Outlines
    polygons : ndarray of object, shape (m,)
        Valid polygons on WGS84 longitude and latitude; where they overlap each other ground counts once.

    Returns
    -------
    ndarray of float64, shape (n,)
        0-1; NaN for an outline without area.
    """
    if len(outlines) == 0 or len(polygons) == 0:
        return np.zeros(len(outlines))
    polygons, _ = around(polygons, outlines.geometries)
    near = np.unique(outlines.tree.query(polygons)[0])
    pieces = prepare(subdivided(polygons[near]), 4326, outlines.plane_crs)
    pieces = _disjoint(pieces)
    rows, parts = candidate_pairs(outlines, pieces)
    overlap = overlaps(outlines, pieces, rows, parts)
    covered = np.bincount(rows, weights=overlap, minlength=len(outlines))
    area = outlines.area
    share = np.divide(covered, area, out=np.full(len(area), np.nan), where=area > 0)
    return np.asarray(np.minimum(share, 1.0))


def subdivided(polygons: Geometries, largest: int = LARGEST_PIECE) -> Geometries:
    """Polygons cut along the middles of their extents until none has more than so many vertices.

    Parameters
    ----------
    polygons : ndarray of object, shape (n,)
        Valid polygons and multipolygons.
    largest : int

    Returns
    -------
    ndarray of object
        Polygons that cover the same ground.
    """
    done: list[Geometries] = []
    left = shapely.get_parts(polygons)
    for _ in range(DEEPEST):
        large = shapely.get_num_coordinates(left) > largest
        done.append(left[~large])
        left = left[large]
        if not len(left):
            break
        west, south, east, north = shapely.bounds(left).T
        wide = east - west > north - south
        x, y = np.where(wide, (west + east) / 2, east), np.where(wide, north, (south + north) / 2)
        low = shapely.box(west, south, x, y)
        high = shapely.box(np.where(wide, x, west), np.where(wide, south, y), east, north)
        halves = shapely.get_parts(shapely.intersection(np.append(left, left), np.append(low, high)))
        halves = shapely.get_parts(halves)
        left = halves[shapely.get_type_id(halves) == shapely.GeometryType.POLYGON]
    return np.concatenate([*done, left])


def _disjoint(pieces: Outlines) -> Outlines:
    """The pieces with those that overlap each other united, so that no ground counts twice."""
    first, second, overlap = self_overlaps(pieces)
    much = overlap > SLIVER_AREA_M2
    if not much.any():
        return pieces
    first, second = first[much], second[much]
    label = connected(len(pieces), first, second)
    tangled = np.zeros(len(pieces), bool)
    tangled[first] = tangled[second] = True
    _, number = np.unique(label[tangled], return_inverse=True)
    joined = united(pieces.geometries[tangled], number, int(number.max()) + 1)
    whole = np.concatenate([pieces.geometries[~tangled], subdivided(joined)])
    return prepare(whole, 4326, pieces.plane_crs)
