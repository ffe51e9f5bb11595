"""Functions of a store, in PL/pgSQL: who acts, whose rows are whose, the rules of a row, the history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import sql

from rogi.update.model import CONSTRAINTS, PLANNED, TASK_COLUMNS
from rogi.update.triggers import (
    DELETE_MESSAGE,
    GEOMETRY_MESSAGE,
    PLANNED_MESSAGE,
    TASK_MESSAGE,
    UNIT_MESSAGE,
)

PACKAGE_MESSAGE: Final = "package names the work package of the row, and is not changed"
OWNER_MESSAGE: Final = "the row belongs to the package of somebody else; ask a maintainer"
STALE_MESSAGE: Final = "somebody changed this row since it was read; reload it, look, and decide again"


def store_functions(schema: str, postgis: str) -> Iterator[sql.Composed]:
    """Create the functions; ``postgis`` is the schema PostGIS lives in."""
    parts = {
        "schema": sql.Identifier(schema),
        "postgis": sql.Identifier(postgis),
        "name": sql.Literal(schema),
    }
    for text in (_WHO, _OWNS, _WRITE_HISTORY, _REFUSE, _ASSIGN, _WITHDRAW):
        yield sql.SQL(text).format(**parts)
    yield _task_function(schema, postgis)


# The role that acts: the one taken on with SET ROLE, or the one that logged in. The same inside functions
# that run with the rights of their owner, where current_user is the owner.
_WHO: Final = """CREATE FUNCTION {schema}.who() RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $rogi$
  SELECT CASE current_setting('role') WHEN 'none' THEN session_user::text ELSE current_setting('role') END
$rogi$"""

_OWNS: Final = """CREATE FUNCTION {schema}.owns(text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $rogi$
  SELECT EXISTS (
    SELECT 1 FROM {schema}.mappers AS m JOIN pg_roles AS r ON r.rolname = m.role
    WHERE (m.package IS NULL OR m.package = $1) AND pg_has_role(current_user, r.oid, 'MEMBER')
  ) OR (
    SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class
    WHERE oid = '{schema}.tasks'::regclass
  )
$rogi$"""

# Geometry as well-known binary: GeoJSON, which to_jsonb would make of it, is rounded and slow.
_WRITE_HISTORY: Final = """CREATE FUNCTION {schema}.write_history() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $rogi$
DECLARE
  bare {schema}.tasks%ROWTYPE;
  row_before jsonb;
  row_after jsonb;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    bare := OLD;
    bare.geom := NULL;
    row_before := to_jsonb(bare)
      || jsonb_build_object('geom', encode({postgis}.ST_AsEWKB(OLD.geom), 'hex'));
  END IF;
  IF TG_OP <> 'DELETE' THEN
    bare := NEW;
    bare.geom := NULL;
    row_after := to_jsonb(bare)
      || jsonb_build_object('geom', encode({postgis}.ST_AsEWKB(NEW.geom), 'hex'));
  END IF;
  INSERT INTO {schema}.history ("at", "by", operation, fid, task, package, old, new)
  VALUES (clock_timestamp(), {schema}.who(), lower(TG_OP),
    COALESCE((row_after ->> 'fid')::bigint, (row_before ->> 'fid')::bigint),
    COALESCE(row_after, row_before) ->> 'task', COALESCE(row_after, row_before) ->> 'package',
    row_before, row_after);
  RETURN NULL;
END
$rogi$"""

_REFUSE: Final = """CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $rogi$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = TG_ARGV[0];
END
$rogi$"""

_ASSIGN: Final = """CREATE FUNCTION {schema}.assign(package text, role name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $rogi$
BEGIN
  IF $1 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {schema}.tasks AS t WHERE t.package = $1) THEN
    RAISE EXCEPTION USING MESSAGE = format('there is no package %L', $1);
  END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $2) THEN
    RAISE EXCEPTION USING MESSAGE = format('there is no role %L; make it with CREATE ROLE', $2);
  END IF;
  INSERT INTO {schema}.mappers SELECT $1, $2
  WHERE NOT EXISTS (SELECT 1 FROM {schema}.mappers AS m
    WHERE m.package IS NOT DISTINCT FROM $1 AND m.role = $2);
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', {name}, $2);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', {name}, $2);
  EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I.tasks TO %I', {name}, $2);
  EXECUTE format('GRANT USAGE ON SEQUENCE %I.tasks_fid_seq TO %I', {name}, $2);
END
$rogi$"""

_WITHDRAW: Final = """CREATE FUNCTION {schema}.withdraw(package text, role name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $rogi$
BEGIN
  DELETE FROM {schema}.mappers AS m WHERE m.package IS NOT DISTINCT FROM $1 AND m.role = $2;
  IF NOT EXISTS (SELECT 1 FROM {schema}.mappers AS m WHERE m.role = $2) THEN
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', {name}, $2);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM %I', {name}, $2);
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', {name}, $2);
  END IF;
END
$rogi$"""


def _task_function(schema: str, postgis: str) -> sql.Composed:
    """The trigger on rows of ``tasks``: rules in the order of the package's triggers, then who and when."""
    claims_task = "COALESCE(NEW.task, '') <> ''"
    planned = "COALESCE(OLD.task, '') <> ''"
    geometry = sql.SQL("NEW.geom IS NULL OR {}.ST_IsEmpty(NEW.geom)").format(sql.Identifier(postgis))
    own_unit = _exists("t.unit = NEW.unit AND COALESCE(t.task, '') <> '' AND t.package = NEW.package", schema)
    row: list[tuple[sql.Composable, str, str]] = [
        *(
            (sql.SQL("NOT ({})").format(sql.SQL(c.holds.format(row="NEW."))), c.message, c.name)
            for c in CONSTRAINTS
        ),
        (geometry, GEOMETRY_MESSAGE, "geometry-given"),
        (
            sql.SQL("COALESCE(NEW.task, '') = '' AND COALESCE(NEW.unit, '') <> '' AND NOT {}").format(
                own_unit
            ),
            UNIT_MESSAGE,
            "unit-known",
        ),
    ]
    known = _exists(f"t.task = NEW.task AND {_same_plan('t', 'NEW')}", schema)
    changed = sql.SQL(f"{planned} AND NOT ({_same_plan('OLD', 'NEW')})")
    other = _exists("t.task = OLD.task AND t.fid <> OLD.fid", schema)
    stale = sql.SQL("NEW.seen IS DISTINCT FROM OLD.seen AND NEW.seen <> OLD.version")
    moved = sql.SQL("NEW.package IS DISTINCT FROM OLD.package")
    parts = {
        "own_old": _raise(_not_own("OLD", schema), OWNER_MESSAGE, "owner"),
        "own_new": _raise(_not_own("NEW", schema), OWNER_MESSAGE, "owner"),
        "no_package": _raise(sql.SQL("NEW.package IS NULL"), PACKAGE_MESSAGE, "package-given"),
        "delete": _raise(sql.SQL("{} AND NOT {}").format(sql.SQL(planned), other), DELETE_MESSAGE, "planned"),
        "insert": _raise(
            sql.SQL("{} AND NOT {}").format(sql.SQL(claims_task), known), TASK_MESSAGE, "task-known"
        ),
        "moved": _raise(moved, PACKAGE_MESSAGE, "package-kept"),
        "changed": _raise(changed, PLANNED_MESSAGE, "planned"),
        "taken": _raise(sql.SQL(f"NOT ({planned}) AND {claims_task}"), TASK_MESSAGE, "task-known"),
        "stale": _raise(stale, STALE_MESSAGE, "seen"),
        "row": sql.SQL("\n").join(_raise(broken, message, name) for broken, message, name in row),
    }
    return sql.SQL(_CHECK_TASK).format(schema=sql.Identifier(schema), **parts)


_CHECK_TASK: Final = """CREATE FUNCTION {schema}.check_task() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $rogi$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    {own_old}
  END IF;
  IF TG_OP = 'DELETE' THEN
    {delete}
    RETURN OLD;
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NULLIF(TRIM(NEW.package), '') IS NULL THEN
      SELECT CASE WHEN count(DISTINCT m.package) = 1 THEN min(m.package) END INTO NEW.package
      FROM {schema}.mappers AS m JOIN pg_roles AS r ON r.rolname = m.role
      WHERE pg_has_role(current_user, r.oid, 'MEMBER');
    END IF;
    {no_package}
    {own_new}
    {insert}
    NEW.version := 1;
    NEW.created_by := {schema}.who();
    NEW.created_at := clock_timestamp();
  ELSE
    {moved}
    {stale}
    {changed}
    {taken}
    NEW.version := OLD.version + 1;
    NEW.created_by := OLD.created_by;
    NEW.created_at := OLD.created_at;
  END IF;
  {row}
  NEW.seen := NULL;
  NEW.edited_by := {schema}.who();
  NEW.edited_at := clock_timestamp();
  RETURN NEW;
END
$rogi$"""


def _raise(broken: sql.Composable, message: str, constraint: str) -> sql.Composed:
    return sql.SQL(
        "IF {broken} THEN RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = {message},"
        " CONSTRAINT = {constraint}; END IF;"
    ).format(broken=broken, message=sql.Literal(message), constraint=sql.Literal(constraint))


def _exists(condition: str, schema: str) -> sql.Composed:
    return sql.SQL("EXISTS (SELECT 1 FROM {}.tasks AS t WHERE {})").format(
        sql.Identifier(schema), sql.SQL(condition)
    )


def _not_own(row: str, schema: str) -> sql.Composed:
    return sql.SQL("NOT {}.owns({}.package)").format(sql.Identifier(schema), sql.SQL(row))


def _same_plan(left: str, right: str) -> str:
    """Whether two rows agree in all columns of the plan; editors write empty text for null."""
    types = {c.name: c.type for c in TASK_COLUMNS}
    same = [
        f"COALESCE({left}.\"{name}\", '') = COALESCE({right}.\"{name}\", '')"
        if types[name] == "text"
        else f'{left}."{name}" IS NOT DISTINCT FROM {right}."{name}"'
        for name in PLANNED
    ]
    return " AND ".join([*same, f"{left}.package = {right}.package"])
