"""Shares of pixels: exact areas, whatever the polygon; the sum is the polygon's area."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.attributes.zonal import coverage as module
from rogi.attributes.zonal.coverage import (
    Coverage,
    coverage,
    pixel_rings,
    pixel_windows,
    ring_coverage,
    valid_polygons,
)

GRID = Affine(1.0, 0.0, 0.0, 0.0, -1.0, 20.0)
SHAPE = (20, 20)


def dense(cover: Coverage, unit: int = 0, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Shares of one unit as an array."""
    array = np.zeros(shape)
    part = slice(cover.offsets[unit], cover.offsets[unit + 1])
    array[cover.rows[part], cover.columns[part]] = cover.shares[part]
    return array


def oracle(polygon: shapely.Geometry, transform: Affine = GRID, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Shares by intersecting the polygon with every cell, an independent way."""
    row, column = np.indices(shape)
    corners = [(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)]
    xy = [(transform.a * c + transform.b * r + transform.c, transform.d * c + transform.e * r + transform.f)
          for c, r in corners]  # fmt: skip
    cells = shapely.polygons(np.stack([np.stack(p, axis=-1) for p in xy], axis=-2))
    return shapely.area(shapely.intersection(cells, polygon)) / abs(transform.determinant)


def star(seed: int, centre: tuple[float, float], radius: float, n: int = 17) -> shapely.Polygon:
    """A ragged polygon around a centre."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, n))
    r = radius * rng.uniform(0.3, 1.0, n)
    return shapely.Polygon(np.c_[centre[0] + r * np.cos(angle), centre[1] + r * np.sin(angle)])


@pytest.mark.parametrize("seed", range(12))
def test_equals_intersection_with_every_cell(seed: int) -> None:
    polygon, _ = valid_polygons([star(seed, (10.3, 9.6), 8.0)])
    np.testing.assert_allclose(dense(coverage(polygon, GRID, SHAPE)), oracle(polygon[0]), atol=2e-9)


def test_box_by_hand() -> None:
    cover = coverage([shapely.box(0.5, 17.25, 2, 19)], GRID, SHAPE)
    assert cover.rows.tolist() == [1, 1, 2, 2]
    assert cover.columns.tolist() == [0, 1, 0, 1]
    assert cover.shares.tolist() == [0.5, 1.0, 0.375, 0.75]
    assert cover.sizes.tolist() == [1.5 * 1.75]


def test_orientation_holes_and_parts_do_not_matter() -> None:
    hole = shapely.Point(8, 8).buffer(2)
    ring = shapely.box(4, 4, 12, 12).difference(hole)
    parts = shapely.MultiPolygon([ring, shapely.Point(8, 8).buffer(1), shapely.box(15, 15, 17, 18)])
    for polygon in (parts, shapely.reverse(parts), shapely.normalize(parts)):
        np.testing.assert_allclose(dense(coverage([polygon], GRID, SHAPE)), oracle(parts), atol=2e-9)


def test_one_cell_of_a_coarse_grid() -> None:
    """A polygon far smaller than a pixel keeps a value, with its tiny share."""
    small = shapely.box(3.2, 3.2, 3.2 + 1e-4, 3.2 + 1e-4)
    cover = coverage([small], GRID, SHAPE)
    assert cover.columns.tolist() == [3]
    assert cover.shares[0] == pytest.approx(1e-8, rel=1e-6)


def test_aligned_edges_leave_no_slivers() -> None:
    """Edges on pixel borders touch no neighbour, also at large coordinates with 30 m pixels."""
    transform = Affine(30.0, 0.0, 499_980.0, 0.0, -30.0, 3_500_040.0)
    west, north = 499_980.0 + 300, 3_500_040.0 - 300
    cover = coverage([shapely.box(west, north - 90, west + 90, north)], transform, (100, 100))
    assert cover.shares.tolist() == [1.0] * 9
    degree = Affine(1 / 3600, 0.0, 90 - 1 / 7200, 0.0, -1 / 3600, 31 + 1 / 7200)
    x, y = degree.c + 100 / 3600, degree.f - 100 / 3600
    cover = coverage([shapely.box(x, y - 3 / 3600, x + 3 / 3600, y)], degree, (3601, 3601))
    assert (cover.shares > 1 - 1e-6).sum() == 9 == len(cover.shares)


def test_cut_at_the_grid_edge() -> None:
    polygon = shapely.Point(0.5, 19.5).buffer(3)
    cover = coverage([polygon], GRID, SHAPE)
    np.testing.assert_allclose(dense(cover), oracle(polygon), atol=2e-9)
    assert cover.sizes[0] == pytest.approx(polygon.area)
    assert cover.covered[0] < cover.sizes[0] / 2


def test_missing_empty_and_outside_have_no_entries() -> None:
    cover = coverage(
        [None, shapely.Polygon(), shapely.box(50, 50, 51, 51), shapely.box(1, 1, 2, 2)], GRID, SHAPE
    )
    assert cover.counts.tolist() == [0, 0, 0, 1]
    assert cover.sizes.tolist() == [0, 0, 1, 1]


def test_invalid_counts_by_even_odd() -> None:
    bow = shapely.Polygon([(2, 2), (8, 8), (8, 2), (2, 8)])
    geometries, rebuilt = valid_polygons([bow, shapely.box(0, 0, 1, 1)])
    assert rebuilt.tolist() == [True, False]
    assert coverage([bow], GRID, SHAPE).covered[0] == pytest.approx(18.0)
    assert geometries[0].area == pytest.approx(18.0)


def test_collections_keep_their_polygons_only() -> None:
    mixed = shapely.GeometryCollection([shapely.box(1, 1, 3, 3), shapely.LineString([(5, 5), (9, 9)])])
    assert coverage([mixed], GRID, SHAPE).covered[0] == pytest.approx(4.0)


def test_thin_lobe_of_either_orientation_counts_positive() -> None:
    """The sign of a ring comes from its area, not from its first edge."""
    for points in ([(1, 1), (9, 1.2), (1.5, 1.1)], [(1.5, 1.1), (1, 1), (9, 1.2)]):
        for ring in (points, points[::-1]):
            polygon = shapely.Polygon(ring)
            assert coverage([polygon], GRID, SHAPE).covered[0] == pytest.approx(polygon.area)


def test_rotated_grid() -> None:
    transform = Affine.translation(3, 16) @ Affine.rotation(20) @ Affine.scale(0.9, -0.7)
    polygon = star(3, (10, 10), 5)
    cover = coverage([polygon], transform, SHAPE)
    np.testing.assert_allclose(dense(cover), oracle(polygon, transform), atol=2e-9)


def test_bands_and_windows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any part of a unit's window gives the same shares as the whole."""
    polygon = star(5, (10, 10), 9)
    whole = dense(coverage([polygon], GRID, SHAPE))
    rings = pixel_rings([polygon], GRID)
    for window in ((0, 20, 0, 20), (3, 9, 0, 20), (5, 15, 7, 12), (9, 10, 9, 10)):
        part = dense(ring_coverage(rings, np.array([window])))
        expected = np.zeros(SHAPE)
        where = np.s_[window[0] : window[1], window[2] : window[3]]
        expected[where] = whole[where]
        np.testing.assert_allclose(part, expected, atol=1e-9)
    scan = module._scan.py_func
    monkeypatch.setattr(module, "BAND_CELLS", 25)
    rows, columns, shares = np.empty(400, np.int32), np.empty(400, np.int32), np.empty(400)
    windows = pixel_windows(rings, SHAPE)
    offsets = scan(
        rings.x, rings.y, rings.ring_offsets, rings.is_hole, rings.unit_offsets, windows,
        np.array([0]), rows, columns, shares,
    )  # fmt: skip
    banded = Coverage(offsets, rows[: offsets[1]], columns[: offsets[1]], shares[: offsets[1]], rings.sizes)
    np.testing.assert_array_equal(dense(banded), whole)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-3, 23, allow_nan=False, width=32), st.floats(-3, 23, allow_nan=False, width=32)),
        min_size=3, max_size=8,
    )
)  # fmt: skip
def test_sum_is_the_area_inside_the_grid(points: list[tuple[float, float]]) -> None:
    """For any ring at all, self-crossing ones by the even-odd rule."""
    polygon = valid_polygons([shapely.Polygon(points)])[0][0]
    cover = coverage([polygon], GRID, SHAPE)
    inside = shapely.area(shapely.intersection(polygon, shapely.box(0, 0, 20, 20)))
    assert cover.covered[0] == pytest.approx(inside, abs=1e-6)
    assert ((cover.shares > 0) & (cover.shares <= 1)).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(-5, 5), st.integers(-5, 5))
def test_moves_with_the_grid(seed: int, rows: int, columns: int) -> None:
    """Moving polygon and grid by whole pixels moves the shares."""
    polygon = star(seed, (10, 10), 4)
    moved = shapely.transform(polygon, lambda xy: xy + np.array([columns, -rows]))
    a = dense(coverage([polygon], GRID, SHAPE))
    b = dense(coverage([moved], GRID, SHAPE))
    np.testing.assert_allclose(np.roll(a, (rows, columns), (0, 1)), b, atol=1e-9)
