"""File formats an inventory can come in, known by suffix and checked by content before a driver opens them.

Drivers read what they can of a damaged file and say nothing of the rest, or guess another format from
the content of a file. So what can be told from the first bytes and the sizes is told here, in words.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rogi.errors import InputError
from rogi.inventory.reading import shapefile


class Format(StrEnum):
    """A format by the name of its driver."""

    GEOPACKAGE = "GPKG"
    SHAPEFILE = "ESRI Shapefile"
    GEOJSON = "GeoJSON"
    GEOPARQUET = "Parquet"
    FLATGEOBUF = "FlatGeobuf"
    KML = "KML"
    KMZ = "KMZ"
    CSV = "CSV"
    ZIP = "ZIP"
    GEODATABASE = "OpenFileGDB"
    SQLITE = "SQLite"
    GEOJSON_LINES = "GeoJSONSeq"
    SPREADSHEET = "Spreadsheet"

    @property
    def geographic(self) -> bool:
        """Whether coordinates are WGS84 longitude and latitude by definition of the format."""
        return self in (Format.KML, Format.KMZ)


SUFFIXES: dict[str, Format] = {
    ".gpkg": Format.GEOPACKAGE,
    ".shp": Format.SHAPEFILE,
    ".geojson": Format.GEOJSON,
    ".json": Format.GEOJSON,
    ".parquet": Format.GEOPARQUET,
    ".geoparquet": Format.GEOPARQUET,
    ".fgb": Format.FLATGEOBUF,
    ".kml": Format.KML,
    ".kmz": Format.KMZ,
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".txt": Format.CSV,
    ".gdb": Format.GEODATABASE,
    ".sqlite": Format.SQLITE,
    ".sqlite3": Format.SQLITE,
    ".spatialite": Format.SQLITE,
    ".db": Format.SQLITE,
    ".geojsonl": Format.GEOJSON_LINES,
    ".geojsons": Format.GEOJSON_LINES,
    ".jsonl": Format.GEOJSON_LINES,
    ".ndjson": Format.GEOJSON_LINES,
    ".xlsx": Format.SPREADSHEET,
    ".xlsm": Format.SPREADSHEET,
    ".ods": Format.SPREADSHEET,
    ".zip": Format.ZIP,
    ".shz": Format.ZIP,
}
READABLE = (
    "GeoPackage, Shapefile, file geodatabase (both also zipped), GeoJSON, GeoParquet, FlatGeobuf, KML, KMZ, "
    "SQLite, CSV or a spreadsheet"
)

# Where several files of a folder have one stem, they are one table in several formats; this order chooses.
PREFERENCE = (
    Format.GEOPACKAGE,
    Format.GEOPARQUET,
    Format.FLATGEOBUF,
    Format.GEODATABASE,
    Format.SQLITE,
    Format.SHAPEFILE,
    Format.GEOJSON,
    Format.GEOJSON_LINES,
    Format.KML,
    Format.KMZ,
    Format.CSV,
    Format.SPREADSHEET,
)

_RASTERS = (".tif", ".tiff", ".vrt", ".img", ".nc", ".grd", ".asc", ".hgt", ".jp2", ".png", ".jpg", ".jpeg")
_SQLITE_HEADER = b"SQLite format 3\x00"
_OLD_OFFICE = bytes.fromhex("d0cf11e0a1b11ae1")
_HEAD = 65_536  # bytes looked at


@dataclass(frozen=True, slots=True)
class Checked:
    """A file whose format is known and whose size is what its header says.

    Attributes
    ----------
    path
        The file.
    format
        Its format.
    journal
        Files beside a GeoPackage (write-ahead log, rollback journal) without which it is not whole.
    """

    path: Path
    format: Format
    journal: tuple[Path, ...] = ()


def format_of(path: Path) -> Format | None:
    """The format a suffix stands for, or None."""
    return SUFFIXES.get(path.suffix.casefold())


def check(path: Path) -> Checked:
    """Whether a file is what its suffix says, and whole as far as its header tells.

    Raises
    ------
    InputError
        If it is missing, empty, no regular file, of another format, truncated, or lacks a part.
    """
    if is_geodatabase(path):
        return Checked(path, Format.GEODATABASE)
    head = _head(path)
    suffix = path.suffix.casefold()
    kind = format_of(path)
    if kind is None:
        kind = _format_of_content(path, head)
    if not head:
        raise InputError(f"{path} is empty (0 bytes); copy or download it again.")
    size = path.stat().st_size
    match kind:
        case Format.GEOPACKAGE | Format.SQLITE:
            return _check_database(path, kind, head, size)
        case Format.SHAPEFILE:
            _check_shapefile(path, head)
        case Format.FLATGEOBUF if not head.startswith(b"fgb\x03fgb"):
            raise _not(path, "a FlatGeobuf file")
        case Format.GEOPARQUET:
            _check_parquet(path, head)
        case Format.GEODATABASE:
            raise _not(path, "a file geodatabase, which is a folder")
        case Format.SPREADSHEET if head.startswith(_OLD_OFFICE):
            raise InputError(f"{path} is encrypted or in the format of old Excel; save it as plain .xlsx.")
        case Format.SPREADSHEET if not head.startswith(b"PK"):
            raise _not(path, "a spreadsheet")
        case Format.GEOJSON if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            raise _not(path, "GeoJSON (it does not begin with a brace)")
        case Format.KML:
            _check_kml(path, head)
        case Format.KMZ | Format.ZIP if not head.startswith(b"PK"):
            raise _not(path, f"a {suffix[1:]} archive")
        case Format.CSV if b"\x00" in head and not (
            head.startswith((b"\xff\xfe", b"\xfe\xff")) or utf16_without_mark(head)
        ):
            raise _not(path, "a text table (it holds zero bytes)")
        case _:
            pass
    return Checked(path, kind)


def is_geodatabase(path: Path) -> bool:
    """Whether a folder is a file geodatabase, whatever its name."""
    return path.is_dir() and (path / "a00000001.gdbtable").is_file()


def utf16_without_mark(head: bytes) -> str | None:
    """The encoding of a text whose every second byte is zero, as in UTF-16 of Latin letters."""
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[first::2], head[1 - first :: 2]
        if len(zeros) > 2 and zeros.count(0) > 0.9 * len(zeros) and not others.count(0):
            return name
    return None


def _head(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise InputError(f"{path} is not a regular file; name a {READABLE} file or a folder of them.")
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the spelling and the folder.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None


def _format_of_content(path: Path, head: bytes) -> Format:
    """The format of a file with an unknown suffix, or the reason why it cannot be read."""
    suffix = path.suffix.casefold()
    if suffix in shapefile.PARTS:
        raise InputError(f"{path} is one part of a Shapefile; name its .shp file, with the others beside it.")
    if suffix in (".xls", ".xlsb"):
        raise InputError(f"{path} is in the format of old or binary Excel; save it as .xlsx or .csv.")
    if suffix.startswith((".gdbtable", ".gdbtablx")):
        raise InputError(f"{path} is one part of a file geodatabase; name its folder, {path.parent}.")
    if suffix in _RASTERS:
        raise InputError(f"{path} is a raster or image, not a table of features; rogi reads {READABLE}.")
    signs = {
        _SQLITE_HEADER: Format.GEOPACKAGE,
        b"fgb\x03": Format.FLATGEOBUF,
        b"PAR1": Format.GEOPARQUET,
        shapefile.MAGIC: Format.SHAPEFILE,
    }
    for sign, kind in signs.items():
        if head.startswith(sign):
            usual = next(s for s, f in SUFFIXES.items() if f is kind)
            raise InputError(f"{path} looks like {kind.value} but is not named so; rename it to *{usual}.")
    raise InputError(f"{path} is not a vector file that rogi knows; it reads {READABLE}. Convert it first.")


def _not(path: Path, what: str) -> InputError:
    return InputError(
        f"{path} is not {what}, though its name says so; check where it comes from, or name it by its format."
    )


def _check_database(path: Path, kind: Format, head: bytes, size: int) -> Checked:
    if not head.startswith(_SQLITE_HEADER) or len(head) < 100:
        raise _not(path, "a GeoPackage" if kind is Format.GEOPACKAGE else "an SQLite database")
    page = struct.unpack(">H", head[16:18])[0]
    page = 65_536 if page == 1 else page
    pages = struct.unpack(">I", head[28:32])[0]
    counted = head[24:28] == head[92:96]  # else an old library wrote it and the count is not kept
    if counted and page and size < page * pages:
        raise InputError(
            f"{path} is truncated: {size:,} of {page * pages:,} bytes are there; copy or download it again."
        )
    beside = (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-journal"))
    journal = tuple(p for p in beside if p.is_file() and p.stat().st_size > 0)
    return Checked(path, kind, journal)


def write_ahead(path: Path) -> bool:
    """Whether a GeoPackage is in write-ahead mode, in which even a reader writes beside it."""
    with path.open("rb") as stream:
        return stream.read(20)[18:20] == b"\x02\x02"


def _check_shapefile(path: Path, head: bytes) -> None:
    if len(head) < 100 or head[:4] != shapefile.MAGIC:
        raise _not(path, "a Shapefile")
    shapefile.check_parts(path)


def _check_parquet(path: Path, head: bytes) -> None:
    if not head.startswith(b"PAR1"):
        raise _not(path, "a Parquet file")
    with path.open("rb") as stream:
        stream.seek(-4, 2)
        if stream.read() != b"PAR1":
            raise InputError(f"{path} is truncated: its end is missing; copy or download it again.")


def _check_kml(path: Path, head: bytes) -> None:
    if b"<kml" not in head.lower():
        raise _not(path, "KML")
