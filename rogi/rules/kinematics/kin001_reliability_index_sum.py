"""The reliability index is not the sum of its parts.

## What it checks
Where an outline has the four reliabilities (front, left and right lateral margin, upslope connection) and
their index, the index is their sum. Rows with a null among the five are left out.

## Why
The index is used alone, to leave unreliable outlines out of an analysis. An index that was not updated
after one of its parts was corrected hides the correction.

## Example
    index 7 is not the sum of its parts, 2 + 2 + 1 + 1 = 6

## How to fix
Compute the index anew: in the QGIS field calculator `"RelFr" + "RelLeftLM" + "RelRightLM" + "RelUpsCon"`.

## Reference
RGIK GeoPackage template (fields); the sum holds in all ten outlines of RoGI-CH that could be seen. It has
not been checked against the text of the guidelines, therefore a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

PARTS = ("reliability_front", "reliability_left", "reliability_right", "reliability_upslope")
INDEX = "reliability_index"
RULE = RuleInfo(
    "KIN001",
    "reliability-index-sum",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.OUTLINE, (*PARTS, INDEX)),),
)


def check(context: Context) -> Iterator[Rows]:
    role = Role.OUTLINE
    parts = np.column_stack([context.numbers(role, name) for name in PARTS])
    index = context.numbers(role, INDEX)
    total = parts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(np.isfinite(total) & np.isfinite(index) & (np.abs(total - index) > 1e-9))
    messages = [
        f"index {index[i]:g} is not the sum of its parts, "
        f"{' + '.join(f'{p:g}' for p in parts[i])} = {total[i]:g}"
        for i in rows
    ]
    yield Rows(role, rows, messages, field=context.column_name(role, INDEX), value=index[rows])


def good() -> Inventory:
    return with_values(rgik(), Role.OUTLINE, "RelFr", {1: None})


def bad() -> Bad:
    return Bad(with_values(rgik(), Role.OUTLINE, "RelIndex", {2: 7}), {Role.OUTLINE: (2,)})
