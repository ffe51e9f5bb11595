"""A climate value is impossible.

## What it checks
Mean annual air and ground temperatures (°C) and annual precipitation (mm) are such as occur on Earth. Columns
with values that rock glaciers do not have (25 °C, 1 mm) are in another unit: one finding for the layer.

## Why
Values outside come from other units (kelvin, metres or kilograms per second) or from a scale factor left
out.

## Example
MAAT 268.4: kelvin.

## How to fix
Convert the column, or compute it anew (`rogi attributes`).

## Reference
Limits enclose the extreme annual means on Earth; see the concepts.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.attributes._quantities import layers_with, out_of_range
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.attributes import checked_by
from rogi.schema.model import Evidence, Role

CLIMATE = checked_by("ATT007")

RULE = RuleInfo("ATT007", "climate-range", Severity.WARNING, Evidence.DERIVED, layers_with(*CLIMATE))


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    yield from out_of_range(context, CLIMATE, _hint)


def _hint(value: float) -> str:
    return "; it may be in kelvin" if 200 < value < 310 else ""


def good() -> Inventory:
    """Temperatures around -2.5 °C."""
    return examples.tprogi()


def bad() -> Bad:
    """A temperature in kelvin."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "MAAT", {1: 268.4})
    return Bad(inventory, {Role.OUTLINE: (1,)})
