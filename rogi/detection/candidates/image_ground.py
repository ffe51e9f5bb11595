"""Which image candidates lie on: its date, and whether its values were such as in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from rasterio.features import geometry_mask

from rogi.geometry import transform_geometries
from rogi.raster.files import reading
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    import pyproj

    from rogi.detection.candidates.extraction import Candidates
    from rogi.detection.imagery.channels import Imagery
    from rogi.detection.imagery.values import Doubt
    from rogi.geometry import Geometries

LARGEST = 2048
"""Rows and columns read at most to find the dates of a candidate; of a larger one, its middle."""


def with_image_dates(found: Candidates, imagery: Imagery) -> Candidates:
    """Candidates with the date of the image that has most of their pixels; of equal ones the later.

    Nothing is read where all images have one date.
    """
    dates = imagery.dates
    if len(dates) < 2:
        return found
    frame, mixed = found.frame.copy(), 0
    placed = transform_geometries(_shapes(frame), frame.crs, imagery.crs)
    inverse = ~imagery.transform
    pixels = shapely.transform(placed, lambda xy: np.column_stack(inverse @ (xy[:, 0], xy[:, 1])))
    chosen: list[str | None] = []
    with reading():
        for polygon in pixels:
            counts = _pixels_of_dates(polygon, imagery)
            mixed += int((counts > 0).sum() > 1)
            best = np.flatnonzero(counts == counts.max())[-1] if counts.any() else None
            chosen.append(None if best is None else dates[best] or None)
    frame["image_date"] = pd.Series(chosen, dtype="str", index=frame.index)
    notes = list(found.notes)
    if mixed:
        notes.append(
            f"{counted(mixed, 'candidate')} {agreeing(mixed, 'lies', 'lie')} on images of several dates; "
            "image_date is that of most of the pixels"
        )
    return replace(found, frame=frame, notes=tuple(notes))


def _pixels_of_dates(polygon: Any, imagery: Imagery) -> np.ndarray[Any, Any]:
    """Pixels of a polygon, in columns and rows of the imagery, by date."""
    west, north, east, south = polygon.bounds
    row0, row1 = _span(north, south)
    column0, column1 = _span(west, east)
    dates = imagery.read_dates(row0, column0, row1 - row0, column1 - column0)
    inside = geometry_mask(
        [shapely.transform(polygon, lambda xy: xy - (column0, row0))],
        dates.shape,
        imagery.transform.identity(),
        invert=True,
        all_touched=True,
    )
    return np.bincount(dates[inside & (dates >= 0)], minlength=len(imagery.dates))


def _span(low: float, high: float) -> tuple[int, int]:
    first, last = int(np.floor(low)), max(int(np.ceil(high)), int(np.floor(low)) + 1)
    middle = (first + last) // 2
    return max(first, middle - LARGEST // 2), min(last, middle + LARGEST // 2)


def with_doubts(found: Candidates, doubts: Sequence[Doubt], crs: pyproj.CRS) -> Candidates:
    """Candidates and coverage that say where the values of the imagery were not such as in training.

    Parameters
    ----------
    found : Candidates
    doubts : sequence of Doubt
    crs : pyproj.CRS
        Of the doubts.
    """
    if not doubts:
        return found
    shapes: Geometries = np.array([doubt.outline for doubt in doubts], dtype=object)
    shapes = transform_geometries(shapes, crs, found.frame.crs)
    kinds = np.array([doubt.kind for doubt in doubts], dtype=object)
    frame = found.frame.copy()
    own = _shapes(frame)
    rows, of = shapely.STRtree(shapes).query(own, predicate="intersects")
    touching = shapely.touches(own[rows], shapes[of])
    notes = np.full(len(frame), None, dtype=object)
    for row, number in zip(rows[~touching][::-1], of[~touching][::-1], strict=True):
        notes[row] = kinds[number]
    frame["image_note"] = pd.Series(notes, dtype="str", index=frame.index)
    ground = _shapes(found.coverage)
    parts = [(None, shapely.difference(ground, shapely.union_all(shapes)))]
    seen: Any = shapely.Polygon()
    for kind in dict.fromkeys(kinds.tolist()):
        here = shapely.union_all(shapes[kinds == kind])
        parts.append((kind, shapely.intersection(ground, shapely.difference(here, seen))))
        seen = shapely.union(seen, here)
    tables = [found.coverage.assign(image_note=kind).set_geometry(shapes_of) for kind, shapes_of in parts]
    coverage = pd.concat(tables, ignore_index=True)
    coverage["image_note"] = coverage["image_note"].astype("str").where(coverage["image_note"].notna())
    return replace(found, frame=frame, coverage=_polygons(coverage))


def _polygons(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Parts of geometries that are polygons, one a row."""
    single = frame.explode(ignore_index=True)
    return single[(single.geom_type == "Polygon") & ~single.is_empty].reset_index(drop=True)


def _shapes(frame: gpd.GeoDataFrame) -> Geometries:
    return np.asarray(frame.geometry.array, dtype=object)
