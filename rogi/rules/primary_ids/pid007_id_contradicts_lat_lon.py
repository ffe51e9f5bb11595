"""A primary ID gives another place than the latitude and longitude columns.

## What it checks
The position in the ID and the columns for latitude and longitude differ by at most 0.001 degree (111 m in
latitude). In some inventories the columns hold the centroid of the outline; therefore a difference is
accepted on outlines as long as both places lie within the bounding box of the outline. Values outside 90
and 180 degrees are the matter of SCH018.

## Why
ID and columns are copies of the same fact. Where they disagree, one of them was not updated, or the columns
were exchanged.

## Example
    the ID says 30.4000° N 90.6100° E, LAT and LON say 30.4000° N 90.9100° E, 28.8 km away; up to 0.001° are
    allowed

## How to fix
Compute the columns anew from the geometry (QGIS field calculator: `y($geometry)`, `x($geometry)`), and see
what PID006 says about the ID.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002; TPRoGI's IDs agree with the geometry to
about three decimals, the data description of the La Sal inventory speaks of centroids.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.ids.primary_id import UNITS_PER_DEGREE, deviation
from rogi.inventory.model import Inventory
from rogi.longitudes import short_way
from rogi.rules.context import Context, Floats, Mask
from rogi.rules.examples import tprogi, with_values
from rogi.rules.primary_ids._places import length, metres_apart, place
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

CONCEPTS = ("primary_id", "latitude", "longitude")
RULE = RuleInfo(
    "PID007",
    "id-contradicts-lat-lon",
    Severity.WARNING,
    Evidence.SECONDARY,
    (Need(Role.MARKER, CONCEPTS), Need(Role.OUTLINE, CONCEPTS)),
)


def check(context: Context) -> Iterator[Rows]:
    tolerance = context.number("tolerance")
    for role in context.targets:
        ids = context.primary_ids(role)
        lon, lat = context.numbers(role, "longitude"), context.numbers(role, "latitude")
        possible = (np.abs(lat) <= 90) & (np.abs(lon) <= 360)
        off = possible & ~ids.ambiguous & (deviation(ids, lon, lat) > tolerance * UNITS_PER_DEGREE)
        if role is Role.OUTLINE and off.any():
            off &= ~_both_inside(context, role, [(ids.longitude, ids.latitude), (lon, lat)], tolerance)
        rows = np.flatnonzero(off)
        apart = metres_apart(lon[rows], lat[rows], ids.longitude[rows], ids.latitude[rows])
        names = f"{context.column_name(role, 'latitude')} and {context.column_name(role, 'longitude')}"
        messages = [
            f"the ID says {place(ids.longitude[i], ids.latitude[i])}, {names} say {place(lon[i], lat[i])}, "
            f"{length(d)} away; up to {tolerance:g}° are allowed"
            for i, d in zip(rows, apart, strict=True)
        ]
        yield Rows(role, rows, messages, field=context.column_name(role, "primary_id"), value=ids.text[rows])


def _both_inside(context: Context, role: Role, places: list[tuple[Floats, Floats]], tolerance: float) -> Mask:
    """Whether all places lie within the bounds of the outline, give or take the tolerance."""
    inside = ~shapely.is_missing(context.lonlat(role))
    west, south, east, north = context.lonlat_bounds(role).T
    middle, half = (west + east) / 2, (east - west) / 2
    for lon, lat in places:
        inside &= np.abs(short_way(lon - middle)) <= half + tolerance
        inside &= (lat >= south - tolerance) & (lat <= north + tolerance)
    return np.asarray(inside)


def good() -> Inventory:
    return with_values(tprogi(), Role.OUTLINE, "LAT", {0: None, 1: 30.4004})


def bad() -> Bad:
    return Bad(with_values(tprogi(), Role.OUTLINE, "LON", {1: 90.91}), {Role.OUTLINE: (1,)})
