"""A restricted outline reaches beyond the extended one.

## What it checks
Of the restricted outline at most `share` of its area lies outside the extended outline of the same unit.
The finding shows what is outside.

## Why
The extended outline is the restricted one with the front and the lateral margins. A restricted outline
beyond it means that the two were drawn for different units, or on images that do not fit.

## Example
A restricted outline shifted by 40 m against the extended one.

## How to fix
Draw both along one line where they coincide (in QGIS with snapping and *Trace*).

## Reference
RGIK (2023): extended outlines include the front and the lateral margins, restricted ones leave them out;
that the one contains the other is from memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.areas import area_m2
from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context, Ints
from rogi.rules.relations._links import match, unit_names
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "REL005",
    "restricted-outside-extended",
    Severity.WARNING,
    Evidence.MEMORY_HIGH,
    (Need(Role.OUTLINE, ("primary_id", "outline_type")),),
    needs_crs=True,
    needs_valid=True,
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    restricted, extended = _pairs(context)
    geometry = context.geometry(Role.OUTLINE)
    over = ~shapely.covers(geometry[extended], geometry[restricted])
    restricted, extended = restricted[over], extended[over]
    outside = shapely.difference(geometry[restricted], geometry[extended])
    crs = context.crs(Role.OUTLINE)
    area = area_m2(outside, crs) if len(outside) else np.zeros(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = area / context.area(Role.OUTLINE)[restricted]
    at = np.flatnonzero(share > context.number("share"))
    messages = [
        f"{s:.1%} of the restricted outline ({a:.0f} m²) lie outside the extended one"
        for s, a in zip(share[at], area[at], strict=True)
    ]
    yield Rows(
        Role.OUTLINE,
        restricted[at],
        messages,
        value=share[at].round(4),
        geometry=outside[at],
        other=extended[at],
    )


def _pairs(context: Context) -> tuple[Ints, Ints]:
    """Positions of restricted outlines and of the extended ones of the same unit; valid ones only."""
    names, kind = unit_names(context, Role.OUTLINE), context.outline_kind()
    valid = context.valid(Role.OUTLINE) & (context.vertices(Role.OUTLINE).parts > 0)
    restricted = np.flatnonzero((kind == "restricted") & valid)
    extended = np.flatnonzero((kind == "extended") & valid)
    found = match(names[restricted], names[extended])
    linked = found >= 0
    return restricted[linked], extended[found[linked]]


def good() -> Inventory:
    """Restricted outlines 20 m within the extended ones."""
    return examples.rgik()


def bad() -> Bad:
    """A restricted outline moved by 80 m."""
    inventory = examples.rgik()
    outline = examples.geometry_of(inventory, Role.OUTLINE, 4)
    moved = shapely.transform(outline, lambda xy: xy + np.array([0.001, 0.0]))
    return Bad(examples.with_geometry(inventory, Role.OUTLINE, {4: moved}), {Role.OUTLINE: (4,)})
