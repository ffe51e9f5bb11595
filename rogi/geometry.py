"""Areas, equal-area coordinates and local metres for arrays of geometries: the kernel all commands share.

Nothing here knows of tables or files: arrays of shapely geometries and a coordinate reference system come in,
arrays go out. Areas are areas on the ellipsoid, never square degrees and never the area of a conformal map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from rogi.errors import InputError
from rogi.longitudes import continuous, short_way, whole

if TYPE_CHECKING:
    import pyproj

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Geometries = NDArray[np.object_]

_WGS84_A, _WGS84_F = 6378137.0, 1.0 / 298.257223563  # NIMA TR8350.2
_WGS84_E2 = _WGS84_F * (2.0 - _WGS84_F)
_BLOCK = 1 << 18  # vertices worked on at a time

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


@dataclass(frozen=True)
class Rings:
    """The closed rings of n polygonal geometries as flat arrays, for kernels that need bare coordinates.

    Attributes
    ----------
    coords : ndarray of float64, shape (v, 2)
        Vertices of all rings, one ring after the other; the last vertex of a ring repeats its first.
    ring_offsets : ndarray of int64, shape (r + 1,)
        Ring k has the vertices ``coords[ring_offsets[k]:ring_offsets[k + 1]]``.
    is_hole : ndarray of bool, shape (r,)
    object_offsets : ndarray of int64, shape (n + 1,)
        Geometry i has the rings ``object_offsets[i]`` to ``object_offsets[i + 1] - 1``; none if it is no
        polygon, multipolygon or collection with such, or is empty.
    """

    coords: Floats
    ring_offsets: Ints
    is_hole: NDArray[np.bool_]
    object_offsets: Ints

    def __len__(self) -> int:
        return len(self.object_offsets) - 1

    def to_crs(self, source: Any, target: Any) -> Rings:
        """The same rings with every vertex taken from one CRS to another."""
        return replace(self, coords=transform_coordinates(self.coords, source, target))

    def ring_areas(self) -> Floats:
        """Signed plane area of each ring, shape (r,): positive where it runs counter-clockwise."""
        return self._ring_areas

    @cached_property
    def _ring_areas(self) -> Floats:
        if len(self.is_hole) == 0:
            return np.zeros(0)
        return _by_blocks(_ring_areas_plane, self.coords, self.ring_offsets)

    def areas(self) -> Floats:
        """Plane area of each geometry, shape (n,), holes subtracted."""
        return self.add_up(self.ring_areas())

    def add_up(self, ring_areas: Floats) -> Floats:
        """Areas of the geometries, shape (n,), from those of their rings, whatever their sign."""
        areas = np.where(self.is_hole, -np.abs(ring_areas), np.abs(ring_areas))
        owner = np.repeat(np.arange(len(self)), np.diff(self.object_offsets))
        return np.bincount(owner, weights=areas, minlength=len(self)).astype(np.float64)


def rings_of(geometries: ArrayLike) -> Rings:
    """The rings of polygons, multipolygons and collections, as flat arrays (Z is dropped)."""
    geoms = _as_array(geometries)
    polygons, owner = _polygons(geoms)
    if len(polygons) == 0:
        no_offsets = np.zeros(1, np.int64)
        return Rings(np.zeros((0, 2)), no_offsets, np.zeros(0, bool), np.zeros(len(geoms) + 1, np.int64))
    coords = shapely.get_coordinates(polygons)
    # coordinates come ring by ring; only polygons with holes need their rings taken apart to count them
    holes = shapely.get_num_interior_rings(polygons)
    polygon_offsets = np.concatenate([[0], np.cumsum(1 + holes)])
    is_hole = np.ones(polygon_offsets[-1], bool)
    is_hole[polygon_offsets[:-1]] = False
    lengths = np.empty(len(is_hole), np.int64)
    lengths[polygon_offsets[:-1]] = shapely.get_num_coordinates(polygons)
    if is_hole.any():
        lengths[np.repeat(holes > 0, 1 + holes)] = shapely.get_num_coordinates(
            shapely.get_rings(polygons[holes > 0])
        )
    ring_offsets = np.concatenate([[0], np.cumsum(lengths)])
    first = np.searchsorted(owner, np.arange(len(geoms) + 1))
    return Rings(
        np.ascontiguousarray(coords),
        ring_offsets.astype(np.int64),
        is_hole,
        polygon_offsets[first].astype(np.int64),
    )


def area_m2(geometries: ArrayLike, crs: Any) -> Floats:
    """Area of each geometry on the ellipsoid.

    Geographic coordinates are mapped to the cylindrical equal-area plane of the authalic sphere
    (x = λ, y = sin β; Snyder 1987, eqs. 3-11 and 3-12, 10-14 f.), where the shoelace formula is exact
    for straight edges. A third-order term per edge turns the straight edge into a great circle of the
    authalic sphere, so that the result agrees with geodesic areas to better than 1e-6 for edges of up to
    1°. Coordinates of an equal-area projection are taken as they are; those of any other projection are
    first taken back to longitude and latitude.

    Parameters
    ----------
    geometries : array_like of shapely geometries, shape (n,)
        Polygons, multipolygons or collections of them; anything else (points, lines, ``None``, empty)
        has area 0. x is the longitude or easting. A ring may cross the antimeridian, see
        `rogi.longitudes.continuous`.
    crs : anything `pyproj.CRS` accepts
        Coordinate reference system of the coordinates.

    Returns
    -------
    ndarray of float64, shape (n,)
        Area in m². Holes are subtracted; orientation does not matter. For a self-crossing ring the lobes of
        opposite orientation cancel, as in every planar area; repair such rings first.

    Raises
    ------
    InputError
        If there is no CRS, or it is neither geographic nor projected.

    Examples
    --------
    >>> area_m2([shapely.box(97, 30, 97.01, 30.01)], 4326).round(-1)
    array([1069520.])
    """
    system = _horizontal(parse_crs(crs))
    rings = rings_of(geometries)
    if len(rings.is_hole) == 0:
        return np.zeros(len(rings))
    if system.is_geographic:
        areas = _areas_geographic(rings, system)
    elif is_equal_area(system):
        areas = rings.ring_areas() * _metres_per_unit(system) ** 2
    else:
        geodetic = system.geodetic_crs
        assert geodetic is not None  # a projected CRS has one
        lonlat = rings.to_crs(system, geodetic)
        areas = _areas_geographic(lonlat, geodetic)
    return rings.add_up(areas)


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


def equal_area(geometries: ArrayLike, crs: Any, target: Any = None) -> tuple[Geometries, pyproj.CRS]:
    """Geometries in an equal-area CRS, where ``shapely.area`` is the area on the ellipsoid in m².

    Only vertices are moved, so what is shared between geometries stays shared.

    Parameters
    ----------
    geometries : array_like of shapely geometries, shape (n,)
    crs : anything `pyproj.CRS` accepts
        CRS of the geometries.
    target : anything `pyproj.CRS` accepts, optional
        An equal-area CRS to use, for geometries that must fit others; by default `equal_area_crs` of
        the bounds.

    Returns
    -------
    geometries : ndarray of object, shape (n,)
    crs : pyproj.CRS
        CRS of the result.
    """
    system = parse_crs(crs)
    geoms = _as_array(geometries)
    if target is None:
        target = equal_area_crs(total_bounds(to_lonlat(geoms, system)))
    chosen = parse_crs(target)
    if not is_equal_area(chosen):
        raise InputError(
            f"The coordinate reference system {chosen.name!r} does not preserve areas; name another."
        )
    return transform_geometries(geoms, system, chosen), chosen


def total_bounds(*arrays: ArrayLike) -> Floats:
    """West, south, east, north of all geometries of some arrays, shape (4,); NaN if there is nothing."""
    bounds = np.concatenate([shapely.bounds(_as_array(a)).reshape(-1, 4) for a in arrays])
    bounds = bounds[~np.isnan(bounds).any(axis=1)]
    if len(bounds) == 0:
        return np.full(4, np.nan)
    return np.concatenate([bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)])


def to_lonlat(geometries: ArrayLike, crs: Any) -> Geometries:
    """Geometries in WGS84 longitude and latitude, degrees, x = longitude; see `rogi.longitudes.whole`."""
    return whole(transform_geometries(_as_array(geometries), crs, 4326))


def transform_geometries(geometries: ArrayLike, source: Any, target: Any) -> Geometries:
    """Geometries with every vertex taken from one CRS to another (x = longitude or easting); Z is dropped."""
    geoms = _as_array(geometries)
    start, end = parse_crs(source), parse_crs(target)
    if start == end or start.equals(end, ignore_axis_order=True):
        return np.asarray(shapely.force_2d(geoms)) if shapely.has_z(geoms).any() else geoms
    return np.asarray(shapely.transform(geoms, lambda coords: transform_coordinates(coords, start, end)))


def cylindrical_equal_area(lonlat: Floats, crs: pyproj.CRS) -> Floats:
    """Longitude and latitude on WGS84, shape (n, 2), in a CRS of `equal_area_crs`, m.

    Longitudes go on beyond 180° from the central meridian: the plane has no edge that would tear an outline.
    x = a k₀ (λ - λ₀), y = a q / (2 k₀) with k₀ = cos φₜₛ / √(1 - e² sin² φₜₛ) (Snyder 1987, eqs. 10-13 to
    10-15); the same as by PROJ, in less than half of its time.
    """
    values = _projection_values(crs)
    parallel = np.radians(values["Latitude of 1st standard parallel"])
    middle = central_meridian(crs)
    e = np.sqrt(_WGS84_E2)
    scale = np.cos(parallel) / np.sqrt(1.0 - _WGS84_E2 * np.sin(parallel) ** 2)
    out = np.empty((len(lonlat), 2))
    for start in range(0, len(lonlat), _BLOCK):
        block = slice(start, start + _BLOCK)
        out[block, 0] = (lonlat[block, 0] - middle) * (_WGS84_A * scale * np.pi / 180.0)
        out[block, 1] = _authalic(np.sin(np.radians(lonlat[block, 1])), e) * (_WGS84_A / (2.0 * scale))
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
    for start in range(0, len(coords), _BLOCK):
        block = slice(start, start + _BLOCK)
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
            "add one to the file (for example EPSG:4326 for longitude and latitude)."
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
        _horizontal(crs)
        _transformer(crs, parse_crs(4326))
    except (InputError, pyproj.exceptions.ProjError):
        return False
    return True


def is_equal_area(crs: pyproj.CRS) -> bool:
    """Whether plane areas of a projected CRS are areas on the ellipsoid."""
    horizontal = _horizontal(crs)
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


def _horizontal(crs: pyproj.CRS) -> pyproj.CRS:
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


def _metres_per_unit(crs: pyproj.CRS) -> float:
    return float(crs.axis_info[0].unit_conversion_factor)


def _as_array(geometries: ArrayLike) -> Geometries:
    return np.atleast_1d(np.asarray(geometries, dtype=object))


def _polygons(geoms: Geometries) -> tuple[Geometries, Ints]:
    """All polygons that are not empty, those in multipolygons and collections too, and the row of each."""
    owner = np.arange(len(geoms))
    kind = shapely.get_type_id(geoms)
    while (kind >= shapely.GeometryType.MULTIPOLYGON).any():
        # only what has parts is taken apart: parts are copies
        whole = kind == shapely.GeometryType.POLYGON
        parts, index = shapely.get_parts(geoms[kind >= shapely.GeometryType.MULTIPOLYGON], return_index=True)
        of_parts = owner[kind >= shapely.GeometryType.MULTIPOLYGON][index]
        geoms, owner = np.concatenate([geoms[whole], parts]), np.concatenate([owner[whole], of_parts])
        order = np.argsort(owner, kind="stable")
        geoms, owner = geoms[order], owner[order]
        kind = shapely.get_type_id(geoms)
    geoms, owner = geoms[kind == shapely.GeometryType.POLYGON], owner[kind == shapely.GeometryType.POLYGON]
    keep = ~shapely.is_empty(geoms)
    return geoms[keep], owner[keep]


def _by_blocks(function: Callable[[Floats, Ints], Floats], coords: Floats, offsets: Ints) -> Floats:
    """One number per ring, from blocks of rings: their intermediate arrays stay small, and in the cache."""
    count = len(offsets) - 1
    out = np.empty(count)
    first = 0
    while first < count:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + _BLOCK, side="right")) - 1)
        start, stop = offsets[first], offsets[last]
        out[first:last] = function(coords[start:stop], offsets[first : last + 1] - start)
        first = last
    return out


def _areas_geographic(rings: Rings, crs: pyproj.CRS) -> Floats:
    """Signed areas of closed rings of longitude and latitude, m²."""
    return _by_blocks(lambda c, o: _ring_areas_geographic(c, o, crs), rings.coords, rings.ring_offsets)


def _ring_areas_plane(coords: Floats, offsets: Ints) -> Floats:
    """Signed areas of closed rings; each is taken relative to its first vertex, to keep all digits."""
    starts, lengths = offsets[:-1], np.diff(offsets)
    local = coords - np.repeat(coords[starts], lengths, axis=0)
    x, y = local[:, 0], local[:, 1]
    cross = np.zeros(len(x))
    # the last vertex of a ring is its origin (0, 0): the term that leads into the next ring vanishes
    cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
    return 0.5 * np.add.reduceat(cross, starts)


def _ring_areas_geographic(coords: Floats, offsets: Ints, crs: pyproj.CRS) -> Floats:
    """Signed areas of closed rings of longitude and latitude, m²."""
    ellipsoid = crs.ellipsoid
    assert ellipsoid is not None  # a geographic CRS has one
    to_radians = float(crs.axis_info[0].unit_conversion_factor)
    f = 0.0 if not ellipsoid.inverse_flattening else 1.0 / ellipsoid.inverse_flattening
    e = np.sqrt(f * (2.0 - f))
    q_pole = _authalic(1.0, e)
    radius2 = ellipsoid.semi_major_metre**2 * q_pole / 2.0  # of the authalic sphere

    starts, lengths = offsets[:-1], np.diff(offsets)
    lon = continuous(coords[:, 0], offsets, turn=2.0 * np.pi / to_radians)
    lon = (lon - np.repeat(lon[starts], lengths)) * to_radians
    z = _authalic(np.sin(coords[:, 1] * to_radians), e) / q_pole  # sin β
    height = z - np.repeat(z[starts], lengths)

    dlon, dz = np.diff(lon), np.diff(height)
    z_mid = 0.5 * (z[:-1] + z[1:])
    cos2 = np.maximum(1.0 - z_mid * z_mid, 1e-12)
    terms = np.zeros(len(lon))
    # ∫ sin β dλ along the edge: trapezium, then what the great circle adds:
    # d²(sin β)/dλ² = -sin β (cos² β + 3 (dβ/dλ)²), from tan β = c cos(λ - λ₀)
    terms[:-1] = dlon * (
        0.5 * (height[:-1] + height[1:]) + z_mid * (dlon * dlon * cos2 + 3.0 * dz * dz / cos2) / 12.0
    )
    last = offsets[1:-1] - 1
    terms[last] = 0.0  # not an edge: from the end of one ring to the start of the next
    return np.asarray(-radius2 * np.add.reduceat(terms, starts))


def _authalic(sin_lat: Any, e: float) -> Any:
    """q of Snyder (1987), eq. 3-12, from the sine of the geodetic latitude."""
    if e == 0.0:
        return 2.0 * sin_lat
    es = e * sin_lat
    return (1.0 - e * e) * (sin_lat / (1.0 - es * es) + np.arctanh(es) / e)
