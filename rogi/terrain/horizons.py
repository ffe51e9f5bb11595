"""Horizon angles of an elevation raster, exact along every ray and independent of the window.

Every pixel looks along the geodesic of each azimuth and keeps the steepest sight line to the terrain within
the search radius. Terrain is sampled where the ray crosses the grid's rows (or columns, whichever is more
frequent), linear between the two pixels there. A sample is skipped only if the highest terrain around it
could not raise the horizon, so skipping never changes a result; therefore a pixel's horizon depends on the
terrain within the radius alone, not on the window, mask or order in which it is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from rogi.errors import OptionError
from rogi.terrain.gradient import arctan, prepared
from rogi.terrain.grid import EARTH_RADIUS, Grid, Metric

if TYPE_CHECKING:
    import numpy.typing as npt

#: Block for which one table of ray steps holds, in pixels of the whole raster: within it the metric changes
#: by less than 1e-4 (30 m pixels, below latitude 70°), far less than a horizon angle can show.
BLOCK_ROWS = 16
BLOCK_COLS = 64

#: Ray steps that are tested at once against the highest terrain around them.
GROUP = 16

#: Half width in pixels of the neighbourhood that holds all samples of a group: half a group, one for the
#: interpolation.
REACH = GROUP // 2 + 1

#: Metres added to the highest terrain before a group is skipped: above the rounding of float32 heights.
SLACK = 0.01

#: Default search radius in metres: 20-30 km changes annual radiation no more, 10 km up to 2.3 % at single
#: pixels (measured, docs/methods/terrain.md).
SEARCH_RADIUS = 25_000.0

#: Beyond this latitude the series for geodesics on a geographic grid is not used (meridians converge).
MAX_BEND_LATITUDE = 88.0


@njit(cache=True, nogil=True, error_model="numpy")
def highest_around(elevation: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Maximum of the elevation in a square of half width `REACH`, padded by `REACH` on every side.

    Voids count as -inf. Result (rows + 2 REACH, cols + 2 REACH).
    """
    rows, cols = elevation.shape
    width = cols + 2 * REACH
    across = np.full((rows, width), np.float32(-np.inf), dtype=np.float32)
    line = np.empty(cols + 4 * REACH, dtype=np.float32)
    for r in range(rows):
        source = elevation[r]
        line[:] = np.float32(-np.inf)
        inner = line[2 * REACH : 2 * REACH + cols]
        for i in range(cols):
            v = source[i]
            inner[i] = v if v > np.float32(-np.inf) else np.float32(-np.inf)
        # Window lengths 2, 4, 8, 16 in place, then two windows of 16 that overlap make 2 REACH + 1 = 19.
        length = 1
        while length < GROUP:
            shifted = line[length:]
            for i in range(shifted.size):
                line[i] = max(line[i], shifted[i])
            length *= 2
        rest = line[2 * REACH + 1 - GROUP :]
        target = across[r]
        for i in range(width):
            target[i] = max(line[i], rest[i])
    # Down the columns: maxima up to and from the boundaries of groups of 2 REACH + 1 rows (van Herk 1992).
    span = 2 * REACH + 1
    out = np.full((rows + 2 * REACH, width), np.float32(-np.inf), dtype=np.float32)
    tail = np.full((span, width), np.float32(-np.inf), dtype=np.float32)
    head = np.full(width, np.float32(-np.inf), dtype=np.float32)
    # Output row o covers source rows o - 2 REACH .. o.
    for start in range(-span, rows + 2 * REACH, span):
        for k in range(span):  # rows start .. start + span - 1 are the second part of outputs of this group
            o = start + k
            if k == 0:
                head[:] = np.float32(-np.inf)
            if 0 <= o < rows:
                source = across[o]
                for i in range(width):
                    head[i] = max(head[i], source[i])
            if 0 <= o < rows + 2 * REACH:
                target = out[o]
                if k + 1 < span:
                    suffix = tail[k + 1]
                    for i in range(width):
                        target[i] = max(head[i], suffix[i])
                else:
                    for i in range(width):
                        target[i] = head[i]
        for k in range(span - 1, -1, -1):
            o = start + k
            suffix = tail[k]
            if k == span - 1:
                suffix[:] = np.float32(-np.inf)
            else:
                suffix[:] = tail[k + 1]
            if 0 <= o < rows:
                source = across[o]
                for i in range(width):
                    suffix[i] = max(suffix[i], source[i])
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
        below = np.floor(minor)
        weight = minor - below
        low, high = np.int32(below), np.int32(below + 1.0)
        step = np.int32(sign * (k + 1))
        if by_row:
            offsets[k, 0], offsets[k, 1], offsets[k, 2], offsets[k, 3] = step, low, step, high
        else:
            offsets[k, 0], offsets[k, 1], offsets[k, 2], offsets[k, 3] = low, step, high, step
        weights[k] = weight
        inverse[k] = 1.0 / s
        drop[k] = s * s * curvature
        if s <= radius:
            count = k + 1
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def march(
    elevation: npt.NDArray[np.float32],
    highest: npt.NDArray[np.float32],
    row: int,
    start: int,
    tangent: npt.NDArray[np.float32],
    count: int,
    offsets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    inverse: npt.NDArray[np.float32],
    drop: npt.NDArray[np.float32],
) -> None:
    """Raise `tangent` of the pixels `start` .. of a row to the tangent of their horizon along one ray."""
    rows, cols = elevation.shape
    size = tangent.size
    # One-dimensional arrays and unsigned indices: no slices (their reference counts cost more than the
    # arithmetic) and no test for negative indices, so that the loops vectorise.
    surface, ceiling = elevation.reshape(-1), highest.reshape(-1)
    ceiling_rows, ceiling_cols = highest.shape
    ground = row * cols + start
    slack, one = np.float32(SLACK), np.float32(1.0)
    for near in range(0, count, GROUP):
        centre = near + GROUP // 2
        r = row + offsets[centre, 0] + REACH
        if r < 0 or r >= ceiling_rows:
            continue
        shift = start + offsets[centre, 1] + REACH
        lo, hi = max(0, -shift), min(size, ceiling_cols - shift)
        if hi <= lo:
            continue
        lift, steepest = slack - drop[near], inverse[near]
        n = np.uint64(hi - lo)
        g0, b0, t0 = np.uint64(ground + lo), np.uint64(r * ceiling_cols + shift + lo), np.uint64(lo)
        higher = np.int32(0)
        for i in range(n):
            rise = (ceiling[b0 + i] - surface[g0 + i] + lift) * steepest
            higher += np.int32(rise > tangent[t0 + i])
        if higher == 0:
            continue
        for k in range(near, min(near + GROUP, count)):
            r0, c0, r1, c1 = offsets[k, 0], offsets[k, 1], offsets[k, 2], offsets[k, 3]
            w, inv, down = weights[k], inverse[k], drop[k]
            if w == 0.0:
                r1, c1 = r0, c0
            if row + min(r0, r1) < 0 or row + max(r0, r1) >= rows:
                continue
            lo, hi = max(0, -(start + min(c0, c1))), min(size, cols - (start + max(c0, c1)))
            if hi <= lo:
                continue
            n = np.uint64(hi - lo)
            p0 = np.uint64((row + r0) * cols + start + c0 + lo)
            p1 = np.uint64((row + r1) * cols + start + c1 + lo)
            g0, t0 = np.uint64(ground + lo), np.uint64(lo)
            v = one - w
            for i in range(n):
                g = surface[g0 + i]
                t = (v * (surface[p0 + i] - g) + w * (surface[p1 + i] - g) - down) * inv
                best = tangent[t0 + i]
                tangent[t0 + i] = t if t > best else best


@njit(cache=True, nogil=True, error_model="numpy")
def block_horizons(
    elevation: npt.NDArray[np.float32],
    highest: npt.NDArray[np.float32],
    spans: npt.NDArray[np.int64],
    top: int,
    left: int,
    counts: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    inverse: npt.NDArray[np.float32],
    drop: npt.NDArray[np.float32],
    tangents: npt.NDArray[np.float32],
) -> None:
    """Tangents (rays, BLOCK_ROWS, BLOCK_COLS) of the horizons, at least 0, of the spans of one block.

    `spans` (BLOCK_ROWS, 2) are first and last + 1 column of the wanted pixels of each row in the window;
    `top`, `left` the block's corner in the window (negative where the window cuts the block).
    """
    for ray in range(counts.size):
        for i in range(BLOCK_ROWS):
            start, stop = spans[i, 0], spans[i, 1]
            if stop <= start:
                continue
            tangent = tangents[ray, i, start - left : stop - left]
            tangent[:] = np.float32(0.0)
            march(
                elevation, highest, top + i, start, tangent, counts[ray],
                offsets[ray], weights[ray], inverse[ray], drop[ray],
            )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def block_steps(
    jacobian: npt.NDArray[np.float64],
    azimuths: npt.NDArray[np.float64],
    radius: float,
    curvature: float,
    bend: bool,
    counts: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    inverse: npt.NDArray[np.float32],
    drop: npt.NDArray[np.float32],
) -> None:
    """Ray steps of all azimuths (radians, true) for the metric at a block's centre."""
    for ray in range(azimuths.size):
        counts[ray] = ray_steps(
            jacobian, np.sin(azimuths[ray]), np.cos(azimuths[ray]), radius, curvature, bend,
            offsets[ray], weights[ray], inverse[ray], drop[ray],
        )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def block_spans(mask: npt.NDArray[np.bool_], top: int, left: int, spans: npt.NDArray[np.int64]) -> None:
    """First and last + 1 column of the wanted pixels in each row of a block."""
    rows, cols = mask.shape
    for i in range(BLOCK_ROWS):
        spans[i, 0], spans[i, 1] = 0, 0
        r = top + i
        if r < 0 or r >= rows:
            continue
        for c in range(max(left, 0), min(left + BLOCK_COLS, cols)):
            if mask[r, c]:
                if spans[i, 1] == 0:
                    spans[i, 0] = c
                spans[i, 1] = c + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _horizon(
    elevation: npt.NDArray[np.float32],
    highest: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    blocks: npt.NDArray[np.int64],
    centres: npt.NDArray[np.float64],
    azimuths: npt.NDArray[np.float64],
    steps: int,
    radius: float,
    curvature: float,
    bend: bool,
    out: npt.NDArray[np.float32],
) -> None:
    rays = azimuths.size
    counts = np.zeros(rays, dtype=np.int64)
    offsets = np.zeros((rays, steps, 4), dtype=np.int32)
    weights = np.zeros((rays, steps), dtype=np.float32)
    inverse, drop = np.zeros_like(weights), np.zeros_like(weights)
    tangents = np.zeros((rays, BLOCK_ROWS, BLOCK_COLS), dtype=np.float32)
    spans = np.zeros((BLOCK_ROWS, 2), dtype=np.int64)
    known = np.full(5, np.nan)
    for b in range(blocks.shape[0]):
        top, left = blocks[b, 0], blocks[b, 1]
        block_spans(mask, top, left, spans)
        if not np.all(known == centres[b]):
            known[:] = centres[b]
            block_steps(known, azimuths, radius, curvature, bend, counts, offsets, weights, inverse, drop)
        block_horizons(
            elevation, highest, spans, top, left, counts, offsets, weights, inverse, drop, tangents
        )
        for ray in range(rays):
            for i in range(BLOCK_ROWS):
                for c in range(spans[i, 0], spans[i, 1]):
                    r = top + i
                    if mask[r, c] and not np.isnan(elevation[r, c]):
                        out[ray, r, c] = arctan(float(tangents[ray, i, c - left])) * 57.29577951308232


def mask_blocks(mask: npt.NDArray[np.bool_], grid: Grid) -> npt.NDArray[np.int64]:
    """Corners, in the window, of the blocks of the whole raster that hold wanted pixels, in row order."""
    rows, cols = np.nonzero(mask)
    block_rows = (rows + grid.row_offset) // BLOCK_ROWS
    block_cols = (cols + grid.col_offset) // BLOCK_COLS
    if rows.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    width = int(block_cols.max()) + 1
    found = np.unique(block_rows * width + block_cols)
    return np.stack(
        [
            found // width * BLOCK_ROWS - grid.row_offset,
            found % width * BLOCK_COLS - grid.col_offset,
        ],
        axis=1,
    ).astype(np.int64)


def block_centres(blocks: npt.NDArray[np.int64], grid: Grid) -> tuple[npt.NDArray[np.float64], bool]:
    """Metric (blocks, 5) at the centre pixel of each block, and whether rays bend."""
    if blocks.size == 0:
        return np.empty((0, 5)), False
    # A window that covers whole blocks, so that the centre lies inside it even for blocks cut by an edge.
    top, left = blocks.min(axis=0)
    bottom, right = blocks.max(axis=0)
    whole = grid.window(int(top), int(left), (int(bottom - top) + BLOCK_ROWS, int(right - left) + BLOCK_COLS))
    metric = _clamped_metric(whole)
    row = blocks[:, 0] - top + BLOCK_ROWS // 2
    absolute = blocks[:, 1] + grid.col_offset + BLOCK_COLS // 2 - metric.first
    node, t = absolute // metric.spacing, (absolute % metric.spacing) / metric.spacing
    nodes = metric.nodes
    lower, upper = nodes[row, node], nodes[row, node + 1]
    return np.ascontiguousarray(lower + t[:, None] * (upper - lower)), metric.bend


def _clamped_metric(grid: Grid) -> Metric:
    """Metric of a window that may reach past the poles by part of a block."""
    if not grid.is_geographic:
        return grid.metric()
    f, e = grid.transform[5], grid.transform[4]
    row = np.arange(grid.row_offset, grid.row_offset + grid.shape[0])
    valid = np.abs(f + e * (row + 0.5)) <= MAX_BEND_LATITUDE
    if not valid.any():
        raise OptionError(
            f"horizons are computed up to latitude {MAX_BEND_LATITUDE:g} on geographic grids; "
            "warp the DEM to a polar projection"
        )
    inside = np.flatnonzero(valid)
    nearest = np.clip(np.arange(row.size), inside[0], inside[-1])
    part = grid.window(int(inside[0]), 0, (inside.size, grid.shape[1])).metric()
    return part._replace(nodes=np.ascontiguousarray(part.nodes[nearest - inside[0]]))


def step_limit(centres: npt.NDArray[np.float64], radius: float) -> int:
    """Most steps a ray can need: the radius over the finest ground step of any block, in whole groups."""
    if centres.shape[0] == 0 or radius <= 0.0:
        return GROUP
    finest = np.sqrt(
        np.minimum(centres[:, 0] ** 2 + centres[:, 2] ** 2, centres[:, 1] ** 2 + centres[:, 3] ** 2)
    )
    # Geodesics bend by up to radius tan φ / R on geographic grids.
    bend = np.tan(np.radians(np.minimum(np.nanmax(np.abs(centres[:, 4]), initial=0.0), 89.0)))
    steps = int(np.ceil((1.01 + radius * bend / EARTH_RADIUS) * radius / np.nanmin(finest))) + 2
    return -(-steps // GROUP) * GROUP


def sector_azimuths(n_sectors: int) -> npt.NDArray[np.float64]:
    """Azimuths of the rays, radians clockwise from true north: k 2π / n, k = 0 .. n - 1."""
    return np.asarray(np.arange(n_sectors) * (2.0 * np.pi / n_sectors), dtype=np.float64)


def horizon(
    elevation: npt.NDArray[Any],
    grid: Grid,
    *,
    n_sectors: int = 64,
    radius: float = SEARCH_RADIUS,
    curvature: bool = True,
    mask: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.float32]:
    """Elevation angle of the terrain horizon in equally spaced azimuths.

    Parameters
    ----------
    elevation : array (rows, cols)
        Metres, NaN where void; heights are taken as float32. Voids and the outside of the window hide
        nothing: give the window a halo (`rogi.terrain.required_halo`).
    grid : Grid
        Grid of the same window.
    n_sectors : int
        Number of azimuths; the k-th is k 360 / n_sectors degrees clockwise from true north.
    radius : float
        Search radius in metres on the ground.
    curvature : bool
        Lower the terrain at distance s by s² / 2R (R = 6,371,008.8 m). No refraction.
    mask : bool array (rows, cols), optional
        Pixels to compute; all by default.

    Returns
    -------
    float32 array (n_sectors, rows, cols)
        Degrees above the horizontal, at least 0 (terrain below the horizontal hides no sun); NaN at voids
        and outside the mask.

    Notes
    -----
    Exact for the surface that is linear between pixel centres along rows and columns, up to float32
    rounding (0.001° at 30 m) and the use of one metric per block of 16 x 64 pixels.
    """
    surface, wanted = surface_and_mask(elevation, grid, mask)
    if n_sectors < 1 or radius <= 0.0:
        raise OptionError(
            f"n_sectors is {n_sectors} and radius {radius}; give at least one sector and a positive radius"
        )
    blocks = mask_blocks(wanted, grid)
    centres, bend = block_centres(blocks, grid)
    out = np.full((n_sectors, *surface.shape), np.nan, dtype=np.float32)
    if blocks.size:
        _horizon(
            surface, highest_around(surface), wanted, blocks, centres,
            sector_azimuths(n_sectors), step_limit(centres, radius), radius,
            0.5 / EARTH_RADIUS if curvature else 0.0, bend, out,
        )  # fmt: skip
    return out


def surface_and_mask(
    elevation: npt.NDArray[Any], grid: Grid, mask: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Elevation in float32 and the mask of wanted pixels (those given that are not void)."""
    surface = np.ascontiguousarray(prepared(elevation, grid), dtype=np.float32)
    if mask is None:
        return surface, ~np.isnan(surface)
    if mask.shape != surface.shape:
        raise OptionError(f"the mask has shape {mask.shape} but the elevation {surface.shape}")
    return surface, np.ascontiguousarray(mask, dtype=np.bool_) & ~np.isnan(surface)
