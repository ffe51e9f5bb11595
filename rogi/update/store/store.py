"""A team's store: the work packages of a plan in one PostGIS database, edited by all mappers at once.

One schema holds one plan. Its tables have the layers of the work packages with all packages in each; a role
of the database edits the rows of the packages that are assigned to it. What is read back is what
:func:`rogi.update.deciding.edits.read_edits` takes from GeoPackages.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd

from rogi.errors import InputError
from rogi.update.drawn import read_binary
from rogi.update.hands import SAVED
from rogi.update.packages.files import TaskTable
from rogi.update.planning.stored_plan import PLAN_FILE, TASKS_FILE, Planned, read_plan
from rogi.update.store.address import StoreAddress, connected, is_there, parse_address, postgis_schema
from rogi.update.vocabulary import CANDIDATES, CURRENT, FORMAT, TASK_COLUMNS, TASKS

if TYPE_CHECKING:
    import psycopg


_KEYS: Final = ("fid", "package")
UNREADABLE: Final = "_unreadable"
"""Column of what is read: why a geometry cannot be built."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredPlan:
    """What a store holds.

    Attributes
    ----------
    planned
        The plan.
    tables
        The tasks of each package that has rows, by name.
    address
        Of the store.
    last
        Number and time (UTC) of the last change in the history; None where nothing was changed.
    packages_of
        User -> names of the packages that are theirs, of those who saved something. Not those of roles that
        have all packages.
    written
        Who saved the rows that were changed since the plan was made, by ``fid``, which :class:`TaskTable` has
        as ``rows``: ``edited_by`` and ``reviewed_by`` (the user who logged in), ``edited_at`` and
        ``reviewed_at`` (UTC), and ``history``, the id of the last change.
    """

    planned: Planned
    tables: tuple[TaskTable, ...]
    address: StoreAddress
    last: tuple[int, dt.datetime] | None
    packages_of: Mapping[str, frozenset[str]]
    written: pd.DataFrame


def read_store(url: str) -> StoredPlan:
    """The plan and the tasks of a store, as :func:`rogi.update.deciding.edits.read_edits` takes them.

    Parameters
    ----------
    url
        See :func:`rogi.update.store.address.parse_address`.

    Returns
    -------
    StoredPlan

    Raises
    ------
    InputError
        If there is no store, or the database cannot be reached or refuses.
    """
    from psycopg import sql

    address = parse_address(url)
    with connected(address, "read", one_moment=True) as connection:
        is_there(connection, address)
        postgis = postgis_schema(connection, address)
        plan = _plan(connection, address)
        names = [column.name for column in TASK_COLUMNS]
        tasks = _rows(connection, address.schema, TASKS, names, postgis, plan["crs"])
        others = {}
        for layer in (CURRENT, CANDIDATES):
            columns = _columns(connection, address.schema, layer)
            others[layer] = _rows(connection, address.schema, layer, columns, postgis, plan["crs"])
        written = _written(connection, address.schema)
        users = sorted({*written["edited_by"].dropna(), *written["reviewed_by"].dropna()})
        packages_of = _packages_of(connection, address.schema, users)
        last = connection.execute(
            sql.SQL('SELECT id, "at" FROM {} ORDER BY id DESC LIMIT 1').format(
                sql.Identifier(address.schema, "history")
            )
        ).fetchone()
    planned = _planned(plan, address)
    tables = []
    for package in sorted(set(tasks["package"])):
        mine = tasks[tasks["package"] == package]
        beside = {
            layer: frame[frame["package"] == package].drop(columns=[*_KEYS, UNREADABLE])
            for layer, frame in others.items()
        }
        tables.append(
            TaskTable(
                frame=mine.drop(columns=[*_KEYS, UNREADABLE]).reset_index(drop=True),
                file=f"{address.schema}.{package}",
                rows=mine["fid"].to_numpy(dtype=np.int64),
                package=package,
                current=beside[CURRENT].reset_index(drop=True),
                candidates=beside[CANDIDATES].reset_index(drop=True),
                unreadable={k: why for k, why in enumerate(mine[UNREADABLE]) if isinstance(why, str)},
            )
        )
    return StoredPlan(planned, tuple(tables), address, last, packages_of, written)


def _packages_of(
    connection: psycopg.Connection[Any], schema: str, users: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Packages that are the users' own: assigned to them, or to a group of the package's name they are in.

    Members of another group that may edit a package decide under their own names.
    """
    from psycopg import sql

    rows = connection.execute(
        sql.SQL(
            "SELECT u.rolname::text, m.package FROM pg_roles AS u, {} AS m JOIN pg_roles AS r"
            " ON r.rolname = m.role WHERE u.rolname = ANY(%s) AND m.may = 'edit' AND m.package IS NOT NULL"
            " AND NOT u.rolsuper AND pg_has_role(u.oid, r.oid, 'MEMBER')"
            " AND r.rolname IN (u.rolname, m.package)"
        ).format(sql.Identifier(schema, "mappers")),
        (list(users),),
    ).fetchall()
    return {user: frozenset(p for u, p in rows if u == user) for user in sorted({u for u, _ in rows})}


def _written(connection: psycopg.Connection[Any], schema: str) -> pd.DataFrame:
    from psycopg import sql

    rows = connection.execute(
        sql.SQL(
            "SELECT t.fid, edited_by, edited_at, reviewed_by, reviewed_at, h.id FROM {schema}.tasks AS t"
            " JOIN (SELECT fid, max(id) AS id FROM {schema}.history GROUP BY fid) AS h USING (fid)"
            " ORDER BY t.fid"
        ).format(schema=sql.Identifier(schema))
    ).fetchall()
    frame = pd.DataFrame(rows, columns=["fid", *SAVED], dtype=object).set_index("fid")
    times = {name: pd.to_datetime(frame[name], utc=True) for name in ("edited_at", "reviewed_at")}
    return frame.assign(**times, history=frame["history"].astype("int64"))


def _plan(connection: psycopg.Connection[Any], address: StoreAddress) -> dict[str, str]:
    from psycopg import sql

    table = sql.Identifier(address.schema, "plan")
    plan = dict(connection.execute(sql.SQL("SELECT key, value FROM {}").format(table)).fetchall())
    if plan.get("format") != str(FORMAT):
        raise InputError(
            f"The store {address} has format {plan.get('format')!r}, but this version of rogi reads format "
            f"{FORMAT}; use the version of rogi the plan was made with."
        )
    return plan


def _planned(plan: Mapping[str, str], address: StoreAddress) -> Planned:
    """The plan by the reader of its files, so that it is the same from either."""
    with tempfile.TemporaryDirectory(prefix="rogi-") as folder:
        for name in (PLAN_FILE, TASKS_FILE):
            (Path(folder) / name).write_text(plan[name], encoding="utf-8", newline="")
        return replace(read_plan(Path(folder)), path=Path(f"{address.schema}/{PLAN_FILE}"))


def _columns(connection: psycopg.Connection[Any], schema: str, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid"
        " JOIN pg_namespace AS n ON n.oid = relnamespace"
        " WHERE nspname = %s AND relname = %s AND attnum > 0 AND NOT attisdropped"
        " AND attname NOT IN ('fid', 'package', 'geom') ORDER BY attnum",
        (schema, table),
    )
    return [str(name) for (name,) in rows]


def _rows(
    connection: psycopg.Connection[Any],
    schema: str,
    table: str,
    columns: Sequence[str],
    postgis: str,
    crs: str,
) -> gpd.GeoDataFrame:
    from rogi.update.store.sql import read_statement

    with connection.cursor(binary=True) as cursor:
        cursor.execute(read_statement(schema, table, columns, postgis))
        rows = cursor.fetchall()
    names = [*_KEYS, *columns, "geom"]
    frame = pd.DataFrame(rows, columns=names)
    geometry, unreadable = read_binary(frame["geom"])
    frame[UNREADABLE] = [unreadable.get(i) for i in range(len(frame))]
    return gpd.GeoDataFrame(frame.drop(columns="geom"), geometry=geometry, crs=crs).rename_geometry("geom")
