"""Tables of the commands and of their options, from the commands themselves.

``{options} detect predict`` is the table of one command, ``{commands}`` the list of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

from rogi.cli import app
from rogi.cli.common import shown as named

PAGES = Path(__file__).parents[1] / "commands"


@cache
def commands() -> dict[str, click.Command]:
    """Every command that does something, by its full name without ``rogi``."""
    return dict(_leaves(get_command(app), ""))


def _leaves(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group) or hasattr(command, "list_commands"):
        context = click.Context(command)
        for part in command.list_commands(context):
            yield from _leaves(command.get_command(context, part), f"{name} {part}".strip())
    else:
        yield name, command


def page(name: str) -> str:
    """The page that a command is described on."""
    return next(path.stem for path in PAGES.glob("*.md") if name in shown(path))


def shown(path: Path) -> list[str]:
    """The commands whose options a page lists."""
    return re.findall(r"^```\{options\} (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)


def table(name: str) -> str:
    """Arguments and options of a command as Markdown."""
    command = commands()[name]
    context = click.Context(command)
    lines = ["| option | what it does |", "| --- | --- |"]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or "--help" in parameter.opts:
            continue
        said = record[1]
        shown = ", ".join(f"`{part}`" for part in named(parameter).split(", "))
        lines.append(
            "| {} | {} |".format(*(text.replace("|", r"\|") for text in (shown, " ".join(said.split()))))
        )
    return "\n".join(lines)


class Options(SphinxDirective):
    """The table of one command."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """The nodes of the table."""
        return self.parse_text_to_nodes(table(self.arguments[0]))


class Commands(SphinxDirective):
    """The list of all commands with their pages."""

    def run(self) -> list[nodes.Node]:
        """The nodes of the table."""
        rows = ["| command | what it does |", "| --- | --- |"]
        for name, command in commands().items():
            rows.append(f"| [`rogi {name}`]({page(name)}.md) | {command.get_short_help_str(200)} |")
        return self.parse_text_to_nodes("\n".join(rows))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_directive("options", Options)
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
