"""A value is missing that every feature needs.

## What it checks
Fields that may not be null have a value in every row; text of nothing but blanks counts as null. For the
field that identifies the unit (the primary ID) a null is an error, for others a warning. Fields that may be
null are never reported: nulls occur in every published inventory.

## Why
A unit without primary ID can be neither referred to nor linked with its outlines.

## Example
    primary ID is null; every feature of the primary markers needs one

## How to fix
Fill the cells. `rogi id make` makes primary IDs from the markers, `rogi validate --fix unsafe` fills in those
that are missing.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002; in the published data of the 12 areas
all 603 outlines have the ID of a marker (doi 10.5281/zenodo.15467203).
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import schema_of
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH011", "null-value", Severity.WARNING, Evidence.SECONDARY, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        key = schema_of(layer).key
        for field, rows in context.failures(role).of("null"):
            title = field.concept.title[:1].lower() + field.concept.title[1:]
            title = field.concept.title if field.concept.name == "primary_id" else title
            yield Rows(
                role,
                rows,
                f"{title} is null; every feature of the {role.title} needs one",
                field=layer.columns[field.concept.name],
                severity=Severity.ERROR if field.concept.name == key else None,
            )


def good() -> Inventory:
    return with_values(rgik(), Role.MARKER, "Acti.Cl.", {0: None})


def bad() -> Bad:
    return Bad(with_values(rgik(), Role.MARKER, "PrimaryID", {1: None, 2: "  "}), {Role.MARKER: (1, 2)})
