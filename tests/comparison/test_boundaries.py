"""Boundary distances: closed forms for boxes and circles, and GEOS as the independent program."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.comparison.agreement.boundaries import BoundaryDistances, _weighted_quantile, boundary_distances
from rogi.comparison.matching.prepared_outlines import prepare
from rogi.geometry import local_metres, metres_per_degree

EAST, NORTH = (float(v) for v in metres_per_degree(30.0))


def _degrees(shape: shapely.Geometry) -> shapely.Geometry:
    """A shape drawn in metres around 97° E, 30° N."""
    return shapely.transform(shape, lambda c: np.column_stack([97 + c[:, 0] / EAST, 30 + c[:, 1] / NORTH]))


def _distances(a: list, b: list, step: float = 5.0) -> BoundaryDistances:
    first, second = (prepare([_degrees(g) for g in side], 4326) for side in (a, b))
    index = np.arange(len(a))
    return boundary_distances(first, second, index, index, step_m=step)


def test_closed_forms() -> None:
    square = shapely.box(-100, -100, 100, 100)
    inner, outer = shapely.Point(0, 0).buffer(100, 256), shapely.Point(0, 0).buffer(130, 256)
    ring = shapely.Polygon(outer.exterior.coords, [inner.exterior.coords])
    a = [square, inner, square, ring]
    b = [square, outer, shapely.box(-100, -100, 100, 150), outer]
    got = _distances(a, b, step=1.0)
    # 0: identical; 1: concentric circles are 30 m apart everywhere; 2: one side moved out by 50 m;
    # 3: the hole of the ring is 30 m from the circle, the rest coincides
    np.testing.assert_allclose(got.hausdorff, [0, 30, 50, 30], atol=0.05)
    np.testing.assert_allclose(got.mean[:2], [0, 30], atol=0.05)
    np.testing.assert_allclose(got.p95[:2], [0, 30], atol=0.05)
    # moved side: A's top edge lies 50 m off except near its corners, where the sides of B are nearer:
    # ∫ min(50, distance to the sides) over 200 m = 2·1250 + 100·50; B's top edge 200 · 50 and sides 2 · 1250
    assert got.mean[2] == pytest.approx((2500 + 5000 + 10000 + 2500) / (800 + 900), abs=0.1)
    # of 1700 m, 300 m lie at 50 m off: the 95 % mark falls among them
    assert got.p95[2] == pytest.approx(50, abs=0.1)
    holes, circles = 2 * np.pi * 100, 2 * np.pi * 130
    assert got.mean[3] == pytest.approx(30 * holes / (holes + 2 * circles), abs=0.05)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_hausdorff_of_geos(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    shapes = []
    for _ in range(2):
        radius = 150 * (1 + 0.3 * np.sin(2 * angle + rng.uniform(0, 6))) + rng.uniform(0, 8, 30)
        xy = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) + rng.uniform(-60, 60, 2)
        shapes.append(shapely.Polygon(xy))
    got = _distances(shapes[:1], shapes[1:])
    lines = [shapely.segmentize(g.exterior, 1.0) for g in shapes]
    expected = shapely.hausdorff_distance(*lines)
    assert expected - 2.6 <= got.hausdorff[0] <= expected + 0.6
    points = [shapely.points(shapely.get_coordinates(line)) for line in lines]
    there, back = shapely.distance(points[0], lines[1]), shapely.distance(points[1], lines[0])
    assert got.mean[0] == pytest.approx(np.concatenate([there, back]).mean(), rel=0.05, abs=0.5)
    swapped = _distances(shapes[1:], shapes[:1])
    assert swapped.mean[0] == pytest.approx(got.mean[0], rel=1e-9)
    assert got.mean[0] <= got.hausdorff[0] and got.p95[0] <= got.hausdorff[0]


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), min_size=1, max_size=20), st.integers(1, 100)
)
def test_weighted_quantile_against_sorting(pairs: list[tuple[int, int]], percent: int) -> None:
    values, weights = np.array(pairs, float).T
    target = percent / 100 * weights.sum()
    order = np.argsort(values)
    place = np.searchsorted(np.cumsum(weights[order]), target)
    assert _weighted_quantile(values.copy(), weights.copy(), target) == values[order][place]


def test_metres_far_from_the_middle_latitude() -> None:
    """A shift of 100 m east and north at 60° N is 100 m, whatever the plane for areas does to distances."""
    square = shapely.box(10.0, 60.0, 10.02, 60.01)
    for dx, dy in ((100, 0), (0, 100)):
        east, north = (float(v) for v in metres_per_degree(60.005))
        moved = shapely.transform(square, lambda c, s=(dx / east, dy / north): c + s)
        a, b = prepare([square], 4326), prepare([moved], 4326)
        got = boundary_distances(a, b, np.array([0]), np.array([0]))
        assert got.hausdorff[0] == pytest.approx(100, abs=0.1)
    assert local_metres(np.array([[10.0, 60.0]]), np.array([10.0, 60.0])).tolist() == [[0, 0]]


def test_nothing_to_measure() -> None:
    assert len(_distances([], []).mean) == 0
    a = prepare([None, shapely.box(0, 0, 1e-3, 1e-3)], 4326)
    got = boundary_distances(a, a, np.array([0, 1]), np.array([1, 1]))
    assert np.isnan(got.mean[0]) and got.mean[1] == pytest.approx(0, abs=1e-9)
