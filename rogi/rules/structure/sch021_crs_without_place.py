"""A coordinate reference system has no longitude and latitude.

## What it checks
Coordinates can be taken to longitude and latitude: the CRS is geographic or projected, of the Earth.
Geocentric (EPSG:4978), local (engineering) and vertical systems, and those of other bodies, are none of
these.

## Why
Neither places nor areas can be computed, and the checks that need them do not run. The numbers may look like
those of a map and are not.

## Example
Outlines exported from a viewer of point clouds in EPSG:4978:

    the CRS is EPSG:4978 (WGS 84), which has no longitude and latitude; areas, places and distances cannot be
    computed

## How to fix
Bring the layer into a geographic or projected CRS with the program it comes from (`ogr2ogr -s_srs EPSG:4978
-t_srs EPSG:4326` needs heights). If only the statement is wrong, assign the CRS the coordinates are in.

## Reference
ISO 19111: kinds of coordinate reference systems.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.crs import label
from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, with_crs
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH021", "crs-without-place", Severity.ERROR, Evidence.DERIVED, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        crs = context.layer(role).crs
        if crs is not None and context.crs(role) is None:
            yield Rows.of_layer(
                role,
                f"the CRS is {label(crs)}, which has no longitude and latitude; areas, places and distances "
                "cannot be computed",
            )


def good() -> Inventory:
    return tprogi()


def bad() -> Bad:
    return Bad(with_crs(tprogi(), Role.OUTLINE, "EPSG:4978"), {Role.OUTLINE: (-1,)})
