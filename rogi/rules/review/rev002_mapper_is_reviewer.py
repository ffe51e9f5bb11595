"""A unit was reviewed by the one who mapped it.

## What it checks
The reviewer is somebody else than the mapper. Names are compared without case and stray blanks; where several
are named (`A. Mapper; B. Reviewer`), at least one reviewer is not among the mappers. Rows without one of the
two names are left out.

## Why
Mapping of rock glaciers varies much between operators. A review finds what one operator overlooked only if
it is made by another.

## Example
    reviewer 'C. Both' is the mapper; a review needs somebody else

## How to fix
Have the unit reviewed by another person, or correct the name.

## Reference
Sun et al. (2024), doi 10.5194/essd-16-5703-2024, Sect. 4.2: seven mappers, two reviewers; Rouyet et al.
(2025), doi 10.5194/essd-17-4125-2025, and Bertone et al. (2024), The Cryosphere 18, 2335, for the variability
among operators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd

from rogi.inventory.model import Inventory
from rogi.inventory.values.columns import folded
from rogi.rules.context import Context
from rogi.rules.examples import tprogi, with_values
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

CONCEPTS = ("mapper", "reviewer")
RULE = RuleInfo(
    "REV002",
    "mapper-is-reviewer",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.MARKER, CONCEPTS), Need(Role.OUTLINE, CONCEPTS)),
)

SEPARATOR = re.compile(r"[;/&+|]|\band\b")  # a comma may be within a name


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        mapper_codes, mappers = pd.factorize(context.text(role, "mapper"), use_na_sentinel=True)
        reviewer_codes, reviewers = pd.factorize(context.text(role, "reviewer"), use_na_sentinel=True)
        mapper_names = [_names(text) for text in mappers]
        known = np.flatnonzero((mapper_codes >= 0) & (reviewer_codes >= 0))
        pairs, pair = np.unique(
            mapper_codes[known] * np.int64(len(reviewers) + 1) + reviewer_codes[known], return_inverse=True
        )
        same = np.zeros(len(pairs), dtype=bool)
        for k, (i, j) in enumerate(zip(*np.divmod(pairs, len(reviewers) + 1), strict=True)):
            names = _names(reviewers[j])
            same[k] = bool(names) and names <= mapper_names[i]
        rows = known[same[pair]]
        texts = context.text(role, "reviewer")[rows]
        yield Rows(
            role,
            rows,
            [f"reviewer {t!r} is the mapper; a review needs somebody else" for t in texts],
            field=context.column_name(role, "reviewer"),
            value=texts,
        )


def _names(text: str) -> frozenset[str]:
    return frozenset(name for part in SEPARATOR.split(folded(text)) if (name := part.strip()))


def good() -> Inventory:
    return with_values(tprogi(), Role.OUTLINE, "REVIEWER", {0: "A. Mapper; B. Reviewer", 1: None})


def bad() -> Bad:
    return Bad(with_values(tprogi(), Role.OUTLINE, "REVIEWER", {1: "a.  mapper "}), {Role.OUTLINE: (1,)})
