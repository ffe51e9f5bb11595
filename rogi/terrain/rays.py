"""The rays along which terrain is searched for the horizon, and the search itself.

A ray follows the geodesic of its azimuth. Terrain is sampled where it crosses the grid's rows (or columns,
whichever is more frequent), linear between the two pixels there. Samples are skipped only if the highest
terrain around them could not raise the horizon, so skipping never changes a result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rogi.terrain.grid import EARTH_RADIUS

if TYPE_CHECKING:
    import numpy.typing as npt

#: Ray steps that are tested at once against the highest terrain around them.
GROUP = 16

#: Half width in pixels of the neighbourhood that holds all samples of a group: half a group, one for the
#: interpolation.
REACH = GROUP // 2 + 1

#: Pixels, along both axes, that share one value of the highest terrain around them.
CELL = 4

#: Cells around a cell that hold the samples of a group for `CELL` pixels in a row, wherever they start.
PAD = -(-(REACH + CELL - 1) // CELL)

#: Pixels of a run that are computed at once; the last ones of a run may be beyond it.
LANES = 16

#: Pixels within which a sample is taken to lie on a pixel centre.
SNAP = 1e-6

#: Metres added to the highest terrain before a group is skipped: above the rounding of float32 heights.
SLACK = 0.01


@njit(cache=True, nogil=True, error_model="numpy")
def highest_around(elevation: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Highest elevation in and `PAD` cells around each cell of `CELL` x `CELL` pixels.

    Voids count as -inf. The result is padded by `PAD` cells on every side.
    """
    rows, cols = elevation.shape
    height, width = -(-rows // CELL) + 2 * PAD, -(-cols // CELL) + 2 * PAD
    cells = np.full((height, width), np.float32(-np.inf), dtype=np.float32)
    for r in range(rows):
        source, target = elevation[r], cells[r // CELL + PAD]
        for c in range(cols):
            v, j = source[c], c // CELL + PAD
            target[j] = v if v > target[j] else target[j]
    across = np.full_like(cells, np.float32(-np.inf))
    out = np.full_like(cells, np.float32(-np.inf))
    for shift in range(-PAD, PAD + 1):
        lo, hi = max(0, -shift), min(width, width - shift)
        for r in range(height):
            source, target = cells[r, lo + shift : hi + shift], across[r, lo:hi]
            for i in range(hi - lo):
                target[i] = max(target[i], source[i])
    for r in range(height):
        target = out[r]
        for near in range(max(0, r - PAD), min(height, r + PAD + 1)):
            source = across[near]
            for i in range(width):
                target[i] = max(target[i], source[i])
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def ray_steps(
    jacobian: npt.NDArray[np.float64],
    sin_azimuth: float,
    cos_azimuth: float,
    radius: float,
    curvature: float,
    bend: bool,
    offsets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    inverse: npt.NDArray[np.float32],
    drop: npt.NDArray[np.float32],
) -> int:
    """Fill the steps of one ray; return how many lie within the radius.

    The k-th step is k pixels away along the axis the ray crosses faster. A point at distance s on the
    geodesic of azimuth α lies s sin α + s² sin α cos α tan φ / R east (measured on the parallel of its
    start) and s cos α - s² sin² α tan φ / 2R north of it, to third order in s / R (`bend`).
    `offsets` gets row and column offsets of the two pixels, `weights` the weight of the second, `inverse`
    1 / s, and `drop` the drop s² / 2R below the tangent plane, in metres.
    """
    a, b, c, d, latitude = jacobian[0], jacobian[1], jacobian[2], jacobian[3], jacobian[4]
    determinant = a * d - b * c
    bending = np.tan(np.radians(latitude)) / EARTH_RADIUS if bend else 0.0
    # Columns and rows per metre, and per metre squared.
    east2, north2 = sin_azimuth * cos_azimuth * bending, -0.5 * sin_azimuth * sin_azimuth * bending
    col1 = (d * sin_azimuth - b * cos_azimuth) / determinant
    row1 = (a * cos_azimuth - c * sin_azimuth) / determinant
    col2 = (d * east2 - b * north2) / determinant
    row2 = (a * north2 - c * east2) / determinant
    # Exact zeros on the axes: no second pixel is needed there.
    if abs(col1) < 1e-12 * abs(row1):
        col1 = 0.0
    if abs(row1) < 1e-12 * abs(col1):
        row1 = 0.0
    by_row = abs(row1) > abs(col1)
    major1, major2 = (row1, row2) if by_row else (col1, col2)
    minor1, minor2 = (col1, col2) if by_row else (row1, row2)
    sign = 1 if major1 > 0.0 else -1
    per_step, ratio = 1.0 / abs(major1), major2 / major1
    count = 0
    for k in range(inverse.size):
        s = (k + 1) * per_step
        s -= ratio * s * s
        minor = minor1 * s + minor2 * s * s
        # On the diagonals rounding must not bring a second pixel, maybe a void one, into play.
        nearest = np.round(minor)
        minor = nearest if abs(minor - nearest) < SNAP else minor
        below = np.floor(minor)
        weight = minor - below
        low, high = np.int32(below), np.int32(below + 1.0)
        step = np.int32(sign * (k + 1))
        if by_row:
            offsets[k, 0], offsets[k, 1], offsets[k, 2], offsets[k, 3] = step, low, step, high
        else:
            offsets[k, 0], offsets[k, 1], offsets[k, 2], offsets[k, 3] = low, step, high, step
        if weight == 0.0:
            # The second pixel may be void or outside: it must not take part.
            for axis in range(2):
                offsets[k, axis + 2] = offsets[k, axis]
        weights[k] = weight
        inverse[k] = 1.0 / s
        drop[k] = s * s * curvature
        if s <= radius:
            count = k + 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def ceilings(
    highest: npt.NDArray[np.float32],
    top: int,
    bottom: int,
    left: int,
    right: int,
    count: int,
    offsets: npt.NDArray[np.int32],
    found: npt.NDArray[np.float32],
) -> None:
    """Highest terrain around each group of steps of all pixels in rows and columns of a block (last + 1).

    `found` (2, groups): of the group, and of it and all groups further away; -inf without such a group.
    """
    rows, cols = highest.shape
    groups = -(-count // GROUP)
    for group in range(groups):
        centre = group * GROUP + GROUP // 2
        down, across = offsets[centre, 0], offsets[centre, 1]
        most = np.float32(-np.inf)
        for r in range(max((top + down) // CELL + PAD, 0), min((bottom - 1 + down) // CELL + PAD + 1, rows)):
            for c in range(
                max((left + across) // CELL + PAD, 0), min((right - 1 + across) // CELL + PAD + 1, cols)
            ):
                most = max(most, highest[r, c])
        found[0, group] = most
    most = np.float32(-np.inf)
    for group in range(groups - 1, -1, -1):
        most = max(most, found[0, group])
        found[1, group] = most


@njit(cache=True, nogil=True, error_model="numpy")
def march(
    elevation: npt.NDArray[np.float32],
    highest: npt.NDArray[np.float32],
    limits: npt.NDArray[np.float32],
    row: int,
    start: int,
    size: int,
    tangent: npt.NDArray[np.float32],
    lowest: npt.NDArray[np.float32],
    smallest: npt.NDArray[np.float32],
    count: int,
    offsets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    inverse: npt.NDArray[np.float32],
    drop: npt.NDArray[np.float32],
) -> None:
    """Raise `tangent` of `size` pixels of a row from `start` on, at 0, to that of their horizon along a ray.

    `tangent` has room for `LANES` more. `limits` are the `ceilings` of pixels among which these are.
    `lowest` and `smallest` are scratch: the lowest ground and the least tangent of every `CELL` pixels.
    """
    rows, cols = elevation.shape
    # One-dimensional arrays and unsigned indices: no slices (their reference counts cost more than the
    # arithmetic) and no test for negative indices, so that the loops vectorise.
    surface, ceiling = elevation.reshape(-1), highest.reshape(-1)
    ceiling_rows, ceiling_cols = highest.shape
    ground = row * cols + start
    cells = -(-size // CELL)
    slack, infinite = np.float32(SLACK), np.float32(np.inf)
    for s in range(cells):
        lowest[s], smallest[s] = infinite, infinite
        for i in range(s * CELL, min(s * CELL + CELL, size)):
            g = surface[ground + i]
            lowest[s] = g if g < lowest[s] else lowest[s]
        if lowest[s] < infinite:
            smallest[s] = np.float32(0.0)
    base, least_of_all = infinite, np.float32(0.0)
    for s in range(cells):
        base = min(base, lowest[s])
    for near in range(0, count, GROUP):
        lift, steepest = slack - drop[near], inverse[near]
        if (limits[1, near // GROUP] - base + lift) * steepest <= least_of_all:
            break  # further away the same ground rises less
        if (limits[0, near // GROUP] - base + lift) * steepest <= least_of_all:
            continue
        centre = near + GROUP // 2
        r, c = row + offsets[centre, 0], start + offsets[centre, 1]
        r_cell, c_cell = (r // CELL) + PAD, (c // CELL) + PAD
        lo, hi = max(0, -c_cell), min(cells, ceiling_cols - c_cell)
        if r_cell < 0 or r_cell >= ceiling_rows or hi <= lo:
            continue
        b0, t0 = np.uint64(r_cell * ceiling_cols + c_cell + lo), np.uint64(lo)
        higher = np.int32(0)
        for i in range(np.uint64(hi - lo)):
            rise = (ceiling[b0 + i] - lowest[t0 + i] + lift) * steepest
            higher += np.int32(rise > smallest[t0 + i])
        if higher == 0:
            continue
        # Only the stretch of the run that may see something higher.
        while (ceiling[r_cell * ceiling_cols + c_cell + lo] - lowest[lo] + lift) * steepest <= smallest[lo]:
            lo += 1
        while (
            ceiling[r_cell * ceiling_cols + c_cell + hi - 1] - lowest[hi - 1] + lift
        ) * steepest <= smallest[hi - 1]:
            hi -= 1
        begin, end = lo * CELL, min(hi * CELL, size)
        lanes = begin + ((end - begin + LANES - 1) & -LANES)
        far = min(near + GROUP, count)
        # All samples of a group lie within REACH of its centre: mostly the whole group is in the window.
        if (
            far - near == GROUP
            and REACH <= r < rows - REACH
            and c + begin >= REACH
            and c + lanes <= cols - REACH
            and start + lanes <= cols
        ):
            for k in range(near, far, 4):
                _four_steps(
                    surface, tangent, begin, lanes, ground, row * cols + start, cols, k,
                    offsets, weights, inverse, drop,
                )  # fmt: skip
        else:
            for k in range(near, far):
                _step(elevation, tangent, begin, end, row, start, k, offsets, weights, inverse, drop)
        for s in range(lo, hi):
            if lowest[s] < infinite:
                least = infinite
                for i in range(s * CELL, min(s * CELL + CELL, size)):
                    if not np.isnan(surface[ground + i]):
                        least = min(least, tangent[i])
                smallest[s] = least
        least_of_all = infinite
        for s in range(cells):
            least_of_all = min(least_of_all, smallest[s])


@njit(cache=True, nogil=True, error_model="numpy")
def _step(
    elevation: npt.NDArray[np.float32],
    tangent: npt.NDArray[np.float32],
    begin: int,
    end: int,
    row: int,
    start: int,
    k: int,
    offsets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    inverse: npt.NDArray[np.float32],
    drop: npt.NDArray[np.float32],
) -> None:
    """Step k for the part of a run that sees it inside the window."""
    rows, cols = elevation.shape
    r0, c0, r1, c1 = offsets[k, 0], offsets[k, 1], offsets[k, 2], offsets[k, 3]
    if row + min(r0, r1) < 0 or row + max(r0, r1) >= rows:
        return
    w, inv, down = weights[k], inverse[k], drop[k]
    v = np.float32(1.0) - w
    for i in range(max(begin, -(start + min(c0, c1))), min(end, cols - (start + max(c0, c1)))):
        c = start + i
        g = elevation[row, c]
        t = (v * (elevation[row + r0, c + c0] - g) + w * (elevation[row + r1, c + c1] - g) - down) * inv
        tangent[i] = t if t > tangent[i] else tangent[i]


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _four_steps(
    surface: npt.NDArray[np.float32],
    tangent: npt.NDArray[np.float32],
    begin: int,
    end: int,
    ground: int,
    origin: int,
    cols: int,
    k: int,
    offsets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    inverse: npt.NDArray[np.float32],
    drop: npt.NDArray[np.float32],
) -> None:
    """Steps k .. k + 3 for a run of pixels that see them all inside the window."""
    one = np.float32(1.0)
    a0 = np.uint64(origin + offsets[k, 0] * cols + offsets[k, 1])
    a1 = np.uint64(origin + offsets[k, 2] * cols + offsets[k, 3])
    b0 = np.uint64(origin + offsets[k + 1, 0] * cols + offsets[k + 1, 1])
    b1 = np.uint64(origin + offsets[k + 1, 2] * cols + offsets[k + 1, 3])
    c0 = np.uint64(origin + offsets[k + 2, 0] * cols + offsets[k + 2, 1])
    c1 = np.uint64(origin + offsets[k + 2, 2] * cols + offsets[k + 2, 3])
    d0 = np.uint64(origin + offsets[k + 3, 0] * cols + offsets[k + 3, 1])
    d1 = np.uint64(origin + offsets[k + 3, 2] * cols + offsets[k + 3, 3])
    wa, wb, wc, wd = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
    va, vb, vc, vd = one - wa, one - wb, one - wc, one - wd
    ia, ib, ic, id_ = inverse[k], inverse[k + 1], inverse[k + 2], inverse[k + 3]
    da, db, dc, dd = drop[k], drop[k + 1], drop[k + 2], drop[k + 3]
    g0 = np.uint64(ground)
    for i in range(np.uint64(begin), np.uint64(end)):
        g = surface[g0 + i]
        best = tangent[i]
        t = (va * (surface[a0 + i] - g) + wa * (surface[a1 + i] - g) - da) * ia
        best = t if t > best else best
        t = (vb * (surface[b0 + i] - g) + wb * (surface[b1 + i] - g) - db) * ib
        best = t if t > best else best
        t = (vc * (surface[c0 + i] - g) + wc * (surface[c1 + i] - g) - dc) * ic
        best = t if t > best else best
        t = (vd * (surface[d0 + i] - g) + wd * (surface[d1 + i] - g) - dd) * id_
        tangent[i] = t if t > best else best
