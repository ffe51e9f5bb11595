"""Match graph, clusters, assignment: hand-worked layouts, GEOS and scipy as oracles, order independence."""

from __future__ import annotations

import itertools

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from rogi.comparison.matching.graph import (
    MATCH_TYPES,
    MatchGraph,
    MatchType,
    assignment,
    match_markers,
    match_points,
    match_polygons,
    self_overlaps,
    swap,
)
from rogi.comparison.matching.prepared_outlines import (
    Outlines,
    canonical_order,
    prepare,
    prepare_together,
    repair,
)

KM = 1000.0
EQUAL_EARTH = 6933  # cylindrical equal-area, metres


def boxes(*corners: tuple[float, float, float, float]) -> np.ndarray:
    """Boxes from (west, south, east, north) in hundreds of metres, in an equal-area plane."""
    return np.array([shapely.box(*(100.0 * v for v in c)) for c in corners], dtype=object)


def sides(a: np.ndarray, b: np.ndarray) -> tuple[Outlines, Outlines]:
    first, second = prepare_together([(a, EQUAL_EARTH), (b, EQUAL_EARTH)])
    return first, second


def test_types_of_clusters() -> None:
    """One cluster of each type, a contact that links nothing, and a sliver."""
    a = boxes(
        (0, 0, 4, 4),  # 1:1 with b0
        (10, 0, 14, 4),  # split into b1, b2
        (20, 0, 22, 4), (22, 0, 24, 4),  # merged into b3
        (30, 0, 33, 4), (33, 0, 36, 4),  # tangled with b4, b5
        (40, 0, 44, 4),  # only A; touches b6
        (50, 0, 54, 4),  # sliver with b7: 0.02 of 4 wide = 0.5 %
    )  # fmt: skip
    b = boxes(
        (1, 0, 5, 4),
        (10, 0, 12, 4), (12, 0, 14, 4),
        (20, 0, 24, 4),
        (30, 0, 32, 4), (32, 0, 36, 4),
        (44, 0, 48, 4),
        (53.98, 0, 57.98, 4),
    )  # fmt: skip
    graph = match_polygons(*sides(a, b))
    assert graph.type_counts() == {
        MatchType.ONE_TO_ONE: 1,
        MatchType.SPLIT: 1,
        MatchType.MERGE: 1,
        MatchType.COMPLEX: 1,
        MatchType.ONLY_A: 2,
        MatchType.ONLY_B: 2,
    }
    pairs = list(zip(graph.a.tolist(), graph.b.tolist(), strict=True))
    assert pairs == [(0, 0), (1, 1), (1, 2), (2, 3), (3, 3), (4, 4), (4, 5), (5, 5), (7, 7)]
    assert graph.linked.tolist() == [True] * 8 + [False]
    np.testing.assert_allclose(graph.overlap[:3], [12e4, 8e4, 8e4], rtol=1e-8)
    assert graph.iou[0] == pytest.approx(12 / 20)
    assert graph.fraction_a[1] == pytest.approx(0.5) and graph.fraction_b[1] == pytest.approx(1)
    assert graph.cluster_a.tolist() == [0, 1, 2, 2, 3, 3, 4, 5]
    assert graph.cluster_b.tolist() == [0, 1, 1, 2, 3, 3, 6, 7]
    assert (graph.size_a.sum(), graph.size_b.sum()) == (len(a), len(b))
    everything = match_polygons(*sides(a, b), sliver_fraction=0, sliver_area_m2=0)
    assert everything.type_counts()[MatchType.ONE_TO_ONE] == 2
    chosen = assignment(graph)
    assert [p for p, c in zip(pairs, chosen, strict=True) if c] == [(0, 0), (1, 1), (2, 3), (4, 4), (5, 5)]


def test_swapped_sides_mirror_each_other() -> None:
    a = boxes((0, 0, 4, 4), (10, 0, 14, 4), (20, 0, 21, 1))
    b = boxes((10, 0, 12, 4), (12, 0, 14, 4), (1, 0, 5, 4))
    first, second = sides(a, b)
    there, back = match_polygons(first, second), swap(match_polygons(second, first))
    np.testing.assert_allclose(there.overlap, back.overlap, rtol=1e-12)
    assert there.a.tolist() == back.a.tolist() and there.b.tolist() == back.b.tolist()
    assert there.cluster_a.tolist() == back.cluster_a.tolist()


def _random_boxes(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 30, (count, 2)), rng.uniform(0.5, 6, (count, 2))
    return boxes(*np.hstack([corner, corner + size]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 25), st.integers(1, 25))
def test_pairs_and_areas_equal_an_overlay(seed: int, n_a: int, n_b: int) -> None:
    """geopandas.overlay finds the same pairs with the same areas."""
    a, b = sides(_random_boxes(seed, n_a), _random_boxes(seed + 1, n_b))
    graph = match_polygons(a, b)
    frames = [
        geopandas.GeoDataFrame({name: range(len(s))}, geometry=s.plane_geometries(), crs=s.plane_crs)
        for name, s in (("i", a), ("j", b))
    ]
    overlay = geopandas.overlay(*frames, how="intersection", keep_geom_type=True)
    overlay = overlay[overlay.area > 1e-3].sort_values(["i", "j"])
    large = graph.overlap > 1e-3
    assert graph.a[large].tolist() == overlay["i"].tolist()
    assert graph.b[large].tolist() == overlay["j"].tolist()
    np.testing.assert_allclose(graph.overlap[large], overlay.area, rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 12))
def test_assignment_collects_the_largest_weight(seed: int, n_a: int, n_b: int) -> None:
    """The dense solver of scipy reaches the same total; nobody is used twice."""
    graph = match_polygons(*sides(_random_boxes(seed, n_a), _random_boxes(seed + 7, n_b)))
    chosen = assignment(graph)
    dense = np.zeros((n_a, n_b))
    dense[graph.a[graph.linked], graph.b[graph.linked]] = graph.iou[graph.linked]
    best = dense[linear_sum_assignment(-dense)].sum()
    assert graph.iou[chosen].sum() == pytest.approx(best, abs=1e-9)
    assert len(np.unique(graph.a[chosen])) == chosen.sum() == len(np.unique(graph.b[chosen]))
    assert graph.linked[chosen].all()


def test_assignment_prefers_the_best_total_to_the_best_pair() -> None:
    """A chain in which the greedy choice (0.6) would leave two objects alone: 0.5 + 0.5 is better."""
    a, b = np.array([0, 0, 1]), np.array([0, 1, 0])
    graph = MatchGraph(
        a, b, np.ones(3), np.full(3, np.nan), np.ones(3, bool), np.ones(2), np.ones(2),
        np.zeros(2, int), np.zeros(2, int), np.array([2]), np.array([2]),
    )  # fmt: skip
    assert assignment(graph, np.array([0.6, 0.5, 0.5])).tolist() == [False, True, True]
    assert assignment(graph, np.array([1.0, 0.4, 0.5])).tolist() == [True, False, False]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(seed: int, random: object) -> None:
    """Rows shuffled, ids repeated and missing: in canonical order everything comes out the same."""
    geometries = _random_boxes(seed, 12)
    ids = np.array([f"id{k % 5}" if k % 4 else None for k in range(12)], dtype=object)
    geometries[3] = geometries[7]
    shuffled = list(range(12))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first = canonical_order(ids, geometries)
    second = canonical_order(ids[shuffled], geometries[shuffled])
    assert ids[first].tolist() == ids[shuffled][second].tolist()
    assert shapely.equals_exact(geometries[first], geometries[shuffled][second]).all()
    other = _random_boxes(seed + 3, 9)
    one = match_polygons(*sides(geometries[first], other))
    two = match_polygons(*sides(geometries[shuffled][second], other))
    for field in ("a", "b", "overlap", "linked", "cluster_a", "cluster_b"):
        assert np.array_equal(getattr(one, field), getattr(two, field))
    assert np.array_equal(assignment(one), assignment(two))


def test_markers_in_polygons() -> None:
    polygons = prepare(shapely.box([97, 97.1], [30, 30], [97.05, 97.15], [30.05, 30.05]), 4326)
    markers = shapely.points([[97.01, 30.01], [97.02, 30.02], [97.1, 30.01], [98, 30]])
    graph = match_markers(markers, polygons)
    assert graph.type_counts()[MatchType.MERGE] == 1  # two markers in the first polygon
    assert graph.type_counts()[MatchType.ONE_TO_ONE] == 1  # on the edge of the second
    assert graph.type_counts()[MatchType.ONLY_A] == 1
    assert assignment(graph).tolist() == [True, False, True]


def test_points_against_geodesic_distances() -> None:
    rng = np.random.default_rng(0)
    a = rng.uniform([97, 30], [97.01, 30.01], (40, 2))
    b = rng.uniform([97, 30], [97.01, 30.01], (30, 2))
    graph = match_points(shapely.points(a), shapely.points(b), max_distance_m=200)
    expected = {}
    for (i, p), (j, q) in itertools.product(enumerate(a), enumerate(b)):
        distance = pyproj.Geod(ellps="WGS84").inv(*p, *q)[2]
        if distance <= 200:
            expected[i, j] = distance
    assert list(zip(graph.a.tolist(), graph.b.tolist(), strict=True)) == list(expected)
    np.testing.assert_allclose(graph.distance, list(expected.values()), rtol=1e-6)
    across = match_points(shapely.points([[179.9999, 0]]), shapely.points([[-179.9999, 0]]))
    assert across.distance[0] == pytest.approx(22.26, abs=0.01)
    nowhere = match_points(np.array([shapely.Point(), None]), np.array([None, shapely.Point()]))
    assert len(nowhere.a) == 0


def test_empty_sides() -> None:
    a, b = sides(boxes((0, 0, 1, 1)), np.array([], dtype=object))
    graph = match_polygons(a, b)
    assert graph.type_counts()[MatchType.ONLY_A] == 1 and len(graph.a) == 0
    assert assignment(graph).shape == (0,)
    nothing = match_polygons(*sides(np.array([], dtype=object), np.array([], dtype=object)))
    assert set(nothing.type_counts().values()) == {0}
    assert match_points(np.array([], dtype=object), shapely.points([[1, 1]])).size_b.tolist() == [1]
    assert len(MATCH_TYPES) == 6


def test_overlaps_within_one_side() -> None:
    side = prepare(boxes((0, 0, 4, 4), (3, 0, 6, 4), (6, 0, 8, 4), (3, 0, 6, 4)), EQUAL_EARTH)
    first, second, area = self_overlaps(side)
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == [(0, 1), (0, 3), (1, 3)]
    np.testing.assert_allclose(area, [4e4, 4e4, 12e4], rtol=1e-8)


def test_repair_keeps_polygons_and_says_which() -> None:
    bowtie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    spike = shapely.Polygon([(0, 0), (2, 0), (2, 2), (0, 2), (0, 0), (-1, 0)])
    fine = shapely.box(5, 5, 6, 6)
    given = np.array([bowtie, fine, spike, None], dtype=object)
    fixed, repaired = repair(given)
    assert repaired.tolist() == [True, False, True, False]
    assert given[0] is bowtie and fixed[1] is fine and fixed[3] is None
    assert shapely.is_valid(fixed[:3]).all()
    assert [g.area for g in fixed[:3]] == [2.0, 1.0, 4.0]
    assert {g.geom_type for g in fixed[:3]} <= {"Polygon", "MultiPolygon"}
