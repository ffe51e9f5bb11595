"""Climate fields of GeoTIFFs: an annual band, twelve months, or a file for each month or year."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.geometry import transform_coordinates
from rogi.raster.climate.cells import MARGIN
from rogi.raster.climate.image_files import choose_images
from rogi.raster.climate.methods import amounts, annual_rate, refuse_anomalies, temperature_notes
from rogi.raster.climate.options import Bounds, ClimateField, Request
from rogi.raster.climate.screen import Screen, annual_values
from rogi.raster.climate.steps import MONTH_DAYS, Kind, Step, Timeline
from rogi.raster.climate.units import YEAR_DAYS, Conversion, Per, Quantity, parse_unit, refuse_twice
from rogi.raster.files import RasterFile, padded
from rogi.raster.grid import Window, apply, offset
from rogi.raster.guard import is_there

SAMPLES = 12
"""Places along each side of the ground around the units at which images are looked at for what cannot be."""

SAMPLE_CELLS = 8
"""Cells along each side of such a place."""

PRODUCTS = (
    (r"wc2\.\d_.*_(tavg|tmin|tmax|bio_1)(?!\d)", "temperature", ("degC",)),
    (r"wc2\.\d_.*_(prec|bio_12)(?!\d)", "precipitation", ("mm",)),
    (r"chelsa_.*(tas|bio0?1)(?![\da-z]).*v\.?2", "temperature", ("degC", "K", "0.1 K")),
    (r"chelsa_.*(temp10|tmean10|bio10_0?1)(?![\da-z]).*", "temperature", ("0.1 degC", "degC")),
    (r"chelsa_(?:.*_)?prec_.*v1", "precipitation", ("mm",)),
    (r"uio_pex_magtm_", "temperature", ("degC",)),  # Obu et al. 2018, doi:10.1594/PANGAEA.888600
)
"""Names of files that are downloaded by many, and the units of their numbers, which the files do not name: of
several that which fits (CHELSA's scale and offset are lost in some copies)."""

CHELSA_SUMS = re.compile(r"chelsa_(?:.*_)?(pr|bio0?12)(?![\da-z]).*v\.?2", re.IGNORECASE)
"""Precipitation of CHELSA V2: mm where its scale is still there."""


@dataclass(frozen=True)
class Layer:
    """A band of a step of a series, and how its numbers become a part of the annual value."""

    raster: RasterFile
    days: float


@dataclass(frozen=True)
class Stack:
    """Annual means or sums of bands on one grid, computed where they are read.

    Attributes
    ----------
    layers : tuple of Layer
    conversion : Conversion
    request : Request
    years : int
        By which sums are divided.
    """

    layers: tuple[Layer, ...]
    conversion: Conversion
    request: Request
    years: int

    @property
    def name(self) -> str:
        """Path of the first band."""
        return self.layers[0].raster.name

    @property
    def transform(self) -> Affine:
        """From (column, row) to coordinates."""
        return self.layers[0].raster.transform

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.layers[0].raster.shape

    @property
    def crs(self) -> pyproj.CRS:
        """Coordinate reference system."""
        return self.layers[0].raster.crs

    @property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns of the blocks it is stored in."""
        return self.layers[0].raster.block_shape

    def read(self, window: Window) -> NDArray[np.floating[Any]]:
        """Annual values in the window, NaN where one of the bands has none, or one that cannot be."""
        screen = Screen(self.request, self.name, "")
        return padded(
            self.shape,
            window,
            lambda inside: annual_values(self.annual(inside, screen), self.request.quantity),
            np.float64,
        )

    def annual(self, window: Window, screen: Screen) -> NDArray[np.float64]:
        """Annual values in a window inside the grid, whatever they are; steps that cannot be are missing."""
        total = np.zeros(window.shape)
        warm = self.request.quantity is Quantity.TEMPERATURE
        for layer in self.layers:
            values = screen.clean(layer.raster.read(window).astype(np.float64), self.conversion, layer.days)
            total += values * layer.days if warm else values
        return total / (sum(layer.days for layer in self.layers) if warm else self.years)


def image_field(files: tuple[Path, ...], request: Request) -> ClimateField:
    """The annual field of files that rasterio reads.

    Raises
    ------
    InputError
        Unreadable, no unit, months missing.
    OptionError
        Several bands or kinds of files and none chosen.
    """
    rasters, line, variable, notes = choose_images(files, request)
    first = rasters[0]
    for raster in rasters[1:]:
        if raster.shape != first.shape or offset(first.grid, raster.grid) != (0, 0):
            raise InputError(
                f"{raster.path} lies on another grid than {first.path}; the files of a series must agree."
            )
    where = str(first.path)
    other = next((raster for raster in rasters if raster.units != first.units), first)
    if other.units != first.units and request.options.unit is None:
        raise InputError(
            f"{other.path} (band {other.band}) has the unit {other.units!r} but {first.path} (band "
            f"{first.band}) has {first.units!r}; the files and bands of a series must agree, or name it with "
            f"{request.option('unit')}."
        )
    named = f"{first.path.stem} {first.header.names[first.band - 1]}"
    refuse_anomalies(named, where)
    unit, more = _unit(first, request)
    notes += more
    conversion = parse_unit(unit, request.quantity, where, request.option("unit"))
    if request.quantity is Quantity.PRECIPITATION:
        step = None if line is None else Per.YEAR if line.kind is Kind.YEARS else Per.MONTH
        conversion, _ = amounts(conversion, {}, {}, step, where, request)
    else:
        notes += temperature_notes("", named, where)
    if line is None:
        conversion = annual_rate(conversion, request, where)
        line = Timeline(Kind.MEAN, (Step(0, 0, 0, 0, YEAR_DAYS),), None)
    layers = tuple(Layer(rasters[step.number], step.days) for step in line.steps)
    stack = Stack(layers, conversion, request, line.years)
    voids, odd = _looked_at(stack, where, unit, line)
    notes = tuple(dict.fromkeys(notes + voids + odd))
    made_of = tuple(sorted({file for raster in rasters for file in raster.files if is_there(file)}))
    return ClimateField(stack, request.quantity, made_of, variable, unit, line.period, notes, voids)


# --- units and values ---------------------------------------------------------------------------------


def _unit(raster: RasterFile, request: Request) -> tuple[str, tuple[str, ...]]:
    """The unit that was given, that the file states, or that its product has."""
    if request.options.unit:
        return request.options.unit, ()
    if raster.units:
        refuse_twice(raster.units, raster.scale, str(raster.path), request.option("unit"))
        return raster.units, ()
    name = raster.path.name
    if request.quantity is Quantity.PRECIPITATION and CHELSA_SUMS.match(name):
        if raster.scale != 1:
            return "mm", (f"{name} has no unit; by its name it is of CHELSA V2: mm.",)
        raise InputError(
            f"{raster.path} has neither a unit nor CHELSA's scale, so whether it counts in mm or 0.1 mm is "
            f"not known; say so with {request.option('unit')}, for example '0.1 mm'."
        )
    for pattern, quantity, units in PRODUCTS:
        if quantity == request.quantity and re.match(pattern, name, re.IGNORECASE):
            for unit in units:
                if len(units) == 1 or _fits(raster, unit, request):
                    return unit, (f"{name} states no unit; by its name and values it is {unit}.",)
    return "", ()


def _fits(raster: RasterFile, unit: str, request: Request) -> bool:
    """Whether most values in a unit can be."""
    screen = Screen(request, "", unit)
    conversion = parse_unit(unit, request.quantity, "")
    for values in _sampled(raster, request.bounds):
        screen.clean(values, conversion, MONTH_DAYS[0])
    return screen.good > sum(n for value, n in screen.constants.items() if not screen.is_fill(value))


def _sampled(raster: RasterFile, bounds: Bounds) -> Iterator[NDArray[np.float64]]:
    for window in _samples(bounds, raster):
        yield raster.read(window).astype(np.float64)


def _looked_at(
    stack: Stack, where: str, unit: str, line: Timeline
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Why values are missing at some places around the units, and what is odd about the others.

    Raises
    ------
    InputError
        The unit must be another, or a month has no values.
    """
    request = stack.request
    screen = Screen(request, where, unit)
    values = []
    windows = []
    for window in _samples(request.bounds, stack.layers[0].raster):
        with suppress(InputError):  # damage, told by the units that lie on it
            values.append(stack.annual(window, screen).ravel())
            windows.append(window)
    if not values:
        return (), ()
    voids = screen.verdict()
    together = np.concatenate(values)
    if screen.good and not np.isfinite(together).any():
        for layer, step in zip(stack.layers, line.steps, strict=True):
            if not any(np.isfinite(layer.raster.read(window)).any() for window in windows):
                raise InputError(
                    f"{layer.raster.path} (band {layer.raster.band}) has no values around the units for "
                    f"{line.named(step)}, though for other times; give a file that has them."
                )
    return voids, screen.annual(together)


def _samples(bounds: Bounds, raster: RasterFile) -> Iterator[Window]:
    """Windows at some places of the ground around the units; all of it where it is small, and one file."""
    around = _around(bounds, raster)
    rows, columns = around.shape
    if rows * columns <= (SAMPLES * SAMPLE_CELLS) ** 2 and not raster.header.composed:
        if rows and columns:
            yield around
        return
    side = 1 if raster.header.composed else SAMPLE_CELLS  # of which few meet a missing file
    places = [
        np.unique(np.linspace(first, max(first, last - side), SAMPLES).astype(int)).tolist()
        for first, last in ((around.row0, around.row1), (around.column0, around.column1))
    ]
    for row, column in product(*places):
        yield Window(row, min(row + side, around.row1), column, min(column + side, around.column1))


def _around(bounds: Bounds, raster: RasterFile) -> Window:
    """Part of a raster around bounds in degrees."""
    west, south, east, north = bounds
    along = np.linspace(0.0, 1.0, 21)
    lon = np.concatenate([west + along * (east - west)] * 2 + [np.full(21, west), np.full(21, east)])
    lat = np.concatenate([np.full(21, south), np.full(21, north)] + [south + along * (north - south)] * 2)
    xy = transform_coordinates(np.column_stack([lon, lat]), 4326, raster.crs)
    turns = np.floor((xy[:, 0] - raster.transform.c) / 360.0) if raster.crs.is_geographic else np.zeros(1)
    xy[:, 0] -= 360.0 * turns
    column, row = apply(~raster.transform, xy[:, 0], xy[:, 1])
    height, width = raster.shape
    row0, row1 = np.clip([np.floor(row.min()) - MARGIN, np.ceil(row.max()) + MARGIN], 0, height)
    column0, column1 = np.clip([np.floor(column.min()) - MARGIN, np.ceil(column.max()) + MARGIN], 0, width)
    if turns.min() < turns.max():  # units at both ends of a grid around the Earth
        column0, column1 = 0, width
    return Window(int(row0), int(row1), int(column0), int(column1))
