"""Whole commands, timed: wall seconds and peak memory of the process, the best of several runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """Best wall time and processor time, largest peak memory of the runs, and the last exit code."""

    seconds: float
    megabytes: float
    code: int
    processor_seconds: float = 0.0


def command(arguments: Sequence[str], runs: int = 3) -> Measured:
    """Run a command to its end, output thrown away."""
    seconds, processor, peak, code = [], [], 0.0, 0
    for _ in range(runs):
        start = time.perf_counter()
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - start)
        processor.append(usage.ru_utime + usage.ru_stime)
        process.returncode = os.waitstatus_to_exitcode(status)
        code = process.returncode
        peak = max(peak, usage.ru_maxrss / 1024)
    return Measured(min(seconds), peak, code, min(processor))


def python(code: str, *arguments: str, runs: int = 3) -> Measured:
    """Run a Python program."""
    return command([sys.executable, "-c", code, *arguments], runs)


def table(rows: Sequence[Sequence[object]]) -> None:
    """Print rows (the first is the header) as a Markdown table."""
    header, *body = [[str(cell) for cell in row] for row in rows]
    print("| " + " | ".join(header) + " |")
    print("| " + " | ".join("---" for _ in header) + " |")
    for row in body:
        print("| " + " | ".join(row) + " |")
