"""`rogi update plan` of TPRoGI's size for seven mappers, against reading and writing the same layers alone.

A synthetic inventory of 44,273 units and the candidates of a new season: mostly the same outlines, others
smaller, split, in pairs, missing and new. Peer: geopandas (pyogrio) reads inventory and candidates and writes
them again as GeoPackages, which is the least any program must do. Both are whole processes with start-up.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import measure

UNITS = 44_273
MAPPERS = "anna,ben,carla,dana,emil,fatima,gao"
SEASONS = Path(__file__).parents[1] / "tests" / "update"
PREPARE = """
import sys
from pathlib import Path
from rogi.inventory.write import write_inventory
sys.path.insert(0, sys.argv[3])
from season import new_season
folder = Path(sys.argv[1])
season = new_season(int(sys.argv[2]), 1)
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
    parser.add_argument("--units", type=int, default=UNITS)
    parser.add_argument("--runs", type=int, default=2, help="of each command; the best counts (default 2)")
    options = parser.parse_args()
    rogi = shutil.which("rogi", path=str(Path(sys.executable).parent)) or "rogi"
    rows: list[list[object]] = [["what", "s", "processor s", "ratio", "processor ratio", "peak MiB"]]
    with tempfile.TemporaryDirectory() as name:
        assert measure.python(PREPARE, name, str(options.units), str(SEASONS), runs=1).code == 0
        peer = measure.python(PEER, name, runs=options.runs)
        assert peer.code == 0
        plan = [
            rogi,
            "update",
            "plan",
            "--inventory",
            f"{name}/v1.0.gpkg",
            "--candidates",
            f"{name}/candidates.gpkg",
            "--mappers",
            MAPPERS,
            "-o",
            f"{name}/work",
        ]
        done = measure.command(plan, options.runs)
        assert done.code == 0
        for what, result in (("geopandas reads and writes both", peer), ("rogi update plan", done)):
            rows.append(
                [
                    what,
                    f"{result.seconds:.2f}",
                    f"{result.processor_seconds:.2f}",
                    f"{result.seconds / peer.seconds:.2f}",
                    f"{result.processor_seconds / peer.processor_seconds:.2f}",
                    f"{result.megabytes:.0f}",
                ]
            )
    measure.table(rows)


if __name__ == "__main__":
    main()
