"""A document in each of the formats that every document is written in."""

from __future__ import annotations

import json
import re

import pytest

from rogi.report.document import Check, Document, Passage
from rogi.report.format import DOCUMENT, Format
from rogi.report.tables import ReportTable
from rogi.report.writers import as_string

CELLS = ("*a*", "b|c_", "<i>d</i>", "\x1b[31me", "f\ng", "")
MADE = Document(
    title="Areas",
    headline="Two tables",
    parts=(
        ReportTable("Group", "Sizes", ("one", "two"), (CELLS[:2], CELLS[2:4], CELLS[4:]), (1,), "the note"),
        Passage("Group", ("first line", "second line"), listed=True),
    ),
    remarks=("a remark",),
    checks=(Check("limit", False, "too small", ("a fault",)),),
    data=lambda: {"title": "Areas"},
)


@pytest.mark.parametrize("format", DOCUMENT)
def test_all_parts_are_written_and_nothing_steers_a_terminal(format: Format) -> None:
    """The same document gives the same text; JSON has the data, the others have all words."""
    text = as_string(MADE, format)
    assert text == as_string(MADE, format)
    if format is Format.JSON:
        assert json.loads(text) == {"title": "Areas"}
        return
    for said in ("Two tables", "Sizes", "the note", "second line", "a remark", "too small", "a fault"):
        assert said in text, said
    shown = text.partition("</head>")[2] if format is Format.HTML else text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
