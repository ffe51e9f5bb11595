"""A primary ID gives another place than its marker.

## What it checks
The position in the ID and that of the primary marker differ by at most 2 units of 1e-4 degree (22 m) in
latitude and in longitude. An ID made from the marker differs by at most half a unit, since the position is
rounded; the rest is for markers that were converted between coordinate systems. With three decimals it may
differ by 4.5 units more. Of an ID whose digits have several readings the one near the marker is taken.

## Why
An ID is made once from the marker and then stays. If the two disagree, either the marker was moved by hand,
or ID and marker belong to different units, which is what happens when a table is sorted on its own.

## Example
    the ID says 46.1670° N 8.0345° E, the marker is at 46.1670° N 8.0341° E, 28 m away; up to 0.0002° are
    allowed

## How to fix
Find out which is right. If the marker is, `rogi validate --fix unsafe` makes the ID anew; tell the users of
the inventory, as IDs are cited.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002. That positions are rounded, not cut off:
ten markers of RoGI-CH, all within half a unit of their repaired IDs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.ids.primary_id import UNITS_PER_DEGREE, deviation
from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import quoted
from rogi.rules.context import Context
from rogi.rules.examples import reprojected, rgik, tprogi, with_geometry
from rogi.rules.primary_ids._places import length, metres_apart, place, positions
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "PID006",
    "id-far-from-marker",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.MARKER, ("primary_id",)),),
    needs_crs=True,
    fix="unsafe",
)


def check(context: Context) -> Iterator[Rows]:
    role = Role.MARKER
    ids = context.primary_ids(role)
    lon, lat = positions(context, role)
    tolerance = context.number("tolerance")
    # where digits were lost and no reading is near there is no distance: it would be that of a guess
    lost = np.flatnonzero(ids.ambiguous & np.isfinite(lon) & np.isfinite(lat))
    messages = [
        f"no reading of {quoted(ids.text[i])} is near the marker, {place(lon[i], lat[i])}" for i in lost
    ]
    yield Rows(role, lost, messages, field=context.column_name(role, "primary_id"), value=ids.text[lost])
    rows = np.flatnonzero((deviation(ids, lon, lat) > tolerance) & ~ids.ambiguous)  # NaN is not
    apart = metres_apart(lon[rows], lat[rows], ids.longitude[rows], ids.latitude[rows])
    messages = [
        f"the ID says {place(ids.longitude[i], ids.latitude[i])}, the marker is at {place(lon[i], lat[i])}, "
        f"{length(d)} away; up to {tolerance / UNITS_PER_DEGREE:g}° are allowed"
        for i, d in zip(rows, apart, strict=True)
    ]
    yield Rows(role, rows, messages, field=context.column_name(role, "primary_id"), value=ids.text[rows])


def good() -> Inventory:
    return reprojected(rgik(origin=(8.0, 46.5)), "EPSG:2056")


def bad() -> Bad:
    inventory = tprogi()
    layer = inventory.layer(Role.MARKER)
    assert layer is not None
    point = layer.geometry[1]
    moved = shapely.Point(point.x, point.y + 0.0003)
    return Bad(with_geometry(inventory, Role.MARKER, {1: moved}), {Role.MARKER: (1,)})
