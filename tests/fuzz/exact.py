"""Validity of polygons after OGC 06-103r4 §6.1.11, by exact arithmetic and brute force, without GEOS.

Coordinates are taken as the fractions that doubles are, every pair of segments is looked at, and a point is
within a ring by the parity of the edges above it. No code is shared with rogi or GEOS.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, pairwise

Point = tuple[Fraction, Fraction]
Ring = list[Point]
Polygon = list[Ring]
Segment = tuple[Point, Point]


def ring(coordinates: Sequence[Sequence[float]]) -> Ring:
    """Vertices without the closing one and without consecutive repetitions."""
    points = [(Fraction(float(x)), Fraction(float(y))) for x, y, *_ in coordinates]
    kept = [p for k, p in enumerate(points) if k == 0 or p != points[k - 1]]
    return kept[:-1] if len(kept) > 1 and kept[0] == kept[-1] else kept


def finite(coordinates: Sequence[Sequence[float]]) -> bool:
    """Whether x and y are numbers."""
    return all(math.isfinite(x) and math.isfinite(y) for x, y, *_ in coordinates)


def _cross(a: Point, b: Point, c: Point) -> Fraction:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _within(p: Point, s: Segment) -> bool:
    """Whether a point lies on a segment."""
    (x0, y0), (x1, y1) = s
    inside = min(x0, x1) <= p[0] <= max(x0, x1) and min(y0, y1) <= p[1] <= max(y0, y1)
    return inside and _cross(*s, p) == 0


def meeting(s: Segment, t: Segment) -> list[Point] | None:
    """Points that two segments share (none or one); None where they share a piece of line."""
    d, e = (s[1][0] - s[0][0], s[1][1] - s[0][1]), (t[1][0] - t[0][0], t[1][1] - t[0][1])
    area = d[0] * e[1] - d[1] * e[0]
    if area == 0:
        shared = {p for p in s if _within(p, t)} | {p for p in t if _within(p, s)}
        return None if len(shared) > 1 else list(shared)
    away = (t[0][0] - s[0][0], t[0][1] - s[0][1])
    u = (away[0] * e[1] - away[1] * e[0]) / area
    v = (away[0] * d[1] - away[1] * d[0]) / area
    return [(s[0][0] + u * d[0], s[0][1] + u * d[1])] if 0 <= u <= 1 and 0 <= v <= 1 else []


def segments(points: Ring) -> list[Segment]:
    """Sides of a ring."""
    return list(zip(points, points[1:] + points[:1], strict=True))


def simple(points: Ring) -> bool:
    """Whether a ring neither crosses nor touches itself, nor runs back on itself."""
    sides = segments(points)
    for (i, s), (j, t) in combinations(enumerate(sides), 2):
        shared = meeting(s, t)
        if shared is None:
            return False
        beside = {i, j} == {0, len(sides) - 1} or j == i + 1
        if len(shared) > (1 if beside else 0):
            return False
        if beside and shared and shared[0] not in (s[1] if j == i + 1 else s[0], t[0], t[1]):
            return False
    return True


def inside(p: Point, points: Ring) -> bool | None:
    """Whether a point is within a ring; None on it."""
    odd = False
    for s in segments(points):
        if _within(p, s):
            return None
        (x0, y0), (x1, y1) = s
        if (y0 > p[1]) != (y1 > p[1]) and p[0] < (x1 - x0) * (p[1] - y0) / (y1 - y0) + x0:
            odd = not odd
    return odd


def touches(a: Ring, b: Ring) -> set[Point] | None:
    """Points that two rings share; None where they share a piece of line."""
    shared: set[Point] = set()
    for s in segments(a):
        for t in segments(b):
            found = meeting(s, t)
            if found is None:
                return None
            shared.update(found)
    return shared


def _pieces(a: Ring, cuts: set[Point]) -> Iterator[Point]:
    """A point of each piece into which touching points cut a ring."""
    for s in segments(a):
        on = sorted({s[0], s[1], *(p for p in cuts if _within(p, s))})
        for p, q in pairwise(on):
            yield ((p[0] + q[0]) / 2, (p[1] + q[1]) / 2)


def valid(polygons: Sequence[Polygon]) -> bool:
    """Whether polygons (a shell and its holes each) make a valid polygon or multipolygon."""
    for polygon in polygons:
        if any(len(set(points)) < 3 or not simple(points) for points in polygon):
            return False
        if not _nested_well(polygon):
            return False
    return all(_apart(a, b) for a, b in combinations(polygons, 2))


def _nested_well(polygon: Polygon) -> bool:
    """Holes within the shell, beside each other, and the interior in one piece."""
    parent: dict[object, object] = {}

    def root(node: object) -> object:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    meeting_places: dict[Point, set[int]] = {}
    for (i, a), (j, b) in combinations(enumerate(polygon), 2):
        shared = touches(a, b)
        if shared is None:
            return False
        if any(inside(p, a) is not (i == 0) for p in _pieces(b, shared)):
            return False
        if any(inside(p, b) for p in _pieces(a, shared)):
            return False
        for p in shared:
            meeting_places.setdefault(p, set()).update((i, j))
    # Rings that touch in a circle enclose a piece of the interior.
    for p, rings in meeting_places.items():
        for number in rings:
            if root(("ring", number)) == root(p):
                return False
            parent[root(("ring", number))] = root(p)
    return True


def _apart(a: Polygon, b: Polygon) -> bool:
    """Whether two polygons share points only."""
    for first, second in ((a, b), (b, a)):
        for points in first:
            shared: set[Point] = set()
            for other in second:
                found = touches(points, other)
                if found is None:
                    return False
                shared |= found
            for p in _pieces(points, shared):
                if inside(p, second[0]) and not any(inside(p, hole) for hole in second[1:]):
                    return False
    return True


def rings_touch(polygons: Sequence[Polygon]) -> bool:
    """Whether any two rings of a valid polygon or multipolygon share a point."""
    rings = [points for polygon in polygons for points in polygon]
    return any(touches(a, b) for a, b in combinations(rings, 2))
