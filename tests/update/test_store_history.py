"""``rogi update history`` and ``undo``: what is listed, and what comes back, by the commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from packages import make_case
from postgres import PASSWORD, Database
from test_package import UNIT

from rogi.errors import InputError
from rogi.update.store.address import DEFAULT_SCHEMA
from rogi.update.store.history import Change, read_history, undo

psycopg = pytest.importorskip("psycopg", reason="no psycopg here: pip install 'rogi-toolkit[store]'")
pytestmark = pytest.mark.xdist_group("postgres")
Run = Callable[..., tuple[int, str]]
OTHER = make_case().unit["r4c0"]


@pytest.fixture
def worked_on(filled: Database) -> Database:
    """A store with five changes and a comment."""
    with filled.connect("anna") as anna, filled.connect("ben") as ben:
        for connection in (anna, ben):
            connection.execute(f"SET search_path TO {DEFAULT_SCHEMA}, public")
        anna.execute(
            "UPDATE tasks SET decision = 'remain', mapper = 'anna', use_candidate = false"
            f" WHERE unit = '{UNIT}'"
        )
        anna.execute(
            "UPDATE tasks SET decision = 'remove', reason = 'snow \x1b[31m', comment = ' ',"
            f" geom = ST_Translate(geom, 1e-9, 0) WHERE unit = '{UNIT}'"
        )
        ben.execute(f"INSERT INTO comments (fid, text) SELECT fid, 'sure?' FROM tasks WHERE unit = '{UNIT}'")
        ben.execute(f"UPDATE tasks SET comment = 'ok' WHERE unit = '{OTHER}'")
        ben.execute("INSERT INTO tasks (geom, comment) SELECT geom, 'drawn' FROM tasks WHERE fid = 1")
        ben.execute("DELETE FROM tasks WHERE comment = 'drawn'")
    return filled


def brief(changes: list[Change]) -> list[tuple[int | None, str, str, bool]]:
    return [(c.id, c.by, c.operation, c.redrawn) for c in changes]


def test_changes(worked_on: Database) -> None:
    """In order of time, comments among them, with what changed; empty text is no value."""
    found = read_history(worked_on.url("ben"))
    assert brief(found) == [
        (1, "anna", "update", False), (2, "anna", "update", True), (None, "ben", "comment", False),
        (3, "ben", "update", False), (4, "ben", "insert", False), (5, "ben", "delete", False),
    ]  # fmt: skip
    assert found[0].changed == {
        "decision": (None, "remain"), "mapper": (None, "anna"), "use_candidate": (None, "false"),
    }  # fmt: skip
    assert found[1].changed == {"decision": ("remain", "remove"), "reason": (None, "snow \x1b[31m")}
    assert (found[2].text, found[2].task, found[2].package) == ("sure?", f"U:{UNIT}", "anna")
    assert found[4].changed == {"comment": (None, "drawn")}
    assert found[5].changed == {"comment": ("drawn", None)}
    assert all(c.at.tzinfo is not None for c in found)


def test_filters(worked_on: Database) -> None:
    """By task, unit, candidate, row, package, user, and number from the end."""
    url = worked_on.url()
    whole = read_history(url)
    fid = whole[0].fid
    for name in (UNIT, f"U:{UNIT}", str(fid)):
        assert [c.id for c in read_history(url, task=name)] == [1, 2, None]
    assert [c.id for c in read_history(url, task="C-4-c0-0")] == [3]
    assert read_history(url, task="nothing") == []
    assert [c.id for c in read_history(url, package="ben")] == [3, 4, 5]
    assert [c.id for c in read_history(url, by="ben", package="anna")] == [None]
    assert [c.id for c in read_history(url, by="ben", limit=2)] == [4, 5]
    assert read_history(url, limit=0) == []


def test_by_commands(worked_on: Database, run: Run) -> None:
    """The list is read, a change undone by its number, and the list has one more; nothing tells passwords."""
    store = worked_on.url()
    row = f"U:{UNIT} (row {read_history(store)[0].fid}) of anna"
    code, told = run("history", "--store", store)
    assert code == 0
    lines = told.splitlines()
    assert lines[0].startswith("     1  20")
    assert lines[0].endswith(f"UTC  anna: update {row}")
    assert "        decision: - → remain" in lines
    assert "        reason: - → snow \\x1b[31m" in lines
    assert "        outline redrawn" in lines
    assert any(line.startswith("     -  ") and "comment" in line for line in lines)
    assert "        sure?" in lines
    code, told = run("undo", "--store", store, "--history", "1")
    assert code == 2
    assert "changed again after entry 1, last in entry 2" in told
    code, told = run("undo", "--store", store, "--history", "2")
    assert code == 0
    assert f"maintainer: update {row}, undoes 2" in told
    assert "decision: remove → remain" in told
    code, told = run("history", UNIT, "--store", store, "--format", "json", "--limit", "1")
    (entry,) = json.loads(told)
    assert (entry["undoes"], entry["by"], entry["redrawn"]) == (2, "maintainer", True)
    assert entry["changed"]["decision"] == ["remove", "remain"]
    code, told = run("history", "--store", worked_on.url("anna"), "--by", "nobody")
    assert (code, told) == (0, "No changes.\n")
    for arguments in (("undo", "--history", "1"), ("undo", "--store", store), ("history",)):
        code, told = run(*arguments)
        assert code == 2
        assert "Name" in told or "name" in told
    assert PASSWORD not in told


def test_undo_is_refused(worked_on: Database) -> None:
    """To mappers, for numbers there are not, and where there is no store."""
    with pytest.raises(InputError, match=r"user of .*anna@.* has no right to undo a change of the store"):
        undo(worked_on.url("anna"), 2)
    with pytest.raises(InputError, match=r"no entry 99"):
        undo(worked_on.url(), 99)
    for call in (lambda url: undo(url, 1), read_history):
        with pytest.raises(InputError, match=r"no store in the schema other"):
            call(worked_on.url(schema="other"))


def test_undone(worked_on: Database) -> None:
    """What comes back, and over later changes."""
    made: list[Any] = [undo(worked_on.url(), 1, with_later=True), undo(worked_on.url(), 5)]
    assert brief(made) == [(6, "maintainer", "update", True), (7, "maintainer", "insert", False)]
    assert made[0].changed["decision"] == ("remove", None)
    assert made[1].changed == {"comment": (None, "drawn")}
    assert [c.undoes for c in made] == [1, 5]
