"""What a VRT is made of: the files behind its bands, and where each lies."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from rogi.geometry import parse_crs
from rogi.raster.grid import Grid, Window, extent_on
from rogi.raster.guard import gdal_open, gdal_settings
from rogi.raster.header import CorruptTile, Stamp, raster_stamp, reason

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

DEPTH = 8
"""VRTs of VRTs that are looked into."""

WARP_REACH = 8
"""Pixels that a warped one may be made of, to each side: cubic splines and Lanczos reach 3, more of a finer
source."""

NOWHERE = Grid(None, Affine.identity(), (0, 0))  # type: ignore[arg-type]

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class Source:
    """A file behind a band of a VRT: column, row, width and height of what is taken, and of where it goes.

    Of one that is warped, `warped` is the grid of the VRT, all of which it may fill, and `block` the rows and
    columns that GDAL warps at a time. Of one that says where it goes but not what is taken GDAL takes
    nothing. `kind` is its tag, `band` its band (0 for a mask), `rest` all else that the VRT says of it.
    """

    path: Path
    taken: Rectangle | None
    target: Rectangle
    placed: bool = False
    warped: Grid | None = None
    block: tuple[int, int] = (1, 1)
    kind: str = ""
    band: int = 0
    rest: str = ""

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


def under(path: Path, indexes: Sequence[int] | None, window: Window) -> list[Source]:
    """Sources that a window of a VRT needs, in the order in which GDAL lays them over one another."""
    return [source for source in sources_of(path, indexes) if source.meets(window)]


def sources_of(path: Path, indexes: Sequence[int] | None) -> tuple[Source, ...]:
    """All sources of bands of a VRT, counted from 1, or of all; none of other files."""
    try:
        return _sources(path, raster_stamp(path), None if indexes is None else tuple(indexes))
    except OSError:
        return ()


@contextmanager
def looked_at(path: Path) -> Iterator[DatasetReader]:
    """A file to read from; whatever GDAL finds wrong is its damage."""
    quiet = warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning)
    try:
        with gdal_settings(), quiet, gdal_open(path) as dataset:
            yield dataset
    except (RasterioError, CPLE_BaseError, OSError) as error:
        raise CorruptTile(path, reason(error)) from None


class Opened(NamedTuple):
    """What a file is: why it cannot be opened, else its grid, whether it is a VRT, and all its files."""

    damage: str | None
    grid: Grid
    composed: bool
    files: tuple[Path, ...]


@lru_cache(maxsize=1 << 14)
def opened(path: Path, _: Stamp) -> Opened:
    """Look at a file behind a VRT, once while it does not change."""
    try:
        with looked_at(path) as dataset:
            return Opened(None, grid_of(dataset), dataset.driver == "VRT", tuple(map(Path, dataset.files)))
    except CorruptTile as error:
        return Opened(error.reason, NOWHERE, False, (path,))


def grid_of(dataset: DatasetReader) -> Grid:
    """Where the pixels lie; the CRS may be None."""
    crs = parse_crs(dataset.crs.to_wkt()) if dataset.crs else None
    return Grid(crs, dataset.transform, dataset.shape)  # type: ignore[arg-type]


@lru_cache(maxsize=64)
def _sources(path: Path, _: Stamp, indexes: tuple[int, ...] | None) -> tuple[Source, ...]:
    try:
        with looked_at(path) as dataset:
            if dataset.driver != "VRT":
                return ()
            grid, block = grid_of(dataset), dataset.block_shapes[0]
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


def _source(element: ElementTree.Element, tag: str, path: Path, whole: Rectangle) -> Source:
    name = element.find(tag)
    text, beside = ("", False) if name is None else (name.text or "", name.get("relativeToVRT") == "1")
    # GDAL takes relative names from where a link leads.
    folder = path.resolve().parent if path.is_symlink() else path.parent
    target, taken = (_rectangle(element.find(rectangle)) for rectangle in ("DstRect", "SrcRect"))
    rest = [part for part in element if part.tag not in (tag, "DstRect", "SrcRect")]
    band = element.findtext("SourceBand", "1")
    return Source(
        folder / text if beside else Path(text),
        taken,
        target or whole,
        target is not None,
        kind=element.tag,
        band=int(band) if band.isdecimal() else 0,
        rest=" ".join([str(sorted(element.items())), *map(canonical, rest)]),
    )


def canonical(element: ElementTree.Element) -> str:
    """The text of an element; the same for the same content."""
    return ElementTree.canonicalize(ElementTree.tostring(element), strip_text=True)


def _rectangle(element: ElementTree.Element | None) -> Rectangle | None:
    """None if missing, or it has no area."""
    if element is None:
        return None
    x, y, width, height = (float(element.get(key, "0")) for key in ("xOff", "yOff", "xSize", "ySize"))
    return (x, y, width, height) if width > 0 and height > 0 else None
