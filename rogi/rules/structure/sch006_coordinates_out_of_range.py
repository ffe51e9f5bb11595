"""Coordinates lie where their coordinate reference system cannot have them.

## What it checks
* In a geographic CRS latitudes are within 90 and longitudes within 180 degrees. A polygon drawn across the
  antimeridian may go on beyond 180 degrees.
* In a projected CRS coordinates are not all degrees, can be taken back to longitude and latitude, and lie
  within 10 degrees of the area the CRS is made for. Farther out they are sound if they survive the way to
  longitude and latitude and back, and the primary ID or the position columns agree with them; without
  these, up to 40 degrees in a transverse Mercator projection. (Whole mountain ranges are mapped in one UTM
  zone.)

A CRS that is wrong for a whole layer gives one finding for the layer, otherwise each feature has its own.
Infinite coordinates are the matter of GEO019.

## Why
A CRS that does not fit the numbers puts the inventory into the sea or nowhere, and every area, distance and
ID check that follows is meaningless. It is the usual trace of a CRS that was *assigned* where it should have
been *reprojected*.

## Example
A UTM file to which somebody assigned WGS84:

    all 3 features lie out of range: coordinates (618046, 3363421) are no degrees, though the CRS is
    EPSG:4326 (WGS 84); x must be within ±180 and y within ±90

## How to fix
Find out what the coordinates are and assign that CRS (QGIS: *Set layer CRS*; GDAL: `ogr2ogr -a_srs`), then
reproject. Longitudes from 180 to 360 are brought back by subtracting 360.

## Reference
EPSG registry: the axes and the area of use of each CRS; RFC 7946 section 3.1.9 for the antimeridian.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import reprojected, rgik, tprogi, with_crs
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "SCH006", "coordinates-out-of-range", Severity.ERROR, Evidence.DERIVED, EVERY_LAYER, needs_crs=True
)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        if context.crs(role) is None:
            continue
        state = context.state(role)
        rows, usable = np.flatnonzero(state.out_of_range), int(state.usable.sum())
        if len(rows) and len(rows) == usable:
            count = "the only feature lies" if usable == 1 else f"all {usable} features lie"
            yield Rows.of_layer(role, f"{count} out of range: {state.out_of_range_words[rows[0]]}")
        else:
            yield Rows(role, rows, state.out_of_range_words[rows].tolist())


def good() -> Inventory:
    return rgik(origin=(179.9795, -44.0))  # the third unit lies across the antimeridian


def bad() -> Bad:
    projected = reprojected(tprogi(), "EPSG:32646")
    return Bad(with_crs(projected, Role.OUTLINE, "EPSG:4326"), {Role.OUTLINE: (-1,)})
