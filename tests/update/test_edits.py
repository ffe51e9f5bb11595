"""Packages as mappers hand them back: whatever state files are in, the rows are the same."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from mapping import copy_row, decide, digests, draw, without_triggers
from packages import Inputs, make_work, octagon

from rogi.errors import InputError
from rogi.update.deciding.edits import Edits, read_edits, row_problems
from rogi.update.planning.plan import Request, make_plan
from rogi.update.problems import Rule
from rogi.update.vocabulary import TASK_COLUMNS
from rogi.update.work_folder import write_plan

COLUMNS = [c.name for c in TASK_COLUMNS]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, Path]:
    return make_work(tmp_path_factory.mktemp("planned"))


@pytest.fixture
def work(planned: tuple[Inputs, Path], tmp_path: Path) -> Path:
    """A copy of the work folder in which anna decided on one task."""
    folder = Path(shutil.copytree(planned[1], tmp_path / "work"))
    decide(folder / "anna.gpkg", f"U:{planned[0].case.unit['r0c1']}", "remove", reason="scree")
    return folder


@pytest.fixture
def unit(planned: tuple[Inputs, Path]) -> str:
    return planned[0].case.unit["r0c1"]


def same(a: Edits, b: Edits) -> bool:
    """Whether two reads give the same rows, files and feature ids aside."""
    left, right = (
        e.rows.sort_values(["task", "decision"], na_position="first").reset_index(drop=True) for e in (a, b)
    )
    alike = all(
        [*map(str, left[c].astype(object).where(left[c].notna(), None))]
        == [*map(str, right[c].astype(object).where(right[c].notna(), None))]
        for c in COLUMNS
    )
    shapes = [np.asarray(f.geometry.array, dtype=object) for f in (left, right)]
    return alike and bool(shapely.equals_exact(*map(shapely.normalize, shapes), tolerance=1e-9).all())


def test_all_rows_and_what_lies_beside(planned: tuple[Inputs, Path], work: Path, unit: str) -> None:
    """Rows of both packages, in the plan's order of packages; nulls are None; nothing is missing."""
    edits = read_edits([work])
    case = planned[0].case
    assert len(edits.rows) == 35 and edits.missing.empty and not edits.notes
    assert set(edits.current["unit"]) == set(case.unit.values())
    assert set(edits.candidates["candidate"]) == set(case.candidate)
    row = edits.rows[edits.rows["unit"] == unit].iloc[0]
    assert (row["decision"], row["reason"], row["mapper"], row["date"]) == (
        "remove",
        "scree",
        "anna",
        "2026-08-15",
    )
    assert row["package"] == "anna" and row["comment"] is None and row["use_candidate"] is None
    assert row["geom"].geom_type == "Polygon"
    assert not row_problems(edits)


def test_any_names_in_any_order(work: Path) -> None:
    """The folder, its files in any order, and what lies beside them are all the same to apply."""
    (work / "anna.qgs").write_text("<qgis/>")
    (work / "uncertain.kml").write_text("<kml/>")
    (work / "notes.docx").write_bytes(b"x")
    whole = read_edits([work])
    files = sorted(work.iterdir())
    assert same(whole, read_edits(files)) and same(whole, read_edits(files[::-1]))
    assert same(whole, read_edits([work / "ben.gpkg", work / "anna.gpkg", work]))
    assert [n for n in whole.notes if "notes.docx" in n]


def test_write_ahead_log(work: Path, unit: str, tmp_path: Path) -> None:
    """What was committed into the log beside a package is read; no file is changed or made."""
    before = read_edits([work])
    live = work / "anna.gpkg"
    held = sqlite3.connect(live)
    held.execute("PRAGMA journal_mode = WAL")
    held.execute("PRAGMA wal_autocheckpoint = 0")
    held.execute("UPDATE tasks SET comment = 'in the log' WHERE unit = ?", [unit])
    held.commit()
    left = tmp_path / "left"
    shutil.copytree(work, left)  # as after a crash: the log is there, nobody holds it
    held.close()
    (left / "anna.gpkg-shm").unlink(missing_ok=True)
    assert (left / "anna.gpkg-wal").stat().st_size > 0
    digest = digests(left)
    edits = read_edits([left])
    assert digests(left) == digest
    assert edits.rows.set_index("unit").loc[unit, "comment"] == "in the log"
    assert len(edits.rows) == len(before.rows)


def test_mode_of_write_ahead_without_a_log(work: Path) -> None:
    """A package that was closed in write-ahead mode is read without a file appearing beside it."""
    with closing(sqlite3.connect(work / "ben.gpkg")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    digest = digests(work)
    assert len(read_edits([work]).rows) == 35
    assert digests(work) == digest


def test_hot_journal_is_rolled_back(work: Path, unit: str, tmp_path: Path) -> None:
    """A transaction that was cut off does not count, though its pages are in the file."""
    script = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_size = 1'); c.execute('PRAGMA cache_spill = 1'); c.execute('BEGIN')\n"
        "c.execute(\"UPDATE tasks SET comment = 'never committed' || hex(zeroblob(2000))\")\n"
        "os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(work / "anna.gpkg")], check=False)
    assert (work / "anna.gpkg-journal").stat().st_size > 0
    digest = digests(work)
    edits = read_edits([work])
    assert digests(work) == digest
    assert edits.rows["comment"].isna().all()
    assert edits.rows.set_index("unit").loc[unit, "decision"] == "remove"


def test_locked_by_a_writer(work: Path) -> None:
    """A file that another program writes to is refused in words; one that it reads is not."""
    script = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute(sys.argv[2]); c.execute('SELECT count(*) FROM tasks').fetchone()\n"
        "print('held', flush=True); sys.stdin.read()\n"
    )
    for statement, locked in (("BEGIN IMMEDIATE", True), ("BEGIN", False)):
        holder = subprocess.Popen(
            [sys.executable, "-c", script, str(work / "anna.gpkg"), statement],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
            if locked:
                with pytest.raises(InputError, match=r"anna\.gpkg is locked: another program .* QGIS"):
                    read_edits([work])
            else:
                assert len(read_edits([work]).rows) == 35
        finally:
            holder.communicate(b"")


def test_renamed_layer_added_fields_and_empty_text(work: Path, unit: str) -> None:
    """The layer is known by its columns, more columns are passed over, empty text is null."""
    plain = read_edits([work])
    without_triggers(
        work / "anna.gpkg",
        "ALTER TABLE tasks RENAME TO my_edits",
        "UPDATE gpkg_contents SET table_name = 'my_edits' WHERE table_name = 'tasks'",
        "UPDATE gpkg_geometry_columns SET table_name = 'my_edits' WHERE table_name = 'tasks'",
        "DELETE FROM gpkg_ogr_contents",
        "ALTER TABLE my_edits ADD COLUMN photo TEXT",
        "UPDATE my_edits SET comment = '', reviewer = '  ', merge_into = ''",
        "UPDATE my_edits SET decision = ' ', mapper = '' WHERE decision IS NULL",
    )
    edits = read_edits([work])
    assert same(plain, edits)
    assert any("my_edits" in n for n in edits.notes) and any("photo" in n for n in edits.notes)


@pytest.mark.parametrize(("name", "key"), [("candidates", "candidate"), ("current", "unit")])
def test_renamed_layers_beside(planned: tuple[Inputs, Path], tmp_path: Path, name: str, key: str) -> None:
    """Outlines to look at are known by their columns too: by those that a plan gives them."""
    inputs = planned[0]
    plan = make_plan(Request((inputs.inventory,), str(inputs.candidates), mappers=("anna",)))
    write_plan(plan, tmp_path / "work")
    plain = getattr(read_edits([tmp_path / "work"]), name)
    without_triggers(
        tmp_path / "work" / "anna.gpkg",
        f"ALTER TABLE {name} RENAME TO mine",
        f"UPDATE gpkg_contents SET table_name = 'mine' WHERE table_name = '{name}'",
        f"UPDATE gpkg_geometry_columns SET table_name = 'mine' WHERE table_name = '{name}'",
        "DELETE FROM gpkg_ogr_contents",
    )
    edits = read_edits([tmp_path / "work"])
    found = getattr(edits, name)
    assert len(found) and found[key].tolist() == plain[key].tolist()
    assert found.geometry.geom_equals(plain.geometry).all()
    assert any("mine" in note and name in note for note in edits.notes)


def test_types_of_geometry(work: Path, planned: tuple[Inputs, Path], unit: str) -> None:
    """Multi with one part, Z, and collections come as polygons in two dimensions; lines and null as none."""
    case = planned[0].case
    shape = case.outline["r0c2"]
    high = shapely.force_3d(shape, 4000.0)
    mixed = shapely.GeometryCollection([shape, shapely.LineString([(74.0, 37.5), (74.1, 37.5)])])
    table = gpd.read_file(work / "anna.gpkg", layer="tasks")
    at = {name: table.index[table["unit"] == case.unit[name]][0] for name in ("r0c0", "r0c2", "r0c3", "r1c0")}
    table.loc[at["r0c0"], "geometry"] = high
    table.loc[at["r0c2"], "geometry"] = mixed
    table.loc[at["r0c3"], "geometry"] = shape.exterior
    table.loc[at["r1c0"], "geometry"] = None
    table.to_file(work / "back.geojson", driver="GeoJSON")
    (work / "anna.gpkg").unlink()
    edits = read_edits([work])
    rows = edits.rows.set_index("unit")["geom"]
    assert not rows[case.unit["r0c0"]].has_z and rows[case.unit["r0c0"]].equals(shape)
    assert rows[case.unit["r0c2"]].equals(shape)
    assert rows[case.unit["r0c3"]] is None and rows[case.unit["r1c0"]] is None
    assert set(edits.rows["package"]) == {"anna", "ben"}


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "fgb", "shp", "parquet"])
def test_other_formats(work: Path, unit: str, suffix: str) -> None:
    """The layer exported to another format says the same, also under a Shapefile's cut names."""
    plain = read_edits([work])
    table = gpd.read_file(work / "anna.gpkg", layer="tasks")
    (work / "anna.gpkg").unlink()
    target = work / f"export of anna.{suffix}"
    if suffix == "parquet":
        table.to_parquet(target)
    else:
        table.to_file(target)
    digest = digests(work)
    edits = read_edits([work])
    assert digests(work) == digest
    assert same(plain, edits)
    assert not row_problems(edits) and edits.missing.empty


def test_deleted_rows_and_missing_packages(work: Path, unit: str) -> None:
    """A row that is gone and a package that was not handed back are told apart; neither is a decision."""
    without_triggers(work / "anna.gpkg", f"DELETE FROM tasks WHERE unit = '{unit}'")
    (work / "ben.gpkg").unlink()
    edits = read_edits([work])
    missing = edits.missing.set_index("task")
    assert bool(missing.loc[f"U:{unit}", "given"])
    ben = missing[missing["package"] == "ben"]
    assert len(ben) == 14 and not ben["given"].any()
    assert len(missing) == 15


def test_another_plan(work: Path, tmp_path: Path) -> None:
    """A package none of whose tasks the plan has is refused."""
    without_triggers(work / "ben.gpkg", "UPDATE tasks SET task = 'U:other' || fid, unit = NULL")
    with pytest.raises(InputError, match=r"ben\.gpkg is a package of another plan"):
        read_edits([work])


def test_columns_of_the_plan(work: Path, unit: str) -> None:
    """Changed keys are told row by row."""
    without_triggers(
        work / "anna.gpkg",
        f"UPDATE tasks SET unit = 'RGU1' WHERE unit = '{unit}'",
        "INSERT INTO tasks (task, geom) SELECT 'U:none', geom FROM tasks LIMIT 1",
    )
    found = row_problems(read_edits([work]))
    assert {(p.rule, p.task) for p in found} == {
        (Rule.PLAN_CHANGED, f"U:{unit}"),
        (Rule.UNKNOWN_TASK, "U:none"),
    }
    assert all(p.package == "anna" and p.file == "anna.gpkg" and p.row > 0 for p in found)


def test_rows_drawn_and_copied(work: Path, unit: str) -> None:
    """Drawn rows belong to the package of their file; copies keep their task."""
    draw(work / "ben.gpkg", "retrieve", octagon(75.0, 37.0), reason="seen", mapper="ben")
    copy_row(work / "anna.gpkg", f"U:{unit}")
    rows = read_edits([work]).rows
    drawn = rows[rows["task"].isna()]
    assert drawn["package"].tolist() == ["ben"] and drawn["file"].tolist() == ["ben.gpkg"]
    assert (rows["task"] == f"U:{unit}").sum() == 2


def test_no_plan_no_package_and_damaged_files(work: Path, tmp_path: Path) -> None:
    """What is lacking is said, with what to do."""
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copyfile(work / "anna.gpkg", alone / "anna.gpkg")
    with pytest.raises(InputError, match=r"There is no plan\.json in .*--plan"):
        read_edits([alone])
    assert len(read_edits([alone], plan=work).rows) == 21
    with pytest.raises(InputError, match="There is no work package"):
        read_edits([work / "plan.json"])
    (alone / "bad.gpkg").write_bytes(b"SQLite format 3\x00" + bytes(4000))
    with pytest.raises(InputError, match=r"bad\.gpkg"):
        read_edits([alone], plan=work)
    with pytest.raises(InputError, match="does not exist"):
        read_edits([work / "nobody.gpkg"])


def test_plans_of_another_format(work: Path) -> None:
    """A plan of a later version is refused, and one that is no plan."""
    plan = json.loads((work / "plan.json").read_text())
    for change, message in (({"format": 2}, "format 2"), ({"application": "x"}, "no plan of rogi update")):
        (work / "plan.json").write_text(json.dumps(plan | change))
        with pytest.raises(InputError, match=message):
            read_edits([work])
    (work / "plan.json").write_text("{")
    with pytest.raises(InputError, match="is no plan"):
        read_edits([work])
