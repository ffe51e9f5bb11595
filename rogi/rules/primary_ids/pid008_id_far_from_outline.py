"""A primary ID gives a place outside its outline.

## What it checks
The position in the ID lies in the outline of the same feature, within 50 m of it, or within 50 m of its
centroid. Where a unit has an extended and a restricted outline only the extended one is held against the ID.
Moving areas need not lie where the unit's marker is.

## Why
Marker and outline describe one unit. An ID from elsewhere means that the outline was joined to the wrong
marker. Inventories without markers make their IDs from a point inside the outline or from its centroid, so
either is accepted.

## Example
    the ID says 30.4000° N 90.6200° E, 2.8 km outside the outline; up to 50 m are allowed

## How to fix
Look at marker and outline on the map. If the outline has the wrong ID, correct it by the marker that lies
inside; if there is no marker, `rogi validate --fix unsafe` makes the ID from the outline.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002 (the marker identifies the unit); data
description of the La Sal inventory (IDs from centroids).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.geometry import local_metres
from rogi.inventory.model import Inventory
from rogi.longitudes import beside
from rogi.rules.context import Context, Floats, Geometries, Ints
from rogi.rules.examples import rgik, tprogi, with_geometry
from rogi.rules.primary_ids._places import length, place
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "PID008",
    "id-far-from-outline",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.OUTLINE, ("primary_id",)),),
    needs_crs=True,
)


def check(context: Context) -> Iterator[Rows]:
    role = Role.OUTLINE
    ids = context.primary_ids(role)
    rows, apart = far_outlines(context)
    limit = context.number("distance")
    messages = [
        f"the ID says {place(ids.longitude[i], ids.latitude[i])}, {length(d)} outside the outline; "
        f"up to {length(limit)} are allowed"
        for i, d in zip(rows, apart, strict=True)
    ]
    yield Rows(role, rows, messages, field=context.column_name(role, "primary_id"), value=ids.text[rows])


def far_outlines(context: Context) -> tuple[Ints, Floats]:
    """Rows of outlines whose ID gives a place elsewhere, and its distance from the outline in metres."""
    return context.once(("far outlines",), lambda: _far_outlines(context))


def _far_outlines(context: Context) -> tuple[Ints, Floats]:
    role = Role.OUTLINE
    ids = context.primary_ids(role)
    outlines = context.lonlat(role)
    known = ids.parsed & ids.in_range & ~ids.ambiguous
    at = np.flatnonzero(known & ~shapely.is_missing(outlines) & ~_has_extended(context))
    if not len(at):
        return at, np.zeros(0)
    west, _, east, _ = context.lonlat_bounds(role)[at].T
    middle = (west + east) / 2
    # the turn of the longitude that is nearest to the outline: it may be drawn beyond 180 degrees
    lon = beside(ids.longitude[at], middle)
    lon = np.where(east - west < 180.0, lon, ids.longitude[at])
    lat = ids.latitude[at]
    outside = np.flatnonzero(~shapely.intersects_xy(outlines[at], lon, lat))
    at, lon, lat = at[outside], lon[outside], lat[outside]
    near, apart = _metres(outlines[at], lon, lat)
    far = np.flatnonzero(near > context.number("PID008.distance"))
    return at[far], apart[far]


def _metres(outlines: Geometries, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Distance to the outline or its centroid, whichever is less, and to the outline; all in metres."""
    # metres per degree at the ID; not across the antimeridian: the longitude was turned to the outline
    origin = np.column_stack([lon, lat])
    east = local_metres(origin + np.array([1.0, 0.0]), origin)[:, 0]
    north = local_metres(origin + np.array([0.0, 1.0]), origin)[:, 1]
    coords, at = shapely.get_coordinates(outlines, return_index=True)
    local = (coords - origin[at]) * np.column_stack([east, north])[at]
    plane = shapely.set_coordinates(shapely.force_2d(outlines), local)
    here = shapely.points(0.0, 0.0)
    to_outline = np.asarray(shapely.distance(plane, here), dtype=np.float64)
    to_centroid = np.asarray(shapely.distance(shapely.centroid(plane), here), dtype=np.float64)
    return np.fmin(to_outline, to_centroid), to_outline


def _has_extended(context: Context) -> NDArray[np.bool_]:
    """Whether a restricted outline has an extended one of the same ID."""
    kind = context.outline_kind()
    names = context.primary_ids(Role.OUTLINE).canonical
    restricted = kind == "restricted"
    if not restricted.any():
        return np.asarray(restricted)
    extended = set(names[kind == "extended"])
    return np.asarray(restricted & np.array([name in extended for name in names], dtype=bool))


def good() -> Inventory:
    return rgik(origin=(-70.0, -33.0))


def bad() -> Bad:
    inventory = tprogi(4)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    shapes = layer.geometry
    return Bad(with_geometry(inventory, Role.OUTLINE, {1: shapes[2], 2: shapes[1]}), {Role.OUTLINE: (1, 2)})
