"""Making a team's store: the layers of a plan into a database, in one transaction, over nobody's work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rogi.errors import InputError, OptionError, OutputError
from rogi.update.planning.stored_plan import PLAN_FILE, TASKS_FILE
from rogi.update.store.address import StoreAddress, connected, marked, parse_address, postgis_schema
from rogi.update.store.crs import srid_of
from rogi.update.store.load import column_types, joined, load, task_columns
from rogi.update.vocabulary import APPLICATION, CANDIDATES, CONTEXT, CURRENT, FORMAT, TASKS

if TYPE_CHECKING:
    import geopandas as gpd
    import psycopg

LOCK_WAIT_S: Final = 30.0
"""How long planning waits for another plan, or for mappers who are just saving."""

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
    """

    address: StoreAddress
    srid: int
    assigned: tuple[Assignment, ...] = ()
    lost: tuple[Assignment, ...] = ()
    unassigned: tuple[str, ...] = field(default=())


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
    address = parse_address(url)
    with connected(address, "read") as connection:
        address = _reachable(address, connection)
        _seen_by_qgis(connection, address, postgis_schema(connection, address))
        if _found(connection, address):
            _refuse_work(connection, address)


def create_store(
    url: str, packages: Sequence[PackageTables], *, plan: str, tasks: str, wait_s: float = LOCK_WAIT_S
) -> Store:
    """Put the packages of a plan into a database, in one transaction; see :func:`making_store`."""
    with making_store(url, packages, plan=plan, tasks=tasks, wait_s=wait_s) as store:
        return store


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

    address = parse_address(url)
    crs = packages[0].tasks.crs
    frames = {
        layer: joined({p.name: getattr(p, layer) for p in packages}, crs) for layer in (TASKS, *_OTHERS)
    }
    frames[TASKS] = task_columns(frames[TASKS])
    with connected(address, "create") as connection:
        address = _reachable(address, connection)
        postgis = postgis_schema(connection, address)
        _seen_by_qgis(connection, address, postgis)
        first, kept = _clear(connection, address, wait_s, waiting)
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
        yield Store(address, srid, assigned, lost, unassigned)


def _reachable(address: StoreAddress, connection: psycopg.Connection[Any]) -> StoreAddress:
    """The address with host, port and database as they were found: the mappers' projects need all three."""
    given, found = address.parameters, connection.info
    more = {"dbname": found.dbname}
    if "service" in given:
        return StoreAddress(address.schema, {**more, **given})
    more["port"] = str(found.port)
    if not ("host" in given or "hostaddr" in given):
        if not found.host or found.host.startswith(("/", "@")):
            raise OptionError(
                f"The address {address} names no host, so the mappers' projects would not find the store; "
                "name the host by which their computers reach it, as in "
                "postgresql://user@db.example.org/database."
            )
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
) -> tuple[int, list[Assignment]]:
    """Drop a store nobody has edited; refuse anything else that is in the way.

    It is locked before it is looked at: nobody can save between the look and the drop. Gives the number from
    which rows are to be counted, and who had which package.
    """
    from psycopg import sql

    key = "SELECT hashtextextended({}, 0)"
    name = sql.Literal(f"{APPLICATION} {address.schema}")
    (lock,) = connection.execute(sql.SQL(key).format(name)).fetchone() or (0,)
    hold = _Hold(connection, address, int(lock), wait_s, waiting)
    hold(sql.SQL("SELECT pg_advisory_xact_lock({})").format(sql.Literal(lock)))
    if not _found(connection, address):
        return 1, []
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
    connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))
    return int(last[0]) + 1 if last else 1, kept


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
            "SELECT EXISTS (SELECT 1 FROM {schema}.history) OR EXISTS (SELECT 1 FROM {schema}.comments)"
            " OR EXISTS (SELECT 1 FROM {schema}.tasks WHERE NULLIF(TRIM(decision), '') IS NOT NULL)"
        ).format(schema=sql.Identifier(address.schema))
    ).fetchone()
    if row is None or row[0]:
        raise OutputError(
            f"The store {address} holds the work of mappers; apply it first, name another schema with "
            "?schema=, or drop that schema by hand."
        )


@dataclass(frozen=True, slots=True)
class _Hold:
    """Takes a lock, waits for it, and says who has it."""

    connection: psycopg.Connection[Any]
    address: StoreAddress
    advisory: int
    wait_s: float
    waiting: Callable[[str], None] | None

    def __call__(self, statement: Any) -> None:
        import psycopg

        try:
            # First without waiting, so that somebody at a terminal learns whom rogi waits for.
            self._take(statement, 0.001)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            holders = self._holders()
            if self.waiting is not None:
                self.waiting(f"waiting for {holders}")
            try:
                self._take(statement, self.wait_s)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                raise OutputError(
                    f"The store {self.address} is in use, and was still after {self.wait_s:g} s: by "
                    f"{self._holders() or holders}. Nothing was changed; ask them to save or discard what "
                    "they have open, and plan again."
                ) from None

    def _take(self, statement: Any, wait_s: float) -> None:
        with self.connection.transaction():
            self.connection.execute(
                "SELECT set_config('lock_timeout', %s, true)", (f"{max(1, round(wait_s * 1000))}ms",)
            )
            self.connection.execute(statement)

    def _holders(self) -> str:
        """Sessions that hold the plan's lock, or any on the tables: ``anna (QGIS, session 4711)``."""
        rows = self.connection.execute(
            "SELECT DISTINCT a.usename, a.application_name, l.pid, a.state, a.xact_start,"
            " l.locktype = 'advisory'"
            " FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a USING (pid)"
            " LEFT JOIN pg_class AS c ON c.oid = l.relation"
            " LEFT JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE l.granted AND l.pid <> pg_backend_pid()"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND (l.locktype = 'advisory' AND l.objsubid = 1"
            "   AND (l.classid::bigint << 32) | l.objid::bigint = %s"
            "   OR l.locktype = 'relation' AND n.nspname = %s)"
            " ORDER BY l.pid",
            (self.advisory, self.address.schema),
        ).fetchall()
        planning = {pid for *_, pid, _, _, plans in rows if plans}
        told: dict[int, str] = {}
        for user, program, pid, state, since, _ in rows:
            parts = [program] if program else []
            parts += ["another plan"] if pid in planning else []
            parts += [f"session {pid}"]
            parts += [state] if state else []
            parts += [f"since {since:%Y-%m-%d %H:%M:%S} UTC"] if since else []
            told[pid] = f"{user or 'somebody'} ({', '.join(parts)})"
        return "; ".join(told.values()) or "somebody who is gone by now"


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
