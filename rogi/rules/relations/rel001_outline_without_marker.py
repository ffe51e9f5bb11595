"""An outline has no primary marker.

## What it checks
For each outline there is a marker of the same primary ID (in whatever form it is written), or else of
the same working ID. An outline without an ID belongs to the marker that lies in it.

## Why
The marker carries the attributes and the identity of a unit. An outline without one has neither, and
gets lost when layers are joined.

## Example
An outline with the ID `RGU304000N0906000E`; no marker has it, because the marker was moved and its ID
made anew.

## How to fix
Give the outline the ID of its marker, or place the marker. `rogi validate --fix unsafe` gives an outline
without an ID that of the only marker in it.

## Reference
All 603 outlines of the published 12 areas match a marker by ID (doi 10.5281/zenodo.15467203).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import quoted
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.relations._links import NOBODY, links
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "REL001",
    "outline-without-marker",
    Severity.ERROR,
    Evidence.SECONDARY,
    (Need(Role.OUTLINE, ("primary_id",)), Need(Role.MARKER, ("primary_id",))),
    together=True,
    needs_values=False,  # working IDs and places link, too
    fix="unsafe",
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    found = links(context)
    rows = np.flatnonzero(found.marker == NOBODY)
    ids = context.text(Role.OUTLINE, "primary_id")[rows]
    messages = [
        f"no marker has the primary ID {quoted(text)}"
        if named
        else "the outline has no primary ID, and no marker lies in it"
        for text, named in zip(ids, found.named[rows], strict=True)
    ]
    yield Rows(Role.OUTLINE, rows, messages, field=context.column_name(Role.OUTLINE, "primary_id"), value=ids)


def good() -> Inventory:
    """All outlines have markers; one lacks its ID, but the marker lies in it."""
    return examples.with_values(examples.rgik(), Role.OUTLINE, "PrimaryID", {1: "unknown"})


def bad() -> Bad:
    """The ID of one outline is that of no marker."""
    changed = {2: "RGU469000N0107000E"}
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "ID", changed)
    return Bad(inventory, {Role.OUTLINE: (2,)})
