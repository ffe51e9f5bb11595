"""Writing GeoTIFFs, window by window, and copies of them for keeping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from rogi.errors import OutputError
from rogi.files import replacing
from rogi.raster.files import GDAL_CACHE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rogi.raster.grid import Grid

    Write = Callable[[NDArray[Any], int, int], None]

TILE = 512
"""Side of the blocks of a GeoTIFF."""

TILED: dict[str, Any] = {"tiled": True, "blockxsize": TILE, "blockysize": TILE, "bigtiff": "if_safer"}
"""Options of a GeoTIFF that may be large."""


@contextmanager
def geotiff(
    path: Path,
    grid: Grid,
    dtype: str,
    *,
    count: int = 1,
    nodata: float | None = None,
    names: Sequence[str] = (),
    scale: float | None = None,
    tags: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Write]:
    """Create a GeoTIFF; what is not written has no value.

    Parameters
    ----------
    path : Path
        Replaced if there is one.
    grid : Grid
    dtype : str
    count : int
        Bands.
    nodata : float, optional
    names : sequence of str
        Descriptions of the bands.
    scale : float, optional
        Value of a stored 1.
    tags : mapping of str to str, optional
        Of the file as a whole.
    **options
        Of GDAL's driver: compress, predictor, tiled ...

    Yields
    ------
    callable
        ``write(values, row, column)`` of an array of shape (count, rows, columns).

    Raises
    ------
    OutputError
        It cannot be written.
    """
    try:
        with (
            rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE),
            rasterio.open(
                path, "w", driver="GTiff", crs=grid.crs.to_wkt(), transform=grid.transform, dtype=dtype,
                height=grid.shape[0], width=grid.shape[1], count=count, nodata=nodata, **options,
            ) as dataset,
        ):  # fmt: skip
            if scale is not None:
                dataset.scales = (scale,) * count
            if tags:
                dataset.update_tags(**tags)
            for band, name in enumerate(names, start=1):
                dataset.set_band_description(band, name)

            def write(values: NDArray[Any], row: int = 0, column: int = 0) -> None:
                height, width = values.shape[1:]
                dataset.write(values, window=Window(column, row, width, height))

            yield write
    except RasterioError as error:
        raise OutputError(f"{path} could not be written: {error}.") from error


def read_back(path: Path) -> None:
    """Read the end of the last band of a new GeoTIFF, written last: GDAL does not report a full disk.

    Raises
    ------
    RasterioError
        It is cut off.
    """
    with rasterio.open(path) as image:
        image.read(image.count, window=Window(image.width - 1, image.height - 1, 1, 1))


def write_cog(source: Path, target: Path) -> None:
    """Write a GeoTIFF as a cloud-optimised one; the same raster gives the same bytes.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    import rasterio.shutil

    with replacing(target, verify=read_back) as temporary, rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE):
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
