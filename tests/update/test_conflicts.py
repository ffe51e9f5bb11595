"""Every rule of what is legal, by a decision that breaks it and is held, beside one that is applied."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from mapping import applied, copy_row, decide, draw, looked_at, split, without_triggers
from packages import HALF_WIDTH, SOUTH, STEP, WEST, Inputs, make_work, octagon
from shapely.affinity import scale, translate

from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.schema.model import Role
from rogi.update.deciding.decisions import Status
from rogi.update.deciding.legality import broken_constraints
from rogi.update.problems import Rule
from rogi.update.vocabulary import CONSTRAINTS


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, Path]:
    return make_work(tmp_path_factory.mktemp("planned"))


@pytest.fixture
def team(planned: tuple[Inputs, Path], tmp_path: Path) -> Team:
    return Team(planned[0], Path(shutil.copytree(planned[1], tmp_path / "work")))


class Team:
    """A work folder and short names for its tasks."""

    def __init__(self, inputs: Inputs, work: Path) -> None:
        self.inputs, self.work, self.case = inputs, work, inputs.case
        self.anna, self.ben = work / "anna.gpkg", work / "ben.gpkg"

    def unit(self, name: str) -> str:
        return self.case.unit[name]

    def task(self, name: str) -> str:
        return f"U:{self.unit(name)}"

    def rules(self) -> set[tuple[str, str]]:
        """Rule, and unit or task, of all problems but those of rows that are held with others."""
        problems = looked_at(self.inputs, self.work).problems
        return {(str(p.rule), p.unit or p.task) for p in problems if p.rule != Rule.CASE_HELD}

    def gone(self) -> set[str]:
        """IDs that the update retires."""
        return {s.id for s in applied(self.inputs, self.work).retired}


def test_nothing_decided_is_nothing_wrong(team: Team) -> None:
    """A plan without decisions has open tasks only."""
    looked = looked_at(team.inputs, team.work)
    assert not looked.problems and looked.open_tasks == 35 - 7
    assert not looked.complete and len(looked.made) == 0


@pytest.mark.parametrize("name", [rule.name for rule in CONSTRAINTS if rule.name != "date-written"])
def test_constraints_hold_without_triggers(team: Team, name: str) -> None:
    """Each constraint of the model is found in a file whose triggers are gone, in that row only."""
    where = f"WHERE unit = '{team.unit('r0c1')}'"
    candidate = "WHERE task = 'C:C-0-new'"
    breaking = {
        "decision-known": f"UPDATE tasks SET decision = 'delete', mapper = 'anna' {where}",
        "decision-for-unit": f"UPDATE tasks SET decision = 'retrieve', reason = 'x', mapper = 'a' {where}",
        "decision-for-candidate": f"UPDATE tasks SET decision = 'remain', mapper = 'a' {candidate}",
        "reason-given": f"UPDATE tasks SET decision = 'remove', reason = ' ', mapper = 'anna' {where}",
        "mapper-given": f"UPDATE tasks SET decision = 'remain' {where}",
        "merge-target": f"UPDATE tasks SET decision = 'merge', reason = 'x', mapper = 'anna' {where}",
    }
    without_triggers(team.anna, breaking[name])
    looked = looked_at(team.inputs, team.work)
    expected = "C:C-0-new" if name == "decision-for-candidate" else team.unit("r0c1")
    assert name in {p.rule for p in looked.problems}
    assert {p.unit or p.task for p in looked.problems} == {expected}
    assert (looked.found.status == Status.HELD).sum() == 1


def test_dates_are_dates(team: Team) -> None:
    """A text that is no date, as exports may hold one, breaks the constraint."""
    rows = looked_at(team.inputs, team.work).edits.rows.copy()
    rows.loc[3, "date"] = "31.7.2026"
    rows.loc[4, "date"] = "2026-07-31"
    assert [(name, found) for name, _, found in broken_constraints(rows)] == [("date-written", [3])]


def shifted(shape: shapely.Polygon, by: float) -> shapely.Polygon:
    return translate(shape, by * 2 * HALF_WIDTH, 0.0)


Break = Callable[[Team], None]
BROKEN: dict[str, tuple[Break, str, str]] = {
    "far": (
        lambda t: decide(t.anna, t.task("r0c1"), "refine", shifted(t.case.outline["r0c1"], 0.8)),
        Rule.FAR_FROM_OLD,
        "r0c1",
    ),
    "same": (lambda t: decide(t.anna, t.task("r0c1"), "refine"), Rule.NOT_CHANGED, "r0c1"),
    "changed": (
        lambda t: decide(t.anna, t.task("r0c1"), "remain", scale(t.case.outline["r0c1"], 0.9, 0.9)),
        Rule.CHANGED_ANYWAY,
        "r0c1",
    ),
    "bowtie": (
        lambda t: decide(
            t.anna,
            t.task("r0c2"),
            "refine",
            shapely.Polygon([(74.038, 37.498), (74.042, 37.502), (74.042, 37.498), (74.038, 37.502)]),
        ),
        Rule.NOT_VALID,
        "r0c2",
    ),
    "parts": (
        lambda t: decide(
            t.anna,
            t.task("r0c2"),
            "refine",
            shapely.MultiPolygon([octagon(74.038, 37.5, 0.0018), octagon(74.042, 37.5, 0.0018)]),
        ),
        Rule.SEVERAL_PARTS,
        "r0c2",
    ),
    "small": (
        lambda t: decide(t.anna, t.task("r0c2"), "refine", octagon(74.04, 37.5, 0.0004, 0.0004)),
        Rule.TOO_SMALL,
        "r0c2",
    ),
    "two candidates": (
        lambda t: decide(t.anna, t.task("r0c3"), "refine", use_candidate=1),
        Rule.CANDIDATE_MISSING,
        "r0c3",
    ),
    "both outlines": (
        lambda t: decide(
            t.anna, t.task("r0c1"), "refine", scale(t.case.outline["r0c1"], 0.9, 0.9), use_candidate=1
        ),
        Rule.DRAWN_TOO,
        "r0c1",
    ),
    "tick and remain": (
        lambda t: decide(t.anna, t.task("r0c1"), "remain", use_candidate=1),
        Rule.NOT_TAKEN,
        "r0c1",
    ),
    "tick and remove": (
        lambda t: decide(t.anna, t.task("r0c1"), "remove", use_candidate=1, reason="scree"),
        Rule.NOT_TAKEN,
        "r0c1",
    ),
    "one part": (
        lambda t: decide(t.anna, t.task("r0c3"), "split", octagon(74.06, 37.5, 0.002), reason="x"),
        Rule.ONE_PART,
        "r0c3",
    ),
    "part outside": (
        lambda t: split(
            t.anna,
            t.task("r0c3"),
            [octagon(74.058, 37.5, 0.0018), shifted(octagon(74.062, 37.5, 0.0018), 0.4)],
        ),
        Rule.PART_OUTSIDE,
        "r0c3",
    ),
    "parts overlap": (
        lambda t: split(
            t.anna, t.task("r0c3"), [octagon(74.059, 37.5, 0.0025), octagon(74.061, 37.5, 0.0025)]
        ),
        Rule.PARTS_OVERLAP,
        "r0c3",
    ),
    "unknown target": (
        lambda t: decide(t.anna, t.task("r0c5"), "merge", merge_into="RGU1", reason="x"),
        Rule.MERGE_TARGET,
        "r0c5",
    ),
    "itself": (
        lambda t: decide(t.anna, t.task("r0c5"), "merge", merge_into=t.unit("r0c5"), reason="x"),
        Rule.MERGE_ITSELF,
        "r0c5",
    ),
    "open target": (
        lambda t: decide(t.anna, t.task("r0c5"), "merge", merge_into=t.unit("r0c4"), reason="x"),
        Rule.MERGE_OPEN,
        "r0c5",
    ),
    "far target": (
        lambda t: decide(t.anna, t.task("r0c2"), "merge", merge_into=t.unit("r0c0"), reason="x"),
        Rule.MERGE_FAR,
        "r0c2",
    ),
    "overlap": (
        lambda t: decide(t.anna, t.task("r0c4"), "refine", octagon(WEST + 4 * STEP + 0.002, SOUTH, 0.006)),
        Rule.OVERLAP,
        "r0c4",
    ),
    "new over old": (
        lambda t: draw(t.anna, "retrieve", octagon(74.02, 37.5, 0.002, 0.002), reason="x"),
        Rule.OVERLAP,
        "",
    ),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_held_with_its_reason(team: Team, name: str) -> None:
    """What is not legal is held, named, and changes nothing; a sound decision beside it is applied."""
    act, rule, unit = BROKEN[name]
    act(team)
    decide(team.anna, team.task("r1c2"), "remove", reason="scree")
    assert team.rules() == {(rule, team.unit(unit) if unit else "")}
    result = applied(team.inputs, team.work)
    assert [o.unit for o in result.operations] == [team.unit("r1c2")]
    assert {s.id for s in result.retired} == {team.unit("r1c2")}


def test_merge_chains_and_cycles(team: Team) -> None:
    """A unit that goes takes none in: of a chain the second step stands alone, of a cycle none."""
    for name, into in (("r0c5", "r0c4"), ("r0c4", "r0c5")):
        decide(team.anna, team.task(name), "merge", merge_into=team.unit(into), reason="one")
    decide(team.anna, team.task("r1c5"), "merge", merge_into=team.unit("r1c4"), reason="one")
    decide(team.anna, team.task("r1c4"), "remove", reason="scree")
    assert team.rules() == {
        (Rule.MERGE_CHAIN, team.unit("r0c4")),
        (Rule.MERGE_CHAIN, team.unit("r0c5")),
        (Rule.MERGE_CHAIN, team.unit("r1c5")),
    }
    assert not team.gone() & {team.unit("r0c4"), team.unit("r0c5"), team.unit("r1c5")}


def test_merged_outline_covers_its_units(team: Team) -> None:
    """A drawn whole that leaves a unit out is told for that unit; the survivor's edit waits with it."""
    near = translate(team.case.outline["r0c4"], 0.0003, 0.0)
    decide(team.anna, team.task("r0c4"), "refine", near)
    decide(team.anna, team.task("r0c5"), "merge", merge_into=team.unit("r0c4"), reason="one")
    assert {(p.rule, p.unit) for p in looked_at(team.inputs, team.work).problems} == {
        (Rule.MERGE_UNCOVERED, team.unit("r0c5")),
        (Rule.CASE_HELD, team.unit("r0c4")),
    }
    assert team.gone() == set()


def test_units_that_do_not_touch_are_drawn_by_hand(team: Team) -> None:
    """A union in two parts is no outline; drawn around both it is one."""
    apart = scale(team.case.outline["r0c5"], 0.9, 0.9)
    decide(team.anna, team.task("r0c5"), "refine", apart)
    assert team.rules() == set()
    whole = shapely.union_all([team.case.outline["r0c4"], team.case.outline["r0c5"]]).convex_hull
    decide(team.anna, team.task("r0c4"), "refine", whole)
    decide(team.anna, team.task("r0c5"), "merge", team.case.outline["r0c5"],
           merge_into=team.unit("r0c4"), reason="one")  # fmt: skip
    assert team.rules() == set() and team.gone() == {team.unit("r0c5")}


def test_front_rule_only_where_asked(team: Team) -> None:
    """New outlines need the tick if the plan asks for it."""
    decide(team.anna, "C:C-0-new", "retrieve", reason="front")
    decide(team.anna, "C:C-1-new", "retrieve", reason="front", front_50m=1)
    assert team.rules() == set()
    plan = json.loads((team.work / "plan.json").read_text())
    (team.work / "plan.json").write_text(json.dumps(plan | {"parameters": {"ask_front_rule": True}}))
    assert team.rules() == {(Rule.FRONT, "C:C-0-new")}


def test_a_new_unit_beside_another(team: Team) -> None:
    """Two new units whose middles are 30 m apart without overlap cannot be two: a ring and what it holds."""
    middle = octagon(73.9, 37.5, 0.0012, 0.0012)
    ring = octagon(73.9, 37.5, 0.003, 0.003).difference(octagon(73.9, 37.5, 0.0013, 0.0013))
    slit = shapely.box(73.9, 37.4, 73.90002, 37.5)
    draw(team.anna, "retrieve", middle, reason="x")
    draw(team.ben, "retrieve", ring.difference(slit), reason="x", mapper="ben")
    rules = {p.rule for p in looked_at(team.inputs, team.work).problems}
    assert rules <= {Rule.DUPLICATE, Rule.OVERLAP}


def test_one_unit_for_another(team: Team) -> None:
    """A new outline in the place of a removed unit would be that unit under another ID: both are held."""
    decide(team.anna, team.task("r0c2"), "remove", reason="scree")
    draw(team.ben, "retrieve", scale(team.case.outline["r0c2"], 0.95, 0.95), reason="x", mapper="ben")
    looked = looked_at(team.inputs, team.work)
    assert {(p.rule, p.unit, p.conflict) for p in looked.problems} == {
        (Rule.TAKES_PLACE, team.unit("r0c2"), True),
        (Rule.TAKES_PLACE, "", True),
    }
    assert team.gone() == set()


def test_edited_twice(team: Team) -> None:
    """Two files that decide differently on one unit: both versions are told, neither is applied."""
    copy = team.work / "anna second try.gpkg"
    shutil.copyfile(team.anna, copy)
    decide(team.anna, team.task("r0c1"), "remove", reason="scree")
    decide(copy, team.task("r0c1"), "refine", use_candidate=1)
    decide(copy, team.task("r0c2"), "remove", reason="scree")
    looked = looked_at(team.inputs, team.work)
    assert {(p.rule, p.unit, p.file) for p in looked.problems} == {
        (Rule.TWICE, team.unit("r0c1"), "anna.gpkg"),
        (Rule.TWICE, team.unit("r0c1"), "anna second try.gpkg"),
    }
    assert team.gone() == {team.unit("r0c2")}
    # What both say, or only one says, is said once.
    assert (looked.found.status == Status.COPY).sum() == 20


@pytest.mark.parametrize("way", ["turned", "reversed", "finer", "noise"])
def test_the_old_outline_drawn_again_is_no_refinement(team: Team, way: str) -> None:
    """Another first vertex or direction, vertices on its edges, less than 1 m²: none. More is one."""
    old = team.case.outline["r0c1"]
    ring = shapely.get_coordinates(old)
    again = {
        "turned": shapely.Polygon(np.roll(ring[:-1], 3, axis=0)),
        "reversed": shapely.Polygon(ring[::-1]),
        "finer": shapely.segmentize(old, 0.001),
        "noise": shapely.Polygon([ring[0] + [0, 2e-10], *ring[1:-1]]),
    }[way]
    decide(team.anna, team.task("r0c1"), "refine", again)
    looked = looked_at(team.inputs, team.work)
    assert [(p.rule, p.unit) for p in looked.problems] == [(Rule.NOT_CHANGED, team.unit("r0c1"))]
    assert len(looked.made) == 0
    moved = shapely.Polygon([ring[0] + [1e-5, 0], *ring[1:-1]])  # a metre, of an edge of hundreds
    decide(team.anna, team.task("r0c1"), "refine", moved)
    assert team.rules() == set()


def test_a_copy_that_breaks_a_constraint_is_told_once(team: Team) -> None:
    """The copy says nothing of its own: the row that is kept has the problem, and keeps the decision back."""
    decide(team.anna, team.task("r0c1"), "remove", reason="scree")
    copy_row(team.anna, team.task("r0c1"))
    without_triggers(team.anna, f"UPDATE tasks SET reason = ' ' WHERE unit = '{team.unit('r0c1')}'")
    looked = looked_at(team.inputs, team.work)
    assert [(p.rule, p.unit) for p in looked.problems] == [("reason-given", team.unit("r0c1"))]
    of_unit = looked.found.text("unit") == team.unit("r0c1")
    assert sorted(looked.found.status[of_unit]) == sorted([Status.COPY, Status.HELD])
    assert team.gone() == set()


def test_a_unit_is_merged_into_one_that_has_a_copy(team: Team) -> None:
    """Copies of the target do not make it undecided, nor twice decided."""
    decide(team.anna, team.task("r0c4"), "remain")
    copy_row(team.anna, team.task("r0c4"))
    copy_row(team.anna, team.task("r0c4"), decision=None, mapper=None)
    decide(team.anna, team.task("r0c5"), "merge", merge_into=team.unit("r0c4"), reason="one tongue")
    assert team.rules() == set()
    assert team.gone() == {team.unit("r0c5")}


def test_copied_rows(team: Team) -> None:
    """Copy and paste: the same row again is one, a different one is a contradiction."""
    decide(team.anna, team.task("r0c1"), "remove", reason="scree")
    copy_row(team.anna, team.task("r0c1"))
    copy_row(team.anna, team.task("r0c1"), decision=None, reason=None, mapper=None)
    assert team.rules() == set() and team.gone() == {team.unit("r0c1")}
    copy_row(team.anna, team.task("r0c1"), decision="remain")
    assert {rule for rule, _ in team.rules()} == {Rule.ROWS_DISAGREE} and team.gone() == set()


def test_candidates_may_be_split(team: Team) -> None:
    """A candidate cut in two gives two units, or one and a rejected piece; pieces that overlap are held."""
    one, two = octagon(73.9785, 37.5, 0.0014, 0.002), octagon(73.9815, 37.5, 0.0014, 0.002)
    decide(team.anna, "C:C-0-new", "retrieve", one, reason="two lobes")
    copy_row(team.anna, "C:C-0-new", two)
    result = applied(team.inputs, team.work)
    assert [o.operation for o in result.operations] == ["retrieve", "retrieve"]
    decide(team.anna, "C:C-1-new", "retrieve", translate(one, 0.0, STEP), reason="upper lobe")
    copy_row(team.anna, "C:C-1-new", translate(two, 0.0, STEP), decision="remove", reason="moraine")
    assert len(applied(team.inputs, team.work).operations) == 3
    decide(team.anna, "C:C-2-new", "retrieve", translate(one, 0.0, 2 * STEP), reason="x")
    copy_row(team.anna, "C:C-2-new", translate(one, 0.001, 2 * STEP))
    assert team.rules() == {(Rule.PARTS_OVERLAP, "C:C-2-new")}


def test_what_is_held_comes_back_into_the_way(team: Team) -> None:
    """A unit shrinks and makes room for its neighbour; where the shrinking is held, so is the growing."""
    west, east = team.case.outline["r0c4"], team.case.outline["r0c5"]
    room = 0.002
    clip = shapely.box(74.0, 37.0, 74.084 - room, 38.0)
    smaller = west.intersection(clip)
    larger = east.union(west.difference(clip)).buffer(0)
    decide(team.anna, team.task("r0c4"), "refine", smaller)
    decide(team.anna, team.task("r0c5"), "refine", larger)
    assert team.rules() == set()
    without_triggers(team.anna, f"UPDATE tasks SET mapper = NULL WHERE unit = '{team.unit('r0c4')}'")
    assert team.rules() == {("mapper-given", team.unit("r0c4")), (Rule.OVERLAP, team.unit("r0c5"))}


def test_overlaps_that_were_there_stay_legal(team: Team, tmp_path: Path) -> None:
    """Units that overlapped before may still overlap after one of them is refined elsewhere."""
    base = read_inventory(team.inputs.inventory)
    layer = base.layer(Role.OUTLINE)
    assert layer is not None
    row = int((layer.frame["ID"] == team.unit("r0c5")).argmax())
    layer.frame.loc[row, "geometry"] = translate(team.case.outline["r0c5"], -0.001, 0.0)
    other = tmp_path / "overlapping.gpkg"
    write_inventory(base, other)
    lower = team.case.outline["r0c4"].intersection(shapely.box(74.0, 37.4985, 74.2, 38.0))
    decide(team.anna, team.task("r0c4"), "refine", lower)
    assert not looked_at(replace(team.inputs, inventory=other), team.work).problems
