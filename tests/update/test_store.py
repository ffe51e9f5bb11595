"""The team's store in a real PostgreSQL with PostGIS: rules, ownership, history, and what is read back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
from mapping import copy_row, decide, draw, split
from packages import CRS, Inputs, make_case, octagon, write_inputs
from postgres import PASSWORD, Database, Server, binaries
from rasterio.transform import from_bounds
from stores import LAYER_NAMES, create, fill, refused, tables
from test_package import ACCEPTED, CASE, REFUSED, UNIT

from rogi.errors import InputError, MissingExtra, OptionError, OutputError, RogiError
from rogi.update.deciding.edits import Edits, read_edits
from rogi.update.hands import SAVED
from rogi.update.packages.forms import FormSetting, task_fields
from rogi.update.packages.project import write_project
from rogi.update.packages.project_layers import LAYERS
from rogi.update.packages.triggers import DELETE_MESSAGE
from rogi.update.store.address import DEFAULT_SCHEMA, parse_address
from rogi.update.store.functions import TEXT_MESSAGE
from rogi.update.store.make import PackageTables, Store
from rogi.update.store.project import store_source
from rogi.update.store.rows import OWNER_MESSAGE, PACKAGE_MESSAGE, STALE_MESSAGE
from rogi.update.store.store import read_store
from rogi.update.vocabulary import LOCKED, TASK_COLUMNS

psycopg = pytest.importorskip("psycopg", reason="no psycopg here: pip install 'rogi-toolkit[store]'")
pytestmark = pytest.mark.xdist_group("postgres")
Session = Callable[..., list[Any]]


# ---- the rules of a package


def for_postgres(statement: str) -> str:
    return statement.replace("use_candidate = 1", "use_candidate = true")


@pytest.mark.parametrize(
    ("statement", "message"),
    # A date that is none does not fit the column's type here.
    [pytest.param(*case, id=str(i)) for i, case in enumerate(REFUSED) if "31.7.2026" not in case[0]],
)
def test_postgres_refuses(anna: Any, owner: Any, statement: str, message: str) -> None:
    """What a package refuses, the store refuses in the same words."""
    on_tasks = "tasks SET" in statement or "INTO tasks" in statement or "FROM tasks WHERE unit" in statement
    assert refused(anna if on_tasks else owner, statement) == message


@pytest.mark.parametrize("statement", ACCEPTED)
def test_postgres_accepts(anna: Any, statement: str) -> None:
    """What a package takes, the store takes."""
    assert anna.execute(for_postgres(statement)).rowcount == 1


def test_wrong_date(anna: Any) -> None:
    """What is no date is refused by the type of the column."""
    assert "31.31.2026" in refused(anna, f"UPDATE tasks SET date = '31.31.2026' WHERE unit = '{UNIT}'")


def test_parts_of_a_split(anna: Any) -> None:
    """A row copied whole is taken, one of the two can be deleted, the last one not."""
    names = ", ".join(f'"{c.name}"' for c in TASK_COLUMNS)
    anna.execute(f"INSERT INTO tasks ({names}, geom) SELECT {names}, geom FROM tasks WHERE unit = '{UNIT}'")
    anna.execute(f"DELETE FROM tasks WHERE fid = (SELECT min(fid) FROM tasks WHERE unit = '{UNIT}')")
    assert refused(anna, f"DELETE FROM tasks WHERE unit = '{UNIT}'") == DELETE_MESSAGE


def test_locked_for_everybody(anna: Any, owner: Any) -> None:
    """Mappers have no right to the locked layers, and the owner is told so too; nothing can be emptied."""
    for table in (*LOCKED, "plan"):
        assert "permission denied" in refused(anna, f"DELETE FROM {table}")
        assert "there to look at" in refused(owner, f"TRUNCATE {table}")
    assert refused(owner, "TRUNCATE tasks") == DELETE_MESSAGE
    for statement in ("DELETE FROM history", "UPDATE history SET fid = 0", "TRUNCATE history"):
        assert "permission denied" in refused(anna, statement)
        assert "kept" in refused(owner, statement)
    assert "permission denied" in refused(anna, "INSERT INTO mappers VALUES (NULL, 'anna')")
    assert "permission denied" in refused(anna, "SELECT assign(NULL, 'anna')")
    assert refused(anna, "ALTER TABLE tasks DISABLE TRIGGER ALL").startswith("must be owner")


# ---- whose row, who and when


def test_rows_of_others(anna: Any, shared: Database) -> None:
    """A mapper reads all rows and edits those of the own package; a role without a package reads nothing."""
    (own,) = anna.execute("SELECT count(*) FROM tasks WHERE package = 'anna'").fetchone()
    (others,) = anna.execute("SELECT count(*) FROM tasks WHERE package = 'ben'").fetchone()
    assert (own, others) == (21, 14)
    for statement in (
        "UPDATE tasks SET comment = 'x' WHERE package = 'ben'",
        "DELETE FROM tasks WHERE package = 'ben'",
        "INSERT INTO tasks (package, geom) SELECT 'ben', geom FROM tasks LIMIT 1",
    ):
        assert refused(anna, statement) == OWNER_MESSAGE
    assert refused(anna, f"UPDATE tasks SET package = 'ben' WHERE unit = '{UNIT}'") == PACKAGE_MESSAGE
    assert anna.execute("UPDATE tasks SET comment = 'x' WHERE package = 'anna'").rowcount == own
    with shared.connect("stranger") as connection:
        assert "permission denied" in refused(connection, f"SELECT * FROM {DEFAULT_SCHEMA}.tasks")


def test_policy_without_the_trigger(shared: Database) -> None:
    """Row level security alone refuses to change rows of others, should the trigger be switched off."""
    with psycopg.connect(shared.url()) as connection:
        connection.execute(f"SET search_path TO {DEFAULT_SCHEMA}, public")
        connection.execute("ALTER TABLE tasks DISABLE TRIGGER tasks_row")
        connection.execute("SET ROLE anna")
        for statement in (
            "UPDATE tasks SET comment = 'x' WHERE package = 'ben'",
            "INSERT INTO tasks (package, geom) SELECT 'ben', geom FROM tasks LIMIT 1",
        ):
            assert "row-level security" in refused(connection, statement)
        assert connection.execute("UPDATE tasks SET comment = 'x' WHERE package = 'anna'").rowcount == 21
        connection.rollback()


def test_maintainers_assign_packages(filled: Database, server: Server) -> None:
    """The owner gives a package to a role, or all of them, and takes it back; groups of roles work too."""
    server.role("carla")
    change = f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'x' WHERE package = 'ben'"
    with filled.connect() as owner, filled.connect("carla") as carla:
        assert "permission denied" in refused(carla, change)
        owner.execute(f"SELECT {DEFAULT_SCHEMA}.assign('anna', 'carla')")
        assert refused(carla, change) == OWNER_MESSAGE
        owner.execute(f"SELECT {DEFAULT_SCHEMA}.assign(NULL, 'carla')")
        assert carla.execute(change).rowcount == 14
        drawn = f"INSERT INTO {DEFAULT_SCHEMA}.tasks (geom) SELECT geom FROM {DEFAULT_SCHEMA}.tasks LIMIT 1"
        assert carla.execute(drawn).rowcount == 1  # the one package that is hers by name
        owner.execute(f"SELECT {DEFAULT_SCHEMA}.withdraw(NULL, 'carla')")
        assert refused(carla, change) == OWNER_MESSAGE
        owner.execute(f"SELECT {DEFAULT_SCHEMA}.withdraw('anna', 'carla')")
        assert "permission denied" in refused(carla, change)
        assert "no role 'nobody-here'" in refused(
            owner, f"SELECT {DEFAULT_SCHEMA}.assign('anna', 'nobody-here')"
        )
        assert "no package 'x'" in refused(owner, f"SELECT {DEFAULT_SCHEMA}.assign('x', 'carla')")
        owner.execute("DROP ROLE IF EXISTS team")
        owner.execute("CREATE ROLE team")
        owner.execute("GRANT team TO carla")
        owner.execute(f"SELECT {DEFAULT_SCHEMA}.assign('ben', 'team')")
        assert carla.execute(change).rowcount == 14
        owner.execute(f"SELECT {DEFAULT_SCHEMA}.withdraw('ben', 'team')")
        owner.execute("DROP ROLE team")


def test_who_and_when(filled: Database) -> None:
    """Every change says who made it and when, whatever the client writes; planned rows none."""
    with filled.connect("anna") as anna, filled.connect() as owner:
        anna.execute(f"SET search_path TO {DEFAULT_SCHEMA}, public")
        owner.execute(f"SET search_path TO {DEFAULT_SCHEMA}, public")
        row = f"FROM tasks WHERE unit = '{UNIT}'"
        state = f"SELECT created_by, edited_by, version, seen {row}"
        assert anna.execute(state).fetchone() == (None, None, 1, None)
        anna.execute(f"UPDATE tasks SET comment = 'x', edited_by = 'ben', version = 9 WHERE unit = '{UNIT}'")
        assert anna.execute(state).fetchone() == (None, "anna", 2, None)
        owner.execute("SET ROLE ben")
        assert refused(owner, f"UPDATE tasks SET comment = 'y' WHERE unit = '{UNIT}'") == OWNER_MESSAGE
        owner.execute("RESET ROLE")
        owner.execute(f"UPDATE tasks SET comment = 'y' WHERE unit = '{UNIT}'")
        assert anna.execute(state).fetchone() == (None, "maintainer", 3, None)
        owner.execute("SET ROLE anna")
        owner.execute("INSERT INTO tasks (geom, created_by) SELECT geom, 'ben' FROM tasks LIMIT 1")
        drawn = owner.execute(
            "SELECT created_by, edited_by, package FROM tasks WHERE task IS NULL"
        ).fetchall()
        # A role that was taken on says whose rows are edited, not who edits them.
        assert drawn == [("maintainer", "maintainer", "anna")]
        by = owner.execute('SELECT "by", role FROM history ORDER BY id DESC LIMIT 1').fetchone()
        assert by == ("maintainer", "anna")
        recent = "edited_at BETWEEN now() - interval '1 minute' AND now() + interval '1 minute'"
        (number,) = owner.execute(f"SELECT count(*) FROM tasks WHERE {recent}").fetchone()
        assert number == 2


def test_history_has_every_row(filled: Database) -> None:
    """Insert, update and delete are kept with the row before and after, outlines exactly."""
    with filled.connect("anna") as anna:
        anna.execute(f"SET search_path TO {DEFAULT_SCHEMA}, public")
        names = ", ".join(f'"{c.name}"' for c in TASK_COLUMNS)
        anna.execute(
            f"INSERT INTO tasks ({names}, geom) SELECT {names}, geom FROM tasks WHERE unit = '{UNIT}'"
        )
        anna.execute(
            f"UPDATE tasks SET geom = ST_Translate(geom, 1e-13, 0), comment = 'moved' WHERE unit = '{UNIT}'"
        )
        anna.execute(f"DELETE FROM tasks WHERE fid = (SELECT max(fid) FROM tasks WHERE unit = '{UNIT}')")
        rows = anna.execute(
            'SELECT operation, "by", task, package, old, new FROM history ORDER BY id'
        ).fetchall()
    assert [row[:4] for row in rows] == [
        (operation, "anna", f"U:{UNIT}", "anna") for operation in ("insert", "update", "update", "delete")
    ]
    outline = CASE.outline["r0c1"]
    assert (rows[0][4], rows[-1][5]) == (None, None)
    for _, _, _, _, old, new in rows[1:3]:
        assert (old["comment"], new["comment"]) == (None, "moved")
        before, after = shapely.from_wkb(old["geom"]), shapely.from_wkb(new["geom"])
        assert shapely.equals_exact(before.geoms[0].normalize(), outline.normalize(), 0)
        moved = shapely.get_coordinates(outline) + np.array([1e-13, 0])
        assert set(map(tuple, shapely.get_coordinates(after))) == set(map(tuple, moved))


def test_two_people_on_a_row(filled: Database) -> None:
    """Who saves what was read before somebody else saved is refused; both are in the history otherwise."""
    with filled.connect() as owner:
        owner.execute(f"SELECT {DEFAULT_SCHEMA}.assign('anna', 'ben')")
    save = f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = %s, seen = %s WHERE unit = '{UNIT}'"
    with filled.connect("anna") as anna, filled.connect("ben") as ben:
        anna.execute(save, ("anna was here", 1))
        assert refused(ben, save, ("ben too", 1)) == STALE_MESSAGE
        ben.execute(save, ("ben has looked", 2))
        anna.execute(f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'plain SQL' WHERE unit = '{UNIT}'")
        log = (
            f"""SELECT "by", old ->> 'comment', new ->> 'comment' FROM {DEFAULT_SCHEMA}.history ORDER BY id"""
        )
        assert anna.execute(log).fetchall() == [
            ("anna", None, "anna was here"),
            ("ben", "anna was here", "ben has looked"),
            ("anna", "ben has looked", "plain SQL"),
        ]


def test_backup_and_restore(filled: Database, server: Server) -> None:
    """What pg_dump saves and psql restores elsewhere is the same store, with its rules and its history."""
    with filled.connect("anna") as anna:
        anna.execute(f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'kept' WHERE unit = '{UNIT}'")
    folder = binaries()
    assert folder is not None
    options = ["-h", filled.host, "-p", str(filled.port), "-U", "maintainer"]
    environment = os.environ | {"PGPASSWORD": PASSWORD}
    dump = subprocess.run(
        [str(folder / "pg_dump"), *options, "-n", DEFAULT_SCHEMA, filled.name],
        capture_output=True, text=True, check=True, env=environment,
    ).stdout  # fmt: skip
    other = server.database()
    subprocess.run(
        [str(folder / "psql"), *options, "-q", "-v", "ON_ERROR_STOP=1", other.name],
        input=dump, capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    same_edits(read_edits([], store=filled.url()), read_edits([], store=other.url()))
    with other.connect("anna") as anna:
        change = f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'more' WHERE package = %s"
        assert refused(anna, change, ("ben",)) == OWNER_MESSAGE
        assert anna.execute(change, ("anna",)).rowcount == 21
        (number,) = anna.execute(f"SELECT count(*) FROM {DEFAULT_SCHEMA}.history").fetchone()
        assert number == 1 + 21


# ---- names of strangers


def test_names_are_data(database: Database, planned: tuple[Inputs, Path]) -> None:
    """SQL in names of packages, mappers, columns and in the plan stays text."""
    evil = [
        "a'); DROP TABLE tasks; --",
        'b"; DROP SCHEMA public CASCADE; --',
        "public",
        "$rogi$ {schema} %s %%",
    ]
    first, second = tables(planned[1])
    parts = [first, second, first, second]
    packages = [
        PackageTables(
            name,
            name,
            part.tasks.iloc[2 * i : 2 * i + 2].assign(area_name=name),
            part.current.assign(**{name: name}),
            part.candidates.assign(**{name: 1.5}),
            part.context,
        )
        for i, (name, part) in enumerate(zip(evil, parts, strict=True))
    ]
    plan = {"format": 1, "packages": [{"name": n, "mapper": n, "file": n} for n in evil], "notes": evil}
    csv = pd.concat([p.tasks.drop(columns="geometry").assign(package=p.name) for p in packages])
    store = create(database.url(), packages, plan=json.dumps(plan), tasks=csv.to_csv(index=False))
    assert store.unassigned == tuple(evil)
    stored = read_store(database.url())
    assert sorted(t.package for t in stored.tables) == sorted(evil)
    assert [p.name for p in stored.planned.packages] == evil
    assert set(stored.planned.tasks["area_name"]) == set(evil)
    for table in stored.tables:
        assert list(table.frame["area_name"]) == [table.package] * 2
        assert table.current is not None
        assert set(table.current[table.package].dropna()) == {table.package}
    with database.connect() as owner:
        for name in evil:
            text = refused(owner, f"SELECT {DEFAULT_SCHEMA}.assign(%s::text, %s::name)", (name, name))
            assert "no role" in text
        (schemas,) = owner.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'public'").fetchone()
        assert schemas == 1


def test_a_role_with_a_strange_name(server: Server, database: Database, planned: tuple[Inputs, Path]) -> None:
    """A mapper whose name is SQL, and is a role, gets the package and nothing else."""
    name = 'x"; GRANT ALL ON SCHEMA public TO PUBLIC; --'
    server.role(name)
    first, second = tables(planned[1])
    frames = {layer: getattr(first, layer) for layer in LAYER_NAMES}
    store = fill(database.url(), planned[1], [PackageTables("odd", name, **frames), second])
    assert "odd" not in store.unassigned
    user = name.replace('"', "%22").replace(" ", "%20").replace(";", "%3B")
    with psycopg.connect(database.url(user), autocommit=True) as connection:
        change = f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'x' WHERE package = %s"
        assert connection.execute(change, ("odd",)).rowcount == 21
        assert refused(connection, change, ("ben",)) == OWNER_MESSAGE
        assert "permission denied" in refused(connection, "CREATE TABLE public.x (y text)")


@pytest.mark.parametrize("schema", ["Plan", "a b", "x;y", "pg_own", "public", "a" * 64, "1a", "ä", ""])
def test_names_of_schemas(schema: str) -> None:
    """A schema's name is plain, so that it needs no quotes anywhere."""
    with pytest.raises(OptionError, match="schema of a store"):
        parse_address(f"postgresql://anna@host/db?schema={schema}")


# ---- making a store


def test_killed_while_making(database: Database, planned: tuple[Inputs, Path]) -> None:
    """A process that dies after half of the tables leaves nothing, and the next one succeeds."""
    script = f"""
import os, signal, sys
sys.path[:0] = {[str(Path(__file__).parent)]!r}
from pathlib import Path
import test_store
from rogi.update.store import make as store
whole = store.load
def load(connection, schema, table, frame, srid):
    if table == "candidates":
        os.kill(os.getpid(), signal.SIGKILL)
    whole(connection, schema, table, frame, srid)
store.load = load
test_store.fill({database.url()!r}, Path({str(planned[1])!r}))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == -signal.SIGKILL, run.stderr
    with database.connect() as connection:
        found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (DEFAULT_SCHEMA,))
        assert found.fetchone() is None
    with pytest.raises(InputError, match="no store in the schema"):
        read_store(database.url())
    fill(database.url(), planned[1])
    assert sum(len(t.frame) for t in read_store(database.url()).tables) == 35


def test_made_again(filled: Database, planned: tuple[Inputs, Path]) -> None:
    """A store nobody has edited is replaced; one with work in it is refused, and stays."""
    fill(filled.url(), planned[1])
    with filled.connect("anna") as anna:
        anna.execute(f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'looked' WHERE unit = '{UNIT}'")
    with pytest.raises(OutputError, match="work of mappers"):
        fill(filled.url(), planned[1])
    fill(filled.url(schema="second"), planned[1])
    assert len(read_store(filled.url()).tables) == len(read_store(filled.url(schema="second")).tables) == 2
    with filled.connect() as owner:
        owner.execute("CREATE SCHEMA other")
    with pytest.raises(OutputError, match="no store of rogi"):
        fill(filled.url(schema="other"), planned[1])


def test_what_the_database_says(server: Server, database: Database, planned: tuple[Inputs, Path]) -> None:
    """Server absent, wrong password, no PostGIS, no rights: one sentence each, without the password."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = Database(server.host, probe.getsockname()[1], "x")
    server.role("anna")
    cases = [
        (closed.url(), "cannot be reached"),
        (database.url("anna", password="wr0ng-pass"), "cannot be reached.*password authentication failed"),
        (Database(server.host, server.port, "no_such_db").url(), "cannot be reached.*does not exist"),
        (server.database(postgis=False).url(), "no PostGIS.*CREATE EXTENSION"),
        (database.url("anna"), "no right to create"),
    ]
    for url, words in cases:
        with pytest.raises(InputError, match=words) as caught:
            fill(url, planned[1])
        text = str(caught.value)
        assert PASSWORD not in text
        assert "wr0ng-pass" not in text
        assert "\n" not in text
        assert caught.value.__cause__ is None
    fill(database.url(), planned[1])
    server.role("nobody")
    with pytest.raises(InputError, match="no right to read"):
        read_store(database.url("nobody"))


def test_a_maintainer_who_is_no_superuser(server: Server, planned: tuple[Inputs, Path]) -> None:
    """The right to create in the database is enough, to make a store and to give packages to roles."""
    for name in ("lead", "anna", "ben"):
        server.role(name)
    database = server.database(owner="lead")
    store = fill(database.url("lead"), planned[1])
    assert store.unassigned == ()
    with database.connect("anna") as anna, database.connect("lead") as lead:
        change = f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'x' WHERE package = %s"
        assert refused(anna, change, ("ben",)) == OWNER_MESSAGE
        assert anna.execute(change, ("anna",)).rowcount == 21
        assert lead.execute(change, ("ben",)).rowcount == 14
        (who,) = lead.execute(f'SELECT array_agg(DISTINCT "by") FROM {DEFAULT_SCHEMA}.history').fetchone()
        assert sorted(who) == ["anna", "lead"]
    read_store(database.url("ben"))


ADDRESSES = [
    "postgres://u:{p}@h:5433/d?schema=s&sslmode=require",
    "postgresql://h/d?user=u&password={p}&schema=s",
    "postgresql:///?service=team&schema=s",
    "postgresql://u%40x:{p}@[::1]/d%2Fe?schema=s",
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses_are_shown_without_password(text: str) -> None:
    """What is shown leads to the same place, and has no password."""
    address = parse_address(text.format(p="p%40ss%3Fw"))
    for shown in (address.shown, str(address), repr(address), f"{address}"):
        assert "p@ss" not in shown
        assert "p%40ss" not in shown
    again = parse_address(address.shown)
    secret = {"password"}
    assert {k: v for k, v in address.parameters.items() if k not in secret} == dict(again.parameters)
    assert again.schema == "s"


@pytest.mark.parametrize(
    "text",
    ["work/plan.json", "mysql://h/d", "postgresql://u:top%zzsecret@h/d", "postgresql://u:top#secret@h/d",
     "postgresql://u:topsecret@[h/d", "postgresql://u:topsecret@h:port/d?schema=a&nonsense=1"],
)  # fmt: skip
def test_addresses_that_are_none(text: str) -> None:
    """A wrong address is told how to write one, and is not repeated: it may hold a password."""
    with pytest.raises(OptionError, match=r"postgresql://user@host:5432/database\?schema=") as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"rogi-toolkit\[store\]"):
        parse_address("postgresql://h/d")


# ---- coordinate reference systems

ALBERS = "+proj=aea +lat_1=27 +lat_2=45 +lat_0=36 +lon_0=90 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs"


def test_custom_crs(server: Server, planned: tuple[Inputs, Path]) -> None:
    """A system without a code is told to the database once; who may not do so is told what to ask for."""
    for name in ("lead", "anna", "ben"):
        server.role(name)
    database = server.database(owner="lead")
    packages = tables(planned[1], ALBERS)
    with pytest.raises(InputError, match=r"does not know the coordinate reference system.*GRANT INSERT"):
        fill(database.url("lead"), planned[1], packages)
    first = fill(database.url(), planned[1], packages)
    second = fill(database.url("lead", schema="second"), planned[1], packages)
    assert first.srid == second.srid >= 910_000
    stored = read_store(database.url()).tables[0].frame
    assert stored.crs == pyproj.CRS(ALBERS)
    shapes = packages[0].tasks.geometry.array
    assert shapely.equals_exact(np.array(stored.geometry.array), np.array(shapes), 0).all()
    with database.connect() as owner:
        area = (
            f"SELECT ST_Area(ST_Transform(geom, 4326)::geography), ST_Area(geom) FROM {DEFAULT_SCHEMA}.tasks"
        )
        on_ellipsoid, plane = owner.execute(area + " LIMIT 1").fetchone()
        assert on_ellipsoid == pytest.approx(plane, rel=1e-3)  # an equal-area system, understood as such


@pytest.mark.parametrize(("crs", "srid"), [("EPSG:32643", 32643), ("ESRI:102025", 102025)])
def test_known_crs(database: Database, planned: tuple[Inputs, Path], crs: str, srid: int) -> None:
    """Systems of EPSG and Esri go by their codes."""
    assert fill(database.url(), planned[1], tables(planned[1], crs)).srid == srid


# ---- the same edits in packages and in the store


def in_store(database: Database, mapper: str, statement: str, *values: Any) -> int:
    with database.connect(mapper) as connection:
        connection.execute(f"SET search_path TO {DEFAULT_SCHEMA}, public")
        return int(connection.execute(statement, values).rowcount)


def edit_both(work: Path, database: Database, packages: Mapping[str, str] | None = None) -> None:
    """The same decisions by plain SQL in the packages and in the store."""
    case = make_case()
    task = {name: f"U:{unit}" for name, unit in case.unit.items()}
    day = "2026-08-15"

    def both(mapper: str, key: str, decision: str, shape: Any = None, **values: Any) -> None:
        mapper = packages[key] if packages is not None else mapper
        decide(work / f"{mapper}.gpkg", key, decision, shape, mapper=mapper, **values)
        given = {"decision": decision, "mapper": mapper, "date": day, **values}
        if "use_candidate" in given:
            given["use_candidate"] = bool(given["use_candidate"])
        sets = ", ".join(f'"{name}" = %s' for name in given)
        last: list[Any] = []
        if shape is not None:
            sets += ", geom = ST_Multi(ST_GeomFromWKB(%s, 4326))"
            last = [shapely.to_wkb(shape)]
        statement = f"UPDATE tasks SET {sets} WHERE task = %s"
        assert in_store(database, mapper, statement, *given.values(), *last, key) >= 1

    both("anna", task["r0c0"], "remain")
    larger = shapely.affinity.scale(case.outline["r0c1"], 1.2, 1.2)
    both("anna", task["r0c1"], "refine", larger, comment="grown – 山")
    both("anna", task["r1c1"], "refine", use_candidate=1)
    both("anna", task["r0c2"], "remove", reason="avalanche")
    both("anna", task["r1c2"], "unsure")
    both("ben", task["r3c2"], "remove", reason="moraine", reviewer="ben")
    both("ben", task["r4c0"], "remain")
    both("anna", "C:C-0-new", "retrieve", reason="missed before")
    both("anna", "C:C-1-new", "remove", reason="snow")
    both("ben", "C:C-3-new", "retrieve", reason="new front")
    both("anna", task["r0c4"], "refine", shapely.union_all([case.outline["r0c4"], case.outline["r0c5"]]))
    both("anna", task["r0c5"], "merge", reason="one front", merge_into=case.unit["r0c4"])
    # a split, and a row drawn by hand
    west, south, east, north = case.outline["r0c3"].bounds
    middle = (west + east) / 2
    parts = [
        shapely.intersection(case.outline["r0c3"], shapely.box(west, south, middle - 1e-4, north)),
        shapely.intersection(case.outline["r0c3"], shapely.box(middle + 1e-4, south, east, north)),
    ]
    mapper = packages[task["r0c3"]] if packages is not None else "anna"
    split(work / f"{mapper}.gpkg", task["r0c3"], parts, mapper=mapper)
    names = ", ".join(f'"{c.name}"' for c in TASK_COLUMNS)
    statement = (
        "UPDATE tasks SET decision = 'split', reason = 'two lobes', mapper = %s, date = %s,"
        " geom = ST_Multi(ST_GeomFromWKB(%s, 4326)) WHERE task = %s"
    )
    in_store(database, mapper, statement, mapper, day, shapely.to_wkb(parts[0]), task["r0c3"])
    statement = (
        f"INSERT INTO tasks ({names}, package, geom) SELECT {names}, package,"
        " ST_Multi(ST_GeomFromWKB(%s, 4326)) FROM tasks WHERE task = %s"
    )
    in_store(database, mapper, statement, shapely.to_wkb(parts[1]), task["r0c3"])
    drawn = octagon(74.06, 37.51, 0.002, 0.002)
    draw(work / "anna.gpkg", "retrieve", drawn, reason="nobody saw it")
    statement = (
        "INSERT INTO tasks (decision, mapper, date, reason, geom)"
        " VALUES ('retrieve', 'anna', %s, 'nobody saw it', ST_Multi(ST_GeomFromWKB(%s, 4326)))"
    )
    in_store(database, "anna", statement, day, shapely.to_wkb(drawn))


def same_edits(one: Edits, other: Edits) -> None:
    """Rows, outlines, and what is missing agree; files and row numbers are of their own."""
    left, right = (e.rows.drop(columns=["file", "row", "geom", *SAVED]) for e in (one, other))
    pd.testing.assert_frame_equal(pd.DataFrame(left), pd.DataFrame(right))
    for mine, theirs in (
        (one.rows, other.rows),
        (one.current, other.current),
        (one.candidates, other.candidates),
    ):
        assert shapely.equals_exact(np.array(mine["geom"].array), np.array(theirs["geom"].array), 0).all()
        assert mine.crs == theirs.crs
    pd.testing.assert_frame_equal(one.planned.tasks, other.planned.tasks)
    assert one.planned.raw == other.planned.raw
    pd.testing.assert_frame_equal(one.missing, other.missing)


def test_read_like_packages(filled: Database, planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """The store yields what the packages yield, untouched and with the same edits, to any mapper."""
    work = tmp_path / "work"
    shutil.copytree(planned[1], work)
    same_edits(read_edits([work]), read_edits([], store=filled.url()))
    edit_both(work, filled)
    packages, store = read_edits([work]), read_edits([], store=filled.url("ben"))
    same_edits(packages, store)
    assert store.rows["decision"].notna().sum() == 15
    assert store.planned.path == Path(f"{DEFAULT_SCHEMA}/plan.json")


def test_copy_and_paste_like_packages(filled: Database, planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """A row copied and pasted as it is appears twice in both."""
    work = tmp_path / "work"
    shutil.copytree(planned[1], work)
    copy_row(work / "anna.gpkg", f"U:{UNIT}")
    names = ", ".join(f'"{c.name}"' for c in TASK_COLUMNS)
    in_store(
        filled,
        "anna",
        f"INSERT INTO tasks ({names}, geom) SELECT {names}, geom FROM tasks WHERE unit = %s",
        UNIT,
    )
    same_edits(read_edits([work]), read_edits([], store=filled.url()))


# ---- QGIS


def project_of(store: Store, path: Path, package: str | None, mapper: str) -> Path:
    write_project(
        path,
        store_source(store, package),
        crs=pyproj.CRS(CRS),
        bounds=(73.97, 37.48, 74.12, 37.6),
        mapper=mapper,
        title="store",
    )
    return path


def test_project_of_a_store(database: Database, planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """The project names host and database, neither user nor password, and quotes the package's name."""
    store = fill(database.url("maintainer"), planned[1])
    text = project_of(store, tmp_path / "a.qgs", "o'Neil", "a").read_text()
    assert PASSWORD not in text
    assert "maintainer" not in text
    source = store_source(store, "o'Neil").locations["tasks"]
    assert source == (
        f"dbname='{database.name}' host=127.0.0.1 port={database.port} key='fid' estimatedmetadata=true "
        'srid=4326 type=MultiPolygon table="rogi_update"."tasks" (geom) sql="package" = \'o\'\'Neil\''
    )
    assert "sql=" not in store_source(store).locations["tasks"]
    entry = store_source(store, authcfg="a1b2c3d").locations["tasks"]
    assert " authcfg=a1b2c3d " in entry
    fields = task_fields(FormSetting("a", extra=store_source(store, "p").extra))
    with database.connect() as owner:
        rows = owner.execute(f"SELECT * FROM {DEFAULT_SCHEMA}.tasks LIMIT 0")
        assert [f.name for f in fields] == [c.name for c in rows.description if c.name != "geom"]


def test_qgis_edits_the_store(
    database: Database, server: Server, planned: tuple[Inputs, Path], tmp_path: Path, qgis: Session
) -> None:
    """A mapper's project shows the own package; edits are saved, refused in our words, and kept apart."""
    for name in ("anna", "ben"):
        server.role(name)
    store = fill(database.url(), planned[1])
    project = project_of(store, tmp_path / "anna.qgs", "anna", "anna")
    with database.connect() as owner:
        fids = dict(owner.execute(f"SELECT task, fid FROM {DEFAULT_SCHEMA}.tasks").fetchall())
    unit, new = fids[f"U:{UNIT}"], fids["C:C-0-new"]
    late = [
        sys.executable, "-c",
        "import psycopg, sys; psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])",
        database.url(), f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'mine' WHERE fid = {unit}",
    ]  # fmt: skip
    lobes = fids[f"U:{CASE.unit['r0c3']}"]
    ring = [[74.1, 37.5], [74.105, 37.5], [74.105, 37.505], [74.1, 37.505], [74.1, 37.5]]
    ben = fids[f"U:{CASE.unit['r4c0']}"]
    with database.connect("ben") as other:
        other.execute(
            f"UPDATE {DEFAULT_SCHEMA}.tasks SET decision = 'unsure', mapper = 'ben' WHERE fid = %s", (ben,)
        )
    (
        _,
        seen,
        saved,
        again,
        illegal,
        stale,
        fresh,
        cut,
        drawn,
        deleted,
        unlocked,
        rows,
        said,
        empty,
        on_own,
        on_other,
    ) = qgis(
        project,
        ["describe"],
        ["change", unit, {"decision": "refine"}],
        ["change", unit, {"comment": "once more"}],
        ["change", new, {"decision": "remain"}],
        ["change_late", unit, {"comment": "not seen"}, late],
        ["change", unit, {"comment": "seen"}],
        ["split", lobes, {"decision": "split", "reason": "two fronts"}],
        ["draw", ring, {"decision": "retrieve", "reason": "missed"}],
        ["delete", unit],
        ["unlock", "current"],
        ["rows"],
        ["comment", ben, "two fronts?"],
        ["comment", ben, " "],
        ["related", "tasks", unit],
        ["related", "decisions", ben],
        PGUSER="anna",
        PGPASSWORD=PASSWORD,
    )
    assert {name: (v["valid"], v["read_only"], v["crs"]) for name, v in seen["layers"].items()} == {
        **{name: (True, name in LOCKED, CRS) for name in LAYERS},
        "decisions": (True, True, CRS),
        "comments": (True, False, ""),
    }
    assert seen["order"] == ["candidates", "tasks", "decisions", "current", "context"]  # of the map
    assert seen["form"]["tabs"] == ["Decision", "Who and when", "Comments", "Plan"]
    assert said["saved"], said["errors"]
    assert TEXT_MESSAGE in empty["errors"]
    assert on_own == {"valid": True, "texts": [], "refresh": 0}
    assert on_other == {"valid": True, "texts": ["two fronts?"], "refresh": 60_000}
    fields = seen["form"]["fields"]
    assert fields["decision"]["widget"] == "ValueMap"
    assert all(fields[name]["read_only"] for name in ("package", "version", "seen", "edited_by", "edited_at"))
    for answer in (saved, again, fresh, cut, drawn):
        assert answer["saved"], answer["errors"]
    for answer, words in (
        (illegal, "a candidate without a unit is retrieved or removed"),
        (stale, STALE_MESSAGE),
        (deleted, DELETE_MESSAGE),
        (unlocked, "layer not editable"),  # QGIS asks for the rights
    ):
        assert not answer["saved"]
        assert words in answer["errors"]
    assert {row["package"] for row in rows} == {"anna"}
    mine = {row["fid"]: row for row in rows}
    assert (mine[unit]["decision"], mine[unit]["mapper"], mine[unit]["edited_by"]) == (
        "refine",
        "anna",
        "anna",
    )
    assert (mine[unit]["comment"], mine[unit]["version"], mine[unit]["seen"]) == ("seen", 5, None)
    parts = [row for row in rows if row["task"] == mine[lobes]["task"]]
    assert [row["decision"] for row in parts] == ["split", "split"]
    (own,) = [row for row in rows if not row["task"]]
    assert (own["package"], own["mapper"], own["created_by"]) == ("anna", "anna", "anna")
    edits = read_edits([], store=database.url())
    assert len(edits.rows) == 35 + 2
    assert edits.missing.empty
    other = project_of(store, tmp_path / "all.qgs", None, "anna")
    _, foreign = qgis(other, ["change", ben, {"decision": "remain"}], PGUSER="anna", PGPASSWORD=PASSWORD)
    assert not foreign["saved"]
    assert OWNER_MESSAGE in foreign["errors"]


def test_passwords_stay_where_they_are(
    server: Server, database: Database, planned: tuple[Inputs, Path]
) -> None:
    """Neither what is returned nor what the server logs has the password."""
    store = fill(database.url(), planned[1])
    stored = read_store(database.url())
    with pytest.raises(RogiError):
        fill(database.url(schema="public"), planned[1])
    told = " ".join((repr(store), str(store.address), repr(stored.planned.raw), *server.log))
    assert PASSWORD not in told


# ---- the whole loop, by the commands


def test_loop_by_commands(
    server: Server, database: Database, tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    """Planned into both, edited alike, the packages and the store give the same v1.1, byte for byte."""
    for name in ("anna", "ben"):
        server.role(name)
    inputs = write_inputs(tmp_path)
    work = tmp_path / "work"
    image = tmp_path / "s2.tif"
    with rasterio.open(
        image, "w", driver="GTiff", width=20, height=20, count=3, dtype="uint8", crs=CRS,
        transform=from_bounds(73.9, 37.4, 74.2, 37.7, 20, 20),
    ) as raster:  # fmt: skip
        raster.write(np.full((3, 20, 20), 90, dtype="uint8"))
    code, told = run(
        "plan", "--inventory", inputs.inventory, "--candidates", inputs.candidates,
        "--glaciers", inputs.glaciers, "--mappers", "anna,ben", "--imagery", image,
        "--store", database.url(), "-o", work,
    )  # fmt: skip
    assert code == 0, told
    names = {path.name for path in work.iterdir()}
    assert {"store.qgs", "store.md", "anna.store.qgs", "ben.store.qgs", "anna.qgs"} <= names
    assert PASSWORD not in told
    for path in work.iterdir():
        assert PASSWORD.encode() not in path.read_bytes(), path.name
    root = ET.parse(work / "store.qgs").getroot()
    assert "../s2.tif" in {e.text for e in root.findall("projectlayers/maplayer/datasource")}
    planned = pd.read_csv(work / "tasks.csv")
    mapper = dict(zip(planned["task"], planned["package"], strict=True))
    edit_both(work, database, mapper)
    packages = tmp_path / "elsewhere"  # in the folder of a store they would be refused
    packages.mkdir()
    for name in ("anna.gpkg", "ben.gpkg", "plan.json", "tasks.csv"):
        shutil.copy(work / name, packages)
    results = {}
    for name, source in (("packages", [packages]), ("store", ["--store", database.url()])):
        folder = tmp_path / name
        folder.mkdir()
        code, told = run(
            "apply", *source, "--inventory", inputs.inventory, "-o", folder / "v1.1.gpkg", "--quiet"
        )
        assert code in (0, 1), told
        assert PASSWORD not in told
        results[name] = folder
    one, other = results["packages"], results["store"]
    assert (one / "v1.1.gpkg").read_bytes() == (other / "v1.1.gpkg").read_bytes()
    for name in ("lineage.csv", "retired.csv"):
        lines, stored = (pd.read_csv(f / "v1.1.update" / name, dtype=str) for f in (one, other))
        pd.testing.assert_frame_equal(lines.drop(columns=list(SAVED), errors="ignore"),
                                      stored.drop(columns=list(SAVED), errors="ignore"))  # fmt: skip
        assert len(lines) > 1
    assert PASSWORD not in "".join(p.read_text() for p in (other / "v1.1.update").glob("*.[cmj]*"))
    status = [run("status", *s)[1] for s in ([work], ["--store", database.url()])]
    assert status[0].splitlines()[-1]
    assert PASSWORD not in status[1]
    code, told = run(
        "plan", "--inventory", inputs.inventory, "--candidates", inputs.candidates, "--mappers", "anna,ben",
        "--store", database.url(), "-o", tmp_path / "again",
    )  # fmt: skip
    assert code == 2
    assert not (tmp_path / "again").exists()
