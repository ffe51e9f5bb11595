"""``rogi update history``: who changed what in a team's store, and what was said."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rogi.cli.options import format_option
from rogi.errors import OptionError
from rogi.report.format import Format, chosen
from rogi.report.update_history import history_json, history_text
from rogi.text import as_json
from rogi.update.store.history import read_history

FORMATS = (Format.TEXT, Format.JSON)


def history(
    task: Annotated[
        str | None,
        typer.Argument(metavar="[TASK]", help="Only of this task, unit, candidate, or row (its fid)."),
    ] = None,
    store: Annotated[str, typer.Option(help="postgresql://… : the database with the store.")] = "",
    package: Annotated[str | None, typer.Option(help="Only of this work package.")] = None,
    by: Annotated[str | None, typer.Option(help="Only changes by this user of the database.")] = None,
    limit: Annotated[int, typer.Option(help="The last ones shown; -1: all.", min=-1)] = 50,
    format: Annotated[str | None, format_option(FORMATS)] = None,
) -> None:
    """Changes and comments in a team's store, the last one last; their numbers are for `rogi update undo`.

    Examples: `rogi update history --store postgresql://anna@host/rogi` ·
    `rogi update history RGU281527N0972426E --store postgresql://anna@host/rogi` ·
    `rogi update history --store postgresql://anna@host/rogi --by ben --limit -1 --format json`
    """
    if not store:
        raise OptionError("Packages have no history; name the address of a store with --store.")
    kind = chosen(format, None, FORMATS)
    found = read_history(store, task=task, package=package, by=by, limit=None if limit < 0 else limit)
    if kind is Format.JSON:
        sys.stdout.write(as_json(history_json(found), 1))
    else:
        sys.stdout.write(history_text(found))
