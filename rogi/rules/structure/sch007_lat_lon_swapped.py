"""Latitude and longitude (or northing and easting) are swapped.

## What it checks
Whether a feature makes sense only with its coordinates exchanged. Any of these shows it:

* the latitude is beyond 90 degrees and the longitude would do as one;
* the position in the primary ID, or the latitude and longitude columns, agree with the swapped geometry and
  not with the geometry as it is (within 0.1 degree);
* in a projected CRS, the position lies far outside the area the CRS is made for, and inside when swapped.

A witness for the geometry as it is acquits: where the ID agrees and the columns do not, the columns are
wrong (ATT013). If all features are concerned there is one finding for the layer.

## Why
Formats and programs disagree about which comes first: EPSG:4326 names latitude first, GeoJSON, shapefiles
and GeoPackages store longitude first. A CSV imported with the columns exchanged looks right in a table and
lies on another continent on the map.

## Example
    latitude and longitude are swapped: the geometry lies at 90.6° N 30.4° E, latitude 90.6 is beyond ±90

## How to fix
Exchange the coordinates: in QGIS *Swap X and Y coordinates*; in geopandas
`shapely.transform(geometry, lambda xy: xy[:, ::-1])`.

## Reference
EPSG:4326 (axis order latitude, longitude); RFC 7946 section 3.1.1 and the OGC GeoPackage standard (x is the
longitude).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.inventory.crs import horizontal, outside_area_of_use, to_degrees
from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.rules.structure import EVERY_LAYER
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("SCH007", "lat-lon-swapped", Severity.ERROR, Evidence.DERIVED, EVERY_LAYER, needs_crs=True)

Floats = NDArray[np.float64]


def check(context: Context) -> Iterator[Rows]:
    for role in context.targets:
        crs = context.layer(role).crs
        at = np.flatnonzero(context.usable(role))
        if crs is None or not len(at):
            continue
        flat = horizontal(crs)
        if not (flat.is_geographic or flat.is_projected):
            continue
        bounds = context.bounds(role)[at]
        x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
        lon, lat = to_degrees(flat, x, y)
        reasons = np.full(len(at), "", dtype=object)
        if flat.is_geographic:
            out = (np.abs(lat) > 90) & (np.abs(lat) <= 180) & (np.abs(lon) <= 90)
            reasons[out] = [f"latitude {v:.6g} is beyond ±90" for v in lat[out]]
            swapped_lon, swapped_lat = lat, lon
        else:
            away = outside_area_of_use(flat, lon, lat)
            far = ~(away <= context.number("away"))
            if not far.any() and not _has_witness(context, role):
                continue
            swapped_lon, swapped_lat = to_degrees(flat, y, x)
            inside = outside_area_of_use(flat, swapped_lon, swapped_lat) <= context.number("near")
            reasons[far & inside] = "only swapped coordinates lie where the CRS is made for"
        tolerance = context.number("tolerance")
        acquitted = np.zeros(len(at), dtype=bool)
        possible = (np.abs(swapped_lat) <= 90) & (np.abs(swapped_lon) <= 180)
        for name, witness_lon, witness_lat in _witnesses(context, role):
            w_lon, w_lat = witness_lon[at], witness_lat[at]
            as_is = _apart(lon, lat, w_lon, w_lat) <= tolerance
            swapped = _apart(swapped_lon, swapped_lat, w_lon, w_lat) <= tolerance
            acquitted |= as_is
            reasons[swapped & ~as_is & possible & (reasons == "")] = f"{name} only when swapped"
        rows = np.flatnonzero((reasons != "") & ~acquitted)
        messages = [
            f"latitude and longitude are swapped: the geometry lies at {_place(lon[i], lat[i])}, {reasons[i]}"
            for i in rows
        ]
        if len(rows) == len(at) > 1:
            yield Rows.of_layer(role, f"{messages[0]}; so do all {len(at)} features")
        else:
            yield Rows(role, at[rows], messages)


def _has_witness(context: Context, role: Role) -> bool:
    layer = context.layer(role)
    return layer.has("primary_id") or (layer.has("latitude") and layer.has("longitude"))


def _witnesses(context: Context, role: Role) -> Iterator[tuple[str, Floats, Floats]]:
    layer = context.layer(role)
    if layer.has("primary_id"):
        ids = context.primary_ids(role)
        yield "it agrees with its primary ID", ids.longitude, ids.latitude
    if layer.has("latitude") and layer.has("longitude"):
        lon, lat = context.numbers(role, "longitude"), context.numbers(role, "latitude")
        yield "it agrees with its latitude and longitude columns", lon, lat


def _apart(lon: Floats, lat: Floats, other_lon: Floats, other_lat: Floats) -> Floats:
    """Larger difference in degrees; infinite where unknown."""
    with np.errstate(invalid="ignore"):
        dlon = np.abs((lon - other_lon + 180.0) % 360.0 - 180.0)
        apart = np.maximum(dlon, np.abs(lat - other_lat))
    return np.where(np.isnan(apart), np.inf, apart)


def _place(lon: float, lat: float) -> str:
    if np.isnan(lon) or np.isnan(lat):
        return "no place on Earth"
    return f"{abs(lat):.4f}° {'S' if lat < 0 else 'N'} {abs(lon):.4f}° {'W' if lon < 0 else 'E'}"


def good() -> Inventory:
    from rogi.rules.examples import rgik

    return rgik(origin=(-70.0, -33.0))


def bad() -> Bad:
    from rogi.rules.examples import tprogi, with_geometry

    inventory = tprogi()
    return Bad(with_geometry(inventory, Role.MARKER, {1: shapely.Point(30.4, 90.61)}), {Role.MARKER: (1,)})
