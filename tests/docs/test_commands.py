"""Each command has its options on a page, from the command itself."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from rogi.schema.attributes import attributes
from rogi.validation.settings import ATTRIBUTES, CLIMATE, Settings

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "extensions"))

import options  # noqa: E402

PAGES = sorted((DOCS / "commands").glob("*.md"))


def test_each_command_is_on_one_page() -> None:
    """`{options} NAME` stands once for each command."""
    shown = [name for path in PAGES for name in options.shown(path)]
    assert sorted(shown) == sorted(options.commands())


@pytest.mark.parametrize("name", options.commands())
def test_the_table_has_every_option(name: str) -> None:
    """As many options as the command takes, each with a text."""
    taken = {
        option
        for parameter in options.commands()[name].params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("-")
    } - {"-h", "--help"}
    table = options.table(name)
    assert taken <= set(re.findall(r"(?<=[`/ ])-{1,2}[a-z][a-z-]*", table))
    assert not re.search(r"\|\s*\|$", table, re.MULTILINE), "an option without a text"


def test_pages_name_only_options_that_exist() -> None:
    """An option that a command's page names is one of some command of rogi."""
    taken = {
        option
        for command in options.commands().values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help", "--version"}
    named = {
        (path.name, option)
        for path in PAGES
        for option in re.findall(r"(?<=[`( ])--[a-z][a-z-]+", path.read_text(encoding="utf-8"))
    }
    assert {(page, option) for page, option in named if option not in taken} == set()


def test_the_page_of_settings_is_complete() -> None:
    """Each key that `rogi.toml` may have stands in a table of the page."""
    rows = [
        line.partition("|")[2].partition("|")[0]
        for line in (DOCS / "settings.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    groups = {a.group for a in attributes().values()} - {"geometry", "region", "relief"}
    own = {field.name for field in fields(Settings)} - {"today"} | {"waiver_file"}
    named = {name for row in rows for name in re.findall("`(.+?)`", row)}
    assert own | groups | {*ATTRIBUTES, *CLIMATE} <= named
