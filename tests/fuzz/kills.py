"""Long commands killed at random moments: every file is the old or a whole new one; a rerun ends alike."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import harness, samples, targets


@dataclass(frozen=True)
class Long:
    """A command that takes a while.

    Attributes
    ----------
    name : str
    make : function
        Writes what it reads.
    command : tuple of str
    old : tuple of str
        Run before, so that there is an old output to replace; none if the command replaces nothing.
    """

    name: str
    make: Callable[[Path], None]
    command: tuple[str, ...]
    old: tuple[str, ...] = ()


def _two(folder: Path) -> None:
    """Two inventories that differ."""
    from rogi.inventory.write import write_inventory
    from rogi.rules import examples

    write_inventory(examples.tprogi(60), folder / "i.gpkg")
    write_inventory(examples.tprogi(40), folder / "other.gpkg")


def _with(word: str, by: str, command: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(by if part == word else part for part in command)


_CONVERT = ("convert", "in/i.gpkg", "out/o.gpkg", "--force")
_FOLDER = ("convert", "in/i.gpkg", "out/o", "--to-format", "shapefile", "--force")
_FIX = (
    "validate",
    "in/i.gpkg",
    "--no-config",
    "--limit",
    "1",
    "--fix",
    "safe",
    "--fixed",
    "out/o.gpkg",
    "--force",
    "--output",
    "out/r.html",
)
_COMPARE = (
    "compare",
    "in/other.gpkg",
    "in/i.gpkg",
    "--crosswalk",
    "out/c.parquet",
    "--changes",
    "out/c.gpkg",
    "-o",
    "out/r.html",
    "-q",
)
_RADIATION = ("--radiation", "search_radius=500", "--radiation", "n_sectors=16")
_ATTRIBUTES = (
    "attributes",
    "in/u.gpkg",
    "--dem",
    "in/dem.tif",
    "--fields",
    "ELE,SLO,PISR",
    *_RADIATION,
    "-o",
    "out/o.gpkg",
)

LONG: tuple[Long, ...] = (
    Long("convert", _two, _CONVERT, _with("in/i.gpkg", "in/other.gpkg", _CONVERT)),
    Long("convert into a folder", _two, _FOLDER, _with("in/i.gpkg", "in/other.gpkg", _FOLDER)),
    Long("validate --fix", _two, _FIX, _with("in/i.gpkg", "in/other.gpkg", _FIX)),
    Long("compare", _two, _COMPARE),
    Long(
        "stats",
        _two,
        ("stats", "in/i.gpkg", "--grid", "out/g.gpkg", "--figures", "out/figures", "--output", "out/s.md"),
    ),
    Long(
        "attributes",
        samples.raster,
        _ATTRIBUTES,
        ("attributes", "in/u.gpkg", "--fields", "AREA", "-o", "out/o.gpkg"),
    ),
    Long("detect predict", samples.bundle, (*targets.predict("in/p.tif")[0], "--probability", "out/p.tif")),
    Long(
        "update plan",
        samples.work,
        (
            "update",
            "plan",
            "--inventory",
            "in/v.gpkg",
            "--candidates",
            "in/c.gpkg",
            "--mappers",
            "anna,ben",
            "-o",
            "out/work",
            "-q",
        ),
    ),
    Long("update apply", samples.work, targets.UPDATE[1]),
    Long("release build", samples.release, (*targets.RELEASE[0], "--force")),
)

#: What is kept to go on with: its bytes depend on when and in what order the work was done.
_LEDGERS = ("ledger", ".rogi/")


def _files(results: dict[str, str]) -> dict[str, str]:
    return {
        name: digest
        for name, digest in results.items()
        if digest != "folder" and not any(word in name for word in _LEDGERS) and "/." not in name
    }


def kill(long: Long, seed: int, times: int) -> list[str]:
    """Run, kill and run again; what was neither old nor whole, or differed after the rerun."""
    rng = random.Random(f"{seed} {long.name}")
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        root = Path(folder) / "root"
        (root / "in").mkdir(parents=True)
        (root / "out").mkdir()
        long.make(root / "in")
        old: dict[str, str] = {}
        if long.old:
            outcome = harness.run(long.old, root)
            assert outcome.code in (0, 1), outcome
            old = _files(outcome.results)
        shutil.copytree(root / "out", root.parent / "old")
        started = time.monotonic()
        whole = harness.run(long.command, root)
        duration = time.monotonic() - started
        assert whole.code in (0, 1), whole
        new = _files(whole.results)
        for number in range(times):
            shutil.rmtree(root / "out")
            shutil.copytree(root.parent / "old", root / "out")
            after = rng.uniform(0.02, 1.05) * duration
            outcome = harness.run(long.command, root, kill_after=after)
            where = f"{long.name}, kill {number + 1} after {after:.2f} of {duration:.2f} s"
            found = _files(outcome.results)
            for name, digest in found.items():
                if digest not in (old.get(name), new.get(name)):
                    faults.append(f"{where}: {name} is neither old nor whole")
            faults += [f"{where}: {name} is gone" for name in old if name not in found]
            again = harness.run(long.command, root)
            if again.code != whole.code:
                faults.append(f"{where}: the rerun ended with {again.code}: {again.err[-500:]}")
                continue
            differ = {name for name in new if _files(again.results).get(name) != new[name]}
            if differ:
                faults.append(f"{where}: after the rerun {', '.join(sorted(differ))} differ")
            left = [name for name in again.results if "/." in name]
            if left:
                faults.append(f"{where}: after the rerun {', '.join(left)[:200]} are left")
    return faults
