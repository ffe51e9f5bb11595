"""Making a team's store: the layers of a plan into a database, in one transaction, over nobody's work."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rogi.errors import InputError, OptionError, OutputError
from rogi.update.planning.stored_plan import PLAN_FILE, TASKS_FILE
from rogi.update.store.address import StoreAddress, connected, marked, parse_address, postgis_schema
from rogi.update.store.crs import srid_of
from rogi.update.store.load import column_types, joined, load, task_columns
from rogi.update.store.locks import Hold
from rogi.update.vocabulary import APPLICATION, CANDIDATES, CONTEXT, CURRENT, FORMAT, TASKS

if TYPE_CHECKING:
    import geopandas as gpd
    import psycopg

LOCK_WAIT_S: Final = 30.0
"""How long planning waits for another plan, or for mappers who are just saving."""

_HOST_VARIABLES: Final = ("PGHOST", "PGHOSTADDR", "PGSERVICE")
"""Of the environment, which libpq takes where the address has nothing."""
_OTHERS: Final = (CURRENT, CANDIDATES, CONTEXT)
Assignment = tuple[str | None, str, str]
"""Package (None: all), role, and what it may do, as in the table ``mappers``."""


@dataclass(frozen=True, slots=True, eq=False)
class PackageTables:
    """The layers of a work package, all of one CRS.

    Attributes
    ----------
    name, mapper
        Of the package.
    tasks
        Columns of :data:`rogi.update.vocabulary.TASK_COLUMNS`; those that are missing are null.
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
        Where it is; :attr:`~rogi.update.store.address.StoreAddress.shown` is what may be written down.
    srid
        Of its outlines.
    assigned
        Who may do what, in order of package and role.
    lost
        Assignments of the store that was replaced, to packages or roles that are no longer there.
    unassigned
        Packages that no role edits; see ``assign`` in the documentation.
    replaced
        What to say of another plan that was in the store before; empty where there was none.
    """

    address: StoreAddress
    srid: int
    assigned: tuple[Assignment, ...] = ()
    lost: tuple[Assignment, ...] = ()
    unassigned: tuple[str, ...] = field(default=())
    replaced: str = ""


def check_store(url: str) -> None:
    """Refuse an address that :func:`making_store` will refuse, before there is a plan.

    Parameters
    ----------
    url
        See :func:`rogi.update.store.address.parse_address`.

    Raises
    ------
    RogiError
        See :func:`making_store`.
    """
    address = _with_host(parse_address(url))
    with connected(address, "read") as connection:
        address = _reachable(address, connection)
        _seen_by_qgis(connection, address, postgis_schema(connection, address))
        if _found(connection, address):
            _refuse_work(connection, address)


@contextmanager
def making_store(
    url: str,
    packages: Sequence[PackageTables],
    *,
    plan: str,
    tasks: str,
    wait_s: float = LOCK_WAIT_S,
    waiting: Callable[[str], None] | None = None,
) -> Iterator[Store]:
    """A store that is there, for all others, once the block has ended well.

    A store that is there already is replaced as long as nobody has edited it or commented on it; who has
    which package is kept.

    Parameters
    ----------
    url
        See :func:`rogi.update.store.address.parse_address`.
    packages
        The packages.
    plan, tasks
        Contents of ``plan.json`` and ``tasks.csv``.
    wait_s
        How long to wait for others who use the store that is to be replaced, in seconds.
    waiting
        Told once whom the plan waits for.

    Raises
    ------
    InputError
        If the database cannot be reached, lacks PostGIS, or refuses.
    OptionError
        If the address names no host that others reach.
    OutputError
        If the schema holds something else, or work of mappers, or others use it all the time.
    """
    from psycopg import sql

    from rogi.update.store.sql import store_rules, store_tables

    address = _with_host(parse_address(url))
    crs = packages[0].tasks.crs
    frames = {
        layer: joined({p.name: getattr(p, layer) for p in packages}, crs) for layer in (TASKS, *_OTHERS)
    }
    frames[TASKS] = task_columns(frames[TASKS])
    with connected(address, "create") as connection:
        address = _reachable(address, connection)
        postgis = postgis_schema(connection, address)
        _seen_by_qgis(connection, address, postgis)
        first, kept, before = _clear(connection, address, wait_s, waiting)
        srid = srid_of(connection, postgis, crs)
        others = {layer: column_types(frames[layer]) for layer in _OTHERS}
        for statement in store_tables(address.schema, postgis, srid, others, first):
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
        for statement in store_rules(address.schema, postgis, geographic=crs.is_geographic):
            connection.execute(statement)
        assigned, lost = _assign(connection, address.schema, packages, kept)
        for layer in frames:
            connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(address.schema, layer)))
        edited = {package for package, _, may in assigned if may == "edit"}
        unassigned = tuple(p.name for p in packages if p.name not in edited)
        yield Store(address, srid, assigned, lost, unassigned, _replaced(before, plan))


def _with_host(address: StoreAddress) -> StoreAddress:
    """Refuse an address without a host before it leads to a socket of this computer."""
    named = {"host", "hostaddr", "service"} & address.parameters.keys()
    if named or os.name == "nt" or any(os.environ.get(name) for name in _HOST_VARIABLES):
        return address
    raise _no_host(address)


def _no_host(address: StoreAddress) -> OptionError:
    return OptionError(
        f"The address {address} names no host, so the mappers' projects would not find the store; name the "
        "host by which their computers reach it, as in postgresql://user@db.example.org/database."
    )


def _reachable(address: StoreAddress, connection: psycopg.Connection[Any]) -> StoreAddress:
    """The address with host, port and database as they were found: the mappers' projects need all three."""
    given, found = address.parameters, connection.info
    more = {"dbname": found.dbname}
    if "service" in given:
        return StoreAddress(address.schema, {**more, **given})
    more["port"] = str(found.port)
    if not ("host" in given or "hostaddr" in given):
        if not found.host or found.host.startswith(("/", "@")):
            raise _no_host(address)
        more["host"] = found.host
    if "," in given.get("host", given.get("hostaddr", "")):
        more.pop("port")  # one of several; their ports are in the address
    return StoreAddress(address.schema, {**more, **{k: v for k, v in given.items() if v}})


def _seen_by_qgis(connection: psycopg.Connection[Any], address: StoreAddress, postgis: str) -> None:
    """Refuse a database where QGIS would not find PostGIS, which it calls without its schema."""
    row = connection.execute("SELECT reset_val FROM pg_settings WHERE name = 'search_path'").fetchone()
    path = [name.strip().strip('"') for name in str(row[0] if row else "").split(",")]
    if postgis not in path:
        database = connection.info.dbname
        raise InputError(
            f"The database {address} has PostGIS in the schema {postgis}, which is not on the search_path: "
            f'QGIS would not find it. Ask for ALTER DATABASE "{database}" SET search_path = "$user", '
            f'public, "{postgis}".'
        )


# ---- what was there before


def _clear(
    connection: psycopg.Connection[Any],
    address: StoreAddress,
    wait_s: float,
    waiting: Callable[[str], None] | None,
) -> tuple[int, list[Assignment], str]:
    """Drop a store nobody has edited; refuse anything else that is in the way.

    It is locked before it is looked at: nobody can save between the look and the drop. Gives the number from
    which rows are to be counted, who had which package, and ``plan.json`` of the store that was dropped.
    """
    from psycopg import sql

    hold = Hold(connection, address, wait_s, "plan", waiting)
    hold(sql.SQL("SELECT pg_advisory_xact_lock({})").format(sql.Literal(hold.advisory)))
    if not _found(connection, address):
        return 1, [], ""
    tables = [
        sql.Identifier(address.schema, str(table))
        for (table,) in connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", (address.schema,)
        )
    ]
    hold(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(tables)))
    schema = sql.Identifier(address.schema)
    _refuse_work(connection, address)
    last = connection.execute(sql.SQL("SELECT last_value FROM {}.tasks_fid_seq").format(schema)).fetchone()
    kept = connection.execute(
        sql.SQL("SELECT package, role::text, may FROM {}.mappers ORDER BY 1, 2").format(schema)
    ).fetchall()
    plan = connection.execute(
        sql.SQL("SELECT value FROM {}.plan WHERE key = %s").format(schema), (PLAN_FILE,)
    ).fetchone()
    connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))
    return int(last[0]) + 1 if last else 1, kept, str(plan[0]) if plan else ""


def _replaced(before: str, plan: str) -> str:
    """A sentence on the plan that was in the store, where it is another one than this."""
    try:
        old, new = (json.loads(text) for text in (before, plan))
        if old["digest"] == new["digest"]:
            return ""
        mappers = ", ".join(str(entry["mapper"]) for entry in old["packages"])
        return (
            f"the store held another plan, of {old['inventory']['name']} for {mappers}, on which nobody had "
            "decided; its folder and its projects are no longer those of this store"
        )
    except (ValueError, KeyError, TypeError):
        return ""


def _found(connection: psycopg.Connection[Any], address: StoreAddress) -> bool:
    """Whether there is a store; refuses a schema that is something else."""
    found = marked(connection, address.schema)
    if found not in (None, APPLICATION):
        raise OutputError(
            f"The database of {address} has a schema {address.schema} that is no store of rogi; name another "
            "with ?schema=."
        )
    return found is not None


def _refuse_work(connection: psycopg.Connection[Any], address: StoreAddress) -> None:
    from psycopg import sql

    row = connection.execute(
        sql.SQL(
            # Of a row that was only moved to another package, nobody decided anything.
            "SELECT EXISTS (SELECT 1 FROM {schema}.history WHERE operation <> 'update'"
            " OR old - {moved} IS DISTINCT FROM new - {moved}) OR EXISTS (SELECT 1 FROM {schema}.comments)"
            " OR EXISTS (SELECT 1 FROM {schema}.tasks WHERE NULLIF(TRIM(decision), '') IS NOT NULL)"
        ).format(schema=sql.Identifier(address.schema), moved=sql.SQL("ARRAY['package', 'area_name']"))
    ).fetchone()
    if row is None or row[0]:
        raise OutputError(
            f"The store {address} contains work of mappers; apply it first, name another schema with "
            "?schema=, or drop that schema by hand."
        )


# ---- whose rows are whose


def _assign(
    connection: psycopg.Connection[Any],
    schema: str,
    packages: Sequence[PackageTables],
    kept: Sequence[Assignment],
) -> tuple[tuple[Assignment, ...], tuple[Assignment, ...]]:
    """Give packages to those who had them, others to the role of the mapper's name where there is one."""
    from psycopg import sql

    roles = {str(name) for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    names: Mapping[str, bool] = {p.name: bool(len(p.tasks)) for p in packages}
    again = [a for a in kept if a[1] in roles and (a[0] is None or names.get(a[0], False))]
    taken = {package for package, _, _ in again}
    new: list[Assignment] = [
        (p.name, p.mapper, "edit")
        for p in packages
        if p.name not in taken and p.mapper in roles and len(p.tasks)
    ]
    call = sql.SQL("SELECT {}(%s::text, %s::name, %s::text)").format(sql.Identifier(schema, "assign"))
    made = [*again, *new]
    for assignment in made:
        connection.execute(call, assignment)
    made.sort(key=lambda a: (a[0] is None, a[0] or "", a[1]))
    return tuple(made), tuple(a for a in kept if a not in again)
