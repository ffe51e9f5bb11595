"""Slope, aspect, horizons and a year of solar radiation: pixels per second, with ratios to plain ways.

All on one seeded fractal elevation model at 30 m; CPU seconds of one thread, the best of several runs.

    python benchmarks/terrain.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import measure
import numpy as np
from numba import njit

from rogi import terrain
from rogi.terrain import sun
from rogi.terrain.grid import EARTH_RADIUS
from rogi.terrain.suntable import suns

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "terrain"))
from terrain_oracles import bilinear, fractal, marched_direct

SIZE = 2400
CELL = 30.0
LATITUDE = 33.0


def seconds(function: Callable[[], object], runs: int = 3) -> float:
    """Least CPU time of the runs, after one to warm up."""
    function()
    best = np.inf
    for _ in range(runs):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return best


def numpy_slope_aspect(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Horn's slope and aspect in whole-array operations."""
    nw, n, ne = z[:-2, :-2], z[:-2, 1:-1], z[:-2, 2:]
    w, e = z[1:-1, :-2], z[1:-1, 2:]
    sw, s, se = z[2:, :-2], z[2:, 1:-1], z[2:, 2:]
    east = ((ne + 2 * e + se) - (nw + 2 * w + sw)) / (8 * CELL)
    north = ((nw + 2 * n + ne) - (sw + 2 * s + se)) / (8 * CELL)
    return np.degrees(np.arctan(np.hypot(east, north))), np.degrees(np.arctan2(-east, -north)) % 360


def main() -> None:
    # Mean slope 22° and mean horizon 14°: high mountains.
    z = fractal(SIZE, 1200.0, 1, roughness=1.8)
    planar = terrain.Grid((CELL, 0.0, 0.0, 0.0, -CELL, 0.0), z.shape, latitude=LATITUDE)
    degrees = terrain.Grid((1 / 3600, 0.0, 90.0, 0.0, -1 / 3600, LATITUDE + 0.33), z.shape, "EPSG:4326")
    utm = terrain.Grid((CELL, 0.0, 4e5, 0.0, -CELL, 3.7e6), z.shape, "EPSG:32645")
    mega = z.size / 1e6
    rows: list[tuple[object, ...]] = [("step", "million pixels / s", "ratio", "to")]

    plain = seconds(lambda: numpy_slope_aspect(z.astype(np.float64)))
    rows.append(("slope and aspect, numpy float64", f"{mega / plain:.1f}", "1", ""))
    for label, grid in (("planar", planar), ("geographic", degrees), ("UTM", utm)):
        own = seconds(lambda grid=grid: (terrain.slope(z, grid), terrain.aspect(z, grid)))
        rows.append((f"slope and aspect, {label}", f"{mega / own:.1f}", f"{plain / own:.1f}", "numpy"))

    # A square in the middle, and 60 small squares like units of an inventory.
    middle = np.zeros(z.shape, dtype=bool)
    middle[1000:1256, 1000:1256] = True
    units = np.zeros(z.shape, dtype=bool)
    for r, c in np.random.default_rng(2).integers(900, 1480, (60, 2)):
        units[r : r + 12, c : c + 12] = True
    # The same work on few pixels, so that what is done once per window drops out.
    one = np.zeros(z.shape, dtype=bool)
    one[1200, 1200] = True

    def per_pixel(function: Callable[[np.ndarray], object], mask: np.ndarray) -> float:
        return (seconds(lambda: function(mask)) - seconds(lambda: function(one))) / mask.sum()

    azimuths = np.arange(8) * 45.0 + 11.0
    cropped = (slice(100, 2300), slice(100, 2300))
    view, window = np.ascontiguousarray(z[cropped]), planar.window(100, 100, (2200, 2200))

    def horizons(mask: np.ndarray) -> object:
        return terrain.horizon(view, window, azimuths=azimuths, mask=mask[cropped])

    def plain_horizon() -> float:
        """Every sample of the same rays, one pixel apart, in a compiled loop: seconds per pixel and ray."""
        z64, total = view.astype(np.float64), 40
        march(z64, 1100, 1100, 0.1, 2)
        start = time.process_time()
        for k in range(total):
            for azimuth in azimuths:
                march(z64, 1000 + k, 1050, float(np.radians(azimuth)), 833)
        return (time.process_time() - start) / total / azimuths.size

    naive = plain_horizon()
    rows.append(("horizon, per direction, every sample", f"{1e-6 / naive:.3f}", "1", ""))
    for label, mask in (("square", middle), ("units of 12 x 12", units)):
        own = per_pixel(horizons, mask) / azimuths.size
        rows.append(
            (f"horizon, per direction, {label}", f"{1e-6 / own:.2f}", f"{naive / own:.0f}", "every sample")
        )

    # A year with and without horizons
    hourly = terrain.RadiationParameters(time_step=60.0)
    year = suns(LATITUDE, hourly)
    pixels = np.argwhere(middle)[:: middle.sum() // 60][:60]
    r, c = pixels.T
    s = np.radians(terrain.slope(z, planar).astype(np.float64))[r, c]
    f = np.radians(np.nan_to_num(terrain.aspect(z, planar)).astype(np.float64))[r, c]
    normals = np.stack([np.sin(s) * np.sin(f), np.sin(s) * np.cos(f), np.cos(s)], axis=1)

    def exact(chosen: terrain.RadiationParameters, radius: float) -> np.ndarray:
        positions = suns(LATITUDE, chosen)
        pressure = sun.relative_pressure(z[r, c].astype(np.float64))[:, None]
        beam = sun.beam_transmittance(sun.air_mass(positions.vector[:, 2])[None] * pressure)
        energy = positions.irradiance * positions.hours * beam
        return np.asarray(
            marched_direct(
                z.astype(np.float64), CELL, pixels, normals, positions.vector, energy, radius, CELL,
                0.5 / EARTH_RADIUS,
            )
        )  # fmt: skip

    exact(terrain.RadiationParameters(first_day=1, last_day=1), 100.0)
    start = time.process_time()
    exact(hourly, 25_000.0)
    marched = (time.process_time() - start) / len(pixels)
    rows.append((f"year, shaded, march of {len(year.hours)} hourly suns", f"{1e-6 / marched:.5f}", "1", ""))
    reference = exact(terrain.RadiationParameters(time_step=10.0), 25_000.0)
    for label, grid in (("planar", planar), ("geographic", degrees), ("UTM", utm)):
        for sectors in (36, 64):
            chosen = terrain.RadiationParameters(n_sectors=sectors)
            for where, mask in (("square", middle), ("units", units)):
                own = per_pixel(
                    lambda m, g=grid, p=chosen: terrain.solar_radiation(z, g, mask=m, parameters=p), mask
                )
                rows.append(
                    (f"year, shaded, {label}, {sectors} sectors, {where}", f"{1e-6 / own:.3f}",
                     f"{marched / own:.0f}", "hourly march")
                )  # fmt: skip
    free = terrain.RadiationParameters(shading=False)
    own = per_pixel(lambda m: terrain.solar_radiation(z, planar, mask=m, parameters=free), middle)
    rows.append(
        (
            "year, own slope only, planar, 64 sectors",
            f"{1e-6 / own:.2f}",
            f"{marched / own:.0f}",
            "hourly march",
        )
    )
    measure.table(rows)

    print()
    table: list[tuple[object, ...]] = [("sectors", "step, min", "radius, km", "RMSE", "bias", "largest")]
    mask = np.zeros(z.shape, dtype=bool)
    mask[r, c] = True
    for sectors, step, radius in (
        (16, 10, 25), (36, 60, 25), (36, 10, 25), (64, 60, 25), (64, 10, 25), (64, 2, 25), (128, 10, 25),
        (64, 10, 10), (64, 10, 5),
    ):  # fmt: skip
        chosen = terrain.RadiationParameters(n_sectors=sectors, time_step=step, search_radius=1000.0 * radius)
        found = terrain.solar_radiation(z, planar, mask=mask, parameters=chosen)
        rest = (found.diffuse + found.reflected)[r, c].astype(np.float64)
        error = (found.direct[r, c] + rest) / (reference + rest) - 1.0
        table.append(
            (
                sectors,
                step,
                radius,
                f"{100 * np.sqrt(np.mean(error**2)):.3f} %",
                f"{100 * np.mean(error):+.3f} %",
                f"{100 * np.abs(error).max():.2f} %",
            )
        )
    print(f"Total of a year against a march of every sun at 10 minutes, {len(pixels)} pixels:")
    measure.table(table)


@njit
def march(z: np.ndarray, r: int, c: int, azimuth: float, steps: int) -> float:
    best = 0.0
    for k in range(1, steps + 1):
        s = k * CELL
        height = bilinear(z, r - k * np.cos(azimuth), c + k * np.sin(azimuth))
        if np.isnan(height):
            break
        best = max(best, (height - z[r, c] - s * s * (0.5 / EARTH_RADIUS)) / s)
    return best


if __name__ == "__main__":
    main()
