"""Statistics of a unit contradict each other.

## What it checks
Of elevation and slope: minimum ≤ median ≤ maximum and minimum ≤ mean ≤ maximum, within a tolerance for
rounding. Values out of range are reported by ATT003 and ATT004 only.

## Why
Swapped columns, or columns of two different runs, go unnoticed in maps and histograms.

## Example
ELE_MIN 4810 m with ELE_MEAN 4655 m.

## How to fix
Compute the statistics anew from one elevation model (`rogi attributes`).

## Reference
By definition of minimum, mean, median and maximum.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.attributes._quantities import concept_of, layers_with, sound, with_unit
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.attributes import family, orderly_families
from rogi.schema.model import Evidence, Role

ORDERED = tuple(name for quantity in orderly_families() for name in family(quantity))

RULE = RuleInfo("ATT002", "statistics-order", Severity.WARNING, Evidence.DERIVED, layers_with(*ORDERED))

ORDER = (
    ("minimum", "maximum"),
    ("minimum", "median"),
    ("minimum", "mean"),
    ("median", "maximum"),
    ("mean", "maximum"),
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule: at most one per feature and quantity."""
    for role in context.targets:
        for quantity in orderly_families():
            tolerance = context.number(f"{quantity}_tolerance")
            told = np.zeros(len(context.layer(role)), dtype=bool)
            for low, high in ORDER:
                below, above = f"{quantity}_{low}", f"{quantity}_{high}"
                if not (context.has(role, below) and context.has(role, above)):
                    continue
                a, b = sound(context, role, below), sound(context, role, above)
                with np.errstate(invalid="ignore"):
                    wrong = (a > b + tolerance) & ~told
                told |= wrong
                rows = np.flatnonzero(wrong)
                unit = concept_of(context, role, below).unit
                other = context.column_name(role, above)
                messages = [
                    f"{low} {quantity} {with_unit(x, unit)} is above the {high}, {other} {with_unit(y, unit)}"
                    for x, y in zip(a[rows].tolist(), b[rows].tolist(), strict=True)
                ]
                yield Rows(role, rows, messages, field=context.column_name(role, below), value=a[rows])


def good() -> Inventory:
    """All in order."""
    return examples.tprogi()


def bad() -> Bad:
    """A minimum above the mean."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "ELE_MIN", {1: 4700.0})
    return Bad(inventory, {Role.OUTLINE: (1,)})
