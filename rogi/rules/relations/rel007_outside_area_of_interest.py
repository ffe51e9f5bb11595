"""A unit lies outside the area of interest.

## What it checks
Markers lie in one of the areas of interest, and outlines have no more than `share` of their area
outside: a unit may reach across the border of the area, but not lie beyond it.

## Why
The area of interest says where was searched. Densities and comparisons between operators refer to it;
units beyond belong to another inventory, or the area is too small.

## Example
A marker in the next valley.

## How to fix
Extend the area of interest if that ground was searched as a whole, else remove the unit.

## Reference
RGIK multi-operator exercise: one area of interest for each of the 12 areas (doi
10.5194/essd-17-4125-2025).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.inventory.model import Inventory
from rogi.longitudes import around
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.rule import Bad, CannotCheck, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "REL007",
    "outside-area-of-interest",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.AREA_OF_INTEREST),),
    needs_crs=True,
)

UNITS = (Role.MARKER, Role.OUTLINE)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    area = _area(context)
    if area is None:  # with a part of the areas unknown, nothing can be said to lie outside
        raise CannotCheck("an area of interest is missing or invalid")
    for role in UNITS:
        if context.has(role):
            rows, share = _outside(context, role, area, context.number("share"))
            messages = [
                "the feature lies outside the area of interest"
                if s >= 1
                else f"{s:.0%} of the feature lie outside the area of interest"
                for s in share
            ]
            yield Rows(role, rows, messages, value=share.round(3))


def _area(context: Context) -> shapely.Geometry | None:
    """All valid areas of interest as one geometry, WGS84; None if one is missing or not valid."""
    role = Role.AREA_OF_INTEREST
    polygonal = context.vertices(role).parts > 0
    if not (context.valid(role) & polygonal).all():
        return None
    units = [context.lonlat(r) for r in UNITS if context.has(r)]
    areas = context.lonlat(role)
    area = shapely.union_all(around(areas, np.concatenate(units))[0] if units else areas)
    shapely.prepare(area)
    return area


def _outside(
    context: Context, role: Role, area: shapely.Geometry, limit: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Positions of features that lie outside with more than a part of their area, and that part."""
    geometry = context.lonlat(role)
    at = np.flatnonzero(~shapely.is_missing(geometry) & context.valid(role))
    at = at[~shapely.covers(area, geometry[at])]
    share = np.where(shapely.intersects(area, geometry[at]), 0.0, 1.0)
    crossing = np.flatnonzero((share == 0.0) & (shapely.area(geometry[at]) > 0))
    if len(crossing):
        rest = shapely.difference(geometry[at[crossing]], area)
        share[crossing] = area_m2(rest, 4326) / area_m2(geometry[at[crossing]], 4326)
    over = share > limit
    return at[over], share[over]


def good() -> Inventory:
    """All units within."""
    return examples.rgik()


def bad() -> Bad:
    """An area of interest that leaves out the third unit."""
    inventory = examples.rgik()
    west, south, east, north = examples.geometry_of(inventory, Role.AREA_OF_INTEREST, 0).bounds
    smaller = {0: shapely.box(west, south, east - 0.015, north)}
    return Bad(
        examples.with_geometry(inventory, Role.AREA_OF_INTEREST, smaller),
        {Role.MARKER: (2,), Role.OUTLINE: (2, 5)},
    )
