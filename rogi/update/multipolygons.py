"""Layers of outlines in the GeoPackages of an update."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray

from rogi.errors import OutputError
from rogi.update.columns import GEOMETRY


def write_multipolygons(
    path: Path,
    layer: str,
    table: pa.Table,
    outlines: gpd.GeoSeries,
    options: Mapping[str, str],
    *,
    append: bool = False,
) -> None:
    """Write a layer of a GeoPackage: columns, and outlines as multipolygons without heights.

    Parameters
    ----------
    path : Path
    layer : str
    table : pyarrow.Table
        Other columns, in the order of `outlines`.
    outlines : GeoSeries
        Polygons and multipolygons with a CRS.
    options : mapping of str to str
        Layer creation options of GDAL, beside the names of columns.
    append : bool
        Whether the file is there and gets one more layer.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    geometry: NDArray[np.object_] = np.array(outlines.array, dtype=object)
    single = shapely.get_type_id(geometry) == shapely.GeometryType.POLYGON
    geometry[single] = shapely.multipolygons(geometry[single], indices=np.arange(single.sum()))
    wkb = pa.array(shapely.to_wkb(geometry, flavor="iso", output_dimension=2), type=pa.large_binary())
    try:
        pyogrio.write_arrow(
            table.replace_schema_metadata(None).append_column(GEOMETRY, wkb),
            path,
            layer=layer,
            driver="GPKG",
            geometry_name=GEOMETRY,
            geometry_type="MultiPolygon",
            crs=outlines.crs.to_wkt(),
            append=append,
            layer_options={"FID": "fid", **options, "GEOMETRY_NAME": GEOMETRY},
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.FeatureError, RuntimeError) as error:
        raise OutputError(f"{path} could not be written: {error}.") from error
