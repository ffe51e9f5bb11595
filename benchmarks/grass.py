"""Slope, aspect, incidence, shadow and annual solar radiation against GRASS GIS on real elevation models.

GRASS 8 is needed (Debian: apt-get install -y --no-install-recommends grass-core). Both programs get the same
array in UTM. GRASS knows neither the scale nor the meridian convergence of a projection, so rogi gets a
planar grid here. Times are CPU seconds of one thread; those of GRASS without starting it.

    python benchmarks/grass.py FOLDER      (or $ROGI_REAL_DATA), with zhadang/ and oetztal/ inside
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure
import numpy as np
import rasterio
from numba import njit
from rasterio.warp import Resampling, calculate_default_transform, reproject

from rogi import terrain
from rogi.terrain import sun
from rogi.terrain.grid import EARTH_RADIUS

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "terrain"))
from terrain_oracles import lit as marched_lit

TILES = {
    "zhadang": ("zhadang/srtm3_n30_e090.tif", "EPSG:32646", 90.0),
    "oetztal": ("oetztal/srtm_oetztal.tif", "EPSG:32632", 90.0),
    "oetztal at 30 m": ("oetztal/srtm_oetztal.tif", "EPSG:32632", 30.0),
}
#: Moments for incidence and shadow: day of the year and solar hour.
MOMENTS = ((21, 9.0), (80, 8.0), (172, 7.0), (172, 16.0), (300, 15.0))
#: Middle day of each month and the days it stands for.
MONTHS = ((17, 31), (47, 28), (75, 31), (105, 30), (135, 31), (162, 30),
          (198, 31), (228, 31), (258, 30), (288, 31), (318, 30), (344, 31))  # fmt: skip
#: Search radius in metres; r.sun searches the whole region.
RADIUS = 25_000.0


class Grass:
    """A GRASS location in a temporary folder."""

    def __init__(self, folder: Path, crs: str) -> None:
        self.folder, self.mapset = folder, folder / "location" / "PERMANENT"
        subprocess.run(["grass", "-c", crs, str(folder / "location"), "-e"], check=True, capture_output=True)
        self.start = min(self._cpu(["true"]) for _ in range(2))

    def _cpu(self, command: list[str]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            ["grass", str(self.mapset), "--exec", *command], check=True, capture_output=True, timeout=3000
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    def run(self, *command: str) -> float:
        """Run a module; CPU seconds without those of starting GRASS."""
        return max(self._cpu([*command, "--overwrite"]) - self.start, 0.0)

    def read(self, name: str) -> np.ndarray:
        """A raster as float64, NaN where null."""
        path = self.folder / "out.tif"
        self.run("r.out.gdal", "-f", f"input={name}", f"output={path}", "type=Float64", "nodata=-99999")
        with rasterio.open(path) as source:
            values = source.read(1)
        return np.where(values == -99999, np.nan, values)


def utm(path: Path, crs: str, cell: float) -> tuple[np.ndarray, rasterio.Affine]:
    """The tile in UTM (bilinear), cut to where it is whole."""
    with rasterio.open(path) as source:
        z = source.read(1).astype(np.float32)
        transform, width, height = calculate_default_transform(
            source.crs, crs, source.width, source.height, *source.bounds, resolution=cell
        )
        out = np.full((height, width), np.nan, dtype=np.float32)
        reproject(
            z, out, src_transform=source.transform, src_crs=source.crs, dst_transform=transform,
            dst_crs=crs, src_nodata=source.nodata, dst_nodata=np.nan, resampling=Resampling.bilinear,
        )  # fmt: skip
    rows, cols = slice(0, height), slice(0, width)
    while np.isnan(out[rows, cols]).any():
        rows, cols = slice(rows.start + 1, rows.stop - 1), slice(cols.start + 1, cols.stop - 1)
    return np.ascontiguousarray(out[rows, cols]), transform * transform.translation(cols.start, rows.start)


@njit
def marched(
    z: np.ndarray,
    cell: float,
    pixels: np.ndarray,
    vector: np.ndarray,
    radius: float,
    step: float,
    curvature: float,
) -> np.ndarray:
    """Whether each pixel sees the sun, by a march of bilinear terrain in short steps."""
    out = np.zeros(len(pixels), dtype=np.bool_)
    for p in range(len(pixels)):
        out[p] = marched_lit(z, cell, pixels[p, 0], pixels[p, 1], vector, radius, step, curvature)
    return out


def turn(difference: np.ndarray) -> np.ndarray:
    """Angle differences in degrees, brought to 0-180."""
    return np.abs((difference + 180.0) % 360.0 - 180.0)


def percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def compare(name: str, folder: Path, data: Path) -> list[tuple[object, ...]]:
    relative, crs, cell = TILES[name]
    z, transform = utm(data / relative, crs, cell)
    grass = Grass(folder, crs)
    tif = folder / "dem.tif"
    with rasterio.open(
        tif, "w", driver="GTiff", dtype="float32", count=1, height=z.shape[0], width=z.shape[1],
        crs=crs, transform=transform,
    ) as sink:  # fmt: skip
        sink.write(z, 1)
    grass.run("r.in.gdal", "-o", f"input={tif}", "output=dem")
    grass.run("g.region", "raster=dem")
    located = terrain.Grid(tuple(transform)[:6], z.shape, crs)
    latitude = float(located.latitudes()[z.shape[0] // 2, z.shape[1] // 2])
    grid = terrain.Grid(tuple(transform)[:6], z.shape, latitude=latitude)
    rows: list[tuple[object, ...]] = []
    rows.append((name, "pixels", f"{z.shape[0]} x {z.shape[1]} at {cell:g} m, latitude {latitude:.2f}", ""))

    # Slope and aspect
    there = grass.run("r.slope.aspect", "elevation=dem", "slope=slope", "aspect=aspect", "precision=DCELL")
    terrain.slope(z[:9, :9], grid.window(0, 0, (9, 9)))
    terrain.aspect(z[:9, :9], grid.window(0, 0, (9, 9)))
    start = time.process_time()
    slope, aspect = terrain.slope(z, grid), terrain.aspect(z, grid)
    here = time.process_time() - start
    theirs = grass.read("slope")
    difference = np.abs(slope - theirs)
    rows.append((name, "slope, largest difference", f"{np.nanmax(difference):.5f}°", "0.01°"))
    # Counter-clockwise from east, 0 for flat ground.
    theirs = grass.read("aspect")
    theirs = np.where(theirs == 0.0, np.nan, (90.0 - theirs) % 360.0)
    inside = slope > 0.05
    rows.append(
        (name, "aspect, largest difference", f"{np.nanmax(turn(aspect - theirs)[inside]):.5f}°", "0.01°")
    )
    disagree = np.mean(np.isnan(aspect) != np.isnan(theirs))
    rows.append((name, "flat in one, not in the other", percent(float(disagree)), ""))
    rows.append((name, "slope and aspect, times faster", f"{there / here:.0f}", ""))

    # Incidence and shadow at single moments
    radians = np.radians(slope.astype(np.float64)), np.radians(np.nan_to_num(aspect).astype(np.float64))
    normal = np.stack(
        [
            np.sin(radians[0]) * np.sin(radians[1]),
            np.sin(radians[0]) * np.cos(radians[1]),
            np.cos(radians[0]),
        ]
    )
    latitudes = located.latitudes()
    # r.sun takes the hour angle of the parallel level plane from an arc tangent without its quadrant: slopes
    # that face the pole more steeply than its altitude get a wrong incidence.
    phi = np.radians(latitudes)
    beyond_pole = (
        np.cos(phi) * np.cos(radians[0]) - np.sin(phi) * np.sin(radians[0]) * np.cos(radians[1]) < 0.0
    )
    largest, turned, agreement, dark, exact = [], [], [], [], []
    for day, hour in MOMENTS:
        delta = float(sun.declination(day))
        grass.run(
            "r.sun", "elevation=dem", "slope=slope", "aspect=aspect", f"day={day}", f"time={hour}",
            f"declination={np.radians(delta)}", "incidout=incidence", "beam_rad=beam",
        )  # fmt: skip
        incidence, beam = grass.read("incidence"), grass.read("beam")
        vector = np.stack(sun.sun_vector(latitudes, delta, 15.0 * (hour - 12.0)))
        cosine = np.sum(normal * vector, axis=0)
        middle = vector[:, z.shape[0] // 2, z.shape[1] // 2]
        azimuth = np.degrees(np.arctan2(middle[0], middle[1]))
        horizon = terrain.horizon(z, grid, azimuths=azimuth, radius=RADIUS)[0]
        lit = (cosine > 0.0) & (vector[2] > np.sin(np.radians(horizon.astype(np.float64))))
        valid = np.isfinite(slope) & np.isfinite(theirs)
        lit_there = np.nan_to_num(beam) > 0.0
        both = valid & lit & lit_there & np.isfinite(incidence)
        gap = np.abs(np.degrees(np.arcsin(np.clip(cosine, -1, 1))) - incidence)  # above the surface
        largest.append(gap[both & ~beyond_pole].max())
        turned.append(np.mean((gap > 0.1)[both & beyond_pole]) if (both & beyond_pole).any() else 0.0)
        agreement.append(np.mean((lit == lit_there)[valid]))
        dark.append(np.mean(~lit_there[valid]))
        pixels = np.argwhere(valid & (cosine > 0.0))[::37]
        seen = marched(z.astype(np.float64), cell, pixels, middle, RADIUS, cell / 4, 0.5 / EARTH_RADIUS)
        r, c = pixels.T
        exact.append((np.mean(lit[r, c] == seen), np.mean(lit_there[r, c] == seen)))
        print(f"  {name} day {day} hour {hour}: incidence within {largest[-1]:.4f}°, "
              f"shadow agrees {percent(agreement[-1])} (dark {percent(dark[-1])})", flush=True)  # fmt: skip
    rows.append((name, "incidence, largest difference of lit pixels", f"{max(largest):.4f}°", "0.1°"))
    rows.append((name, "slopes beyond the pole, left out above", percent(float(np.mean(beyond_pole))), ""))
    rows.append((name, "of them off by more than 0.1° in r.sun, most", percent(max(turned)), ""))
    rows.append((name, "shadow agreement, all 5 moments", percent(float(np.mean(agreement))), "98 %"))
    rows.append((name, "shadow agreement, least of 5 moments", percent(min(agreement)), ""))
    ours, other = np.mean(exact, axis=0)
    rows.append(
        (
            name,
            "sunward slopes, agreement with an exact march, rogi / r.sun",
            f"{percent(ours)} / {percent(other)}",
            "",
        )
    )
    rows.append((name, "in the dark (r.sun), most", percent(max(dark)), ""))

    # A year
    chosen = terrain.RadiationParameters(search_radius=RADIUS)
    terrain.potential_incoming_solar_radiation(
        z,
        grid,
        mask=np.pad(np.ones((1, 1), bool), ((5, z.shape[0] - 6), (5, z.shape[1] - 6))),
        parameters=chosen,
    )
    start = time.process_time()
    year = terrain.solar_radiation(z, grid, parameters=chosen)
    here = time.process_time() - start
    totals = {key: np.zeros(z.shape) for key in ("glob", "beam", "diff", "refl", "free")}
    there, unshaded = 0.0, 0.0
    for day, days in MONTHS:
        delta = f"declination={np.radians(float(sun.declination(day)))}"
        common = ("r.sun", "elevation=dem", "slope=slope", "aspect=aspect", f"day={day}", "step=1", delta)
        there += grass.run(*common, "glob_rad=glob", "beam_rad=beam", "diff_rad=diff", "refl_rad=refl")
        unshaded += grass.run(*common, "-p", "beam_rad=free")
        for key, total in totals.items():
            total += grass.read(key) * days / 1000.0
    seconds = there / len(MONTHS) * 365.0
    free = terrain.solar_radiation(z, grid, parameters=terrain.RadiationParameters(shading=False))
    ok = np.isfinite(year.total) & np.isfinite(totals["glob"])
    for label, a, b in (
        ("total", year.total, totals["glob"]),
        ("direct", year.direct, totals["beam"]),
        ("diffuse", year.diffuse, totals["diff"]),
        ("reflected", year.reflected, totals["refl"]),
    ):
        rows.append(
            (name, f"{label}, mean kWh m-2 a-1, rogi / r.sun", f"{a[ok].mean():.0f} / {b[ok].mean():.0f}", "")
        )
    rows.append(
        (name, "direct, correlation", f"{np.corrcoef(year.direct[ok], totals['beam'][ok])[0, 1]:.5f}", "")
    )
    lost = (
        1.0 - year.direct[ok].sum() / free.direct[ok].sum(),
        1.0 - totals["beam"][ok].sum() / totals["free"][ok].sum(),
    )
    rows.append(
        (name, "direct lost to terrain, rogi / r.sun", f"{percent(lost[0])} / {percent(lost[1])}", "")
    )
    share = year.direct[ok] / free.direct[ok] - totals["beam"][ok] / totals["free"][ok]
    rows.append(
        (name, "share of direct left, RMS difference", percent(float(np.sqrt(np.mean(share**2)))), "")
    )
    rows.append((name, "year, CPU s per million pixels, rogi / r.sun (1 h)",
                 f"{here / z.size * 1e6:.1f} / {seconds / z.size * 1e6:.0f}", ""))  # fmt: skip
    rows.append((name, "year, shaded, times faster per pixel", f"{seconds / here:.0f}", "100"))
    rows.append((name, "r.sun shaded / not shaded", f"{there / unshaded:.1f}", ""))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", default=os.environ.get("ROGI_REAL_DATA"), type=Path)
    parser.add_argument("--tile", choices=[*TILES], action="append")
    chosen = parser.parse_args()
    if chosen.data is None:
        parser.error("give the folder of the real data, or set ROGI_REAL_DATA")
    rows: list[tuple[object, ...]] = [("tile", "quantity", "value", "target")]
    for name in chosen.tile or TILES:
        with tempfile.TemporaryDirectory() as folder:
            rows += compare(name, Path(folder), chosen.data)
    measure.table(rows)


if __name__ == "__main__":
    main()
