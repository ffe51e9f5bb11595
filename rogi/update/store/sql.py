"""SQL of a store: tables, and the triggers, policies and functions that keep the rules of a package.

The rules are those of `rogi.update.packages.triggers`, with the same messages, and more that only a database
can keep: whose row it is, who changed it and when, and that nobody overwrites what he has not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from psycopg import sql

from rogi.update.packages.triggers import DELETE_MESSAGE, GEOMETRY, LOCKED_MESSAGE, PLAN
from rogi.update.store.functions import EDIT, REVIEW, store_functions
from rogi.update.vocabulary import APPLICATION, LOCKED, TASK_COLUMNS, TASKS

MAPPERS: Final = "mappers"
HISTORY: Final = "history"
COMMENTS: Final = "comments"
DECISIONS: Final = "decisions"
"""View of all rows that were decided on or drawn, whoever's they are."""
PACKAGE: Final = "package"

HISTORY_MESSAGE: Final = "the history is kept as it is"
COMMENTS_MESSAGE: Final = "a comment is kept as it is; write another one"

STORE_COLUMNS: Final[Mapping[str, str]] = {
    PACKAGE: "text NOT NULL",
    "version": "integer NOT NULL DEFAULT 1",
    "seen": "integer",
    "created_by": "text",
    "created_at": "timestamptz",
    "edited_by": "text",
    "edited_at": "timestamptz",
    "reviewed_by": "text",
    "reviewed_at": "timestamptz",
}
"""Columns of ``tasks`` after those of the model. ``version`` counts changes; a client that writes the
version it has read into ``seen`` is refused when somebody else was faster. ``edited_by`` saved what the row
says, ``reviewed_by`` the name of its reviewer."""

_SHOWN: Final = (
    *("fid", "package", "task", "unit", "candidate", "class", "decision", "use_candidate", "merge_into"),
    *("reason", "mapper", "reviewer", "date", "comment"),
    *("edited_by", "edited_at", "reviewed_by", "reviewed_at"),
)
"""Columns of the view of decisions."""

_TYPES: Final = {
    "text": "text",
    "integer": "integer",
    "real": "double precision",
    "boolean": "boolean",
    "date": "date",
}

Statement = sql.Composed


def store_tables(
    schema: str, postgis: str, srid: int, others: Mapping[str, Mapping[str, str]], first: int = 1
) -> Iterator[Statement]:
    """Create the schema and its tables.

    Parameters
    ----------
    schema
        Its name.
    postgis
        Schema PostGIS lives in.
    srid
        Of the outlines.
    others
        Locked layer -> column -> type of PostgreSQL.
    first
        ``fid`` of the first row of every table. Above those of an earlier plan, so that an edit of a row of
        that plan, begun before this one was made, changes no other row.
    """
    yield _format("CREATE SCHEMA {schema}", schema)
    yield _format("COMMENT ON SCHEMA {schema} IS {text}", schema, text=sql.Literal(APPLICATION))
    geometry = sql.SQL("{}.geometry(MultiPolygon, {})").format(sql.Identifier(postgis), sql.Literal(srid))
    columns = {c.name: _TYPES[c.type] for c in TASK_COLUMNS} | dict(STORE_COLUMNS)
    for table, types in {TASKS: columns, **others}.items():
        yield _format(
            "CREATE TABLE {schema}.{table} (fid bigint GENERATED ALWAYS AS IDENTITY"
            " (START {first} MINVALUE {first}) PRIMARY KEY, {columns}, {geom} {geometry})",
            schema,
            table=sql.Identifier(table),
            first=sql.Literal(first),
            columns=sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types.items()
            ),
            geom=sql.Identifier(GEOMETRY),
            geometry=geometry,
        )
    yield _format("CREATE TABLE {schema}.plan (key text PRIMARY KEY, value text NOT NULL)", schema)
    yield _format(
        "CREATE TABLE {schema}.mappers (package text, role name NOT NULL, may text NOT NULL DEFAULT {edit}"
        " CHECK (may IN ({edit}, {review})), UNIQUE (package, role))",
        schema,
        edit=sql.Literal(EDIT),
        review=sql.Literal(REVIEW),
    )
    yield _format(
        "CREATE TABLE {schema}.history (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        ' "at" timestamptz NOT NULL, "by" text NOT NULL, "role" text, operation text NOT NULL,'
        " fid bigint NOT NULL, task text, package text, old jsonb, new jsonb, undoes bigint)",
        schema,
    )
    yield _format(
        "CREATE TABLE {schema}.comments (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        ' fid bigint NOT NULL, text text NOT NULL, task text, package text, "by" text, "at" timestamptz)',
        schema,
    )
    decided = "NULLIF(TRIM(t.decision), '') IS NOT NULL OR NULLIF(TRIM(t.task), '') IS NULL"
    yield _format(
        "CREATE VIEW {schema}.decisions AS SELECT {columns}, (SELECT count(*) FROM {schema}.comments AS c"
        " WHERE c.fid = t.fid) AS comments, t.geom FROM {schema}.tasks AS t WHERE {decided}",
        schema,
        decided=sql.SQL(decided),
        columns=sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in _SHOWN),
    )
    for table, text in _COMMENTS.items():
        yield _format(
            "COMMENT ON TABLE {schema}.{table} IS {text}",
            schema,
            table=sql.Identifier(table),
            text=sql.Literal(text),
        )


_COMMENTS: Final = {
    TASKS: "What is to be decided: one row per unit, and per candidate without a unit",
    PLAN: "The plan and its list of tasks, as the files plan.json and tasks.csv have them",
    MAPPERS: "Which role edits or reviews the rows of which package; package null: of all. See assign()",
    HISTORY: "Every change of tasks: who, when, the row before and after",
    COMMENTS: "What anybody has to say on a row of tasks, by its fid",
}


def store_rules(schema: str, postgis: str, *, geographic: bool) -> Iterator[Statement]:
    """Indexes, functions, triggers and policies, to be run once the rows are in."""
    for table in (TASKS, *LOCKED):
        yield _format(
            "CREATE INDEX ON {schema}.{table} USING gist ({geom})",
            schema,
            table=sql.Identifier(table),
            geom=sql.Identifier(GEOMETRY),
        )
        yield _format("CREATE INDEX ON {schema}.{table} (package)", schema, table=sql.Identifier(table))
    for column in ("task", "unit"):
        yield _format("CREATE INDEX ON {schema}.tasks ({column})", schema, column=sql.Identifier(column))
    for table in (HISTORY, COMMENTS):
        yield _format("CREATE INDEX ON {schema}.{table} (fid)", schema, table=sql.Identifier(table))
    yield from store_functions(schema, postgis, geographic=geographic)
    yield _format(
        "CREATE TRIGGER tasks_row BEFORE INSERT OR UPDATE OR DELETE ON {schema}.tasks"
        " FOR EACH ROW EXECUTE FUNCTION {schema}.check_task()",
        schema,
    )
    yield _format(
        "CREATE TRIGGER tasks_history AFTER INSERT OR UPDATE OR DELETE ON {schema}.tasks"
        " FOR EACH ROW EXECUTE FUNCTION {schema}.write_history()",
        schema,
    )
    yield _format(
        "CREATE TRIGGER tasks_saved AFTER UPDATE ON {schema}.tasks REFERENCING NEW TABLE AS saved_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION {schema}.saved()",
        schema,
    )
    yield _format(
        "CREATE TRIGGER comments_row BEFORE INSERT ON {schema}.comments"
        " FOR EACH ROW EXECUTE FUNCTION {schema}.check_comment()",
        schema,
    )
    refused = {t: ("INSERT OR UPDATE OR DELETE OR TRUNCATE", LOCKED_MESSAGE.format(t)) for t in LOCKED}
    refused[PLAN] = ("INSERT OR UPDATE OR DELETE OR TRUNCATE", LOCKED_MESSAGE.format(PLAN))
    refused[TASKS] = ("TRUNCATE", DELETE_MESSAGE)
    refused[HISTORY] = ("UPDATE OR DELETE OR TRUNCATE", HISTORY_MESSAGE)
    refused[COMMENTS] = ("UPDATE OR DELETE OR TRUNCATE", COMMENTS_MESSAGE)
    for table, (events, message) in refused.items():
        yield _format(
            "CREATE TRIGGER {name} BEFORE {events} ON {schema}.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse({message})",
            schema,
            name=sql.Identifier(f"{table}_locked"),
            events=sql.SQL(events),
            table=sql.Identifier(table),
            message=sql.Literal(message),
        )
    yield _format("ALTER TABLE {schema}.tasks ENABLE ROW LEVEL SECURITY", schema)
    # Rows of others can be read. They are not hidden from UPDATE and DELETE, which would then change nothing
    # and say nothing: check_task() refuses them in words, and the policies stand behind it.
    for name, rule in (
        ("tasks_read", "FOR SELECT USING (true)"),
        ("tasks_add", "FOR INSERT WITH CHECK ({schema}.owns(package))"),
        (
            "tasks_change",
            "FOR UPDATE USING (true) WITH CHECK ({schema}.owns(package) OR {schema}.reviews(package))",
        ),
        ("tasks_delete", "FOR DELETE USING (true)"),
    ):
        yield _format("CREATE POLICY {name} ON {schema}.tasks " + rule, schema, name=sql.Identifier(name))
    yield _format("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC", schema)
    yield _format(
        "GRANT EXECUTE ON FUNCTION {schema}.who(), {schema}.keeps(), {schema}.owns(text),"
        " {schema}.reviews(text) TO PUBLIC",
        schema,
    )


def _format(statement: str, schema: str, **parts: sql.Composable) -> Statement:
    return sql.SQL(statement).format(schema=sql.Identifier(schema), **parts)


def copy_statement(schema: str, table: str, columns: Sequence[str]) -> Statement:
    """``COPY`` of CSV into a table; empty is null."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return _format(
        "COPY {schema}.{table} ({names}) FROM STDIN (FORMAT csv, NULL '', FORCE_NULL ({names}))",
        schema,
        table=sql.Identifier(table),
        names=names,
    )


def read_statement(schema: str, table: str, columns: Iterable[str], postgis: str) -> Statement:
    """Rows of a table with the outline as well-known binary, in order of their ids."""
    return _format(
        "SELECT fid, package, {names}, {postgis}.ST_AsBinary({geom}) FROM {schema}.{table} ORDER BY fid",
        schema,
        names=sql.SQL(", ").join(map(sql.Identifier, columns)),
        postgis=sql.Identifier(postgis),
        geom=sql.Identifier(GEOMETRY),
        table=sql.Identifier(table),
    )
