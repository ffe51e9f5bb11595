"""Candidates from a probability raster: polygons with confidence, provisional IDs and what they lie on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.detection.candidates.confidence import Confidence, confidence, histograms
from rogi.detection.candidates.connected_pixels import NO_DATA
from rogi.detection.candidates.glaciers import Glaciers, glacier_overlap, read_glaciers
from rogi.detection.candidates.polygons import (
    BLOCK,
    LEVELS,
    PixelPolygons,
    Reader,
    level_of,
    place,
    polygonise,
)
from rogi.detection.candidates.provisional_ids import provisional_ids
from rogi.detection.candidates.separation import NECK, Separate, separate_units
from rogi.detection.candidates.smoothing import MAXIMUM_SMOOTH, SMOOTH_AREA_CHANGE, smoothed
from rogi.errors import OptionError
from rogi.geometry import (
    Floats,
    Geometries,
    Ints,
    local_metres,
    parse_crs,
    to_lonlat,
    total_bounds,
    transform_geometries,
    with_points_along,
)
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    import pyproj
    from affine import Affine

MINIMUM_AREA_M2 = 10_000.0  # Sun et al. (2024), Sect. 3: units below 0.01 km² were excluded
M2_PER_KM2 = 1e6
_PIXEL_SAMPLES = 33  # pixels along each side of the raster whose areas are measured
_PIXEL_MARGIN = 1.01  # by which a pixel may be larger than the largest of these


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidates and the ground that was predicted.

    Attributes
    ----------
    frame
        One row for each candidate, in the order of the provisional IDs; columns in `docs/formats.md`.
    coverage
        Polygons of the pixels with data.
    parents
        Polygons that were separated into several candidates; None unless separation was asked for.
    parameters
        How the candidates were made, as plain values.
    notes
        What had to be decided on the way.
    """

    frame: gpd.GeoDataFrame
    coverage: gpd.GeoDataFrame
    parents: gpd.GeoDataFrame | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)


def make_candidates(
    read: Reader,
    shape: tuple[int, int],
    transform: Affine,
    crs: Any,
    *,
    threshold: float,
    minimum_area_m2: float = MINIMUM_AREA_M2,
    fill_holes_m2: float = 0.0,
    smooth: float = 0.0,
    separate: str | None = None,
    boundary_threshold: float = 0.5,
    neck: float = NECK,
    glaciers: Glaciers | gpd.GeoDataFrame | str | Path | None = None,
    model: str = "",
    imagery: str = "",
    date: str | None = None,
    to_crs: Any = None,
    spread: Reader | None = None,
    block: int = BLOCK,
) -> Candidates:
    """Candidates of a probability raster.

    Parameters
    ----------
    read : callable
        ``read(row, col, height, width)`` gives probabilities as uint8, 254 being 1 and 255 no data, of shape
        (height, width) or (channels, height, width); the first channel is the rock glacier, the second, if
        any, the boundary between units. Windows are always inside the raster.
    shape : (int, int)
        Rows and columns of the raster.
    transform : Affine
        From columns and rows to coordinates.
    crs : anything `pyproj.CRS` accepts
        Of the raster.
    threshold : float
        Least probability of a pixel, above 0 and at most 1.
    minimum_area_m2 : float
        Polygons with less area on the ellipsoid are left out.
    fill_holes_m2 : float
        Holes with less area are filled; at most the minimum area, so that no candidate lies in one.
    smooth : float
        Tolerance of smoothing in pixels; 0 keeps the edges of pixels. See `smoothed`.
    separate : "watershed" or "boundary", optional
        Separate units that touch; see `rogi.detection.candidates.separation`.
    boundary_threshold : float
        Least probability of a pixel between units, for ``separate="boundary"``.
    neck : float
        Relative width of a neck between units, for ``separate="watershed"``.
    glaciers : Glaciers, GeoDataFrame or path, optional
        Outlines to tell what candidates lie on.
    model, imagery, date : str, optional
        For the columns of these names; the date in ISO 8601.
    to_crs : anything `pyproj.CRS` accepts, optional
        CRS of the result; by default that of the raster.
    spread : callable, optional
        As `read`, of the standard deviation among the answers of several models or turns.
    block : int
        Rows and columns read at a time; the result does not depend on it.

    Raises
    ------
    OptionError
        If a number is out of its range, ``separate`` is no method, or one that the raster has no channel for.
    """
    method = _check(threshold, minimum_area_m2, fill_holes_m2, smooth, separate)
    if method is Separate.BOUNDARY and read(0, 0, 1, 1).size < 2:
        raise OptionError(
            "Units are separated by boundary only where the model was trained with boundaries, and this one "
            "was not; take watershed, or a model with the output boundary."
        )
    system = parse_crs(crs)
    box = to_lonlat(_corner_box(shape, transform), system)
    outlines = _polygons(read, shape, transform, system, level_of(threshold), minimum_area_m2, block)
    if fill_holes_m2 > 0 and len(outlines):
        outlines = outlines.without_holes(_pixel_limit(outlines, transform, system, fill_holes_m2))
    notes: list[str] = []
    units, parent = outlines, np.full(len(outlines), -1)
    if method is not None:
        separated = separate_units(
            read,
            outlines,
            method,
            minimum_pixels=_pixel_limit(outlines, transform, system, minimum_area_m2),
            boundary_level=level_of(boundary_threshold),
            pixel_size=_pixel_size(shape, transform, system),
            neck=neck,
        )
        units, parent = separated.polygons, separated.parent
        if separated.too_large:
            notes.append(
                f"{counted(separated.too_large, 'polygon')} too large to be worked on at once "
                f"{agreeing(separated.too_large, 'was', 'were')} not separated"
            )
    shapes, kept = smoothed(units, smooth, parent)
    if kept:
        notes.append(
            f"{counted(kept, 'outline')} {agreeing(kept, 'was', 'were')} not smoothed: "
            f"{agreeing(kept, 'its', 'their')} area would have changed by more than "
            f"{100 * SMOOTH_AREA_CHANGE:g} %"
        )
    shapes = _placed(shapes, transform)
    areas = area_m2(shapes, system)
    enough = np.flatnonzero(areas >= minimum_area_m2)
    if len(enough) < len(areas):
        units, shapes, areas, parent = units.take(enough), shapes[enough], areas[enough], parent[enough]
    known = glaciers
    if known is not None and not isinstance(known, Glaciers):
        known = read_glaciers(known, total_bounds(box))
    if known is not None and known.note:
        notes.append(known.note)
    if known is not None and known.repaired:
        notes.append(f"{known.repaired} invalid glacier outlines were mended to measure the overlap")

    lonlat = to_lonlat(shapes, system)
    ids = provisional_ids(lonlat, areas)
    order = np.lexsort([areas, ids.astype(str)])
    columns = {"candidate_id": np.array([f"C-{i}" for i in ids], dtype=object), "ID": ids}
    columns |= _measures(areas, confidence(read, shape, units, block=block), units)
    columns["model_spread"] = _mean_spread(spread, shape, units, block)
    columns["glacier_share"], columns["glacier_id"] = _on_glaciers(lonlat, known)
    labels = {"model": model, "imagery": imagery, "image_date": date}
    parents = None
    columns["parent_id"] = np.full(len(ids), None, dtype=object)
    if method is not None:
        parents, columns["parent_id"] = _parents(read, shape, outlines, parent, transform, system, block)
    columns |= {name: _repeated(value, len(ids)) for name, value in labels.items()}
    columns["image_note"] = _repeated(None, len(ids))
    target = system if to_crs is None else parse_crs(to_crs)
    coverage = polygonise(read, shape, level=0, block=block).geometries(transform)
    if target != system:
        coverage = with_points_along(coverage, system)
    return Candidates(
        _table({name: columns[name][order] for name in COLUMNS}, shapes[order], system, target),
        _table(
            {"name": _repeated(imagery, len(coverage)), "image_note": _repeated(None, len(coverage))},
            _oriented(coverage),
            system,
            target,
        ),
        None if parents is None else _table(*parents, system, target),
        {
            "threshold": threshold,
            "minimum_area_m2": minimum_area_m2,
            "fill_holes_m2": fill_holes_m2,
            "smooth_pixels": smooth,
            "separate": separate,
            **({"boundary_threshold": boundary_threshold} if method is Separate.BOUNDARY else {}),
            **({"neck": neck} if method is Separate.WATERSHED else {}),
            **labels,
        },
        tuple(notes),
    )


COLUMNS = (
    "candidate_id",
    "ID",
    "AREA",
    "confidence",
    "prob_p10",
    "prob_spread",
    "entropy",
    "model_spread",
    "invalid_halo",
    "glacier_share",
    "glacier_id",
    "at_edge",
    "parent_id",
    "holes",
    "model",
    "imagery",
    "image_date",
    "image_note",
)
"""Columns of the layer ``candidates``, in order."""

Column = NDArray[Any]


def _check(
    threshold: float, minimum: float, fill: float, smooth: float, separate: str | None
) -> Separate | None:
    if not 0 < threshold <= 1:
        raise OptionError(f"The threshold is a probability above 0 and at most 1, found {threshold:g}.")
    if not minimum >= 0:
        raise OptionError(f"The minimum area is at least 0 m², found {minimum:g}.")
    if not 0 <= fill <= minimum:
        raise OptionError(
            f"Holes are filled up to the minimum area of {minimum:g} m² at most, found {fill:g}; a larger "
            "hole could hold another candidate."
        )
    if not 0 <= smooth <= MAXIMUM_SMOOTH:
        raise OptionError(f"Smoothing is 0 to {MAXIMUM_SMOOTH:g} pixels, found {smooth:g}.")
    if separate is None:
        return None
    try:
        return Separate(separate)
    except ValueError:
        methods = " or ".join(m.value for m in Separate)
        raise OptionError(f"Units are separated by {methods}, found {separate!r}.") from None


def _polygons(
    read: Reader,
    shape: tuple[int, int],
    transform: Affine,
    crs: pyproj.CRS,
    level: int,
    minimum_area: float,
    block: int,
) -> PixelPolygons:
    """Polygons of the minimum area; groups that are too small for certain are dropped on the way."""
    rows, cols = (np.unique(np.linspace(0, n - 1, _PIXEL_SAMPLES).astype(int)) for n in shape)
    row, col = (v.ravel() for v in np.meshgrid(rows, cols, indexing="ij"))
    largest = float(area_m2(_placed(shapely.box(col, row, col + 1, row + 1), transform), crs).max())
    least = max(1, int(minimum_area / (largest * _PIXEL_MARGIN)))
    found = polygonise(read, shape, level=level, minimum_pixels=least, block=block)
    return found.take(np.flatnonzero(area_m2(found.geometries(transform), crs) >= minimum_area))


def _pixel_limit(
    polygons: PixelPolygons, transform: Affine, crs: pyproj.CRS, area: float
) -> NDArray[np.int64]:
    """Pixels of each polygon that make up an area, rounded up."""
    if len(polygons) == 0:
        return np.zeros(0, np.int64)
    of_pixel = area_m2(polygons.geometries(transform), crs) / polygons.pixels
    return np.ceil(area / of_pixel).astype(np.int64)


def _pixel_size(shape: tuple[int, int], transform: Affine, crs: pyproj.CRS) -> tuple[float, float]:
    """Height and width of the pixel in the middle of the raster, m."""
    row, col = shape[0] / 2, shape[1] / 2
    corners = shapely.points([[col, row], [col + 1, row], [col, row + 1]])
    lonlat = shapely.get_coordinates(to_lonlat(_placed(corners, transform), crs))
    east_of, south_of = local_metres(lonlat[1:], lonlat[0])
    return float(np.hypot(*south_of)), float(np.hypot(*east_of))


def _placed(shapes: Geometries, transform: Affine) -> Geometries:
    """Geometries in columns and rows taken to coordinates; exteriors counter-clockwise."""
    moved = shapely.transform(shapes, lambda xy: np.column_stack(place(transform, xy[:, 1], xy[:, 0])))
    return _oriented(np.asarray(moved, dtype=object))


def _oriented(shapes: Geometries) -> Geometries:
    return np.asarray(shapely.orient_polygons(shapes), dtype=object)


def _measures(areas: Floats, sure: Confidence, units: PixelPolygons) -> dict[str, Column]:
    return {
        "AREA": np.round(areas / M2_PER_KM2, 6),
        "confidence": np.round(sure.mean, 4),
        "prob_p10": np.round(sure.p10, 4),
        "prob_spread": np.round(sure.spread, 4),
        "entropy": np.round(sure.entropy, 4),
        "invalid_halo": np.round(sure.invalid_halo, 4),
        "at_edge": sure.at_edge,
        "holes": units.holes,
    }


def _mean_spread(read: Reader | None, shape: tuple[int, int], units: PixelPolygons, block: int) -> Column:
    """Mean standard deviation of the answers over the pixels inside; NaN without a spread."""
    if read is None:
        return np.full(len(units), np.nan)
    counts = histograms(read, shape, units, block=block)[:, :NO_DATA]
    with np.errstate(invalid="ignore"):
        mean: Column = (counts @ np.arange(NO_DATA)) / (counts.sum(axis=1) * LEVELS)
    return np.round(mean, 4)


def _on_glaciers(lonlat: Geometries, glaciers: Glaciers | None) -> tuple[Column, Column]:
    if glaciers is None:
        return np.full(len(lonlat), np.nan), np.full(len(lonlat), None, dtype=object)
    share, ids = glacier_overlap(lonlat, glaciers)
    return np.round(share, 4), ids


def _parents(
    read: Reader,
    shape: tuple[int, int],
    outlines: PixelPolygons,
    parent: Ints,
    transform: Affine,
    crs: pyproj.CRS,
    block: int,
) -> tuple[tuple[dict[str, Column], Geometries], Column]:
    """Columns and outlines of the polygons that were cut, and the parent of each unit."""
    rows, units = np.unique(parent[parent >= 0], return_counts=True)
    cut = outlines.take(rows)
    shapes = _placed(cut.geometries(), transform)
    areas = area_m2(shapes, crs)
    names = np.array([f"P-{i}" for i in provisional_ids(to_lonlat(shapes, crs), areas)], dtype=object)
    order = np.argsort(names.astype(str))
    measures = _measures(areas, confidence(read, shape, cut, block=block), cut)
    # no column that tells a layer of candidates, or parents and units would be read as one layer
    table = {"parent_id": names, "units": units, "area_km2": measures["AREA"], "holes": measures["holes"]}
    table["probability"] = measures["confidence"]
    of_unit = np.full(len(parent), None, dtype=object)
    has = parent >= 0
    of_unit[has] = names[np.searchsorted(rows, parent[has])]
    return ({name: values[order] for name, values in table.items()}, shapes[order]), of_unit


def _repeated(value: str | None, size: int) -> Column:
    """A column of one text; of none where it is empty."""
    return np.full(size, value or None, dtype=object)


def _table(
    columns: Mapping[str, Column], shapes: Geometries, crs: pyproj.CRS, target: pyproj.CRS
) -> gpd.GeoDataFrame:
    frame = pd.DataFrame(
        {n: pd.Series(v, dtype="str" if v.dtype == object else v.dtype) for n, v in columns.items()}
    )
    return gpd.GeoDataFrame(frame, geometry=transform_geometries(shapes, crs, target), crs=target)


def _corner_box(shape: tuple[int, int], transform: Affine) -> Geometries:
    """The outline of the raster, with points along its sides."""
    box = shapely.segmentize(shapely.box(0, 0, shape[1], shape[0]), max(shape) / _PIXEL_SAMPLES)
    return _placed(np.array([box], dtype=object), transform)
