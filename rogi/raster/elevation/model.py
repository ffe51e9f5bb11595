"""Elevation models: one file, a VRT, or tiles, read as one grid by window.

Tiles that share a CRS, a pixel size and an origin form a grid; tiles that overlap (SRTM shares its border
rows) fill each other's voids, the first by name first. Tiles on another grid (Copernicus changes its spacing
with latitude, projected tiles change zone) are resampled where a window reaches into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.raster.damage import around_damage
from rogi.raster.elevation.agreement import Candidate, agreement
from rogi.raster.elevation.joints import mend_edges
from rogi.raster.elevation.selection import Member, select
from rogi.raster.grid import Extent, Grid, Window, extent_on, fineness
from rogi.raster.header import CorruptTile
from rogi.raster.heights import GEOID_GRIDS, Above, Undulation, unconverted_note, undulation
from rogi.raster.mosaic import Mosaic, Tile, assemble
from rogi.raster.resampling import Fitted, fill, fitted
from rogi.raster.voids import relief_file

if TYPE_CHECKING:
    import pyproj


@dataclass(frozen=True)
class Surface:
    """Elevations on one grid: tiles, and those on other grids to fill in around them.

    Attributes
    ----------
    mosaic : Mosaic
        Tiles of the grid.
    others : tuple of Fitted
        Mosaics of other grids; used where no tile of the grid has a value.
    geoid : str
        Geoid above which elevations are that were above the ellipsoid in the file, e.g. "EGM2008".
    notes : set of str
        What reading found worth telling, filled as windows are read.
    """

    mosaic: Mosaic
    others: tuple[Fitted[Mosaic], ...] = ()
    geoid: str = ""
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
        values: NDArray[np.floating[Any]]
        if not self.others:
            values = self.mosaic.read_ground(window)
        else:
            (around,), own = self.mosaic.read(window.grown(1))
            values, valid = around[1:-1, 1:-1].copy(), own[1:-1, 1:-1].copy()
            if not valid.all():
                fill(values[None], valid, self.others, window)
                mend_edges(values, valid, around, own, self.others, window)
            values[~valid] = np.nan
        for tile in self.mosaic.tiles_in(window):
            self.notes.update(relief_file(tile.parts[0]).notes)
        return values


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
    products, references : tuple of str
        Of the files: known products, and vertical references with who states them.
    ellipsoid : str
        What elevations are above where that is an ellipsoid and they could not be converted; else empty.
    """

    surfaces: tuple[Surface, ...]
    notes: tuple[str, ...] = ()
    damaged: tuple[CorruptTile, ...] = ()
    products: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    ellipsoid: str = ""

    def describe(self) -> dict[str, list[str]]:
        """Products, vertical references and notes, for provenance."""
        return {
            "elevation_products": list(self.products),
            "vertical_reference": list(self.references),
            "elevation_notes": list(self.notes),
        }


def open_elevation_model(
    source: str | Path | Sequence[str | Path], *, crs: Any = None, nodata: Sequence[float] = ()
) -> ElevationModel:
    """Look at the files of an elevation model; only headers are read.

    Parameters
    ----------
    source : path or sequence of paths
        Files that rasterio opens (GeoTIFF, VRT, HGT, ...), ``FILE:BAND`` where there are several bands,
        archives as downloaded, or folders, which are searched with their subfolders: what is no elevation
        model in them is left out.
    crs : anything `pyproj.CRS` accepts, optional
        Instead of that of the files; with a vertical part if it is compound.
    nodata : sequence of float
        Stored numbers that are void in all files, beside those that the files name.

    Returns
    -------
    ElevationModel
        Elevations are in m: other units are converted, and heights above an ellipsoid where PROJ has a geoid
        (see `rogi.raster.heights`). Fill that is not declared is void (see `rogi.raster.voids`).
        AREA_OR_POINT needs no attention: either way a pixel's centre is where its value is.

    Raises
    ------
    InputError
        No elevation model, or one without CRS or georeference, or whose unit is no length; or rasters that
        cover the same ground with different values (see `rogi.raster.elevation.agreement`).
    """
    selection = select(source, crs=crs)
    members, notes = list(selection.members), list(selection.notes)
    unconverted = [member for member in members if _above_ellipsoid(member) and _undulation(member) is None]
    _refuse_mixed(members, unconverted)
    tiles = [
        Tile((member.raster.with_voids(*nodata),), relief=True, undulation=_undulation(member))
        for member in members
    ]
    found = agreement(
        [
            Candidate(member.found.name, member.product, tile.grid, partial(_readable, tile))
            for member, tile in zip(members, tiles, strict=True)
        ]
    )
    notes += found.notes
    members, tiles = [members[i] for i in found.kept], [tiles[i] for i in found.kept]
    dtype = np.float64 if any(tile.parts[0].float_type is np.float64 for tile in tiles) else np.float32
    # Of tiles that overlap the first by name counts.
    mosaics = [replace(mosaic, tiles=mosaic.tiles[::-1], dtype=dtype) for mosaic in assemble(tiles)]
    mosaics.sort(key=lambda mosaic: fineness(mosaic.grid))
    geoid = next((tile.undulation.geoid for tile in tiles if tile.undulation is not None), "")
    surfaces = tuple(
        Surface(mosaic, tuple(fitted(other, mosaic.grid) for other in mosaics if other is not mosaic), geoid)
        for mosaic in mosaics
    )
    if geoid:
        notes.append(f"Elevations above the ellipsoid were converted to heights above the geoid {geoid}.")
    ellipsoid = unconverted[0].heights.name if unconverted else ""
    if unconverted:
        more = f" and {len(unconverted) - 1} more" if len(unconverted) > 1 else ""
        name = f"{unconverted[0].found.name}{more}: heights above the {unconverted[0].heights.describe()}"
        notes.append(unconverted_note(name))
    if len(surfaces) > 1:
        notes.append(
            f"The elevation model lies on {len(surfaces)} grids, the finest first; units across grids are "
            "measured on each, with their surroundings resampled where they lie on another."
        )
    return ElevationModel(
        surfaces,
        tuple(notes),
        selection.damaged,
        tuple(sorted({member.product for member in members} - {""})),
        tuple(sorted({member.heights.describe() for member in members})),
        ellipsoid,
    )


def _readable(tile: Tile, window: Window) -> NDArray[np.floating[Any]]:
    """Elevations of a tile; NaN also where it is damaged, which is told where a unit needs it."""
    found: NDArray[np.floating[Any]] = around_damage(tile.read_values, window, np.nan, lambda _: None)
    return found


def _above_ellipsoid(member: Member) -> bool:
    return member.heights.surface is Above.ELLIPSOID


def _undulation(member: Member) -> Undulation | None:
    raster = member.raster
    return undulation(raster.crs, raster.transform, raster.shape) if _above_ellipsoid(member) else None


def _refuse_mixed(members: Sequence[Member], unconverted: Sequence[Member]) -> None:
    """Refuse tiles above the sea beside such above the ellipsoid: their seams would be cliffs."""
    others = [member for member in members if member.heights.surface is Above.SEA_LEVEL]
    if unconverted and others:
        one, other = unconverted[0], others[0]
        raise InputError(
            f"{one.found.name} has heights above the {one.heights.describe()}, {other.found.name} above "
            f"{other.heights.describe()}; give files of one kind, or install {GEOID_GRIDS} for PROJ, with "
            "which they are converted."
        )
