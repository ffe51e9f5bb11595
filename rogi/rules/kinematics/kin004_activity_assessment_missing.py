"""An activity is given without how it was assessed.

## What it checks
Where a unit has an activity, the column for its assessment (from morphology alone, or with kinematic data)
is filled. If the assessment is null throughout there is one finding for the layer. A missing column is the
matter of SCH008.

## Why
An activity judged from the form alone and one that rests on measured velocities are of different weight.

## Example
    activity 'Active' is given without its assessment; 'Morphological' or 'Kinematic' is expected

## How to fix
Fill the column.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002; recalled, not checked against the text.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "KIN004",
    "activity-assessment-missing",
    Severity.WARNING,
    Evidence.MEMORY_MEDIUM,
    (Need(Role.MARKER, ("activity", "activity_assessment")),),
)


def check(context: Context) -> Iterator[Rows]:
    role = Role.MARKER
    activity = context.text(role, "activity")
    missing = pd.isna(context.text(role, "activity_assessment"))
    rows = np.flatnonzero(~pd.isna(activity) & missing)
    column = context.column_name(role, "activity_assessment")
    expected = "'Morphological' or 'Kinematic' is expected"
    if len(rows) > 1 and missing.all():
        yield Rows.of_layer(
            role, f"{len(rows)} activities are given, none with its assessment; {expected}", field=column
        )
        return
    yield Rows(
        role,
        rows,
        [f"activity {a!r} is given without its assessment; {expected}" for a in activity[rows]],
        field=column,
        value=activity[rows],
    )


def good() -> Inventory:
    inventory = with_values(rgik(), Role.MARKER, "Acti.Cl.", {0: None})
    return with_values(inventory, Role.MARKER, "Acti.Ass.", {0: None})


def bad() -> Bad:
    return Bad(with_values(rgik(), Role.MARKER, "Acti.Ass.", {1: None}), {Role.MARKER: (1,)})
