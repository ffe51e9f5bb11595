"""``rogi update status``: how far the review is, and what is wrong so far."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.cli.options import format_option
from rogi.cli.progress import Progress
from rogi.cli.streams import tell
from rogi.errors import OptionError
from rogi.inventory.read import read_inventory
from rogi.report.format import DOCUMENT, chosen
from rogi.report.writers import write
from rogi.update.deciding.edits import read_edits
from rogi.update.planning.units import read_units
from rogi.update.status import review
from rogi.update.status_report import document


def status(
    work: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[WORK]...", help="Work folder, or its files in any order."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="plan.json, or its folder, where the packages lie elsewhere.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="postgresql://… : read the packages from this PostGIS database.")
    ] = None,
    inventory: Annotated[
        list[Path] | None,
        typer.Option(
            help="The inventory that was planned from, to check markers too; default: what the packages hold."
        ),
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option(help="ROLE=PATH[:LAYER] of --inventory. Repeatable.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here."), WRITES] = None,
    format: Annotated[str | None, format_option(DOCUMENT, output=True)] = None,
    limit: Annotated[int, typer.Option(help="Problems and findings shown as text; -1: all.")] = 20,
    force: Force = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """How far the review is: tasks by mapper and area, problems, conflicts, and findings of the rules on
    edited outlines.

    Nothing is changed, and mappers may go on editing meanwhile. Exit code 1 until all is decided and legal.

    Examples: `rogi update status work/` · `rogi update status work/ --format html -o status.html` ·
    `rogi update status --store postgresql://user@host/rogi`
    """
    if not work and store is None:
        raise OptionError("There is nothing to look at; name the work folder, or --store.")
    kind = chosen(format, output, DOCUMENT)
    line = Progress(quiet)
    try:
        units = None
        if inventory:
            line("reading the inventory", 1, 3)
            units = read_units(read_inventory(inventory, layers=tuple(layer or ())))
        line("reading decisions", 2, 3)
        crs = units.layer.crs if units is not None else None
        edits = read_edits(work or (), plan=plan, store=store, crs=crs, units=units)
        line("checking", 3, 3)
        state = review(edits, units=units)
    finally:
        line.done()
    write(document(state, edits.planned.inventory, limit), kind, output)
    if output is not None and not quiet:
        tell(f"{output}")
    raise typer.Exit(0 if state.complete else 1)
