"""The match graph of two inventories: which objects meet, in what clusters, and which are best matches.

Nothing is capped or sampled: all pairs that overlap are in the graph. Rows are expected in canonical order
(`rogi.comparison.matching.prepared_outlines.canonical_order`); then the results do not depend on the order
of the files.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from rogi.blocks import run_blocks
from rogi.comparison.matching.overlap import overlap_areas
from rogi.comparison.matching.prepared_outlines import Outlines
from rogi.geometry import Floats, Geometries, Ints

# Overlaps below these are contacts of neighbours, not matches; no published value, the choice of this
# project.
SLIVER_AREA_M2 = 1.0  # 1e-4 of the smallest unit of 0.01 km²
SLIVER_FRACTION = 0.01  # of the smaller outline
TIE = 1e-9  # weights closer than this are equal: arithmetic makes smaller differences
MARKER_DISTANCE_M = 50.0  # points of two inventories closer than this are taken for one landform


class MatchType(StrEnum):
    """How many objects of A and B are linked in one cluster."""

    ONE_TO_ONE = "1:1"
    SPLIT = "1:n"
    MERGE = "n:1"
    COMPLEX = "n:m"
    ONLY_A = "only A"
    ONLY_B = "only B"


MATCH_TYPES = tuple(MatchType)


@dataclass(frozen=True)
class MatchGraph:
    """Pairs of objects of A and B, and the clusters they form.

    Attributes
    ----------
    a, b : ndarray of int, shape (m,)
        Rows of A and B of each pair, sorted by A, then B.
    overlap : ndarray of float64, shape (m,)
        Area of the intersection, m²; NaN where a side has points.
    distance : ndarray of float64, shape (m,)
        Distance of two points, m; 0 for a point in a polygon; NaN for two polygons.
    linked : ndarray of bool, shape (m,)
        Pairs that count as a match; the others are slivers.
    area_a, area_b : ndarray of float64, shapes (n_a,), (n_b,)
        m²; NaN for points.
    cluster_a, cluster_b : ndarray of int, shapes (n_a,), (n_b,)
        Number of the cluster of each object, from 0: first those with an object of A, by its row.
    size_a, size_b : ndarray of int, shape (k,)
        Objects of A and of B in each cluster.
    """

    a: Ints
    b: Ints
    overlap: Floats
    distance: Floats
    linked: NDArray[np.bool_]
    area_a: Floats
    area_b: Floats
    cluster_a: Ints
    cluster_b: Ints
    size_a: Ints
    size_b: Ints

    @property
    def fraction_a(self) -> Floats:
        """Share of the outline of A that is in the outline of B, per pair."""
        return _share(self.overlap, self.area_a[self.a])

    @property
    def fraction_b(self) -> Floats:
        """Share of the outline of B that is in the outline of A, per pair."""
        return _share(self.overlap, self.area_b[self.b])

    @property
    def iou(self) -> Floats:
        """Intersection over union (Jaccard index) of each pair."""
        return _share(self.overlap, self.area_a[self.a] + self.area_b[self.b] - self.overlap)

    @property
    def cluster_type(self) -> Ints:
        """Index into `MATCH_TYPES` of each cluster, shape (k,)."""
        a, b = self.size_a, self.size_b
        conditions = [(a == 1) & (b == 1), (a == 1) & (b > 1), (a > 1) & (b == 1), (a > 1) & (b > 1), b == 0]
        return np.asarray(np.select(conditions, range(5), default=5), np.intp)

    def type_counts(self) -> dict[MatchType, int]:
        """Number of clusters of each type."""
        counts = np.bincount(self.cluster_type, minlength=len(MATCH_TYPES))
        return {kind: int(counts[i]) for i, kind in enumerate(MATCH_TYPES)}


def match_polygons(
    a: Outlines,
    b: Outlines,
    *,
    sliver_area_m2: float = SLIVER_AREA_M2,
    sliver_fraction: float = SLIVER_FRACTION,
) -> MatchGraph:
    """Match graph of polygons with polygons.

    Parameters
    ----------
    a, b : Outlines
        Both in the same equal-area plane.
    sliver_area_m2, sliver_fraction : float
        A pair is linked if its overlap reaches both this area and this fraction of the smaller outline.
        Pairs that only touch (overlap 0) are not in the graph; slivers are, but link nothing.
    """
    left, right = candidate_pairs(a, b)
    overlap = overlaps(a, b, left, right)
    keep = overlap > 0
    left, right, overlap = left[keep], right[keep], overlap[keep]
    smaller = np.minimum(a.area[left], b.area[right])
    linked = (overlap >= sliver_area_m2) & (overlap >= sliver_fraction * smaller)
    return _graph(left, right, overlap, np.full(len(left), np.nan), linked, a.area, b.area)


def match_markers(markers: Geometries, b: Outlines) -> MatchGraph:
    """Match graph of points (A, longitude and latitude) with polygons; a point on the edge is inside."""
    left, right = _sorted_pairs(b.tree.query(markers, predicate="intersects"))
    nothing = np.full(len(left), np.nan)
    no_area = np.full(len(markers), np.nan)
    return _graph(left, right, nothing, np.zeros(len(left)), np.ones(len(left), bool), no_area, b.area)


def match_points(a: Geometries, b: Geometries, *, max_distance_m: float = MARKER_DISTANCE_M) -> MatchGraph:
    """Match graph of points with points (longitude and latitude on WGS84) up to a distance.

    The distance is the chord between the points on the ellipsoid; up to 10 km it differs from the geodesic
    by less than 2e-7.
    """
    from scipy.spatial import cKDTree  # takes long to load, and outlines do not need it

    (rows_a, at_a), (rows_b, at_b) = _geocentric(a), _geocentric(b)
    if min(len(rows_a), len(rows_b)) == 0:
        left = right = np.zeros(0, np.intp)
        distance = np.zeros(0)
    else:
        there = cKDTree(at_a).sparse_distance_matrix(cKDTree(at_b), max_distance_m, output_type="ndarray")
        order = np.lexsort([there["j"], there["i"]])
        left, right, distance = rows_a[there["i"][order]], rows_b[there["j"][order]], there["v"][order]
    nothing = np.full(len(left), np.nan)
    areas = [np.full(len(side), np.nan) for side in (a, b)]
    return _graph(left, right, nothing, distance, np.ones(len(left), bool), *areas)


def swap(graph: MatchGraph) -> MatchGraph:
    """The same graph with A and B exchanged."""
    order = np.lexsort([graph.a, graph.b])
    return _graph(
        graph.b[order],
        graph.a[order],
        graph.overlap[order],
        graph.distance[order],
        graph.linked[order],
        graph.area_b,
        graph.area_a,
    )


def candidate_pairs(a: Outlines, b: Outlines) -> tuple[Ints, Ints]:
    """All pairs whose bounding boxes meet, sorted by A, then B."""
    return _sorted_pairs(b.tree.query(a.geometries))


def overlaps(a: Outlines, b: Outlines, left: Ints, right: Ints) -> Floats:
    """Area of the intersection of each pair of rows of ``a`` and ``b``, m²; 0 for a mere contact."""
    out = np.zeros(len(left))

    def measure(start: int, stop: int) -> None:
        rows_a, at_a = np.unique(left[start:stop], return_inverse=True)
        rows_b, at_b = np.unique(right[start:stop], return_inverse=True)
        out[start:stop] = overlap_areas(a.plane(rows_a), b.plane(rows_b), at_a, at_b, workers=1)

    run_blocks(measure, len(left))
    return out


def self_overlaps(side: Outlines) -> tuple[Ints, Ints, Floats]:
    """All pairs within one inventory that overlap (first row < second row) and the areas of overlap, m²."""
    first, second = _sorted_pairs(side.tree.query(side.geometries))
    once = first < second
    first, second = first[once], second[once]
    overlap = overlaps(side, side, first, second)
    keep = overlap > 0
    return first[keep], second[keep], overlap[keep]


@dataclass(frozen=True)
class Ties:
    """What decides between pairs of equal weight.

    Attributes
    ----------
    same_id : ndarray of bool, shape (m,)
        Pairs of objects with one ID.
    twin_a, twin_b : ndarray of int, shapes (n_a,), (n_b,)
        Objects with one and the same geometry have one number.
    """

    same_id: NDArray[np.bool_]
    twin_a: Ints
    twin_b: Ints


def ties(graph: MatchGraph, a: Geometries, b: Geometries, id_a: ArrayLike, id_b: ArrayLike) -> Ties:
    """What decides between pairs of equal weight.

    Parameters
    ----------
    graph : MatchGraph
    a, b : ndarray of object, shapes (n_a,), (n_b,)
    id_a, id_b : array_like of str or None, shapes (n_a,), (n_b,)
        None where the file states none.
    """
    first, second = np.asarray(id_a, dtype=object)[graph.a], np.asarray(id_b, dtype=object)[graph.b]
    same = np.array([x is not None and x == y for x, y in zip(first, second, strict=True)], bool)
    several = (graph.size_a > 1) | (graph.size_b > 1)
    return Ties(same, _twins(a, several[graph.cluster_a]), _twins(b, several[graph.cluster_b]))


def _twins(shapes: Geometries, wanted: NDArray[np.bool_]) -> Ints:
    """Number of each geometry, the same for equal ones; only where it is wanted are they looked at."""
    number: Ints = np.arange(len(shapes))
    rows = np.flatnonzero(wanted)
    # 1e-9 degrees, 0.1 mm: below it copies differ by the arithmetic that brought them here
    boxes = np.round(shapely.bounds(shapes[rows]).reshape(-1, 4), 9) + 0.0
    _, box, times = np.unique(boxes, axis=0, return_inverse=True, return_counts=True)
    rows = rows[times[box.ravel()] > 1]  # equal outlines have equal bounds
    if len(rows):
        near = shapely.normalize(shapely.transform(shapes[rows], lambda xy: np.round(xy, 9) + 0.0))
        first: dict[bytes, int] = {}
        number[rows] = [
            first.setdefault(w, row) for w, row in zip(shapely.to_wkb(near), rows.tolist(), strict=True)
        ]
    return number


def assignment(
    graph: MatchGraph,
    weight: Floats | None = None,
    *,
    min_iou: float = 0.0,
    ties: Ties | None = None,
) -> NDArray[np.bool_]:
    """The one-to-one matching of largest total weight.

    Every object gets at most one partner; among all such choices the sum of the weights is the largest
    possible (linear sum assignment; scipy's sparse solver after Jonker & Volgenant 1987). Of choices whose
    weights are equal to :data:`TIE` the one with more pairs of one ID is taken; objects with one geometry go
    together in the canonical order, whatever the solver prefers.

    Parameters
    ----------
    graph : MatchGraph
    weight : ndarray of float64, shape (m,), optional
        Weight in [0, 1] of each pair; by default IoU for polygons, nearness for points, and 1 for points in
        polygons.
    min_iou : float
        Only pairs of polygons that reach it are chosen from. A matching at a threshold is made so, and not
        cut down afterwards: two weak pairs may outweigh the one that reaches the threshold.
    ties : Ties, optional
        By default only the order of the rows decides.

    Returns
    -------
    ndarray of bool, shape (m,)
        Pairs that were chosen; only linked pairs can be.
    """
    if weight is None:
        if np.isnan(graph.overlap).all():
            furthest = graph.distance.max(initial=0.0) or 1.0
            weight = 1.0 - 0.5 * graph.distance / furthest
        else:
            weight = graph.iou
    same = np.zeros(len(graph.a), bool) if ties is None else ties.same_id
    weight = np.round(weight / TIE) * TIE + 0.5 * TIE * same
    eligible = graph.linked & ~(graph.iou < min_iou)  # no IoU where a side has points
    chosen = np.zeros(len(graph.a), bool)
    kind = graph.cluster_type[graph.cluster_a[graph.a]]
    chosen[eligible & (kind == MATCH_TYPES.index(MatchType.ONE_TO_ONE))] = True
    stars = eligible & (
        (kind == MATCH_TYPES.index(MatchType.SPLIT)) | (kind == MATCH_TYPES.index(MatchType.MERGE))
    )
    rows = np.flatnonzero(stars)
    if len(rows):  # one object has all the links: the heaviest wins, the first of equals
        cluster = graph.cluster_a[graph.a[rows]]
        order = np.lexsort([rows, -weight[rows], cluster])
        first = np.unique(cluster[order], return_index=True)[1]
        chosen[rows[order][first]] = True
    tangled = np.flatnonzero(eligible & (kind == MATCH_TYPES.index(MatchType.COMPLEX)))
    if len(tangled):
        chosen[tangled] = _assign(graph.a[tangled], graph.b[tangled], weight[tangled])
        if ties is not None:
            _sort_twins(graph, chosen, tangled, ties)
    return chosen


def _sort_twins(graph: MatchGraph, chosen: NDArray[np.bool_], tangled: Ints, ties: Ties) -> None:
    """Objects of one geometry exchange their partners, which costs nothing: IDs decide, then the order."""
    before = chosen.copy()
    twin_a, twin_b = ties.twin_a[graph.a[tangled]], ties.twin_b[graph.b[tangled]]
    wanted = Counter(zip(twin_a[chosen[tangled]].tolist(), twin_b[chosen[tangled]].tolist(), strict=True))
    chosen[tangled] = False
    used_a, used_b = set[int](), set[int]()
    rows = tangled.tolist()
    blocks = list(zip(twin_a.tolist(), twin_b.tolist(), strict=True))
    for by_id in (True, False):
        for k, block in zip(rows, blocks, strict=True):
            i, j = int(graph.a[k]), int(graph.b[k])
            if wanted[block] and i not in used_a and j not in used_b and (ties.same_id[k] or not by_id):
                chosen[k] = True
                wanted[block] -= 1
                used_a.add(i)
                used_b.add(j)
    if wanted.total():  # a pair of two twins is not in the graph, by the arithmetic of its overlap
        chosen[:] = before


def _assign(a: Ints, b: Ints, weight: Floats) -> NDArray[np.bool_]:
    """Maximum-weight matching of a sparse bipartite graph.

    Each object also gets a stand-in of its own to pair with when it stays alone, so that a full matching
    exists; costs are such that a full matching costs a constant less the weight it collects.
    """
    a_rows, i = np.unique(a, return_inverse=True)
    b_rows, j = np.unique(b, return_inverse=True)
    n, m = len(a_rows), len(b_rows)
    alone_a, alone_b = np.arange(n), np.arange(m)
    row = np.concatenate([i, alone_a, n + alone_b, n + j])
    column = np.concatenate([j, m + alone_a, alone_b, m + i])
    cost = np.concatenate([3.0 - weight, np.full(n + m, 2.0), np.ones(len(i))])
    matrix = coo_array((cost, (row, column)), shape=(n + m, n + m)).tocsr()
    rows, columns = min_weight_full_bipartite_matching(matrix)
    partner = np.full(n + m, -1)
    partner[rows] = columns
    return np.asarray(partner[i] == j)


def _graph(
    a: Ints,
    b: Ints,
    overlap: Floats,
    distance: Floats,
    linked: NDArray[np.bool_],
    area_a: Floats,
    area_b: Floats,
) -> MatchGraph:
    n_a, n_b = len(area_a), len(area_b)
    label = connected(n_a + n_b, a[linked], b[linked] + n_a)
    count = int(label.max(initial=-1)) + 1
    return MatchGraph(
        a=np.asarray(a, np.intp),
        b=np.asarray(b, np.intp),
        overlap=overlap,
        distance=distance,
        linked=linked,
        area_a=area_a,
        area_b=area_b,
        cluster_a=label[:n_a],
        cluster_b=label[n_a:],
        size_a=np.bincount(label[:n_a], minlength=count),
        size_b=np.bincount(label[n_a:], minlength=count),
    )


def connected(size: int, left: Ints, right: Ints) -> Ints:
    """Number of the connected component of each node, from 0 in the order of the first nodes."""
    if size == 0:
        return np.zeros(0, np.intp)
    links = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(size, size))
    _, label = connected_components(links, directed=False)
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])


def _sorted_pairs(pairs: NDArray[np.int64]) -> tuple[Ints, Ints]:
    left, right = pairs
    order = np.lexsort([right, left])
    return left[order], right[order]


def _share(part: Floats, whole: Floats) -> Floats:
    share = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return np.asarray(np.minimum(share, 1.0))


def _geocentric(points: Geometries) -> tuple[Ints, Floats]:
    """Rows of the points that have a position, and their Earth-centred coordinates on WGS84, m."""
    rows = np.flatnonzero(~(shapely.is_missing(points) | shapely.is_empty(points)))
    lon, lat = np.radians(shapely.get_coordinates(points[rows])).T
    a, e2 = 6378137.0, 6.69437999014e-3
    normal = a / np.sqrt(1.0 - e2 * np.sin(lat) ** 2)
    x, y = normal * np.cos(lat) * np.cos(lon), normal * np.cos(lat) * np.sin(lon)
    return rows, np.column_stack([x, y, normal * (1.0 - e2) * np.sin(lat)])
