"""Rasters that are texts, as VRTs are: what they name must be files of this machine.

GDAL opens by content, whatever a file is called, and a text may name anything GDAL can open: an address on a
network, an archive, another such text. A file from a stranger shall make nobody's computer ask a server: so
texts are looked at before GDAL opens them, and what is named in other ways meets `OFFLINE`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from xml.parsers import expat

from rogi.errors import InputError

MAX_BYTES = 1 << 26
"""Of a VRT; a source takes some 400."""

HEAD_BYTES = 1024

UNRECOGNISED = "not recognized as being in a supported file format"
"""What GDAL says of a file in whose first bytes it knows no format."""

TEXT = re.compile(rb'\s*(<[A-Za-z_?!]|\{\s*["}])')
"""How XML and JSON begin."""

BINARY = re.compile(rb"[\0-\x08\x0e-\x1f]")
"""Bytes that no text has. Pixels may begin like a text: an elevation of 3388 m is a line's end and ``<``."""

VIRTUAL = re.compile(rb"<VRTDataset|<GDAL_WM|<GDALTileIndexDataset")
LISTING = re.compile(rb'"stac_version"|OziExplorer Map Data File')
"""What GDAL knows texts by, wherever it stands among the first bytes."""

COMPANIONS = (".msk", ".MSK", ".ovr", ".OVR", ".aux.xml")
"""Masks, overviews and metadata beside a raster, which GDAL opens by content too."""

ROOTS = ("VRTDataset", "PAMDataset")
"""Of texts that are read: VRTs, and the metadata beside a raster."""

OFFLINE = {"CPL_VSIL_CURL_ALLOWED_FILENAME": "none"}
"""Setting of GDAL with which its file systems of networks open nothing: metadata in a GeoTIFF may name a file
of overviews too."""

ONLINE = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_CONNECTTIMEOUT": "20",
    "GDAL_HTTP_TIMEOUT": "300",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
}
"""Settings of GDAL with which addresses are read: nothing beside a file is looked for."""

REMOTE_DRIVER = "GTiff"
"""What an address may lead to: GDAL opens by content, and a text may name other places."""

ADDRESS = re.compile(
    r"(?:/vsicurl/)?(?:(https):/+|(http):/+(?=(?:localhost|127\.0\.0\.1|\[::1\])[:/]))(\S+)"
    r"|(?:/vsis3/|s3:/+)(\S+)"
)
"""Addresses that `--remote` allows, http only of this machine; paths have one slash where they have two."""

TILE_INDEXES = (".gti.gpkg", ".gti.fgb", ".gti.parquet")
"""Tables whose rows name the files of a mosaic, to GDAL 3.9 and later."""

REMOTE = re.compile(r"/vsi|.*://|[<{]|(?!EPSG:|ESRI:|OGC:|urn:)[A-Za-z]\w+:(?=\S)", re.DOTALL)
"""Names of no plain file: GDAL's file systems (/vsicurl/, /vsis3/, /vsizip/ ...), URLs, texts in place of a
file, and drivers before a colon (WMS:, STACIT: ...). One letter is a drive."""

NAMING = re.compile("file|source|dataset|dem|option", re.IGNORECASE)
"""Elements and attributes that can name a file."""

FREE_TEXT = frozenset({"Category", "Description", "F", "SRS", "UnitType"})
METADATA = "Metadata"
CODE = frozenset({"PixelFunctionCode"})
RAW = "VRTRawRasterBand"
"""Class of a band whose pixels are bytes of a file as they are."""
METADATA_FILES = frozenset({"OVERVIEW_FILE", "X_DATASET", "Y_DATASET"})
"""Items of metadata that GDAL opens; all others say what they like."""


_allowed: ContextVar[bool] = ContextVar("rasters of networks", default=False)


def allow_network(allowed: bool) -> None:
    """Allow or forbid that rasters are read from addresses, from here on in this thread."""
    _allowed.set(allowed)


@contextmanager
def network(allowed: bool = True) -> Iterator[None]:
    """For the block, allow or forbid that rasters are read from addresses (`https://`, `s3://`).

    Examples
    --------
    >>> with network():
    ...     address("https://example.org/dem.tif")
    '/vsicurl/https://example.org/dem.tif'
    """
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def network_allowed() -> bool:
    """Whether rasters may be read from addresses."""
    return _allowed.get()


def address(path: str | Path) -> str | None:
    """What GDAL calls an address that `--remote` allows; None of files, and of other addresses."""
    match = ADDRESS.fullmatch(str(path))
    if match is None or os.path.exists(path):  # noqa: PTH110 - a file of that name is one
        return None
    secure, plain, rest, key = match.groups()
    return f"/vsis3/{key}" if key else f"/vsicurl/{secure or plain}://{rest}"


def is_there(path: Path) -> bool:
    """Whether a file exists; of an address, that it may be asked for.

    Raises
    ------
    InputError
        It is an address, and these are not allowed.
    """
    if address(path) is None:
        return path.exists()
    if not _allowed.get():
        raise InputError(f"{path} is an address; add --remote to read it, or download the file.")
    return True


def gdal_open(path: Path) -> Any:
    """A dataset of GDAL, of a file or, where that is allowed, an address; opened within `gdal_settings`."""
    import rasterio

    name = address(path)
    if name is None:
        return rasterio.open(path.absolute() if ADDRESS.fullmatch(str(path)) else path)
    is_there(path)
    return rasterio.open(name, driver=REMOTE_DRIVER)


def gdal_settings() -> Any:
    """An environment of GDAL with or without networks; what GDAL has to say goes to logging."""
    import rasterio

    return rasterio.Env(**(ONLINE if _allowed.get() else OFFLINE))


def refuse_remote(path: Path) -> None:
    """Refuse a raster that is a text and names anything but files of this machine, also by way of others.

    Of other rasters, and of masks and overviews beside them, only the first bytes are read.

    Raises
    ------
    InputError
        It does, or it is a text but no VRT, or a VRT that is damaged, larger than `MAX_BYTES`, has code, or
        takes the bytes of a file that is no raster.
    """
    seen: set[str] = set()
    waiting = [str(path)]
    while waiting:
        name = waiting.pop()
        if not os.path.isfile(name):  # noqa: PTH113 - False for any text, and quick
            continue
        waiting += [f"{name}{ending}" for ending in COMPANIONS]
        real = os.path.realpath(name)  # there are any number of ways to write a path
        if real not in seen:
            seen.add(real)
            waiting += _named(Path(name), path)


def _named(file: Path, given: Path) -> list[str]:
    """What a file names that may be files, if it is a VRT."""
    where = str(file) if file == given else f"{file}, which {given} is made of,"
    try:
        with file.open("rb") as stream:
            start = stream.read(HEAD_BYTES).removeprefix(b"\xef\xbb\xbf")
    except OSError:
        return []  # told when its pixels are read
    text = None if BINARY.search(start) else TEXT.match(start)
    listing = LISTING.search(start) or (text and b"{" in text[0])
    if listing or file.name.lower().endswith(TILE_INDEXES):
        raise InputError(
            f"{where} is no image, but a text or table that may name some; give the images themselves, or a "
            "VRT of them."
        )
    if not text and not VIRTUAL.search(start):
        return []
    if file.stat().st_size > MAX_BYTES:
        raise InputError(
            f"{where} has {file.stat().st_size} bytes; a VRT has at most {MAX_BYTES}. Give the folder of its "
            "files in its place."
        )
    reader = _Reader()
    try:
        reader.parse(file)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the latter of the encoding it names
        raise InputError(f"{where} is no VRT that can be read ({error}); make it anew.") from None
    if reader.root not in ROOTS or (reader.root == "PAMDataset") != file.name.endswith(".aux.xml"):
        raise InputError(f"{where} is a text ({reader.root}), not an image; give a GeoTIFF or a VRT.")
    remote = [name for name in reader.remote if not (_allowed.get() and address(name))]
    if remote:
        raise InputError(
            f"{where} names {remote[0][:200]!r}, which is no plain file of this machine; download or "
            "unpack what is needed, and make a VRT of these files"
            + (", or add --remote." if address(remote[0]) else ".")
        )
    if reader.code:
        raise InputError(f"{where} has code for its pixels, which is not run; write its values to a GeoTIFF.")
    for name in filter(address, reader.eager):  # GDAL opens these with the VRT
        if _is_raster(Path(name)) is False:
            raise InputError(f"{where} names {name[:200]!r}, which is no GeoTIFF; download what is needed.")
    # GDAL takes relative names from where a link leads.
    folders = dict.fromkeys(("", str(file.parent), str(file.resolve().parent)))
    for name in reader.raw:
        places = [Path(folder) / name for folder in folders]
        if not any(_is_raster(place) for place in places if place.is_file()):
            raise InputError(
                f"{where} takes the bytes of {name}, which is no raster, for pixels; give the raster itself."
            )
    return [os.path.join(folder, name) for name in reader.names for folder in folders]  # noqa: PTH118


def _is_raster(path: Path) -> bool | None:
    """Whether GDAL knows a file's format; None if it cannot be read."""
    from rasterio.errors import RasterioError

    try:
        with gdal_settings(), gdal_open(path):
            return True
    except RasterioError as error:
        return False if UNRECOGNISED in str(error) else None


class _Reader:
    """Reads a VRT from its start to its end and keeps the names in it; entities are not expanded."""

    def __init__(self) -> None:
        self.root = ""
        self.names: dict[str, None] = {}
        self.remote: list[str] = []
        self.raw: list[str] = []
        self.eager: list[str] = []
        self.code = False
        self._open: list[tuple[str, dict[str, str]]] = []
        self._metadata = 0
        self._text: list[str] = []

    def parse(self, file: Path) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.CommentHandler = lambda _: self._settle()
        parser.StartDoctypeDeclHandler = self._doctype
        with file.open("rb") as stream:
            parser.ParseFile(stream)

    def _doctype(self, *_: object) -> None:
        raise expat.ExpatError("it declares a document type")

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self.root = self.root or tag
        self._settle()
        self._open.append((tag, attributes))
        self._metadata += tag == METADATA
        self.code |= tag in CODE
        if tag == "SourceProperties" and self.eager:
            self.eager.pop()
        if not self._metadata:  # to GDAL an attribute is as good as an element
            for name, value in attributes.items():
                if not name.startswith(("xmlns", "xsi:")):
                    self._look(name, value)

    def _end(self, _: str) -> None:
        self._settle()
        self._metadata -= self._open.pop()[0] == METADATA

    def _settle(self) -> None:
        """Look at the text that has come since the last tag."""
        text = "".join(self._text).strip()
        self._text.clear()
        if not text or not self._open:
            return
        tag, attributes = self._open[-1]
        # To GDAL the first attribute is the key, whatever its name.
        if self._metadata and METADATA_FILES.isdisjoint(map(str.upper, attributes.values())):
            return
        if tag not in FREE_TEXT:
            self._look("file" if tag == "MDI" else tag, text)

    def _look(self, name: str, text: str) -> None:
        if REMOTE.match(text.lstrip()):
            self.remote.append(text)
            self.eager.append(text)
        elif NAMING.search(name):
            self.names[text] = None
            if any(RAW in band.values() for _, band in self._open) and name in ("SourceFilename", "filename"):
                self.raw.append(text)
