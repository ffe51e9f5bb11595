"""Outlines as mappers drew them: which can be read and lie on the Earth, and what others lack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.geometry import Geometries, in_two_dimensions, to_lonlat, transform_geometries
from rogi.inventory.coordinates import on_earth
from rogi.inventory.crs import label
from rogi.inventory.ids.unit_positions import LARGEST, finite_coordinates

if TYPE_CHECKING:
    import pyproj

Texts = NDArray[np.object_]

NOT_FINITE: Final = "it has coordinates that are not finite numbers (GEO019)"
NO_PLACE: Final = "its coordinates ({x:.6g}, {y:.6g}) are no place on Earth in {crs} (SCH006)"


def sound_outlines(
    geometry: Geometries, crs: pyproj.CRS, target: Any, unreadable: Mapping[int, str] | None = None
) -> tuple[Geometries, Texts]:
    """Outlines that can be reckoned with, in another CRS.

    Parameters
    ----------
    geometry
        (n,) polygons and multipolygons in two dimensions, or None; not changed.
    crs, target
        Of the geometries, and of the result.
    unreadable
        Position -> why the geometry there could not be read.

    Returns
    -------
    geometry : ndarray of object, shape (n,)
        None where there was none, or where it is no place on Earth.
    fault : ndarray of object, shape (n,)
        What is wrong with an outline that was set aside, for people; None where nothing is.

    Examples
    --------
    >>> import pyproj
    >>> boxes = [shapely.box(74, 37, 74.01, 37.01), shapely.box(700, 37, 700.01, 37.01)]
    >>> sound, fault = sound_outlines(np.array(boxes, dtype=object), pyproj.CRS(4326), 4326)
    >>> shapely.is_missing(sound).tolist(), fault[1]
    ([False, True], 'its coordinates (700.01, 37.01) are no place on Earth in EPSG:4326 (WGS 84) (SCH006)')
    """
    out = np.array(geometry, dtype=object)
    fault = np.full(len(out), None, dtype=object)
    for position, why in (unreadable or {}).items():
        fault[position] = f"it cannot be read: {why}"
    there = ~shapely.is_missing(out)
    finite = finite_coordinates(out)
    fault[there & ~finite] = NOT_FINITE
    bounds = shapely.bounds(out).reshape(-1, 4)
    with np.errstate(invalid="ignore"):
        sound = there & finite & (np.abs(bounds) <= LARGEST).all(axis=1)
    at = np.flatnonzero(sound)
    moved = transform_geometries(out[at], crs, target)
    sound[at] = on_earth(to_lonlat(out[at], crs)) & finite_coordinates(moved)
    for i in np.flatnonzero(there & finite & ~sound).tolist():
        west, south, east, north = bounds[i]
        x = east if abs(east) >= abs(west) else west
        y = north if abs(north) >= abs(south) else south
        fault[i] = NO_PLACE.format(x=x, y=y, crs=label(crs))
    kept = sound[at]
    out[~sound] = None
    out[at[kept]] = moved[kept]
    return out, fault


def is_no_place(fault: str | None) -> bool:
    """Whether a fault is that of coordinates that lie nowhere on the Earth."""
    return fault is not None and fault.startswith(NO_PLACE.partition("{")[0])


def polygonal(geometry: Geometries) -> tuple[Geometries, int]:
    """Polygons and multipolygons in two dimensions, None for what has none; how many were collections."""
    out = np.array(in_two_dimensions(geometry), dtype=object)
    kind = shapely.get_type_id(out)
    mixed = np.flatnonzero(kind == shapely.GeometryType.GEOMETRYCOLLECTION)
    for row in mixed:
        parts = shapely.get_parts(out[row])
        parts = np.concatenate([shapely.get_parts(part) for part in parts]) if len(parts) else parts
        polygons = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
        out[row] = shapely.multipolygons(polygons) if len(polygons) else None
    kind = shapely.get_type_id(out)
    no_area = ~np.isin(kind, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    out[no_area | shapely.is_empty(out)] = None
    single = (kind == shapely.GeometryType.MULTIPOLYGON) & (shapely.get_num_geometries(out) == 1)
    out[single] = shapely.get_geometry(out[single], 0)
    return out, len(mixed)


def read_binary(values: Any) -> tuple[Geometries, dict[int, str]]:
    """Geometries from well-known binary, None if missing or it cannot be read, and why not.

    Examples
    --------
    >>> read_binary([None, b"no geometry"])[0].tolist()
    [None, None]
    """
    wkb = np.array(list(values), dtype=object)
    with np.errstate(invalid="ignore"):
        out = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
    lost = [i for i in np.flatnonzero(shapely.is_missing(out)).tolist() if wkb[i] is not None]
    return out, {i: _why_unreadable(wkb[i]) for i in lost}


def _why_unreadable(wkb: bytes) -> str:
    """Why a geometry in well-known binary cannot be built, in the words of GEOS."""
    try:
        with np.errstate(invalid="ignore"):
            shapely.from_wkb(wkb)
    except (shapely.errors.GEOSException, NotImplementedError, ValueError) as error:
        return str(error).partition(": ")[2].strip().rstrip(".") or str(error)
    return "it is of a kind that no outline has"
