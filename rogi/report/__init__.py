"""Results in the formats people and machines read.

:func:`render` is the way in; each format is a module of its own.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rogi.errors import OptionError
from rogi.files import replacing
from rogi.report.validation.gpkg import write_gpkg
from rogi.rules.rule import Severity

if TYPE_CHECKING:
    from rogi.validation.report import Report


class Format(StrEnum):
    """Formats of a validation report."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    GPKG = "gpkg"
    HTML = "html"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of file names from which the format is guessed, in lower case."""
        return {
            Format.TEXT: (".txt",),
            Format.JSON: (".json",),
            Format.JSONL: (".jsonl", ".ndjson"),
            Format.MARKDOWN: (".md",),
            Format.JUNIT: (".junit.xml", ".xml"),
            Format.SARIF: (".sarif", ".sarif.json"),
            Format.GITHUB: (),
            Format.GPKG: (".gpkg",),
            Format.HTML: (".html", ".htm"),
        }[self]


def format_of(path: Path) -> Format:
    """The format a file's name stands for.

    Raises
    ------
    OptionError
        If its ending is not known.
    """
    name = path.name.lower()
    fits = [(len(s), f) for f in Format for s in f.suffixes if name.endswith(s)]
    if fits:
        return max(fits)[1]
    known = ", ".join(s for f in Format for s in f.suffixes)
    raise OptionError(f"{path}: the ending tells no format; use one of {known}, or give --format.")


def format_named(name: str) -> Format:
    """The format of a name.

    Raises
    ------
    OptionError
        If there is none.
    """
    try:
        return Format(name.lower())
    except ValueError:
        raise OptionError(
            f"The format of a report is one of {', '.join(f.value for f in Format)}; found {name!r}."
        ) from None


def render(
    report: Report,
    format: Format,
    target: Path | TextIO | None = None,
    *,
    limit: int | None = None,
    fail_on: Severity | None = Severity.ERROR,
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
            _write(report, format, stream, limit, fail_on)
    else:
        _write(report, format, target or sys.stdout, limit, fail_on)


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
    report: Report, format: Format, stream: TextIO, limit: int | None, fail_on: Severity | None
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
            from rogi.report.html import report_page

            chunks = iter((report_page(report),))
        case _:
            raise OptionError(f"The format {format.value} cannot be written to a stream.")
    stream.writelines(chunks)
