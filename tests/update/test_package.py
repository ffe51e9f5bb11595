"""The work package: what SQLite itself refuses, through sqlite3 and GDAL, and the bytes of the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
from packages import make_case, make_work
from shapely import box

from rogi.update.packages.triggers import (
    DELETE_MESSAGE,
    GEOMETRY_MESSAGE,
    LOCKED_MESSAGE,
    PLANNED_MESSAGE,
    TASK_MESSAGE,
    UNIT_MESSAGE,
)
from rogi.update.vocabulary import CONSTRAINTS, LOCKED, PLANNED, TASK_COLUMNS, TASKS, Decision

MESSAGE = {rule.name: rule.message for rule in CONSTRAINTS}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_work(tmp_path_factory.mktemp("work"))[1] / "anna.gpkg"


@pytest.fixture
def connection(package: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose changes are undone."""
    with closing(sqlite3.connect(package)) as connection:
        for name in ("IsEmpty", "MinX", "MaxX", "MinY", "MaxY"):  # GDAL's, for the spatial indexes
            connection.create_function(f"ST_{name}", 1, lambda geometry: 0)
        yield connection
        connection.rollback()


CASE = make_case()
UNIT = CASE.unit["r0c1"]


def on_unit(assignments: str) -> str:
    return f"UPDATE tasks SET {assignments} WHERE task = 'U:{UNIT}'"


def on_candidate(assignments: str) -> str:
    return f"UPDATE tasks SET {assignments} WHERE task = 'C:C-0-new'"


COPY = ", ".join(f'"{c.name}"' for c in TASK_COLUMNS)
REFUSED = [
    (on_unit("decision = 'delete'"), MESSAGE["decision-known"]),
    (on_unit("decision = 'retrieve', reason = 'seen', mapper = 'anna'"), MESSAGE["decision-for-unit"]),
    (on_candidate("decision = 'remain', mapper = 'anna'"), MESSAGE["decision-for-candidate"]),
    (on_candidate("decision = 'refine', mapper = 'anna'"), MESSAGE["decision-for-candidate"]),
    (on_unit("decision = 'remove', mapper = 'anna'"), MESSAGE["reason-given"]),
    (on_unit("decision = 'remove', reason = ' ', mapper = 'anna'"), MESSAGE["reason-given"]),
    (on_unit("decision = 'remain'"), MESSAGE["mapper-given"]),
    (on_unit("decision = 'merge', reason = 'one', mapper = 'anna'"), MESSAGE["merge-target"]),
    (on_unit("decision = 'remain', merge_into = 'RGU1', mapper = 'anna'"), MESSAGE["merge-target"]),
    (on_unit("date = '31.7.2026'"), MESSAGE["date-written"]),
    (on_unit("geom = NULL"), GEOMETRY_MESSAGE),
    (on_unit("unit = 'RGU1'"), PLANNED_MESSAGE),
    (on_unit("task = NULL"), PLANNED_MESSAGE),
    (on_unit("priority = 99"), PLANNED_MESSAGE),
    (f"DELETE FROM tasks WHERE unit = '{UNIT}'", DELETE_MESSAGE),
    ("INSERT INTO tasks (task, geom) SELECT 'U:none', geom FROM tasks LIMIT 1", TASK_MESSAGE),
    (f"INSERT INTO tasks (task, geom) SELECT 'U:{UNIT}', geom FROM tasks LIMIT 1", TASK_MESSAGE),
    ("INSERT INTO tasks (unit, geom) SELECT 'RGU1', geom FROM tasks LIMIT 1", UNIT_MESSAGE),
    ("INSERT INTO tasks (comment) VALUES ('no outline')", GEOMETRY_MESSAGE),
    (
        "INSERT INTO tasks (decision, geom) SELECT 'retrieve', geom FROM tasks LIMIT 1",
        MESSAGE["reason-given"],
    ),
    *((f"DELETE FROM {name}", LOCKED_MESSAGE.format(name)) for name in (*LOCKED, "plan")),
    ("UPDATE current SET unit = 'RGU1'", LOCKED_MESSAGE.format("current")),
    ("INSERT INTO candidates (candidate) VALUES ('C-1')", LOCKED_MESSAGE.format("candidates")),
]


@pytest.mark.parametrize(("statement", "message"), REFUSED)
def test_sqlite_refuses(connection: sqlite3.Connection, statement: str, message: str) -> None:
    """Each rule is refused with its own words."""
    with pytest.raises(sqlite3.IntegrityError) as refused:
        connection.execute(statement)
    assert str(refused.value) == message


def test_every_rule_is_tried() -> None:
    """No rule of the model is without a statement that breaks it."""
    assert set(MESSAGE.values()) <= {message for _, message in REFUSED}


def test_every_planned_column_is_kept(connection: sqlite3.Connection) -> None:
    """No column of the plan can be changed, nor emptied."""
    for name in PLANNED:
        with pytest.raises(sqlite3.IntegrityError, match="columns of the plan"):
            connection.execute(on_unit(f"\"{name}\" = 'other'"))


ACCEPTED = [
    on_unit("decision = 'remain', mapper = 'anna', date = '2026-07-31'"),
    on_unit("decision = 'remove', reason = 'avalanche', mapper = 'anna'"),
    on_unit("decision = 'refine', mapper = 'anna', use_candidate = 1"),
    on_unit("decision = 'merge', merge_into = 'RGU1', reason = 'one', mapper = 'anna'"),
    on_unit("decision = '', merge_into = '', reason = ''"),
    on_unit("merge_into = 'RGU1'"),
    on_unit("model = model, image_date = ''"),  # empty text for null is no change
    on_candidate("decision = 'retrieve', reason = 'seen', mapper = 'anna'"),
    on_candidate("decision = 'remove', reason = 'moraine', mapper = 'anna'"),
    *(on_unit(f"decision = '{d}', reason = 'r', mapper = 'a'") for d in (Decision.SPLIT, Decision.UNSURE)),
    "INSERT INTO tasks (decision, reason, mapper, geom)"
    " SELECT 'retrieve', 'new', 'a', geom FROM tasks WHERE fid = 1",
    f"INSERT INTO tasks (unit, geom) SELECT '{UNIT}', geom FROM tasks LIMIT 1",
]


@pytest.mark.parametrize("statement", ACCEPTED)
def test_sqlite_accepts(connection: sqlite3.Connection, statement: str) -> None:
    """What a mapper may write, plain SQL can write."""
    assert connection.execute(statement).rowcount == 1


def test_parts_of_a_split(connection: sqlite3.Connection) -> None:
    """A row copied whole, as QGIS splits, is taken; one of the two can go again, the last one not."""
    connection.execute(
        f"INSERT INTO tasks ({COPY}, geom) SELECT {COPY}, geom FROM tasks WHERE unit = '{UNIT}'"
    )
    assert connection.execute(f"SELECT count(*) FROM tasks WHERE unit = '{UNIT}'").fetchone() == (2,)
    connection.execute(f"DELETE FROM tasks WHERE fid = (SELECT min(fid) FROM tasks WHERE unit = '{UNIT}')")
    with pytest.raises(sqlite3.IntegrityError, match="not deleted"):
        connection.execute(f"DELETE FROM tasks WHERE unit = '{UNIT}'")


def test_rows_drawn_by_the_mapper_can_be_deleted(connection: sqlite3.Connection) -> None:
    """Only what was planned is kept."""
    connection.execute("INSERT INTO tasks (comment, geom) SELECT 'mine', geom FROM tasks LIMIT 1")
    with pytest.raises(sqlite3.IntegrityError, match="task is empty"):
        connection.execute("UPDATE tasks SET task = 'U:1' WHERE comment = 'mine'")
    assert connection.execute("DELETE FROM tasks WHERE comment = 'mine'").rowcount == 1


def test_gdal_meets_the_rules(tmp_path: Path) -> None:
    """Rows that GDAL appends are refused or taken as those of plain SQL."""
    path = make_work(tmp_path)[1] / "anna.gpkg"
    before = pyogrio.read_info(path, layer=TASKS)["features"]
    shape = box(74, 37.5, 74.001, 37.501)

    def append(**values: str) -> None:
        row = gpd.GeoDataFrame({k: [v] for k, v in values.items()}, geometry=[shape], crs="EPSG:4326")
        pyogrio.write_dataframe(row, path, layer=TASKS, append=True, promote_to_multi=True)

    with pytest.raises(Exception, match="need a reason"):
        append(decision="retrieve", mapper="anna")
    with pytest.raises(Exception, match="is one of remain"):
        append(decision="keep", mapper="anna")
    append(decision="retrieve", reason="new", mapper="anna")
    assert pyogrio.read_info(path, layer=TASKS)["features"] == before + 1


def test_layers_and_types(package: Path) -> None:
    """Four layers of multipolygons, ``tasks`` in the columns of the model and without a spatial index."""
    layers = dict(pyogrio.list_layers(package).tolist())
    assert [layers[n] for n in (TASKS, *LOCKED)] == ["MultiPolygon"] * 4
    info = pyogrio.read_info(package, layer=TASKS)
    assert info["fields"].tolist() == [c.name for c in TASK_COLUMNS]
    types = dict(zip(info["fields"], info["dtypes"], strict=True))
    assert (types["priority"], types["gain"], types["use_candidate"]) == ("int32", "float64", "bool")
    assert types["date"].startswith("datetime64")
    with closing(sqlite3.connect(package)) as connection:
        indexed = {t for (t,) in connection.execute("SELECT table_name FROM gpkg_extensions") if t}
        assert set(LOCKED) <= indexed
        assert TASKS not in indexed
        assert dict(connection.execute("SELECT key, value FROM plan"))["package"] == "anna"
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_same_contents_same_bytes(tmp_path: Path) -> None:
    """A package does not depend on when it was written."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one, other = (make_work(tmp_path / name)[1] / "ben.gpkg" for name in ("a", "b"))
    assert one.read_bytes() == other.read_bytes()
