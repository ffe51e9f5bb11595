"""A unit belongs to a system that does not exist.

## What it checks
The associated system is an ID with the prefix `RGS`; where the layer of markers holds systems of its own
(IDs with `RGS`) it is one of them. Nulls and placeholders are not looked at.

## Why
Units of a system are grouped by that ID. One that differs by a digit makes a system of its own.

## Example
`Assoc.RGS` = `RGU464000N0106000E`: a unit is no system.

## How to fix
Write the ID of the system's marker, or, in inventories that mark units only, the one all units of the
system share.

## Reference
RGIK GeoPackage template, field `Assoc.RGS`; that it holds an ID of the form `RGS…` is from memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.ids.primary_id import parse
from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import is_placeholder, quoted
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.relations._links import unit_names
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "REL006",
    "system-membership",
    Severity.WARNING,
    Evidence.MEMORY_MEDIUM,
    (Need(Role.MARKER, ("associated_system",)),),
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    text = context.text(Role.MARKER, "associated_system")
    none = context.placeholders()
    given = np.array([t is not None and not is_placeholder(t, none) for t in text], dtype=bool)
    ids = parse(text)
    systems = _systems(context)
    no_system = given & (ids.prefix != "RGS")
    unknown = given & ~no_system & np.array([bool(systems) and c not in systems for c in ids.canonical])
    field = context.column_name(Role.MARKER, "associated_system")
    for rows, words in (
        (np.flatnonzero(no_system), "is no ID of a system (RGS…)"),
        (np.flatnonzero(unknown), "is none of the systems in the layer"),
    ):
        messages = [f"{quoted(t)} {words}" for t in text[rows]]
        yield Rows(Role.MARKER, rows, messages, field=field, value=text[rows])


def _systems(context: Context) -> frozenset[str]:
    """IDs of the systems that have markers."""
    if not context.has(Role.MARKER, "primary_id"):
        return frozenset()
    names = unit_names(context, Role.MARKER)
    return frozenset(names[context.primary_ids(Role.MARKER).prefix == "RGS"])


def good() -> Inventory:
    """Each unit in a system."""
    return examples.rgik()


def bad() -> Bad:
    """A unit instead of a system."""
    changed = {1: "RGU469000N0106100E"}
    inventory = examples.with_values(examples.rgik(), Role.MARKER, "Assoc.RGS", changed)
    return Bad(inventory, {Role.MARKER: (1,)})
