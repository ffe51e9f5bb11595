"""A hemisphere letter of a primary ID contradicts the geometry.

## What it checks
`N` or `S` and `E` or `W` in the ID say the same as the signs of the coordinates. Within 0.001 degree of the
equator, of the prime meridian and of the antimeridian either letter is right.

## Why
IDs have no signs. A program that writes `N` and `E` for every position gives units of the Andes the IDs of
places in Asia; the digits look right, so nobody notices.

## Example
    'RGU331000N0700200E' says N, the geometry lies in the south (latitude -33.1000); says E, the geometry lies
    in the west (longitude -70.0200)

## How to fix
`rogi id make` writes the letters from the signs; `rogi validate --fix unsafe` makes IDs anew that lie
elsewhere than their marker.

## Reference
Format of the primary ID: data description of the La Sal inventory (Utah), whose longitudes are west.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "PID010",
    "id-hemisphere",
    Severity.WARNING,
    Evidence.VERIFIED,
    (Need(Role.MARKER, ("primary_id",)), Need(Role.OUTLINE, ("primary_id",))),
    needs_crs=True,
)


def check(context: Context) -> Iterator[Rows]:
    margin = context.number("margin")
    for role in context.targets:
        ids = context.primary_ids(role)
        west, south, east, north = context.lonlat_bounds(role).T
        # longitudes beyond 180 degrees lie on the other side; what reaches across is on both
        wrap = np.where((west + east) / 2 > 180, 360.0, np.where((west + east) / 2 < -180, -360.0, 0.0))
        west, east = west - wrap, east - wrap
        both = (east > 180 - margin) | (west < -180 + margin)
        lat, lon = ids.latitude, ids.longitude
        wrong_lat = ((lat > 0) & (north < -margin)) | ((lat < 0) & (south > margin))
        wrong_lon = ~both & (((lon > 0) & (east < -margin)) | ((lon < 0) & (west > margin)))
        rows = np.flatnonzero(wrong_lat | wrong_lon)
        messages = []
        for i in rows:
            said = []
            if wrong_lat[i]:
                letter, side = ("N", "south") if lat[i] > 0 else ("S", "north")
                middle = (south[i] + north[i]) / 2
                said.append(f"says {letter}, the geometry lies in the {side} (latitude {middle:.4f})")
            if wrong_lon[i]:
                letter, side = ("E", "west") if lon[i] > 0 else ("W", "east")
                middle = (west[i] + east[i]) / 2
                said.append(f"says {letter}, the geometry lies in the {side} (longitude {middle:.4f})")
            messages.append(f"{quoted(ids.text[i])} {'; '.join(said)}")
        yield Rows(role, rows, messages, field=context.column_name(role, "primary_id"), value=ids.text[rows])


def good() -> Inventory:
    return rgik(origin=(-0.01, -0.01))  # units on all sides of the equator and the prime meridian


def bad() -> Bad:
    inventory = rgik(origin=(-70.02, -33.1))
    return Bad(
        with_values(inventory, Role.MARKER, "PrimaryID", {0: "RGU331000N0700200E"}), {Role.MARKER: (0,)}
    )
