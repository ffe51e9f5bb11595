"""The report for a terminal: grouped by rule, with exact totals, however few rows are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from rogi.report.validation.records import Failure, Record, failures
from rogi.rules.rule import Severity
from rogi.text import counted, printable
from rogi.validation.report import NOT_SELECTED, Outcome, Report, State, Status, totals

if TYPE_CHECKING:
    from rich.text import Text

SHOWN_ROWS = 5
"""Findings shown of each rule; all are counted."""
REASON_LENGTH = 140
"""Characters shown of why a rule has no verdict."""
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def write_text(report: Report, stream: TextIO, *, limit: int = SHOWN_ROWS) -> None:
    """Write the report as text, with colour if the stream is a terminal that has it.

    Parameters
    ----------
    limit
        How many findings of each rule to show; negative: all.
    """
    if not stream.isatty():
        # Plain lines: the same report is the same text, whatever the environment says of colour and width.
        stream.writelines(f"{line.plain}\n" for line in _lines(report, limit))
        return
    from rich.console import Console

    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    for line in _lines(report, limit):
        console.print(line, soft_wrap=True)


def _lines(report: Report, limit: int) -> Iterator[Text]:
    yield from _header(report)
    for failure in failures(report):
        yield _text("")
        yield from _rule(report, failure, limit)
    yield from _unused_waivers(report)
    yield from _left_out(report, Status.NOT_RUN, "Not run")
    yield from _left_out(report, Status.NOT_APPLICABLE, "Not applicable")
    sums = totals(report)
    yield _text("")
    yield _text(f"Rules: {sums.rule_sentence()}")
    if report.crashed:
        codes = ", ".join(o.code for o in report.crashed)
        yield _text(f"INCOMPLETE: {counted(len(report.crashed), 'rule')} broke down: {codes}", "bold red")
    worst = next((s for s, n in sums.open.items() if n), None)
    yield _text(f"Findings: {sums.sentence()}", STYLES[worst] if worst else "bold green")


def _header(report: Report) -> Iterator[Text]:
    summary = report.summary
    yield _text(f"{printable(summary.path) or 'inventory in memory'}", "bold")
    reason = f" ({printable(summary.dialect_reason)})" if summary.dialect_reason else ""
    yield _text(f"  schema {summary.schema}, dialect {summary.dialect}{reason}", "dim")
    for layer in summary.layers:
        source = printable(", ".join(layer.sources))
        crs = "no CRS" if layer.crs == "none" else printable(layer.crs)
        yield _text(f"  {layer.role.title}: {layer.features:,}, {crs}, from {source}", "dim")
        for note in layer.notes:
            yield _text(f"    {printable(note)}", "dim")
    for note in summary.notes:
        yield _text(f"  {printable(note)}", "dim")


def _rule(report: Report, failure: Failure, limit: int) -> Iterator[Text]:
    outcome = failure.outcome
    apart = ((outcome.waived, "waived"), (outcome.known, "in the baseline"))
    aside = [*failure.mixture(report), *(f"{n:,} {word}" for n, word in apart if n)]
    count = counted(outcome.findings, "finding") + (f" ({', '.join(aside)})" if aside else "")
    line = _text(f"{failure.severity.value:<7} ", STYLES[failure.severity])
    line.append(f"{outcome.code} ", "bold")
    line.append(f"{outcome.title or outcome.name}: {count}")
    yield line
    if outcome.reason:
        yield _text(f"        in part: {printable(outcome.reason)}", "dim")
    for record in failure.records(report, limit):
        yield _finding(record, failure.severity)
    if 0 < limit < len(failure.positions):
        yield _text(f"        … and {len(failure.positions) - limit:,} more", "dim")


def _finding(record: Record, severity: Severity) -> Text:
    line = _text(f"        {printable(record.subject)}")
    if record.field:
        line.append(f" {printable(record.field)}", "bold")
    message = printable(record.message)
    line.append(f": {message}")
    if record.other_layer and record.other_row:
        line.append(f" — with {printable(record.other_subject)}")
    if record.severity != severity.value:
        line.append(f" ({record.severity})", STYLES[Severity(record.severity)])
    if record.state != State.OPEN.value:
        line.append(f" ({record.state}{f': {printable(record.reason)}' if record.reason else ''})", "dim")
    return line


def _unused_waivers(report: Report) -> Iterator[Text]:
    unused = [w for w in report.waivers if w.status in ("unused", "expired")]
    if unused:
        yield _text("")
        yield _text("Waivers without effect", "bold")
    for waiver in unused:
        rule = f"{waiver.rule} " if waiver.rule else ""
        detail = f"{rule}{waiver.target}: {waiver.status} ({waiver.author}: {waiver.reason})"
        yield _text(f"  {printable(detail)}")


def _left_out(report: Report, status: Status, title: str) -> Iterator[Text]:
    """Rules without a verdict, by reason."""
    reasons: dict[str, list[Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.status is status:
            reasons.setdefault(outcome.reason or "no reason given", []).append(outcome)
    if reasons:
        yield _text("")
        yield _text(title, "bold")
    for reason, outcomes in reasons.items():
        codes = ", ".join(f"{o.code} {o.name}" for o in outcomes) if len(outcomes) <= 3 else None
        codes = codes or ", ".join(o.code for o in outcomes)
        if reason == NOT_SELECTED:
            codes = counted(len(outcomes), "rule")
        crashed = outcomes[0].crashed
        reason = printable(reason)
        if not crashed and len(reason) > REASON_LENGTH:  # the other formats have it whole
            reason = reason[:REASON_LENGTH].rpartition(" ")[0] + " …"
        yield _text(f"  {reason}: {codes}", "bold red" if crashed else "")


def _text(content: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(content, style=style)
