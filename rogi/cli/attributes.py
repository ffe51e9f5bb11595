"""``rogi attributes``: fill the attribute table of an inventory from rasters."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.attributes.configuration import AttributeSettings, read_settings
from rogi.attributes.derive import Runner, derive_attributes
from rogi.attributes.output import check_targets, write_derived
from rogi.attributes.zonal.groups import Engine
from rogi.cli import options
from rogi.cli.common import KEEPS, WRITES
from rogi.cli.guard import Force
from rogi.cli.progress import Progress
from rogi.cli.sources import NO_INPUTS, Inputs, with_sources
from rogi.cli.streams import tell
from rogi.errors import OptionError
from rogi.inventory.read import read_inventory
from rogi.ledger import Ledger
from rogi.schema.model import Role
from rogi.terrain import RadiationParameters
from rogi.text import counted
from rogi.validation.settings import find_settings_file, rogi_table

if TYPE_CHECKING:
    from rogi.attributes.derived import Derived
    from rogi.inventory.model import Inventory


@with_sources
def attributes(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="INVENTORY", help="A file, folder or zip; or several files of one inventory."),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File to write (.gpkg, .parquet, .fgb, .shp, .csv)."),
        WRITES,
    ],
    dem: Annotated[
        list[Path] | None,
        typer.Option(help="Elevation model: a file, FILE:BAND, an archive or a folder of tiles. Repeatable."),
    ] = None,
    dem_crs: Annotated[
        str | None, typer.Option(help="CRS of the tiles, instead of their own, e.g. EPSG:4326.")
    ] = None,
    nodata: Annotated[
        list[float] | None,
        typer.Option(help="Elevation that is void, where its files do not say so. Repeatable."),
    ] = None,
    maat: Annotated[list[Path] | None, typer.Option(help="Air temperature: NetCDF, Zarr or GeoTIFF.")] = None,
    maat_variable: Annotated[
        str | None, typer.Option(help="Variable, band or part of file names, where there are several.")
    ] = None,
    maat_unit: Annotated[
        str | None, typer.Option(help="Unit, instead of the file's: K, degC, 0.1 K.")
    ] = None,
    maat_period: Annotated[
        str | None, typer.Option(help="Years, e.g. 1991-2020; default all complete ones.")
    ] = None,
    maat_crs: Annotated[str | None, typer.Option(help="CRS, instead of the file's: EPSG:32645.")] = None,
    magt: Annotated[
        list[Path] | None, typer.Option(help="Ground temperature: NetCDF, Zarr or GeoTIFF.")
    ] = None,
    magt_variable: Annotated[str | None, typer.Option(help="As for --maat.")] = None,
    magt_unit: Annotated[str | None, typer.Option(help="As for --maat.")] = None,
    magt_period: Annotated[str | None, typer.Option(help="As for --maat.")] = None,
    magt_crs: Annotated[str | None, typer.Option(help="As for --maat.")] = None,
    ap: Annotated[list[Path] | None, typer.Option(help="Precipitation: NetCDF, Zarr or GeoTIFF.")] = None,
    ap_variable: Annotated[str | None, typer.Option(help="As for --maat.")] = None,
    ap_unit: Annotated[str | None, typer.Option(help="mm, mm/h, m/day, kg m-2 s-1 ...")] = None,
    ap_period: Annotated[str | None, typer.Option(help="As for --maat.")] = None,
    ap_crs: Annotated[str | None, typer.Option(help="As for --maat.")] = None,
    regions: Annotated[Path | None, typer.Option(help="Polygons of mountain regions, for SUBREGION.")] = None,
    region_field: Annotated[str | None, typer.Option(help="Column of their names.")] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these: columns (ELE_MEAN), groups (relief, ELE, SLO), concepts. Default: all possible."
        ),
    ] = None,
    only_missing: Annotated[bool, typer.Option("--only-missing", help="Keep values that are there.")] = False,
    buffer: Annotated[
        float | None,
        typer.Option(help="Metres around the primary markers, for inventories without outlines."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="coverage: pixels by the share inside; rasterstats: pixels whose centre is inside."
        ),
    ] = None,
    minimum_valid_share: Annotated[
        float | None, typer.Option(help="Least share of a unit with values; below it the unit has none.")
    ] = None,
    radiation: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE of the radiation parameters, e.g. albedo=0.3. Repeatable."),
    ] = None,
    atmosphere: Annotated[
        str | None,
        typer.Option(help="Clear sky of PISR: kumar (default), ineichen, simplified-solis."),
    ] = None,
    linke: Annotated[
        str | None,
        typer.Option(
            help="Linke turbidity for --atmosphere ineichen: a value, or twelve with commas (January to "
            "December). Default: pvlib's table, at the place."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes of this machine.")] = 1,
    cluster: Annotated[str | None, typer.Option(help="A Dask scheduler, tcp://host:port, instead.")] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(help="File that keeps finished units; default OUT.ledger, beside the output."),
        KEEPS,
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML with [attributes]; options here come first. Default: rogi.toml here or above."
        ),
    ] = None,
    no_config: Annotated[
        bool, typer.Option("--no-config", help="Ignore the rogi.toml here or above.")
    ] = False,
    layer: Annotated[
        list[str] | None, typer.Option(help="ROLE=PATH[:LAYER], where rogi does not find the layers itself.")
    ] = None,
    schema: Annotated[str | None, typer.Option(help="Schema of the inventory.")] = None,
    dialect: Annotated[str | None, typer.Option(help="How columns are named; detected unless given.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of an inventory that states none.")] = None,
    force: Force = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Nothing on stderr but warnings and errors.")
    ] = False,
    inputs: Inputs = NO_INPUTS,
) -> None:
    """Fill the attribute table of an inventory: area, position, region, elevation, slope, aspect, radiation,
    climate, glaciers, permafrost.

    Stopped at any point, the same command goes on where it was; of changed inputs only the units they touch
    are computed again.

    Examples: `rogi attributes outlines.gpkg --dem tiles/ -o filled.gpkg` · `rogi attributes outlines.gpkg
    --dem dem.vrt --maat fldas/ --ap imerg.nc --ap-period 2001-2020 --workers 8 -o filled.gpkg`
    """
    settings = _overridden(
        _of_file(config, no_config, quiet),
        dem,
        dem_crs,
        nodata,
        regions,
        region_field,
        fields,
        only_missing,
        buffer,
        engine,
        minimum_valid_share,
        _radiation_values(radiation, atmosphere, linke),
    )
    for name, files, variable, unit, period, system in (
        ("maat", maat, maat_variable, maat_unit, maat_period, maat_crs),
        ("magt", magt, magt_variable, magt_unit, magt_period, magt_crs),
        ("ap", ap, ap_variable, ap_unit, ap_period, ap_crs),
    ):
        changes = {"variable": variable, "unit": unit, "period": _period(period, name), "crs": system}
        settings = settings.with_climate(name, tuple(map(str, files or ())), changes)
    for name, (named, choices) in inputs.items():
        settings = settings.with_input(name, named, choices)
    inventory = read_inventory(paths, schema=schema, dialect=dialect, layers=tuple(layer or ()), crs=crs)
    if settings.buffer is not None:
        inventory = _markers_alone(inventory, list(layer or ()))
    check_targets(output, settings)
    if not output.parent.is_dir():
        raise OptionError(f"The folder {output.parent} does not exist; make it, or write elsewhere.")
    with Ledger(ledger or output.with_name(output.name + ".ledger")) as book:
        line = Progress(quiet, "units")
        try:
            derived = derive_attributes(inventory, settings, Runner(book, workers, cluster, line))
        finally:
            line.done()
        for warning in derived.warnings:
            tell(f"warning: {warning}")
        written = write_derived(derived, output, settings, book)
    if not quiet:
        _summary(derived, written)
    if derived.failures:
        for failure in derived.failures:
            tell(f"error: {failure}")
        tell(
            f"error: units on these files have null values in {output}; put the files right and run the same "
            "command again, which computes only what is missing."
        )
        raise typer.Exit(2)


def _of_file(config: Path | None, no_config: bool, quiet: bool) -> AttributeSettings:
    """The settings of a file: that of --config, else the rogi.toml here or above, where it has some."""
    if config is not None:
        if no_config:
            raise OptionError("--config and --no-config exclude each other; give one of them.")
        return read_settings(config)
    found = None if no_config else find_settings_file(Path.cwd())
    if found is None or "attributes" not in rogi_table(found):
        return AttributeSettings()
    if not quiet:
        tell(f"settings of [attributes] in {found}; --no-config leaves them out")
    return read_settings(found)


def _markers_alone(inventory: Inventory, layers: list[str]) -> Inventory:
    """The inventory without its outlines, where the layers that were named are of markers only."""
    roles = {text.partition("=")[0].strip().casefold() for text in layers}
    if not roles or Role.OUTLINE.value in roles or inventory.layer(Role.MARKER) is None:
        return inventory
    kept = tuple(layer for layer in inventory.layers if layer.role is not Role.OUTLINE)
    return replace(inventory, layers=kept)


def _overridden(
    settings: AttributeSettings,
    dem: list[Path] | None,
    dem_crs: str | None,
    nodata: list[float] | None,
    regions: Path | None,
    region_field: str | None,
    fields: list[str] | None,
    only_missing: bool,
    buffer: float | None,
    engine: str | None,
    minimum_valid_share: float | None,
    radiation: dict[str, object],
) -> AttributeSettings:
    if dem:
        settings = replace(settings, dem=tuple(map(str, dem)))
    if dem_crs:
        settings = replace(settings, dem_crs=dem_crs)
    if nodata:
        settings = replace(settings, nodata=tuple(nodata))
    if regions:
        settings = replace(settings, regions=str(regions))
    if region_field:
        settings = replace(settings, region_field=region_field)
    if fields:
        settings = replace(settings, fields=options.comma_separated(fields))
    if only_missing:
        settings = replace(settings, only_missing=True)
    if buffer is not None:
        settings = replace(settings, buffer=buffer)
    if engine is not None:
        if engine not in list(Engine):
            raise OptionError(f"--engine is {' or '.join(Engine)}, found {engine!r}.")
        settings = replace(settings, zonal=replace(settings.zonal, engine=Engine(engine)))
    if minimum_valid_share is not None:
        settings = replace(settings, zonal=replace(settings.zonal, minimum_valid_share=minimum_valid_share))
    if radiation:
        merged = RadiationParameters.from_dict({**settings.radiation.to_dict(), **radiation})
        settings = replace(settings, radiation=merged)
    return settings


def _radiation_values(
    pairs: list[str] | None, atmosphere: str | None, linke: str | None
) -> dict[str, object]:
    """Radiation parameters given on the command line, by name."""
    given = options.parameter_values(options.pairs(pairs or [], "--radiation", "albedo=0.3"))
    switches = {"true": True, "false": False}
    values = {name: switches.get(str(value).casefold(), value) for name, value in given.items()}
    own = {"atmosphere": atmosphere, "linke_turbidity": linke}
    return values | {name: value for name, value in own.items() if value is not None}


def _period(text: str | None, name: str) -> tuple[int, int] | None:
    """``1991-2020`` as two years; ``2001`` as one."""
    if text is None:
        return None
    first, dash, last = text.partition("-")
    last = last if dash else first
    if not (first.isdigit() and last.isdigit() and int(first) <= int(last)):
        raise OptionError(f"--{name}-period is years such as 1991-2020, or 2001, found {text!r}.")
    return int(first), int(last)


def _summary(derived: Derived, written: tuple[Path, ...]) -> None:
    for record in derived.provenance:
        inputs = ", ".join(source.name for source in record.inputs[:3])
        more = f" and {len(record.inputs) - 3} more" if len(record.inputs) > 3 else ""
        origin = f" from {inputs}{more}" if inputs else ""
        period = record.parameters.get("period")
        years = f", {period[0]} to {period[1]}" if period else ""
        tell(f"{_columns(record.units)}{origin}{years}")
    held = (
        f", {derived.reused} of {derived.units} values of units taken from the ledger"
        if derived.reused
        else ""
    )
    kinds = ", ".join(f"{count} {kind}" for kind, count in derived.nulls.items())
    units = f"{derived.lacking} unit{' lacks' if derived.lacking == 1 else 's lack'} a value"
    columns = f": {_columns(derived.empty)}" if derived.empty else ""
    tell(f"{units}{f' ({kinds})' if kinds else ''}{columns}{held}")
    sys.stdout.write("".join(f"{path}\n" for path in written))


def _columns(units: Mapping[str, int]) -> str:
    """How many units each column was derived for: ``ELE_MEAN, ELE_MIN of 12 units; ELE_MAX of 1 unit``."""
    by_number: dict[int, list[str]] = {}
    for column, number in units.items():
        by_number.setdefault(number, []).append(column)
    return "; ".join(f"{', '.join(names)} of {counted(n, 'unit')}" for n, names in by_number.items())
