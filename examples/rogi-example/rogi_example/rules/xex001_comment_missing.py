"""A unit judged uncertain has no comment.

## What it checks
Units whose landform is "Uncertain" say why in the comment.

## Why
Whoever comes later can judge again only if the doubt is written down.

## Example
A unit is "Uncertain", and its comment is empty.

## How to fix
Write the reason into the comment.

## Reference
An example of this package; no rule of RGIK.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "XEX001",
    "comment-missing",
    Severity.INFO,
    Evidence.DERIVED,
    (Need(Role.MARKER, ("completeness", "comment")),),
    needs_values=False,
)

DOUBTFUL = "Uncertain"


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule: one for each unit."""
    for role in context.targets:
        doubtful = context.text(role, "completeness") == DOUBTFUL
        silent = np.array([text is None for text in context.text(role, "comment")], dtype=bool)
        rows = np.flatnonzero(doubtful & silent)
        yield Rows(
            role, rows, "uncertain, but no comment says why", field=context.column_name(role, "comment")
        )


def good() -> Inventory:
    """All units are complete."""
    return examples.rgik()


def bad() -> Bad:
    """The second unit is uncertain, without a comment."""
    inventory = examples.rgik()
    layer = inventory.layer(Role.MARKER)
    assert layer is not None
    inventory = examples.with_values(inventory, Role.MARKER, layer.columns["completeness"], {1: DOUBTFUL})
    inventory = examples.with_values(inventory, Role.MARKER, layer.columns["comment"], {1: None})
    return Bad(inventory, {Role.MARKER: (1,)})
