"""The area attribute does not agree with the geometry.

## What it checks
The value differs from the area of the polygon on the ellipsoid by at most `tolerance`, or by half of the
last decimal all values are rounded to. The unit is told from the median ratio of values to areas (km²,
ha or m²); where it fits none of them the declared unit is taken. Invalid polygons are not compared.

## Why
Areas that were not computed again after an outline was edited make totals wrong, as do areas of a map
that does not preserve them (Web Mercator at 35° N: half as much again).

## Example
AREA 0.12 for an outline of 0.31 km² whose front was drawn anew.

## How to fix
`rogi validate --fix safe` computes the values anew, in the column's own unit and decimals.

## Reference
Areas on a sphere differ by up to 0.7 %, those of UTM within its zone by 0.1 %, beyond it by 1 % and
more.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rogi.inventory.model import Inventory
from rogi.inventory.values.area_unit import TOLD_UNITS, UNITS_PER_KM2
from rogi.inventory.values.units import AreaKind
from rogi.rules import examples
from rogi.rules.attributes._area_unit import AreaColumn, area_column
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "ATT001",
    "area-mismatch",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.OUTLINE, ("area",)), Need(Role.MOVING_AREA, ("area",))),
    needs_crs=True,
    needs_valid=True,
    fix="safe",
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        column = area_column(context, role)
        map_area = "; it is the area on the plane of Web Mercator"
        rows = np.flatnonzero(mismatches(column, context.number("ATT001.tolerance")))
        messages = [
            f"area {v:.6g} {column.unit} but the polygon has {e:.6g} {column.unit}"
            + (map_area if column.kind is AreaKind.WEB_MERCATOR else _hint(v, e, column.unit))
            for v, e in zip(column.values[rows].tolist(), column.expected[rows].tolist(), strict=True)
        ]
        yield Rows(role, rows, messages, field=context.column_name(role, "area"), value=column.values[rows])


def mismatches(column: AreaColumn, tolerance: float) -> NDArray[np.bool_]:
    """(n,) values that are there, can be compared, and do not agree."""
    allowed = np.maximum(tolerance * column.expected, column.rounding * 1.001)
    with np.errstate(invalid="ignore"):
        return np.asarray(column.comparable & ~(np.abs(column.values - column.expected) <= allowed))


def _hint(value: float, expected: float, unit: str) -> str:
    """Names the unit a single value seems to be in."""
    for other in TOLD_UNITS:
        per_km2 = UNITS_PER_KM2[other]
        wanted = expected * per_km2 / UNITS_PER_KM2[unit]
        if other != unit and abs(value - wanted) < 0.1 * wanted:
            return f"; it seems to be in {other}"
    return ""


def good() -> Inventory:
    """Areas in m², all of them."""
    inventory = examples.tprogi()
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    square_metres = (layer.frame["AREA"] * 1e6).round(1)
    return examples.with_values(inventory, Role.OUTLINE, "AREA", dict(enumerate(square_metres)))


def bad() -> Bad:
    """One of four areas is half as large again."""
    inventory = examples.tprogi(4)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    wrong = 1.5 * float(layer.frame["AREA"].iloc[2])
    return Bad(examples.with_values(inventory, Role.OUTLINE, "AREA", {2: wrong}), {Role.OUTLINE: (2,)})
