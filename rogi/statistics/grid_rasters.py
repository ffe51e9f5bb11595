"""Grids of cells from rasters and as rasters; needs rasterio, which the rest of the statistics do without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from rogi.errors import InputError
from rogi.files import replacing
from rogi.raster.grid import Grid as RasterGrid
from rogi.raster.guard import is_there
from rogi.raster.header import MissingTile, read_header
from rogi.raster.writing import geotiff, read_back
from rogi.statistics.grids import Grid, Gridded, column_names


def grid_of_raster(path: str | Path) -> Grid:
    """The grid of a raster file.

    Raises
    ------
    InputError
        If it cannot be read, has no CRS, is not north up, or is a VRT of files of which one is missing.
    """
    header = read_header(path)
    missing = [file for file in header.files if not is_there(file)]
    if missing:
        raise MissingTile(missing[0], header.path)
    transform = header.transform
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        raise InputError(f"The raster {path} is turned or upside down; its rows must go from north to south.")
    return Grid(header.crs, transform.c, transform.f, transform.a, -transform.e, header.shape)


def write_geotiff(cells: Gridded, path: Path) -> None:
    """Bands ``count`` and the means, float64, NaN for cells without a value."""
    grid = cells.grid
    bands = {"count": cells.count.astype(float)} | {f"{k}_mean": v for k, v in column_names(cells).items()}
    transform = Affine(grid.width, 0.0, grid.west, 0.0, -grid.height, grid.north)
    place = RasterGrid(grid.crs, transform, grid.shape)
    options: dict[str, Any] = {"nodata": float("nan"), "names": tuple(bands), "compress": "deflate"}
    with (
        replacing(path, verify=read_back) as temporary,
        geotiff(temporary, place, "float64", count=len(bands), **options) as write,
    ):  # fmt: skip
        write(np.stack(list(bands.values())), 0, 0)
