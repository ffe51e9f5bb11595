"""The rasters of an elevation model: opened, judged by their pixels where names say nothing, in metres."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from rogi.errors import InputError
from rogi.raster.bands import one_band, split_band
from rogi.raster.elevation.folders import SHOWN, Found, search
from rogi.raster.elevation.products import LIMITS, named_role
from rogi.raster.files import RasterFile, open_raster
from rogi.raster.grid import Window
from rogi.raster.guard import OFFLINE
from rogi.raster.header import CorruptTile
from rogi.raster.heights import Heights, heights_of

ELEVATION_BANDS = frozenset({"elevation", "dem", "dsm", "dtm", "height", "altitude", "z", "ele", "elev"})
"""Descriptions of the band that is meant, where one of several has such a one."""

PIECE = 1024
"""Rows and columns read at a time where all pixels are looked at."""


@dataclass(frozen=True)
class Member:
    """A raster of an elevation model.

    Attributes
    ----------
    found : Found
    raster : RasterFile
        Its values are m, above what `heights` says.
    heights : Heights
    """

    found: Found
    raster: RasterFile
    heights: Heights

    @property
    def product(self) -> str:
        """Name of its product; empty where it is unknown."""
        content = self.found.content
        return content.product if content is not None else ""


class NoElevation(InputError):
    """A raster that is no elevation model.

    Attributes
    ----------
    why : str
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"{name} is no elevation model: {why}. Give the file of elevations, or the folder of both."
        )
        self.why = why


@dataclass(frozen=True)
class Selection:
    """The rasters of an elevation model.

    Attributes
    ----------
    members : tuple of Member
    notes : tuple of str
        What was left out, and what was converted.
    damaged : tuple of CorruptTile
        Files that could not be opened and are left out.
    """

    members: tuple[Member, ...]
    notes: tuple[str, ...]
    damaged: tuple[CorruptTile, ...]


def select(source: str | Path | Sequence[str | Path], *, crs: Any = None) -> Selection:
    """Find and open the rasters of an elevation model; of most only headers are read.

    Parameters
    ----------
    source : path or sequence of paths
        Files, ``FILE:BAND``, archives, and folders with their subfolders.
    crs : anything `pyproj.CRS` accepts, optional
        Instead of that of the files; with a vertical part if it is compound.

    Raises
    ------
    InputError
        See `folders.search`; also a file given by itself that is no elevation model by its
        pixels, one of several bands of which none is named, and one whose unit is no length.
    """
    found, bands = search_bands([source] if isinstance(source, str | Path) else source)
    members: list[Member] = []
    damaged: list[CorruptTile] = []
    passed: dict[str, list[str]] = {}
    for item in found.files:
        try:
            members.append(_member(item, crs, bands.get(item.path)))
        except CorruptTile as error:
            damaged.append(error)
        except NoElevation as error:
            if item not in found.searched:
                raise
            passed.setdefault(error.why, []).append(item.name)
    members, composed = _without_composed(members)
    notes = [f"{_some(names)}: left out, {role}." for role, names in sorted(passed.items())]
    if not members:
        if damaged:
            raise damaged[0]
        raise InputError(f"No elevation model was found. {' '.join(notes)}")
    return Selection(tuple(members), (*found.notes, *notes, *composed, *_told(members)), tuple(damaged))


def _member(item: Found, crs: Any, band: str | None) -> Member:
    """A raster, if it is an elevation model.

    Raises
    ------
    CorruptTile
    InputError
        See `open_raster`; `NoElevation` if it is none.
    """
    try:
        raster = open_raster(item.path, crs=crs)
    except CorruptTile:
        raise
    except InputError:
        if _picture(item.path):  # a preview has no georeference
            raise NoElevation(item.name, "its numbers are bytes, so it is an image or a mask") from None
        raise
    role = _role(item, raster, band)
    if role:
        raise NoElevation(item.name, role)
    out = ", or move the file out of the folder if it has none"
    raster = one_band(raster, band, item.name, "the one of elevations", usual=ELEVATION_BANDS, remedy=out)
    content = item.content
    try:
        heights = heights_of(raster.header.full_crs, raster.units, content.heights if content else "")
    except InputError:
        why = f"its unit is {raster.units!r}, which is no length; `gdal_edit.py -units m` corrects it"
        raise NoElevation(item.name, why) from None
    factor = heights.factor
    return Member(item, replace(raster, scale=raster.scale * factor, offset=raster.offset * factor), heights)


def _picture(path: Path) -> bool:
    """Whether all bands are bytes."""
    if path.suffix.lower() == ".vrt":
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            with rasterio.Env(**OFFLINE), rasterio.open(path) as dataset:
                return set(dataset.dtypes) <= {"uint8", "int8"}
        except RasterioError:
            return False


def search_bands(sources: Iterable[str | Path]) -> tuple[Any, dict[Path, str]]:
    """As `search`, for sources that may name a band after a colon: ``FILE:2``, ``FILE:elevation``."""
    plain, bands = [], {}
    for source in sources:
        text, band = split_band(source)
        plain.append(text)
        if band is not None:
            bands[Path(text)] = band
    return search(plain), bands


def _role(item: Found, raster: RasterFile, band: str | None) -> str:
    """What a raster is by its type and pixels, if that is no elevation model."""
    header = raster.header
    if "palette" in header.colours:
        return "it has a colour table, so it is a map of classes or an image"
    bytes_only = all(dtype in ("uint8", "int8") for dtype in header.dtypes)
    plain = all(scale == 1 for scale in header.scales) and not any(header.offsets) and not any(header.units)
    if bytes_only and plain:
        kind = "an image" if len(header.dtypes) >= 3 else "a mask, a count or an image"
        return f"its numbers are bytes without a unit, so it is {kind}"
    if header.dtypes[0].startswith("complex"):
        return "its numbers are complex"
    if item.content is not None or band is not None:
        return ""
    role = named_role(PurePath(item.member or item.file.name).stem)
    if role is not None:
        greatest = max((float(np.nanmax(np.abs(part), initial=0.0)) for part in _sample(raster)), default=0.0)
        if greatest <= LIMITS[role]:
            return f"by its name it is {_article(role)}, and its numbers go up to {greatest:.6g}"
    if not raster.units and _zeros_and_ones(raster):
        return "its numbers are 0 and 1, so it is a mask"
    return ""


def _article(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"


def _sample(raster: RasterFile) -> Iterable[Any]:
    """A few blocks along the diagonal of a raster."""
    (height, width), (rows, columns) = raster.shape, raster.block_shape
    rows, columns = min(rows, PIECE), min(columns, PIECE)
    for share in (0.5, 0.0, 0.25, 0.75, 1.0):
        row = int(share * (height - 1)) // rows * rows
        column = int(share * (width - 1)) // columns * columns
        try:
            yield raster.read(Window(row, min(row + rows, height), column, min(column + columns, width)))
        except CorruptTile:
            continue  # told when a unit needs it


def _zeros_and_ones(raster: RasterFile) -> bool:
    """Whether all numbers are 0 and 1, some of them 1."""
    if not all(_only(part) for part in _sample(raster)):
        return False
    height, width = raster.shape
    ones = False
    for row in range(0, height, PIECE):
        for column in range(0, width, PIECE):
            window = Window(row, min(row + PIECE, height), column, min(column + PIECE, width))
            try:
                part = raster.read(window)
            except CorruptTile:
                return False
            if not _only(part):
                return False
            ones |= bool((part == 1).any())
    return ones


def _only(part: Any) -> bool:
    known = part[np.isfinite(part)]
    return bool(((known == 0) | (known == 1)).all())


def _without_composed(members: Sequence[Member]) -> tuple[list[Member], list[str]]:
    """Rasters without VRTs made of files that are read themselves."""
    read = {member.found.path.resolve() for member in members if not member.raster.header.composed}
    kept, passed = [], []
    for member in members:
        header = member.raster.header
        parts = {file.resolve() for file in header.files} - {header.path.resolve()}
        if header.composed and len(members) > 1 and parts and parts <= read:
            passed.append(member.found.name)
        else:
            kept.append(member)
    notes = [f"{_some(passed)}: left out, made of files that are read themselves."] if passed else []
    return kept, notes


def _told(members: Sequence[Member]) -> list[str]:
    """Notes on heights, one for all files that share it."""
    notes: dict[str, list[str]] = {}
    for member in members:
        for note in member.heights.notes:
            notes.setdefault(note, []).append(member.found.name)
    return [f"{_some(names)}: {note}." for note, names in notes.items()]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
