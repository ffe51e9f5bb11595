"""Writing an inventory: whole files or none, the same bytes for the same content, never over an input."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from os import PathLike
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from rogi import targets
from rogi.errors import InputError, OptionError, OutputError
from rogi.extensions import Extension
from rogi.files import move, replacing, sync, workplace, write_text
from rogi.inventory.loss import Loss, LossKind
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.writing.columns import plain_column, unique_names
from rogi.inventory.writing.exchange import (
    DECIMALS,
    kml_text,
    on_wgs84,
    sheet_frame,
    unfit_for_shapefile,
    write_xlsx,
)
from rogi.inventory.writing.foreign import OutputFormat, foreign_formats, write_foreign
from rogi.inventory.writing.geopackage import (
    UNCHANGING_TIME,
    add_field_domains,
    add_schema_styles,
    set_last_change,
)
from rogi.inventory.writing.layer_files import write_csv, write_driver
from rogi.paths import plain_name
from rogi.schema.model import Role

SHAPEFILE_NAME_LENGTH = 10  # bytes of a column name in a dBASE file
SHAPEFILE_TEXT_LENGTH = 254  # bytes of a text there

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


class WriteFormat(StrEnum):
    """Formats an inventory can be written in."""

    GEOPACKAGE = "gpkg"
    GEOPARQUET = "geoparquet"
    FLATGEOBUF = "flatgeobuf"
    SHAPEFILE = "shapefile"
    CSV = "csv"
    GEOJSON = "geojson"
    KML = "kml"
    XLSX = "xlsx"

    @property
    def suffix(self) -> str:
        """Of the file, with its dot."""
        return {
            WriteFormat.GEOPACKAGE: ".gpkg",
            WriteFormat.GEOPARQUET: ".parquet",
            WriteFormat.FLATGEOBUF: ".fgb",
            WriteFormat.SHAPEFILE: ".shp",
            WriteFormat.CSV: ".csv",
            WriteFormat.GEOJSON: ".geojson",
            WriteFormat.KML: ".kml",
            WriteFormat.XLSX: ".xlsx",
        }[self]

    @property
    def several(self) -> bool:
        """Whether one file holds all layers."""
        return self in (WriteFormat.GEOPACKAGE, WriteFormat.KML, WriteFormat.XLSX)


@dataclass(frozen=True, slots=True)
class Written:
    """Files that were written, and what the format could not hold."""

    paths: tuple[Path, ...]
    losses: tuple[Loss, ...]


def write_inventory(
    inventory: Inventory,
    path: str | PathLike[str],
    *,
    format: str | WriteFormat | None = None,
    schema_names: bool = True,
) -> Written:
    """Write an inventory.

    Values are written as they are; :func:`rogi.inventory.convert.convert` maps them to the schema first.

    Parameters
    ----------
    inventory : Inventory
    path : path
        A file, or a folder for formats that hold one layer a file (each file then has the layer's name).
        What is there is replaced.
    format : str, optional
        ``gpkg``, ``geoparquet``, ``flatgeobuf``, ``shapefile``, ``csv`` (geometry as WKT), ``geojson``
        (RFC 7946), ``kml`` or ``xlsx``; by default by the suffix of ``path``.
    schema_names : bool
        Whether layers and columns get the names and order of the schema; extra columns follow. If not,
        everything keeps the name it came with.

    Returns
    -------
    Written
        The times in a GeoPackage or Shapefile are that of ``SOURCE_DATE_EPOCH``, or constant, so that the
        same inventory gives the same bytes.

    Raises
    ------
    OptionError
        If the format is unknown.
    OutputError
        If the path cannot be written, is an input, or the format cannot hold the inventory.
    """
    target = Path(path)
    if not inventory.layers:
        raise OutputError(f"{inventory!r} has no layers, so there is nothing to write to {target}.")
    chosen = _format(target, format)
    if not isinstance(chosen, WriteFormat):
        _refuse_input(inventory, target)
        write_foreign(inventory, target, *chosen)
        return Written((target,), ())
    losses: list[Loss] = []
    tables = {_layer_name(layer, schema_names): layer for layer in inventory.layers}
    if len(tables) < len(inventory.layers):
        tables = {layer.role.value: layer for layer in inventory.layers}
    files = _files(target, chosen, list(tables))
    for file in files.values():
        _refuse_input(inventory, file)
    frames = {name: _frame(layer, name, schema_names, chosen, losses) for name, layer in tables.items()}
    if chosen is WriteFormat.GEOPACKAGE:
        _write_geopackage(inventory, tables, frames, target, schema_names, losses)
        return Written((target,), tuple(losses))
    if chosen in (WriteFormat.KML, WriteFormat.GEOJSON):  # on WGS84
        _ = [layer.known_crs for layer in tables.values()]
        frames = {name: on_wgs84(frame, name, losses) for name, frame in frames.items()}
    if chosen is WriteFormat.KML:
        labels = {name: _label(layer, frames[name]) for name, layer in tables.items()}
        write_text(target, kml_text(frames, labels))
        return Written((target,), tuple(losses))
    if chosen is WriteFormat.XLSX:
        with replacing(target) as temporary:
            write_xlsx(((n, sheet_frame(frame, n, losses)) for n, frame in frames.items()), temporary)
        return Written((target,), tuple(losses))
    for name, frame in frames.items():
        file, empty_type = files[name], _empty_type(tables[name])
        if chosen is WriteFormat.SHAPEFILE:
            _write_shapefile(frame, empty_type, file, losses)
            continue
        with replacing(file) as temporary:
            if chosen is WriteFormat.GEOPARQUET:
                frame.to_parquet(temporary, index=False)
            elif chosen is WriteFormat.CSV:
                write_csv(frame, temporary)
                if frame.crs is not None and frame.crs.to_epsg() is None:
                    lost = f"{frame.crs.name} has no EPSG code, so the file does not state it"
                    losses.append(Loss(name, LossKind.NOTE, "", len(frame), lost))
            elif chosen is WriteFormat.GEOJSON:
                options = {"RFC7946": "YES", "COORDINATE_PRECISION": str(DECIMALS), "WRITE_NAME": "NO"}
                write_driver(
                    frame,
                    name,
                    temporary,
                    "GeoJSON",
                    losses,
                    file,
                    empty_type=empty_type,
                    layer_options=options,
                )
            else:
                write_driver(frame, name, temporary, "FlatGeobuf", losses, file, empty_type=empty_type)
    return Written(tuple(files.values()), tuple(losses))


def time_of_writing() -> dt.datetime | None:
    """The time stamped on files: that of ``SOURCE_DATE_EPOCH`` (seconds), or None for the constant one."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return None
    try:
        return dt.datetime.fromtimestamp(int(epoch), tz=dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise OptionError(f"SOURCE_DATE_EPOCH is a number of seconds since 1970, found {epoch!r}.") from None


# ---- where


def _format(path: Path, format: str | WriteFormat | None) -> WriteFormat | tuple[Extension, OutputFormat]:
    suffix = path.suffix.casefold()
    others = {".geoparquet": WriteFormat.GEOPARQUET, ".json": WriteFormat.GEOJSON}
    by_suffix = {f.suffix: f for f in WriteFormat} | others
    if (format is None and suffix in by_suffix) or format in list(WriteFormat):
        foreign: Mapping[str, tuple[Extension, OutputFormat]] = {}  # no need to look for them
    else:
        foreign = foreign_formats((*(f.value for f in WriteFormat), *by_suffix))
    formats = ", ".join([*(f.value for f in WriteFormat), *foreign])
    if format is None:
        for pair in foreign.values():
            if pair[1].suffix == suffix:
                return pair
        if suffix not in by_suffix:
            suffixes = ", ".join(by_suffix)
            raise OptionError(
                f"{path} does not tell a format; end it in {suffixes}, or give one of {formats}."
            )
        return by_suffix[suffix]
    if format in foreign:
        return foreign[format]
    try:
        chosen = WriteFormat(format)
    except ValueError:
        raise OptionError(f"{format!r} is not a format rogi writes; use one of {formats}.") from None
    if suffix in by_suffix and by_suffix[suffix] is not chosen:
        raise OptionError(f"{path} ends in {suffix}, which is not {chosen.value}; change one of them.")
    return chosen


def _files(path: Path, format: WriteFormat, names: list[str]) -> dict[str, Path]:
    """The file of each layer."""
    if format.several:
        return dict.fromkeys(names, path)
    if path.suffix and not path.is_dir():
        if len(names) > 1:
            raise OutputError(
                f"{path} can hold one layer but there are {len(names)} ({', '.join(names)}); name a folder "
                f"and give the format ({format.value}), or write a GeoPackage."
            )
        return {names[0]: path}
    if not path.is_dir():
        try:
            path.mkdir()
        except OSError as error:
            raise OutputError(f"The folder {path} cannot be made: {error.strerror}.") from None
    return {name: path / f"{_file_name(name)}{format.suffix}" for name in names}


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_. ()" else "_" for c in name).lstrip(".") or "layer"


def _refuse_input(inventory: Inventory, path: Path) -> None:
    target = path.resolve()
    for layer in inventory.layers:
        for source in layer.sources:
            if source.driver != "memory" and target == source.path.resolve():
                raise OutputError(f"{path} is an input; inputs are never changed, name another file.")


# ---- what


def _layer_name(layer: Layer, schema_names: bool) -> str:
    return layer.schema.name if schema_names and layer.schema is not None else layer.name


def _label(layer: Layer, frame: gpd.GeoDataFrame) -> str | None:
    """The column as it is written that names a unit."""
    column = layer.columns.get("primary_id") or layer.columns.get("working_id")
    field = layer.schema.field("primary_id") if layer.schema is not None else None
    return next((c for c in (field.name if field is not None else None, column) if c in frame.columns), None)


def _frame(
    layer: Layer, name: str, schema_names: bool, format: WriteFormat, losses: list[Loss]
) -> gpd.GeoDataFrame:
    """The table to write: names, order and types as the format takes them."""
    geometry = layer.frame.geometry.name
    order = [c for c in layer.frame.columns if c != geometry]
    renamed: dict[str, str] = {}
    if schema_names and layer.schema is not None:
        for field in layer.schema.fields:
            if (column := layer.columns.get(field.concept.name)) is not None:
                renamed[column] = field.name
        order = [*renamed, *(c for c in order if c not in renamed)]
    wanted = [renamed.get(column, str(column)) for column in order]
    shapefile = format is WriteFormat.SHAPEFILE
    final = unique_names(wanted, SHAPEFILE_NAME_LENGTH if shapefile else None)
    limit = SHAPEFILE_TEXT_LENGTH if shapefile else None
    for column, before, after in zip(order, wanted, final, strict=True):
        if before != after:
            losses.append(
                Loss(name, LossKind.COLUMN_RENAMED, str(column), len(layer), f"{before} -> {after}")
            )
    frame = layer.frame[[*order, geometry]]
    columns = {
        after: plain_column(frame[column], name, after, limit, losses)
        for column, after in zip(order, final, strict=True)
    }
    table = pd.DataFrame(columns, index=frame.index)
    target = "geometry"
    while target in table.columns:
        target = f"_{target}"
    return gpd.GeoDataFrame(table.assign(**{target: frame[geometry].array}), geometry=target)


# ---- how


def _write_geopackage(
    inventory: Inventory,
    tables: Mapping[str, Layer],
    frames: Mapping[str, gpd.GeoDataFrame],
    path: Path,
    schema_names: bool,
    losses: list[Loss],
) -> None:
    stamp = time_of_writing()
    time = UNCHANGING_TIME if stamp is None else stamp.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    with replacing(path) as temporary:
        for number, (name, frame) in enumerate(frames.items()):
            schema = tables[name].schema
            columns = {str(column).casefold() for column in frame.columns if column != frame.geometry.name}
            options = {
                "FID": next(c for c in ("fid", "ogc_fid", "rogi_fid") if c not in columns),
                "GEOMETRY_NAME": next(c for c in ("geom", "geometry", "rogi_geom") if c not in columns),
            }
            if schema is not None:
                options |= {"IDENTIFIER": schema.title, "DESCRIPTION": schema.description}
            write_driver(
                frame,
                name,
                temporary,
                "GPKG",
                losses,
                path,
                empty_type=_empty_type(tables[name]),
                append=number > 0,
                layer_options=options,
            )
        if schema_names:
            by_role = {layer.role: name for name, layer in tables.items()}
            try:
                add_field_domains(temporary, inventory.schema, by_role)
                add_schema_styles(temporary, inventory.schema, by_role, time=time)
            except InputError as error:
                raise OutputError(f"{path} could not be written: {error}") from error
        set_last_change(temporary, time)


def _empty_type(layer: Layer) -> str:
    """The type to declare where no feature tells it."""
    if layer.schema is not None:
        return next((t for t in layer.schema.geometry if t.startswith("Multi")), layer.schema.geometry[0])
    return "Point" if layer.role is Role.MARKER else "MultiPolygon"


def _write_shapefile(frame: gpd.GeoDataFrame, empty_type: str, path: Path, losses: list[Loss]) -> None:
    """All parts in a folder of their own, then moved, the .shp last."""
    odd = unfit_for_shapefile(np.asarray(frame.geometry.array, dtype=object))
    if odd is not None:
        raise OutputError(
            f"{path} cannot be written: a Shapefile holds points, lines or polygons, one of them, and {odd}; "
            "write a GeoPackage, or correct those rows (`rogi validate` lists them as SCH003)."
        )
    stamp = time_of_writing()
    date = "2000-01-01" if stamp is None else stamp.strftime("%Y-%m-%d")
    if not path.parent.is_dir():
        raise OutputError(f"The folder {path.parent} does not exist; make it, or write elsewhere.")
    places = {suffix: path.with_suffix(suffix) for suffix in SHAPEFILE_PARTS}
    for place in places.values():
        targets.check(place)
    with workplace(path.parent) as work:
        made = work / plain_name(path.name)
        options = {"ENCODING": "UTF-8", "DBF_DATE_LAST_UPDATE": date}
        write_driver(
            frame,
            made.stem,
            made,
            "ESRI Shapefile",
            losses,
            path,
            empty_type=empty_type,
            layer_options=options,
        )
        try:
            sync(work)
            for suffix in (".prj", ".cpg"):  # of a file that is replaced
                places[suffix].unlink(missing_ok=True)
            for part in sorted(work.iterdir(), key=lambda part: part.suffix == ".shp"):
                targets.note_written(part, path.with_suffix(part.suffix))
                move(part, path.with_suffix(part.suffix))
        except OSError as error:
            raise OutputError(f"{path} could not be written: {error.strerror or error}.") from error
