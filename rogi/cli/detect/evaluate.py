"""``rogi detect evaluate``: candidates judged by true outlines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi import vector
from rogi.cli.guard import WRITES, Force
from rogi.cli.options import Remote
from rogi.cli.streams import tell
from rogi.errors import InputError, OptionError

if TYPE_CHECKING:
    from rogi.comparison.compare import Parameters
    from rogi.geometry import Geometries
    from rogi.inventory.model import Inventory
    from rogi.regions import Regions
    from rogi.render.detection import Format


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
    format: Annotated[
        list[str] | None, typer.Option(help="text, json, markdown, csv, html; one for each --output.")
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="Write a report here; the suffix tells the format. Repeatable."),
        WRITES,
    ] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option(help="Exit code 1 below this: f1=0.6, object_f1=0.5. Repeatable.")
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
    remote: Remote = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """How good are candidates? By area as in Table 3 of the paper, by object, by boundary, by confidence.

    Only ground that was predicted counts, where the candidates' file says which that is. Exit code 1 if a
    number misses --fail-under or --expect.

    Examples: `rogi detect evaluate candidates.gpkg inventory.gpkg -o evaluation.html` · `rogi detect evaluate
    candidates.gpkg TPRoGI/ --subregions himap.gpkg --probability probability.tif --fail-under f1=0.6`
    """
    from rogi.cli.options import ProgressLine
    from rogi.comparison.metrics import check_expectations, check_limits, parse_limits, read_expectations
    from rogi.comparison.sides import side_of
    from rogi.detection.evaluation import evaluate as judge
    from rogi.detection.published import packaged_evaluation, read_published
    from rogi.inventory.read import layers_for, read_inventory
    from rogi.render.detection import render
    from rogi.schema.model import Role

    outputs = _outputs(list(output or ()), list(format or ()))
    limits = parse_limits(list(fail_under or ()))
    expected = read_expectations(expect) if expect is not None else []
    if probability is None:
        _check_pixels(list(limits), "--fail-under")
        _check_pixels([one.name for one in expected], "--expect")
    parameters = _parameters(iou, replicates, seed)
    if not 0 <= band <= 1000:
        raise OptionError(f"--band is 0 (no boundary IoU) to 1000 m, found {band:g}.")
    rates = packaged_evaluation() if published is None else read_published(published)
    places = _regions(subregions, region_field)
    asked, name = _area(area, region_field)

    progress = ProgressLine(quiet)
    progress("reading candidates", 1, 4)
    own, other = (layers_for(path, layer or (), (candidates, truth)) for path in (candidates, truth))
    found = read_inventory(candidates, crs=crs, layers=own)
    side_b = side_of(found, Role.OUTLINE)
    progress("reading truth", 2, 4)
    side_a = side_of(read_inventory(truth, crs=crs, layers=other), Role.OUTLINE)
    progress("comparing", 3, 4)
    result = judge(
        side_b,
        side_a,
        ground=_ground(found, asked, everywhere),
        subregions=places if places is not None else subregions,
        confidence=confidence,
        probability=probability,
        pixel_threshold=_threshold(threshold, candidates),
        published=rates,
        parameters=parameters,
        band_m=band,
        region=name,
        everywhere=everywhere,
    )
    checks = []
    if limits or expected:
        numbers = result.metrics()
        checks = [*check_limits(numbers, limits), *check_expectations(numbers, expected)]
    progress("writing", 4, 4)
    progress.done()
    for kind, target in outputs:
        render(result, kind, target, checks)
    for check in (c for c in checks if not c.holds):
        tell(f"{check.name} is {check.found:.6g}, wanted {check.wanted}")
    damaged = result.pixels.damaged if result.pixels is not None else ()
    for message in damaged:
        tell(f"error: {message}")
    raise typer.Exit(2 if damaged else 0 if all(c.holds for c in checks) else 1)


def _check_pixels(names: list[str], option: str) -> None:
    """Before files are read: numbers of pixels are only there with their probabilities."""
    from rogi.detection.evaluation import PIXEL_METRICS

    asked = [name for name in names if name in PIXEL_METRICS]
    if asked:
        raise OptionError(
            f"{option} {asked[0]} needs --probability, the raster that the candidates were made from."
        )


def _outputs(output: list[Path], format: list[str]) -> list[tuple[Format, Path | None]]:
    from rogi.render.detection import Format, format_of

    names = {f.value for f in Format}
    for name in format:
        if name not in names:
            raise OptionError(f"--format is one of {', '.join(f.value for f in Format)}; found {name!r}.")
    if not output:
        if len(format) > 1:
            raise OptionError(
                f"{len(format)} formats need {len(format)} --output files; the terminal takes one."
            )
        return [(Format(format[0]) if format else Format.TEXT, None)]
    if len(format) == len(output):
        return [(Format(f), p) for f, p in zip(format, output, strict=True)]
    if len(format) > 1:
        raise OptionError(
            f"{len(format)} formats do not fit {len(output)} outputs; give one --format for each."
        )
    terminal = Format(format[0]) if format else Format.TEXT
    return [(terminal, None), *((format_of(p), p) for p in output)]


def _parameters(iou: list[float] | None, replicates: int, seed: int) -> Parameters:
    from rogi.comparison.compare import Parameters

    p = Parameters(seed=seed, replicates=replicates)
    if iou:
        if not all(0 < t <= 1 for t in iou):
            raise OptionError(f"--iou is above 0 and at most 1, found {', '.join(f'{t:g}' for t in iou)}.")
        p = replace(p, iou_thresholds=tuple(sorted(set(iou))))
    return p


def _file_of(text: str) -> Path | None:
    """The file among what may be a file, a file and a name, or a column."""
    for part in (text, text.rpartition(":")[0]):
        if part and Path(part).exists():
            return Path(part)
    return None


def _regions(text: str | None, field: str | None) -> Regions | None:
    from rogi.regions import read_regions

    if text is None:
        return None
    file = _file_of(text)
    if file is None and (Path(text).suffix or "/" in text):
        raise OptionError(f"--subregions {text}: there is no such file; check the spelling and the folder.")
    return None if file is None else read_regions(file, field, "polygons of --subregions")


def _area(text: str | None, field: str | None) -> tuple[Geometries | None, str]:
    """Polygons of the area asked for, and its name."""
    import pyogrio

    from rogi.comparison.outlines import repair
    from rogi.detection.predicted_ground import with_points_along
    from rogi.geometry import to_lonlat
    from rogi.regions import polygon_layer, read_regions, same_name

    if text is None:
        return None, ""
    file = _file_of(text)
    if file is None:
        raise OptionError(f"--area {text}: there is no such file; name a file of polygons, or FILE:NAME.")
    if str(file) == text:
        try:
            frame = vector.read_dataframe(file, layer=polygon_layer(file, "outlines of --area"))
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
            raise InputError(f"The area {file} cannot be read: {error}; name a file of polygons.") from None
        if getattr(frame, "crs", None) is None:
            raise InputError(f"The area {file} has no geometry or no CRS; set it in the file.")
        polygons = frame[frame.geom_type.isin(["Polygon", "MultiPolygon"])]
        if not len(polygons):
            raise InputError(f"The area {file} holds no polygons.")
        shapes = with_points_along(polygons.geometry.to_numpy(), frame.crs)
        return repair(to_lonlat(shapes, frame.crs))[0], file.name
    regions = read_regions(file, field, "outlines of --area")
    found = same_name(text.rpartition(":")[2], regions.names)
    if found is None:
        raise OptionError(
            f"--area {text}: {file} has no region of this name; it has {', '.join(regions.names)}."
        )
    at = regions.names.index(found)
    return regions.geometry[at : at + 1], found


def _ground(found: Inventory, asked: Geometries | None, everywhere: bool) -> Geometries | None:
    """Polygons where candidates could have been found; None where nothing says so."""
    from rogi.comparison.outlines import repair
    from rogi.detection.predicted_ground import intersected, with_points_along
    from rogi.geometry import to_lonlat
    from rogi.schema.model import Role

    layer = found.layer(Role.AREA_OF_INTEREST)
    if everywhere or layer is None or not len(layer) or layer.crs is None:
        return asked
    covered = repair(to_lonlat(with_points_along(layer.geometry, layer.crs), layer.crs))[0]
    return covered if asked is None else intersected(covered, asked)


def _threshold(given: float | None, candidates: Path) -> float:
    if given is not None:
        if not 0 < given <= 1:
            raise OptionError(f"--threshold is a probability above 0 and at most 1, found {given:g}.")
        return given
    from rogi.detection.candidates import read_parameters

    stated = read_parameters(candidates).get("threshold")
    return float(stated) if isinstance(stated, int | float) and 0 < stated <= 1 else 0.5
