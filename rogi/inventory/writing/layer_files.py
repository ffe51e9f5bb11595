"""One layer as a file: by a driver of GDAL, or as CSV."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from pyogrio import errors

from rogi.errors import OutputError
from rogi.files import DISK_FULL
from rogi.inventory.loss import Loss, LossKind
from rogi.inventory.reading.drivers import one_line

if TYPE_CHECKING:
    import geopandas as gpd

ROWS_AT_A_TIME = 10_000

_TYPE_NAMES = {
    0: "Point",
    1: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}


def write_driver(
    frame: gpd.GeoDataFrame,
    name: str,
    path: Path,
    driver: str,
    losses: list[Loss],
    shown: Path,
    *,
    empty_type: str,
    append: bool = False,
    layer_options: Mapping[str, str] | None = None,
) -> None:
    """One layer by a driver; its warnings become losses."""
    geometry = np.asarray(frame.geometry.array, dtype=object)
    declared, geometry = _declared_type(geometry, empty_type)
    table = pa.Table.from_pandas(frame.drop(columns=frame.geometry.name), preserve_index=False)
    for i, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(i, pa.field(field.name, pa.string()), table.column(i).cast(pa.string()))
    column = "geometry"
    while column in table.column_names:
        column = f"_{column}"
    schema = pa.schema([*table.schema, pa.field(column, pa.large_binary())])

    def batches() -> Iterator[pa.RecordBatch]:
        """The rows in pieces: the bytes of all geometries at once take as much memory as the geometries."""
        for start in range(0, len(geometry), ROWS_AT_A_TIME):
            rows = slice(start, start + ROWS_AT_A_TIME)
            wkb = shapely.to_wkb(geometry[rows], flavor="iso", output_dimension=4)
            arrays = [part.combine_chunks() for part in table.slice(start, ROWS_AT_A_TIME).columns]
            yield pa.RecordBatch.from_arrays([*arrays, pa.array(wkb, pa.large_binary())], schema=schema)

    options = dict(layer_options or {})
    if driver == "FlatGeobuf":
        options["SPATIAL_INDEX"] = "NO"  # it would reorder the features, and cannot hold null geometries
    crs = frame.crs
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            pyogrio.write_arrow(
                pa.RecordBatchReader.from_batches(schema, batches()),
                path,
                layer=name,
                driver=driver,
                geometry_name=column,
                geometry_type=declared,
                crs=None if crs is None else crs.to_wkt(),
                append=append,
                layer_options=options,
            )
        except (*_driver_errors(), RuntimeError, ValueError, pa.ArrowException) as error:
            full = " The disk is full." if shutil.disk_usage(Path(path).parent).free < DISK_FULL else ""
            raise OutputError(f"{shown} could not be written: {one_line(error)}.{full}") from error
    for warning in caught:
        if crs is None and "crs" in str(warning.message).casefold():
            continue
        losses.append(Loss(name, LossKind.NOTE, "", len(frame), one_line(warning.message)))


def _driver_errors() -> tuple[type[Exception], ...]:
    return (
        errors.DataSourceError,
        errors.DataLayerError,
        errors.CRSError,
        errors.FeatureError,
        errors.FieldError,
        errors.GeometryError,
    )


def _declared_type(geometry: Any, empty_type: str) -> tuple[str, Any]:
    """The type to declare for a layer, and the geometries: where parts are mixed with wholes, all multi."""
    present = geometry[~shapely.is_missing(geometry)]
    if not len(present):
        return empty_type, geometry
    types = set(np.unique(shapely.get_type_id(present)).tolist())
    declared = "Unknown"
    for single, multi in ((1, 5), (3, 6)):  # points stay points: a marker is one
        if types == {single, multi}:
            wholes = shapely.get_type_id(geometry) == single
            geometry = geometry.copy()
            make = {1: shapely.multilinestrings, 3: shapely.multipolygons}[single]
            geometry[wholes] = make(geometry[wholes], indices=np.arange(wholes.sum()))
            types = {multi}
    if len(types) == 1:
        declared = _TYPE_NAMES.get(types.pop(), "Unknown")
    if shapely.has_m(present).any():
        return "Unknown", geometry  # types with M cannot be declared
    if declared != "Unknown" and shapely.has_z(present).any():
        declared += " Z"
    return declared, geometry


def write_csv(frame: gpd.GeoDataFrame, path: Path) -> None:
    """Attributes, then WKT with the EPSG code of its CRS in front."""
    geometry = np.asarray(frame.geometry.array, dtype=object)
    text = shapely.to_wkt(geometry, rounding_precision=-1, output_dimension=4)
    epsg = None if frame.crs is None else frame.crs.to_epsg()
    srid = "" if epsg is None else f"SRID={epsg};"
    wkt = np.array([None if t is None else f"{srid}{t}" for t in text], dtype=object)
    column = "wkt"
    while column in frame.columns:
        column = f"_{column}"
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name)).assign(**{column: wkt})
    table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
