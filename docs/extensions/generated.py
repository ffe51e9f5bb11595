"""Pages made from the code: the rule catalogue, the schemas, the changelog and the guide for contributors.

They are written beside the others before the pages are read, and are in no commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import samples
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]


def pages() -> Iterator[tuple[str, str]]:
    """(path, Markdown) of every page."""
    from rogi.rules.catalogue import page
    from rogi.rules.registry import rules
    from rogi.schema.docs import pages as schema_pages

    yield "rules/index.md", catalogue()
    for code, rule in rules().items():
        yield f"rules/{code}.md", page(rule)
    for path, text in schema_pages():
        yield path, text + (toctree("*") if path.endswith("index.md") else "")
    for source, target in (("CHANGELOG.md", "changelog.md"), ("CONTRIBUTING.md", "contributing.md")):
        text = (ROOT / source).read_text(encoding="utf-8").replace("](docs/", "](")
        yield target, re.sub(r"\[(.+?)\]\(examples/.+?\)", r"`\1`", text)


def catalogue() -> str:
    """The rule catalogue, folded by family."""
    from rogi.rules.catalogue import as_markdown, entries

    table = entries()
    parts = [
        f"# Rule catalogue\n\n{len(table)} rules. Severities are those of the profile `normal`; "
        "[Evidence](../evidence.md) explains the labels. `rogi rules` and `rogi rule CODE` print the same.\n"
    ]
    for family in dict.fromkeys(entry.family for entry in table):
        members = [entry for entry in table if entry.family == family]
        heading, _, rows = as_markdown(members, link="{code}.md").partition("\n\n")
        title = f"{heading.removeprefix('## ')} ({len(members)} rules)"
        parts.append(f"::::{{dropdown}} {title}\n:name: {members[0].code[:3].lower()}\n\n{rows}\n::::\n")
    return "\n".join([*parts, toctree("*")])


def toctree(*globs: str) -> str:
    """A list of pages for the navigation only."""
    return "\n".join(["", "```{toctree}", ":hidden:", ":glob:", "", *globs, "```", ""])


def write(app: Sphinx) -> None:
    """Write the pages that changed, and the files of the tutorials."""
    for path, text in pages():
        file = Path(app.srcdir) / path
        file.parent.mkdir(exist_ok=True)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    folder = Path(app.srcdir) / "tutorials" / "files"
    folder.mkdir(exist_ok=True)
    made = Path(samples.__file__).stat().st_mtime
    for name, make in samples.FILES.items():
        if not (folder / name).is_file() or (folder / name).stat().st_mtime < made:
            make(folder / name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
