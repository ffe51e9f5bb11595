"""An outline has holes.

## What it checks
Outlines have no inner rings.

## Why
Outlines enclose the landform as a whole; what is within (a bedrock knob, a lake, snow) is part of it or
too small to be drawn. Holes are often left over from a segmentation.

## Example
A polygon made from a raster with pixels missing in the middle.

## How to fix
In QGIS *Delete holes*, if the hole is no purpose of yours.

## Reference
Information only: whether holes are allowed is not stated in the sources at hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.areas import area_m2
from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context, Geometries
from rogi.rules.geometry._layers import square_metres
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO008", "holes", Severity.INFO, Evidence.MEMORY_LOW, (Need(Role.OUTLINE),))


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        holes = context.vertices(role).holes
        rows = np.flatnonzero(holes)
        shapes = _holes(context.geometry(role)[rows])
        words = [f"the outline has {k} hole{'s' if k > 1 else ''}" for k in holes[rows]]
        crs = context.crs(role)
        if crs is not None:
            areas = area_m2(shapes, crs)
            words = [f"{w}, {square_metres(a)}" for w, a in zip(words, areas, strict=True)]
        yield Rows(role, rows, words, value=holes[rows], geometry=shapes)


def _holes(geometry: Geometries) -> Geometries:
    """The holes of each polygon, multipolygon or collection as a multipolygon."""
    return np.array([_multipolygon_of_holes(g) for g in geometry], dtype=object)


def _multipolygon_of_holes(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    if geometry.geom_type == "Polygon":
        return shapely.MultiPolygon([shapely.Polygon(ring) for ring in geometry.interiors])
    parts = [_multipolygon_of_holes(part) for part in getattr(geometry, "geoms", ())]
    return shapely.MultiPolygon([hole for part in parts for hole in part.geoms])


def good() -> Inventory:
    """No holes."""
    return examples.tprogi()


def bad() -> Bad:
    """An outline with a hole."""
    inventory = examples.tprogi()
    outline = examples.geometry_of(inventory, Role.OUTLINE, 1)
    hole = outline.difference(examples.blob(outline.centroid.x, outline.centroid.y, radius=20.0))
    return Bad(examples.with_geometry(inventory, Role.OUTLINE, {1: hole}), {Role.OUTLINE: (1,)})
