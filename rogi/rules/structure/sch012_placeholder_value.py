"""A text stands where a value is missing.

## What it checks
Text and date columns hold no word that means "no value": `unknown`, `n/a`, `NULL`, `NULL01`, `-9999`, `?`, or
nothing but blanks. Words that are terms of the column's vocabulary (`Unknown` upslope connection) are
values, comments may say what they like, primary IDs are the matter of PID001, and numbers that stand for
"no data" in number columns that of ATT009. An empty text counts as null.

## Why
A placeholder is a value to every program: it is counted, grouped and joined on. Two units whose ID is
`unknown` become one.

## Example
    value 'unknown' is a placeholder; leave the cell empty (null) where there is no value

## How to fix
Set the cells to NULL (QGIS field calculator: `NULL`), or find the value.

## Reference
Seen in the outlines of RoGI-CH (`unknown`) and in an inventory of Sikkim (`NULL01`); the list is the rule's
parameter `placeholders`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import folded, is_placeholder, quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.rules.structure._vocabulary import find_vocabulary
from rogi.schema.load import concepts
from rogi.schema.model import Evidence, FieldType, Role

RULE = RuleInfo("SCH012", "placeholder-value", Severity.WARNING, Evidence.VERIFIED, EVERY_LAYER)

# IDs are the matter of the PID rules, reviews of REV001; a comment may be a dash.
ELSEWHERE = frozenset({"primary_id", "comment", "additional_information"})


def check(context: Context) -> Iterator[Rows]:
    none = context.placeholders()
    for role in context.targets:
        layer = context.layer(role)
        for name, column in layer.columns.items():
            field = layer.schema.field(name) if layer.schema else None
            concept = field.concept if field else concepts().get(name)
            if concept is None or concept.type not in (FieldType.STRING, FieldType.DATE) or name in ELSEWHERE:
                continue
            vocabulary = find_vocabulary(concept.vocabulary) if concept.vocabulary else None
            terms = {folded(v) for v in vocabulary.values} if vocabulary else set()
            terms |= set(layer.value_map(name))
            found = context.distinct(role, column)
            rows = found.rows([is_placeholder(t, none) and folded(t) not in terms for t in found.text])
            if not len(rows):
                continue
            messages = [
                f"value {quoted(text)} is a placeholder; leave the cell empty (null) where there is no value"
                if text.strip()
                else "value is nothing but blanks; leave the cell empty (null) where there is no value"
                for text in found.text
            ]
            yield Rows(
                role,
                rows,
                found.at(rows, messages),
                field=column,
                value=found.at(rows, found.values.tolist()),
            )


def good() -> Inventory:
    return with_values(rgik(), Role.MARKER, "Upsl.Con.", {0: "Unknown"})


def bad() -> Bad:
    return Bad(with_values(rgik(), Role.MARKER, "WorkingID", {1: "unknown", 2: "  "}), {Role.MARKER: (1, 2)})
