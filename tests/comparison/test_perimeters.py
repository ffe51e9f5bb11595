"""Lengths of boundaries in the plane, against GEOS."""

from __future__ import annotations

import numpy as np
import shapely

from rogi.areas import rings_of
from rogi.comparison.matching.prepared_outlines import perimeters


def test_lengths_are_those_of_geos() -> None:
    """With holes, several parts and nothing at all; the way from one ring to the next is no edge."""
    shapes = [
        shapely.Point(100, 50).buffer(30).difference(shapely.Point(105, 50).buffer(9)),
        shapely.Polygon(),
        shapely.box(0, 0, 10, 10).difference(shapely.box(2, 2, 3, 3)),
        shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(500, 500, 502, 502)]),
    ]
    polygons = np.array([*shapes, None], dtype=object)[:-1]
    found = perimeters(rings_of(polygons))
    np.testing.assert_allclose(found, shapely.length(polygons), rtol=1e-12)
    assert found.tolist()[1:] == [0.0, 44.0, 12.0]
