"""One outline lies within another.

## What it checks
No outline lies within another of its type: the overlap covers less than `share` of the smaller. Systems
(RGS) may contain their units (RGU).

## Why
A unit within a unit is counted twice. Often a coarse old outline was left under the ones that replaced
it, or a system was drawn in the same layer without saying so.

## Example
An outline of 0.5 km² with another of 0.1 km² inside.

## How to fix
Delete the outline that is out of date, cut the inner from the outer one, or give the outer one an ID
with `RGS`.

## Reference
Units are distinct landforms; RGIK (2023).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import square_metres
from rogi.rules.geometry._pairs import outline_pairs
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "GEO016",
    "contained",
    Severity.WARNING,
    Evidence.MEMORY_HIGH,
    (Need(Role.OUTLINE),),
    needs_crs=True,
    needs_valid=True,
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    pairs = outline_pairs(context)
    at = np.flatnonzero(pairs.contained & ~pairs.equal)
    inner, outer = pairs.smaller[at], pairs.larger[at]
    messages = [
        f"lies within another outline ({share:.1%} of its {square_metres(a / share)})"
        for a, share in zip(pairs.area[at], pairs.share[at], strict=True)
    ]
    yield Rows(
        Role.OUTLINE,
        inner,
        messages,
        value=pairs.share[at].round(4),
        geometry=pairs.geometry[at],
        other=outer,
    )


def good() -> Inventory:
    """Restricted outlines within extended ones, which is as it should be."""
    return examples.rgik()


def bad() -> Bad:
    """The second outline lies in the first."""
    x, y = examples.ORIGIN
    changed = {0: examples.blob(x, y, radius=200.0), 1: examples.blob(x, y, radius=80.0)}
    return Bad(examples.with_geometry(examples.tprogi(), Role.OUTLINE, changed), {Role.OUTLINE: (1,)})
