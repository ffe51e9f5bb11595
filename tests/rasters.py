"""Small rasters and outlines for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

UTM = "EPSG:32645"
CORNER = (500_000.0, 3_300_000.0)  # on the central meridian


def grid(pixel: float = 10.0, corner: tuple[float, float] = CORNER) -> Affine:
    """A north-up transform."""
    return Affine(pixel, 0.0, corner[0], 0.0, -pixel, corner[1])


def write(
    path: Path, values: NDArray[Any], transform: Affine | None = None, crs: str | None = UTM, **options: Any
) -> Path:
    """Write an array of shape (bands, rows, columns) as GeoTIFF."""
    mask = options.pop("mask", None)
    names = options.pop("names", ())
    with rasterio.open(
        path, "w", driver="GTiff", width=values.shape[2], height=values.shape[1], count=values.shape[0],
        dtype=values.dtype, crs=crs, transform=transform or grid(), **options,
    ) as target:  # fmt: skip
        target.write(values)
        for band, name in enumerate(names, start=1):
            target.set_band_description(band, name)
        if mask is not None:
            target.write_mask(mask)
    return path


def picture(shape: tuple[int, int] = (60, 80), bands: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Noise without zeros."""
    return np.random.default_rng(seed).integers(1, 256, (bands, *shape)).astype(np.uint8)


def write_outlines(path: Path, polygons: list[Any], crs: str = UTM, **columns: Any) -> Path:
    """Write polygons as GeoPackage."""
    gpd.GeoDataFrame(columns, geometry=polygons, crs=crs).to_file(path, driver="GPKG")
    return path
