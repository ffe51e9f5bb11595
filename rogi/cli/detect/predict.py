"""``rogi detect predict``: candidates from imagery and a model bundle."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.common import KEEPS
from rogi.cli.detect.imagery_options import IMAGERY, Bands, Channels, Masks, NoData, PreferChoice, Preferred
from rogi.cli.options import date as parsed_date
from rogi.cli.options import pairs
from rogi.cli.progress import Progress
from rogi.cli.streams import Stopwatch, tell
from rogi.detection.finding import Request, Targets, chosen_blend, find_candidates, predict_part
from rogi.detection.imagery.channels import Imagery
from rogi.detection.imagery.suitability import is_scaled, parse_stretch
from rogi.detection.model.ensemble import Models
from rogi.detection.prediction.run import blocks_held
from rogi.errors import INTERRUPTED, OptionError, is_interrupt
from rogi.raster.bands import parse_choice
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    from rogi.detection.candidates.extraction import Candidates
    from rogi.detection.prediction.run import Prediction


GROUND, OUTLINES, RUNNING = "Ground", "Outlines", "Windows and what runs them"
"""Headings of options in ``--help``."""


class MergeChoice(StrEnum):
    """How windows that overlap are merged."""

    COSINE = "cosine"
    OR = "or"


class SeparateChoice(StrEnum):
    """How touching units are separated."""

    WATERSHED = "watershed"
    BOUNDARY = "boundary"


def predict(
    imagery: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGERY", help="GeoTIFF, VRT, folder of tiles or STAC item; several are one mosaic."
        ),
    ],
    model: Annotated[
        list[Path],
        typer.Option(
            help="Model bundle: a folder or zip of `rogi detect train`. Repeatable: their mean is taken."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Candidates to write (.gpkg, .parquet, .fgb, .csv)."), KEEPS
    ],
    area: Annotated[
        str | None,
        typer.Option(
            help="Only this ground: a file of polygons, FILE:NAME, or W,S,E,N in degrees.",
            rich_help_panel=GROUND,
        ),
    ] = None,
    area_field: Annotated[
        str | None, typer.Option(help="Column of the names in the file of --area.", rich_help_panel=GROUND)
    ] = None,
    exclude: Annotated[
        Path | None,
        typer.Option(
            help="Polygons of ground that is not predicted, such as glaciers.", rich_help_panel=GROUND
        ),
    ] = None,
    glaciers: Annotated[
        Path | None,
        typer.Option(
            help="Glacier outlines, to say how much of each candidate lies on them.", rich_help_panel=GROUND
        ),
    ] = None,
    bands: Bands = None,
    channel: Channels = None,
    nodata: NoData = None,
    resample: Annotated[
        bool,
        typer.Option(
            "--resample", help="Bring the imagery to the pixel size of the model.", rich_help_panel=IMAGERY
        ),
    ] = False,
    stretch: Annotated[
        str | None,
        typer.Option(
            help="LOW,HIGH: values of the imagery that become the ends of the model's range; or percentiles: "
            "p2,p98.",
            rich_help_panel=IMAGERY,
        ),
    ] = None,
    trust_values: Annotated[
        bool,
        typer.Option(
            "--trust-values",
            help="Predict tiles whose values are not such as in training, too.",
            rich_help_panel=IMAGERY,
        ),
    ] = False,
    trust_tiles: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="As --trust-values, for tiles of this name only, such as scene_3 or 'scene_3*'; repeatable.",
            rich_help_panel=IMAGERY,
        ),
    ] = None,
    mask: Masks = None,
    prefer: Preferred = PreferChoice.ORDER,
    turns: Annotated[
        int,
        typer.Option(
            help="Mean of so many answers: 2 half turns, 4 quarter turns, 8 mirrored too; 1: as it is.",
            rich_help_panel=RUNNING,
        ),
    ] = 1,
    merge: Annotated[
        MergeChoice,
        typer.Option(
            help="cosine: weighted mean of windows; or: largest value, as Sun et al. (2024).",
            rich_help_panel=RUNNING,
        ),
    ] = MergeChoice.COSINE,
    stride: Annotated[
        int | None,
        typer.Option(
            help="Pixels between windows; default the model's, with --merge or 160.", rich_help_panel=RUNNING
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Least probability of a candidate's pixels; default the model's.", rich_help_panel=OUTLINES
        ),
    ] = None,
    minimum_area: Annotated[
        float, typer.Option(help="Least area of a candidate, m².", rich_help_panel=OUTLINES)
    ] = 10_000.0,
    fill_holes: Annotated[
        float, typer.Option(help="Fill holes of less than so many m².", rich_help_panel=OUTLINES)
    ] = 0.0,
    smooth: Annotated[
        float,
        typer.Option(
            help="Smooth outlines by so many pixels; 0: along the edges of pixels.", rich_help_panel=OUTLINES
        ),
    ] = 0.0,
    separate: Annotated[
        SeparateChoice | None,
        typer.Option(help="Separate units that touch; the parent is kept.", rich_help_panel=OUTLINES),
    ] = None,
    crs: Annotated[
        str | None,
        typer.Option(help="CRS of the candidates; default that of the imagery.", rich_help_panel=OUTLINES),
    ] = None,
    date: Annotated[
        str | None, typer.Option(help="Date of the imagery, e.g. 2021-08-15.", rich_help_panel=IMAGERY)
    ] = None,
    probability: Annotated[
        Path | None, typer.Option(help="Probability raster to write too: a cloud-optimised GeoTIFF."), KEEPS
    ] = None,
    spread: Annotated[
        Path | None,
        typer.Option(help="Standard deviation among models, turns and overlapping windows, likewise."),
        KEEPS,
    ] = None,
    backend: Annotated[
        str, typer.Option(help="auto, openvino, onnxruntime or torch.", rich_help_panel=RUNNING)
    ] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.", rich_help_panel=RUNNING)] = "auto",
    precision: Annotated[
        str,
        typer.Option(
            help="auto, fp32, tf32 (GPUs) or bf16; each must pass the model's self-test.",
            rich_help_panel=RUNNING,
        ),
    ] = "auto",
    batch: Annotated[
        int | None, typer.Option(help="Windows at a time on a GPU.", rich_help_panel=RUNNING)
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Of each worker; default its share of the cores.", rich_help_panel=RUNNING),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes of this machine; default 1, with --device cuda one for each GPU.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="A Dask scheduler, tcp://host:port, instead.", rich_help_panel=RUNNING)
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            help="Predict only this share of the blocks, such as 3/8, and write no files: a job of an array.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    block: Annotated[
        int | None,
        typer.Option(
            help="Side of a block in pixels, about: what is lost when a run is stopped.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder that keeps finished blocks; default OUT.rogi, beside the output.",
            rich_help_panel=RUNNING,
        ),
        KEEPS,
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that others wrote or changed.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Nothing on stderr but warnings and errors.")
    ] = False,
) -> None:
    """Find candidates of rock glaciers in imagery: predict, put together, and draw outlines
    with confidence.

    Stopped at any point, the same command goes on where it was; of changed imagery only the blocks it touches
    are predicted again. Needs no GPU and no PyTorch, only the extra `detect`.

    Examples: `rogi detect predict mosaic/ --model tprogi.zip -o candidates.gpkg` · `rogi detect predict
    mosaic.vrt --model tprogi.zip --area himap.gpkg:Karakoram --glaciers rgi.gpkg --separate watershed
    --probability probability.tif --workers 4 -o candidates.gpkg`
    """
    watch = Stopwatch()
    parsed_date(date)
    models = Models.load(model, turns)
    level = models.card.threshold if threshold is None else threshold
    targets = Targets(output, probability, spread)
    targets.check()
    targets.check_folders(imagery)
    request = Request(
        models,
        Imagery.open(
            imagery,
            bands=parse_choice(bands),
            channels=pairs(channel, "--channel", "elevation=dem.tif"),
            resolution=models.card.resolution_m if resample else None,
            nodata=nodata or (),
            masks=mask or (),
            prefer=prefer.value,
            scaled=is_scaled(models.card),
        ),
        chosen_blend(models, merge.value, stride, block, spread is not None),
        {
            "threshold": level,
            "minimum_area_m2": minimum_area,
            "fill_holes_m2": fill_holes,
            "smooth": smooth,
            "separate": separate.value if separate else None,
            "glaciers": glaciers,
            "date": date,
            "to_crs": crs,
        },
        parse_stretch(stretch),
        trust_values or tuple(trust_tiles or ()),
        (area, area_field, exclude),
        {"backend": backend, "device": device, "precision": precision, "batch": batch, "threads": threads},
        workers,
        cluster,
    )
    watch("opening")
    folder = work or output.with_name(output.name + ".rogi")
    line = Progress(quiet, "blocks")
    made = None
    try:
        if part is not None:
            done = predict_part(
                request,
                folder,
                _part(part),
                spread=spread is not None,
                progress=line,
                say=line.say,
                watch=watch,
            )
        else:
            made = find_candidates(
                request, targets, folder, force=force, progress=line, say=line.say, watch=watch
            )
            done = made.prediction
    except (KeyboardInterrupt, SystemError) as error:
        if not is_interrupt(error):
            raise
        line.done()
        tell(
            f"stopped; {counted(blocks_held(folder), 'finished block')} in {folder}. The same command "
            "goes on."
        )
        raise typer.Exit(INTERRUPTED) from None
    finally:
        line.done()
    _report(done, None if made is None else made.candidates, level, quiet)
    if not quiet:
        tell(f"{watch}")
    if made is not None:
        sys.stdout.write("".join(f"{path}\n" for path in targets.files))
    if done.damage:
        for message in done.damage:
            tell(f"error: {message}")
        tell(
            "error: the ground of what is named above was not predicted (see the layer coverage); all other "
            "ground was. Put it right and run the same command again."
        )
        raise typer.Exit(2)


def _part(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise OptionError(f"--part is K/N, the number of the part and of all, such as 3/8; found {text!r}.")
    return int(number), int(count)


def _report(done: Prediction, found: Candidates | None, threshold: float, quiet: bool) -> None:
    if quiet:
        return
    for note in (*done.notes, *(() if found is None else found.notes)):
        tell(f"note: {note}")
    held = (
        f", {done.reused:,} of them as {agreeing(done.reused, 'it was', 'they were')}" if done.reused else ""
    )
    share = (
        f", the network {100 * done.network_seconds / done.seconds:.0f} % of the time" if done.windows else ""
    )
    windows = counted(done.windows, "window")
    tell(f"{counted(done.blocks, 'block')}{held}; {windows} predicted{share}")
    if found is None:
        tell("this part is done; when all are, run the same command without --part for the candidates")
    elif not len(found):
        tell(
            f"no candidate: nowhere is the probability {threshold:g} or more on ground of the minimum area; "
            "the file has its layers and no rows"
        )
    else:
        tell(f"{counted(len(found), 'candidate')}, {found.frame['AREA'].sum():.2f} km²")
