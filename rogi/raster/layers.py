"""Layers of channels, and how they come to lie on the grid of the imagery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from rogi.errors import InputError
from rogi.raster.elevation import SUFFIXES, open_elevation_model
from rogi.raster.elevation import Mosaic as ElevationMosaic
from rogi.raster.files import Window
from rogi.raster.grid import Grid
from rogi.raster.guard import OFFLINE, refuse_remote
from rogi.raster.mosaic import Floats, Mask, assemble
from rogi.raster.resampling import Resampling
from rogi.raster.sources import file_tiles

ELEVATION, SLOPE = "elevation", "slope"


class Layer(Protocol):
    """Channels on a grid that can be read by window."""

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""

    @property
    def channels(self) -> int:
        """How many."""

    def read(self, window: Window) -> tuple[Floats, Mask]:
        """Values (channels, rows, columns), 0 where not valid, and valid (rows, columns)."""

    def files_in(self, window: Window) -> list[Path]:
        """Files that a window reads."""


@dataclass(frozen=True)
class Relief:
    """Elevation (m) or slope (degrees) of an elevation model as a layer.

    Attributes
    ----------
    mosaic : rogi.raster.elevation.Mosaic
    slope : bool
        Horn's slope, computed on the grid of the elevation model.
    """

    mosaic: ElevationMosaic
    slope: bool

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""
        return Grid(self.mosaic.crs, self.mosaic.transform, self.mosaic.shape)

    @property
    def channels(self) -> int:
        """One."""
        return 1

    @property
    def extent(self) -> Window:
        """Rows and columns with elevations, those of files on other grids too."""
        row0, row1, column0, column1 = np.array(self.mosaic.extents).T
        return Window(
            int(np.floor(row0.min())), int(np.ceil(row1.max())),
            int(np.floor(column0.min())), int(np.ceil(column1.max())),
        )  # fmt: skip

    def read(self, window: Window) -> tuple[Floats, Mask]:
        """See `Layer`."""
        import rasterio

        with rasterio.Env(**OFFLINE):
            return self._read(window)

    def _read(self, window: Window) -> tuple[Floats, Mask]:
        if self.slope:
            from rogi.attributes.relief import window_grid
            from rogi.terrain import slope

            around = window.grown(1)
            values = slope(self.mosaic.read(around), window_grid(self.mosaic, around))[1:-1, 1:-1]
        else:
            values = self.mosaic.read(window).astype(np.float32)
        known = np.isfinite(values)
        return np.where(known, values, np.float32(0.0))[None], known

    def files_in(self, window: Window) -> list[Path]:
        """See `Layer`."""
        around = window.grown(1) if self.slope else window
        return [file for raster in self.mosaic.tiles_in(around) for file in raster.files]


@dataclass(frozen=True)
class Fitted:
    """A layer on the grid of the imagery.

    Attributes
    ----------
    layer : Layer
    resampling : Resampling or None
        None where the layer has the grid of the imagery.
    """

    layer: Layer
    resampling: Resampling | None

    @property
    def channels(self) -> int:
        """How many."""
        return self.layer.channels

    def read(self, window: Window) -> tuple[Floats, Mask]:
        """See `Layer`."""
        if self.resampling is None:
            return self.layer.read(window)
        return self.resampling.read(self.layer.read, window, self.layer.channels)

    def files_in(self, window: Window) -> list[Path]:
        """See `Layer`."""
        own = window if self.resampling is None else self.resampling.source_window(window)
        return [] if 0 in own.shape else self.layer.files_in(own)


def fitted(layer: Layer, grid: Grid) -> Fitted:
    """A layer on a grid, resampled only where that is another one."""
    if layer.grid == grid:
        return Fitted(layer, None)
    return Fitted(layer, Resampling(layer.grid, grid, layer.extent if isinstance(layer, Relief) else None))


def added_channel(name: str, path: Path, grid: Grid) -> Fitted:
    """A further channel, by its name and its file: elevation, slope, or the first band of a raster.

    Raises
    ------
    InputError
        No raster, or several grids.
    """
    import rasterio

    layer: Layer
    if name in (ELEVATION, SLOPE):
        inside = (
            sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        )
        for file in inside:
            refuse_remote(file)
        with rasterio.Env(**OFFLINE):
            layer = Relief(open_elevation_model(path).mosaics[0], slope=name == SLOPE)
    else:
        found = file_tiles(path, [1])
        if found.damaged:
            raise found.damaged[0]
        mosaics = assemble([(header, tile) for header, tile, _ in found.tiles])
        if len(mosaics) > 1:
            raise InputError(f"The files of {path} lie on several grids; make one raster of them first.")
        layer = mosaics[0]
    return fitted(layer, grid)


def all_files(layer: Layer) -> list[Path]:
    """All files of a layer."""
    everything = (
        layer.extent if isinstance(layer, Relief) else Window(0, layer.grid.shape[0], 0, layer.grid.shape[1])
    )
    return layer.files_in(everything)
