"""A feature has no geometry.

## What it checks
Every feature of every layer has a geometry.

## Why
A unit without geometry has no place: it cannot be drawn, measured, matched or counted in a region.

## Example
A row of the footprints whose shape is NULL.

## How to fix
Draw the outline or place the marker, or delete the row.

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

RULE = RuleInfo("GEO001", "geometry-null", Severity.ERROR, Evidence.DERIVED, ALL)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        rows = np.flatnonzero(shapely.is_missing(context.geometry(role)))
        yield Rows(role, rows, "the feature has no geometry")


def good() -> Inventory:
    """All features have a geometry."""
    return examples.tprogi()


def bad() -> Bad:
    """The second outline has none."""
    inventory = examples.with_geometry(examples.tprogi(), Role.OUTLINE, {1: None})
    return Bad(inventory, {Role.OUTLINE: (1,)})
