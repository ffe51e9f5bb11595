"""The full comparison of `rogi compare` against `geopandas.overlay` on the same pair of inventories.

The pair: synthetic outlines of 80 vertices, and a copy of them in which every outline is moved and redrawn
a little, one in ten is cut in two, one in ten is merged with a neighbour drawn beside it, and one in twenty
is left out. Each step runs in a process of its own, so that its peak memory is its own. Then whole commands
with the HTML report, against a bare read of both files. With `--full` also 301,524 units, without overlay.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import measure
import numpy as np
import shapely
from measure import LARGE, MEDIUM, Measured

if TYPE_CHECKING:
    from rogi.comparison.compare import Comparison

VERTICES = 80
SEED = 20240101


def inventory_pair(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Outlines on longitude and latitude, and their altered copy."""
    rng = np.random.default_rng(SEED)
    columns = int(np.ceil(np.sqrt(2 * count)))
    cell = np.arange(count)
    # about 3 km apart, so that outlines seldom meet their neighbours
    lon = 75 + (cell % columns) * 0.031 + rng.uniform(-0.004, 0.004, count)
    lat = 27 + (cell // columns) * 0.027 + rng.uniform(-0.004, 0.004, count)
    radius = np.clip(np.sqrt(np.exp(rng.normal(np.log(0.09), 0.8, count)) / np.pi) * 1000, 60, 900)
    angle = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    phase = rng.uniform(0, 6, (count, 1))
    reach = radius[:, None] * (
        1 + 0.2 * np.sin(3 * angle + phase) + 0.01 * rng.normal(size=(count, VERTICES))
    )
    xy = np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=-1)
    metres = np.stack([111_320 * np.cos(np.radians(lat)), np.full(count, 110_574.0)], axis=-1)[:, None, :]
    centre = np.stack([lon, lat], axis=-1)[:, None, :]
    original = shapely.polygons(centre + xy / metres)

    moved = xy + rng.normal(0, 15, (count, 1, 2)) + rng.normal(0, 1.5, xy.shape)
    copy = shapely.polygons(centre + moved / metres)
    kind = rng.permutation(count) % 20
    cut = np.flatnonzero((kind == 0) | (kind == 1))
    bounds = shapely.bounds(copy[cut])
    middle = 0.5 * (bounds[:, 0] + bounds[:, 2])
    valid = shapely.make_valid(copy[cut])
    halves = [
        shapely.intersection(valid, shapely.box(bounds[:, 0], bounds[:, 1], middle, bounds[:, 3])),
        shapely.intersection(valid, shapely.box(middle, bounds[:, 1], bounds[:, 2], bounds[:, 3])),
    ]
    merged = np.flatnonzero((kind == 2) | (kind == 3))
    beside = shapely.transform(copy[merged], lambda c: c + np.array([0.004, 0.0]))
    original = np.concatenate([original, beside])[: count + len(merged)]
    union = shapely.union(shapely.make_valid(copy[merged]), shapely.make_valid(beside))
    kept = ~np.isin(kind, [0, 1, 2, 3, 4])
    return original, np.concatenate([copy[kept], *halves, union])


READ = """
import sys, pyogrio
for path in sys.argv[1:]:
    pyogrio.read_arrow(path)
"""


def clocks() -> np.ndarray:
    """Wall time and processor time of all threads, s."""
    return np.array([time.perf_counter(), time.process_time()])


def write_pair(count: int, folder: Path) -> None:
    """The pair as two files of WKB, so that the memory of making it is not that of comparing it."""
    for name, geometries in zip("ab", inventory_pair(count), strict=True):
        parts = shapely.to_wkb(geometries).tolist()
        (folder / f"{name}.wkb").write_bytes(b"".join(parts))
        np.save(folder / f"{name}_lengths.npy", np.array([len(p) for p in parts]))


def write_files(count: int, folder: Path) -> None:
    """The pair as GeoPackages."""
    import geopandas

    for name, geometries in zip("ab", inventory_pair(count), strict=True):
        frame = geopandas.GeoDataFrame({"id": np.arange(len(geometries))}, geometry=geometries, crs=4326)
        frame.to_file(folder / f"{name}.gpkg")


def read_pair(folder: Path) -> list[np.ndarray]:
    """The pair as arrays of geometries."""
    sides = []
    for name in "ab":
        lengths = np.load(folder / f"{name}_lengths.npy").tolist()
        parts = []
        with (folder / f"{name}.wkb").open("rb") as stream:
            for start in range(0, len(lengths), 4096):
                block = [stream.read(n) for n in lengths[start : start + 4096]]
                parts += [shapely.from_wkb(block)]
        sides.append(np.concatenate(parts))
    return sides


def ours(folder: Path) -> dict[str, float]:
    """Repair, sort, match, assign, boundary distances, all agreement with intervals: as the command does."""
    from rogi.comparison.compare import compare_polygons
    from rogi.comparison.matching.prepared_outlines import canonical_order, prepare_together, repair

    def full(sides: list[np.ndarray]) -> Comparison:
        ready = []
        for geometries in sides:
            valid, _ = repair(geometries)
            ready.append(valid[canonical_order(np.arange(len(valid)), valid)])
        return compare_polygons(*prepare_together([(g, 4326) for g in ready]))

    full([g[:200] for g in inventory_pair(200)])  # imports, and compiles or loads what was compiled
    sides = read_pair(folder)
    start = clocks()
    result = full(sides)
    seconds, processor = clocks() - start
    assert result.area is not None
    return {
        "seconds": seconds,
        "processor": processor,
        "pairs": len(result.graph.a),
        "both": float(result.graph.overlap.sum()),
        "only_a": float((result.graph.area_a - result.parts.covered_a).sum()),
        "only_b": float((result.graph.area_b - result.parts.covered_b).sum()),
    }


def overlay(folder: Path) -> dict[str, float]:
    """geopandas.overlay in the same equal-area plane: the intersection and both differences."""
    import geopandas

    from rogi.comparison.matching.prepared_outlines import prepare_together

    ready = prepare_together([(shapely.make_valid(g), 4326) for g in read_pair(folder)])
    a, b = (geopandas.GeoDataFrame(geometry=s.plane_geometries(), crs=s.plane_crs) for s in ready)
    start = clocks()
    both = geopandas.overlay(a, b, how="intersection", keep_geom_type=True)
    only_a = geopandas.overlay(a, b, how="difference", keep_geom_type=True)
    only_b = geopandas.overlay(b, a, how="difference", keep_geom_type=True)
    seconds, processor = clocks() - start
    areas = {"both": both.area.sum(), "only_a": only_a.area.sum(), "only_b": only_b.area.sum()}
    return {
        "seconds": seconds,
        "processor": processor,
        "pairs": len(both),
        **{k: float(v) for k, v in areas.items()},
    }


def in_process(task: str, folder: Path) -> tuple[Measured, dict[str, float]]:
    """Run a step alone; its time without start-up, and its peak memory."""
    done = subprocess.run(
        [sys.executable, __file__, "--task", task, "--folder", str(folder)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    got: dict[str, float] = json.loads(done.stdout)
    return Measured(got["seconds"], got["megabytes"], processor_seconds=got["processor"]), got


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also 301,524 units")
    parser.add_argument("--count", type=int, default=MEDIUM)
    parser.add_argument("--task", choices=["ours", "overlay"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        result = {"ours": ours, "overlay": overlay}[options.task](options.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**result, "megabytes": peak}))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        agreement(folder, options.count, options.full)
        commands(folder, (options.count, LARGE) if options.full else (options.count,))


def agreement(folder: Path, count: int, full: bool) -> None:
    """The comparison itself, without reading and writing."""
    measure.in_child(write_pair, count, folder)
    job = measure.Job("Comparison", "Aim: 16 times as fast as three overlays. Reading is not counted.")
    peer, theirs = in_process("overlay", folder)
    job.add("geopandas.overlay, three calls", peer, count, own=False)
    small, found = in_process("ours", folder)
    job.add("full comparison", small, count)
    if full:
        measure.in_child(write_pair, LARGE, folder)
        large, _ = in_process("ours", folder)
        job.add("full comparison", large, LARGE)
        job.growth("full comparison", small, large, LARGE / count)
    job.show()
    gaps = (f"{key} {abs(found[key] / theirs[key] - 1):.0e}" for key in ("both", "only_a", "only_b"))
    print(f"Relative difference of the areas: {', '.join(gaps)}.")


def commands(folder: Path, counts: tuple[int, ...]) -> None:
    """`rogi compare` with its HTML report, and the size of the report."""
    job = measure.Job(
        "Comparison, whole command with its HTML report",
        "Aim: 44,273 units 8 s, 1.0 GiB, 10 MB; 301,524 units 25 s, 3.5 GiB, 30 MB.",
    )
    files, report = [folder / "a.gpkg", folder / "b.gpkg"], folder / "report.html"
    sizes = []
    for count in counts:
        measure.in_child(write_files, count, folder)
        bare = measure.python(READ, *files, runs=1)
        job.add("bare read of both (pyogrio, Arrow)", bare, count, own=False, base=bare)
        for what, more in (("compare", ()), ("compare -o report.html", ("-o", report, "--force"))):
            job.add(what, measure.rogi("compare", *files, *more, runs=1), count, base=bare)
        sizes.append(f"{count:,} units {report.stat().st_size / 1e6:.1f} MB")
    job.show()
    print(f"Size of the report: {', '.join(sizes)}.")


if __name__ == "__main__":
    main()
