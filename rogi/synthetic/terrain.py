"""Synthetic terrain and climate: seeded, the same at a place whatever tile it is computed in.

Elevation is a sum of octaves of value noise on lattices anchored at 0° N 0° E, so that tiles fit
together to the last bit; ridges come from folding the first octaves. Closed forms (plane, cone, wall) are
there for tests with known slope, aspect and horizon.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from affine import Affine
from numpy.typing import NDArray

from rogi.errors import OptionError
from rogi.files import make_folder, replacing
from rogi.geometry import Floats, parse_crs
from rogi.raster.grid import Grid
from rogi.raster.writing import geotiff, read_back

if TYPE_CHECKING:
    import xarray as xr

ARC_SECOND = 1 / 3600
VOID = -32768  # as in NASADEM and SRTM
MAX_PIXELS = 400_000_000  # of one tile
FREEZING_K = 273.15
LAPSE_K_PER_M = 0.0055
MONTH_HOURS = 730.5


@dataclass(frozen=True, slots=True)
class Relief:
    """Shape of the fractal terrain.

    ``mean`` and ``range`` in m: all terrain lies within ``range`` / 2 of ``mean``; with the defaults slopes
    are near 17° on average. ``wavelength`` (degrees) is that of the largest mountains; each of the
    ``octaves`` halves it and takes ``roughness`` times the height.
    """

    mean: float = 4400.0
    range: float = 4500.0
    wavelength: float = 0.15
    octaves: int = 9
    roughness: float = 0.52


@dataclass(frozen=True, slots=True)
class Box:
    """West, south, east and north in degrees."""

    west: float
    south: float
    east: float
    north: float

    def __post_init__(self) -> None:
        if not (-180 <= self.west < self.east <= 180 and -90 <= self.south < self.north <= 90):
            raise OptionError(
                f"A box is west < east within ±180 and south < north within ±90 degrees, found {self.west:g} "
                f"{self.south:g} {self.east:g} {self.north:g}."
            )


def plane(shape: tuple[int, int], cell: float, slope: float, aspect: float, base: float = 4000.0) -> Floats:
    """A plane of the given slope and aspect (degrees, clockwise from north), m; rows go south.

    Elevation falls by tan(slope) per metre towards the aspect.
    """
    east, south = _metres(shape, cell)
    azimuth = math.radians(aspect)
    away = east * math.sin(azimuth) - south * math.cos(azimuth)
    return base - math.tan(math.radians(slope)) * away


def cone(shape: tuple[int, int], cell: float, slope: float, summit: float = 5000.0) -> Floats:
    """A cone with its summit in the middle of the grid: one slope everywhere, aspect away from the summit."""
    east, south = _metres(shape, cell)
    return summit - math.tan(math.radians(slope)) * np.hypot(east, south)


def wall(shape: tuple[int, int], cell: float, height: float, distance: float, base: float = 4000.0) -> Floats:
    """Flat ground with a wall in the east: from the middle its horizon is atan(height / distance), both m."""
    east, _ = _metres(shape, cell)
    return np.where(east >= distance, base + height, base)


def fractal(longitude: Floats, latitude: Floats, seed: int = 0, relief: Relief | None = None) -> Floats:
    """Elevation of synthetic mountains, m a.s.l.

    Parameters
    ----------
    longitude
        (n,) degrees of columns.
    latitude
        (m,) degrees of rows.
    seed
        Same seed, same world.

    Returns
    -------
    (m, n) float64
    """
    shape = relief or Relief()
    total = np.zeros((len(latitude), len(longitude)))
    weight, norm = 1.0, 0.0
    wavelength = shape.wavelength
    for octave in range(shape.octaves):
        noise = _value_noise(longitude / wavelength, latitude / wavelength, seed * 1000 + octave)
        # Folding the coarse octaves gives ridges; the fine ones only roughen.
        total += weight * ((1 - np.abs(2 * noise - 1)) if octave < 3 else noise)
        norm += weight
        weight *= shape.roughness
        wavelength /= 2
    return shape.mean + shape.range * (total / norm - 0.5)


def tiles(box: Box) -> Iterator[tuple[int, int]]:
    """South-west corners (latitude, longitude) of the 1° tiles that a box touches."""
    for latitude in range(math.floor(box.south), math.ceil(box.north)):
        for longitude in range(math.floor(box.west), math.ceil(box.east)):
            yield latitude, longitude


def write_tiles(
    folder: str | Path, box: Box, seed: int = 0, arc_seconds: float = 1.0, relief: Relief | None = None
) -> list[Path]:
    """Write 1° tiles of synthetic elevation as NASADEM has them: int16, EPSG:4326, named ``n30e090.tif``.

    Parameters
    ----------
    folder
        Made if needed.
    box
        What the tiles must cover.
    arc_seconds
        Size of a pixel; 3600 must be a multiple of it.

    Raises
    ------
    OptionError
        If the pixel size does not divide a degree or is too small.
    """
    size = round(3600 / arc_seconds)
    if size < 1 or abs(size * arc_seconds - 3600) > 1e-6:
        raise OptionError(f"A degree is no multiple of {arc_seconds:g} arc-seconds; choose 1, 3, 9, 30 ...")
    if size * size > MAX_PIXELS:
        raise OptionError(f"Pixels of {arc_seconds:g} arc-seconds make tiles too large; choose 0.2 or more.")
    folder = Path(folder)
    make_folder(folder)
    crs = parse_crs("EPSG:4326")
    written = []
    for south, west in tiles(box):
        path = folder / f"{_name(south, 'ns', 2)}{_name(west, 'ew', 3)}.tif"
        centre = (np.arange(size) + 0.5) / size
        elevation = fractal(west + centre, south + 1 - centre, seed, relief)
        with replacing(path, verify=read_back) as temporary:
            grid = Grid(crs, Affine(1 / size, 0.0, west, 0.0, -1 / size, south + 1), (size, size))
            with geotiff(
                temporary, grid, "int16", nodata=VOID, tiled=True, compress="deflate", predictor=2
            ) as write:
                write(np.round(elevation).astype(np.int16)[None], 0, 0)
        written.append(path)
    return written


def climate(box: Box, seed: int = 0, years: tuple[int, int] = (2001, 2020), cell: float = 0.1) -> xr.Dataset:
    """Monthly air temperature and precipitation over a box, CF conventions.

    Variables ``t2m`` (K, mean of the month) and ``tp`` (mm, sum of the month) on (time, latitude, longitude),
    latitudes from north to south. Temperature follows the synthetic terrain with a lapse rate of 5.5 K per
    km and a yearly cycle; precipitation has its maximum in July.
    """
    import xarray as xr

    west, south = math.floor(box.west / cell) * cell, math.floor(box.south / cell) * cell
    columns = max(1, math.ceil((box.east - west) / cell - 1e-9))
    rows = max(1, math.ceil((box.north - south) / cell - 1e-9))
    longitude = np.round(west + (np.arange(columns) + 0.5) * cell, 6)
    latitude = np.round(south + (np.arange(rows)[::-1] + 0.5) * cell, 6)
    elevation = fractal(longitude, latitude, seed, Relief(octaves=2))
    time = pd.date_range(f"{years[0]}-01-01", f"{years[1]}-12-01", freq="MS")
    month = time.month.to_numpy()
    anomaly = np.random.default_rng(seed).normal(0.0, 0.6, len(time))
    yearly = 11.0 * np.cos(2 * np.pi * (month - 7) / 12) + anomaly
    annual = FREEZING_K - 2.7 - LAPSE_K_PER_M * (elevation - 4800.0)
    wet = np.clip(np.exp(-(((month - 7) / 2.2) ** 2)), 0.02, None)
    wet = wet / wet[:12].sum() * 600.0
    amount = 1.0 + 0.3 * (_value_noise(longitude, latitude, seed + 7) - 0.5)
    return xr.Dataset(
        {
            "t2m": (
                ("time", "latitude", "longitude"),
                (annual[None] + yearly[:, None, None]).astype(np.float32),
                {"units": "K", "standard_name": "air_temperature", "cell_methods": "time: mean"},
            ),
            "tp": (
                ("time", "latitude", "longitude"),
                (wet[:, None, None] * amount[None]).astype(np.float32),
                {"units": "mm/month", "long_name": "precipitation", "cell_methods": "time: sum"},
            ),
        },
        coords={
            "time": time,
            "latitude": ("latitude", latitude, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": ("longitude", longitude, {"units": "degrees_east", "standard_name": "longitude"}),
        },
        attrs={"title": "Synthetic climate, no observations", "Conventions": "CF-1.11", "crs": "EPSG:4326"},
    )


def _metres(shape: tuple[int, int], cell: float) -> tuple[Floats, Floats]:
    """Metres east and south of the middle of the grid, for pixel centres."""
    rows, columns = shape
    east = (np.arange(columns) - (columns - 1) / 2) * cell
    south = (np.arange(rows) - (rows - 1) / 2) * cell
    return np.broadcast_to(east, shape), np.broadcast_to(south[:, None], shape)


def _value_noise(x: Floats, y: Floats, seed: int) -> Floats:
    """(len(y), len(x)) noise in [0, 1): random values at lattice points, joined by quintic curves."""
    left, top = np.floor(x), np.floor(y)
    fx, fy = _quintic(x - left), _quintic(y - top)
    low_x, low_y = int(left.min()), int(top.min())
    values = _lattice(np.arange(low_y, int(top.max()) + 2), np.arange(low_x, int(left.max()) + 2), seed)
    i, j = (top - low_y).astype(np.int64), (left - low_x).astype(np.int64)
    # First along x for every lattice row, then along y: less work than four corners per pixel.
    along = values[:, j] + fx * (values[:, j + 1] - values[:, j])
    noise: Floats = along[i] + fy[:, None] * (along[i + 1] - along[i])
    return noise


def _quintic(t: Floats) -> Floats:
    return t * t * t * (t * (t * 6 - 15) + 10)


def _lattice(rows: NDArray[np.int64], columns: NDArray[np.int64], seed: int) -> Floats:
    """Values in [0, 1) at lattice points from their coordinates alone (splitmix64's mixing)."""
    with np.errstate(over="ignore"):
        h = rows.astype(np.uint64)[:, None] * np.uint64(0x9E3779B97F4A7C15)
        h = h ^ (columns.astype(np.uint64)[None, :] * np.uint64(0xC2B2AE3D27D4EB4F))
        h = h + np.uint64(seed % 2**63) * np.uint64(0x165667B19E3779F9)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h = h ^ (h >> np.uint64(31))
    return (h >> np.uint64(11)).astype(np.float64) / 2.0**53


def _name(degree: int, letters: str, digits: int) -> str:
    """``n30``, ``w071``."""
    return f"{letters[0] if degree >= 0 else letters[1]}{abs(degree):0{digits}d}"
