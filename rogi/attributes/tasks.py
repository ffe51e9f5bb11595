"""Derived attributes as tasks on polygons: what each computes, and what it depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rogi.attributes.relief import (
    ZonalOptions,
    radiation_statistics,
    relief_statistics,
    window_grid,
)
from rogi.attributes.zonal.groups import cell_weights, row_weights, unit_coverages
from rogi.attributes.zonal.statistics import valid_share, weighted_statistics
from rogi.raster.elevation.model import Surface
from rogi.raster.files import ArrayRaster, Raster
from rogi.raster.grid import Window
from rogi.terrain import RadiationParameters, SlopeMethod, required_halo
from rogi.terrain.atmosphere import Atmosphere

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHOD_VERSION = 5
"""Part of every key: raised when a change of the code changes values, lest old results be taken for new."""

BLOCK_PIXELS = 2048
"""Side of the tiles of the grid that blocks keep to."""


@dataclass(frozen=True)
class Relief:
    """Elevation, slope and aspect from an elevation model.

    Attributes
    ----------
    grid : Surface
        The first with a file at the units.
    method : SlopeMethod
    options : ZonalOptions
    others : tuple of Surface
        Those on other grids that give the ground of units where the first has no file, in order.
    """

    grid: Surface
    method: SlopeMethod = SlopeMethod.HORN
    options: ZonalOptions = field(default_factory=ZonalOptions)
    others: tuple[Surface, ...] = ()

    columns = (
        "elevation_mean", "elevation_median", "elevation_minimum", "elevation_maximum",
        "slope_mean", "slope_median", "slope_minimum", "slope_maximum",
        "aspect", "aspect_length", "flat_share", "elevation_share", "slope_share",
    )  # fmt: skip

    def identity(self) -> dict[str, Any]:
        """What the values depend on besides the units and the files."""
        return {
            "task": "relief",
            "method": self.method.value,
            "geoid": self.grid.geoid,
            **options_identity(self.options),
        }

    def halo(self, row: int) -> tuple[int, int]:
        """Rows and columns read around a unit."""
        return 1, 1

    def compute(self, polygons: NDArray[np.object_]) -> dict[str, NDArray[np.float64]]:
        """Values of polygons on the grid."""
        return relief_statistics(
            polygons, self.grid, others=self.others, method=self.method, options=self.options
        )


@dataclass(frozen=True)
class Radiation:
    """Potential incoming solar radiation from an elevation model; attributes as of `Relief`."""

    grid: Surface
    parameters: RadiationParameters
    options: ZonalOptions = field(default_factory=ZonalOptions)
    others: tuple[Surface, ...] = ()

    columns = ("radiation", "radiation_share")

    def identity(self) -> dict[str, Any]:
        """What the values depend on besides the units and the files."""
        sky = {} if self.parameters.atmosphere is Atmosphere.KUMAR else {"pvlib": version("pvlib")}
        return {
            "task": "radiation",
            "geoid": self.grid.geoid,
            "parameters": self.parameters.to_dict(),
            **sky,
            **options_identity(self.options),
        }

    def halo(self, row: int) -> tuple[int, int]:
        """Rows and columns read around a unit; the same for all units of a band of rows."""
        return _radiation_halo(self.grid, row // BLOCK_PIXELS, self.parameters)

    def compute(self, polygons: NDArray[np.object_]) -> dict[str, NDArray[np.float64]]:
        """Values of polygons on the grid."""
        return radiation_statistics(
            polygons, self.grid, others=self.others, parameters=self.parameters, options=self.options
        )


@dataclass(frozen=True)
class Climate:
    """A climate field.

    Attributes
    ----------
    grid : Raster
    concept : str
        ``air_temperature``, ``ground_temperature`` or ``precipitation``.
    source : str
        JSON of all that made the field: digests of its files, variable, unit, period.
    options : ZonalOptions
    """

    grid: Raster
    concept: str
    source: str
    options: ZonalOptions = field(default_factory=ZonalOptions)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values."""
        return self.concept, f"{self.concept}_share"

    def identity(self) -> dict[str, Any]:
        """What the values depend on besides the units."""
        return {
            "task": "climate",
            "concept": self.concept,
            "source": self.source,
            **options_identity(self.options),
        }

    def halo(self, row: int) -> tuple[int, int]:
        """Nothing is read around a unit."""
        return 0, 0

    def compute(self, polygons: NDArray[np.object_]) -> dict[str, NDArray[np.float64]]:
        """Values of polygons on the grid."""
        means, share = unit_means(polygons, self.grid, self.options, {self.concept: np.asarray})
        return {**means, f"{self.concept}_share": share}


class Task(Protocol):
    """What is computed for units on a grid: `Relief`, `Radiation`, `Climate`, or of another source."""

    @property
    def grid(self) -> Any:
        """The raster, or the first of an elevation model."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values."""

    def identity(self) -> dict[str, Any]:
        """What the values depend on besides the units and the files of an elevation model."""

    def halo(self, row: int) -> tuple[int, int]:
        """Rows and columns read around a unit."""

    def compute(self, polygons: NDArray[np.object_]) -> dict[str, NDArray[np.float64]]:
        """Values of polygons on the grid, by column."""


def unit_means(
    polygons: NDArray[np.object_],
    grid: Raster,
    options: ZonalOptions,
    quantities: Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]],
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.float64]]:
    """Means of quantities of a raster in units, weighted by area, and the share of each unit with values.

    Parameters
    ----------
    polygons : ndarray of shapely geometries, shape (n,)
        On the grid.
    grid : Raster
    options : ZonalOptions
    quantities : dict of str to callable
        By name: the quantity of pixels with their values, NaN where there are none, the same in all.
    """
    means = {name: np.full(len(polygons), np.nan) for name in quantities}
    share = np.full(len(polygons), np.nan)
    areas = row_weights(grid, options.engine)
    for units, coverage, window in unit_coverages(polygons, grid, options.engine):
        values = coverage.gather(grid.read(window), origin=(window.row0, window.column0))
        weights = cell_weights(coverage, areas)
        for name, quantity in quantities.items():
            own = quantity(values)
            means[name][units] = weighted_statistics(own, coverage, ["mean"], weights=weights)["mean"]
        share[units] = valid_share(np.isfinite(own), coverage)
    for mean in means.values():
        mean[~(share >= options.minimum_valid_share)] = np.nan
    return means, share


def options_identity(options: ZonalOptions) -> dict[str, Any]:
    """What values depend on of how pixels become a number, and the version of the method."""
    return {
        "version": METHOD_VERSION,
        "engine": options.engine.value,
        "minimum_valid_share": options.minimum_valid_share,
        "extreme_share": options.extreme_share,
    }


@lru_cache(maxsize=4096)
def _cached_halo(
    transform: Any, shape: tuple[int, int], crs: Any, band: int, parameters: RadiationParameters
) -> tuple[int, int]:
    first = min(max(band * BLOCK_PIXELS, 0), shape[0] - 1)
    grid = ArrayRaster(np.zeros((0, 0)), transform, crs)
    window = Window(first, min(first + BLOCK_PIXELS, shape[0]), 0, shape[1])
    return required_halo(window_grid(grid, window), parameters)


def _radiation_halo(grid: Surface, band: int, parameters: RadiationParameters) -> tuple[int, int]:
    return _cached_halo(grid.transform, grid.shape, grid.crs, band, parameters)
