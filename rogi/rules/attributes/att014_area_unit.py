"""The area column is not in the expected unit.

## What it checks
The unit that fits the values (km², ha, m², acres …, from the median ratio to the areas of the polygons) is
that of the dialect, the column's name, or else the schema. Areas in square degrees, and those measured on
the plane of Web Mercator, are recognised. Areas of markers are compared with those of other rock glaciers:
0.001 to 5 km². One finding for the layer.

## Why
A reader who takes hectares for km² is wrong by a factor of 100. Square degrees are no areas, and Web Mercator
makes them half as large again at 35° N.

## Example
AREA 140000 for an outline of 0.14 km².

## How to fix
Convert the column, or name a dialect that declares its unit.

## Reference
The unit of AREA in TPRoGI v1.0 is not stated with the column; the text of Sun et al. (2024) uses km² and
m².
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.units import AreaKind
from rogi.rules import examples
from rogi.rules.attributes._area_unit import area_column
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "ATT014",
    "area-unit",
    Severity.INFO,
    Evidence.MEMORY_MEDIUM,
    tuple(Need(role, ("area",)) for role in (Role.MARKER, Role.OUTLINE, Role.MOVING_AREA)),
    needs_crs=True,
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        column = area_column(context, role)
        if column.kind is not AreaKind.ELLIPSOID:
            where = {
                AreaKind.DEGREES: "in square degrees",
                AreaKind.WEB_MERCATOR: "those of the plane of Web Mercator",
            }.get(column.kind, str(column.kind))
            found, message = (
                str(column.kind),
                f"areas are {where}; {column.declared} on the ellipsoid are expected",
            )
        elif column.told and column.unit != column.declared:
            found, message = column.unit, f"areas are in {column.unit}, {column.declared} is expected"
        else:
            continue
        yield Rows.of_layer(role, message, field=context.column_name(role, "area"), value=found)


def good() -> Inventory:
    """Areas in km²."""
    return examples.tprogi()


def bad() -> Bad:
    """Areas in hectares."""
    inventory = examples.tprogi()
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    hectares = dict(enumerate(layer.frame["AREA"] * 100))
    return Bad(examples.with_values(inventory, Role.OUTLINE, "AREA", hectares), {Role.OUTLINE: (-1,)})
