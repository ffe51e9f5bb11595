"""Image tiles on one grid, read by window: their pixels, and which of them show ground."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.raster.files import Window
from rogi.raster.grid import Grid
from rogi.raster.guard import OFFLINE
from rogi.raster.header import Header, reason

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

ALIGNMENT = 0.01
"""Pixels by which the grids of tiles may differ and still count as one: their headers are rounded."""

OPEN_FILES = 16
"""Files a thread keeps open."""


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
            A file is damaged or missing; of a VRT the one behind it is named.
        """
        import rasterio
        from rasterio.errors import RasterioError
        from rasterio.windows import Window as RasterioWindow

        from rogi.raster.damage import damage_in, unopened_in

        height, width = window.shape
        where = RasterioWindow(window.column0, window.row0, width, height)
        arrays, valid = [], np.ones((height, width), dtype=bool)
        for part in self.bands:
            damage = unopened = None
            wanted = None if part.masked else part.indexes
            try:
                with rasterio.Env(**OFFLINE):  # and what GDAL has to say goes to logging
                    dataset = _dataset(part.path, part.stamp)
                    if dataset.driver == "VRT":
                        unopened = unopened_in(part.path, wanted, window)
                    stored = dataset.read(list(part.indexes), window=where)
                    if part.masked:
                        valid &= dataset.read_masks(part.indexes[0], window=where) > 0
            except (RasterioError, OSError) as error:
                damage = reason(error)
            if unopened is not None:
                raise unopened
            if damage is not None:  # outside the handler: GDAL's error in its context cannot be sent on
                raise damage_in(part.path, wanted, window, damage)
            _void(valid, stored, part.nodata)
            arrays.append(stored)
        return (arrays[0] if len(arrays) == 1 else np.concatenate(arrays)), valid

    def read(self, window: Window) -> tuple[NDArray[Any], Mask]:
        """As `read_stored`, with the zeros that fill the edges of files without a nodata value made void."""
        stored, valid = self.read_stored(window)
        if self.says_nothing_of_voids:
            from rogi.raster.edges import zero_edges

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
        In the order given, those of a folder in that of their paths: where valid pixels lie on one another
        the later one counts.
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
