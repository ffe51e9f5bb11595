"""A reliability of an outline is not 0, 1 or 2.

## What it checks
The reliabilities of the front, the lateral margins and the upslope connection are within 0 (low) and 2
(high). Numbers between the steps are the matter of SCH009, the index itself of SCH018.

## Why
The index is the sum of the four and lies within 0 and 8; a value beyond its range is a typing error or
another scale.

## Example
    value 3 is no reliability of the front; 0 (low), 1 (medium) and 2 (high) are allowed

## How to fix
Correct the value. If another scale was used, convert it and say so in the comment.

## Reference
RGIK GeoPackage template (fields); values as in RoGI-CH, all ten outlines that could be seen.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import column_of, quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.kinematics.kin001_reliability_index_sum import PARTS
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "KIN002",
    "reliability-part-range",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.OUTLINE, any_of=PARTS),),
)


def check(context: Context) -> Iterator[Rows]:
    role = Role.OUTLINE
    layer = context.layer(role)
    for field, rows in context.failures(role).of("range"):
        concept = field.concept
        if concept.range_rule != RULE.code:
            continue
        column = layer.columns[concept.name]
        values = column_of(layer, column).iloc[rows].tolist()
        title = concept.title[:1].lower() + concept.title[1:]
        messages = [
            f"value {quoted(v)} is no {title}; 0 (low), 1 (medium) and 2 (high) are allowed" for v in values
        ]
        yield Rows(role, rows, messages, field=column, value=values)


def good() -> Inventory:
    return with_values(rgik(), Role.OUTLINE, "RelFr", {0: 0, 1: None, 2: 2.0})


def bad() -> Bad:
    return Bad(with_values(rgik(), Role.OUTLINE, "RelUpsCon", {0: 3, 5: -1}), {Role.OUTLINE: (0, 5)})
