"""Scoring a review: verdicts of one or more reviewers on a random sample of units (Table 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.comparison.agreement.rates import Alpha, Kappa, cohen_kappa, krippendorff_alpha
from rogi.geometry import Ints
from rogi.review.estimators import DesignEstimate, stratified_ratio, stratified_share
from rogi.review.sampling import Stratum


class Verdict(StrEnum):
    """Whether a sampled unit is a rock glacier (Sun et al. 2024, Table 4)."""

    YES = "Yes"
    NO = "No"
    UNCERTAIN = "Uncertain"
    UNDEFINED = "Undefined"  # snow, shadow or no image


VERDICTS = tuple(Verdict)
MISSING = -1


class Trouble(StrEnum):
    """What can be wrong with a returned row."""

    MISSING_VERDICT = "no verdict"
    UNKNOWN_VERDICT = "a verdict that is not one of the four"
    DELETED = "a sampled unit that is not in the file"
    ADDED = "a unit that was not sampled"
    REPEATED = "a unit that is there more than once"
    CONTRADICTION = "a unit that is there more than once with different verdicts"
    SPELLING = "a verdict with other case or blanks, read as meant"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one row of one reviewer's file."""

    reviewer: str
    sample: int
    id: str
    trouble: Trouble
    found: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Returned:
    """The verdicts of one reviewer on the sample, and what was wrong with the file.

    ``code`` is (n,) an index into :data:`VERDICTS`, or -1 where there is no usable verdict.
    """

    reviewer: str
    code: Ints
    comment: NDArray[np.object_]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ReviewerScore:
    """A line of Table 4 with the shares it stands for.

    Attributes
    ----------
    counts
        Units per verdict.
    missing
        Sampled units without a usable verdict; counts and missing add up to the sample.
    correct
        Share of the population that is a rock glacier, among all units whose verdict is known ("yes" of
        all four verdicts, as in the paper).
    correct_of_judged
        The same among units that could be judged: yes / (yes + no).
    false
        Share of false identifications among all units whose verdict is known.
    """

    reviewer: str
    counts: Mapping[Verdict, int]
    missing: int
    correct: DesignEstimate
    correct_of_judged: DesignEstimate
    false: DesignEstimate

    @property
    def total(self) -> int:
        """Units with a verdict."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, eq=False)
class PairScore:
    """Agreement of two reviewers on the units both gave a verdict for."""

    first: str
    second: str
    confusion: NDArray[np.int64]  # (4, 4) verdict of the first by row, of the second by column
    kappa: Kappa


@dataclass(frozen=True, slots=True, eq=False)
class ReviewScore:
    """What a review says about an inventory."""

    sampled: int
    strata: tuple[Stratum, ...]
    reviewers: tuple[ReviewerScore, ...]
    pairs: tuple[PairScore, ...]
    alpha: Alpha  # of all reviewers together, nominal
    disagreements: Ints  # positions in the sample where verdicts differ
    problems: tuple[Problem, ...]


def collect(reviewer: str, sample: pd.DataFrame, returned: pd.DataFrame) -> Returned:
    """Match a returned file with the sample, row by row, and say what does not fit.

    Parameters
    ----------
    reviewer
        Name of the reviewer.
    sample
        Columns ``sample`` (number from 1) and ``ID``, one row per sampled unit.
    returned
        Columns ``sample``, ``ID``, ``verdict`` and, if there, ``comment``, in any order.

    Returns
    -------
    Returned
        A unit that is there more than once counts if its verdicts agree, else it has none.
    """
    numbers = sample["sample"].to_numpy(dtype=np.int64)
    ids = sample["ID"].astype(str).to_numpy(dtype=object)
    place = {(int(s), i): k for k, (s, i) in enumerate(zip(numbers, ids, strict=True))}
    code = np.full(len(sample), MISSING, dtype=np.int64)
    comment = np.full(len(sample), None, dtype=object)
    seen: dict[int, list[int]] = {}
    problems: list[Problem] = []
    comments = returned["comment"] if "comment" in returned else [None] * len(returned)
    known = {v.value.casefold(): k for k, v in enumerate(VERDICTS)}
    number = pd.to_numeric(returned["sample"], errors="coerce").fillna(-1).astype("int64")
    for s, i, verdict, note in zip(number, returned["ID"], returned["verdict"], comments, strict=True):
        k = place.get((int(s), str(i).strip()))
        if k is None:
            problems.append(Problem(reviewer, int(s), str(i), Trouble.ADDED, _shown(verdict)))
            continue
        text = "" if pd.isna(verdict) else str(verdict)
        value = known.get(text.strip().casefold(), MISSING)
        if not text.strip():
            problems.append(Problem(reviewer, int(s), ids[k], Trouble.MISSING_VERDICT))
        elif value == MISSING:
            problems.append(Problem(reviewer, int(s), ids[k], Trouble.UNKNOWN_VERDICT, text))
        elif text != VERDICTS[value].value:
            problems.append(Problem(reviewer, int(s), ids[k], Trouble.SPELLING, text))
        seen.setdefault(k, []).append(value)
        if not pd.isna(note) and str(note).strip():
            comment[k] = str(note)
    for k, values in seen.items():
        distinct = set(values)
        code[k] = values[0] if len(distinct) == 1 else MISSING
        if len(values) > 1:
            trouble = Trouble.REPEATED if len(distinct) == 1 else Trouble.CONTRADICTION
            found = ", ".join(VERDICTS[v].value if v >= 0 else "none" for v in values)
            problems.append(Problem(reviewer, int(numbers[k]), ids[k], trouble, found))
    problems += [
        Problem(reviewer, int(numbers[k]), ids[k], Trouble.DELETED)
        for k in range(len(sample))
        if k not in seen
    ]
    problems.sort(key=lambda p: (p.trouble, p.sample, p.id))
    return Returned(reviewer, code, comment, tuple(problems))


def score(stratum: Ints, strata: Sequence[Stratum], returned: Sequence[Returned]) -> ReviewScore:
    """Table 4, shares of correct units with their intervals, and agreement between reviewers.

    Parameters
    ----------
    stratum
        (n,) stratum of each sampled unit.
    strata
        The strata of the design.
    returned
        One per reviewer, on the same sample.

    Returns
    -------
    ReviewScore
        Units without a usable verdict are taken as missing at random within their stratum; a stratum
        without any verdict leaves the shares undefined (NaN).
    """
    codes = np.array([r.code for r in returned], dtype=np.int64).reshape(len(returned), len(stratum))
    reviewers = tuple(_reviewer_score(r, stratum, strata) for r in returned)
    pairs = tuple(
        _pair_score(returned[a], returned[b])
        for a in range(len(returned))
        for b in range(a + 1, len(returned))
    )
    given = codes >= 0
    highest = np.where(given, codes, -1).max(axis=0, initial=-1)
    lowest = np.where(given, codes, len(VERDICTS)).min(axis=0, initial=len(VERDICTS))
    differ = (given.sum(axis=0) > 1) & (highest != lowest)
    return ReviewScore(
        sampled=len(stratum),
        strata=tuple(strata),
        reviewers=reviewers,
        pairs=pairs,
        alpha=krippendorff_alpha(codes),
        disagreements=np.flatnonzero(differ),
        problems=tuple(p for r in returned for p in r.problems),
    )


def _reviewer_score(returned: Returned, stratum: Ints, strata: Sequence[Stratum]) -> ReviewerScore:
    given = returned.code >= 0
    code, at = returned.code[given], stratum[given]
    population = [s.units for s in strata]
    counts = np.bincount(code, minlength=len(VERDICTS))
    yes, no = code == VERDICTS.index(Verdict.YES), code == VERDICTS.index(Verdict.NO)
    nan = float("nan")
    undefined = DesignEstimate(nan, nan, nan, nan, 0.0)
    complete = (np.bincount(at, minlength=len(strata)) > 0).all()
    return ReviewerScore(
        reviewer=returned.reviewer,
        counts={v: int(c) for v, c in zip(VERDICTS, counts, strict=True)},
        missing=int((~given).sum()),
        correct=stratified_share(at, yes, population) if complete else undefined,
        correct_of_judged=stratified_ratio(at, yes, yes | no, population) if complete else undefined,
        false=stratified_share(at, no, population) if complete else undefined,
    )


def _pair_score(first: Returned, second: Returned) -> PairScore:
    both = (first.code >= 0) & (second.code >= 0)
    size = len(VERDICTS)
    flat = np.bincount(first.code[both] * size + second.code[both], minlength=size * size)
    confusion = flat.reshape(size, size)
    return PairScore(first.reviewer, second.reviewer, confusion, cohen_kappa(confusion))


def _shown(value: object) -> str:
    return "" if value is None or value != value else str(value)
