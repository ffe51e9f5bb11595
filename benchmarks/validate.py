"""`rogi validate` against a bare read of the same layers, in growth, and beside geolint.

Whole commands, start-up included, all rules on, text output. Synthetic inventories of TPRoGI's size
(44,273 units, 60 to 100 vertices, footprints and markers) and of the global inventory's (301,524).
Ratios are of wall time; those of processor time are beside them, as they depend less on what else the
machine is doing. The best of several runs counts.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import measure
from measure import Measured

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
LARGE = 301_524
MEDIUM = 44_273
PEER = 19_000  # geolint leaves out its overlap check above 20,000
HELP_RUNS = 10

HEADER = ["command", "units", "s", "processor s", "ratio", "processor ratio", "peak MiB"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also 301,524 units (some minutes)")
    parser.add_argument("--runs", type=int, default=3, help="of each command; the best counts (default 3)")
    options = parser.parse_args()
    rogi = shutil.which("rogi", path=str(Path(sys.executable).parent)) or "rogi"
    rows: list[list[object]] = [list(HEADER)]
    with tempfile.TemporaryDirectory() as folder:
        before: Measured | None = None
        for units in (MEDIUM, LARGE) if options.large else (MEDIUM,):
            path = inventory(rogi, Path(folder), units)
            bare = measure.python(READ, str(path), runs=options.runs)
            whole = validation(rogi, path, options.runs)
            rows += [row("bare read (pyogrio, Arrow)", units, bare, bare)]
            rows += [row("rogi validate", units, whole, bare)]
            if before is not None:
                rows.append(growth(before, whole))
            before = whole
            path.unlink()
        rows += peer_rows(rogi, inventory(rogi, Path(folder), PEER), options.runs)
    empty = measure.python("pass", runs=HELP_RUNS)
    rows += [row("python -c pass", "", empty, empty)]
    rows += [row("rogi --help", "", measure.command([rogi, "--help"], HELP_RUNS), empty)]
    measure.table(rows)


def inventory(rogi: str, folder: Path, units: int) -> Path:
    """A clean synthetic inventory."""
    path = folder / f"{units}.gpkg"
    make = [rogi, "synthetic", "inventory", "--count", str(units), "--seed", "1", "-o", str(path)]
    assert measure.command(make, runs=1).code == 0, "the synthetic inventory could not be made"
    return path


def validation(rogi: str, path: Path, runs: int) -> Measured:
    whole = measure.command([rogi, "validate", str(path), "--no-config"], runs=runs)
    assert whole.code == 0, f"exit code {whole.code}: a clean inventory has no findings"
    return whole


def row(name: str, units: object, it: Measured, beside: Measured) -> list[object]:
    ratios = (it.seconds / beside.seconds, it.processor_seconds / beside.processor_seconds)
    shown = ["1", "1"] if it is beside else [f"{r:.2f}" for r in ratios]
    return [name, units, f"{it.seconds:.2f}", f"{it.processor_seconds:.2f}", *shown, f"{it.megabytes:.0f}"]


def growth(small: Measured, large: Measured) -> list[object]:
    """Time for each unit, of the larger inventory over the smaller."""
    more = LARGE / MEDIUM
    ratios = (large.seconds / small.seconds, large.processor_seconds / small.processor_seconds)
    return ["time per unit, large over small", "", "", "", *(f"{r / more:.2f}" for r in ratios), ""]


def peer_rows(rogi: str, path: Path, runs: int) -> list[list[object]]:
    """Beside geolint at a size where it does not skip its overlap check; it gets the outlines only."""
    geolint = shutil.which("geolint", path=str(Path(sys.executable).parent))
    if geolint is None:
        return [["geolint (not installed)", PEER, *[""] * 5]]
    outlines = path.with_suffix(".outlines.gpkg")
    # not in this process: the memory it has when it starts another counts as that of the other
    assert measure.python(OUTLINES, str(path), str(outlines), runs=1).code == 0
    peer = measure.command([geolint, "validate", str(outlines)], runs, codes=(0, 1))
    whole = validation(rogi, path, runs)
    return [row("geolint validate (outlines)", PEER, peer, peer), row("rogi validate", PEER, whole, peer)]


if __name__ == "__main__":
    main()
