"""A value is far from all others.

## What it checks
The distance of a value from the median, divided by 1.4826 times the median absolute deviation of the
values on its side, is at most `threshold`. Areas are compared as logarithms. Columns with fewer than
`minimum_values` values, or where half of the values on one side are equal, are not looked at; values out
of range are reported by the rules on ranges only.

## Why
A lost digit makes a possible but wrong value. Whether it is wrong only a look at the unit can tell:
information.

## Example
ELE_MEAN 470 m in an inventory around 4700 m.

## How to fix
Look at the unit. If the value is right, nothing needs to be done.

## Reference
Leys et al. (2013), doi 10.1016/j.jesp.2013.03.013 (median absolute deviation); each side by itself
because distributions are skewed. With the default no value of a normal distribution would be found in
any inventory.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.attributes._quantities import Floats, concept_of, layers_with, sound, with_unit
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.attributes import continuous
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("ATT012", "outlier", Severity.INFO, Evidence.DERIVED, layers_with(*continuous()))

# Makes the median absolute deviation of a normal distribution its standard deviation: 1 / Φ⁻¹(3/4).
CONSISTENCY = 1.4826


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    threshold, enough = context.number("threshold"), int(context.number("minimum_values"))
    for role in context.targets:
        for name in continuous():
            if not context.has(role, name):
                continue
            values = sound(context, role, name)
            with np.errstate(invalid="ignore", divide="ignore"):
                scale = np.log10(np.where(values > 0, values, np.nan)) if name == "area" else values
                score = robust_score(scale, enough)
                rows = np.flatnonzero(np.abs(score) > threshold)
            unit = concept_of(context, role, name).unit if name != "area" else None
            middle = with_unit(float(np.nanmedian(values)), unit) if len(rows) else ""
            messages = [
                f"{with_unit(v, unit)} is {abs(s):.0f} robust deviations from the median {middle}"
                for v, s in zip(values[rows].tolist(), score[rows].tolist(), strict=True)
            ]
            yield Rows(role, rows, messages, field=context.column_name(role, name), value=values[rows])


def robust_score(values: Floats, minimum_values: int) -> Floats:
    """(n,) distance from the median in robust standard deviations of the value's own side.

    NaN for NaN, and for all where there are too few values or no deviation on that side.
    """
    score = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < max(minimum_values, 1):
        return score
    distance = values[known] - np.median(values[known])
    for side in (distance <= 0, distance >= 0):
        spread = CONSISTENCY * float(np.median(np.abs(distance[side])))
        if spread > 0:
            score[known[side]] = distance[side] / spread
    return score


def good() -> Inventory:
    """Forty units that are much alike."""
    return examples.tprogi(40)


def bad() -> Bad:
    """A digit was lost."""
    inventory = examples.with_values(examples.tprogi(40), Role.OUTLINE, "ELE_MEAN", {7: 470.0})
    return Bad(inventory, {Role.OUTLINE: (7,)})
