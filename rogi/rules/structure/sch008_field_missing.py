"""A column the schema requires is missing.

## What it checks
Every required field of a layer has a column. Columns are recognised without regard to case and punctuation
(`Acti.Cl.`, `ActiCl` and `acti_cl` are one) and through the dialect's list of names, so what is missing here
is missing under any known name. Optional fields (kinematics, comments) are never reported.

The missing column is an error where it identifies the unit (the primary ID), otherwise a warning.

## Why
Units without primary ID cannot be told apart or linked across layers; units without activity, morphology or
upslope connection are located but not characterised. Every rule that needs the column is *not run*.

## Example
    column 'PrimaryID' (Primary ID) is missing from the primary markers; rgik/1.0 requires it

## How to fix
Add and fill the column. If it is there under a name rogi does not know, rename it, or write a dialect that
names it (`rogi schema show generic` is a start). `rogi id make` makes primary IDs from positions.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002; Sun et al. (2024),
doi 10.5194/essd-16-5703-2024, Sect. 4.2; the tables of the schema name the source of each field.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import schema_of
from rogi.rules.context import Context
from rogi.rules.examples import rgik, without_column
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH008", "field-missing", Severity.WARNING, Evidence.MEMORY_HIGH, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        key = schema_of(layer).key
        for field in schema_of(layer).fields:
            if not field.required or layer.has(field.concept.name):
                continue
            established = field.required_evidence.established
            yield Rows.of_layer(
                role,
                f"column {field.name!r} ({field.concept.title}) is missing from the {role.title}; "
                f"{context.inventory.schema.id} requires it",
                field=field.name,
                severity=Severity.ERROR if field.concept.name == key and established else None,
            )


def good() -> Inventory:
    return without_column(rgik(), Role.MARKER, "Kin.Att.")


def bad() -> Bad:
    return Bad(without_column(rgik(), Role.MARKER, "Acti.Cl."), {Role.MARKER: (-1,)})
