"""`rogi validate`, `stats` and start-up against a bare read of the same layers, and beside geolint.

Whole commands, start-up included, all rules on. Synthetic inventories of TPRoGI's size (44,273 units, 60 to
100 vertices, footprints and markers), with `--full` of the global inventory's too (301,524, all continents).
The best of several runs counts.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import measure
from measure import LARGE, MEDIUM

OUTLINES = """
import sys, pyogrio
source, target = sys.argv[1:]
name = next(layer for layer, kind in pyogrio.list_layers(source) if "Polygon" in str(kind))
pyogrio.write_dataframe(pyogrio.read_dataframe(source, layer=name), target, layer=name)
"""
READ = """
import sys, pyogrio
for layer, _ in pyogrio.list_layers(sys.argv[1]):
    pyogrio.read_arrow(sys.argv[1], layer=layer)
"""
PEER = 19_000  # geolint leaves out its overlap check above 20,000
FEW = 20
SHORT_RUNS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also 301,524 units")
    parser.add_argument("--runs", type=int, default=3, help="of each command; the best counts (default 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reading(folder, options.runs, options.full)
        peer(folder, options.runs)
        start(folder)


def inventory(folder: Path, units: int) -> Path:
    """A clean synthetic inventory; the largest is spread over all continents."""
    path = folder / f"{units}.gpkg"
    place = ["--global"] if units == LARGE else []
    count = ["--count", str(units), "--seed", "1"]
    measure.rogi("synthetic", "inventory", *count, *place, "-o", path, runs=1)
    return path


def reading(folder: Path, runs: int, full: bool) -> None:
    """Validation and statistics beside a bare read, both with and without reports."""
    job = measure.Job(
        "Validation and statistics",
        "Aim: 44,273 units 2.8 times the bare read, 450 MiB; 301,524 units 3.5 times, 8 s, 1.8 GiB, with "
        "reports too; with figures 6 s, 2 GiB.",
    )
    before = None
    for units in (MEDIUM, LARGE) if full else (MEDIUM,):
        path = inventory(folder, units)
        reports = [
            option for kind in ("html", "sarif", "gpkg") for option in ("-o", folder / f"report.{kind}")
        ]
        bare = measure.python(READ, path, runs=runs)
        job.add("bare read (pyogrio, Arrow)", bare, units, own=False, base=bare)
        whole = measure.rogi("validate", path, "--no-config", runs=runs)
        job.add("validate", whole, units, base=bare)
        written = measure.rogi("validate", path, "--no-config", "--force", *reports, runs=runs)
        job.add("validate, with HTML, SARIF and GeoPackage", written, units, base=bare)
        figures = measure.rogi("stats", path, "--figures", folder / "figures", "--force", runs=runs)
        job.add("stats --figures", figures, units, base=bare)
        if before is not None:
            job.growth("validate", before, whole)
        before = whole
        path.unlink()
    job.show()


def peer(folder: Path, runs: int) -> None:
    """Beside geolint at a size where it does not skip its overlap check; it gets the outlines only."""
    geolint = shutil.which("geolint", path=str(Path(sys.executable).parent))
    if geolint is None:
        print("geolint is not installed: `pip install -r benchmarks/requirements.txt`.")
        return
    path = inventory(folder, PEER)
    outlines = path.with_suffix(".outlines.gpkg")
    # not in this process: the memory it has when it starts another counts as that of the other
    measure.python(OUTLINES, path, outlines, runs=1)
    job = measure.Job("Validation beside geolint", "Aim: no slower, while checking more.")
    linted = measure.command([geolint, "validate", outlines], runs, codes=(0, 1))
    job.add("geolint validate (outlines)", linted, PEER, own=False)
    job.add("validate (outlines and markers)", measure.rogi("validate", path, "--no-config", runs=runs), PEER)
    job.show()


def start(folder: Path) -> None:
    """Commands that do next to nothing."""
    job = measure.Job("Start-up", "Aim: help within 0.15 s, a validation of 20 units within 0.9 s.")
    job.add("python -c pass", measure.python("pass", runs=SHORT_RUNS), own=False)
    job.add("rogi --help", measure.rogi("--help", runs=SHORT_RUNS))
    path = inventory(folder, FEW)
    job.add("validate", measure.rogi("validate", path, "--no-config", runs=SHORT_RUNS), FEW)
    job.show()


if __name__ == "__main__":
    main()
