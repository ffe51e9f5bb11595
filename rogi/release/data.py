"""The data files of a release: one canonical inventory in several formats, the same bytes each time."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np
import shapely

from rogi.attributes.provenance import kept_provenance
from rogi.errors import InputError
from rogi.geometry import Ints
from rogi.inventory.convert import convert
from rogi.inventory.model import Inventory, Layer, Source
from rogi.inventory.read import read_inventory
from rogi.inventory.write import time_of_writing, write_inventory
from rogi.inventory.writing.geopackage import set_last_change
from rogi.inventory.writing.metadata import JSON_URI, Metadata, read_column_metadata, write_metadata
from rogi.schema.load import load_schema

if TYPE_CHECKING:
    from rogi.inventory.loss import Loss
    from rogi.release.description import Release
    from rogi.schema.model import Schema

GEOPARQUET_VERSION: Final = "1.1.0"
# The fewest rows that `gpio check row-group` takes: of small groups a reader of a region skips the most.
ROW_GROUP: Final = 10_000
PARQUET: Final = "geoparquet"
SHAPEFILE: Final = "shapefile"
CSV: Final = "csv"
METADATA_URI: Final = (
    "http://datacite.org/schema/kernel-4"  # GeoPackage names the standard of a text by a URI
)
_EPOCH: Final = "SOURCE_DATE_EPOCH"


@contextmanager
def stamped(release: Release) -> Iterator[int]:
    """Time written into files, seconds since 1970: ``SOURCE_DATE_EPOCH``, else the release's date (UTC)."""
    given = time_of_writing()
    if given is not None:
        yield int(given.timestamp())
        return
    midnight = dt.datetime.combine(release.date, dt.time(), dt.UTC)
    os.environ[_EPOCH] = str(int(midnight.timestamp()))
    try:
        yield int(midnight.timestamp())
    finally:
        del os.environ[_EPOCH]


def canonical(inventory: Inventory, schema: Schema) -> tuple[Inventory, tuple[Loss, ...]]:
    """An inventory under the names and the CRS of a schema, units in order of their IDs, rings turned.

    Equal IDs are ordered by their geometry, so that the order in the input does not matter.

    Raises
    ------
    InputError
        If a layer has no CRS, or the inventory has no units.
    """
    from rogi.comparison.matching.prepared_outlines import canonical_order

    for layer in inventory.layers:
        _ = layer.known_crs
    if not any(len(layer) for layer in inventory.layers):
        raise InputError(f"{inventory.path} has no features, so there is nothing to release.")
    made = convert(inventory, schema, crs=schema.crs)
    layers = []
    for layer in made.inventory.layers:
        # Outer rings counterclockwise, as GeoPackage and GeoJSON ask; GDAL turns those of Shapefiles.
        turned = shapely.orient_polygons(np.asarray(layer.geometry, dtype=object))
        column = gpd.GeoSeries(turned, layer.frame.index, layer.frame.crs)
        frame = layer.frame.assign(**{layer.frame.geometry.name: column})
        layer = replace(layer, frame=frame)
        key = next((c for c in ("primary_id", "working_id", "polygon_uid", "name") if layer.has(c)), None)
        ids = layer.values(key) if key is not None else np.full(len(layer), "", dtype=object)
        order = canonical_order(ids, layer.geometry)
        layers.append(replace(layer, frame=layer.frame.iloc[order].reset_index(drop=True), notes=()))
    return replace(made.inventory, layers=tuple(layers)), made.losses


def schema_of(release: Release) -> Schema:
    """The schema of a release; layers that are named after the schema are named after the inventory."""
    schema = load_schema(release.schema)
    head = re.compile(rf"{re.escape(schema.name)}(?=_)", re.IGNORECASE)
    layers = (replace(x, name=head.sub(lambda _: release.inventory, x.name, 1)) for x in schema.layers)
    return replace(schema, layers=tuple(layers))


def write_geopackage(
    inventory: Inventory, release: Release, path: Path
) -> tuple[Inventory, tuple[Loss, ...]]:
    """Write the canonical GeoPackage and read it back: what is checked and described is what a reader gets.

    The inventory returned names the file alone as its source: no folder of the builder's shows in a report.
    """
    prepared, mapped = canonical(inventory, schema_of(release))
    losses = write_inventory(prepared, path).losses
    names = {"schema": prepared.schema.id, "dialect": prepared.dialect.name}
    del prepared  # or there are three inventories in memory
    return named(read_inventory(path, **names), path.name), (*mapped, *losses)


def provenance_of(source: Inventory, packed: Inventory) -> tuple[Metadata, ...]:
    """What the source says of where the values of columns come from, under the names of the package."""
    found = []
    for entry in kept_provenance(source, (), False):
        layer = next(x for x in source.layers if x.name == entry.table)
        target = packed.layer(layer.role)
        if target is None:
            continue
        concepts = {column: concept for concept, column in layer.columns.items()}
        names = [target.columns.get(concepts.get(c, ""), c) for c in entry.columns]
        if columns := tuple(name for name in names if name in target.frame):
            found.append(replace(entry, table=target.name, columns=columns))
    return tuple(found)


def named(inventory: Inventory, name: str) -> Inventory:
    """An inventory that is known by a file name alone, wherever it was read from; layers keep their names."""

    def source(s: Source) -> Source:
        return replace(s, path=Path(name))

    layers = tuple(
        replace(
            layer,
            sources=tuple(source(s) for s in layer.sources),
            schema=None if layer.schema is None else replace(layer.schema, name=layer.name),
        )
        for layer in inventory.layers
    )
    return replace(inventory, layers=layers, path=name, dialect_reason="the names of the schema")


def write_other_formats(inventory: Inventory, folder: Path) -> tuple[Loss, ...]:
    """GeoParquet, Shapefiles and tables of attributes: a folder for each format, a file per layer."""
    for name in (PARQUET, SHAPEFILE, CSV):
        (folder / name).mkdir()
    for layer in inventory.layers:
        _write_parquet(layer, folder / PARQUET / f"{layer.name}.parquet")
        table = layer.frame.drop(columns=layer.frame.geometry.name)
        table.to_csv(folder / CSV / f"{layer.name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    return write_inventory(inventory, folder / SHAPEFILE, format="shapefile").losses


def spatial_order(geometry: gpd.GeoSeries) -> Ints:
    """Rows along a Hilbert curve, so that readers of a region skip most row groups; without a place last.

    Examples
    --------
    >>> import geopandas as gpd
    >>> corners = gpd.GeoSeries.from_xy([0, 9, 0, 9, 0.1], [0, 9, 9, 0, 0.1])
    >>> spatial_order(corners).tolist()
    [0, 4, 2, 1, 3]
    """
    there = ~(geometry.isna() | geometry.is_empty).to_numpy(dtype=bool)
    distance = np.full(len(geometry), np.iinfo(np.int64).max)
    if there.any():
        distance[there] = geometry[there].hilbert_distance().to_numpy()
    return np.argsort(distance, kind="stable")


def _write_parquet(layer: Layer, path: Path) -> None:
    covering = "bbox" not in layer.frame.columns  # the name of the column of boxes
    layer.frame.iloc[spatial_order(layer.frame.geometry)].to_parquet(
        path,
        index=False,
        compression="zstd",
        schema_version=GEOPARQUET_VERSION,
        write_covering_bbox=covering,
        row_group_size=ROW_GROUP,
    )


def set_metadata(path: Path, text: str, epoch: int) -> None:
    """Put a text on the whole of a GeoPackage into its metadata tables; one that is there is replaced.

    What the file says of its columns, as where their values come from, stays.

    Parameters
    ----------
    path
        The GeoPackage, changed in place.
    text
        DataCite JSON.
    epoch
        Time to record, seconds since 1970.

    Raises
    ------
    OutputError
        If the file cannot be changed.
    """
    kept = read_column_metadata(path, JSON_URI)
    time = dt.datetime.fromtimestamp(epoch, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    write_metadata(path, (Metadata(text, METADATA_URI), *kept), time)
    set_last_change(path, time)
