"""A shaded year of radiation: rogi, r.sun of GRASS and geolibre's `solar_radiation`, by time and by truth.

Fractal mountains of 30 m and a tilted plane, of which every peer gets the same array. Times are processor
seconds for a million pixels of a year at hourly steps; of geolibre on the smaller square, which its short
rays do not leave. The truth of direct radiation is a march along the beam of every sun
(`tests/terrain/terrain_oracles.py`), under the sky of the program that is held against it: Kumar's for rogi;
one transmittance for geolibre, under which rogi's horizons are tried too.

GRASS 8 is needed for r.sun (Debian: apt-get install -y --no-install-recommends grass-core); Node and the
package geolibre-wasm for geolibre (npm install geolibre-wasm in a folder named by --geolibre or
$ROGI_GEOLIBRE). Without them their rows are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from measure import Job, Measured, table
from numpy.typing import NDArray
from rasterio.transform import from_origin

from rogi import terrain
from rogi.terrain import sun
from rogi.terrain.grid import EARTH_RADIUS
from rogi.terrain.suntable import suns

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "terrain"))
from terrain_oracles import fractal, marched_direct

Floats = NDArray[np.float64]

CELL, LATITUDE, CRS = 30.0, 33.0, "EPSG:32645"
TRANSMITTANCE = 0.6
"""Of geolibre's sky, for air mass 1."""
LEAST_ALTITUDE = 1.0
"""Degrees: geolibre takes no sun below."""
CELLS = 300
"""Longest ray of geolibre, in cells: rogi and the march search as far when they are held against it."""
DAYS = (17, 75, 162, 258)
"""Those that r.sun computes, of 365."""
TIMED = 1000
"""Side of the square on which r.sun and rogi are timed: in a small one r.sun's rays end early."""

NODE = """
import { readFileSync, writeFileSync } from "node:fs";
const [folder, dem, out, ...args] = process.argv.slice(1);
const { initTools, runTool } = await import(`${folder}/tools.mjs`);
await initTools(readFileSync(`${folder}/geolibre-cli.wasm`));
const inside = (name) => ["", "work", name].join("/");  // the folder that geolibre gives its tools, in memory
const before = process.cpuUsage();
const found = await runTool("solar_radiation", {
  args: [`--dem=${inside("dem.tif")}`, `--output=${inside("total.tif")}`,
         `--direct_output=${inside("direct.tif")}`, ...args],
  input: { "dem.tif": new Uint8Array(readFileSync(dem)) },
});
const used = process.cpuUsage(before);
if (found.exitCode) throw new Error(found.stdout.join("\\n"));
writeFileSync(out, found.files["direct.tif"]);
console.log(JSON.stringify((used.user + used.system) / 1e6));
"""


@dataclass
class Scene:
    """A square of terrain, pixels of it that are held against the march, and their normals."""

    name: str
    z: NDArray[np.float32]
    pixels: NDArray[np.int64]
    normals: Floats

    @property
    def grid(self) -> terrain.Grid:
        return terrain.Grid((CELL, 0.0, 0.0, 0.0, -CELL, 0.0), self.z.shape, latitude=LATITUDE)

    def marched(self, vector: Floats, energy: Floats, radius: float, curvature: bool) -> Floats:
        """Direct radiation of the pixels; `energy` of each sun, or of each pixel and sun."""
        return np.asarray(
            marched_direct(
                self.z.astype(np.float64), CELL, self.pixels, self.normals, vector,
                np.broadcast_to(energy, (len(self.pixels), len(vector))).copy(), radius, CELL,
                0.5 / EARTH_RADIUS if curvature else 0.0,
            )
        )  # fmt: skip


def scene(name: str, z: NDArray[np.float32], count: int) -> Scene:
    margin = z.shape[0] // 4
    inner = np.random.default_rng(5).integers(margin, z.shape[0] - margin, (count, 2))
    grid = terrain.Grid((CELL, 0.0, 0.0, 0.0, -CELL, 0.0), z.shape, latitude=LATITUDE)
    r, c = inner.T
    steep = np.radians(terrain.slope(z, grid)[r, c].astype(np.float64))
    facing = np.radians(np.nan_to_num(terrain.aspect(z, grid)[r, c]).astype(np.float64))
    level = np.sin(steep)
    return Scene(
        name, z, inner, np.stack([level * np.sin(facing), level * np.cos(facing), np.cos(steep)], axis=1)
    )


def simple_sky() -> tuple[Floats, Floats]:
    """Suns of a year at whole hours and their energy normal to the beam, kWh m-2, under geolibre's sky."""
    day = np.repeat(np.arange(1, 366), 24)
    hour = np.tile(15.0 * (np.arange(24) - 12.0), 365)
    vector = np.stack(sun.sun_vector(LATITUDE, sun.declination(day, "cooper"), hour), axis=-1)
    up = vector[:, 2] > np.sin(np.radians(LEAST_ALTITUDE))
    outside = 1.367 * (1 + 0.033 * np.cos(2 * np.pi * day[up] / 365))
    return vector[up], outside * TRANSMITTANCE ** (1 / vector[up, 2])


def rogi_direct(it: Scene, vector: Floats, energy: Floats, radius: float) -> Floats:
    """Direct radiation of the pixels by rogi's horizons: a sun between azimuths counts for both in part."""
    mask = np.zeros(it.z.shape, dtype=bool)
    r, c = it.pixels.T
    mask[r, c] = True
    sectors = terrain.RadiationParameters().n_sectors
    angles = terrain.horizon(it.z, it.grid, n_sectors=sectors, radius=radius, curvature=False, mask=mask)
    sines = np.sin(np.radians(angles[:, r, c].astype(np.float64)))
    turn = np.arctan2(vector[:, 0], vector[:, 1]) / (2 * np.pi) * sectors
    lower = np.floor(turn).astype(int)
    share = turn - lower
    found = np.zeros(len(r))
    for p in range(len(r)):
        seen = (1 - share) * (vector[:, 2] >= sines[lower % sectors, p])
        seen += share * (vector[:, 2] >= sines[(lower + 1) % sectors, p])
        found[p] = np.sum(np.maximum(vector @ it.normals[p], 0) * energy * seen)
    return found


def own_sky(it: Scene, sectors: int) -> list[object]:
    """rogi under its own sky at steps of ten minutes, against the march."""
    chosen = terrain.RadiationParameters(n_sectors=sectors)
    positions = suns(LATITUDE, chosen)
    r, c = it.pixels.T
    pressure = sun.relative_pressure(it.z[r, c].astype(np.float64))[:, None]
    beam = sun.beam_transmittance(sun.air_mass(positions.vector[:, 2])[None] * pressure)
    truth = it.marched(
        positions.vector, positions.irradiance * positions.hours * beam, chosen.search_radius, True
    )
    mask = np.zeros(it.z.shape, dtype=bool)
    mask[r, c] = True
    found = terrain.solar_radiation(it.z, it.grid, mask=mask, parameters=chosen).direct[r, c]
    return [it.name, f"**rogi, {sectors} sectors**", "march, Kumar's sky", *errors(found, truth)]


def errors(found: Floats, truth: Floats) -> tuple[str, ...]:
    off = found / truth - 1
    rows = np.sqrt(np.mean(off**2)), found.sum() / truth.sum() - 1, np.abs(off).max()
    alike = "" if np.ptp(truth) < 1e-3 * truth[0] else f"{np.corrcoef(found, truth)[0, 1]:.5f}"
    return *(f"{100 * v:.2f} %" for v in rows), alike


def geolibre(package: Path, it: Scene, folder: Path) -> tuple[Floats, float]:
    """Direct radiation of the pixels for a year, kWh m-2, and processor seconds for a million pixels."""
    dem, out = folder / "dem.tif", folder / "direct.tif"
    write(dem, it.z)
    options = {
        "start_day": 1, "end_day": 365, "day_interval": 1, "time_step": 1, "latitude": LATITUDE,
        "transmittivity": TRANSMITTANCE, "horizon_distance": CELLS,
    }  # fmt: skip
    said = subprocess.run(
        ["node", "--input-type=module", "-e", NODE, str(package), str(dem), str(out)]
        + [f"--{name}={value}" for name, value in options.items()],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    with rasterio.open(out) as source:
        values = source.read(1).astype(np.float64) / 1000
    return values[tuple(it.pixels.T)], json.loads(said) / it.z.size * 1e6


def grass_seconds(it: Scene, folder: Path) -> float:
    """Processor seconds of r.sun for a million pixels of a year, shaded, hourly; from a few days of it."""
    from grass import Grass

    there = Grass(folder, CRS)
    write(folder / "dem.tif", it.z)
    there.run("r.in.gdal", "-o", f"input={folder / 'dem.tif'}", "output=dem")
    there.run("g.region", "raster=dem")
    there.run("r.slope.aspect", "elevation=dem", "slope=slope", "aspect=aspect")
    total = sum(
        there.run("r.sun", "elevation=dem", "slope=slope", "aspect=aspect", f"day={day}", "step=1",
                  "beam_rad=beam", "diff_rad=diff", "refl_rad=refl")
        for day in DAYS
    )  # fmt: skip
    return total / len(DAYS) * 365 / it.z.size * 1e6


def rogi_seconds(it: Scene, sectors: int) -> float:
    """Processor seconds for a million pixels, of the square and of what its preparation takes."""
    chosen = terrain.RadiationParameters(n_sectors=sectors)
    one = np.zeros(it.z.shape, dtype=bool)
    one[5, 5] = True
    terrain.solar_radiation(it.z, it.grid, mask=one, parameters=chosen)
    found = []
    for _ in range(2):
        start = time.process_time()
        terrain.solar_radiation(it.z, it.grid, parameters=chosen)
        found.append(time.process_time() - start)
    return min(found) / it.z.size * 1e6


def write(path: Path, z: NDArray[np.float32]) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", width=z.shape[1], height=z.shape[0], count=1, dtype="float32", crs=CRS,
        transform=from_origin(5e5, 3.6e6, CELL, CELL),
    ) as sink:  # fmt: skip
        sink.write(z, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="1,200 x 1,200 pixels, more of them marched")
    parser.add_argument(
        "--geolibre", type=Path, default=os.environ.get("ROGI_GEOLIBRE"), help="folder with geolibre-wasm"
    )
    options = parser.parse_args()
    side, count = (1200, 400) if options.full else (300, 60)
    rows, column = np.mgrid[:side, :side]
    plane = (4500 + CELL * (0.3 * rows - 0.2 * column)).astype(np.float32)
    scenes = [
        scene("tilted plane, 20°", plane, 5),
        scene("fractal, 30 m", fractal(side, 1.5 * side, 7), count),
    ]
    wide = scene("fractal, 30 m", fractal(TIMED, 1.5 * TIMED, 7), 1)
    found = list(Path(options.geolibre or "/nowhere").glob("**/geolibre-cli.wasm"))
    package = found[0].parent.resolve() if found and shutil.which("node") else None
    truth: list[list[object]] = [own_sky(it, sectors) for it in scenes for sectors in (64, 36)]
    job = Job(
        "A shaded year of radiation, processor seconds for a million pixels",
        f"{TIMED} x {TIMED} pixels of 30 m (geolibre: {side} x {side}); peers at hourly steps, rogi at ten "
        "minutes. Aim: 2,000 x r.sun.",
    )
    with tempfile.TemporaryDirectory() as name:
        times = {f"rogi, {sectors} sectors": rogi_seconds(wide, sectors) for sectors in (64, 36)}
        if shutil.which("grass"):
            job.add("r.sun of GRASS", seconds(grass_seconds(wide, Path(name))), own=False)
        else:
            print("GRASS is not installed: r.sun is left out.")
        if package is None:
            print("Node or geolibre-wasm is not there (--geolibre FOLDER): it is left out.")
        else:
            vector, energy = simple_sky()
            for it in scenes:
                direct, took = geolibre(package, it, Path(name))
                march = it.marched(vector, energy, CELLS * CELL, False)
                ours = rogi_direct(it, vector, energy, CELLS * CELL)
                for what, values, against, to in (
                    ("geolibre", direct, "march, one transmittance", march),
                    ("**rogi's horizons**", ours, "march, one transmittance", march),
                    ("**rogi's horizons**", ours, "geolibre", direct),
                ):
                    truth.append([it.name, what, against, *errors(values, to)])
            job.add("geolibre solar_radiation", seconds(took), own=False)
        for what, value in times.items():
            job.add(what, seconds(value))
    job.show()
    print("## Direct radiation of single pixels\n")
    table([("terrain", "program", "held against", "RMSE", "bias", "largest", "correlation"), *truth])


def seconds(value: float) -> Measured:
    return Measured(value, 0.0, 0, value)


if __name__ == "__main__":
    main()
