"""Which units are described, by which polygons, and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from rogi.attributes.zonal.coverage import pixel_rings, valid_polygons
from rogi.errors import InputError, OptionError
from rogi.geometry import local_metres, places_on_earth, to_lonlat, transform_coordinates
from rogi.inventory.coordinates import coordinates, labels_of
from rogi.inventory.crs import label
from rogi.inventory.ids.primary_id import parse
from rogi.inventory.ids.unit_positions import positions as outline_positions
from rogi.inventory.ids.unit_positions import resolved
from rogi.inventory.values.columns import blank
from rogi.longitudes import beside, short_way
from rogi.schema.model import Role
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rogi.inventory.model import Inventory, Layer

SHOWN = 5
"""Units named in a message."""

ASTRAY = 0.01
"""Degrees, about 1 km, from the box of an outline: its marker or ID is another unit's, or mistyped."""


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """The n units that are described.

    Attributes
    ----------
    layer
        Outlines or markers.
    polygons
        (n,) in the CRS of the layer; empty where there is none, or none with a place.
    placeless
        (n,) why the coordinates of a unit are no place (SCH006, SCH007, GEO019); blank where they are one.
    notes
        The same in words, counted and named.
    """

    layer: Layer
    polygons: NDArray[np.object_]
    placeless: NDArray[np.object_]
    notes: list[str]


def described_units(inventory: Inventory, buffer: float | None) -> Described:
    """The layer whose units are described, and their polygons.

    Raises
    ------
    InputError
        If there is no such layer, or its CRS is missing or has no longitude and latitude.
    OptionError
        If the buffer is no distance.
    """
    layer = _described_layer(inventory, buffer)
    if not places_on_earth(layer.known_crs):
        raise InputError(
            f"The {layer.title} are in {label(layer.known_crs)}, which has no longitude and latitude; "
            "bring them into a geographic or projected coordinate reference system first."
        )
    state = coordinates(layer)
    geometry = layer.geometry.copy()
    geometry[(state.infinite | state.usable) & ~state.sound] = None
    placeless = np.full(len(layer), "", dtype=object)
    placeless[state.off_earth] = "impossible coordinates (SCH006)"
    placeless[state.swapped] = "swapped coordinates (SCH007)"
    placeless[state.infinite] = "coordinates that are not finite (GEO019)"
    noun = layer.role.title.removesuffix("s")
    notes = state.notes(lambda: labels_of(layer), noun, "not measured")
    if layer.role is Role.OUTLINE:
        return Described(layer, valid_polygons(geometry)[0], placeless, notes)
    assert buffer is not None
    return Described(layer, circles(geometry, layer.crs, buffer), placeless, notes)


def _described_layer(inventory: Inventory, buffer: float | None) -> Layer:
    outlines, markers = inventory.layer(Role.OUTLINE), inventory.layer(Role.MARKER)
    if outlines is not None and (len(outlines) or markers is None):
        if buffer is not None:
            path = inventory.path or "the inventory"
            raise OptionError(
                f"A buffer describes circles around markers, but {path} has "
                f"{counted(len(outlines), 'outline')}; leave out --buffer, or buffer in [attributes]"
                + (
                    f", or describe the markers alone with --layer marker={path}:{markers.name}."
                    if markers is not None and len(markers)
                    else "."
                )
            )
        return outlines
    if markers is None:
        raise InputError(f"{inventory.path or 'The inventory'} has neither outlines nor primary markers.")
    if buffer is None:
        raise InputError(
            f"{inventory.path or 'The inventory'} has primary markers only; give --buffer METRES to describe "
            "the ground around them."
        )
    if not buffer > 0:
        raise OptionError(f"--buffer is a distance in metres above 0, found {buffer}.")
    return markers


def circles(points: NDArray[np.object_], crs: Any, radius: float) -> NDArray[np.object_]:
    """Circles of `radius` metres on the ground around points: polygons of 64 vertices in the points' CRS."""
    centres = np.column_stack(_coordinates(shapely.centroid(to_lonlat(points, crs))))
    some = np.isfinite(centres).all(axis=1)
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    # Metres per degree at the point, from the local plane.
    east = local_metres(centres + np.array([1e-3, 0.0]), centres)[:, 0] * 1e3
    north = local_metres(centres + np.array([0.0, 1e-3]), centres)[:, 1] * 1e3
    x = centres[:, :1] + radius * np.sin(angle) / east[:, None]
    y = centres[:, 1:] + radius * np.cos(angle) / north[:, None]
    ring = np.stack([x, y], axis=-1)
    moved = transform_coordinates(ring.reshape(-1, 2), 4326, crs).reshape(ring.shape)
    out = np.full(len(points), None, dtype=object)
    out[some] = shapely.polygons(moved[some])
    return valid_polygons(out)[0]


def positions(
    inventory: Inventory, layer: Layer, lonlat: NDArray[np.object_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Longitude and latitude of units: their markers', their IDs', else of a point within them.

    Also the units whose marker or ID is far from their outline, as where IDs were exchanged (PID008, PID011);
    a point within them is taken.
    """
    if layer.role is Role.MARKER:
        return *_marker_positions(layer), np.empty(0, dtype=np.int64)
    there = ~(shapely.is_missing(lonlat) | shapely.is_empty(lonlat))
    inside = [np.where(there, found, np.nan) for found in outline_positions(layer)]
    longitude, latitude = inside
    if layer.has("primary_id"):
        longitude, latitude = _said_positions(inventory, layer, longitude, latitude)
    west, south, east, north = (shapely.bounds(lonlat) + np.array([-1.0, -1.0, 1.0, 1.0]) * ASTRAY).T
    with np.errstate(invalid="ignore"):
        turned = beside(longitude, inside[0])
        off = (turned < west) | (turned > east) | (latitude < south) | (latitude > north)
    longitude, latitude = np.where(off, inside[0], longitude), np.where(off, inside[1], latitude)
    return short_way(longitude), latitude, np.flatnonzero(off)


def astray_note(number: int, named: str) -> str:
    """That positions of IDs or markers are not those of their outlines."""
    lie = agreeing(number, "lies elsewhere than its ID or marker", "lie elsewhere than their ID or marker")
    return (
        f"LAT, LON: {counted(number, 'unit')} {lie} ({named}); a point inside is taken. See PID008 and "
        "PID011 of `rogi validate`."
    )


def _said_positions(
    inventory: Inventory, layer: Layer, longitude: NDArray[np.float64], latitude: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions of the markers and IDs of outlines, else those given."""
    ids = resolved(parse(layer.raw("primary_id").to_numpy(dtype=object)), layer)
    known = ids.parsed & ~ids.ambiguous
    known &= np.isfinite(ids.latitude) & (np.abs(ids.latitude) <= 90) & (np.abs(ids.longitude) <= 180)
    longitude, latitude = np.where(known, ids.longitude, longitude), np.where(known, ids.latitude, latitude)
    markers = inventory.layer(Role.MARKER)
    if markers is not None and markers.has("primary_id") and markers.crs is not None:
        lon, lat = _marker_positions(markers)
        own = resolved(parse(markers.raw("primary_id").to_numpy(dtype=object)), markers)
        place = {text: k for k, text in reversed(list(enumerate(own.canonical))) if text is not None}
        for unit, text in enumerate(ids.canonical):
            if text in place and np.isfinite(lon[place[text]]):
                longitude[unit], latitude[unit] = lon[place[text]], lat[place[text]]
    return longitude, latitude


def _marker_positions(markers: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of markers, NaN where their coordinates are no place."""
    sound = coordinates(markers).sound
    points = markers.geometry.copy()
    points[~sound] = None
    longitude, latitude = _coordinates(shapely.centroid(to_lonlat(points, markers.crs)))
    return short_way(longitude), latitude


def outside_grid(
    polygons: NDArray[np.object_], grid: Any, extents: NDArray[np.float64] | None = None
) -> NDArray[np.bool_]:
    """Which polygons, placed on a raster's grid, none of its files reaches by their bounding boxes.

    `extents` are row0, row1, column0, column1 of the files, shape (m, 4); by default those of all of a
    surface, else of the grid.
    """
    if extents is None:
        whole = [(0, grid.shape[0], 0, grid.shape[1])]
        extents = np.asarray(getattr(grid, "extents", whole), dtype=np.float64)
    west, north, east, south = pixel_rings(polygons, grid.transform).bounds.T[..., None]
    row0, row1, column0, column1 = extents.T
    with np.errstate(invalid="ignore"):
        meet = (west < column1) & (east > column0) & (north < row1) & (south > row0)
    found: NDArray[np.bool_] = ~meet.any(axis=1)
    return found


def _coordinates(points: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of points; NaN for missing and empty ones."""
    xy = np.full((len(points), 2), np.nan)
    some = ~(shapely.is_missing(points) | shapely.is_empty(points))
    xy[some] = shapely.get_coordinates(points[some])
    return xy[:, 0], xy[:, 1]


def named_units(layer: Layer, units: NDArray[np.int64]) -> str:
    """The first of some units by ID or row, for messages."""
    ids = layer.raw("primary_id").to_numpy(dtype=object) if layer.has("primary_id") else None
    names = [
        str(ids[unit])
        if ids is not None and not blank(ids[unit : unit + 1])[0]
        else f"row {layer.rows[unit]}"
        for unit in units[:SHOWN]
    ]
    return ", ".join(names) + (" ..." if len(units) > SHOWN else "")
