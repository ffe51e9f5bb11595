"""A date of mapping cannot be read.

## What it checks
The date names a day, month, quarter or year, or a range or list of them: `2021-09-14`, `14.09.2021`,
`Sep 2021`, `2021 Q3`, `2021 Q3/Q4`, `2021`, `2018-2020`. Years begin with `earliest_year`. Missing dates
are the matter of SCH011, words like `unknown` of SCH012.

## Why
What cannot be read cannot be sorted, compared with an image, or checked.

## Example
`2021-13-05`, `summer`, `21/9`.

## How to fix
Write ISO 8601 dates (`2021-09-14`, `2021-09`, `2021`) or quarters (`2021 Q3`).

## Reference
TPRoGI gives quarters (Sun et al. 2024); ISO 8601-1:2019.
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

RULE = RuleInfo("ATT010", "map-date-unreadable", Severity.WARNING, Evidence.DERIVED, layers_with("map_date"))


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    earliest = int(context.number("earliest_year"))
    for role in context.targets:
        dates = dates_of(context, role)
        messages = [
            f"{quoted(text)} is not read as a date; write it like 2021-09-14 or 2021 Q3"
            if period is None
            else f"{quoted(text)} is before {earliest}"
            for text, period in zip(dates.column.text, dates.periods, strict=True)
        ]
        wrong = [
            not blank and (period is None or period[0].year < earliest)
            for period, blank in zip(dates.periods, dates.placeholder, strict=True)
        ]
        rows = dates.column.rows(wrong)
        yield Rows(
            role,
            rows,
            dates.column.at(rows, messages),
            field=context.column_name(role, "map_date"),
            value=dates.column.at(rows, dates.column.text),
        )


def good() -> Inventory:
    """Dates in several forms."""
    dates = {0: "2021-09-14", 1: "2021 Q3/Q4", 2: "2018-2020"}
    return examples.with_values(examples.tprogi(), Role.OUTLINE, "MAP_DATE", dates)


def bad() -> Bad:
    """There is no month 13."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "MAP_DATE", {1: "2021-13-05"})
    return Bad(inventory, {Role.OUTLINE: (1,)})
