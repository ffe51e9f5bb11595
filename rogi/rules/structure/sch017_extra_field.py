"""A column is not one of the schema.

## What it checks
Columns that carry no known concept, by the names of the dialect or by common ones, and that the dialect does
not list as known but without meaning here.

## Why
Information only: inventories may have columns of their own. But nothing is checked in them, a misspelt field
ends up here, and a conversion leaves them out unless asked to keep them.

## Example
    column 'Activ' is no field of rgik/1.0; nothing in it was checked

## How to fix
Rename a misspelt column. If the column is a field under another name, a dialect can say so.

## Reference
The fields of each schema and their sources are on the pages under *Schemas*.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, with_column
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role, normalise

RULE = RuleInfo("SCH017", "extra-field", Severity.INFO, Evidence.VERIFIED, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        ignored = {normalise(name) for name in layer.dialect.ignored} if layer.dialect else set()
        for column in dict.fromkeys(map(str, layer.extra_columns)):
            if normalise(column) not in ignored or not normalise(column):
                yield Rows.of_layer(
                    role,
                    f"column {column!r} is no field of {context.inventory.schema.id}; "
                    "nothing in it was checked",
                    field=column,
                )


def good() -> Inventory:
    return tprogi()


def bad() -> Bad:
    return Bad(with_column(tprogi(), Role.OUTLINE, "SNOW", "no"), {Role.OUTLINE: (-1,)})
