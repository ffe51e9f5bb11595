"""Image tiles on one grid, read by window: their pixels, and which of them show ground."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.attributes.raster import Window
from rogi.errors import InputError
from rogi.geometry import local_metres, transform_coordinates

if TYPE_CHECKING:
    import pyproj

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img")
"""What counts as a tile in a folder."""

ALIGNMENT = 0.01
"""Pixels by which the grids of tiles may differ and still count as one: their headers are rounded."""

OPEN_FILES = 16
"""Files a thread keeps open."""

COLOURS = ("red", "green", "blue")


class CorruptTile(InputError):
    """A file of the imagery that cannot be read.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = Path(path)
        self.reason = reason

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return (
            f"{self.path} cannot be read to its end, so it is damaged or cut off{why}; replace it and run "
            "the same command again."
        )


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie.

    Attributes
    ----------
    crs : pyproj.CRS
    transform : Affine
        From (column, row) to coordinates, at pixel corners.
    shape : tuple of int
        Rows and columns.
    """

    crs: pyproj.CRS
    transform: Affine
    shape: tuple[int, int]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Least x, least y, greatest x, greatest y of the four corners, in the units of the CRS."""
        rows, columns = self.shape
        x, y = apply(self.transform, np.array([0, columns, 0, columns]), np.array([0, 0, rows, rows]))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @cached_property
    def pixel_metres(self) -> tuple[float, float]:
        """Length on the ground of a step along a row and along a column, m, at the centre of the grid."""
        rows, columns = self.shape
        along, down = self.pixel_metres_at(np.array([rows / 2]), np.array([columns / 2]))
        return float(along[0]), float(down[0])

    def pixel_metres_at(
        self, row: NDArray[np.float64], column: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Length on the ground of a step along a row and along a column, m, at places of shape (n,)."""
        places = [(column, row), (column + 1.0, row), (column, row + 1.0)]
        here, right, below = (self.lonlat(*place) for place in places)
        along, down = local_metres(right, here), local_metres(below, here)
        return np.hypot(along[:, 0], along[:, 1]), np.hypot(down[:, 0], down[:, 1])

    def lonlat(self, column: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Longitude and latitude on WGS84, shape (n, 2), of places counted in pixels from the corner."""
        x, y = apply(self.transform, column, row)
        return transform_coordinates(np.column_stack([x, y]), self.crs, 4326)

    @property
    def metres_per_pixel(self) -> float:
        """Side of a square with the ground area of a pixel at the centre, m."""
        along, down = self.pixel_metres
        return float(np.sqrt(along * down))


@dataclass(frozen=True)
class Header:
    """What a raster file says of itself; see `read_header`."""

    path: Path
    stamp: tuple[int, int]  # bytes and time of change, so that a replaced file is opened anew
    crs: pyproj.CRS
    transform: Affine
    shape: tuple[int, int]
    dtypes: tuple[str, ...]
    nodata: tuple[float | None, ...]
    names: tuple[str, ...]  # of the bands: description or colour, else nothing
    alpha: tuple[bool, ...]
    masked: bool
    files: tuple[Path, ...]
    composed: bool

    @property
    def grid(self) -> Grid:
        """Where its pixels lie."""
        return Grid(self.crs, self.transform, self.shape)


@dataclass(frozen=True)
class Bands:
    """Bands of one file that become channels.

    Attributes
    ----------
    path : Path
    stamp : tuple of int
        See `Header`.
    indexes : tuple of int
        Counted from 1.
    nodata : tuple of (float or None)
        The file's own value for "no value", per band.
    masked : bool
        Whether a mask or alpha band of the file must be asked.
    """

    path: Path
    stamp: tuple[int, int]
    indexes: tuple[int, ...]
    nodata: tuple[float | None, ...]
    masked: bool


@dataclass(frozen=True)
class Tile:
    """Bands of one or more files that share a grid, placed on the grid of a mosaic.

    Attributes
    ----------
    bands : tuple of Bands
        Their channels follow each other.
    row, column : int
        Place of the first pixel on the grid of the mosaic.
    shape : tuple of int
        Rows and columns.
    dtype : str
        Of the stored numbers.
    files : tuple of Path
        All files it is made of.
    """

    bands: tuple[Bands, ...]
    row: int
    column: int
    shape: tuple[int, int]
    dtype: str
    files: tuple[Path, ...]

    @property
    def channels(self) -> int:
        """How many."""
        return sum(len(part.indexes) for part in self.bands)

    @property
    def says_nothing_of_voids(self) -> bool:
        """Whether its files have neither a nodata value nor a mask."""
        return not any(part.masked or any(v is not None for v in part.nodata) for part in self.bands)

    def placed(self, row: int, column: int) -> Tile:
        """The same tile somewhere else."""
        return replace(self, row=row, column=column)

    def read_stored(self, window: Window) -> tuple[NDArray[Any], Mask]:
        """Stored numbers, shape (channels, rows, columns), and what its files say is valid.

        The window is in the tile's own pixels and lies inside it.

        Raises
        ------
        CorruptTile
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window as RasterioWindow

        height, width = window.shape
        where = RasterioWindow(window.column0, window.row0, width, height)
        arrays, valid = [], np.ones((height, width), dtype=bool)
        for part in self.bands:
            try:
                dataset = _dataset(part.path, part.stamp)
                stored = dataset.read(list(part.indexes), window=where)
                if part.masked:
                    valid &= dataset.read_masks(part.indexes[0], window=where) > 0
            except (RasterioError, OSError) as error:
                raise CorruptTile(part.path, _reason(error)) from error
            _void(valid, stored, part.nodata)
            arrays.append(stored)
        return (arrays[0] if len(arrays) == 1 else np.concatenate(arrays)), valid

    def read(self, window: Window) -> tuple[NDArray[Any], Mask]:
        """As `read_stored`, with the zeros that fill the edges of files without a nodata value made void."""
        stored, valid = self.read_stored(window)
        if self.says_nothing_of_voids:
            from rogi.detection.edges import zero_edges

            edges = zero_edges(self.placed(0, 0))
            if edges is not None:
                valid &= ~edges.read(window)
        return stored, valid


@dataclass(frozen=True)
class Mosaic:
    """Tiles on one grid.

    Attributes
    ----------
    grid : Grid
        That all tiles fill.
    tiles : tuple of Tile
        In the order of their names: where valid pixels lie on one another the later one counts.
    """

    grid: Grid
    tiles: tuple[Tile, ...]

    @cached_property
    def _extents(self) -> NDArray[np.int64]:
        return np.array([(t.row, t.row + t.shape[0], t.column, t.column + t.shape[1]) for t in self.tiles])

    @property
    def channels(self) -> int:
        """How many."""
        return self.tiles[0].channels

    def tiles_in(self, window: Window) -> list[Tile]:
        """Tiles that a window touches, in the order in which they count."""
        rows, columns = self._extents[:, :2], self._extents[:, 2:]
        meet = (rows[:, 0] < window.row1) & (rows[:, 1] > window.row0)
        meet &= (columns[:, 0] < window.column1) & (columns[:, 1] > window.column0)
        return [self.tiles[i] for i in np.flatnonzero(meet)]

    def files_in(self, window: Window) -> list[Path]:
        """Files that a window reads."""
        return [file for tile in self.tiles_in(window) for file in tile.files]

    def read(self, window: Window) -> tuple[Floats, Mask]:
        """Pixels of a window, which may reach outside.

        Returns
        -------
        values : ndarray of float32, shape (channels, rows, columns)
            0 where not valid.
        valid : ndarray of bool, shape (rows, columns)

        Raises
        ------
        CorruptTile
        """
        tiles = self.tiles_in(window)
        values = np.zeros((self.channels, *window.shape), dtype=np.float32)
        valid = np.zeros(window.shape, dtype=bool)
        for tile in tiles:
            part = Window(
                max(tile.row, window.row0),
                min(tile.row + tile.shape[0], window.row1),
                max(tile.column, window.column0),
                min(tile.column + tile.shape[1], window.column1),
            )
            stored, known = tile.read(part.moved(-tile.row, -tile.column))
            rows = slice(part.row0 - window.row0, part.row1 - window.row0)
            columns = slice(part.column0 - window.column0, part.column1 - window.column0)
            if known.all():
                values[:, rows, columns] = stored
            else:
                np.copyto(values[:, rows, columns], stored, where=known, casting="unsafe")
            valid[rows, columns] |= known
        return values, valid


def image_files(folder: Path) -> list[Path]:
    """Raster files of a folder and its subfolders, sorted.

    Raises
    ------
    InputError
        There is none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise InputError(
            f"The folder {folder} holds no imagery; it should hold files of {', '.join(SUFFIXES)}."
        )
    return found


def read_header(path: Path) -> Header:
    """Look at a raster file.

    Raises
    ------
    CorruptTile
        It is no raster, or its header is damaged.
    InputError
        It is missing, or has no georeference, no CRS, or complex numbers.
    """
    import rasterio
    from rasterio.enums import ColorInterp, MaskFlags
    from rasterio.errors import RasterioError

    if not path.is_file():
        raise InputError(f"There is no image {path}; give the path of a file that exists.")
    try:
        with rasterio.open(path) as dataset:
            flags = [flag for band in dataset.mask_flag_enums for flag in band]
            header = Header(
                path=path,
                stamp=_stamp(path),
                crs=_crs(dataset.crs.to_wkt()) if dataset.crs else None,  # type: ignore[arg-type]
                transform=dataset.transform,
                shape=dataset.shape,
                dtypes=tuple(dataset.dtypes),
                nodata=tuple(dataset.nodatavals),
                names=tuple(
                    (text or (colour.name if colour.name in COLOURS else "")).strip().casefold()
                    for text, colour in zip(dataset.descriptions, dataset.colorinterp, strict=True)
                ),
                alpha=tuple(colour is ColorInterp.alpha for colour in dataset.colorinterp),
                masked=MaskFlags.per_dataset in flags or MaskFlags.alpha in flags,
                files=tuple(Path(f) for f in dataset.files) or (path,),
                composed=dataset.driver == "VRT",
            )
    except (RasterioError, OSError) as error:
        raise CorruptTile(path, _reason(error)) from error
    if header.crs is None:
        raise InputError(
            f"{path} has no coordinate reference system, so its place is not known; add it, for example with "
            "gdal_edit -a_srs EPSG:32645."
        )
    if header.transform == Affine.identity():
        raise InputError(f"{path} has no georeference; add one with gdal_edit -a_ullr or take another file.")
    if any(dtype.startswith("complex") for dtype in header.dtypes):
        raise InputError(f"{path} holds complex numbers; imagery has bands of integers or floats.")
    return header


def assemble(tiles: Sequence[tuple[Header, Tile]]) -> list[Mosaic]:
    """Tiles in mosaics, one for each grid; the one with most tiles first, then by name."""
    groups: list[list[tuple[Header, Tile, tuple[int, int]]]] = []
    for header, tile in tiles:
        for group in groups:
            place = _offset(group[0][0], header)
            if place is not None:
                group.append((header, tile, place))
                break
        else:
            groups.append([(header, tile, (0, 0))])
    return [_mosaic(group) for group in sorted(groups, key=len, reverse=True)]


def _mosaic(group: Sequence[tuple[Header, Tile, tuple[int, int]]]) -> Mosaic:
    base = group[0][0]
    places = np.array([place for _, _, place in group])
    shapes = np.array([tile.shape for _, tile, _ in group])
    top, left = places.min(axis=0).tolist()
    bottom, right = (places + shapes).max(axis=0).tolist()
    tiles = tuple(tile.placed(row - top, column - left) for _, tile, (row, column) in group)
    transform = base.transform if top == left == 0 else base.transform @ Affine.translation(left, top)
    return Mosaic(Grid(base.crs, transform, (bottom - top, right - left)), tiles)


def _offset(base: Header, other: Header) -> tuple[int, int] | None:
    """Row and column of `other` on the grid of `base`, or None if it lies on another grid."""
    a, b = base.transform, other.transform
    drift = max(abs(a.a - b.a), abs(a.b - b.b), abs(a.d - b.d), abs(a.e - b.e)) * max(other.shape)
    if drift > ALIGNMENT * max(abs(a.a), abs(a.b)) or base.crs != other.crs:
        return None
    column, row = ~a @ (b.c, b.f)
    if max(abs(column - round(column)), abs(row - round(row))) > ALIGNMENT:
        return None
    return round(row), round(column)


def _void(valid: Mask, stored: NDArray[Any], nodata: Sequence[float | None]) -> None:
    """Take out of `valid` what a nodata value or NaN makes void.

    In integers a nodata value such as 0 or 255 is also a possible brightness, so it must be in all bands; in
    floats one band is enough.
    """
    if stored.dtype.kind == "f":
        valid &= np.isfinite(stored).all(axis=0)
    known = [(band, value) for band, value in zip(stored, nodata, strict=True) if value is not None]
    if not known:
        return
    voids = [band == band.dtype.type(value) for band, value in known if _fits(value, band.dtype)]
    if stored.dtype.kind == "f":
        for void in voids:
            valid &= ~void
    elif len(voids) == len(stored):
        valid &= ~np.logical_and.reduce(voids)


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":
        return bool(np.isfinite(value))
    limits = np.iinfo(dtype)
    return bool(np.isfinite(value) and limits.min <= value <= limits.max and value == int(value))


_local = threading.local()


def _dataset(path: Path, stamp: tuple[int, int]) -> Any:
    """A dataset, opened once by a thread of a process and kept while it is among the last used."""
    import rasterio

    if getattr(_local, "process", None) != os.getpid():  # handles of the parent are not ours
        _local.process, _local.datasets = os.getpid(), OrderedDict()
    datasets: OrderedDict[tuple[Path, tuple[int, int]], Any] = _local.datasets
    key = (path, stamp)
    dataset = datasets.pop(key, None)
    if dataset is None:
        dataset = rasterio.open(path)
    datasets[key] = dataset
    while len(datasets) > OPEN_FILES:
        datasets.popitem(last=False)[1].close()
    return dataset


def close_files() -> None:
    """Close the files this thread keeps open."""
    if getattr(_local, "process", None) == os.getpid():
        for dataset in _local.datasets.values():
            dataset.close()
    _local.datasets = OrderedDict()


@lru_cache(maxsize=64)
def _crs(wkt: str) -> pyproj.CRS:
    import pyproj

    return pyproj.CRS.from_wkt(wkt)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _reason(error: Exception) -> str:
    """The innermost cause in one line."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return " ".join(str(cause).split())[:200].rstrip(".")


def apply(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """An affine transform of arrays or numbers."""
    return transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f
