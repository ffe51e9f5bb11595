"""``rogi update``: a new version from new imagery; one file per sub-command."""

from __future__ import annotations

from rogi.cli.guard import App
from rogi.cli.update import apply, log, plan, status

app = App(
    no_args_is_help=True,
    help="A new version of an inventory from new imagery: plan the review, follow it, apply its decisions.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("plan", short_help="Match candidates with the inventory and divide the review.")(plan.plan)
app.command("status", short_help="How far the review is, and what is wrong so far.")(status.status)
app.command("apply", short_help="Make a new version from the decisions.")(apply.apply)
app.command("log", short_help="The life of one unit over versions.")(log.log)
