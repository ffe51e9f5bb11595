"""A unit consists of several parts.

## What it checks
An outline is one polygon and a marker one point. Multipolygons with a single part are fine, and so are the
two halves of a polygon that is cut at the antimeridian.

## Why
A rock glacier unit is one landform. Several parts usually mean that units were merged by a common
attribute, that a crumb was left by editing, or that a road or a river was cut out.

## Example
A multipolygon of an outline and a crumb of 3 m² beside it.

## How to fix
Delete the crumb, or split the parts into units of their own, each with its marker.

## Reference
RGIK (2023), Guidelines for inventorying rock glaciers, version 1.0: a unit is a single landform.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context, Geometries
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

TOUCHING = 1e-9  # degrees, 0.1 mm: what is rounded at the antimeridian still meets it

RULE = RuleInfo(
    "GEO007", "multipart", Severity.WARNING, Evidence.MEMORY_HIGH, (Need(Role.OUTLINE), Need(Role.MARKER))
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        geometry = context.geometry(role)
        parts = shapely.get_num_geometries(geometry)
        rows = np.flatnonzero(context.usable(role) & (parts > 1))
        if context.is_lonlat(role):
            rows = rows[~_cut(geometry[rows])]
        messages = [f"the feature consists of {k} parts, one is expected" for k in parts[rows]]
        yield Rows(role, rows, messages, value=parts[rows])


def _cut(geometry: Geometries) -> NDArray[np.bool_]:
    """(n,) one polygon cut in two at the antimeridian, as RFC 7946 (section 3.1.9) asks."""
    west, _, east, _ = shapely.bounds(geometry).T
    out = np.zeros(len(geometry), dtype=bool)
    for k in np.flatnonzero((west <= -180.0 + TOUCHING) & (east >= 180.0 - TOUCHING)):
        shifted = [
            part if part.bounds[0] >= 0 else shapely.transform(part, lambda xy: xy + np.array([360.0, 0.0]))
            for part in shapely.get_parts(geometry[k])
        ]
        joined = shapely.union_all(np.array(shifted), grid_size=TOUCHING)
        out[k] = shapely.get_num_geometries(joined) == 1
    return out


def good() -> Inventory:
    """One part each, also as a multipolygon."""
    inventory = examples.tprogi()
    outline = examples.geometry_of(inventory, Role.OUTLINE, 0)
    return examples.with_geometry(inventory, Role.OUTLINE, {0: shapely.MultiPolygon([outline])})


def bad() -> Bad:
    """An outline and a crumb."""
    inventory = examples.tprogi()
    outline = examples.geometry_of(inventory, Role.OUTLINE, 0)
    x, y = outline.bounds[2:]
    crumb = shapely.box(x + 1e-4, y, x + 2e-4, y + 1e-4)
    both = shapely.MultiPolygon([outline, crumb])
    return Bad(examples.with_geometry(inventory, Role.OUTLINE, {0: both}), {Role.OUTLINE: (0,)})
