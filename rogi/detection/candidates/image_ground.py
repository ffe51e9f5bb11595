"""Which image candidates lie on: its date, and whether its values were such as in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from rasterio.features import geometry_mask

from rogi.geometry import transform_geometries
from rogi.raster.files import reading
from rogi.raster.grid import Window
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    import pyproj

    from rogi.detection.candidates.extraction import Candidates
    from rogi.detection.imagery.channels import Imagery
    from rogi.detection.imagery.values import Doubt
    from rogi.geometry import Geometries

BLOCK = 1024
"""Rows and columns of which dates are read at a time."""


def with_image_dates(found: Candidates, imagery: Imagery) -> Candidates:
    """Candidates with the date of the image that has most of their pixels; of equal ones the later.

    Only ground on images of several dates is read, each of its blocks once.
    """
    dates = imagery.dates
    if len(dates) < 2:
        return found
    frame = found.frame.copy()
    placed = transform_geometries(_shapes(frame), frame.crs, imagery.crs)
    inverse = ~imagery.transform
    pixels = shapely.transform(placed, lambda xy: np.column_stack(inverse @ (xy[:, 0], xy[:, 1])))
    counts = np.zeros((len(frame), len(dates)), np.int64)
    blocks: dict[tuple[int, int], list[int]] = {}
    windows = [_window(polygon) for polygon in pixels]
    for number, window in enumerate(windows):
        here = imagery.dates_in(window.row0, window.column0, *window.shape)
        if len(here) == 1:
            counts[number, dates.index(here[0])] = 1
            continue
        for row in range(window.row0 // BLOCK, -(-window.row1 // BLOCK)):
            for column in range(window.column0 // BLOCK, -(-window.column1 // BLOCK)):
                blocks.setdefault((row, column), []).append(number)
    with reading():
        for (row, column), numbers in sorted(blocks.items()):
            block = Window(row * BLOCK, (row + 1) * BLOCK, column * BLOCK, (column + 1) * BLOCK)
            parts = [_shared(block, windows[number]) for number in numbers]
            around = Window(
                min(part.row0 for part in parts), max(part.row1 for part in parts),
                min(part.column0 for part in parts), max(part.column1 for part in parts),
            )  # fmt: skip
            seen = imagery.read_dates(around.row0, around.column0, *around.shape)
            for number, part in zip(numbers, parts, strict=True):
                inside = _covered(pixels[number], part)
                own = seen[around.part(part)][inside]
                counts[number] += np.bincount(own[own >= 0], minlength=len(dates))
    best = len(dates) - 1 - counts[:, ::-1].argmax(axis=1)
    known = [dates[date] or None if row.any() else None for date, row in zip(best, counts, strict=True)]
    frame["image_date"] = pd.Series(known, dtype="str", index=frame.index)
    notes = list(found.notes)
    if mixed := int(((counts > 0).sum(axis=1) > 1).sum()):
        notes.append(
            f"{counted(mixed, 'candidate')} {agreeing(mixed, 'lies', 'lie')} on images of several dates; "
            "image_date is that of most of the pixels"
        )
    return replace(found, frame=frame, notes=tuple(notes))


def _window(polygon: Any) -> Window:
    """Rows and columns that a polygon, in columns and rows of the imagery, touches."""
    west, north, east, south = polygon.bounds
    row, column = floor(north), floor(west)
    return Window(row, max(ceil(south), row + 1), column, max(ceil(east), column + 1))


def _shared(one: Window, other: Window) -> Window:
    return Window(
        max(one.row0, other.row0), min(one.row1, other.row1),
        max(one.column0, other.column0), min(one.column1, other.column1),
    )  # fmt: skip


def _covered(polygon: Any, window: Window) -> np.ndarray[Any, Any]:
    """Pixels of a window that a polygon touches."""
    moved = shapely.transform(polygon, lambda xy: xy - (window.column0, window.row0))
    found: np.ndarray[Any, Any] = geometry_mask(
        [moved], window.shape, Affine.identity(), invert=True, all_touched=True
    )
    return found


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
