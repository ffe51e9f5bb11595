"""Whole commands, timed: wall and processor seconds, and the peak memory of all their processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LARGE = 301_524
"""Units of the global inventory."""

MEDIUM = 44_273
"""Units of TPRoGI v1.0."""

SAMPLING = 0.1
"""Seconds between two looks at the memory of a command's processes."""


@dataclass(frozen=True)
class Measured:
    """Best wall time and processor time, largest peak memory of the runs, and the last exit code."""

    seconds: float
    megabytes: float
    code: int = 0
    processor_seconds: float = 0.0

    def without(self, start: Measured) -> Measured:
        """The same without what start-up takes."""
        seconds, processor = (
            self.seconds - start.seconds,
            self.processor_seconds - start.processor_seconds,
        )
        return Measured(seconds, self.megabytes, self.code, processor)


def command(arguments: Sequence[str | Path], runs: int = 3, codes: Sequence[int] = (0,)) -> Measured:
    """Run a command to its end, output thrown away.

    The peak memory is that of all its processes together, looked at ten times a second, and never less than
    the system's figure for the largest of them. What processes share counts for each.
    """
    seconds, processor, peak, code = [], [], 0.0, 0
    for _ in range(runs):
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(a) for a in arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        # `wait4` below takes the exit status, so what stands on stderr is read beside it.
        said: list[bytes] = []
        reader = threading.Thread(target=lambda p=process, s=said: s.append(p.stderr.read()))
        done, memory = threading.Event(), [0.0]
        watcher = threading.Thread(target=watch, args=(process.pid, done, memory))
        reader.start()
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - start)
        done.set()
        watcher.join()
        reader.join()
        processor.append(usage.ru_utime + usage.ru_stime)
        process.returncode = code = os.waitstatus_to_exitcode(status)
        if code not in codes:
            sys.exit(f"exit code {code}: {' '.join(map(str, arguments))}\n{b''.join(said).decode()}")
        peak = max(peak, usage.ru_maxrss / 1024, memory[0])
    return Measured(min(seconds), peak, code, min(processor))


def watch(pid: int, done: threading.Event, memory: list[float]) -> None:
    """Keep the largest sum of the memory of a process and those it started, MiB."""
    import psutil  # benchmarks of GPUs run where it is not installed

    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        while not done.wait(SAMPLING):
            total = 0.0
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    total += process.memory_info().rss
            memory[0] = max(memory[0], total / 2**20)


def rogi(*arguments: str | Path, runs: int = 3, codes: Sequence[int] = (0,)) -> Measured:
    """Run `rogi` of this environment."""
    beside = shutil.which("rogi", path=str(Path(sys.executable).parent))
    return command([beside or "rogi", *arguments], runs, codes)


def python(code: str, *arguments: str | Path, runs: int = 3) -> Measured:
    """Run a Python program."""
    return command([sys.executable, "-c", code, *arguments], runs)


def in_child(make: Callable[..., None], *arguments: object) -> None:
    """Make inputs in a process of their own: the peak memory of a process counts for those it starts."""
    process = multiprocessing.get_context("spawn").Process(target=make, args=arguments)
    process.start()
    process.join()
    if process.exitcode != 0:
        sys.exit(f"{make.__name__} ended with {process.exitcode}")


class Job:
    """A table of commands that do one job; each has its ratio to the first, or to another.

    Rows of rogi are bold: `benchmarks/run.py` holds them against those of the last run.
    """

    HEADER = ("what", "units", "s", "processor s", "ratio", "processor ratio", "peak MiB")

    def __init__(self, title: str, text: str = "") -> None:
        self.title, self.text = title, text
        self.rows: list[Sequence[object]] = [self.HEADER]
        self.base: Measured | None = None

    def add(
        self,
        what: str,
        it: Measured,
        units: int | None = None,
        own: bool = True,
        base: Measured | None = None,
    ) -> None:
        """A row; `own` if it is rogi's, `base` what its ratios are to."""
        self.base = self.base or it
        base = base or self.base
        ratios = [it.seconds / base.seconds, it.processor_seconds / base.processor_seconds]
        self.rows.append(
            (
                f"**{what}**" if own else what,
                "" if units is None else f"{units:,}",
                f"{it.seconds:.2f}",
                f"{it.processor_seconds:.2f}",
                *("1" if it is base else f"{ratio:.3g}" for ratio in ratios),
                f"{it.megabytes:,.0f}" if it.megabytes else "",
            )
        )

    def growth(self, what: str, small: Measured, large: Measured, more: float = LARGE / MEDIUM) -> None:
        """Time for each unit, of the larger inventory over the smaller."""
        ratios = (
            large.seconds / small.seconds / more,
            large.processor_seconds / small.processor_seconds / more,
        )
        self.rows.append(
            (f"**{what}: time for each unit**", "", "", "", *(f"{ratio:.2f}" for ratio in ratios), "")
        )

    def show(self) -> None:
        print(f"\n## {self.title}\n")
        if self.text:
            print(f"{self.text}\n")
        table(self.rows)
        print(flush=True)


def table(rows: Sequence[Sequence[object]]) -> None:
    """Print rows (the first is the header) as a Markdown table."""
    header, *body = [[str(cell) for cell in row] for row in rows]
    print("| " + " | ".join(header) + " |")
    print("| " + " | ".join("---" for _ in header) + " |")
    for row in body:
        print("| " + " | ".join(row) + " |")
