"""Layers of work packages into tables of a database: columns, types, and rows by ``COPY``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import shapely
from pandas.api import types

from rogi.update.vocabulary import TASK_COLUMNS

if TYPE_CHECKING:
    import psycopg
    import pyproj

_COPIED_ROWS: Final = 5000  # at a time, so that a large layer is never in memory as text


def joined(frames: Mapping[str, gpd.GeoDataFrame], crs: pyproj.CRS) -> gpd.GeoDataFrame:
    """The layer of all packages, with the column ``package``."""
    parts = [frame.rename_geometry("geom").assign(package=name) for name, frame in frames.items()]
    whole = [part for part in parts if len(part)] or parts[:1]
    return gpd.GeoDataFrame(pd.concat(whole, ignore_index=True), geometry="geom", crs=crs)


def task_columns(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The columns of a task in the order and types of the model, ``package`` and ``geom``."""
    columns: dict[str, Any] = {}
    for column in TASK_COLUMNS:
        values = frame.get(column.name, pd.Series(None, index=frame.index, dtype=object))
        if column.type == "integer":
            values = pd.to_numeric(values).astype("Int64")
        elif column.type == "date":
            values = pd.to_datetime(values).dt.strftime("%Y-%m-%d")
        columns[column.name] = values
    return frame[["package", "geom"]].assign(**columns)


def column_types(frame: gpd.GeoDataFrame) -> dict[str, str]:
    """Types of PostgreSQL for the columns of a layer."""

    def kind(values: pd.Series) -> str:
        if types.is_bool_dtype(values.dtype):
            return "boolean"
        if types.is_integer_dtype(values.dtype):
            return "bigint"
        if types.is_float_dtype(values.dtype):
            return "double precision"
        return "text"

    columns = [c for c in frame.columns if c not in ("geom", "fid")]
    return {str(c): kind(frame[c]) for c in columns}


def load(
    connection: psycopg.Connection[Any], schema: str, table: str, frame: gpd.GeoDataFrame, srid: int
) -> None:
    """Copy the rows of a layer into its table."""
    from rogi.update.store.sql import copy_statement

    columns = [str(c) for c in frame.columns if c not in ("geom", "fid")]
    statement = copy_statement(schema, table, [*columns, "geom"])
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for text in _csv(frame, columns, srid):
            copy.write(text)


def _csv(frame: gpd.GeoDataFrame, columns: Sequence[str], srid: int) -> Iterator[bytes]:
    """Rows as CSV, outlines as multipolygons in extended well-known binary."""
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    for start in range(0, len(frame), _COPIED_ROWS):
        part = frame.iloc[start : start + _COPIED_ROWS]
        geometry = shapely.force_2d(np.array(part["geom"].array, dtype=object))
        single = shapely.get_type_id(geometry) == shapely.GeometryType.POLYGON
        geometry[single] = shapely.multipolygons(geometry[single], indices=np.arange(single.sum()))
        binary = shapely.to_wkb(shapely.set_srid(geometry, srid), include_srid=True)
        # GEOS' own way to hexadecimal digits takes ten times as long.
        outlines = pa.array([None if one is None else one.hex() for one in binary], type=pa.string())
        arrays = [_arrow(part[name]) for name in columns]
        table = pa.table([*arrays, outlines], names=[*columns, "geom"])
        stream = pa.BufferOutputStream()
        pyarrow.csv.write_csv(table, stream, options)
        # A NUL byte ends a text in PostgreSQL's protocol and is in no text anybody wrote.
        yield stream.getvalue().to_pybytes().replace(b"\x00", b"")


def _arrow(values: pd.Series) -> pa.Array:
    if types.is_bool_dtype(values.dtype) or types.is_numeric_dtype(values.dtype):
        return pa.Array.from_pandas(values)
    return pa.Array.from_pandas(values.astype("string"), type=pa.large_string())
