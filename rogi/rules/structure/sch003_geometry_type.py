"""A geometry is of the wrong type for its layer.

## What it checks
Primary markers are points; outlines, moving areas and areas of interest are polygons or multipolygons.
Z and M values do not matter here (GEO006 names them), nor do features without geometry (GEO001, GEO002).

## Why
A line drawn instead of a polygon has no area, a polygon instead of a marker no position. A collection of
mixed geometries is dropped or refused by most programs.

## Example
An outline that was digitised as a line and never closed:

    geometry is a LineString; outlines are Polygon or MultiPolygon

## How to fix
Convert the geometry in a GIS (in QGIS: *Lines to polygons*, *Multipart to singleparts*, *Centroids*), or
name the file for the layer it belongs to: `--layer marker=points.gpkg`.

## Reference
RGIK GeoPackage template and Rouyet et al. (2025), doi 10.5281/zenodo.15467203: markers are points, outlines
and moving areas multipolygons.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_geometry
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH003", "geometry-type", Severity.ERROR, Evidence.VERIFIED, EVERY_LAYER)

# Names by shapely's type id.
TYPES = (
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
)
POLYGONS = ("Polygon", "MultiPolygon")


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        allowed = layer.schema.geometry if layer.schema else ()
        allowed = allowed or (("Point",) if role is Role.MARKER else POLYGONS)
        geometry = context.geometry(role)
        kind = shapely.get_type_id(geometry)
        wrong = (kind >= 0) & ~np.isin(kind, [TYPES.index(t) for t in allowed if t in TYPES])
        rows = np.flatnonzero(wrong & ~shapely.is_empty(geometry))
        names = [TYPES[k] for k in kind[rows]]
        expected = " or ".join(allowed)
        yield Rows(
            role, rows, [f"geometry is a {name}; {role.title} are {expected}" for name in names], value=names
        )


def good() -> Inventory:
    return rgik()


def bad() -> Bad:
    inventory = rgik()
    line = shapely.LineString([(10.6, 46.9), (10.601, 46.901)])
    return Bad(with_geometry(inventory, Role.OUTLINE, {1: line}), {Role.OUTLINE: (1,)})
