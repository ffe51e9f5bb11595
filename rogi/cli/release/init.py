"""``rogi release init``: the folder of a new release."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.release.options import Layer, Quiet
from rogi.cli.streams import tell
from rogi.inventory.read import read_inventory
from rogi.release.description import FILE, FOLDER, known_versions
from rogi.release.folder import new_folder
from rogi.release.marks import CHANGELOG, marks_in
from rogi.release.previous import stated_by
from rogi.text import counted


def init(
    version: Annotated[str, typer.Argument(help="Version of the new release, e.g. 1.0.")],
    previous: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PREVIOUS",
            help="The release before: its package (folder or zip), its folder, or its version.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Short name of the inventory; files are named by it.")
    ] = None,
    inventory: Annotated[
        list[Path] | None,
        typer.Option("--inventory", "-i", help="The data, to tell their schema. Repeatable."),
    ] = None,
    releases: Annotated[
        Path | None, typer.Option(help="Folder of the releases, made if need be; default: releases/ here.")
    ] = None,
    layer: Layer = None,
    quiet: Quiet = False,
) -> None:
    """Write the folder of a new release, with a mark in each place that is to be filled in.

    With --from, what stays is taken over: title, people, licence, keywords, funding, schema. Version, date,
    DOI, changelog and retired IDs are not. `rogi release build` names the marks that are left.

    Examples: `rogi release init 1.0 --name DryAndes -i outlines.gpkg` ·
    `rogi release init 1.1 --from TPRoGI_v1.0.zip`
    """
    before = stated_by(previous, releases) if previous is not None else None
    schema = None
    if inventory:
        schema = read_inventory(inventory, layers=tuple(layer or ())).schema.id
    place = releases or Path(FOLDER)
    others = known_versions(place)
    folder = new_folder(version, place, previous=before, name=name, schema=schema)
    sys.stdout.write(f"{folder}\n")
    if quiet:
        return
    if before is None and others:
        tell(f"note: nothing is taken over; --from {others[-1]} takes what stays of that version")
    number = sum(len(lines) for lines in marks_in(folder / FILE).values())
    tell(f"{counted(number, 'place')} to fill in, each marked <FILL IN: ...>, in {FILE} and {CHANGELOG}")
