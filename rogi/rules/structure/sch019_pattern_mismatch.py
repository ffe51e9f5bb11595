"""A text does not have the form of its field.

## What it checks
Texts of fields for which the schema gives a pattern have that form. The primary ID has rules of its own
(PID001, PID002). The packaged schemas give no other pattern; a schema of your own may.

## Why
A form that is agreed on can be read by programs: a code of a valley, the name of a sheet.

## Example
    value 'C1' does not have the form ^[A-Z]{2}\\d{3}$ of field 'Code'

## How to fix
Correct the value, or the pattern in the schema.

## Reference
The pattern is that of the schema; it is a regular expression as Python reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import column_of, quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH019", "pattern-mismatch", Severity.WARNING, Evidence.DERIVED, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        for field, rows in context.failures(role).of("pattern"):
            concept = field.concept
            if concept.pattern_rule != RULE.code:
                continue
            column = layer.columns[concept.name]
            values = column_of(layer, column).iloc[rows].tolist()
            yield Rows(
                role,
                rows,
                [
                    f"value {quoted(v)} does not have the form {concept.pattern} of field {column!r}"
                    for v in values
                ],
                field=column,
                value=values,
            )


def good() -> Inventory:
    return _with_pattern({0: "valley-12", 1: None})


def bad() -> Bad:
    return Bad(_with_pattern({1: "Valley 12", 2: "12"}), {Role.MARKER: (1, 2)})


def _with_pattern(values: dict[int, str | None]) -> Inventory:
    """An inventory whose schema wants working IDs of the form ``valley-1``."""
    inventory = with_values(rgik(), Role.MARKER, "WorkingID", values)
    layers = []
    for layer in inventory.layers:
        if layer.role is Role.MARKER and layer.schema is not None:
            fields = tuple(
                replace(f, concept=replace(f.concept, pattern=r"^[a-z]+-\d+$"))
                if f.concept.name == "working_id"
                else f
                for f in layer.schema.fields
            )
            layer = replace(layer, schema=replace(layer.schema, fields=fields))
        layers.append(layer)
    return replace(inventory, layers=tuple(layers))
