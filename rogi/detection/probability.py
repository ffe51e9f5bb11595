"""Probability rasters as files: tiled for reading, cloud-optimised for keeping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.detection.polygons import LEVELS
from rogi.detection.windows import NO_DATA
from rogi.errors import InputError
from rogi.files import replacing
from rogi.raster.files import GDAL_CACHE_MB
from rogi.raster.grid import Window

if TYPE_CHECKING:
    from rogi.detection.imagery import Imagery

Bytes = NDArray[np.uint8]

TILE = 512
SPREAD_OF = "spread of "
"""Begins the description of a band of a spread raster, which otherwise looks like one of probabilities."""

STEP = 5 * TILE
"""Side of the windows a raster is put together in."""


def assemble(
    read: Callable[[Window], Bytes],
    imagery: Imagery,
    names: Sequence[str],
    path: Path,
    progress: Callable[[str, int, int], None] | None = None,
    what: str = "probabilities",
) -> None:
    """Write a raster window by window, in memory that does not grow with it.

    Parameters
    ----------
    read : callable
        Gives uint8 of shape (k, h, w); 0 to 254 stand for 0 to 1, 255 for no data.
    imagery : Imagery
        Whose grid it has.
    names : sequence of str
        Of the k bands.
    path : Path
        GeoTIFF to write, in tiles, lightly compressed; an old one is replaced.
    progress : callable, optional
        Called with what is done, the number of rows of windows done and of all.
    what : str
        What progress calls the raster.
    """
    import rasterio
    from rasterio.windows import Window as RasterioWindow

    rows, columns = imagery.shape
    profile = {
        "driver": "GTiff",
        "height": rows,
        "width": columns,
        "count": len(names),
        "dtype": "uint8",
        "nodata": NO_DATA,
        "crs": imagery.crs.to_wkt(),
        "transform": imagery.transform,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "compress": "deflate",
        "zlevel": 1,
        "interleave": "band",
        "bigtiff": "if_safer",
        "sparse_ok": True,
    }
    with (
        rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB, GDAL_NUM_THREADS="ALL_CPUS"),
        rasterio.open(path, "w", **profile) as dataset,
    ):
        dataset.scales = (1 / LEVELS,) * len(names)
        for band, name in enumerate(names, 1):
            dataset.set_band_description(band, name)
        for top in range(0, rows, STEP):
            for left in range(0, columns, STEP):
                height, width = min(STEP, rows - top), min(STEP, columns - left)
                values = read(Window(top, top + height, left, left + width))
                if (values != NO_DATA).any():
                    dataset.write(values, window=RasterioWindow(left, top, width, height))
            if progress is not None:
                progress(f"putting {what} together", top // STEP + 1, -(-rows // STEP))


def write_cog(source: Path, target: Path) -> None:
    """Write an assembled raster as a cloud-optimised GeoTIFF; the same raster gives the same bytes.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    import rasterio
    import rasterio.shutil

    with replacing(target) as temporary, rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB):
        rasterio.shutil.copy(
            source,
            temporary,
            driver="COG",
            compress="deflate",
            blocksize=TILE,
            overview_resampling="average",
            num_threads="all_cpus",
            bigtiff="if_safer",
        )


@contextmanager
def raster_reader(path: Path) -> Iterator[Callable[[int, int, int, int], Bytes]]:
    """``read(row, column, height, width)`` of a probability raster, uint8 of shape (k, height, width).

    Raises
    ------
    InputError
        It is no such raster.
    """
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.windows import Window as RasterioWindow

    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB):
        try:
            dataset: Any = rasterio.open(path)
        except (RasterioError, OSError) as error:
            raise InputError(f"{path} is no probability raster: {error}.") from None
        with dataset:

            def read(row: int, column: int, height: int, width: int) -> Bytes:
                found: Bytes = dataset.read(window=RasterioWindow(column, row, width, height))
                return found

            yield read
