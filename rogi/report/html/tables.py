"""Tables: short ones as plain HTML, long ones as data that the page's script searches, sorts and pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

import numpy as np

from rogi.report.html.shell import embed
from rogi.text import html as escape

PAGE_ROWS = 50


class Kind(StrEnum):
    """How the cells of a column look and sort."""

    TEXT = "text"
    WIDE = "wide"  # sentences
    CODE = "code"  # identifiers, fixed width
    PLACE = "place"  # "latitude, longitude": with links to maps, in the part that opens
    NUMBER = "number"
    BADGE = "badge"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of a table.

    Attributes
    ----------
    title
        Heading.
    values
        One per row: text or numbers; None and "" are empty cells.
    filter
        Offer a choice of its values.
    detail
        Show it only in the part of a row that opens on request.
    tones
        For badges: value -> ``error``, ``warning``, ``info``, ``good`` or ``neutral``.
    order
        Order of the values where it is not the alphabet's.
    """

    title: str
    values: Sequence[object] | np.ndarray[tuple[int], np.dtype[np.generic]]
    kind: Kind = Kind.TEXT
    filter: bool = False
    detail: bool = False
    tones: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] = ()


def table(
    name: str,
    columns: Sequence[Column],
    *,
    noun: str = "rows",
    label: Sequence[str] = (),
    sort: str | None = None,
    map_name: str | None = None,
    page_rows: int = PAGE_ROWS,
) -> str:
    """A table of any length with search, filters, sorting and pages.

    Parameters
    ----------
    name
        Identifies the table on its page.
    noun
        What its rows are, for "12 of 300 findings".
    label
        Titles of the columns that name a row in the popups of a map.
    sort
        Title of the column by which the rows are ordered at first; default: as they come.
    map_name
        The map that shows the rows' places, if any.

    Returns
    -------
    str
        HTML for a section of a page.
    """
    titles = [column.title for column in columns]
    data = {
        "n": len(columns[0].values) if columns else 0,
        "page": page_rows,
        "noun": noun,
        "sort": None if sort is None else titles.index(sort),
        "label": [titles.index(title) for title in label],
        "columns": _encoded(columns),
    }
    linked = f' data-map="{escape(map_name)}"' if map_name else ""
    return (
        f'<div data-table="{escape(name)}"{linked}>'
        "<noscript><p>This table needs JavaScript; the script is part of this file.</p></noscript></div>\n"
        + embed(name, data)
    )


def _encoded(columns: Sequence[Column]) -> list[dict[str, object]]:
    """Columns as the page's script reads them; IDs that an earlier column has in the row are written as 0."""
    encoded = [_encode(column) for column in columns]
    plain = [k for k, column in enumerate(columns) if column.kind is Kind.CODE and "i" not in encoded[k]]
    for at in plain[1:]:
        values, known = (cast("list[object]", encoded[k]["d"]) for k in (at, plain[0]))
        if {int, bool}.isdisjoint(map(type, values)):
            same = [v is not None and v == k for v, k in zip(values, known, strict=True)]
            encoded[at]["like"] = plain[0]
            encoded[at]["d"] = [0 if s else v for v, s in zip(values, same, strict=True)]
    return encoded


def _encode(column: Column) -> dict[str, object]:
    """Distinct values once and codes into them, or the values alone where most are distinct."""
    values = _plain_values(column.values)
    distinct = dict.fromkeys(values)
    distinct.pop(None, None)
    data: dict[str, object] = {"title": column.title, "kind": column.kind.value}
    if column.filter or column.kind is Kind.BADGE or 2 * len(distinct) <= len(values):
        codes: dict[object, int] = {None: -1} | {v: code for code, v in enumerate(distinct)}
        data |= {"d": list(distinct), "i": [codes[v] for v in values]}
    else:
        data["d"] = values
    for key in ("filter", "detail"):
        if getattr(column, key):
            data[key] = True
    if column.kind is Kind.BADGE:
        data["tones"] = dict(column.tones)
    if column.order:
        data["order"] = list(column.order)
    return data


def _plain_values(values: Sequence[object] | np.ndarray[Any, Any]) -> list[Any]:
    """Values as JSON has them: None for what is missing, empty or no number."""
    kinds = set(map(type, values))
    if kinds <= {str, type(None)}:
        return [value or None for value in values]
    if kinds <= {int, type(None)}:
        return list(values)
    return [_plain(value) for value in values]


def _plain(value: object) -> str | float | int | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or value == "":
        return None
    return value if isinstance(value, (int, str)) else str(value)


def readable(text: str) -> str:
    """A decimal number as people read it; any other text as it is, also that of a number in another form.

    Examples
    --------
    >>> readable("0.02270979015738751"), readable("224963.15"), readable("28140.0"), readable("1.10")
    ('0.02271', '224,963.15', '28,140', '1.10')
    """
    try:
        value = float(text)
    except ValueError:
        return text
    if repr(value) != text or not math.isfinite(value):
        return text
    shown = f"{value:,.6f}".rstrip("0").rstrip(".")
    return shown if value == 0 or (float(shown.replace(",", "")) and abs(value) < 1e15) else f"{value:.4g}"


def html_table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str = "",
    name: str = "",
    groups: Sequence[str] = (),
    numbers: Sequence[int] = (),
    sortable: bool = False,
    tall: bool = False,
) -> str:
    """A short table as plain HTML, readable without the script.

    Parameters
    ----------
    titles
        Headings, as text.
    rows
        Cells as HTML: escape what comes from an inventory. The first cell is the row's heading.
    caption
        Text.
    name, groups
        Identifies the table, and one word per row, for :func:`show_buttons`.
    numbers
        Columns aligned to the right.
    sortable
        Whether the headings sort.
    tall
        Scroll the table within the window, under its headings.
    """

    def cell(index: int, content: str) -> str:
        kind = ' class="number"' if index in numbers else ""
        label = f' data-label="{escape(titles[index])}"'
        if index == 0:
            return f'<th scope="row" role="rowheader"{kind}{label}>{content}</th>'
        # an empty cell has no child, so that narrow screens can leave it out
        return f'<td role="cell"{kind}{label}>{f"<span>{content}</span>" if content else ""}</td>'

    head = ""
    for index, text in enumerate(titles):
        kind = ' class="number"' if index in numbers else ""
        head += f'<th scope="col"{kind}>{escape(text)}</th>' if text else f"<td{kind}></td>"
    lines = []
    for number, row in enumerate(rows):
        group = f' data-group="{escape(groups[number])}"' if groups else ""
        lines.append(f'<tr role="row"{group}>{"".join(cell(i, c) for i, c in enumerate(row))}</tr>\n')
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    anchor = f' id="{escape(name)}"' if name else ""
    attributes = anchor + (" data-sortable" if sortable else "")
    box = "scroll stack tall" if tall else "scroll stack"
    return (
        f'<div class="{box}" tabindex="0" role="group" aria-label="{escape(caption or "Table")}">'
        f'<table role="table"{attributes}>{title}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(lines)}</tbody></table></div>\n"
    )


def show_buttons(name: str, choices: Sequence[tuple[str, str]]) -> str:
    """Buttons (group, text) that show only the rows of one group of an :func:`html_table`; "" is all."""
    buttons = []
    for number, (group, text) in enumerate(choices):
        pressed = "false" if number else "true"
        attributes = f'type="button" value="{escape(group)}" aria-pressed="{pressed}"'
        buttons.append(f"<button {attributes}>{escape(text)}</button>")
    attributes = f'data-show="{escape(name)}" role="group" aria-label="Show"'
    return f'<div class="tools noprint" {attributes}>{"".join(buttons)}</div>\n'


def badge(text: str, tone: str = "neutral") -> str:
    """A word on a tinted ground."""
    return f'<span class="badge {escape(tone)}">{escape(text)}</span>'
