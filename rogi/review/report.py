"""The score of a review as a document: Table 4, shares with intervals, agreement."""

from __future__ import annotations

import math
from typing import Any

from rogi.report.document import Document, Passage
from rogi.report.tables import ReportTable
from rogi.review.estimators import DesignEstimate
from rogi.review.files import Design
from rogi.review.verdicts import VERDICTS, PairScore, Problem, Returned, ReviewScore, Trouble
from rogi.text import counted

SHOWN = 20


def document(score: ReviewScore, design: Design, returned: list[Returned]) -> Document:
    """The score of the files that reviewers returned."""
    names = tuple(r.reviewer for r in score.reviewers)
    units = counted(sum(s.units for s in score.strata), "unit")
    strata = f"stratified random sample from {units} in {len(score.strata)} strata"
    simple = f"simple random sample from {units}"
    short = tuple(
        f"The verdicts of {r.reviewer} add up to {r.total}, not to the {score.sampled} units of the sample."
        for r in score.reviewers
        if r.total != score.sampled
    )
    shares = (
        ("rock glaciers (yes / all verdicts)", "correct"),
        ("rock glaciers (yes / (yes + no))", "correct_of_judged"),
        ("false identifications (no / all verdicts)", "false"),
    )
    parts: list[ReportTable | Passage] = [
        ReportTable(
            "",
            "",
            ("reviewer", *VERDICTS, "no verdict", "total"),
            tuple(
                (r.reviewer, *(str(r.counts[v]) for v in VERDICTS), str(r.missing), str(r.total + r.missing))
                for r in score.reviewers
            ),
            tuple(range(1, len(VERDICTS) + 3)),
        ),
        *([Passage("", short)] if short else []),
        ReportTable(
            "",
            "",
            ("share of the inventory (95 % interval)", *names),
            tuple((title, *(_percent(getattr(r, name)) for r in score.reviewers)) for title, name in shares),
        ),
        *(_pair(p) for p in score.pairs),
    ]
    if len(score.reviewers) > 2:  # of two, kappa says it
        parts.append(_alpha(score))
    if len(returned) > 1:
        parts.append(_disagreements(score, design, returned))
    if score.problems:
        group = f"What was wrong with the files: {len(score.problems)}"
        parts.append(Passage(group, tuple(_problems(score.problems)), listed=True))
    return Document(
        title=f"Review of {counted(score.sampled, 'unit')}",
        headline=f"Review of {counted(score.sampled, 'unit')}: {strata if len(score.strata) > 1 else simple}",
        parts=parts,
        data=lambda: _data(score, design, returned),
    )


def _pair(pair: PairScore) -> ReportTable:
    kappa = pair.kappa
    if math.isfinite(kappa.value):
        note = (
            f"Equal verdicts on {100 * kappa.observed:.1f} % of {kappa.count} units; Cohen's kappa "
            f"{kappa.value:.3f} ({kappa.low:.3f} to {kappa.high:.3f})."
        )
    else:
        note = f"Kappa is not defined: {kappa.count} units, all with one verdict."
    rows = zip(VERDICTS, pair.confusion.tolist(), strict=True)
    return ReportTable(
        f"{pair.first} (rows) and {pair.second} (columns)",
        "",
        ("", *VERDICTS),
        tuple((verdict, *map(str, row)) for verdict, row in rows),
        tuple(range(1, len(VERDICTS) + 1)),
        note,
    )


def _alpha(score: ReviewScore) -> Passage:
    alpha = score.alpha
    known = f"{alpha.value:.3f}" if math.isfinite(alpha.value) else "not defined (all verdicts are the same)"
    counts = f"{alpha.values} verdicts on {alpha.units} units that two or more reviewers judged"
    return Passage(
        f"All {len(score.reviewers)} reviewers",
        (f"Krippendorff's alpha of the verdicts: {known}; {counts}.",),
    )


def _disagreements(score: ReviewScore, design: Design, returned: list[Returned]) -> ReportTable | Passage:
    group = f"Disagreements: {len(score.disagreements)}"
    if not len(score.disagreements):
        return Passage(group, ("None.",))
    shown = score.disagreements[:SHOWN].tolist()
    units = [design.table.iloc[k] for k in shown]
    more = len(score.disagreements) - SHOWN
    return ReportTable(
        group,
        "",
        ("sample", "ID", *(r.reviewer for r in returned)),
        tuple(
            (str(unit["sample"]), str(unit["ID"]), *(_verdict(r, k) or "" for r in returned))
            for unit, k in zip(units, shown, strict=True)
        ),
        (0,),
        f"{more} more; the JSON output lists all." if more > 0 else "",
    )


def _problems(problems: tuple[Problem, ...]) -> list[str]:
    lines = []
    for trouble in Trouble:
        found = [p for p in problems if p.trouble is trouble]
        if found:
            shown = ", ".join(
                f"{p.reviewer} {p.sample} {p.id}" + (f" ({p.found})" if p.found else "") for p in found[:5]
            )
            more = f", and {len(found) - 5} more" if len(found) > 5 else ""
            lines.append(f"{trouble.value}: {len(found)}: {shown}{more}")
    return lines


def _data(score: ReviewScore, design: Design, returned: list[Returned]) -> dict[str, Any]:
    table = design.table
    return {
        "sampled": score.sampled,
        "strata": [{"name": s.name, "units": s.units, "drawn": s.drawn} for s in score.strata],
        "reviewers": [
            {
                "reviewer": r.reviewer,
                "counts": {v.value: n for v, n in r.counts.items()},
                "missing": r.missing,
                "total": r.total,
                "adds_up": r.total + r.missing == score.sampled,
                "correct": _estimate(r.correct),
                "correct_of_judged": _estimate(r.correct_of_judged),
                "false": _estimate(r.false),
            }
            for r in score.reviewers
        ],
        "pairs": [
            {
                "first": p.first,
                "second": p.second,
                "verdicts": [v.value for v in VERDICTS],
                "confusion": p.confusion.tolist(),
                "kappa": p.kappa.value,
                "kappa_low": p.kappa.low,
                "kappa_high": p.kappa.high,
                "equal": p.kappa.observed,
                "count": p.kappa.count,
            }
            for p in score.pairs
        ],
        "alpha": {
            "value": score.alpha.value,
            "observed": score.alpha.observed,
            "expected": score.alpha.expected,
            "units": score.alpha.units,
            "values": score.alpha.values,
        },
        "disagreements": [
            {
                "sample": int(table["sample"].iloc[k]),
                "ID": str(table["ID"].iloc[k]),
                "longitude": float(table["longitude"].iloc[k]),
                "latitude": float(table["latitude"].iloc[k]),
                "verdicts": {r.reviewer: _verdict(r, k) for r in returned},
                "comments": {r.reviewer: r.comment[k] for r in returned if r.comment[k]},
            }
            for k in score.disagreements.tolist()
        ],
        "problems": [
            {
                "reviewer": p.reviewer,
                "sample": p.sample,
                "ID": p.id,
                "trouble": p.trouble.value,
                "found": p.found,
            }
            for p in score.problems
        ],
    }


def _verdict(returned: Returned, k: int) -> str | None:
    code = int(returned.code[k])
    return VERDICTS[code].value if code >= 0 else None


def _percent(e: DesignEstimate) -> str:
    if not math.isfinite(e.value):
        return "not defined"
    if not math.isfinite(e.low):
        return f"{100 * e.value:.1f} % (no interval)"
    return f"{100 * e.value:.1f} % ({100 * e.low:.1f} to {100 * e.high:.1f})"


def _estimate(e: DesignEstimate) -> dict[str, float]:
    return {name: getattr(e, name) for name in ("value", "standard_error", "low", "high")}
