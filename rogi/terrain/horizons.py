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
from rogi.terrain.rays import CELL, GROUP, LANES, ceilings, highest_around, march, ray_steps

if TYPE_CHECKING:
    import numpy.typing as npt

#: Block for which one table of ray steps holds, in pixels of the whole raster: within it the metric changes
#: by less than 1e-4 (30 m pixels, below latitude 70°), far less than a horizon angle can show.
BLOCK_ROWS = 16
BLOCK_COLS = 64

#: Default search radius in metres. Against 40 km the annual total changes by at most 0.12 % at any pixel of
#: two real mountain tiles; with 10 km by 0.5 %, with 5 km by 1.7 % (docs/methods/terrain.md).
SEARCH_RADIUS = 25_000.0

#: Beyond this latitude the series for geodesics on a geographic grid is not used (meridians converge).
MAX_BEND_LATITUDE = 88.0


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
    """Tangents (rays, BLOCK_ROWS, BLOCK_COLS + LANES) of the horizons, at least 0, of the spans of one block.

    `spans` (BLOCK_ROWS, 2) are first and last + 1 column of the wanted pixels of each row in the window;
    `top`, `left` the block's corner in the window (negative where the window cuts the block).
    """
    lowest = np.empty(BLOCK_COLS // CELL, dtype=np.float32)
    smallest = np.empty_like(lowest)
    limits = np.empty((2, inverse.shape[1] // GROUP + 1), dtype=np.float32)
    first, last, begin, end = BLOCK_ROWS, 0, left + BLOCK_COLS, left
    for i in range(BLOCK_ROWS):
        if spans[i, 1] > spans[i, 0]:
            first, last = min(first, i), i + 1
            begin, end = min(begin, spans[i, 0]), max(end, spans[i, 1])
    for ray in range(counts.size):
        ceilings(highest, top + first, top + last, begin, end, counts[ray], offsets[ray], limits)
        for i in range(BLOCK_ROWS):
            start, stop = spans[i, 0], spans[i, 1]
            if stop <= start:
                continue
            tangent = tangents[ray, i, start - left :]
            tangent[:] = np.float32(0.0)
            march(
                elevation, highest, limits, top + i, start, stop - start, tangent, lowest, smallest,
                counts[ray], offsets[ray], weights[ray], inverse[ray], drop[ray],
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
    tangents = np.zeros((rays, BLOCK_ROWS, BLOCK_COLS + LANES), dtype=np.float32)
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
    surface, wanted = surface_and_mask(elevation, grid, mask)
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


def surface_and_mask(
    elevation: npt.ArrayLike, grid: Grid, mask: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Elevation in float32 and the mask of wanted pixels (those given that are not void)."""
    surface = np.ascontiguousarray(prepared(elevation, grid), dtype=np.float32)
    if mask is None:
        return surface, ~np.isnan(surface)
    if mask.shape != surface.shape:
        raise OptionError(f"The mask has shape {mask.shape} but the elevation {surface.shape}.")
    return surface, np.ascontiguousarray(mask, dtype=np.bool_) & ~np.isnan(surface)
