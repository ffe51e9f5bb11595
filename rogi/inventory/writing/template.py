"""A blank GeoPackage for mapping: every layer of a schema, with domains, descriptions and QGIS forms."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import geopandas as gpd
import pandas as pd
import pyogrio

from rogi.errors import OutputError
from rogi.files import replacing
from rogi.inventory.writing.geopackage import add_field_domains, add_schema_styles, set_last_change
from rogi.schema.model import FieldType, LayerSchema, Schema

_DTYPES: Final = {
    FieldType.STRING: "object",
    FieldType.INTEGER: "int32",
    FieldType.NUMBER: "float64",
    FieldType.BOOLEAN: "bool",
    FieldType.DATE: "datetime64[ms]",
}


def write_template(path: Path, schema: Schema) -> None:
    """Write a GeoPackage with the layers of a schema and no features.

    Columns have the schema's types, descriptions and domains; QGIS opens the layers with drop-downs,
    aliases, constraints and default values. The same schema gives the same bytes.

    Parameters
    ----------
    path
        Where to write; an existing file is replaced.
    schema
        What the file is for.

    Raises
    ------
    OutputError
        If the name does not end in ``.gpkg`` or the file cannot be written.
    """
    if path.suffix.lower() != ".gpkg":
        raise OutputError(f"A template is a GeoPackage, so {path.name!r} must end in .gpkg.")
    with replacing(path) as temporary:
        for number, layer in enumerate(schema.layers):
            try:
                pyogrio.write_dataframe(
                    _empty(layer, schema.crs),
                    temporary,
                    layer=layer.name,
                    driver="GPKG",
                    geometry_type=geometry_type(layer),
                    append=number > 0,
                    layer_options={"IDENTIFIER": layer.title, "DESCRIPTION": layer.description},
                )
            except pyogrio.errors.DataSourceError as error:
                raise OutputError(f"{path} could not be written: {error}.") from error
        add_field_domains(temporary, schema)
        add_schema_styles(temporary, schema)
        set_last_change(temporary)


def geometry_type(layer: LayerSchema) -> str:
    """The geometry type a table of the layer is declared with: the multi type where both are allowed."""
    multi = [name for name in layer.geometry if name.startswith("Multi")]
    return (multi or list(layer.geometry))[0]


def _empty(layer: LayerSchema, crs: str) -> gpd.GeoDataFrame:
    columns = {f.name: pd.Series([], dtype=_DTYPES[f.concept.type]) for f in layer.fields}
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs=crs), crs=crs)
