"""Bands of raster files, read by window: stored numbers and which are valid, or floats with NaN."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from rogi.errors import InputError
from rogi.raster.damage import around_damage, damage_in, filled_in, unopened_in
from rogi.raster.grid import Grid, Mask, Window
from rogi.raster.guard import gdal_open, gdal_settings, network
from rogi.raster.header import CorruptTile, Header, read_header, reason

if TYPE_CHECKING:
    import pyproj
    from affine import Affine


GDAL_CACHE = 64 * 2**20
"""Block cache of GDAL while rasters are read, bytes: its default, 5 % of the memory, is no bound."""

OPEN_FILES = 16
"""Files a thread keeps open."""


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
        return padded(self.shape, window, lambda w: self.values[w.row0 : w.row1, w.column0 : w.column1])


def padded(
    shape: tuple[int, int], window: Window, read: Callable[[Window], Any], dtype: Any = np.float32
) -> NDArray[np.floating[Any]]:
    """Read the part of `window` inside a grid of `shape` with `read` and pad with NaN."""
    inside = window.within(shape)
    if 0 in inside.shape:
        return np.full(window.shape, np.nan, dtype=dtype)
    part: NDArray[np.floating[Any]] = read(inside)
    if inside == window:
        return part
    values = np.full(window.shape, np.nan, dtype=part.dtype)
    values[window.part(inside)] = part
    return values


@dataclass(frozen=True)
class RasterFile:
    """Bands of a raster file, of which the first is read as a raster of its own.

    Attributes
    ----------
    header : Header
    indexes : tuple of int
        Bands, counted from 1.
    voids : tuple of float
        Numbers taken for "no value" beside the file's own.
    scale, offset : float
        Value = stored number x scale + offset; `read_stored` leaves them alone.
    damaged : dict of Path to CorruptTile, optional
        Where given, `read` takes ground on missing or damaged files for void and notes the files here.
    """

    header: Header
    indexes: tuple[int, ...]
    voids: tuple[float, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    damaged: dict[Path, CorruptTile] | None = field(default=None, compare=False)

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.header.path

    @property
    def name(self) -> str:
        """The path as given."""
        return str(self.header.path)

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""
        return self.header.grid

    @property
    def transform(self) -> Affine:
        """See `Raster`."""
        return self.header.transform

    @property
    def shape(self) -> tuple[int, int]:
        """See `Raster`."""
        return self.header.shape

    @property
    def crs(self) -> pyproj.CRS:
        """See `Raster`."""
        return self.header.crs

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `Raster`."""
        return self.header.block_shape

    @property
    def files(self) -> tuple[Path, ...]:
        """All files it is made of."""
        return self.header.files

    @property
    def band(self) -> int:
        """The first band."""
        return self.indexes[0]

    @property
    def dtype(self) -> str:
        """Type of the stored numbers."""
        return self.header.dtypes[self.band - 1]

    @property
    def units(self) -> str:
        """Unit the file names, or nothing."""
        return self.header.units[self.band - 1]

    @property
    def nodata(self) -> tuple[float | None, ...]:
        """The file's own numbers for "no value"."""
        return tuple(self.header.nodata[index - 1] for index in self.indexes)

    @property
    def tells_voids(self) -> bool:
        """Whether the file has a nodata value or a mask."""
        return self.header.masked or any(value is not None for value in self.nodata)

    @property
    def float_type(self) -> Any:
        """float32 where it holds every stored number exactly, else float64."""
        exact = self.dtype in ("uint8", "int8", "uint16", "int16", "float32", "float16")
        return np.float32 if exact and self.scale == 1 and self.offset == 0 else np.float64

    def with_voids(self, *values: float) -> RasterFile:
        """The same raster with more values taken for "no value"."""
        return replace(self, voids=tuple(sorted({*self.voids, *values})))

    def read(self, window: Window) -> NDArray[np.floating[Any]]:
        """Values of the first band in the window, NaN where there are none or outside the file.

        Raises
        ------
        CorruptTile
            The file, or one behind it, cannot be read there, and `damaged` is None.
        """
        return padded(self.shape, window, self._read_inside, self.float_type)

    def _read_inside(self, window: Window) -> NDArray[np.floating[Any]]:
        damaged = self.damaged
        if damaged is None:
            return self._read_values(window)
        found: NDArray[np.floating[Any]] = around_damage(
            self._read_values, window, np.nan, lambda error: damaged.setdefault(error.path, error)
        )
        return found

    def _read_values(self, window: Window) -> NDArray[np.floating[Any]]:
        stored, mask = self._read(window, window.shape)
        valid = self._valid(stored, mask, window)
        values: NDArray[np.floating[Any]] = stored[0].astype(self.float_type, copy=False)
        if valid is not None:
            values[~valid] = np.nan
        if self.scale != 1 or self.offset != 0:
            values *= self.scale
            values += self.offset
        return values

    def read_stored(self, window: Window, out: NDArray[Any] | None = None) -> tuple[NDArray[Any], Mask]:
        """Stored numbers, shape (bands, rows, columns), and what the file says is valid.

        The window lies inside the file. The numbers are read into `out`, of their type, where it is given.

        Raises
        ------
        CorruptTile
            A file is damaged or missing; of a VRT the one behind it is named.
        """
        stored, mask = self._read(window, window.shape, out)
        valid = self._valid(stored, mask, window)
        return stored, np.ones(window.shape, dtype=bool) if valid is None else valid

    def read_decimated(
        self, shape: tuple[int, int], window: Window | None = None, *, average: bool = False
    ) -> tuple[NDArray[Any], Mask]:
        """As `read_stored`, of a window or the whole file in fewer rows and columns: a look, not data.

        Of the pixels that become one the one in the middle is taken, or their average.
        """
        whole = Window(0, self.shape[0], 0, self.shape[1])
        stored, mask = self._read(window or whole, shape, average=average)
        valid = self._valid(stored, mask)
        return stored, np.ones(shape, dtype=bool) if valid is None else valid

    def _read(
        self,
        window: Window,
        shape: tuple[int, int],
        out: NDArray[Any] | None = None,
        *,
        average: bool = False,
    ) -> tuple[NDArray[Any], Mask | None]:
        header, mask, damage, unopened = self.header, None, None, None
        where = RasterioWindow(window.column0, window.row0, *window.shape[::-1])
        wanted = None if header.masked else self.indexes
        try:
            with network(header.remote), gdal_settings():
                dataset = _dataset(header)
                if header.composed:
                    unopened = unopened_in(header.path, wanted, window)
                if unopened is None:
                    bands = list(self.indexes)
                    size = None if out is not None else (len(bands), *shape)
                    how = Resampling.average if average else Resampling.nearest
                    stored = dataset.read(bands, window=where, out_shape=size, out=out, resampling=how)
                if unopened is None and header.masked:
                    mask = dataset.read_masks(self.band, window=where, out_shape=shape) > 0
        except (RasterioError, OSError) as error:
            damage = reason(error)
        if unopened is not None:
            raise unopened
        if damage is not None:  # outside the handler: GDAL's error in its context cannot be sent on
            with network(header.remote):
                raise damage_in(header.path, wanted, window, damage)
        return stored, mask

    def _valid(self, stored: NDArray[Any], mask: Mask | None, window: Window | None = None) -> Mask | None:
        """What is valid of numbers with a mask; None where all are, as nearly everywhere."""
        valid = mask
        if window is not None and self.header.composed and not self.tells_voids:
            with network(self.header.remote):
                filled = filled_in(self.path, self.indexes, window)
            if filled is not None:
                valid = filled if valid is None else valid & filled
        for numbers in (self.nodata, *((void,) * len(stored) for void in self.voids)):
            void = _void(stored, numbers)
            if void is not None and void.any():
                valid = ~void if valid is None else valid & ~void
        return valid


def open_raster(path: str | Path, *, band: int = 1, crs: Any = None) -> RasterFile:
    """Look at a raster file that rasterio can open; nothing but its header is read.

    Parameters
    ----------
    path : str or Path
    band : int
        Counted from 1.
    crs : anything `pyproj.CRS` accepts, optional
        Instead of the file's.

    Raises
    ------
    InputError
        See `read_header`; also where the file has no such band.
    """
    header = read_header(path, crs=crs)
    if not 1 <= band <= len(header.dtypes):
        raise InputError(f"{path} has {len(header.dtypes)} bands, so there is no band {band}.")
    scale, offset = header.scales[band - 1], header.offsets[band - 1]
    return RasterFile(header, (band,), scale=scale, offset=offset)


def _void(stored: NDArray[Any], nodata: Sequence[float | None]) -> Mask | None:
    """Pixels that are void by a nodata value or NaN; None where no nodata value applies.

    In integers a nodata value such as 0 or 255 is also a possible brightness, so it must be in all bands; in
    floats one band is enough.
    """
    known = [(band, value) for band, value in zip(stored, nodata, strict=True) if value is not None]
    voids = [band == band.dtype.type(value) for band, value in known if _fits(value, band.dtype)]
    if stored.dtype.kind == "f":
        void: Mask = reduce(np.logical_or, voids, ~np.isfinite(stored).all(axis=0))
        return void
    every: Mask | None = reduce(np.logical_and, voids) if voids and len(voids) == len(stored) else None
    return every


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":
        return bool(np.isfinite(value))
    limits = np.iinfo(dtype)
    return bool(np.isfinite(value) and limits.min <= value <= limits.max and value == int(value))


_local = threading.local()


def _dataset(header: Header) -> Any:
    """A dataset, opened once by a thread of a process and kept while it is among the last used."""
    if getattr(_local, "process", None) != os.getpid():  # handles of the parent are not ours
        _local.process, _local.datasets = os.getpid(), OrderedDict()
    datasets: OrderedDict[Header, Any] = _local.datasets
    dataset = datasets.pop(header, None)
    if dataset is None:
        dataset = gdal_open(header.path)
    datasets[header] = dataset
    while len(datasets) > OPEN_FILES:
        datasets.popitem(last=False)[1].close()
    return dataset


def close_files() -> None:
    """Close the files this thread keeps open."""
    if getattr(_local, "process", None) == os.getpid():
        for dataset in _local.datasets.values():
            dataset.close()
    _local.datasets = OrderedDict()


@contextmanager
def reading() -> Iterator[None]:
    """While rasters are read: GDAL's cache bounded; on leaving, all files closed."""
    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE, GDAL_DISABLE_READDIR_ON_OPEN="TRUE"):
        try:
            yield
        finally:
            close_files()
