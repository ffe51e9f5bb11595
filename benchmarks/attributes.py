"""`rogi attributes` on a synthetic plateau: elevation, slope, aspect and radiation of many units.

Tiles of 3,600 x 3,600 pixels of one arc second (int16, deflate, as NASADEM); units clustered as rock glaciers
are, 208 a tile (a little denser than TPRoGI on the tiles it lies on), 80 vertices, mean 0.14 km². By default
a subset of 3 x 3 tiles; `--side 15` makes 225. Reported are seconds per 1,000 units of whole commands, also
from the ledger, and the peak memory.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import tempfile
from pathlib import Path

import measure
import numpy as np
import rasterio
import shapely
from affine import Affine

TILE = 3600
WEST, NORTH = 85.0, 36.0
UNITS_PER_TILE = 208


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=3, help="tiles along each side")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    rogi = shutil.which("rogi", path=str(Path(sys.executable).parent)) or "rogi"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: the peak memory of a process counts for those it starts.
        process = multiprocessing.get_context("spawn").Process(
            target=make_inputs, args=(folder, options.side)
        )
        process.start()
        process.join()
        assert process.exitcode == 0
        count = UNITS_PER_TILE * options.side**2
        base = [rogi, "attributes", str(folder / "units.gpkg"), "-o", str(folder / "out.gpkg"), "--quiet"]
        base += ["--workers", str(options.workers), "--dem", str(folder / "tiles")]
        rows: list[list[object]] = [["run", "units", "s", "s per 1,000 units", "peak MiB"]]
        for what, fields in (
            ("elevation, slope, aspect", "relief"),
            ("radiation", "radiation"),
            ("both, from the ledger", "relief,radiation"),
        ):
            result = measure.command([*base, "--fields", fields], runs=1)
            assert result.code == 0, f"exit code {result.code}"
            per = result.seconds / count * 1000
            rows.append([what, count, f"{result.seconds:.1f}", f"{per:.1f}", f"{result.megabytes:.0f}"])
        measure.table(rows)


def make_inputs(folder: Path, side: int) -> None:
    """Tiles cut from one rough surface each, and units around cluster centres."""
    import geopandas as gpd
    from scipy.ndimage import gaussian_filter

    (folder / "tiles").mkdir()
    rng = np.random.default_rng(3)
    for row in range(side):
        for column in range(side):
            coarse = gaussian_filter(rng.normal(size=(TILE // 12, TILE // 12)), 4, mode="wrap")
            ground = (
                gaussian_filter(np.kron(coarse / coarse.std(), np.ones((12, 12))), 10, mode="wrap") * 350
                + 5000
            )
            west, north = WEST + column, NORTH - row
            with rasterio.open(
                folder / "tiles" / f"n{int(north) - 1:02d}e{int(west):03d}.tif", "w", driver="GTiff",
                width=TILE, height=TILE, count=1, dtype="int16", crs="EPSG:4326", nodata=-32768, tiled=True,
                compress="deflate", predictor=2, transform=Affine(1 / TILE, 0, west, 0, -1 / TILE, north),
            ) as file:  # fmt: skip
                file.write(np.round(ground).astype(np.int16), 1)
    count = UNITS_PER_TILE * side * side
    clusters = rng.uniform(0.05, side - 0.05, (max(count // 40, 1), 2))
    place = clusters[rng.integers(0, len(clusters), count)] + rng.normal(0, 0.08, (count, 2))
    place = np.clip(place, 0.05, side - 0.05)
    radius = np.sqrt(rng.gamma(1.5, 0.14e6 / 1.5, count) / np.pi)[:, None]
    radius = radius * (1 + 0.2 * rng.uniform(-1, 1, (count, 80)))
    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    lat = NORTH - place[:, 1:] + radius * np.sin(angle) / 111_000
    lon = WEST + place[:, :1] + radius * np.cos(angle) / (111_000 * np.cos(np.radians(NORTH - place[:, 1:])))
    shapes = shapely.polygons(np.stack([lon, lat], axis=-1))
    gpd.GeoDataFrame(geometry=shapes, crs=4326).to_file(folder / "units.gpkg")


if __name__ == "__main__":
    main()
