"""One run of the command line in a process of its own, and what must never come of it."""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

#: Seconds of CPU, and bytes of memory, that no input may cost.
MOST_SECONDS = 10.0
MOST_BYTES = 2 * 2**30

#: Seconds of the clock after which a run is ended: a machine may be busy.
MOST_WALL = 300.0

#: Control characters, those of terminals' second set, and marks that turn the direction of text.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
#: Lines that CI systems obey.
_OBEYED = re.compile(r"^(?:::(?:error|warning|notice|set-|add-)|##vso\[|##teamcity\[)", re.MULTILINE)
_BROKE = ("rogi broke down", "Traceback (most recent call last)")
#: Words by which a message admits that something of a file is missing.
TELLS = re.compile(
    r"damaged|truncated|unreadable|not be read|cannot be read|lost|warning|passed over|missing|left out",
    re.IGNORECASE,
)


class Outcome(NamedTuple):
    """What a run did.

    Attributes
    ----------
    code : int
        Exit code; negative: the signal that ended it.
    out, err : str
        What it printed.
    seconds, memory : float, int
        CPU time, and the largest resident size above that of the process it was forked from.
    faults : tuple of str
        What must not be.
    results : dict
        Digest of each file in the output folder.
    """

    code: int
    out: str
    err: str
    seconds: float
    memory: int
    faults: tuple[str, ...]
    results: dict[str, str]


def digests(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder, links as where they lead; folders as well."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"link to {os.readlink(path)}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = "folder"
    return found


def _resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if sys.platform == "linux" else 0
    return pages * resource.getpagesize()


def run(arguments: Sequence[str], root: Path, kill_after: float | None = None) -> Outcome:
    """Run ``rogi`` with arguments in a folder with ``in`` (inputs) and ``out`` (all it may write).

    Everything rogi needs is imported by the caller before: the process is forked, which takes milliseconds.
    With ``kill_after`` it and its children are killed after so many seconds.
    """
    shutil.rmtree(root / "tmp", ignore_errors=True)
    (root / "tmp").mkdir()
    (root / "home").mkdir(exist_ok=True)  # where rogi remembers what it wrote
    before = digests(root)
    started = time.monotonic()
    inherited = _resident()  # a forked process begins with the memory of its parent
    child = os.fork()
    if child == 0:
        _become(arguments, root)
    killed = False
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        passed = time.monotonic() - started
        if passed > MOST_WALL and not killed:
            os.kill(child, signal.SIGKILL)
            killed = True
        if kill_after is not None and passed > kill_after:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)
        time.sleep(0.002)
    code = os.waitstatus_to_exitcode(status)
    out, err = ((root / name).read_bytes() for name in ("stdout", "stderr"))
    for name in ("stdout", "stderr"):
        (root / name).unlink()
    after = digests(root)
    seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 - inherited
    faults = list(
        _faults(code, out.decode("utf-8", "backslashreplace"), err.decode("utf-8", "backslashreplace"))
    )
    if killed or code == -signal.SIGXCPU or seconds > MOST_SECONDS:
        faults.append(f"took {seconds:.0f} s of CPU, {time.monotonic() - started:.0f} s in all")
    if memory > MOST_BYTES or b"not enough memory" in err:
        faults.append(f"took {memory / 2**30:.1f} GiB")
    changed = {
        name
        for name in before.keys() ^ after.keys()
        | {n for n in before.keys() & after.keys() if before[n] != after[n]}
        if not name.startswith(("out/", "home/") if code >= 0 else ("out/", "home/", "tmp/"))
    }
    if changed:
        faults.append(f"changed outside the output: {', '.join(sorted(changed))[:200]}")
    results = {name: digest for name, digest in after.items() if name.startswith("out/")}
    hidden = [name for name in results if re.search(r"(^|/)\.", name)]
    if hidden:
        faults.append(f"left {', '.join(hidden)[:200]}")
    return Outcome(
        code,
        out.decode("utf-8", "backslashreplace"),
        err.decode("utf-8", "backslashreplace"),
        seconds,
        memory,
        tuple(faults),
        results,
    )


def _faults(code: int, out: str, err: str) -> list[str]:
    faults = []
    if code < 0 and code != -signal.SIGXCPU:
        faults.append(f"ended by {signal.Signals(-code).name}")
    elif code not in (0, 1, 2):
        faults.append(f"exit code {code}")
    for broke in _BROKE:
        if broke in out + err:
            line = next(line for line in (out + err).splitlines() if broke in line)
            faults.append(line[:300])
            break
    if code == 2 and "error: " not in err and "Usage:" not in err:
        faults.append("exit code 2 without a message")
    for name, text in (("stdout", out), ("stderr", err)):
        found = _UNPRINTABLE.search(text)
        if found:
            around = text[max(0, found.start() - 30) : found.end() + 10]
            faults.append(f"{name} has the character U+{ord(found[0]):04X}: {around!r}")
        obeyed = _OBEYED.search(text)
        if obeyed:
            faults.append(f"{name} has a line that CI systems obey: {text[obeyed.start() :][:60]!r}")
    return faults


def _become(arguments: Sequence[str], root: Path) -> None:
    """The child: limits, folders and streams of its own; never returns."""
    code = 3
    try:
        faulthandler.disable()  # pytest's would print its own stack for a crash here
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MOST_BYTES, size + MOST_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (int(MOST_SECONDS) + 2, int(MOST_SECONDS) + 4))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for number, name in ((1, "stdout"), (2, "stderr")):
            handle = os.open(root / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, number)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdin = open(os.devnull)  # noqa: SIM115
        os.chdir(root)
        tempfile.tempdir = str(root / "tmp")
        os.environ.update(TMPDIR=str(root / "tmp"), HOME=str(root / "home"), ROGI_CACHE=str(root / "home"))
        sys.argv = ["rogi", *arguments]
        from rogi import cli

        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
