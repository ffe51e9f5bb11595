"""Overlaps are found with their area, whatever the CRS, and borders that are only shared are not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.rules.overlaps import SLIVER_WIDTH_M, Overlaps, find_overlaps

PLANE = "+proj=cea +ellps=WGS84 +units=m"


def overlaps(geometries: list[object], crs: object = PLANE) -> Overlaps:
    shapes = np.array(geometries, dtype=object)
    valid = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes) & shapely.is_valid(shapes)
    return find_overlaps(shapes, valid, crs)


def pairs(found: Overlaps) -> list[tuple[int, int]]:
    return list(zip(found.left.tolist(), found.right.tolist(), strict=True))


def box(x: float, y: float, size: float = 100.0) -> shapely.Polygon:
    return shapely.box(x, y, x + size, y + size)


def test_overlap_polygon_and_area() -> None:
    """Two squares of 100 m shifted by (60, 70) share 40 m x 30 m."""
    found = overlaps([box(0, 0), box(1000, 0), box(60, 70)])
    assert pairs(found) == [(0, 2)]
    assert found.area[0] == pytest.approx(1200, rel=1e-6)
    assert found.geometry[0].equals(shapely.box(60, 70, 100, 100))


def test_shared_borders_and_corners_do_not_count() -> None:
    """Neighbours, with vertices on the other's edge, and at a corner."""
    assert pairs(overlaps([box(0, 0), box(100, 50), box(-100, 100), shapely.box(0, -50, 300, 0)])) == []


def test_slivers_by_their_width() -> None:
    """A strip narrower than the tolerance comes from rounding, one that is wider is drawn."""
    narrow, wide = 0.4 * SLIVER_WIDTH_M, 3.0 * SLIVER_WIDTH_M
    assert pairs(overlaps([box(0, 0), box(100 - narrow, 0)])) == []
    assert pairs(overlaps([box(0, 0), box(100 - wide, 0)])) == [(0, 1)]


def test_rounding_a_shared_border_makes_no_overlap() -> None:
    """A border of 200 vertices, each neighbour rounded to six decimals after its own shift of 1e-7 degree."""
    r = np.random.default_rng(3)
    y = np.sort(r.uniform(30.0, 30.01, 200))
    x = 90.0 + r.uniform(-1e-4, 1e-4, 200)
    border = np.column_stack([x, y])
    west = shapely.Polygon(np.round([*border, (89.99, y[-1]), (89.99, y[0])], 6))
    east = shapely.Polygon(np.round([*(border + 1e-7), (90.01, y[-1]), (90.01, y[0])], 6))
    assert pairs(overlaps([west, east], 4326)) == []


def test_containment_nesting_and_holes() -> None:
    """One within another is an overlap of its whole area; one in a hole is none."""
    ring = box(0, 0).difference(box(20, 20, 60))
    found = overlaps([box(0, 0), box(10, 10, 20), ring, box(30, 30, 20)])
    assert pairs(found) == [(0, 1), (0, 2), (0, 3), (1, 2)]
    assert found.area[0] == pytest.approx(400, rel=1e-6)


def test_only_the_polygonal_part() -> None:
    """Where two polygons share an area and, elsewhere, an edge, the overlap is the area."""
    u = shapely.Polygon(
        [(0, 0), (300, 0), (300, 100), (200, 100), (200, 50), (100, 50), (100, 100), (0, 100)]
    )
    bar = shapely.Polygon([(50, 100), (50, 80), (90, 80), (90, 100), (250, 100), (250, 130), (50, 130)])
    assert shapely.intersection(u, bar).geom_type == "GeometryCollection"
    found = overlaps([u, bar])
    assert found.geometry[0].geom_type in ("Polygon", "MultiPolygon")
    assert found.area[0] == pytest.approx(800, rel=1e-6)


def test_unusable_and_other_geometries_are_left_out() -> None:
    """Null, empty, invalid, points and lines; collections with polygons take part."""
    bow_tie = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    line = shapely.LineString([(0, 0), (100, 100)])
    collection = shapely.GeometryCollection([box(50, 50), shapely.Point(0, 0)])
    found = overlaps([None, shapely.Polygon(), bow_tie, shapely.Point(5, 5), line, box(0, 0), collection])
    assert pairs(found) == [(5, 6)]
    assert pairs(overlaps([])) == []
    assert pairs(overlaps([box(0, 0)])) == []
    assert pairs(overlaps([box(0, 0), box(50, 0)], None)) == [(0, 1)]


def test_degrees_and_metres_agree() -> None:
    """The same two outlines in WGS84 and in UTM have the same overlap to 0.1 %."""
    import pyproj

    from rogi.rules.examples import blob

    shapes = [blob(90.6, 30.4), blob(90.601, 30.4003)]
    to = pyproj.Transformer.from_crs(4326, 32646, always_xy=True)
    moved = [shapely.transform(s, lambda xy: np.column_stack(to.transform(*xy.T))) for s in shapes]
    assert overlaps(shapes, 4326).area[0] == pytest.approx(overlaps(moved, 32646).area[0], rel=1e-3)


def test_across_the_antimeridian() -> None:
    """An outline drawn across 180 degrees overlaps its neighbours on both sides, once each, and no other."""

    def crossing(west: float, east: float) -> shapely.Polygon:
        return shapely.Polygon([(west, 66.0), (east, 66.0), (east, 66.02), (west, 66.02)])

    over = crossing(179.98, -179.98)
    east = crossing(-179.99, -179.95)
    west = crossing(179.95, 179.99)
    far = crossing(10.0, 10.02)
    again = crossing(179.97, -179.97)
    found = overlaps([over, east, west, far, again], 4326)
    assert pairs(found) == [(0, 1), (0, 2), (0, 4), (1, 4), (2, 4)]
    assert found.area[0] == pytest.approx(found.area[1], rel=1e-6)
    assert found.area[2] == pytest.approx(4 * found.area[0], rel=1e-6), "the whole of the smaller one"


squares = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 15)), min_size=0, max_size=25
)


@given(squares)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_as_by_hand(table: list[tuple[int, int, int]]) -> None:
    """On squares with whole coordinates: the pairs and areas of a double loop in plain arithmetic."""
    expected = {}
    for (i, (x, y, s)), (j, (u, v, t)) in itertools.combinations(enumerate(table), 2):
        width = min(x + s, u + t) - max(x, u)
        height = min(y + s, v + t) - max(y, v)
        if width > 0 and height > 0:
            expected[i, j] = 1e4 * width * height
    found = overlaps([box(100 * x, 100 * y, 100 * s) for x, y, s in table])
    assert pairs(found) == sorted(expected)
    np.testing.assert_allclose(found.area, [expected[k] for k in pairs(found)], rtol=1e-6)
