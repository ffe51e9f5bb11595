"""``rogi compare``: how an inventory differs from another, from published counts, or from other operators."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.cli.options import Backdrop, check_backdrop, format_option
from rogi.cli.progress import Progress
from rogi.cli.streams import tell
from rogi.comparison import output_layers as layers
from rogi.comparison.matching.sides import side_of
from rogi.comparison.metrics import Limits
from rogi.comparison.outcome import chosen_parameters, compare_sides, role_named
from rogi.comparison.report.report import document
from rogi.errors import OptionError
from rogi.inventory.read import layers_for, read_inventory
from rogi.report.format import DOCUMENT, Format, all_chosen
from rogi.report.writers import as_markdown, write

if TYPE_CHECKING:
    from rogi.comparison.matching.sides import Side
    from rogi.comparison.outcome import Outcome

SUMMARY = "GITHUB_STEP_SUMMARY"
HINT = "The crosswalk is written by --crosswalk, gains and losses by --changes."


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
    dem: Backdrop = None,
    format: Annotated[list[str] | None, format_option(DOCUMENT, repeated=True)] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", "-o", help="Write a report here; the suffix tells the format. Repeatable."),
        WRITES,
    ] = None,
    fail_under: Annotated[
        list[str] | None, typer.Option(help="Exit code 1 below this: f1=0.6, recall=0.7. Repeatable.")
    ] = None,
    fail_over: Annotated[
        list[str] | None,
        typer.Option(help="Exit code 1 above this: boundary_mean_m=10, only_a=5. Repeatable."),
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

    Exit code 1 if a number misses --fail-under, --fail-over or --expect.

    Examples: `rogi compare reference.gpkg mine.gpkg -o report.html` · `rogi compare v1.0/ v1.1/ --by
    subregion --crosswalk links.parquet --changes changes.gpkg` · `rogi compare mine.gpkg --reference all` ·
    `rogi compare anna.gpkg ben.gpkg carla.gpkg --consensus consensus.gpkg`
    """
    outputs = all_chosen(list(format or ()), list(output or ()), DOCUMENT, HINT)
    check_backdrop(dem, outputs)
    _check_outputs(list(crosswalk or ()), changes, consensus)
    limits = Limits.parse(fail_under or (), fail_over or ())
    _check_arguments(paths, reference or [], reference_file, min_votes, consensus)
    two = len(paths) == 2 or reference_file is not None
    _check_two(
        two,
        {
            "--fail-under": limits.under,
            "--fail-over": limits.over,
            "--expect": expect,
            "--crosswalk": crosswalk,
            "--changes": changes,
            "--by": by,
        },
    )
    progress = Progress(quiet)
    outcome = compare_sides(
        lambda: _sides(paths, reference_file, role, id, crs, dialect, layer or [], progress),
        len(paths),
        region=region,
        by=by,
        region_field=region_field,
        references=reference or (),
        with_own=reference_file is not None,
        min_votes=min_votes,
        parameters=chosen_parameters(iou or (), sliver, marker_distance, seed),
        limits=limits,
        expect=expect,
    )
    progress.done()
    _write(outcome, outputs, list(crosswalk or ()), changes, consensus, dem or ())
    raise typer.Exit(1 if outcome.failed else 0)


def _check_arguments(
    paths: list[Path],
    references: list[str],
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


def _sides(
    paths: list[Path],
    reference_file: Path | None,
    role: str | None,
    id_field: str | None,
    crs: str | None,
    dialect: str | None,
    layers: list[str],
    progress: Progress,
) -> list[Side]:
    """The inventories in order, the reference's own file first."""
    wanted = role_named(role)
    files = [*([reference_file] if reference_file is not None else []), *paths]
    sides = []
    for number, path in enumerate(files, start=1):
        progress(f"reading {path}", number, len(files))
        own = layers_for(path, layers, files)
        inventory = read_inventory(path, crs=crs, dialect=dialect, layers=own)
        sides.append(side_of(inventory, wanted, id_field))
    progress("comparing", 1, 1)
    return sides


def _write(
    outcome: Outcome,
    outputs: list[tuple[Format, Path | None]],
    crosswalk: list[Path],
    changes: Path | None,
    consensus: Path | None,
    relief: Sequence[Path],
) -> None:
    report = document(outcome)
    for kind, path in outputs:
        write(report, kind, path, relief)
    if outcome.inventories is not None:
        layers.write_crosswalk(outcome.inventories, crosswalk)
        if changes is not None:
            layers.write_changes(outcome.inventories, changes)
    if outcome.operators is not None and consensus is not None:
        layers.write_consensus(outcome.operators, consensus)
    if os.environ.get(SUMMARY):
        with Path(os.environ[SUMMARY]).open("a", encoding="utf-8") as stream:
            stream.write(as_markdown(report))
    for check in outcome.failed:
        tell(f"{check.name} is {check.found:.6g}, wanted {check.wanted}")
