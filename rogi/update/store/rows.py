"""The rules of a row of a store's ``tasks``: one trigger, whoever saves with whatever program."""

from __future__ import annotations

from typing import Final

from psycopg import sql

from rogi.update.packages.triggers import (
    DELETE_MESSAGE,
    GEOMETRY_MESSAGE,
    PLANNED_MESSAGE,
    TASK_MESSAGE,
    UNIT_MESSAGE,
)
from rogi.update.vocabulary import CONSTRAINTS, PLANNED, TASK_COLUMNS

PACKAGE_MESSAGE: Final = "package names the work package of the row, and is not changed"
OWNER_MESSAGE: Final = "the row belongs to the package of somebody else; ask a maintainer"
REVIEW_MESSAGE: Final = "a reviewer fills in reviewer and comments on rows; the rest belongs to the mapper"
STALE_MESSAGE: Final = "somebody changed this row since it was read; reload it, look, and decide again"
FID_MESSAGE: Final = "fid is given by the database, and is not changed"
BUSY_MESSAGE: Final = "somebody is changing the other rows of this task just now; try again in a moment"
BROKEN_MESSAGE: Final = "the outline has a coordinate that is no number, or an open ring; draw it again"
RANGE_MESSAGE: Final = "the outline lies beyond longitude 180 or latitude 90; draw it again"

UNDOING: Final = "rogi.undoing"
"""Setting of a transaction: the history entry that is being undone. Only the owner's is listened to."""

SETTINGS: Final = (
    "SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' SET extra_float_digits = 1"
)
"""Of functions that cast: dates to text in CONSTRAINTS, numbers to JSON, must not depend on the session."""


def task_function(schema: str, postgis: str, geographic: bool) -> sql.Composed:
    """The trigger on rows of ``tasks``: rules in the order of the package's triggers, then who and when.

    Parameters
    ----------
    schema
        Of the store.
    postgis
        Schema PostGIS lives in.
    geographic
        Whether coordinates are degrees.
    """
    claims_task = "COALESCE(NEW.task, '') <> ''"
    planned = "COALESCE(OLD.task, '') <> ''"
    own_unit = _exists("t.unit = NEW.unit AND COALESCE(t.task, '') <> '' AND t.package = NEW.package", schema)
    known = _exists(f"t.task = NEW.task AND {_same_plan('t', 'NEW')}", schema)
    other = "t.task = OLD.task AND t.fid <> OLD.fid"
    row: list[tuple[sql.Composable, str, str]] = [
        *(
            (sql.SQL("NOT ({})").format(sql.SQL(c.holds.format(row="NEW."))), c.message, c.name)
            for c in CONSTRAINTS
        ),
        (
            sql.SQL("COALESCE(NEW.task, '') = '' AND COALESCE(NEW.unit, '') <> '' AND NOT {}").format(
                own_unit
            ),
            UNIT_MESSAGE,
            "unit-known",
        ),
    ]
    parts = {
        "planned": sql.SQL(planned),
        "other": sql.SQL(other),
        "busy": _raise(_exists(other, schema), BUSY_MESSAGE, "busy"),
        "last": _raise(sql.SQL("true"), DELETE_MESSAGE, "planned"),
        "not_own": _raise(sql.SQL("true"), OWNER_MESSAGE, "owner"),
        "not_reviewed": _raise(sql.SQL("NOT reviewed"), REVIEW_MESSAGE, "review"),
        "own_new": _raise(
            sql.SQL("NOT {}.owns(NEW.package)").format(sql.Identifier(schema)), OWNER_MESSAGE, "owner"
        ),
        "no_package": _raise(sql.SQL("NEW.package IS NULL"), PACKAGE_MESSAGE, "package-given"),
        "insert": _raise(
            sql.SQL("{} AND NOT {}").format(sql.SQL(claims_task), known), TASK_MESSAGE, "task-known"
        ),
        "moved": _raise(sql.SQL("NEW.package IS DISTINCT FROM OLD.package"), PACKAGE_MESSAGE, "package-kept"),
        "fid": _raise(sql.SQL("NEW.fid IS DISTINCT FROM OLD.fid"), FID_MESSAGE, "fid-kept"),
        "changed": _raise(
            sql.SQL(f"{planned} AND NOT ({_same_plan('OLD', 'NEW')})"), PLANNED_MESSAGE, "planned"
        ),
        "taken": _raise(sql.SQL(f"NOT ({planned}) AND {claims_task}"), TASK_MESSAGE, "task-known"),
        "stale": _raise(
            sql.SQL("NEW.seen IS DISTINCT FROM OLD.seen AND NEW.seen <> OLD.version"), STALE_MESSAGE, "seen"
        ),
        "same_but_reviewer": sql.SQL(
            _same([c.name for c in TASK_COLUMNS if c.name not in ("reviewer", "date")], "OLD", "NEW")
        ),
        "row": sql.SQL("\n").join(_raise(broken, message, name) for broken, message, name in row),
        "outline": _outline(postgis, geographic),
        "postgis": sql.Identifier(postgis),
        "settings": sql.SQL(SETTINGS),
        "undoing": sql.Literal(UNDOING),
    }
    return sql.SQL(_CHECK_TASK).format(schema=sql.Identifier(schema), **parts)


# A planned row is deleted only while another row of its task is locked: otherwise two sessions could delete
# one copy each. Rows locked by others are skipped: waiting for each other would be a deadlock.
_CHECK_TASK: Final = """CREATE FUNCTION {schema}.check_task() RETURNS trigger LANGUAGE plpgsql
{settings} AS $rogi$
DECLARE
  undoing boolean := CASE WHEN COALESCE(current_setting({undoing}, true), '') <> '' THEN {schema}.keeps()
    ELSE false END;
  reviewed boolean := false;
  redrawn boolean := true;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    redrawn := {postgis}.ST_AsEWKB(NEW.geom) IS DISTINCT FROM {postgis}.ST_AsEWKB(OLD.geom);
    reviewed := NOT redrawn AND NEW.reviewer IS DISTINCT FROM OLD.reviewer
      AND NEW.package IS NOT DISTINCT FROM OLD.package AND {same_but_reviewer};
  END IF;
  IF TG_OP <> 'INSERT' AND NOT {schema}.owns(OLD.package) THEN
    IF TG_OP = 'UPDATE' AND {schema}.reviews(OLD.package) THEN
      {not_reviewed}
      NEW.date := OLD.date;
    ELSE
      {not_own}
    END IF;
  END IF;
  IF TG_OP = 'DELETE' THEN
    IF {planned} THEN
      PERFORM 1 FROM {schema}.tasks AS t WHERE {other} LIMIT 1 FOR UPDATE SKIP LOCKED;
      IF NOT FOUND THEN
        {busy}
        {last}
      END IF;
    END IF;
    RETURN OLD;
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NULLIF(TRIM(NEW.package), '') IS NULL THEN
      SELECT CASE WHEN count(DISTINCT m.package) = 1 THEN min(m.package) END INTO NEW.package
      FROM {schema}.mappers AS m JOIN pg_roles AS r ON r.rolname = m.role
      WHERE m.may = 'edit' AND pg_has_role(current_user, r.oid, 'MEMBER');
    END IF;
    {no_package}
    {own_new}
    {insert}
    IF NOT undoing THEN
      NEW.fid := nextval('{schema}.tasks_fid_seq');
      NEW.version := 1;
      NEW.created_by := {schema}.who();
      NEW.created_at := clock_timestamp();
    END IF;
  ELSE
    {moved}
    {fid}
    {stale}
    {changed}
    {taken}
    NEW.version := OLD.version + 1;
    NEW.created_by := OLD.created_by;
    NEW.created_at := OLD.created_at;
  END IF;
  {row}
  NEW.seen := NULL;
  IF undoing THEN
    RETURN NEW;
  END IF;
  IF redrawn THEN
    {outline}
  END IF;
  IF TG_OP = 'INSERT' OR NOT reviewed THEN
    NEW.edited_by := {schema}.who();
    NEW.edited_at := clock_timestamp();
  ELSE
    NEW.edited_by := OLD.edited_by;
    NEW.edited_at := OLD.edited_at;
  END IF;
  IF NULLIF(TRIM(NEW.reviewer), '') IS NULL THEN
    NEW.reviewed_by := NULL;
    NEW.reviewed_at := NULL;
  ELSIF TG_OP = 'INSERT' OR NEW.reviewer IS DISTINCT FROM OLD.reviewer THEN
    NEW.reviewed_by := {schema}.who();
    NEW.reviewed_at := clock_timestamp();
  ELSE
    NEW.reviewed_by := OLD.reviewed_by;
    NEW.reviewed_at := OLD.reviewed_at;
  END IF;
  RETURN NEW;
END
$rogi$"""


def _outline(postgis: str, geographic: bool) -> sql.Composed:
    """What an outline that is drawn must be. Readers and other mappers would fall over what is refused here.

    A coordinate that is no number, or infinite, makes the area so too. PostGIS does not look whether rings of
    a literal in hexadecimal digits are closed. An outline across the antimeridian may go on beyond 180.
    """
    rules = [
        ("NEW.geom IS NULL OR {p}.ST_IsEmpty(NEW.geom)", GEOMETRY_MESSAGE, "geometry-given"),
        (
            "{p}.ST_Area(NEW.geom) IN ('NaN', 'Infinity') OR EXISTS ("
            "SELECT 1 FROM {p}.ST_Dump(NEW.geom) AS part JOIN LATERAL {p}.ST_DumpRings(part.geom) AS ring"
            " ON true WHERE NOT {p}.ST_IsClosed({p}.ST_ExteriorRing(ring.geom)))",
            BROKEN_MESSAGE,
            "geometry-finite",
        ),
    ]
    if geographic:
        rules.append(
            (
                "{p}.ST_XMin(NEW.geom) >= 180 OR {p}.ST_XMax(NEW.geom) <= -180"
                " OR {p}.ST_XMin(NEW.geom) < -360 OR {p}.ST_XMax(NEW.geom) > 360"
                " OR {p}.ST_YMin(NEW.geom) < -90 OR {p}.ST_YMax(NEW.geom) > 90",
                RANGE_MESSAGE,
                "geometry-on-earth",
            )
        )
    return sql.SQL("\n").join(
        _raise(sql.SQL(broken).format(p=sql.Identifier(postgis)), message, name)
        for broken, message, name in rules
    )


def _raise(broken: sql.Composable, message: str, constraint: str) -> sql.Composed:
    return sql.SQL(
        "IF {broken} THEN RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = {message},"
        " CONSTRAINT = {constraint}; END IF;"
    ).format(broken=broken, message=sql.Literal(message), constraint=sql.Literal(constraint))


def _exists(condition: str, schema: str) -> sql.Composed:
    return sql.SQL("EXISTS (SELECT 1 FROM {}.tasks AS t WHERE {})").format(
        sql.Identifier(schema), sql.SQL(condition)
    )


def _same(names: list[str], left: str, right: str) -> str:
    """Whether two rows agree in some columns; editors write empty text for null."""
    types = {c.name: c.type for c in TASK_COLUMNS}
    return " AND ".join(
        f"COALESCE({left}.\"{name}\", '') = COALESCE({right}.\"{name}\", '')"
        if types[name] == "text"
        else f'{left}."{name}" IS NOT DISTINCT FROM {right}."{name}"'
        for name in names
    )


def _same_plan(left: str, right: str) -> str:
    """Whether two rows agree in all columns of the plan."""
    return f"{_same(list(PLANNED), left, right)} AND {left}.package = {right}.package"
