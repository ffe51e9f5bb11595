"""Coordinates are rounded too coarsely.

## What it checks
Not all vertices of a polygon are multiples of `grid_degrees` (for projected coordinates, `grid_metres`).

## Why
A tenth of a thousandth of a degree is 11 m: an outline rounded to it is a staircase, its area is wrong
by several percent, and neighbours overlap.

## Example
Coordinates written with four decimals by an export to text.

## How to fix
Export again with at least six decimals of a degree, or take the original.

## Reference
Information only. RFC 7946 §11.2 counts six decimals as about 10 cm.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import DRAWN, per_feature_or_layer
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO017", "coordinate-precision", Severity.INFO, Evidence.DERIVED, DRAWN, needs_crs=True)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        name, unit = ("grid_degrees", "°") if context.is_lonlat(role) else ("grid_metres", "m")
        grid = context.number(name)
        found = context.vertices(role).gridded
        if found.any():
            words = f"all coordinates are multiples of {grid:g} {unit}"
            yield per_feature_or_layer(context, role, found, context.vertices(role).parts > 0, words)


def good() -> Inventory:
    """Seven decimals of a degree."""
    return examples.tprogi()


def bad() -> Bad:
    """One outline rounded to four decimals."""
    inventory = examples.tprogi()
    ring = shapely.get_coordinates(examples.geometry_of(inventory, Role.OUTLINE, 0))
    rounded = shapely.Polygon(np.round(ring, 4)).buffer(0)
    return Bad(examples.with_geometry(inventory, Role.OUTLINE, {0: rounded}), {Role.OUTLINE: (0,)})
