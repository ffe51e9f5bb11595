"""Zonal statistics: numbers for polygons from rasters, read block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from rogi.attributes.coverage import Coverage, PixelRings, pixel_rings, pixel_windows, ring_coverage
from rogi.attributes.placement import place_polygons, row_areas
from rogi.attributes.statistics import (
    EXTREME_SHARE,
    MIN_VALID_SHARE,
    circular_statistics,
    parse_statistic,
    valid_share,
    weighted_statistics,
)
from rogi.attributes.streaming import Chunk, streamed_circular_mean, streamed_statistics
from rogi.errors import OptionError
from rogi.raster.files import Raster, open_raster, reading
from rogi.raster.grid import Window

if TYPE_CHECKING:
    import pandas as pd

WINDOW_CELLS = 1 << 22
"""Cells read at a time (16 MiB of float32)."""

LARGE_UNIT_CELLS = 1 << 24
"""A unit whose bounding box holds more cells than this is streamed in bands of rows."""

BAND_CELLS = 1 << 20
"""Cells of a band; each takes about 100 bytes while its statistics are taken."""

CIRCULAR = ("circular_mean", "resultant_length")
"""Statistics of directions in degrees."""


class Engine(StrEnum):
    """Which pixels belong to a unit, and how much each counts."""

    COVERAGE = "coverage"
    """All it touches, each by the share of its area inside the unit."""

    RASTERSTATS = "rasterstats"
    """Those whose centre is inside, all alike: the convention of rasterstats and of older inventories."""


def zonal_statistics(
    polygons: Any,
    rasters: Mapping[str, Raster | str | Path],
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
    rasters : mapping of str to Raster or path
        By name. Rasters on one grid share the work of placing the polygons on it.
    statistics : sequence of str, or mapping of str to sequence of str
        For all rasters or by name: those of `parse_statistic`, and ``circular_mean`` and
        ``resultant_length`` of directions in degrees.
    crs : anything `pyproj.CRS` accepts, optional
        CRS of the polygons; by default that of the frame.
    engine : Engine
    minimum_valid_share : float
        Least share of a unit on valid pixels; below it the unit's statistics are NaN.
    extreme_share : float
        Which pixels count for minimum and maximum; see `rogi.attributes.statistics.EXTREME_SHARE`.

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
    import pandas as pd

    engine = Engine(engine)
    geometries = np.asarray(getattr(polygons, "geometry", polygons), dtype=object)
    source_crs = crs if crs is not None else getattr(polygons, "crs", None)
    index = polygons.index if hasattr(polygons, "geometry") else None
    layers = {
        name: open_raster(raster) if isinstance(raster, str | Path) else raster
        for name, raster in rasters.items()
    }
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
            grid = layers[names[0]]
            placed = place_polygons(geometries, source_crs, grid.crs, grid.transform, grid.shape)
            areas = row_weights(grid, engine)
            for units, coverage, window in unit_coverages(placed, grid, engine):
                weights = cell_weights(coverage, areas)
                for name in names:
                    values = coverage.gather(layers[name].read(window), origin=(window.row0, window.column0))
                    found = _unit_statistics(values, coverage, weights, wanted[name], extreme_share)
                    for column, result in found.items():
                        columns[f"{name}_{column}"][units] = result
            for unit, window in large_units(placed, grid, engine):
                for name in names:
                    streamed = _stream(placed[unit], layers[name], window, areas, wanted[name], extreme_share)
                    for column, number in streamed.items():
                        columns[f"{name}_{column}"][unit] = number
    for name in layers:
        share = columns[f"{name}_valid_share"]
        for column in wanted[name]:
            columns[f"{name}_{column}"][~(share >= minimum_valid_share)] = np.nan
    return pd.DataFrame(columns, index=index)


def row_weights(grid: Raster, engine: Engine) -> NDArray[np.float64] | None:
    """Weight of the pixels of each row (see `row_areas`), None where all count the same.

    With the engine ``rasterstats`` they do on any grid, as in rasterstats.
    """
    return None if engine is Engine.RASTERSTATS else row_areas(grid.transform, grid.shape[0], grid.crs)


def cell_weights(coverage: Coverage, areas: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Weight of each entry: its share times the weight of its row (see `row_weights`)."""
    return coverage.shares if areas is None else coverage.shares * areas[coverage.rows]


def unit_coverages(
    polygons: NDArray[np.object_],
    grid: Raster,
    engine: Engine = Engine.COVERAGE,
    cells: int | None = None,
) -> Iterator[tuple[NDArray[np.int64], Coverage, Window]]:
    """Coverage of all units but large ones, in groups that fit one window of a grid.

    Parameters
    ----------
    polygons : ndarray of shapely geometries
        On the grid (see `place_polygons`).
    grid : Raster
    engine : Engine
    cells : int, optional
        Cells of a window, about; `WINDOW_CELLS` when absent.

    Yields
    ------
    units : ndarray of int64
        Positions in `polygons`. Units that do not touch the grid come without entries.
    coverage : Coverage
    window : Window
        Holds all entries.
    """
    rings = pixel_rings(polygons, grid.transform)
    windows = pixel_windows(rings, grid.shape)
    for units, window in unit_groups(windows, grid, cells):
        if engine is Engine.RASTERSTATS:
            yield units, centre_coverage(polygons[units], grid, windows[units]), window
        else:
            yield units, ring_coverage(rings, windows[units], units), window


def unit_groups(
    windows: NDArray[np.int64], grid: Raster, window_cells: int | None = None
) -> Iterator[tuple[NDArray[np.int64], Window]]:
    """Units by tiles of the grid that suit its blocks, and the window of each group; large units left out."""
    height, width = _tile_shape(grid, window_cells or WINDOW_CELLS)
    cells = (windows[:, 1] - windows[:, 0]) * (windows[:, 3] - windows[:, 2])
    row = (windows[:, 0] + windows[:, 1]) // 2 // height
    column = (windows[:, 2] + windows[:, 3]) // 2 // width
    units = np.flatnonzero(cells <= LARGE_UNIT_CELLS)
    order = units[np.lexsort((units, column[units], row[units]))]
    if not len(order):
        return
    breaks = np.flatnonzero((np.diff(row[order]) != 0) | (np.diff(column[order]) != 0)) + 1
    for group in np.split(order, breaks):
        real = windows[group][cells[group] > 0]
        low, high = (
            (real.min(axis=0), real.max(axis=0)) if len(real) else (np.zeros(4, int), np.zeros(4, int))
        )
        yield group, Window(int(low[0]), int(high[1]), int(low[2]), int(high[3]))


def large_units(
    polygons: NDArray[np.object_], grid: Raster, engine: Engine = Engine.COVERAGE
) -> Iterator[tuple[int, Window]]:
    """Units left out by `unit_coverages`, with their windows."""
    windows = pixel_windows(pixel_rings(polygons, grid.transform), grid.shape)
    cells = (windows[:, 1] - windows[:, 0]) * (windows[:, 3] - windows[:, 2])
    for unit in np.flatnonzero(cells > LARGE_UNIT_CELLS):
        if engine is not Engine.COVERAGE:
            raise OptionError(
                f"Polygon {unit} spans {cells[unit]} cells of {grid.name}: more than the engine "
                f"{engine.value} can hold; "
                "use the engine coverage."
            )
        yield int(unit), Window(*(int(v) for v in windows[unit]))


def centre_coverage(polygons: NDArray[np.object_], grid: Raster, windows: NDArray[np.int64]) -> Coverage:
    """Pixels whose centre lies inside each polygon, as rasterstats burns them, each with a share of one.

    The size of a polygon that the grid's edge cuts is its area in pixels: what lies beyond is not burnt.
    """
    from types import SimpleNamespace

    from rasterstats.utils import rasterize_geom

    rows, columns, counts = [], [], np.zeros(len(polygons), dtype=np.int64)
    for position, (polygon, (row0, row1, column0, column1)) in enumerate(zip(polygons, windows, strict=True)):
        if row1 > row0 and column1 > column0:
            affine = grid.transform @ Affine.translation(column0, row0)
            like = SimpleNamespace(shape=(int(row1 - row0), int(column1 - column0)), affine=affine)
            row, column = np.nonzero(
                rasterize_geom(shapely.geometry.mapping(polygon), like, all_touched=False)
            )
            rows.append(row + row0)
            columns.append(column + column0)
            counts[position] = len(row)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    rings = pixel_rings(polygons, grid.transform)
    height, width = grid.shape
    with np.errstate(invalid="ignore"):
        cut = (rings.bounds[:, :2] < 0).any(axis=1) | (rings.bounds[:, 2:] > (width, height)).any(axis=1)
    none = [np.zeros(0, dtype=np.int32)]
    return Coverage(
        offsets,
        np.concatenate(rows or none).astype(np.int32),
        np.concatenate(columns or none).astype(np.int32),
        np.ones(int(counts.sum())),
        np.where(cut, np.maximum(rings.sizes, counts), counts.astype(np.float64)),
    )


def _by_grid(layers: Mapping[str, Raster]) -> list[list[str]]:
    """Names of rasters that lie on one grid, in order."""
    groups: list[list[str]] = []
    for name, layer in layers.items():
        for group in groups:
            first = layers[group[0]]
            if first.shape == layer.shape and first.transform == layer.transform and first.crs == layer.crs:
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _tile_shape(grid: Raster, cells: int) -> tuple[int, int]:
    """Rows and columns of reading tiles: whole blocks, about so many cells."""
    block_height, block_width = (max(1, min(b, s)) for b, s in zip(grid.block_shape, grid.shape, strict=True))
    if block_height * block_width > cells:
        side = int(cells**0.5)
        return min(side, grid.shape[0]), min(side, grid.shape[1])
    side = int(cells**0.5)
    width = block_width * max(1, side // block_width)
    height = block_height * max(1, cells // width // block_height)
    return height, width


def _unit_statistics(
    values: NDArray[np.floating[Any]],
    coverage: Coverage,
    weights: NDArray[np.float64],
    statistics: Sequence[str],
    extreme_share: float,
) -> dict[str, NDArray[np.float64]]:
    plain = [s for s in statistics if s not in CIRCULAR]
    found = weighted_statistics(values, coverage, plain, weights=weights, extreme_share=extreme_share)
    if len(plain) < len(statistics):
        circular = circular_statistics(values, coverage, weights=weights)
        found |= {"circular_mean": circular.mean, "resultant_length": circular.resultant_length}
    found = {s: found[s] for s in statistics}
    return found | {"valid_share": valid_share(np.isfinite(values), coverage)}


def _stream(
    polygon: shapely.Geometry,
    raster: Raster,
    window: Window,
    areas: NDArray[np.float64] | None,
    statistics: Sequence[str],
    extreme_share: float,
) -> dict[str, float]:
    """Statistics of one large unit."""
    rings = pixel_rings([polygon], raster.transform)

    valid = 0.0

    def chunks() -> Iterator[Chunk]:
        nonlocal valid
        valid = 0.0
        for coverage, band in bands(rings, window):
            values = coverage.gather(raster.read(band), origin=(band.row0, band.column0))
            valid += float(coverage.shares[np.isfinite(values)].sum())
            yield values, cell_weights(coverage, areas), coverage.shares

    plain = [s for s in statistics if s not in CIRCULAR]
    found = streamed_statistics(chunks, plain, extreme_share=extreme_share)
    if len(plain) < len(statistics):
        found["circular_mean"], found["resultant_length"] = streamed_circular_mean(chunks)
    return {s: found[s] for s in statistics} | {"valid_share": min(1.0, valid / float(rings.sizes[0]))}


def bands(rings: PixelRings, window: Window) -> Iterator[tuple[Coverage, Window]]:
    """Coverage of one unit in bands of rows of its window."""
    height = max(1, BAND_CELLS // max(1, window.column1 - window.column0))
    for row in range(window.row0, window.row1, height):
        band = Window(row, min(row + height, window.row1), window.column0, window.column1)
        yield ring_coverage(rings, np.array([[band.row0, band.row1, band.column0, band.column1]])), band
