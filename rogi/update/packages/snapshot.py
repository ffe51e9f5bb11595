"""Work packages as their mappers left them: a private copy of each, so that reading changes nothing.

A GeoPackage that QGIS had open may be in write-ahead mode: what was saved last is then in the file ``-wal``
beside it, and even a reader writes there. So a package is copied with its log or journal, and SQLite makes
the copy whole.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from rogi.errors import InputError

ATTEMPTS: Final = 3
LOCK_BYTES: Final = 0x4000_0000
"""Where SQLite locks a file: pending, reserved, and 510 bytes for readers (SQLite file format, os.h)."""
LOCK_LENGTH: Final = 512
COPIED: Final = ("", "-wal", "-journal")


def snapshot(path: Path, folder: Path) -> Path:
    """A copy of a GeoPackage with all that was committed to it, in one file.

    Parameters
    ----------
    path
        The GeoPackage, not changed; nothing is made beside it.
    folder
        An empty folder for the copy.

    Returns
    -------
    Path
        The copy: of the same name, not in write-ahead mode.

    Raises
    ------
    InputError
        If another program is writing to the file, or it is damaged.
    """
    refuse_locked(path)
    for _ in range(ATTEMPTS):
        before = _state(path)
        for ending in COPIED:
            part = path.with_name(path.name + ending)
            copy = folder / part.name
            copy.unlink(missing_ok=True)
            try:
                shutil.copyfile(part, copy)
            except FileNotFoundError:
                if not ending:
                    raise InputError(f"{path} does not exist; check the spelling and the folder.") from None
            except OSError as error:
                raise InputError(f"{part} cannot be read: {error.strerror or error}.") from None
        if _state(path) == before:
            return _made_whole(folder / path.name, path)
    raise InputError(f"{path} changes while it is read; save the edits, close it in QGIS and run this again.")


def lacks_log(path: Path) -> bool:
    """Whether a GeoPackage is in write-ahead mode, but the log is not beside it.

    Bytes 18 and 19 of the header are 2 then (SQLite file format, section 1.3.3). A program that closes such a
    file brings the log in and removes it; of a copy that was made before, what was in the log is missing.
    """
    try:
        with path.open("rb") as stream:
            header = stream.read(20)
    except OSError:
        return False
    return header[18:20] == b"\x02\x02" and not path.with_name(path.name + "-wal").exists()


def refuse_locked(path: Path) -> None:
    """Refuse a file that a program is in the middle of writing to.

    Raises
    ------
    InputError
        If there is a lock of a writer; one that only reads is no hindrance.
    """
    try:
        import fcntl
    except ImportError:  # Windows: opening the file fails there
        return
    try:
        with path.open("rb") as stream:
            fcntl.lockf(stream, fcntl.LOCK_SH | fcntl.LOCK_NB, LOCK_LENGTH, LOCK_BYTES, os.SEEK_SET)
    except (BlockingIOError, PermissionError) as error:
        if isinstance(error, PermissionError) and not os.access(path, os.R_OK):
            raise InputError(f"{path} cannot be read: {error.strerror}.") from None
        raise InputError(
            f"{path} is locked: another program is writing to it; save or discard the edits, close it in "
            "QGIS and run this again."
        ) from None
    except OSError:
        return  # a file system without locks, or no such file: said on copying


def _state(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Size and time of change of a file and what lies beside it."""
    found: list[tuple[int, int] | None] = []
    for ending in COPIED:
        try:
            status = path.with_name(path.name + ending).stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((status.st_size, status.st_mtime_ns))
    return tuple(found)


def _made_whole(copy: Path, shown: Path) -> Path:
    """Bring the log or journal into the copy."""
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA journal_mode = DELETE")
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'gpkg_ogr_contents'").fetchone():
                # A count kept beside the table, which plain SQL does not keep right.
                connection.execute("UPDATE gpkg_ogr_contents SET feature_count = NULL")
    except (sqlite3.Error, UnicodeError) as error:
        raise InputError(
            f"{shown} is not a sound GeoPackage ({error}); ask its mapper for another copy, or open it in "
            "QGIS and export the layer tasks."
        ) from None
    return copy
