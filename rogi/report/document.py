"""A result ready to be written: one function beside each result makes a :class:`Document` of it.

The writers are one for each format (:mod:`rogi.report.writers`); none of them knows a result. Everything here
is plain text: each writer escapes it for its format.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rogi.report.tables import ReportTable

if TYPE_CHECKING:
    from rogi.report.html.shell import Section


@dataclass(frozen=True, slots=True)
class Passage:
    """Sentences between the tables.

    Attributes
    ----------
    group
        Heading of the part of the report.
    lines
        One paragraph or item each.
    listed
        Whether they are items of a list.
    detail
        Left out in the terminal, where it would be too long, and on the page, which has a table of it.
    """

    group: str
    lines: tuple[str, ...]
    listed: bool = False
    detail: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Something that should hold; None: it could not be checked."""

    name: str
    holds: bool | None
    said: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What only a page shows.

    Attributes
    ----------
    lead
        Text under the title: what took part.
    cards
        Large numbers and what they are.
    sections
        Figures, maps and long tables, as HTML.
    front
        Groups of tables shown in the summary.
    apart
        Groups that the sections have already.
    bounds
        West, south, east and north of what the maps show, degrees.
    """

    lead: str = ""
    cards: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = ()
    front: Sequence[str] = ()
    apart: Sequence[str] = ()
    bounds: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A result as a report.

    Attributes
    ----------
    title
        Heading of Markdown and the page.
    headline
        The result in one sentence, without its full stop.
    parts
        Tables and passages in their order; those of one group follow each other.
    remarks
        What must be known to read the numbers, a sentence each.
    checks
        What should hold, and whether it does.
    data
        Gives all numbers, for JSON.
    csv
        Gives the one table of the result for spreadsheets, where it has one.
    page
        Gives what only the page shows; made on demand, for it can be large.
    explained
        Page of the documentation that defines the numbers; the report then says what made it.
    """

    title: str
    headline: str
    parts: Sequence[ReportTable | Passage] = ()
    remarks: Sequence[str] = ()
    checks: Sequence[Check] = ()
    data: Callable[[], Any] = dict
    csv: Callable[[], str] | None = None
    page: Callable[[], Page] = field(default=Page)
    explained: str = ""

    @property
    def verdict(self) -> str:
        """The checks in one line; empty without any."""
        total = len(self.checks)
        if not total:
            return ""
        failed = sum(check.holds is False for check in self.checks)
        left = sum(check.holds is None for check in self.checks)
        passed = f"{total - left} of {total} checks passed" if left else "all checks passed"
        said = f"{failed} of {total} checks failed" if failed else passed
        return said + (f", {left} not checked" if left else "")
