"""Values are of another type than the field.

## What it checks
Number columns hold numbers, whole-number columns whole numbers, text columns text. What is read without loss
is accepted: whole numbers stored with a decimal point (so a column with nulls is read), numbers as names or
IDs of a mapper's own, integer codes of a vocabulary that has them.

Numbers written as text are one finding for the column, and no finding in a CSV file, which has only text. A
text column full of numbers that are no codes is one finding too. Both are warnings, as the values can all be
read. Any other value has a finding of its own.

## Why
A sum, a range or a colour ramp needs numbers; a program that finds text sorts `9` behind `10` or drops the
column.

## Example
    column 'AREA' holds numbers as text in 44273 rows; its type should be number
    value 'about 0.2' is not a number
    value '0,25' is not a number; write decimals with a point, and thousands without a comma

## How to fix
In QGIS *Refactor fields* changes the type of a column; correct what cannot be read.

## Reference
The types are those of the schema, see the pages under *Schemas*; RGIK GeoPackage template (text but for the
landform code, the reliabilities and their index).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.columns import column_of, distinct, quoted
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, with_values
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Field, FieldType, Role

RULE = RuleInfo("SCH009", "field-type", Severity.ERROR, Evidence.VERIFIED, EVERY_LAYER)

_COMMA = re.compile(r"[+-]?\d+(,\d+)+(\.\d+)?")
WANTED = {
    FieldType.STRING: "text",
    FieldType.INTEGER: "a whole number",
    FieldType.NUMBER: "a number",
    FieldType.BOOLEAN: "true or false",
    FieldType.DATE: "a date (YYYY-MM-DD)",
}


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        for field, rows in context.failures(role).of("type"):
            column = layer.columns[field.concept.name]
            yield from _column(layer, role, column, field, rows)


def _column(
    layer: Layer, role: Role, column: str, field: Field, rows: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> Iterator[Rows]:
    kind = field.concept.type
    found = distinct(column_of(layer, column).iloc[rows])
    readable = [isinstance(v, str) and _reads_as(v, kind) for v in found.values]
    as_text = len(found.rows(readable))
    if as_text and not _only_text(layer):
        many = f"{as_text} row{'' if as_text == 1 else 's'}"
        yield Rows.of_layer(
            role,
            f"column {column!r} holds numbers as text in {many}; its type should be {kind.value}",
            field=column,
            severity=Severity.WARNING,
        )
    at = found.rows([not r for r in readable])
    numeric = [isinstance(v, (int, float, np.number)) for v in found.values]
    if kind is FieldType.STRING and all(numeric) and len(rows) == int(column_of(layer, column).notna().sum()):
        truth = all(isinstance(v, (bool, np.bool_)) for v in found.values)
        held = "true or false" if truth else f"numbers such as {quoted(found.values[0])}"
        yield Rows.of_layer(
            role,
            f"column {column!r} holds {held}; its values should be text",
            field=column,
            severity=Severity.WARNING,
        )
        return
    messages = [f"value {quoted(v)} is not {WANTED[kind]}{_how(v, kind)}" for v in found.values]
    yield Rows(
        role, rows[at], found.at(at, messages), field=column, value=found.at(at, found.values.tolist())
    )


def _how(value: object, kind: FieldType) -> str:
    """What to do about a value that is read as nothing; whether 1,234 is 1.234 or 1234, nobody knows here."""
    numeric = kind in (FieldType.NUMBER, FieldType.INTEGER)
    if numeric and isinstance(value, str) and _COMMA.fullmatch(value.strip()):
        return "; write decimals with a point, and thousands without a comma"
    return ""


def _reads_as(text: str, kind: FieldType) -> bool:
    if kind not in (FieldType.NUMBER, FieldType.INTEGER):
        return False
    try:
        number = float(text)
    except ValueError:
        return False
    return number == number and (kind is FieldType.NUMBER or number.is_integer())


def _only_text(layer: Layer) -> bool:
    """Whether the file format knows no other type than text."""
    return bool(layer.sources) and all(source.driver == "CSV" for source in layer.sources)


def good() -> Inventory:
    return with_values(tprogi(), Role.OUTLINE, "PISR", {0: None, 1: 2900})


def bad() -> Bad:
    return Bad(
        with_values(tprogi(), Role.OUTLINE, "AREA", {0: "about 0.2", 1: "0,25", 2: "0.03"}),
        {Role.OUTLINE: (0, 1, -1)},
    )
