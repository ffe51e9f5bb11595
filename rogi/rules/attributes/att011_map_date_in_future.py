"""A date of mapping lies in the future.

## What it checks
The period a date names begins today or earlier. `--date` sets what counts as today.

## Why
A mistyped year, or a date read with day and month exchanged.

## Example
MAP_DATE `2201 Q3`.

## How to fix
Correct the date.

## Reference
A date of mapping is in the past when the inventory is checked.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import quoted
from rogi.rules import examples
from rogi.rules.attributes._quantities import layers_with
from rogi.rules.attributes._read_dates import dates_of
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("ATT011", "map-date-in-future", Severity.WARNING, Evidence.DERIVED, layers_with("map_date"))


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        dates = dates_of(context, role)
        rows = dates.column.rows([p is not None and p[0] > context.today for p in dates.periods])
        messages = [f"{quoted(text)} is after {context.today.isoformat()}" for text in dates.column.text]
        yield Rows(
            role,
            rows,
            dates.column.at(rows, messages),
            field=context.column_name(role, "map_date"),
            value=dates.column.at(rows, dates.column.text),
        )


def good() -> Inventory:
    """The third quarter of 2021."""
    return examples.tprogi()


def bad() -> Bad:
    """Digits of the year exchanged."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "MAP_DATE", {2: "2201 Q3"})
    return Bad(inventory, {Role.OUTLINE: (2,)})
