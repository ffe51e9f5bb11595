"""GeoParquet: geometry in a column of a Parquet file, its CRS in the metadata of the file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rogi.errors import InputError
from rogi.inventory.detect import Family
from rogi.inventory.drivers import driver_calls

if TYPE_CHECKING:
    import pyarrow as pa
    import pyproj

_INDEX = re.compile(r"__index_level_\d+__")
_NO_GEOMETRY = (
    "{} is a Parquet file without geometry; write it as GeoParquet (`GeoDataFrame.to_parquet`), "
    "or as CSV with longitude and latitude."
)


def describe(file: Path, shown: Path) -> tuple[tuple[str, ...], Family, int]:
    """Columns, kind of geometry and number of features.

    Raises
    ------
    InputError
        If the file is damaged or has no geometry.
    """
    import pyarrow.parquet as pq

    with driver_calls(shown, []), pq.ParquetFile(file) as parquet:
        schema, rows = parquet.schema_arrow, parquet.metadata.num_rows
    geo = _metadata(schema, shown)
    primary = geo["primary_column"]
    types = {str(t) for t in geo["columns"][primary].get("geometry_types", [])}
    families = {Family.of(t) for t in types}
    family = families.pop() if len(families) == 1 else Family.UNKNOWN
    return tuple(n for n in schema.names if _is_attribute(n, geo)), family, rows


def read(file: Path, shown: Path) -> tuple[pa.Table, str, pyproj.CRS | None, list[str]]:
    """The table, the name of its WKB column, its CRS, and notes.

    Raises
    ------
    InputError
        If the file is damaged or its geometry is not stored as WKB.
    """
    import pyarrow.parquet as pq

    notes: list[str] = []
    with driver_calls(shown, notes):
        schema = pq.read_schema(file)
        geo = _metadata(schema, shown)
        primary = geo["primary_column"]
        column = geo["columns"][primary]
        if column.get("encoding") != "WKB":
            raise InputError(
                f"{shown} stores its geometry as {column.get('encoding')!r}; rogi reads GeoParquet with WKB, "
                "which is what most programs write."
            )
        keep = [n for n in schema.names if n == primary or _is_attribute(n, geo)]
        others = [n for n in geo["columns"] if n != primary]
        if others:
            notes.append(f"only the geometry in {primary} was read, not {', '.join(others)}")
        table = pq.ParquetFile(file).read(columns=keep)
        return table, primary, _crs(column), notes


def _is_attribute(name: str, geo: dict[str, Any]) -> bool:
    return name not in geo["columns"] and not _INDEX.fullmatch(name)


def _metadata(schema: pa.Schema, shown: Path) -> dict[str, Any]:
    raw = (schema.metadata or {}).get(b"geo")
    if raw is None:
        raise InputError(_NO_GEOMETRY.format(shown))
    try:
        geo = json.loads(raw)
        geo["columns"][geo["primary_column"]]["encoding"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{shown} has GeoParquet metadata that cannot be read; write the file again."
        ) from None
    if geo["primary_column"] not in schema.names:
        raise InputError(_NO_GEOMETRY.format(shown))
    return dict(geo)


def _crs(column: dict[str, Any]) -> pyproj.CRS | None:
    """The CRS of a column: WGS84 where the key is left out, none where it is null."""
    import pyproj

    stated = column.get("crs", "EPSG:4326")
    if stated is None:
        return None
    crs = pyproj.CRS.from_user_input(stated)
    # Coordinates are x, y in any case: OGC:CRS84 and EPSG:4326 differ in the order of their axes only.
    return pyproj.CRS.from_epsg(4326) if crs.to_authority() == ("OGC", "CRS84") else crs
