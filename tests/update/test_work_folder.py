"""What lies in a work folder stays what it was: open packages, the list of tasks, an inventory in parts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pytest
from packages import Inputs, write_inputs

from rogi.errors import InputError, OutputError
from rogi.files import write_bytes
from rogi.update import work_folder
from rogi.update.planning.plan import Plan, Request, make_plan
from rogi.update.planning.plan_content import inventory_sha256
from rogi.update.planning.stored_plan import read_plan
from rogi.update.work_folder import check_folder, write_plan

LEFT_OPEN = (
    "import os, sqlite3, sys\n"
    "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    "c.execute('PRAGMA journal_mode = WAL')\n"
    "c.execute('CREATE TABLE looked_at (x)')\n"
    "os._exit(0)\n"
)
"""What a program leaves that looked at a package and was killed: a log that belongs to this very file."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def plan(inputs: Inputs) -> Plan:
    return make_plan(Request((inputs.inventory,), str(inputs.candidates), mappers=("anna", "ben")))


@pytest.fixture
def work(plan: Plan, tmp_path: Path) -> Path:
    write_plan(plan, tmp_path / "work")
    return tmp_path / "work"


def test_open_package_is_not_replaced(plan: Plan, work: Path) -> None:
    """The log of the old package would be taken for a part of the new one; an empty one goes with it."""
    subprocess.run([sys.executable, "-c", LEFT_OPEN, str(work / "anna.gpkg")], check=True)
    before = {p.name: p.read_bytes() for p in work.iterdir()}
    assert before["anna.gpkg-wal"]
    with pytest.raises(OutputError, match=r"anna\.gpkg is open in another program, or was not closed"):
        check_folder(work)
    with pytest.raises(OutputError, match="close it there"):
        write_plan(plan, work)
    assert {p.name: p.read_bytes() for p in work.iterdir()} == before
    (work / "anna.gpkg-wal").write_bytes(b"")
    write_plan(plan, work)
    assert not {"anna.gpkg-wal", "anna.gpkg-shm"} & {p.name for p in work.iterdir()}


def test_no_file_is_written_over_one_that_is_open(work: Path) -> None:
    """All that writes whole files keeps away from a database with a log."""
    subprocess.run([sys.executable, "-c", LEFT_OPEN, str(work / "anna.gpkg")], check=True)
    with pytest.raises(OutputError, match="is open in another program"):
        write_bytes(work / "anna.gpkg", b"other")


def test_mapper_who_begins_while_it_is_written(
    plan: Plan, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision that comes between the first look and the end keeps the folder."""
    from mapping import decide

    task = str(plan.tasks["task"].iloc[0])
    kml = work_folder.uncertain_kml

    def late(made: Plan) -> str:
        decide(work / "anna.gpkg", task, "unsure")
        return kml(made)

    monkeypatch.setattr(work_folder, "uncertain_kml", late)
    with pytest.raises(OutputError, match=r"anna\.gpkg contains work of a mapper in 1 row"):
        write_plan(plan, work)


def test_tasks_that_left_the_list(work: Path) -> None:
    """A task that is in no list would not be missed, so the list is compared with what the plan says."""
    lines = (work / "tasks.csv").read_text().splitlines(keepends=True)
    (work / "tasks.csv").write_text("".join([lines[0], *reversed(lines[1:])]))
    assert len(read_plan(work).tasks) == len(lines) - 1
    (work / "tasks.csv").write_text("".join(lines[:-1]))
    with pytest.raises(InputError, match=r"tasks\.csv has not the tasks of package ben"):
        read_plan(work)


def test_parts_of_a_shapefile(inputs: Inputs, plan: Plan, tmp_path: Path) -> None:
    """IDs of a Shapefile are in its table, so the inventory is another one where the table is."""
    outlines = gpd.read_file(inputs.inventory, layer="TPRoGI_Extended_Footprint")
    for name in ("v1.0", "v1.0.older"):
        (tmp_path / name).mkdir()
        outlines.to_file(tmp_path / name / "v1.0.shp")
    paths = [tmp_path / name / "v1.0.shp" for name in ("v1.0", "v1.0.older")]
    shutil.copy(tmp_path / "v1.0.older" / "v1.0.dbf", tmp_path / "v1.0.older" / "v1.0.old.dbf")
    assert inventory_sha256(paths[:1]) == inventory_sha256(paths[1:])
    made = make_plan(replace(plan.request, inventory=(paths[0],)))
    assert made.content["inventory"]["sha256"] == inventory_sha256(paths[:1])[0]
    table = paths[1].with_suffix(".dbf").read_bytes()
    paths[1].with_suffix(".dbf").write_bytes(table.replace(b"RGU375000N0740000E", b"RGU375000N0740001E"))
    assert inventory_sha256(paths[:1]) != inventory_sha256(paths[1:])
