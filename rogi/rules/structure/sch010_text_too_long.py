"""A text is longer than its field.

## What it checks
Texts have at most the number of characters the schema gives the field (254 in TPRoGI, whose files are
shapefiles).

## Why
A shapefile cuts text off at the width of the field without a word; the end of a comment, or of a name, is
lost with the next export.

## Example
    text has 312 characters; field 'ADDI_INF' takes 254

## How to fix
Shorten the text, or use a format without the limit (GeoPackage).

## Reference
dBASE table format of shapefiles (text fields have up to 254 bytes); the lengths are those of the schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import column_of
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, with_values
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH010", "text-too-long", Severity.WARNING, Evidence.DERIVED, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        for field, rows in context.failures(role).of("length"):
            column = layer.columns[field.concept.name]
            texts = [str(v) for v in column_of(layer, column).iloc[rows]]
            yield Rows(
                role,
                rows,
                [
                    f"text has {len(t)} characters; field {column!r} takes {field.concept.length}"
                    for t in texts
                ],
                field=column,
                value=texts,
            )


def good() -> Inventory:
    return with_values(tprogi(), Role.OUTLINE, "ADDI_INF", {0: "a" * 254})


def bad() -> Bad:
    return Bad(with_values(tprogi(), Role.OUTLINE, "ADDI_INF", {1: "a" * 255}), {Role.OUTLINE: (1,)})
