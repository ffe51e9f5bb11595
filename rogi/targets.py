"""What a run may write: never what it read, and of what is there only what it wrote itself.

A run is one command. It knows the files it was given, those that were opened on the way (:func:`note_read`)
and where it is to write. A file that is there is replaced if this command wrote these very bytes before,
which is remembered as a SHA-256 in the cache folder, or with ``--force``. Nothing replaces an input.
Outside a run, as in a notebook, nothing is refused here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_cache_dir

from rogi.errors import OptionError, OutputError

CACHE_VARIABLE = "ROGI_CACHE"
REMEMBERED = 5_000
"""Files remembered of each command; the oldest are forgotten first."""
_BLOCK = 2**20
# Files that belong to one that is read: replacing them changes what it says.
_SIDE_FILES = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".qpj", ".wld", ".tfw")
_SIDE_ENDINGS = ("-wal", "-journal", "-shm", ".aux.xml", ".ovr", ".msk", ".xml")


@dataclass(slots=True)
class Run:
    """One command, while it runs.

    Attributes
    ----------
    command
        As the user calls it: ``rogi stats``.
    force
        Whether files of others may be replaced.
    files, folders
        What was read: identities of files, and folders all of whose files count as read.
    written
        What it has written so far, and may write again.
    outputs
        Real paths of what it is to write: of a folder of inputs these are not read.
    """

    command: str
    force: bool = False
    files: dict[tuple[int, int] | str, Path] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)


_runs: list[Run] = []


def in_command() -> bool:
    """Whether a command runs, not a function from Python."""
    return bool(_runs)


@contextmanager
def running(command: str, inputs: Iterable[Path] = (), *, force: bool = False) -> Iterator[Run]:
    """While a command runs: what it writes is held against what it reads.

    Parameters
    ----------
    command : str
        As the user calls it.
    inputs : iterable of Path
        Files and folders it was given.
    force : bool
        Replace files of others.
    """
    run = Run(command, force)
    _runs.append(run)
    try:
        note_read(*inputs)
        yield run
    finally:
        _runs.remove(run)


def note_read(*paths: Path | str) -> None:
    """Remember files, or folders with all that is in them, as read in this run; for all that open files."""
    if not _runs:
        return
    run = _runs[-1]
    for path in map(Path, paths):
        try:
            if path.is_dir():
                run.folders.setdefault(os.path.realpath(path), path)
                continue
            for key in _identities(path):
                run.files.setdefault(key, path)
        except (OSError, ValueError):  # not there, or no path at all: nothing to protect
            continue


def is_output(path: Path) -> bool:
    """Whether a file of a folder that is read is to be written by this run: the result of one before.

    Also below a folder that is to be written, if that lies in the one that is read.
    """
    if not _runs or not _runs[-1].outputs:
        return False
    run, real = _runs[-1], Path(os.path.realpath(path))
    own = {o for o in run.outputs if any(o != folder and _below(o, folder) for folder in run.folders)}
    return not own.isdisjoint(map(str, (real, *real.parents)))


def refuse_input(path: Path, option: str = "") -> None:
    """Refuse a target that this run reads, however it is spelled or linked.

    Parameters
    ----------
    path : Path
        What is to be written, there or not.
    option : str
        How the user named it (``--output``), for the message.

    Raises
    ------
    OptionError
    """
    if not _runs:
        return
    run, real = _runs[-1], os.path.realpath(path)
    if real in run.written or not path.exists():
        return
    name = f"{option} {path}".strip()
    if path.is_dir():
        if real in run.folders:
            raise OptionError(f"{name} is an input; inputs are never changed, name another folder.")
        return
    read = next((run.files[key] for key in _identity(path) if key in run.files), None)
    if read is not None:
        same = "" if read == path else f" ({read})"
        raise OptionError(f"{name} is an input{same}; inputs are never changed, name another file.")
    inside = next((shown for folder, shown in run.folders.items() if _below(real, folder)), None)
    if inside is not None and not recognised(path, run.command):
        raise OptionError(f"{name} is an input, in {inside}; inputs are never changed, name another file.")


def check(path: Path, option: str = "") -> None:
    """Refuse a target that this run must not replace: an input, or without ``--force`` a file of others.

    Parameters
    ----------
    path : Path
    option : str
        As of :func:`refuse_input`.

    Raises
    ------
    OptionError
        If it is an input.
    OutputError
        If it is a file of others.
    """
    if not _runs:
        return
    run = _runs[-1]
    refuse_input(path, option)
    if run.force or not path.is_file() or os.path.realpath(path) in run.written:
        return
    if not recognised(path, run.command):
        name = f"{option} {path}".strip()
        raise OutputError(
            f"{name} exists; give another name, or --force to replace it (`{run.command}` did not write it, "
            "or it was changed since)."
        )


def note_written(path: Path, target: Path) -> None:
    """Remember a finished file, before it is moved to its target: this command may replace it later."""
    if not _runs:
        return
    run = _runs[-1]
    run.written.add(os.path.realpath(target))
    with contextlib.suppress(OSError):
        memory, entry = _memory(run.command), _sha256(path) + "\n"
        memory.parent.mkdir(parents=True, exist_ok=True)
        known = memory.read_text("ascii").splitlines(keepends=True) if memory.exists() else []
        if entry in known:
            return
        if len(known) > 2 * REMEMBERED:
            memory.write_text("".join([*known[-REMEMBERED:], entry]), "ascii")
        else:
            with memory.open("a", encoding="ascii") as stream:
                stream.write(entry)


def recognised(path: Path, command: str) -> bool:
    """Whether a file is, byte for byte, one that a command wrote on this machine."""
    try:
        return _sha256(path) in _memory(command).read_text("ascii").split()
    except (OSError, ValueError):
        return False


def cache_folder() -> Path:
    """Where rogi keeps what it may need again: ``ROGI_CACHE``, else the cache folder of the system."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given)

    return Path(user_cache_dir("rogi"))


def _memory(command: str) -> Path:
    return cache_folder() / "written" / command.replace(" ", "-")


def _identity(path: Path) -> list[tuple[int, int] | str]:
    """A file by its place and, as links are of one file, by its number."""
    stat = path.stat()
    return [(stat.st_dev, stat.st_ino), os.path.realpath(path)]


def _identities(path: Path) -> Iterator[tuple[int, int] | str]:
    """A file with those that belong to it."""
    yield from _identity(path)
    beside = [path.with_name(path.name + ending) for ending in _SIDE_ENDINGS]
    if path.suffix.casefold() in _SIDE_FILES:
        beside += [path.with_suffix(s) for ending in _SIDE_FILES for s in (ending, ending.upper())]
    for other in beside:
        if other != path and other.is_file():
            yield from _identity(other)


def _below(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def _sha256(path: Path) -> str:
    total = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            total.update(block)
    return total.hexdigest()
