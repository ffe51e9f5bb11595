"""Rasters read by window: values as floats, NaN where there is none, whatever the file calls it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.errors import InputError

if TYPE_CHECKING:
    import pyproj

GDAL_CACHE_MB = 64
"""Block cache of GDAL while rasters are read: its default, 5 % of the memory, is no bound."""

OPEN_FILES = 16
"""Files kept open at a time."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns of a grid, last ones excluded; may reach outside it."""

    row0: int
    row1: int
    column0: int
    column1: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.row1 - self.row0, self.column1 - self.column0

    def grown(self, margin: int) -> Window:
        """The window with `margin` more pixels on each side."""
        return Window(self.row0 - margin, self.row1 + margin, self.column0 - margin, self.column1 + margin)

    def moved(self, rows: int, columns: int) -> Window:
        """The window so many rows down and columns to the right."""
        return Window(self.row0 + rows, self.row1 + rows, self.column0 + columns, self.column1 + columns)


class Raster(Protocol):
    """A layer on a grid that can be read by window."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def transform(self) -> Affine:
        """From (column, row) to coordinates."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def crs(self) -> pyproj.CRS:
        """Coordinate reference system."""

    @property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns of the blocks it is stored in."""

    def read(self, window: Window) -> NDArray[np.floating[Any]]:
        """Values in the window, float32 or float64, NaN where there are none or outside the grid."""


@dataclass(frozen=True, eq=False)
class ArrayRaster:
    """A raster in memory.

    Attributes
    ----------
    values : ndarray of float, shape (rows, columns)
        NaN where there is no value.
    """

    values: NDArray[np.floating[Any]]
    transform: Affine
    crs: pyproj.CRS
    name: str = "array"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def block_shape(self) -> tuple[int, int]:
        """The whole array."""
        return self.shape

    def read(self, window: Window) -> NDArray[np.floating[Any]]:
        """Values in the window, NaN outside the array."""
        return read_padded(self.shape, window, lambda w: self.values[w.row0 : w.row1, w.column0 : w.column1])


def read_padded(
    shape: tuple[int, int], window: Window, read: Any, dtype: Any = np.float32
) -> NDArray[np.floating[Any]]:
    """Read the part of `window` inside a grid of `shape` with `read` and pad with NaN."""
    inside = Window(
        max(window.row0, 0), min(window.row1, shape[0]), max(window.column0, 0), min(window.column1, shape[1])
    )
    if inside.row1 <= inside.row0 or inside.column1 <= inside.column0:
        return np.full(window.shape, np.nan, dtype=dtype)
    part: NDArray[np.floating[Any]] = read(inside)
    if inside == window:
        return part
    values = np.full(window.shape, np.nan, dtype=part.dtype)
    row, column = inside.row0 - window.row0, inside.column0 - window.column0
    values[row : row + part.shape[0], column : column + part.shape[1]] = part
    return values


@dataclass(frozen=True)
class RasterFile:
    """One band of a raster file.

    Attributes
    ----------
    path : Path
    band : int
        Counted from 1.
    transform, shape, crs, block_shape
        See `Raster`.
    dtype : str
        Type of the stored numbers.
    nodata : float or None
        The file's own value for "no value".
    void_values : tuple of float
        Further values taken for "no value".
    masked : bool
        Whether the file has a mask of its own that must be asked.
    scale, offset : float
        Value = stored number x scale + offset.
    units : str
        Unit the file names, or nothing.
    point : bool
        Whether the file says that its values are those of points (AREA_OR_POINT); the grid is that of the
        cells around the points in either case.
    files : tuple of Path
        All files the raster is made of.
    composed : bool
        Whether it is a VRT, made of other files.
    """

    path: Path
    band: int
    transform: Affine
    shape: tuple[int, int]
    crs: pyproj.CRS
    block_shape: tuple[int, int]
    dtype: str
    nodata: float | None
    masked: bool
    scale: float = 1.0
    offset: float = 0.0
    units: str = ""
    point: bool = False
    files: tuple[Path, ...] = ()
    composed: bool = False
    void_values: tuple[float, ...] = field(default=())

    @property
    def name(self) -> str:
        """The path as given."""
        return str(self.path)

    @property
    def float_type(self) -> Any:
        """float32 where it holds every stored number exactly, else float64."""
        exact = self.dtype in ("uint8", "int8", "uint16", "int16", "float32", "float16")
        return np.float32 if exact and self.scale == 1 and self.offset == 0 else np.float64

    def with_voids(self, *values: float) -> RasterFile:
        """The same raster with more values taken for "no value"."""
        return replace(self, void_values=tuple(sorted({*self.void_values, *values})))

    def read(self, window: Window) -> NDArray[np.floating[Any]]:
        """Values in the window, NaN where there are none or outside the file.

        Raises
        ------
        InputError
            The file cannot be read there.
        """
        return read_padded(self.shape, window, self._read_inside, self.float_type)

    def _read_inside(self, window: Window) -> NDArray[np.floating[Any]]:
        from rasterio.errors import RasterioError
        from rasterio.windows import Window as RasterioWindow

        height, width = window.shape
        where = RasterioWindow(window.column0, window.row0, width, height)
        try:
            dataset = open_dataset(self.path)
            stored = dataset.read(self.band, window=where)
            mask = dataset.read_masks(self.band, window=where) if self.masked else None
        except RasterioError as error:
            raise InputError(
                f"{self.path} cannot be read to its end, so it is damaged or cut off; replace it and run "
                "the same command again."
            ) from error
        values: NDArray[np.floating[Any]] = stored.astype(self.float_type)
        for void in self.void_values if self.nodata is None else (self.nodata, *self.void_values):
            values[stored == void] = np.nan
        if values.dtype.kind == "f":
            values[np.isinf(values)] = np.nan
        if mask is not None:
            values[mask == 0] = np.nan
        if self.scale != 1 or self.offset != 0:
            values *= self.scale
            values += self.offset
        return values


def open_raster(path: str | Path, *, band: int = 1, crs: Any = None) -> RasterFile:
    """Look at a raster file that rasterio can open; nothing but its header is read.

    Parameters
    ----------
    path : str or Path
    band : int
        Counted from 1.
    crs : anything `pyproj.CRS` accepts, optional
        For a file that names none.

    Raises
    ------
    InputError
        The file is missing, no raster, has no such band, no georeference or no CRS.
    """
    import pyproj
    import rasterio
    from rasterio.enums import MaskFlags
    from rasterio.errors import RasterioError

    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no raster {path}; give the path of a file that exists.")
    try:
        with rasterio.open(path) as dataset:
            if not 1 <= band <= dataset.count:
                raise InputError(f"{path} has {dataset.count} bands, so there is no band {band}.")
            if crs is None and dataset.crs is None:
                raise InputError(
                    f"{path} has no coordinate reference system; name it (for example EPSG:4326) or add it "
                    f"with gdal_edit."
                )
            if dataset.transform == Affine.identity():
                raise InputError(f"{path} has no georeference; add one with gdal_edit or take another file.")
            flags = dataset.mask_flag_enums[band - 1]
            return RasterFile(
                path=path,
                band=band,
                transform=dataset.transform,
                shape=dataset.shape,
                crs=pyproj.CRS(crs if crs is not None else dataset.crs.to_wkt()),
                block_shape=tuple(dataset.block_shapes[band - 1]),
                dtype=dataset.dtypes[band - 1],
                nodata=dataset.nodatavals[band - 1],
                masked=MaskFlags.per_dataset in flags or MaskFlags.alpha in flags,
                scale=dataset.scales[band - 1],
                offset=dataset.offsets[band - 1],
                units=(dataset.units[band - 1] or "").strip(),
                point=dataset.tags().get("AREA_OR_POINT") == "Point",
                files=tuple(Path(f) for f in dataset.files) or (path,),
                composed=dataset.driver == "VRT",
            )
    except RasterioError as error:
        raise InputError(f"{path} cannot be opened as a raster ({error}); give a GeoTIFF or VRT.") from error


_local = threading.local()


def open_dataset(path: Path) -> Any:
    """The dataset of a path, opened once and kept while it is among the last used."""
    import rasterio

    datasets: OrderedDict[Path, Any] | None = getattr(_local, "datasets", None)
    if datasets is None:
        datasets = _local.datasets = OrderedDict()
    dataset = datasets.pop(path, None)
    if dataset is None or dataset.closed:
        dataset = rasterio.open(path)
    datasets[path] = dataset
    while len(datasets) > OPEN_FILES:
        _, oldest = datasets.popitem(last=False)
        oldest.close()
    return dataset


@contextmanager
def reading() -> Iterator[None]:
    """While rasters are read: GDAL's cache bounded; on leaving, all files closed."""
    import rasterio

    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB, GDAL_DISABLE_READDIR_ON_OPEN="TRUE"):
        try:
            yield
        finally:
            for dataset in getattr(_local, "datasets", {}).values():
                dataset.close()
            _local.datasets = OrderedDict()
