"""How much of each candidate lies on glaciers; debris-covered ice looks like a rock glacier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray

from rogi.comparison.agreement.areas import components
from rogi.comparison.matching.graph import match_polygons
from rogi.comparison.matching.prepared_outlines import prepare_together, repair
from rogi.errors import InputError
from rogi.geometry import Floats, Geometries, parse_crs, to_lonlat, total_bounds, transform_geometries
from rogi.inventory import vector
from rogi.inventory.coordinates import on_earth
from rogi.inventory.regions import fold, polygon_layer
from rogi.text import counted

ID_COLUMNS = ("rgi_id", "RGIId", "glims_id", "GLIMSId", "glac_id", "glacier_id", "id")
"""Columns that identify a glacier in RGI 7, RGI 6, GLIMS and other files, the first that is there."""


@dataclass(frozen=True)
class Glaciers:
    """Glacier outlines.

    Attributes
    ----------
    geometries : ndarray of object, shape (n,)
        Valid polygons and multipolygons on WGS84 longitude and latitude.
    ids : ndarray of object, shape (n,)
        Text; ``row N`` where the file states none.
    repaired : int
        Outlines that were invalid and were mended for this; the file stays as it is.
    note : str, optional
        That the file has none in the bounds asked for.
    """

    geometries: Geometries
    ids: NDArray[np.object_]
    repaired: int = 0
    note: str | None = None

    def __len__(self) -> int:
        return len(self.ids)


def read_glaciers(
    source: str | Path | gpd.GeoDataFrame, bounds: Floats | None = None, what: str = "glaciers"
) -> Glaciers:
    """Glacier outlines of a vector file, or of a table.

    Parameters
    ----------
    source
        RGI 6 or 7, GLIMS, or any polygons with a CRS, in a format pyogrio reads.
    bounds : ndarray of float64, shape (4,), optional
        West, south, east, north in degrees: only glaciers whose boxes reach into it are read.
    what : str
        What they are to be called in messages.

    Raises
    ------
    InputError
        If the file cannot be read, has no CRS, no polygons, or several layers of them.
    """
    if isinstance(source, gpd.GeoDataFrame):
        frame, named, all_of_it, total = source, "in memory", f"the {what}", len(source)
    else:
        frame, total = _read(source, bounds, what)
        named = all_of_it = str(source)
    if not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
        raise InputError(f"The {what} {named} have no geometry or no CRS; name a file of outlines with both.")
    polygonal = frame.geom_type.isin(["Polygon", "MultiPolygon"]).to_numpy()
    if len(frame) and not polygonal.any():
        raise InputError(f"The {what} {named} contain no polygons; name a file of outlines.")
    lonlat = to_lonlat(np.asarray(frame.geometry.array)[polygonal], frame.crs)
    ids, here = _ids(frame)[polygonal], on_earth(lonlat)
    away = ids[~here & ~shapely.is_empty(lonlat)]
    note = None
    if len(away):
        shown = ", ".join(map(str, away[:5])) + (", …" if len(away) > 5 else "")
        note = (
            f"{counted(len(away), 'outline')} of {all_of_it} with impossible coordinates left out: {shown}."
        )
    geometries, repaired = repair(lonlat[here])
    ids = ids[here]
    whole = ~shapely.is_empty(geometries)
    if bounds is not None and not shapely.intersects(geometries[whole], shapely.box(*bounds)).any():
        missed = (
            f"None of the {counted(total, 'outline')} of {all_of_it} lies on the imagery; look whether it is "
            "the file that is meant."
        )
        note = missed if note is None else f"{note} {missed}"
    return Glaciers(geometries[whole], ids[whole], int(repaired.sum()), note)


def _read(path: str | Path, bounds: Floats | None, what: str) -> tuple[pd.DataFrame, int]:
    """Features of a file whose boxes reach into some bounds, and how many there are in all."""
    try:
        layer = polygon_layer(path, what)
        about = vector.read_info(path, layer=layer, force_feature_count=bounds is not None)
        box = None if bounds is None else _box_in(bounds, about["crs"])
        return vector.read_dataframe(path, layer=layer, bbox=box), int(about["features"])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise InputError(
            f"The {what} {path} cannot be read: {error}; name a vector file of outlines."
        ) from None


def glacier_overlap(candidates: Geometries, glaciers: Glaciers) -> tuple[Floats, NDArray[np.object_]]:
    """Share of each candidate that glaciers cover, and the glacier that covers most of it.

    Parameters
    ----------
    candidates : ndarray of object, shape (n,)
        Valid polygons on WGS84 longitude and latitude.
    glaciers : Glaciers

    Returns
    -------
    share : ndarray of float64, shape (n,)
        0 to 1, by area on the ellipsoid; ground under several outlines counts once.
    ids : ndarray of object, shape (n,)
        None where no glacier meets the candidate in an area.
    """
    share, ids = np.zeros(len(candidates)), np.full(len(candidates), None, dtype=object)
    if len(candidates) == 0 or len(glaciers) == 0:
        return share, ids
    near = np.unique(shapely.STRtree(glaciers.geometries).query(candidates)[1])
    if len(near) == 0:
        return share, ids
    a, b = prepare_together([(candidates, 4326), (glaciers.geometries[near], 4326)])
    graph = match_polygons(a, b)
    share = np.divide(components(a, b, graph).covered_a, a.area, out=share, where=a.area > 0)
    order = np.lexsort([graph.b, -graph.overlap, graph.a])
    rows, first = np.unique(graph.a[order], return_index=True)
    ids[rows] = glaciers.ids[near[graph.b[order[first]]]]
    return np.clip(share, 0.0, 1.0), ids


def _ids(frame: Any) -> NDArray[np.object_]:
    by_fold = {fold(str(c)): c for c in frame.columns if c != frame.geometry.name}
    column = next((by_fold[fold(c)] for c in ID_COLUMNS if fold(c) in by_fold), None)
    rows = np.array([f"row {n}" for n in range(1, len(frame) + 1)], dtype=object)
    if column is None:
        return rows
    text = frame[column].astype("str").str.strip()
    stated = frame[column].notna() & (text != "")
    return np.where(stated.to_numpy(bool), text.to_numpy(object), rows)


def _box_in(bounds: Floats, crs: Any) -> tuple[float, float, float, float] | None:
    """The box around some bounds in another CRS; None where it cannot be told."""
    if crs is None or not np.isfinite(bounds).all():
        return None
    edge = shapely.segmentize(shapely.box(*bounds), max(1e-9, float(np.ptp(bounds[[0, 2]])) / 20))
    west, south, east, north = total_bounds(transform_geometries(np.array([edge]), 4326, parse_crs(crs)))
    if not np.isfinite([west, south, east, north]).all():
        return None
    return float(west), float(south), float(east), float(north)
