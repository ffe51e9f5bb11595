"""Annotations and a job summary for GitHub Actions (workflow commands)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from rogi.errors import OutputError
from rogi.report.validation.markdown import markdown_chunks
from rogi.report.validation.records import Failure, failures, source_uri
from rogi.rules.rule import Severity
from rogi.text import counted, workflow_data, workflow_property
from rogi.validation.report import Report, totals

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
SHOWN_ANNOTATIONS = 10
"""Annotations of each kind that GitHub shows for a step; the rest it drops without a word."""
SUMMARY_BYTES = 1_000_000
"""Room in ``$GITHUB_STEP_SUMMARY``: GitHub refuses more than 1 MiB for a step."""


def github_chunks(report: Report) -> Iterator[str]:
    """One annotation per rule with open findings, with its total and first finding.

    Where a severity has more rules than GitHub shows, the last annotation sums up the others.
    """
    rules = [failure for failure in failures(report) if failure.outcome.open]
    for severity in Severity:
        some = [failure for failure in rules if failure.severity is severity]
        shown = some if len(some) <= SHOWN_ANNOTATIONS else some[: SHOWN_ANNOTATIONS - 1]
        for failure in shown:
            yield _annotation(report, failure)
        if rest := [failure.outcome for failure in some[len(shown) :]]:
            title = f"{counted(sum(o.open for o in rest), 'finding')} of {len(rest)} more rules"
            message = ", ".join(f"{o.code} {o.name}: {o.open:,}" for o in rest)
            yield f"::{COMMANDS[severity]} title={workflow_property(title)}::{workflow_data(message)}\n"
    for outcome in report.crashed:
        title = f"{outcome.code} broke down"
        yield f"::error title={workflow_property(title)}::{workflow_data(outcome.reason)}\n"
    sums = totals(report)
    yield f"Findings: {workflow_data(sums.sentence())}. Rules: {workflow_data(sums.rule_sentence())}.\n"


def write_step_summary(report: Report, path: Path) -> None:
    """Append the report as Markdown to the job summary, as much of it as GitHub takes.

    The totals come first, so what is cut is listed rows only; a last line says so.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    size, parts = 0, []
    cut = "\n… cut here: GitHub takes no longer summaries. Another format has the whole report.\n"
    for chunk in markdown_chunks(report):
        size += len(chunk.encode("utf-8"))
        if size + len(cut.encode()) > SUMMARY_BYTES:
            parts.append(cut)
            break
        parts.append(chunk)
    try:
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write("".join(parts))
    except OSError as error:
        raise OutputError(f"{path} (GITHUB_STEP_SUMMARY) could not be written: {error.strerror}.") from error


def _annotation(report: Report, failure: Failure) -> str:
    outcome = failure.outcome
    first = next(failure.records(report, 1))
    title = f"{outcome.code} {outcome.name}: {counted(outcome.open, 'finding')}"
    example = f"{first.subject}{f' {first.field}' if first.field else ''}: {first.message}"
    other = f", with {first.other_subject}" if first.other_subject else ""
    message = f"{outcome.title}. First: {example}{other}"
    uri = source_uri(report, first.layer, first.file)
    # GitHub places an annotation by a path in the repository; other files have none
    file = "" if uri.startswith("file:") else f"file={workflow_property(unquote(uri))},"
    return (
        f"::{COMMANDS[failure.severity]} {file}title={workflow_property(title)}::{workflow_data(message)}\n"
    )
