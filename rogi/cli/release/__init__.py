"""``rogi release``: from an inventory to a citable version, and back; one file per sub-command."""

from __future__ import annotations

from rogi.cli.guard import App
from rogi.cli.release import build, check, diff, fetch, publish

app = App(
    no_args_is_help=True,
    help="Build, compare, check, publish and fetch releases of an inventory.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("build")(build.build)
app.command("diff")(diff.diff)
app.command("check")(check.check)
app.command("publish")(publish.publish)
app.command("fetch")(fetch.fetch)
