"""The pass over vertices agrees with closed forms, in degrees, in metres and across the antimeridian."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.inventory.ids.unit_positions import finite_coordinates
from rogi.rules.vertices import Vertices, measure, metres_per_unit, only, unwrapped

GEOD = pyproj.Geod(ellps="WGS84")


def look(geometries: list[object], crs: object = "EPSG:32646", grid: float = 10.0) -> Vertices:
    shapes = np.array(geometries, dtype=object)
    usable = finite_coordinates(shapes) & ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    return measure(shapes, usable, crs, spike_angle=10.0, spike_length=10.0, repeat_distance=0.001, grid=grid)


# Metres in a plane whose scale is 1: Lambert's equal-area cylinder
PLANE = "+proj=cea +ellps=WGS84 +units=m"


def test_square_with_a_hole() -> None:
    """100 m square, 20 m hole: 8 vertices, perimeter 480 m, width 2 (10,000 - 400) / 480 = 40 m."""
    square = shapely.box(0, 0, 100, 100).difference(shapely.box(40, 40, 60, 60))
    seen = look([square], PLANE)
    assert (seen.count[0], seen.parts[0], seen.holes[0]) == (8, 1, 1)
    assert seen.perimeter[0] == pytest.approx(480)
    assert seen.width[0] == pytest.approx(40)
    assert seen.spacing[0] == pytest.approx(60)


def test_the_narrowest_part_counts() -> None:
    """Of a square and a strip of 100 m x 1 m the strip's 2 A / P = 200 / 202."""
    both = shapely.MultiPolygon([shapely.box(0, 0, 100, 100), shapely.box(200, 0, 300, 1)])
    seen = look([shapely.box(0, 0, 100, 100), both], PLANE)
    np.testing.assert_allclose(seen.width, [50, 200 / 202])
    assert seen.parts.tolist() == [1, 2]


@pytest.mark.parametrize(
    "crs", ["EPSG:4326", "EPSG:32633", "EPSG:3035", "EPSG:2056", "EPSG:3857", "EPSG:4258"]
)
def test_lengths_agree_with_geodesics(crs: str) -> None:
    """The perimeter of a small outline in any CRS is its geodesic perimeter to 0.5 %."""
    from rogi.rules.examples import blob

    outline = blob(10.6, 46.9)
    expected = GEOD.geometry_area_perimeter(outline)[1]
    to = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    moved = shapely.transform(outline, lambda xy: np.column_stack(to.transform(xy[:, 0], xy[:, 1])))
    assert look([moved], crs).perimeter[0] == pytest.approx(expected, rel=5e-3)


def test_feet_are_not_metres() -> None:
    """US survey feet: a square of 1,000 ft has a perimeter of 1,219 m."""
    seen = look([shapely.box(6.5e6, 2e6, 6501000, 2001000)], "EPSG:2227")
    assert seen.perimeter[0] == pytest.approx(4000 * 1200 / 3937, rel=1e-3)


def test_across_the_antimeridian() -> None:
    """An outline at 180 degrees is measured as the same one at 179 degrees."""
    here = shapely.box(178.99, 66.0, 179.01, 66.01)
    there = shapely.Polygon([(179.99, 66.0), (-179.99, 66.0), (-179.99, 66.01), (179.99, 66.01)])
    seen = look([here, there], 4326, grid=1e-3)
    assert seen.perimeter[1] == pytest.approx(seen.perimeter[0])
    assert seen.width[1] == pytest.approx(seen.width[0])


def test_a_frame_around_the_world_is_not_unwrapped() -> None:
    """Neither is what was split at the antimeridian, nor projected coordinates."""
    split = shapely.MultiPolygon([shapely.box(179.9, 0, 180, 1), shapely.box(-180, 0, -179.9, 1)])
    world, frame = shapely.box(-180, -90, 180, 90), shapely.box(-179, 0, 179, 1)
    shapes = np.array([world, frame, split, None], dtype=object)
    for crs in (4326, "EPSG:32646", None):
        same, crossing = unwrapped(shapes, crs)
        assert not crossing.any()
        assert same is shapes


def test_spikes_by_their_angle_and_length() -> None:
    """The tip of a triangle of base b and height h has the angle 2 atan(b / 2h)."""
    body = [(100, 0), (100, 100), (0, 100), (0, 0)]

    def spiky(base: float, height: float) -> shapely.Polygon:
        return shapely.Polygon([(50 - base / 2, 0), (50, -height), (50 + base / 2, 0), *body])

    seen = look([spiky(4, 50), spiky(20, 50), spiky(0.4, 5), shapely.box(0, 0, 100, 100)], PLANE)
    assert seen.spikes.feature.tolist() == [0], "20 m / 50 m is 22.6 degrees; 5 m is too short"
    assert seen.spikes.measure[0] == pytest.approx(2 * np.degrees(np.arctan(2 / 50)))
    tips = seen.spikes.points(np.array([0]))
    assert tips[0].equals(shapely.Point(50, -50))


def test_a_spike_at_the_start_of_the_ring_and_inward() -> None:
    """Wherever the ring starts, and inward as outward; a repeated tip does not hide it."""
    ring = [(48, 0), (50, -50), (52, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
    for shift in range(len(ring)):
        turned = ring[shift:] + ring[:shift]
        assert look([shapely.Polygon(turned)], PLANE).spikes.feature.tolist() == [0]
    inward = [(48, 0), (50, 50), (52, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
    assert look([shapely.Polygon(inward)], PLANE).spikes.feature.tolist() == [0]
    twice = look([shapely.Polygon([*ring[:2], (50, -50), *ring[2:]])], PLANE)
    assert twice.spikes.feature.tolist() == [0]
    assert twice.repeated.feature.tolist() == [0]


def test_repeats() -> None:
    """Vertices at one place, also where the ring closes; a millimetre counts, a centimetre does not."""
    square = [(0, 0), (100, 0), (100, 100), (0, 100)]
    seen = look(
        [
            shapely.Polygon([(0, 0), (0, 0), *square[1:]]),
            shapely.Polygon([*square, (0, 0), (0, 0)]),
            shapely.Polygon([(0, 0), (0.0005, 0), *square[1:]]),
            shapely.Polygon([(0, 0), (0.01, 0), *square[1:]]),
            shapely.Polygon(square),
        ],
        PLANE,
    )
    assert seen.repeated.feature.tolist() == [0, 1, 2]


def test_orientation_of_shells_and_holes() -> None:
    """Counter-clockwise shells with clockwise holes are right, whatever the type of the geometry."""
    shell = [(0, 0), (9, 0), (9, 9), (0, 9)]
    hole = [(1, 1), (1, 2), (2, 2), (2, 1)]
    right = shapely.Polygon(shell, [hole])
    seen = look(
        [
            right,
            shapely.Polygon(shell[::-1], [hole]),
            shapely.Polygon(shell, [hole[::-1]]),
            shapely.MultiPolygon([right, shapely.Polygon([(x + 20, y) for x, y in shell[::-1]])]),
            shapely.GeometryCollection([right, shapely.Point(0, 0)]),
        ],
        PLANE,
    )
    assert seen.misoriented.tolist() == [False, True, True, True, False]


def test_grid_needs_all_vertices_and_three_of_them() -> None:
    """Four decimals are on the grid; one vertex off it, or a point, is not."""
    on = shapely.Polygon([(90.1234, 30.5), (90.1334, 30.5), (90.1299, 30.5101)])
    off = shapely.Polygon([(90.1234, 30.5), (90.1334, 30.5), (90.1299, 30.51012)])
    seen = look([on, off, shapely.Point(90.1, 30.1)], 4326, grid=1e-4)
    assert seen.gridded.tolist() == [True, False, False]


def test_nothing_to_look_at() -> None:
    """Null, empty, points and lines have no vertices here; no features are fine."""
    odd = [None, shapely.Polygon(), shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)])]
    seen = look(odd)
    assert seen.count.tolist() == [0] * 4
    assert np.isnan(seen.perimeter).all()
    assert np.isnan(seen.width).all()
    assert len(look([]).count) == 0
    without_crs = look([shapely.box(0, 0, 1, 1)], None)
    assert without_crs.count.tolist() == [4]
    assert np.isnan(without_crs.perimeter).all()


def test_finite_coordinates() -> None:
    """One infinite or missing coordinate in any vertex; Z does not count."""
    ring = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
    shapes = [
        shapely.Polygon(ring),
        shapely.Polygon([*ring, (np.nan, 0.5)]),
        shapely.Polygon([*ring, (np.inf, -np.inf)]),
        shapely.Point(),
        None,
        shapely.MultiPoint([(0, 0), (1, 2)]),
    ]
    expected = [True, False, False, True, True, True]
    assert finite_coordinates(np.array(shapes, dtype=object)).tolist() == expected


def test_metres_per_degree() -> None:
    """At the equator one degree is 111,320 m east and 110,574 m north; a false latitude gives none."""
    shapes = np.array([shapely.Point(10, 0), shapely.Point(10, 60), shapely.Point(5e5, 5e6)], dtype=object)
    kx, ky = metres_per_unit(shapes, 4326)
    np.testing.assert_allclose(kx[:2], [111319.49, 55800.1], rtol=1e-4)
    np.testing.assert_allclose(ky[:2], [110574.28, 111412.2], rtol=1e-4)
    assert np.isnan(kx[2])
    assert np.isnan(metres_per_unit(shapes, None)[0]).all()


def test_only_copies_what_it_changes() -> None:
    """The given array stays as it is."""
    shapes = np.array([shapely.Point(1, 1), shapely.Point(2, 2)], dtype=object)
    kept = only(shapes, np.array([True, False]))
    assert kept[1] is None
    assert shapes[1] is not None
    assert only(shapes, np.array([True, True])) is shapes


@given(st.integers(1, 60), st.integers(1, 400), st.integers(0, 10))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_chunks_do_not_matter(features: int, size: int, seed: int) -> None:
    """Whatever the size of the chunks, the result is that of one."""
    import rogi.rules.vertices as module

    r = np.random.default_rng(seed)
    shapes = np.array(
        [
            shapely.Point(*r.uniform(0, 1000, 2)).buffer(r.uniform(20, 90), quad_segs=int(r.integers(2, 9)))
            for _ in range(features)
        ],
        dtype=object,
    )
    shapes[r.random(features) < 0.2] = None
    whole = look(list(shapes), PLANE)
    old = module.VERTICES_PER_CHUNK
    try:
        module.VERTICES_PER_CHUNK = size
        parts = look(list(shapes), PLANE)
    finally:
        module.VERTICES_PER_CHUNK = old
    np.testing.assert_array_equal(parts.count, whole.count)
    np.testing.assert_allclose(parts.perimeter, whole.perimeter)
    np.testing.assert_allclose(parts.width, whole.width)
    np.testing.assert_array_equal(parts.spikes.feature, whole.spikes.feature)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("axis", [0, 1])
def test_one_coordinate_that_is_no_number_is_found_wherever_it_stands(bad: float, axis: int) -> None:
    shell = [(0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0), (0.0, 0.0)]
    hole = [(1.0, 1.0), (2.0, 1.0), (2.0, 2.0), (1.0, 1.0)]
    whole = [
        shapely.Polygon(shell, [hole]),
        shapely.MultiPolygon([shapely.Polygon(shell), shapely.Polygon(hole)]),
        shapely.LineString(shell),
        shapely.MultiLineString([shell, hole]),
        shapely.Point(1, 2),
        shapely.MultiPoint(hole),
        shapely.GeometryCollection([shapely.Point(1, 2), shapely.Polygon(shell)]),
        shapely.Polygon(),
    ]
    assert finite_coordinates(np.array([*whole, None], dtype=object)).all()
    for at, shape in enumerate(whole):
        for vertex in range(shapely.get_num_coordinates(shape)):
            coordinates = shapely.get_coordinates(shape)
            coordinates[vertex, axis] = bad
            try:
                with np.errstate(invalid="ignore"):
                    broken = shapely.set_coordinates(np.array([shape], dtype=object), coordinates)[0]
            except shapely.errors.GEOSException:  # the first or last of a ring, which would be open
                continue
            found = finite_coordinates(np.array([*whole[:at], broken, *whole[at + 1 :]], dtype=object))
            assert np.flatnonzero(~found).tolist() == [at]
