"""Options that several sub-commands have, and what they say while they work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.streams import renew, tell
from rogi.errors import OptionError
from rogi.release.description import Version, find_release, read_release

if TYPE_CHECKING:
    from rogi.release.description import Release

Releases = Annotated[
    Path | None,
    typer.Option("--releases", help="Folder of the releases; default: releases/ here, then rogi's."),
]
Layer = Annotated[list[str] | None, typer.Option("--layer", help="ROLE=PATH[:LAYER]. Repeatable.")]
Dialect = Annotated[
    str | None, typer.Option("--dialect", help="How columns are named; detected unless given.")
]
Crs = Annotated[str | None, typer.Option("--crs", help="CRS of files that state none, e.g. EPSG:4326.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")]


def stated(what: str, releases: Path | None) -> Release | None:
    """The release of a version; None if the text is no version."""
    try:
        Version.parse(what)
    except OptionError:
        return None
    return read_release(find_release(what, releases))


class Line:
    """What is being done, on stderr: a line that renews itself on a terminal, else nothing."""

    def __init__(self, quiet: bool) -> None:
        self._shown = sys.stderr.isatty() and not quiet

    def __call__(self, what: str) -> None:
        if self._shown:
            renew(f"{what} ...")

    def done(self) -> None:
        """Clear the line."""
        if self._shown:
            renew("")


class Say:
    """What is done, on stderr, and the bytes of a transfer where stderr is a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if not self._quiet:
            self.done()
            tell(text)

    def upload(self, name: str, done: int, size: int) -> None:
        """One line that renews itself."""
        if self._terminal and not self._quiet:
            share = 100 * done / size if size else 100.0
            renew(f"{name}: {done / 1e6:,.1f} of {size / 1e6:,.1f} MB ({share:.0f} %)")

    def done(self) -> None:
        """Clear the line."""
        if self._terminal and not self._quiet:
            renew("")
