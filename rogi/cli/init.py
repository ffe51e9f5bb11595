"""``rogi init``: the repository of an inventory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.streams import note
from rogi.scaffold import Host, new_repository
from rogi.text import counted, printable
from rogi.validation.settings import Profile, choice


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the repository; made if needed.")] = Path(),
    inventory: Annotated[
        Path | None,
        typer.Option(
            "--inventory",
            "-i",
            metavar="FILE",
            help="The data: their schema is taken, and they are copied to data/.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Short name; default: that of the data, or the folder."),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TITLE", help="Heading of the README; default: the name.")
    ] = None,
    schema: Annotated[
        str | None, typer.Option(help="Schema to check against; default: that of the data, else rgik/1.0.")
    ] = None,
    profile: Annotated[str, typer.Option(help="lenient, normal or strict.")] = "normal",
    release: Annotated[str, typer.Option(help="Version of the first release.")] = "1.0",
    host: Annotated[Host, typer.Option(help="Workflows for GitHub, GitLab, both or none.")] = Host.BOTH,
) -> None:
    """Write an inventory repository: settings, workflows, release folder, README; nothing is replaced.

    Examples: `rogi init dry-andes` · `rogi init dry-andes --inventory outlines.gpkg --name DryAndes --title
    "Rock glaciers of the Dry Andes" --host github`
    """
    made = new_repository(
        folder,
        inventory=inventory,
        name=name,
        title=title,
        schema=schema,
        profile=choice(Profile, profile, "--profile", "command line"),
        version=release,
        host=host,
    )
    sys.stdout.write("".join(f"{printable(str(path))}\n" for path in made.written))
    for path in made.kept:
        note(f"kept: {path}")
    note(f"{counted(len(made.written), 'file')} written; next: `rogi validate {made.inventory}` in {folder}")
