"""What the vertices of polygons say, for all features in one pass: spacing, spikes, repeats, orientation.

The pass goes through a layer in chunks, so that memory does not grow with it and the arrays stay in the
processor's cache. Lengths are in metres on the ground: degrees are scaled by the radii of curvature in the
middle of each feature, projected coordinates by the projection's scale there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from rogi import longitudes
from rogi.areas import rings_of
from rogi.geometry import parse_crs

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]

VERTICES_PER_CHUNK = 50_000

WGS84_A, WGS84_E2 = 6378137.0, 6.69437999014e-3  # m, -; EPSG:7030

# A coordinate this close to a multiple of the grid, as a part of the grid, lies on it.
ON_GRID = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Vertices of note: (k,) position of the feature, (k, 2) coordinates, (k,) a measure of each."""

    feature: Ints
    coords: Floats
    measure: Floats

    def points(self, features: Ints) -> Geometries:
        """The vertices of each feature as one point or multipoint; ``features`` sorted, each with some."""
        points = shapely.points(self.coords)
        group = np.searchsorted(features, self.feature)
        wanted = (group < len(features)) & (features[np.minimum(group, len(features) - 1)] == self.feature)
        out = np.asarray(shapely.multipoints(points[wanted], indices=group[wanted]))
        single = shapely.get_num_geometries(out) == 1
        out[single] = shapely.get_geometry(out[single], 0)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Vertices:
    """The rings of (n,) features; features without a usable polygon have count 0 and NaN lengths.

    Attributes
    ----------
    count
        Vertices of all rings, the closing one not counted.
    parts, holes
        Polygons that are not empty, and their inner rings.
    perimeter
        m, of all rings.
    width
        m, mean width 2 A / P of the narrowest part (of a long strip its width).
    misoriented
        Whether an outer ring runs clockwise or an inner one counter-clockwise.
    gridded
        Whether three or more vertices, and all of them, have coordinates that are multiples of the grid.
    repeated
        Vertices at the place of the one before; measure: the distance in m.
    spikes
        Tips of spikes; measure: the interior angle in degrees.
    """

    count: Ints
    parts: Ints
    holes: Ints
    perimeter: Floats
    width: Floats
    misoriented: Mask
    gridded: Mask
    repeated: Places
    spikes: Places

    @property
    def spacing(self) -> Floats:
        """m, mean distance between neighbouring vertices."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.perimeter / self.count)


def only(geometry: Geometries, wanted: Mask) -> Geometries:
    """A copy with None in place of all but the wanted geometries (the array itself if all are)."""
    if wanted.all():
        return geometry
    out = geometry.copy()
    out[~wanted] = None
    return out


def unwrapped(geometry: Geometries, crs: Any) -> tuple[Geometries, Mask]:
    """Longitudes made continuous in features of one part that jump across the antimeridian.

    Those of a geographic CRS that were not split there, see :func:`rogi.longitudes.unwrapped`.

    Returns
    -------
    geometry, crossing
        (n,) geometries (the given array where nothing crosses), and which were changed.
    """
    crossing = np.zeros(len(geometry), dtype=bool)
    if crs is None or not parse_crs(crs).is_geographic:
        return geometry, crossing
    moved, crossing = longitudes.unwrapped(geometry)
    crossing &= shapely.get_num_geometries(geometry) == 1
    return np.where(crossing, moved, geometry) if crossing.any() else geometry, crossing


def metres_per_unit(geometry: Geometries, crs: Any) -> tuple[Floats, Floats]:
    """Metres on the ground of one unit of x and of y in the middle of each feature's bounds.

    Parameters
    ----------
    geometry
        (n,) geometries.
    crs
        Their CRS; None gives NaN.

    Returns
    -------
    kx, ky
        (n,) each; NaN where the feature has no bounds.
    """
    bounds = shapely.bounds(geometry)
    if crs is None or len(geometry) == 0:
        nothing = np.full(len(geometry), np.nan)
        return nothing, nothing
    system = parse_crs(crs)
    x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    unit = float(system.axis_info[0].unit_conversion_factor) if system.axis_info else 1.0
    if system.is_geographic:
        lat = y * unit
        with np.errstate(invalid="ignore"):
            w2 = 1.0 - WGS84_E2 * np.sin(lat) ** 2
            normal = WGS84_A / np.sqrt(w2)
            inside = np.where(np.abs(lat) <= np.pi / 2, 1.0, np.nan)  # a CRS that says degrees may lie
            kx = normal * np.cos(lat) * unit * inside
            return kx, normal * (1.0 - WGS84_E2) / w2 * unit * inside
    k = unit / _linear_scale(x, y, system)
    return k, k


def _linear_scale(x: Floats, y: Floats, crs: Any) -> Floats:
    """Square root of a projection's areal scale at some places; 1 where it cannot be told."""
    scale = np.ones(len(x))
    try:
        projection = pyproj.Proj(crs)
        lon, lat = projection(x, y, inverse=True)
        found = np.sqrt(np.asarray(projection.get_factors(lon, lat).areal_scale, dtype=np.float64))
    except (pyproj.exceptions.ProjError, pyproj.exceptions.CRSError, ValueError):
        return scale
    good = np.isfinite(found) & (found > 0) & (found < 1e3)
    scale[good] = found[good]
    return scale


def measure(
    geometry: Geometries,
    usable: Mask,
    crs: Any,
    *,
    spike_angle: float,
    spike_length: float,
    repeat_distance: float,
    grid: float,
) -> Vertices:
    """Look at every vertex of the polygons of a layer once.

    Parameters
    ----------
    geometry, usable
        (n,) geometries and which of them have finite coordinates.
    crs
        Their CRS; None: lengths are NaN, and there are no spikes or repeats.
    spike_angle
        Degrees; an interior or exterior angle below it is a spike if both edges are at least
    spike_length
        m.
    repeat_distance
        m; two neighbouring vertices no farther apart are one repeated.
    grid
        Units of the CRS.
    """
    n = len(geometry)
    count, parts, holes = (np.zeros(n, np.int64) for _ in range(3))
    perimeter, width = np.full(n, np.nan), np.full(n, np.nan)
    misoriented, gridded = np.zeros(n, bool), np.zeros(n, bool)
    repeated: list[Places] = []
    spikes: list[Places] = []
    geometry, _ = unwrapped(only(geometry, usable), crs)
    kx, ky = metres_per_unit(geometry, crs)
    for start, stop in _chunks(geometry):
        rings = rings_of(geometry[start:stop])
        if not len(rings.is_hole):
            continue
        ring = _RingTable(rings.coords, rings.ring_offsets, rings.is_hole, rings.object_offsets)
        here = slice(start, stop)
        count[here] = ring.per_feature(ring.sizes)
        parts[here] = ring.per_feature(~ring.is_hole)
        holes[here] = ring.per_feature(ring.is_hole)
        areas = rings.ring_areas()
        misoriented[here] = ring.per_feature((areas > 0) == ring.is_hole) > 0
        gridded[here] = ring.on_grid(grid)
        if crs is None:
            continue
        edges = ring.edges(kx[here], ky[here])
        lengths = np.add.reduceat(edges.length, ring.starts)
        with_polygon = parts[here] > 0
        perimeter[here] = np.where(with_polygon, ring.per_feature(lengths), np.nan)
        square_metres = np.abs(areas) * (kx[here] * ky[here])[ring.owner]
        width[here] = ring.narrowest(square_metres, lengths)
        repeated.append(_repeats(ring, edges, repeat_distance, start))
        spikes.append(_spikes(ring, edges, spike_angle, spike_length, start))
    return Vertices(
        count, parts, holes, perimeter, width, misoriented, gridded, _joined(repeated), _joined(spikes)
    )


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edge i leads from vertex i to vertex i + 1; after the last vertex of a ring it has length 0."""

    dx: Floats
    dy: Floats
    length: Floats


class _RingTable:
    """The closed rings of a chunk: coordinates, where rings start, whose they are."""

    def __init__(self, coords: Floats, offsets: Ints, is_hole: Mask, object_offsets: Ints) -> None:
        self.coords = coords
        self.starts, self.ends = offsets[:-1], offsets[1:]
        self.sizes = self.ends - self.starts - 1
        self.is_hole = is_hole
        self.features = len(object_offsets) - 1
        self.owner = np.repeat(np.arange(self.features), np.diff(object_offsets))

    def per_feature(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sums over the rings of each feature."""
        total = np.bincount(self.owner, weights=values, minlength=self.features)
        return total if values.dtype.kind == "f" else total.astype(np.int64)

    def on_grid(self, grid: float) -> Mask:
        """Features all of whose vertices, three at least, lie on the grid."""
        first = self.coords[self.starts] / grid
        suspect = (np.abs(first - np.rint(first)) < ON_GRID).all(axis=1)
        out = np.zeros(self.features, bool)
        out[self.owner] = True
        out[self.owner[~suspect]] = False
        out &= self.per_feature(self.sizes) >= 3
        if out.any():
            chosen = np.repeat(out[self.owner], self.sizes + 1)
            scaled = self.coords[chosen] / grid
            off = ~(np.abs(scaled - np.rint(scaled)) < ON_GRID).all(axis=1)
            out[np.repeat(self.owner, self.sizes + 1)[chosen][off]] = False
        return out

    def edges(self, kx: Floats, ky: Floats) -> _Edges:
        """Edges in metres; scales are given per feature."""
        sizes = self.sizes + 1
        dx, dy = np.empty(len(self.coords)), np.empty(len(self.coords))
        dx[:-1], dy[:-1] = np.diff(self.coords[:, 0]), np.diff(self.coords[:, 1])
        dx[self.ends - 1] = dy[self.ends - 1] = 0.0
        dx *= np.repeat(kx[self.owner], sizes)
        dy *= np.repeat(ky[self.owner], sizes)
        return _Edges(dx, dy, np.sqrt(dx * dx + dy * dy))

    def narrowest(self, areas: Floats, lengths: Floats) -> Floats:
        """Mean width of the narrowest part of each feature, from areas and lengths of rings; else NaN."""
        part = np.cumsum(~self.is_hole) - 1
        area = np.bincount(part, weights=np.where(self.is_hole, -areas, areas))
        length = np.bincount(part, weights=lengths)
        with np.errstate(divide="ignore", invalid="ignore"):
            width = 2.0 * area / length
        out = np.full(self.features, np.inf)
        np.minimum.at(out, self.owner[~self.is_hole], width)
        out[np.isinf(out)] = np.nan
        return out


def _repeats(ring: _RingTable, edges: _Edges, distance: float, start: int) -> Places:
    """Vertices no farther than a distance from the one before, on rings of more than one place."""
    short = edges.length <= distance
    short[ring.ends - 1] = False
    at = np.flatnonzero(short)
    feature = ring.owner[np.searchsorted(ring.ends, at, side="right")]
    return Places(feature + start, ring.coords[at], edges.length[at])


def _spikes(ring: _RingTable, edges: _Edges, angle: float, length: float, start: int) -> Places:
    """Vertices where a ring turns back on itself; repeated vertices are passed over."""
    moving = np.flatnonzero(edges.length > 0)
    dx, dy, size = edges.dx[moving], edges.dy[moving], edges.length[moving]
    owner = np.repeat(np.arange(len(ring.sizes)), ring.sizes + 1)[moving]
    before = np.arange(-1, len(moving) - 1)
    first = np.flatnonzero(np.diff(owner, prepend=-1) != 0)
    before[first] = np.append(first[1:], len(moving)) - 1  # the last edge of the ring
    towards = -(dx * dx[before] + dy * dy[before])
    product = size * size[before]
    sharp = np.flatnonzero(towards > np.cos(np.radians(angle)) * product)
    sharp = sharp[(size[sharp] >= length) & (size[before[sharp]] >= length)]
    cosine = np.clip(towards[sharp] / product[sharp], -1.0, 1.0)
    return Places(ring.owner[owner[sharp]] + start, ring.coords[moving[sharp]], np.degrees(np.arccos(cosine)))


def _joined(places: list[Places]) -> Places:
    if not places:
        return Places(np.zeros(0, np.int64), np.zeros((0, 2)), np.zeros(0))
    return Places(
        np.concatenate([p.feature for p in places]).astype(np.int64),
        np.concatenate([p.coords for p in places]),
        np.concatenate([p.measure for p in places]),
    )


def _chunks(geometry: Geometries) -> Iterator[tuple[int, int]]:
    """Bounds of runs of features with about so many vertices."""
    total = np.cumsum(shapely.get_num_coordinates(geometry))
    start = 0
    while start < len(geometry):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + VERTICES_PER_CHUNK, side="right")))
        yield start, stop
        start = stop
