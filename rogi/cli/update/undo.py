"""``rogi update undo``: a row of a team's store as it was before a change."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rogi.errors import OptionError
from rogi.report.update_history import history_text


def undo(
    store: Annotated[str, typer.Option(help="postgresql://… : the database with the store.")] = "",
    history: Annotated[
        int | None, typer.Option(help="Number of the change, as `rogi update history` prints it.", min=1)
    ] = None,
    with_later: Annotated[
        bool, typer.Option("--with-later", help="Also undo what was changed in the row since.")
    ] = False,
) -> None:
    """Put a row of a team's store back to what it was before a change; the owner of the store can.

    Decision, outline and who decided come back; a deleted row too. A row that was drawn is deleted. It is
    one more change in the history, which can be undone as well.

    Examples: `rogi update undo --store postgresql://lead@host/rogi --history 1204` ·
    `rogi update undo --store postgresql://lead@host/rogi --history 1204 --with-later`
    """
    from rogi.update.store.history import undo

    if not store:
        raise OptionError("Packages have no history; name the address of a store with --store.")
    if history is None:
        raise OptionError("Name the change to undo with --history NUMBER; `rogi update history` lists them.")
    sys.stdout.write(history_text([undo(store, history, with_later=with_later)]))
