"""Peak memory of what reads rasters, on rasters of one, four and sixteen times the size.

`rogi attributes` of the same units, on one, four and sixteen tiles of 3,600 x 3,600 pixels behind a VRT;
`rogi detect predict` with a network of one convolution on pictures of 2,000, 4,000 and 8,000 pixels a side,
without outlines, whose number would grow with the picture.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import attributes
import host
import measure

UNITS = 100
SIDES = (1, 2, 4)
"""Times as many rows and columns."""

NO_OUTLINES = ("--threshold", "0.999", "--minimum-area", "1000000")
PICTURE = 2000
"""Pixels of a side of the smallest picture."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="the same: it takes a minute or two")
    parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure.in_child(make_inputs, folder)
        job = measure.Job("Memory by size of rasters", "Aim: flat; each third row has 16 times the pixels.")
        first = None
        for times in SIDES:
            side = times * attributes.TILE
            dem = ("--dem", folder / f"{times}.vrt", "--workers", "1")
            output = folder / f"attributes{times}.gpkg"
            it = measure.rogi("attributes", folder / "units.gpkg", "-o", output, "--no-config", *dem, runs=1)
            first = first or it
            job.add(f"attributes, {side:,} x {side:,} pixels", it, UNITS, base=first)
        first = None
        for times in SIDES:
            side = times * PICTURE
            model = ("--model", folder / "model", "-o", folder / f"{side}.gpkg", "--workers", "1")
            raster = ("--probability", folder / f"{side}.tif", *NO_OUTLINES)
            it = measure.rogi("detect", "predict", host.picture(folder, side), *model, *raster, runs=1)
            first = first or it
            job.add(f"detect predict, {side:,} x {side:,} pixels", it, base=first)
        job.show()


def make_inputs(folder: Path) -> None:
    """Units of one degree, tiles around them, pictures and a network."""
    import geopandas
    import numpy as np

    from rogi.inventory.build import from_frames
    from rogi.schema.model import Role
    from rogi.synthetic.inventory import synthetic_inventory

    made = synthetic_inventory(20 * UNITS, 1, region=attributes.REGION)
    frames = {layer.role: layer.frame for layer in made.layers}
    place = np.floor(frames[Role.OUTLINE][["LON", "LAT"]].to_numpy(float))
    degrees, of, often = np.unique(place, axis=0, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(of.ravel() == np.argmax(often))[:UNITS]
    chosen = {role: geopandas.GeoDataFrame(frame.iloc[rows]) for role, frame in frames.items()}
    inventory = from_frames(chosen, schema="tprogi/1.0", dialect="tprogi", path="units")
    inventory.write(folder / "units.gpkg")
    west, south = degrees[np.argmax(often)].astype(int).tolist()
    grid = [(west + x, south + y) for x in range(max(SIDES)) for y in range(max(SIDES))]
    attributes.write_tiles(folder, grid)
    for times in SIDES:
        some = [(x, y) for x, y in grid if x < west + times and y < south + times]
        attributes.write_vrt(folder / f"{times}.vrt", some)
    for times in SIDES:
        host.picture(folder, times * PICTURE)
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "detection"))
    from bundles import tiny_bundle

    tiny_bundle(folder / "model")


if __name__ == "__main__":
    main()
