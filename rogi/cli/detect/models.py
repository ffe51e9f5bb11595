"""``rogi detect models``: which bundles there are, and whether they are whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.options import format_option
from rogi.cli.streams import tell
from rogi.detection.model.collection import described, find_bundles, inspect, read_description
from rogi.detection.training.report import as_cards, as_descriptions, document
from rogi.report.format import DOCUMENT, Format, chosen
from rogi.report.writers import write

FORMATS = (*DOCUMENT, Format.CSV, Format.CARD)


def models(
    places: Annotated[
        list[Path] | None,
        typer.Argument(help="Bundles (folder or zip), or folders that contain some; default: this folder."),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Run the golden example of each on every backend there is."),
    ] = False,
    describe: Annotated[
        bool,
        typer.Option(
            "--describe",
            help="Say what a model takes and gives; also of any STAC item with the extension MLM.",
        ),
    ] = False,
    format: Annotated[str | None, format_option(FORMATS)] = None,
) -> None:
    """List model bundles and check that they are whole: every byte against its sum, and the format.

    Exit code 1 if one of them is damaged or fails its self-test.

    Examples: `rogi detect models models/` · `rogi detect models tprogi.zip --format card --self-test` ·
    `rogi detect models other/item.json --describe`
    """
    kind = chosen(format, None, FORMATS)
    if describe:
        sys.stdout.write(as_descriptions([(path, read_description(path)) for path in described(places)]))
        return
    found = [inspect(path, self_test=self_test) for path in find_bundles(places or [Path()])]
    if kind is Format.CARD:
        sys.stdout.write(as_cards(found))
    else:
        write(document(found), kind)
    for item in found:
        if item.error:
            tell(f"error: {item.error}")
    if any(item.error for item in found):
        raise typer.Exit(1)
