"""Where a unit is: the position its primary ID is made from."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.geometry import places_on_earth, to_lonlat
from rogi.inventory.ids.primary_id import ParsedIds, resolve
from rogi.inventory.model import Layer
from rogi.inventory.values.columns import numbers

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Objects = NDArray[np.object_]


_OF_SEGMENTS = (1, 2, 3, 5, 6)  # lines and polygons, single and multi, as GEOS numbers them
LARGEST = 1e12
"""Unit of any CRS; numbers beyond are no coordinates, and their squares overflow."""


class Place(StrEnum):
    """The point that stands for an outline."""

    AUTO = "auto"  # the centroid where it lies in the outline, else a point inside
    CENTROID = "centroid"
    INSIDE = "inside"


def positions(layer: Layer, place: Place = Place.AUTO) -> tuple[Floats, Floats]:
    """WGS84 longitude and latitude of the features of a layer.

    Parameters
    ----------
    layer : Layer
        Points are taken as they are; of other geometries a point is taken.
    place : Place
        Which point of an outline. Centroids are those of the plane of the layer's CRS; for a unit of a few
        kilometres that of degrees and that of metres are the same to a centimetre.

    Returns
    -------
    longitude, latitude : ndarray of float64, shape (n,)
        Degrees; NaN where the geometry is null, empty or not finite.

    Raises
    ------
    InputError
        If the layer has no CRS.
    """
    crs, geometry = layer.known_crs, layer.geometry
    lon, lat = np.full(len(geometry), np.nan), np.full(len(geometry), np.nan)
    with np.errstate(invalid="ignore"):
        usable = (np.abs(shapely.bounds(geometry)) <= LARGEST).all(axis=1)  # False where there are none
    usable &= finite_coordinates(geometry)
    at = np.flatnonzero(usable)
    points = _points(geometry[at], place)
    kept = ~shapely.is_empty(points)
    at, points = at[kept], to_lonlat(points[kept], crs)
    lon[at], lat[at] = shapely.get_x(points), shapely.get_y(points)
    return lon, lat


def finite_coordinates(geometry: Objects) -> Mask:
    """(n,) whether every x and y of a geometry is a finite number; True where there is no coordinate."""
    # No length is finite with a coordinate that is not, and lengths take no array of all coordinates.
    with np.errstate(invalid="ignore", over="ignore"):
        sure = np.isin(shapely.get_type_id(geometry), _OF_SEGMENTS) & np.isfinite(shapely.length(geometry))
    rest = np.flatnonzero(~sure)
    coords, index = shapely.get_coordinates(geometry[rest], return_index=True)
    finite = np.ones(len(geometry), dtype=bool)
    finite[rest[index[~np.isfinite(coords).all(axis=1)]]] = False
    return finite


def resolved(ids: ParsedIds, layer: Layer) -> ParsedIds:
    """IDs of a layer, those with several readings read as their geometry or position columns say.

    Parameters
    ----------
    ids : ParsedIds
        As parsed from the texts of the layer.
    layer : Layer
        Nothing is decided where it has neither a CRS nor columns of latitude and longitude.
    """
    if not ids.readings:
        return ids
    if layer.crs is not None and places_on_earth(layer.crs):
        with np.errstate(all="ignore"):
            ids = resolve(ids, *positions(layer))
    if ids.ambiguous.any() and layer.has("latitude") and layer.has("longitude"):
        stated = [np.where(ids.ambiguous, numbers(layer, name), np.nan) for name in ("longitude", "latitude")]
        ids = resolve(ids, *stated)
    return ids


def _points(geometry: NDArray[np.object_], place: Place) -> NDArray[np.object_]:
    points = geometry.copy()
    other = shapely.get_type_id(geometry) != shapely.GeometryType.POINT
    shapes = geometry[other]
    if place is Place.INSIDE:
        points[other] = shapely.point_on_surface(shapes)
        return points
    centroids = shapely.centroid(shapes)
    if place is Place.AUTO:
        outside = ~shapely.contains_xy(shapes, shapely.get_x(centroids), shapely.get_y(centroids))
        centroids[outside] = shapely.point_on_surface(shapes[outside])
    points[other] = centroids
    return points
