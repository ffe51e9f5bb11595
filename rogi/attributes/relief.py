"""Elevation, slope, aspect and solar radiation of units from an elevation model.

Slope, aspect and radiation are computed in memory for the windows that hold units, with the halo they need; a
pixel's value does not depend on the window, so a unit's does not depend on the other units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine

from rogi.attributes.zonal.groups import Engine
from rogi.attributes.zonal.seams import Piece, grounds
from rogi.attributes.zonal.statistics import (
    EXTREME_SHARE,
    MIN_VALID_SHARE,
    circular_statistics,
    weighted_statistics,
)
from rogi.errors import InputError, OptionError
from rogi.raster.elevation.steps import nominal_spacing, steepest_step
from rogi.raster.grid import Grid as RasterGrid
from rogi.raster.grid import Window
from rogi.raster.voids import SUMMIT
from rogi.terrain import Grid, RadiationParameters, SlopeMethod, required_halo
from rogi.terrain.gradient import slope_and_aspect
from rogi.terrain.grid import NODE_SPACING
from rogi.terrain.radiation import radiation_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rogi.attributes.zonal.coverage import Coverage
    from rogi.raster.files import Raster

    Columns = dict[str, NDArray[np.float64]]

ORDER = {"mean": "mean", "median": "median", "minimum": "min", "maximum": "max"}
"""Endings of the concepts and the statistics they stand for."""


@dataclass(frozen=True)
class ZonalOptions:
    """How pixels become a number for a unit.

    Attributes
    ----------
    engine : Engine
        Which pixels count, and how much.
    minimum_valid_share : float
        Least share of a unit with values; below it the unit has none.
    extreme_share : float
        Which pixels count for minimum and maximum; see `rogi.attributes.zonal.statistics.EXTREME_SHARE`.

    Raises
    ------
    OptionError
        A share beyond 0 to 1.
    """

    engine: Engine = Engine.COVERAGE
    minimum_valid_share: float = MIN_VALID_SHARE
    extreme_share: float = EXTREME_SHARE

    def __post_init__(self) -> None:
        for name in ("minimum_valid_share", "extreme_share"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise OptionError(f"{name} is a share from 0 to 1, found {value:g}.")


def relief_statistics(
    polygons: NDArray[np.object_],
    grid: Raster,
    *,
    others: Sequence[Raster] = (),
    method: SlopeMethod = SlopeMethod.HORN,
    options: ZonalOptions | None = None,
) -> Columns:
    """Elevation, slope and aspect of units.

    Parameters
    ----------
    polygons : ndarray of shapely geometries, shape (n,)
        On the grid (see `rogi.attributes.zonal.placement.place_polygons`).
    grid : Raster
        Elevations, m.
    others : sequence of Raster
        Elevations on other grids for ground where the first has no file, in the order in which they count.
    method : SlopeMethod
    options : ZonalOptions, optional

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        ``elevation_mean``, ``_median``, ``_minimum``, ``_maximum`` (m), the same of ``slope`` (degrees),
        ``aspect`` (degrees clockwise from true north, circular mean), ``aspect_length`` (resultant length),
        ``flat_share``, ``elevation_share`` and ``slope_share`` (of the unit's area with values). Next to a
        void there is elevation but no slope. NaN where the share is below the least.
    """
    chosen = options or ZonalOptions()
    names = [f"{layer}_{ending}" for layer in ("elevation", "slope") for ending in ORDER]
    more = ["aspect", "aspect_length", "flat_share", "elevation_share", "slope_share"]
    table = {name: np.full(len(polygons), np.nan) for name in names + more}

    def layers(piece: Piece) -> list[NDArray[np.floating[Any]]]:
        around = piece.window.grown(1)
        origin = (around.row0, around.column0)
        elevation = piece.grid.read(around)
        _refuse_cliffs(elevation, piece.coverage, around, piece.grid)
        coverage, own = piece.coverage, window_grid(piece.grid, around)
        rows, columns = coverage.rows - around.row0, coverage.columns - around.column0
        heights = coverage.gather(elevation, origin=origin)
        return [heights, *slope_and_aspect(elevation, own, rows, columns, method=method)]

    for ground in grounds(polygons, (grid, *others), chosen.engine):
        units, coverage = ground.units, ground.coverage
        heights, slopes, directions = ground.gather(layers)
        for layer, values in (("elevation", heights), ("slope", slopes)):
            found = weighted_statistics(
                values,
                coverage,
                list(ORDER.values()),
                weights=ground.weights,
                extreme_share=chosen.extreme_share,
            )
            for ending, statistic in ORDER.items():
                table[f"{layer}_{ending}"][units] = found[statistic]
            table[f"{layer}_share"][units] = ground.valid_share(np.isfinite(values))
        circular = circular_statistics(
            directions, coverage, flat=np.isnan(directions) & np.isfinite(slopes), weights=ground.weights
        )
        table["aspect"][units] = circular.mean
        table["aspect_length"][units] = circular.resultant_length
        table["flat_share"][units] = circular.flat_share
    few = {
        layer: ~(table[f"{layer}_share"] >= chosen.minimum_valid_share) for layer in ("elevation", "slope")
    }
    for name in names + more[:3]:
        table[name][few["elevation" if name.startswith("elevation") else "slope"]] = np.nan
    return table


def radiation_statistics(
    polygons: NDArray[np.object_],
    grid: Raster,
    *,
    others: Sequence[Raster] = (),
    parameters: RadiationParameters | None = None,
    options: ZonalOptions | None = None,
) -> Columns:
    """Annual potential incoming solar radiation of units; only their pixels are computed.

    Parameters
    ----------
    polygons, grid, others, options
        As for `relief_statistics`.
    parameters : RadiationParameters, optional

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        ``radiation`` (mean, kWh m-2 a-1) and ``radiation_share``.
    """
    chosen = options or ZonalOptions()
    choices = parameters or RadiationParameters()
    mean, share = np.full(len(polygons), np.nan), np.full(len(polygons), np.nan)
    moving = {id(raster): _Moving(raster) for raster in (grid, *others)}

    def layers(piece: Piece) -> list[NDArray[np.floating[Any]]]:
        coverage = piece.coverage
        if not len(coverage.shares):
            return [np.zeros(0)]
        window, around = piece.window, halo_window(piece.grid, piece.window, choices)
        elevation = moving[id(piece.grid)].read(around)
        rows, columns = coverage.rows - around.row0, coverage.columns - around.column0
        known = np.zeros(window.shape, dtype=bool)
        known[coverage.rows - window.row0, coverage.columns - window.column0] = np.isfinite(
            elevation[rows, columns]
        )
        _refuse_summits(elevation, coverage, around, piece.grid)
        _refuse_cliffs(elevation, coverage, around, piece.grid)
        own = window_grid(piece.grid, around)
        corner = window.row0 - around.row0, window.column0 - around.column0
        found = radiation_within(elevation, own, known, corner, choices)
        return [coverage.gather(found, origin=(window.row0, window.column0))]

    for ground in grounds(polygons, (grid, *others), chosen.engine):
        (values,) = ground.gather(layers)
        found = weighted_statistics(values, ground.coverage, ["mean"], weights=ground.weights)
        mean[ground.units] = found["mean"]
        share[ground.units] = ground.valid_share(np.isfinite(values))
    mean[~(share >= chosen.minimum_valid_share)] = np.nan
    return {"radiation": mean, "radiation_share": share}


class _Moving:
    """Windows of a raster one after another: what a window shares with the last one is not read again."""

    def __init__(self, raster: Raster) -> None:
        self.raster = raster
        self._let_go()

    def _let_go(self) -> None:
        self.window, self.values = Window(0, 0, 0, 0), np.empty((0, 0), np.float32)

    def read(self, window: Window) -> NDArray[np.floating[Any]]:
        """What the raster reads; the next call may use it, so it is not to be changed."""
        shared = window.shared(self.window)
        kept: NDArray[np.floating[Any]] = self.values[self.window.part(shared)].copy()
        self._let_go()  # not two windows in memory at a time
        if not kept.size:
            values = self.raster.read(window)
        else:
            values = np.empty(window.shape, kept.dtype)
            values[window.part(shared)] = kept
            for rest in window.without(shared):
                values[window.part(rest)] = self.raster.read(rest)
        self.window, self.values = window, values
        return values


class Cliff(InputError):
    """Elevations that no terrain has.

    Attributes
    ----------
    note : str
        What there is in few words.
    path : str
        Of the elevation model; units with such elevations in one are told together.
    """

    def __init__(self, found: str, name: str) -> None:
        super().__init__(
            f"{found}: fill or damage ({name}). Name fill with --nodata, else give another file."
        )
        self.note, self.path = found, f"steps in {name}"


def _refuse_summits(
    elevation: NDArray[np.floating[Any]], coverage: Coverage, window: Window, grid: Raster
) -> None:
    """Refuse units with pixels above all ground, of which relief tells by its range.

    Raises
    ------
    Cliff
        Also where one of several units has them.
    """
    values = elevation[coverage.rows - window.row0, coverage.columns - window.column0]
    if (high := np.flatnonzero(values > SUMMIT)).size:
        where = _place(coverage, int(high[0]), grid)
        raise Cliff(f"{where} the elevation model has {values[high[0]]:.0f} m, as no ground has", grid.name)


def _refuse_cliffs(
    elevation: NDArray[np.floating[Any]], coverage: Coverage, window: Window, grid: Raster
) -> None:
    """Refuse units with steps that no terrain has.

    Raises
    ------
    Cliff
        Also where one of several units has them.
    """
    rows, columns = coverage.rows - window.row0, coverage.columns - window.column0
    spacing = nominal_spacing(grid.crs, grid.transform)
    found = steepest_step(elevation, rows, columns, spacing)
    if found is None:
        return
    number, beside = found
    here = float(elevation[rows[number], columns[number]])
    raise Cliff(
        f"{_place(coverage, number, grid)} the elevation model falls from {max(here, beside):.0f} to "
        f"{min(here, beside):.0f} m within {min(spacing):.0f} m, as no terrain does",
        grid.name,
    )


def _place(coverage: Coverage, number: int, grid: Raster) -> str:
    """Where a pixel of units is."""
    row, column = int(coverage.rows[number]), int(coverage.columns[number])
    place = RasterGrid(grid.crs, grid.transform, grid.shape)
    longitude, latitude = place.lonlat(np.array([column + 0.5]), np.array([row + 0.5]))[0]
    return f"At {longitude:.5f}, {latitude:.5f}"


def window_grid(grid: Raster, window: Window) -> Grid:
    """The terrain module's view of a window of a raster.

    Blocks and nodes of the terrain module keep to row and column numbers. These are counted here from a
    multiple of `NODE_SPACING` pixels from the origin of the CRS, not from the raster's corner, so that tiles
    added to or taken from an elevation model change no value elsewhere.
    """
    a, b, c, d, e, f = tuple(grid.transform)[:6]
    corner = ~Affine(a, b, 0.0, d, e, 0.0) @ (c, f)
    # Corners lie on whole pixels, or on half ones where pixels are points: neither is near a rounding edge.
    columns, rows = (int(np.floor(v + 0.25)) % NODE_SPACING for v in corner)
    a, b, c, d, e, f = tuple(grid.transform @ Affine.translation(-columns, -rows))[:6]
    offset = window.row0 + rows, window.column0 + columns
    return Grid((a, b, c, d, e, f), window.shape, grid.crs.to_wkt(), *offset)


def halo_window(grid: Raster, window: Window, parameters: RadiationParameters) -> Window:
    """The window with all ground around it that can hide the sun from it."""
    rows, columns = required_halo(window_grid(grid, window), parameters)
    return Window(window.row0 - rows, window.row1 + rows, window.column0 - columns, window.column1 + columns)
