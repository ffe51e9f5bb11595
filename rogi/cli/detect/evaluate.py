"""``rogi detect evaluate``: candidates judged by true outlines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.cli.options import Backdrop, check_backdrop, format_option
from rogi.cli.progress import Progress
from rogi.cli.streams import tell
from rogi.comparison.metrics import Limits, check_expectations, read_expectations
from rogi.detection.evaluation.judging import evaluate_candidates
from rogi.detection.evaluation.report import FORMATS, document
from rogi.detection.evaluation.scores import PIXEL_METRICS
from rogi.errors import OptionError
from rogi.inventory.read import layers_for, read_inventory
from rogi.report.format import all_chosen
from rogi.report.writers import write

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory


def evaluate(
    candidates: Annotated[Path, typer.Argument(help="What `rogi detect predict` wrote, or other outlines.")],
    truth: Annotated[Path, typer.Argument(help="Outlines taken for true: an inventory of the same ground.")],
    area: Annotated[
        str | None, typer.Option(help="Count only here: a file of polygons, or FILE:NAME for one of them.")
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Count ground that was not predicted too.")
    ] = False,
    subregions: Annotated[
        str | None,
        typer.Option(help="Table per subregion: a file of named polygons, or a column that both have."),
    ] = None,
    region_field: Annotated[
        str | None, typer.Option(help="Column of the names in the files of --area and --subregions.")
    ] = None,
    probability: Annotated[
        Path | None, typer.Option(help="Raster of probabilities the candidates were made from.")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Threshold of pixels in use; default that in the candidates' file, or 0.5."),
    ] = None,
    confidence: Annotated[
        str | None, typer.Option(help="Column of the candidates with a score of 0 to 1; default confidence.")
    ] = None,
    published: Annotated[
        Path | None, typer.Option(help="YAML file of published rates; default those of TPRoGI v1.0.")
    ] = None,
    iou: Annotated[
        list[float] | None, typer.Option(help="IoU thresholds of the agreement by object. Repeatable.")
    ] = None,
    band: Annotated[
        float, typer.Option(help="Width of the band of the boundary IoU, m; 0 leaves it out.")
    ] = 30.0,
    dem: Backdrop = None,
    format: Annotated[list[str] | None, format_option(FORMATS, repeated=True)] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="Write a report here; the suffix tells the format. Repeatable."),
        WRITES,
    ] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option(help="Exit code 1 below this: f1=0.6, object_f1=0.5. Repeatable.")
    ] = None,
    fail_over: Annotated[
        list[str] | None,
        typer.Option(help="Exit code 1 above this: calibration_error=0.1. Repeatable."),
    ] = None,
    expect: Annotated[
        Path | None,
        typer.Option(help="YAML file of stored numbers with tolerances; exit code 1 if one differs."),
    ] = None,
    replicates: Annotated[int, typer.Option(help="Of the bootstrap.", min=10, max=100_000)] = 1000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 0,
    layer: Annotated[
        list[str] | None, typer.Option(help="ROLE=LAYER, or ROLE=PATH[:LAYER] of either file. Repeatable.")
    ] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of files that state none, e.g. EPSG:4326.")] = None,
    force: Force = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """How good are candidates? By area as in Table 3 of the paper, by object, by boundary, by confidence.

    Only ground that was predicted counts, where the candidates' file says which that is. Exit code 1 if a
    number misses --fail-under, --fail-over or --expect.

    Examples: `rogi detect evaluate candidates.gpkg inventory.gpkg -o evaluation.html` · `rogi detect evaluate
    candidates.gpkg TPRoGI/ --subregions himap.gpkg --probability probability.tif --fail-under f1=0.6`
    """
    outputs = all_chosen(list(format or ()), list(output or ()), FORMATS)
    check_backdrop(dem, outputs)
    limits = Limits.parse(fail_under or (), fail_over or ())
    expected = read_expectations(expect) if expect is not None else []
    if probability is None:
        _check_pixels(limits.under, "--fail-under")
        _check_pixels(limits.over, "--fail-over")
        _check_pixels([one.name for one in expected], "--expect")
    progress = Progress(quiet)
    result = evaluate_candidates(
        lambda: _read(candidates, truth, crs, layer or (), progress),
        area=area,
        everywhere=everywhere,
        subregions=subregions,
        region_field=region_field,
        probability=probability,
        threshold=threshold,
        confidence=confidence,
        published=published,
        iou=tuple(iou or ()),
        band_m=band,
        replicates=replicates,
        seed=seed,
    )
    checks = []
    if limits or expected:
        numbers = result.metrics()
        checks = [*limits.check(numbers), *check_expectations(numbers, expected)]
    progress("writing", 4, 4)
    progress.done()
    report = document(result, checks)
    for kind, target in outputs:
        write(report, kind, target, dem or ())
    for check in (c for c in checks if not c.holds):
        tell(f"{check.name} is {check.found:.6g}, wanted {check.wanted}")
    damaged = result.pixels.damaged if result.pixels is not None else ()
    for message in damaged:
        tell(f"error: {message}")
    raise typer.Exit(2 if damaged else 0 if all(c.holds for c in checks) else 1)


def _read(
    candidates: Path, truth: Path, crs: str | None, layer: Sequence[str], progress: Progress
) -> tuple[Inventory, Inventory]:
    own, other = (layers_for(path, layer, (candidates, truth)) for path in (candidates, truth))
    progress("reading candidates", 1, 4)
    found = read_inventory(candidates, crs=crs, layers=own)
    progress("reading truth", 2, 4)
    true = read_inventory(truth, crs=crs, layers=other)
    progress("comparing", 3, 4)
    return found, true


def _check_pixels(names: Iterable[str], option: str) -> None:
    """Before files are read: numbers of pixels are only there with their probabilities."""
    asked = [name for name in names if name in PIXEL_METRICS]
    if asked:
        raise OptionError(
            f"{option} {asked[0]} needs --probability, the raster that the candidates were made from."
        )
