"""A number is outside the range of its field.

## What it checks
Numbers are within the least and the greatest value the schema gives the field. Elevation, slope, aspect,
radiation, climate and the parts of the reliability index have rules of their own (ATT003 to ATT008, KIN002);
this one covers the rest: area, latitude, longitude, the reliability index, the permafrost index. Units of
the dialect are respected.

## Why
A value that cannot be is a typing error, another unit, or a "no data" number read as data.

## Example
    value 97.2426 is outside the range of latitude, -90 to 90 degree

## How to fix
Correct the value, or set it to null if it is not known.

## Reference
The limits and their sources are those of the schema, see the pages under *Schemas*.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import column_of, quoted
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, with_values
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Concept, Evidence, Role

RULE = RuleInfo("SCH018", "value-out-of-range", Severity.WARNING, Evidence.DERIVED, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        layer = context.layer(role)
        for field, rows in context.failures(role).of("range"):
            concept = field.concept
            if concept.range_rule != RULE.code:
                continue
            column = layer.columns[concept.name]
            values = column_of(layer, column).iloc[rows].tolist()
            unit = layer.dialect.units.get(concept.name) if layer.dialect else None
            of_column = f" {unit}" if unit else ""
            limits = _limits(concept)
            name = concept.name.replace("_", " ")
            yield Rows(
                role,
                rows,
                [f"value {quoted(v)}{of_column} is outside the range of {name}, {limits}" for v in values],
                field=column,
                value=values,
            )


def _limits(concept: Concept) -> str:
    unit = f" {concept.unit}" if concept.unit else ""
    if concept.minimum is None:
        return f"at most {concept.maximum:g}{unit}"
    if concept.maximum is None:
        return f"at least {concept.minimum:g}{unit}"
    return f"{concept.minimum:g} to {concept.maximum:g}{unit}"


def good() -> Inventory:
    return with_values(tprogi(), Role.OUTLINE, "LAT", {0: -90, 1: 90.0, 2: None})


def bad() -> Bad:
    return Bad(with_values(tprogi(), Role.OUTLINE, "LAT", {1: 97.2426}), {Role.OUTLINE: (1,)})
