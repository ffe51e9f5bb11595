"""A :class:`~rogi.report.document.Document` as text, Markdown, JSON, CSV and HTML: one writer each.

The same document gives the same text.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, TextIO

from rogi import __version__
from rogi.errors import OptionError
from rogi.files import write_text
from rogi.report.document import Check, Document, Passage
from rogi.report.format import Format
from rogi.report.html.backdrop import backdrop
from rogi.report.html.shell import Section, page
from rogi.report.html.tables import badge, html_table
from rogi.report.tables import ReportTable, markdown_lines, text_lines
from rogi.text import as_json, markdown, printable
from rogi.text import html as escape

FAULTS_SHOWN: Final = 10
"""Faults of each check in the terminal; the other formats have all."""
_WORDS: Final = {True: "ok", False: "FAILED", None: "not checked"}
_TONES: Final = {True: "good", False: "error", None: "neutral"}


def write(
    document: Document,
    format: Format,
    target: Path | TextIO | None = None,
    relief: Sequence[str | Path] = (),
) -> None:
    """Write a document to a file, whole or not at all, or to a stream; None is stdout.

    ``relief`` is an elevation model, drawn behind the maps of a page.

    Raises
    ------
    OptionError
        If it is not written in this format.
    OutputError
        If the file cannot be written.
    """
    text = as_html(document, relief) if format is Format.HTML else as_string(document, format)
    if isinstance(target, Path):
        write_text(target, text)
    else:
        (target or sys.stdout).write(text)


def as_string(document: Document, format: Format) -> str:
    """A document in a format.

    Raises
    ------
    OptionError
        If it is not written in this format.
    """
    writer = _WRITERS.get(format)
    if writer is None or (format is Format.CSV and document.csv is None):
        raise OptionError(f"{document.title}: cannot be written as {format.value}.")
    return writer(document)


def as_text(document: Document) -> str:
    """For the terminal."""
    lines = [f"{printable(document.headline)}.", ""]
    for group, parts in groupby((p for p in document.parts if not _detail(p)), key=lambda p: p.group):
        if group:
            lines += [printable(group), "=" * len(printable(group))]
        for part in parts:
            if isinstance(part, ReportTable):
                lines += text_lines(part)
            else:
                lines += [("  " if part.listed else "") + printable(line) for line in part.lines]
                lines.append("")
    lines += [f"note: {printable(remark)}" for remark in document.remarks]
    for check in document.checks:
        lines.append(f"{_WORDS[check.holds]:<11}  {printable(f'{check.name}: {check.said}')}")
        lines += [f"               {printable(fault)}" for fault in check.faults[:FAULTS_SHOWN]]
        if len(check.faults) > FAULTS_SHOWN:
            lines.append(f"               and {len(check.faults) - FAULTS_SHOWN:,} more")
    return "\n".join([*lines, document.verdict]).rstrip() + "\n"


def as_markdown(document: Document) -> str:
    """For pull requests, changelogs and ``$GITHUB_STEP_SUMMARY``."""
    lines = [f"## {markdown(document.title)}", "", f"{markdown(document.headline)}.", ""]
    for group, parts in groupby(document.parts, key=lambda p: p.group):
        if group:
            lines += [f"### {markdown(group)}", ""]
        for part in parts:
            if isinstance(part, ReportTable):
                lines += markdown_lines(part)
            elif part.listed:
                lines += [*(f"- {markdown(line)}" for line in part.lines), ""]
            else:
                lines += [text for line in part.lines for text in (markdown(line), "")]
    lines += [f"- {markdown(remark)}" for remark in document.remarks]
    for check in document.checks:
        lines.append(f"- **{_WORDS[check.holds]}**: {markdown(f'{check.name}: {check.said}')}")
        lines += [f"  - {markdown(fault)}" for fault in check.faults]
    if document.explained:
        lines += ["", f"<sub>rogi {__version__}</sub>"]
    return "\n".join(lines).rstrip() + "\n"


def as_html(document: Document, relief: Sequence[str | Path] = ()) -> str:
    """One self-contained page: summary, figures and maps, tables."""
    shown = document.page()
    parts = [p for p in document.parts if not _detail(p) and p.group not in shown.apart]
    front = {"", *shown.front}
    sections = [
        Section(
            "summary",
            "Summary",
            _summary(document, shown.cards) + "".join(html_part(p) for p in parts if p.group in front),
        ),
        *shown.sections,
    ]
    for group, members in groupby((p for p in parts if p.group not in front), key=lambda p: p.group):
        anchor = "tables-" + "".join(c if c.isalnum() else "-" for c in group.casefold())
        sections.append(Section(anchor, group, "".join(html_part(p) for p in members)))
    made = f"rogi {escape(__version__)}"
    lead = " · ".join(t for t in (escape(shown.lead), made if document.explained else "") if t)
    footer = (
        f"<p>Made by {made}. This file holds everything it shows and loads nothing from elsewhere. Every "
        f"number is defined in the documentation, page {document.explained}.</p>"
    )
    return page(
        document.title,
        sections,
        lead=f'<p class="muted">{lead}</p>' if lead else "",
        footer=footer if document.explained else "",
        backdrop=backdrop(relief, shown.bounds),
    )


def html_part(part: ReportTable | Passage) -> str:
    """A table with its title and note, or a passage, as HTML."""
    if isinstance(part, Passage):
        if part.listed:
            return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in part.lines)}</ul>"
        return "".join(f"<p>{escape(line)}</p>" for line in part.lines)
    rows = [[escape(c) for c in row] for row in part.rows]
    note = f'<p class="muted">{escape(part.note)}</p>' if part.note else ""
    return html_table(part.columns, rows, caption=part.title, numbers=part.numbers) + note


def _summary(document: Document, cards: Sequence[tuple[str, str]]) -> str:
    items = "".join(f"<li><b>{escape(value)}</b>{escape(text)}</li>" for value, text in cards)
    said = [f"<p>{escape(document.headline)}.</p>", f'<ul class="cards">{items}</ul>' if items else ""]
    said += [_notice(check) for check in document.checks]
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in document.remarks)
    if remarks:
        said.append(f'<div class="notice warning"><ul>{remarks}</ul></div>')
    return "".join(said)


def _notice(check: Check) -> str:
    tone = _TONES[check.holds]
    faults = "".join(f"<li>{escape(fault)}</li>" for fault in check.faults)
    text = f"{badge(_WORDS[check.holds], tone)} <b>{escape(check.name)}</b>: {escape(check.said)}"
    return f'<div class="notice {tone}">{text}{f"<ul>{faults}</ul>" if faults else ""}</div>'


def _detail(part: ReportTable | Passage) -> bool:
    return isinstance(part, Passage) and part.detail


def _csv(document: Document) -> str:
    assert document.csv is not None
    return document.csv()


_WRITERS: Final[dict[Format, Callable[[Document], str]]] = {
    Format.TEXT: as_text,
    Format.MARKDOWN: as_markdown,
    Format.JSON: lambda document: as_json(document.data(), 2),
    Format.CSV: _csv,
    Format.HTML: as_html,
}
