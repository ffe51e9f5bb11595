"""``rogi update move``: tasks from one work package to another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import KEEPS
from rogi.errors import OptionError
from rogi.update.move import Choice, move_tasks, moved_text
from rogi.update.move_store import move_in_store


def move(
    target: Annotated[str, typer.Option("--to", help="Package that the tasks come to.")],
    work: Annotated[
        Path | None, typer.Argument(metavar="[WORK]", help="Work folder, with the packages in it."), KEEPS
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="postgresql://… : move them in this team's store.")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Key of a task, primary ID of a unit, or id of a candidate. Repeatable."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="All tasks of this package, or of --area of it.")
    ] = None,
    area: Annotated[list[str] | None, typer.Option(help="Area of the package --from. Repeatable.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Move tasks from one work package to another, with all that was decided on them and the outlines beside.

    Plan and packages are changed together or not at all; a move that was interrupted is finished by the next
    one. Mappers who have a copy of their package get the new one.

    Examples: `rogi update move work/ --task RGU281527N0972426E --to ben` · `rogi update move work/ --from
    anna --area 2 --to ben` · `rogi update move --store postgresql://lead@host/rogi --from anna --to ben`
    """
    choice = Choice(target, tuple(task or ()), source, tuple(area or ()))
    if (work is None) == (store is None):
        raise OptionError("Name the work folder, or --store, and not both.")
    if store is not None:
        moved = move_in_store(store, choice)
    else:
        assert work is not None
        if not work.is_dir():
            raise OptionError(f"{work} is no folder; name the work folder of the plan.")
        moved = move_tasks(work, choice)
    if not quiet:
        sys.stdout.write(moved_text(moved))
