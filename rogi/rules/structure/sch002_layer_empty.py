"""A layer has no features.

## What it checks
Every layer the schema requires has at least one feature. An optional layer may be empty (a template whose
moving areas were not mapped) as long as another layer has features.

## Why
An empty file passes every other check, because there is nothing to find fault with. It is more often the
result of a failed export or of a filter left on than of an inventory without rock glaciers.

## Example
A GeoPackage exported from QGIS while a filter hid all markers:

    the layer of primary markers contains no feature; at least one is expected

## How to fix
Export the layer again, without filter and with the option "save only selected features" off. Remove a
layer that is not needed.

## Reference
The rule is this project's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import rgik, tprogi, with_rows
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH002", "layer-empty", Severity.ERROR, Evidence.DERIVED, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    nothing_at_all = not any(len(layer) for layer in context.inventory.layers)
    for role in context.targets:
        layer = context.layer(role)
        required = layer.schema is not None and layer.schema.required
        if not len(layer) and (required or nothing_at_all):
            yield Rows.of_layer(
                role, f"the layer of {role.title} contains no feature; at least one is expected"
            )


def good() -> Inventory:
    return with_rows(rgik(), Role.MOVING_AREA, [])


def bad() -> Bad:
    return Bad(with_rows(tprogi(), Role.MARKER, []), {Role.MARKER: (-1,)})
