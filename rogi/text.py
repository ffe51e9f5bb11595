r"""Texts of strangers made harmless, for every format: names, IDs, attributes and paths come from files.

A terminal obeys escapes, a page obeys markup, a spreadsheet formulas, a CI system lines
such as ``::error::`` or ``##vso[…]``. What is shown goes through the function of its format here; a value
that is data keeps its meaning (``\u001b`` in JSON), or is escaped where it is shown.
"""

from __future__ import annotations

import csv
import html as _html
import io
import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

# Characters that change the order in which text is shown (Unicode Bidirectional Algorithm, formatting).
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Azure Pipelines and TeamCity obey these anywhere in a line, GitHub Actions the first; `::` at its begin.
_COMMAND = re.compile(r"#(?=#(?:\[|vso\[|teamcity\[))|\A\s*:(?=:)")
_JSON = re.compile(
    "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|#(?=#(?:\\[|vso\\[|teamcity\\[))"
)
_HALF = re.compile("[\ud800-\udfff]")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_MARKDOWN = frozenset("\\`*_{}[]<>#|~!@&$")


def printable(text: str) -> str:
    r"""Text on one line without anything that steers a terminal or a CI system, or reorders what is read.

    Control characters, bidirectional marks and the beginnings of commands become ``\xNN`` and ``\uNNNN``,
    line ends and tabs blanks; halves of surrogate pairs, which cannot be written, become U+FFFD.

    Examples
    --------
    >>> print(printable("red \x1b[31m, reversed \u202e, two\nlines"), printable("::error::x"))
    red \x1b[31m, reversed \u202e, two lines \x3a:error::x
    """
    if not text.isprintable() or not _BIDI.isdisjoint(text):
        text = "".join(_shown(c) for c in text)
    if "::" in text or "##" in text:
        text = _COMMAND.sub(lambda found: found[0][:-1] + f"\\x{ord(found[0][-1]):02x}", text)
    return text


def _shown(character: str) -> str:
    if "\ud800" <= character <= "\udfff":
        return "\ufffd"
    if character in _BIDI or (not character.isprintable() and not character.isspace()):
        return character.encode("unicode_escape").decode("ascii")
    return " " if character.isspace() else character


def markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no markup, links, mentions or table cells."""
    return "".join(
        f"&#{ord(c)};" if c in "<>&|@" else f"\\{c}" if c in _MARKDOWN else c for c in printable(text)
    ).replace("://", ":&#47;/")


def html(text: object) -> str:
    """Text as HTML content or attribute value."""
    return _html.escape(printable(str(text)), quote=True)


def xml(text: str) -> str:
    """Text without the characters that XML cannot contain; its markup is escaped by whoever writes it."""
    return _NOT_XML.sub("\ufffd", text)


def as_json(content: Any, indent: int | None = None) -> str:
    r"""A value as JSON, with a line end.

    What steers a terminal or a CI system is escaped, which leaves the value as it is. Numbers that are not
    finite become null: JSON has none.

    Examples
    --------
    >>> print(as_json({"note": "##vso[x] \x9b é", "area": float("nan")}), end="")
    {"note": "\u0023#vso[x] \u009b é", "area": null}
    """
    try:
        text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(content), indent=indent, ensure_ascii=False, allow_nan=False)
    return json_escaped(text) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def json_escaped(text: str) -> str:
    """A JSON document with escapes for what steers a terminal or a CI system; it says the same."""
    if text.isascii() and "\x7f" not in text and "##" not in text:
        return text  # nothing below could be found: large documents are gone through once
    text = _HALF.sub("\ufffd", text)
    return _JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def workflow_data(text: str) -> str:
    """The message of a workflow command of GitHub Actions."""
    return printable(text).replace("%", "%25")


def workflow_property(text: str) -> str:
    """A property (title, file) of a workflow command of GitHub Actions."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "outline"), counted(2000, "outline"), counted(2, "geometry", "geometries")
    ('1 outline', '2,000 outlines', '2 geometries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def agreeing(number: int, one: str, many: str) -> str:
    """The form of a word that goes with a number.

    Examples
    --------
    >>> agreeing(1, "has", "have"), agreeing(0, "has", "have")
    ('has', 'have')
    """
    return one if number == 1 else many


def clause(number: int, noun: str, one: str, many: str) -> str:
    """A number with its noun and the verb that goes with it.

    Examples
    --------
    >>> clause(1, "ID", "is", "are"), clause(2000, "ID", "is", "are")
    ('1 ID is', '2,000 IDs are')
    """
    return f"{counted(number, noun)} {agreeing(number, one, many)}"


FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Beginnings of a text that spreadsheets take for a formula (OWASP, CSV Injection)."""


def cell(value: Any) -> Any:
    """A value as it is safe in a spreadsheet: a text that would be a formula gets an apostrophe before it.

    Texts that are numbers stay, null becomes empty.

    Examples
    --------
    >>> cell("=1+1"), cell("-3.5"), cell("- see photo"), cell(-3.5), cell(None)
    ("'=1+1", '-3.5', "'- see photo", -3.5, '')
    """
    if value is None or value != value:
        return ""
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def sheet_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table for people as CSV, with a header; see :func:`cell`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[cell(value) for value in row] for row in rows])
    return out.getvalue()
