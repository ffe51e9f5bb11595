"""Numbers with their nouns, and turns that the pages avoid."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import rogi.text
from rogi.text import agreeing, counted

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 units are"), (1, "1 unit is"), (2, "2 units are"), (44_273, "44,273 units are")],
)
def test_number_noun_and_verb(number: int, text: str) -> None:
    """One of a thing has the singular, nothing and many the plural."""
    assert f"{counted(number, 'unit')} {agreeing(number, 'is', 'are')}" == text


def test_examples() -> None:
    """The examples of the module hold."""
    assert doctest.testmod(rogi.text).failed == 0


BANNED = {
    r"\bbetrays?\b": "identifies, shows",
    r"\bto the letter\b": "unchanged, exactly",
    r"\bof no use\b": "say what to do instead",
    r"\bspeaks? against\b": "if a check fails",
    r"\bhitherto\b|\bthereof\b|\btherein\b|\bwhence\b|\bthence\b|\blest\b|\balbeit\b": "plain words",
    r"\b(?:is|are|and|also|must be|was) told(?! apart)\b": "is reported, see",
    r"\bthere (?:is|are) none\b": "missing, not given",
    r"\bstands? for (?:a|the|all|everything)\b": "means, represents",
    r"\b(?:is|are) asked for\b": "is requested",
    r"\bit is asked\b": "on request",
    r"\bobeys?\b|\bobeyed\b": "takes for a command",
    r"\bmakes? no pairs\b": "say what is missing",
    r"\bnothing says\b": "no ... given",
    r"\bholds? (?:no|a|an|the|its|some|work|more|several)\b": "contains",
    r"\bworth a look\b": "check",
}
"""Turns that `CONTRIBUTING.md` asks to avoid, and what to write instead."""

PACKAGE = DOCS.parent / "rogi"

WRITTEN = sorted(
    path
    for path in (*DOCS.rglob("*.md"), DOCS.parent / "README.md")
    if not {"rules", "schemas", "api"} & set(path.relative_to(DOCS.parent).parts)
    and path.name not in ("changelog.md", "contributing.md", "parameters.md")
)


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.relative_to(DOCS.parent).as_posix())
def test_pages_are_in_plain_words(path: Path) -> None:
    """No banned turn outside what a command printed."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not _banned(text)


def test_messages_are_in_plain_words() -> None:
    """No banned turn in a text of the code: messages, notes, help, titles. Docstrings are not looked at."""
    found = {
        f"{path.relative_to(PACKAGE)}:{line}": turns
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, text in _texts(ast.parse(path.read_text(encoding="utf-8")))
        if (turns := _banned(text))
    }
    assert not found


def _banned(text: str) -> dict[str, str]:
    return {turn: said for turn, said in BANNED.items() if re.search(turn, text, re.IGNORECASE)}


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of all strings but those that are a statement, as docstrings are."""
    stated = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):  # with its parts, a value between them shown as …
            parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in stated:
            yield node.lineno, node.value
