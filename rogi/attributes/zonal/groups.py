"""Units in groups whose pixels fit one window of a grid, and the pixels of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine
from rasterio.features import rasterize

from rogi.attributes.zonal.coverage import Coverage, PixelRings, pixel_rings, pixel_windows, ring_coverage
from rogi.attributes.zonal.placement import row_areas
from rogi.raster.grid import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rogi.raster.files import Raster

WINDOW_CELLS = 1 << 22
"""Cells read at a time (16 MiB of float32)."""

LARGE_UNIT_CELLS = 1 << 24
"""A unit whose bounding box holds more cells than this is streamed in bands of rows."""


class Engine(StrEnum):
    """Which pixels belong to a unit, and how much each counts."""

    COVERAGE = "coverage"
    """All it touches, each by the share of its area inside the unit."""

    RASTERSTATS = "rasterstats"
    """Those whose centre is inside, all alike: the convention of rasterstats and of older inventories."""


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
) -> Iterator[tuple[NDArray[np.int64], Coverage, Window]]:
    """Coverage of all units but large ones, in groups that fit one window of a grid.

    Parameters
    ----------
    polygons : ndarray of shapely geometries
        On the grid (see `place_polygons`).
    grid : Raster
    engine : Engine

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
    for units, window in unit_groups(windows, grid):
        if engine is Engine.RASTERSTATS:
            yield units, centre_coverage(polygons[units], grid, windows[units]), window
        else:
            yield units, ring_coverage(rings, windows[units], units), window


def unit_groups(windows: NDArray[np.int64], grid: Raster) -> Iterator[tuple[NDArray[np.int64], Window]]:
    """Units by tiles of the grid that suit its blocks, and the window of each group; large units left out.

    Units that lie together are one group.
    """
    cells = (windows[:, 1] - windows[:, 0]) * (windows[:, 3] - windows[:, 2])
    units = np.flatnonzero(cells <= LARGE_UNIT_CELLS)
    if not len(units):
        return
    whole = _around(windows[units])
    if whole.shape[0] * whole.shape[1] <= 1.5 * WINDOW_CELLS:
        yield units, whole
        return
    height, width = _tile_shape(grid, WINDOW_CELLS)
    row = (windows[:, 0] + windows[:, 1]) // 2 // height
    column = (windows[:, 2] + windows[:, 3]) // 2 // width
    order = units[np.lexsort((units, column[units], row[units]))]
    breaks = np.flatnonzero((np.diff(row[order]) != 0) | (np.diff(column[order]) != 0)) + 1
    for group in np.split(order, breaks):
        yield group, _around(windows[group])


def _around(windows: NDArray[np.int64]) -> Window:
    """The window of all windows that are not empty."""
    real = windows[(windows[:, 1] > windows[:, 0]) & (windows[:, 3] > windows[:, 2])]
    low, high = (real.min(axis=0), real.max(axis=0)) if len(real) else (np.zeros(4, int), np.zeros(4, int))
    return Window(int(low[0]), int(high[1]), int(low[2]), int(high[3]))


def spanned_cells(rings: PixelRings, grids: Sequence[Raster]) -> NDArray[np.int64]:
    """Cells of the first grid, on which the rings are, in each polygon's bounding box.

    Those outside it too where there are other grids.
    """
    if len(grids) == 1:
        row0, row1, column0, column1 = pixel_windows(rings, grids[0].shape).T
        return np.asarray((row1 - row0) * (column1 - column0), dtype=np.int64)
    sides = np.ceil(rings.bounds[:, 2:]) - np.floor(rings.bounds[:, :2])
    return np.asarray(np.nan_to_num(sides.prod(axis=1)), dtype=np.int64)


def centre_coverage(polygons: NDArray[np.object_], grid: Raster, windows: NDArray[np.int64]) -> Coverage:
    """Pixels whose centre lies inside each polygon, as rasterstats burns them, each with a share of one.

    The size of a polygon that the grid's edge cuts is its area in pixels: what lies beyond is not burnt.
    """
    rows, columns, counts = [], [], np.zeros(len(polygons), dtype=np.int64)
    for position, (polygon, (row0, row1, column0, column1)) in enumerate(zip(polygons, windows, strict=True)):
        if row1 > row0 and column1 > column0:
            affine = grid.transform @ Affine.translation(column0, row0)
            shape = (int(row1 - row0), int(column1 - column0))
            row, column = np.nonzero(rasterize([polygon], out_shape=shape, transform=affine, dtype="uint8"))
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
