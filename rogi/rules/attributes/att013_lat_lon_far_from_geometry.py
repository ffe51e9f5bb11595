"""Latitude and longitude attributes do not agree with the geometry.

## What it checks
The position in the attributes lies within `tolerance` of the marker, or of the outline or its centroid;
attributes that are rounded may differ by half of their last decimal. A latitude or longitude that is
none is reported here only where more can be said.

## Why
Positions are copied into tables and papers; one that points elsewhere sends the reader to another unit.
Swapped and sign-reversed positions are named as such.

## Example
LAT 97.2426, LON 28.1527: swapped.

## How to fix
Compute the attributes anew from the marker (QGIS: `$y`, `$x`).

## Reference
TPRoGI: position of the primary marker; others: of the centroid.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.geometry import local_metres
from rogi.inventory.model import Inventory
from rogi.inventory.values.area_unit import half_last_decimal
from rogi.longitudes import beside
from rogi.rules import examples
from rogi.rules.context import Context, Floats, Geometries
from rogi.rules.primary_ids._places import positions
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "ATT013",
    "lat-lon-far-from-geometry",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.MARKER, ("latitude", "longitude")), Need(Role.OUTLINE, ("latitude", "longitude"))),
    needs_crs=True,
)

METRES_PER_DEGREE = 111_320.0


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        geometry = context.lonlat(role)
        lat, lon = context.numbers(role, "latitude"), context.numbers(role, "longitude")
        rounding = max(half_last_decimal(lat), half_last_decimal(lon)) * METRES_PER_DEGREE
        tolerance = context.number("tolerance") + np.sqrt(2.0) * rounding
        known = np.flatnonzero(np.isfinite(lat) & np.isfinite(lon) & ~shapely.is_missing(geometry))
        x, y = positions(context, role)
        centre = np.column_stack([x, y])
        distance = distance_m(geometry[known], centre[known], lon[known], lat[known], enough=tolerance)
        far = ~(distance <= tolerance)
        rows = known[far]
        words = _describe(geometry[rows], centre[rows], lon[rows], lat[rows], distance[far], tolerance)
        tell = np.array([word != "" for word in words], dtype=bool)
        rows = rows[tell]
        yield Rows(
            role,
            rows,
            [word for word in words if word],
            field=context.column_name(role, "latitude"),
            value=[f"{a:.10g} {o:.10g}" for a, o in zip(lat[rows], lon[rows], strict=True)],
        )


def distance_m(geometry: Geometries, centre: Floats, lon: Floats, lat: Floats, enough: float = 0.0) -> Floats:
    """Distance of positions from geometries or their centroids, whichever is nearer, in metres.

    Parameters
    ----------
    geometry
        (n,) geometries that are not empty, WGS84 degrees.
    centre
        (n, 2) their centroids.
    lon, lat
        (n,) degrees.
    enough
        Where the centroid is no farther than this the geometry itself is not looked at.

    Returns
    -------
    (n,) metres; infinite where a coordinate is out of range.
    """
    out = np.full(len(geometry), np.inf)
    possible = np.flatnonzero((np.abs(lat) <= 90) & (np.abs(lon) <= 360))
    place = np.column_stack([lon, lat])[possible]
    centre = centre[possible]
    near = np.hypot(*local_metres(place, centre).T)
    place[:, 0] = beside(place[:, 0], centre[:, 0])
    rest = np.flatnonzero(near > enough)
    lines = shapely.shortest_line(shapely.points(place[rest]), geometry[possible[rest]])
    start, end = shapely.get_point(lines, 0), shapely.get_point(lines, 1)
    ends = [np.column_stack([shapely.get_x(p), shapely.get_y(p)]) for p in (start, end)]
    near[rest] = np.fmin(near[rest], np.hypot(*local_metres(*ends).T))
    out[possible] = np.where(np.isnan(near), np.inf, near)
    return out


def _describe(
    geometry: Geometries, centre: Floats, lon: Floats, lat: Floats, distance: Floats, tolerance: float
) -> list[str]:
    """What is wrong with each position; blank where it is no position and nothing is known."""
    other_readings = (
        ("latitude and longitude are swapped", lat, lon),
        ("the sign of the latitude is wrong: the feature lies in the other hemisphere", lon, -lat),
        ("the sign of the longitude is wrong: the feature lies in the other hemisphere", -lon, lat),
    )
    words = [
        "" if np.isinf(d) else f"the position in the attributes is {_kilometres(d)} from the feature"
        for d in distance.tolist()
    ]
    for sentence, x, y in other_readings:
        for i in np.flatnonzero(distance_m(geometry, centre, x, y) <= tolerance):
            words[i] = sentence
    return words


def _kilometres(metres: float) -> str:
    return f"{metres:.0f} m" if metres < 1e4 else f"{metres / 1e3:.0f} km"


def good() -> Inventory:
    """Positions of the markers."""
    return examples.tprogi()


def bad() -> Bad:
    """A position 5 km to the north."""
    inventory = examples.tprogi()
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    moved = float(layer.frame["LAT"].iloc[1]) + 0.05
    return Bad(examples.with_values(inventory, Role.OUTLINE, "LAT", {1: moved}), {Role.OUTLINE: (1,)})
