"""The ground on which candidates are judged: what was predicted, within the area asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.comparison.matching.sides import Side
from rogi.geometry import Geometries
from rogi.longitudes import around

SPLINTER = 1e-4
"""Share of its area that an outline may lose and still lie on the ground: 1 m² of the smallest units."""


@dataclass(frozen=True)
class Clipped:
    """What of a side lies on the ground that counts.

    Attributes
    ----------
    side : Side
        Its objects there, cut at the edge of the ground.
    area, area_outside : float
        m² of its objects on the ground and off it (objects that overlap count each).
    outside, cut : int
        Objects wholly off the ground, and cut at its edge.
    """

    side: Side
    area: float
    area_outside: float
    outside: int
    cut: int


def intersected(ground: Geometries, area: Geometries) -> Geometries:
    """Ground that is in both sets of polygons (longitude and latitude)."""
    area, _ = around(area, ground)
    return np.array([polygonal(np.array([shapely.union_all(ground) & shapely.union_all(area)]))[0]])


def clip(side: Side, ground: Geometries | None) -> Clipped:
    """The objects of a side on some ground.

    Parameters
    ----------
    side : Side
        Outlines.
    ground : ndarray of object, shape (g,), optional
        Valid polygons on longitude and latitude; None for everywhere.
    """
    before = area_m2(side.geometries, 4326)
    if ground is None:
        return Clipped(side, float(before.sum()), 0.0, 0, 0)
    ground, _ = around(ground, side.geometries)
    whole = shapely.union_all(ground) if len(ground) != 1 else ground[0]
    shapely.prepare(whole)
    shapes = side.geometries.copy()
    crossing = ~shapely.covers(whole, shapes)
    meets = shapely.intersects(whole, shapes)
    rows = np.flatnonzero(crossing & meets)
    shapes[rows] = polygonal(np.asarray(shapely.intersection(shapes[rows], whole), dtype=object))
    after = np.where(meets, area_m2(shapes, 4326), 0.0)
    # along the edge of the ground rounding leaves splinters: such outlines lie on it
    whole_still = crossing & (np.abs(before - after) < SPLINTER * before)
    shapes[whole_still], after[whole_still] = side.geometries[whole_still], before[whole_still]
    crossing &= ~whole_still
    there = after > 0
    return Clipped(
        replace(side, geometries=shapes).within(there),
        float(after.sum()),
        float((before - after).sum()),
        int((~there).sum()),
        int((there & crossing).sum()),
    )


def polygonal(shapes: Geometries) -> Geometries:
    """The polygons of each geometry, without its lines and points."""
    mixed: NDArray[np.bool_] = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
    if not mixed.any():
        return shapes
    out = shapes.copy()
    parts, owner = shapely.get_parts(shapes[mixed], return_index=True)
    parts, again = shapely.get_parts(parts, return_index=True)
    good = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    made = np.full(int(mixed.sum()), shapely.MultiPolygon(), dtype=object)
    shapely.multipolygons(parts[good], indices=owner[again][good], out=made)
    out[mixed] = made
    return out
