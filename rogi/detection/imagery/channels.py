"""Imagery of one grid for a network: bands of images and further channels, read by window.

What a pixel is given as depends on the pixel alone, never on the window it is read in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.detection.imagery.derived_channels import DIGITAL, SCALED, UNITS, added_channel, gains_said
from rogi.detection.imagery.preference import Prefer, dated, layered, preference
from rogi.errors import InputError, OptionError
from rogi.ledger import Ledger, digest
from rogi.raster.bands import BandChoice
from rogi.raster.content import ABSENT, content_digest
from rogi.raster.grid import Grid, Window
from rogi.raster.guard import is_there
from rogi.raster.header import CorruptTile, Header, Stamp, raster_stamp
from rogi.raster.imagery.cloud_masks import CloudMask, mask_files, masks_of, open_mask, parse_mask
from rogi.raster.mosaic import Mosaic, Pixels, Tile
from rogi.raster.resampling import Fitted, Layer, Resampling, fitted, read_layers
from rogi.raster.sources import agreed_channels, file_tiles
from rogi.raster.stac import stac_tiles
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    import pyproj

__all__ = ["CorruptTile", "Imagery"]

SAME_RESOLUTION = 0.005
"""Share by which the pixel size may differ from the one asked for without resampling: one step of the
latitude-dependent scale of a web map tile is larger, what a network could notice is much larger."""

SMALL_TYPES = ("uint8", "int8", "uint16", "int16")

JSON_SUFFIXES = (".json", ".geojson")

Source = str | PathLike[str]


@dataclass(frozen=True, eq=False)
class Imagery:
    """Bands of images, and further channels, as one raster that is read by window.

    Only headers are held: it can be sent to another process, which opens the files it needs.

    Attributes
    ----------
    name : str
        Of the file or folder, for messages and results.
    grid : Grid
    dtype : str
        Of the stored numbers of the bands.
    names : tuple of str
        Of the channels: ``red``, ``green``, ``blue``, then those added.
    paths : tuple of Path
        All files.
    notes : tuple of str
        What opening found worth telling.
    damaged : tuple of CorruptTile
        Files of a folder or catalogue that could not be opened and are left out.
    missing : frozenset of Path
        Files that a VRT is made of and that were not there; what lies on them cannot be read.
    """

    name: str
    grid: Grid
    dtype: str
    names: tuple[str, ...]
    paths: tuple[Path, ...]
    images: tuple[Fitted[Mosaic], ...]
    added: tuple[Fitted[Layer], ...] = ()
    notes: tuple[str, ...] = ()
    damaged: tuple[CorruptTile, ...] = ()
    missing: frozenset[Path] = frozenset()
    _digests: dict[Path, tuple[Stamp, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def open(
        cls,
        source: Source | Sequence[Source],
        *,
        bands: BandChoice | None = None,
        channels: Mapping[str, Source] | None = None,
        resolution: float | None = None,
        nodata: Sequence[float] = (),
        masks: Sequence[str] = (),
        prefer: str = Prefer.ORDER,
        scaled: bool = True,
    ) -> Imagery:
        """Look at the files of some imagery; nothing but their headers is read.

        Parameters
        ----------
        source : path or sequence of paths
            Files that rasterio opens (GeoTIFF, COG, VRT, JPEG 2000), folders, which are searched with their
            subfolders, and STAC Items or ItemCollections (JSON) whose assets are local files. Tiles may
            overlap: where valid pixels lie on one another, the one that comes last counts, in the order
            given and in a folder in that of the paths. Tiles on another grid than most (of equal numbers,
            than the first) are resampled into the gaps.
        bands : sequence of int or str, optional
            See `rogi.raster.bands.choose_bands`.
        channels : mapping of str to path, optional
            Further channels by name, resampled bilinearly to the grid: ``elevation`` from an elevation model
            (m; file or folder of tiles), ``slope`` derived from one (degrees), any other from the first band
            of a raster.
        resolution : float, optional
            Size of a pixel on the ground in m, at the centre; the imagery is resampled to it unless both
            sides of its pixels are within 0.5 % of it.
        nodata : sequence of float
            Stored numbers that are void beside the files' own, of integers where all bands have one.
        masks : sequence of str
            Masks of clouds, shadows and snow: files, folders, or keys of assets of STAC items; see
            `rogi.raster.imagery.cloud_masks`.
        prefer : str
            Which image counts where several lie; see `rogi.detection.imagery.preference`.
        scaled : bool
            Whether scale and offset tags (GDAL, STAC) make values of stored numbers; else numbers stay as
            they are, minus the number that encodes 0: stored + offset / scale.

        Returns
        -------
        Imagery

        Raises
        ------
        CorruptTile
            The only file cannot be opened.
        InputError
            No imagery, or without CRS or georeference, or tiles of different bands or types.
        OptionError
            A resolution that is no length, or channels named twice.
        """
        if resolution is not None and not (np.isfinite(resolution) and resolution > 0):
            raise OptionError(f"--resolution is a length in metres, found {resolution:g}.")
        given = [Path(source)] if isinstance(source, str | PathLike) else [Path(item) for item in source]
        if not given:
            raise InputError("No imagery was given; name a file, a folder of tiles or a STAC item.")
        files, keys = _masks(masks, given)
        tiles: list[tuple[Tile, tuple[str, ...]]] = []
        notes: dict[str, None] = {}
        damaged: list[CorruptTile] = []
        for path in given:
            if path.suffix.lower() in JSON_SUFFIXES and path.is_file():
                found = stac_tiles(path, bands, keys)
            else:
                found = file_tiles(path, bands, frozenset(mask.raster.path.resolve() for mask in files))
            tiles += [(tile.with_voids(*nodata), own) for tile, own in found.tiles]
            notes |= dict.fromkeys(found.notes)
            damaged += found.damaged
        if not tiles:
            raise damaged[0]
        names = agreed_channels(tiles)
        chosen, said = dated([tile.with_gains(scaled) for tile, _ in tiles])
        own = masks_of([([part.path for part in tile.parts], tile.grid, tile.date) for tile in chosen], files)
        chosen = [replace(tile, masks=(*tile.masks, *more)) for tile, more in zip(chosen, own, strict=True)]
        mosaics, layers, more = layered(chosen, preference(prefer))
        notes |= dict.fromkeys([*said, *more, *gains_said(chosen)])
        if len(mosaics) > 1:
            notes[
                f"The tiles lie on {len(mosaics)} grids; those that are not on the grid of "
                f"{mosaics[0].tiles[0].files[0]} are resampled to it where it has no pixels."
            ] = None
        grid = _target(mosaics, resolution)
        images = tuple(fitted(layer, grid) for layer in layers)
        added = tuple(added_channel(name, Path(path), grid) for name, path in (channels or {}).items())
        every = (*names, *(channels or {}))
        if len(set(every)) < len(every):
            raise OptionError(f"The channels {', '.join(every)} are not all different; name each once.")
        every_tile = [tile for mosaic in mosaics for tile in mosaic.tiles]
        for channel in added:
            every_tile += channel.layer.tiles_in(channel.layer.extent)
        missing: set[Path] = set()
        for part in (part for tile in every_tile for part in tile.parts):
            away = [file for file in part.files if not is_there(file)] if part.header.composed else []
            if away:
                notes[_absent(part.header, away)] = None
                missing.update(away)
        return cls(
            name=given[0].name if len(given) == 1 else f"{given[0].name} and {len(given) - 1} more",
            grid=grid,
            dtype="float32" if any(tile.gains for tile in chosen) else chosen[0].dtype,
            names=every,
            paths=tuple(dict.fromkeys(file for tile in every_tile for file in tile.files)),
            images=images,
            added=added,
            notes=tuple(notes),
            damaged=tuple(damaged),
            missing=frozenset(missing),
        )

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """All images, in the order in which they count on their grid."""
        return tuple(tile for image in self.images for tile in image.layer.tiles)

    @cached_property
    def dates(self) -> tuple[str, ...]:
        """Dates of the images in ISO 8601, in order; first nothing where one has none."""
        return tuple(sorted({tile.date for tile in self.tiles}))

    @property
    def date(self) -> str:
        """The date of all images, or ``first/last`` of several."""
        known = [date for date in self.dates if date]
        return "/".join(dict.fromkeys([known[0], known[-1]])) if known else ""

    def dates_in(self, row: int, column: int, height: int, width: int) -> tuple[str, ...]:
        """Those of `dates` that images have which a window touches."""
        window = Window(row, row + height, column, column + width)
        return tuple(sorted({tile.date for image in self.images for tile in image.tiles_in(window)}))

    def read_dates(self, row: int, column: int, height: int, width: int) -> NDArray[np.int64]:
        """Which of `dates` the pixels of a window have, -1 where not valid; shape (height, width).

        Files that cannot be read there are left out.
        """
        window = Window(row, row + height, column, column + width)
        found = np.full(window.shape, -1)
        for image in self.images:
            empty = found < 0
            around = image.source_window(window)
            if not empty.any() or 0 in around.shape:
                continue
            own = np.full(around.shape, -1)
            for tile in image.layer.tiles_in(around):
                inside = around.moved(-tile.row, -tile.column).within(tile.shape)
                part = around.part(inside.moved(tile.row, tile.column))
                with contextlib.suppress(CorruptTile):
                    own[part][tile.read(inside)[1]] = self.dates.index(tile.date)
            if image.resampling is not None:
                own = image.resampling.picked(own, around, window, -1)
            found = np.where(empty, own, found)
        return found

    @property
    def layers(self) -> tuple[Fitted[Any], ...]:
        """Images and added channels."""
        return *self.images, *self.added

    @property
    def units(self) -> tuple[str, ...]:
        """Of each channel: digital numbers, or m and degrees."""
        bands = len(self.names) - len(self.added)
        own = SCALED if any(tile.scaled for tile in self.tiles) else DIGITAL
        return (own,) * bands + tuple(UNITS.get(name, DIGITAL) for name in self.names[bands:])

    @property
    def crs(self) -> pyproj.CRS:
        """Coordinate reference system of the grid."""
        return self.grid.crs

    @property
    def transform(self) -> Affine:
        """From (column, row) to coordinates, at pixel corners."""
        return self.grid.transform

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Least x, least y, greatest x, greatest y, in the units of the CRS."""
        return self.grid.bounds

    @property
    def metres_per_pixel(self) -> float:
        """Side of a square with the ground area of a pixel at the centre, m."""
        return self.grid.metres_per_pixel

    @property
    def stored(self) -> bool:
        """Whether pixels are the stored numbers: nothing is resampled or added."""
        return not self.added and all(image.resampling is None for image in self.images)

    @property
    def pixel_type(self) -> type[np.generic]:
        """What `read` gives: float32, or that of `exact`."""
        return self.images[0].layer.dtype if self.stored else np.float32

    def exact(self) -> Imagery:
        """The same imagery, read in the type it is stored in where it is `stored`: fewer bytes, same numbers.

        Only types that float32 holds exactly.
        """
        if not self.stored or self.dtype not in SMALL_TYPES:
            return self
        kind = np.dtype(self.dtype).type
        return replace(
            self,
            images=tuple(replace(image, layer=replace(image.layer, dtype=kind)) for image in self.images),
        )

    def read(self, row: int, column: int, height: int, width: int, out: Pixels | None = None) -> Pixels:
        """Pixels of a window, which may reach outside.

        Parameters
        ----------
        row, column : int
            Of the first pixel.
        height, width : int
            Rows and columns.
        out : tuple of ndarray, optional
            Filled with what is returned, in place of new arrays; whatever they contain before, also on an
            error.

        Returns
        -------
        values : ndarray of `pixel_type`, shape (channels, height, width)
            Stored numbers, m and degrees; 0 where not valid.
        valid : ndarray of bool, shape (height, width)
            False outside the tiles and where any channel has no value: nodata (of integer bands only where
            all have it), mask or alpha 0, NaN, and zeros in all bands that are joined to the edge of a file
            that has neither a nodata value nor a mask.

        Raises
        ------
        CorruptTile
            A file is damaged; it is named.
        """
        window = Window(row, row + height, column, column + width)
        if not self.added:
            return read_layers(self.images, window, out)
        shape, bands = window.shape, len(self.names) - len(self.added)
        values, valid = out or (np.empty((len(self.names), *shape), np.float32), np.empty(shape, bool))
        read_layers(self.images, window, (values[:bands], valid))
        for channel, layer in zip(values[bands:], self.added, strict=True):
            (channel[...],), known = layer.read(window)
            valid &= known
        values[:, ~valid] = 0.0
        return values, valid

    def files_in(self, row: int, column: int, height: int, width: int) -> tuple[Path, ...]:
        """Files that a window touches, in the order in which they count."""
        tiles = self._tiles_in(row, column, height, width)
        return tuple(dict.fromkeys(file for tile in tiles for file in tile.files))

    def intakes_in(self, row: int, column: int, height: int, width: int) -> tuple[str, ...]:
        """What decides on the pixels of a window besides the files, for each tile that it touches."""
        return tuple(str(tile.intake) for tile in self._tiles_in(row, column, height, width))

    def _tiles_in(self, row: int, column: int, height: int, width: int) -> list[Tile]:
        window = Window(row, row + height, column, column + width)
        return [tile for layer in self.layers for tile in layer.tiles_in(window)]

    def keys(
        self, row: int, column: int, height: int, width: int, ledger: Ledger | None = None
    ) -> tuple[str, ...]:
        """SHA-256 of the files that a window touches, in the order in which they count.

        Of those a VRT is made of and that are missing it is `ABSENT`.
        Files are read once; of those whose size and time of change stay the same, the digest is remembered
        by this object, and in the ledger if one is given.
        """
        return tuple(self._digest(file, ledger) for file in self.files_in(row, column, height, width))

    def describe(self, ledger: Ledger | None = None) -> dict[str, Any]:
        """Name, sha256 of all files (see `keys`), and what a pixel is: plain values, for provenance."""
        files = [{"name": path.name, "sha256": self._digest(path, ledger)} for path in self.paths]
        return {
            "name": self.name,
            "sha256": digest([item["sha256"] for item in files]) if len(files) > 1 else files[0]["sha256"],
            "files": files,
            "crs": self.crs.to_string(),
            "shape": list(self.shape),
            "transform": [float(v) for v in self.transform[:6]],
            "metres_per_pixel": round(self.metres_per_pixel, 6),
            "channels": list(self.names),
            "dtype": self.dtype,
        }

    def _digest(self, path: Path, ledger: Ledger | None) -> str:
        try:
            stamp = raster_stamp(path)
        except OSError as error:
            if path in self.missing and isinstance(error, FileNotFoundError):
                return ABSENT
            raise InputError(f"{path} cannot be read: {error.strerror}.") from error
        known = self._digests.get(path)
        if known is None or known[0] != stamp:
            with Ledger() as memory:
                known = self._digests[path] = stamp, content_digest(path, ledger or memory)
        return known[1]


def _masks(specs: Sequence[str], given: Sequence[Path]) -> tuple[list[CloudMask], list[str]]:
    """Masks of files, and those that may be keys of assets of a STAC file."""
    files, keys = [], []
    catalogue = any(path.suffix.lower() in JSON_SUFFIXES for path in given)
    for spec in specs:
        name, classes = (str(spec), None) if Path(spec).exists() else parse_mask(str(spec))
        if catalogue and not is_there(Path(name)) and not Path(name).is_dir():
            keys.append(str(spec))
            continue
        files += [open_mask(file, classes) for file in mask_files(Path(name))]
    return files, keys


def _absent(header: Header, away: Sequence[Path]) -> str:
    count = sum(file != header.path for file in header.files)
    return (
        f"Of the {counted(count, 'file')} that {header.path} is made of, {len(away)} "
        f"{agreeing(len(away), 'is', 'are')} missing, first {away[0]}; what lies there cannot be read."
    )


def _target(mosaics: Sequence[Mosaic], resolution: float | None) -> Grid:
    """The grid of the first mosaic, grown over all others, at the resolution asked for."""
    grid = mosaics[0].grid
    for other in mosaics[1:]:
        extent = Resampling(grid, other.grid, Window(-(1 << 40), 1 << 40, -(1 << 40), 1 << 40)).source_window(
            Window(0, other.grid.shape[0], 0, other.grid.shape[1])
        )
        rows, columns = grid.shape
        top, left = min(extent.row0, 0), min(extent.column0, 0)
        bottom, right = max(extent.row1, rows), max(extent.column1, columns)
        grid = Grid(grid.crs, grid.transform @ Affine.translation(left, top), (bottom - top, right - left))
    along, down = grid.pixel_metres
    if resolution is None or max(abs(along / resolution - 1), abs(down / resolution - 1)) <= SAME_RESOLUTION:
        return grid
    rows, columns = grid.shape
    across, below = resolution / along, resolution / down
    return Grid(
        grid.crs,
        grid.transform @ Affine.scale(across, below),
        (max(1, int(np.ceil(rows / below - 1e-6))), max(1, int(np.ceil(columns / across - 1e-6)))),
    )
