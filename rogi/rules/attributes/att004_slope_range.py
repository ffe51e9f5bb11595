"""A slope is impossible.

## What it checks
Slopes lie between 0 and 90 degrees. Where more than one in twenty maximum slopes are above 90 and most are
above 50, all slopes are in percent: one finding for the layer.

## Why
Values outside come from slope in percent, or from no-data pixels averaged in.

## Example
SLO_MAX 112: percent.

## How to fix
Compute the slopes anew (`rogi attributes`), in degrees.

## Reference
By definition of the slope angle.
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

SLOPE = family("slope")

RULE = RuleInfo("ATT004", "slope-range", Severity.WARNING, Evidence.DERIVED, layers_with(*SLOPE))


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    yield from out_of_range(context, SLOPE, _hint)


def _hint(value: float) -> str:
    return "; it may be in percent" if value > 90 else ""


def good() -> Inventory:
    """Slopes around 17 degrees."""
    return examples.tprogi()


def bad() -> Bad:
    """A slope in percent."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "SLO_MAX", {0: 112.0})
    return Bad(inventory, {Role.OUTLINE: (0,)})
