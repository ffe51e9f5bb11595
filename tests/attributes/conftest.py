"""Small rasters on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

WriteRaster = Callable[..., Path]


@pytest.fixture
def write_raster(tmp_path: Path) -> WriteRaster:
    """Write an array as a GeoTIFF: ``write_raster(name, array, transform, crs, **profile)``."""

    def write(
        name: str, array: np.ndarray, transform: Affine, crs: str | None = "EPSG:32645", **profile: Any
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = array if array.ndim == 3 else array[None]
        tags = profile.pop("tags", {})
        units = profile.pop("units", None)
        with rasterio.open(
            path, "w", driver="GTiff", height=bands.shape[1], width=bands.shape[2], count=bands.shape[0],
            dtype=bands.dtype, transform=transform, crs=crs, **profile,
        ) as file:  # fmt: skip
            file.write(bands)
            file.update_tags(**tags)
            if units:
                file.units = (units,) * bands.shape[0]
        return path

    return write
