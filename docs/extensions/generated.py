"""Pages made from the code: the rule catalogue, the schemas, the changelog and the guide for contributors.

They are written beside the others before the pages are read, and are ignored by git.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

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
    yield "parameters.md", parameters()
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


def parameters() -> str:
    """Every parameter of a rule and of the radiation, with its default."""
    from rogi.schema.parameters import load_parameters
    from rogi.terrain import RadiationParameters

    lines = [
        "# Parameters\n\n## Of rules\n\nSet them with `--parameter NAME=VALUE`, or under `[parameters]` in "
        "[settings](settings.md).\n",
        "| parameter | default | unit | meaning |\n| --- | --- | --- | --- |",
    ]
    for name, one in load_parameters().items():
        value = one.value if isinstance(one.value, str | int | float) else ", ".join(map(str, one.value))
        link = f"[`{name}`](rules/{name.partition('.')[0]}.md)"
        lines.append(f"| {link} | {value} | {one.unit or ''} | {one.description} |")
    lines += [
        "\n## Of solar radiation\n\nSet them with `rogi attributes --radiation NAME=VALUE`, or under "
        "`[attributes.radiation]`. [Methods](methods/terrain.md) has the formulas.\n",
        "| parameter | default |\n| --- | --- |",
    ]
    lines += [f"| `{name}` | {value} |" for name, value in RadiationParameters().to_dict().items()]
    return "\n".join([*lines, ""])


def toctree(*globs: str) -> str:
    """A list of pages for the navigation only."""
    return "\n".join(["", "```{toctree}", ":hidden:", ":glob:", "", *globs, "```", ""])


def write(app: Sphinx) -> None:
    """Write the pages that changed."""
    for path, text in pages():
        file = Path(app.srcdir) / path
        file.parent.mkdir(exist_ok=True)
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
