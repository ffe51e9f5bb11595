"""Digests of what pixels are made from, of all files of a raster or of those that a window touches.

A VRT is many files under one name, an archive many rasters in one file. What was computed from a window stays
good as long as the files that it touches, and what the VRT says of them, do.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

import numpy as np
from affine import Affine
from rasterio.windows import Window as RasterioWindow

from rogi.errors import InputError
from rogi.ledger import digest, file_sha256
from rogi.raster.composed import DEPTH, Opened, Source, canonical, opened, sources_of
from rogi.raster.grid import Window
from rogi.raster.guard import address, gdal_open, gdal_settings, network
from rogi.raster.header import MEMBER, on_disk, raster_stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rogi.ledger import Ledger
    from rogi.raster.files import RasterFile

ABSENT = "missing"
"""In place of the digest of a file that a VRT is made of and that is not there."""

LAID = ("SimpleSource", "ComplexSource")
"""Sources of a VRT that are laid where it says, from their own pixels there."""

BESIDE = (".msk", ".aux.xml")
"""Ends of the names of files beside one behind a VRT that GDAL reads with it."""

PLACE_DECIMALS = 6
"""Of places in pixels: origins that are far away round otherwise."""


def content_digest(path: Path, ledger: Ledger) -> str:
    """SHA-256 of a file that pixels come from, or `ABSENT`."""
    if address(path) is not None:
        return _remote_digest(path)
    try:
        return ledger.file_digest(path)
    except InputError:
        if not path.exists():
            return ABSENT
        raise


class Contents:
    """Digests of rasters and of windows of them.

    Parameters
    ----------
    ledger : Ledger
        Keeps the digests of files.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._layouts: dict[tuple[Path, tuple[int, ...] | None], _Layout | None] = {}
        self._known: dict[object, str] = {}

    def whole(self, raster: RasterFile) -> str:
        """Of all files of a raster; of a member of a zip archive those of its name."""
        if raster not in self._known:
            member = None if raster.header.composed else _in_zip(raster.path)
            if member is None:
                found = [content_digest(file, self.ledger) for file in raster.files]
            else:
                archive = on_disk(raster.path)
                found = [self.ledger.file_digest(archive, member, lambda: _member_sha256(archive, member))]
            self._known[raster] = _with_intake(raster, digest(found))
        return self._known[raster]

    def of(self, raster: RasterFile, window: Window) -> str:
        """Of what a window of a raster touches; `whole` where that cannot be told.

        A window of a VRT depends on the files under it, where they are laid on the grid of the CRS, and on
        what the VRT says besides. A VRT that is warped or calculated counts as a whole.
        """
        if not raster.header.composed:
            return self.whole(raster)
        indexes = None if raster.header.masked else raster.indexes
        a, b, c, d, e, f = tuple(raster.transform)[:6]
        origin = ~Affine(a, b, 0.0, d, e, 0.0) @ (c, f)
        found = self._under(raster.path, indexes, window.grown(1), origin, DEPTH)
        return self.whole(raster) if found is None else _with_intake(raster, found)

    def _under(
        self,
        path: Path,
        indexes: tuple[int, ...] | None,
        window: Window,
        origin: tuple[float, float],
        depth: int,
    ) -> str | None:
        """Of the files under a window of a VRT whose first pixel has a place; None if that cannot be told."""
        layout = self._layout(path, indexes)
        if layout is None or not depth:
            return None
        met = layout.met(window)
        key = (path, indexes, origin, met.tobytes())
        if key in self._known:
            return self._known[key]
        alone, parts = True, []
        for source in (layout.sources[k] for k in met.tolist()):
            look = opened(source.path, raster_stamp(source.path)) if source.path.exists() else None
            x, y, width, height = source.target
            edges = x, y, x + width, y + height
            sides: list[float | None] = [*edges]
            if look is None or not look.composed:
                content = digest(self._file(source.path, look), source.taken)
            else:
                inner = source.part(window, look.grid)
                if inner is None:
                    continue
                column, row, *size = source.taken or (0.0, 0.0, *look.grid.shape[::-1])
                if size != [width, height] or not source.band:
                    return None
                first = origin[0] + x - column, origin[1] + y - row
                found = self._under(source.path, (source.band,), inner, first, depth - 1)
                if found is None:
                    return None
                # Where a VRT in a VRT ends beyond the window makes no difference.
                low = (window.column0, window.row0) * 2
                high = (window.column1, window.row1) * 2
                sides = [s if a < s < b else None for a, s, b in zip(low, edges, high, strict=True)]
                alone, content = False, found
            places = [None if s is None else _place(s + origin[k % 2]) for k, s in enumerate(sides)]
            parts.append([content, places, source.rest])
        digested = digest(layout.frame, parts)
        if alone:
            self._known[key] = digested
        return digested

    def _file(self, path: Path, look: Opened | None) -> str:
        """Of a file behind a VRT, with those beside it that GDAL reads."""
        files = (path,) if look is None else look.files
        beside = (Path(f"{path}{end}") for end in BESIDE)
        files = tuple(dict.fromkeys([*files, *(file for file in beside if file.is_file())]))
        return digest([content_digest(file, self.ledger) for file in files])

    def _layout(self, path: Path, indexes: tuple[int, ...] | None) -> _Layout | None:
        key = path, indexes
        if key not in self._layouts:
            self._layouts[key] = _layout(path, indexes)
        return self._layouts[key]


def _with_intake(raster: RasterFile, content: str) -> str:
    """Of content and of what is read from it."""
    return digest(content, raster.indexes, raster.voids, raster.scale, raster.offset)


def _place(pixels: float) -> float:
    """A place on the grid of the CRS, whatever the rounding of the origin that it is counted from."""
    return round(pixels, PLACE_DECIMALS) + 0.0


class _Layout(NamedTuple):
    """Of a VRT: what it says besides its sources, these, and the corners of where they go, shape (n, 4)."""

    frame: str
    sources: tuple[Source, ...]
    corners: NDArray[np.float64]

    def met(self, window: Window) -> NDArray[np.int64]:
        """Which sources a window touches."""
        left, top, right, bottom = self.corners.T
        rows = (top < window.row1) & (bottom > window.row0)
        return np.flatnonzero(rows & (left < window.column1) & (right > window.column0))


def _layout(path: Path, indexes: Sequence[int] | None) -> _Layout | None:
    """None where pixels of a VRT are not only laid beside and over one another, or come from addresses."""
    if not path.is_file():
        return None
    root = ElementTree.parse(path).getroot()  # noqa: S314 - the guard has refused what is not plain XML
    kinds = {element.get("subClass") for element in root.iter()}
    sources = sources_of(path, indexes)
    laid = all(s.kind in LAID and s.warped is None and address(s.path) is None for s in sources)
    if kinds != {None} or not sources or not laid or root.find(".//MaskBand") is not None:
        return None
    for parent in list(root.iter()):
        for child in list(parent):
            statistics = child.tag == "MDI" and (child.get("key") or "").startswith("STATISTICS_")
            if statistics or child.tag in (*LAID, "GeoTransform", "OverviewList", "Histograms"):
                parent.remove(child)
    for size in ("rasterXSize", "rasterYSize"):  # where its files lie says more
        root.attrib.pop(size, None)
    boxes = np.array([source.target for source in sources])
    corners = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
    return _Layout(canonical(root), sources, corners)


def _in_zip(path: Path) -> str | None:
    """Name of a member of a zip archive that is no archive itself."""
    match = MEMBER.match(str(path))
    plain = match is not None and str(path).startswith("/vsizip/") and match.start(1) == len("/vsizip/{")
    return str(path)[match.end() + 1 :] if match is not None and plain else None


def _member_sha256(archive: Path, member: str) -> str:
    """SHA-256 of a member of a zip archive and of those beside it whose names begin as its does."""
    name = PurePosixPath(member)
    found = {}
    try:
        with zipfile.ZipFile(archive) as members:
            for other in map(PurePosixPath, members.namelist()):
                if other.parent == name.parent and other.name.startswith(name.stem):
                    with members.open(str(other)) as stream:
                        found[other.name] = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, KeyError):
        return file_sha256(archive)  # an unreadable archive is an error when a unit needs it
    return digest(found)


@lru_cache(maxsize=4096)
def _remote_digest(path: Path) -> str:
    """Digest of an address, and of the header and the first and last block of what lies there."""
    with network(), gdal_settings(), gdal_open(path) as dataset:
        height, width = dataset.block_shapes[0]
        last = (dataset.height - 1) // height * height, (dataset.width - 1) // width * width
        windows = [RasterioWindow(column, row, width, height) for row, column in ((0, 0), last)]
        blocks = [dataset.read(1, window=window).tobytes() for window in windows]
        return digest(str(path), repr(sorted(dataset.profile.items(), key=str)), dataset.tags(), *blocks)
