"""An aspect is impossible.

## What it checks
Aspects lie between 0 and 360 degrees. Columns that their dialect declares to hold classes are left to
ATT006.

## Why
Values outside come from another convention: -1 for flat ground, or directions from -180 to 180 degrees.

## Example
ASPECT -45: north-west, counted from -180 to 180.

## How to fix
Add 360 to negative directions; set flat units to NULL.

## Reference
Sun et al. (2024), Table 2: degrees from north, clockwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.attributes._quantities import layers_with, out_of_range
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("ATT005", "aspect-range", Severity.WARNING, Evidence.DERIVED, layers_with("aspect"))


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    yield from out_of_range(context, ("aspect",), _hint)


def _hint(value: float) -> str:
    if value == -1:
        return "; -1 is used for flat ground, leave the cell empty (null)"
    return "; it may count from -180 to 180" if -180 <= value < 0 else ""


def good() -> Inventory:
    """Aspects of 20 degrees and more."""
    return examples.tprogi()


def bad() -> Bad:
    """A direction counted from -180."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "ASPECT", {2: -45.0})
    return Bad(inventory, {Role.OUTLINE: (2,)})
