"""Distance to the nearest glacier, from glacier outlines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyogrio
import pyproj
import shapely

from rogi import targets, vector
from rogi.attributes.registry import Choice, Given, Source, Units, Values
from rogi.errors import InputError, OptionError
from rogi.geometry import metres_per_degree, parse_crs, to_lonlat, transform_coordinates, with_points_along
from rogi.inventory.coordinates import on_earth
from rogi.inventory.regions import polygon_layer
from rogi.longitudes import TURN
from rogi.text import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

RADIUS_KM: Final = 50.0
GREATEST_KM: Final = 200.0
TILE: Final = 0.5
"""Degrees. Units of a tile are measured in one azimuthal equidistant projection around its centre, in which
lengths at the distance c are at most c²/6R² too long: 0.03 % at 240 km (Snyder 1987, ch. 25)."""


def distances(
    units: NDArray[np.object_], glaciers: NDArray[np.object_], radius: float
) -> NDArray[np.float64]:
    """Geodesic distances from outlines to the nearest glacier.

    Parameters
    ----------
    units, glaciers : ndarray of shapely polygons, shape (n,) and (m,)
        WGS84 longitude and latitude, valid; edges are straight there.
    radius : float
        Metres; up to `GREATEST_KM`.

    Returns
    -------
    ndarray of float64, shape (n,)
        Metres from edge to edge, right to 0.1 %; 0 where they touch or overlap, NaN where no glacier is
        within the radius or the unit is empty.

    Examples
    --------
    >>> unit, ice = shapely.box(90, 30, 90.01, 30.01), shapely.box(90, 30.02, 90.01, 30.03)
    >>> distances(np.array([unit]), np.array([ice]), 50_000.0).round()
    array([1109.])
    """
    found = np.full(len(units), np.nan)
    tree = shapely.STRtree(glaciers)
    bounds = shapely.bounds(units)
    known = np.flatnonzero(np.isfinite(bounds).all(axis=1))
    middle = (bounds[known][:, :2] + bounds[known][:, 2:]) / 2
    tiles, owner = np.unique(np.floor(middle / TILE), axis=0, return_inverse=True)
    for number, (column, row) in enumerate(tiles.tolist()):
        members = known[owner.reshape(-1) == number]
        near = _around(tree, bounds[members], radius)
        if not len(near):
            continue
        centre = ((column + 0.5) * TILE, (row + 0.5) * TILE)
        ice = shapely.STRtree(_plane(glaciers[near], centre))
        (which, _), metres = ice.query_nearest(
            _plane(units[members], centre), max_distance=radius, return_distance=True, all_matches=False
        )
        found[members[which]] = metres
    return found


def _around(tree: shapely.STRtree, bounds: NDArray[np.float64], radius: float) -> NDArray[np.int64]:
    """Glaciers whose box is within a radius of that of some units, across the date line too."""
    west, south = bounds[:, :2].min(axis=0).tolist()
    east, north = bounds[:, 2:].max(axis=0).tolist()
    height = 1.01 * radius / float(metres_per_degree(0.0)[1])
    south, north = south - height, north + height
    farthest = max(abs(south), abs(north))
    width = TURN if farthest >= 90 else 1.01 * radius / float(metres_per_degree(farthest)[0])
    boxes = [
        shapely.box(west - width + turn, south, east + width + turn, north) for turn in (-TURN, 0.0, TURN)
    ]
    return np.unique(tree.query(boxes)[1])


def _plane(shapes: NDArray[np.object_], centre: tuple[float, float]) -> NDArray[np.object_]:
    """Polygons on the azimuthal equidistant plane around a place."""
    plane = pyproj.CRS(f"+proj=aeqd +lon_0={centre[0]:.10g} +lat_0={centre[1]:.10g} +ellps=WGS84 +units=m")
    dense = with_points_along(shapes, "EPSG:4326")
    start = parse_crs("EPSG:4326")
    return np.asarray(shapely.transform(dense, lambda xy: transform_coordinates(xy, start, plane)))


def derive(units: Units, given: Given) -> Values:
    """The distances of units; null, with a reason, where no glacier is within the radius."""
    radius = float(given.choice("radius"))
    if not 0 < radius <= GREATEST_KM:
        raise OptionError(
            f"--glaciers-radius is more than 0 and at most {GREATEST_KM:g} km, found {radius:g}."
        )
    files = tuple(Path(path) for path in given.files)
    systems: dict[str, None] = {}
    outlines: list[NDArray[np.object_]] = []
    notes: list[str] = []
    for path in files:
        shapes, system, left_out = read_glaciers(path)
        outlines.append(shapes)
        systems[system] = None
        if left_out:
            notes.append(
                f"glaciers: {counted(left_out, 'outline')} of {path.name} left out: no area or no place."
            )
    values = np.full(len(units.lonlat), np.nan)
    values[units.used] = distances(_valid(units.lonlat[units.used]), np.concatenate(outlines), radius * 1000)
    reasons = np.full(len(values), None, dtype=object)
    none = units.used[np.isnan(values[units.used])]
    reasons[none] = f"no glacier within {radius:g} km"
    if len(none):
        notes.append(
            f"GLACIER: {len(none)} of {counted(len(units.used), 'unit')} with no glacier within "
            f"{radius:g} km; check that the glacier outlines cover the surroundings of all units."
        )
    parameters = {
        "task": "glaciers",
        "radius_km": radius,
        "method": "geodesic distance between the nearest edges, 0 where they touch",
    }
    return Values({"glacier_distance": values}, reasons, files, ", ".join(systems), parameters, tuple(notes))


def read_glaciers(path: Path) -> tuple[NDArray[np.object_], str, int]:
    """Outlines of a vector file in WGS84, its CRS, and how many outlines have no area or no place.

    Raises
    ------
    InputError
        It cannot be read, has no CRS, or no polygons.
    """
    targets.note_read(path)
    try:
        frame = vector.read_dataframe(path, layer=polygon_layer(path, "glaciers"), columns=[])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise InputError(
            f"The glaciers {path} cannot be read: {error}; name a vector file of polygons."
        ) from None
    shapes = np.asarray(getattr(frame, "geometry", np.array([], dtype=object)), dtype=object)
    shapes = shapes[np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes)]
    if not len(shapes):
        raise InputError(f"The glaciers {path} hold no polygons; name a file that does.")
    if frame.crs is None:
        raise InputError(f"The glaciers {path} have no CRS; set it, so that they can be placed.")
    system = parse_crs(frame.crs)
    # mended first: with points along its edges, a lobe of an outline that crosses itself may be lost
    lonlat = to_lonlat(with_points_along(_valid(shapes), system), system)
    lonlat = lonlat[on_earth(lonlat)]
    lonlat = _valid(lonlat)
    lonlat = lonlat[shapely.area(lonlat) > 0]
    if not len(lonlat):
        raise InputError(f"The glaciers {path} have impossible coordinates; correct their CRS.")
    return lonlat, str(system.to_string()), len(frame) - len(lonlat)


def _valid(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    bad = ~shapely.is_valid(shapes)
    if not bad.any():
        return shapes
    shapes = shapes.copy()
    shapes[bad] = shapely.make_valid(shapes[bad])
    return shapes


SOURCE = Source(
    "glaciers",
    "Glacier outlines, a vector file of polygons: distance to the nearest. Repeatable.",
    derive,
    (
        Choice(
            "radius",
            RADIUS_KM,
            f"Kilometres searched, at most {GREATEST_KM:g}.",
        ),
    ),
    "Check the CRS of the glacier outlines.",
)
