"""One layer of a file as a table, unchanged: every feature in file order, whatever state it is in."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.inventory.reading import csv_tables, geoparquet, shapefile, sqlite_files, wkb
from rogi.inventory.reading.drivers import driver_calls, gdal_options
from rogi.inventory.reading.formats import Format
from rogi.inventory.reading.geometry_cells import geometries
from rogi.inventory.reading.listing import SourceLayer
from rogi.text import counted

BATCH = 4_096  # features whose WKB is held at a time
_FALLBACK_ENCODING = "cp1252"
_SOUND_STREAM = {"OGR_FLATGEOBUF_STREAM_BASE_IMPL": True}  # a null geometry breaks the driver's own stream
# How rows below a table begin that are no features.
_TOTAL = re.compile(
    r"\W*(totals?|totale|sums?|mean|average|median|min|max|minimum|maximum|std|count|notes?|sources?|summe|gesamt"
    r"|insgesamt|mittel|mittelwert|quellen?|anmerkung|somme|moyenne|media|suma|promedio|fuente|итого|всего|среднее"
    r"|合计|总计|总和|平均|平均值|小计|注|σ|∑)(?![^\W\d_])|∑",
    re.IGNORECASE,
)
_CRS_WITHIN = 65_536  # bytes at either end of a GeoJSON file
_CRS_MEMBER = re.compile(
    rb'"crs"\s*:\s*\{[^{}]*"properties"\s*:\s*\{[^{}]*"(?:name|href)"\s*:\s*"([^"]{1,300})"[^{}]*\}'
)
_DATE_WARNINGS = ("Invalid content for record", "Non-conformant content for record")
GEOMETRY = "geometry"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What a layer holds.

    Attributes
    ----------
    frame
        Attributes and geometry, index 0..n-1.
    fids
        (n,) feature ids where the format has them.
    notes
        What reading had to say.
    rows
        (n,) number of each feature in its source, from 1; None where they are all in order.
    """

    frame: gpd.GeoDataFrame
    fids: NDArray[np.int64] | None
    notes: tuple[str, ...]
    rows: NDArray[np.int64] | None = None


def read_table(source: SourceLayer, crs: str | None = None, encoding: str | None = None) -> Table:
    """Read a layer.

    Parameters
    ----------
    source : SourceLayer
    crs : str, optional
        CRS of a layer that states none.
    encoding : str, optional
        Of the text of a Shapefile or CSV file.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If the file is damaged, or fewer features can be read than it says.
    """
    notes = list(source.notes)
    geometry: NDArray[np.object_] | None
    rows = None
    fids = None
    if source.format is Format.CSV and source.loaded is None:
        frame, geometry, system, said = csv_tables.read(source.file, source.shown, crs, encoding)
        notes += said
        count = _above_totals(frame, geometry, None, notes)
        return _table(frame[:count], geometry[:count], system, None, notes)
    if source.loaded is not None:
        loaded = source.loaded
        frame, geometry, system, fids, rows = (
            loaded.frame,
            loaded.geometry,
            loaded.crs,
            loaded.fids,
            loaded.rows,
        )
    elif source.format is Format.GEOPARQUET:
        attributes, geometry, system, said = geoparquet.read(source.file, source.shown)
        notes += said
        frame = _to_pandas(attributes, source, encoding, notes)
    else:
        attributes, geometry, ids, system = _read_driver(source, notes)
        rising = (ids[1:] > ids[:-1]).all()  # as nearly always: numbers in order repeat none
        if source.format is Format.GEOPACKAGE and not rising and len(np.unique(ids)) < len(ids):
            # The driver fetches by ranges of ids where their number equals the largest; with gaps in them
            # (and a stale count) it repeats features. A filter makes it go through the table.
            notes = list(source.notes)
            attributes, geometry, ids, system = _read_driver(source, notes, where="1 = 1")
        attributes = _with_impossible_dates(attributes, source, ids, notes)
        fids = ids if source.format is Format.GEOPACKAGE else None
        frame = _to_pandas(_without_feature_ids(attributes, source), source, encoding, notes)
    if source.places is not None and (geometry is None or source.loaded is None):
        frame = frame.copy()
        geometry, system = geometries(frame, source.places, crs, source.shown, notes)
    elif source.loaded is None:
        if source.format is Format.GEOJSON and (name := _crs_member(source.file)) is not None:
            system = name  # drivers take WGS84 where they do not know it
        system = _crs(system, crs, notes)
        if crs is not None and source.format in (Format.GEOJSON, Format.GEOJSON_LINES):
            system = _not_degrees(geometry, system, crs, notes)
    assert geometry is not None  # there is none only where places say where it is
    if source.format is Format.SPREADSHEET:
        count = _above_totals(frame, geometry, rows, notes)
        frame, geometry, rows = frame[:count], geometry[:count], None if rows is None else rows[:count]
    return _table(frame, geometry, system, fids, notes, rows)


def _above_totals(
    frame: pd.DataFrame, geometry: NDArray[np.object_], rows: NDArray[np.int64] | None, notes: list[str]
) -> int:
    """Number of rows above those at the end that have no place and begin with a word such as Total."""
    placed = np.flatnonzero(~shapely.is_missing(geometry))
    for row in range(placed[-1] + 1 if len(placed) else len(frame), len(frame)):
        first = next((str(v) for v in frame.iloc[row] if not pd.isna(v) and str(v).strip()), "")
        if _TOTAL.match(first):
            number = row + 1 if rows is None else rows[row]
            count = counted(len(frame) - row, "row")
            notes.append(f"{count} below the features, from row {number} ({first.strip()[:20]!r}), not read")
            return row
    return len(frame)


def _without_feature_ids(attributes: pa.Table, source: SourceLayer) -> pa.Table:
    """The attributes without the ids of GeoJSON features, where a property is named so or they only count."""
    if not source.feature_ids:
        return attributes
    ids = attributes.column(0).to_pylist()
    counted = ids in ([str(k) for k in range(len(ids))], [str(k) for k in range(1, len(ids) + 1)])
    return attributes.drop_columns(["id"]) if counted or "id" not in source.columns else attributes


def _read_driver(
    source: SourceLayer, notes: list[str], where: str | None = None
) -> tuple[pa.Table, NDArray[np.object_], NDArray[np.int64], Any]:
    file = str(source.file.absolute())
    options: dict[str, Any] = {"layer": source.layer, "use_pyarrow": True, "return_fids": True}
    copies, fids, shapes = [], [], []
    with (
        ThreadPoolExecutor(1) as pool,
        driver_calls(source.shown, notes),
        gdal_options(_SOUND_STREAM if source.format is Format.FLATGEOBUF else {}),
        pyogrio.open_arrow(file, batch_size=BATCH, where=where, **options) as (meta, reader),
    ):
        names = reader.schema.names
        fid_column = meta["fid_column"] or "OGC_FID"
        geometry_column = meta["geometry_name"] or "wkb_geometry"
        fid_at, geometry_at = names.index(fid_column), None
        if source.places is None:
            geometry_at = len(names) - 1 - names[::-1].index(geometry_column)
        keep = [i for i in range(len(names)) if i not in (fid_at, geometry_at)]
        schema = pa.schema([reader.schema.field(i) for i in keep])
        for batch in reader:
            # copies: what GDAL hands over is released as a whole, the WKB with the last of the attributes;
            # another thread makes them while this one, with Python's lock, builds the geometries
            ids = batch.column(fid_at).to_numpy(zero_copy_only=False).copy()
            fids.append(ids)
            if keep:
                columns = pa.RecordBatch.from_arrays([batch.column(i) for i in keep], schema=schema)
                copies.append(pool.submit(columns.take, pa.array(np.arange(len(ids)))))
            if geometry_at is not None:
                origin = wkb.Origin(file, source.layer, ids)
                shapes.append(wkb.read([batch.column(geometry_at)], notes, origin))
        rows = sum(len(ids) for ids in fids)
        copied = [copy.result() for copy in copies]
        attributes = pa.Table.from_batches(copied, schema) if keep else pa.table({"": pa.nulls(rows)})
    _refuse_partial(source, rows)
    empty_ids, empty_geometry = np.empty(0, dtype=np.int64), np.empty(0, dtype=object)
    return (
        attributes,
        np.concatenate([empty_geometry, *shapes]),
        np.concatenate([empty_ids, *fids]).astype(np.int64),
        meta["crs"],
    )


def _with_impossible_dates(
    attributes: pa.Table, source: SourceLayer, fids: NDArray[np.int64], notes: list[str]
) -> pa.Table:
    """Columns with dates that cannot be as text: drivers make other days of them, such as 1970-01-01."""
    dated = [
        name
        for name, kind in zip(attributes.schema.names, attributes.schema.types, strict=True)
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    ]
    if not dated:
        return attributes
    notes[:] = [note for note in notes if not note.startswith(_DATE_WARNINGS)]
    if source.format is Format.SHAPEFILE:
        texts = {
            attributes.column_names[at]: column
            for at, column in shapefile.impossible_dates(source.file).items()
        }
    elif source.format in (Format.GEOPACKAGE, Format.SQLITE):
        texts = sqlite_files.impossible_dates(source.file, str(source.layer), dated, fids)
    else:
        return attributes
    for name, column in texts.items():
        wrong = [(row, text) for row, text in enumerate(column, 1) if text is not None and not _is_date(text)]
        notes.append(
            f"{len(wrong)} values of {name} are no dates (row {wrong[0][0]}: {wrong[0][1]!r}); the column "
            "was read as text"
        )
        at = attributes.column_names.index(name)
        attributes = attributes.set_column(at, pa.field(name, pa.string()), pa.array(column, pa.string()))
    return attributes


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text[:10])
    except ValueError:
        return False
    return len(text) >= 10


def _refuse_partial(source: SourceLayer, rows: int) -> None:
    """Drivers stop without a word where a file is damaged."""
    if source.features is None or rows >= source.features:
        return
    expected = source.features
    if source.format is Format.GEOPACKAGE:  # its count is kept beside the table, and can be stale
        counted = sqlite_files.count(source.file, str(source.layer))
        if counted == rows:
            return
        expected = counted or expected
    raise InputError(
        f"{source.title} is damaged: only {rows:,} of {expected:,} features can be read; "
        "copy or download it again."
    )


def _to_pandas(table: pa.Table, source: SourceLayer, encoding: str | None, notes: list[str]) -> pd.DataFrame:
    """Attributes with their types; integers and booleans stay so where some are null."""
    names = list(table.column_names)
    for i, field in enumerate(table.schema):
        column = table.column(i)
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            try:
                column.validate(full=True)
                continue
            except pa.ArrowInvalid:
                column = _decoded(column, source, field.name, encoding, notes)
        elif pa.types.is_dictionary(field.type):
            # GDAL hands coded domains of integers over as dictionaries; the file holds the codes.
            column = pa.chunked_array([chunk.indices for chunk in column.chunks], type=field.type.index_type)
        elif pa.types.is_nested(field.type):
            texts = [None if v is None else json.dumps(v, default=str) for v in column.to_pylist()]
            column = pa.chunked_array([pa.array(texts, type=pa.string())])
            notes.append(f"the lists in {field.name} were read as text")
        else:
            continue
        table = table.set_column(i, pa.field(field.name, column.type), column)
    nullable: dict[Any, Any] = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }
    plain = table.rename_columns([str(i) for i in range(len(names))])
    with_nulls = [f.name for f in plain.schema if f.type in nullable and plain.column(f.name).null_count]
    frame: pd.DataFrame = plain.drop_columns(with_nulls).to_pandas(ignore_metadata=True)
    if with_nulls:
        special = plain.select(with_nulls).to_pandas(ignore_metadata=True, types_mapper=nullable.get)
        frame = pd.concat([frame, special], axis=1)[[str(i) for i in range(len(names))]]
    if names == [""]:
        return frame.iloc[:, :0]
    frame.columns = pd.Index(csv_tables.unique_names(names, notes), dtype=object)
    return frame


def _decoded(
    column: pa.ChunkedArray, source: SourceLayer, name: str, encoding: str | None, notes: list[str]
) -> pa.ChunkedArray:
    """Text whose bytes are not UTF-8, by the encoding given, else by the one of Shapefiles without .cpg."""
    chosen = encoding
    if chosen is None and source.format is Format.SHAPEFILE:
        with driver_calls(source.shown, notes):
            stated = str(pyogrio.read_info(str(source.file.absolute()), layer=source.layer)["encoding"])
        if stated.upper().replace("-", "") != "UTF8":
            chosen = _FALLBACK_ENCODING if stated.upper() == "ISO-8859-1" else stated
    used = chosen or "utf-8"
    try:
        texts = [
            None if v is None else v.decode(used, "replace") for v in column.cast(pa.binary()).to_pylist()
        ]
    except LookupError:
        raise InputError(f"There is no encoding {used!r}; try utf-8, cp1252 or gb18030.") from None
    if encoding is None:
        what = f"read as {chosen}" if chosen else "replaced by � where it could not be read"
        notes.append(
            f"the text in {name} is not in the encoding the file states and was {what}; "
            "give --encoding to choose another"
        )
    return pa.chunked_array([pa.array(texts, type=pa.string())])


def _crs(stated: Any, given: str | None, notes: list[str]) -> Any:
    """The CRS a file states, else the one given, else None."""
    crs = None
    if stated is not None:
        try:
            crs = pyproj.CRS.from_user_input(stated)
        except pyproj.exceptions.CRSError as error:
            notes.append(f"the coordinate reference system in the file is not understood ({error})")
    if crs is not None and (crs.name.startswith("Undefined") or crs.is_engineering):
        notes.append(f"the coordinate reference system in the file is {crs.name!r}, which counts as none")
        crs = None
    if crs is None and given is not None:
        notes.append(f"the file states no coordinate reference system; {given} was given")
        return pyproj.CRS.from_user_input(given)
    return crs


def _crs_member(file: Path) -> str | None:
    """The CRS that the member ``crs`` at either end of a GeoJSON file names, if another than the default."""
    with file.open("rb") as stream:
        head = stream.read(_CRS_WITHIN)
        stream.seek(max(len(head), file.stat().st_size - _CRS_WITHIN))
        tail = stream.read()
    for text in (head, tail):
        if (found := _CRS_MEMBER.search(text)) is not None:
            name = found[1].decode("utf-8", "replace").replace("\\/", "/")
            return None if name.upper().endswith("CRS84") else name
    return None


def _not_degrees(geometry: NDArray[np.object_] | None, stated: Any, given: str, notes: list[str]) -> Any:
    """The CRS given for GeoJSON whose coordinates are no degrees: WGS84 is what drivers take it for."""
    if geometry is None or stated is None or not stated.is_geographic:
        return stated
    bounds = np.abs(shapely.bounds(geometry))
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds) or float(np.median(bounds.max(axis=1))) <= 360.0:
        return stated
    notes.append(
        f"coordinates are no degrees: {given} was taken as given, not WGS84, which GeoJSON means by default"
    )
    return pyproj.CRS.from_user_input(given)


def _table(
    frame: pd.DataFrame,
    geometry: NDArray[np.object_],
    crs: Any,
    fids: NDArray[np.int64] | None,
    notes: Sequence[str],
    rows: NDArray[np.int64] | None = None,
) -> Table:
    name = GEOMETRY
    while name in frame.columns:
        name = f"_{name}"
    array = gpd.array.GeometryArray(geometry, crs=crs)
    return Table(gpd.GeoDataFrame(frame.assign(**{name: array}), geometry=name), fids, tuple(notes), rows)
