"""Functions of a store, in PL/pgSQL: who acts, whose rows are whose, comments, history and undo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import sql

from rogi.update.store.rows import SETTINGS, UNDOING, task_function
from rogi.update.vocabulary import TASK_COLUMNS

GONE_MESSAGE: Final = "no row was changed: it was deleted or planned anew meanwhile; reload the layer"
TEXT_MESSAGE: Final = "a comment needs a text"
ROW_MESSAGE: Final = "a comment belongs to a row of tasks; no row has this fid"

EDIT, REVIEW = "edit", "review"
"""What a role may do with the rows of a package, in ``mappers.may``."""


def store_functions(schema: str, postgis: str, *, geographic: bool) -> Iterator[sql.Composed]:
    """Create the functions; ``postgis`` is the schema PostGIS lives in."""
    parts = {
        "schema": sql.Identifier(schema),
        "postgis": sql.Identifier(postgis),
        "name": sql.Literal(schema),
        "postgis_name": sql.Literal(postgis),
        "settings": sql.SQL(SETTINGS),
        "undoing": sql.Literal(UNDOING),
        "gone": sql.Literal(GONE_MESSAGE),
        "no_text": sql.Literal(TEXT_MESSAGE),
        "no_row": sql.Literal(ROW_MESSAGE),
        "columns": _names(c.name for c in TASK_COLUMNS),
        "was": sql.SQL(", ").join(sql.SQL("was.{}").format(sql.Identifier(c.name)) for c in TASK_COLUMNS),
    }
    for text in (
        _WHO, _KEEPS, _OWNS, _REVIEWS, _WRITE_HISTORY, _REFUSE, _SAVED, _COMMENT, _ASSIGN, _WITHDRAW,
        _UNDO,
    ):  # fmt: skip
        yield sql.SQL(text).format(**parts)
    yield task_function(schema, postgis, geographic)


def _names(names: Iterator[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


# Who logged in, also where a group's role was taken on with SET ROLE: a decision is that of a person. The
# same inside functions that run with the rights of their owner.
_WHO: Final = """CREATE FUNCTION {schema}.who() RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $rogi$
  SELECT session_user::text
$rogi$"""

# Each is one query: a call within would cost as much again, for every row.
_MAY: Final = """EXISTS (
    SELECT 1 FROM {schema}.mappers AS m JOIN pg_roles AS r ON r.rolname = m.role
    WHERE (m.package IS NULL OR m.package = $1) AND m.may = '%s'
    AND pg_has_role(current_user, r.oid, 'MEMBER')
  )"""

_KEPT: Final = """(
    SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class WHERE oid = '{schema}.tasks'::regclass
  )"""

_OWNS: Final = f"""CREATE FUNCTION {{schema}}.owns(text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $rogi$
  SELECT {_MAY % EDIT} OR {_KEPT}
$rogi$"""

_REVIEWS: Final = f"""CREATE FUNCTION {{schema}}.reviews(text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $rogi$
  SELECT {_MAY % REVIEW}
$rogi$"""

# Whether the role is the owner of the store, or a member of it.
_KEEPS: Final = f"""CREATE FUNCTION {{schema}}.keeps() RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $rogi$
  SELECT {_KEPT}
$rogi$"""

# Geometry as well-known binary: GeoJSON, which to_jsonb would make of it, is rounded and slow.
_WRITE_HISTORY: Final = """CREATE FUNCTION {schema}.write_history() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER {settings} AS $rogi$
DECLARE
  bare {schema}.tasks%ROWTYPE;
  row_before jsonb;
  row_after jsonb;
  acting name := COALESCE(NULLIF(current_setting('role'), 'none'), session_user);
  undone bigint;
BEGIN
  IF COALESCE(current_setting({undoing}, true), '') <> '' AND pg_has_role(
    acting, (SELECT relowner FROM pg_class WHERE oid = '{schema}.tasks'::regclass), 'MEMBER') THEN
    undone := current_setting({undoing})::bigint;
  END IF;
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
  INSERT INTO {schema}.history ("at", "by", "role", operation, fid, task, package, old, new, undoes)
  VALUES (clock_timestamp(), {schema}.who(), NULLIF(current_setting('role'), 'none'), lower(TG_OP),
    COALESCE((row_after ->> 'fid')::bigint, (row_before ->> 'fid')::bigint),
    COALESCE(row_after, row_before) ->> 'task', COALESCE(row_after, row_before) ->> 'package',
    row_before, row_after, undone);
  RETURN NULL;
END
$rogi$"""

_REFUSE: Final = """CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $rogi$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = TG_ARGV[0];
END
$rogi$"""

# QGIS does not look at how many rows an UPDATE changed: without this, an edit of a row that is gone is lost
# without a word.
_SAVED: Final = """CREATE FUNCTION {schema}.saved() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $rogi$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM saved_rows) THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = {gone};
  END IF;
  RETURN NULL;
END
$rogi$"""

_COMMENT: Final = """CREATE FUNCTION {schema}.check_comment() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $rogi$
BEGIN
  IF NULLIF(TRIM(NEW.text), '') IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = {no_text};
  END IF;
  SELECT t.task, t.package INTO NEW.task, NEW.package FROM {schema}.tasks AS t WHERE t.fid = NEW.fid;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', MESSAGE = {no_row};
  END IF;
  NEW.id := nextval('{schema}.comments_id_seq');
  NEW."by" := {schema}.who();
  NEW."at" := clock_timestamp();
  RETURN NEW;
END
$rogi$"""

_ASSIGN: Final = """CREATE FUNCTION {schema}.assign(package text, role name, may text DEFAULT 'edit')
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $rogi$
BEGIN
  IF $1 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {schema}.tasks AS t WHERE t.package = $1) THEN
    RAISE EXCEPTION USING MESSAGE = format('there is no package %L', $1);
  END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $2) THEN
    RAISE EXCEPTION USING MESSAGE = format('there is no role %L; make it with CREATE ROLE', $2);
  END IF;
  IF $3 IS NULL OR $3 NOT IN ('edit', 'review') THEN
    RAISE EXCEPTION USING MESSAGE = format('a role may edit or review, found %L', $3);
  END IF;
  IF NOT has_schema_privilege($2, {postgis_name}, 'USAGE') THEN
    IF NOT has_schema_privilege({postgis_name}, 'USAGE WITH GRANT OPTION') THEN
      RAISE EXCEPTION USING MESSAGE = format('the role %L may not use PostGIS in the schema %I; '
        'ask its owner for GRANT USAGE ON SCHEMA %I TO %I', $2, {postgis_name}, {postgis_name}, $2);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', {postgis_name}, $2);
  END IF;
  DELETE FROM {schema}.mappers AS m WHERE m.package IS NOT DISTINCT FROM $1 AND m.role = $2;
  INSERT INTO {schema}.mappers VALUES ($1, $2, $3);
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', {name}, $2);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', {name}, $2);
  EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %I.tasks TO %I', {name}, $2);
  EXECUTE format('GRANT INSERT ON %I.comments TO %I', {name}, $2);
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

# The row as it was before a change, with those who had decided it: the history says who undid.
_UNDO: Final = """CREATE FUNCTION {schema}.undo(entry bigint, with_later boolean DEFAULT false)
RETURNS bigint LANGUAGE plpgsql {settings} AS $rogi$
DECLARE
  past {schema}.history%ROWTYPE;
  was {schema}.tasks%ROWTYPE;
  later bigint;
  there boolean;
BEGIN
  SELECT * INTO past FROM {schema}.history AS h WHERE h.id = $1;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('the history has no entry %s', $1);
  END IF;
  PERFORM 1 FROM {schema}.tasks AS t WHERE t.fid = past.fid FOR UPDATE;
  there := FOUND;
  SELECT max(h.id) INTO later FROM {schema}.history AS h WHERE h.fid = past.fid AND h.id > past.id;
  IF later IS NOT NULL AND NOT $2 THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format(
      'the row was changed again after entry %s, last in entry %s; '
      'undo that first, or all of it with --with-later',
      $1, later);
  END IF;
  PERFORM set_config({undoing}, $1::text, true);
  IF past.old IS NULL THEN
    DELETE FROM {schema}.tasks AS t WHERE t.fid = past.fid;
  ELSE
    was := jsonb_populate_record(NULL::{schema}.tasks, past.old - 'geom');
    was.geom := (past.old ->> 'geom')::{postgis}.geometry;
    IF there THEN
      UPDATE {schema}.tasks AS t SET ({columns}, edited_by, edited_at, reviewed_by, reviewed_at, geom) =
        ROW({was}, was.edited_by, was.edited_at, was.reviewed_by, was.reviewed_at, was.geom)
      WHERE t.fid = past.fid;
    ELSE
      was.version := was.version + 1;
      INSERT INTO {schema}.tasks OVERRIDING SYSTEM VALUE SELECT was.*;
    END IF;
  END IF;
  PERFORM set_config({undoing}, '', true);
  RETURN past.fid;
END
$rogi$"""
