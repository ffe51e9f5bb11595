"""Options that several sub-commands have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
