"""A layer is in another coordinate reference system than its schema says.

## What it checks
The CRS of every layer means the same coordinates as the one the schema (or the dialect) names; for TPRoGI
and RGIK that is EPSG:4326, longitude and latitude on WGS84. All ways to write it count as the same: an Esri
`.prj`, `OGC:CRS84`, three-dimensional WGS84, a named realisation. A dialect that is known to use a national
grid, such as RoGI-CH with EPSG:2056, is held to that. Where it is not established what the files of a dialect
are in (the RGIK template, files from papers), another CRS is information only.

## Why
Files of one inventory are put together by their coordinates. rogi reads the CRS and converts where it must,
other programs and readers of a CSV export may not.

## Example
    CRS is EPSG:32646 (WGS 84 / UTM zone 46N); tprogi/1.0 is in EPSG:4326 (WGS 84)

## How to fix
Reproject before publication: `ogr2ogr -t_srs EPSG:4326 out.gpkg in.gpkg`, or in QGIS *Export - Save
features as* with the CRS EPSG:4326. For a working copy the finding can be ignored.

## Reference
Rouyet et al. (2025), doi 10.5281/zenodo.15467203; Sun et al. (2024), doi 10.5281/zenodo.10732042: both in
EPSG:4326.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.errors import InputError
from rogi.geometry import parse_crs
from rogi.inventory.crs import label, same
from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import reprojected, tprogi, with_crs
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH005", "crs-unexpected", Severity.WARNING, Evidence.SECONDARY, EVERY_LAYER, needs_crs=True)


def check(context: Context) -> Iterator[Rows]:
    inventory = context.inventory
    wanted = inventory.dialect.crs or inventory.schema.crs
    who = f"dialect {inventory.dialect.name}" if inventory.dialect.crs else inventory.schema.id
    try:
        expected = parse_crs(wanted) if wanted else None
    except InputError:  # a user's schema may say anything
        expected = None
    if expected is None:
        return
    # the schema was chosen by the user, or what files of the dialect are in is known
    established = bool(inventory.dialect.crs) or inventory.schema.id != inventory.dialect.schema
    for role in context.targets:
        crs = context.layer(role).crs
        if crs is not None and not same(crs, expected):
            yield Rows.of_layer(
                role,
                f"CRS is {label(crs)}; {who} is in {label(expected)}",
                value=label(crs),
                severity=None if established else Severity.INFO,
            )


def good() -> Inventory:
    return with_crs(tprogi(), Role.MARKER, "OGC:CRS84")


def bad() -> Bad:
    return Bad(reprojected(tprogi(), "EPSG:32646"), {Role.MARKER: (-1,), Role.OUTLINE: (-1,)})
