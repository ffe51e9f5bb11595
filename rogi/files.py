"""Writing that leaves either the whole file or nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rogi.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place, whole and synced, when the block ends well.

    The temporary name keeps the suffix, so that drivers choose the same format. On an error, or
    when the process dies, ``path`` is what it was. A link stays, the file it leads to is replaced.
    What is no regular file (a device, a pipe) is refused: a rename would put a file in its place; so is a
    database that another program has open.

    Raises
    ------
    OutputError
        If the target cannot be written (no such folder, no regular file, open elsewhere, no permission,
        disk full).
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file to write.")
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if not target.parent.is_dir():
        raise OutputError(f"The folder {target.parent} does not exist; make it, or write elsewhere.")
    if target.exists() and not target.is_file():
        raise OutputError(f"{path} is not a regular file; name another file to write.")
    refuse_open(target)
    try:
        # A folder of its own: drivers may put side files (journals, indexes) beside the file.
        work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=target.parent))
    except OSError as error:
        raise OutputError(f"{target.parent} cannot be written to: {error.strerror}.") from None
    temporary = work / path.name
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def refuse_open(path: Path) -> None:
    """Refuse to replace or remove an SQLite database, such as a GeoPackage, with a log beside it.

    In the log is what a program that has the file open, or did not close it, saved last. It would be lost,
    or be taken for a part of the new file.

    Raises
    ------
    OutputError
        If there is such a log and it is not empty.
    """
    for ending in ("-wal", "-journal"):
        log = path.with_name(path.name + ending)
        with contextlib.suppress(OSError):
            if log.stat().st_size:
                raise OutputError(
                    f"{path} is open in another program, or was not closed ({log.name} lies beside it); open "
                    "it in QGIS and close it there, or name another file."
                )


@contextmanager
def replacing_folder(path: Path, force: bool = False, mark: str = "") -> Iterator[Path]:
    """A temporary folder beside ``path`` that takes its place, whole and synced, when the block ends well.

    Parameters
    ----------
    path : Path
    force : bool
        Replace a folder that is there.
    mark : str
        File that a folder must hold to be replaced: one of another kind is left alone even with ``force``.

    Raises
    ------
    OutputError
        If the folder is there and may not be replaced, or cannot be written.
    """
    path = Path(path)
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise OutputError(f"{path} is not a folder; name another to write.")
    if path.is_dir() and any(path.iterdir()):
        if not force:
            raise OutputError(f"{path} exists; give another name, or --force to replace it.")
        if mark and not (path / mark).is_file():
            raise OutputError(
                f"{path} holds no {mark}, so it is something else and stays; name another folder."
            )
    make_folder(path.parent)
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be written to: {error.strerror}.") from None
    try:
        fresh, old = work / path.name, work / f"{path.name}.old"
        fresh.mkdir()
        yield fresh
        for file in sorted(p for p in fresh.rglob("*") if p.is_file()):
            with file.open("rb+") as stream:
                os.fsync(stream.fileno())
        _sync_folder(fresh)
        if path.exists():
            path.replace(old)
        try:
            fresh.replace(path)
        except BaseException:
            if old.exists():
                old.replace(path)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 with ``\\n`` line ends, atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises
    ------
    OutputError
        If it cannot be made (a file of that name, no permission).
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {path} cannot be made: {error.strerror}; name another.") from None


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
