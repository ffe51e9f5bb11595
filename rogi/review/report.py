"""The score of a review as text, Markdown and JSON: Table 4, shares with intervals, agreement."""

from __future__ import annotations

import math
from typing import Any

from rogi.review.estimators import DesignEstimate
from rogi.review.files import Design
from rogi.review.verdicts import VERDICTS, Problem, Returned, ReviewScore, Trouble

SHOWN = 20


def as_dict(score: ReviewScore, design: Design, returned: list[Returned]) -> dict[str, Any]:
    """All numbers of a score, for JSON; undefined numbers are null."""
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
                "kappa": _number(p.kappa.value),
                "kappa_low": _number(p.kappa.low),
                "kappa_high": _number(p.kappa.high),
                "equal": _number(p.kappa.observed),
                "count": p.kappa.count,
            }
            for p in score.pairs
        ],
        "alpha": {
            "value": _number(score.alpha.value),
            "observed": _number(score.alpha.observed),
            "expected": _number(score.alpha.expected),
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


def as_markdown(score: ReviewScore, design: Design, returned: list[Returned]) -> str:
    """The score as Markdown; also what the terminal shows."""
    lines = [f"# Review of {score.sampled} units", ""]
    units = sum(s.units for s in score.strata)
    if len(score.strata) > 1:
        lines.append(f"Stratified random sample from {units} units in {len(score.strata)} strata.")
    else:
        lines.append(f"Simple random sample from {units} units.")
    lines += ["", "| reviewer | " + " | ".join(VERDICTS) + " | no verdict | total |"]
    lines.append("| --- |" + " ---: |" * (len(VERDICTS) + 2))
    for r in score.reviewers:
        cells = [str(r.counts[v]) for v in VERDICTS]
        lines.append(f"| {_cell(r.reviewer)} | {' | '.join(cells)} | {r.missing} | {r.total + r.missing} |")
    for r in score.reviewers:
        if r.total != score.sampled:
            lines.append("")
            lines.append(
                f"**The verdicts of {_cell(r.reviewer)} add up to {r.total}, not to the {score.sampled} "
                "units of the sample.**"
            )
    lines += [
        "",
        "| share of the inventory (95 % interval) | "
        + " | ".join(_cell(r.reviewer) for r in score.reviewers)
        + " |",
    ]
    lines.append("| --- |" + " --- |" * len(score.reviewers))
    for title, name in (
        ("rock glaciers (yes / all verdicts)", "correct"),
        ("rock glaciers (yes / (yes + no))", "correct_of_judged"),
        ("false identifications (no / all verdicts)", "false"),
    ):
        cells = [_percent(getattr(r, name)) for r in score.reviewers]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    for p in score.pairs:
        lines += ["", f"## {_cell(p.first)} (rows) and {_cell(p.second)} (columns)", ""]
        lines.append("| | " + " | ".join(VERDICTS) + " |")
        lines.append("| --- |" + " ---: |" * len(VERDICTS))
        for verdict, row in zip(VERDICTS, p.confusion.tolist(), strict=True):
            lines.append(f"| {verdict} | " + " | ".join(map(str, row)) + " |")
        if math.isfinite(p.kappa.value):
            lines += [
                "",
                f"Equal verdicts on {100 * p.kappa.observed:.1f} % of {p.kappa.count} units; Cohen's kappa "
                f"{p.kappa.value:.3f} ({p.kappa.low:.3f} to {p.kappa.high:.3f}).",
            ]
        else:
            lines += ["", f"Kappa is not defined: {p.kappa.count} units, all with one verdict."]
    lines += _alpha(score)
    lines += _disagreements(score, design, returned)
    lines += _problems(score.problems)
    return "\n".join(lines) + "\n"


def _alpha(score: ReviewScore) -> list[str]:
    """Of three or more reviewers: for two, kappa says it."""
    if len(score.reviewers) < 3:
        return []
    alpha = score.alpha
    known = f"{alpha.value:.3f}" if math.isfinite(alpha.value) else "not defined (all verdicts are the same)"
    counts = f"{alpha.values} verdicts on {alpha.units} units that two or more reviewers judged"
    title = f"## All {len(score.reviewers)} reviewers"
    return ["", title, "", f"Krippendorff's alpha of the verdicts: {known}; {counts}."]


def _disagreements(score: ReviewScore, design: Design, returned: list[Returned]) -> list[str]:
    if len(returned) < 2:
        return []
    lines = ["", f"## Disagreements: {len(score.disagreements)}", ""]
    if not len(score.disagreements):
        return [*lines, "None."]
    lines.append("| sample | ID | " + " | ".join(_cell(r.reviewer) for r in returned) + " |")
    lines.append("| ---: | --- |" + " --- |" * len(returned))
    for k in score.disagreements[:SHOWN].tolist():
        unit = design.table.iloc[k]
        cells = [_verdict(r, k) or "" for r in returned]
        lines.append(f"| {unit['sample']} | {_cell(str(unit['ID']))} | {' | '.join(cells)} |")
    if (more := len(score.disagreements) - SHOWN) > 0:
        lines += ["", f"{more} more; the JSON output lists all."]
    return lines


def _problems(problems: tuple[Problem, ...]) -> list[str]:
    if not problems:
        return []
    lines = ["", f"## What was wrong with the files: {len(problems)}", ""]
    for trouble in Trouble:
        found = [p for p in problems if p.trouble is trouble]
        if not found:
            continue
        shown = ", ".join(
            _cell(f"{p.reviewer} {p.sample} {p.id}" + (f" ({p.found})" if p.found else "")) for p in found[:5]
        )
        more = f", and {len(found) - 5} more" if len(found) > 5 else ""
        lines.append(f"- {trouble.value}: {len(found)}: {shown}{more}")
    return lines


def _verdict(returned: Returned, k: int) -> str | None:
    code = int(returned.code[k])
    return VERDICTS[code].value if code >= 0 else None


def _percent(e: DesignEstimate) -> str:
    if not math.isfinite(e.value):
        return "not defined"
    if not math.isfinite(e.low):
        return f"{100 * e.value:.1f} % (no interval)"
    return f"{100 * e.value:.1f} % ({100 * e.low:.1f} to {100 * e.high:.1f})"


def _estimate(e: DesignEstimate) -> dict[str, float | None]:
    return {
        "value": _number(e.value),
        "standard_error": _number(e.standard_error),
        "low": _number(e.low),
        "high": _number(e.high),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
