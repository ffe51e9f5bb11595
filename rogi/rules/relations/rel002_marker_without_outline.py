"""A primary marker has no outline.

## What it checks
For each marker there is an outline of the same primary ID or working ID, or an outline without an ID in
which it lies. Markers of systems (`RGS`) and of landforms that are uncertain or no rock glaciers need
none.

## Why
In TPRoGI every unit has one marker and one outline: an error there. RGIK inventories have markers without
outlines by design, for units that are uncertain or could not be outlined; there it is information, for a
mapper who wants to see what is still to be outlined.

## Example
A marker whose outline was deleted as a false identification.

## How to fix
Draw the outline, delete the marker, or set the landform to uncertain.

## Reference
TPRoGI v1.0: 44,273 markers, 44,273 outlines. In the published 12 areas 336 of 631 markers have outlines
(603, extended and restricted; doi 10.5281/zenodo.15467203).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.relations._links import links
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "REL002",
    "marker-without-outline",
    Severity.INFO,
    Evidence.SECONDARY,
    (Need(Role.MARKER, ("primary_id",)), Need(Role.OUTLINE, ("primary_id",))),
    together=True,
    needs_values=False,  # working IDs and places link, too
)

ONE_TO_ONE = ("tprogi",)  # schemas in which every marker has an outline
NO_ROCK_GLACIER = ("uncertain", "un", "0", "not a rock glacier", "no", "2")


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    rows = np.flatnonzero(~links(context).has_outline & ~_exempt(context))
    ids = context.text(Role.MARKER, "primary_id")[rows]
    yield Rows(
        Role.MARKER,
        rows,
        "no outline belongs to the marker",
        field=context.column_name(Role.MARKER, "primary_id"),
        value=ids,
        severity=Severity.ERROR if context.inventory.schema.name in ONE_TO_ONE else None,
    )


def _exempt(context: Context) -> NDArray[np.bool_]:
    """Markers that need no outline."""
    exempt = np.asarray(context.primary_ids(Role.MARKER).prefix == "RGS")
    if context.has(Role.MARKER, "landform"):
        landform = context.text(Role.MARKER, "landform")
        exempt = exempt | np.array(
            [t is not None and t.casefold().removesuffix(".0") in NO_ROCK_GLACIER for t in landform],
            dtype=bool,
        )
    return exempt


def good() -> Inventory:
    """One outline for each marker."""
    return examples.tprogi()


def bad() -> Bad:
    """The outline of the second marker is missing."""
    return Bad(examples.with_rows(examples.tprogi(), Role.OUTLINE, [0, 2]), {Role.MARKER: (1,)})
