"""What lies near the outlines of a work package but belongs to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely

from rogi.areas import polygons_of
from rogi.geometry import Floats, Geometries, Ints, metres_per_degree

CONTEXT_M: Final = 500.0
"""How far neighbours are shown, m, measured between bounding boxes: about the length of a rock glacier."""

AT_A_TIME: Final = 20_000
"""Outlines that are looked at together."""


def neighbours(lonlat: Geometries, package: Ints, distance_m: float = CONTEXT_M) -> tuple[Ints, Ints]:
    """Outlines of other packages near each package.

    Parameters
    ----------
    lonlat : ndarray of object, shape (n,)
        WGS84 longitude and latitude, on one map (`rogi.longitudes.in_one_map`).
    package : ndarray of int, shape (n,)
    distance_m : float
        Between bounding boxes of their parts.

    Returns
    -------
    package, row : ndarray of int, shape (m,)
        The package, and the outline of another one near it; each pair once, sorted.
    """
    boxes, row = part_boxes(lonlat)
    pairs = [np.zeros((0, 2), np.intp)]
    for own, other in pairs_of_boxes(boxes, row, distance_m):
        apart = package[own] != package[other]
        pairs.append(np.unique(np.column_stack([package[own[apart]], other[apart]]), axis=0))
    found = np.unique(np.concatenate(pairs), axis=0)
    return found[:, 0], found[:, 1]


def part_boxes(lonlat: Geometries) -> tuple[Floats, Ints]:
    """Bounding boxes of the parts of outlines, shape (p, 4), and the row of each part.

    The box around far parts of one outline would meet everything between them. Parts are copies, so they are
    made for some outlines at a time.
    """
    boxes, rows = [np.zeros((0, 4))], [np.zeros(0, np.intp)]
    for start in range(0, len(lonlat), AT_A_TIME):
        parts, row = polygons_of(lonlat[start : start + AT_A_TIME])
        there = ~shapely.is_empty(parts)
        boxes.append(shapely.bounds(parts[there]).reshape(-1, 4))
        rows.append(row[there] + start)
    return np.concatenate(boxes), np.concatenate(rows)


def pairs_of_boxes(boxes: Floats, row: Ints, distance_m: float) -> Iterator[tuple[Ints, Ints]]:
    """Rows of boxes in degrees, and rows of those within a distance of them, in pieces."""
    tree = shapely.STRtree(shapely.box(*boxes.T))
    west, south, east, north = boxes.T
    x, y = (distance_m / metres for metres in metres_per_degree((south + north) / 2))
    reach = np.column_stack([west - x, south - y, east + x, north + y])
    for start in range(0, len(boxes), AT_A_TIME):
        one, other = tree.query(shapely.box(*reach[start : start + AT_A_TIME].T))
        yield row[one + start], row[other]
