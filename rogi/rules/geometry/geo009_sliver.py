"""A polygon, or a part of one, is a sliver.

## What it checks
The mean width 2 A / P (area and perimeter of the narrowest part) is at least `minimum_width`.

## Why
A strip a few metres wide is no landform but what is left when two borders that should be one are
subtracted.

## Example
A polygon 300 m long and 3 m wide between two outlines.

## How to fix
Delete it, or give it to the neighbour it belongs to.

## Reference
Two pixels of the imagery the outlines of TPRoGI were drawn on (4.77 m, Sun et al. 2024, Sect. 3.1)
cannot show a form.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import DRAWN
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO009", "sliver", Severity.WARNING, Evidence.DERIVED, DRAWN, needs_crs=True)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    minimum = context.number("minimum_width")
    for role in context.targets:
        width = context.vertices(role).width
        rows = np.flatnonzero(context.valid(role) & (width < minimum))
        messages = [f"the mean width of {w:.2g} m is below {minimum:g} m: a sliver" for w in width[rows]]
        yield Rows(role, rows, messages, value=width[rows].round(3))


def good() -> Inventory:
    """Outlines some 150 m wide."""
    return examples.tprogi()


def bad() -> Bad:
    """A strip 300 m long and 3 m wide."""
    x, y = examples.ORIGIN
    strip = shapely.box(x, y, x + 0.003, y + 0.00003)
    return Bad(examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: strip}), {Role.OUTLINE: (0,)})
