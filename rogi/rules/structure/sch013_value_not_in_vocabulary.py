"""A value is not one of the vocabulary.

## What it checks
Values of a column with a vocabulary (activity, morphology, outline type, subregion ...) are among its
terms, or their integer codes where files store those, or words the dialect is known to use for them. Where
the list of terms is not established from the RGIK documents themselves the finding is information only: the
value may well be right. Terms that differ in case or blanks are the matter of SCH014, placeholders that of
SCH012, the review column that of REV001.

## Why
A class outside the list is lost in every count and comparison by class. `Transitional uncertain`, for
instance, does not occur in the published data of the 12 areas.

## Example
    value 'Transitional uncertain' is not a term of vocabulary activity 1.0, which has 'Active',
    'Active uncertain', 'Transitional', 'Relict uncertain', 'Relict', 'Uncertain'

## How to fix
Choose the term that is meant. If the inventory uses a scheme of its own, write a dialect that says what each
of its values means (and how much is lost), or keep it in a column of another name.

## Reference
The source of each vocabulary and the evidence for each term are on its page under *Schemas*.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import listed, quoted
from rogi.rules.context import Context
from rogi.rules.examples import rgik, with_values
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.rules.structure._vocabulary import Fit, verdicts
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH013", "value-not-in-vocabulary", Severity.WARNING, Evidence.SECONDARY, EVERY_LAYER)


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        for verdict in verdicts(context, role):
            found, vocabulary = verdict.distinct, verdict.vocabulary
            rows = np.intersect1d(
                found.rows([fit is Fit.UNKNOWN for fit in verdict.fits]),
                context.failures(role).get(verdict.field.concept.name, "vocabulary"),
                assume_unique=True,
            )
            if not len(rows):
                continue
            allowed = listed(verdict.allowed)
            known = "is not a term of" if vocabulary.closed else "is not among the known terms of"
            messages = [
                f"value {quoted(text)} {known} vocabulary {vocabulary.name} {vocabulary.version}, which has "
                f"{allowed}" + (f"; is {meant!r} meant?" if meant else "")
                for text, meant in zip(found.text, verdict.meant, strict=True)
            ]
            yield Rows(
                role,
                rows,
                found.at(rows, messages),
                field=verdict.column,
                value=found.at(rows, found.values.tolist()),
                severity=None if vocabulary.closed else Severity.INFO,
            )


def good() -> Inventory:
    return with_values(rgik(), Role.MARKER, "Acti.Cl.", {0: "Relict uncertain", 1: None})


def bad() -> Bad:
    return Bad(
        with_values(rgik(), Role.MARKER, "Acti.Cl.", {1: "Transitional uncertain"}), {Role.MARKER: (1,)}
    )
