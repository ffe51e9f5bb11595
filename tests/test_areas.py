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
    equal_area,
    equal_area_crs,
    is_equal_area,
    local_metres,
    parse_crs,
    transform_coordinates,
    transform_geometries,
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


def test_long_edges_follow_the_great_circle() -> None:
    """Without the third-order term a 1° box would be off by 7e-5."""
    for lat in (-45, 0, 28, 60):
        box = shapely.box(10, lat, 11, lat + 1)
        assert area_m2([box], 4326)[0] == pytest.approx(_geodesic(box), rel=1e-6)


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


def test_plane_area_in_the_equal_area_crs() -> None:
    polygons = _blobs(50, 0.14, 33.0, seed=3)
    polygons = shapely.transform(polygons, lambda c: np.column_stack([90 + c[:, 0] / 20, c[:, 1]]))
    plane, crs = equal_area(polygons, 4326)
    assert is_equal_area(crs)
    np.testing.assert_allclose(shapely.area(plane), area_m2(polygons, 4326), rtol=1e-5)
    np.testing.assert_allclose(area_m2(plane, crs), shapely.area(plane), rtol=1e-12)
    again, same = equal_area(polygons[:3], 4326, crs)
    assert same == crs and shapely.equals(again, plane[:3]).all()


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
    with pytest.raises(InputError, match="does not preserve areas"):
        equal_area([shapely.box(0, 0, 1, 1)], 4326, 3857)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rings larger and smaller than a block of vertices, polygons with holes across the borders of blocks."""
    polygons = [*_blobs(5, 0.14, 33.0), *_blobs(5, 5.0, 33.0), shapely.box(1, 1, 2, 2)]
    polygons.append(
        shapely.Polygon(polygons[-1].exterior.coords, [shapely.box(1.2, 1.2, 1.4, 1.4).exterior.coords])
    )
    whole, plane = area_m2(polygons, 4326), equal_area(polygons, 4326)[0]
    monkeypatch.setattr("rogi.areas.BLOCK", 50)
    assert np.array_equal(area_m2(polygons, 4326), whole)
    assert shapely.equals_exact(equal_area(polygons, 4326)[0], plane).all()
