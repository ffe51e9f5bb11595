"""``rogi detect patches``: cut training patches from imagery and outlines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.common import KEEPS
from rogi.cli.detect.imagery_options import IMAGERY, Bands, Channels, Masks, NoData, PreferChoice, Preferred
from rogi.cli.options import pairs
from rogi.cli.progress import Progress
from rogi.cli.streams import tell
from rogi.detection.imagery.channels import Imagery
from rogi.detection.patches.cutting import PatchSettings, usual_stride
from rogi.detection.patches.extraction import make_patches
from rogi.detection.patches.label_rasters import read_outlines
from rogi.detection.patches.split import SplitMethod
from rogi.errors import OptionError
from rogi.raster.bands import parse_choice
from rogi.raster.files import close_files
from rogi.text import counted

if TYPE_CHECKING:
    from rogi.detection.patches.extraction import Made


LABELS, CUTTING, PARTS = "Labels", "Cutting", "Training and validation"
"""Headings of options in ``--help``."""


def patches(
    imagery: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGERY...",
            help="GeoTIFF, VRT, folder of tiles or STAC item; several are several images, not one mosaic.",
        ),
    ],
    units: Annotated[list[Path], typer.Option(help="Inventory whose outlines are the units. Repeatable.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write."), KEEPS],
    negatives: Annotated[
        list[Path] | None,
        typer.Option(
            help="Polygons of what is no rock glacier: FILE or FILE:LAYER. Of candidates with a column "
            "decision those to remove; the unsure ones are ignored. Repeatable.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    hard: Annotated[
        float,
        typer.Option(
            help="How often a patch with a rejected candidate of confidence 1 is taken in an epoch; 1: once.",
            rich_help_panel=LABELS,
        ),
    ] = 1.0,
    ignore: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Polygons that count neither in the loss nor in scores. Repeatable.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    ignore_where: Annotated[
        str | None,
        typer.Option(
            help="Units to ignore by an attribute: COLUMN=VALUE or COLUMN=VALUE,VALUE.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    background: Annotated[
        float,
        typer.Option(
            help="Share of patches of random ground without outlines, 0 to 0.9.", rich_help_panel=CUTTING
        ),
    ] = 0.0,
    area: Annotated[
        Path | None,
        typer.Option(
            help="Polygons of the ground that was searched for units; outside nothing counts.",
            rich_help_panel=LABELS,
        ),
    ] = None,
    channel: Channels = None,
    bands: Bands = None,
    crs: Annotated[
        str | None,
        typer.Option(
            help="CRS of outlines whose file states none (CSV), e.g. EPSG:4326.", rich_help_panel=LABELS
        ),
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(help="Resample to pixels of so many metres.", rich_help_panel=IMAGERY)
    ] = None,
    context: Annotated[
        float, typer.Option(help="Metres of ground around a unit.", rich_help_panel=CUTTING)
    ] = 1500.0,
    size: Annotated[
        int, typer.Option(help="Side of a patch, pixels.", min=16, max=4096, rich_help_panel=CUTTING)
    ] = 480,
    stride: Annotated[
        int | None,
        typer.Option(
            help="Pixels between neighbouring patches; default two thirds of the side.",
            min=1,
            rich_help_panel=CUTTING,
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            help="blocked: by blocks of ground, a patch apart; random: by units, which leaks.",
            rich_help_panel=PARTS,
        ),
    ] = "blocked",
    train_share: Annotated[
        float, typer.Option(help="Share of the patches for training.", rich_help_panel=PARTS)
    ] = 0.7,
    block: Annotated[
        float | None,
        typer.Option(
            help="Side of the blocks in metres; chosen by size of the area unless given.",
            rich_help_panel=PARTS,
        ),
    ] = None,
    border: Annotated[
        int,
        typer.Option(
            help="Pixels beside borders of touching units that get the label 2.",
            min=0,
            max=50,
            rich_help_panel=LABELS,
        ),
    ] = 2,
    minimum_valid: Annotated[
        float, typer.Option(help="Least share of valid pixels of a patch.", rich_help_panel=CUTTING)
    ] = 0.05,
    seed: Annotated[
        int, typer.Option(help="Same seed and inputs, same bytes.", min=0, rich_help_panel=PARTS)
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder of patches that exists.")] = False,
    nodata: NoData = None,
    mask: Masks = None,
    prefer: Preferred = PreferChoice.ORDER,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but warnings.")] = False,
) -> None:
    """Cut patches for training from imagery and the outlines of units, and divide them.

    The folder holds shards (tar), index.csv, patches.yaml, and thumbnails.png to look at.

    Example: `rogi detect patches mosaic/ --units inventory.gpkg --negatives rejected.gpkg -o patches`
    """
    settings = PatchSettings(
        context_m=context,
        size=size,
        stride=stride if stride is not None else usual_stride(size),
        train_share=train_share,
        split=_split(split),
        block_m=block,
        seed=seed,
        border=border,
        minimum_valid=minimum_valid,
        background=background,
        hard=hard,
    )
    channels = pairs(channel, "--channel", "elevation=dem.tif")
    chosen = parse_choice(bands)
    images = [
        Imagery.open(
            path,
            bands=chosen,
            channels=channels,
            resolution=resolution,
            nodata=nodata or (),
            masks=mask or (),
            prefer=prefer.value,
        )
        for path in imagery
    ]
    line = Progress(quiet)
    try:
        made = make_patches(
            images,
            [read_outlines(path, crs) for path in units],
            output,
            negatives=[read_outlines(path, crs) for path in negatives or ()],
            ignored=[read_outlines(path, crs) for path in ignore or ()],
            ignore_where=ignore_where,
            area=read_outlines(area, crs) if area is not None else None,
            settings=settings,
            force=force,
            progress=line,
        )
    finally:
        line.done()
        close_files()
    for note in made.notes:
        if not quiet:
            tell(f"note: {note}")
    sys.stdout.write(_summary(made, output))
    if made.damaged:
        for message in made.damaged:
            tell(f"error: {message}")
        raise typer.Exit(2)


def _split(text: str) -> SplitMethod:
    try:
        return SplitMethod(text.lower())
    except ValueError:
        raise OptionError(f"--split is blocked or random, found {text!r}.") from None


def _summary(made: Made, output: Path) -> str:
    card = made.patches.card
    counts = dict(card.counts)
    left_out = {why: number for why, number in counts.pop("left_out").items() if number}
    lines = [
        f"{output}: {counted(len(made.patches), 'patch', 'patches')} of {card.size} x {card.size} pixels, "
        f"{card.resolution_m:.3g} m each"
    ]
    for part, kinds in counts.items():
        lines.append(f"  {part}: " + ", ".join(f"{number} {kind}" for kind, number in kinds.items()))
    if left_out:
        lines.append("  left out: " + ", ".join(f"{number} {why}" for why, number in left_out.items()))
    if card.split["shared_ground"]:
        lines.append(
            f"  {card.split['shared_ground']:.0%} of the validation ground is in training patches too, so "
            "scores on it are too good"
        )
    return "\n".join(lines) + "\n"
