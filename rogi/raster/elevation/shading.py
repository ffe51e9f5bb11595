"""Backgrounds of maps: rasters on a coarse grid of another CRS, and relief as a hillshade."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from rogi.geometry import transform_coordinates
from rogi.longitudes import beside
from rogi.raster.elevation.selection import select
from rogi.raster.files import RasterFile, open_raster
from rogi.raster.grid import Grid, Window, apply, extent_on

if TYPE_CHECKING:
    import pyproj

CONTRAST = 0.6
"""Gradient from which the steepest tenth of a hillshade is: without exaggeration large areas look flat."""
SUN = (np.radians(315.0), np.radians(45.0))
"""Azimuth and height: light from the upper left, as eyes expect it."""

LEVEL = float(np.sin(SUN[1]))
"""Brightness of level ground."""
OVERVIEW = 512
"""Most rows and columns of a look at a whole raster."""

Floats = NDArray[np.float64]
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Surface:
    """Rasters that lie behind a map.

    Attributes
    ----------
    name : str
        What messages call it.
    rasters : tuple of RasterFile
        Where they overlap the first counts.
    notes : tuple of str
        What was left out.
    """

    name: str
    rasters: tuple[RasterFile, ...]
    notes: tuple[str, ...] = ()

    def values(self, crs: pyproj.CRS, bounds: Bounds, shape: tuple[int, int]) -> Floats:
        """Values on a grid, one for each pixel, see `sampled`."""
        return sampled(self.rasters, crs, bounds, shape, smooth=False)

    def overview(self) -> Floats:
        """Values all over the first raster, at most `OVERVIEW` in each direction."""
        grid = self.rasters[0].grid
        rows, columns = (min(side, OVERVIEW) for side in grid.shape)
        return sampled(self.rasters[:1], grid.crs, grid.bounds, (rows, columns), smooth=False)

    def shade(self, crs: pyproj.CRS, bounds: Bounds, shape: tuple[int, int]) -> Floats:
        """A hillshade on a grid in m, see `hillshade`."""
        heights = sampled(self.rasters, crs, bounds, shape)
        return hillshade(heights, (bounds[2] - bounds[0]) / shape[1], (bounds[3] - bounds[1]) / shape[0])


def open_relief(source: Sequence[str | Path]) -> Surface:
    """The elevation model of files and folders.

    Raises
    ------
    InputError
        There is no elevation model, see `rogi.raster.elevation.selection.select`.
    """
    found = select(source)
    rasters = tuple(member.raster for member in found.members)
    return Surface(rasters[0].name, rasters, (*found.notes, *map(str, found.damaged)))


def open_share(path: str | Path) -> Surface:
    """A raster as it is, see `open_raster`."""
    raster = open_raster(path)
    return Surface(raster.name, (raster,))


def sampled(
    rasters: Sequence[RasterFile],
    crs: pyproj.CRS,
    bounds: Bounds,
    shape: tuple[int, int],
    *,
    smooth: bool = True,
) -> Floats:
    """Values of rasters on a north-up grid: a picture, not data.

    Parameters
    ----------
    rasters : sequence of RasterFile
        Where they overlap the first counts.
    crs : pyproj.CRS
        Of the grid.
    bounds : tuple of float
        Least x, least y, greatest x, greatest y.
    shape : tuple of int
        Rows and columns.
    smooth : bool
        Average where pixels are finer than the grid, interpolate where they are coarser; else take one.

    Returns
    -------
    ndarray of float64, shape `shape`
        NaN where there are no values.

    Raises
    ------
    CorruptTile
        A file is damaged.
    """
    x0, y0, x1, y1 = bounds
    transform = Affine((x1 - x0) / shape[1], 0, x0, 0, (y0 - y1) / shape[0], y1)
    target = Grid(crs, transform, shape)
    out = np.full(shape, np.nan)
    for raster in rasters:
        _fill(out, raster, target, _part(raster.grid, target), smooth)
    return out


def _part(source: Grid, target: Grid) -> tuple[slice, slice]:
    """Rows and columns of the target that a raster may fill."""
    rows, columns = target.shape
    whole = (slice(0, rows), slice(0, columns))
    if source.crs.is_geographic and source.bounds[2] - source.bounds[0] > 90.0:
        return whole
    row0, row1, column0, column1 = extent_on(source, target)
    if row1 <= row0:  # beyond what the target's projection can show, or around its edge
        return whole
    first = np.clip(np.floor([row0, column0]), 0, target.shape).astype(int)
    last = np.clip(np.ceil([row1, column1]), first, target.shape).astype(int)
    return slice(first[0], last[0]), slice(first[1], last[1])


def _fill(out: Floats, raster: RasterFile, target: Grid, part: tuple[slice, slice], smooth: bool) -> None:
    rows, columns = np.mgrid[part]
    if not rows.size:
        return
    x, y = apply(target.transform, columns.ravel() + 0.5, rows.ravel() + 0.5)
    xy = transform_coordinates(np.column_stack([x, y]), target.crs, raster.crs)
    if raster.crs.is_geographic:
        xy[:, 0] = beside(xy[:, 0], (raster.grid.bounds[0] + raster.grid.bounds[2]) / 2)
    column, row = apply(~raster.transform, xy[:, 0], xy[:, 1])
    height, width = raster.shape
    with np.errstate(invalid="ignore"):
        here = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    here &= np.isnan(out[part].ravel())
    if not here.any():
        return
    column, row = column[here], row[here]
    window = Window(int(row.min()), int(row.max()) + 1, int(column.min()), int(column.max()) + 1)
    shape = (int(np.ptp(rows.ravel()[here])) + 1, int(np.ptp(columns.ravel()[here])) + 1)
    shape = (min(window.shape[0], shape[0]), min(window.shape[1], shape[1]))
    stored, valid = raster.read_decimated(shape, window, average=smooth)
    values = np.where(valid, stored[0].astype(np.float64) * raster.scale + raster.offset, np.nan)
    down = (row - window.row0) / window.shape[0] * shape[0]
    across = (column - window.column0) / window.shape[1] * shape[1]
    flat = out[part].ravel()
    flat[here] = _nearest(values, down, across)
    if smooth:
        between = _between(values, down, across)
        flat[here] = np.where(np.isnan(between), flat[here], between)
    out[part] = flat.reshape(out[part].shape)


def _nearest(values: Floats, row: Floats, column: Floats) -> Floats:
    i, j = (v.astype(np.int64).clip(0, n - 1) for v, n in zip((row, column), values.shape, strict=True))
    return np.asarray(values[i, j])


def _between(values: Floats, row: Floats, column: Floats) -> Floats:
    """Linear between the four middles of pixels around a place; NaN where one of them is void."""
    row, column = row - 0.5, column - 0.5
    i, j = np.floor(row), np.floor(column)
    v, u = row - i, column - j
    corners = ((0, 0, (1 - v) * (1 - u)), (0, 1, (1 - v) * u), (1, 0, v * (1 - u)), (1, 1, v * u))
    return np.asarray(sum(w * _nearest(values, i + di, j + dj) for di, dj, w in corners))


def hillshade(elevation: Floats, across: float, down: float) -> Floats:
    """Brightness of a surface under light from the north-west, 0 to 1 (Horn 1981), exaggerated to be seen.

    Parameters
    ----------
    elevation : ndarray of float64, shape (rows, columns)
        m; NaN where unknown.
    across, down : float
        Sides of a pixel, m.

    Returns
    -------
    ndarray of float64
        NaN beside unknown elevations. A level surface has sin 45° = 0.71.

    Examples
    --------
    >>> hillshade(np.zeros((2, 3)), 30.0, 30.0).round(2).tolist()
    [[0.71, 0.71, 0.71], [0.71, 0.71, 0.71]]
    """
    if min(elevation.shape) < 2:
        return np.full(elevation.shape, np.nan)
    south, east = np.gradient(elevation, down, across)
    steep = np.hypot(east, south)
    known = steep[np.isfinite(steep)]
    top = float(np.quantile(known, 0.9)) if len(known) else 0.0
    if top > 0:
        east, south = east * (CONTRAST / top), south * (CONTRAST / top)
    azimuth, height = SUN
    light = np.sin(height) + np.cos(height) * (-east * np.sin(azimuth) + south * np.cos(azimuth))
    return np.asarray(np.clip(light / np.sqrt(1 + east**2 + south**2), 0.0, 1.0))


def jpeg(grey: NDArray[np.uint8], quality: int) -> bytes:
    """A grey picture as a JPEG file; the same one gives the same bytes."""
    shape: dict[str, Any] = {"height": grey.shape[0], "width": grey.shape[1], "count": 1, "dtype": "uint8"}
    with warnings.catch_warnings(), MemoryFile() as file:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with file.open(driver="JPEG", quality=quality, **shape) as target:
            target.write(grey, 1)
        return bytes(file.read())
