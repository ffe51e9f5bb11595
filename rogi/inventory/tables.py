"""One layer of a file as a table, unchanged: every feature in file order, whatever state it is in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.inventory import csvtable, geoparquet
from rogi.inventory.drivers import driver_calls
from rogi.inventory.formats import Format
from rogi.inventory.sources import SourceLayer

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyarrow as pa

BATCH = 16_384  # features whose WKB is held at a time
_CURVES = frozenset(range(8, 15))  # ISO WKB: circular string to surface, without Z and M
_FALLBACK_ENCODING = "cp1252"
_FLATGEOBUF_STREAM = "OGR_FLATGEOBUF_STREAM_BASE_IMPL"
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
    """

    frame: gpd.GeoDataFrame
    fids: NDArray[np.int64] | None
    notes: tuple[str, ...]


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
    if source.format is Format.CSV:
        frame, geometry, system, notes = csvtable.read(source.file, source.shown, crs, encoding)
        return _table(frame, geometry, system, None, notes)
    notes = list(source.notes)
    if source.format is Format.GEOPARQUET:
        table, column, system, said = geoparquet.read(source.file, source.shown)
        geometry = _from_wkb(table.column(column).chunks, notes + said, None)
        attributes, fids = table.drop_columns([column]), None
        notes += said
    else:
        attributes, geometry, fids, system = _read_driver(source, notes)
        if source.format is Format.GEOPACKAGE and len(np.unique(fids)) < len(fids):
            # The driver fetches by ranges of ids where their number equals the largest; with gaps in them
            # (and a stale count) it repeats features. A filter makes it go through the table.
            notes = list(source.notes)
            attributes, geometry, fids, system = _read_driver(source, notes, where="1 = 1")
        if source.format is not Format.GEOPACKAGE:
            fids = None
    frame = _to_pandas(attributes, source, encoding, notes)
    return _table(frame, geometry, _crs(system, crs, notes), fids, notes)


def _read_driver(
    source: SourceLayer, notes: list[str], where: str | None = None
) -> tuple[pa.Table, NDArray[np.object_], NDArray[np.int64], Any]:
    import pyarrow as pa
    import pyogrio

    file = str(source.file.absolute())
    options: dict[str, Any] = {"layer": source.layer, "use_pyarrow": True, "return_fids": True}
    batches, fids, geometries = [], [], []
    with (
        driver_calls(source.shown, notes),
        _sound_stream(source.format),
        pyogrio.open_arrow(file, batch_size=BATCH, where=where, **options) as (meta, reader),
    ):
        names = reader.schema.names
        fid_column = meta["fid_column"] or "OGC_FID"
        geometry_column = meta["geometry_name"] or "wkb_geometry"
        fid_at, geometry_at = names.index(fid_column), len(names) - 1 - names[::-1].index(geometry_column)
        keep = [i for i in range(len(names)) if i not in (fid_at, geometry_at)]
        schema = pa.schema([reader.schema.field(i) for i in keep])
        for batch in reader:
            ids = batch.column(fid_at).to_numpy(zero_copy_only=False)
            fids.append(ids)
            geometries.append(_from_wkb([batch.column(geometry_at)], notes, (source, ids)))
            batches.append(pa.RecordBatch.from_arrays([batch.column(i) for i in keep], schema=schema))
        rows = sum(len(ids) for ids in fids)
        attributes = pa.Table.from_batches(batches, schema) if keep else pa.table({"": pa.nulls(rows)})
    _refuse_partial(source, rows)
    empty_ids, empty_geometry = np.empty(0, dtype=np.int64), np.empty(0, dtype=object)
    return (
        attributes,
        np.concatenate([empty_geometry, *geometries]),
        np.concatenate([empty_ids, *fids]).astype(np.int64),
        meta["crs"],
    )


@contextmanager
def _sound_stream(format: Format) -> Iterator[None]:
    """Read FlatGeobuf by GDAL's common arrow stream: a null geometry breaks the driver's own."""
    import pyogrio

    if format is not Format.FLATGEOBUF:
        yield
        return
    before = pyogrio.get_gdal_config_option(_FLATGEOBUF_STREAM)
    pyogrio.set_gdal_config_options({_FLATGEOBUF_STREAM: True})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({_FLATGEOBUF_STREAM: before})


def _refuse_partial(source: SourceLayer, rows: int) -> None:
    """Drivers stop without a word where a file is damaged."""
    if source.features is None or rows >= source.features:
        return
    expected = source.features
    if source.format is Format.GEOPACKAGE:  # its count is kept beside the table, and can be stale
        uri = f"{source.file.resolve().as_uri()}?mode=ro&immutable=1"
        try:
            connection = sqlite3.connect(uri, uri=True)
            try:
                name = str(source.layer).replace('"', '""')
                expected = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
                if expected == rows and connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                    return
            finally:
                connection.close()
        except sqlite3.Error:
            pass
    raise InputError(
        f"{source.title} is damaged: only {rows:,} of {expected:,} features can be read; "
        "copy or download it again."
    )


def _from_wkb(
    chunks: Iterable[pa.Array], notes: list[str], origin: tuple[SourceLayer, NDArray[np.int64]] | None
) -> NDArray[np.object_]:
    """Shapely geometries; None where there is none or where it cannot be built, which is noted."""
    import shapely

    parts = []
    for chunk in chunks:
        wkb = chunk.to_numpy(zero_copy_only=False)
        try:
            with np.errstate(invalid="ignore"):  # coordinates that are not numbers are for the rules to find
                parts.append(np.asarray(shapely.from_wkb(wkb), dtype=object))
        except (shapely.errors.GEOSException, NotImplementedError):
            parts.append(_from_odd_wkb(wkb, notes, origin))
    return np.concatenate([np.empty(0, dtype=object), *parts])


def _from_odd_wkb(
    wkb: NDArray[np.object_], notes: list[str], origin: tuple[SourceLayer, NDArray[np.int64]] | None
) -> NDArray[np.object_]:
    import pyogrio.raw
    import shapely

    curved = np.array([value is not None and _is_curve(value) for value in wkb])
    out = np.full(len(wkb), None, dtype=object)
    with np.errstate(invalid="ignore"):
        out[~curved] = shapely.from_wkb(wkb[~curved], on_invalid="ignore")
    if curved.any() and origin is not None:
        source, fids = origin
        _, _, linear, _ = pyogrio.raw.read(
            str(source.file.absolute()), layer=source.layer, columns=[], fids=fids[curved]
        )
        out[curved] = shapely.from_wkb(linear, on_invalid="ignore")
        _count(notes, curved.sum(), "curved geometries were turned into straight segments")
    lost = sum(g is None and value is not None for g, value in zip(out, wkb, strict=True))
    if lost:
        _count(notes, lost, "geometries could not be built (rings not closed or too short) and count as null")
    return out


def _is_curve(wkb: bytes) -> bool:
    code = int.from_bytes(wkb[1:5], "little" if wkb[0] else "big")
    return (code & 0x0FFF_FFFF) % 1000 in _CURVES


def _count(notes: list[str], number: int, what: str) -> None:
    """A note with a number; of further batches the number is added."""
    for i, note in enumerate(notes):
        if note.endswith(what):
            notes[i] = f"{int(note.split()[0]) + number} {what}"
            return
    notes.append(f"{number} {what}")


def _to_pandas(table: pa.Table, source: SourceLayer, encoding: str | None, notes: list[str]) -> pd.DataFrame:
    """Attributes with their types; integers and booleans stay so where some are null."""
    import json

    import pandas as pd
    import pyarrow as pa

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
    frame.columns = pd.Index(csvtable.unique_names(names, notes), dtype=object)
    return frame


def _decoded(
    column: pa.ChunkedArray, source: SourceLayer, name: str, encoding: str | None, notes: list[str]
) -> pa.ChunkedArray:
    """Text whose bytes are not UTF-8, by the encoding given, else by the one of Shapefiles without .cpg."""
    import pyarrow as pa
    import pyogrio

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
    import pyproj

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


def _table(
    frame: pd.DataFrame,
    geometry: NDArray[np.object_],
    crs: Any,
    fids: NDArray[np.int64] | None,
    notes: list[str],
) -> Table:
    import geopandas as gpd

    name = GEOMETRY
    while name in frame.columns:
        name = f"_{name}"
    array = gpd.array.GeometryArray(geometry, crs=crs)
    return Table(gpd.GeoDataFrame(frame.assign(**{name: array}), geometry=name), fids, tuple(notes))
