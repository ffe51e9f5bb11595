"""A layer the schema requires is missing.

## What it checks
The inventory has every layer its schema requires: for TPRoGI the extended footprints and the primary
markers, for RGIK the primary markers and the geomorphological outlines. Moving areas and areas of
interest are optional.

## Why
Markers locate and identify the units, outlines delineate them. Without one of the two, most checks of
identity and of relations cannot be run, and the inventory cannot be compared unit by unit.

## Example
A folder holds `TPRoGI_Extended_Footprint.shp` but not `TPRoGI_Primary_Marker.shp`:

    the layer of primary markers is missing; tprogi/1.0 requires it (found: outlines)

## How to fix
Name all files of the inventory on the command line, or the folder that holds them. If the layer is there
but was not recognised, say what it is: `--layer marker=points.gpkg:my_points`. If the inventory was
published without that layer, ignore this rule (`--ignore SCH001`); markers can be made from the primary
IDs or the outlines.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002; Rouyet et al. (2025),
doi 10.5194/essd-17-4125-2025 (an inventory is made of primary markers, moving areas and outlines); Sun et
al. (2024), doi 10.5194/essd-16-5703-2024 (footprints and markers).
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, without_layer
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH001", "layer-missing", Severity.ERROR, Evidence.VERIFIED)


def check(context: Context) -> Iterator[Rows]:
    inventory = context.inventory
    found = ", ".join(role.title for role in inventory.roles) or "no layer"
    for layer in inventory.schema.layers:
        if layer.required and inventory.layer(layer.role) is None:
            yield Rows.of_layer(
                None,
                f"the layer of {layer.role.title} is missing; {inventory.schema.id} requires it "
                f"(found: {found})",
                field=layer.name,
            )


def good() -> Inventory:
    return tprogi()


def bad() -> Bad:
    return Bad(without_layer(tprogi(), Role.MARKER), {None: (-1,)})
