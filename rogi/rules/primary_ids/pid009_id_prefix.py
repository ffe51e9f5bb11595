"""A primary ID has the prefix of a system where a unit is expected.

## What it checks
IDs of markers, outlines and moving areas begin with `RGU` (rock glacier unit). `RGS` (rock glacier system)
belongs into the column for the associated system. If all IDs of a layer begin with `RGS` there is one
finding for the layer.

## Why
Units and systems are different objects: a system is one or several units with the same source. A layer that
mixes both counts landforms twice.

## Example
    'RGS469000N0106000E' is the ID of a system (RGS); IDs of units begin with RGU

## How to fix
Give the unit its own ID and keep the system's in the column for the associated system, or move systems to a
layer of their own. If your inventory is one of systems, ignore this rule.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002; Rouyet et al. (2025),
doi 10.5194/essd-17-4125-2025 (primary markers locate and characterise units).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.primary_ids import WITH_ID
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("PID009", "id-prefix", Severity.WARNING, Evidence.VERIFIED, WITH_ID)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        ids = context.primary_ids(role)
        column = context.column_name(role, "primary_id")
        rows = np.flatnonzero(ids.prefix == "RGS")
        if len(rows) > 1 and len(rows) == int(ids.parsed.sum()):
            yield Rows.of_layer(
                role,
                f"all {len(rows)} IDs are those of systems (RGS), e.g. {quoted(ids.text[rows[0]])}; "
                "IDs of units begin with RGU",
                field=column,
            )
            continue
        messages = [
            f"{quoted(t)} is the ID of a system (RGS); IDs of units begin with RGU" for t in ids.text[rows]
        ]
        yield Rows(role, rows, messages, field=column, value=ids.text[rows])


def good() -> Inventory:
    return rgik()


def bad() -> Bad:
    return Bad(with_values(rgik(), Role.MARKER, "PrimaryID", {1: "RGS469000N0106100E"}), {Role.MARKER: (1,)})
