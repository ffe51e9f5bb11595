"""Tasks moved from one package to another in a team's store, in one transaction."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rogi.text import as_json
from rogi.update.move import Choice, Moved, chosen_tasks, moved_plan, task_list
from rogi.update.planning.stored_plan import PLAN_FILE, TASKS_FILE, read_plan
from rogi.update.store.address import StoreAddress, connected, is_there, parse_address
from rogi.update.store.locks import Hold
from rogi.update.vocabulary import CANDIDATES, CONTEXT, CURRENT, TASKS

if TYPE_CHECKING:
    import psycopg

GUARDS: Final = {
    TASKS: "tasks_row",
    **{table: f"{table}_locked" for table in (CURRENT, CANDIDATES, CONTEXT, "plan", "comments")},
}
"""Triggers that keep packages as they are, by table; the history of tasks goes on."""
WAIT_S: Final = 15.0
"""How long a move waits for mappers who are just saving."""


def move_in_store(url: str, choice: Choice, *, wait_s: float = WAIT_S) -> Moved:
    """Move tasks between the packages of a store.

    Parameters
    ----------
    url
        See :func:`rogi.update.store.address.parse_address`; of the store's owner.
    choice
        What to move.
    wait_s
        How long to wait for others who are just saving, in seconds.

    Raises
    ------
    OutputError
        If others use the store all the time.
    InputError, OptionError
        If there is no store, no such task or package, or the database cannot be reached or refuses.

    Notes
    -----
    Nobody saves while rows are moved: edits that are under way are waited for, and go on afterwards. The
    history has a change for every row; what was decided, by whom and when stays.
    """
    address = parse_address(url)
    with connected(address, "move tasks in") as connection:
        from psycopg import sql

        is_there(connection, address)

        def run(statement: str, values: Any = (), **names: str) -> psycopg.Cursor[Any]:
            schema = sql.Identifier(address.schema)
            parts = {key: sql.Identifier(name) for key, name in names.items()}
            return connection.execute(sql.SQL(statement).format(schema=schema, **parts), values)

        tables = sql.SQL(", ").join(sql.Identifier(address.schema, table) for table in GUARDS)
        hold = Hold(connection, address, wait_s, "move")
        hold(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(tables))
        for table, guard in GUARDS.items():
            run("ALTER TABLE {schema}.{table} DISABLE TRIGGER {guard}", table=table, guard=guard)
        texts = dict(run("SELECT key, value FROM {schema}.plan").fetchall())
        with tempfile.TemporaryDirectory(prefix="rogi-") as folder:
            for name in (PLAN_FILE, TASKS_FILE):
                (Path(folder) / name).write_text(texts[name], encoding="utf-8", newline="")
            planned = read_plan(Path(folder))
            moving = chosen_tasks(planned, choice)
            content, table_after = moved_plan(planned, moving, choice.target)
            texts = {
                PLAN_FILE: as_json(content, 1),
                TASKS_FILE: task_list(Path(folder) / TASKS_FILE, table_after),
            }
        sources = tuple(dict.fromkeys(moving["package"]))
        mapper = {p.name: p.mapper for p in planned.packages}[choice.target]
        rows = decided = 0
        for name in sources:
            own = moving[moving["package"] == name]
            given = {
                "source": name,
                "target": choice.target,
                "mapper": mapper,
                "tasks": list(own["task"]),
                "units": list(own["unit"].dropna()),
            }
            moved = run(_TASKS, given).fetchall()
            rows += len(moved)
            decided += sum(bool((decision or "").strip()) for _, decision in moved)
            run(_COMMENTS, {"target": choice.target, "fids": [fid for fid, _ in moved]})
            _move_outlines(connection, address, given)
        for key, value in texts.items() if sources else ():
            run("UPDATE {schema}.plan SET value = %s WHERE key = %s", (value, key))
        for table, guard in GUARDS.items():
            run("ALTER TABLE {schema}.{table} ENABLE TRIGGER {guard}", table=table, guard=guard)
    return Moved(tuple(moving["task"]), sources, choice.target, rows, decided)


def _move_outlines(connection: psycopg.Connection[Any], address: StoreAddress, given: dict[str, Any]) -> None:
    """Outlines go with their tasks, and neighbours follow; candidates of both sides are in both packages."""
    from psycopg import sql

    schema = sql.Identifier(address.schema)
    for layer, key, wanted in ((CURRENT, "unit", _UNITS), (CANDIDATES, "candidate", _CANDIDATES)):
        names = [
            str(name)
            for (name,) in connection.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
                " AND NOT attisdropped AND attname NOT IN ('fid', 'package') ORDER BY attnum",
                (f"{address.schema}.{layer}",),
            )
        ]
        parts = {
            "schema": schema,
            "layer": sql.Identifier(layer),
            "key": sql.Identifier(key),
            "columns": sql.SQL(", ").join(map(sql.Identifier, names)),
            "wanted": sql.SQL(wanted).format(schema=schema),
            "kind": sql.Literal(key),
        }
        for statement in (_COPY, _LEAVE_CONTEXT, _JOIN_CONTEXT, _DROP):
            if statement is not _DROP or layer == CURRENT:
                connection.execute(sql.SQL(statement).format(**parts), given)
            else:
                connection.execute(sql.SQL(_DROP_UNUSED).format(**parts), given)


_TASKS: Final = """UPDATE {schema}.tasks SET package = %(target)s,
  area_name = concat_ws(' ', %(source)s::text, NULLIF(area_name, ''))
WHERE package = %(source)s
  AND (task = ANY(%(tasks)s) OR COALESCE(TRIM(task), '') = '' AND unit = ANY(%(units)s))
RETURNING fid, decision"""

_COMMENTS: Final = """UPDATE {schema}.comments SET package = %(target)s WHERE fid = ANY(%(fids)s)"""

_UNITS: Final = "SELECT unnest(%(units)s::text[])"

_CANDIDATES: Final = """SELECT regexp_split_to_table(TRIM(candidate), '\\s+') FROM {schema}.tasks
WHERE package = %(target)s AND task = ANY(%(tasks)s)"""

_COPY: Final = """INSERT INTO {schema}.{layer} (package, {columns})
SELECT %(target)s, {columns} FROM {schema}.{layer} AS o
WHERE package = %(source)s AND {key} IN ({wanted}) AND NOT EXISTS (
  SELECT 1 FROM {schema}.{layer} AS t WHERE t.package = %(target)s AND t.{key} = o.{key}) ORDER BY fid"""

_LEAVE_CONTEXT: Final = """DELETE FROM {schema}.context
WHERE package = %(target)s AND kind = {kind} AND {key} IN ({wanted})"""

_JOIN_CONTEXT: Final = """INSERT INTO {schema}.context (package, kind, {key}, class, mapper, geom)
SELECT %(source)s, {kind}, {key}, class, %(mapper)s, geom FROM {schema}.{layer}
WHERE package = %(source)s AND {key} IN ({wanted}) ORDER BY fid"""

_DROP: Final = """DELETE FROM {schema}.{layer} WHERE package = %(source)s AND {key} IN ({wanted})"""

_DROP_UNUSED: Final = """DELETE FROM {schema}.{layer} WHERE package = %(source)s AND {key} IN ({wanted})
AND {key} NOT IN (SELECT regexp_split_to_table(TRIM(candidate), '\\s+') FROM {schema}.tasks
  WHERE package = %(source)s AND NULLIF(TRIM(candidate), '') IS NOT NULL)"""
