"""Tiles on one grid, read by window: their pixels, and which of them have a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.raster.files import RasterFile
from rogi.raster.grid import Grid, Mask, Window, aligned, joined
from rogi.raster.heights import Undulation
from rogi.raster.imagery.image_edges import lossy_fill, zero_edges
from rogi.raster.voids import relief_file

if TYPE_CHECKING:
    from rogi.raster.imagery.cloud_masks import CloudMask

PART_ROWS = 256
"""Rows of elevations that are read at a time, in whole blocks."""

Floats = NDArray[np.floating[Any]]
Pixels = tuple[NDArray[Any], Mask]
"""Values, shape (channels, rows, columns), and which are valid, shape (rows, columns)."""


@dataclass(frozen=True)
class Tile:
    """Bands of one or more files that share a grid, placed on the grid of a mosaic.

    Attributes
    ----------
    parts : tuple of RasterFile
        Their channels follow each other.
    row, column : int
        Place of the first pixel on the grid of the mosaic.
    relief : bool
        Whether these are elevations, which have voids of their own: see `rogi.raster.voids`.
    undulation : Undulation, optional
        What is taken from elevations above the ellipsoid.
    gains : tuple of (float, float), optional
        Of each channel, value = stored number x scale + offset; None for the stored numbers.
    date : str
        Of the image, ISO 8601; empty where it is not known.
    cloud : float, optional
        Share of the image in clouds, 0-1, where its catalogue says so.
    masks : tuple of CloudMask
        What else is not valid.
    """

    parts: tuple[RasterFile, ...]
    row: int = 0
    column: int = 0
    relief: bool = False
    undulation: Undulation | None = None
    gains: tuple[tuple[float, float], ...] | None = None
    date: str = ""
    cloud: float | None = None
    masks: tuple[CloudMask, ...] = ()

    @property
    def grid(self) -> Grid:
        """Its own grid."""
        return self.parts[0].grid

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.parts[0].shape

    @property
    def dtype(self) -> str:
        """Of the values: that of the stored numbers unless scale or offset are applied."""
        return self.parts[0].dtype if self.gains is None else "float32"

    @property
    def files(self) -> tuple[Path, ...]:
        """All files it is made of."""
        sources = (*self.parts, *(mask.raster for mask in self.masks))
        return tuple(dict.fromkeys(file for source in sources for file in source.files))

    @property
    def channels(self) -> int:
        """How many."""
        return sum(len(part.indexes) for part in self.parts)

    @property
    def extent(self) -> tuple[int, int, int, int]:
        """row0, row1, column0 and column1 on the grid of the mosaic."""
        height, width = self.shape
        return self.row, self.row + height, self.column, self.column + width

    @property
    def tells_voids(self) -> bool:
        """Whether any of its files has a nodata value or a mask."""
        return any(part.tells_voids for part in self.parts)

    def with_voids(self, *values: float) -> Tile:
        """The same tile with more numbers taken for "no value"."""
        return replace(self, parts=tuple(part.with_voids(*values) for part in self.parts)) if values else self

    @property
    def scaled(self) -> bool:
        """Whether values are in another unit than the stored numbers."""
        return self.gains is not None and any(scale != 1 for scale, _ in self.gains)

    def with_gains(self, scaled: bool) -> Tile:
        """The same tile with its scale and offset tags applied, or only minus the number that
        encodes 0.

        Raises
        ------
        InputError
            A tag is no number, or a scale 0.
        """
        tags = [
            (part.header.scales[i - 1], part.header.offsets[i - 1])
            for part in self.parts
            for i in part.indexes
        ]
        if not all(np.isfinite(tag).all() and tag[0] for tag in tags):
            raise InputError(
                f"{self.parts[0].path} states a scale and offset of "
                f"{', '.join(f'{s:g} and {o:g}' for s, o in tags)}; "
                "a scale is a number other than 0. Put the tags right with gdal_edit -scale -offset."
            )
        gains = tuple(tag if scaled else (1.0, tag[1] / tag[0]) for tag in tags)
        return self if all(gain == (1, 0) for gain in gains) else replace(self, gains=gains)

    @property
    def intake(self) -> tuple[Any, ...]:
        """What decides on its values and valid pixels besides the content of its files."""
        # A catalogue may state the nodata value and the gains of a file that states none itself.
        bands = tuple((part.indexes, part.voids, part.nodata) for part in self.parts)
        masks = tuple((mask.raster.indexes, mask.classes) for mask in self.masks)
        return bands, self.gains, masks

    def placed(self, row: int, column: int) -> Tile:
        """The same tile somewhere else."""
        return replace(self, row=row, column=column)

    def read_stored(self, window: Window, out: NDArray[Any] | None = None) -> tuple[NDArray[Any], Mask]:
        """Stored numbers, shape (channels, rows, columns), and what its files say is valid.

        The window is in the tile's own pixels and lies inside it. The numbers are read into `out` where it is
        given, of their type.

        Raises
        ------
        CorruptTile
            A file is damaged or missing; of a VRT the one behind it is named.
        """
        if out is None:
            out = np.empty((self.channels, *window.shape), self.parts[0].dtype)
        valid, first = np.ones(window.shape, dtype=bool), 0
        for part in self.parts:
            count = len(part.indexes)
            valid &= part.read_stored(window, out[first : first + count])[1]
            first += count
        return out, valid

    def read(self, window: Window, out: NDArray[Any] | None = None) -> tuple[NDArray[Any], Mask]:
        """As `read_stored`, with scale and offset, and with what is void though its files do not say so.

        Only stored numbers are read into `out`: what is returned is another array where they are computed.

        That are the zeros which fill the edges, and of elevations a few numbers that no ground has.
        """
        if self.relief:
            values = self.read_ground(window)
            return values[None], np.isfinite(values)
        stored, valid = self.read_stored(window, None if self.gains else out)
        edges = None if self.tells_voids else zero_edges(self.placed(0, 0))
        if edges is not None:
            valid &= ~edges.read(window)
        for fill in lossy_fill(self.placed(0, 0)):
            valid &= ~fill.read(window)
        for mask in self.masks:
            valid &= ~mask.read(window, self.grid)
        if self.gains is not None:
            scale, offset = np.array(self.gains, np.float32).T[:, :, None, None]
            stored = stored.astype(np.float32) * scale + offset
        return stored, valid

    def read_ground(self, window: Window) -> Floats:
        """Elevations in a window inside the tile, m; NaN for voids. See `read`."""
        values = relief_file(self.parts[0]).read(window)
        if self.undulation is not None:
            values -= self.undulation.read(window)
        return values

    def read_values(self, window: Window) -> Floats:
        """The first channel as floats; NaN where not valid, and outside the tile."""
        values = np.full(window.shape, np.nan)
        inside = window.within(self.shape)
        if 0 not in inside.shape:
            stored, valid = self.read(inside)
            values[window.part(inside)] = np.where(valid, stored[0], np.nan)
        return values


@dataclass(frozen=True)
class Mosaic:
    """Tiles on one grid.

    Attributes
    ----------
    grid : Grid
        That all tiles fill.
    tiles : tuple of Tile
        Where valid pixels lie on one another the later one counts.
    dtype : type
        Of what is read: float32 or float64, or that of the stored numbers.
    """

    grid: Grid
    tiles: tuple[Tile, ...]
    dtype: type[np.generic] = np.float32

    @cached_property
    def extents(self) -> NDArray[np.int64]:
        """row0, row1, column0 and column1 of each tile, shape (n, 4)."""
        return np.array([tile.extent for tile in self.tiles])

    @property
    def extent(self) -> Window:
        """All rows and columns."""
        return Window(0, self.grid.shape[0], 0, self.grid.shape[1])

    @property
    def channels(self) -> int:
        """How many."""
        return self.tiles[0].channels

    def tiles_in(self, window: Window) -> list[Tile]:
        """Tiles that a window touches, in the order in which they count."""
        row0, row1, column0, column1 = self.extents.T
        meet = (row0 < window.row1) & (row1 > window.row0)
        meet &= (column0 < window.column1) & (column1 > window.column0)
        return [self.tiles[i] for i in np.flatnonzero(meet)]

    def restricted(self, window: Window) -> Mosaic:
        """The same grid with only the tiles that a window touches, or the last one where it touches none."""
        return replace(self, tiles=tuple(self.tiles_in(window)) or self.tiles[-1:])

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        """Pixels of a window, which may reach outside.

        Parameters
        ----------
        window : Window
        out : tuple of ndarray, optional
            Values and valid, to be filled in place of new arrays; whatever they contain before, also on an
            error.

        Returns
        -------
        values : ndarray of float, shape (channels, rows, columns)
            0 where not valid.
        valid : ndarray of bool, shape (rows, columns)

        Raises
        ------
        CorruptTile
        """
        shape = window.shape
        values, valid = out or (np.empty((self.channels, *shape), self.dtype), np.empty(shape, bool))
        valid[...] = False
        for tile in self.tiles_in(window):
            own = window.moved(-tile.row, -tile.column).within(tile.shape)
            rows, columns = window.part(own.moved(tile.row, tile.column))
            target, there = values[:, rows, columns], valid[rows, columns]
            direct = tile.dtype == target.dtype and not there.any()  # nothing can be lost
            stored, known = tile.read(own, target if direct else None)
            if stored is not target:
                np.copyto(target, stored, where=known, casting="unsafe")
            there |= known
        if not valid.all():
            np.copyto(values, 0, where=~valid)
        return values, valid

    def read_ground(self, window: Window) -> Floats:
        """Elevations of a window, NaN where there are none: what `read` gives of them, in less memory."""
        values = np.full(window.shape, np.nan, dtype=self.dtype)
        places: list[Window] = []
        for tile in self.tiles_in(window):
            own = window.moved(-tile.row, -tile.column).within(tile.shape)
            place = own.moved(tile.row, tile.column)
            overlaps = any(_overlap(place, other) for other in places)
            rows = tile.parts[0].block_shape[0]
            # What becomes of a part is done while the processor's cache holds it.
            for part in own.bands(rows * max(1, PART_ROWS // rows)):
                ground = tile.read_ground(part)
                target = values[window.part(part.moved(tile.row, tile.column))]
                np.copyto(target, ground, where=~np.isnan(ground) if overlaps else True)
            places.append(place)
        return values


def _overlap(a: Window, b: Window) -> bool:
    rows = a.row0 < b.row1 and b.row0 < a.row1
    return rows and a.column0 < b.column1 and b.column0 < a.column1


def assemble(tiles: Sequence[Tile]) -> list[Mosaic]:
    """Tiles in mosaics, one for each grid; the one with most tiles first, then by name."""
    mosaics = []
    for group in aligned([tile.grid for tile in tiles]):
        grid, places = joined([tiles[i].grid for i in group])
        own = (tiles[i].placed(*place) for i, place in zip(group, places.tolist(), strict=True))
        mosaics.append(Mosaic(grid, tuple(own)))
    return mosaics
