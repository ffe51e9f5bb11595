"""The report as GitHub-flavoured Markdown, for pull requests, wikis and job summaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rogi.report.validation.records import Record, failures
from rogi.text import counted
from rogi.text import markdown as escape
from rogi.validation.report import Report, Status, totals

SHOWN_ROWS = 10
"""Findings shown of each rule; all are counted."""


def markdown_chunks(report: Report, *, limit: int = SHOWN_ROWS) -> Iterator[str]:
    """Headings, totals, the conformance statement and the findings by rule.

    Parameters
    ----------
    limit
        How many findings of each rule to show; negative: all.
    """
    sums = totals(report)
    summary = report.summary
    yield f"# Validation of {escape(summary.path or 'an inventory')}\n\n"
    if report.crashed:
        codes = ", ".join(o.code for o in report.crashed)
        yield f"**Incomplete: {counted(len(report.crashed), 'rule')} broke down ({codes}).**\n\n"
    yield f"**{escape(sums.sentence())}.** Rules: {sums.rule_sentence()}.\n\n"
    reason = f" ({escape(summary.dialect_reason)})" if summary.dialect_reason else ""
    yield (
        f"Schema {escape(summary.schema)}, dialect {escape(summary.dialect)}{reason}; "
        f"rogi {escape(report.version)}, {report.date.isoformat()}.\n\n"
    )
    rows = [
        (x.role.title, f"{x.features:,}", escape(x.crs), escape("; ".join(x.sources))) for x in summary.layers
    ]
    yield _table(("Layer", "Features", "CRS", "Read from"), rows, right=(1,))
    found = failures(report)
    if found:
        yield "\n## Findings\n\n"
        yield _table(
            ("Severity", "Rule", "Fault", "Findings"),
            [
                (f.severity.value, f.outcome.code, escape(f.outcome.title), f"{f.outcome.findings:,}")
                for f in found
            ],
            right=(3,),
        )
    for failure in found if limit else ():
        outcome = failure.outcome
        yield f"\n### {outcome.code} {escape(outcome.name)}: {counted(outcome.findings, 'finding')}\n\n"
        yield _table(
            ("Feature", "Field", "Value", "Message", "State"),
            [_finding(r) for r in failure.records(report, limit)],
        )
        if 0 < limit < len(failure.positions):
            yield f"\n… and {len(failure.positions) - limit:,} more.\n"
    yield "\n## Conformance\n\n"
    yield _table(
        ("Rule", "Fault looked for", "Outcome", "Findings", "Remarks"),
        [
            (o.code, escape(o.title or o.name), o.status.value, f"{o.findings:,}", escape(o.reason))
            for o in report.outcomes
        ],
        right=(3,),
    )
    if any(o.status in (Status.NOT_RUN, Status.NOT_APPLICABLE) for o in report.outcomes):
        yield "\nA rule that was not run, or has nothing to look at, has not been passed.\n"


def _finding(record: Record) -> tuple[str, ...]:
    message = record.message
    if record.other_layer and record.other_row:
        message += f" (with {record.other_subject})"
    state = record.state + (f": {record.reason}" if record.reason else "")
    return tuple(escape(t) for t in (record.subject, record.field, record.value, message, state))


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    rule = ["---:" if i in right else "---" for i in range(len(titles))]
    lines = [titles, rule, *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
