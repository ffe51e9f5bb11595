"""Geometries carry heights or measures.

## What it checks
Coordinates have x and y only. Where every feature of a layer has Z (or M) this is one finding for the
layer. Heights that are all 0 say nothing and are not reported.

## Why
An inventory is a map in plan. Z in outlines usually comes from tracing on a
surface; it makes files half as large again, and some tools drop features of mixed dimension.

## Example
Outlines exported from Google Earth: `POLYGON Z`.

## How to fix
In QGIS *Drop M/Z values*, or `ogr2ogr -dim XY`.

## Reference
OGC 06-103r4, Simple Feature Access, part 1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import ALL, per_feature_or_layer
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO006", "z-or-m", Severity.INFO, Evidence.DERIVED, ALL)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        geometry = context.geometry(role)
        z = shapely.has_z(geometry)
        z[z] = _rises(geometry[z])
        has_m = getattr(shapely, "has_m", None)  # shapely 2.1, GEOS 3.12
        m = has_m(geometry) if has_m else np.zeros(len(geometry), bool)
        of = ~shapely.is_missing(geometry)
        for found, words in (
            (z & ~m, "coordinates have heights (Z)"),
            (m & ~z, "coordinates have measures (M)"),
            (z & m, "coordinates have heights and measures (Z and M)"),
        ):
            if found.any():
                yield per_feature_or_layer(context, role, found, of, words)


def _rises(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    """(n,) whether any height is not 0: programs that know none write 0."""
    coords, index = shapely.get_coordinates(geometry, include_z=True, return_index=True)
    heights = np.nan_to_num(coords[:, 2])
    return np.asarray(np.bincount(index, weights=heights != 0, minlength=len(geometry)) > 0)


def good() -> Inventory:
    """Coordinates have x and y."""
    return examples.tprogi()


def bad() -> Bad:
    """One outline has Z."""
    inventory = examples.tprogi()
    outline = shapely.force_3d(examples.geometry_of(inventory, Role.OUTLINE, 1), 4700.0)
    return Bad(examples.with_geometry(inventory, Role.OUTLINE, {1: outline}), {Role.OUTLINE: (1,)})
