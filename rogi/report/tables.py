"""A table of a report, and how its numbers are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from rogi.text import markdown, printable

if TYPE_CHECKING:
    from rogi.comparison.matching.sides import Side


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table ready to be shown: text in all cells.

    Attributes
    ----------
    group, title
        Heading of the part of the report and of the table.
    numbers
        Columns aligned to the right.
    note
        What a reader must know, under the table.
    """

    group: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()
    note: str = ""


def number(value: float, digits: int = 3) -> str:
    """A number with fixed digits; an en dash where there is none."""
    return "–" if not math.isfinite(value) else f"{round(value, digits) + 0.0:,.{digits}f}"  # no -0.0


def km2(square_metres: float) -> str:
    """An area in km², with four significant digits at least."""
    value = square_metres / 1e6
    if not math.isfinite(value):
        return "–"
    digits = 3 if value == 0 or abs(value) >= 1 else min(9, 3 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def significant(value: float, digits: int = 4) -> str:
    """A number with so many significant digits, without an exponent where that is readable."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    if abs(value) < 1e-5:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def short_names(sides: Sequence[Side]) -> list[str]:
    """Names of the files alone, with their folders where the names are the same."""
    paths = [PurePath(side.name) for side in sides]
    for depth in range(1, max((len(p.parts) for p in paths), default=0) + 1):
        names = [str(PurePath(*p.parts[-depth:])) for p in paths]
        if len(set(names)) == len(names):
            return names
    return [side.name for side in sides]


def sides_table(sides: Sequence[tuple[str, Side]]) -> ReportTable:
    """What took part: each side with its mark, and what was left out of it."""
    return ReportTable(
        "What was compared",
        "",
        (
            "side",
            "inventory",
            "objects",
            "read",
            "compared",
            "no geometry",
            "not rock glaciers",
            "outside",
            "repaired",
            "repeated ids",
            "ids from",
        ),
        tuple(
            (
                mark,
                name,
                side.role.title,
                f"{side.read:,}",
                f"{len(side):,}",
                f"{side.without_geometry:,}",
                f"{side.not_rock_glaciers:,}",
                f"{side.outside:,}",
                f"{len(side.repaired):,}",
                f"{len(side.repeated):,}",
                side.id_column or "row numbers",
            )
            for (mark, side), name in zip(sides, short_names([s for _, s in sides]), strict=True)
        ),
        (3, 4, 5, 6, 7, 8, 9),
    )


def text_lines(table: ReportTable) -> list[str]:
    """A table for the terminal, with an empty line at its end."""
    cells = [table.columns, *table.rows]
    cells = [tuple(printable(c) for c in row) for row in cells]
    widths = [max(len(row[k]) for row in cells) for k in range(len(table.columns))]
    lines = [table.title] if table.title else []
    for row in cells:
        shown = (
            c.rjust(w) if k in table.numbers else c.ljust(w)
            for k, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append(("  " + "  ".join(shown)).rstrip())
    if table.note:
        lines.append(f"  {printable(table.note)}")
    return [*lines, ""]


def markdown_lines(table: ReportTable) -> list[str]:
    """A table in Markdown, with its title in front and its note behind."""
    lines = [f"**{markdown(table.title)}**", ""] if table.title else []
    lines.append("| " + " | ".join(markdown(c) for c in table.columns) + " |")
    rule = ("--:" if k in table.numbers else "---" for k in range(len(table.columns)))
    lines.append("| " + " | ".join(rule) + " |")
    lines += ["| " + " | ".join(markdown(c) for c in row) + " |" for row in table.rows]
    return [*lines, "", *([markdown(table.note), ""] if table.note else [])]
