"""The rays along which terrain is searched for the horizon, and the search itself.

A ray follows the geodesic of its azimuth. Terrain is sampled where it crosses the grid's rows (or columns,
whichever is more frequent), linear between the two pixels there. Samples are skipped only if the highest
terrain around them could not raise the horizon, so skipping never changes a result.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

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

#: Cells on each side of a cell that its value of the highest terrain covers too: with them one value reaches
#: from `REACH` before to `REACH` behind `CELL` pixels, wherever they start.
PAD = -(-(REACH + CELL - 1) // CELL)

#: Pixels of a run, which are computed at once.
LANES = 16

#: Steps of a group that do not wait for one another.
CHAINS = 4

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
    flat = offsets.reshape(-1)
    count = 0
    # Without branches, so that the loop vectorises.
    for k in range(np.uint64(inverse.size)):
        s = (k + 1.0) * per_step
        s -= ratio * s * s
        minor = minor1 * s + minor2 * s * s
        # On the diagonals rounding must not bring a second pixel, maybe a void one, into play.
        nearest = np.floor(minor + 0.5)
        minor = nearest if abs(minor - nearest) < SNAP else minor
        below = np.floor(minor)
        weight = minor - below
        low, step = np.int32(below), np.int32(sign * (k + 1.0))
        high = low + np.int32(weight > 0.0)  # the second pixel may be void or outside: not without a weight
        place = np.uint64(4) * k
        flat[place] = step if by_row else low
        flat[place + np.uint64(1)] = low if by_row else step
        flat[place + np.uint64(2)] = step if by_row else high
        flat[place + np.uint64(3)] = high if by_row else step
        weights[k] = weight
        inverse[k] = 1.0 / s
        drop[k] = s * s * curvature
        count += s <= radius
    inverse[count:] = 0.0  # the others of the last group raise nothing
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _highest_in(
    ceiling: npt.NDArray[np.float32],
    rows: int,
    cols: int,
    top: int,
    bottom: int,
    left: int,
    right: int,
) -> np.float32:
    """At least the highest terrain within `REACH` of pixels from `top`, `left` to before `bottom`, `right`.

    From the flat result of `highest_around`, of which one value covers a square of 2 `PAD` + 1 cells.
    """
    most = np.float32(-np.inf)
    r, r_last = (top - REACH) // CELL + 2 * PAD, (bottom - 1 + REACH) // CELL
    c_first, c_last = (left - REACH) // CELL + 2 * PAD, (right - 1 + REACH) // CELL
    while True:
        if 0 <= r < rows:
            c = c_first
            while True:
                if 0 <= c < cols:
                    most = max(most, ceiling[r * cols + c])
                if c >= c_last:
                    break
                c = min(c + 2 * PAD + 1, c_last)
        if r >= r_last:
            break
        r = min(r + 2 * PAD + 1, r_last)
    return most


def _raising(steps: int) -> Any:
    """What raises the tangents of `LANES` pixels by some steps that they all see in the window, in vectors.

    Of a loop over 16 pixels the compiler makes code that spends more time on its start
    than in it. Takes surface and tangents, both flat, each with the place of the first pixel there, the first
    step, and the tables of steps; returns the least tangent.
    """

    @intrinsic
    def raised(
        typingctx: Any,
        surface: Any,
        pixel: Any,
        tangents: Any,
        place: Any,
        near: Any,
        cols: Any,
        offsets: Any,
        weights: Any,
        inverse: Any,
        drop: Any,
    ) -> Any:
        arguments = (surface, types.intp, tangents, types.intp, types.intp, types.intp)
        signature = types.float32(*arguments, offsets, weights, inverse, drop)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            word, vector = ir.IntType(64), ir.VectorType(ir.FloatType(), LANES)
            pixel, place, near, cols = (values[k] for k in (1, 3, 4, 5))
            surface, tangents, *tables = (
                context.make_array(signature.args[k])(context, builder, values[k]).data
                for k in (0, 2, 6, 7, 8, 9)
            )
            offsets = builder.gep(tables[0], [builder.mul(near, word(4))])
            weights, inverse, drop = (builder.gep(data, [near]) for data in tables[1:])

            def pixels(data: Any, index: Any) -> Any:
                return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())

            def number(data: Any, index: int) -> Any:
                return builder.load(builder.gep(data, [word(index)]))

            def spread(value: Any) -> Any:
                one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
                zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
                return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

            def sample(index: int) -> Any:
                row, column = (builder.sext(number(offsets, index + i), word) for i in (0, 1))
                there = builder.add(pixel, builder.add(builder.mul(row, cols), column))
                return builder.fsub(builder.load(pixels(surface, there), align=4), ground)

            def higher(one: Any, other: Any) -> Any:
                return builder.select(builder.fcmp_ordered(">", one, other), one, other)

            ground = builder.load(pixels(surface, pixel), align=4)
            before = builder.load(pixels(tangents, place), align=4)
            best = [before] * CHAINS
            for k in range(steps):
                weight = number(weights, k)
                first = builder.fmul(spread(builder.fsub(ir.FloatType()(1.0), weight)), sample(4 * k))
                second = builder.fmul(spread(weight), sample(4 * k + 2))
                rise = builder.fsub(builder.fadd(first, second), spread(number(drop, k)))
                tangent = builder.fmul(rise, spread(number(inverse, k)))
                best[k % CHAINS] = higher(tangent, best[k % CHAINS])
            found = reduce(higher, best)
            builder.store(found, pixels(tangents, place), align=4)
            least = builder.module.declare_intrinsic(
                f"llvm.vector.reduce.fmin.v{LANES}f32", (), ir.FunctionType(ir.FloatType(), [vector])
            )
            return builder.call(least, [found], fastmath=("nnan",))

        return signature, generate

    return raised


_raise_by_group, _raise_by_one = _raising(GROUP), _raising(1)


@njit(cache=True, nogil=True, error_model="numpy")
def march(
    elevation: npt.NDArray[np.float32],
    highest: npt.NDArray[np.float32],
    runs: npt.NDArray[np.int64],
    number: int,
    lowest: npt.NDArray[np.float32],
    tangents: npt.NDArray[np.float32],
    ray: int,
    count: int,
    offsets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    inverse: npt.NDArray[np.float32],
    drop: npt.NDArray[np.float32],
    order: npt.NDArray[np.int64],
    bounds: npt.NDArray[np.float32],
    least: npt.NDArray[np.float32],
) -> None:
    """Raise `tangents` (runs, rays, LANES) of runs of pixels to those of their horizons along a ray.

    `runs` (runs, 2) are row and first column of each, of which the first `number` count, `lowest` the lowest
    ground of each. Pixels whose tangent is infinite do not count. `order` and `bounds` are scratch: groups of
    steps, and which tangent none of theirs can exceed.

    Groups that may show the highest horizon come first: then the fewest have to be looked at.
    """
    rows, cols = elevation.shape
    # One-dimensional arrays: no slices in the loop (their reference counts cost more than the arithmetic).
    surface, ceiling, flat = elevation.reshape(-1), highest.reshape(-1), tangents.reshape(-1)
    ceiling_rows, ceiling_cols = highest.shape
    slack = np.float32(SLACK)
    base = lowest[:number].min()
    top, bottom = runs[0, 0], runs[number - 1, 0] + 1
    left, right = runs[:number, 1].min(), runs[:number, 1].max() + LANES
    groups = 0
    for near in range(0, count, GROUP):
        down, across = offsets[near + GROUP // 2, 0], offsets[near + GROUP // 2, 1]
        most = _highest_in(
            ceiling, ceiling_rows, ceiling_cols, top + down, bottom + down, left + across, right + across
        )
        bound = (most - base + slack - drop[near]) * inverse[near]
        if bound > np.float32(0.0):
            place = groups
            while place > 0 and bounds[place - 1] < bound:
                bounds[place], order[place] = bounds[place - 1], order[place - 1]
                place -= 1
            bounds[place], order[place] = bound, near
            groups += 1
    least[:number] = 0.0
    for m in range(groups):
        near, waiting = order[m], False
        down, across = offsets[near + GROUP // 2, 0], offsets[near + GROUP // 2, 1]
        for n in range(number):
            if bounds[m] <= least[n]:
                continue
            waiting = True
            row, start = runs[n, 0], runs[n, 1]
            r, c = row + down, start + across
            most = _highest_in(ceiling, ceiling_rows, ceiling_cols, r, r + 1, c, c + LANES)
            if (most - lowest[n] + slack - drop[near]) * inverse[near] <= least[n]:
                continue
            ground, place = row * cols + start, (n * tangents.shape[1] + ray) * LANES
            # All samples of a group lie within REACH of its centre: mostly the whole group is in the window.
            if REACH <= r < rows - REACH and REACH <= c < cols - REACH - LANES and start + LANES <= cols:
                least[n] = _raise_by_group(
                    surface, ground, flat, place, near, cols, offsets, weights, inverse, drop
                )
                continue
            for k in range(near, near + GROUP):
                above, below = row + offsets[k, 0], row + offsets[k, 2]
                if min(above, below) < 0 or max(above, below) >= rows:
                    continue
                # Lanes from `begin` to `end` see the step inside the window.
                before, behind = start + offsets[k, 1], start + offsets[k, 3]
                begin, end = max(0, -min(before, behind)), cols - max(before, behind, start)
                if begin == 0 and end >= LANES:
                    _raise_by_one(surface, ground, flat, place, k, cols, offsets, weights, inverse, drop)
                    continue
                w, v = weights[k], np.float32(1.0) - weights[k]
                for i in range(begin, min(end, LANES)):
                    g = surface[ground + i]
                    there, beyond = surface[above * cols + before + i], surface[below * cols + behind + i]
                    t = (v * (there - g) + w * (beyond - g) - drop[k]) * inverse[k]
                    flat[place + i] = t if t > flat[place + i] else flat[place + i]
            least[n] = np.float32(np.inf)
            for i in range(LANES):
                least[n] = min(least[n], flat[place + i])
        if not waiting:
            break
