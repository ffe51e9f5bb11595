"""A kinematic attribute is given without its reliability or its period.

## What it checks
Where a unit has a kinematic attribute (other than undefined), the columns for its reliability and for the
years it holds for are filled, as far as the file has them. If one is null throughout there is one finding
for the layer.

## Why
Rock glaciers speed up and slow down from year to year: a velocity without its years cannot be compared with
another. Without its reliability it cannot be weighed.

## Example
    kinematic attribute 'dm/yr' is given without its period

## How to fix
Fill the columns, e.g. `2018-2020` and `Medium`.

## Reference
RGIK (2022), optional kinematic attribute 3.0.1, and RGIK (2023), practical InSAR guidelines 4.0; recalled,
not checked against the text.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import folded
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

DETAILS = {"kinematic_reliability": "its reliability", "kinematic_period": "its period"}
RULE = RuleInfo(
    "KIN005",
    "kinematic-details-missing",
    Severity.WARNING,
    Evidence.MEMORY_MEDIUM,
    (Need(Role.MARKER, ("kinematic_attribute",), any_of=tuple(DETAILS)),),
)

NO_VELOCITY = ("undefined", "unknown")


def check(context: Context) -> Iterator[Rows]:
    role = Role.MARKER
    velocity = context.text(role, "kinematic_attribute")
    given = np.array([v is not None and folded(v) not in NO_VELOCITY for v in velocity], dtype=bool)
    for concept, words in DETAILS.items():
        if not context.has(role, concept):
            continue
        missing = pd.isna(context.text(role, concept))
        rows = np.flatnonzero(given & missing)
        column = context.column_name(role, concept)
        if len(rows) > 1 and missing.all():
            yield Rows.of_layer(
                role, f"{len(rows)} kinematic attributes are given, none with {words}", field=column
            )
            continue
        yield Rows(
            role,
            rows,
            [f"kinematic attribute {v!r} is given without {words}" for v in velocity[rows]],
            field=column,
            value=velocity[rows],
        )


def good() -> Inventory:
    inventory = with_values(rgik(), Role.MARKER, "Kin.Att.", {0: None, 1: "Undefined"})
    return with_values(inventory, Role.MARKER, "Kin.Period", {0: None, 1: None})


def bad() -> Bad:
    inventory = with_values(rgik(), Role.MARKER, "Kin.Period", {1: None})
    return Bad(with_values(inventory, Role.MARKER, "Rel.Kin.", {2: " "}), {Role.MARKER: (1, 2)})
