"""A unit is smaller than the recommended minimum area.

## What it checks
The area of an extended outline on the ellipsoid is at least `minimum_area`, less `tolerance` for other
ways to compute it. Restricted outlines, which leave out the margins, are not looked at.

## Why
Below 0.01 km² (a square of 100 m) rock glaciers cannot be told reliably from other deposits on the
imagery in use, and inventories that count them differ in the number of units, not in what is there.

## Example
The unit RGU465071N084471E of the Swiss inventory, active and real, has 0.0098 km²: a reason to look, not
an error.

## How to fix
Check the outline. If the unit is real and to be kept, waive the finding with that reason.

## Reference
0.01 km² is used by Sun et al. (2024), Sect. 3.3, who refer to RGIK (2023); recommended there, as we
recall it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import SQUARE_METRES_PER_KM2
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "GEO014",
    "below-minimum-area",
    Severity.WARNING,
    Evidence.MEMORY_MEDIUM,
    (Need(Role.OUTLINE),),
    needs_crs=True,
    needs_valid=True,
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    minimum, tolerance = context.number("minimum_area"), context.number("tolerance")
    for role in context.targets:
        area = context.area(role) / SQUARE_METRES_PER_KM2
        polygonal = context.vertices(role).parts > 0
        unit = (context.outline_kind() != "restricted") & context.valid(role) & polygonal
        rows = np.flatnonzero(unit & (area < minimum * (1.0 - tolerance)))
        messages = [f"area {a:.2g} km² is below {minimum:g} km²" for a in area[rows]]
        yield Rows(role, rows, messages, value=area[rows].round(8))


def good() -> Inventory:
    """All above 0.02 km²; a smaller restricted outline does not count."""
    return examples.rgik()


def bad() -> Bad:
    """An outline of 0.004 km²."""
    small = examples.blob(*examples.ORIGIN, radius=35.0)
    return Bad(examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: small}), {Role.OUTLINE: (0,)})
