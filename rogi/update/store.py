"""A team's store: the work packages of a plan in one PostGIS database, edited by all mappers at once.

One schema holds one plan. Its tables have the layers of the work packages with all packages in each; a role
of the database edits the rows of the packages that are assigned to it. What is read back is what
:func:`rogi.update.edits.read_edits` takes from GeoPackages.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rogi.errors import InputError, OutputError
from rogi.update.drawn import read_binary
from rogi.update.model import APPLICATION, CANDIDATES, CONTEXT, CURRENT, FORMAT, TASK_COLUMNS, TASKS
from rogi.update.planned import PLAN_FILE, TASKS_FILE, Planned, read_plan
from rogi.update.store_address import StoreAddress, connected, parse_address
from rogi.update.store_load import column_types, joined, load, task_columns

if TYPE_CHECKING:
    import geopandas as gpd
    import psycopg

    from rogi.update.packages import TaskTable

_OTHERS: Final = (CURRENT, CANDIDATES, CONTEXT)
_KEYS: Final = ("fid", "package")
UNREADABLE: Final = "_unreadable"
"""Column of what is read: why a geometry cannot be built."""


@dataclass(frozen=True, slots=True, eq=False)
class PackageTables:
    """The layers of a work package, all of one CRS.

    Attributes
    ----------
    name, mapper
        Of the package.
    tasks
        Columns of :data:`rogi.update.model.TASK_COLUMNS`; those that are missing are null.
    current, candidates, context
        Any columns.
    """

    name: str
    mapper: str
    tasks: gpd.GeoDataFrame
    current: gpd.GeoDataFrame
    candidates: gpd.GeoDataFrame
    context: gpd.GeoDataFrame


@dataclass(frozen=True, slots=True)
class Store:
    """A store that was made.

    Attributes
    ----------
    address
        Where it is; :attr:`~StoreAddress.shown` is what may be written down.
    srid
        Of its outlines.
    unassigned
        Packages whose mapper is no role of the database; see ``assign`` in the documentation.
    """

    address: StoreAddress
    srid: int
    unassigned: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StoredPlan:
    """What a store holds.

    Attributes
    ----------
    planned
        The plan.
    tables
        The tasks of each package that has rows, by name.
    """

    planned: Planned
    tables: tuple[TaskTable, ...]


# ---- making one


def create_store(url: str, packages: Sequence[PackageTables], *, plan: str, tasks: str) -> Store:
    """Put the packages of a plan into a database, in one transaction.

    A store that is there already is replaced as long as nobody has edited it.

    Parameters
    ----------
    url
        See :func:`rogi.update.store_address.parse_address`.
    packages
        The packages.
    plan, tasks
        Contents of ``plan.json`` and ``tasks.csv``.

    Returns
    -------
    Store

    Raises
    ------
    InputError
        If the database cannot be reached, lacks PostGIS, or refuses.
    OutputError
        If the schema holds something else, or work of mappers.
    """
    address = parse_address(url)
    crs = packages[0].tasks.crs
    frames = {
        layer: joined({p.name: getattr(p, layer) for p in packages}, crs) for layer in (TASKS, *_OTHERS)
    }
    frames[TASKS] = task_columns(frames[TASKS])
    with connected(address, "create") as connection:
        from psycopg import sql

        from rogi.update.store_crs import srid_of
        from rogi.update.store_sql import store_rules, store_tables

        postgis = _postgis(connection, address)
        _clear(connection, address)
        srid = srid_of(connection, postgis, crs)
        others = {layer: column_types(frames[layer]) for layer in _OTHERS}
        for statement in store_tables(address.schema, postgis, srid, others):
            connection.execute(statement)
        for layer, frame in frames.items():
            load(connection, address.schema, layer, frame, srid)
        stored = {
            "application": APPLICATION,
            "format": str(FORMAT),
            "crs": crs.to_wkt(),
            PLAN_FILE: plan,
            TASKS_FILE: tasks,
        }
        with connection.cursor() as cursor:
            cursor.executemany(
                sql.SQL("INSERT INTO {} VALUES (%s, %s)").format(sql.Identifier(address.schema, "plan")),
                list(stored.items()),
            )
        for statement in store_rules(address.schema, postgis):
            connection.execute(statement)
        unassigned = _assign(connection, address.schema, packages)
        for layer in frames:
            connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(address.schema, layer)))
    return Store(address, srid, unassigned)


def _postgis(connection: psycopg.Connection[Any], address: StoreAddress) -> str:
    row = connection.execute(
        "SELECT nspname FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace"
        " WHERE extname = 'postgis'"
    ).fetchone()
    if row is None:
        raise InputError(
            f"The database {address} has no PostGIS; ask who maintains it to run CREATE EXTENSION postgis "
            "there, and try again."
        )
    return str(row[0])


def _clear(connection: psycopg.Connection[Any], address: StoreAddress) -> None:
    """Drop a store nobody has edited; refuse anything else that is in the way."""
    from psycopg import sql

    if _comment(connection, address.schema) is None:
        return
    if _comment(connection, address.schema) != APPLICATION:
        raise OutputError(
            f"The database of {address} has a schema {address.schema} that is no store of rogi; name another "
            "with ?schema=."
        )
    names = {
        "tasks": sql.Identifier(address.schema, TASKS),
        "history": sql.Identifier(address.schema, "history"),
    }
    edited = connection.execute(
        sql.SQL(
            "SELECT EXISTS (SELECT 1 FROM {history})"
            " OR EXISTS (SELECT 1 FROM {tasks} WHERE NULLIF(TRIM(decision), '') IS NOT NULL)"
        ).format(**names)
    ).fetchone()
    if edited is None or edited[0]:
        raise OutputError(
            f"The store {address} holds the work of mappers; apply it first, name another schema with "
            "?schema=, or drop that schema by hand."
        )
    connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(address.schema)))


def _comment(connection: psycopg.Connection[Any], schema: str) -> str | None:
    """What the schema says of itself; None where there is no such schema."""
    row = connection.execute(
        "SELECT COALESCE(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = %s",
        (schema,),
    ).fetchone()
    return None if row is None else str(row[0])


def _assign(
    connection: psycopg.Connection[Any], schema: str, packages: Sequence[PackageTables]
) -> tuple[str, ...]:
    """Give the rows of each package to the role of its mapper's name, where there is one."""
    from psycopg import sql

    roles = {str(name) for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    call = sql.SQL("SELECT {}(%s::text, %s::name)").format(sql.Identifier(schema, "assign"))
    for package in packages:
        if package.mapper in roles and len(package.tasks):
            connection.execute(call, (package.name, package.mapper))
    return tuple(p.name for p in packages if p.mapper not in roles)


# ---- reading one


def read_store(url: str) -> StoredPlan:
    """The plan and the tasks of a store, as :func:`rogi.update.edits.read_edits` takes them.

    Parameters
    ----------
    url
        See :func:`rogi.update.store_address.parse_address`.

    Returns
    -------
    StoredPlan

    Raises
    ------
    InputError
        If there is no store, or the database cannot be reached or refuses.
    """
    from rogi.update.packages import TaskTable

    address = parse_address(url)
    with connected(address, "read") as connection:
        # All tables as they were at one moment, whoever edits meanwhile.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if _comment(connection, address.schema) != APPLICATION:
            raise InputError(
                f"The database of {address} has no store in the schema {address.schema}; make one with "
                "rogi update plan --store, or name its schema with ?schema=."
            )
        postgis = _postgis(connection, address)
        plan = _plan(connection, address)
        names = [column.name for column in TASK_COLUMNS]
        tasks = _rows(connection, address.schema, TASKS, names, postgis, plan["crs"])
        others = {}
        for layer in (CURRENT, CANDIDATES):
            columns = _columns(connection, address.schema, layer)
            others[layer] = _rows(connection, address.schema, layer, columns, postgis, plan["crs"])
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
    return StoredPlan(planned, tuple(tables))


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
    import geopandas as gpd
    import pandas as pd

    from rogi.update.store_sql import read_statement

    with connection.cursor(binary=True) as cursor:
        cursor.execute(read_statement(schema, table, columns, postgis))
        rows = cursor.fetchall()
    names = [*_KEYS, *columns, "geom"]
    frame = pd.DataFrame(rows, columns=names)
    geometry, unreadable = read_binary(frame["geom"])
    frame[UNREADABLE] = [unreadable.get(i) for i in range(len(frame))]
    return gpd.GeoDataFrame(frame.drop(columns="geom"), geometry=geometry, crs=crs).rename_geometry("geom")
