"""Geometry in a column of a Parquet file: GeoParquet, Parquet's own geometry type, or GeoArrow.

GeoParquet describes its columns under the key ``geo`` of the file. Parquet has since 2025 a logical type
GEOMETRY (and GEOGRAPHY) of its own, which DuckDB, Iceberg and GDAL write without that key. GeoArrow marks
columns by an extension type of Arrow. Files with none of these are tables, as CSV is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.inventory.reading import wkb
from rogi.inventory.reading.dialects import Family
from rogi.inventory.reading.drivers import driver_calls
from rogi.inventory.reading.geometry_cells import Places, find_places, sample

_INDEX = re.compile(r"__index_level_\d+__")
_NO_GEOMETRY = (
    "{} is a Parquet file without geometry; write it as GeoParquet (`GeoDataFrame.to_parquet`), "
    "or with longitude and latitude in columns lon and lat."
)
_NAME, _METADATA = b"ARROW:extension:name", b"ARROW:extension:metadata"
_ARROW = ("point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon")
_SAMPLE = 50  # rows by which columns of a plain table are judged


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of geometry: how it is written (``wkb``, ``wkt`` or a type of GeoArrow), its CRS, its kind."""

    name: str
    encoding: str
    crs: Any
    family: Family = Family.UNKNOWN
    spherical: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What a file holds: its attributes, kind of geometry, rows; where a plain table has its geometry."""

    columns: tuple[str, ...]
    family: Family
    rows: int
    places: Places | None


def describe(file: Path, shown: Path) -> Description:
    """What is in a file.

    Raises
    ------
    InputError
        If the file is damaged or has no geometry.
    """
    with driver_calls(shown, []), pq.ParquetFile(file) as parquet:
        schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
        columns = _columns(parquet, shown)
        if columns:
            return Description(_attributes(schema, columns), columns[0].family, rows, None)
        head = next(parquet.iter_batches(_SAMPLE), None)
    places = (
        find_places({name: sample(head.column(name).to_pylist()) for name in schema.names}) if head else None
    )
    if places is None:
        raise InputError(_NO_GEOMETRY.format(shown))
    return Description(tuple(n for n in schema.names if n != places.geometry), places.family, rows, places)


def read(file: Path, shown: Path) -> tuple[pa.Table, NDArray[np.object_] | None, Any, list[str]]:
    """The attributes, the geometries (None of a plain table), their CRS, and notes.

    Raises
    ------
    InputError
        If the file is damaged or its geometry is written in a way that is not known.
    """
    notes: list[str] = []
    with driver_calls(shown, notes), pq.ParquetFile(file) as parquet:
        columns = _columns(parquet, shown)
        if not columns:
            return parquet.read(), None, None, notes
        first, *others = columns
        if others:
            named = ", ".join(column.name for column in others)
            notes.append(f"only the geometry in {first.name} was read, not {named}")
        if first.spherical:
            notes.append(f"the edges in {first.name} are great circles; they were taken for straight lines")
        table = parquet.read(columns=[first.name, *_attributes(parquet.schema_arrow, columns)])
        geometry = _decoded(table.column(first.name), first, shown, notes)
        return table.drop_columns([first.name]), geometry, first.crs, notes


def _attributes(schema: pa.Schema, geometry: Sequence[_Column]) -> tuple[str, ...]:
    taken = {column.name for column in geometry}
    return tuple(name for name in schema.names if name not in taken and not _INDEX.fullmatch(name))


def _decoded(column: pa.ChunkedArray, about: _Column, shown: Path, notes: list[str]) -> NDArray[np.object_]:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    if about.encoding == "wkb":
        return wkb.read(column.chunks, notes)
    if about.encoding not in (*_ARROW, "wkt"):
        raise InputError(
            f"{shown} stores its geometry as {about.encoding!r}; rogi reads WKB, WKT and the native "
            "encodings of GeoParquet and GeoArrow."
        )
    field = pa.field("geometry", column.type, metadata={_NAME: f"geoarrow.{about.encoding}"})
    frame = gpd.GeoDataFrame.from_arrow(pa.table([column], schema=pa.schema([field])))
    geometry = np.array(frame.geometry.array, dtype=object)
    geometry[np.asarray(column.is_null())] = None
    return geometry


def _columns(parquet: Any, shown: Path) -> list[_Column]:
    """Columns of geometry, the one to be read first."""
    schema = parquet.schema_arrow
    raw = (schema.metadata or {}).get(b"geo")
    if raw is not None:
        return _geoparquet(raw, schema, shown)
    native = [column for k in range(len(parquet.schema)) if (column := _native(parquet, k)) is not None]
    return native or [column for field in schema if (column := _geoarrow(field)) is not None]


def _geoparquet(raw: bytes, schema: pa.Schema, shown: Path) -> list[_Column]:
    try:
        geo = json.loads(raw)
        primary = geo["primary_column"]
        described = {primary: geo["columns"][primary], **geo["columns"]}
        columns = [
            _Column(
                name,
                str(about["encoding"]).lower(),
                _crs(about.get("crs", "OGC:CRS84")),
                _family(about.get("geometry_types", [])),
                about.get("edges") == "spherical",
            )
            for name, about in described.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{shown} has GeoParquet metadata that cannot be read; write the file again."
        ) from None
    if primary not in schema.names:
        raise InputError(_NO_GEOMETRY.format(shown))
    return [column for column in columns if column.name in schema.names]


def _native(parquet: Any, at: int) -> _Column | None:
    """A column of Parquet's own types; without a CRS they are WGS84 (Parquet format, geospatial types)."""
    column = parquet.schema.column(at)
    if column.logical_type.type not in ("GEOMETRY", "GEOGRAPHY"):
        return None
    stated = json.loads(column.logical_type.to_json()).get("crs") or "OGC:CRS84"
    if stated.startswith("srid:"):
        stated = f"EPSG:{stated[5:]}" if stated[5:] != "0" else None
    elif stated.startswith("projjson:"):
        stated = (parquet.metadata.metadata or {}).get(stated[9:].encode())
    return _Column(column.path, "wkb", _crs(stated), spherical=column.logical_type.type == "GEOGRAPHY")


def _geoarrow(field: pa.Field) -> _Column | None:
    extension = isinstance(field.type, pa.BaseExtensionType)
    name = field.type.extension_name.encode() if extension else (field.metadata or {}).get(_NAME, b"")
    if not name.startswith((b"geoarrow.", b"ogc.wkb")):
        return None
    raw = field.type.__arrow_ext_serialize__() if extension else (field.metadata or {}).get(_METADATA, b"")
    try:
        about = json.loads(raw or b"{}")
    except ValueError:
        about = {}
    encoding = name.decode().rpartition(".")[2]
    return _Column(
        field.name, encoding, _crs(about.get("crs")), Family.of(encoding), about.get("edges") == "spherical"
    )


def _family(types: Sequence[str]) -> Family:
    families = {Family.of(str(kind)) for kind in types}
    return families.pop() if len(families) == 1 else Family.UNKNOWN


def _crs(stated: Any) -> Any:
    """The CRS as pyproj takes it; coordinates are x, y in any case, so that CRS84 is EPSG:4326."""
    if isinstance(stated, bytes):
        stated = stated.decode("utf-8", "replace")
    if isinstance(stated, dict):
        known = stated.get("id") or {}
        if "authority" not in known or "code" not in known:
            return stated
        stated = f"{known['authority']}:{known['code']}"
    return "EPSG:4326" if stated in ("OGC:CRS84", "OGC:CRS84h") else stated
