"""An elevation is impossible.

## What it checks
Elevations lie between the lowest and the highest land surface of the Earth.

## Why
Values outside come from feet, from heights above the ellipsoid, or from no-data pixels averaged in.

## Example
ELE_MAX 16,400: feet.

## How to fix
Compute the elevations anew (`rogi attributes`), in metres above sea level.

## Reference
Shore of the Dead Sea (-430 m) and Mount Everest (8849 m).
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.attributes._quantities import layers_with, out_of_range
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.attributes import family
from rogi.schema.model import Evidence, Role

ELEVATION = family("elevation")

RULE = RuleInfo("ATT003", "elevation-range", Severity.WARNING, Evidence.DERIVED, layers_with(*ELEVATION))


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    yield from out_of_range(context, ELEVATION, _hint)


def _hint(value: float) -> str:
    return "; it may be in feet" if 8849 < value <= 8849 / 0.3048 else ""


def good() -> Inventory:
    """Elevations around 4700 m."""
    return examples.tprogi()


def bad() -> Bad:
    """An elevation in feet."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "ELE_MAX", {1: 15600.0})
    return Bad(inventory, {Role.OUTLINE: (1,)})
