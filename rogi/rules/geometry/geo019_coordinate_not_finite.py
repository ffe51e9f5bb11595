"""A coordinate is infinite or not a number.

## What it checks
Every x and y is a finite number.

## Why
One such vertex makes the extent of the whole layer infinite, breaks spatial indexes, and areas become
NaN. It is the usual result of a projection that failed.

## Example
`POLYGON ((90.6 30.4, inf inf, …))` after a transformation outside the area of the CRS.

## How to fix
Find out which step made it, most often a transformation, and repeat it with the right CRS.

## Reference
OGC 06-103r4; the coordinates of a position are real numbers.
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

RULE = RuleInfo("GEO019", "coordinate-not-finite", Severity.ERROR, Evidence.DERIVED, ALL)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        rows = np.flatnonzero(~context.finite(role))
        coords, index = shapely.get_coordinates(context.geometry(role)[rows], return_index=True)
        broken = np.bincount(index[~np.isfinite(coords).all(axis=1)], minlength=len(rows))
        messages = [
            f"{k} {'vertex has' if k == 1 else 'vertices have'} a coordinate that is infinite or not a number"
            for k in broken
        ]
        nowhere = np.full(len(rows), None, dtype=object)
        yield Rows(role, rows, messages, value=broken, geometry=nowhere)


def good() -> Inventory:
    """All coordinates are finite."""
    return examples.tprogi()


def bad() -> Bad:
    """An infinite vertex."""
    inventory = examples.tprogi()
    ring = shapely.get_coordinates(examples.geometry_of(inventory, Role.OUTLINE, 1))
    ring[5] = np.inf
    broken = shapely.Polygon(ring)
    return Bad(examples.with_geometry(inventory, Role.OUTLINE, {1: broken}), {Role.OUTLINE: (1,)})
