"""Equal-area planes for maps of any extent, and what is measured on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyproj

from rogi.geometry import Floats, parse_crs, transform_coordinates
from rogi.longitudes import beside

STEPS = (60.0, 30.0, 20.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Degrees between lines of a graticule."""
WIDE = 180.0
"""Degrees of longitude beyond which units lie around a pole or all over the globe."""
GLOBAL = 270.0
"""Degrees of longitude beyond which a map of the globe has Greenwich in its middle."""
POLAR = 40.0
"""Latitude above which units around a pole are drawn from above it."""
BELT = 12.0
"""Degrees of longitude from which a belt of middle latitudes is drawn as a cone."""
CONE = (15.0, 65.0)
"""Middle latitudes that a cone fits, degrees."""
MARGIN = 0.04
LEAST_M = 2000.0
"""Least side of a map, m."""
GLOBE_PARALLELS = np.linspace(-90, 90, 181)


@dataclass(frozen=True)
class Projection:
    """A plane for a map.

    Attributes
    ----------
    name : str
        What it is called.
    crs : pyproj.CRS
        Equal-area, m.
    middle : float
        Its central meridian, degrees.
    globe : bool
        Whether it is meant for the whole Earth.
    """

    name: str
    crs: pyproj.CRS
    middle: float
    globe: bool = False

    def forward(self, lonlat: Floats) -> Floats:
        """Longitude and latitude, degrees, (n, 2) on the plane, m; NaN where it has no place."""
        at = np.column_stack([beside(lonlat[:, 0], self.middle), lonlat[:, 1]])
        if self.globe:  # the edge belongs to the east
            at[:, 0] = np.clip(at[:, 0], self.middle - 179.999999, self.middle + 179.999999)
        xy = transform_coordinates(at, "EPSG:4326", self.crs)
        xy[~np.isfinite(xy).all(axis=1)] = np.nan
        return xy

    def backward(self, xy: Floats) -> Floats:
        """Longitude and latitude, degrees, (n, 2) of places on the plane; NaN off the Earth."""
        lonlat = transform_coordinates(xy, self.crs, "EPSG:4326")
        lonlat[~np.isfinite(lonlat).all(axis=1)] = np.nan
        if self.globe:  # PROJ goes on beyond the edge of the globe
            with np.errstate(invalid="ignore"):
                off = np.hypot(*(self.forward(lonlat) - xy).T) > 1000.0
            lonlat[off] = np.nan
        return lonlat


def projection_for(lonlat: Floats) -> Projection:
    """An equal-area projection for places.

    A cone (Albers) for wide belts of middle latitudes, an azimuthal one (Lambert) for other parts of a
    hemisphere, poles included, and Equal Earth for the globe (Snyder 1987, p. 34; Šavrič et al. 2019).

    Parameters
    ----------
    lonlat : ndarray of float64, shape (n, 2)
        Degrees; at least one.
    """
    south, north = float(lonlat[:, 1].min()), float(lonlat[:, 1].max())
    west, east = span(lonlat[:, 0])
    middle, parallel = float((west + east) / 2), (south + north) / 2
    across = (east - west) * math.cos(math.radians(parallel))
    if east - west > WIDE and not (south > POLAR or north < -POLAR):
        middle = 0.0 if east - west > GLOBAL else float(beside(10.0 * round(middle / 10), 0.0))
        crs = f"+proj=eqearth +lon_0={middle:g} +datum=WGS84 +units=m"
        return Projection("Equal Earth", parse_crs(crs), middle, globe=True)
    if east - west > WIDE:
        parallel = math.copysign(90.0, parallel)
        middle = 0.0
    elif (
        CONE[0] <= abs(parallel) <= CONE[1]
        and south * north > 0
        and east - west > BELT
        and across > north - south
    ):
        sixth = (north - south) / 6
        crs = (
            f"+proj=aea +lat_1={south + sixth:.2f} +lat_2={north - sixth:.2f} +lat_0={parallel:.2f} "
            f"+lon_0={middle:.2f} +datum=WGS84 +units=m"
        )
        return Projection("Albers", parse_crs(crs), middle)
    crs = f"+proj=laea +lat_0={parallel:.2f} +lon_0={middle:.2f} +datum=WGS84 +units=m"
    return Projection("Lambert", parse_crs(crs), middle)


def span(longitude: Floats) -> tuple[float, float]:
    """West and east of longitudes, degrees: the shortest arc that has them all; east may exceed 180.

    Examples
    --------
    >>> span(np.array([179.0, -178.0]))
    (179.0, 182.0)
    """
    found = np.unique(beside(longitude, 0.0))
    gaps = np.diff(found, append=found[0] + 360.0)
    widest = int(gaps.argmax())
    west = found[(widest + 1) % len(found)]
    return float(west), float(west + 360.0 - gaps[widest])


@dataclass(frozen=True)
class Frame:
    """A map's plane and the part of it that is shown: least x, least y, greatest x, greatest y, m."""

    projection: Projection
    bounds: tuple[float, float, float, float]

    @property
    def width(self) -> float:
        """m."""
        return self.bounds[2] - self.bounds[0]

    @property
    def height(self) -> float:
        """m."""
        return self.bounds[3] - self.bounds[1]

    @cached_property
    def lonlat_bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north of all that is shown, degrees."""
        x0, y0, x1, y1 = self.bounds
        x, y = np.meshgrid(np.linspace(x0, x1, 41), np.linspace(y0, y1, 41))
        found = self.projection.backward(np.column_stack([x.ravel(), y.ravel()]))
        found = found[np.isfinite(found).all(axis=1)]
        south, north = float(found[:, 1].min()), float(found[:, 1].max())
        for pole in (-90.0, 90.0):
            if self.shows(self.projection.forward(np.array([[self.projection.middle, pole]])))[0]:
                south, north = min(south, pole), max(north, pole)
                if not self.projection.globe:
                    return -180.0, south, 180.0, north
        longitude = beside(found[:, 0], self.projection.middle)
        return float(longitude.min()), south, float(longitude.max()), north

    @property
    def around_pole(self) -> bool:
        """Whether meridians leave it on all sides."""
        west, _, east, _ = self.lonlat_bounds
        return not self.projection.globe and east - west >= 360.0

    def shows(self, xy: Floats) -> Any:
        """(n,) whether places lie in the frame."""
        x0, y0, x1, y1 = self.bounds
        with np.errstate(invalid="ignore"):
            return (xy[:, 0] >= x0) & (xy[:, 0] <= x1) & (xy[:, 1] >= y0) & (xy[:, 1] <= y1)

    def widened(self, ratio: float) -> Frame:
        """The frame with its shorter side drawn out to a ratio of height to width."""
        x0, y0, x1, y1 = self.bounds
        more_x = max(self.height / ratio - self.width, 0.0) / 2
        more_y = max(self.width * ratio - self.height, 0.0) / 2
        return Frame(self.projection, (x0 - more_x, y0 - more_y, x1 + more_x, y1 + more_y))


def frame_for(projection: Projection, *places: Floats) -> Frame:
    """The frame around places on the plane, with a margin; the globe's own for the globe."""
    if projection.globe:
        edge = globe_edge(projection)
        x1, y1 = edge.max(axis=0)
        return Frame(projection, (-1.01 * x1, -1.01 * y1, 1.01 * x1, 1.01 * y1))
    xy = np.concatenate(places)
    low, high = np.nanmin(xy, axis=0), np.nanmax(xy, axis=0)
    margin = MARGIN * float((high - low).max())
    half = np.maximum((high - low) / 2 + margin, LEAST_M / 2)
    middle = (low + high) / 2
    return Frame(projection, (*(middle - half).tolist(), *(middle + half).tolist()))


def globe_edge(projection: Projection) -> Floats:
    """The outline of the whole Earth on the plane, (n, 2)."""
    edges = [
        np.column_stack([np.full(181, projection.middle + side * 179.999999), GLOBE_PARALLELS[::-side]])
        for side in (-1, 1)
    ]
    return transform_coordinates(np.concatenate(edges), "EPSG:4326", projection.crs)


def steps(low: float, high: float, wanted: int = 4) -> Floats:
    """Round values between two bounds: the coarsest of which there are as many as wanted.

    Examples
    --------
    >>> steps(67.0, 104.0).tolist()
    [70.0, 80.0, 90.0, 100.0]
    """
    for step in STEPS:
        found = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step
        if len(found) >= wanted:
            break
    return np.asarray(found, dtype=np.float64)


def bar_length(projection: Projection, at: tuple[float, float], length: float) -> float:
    """How long a distance on the ground, m, is on a plane from a place to the right (m on the plane)."""
    earth = pyproj.Geod(ellps="WGS84")
    drawn = length
    for _ in range(8):
        ends = projection.backward(np.array([at, (at[0] + drawn, at[1])]))
        if not np.isfinite(ends).all():
            return length
        found = earth.inv(*ends[0], *ends[1])[2]
        drawn *= length / found
        if abs(found / length - 1) < 1e-6:
            break
    return float(drawn)


def round_down(value: float) -> float:
    """The greatest of 1, 2 and 5 times a power of ten that is not above a value.

    Examples
    --------
    >>> round_down(730.0), round_down(19.0)
    (500.0, 10.0)
    """
    unit = 10.0 ** math.floor(math.log10(value))
    return float(next(m * unit for m in (5, 2, 1) if m * unit <= value * (1 + 1e-9)))


def nearest_round(value: float) -> float:
    """The nearest of 1, 2, 3 and 5 times a power of ten, by ratio.

    Examples
    --------
    >>> nearest_round(93.0), nearest_round(2.6)
    (100.0, 3.0)
    """
    unit = 10.0 ** math.floor(math.log10(value))
    return float(min((m * unit for m in (1, 2, 3, 5, 10)), key=lambda v: abs(math.log(v / value))))


def hexagons(xy: Floats, across: float) -> tuple[Floats, Floats]:
    """Places counted in regular hexagons, of which one is centred on the origin.

    Parameters
    ----------
    xy : ndarray of float64, shape (n, 2)
    across : float
        From side to side, in the unit of the places.

    Returns
    -------
    corners : ndarray of float64, shape (m, 6, 2)
    counts : ndarray of float64, shape (m,)
        At least 1.
    """
    pitch = np.array([across, across * math.sqrt(3.0)])
    grids = [np.rint(xy / pitch), np.floor(xy / pitch) + 0.5]  # two lattices, of which the nearer counts
    second = np.hypot(*(xy - grids[1] * pitch).T) < np.hypot(*(xy - grids[0] * pitch).T)
    twice = np.rint(2 * np.where(second[:, None], grids[1], grids[0]))
    found, counts = np.unique(twice @ [1, 1j], return_counts=True)  # complex: much faster than by rows
    centres = np.column_stack([found.real, found.imag])
    turn = np.radians(np.arange(30, 390, 60))
    corner = np.column_stack([np.cos(turn), np.sin(turn)]) * across / math.sqrt(3.0)
    return (centres / 2 * pitch)[:, None, :] + corner, counts.astype(np.float64)
