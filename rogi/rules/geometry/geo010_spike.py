"""An outline has a spike.

## What it checks
No ring turns back on itself: where two edges longer than `minimum_length` meet at less than
`maximum_angle`, the vertex between them is the tip of a spike (outward or inward). The finding shows the
tips.

## Why
A spike comes from a vertex dragged or snapped to the wrong place, or from a union of outlines that do
not quite fit.

## Example
A vertex 200 m off the front, between two neighbours 10 m apart.

## How to fix
Move or delete the vertex at the place shown.

## Reference
In 22,000 vertices of glacier outlines (RGI 6 and 7, Ötztal) one angle with edges over 5 m is below 10
degrees.
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

RULE = RuleInfo("GEO010", "spike", Severity.WARNING, Evidence.DERIVED, DRAWN, needs_crs=True)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    limit = context.number("maximum_angle")
    for role in context.targets:
        spikes = context.vertices(role).spikes
        rows, start, count = np.unique(spikes.feature, return_index=True, return_counts=True)
        sharpest = np.minimum.reduceat(spikes.measure, start) if len(rows) else spikes.measure
        messages = [
            f"{'a spike' if k == 1 else f'{k} spikes'}: an angle of {a:.1f}° is below {limit:g}°"
            for k, a in zip(count, sharpest, strict=True)
        ]
        yield Rows(role, rows, messages, value=sharpest.round(3), geometry=spikes.points(rows))


def good() -> Inventory:
    """Smooth outlines."""
    return examples.tprogi()


def bad() -> Bad:
    """One vertex far outside."""
    inventory = examples.tprogi()
    ring = shapely.get_coordinates(examples.geometry_of(inventory, Role.OUTLINE, 1))
    ring[10] += [0.002, 0.002]
    spiky = shapely.Polygon(ring)
    return Bad(examples.with_geometry(inventory, Role.OUTLINE, {1: spiky}), {Role.OUTLINE: (1,)})
