"""Several operators: hand-worked votes, consensus, landforms and alpha; GEOS unions as oracle."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.comparison.matching.prepared_outlines import Outlines, prepare_together
from rogi.comparison.operators import (
    consensus,
    detection_alpha,
    iou_matrix,
    landform_agreement,
    landform_consensus,
    landforms,
    match_all,
    match_all_points,
    vote_faces,
)


def boxes(*corners: tuple[float, float, float, float]) -> np.ndarray:
    """Boxes from (west, south, east, north) in hundreds of metres, in an equal-area plane."""
    return np.array([shapely.box(*(100.0 * v for v in c)) for c in corners], dtype=object)


def together(*operators: np.ndarray) -> list[Outlines]:
    return prepare_together([(g, 6933) for g in operators])


# Landform 0: mapped by all, shifted; 1: by the first two; 2: by the third only, with a hole in nothing.
FIRST = boxes((0, 0, 4, 4), (10, 0, 14, 4))
SECOND = boxes((1, 0, 5, 4), (10, 0, 14, 4))
THIRD = boxes((0, 0, 4, 5), (30, 0, 32, 2))


def test_three_operators_by_hand() -> None:
    sides = together(FIRST, SECOND, THIRD)
    graphs = match_all(sides)
    found = landforms([2, 2, 2], graphs)
    assert [own.tolist() for own in found.of_object] == [[0, 1], [0, 1], [0, 2]]
    assert found.votes.tolist() == [3, 2, 1]
    # areas in 0.01 km²: 1 and 2 share 12 + 16 of 36; 1 and 3 share 16 of 36 + 4; 2 and 3 share 12 of 32 +
    # 24 - 12
    expected = np.array([[1, 28 / 36, 16 / 40], [28 / 36, 1, 12 / 44], [16 / 40, 12 / 44, 1]])
    np.testing.assert_allclose(iou_matrix(sides, graphs), expected, rtol=1e-6)

    votes = vote_faces(sides, found)
    by_votes = [votes.area[votes.votes == k].sum() for k in (1, 2, 3)]
    # landform 0: three votes on 3 x 4, two on 1 x 4, one on 1 x 4 and 4 x 1; landform 1: two votes on 16
    np.testing.assert_allclose(by_votes, [(4 + 4 + 4) * 1e4, (4 + 16) * 1e4, 12e4], rtol=1e-6)
    shapes, area = consensus(votes, 2)
    assert len(shapes) == 2 and np.sort(area) == pytest.approx([16e4, 16e4], rel=1e-6)
    assert consensus(votes, 4)[1].shape == (0,)

    landform, outlines, agreed = landform_consensus(votes, 2)
    assert landform.tolist() == [0, 1] and len(outlines) == 2
    np.testing.assert_allclose(agreed, [16e4, 16e4], rtol=1e-6)

    each = landform_agreement(sides, found, votes)
    np.testing.assert_allclose(each.union, [24e4, 16e4, 4e4], rtol=1e-6)
    np.testing.assert_allclose(each.common, [12e4, 16e4, 4e4], rtol=1e-6)
    np.testing.assert_allclose(each.iou, [0.5, 1, 1], rtol=1e-6)
    assert each.spread[0] == pytest.approx(np.std([16, 16, 20], ddof=1) / (52 / 3), rel=1e-6)
    assert each.spread[1] == pytest.approx(0) and np.isnan(each.spread[2])


def test_alpha_of_detection() -> None:
    """Ratings 111, 110, 001: observed 4/9, expected 2·6·3 / (9·8) = 1/2, alpha 1/9."""
    sides = together(FIRST, SECOND, THIRD)
    found = landforms([2, 2, 2], match_all(sides))
    assert detection_alpha(found).value == pytest.approx(1 / 9)
    # classes: 0 rock glacier, 1 uncertain; the second operator is uncertain about landform 1
    classes = [np.array([0, 0]), np.array([0, 1]), np.array([0, 0])]
    got = detection_alpha(found, classes)
    # values 111, 1 2 0, 0 0 1 -> pairs that differ: 0, 6, 4 of 6 each
    counts = np.array([3, 5, 1])
    expected = 1 - (10 / 18) / (1 - (counts * (counts - 1)).sum() / 72)
    assert got.value == pytest.approx(expected)


def test_the_threshold_decides_what_a_landform_is() -> None:
    sides = together(boxes((0, 0, 4, 4)), boxes((3, 0, 7, 4)))
    graphs = match_all(sides)  # IoU 4 / 28
    assert landforms([1, 1], graphs).mapped.shape == (2, 2)
    assert landforms([1, 1], graphs, min_iou=0.1).mapped.shape == (2, 1)


def test_a_ring_of_outlines_leaves_its_hole_out() -> None:
    ring = boxes((0, 0, 6, 1), (0, 5, 6, 6), (0, 0, 1, 6), (5, 0, 6, 6))
    sides = together(ring[:2], ring[2:])
    graphs = match_all(sides)
    votes = vote_faces(sides, landforms([2, 2], graphs, 0))
    assert votes.area.sum() == pytest.approx(20e4, rel=1e-6)
    assert votes.area[votes.votes == 2].sum() == pytest.approx(4e4, rel=1e-6)
    whole, area = consensus(votes, 1)
    assert len(whole) == 1 and len(whole[0].interiors) == 1
    assert area[0] == pytest.approx(20e4, rel=1e-6)


def test_points_of_operators() -> None:
    first = shapely.points([[97.0, 30.0], [97.1, 30.0]])
    second = shapely.points([[97.0001, 30.0], [97.2, 30.0]])
    third = shapely.points([[97.0002, 30.0]])
    graphs = match_all_points([first, second, third], 15.0)
    found = landforms([2, 2, 1], graphs)
    assert found.votes.tolist() == [3, 1, 1]  # the chain 1-2-3 joins points 19 m apart


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_votes_against_unions(seed: int, operators: int) -> None:
    """Oracle: the area with at least k votes is the union of all k-fold intersections."""
    rng = np.random.default_rng(seed)
    raw = []
    for _ in range(operators):
        corner, size = rng.uniform(0, 15, (5, 2)), rng.uniform(0.5, 6, (5, 2))
        raw.append(boxes(*np.hstack([corner, corner + size])))
    sides = together(*raw)
    graphs = match_all(sides)
    votes = vote_faces(sides, landforms([5] * operators, graphs))
    dissolved = [shapely.union_all(side.plane_geometries()) for side in sides]
    for k in range(1, operators + 1):
        expected = shapely.union_all([shapely.intersection_all(c) for c in combinations(dissolved, k)]).area
        assert votes.area[votes.votes >= k].sum() == pytest.approx(expected, rel=1e-6, abs=1.0)
        assert consensus(votes, k)[1].sum() == pytest.approx(expected, rel=1e-6, abs=1.0)
