"""`rogi update plan` for seven mappers and `update apply`, against reading and writing the same layers alone.

A synthetic inventory of TPRoGI's size (44,273 units), with `--full` of 301,524 units on all continents too.
Candidates of a new season are mostly the same outlines, others smaller, split, in pairs, missing and new.
`rogi synthetic decisions` decides all tasks. Peer: geopandas (pyogrio) reads inventory and candidates and
writes them again as GeoPackages, the least any program must do. All are whole processes with start-up.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import measure
from measure import LARGE, MEDIUM, Measured

MAPPERS = "anna,ben,carla,dana,emil,fatima,gao"
SEASONS = Path(__file__).parents[1] / "tests" / "update"
PREPARE = """
import sys
from pathlib import Path
from rogi.inventory.write import write_inventory
sys.path.insert(0, sys.argv[3])
from season import new_season
folder = Path(sys.argv[1])
count = int(sys.argv[2])
season = new_season(count, 1, worldwide=count > 100_000)
write_inventory(season.inventory, folder / "v1.0.gpkg")
season.candidates.to_file(folder / "candidates.gpkg", layer="candidates")
"""
PEER = """
import sys
import geopandas
folder = sys.argv[1]
for name, layer in (("v1.0", "TPRoGI_Extended_Footprint"), ("candidates", "candidates")):
    frame = geopandas.read_file(f"{folder}/{name}.gpkg", layer=layer)
    frame.to_file(f"{folder}/again.gpkg", layer=layer)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also 301,524 units")
    parser.add_argument("--units", type=int, default=MEDIUM)
    options = parser.parse_args()
    job = measure.Job("Updates", "Aim: time for each unit growing by at most 1.2, below 4 GiB.")
    small = update(job, options.units)
    if options.full:
        large = update(job, LARGE)
        for what, it in large.items():
            job.growth(what, small[what], it, LARGE / options.units)
    job.show()


def update(job: measure.Job, units: int) -> dict[str, Measured]:
    """A season planned, decided and applied."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure.python(PREPARE, name, str(units), str(SEASONS), runs=1)
        peer = measure.python(PEER, name, runs=1)
        job.add("geopandas reads and writes both", peer, units, own=False, base=peer)
        inventory, candidates, work = (folder / part for part in ("v1.0.gpkg", "candidates.gpkg", "work"))
        inputs = ("--inventory", inventory, "--candidates", candidates)
        plan = measure.rogi("update", "plan", *inputs, "--mappers", MAPPERS, "-o", work, runs=1)
        job.add("update plan", plan, units, base=peer)
        decide = ("synthetic", "decisions", work, "--truth", inventory, "-o", folder / "done.json")
        measure.rogi(*decide, runs=1)
        apply = measure.rogi(
            "update", "apply", work, "--inventory", inventory, "-o", folder / "v1.1.gpkg", runs=1
        )
        job.add("update apply", apply, units, base=peer)
        return {"update plan": plan, "update apply": apply}


if __name__ == "__main__":
    main()
