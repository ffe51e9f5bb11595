"""A unit is destabilised without being active.

## What it checks
Where destabilisation is said to be ongoing or completed, the unit has an activity, and it is not relict.

## Why
Destabilisation is an abnormal acceleration of a moving rock glacier. A relict unit does not move, and without
activity the statement hangs in the air.

## Example
    destabilisation 'Yes (ongoing)' with activity 'Relict'; a destabilised unit moves

## How to fix
Correct the activity, or set the destabilisation to `No`.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002; recalled, not checked against the text.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import folded
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "KIN006",
    "destabilisation-without-activity",
    Severity.WARNING,
    Evidence.MEMORY_MEDIUM,
    (Need(Role.MARKER, ("destabilisation", "activity")),),
)

RELICT = ("relict", "relict uncertain")


def check(context: Context) -> Iterator[Rows]:
    role = Role.MARKER
    destabilised = context.text(role, "destabilisation")
    activity = context.text(role, "activity")
    yes = np.array([d is not None and folded(d).startswith("yes") for d in destabilised], dtype=bool)
    still = np.array([a is None or folded(a) in RELICT for a in activity], dtype=bool)
    rows = np.flatnonzero(yes & still)
    messages = [
        f"destabilisation {destabilised[i]!r} "
        + ("without an activity" if activity[i] is None else f"with activity {activity[i]!r}")
        + "; a destabilised unit moves"
        for i in rows
    ]
    yield Rows(
        role, rows, messages, field=context.column_name(role, "destabilisation"), value=destabilised[rows]
    )


def good() -> Inventory:
    inventory = with_values(rgik(), Role.MARKER, "Destabili.", {0: "Yes (ongoing)", 1: None, 2: "No"})
    return with_values(inventory, Role.MARKER, "Acti.Cl.", {1: None, 2: "Relict"})


def bad() -> Bad:
    inventory = with_values(rgik(), Role.MARKER, "Destabili.", {0: "Yes (ongoing)", 2: "Yes (completed)"})
    return Bad(with_values(inventory, Role.MARKER, "Acti.Cl.", {0: "Relict", 2: None}), {Role.MARKER: (0, 2)})
