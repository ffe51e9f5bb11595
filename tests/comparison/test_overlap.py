"""Intersection areas of pairs: GEOS as the independent program, on general and on degenerate polygons."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rogi.areas import rings_of
from rogi.comparison.matching.overlap import _orient, overlap_areas


def _areas(p: list, q: list) -> np.ndarray:
    index = np.arange(len(p))
    return overlap_areas(rings_of(p), rings_of(q), index, index)


def test_hand_worked() -> None:
    square = shapely.box(0, 0, 4, 4)
    with_hole = shapely.Polygon(square.exterior.coords, [shapely.box(1, 1, 2, 2).exterior.coords])
    two = shapely.MultiPolygon([shapely.box(-1, -1, 1, 1), shapely.box(3, 3, 6, 6)])
    cases = [
        (square, shapely.box(2, 2, 6, 6), 4.0),
        (square, shapely.box(1, 1, 2, 2), 1.0),
        (shapely.box(1, 1, 2, 2), square, 1.0),
        (square, square, 16.0),
        (square, shapely.reverse(square), 16.0),
        (square, shapely.box(4, 0, 8, 4), 0.0),  # one edge in common
        (square, shapely.box(4, 4, 8, 8), 0.0),  # one corner
        (square, shapely.box(0, 0, 2, 4), 8.0),  # three edges in common
        (square, shapely.box(-1, 1, 5, 2), 4.0),
        (with_hole, shapely.box(1, 1, 2, 2), 0.0),  # fills the hole
        (with_hole, square, 15.0),
        (with_hole, shapely.box(1, 0, 2, 4), 3.0),
        (two, square, 2.0),
        (two, two, 13.0),
        (with_hole, with_hole, 15.0),
        (shapely.Polygon([(0, 0), (4, 0), (0, 4)]), shapely.Polygon([(4, 4), (0, 4), (4, 0)]), 0.0),
        (shapely.Polygon([(2, -1), (5, 2), (2, 5), (-1, 2)]), square, 14.0),  # corners cut: 16 - 4 · ½
        (None, square, 0.0),
        (shapely.Polygon(), square, 0.0),
        (square, shapely.Point(1, 1), 0.0),
    ]
    p, q, expected = (list(x) for x in zip(*cases, strict=True))
    np.testing.assert_allclose(_areas(p, q), expected, atol=1e-12)
    np.testing.assert_allclose(_areas(q, p), expected, atol=1e-12)


def test_noisy_copies_against_geos() -> None:
    rng = np.random.default_rng(5)
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    radius = 200 * (1 + 0.3 * np.sin(3 * angle) + 0.01 * rng.normal(size=(500, 80)))
    centre = rng.uniform(-1e6, 1e6, (500, 1, 2))
    p = centre + np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    q = p + rng.normal(0, 40, (500, 1, 2)) + rng.normal(0, 1, p.shape)
    left, right = shapely.polygons(p), shapely.polygons(q)
    valid = shapely.is_valid(left) & shapely.is_valid(right)
    assert valid.sum() > 400
    left, right = left[valid], right[valid]
    expected = shapely.area(shapely.intersection(left, right))
    np.testing.assert_allclose(_areas(left, right), expected, rtol=1e-9, atol=1e-6)


@st.composite
def _grid_polygon(draw: st.DrawFn) -> shapely.Geometry:
    """A valid polygon, at times with holes and parts, with small integer corners: full of coincidences."""
    boxes = draw(
        st.lists(
            st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 4), st.integers(1, 4)),
            min_size=1,
            max_size=4,
        )
    )
    corners = draw(
        st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=3, max_size=5, unique=True)
    )
    shape = shapely.union_all([shapely.box(x, y, x + w, y + h) for x, y, w, h in boxes])
    hull = shapely.convex_hull(shapely.MultiPoint(corners))
    operation = draw(st.sampled_from([shapely.union, shapely.difference, shapely.symmetric_difference]))
    result = operation(shape, hull)
    parts = [g for g in shapely.get_parts(result) if g.geom_type == "Polygon"]
    assume(parts)
    return shapely.MultiPolygon(parts)


@settings(max_examples=400, deadline=None)
@given(_grid_polygon(), _grid_polygon())
def test_degenerate_positions_against_geos(p: shapely.Geometry, q: shapely.Geometry) -> None:
    """Shared edges, corners on edges and collinear runs, where crossings cannot be counted naively."""
    assume(p.is_valid and q.is_valid)
    expected = shapely.area(shapely.intersection(p, q))
    assert _areas([p], [q])[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert _areas([q], [p])[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(_grid_polygon(), st.floats(-1e-15, 1e-15), st.floats(0.1, 3))
def test_nearly_coincident_edges(p: shapely.Geometry, nudge: float, scale: float) -> None:
    """A copy moved by less than the last digit: the signs of the predicates are decided by exact sums."""
    assume(p.is_valid)
    moved = shapely.transform(p, lambda c: c * (scale + nudge) + 1 / 3 + nudge)
    original = shapely.transform(p, lambda c: c * scale + 1 / 3)
    assume(moved.is_valid and original.is_valid)
    assert _areas([original], [moved])[0] == pytest.approx(original.area, rel=1e-9)


@given(*[st.floats(-1e3, 1e3)] * 4, st.floats(-2, 2), st.integers(-2, 2))
def test_orientation_has_the_sign_of_exact_arithmetic(
    ax: float, ay: float, bx: float, by: float, t: float, ulps: int
) -> None:
    """Points on or within two units in the last place of a line, against rational numbers."""
    cx, cy = ax + t * (bx - ax), ay + t * (by - ay)
    for _ in range(abs(ulps)):
        cy = float(np.nextafter(cy, np.inf * ulps))
    values = [Fraction(v) for v in (ax, ay, bx, by, cx, cy)]
    # products below the smallest normal number have no exact floating-point expansion
    assume(all(v == 0 or abs(v) > 1e-100 for v in values))
    fax, fay, fbx, fby, fcx, fcy = values
    exact = (fax - fcx) * (fby - fcy) - (fay - fcy) * (fbx - fcx)
    assert np.sign(_orient(ax, ay, bx, by, cx, cy)) == (exact > 0) - (exact < 0)


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_do_not_change_the_result(workers: int) -> None:
    rng = np.random.default_rng(8)
    corner = rng.uniform(0, 5, (6000, 2))
    boxes = shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + 1, corner[:, 1] + 1)
    p, q = np.arange(6000), np.roll(np.arange(6000), 1)
    rings = rings_of(boxes)
    got = overlap_areas(rings, rings, p, q, workers=workers)
    gap = 1 - np.abs(corner[p] - corner[q])
    expected = np.where((gap > 0).all(axis=1), gap.prod(axis=1), 0)
    np.testing.assert_allclose(got, expected, atol=1e-12)
