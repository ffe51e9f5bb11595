"""The report as JUnit XML: one test suite per family of rules, one test case per rule.

Fits the schemas of both the Jenkins xUnit plugin and Windy Road (Ant): attributes and order of
elements are those the two have in common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from rogi.report.validation.records import Failure, failures, records
from rogi.rules.rule import Family, Severity
from rogi.text import counted, printable, xml
from rogi.validation.report import Outcome, Report, State, Status

if TYPE_CHECKING:
    import pandas as pd

SHOWN_ROWS = 100
"""Findings listed of each rule; all are counted."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A test case: what came out, its element, and findings that do not make it fail."""

    kind: str  # "passed", "failure", "error" or "skipped"
    xml: str
    aside: str = ""


def junit_chunks(
    report: Report, *, fail_on: Severity | None = Severity.ERROR, limit: int = SHOWN_ROWS
) -> Iterator[str]:
    """A test case fails if its rule has an open finding at or above ``fail_on`` (None: none does).

    A rule that broke down is an error, one that did not run or does not apply is skipped, with the
    reason. Findings below the threshold, waived or known are listed in the suite's output.
    """
    found = {failure.outcome.code: failure for failure in failures(report)}
    stamp = f"{report.date.isoformat()}T00:00:00"
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
    families = [f for f in Family if any(o.code.startswith(f.name) for o in report.outcomes)]
    for number, family in enumerate(families):
        cases = [
            _case(report, outcome, found.get(outcome.code), fail_on, limit)
            for outcome in report.outcomes
            if outcome.code.startswith(family.name)
        ]
        counts = Counter(case.kind for case in cases)
        yield (
            f'<testsuite name={_attribute(family.value)} package="rogi" id="{number}" timestamp="{stamp}" '
            f'hostname="localhost" tests="{len(cases)}" failures="{counts["failure"]}" '
            f'errors="{counts["error"]}" skipped="{counts["skipped"]}" time="0">\n'
        )
        yield _properties(report)
        yield from (case.xml for case in cases)
        aside = "\n".join(case.aside for case in cases if case.aside)
        yield f"<system-out>{_content(aside)}</system-out>\n<system-err/>\n</testsuite>\n"
    yield "</testsuites>\n"


def _case(
    report: Report, outcome: Outcome, failure: Failure | None, fail_on: Severity | None, limit: int
) -> _Case:
    kind, body, aside = "passed", "", ""
    if outcome.crashed:
        kind, body = "error", f'<error type="crash" message={_attribute(outcome.reason)}/>'
    elif outcome.status in (Status.NOT_RUN, Status.NOT_APPLICABLE):
        reason = outcome.status.value + (f": {outcome.reason}" if outcome.reason else "")
        kind, body = "skipped", f"<skipped message={_attribute(reason)}/>"
    elif failure is not None:
        frame = report.findings.iloc[failure.positions]
        worth = [s.value for s in Severity if fail_on is not None and s.rank >= fail_on.rank]
        counts = (frame["state"] == State.OPEN.value) & frame["severity"].isin(worth)
        failing, rest = frame[counts], frame[~counts]
        if len(failing):
            message = f"{outcome.title or outcome.name}: {counted(len(failing), 'finding')}"
            attributes = f"type={_attribute(failing['severity'].iloc[0])} message={_attribute(message)}"
            kind, body = "failure", f"<failure {attributes}>{_content(_list(failing, limit))}</failure>"
        if len(rest):
            title = f"{outcome.code} {outcome.name}: {counted(len(rest), 'finding')} not counted"
            aside = f"{title}\n{_list(rest, limit)}"
    name = _attribute(f"{outcome.code} {outcome.name}")
    family = outcome.code[:3]
    return _Case(kind, f'<testcase name={name} classname="rogi.{family}" time="0">{body}</testcase>\n', aside)


def _properties(report: Report) -> str:
    values = {
        "inventory": report.summary.path,
        "schema": report.summary.schema,
        "dialect": report.summary.dialect,
        "rogi": report.version,
        **report.settings,
    }
    lines = (f"<property name={_attribute(k)} value={_attribute(v)}/>\n" for k, v in values.items())
    return f"<properties>\n{''.join(lines)}</properties>\n"


def _list(frame: pd.DataFrame, limit: int) -> str:
    lines = []
    for r in records(frame if limit < 0 else frame.iloc[:limit]):
        state = "" if r.state == State.OPEN.value else f" ({r.state})"
        field = f" {r.field}" if r.field else ""
        lines.append(printable(f"{r.severity}: {r.subject}{field}: {r.message}{state} [{r.fingerprint}]"))
    if 0 <= limit < len(frame):
        lines.append(f"… and {len(frame) - limit:,} more")
    return "\n".join(lines)


def _attribute(text: str) -> str:
    return quoteattr(xml(printable(text)))


def _content(text: str) -> str:
    return escape(xml(text))
