"""`rogi release build`, `check` and `diff` against writing the GeoPackage alone.

Synthetic inventories of TPRoGI's size (44,273 units), with `--full` of 301,524 units on all continents too.
Commands are whole processes with start-up; the writing of the GeoPackage is timed without it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import measure
from measure import LARGE, MEDIUM, Measured

WRITE = """
import sys, time
from pathlib import Path
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
inventory = read_inventory(sys.argv[1])
start = time.perf_counter(), time.process_time()
write_inventory(inventory, sys.argv[2])
wall, processor = time.perf_counter() - start[0], time.process_time() - start[1]
Path(sys.argv[3]).write_text(f"{wall} {processor}")
"""
PREPARE = """
import sys
from pathlib import Path
from rogi.inventory.write import write_inventory
from rogi.synthetic.releases import two_versions, write_release_folders
folder = Path(sys.argv[1])
count = int(sys.argv[2])
versions = two_versions(count, 1, worldwide=count > 100_000)
write_release_folders(versions, folder / "releases")
write_inventory(versions.first, folder / "one.gpkg")
write_inventory(versions.second, folder / "two.gpkg")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also 301,524 units")
    parser.add_argument("--units", type=int, default=MEDIUM)
    parser.add_argument("--runs", type=int, default=2, help="of each command; the best counts (default 2)")
    options = parser.parse_args()
    job = measure.Job("Releases", "Aim: time for each unit growing by at most 1.2, below 4 GiB.")
    small = release(job, options.units, options.runs)
    if options.full:
        large = release(job, LARGE, 1)
        for what, it in large.items():
            job.growth(what, small[what], it, LARGE / options.units)
    job.show()


def release(job: measure.Job, units: int, runs: int) -> dict[str, Measured]:
    """Each command on two versions of an inventory, with the first as the previous one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure.python(PREPARE, name, str(units), runs=1)
        one, two, times = (folder / file for file in ("one.gpkg", "two.gpkg", "times.txt"))
        alone = []
        for _ in range(runs):
            measure.python(WRITE, one, folder / "alone.gpkg", times, runs=1)
            alone.append(tuple(float(x) for x in times.read_text().split()))
        wall, processor = (min(values) for values in zip(*alone, strict=True))
        base = Measured(wall, 0.0, processor_seconds=processor)
        job.add("write the GeoPackage alone", base, units, own=False, base=base)
        build = ("release", "build", "--no-config", "--releases", folder / "releases", "-o", folder / "dist")
        previous = folder / "dist" / "Synthetic_v1.0.zip"
        commands = {
            "release build 1.0": (*build, "1.0", "-i", one, "--force"),
            "release build 1.1 --previous": (*build, "1.1", "-i", two, "--force", "--previous", previous),
            "release check": ("release", "check", folder / "dist" / "Synthetic_v1.1.zip"),
            "release diff": ("release", "diff", one, two, "--fail-on", "never"),
        }
        done = {}
        for what, arguments in commands.items():
            done[what] = measure.rogi(*arguments, runs=runs)
            job.add(what, done[what], units, base=base)
        return done


if __name__ == "__main__":
    main()
