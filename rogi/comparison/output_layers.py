"""Files of a comparison: the crosswalk, what changed, the consensus of operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyogrio

from rogi.comparison.crosswalk import changes, crosswalk, objects
from rogi.comparison.exercise import OperatorComparison, consensus_layer, object_layer, vote_layer
from rogi.comparison.inventories import InventoryComparison
from rogi.errors import OutputError
from rogi.files import replacing
from rogi.inventory.writing.geopackage import set_last_change
from rogi.longitudes import whole

if TYPE_CHECKING:
    import pandas as pd


def write_crosswalk(result: InventoryComparison, paths: Sequence[Path]) -> None:
    """Write the crosswalk as Parquet, CSV (``.csv``) or a table without geometry in a GeoPackage."""
    if not paths:
        return
    table = crosswalk(result)
    for path in paths:
        if path.suffix.lower() == ".gpkg":
            _write_geopackage(path, {"crosswalk": table})
            continue
        with replacing(path) as temporary:
            if path.suffix.lower() == ".parquet":
                table.to_parquet(temporary, index=False)
            else:
                table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def write_changes(result: InventoryComparison, path: Path) -> None:
    """Write a GeoPackage with gains, losses, both inventories with their clusters, and the crosswalk."""
    layers = {**changes(result), **objects(result), "crosswalk": crosswalk(result)}
    _write_geopackage(path, {name: frame for name, frame in layers.items() if len(frame)})


def write_consensus(result: OperatorComparison, path: Path) -> None:
    """Write a GeoPackage with the consensus outlines, the faces with their votes, and all objects."""
    layers = {
        "consensus": consensus_layer(result),
        "votes": vote_layer(result),
        "objects": object_layer(result),
    }
    filled = {name: frame for name, frame in layers.items() if len(frame)}
    if not filled:
        raise OutputError(f"{path} was not written: no operator mapped anything.")
    _write_geopackage(path, filled)


def _write_geopackage(path: Path, layers: Mapping[str, pd.DataFrame]) -> None:
    with replacing(path) as temporary:
        for name, frame in layers.items():
            kind = {}
            if isinstance(frame, gpd.GeoDataFrame):
                frame = frame.set_geometry(whole(np.asarray(frame.geometry.array)), crs=frame.crs)
                points = frame.geom_type.isin(["Point", "MultiPoint"]).all()
                kind = {
                    "geometry_type": "Point" if points else "MultiPolygon",
                    "promote_to_multi": not points,
                }
            pyogrio.write_dataframe(
                frame, temporary, layer=name, driver="GPKG", append=temporary.exists(), **kind
            )
        set_last_change(temporary)
