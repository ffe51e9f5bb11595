"""The streams and signals of the command line: text that always can be written, ends that clean up."""

from __future__ import annotations

import codecs
import contextlib
import datetime as dt
import errno
import io
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, TextIO

from rogi import __version__
from rogi.errors import OptionError, OutputError
from rogi.paths import asked_for
from rogi.text import printable
from rogi.update.store.masking import masked

if TYPE_CHECKING:
    from rogi.cli.records import Records

_ESCAPED = "rogi-escaped"
_ENDS = ("SIGTERM", "SIGHUP")
STOP_VARIABLE = "ROGI_STOP"
"""``stdin``: the command ends, as after Ctrl-C, when the program that runs it closes its standard input."""


class _Closed(io.TextIOBase):
    """In the place of a standard output that was closed: writing to it is an error, as it is of a file."""

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        raise OSError(errno.EBADF, "standard output is closed; redirect it to a file, or name one with -o")


def escaped(error: UnicodeError) -> tuple[str, int]:
    r"""Characters that an encoding has not, as ``\uXXXX``: JSON stays JSON, and says the same."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)), error.end


def make_usable() -> None:
    """Let every text be written to the standard streams, whatever their encoding, closed ones included."""
    codecs.register_error(_ESCAPED, escaped)
    if sys.stdout is None:
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors=_ESCAPED)  # type: ignore[union-attr]


class _Talk:
    """How much is said while a command runs, and the file that keeps it."""

    def __init__(self) -> None:
        self.quiet = self.verbose = False
        self.log: TextIO | None = None
        self.records: Records | None = None
        self.start = time.monotonic()


_talk = _Talk()
LOG_HEAD: Final = "# log of rogi"
"""How the first line of a log begins; only a file that begins so is appended to."""


def begin(command: str, *, quiet: bool = False, verbose: bool = False, log: Path | None = None) -> None:
    """Say as much as was asked for, from here to :func:`end`.

    Raises
    ------
    OptionError
        If the options contradict each other, or the log is another file.
    OutputError
        If the log cannot be written.
    """
    global _talk
    end()
    if quiet and verbose:
        raise OptionError("--quiet and --verbose contradict each other; give one of them.")
    _talk = _Talk()
    _talk.quiet, _talk.verbose = quiet, verbose
    if log is not None:
        _talk.log = _opened(log)
    if verbose or log is not None:
        from rogi.cli.records import Records  # logging takes longer to import than most of the command line

        _talk.records = Records(detail)
        detail(f"rogi {__version__}, Python {sys.version.split()[0]}: {shlex.join(['rogi', *sys.argv[1:]])}")
        detail(f"command: {command}")


def end() -> None:
    """Close the log, and say as much as at first."""
    global _talk
    if _talk.records is not None:
        detail("end")
        _talk.records.detach()
    if _talk.log is not None:
        _talk.log.close()
    _talk = _Talk()


def is_quiet() -> bool:
    """Whether ``--quiet`` was given."""
    return _talk.quiet


def is_verbose() -> bool:
    """Whether ``--verbose`` was given."""
    return _talk.verbose


def _opened(path: Path) -> TextIO:
    try:
        with contextlib.suppress(FileNotFoundError), path.open("rb") as there:
            start = there.read(len(LOG_HEAD))
            if start and start != LOG_HEAD.encode():
                raise OptionError(f"--log {path} exists and is no log of rogi; give another name.")
        stream = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise OutputError(f"--log {path} cannot be written: {error.strerror or error}.") from None
    if not stream.tell():
        stream.write(f"{LOG_HEAD}: time (UTC), kind, message\n")
    return stream


def _say(text: str, kind: str, shown: bool) -> None:
    line = printable(masked(asked_for(text)))
    if shown:
        sys.stderr.write(f"{line}\n")
    if _talk.log is not None:
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        with contextlib.suppress(OSError, ValueError):  # a full disk is no reason to end the work
            _talk.log.write(f"{now}Z {kind:<6} {line}\n")


def tell(text: str) -> None:
    """One line on stderr, without passwords or anything in it that a terminal or a CI system obeys."""
    _say(text, "error" if text.startswith("error:") else "told", True)


def note(text: str) -> None:
    """As :func:`tell`, for what ``--quiet`` leaves out."""
    _say(text, "note", not _talk.quiet)


def detail(text: str) -> None:
    """As :func:`tell`, for what only ``--verbose`` and the log say, with the seconds since the start."""
    _say(f"[{time.monotonic() - _talk.start:8.2f} s] {text}", "detail", _talk.verbose)


def print_markdown(text: str) -> None:
    """Markdown on standard output: laid out on a terminal, else as it is."""
    if not sys.stdout.isatty():
        sys.stdout.write(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


def confirmed(question: str, otherwise: str) -> bool:
    """Whether somebody answers a question, asked on stderr, with y or yes.

    Parameters
    ----------
    question
        A whole sentence.
    otherwise
        What has happened, and what to do, where standard input is closed or at its end.

    Raises
    ------
    OptionError
        If nobody can answer.
    """
    sys.stderr.write(f"{printable(masked(question))} [y/N]: ")
    sys.stderr.flush()
    try:
        answer = sys.stdin.readline() if sys.stdin is not None else ""
    except (OSError, ValueError):
        answer = ""
    if not answer:
        sys.stderr.write("\n")
        raise OptionError(otherwise)
    return answer.strip().lower() in ("y", "yes")


def leave_stdout() -> None:
    """Forget what could not be written to standard output, so that the interpreter does not try again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Ended:
    """Which signal asked the process to end, if one did."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler: everything ends and cleans up as after Ctrl-C."""
        self.number = number
        raise KeyboardInterrupt

    def code(self, code: int) -> int:
        """The exit code: 128 and the number of the signal, as of shells, else the given one."""
        return code if self.number is None else 128 + self.number


@contextmanager
def ends_cleanly() -> Iterator[Ended]:
    """While a command runs, SIGTERM and SIGHUP end it as Ctrl-C does; one that is ignored stays ignored."""
    ended, before = Ended(), {}
    for name in _ENDS:
        number = getattr(signal, name, None)
        with contextlib.suppress(ValueError):  # not in the main thread
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, ended)
    if os.environ.get(STOP_VARIABLE) == "stdin":
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_with_stdin() -> None:
    """Wait for the end of standard input, then end this process: a window without console has no Ctrl-C."""
    with contextlib.suppress(OSError):
        while os.read(0, 1):  # not sys.stdin, whose lock would be held when the interpreter ends
            pass
    if os.name == "nt":
        signal.raise_signal(signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


class Stopwatch:
    """Seconds between calls, added up by the name of what was done."""

    def __init__(self) -> None:
        self._last, self.seconds = time.perf_counter(), dict[str, float]()

    def __call__(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    def __str__(self) -> str:
        return "time: " + ", ".join(f"{stage} {spent:.1f} s" for stage, spent in self.seconds.items())
