"""A unit has an extended or a restricted outline only.

## What it checks
Units have both an extended and a restricted outline, in layers that say which an outline is. Where no
unit has the second this is one finding for the layer.

## Why
The two types answer different questions (what the landform covers, how large its moving body is).
Inventories with one type can be compared only with the same type of others.

## Example
TPRoGI has extended outlines only; in an RGIK GeoPackage one of 300 units lacks the restricted one.

## How to fix
Draw the missing outline, or say in the metadata that the inventory has one type only.

## Reference
RGIK (2023): both types are described; whether both are asked for is not established. Information only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.relations._links import match, unit_names
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "REL008",
    "one-outline-type-only",
    Severity.INFO,
    Evidence.MEMORY_MEDIUM,
    (Need(Role.OUTLINE, ("primary_id", "outline_type")),),
)

OTHER = {"extended": "restricted", "restricted": "extended"}


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    names, kind = unit_names(context, Role.OUTLINE), context.outline_kind()
    field = context.column_name(Role.OUTLINE, "outline_type")
    for own, other in OTHER.items():
        mine, others = np.flatnonzero(kind == own), np.flatnonzero(kind == other)
        if not len(mine):
            continue
        if not len(others):
            message = f"all outlines are {own}, there are no {other} ones"
            yield Rows.of_layer(Role.OUTLINE, message, field=field, value=own)
            continue
        named = np.array([names[i] is not None for i in mine], dtype=bool)
        rows = mine[named & (match(names[mine], names[others]) < 0)]
        yield Rows(
            Role.OUTLINE, rows, f"the unit has no {other} outline", field=field, value=[own] * len(rows)
        )


def good() -> Inventory:
    """Both types for each unit."""
    return examples.rgik()


def bad() -> Bad:
    """The restricted outline of the third unit is missing."""
    inventory = examples.with_rows(examples.rgik(), Role.OUTLINE, [0, 1, 2, 3, 4])
    return Bad(inventory, {Role.OUTLINE: (2,)})
