"""A ledger of finished work: results by the content of what they were made from.

Long work is a set of units. The key of a unit is a digest of everything its result depends on; what the
ledger holds is not done again, so work that was stopped goes on where it was, and of changed inputs only the
units they touch are done anew. The ledger is one SQLite file of JSON values, written a block of units at a
time.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from rogi.errors import InputError, OutputError

SCHEMA_VERSION = 2
QUERY_KEYS = 500

_TABLES = """
CREATE TABLE IF NOT EXISTS results (key BLOB PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
  path TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL
) WITHOUT ROWID;
"""


def digest(*parts: Any) -> str:
    """SHA-256 of parts that determine a result.

    Parameters
    ----------
    *parts : bytes, str, int, float, bool, None, or mappings and sequences of them
        Bytes count as they are, all else in its canonical JSON form. Each part is preceded by its kind and
        length, so that different parts never run together.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> digest("ab", "c") == digest("a", "bc")
    False
    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(b"".join(map(encoded, parts))).hexdigest()


def encoded(part: Any) -> bytes:
    """A part as `digest` takes it: digests of many that begin or end alike need it once."""
    raw = isinstance(part, bytes | bytearray | memoryview)
    data = bytes(part) if raw else json.dumps(part, sort_keys=True, separators=(",", ":")).encode()
    return (b"b" if raw else b"j") + len(data).to_bytes(8, "big") + data


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, or of a folder's files with their names (Zarr).

    Raises
    ------
    InputError
        It cannot be read.
    """
    try:
        if path.is_dir():
            names = sorted(p for p in path.rglob("*") if p.is_file())
            return digest([[p.relative_to(path).as_posix(), file_sha256(p)] for p in names])
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def file_stamp(path: Path) -> tuple[int, int, int, int]:
    """What changes when a file is replaced, without reading it.

    Returns
    -------
    tuple of int
        Bytes, time at which the content changed, time at which anything changed, and number in its file
        system. The first two can be kept by whoever replaces a file; the third cannot be set.
    """
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


class Ledger:
    """Results of finished units, kept in a file, or in memory where there is none.

    Parameters
    ----------
    path : Path, optional
        SQLite file; made if absent.

    Raises
    ------
    InputError
        The file is something else.
    OutputError
        It cannot be written.

    Examples
    --------
    >>> with Ledger() as ledger:
    ...     ledger.record({digest("unit 1"): [1.5, None]})
    ...     ledger.known([digest("unit 1"), digest("unit 2")])[digest("unit 1")]
    [1.5, None]
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        name = str(path) if path is not None else ":memory:"
        try:
            self._connection = sqlite3.connect(name, timeout=60.0, isolation_level=None)
        except sqlite3.Error as error:
            raise OutputError(f"The ledger {name} cannot be opened: {error}.") from error
        with self._errors():
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if tables and version != SCHEMA_VERSION:
                self._connection.close()
                raise InputError(
                    f"{name} is no ledger of this version of rogi; name another file, or delete it."
                )
            # A result that a crash of the machine takes away is only done again.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_TABLES)
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def known(self, keys: Iterable[str]) -> dict[str, Any]:
        """Results of those keys that have one."""
        found: dict[str, Any] = {}
        wanted = list(keys)
        with self._errors():
            for start in range(0, len(wanted), QUERY_KEYS):
                part = [bytes.fromhex(key) for key in wanted[start : start + QUERY_KEYS]]
                marks = ",".join("?" * len(part))
                query = f"SELECT key, value FROM results WHERE key IN ({marks})"  # noqa: S608
                rows = self._connection.execute(query, part).fetchall()
                values = json.loads(f"[{','.join(value for _, value in rows)}]")  # at once: much faster
                found |= {key.hex(): value for (key, _), value in zip(rows, values, strict=True)}
        return found

    def record(self, results: Mapping[str, Any]) -> None:
        """Keep results (anything JSON can hold); all of them or none."""
        rows = [(bytes.fromhex(k), json.dumps(v, separators=(",", ":"))) for k, v in results.items()]
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany("INSERT OR REPLACE INTO results VALUES (?, ?)", rows)
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise

    def take_over(self, path: Path) -> None:
        """Add what the ledger of another file holds and this one does not.

        Raises
        ------
        InputError
            Not a ledger, or one of another version.
        """
        with Ledger(path):
            pass
        with self._errors():
            self._connection.execute("ATTACH DATABASE ? AS other", (str(path),))
            try:
                for table in ("results", "files"):
                    self._connection.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM other.{table}")  # noqa: S608
            finally:
                self._connection.execute("DETACH DATABASE other")

    def file_digest(self, path: Path, member: str = "", sha256: Callable[[], str] | None = None) -> str:
        """SHA-256 of a file (see `file_sha256`), read again only if its `file_stamp` differs.

        Parameters
        ----------
        path : Path
        member : str
            A part of it, of which `sha256` gives the digest.
        sha256 : callable, optional

        Raises
        ------
        InputError
            It cannot be read.
        """
        if path.is_dir():
            return file_sha256(path)
        try:
            stamp = " ".join(map(str, file_stamp(path)))
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from error
        name = f"{path.resolve()}{f'!{member}' if member else ''}"
        with self._errors():
            row = self._connection.execute(
                "SELECT sha256 FROM files WHERE path = ? AND stamp = ?", (name, stamp)
            ).fetchone()
        if row:
            return str(row[0])
        found = file_sha256(path) if sha256 is None else sha256()
        with self._errors():
            self._connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (name, stamp, found))
        return found

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if "not a database" in str(error):
                raise InputError(f"{self.path} is no ledger; name another file.") from error
            raise OutputError(
                f"The ledger {self.path} could not be used: {error}; what it holds is kept."
            ) from error
