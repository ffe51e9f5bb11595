"""Agreement by area, object, size and group: hand-worked boxes, and unions by GEOS as oracle."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.comparison.agreement.areas import Components, components, uncovered
from rogi.comparison.agreement.attributes import class_agreement, numeric_agreement
from rogi.comparison.agreement.boundaries import boundary_distances
from rogi.comparison.agreement.objects import (
    area_agreement,
    found,
    group_agreement,
    object_agreement,
    size_agreement,
)
from rogi.comparison.compare import compare_polygons
from rogi.comparison.matching.graph import MatchGraph, assignment, match_polygons, swap
from rogi.comparison.matching.prepared_outlines import Outlines, prepare_together

EQUAL_AREA = 6933  # cylindrical equal-area, metres


def boxes(*corners: tuple[float, float, float, float]) -> np.ndarray:
    """Boxes from (west, south, east, north) in hundreds of metres: one unit of area is 0.01 km²."""
    return np.array([shapely.box(*(100.0 * v for v in c)) for c in corners], dtype=object)


def compare(
    a: np.ndarray, b: np.ndarray, sliver_fraction: float = 0.01
) -> tuple[Outlines, Outlines, MatchGraph, Components]:
    first, second = prepare_together([(a, EQUAL_AREA), (b, EQUAL_AREA)])
    graph = match_polygons(first, second, sliver_fraction=sliver_fraction)
    return first, second, graph, components(first, second, graph)


# A: 16, 16, 4; B: 16 shifted by 1 (overlap 12), 8 inside the second, 2 alone.
A = boxes((0, 0, 4, 4), (10, 0, 14, 4), (20, 0, 22, 2))
B = boxes((1, 0, 5, 4), (10, 0, 12, 4), (30, 0, 32, 1))


def test_by_area() -> None:
    """TP = 12 + 8, FP = 26 - 20, FN = 36 - 20 (in 0.01 km²)."""
    _, _, _, parts = compare(A, B)
    got = area_agreement(parts)
    assert [got.true_positive, got.false_positive, got.false_negative] == pytest.approx(
        [20e4, 6e4, 16e4], rel=1e-6
    )
    assert got.precision.value == pytest.approx(20 / 26)
    assert got.recall.value == pytest.approx(20 / 36)
    assert got.f1.value == pytest.approx(40 / 62)
    assert got.iou.value == pytest.approx(20 / 42)
    assert got.no_interval == "4 groups of linked outlines; 10 or more are needed"
    np.testing.assert_allclose(parts.covered_a, [12e4, 8e4, 0], rtol=1e-6)
    np.testing.assert_allclose(parts.covered_b, [12e4, 8e4, 0], rtol=1e-6)
    assert len(parts) == 4


def test_by_object() -> None:
    """IoU are 12/20 and 8/16: at 0.5 both match, at 0.55 one."""
    _, _, graph, _ = compare(A, B)
    chosen = assignment(graph)
    half = object_agreement(graph, assignment(graph, min_iou=0.5), 0.5)
    assert (half.matched, half.missed, half.false) == (2, 1, 1)
    assert half.precision.value == half.recall.value == pytest.approx(2 / 3)
    assert half.segmentation_quality == pytest.approx(0.55)
    assert half.panoptic_quality == pytest.approx((0.6 + 0.5) / (2 + 0.5 + 0.5))
    stricter = object_agreement(graph, chosen, 0.55)
    assert (stricter.matched, stricter.missed, stricter.false) == (1, 2, 2)
    nothing = object_agreement(graph, chosen, 0.9)
    assert nothing.matched == 0 and nothing.panoptic_quality == 0
    assert np.isnan(nothing.segmentation_quality)
    in_a, in_b = found(graph)
    assert in_a.tolist() == [True, True, False] and in_b.tolist() == [True, True, False]


def test_matches_at_a_threshold_are_not_lost_to_weaker_pairs() -> None:
    """IoU 0.550 of the large two, 0.29 of each with the small one beside it: every pair above 0.5 is a match
    (Kirillov et al. 2019), although 0.29 + 0.29 outweighs it."""
    a, b, graph, _ = compare(boxes((0, 0, 10, 9), (10, 0, 12.9, 9)), boxes((2.9, 0, 12.9, 9), (0, 0, 2.9, 9)))
    assert np.sort(graph.iou) == pytest.approx([0.29, 0.29, 7.1 / 12.9], rel=1e-6)
    assert assignment(graph).sum() == 2  # of all pairs, for boundaries and attributes
    result = compare_polygons(a, b)
    by_threshold = {o.threshold: o.matched for o in result.objects}
    assert by_threshold == {0.1: 2, 0.25: 2, 0.5: 1, 0.75: 0}
    assert result.panoptic is not None
    assert result.panoptic.segmentation_quality == pytest.approx(7.1 / 12.9, rel=1e-6)
    assert result.panoptic.panoptic_quality == pytest.approx(7.1 / 12.9 / 2, rel=1e-6)


@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.5, 8)), min_size=1, max_size=6),
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.5, 8)), min_size=1, max_size=6),
)
@settings(max_examples=40, deadline=None)
def test_matches_fall_as_the_threshold_rises(
    first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    """The sum of IoU of the matches never grows with the threshold, and a match reaches it."""
    strips = [boxes(*((x, 0, x + w, 5) for x, w in side)) for side in (first, second)]
    _, _, graph, _ = compare(*strips)
    last = np.inf
    for threshold in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9):
        chosen = assignment(graph, min_iou=threshold)
        assert (graph.iou[chosen] >= threshold).all()
        total = graph.iou[chosen].sum()
        assert total <= last + 1e-9
        last = total


def test_by_size() -> None:
    _, _, graph, parts = compare(A, B)
    rows = size_agreement(graph, parts, (0, 0.05, 0.1, 1))
    assert [(r.found_a.count, r.found_a.total) for r in rows] == [(0, 1), (0, 0), (2, 2)]
    assert [(r.found_b.count, r.found_b.total) for r in rows] == [(0, 1), (1, 1), (1, 1)]
    assert rows[2].recall_area == pytest.approx(20 / 32)
    assert rows[1].precision_area == pytest.approx(1)
    assert np.isnan(rows[1].recall_area)


def test_overlaps_within_a_side_count_once() -> None:
    """Two copies of one outline in A, two overlapping ones in B: areas are those of the unions."""
    a = boxes((0, 0, 4, 4), (0, 0, 4, 4), (10, 0, 11, 1))
    b = boxes((2, 0, 5, 4), (3, 0, 6, 4), (20, 0, 22, 2), (21, 0, 23, 2))
    _, _, graph, parts = compare(a, b)
    got = area_agreement(parts)
    # union A = 16 + 1, union B = 16 + 6, both = 8
    assert [got.true_positive, got.false_positive, got.false_negative] == pytest.approx(
        [8e4, 14e4, 9e4], rel=1e-6
    )
    np.testing.assert_allclose(parts.covered_a, [8e4, 8e4, 0], rtol=1e-6)
    np.testing.assert_allclose(parts.covered_b, [8e4, 4e4, 0, 0], rtol=1e-6)
    assert parts.double_a == pytest.approx(16e4, rel=1e-6)
    assert parts.double_b == pytest.approx(8e4 + 2e4, rel=1e-6)
    assert graph.overlap.sum() == pytest.approx(24e4, rel=1e-6)  # what simple adding would have given


def test_groups_add_up_and_keep_pairs_together() -> None:
    """The first pair lies astride the border of two groups: it goes with its outline of A."""
    _, _, graph, parts = compare(A, B)
    west, east = "Western Pamir", "Eastern Pamir"
    rows = group_agreement(graph, assignment(graph), parts, [west, east, east], [east, east, ""])
    assert [(r.name, r.count_a, r.count_b) for r in rows] == [("", 0, 1), (east, 2, 1), (west, 1, 1)]
    total = area_agreement(parts)
    for name in ("true_positive", "false_positive", "false_negative"):
        assert sum(getattr(r.area, name) for r in rows) == pytest.approx(getattr(total, name))
    assert rows[2].area.iou.value == pytest.approx(12 / 20)
    assert rows[2].objects.matched == 1 and rows[1].objects.missed == 1
    assert np.isnan(rows[0].area.recall.value) and rows[0].area.precision.value == 0


def _random(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, 40, (count, 2)), rng.uniform(0.5, 7, (count, 2))
    shapes = boxes(*np.hstack([corner, corner + size]))
    discs = rng.random(count) < 0.3
    shapes[discs] = shapely.buffer(shapely.centroid(shapes[discs]), 250.0, quad_segs=6)
    return shapes


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 20), st.integers(0, 20), st.sampled_from([0.0, 0.01, 0.4]))
def test_areas_are_those_of_the_unions(seed: int, n_a: int, n_b: int, sliver: float) -> None:
    """Oracle: GEOS on dissolved sides. TP + FN is the area of A, TP + FP that of B; B against A mirrors."""
    a, b, graph, parts = compare(_random(seed, n_a), _random(seed + 1, n_b), sliver)
    got = area_agreement(parts, replicates=10)
    union_a, union_b = (shapely.union_all(s.plane_geometries()) for s in (a, b))
    tp, fp, fn = got.true_positive, got.false_positive, got.false_negative
    assert tp == pytest.approx(union_a.intersection(union_b).area, rel=1e-9, abs=1e-4)
    assert fp == pytest.approx(union_b.difference(union_a).area, rel=1e-9, abs=1e-4)
    assert fn == pytest.approx(union_a.difference(union_b).area, rel=1e-9, abs=1e-4)
    assert tp + fn == pytest.approx(union_a.area, rel=1e-9)
    assert tp + fp == pytest.approx(union_b.area, rel=1e-9)
    for side, union, covered in ((a, union_b, parts.covered_a), (b, union_a, parts.covered_b)):
        expected = shapely.area(shapely.intersection(side.plane_geometries(), union))
        np.testing.assert_allclose(covered, expected, rtol=1e-9, atol=1e-4)
    mirrored = area_agreement(components(b, a, swap(graph)), replicates=10)
    assert mirrored.iou.value == pytest.approx(got.iou.value, nan_ok=True)
    assert mirrored.precision.value == pytest.approx(got.recall.value, nan_ok=True)
    assert mirrored.false_positive == pytest.approx(fn, rel=1e-9, abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 15), st.integers(1, 15))
def test_losses_are_those_of_an_overlay(seed: int, n_a: int, n_b: int) -> None:
    a, b, graph, parts = compare(_random(seed, n_a), _random(seed + 1, n_b))
    losses = uncovered(a, b, graph.a, graph.b, parts.covered_a)
    frames = [geopandas.GeoDataFrame({"i": range(len(s))}, geometry=s.geometries, crs=4326) for s in (a, b)]
    overlay = geopandas.overlay(*frames, how="difference", keep_geom_type=True).set_index("i").geometry
    expected = overlay.reindex(range(n_a)).to_numpy()
    expected[shapely.is_missing(expected)] = shapely.Polygon()
    difference = shapely.area(shapely.symmetric_difference(losses, expected))
    assert difference.max() < 1e-15  # square degrees: 1e-5 m²


def test_no_overlap_at_all_and_an_empty_side() -> None:
    _, _, _, parts = compare(boxes((0, 0, 1, 1)), boxes((5, 5, 6, 6)))
    got = area_agreement(parts)
    assert (got.precision.value, got.recall.value, got.f1.value, got.iou.value) == (0, 0, 0, 0)
    _, _, graph, parts = compare(boxes((0, 0, 1, 1)), np.array([], dtype=object))
    got = area_agreement(parts)
    assert np.isnan(got.precision.value) and got.recall.value == 0
    nothing = object_agreement(graph, assignment(graph), 0.5)
    assert np.isnan(nothing.precision.value) and nothing.recall.value == 0
    _, _, _, parts = compare(np.array([], dtype=object), np.array([], dtype=object))
    assert np.isnan(area_agreement(parts).iou.value)


def test_bootstrap_interval_holds_the_truth() -> None:
    """500 equal pairs with an IoU of 1/3 or 1, half each: the recall is 3/4 ± 1.96 · (1/4) / √500."""
    west = np.arange(500) * 10.0
    a = boxes(*np.column_stack([west, 0 * west, west + 2, 0 * west + 2]))
    shift = np.where(np.arange(500) % 2, 1.0, 0.0)
    b = boxes(*np.column_stack([west + shift, 0 * west, west + shift + 2, 0 * west + 2]))
    _, _, _, parts = compare(a, b)
    got = area_agreement(parts, seed=4).recall
    assert got.value == pytest.approx(0.75)
    half = 1.96 * 0.25 / np.sqrt(500)
    assert (got.low, got.high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.004)


def test_numbers() -> None:
    got = numeric_agreement([1, 2, 3, np.nan], [2, 2, 6, 1])
    assert (got.count, got.missing) == (3, 1)
    assert (got.mean, got.median, got.mean_absolute) == (pytest.approx(4 / 3), 1, pytest.approx(4 / 3))
    assert got.root_mean_square == pytest.approx(np.sqrt(10 / 3))
    assert got.standard_deviation == pytest.approx(np.std([1, 0, 3], ddof=1))
    assert got.equal.value == pytest.approx(1 / 3)
    around = numeric_agreement([350, 10, 90], [10, 350, 90], circular=True)
    assert (around.mean, around.mean_absolute) == (0, pytest.approx(40 / 3))
    assert numeric_agreement([], []).count == 0


def test_classes() -> None:
    a = ["Active", "Active", "Relict ", "Transitional", None, "", "Relict"]
    b = ["Active", "Relict", "Relict", "Transitional", "Active", "Relict", np.nan]
    got = class_agreement(a, b)
    assert got.classes == ("Active", "Relict", "Transitional")
    assert got.table.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert got.missing == 3 and got.equal.value == 0.75
    # chance: (2·1 + 1·2 + 1·1) / 16 = 5/16, kappa = (3/4 - 5/16) / (1 - 5/16)
    assert got.kappa.value == pytest.approx(7 / 11)
    ordered = class_agreement(a, b, ("Relict", "Transitional", "Active", "Uncertain"))
    assert ordered.classes[-1] == "Uncertain" and ordered.table.shape == (4, 4)
    assert ordered.kappa.value == pytest.approx(7 / 11)
    assert class_agreement([], []).classes == ()


def pairs_of(shares: list[float], side: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Squares of some sizes in a row, and the same a tenth of their size to the east."""
    size = side * np.sqrt(shares)
    west = np.concatenate([[0.0], np.cumsum(2 * size)[:-1]])
    a = boxes(*np.column_stack([west, 0 * west, west + size, size]))
    b = boxes(*np.column_stack([west + size / 10, 0 * west, west + size * 1.1, size]))
    return a, b


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ([1.0], "1 group of linked outlines; 10 or more are needed"),
        ([1.0] * 9, "9 groups of linked outlines; 10 or more are needed"),
        ([1.0] * 10, ""),
        ([36.0] + [1.0] * 9, ""),  # exactly 80 %
        ([37.0] + [1.0] * 9, "one group of linked outlines has 80 % of the area; at most 80 % are allowed"),
        ([900.0] + [1.0] * 99, "one group of linked outlines has 90 % of the area; at most 80 % are allowed"),
    ],
)
def test_no_interval_from_few_groups_or_from_one(shares: list[float], reason: str) -> None:
    _, _, _, parts = compare(*pairs_of(shares))
    got = area_agreement(parts, replicates=50)
    assert got.no_interval == reason
    for estimate in (got.precision, got.recall, got.f1, got.iou):
        assert np.isnan(estimate.low) == np.isnan(estimate.high) == bool(reason)
        assert estimate.value == pytest.approx(0.9 / 1.1 if estimate is got.iou else 0.9, rel=1e-6)


def test_noise_below_a_millimetre_is_nothing() -> None:
    """Two squares of 100 m a fraction of a millimetre apart; then 10 mm: 1 m² on each side."""
    for shift_m, expected in ((4e-4, 0.0), (1e-2, 1.0)):
        a, b, graph, parts = compare(boxes((0, 0, 1, 1)), boxes((shift_m / 100, 0, 1 + shift_m / 100, 1)))
        got = area_agreement(parts)
        assert (got.false_positive, got.false_negative) == pytest.approx((expected, expected), rel=1e-3)
        distances = boundary_distances(a, b, graph.a, graph.b)
        assert (distances.hausdorff[0] > 0) == (expected > 0)
    assert numeric_agreement([4000.0, 4000.0], [4000.0005, 4001.0], noise=1e-3).mean == 0.5
    assert numeric_agreement([0.3], [0.1 + 0.2]).equal.count == 1
    assert numeric_agreement([350.0], [350.0 - 1e-12], circular=True).mean == 0.0
