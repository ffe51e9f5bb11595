"""Activity and kinematic attribute do not go together.

## What it checks
Where a unit has an activity and a kinematic attribute, the velocity is one of those of its activity:

| activity | kinematic attribute |
| --- | --- |
| Active | dm/yr, dm/yr to m/yr, m/yr, > m/yr |
| Active uncertain | those of Active and of Transitional |
| Transitional | cm/yr, cm/yr to dm/yr |
| Relict uncertain | those of Relict and of Transitional |
| Relict | < cm/yr |

`Uncertain` activity goes with any velocity, an undefined attribute with any activity; words that are in no
list are not judged (SCH013 names them).

## Why
Both describe the movement of the unit. A relict unit that moves decimetres a year has either a wrong
activity, or the velocity of a neighbour, of snow or of a moving area that does not represent it.

## Example
    activity 'Relict' with kinematic attribute 'dm/yr'; 'Relict' goes with '< cm/yr'

## How to fix
See which of the two is older. If the activity was judged from morphology alone and the velocity is
reliable, the activity should follow. The lists are parameters of the rule.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002, and RGIK (2022), optional kinematic
attribute 3.0.1; the correspondence is recalled, not checked against their text, therefore a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import folded, listed
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "KIN003",
    "activity-contradicts-kinematics",
    Severity.WARNING,
    Evidence.MEMORY_MEDIUM,
    (Need(Role.MARKER, ("activity", "kinematic_attribute")),),
)


def check(context: Context) -> Iterator[Rows]:
    role = Role.MARKER
    classes = {name: _words(context, name) for name in ("active", "transitional", "relict")}
    allowed = {
        "active": classes["active"],
        "active uncertain": (*classes["transitional"], *classes["active"]),
        "transitional": classes["transitional"],
        "relict uncertain": (*classes["relict"], *classes["transitional"]),
        "relict": classes["relict"],
    }
    known = {folded(word) for words in classes.values() for word in words}
    activity_codes, activities = pd.factorize(context.text(role, "activity"), use_na_sentinel=True)
    velocity_codes, velocities = pd.factorize(context.text(role, "kinematic_attribute"), use_na_sentinel=True)
    # one row and column more: code -1 is null and contradicts nothing
    message = np.full((len(activities) + 1, len(velocities) + 1), None, dtype=object)
    for i, activity in enumerate(activities):
        words = allowed.get(folded(activity))
        for j, velocity in enumerate(velocities):
            if words is None or folded(velocity) not in known or folded(velocity) in map(folded, words):
                continue
            message[i, j] = (
                f"activity {activity!r} with kinematic attribute {velocity!r}; "
                f"{activity!r} goes with {listed(words)}"
            )
    found = message[activity_codes, velocity_codes]
    rows = np.flatnonzero(~pd.isna(found))
    yield Rows(
        role,
        rows,
        list(found[rows]),
        field=context.column_name(role, "activity"),
        value=context.text(role, "activity")[rows],
    )


def _words(context: Context, name: str) -> tuple[str, ...]:
    value = context.parameter(name).value
    return tuple(str(v) for v in (value if isinstance(value, tuple) else (value,)))


def good() -> Inventory:
    inventory = rgik(6)
    activities = ["Active", "Active uncertain", "Transitional", "Relict uncertain", "Uncertain", None]
    velocities = ["> m/yr", "cm/yr", "cm/yr to dm/yr", "< cm/yr", "m/yr", "dm/yr"]
    inventory = with_values(inventory, Role.MARKER, "Acti.Cl.", dict(enumerate(activities)))
    return with_values(inventory, Role.MARKER, "Kin.Att.", dict(enumerate(velocities)))


def bad() -> Bad:
    return Bad(with_values(rgik(), Role.MARKER, "Acti.Cl.", {1: "Relict"}), {Role.MARKER: (1,)})
