"""Coordinates lie where their coordinate reference system cannot have them.

## What it checks
* In a geographic CRS latitudes are within 90 and longitudes within 180 degrees. A polygon drawn across the
  antimeridian may go on beyond 180 degrees.
* In a projected CRS coordinates are not all degrees, can be taken back to longitude and latitude, and lie
  within 10 degrees of the area the CRS is made for. (Grids are used well beyond their zone: all of Norway
  is mapped in UTM zone 33.)

A CRS that is wrong for a whole layer gives one finding for the layer, otherwise each feature has its own.
Infinite coordinates are the matter of GEO019.

## Why
A CRS that does not fit the numbers puts the inventory into the sea or nowhere, and every area, distance and
ID check that follows is meaningless. It is the usual trace of a CRS that was *assigned* where it should have
been *reprojected*.

## Example
A UTM file to which somebody assigned WGS84:

    all 3 features lie out of range: coordinates (618046, 3363421) are no degrees, though the CRS is
    EPSG:4326 (WGS 84); x must be within ±180 and y within ±90

## How to fix
Find out what the coordinates are and assign that CRS (QGIS: *Set layer CRS*; GDAL: `ogr2ogr -a_srs`), then
reproject. Longitudes from 180 to 360 are brought back by subtracting 360.

## Reference
EPSG registry: the axes and the area of use of each CRS; RFC 7946 section 3.1.9 for the antimeridian.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rogi.inventory.crs import (
    axis_unit,
    degrees_per_unit,
    horizontal,
    label,
    outside_area_of_use,
    to_degrees,
)
from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

if TYPE_CHECKING:
    import pyproj

RULE = RuleInfo(
    "SCH006", "coordinates-out-of-range", Severity.ERROR, Evidence.DERIVED, EVERY_LAYER, needs_crs=True
)

EPSILON = 1e-9  # degrees beyond a limit that are rounding: 0.1 mm

Floats = NDArray[np.float64]


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        crs = context.layer(role).crs
        at = np.flatnonzero(context.usable(role))
        if crs is None or not len(at):
            continue
        bounds = context.bounds(role)[at]
        flat = horizontal(crs)
        if flat.is_geographic:
            wrong, messages = _geographic(flat, bounds)
        elif flat.is_projected:
            wrong, messages = _projected(flat, bounds, context.number("margin"))
        else:
            continue
        if len(wrong) == len(at):
            count = "the only feature lies" if len(at) == 1 else f"all {len(at)} features lie"
            yield Rows.of_layer(role, f"{count} out of range: {messages[0]}")
        else:
            yield Rows(role, at[wrong], messages)


def _geographic(crs: pyproj.CRS, bounds: Floats) -> tuple[NDArray[np.intp], list[str]]:
    west, south, east, north = (bounds * degrees_per_unit(crs)).T
    across = (west < 180) & (east > 180) & (east - west < 180)
    across |= (west < -180) & (east > -180) & (east - west < 180)
    bad_lat = (south < -90 - EPSILON) | (north > 90 + EPSILON)
    bad_lon = ((west < -180 - EPSILON) | (east > 180 + EPSILON)) & ~across
    wrong = np.flatnonzero(bad_lat | bad_lon)
    # the corner that is out
    x = np.where(np.abs(east) >= np.abs(west), east, west)[wrong]
    y = np.where(np.abs(north) >= np.abs(south), north, south)[wrong]
    messages = []
    name = label(crs)
    for lon, lat in zip(x, y, strict=True):
        if abs(lat) > 360 or abs(lon) > 360:
            messages.append(
                f"coordinates ({lon:.0f}, {lat:.0f}) are no degrees, though the CRS is {name}; "
                "x must be within ±180 and y within ±90"
            )
        elif abs(lat) <= 90:
            messages.append(f"longitude {lon:.6g} is beyond ±180; {_wrapped(lon):.6g} is meant?")
        else:
            swap = "; latitude and longitude are swapped?" if abs(lat) <= 180 and abs(lon) <= 90 else ""
            messages.append(f"latitude {lat:.6g} is beyond ±90{swap}")
    return wrong, messages


def _projected(crs: pyproj.CRS, bounds: Floats, margin: float) -> tuple[NDArray[np.intp], list[str]]:
    x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    unit, name = axis_unit(crs), label(crs)
    if (np.abs(bounds[:, [0, 2]]) <= 360).all() and (np.abs(bounds[:, [1, 3]]) <= 90).all():
        message = f"coordinates ({x[0]:.6g}, {y[0]:.6g}) look like degrees, though {name} is in {unit}s"
        return np.arange(len(x)), [message] * len(x)
    away = outside_area_of_use(crs, *to_degrees(crs, x, y))
    wrong = np.flatnonzero(~(away <= margin))
    messages = [
        f"coordinates ({x[i]:.0f}, {y[i]:.0f}) are no place on Earth in {name}"
        if np.isnan(away[i])
        else f"coordinates ({x[i]:.0f}, {y[i]:.0f}) are {away[i]:.0f}° away from the area of {name}; "
        f"{margin:g}° are allowed"
        for i in wrong
    ]
    return wrong, messages


def _wrapped(lon: float) -> float:
    return (lon + 180.0) % 360.0 - 180.0


def good() -> Inventory:
    from rogi.rules.examples import rgik

    return rgik(origin=(179.9795, -44.0))  # the third unit lies across the antimeridian


def bad() -> Bad:
    from rogi.rules.examples import reprojected, tprogi, with_crs

    projected = reprojected(tprogi(), "EPSG:32646")
    return Bad(with_crs(projected, Role.OUTLINE, "EPSG:4326"), {Role.OUTLINE: (-1,)})
