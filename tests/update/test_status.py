"""How far a review is: counts per package and area, problems, and what the rules say of edited outlines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import shapely
from mapping import decide, digests, draw, without_triggers
from packages import Inputs, make_work, octagon
from typer.testing import CliRunner

from rogi.cli.update import app
from rogi.inventory.read import read_inventory
from rogi.update.deciding.edits import read_edits
from rogi.update.status import Review, review


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, Path]:
    inputs, work = make_work(tmp_path_factory.mktemp("planned"))
    unit = inputs.case.unit
    anna, ben = work / "anna.gpkg", work / "ben.gpkg"
    decide(anna, f"U:{unit['r0c1']}", "remove", reason="scree")
    decide(anna, f"U:{unit['r0c2']}", "unsure")
    decide(anna, f"U:{unit['r1c1']}", "refine")
    needle = shapely.Polygon([(74.039995, 37.5229), (74.040005, 37.5229), (74.04, 37.526)])
    spike = shapely.union(octagon(74.04, 37.52), needle)
    decide(anna, f"U:{unit['r1c2']}", "refine", spike)
    draw(ben, "retrieve", octagon(73.9, 37.5), reason="seen", mapper="ben", reviewer="ben")
    without_triggers(ben, f"DELETE FROM tasks WHERE unit = '{unit['r3c1']}'")
    return inputs, work


@pytest.fixture(scope="module")
def state(planned: tuple[Inputs, Path]) -> Review:
    return review(read_edits([planned[1]]))


def test_counts(state: Review) -> None:
    """Worked by hand: each task is in one state; unchanged units that nobody touched need no decision."""
    anna, ben = state.packages
    assert (anna.package, anna.tasks, anna.decided, anna.kept) == ("anna", 21, 2, 3)
    assert (anna.unsure, anna.open, anna.problems, anna.missing) == (1, 14, 1, 0)
    assert (ben.tasks, ben.decided, ben.kept, ben.open, ben.missing) == (14, 0, 4, 9, 1)
    assert anna.done == pytest.approx(5 / 21) and state.drawn == 1 and not state.complete
    assert [a.area for a in state.areas] == ["A1", "A1"]
    assert (anna.last_edit, anna.people, ben.people) == ("2026-08-15", ("anna",), ("ben",))
    assert [(p.rule, p.package) for p in state.problems] == [("outline-not-changed", "anna")]


def test_rules_on_edited_outlines(planned: tuple[Inputs, Path], state: Review) -> None:
    """A spike, and a mapper who reviews their own work, are found on the rows that have them."""
    unit = planned[0].case.unit
    found = {(code, task) for code, task in zip(state.findings["code"], state.findings["task"], strict=True)}
    assert ("GEO010", f"U:{unit['r1c2']}") in found
    assert {task for _, task in found} <= {f"U:{unit['r1c2']}", ""}
    whole = review(read_edits([planned[1]]), read_inventory(planned[0].inventory))
    rules = {(c, p) for c, p in zip(whole.findings["code"], whole.findings["package"], strict=True)}
    assert ("REV002", "ben") in rules and ("GEO010", "anna") in rules


def test_command(planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """Text, JSON and a page say the same; packages are not touched."""
    work = Path(shutil.copytree(planned[1], tmp_path / "work"))
    before = digests(work)
    shown = CliRunner().invoke(app, ["status", str(work)])
    assert shown.exit_code == 1 and "not complete yet." in shown.stdout
    assert "problem: anna" in shown.stdout and "1 row drawn without a task" in shown.stdout
    made = json.loads(CliRunner().invoke(app, ["status", str(work), "--format", "json"]).stdout)
    assert made["packages"][0]["people"] == ["anna"] and "2026-08-15  anna" in shown.stdout
    assert made["packages"][0]["tasks"] == 21 and made["problems"][0]["rule"] == "outline-not-changed"
    page = tmp_path / "status.html"
    done = CliRunner().invoke(app, ["status", str(work), "--format", "html", "-o", str(page)])
    assert done.exit_code == 1 and "outline-not-changed" in page.read_text(encoding="utf-8")
    assert digests(work) == before


def test_all_decided(planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """Exit code 0 once nothing is left."""
    inputs, work = make_work(tmp_path)
    for package in (work / "anna.gpkg", work / "ben.gpkg"):
        without_triggers(
            package,
            "UPDATE tasks SET decision = CASE WHEN unit IS NULL THEN 'remove' ELSE 'remain' END,"
            " mapper = 'anna', reason = 'seen'",
        )
    done = CliRunner().invoke(app, ["status", str(work)])
    assert done.exit_code == 0 and "all is decided and can be applied." in done.stdout
    out = tmp_path / "v1.1.gpkg"
    command = ["apply", str(work), "--inventory", str(inputs.inventory), "-o", str(out), "--strict"]
    assert CliRunner().invoke(app, command).exit_code == 0 and out.is_file()
