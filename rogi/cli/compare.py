"""``rogi compare``: how an inventory differs from another, from published counts, or from other operators."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.guard import WRITES, Force
from rogi.cli.streams import tell
from rogi.errors import OptionError

if TYPE_CHECKING:
    from rogi.comparison.compare import Parameters
    from rogi.comparison.exercise import OperatorComparison
    from rogi.comparison.outcome import Outcome
    from rogi.comparison.references import Reference, ReferenceCount
    from rogi.comparison.sides import Side
    from rogi.regions import Regions

SUMMARY = "GITHUB_STEP_SUMMARY"
VECTOR_SUFFIXES = (".gpkg", ".shp", ".geojson", ".json", ".fgb", ".parquet", ".kml", ".zip")


def compare(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="A (the reference) and B; or one inventory with --reference; or several operators."
        ),
    ],
    region: Annotated[
        str | None,
        typer.Option(help="Only units in here: a file of polygons, FILE:NAME, or the name of a subregion."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Agreement per group: a file of named polygons, or a column such as subregion."),
    ] = None,
    region_field: Annotated[
        str | None, typer.Option(help="Column of the names in the files of --region and --by.")
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(help="Published counts to set beside: a name, all, or a YAML file. Repeatable."),
    ] = None,
    reference_file: Annotated[
        Path | None, typer.Option(help="The inventory of the reference itself, to be compared in full.")
    ] = None,
    role: Annotated[
        str | None, typer.Option(help="Compare outline or marker; by default outlines where there are some.")
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="ROLE=LAYER or ROLE=PATH[:LAYER], such as outline=areas.gpkg:polygons, where rogi does not "
            "find the layers itself. Repeatable."
        ),
    ] = None,
    id: Annotated[str | None, typer.Option(help="Column of the ids; detected unless given.")] = None,
    crosswalk: Annotated[
        list[Path] | None,
        typer.Option(help="Write the crosswalk: .parquet, .csv or .gpkg. Repeatable."),
        WRITES,
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option(help="Write gains, losses and both inventories with their clusters: .gpkg."),
        WRITES,
    ] = None,
    consensus: Annotated[
        Path | None,
        typer.Option(help="Of several operators: write consensus outlines and votes: .gpkg."),
        WRITES,
    ] = None,
    min_votes: Annotated[
        int | None, typer.Option(help="Votes for the consensus; default: more than half of the operators.")
    ] = None,
    format: Annotated[
        list[str] | None, typer.Option(help="text, json, markdown, html; one for each --output.")
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="Write a report here; the suffix tells the format. Repeatable."),
        WRITES,
    ] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option(help="Exit code 1 below this: f1=0.6, recall=0.7. Repeatable.")
    ] = None,
    expect: Annotated[
        Path | None,
        typer.Option(help="YAML file of stored numbers with tolerances; exit code 1 if one differs."),
    ] = None,
    iou: Annotated[
        list[float] | None, typer.Option(help="IoU thresholds of the agreement by object. Repeatable.")
    ] = None,
    sliver: Annotated[
        float | None,
        typer.Option(help="Overlaps below this share of the smaller outline link nothing; default 0.01."),
    ] = None,
    marker_distance: Annotated[
        float | None, typer.Option(help="Markers up to this far apart are one landform, m; default 50.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 0,
    crs: Annotated[str | None, typer.Option(help="CRS of files that state none, e.g. EPSG:4326.")] = None,
    dialect: Annotated[str | None, typer.Option(help="How columns are named; detected unless given.")] = None,
    force: Force = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """How good is an inventory, and how does it differ from another? A is the reference.

    Exit code 1 if a number misses --fail-under or --expect.

    Examples: `rogi compare reference.gpkg mine.gpkg -o report.html` · `rogi compare v1.0/ v1.1/ --by
    subregion --crosswalk links.parquet --changes changes.gpkg` · `rogi compare mine.gpkg --reference all` ·
    `rogi compare anna.gpkg ben.gpkg carla.gpkg --consensus consensus.gpkg`
    """
    from rogi.cli.options import ProgressLine
    from rogi.comparison.metrics import (
        check_expectations,
        check_limits,
        metrics,
        parse_limits,
        read_expectations,
    )
    from rogi.comparison.outcome import Outcome
    from rogi.comparison.references import load_references

    outputs = _outputs(list(output or ()), list(format or ()))
    _check_outputs(list(crosswalk or ()), changes, consensus)
    limits = parse_limits(list(fail_under or ()))
    expected = read_expectations(expect) if expect is not None else []
    references = load_references(list(reference or ()))
    _check_arguments(paths, references, reference_file, min_votes, consensus)
    two = len(paths) == 2 or reference_file is not None
    _check_two(
        two,
        {
            "--fail-under": limits,
            "--expect": expect,
            "--crosswalk": crosswalk,
            "--changes": changes,
            "--by": by,
        },
    )
    parameters = _parameters(iou, sliver, marker_distance, seed)
    places = _regions(by, region_field)

    progress = ProgressLine(quiet)
    sides = _sides(paths, reference_file, role, id, crs, dialect, layer or [], progress)
    progress("comparing", 1, 1)
    outcome = Outcome()
    if len(paths) > 2:
        outcome = replace(outcome, operators=_operators(sides, region, region_field, parameters, min_votes))
    elif len(sides) == 2:
        own = sides[0] if reference_file is not None else None
        outcome = _pair(sides, region, region_field, places, by, parameters, references, own)
    if references:
        counts = _counts(sides[-1], references, region, region_field, sides[0] if reference_file else None)
        outcome = replace(outcome, references=tuple(counts))
    if limits or expected:
        assert outcome.inventories is not None
        found = metrics(outcome.inventories)
        outcome = replace(
            outcome, checks=(*check_limits(found, limits), *check_expectations(found, expected))
        )
    progress.done()
    _write(outcome, outputs, list(crosswalk or ()), changes, consensus)
    raise typer.Exit(1 if outcome.failed else 0)


def _check_arguments(
    paths: list[Path],
    references: list[Reference],
    reference_file: Path | None,
    min_votes: int | None,
    consensus: Path | None,
) -> None:
    if len(paths) == 1 and not references:
        raise OptionError(
            f"{paths[0]} alone has nothing to be compared with; name a second inventory, or --reference NAME."
        )
    if references and len(paths) > 1:
        raise OptionError(
            "--reference takes one inventory; give the reference's own file as --reference-file."
        )
    if reference_file is not None and len(references) != 1:
        raise OptionError("--reference-file is the file of one reference; name it with --reference NAME.")
    if len(paths) < 3 and (min_votes is not None or consensus is not None):
        raise OptionError("--min-votes and --consensus are for three or more inventories.")


def _check_two(two: bool, options: dict[str, object]) -> None:
    """Options that say nothing of several operators, or of one inventory beside published counts."""
    given = [name for name, value in options.items() if value]
    if given and not two:
        raise OptionError(f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} for two inventories.")


def _check_outputs(crosswalk: list[Path], changes: Path | None, consensus: Path | None) -> None:
    for path in crosswalk:
        if path.suffix.lower() not in (".parquet", ".csv", ".gpkg"):
            raise OptionError(f"--crosswalk {path}: a crosswalk is written as .parquet, .csv or .gpkg.")
    for option, file in (("--changes", changes), ("--consensus", consensus)):
        if file is not None and file.suffix.lower() != ".gpkg":
            raise OptionError(f"{option} {file}: the layers are written as one .gpkg.")


def _parameters(
    iou: list[float] | None, sliver: float | None, marker_distance: float | None, seed: int
) -> Parameters:
    from rogi.comparison.compare import Parameters

    p = Parameters(seed=seed)
    if iou:
        if not all(0 < t <= 1 for t in iou):
            raise OptionError(f"--iou is above 0 and at most 1, found {', '.join(f'{t:g}' for t in iou)}.")
        p = replace(p, iou_thresholds=tuple(sorted(set(iou))))
    if sliver is not None:
        if not 0 <= sliver < 1:
            raise OptionError(f"--sliver is a share from 0 to below 1, found {sliver:g}.")
        p = replace(p, sliver_fraction=sliver)
    if marker_distance is not None:
        if not 0 < marker_distance <= 10_000:
            raise OptionError(
                f"--marker-distance is above 0 and at most 10,000 m, found {marker_distance:g}."
            )
        p = replace(p, marker_distance_m=marker_distance)
    return p


def _regions(text: str | None, field: str | None) -> Regions | None:
    """Regions of a file; None if the text names none."""
    from rogi.regions import read_regions

    if text is None or not (Path(text).exists() or Path(text).suffix.lower() in VECTOR_SUFFIXES):
        return None
    return read_regions(Path(text), field)


def _sides(
    paths: list[Path],
    reference_file: Path | None,
    role: str | None,
    id_field: str | None,
    crs: str | None,
    dialect: str | None,
    layers: list[str],
    progress: object,
) -> list[Side]:
    """The inventories in order, the reference's own file first."""
    from rogi.comparison.sides import side_of
    from rogi.inventory.read import layers_for, read_inventory
    from rogi.schema.model import Role

    wanted = None
    if role is not None:
        if role not in (Role.OUTLINE.value, Role.MARKER.value):
            raise OptionError(f"--role is outline or marker, found {role!r}.")
        wanted = Role(role)
    assert callable(progress)
    files = [*([reference_file] if reference_file is not None else []), *paths]
    sides = []
    for number, path in enumerate(files, start=1):
        progress(f"reading {path}", number, len(files))
        own = layers_for(path, layers, files)
        inventory = read_inventory(path, crs=crs, dialect=dialect, layers=own)
        sides.append(side_of(inventory, wanted, id_field))
    return sides


def _within(sides: list[Side], region: str | None, field: str | None) -> tuple[list[Side], str]:
    from rogi.comparison.inventories import within_region

    if region is None:
        return sides, ""
    file, _, name = region.rpartition(":") if not Path(region).exists() else (region, "", "")
    if file and Path(file).exists():
        return within_region(sides, name, _regions(file, field))
    if file and Path(file).suffix.lower() in VECTOR_SUFFIXES:
        raise OptionError(f"--region {region}: there is no file {file}; check the spelling and the folder.")
    return within_region(sides, "" if Path(region).exists() else region, _regions(region, field))


def _operators(
    sides: list[Side], region: str | None, field: str | None, parameters: Parameters, min_votes: int | None
) -> OperatorComparison:
    from rogi.comparison.exercise import compare_operators

    kept, _ = _within(sides, region, field)
    return compare_operators(kept, parameters, min_votes=min_votes)


def _pair(
    sides: list[Side],
    region: str | None,
    field: str | None,
    places: Regions | None,
    by: str | None,
    parameters: Parameters,
    references: list[Reference],
    own: Side | None,
) -> Outcome:
    from rogi.comparison.inventories import compare_inventories
    from rogi.comparison.outcome import Outcome
    from rogi.comparison.references import in_region

    notes: tuple[str, ...] = ()
    kept, name = _within(sides, region, field) if own is None else (sides, "")
    if own is not None:
        inside, how = in_region(sides[1], references[0], _named(region, field), own)
        if inside is not None:
            kept, name = [sides[0], sides[1].within(inside)], references[0].location
            notes = (f"B was taken inside the region of the reference: {how}",)
    result = compare_inventories(
        kept[0], kept[1], parameters, by=places if places is not None else by, region=name, notes=notes
    )
    return Outcome(inventories=result)


def _named(region: str | None, field: str | None) -> Regions | None:
    if region is None:
        return None
    found = _regions(region, field)
    if found is None:
        raise OptionError(
            f"--region {region}: with --reference, name a file of polygons named after the references."
        )
    return found


def _counts(
    side: Side, references: list[Reference], region: str | None, field: str | None, own: Side | None
) -> list[ReferenceCount]:
    from rogi.comparison.references import count_units

    regions = _named(region, field)
    return [count_units(side, reference, regions, own) for reference in references]


def _outputs(output: list[Path], format: list[str]) -> list[tuple[str, Path | None]]:
    from rogi.render.comparison import Format, format_of

    for name in format:
        if name not in {f.value for f in Format}:
            raise OptionError(f"--format is one of {', '.join(f.value for f in Format)}; found {name!r}.")
    if not output:
        if len(format) > 1:
            raise OptionError(
                f"{len(format)} formats need {len(format)} --output files; the terminal takes one."
            )
        return [(format[0] if format else "text", None)]
    if len(format) == len(output):
        return list(zip(format, output, strict=True))
    if len(format) > 1:
        raise OptionError(
            f"{len(format)} formats do not fit {len(output)} outputs; give one --format for each."
        )
    return [(format[0] if format else "text", None), *((format_of(p).value, p) for p in output)]


def _write(
    outcome: Outcome,
    outputs: list[tuple[str, Path | None]],
    crosswalk: list[Path],
    changes: Path | None,
    consensus: Path | None,
) -> None:
    from rogi.comparison import layers
    from rogi.render.comparison import Format, as_markdown, render

    for kind, path in outputs:
        render(outcome, Format(kind), path)
    if outcome.inventories is not None:
        layers.write_crosswalk(outcome.inventories, crosswalk)
        if changes is not None:
            layers.write_changes(outcome.inventories, changes)
    if outcome.operators is not None and consensus is not None:
        layers.write_consensus(outcome.operators, consensus)
    if os.environ.get(SUMMARY):
        with Path(os.environ[SUMMARY]).open("a", encoding="utf-8") as stream:
            stream.write(as_markdown(outcome))
    for check in outcome.failed:
        tell(f"{check.name} is {check.found:.6g}, wanted {check.wanted}")
