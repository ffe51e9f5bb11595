"""Any decisions, legal or not: IDs, tombstones, areas, lineage and `rogi release diff` agree."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from packages import COLUMNS, CRS, ROWS, SOUTH, STEP, WEST, candidate_frame, make_case, make_inventory

from packages import octagon, task_frame  # isort: skip
from shapely.affinity import scale, translate

from rogi.inventory.model import Inventory
from rogi.release.differences.difference import difference
from rogi.update.applying.lineage import lineage_text, replay
from rogi.update.applying.new_version import Applied, apply
from rogi.update.applying.summary import area_balance, candidate_counts, expected_difference
from rogi.update.deciding.edits import Edits, collect
from rogi.update.deciding.examination import Examination, examine
from rogi.update.packages.files import TaskTable
from rogi.update.planning.stored_plan import Package, Planned, planned_from
from rogi.update.vocabulary import FOR_CANDIDATES, FOR_UNITS, TASK_COLUMNS, Decision

CASE = make_case()
MAPPERS = ("anna", "ben")
EDITABLE = [c.name for c in TASK_COLUMNS if c.editable]
Row = dict[str, Any]


@cache
def base() -> Inventory:
    return make_inventory(CASE)


@cache
def tasks() -> pd.DataFrame:
    """The tasks as rows of a package, with their package."""
    frame = task_frame(CASE)
    frame = pd.DataFrame(frame.assign(geom=frame.geometry)).drop(columns="geometry")
    row = ((shapely.get_y(shapely.centroid(np.array(frame["geom"]))) - SOUTH) / STEP).round().astype(int)
    frame["package"] = [MAPPERS[k * len(MAPPERS) // ROWS] for k in row]
    return frame.astype(object).where(frame.notna(), None)


@cache
def planned() -> Planned:
    packages = tuple(Package(name, f"{name}.gpkg", name) for name in MAPPERS)
    return planned_from({}, packages, tasks().drop(columns="geom"), Path("plan.json"))


def edits_of(changes: dict[str, list[Row]], drawn: list[Row], reverse: bool = False) -> Edits:
    """Edits in memory: the rows of each task, changed, and rows that were drawn."""
    rows: dict[str, list[Row]] = {name: [] for name in MAPPERS}
    for record in tasks().to_dict("records"):
        for change in changes.get(record["task"], [{}]):
            rows[record["package"]].append(record | change)
    for k, record in enumerate(drawn):
        rows[MAPPERS[k % 2]].append(record)
    tables = []
    found = candidate_frame(CASE).rename(columns={"candidate_id": "candidate"})
    for name in MAPPERS:
        table = pd.DataFrame(rows[name], columns=[*(c.name for c in TASK_COLUMNS), "geom"])
        order = np.arange(len(table))[:: -1 if reverse else 1]
        frame = gpd.GeoDataFrame(table.iloc[order].reset_index(drop=True), geometry="geom", crs=CRS)
        tables.append(TaskTable(frame, f"{name}.gpkg", order.astype(np.int64) + 1, name, None, found))
    return collect(planned(), tables[:: -1 if reverse else 1], CRS)


def by(decision: Decision, shape: Any = None, **values: Any) -> Row:
    row = {"decision": decision.value, "mapper": "anna", "date": "2026-08-15", "reason": "seen", **values}
    return row | ({} if shape is None else {"geom": shape})


def keeps_its_promises(looked: Examination, done: Applied) -> None:
    """What holds of every update."""
    layer = looked.units.layer
    before = set(layer.frame["ID"])
    new = next(x for x in done.inventory.layers if x.role is layer.role).frame
    after = set(new["ID"])
    assert len(after) == len(new), "IDs are unique"
    stones = {s.id: s for s in done.retired}
    assert set(stones) == before - after, "every retired ID has a tombstone"
    assert all(s.reason and set(s.replaced_by) <= after for s in stones.values())
    assert replay(before, done.operations) == after, "the lineage leads from one version to the other"
    areas = area_balance(done)
    total = areas["old"] + areas["retrieved"] - areas["removed"]
    total += areas["refined"] + areas["split"] + areas["merged"]
    assert total == pytest.approx(areas["new"], rel=1e-12), "areas add up"
    found = difference(looked.inventory, done.inventory)
    counts = {kind.value: number for kind, number in found.counts.items() if number}
    assert counts == {k: v for k, v in expected_difference(done).items() if v}, "the difference agrees"
    assert not found.moved
    count = candidate_counts(looked)
    assert count["without a unit"] == sum(count[k] for k in ("retrieved", "removed", "held", "open"))
    kept = [i for i in layer.frame["ID"] if i in after and i not in done.changed]
    old_rows, new_rows = (f.set_index("ID").loc[kept] for f in (layer.frame, new))
    pd.testing.assert_frame_equal(pd.DataFrame(old_rows), pd.DataFrame(new_rows), check_exact=True)


# ---- legal by construction


@st.composite
def legal(draw: st.DrawFn) -> tuple[dict[str, list[Row]], list[Row]]:
    """Decisions in which nobody does anything wrong."""
    changes: dict[str, list[Row]] = {}
    factor = st.floats(0.75, 1.0).map(lambda v: round(v, 3))

    def one(name: str, choices: tuple[str, ...]) -> None:
        shape = CASE.outline[name]
        task = f"U:{CASE.unit[name]}"
        match draw(st.sampled_from(choices)):
            case "remain":
                changes[task] = [by(Decision.REMAIN)]
            case "unsure":
                changes[task] = [by(Decision.UNSURE)]
            case "remove":
                changes[task] = [by(Decision.REMOVE)]
            case "refine":
                f = draw(factor.filter(lambda v: v < 0.999))
                changes[task] = [by(Decision.REFINE, scale(shape, f, draw(factor)))]
            case "split":
                west, south, east, north = shape.bounds
                cut = west + draw(st.floats(0.3, 0.7)) * (east - west)
                parts = [
                    shape.intersection(shapely.box(west, south, cut, north)),
                    shape.intersection(shapely.box(cut, south, east, north)),
                ]
                changes[task] = [by(Decision.SPLIT, part) for part in parts]
            case "copied":
                changes[task] = [by(Decision.REMOVE), by(Decision.REMOVE)]

    single = ("nothing", "remain", "remove", "refine", "split", "unsure", "copied")
    for row in range(ROWS):
        for column in range(COLUMNS - 2):
            one(f"r{row}c{column}", single)
        west, east = f"r{row}c4", f"r{row}c5"
        how = draw(st.sampled_from(("alone", "union", "hull", "candidate")))
        if how == "alone" or (how == "candidate" and row >= 3):
            one(west, single)
            one(east, single)
            continue
        into = CASE.unit[west]
        changes[f"U:{CASE.unit[east]}"] = [by(Decision.MERGE, merge_into=into)]
        both = shapely.union(CASE.outline[west], CASE.outline[east])
        changes[f"U:{into}"] = [
            by(Decision.REMAIN)
            if how == "union"
            else by(Decision.REFINE, both.convex_hull)
            if how == "hull"
            else by(Decision.REFINE, use_candidate=True)
        ]
    for name in CASE.new_class:
        what = draw(st.sampled_from(("nothing", "retrieve", "remove", "unsure")))
        if what != "nothing":
            changes[f"C:{name}"] = [by(Decision(what))]
    number = draw(st.integers(0, 3))
    drawn = [by(Decision.RETRIEVE, octagon(WEST + k * STEP, SOUTH - STEP)) for k in range(number)]
    return changes, drawn


@settings(max_examples=15)
@given(legal())
def test_legal_decisions_are_applied(decisions: tuple[dict[str, list[Row]], list[Row]]) -> None:
    """Nothing is held, every decision has its operation, all promises are kept, in any order of rows."""
    looked = examine(edits_of(*decisions), base())
    assert not looked.problems
    done = apply(looked, "1.1")
    keeps_its_promises(looked, done)
    changes, drawn = decisions
    wanted = {t[2:] for t, rows in changes.items() if t[0] == "U" and rows[0]["decision"] != "unsure"}
    assert wanted == {o.unit for o in done.operations if o.predecessor}
    again = apply(examine(edits_of(*decisions, reverse=True), base()), "1.1")
    assert lineage_text(again.operations) == lineage_text(done.operations)
    for one, other in zip(done.inventory.layers, again.inventory.layers, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(one.frame), pd.DataFrame(other.frame), check_exact=True)
    assert len(drawn) == sum(o.operation == "retrieve" and not o.candidate for o in done.operations)


# ---- anything

FAULTS: tuple[tuple[str, Any], ...] = (
    ("mapper", None),
    ("reason", None),
    ("decision", "delete"),
    ("merge_into", "RGU1"),
    ("geom", None),
)
BOWTIE = shapely.Polygon([(74.0, 37.5), (74.01, 37.51), (74.01, 37.5), (74.0, 37.51)])


def any_shape() -> st.SearchStrategy[Any]:
    """Outlines of units and candidates, moved and scaled; broken ones, and none."""
    pool = [*CASE.outline.values(), *CASE.candidate.values()]
    sound = st.builds(
        lambda k, f, x, y: translate(scale(pool[k], f, f), x, y),
        st.integers(0, len(pool) - 1),
        st.sampled_from((0.05, 0.7, 0.95, 1.0, 1.3, 3.0)),
        st.sampled_from((0.0, 0.001, 0.004, 0.008)),
        st.sampled_from((0.0, -0.003)),
    )
    return st.one_of(sound, sound, sound, st.just(BOWTIE), st.none())


@st.composite
def any_row(draw: st.DrawFn, record: Row) -> Row:
    """A row with anything in it, mostly of the right form."""
    of_unit = record.get("unit") is not None
    decision = draw(st.sampled_from([d.value for d in (FOR_UNITS if of_unit else FOR_CANDIDATES)]))
    row: Row = {"decision": decision, "mapper": "ben", "reason": "seen"}
    if decision == "merge":
        row["merge_into"] = draw(st.sampled_from([*CASE.unit.values(), "RGU1"]))
    if draw(st.integers(0, 3)) == 0:
        row["use_candidate"] = True
    elif draw(st.integers(0, 3)):
        row["geom"] = draw(any_shape() if record.get("geom") is None else near(record["geom"]))
    if draw(st.integers(0, 9)) == 0:
        fault, value = draw(st.sampled_from(FAULTS))
        row[fault] = value
    return row


def near(shape: Any) -> st.SearchStrategy[Any]:
    """Outlines near a given one: drawn anew, halves of it, or anything."""
    west, south, east, north = shape.bounds
    middle = (west + east) / 2
    boxes = (west, south, middle, north), (middle, south, east, north)
    halves = [shape.intersection(shapely.box(*box)) for box in boxes]
    drawn = st.builds(
        lambda f, x: translate(scale(shape, f, f), x * (east - west), 0.0),
        st.sampled_from((0.8, 0.9, 1.1, 1.6)),
        st.sampled_from((0.0, 0.2, -0.4, 0.9)),
    )
    return st.one_of(drawn, drawn, st.sampled_from(halves), any_shape())


@st.composite
def anything(draw: st.DrawFn) -> tuple[dict[str, list[Row]], list[Row]]:
    """Sound decisions with those of people among them who do not know what they do."""
    changes, drawn = draw(legal())
    records = tasks().to_dict("records")
    chosen = draw(st.lists(st.sampled_from(range(len(records))), min_size=1, max_size=12, unique=True))
    for k in chosen:
        record = records[k]
        count = draw(st.sampled_from((1, 1, 1, 2)))
        rows = draw(st.lists(any_row(record), min_size=count, max_size=count))
        if rows[0]["decision"] == "split" and len(rows) == 2 and draw(st.booleans()):
            rows[1]["decision"] = "split"
        changes[record["task"]] = rows
    units = st.sampled_from([None, None, None, *CASE.unit.values(), "RGU1"])
    for _ in range(draw(st.integers(0, 4))):
        unit = draw(units)
        place = draw(st.sampled_from([*CASE.outline.values(), *CASE.candidate.values()]))
        drawn.append({"unit": unit, "geom": place} | draw(any_row({"unit": unit, "geom": place})))
    return changes, [{"geom": None} | row for row in drawn]


@settings(max_examples=30)
@given(anything())
def test_any_decisions_keep_the_promises(decisions: tuple[dict[str, list[Row]], list[Row]]) -> None:
    """Whatever is in the rows, what is applied keeps all promises, and what is not is named."""
    looked = examine(edits_of(*decisions), base())
    done = apply(looked, "1.1")
    keeps_its_promises(looked, done)
    assert all(p.message and p.package for p in looked.problems)
    other = examine(edits_of(*decisions, reverse=True), base())
    assert lineage_text(apply(other, "1.1").operations) == lineage_text(done.operations)
    assert [p.rule for p in sorted(other.problems)] == [p.rule for p in sorted(looked.problems)]
