"""Potential incoming solar radiation after Kumar et al. (1997), with terrain horizons."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from rogi.errors import OptionError
from rogi.terrain.atmosphere import TURBIDITY_CELLS, Atmosphere, linke_turbidity
from rogi.terrain.gradient import SlopeMethod, arctan, ground_gradient
from rogi.terrain.grid import EARTH_RADIUS
from rogi.terrain.horizons import (
    BLOCK_COLS,
    BLOCK_ROWS,
    RUNS,
    block_centres,
    block_horizons,
    block_runs,
    block_steps,
    float_surface,
    mask_blocks,
    sector_azimuths,
    step_limit,
    wanted_pixels,
)
from rogi.terrain.parameters import RadiationParameters, Sky
from rogi.terrain.rays import GROUP, LANES, highest_around
from rogi.terrain.suntable import (
    ELEVATION_SPACING,
    ELEVATIONS,
    HORIZON_STEPS,
    LATITUDE_SPACING,
    paired_tables,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from rogi.terrain.grid import Grid

_LOWEST = float(ELEVATIONS[0])


class SolarRadiation(NamedTuple):
    """Components of potential incoming solar radiation and the sky-view factor they were computed with.

    Attributes
    ----------
    direct, diffuse, reflected : float32 arrays (rows, cols)
        kWh m-2 over the period (a year unless told), on the inclined surface; NaN outside the mask.
    sky_view : float32 array (rows, cols)
        Share of the sky seen, 0-1: cos²(S/2) or the sky-view factor.
    """

    direct: npt.NDArray[np.float32]
    diffuse: npt.NDArray[np.float32]
    reflected: npt.NDArray[np.float32]
    sky_view: npt.NDArray[np.float32]

    @property
    def total(self) -> npt.NDArray[np.float32]:
        """Sum of the three components, kWh m-2."""
        return self.direct + self.diffuse + self.reflected


@njit(cache=True, nogil=True, error_model="numpy")
def _pixel(
    tangents: npt.NDArray[np.float32],
    east: float,
    north: float,
    sines: npt.NDArray[np.float64],
    cosines: npt.NDArray[np.float64],
    table: npt.NDArray[np.float32],
    sums: npt.NDArray[np.float64],
    places: npt.NDArray[np.int64],
    shares: npt.NDArray[np.float64],
    sky: bool,
) -> float:
    """Sum the look-ups of all sectors in `sums` (12); return the sky-view factor (0 unless asked).

    `places` and `shares` are scratch, one for each sector.
    """
    width, view = 12, 0.0
    flat = table.reshape(-1)
    stride = (HORIZON_STEPS + 1) * width
    # Two loops, each of which vectorises: five times as fast as one.
    for k in range(tangents.size):
        # The pixel's own plane is a horizon too; the dot product is its rise toward the sector.
        rise = east * sines[k] + north * cosines[k]
        t = float(tangents[k])
        t = t if t > rise else rise
        x = t / np.sqrt(1.0 + t * t) * HORIZON_STEPS
        j = min(int(x), HORIZON_STEPS - 1)
        places[k] = k * stride + j * width
        shares[k] = x - j
    sums[:] = 0.0
    for k in range(tangents.size):
        f, place = shares[k], np.uint64(places[k])
        for q in range(np.uint64(width)):
            low = flat[place + q]
            sums[q] += low + f * (flat[place + np.uint64(width) + q] - low)
    if sky:
        for k in range(tangents.size):
            rise = east * sines[k] + north * cosines[k]
            t = max(float(tangents[k]), rise)
            square = 1.0 + t * t
            view += (1.0 - rise * (1.5707963267948966 - arctan(t)) * square + rise * t) / square
        view /= tangents.size * np.sqrt(1.0 + east * east + north * north)
    return float(view)


@njit(cache=True, nogil=True, error_model="numpy")
def _radiation(
    elevation: npt.NDArray[np.float32],
    highest: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    blocks: npt.NDArray[np.int64],
    nodes: npt.NDArray[np.float64],
    first: int,
    spacing: int,
    column: int,
    centres: npt.NDArray[np.float64],
    azimuths: npt.NDArray[np.float64],
    steps: int,
    radius: float,
    curvature: float,
    bend: bool,
    shading: bool,
    horn: bool,
    sky: bool,
    band: float,
    first_step: int,
    direct_table: npt.NDArray[np.float32],
    level_table: npt.NDArray[np.float64],
    corner: tuple[int, int],
    out: npt.NDArray[np.float32],
) -> None:
    rows = elevation.shape[0]
    rays = azimuths.size
    sines, cosines = np.sin(azimuths), np.cos(azimuths)
    counts = np.zeros(rays, dtype=np.int64)
    offsets = np.zeros((rays, steps, 4), dtype=np.int32)
    weights = np.zeros((rays, steps), dtype=np.float32)
    inverse, drop = np.zeros_like(weights), np.zeros_like(weights)
    tangents = np.zeros((RUNS, rays, LANES), dtype=np.float32)
    runs, lowest = np.zeros((RUNS, 2), dtype=np.int64), np.zeros(RUNS, dtype=np.float32)
    level = np.zeros((RUNS, LANES), dtype=np.float32)
    own = np.zeros(rays, dtype=np.float32)
    east, north = np.empty(LANES), np.empty(LANES)
    sums, around = np.empty(12), np.empty(4)
    places, shares = np.empty(rays, dtype=np.int64), np.empty(rays)
    known = np.full(5, np.nan)
    for b in range(blocks.shape[0]):
        number = block_runs(elevation, mask, corner, blocks[b, 0], blocks[b, 1], runs, lowest, level)
        if shading:
            if not np.all(known == centres[b]):
                known[:] = centres[b]
                block_steps(known, azimuths, radius, curvature, bend, counts, offsets, weights, inverse, drop)
            block_horizons(
                elevation, highest, runs, number, lowest,
                counts, offsets, weights, inverse, drop, level, tangents,
            )  # fmt: skip
        for n in range(number):
            r, start = runs[n, 0], runs[n, 1]
            if r < 1 or r >= rows - 1:
                continue
            stop = min(start + LANES, elevation.shape[1])
            ground_gradient(
                elevation[r - 1], elevation[r], elevation[r + 1],
                nodes[r], first, spacing, column, start, stop, horn, east, north,
            )  # fmt: skip
            for c in range(start, stop):
                ge, gn = east[c - start], north[c - start]
                if level[n, c - start] != 0.0 or np.isnan(ge):
                    continue
                node = (column + c - first) // spacing
                t = (column + c - first - node * spacing) / spacing
                latitude = nodes[r, node, 4] + t * (nodes[r, node + 1, 4] - nodes[r, node, 4])
                y = latitude / LATITUDE_SPACING - band
                z = (float(elevation[r, c]) - _LOWEST) / ELEVATION_SPACING
                step = min(max(int(z) - first_step, 0), direct_table.shape[0] - 1)
                z = min(max(z - (step + first_step), 0.0), 1.0)
                around[0], around[1] = (1.0 - y) * (1.0 - z), (1.0 - y) * z
                around[2], around[3] = y * (1.0 - z), y * z
                for k in range(rays):
                    own[k] = tangents[n, k, c - start]
                view = _pixel(own, ge, gn, sines, cosines, direct_table[step], sums, places, shares, sky)
                norm = 1.0 / np.sqrt(1.0 + ge * ge + gn * gn)
                if not sky:
                    view = 0.5 + 0.5 * norm  # cos²(S/2)
                direct, diffuse, reflected = 0.0, 0.0, 0.0
                for q in range(4):
                    vector = -ge * sums[3 * q] - gn * sums[3 * q + 1] + sums[3 * q + 2]
                    direct += around[q] * norm * vector
                    diffuse += around[q] * level_table[step, 0, q]
                    reflected += around[q] * level_table[step, 1, q]
                i, j = r - corner[0], c - corner[1]
                first_part = np.float32(max(direct, 0.0))
                second_part = np.float32(diffuse * view)
                third_part = np.float32(reflected * (1.0 - view))
                if out.shape[0] == 1:
                    out[0, i, j] = first_part + second_part + third_part
                else:
                    out[0, i, j], out[1, i, j], out[2, i, j] = first_part, second_part, third_part
                    out[3, i, j] = view


@njit(cache=True, nogil=True, error_model="numpy")
def _heights(
    elevation: npt.NDArray[np.float32],
    mask: npt.NDArray[np.bool_],
    corner: tuple[int, int],
    blocks: npt.NDArray[np.int64],
) -> tuple[np.float32, np.float32]:
    """Lowest and highest elevation of the wanted pixels."""
    low, high = np.float32(np.inf), np.float32(-np.inf)
    for top, left in blocks:
        for r in range(max(top, corner[0]), min(top + BLOCK_ROWS, corner[0] + mask.shape[0])):
            for c in range(max(left, corner[1]), min(left + BLOCK_COLS, corner[1] + mask.shape[1])):
                if mask[r - corner[0], c - corner[1]]:
                    low, high = min(low, elevation[r, c]), max(high, elevation[r, c])
    return low, high


def solar_radiation(
    elevation: npt.ArrayLike,
    grid: Grid,
    *,
    mask: npt.NDArray[np.bool_] | None = None,
    parameters: RadiationParameters | None = None,
    threads: int = 1,
) -> SolarRadiation:
    """Direct, diffuse and reflected potential solar radiation of the wanted pixels.

    Parameters, errors and notes as for `potential_incoming_solar_radiation`.

    Examples
    --------
    >>> from rogi.terrain import Grid
    >>> level = np.ma.masked_less(np.array([[4500.0] * 3] * 3), 0.0)
    >>> grid = Grid((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), level.shape, latitude=33.0)
    >>> found = solar_radiation(level, grid)
    >>> float(found.sky_view[1, 1]), float(found.reflected[1, 1])
    (1.0, 0.0)
    """
    surface = float_surface(elevation, grid)
    wanted = wanted_pixels(mask, surface)
    return SolarRadiation(*_computed(surface, grid, wanted, (0, 0), parameters, threads, 4))


def _computed(
    surface: npt.NDArray[np.float32],
    grid: Grid,
    mask: npt.NDArray[np.bool_],
    corner: tuple[int, int],
    parameters: RadiationParameters | None,
    threads: int,
    planes: int,
) -> npt.NDArray[np.float32]:
    """Of the part of the window that begins at `corner` and has a mask: the total (1, rows, cols).

    With four planes direct, diffuse, reflected radiation and sky view.
    """
    chosen = parameters or RadiationParameters()
    out = np.full((planes, *mask.shape), np.nan, dtype=np.float32)
    blocks = mask_blocks(mask, grid.window(*corner, mask.shape)) + np.array(corner)
    if blocks.size == 0:
        return out
    metric = grid.metric()
    centres, bend = block_centres(blocks, grid)
    if not np.isfinite(centres[:, 4]).all():
        raise OptionError(
            "Solar radiation needs the latitude; give the grid a CRS, or a latitude if it is planar."
        )
    radius = chosen.search_radius if chosen.shading else 0.0
    highest = highest_around(surface) if chosen.shading else np.empty((0, 0), dtype=np.float32)
    step = (np.array(_heights(surface, mask, corner, blocks)) - _LOWEST) / ELEVATION_SPACING
    first_step, last_step = (int(k) for k in np.clip(step, 0, ELEVATIONS.size - 2))
    # A block takes its tables from the latitude band, and the turbidity from the cell, of its centre.
    band = np.floor(centres[:, 4] / LATITUDE_SPACING).astype(np.int64)
    skies = [chosen]
    sky = np.zeros(band.size, dtype=np.int64)
    if chosen.atmosphere is Atmosphere.INEICHEN and not chosen.linke_turbidity:
        turbidities, sky = _turbidities(blocks, grid)
        skies = [replace(chosen, linke_turbidity=values) for values in turbidities]
    for number, kind in np.unique(np.stack([band, sky], axis=1), axis=0):
        members = np.flatnonzero((band == number) & (sky == kind))
        tables = paired_tables(int(number), first_step, last_step, skies[kind])

        def compute(
            part: npt.NDArray[np.int64],
            number: int = int(number),
            tables: tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]] = tables,
        ) -> None:
            _radiation(
                surface, highest, mask, blocks[part], metric.nodes, metric.first, metric.spacing,
                grid.col_offset, centres[part], sector_azimuths(chosen.n_sectors),
                step_limit(centres[part], radius) if radius else GROUP, radius,
                0.5 / EARTH_RADIUS if chosen.curvature else 0.0, bend, chosen.shading,
                chosen.slope_method is SlopeMethod.HORN, chosen.sky is Sky.HORIZON, float(number),
                first_step, *tables, corner, out,
            )  # fmt: skip

        # Blocks are independent, so the number of threads changes nothing but the time.
        parts = np.array_split(members, min(members.size, 4 * threads)) if threads > 1 else [members]
        with ThreadPoolExecutor(max(threads, 1)) as pool:
            list(pool.map(compute, parts))
    return out


def _turbidities(
    blocks: npt.NDArray[np.int64], grid: Grid
) -> tuple[list[tuple[float, ...]], npt.NDArray[np.int64]]:
    """Linke turbidities of the months at the centres of blocks, each once, and which block has which."""
    places = grid.lonlat(blocks[:, 0] + BLOCK_ROWS // 2, blocks[:, 1] + BLOCK_COLS // 2)
    if places is None:
        raise OptionError(
            "A planar grid has no longitude to look up the Linke turbidity; "
            "give linke_turbidity, or the grid's CRS."
        )
    cell = (np.floor(np.stack(places, axis=1) * TURBIDITY_CELLS) + 0.5) / TURBIDITY_CELLS
    cells, index = np.unique(cell, axis=0, return_inverse=True)
    months = [linke_turbidity(float(latitude), float(longitude)) for longitude, latitude in cells]
    kinds = sorted(set(months))
    return kinds, np.array([kinds.index(values) for values in months])[index.ravel()]


def potential_incoming_solar_radiation(
    elevation: npt.ArrayLike,
    grid: Grid,
    *,
    mask: npt.NDArray[np.bool_] | None = None,
    parameters: RadiationParameters | None = None,
    threads: int = 1,
) -> npt.NDArray[np.float32]:
    """Potential (clear-sky) incoming solar radiation on the inclined surface, kWh m-2 a-1.

    Parameters
    ----------
    elevation : array_like (rows, cols)
        Metres, void as for `slope`; computed in float32.
    grid : Grid
        Grid of the same window. Latitude is taken per row (per pixel on projected grids).
    mask : bool array (rows, cols), optional
        Pixels to compute; all by default. Those nearer to the window's edge than `required_halo` get a
        value too, but terrain outside the window hides no sun from them.
    parameters : RadiationParameters, optional
        All choices; their defaults are documented there.
    threads : int
        Threads that share the work; the result does not depend on it.

    Returns
    -------
    float32 array (rows, cols)
        Sum of direct, diffuse and reflected radiation; NaN outside the mask, at voids and next to them, and
        on the outermost ring of the window.

    Raises
    ------
    OptionError
        If the shapes differ, or the latitude of a planar grid is not known.

    Notes
    -----
    Formulas: Kumar et al. (1997), `rogi.terrain.sun`; other clear skies: `rogi.terrain.atmosphere`.
    The value of a pixel depends on the terrain within the halo only, to the last bit.

    Examples
    --------
    >>> from rogi.terrain import Grid
    >>> level = np.full((3, 3), 4500.0)
    >>> grid = Grid((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), level.shape, latitude=33.0)
    >>> float(potential_incoming_solar_radiation(level, grid)[1, 1].round())
    2637.0
    """
    surface = float_surface(elevation, grid)
    wanted = wanted_pixels(mask, surface)
    return _computed(surface, grid, wanted, (0, 0), parameters, threads, 1).reshape(grid.shape)


def radiation_within(
    elevation: npt.ArrayLike,
    grid: Grid,
    mask: npt.NDArray[np.bool_],
    corner: tuple[int, int],
    parameters: RadiationParameters,
) -> npt.NDArray[np.float32]:
    """As `potential_incoming_solar_radiation`, of the part of the window that a mask at `corner` covers.

    No pixel of the mask is void.
    """
    surface = float_surface(elevation, grid)
    return _computed(surface, grid, mask, corner, parameters, 1, 1).reshape(mask.shape)


def required_halo(grid: Grid, parameters: RadiationParameters | None = None) -> tuple[int, int]:
    """Rows and columns around the wanted pixels that influence them.

    Parameters
    ----------
    grid : Grid
        Grid of the wanted pixels.
    parameters : RadiationParameters, optional
        Search radius and shading are used.

    Returns
    -------
    tuple of int
        Rows to read above and below, columns to read left and right.

    Examples
    --------
    >>> from rogi.terrain import Grid
    >>> required_halo(Grid((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), (100, 100)))
    (844, 844)
    """
    chosen = parameters or RadiationParameters()
    if not chosen.shading:
        return 1, 1
    # The metric is extreme at the corners. One block at a time: a block is small, the raster may be large.
    rows, cols = grid.shape
    corners = np.array([(0, 0), (0, cols - 1), (rows - 1, 0), (rows - 1, cols - 1)])
    size = np.array([BLOCK_ROWS, BLOCK_COLS])
    offset = np.array([grid.row_offset, grid.col_offset])
    blocks = (corners + offset) // size * size - offset
    metrics = np.concatenate([block_centres(block[None], grid)[0] for block in blocks])
    a, b, c, d, latitude = metrics.T
    determinant = np.abs(a * d - b * c)
    # Longest shift in rows and columns per metre in any direction, and how much geodesics bend.
    per_metre = np.nanmax([np.hypot(a, c) / determinant, np.hypot(b, d) / determinant], axis=1)
    steepest = np.tan(np.radians(np.minimum(np.nanmax(np.abs(latitude), initial=0.0), 89.0)))
    bend = 1.0 + (chosen.search_radius * steepest / EARTH_RADIUS if grid.is_geographic else 0.01)
    halo = np.ceil(chosen.search_radius * bend * per_metre).astype(int) + 2
    return int(halo[0]), int(halo[1])
