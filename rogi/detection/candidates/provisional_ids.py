"""Provisional primary IDs of candidates: every one is different."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.geometry import Floats, Geometries
from rogi.inventory.ids import primary_id


def provisional_ids(lonlat: Geometries, areas: Floats) -> NDArray[np.object_]:
    """Primary IDs of polygons on longitude and latitude, from a point on their surface, all different.

    Where two would be equal the smaller polygon takes the next free position: the nearest in steps of
    0.0001°, those to the north-west first.
    """
    points = shapely.get_coordinates(shapely.point_on_surface(lonlat))
    at = np.column_stack([primary_id.units(points[:, 1]), primary_id.units(points[:, 0])])
    order = np.lexsort([*shapely.bounds(lonlat).T, -areas]) if len(areas) else np.zeros(0, np.intp)
    _, first = np.unique(at[order], axis=0, return_index=True)
    taken = set(map(tuple, at[order[first]].tolist()))
    for row in np.setdiff1d(order, order[first], assume_unique=True).tolist():
        at[row] = _free(at[row], taken)
        taken.add(tuple(at[row].tolist()))
    degrees = at / primary_id.UNITS_PER_DEGREE
    return primary_id.make(degrees[:, 1], degrees[:, 0])


def _free(at: NDArray[np.int64], taken: set[tuple[int, int]]) -> tuple[int, int]:
    """The nearest position, in units of the ID, that is not taken."""
    lat, lon = (int(v) for v in at)
    reach = 1
    while True:
        steps = range(-reach, reach + 1)
        ring = [(i, j) for i in reversed(steps) for j in steps if max(abs(i), abs(j)) == reach]
        for i, j in sorted(ring, key=lambda step: step[0] ** 2 + step[1] ** 2):
            if (lat + i, lon + j) not in taken:
                return lat + i, lon + j
        reach += 1
