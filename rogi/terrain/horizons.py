"""Horizon angles of an elevation raster, exact along every ray and independent of the window.

Every pixel looks along the geodesic of each azimuth and keeps the steepest sight line to the terrain within
the search radius (`rogi.terrain.rays`). Its horizon depends on the terrain within the radius alone, not on
the window, mask or order in which it is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rogi.errors import OptionError
from rogi.terrain.gradient import arctan, prepared
from rogi.terrain.grid import EARTH_RADIUS, Grid, Metric
from rogi.terrain.rays import GROUP, LANES, highest_around, march, ray_steps

if TYPE_CHECKING:
    import numpy.typing as npt

#: Block for which one table of ray steps holds, in pixels of the whole raster: within it the metric changes
#: by less than 1e-4 (30 m pixels, below latitude 70°), far less than a horizon angle can show.
BLOCK_ROWS = 16
BLOCK_COLS = 64

#: Runs of a block at most.
RUNS = BLOCK_ROWS * (BLOCK_COLS // LANES)

#: Default search radius in metres. Against 40 km the annual total changes by at most 0.12 % at any pixel of
#: two real mountain tiles; with 10 km by 0.5 %, with 5 km by 1.7 % (docs/methods/terrain.md).
SEARCH_RADIUS = 25_000.0

#: Beyond this latitude the series for geodesics on a geographic grid is not used (meridians converge).
MAX_BEND_LATITUDE = 88.0


@njit(cache=True, nogil=True, error_model="numpy")
def block_horizons(
    elevation: npt.NDArray[np.float32],
    highest: npt.NDArray[np.float32],
    runs: npt.NDArray[np.int64],
    number: int,
    lowest: npt.NDArray[np.float32],
    counts: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int32],
    weights: npt.NDArray[np.float32],
    inverse: npt.NDArray[np.float32],
    drop: npt.NDArray[np.float32],
    level: npt.NDArray[np.float32],
    tangents: npt.NDArray[np.float32],
) -> None:
    """Tangents (RUNS, rays, LANES) of the horizons, at least 0, of the `block_runs` of one block."""
    order = np.empty(inverse.shape[1] // GROUP, dtype=np.int64)
    bounds, least = np.empty(order.size, dtype=np.float32), np.empty(RUNS, dtype=np.float32)
    for ray in range(counts.size):
        for n in range(number):
            tangents[n, ray] = level[n]
        march(
            elevation, highest, runs, number, lowest, tangents, ray,
            counts[ray], offsets[ray], weights[ray], inverse[ray], drop[ray], order, bounds, least,
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
def block_runs(
    elevation: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    corner: tuple[int, int],
    top: int,
    left: int,
    runs: npt.NDArray[np.int64],
    lowest: npt.NDArray[np.float32],
    level: npt.NDArray[np.float32],
) -> int:
    """Cut the wanted pixels of a block into runs of `LANES` of a row, each from a wanted one on.

    `mask` is of the part of the window that begins at `corner`; no wanted pixel is void. Fills row and first
    column of each in the window (RUNS, 2), its lowest wanted ground (RUNS), and tangents to start from
    (RUNS, LANES): 0, and infinite where a pixel is not wanted. Returns how many there are.
    """
    number = 0
    for r in range(max(top, corner[0]), min(top + BLOCK_ROWS, corner[0] + mask.shape[0])):
        beyond = max(left, corner[1])
        for c in range(beyond, min(left + BLOCK_COLS, corner[1] + mask.shape[1])):
            if not mask[r - corner[0], c - corner[1]]:
                continue
            if c >= beyond:
                runs[number, 0], runs[number, 1] = r, c
                lowest[number], level[number] = elevation[r, c], np.float32(np.inf)
                number, beyond = number + 1, c + LANES
            level[number - 1, c - runs[number - 1, 1]] = np.float32(0.0)
            lowest[number - 1] = min(lowest[number - 1], elevation[r, c])
    return number


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
    tangents = np.zeros((RUNS, rays, LANES), dtype=np.float32)
    runs, lowest = np.zeros((RUNS, 2), dtype=np.int64), np.zeros(RUNS, dtype=np.float32)
    level = np.zeros((RUNS, LANES), dtype=np.float32)
    known = np.full(5, np.nan)
    for b in range(blocks.shape[0]):
        number = block_runs(elevation, mask, (0, 0), blocks[b, 0], blocks[b, 1], runs, lowest, level)
        if not np.all(known == centres[b]):
            known[:] = centres[b]
            block_steps(known, azimuths, radius, curvature, bend, counts, offsets, weights, inverse, drop)
        block_horizons(
            elevation, highest, runs, number, lowest, counts, offsets, weights, inverse, drop, level, tangents
        )
        for ray in range(rays):
            for n in range(number):
                for i in range(LANES):
                    if level[n, i] == 0.0:
                        angle = arctan(float(tangents[n, ray, i])) * 57.29577951308232
                        out[ray, runs[n, 0], runs[n, 1] + i] = angle


@njit(cache=True, nogil=True)
def _marked(mask: npt.NDArray[np.bool_], top: int, left: int, found: npt.NDArray[np.bool_]) -> None:
    rows, cols = mask.shape
    for r in range(rows):
        row, target = mask[r], found[(r - top) // BLOCK_ROWS]
        for block in range(target.size):
            start = left + block * BLOCK_COLS
            some = False
            for c in range(max(start, 0), min(start + BLOCK_COLS, cols)):
                some |= row[c]
            target[block] |= some


def mask_blocks(mask: npt.NDArray[np.bool_], grid: Grid) -> npt.NDArray[np.int64]:
    """Corners, in the window, of the blocks of the whole raster that hold wanted pixels, in row order."""
    top, left = -(grid.row_offset % BLOCK_ROWS), -(grid.col_offset % BLOCK_COLS)
    size = -(-(mask.shape[0] - top) // BLOCK_ROWS), -(-(mask.shape[1] - left) // BLOCK_COLS)
    found = np.zeros(size, dtype=np.bool_)
    _marked(mask, top, left, found)
    rows, cols = np.nonzero(found)
    return np.stack([top + rows * BLOCK_ROWS, left + cols * BLOCK_COLS], axis=1).astype(np.int64)


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
            f"Horizons are computed up to latitude {MAX_BEND_LATITUDE:g} on geographic grids; "
            "warp the DEM to a polar projection."
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
    elevation: npt.ArrayLike,
    grid: Grid,
    *,
    n_sectors: int = 64,
    azimuths: npt.ArrayLike | None = None,
    radius: float = SEARCH_RADIUS,
    curvature: bool = True,
    mask: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.float32]:
    """Elevation angle of the terrain horizon in equally spaced or given azimuths.

    Parameters
    ----------
    elevation : array_like (rows, cols)
        Metres, void as for `slope`; heights are taken as float32. Voids and the outside of the window hide
        nothing: give the window a halo (`rogi.terrain.required_halo`).
    grid : Grid
        Grid of the same window.
    n_sectors : int
        Number of azimuths; the k-th is k 360 / n_sectors degrees clockwise from true north.
    azimuths : array_like, optional
        Azimuths to use instead, degrees clockwise from true north.
    radius : float
        Search radius in metres on the ground.
    curvature : bool
        Lower the terrain at distance s by s² / 2R (R = 6,371,008.8 m). No refraction.
    mask : bool array (rows, cols), optional
        Pixels to compute; all by default.

    Returns
    -------
    float32 array (azimuths, rows, cols)
        Degrees above the horizontal, at least 0 (terrain below the horizontal hides no sun); NaN at voids
        and outside the mask.

    Notes
    -----
    Exact for the surface that is linear between pixel centres along rows and columns, up to float32
    rounding (0.001° at 30 m) and the use of one metric per block of 16 x 64 pixels.

    Examples
    --------
    >>> wall = np.zeros((3, 5))
    >>> wall[:, 4] = 100.0  # 100 m high, 100 m east of the middle
    >>> grid = Grid((50.0, 0.0, 0.0, 0.0, -50.0, 0.0), wall.shape)
    >>> horizon(wall, grid, azimuths=[90.0, 270.0])[:, 1, 2].round(2)
    array([45.,  0.], dtype=float32)
    """
    surface = float_surface(elevation, grid)
    wanted = wanted_pixels(mask, surface)
    if n_sectors < 1 or radius <= 0.0:
        raise OptionError(
            "Horizons need at least one sector and a positive radius; "
            f"found n_sectors {n_sectors} and radius {radius}."
        )
    blocks = mask_blocks(wanted, grid)
    centres, bend = block_centres(blocks, grid)
    turns = sector_azimuths(n_sectors)
    if azimuths is not None:
        turns = np.radians(np.atleast_1d(np.asarray(azimuths, dtype=np.float64)))
    out = np.full((turns.size, *surface.shape), np.nan, dtype=np.float32)
    if blocks.size:
        _horizon(
            surface, highest_around(surface), wanted, blocks, centres,
            turns, step_limit(centres, radius), radius,
            0.5 / EARTH_RADIUS if curvature else 0.0, bend, out,
        )  # fmt: skip
    return out


def float_surface(elevation: npt.ArrayLike, grid: Grid) -> npt.NDArray[np.float32]:
    """Elevation in float32, NaN where void."""
    return np.ascontiguousarray(prepared(elevation, grid), dtype=np.float32)


def wanted_pixels(
    mask: npt.NDArray[np.bool_] | None, surface: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]:
    """Which pixels are wanted and not void; all that are not without a mask."""
    if mask is None:
        return ~np.isnan(surface)
    if mask.shape != surface.shape:
        raise OptionError(f"The mask has shape {mask.shape} but the elevation {surface.shape}.")
    return np.ascontiguousarray(mask, dtype=np.bool_) & ~np.isnan(surface)
