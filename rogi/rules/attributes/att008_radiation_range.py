"""A radiation value is impossible.

## What it checks
Annual potential incoming solar radiation lies between 0 and what a surface outside the atmosphere can
receive in a year.

## Why
Values outside come from other units (MJ m⁻², W h m⁻²).

## Example
PISR 10,500: MJ m⁻².

## How to fix
Convert the column to kWh m⁻² (1 kWh = 3.6 MJ), or compute it anew (`rogi attributes`).

## Reference
1361 W m⁻² · 8766 h / π = 3800 kWh m⁻², rounded up to 4000.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.attributes._quantities import layers_with, out_of_range
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("ATT008", "radiation-range", Severity.WARNING, Evidence.DERIVED, layers_with("radiation"))


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    yield from out_of_range(context, ("radiation",), _hint)


def _hint(value: float) -> str:
    if 4000 < value <= 3.6 * 4000:
        return "; it may be in MJ m⁻²"
    return "; it may be in W h m⁻²" if 1e5 < value <= 4e6 else ""


def good() -> Inventory:
    """Radiation of 2900 kWh m⁻²."""
    return examples.tprogi()


def bad() -> Bad:
    """Radiation in MJ m⁻²."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "PISR", {0: 10500.0})
    return Bad(inventory, {Role.OUTLINE: (0,)})
