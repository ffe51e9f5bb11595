"""What an image file says of itself, before any pixel is read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from affine import Affine

from rogi.errors import InputError
from rogi.raster.grid import Grid
from rogi.raster.guard import BINARY, HEAD_BYTES, OFFLINE, refuse_remote

if TYPE_CHECKING:
    import pyproj
    from rasterio.io import DatasetReader

SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img")
"""What counts as a tile in a folder."""

VECTOR_SUFFIXES = (".gpkg", ".shp", ".fgb", ".parquet", ".kmz", ".csv")
"""What outlines and points are kept in."""

NO_GEOREFERENCE = "has no georeference; add one with gdal_edit -a_ullr or take another file."

UNRECOGNISED = "not recognized as being in a supported file format"
"""What GDAL says of a file in whose first bytes it knows no format."""

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


class NoImage(CorruptTile):
    """A file given as imagery that is in no format of images."""

    def __str__(self) -> str:
        return (
            f"{self.path} cannot be read as an image: {self.reason}. Put the image in its place, or give "
            "another file (GeoTIFF, VRT, folder of tiles or STAC item), and run the command again."
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

    def __str__(self) -> str:
        return (
            f"{self.path}, which {self.vrt} is made of, is missing; put it in its place, or make the VRT "
            "anew without it, and run the same command again."
        )


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
        It is no raster (`NoImage`), its header is damaged, or it is a VRT of whose files none is there
        (`MissingTile`).
    InputError
        It is missing, a vector file, a VRT of files that are not on this machine, or has no georeference, no
        CRS, a colour table, or complex numbers.
    """
    import rasterio
    from rasterio._err import CPLE_BaseError
    from rasterio.enums import ColorInterp, MaskFlags
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    if not path.is_file():
        raise InputError(f"There is no image {path}; give the path of a file that exists.")
    refuse_remote(path)
    damage = None
    try:
        with _strictly(), rasterio.open(path) as dataset:
            coloured = ColorInterp.palette in dataset.colorinterp
            flags = [flag for band in dataset.mask_flag_enums for flag in band]
            header = Header(
                path=path,
                stamp=file_stamp(path),
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
                files=_files(dataset, path),
                composed=dataset.driver == "VRT",
            )
    except NotGeoreferencedWarning:
        raise InputError(f"{path} {NO_GEOREFERENCE}") from None
    except (RasterioError, CPLE_BaseError, OSError) as error:  # some of GDAL's come as they are
        damage = reason(error)
    if damage is not None and path.suffix.lower() in VECTOR_SUFFIXES:
        raise InputError(
            f"{path} is a vector file, which has no pixels; give an image here (GeoTIFF, VRT, folder of "
            "tiles or STAC item), and outlines to options such as --area."
        )
    if damage is not None:  # outside the handler: GDAL's error in its context cannot be sent on
        kind = _kind(path, UNRECOGNISED in damage)
        raise CorruptTile(path, damage) if kind is None else NoImage(path, kind)
    behind = [file for file in header.files if file != path]
    if header.composed and behind and not any(file.exists() for file in behind):
        raise MissingTile(behind[0], path)
    if header.crs is None:
        raise InputError(
            f"{path} has no coordinate reference system, so its place is not known; add it, for example with "
            "gdal_edit -a_srs EPSG:32645."
        )
    if header.transform == Affine.identity():
        raise InputError(f"{path} {NO_GEOREFERENCE}")
    if coloured:
        raise InputError(
            f"{path} holds numbers of a colour table, not colours; write them out with gdal_translate "
            "-expand rgb."
        )
    if any(dtype.startswith("complex") for dtype in header.dtypes):
        raise InputError(f"{path} holds complex numbers; imagery has bands of integers or floats.")
    return header


@contextmanager
def _strictly() -> Iterator[None]:
    """For the block, what GDAL and libtiff have to say goes to logging, not to the terminal.

    That there is no georeference, which may be told of a transform that is damaged, is an error.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with rasterio.Env(**OFFLINE), warnings.catch_warnings():
        warnings.simplefilter("error", NotGeoreferencedWarning)
        yield


@lru_cache(maxsize=64)
def _crs(wkt: str) -> pyproj.CRS:
    import pyproj

    return pyproj.CRS.from_wkt(wkt)


def _files(dataset: DatasetReader, path: Path) -> tuple[Path, ...]:
    """All files that decide on the pixels: also those behind a VRT made of VRTs, and masks beside them."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    found = dict.fromkeys(Path(name) for name in dataset.files) or {path: None}
    behind = [file for file in found if file != path]
    while behind:
        file = behind.pop()
        more = [mask] if (mask := file.with_name(f"{file.name}.msk")).is_file() else []
        if file.suffix.lower() == ".vrt":
            # The place is that of the VRT outside.
            unplaced = warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning)
            with suppress(RasterioError), unplaced, rasterio.open(file) as inner:  # told when it is read
                more += [Path(name) for name in inner.files]
        behind += [name for name in more if name not in found]
        found |= dict.fromkeys(more)
    return tuple(found)


def file_stamp(path: Path) -> tuple[int, int]:
    """Bytes and time of change."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


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
        else "it does not begin as any image does, so it is a file of another kind, or damaged"
    )


def reason(error: Exception) -> str:
    """The innermost cause in one line."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return " ".join(str(cause).split())[:200].rstrip(".")
