"""Rows moved between two work packages: tasks with what was decided, and the outlines beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from rogi.errors import InputError
from rogi.update.drawn import read_binary
from rogi.update.packages.triggers import GEOMETRY
from rogi.update.vocabulary import CANDIDATES, CONTEXT, CURRENT, TASK_COLUMNS, TASKS

ENVELOPE_BYTES: Final = (0, 32, 48, 48, 64)
"""Of a GeoPackage's geometry, by the code in its flags (OGC 12-128r19, 2.1.3)."""
LAYERS: Final = (TASKS, CURRENT, CANDIDATES, CONTEXT)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What goes from one package to another.

    Attributes
    ----------
    tasks, units
        Keys of tasks, and the units they are of.
    source
        Name of the package they leave.
    mapper
        Of the package they come to.
    digests
        Of the tasks of both packages afterwards, as the plan has them.
    """

    tasks: tuple[str, ...]
    units: tuple[str, ...]
    source: str
    mapper: str
    digests: tuple[str, str]


def transfer(source: Path, target: Path, what: Transfer) -> tuple[int, int]:
    """Move rows between two private copies of packages.

    Returns
    -------
    rows, decided : int
        Rows of the layer ``tasks`` that were moved, and how many have a decision.

    Raises
    ------
    InputError
        If a file is no package as rogi wrote it, or the target has such rows already, with another content.
    """
    try:
        with _unlocked(source) as one, _unlocked(target) as two:
            before = _count(one) + _count(two)
            again = _there(one, two, what)
            rows, decided = _move_tasks(one, two, what, again)
            units, candidates = _move_outlines(one, two, what)
            _move_context(one, two, what, units, candidates)
            for connection, digest in zip((one, two), what.digests, strict=True):
                connection.execute("UPDATE plan SET value = ? WHERE key = 'tasks'", [digest])
            if _count(one) + _count(two) + (rows if again else 0) != before:
                raise InputError(
                    "Rows would be lost, so nothing was moved; keep the packages, and report this."
                )
    except sqlite3.Error as error:
        raise InputError(
            f"{source.name} or {target.name} is no work package as rogi wrote it ({error}); move tasks "
            "between packages that were not exported or rebuilt."
        ) from None
    return rows, decided


@contextmanager
def _unlocked(package: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a package without its triggers, which are back afterwards."""
    with closing(sqlite3.connect(package)) as connection, connection:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid"
        triggers = connection.execute(query).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {_quoted(name)}")
        yield connection
        for _, statement in triggers:
            connection.execute(statement)
        counts = "SELECT 1 FROM sqlite_master WHERE name = 'gpkg_ogr_contents'"
        if connection.execute(counts).fetchone():
            for layer in LAYERS:
                number = _count(connection, layer)
                counted = "UPDATE gpkg_ogr_contents SET feature_count = ? WHERE table_name = ?"
                connection.execute(counted, [number, layer])


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _count(connection: sqlite3.Connection, layer: str = TASKS) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {_quoted(layer)}").fetchone()[0])  # noqa: S608


def _columns(connection: sqlite3.Connection, layer: str) -> list[str]:
    rows = connection.execute(f"PRAGMA table_info({_quoted(layer)})").fetchall()
    return [str(row[1]) for row in rows if not row[5]]


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _of_tasks(what: Transfer) -> tuple[str, list[str]]:
    """Rows of the tasks, and those drawn for their units."""
    condition = (
        f"task IN ({_marks(what.tasks)}) OR COALESCE(TRIM(task), '') = '' AND unit IN ({_marks(what.units)})"
    )
    return condition, [*what.tasks, *what.units]


def _rows(connection: sqlite3.Connection, layer: str, where: str, values: Sequence[Any]) -> list[Row]:
    names = _columns(connection, layer)
    listed = ", ".join(map(_quoted, names))
    query = f"SELECT {listed} FROM {_quoted(layer)} WHERE {where} ORDER BY rowid"  # noqa: S608
    return [dict(zip(names, row, strict=True)) for row in connection.execute(query, values)]


def _there(one: sqlite3.Connection, two: sqlite3.Connection, what: Transfer) -> bool:
    """Whether the target has the rows already, as after a copy of them."""
    names = [*(c.name for c in TASK_COLUMNS if c.name != "area_name"), GEOMETRY]
    mine, theirs = (_rows(connection, TASKS, *_of_tasks(what)) for connection in (one, two))
    if not theirs:
        return False
    same = sorted(repr([row.get(n) for n in names]) for row in mine) == sorted(
        repr([row.get(n) for n in names]) for row in theirs
    )
    if not same:
        name = theirs[0].get("task") or theirs[0].get("unit")
        raise InputError(
            f"The package of {what.mapper} has other rows of {name} already; withdraw them, or those that "
            "would be moved."
        )
    return True


def _insert(connection: sqlite3.Connection, layer: str, row: Row) -> None:
    """Add a row, in the spatial index too."""
    names = [name for name in _columns(connection, layer) if name in row]
    listed = ", ".join(map(_quoted, names))
    made = connection.execute(
        f"INSERT INTO {_quoted(layer)} ({listed}) VALUES ({_marks(names)})",  # noqa: S608
        [row[name] for name in names],
    )
    box = _bounds(row.get(GEOMETRY))
    if box is None:
        return
    index = f"rtree_{layer}_{GEOMETRY}"
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [index]).fetchone():
        west, south, east, north = box
        connection.execute(
            f"INSERT INTO {_quoted(index)} VALUES (?, ?, ?, ?, ?)",  # noqa: S608
            [made.lastrowid, west, east, south, north],
        )
    for low, high, least, most in (("min_x", "max_x", box[0], box[2]), ("min_y", "max_y", box[1], box[3])):
        connection.execute(
            f"UPDATE gpkg_contents SET {low} = min(COALESCE({low}, ?), ?),"  # noqa: S608
            f" {high} = max(COALESCE({high}, ?), ?) WHERE table_name = ?",
            [least, least, most, most, layer],
        )


def _delete(connection: sqlite3.Connection, layer: str, where: str, values: Sequence[Any]) -> None:
    index = f"rtree_{layer}_{GEOMETRY}"
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [index]).fetchone():
        ids = f"SELECT rowid FROM {_quoted(layer)} WHERE {where}"  # noqa: S608
        connection.execute(f"DELETE FROM {_quoted(index)} WHERE id IN ({ids})", values)  # noqa: S608
    connection.execute(f"DELETE FROM {_quoted(layer)} WHERE {where}", values)  # noqa: S608


def _bounds(blob: Any) -> tuple[float, float, float, float] | None:
    """West, south, east, north of a geometry as a GeoPackage stores it."""
    if not isinstance(blob, bytes) or len(blob) < 8:
        return None
    code = blob[3] >> 1 & 7
    if code >= len(ENVELOPE_BYTES):
        return None
    shapes, _ = read_binary([blob[8 + ENVELOPE_BYTES[code] :]])
    west, south, east, north = (float(value) for value in shapely.bounds(shapes[0]))
    # Without an outline, and where a coordinate is no number, there is nothing to put into the index.
    return (west, south, east, north) if np.isfinite([west, south, east, north]).all() else None


def _move_tasks(
    one: sqlite3.Connection, two: sqlite3.Connection, what: Transfer, again: bool
) -> tuple[int, int]:
    where, values = _of_tasks(what)
    rows = _rows(one, TASKS, where, values)
    for row in [] if again else rows:
        row["area_name"] = " ".join(filter(None, (what.source, row.get("area_name"))))
        _insert(two, TASKS, row)
    _delete(one, TASKS, where, values)
    return len(rows), sum(bool((row.get("decision") or "").strip()) for row in rows)


def _move_outlines(
    one: sqlite3.Connection, two: sqlite3.Connection, what: Transfer
) -> tuple[list[Row], list[Row]]:
    """Current outlines go with their units; candidates of tasks on both sides are in both."""
    moved = []
    here, there = (
        {name for row in _rows(c, TASKS, "candidate IS NOT NULL", []) for name in row["candidate"].split()}
        for c in (one, two)
    )
    for layer, key in ((CURRENT, "unit"), (CANDIDATES, "candidate")):
        wanted = list(what.units) if layer == CURRENT else sorted(there)
        known = {row[key] for row in _rows(two, layer, f"{key} IS NOT NULL", [])}
        found = _rows(one, layer, f"{key} IN ({_marks(wanted)})", wanted)
        for row in found:
            if row[key] not in known:
                _insert(two, layer, row)
        gone = [row[key] for row in found if layer == CURRENT or row[key] not in here]
        _delete(one, layer, f"{key} IN ({_marks(gone)})", gone)
        moved.append([row for row in found if row[key] in gone])
    return moved[0], moved[1]


def _move_context(
    one: sqlite3.Connection,
    two: sqlite3.Connection,
    what: Transfer,
    units: Sequence[Row],
    candidates: Sequence[Row],
) -> None:
    """What was moved is a neighbour of what stayed, and no neighbour of where it is now."""
    for kind, rows in (("unit", units), ("candidate", candidates)):
        names = [row[kind] for row in rows]
        _delete(two, CONTEXT, f"{kind} IN ({_marks(names)})", names)
        for row in rows:
            beside = {"kind": kind, kind: row[kind], "class": row.get("class"), "mapper": what.mapper}
            _insert(one, CONTEXT, {**beside, GEOMETRY: row[GEOMETRY]})
