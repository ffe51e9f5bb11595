"""Two outlines overlap.

## What it checks
The interiors of two outlines of one type do not meet in more than `minimum_area`. The finding shows the
overlap and its area. Common borders, and overlaps narrower than 0.1 m (rounding), do not count; an
outline that lies within another is reported by GEO016, equal ones by GEO005, and a system is not
compared with its units.

## Why
Ground in two units is counted twice in areas and zonal statistics, and the border between them is
undecided.

## Example
Two neighbouring lobes drawn by two mappers, each with a bit of the other.

## How to fix
Decide on one border and draw both outlines along it (in QGIS with *Avoid overlap*).

## Reference
Units are distinct landforms side by side or above each other in systems; RGIK (2023). Invalid outlines
(GEO003) cannot be compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import square_metres
from rogi.rules.geometry._pairs import outline_pairs
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "GEO015",
    "overlap",
    Severity.WARNING,
    Evidence.MEMORY_HIGH,
    (Need(Role.OUTLINE),),
    needs_crs=True,
    needs_valid=True,
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    pairs = outline_pairs(context)
    crossing = ~pairs.contained & ~pairs.equal & (pairs.area >= context.number("minimum_area"))
    at = np.flatnonzero(crossing)
    messages = [
        f"overlaps another outline by {square_metres(a)} ({share:.2%} of the smaller)"
        for a, share in zip(pairs.area[at], pairs.share[at], strict=True)
    ]
    yield Rows(
        Role.OUTLINE,
        pairs.left[at],
        messages,
        value=pairs.area[at].round(2),
        geometry=pairs.geometry[at],
        other=pairs.right[at],
    )


def good() -> Inventory:
    """Two outlines with a common border."""
    inventory = examples.tprogi()
    x, y = examples.ORIGIN
    west, east = shapely.box(x, y, x + 0.002, y + 0.002), shapely.box(x + 0.002, y, x + 0.004, y + 0.002)
    return examples.with_geometry(inventory, Role.OUTLINE, {0: west, 1: east})


def bad() -> Bad:
    """The second outline is moved half across the first."""
    x, y = examples.ORIGIN
    moved = examples.blob(x + 0.001, y)
    return Bad(examples.with_geometry(examples.tprogi(), Role.OUTLINE, {1: moved}), {Role.OUTLINE: (0,)})
