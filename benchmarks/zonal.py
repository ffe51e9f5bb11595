"""Zonal statistics beside rasterstats, exactextract and GDAL, in one run.

5,000 outlines (mean 0.14 km², 80 vertices) on a 6,000 x 6,000 float32 elevation model of 30 m: mean, minimum,
maximum and median of elevation and slope, and the mean of aspect. The peers read ready slope and aspect
rasters and take the arithmetic mean of aspect, as they have no other; GDAL gives no medians with shares of
pixels. rogi computes slope and aspect on the way. Then, with `--full`, the peak memory on 40,000 x
40,000 pixels. Numba's compiled code is cached by a first run.
"""

from __future__ import annotations

import argparse
import tempfile
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

GDAL = """
import ctypes, pyogrio
# The library that pyogrio brings along has the algorithm, its Python interface does not.
(library,) = (Path(pyogrio.__file__).parents[1] / "pyogrio.libs").glob("libgdal*")
gdal = ctypes.CDLL(str(library))
gdal.GDALGetGlobalAlgorithmRegistry.restype = ctypes.c_void_p
gdal.GDALAlgorithmRegistryInstantiateAlgFromPath.restype = ctypes.c_void_p
for name in ("ParseCommandLineArguments", "Run", "Finalize"):
    getattr(gdal, f"GDALAlgorithm{name}").restype = ctypes.c_bool
def strings(*values):
    return (ctypes.c_char_p * (len(values) + 1))(*(v.encode() for v in values), None)
registry = ctypes.c_void_p(gdal.GDALGetGlobalAlgorithmRegistry())
for name, statistics in layers.items():
    path = strings("raster", "zonal-stats")
    algorithm = ctypes.c_void_p(gdal.GDALAlgorithmRegistryInstantiateAlgFromPath(registry, path))
    output = folder / f"gdal_{name}.csv"
    output.unlink(missing_ok=True)
    arguments = ["-i", str(folder / f"{name}.tif"), "-o", str(output)]
    arguments += ["--zones", str(folder / "units.gpkg"), "--pixels", "fractional"]
    arguments += [a for s in statistics if s != "median" for a in ("--stat", s)]
    assert gdal.GDALAlgorithmParseCommandLineArguments(algorithm, strings(*arguments))
    assert gdal.GDALAlgorithmRun(algorithm, None, None) and gdal.GDALAlgorithmFinalize(algorithm)
"""

LARGE = """
from rogi.attributes.zonal.zonal import zonal_statistics
zonal_statistics(units, {"elevation": folder / "large.tif"}, layers["elevation"])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also memory on 40,000 x 40,000")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        speed(Path(name), options.runs)
        if options.full:
            memory(Path(name))


def speed(folder: Path, runs: int) -> None:
    """Time and peak memory of each tool, start-up and reading of the outlines not counted."""
    measure.in_child(make_inputs, folder)
    start = measure.python(HEAD, folder, runs=runs)
    job = measure.Job(
        "Zonal statistics, 5,000 polygons on 6,000 x 6,000 pixels",
        "Aim: 30 times as fast as rasterstats, and no slower than the fastest. Start-up is not counted.",
    )
    for tool, code, *more in (
        ("rasterstats", RASTERSTATS),
        ("exactextract, feature-sequential", EXACTEXTRACT, "feature-sequential"),
        ("exactextract, raster-sequential", EXACTEXTRACT, "raster-sequential"),
        ("GDAL raster zonal-stats, fractional, no medians", GDAL),
        ("from ready rasters", ROGI_READY),
        ("slope and aspect computed", ROGI),
    ):
        own = code in (ROGI, ROGI_READY)
        done = measure.python(HEAD + code, folder, *more, runs=1 if code is RASTERSTATS else runs)
        job.add(tool, done.without(start), UNITS, own)
    job.show()


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
    measure.in_child(make_large, folder)
    job = measure.Job("Zonal statistics on 40,000 x 40,000 pixels (6.4 GB)")
    job.add("5,000 outlines", measure.python(HEAD + LARGE, folder / "small", runs=1), UNITS)
    whole = measure.python(HEAD + LARGE, folder / "whole", runs=1)
    job.add("one circle over a tenth of it (170 million pixels)", whole, 1)
    job.show()


if __name__ == "__main__":
    main()
