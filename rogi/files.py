"""Writing that leaves either the whole file or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rogi import targets
from rogi.errors import OutputError
from rogi.paths import plain_folder, plain_name

WORKPLACE = ".rogi-"
"""Beginning of the name of a folder in which something is being written; see :func:`workplace`."""
_LOCK, _NEW, _READY, _OLD = "lock", "new", "ready", "old"

DISK_FULL = 2**20
"""Bytes free below which a failed write is put down to a full disk: drivers do not say it."""
_DRIVERS = ("pyogrio", "rasterio", "pyarrow", "sqlite3", "xarray", "netCDF4")
_BLOCK = 4096
_swept: set[Path] = set()


@contextmanager
def replacing(
    path: Path, *, state: bool = False, verify: Callable[[Path], None] | None = None
) -> Iterator[Path]:
    """A temporary path that takes the place of ``path``, whole and synced, when the block ends well.

    The temporary file lies in a folder of its own beside ``path``, has the same suffix, so that drivers
    choose the same format, and a name that no driver takes for anything but a path. On an error, or when the
    process dies, ``path`` is what it was. A link stays, the file it leads to is replaced.

    Parameters
    ----------
    path : Path
    state : bool
        A file that rogi keeps for itself (a checkpoint, a cache), which is replaced without question.
    verify : callable, optional
        Called with the finished file; raises if it is not whole, as of a driver that does not report a full
        disk.

    Raises
    ------
    OutputError
        If the target may not be replaced (:func:`rogi.targets.check`) or cannot be written: no such folder,
        no regular file, open in another program, no permission, disk full.

    Examples
    --------
    >>> with replacing(Path("what? 100%!.txt")) as temporary:
    ...     _ = temporary.write_text("one")
    >>> Path("what? 100%!.txt").read_text()
    'one'
    """
    path = Path(path)
    target = _regular(path)
    if not state:
        targets.check(path)
    refuse_open(target)
    with workplace(target.parent) as work:
        temporary = work / plain_name(path.name)
        try:
            yield temporary
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            if shutil.disk_usage(work).free < _BLOCK:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if verify is not None:
                verify(temporary)
            if not state:
                targets.note_written(temporary, target)
            move(temporary, target)
        except OSError as error:
            raise OutputError(f"{path} could not be written: {error.strerror or error}.") from error
        except OutputError as error:  # of a function that knows the temporary path only
            raise OutputError(str(error).replace(str(temporary), str(path))) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in _DRIVERS:
                raise
            reason = " ".join(str(error).split()).replace(str(temporary), str(path))
            full = " The disk is full." if shutil.disk_usage(work).free < DISK_FULL else ""
            raise OutputError(f"{path} could not be written: {reason}.{full}") from error


def move(made: Path, target: Path) -> None:
    """Put a finished file in its place; both are on one file system."""
    made.replace(target)
    _sync_folder(target.parent)


def _regular(path: Path) -> Path:
    """The file a path leads to, if it can be one."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file to write.")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise OutputError(
            f"{str(path)!a} is no text in UTF-8, which the formats that name files need; name another file."
        ) from None
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if target.is_symlink():
        raise OutputError(f"{path} is a link that leads back to itself; name another file to write.")
    if not target.parent.is_dir():
        raise OutputError(f"The folder {target.parent} does not exist; make it, or write elsewhere.")
    if target.exists() and not target.is_file():
        raise OutputError(f"{path} is not a regular file; name another file to write.")
    return target


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
    """A temporary folder that takes the place of ``path``, whole and synced, when the block ends well.

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
        If the folder is there and may not be replaced, is an input, or cannot be written.
    """
    path = Path(path)
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise OutputError(f"{path} is not a folder; name another to write.")
    targets.check(path)
    if path.is_dir() and any(path.iterdir()):
        if not force:
            raise OutputError(f"{path} exists; give another name, or --force to replace it.")
        if mark and not (path / mark).is_file():
            raise OutputError(
                f"{path} contains no {mark}, so it is something else and stays; name another folder."
            )
    make_folder(path.parent)
    with workplace(path.parent) as work:
        try:
            fresh = work / plain_name(path.name)
            fresh.mkdir()
            yield fresh
            sync(fresh)
            swap(fresh, path)
        except OSError as error:
            raise OutputError(f"{path} could not be written: {error.strerror or error}.") from error


def swap(made: Path, path: Path) -> None:
    """Put a finished folder, made in a :func:`workplace`, in its place; the one that is there goes.

    Killed in between, the next run that writes beside it puts the new folder in its place.
    """
    work = Path(os.path.realpath(made.parent)).parent
    ready, old = work / _READY / path.name, work / _OLD / path.name
    for folder in (ready, old):
        folder.parent.mkdir(exist_ok=True)
    made.rename(ready)
    if path.exists():
        path.replace(old)
    try:
        ready.replace(path)
    except BaseException:
        if old.exists():
            old.replace(path)
        raise
    _sync_folder(path.parent)


def write_text(path: Path, text: str, *, state: bool = False) -> None:
    r"""Write text as UTF-8 with ``\n`` line ends, atomically; what UTF-8 has not is escaped (``\udcff``)."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"), state=state)


def same_text(path: Path, text: str) -> bool:
    """Whether a file is there and has just this text."""
    try:
        return path.read_bytes() == text.encode("utf-8", "backslashreplace")
    except OSError:
        return False


def write_bytes(path: Path, data: bytes, *, state: bool = False) -> None:
    """Write bytes atomically."""
    with replacing(path, state=state) as temporary:
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


# ---- where something is being written


@contextmanager
def workplace(parent: Path) -> Iterator[Path]:
    """A new folder below ``parent`` that is gone afterwards, by a path that every driver takes for a path.

    It is locked as long as the process lives. What killed processes left in ``parent`` is removed when
    something is first written there.

    Raises
    ------
    OutputError
        If nothing can be written there.
    """
    parent = Path(parent).absolute()
    if parent not in _swept:
        _swept.add(parent)
        remove_leftovers(parent)
    with contextlib.ExitStack() as stack:
        try:
            work = stack.enter_context(_locked_folder(parent))
            (work / _NEW).mkdir()
        except OSError as error:
            raise OutputError(f"{parent} cannot be written to: {error.strerror}.") from None
        yield stack.enter_context(plain_folder(work / _NEW))


@contextmanager
def _locked_folder(parent: Path) -> Iterator[Path]:
    """A new folder that is known as that of a living process, and is gone afterwards."""
    # Under another name until it is locked, so that nobody takes it for one that was left.
    work = Path(tempfile.mkdtemp(prefix=".rogi~", dir=parent))
    handle: int | None = None
    try:
        handle = os.open(work / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        _lock(handle)
        named = work.with_name(WORKPLACE + work.name.removeprefix(".rogi~"))
        work.rename(named)
        work = named
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if handle is not None:
            os.close(handle)


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold a lock file, gone afterwards, for the time of the block; a killed process holds none.

    Where no file can be locked (Windows, a folder that cannot be written to), nothing is.

    Raises
    ------
    OutputError
        With the text ``busy``, if another process, or thread, has the lock.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "job.lock"
    >>> with locked(path, "The job runs already."):
    ...     path.exists()
    True
    >>> path.exists()
    False
    """
    try:
        import fcntl  # noqa: F401
    except ImportError:
        yield
        return
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield
            return
        if not _lock(handle):
            os.close(handle)
            raise OutputError(busy)
        # The one that had it may have removed the file in between: then another file is the lock now.
        with contextlib.suppress(OSError):
            if os.stat(path).st_ino == os.fstat(handle).st_ino:  # noqa: PTH116
                break
        os.close(handle)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def remove_leftovers(parent: Path) -> None:
    """Remove what killed processes left in a folder, or finish it (:func:`swap`).

    What a living process writes stays.

    Raises
    ------
    OutputError
        If a folder that was set aside cannot be put back; nothing is removed then.
    """
    with contextlib.suppress(OSError):
        for work in sorted(parent.glob(f"{WORKPLACE}*")):
            with contextlib.suppress(OSError):
                handle = os.open(work / _LOCK, os.O_RDWR)  # a folder without one is not ours
                try:
                    if _lock(handle):
                        _put_back(work, parent)
                        shutil.rmtree(work, ignore_errors=True)
                finally:
                    os.close(handle)


def _put_back(work: Path, parent: Path) -> None:
    """The folder that a killed :func:`swap` was putting in place of one it had set aside."""
    for kind in (_READY, _OLD):
        for folder in (work / kind).iterdir() if (work / kind).is_dir() else ():
            try:
                if (work / _OLD / folder.name).exists() and not (parent / folder.name).exists():
                    folder.replace(parent / folder.name)
            except OSError as error:
                raise OutputError(
                    f"{folder}, left by a command that was killed, cannot be moved to {parent}: "
                    f"{error.strerror}; move it there yourself."
                ) from None


def _lock(handle: int) -> bool:
    """Lock an open file as long as this process, and no other, has it open; False where another has."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing is known of the owner, so nothing is removed
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sync(folder: Path) -> None:
    """Bring a folder's files onto the disk."""
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
