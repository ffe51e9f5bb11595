"""A check of the built pages: a reader's browser asks no other host for anything unless a link is clicked."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

LOADED = re.compile(
    r"""<(?:script|link|img|iframe|source|audio|video|object|embed)\b[^>]*?\s(?:src|srcset|href|data)=["']?\s*(?:https?:)?//"""
    r"""|@import\s+(?:url\()?["']?(?:https?:)?//|url\(\s*["']?(?:https?:)?//""",
    re.IGNORECASE,
)


def check(app: Sphinx, failed: Exception | None) -> None:
    """Fail the build at the first page that loads something from elsewhere."""
    if failed or app.builder.name != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in (".html", ".css") and (found := LOADED.search(path.read_text(encoding="utf-8"))):
            raise SphinxError(f"{path.relative_to(app.outdir)} loads from another host: {found[0]}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
