"""The rings of a polygon touch each other.

## What it checks
In a valid polygon no two rings (shell, holes, shells of other parts) touch. Touching in single points is
allowed by the OGC standard, but is a weak spot; a ring that touches *itself* is invalid and reported by
GEO003.

## Why
A hole that touches its shell in one point becomes a cut with the next rounding of coordinates; other
programs (ESRI's) store such a polygon as one ring that touches itself, which is then invalid here.

## Example
A hole with a vertex on the outer boundary.

## How to fix
Move the vertex by a few metres, or make the hole part of the outside.

## Reference
OGC 06-103r4, Simple Feature Access, part 1. §6.1.11: rings may touch in points, not cross.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context, Geometries
from rogi.rules.geometry._layers import POLYGONS
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO004", "ring-self-touch", Severity.WARNING, Evidence.DERIVED, POLYGONS)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        geometry = context.geometry(role)
        vertices = context.vertices(role)
        several = vertices.parts + vertices.holes > 1
        polygonal = np.isin(
            shapely.get_type_id(geometry), [shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON]
        )
        at = np.flatnonzero(context.valid(role) & polygonal & several)
        touching = at[~shapely.is_simple(shapely.boundary(geometry[at]))]
        places = _touches(geometry[touching])
        yield Rows(role, touching, "rings of the polygon touch each other", geometry=places)


def _touches(geometry: Geometries) -> Geometries:
    """Where rings of each polygon touch."""
    polygons, owner = shapely.get_parts(geometry, return_index=True)
    rings, part = shapely.get_rings(polygons, return_index=True)
    index = owner[part]
    out = geometry.copy()
    for i in range(len(geometry)):
        own = rings[index == i]
        a, b = np.triu_indices(len(own), k=1)
        places = shapely.union_all(shapely.intersection(own[a], own[b]))
        if not places.is_empty:
            out[i] = places
    return out


def good() -> Inventory:
    """No rings touch."""
    return examples.tprogi()


def bad() -> Bad:
    """A hole that touches the shell."""
    x, y = examples.ORIGIN
    shell = [(x, y), (x + 0.002, y), (x + 0.002, y + 0.002), (x, y + 0.002)]
    hole = [(x, y + 0.001), (x + 0.0005, y + 0.0012), (x + 0.0005, y + 0.0008)]
    inventory = examples.with_geometry(examples.tprogi(), Role.OUTLINE, {2: shapely.Polygon(shell, [hole])})
    return Bad(inventory, {Role.OUTLINE: (2,)})
