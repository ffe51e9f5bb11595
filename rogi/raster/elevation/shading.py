"""Backgrounds of maps: rasters on a coarse grid of another CRS, and relief as a hillshade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.geometry import transform_coordinates
from rogi.longitudes import beside
from rogi.raster.files import RasterFile
from rogi.raster.grid import Grid, Window, apply, extent_on

if TYPE_CHECKING:
    import pyproj

FINER = 3
"""Pixels read for each side of one that is drawn, and averaged: GDAL would take one of many."""
CONTRAST = 0.6
"""Gradient from which the steepest tenth of a hillshade is: without exaggeration large areas look flat."""
SUN = (np.radians(315.0), np.radians(45.0))
"""Azimuth and height: light from the upper left, as eyes expect it."""

Floats = NDArray[np.float64]


def sampled(
    rasters: Sequence[RasterFile],
    crs: pyproj.CRS,
    bounds: tuple[float, float, float, float],
    shape: tuple[int, int],
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
        for part in _parts(raster.grid, target):
            _fill(out, raster, target, part)
    return out


def _parts(source: Grid, target: Grid) -> list[tuple[slice, slice]]:
    """Rows and columns of the target that a raster may fill."""
    rows, columns = target.shape
    if source.crs.is_geographic and source.bounds[2] - source.bounds[0] > 90.0:
        return [(slice(0, rows), slice(0, columns))]
    row0, row1, column0, column1 = extent_on(source, target)
    if row1 <= row0:  # beyond what the target's projection can show, or around its edge
        return [(slice(0, rows), slice(0, columns))]
    return [
        (
            slice(max(int(np.floor(row0)), 0), max(min(int(np.ceil(row1)), rows), 0)),
            slice(max(int(np.floor(column0)), 0), max(min(int(np.ceil(column1)), columns), 0)),
        )
    ]


def _fill(out: Floats, raster: RasterFile, target: Grid, part: tuple[slice, slice]) -> None:
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
    wide, tall = (
        max(int(np.ptp(v[part_]) + 1), 1) for v, part_ in ((columns.ravel(), here), (rows.ravel(), here))
    )
    coarse = (min(window.shape[0], FINER * tall), min(window.shape[1], FINER * wide))
    stored, valid = raster.read_decimated(coarse, window)
    values = np.where(valid, stored[0].astype(np.float64) * raster.scale + raster.offset, np.nan)
    values = _averaged(values, (min(coarse[0], tall), min(coarse[1], wide)))
    i = ((row - window.row0) / window.shape[0] * values.shape[0]).astype(np.int64)
    j = ((column - window.column0) / window.shape[1] * values.shape[1]).astype(np.int64)
    flat = out[part].ravel()
    flat[here] = values[i.clip(0, values.shape[0] - 1), j.clip(0, values.shape[1] - 1)]
    out[part] = flat.reshape(out[part].shape)


def _averaged(values: Floats, shape: tuple[int, int]) -> Floats:
    """Means over blocks of pixels, void ones left out; as given where blocks are not whole."""
    down, across = values.shape[0] // shape[0], values.shape[1] // shape[1]
    if values.shape != (shape[0] * down, shape[1] * across) or down * across == 1:
        return values
    blocks = values.reshape(shape[0], down, shape[1], across)
    known = np.isfinite(blocks)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, blocks, 0.0).sum(axis=(1, 3)) / known.sum(axis=(1, 3)))


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
