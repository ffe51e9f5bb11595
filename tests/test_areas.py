"""Areas on the ellipsoid against pyproj's geodesic polygons (GeographicLib) and closed forms."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rogi.areas import area_m2
from rogi.errors import InputError
from rogi.geometry import (
    cylindrical_equal_area,
    equal_area_crs,
    is_equal_area,
    local_metres,
    metres_per_degree,
    parse_crs,
    places_on_earth,
    to_lonlat,
    total_bounds,
    transform_coordinates,
    transform_geometries,
    with_points_along,
)

GEOD = pyproj.Geod(ellps="WGS84")


def _blobs(count: int, area_km2: float, lat: float, spacing: float = 30.0, seed: int = 0) -> np.ndarray:
    """Wavy closed curves of about the given area with vertices every ``spacing`` metres, in degrees."""
    rng = np.random.default_rng(seed)
    radius = np.sqrt(area_km2 / np.pi) * 1000
    vertices = max(12, int(2 * np.pi * radius / spacing))
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    r = radius * (1 + 0.25 * np.sin(3 * angle + rng.uniform(0, 6, (count, 1))))
    lon = rng.uniform(-179, 179, (count, 1)) + r * np.cos(angle) / (111_320 * np.cos(np.radians(lat)))
    return shapely.polygons(np.stack([lon, lat + r * np.sin(angle) / 110_574], axis=-1))


def _geodesic(polygon: shapely.Geometry) -> float:
    return abs(GEOD.geometry_area_perimeter(polygon)[0])


@pytest.mark.parametrize("lat", [-50.0, 0.0, 28.0, 36.5, 47.0, 70.0])
@pytest.mark.parametrize("area", [0.01, 0.14, 5.0])
def test_equals_geodesic_areas(area: float, lat: float) -> None:
    polygons = _blobs(20, area, lat)
    np.testing.assert_allclose(area_m2(polygons, 4326), [_geodesic(p) for p in polygons], rtol=1e-6)


def test_long_edges_along_parallels_are_geodesics() -> None:
    """Without the third-order term a 1° box would be off by 7e-5."""
    for lat in (-45, 0, 28, 60):
        box = shapely.box(10, lat, 11, lat + 1)
        assert area_m2([box], 4326)[0] == pytest.approx(_geodesic(box), rel=1e-6)


@pytest.mark.parametrize("lat", [-71.9, -45.0, -0.05, 28.0, 47.0, 68.0])
@pytest.mark.parametrize(("size", "tolerance"), [(0.01, 1e-9), (0.1, 3e-8), (0.3, 1e-6), (1.0, 3e-5)])
@pytest.mark.parametrize(
    "corners",
    [
        [(0.0, 0.1), (1.0, 0.0), (0.7, 0.9)],  # three slants, each way
        [(0.5, 0.0), (1.0, 0.6), (0.4, 1.0), (0.0, 0.3)],
        [(0.0, 0.0), (0.9, 0.35), (0.95, 0.4), (0.05, 0.05)],  # a tongue along a diagonal
    ],
)
def test_long_slanting_edges_are_geodesics(
    corners: list[tuple[float, float]], size: float, tolerance: float, lat: float
) -> None:
    """Edges across parallels and meridians lie where GeographicLib has them, to what the docstring says.

    Great circles of the authalic sphere are no geodesics of the ellipsoid: at 0.1° off by 3e-6.
    """
    polygon = shapely.Polygon([(10.0 + size * x, lat + size * y) for x, y in corners])
    expected = _geodesic(polygon)
    found = area_m2([polygon, shapely.reverse(polygon)], 4326)
    # A sliver has little area to share the error of its long edges out on.
    fat = max(expected, GEOD.geometry_length(polygon.exterior) ** 2 / 60)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * fat)


@pytest.mark.parametrize("radius", [6_371_000.0, 3_396_190.0])
@pytest.mark.parametrize("lat", [-60.0, 3.0, 45.0])
def test_triangles_on_a_sphere_are_those_of_girard(radius: float, lat: float) -> None:
    """Closed form: R² times the excess of the angles, from the corners alone."""
    corners = np.array([(20.0, lat), (20.09, lat + 0.02), (20.03, lat + 0.08)])
    a, b, c = (
        np.array([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)]) for x, y in np.radians(corners)
    )
    excess = 2 * np.arctan2(abs(a @ np.cross(b, c)), 1 + a @ b + b @ c + c @ a)
    sphere = pyproj.CRS(f"+proj=longlat +R={radius} +no_defs")
    assert area_m2([shapely.Polygon(corners)], sphere)[0] == pytest.approx(radius**2 * excess, rel=2e-8)
    plane = pyproj.CRS(f"+proj=stere +lat_0={lat} +lon_0=20 +R={radius} +units=m")
    there = shapely.Polygon(transform_coordinates(_dense(corners), sphere, plane))
    assert area_m2([there], plane)[0] == pytest.approx(
        area_m2([shapely.Polygon(_dense(corners))], sphere)[0], rel=1e-9
    )


def _dense(corners: np.ndarray) -> np.ndarray:
    return shapely.get_coordinates(shapely.segmentize(shapely.Polygon(corners), 0.01))


def test_a_zone_of_a_sphere() -> None:
    """Archimedes: 2πR times the height of the zone, as wide as it is."""
    lon = np.linspace(10, 12, 4001)
    ring = [*((x, 40.0) for x in lon), *((x, 43.0) for x in lon[::-1])]
    height = np.sin(np.radians(43)) - np.sin(np.radians(40))
    area = area_m2([shapely.Polygon(ring)], "+proj=longlat +R=6371000")[0]
    assert area == pytest.approx(np.radians(2) * height * 6_371_000.0**2, rel=1e-9)


@pytest.mark.parametrize(
    ("compound", "plain"),
    [
        ("EPSG:4326+5773", 4326),
        ("EPSG:9518", 4326),
        ("EPSG:32632+5773", 32632),
        ("EPSG:3035+5730", 3035),
        ("+proj=tmerc +lon_0=9 +ellps=bessel +towgs84=600,70,420 +geoidgrids=none.gtx", None),
        ("+proj=longlat +ellps=bessel +towgs84=600,70,420", "+proj=longlat +ellps=bessel"),
        (
            "+proj=longlat +ellps=bessel +towgs84=600,70,420 +geoidgrids=none.gtx",
            "+proj=longlat +ellps=bessel",
        ),
    ],
)
def test_heights_and_shifts_of_datum_do_not_change_areas(compound: str, plain: int | str | None) -> None:
    """Compound and bound systems have the areas of their horizontal part."""
    system, corners = pyproj.CRS(compound), [(9.1, 46.2), (9.14, 46.21), (9.12, 46.25)]
    assert system.is_compound or system.is_bound
    base = pyproj.CRS(plain or "+proj=tmerc +lon_0=9 +ellps=bessel")
    coords = np.array(corners)
    if not base.is_geographic:
        coords = transform_coordinates(coords, base.geodetic_crs, base)
    polygon = shapely.Polygon(coords)
    assert area_m2([polygon], system)[0] == area_m2([polygon], base)[0]
    assert is_equal_area(system) is (plain == 3035)
    assert places_on_earth(system) or "none.gtx" in compound


def test_other_units_of_angles_and_lengths() -> None:
    """Grads from Paris, and an equal-area plane in US feet."""
    corners = np.array([(9.1, 46.2), (9.14, 46.21), (9.12, 46.25)])
    grads = shapely.Polygon(corners / 0.9 - [2.5969213, 0.0])  # EPSG:4807, meridian of Paris, Clarke 1880
    ellipsoid = pyproj.Geod(a=6378249.2, rf=293.4660212936265)
    expected = abs(ellipsoid.geometry_area_perimeter(shapely.Polygon(corners))[0])
    assert area_m2([grads], 4807)[0] == pytest.approx(expected, rel=1e-6)
    feet = "+proj=laea +lat_0=40 +lon_0=-100 +ellps=GRS80 +units=us-ft"
    square = shapely.box(0, 0, 3937, 2 * 3937)  # 3937 US feet are 1200 m
    assert area_m2([square], feet)[0] == pytest.approx(2 * 1200.0**2, rel=1e-12)


def test_lengths_of_a_degree() -> None:
    """Of the quadrant of WGS84, 10 001 965.729 m, and of the equator, 2πa / 360."""
    assert metres_per_degree(0.0)[0] == pytest.approx(2 * np.pi * 6378137.0 / 360, rel=1e-15)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    assert 45 * weights @ metres_per_degree(45 + 45 * nodes)[1] == pytest.approx(10_001_965.729, abs=1e-3)
    east, _ = metres_per_degree([60.0, -60.0])
    assert east[0] == east[1]
    # A parallel's radius is a cos of the reduced latitude, tan β = (1 - f) tan φ.
    reduced = np.arctan((1 - 1 / 298.257223563) * np.tan(np.radians(60)))
    assert east[0] == pytest.approx(np.radians(6378137.0 * np.cos(reduced)), rel=1e-14)


@pytest.mark.parametrize("lat", [-45.0, 0.0, 45.0])
def test_local_metres_at_ten_kilometres(lat: float) -> None:
    """Each point from its own origin, the distance right to 0.05 %, and the direction by its signs."""
    origins = np.array([[97.0, lat], [-179.97, lat], [12.0, lat]])
    azimuths = np.array([40.0, 250.0, 130.0])
    lon, latitude, _ = GEOD.fwd(*origins.T, azimuths, np.full(3, 10_000.0))
    metres = local_metres(np.column_stack([lon, latitude]), origins)
    np.testing.assert_allclose(np.hypot(*metres.T), 10_000.0, rtol=6e-4)
    turned = (np.degrees(np.arctan2(*metres.T)) - azimuths + 180) % 360 - 180
    assert np.abs(turned).max() < 0.1


def test_equal_area_crs_lies_in_the_middle() -> None:
    """Whole degrees in the middle of the bounds; the parallel at most 70°, as north as south."""
    for bounds, middle, parallel in (
        ((75, 26, 105, 40), 90, 33),
        ((-71.2, -35.4, -69.4, -31.2), -70, 33),
        ((10, 78, 20, 82), 15, 70),
    ):
        operation = equal_area_crs(bounds).coordinate_operation
        values = {p.name: p.value for p in operation.params}
        assert operation.method_name == "Lambert Cylindrical Equal Area"
        assert values["Longitude of natural origin"] == middle
        assert values["Latitude of 1st standard parallel"] == parallel


def test_bounds_of_several_arrays() -> None:
    """The outermost of all; what is empty or missing does not count."""
    first = [shapely.Point(3, -4), None, shapely.Polygon()]
    assert total_bounds(first, [shapely.box(-1, 2, 5, 9)]).tolist() == [-1, -4, 5, 9]
    assert np.isnan(total_bounds([None], [])).all()


def test_points_along_long_edges() -> None:
    """At most a kilometre apart, in metres, feet and degrees; short edges stay as they are."""
    for crs, metre, exact in ((32632, 1.0, True), (2263, 3937 / 1200, True), (4326, 1 / 111_319.49, False)):
        triangle = shapely.Polygon([(0, 0), (3500 * metre, 0), (0, 400 * metre)])
        found = shapely.get_coordinates(with_points_along(np.array([triangle], dtype=object), crs)[0])
        steps = np.hypot(*np.diff(found, axis=0).T) / metre
        assert steps.max() <= 1000.0 * (1 + 1e-6), crs
        assert len(found) == 1 + 4 + 4 + 1, crs
        assert exact or steps.max() > 850


def test_a_crs_by_its_parameters() -> None:
    """A dictionary, as of fiona and PROJ, is understood too."""
    assert parse_crs({"proj": "utm", "zone": 32, "datum": "WGS84"}).equals(
        parse_crs(32632), ignore_axis_order=True
    )


def test_what_needs_no_change_is_given_back() -> None:
    """The same system: the same array; heights go."""
    shapes = np.array([shapely.box(7, 46, 7.1, 46.1)], dtype=object)
    assert transform_geometries(shapes, 4326, "OGC:CRS84") is shapes
    high = shapely.force_3d(shapes, 2500.0)
    assert not shapely.has_z(transform_geometries(high, 4326, 4326)).any()
    east = [shapely.box(285, -30, 285.1, -29), shapely.box(179, 1, 180, 2)]
    assert shapely.bounds(to_lonlat(east, 4326)).tolist() == [
        [-75, -30, pytest.approx(-74.9), -29],
        [179, 1, 180, 2],
    ]


@pytest.mark.parametrize(
    ("crs", "on_earth"),
    [
        (4326, True),
        (32632, True),
        (5773, False),
        (4978, False),
        ('LOCAL_CS["here",UNIT["metre",1]]', False),
        ("IAU_2015:49900", False),
    ],
)
def test_which_systems_have_a_place_on_earth(crs: int | str, on_earth: bool) -> None:
    assert places_on_earth(parse_crs(crs)) is on_earth


@pytest.mark.parametrize(("crs", "x", "y"), [(4326, 10.0, 46.0), (3035, 4e6, 3e6), (32632, 5e5, 5e6)])
@pytest.mark.parametrize(("bad", "at"), [(np.inf, [0, -1]), (np.inf, [2]), (np.nan, [2])])
def test_coordinates_that_are_no_numbers_spoil_no_other_area(
    crs: int, x: float, y: float, bad: float, at: list[int]
) -> None:
    """Such a polygon has no area; its neighbours in the array, before and behind, keep theirs."""
    box = shapely.box(x, y, x + 0.01, y + 0.01)
    coords = shapely.get_coordinates(box)
    coords[at] = bad
    broken = shapely.transform(box, lambda _: coords)
    alone = area_m2([box], crs)[0]
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(area_m2([box, broken, box], crs), [alone, np.nan, alone])


def test_zone_of_the_whole_ellipsoid() -> None:
    """Closed form: a band from pole to pole is the surface of WGS84, 510 065 621.724 km²."""
    lon = np.linspace(-180, 180, 200_001)
    ring = np.concatenate(
        [np.column_stack([lon, np.full_like(lon, -90)]), np.column_stack([lon[::-1], np.full_like(lon, 90)])]
    )
    assert area_m2([shapely.Polygon(ring)], 4326)[0] == pytest.approx(510_065_621.724e6, rel=1e-9)


def test_holes_parts_collections_and_nothing() -> None:
    shell, hole = shapely.box(97, 30, 97.02, 30.02), shapely.box(97.005, 30.005, 97.01, 30.01)
    far = shapely.box(98, 31, 98.01, 31.01)
    a, h, f = (_geodesic(g) for g in (shell, hole, far))
    ring = shapely.Polygon(shell.exterior.coords, [hole.exterior.coords])
    rows = [
        ring,
        shapely.MultiPolygon([ring, far]),
        shapely.GeometryCollection([shapely.Point(1, 1), shapely.MultiPolygon([far]), shell]),
        None,
        shapely.Polygon(),
        shapely.Point(97, 30),
        shapely.LineString([(0, 0), (1, 1)]),
        shapely.GeometryCollection(),
        shapely.force_3d(shell, 4000.0),
        shapely.reverse(shell),
    ]
    np.testing.assert_allclose(area_m2(rows, 4326), [a - h, a - h + f, a + f, 0, 0, 0, 0, 0, a, a], rtol=1e-6)
    assert area_m2([], 4326).shape == (0,)
    assert area_m2([None, shapely.Point(0, 0)], 4326).tolist() == [0, 0]


@pytest.mark.parametrize("epsg", [32645, 3857, 2056, 31254, 6933, 3035, 2263, 4490])
def test_the_crs_does_not_matter(epsg: int) -> None:
    """Projected (conformal, equal-area, in feet) and other geographic systems give the same area."""
    crs = parse_crs(epsg)
    west, south, east, north = crs.area_of_use.bounds
    lat = np.clip((south + north) / 2, -60, 60)
    ring = _blobs(1, 0.5, lat)[0]
    polygon = shapely.transform(ring, lambda c: c - c.mean(axis=0) + [(west + east) / 2, lat])
    there = transform_geometries([polygon], crs.geodetic_crs, crs)
    assert area_m2(there, crs)[0] == pytest.approx(area_m2([polygon], crs.geodetic_crs)[0], rel=1e-6)


def _in_plane(polygons: np.ndarray) -> tuple[np.ndarray, pyproj.CRS]:
    crs = equal_area_crs(total_bounds(to_lonlat(polygons, 4326)))
    return transform_geometries(polygons, 4326, crs), crs


def test_plane_area_in_the_equal_area_crs() -> None:
    polygons = _blobs(50, 0.14, 33.0, seed=3)
    polygons = shapely.transform(polygons, lambda c: np.column_stack([90 + c[:, 0] / 20, c[:, 1]]))
    plane, crs = _in_plane(polygons)
    assert is_equal_area(crs)
    np.testing.assert_allclose(shapely.area(plane), area_m2(polygons, 4326), rtol=1e-5)
    np.testing.assert_allclose(area_m2(plane, crs), shapely.area(plane), rtol=1e-12)


@pytest.mark.parametrize(
    "bounds", [(75, 26, 105, 40), (-75, -55, -65, -17), (170, 60, 190, 68), (-180, -60, 180, 80)]
)
def test_the_plane_is_that_of_proj(bounds: tuple[float, ...]) -> None:
    crs = equal_area_crs(bounds)
    lonlat = np.random.default_rng(2).uniform(bounds[:2], bounds[2:], (2000, 2))
    expected = transform_coordinates(lonlat, 4326, crs)
    np.testing.assert_allclose(cylindrical_equal_area(lonlat, crs), expected, atol=1e-6)


def test_equal_area_crs_of_nothing_and_of_the_south() -> None:
    assert equal_area_crs([np.nan] * 4).to_wkt() == equal_area_crs([-1, -1, 1, 1]).to_wkt()
    assert "35" in equal_area_crs([-70, -40, -69, -30]).to_wkt()


@given(lon=st.floats(-170, 170), lat=st.floats(-70, 70), size=st.floats(0.0005, 0.02), turn=st.integers(0, 3))
def test_area_is_shared_out_by_a_cut(lon: float, lat: float, size: float, turn: int) -> None:
    """The parts of a cut polygon add up to the whole, and the start of a ring does not matter."""
    box = shapely.box(lon, lat, lon + size, lat + size)
    cut = lat + size * 0.37
    parts = [shapely.box(lon, lat, lon + size, cut), shapely.box(lon, cut, lon + size, lat + size)]
    whole = area_m2([box], 4326)[0]
    assert area_m2(parts, 4326).sum() == pytest.approx(whole, rel=1e-6)
    turned = shapely.Polygon(np.roll(shapely.get_coordinates(box)[:-1], turn, axis=0))
    assert area_m2([turned], 4326)[0] == pytest.approx(whole, rel=1e-9)


def test_local_metres_against_geodesics() -> None:
    origin = np.array([97.0, 30.0])
    points = np.array([[97.01, 30.0], [97.0, 30.01], [97.01, 30.01]])
    metres = local_metres(points, origin)
    _, _, distance = GEOD.inv(np.full(3, 97.0), np.full(3, 30.0), points[:, 0], points[:, 1])
    np.testing.assert_allclose(np.hypot(*metres.T), distance, rtol=1e-4)
    across = local_metres(np.array([[-179.999, 0.0]]), np.array([179.999, 0.0]))
    assert across[0, 0] == pytest.approx(222.6, abs=0.1)


def test_a_missing_or_wrong_crs_is_said() -> None:
    with pytest.raises(InputError, match="no coordinate reference system"):
        area_m2([shapely.box(0, 0, 1, 1)], None)
    with pytest.raises(InputError, match="EPSG:999999"):
        area_m2([shapely.box(0, 0, 1, 1)], "EPSG:999999")
    with pytest.raises(InputError, match="neither geographic nor projected"):
        area_m2([shapely.box(0, 0, 1, 1)], 5703)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rings larger and smaller than a block of vertices, polygons with holes across the borders of blocks."""
    polygons = [*_blobs(5, 0.14, 33.0), *_blobs(5, 5.0, 33.0), shapely.box(1, 1, 2, 2)]
    polygons.append(
        shapely.Polygon(polygons[-1].exterior.coords, [shapely.box(1.2, 1.2, 1.4, 1.4).exterior.coords])
    )
    whole, plane = area_m2(polygons, 4326), _in_plane(polygons)[0]
    monkeypatch.setattr("rogi.areas.BLOCK", 50)
    assert np.array_equal(area_m2(polygons, 4326), whole)
    assert shapely.equals_exact(_in_plane(polygons)[0], plane).all()
    mixed = [None, *polygons[:4], shapely.Polygon(), *polygons[4:], shapely.Point(0, 0)]
    for features in (1, 3, 5):  # of which a block has none with an area, some, and a last one is short
        monkeypatch.setattr("rogi.areas.FEATURES", features)
        assert np.array_equal(area_m2(mixed, 4326), [0, *whole[:4], 0, *whole[4:], 0])
