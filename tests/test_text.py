"""Texts of strangers, made harmless for each format."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rogi import text

BAD = [
    *("\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\x00", "\x7f", "\x08", "\r", "\u202eevil", "\u2066"),
    *("\u200b", "\ufeff", "\u2028", "::error::x", "  ::set-output name=a::b", "##[error]x", "\ud800"),
    *("a ##vso[task.complete]", "##teamcity[x]"),
]


@pytest.mark.parametrize("bad", BAD, ids=ascii)
def test_printable_has_nothing_that_is_obeyed(bad):
    shown = text.printable(f"{bad}\n{bad}")
    assert shown.isprintable()
    assert not shown.lstrip().startswith("::")
    assert not any(command in shown for command in ("##[", "##vso[", "##teamcity["))
    assert all(mark not in shown for mark in "\u202e\u2066\u200b\u2028\ud800")
    shown.encode()
    assert text.printable(shown) == shown


@pytest.mark.parametrize(
    "plain",
    [
        "RGU384455N1092526W",
        "Glacier rocheux n° 3",
        "岩石冰川 ü ß",
        "a :: b",
        "## heading",
        "#1",
        "C:: x",
        "a: b",
    ],
)
def test_what_is_harmless_stays(plain):
    assert text.printable(plain) == plain
    assert json.loads(text.as_json(plain)) == plain
    assert text.as_json(plain) == json.dumps(plain, ensure_ascii=False) + "\n"


@given(st.text())
def test_json_says_the_same_and_obeys_nothing(value):
    made = text.as_json({value: [value]}, 1)
    assert json.loads(made) == {value: [value]}
    assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for line in made.splitlines() for c in line)
    assert not any(
        unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI") for c in made
    )
    assert len(made.splitlines()) == 5
    assert "##[" not in made and "##vso[" not in made


def test_numbers_that_json_has_not_are_null():
    made = text.as_json({"a": (float("nan"), {"b": float("inf")}), "c": 1.5, "d": [True, None, "nan"]})
    assert json.loads(made) == {"a": [None, {"b": None}], "c": 1.5, "d": [True, None, "nan"]}


@given(st.text(alphabet="<>&\"'`|*_[]()\\#@:/ax\x1b\n"))
def test_html_and_markdown_have_no_markup(value):
    from html.parser import HTMLParser

    from markdown_it import MarkdownIt

    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append(tag)
    parser.feed(f'<p title="{text.html(value)}">{text.html(value)}</p>')
    assert tags == ["p"]
    rows = MarkdownIt("js-default").render(f"| a |\n| - |\n| x{text.markdown(value)} |\n")
    assert rows.count("<td") == 1
    assert not any(tag in rows for tag in ("<em", "<strong", "<a ", "<code", "<img", "<script"))


def test_xml_and_workflow_commands():
    assert text.xml("a\x00b\x1bc\ud800\ufffe") == "a\ufffdb\ufffdc\ufffd\ufffd"
    assert text.workflow_data("100 %\n::error::") == "100 %25 ::error::"
    assert text.workflow_property("a:b,c%") == "a%3Ab%2Cc%25"
