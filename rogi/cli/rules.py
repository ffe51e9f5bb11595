"""``rogi rules`` and ``rogi rule CODE``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rogi.cli.options import format_option
from rogi.cli.streams import print_markdown
from rogi.report.format import Format, chosen
from rogi.rules.catalogue import as_markdown, entries, page
from rogi.rules.registry import expand, find_rule
from rogi.rules.registry import rules as registry
from rogi.text import as_json

FORMATS = (Format.TEXT, Format.MARKDOWN, Format.JSON)


def rules(
    select: Annotated[
        list[str] | None, typer.Option(help="Only these codes, names or prefixes (GEO, PID00).")
    ] = None,
    format: Annotated[str | None, format_option(FORMATS)] = None,
) -> None:
    """List the rules with severity, evidence and scope.

    Example: `rogi rules --select GEO`
    """
    kind = chosen(format, None, FORMATS)
    codes = expand(tuple(select)) if select else frozenset(registry())
    table = [entry for entry in entries() if entry.code in codes]
    if kind is Format.JSON:
        sys.stdout.write(as_json([entry.as_dict() for entry in table], 2))
        return
    if kind is Format.MARKDOWN:
        sys.stdout.write(as_markdown(table))
        return
    width = max((len(entry.name) for entry in table), default=0)
    for entry in table:
        fix = f"  fix: {entry.fix}" if entry.fix else ""
        origin = f"  from {entry.origin}" if entry.origin != "rogi" else ""
        sys.stdout.write(
            f"{entry.code}  {entry.severity:<7}  {entry.evidence:<5}  {entry.name:<{width}}  "
            f"{', '.join(entry.scope) or 'inventory'}{fix}{origin}\n"
        )


def rule(code: Annotated[str, typer.Argument(help="Code or name, e.g. GEO003.")]) -> None:
    """Print the page of one rule: what it checks, why, an example, how to fix it, and the reference.

    Example: `rogi rule GEO015`
    """
    print_markdown(page(find_rule(code)))
