"""The report as JUnit XML: one test suite per family of rules, one test case per rule.

Fits the schemas of both the Jenkins xUnit plugin and Windy Road (Ant): attributes and order of
elements are those the two have in common.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from rogi.render.records import failures, plural, printable, records
from rogi.rules.rule import Family, Severity
from rogi.validation.report import Outcome, Report, State, Status

SHOWN_ROWS = 100
"""Findings listed of each rule; all are counted."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_chunks(
    report: Report, *, fail_on: Severity | None = Severity.ERROR, limit: int = SHOWN_ROWS
) -> Iterator[str]:
    """A test case fails if its rule has an open finding at or above ``fail_on`` (None: none does).

    A rule that broke down is an error, one that did not run or does not apply is skipped, with the
    reason. Findings below the threshold, waived or known are listed in the suite's output.
    """
    groups = {failure.outcome.code: failure for failure in failures(report)}
    stamp = f"{report.date.isoformat()}T00:00:00"
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
    number = 0
    for family in Family:
        outcomes = [o for o in report.outcomes if o.code.startswith(family.name)]
        if not outcomes:
            continue
        cases, output = [], []
        failures = errors = skipped = 0
        for outcome in outcomes:
            failure = groups.get(outcome.code)
            frame = report.findings.iloc[failure.positions if failure else []]
            counted = frame[frame["state"] == State.OPEN.value]
            if fail_on is None:
                counted = counted.iloc[:0]
            else:
                worth = [s.value for s in Severity if s.rank >= fail_on.rank]
                counted = counted[counted["severity"].isin(worth)]
            body = ""
            if outcome.crashed:
                errors += 1
                body = f'<error type="crash" message={_attribute(outcome.reason)}/>'
            elif outcome.status in (Status.NOT_RUN, Status.NOT_APPLICABLE):
                skipped += 1
                reason = (
                    f"{outcome.status.value}: {outcome.reason}" if outcome.reason else outcome.status.value
                )
                body = f"<skipped message={_attribute(reason)}/>"
            elif len(counted):
                failures += 1
                message = f"{outcome.title or outcome.name}: {plural(len(counted), 'finding')}"
                lines = _list(report, counted, limit)
                body = (
                    f'<failure type="{counted["severity"].iloc[0]}" message={_attribute(message)}>'
                    f"{_content(lines)}</failure>"
                )
            rest = frame.drop(counted.index)
            if len(rest):
                title = f"{outcome.code} {outcome.name}: {plural(len(rest), 'finding')} that do not fail"
                output.append(f"{title}\n{_list(report, rest, limit)}")
            cases.append(_case(outcome, family, body))
        yield (
            f'<testsuite name={_attribute(family.value)} package="rogi" id="{number}" timestamp="{stamp}" '
            f'hostname="localhost" tests="{len(outcomes)}" failures="{failures}" errors="{errors}" '
            f'skipped="{skipped}" time="0">\n'
        )
        yield _properties(report)
        yield from cases
        yield f"<system-out>{_content(chr(10).join(output))}</system-out>\n<system-err/>\n</testsuite>\n"
        number += 1
    yield "</testsuites>\n"


def _case(outcome: Outcome, family: Family, body: str) -> str:
    name = _attribute(f"{outcome.code} {outcome.name}")
    return f'<testcase name={name} classname="rogi.{family.name}" time="0">{body}</testcase>\n'


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


def _list(report: Report, frame: object, limit: int) -> str:
    import pandas as pd

    assert isinstance(frame, pd.DataFrame)
    part = frame if limit < 0 else frame.iloc[:limit]
    lines = []
    for r in records(report, part):
        state = "" if r.state == State.OPEN.value else f" ({r.state})"
        field = f" {r.field}" if r.field else ""
        lines.append(printable(f"{r.severity}: {r.subject}{field}: {r.message}{state} [{r.fingerprint}]"))
    if len(frame) > len(part):
        lines.append(f"… and {len(frame) - len(part):,} more")
    return "\n".join(lines)


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", printable(text)))


def _content(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))
