"""Two moving areas of one velocity class overlap.

## What it checks
Moving areas of the same class (and the same period or observation window, where one is given) overlap
in less than `minimum_area`. Moving areas of different classes may: faster ones are drawn within slower
ones. They may also lie outside outlines, as they are delineated from velocities alone.

## Why
Ground in two areas of the same class is counted twice; most often one is an older version of the other.

## Example
Two moving areas `10-30 cm/yr`, the second drawn over the first.

## How to fix
Merge the two, or correct the class of one.

## Reference
RGIK (2023), InSAR guidelines; overlap of different classes as in PyRogi (`get_mas_scores`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import quoted
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._kinds import outline_groups
from rogi.rules.geometry._layers import square_metres
from rogi.rules.geometry.geo005_duplicate_geometry import duplicates
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "REL009",
    "moving-areas-of-one-class-overlap",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.MOVING_AREA, ("velocity_class",)),),
    needs_crs=True,
    needs_valid=True,
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule; pairs with the same vertices are left to GEO005."""
    role = Role.MOVING_AREA
    overlaps = context.overlaps(role)
    group, velocity = outline_groups(context, role), context.text(role, "velocity_class")
    repeats, first = duplicates(context, role)
    representative = np.arange(len(group))
    representative[repeats] = first
    left, right = overlaps.left, overlaps.right
    at = np.flatnonzero(
        (group[left] == group[right])
        & np.array([velocity[i] is not None for i in left], dtype=bool)
        & (representative[left] != representative[right])
        & (overlaps.area >= context.number("minimum_area"))
    )
    messages = [
        f"overlaps another moving area of the class {quoted(velocity[i])} by {square_metres(a)}"
        for i, a in zip(left[at], overlaps.area[at], strict=True)
    ]
    yield Rows(
        role,
        left[at],
        messages,
        field=context.column_name(role, "velocity_class"),
        value=overlaps.area[at].round(2),
        geometry=overlaps.geometry[at],
        other=right[at],
    )


def good() -> Inventory:
    """A faster moving area within a slower one."""
    inventory = examples.rgik()
    x, y = examples.geometry_of(inventory, Role.MOVING_AREA, 0).centroid.coords[0]
    inventory = examples.with_geometry(inventory, Role.MOVING_AREA, {1: examples.blob(x, y, 20.0)})
    return examples.with_values(inventory, Role.MOVING_AREA, "Vel.Class", {1: "5"})


def bad() -> Bad:
    """Two moving areas of one class across each other."""
    inventory = examples.rgik()
    x, y = examples.geometry_of(inventory, Role.MOVING_AREA, 0).centroid.coords[0]
    moved = {1: examples.blob(x + 0.0003, y, 40.0)}
    return Bad(examples.with_geometry(inventory, Role.MOVING_AREA, moved), {Role.MOVING_AREA: (0,)})
