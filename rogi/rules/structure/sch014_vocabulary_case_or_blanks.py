"""A term of a vocabulary is written with other case or stray blanks.

## What it checks
Values that are a term (or a word of the dialect) but for upper and lower case, blanks around them, or
several blanks within. Where the spelling of the terms itself is known from memory only the finding is
information.

## Why
The value is understood by rogi, but not by a program that compares text: a filter on `Restricted` misses
`Restricted ` with a blank at the end, which is how one template writes it.

## Example
    value 'Restricted ' is written 'Restricted' in vocabulary outline_type 1.0

## How to fix
`rogi validate --fix safe` writes the term as the vocabulary does.

## Reference
The stray blank: reading code of pyzak117/PyRogi (rock_glacier_inventory.py); terms and their sources are on
the pages under *Schemas*.
"""

from __future__ import annotations

from collections.abc import Iterator

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.rules.structure._vocabulary import Fit, verdicts
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "SCH014", "vocabulary-case-or-blanks", Severity.WARNING, Evidence.VERIFIED, EVERY_LAYER, fix="safe"
)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        for verdict in verdicts(context, role):
            found, vocabulary = verdict.distinct, verdict.vocabulary
            rows = found.rows([fit is Fit.SPELLING for fit in verdict.fits])
            if not len(rows):
                continue
            messages = [
                f"value {quoted(text)} is written {meant!r} in vocabulary "
                f"{vocabulary.name} {vocabulary.version}"
                for text, meant in zip(found.text, verdict.meant, strict=True)
            ]
            yield Rows(
                role,
                rows,
                found.at(rows, messages),
                field=verdict.column,
                value=found.at(rows, found.values.tolist()),
                severity=None if vocabulary.closed or vocabulary.evidence.established else Severity.INFO,
            )


def good() -> Inventory:
    return rgik()


def bad() -> Bad:
    inventory = with_values(rgik(), Role.OUTLINE, "Out.Type", {0: "extended", 4: "Restricted "})
    return Bad(inventory, {Role.OUTLINE: (0, 4)})
