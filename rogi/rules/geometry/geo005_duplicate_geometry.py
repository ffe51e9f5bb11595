"""Two features have the same geometry.

## What it checks
No two polygons of a layer have the same vertices; where a ring starts and which way it runs does not
matter. Only outlines of one type and moving areas of one velocity class are compared.

## Why
The unit is counted twice in every number and area. It happens when files are merged, or a layer is
pasted twice.

## Example
The same outline under two primary IDs.

## How to fix
Delete one of the two. `rogi validate --fix unsafe` deletes the later one where its ID is the same or
missing.

## Reference
Units of an inventory are distinct landforms: RGIK (2023), Guidelines for inventorying rock glaciers,
version 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context, Floats, Geometries
from rogi.rules.geometry._kinds import outline_groups
from rogi.rules.geometry._layers import DRAWN
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO005", "duplicate-geometry", Severity.WARNING, Evidence.DERIVED, DRAWN, fix="unsafe")


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        rows, first = duplicates(context, role)
        yield Rows(role, rows, "the geometry is the same as that of another feature", other=first)


def duplicates(context: Context, role: Role) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of features that repeat an earlier one of their kind, and of that one."""
    return context.once(("duplicates", role), lambda: _duplicates(context, role))


def _duplicates(context: Context, role: Role) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    usable = np.flatnonzero(context.usable(role))
    geometry, kind = context.geometry(role)[usable], outline_groups(context, role)[usable]
    return find_duplicates(geometry, kind, usable, context.bounds(role)[usable])


def find_duplicates(
    geometry: Geometries, kind: NDArray[np.int64], position: NDArray[np.int64], bounds: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Repeats among some geometries: (k,) positions of the later ones, and of the first of each."""
    table = pd.DataFrame(bounds)
    table["kind"] = kind
    table["size"] = shapely.get_num_coordinates(geometry)
    alike = np.flatnonzero(table.duplicated(keep=False).to_numpy())
    form = shapely.to_wkb(shapely.normalize(shapely.force_2d(geometry[alike])))
    same = pd.DataFrame({"kind": kind[alike], "form": form})
    group = same.groupby(["kind", "form"], sort=False).ngroup().to_numpy()
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    later = np.flatnonzero(first[inverse] != np.arange(len(alike)))
    return position[alike[later]], position[alike[first[inverse[later]]]]


def good() -> Inventory:
    """Extended and restricted outlines, all distinct."""
    return examples.rgik()


def bad() -> Bad:
    """The third outline repeats the first, its ring started elsewhere."""
    inventory = examples.tprogi()
    ring = shapely.get_coordinates(examples.geometry_of(inventory, Role.OUTLINE, 0))[:-1]
    again = shapely.Polygon(np.roll(ring, 7, axis=0)[::-1])
    return Bad(examples.with_geometry(inventory, Role.OUTLINE, {2: again}), {Role.OUTLINE: (2,)})
