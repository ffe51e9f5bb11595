"""`rogi attributes` and `detect predict` with `--cluster`, and comparisons by region, on Dask.

A Dask `LocalCluster` of 1, 2 and 4 processes against the same job without it: wall time is what counts here,
and more processes than cores cannot gain. The results must be the same, byte by byte. 1,000 units (`--full`:
3,000) of one subregion on tiles of one arc second, a picture of 8,000 x 8,000 pixels, two versions of 5,000
units (`--full`: 20,000) compared in each of 13 subregions.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attributes
import host
import measure
from measure import Measured

SIZES = (1, 2, 4)
SIDE = 8000
BY_REGION = """
import sys, rogi, geopandas
from pathlib import Path
folder, address = sys.argv[1:]
REGIONS = f"{folder}/regions.gpkg"

def compare(name):
    return str(rogi.compare(f"{folder}/a.gpkg", f"{folder}/b.gpkg", region=f"{REGIONS}:{name}"))

names = sorted(geopandas.read_file(REGIONS)["name"])
if address == "none":
    found = [compare(name) for name in names]
else:
    from distributed import Client
    with Client(address) as client:
        found = client.gather(client.map(compare, names))
Path(f"{folder}/found.txt").write_text("".join(found))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="larger inventories")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        units = 3_000 if options.full else 1_000
        (folder / "plateau").mkdir()
        measure.in_child(attributes.make_inputs, folder / "plateau", units, False)
        filled = folder / "filled.gpkg"

        def fill(cluster: list[str]) -> Measured:
            inputs = [folder / "plateau" / "units.gpkg", "--dem", folder / "plateau" / "tiles"]
            climate = folder / "plateau" / "climate.nc"
            inputs += ["--maat", climate, "--maat-variable", "t2m"]
            return measure.rogi("attributes", *inputs, "-o", filled, "--no-config", *cluster, runs=1)

        scale(f"Attributes of {units:,} units", fill, filled, lambda: forget(folder, "filled.gpkg"))

        sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "detection"))
        from bundles import tiny_bundle

        model, picture = tiny_bundle(folder / "tiny").path, host.picture(folder, SIDE)
        raster = folder / "probability.tif"

        def predict(cluster: list[str]) -> Measured:
            outputs = ["-o", folder / "candidates.gpkg", "--probability", raster]
            ground = ["--threshold", "0.95", "--minimum-area", "1000000"]
            ground += ["--backend", "openvino", "--precision", "fp32"]  # else by timing
            return measure.rogi(
                "detect", "predict", picture, "--model", model, *outputs, *ground, "--force", *cluster, runs=1
            )

        scale(
            f"Prediction of {SIDE:,} x {SIDE:,} pixels",
            predict,
            raster,
            lambda: forget(folder, "candidates.gpkg"),
        )

        count = 20_000 if options.full else 5_000
        measure.in_child(two_versions, folder, count)

        def by_region(cluster: list[str]) -> Measured:
            return measure.python(BY_REGION, folder, *(cluster[1:] or ["none"]), runs=1)

        scale(f"Comparisons of {count:,} units by region", by_region, folder / "found.txt", lambda: None)


def scale(title: str, run: Callable[[list[str]], Measured], result: Path, begin: Callable[[], None]) -> None:
    """A job alone and on clusters, from the beginning each time, with the time of the whole command."""
    job = measure.Job(title, "Aim: the same bytes. Processor time is that of this process only.")
    digests = []
    for size in (0, *SIZES):
        begin()
        if size:
            with cluster(size) as address:
                done = run(["--cluster", address])
            job.add(f"Dask, {size} process{'es' * (size > 1)}", done)
        else:
            done = run([])
            job.add("without a cluster", done)
        digests.append(hashlib.sha256(result.read_bytes()).hexdigest())
    job.show()
    same = len(set(digests)) == 1
    print("The results are the same, byte by byte." if same else "THE RESULTS DIFFER.")


@contextmanager
def cluster(size: int) -> Iterator[str]:
    """A scheduler and processes of one thread each."""
    import distributed

    with distributed.LocalCluster(
        n_workers=size, threads_per_worker=1, dashboard_address=None, memory_limit=None
    ) as made:
        yield made.scheduler_address


def forget(folder: Path, name: str) -> None:
    """Delete what a command keeps to go on from."""
    for path in (*folder.glob(f"{name}*"), *folder.glob(f"{Path(name).stem}.rogi*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def two_versions(folder: Path, count: int) -> None:
    """An inventory, its next version, and boxes of its subregions."""
    import geopandas

    from rogi.inventory.write import write_inventory
    from rogi.synthetic.releases import two_versions as make

    versions = make(count, 1)
    write_inventory(versions.first, folder / "a.gpkg")
    write_inventory(versions.second, folder / "b.gpkg")
    outlines = geopandas.read_file(folder / "a.gpkg", layer="TPRoGI_Extended_Footprint")
    boxes = outlines.assign(geometry=outlines.envelope).dissolve("SUBREGION").envelope
    regions = geopandas.GeoDataFrame({"name": boxes.index}, geometry=boxes.to_numpy(), crs=4326)
    regions.to_file(folder / "regions.gpkg")


if __name__ == "__main__":
    main()
