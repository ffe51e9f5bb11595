"""Area of the intersection of many pairs of polygons, without building the intersections.

The area of P ∩ Q is half the sum of cross products (the shoelace formula) over those parts of the edges of
P that lie in Q and of Q that lie in P. Which parts these are is decided by exact predicates: the sign of an
orientation determinant is taken from floating point where its error bound allows and from exact expansions
elsewhere (Shewchuk 1997), and an exact zero is resolved as if Q were shifted by an infinitesimal (ε, ε²)
(simulation of simplicity, Edelsbrunner & Mücke 1990). Shared vertices, shared edges and identical polygons
are therefore no special cases, and no pair needs a fallback. The area is a continuous function of the
shift, so its limit is the true area.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rogi.areas import Rings
from rogi.blocks import run_blocks
from rogi.geometry import Floats, Ints

# Shewchuk (1997), ccwerrboundA, with ε = 2^-53.
_EPS = 1.1102230246251565e-16
_ORIENT_BOUND = (3.0 + 16.0 * _EPS) * _EPS
_SPLITTER = 134217729.0  # 2^27 + 1
# An area below this multiple of the squared extent of the pair is round-off of the sum, and is set to zero.
_NOISE = 64.0 * 2.220446049250313e-16
_BLOCK = 8  # edges that share one bounding box


def overlap_areas(p: Rings, q: Rings, index_p: Ints, index_q: Ints, workers: int | None = None) -> Floats:
    """Area of the intersection of each pair of polygonal geometries.

    Parameters
    ----------
    p, q : Rings
        Valid polygons in one plane CRS; for areas on the ellipsoid an equal-area CRS in metres.
    index_p, index_q : ndarray of int, shape (m,)
        The pairs: rows of ``p`` and of ``q``.
    workers : int, optional
        Threads; by default one per available core. The result does not depend on it.

    Returns
    -------
    ndarray of float64, shape (m,)
        Area of each intersection in squared units of the coordinates; exactly 0 for a mere contact.
    """
    out = np.zeros(len(index_p))
    arguments = (
        p.coords,
        p.ring_offsets,
        _signs(p.coords, p.ring_offsets, p.is_hole),
        p.object_offsets,
        q.coords,
        q.ring_offsets,
        _signs(q.coords, q.ring_offsets, q.is_hole),
        q.object_offsets,
        np.ascontiguousarray(index_p, np.int64),
        np.ascontiguousarray(index_q, np.int64),
        out,
    )
    run_blocks(lambda start, stop: _overlap_block(*arguments, start, stop), len(out), workers)
    return out


@njit(cache=True, nogil=True)
def _signs(coords: Floats, offsets: Ints, is_hole: NDArray[np.bool_]) -> Ints:
    """+1 for a ring with the interior of its polygon on the left, -1 for one with it on the right."""
    signs = np.empty(len(is_hole), np.int64)
    for ring in range(len(is_hole)):
        x, y = coords[offsets[ring], 0], coords[offsets[ring], 1]
        twice = 0.0
        for k in range(offsets[ring], offsets[ring + 1] - 1):
            twice += (coords[k, 0] - x) * (coords[k + 1, 1] - y) - (coords[k, 1] - y) * (coords[k + 1, 0] - x)
        signs[ring] = 1 if (twice > 0) != is_hole[ring] else -1
    return signs


@njit(cache=True, nogil=True, inline="always")
def _two_product(a: float, b: float) -> tuple[float, float]:
    """Product of two floats as an unevaluated sum: rounded product and its error (Dekker 1971)."""
    x = a * b
    c = _SPLITTER * a
    a_high = c - (c - a)
    a_low = a - a_high
    c = _SPLITTER * b
    b_high = c - (c - b)
    b_low = b - b_high
    return x, a_low * b_low - (((x - a_high * b_high) - a_low * b_high) - a_high * b_low)


@njit(cache=True, nogil=True)
def _orient_exact(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> float:
    """Sign-exact ax·by - ax·cy - cx·by - ay·bx + ay·cx + cy·bx, by growing an expansion of the 12 parts."""
    terms = np.empty(12)
    terms[0], terms[1] = _two_product(ax, by)
    terms[2], terms[3] = _two_product(-ax, cy)
    terms[4], terms[5] = _two_product(-cx, by)
    terms[6], terms[7] = _two_product(-ay, bx)
    terms[8], terms[9] = _two_product(ay, cx)
    terms[10], terms[11] = _two_product(cy, bx)
    expansion = np.zeros(12)
    size = 0
    for k in range(12):
        carry = terms[k]
        for j in range(size):
            e = expansion[j]
            total = carry + e
            virtual = total - carry
            expansion[j] = (carry - (total - virtual)) + (e - virtual)
            carry = total
        expansion[size] = carry
        size += 1
    for j in range(size - 1, -1, -1):
        if expansion[j] != 0.0:
            return float(expansion[j])
    return 0.0


@njit(cache=True, nogil=True, inline="always")
def _orient(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> float:
    """Twice the signed area of a, b, c (> 0: c left of a→b); the sign is exact."""
    left = (ax - cx) * (by - cy)
    right = (ay - cy) * (bx - cx)
    det = left - right
    if abs(det) > _ORIENT_BOUND * (abs(left) + abs(right)):
        return det
    if left == 0.0 and right == 0.0 and (ax == cx or by == cy) and (ay == cy or bx == cx):
        return 0.0
    return _orient_exact(ax, ay, bx, by, cx, cy)


@njit(cache=True, nogil=True, inline="always")
def _left_fixed(ax: float, ay: float, bx: float, by: float, o: float) -> bool:
    """Whether a fixed point lies left of the edge a→b of the shifted polygon, given their orientation."""
    if o != 0.0:
        return o > 0.0
    if by != ay:
        return by > ay
    return bx < ax


@njit(cache=True, nogil=True, inline="always")
def _left_shifted(ax: float, ay: float, bx: float, by: float, o: float) -> bool:
    """Whether a point of the shifted polygon lies left of the fixed edge a→b, given their orientation."""
    if o != 0.0:
        return o > 0.0
    if by != ay:
        return by < ay
    return bx > ax


@njit(cache=True, nogil=True)
def _inside(x: float, y: float, shifted: bool, coords: Floats, offsets: Ints, first: int, last: int) -> bool:
    """Whether a point lies in a polygon (even-odd rule); never on its boundary, by the shift."""
    inside = False
    for ring in range(first, last):
        for k in range(offsets[ring], offsets[ring + 1] - 1):
            ay, by = coords[k, 1], coords[k + 1, 1]
            if shifted:  # the point stands at y + ε²
                above_a, above_b = ay > y, by > y
            else:  # the polygon is shifted: the point stands at y - ε²
                above_a, above_b = ay >= y, by >= y
            if above_a == above_b:
                continue
            ax, bx = coords[k, 0], coords[k + 1, 0]
            if ax < x and bx < x:
                continue
            o = _orient(ax, ay, bx, by, x, y)
            left = _left_shifted(ax, ay, bx, by, o) if shifted else _left_fixed(ax, ay, bx, by, o)
            if left == above_b:
                inside = not inside
    return inside


@njit(cache=True, nogil=True)
def _bounds(coords: Floats, start: int, stop: int) -> tuple[float, float, float, float]:
    west, south, east, north = np.inf, np.inf, -np.inf, -np.inf
    for k in range(start, stop):
        west, east = min(west, coords[k, 0]), max(east, coords[k, 0])
        south, north = min(south, coords[k, 1]), max(north, coords[k, 1])
    return west, south, east, north


@njit(cache=True, nogil=True)
def same_vertices(p: Floats, p_start: int, p_stop: int, q: Floats, q_start: int, q_stop: int) -> bool:
    if p_stop - p_start != q_stop - q_start:
        return False
    for k in range(p_stop - p_start):
        if p[p_start + k, 0] != q[q_start + k, 0] or p[p_start + k, 1] != q[q_start + k, 1]:
            return False
    return True


@njit(cache=True, nogil=True)
def _overlap_block(
    p: Floats,
    p_offsets: Ints,
    p_signs: Ints,
    p_objects: Ints,
    q: Floats,
    q_offsets: Ints,
    q_signs: Ints,
    q_objects: Ints,
    index_p: Ints,
    index_q: Ints,
    out: Floats,
    start: int,
    stop: int,
) -> None:
    """Areas of the pairs ``start`` to ``stop - 1``."""
    capacity = 64
    edge = np.empty(capacity, np.int64)  # first vertex of those edges of Q that can meet P
    box = np.empty((capacity // _BLOCK + 1, 4))
    part = np.zeros(capacity)  # what the crossings on an edge of Q add
    turn = np.zeros(capacity, np.int64)  # net change of "inside P" along an edge of Q
    sign_of = np.empty(capacity, np.int64)
    for pair in range(start, stop):
        p_first, p_last = p_objects[index_p[pair]], p_objects[index_p[pair] + 1]
        q_first, q_last = q_objects[index_q[pair]], q_objects[index_q[pair] + 1]
        if p_first == p_last or q_first == q_last:
            continue
        p_start, p_stop = p_offsets[p_first], p_offsets[p_last]
        q_start, q_stop = q_offsets[q_first], q_offsets[q_last]
        pw, ps, pe, pn = _bounds(p, p_start, p_stop)
        qw, qs, qe, qn = _bounds(q, q_start, q_stop)
        west, south, east, north = max(pw, qw), max(ps, qs), min(pe, qe), min(pn, qn)
        if west >= east or south >= north:
            continue
        cx, cy = 0.5 * (west + east), 0.5 * (south + north)
        twice = 0.0

        if same_vertices(p, p_start, p_stop, q, q_start, q_stop):
            for ring in range(p_first, p_last):
                total = 0.0
                for k in range(p_offsets[ring], p_offsets[ring + 1] - 1):
                    total += (p[k, 0] - cx) * (p[k + 1, 1] - cy) - (p[k, 1] - cy) * (p[k + 1, 0] - cx)
                twice += p_signs[ring] * total
            out[pair] = 0.5 * twice
            continue

        # edges of Q that touch the bounding box of P, in blocks with a box each
        if q_stop - q_start > capacity:
            capacity = 2 * (q_stop - q_start)
            edge = np.empty(capacity, np.int64)
            box = np.empty((capacity // _BLOCK + 1, 4))
            part = np.zeros(capacity)
            turn = np.zeros(capacity, np.int64)
            sign_of = np.empty(capacity, np.int64)
        count = 0
        for ring in range(q_first, q_last):
            for k in range(q_offsets[ring], q_offsets[ring + 1] - 1):
                if (
                    max(q[k, 0], q[k + 1, 0]) >= pw
                    and min(q[k, 0], q[k + 1, 0]) <= pe
                    and max(q[k, 1], q[k + 1, 1]) >= ps
                    and min(q[k, 1], q[k + 1, 1]) <= pn
                ):
                    edge[count], sign_of[count] = k, q_signs[ring]
                    part[count], turn[count] = 0.0, 0
                    count += 1
        blocks = (count + _BLOCK - 1) // _BLOCK
        for b in range(blocks):
            bw, bs, be, bn = np.inf, np.inf, -np.inf, -np.inf
            for j in range(b * _BLOCK, min(count, (b + 1) * _BLOCK)):
                k = edge[j]
                bw, be = min(bw, q[k, 0], q[k + 1, 0]), max(be, q[k, 0], q[k + 1, 0])
                bs, bn = min(bs, q[k, 1], q[k + 1, 1]), max(bn, q[k, 1], q[k + 1, 1])
            box[b, 0], box[b, 1], box[b, 2], box[b, 3] = bw, bs, be, bn

        for ring in range(p_first, p_last):
            k = p_offsets[ring]
            p_sign = p_signs[ring]
            within = 1 if _inside(p[k, 0], p[k, 1], False, q, q_offsets, q_first, q_last) else 0
            for k in range(p_offsets[ring], p_offsets[ring + 1] - 1):
                ax, ay, bx, by = p[k, 0], p[k, 1], p[k + 1, 0], p[k + 1, 1]
                if within:
                    twice += p_sign * ((ax - cx) * (by - cy) - (ay - cy) * (bx - cx))
                ew, ee, es, en = min(ax, bx), max(ax, bx), min(ay, by), max(ay, by)
                if ew > qe or ee < qw or es > qn or en < qs:
                    continue
                for b in range(blocks):
                    if box[b, 0] > ee or box[b, 2] < ew or box[b, 1] > en or box[b, 3] < es:
                        continue
                    for j in range(b * _BLOCK, min(count, (b + 1) * _BLOCK)):
                        m = edge[j]
                        ux, uy, vx, vy = q[m, 0], q[m, 1], q[m + 1, 0], q[m + 1, 1]
                        if max(ux, vx) < ew or min(ux, vx) > ee or max(uy, vy) < es or min(uy, vy) > en:
                            continue
                        o_a = _orient(ux, uy, vx, vy, ax, ay)
                        o_b = _orient(ux, uy, vx, vy, bx, by)
                        a_left = _left_fixed(ux, uy, vx, vy, o_a)
                        b_left = _left_fixed(ux, uy, vx, vy, o_b)
                        if a_left == b_left:
                            continue
                        o_u = _orient(ax, ay, bx, by, ux, uy)
                        o_v = _orient(ax, ay, bx, by, vx, vy)
                        if _left_shifted(ax, ay, bx, by, o_u) == _left_shifted(ax, ay, bx, by, o_v):
                            continue
                        # one crossing point serves both boundaries, so that the outline of P ∩ Q closes
                        t = 0.5 if o_a == o_b else min(1.0, max(0.0, o_a / (o_a - o_b)))
                        x, y = ax + t * (bx - ax) - cx, ay + t * (by - ay) - cy
                        into_q = sign_of[j] if b_left else -sign_of[j]
                        twice += p_sign * into_q * (x * (by - cy) - y * (bx - cx))
                        within += into_q
                        into_p = -p_sign if b_left else p_sign
                        part[j] += into_p * (x * (vy - cy) - y * (vx - cx))
                        turn[j] += into_p

        j = 0
        for ring in range(q_first, q_last):
            k = q_offsets[ring]
            q_sign = q_signs[ring]
            within = 1 if _inside(q[k, 0], q[k, 1], True, p, p_offsets, p_first, p_last) else 0
            for k in range(q_offsets[ring], q_offsets[ring + 1] - 1):
                if within:
                    ux, uy, vx, vy = q[k, 0] - cx, q[k, 1] - cy, q[k + 1, 0] - cx, q[k + 1, 1] - cy
                    twice += q_sign * (ux * vy - uy * vx)
                if j < count and edge[j] == k:
                    twice += q_sign * part[j]
                    within += turn[j]
                    j += 1

        extent = max(pe - pw, pn - ps, qe - qw, qn - qs)
        out[pair] = 0.5 * twice if 0.5 * twice > _NOISE * extent * extent else 0.0
