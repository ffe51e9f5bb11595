"""Coordinate reference systems: sameness, degrees, places."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import NDArray

from rogi.longitudes import short_way

Floats = NDArray[np.float64]

CONFIDENCE = 70  # of 100, at which PROJ's guess of an authority code is believed (its own default)


def label(crs: pyproj.CRS) -> str:
    """Authority code and name, e.g. ``EPSG:2056 (CH1903+ / LV95)``."""
    authority = _authority(crs)
    name = str(crs.name)
    if authority is None:
        return name if name not in ("", "unknown", "undefined") else "a CRS without a name"
    return f"{authority} ({name})" if name else authority


@lru_cache(maxsize=64)
def horizontal(crs: pyproj.CRS) -> pyproj.CRS:
    """The two-dimensional part of a bound, compound or three-dimensional CRS."""
    while crs.is_bound or crs.is_compound:
        part = crs.source_crs if crs.is_bound else crs.sub_crs_list[0]
        if part is None:
            break
        crs = part
    return crs.to_2d()


@lru_cache(maxsize=64)
def same(left: pyproj.CRS, right: pyproj.CRS) -> bool:
    """Whether two CRS mean the same coordinates (x = longitude or easting), however they are written."""
    a, b = horizontal(left), horizontal(right)
    if a.equals(b, ignore_axis_order=True):
        return True
    code_a, code_b = _authority(a), _authority(b)
    if code_a is not None and code_a == code_b:
        return True
    return is_wgs84_degrees(a) and is_wgs84_degrees(b)


def is_wgs84_degrees(crs: pyproj.CRS) -> bool:
    """Whether coordinates are longitude and latitude in degrees on WGS84, of any realisation."""
    flat = horizontal(crs)
    datum, meridian = flat.datum, flat.prime_meridian
    if not flat.is_geographic or datum is None or meridian is None:
        return False
    names = {
        "world geodetic system 1984 ensemble",
        "world geodetic system 1984",
        "wgs84",
        "wgs_1984",
        "d_wgs_1984",
    }
    name = str(datum.name).casefold()
    return (
        (name in names or name.startswith("world geodetic system 1984"))
        and meridian.longitude == 0
        and abs(degrees_per_unit(flat) - 1.0) < 1e-9
    )


def degrees_per_unit(crs: pyproj.CRS) -> float:
    """Degrees in one unit of a geographic CRS (1 unless it counts in gradians or radians)."""
    return float(np.degrees(horizontal(crs).axis_info[0].unit_conversion_factor))


def to_degrees(crs: pyproj.CRS, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Longitude and latitude, degrees on the CRS's own datum; NaN where they cannot be computed."""
    flat = horizontal(crs)
    if flat.is_geographic:
        factor = degrees_per_unit(flat)
        return x * factor, y * factor
    lon, lat = _to_geodetic(flat).transform(x, y)
    bad = ~(np.isfinite(lon) & np.isfinite(lat))
    return np.where(bad, np.nan, lon), np.where(bad, np.nan, lat)


def from_degrees(crs: pyproj.CRS, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Coordinates in a projected CRS of longitude and latitude on its datum; infinite where there is none."""
    x, y = _to_geodetic(horizontal(crs)).transform(lon, lat, direction="INVERSE")
    return np.asarray(x), np.asarray(y)


def is_transverse_mercator(crs: pyproj.CRS) -> bool:
    """Whether the projection is that of UTM, used for whole mountain ranges far beyond its zone."""
    operation = horizontal(crs).coordinate_operation
    return operation is not None and "transverse mercator" in str(operation.method_name).casefold()


def outside_area_of_use(crs: pyproj.CRS, lon: Floats, lat: Floats) -> Floats:
    """Distance from the area the CRS is made for, in degrees of arc (roughly); 0 inside, NaN for no place.

    A CRS that names no area is taken to fit everywhere.
    """
    area = _area_of_use(crs)
    if area is None:
        return np.where(np.isnan(lon) | np.isnan(lat), np.nan, 0.0)
    west, south, east, north = area
    if east < west:  # across the antimeridian
        east += 360.0
    middle, half = (west + east) / 2, (east - west) / 2
    dlon = np.maximum(np.abs(short_way(lon - middle)) - half, 0.0)
    dlat = np.maximum(np.maximum(south - lat, lat - north), 0.0)
    return np.asarray(np.maximum(dlon * np.cos(np.radians(lat)), dlat))


def axis_unit(crs: pyproj.CRS) -> str:
    """Unit of the coordinates, e.g. ``metre``."""
    return str(horizontal(crs).axis_info[0].unit_name)


@lru_cache(maxsize=64)
def _authority(crs: pyproj.CRS) -> str | None:
    found = crs.to_authority(min_confidence=CONFIDENCE)
    return ":".join(found) if found else None


@lru_cache(maxsize=64)
def _area_of_use(crs: pyproj.CRS) -> tuple[float, float, float, float] | None:
    flat = horizontal(crs)
    area = flat.area_of_use
    if area is None and (code := _authority(flat)) is not None:
        area = pyproj.CRS.from_user_input(code).area_of_use
    return None if area is None else (area.west, area.south, area.east, area.north)


@lru_cache(maxsize=64)
def _to_geodetic(crs: pyproj.CRS) -> pyproj.Transformer:
    geodetic = crs.geodetic_crs
    assert geodetic is not None  # a projected CRS has one
    return pyproj.Transformer.from_crs(crs, geodetic, always_xy=True)
