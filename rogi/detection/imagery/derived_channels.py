"""Further channels beside the bands of imagery: elevation, slope, other rasters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from rogi.attributes.relief import window_grid
from rogi.errors import InputError
from rogi.raster.elevation.model import Surface, open_elevation_model
from rogi.raster.grid import Grid, Window
from rogi.raster.mosaic import Pixels, Tile, assemble
from rogi.raster.resampling import Fitted, Layer, fitted, into
from rogi.raster.sources import file_tiles
from rogi.terrain import slope
from rogi.text import counted

ELEVATION, SLOPE = "elevation", "slope"
UNITS: Final = {ELEVATION: "m", SLOPE: "°", "aspect": "°"}
"""Units of further channels; others are digital numbers."""
DIGITAL, SCALED = "1", "scaled"
"""Units of bands: numbers as they are stored, and values by the scale and offset of the files."""


@dataclass(frozen=True)
class Relief:
    """Elevation (m) or slope (degrees) of an elevation model as a layer.

    Attributes
    ----------
    surface : Surface
    slope : bool
        Horn's slope, computed on the grid of the elevation model.
    """

    surface: Surface
    slope: bool

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""
        return self.surface.grid

    @property
    def channels(self) -> int:
        """One."""
        return 1

    @property
    def extent(self) -> Window:
        """Rows and columns with elevations, those of files on other grids too."""
        row0, row1, column0, column1 = self.surface.extents.T
        return Window(
            int(np.floor(row0.min())), int(np.ceil(row1.max())),
            int(np.floor(column0.min())), int(np.ceil(column1.max())),
        )  # fmt: skip

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        """See `Layer`."""
        if self.slope:
            around = window.grown(1)
            values = slope(self.surface.read(around), window_grid(self.surface, around))[1:-1, 1:-1]
        else:
            values = self.surface.read(window).astype(np.float32)
        known = np.isfinite(values)
        return into(out, (np.where(known, values, np.float32(0.0))[None], known))

    def tiles_in(self, window: Window) -> list[Tile]:
        """See `Layer`."""
        return self.surface.tiles_in(window.grown(1) if self.slope else window)

    def restricted(self, window: Window) -> Relief:
        """See `Layer`."""
        # A pixel around for the slope, and one where tiles of several grids are joined.
        return replace(self, surface=self.surface.restricted(window.grown(2)))


def added_channel(name: str, path: Path, grid: Grid) -> Fitted[Layer]:
    """A further channel, by its name and its file: elevation, slope, or the first band of a raster.

    Raises
    ------
    InputError
        No raster, or several grids.
    """
    layer: Layer
    if name in (ELEVATION, SLOPE):
        model = open_elevation_model(path)
        damaged = model.damaged
        layer = Relief(model.surfaces[0], slope=name == SLOPE)
    else:
        found = file_tiles(path, [1])
        mosaics = assemble([tile for tile, _ in found.tiles])
        if len(mosaics) > 1:
            raise InputError(f"The files of {path} lie on several grids; make one raster of them first.")
        damaged, layer = tuple(found.damaged), mosaics[0]
    if damaged:
        raise damaged[0]
    return fitted(layer, grid)


def gains_said(tiles: Sequence[Tile]) -> list[str]:
    """What scale and offset tags made of the numbers, one sentence for each kind."""
    counts = Counter(tile.gains[0] for tile in tiles if tile.gains is not None)
    return [
        f"Scale and offset tags of {counted(count, 'image')} are applied: value = stored x {scale:g} "
        f"{'-' if offset < 0 else '+'} {abs(offset):g}."
        for (scale, offset), count in counts.items()
    ]
