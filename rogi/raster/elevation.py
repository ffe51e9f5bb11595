"""Elevation models: one file, a VRT, or tiles, read as one grid by window.

Tiles that share a CRS, a pixel size and an origin form a grid; tiles that overlap (SRTM shares its border
rows) fill each other's voids, the first by name first. Tiles on another grid (Copernicus changes its spacing
with latitude, projected tiles change zone) are resampled where a window reaches into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.raster.edges import relief_voids
from rogi.raster.files import RasterFile, open_raster
from rogi.raster.grid import Extent, Grid, Window, extent_on, fineness
from rogi.raster.header import CorruptTile
from rogi.raster.joints import mend_edges
from rogi.raster.mosaic import Mosaic, Tile, assemble
from rogi.raster.resampling import Fitted, fill, fitted

if TYPE_CHECKING:
    import pyproj

SUFFIXES = (".tif", ".tiff", ".vrt", ".hgt", ".img", ".dt0", ".dt1", ".dt2", ".bil", ".asc")
"""What counts as a tile in a folder."""

FOOT = 0.3048
FOOT_NAMES = frozenset({"ft", "foot", "feet", "international foot", "us survey foot", "us-ft", "ftus"})
METRE_NAMES = frozenset({"", "m", "metre", "meter", "metres", "meters"})


@dataclass(frozen=True)
class Surface:
    """Elevations on one grid: tiles, and those on other grids to fill in around them.

    Attributes
    ----------
    mosaic : Mosaic
        Tiles of the grid.
    others : tuple of Fitted
        Mosaics of other grids; used where no tile of the grid has a value.
    factor : float
        Metres per unit of the stored elevations.
    notes : set of str
        What reading found worth telling, filled as windows are read.
    """

    mosaic: Mosaic
    others: tuple[Fitted[Mosaic], ...] = ()
    factor: float = 1.0
    notes: set[str] = field(default_factory=set, compare=False)

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""
        return self.mosaic.grid

    @property
    def transform(self) -> Affine:
        """From (column, row) to coordinates."""
        return self.grid.transform

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    @property
    def crs(self) -> pyproj.CRS:
        """Coordinate reference system."""
        return self.grid.crs

    @property
    def name(self) -> str:
        """The first file's name, and how many more there are."""
        tiles = self.mosaic.tiles
        return f"{tiles[-1].parts[0].path}{f' and {len(tiles) - 1} more' if len(tiles) > 1 else ''}"

    @property
    def block_shape(self) -> tuple[int, int]:
        """Blocks of the first file."""
        return self.mosaic.tiles[-1].parts[0].block_shape

    @property
    def tiles(self) -> list[Tile]:
        """All tiles, in the order in which they count, those of other grids last."""
        mosaics = self.mosaic, *(other.layer for other in self.others)
        return [tile for mosaic in mosaics for tile in mosaic.tiles]

    @cached_property
    def extents(self) -> NDArray[np.float64]:
        """row0, row1, column0, column1 of each tile on the grid, those of other grids last, shape (n, 4)."""
        own: list[Extent] = [tile.extent for tile in self.mosaic.tiles]
        for other in self.others:
            base = other.layer.grid
            for tile in other.layer.tiles:
                place = Grid(base.crs, base.moved(tile.row, tile.column), tile.shape)
                own.append(extent_on(place, self.grid))
        return np.array(own, dtype=np.float64)

    def tiles_in(self, window: Window) -> list[Tile]:
        """Tiles that a window reads, in the order in which they count."""
        others = [tile for other in self.others for tile in other.tiles_in(window)]
        return self.mosaic.tiles_in(window) + others

    def restricted(self, window: Window) -> Surface:
        """The same grid with only the tiles that a window reads."""
        others = []
        for other in self.others:
            own = other.source_window(window)
            if other.layer.tiles_in(own):
                others.append(replace(other, layer=other.layer.restricted(own)))
        return replace(self, mosaic=self.mosaic.restricted(window), others=tuple(others), notes=set())

    def read(self, window: Window) -> NDArray[np.floating[Any]]:
        """Elevations in the window, m; NaN for voids and outside.

        Raises
        ------
        CorruptTile
            A tile is damaged; it is named.
        """
        if not self.others:
            (values,), valid = self.mosaic.read(window)
        else:
            (around,), own = self.mosaic.read(window.grown(1))
            values, valid = around[1:-1, 1:-1].copy(), own[1:-1, 1:-1].copy()
            if not valid.all():
                fill(values[None], valid, self.others, window)
                mend_edges(values, valid, around, own, self.others, window)
        for tile in self.mosaic.tiles_in(window):
            self.notes.update(relief_voids(tile.parts[0])[1])
        values[~valid] = np.nan
        found: NDArray[np.floating[Any]] = values
        return found if self.factor == 1.0 else found * values.dtype.type(self.factor)


@dataclass(frozen=True)
class ElevationModel:
    """An elevation model of one or more grids.

    Attributes
    ----------
    surfaces : tuple of Surface
        One per grid; the finest first (see `rogi.raster.grid.fineness`).
    notes : tuple of str
        What opening it found worth telling.
    damaged : tuple of CorruptTile
        Files that could not be opened and are left out.
    """

    surfaces: tuple[Surface, ...]
    notes: tuple[str, ...] = ()
    damaged: tuple[CorruptTile, ...] = ()


def open_elevation_model(source: str | Path | Sequence[str | Path], *, crs: Any = None) -> ElevationModel:
    """Look at the files of an elevation model; only headers are read.

    Parameters
    ----------
    source : path or sequence of paths
        Files that rasterio opens (GeoTIFF, VRT, HGT, ...) or folders, which are searched with their
        subfolders.
    crs : anything `pyproj.CRS` accepts, optional
        For files that name none.

    Returns
    -------
    ElevationModel
        Elevations are in m: where the file says that its unit is the foot, they are converted. Values of
        -32768, -32767 and -9999 are voids in any file, zeros along the edges of one without a nodata value
        too (see `rogi.raster.edges.relief_voids`). AREA_OR_POINT needs no attention: either way a pixel's
        centre is where its value is.

    Raises
    ------
    InputError
        No file, or one without CRS or georeference, or whose unit is neither metre nor foot.
    """
    rasters, damaged = [], []
    for path in elevation_files(source):
        try:
            rasters.append(open_raster(path, crs=crs))
        except CorruptTile as error:
            damaged.append(error)
    if not rasters:
        raise damaged[0]
    factors = {_factor(raster) for raster in rasters}
    if len(factors) > 1:
        raise InputError(f"The files of {source} mix metres and feet; convert them to metres first.")
    factor = factors.pop()
    notes = [f"{rasters[0].path} is in feet; converted to metres."] if factor != 1.0 else []
    dtype = np.float64 if any(raster.float_type is np.float64 for raster in rasters) else np.float32
    # Of tiles that overlap the first by name counts.
    mosaics = [
        replace(mosaic, tiles=mosaic.tiles[::-1], dtype=dtype)
        for mosaic in assemble([Tile((raster,), relief=True) for raster in rasters])
    ]
    mosaics.sort(key=lambda mosaic: fineness(mosaic.grid))
    surfaces = tuple(
        Surface(mosaic, tuple(fitted(other, mosaic.grid) for other in mosaics if other is not mosaic), factor)
        for mosaic in mosaics
    )
    if len(surfaces) > 1:
        notes.append(
            f"The elevation model lies on {len(surfaces)} grids, the finest first; units across grids are "
            "measured on each, with their surroundings resampled where they lie on another."
        )
    return ElevationModel(surfaces, tuple(notes), tuple(damaged))


def elevation_files(source: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    """Raster files named by paths and folders, sorted and without repetition."""
    found: set[Path] = set()
    for item in [source] if isinstance(source, str | Path) else source:
        path = Path(item)
        if path.is_dir():
            tiles = [p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()]
            if not tiles:
                raise InputError(
                    f"The folder {path} holds no raster; it should hold files of {', '.join(SUFFIXES)}."
                )
            found.update(tiles)
        elif path.exists():
            found.add(path)
        else:
            raise InputError(f"There is no elevation model {path}; give a file, a VRT or a folder of tiles.")
    if not found:
        raise InputError("No elevation model was given; name a file, a VRT or a folder of tiles.")
    return tuple(sorted(found))


def _factor(raster: RasterFile) -> float:
    """Metres per unit of a file's values."""
    unit = raster.units.casefold()
    if unit in METRE_NAMES:
        return 1.0
    if unit in FOOT_NAMES:
        return FOOT
    raise InputError(f"{raster.path} is in {raster.units!r}; an elevation model must be in metres or feet.")
