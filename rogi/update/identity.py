"""Primary IDs of new units: made from a point inside, never one that stands or stood for another unit."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.geometry import Floats, Geometries
from rogi.inventory.ids.primary_id import UNITS_PER_DEGREE, make

DECIMALS: Final = 6
"""Of the position of a marker, 0.1 m."""
FARTHEST: Final = 400
"""Steps of 1e-4 degree, about 4 km, up to which a free ID is looked for within an outline."""


def points_inside(lonlat: Geometries) -> Geometries:
    """A point in each outline: the centroid where it lies inside, else a point on the surface."""
    points = np.asarray(shapely.centroid(lonlat), dtype=object)
    some = ~(shapely.is_missing(points) | shapely.is_empty(points))
    x, y = shapely.get_coordinates(points[some]).T
    inside = np.zeros(len(points), dtype=bool)
    inside[some] = shapely.contains_xy(lonlat[some], x, y)
    points[some & ~inside] = shapely.point_on_surface(lonlat[some & ~inside])
    return points


def marker_positions(lonlat: Geometries) -> Floats:
    """(n, 2) longitude and latitude of a marker in each outline, rounded to :data:`DECIMALS`."""
    points = shapely.get_coordinates(points_inside(lonlat))
    rounded = np.round(points, DECIMALS)
    out = ~shapely.intersects_xy(lonlat, rounded[:, 0], rounded[:, 1])
    rounded[out] = points[out]  # an outline thinner than the rounding
    return np.asarray(rounded + 0.0)


def new_ids(lonlat: Geometries, taken: Set[str]) -> tuple[NDArray[np.object_], Floats]:
    """Primary IDs for new units, and where their markers stand.

    A marker whose ID is taken is moved within its outline, by whole steps of the ID, to the nearest free one.

    Parameters
    ----------
    lonlat
        (n,) valid outlines on WGS84; units are served in order of their first choice and outline, so that
        the order of rows does not matter.
    taken
        IDs in use, and those of units that are gone.

    Returns
    -------
    ids : ndarray of str, shape (n,)
    position : ndarray of float64, shape (n, 2)
        Longitude and latitude.

    Raises
    ------
    InputError
        If an outline has no free ID: there are more units than steps of 11 m in it.
    """
    position = marker_positions(lonlat)
    ids = make(position[:, 0], position[:, 1])
    for k in np.flatnonzero([not isinstance(name, str) or not name for name in ids]).tolist():
        raise InputError(
            f"The outline at ({position[k, 0]:.6g}, {position[k, 1]:.6g}) is no place that a primary ID "
            "can be made of; look at its coordinates."
        )
    used = set(taken)
    wkb = shapely.to_wkb(shapely.normalize(lonlat), byte_order=1)
    for k in sorted(range(len(ids)), key=lambda k: (str(ids[k]), wkb[k])):
        if ids[k] in used:
            position[k], ids[k] = _free(lonlat[k], position[k], used)
        used.add(str(ids[k]))
    return ids, position


def _free(outline: shapely.Geometry, start: Floats, used: Set[str]) -> tuple[Floats, str]:
    """The nearest position in an outline, by steps of the ID, whose ID is free."""
    for ring in range(1, FARTHEST + 1):
        span = np.arange(-ring, ring + 1)
        dy, dx = (a.ravel() for a in np.meshgrid(span, span, indexing="ij"))
        edge = np.maximum(np.abs(dx), np.abs(dy)) == ring
        dx, dy = dx[edge], dy[edge]
        order = np.lexsort([dx, dy, dx * dx + dy * dy])
        tried = np.round(start + np.column_stack([dx, dy])[order] / UNITS_PER_DEGREE, DECIMALS)
        tried = tried[shapely.contains_xy(outline, tried[:, 0], tried[:, 1])]
        for point, name in zip(tried, make(tried[:, 0], tried[:, 1]), strict=True):
            if name not in used:
                return point, str(name)
    at = f"{start[1]:.4f}°N {start[0]:.4f}°E"
    raise InputError(f"The outline at {at} has no room for a free primary ID; look at the units there.")
