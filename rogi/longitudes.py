"""Longitudes without jumps: outlines across the antimeridian, longitudes from 0 to 360, and a common cut.

All commands ask here. Arrays of shapely geometries in degrees go in and come out; whoever brings geometries
to longitude and latitude with :func:`rogi.geometry.to_lonlat` has them whole already.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Geometries = NDArray[np.object_]

CROSSING_SPAN = 1.0
"""Degrees of longitude; wider than any rock glacier, narrower than any frame with a gap."""
TURN = 360.0


def short_way(angle: Any) -> Any:
    """Angles, or differences of angles, the short way round: between -180 (included) and 180 degrees.

    Examples
    --------
    >>> short_way(359.5), short_way(np.array([-180.5, 10.0])).tolist()
    (-0.5, [179.5, 10.0])
    """
    return (angle + TURN / 2) % TURN - TURN / 2


def beside(longitude: Any, middle: Any) -> Any:
    """Longitudes turned to within 180 degrees of a middle.

    Examples
    --------
    >>> float(beside(-179.5, 179.0))
    180.5
    """
    return middle + short_way(longitude - middle)


def continuous(longitude: Floats, offsets: NDArray[np.int64], turn: float = TURN) -> Floats:
    """Longitudes of rings, or of features, without the jump from one end of the map to the other.

    A group that spans more than half a turn, and less than :data:`CROSSING_SPAN` once its western part is
    raised by a turn, is taken to cross the end of the map. A frame around the world is left as it is.

    Parameters
    ----------
    longitude : ndarray of float64, shape (v,)
    offsets : ndarray of int, shape (k + 1,)
        Group i has the longitudes ``offsets[i]`` to ``offsets[i + 1] - 1``.
    turn : float
        A full turn in the unit of the longitudes.

    Returns
    -------
    ndarray of float64, shape (v,)
        The given array where nothing jumps.

    Examples
    --------
    >>> continuous(np.array([179.99, -179.99, 10.0, 10.1]), np.array([0, 2, 4]))
    array([179.99, 180.01,  10.  ,  10.1 ])
    """
    lengths = np.diff(offsets)
    starts = offsets[:-1][lengths > 0]
    lengths = lengths[lengths > 0]
    if not len(starts):
        return longitude
    low, high = np.minimum.reduceat(longitude, starts), np.maximum.reduceat(longitude, starts)
    with np.errstate(invalid="ignore"):
        wide = np.flatnonzero(high - low > turn / 2)
    out = longitude
    for group in wide:
        part = slice(starts[group], starts[group] + lengths[group])
        values = longitude[part]
        raised = np.where(values < (low[group] + high[group]) / 2, values + turn, values)
        if 0 < np.ptp(raised) < CROSSING_SPAN * turn / TURN:
            out = out.copy() if out is longitude else out
            out[part] = raised
    return out


def unwrapped(geometry: Geometries) -> tuple[Geometries, NDArray[np.bool_]]:
    """Features in degrees with continuous longitudes, see :func:`continuous`.

    Returns
    -------
    geometry, crossing
        (n,) geometries (the given array where nothing crosses), and which were changed.
    """
    return _unwrapped(geometry, shapely.bounds(geometry))


def _unwrapped(geometry: Geometries, bounds: Floats) -> tuple[Geometries, NDArray[np.bool_]]:
    with np.errstate(invalid="ignore"):
        crossing = bounds[:, 2] - bounds[:, 0] > TURN / 2
    crossing &= np.isfinite(bounds).all(axis=1)
    if not crossing.any():
        return geometry, crossing
    at = np.flatnonzero(crossing)
    offsets = np.concatenate([[0], np.cumsum(shapely.get_num_coordinates(geometry[at]))])
    moved = shapely.transform(
        geometry[at], lambda xy: np.column_stack([continuous(xy[:, 0], offsets), xy[:, 1]])
    )
    west, _, east, _ = shapely.bounds(moved).T
    narrow = (east > west) & (east - west < CROSSING_SPAN)
    crossing[at] = narrow
    if not narrow.any():
        return geometry, crossing
    out = geometry.copy()
    out[at[narrow]] = moved[narrow]
    return out, crossing


def whole(lonlat: Geometries) -> Geometries:
    """Features in degrees in one piece, with their middle within ±180.

    Longitudes become continuous, polygons that were cut at the antimeridian (RFC 7946, section 3.1.9) are
    joined, and what is given on 0 to 360 is brought back. Longitudes beyond ±360 are no longitudes and stay.

    Parameters
    ----------
    lonlat : ndarray of object, shape (n,)
        Not changed.

    Returns
    -------
    ndarray of object, shape (n,)
        The given array where nothing had to be moved.

    Examples
    --------
    >>> shapely.bounds(whole(np.array([shapely.box(285, -30, 285.5, -29)], dtype=object))).tolist()
    [[-75.0, -30.0, -74.5, -29.0]]
    """
    bounds = shapely.bounds(lonlat).reshape(-1, 4)
    lonlat, crossing = _unwrapped(lonlat, bounds)
    if crossing.any():
        cut = np.flatnonzero(crossing & (shapely.get_type_id(lonlat) == shapely.GeometryType.MULTIPOLYGON))
        for i in cut[[bool(shapely.is_valid(shapely.get_parts(lonlat[k])).all()) for k in cut]]:
            lonlat[i] = shapely.union_all(shapely.get_parts(lonlat[i]))
        bounds = shapely.bounds(lonlat)
    return _turned(lonlat, bounds, 0.0, TURN)


def turned(lonlat: Geometries, middle: float, limit: float = np.inf) -> Geometries:
    """Features moved by whole turns, so that the middle of each lies within 180° of a longitude.

    Parameters
    ----------
    lonlat : ndarray of object, shape (n,)
        Not changed.
    middle : float
        Degrees.
    limit : float
        Features whose middle lies farther than this from 0 are left as they are.
    """
    return _turned(lonlat, shapely.bounds(lonlat).reshape(-1, 4), middle, limit)


def _turned(lonlat: Geometries, bounds: Floats, middle: float, limit: float) -> Geometries:
    west, _, east, _ = bounds.T
    with np.errstate(invalid="ignore"):
        centre = (west + east) / 2
        away = np.isfinite(centre) & (np.abs(centre) <= limit)
        away &= (centre < middle - TURN / 2) | (centre > middle + TURN / 2)
    if not away.any():
        return lonlat
    rows = np.flatnonzero(away)
    turns = -np.floor((centre[rows] - middle + TURN / 2) / TURN) * TURN
    shift = np.repeat(turns, shapely.get_num_coordinates(lonlat[rows]))
    out = lonlat.copy()
    out[rows] = shapely.transform(lonlat[rows], lambda xy: np.column_stack([xy[:, 0] + shift, xy[:, 1]]))
    return out


def middle_of(west: Floats, east: Floats) -> float:
    """The longitude about which the map of some features is laid, so that its edge cuts none of them.

    That is 0, unless something comes within :data:`CROSSING_SPAN` of the antimeridian on both sides: then the
    edge is put into the widest gap.

    Parameters
    ----------
    west, east : ndarray of float64, shape (n,)
        Bounds in degrees, see :func:`whole`; NaN is left out.

    Returns
    -------
    float
        Degrees, within ±180.

    Examples
    --------
    >>> middle_of(np.array([179.5, -180.0]), np.array([180.0, -179.5]))
    180.0
    """
    known = np.isfinite(west) & np.isfinite(east)
    west, east = west[known], east[known]
    edge = TURN / 2 - CROSSING_SPAN
    if not len(west) or not (east.max() > edge and (west.min() < -edge or east.max() > TURN / 2)):
        return 0.0
    start = west % TURN
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate((start + (east - west))[order])
    reach = np.maximum(reach, reach[-1] - TURN)  # what goes over the end covers the beginning
    gaps = np.append(start[1:] - reach[:-1], start[0] + TURN - reach[-1])
    widest = int(np.argmax(gaps))
    cut = reach[widest] + max(gaps[widest], 0.0) / 2
    middle = float((cut + TURN / 2) % TURN)
    return middle - TURN if middle > TURN / 2 else middle  # so that what need not be moved is not


def in_one_map(*arrays: Geometries) -> list[Geometries]:
    """Features of several arrays on one map whose edge cuts none of them, see :func:`middle_of`."""
    each = [shapely.bounds(lonlat).reshape(-1, 4) for lonlat in arrays]
    bounds = np.concatenate(each)
    middle = middle_of(bounds[:, 0], bounds[:, 2])
    return [_turned(lonlat, own, middle, np.inf) for lonlat, own in zip(arrays, each, strict=True)]


def around(geometry: Geometries, units: Geometries) -> tuple[Geometries, NDArray[np.intp]]:
    """Features, and copies of them a turn to the west and east where those reach some units.

    Units and what they lie in may be written on different sides of the antimeridian.

    Parameters
    ----------
    geometry, units : ndarray of object
        In degrees.

    Returns
    -------
    geometry, rows
        The features with their copies, and the position of each among those given.

    Examples
    --------
    >>> units = np.array([shapely.box(-180.2, 60, -180.1, 61)], dtype=object)
    >>> shapes, rows = around(np.array([shapely.box(175, 50, 180, 70)], dtype=object), units)
    >>> shapely.bounds(shapes)[:, 0].tolist(), rows.tolist()
    ([175.0, -185.0], [0, 0])
    """
    west, _, east, _ = shapely.bounds(geometry).reshape(-1, 4).T
    shapes, rows = [geometry], [np.arange(len(geometry))]
    if not len(units):
        return shapes[0], rows[0]
    first, _, last, _ = shapely.total_bounds(units)
    for turn in (-TURN, TURN):
        again = np.flatnonzero((west + turn <= last) & (east + turn >= first))  # none for NaN
        rows.append(again)
        shapes.append(shapely.transform(geometry[again], lambda xy, by=turn: xy + np.array([by, 0.0])))
    return np.concatenate(shapes), np.concatenate(rows)
