"""Zonal statistics beside rasterstats and exactextract, in one run.

5,000 outlines (mean 0.14 km², 80 vertices) on a 6,000 x 6,000 float32 elevation model of 30 m: mean, minimum,
maximum and median of elevation and slope, and the mean of aspect. The peers read ready slope and aspect
rasters and take the arithmetic mean of aspect, as they have no other; rogi computes slope and aspect on the
way. Then the peak memory on a raster of 40,000 x 40,000. Numba's compiled code is cached by a first run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path

import measure
import numpy as np
import rasterio
import shapely
from affine import Affine

SIZE, PIXEL, UNITS = 6000, 30.0, 5000
ORIGIN = (500_000.0, 3_500_000.0)
TRANSFORM = Affine(PIXEL, 0, ORIGIN[0], 0, -PIXEL, ORIGIN[1])

HEAD = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
import geopandas as gpd
folder = Path(sys.argv[1])
units = gpd.read_file(folder / "units.gpkg")
four = ["mean", "min", "max", "median"]
layers = {"elevation": four, "slope": four, "aspect": ["mean"]}
"""

ROGI = """
from rogi.raster.elevation.model import open_elevation_model
from rogi.raster.files import reading
from rogi.attributes.relief import relief_statistics
(grid,) = open_elevation_model(folder / "elevation.tif").surfaces
with reading():
    relief_statistics(units.geometry.to_numpy(), grid)
"""

ROGI_READY = """
from rogi.attributes.zonal.zonal import zonal_statistics
layers["aspect"] = ["circular_mean"]
zonal_statistics(units, {name: folder / f"{name}.tif" for name in layers}, layers)
"""

EXACTEXTRACT = """
from exactextract import exact_extract
for name, statistics in layers.items():
    exact_extract(str(folder / f"{name}.tif"), units, statistics, output="pandas", strategy=sys.argv[2])
"""

RASTERSTATS = """
from rasterstats import zonal_stats
for name, statistics in layers.items():
    zonal_stats(list(units.geometry), str(folder / f"{name}.tif"), stats=statistics)
"""

LARGE = """
from rogi.attributes.zonal.zonal import zonal_statistics
zonal_statistics(units, {"elevation": folder / "large.tif"}, layers["elevation"])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--part", choices=("speed", "memory", "both"), default="both")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if options.part != "memory":
            speed(Path(name), options.runs)
        if options.part != "speed":
            memory(Path(name))


def speed(folder: Path, runs: int) -> None:
    """Seconds and peak memory of each tool."""
    in_child(make_inputs, folder)
    tools = {
        "rogi, slope and aspect computed": (ROGI, ()),
        "rogi, from ready rasters": (ROGI_READY, ()),
        "exactextract, feature-sequential": (EXACTEXTRACT, ("feature-sequential",)),
        "exactextract, raster-sequential": (EXACTEXTRACT, ("raster-sequential",)),
    }
    start = measure.python(HEAD, str(folder), runs=runs)
    results = {
        tool: measure.python(HEAD + code, str(folder), *more, runs=runs)
        for tool, (code, more) in tools.items()
    }
    results["rasterstats"] = measure.python(HEAD + RASTERSTATS, str(folder), runs=1)
    assert all(r.code == 0 for r in results.values()), {tool: r.code for tool, r in results.items()}
    ours = results["rogi, slope and aspect computed"].seconds - start.seconds
    rows: list[list[object]] = [["tool", "s", "ratio", "peak MiB"]]
    for tool, result in results.items():
        seconds = result.seconds - start.seconds
        rows.append([tool, f"{seconds:.2f}", f"{seconds / ours:.1f}", f"{result.megabytes:.0f}"])
    label = "(start-up and reading the outlines, not counted)"
    rows.append([label, f"{start.seconds:.2f}", "", f"{start.megabytes:.0f}"])
    measure.table(rows)
    print()


def make_inputs(folder: Path) -> None:
    """Rough terrain, its slope and aspect as rogi computes them, and outlines on it."""
    from scipy.ndimage import gaussian_filter

    from rogi.terrain import Grid, aspect, slope

    rng = np.random.default_rng(1)
    coarse = gaussian_filter(rng.normal(size=(SIZE // 8, SIZE // 8)), 6)
    elevation = gaussian_filter(np.kron(coarse / coarse.std(), np.ones((8, 8))), 8) * 400 + 5000
    elevation = (elevation + rng.normal(0, 1, elevation.shape)).astype(np.float32)
    grid = Grid((PIXEL, 0, ORIGIN[0], 0, -PIXEL, ORIGIN[1]), (SIZE, SIZE), "EPSG:32645")
    layers = {"elevation": elevation, "slope": slope(elevation, grid), "aspect": aspect(elevation, grid)}
    for name, values in layers.items():
        with rasterio.open(
            folder / f"{name}.tif", "w", driver="GTiff", height=SIZE, width=SIZE, count=1, dtype="float32",
            crs="EPSG:32645", transform=TRANSFORM, nodata=-9999, tiled=True, compress="deflate", predictor=3,
        ) as file:  # fmt: skip
            file.write(np.nan_to_num(values, nan=-9999), 1)
    outlines(SIZE * PIXEL, rng).to_file(folder / "units.gpkg")


def outlines(extent: float, rng: np.random.Generator):
    """Outlines of 80 vertices, mean area 0.14 km², anywhere on the raster."""
    import geopandas as gpd

    angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    radius = np.sqrt(rng.gamma(1.5, 0.14e6 / 1.5, UNITS) / np.pi)[:, None] * (
        1 + 0.2 * rng.uniform(-1, 1, (UNITS, 80))
    )
    centre = rng.uniform(2000, extent - 2000, (UNITS, 2))
    x = ORIGIN[0] + centre[:, :1] + radius * np.cos(angle)
    y = ORIGIN[1] - centre[:, 1:] + radius * np.sin(angle)
    return gpd.GeoDataFrame(geometry=shapely.polygons(np.stack([x, y], axis=-1)), crs="EPSG:32645")


def make_large(folder: Path) -> None:
    """A raster of 40,000 x 40,000, small outlines all over it, and one outline over a tenth of it."""
    side, block = 40_000, 512
    profile = {
        "driver": "GTiff",
        "height": side,
        "width": side,
        "count": 1,
        "dtype": "float32",
        "tiled": True,
    }
    profile |= {"blockxsize": block, "blockysize": block, "compress": "lzw", "BIGTIFF": "YES"}
    with rasterio.open(folder / "large.tif", "w", crs="EPSG:32645", transform=TRANSFORM, **profile) as file:
        for row in range(0, side, block):
            height = min(block, side - row)
            values = 4000 + 500 * np.sin(np.arange(row, row + height) / 300)[:, None] + np.zeros(side)
            file.write(values.astype(np.float32), 1, window=rasterio.windows.Window(0, row, side, height))
    small = outlines(side * PIXEL, np.random.default_rng(2))
    circle = shapely.Point(ORIGIN[0] + 6e5, ORIGIN[1] - 6e5).buffer(2.2e5)
    for name, frame in (("small", small), ("whole", small.iloc[:1].set_geometry([circle], crs=small.crs))):
        (folder / name).mkdir()
        frame.to_file(folder / name / "units.gpkg")
        (folder / name / "large.tif").symlink_to(folder / "large.tif")


def memory(folder: Path) -> None:
    """Peak memory on 40,000 x 40,000 pixels."""
    in_child(make_large, folder)
    rows: list[list[object]] = [["40,000 x 40,000 float32 (6.4 GB)", "s", "peak MiB"]]
    for what, name in (
        ("5,000 outlines", "small"),
        ("one circle over a tenth of it (170 million pixels)", "whole"),
    ):
        result = measure.python(HEAD + LARGE, str(folder / name), runs=1)
        assert result.code == 0
        rows.append(
            [f"{what}: mean, minimum, maximum, median", f"{result.seconds:.1f}", f"{result.megabytes:.0f}"]
        )
    measure.table(rows)


def in_child(make: Callable[[Path], None], folder: Path) -> None:
    """Make inputs in a process of their own: the peak memory of a process counts for those it starts."""
    process = multiprocessing.get_context("spawn").Process(target=make, args=(folder,))
    process.start()
    process.join()
    assert process.exitcode == 0


if __name__ == "__main__":
    main()
