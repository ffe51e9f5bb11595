"""Which tiles a file or folder holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rogi.errors import InputError
from rogi.raster.bands import BandChoice, choose_bands, names_bands
from rogi.raster.files import RasterFile
from rogi.raster.header import CorruptTile, Header, read_header
from rogi.raster.imagery.cloud_masks import is_product_mask
from rogi.raster.mosaic import Tile
from rogi.raster.spectral_names import COLOURS, band_in_name, meaning

SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img")
"""What counts as an image in a folder."""


@dataclass
class Found:
    """Tiles of one source, with the names of their channels."""

    tiles: list[tuple[Tile, tuple[str, ...]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    damaged: list[CorruptTile] = field(default_factory=list)


def file_tiles(path: Path, bands: BandChoice | None, masks: Collection[Path] = ()) -> Found:
    """Tiles of a file, or of a folder and its subfolders; `masks` in it are no images.

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
    beside = []
    for file in image_files(path) if folder else [path]:
        if folder and file.resolve() in masks:
            continue
        if folder and is_product_mask(file):
            beside.append(file)
            continue
        try:
            headers.append(read_header(file))
        except CorruptTile as error:
            if not folder:
                raise
            found.damaged.append(error)
    if beside:
        shown = ", ".join(file.name for file in beside[:3]) + (" ..." if len(beside) > 3 else "")
        found.notes.append(f"{path} has masks beside its images ({shown}); --mask {path} uses them.")
    # A VRT beside the files it is made of stands for nothing new.
    known = {header.path.resolve() for header in headers}
    known |= {file.resolve() for header in headers if not header.composed for file in header.files}
    by_name = folder and (bands is None or not any(str(item).isdecimal() for item in bands))
    pictures, singles = [], []
    for header in headers:
        parts = {file.resolve() for file in header.files} - {header.path.resolve()}
        if header.composed and len(headers) > 1 and parts and parts <= known:
            found.notes.append(f"{header.path} is made of files that are read themselves; it is left out.")
        elif by_name and len(header.colours) == 1 and band_in_name(header.path.stem)[0]:
            singles.append(header)
        else:
            pictures.append(header)
    layers = 0
    if singles and bands is None:  # what else has one band is aerosol, water vapour, angles and the like
        images = [header for header in pictures if len(header.colours) > 1]
        layers, pictures = len(pictures) - len(images), images
    if singles and (bands is not None or not pictures):
        left, what = len(pictures) + layers, "other rasters"
        _band_files(path, singles, bands, found)
    else:
        left, what = len(singles) + layers, "files of single bands, which --bands would take,"
        for header in pictures:
            chosen, names, note = choose_bands(header, bands)
            if note:
                found.notes.append(note)
            found.tiles.append((one_grid([chosen], header.path), names))
    if left:
        found.notes.append(f"{path}: {left} {what} left out.")
    return found


def _band_files(folder: Path, headers: Sequence[Header], bands: BandChoice | None, found: Found) -> None:
    """Tiles of a folder in which each band is a file of its own, as of Sentinel-2 and Landsat.

    Files are one image whose names differ in the band only; by default their red, green and blue are taken.
    """
    images: dict[tuple[Path, str], dict[str, Header]] = {}
    for header in headers:
        band, rest = band_in_name(header.path.stem)
        images.setdefault((header.path.parent, rest), {})[band.casefold()] = header
    chosen = COLOURS if bands is None else tuple(map(str, bands))
    pairs = [
        (name, source) if sign else ("", name) for name, sign, source in (c.partition("=") for c in chosen)
    ]
    for own in images.values():
        picked = [one for _, source in pairs if (one := _picked(own, source)) is not None]
        if len(picked) == len(pairs):
            file = picked[0].path.name
            names = (name or meaning(source, file) or source.casefold() for name, source in pairs)
            tile = one_grid([RasterFile(header, (1,)) for header in picked], folder)
            found.tiles.append((tile, tuple(names)))
    if not found.tiles:
        there = ", ".join(sorted({band_in_name(header.path.stem)[0] for header in headers}))
        raise InputError(
            f"{folder} has files of single bands ({there}), but of no image all of {', '.join(chosen)}; "
            "choose with --bands, for example --bands B04,B03,B02."
        )


def _picked(own: Mapping[str, Header], source: str) -> Header | None:
    """The file of a band by the code in its name, else by the colour that means."""
    key, colour = source.strip().casefold(), meaning(source)
    same = [h for band, h in own.items() if colour and meaning(band, h.path.name) == colour]
    return own.get(key) or (same[0] if len(same) == 1 else None)


def one_grid(parts: Sequence[RasterFile], where: str | Path) -> Tile:
    """Files of single bands as one tile.

    Raises
    ------
    InputError
        They lie on different grids, or are of several types.
    """
    if any(part.grid != parts[0].grid for part in parts):
        raise InputError(f"The bands of {where} lie on different grids; bring them to one first.")
    dtypes = sorted({part.header.dtypes[i - 1] for part in parts for i in part.indexes})
    if len(dtypes) > 1:
        raise InputError(
            f"The bands of {where} are of several types ({', '.join(dtypes)}); bring them to one first."
        )
    return Tile(tuple(parts))


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
            f"The folder {folder} contains no imagery; it should contain files of {', '.join(SUFFIXES)}."
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
    refuse_other_order([tile for tile, _ in tiles], names)
    return names


def refuse_other_order(tiles: Sequence[Tile], names: Sequence[str]) -> None:
    """Refuse a file that names no bands beside one that has the same channels in another order.

    Raises
    ------
    InputError
        Whether it has the one order or the other is not known.
    """
    files = [tile.parts[0] for tile in tiles if len(tile.parts) == 1]
    silent = next((file for file in files if len(file.indexes) > 1 and not names_bands(file.header)), None)
    if silent is None:
        return
    other = next((f for f in files if f.indexes != silent.indexes and names_bands(f.header)), None)
    if other is not None:
        order, same = ",".join(map(str, other.indexes)), ", ".join(names[: len(other.indexes)])
        raise InputError(
            f"{silent.path} does not name its bands, and {other.path} has {same} as its bands {order}; if "
            f"they are the same in both, give --bands {order}, else describe them."
        )
