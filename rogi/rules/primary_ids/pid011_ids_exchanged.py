"""The primary IDs of units are exchanged.

## What it checks
Of the units whose ID gives another place (PID006, PID008), those whose ID is that of another one of them, in
turn: A has the ID of B and B that of A, or three and more in a circle.

## Why
Each ID is well-formed and unique, so nothing else is wrong with them, and yet every table joined by ID gives
the values of one unit to another. It is what a table does that was sorted on its own, or a join by row.

## Example
    the ID is that of outline 6, and outline 6 has that of this one: the IDs are exchanged

## How to fix
Give each unit the ID of the place where it is; look whether the other columns were exchanged with it.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002: the ID is made from the marker.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.geometry import local_metres
from rogi.inventory.ids.primary_id import UNITS_PER_DEGREE, deviation
from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import rgik, tprogi, with_geometry
from rogi.rules.primary_ids._places import positions
from rogi.rules.primary_ids.pid008_id_far_from_outline import far_outlines
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "PID011",
    "ids-exchanged",
    Severity.ERROR,
    Evidence.DERIVED,
    (Need(Role.MARKER, ("primary_id",)), Need(Role.OUTLINE, ("primary_id",))),
    needs_crs=True,
)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        owner = _owners(context, role)
        rows, messages = [], []
        for row in sorted(owner):
            circle = _circle(owner, row)
            if not circle:
                continue
            numbers = [int(context.layer(role).rows[k]) for k in circle]
            if len(circle) == 2:
                text = f"and {role.value} {numbers[1]} has that of this one: the IDs are exchanged"
            else:
                text = f"in a circle of {len(circle)} whose IDs are exchanged"
            rows.append(row)
            messages.append(f"the ID is that of {role.value} {numbers[1]}, {text}")
        value = context.primary_ids(role).text[rows]
        yield Rows(role, np.array(rows, np.intp), messages, context.column_name(role, "primary_id"), value)


def _owners(context: Context, role: Role) -> dict[int, int]:
    """Row -> the row at whose place its ID lies, of units whose ID gives another place than their own."""
    ids = context.primary_ids(role)
    if role is Role.MARKER:
        lon, lat = positions(context, role)
        off = (deviation(ids, lon, lat) > context.number("PID006.tolerance")) & ~ids.ambiguous
        rows = np.flatnonzero(off & ids.in_range)
        reach = (context.number("PID006.tolerance") + ids.precision[rows].max(initial=1.0)) / UNITS_PER_DEGREE
    else:
        rows, _ = far_outlines(context)
        metre = local_metres(np.array([[0.0, 1.0]]), np.zeros((1, 2)))[0, 1]
        reach = context.number("PID008.distance") / float(metre)
    if len(rows) < 2:
        return {}
    places = shapely.points(ids.longitude[rows], ids.latitude[rows])
    own, other = shapely.STRtree(context.lonlat(role)[rows]).query_nearest(
        places, max_distance=reach, all_matches=False
    )
    return dict(zip(rows[own].tolist(), rows[other].tolist(), strict=True))


def _circle(owner: dict[int, int], row: int) -> list[int]:
    """Rows from one to the one that has its ID; empty where that does not lead back."""
    circle = [row]
    while (following := owner.get(circle[-1])) is not None and following != row:
        if following in circle or len(circle) > len(owner):
            return []
        circle.append(following)
    return circle if following == row and len(circle) > 1 else []


def good() -> Inventory:
    return rgik(origin=(-70.0, -33.0))


def bad() -> Bad:
    inventory = tprogi(4)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    shapes = layer.geometry
    return Bad(with_geometry(inventory, Role.OUTLINE, {1: shapes[2], 2: shapes[1]}), {Role.OUTLINE: (1, 2)})
