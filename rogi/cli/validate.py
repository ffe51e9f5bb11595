"""``rogi validate``: check an inventory against the RGIK rules."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi import __version__
from rogi.cli import options
from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.cli.options import format_option
from rogi.cli.progress import Progress
from rogi.cli.streams import tell
from rogi.errors import OptionError
from rogi.inventory.loss import unread_tables
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.ledger import Ledger
from rogi.report.format import Format, all_chosen
from rogi.report.validation import FORMATS, render
from rogi.report.validation.github import write_step_summary
from rogi.rules.fixes import FixLevel, fix
from rogi.rules.rule import Severity
from rogi.suggestions import did_you_mean
from rogi.validation.engine import validate as run
from rogi.validation.settings import Profile, Settings, choice, find_settings_file, load_settings
from rogi.validation.waivers import Baseline, write_baseline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rogi.inventory.model import Inventory
    from rogi.validation.report import Report

SUMMARY = "GITHUB_STEP_SUMMARY"


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="A file, a folder or a zip; or several files that make one inventory."),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="ROLE=PATH[:LAYER], where rogi does not find the layers itself; roles are marker, outline, "
            "moving_area, area_of_interest."
        ),
    ] = None,
    schema: Annotated[
        str | None, typer.Option(help="Schema to check against; see `rogi schema list`.")
    ] = None,
    dialect: Annotated[str | None, typer.Option(help="How columns are named; detected unless given.")] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of files that state none, e.g. EPSG:4326; a stated one is kept.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="Spreadsheet or CSV file of attributes, joined to the outlines by ID."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of Shapefiles and CSV that state none or a wrong one.")
    ] = None,
    format: Annotated[list[str] | None, format_option(FORMATS, repeated=True)] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="Write a report here; the suffix tells the format unless --format does. Repeatable.",
        ),
        WRITES,
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(help="Findings shown of each rule in text and markdown; totals are of all.", min=0),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="lenient, normal or strict.")] = None,
    select: Annotated[
        list[str] | None, typer.Option(help="Only these rules: codes, names, prefixes.")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Not these rules.")] = None,
    severity: Annotated[list[str] | None, typer.Option(help="RULE=error|warning|info.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="CODE.name=value, e.g. GEO014.minimum_area=0.02.")
    ] = None,
    fail_on: Annotated[
        str | None, typer.Option(help="Least severity for exit code 1: error, warning, info, never.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="The day taken as today, e.g. 2026-01-31.")] = None,
    waivers: Annotated[Path | None, typer.Option(help="TOML file with [[waivers]].")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Only findings that are not in this file count.")
    ] = None,
    write_baseline: Annotated[
        Path | None, typer.Option(help="Store the present findings as known."), WRITES
    ] = None,
    fix: Annotated[
        str | None, typer.Option(help="Mend what can be mended: safe or unsafe; needs --fixed.")
    ] = None,
    fixed: Annotated[
        Path | None, typer.Option("--fixed", help="New file for the mended inventory."), WRITES
    ] = None,
    check_attributes: Annotated[
        bool,
        typer.Option("--check-attributes", help="Derive attributes anew from rasters and compare (ATT020)."),
    ] = False,
    dem: Annotated[
        list[Path] | None,
        typer.Option(
            help="Elevation model: for --check-attributes, and a hillshade behind the map of an HTML report."
        ),
    ] = None,
    maat: Annotated[list[Path] | None, typer.Option(help="For --check-attributes: air temperature.")] = None,
    magt: Annotated[list[Path] | None, typer.Option(help="As --maat: ground temperature.")] = None,
    ap: Annotated[list[Path] | None, typer.Option(help="For --check-attributes: precipitation.")] = None,
    attributes_config: Annotated[
        Path | None,
        typer.Option(
            help="For --check-attributes: settings as of `rogi attributes`; default: those of --config."
        ),
    ] = None,
    force: Force = False,
    config: Annotated[
        Path | None, typer.Option(help="Settings file; default: rogi.toml or [tool.rogi].")
    ] = None,
    no_config: Annotated[bool, typer.Option("--no-config", help="Read no settings file.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")] = False,
) -> None:
    """Check an inventory against the RGIK rules: what follows them, what does not, what could not be checked.

    Examples: `rogi validate inventory.gpkg` · `rogi validate folder/ -o report.html` ·
    `rogi validate inventory.zip --fix safe --fixed mended.gpkg`
    """
    settings = _settings(config, no_config)
    settings = _overridden(
        settings,
        schema,
        dialect,
        layer,
        profile,
        select,
        ignore,
        severity,
        parameter,
        fail_on,
        date,
        waivers,
        baseline,
    )
    inputs = list(paths or ())
    outputs = all_chosen(list(format or ()), list(output or ()), FORMATS)
    _check_fix(fix, fixed)
    rasters = {"dem": dem, "maat": maat, "magt": magt, "ap": ap}
    if not check_attributes:
        if maat or magt or ap or attributes_config is not None:
            raise OptionError("Rasters are only looked at with --check-attributes; add it.")
        options.check_backdrop(dem, outputs)
    progress = Progress(quiet)
    progress("reading", 0, 1)
    inventory = read_inventory(
        inputs,
        schema=settings.schema,
        dialect=settings.dialect,
        layers=settings.layers,
        crs=crs,
        encoding=encoding,
        table=table,
    )
    failures: tuple[str, ...] = ()
    if check_attributes:
        stated = attributes_config or settings.attributes
        inventory, failures = _recomputed(inventory, rasters, stated, progress)
    report = run(inventory, settings, progress=progress)
    progress.done()
    _write(report, outputs, settings.fail_on, limit, dem or ())
    if write_baseline is not None:
        _store_baseline(report, write_baseline, quiet)
    if fix is not None and fixed is not None:
        _mend(inventory, fix, fixed, settings, quiet)
    for outcome in report.crashed:
        tell(f"error: {outcome.code} {outcome.name} was not run: {outcome.reason}")
    raise typer.Exit(2 if failures else report.exit_code(settings.fail_on))


def _recomputed(
    inventory: Inventory,
    rasters: Mapping[str, list[Path] | None],
    config: Path | None,
    progress: Progress,
) -> tuple[Inventory, tuple[str, ...]]:
    """The inventory with attributes derived anew from rasters, and which files cannot be read."""
    from rogi.attributes.configuration import AttributeSettings, read_settings
    from rogi.attributes.derive import Runner
    from rogi.attributes.recheck import with_recomputed

    choices = read_settings(config) if config is not None else AttributeSettings()
    files = {name: tuple(map(str, paths or ())) for name, paths in rasters.items()}
    if files["dem"]:
        choices = replace(choices, dem=files["dem"])
    for name in ("maat", "magt", "ap"):
        choices = choices.with_climate(name, files[name], {})
    with Ledger() as ledger:
        checked, warnings, failures = with_recomputed(inventory, choices, Runner(ledger, progress=progress))
    progress.done()
    for warning in warnings:
        tell(f"warning: {warning}")
    for failure in failures:
        tell(f"error: {failure}")
    return checked, failures


def _settings(config: Path | None, no_config: bool) -> Settings:
    if no_config:
        if config is not None:
            raise OptionError("--config and --no-config contradict each other; give one of them.")
        return Settings()
    found = config or find_settings_file(Path.cwd())
    return load_settings(found) if found else Settings()


def _overridden(
    settings: Settings,
    schema: str | None,
    dialect: str | None,
    layer: list[str] | None,
    profile: str | None,
    select: list[str] | None,
    ignore: list[str] | None,
    severity: list[str] | None,
    parameter: list[str] | None,
    fail_on: str | None,
    date: str | None,
    waivers: Path | None,
    baseline: Path | None,
) -> Settings:
    if schema:
        settings = replace(settings, schema=schema)
    if dialect:
        settings = replace(settings, dialect=dialect)
    if layer:
        settings = replace(settings, layers=tuple(layer))
    if profile:
        settings = replace(settings, profile=choice(Profile, profile, "--profile", "command line"))
    if select:
        settings = replace(settings, select=options.comma_separated(select))
    if ignore:
        settings = replace(settings, ignore=settings.ignore + options.comma_separated(ignore))
    if severity:
        table: dict[str, Severity] = {
            name: choice(Severity, value, f"--severity {name}", "command line")
            for name, value in options.pairs(severity, "--severity", "GEO008=warning").items()
        }
        settings = replace(settings, severity={**settings.severity, **table})
    if parameter:
        values = options.parameter_values(options.pairs(parameter, "--parameter", "GEO014.minimum_area=0.02"))
        settings = replace(settings, parameters={**settings.parameters, **values})
    if fail_on:
        settings = replace(settings, fail_on=options.threshold(fail_on))
    if date:
        settings = replace(settings, today=options.date(date))
    if waivers:
        settings = replace(settings, waivers=settings.waivers + load_settings(waivers).waivers)
    if baseline:
        settings = replace(settings, baseline=Baseline.read(baseline))
    return settings


def _write(
    report: Report,
    outputs: list[tuple[Format, Path | None]],
    fail_on: Severity | None,
    limit: int | None,
    relief: Sequence[Path],
) -> None:
    for kind, path in outputs:
        render(report, kind, path, limit=limit, fail_on=fail_on, relief=relief)
        if path is None and kind is Format.GITHUB and os.environ.get(SUMMARY):
            write_step_summary(report, Path(os.environ[SUMMARY]))


def _store_baseline(report: Report, path: Path, quiet: bool) -> None:
    stored = write_baseline(report.findings, path, __version__)
    if not quiet:
        tell(f"{path}: {stored} findings stored as known")


def _check_fix(fix: str | None, fixed: Path | None) -> None:
    if fix is None and fixed is None:
        return
    if fix is None:
        raise OptionError("--fixed is where --fix writes the mended inventory; add --fix safe (or unsafe).")
    if fixed is None:
        raise OptionError(f"--fix {fix} writes a new file and never the input; say where with --fixed FILE.")
    if fix not in ("safe", "unsafe"):
        hint = did_you_mean(fix, ("safe", "unsafe")) or "."
        raise OptionError(f"--fix is safe or unsafe, found {fix!r}{hint}")


def _mend(inventory: Inventory, level: str, path: Path, settings: Settings, quiet: bool) -> None:
    mended, changes = fix(inventory, FixLevel(level), settings.parameters)
    written = write_inventory(mended, path, schema_names=False)
    changes = replace(changes, losses=(*unread_tables(inventory), *written.losses))
    listed = path.with_name(f"{path.name}.changes.csv")
    changes.write(listed)
    if not quiet:
        tell(f"{path}: {changes.summary()}; each change is listed in {listed}")
        for loss in changes.losses:
            tell(f"lost or changed: {loss}")
