"""Which tiles a file or folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rogi.errors import InputError
from rogi.raster.bands import BandChoice, choose_bands
from rogi.raster.header import CorruptTile, read_header
from rogi.raster.mosaic import Tile

SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img")
"""What counts as an image in a folder."""


@dataclass
class Found:
    """Tiles of one source, with the names of their channels."""

    tiles: list[tuple[Tile, tuple[str, ...]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    damaged: list[CorruptTile] = field(default_factory=list)


def file_tiles(path: Path, bands: BandChoice | None) -> Found:
    """Tiles of a file, or of a folder and its subfolders.

    Raises
    ------
    CorruptTile
        A file given by itself cannot be opened; those of a folder are noted.
    InputError
        No imagery, or without CRS, georeference or the bands wanted.
    """
    found = Found()
    folder = path.is_dir()
    headers = []
    for file in image_files(path) if folder else [path]:
        try:
            headers.append(read_header(file))
        except CorruptTile as error:
            if not folder:
                raise
            found.damaged.append(error)
    # A VRT beside the files it is made of stands for nothing new.
    known = {header.path.resolve() for header in headers}
    known |= {file.resolve() for header in headers if not header.composed for file in header.files}
    for header in headers:
        parts = {file.resolve() for file in header.files} - {header.path.resolve()}
        if header.composed and len(headers) > 1 and parts and parts <= known:
            found.notes.append(f"{header.path} is made of files that are read themselves; it is left out.")
            continue
        chosen, names, note = choose_bands(header, bands)
        if note:
            found.notes.append(note)
        dtypes = {header.dtypes[i - 1] for i in chosen.indexes}
        if len(dtypes) > 1:
            raise InputError(
                f"The bands of {header.path} are of several types ({', '.join(sorted(dtypes))}); choose "
                "bands of one type with --bands."
            )
        found.tiles.append((Tile((chosen,)), names))
    return found


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


def agreed_channels(tiles: Sequence[tuple[Tile, tuple[str, ...]]]) -> tuple[str, ...]:
    """Names of the channels, the same in all tiles.

    Raises
    ------
    InputError
        Tiles differ in their channels or their type.
    """
    model, names = tiles[0]
    first = model.parts[0].path
    for tile, own in tiles[1:]:
        path = tile.parts[0].path
        if own != names:
            raise InputError(
                f"{path} has the channels {', '.join(own)} but {first} has {', '.join(names)}; "
                "take one of them out, or choose with --bands."
            )
        if tile.dtype != model.dtype:
            raise InputError(
                f"{path} holds {tile.dtype} but {first} holds {model.dtype}; the tiles of one "
                "imagery must be of one type."
            )
    return names
