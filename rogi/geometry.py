"""Areas, equal-area coordinates and local metres for arrays of geometries: the kernel all commands share.

Nothing here knows of tables or files: arrays of shapely geometries and a coordinate reference system come in,
arrays go out. Areas are areas on the ellipsoid, never square degrees and never the area of a conformal map.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from rogi.errors import InputError
from rogi.longitudes import beside, short_way, turned, whole

if TYPE_CHECKING:
    import pyproj

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Geometries = NDArray[np.object_]

_WGS84_A, _WGS84_F = 6378137.0, 1.0 / 298.257223563  # NIMA TR8350.2
_WGS84_E2 = _WGS84_F * (2.0 - _WGS84_F)
BLOCK = 1 << 15
"""Vertices worked on at a time: what is in between stays in the cache and is not asked of the system anew."""

# Projection methods (EPSG and PROJ names) whose plane areas are areas on the ellipsoid. Spherical
# variants applied to an ellipsoid are left out: their areas are off by up to 0.7 %.
EQUAL_AREA_METHODS = frozenset(
    {
        "Albers Equal Area",
        "Lambert Azimuthal Equal Area",
        "Lambert Cylindrical Equal Area",
        "Equal Earth",
        "Sinusoidal",
    }
)


def equal_area_crs(bounds: ArrayLike) -> pyproj.CRS:
    """Cylindrical equal-area CRS on the WGS84 ellipsoid, true to scale at the middle latitude of some bounds.

    Parameters
    ----------
    bounds : array_like, shape (4,)
        West, south, east, north in degrees.

    Returns
    -------
    pyproj.CRS
        ``+proj=cea`` with the central meridian and the standard parallel in the middle of the bounds,
        each rounded to a whole degree, so that nearly equal extents share one system.
    """
    west, south, east, north = (float(v) for v in np.asarray(bounds, float))
    if not np.isfinite([west, south, east, north]).all():
        west = south = east = north = 0.0
    parallel = min(70.0, abs(round((south + north) / 2)))
    return parse_crs(
        f"+proj=cea +lat_ts={parallel:g} +lon_0={round((west + east) / 2):g} +ellps=WGS84 +units=m +no_defs"
    )


def total_bounds(*arrays: ArrayLike) -> Floats:
    """West, south, east, north of all geometries of some arrays, shape (4,); NaN if there is nothing."""
    bounds = np.concatenate([np.empty((0, 4)), *(shapely.bounds(as_array(a)).reshape(-1, 4) for a in arrays)])
    bounds = bounds[~np.isnan(bounds).any(axis=1)]
    if len(bounds) == 0:
        return np.full(4, np.nan)
    return np.concatenate([bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)])


def to_lonlat(geometries: ArrayLike, crs: Any) -> Geometries:
    """Geometries in WGS84 longitude and latitude, degrees, x = longitude; see `rogi.longitudes.whole`."""
    return whole(transform_geometries(as_array(geometries), crs, 4326))


def transform_geometries(geometries: ArrayLike, source: Any, target: Any) -> Geometries:
    """Geometries with every vertex taken from one CRS to another (x = longitude or easting); Z is dropped."""
    geoms = as_array(geometries)
    start, end = parse_crs(source), parse_crs(target)
    if start == end or start.equals(end, ignore_axis_order=True):
        return np.asarray(shapely.force_2d(geoms)) if shapely.has_z(geoms).any() else geoms
    return np.asarray(shapely.transform(geoms, lambda coords: transform_coordinates(coords, start, end)))


def in_two_dimensions(geometries: Geometries) -> Geometries:
    """Geometries without Z and M, shape (n,); the given array where none has them."""
    more = shapely.has_z(geometries) | shapely.has_m(geometries)
    return np.asarray(shapely.force_2d(geometries)) if more.any() else geometries


def cylindrical_equal_area(lonlat: Floats, crs: pyproj.CRS, *, in_place: bool = False) -> Floats:
    """Longitude and latitude on WGS84, shape (n, 2), in a CRS of `equal_area_crs`, m.

    Longitudes go on beyond 180° from the central meridian: the plane has no edge that would tear an outline.
    x = a k₀ (λ - λ₀), y = a q / (2 k₀) with k₀ = cos φₜₛ / √(1 - e² sin² φₜₛ) (Snyder 1987, eqs. 10-13 to
    10-15); the same as by PROJ, in less than half of its time. ``in_place`` overwrites the given array.
    """
    values = _projection_values(crs)
    parallel = np.radians(values["Latitude of 1st standard parallel"])
    middle = central_meridian(crs)
    e = np.sqrt(_WGS84_E2)
    scale = np.cos(parallel) / np.sqrt(1.0 - _WGS84_E2 * np.sin(parallel) ** 2)
    out = lonlat if in_place else np.empty((len(lonlat), 2))
    for start in range(0, len(lonlat), BLOCK):
        block = slice(start, start + BLOCK)
        out[block, 0] = (lonlat[block, 0] - middle) * (_WGS84_A * scale * np.pi / 180.0)
        out[block, 1] = authalic(np.sin(np.radians(lonlat[block, 1])), e) * (_WGS84_A / (2.0 * scale))
    return out


def central_meridian(crs: pyproj.CRS) -> float:
    """Degrees; of a CRS of `equal_area_crs`."""
    return _projection_values(crs)["Longitude of natural origin"]


def _projection_values(crs: pyproj.CRS) -> dict[str, float]:
    operation = crs.coordinate_operation
    assert operation is not None
    return {p.name: float(p.value) for p in operation.params}


def transform_coordinates(coords: Floats, source: Any, target: Any) -> Floats:
    """Coordinates, shape (n, 2), taken from one CRS to another (x = longitude or easting)."""
    transformer = _transformer(parse_crs(source), parse_crs(target))
    out = np.empty((len(coords), 2))
    for start in range(0, len(coords), BLOCK):
        block = slice(start, start + BLOCK)
        out[block, 0], out[block, 1] = transformer.transform(coords[block, 0], coords[block, 1])
    return out


def local_metres(lonlat: Floats, origin: Floats) -> Floats:
    """Coordinates in metres on the plane tangent to the ellipsoid at an origin.

    x = (λ - λ₀) N cos φ₀, y = (φ - φ₀) M with the radii of curvature N and M at φ₀; within 10 km of the
    origin distances are right to 0.05 % up to 45° latitude.

    Parameters
    ----------
    lonlat, origin : ndarray of float64, shape (n, 2)
        Degrees on WGS84; the origin is given per point or once, shape (2,).

    Returns
    -------
    ndarray of float64, shape (n, 2)
        East and north in m. Differences of longitude are taken the short way round.
    """
    east, north = metres_per_degree(origin[..., 1])
    dlon = short_way(lonlat[..., 0] - origin[..., 0])
    dlat = lonlat[..., 1] - origin[..., 1]
    return np.stack([dlon * east, dlat * north], axis=-1)


def mercator(lonlat: Floats) -> Floats:
    """Longitude and latitude, shape (n, 2), in the conformal plane whose unit is a degree of the equator.

    y = artanh(sin φ) - e artanh(e sin φ) (Snyder 1987, eq. 7-7). A short distance is in all directions as
    many metres per unit as there are in a degree of longitude.
    """
    sine, e = np.sin(np.radians(lonlat[:, 1])), np.sqrt(_WGS84_E2)
    return np.column_stack([lonlat[:, 0], np.degrees(np.arctanh(sine) - e * np.arctanh(e * sine))])


def metres_per_degree(latitude: ArrayLike) -> tuple[Floats, Floats]:
    """Length of one degree of longitude and of latitude on WGS84 at geodetic latitudes (degrees), in m."""
    lat = np.radians(np.asarray(latitude, float))
    w2 = 1.0 - _WGS84_E2 * np.sin(lat) ** 2
    normal = _WGS84_A / np.sqrt(w2)
    return np.radians(normal * np.cos(lat)), np.radians(normal * (1.0 - _WGS84_E2) / w2)


def parse_crs(crs: Any) -> pyproj.CRS:
    """A `pyproj.CRS` from whatever names one.

    Raises
    ------
    InputError
        If it is missing or not understood.
    """
    import pyproj

    if isinstance(crs, pyproj.CRS):
        return crs
    if crs is None:
        raise InputError(
            "The geometries have no coordinate reference system, so areas and distances cannot be computed; "
            "give it with --crs (for example EPSG:4326 for longitude and latitude), or add it to the file."
        )
    try:
        return _parse(crs)
    except TypeError:  # not hashable
        return pyproj.CRS(crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(
            f"{crs!r} is not a coordinate reference system; try an EPSG code: {error}"
        ) from error


@lru_cache(maxsize=64)
def places_on_earth(crs: pyproj.CRS) -> bool:
    """Whether coordinates of a CRS can be taken to longitude and latitude on WGS84.

    Local (engineering), vertical and geocentric systems and those of other bodies cannot.
    """
    import pyproj

    try:
        horizontal_crs(crs)
        _transformer(crs, parse_crs(4326))
    except (InputError, pyproj.exceptions.ProjError):
        return False
    return True


def is_equal_area(crs: pyproj.CRS) -> bool:
    """Whether plane areas of a projected CRS are areas on the ellipsoid."""
    horizontal = horizontal_crs(crs)
    operation = horizontal.coordinate_operation
    return bool(
        horizontal.is_projected and operation is not None and operation.method_name in EQUAL_AREA_METHODS
    )


@lru_cache(maxsize=64)
def _parse(crs: Any) -> pyproj.CRS:
    import pyproj

    return pyproj.CRS(crs)


@lru_cache(maxsize=64)
def _transformer(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    import pyproj

    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def horizontal_crs(crs: pyproj.CRS) -> pyproj.CRS:
    """The horizontal part of a compound CRS, without a datum shift bound to it."""
    while crs.is_bound or crs.is_compound:
        part = crs.source_crs if crs.is_bound else crs.sub_crs_list[0]
        assert part is not None
        crs = part
    if not (crs.is_geographic or crs.is_projected):
        raise InputError(
            f"The coordinate reference system {crs.name!r} is neither geographic nor projected; "
            "areas need one of these, for example EPSG:4326."
        )
    return crs


def metres_per_unit(crs: pyproj.CRS) -> float:
    return float(crs.axis_info[0].unit_conversion_factor)


def as_array(geometries: ArrayLike) -> Geometries:
    return np.atleast_1d(np.asarray(geometries, dtype=object))


def authalic(sin_lat: Any, e: float) -> Any:
    """q of Snyder (1987), eq. 3-12, from the sine of the geodetic latitude."""
    if e == 0.0:
        return 2.0 * sin_lat
    es = e * sin_lat
    return (1.0 - e * e) * (sin_lat / (1.0 - es * es) + np.arctanh(es) / e)


EDGE_M = 1000.0
"""Length up to which an edge is straight in every projection: at 60° of latitude it strays by 4 cm."""


def with_points_along(shapes: Geometries, crs: Any) -> Geometries:
    """Polygons with points along edges longer than `EDGE_M`, so that they lie where they did in another CRS.

    The edge of a mosaic is straight on its own grid only: over 400 km of UTM the chord between its ends on
    longitude and latitude is 2 km off.

    Parameters
    ----------
    shapes : ndarray of object, shape (n,)
        Polygons.
    crs : anything `pyproj.CRS` accepts
        Of their coordinates.
    """
    system = parse_crs(crs)
    unit = metres_per_degree(0.0)[0] if system.is_geographic else system.axis_info[0].unit_conversion_factor
    return np.asarray(shapely.segmentize(shapes, EDGE_M / float(unit)), dtype=object)


def footprints_to_lonlat(shapes: Geometries, crs: Any) -> Geometries:
    """Polygons as large as a mosaic on WGS84 longitude and latitude, with their edges where they were.

    `to_lonlat` takes what is wider than a degree for a frame around the world. In a projection it is known
    better: longitudes of a polygon go on across the antimeridian.

    Parameters
    ----------
    shapes : ndarray of object, shape (n,)
        Polygons.
    crs : anything `pyproj.CRS` accepts
        Of their coordinates.

    Examples
    --------
    >>> across = shapely.box(500_000, 7_200_000, 900_000, 7_300_000)  # UTM zone 60 ends at 180°
    >>> west, _, east, _ = footprints_to_lonlat(np.array([across]), 32660)[0].bounds
    >>> round(west, 1), round(east, 1)
    (-183.0, -174.3)
    """
    lonlat = to_lonlat(with_points_along(shapes, crs), crs)
    west, _, east, _ = shapely.bounds(lonlat).reshape(-1, 4).T
    wide = np.flatnonzero(east - west > 180.0)
    if not len(wide) or parse_crs(crs).is_geographic:
        return lonlat
    inside = to_lonlat(shapely.point_on_surface(shapes[wide]), crs)
    middle = np.repeat(shapely.get_x(inside), shapely.get_num_coordinates(lonlat[wide]))
    out = lonlat.copy()
    out[wide] = shapely.transform(
        lonlat[wide], lambda xy: np.column_stack([beside(xy[:, 0], middle), xy[:, 1]])
    )
    return turned(out, 0.0)
