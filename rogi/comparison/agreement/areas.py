"""Areas that two inventories share and do not share, by groups of outlines that hang together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import shapely

from rogi.areas import rings_of
from rogi.blocks import run_blocks
from rogi.comparison.matching.graph import MatchGraph, connected, self_overlaps
from rogi.comparison.matching.overlap import overlap_areas
from rogi.comparison.matching.prepared_outlines import Outlines
from rogi.geometry import Floats, Geometries, Ints

NOISE_M = 1e-3
"""Below a millimetre outlines differ by how their coordinates were rounded and brought to degrees."""


@dataclass(frozen=True)
class Components:
    """Groups of outlines of A and B that hang together: by links, and by overlaps within a side.

    Areas add up over components, so they are what is summed per group and drawn in the bootstrap. A sliver
    between two components counts in that of its outline of A.

    Attributes
    ----------
    of_a, of_b : ndarray of int, shapes (n_a,), (n_b,)
        Component of each outline.
    union_a, union_b, both : ndarray of float64, shape (k,)
        m² covered by A, by B and by both; what overlaps within one side is counted once.
    covered_a, covered_b : ndarray of float64, shapes (n_a,), (n_b,)
        m² of each outline that the other side covers.
    double_a, double_b : float
        m² that would be counted twice if the outlines of a side were simply added.
    noise : ndarray of float64, shape (k,)
        m² along the boundaries of the group that are less than :data:`NOISE_M` wide.
    """

    of_a: Ints
    of_b: Ints
    union_a: Floats
    union_b: Floats
    both: Floats
    covered_a: Floats
    covered_b: Floats
    double_a: float
    double_b: float
    noise: Floats

    def __len__(self) -> int:
        return len(self.both)


def components(a: Outlines, b: Outlines, graph: MatchGraph) -> Components:
    """Areas of A, of B and of both, by groups of outlines that hang together.

    Where no outline overlaps another of its own side, the areas are sums over outlines and pairs; elsewhere
    the outlines of the group are united first (GEOS), so that no area counts twice.

    Parameters
    ----------
    a, b : Outlines
    graph : MatchGraph
        Of `rogi.comparison.matching.graph.match_polygons` for the same outlines.
    """
    n_a, n_b = len(a), len(b)
    with ThreadPoolExecutor() as pool:
        (first_a, second_a, _), (first_b, second_b, _) = pool.map(self_overlaps, (a, b))
    # A sliver joins two components only where an outline overlaps its own side, so that unions are needed.
    doubled_a, doubled_b = np.zeros(n_a, bool), np.zeros(n_b, bool)
    doubled_a[first_a] = doubled_a[second_a] = True
    doubled_b[first_b] = doubled_b[second_b] = True
    joined = graph.linked | doubled_a[graph.a] | doubled_b[graph.b]
    left = np.concatenate([graph.a[joined], first_a, first_b + n_a])
    right = np.concatenate([graph.b[joined] + n_a, second_a, second_b + n_a])
    label = connected(n_a + n_b, left, right)
    of_a, of_b = label[:n_a], label[n_a:]
    count = int(label.max(initial=-1)) + 1

    union_a, union_b = _sums(of_a, a.area, count), _sums(of_b, b.area, count)
    both = _sums(of_a[graph.a], graph.overlap, count)
    covered_a, covered_b = _sums(graph.a, graph.overlap, n_a), _sums(graph.b, graph.overlap, n_b)
    added_a, added_b = float(union_a.sum()), float(union_b.sum())

    tangled = np.union1d(of_a[first_a], of_b[first_b])  # a side overlaps itself
    if len(tangled):
        shape_a, shape_b = _unions(a, of_a, tangled, count), _unions(b, of_b, tangled, count)
        rings_a, rings_b = rings_of(shape_a), rings_of(shape_b)
        union_a[tangled], union_b[tangled] = rings_a.areas()[tangled], rings_b.areas()[tangled]
        both[tangled] = overlap_areas(rings_a, rings_b, tangled, tangled)
        for side, owner, covered, other in (
            (a, of_a, covered_a, rings_b),
            (b, of_b, covered_b, rings_a),
        ):
            rows = np.flatnonzero(np.isin(owner, tangled) & (covered > 0))
            covered[rows] = overlap_areas(side.plane(rows), other, np.arange(len(rows)), owner[rows])
        # slivers to other components, which no union above has seen
        in_tangled = np.zeros(count, bool)
        in_tangled[tangled] = True
        apart = of_a[graph.a] != of_b[graph.b]
        for rows, owner, covered in ((graph.a, of_a, covered_a), (graph.b, of_b, covered_b)):
            chosen = apart & in_tangled[owner[rows]]
            np.add.at(covered, rows[chosen], graph.overlap[chosen])
        chosen = apart & in_tangled[of_a[graph.a]]
        np.add.at(both, of_a[graph.a[chosen]], graph.overlap[chosen])
    return Components(
        of_a,
        of_b,
        union_a,
        union_b,
        both,
        np.minimum(covered_a, a.area),
        np.minimum(covered_b, b.area),
        added_a - float(union_a.sum()),
        added_b - float(union_b.sum()),
        NOISE_M * (_sums(of_a, a.perimeter, count) + _sums(of_b, b.perimeter, count)),
    )


def uncovered(side: Outlines, other: Outlines, rows: Ints, partners: Ints, covered: Floats) -> Geometries:
    """What is left of each outline outside all outlines of the other side, on longitude and latitude.

    With ``side`` A these are losses, with ``side`` B gains.

    Parameters
    ----------
    side, other : Outlines
    rows, partners : ndarray of int, shape (m,)
        All overlapping pairs, as rows of ``side`` and of ``other``.
    covered : ndarray of float64, shape (n,)
        m² of each outline of ``side`` that the other side covers.

    Returns
    -------
    ndarray of object, shape (n,)
        Polygons and multipolygons; empty where nothing is left.
    """
    out = side.geometries.copy()
    full = side.area - covered <= 1e-9 * side.area
    out[full] = shapely.Polygon()
    order = np.argsort(rows, kind="stable")
    rows, partners = rows[order], partners[order]
    keep = ~full[rows]
    rows, partners = rows[keep], partners[keep]
    if len(rows) == 0:
        return out
    touched, place, times = np.unique(rows, return_inverse=True, return_counts=True)
    masks = np.empty(len(touched), dtype=object)
    once = times[place] == 1
    masks[place[once]] = other.geometries[partners[once]]
    if not once.all():
        several = np.flatnonzero(times > 1)
        number = np.searchsorted(several, place[~once])
        masks[several] = united(other.geometries[partners[~once]], number, len(several))

    def subtract(start: int, stop: int) -> None:
        at = touched[start:stop]
        out[at] = shapely.difference(out[at], masks[start:stop])

    run_blocks(subtract, len(touched))
    return out


def _sums(rows: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(rows, weights=values, minlength=size).astype(float)


def _unions(side: Outlines, owner: Ints, wanted: Ints, count: int) -> Geometries:
    """Union in the plane of the outlines of some components; ``None`` for the others."""
    shapes = np.full(count, None, dtype=object)
    rows = np.flatnonzero(np.isin(owner, wanted))
    if len(rows):
        present = np.unique(owner[rows])
        number = np.searchsorted(present, owner[rows])
        shapes[present] = united(side.plane_geometries(rows), number, len(present))
    return shapes


def united(geometries: Geometries, number: Ints, count: int) -> Geometries:
    """Union of the geometries that carry the same number, 0 to count - 1."""
    order = np.argsort(number, kind="stable")
    groups = np.full(count, None, dtype=object)
    shapely.geometrycollections(geometries[order], indices=number[order], out=groups)

    def unite(start: int, stop: int) -> None:
        groups[start:stop] = shapely.unary_union(groups[start:stop, None], axis=1)

    run_blocks(unite, count)
    return groups
