"""``rogi update apply``: the decisions of all packages make a new version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rogi.attributes.configuration import AttributeSettings, read_settings
from rogi.cli.common import KEEPS
from rogi.cli.options import format_option
from rogi.cli.progress import Progress
from rogi.cli.streams import tell
from rogi.errors import OptionError
from rogi.report.format import DOCUMENT, chosen
from rogi.report.writers import write
from rogi.text import printable
from rogi.update.applying.new_version import missing_attributes
from rogi.update.applying.results import write_update
from rogi.update.applying.summary import document
from rogi.update.new_version import Request, make_version, version_of

if TYPE_CHECKING:
    from rogi.update.deciding.examination import Examination

SHOWN_PROBLEMS = 20


def apply(
    inventory: Annotated[
        list[Path], typer.Option(help="The inventory that was planned from: file, folder or zip. Repeatable.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The new version, a GeoPackage."), KEEPS],
    work: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[WORK]...", help="Work folder, or its files in any order."),
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="plan.json, or its folder, where the packages lie elsewhere.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="postgresql://… : read the packages from this PostGIS database.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Name of the new version; default: of the output, 1.1 of v1.1.gpkg.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Write nothing unless every task is decided and legal.")
    ] = False,
    history: Annotated[
        list[Path] | None,
        typer.Option(
            help="Earlier updates or releases, whose retired IDs no new unit gets: folders, packages, "
            "lineage.csv. Repeatable. Folders .update beside the inventory count without."
        ),
    ] = None,
    image_source: Annotated[
        str | None, typer.Option(help="SOUR_DATA of new outlines; default: the imagery the plan names.")
    ] = None,
    dem: Annotated[
        list[Path] | None,
        typer.Option(help="Elevation model: attributes of changed units are derived anew. Repeatable."),
    ] = None,
    maat: Annotated[list[Path] | None, typer.Option(help="Air temperature, as in rogi attributes.")] = None,
    magt: Annotated[list[Path] | None, typer.Option(help="Ground temperature, likewise.")] = None,
    ap: Annotated[list[Path] | None, typer.Option(help="Precipitation, likewise.")] = None,
    regions: Annotated[Path | None, typer.Option(help="Polygons of regions, for SUBREGION.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML with [attributes]: rasters and how to read them.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an output that was changed since it was written.")
    ] = False,
    layer: Annotated[
        list[str] | None, typer.Option(help="ROLE=PATH[:LAYER], where rogi does not find the layers itself.")
    ] = None,
    schema: Annotated[str | None, typer.Option(help="Schema of the inventory.")] = None,
    dialect: Annotated[str | None, typer.Option(help="How columns are named; detected unless given.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of an inventory that states none.")] = None,
    format: Annotated[str | None, format_option(DOCUMENT)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """Apply the decisions of all work packages: a new version of the inventory, and where every unit went.

    Sound decisions are applied; what is open, not legal or in conflict stays as it was and is listed in the
    folder beside the output (v1.1.update of v1.1.gpkg). All is written or nothing. Inputs are never changed.
    Exit code 1 if anything is left.

    Examples: `rogi update apply work/ --inventory v1.0.gpkg -o v1.1.gpkg` · `rogi update apply work/*
    --inventory v1.0.gpkg -o v1.1.gpkg --dem tiles/ --regions himap.gpkg --strict`
    """
    kind = chosen(format, None, DOCUMENT)
    request = Request(
        tuple(work or ()),
        tuple(inventory),
        version if version is not None else version_of(output),
        plan=plan,
        store=store,
        output=output,
        force=force,
        strict=strict,
        history=tuple(history or ()),
        image_source=image_source,
        attributes=_settings(config, dem, maat, magt, ap, regions),
        layers=tuple(layer or ()),
        schema=schema,
        dialect=dialect,
        crs=crs,
    )
    line = Progress(quiet)
    try:
        made = make_version(request, line)
        edits, examined, applied, derived = made.edits, made.examined, made.applied, made.derived
        if applied is None:
            line.done()
            _tell(examined, quiet=False)
            tell("refused: nothing was written, because --strict wants every task decided.")
            raise typer.Exit(1)
        line("writing", 5, 5)
        written = write_update(applied, output, derived=derived)
    finally:
        line.done()
    if derived is not None:
        for warning in derived.warnings:
            tell(f"warning: {warning}")
        _tell_left_out(applied, derived, output)
    _tell(examined, quiet)
    if not quiet:
        for line_of in examined.to_confirm:
            tell(f"to confirm: {printable(line_of)}")
        for note in (*edits.notes, *applied.notes):
            tell(f"note: {printable(note)}")
        _tell_missing_attributes(applied, output)
        state = "" if written.changed else " (as it was)"
        tell(f"{written.output}{state}")
        tell(f"{written.folder}{state}")
    write(document(written.content), kind)
    raise typer.Exit(0 if examined.complete else 1)


def _settings(
    config: Path | None,
    dem: list[Path] | None,
    maat: list[Path] | None,
    magt: list[Path] | None,
    ap: list[Path] | None,
    regions: Path | None,
) -> AttributeSettings | None:
    """What to derive attributes from; None where nothing was named."""
    if config is None and not (dem or maat or magt or ap or regions):
        return None

    settings = read_settings(config) if config is not None else AttributeSettings()
    if settings.buffer is not None:
        raise OptionError(
            f"buffer in [attributes] of {config} describes circles around markers, but an update changes "
            "outlines; name a file without it."
        )
    if dem:
        settings = replace(settings, dem=tuple(map(str, dem)))
    if regions:
        settings = replace(settings, regions=str(regions))
    for name, files in (("maat", maat), ("magt", magt), ("ap", ap)):
        settings = settings.with_climate(name, tuple(map(str, files or ())), {})
    return settings


def _tell(examined: Examination, quiet: bool) -> None:
    if quiet:
        return

    problems = examined.problems
    for problem in problems[:SHOWN_PROBLEMS]:
        what = "conflict" if problem.conflict else "problem"
        text = printable(f"{problem.where}: {problem.message} [{problem.rule}]")
        tell(f"{what}: {text}")
    if len(problems) > SHOWN_PROBLEMS:
        tell(f"… and {len(problems) - SHOWN_PROBLEMS} more, listed in problems.csv")


def _tell_left_out(applied: Any, derived: Any, output: Path) -> None:
    """Say which attributes were derived for nothing: a new version has the columns of the old one."""
    has = {name for layer in applied.inventory.layers for name in layer.frame.columns}
    made = {name for layer in derived.inventory.layers for name in layer.frame.columns}
    if left := sorted(made - has):
        tell(
            f"note: the inventory has no columns {', '.join(left)}, so they were not written; "
            f"`rogi attributes {output} … -o …` adds them to all units."
        )


def _tell_missing_attributes(applied: Any, output: Path) -> None:
    """Say which command fills what the new outlines lack."""
    lacking = missing_attributes(applied)
    if not lacking:
        return
    names = ", ".join(lacking)
    tell(
        f"note: {names} of units with a new outline are empty; `rogi attributes {output} --only-missing "
        "--dem … -o …` fills them, or give --dem here."
    )
