"""A geometry is empty.

## What it checks
Geometries hold at least one point. Empty ones (`POLYGON EMPTY`) differ from missing ones, but are as
little use.

## Why
Tools differ in what they do with empty geometries; most skip them without a word.

## Example
The result of an intersection that came out empty and was saved.

## How to fix
Draw the geometry anew, or delete the row.

## Reference
OGC 06-103r4, Simple Feature Access, part 1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import ALL
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO002", "geometry-empty", Severity.ERROR, Evidence.DERIVED, ALL)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        geometry = context.geometry(role)
        rows = np.flatnonzero(shapely.is_empty(geometry) & ~shapely.is_missing(geometry))
        kinds = [shapely.get_type_id(g) for g in geometry[rows]]
        yield Rows(
            role, rows, "the geometry is empty", value=[shapely.GeometryType(int(k)).name for k in kinds]
        )


def good() -> Inventory:
    """No geometry is empty."""
    return examples.tprogi()


def bad() -> Bad:
    """An empty polygon."""
    inventory = examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: shapely.Polygon()})
    return Bad(inventory, {Role.OUTLINE: (0,)})
