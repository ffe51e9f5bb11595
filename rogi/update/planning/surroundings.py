"""What lies near the outlines of a work package but belongs to another."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely

from rogi.geometry import Geometries, Ints, metres_per_degree

CONTEXT_M: Final = 500.0
"""How far neighbours are shown, m, measured between bounding boxes: about the length of a rock glacier."""


def neighbours(lonlat: Geometries, package: Ints, distance_m: float = CONTEXT_M) -> tuple[Ints, Ints]:
    """Outlines of other packages near each package.

    Parameters
    ----------
    lonlat : ndarray of object, shape (n,)
        WGS84 longitude and latitude.
    package : ndarray of int, shape (n,)
    distance_m : float
        Between bounding boxes of their parts.

    Returns
    -------
    package, row : ndarray of int, shape (m,)
        The package, and the outline of another one near it; each pair once, sorted.
    """
    parts, row = shapely.get_parts(lonlat, return_index=True)
    west, south, east, north = shapely.bounds(parts).reshape(-1, 4).T
    per_lon, per_lat = metres_per_degree((south + north) / 2)
    x, y = distance_m / per_lon, distance_m / per_lat
    own, other = shapely.STRtree(parts).query(shapely.box(west - x, south - y, east + x, north + y))
    own, other = row[own], row[other]
    apart = package[own] != package[other]
    pairs = np.unique(np.column_stack([package[own[apart]], other[apart]]), axis=0)
    return pairs[:, 0], pairs[:, 1]
