"""The review column does not begin with a decision.

## What it checks
The column for additional information is empty, or begins with the decision of the review (`Yes`, `No`,
`Uncertain`, `Undefined`: is it a rock glacier?), alone or followed by a colon, semicolon, comma, dash or
bracket and a note: `Uncertain: in the shadow`. A decision in other case or with stray blanks is a warning;
any other text is information only, because the words used in published files are not established.

## Why
The column says whether a reviewer judged the unit a false identification. To count or leave out such units,
programs need a word they can rely on at its beginning.

## Example
    'uncertain (snow)' begins with a decision written otherwise; 'Uncertain' is the term
    'maybe not' begins with no decision of the review; 'Yes', 'No', 'Uncertain', 'Undefined' are expected

## How to fix
Put the decision first and the note behind it.

## Reference
Sun et al. (2024), doi 10.5194/essd-16-5703-2024, Table 2 (ADDI_INF) and Table 4 (decisions).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import folded, listed, quoted
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, with_values
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.rules.structure._vocabulary import find_vocabulary
from rogi.schema.model import Evidence, Role

CONCEPT = "additional_information"
RULE = RuleInfo(
    "REV001",
    "review-vocabulary",
    Severity.WARNING,
    Evidence.MEMORY_MEDIUM,
    (Need(Role.MARKER, (CONCEPT,)), Need(Role.OUTLINE, (CONCEPT,))),
)

VOCABULARY = "review_decision"
NOTE = re.compile(r"\s*[:;,(\[\u2013\u2014-]|\s*$")  # what may follow the decision


def check(context: Context) -> Iterator[Rows]:
    vocabulary = find_vocabulary(VOCABULARY)
    if vocabulary is None:
        return
    terms = vocabulary.values
    for role in context.targets:
        layer = context.layer(role)
        if CONCEPT not in layer.columns:
            continue
        column = layer.columns[CONCEPT]
        found = context.distinct(role, column)
        judged = [_judge(text, terms) for text in found.text]
        for severity in (None, Severity.INFO):
            chosen = [j is not None and j[1] is severity for j in judged]
            rows = found.rows(np.array(chosen, dtype=bool))
            messages = [j[0] if j is not None else "" for j in judged]
            values = found.at(rows, found.values.tolist())
            yield Rows(role, rows, found.at(rows, messages), field=column, value=values, severity=severity)


def _judge(text: str, terms: tuple[str, ...]) -> tuple[str, Severity | None] | None:
    """Message and severity (None: the rule's), or None where all is well."""
    if not text.strip():
        return None
    for term in terms:
        if text.startswith(term) and NOTE.match(text, len(term)):
            return None
    plain = folded(text)
    for term in terms:
        if plain.startswith(folded(term)) and NOTE.match(plain, len(folded(term))):
            return f"{quoted(text)} begins with a decision written otherwise; {term!r} is the term", None
    return (
        f"{quoted(text)} begins with no decision of the review; {listed(terms)} are expected",
        Severity.INFO,
    )


def good() -> Inventory:
    notes = {0: "Uncertain: in the shadow", 1: "No", 2: None}
    return with_values(tprogi(), Role.OUTLINE, "ADDI_INF", notes)


def bad() -> Bad:
    return Bad(
        with_values(tprogi(), Role.OUTLINE, "ADDI_INF", {0: "maybe not", 2: " uncertain (snow)"}),
        {Role.OUTLINE: (0, 2)},
    )
