"""Tasks moved between packages, in a work folder and a store: nothing is lost, and all agree afterwards."""

from __future__ import annotations

import shutil
import sqlite3
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from mapping import blob, copy_row, decide, digests, draw, without_triggers
from packages import HALF_WIDTH, Inputs, octagon, write_inputs

from rogi.errors import InputError, OptionError, OutputError
from rogi.update.deciding.edits import Edits, read_edits, row_problems
from rogi.update.hands import decisions_sha256
from rogi.update.move import Choice, finish, move_tasks
from rogi.update.planning.plan import Request, make_plan
from rogi.update.planning.stored_plan import MOVE_FOLDER, MOVE_LIST, read_plan
from rogi.update.vocabulary import TASK_COLUMNS
from rogi.update.work_folder import write_plan

Command = Callable[..., tuple[int, str]]
IN_STORE = pytest.param("store", marks=pytest.mark.xdist_group("postgres"))


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, Path]:
    """A real plan for two mappers; anna has decided on a unit, split another, and drawn a new one."""
    folder = tmp_path_factory.mktemp("planned")
    inputs = write_inputs(folder)
    request = Request((inputs.inventory,), str(inputs.candidates), mappers=("anna", "ben"))
    write_plan(make_plan(request), folder / "work")
    work = folder / "work"
    split, changed, _ = own_units(work, inputs)
    decide(work / "anna.gpkg", f"U:{changed}", "refine", use_candidate=1)
    decide(work / "anna.gpkg", f"U:{split}", "split", reason="two lobes")
    copy_row(work / "anna.gpkg", f"U:{split}", octagon(74.06, 37.5, HALF_WIDTH / 2))
    draw(work / "anna.gpkg", "retrieve", octagon(73.9, 37.5), reason="seen")
    return inputs, work


@pytest.fixture
def work(planned: tuple[Inputs, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(planned[1], tmp_path / "work"))


def own_units(work: Path, inputs: Inputs) -> tuple[str, str, tuple[str, str]]:
    """Units of anna: one to be split, a changed one, and two that share a candidate."""
    tasks = read_plan(work).tasks
    anna = tasks[(tasks["package"] == "anna") & tasks["unit"].notna()]
    split, changed = (anna["unit"][anna["class"] == kind].iloc[0] for kind in ("split", "changed"))
    shared = anna[anna["class"] == "merged"].groupby("candidate")["unit"].apply(tuple).iloc[0]
    return split, changed, shared


def moved_in(
    kind: str, work: Path, choice: Choice, request: pytest.FixtureRequest
) -> tuple[Edits, Edits, dict[str, dict[str, list[Any]]]]:
    """Edits before and after a move, and the layers of each package afterwards."""
    if kind == "package":
        before = read_edits([work])
        move_tasks(work, choice)
        layers = {name: package_layers(work / f"{name}.gpkg") for name in ("anna", "ben")}
        return before, read_edits([work]), layers
    from stores import fill

    from rogi.update.move_store import move_in_store

    server, database = request.getfixturevalue("server"), request.getfixturevalue("database")
    for name in ("anna", "ben"):
        server.role(name)
    fill(database.url(), work)
    before = read_edits([], store=database.url())
    with database.connect() as lead:
        lead.execute("INSERT INTO rogi_update.comments (fid, text) SELECT fid, 'why?' FROM rogi_update.tasks")
    move_in_store(database.url(), choice)
    layers = {"anna": {}, "ben": {}}
    with database.connect() as connection:
        for name in layers:
            for layer, key in (("tasks", "task"), ("current", "unit"), ("candidates", "candidate")):
                rows = connection.execute(
                    f"SELECT {key} FROM rogi_update.{layer} WHERE package = %s ORDER BY 1", [name]
                )
                layers[name][layer] = [row[0] for row in rows]
            rows = connection.execute(
                "SELECT COALESCE(unit, candidate), mapper FROM rogi_update.context WHERE package = %s", [name]
            )
            layers[name]["context"] = rows.fetchall()
        apart = connection.execute(
            "SELECT count(*) FROM rogi_update.comments AS c JOIN rogi_update.tasks AS t USING (fid)"
            " WHERE c.package <> t.package"
        )
        assert apart.fetchone() == (0,)
    return before, read_edits([], store=database.url()), layers


def package_layers(package: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(package)) as connection:
        out = {
            layer: [row[0] for row in connection.execute(f"SELECT {key} FROM {layer} ORDER BY 1")]
            for layer, key in (("tasks", "task"), ("current", "unit"), ("candidates", "candidate"))
        }
        out["context"] = connection.execute(
            "SELECT COALESCE(unit, candidate), mapper FROM context"
        ).fetchall()
        for layer in ("current", "candidates", "context"):
            (indexed,) = connection.execute(f"SELECT count(*) FROM rtree_{layer}_geom").fetchone()
            assert indexed == len(out[layer])
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return out


@pytest.mark.parametrize("kind", ["package", IN_STORE])
def test_units_move_with_all_that_is_theirs(
    kind: str, planned: tuple[Inputs, Path], work: Path, request: pytest.FixtureRequest
) -> None:
    """Rows, decisions, copies, outlines and neighbours go along; the plan says so; nothing else changes."""
    split, changed, shared = own_units(work, planned[0])
    choice = Choice("ben", (f"U:{split}", changed, shared[0]))
    before, after, layers = moved_in(kind, work, choice, request)
    assert decisions_sha256(after.rows) == decisions_sha256(before.rows)
    assert len(after.rows) == len(before.rows) and not row_problems(after) and after.missing.empty
    package = after.rows.set_index("unit")["package"]
    assert set(package[[split, changed, shared[0]]]) == {"ben"} and package[shared[1]] == "anna"
    assert layers["ben"]["tasks"].count(f"U:{split}") == 2 and f"U:{split}" not in layers["anna"]["tasks"]
    for unit in (split, changed, shared[0]):
        assert unit in layers["ben"]["current"] and unit not in layers["anna"]["current"]
        assert (unit, "ben") in layers["anna"]["context"]
        assert unit not in [name for name, _ in layers["ben"]["context"]]
    tasks = after.planned.tasks.set_index("unit")
    both, alone = (str(tasks["candidate"][unit]) for unit in (shared[0], changed))
    assert both in layers["anna"]["candidates"] and both in layers["ben"]["candidates"]
    assert alone in layers["ben"]["candidates"] and alone not in layers["anna"]["candidates"]
    # Everything is in as many places as before, but for the candidate of both.
    assert set(tasks.loc[[split, changed, shared[0]], "package"]) == {"ben"}
    assert str(tasks["area_name"][changed]).startswith("anna ")
    entries = {entry["name"]: entry for entry in after.planned.raw["packages"]}
    assert {n: e["tasks"] for n, e in entries.items()} == dict(Counter(after.planned.tasks["package"]))
    assert after.planned.raw["moved"][0]["from"] == "anna"
    assert after.planned.digest == before.planned.digest


def test_a_package_taken_over(work: Path, run: Callable[..., tuple[int, str]]) -> None:
    """All tasks of a package, by the command; a second time there is nothing to do; rules are kept."""
    assert run("move", work, "--from", "anna", "--to", "ben")[0] == 0
    code, text = run("move", work, "--from", "anna", "--to", "ben")
    assert code == 0 and "nothing to move" in text
    code, text = run("status", work)
    assert "ben" in text and "by anna" in text and code == 1
    # What was drawn without a unit is anna's, and stays.
    assert package_layers(work / "anna.gpkg")["tasks"] == [None]
    with (
        closing(sqlite3.connect(work / "ben.gpkg")) as connection,
        pytest.raises(sqlite3.Error, match="deleted"),
    ):
        connection.execute("DELETE FROM tasks WHERE task IS NOT NULL")
    tasks = (work / "tasks.csv").read_text().splitlines()
    assert "doubt" in tasks[0] and not any(line.startswith("anna,") for line in tasks)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice("carla", ("x",)), "no package 'carla'; the plan has anna, ben"),
        (Choice("ben", (), "carla"), "no package 'carla'"),
        (Choice("ben", ("U:nobody",)), "no task 'U:nobody'"),
        (Choice("ben"), "name tasks with --task"),
        (Choice("ben", (), "anna", ("99",)), "has no area '99'; it has"),
        (Choice("ben", ("x",), None, ("1",)), "Areas are those of a package"),
    ],
)
def test_what_is_not_there(work: Path, choice: Choice, message: str) -> None:
    """Names that the plan has not are refused, and nothing is changed."""
    before = digests(work)
    with pytest.raises(OptionError, match=message):
        move_tasks(work, choice)
    assert digests(work) == before


@pytest.mark.parametrize("name", ["anna.gpkg", "ben.gpkg"])
def test_a_package_that_is_elsewhere_or_open(work: Path, name: str) -> None:
    """Both packages have to be there, whole and closed."""
    log = work / f"{name}-wal"
    log.write_bytes(b"x")
    before = digests(work)
    with pytest.raises(OutputError, match="open in another program"):
        move_tasks(work, Choice("ben", (), "anna"))
    assert digests(work) == before
    log.unlink()
    (work / name).unlink()
    with pytest.raises(InputError, match=f"there is no {name}"):
        move_tasks(work, Choice("ben", (), "anna"))


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_interrupted(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """After each file: the state between is refused in words, and the next run makes it whole."""
    other = Path(shutil.copytree(work, tmp_path / "other"))
    choice = Choice("ben", (), "anna")
    move_tasks(other, choice)
    replace, calls = Path.replace, [0]

    def failing(self: Path, target: Path) -> Path:
        if self.parent.name == MOVE_FOLDER and self.name != MOVE_LIST and Path(target).parent == work:
            calls[0] += 1
            if calls[0] > at:
                raise OSError("no space")
        return Path(replace(self, target))

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OutputError, match="could not be finished"):
        move_tasks(work, choice)
    monkeypatch.undo()
    with pytest.raises(InputError, match="was interrupted; run the same rogi update move again"):
        read_edits([work])
    assert move_tasks(work, choice).tasks == ()
    assert digests(work) == digests(other) and not (work / MOVE_FOLDER).exists()


def test_interrupted_and_edited(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was edited meanwhile is not replaced; a move that is not valid yet leaves nothing."""
    monkeypatch.setattr("rogi.update.move.finish", lambda _: False)
    move_tasks(work, Choice("ben", (), "anna"))
    monkeypatch.undo()
    with closing(sqlite3.connect(work / "ben.gpkg")) as connection, connection:
        connection.execute("UPDATE tasks SET comment = 'late'")
    with pytest.raises(OutputError, match=r"ben\.gpkg was changed since"):
        finish(work)
    (work / MOVE_FOLDER / MOVE_LIST).unlink()
    assert not finish(work) and not (work / MOVE_FOLDER).exists()
    assert set(read_edits([work]).rows["comment"]) == {None, "late"}


@pytest.mark.parametrize("comment", ["", "another one"])
def test_rows_that_are_in_the_target(planned: tuple[Inputs, Path], work: Path, comment: str) -> None:
    """Equal rows, as a copy leaves them, count once; others are not joined."""
    _, changed, _ = own_units(work, planned[0])
    columns = ", ".join(f'"{c.name}"' for c in TASK_COLUMNS)
    without_triggers(
        work / "ben.gpkg",
        f"ATTACH '{work / 'anna.gpkg'}' AS anna",
        f"INSERT INTO tasks ({columns}, geom) SELECT {columns}, geom FROM anna.tasks"
        f" WHERE unit = '{changed}'",
        f"UPDATE tasks SET comment = NULLIF('{comment}', '') WHERE unit = '{changed}'",
    )
    if comment:
        before = digests(work)
        with pytest.raises(InputError, match=f"The package of ben has other rows of U:{changed} already"):
            move_tasks(work, Choice("ben", (changed,)))
        assert digests(work) == before
        return
    assert move_tasks(work, Choice("ben", (changed,))).rows == 1
    assert package_layers(work / "ben.gpkg")["tasks"].count(f"U:{changed}") == 1
    assert f"U:{changed}" not in package_layers(work / "anna.gpkg")["tasks"]


def test_an_area_is_moved_once_and_then_is_there(work: Path) -> None:
    """The same command again changes nothing; an area that never was is still refused."""
    area = read_plan(work).tasks.query("package == 'anna'")["area_name"].iloc[0]
    choice = Choice("ben", package="anna", areas=(area,))
    assert move_tasks(work, choice).tasks
    before = digests(work)
    assert not move_tasks(work, choice).tasks
    assert digests(work) == before
    with pytest.raises(OptionError, match="has no area '99'; it has"):
        move_tasks(work, Choice("ben", package="anna", areas=("99",)))
    left = move_tasks(work, Choice("ben", package="anna"))
    assert left.target == "ben"
    with pytest.raises(OptionError, match="has no area '99'; it has no areas"):
        move_tasks(work, Choice("ben", package="anna", areas=("99",)))


def test_an_outline_without_numbers_is_moved_without_a_warning(
    work: Path, planned: tuple[Inputs, Path]
) -> None:
    changed = own_units(work, planned[0])[1]
    xy = shapely.get_coordinates(octagon(74.0, 37.5))
    xy[2] = float("nan")
    with np.errstate(invalid="ignore"):
        broken = blob(shapely.Polygon(xy)).hex()
    without_triggers(work / "anna.gpkg", f"UPDATE tasks SET geom = x'{broken}' WHERE unit = '{changed}'")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert move_tasks(work, Choice("ben", (changed,))).rows == 1


def test_the_folder_of_a_store_is_not_taken_for_its_decisions(work: Path, run: Command) -> None:
    """Mappers of a store decide there; the packages beside it are what was planned."""
    address = "postgresql://lead@db.example.org/rogi?schema=rogi_update"
    (work / "store.md").write_text(f"# Store of x\n\nAddress, without password: `{address}`\n")
    inventory = work.parent / "inventory.gpkg"
    out = work.parent / "new.gpkg"
    before = {p.name: p.read_bytes() for p in work.iterdir()}
    for arguments in (
        ["status", work],
        ["status", work / "anna.gpkg", work / "ben.gpkg"],
        ["status", work / "anna.gpkg", "--plan", work / "plan.json"],
        ["apply", work, "--inventory", inventory, "-o", out],
        ["move", work, "--from", "anna", "--to", "ben"],
    ):
        code, told = run(*arguments)
        if "apply" in arguments and "does not exist" in told:
            continue
        assert code == 2
        assert f"is the folder of a team store, {address}" in told
        assert f"--store '{address}'" in told
    assert not out.exists()
    assert {p.name: p.read_bytes() for p in work.iterdir()} == before
    (work / "store.md").unlink()
    assert run("status", work)[0] == 1
