"""How far apart the boundaries of two outlines are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numba import njit

from rogi.areas import rings_of
from rogi.blocks import run_blocks
from rogi.comparison.agreement.areas import NOISE_M
from rogi.comparison.matching.overlap import same_vertices
from rogi.comparison.matching.prepared_outlines import Outlines
from rogi.geometry import Floats, Ints, metres_per_degree

# Spacing of the points at which a boundary is sampled; Hausdorff distances are low by at most half of it.
BOUNDARY_STEP_M = 10.0
_BLOCK = 8
# Samples of a pair beside its vertices: enough for 100 km of boundary; a vertex thousands of kilometres off
# (a digit too few) widens the step instead of stopping the comparison.
_MOST_SAMPLES = 100_000


@dataclass(frozen=True)
class BoundaryDistances:
    """Distances between the boundaries of pairs of outlines, m; each array has shape (m,).

    Attributes
    ----------
    mean : ndarray of float64
        Distance to the other boundary, averaged along both boundaries (average symmetric surface distance).
    p95 : ndarray of float64
        The distance that is not exceeded on 95 % of the length of both boundaries.
    hausdorff : ndarray of float64
        The largest distance from a point of either boundary to the other boundary.
    """

    mean: Floats
    p95: Floats
    hausdorff: Floats


def boundary_distances(
    a: Outlines,
    b: Outlines,
    index_a: Ints,
    index_b: Ints,
    *,
    step_m: float = BOUNDARY_STEP_M,
    workers: int | None = None,
) -> BoundaryDistances:
    """Distances between the boundaries of pairs of outlines.

    Both boundaries, holes included, are sampled at their vertices and between them so that no gap exceeds
    the step; each sample stands for half the gap on either side. Its distance is the shortest one to any
    edge of the other boundary, in metres on the plane tangent to the ellipsoid at the middle of the pair.

    Parameters
    ----------
    a, b : Outlines
    index_a, index_b : ndarray of int, shape (m,)
        The pairs, as rows of ``a`` and ``b``.
    step_m : float
        Largest gap between samples, m; more where both boundaries together have over 100,000 such steps.
    workers : int, optional
        Threads; by default one per available core. The result does not depend on it.
    """
    size = len(index_a)
    out = np.full((size, 3), np.nan)
    bounds_a, bounds_b = shapely.bounds(a.geometries[index_a]), shapely.bounds(b.geometries[index_b])
    middle = 0.25 * (bounds_a[:, 1] + bounds_a[:, 3] + bounds_b[:, 1] + bounds_b[:, 3])
    east, north = metres_per_degree(middle) if size else (np.zeros(0), np.zeros(0))
    east, north = np.ascontiguousarray(east), np.ascontiguousarray(north)

    def measure(start: int, stop: int) -> None:
        pairs = slice(start, stop)
        rows_a, at_a = np.unique(index_a[pairs], return_inverse=True)
        rows_b, at_b = np.unique(index_b[pairs], return_inverse=True)
        rings_a, rings_b = rings_of(a.geometries[rows_a]), rings_of(b.geometries[rows_b])
        _distance_block(
            rings_a.coords,
            rings_a.ring_offsets,
            rings_a.object_offsets,
            at_a,
            rings_b.coords,
            rings_b.ring_offsets,
            rings_b.object_offsets,
            at_b,
            east[pairs],
            north[pairs],
            float(step_m),
            out[pairs],
        )

    run_blocks(measure, size, workers)
    out[out < NOISE_M] = 0.0
    return BoundaryDistances(out[:, 0].copy(), out[:, 1].copy(), out[:, 2].copy())


@njit(cache=True, nogil=True)
def _edges(
    coords: Floats, offsets: Ints, first: int, last: int, x0: float, y0: float, east: float, north: float
) -> tuple[Floats, Floats]:
    """Edges (x, y, dx, dy, 1 / length², edges left in the ring, length) in metres, and boxes of blocks."""
    count = 0
    for ring in range(first, last):
        count += offsets[ring + 1] - 1 - offsets[ring]
    edges = np.empty((count, 7))
    j = 0
    for ring in range(first, last):
        for k in range(offsets[ring], offsets[ring + 1] - 1):
            x, y = (coords[k, 0] - x0) * east, (coords[k, 1] - y0) * north
            dx, dy = (coords[k + 1, 0] - coords[k, 0]) * east, (coords[k + 1, 1] - coords[k, 1]) * north
            length2 = dx * dx + dy * dy
            edges[j, 0], edges[j, 1], edges[j, 2], edges[j, 3] = x, y, dx, dy
            edges[j, 4] = 1.0 / length2 if length2 > 0 else 0.0
            edges[j, 5] = offsets[ring + 1] - 2 - k
            edges[j, 6] = np.sqrt(length2)
            j += 1
    blocks = (count + _BLOCK - 1) // _BLOCK
    boxes = np.empty((4, blocks))
    for b in range(blocks):
        west, south, right, top = np.inf, np.inf, -np.inf, -np.inf
        for j in range(b * _BLOCK, min(count, (b + 1) * _BLOCK)):
            x, y, dx, dy = edges[j, 0], edges[j, 1], edges[j, 2], edges[j, 3]
            west, right = min(west, x, x + dx), max(right, x, x + dx)
            south, top = min(south, y, y + dy), max(top, y, y + dy)
        boxes[0, b], boxes[1, b], boxes[2, b], boxes[3, b] = west, south, right, top
    return edges, boxes


@njit(cache=True, nogil=True, inline="always")
def _to_edge(px: float, py: float, x: float, y: float, dx: float, dy: float, inverse: float) -> float:
    """Squared distance of a point to an edge."""
    t = min(1.0, max(0.0, ((px - x) * dx + (py - y) * dy) * inverse))
    ex, ey = px - x - t * dx, py - y - t * dy
    return ex * ex + ey * ey


@njit(cache=True, nogil=True)
def _sample(
    edges: Floats, others: Floats, boxes: Floats, step: float, out: Floats, weight: Floats, at: int
) -> int:
    """Distances of samples on ``edges`` to ``others``, and the length of each; returns the next place."""
    west, south, east, north = boxes[0], boxes[1], boxes[2], boxes[3]
    gaps = np.empty(len(west))
    near = 0  # samples follow each other, so the nearest edge of the last one is a good first bound
    ring_start = at
    before = 0.0  # half of the gap that leads to the next sample
    for k in range(len(edges)):
        x0, y0, dx, dy = edges[k, 0], edges[k, 1], edges[k, 2], edges[k, 3]
        length = edges[k, 6]
        pieces = max(1, int(np.ceil(length / step)))
        half_gap = 0.5 * length / pieces
        for i in range(pieces):  # the end of the edge is the first sample of the next
            x, y = x0, y0
            if i > 0:
                x, y = x0 + dx * i / pieces, y0 + dy * i / pieces
            best = _to_edge(
                x, y, others[near, 0], others[near, 1], others[near, 2], others[near, 3], others[near, 4]
            )
            # a loop of its own, without branches: a processor does several at once
            for b in range(len(gaps)):
                gap_x = max(max(west[b] - x, x - east[b]), 0.0)
                gap_y = max(max(south[b] - y, y - north[b]), 0.0)
                gaps[b] = gap_x * gap_x + gap_y * gap_y
            for b in range(len(gaps)):
                if gaps[b] >= best:
                    continue
                for j in range(b * _BLOCK, min(len(others), (b + 1) * _BLOCK)):
                    d = _to_edge(x, y, others[j, 0], others[j, 1], others[j, 2], others[j, 3], others[j, 4])
                    if d < best:
                        best, near = d, j
            out[at] = np.sqrt(best)
            weight[at] = before + half_gap
            before = half_gap
            at += 1
        if edges[k, 5] == 0:
            weight[ring_start] += before
            ring_start, before = at, 0.0
    return at


@njit(cache=True, nogil=True)
def _length(edges: Floats) -> float:
    total = 0.0
    for k in range(len(edges)):
        total += edges[k, 6]
    return total


@njit(cache=True, nogil=True)
def _sample_count(edges: Floats, step: float) -> int:
    count = 0
    for k in range(len(edges)):
        count += max(1, int(np.ceil(edges[k, 6] / step)))
    return count


@njit(cache=True, nogil=True)
def _weighted_quantile(values: Floats, weights: Floats, target: float) -> float:
    """Smallest value up to which the weights reach the target (quickselect; the arrays are reordered)."""
    low, high, below = 0, len(values) - 1, 0.0
    while low < high:
        pivot = values[(low + high) // 2]
        i, j, left = low, high, 0.0
        while i <= j:
            while values[i] < pivot:
                left += weights[i]
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                weights[i], weights[j] = weights[j], weights[i]
                left += weights[i]
                i += 1
                j -= 1
        # now values[low:j + 1] <= values[j + 1:i] == pivot <= values[i:]
        middle = weights[j + 1] if i - j == 2 else 0.0
        if below + left - middle >= target:
            high = j
        elif below + left >= target:
            return float(pivot)
        else:
            below += left
            low = i
    return float(values[min(low, len(values) - 1)])


@njit(cache=True, nogil=True)
def _same_boundary(
    a: Floats,
    a_offsets: Ints,
    a_first: int,
    a_last: int,
    b: Floats,
    b_offsets: Ints,
    b_first: int,
    b_last: int,
) -> bool:
    """Whether two boundaries are of one polygon in the same vertices."""
    return a_last - a_first == 1 == b_last - b_first and same_vertices(
        a, a_offsets[a_first], a_offsets[a_last], b, b_offsets[b_first], b_offsets[b_last]
    )


@njit(cache=True, nogil=True)
def _distance_block(
    a: Floats,
    a_offsets: Ints,
    a_objects: Ints,
    index_a: Ints,
    b: Floats,
    b_offsets: Ints,
    b_objects: Ints,
    index_b: Ints,
    east: Floats,
    north: Floats,
    step: float,
    out: Floats,
) -> None:
    """Mean, 95th percentile and maximum for pairs of objects."""
    for pair in range(len(out)):
        a_first, a_last = a_objects[index_a[pair]], a_objects[index_a[pair] + 1]
        b_first, b_last = b_objects[index_b[pair]], b_objects[index_b[pair] + 1]
        if a_first == a_last or b_first == b_last:
            continue
        if _same_boundary(a, a_offsets, a_first, a_last, b, b_offsets, b_first, b_last):
            out[pair] = 0.0
            continue
        x0, y0 = a[a_offsets[a_first], 0], a[a_offsets[a_first], 1]
        edges_a, boxes_a = _edges(a, a_offsets, a_first, a_last, x0, y0, east[pair], north[pair])
        edges_b, boxes_b = _edges(b, b_offsets, b_first, b_last, x0, y0, east[pair], north[pair])
        gap = max(step, (_length(edges_a) + _length(edges_b)) / _MOST_SAMPLES)
        size = _sample_count(edges_a, gap) + _sample_count(edges_b, gap)
        distance, weight = np.empty(size), np.empty(size)
        at = _sample(edges_a, edges_b, boxes_b, gap, distance, weight, 0)
        _sample(edges_b, edges_a, boxes_a, gap, distance, weight, at)
        total = weight.sum()
        out[pair, 0] = (distance * weight).sum() / total
        out[pair, 2] = distance.max()
        out[pair, 1] = _weighted_quantile(distance, weight, 0.95 * total)
