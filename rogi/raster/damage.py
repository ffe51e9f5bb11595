"""Which file is at fault where pixels of a VRT cannot be read."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from rogi.geometry import parse_crs
from rogi.raster.grid import Grid, Mask, Window, extent_on
from rogi.raster.guard import gdal_open, gdal_settings, is_there
from rogi.raster.header import CorruptTile, MissingTile, Stamp, raster_stamp, reason

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

DEPTH = 8
"""VRTs of VRTs that are looked into."""

PIECES = 64
"""Pieces along each side into which a window is cut, at the most, around what cannot be read."""

WARP_REACH = 8
"""Pixels that a warped one may be made of, to each side: cubic splines and Lanczos reach 3, more of a finer
source."""

NOWHERE = Grid(None, Affine.identity(), (0, 0))  # type: ignore[arg-type]

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Source:
    """A file behind a band of a VRT: column, row, width and height of what is taken, and of where it goes.

    Of one that is warped, `warped` is the grid of the VRT, all of which it may fill, and `block` the rows and
    columns that GDAL warps at a time. Of one that says where it goes but not what is taken GDAL takes
    nothing.
    """

    path: Path
    taken: Rectangle | None
    target: Rectangle
    placed: bool = False
    warped: Grid | None = None
    block: tuple[int, int] = (1, 1)

    def meets(self, window: Window) -> bool:
        """Whether a window of the VRT needs pixels of it."""
        left, top, width, height = self.target
        if self.taken is None and self.placed:
            return False
        rows = window.row0 < top + height and top < window.row1
        return rows and window.column0 < left + width and left < window.column1

    def part(self, window: Window, own: Grid) -> Window | None:
        """Pixels of the file, of a grid, that a window needs; more around where resampled or warped."""
        if self.warped is not None:
            rows_of, columns_of = self.block
            blocks = Window(
                window.row0 // rows_of * rows_of, -(-window.row1 // rows_of) * rows_of,
                window.column0 // columns_of * columns_of, -(-window.column1 // columns_of) * columns_of,
            )  # fmt: skip
            return self._unwarped(blocks, self.warped, own)
        left, top, width, height = self.target
        column, row, columns, rows = self.taken or (0.0, 0.0, float(own.shape[1]), float(own.shape[0]))
        first, last = max(window.row0, top), min(window.row1, top + height)
        start, end = max(window.column0, left), min(window.column1, left + width)
        down, across = rows / height, columns / width
        more = 0 if down == across == 1 else 1
        found = Window(
            floor(row + (first - top) * down) - more,
            ceil(row + (last - top) * down) + more,
            floor(column + (start - left) * across) - more,
            ceil(column + (end - left) * across) + more,
        ).within(own.shape)
        return found if min(found.shape) > 0 else None

    @staticmethod
    def _unwarped(window: Window, grid: Grid, own: Grid) -> Window | None:
        if None in (own.crs, grid.crs):
            return Window(0, own.shape[0], 0, own.shape[1])
        corner = grid.moved(window.row0, window.column0)
        row0, row1, column0, column1 = extent_on(Grid(grid.crs, corner, window.shape), own)
        found = Window(
            floor(row0) - WARP_REACH, ceil(row1) + WARP_REACH,
            floor(column0) - WARP_REACH, ceil(column1) + WARP_REACH,
        ).within(own.shape)  # fmt: skip
        return found if min(found.shape) > 0 else None


def around_damage(
    read: Callable[[Window], Any],
    window: Window,
    nothing: Any,
    found: Callable[[CorruptTile], object],
    piece: int | None = None,
) -> Any:
    """What is read of a window, in ever smaller pieces around what cannot be.

    Parameters
    ----------
    read : callable
        Gives an array of the rows and columns of a window, or raises CorruptTile.
    window : Window
    nothing
        In place of what cannot be read.
    found : callable
        Is given the errors.
    piece : int, optional
        Side of the pieces that are left out as a whole; by default a share of `PIECES` of the window's.
    """
    least = piece or max(1, max(window.shape) // PIECES)
    try:
        return read(window)
    except CorruptTile as error:
        found(error)
    axis = 0 if window.shape[0] >= window.shape[1] else 1
    length = window.shape[axis]
    if length <= least:
        return np.full(window.shape, nothing)
    if axis == 0:
        middle = window.row0 + length // 2
        parts = replace(window, row1=middle), replace(window, row0=middle)
    else:
        middle = window.column0 + length // 2
        parts = replace(window, column1=middle), replace(window, column0=middle)
    return np.concatenate([around_damage(read, part, nothing, found, least) for part in parts], axis=axis)


def damage_in(path: Path, indexes: Sequence[int] | None, window: Window, why: str) -> CorruptTile:
    """The error that names what makes a window of a file unreadable.

    Of a VRT the sources under the window are each read on their own, also those of a VRT in it.

    Parameters
    ----------
    path : Path
    indexes : sequence of int, optional
        Bands, counted from 1, that are wanted; all by default.
    window : Window
    why : str
        What was said of the file as a whole, which is named where no source is found at fault.
    """
    return _in_sources(path, indexes, window, DEPTH) or CorruptTile(path, why)


def unopened_in(
    path: Path, indexes: Sequence[int] | None, window: Window, depth: int = DEPTH
) -> CorruptTile | None:
    """The first file behind a window of a VRT that is missing or cannot be opened.

    GDAL says so of the first read alone, and may give zeros from then on.
    """
    for source in _under(path, indexes, window):
        try:
            why, grid, composed = _opened(source.path, raster_stamp(source.path))
        except OSError:
            return MissingTile(source.path, path)
        if why is not None:
            return CorruptTile(source.path, why)
        part = source.part(window, grid) if composed and depth else None
        inner = unopened_in(source.path, None, part, depth - 1) if part is not None else None
        if inner is not None:
            return inner
    return None


def filled_in(path: Path, indexes: Sequence[int] | None, window: Window, depth: int = DEPTH) -> Mask | None:
    """Which pixels of a window of a VRT any file fills; None where that is not known, as of warped ones.

    GDAL gives zeros for the others if the VRT has no nodata value.
    """
    sources = _under(path, indexes, window)
    if any(source.warped is not None for source in sources) or not _sources_of(path, indexes):
        return None
    filled = np.zeros(window.shape, dtype=bool)
    for source in sources:
        left, top, width, height = source.target
        target = Window(round(top), round(top + height), round(left), round(left + width))
        own = window.part(target.moved(-window.row0, -window.column0).within(window.shape).moved(
            window.row0, window.column0
        ))  # fmt: skip
        filled[own] |= _inner(source, target, window, depth)[own]
    return filled


def _inner(source: _Source, target: Window, window: Window, depth: int) -> Mask:
    """Which pixels of a window a source fills inside its target: all but where it is a VRT with gaps."""
    everything = np.ones(window.shape, dtype=bool)
    try:
        _, grid, composed = _opened(source.path, raster_stamp(source.path))
    except OSError:
        return everything
    column, row, columns, rows = source.taken or (0.0, 0.0, float(grid.shape[1]), float(grid.shape[0]))
    if not composed or not depth or (round(rows), round(columns)) != target.shape:
        return everything
    part = window.moved(round(row) - target.row0, round(column) - target.column0)
    found = filled_in(source.path, None, part, depth - 1)
    return everything if found is None else found


def _in_sources(path: Path, indexes: Sequence[int] | None, window: Window, depth: int) -> CorruptTile | None:
    for source in _under(path, indexes, window):
        if not is_there(source.path):
            return MissingTile(source.path, path)
        part, why = _trial(source, window)
        if why is not None:
            inner = _in_sources(source.path, None, part, depth - 1) if depth and part else None
            return inner or CorruptTile(source.path, why)
    return None


def _under(path: Path, indexes: Sequence[int] | None, window: Window) -> list[_Source]:
    return [source for source in _sources_of(path, indexes) if source.meets(window)]


def _sources_of(path: Path, indexes: Sequence[int] | None) -> tuple[_Source, ...]:
    try:
        return _sources(path, raster_stamp(path), None if indexes is None else tuple(indexes))
    except OSError:
        return ()


@contextmanager
def _looked_at(path: Path) -> Iterator[DatasetReader]:
    """A file to read from; whatever GDAL finds wrong is its damage."""
    quiet = warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning)
    try:
        with gdal_settings(), quiet, gdal_open(path) as dataset:
            yield dataset
    except (RasterioError, CPLE_BaseError, OSError) as error:
        raise CorruptTile(path, reason(error)) from None


@lru_cache(maxsize=1 << 14)
def _opened(path: Path, _: Stamp) -> tuple[str | None, Grid, bool]:
    """Why a file cannot be opened, or its grid, of which the CRS may be None, and whether it is a VRT."""
    try:
        with _looked_at(path) as dataset:
            return None, _grid(dataset), dataset.driver == "VRT"
    except CorruptTile as error:
        return error.reason, NOWHERE, False


def _grid(dataset: DatasetReader) -> Grid:
    crs = parse_crs(dataset.crs.to_wkt()) if dataset.crs else None
    return Grid(crs, dataset.transform, dataset.shape)  # type: ignore[arg-type]


def _trial(source: _Source, window: Window) -> tuple[Window | None, str | None]:
    """Pixels of a source that a window needs, and why they cannot be read, if so."""
    part = None
    try:
        with _looked_at(source.path) as dataset:
            part = source.part(window, _grid(dataset))
            if part is not None:
                height, width = part.shape
                where = RasterioWindow(part.column0, part.row0, width, height)
                dataset.read(window=where)
                dataset.read_masks(1, window=where)
    except CorruptTile as error:
        return part, error.reason
    return part, None


@lru_cache(maxsize=64)
def _sources(path: Path, _: Stamp, indexes: tuple[int, ...] | None) -> tuple[_Source, ...]:
    """Sources of bands of a VRT, each once; none of other files."""
    try:
        with _looked_at(path) as dataset:
            if dataset.driver != "VRT":
                return ()
            grid, block = _grid(dataset), dataset.block_shapes[0]
            texts = [dataset.tags(band, ns="vrt_sources").values() for band in indexes or dataset.indexes]
    except CorruptTile:
        return ()
    whole = (0.0, 0.0, float(grid.shape[1]), float(grid.shape[0]))
    elements = [ElementTree.fromstring(text) for band in texts for text in band]  # noqa: S314 - GDAL's own
    found = [_source(element, "SourceFilename", path, whole) for element in elements]
    if not found:  # the guard has refused what is not plain XML
        warped = ElementTree.parse(path).getroot().iter("GDALWarpOptions")  # noqa: S314
        found = [
            replace(_source(options, "SourceDataset", path, whole), warped=grid, block=block)
            for options in warped
        ]
    return tuple(dict.fromkeys(found))


def _source(element: ElementTree.Element, tag: str, path: Path, whole: Rectangle) -> _Source:
    name = element.find(tag)
    text, beside = ("", False) if name is None else (name.text or "", name.get("relativeToVRT") == "1")
    # GDAL takes relative names from where a link leads.
    folder = path.resolve().parent if path.is_symlink() else path.parent
    target = _rectangle(element.find("DstRect"))
    return _Source(
        folder / text if beside else Path(text),
        _rectangle(element.find("SrcRect")),
        target or whole,
        target is not None,
    )


def _rectangle(element: ElementTree.Element | None) -> Rectangle | None:
    """None if missing, or it has no area."""
    if element is None:
        return None
    x, y, width, height = (float(element.get(key, "0")) for key in ("xOff", "yOff", "xSize", "ySize"))
    return (x, y, width, height) if width > 0 and height > 0 else None
