"""The aspect column does not hold degrees.

## What it checks
Whether a column's values (`minimum_values` of them at least) are degrees. Whole numbers from 0 to 8 are
classes, and so are many whole numbers up to 16 (ArcGIS counts from 1 to 10) or 36; words like `NE` are
compass points, numbers up to 2 π are radians, those from -180 to 180 or -π to π count from north to both
sides, some beyond 360 and none beyond 400 are gon. Numbers from -1 to 1, and mostly beyond 360, are in no
known unit; -1 is flat ground. A dialect that declares the coding is believed, unless the values contradict
it. One finding for the layer.

## Why
Classes are counted from north in some inventories and from east in others, so the numbers alone do not
say which way a unit faces; taken for degrees, all units face north.

## Example
The global inventory of 2026: 1 = E, 2 = SE … 8 = NE. PyRogi: 1 = N … 8 = NW.

## How to fix
Convert the column to degrees from north, clockwise, or name a dialect that declares its coding (`units:
{aspect: class-8-from-E}`).

## Reference
Guide of the global rock glacier inventory (2026); PyRogi, source code.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.aspects import Coding, declared_coding
from rogi.rules import examples
from rogi.rules.attributes._quantities import layers_with
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("ATT006", "aspect-coding", Severity.INFO, Evidence.VERIFIED, layers_with("aspect"))

# Classes are classes, whichever the first is.
_EXPECTED = dict.fromkeys((Coding.CLASSES_FROM_NORTH, Coding.CLASSES_FROM_EAST), Coding.CLASSES.value)
_DESCRIPTIONS = {
    Coding.CLASSES: "small whole numbers: class codes; whether 1 is north or east is unknown",
    Coding.COMPASS: "compass points",
    Coding.RADIANS: "numbers up to 2 π: radians",
    Coding.SIGNED: "degrees from -180 to 180",
    Coding.SIGNED_RADIANS: "radians from -π to π",
    Coding.GON: "numbers up to 400: gon",
    Coding.MILS: "numbers up to 6400: mils",
    Coding.DEGREES: "no class codes",
    Coding.UNKNOWN: "in no known unit",
}


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        found = context.quantity(role, "aspect")
        declared = declared_coding(found.declared)
        if found.coding is not None and found.coding is not declared:
            wanted = _EXPECTED.get(declared, declared.value)
            message = f"values are {_DESCRIPTIONS[found.coding]}; {wanted} are expected"
            yield Rows.of_layer(role, message, field=context.column_name(role, "aspect"))


def good() -> Inventory:
    """Degrees from north."""
    return examples.tprogi(12)


def bad() -> Bad:
    """Classes from 1 to 8."""
    classes = {k: 1 + k % 8 for k in range(12)}
    inventory = examples.with_values(examples.tprogi(12), Role.OUTLINE, "ASPECT", classes)
    return Bad(inventory, {Role.OUTLINE: (-1,)})
