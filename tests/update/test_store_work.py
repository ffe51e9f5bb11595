"""What several people do to a store at once: locks, rows nobody can lose, reviews, comments, undoing."""

from __future__ import annotations

import json
import queue
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from packages import Inputs, write_inputs
from postgres import Database, Server
from stores import fill, refused, tables
from test_package import CASE, UNIT

from rogi.errors import InputError, OptionError, OutputError
from rogi.update.deciding.edits import read_edits
from rogi.update.move import Choice
from rogi.update.move_store import move_in_store
from rogi.update.packages.triggers import DELETE_MESSAGE, GEOMETRY_MESSAGE
from rogi.update.planning.plan import Request, make_plan
from rogi.update.store.address import DEFAULT_SCHEMA
from rogi.update.store.functions import GONE_MESSAGE, ROW_MESSAGE, TEXT_MESSAGE
from rogi.update.store.make import check_store, making_store
from rogi.update.store.rows import (
    BROKEN_MESSAGE,
    BUSY_MESSAGE,
    FID_MESSAGE,
    OWNER_MESSAGE,
    RANGE_MESSAGE,
    REVIEW_MESSAGE,
)
from rogi.update.store.sql import COMMENTS_MESSAGE
from rogi.update.store.store import read_store
from rogi.update.vocabulary import TASK_COLUMNS
from rogi.update.work_folder import write_plan

psycopg = pytest.importorskip("psycopg", reason="no psycopg here: pip install 'rogi-toolkit[store]'")
pytestmark = pytest.mark.xdist_group("postgres")
COPIED = ", ".join(f'"{c.name}"' for c in TASK_COLUMNS)
COPY = f"INSERT INTO tasks ({COPIED}, geom) SELECT {COPIED}, geom FROM tasks WHERE unit = '{UNIT}' LIMIT 1"
NAN, INF = float("nan"), float("inf")


@contextmanager
def session(database: Database, user: str, autocommit: bool = True) -> Iterator[Any]:
    """A session that finds the tables without their schema."""
    with psycopg.connect(database.url(user), autocommit=autocommit) as connection:
        connection.execute(f"SET search_path TO {DEFAULT_SCHEMA}, public")
        yield connection
        connection.rollback()


def row(connection: Any, columns: str, fid: int) -> Any:
    return connection.execute(f"SELECT {columns} FROM tasks WHERE fid = %s", (fid,)).fetchone()


def fid_of(connection: Any, unit: str = UNIT) -> int:
    return int(connection.execute("SELECT min(fid) FROM tasks WHERE unit = %s", (unit,)).fetchone()[0])


def until(holds: Callable[[], Any]) -> Any:
    """What is asked for again and again, once there is something."""
    for _ in range(200_000):  # each asks the server
        if found := holds():
            return found
    raise AssertionError("it never came")


def until_waiting(watch: Any, pid: int) -> None:
    """Return once a session waits for a lock."""
    asked = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
    until(lambda: watch.execute(asked, (pid,)).fetchone())


def waiting_pid(watch: Any) -> int:
    """The session of a plan that waits for a lock."""
    asked = "SELECT pid FROM pg_stat_activity WHERE application_name = 'rogi' AND wait_event_type = 'Lock'"
    return int(until(lambda: watch.execute(asked).fetchone())[0])


def aside(action: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Run something that will wait, in a thread; its result or error comes into the list."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(action())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, found


# ---- planning again


def test_work_committed_while_planning_waits(filled: Database, planned: tuple[Inputs, Path]) -> None:
    """A mapper has saved but not committed when the plan comes: it waits, sees the work, and leaves it."""
    with session(filled, "anna", autocommit=False) as anna, filled.connect() as watch:
        anna.execute("UPDATE tasks SET comment = 'slow' WHERE unit = %s", (UNIT,))
        told: queue.Queue[str] = queue.Queue()
        packages = tables(planned[1])

        def plan() -> None:
            with making_store(filled.url(), packages, plan="{}", tasks="", waiting=told.put):
                pass

        thread, found = aside(plan)
        waits_for = told.get(timeout=60)  # the plan has looked whom it waits for
        until_waiting(watch, waiting_pid(watch))
        anna.commit()
        thread.join(30)
        assert isinstance(found[0], OutputError)
        assert "contains work of mappers" in str(found[0])
        assert f"waiting for anna (session {anna.info.backend_pid}" in waits_for
    stored = read_store(filled.url())
    assert stored.tables[0].frame["comment"].dropna().tolist() == ["slow"]


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_defaults_of_the_server_change_nothing(
    filled: Database, planned: tuple[Inputs, Path], level: str
) -> None:
    """Where transactions see the past by default, and only read, planning still sees what was committed."""
    with filled.connect() as owner:
        owner.execute(f"ALTER DATABASE {filled.name} SET default_transaction_isolation = '{level}'")
        owner.execute(f"ALTER DATABASE {filled.name} SET default_transaction_read_only = on")
    with psycopg.connect(filled.url("anna")) as anna, filled.connect() as watch:
        anna.read_only = False
        anna.execute(f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'slow' WHERE unit = %s", (UNIT,))
        thread, found = aside(lambda: fill(filled.url(), planned[1]))
        until_waiting(watch, waiting_pid(watch))
        anna.commit()
        thread.join(30)
    assert "contains work of mappers" in str(found[0])


def test_who_does_not_end(filled: Database, planned: tuple[Inputs, Path]) -> None:
    """A session that stays open is named after a while, and nothing has changed."""
    with psycopg.connect(filled.url("anna"), application_name="QGIS3") as anna:
        anna.execute(f"SELECT * FROM {DEFAULT_SCHEMA}.decisions")
        with pytest.raises(OutputError) as caught:
            fill(filled.url(), planned[1], wait_s=0.05)
        assert f"by anna (QGIS3, session {anna.info.backend_pid}, idle in transaction, since 20" in str(
            caught.value
        )
        assert "after 0.05 s" in str(caught.value)
    assert sum(len(t.frame) for t in read_store(filled.url()).tables) == 35
    fill(filled.url(), planned[1], wait_s=0.05)


def test_sessions_of_others_are_named_to_a_plain_maintainer(
    server: Server, planned: tuple[Inputs, Path]
) -> None:
    """Without the right to see what others do, user and program are still named."""
    for name in ("lead", "anna", "ben"):
        server.role(name)
    database = server.database(owner="lead")
    fill(database.url("lead"), planned[1])
    with psycopg.connect(database.url("anna"), application_name="QGIS3") as anna:
        anna.execute(f"SELECT * FROM {DEFAULT_SCHEMA}.tasks")
        with pytest.raises(OutputError, match=rf"by anna \(QGIS3, session {anna.info.backend_pid}\)"):
            fill(database.url("lead"), planned[1], wait_s=0.05)


@pytest.mark.parametrize("there", [True, False])
def test_two_plans_at_once(
    server: Server, database: Database, planned: tuple[Inputs, Path], there: bool
) -> None:
    """The second waits for the first, and is told so; if that lasts, it stops and names the other."""
    for name in ("anna", "ben"):
        server.role(name)
    if there:
        fill(database.url(), planned[1])
    packages = tables(planned[1])
    texts = {name: (planned[1] / name).read_text() for name in ("plan.json", "tasks.csv")}
    with making_store(database.url(), packages, plan=texts["plan.json"], tasks=texts["tasks.csv"]):
        with pytest.raises(OutputError, match=r"in use.*maintainer \(rogi, another plan, session \d+"):
            fill(database.url(), planned[1], wait_s=0.05)
        fill(database.url(schema="other"), planned[1], wait_s=0.05)  # another plan is in nobody's way
        thread, found = aside(lambda: fill(database.url(), planned[1]))
        with database.connect() as watch:
            until_waiting(watch, waiting_pid(watch))
    thread.join(30)
    assert not isinstance(found[0], Exception), found
    assert sum(len(t.frame) for t in read_store(database.url()).tables) == 35


def test_a_plan_that_fails_at_its_end(filled: Database, planned: tuple[Inputs, Path]) -> None:
    """What goes wrong before the files are in place leaves the store as it was."""
    with filled.connect() as owner:
        owner.execute(f"SELECT {DEFAULT_SCHEMA}.assign(NULL, 'ben')")
    with pytest.raises(KeyError), making_store(filled.url(), tables(planned[1]), plan="{}", tasks=""):
        raise KeyError
    with filled.connect() as owner:
        kept = owner.execute(f"SELECT count(*), min(fid) FROM {DEFAULT_SCHEMA}.tasks").fetchone()
        assert kept == (35, 1)
        assert owner.execute(f"SELECT count(*) FROM {DEFAULT_SCHEMA}.mappers").fetchone() == (3,)


def test_assignments_are_kept(filled: Database, server: Server, planned: tuple[Inputs, Path]) -> None:
    """Who had a package has it after planning again; what is no longer possible is told."""
    for name in ("carla", "rita", "leaving"):
        server.role(name)
    with session(filled, "maintainer") as owner:
        owner.execute("SELECT assign('anna', 'carla')")
        owner.execute("SELECT withdraw('anna', 'anna')")
        owner.execute("SELECT assign(NULL, 'rita', 'review')")
        owner.execute("SELECT assign('ben', 'leaving')")
        owner.execute("SELECT withdraw('ben', 'ben')")
        owner.execute("DELETE FROM mappers WHERE package = 'ben'")
        owner.execute("INSERT INTO mappers VALUES ('ben', 'gone-role', 'edit')")
    store = fill(filled.url(), planned[1])
    assert store.assigned == (("anna", "carla", "edit"), ("ben", "ben", "edit"), (None, "rita", "review"))
    assert store.lost == (("ben", "gone-role", "edit"),)
    assert store.unassigned == ()
    with session(filled, "carla") as carla, session(filled, "anna") as anna:
        assert carla.execute("UPDATE tasks SET comment = 'x' WHERE package = 'anna'").rowcount == 21
        assert "permission denied" in refused(anna, f"TABLE {DEFAULT_SCHEMA}.tasks")
    only = fill(filled.url(schema="second"), planned[1], tables(planned[1])[:1])
    assert only.assigned == (("anna", "anna", "edit"),)


def test_an_edit_begun_before_the_new_plan(filled: Database, planned: tuple[Inputs, Path]) -> None:
    """Rows of a new plan have new numbers: who saves an old row is told, and changes no other one."""
    with session(filled, "anna") as anna:
        old = fid_of(anna)
        fill(filled.url(), planned[1])
        new = fid_of(anna)
        assert new > 35 >= old
        change = "UPDATE tasks SET decision = 'remain', mapper = 'anna' WHERE fid = %s"
        assert refused(anna, change, (old,)) == GONE_MESSAGE
        assert anna.execute(change, (new,)).rowcount == 1


def test_comments_are_work(filled: Database, planned: tuple[Inputs, Path]) -> None:
    """A store with nothing but comments is not replaced; told before there is a plan, too."""
    check_store(filled.url())
    with session(filled, "ben") as ben:
        ben.execute("INSERT INTO comments (fid, text) SELECT min(fid), 'a question' FROM tasks")
    for refuses in (lambda: fill(filled.url(), planned[1]), lambda: check_store(filled.url())):
        with pytest.raises(OutputError, match="work of mappers"):
            refuses()


def test_a_store_that_was_only_moved_in_is_planned_again(
    server: Server, database: Database, tmp_path: Path
) -> None:
    """Nobody decided anything. The folder of the plan that was replaced is told that it is another one."""
    inputs, work, filled = write_inputs(tmp_path), tmp_path / "work", database
    write_plan(make_plan(Request((inputs.inventory,), str(inputs.candidates), mappers=("anna", "ben"))), work)
    for name in ("anna", "ben"):
        server.role(name)
    fill(filled.url(), work)
    choice = Choice("ben", package="anna")
    with psycopg.connect(filled.url("anna"), application_name="QGIS3") as anna:
        anna.execute(f"UPDATE {DEFAULT_SCHEMA}.tasks SET comment = 'slow' WHERE package = 'anna'")
        with pytest.raises(OutputError, match=r"anna \(QGIS3, session \d+.*and move again"):
            move_in_store(filled.url(), choice, wait_s=0.05)
        anna.rollback()
    assert move_in_store(filled.url(), choice).tasks
    content = json.loads((work / "plan.json").read_text())
    (work / "plan.json").write_text(json.dumps(content | {"digest": "another"}))
    with pytest.raises(InputError, match=r"is not the plan in the store .* for anna, ben: it was planned"):
        read_edits([], plan=work, store=filled.url())
    made = fill(filled.url(), work)
    assert "the store held another plan, of " in made.replaced and "for anna, ben" in made.replaced
    assert len(read_edits([], plan=work, store=filled.url()).rows) == 35
    assert fill(filled.url(), work).replaced == ""


# ---- rows nobody can lose


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_two_delete_one_copy_each(filled: Database, level: str) -> None:
    """Of two sessions that delete a copy of a planned row each, one is refused, whoever commits first."""
    with session(filled, "anna") as anna:
        anna.execute(COPY)
        one, two = (
            fid for (fid,) in anna.execute("SELECT fid FROM tasks WHERE unit = %s ORDER BY 1", (UNIT,))
        )
    delete = "DELETE FROM tasks WHERE fid = %s"
    with session(filled, "anna", False) as first, session(filled, "anna", False) as second:
        for connection in (first, second):
            connection.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
            connection.execute("SELECT count(*) FROM tasks")
        first.execute(delete, (one,))
        with filled.connect() as watch:
            thread, found = aside(lambda: second.execute(delete, (two,)))
            until_waiting(watch, second.info.backend_pid)
        first.commit()
        thread.join(30)
        told = str(found[0])
        expected = DELETE_MESSAGE if level == "READ COMMITTED" else "could not serialize access"
        assert expected in told
    with session(filled, "anna") as anna:
        assert anna.execute("SELECT count(*) FROM tasks WHERE unit = %s", (UNIT,)).fetchone() == (1,)


def test_a_copy_that_somebody_is_changing(filled: Database) -> None:
    """A planned row is not deleted while its only copy may be about to go; nobody waits for each other."""
    with session(filled, "anna") as anna:
        anna.execute(COPY)
        one, two = (
            fid for (fid,) in anna.execute("SELECT fid FROM tasks WHERE unit = %s ORDER BY 1", (UNIT,))
        )
    with session(filled, "anna", False) as first, session(filled, "anna") as second:
        first.execute("UPDATE tasks SET comment = 'x' WHERE fid = %s", (two,))
        assert refused(second, "DELETE FROM tasks WHERE fid = %s", (one,)) == BUSY_MESSAGE
        first.commit()
        assert second.execute("DELETE FROM tasks WHERE fid = %s", (one,)).rowcount == 1


def test_all_copies_in_one_statement(anna: Any) -> None:
    """One statement cannot delete them all either."""
    anna.execute(COPY)
    anna.execute(COPY)
    assert refused(anna, f"DELETE FROM tasks WHERE unit = '{UNIT}'") == DELETE_MESSAGE
    assert anna.execute(f"SELECT count(*) FROM tasks WHERE unit = '{UNIT}'").fetchone() == (3,)


def test_fid_is_the_databases(anna: Any, owner: Any) -> None:
    """Nobody gives a row a number of his own, changes it, or takes the next one's."""
    geometry = "SELECT geom FROM tasks LIMIT 1"
    for connection in (anna, owner):
        assert "can only be updated to DEFAULT" in refused(
            connection, "UPDATE tasks SET fid = 9999 WHERE fid = 1"
        )
        assert refused(connection, "UPDATE tasks SET fid = DEFAULT WHERE fid = 1") == FID_MESSAGE
        assert "cannot insert a non-DEFAULT value" in refused(
            connection, f"INSERT INTO tasks (fid, package, geom) VALUES (9999, 'anna', ({geometry}))"
        )
    taken = anna.execute(
        "INSERT INTO tasks (fid, geom) OVERRIDING SYSTEM VALUE"
        " SELECT k, geom FROM tasks, generate_series(36, 39) AS k WHERE fid = 1 RETURNING fid"
    ).fetchall()
    free = anna.execute(f"INSERT INTO tasks (geom) {geometry} RETURNING fid").fetchone()
    assert len({*taken, free}) == 5
    assert min(taken)[0] > 35


# ---- outlines


def ewkb(*rings: list[tuple[float, float]], srid: int = 4326) -> str:
    """A multipolygon in hexadecimal digits, as clients send it; nothing is checked."""
    body = struct.pack("<BIIIBII", 1, 6 | 0x20000000, srid, 1, 1, 3, len(rings))
    for ring in rings:
        body += struct.pack("<I", len(ring)) + b"".join(struct.pack("<dd", *point) for point in ring)
    return body.hex()


def square(x: float, y: float, size: float = 0.01) -> list[tuple[float, float]]:
    return [(x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y)]


GOOD = square(74, 37.5)
BAD_OUTLINES = {
    "nan": (ewkb([GOOD[0], (NAN, 37.5), *GOOD[2:]]), BROKEN_MESSAGE),
    "nan-y": (ewkb([*GOOD[:2], (74.01, NAN), *GOOD[3:]]), BROKEN_MESSAGE),
    "nan-first": (ewkb([(NAN, 37.5), *GOOD[1:4], (NAN, 37.5)]), BROKEN_MESSAGE),
    "all-nan": (ewkb([(NAN, NAN)] * 4), BROKEN_MESSAGE),
    "nan-in-hole": (ewkb(GOOD, [(74.002, 37.502), (NAN, 37.504), (74.004, 37.5), (74.002, 37.502)]),
                    BROKEN_MESSAGE),
    "inf": (ewkb([*GOOD[:2], (INF, 37.51), *GOOD[3:]]), BROKEN_MESSAGE),
    "minus-inf": (ewkb([*GOOD[:2], (74.01, -INF), *GOOD[3:]]), BROKEN_MESSAGE),
    "open": (ewkb(GOOD[:4]), BROKEN_MESSAGE),
    "open-hole": (ewkb(GOOD, square(74.002, 37.502, 0.002)[:4]), BROKEN_MESSAGE),
    "huge": (ewkb([*GOOD[:2], (1e300, 37.51), *GOOD[3:]]), RANGE_MESSAGE),
    "longitude-700": (ewkb(square(700, 37.5)), RANGE_MESSAGE),
    "beyond-180": (ewkb(square(180, 37.5)), RANGE_MESSAGE),
    "beyond-minus-180": (ewkb(square(-180.01, 37.5)), RANGE_MESSAGE),
    "latitude-91": (ewkb(square(74, 90.5)), RANGE_MESSAGE),
    "latitude-minus": (ewkb(square(74, -90.001)), RANGE_MESSAGE),
    "empty": (struct.pack("<BIII", 1, 6 | 0x20000000, 4326, 0).hex(), GEOMETRY_MESSAGE),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_OUTLINES)
def test_outlines_that_are_none(anna: Any, name: str) -> None:
    """They are refused as they come, whether drawn anew or reshaped."""
    text, message = BAD_OUTLINES[name]
    assert refused(anna, "INSERT INTO tasks (geom) VALUES (%s)", (text,)) == message
    assert refused(anna, "UPDATE tasks SET geom = %s WHERE unit = %s", (text, UNIT)) == message


@pytest.mark.parametrize(
    "ring",
    [GOOD, square(179.995, 0), square(-180.005, 0), square(-180, 89.99), square(179.99, -90)],
    ids=["plain", "across-180", "across-minus-180", "corner", "other-corner"],
)
def test_outlines_that_are_some(anna: Any, ring: list[tuple[float, float]]) -> None:
    """The antimeridian may be crossed, and the edges of the world touched."""
    assert anna.execute("INSERT INTO tasks (geom) VALUES (%s)", (ewkb(ring),)).rowcount == 1


def test_decisions_on_a_strange_outline(filled: Database) -> None:
    """What the inventory itself has is no reason to refuse a decision, and does not stop the others."""
    with session(filled, "maintainer") as owner:
        owner.execute("ALTER TABLE tasks DISABLE TRIGGER USER")
        for text, fid in ((BAD_OUTLINES["open"][0], 1), (BAD_OUTLINES["nan"][0], 2)):
            owner.execute("UPDATE tasks SET geom = %s WHERE fid = %s", (text, fid))
        owner.execute("ALTER TABLE tasks ENABLE TRIGGER USER")
    with session(filled, "anna") as anna:
        done = anna.execute("UPDATE tasks SET comment = 'seen' WHERE fid IN (1, 2)").rowcount
        assert done == 2
    stored = read_store(filled.url())
    shapes = {fid: g for t in stored.tables for fid, g in zip(t.rows, t.frame.geometry, strict=True)}
    assert shapes[1] is None
    assert len(shapes) == 35


def test_outlines_in_metres(server: Server, database: Database, planned: tuple[Inputs, Path]) -> None:
    """In a projected system coordinates are no degrees; what is no number is refused there too."""
    server.role("anna")
    fill(database.url(), planned[1], tables(planned[1], "EPSG:32643"))
    with session(database, "anna") as anna:
        far = ewkb(square(400_000, 4_100_000, 500), srid=32643)
        assert anna.execute("INSERT INTO tasks (geom) VALUES (%s)", (far,)).rowcount == 1
        for bad in (ewkb([(NAN, 0), *GOOD[1:4], (NAN, 0)], srid=32643), ewkb(GOOD[:4], srid=32643)):
            assert refused(anna, "INSERT INTO tasks (geom) VALUES (%s)", (bad,)) == BROKEN_MESSAGE


# ---- reviewers and comments


@pytest.fixture
def rita(owner: Any, shared: Database, server: Server) -> Iterator[Any]:
    """The owner's session, acting with a reviewer's rights; all is undone."""
    server.role("rita")
    owner.execute("SELECT assign(NULL, 'rita', 'review')")
    owner.execute("SET SESSION AUTHORIZATION rita")
    yield owner
    owner.rollback()


def test_reviewers_review(rita: Any) -> None:
    """A reviewer writes into reviewer, of any package; who decided stays who decided."""
    rita.execute("SET SESSION AUTHORIZATION anna")
    decide = "UPDATE tasks SET decision = 'remain', mapper = 'anna', date = '2026-07-01' WHERE unit = %s"
    rita.execute(decide, (UNIT,))
    who = "edited_by, reviewed_by, reviewer, version, date::text"
    fid = fid_of(rita)
    assert row(rita, who, fid) == ("anna", None, None, 2, "2026-07-01")
    rita.execute("SET SESSION AUTHORIZATION rita")
    # The form fills in mapper and date again, and says which version it saw.
    rita.execute(
        "UPDATE tasks SET reviewer = 'rita', mapper = 'anna', date = '2026-08-01', seen = 2 WHERE fid = %s",
        (fid,),
    )
    assert row(rita, who, fid) == ("anna", "rita", "rita", 3, "2026-07-01")
    assert rita.execute("UPDATE tasks SET reviewer = 'rita' WHERE package = 'ben'").rowcount == 14
    rita.execute("UPDATE tasks SET reviewer = ' ' WHERE fid = %s", (fid,))
    assert row(rita, who, fid) == ("anna", None, " ", 4, "2026-07-01")
    rita.execute("SET SESSION AUTHORIZATION anna")
    rita.execute("UPDATE tasks SET reviewer = 'anna', reviewed_by = 'rita' WHERE fid = %s", (fid,))
    assert row(rita, "edited_by, reviewed_by", fid) == ("anna", "anna")
    rita.execute("UPDATE tasks SET comment = 'x' WHERE fid = %s", (fid,))
    assert row(rita, "edited_by, reviewed_by, reviewer", fid) == ("anna", "anna", "anna")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tasks SET decision = 'remain', mapper = 'anna', reviewer = 'rita' WHERE fid = 1",
        "UPDATE tasks SET comment = 'mine', reviewer = 'rita' WHERE fid = 1",
        "UPDATE tasks SET comment = 'mine' WHERE fid = 1",
        "UPDATE tasks SET mapper = 'rita', reviewer = 'rita' WHERE fid = 1",
        "UPDATE tasks SET reviewer = NULL WHERE fid = 1",
        "UPDATE tasks SET priority = 5, reviewer = 'rita' WHERE fid = 1",
        "UPDATE tasks SET package = NULL, reviewer = 'rita' WHERE fid = 1",
        "UPDATE tasks SET package = 'ben', reviewer = 'rita' WHERE fid = 1",
        "UPDATE tasks SET geom = ST_Translate(geom, 1e-9, 0), reviewer = 'rita' WHERE fid = 1",
    ],
)
def test_reviewers_overwrite_nothing(rita: Any, statement: str) -> None:
    """All else is the mapper's; rows are neither drawn nor deleted."""
    assert refused(rita, statement) == REVIEW_MESSAGE
    assert refused(rita, "DELETE FROM tasks WHERE fid = 1") == OWNER_MESSAGE
    assert (
        refused(rita, "INSERT INTO tasks (package, geom) SELECT 'anna', geom FROM tasks LIMIT 1")
        == OWNER_MESSAGE
    )
    assert "permission denied" in refused(rita, "SELECT undo(1)")


def test_rights_are_exchanged(filled: Database, server: Server) -> None:
    """A role has one right in a package; others than two there are not."""
    server.role("rita")
    change = "UPDATE tasks SET comment = 'x' WHERE package = 'ben'"
    with session(filled, "maintainer") as owner, session(filled, "rita") as rita:
        owner.execute("SELECT assign('ben', 'rita', 'review')")
        assert refused(rita, change) == REVIEW_MESSAGE
        assert refused(rita, "UPDATE tasks SET reviewer = 'r' WHERE package = 'anna'") == OWNER_MESSAGE
        owner.execute("SELECT assign('ben', 'rita')")
        assert rita.execute(change).rowcount == 14
        assert "found 'own'" in refused(owner, "SELECT assign('ben', 'rita', 'own')")
        assert "found NULL" in refused(owner, "SELECT assign('ben', 'rita', NULL)")
        owner.execute("SELECT withdraw('ben', 'rita')")
        assert "permission denied" in refused(rita, f"TABLE {DEFAULT_SCHEMA}.tasks")


def test_comments(anna: Any) -> None:
    """Everybody comments on every row; who and when is the database's, and stays."""
    (other,) = anna.execute("SELECT min(fid) FROM tasks WHERE package = 'ben'").fetchone()
    anna.execute(
        """INSERT INTO comments (fid, text, "by", package) VALUES (%s, 'too large?', 'ben', 'x')""", (other,)
    )
    found = anna.execute('SELECT c.fid, text, c.package, c."by", c.task = t.task FROM comments AS c'
                         " JOIN tasks AS t USING (fid)").fetchall()  # fmt: skip
    assert found == [(other, "too large?", "ben", "anna", True)]
    assert refused(anna, "INSERT INTO comments (fid, text) VALUES (1, '  ')") == TEXT_MESSAGE
    assert refused(anna, "INSERT INTO comments (fid, text) VALUES (9999, 'x')") == ROW_MESSAGE
    for statement in ("UPDATE comments SET text = 'x'", "DELETE FROM comments"):
        assert "permission denied" in refused(anna, statement)
    anna.execute("RESET SESSION AUTHORIZATION")


def test_comments_stay(owner: Any) -> None:
    """The owner does not rewrite them either."""
    owner.execute("INSERT INTO comments (id, fid, text) OVERRIDING SYSTEM VALUE VALUES (77, 1, 'x')")
    assert owner.execute("SELECT id < 77 FROM comments").fetchone() == (True,)
    for statement in ("UPDATE comments SET text = 'x'", "DELETE FROM comments", "TRUNCATE comments"):
        assert refused(owner, statement) == COMMENTS_MESSAGE


def test_decisions_of_everybody(anna: Any) -> None:
    """The view has what was decided or drawn in all packages, and the number of comments; it is locked."""
    assert anna.execute("SELECT count(*) FROM decisions").fetchone() == (0,)
    anna.execute("UPDATE tasks SET decision = 'remain', mapper = 'anna' WHERE unit = %s", (UNIT,))
    (drawn,) = anna.execute("INSERT INTO tasks (geom) VALUES (%s) RETURNING fid", (ewkb(GOOD),)).fetchone()
    anna.execute("INSERT INTO comments (fid, text) VALUES (%s, 'x'), (%s, 'y')", (drawn, drawn))
    rows = anna.execute("SELECT unit, decision, edited_by, comments FROM decisions ORDER BY fid").fetchall()
    assert rows == [(UNIT, "remain", "anna", 0), (None, None, "anna", 2)]
    kind = anna.execute("SELECT type, srid FROM geometry_columns WHERE f_table_name = 'decisions'").fetchone()
    assert kind == ("MULTIPOLYGON", 4326)
    assert "permission denied" in refused(anna, "UPDATE decisions SET decision = 'x'")


# ---- undoing


def test_undo_an_update(filled: Database) -> None:
    """The row is again what it was, outline exactly, with who had decided it; the history says who undid."""
    with session(filled, "anna") as anna, session(filled, "maintainer") as owner:
        fid = fid_of(anna)
        full = "to_jsonb(t) - 'version' - 'geom', ST_AsEWKB(geom)"
        read = f"SELECT {full} FROM tasks AS t WHERE fid = {fid}"
        anna.execute(
            "UPDATE tasks SET decision = 'remain', mapper = 'anna', date = '2026-07-01', comment = 'x',"
            " use_candidate = false WHERE fid = %s", (fid,)
        )  # fmt: skip
        before = anna.execute(read).fetchone()
        anna.execute(
            "UPDATE tasks SET decision = 'remove', reason = 'snow', geom = ST_Translate(geom, 1e-13, 0)"
            " WHERE fid = %s", (fid,)
        )  # fmt: skip
        (last,) = anna.execute("SELECT max(id) FROM history").fetchone()
        assert "permission denied" in refused(anna, "SELECT undo(%s)", (last,))
        assert owner.execute("SELECT undo(%s)", (last,)).fetchone() == (fid,)
        assert anna.execute(read).fetchone() == before
        assert row(anna, "version, edited_by", fid) == (4, "anna")
        made = owner.execute('SELECT operation, "by", undoes FROM history ORDER BY id').fetchall()
        assert made == [("update", "anna", None), ("update", "anna", None), ("update", "maintainer", last)]
        # and the undoing is a change like others
        owner.execute("SELECT undo(max(id)) FROM history")
        assert row(anna, "decision, edited_by", fid) == ("remove", "anna")
        assert "no entry 999" in refused(owner, "SELECT undo(999)")


def test_undo_a_deletion_and_a_drawing(filled: Database) -> None:
    """A deleted row comes back under its number; a drawn one goes."""
    with session(filled, "anna") as anna, session(filled, "maintainer") as owner:
        (fid,) = anna.execute(
            "INSERT INTO tasks (geom, decision, reason, mapper) VALUES (%s, 'retrieve', 'r', 'anna')"
            " RETURNING fid", (ewkb(GOOD),)
        ).fetchone()  # fmt: skip
        before = row(anna, "to_jsonb(tasks) - 'version'", fid)
        anna.execute("DELETE FROM tasks WHERE fid = %s", (fid,))
        owner.execute("SELECT undo(max(id)) FROM history")
        assert row(anna, "to_jsonb(tasks) - 'version'", fid) == before
        assert row(anna, "version, created_by, edited_by", fid) == (2, "anna", "anna")
        next_one = "INSERT INTO tasks (geom) VALUES (%s) RETURNING fid > %s"
        assert anna.execute(next_one, (ewkb(GOOD), fid)).fetchone() == (True,)
        owner.execute("SELECT undo(max(id)) FROM history")
        owner.execute("SELECT undo(min(id), true) FROM history")
        assert anna.execute("SELECT count(*) FROM tasks").fetchone() == (35,)


def test_undo_over_later_changes(filled: Database) -> None:
    """What was changed again is undone only where that is asked for."""
    with session(filled, "anna") as anna, session(filled, "maintainer") as owner:
        fid = fid_of(anna)
        for text in ("one", "two", "three"):
            anna.execute("UPDATE tasks SET comment = %s WHERE fid = %s", (text, fid))
        anna.execute("UPDATE tasks SET comment = 'other' WHERE fid = %s", (fid_of(anna, CASE.unit["r0c0"]),))
        ids = [i for (i,) in owner.execute("SELECT id FROM history WHERE fid = %s ORDER BY 1", (fid,))]
        assert f"again after entry {ids[1]}, last in entry {ids[2]}" in refused(
            owner, "SELECT undo(%s)", (ids[1],)
        )
        owner.execute("SELECT undo(%s, true)", (ids[1],))
        assert row(anna, "comment", fid) == ("one",)


def test_undoing_is_the_owners(anna: Any) -> None:
    """The setting by which the functions know an undoing changes nothing for others."""
    anna.execute("SET rogi.undoing = '1'")
    (fid,) = anna.execute(
        "INSERT INTO tasks (fid, geom, edited_by) OVERRIDING SYSTEM VALUE VALUES (1000, %s, 'ben')"
        " RETURNING fid",
        (ewkb(GOOD),),
    ).fetchone()
    assert fid != 1000
    assert row(anna, "edited_by, version", fid) == ("anna", 1)
    assert anna.execute("SELECT undoes FROM history ORDER BY id DESC LIMIT 1").fetchone() == (None,)


# ---- sessions, servers and addresses


@pytest.mark.parametrize("style", ["German", "SQL, DMY", "Postgres, MDY", "ISO, MDY"])
def test_date_styles(filled: Database, style: str) -> None:
    """However a server or client writes dates and numbers, the same is accepted, kept and read."""
    with filled.connect() as owner:
        for setting in (f"datestyle = '{style}'", "timezone = 'Asia/Kathmandu'", "extra_float_digits = -15",
                        "standard_conforming_strings = off", "bytea_output = 'escape'",
                        "search_path = 'nowhere'", "intervalstyle = 'iso_8601'"):  # fmt: skip
            owner.execute(f"ALTER DATABASE {filled.name} SET {setting}")
    with psycopg.connect(filled.url("anna"), autocommit=True) as anna:
        anna.execute(
            f"UPDATE {DEFAULT_SCHEMA}.tasks SET decision = 'remain', mapper = 'anna', date = '2026-07-31'"
            " WHERE unit = %s", (UNIT,)
        )  # fmt: skip
        new = anna.execute(f"SELECT new FROM {DEFAULT_SCHEMA}.history").fetchone()[0]
        assert (new["date"], new["gain"]) == ("2026-07-31", 0.5)
    stored = read_store(filled.url())
    frame = stored.tables[0].frame.set_index("unit")
    assert str(frame["date"][UNIT])[:10] == "2026-07-31"
    assert stored.written["edited_by"].tolist() == ["anna"]
    assert stored.last is not None
    assert str(stored.last[1].utcoffset()) == "0:00:00"
    assert abs((stored.written["edited_at"].iloc[0] - stored.last[1]).total_seconds()) < 60


def test_numbers_in_the_history(filled: Database) -> None:
    """Numbers come back from the history to the last digit, whatever the session shows of them."""
    with session(filled, "maintainer") as owner:
        owner.execute("ALTER TABLE tasks DISABLE TRIGGER USER")
        owner.execute("UPDATE tasks SET gain = 0.1::float8 + 0.2::float8 WHERE fid = 1")
        owner.execute("ALTER TABLE tasks ENABLE TRIGGER USER")
        owner.execute("SET extra_float_digits = -15")
        owner.execute("UPDATE tasks SET comment = 'x' WHERE fid = 1")
        owner.execute("RESET extra_float_digits")
        old = owner.execute("SELECT old ->> 'gain' FROM history").fetchone()
        assert float(old[0]) == 0.1 + 0.2


def test_written(filled: Database) -> None:
    """Who saved what, by the number of the row; untouched rows are not in it."""
    untouched = read_store(filled.url())
    assert untouched.written.empty
    assert (untouched.last, untouched.packages_of) == (None, {})
    with session(filled, "anna") as anna, session(filled, "ben") as ben:
        fid = fid_of(anna)
        anna.execute("UPDATE tasks SET comment = 'x' WHERE fid = %s", (fid,))
        anna.execute("UPDATE tasks SET comment = 'y' WHERE fid = %s", (fid,))
        ben.execute(
            "UPDATE tasks SET reviewer = 'ben' WHERE fid = (SELECT max(fid) FROM tasks WHERE package = 'ben')"
        )
    stored = read_store(filled.url("ben"))
    assert stored.packages_of == {"anna": {"anna"}, "ben": {"ben"}}
    assert stored.last is not None
    assert stored.last[0] == 3
    assert stored.written["history"].tolist() == [2, 3]
    assert stored.written["edited_by"].tolist() == ["anna", None]
    assert stored.written["reviewed_by"].tolist() == [None, "ben"]
    assert stored.written.index[0] == fid
    shown = f"postgresql://ben@127.0.0.1:{filled.port}/{filled.name}?schema=rogi_update"
    assert str(stored.address) == shown
    edits = read_edits([], store=filled.url())
    assert edits.saved.names == {"anna": {"anna"}, "ben": {"ben"}}
    assert (edits.saved.history, edits.saved.moment[:2]) == ("3", "20")
    by = dict(zip(edits.rows["row"], edits.rows["edited_by"], strict=True))
    assert by[fid] == "anna"


def test_a_folder_or_a_store(filled: Database, planned: tuple[Inputs, Path]) -> None:
    """Not both: the packages beside a store are the plan as it was made."""
    with pytest.raises(OptionError, match="not from both"):
        read_edits([planned[1]], store=filled.url())


def test_postgis_elsewhere(server: Server, planned: tuple[Inputs, Path]) -> None:
    """Where mappers cannot use PostGIS' schema they get the right, or the sentence that gives it."""
    for name in ("lead", "anna", "ben"):
        server.role(name)
    database = server.database(postgis=False, owner="lead")
    with database.connect() as owner:
        owner.execute("CREATE SCHEMA gis")
        owner.execute("CREATE EXTENSION postgis SCHEMA gis")
        owner.execute("GRANT USAGE ON SCHEMA gis TO lead")
        owner.execute(f'ALTER DATABASE {database.name} SET search_path = "$user", public, gis')
    with pytest.raises(
        InputError, match=r"role 'anna' may not use PostGIS.*GRANT USAGE ON SCHEMA gis TO anna"
    ):
        fill(database.url("lead"), planned[1])
    with database.connect() as owner:
        owner.execute("GRANT USAGE ON SCHEMA gis TO lead WITH GRANT OPTION")
    assert fill(database.url("lead"), planned[1]).unassigned == ()
    with psycopg.connect(database.url("anna"), autocommit=True) as anna:
        anna.execute(f"INSERT INTO {DEFAULT_SCHEMA}.tasks (geom) VALUES (%s)", (ewkb(GOOD),))
        bad = ewkb(GOOD[:4])
        drawn = f"INSERT INTO {DEFAULT_SCHEMA}.tasks (geom) VALUES (%s)"
        assert refused(anna, drawn, (bad,)) == BROKEN_MESSAGE
    assert len(read_store(database.url("anna")).tables) == 2
    with database.connect() as owner:
        owner.execute(f"ALTER DATABASE {database.name} RESET search_path")
    with pytest.raises(InputError, match=r"schema gis.*search_path"):
        check_store(database.url("lead", schema="next"))


def test_an_address_without_host(
    filled: Database, planned: tuple[Inputs, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mappers' projects name the host that was found, or the address is refused."""
    monkeypatch.setenv("PGPORT", str(filled.port))
    bare = f"postgresql://maintainer:kept-s3cret@/{filled.name}"
    monkeypatch.setenv("PGHOST", filled.host)
    store = fill(bare, planned[1])
    assert store.address.parameters["host"] == filled.host
    assert store.address.parameters["port"] == str(filled.port)
    (folder,) = {p.parent for p in Path("/tmp").glob(f"rogi-pg-*/.s.PGSQL.{filled.port}")}
    monkeypatch.setenv("PGHOST", str(folder))
    for refuses in (lambda: fill(bare, planned[1]), lambda: check_store(bare)):
        with pytest.raises(OptionError, match=r"names no host.*postgresql://user@db\.example\.org"):
            refuses()
    assert len(read_store(bare).tables) == 2  # who reads is at this computer
    fill(f"{bare}?host={folder}", planned[1])  # said on purpose


def test_an_address_without_database(
    filled: Database, planned: tuple[Inputs, Path], monkeypatch: Any
) -> None:
    """A database that libpq guesses is named in the projects too: each mapper's guess would be another."""
    monkeypatch.setenv("PGDATABASE", filled.name)
    url = f"postgresql://maintainer:kept-s3cret@{filled.host}:{filled.port}"
    assert fill(url, planned[1]).address.parameters["dbname"] == filled.name
