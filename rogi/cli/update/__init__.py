"""``rogi update``: a new version from new imagery; one file per sub-command."""

from __future__ import annotations

from rogi.cli.lazy import group

COMMANDS = {
    "plan": ("rogi.cli.update.plan:plan", "Match candidates with the inventory and divide the review."),
    "status": ("rogi.cli.update.status:status", "How far the review is, and what is wrong so far."),
    "history": ("rogi.cli.update.history:history", "Who changed what in a team's store."),
    "undo": ("rogi.cli.update.undo:undo", "Put a row of a team's store back."),
    "move": ("rogi.cli.update.move:move", "Move tasks from one work package to another."),
    "apply": ("rogi.cli.update.apply:apply", "Make a new version from the decisions."),
    "log": ("rogi.cli.update.log:log", "The life of one unit over versions."),
}

app = group(
    COMMANDS,
    help="A new version of an inventory from new imagery: plan the review, follow it, apply its decisions.",
)
