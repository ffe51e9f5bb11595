"""What a raster file says of itself, before any pixel is read."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from rogi import targets
from rogi.errors import InputError
from rogi.geometry import parse_crs
from rogi.ledger import file_stamp
from rogi.raster.grid import Grid
from rogi.raster.guard import (
    BINARY,
    HEAD_BYTES,
    UNRECOGNISED,
    address,
    gdal_open,
    gdal_settings,
    is_there,
    network_allowed,
    refuse_remote,
)
from rogi.raster.heights import horizontal
from rogi.raster.spectral_names import COLOURS, meaning

if TYPE_CHECKING:
    import pyproj
    from rasterio.io import DatasetReader

VECTOR_SUFFIXES = (".gpkg", ".shp", ".fgb", ".parquet", ".kmz", ".csv")
"""What outlines and points are kept in."""

NO_GEOREFERENCE = "has no georeference; add one with gdal_edit -a_ullr or take another file."

LOOK = 64
"""Side of the windows in which a fourth band is looked at, pixels."""

MASK_VALUES, MASK_SEAM = 16, 0.5
"""Numbers that a mask has at the most, or share of its pixels that are neither 0 nor full."""

UNIT_TAGS = ("units", "unit", "unittype")

MEMBER = re.compile(r"(?:/vsi(?:zip|tar)/\{)+([^{}]+)\}")
"""How the path of a member of an archive begins, or of an archive in one (see `elevation.folders`)."""

Stamp = tuple[int, ...]


class CorruptTile(InputError):
    """A file that cannot be read.

    Attributes
    ----------
    path : Path
    reason : str
    """

    def __init__(self, path: Path, reason: str = "") -> None:
        super().__init__(path, reason)
        self.path = Path(path)
        self.reason = reason

    @property
    def note(self) -> str:
        """The same in a few words, without the folder."""
        return f"{self.path.name} cannot be read"

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return (
            f"{shown(self.path)} cannot be read to its end, so it is damaged or cut off{why}; replace it and "
            "run the same command again."
        )


class NoImage(CorruptTile):
    """A file given as a raster that is in no format of rasters."""

    def __str__(self) -> str:
        return (
            f"{shown(self.path)} cannot be read as a raster: {self.reason}. Put the raster in its place, or "
            "give another file (GeoTIFF, VRT, folder of tiles or STAC item), and run the command again."
        )


class MissingTile(CorruptTile):
    """A file that a VRT is made of and that is not there.

    Attributes
    ----------
    path : Path
    vrt : Path
    """

    def __init__(self, path: Path, vrt: Path) -> None:
        super().__init__(path)
        self.args = (path, vrt)
        self.vrt = Path(vrt)

    @property
    def note(self) -> str:
        """See `CorruptTile`."""
        return f"{self.path.name} is missing"

    def __str__(self) -> str:
        return (
            f"{self.path}, which {self.vrt} is made of, is missing; put it in its place, or make the VRT "
            "anew without it, and run the same command again."
        )


@dataclass(frozen=True)
class Header:
    """What a raster file says of itself; see `read_header`. Two are equal if path and stamp are.

    Attributes
    ----------
    path : Path
    stamp : tuple of int
        See `rogi.ledger.file_stamp`: a file that is replaced is opened anew.
    crs, full_crs : pyproj.CRS
        Without and with the vertical part that the file may state.
    transform : Affine
        From (column, row) to coordinates, at pixel corners, whether values are those of cells or of points.
    shape, block_shape : tuple of int
        Rows and columns, of all and of the blocks it is stored in.
    dtypes, nodata, scales, offsets, units : tuple
        Of each band: type of the stored numbers, number for "no value" or None, value = stored number x scale
        + offset, and unit or nothing.
    names : tuple of str
        Of the bands: description or colour in small letters, else nothing.
    described : tuple of bool
        Whether that is a description; by default many programs write colours whatever the bands are.
    colours : tuple of str
        What each band is: ``red``, ``alpha``, ``palette``, ``gray`` ... A band that is described as a colour,
        such as nir, or has as many values as one, is no alpha: GDAL calls the fourth band of bytes so unless
        told otherwise.
    made : str
        Tag TIFFTAG_DATETIME, as it is.
    lossy : bool
        Whether numbers are stored about, as JPEG does.
    masked, point, composed, remote : bool
        Whether it has a mask or alpha band, values of points (AREA_OR_POINT), is a VRT, and addresses may be
        asked for its pixels.
    files : tuple of Path
        All files that decide on its pixels.
    """

    path: Path
    stamp: Stamp
    crs: pyproj.CRS = field(compare=False)
    full_crs: pyproj.CRS = field(compare=False)
    transform: Affine = field(compare=False)
    shape: tuple[int, int] = field(compare=False)
    block_shape: tuple[int, int] = field(compare=False)
    dtypes: tuple[str, ...] = field(compare=False)
    nodata: tuple[float | None, ...] = field(compare=False)
    scales: tuple[float, ...] = field(compare=False)
    offsets: tuple[float, ...] = field(compare=False)
    units: tuple[str, ...] = field(compare=False)
    names: tuple[str, ...] = field(compare=False)
    described: tuple[bool, ...] = field(compare=False)
    colours: tuple[str, ...] = field(compare=False)
    made: str = field(compare=False)
    lossy: bool = field(compare=False)
    masked: bool = field(compare=False)
    point: bool = field(compare=False)
    composed: bool = field(compare=False)
    remote: bool = field(compare=False)
    files: tuple[Path, ...] = field(compare=False)

    @cached_property
    def grid(self) -> Grid:
        """Where its pixels lie."""
        return Grid(self.crs, self.transform, self.shape)


def read_tags(path: str | Path) -> dict[str, str]:
    """Tags of a raster file as a whole, such as what a program says of its making; none where it has none.

    Raises
    ------
    InputError
        As :func:`read_header`.
    """
    path = read_header(path).path
    try:
        with gdal_open(path) as dataset:
            return {str(name): str(text) for name, text in dataset.tags().items()}
    except (RasterioError, CPLE_BaseError, OSError):
        return {}


def read_header(path: str | Path, *, crs: Any = None) -> Header:
    """Look at a raster file; nothing but its header is read.

    Parameters
    ----------
    path : str or Path
    crs : anything `pyproj.CRS` accepts, optional
        Instead of the file's.

    Raises
    ------
    CorruptTile
        It is no raster (`NoImage`), its header is damaged, or it is a VRT of whose files none is there
        (`MissingTile`).
    InputError
        It is missing, a vector file, a VRT of files that are not on this machine, or has no georeference or
        no CRS.
    """
    path = Path(path)
    remote = address(path) is not None and is_there(path)
    disk = on_disk(path)
    plain = disk == path and not remote
    if not remote and not disk.is_file():
        raise InputError(f"There is no raster {path}; give the path of a file that exists.")
    if plain:
        refuse_remote(path)
    if not remote:
        targets.note_read(disk)
    damage = None
    try:
        with _strictly(), gdal_open(path) as dataset:
            own = crs if crs is not None else dataset.crs and dataset.crs.to_wkt()
            colours = tuple(
                "undefined" if colour.name == "alpha" and _is_colour(dataset, band, path) else colour.name
                for band, colour in zip(dataset.indexes, dataset.colorinterp, strict=True)
            )
            veils = [
                flags
                for flags in dataset.mask_flag_enums
                if "alpha" in colours or MaskFlags.alpha not in flags
            ]
            header = Header(
                path=path,
                stamp=raster_stamp(path),
                crs=horizontal(parse_crs(own)) if own else None,  # type: ignore[arg-type]
                full_crs=parse_crs(own) if own else None,  # type: ignore[arg-type]
                transform=dataset.transform,
                shape=dataset.shape,
                block_shape=tuple(dataset.block_shapes[0]),
                dtypes=tuple(dataset.dtypes),
                nodata=tuple(dataset.nodatavals),
                scales=tuple(dataset.scales),
                offsets=tuple(dataset.offsets),
                units=tuple(_unit(dataset, band) for band in dataset.indexes),
                names=tuple(
                    (text or (colour if colour in COLOURS else "")).strip().casefold()
                    for text, colour in zip(dataset.descriptions, colours, strict=True)
                ),
                described=tuple(bool(text and text.strip()) for text in dataset.descriptions),
                colours=colours,
                made=str(dataset.tags().get("TIFFTAG_DATETIME", "")),
                lossy=_is_lossy(dataset) or (dataset.driver == "VRT" and _is_lossy_behind(dataset, path)),
                masked=any(MaskFlags.per_dataset in flags or MaskFlags.alpha in flags for flags in veils),
                point=dataset.tags().get("AREA_OR_POINT") == "Point",
                composed=dataset.driver == "VRT",
                files=_files(dataset, path) if plain else (disk,),
                remote=network_allowed(),
            )
    except NotGeoreferencedWarning:
        raise InputError(f"{path} {NO_GEOREFERENCE}") from None
    except (RasterioError, CPLE_BaseError, OSError) as error:  # some of GDAL's come as they are
        damage = reason(error)
    if damage is not None and path.suffix.lower() in VECTOR_SUFFIXES:
        raise InputError(
            f"{path} is a vector file, which has no pixels; give a raster here (GeoTIFF, VRT, folder of "
            "tiles or STAC item), and outlines to options such as --area."
        )
    if damage is not None:  # outside the handler: GDAL's error in its context cannot be sent on
        kind = _kind(path, UNRECOGNISED in damage) if plain else None
        raise CorruptTile(path, damage) if kind is None else NoImage(path, kind)
    behind = [file for file in header.files if file != path]
    if header.composed and behind and not any(is_there(file) for file in behind):
        raise MissingTile(behind[0], path)
    if header.crs is None:
        raise InputError(
            f"{path} has no coordinate reference system, so its place is not known; add it, for example with "
            "gdal_edit -a_srs EPSG:32645."
        )
    if header.transform == Affine.identity():
        raise InputError(f"{path} {NO_GEOREFERENCE}")
    return header


def _is_colour(dataset: DatasetReader, band: int, path: Path) -> bool:
    """Whether a band that GDAL calls alpha is light: by its description, else by its values.

    A mask is 0 and full, with a seam of other values at the most, or the same everywhere.
    """
    text = (dataset.descriptions[band - 1] or "").strip().casefold()
    if meaning(text, path.name) or text in ("alpha", "mask"):
        return text not in ("alpha", "mask")
    rows, columns = dataset.shape
    height, width = min(LOOK, rows), min(LOOK, columns)
    seen = []
    for row in (0, (rows - height) // 2, rows - height):
        for column in (0, (columns - width) // 2, columns - width):
            with suppress(RasterioError, CPLE_BaseError):  # told where it is needed
                seen.append(dataset.read(band, window=RasterioWindow(column, row, width, height)).ravel())
    values, counts = np.unique(np.concatenate([np.zeros(1), *seen]), return_counts=True)
    between = (values > 0) & (values < values.max())
    return len(values) > MASK_VALUES and bool(counts[between].sum() > MASK_SEAM * counts[values > 0].sum())


def _is_lossy(dataset: DatasetReader) -> bool:
    structure = {key: text.upper() for key, text in dataset.tags(ns="IMAGE_STRUCTURE").items()}
    packed = structure.get("COMPRESSION", dataset.driver.upper())
    stated = structure.get("COMPRESSION_REVERSIBILITY", "")
    if stated:
        return bool(stated.startswith("LOSSY"))
    return ("JPEG" in packed and "2000" not in packed) or structure.get("MAX_Z_ERROR", "0") != "0"  # LERC


def _is_lossy_behind(dataset: DatasetReader, path: Path) -> bool:
    """Whether the last of the files that a VRT is made of is compressed with loss."""
    behind = [name for name in dataset.files if Path(name) != path]
    if not behind:
        return False
    unplaced = warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning)
    with suppress(RasterioError, CPLE_BaseError, OSError), unplaced, gdal_open(Path(behind[-1])) as inner:
        return _is_lossy(inner)
    return False


def _unit(dataset: DatasetReader, band: int) -> str:
    """Unit of a band, or nothing; copies of NetCDF keep it among the tags."""
    if stated := (dataset.units[band - 1] or "").strip():
        return str(stated)
    tags = {name.casefold(): str(text) for name, text in (dataset.tags() | dataset.tags(band)).items()}
    return next((tags[name].strip() for name in UNIT_TAGS if name in tags), "")


@contextmanager
def _strictly() -> Iterator[None]:
    """For the block, what GDAL and libtiff have to say goes to logging, not to the terminal.

    That there is no georeference, which may be told of a transform that is damaged, is an error.
    """
    with gdal_settings(), warnings.catch_warnings():
        warnings.simplefilter("error", NotGeoreferencedWarning)
        yield


def _files(dataset: DatasetReader, path: Path) -> tuple[Path, ...]:
    """All files that decide on the pixels: also those behind a VRT made of VRTs, and masks beside them."""
    found = dict.fromkeys(Path(name) for name in dataset.files) or {path: None}
    behind = [file for file in found if file != path]
    while behind:
        file = behind.pop()
        more = [mask] if (mask := file.with_name(f"{file.name}.msk")).is_file() else []
        if file.suffix.lower() == ".vrt":
            # The place is that of the VRT outside.
            unplaced = warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning)
            with suppress(RasterioError), unplaced, gdal_open(file) as inner:  # told when it is read
                more += [Path(name) for name in inner.files]
        behind += [name for name in more if name not in found]
        found |= dict.fromkeys(more)
    return tuple(found)


def on_disk(path: Path) -> Path:
    """The file that a path leads to: of a member of an archive, the archive.

    Examples
    --------
    >>> on_disk(Path("/vsizip/{/data/N30E090.zip}/N30E090.hgt")).as_posix()
    '/data/N30E090.zip'
    """
    match = MEMBER.match(str(path))
    return Path(match[1]) if match else path


def shown(path: Path) -> str:
    """What messages call a file: of a member of an archive, as if the archive were a folder.

    Examples
    --------
    >>> shown(Path("/vsizip/{/data/N30E090.zip}/N30E090.hgt"))
    '/data/N30E090.zip/N30E090.hgt'
    """
    return MEMBER.sub(r"\1", str(path)).replace("}", "") if MEMBER.match(str(path)) else str(path)


def raster_stamp(path: Path) -> Stamp:
    """Stamp of the file that a path leads to; nothing of an address."""
    return () if address(path) is not None else file_stamp(on_disk(path))


def _kind(path: Path, unrecognised: bool) -> str | None:
    """What a file is that cannot be opened and is no image; None of one that is, but damaged."""
    with path.open("rb") as stream:
        start = stream.read(HEAD_BYTES)
    if not start:
        return "it is empty"
    # GDAL tries some texts as tables of x, y and z; a VRT is one too.
    if BINARY.search(start) is None and not start.lstrip().startswith(b"<"):
        return "it is a text"
    return (
        None
        if not unrecognised
        else "it does not begin as any raster does, so it is a file of another kind, or damaged"
    )


def reason(error: Exception) -> str:
    """The innermost cause in one line."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return " ".join(str(cause).split())[:200].rstrip(".")
