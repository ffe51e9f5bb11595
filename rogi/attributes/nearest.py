"""Distance to the nearest of some polygons (glaciers, lakes): a source of attributes is a few lines of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyogrio
import pyproj
import shapely

from rogi import targets
from rogi.attributes.registry import Choice, Given, Source, Units, Values
from rogi.errors import InputError, OptionError
from rogi.geometry import metres_per_degree, parse_crs, to_lonlat, transform_coordinates, with_points_along
from rogi.inventory import vector
from rogi.inventory.coordinates import on_earth
from rogi.inventory.regions import polygon_layer
from rogi.longitudes import TURN
from rogi.schema.attributes import attributes
from rogi.text import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

GREATEST_KM: Final = 200.0
TILE: Final = 0.5
"""Degrees. Units of a tile are measured in one azimuthal equidistant projection around its centre, in which
lengths at the distance c are at most c²/6R² too long: 0.03 % at 240 km (Snyder 1987, ch. 25)."""


def distances(
    units: NDArray[np.object_], polygons: NDArray[np.object_], radius: float
) -> NDArray[np.float64]:
    """Geodesic distances from outlines to the nearest polygon.

    Parameters
    ----------
    units, polygons : ndarray of shapely polygons, shape (n,) and (m,)
        WGS84 longitude and latitude, valid; edges are straight there.
    radius : float
        Metres; up to `GREATEST_KM`.

    Returns
    -------
    ndarray of float64, shape (n,)
        Metres from edge to edge, right to 0.1 %; 0 where they touch or overlap, NaN where none is within
        the radius or the unit is empty.

    Examples
    --------
    >>> unit, ice = shapely.box(90, 30, 90.01, 30.01), shapely.box(90, 30.02, 90.01, 30.03)
    >>> distances(np.array([unit]), np.array([ice]), 50_000.0).round()
    array([1109.])
    """
    found = np.full(len(units), np.nan)
    tree = shapely.STRtree(polygons)
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
        ice = shapely.STRtree(_plane(polygons[near], centre))
        (which, _), metres = ice.query_nearest(
            _plane(units[members], centre), max_distance=radius, return_distance=True, all_matches=False
        )
        found[members[which]] = metres
    return found


def _around(tree: shapely.STRtree, bounds: NDArray[np.float64], radius: float) -> NDArray[np.int64]:
    """Polygons whose box is within a radius of that of some units, across the date line too."""
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


def nearest(name: str, one: str, concept: str, help: str, radius_km: float) -> Source:
    """The source whose attribute is the distance to the nearest polygon of some files.

    Parameters
    ----------
    name, one : str
        Of the source, and what one of its polygons is called: ``glaciers``, ``glacier``.
    concept : str
        Of the distance, m.
    help : str
        Line of ``--help``.
    radius_km : float
        Searched unless ``--<name>-radius`` is given.
    """

    def derive(units: Units, given: Given) -> Values:
        radius = float(given.choice("radius"))
        if not 0 < radius <= GREATEST_KM:
            raise OptionError(
                f"--{name}-radius is more than 0 and at most {GREATEST_KM:g} km, found {radius:g}."
            )
        files = tuple(Path(path) for path in given.files)
        read = [read_outlines(path, name) for path in files]
        notes = [
            f"{name}: {counted(left_out, 'outline')} of {path.name} left out: no area or no place."
            for path, (_, _, left_out) in zip(files, read, strict=True)
            if left_out
        ]
        values = np.full(len(units.lonlat), np.nan)
        outlines = np.concatenate([shapes for shapes, _, _ in read])
        values[units.used] = distances(_valid(units.lonlat[units.used]), outlines, radius * 1000)
        reasons = np.full(len(values), None, dtype=object)
        none = units.used[np.isnan(values[units.used])]
        reasons[none] = f"no {one} within {radius:g} km"
        if len(none):
            notes.append(
                f"{attributes()[concept].label}: {len(none)} of {counted(len(units.used), 'unit')} with no "
                f"{one} within {radius:g} km; check that the {one} outlines cover the surroundings of "
                "all units."
            )
        parameters = {
            "task": name,
            "radius_km": radius,
            "method": "geodesic distance between the nearest edges, 0 where they touch",
        }
        systems = ", ".join(dict.fromkeys(system for _, system, _ in read))
        return Values({concept: values}, reasons, files, systems, parameters, tuple(notes))

    choice = Choice("radius", radius_km, f"Kilometres searched, at most {GREATEST_KM:g}.", "KM")
    return Source(name, help, derive, (choice,), f"Check the CRS of the {one} outlines.", "FILE[:LAYER]")


def read_outlines(path: Path, what: str) -> tuple[NDArray[np.object_], str, int]:
    """Outlines of a vector file in WGS84, its CRS, and how many outlines have no area or no place.

    Raises
    ------
    InputError
        It cannot be read, has no CRS, or no polygons.
    """
    targets.note_read(path)
    try:
        frame = vector.read_dataframe(path, layer=polygon_layer(path, what), columns=[])
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise InputError(
            f"The {what} {path} cannot be read: {error}; name a vector file of polygons."
        ) from None
    shapes = np.asarray(getattr(frame, "geometry", np.array([], dtype=object)), dtype=object)
    shapes = shapes[np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes)]
    if not len(shapes):
        raise InputError(f"The {what} {path} contain no polygons; name a file that does.")
    if frame.crs is None:
        raise InputError(f"The {what} {path} have no CRS; set it, so that they can be placed.")
    system = parse_crs(frame.crs)
    # mended first: with points along its edges, a lobe of an outline that crosses itself may be lost
    lonlat = to_lonlat(with_points_along(_valid(shapes), system), system)
    lonlat = lonlat[on_earth(lonlat)]
    lonlat = _valid(lonlat)
    lonlat = lonlat[shapely.area(lonlat) > 0]
    if not len(lonlat):
        raise InputError(f"The {what} {path} have impossible coordinates; correct their CRS.")
    return lonlat, str(system.to_string()), len(frame) - len(lonlat)


def _valid(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    bad = ~shapely.is_valid(shapes)
    if not bad.any():
        return shapes
    shapes = shapes.copy()
    shapes[bad] = shapely.make_valid(shapes[bad])
    return shapes
