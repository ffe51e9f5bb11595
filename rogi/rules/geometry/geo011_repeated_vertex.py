"""An outline has repeated vertices.

## What it checks
Neighbouring vertices are more than `distance` apart.

## Why
Repeated vertices are harmless to most programs, but they are traces of snapping or of a double click,
make angles and spacing meaningless there, and trip some tools that compute directions.

## Example
A double click while drawing.

## How to fix
In QGIS *Remove duplicate vertices*.

## Reference
OGC 06-103r4 allows repeated points; information only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import DRAWN
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO011", "repeated-vertex", Severity.INFO, Evidence.DERIVED, DRAWN, needs_crs=True)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        repeated = context.vertices(role).repeated
        rows, count = np.unique(repeated.feature, return_counts=True)
        messages = [f"{k} {'vertex is' if k == 1 else 'vertices are'} repeated" for k in count]
        yield Rows(role, rows, messages, value=count, geometry=repeated.points(rows))


def good() -> Inventory:
    """All vertices are distinct."""
    return examples.tprogi()


def bad() -> Bad:
    """A vertex twice in a row."""
    inventory = examples.tprogi()
    ring = shapely.get_coordinates(examples.geometry_of(inventory, Role.OUTLINE, 2))
    twice = shapely.Polygon(np.insert(ring, 20, ring[20], axis=0))
    return Bad(examples.with_geometry(inventory, Role.OUTLINE, {2: twice}), {Role.OUTLINE: (2,)})
