"""A unit has several outlines of one type.

## What it checks
No two outlines have the same primary ID and the same type (extended or restricted). Layers without types
are the matter of PID004.

## Why
Which of two extended outlines is the unit's? Areas and statistics by unit count both.

## Example
Two rows `RGU464000N0106000E`, `Extended`: an old and a new version of one outline.

## How to fix
Delete the one that is out of date, or give it the right ID or type.

## Reference
RGIK GeoPackages: each outline is extended or restricted, and belongs to one unit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.relations._links import unit_names
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "REL004",
    "several-outlines-of-one-type",
    Severity.ERROR,
    Evidence.DERIVED,
    (Need(Role.OUTLINE, ("primary_id", "outline_type")),),
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule: one for each outline after the first of its unit and type."""
    names, kind = unit_names(context, Role.OUTLINE), context.outline_kind()
    table = pd.DataFrame({"name": names, "kind": kind})
    known = table.notna().all(axis=1).to_numpy()
    at = np.flatnonzero(known)
    group = table[known].groupby(["name", "kind"], sort=False).ngroup().to_numpy()
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    later = np.flatnonzero(first[inverse] != np.arange(len(at)))
    rows, before = at[later], at[first[inverse[later]]]
    messages = [f"the unit has another {k} outline" for k in kind[rows]]
    yield Rows(
        Role.OUTLINE,
        rows,
        messages,
        field=context.column_name(Role.OUTLINE, "outline_type"),
        value=kind[rows],
        other=before,
    )


def good() -> Inventory:
    """One extended and one restricted outline for each unit."""
    return examples.rgik()


def bad() -> Bad:
    """The restricted outline of the first unit is called extended."""
    inventory = examples.with_values(examples.rgik(), Role.OUTLINE, "Out.Type", {3: "Extended"})
    return Bad(inventory, {Role.OUTLINE: (3,)})
