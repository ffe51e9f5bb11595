"""Two markers are so close that they have, or could have, the same ID.

## What it checks
No two primary markers lie within 11.1 m of each other (one unit of the ID, 1e-4 degree of latitude), and no
two round to the same ID. Markers of a system (`RGS`) and of a unit (`RGU`) are not compared with each other.

## Why
The ID is the rounded position of the marker. Two units whose markers round to the same position cannot both
have a correct ID; most often they are one unit that was marked twice.

## Example
    marker lies 6 m from that of row 812; markers closer than 11 m cannot be told apart by their IDs

## How to fix
Remove the marker that was set twice, or move one of them to a more distinctive place of its unit.

## Reference
RGIK (2023), baseline concepts 1.0, doi 10.51363/unifr.srr.2023.002: four decimals; 1e-4 degree of latitude
is 11.1 m.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.inventory.ids.primary_id import units
from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.examples import rgik, tprogi, with_geometry
from rogi.rules.primary_ids._places import length, metres_apart, positions
from rogi.rules.rule import Bad, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "PID005",
    "marker-collision",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.MARKER),),
    needs_crs=True,
)

EARTH_RADIUS = 6_371_000.0  # m; the chord between neighbours is their distance to 0.6 % on it
# Degrees: what lies between the first longitudes of two bands is more than any longitude and its reach, bands
# are no lower than a unit of the ID, and so their places are exact to the rounding.
BETWEEN_BANDS, NARROWEST_BAND, ROUNDING = 2048.0, 1e-4, 1e-6

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def check(context: Context) -> Iterator[Rows]:
    role = Role.MARKER
    lon, lat = positions(context, role)
    prefix = np.full(len(lon), "RGU", dtype=object)
    if context.has(role, "primary_id"):
        found = context.primary_ids(role).prefix
        prefix = np.where(found == "RGS", "RGS", "RGU").astype(object)
    at = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
    if len(at) < 2:
        return
    lon, lat, prefix = lon[at], lat[at], prefix[at]
    other = np.full(len(at), -1, dtype=np.int64)
    for name in ("RGU", "RGS"):
        same = np.flatnonzero(prefix == name)
        if len(same) > 1:
            near = _nearest(lon[same], lat[same], context.number("distance"))
            other[same] = np.where(near >= 0, same[near], -1)
    same_id = _another_of_group(_place_keys(lon, lat, prefix))
    other = np.where(other >= 0, other, same_id)
    rows = np.flatnonzero(other >= 0)
    if not len(rows):
        return
    partner = other[rows]
    apart = metres_apart(lon[rows], lat[rows], lon[partner], lat[partner])
    numbers = context.layer(role).rows
    limit = length(context.number("distance"))
    messages = [
        (
            f"marker lies at the place of that of row {numbers[at[j]]}"
            if d == 0
            else f"marker lies {length(d)} from that of row {numbers[at[j]]}"
        )
        + f"; markers closer than {limit}, or of the same rounded place, cannot be told apart by their IDs"
        for j, d in zip(partner, apart, strict=True)
    ]
    yield Rows(role, at[rows], messages, other=at[partner])


def _place_keys(lon: Floats, lat: Floats, prefix: NDArray[np.object_]) -> Ints:
    """(n,) a number for each ID the positions would have."""
    width = 2 * units(180.0) + 1
    place = (units(lat) + units(90.0)) * width + units(lon) + units(180.0)
    return np.asarray(2 * place + (prefix == "RGS"), dtype=np.int64)


def _nearest(lon: Floats, lat: Floats, limit: float) -> Ints:
    """(n,) index of another point within the limit in metres (the nearest), -1 where there is none."""
    places, inverse = np.unique(lon + 1j * lat, return_inverse=True)
    out = _another_of_group(inverse)
    first, second = _close_pairs(places.real, places.imag, limit)
    lam, phi = np.radians(places.real), np.radians(places.imag)
    xyz = EARTH_RADIUS * np.column_stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])
    apart = np.sqrt(((xyz[first] - xyz[second]) ** 2).sum(axis=1))
    order = np.lexsort((second, apart, first))
    order = order[apart[order] < limit]
    one, at = np.unique(first[order], return_index=True)
    representative = np.empty(len(places), dtype=np.int64)
    representative[inverse] = np.arange(len(lon))
    neighbour = np.full(len(places), -1, dtype=np.int64)
    neighbour[one] = representative[second[order][at]]
    return np.where(out >= 0, out, neighbour[inverse])


def _close_pairs(lon: Floats, lat: Floats, limit: float) -> tuple[Ints, Ints]:
    """Pairs of different points, in both orders, within a distance in metres, and some that are farther.

    Points are sorted by bands of latitude, and in each by longitude; the rest are runs of three bands.
    """
    up = np.degrees(limit / EARTH_RADIUS) * 1.01
    with np.errstate(divide="ignore"):
        along = np.minimum(up / np.cos(np.radians(np.minimum(np.abs(lat) + up, 90.0))), 180.0)
    reach = along + ROUNDING
    band = np.floor(lat / max(up, NARROWEST_BAND)) * BETWEEN_BANDS
    place = band + lon
    order = np.argsort(place, kind="stable")
    place = place[order]
    found = []
    for turn in (0.0, 360.0, -360.0):  # neighbours beyond the antimeridian
        x = lon + turn
        rows = order[((x + along >= -180.0) & (x - along <= 180.0))[order]]
        for neighbour in (-BETWEEN_BANDS, 0.0, BETWEEN_BANDS):
            middle = band[rows] + neighbour + x[rows]
            start = np.searchsorted(place, middle - reach[rows], side="left")
            count = np.searchsorted(place, middle + reach[rows], side="right") - start
            within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
            found.append(np.stack([np.repeat(rows, count), order[np.repeat(start, count) + within]]))
    first, second = np.concatenate(found, axis=1)
    return first[first != second], second[first != second]


def _another_of_group(group: NDArray[Any]) -> Ints:
    """(n,) index of another member of the same group (groups below 0 are none), -1 where it is alone."""
    n = len(group)
    out = np.full(n, -1, dtype=np.int64)
    order = np.argsort(group, kind="stable")
    alike = (group[order][1:] == group[order][:-1]) & (group[order][1:] >= 0)
    out[order[1:][alike]] = order[:-1][alike]
    out[order[:-1][alike]] = order[1:][alike]
    return out


def good() -> Inventory:
    return rgik(origin=(-70.0, 0.0))


def bad() -> Bad:
    inventory = tprogi(4)
    layer = inventory.layer(Role.MARKER)
    assert layer is not None
    first = layer.geometry[0]
    near = shapely.Point(first.x + 0.00004, first.y - 0.00003)
    return Bad(with_geometry(inventory, Role.MARKER, {2: near}), {Role.MARKER: (0, 2)})
