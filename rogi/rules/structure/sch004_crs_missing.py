"""A layer has no coordinate reference system.

## What it checks
Every layer says what its coordinates mean: a `.prj` beside a shapefile, an SRS in a GeoPackage, and so on.

## Why
Without it neither places nor areas can be computed, and other programs put the features somewhere else
without a word. The checks that need places are reported as *not run*.

## Example
A shapefile sent without its `.prj`:

    the layer of outlines has no coordinate reference system; areas, places and distances cannot be computed

## How to fix
If you know the CRS, assign it (in QGIS: *Layer - Layer CRS - Set layer CRS*, then export; with GDAL:
`ogr2ogr -a_srs EPSG:4326 out.gpkg in.shp`). Assigning is not reprojecting: the numbers stay as they are.

## Reference
RGIK (2023), baseline concepts 1.0: positions are given on WGS84; Rouyet et al. (2025),
doi 10.5281/zenodo.15467203: EPSG:4326.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, with_crs
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH004", "crs-missing", Severity.ERROR, Evidence.VERIFIED, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        if context.layer(role).crs is None:
            yield Rows.of_layer(
                role,
                f"the layer of {role.title} has no coordinate reference system; areas, places and distances "
                "cannot be computed",
            )


def good() -> Inventory:
    return tprogi()


def bad() -> Bad:
    return Bad(with_crs(tprogi(), Role.OUTLINE, None), {Role.OUTLINE: (-1,)})
