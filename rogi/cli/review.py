"""``rogi review sample|score``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rogi.api.reviewing import draw_sample, score_reviews
from rogi.cli.common import WRITES
from rogi.cli.guard import App, Force
from rogi.cli.options import comma_separated, format_option
from rogi.cli.streams import note
from rogi.errors import OptionError
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.report.format import DOCUMENT, chosen
from rogi.report.writers import write
from rogi.review.report import document
from rogi.review.verdicts import Trouble

app = App(
    help="Draw a random sample of units for review, and score what reviewers return.",
)


class Stratify(StrEnum):
    """What strata are made of."""

    NONE = "none"
    SUBREGION = "subregion"
    SIZE = "size"


class Allocation(StrEnum):
    """How the sample is divided between strata."""

    PROPORTIONAL = "proportional"
    EQUAL = "equal"


@app.command("sample")
def sample(
    inventory: Annotated[Path, typer.Argument(help="The inventory to review.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="New folder for the files of the review."), WRITES
    ],
    n: Annotated[int | None, typer.Option("--n", help="Number of units to draw.", min=1)] = None,
    fraction: Annotated[
        float | None, typer.Option(help="Share of the units to draw; default 0.05 unless --n is given.")
    ] = None,
    stratify: Annotated[Stratify, typer.Option(help="Strata: none, subregion or size.")] = Stratify.NONE,
    allocation: Annotated[
        Allocation, typer.Option(help="Divide the sample by the size of the strata, or equally.")
    ] = Allocation.PROPORTIONAL,
    seed: Annotated[int, typer.Option(help="Same inventory and seed, same sample.", min=0)] = 0,
    reviewers: Annotated[str, typer.Option(help="Names, separated by commas; one file each.")] = "A,B",
    kml: Annotated[bool, typer.Option(help="Also write a KML for Google Earth.")] = True,
    layer: Annotated[list[str] | None, typer.Option(help="ROLE=PATH[:LAYER]. Repeatable.")] = None,
    dialect: Annotated[str | None, typer.Option(help="How columns are named; detected unless given.")] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of files that state none, e.g. EPSG:4326; a stated one is kept.")
    ] = None,
    force: Force = False,
) -> None:
    """Draw units at random and write one GeoPackage per reviewer, with a drop-down for the verdict in QGIS.

    Example: `rogi review sample inventory.gpkg --stratify subregion --reviewers Li,Rossi -o review`
    """
    drawn = draw_sample(
        read_inventory(inventory, dialect=dialect, layers=tuple(layer or ()), crs=crs),
        n=n,
        fraction=fraction,
        stratify=stratify.value,
        allocation=allocation.value,
        seed=seed,
    )
    paths = drawn.write(output, comma_separated([reviewers]), kml=kml)
    sys.stdout.write(f"{len(drawn.units)} of {len(drawn.population)} units drawn")
    if len(drawn.strata) > 1:
        sys.stdout.write(f" from {len(drawn.strata)} strata")
    sys.stdout.write("\n" + "".join(f"{path}\n" for path in paths))


@app.command("score")
def score_command(
    files: Annotated[list[Path], typer.Argument(help="The files reviewers returned (.gpkg or .csv).")],
    sample: Annotated[
        Path | None, typer.Option(help="Folder of the review; default: the folder of the first file.")
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option(help="Inventory to write the verdicts back to; needs --updated.")
    ] = None,
    updated: Annotated[
        Path | None,
        typer.Option("--updated", help="New file for the inventory with verdicts in ADDI_INF."),
        WRITES,
    ] = None,
    layer: Annotated[
        list[str] | None, typer.Option(help="ROLE=PATH[:LAYER] of --inventory. Repeatable.")
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="How columns of --inventory are named; detected unless given.")
    ] = None,
    format: Annotated[str | None, format_option(DOCUMENT, output=True)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the score here, not to the terminal."), WRITES
    ] = None,
    force: Force = False,
) -> None:
    """Score the returned files: Table 4, shares of correct units with intervals, agreement, disagreements.

    Exit code 1 if verdicts are missing, misspelt, doubled, deleted or added.

    Example: `rogi review score review/review_li.gpkg review/review_rossi.gpkg`
    """
    if (inventory is None) != (updated is None):
        raise OptionError("Verdicts are written back with --inventory FILE and --updated NEWFILE together.")
    kind = chosen(format, output, DOCUMENT)
    score = score_reviews(files, sample=sample)
    write(document(score.result, score.design, score.returned), kind, output)
    if inventory is not None and updated is not None:
        read = read_inventory(inventory, dialect=dialect, layers=tuple(layer or ()))
        changed, count = score.apply_to(read)
        write_inventory(changed, updated)
        note(f"{updated}: verdicts of {count} of {score.result.sampled} sampled units written")
    serious = [p for p in score.result.problems if p.trouble is not Trouble.SPELLING]
    raise typer.Exit(1 if serious else 0)
