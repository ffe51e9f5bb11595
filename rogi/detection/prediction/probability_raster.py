"""Probability rasters as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rogi.detection.candidates.polygons import LEVELS
from rogi.detection.windows import NO_DATA
from rogi.raster.files import RasterFile, reading
from rogi.raster.grid import Window
from rogi.raster.header import read_header
from rogi.raster.writing import TILE, TILED, geotiff

if TYPE_CHECKING:
    from rogi.detection.imagery.channels import Imagery

Bytes = NDArray[np.uint8]

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
    tags: Mapping[str, str] | None = None,
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
    tags : mapping of str to str, optional
        Of the file: what it was made from, see `rogi.detection.origin`.
    """
    rows, columns = imagery.shape
    with geotiff(
        path, imagery.grid, "uint8", count=len(names), nodata=NO_DATA, names=names, scale=1 / LEVELS,
        tags=tags, compress="deflate", zlevel=1, interleave="band", sparse_ok=True, num_threads="all_cpus",
        **TILED,
    ) as write:  # fmt: skip
        for top in range(0, rows, STEP):
            for left in range(0, columns, STEP):
                height, width = min(STEP, rows - top), min(STEP, columns - left)
                values = read(Window(top, top + height, left, left + width))
                if (values != NO_DATA).any():
                    write(values, top, left)
            if progress is not None:
                progress(f"putting {what} together", top // STEP + 1, -(-rows // STEP))


@contextmanager
def raster_reader(path: Path) -> Iterator[Callable[[int, int, int, int], Bytes]]:
    """``read(row, column, height, width)`` of a probability raster, uint8 of shape (k, height, width).

    Raises
    ------
    InputError
        It is no such raster.
    """
    header = read_header(path)
    bands = RasterFile(header, tuple(range(1, len(header.dtypes) + 1)))

    def read(row: int, column: int, height: int, width: int) -> Bytes:
        return bands.read_stored(Window(row, row + height, column, column + width))[0]

    with reading():
        yield read
