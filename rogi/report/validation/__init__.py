"""The report of a validation in the formats people and machines read.

:func:`render` is the way in; each format is a module of its own.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from rogi.errors import OptionError
from rogi.files import replacing
from rogi.report.format import Format
from rogi.report.validation.gpkg import write_gpkg
from rogi.rules.rule import Severity

if TYPE_CHECKING:
    from rogi.validation.report import Report

FORMATS: Final = (
    Format.TEXT,
    Format.JSON,
    Format.JSONL,
    Format.MARKDOWN,
    Format.JUNIT,
    Format.SARIF,
    Format.GITHUB,
    Format.GPKG,
    Format.HTML,
)


def render(
    report: Report,
    format: Format,
    target: Path | TextIO | None = None,
    *,
    limit: int | None = None,
    fail_on: Severity | None = Severity.ERROR,
    relief: Sequence[str | Path] = (),
) -> None:
    """Write a report.

    The same report gives the same bytes.

    Parameters
    ----------
    target
        A file, written as a whole or not at all, or a text stream; None: stdout.
    limit
        In the formats for people (text, Markdown, JUnit): findings shown of each rule, negative for all.
        Totals are exact, and the other formats hold every finding.
    fail_on
        For JUnit: the least severity that makes a test case fail; None: none does.
    relief
        For HTML: an elevation model, drawn behind the map.

    Raises
    ------
    OutputError
        If the file cannot be written.
    OptionError
        If a GeoPackage is to go to a stream.
    """
    if format is Format.GPKG:
        if not isinstance(target, Path):
            raise OptionError("A GeoPackage is a file: name one, for example `--output findings.gpkg`.")

        write_gpkg(report, target)
        return
    if isinstance(target, Path):
        with replacing(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
            _write(report, format, stream, limit, fail_on, relief)
    else:
        _write(report, format, target or sys.stdout, limit, fail_on, relief)


def as_text(
    report: Report,
    format: Format = Format.TEXT,
    *,
    limit: int | None = None,
    fail_on: Severity | None = Severity.ERROR,
) -> str:
    """A report as a string in any format but GeoPackage."""
    stream = io.StringIO()
    render(report, format, stream, limit=limit, fail_on=fail_on)
    return stream.getvalue()


def _write(
    report: Report,
    format: Format,
    stream: TextIO,
    limit: int | None,
    fail_on: Severity | None,
    relief: Sequence[str | Path],
) -> None:
    shown = {} if limit is None else {"limit": limit}
    chunks: Iterator[str]
    match format:
        case Format.TEXT:
            from rogi.report.validation.text import write_text

            write_text(report, stream, **shown)
            return
        case Format.JSON:
            from rogi.report.validation.json_ import json_chunks

            chunks = json_chunks(report)
        case Format.JSONL:
            from rogi.report.validation.json_ import jsonl_chunks

            chunks = jsonl_chunks(report)
        case Format.MARKDOWN:
            from rogi.report.validation.markdown import markdown_chunks

            chunks = markdown_chunks(report, **shown)
        case Format.JUNIT:
            from rogi.report.validation.junit import junit_chunks

            chunks = junit_chunks(report, fail_on=fail_on, **shown)
        case Format.SARIF:
            from rogi.report.validation.sarif import sarif_chunks

            chunks = sarif_chunks(report)
        case Format.GITHUB:
            from rogi.report.validation.github import github_chunks

            chunks = github_chunks(report)
        case Format.HTML:
            from rogi.report.validation.page import report_page

            chunks = iter((report_page(report, relief),))
        case _:
            raise OptionError(f"The format {format.value} cannot be written to a stream.")
    stream.writelines(chunks)
