"""`rogi validate` against a bare read of the same layers, in growth, and beside geolint.

Whole commands, start-up included, all rules on, text output. Synthetic inventories of TPRoGI's size
(44,273 units, 60 to 100 vertices, footprints and markers) and the global one's (301,524).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import measure

READ = """
import sys, pyogrio
for layer, _ in pyogrio.list_layers(sys.argv[1]):
    pyogrio.read_arrow(sys.argv[1], layer=layer)
"""
LARGE = 301_524
MEDIUM = 44_273
PEER = 19_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="also 301,524 units (some minutes)")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    rogi = shutil.which("rogi", path=str(Path(sys.executable).parent)) or "rogi"
    rows: list[list[object]] = [["command", "units", "s", "ratio", "peak MiB"]]
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for units in (PEER, MEDIUM, *([LARGE] if options.large else [])):
            files[units] = Path(folder) / f"{units}.gpkg"
            make = [rogi, "synthetic", "inventory", "--count", str(units), "--seed", "1", "-o", str(files[units])]
            assert measure.command(make, runs=1).code == 0, "the synthetic inventory could not be made"
        per_unit = 0.0
        for units, path in files.items():
            if units == PEER:
                continue
            bare = measure.python(READ, str(path), runs=options.runs)
            whole = measure.command([rogi, "validate", str(path), "--no-config"], runs=options.runs)
            assert whole.code in (0, 1), f"exit code {whole.code}"
            rows.append(["bare read (pyogrio, Arrow)", units, f"{bare.seconds:.2f}", "1", f"{bare.megabytes:.0f}"])
            ratio = whole.seconds / bare.seconds
            rows.append(["rogi validate", units, f"{whole.seconds:.2f}", f"{ratio:.1f}", f"{whole.megabytes:.0f}"])
            if per_unit:
                growth = whole.seconds / units / per_unit
                rows.append(["growth per unit over the smaller", units, "", f"{growth:.2f}", ""])
            per_unit = whole.seconds / units
        peer_rows(rogi, files[PEER], rows, options.runs)
    measure.table(rows)


def peer_rows(rogi: str, path: Path, rows: list[list[object]], runs: int) -> None:
    """Beside geolint at a size where it does not skip its overlap check."""
    geolint = shutil.which("geolint", path=str(Path(sys.executable).parent))
    whole = measure.command([rogi, "validate", str(path), "--no-config"], runs=runs)
    if geolint is None:
        rows.append(["geolint (not installed)", PEER, "", "", ""])
        return
    outlines = path.with_suffix(".outlines.gpkg")
    import pyogrio

    name = next(layer for layer, kind in pyogrio.list_layers(path) if "Polygon" in str(kind))
    pyogrio.write_dataframe(pyogrio.read_dataframe(path, layer=name), outlines, layer=name)
    peer = measure.command([geolint, "validate", str(outlines)], runs=runs)
    rows.append([f"geolint validate (exit {peer.code})", PEER, f"{peer.seconds:.2f}", "1", f"{peer.megabytes:.0f}"])
    ratio = whole.seconds / peer.seconds
    rows.append(["rogi validate", PEER, f"{whole.seconds:.2f}", f"{ratio:.2f}", f"{whole.megabytes:.0f}"])


if __name__ == "__main__":
    main()
