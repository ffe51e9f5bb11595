"""Pages the docs site generates from the code, and formulas as MathML, which needs no script."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SECTIONS = {
    "Start": [
        "index.md",
        "install.md",
        "tutorial.md",
        "formats.md",
        "evidence.md",
        "settings.md",
        "outputs.md",
    ],
    "Notebooks": "notebooks",
    "Commands": "commands",
    "Methods": "methods",
    "Guides": "guides",
    "Rules": "rules",
    "Schemas": "schemas",
    "Python": ["python.md", "api.md"],
    "Decisions": "decisions",
    "Project": ["performance.md", "changelog.md", "contributing.md"],
}


def generated() -> Iterator[tuple[str, str]]:
    """(path, Markdown) of every generated page."""
    from rogi.rules.catalogue import as_markdown, entries, page
    from rogi.rules.registry import rules
    from rogi.schema.docs import pages

    catalogue = entries()
    head = (
        f"# Rule catalogue\n\n{len(catalogue)} rules. Severities are those of the profile `normal`; "
        "how evidence is labelled is told in [Evidence](../evidence.md). \n"
        "`rogi rules` and `rogi rule CODE` print the same.\n\n"
    )
    yield "rules/index.md", head + as_markdown(catalogue, link="{code}.md")
    for code, rule in rules().items():
        yield f"rules/{code}.md", page(rule)
    yield from pages()
    root = Path(__file__).parents[1]
    for source, target in (("CHANGELOG.md", "changelog.md"), ("CONTRIBUTING.md", "contributing.md")):
        yield target, (root / source).read_text(encoding="utf-8")


FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[([](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Turn the formulas that arithmatex marked into MathML."""
    from latex2mathml.converter import convert

    def mathml(found: re.Match[str]) -> str:
        display = "block" if found[1] == "div" else "inline"
        return str(convert(html.unescape(found[2]), display=display))

    return FORMULA.sub(mathml, content)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for path, text in generated():
        files.append(File.generated(config, path, content=text))
    return files


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Navigation: every page of a folder, in order; the rule pages are reached from the catalogue."""
    root = Path(config.docs_dir)
    made = [path for path, _ in generated()]
    nav: list[dict[str, Any]] = []
    for title, where in SECTIONS.items():
        if isinstance(where, list):
            pages = [page for page in where if (root / page).is_file() or page in made]
        else:
            written = sorted(
                path.relative_to(root).as_posix()
                for path in (root / where).glob("*")
                if path.suffix == (".py" if where == "notebooks" else ".md")
            )
            pages = written + [page for page in made if page.startswith(f"{where}/")]
            pages.sort(key=lambda page: (not page.endswith("index.md"), page))
        if pages:
            nav.append({title: pages})
    config.nav = nav
    return config
