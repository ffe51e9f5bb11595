"""What a driver does not say of a GeoPackage or SQLite file: endless views, impossible dates, stale counts.

A view is a program from a stranger: it may give rows without end, or call functions of the driver that reach
files or the network. So every view, virtual table and table with computed columns is tried here first, with
limits, by SQLite alone, which has no such functions.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STYLE_DESCRIPTION = "Symbols and edit form of "
"""How the description of a style begins that rogi writes."""
# Steps of SQLite's machine that a view may take, besides one for each byte of the file: a view of 300,000
# units with 100 columns takes some 70 million, and they need more bytes than that.
MAX_STEPS = 20_000_000
MAX_VALUE = 100_000_000  # bytes of one value
MAX_BYTES = 4 * 2**30  # of all values of a view
_STEPS_AT_A_TIME = 1_000_000
_MAX_PATTERN = 256  # characters of LIKE, whose time grows with a power of them
_HARMLESS = re.compile(r"no such function: ((?:ST_|GPKG_)\w+)", re.IGNORECASE)
_CATALOGUES = {
    "gpkg_geometry_columns": "table_name",
    "gpkg_ogr_contents": "table_name",
    "gpkg_contents": "table_name",
    "geometry_columns": "f_table_name",
}
_CATALOGUE = re.compile(
    r"gpkg_.*|geometry_columns.*|views_geometry_columns.*|spatial_ref_sys|sqlite_.*", re.I
)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        try:
            yield connection
        except UnicodeDecodeError as error:  # SQLite's message quotes damaged bytes of the file
            raise sqlite3.DatabaseError(str(error)) from error


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def unsafe_layers(path: Path) -> dict[str, str]:
    """Views and tables that must not be given to a driver, and what is the matter with each.

    Returns
    -------
    dict of str to str
        Name -> what it is, as in ``"is a view that does not end"``.
    """
    try:
        with _opened(path) as connection:
            limit = MAX_STEPS + path.stat().st_size
            return {name: why for name in _computed(connection) if (why := _trial(connection, name, limit))}
    except sqlite3.Error:
        return {}  # a damaged file, which the driver says


def remove_layers(path: Path, names: Iterable[str]) -> None:
    """Take views and tables, and all triggers, out of a copy of a database, without running any of them.

    A driver runs a view to learn the types of its columns as soon as it lists the layers.
    """
    listed = list(names)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        marks = ", ".join("?" * len(listed))
        connection.execute(
            f"DELETE FROM sqlite_master WHERE type = 'trigger' OR name IN ({marks})",  # noqa: S608
            listed,
        )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table, column in _CATALOGUES.items():
            with suppress(sqlite3.Error):  # the other kind of database
                connection.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", listed)  # noqa: S608


def is_catalogue(name: str) -> bool:
    """Whether the driver itself reads a table of this name, to learn what is in the file."""
    return _CATALOGUE.fullmatch(name) is not None


def _computed(connection: sqlite3.Connection) -> list[str]:
    """Views, virtual tables, and tables with columns that are computed on reading."""
    names = []
    for name, kind, sql in connection.execute(
        "SELECT name, type, coalesce(sql, '') FROM sqlite_master WHERE type IN ('table', 'view')"
    ).fetchall():
        virtual = sql[:30].upper().startswith("CREATE VIRTUAL") and not name.startswith("rtree_")
        columns = (
            connection.execute("SELECT hidden FROM pragma_table_xinfo(?)", (name,))
            if ("AS" in sql.upper() and "(" in sql and kind == "table")
            else ()
        )
        if kind == "view" or virtual or any(hidden == 2 for (hidden,) in columns):
            names.append(str(name))
    return names


def _trial(connection: sqlite3.Connection, name: str, limit: int) -> str | None:
    """Run a view within limits; None where it ends."""
    steps = 0

    def watch() -> int:
        nonlocal steps
        steps += _STEPS_AT_A_TIME
        return int(steps > limit)

    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _MAX_PATTERN)
    connection.text_factory = bytes
    connection.set_progress_handler(watch, _STEPS_AT_A_TIME)
    try:
        for _ in range(20):
            total = 0
            try:
                for row in connection.execute(f"SELECT * FROM {quoted(name)}"):  # noqa: S608
                    total += sum(len(value) for value in row if isinstance(value, bytes))
                    if total > MAX_BYTES:
                        return f"gives more than {MAX_BYTES / 2**30:.0f} GiB"
                return None
            except sqlite3.Error as error:
                if steps > limit:
                    return "is a view that does not end, or takes too long"
                if (match := _HARMLESS.search(str(error))) is None:
                    return f"is a view that cannot be run safely ({error})"
                connection.create_function(match[1], -1, lambda *_: None)
        return "is a view of too many functions"
    finally:
        connection.set_progress_handler(None, 0)
        connection.text_factory = str


def kept_beside(path: Path) -> dict[str, int]:
    """Tables beside the layers that are lost where a file is written anew, and their rows.

    Projects and styles that QGIS stored (not the styles that rogi writes), metadata, and tiles.
    """
    own = f"description NOT LIKE '{STYLE_DESCRIPTION}%'"
    found = {}
    try:
        with _opened(path) as connection:
            tables = [("qgis_projects", "1"), ("data_licenses", "1"), ("gpkg_metadata", "1")]
            tables.append(("layer_styles", f"description IS NULL OR {own}"))
            with suppress(sqlite3.Error):
                tables += [
                    (str(name), "1")
                    for (name,) in connection.execute(
                        "SELECT table_name FROM gpkg_contents"
                        " WHERE data_type NOT IN ('features', 'attributes')"
                    )
                ]
            for name, wanted in tables:
                with suppress(sqlite3.Error):  # there is no such table
                    rows = connection.execute(
                        f"SELECT count(*) FROM {quoted(name)} WHERE {wanted}"  # noqa: S608
                    ).fetchone()[0]
                    if rows:
                        found[name] = int(rows)
    except sqlite3.Error:
        return {}
    return found


def count(path: Path, layer: str) -> int | None:
    """Rows of a table by counting them; None where the file is damaged."""
    try:
        with _opened(path) as connection:
            rows = connection.execute(f"SELECT count(*) FROM {quoted(layer)}").fetchone()[0]  # noqa: S608
            sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
            return int(rows) if sound else None
    except sqlite3.Error:
        return None


def impossible_dates(
    path: Path, layer: str, columns: Iterable[str], fids: NDArray[np.int64]
) -> dict[str, list[str | None]]:
    """Texts of the date columns that hold something else than dates (``2021-13-32``, ``n/a``).

    Parameters
    ----------
    path, layer
        The file and its table.
    columns
        Columns that are declared as dates or times.
    fids
        (n,) ids of the rows in the order in which values are given back.

    Returns
    -------
    dict of str to list
        Column -> its values as they are, None where null or empty. Columns of dates alone are left out.
    """
    found: dict[str, list[str | None]] = {}
    try:
        with _opened(path) as connection:
            for column in columns:
                name, table = quoted(column), quoted(layer)
                wrong = connection.execute(
                    f"SELECT 1 FROM {table} WHERE {name} IS NOT NULL AND {name} <> ''"  # noqa: S608
                    f" AND (typeof({name}) <> 'text' OR date({name}) IS NOT substr({name}, 1, 10)) LIMIT 1"
                ).fetchone()
                if wrong is None:
                    continue
                texts = dict(
                    connection.execute(f"SELECT rowid, CAST({name} AS TEXT) FROM {table}").fetchall()  # noqa: S608
                )
                found[column] = [texts.get(fid) or None for fid in fids.tolist()]
    except sqlite3.Error:
        return {}
    return found
