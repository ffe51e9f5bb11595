"""What is being done, on stderr: one bar for all commands, where stderr is a terminal."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from rogi.cli.streams import detail, is_quiet, is_verbose, note
from rogi.text import printable
from rogi.update.store.masking import masked

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

REDRAWN = 10  # times a second, at most
VARIABLE = "ROGI_PROGRESS"
"""``json``: each step is a line of JSON on stderr, for programs that run rogi, such as its QGIS plugin."""


class Progress:
    """The bar of a command: what is done, how far, and how long it will take.

    Nothing is shown with ``--quiet``, nor where stderr is no terminal; with ``--verbose`` and in the log each
    step is a line. With ``ROGI_PROGRESS=json`` stderr has lines such as
    ``{"progress": "reading", "done": 3, "total": 8, "unit": "units"}`` among the messages.

    Parameters
    ----------
    unit
        What the numbers count; ``MB``: they are bytes.
    """

    def __init__(self, quiet: bool = False, unit: str = "") -> None:
        self._quiet, self._unit = quiet or is_quiet(), unit
        self._lines = os.environ.get(VARIABLE) == "json" and not self._quiet
        self._shown = sys.stderr.isatty() and not (self._quiet or self._lines or is_verbose())
        self._what = ""
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._number = self._total = 0
        self._start, self._drawn = (0.0, 0), 0.0

    def __call__(self, what: str, number: int = 0, total: int = 0) -> None:
        """Say what is done, and of how many which one; another total, or a lower number, is new work."""
        now = time.monotonic()
        new = total != self._total or number < self._number
        if new or not self._start[0]:
            self._start = now, number
        self._number, self._total = number, total
        other = what != self._what
        if other:
            self._what = what
            detail(f"{what}{f' ({self._count(number, total)})' if total > 1 else ''}")
        if self._lines and (new or other or now - self._drawn > 1 / REDRAWN or number == total):
            self._drawn = now
            line = {"progress": _plain(what), "done": number, "total": total, "unit": self._unit}
            sys.stderr.write(f"{json.dumps(line)}\n")
            sys.stderr.flush()
        if not self._shown:
            return
        if self._bar is None:
            self._bar = _bar()
            self._bar.start()
        if new and self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        if self._task is None:
            self._task = self._bar.add_task("", count="")
        self._bar.update(
            self._task,
            description=_plain(what),
            total=total or None,
            completed=number,
            count=self._count(number, total),
        )
        if now - self._drawn > 1 / REDRAWN or number == total:
            self._drawn = now
            self._bar.refresh()

    @property
    def left(self) -> str:
        """The time that is left of this work, for lines that stay: ``, 1:05 left``; empty where unknown."""
        then, first = self._start
        done = self._number - first
        if done <= 0 or self._number >= self._total:
            return ""
        seconds = (time.monotonic() - then) / done * (self._total - self._number)
        minutes, second = divmod(round(seconds), 60)
        hours, minute = divmod(minutes, 60)
        return f", {hours}:{minute:02d}:{second:02d} left" if hours else f", {minute}:{second:02d} left"

    def _count(self, number: int, total: int) -> str:
        if not total:
            return ""
        if self._unit == "MB":
            return f"{number / 1e6:,.1f}/{total / 1e6:,.1f} MB"
        return f"{number:,}/{total:,} {self._unit}".rstrip()

    def say(self, text: str) -> None:
        """A line that stays, above the bar; without a terminal too."""
        if not self._quiet:
            self.done()
            note(text)

    def done(self) -> None:
        """Clear the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None


def _plain(text: str) -> str:
    return printable(masked(text))


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    # redrawn at each update, not by a thread: processes are forked while it is shown
    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[count]}", markup=False),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
    )
