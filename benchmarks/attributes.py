"""`rogi attributes` on a synthetic plateau: elevation, slope, aspect, radiation and climate of all units.

Tiles of 3,600 x 3,600 pixels of one arc second (int16, deflate, as NASADEM): one tile of synthetic terrain,
turned over from place to place. With `--full` TPRoGI's size: 44,273 units on all tiles of the plateau, else
2,000 units of the Eastern Pamir.
The peer, exactextract, computes one statistic of one raster: the mean elevation, through a VRT of the tiles.
Then again from the ledger, and after one pixel of one tile was changed, with the tiles in a folder and (short
form) behind the VRT.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import measure
import numpy as np
import rasterio
from affine import Affine
from measure import MEDIUM

TILE = 3600
REGION = "Eastern Pamir"
"""Of the short form."""

EXACTEXTRACT = """
import sys, geopandas
from exactextract import exact_extract
units = geopandas.read_file(sys.argv[1], layer="TPRoGI_Extended_Footprint")
exact_extract(sys.argv[2], units, ["mean"], output="pandas")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="44,273 units on all tiles of the plateau, 6 GB")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep the inputs here, or take those that are there")
    options = parser.parse_args()
    count = MEDIUM if options.full else 2000
    with tempfile.TemporaryDirectory() as name:
        inputs = options.folder or Path(name)
        if not (inputs / "units.gpkg").exists():
            measure.in_child(make_inputs, inputs, count, options.full)
        plateau(inputs, Path(name), count, options.workers)


def plateau(inputs: Path, folder: Path, count: int, workers: int) -> None:
    """All attributes, again, and after a change."""
    tiles = sorted((inputs / "tiles").glob("*.tif"))
    size = sum(tile.stat().st_size for tile in tiles) / 1e9
    job = measure.Job(
        f"Attributes on {len(tiles)} tiles of one arc second ({size:.1f} GB), {workers} workers",
        "Aim: 90 s for 44,273 units, again from the ledger within 15 s; after a change its units only.",
    )
    units, vrt = inputs / "units.gpkg", inputs / "tiles.vrt"
    job.add(
        "exactextract, mean elevation alone",
        measure.python(EXACTEXTRACT, units, vrt, runs=1),
        count,
        own=False,
    )
    changed = tiles[len(tiles) // 2]
    ways = (("folder", inputs / "tiles"), ("VRT", vrt))
    for where, dem in ways[: 1 if count == MEDIUM else 2]:
        arguments = ["attributes", units, "-o", folder / f"{where}.gpkg", "--no-config", "--dem", dem]
        arguments += ["--workers", str(workers)]
        for quantity, variable in (("maat", "t2m"), ("ap", "tp")):
            arguments += [f"--{quantity}", inputs / "climate.nc", f"--{quantity}-variable", variable]
        for what in ("all attributes", "again", "after a change of one tile"):
            if what.startswith("after"):
                with rasterio.open(changed, "r+") as file:
                    window = rasterio.windows.Window(TILE // 2, TILE // 2, 1, 1)
                    file.write(file.read(1, window=window) + np.int16(1), 1, window=window)
            job.add(f"{where}: {what}", measure.rogi(*arguments, runs=1), count)
    job.show()


def make_inputs(folder: Path, count: int, everywhere: bool) -> None:
    """Units, the tiles they lie on and around, a VRT of the tiles, and a climate."""
    units = folder / "units.gpkg"
    place = [] if everywhere else ["--region", REGION]
    measure.rogi("synthetic", "inventory", "--count", str(count), "--seed", "1", *place, "-o", units, runs=1)
    measure.rogi("synthetic", "climate", "--like", units, "--seed", "1", "-o", folder / "climate.nc", runs=1)
    import geopandas

    bounds = geopandas.read_file(units, layer="TPRoGI_Extended_Footprint").bounds.to_numpy()
    margin = 0.4  # degrees, more than the search radius of horizons
    sides = [(0, -margin), (2, margin)], [(1, -margin), (3, margin)]
    corners = np.concatenate(
        [np.floor(bounds[:, [x, y]] + [dx, dy]) for x, dx in sides[0] for y, dy in sides[1]]
    )
    places = [(int(west), int(south)) for west, south in np.unique(corners, axis=0)]
    write_tiles(folder, places)
    write_vrt(folder / "tiles.vrt", places)


def write_tiles(folder: Path, places: list[tuple[int, int]]) -> None:
    """One tile of synthetic terrain at every place, turned over so that neighbours fit to each other."""
    box = ("--box", "90.1", "30.1", "90.9", "30.9", "--arc-seconds", "1", "--seed", "1")
    measure.rogi("synthetic", "terrain", *box, "-o", folder / "one", runs=1)
    with rasterio.open(next((folder / "one").glob("*.tif"))) as file:
        ground, profile = file.read(1), file.profile
    for turned in {(west % 2, south % 2) for west, south in places}:
        with rasterio.open(folder / "{}{}.tif".format(*turned), "w", **profile | {"predictor": 2}) as file:
            file.write(ground[:: 1 - 2 * turned[1], :: 1 - 2 * turned[0]], 1)
    (folder / "tiles").mkdir()
    for west, south in places:
        path = folder / "tiles" / tile_name(west, south)
        shutil.copy(folder / f"{west % 2}{south % 2}.tif", path)
        with rasterio.open(path, "r+") as file:
            file.transform = Affine(1 / TILE, 0, west, 0, -1 / TILE, south + 1)


def tile_name(west: int, south: int) -> str:
    return f"n{south:02d}e{west:03d}.tif"


def write_vrt(path: Path, places: list[tuple[int, int]]) -> None:
    """The tiles as one raster, as `gdalbuildvrt` writes it."""
    (west, south), (east, north) = np.min(places, axis=0).tolist(), (np.max(places, axis=0) + 1).tolist()
    width, height = (east - west) * TILE, (north - south) * TILE
    sources = "".join(
        f'<ComplexSource><SourceFilename relativeToVRT="1">tiles/{tile_name(w, s)}</SourceFilename>'
        "<SourceBand>1</SourceBand>"
        f'<SourceProperties RasterXSize="{TILE}" RasterYSize="{TILE}" DataType="Int16" BlockXSize="256" '
        f'BlockYSize="256"/><SrcRect xOff="0" yOff="0" xSize="{TILE}" ySize="{TILE}"/>'
        f'<DstRect xOff="{(w - west) * TILE}" yOff="{(north - s - 1) * TILE}" xSize="{TILE}" ySize="{TILE}"/>'
        f"<NODATA>-32768</NODATA></ComplexSource>"
        for w, s in places
    )
    path.write_text(
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>EPSG:4326</SRS>'
        f"<GeoTransform>{west}, {1 / TILE!r}, 0, {north}, 0, {-1 / TILE!r}</GeoTransform>"
        f'<VRTRasterBand dataType="Int16" band="1"><NoDataValue>-32768</NoDataValue>{sources}'
        "</VRTRasterBand></VRTDataset>"
    )


if __name__ == "__main__":
    main()
