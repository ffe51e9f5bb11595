"""Zonal statistics: numbers for polygons from rasters, read block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.attributes.zonal.coverage import Coverage, PixelRings, pixel_rings, pixel_windows, ring_coverage
from rogi.attributes.zonal.groups import LARGE_UNIT_CELLS, Engine, cell_weights, row_weights, spanned_cells
from rogi.attributes.zonal.placement import place_polygons
from rogi.attributes.zonal.seams import Ground, Part, Piece, cells_of, grounds, home_grids, split
from rogi.attributes.zonal.statistics import (
    EXTREME_SHARE,
    MIN_VALID_SHARE,
    circular_statistics,
    parse_statistic,
    weighted_statistics,
)
from rogi.attributes.zonal.streaming import Chunk, streamed_circular_mean, streamed_statistics
from rogi.errors import OptionError
from rogi.geometry import to_lonlat
from rogi.raster.bands import one_band, split_band
from rogi.raster.elevation.model import ElevationModel
from rogi.raster.files import Raster, open_raster, reading
from rogi.raster.grid import Window

BAND_CELLS = 1 << 20
"""Cells of a band; each takes about 100 bytes while its statistics are taken."""

CIRCULAR = ("circular_mean", "resultant_length")
"""Statistics of directions in degrees."""


def zonal_statistics(
    polygons: Any,
    rasters: Mapping[str, Raster | ElevationModel | str | Path],
    statistics: Sequence[str] | Mapping[str, Sequence[str]] = ("mean",),
    *,
    crs: Any = None,
    engine: Engine | str = Engine.COVERAGE,
    minimum_valid_share: float = MIN_VALID_SHARE,
    extreme_share: float = EXTREME_SHARE,
) -> pd.DataFrame:
    """Statistics of rasters in polygons.

    Parameters
    ----------
    polygons : GeoDataFrame, GeoSeries or sequence of shapely geometries
    rasters : mapping of str to Raster, path or ElevationModel
        By name; ``FILE:BAND`` of a file of several bands. Rasters on one grid share the work of placing the
        polygons on it. Of a model of several grids a polygon across them gets its statistics from all of
        them (see `rogi.attributes.zonal.seams`).
    statistics : sequence of str, or mapping of str to sequence of str
        For all rasters or by name: those of `parse_statistic`, and ``circular_mean`` and
        ``resultant_length`` of directions in degrees.
    crs : anything `pyproj.CRS` accepts, optional
        CRS of the polygons; by default that of the frame.
    engine : Engine
    minimum_valid_share : float
        Least share of a unit on valid pixels; below it the unit's statistics are NaN.
    extreme_share : float
        Which pixels count for minimum and maximum; see `rogi.attributes.zonal.statistics.EXTREME_SHARE`.

    Returns
    -------
    DataFrame
        Columns ``<raster>_<statistic>`` and ``<raster>_valid_share``, on the index of `polygons`.

    Raises
    ------
    InputError
        A raster cannot be read or has no CRS, or the polygons have none.
    OptionError
        An unknown statistic.

    Notes
    -----
    On geographic grids each share is multiplied by the true area of the row's cells. At any time one window
    of `WINDOW_CELLS` is held, or the bounding box of a unit of up to `LARGE_UNIT_CELLS`; larger units are
    read in bands, several times over if quantiles are wanted.
    """
    engine = Engine(engine)
    geometries = np.asarray(getattr(polygons, "geometry", polygons), dtype=object)
    source_crs = crs if crs is not None else getattr(polygons, "crs", None)
    index = polygons.index if hasattr(polygons, "geometry") else None
    layers = {name: _grids(raster) for name, raster in rasters.items()}
    wanted = {
        name: tuple(statistics[name] if isinstance(statistics, Mapping) else statistics) for name in layers
    }
    for statistic in {s for chosen in wanted.values() for s in chosen} - set(CIRCULAR):
        parse_statistic(statistic)
    columns: dict[str, NDArray[np.float64]] = {}
    for name in layers:
        for column in (*wanted[name], "valid_share"):
            columns[f"{name}_{column}"] = np.full(len(geometries), np.nan)
    with reading():
        for names in _by_grid(layers):
            for units, placed, grids in _by_home(geometries, source_crs, layers[names[0]]):
                _fill(columns, names, layers, wanted, units, placed, grids, engine, extreme_share)
    for name in layers:
        share = columns[f"{name}_valid_share"]
        for column in wanted[name]:
            columns[f"{name}_{column}"][~(share >= minimum_valid_share)] = np.nan
    return pd.DataFrame(columns, index=index)


def _grids(raster: Raster | ElevationModel | str | Path) -> tuple[Raster, ...]:
    """The grids of a raster, in the order in which they count."""
    if isinstance(raster, str | Path):
        path, band = split_band(raster)
        return (one_band(open_raster(path), band, path),)
    return raster.surfaces if isinstance(raster, ElevationModel) else (raster,)


def _by_grid(layers: Mapping[str, tuple[Raster, ...]]) -> list[list[str]]:
    """Names of layers that lie on one grid, in order; those of several grids by themselves."""
    groups: list[list[str]] = []
    for name, grids in layers.items():
        for group in groups if len(grids) == 1 else ():
            first, own = layers[group[0]], grids[0]
            if len(first) == 1 and (first[0].shape, first[0].transform, first[0].crs) == (
                own.shape, own.transform, own.crs,
            ):  # fmt: skip
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _by_home(
    polygons: NDArray[np.object_], crs: Any, grids: tuple[Raster, ...]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.object_], tuple[Raster, ...]]]:
    """Units by the first grid that has a file at them: their positions, places on it, and grids to use."""

    def place(grid: Raster, units: NDArray[np.int64]) -> NDArray[np.object_]:
        return place_polygons(polygons[units], crs, grid.crs, grid.transform, grid.shape)

    every = np.arange(len(polygons))
    if len(grids) == 1:
        yield every, place(grids[0], every), grids
        return
    home = home_grids(shapely.bounds(to_lonlat(polygons, crs)), grids, place)
    for number, grid in enumerate(grids):
        units = np.flatnonzero(home == number)
        if len(units):
            yield units, place(grid, units), grids[number:]


def _fill(
    columns: dict[str, NDArray[np.float64]],
    names: Sequence[str],
    layers: Mapping[str, tuple[Raster, ...]],
    wanted: Mapping[str, Sequence[str]],
    positions: NDArray[np.int64],
    placed: NDArray[np.object_],
    grids: tuple[Raster, ...],
    engine: Engine,
    extreme_share: float,
) -> None:
    """Put the statistics of some units into the columns."""
    for ground in grounds(placed, grids, engine):
        for name in names:

            def read(piece: Piece, name: str = name) -> list[NDArray[Any]]:
                raster = piece.grid if len(layers[name]) > 1 else layers[name][0]
                origin = piece.window.row0, piece.window.column0
                return [piece.coverage.gather(raster.read(piece.window), origin=origin)]

            (values,) = ground.gather(read)
            found = _unit_statistics(values, ground, wanted[name], extreme_share)
            for column, result in found.items():
                columns[f"{name}_{column}"][positions[ground.units]] = result
    spans = spanned_cells(pixel_rings(placed, grids[0].transform), grids)
    for unit in np.flatnonzero(spans > LARGE_UNIT_CELLS).tolist():
        if engine is not Engine.COVERAGE:
            raise OptionError(
                f"Polygon {positions[unit]} spans {spans[unit]} cells of {grids[0].name}: more than the "
                f"engine {engine.value} can hold; use the engine coverage."
            )
        for name in names:
            own = grids if len(grids) > 1 else layers[name]
            streamed = _stream(placed[unit], own, wanted[name], extreme_share)
            for column, number in streamed.items():
                columns[f"{name}_{column}"][positions[unit]] = number


def _unit_statistics(
    values: NDArray[np.floating[Any]], ground: Ground, statistics: Sequence[str], extreme_share: float
) -> dict[str, NDArray[np.float64]]:
    plain = [s for s in statistics if s not in CIRCULAR]
    found = weighted_statistics(
        values, ground.coverage, plain, weights=ground.weights, extreme_share=extreme_share
    )
    if len(plain) < len(statistics):
        circular = circular_statistics(values, ground.coverage, weights=ground.weights)
        found |= {"circular_mean": circular.mean, "resultant_length": circular.resultant_length}
    found = {s: found[s] for s in statistics}
    return found | {"valid_share": ground.valid_share(np.isfinite(values))}


def _stream(
    polygon: shapely.Geometry, grids: Sequence[Raster], statistics: Sequence[str], extreme_share: float
) -> dict[str, float]:
    """Statistics of one large unit."""
    parts, rest = split(polygon, grids) if len(grids) > 1 else ([Part(grids[0], polygon)], 0.0)
    rings = [pixel_rings([part.polygon], part.grid.transform) for part in parts]
    rows = row_weights(grids[0], Engine.COVERAGE)
    valid = whole = 0.0

    def chunks() -> Iterator[Chunk]:
        nonlocal valid, whole
        valid, whole = 0.0, rest
        for part, ring in zip(parts, rings, strict=True):
            window = Window(*pixel_windows(ring, part.grid.shape)[0].tolist())
            for coverage, band in bands(ring, window):
                values = coverage.gather(part.grid.read(band), origin=(band.row0, band.column0))
                if len(grids) > 1:
                    weights = areas = coverage.shares * cells_of(part.grid, part.polygon, coverage.rows)
                else:
                    weights, areas = cell_weights(coverage, rows), coverage.shares
                valid += float(areas[np.isfinite(values)].sum())
                whole += float(areas.sum())
                yield values, weights, coverage.shares

    plain = [s for s in statistics if s not in CIRCULAR]
    found = streamed_statistics(chunks, plain, extreme_share=extreme_share)
    if len(plain) < len(statistics):
        found["circular_mean"], found["resultant_length"] = streamed_circular_mean(chunks)
    size = whole if len(grids) > 1 else float(rings[0].sizes[0])
    share = min(1.0, valid / size) if size > 0 else np.nan
    return {s: found[s] for s in statistics} | {"valid_share": share}


def bands(rings: PixelRings, window: Window) -> Iterator[tuple[Coverage, Window]]:
    """Coverage of one unit in bands of rows of its window."""
    height = max(1, BAND_CELLS // max(1, window.column1 - window.column0))
    for row in range(window.row0, window.row1, height):
        band = Window(row, min(row + height, window.row1), window.column0, window.column1)
        yield ring_coverage(rings, np.array([[band.row0, band.row1, band.column0, band.column1]])), band
