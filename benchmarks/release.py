"""`rogi release build` of TPRoGI's size against writing its GeoPackage alone, with peak memory.

Synthetic inventories of 44,273 units. The commands are whole processes with start-up; the writing of
the GeoPackage is timed without them. Ratios are of wall time and of processor time, the best of several runs.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import measure

UNITS = 44_273
WRITE = """
import sys
from pathlib import Path
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
import time
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
versions = two_versions(int(sys.argv[2]), 1)
write_release_folders(versions, folder / "releases")
write_inventory(versions.first, folder / "one.gpkg")
write_inventory(versions.second, folder / "two.gpkg")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=UNITS)
    parser.add_argument("--runs", type=int, default=2, help="of each command; the best counts (default 2)")
    options = parser.parse_args()
    rogi = shutil.which("rogi", path=str(Path(sys.executable).parent)) or "rogi"
    rows: list[list[object]] = [["what", "s", "processor s", "ratio", "processor ratio", "peak MiB"]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assert measure.python(PREPARE, name, str(options.units), runs=1).code == 0
        times = folder / "times.txt"
        alone = []
        for _ in range(options.runs):
            done = measure.python(WRITE, f"{name}/one.gpkg", f"{name}/alone.gpkg", str(times), runs=1)
            assert done.code == 0
            alone.append(tuple(float(x) for x in times.read_text().split()))
        wall, processor = (min(values) for values in zip(*alone, strict=True))
        rows.append(["write the GeoPackage alone", f"{wall:.2f}", f"{processor:.2f}", "1", "1", ""])
        base = [
            rogi,
            "release",
            "build",
            "--no-config",
            "--releases",
            f"{name}/releases",
            "-o",
            f"{name}/dist",
        ]
        commands = {
            "release build 1.0": [*base, "1.0", "-i", f"{name}/one.gpkg", "--force"],
            "release build 1.1 with --previous": [
                *base, "1.1", "-i", f"{name}/two.gpkg", "--force",
                "--previous", f"{name}/dist/Synthetic_v1.0.zip",
            ],
            "release check": [rogi, "release", "check", f"{name}/dist/Synthetic_v1.1.zip"],
            "release diff": [
                rogi, "release", "diff", f"{name}/one.gpkg", f"{name}/two.gpkg", "--fail-on", "never"
            ],
        }  # fmt: skip
        for title, command in commands.items():
            done = measure.command(command, runs=options.runs)
            assert done.code == 0, f"{title}: exit code {done.code}"
            rows.append(
                [
                    title,
                    f"{done.seconds:.2f}",
                    f"{done.processor_seconds:.2f}",
                    f"{done.seconds / wall:.1f}",
                    f"{done.processor_seconds / processor:.1f}",
                    f"{done.megabytes:.0f}",
                ]
            )
    measure.table(rows)


if __name__ == "__main__":
    main()
