"""The shell of a self-contained page: one file, nothing loaded from elsewhere, nothing executed but our own.

The content security policy names our script and style by their SHA-256, so that a browser runs no
other, even if text from an inventory should ever reach the page as markup.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rogi.text import html as escape
from rogi.text import json_escaped

PACKED_FROM = 250_000
"""Characters from which a block of data is compressed; shorter ones stay readable in the file."""

SCRIPTS = ("table.js", "map.js", "start.js")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with an entry in its navigation; ``content`` is HTML, ``title`` text."""

    name: str  # anchor: letters, digits, hyphens
    title: str
    content: str


def page(
    title: str, sections: Sequence[Section], *, lead: str = "", footer: str = "", backdrop: str = ""
) -> str:
    """A whole HTML document.

    Parameters
    ----------
    title
        Text of the heading and the window.
    sections
        In order; each gets an entry in the navigation.
    lead, footer
        HTML below the heading and at the end.
    backdrop
        What is behind the maps, see :func:`~rogi.report.html.backdrop.backdrop`.

    Returns
    -------
    str
        The document. The same arguments give the same text.
    """
    style, script = _asset("page.css"), _script()
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    links = "".join(f'<li><a href="#{s.name}">{escape(s.title)}</a></li>' for s in sections)
    body = "".join(
        f'<section id="{s.name}" aria-labelledby="{s.name}-title">'
        f'<h2 id="{s.name}-title">{escape(s.title)}</h2>\n{s.content}\n</section>\n'
        for s in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#content">Skip to the content</a>\n'
        f"<header><h1>{escape(title)}</h1>\n{lead}</header>\n"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n<main id="content">\n{body}</main>\n'
        f"<footer>{footer}</footer>\n{backdrop}<script>{script}</script>\n</body>\n</html>\n"
    )


def embed(name: str, data: object) -> str:
    """A block of data for the page's script.

    ``<``, ``>`` and ``&`` are written as escapes, so that no text can close the block or open another. From
    :data:`PACKED_FROM` on it is gzip in base64, which browsers since 2023 unpack.
    """
    text = json_escaped(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    # half of a surrogate pair cannot be written as UTF-8
    text = text.encode("utf-8", "replace").decode("utf-8")
    kind = "application/json"
    if len(text) >= PACKED_FROM:
        kind = "application/gzip"
        text = base64.b64encode(gzip.compress(text.encode("utf-8"), 4, mtime=0)).decode("ascii")
    return f'<script type="{kind}" id="{escape(name)}">{text}</script>'


@cache
def _asset(name: str) -> str:
    return (files("rogi.report.html") / "assets" / name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    return "\n".join(_asset(name) for name in SCRIPTS)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
