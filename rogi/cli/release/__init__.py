"""``rogi release``: from an inventory to a citable version, and back; one file per sub-command."""

from __future__ import annotations

from rogi.cli.lazy import group

COMMANDS = {
    "init": ("rogi.cli.release.init:init", "Begin a release: a folder with everything to fill in marked."),
    "build": ("rogi.cli.release.build:build", "Build a release package if all checks pass."),
    "diff": ("rogi.cli.release.diff:diff", "What changed between two versions."),
    "check": ("rogi.cli.release.check:check", "Whether a copy of a release is what it says."),
    "publish": ("rogi.cli.release.publish:publish", "Publish a package: a draft, then a record."),
    "fetch": ("rogi.cli.release.fetch:fetch", "Download a release and check it."),
}

app = group(
    COMMANDS,
    help="Begin, build, compare, check, publish and fetch releases of an inventory.",
)
