"""Everything at once: mutants of each target, hostile files, geometries, kills; a table, and what failed."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import harness
from tests.fuzz.geometries import disagreements
from tests.fuzz.hostile import HOSTILE, Hostile
from tests.fuzz.kills import LONG, Long, kill
from tests.fuzz.mutants import Mutant, mutants
from tests.fuzz.targets import TARGETS, Command, Target


@dataclass(frozen=True)
class Plan:
    """How much to do.

    Attributes
    ----------
    seed : int
    seconds : float
        For all mutants together.
    jobs : int
        Processes.
    failures : Path
        Where inputs that failed are kept.
    mutants : int
        Of each target at most.
    geometries, kills : int
        How many geometries, and kills of each command; 0: none.
    short : bool
        Quick targets with one command each, and a twelfth of the hostile files.
    only : tuple of str
        Names, or parts of them, of what to do.
    """

    seed: int = 1
    seconds: float = 600.0
    jobs: int = 2
    failures: Path = Path("fuzz-failures")
    mutants: int = 10_000
    geometries: int = 10_000
    kills: int = 20
    short: bool = False
    only: tuple[str, ...] = ()


def preload() -> None:
    """Import what the commands import late, so that a forked run does not wait for it."""
    import exactextract  # noqa: F401
    import geopandas  # noqa: F401
    import onnxruntime  # noqa: F401
    import pandera.pandas  # noqa: F401
    import pyogrio  # noqa: F401
    import rasterio  # noqa: F401
    import rioxarray  # noqa: F401
    import xarray  # noqa: F401
    import zarr  # noqa: F401

    import rogi.attributes.derive
    import rogi.comparison
    import rogi.detection.prediction.run
    import rogi.release
    import rogi.update
    import rogi.validation.engine  # noqa: F401


class Bench:
    """A target with its sample made and its undamaged results known."""

    def __init__(self, target: Target, folder: Path, commands: tuple[Command, ...]) -> None:
        self.target, self.folder = target, folder
        self.sample, self.root = folder / "sample", folder / "root"
        self.sample.mkdir(parents=True)
        self.root.mkdir()
        target.make(self.sample)
        self.files = [
            path.relative_to(self.sample)
            for pattern in target.files
            for path in sorted(self.sample.glob(pattern))
            if path.is_file() and path.stat().st_size
        ]
        assert self.files, f"{target.name}: no file matches {target.files}"
        self.sound = {}
        for command in commands:
            outcome = self.run(command, self.files[0], None)
            read = outcome.code in (0, 1)
            assert read and not outcome.faults, f"the sound sample: {command} {outcome}"
            self.sound[command] = outcome

    def run(self, command: Command, file: Path, mutant: Mutant | None) -> harness.Outcome:
        """The outcome of a command with one file changed."""
        prepared(self.root, self.sample)
        if mutant is not None:
            (self.root / "in" / file).write_bytes(mutant.data)
        return harness.run([word.replace("{}", f"in/{file}") for word in command], self.root)

    def faults(self, command: Command, file: Path, mutant: Mutant) -> tuple[harness.Outcome, list[str]]:
        """What must not be, of a command on a mutant."""
        outcome = self.run(command, file, mutant)
        faults = list(outcome.faults)
        sound = self.sound[command]
        if mutant.cut and command[0] in self.target.cut and outcome.code == 0:
            same = _data(outcome) == _data(sound) and outcome.out == sound.out
            new = set((outcome.out + outcome.err).splitlines()) - set((sound.out + sound.err).splitlines())
            if not same and not any(harness.TELLS.search(line) for line in new):
                faults.append("missing bytes were not noticed, and the result is another")
        return outcome, faults


def _data(outcome: harness.Outcome) -> dict[str, str]:
    """Digests of the results, without the files that say which bytes were read."""
    about = (".provenance.json", ".attributes.toml", ".ledger", ".run.json")
    return {name: digest for name, digest in outcome.results.items() if not name.endswith(about)}


def prepared(root: Path, sample: Path) -> None:
    """A fresh copy of a sample, and an empty output folder."""
    for name in ("in", "out", "home"):
        shutil.rmtree(root / name, ignore_errors=True)
    (root / "out").mkdir(parents=True)
    shutil.copytree(sample, root / "in", symlinks=True)


def fuzz(target: Target, plan: Plan, seconds: float) -> Counter[str]:
    """Mutants of one target until the time is up."""
    counts: Counter[str] = Counter()
    rng = random.Random(f"{plan.seed} {target.name}")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        commands = target.commands
        if plan.short:
            commands = (rng.choice(commands),)
        bench = Bench(target, Path(folder), commands)
        sources = {
            file: mutants((bench.sample / file).read_bytes(), target.kind, rng) for file in bench.files
        }
        started = time.monotonic()
        while counts["tried"] < plan.mutants and time.monotonic() - started < seconds:
            file = rng.choice(bench.files)
            command = commands[counts["tried"] % len(commands)]
            mutant = next(sources[file])
            outcome, faults = bench.faults(command, file, mutant)
            words = [word.replace("{}", f"in/{file}") for word in command]
            _count(counts, plan, target.name, bench.root, words, f"{file}: {mutant.what}", outcome, faults)
    return counts


def attack(cases: list[Hostile], name: str, plan: Plan) -> Counter[str]:
    """All hostile files."""
    counts: Counter[str] = Counter()
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            root, sample = Path(folder) / "root", Path(folder) / "sample"
            root.mkdir()
            sample.mkdir()
            file = case.make(sample)
            for command in case.commands:
                prepared(root, sample)
                words = [word.replace("{}", f"in/{file}") for word in command]
                outcome = harness.run(words, root)
                faults = list(outcome.faults)
                if case.refused and outcome.code != 2 and not faults:
                    faults.append(f"it was not refused (exit code {outcome.code})")
                _count(counts, plan, name, root, words, case.name, outcome, faults)
    return counts


def _count(
    counts: Counter[str],
    plan: Plan,
    name: str,
    root: Path,
    words: list[str],
    what: str,
    outcome: harness.Outcome,
    faults: list[str],
) -> None:
    """Count an outcome, and keep the input and an account of a failure."""
    counts["tried"] += 1
    counts[{0: "accepted", 1: "findings", 2: "refused"}.get(outcome.code, "broken")] += 1
    if not faults:
        return
    counts["failed"] += 1
    place = plan.failures / name.replace(" ", "-").replace("/", "-") / str(counts["failed"])
    shutil.rmtree(place, ignore_errors=True)
    size = sum(path.stat().st_size for path in (root / "in").rglob("*") if path.is_file())
    if size < 20 << 20:
        shutil.copytree(root / "in", place / "in", symlinks=True)
    place.mkdir(parents=True, exist_ok=True)
    record = {
        "command": words,
        "what": what,
        "faults": faults,
        "code": outcome.code,
        "seconds": round(outcome.seconds, 1),
        "stdout": outcome.out[-3000:],
        "stderr": outcome.err[-3000:],
    }
    (place / "failure.json").write_text(json.dumps(record, indent=1))


def shapes(plan: Plan) -> Counter[str]:
    """Random geometries through three checkers."""
    differences, _ = disagreements(plan.seed, plan.geometries)
    _list(plan, "geometries", differences)
    return Counter(tried=plan.geometries, failed=len(differences))


def kills(long: Long, plan: Plan) -> Counter[str]:
    """Kills of one command."""
    faults = kill(long, plan.seed, plan.kills)
    _list(plan, f"kill {long.name}", faults)
    return Counter(tried=plan.kills, failed=len(faults))


def _list(plan: Plan, name: str, lines: list[str]) -> None:
    if lines:
        plan.failures.mkdir(parents=True, exist_ok=True)
        (plan.failures / f"{name.replace(' ', '-')}.txt").write_text("\n".join(lines) + "\n")


def run(plan: Plan) -> int:
    """All of it; 1 if anything failed."""
    targets = [target for target in TARGETS if target.quick or not plan.short]
    hostile = [case for number, case in enumerate(HOSTILE) if not plan.short or number % 12 == plan.seed % 12]
    share = plan.seconds * plan.jobs / max(len(targets), 1)
    work: dict[str, Callable[[], Counter[str]]] = {}
    if plan.mutants:
        work |= {target.name: lambda t=target: fuzz(t, plan, share) for target in targets}  # type: ignore[misc]
    for number in range(plan.jobs):
        name, cases = f"hostile files {number + 1}", hostile[number :: plan.jobs]
        work[name] = lambda c=cases, n=name: attack(c, n, plan)  # type: ignore[misc]
    if plan.geometries:
        work["geometries"] = lambda: shapes(plan)
    if plan.kills:
        work |= {f"kill {long.name}": lambda c=long: kills(c, plan) for long in LONG}  # type: ignore[misc]
    if plan.only:
        work = {
            name: do
            for name, do in work.items()
            if any(part.casefold() in name.casefold() for part in plan.only)
        }
    shutil.rmtree(plan.failures, ignore_errors=True)
    preload()
    print(f"{'what':24}{'tried':>7}{'refused':>9}{'findings':>10}{'accepted':>10}{'failed':>8}", flush=True)
    total = _in_processes(work, plan.jobs)
    print(_row("all", total))
    if total["failed"]:
        print(f"{total['failed']} failures; what failed is in {plan.failures}/")
    return int(total["failed"] > 0)


def _in_processes(work: dict[str, Callable[[], Counter[str]]], jobs: int) -> Counter[str]:
    """Do the work, so many pieces at a time, and print a row for each."""
    total: Counter[str] = Counter()
    waiting = list(work.items())
    running: dict[int, tuple[str, Path]] = {}
    with tempfile.TemporaryDirectory() as folder:
        while waiting or running:
            while waiting and len(running) < jobs:
                name, do = waiting.pop(0)
                result = Path(folder) / str(len(waiting))
                child = os.fork()
                if child == 0:
                    _child(do, result)
                running[child] = (name, result)
            pid, _ = os.wait()
            name, result = running.pop(pid)
            counts = (
                json.loads(result.read_text()) if result.exists() else {"failed": 1, "note": "it broke down"}
            )
            note = counts.pop("note", "")
            total.update(counts)
            print(_row(name, Counter(counts)) + (f"  {note}" if note else ""), flush=True)
    return total


def _row(name: str, counts: Counter[str]) -> str:
    return (
        f"{name:24}{counts['tried']:7}{counts['refused']:9}{counts['findings']:10}{counts['accepted']:10}"
        f"{counts['failed']:8}"
    )


def _child(do: Callable[[], Counter[str]], result: Path) -> None:
    try:
        result.write_text(json.dumps(do()))
    except BaseException as error:
        result.write_text(json.dumps({"failed": 1, "note": f"{type(error).__name__}: {error}"[:1500]}))
    finally:
        os._exit(0)
