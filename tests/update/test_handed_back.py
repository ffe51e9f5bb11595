"""What comes back beside plain packages: exports, copies of open files, wrong systems, days that are none."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely
from mapping import decide, draw, without_triggers
from packages import Inputs, make_work, octagon
from typer.testing import CliRunner

from rogi.cli.update import app
from rogi.errors import InputError
from rogi.inventory.read import read_inventory
from rogi.update.applying.lineage import lineage_text, read_operations
from rogi.update.deciding.edits import read_edits
from rogi.update.hands import people_notes
from rogi.update.problems import Rule
from rogi.update.status import review
from rogi.update.vocabulary import Operation


@pytest.fixture
def planned(tmp_path: Path) -> tuple[Inputs, Path]:
    return make_work(tmp_path)


def export(package: Path, to: Path, **options: object) -> None:
    """The tasks alone in a new file, in place of the package, as "Save features as" does."""
    tasks = pyogrio.read_dataframe(package, layer="tasks")
    package.unlink()
    pyogrio.write_dataframe(tasks, to, layer="my tasks", driver="GPKG", **options)


def test_an_exported_package_beside_one_that_was_not(planned: tuple[Inputs, Path]) -> None:
    """Units of the export are not unknown: undecided they are open, decided they ask for the inventory."""
    inputs, work = planned
    unit = inputs.case.unit
    decide(work / "anna.gpkg", f"U:{unit['r0c1']}", "remove", reason="scree")
    export(work / "anna.gpkg", work / "anna tasks (2).gpkg")
    state = review(read_edits([work]))
    assert [(p.rule, p.unit) for p in state.problems] == [("outline-not-held", unit["r0c1"])]
    assert "--inventory" in state.problems[0].message
    anna = state.packages[0]
    assert anna.problems == 1 and anna.open + anna.kept == anna.tasks - 1
    whole = review(read_edits([work]), read_inventory(inputs.inventory))
    assert not whole.problems and whole.packages[0].decided == 1


def test_a_unit_that_neither_plan_nor_inventory_has(planned: tuple[Inputs, Path]) -> None:
    without_triggers(
        planned[1] / "anna.gpkg", "INSERT INTO tasks (unit, geom) SELECT 'RGU0', geom FROM tasks LIMIT 1"
    )
    assert {p.rule for p in review(read_edits([planned[1]])).problems} == {"unknown-unit"}


@pytest.mark.parametrize("with_log", [False, True])
def test_a_copy_of_an_open_package_is_told(
    planned: tuple[Inputs, Path], tmp_path: Path, with_log: bool
) -> None:
    package = planned[1] / "anna.gpkg"
    with closing(sqlite3.connect(package)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    if with_log:
        package.with_name("anna.gpkg-wal").write_bytes(b"")
    assert package.read_bytes()[18:20] == b"\x02\x02"
    told = [note for note in read_edits([planned[1]]).notes if "write-ahead" in note]
    assert len(told) == (0 if with_log else 1)


@pytest.mark.parametrize("wrong", ["EPSG:32644", "EPSG:32643", "swapped", "EPSG:3857"])
def test_coordinates_of_another_system_are_said_to_be_that(planned: tuple[Inputs, Path], wrong: str) -> None:
    """A label that does not fit, by a zone or altogether, is one refusal and not an overlap for each row."""
    package = planned[1] / "anna.gpkg"
    tasks = pyogrio.read_dataframe(package, layer="tasks")
    if wrong == "swapped":
        tasks.geometry = shapely.transform(tasks.geometry.array, lambda xy: xy[:, ::-1])
    elif wrong == "EPSG:32644":  # computed in the zone beside
        tasks = tasks.to_crs(32643).set_crs(32644, allow_override=True)
    elif wrong == "EPSG:32643":  # metres that are said to be degrees
        tasks = tasks.to_crs(32643).set_crs(4326, allow_override=True)
    else:  # degrees that are said to be metres
        tasks = tasks.set_crs(3857, allow_override=True)
    package.unlink()
    pyogrio.write_dataframe(tasks, package, layer="tasks")
    told = r"anna\.gpkg states .* coordinates are of another system.* \(rows \d+, \d+, .* more\)"
    with pytest.raises(InputError, match=told):
        review(read_edits([planned[1]]), read_inventory(planned[0].inventory))


def test_another_system_that_is_stated_rightly_is_none_of_that(planned: tuple[Inputs, Path]) -> None:
    package = planned[1] / "anna.gpkg"
    tasks = pyogrio.read_dataframe(package, layer="tasks").to_crs(32643)
    package.unlink()
    pyogrio.write_dataframe(tasks, package, layer="tasks")
    assert not review(read_edits([planned[1]]), read_inventory(planned[0].inventory)).problems


@pytest.mark.parametrize("spoilt", [1, 4])
def test_a_few_outlines_that_are_nowhere_are_their_rows_and_not_the_system(
    planned: tuple[Inputs, Path], spoilt: int
) -> None:
    """Longitude 700 and 1e300, coordinates that are no numbers: four of five rows, and the rest goes on."""
    package = planned[1] / "anna.gpkg"
    tasks = pyogrio.read_dataframe(package, layer="tasks")
    rows = tasks.index[tasks["unit"].notna()]
    tasks = tasks.loc[rows[:5]].reset_index(drop=True)
    for k, x in enumerate([700.0, 1e300, float("nan"), 700.0][:spoilt]):
        outline = tasks.geometry.iat[k]
        xy = shapely.get_coordinates(outline)
        xy[2, 0] = x
        tasks.loc[k, "geometry"] = shapely.set_coordinates(outline, xy)
    package.unlink()
    pyogrio.write_dataframe(tasks, package, layer="tasks")
    state = review(read_edits([planned[1]]), read_inventory(planned[0].inventory))
    assert [p.rule for p in state.problems] == ["outline-unreadable"] * spoilt
    assert {p.row for p in state.problems} == set(range(1, spoilt + 1))


DAYS = {
    "2026-02-28": True, "2024-02-29": True, "2000-02-29": True, "2026-12-31": True, "2026-04-30": True,
    "2026-13-45": False, "2026-02-29": False, "1900-02-29": False, "2026-04-31": False, "2026-00-10": False,
    "2026-01-00": False, "2026-1a-01": False, "20x6-01-01": False, "0000-01-01": False, "2026-01-3": False,
}  # fmt: skip


@pytest.mark.parametrize("day", DAYS)
def test_a_date_is_a_day_of_the_calendar(planned: tuple[Inputs, Path], day: str) -> None:
    """The package refuses others; what got in all the same is a problem, and never 1970-01-01."""
    package, unit = planned[1] / "anna.gpkg", planned[0].case.unit["r0c1"]
    decide(package, f"U:{unit}", "remove", reason="scree", mapper="anna")
    change = f"UPDATE tasks SET date = '{day}' WHERE unit = '{unit}'"
    with closing(sqlite3.connect(package)) as connection:
        if DAYS[day]:
            connection.execute(change)
            connection.commit()
        else:
            with pytest.raises(sqlite3.IntegrityError, match="calendar"):
                connection.execute(change)
    if not DAYS[day]:
        without_triggers(package, change)
    edits = read_edits([planned[1]])
    assert edits.rows.loc[edits.rows["unit"] == unit, "date"].tolist() == [day]
    rules = [p.rule for p in review(edits).problems]
    assert rules == ([] if DAYS[day] else ["date-written"])


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2027-02-01", None),  # tomorrow: a mapper may be ahead of this clock
        ("2027-02-02", "the date is 2027-02-02, which has not come yet"),
        ("2099-08-02", "the date is 2099-08-02, which has not come yet"),
        ("1909-01-01", None),
        ("1850-08-02", "the date is 1850-08-02, before the first photographs from aeroplanes"),
    ],
)
def test_a_day_that_cannot_be_that_of_a_decision(
    planned: tuple[Inputs, Path], day: str, said: str | None
) -> None:
    unit = planned[0].case.unit["r0c1"]
    decide(planned[1] / "anna.gpkg", f"U:{unit}", "remove", reason="scree", mapper="anna", date=day)
    problems = review(read_edits([planned[1]])).problems
    assert [p.rule for p in problems] == (["date-impossible"] if said else [])
    assert not said or problems[0].message.startswith(said)


def test_odd_people_are_noted_and_applied(planned: tuple[Inputs, Path]) -> None:
    """A foreign mapper and a review of one's own may be right; a moved row keeps its mapper."""
    inputs, work = planned
    unit = inputs.case.unit
    values = {"reason": "scree", "mapper": "Zoë Müller", "reviewer": "zoë müller"}
    decide(work / "anna.gpkg", f"U:{unit['r0c1']}", "remove", **values)
    decide(work / "anna.gpkg", f"U:{unit['r1c1']}", "remove", reason="scree", mapper="ANNA ")
    edits = read_edits([work])
    rows = edits.rows.set_index("unit")["row"]
    number = rows[unit["r0c1"]]
    assert edits.notes == (
        f"anna.gpkg has decisions of another mapper than its package: Zoë Müller (row {number})",
        f"anna.gpkg has decisions whose reviewer is their mapper: Zoë Müller (row {number})",
    )
    assert not review(edits).problems
    anna, ben = edits.planned.packages
    moved = replace(
        edits.planned,
        packages=(anna, replace(ben, mapper="Zoë Müller")),
        raw={"moved": [{"from": "ben", "to": "anna", "tasks": []}]},
    )
    assert len(list(people_notes(edits.rows, moved, edits.saved))) == 1


def test_all_that_is_wrong_with_a_row_is_told_at_once(planned: tuple[Inputs, Path]) -> None:
    """A slip beside the decision does not hide what is wrong with the outline."""
    inputs, work = planned
    plan = json.loads((work / "plan.json").read_text())
    (work / "plan.json").write_text(json.dumps({**plan, "ask_front_rule": True}))
    unit = inputs.case.unit
    far = {"date": "2099-01-01", "mapper": "anna"}
    decide(work / "anna.gpkg", f"U:{unit['r0c1']}", "refine", octagon(74.05, 37.55), **far)
    without_triggers(
        work / "anna.gpkg",
        f"UPDATE tasks SET decision = 'split', mapper = NULL, reason = NULL WHERE unit = '{unit['r1c1']}'",
    )
    found = review(read_edits([work])).problems
    rules = {name: {p.rule for p in found if p.unit == unit[name]} for name in ("r0c1", "r1c1")}
    assert rules["r0c1"] == {"date-impossible", "front-rule-not-acknowledged", "refined-elsewhere"}
    assert rules["r1c1"] == {
        "reason-given", "mapper-given", "front-rule-not-acknowledged", "split-in-one-part",
    }  # fmt: skip


def test_conflicts_name_the_mappers(planned: tuple[Inputs, Path]) -> None:
    unit = planned[0].case.unit["r0c1"]
    anna = planned[1] / "anna.gpkg"
    (planned[1] / "copy.gpkg").write_bytes(anna.read_bytes())
    decide(anna, f"U:{unit}", "remove", reason="scree", mapper="Anna Q.")
    decide(planned[1] / "copy.gpkg", f"U:{unit}", "remain", mapper="Carla")
    [message] = {p.message for p in review(read_edits([planned[1]])).problems if p.rule == Rule.TWICE}
    assert "Anna Q. in anna" in message and "Carla in anna" in message


def test_a_sheet_of_tasks_is_named_and_the_plans_own_is_not(planned: tuple[Inputs, Path]) -> None:
    work = planned[1]
    gpd.read_file(work / "anna.gpkg", layer="tasks").drop(columns="geometry").to_csv(
        work / "anna back.csv", index=False
    )
    (work / "coffee.csv").write_text("name;cups\n", encoding="utf-8")
    told = [note for note in read_edits([work]).notes if "CSV" in note]
    assert len(told) == 1 and told[0].startswith("anna back.csv was ignored")


@pytest.mark.parametrize(("width", "listed"), [(0.0005, True), (0.0035, False)])
def test_an_outline_that_loses_most_of_its_unit_is_to_be_confirmed(
    planned: tuple[Inputs, Path], width: float, listed: bool
) -> None:
    """A unit of 0.004° half width becomes one of an eighth, or of seven eighths of it."""
    inputs, work = planned
    unit = inputs.case.unit["r0c1"]
    centre = inputs.case.outline["r0c1"].centroid
    decide(work / "anna.gpkg", f"U:{unit}", "refine", octagon(centre.x, centre.y, width), mapper="Anna")
    state = review(read_edits([work]))
    assert not state.problems
    lines = state.examination.to_confirm
    assert len(lines) == listed
    if listed:
        assert lines[0].startswith(f"{unit}: refine by Anna keeps 1") and "% of the outline" in lines[0]
        shown = CliRunner().invoke(app, ["status", str(work)])
        assert "to confirm: " in shown.stdout


def test_a_split_of_which_most_is_left_out_is_to_be_confirmed(planned: tuple[Inputs, Path]) -> None:
    inputs, work = planned
    unit, centre = inputs.case.unit["r0c1"], inputs.case.outline["r0c1"].centroid
    west, east = (octagon(centre.x + shift, centre.y, 0.0006, 0.0025) for shift in (-0.001, 0.001))
    decide(work / "anna.gpkg", f"U:{unit}", "split", west, reason="two lobes", mapper="Anna")
    draw(work / "anna.gpkg", "split", east, unit=unit, reason="two lobes", mapper="Anna")
    state = review(read_edits([work]))
    assert not state.problems
    assert [line.split(" keeps")[0] for line in state.examination.to_confirm] == [f"{unit}: split by Anna"]


def test_lineage_is_safe_in_a_spreadsheet_and_reads_back(tmp_path: Path) -> None:
    made = Operation("1.1", "A", "remain", "A", "A", "", "", "", "", "", "", 0.5, 0.5, "")
    odd = ["=HYPERLINK(1)", "+1+1", "@x", "-2+3", "'quoted", "''", "-3.5", "plain", "\t=1"]
    given = tuple(replace(made, comment=text, mapper=text, reason=text) for text in odd)
    text = lineage_text(given)
    cells = [cell for line in text.splitlines()[1:] for cell in line.split(",")]
    assert not [c for c in cells if c.startswith(("=", "+", "@", "-2", "\t"))]
    (tmp_path / "lineage.csv").write_text(text, encoding="utf-8")
    assert read_operations(tmp_path / "lineage.csv") == given
