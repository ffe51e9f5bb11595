"""Latitude and longitude (or northing and easting) are swapped.

## What it checks
Whether a feature makes sense only with its coordinates exchanged. Any of these shows it:

* the latitude is beyond 90 degrees and the longitude would do as one;
* the position in the primary ID, or the latitude and longitude columns, agree with the swapped geometry and
  not with the geometry as it is (within 0.1 degree);
* in a projected CRS, the position lies far outside the area the CRS is made for, and inside when swapped.

A witness for the geometry as it is acquits: where the ID agrees and the columns do not, the columns are
wrong (ATT013). If all features are concerned there is one finding for the layer.

## Why
Formats and programs disagree about which comes first: EPSG:4326 names latitude first, GeoJSON, shapefiles
and GeoPackages store longitude first. A CSV imported with the columns exchanged looks right in a table and
lies on another continent on the map.

## Example
    latitude and longitude are swapped: the geometry lies at 90.6° N 30.4° E, latitude 90.6 is beyond ±90

## How to fix
Exchange the coordinates: in QGIS *Swap X and Y coordinates*; in geopandas
`shapely.transform(geometry, lambda xy: xy[:, ::-1])`.

## Reference
EPSG:4326 (axis order latitude, longitude); RFC 7946 section 3.1.1 and the OGC GeoPackage standard (x is the
longitude).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import rgik, tprogi, with_geometry
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH007", "lat-lon-swapped", Severity.ERROR, Evidence.DERIVED, EVERY_LAYER, needs_crs=True)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        if context.crs(role) is None:
            continue
        state = context.state(role)
        rows, usable = np.flatnonzero(state.swapped), int(state.usable.sum())
        if len(rows) == usable > 1:
            yield Rows.of_layer(role, f"{state.swapped_words[rows[0]]}; so do all {usable} features")
        else:
            yield Rows(role, rows, state.swapped_words[rows].tolist())


def good() -> Inventory:
    return rgik(origin=(-70.0, -33.0))


def bad() -> Bad:
    inventory = tprogi()
    return Bad(with_geometry(inventory, Role.MARKER, {1: shapely.Point(30.4, 90.61)}), {Role.MARKER: (1,)})
