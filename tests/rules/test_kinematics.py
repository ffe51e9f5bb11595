"""Rules on kinematics and activity: every pair of terms, nulls, text numbers, and words of a dialect."""

from __future__ import annotations

import datetime as dt
from itertools import product

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from rogi.inventory.build import from_frames
from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.schema.load import load_vocabulary
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.report import Status
from rogi.validation.settings import Settings

PARTS = ("RelFr", "RelLeftLM", "RelRightLM", "RelUpsCon")

# The ten outlines of RoGI-CH that could be seen: four parts and the index.
SWISS = [
    (2, 2, 2, 1, 7),
    (2, 1, 1, 1, 5),
    (2, 2, 1, 1, 6),
    (0, 0, 0, 0, 0),
    (2, 2, 1, 0, 5),
    (2, 2, 1, 2, 7),
    (2, 2, 2, 2, 8),
    (2, 2, 2, 2, 8),
    (2, 2, 1, 1, 6),
    (1, 1, 1, 1, 4),
]

# Which velocities go with which activity, written out by hand; absent: anything goes.
GOES_WITH = {
    "Active": {"dm/yr", "dm/yr to m/yr", "m/yr", "> m/yr"},
    "Active uncertain": {"cm/yr", "cm/yr to dm/yr", "dm/yr", "dm/yr to m/yr", "m/yr", "> m/yr"},
    "Transitional": {"cm/yr", "cm/yr to dm/yr"},
    "Relict uncertain": {"< cm/yr", "cm/yr", "cm/yr to dm/yr"},
    "Relict": {"< cm/yr"},
}


def findings(inventory: Inventory, *codes: str, **settings) -> pd.DataFrame:
    """Findings of some rules, none of which broke down."""
    report = validate(inventory, Settings(select=codes, today=dt.date(2026, 1, 1), **settings))
    assert not report.crashed, report.crashed
    return report.findings


def outlines(rows) -> Inventory:
    """Outlines with nothing but their reliabilities."""
    frame = gpd.GeoDataFrame(
        [dict(zip((*PARTS, "RelIndex"), row, strict=True)) for row in rows],
        geometry=[examples.blob(10.0 + k / 100, 46.0) for k in range(len(rows))],
        crs="EPSG:4326",
    )
    return from_frames({Role.OUTLINE: frame}, schema="rgik/1.0", dialect="rgik-template")


def markers(**columns) -> Inventory:
    """Markers with the columns given by their normalised template names."""
    names = {"activity": "Acti.Cl.", "velocity": "Kin.Att.", "destabilised": "Destabili.", "how": "Acti.Ass."}
    n = len(next(iter(columns.values())))
    frame = gpd.GeoDataFrame(
        {names.get(k, k): list(v) for k, v in columns.items()},
        geometry=[shapely.Point(10.0 + k / 100, 46.0) for k in range(n)],
        crs="EPSG:4326",
    )
    return from_frames({Role.MARKER: frame}, schema="rgik/1.0", dialect="rgik-template")


def test_swiss_outlines_pass() -> None:
    assert findings(outlines(SWISS), "KIN001", "KIN002", "SCH009", "SCH018").empty


def test_every_wrong_index_is_found() -> None:
    """All 81 combinations of parts, each with its sum and with one more."""
    rows = [(*parts, sum(parts) + off) for parts in product((0, 1, 2), repeat=4) for off in (0, 1)]
    found = findings(outlines(rows), "KIN001")
    assert list(found["row"]) == list(range(2, len(rows) + 1, 2))
    assert "2 + 2 + 2 + 2 = 8" in found["message"].iloc[-1]


def test_nulls_and_text_numbers_in_reliabilities() -> None:
    """A null among the five leaves the row out; digits as text are read."""
    rows = [(2, 2, None, 1, 7), (2, 2, 2, 1, None), ("2", "2", "2", "1", "7"), ("2", "2", "2", "1", "6")]
    assert list(findings(outlines(rows), "KIN001")["row"]) == [4]


@pytest.mark.parametrize(
    "value, code", [(0, None), (2, None), (3, "KIN002"), (-1, "KIN002"), (1.5, "SCH009")]
)
def test_range_of_a_part(value, code) -> None:
    rows = [(1, 1, 1, 1, 4), (value, 1, 1, 1, 3 + value if code is None else None)]
    found = findings(outlines(rows), "KIN001", "KIN002", "SCH009", "SCH018")
    assert list(found["code"]) == ([code] if code else [])


def test_every_pair_of_activity_and_velocity() -> None:
    """All terms of both vocabularies against the table written by hand, in any case and with stray blanks."""
    activities = [*load_vocabulary("activity").values, None, "Transitional uncertain"]
    velocities = [*load_vocabulary("kinematic_attribute").values, None, "fast"]
    pairs = list(product(activities, velocities))
    judged = set().union(*GOES_WITH.values())
    expected = [
        k
        for k, (activity, velocity) in enumerate(pairs, start=1)
        if activity in GOES_WITH and velocity in judged and velocity not in GOES_WITH[activity]
    ]
    plain = markers(activity=[a for a, _ in pairs], velocity=[v for _, v in pairs])
    assert list(findings(plain, "KIN003")["row"]) == expected
    odd = markers(
        activity=[a and f" {a.upper()}" for a, _ in pairs],
        velocity=[v and f"{v.upper()}  " for _, v in pairs],
    )
    assert list(findings(odd, "KIN003")["row"]) == expected


def test_lists_of_velocities_can_be_set() -> None:
    inventory = markers(activity=["Relict"], velocity=["cm/yr"])
    assert len(findings(inventory, "KIN003")) == 1
    assert findings(inventory, "KIN003", parameters={"KIN003.relict": ["< cm/yr", "cm/yr"]}).empty


def test_words_of_a_dialect_are_understood() -> None:
    """RoGI-CH codes `relict` with `dm`: the contradiction is found through its value mapping."""
    frame = gpd.GeoDataFrame(
        {
            "rgu_activity_class": ["relict", "active"],
            "rgu_kin_att": ["dm", "dm"],
            "pm_working_id": ["a", "b"],
        },
        geometry=shapely.points([2600000.0, 2610000.0], [1100000.0, 1110000.0]),
        crs="EPSG:2056",
    )
    inventory = from_frames({Role.MARKER: frame}, schema="rgik/1.0", dialect="rogi-ch")
    found = findings(inventory, "KIN003")
    assert list(found["row"]) == [1]
    assert list(found["field"]) == ["rgu_activity_class"]


def test_assessment_missing_in_some_rows_and_in_all() -> None:
    some = markers(activity=["Active", "Relict", None], how=[None, "Kinematic", None])
    assert list(findings(some, "KIN004")["row"]) == [1]
    never = markers(activity=["Active", "Relict", None], how=[None, " ", None])
    found = findings(never, "KIN004")
    assert list(found["row"]) == [0]
    assert found["message"].iloc[0].startswith("2 activities")


def test_details_of_a_velocity() -> None:
    """Undefined needs none; a column that the file does not have is not asked for."""
    inventory = markers(
        velocity=["dm/yr", "Undefined", None, "m/yr"], **{"Kin.Period": [None, None, None, "2018"]}
    )
    found = findings(inventory, "KIN005")
    assert list(zip(found["row"], found["field"], strict=True)) == [(1, "Kin.Period")]


@pytest.mark.parametrize(
    ("destabilised", "activity", "wrong"),
    [
        ("Yes (ongoing)", "Active", False),
        ("Yes (ongoing)", "Transitional", False),
        ("yes", "Uncertain", False),
        ("Yes (completed)", "Relict", True),
        ("YES", "relict uncertain ", True),
        ("Yes (ongoing)", None, True),
        ("No", None, False),
        ("Undefined", "Relict", False),
        (None, "Relict", False),
    ],
)
def test_destabilisation_needs_activity(destabilised, activity, wrong) -> None:
    inventory = markers(destabilised=[destabilised], activity=[activity])
    assert len(findings(inventory, "KIN006")) == wrong


def test_an_inventory_without_activity_is_not_judged() -> None:
    """TPRoGI has no activity: the rules do not apply, and say so, rather than pass."""
    report = validate(examples.tprogi(), Settings(select=("KIN",)))
    outcomes = [o for o in report.outcomes if o.code.startswith("KIN")]
    assert {o.status for o in outcomes} == {Status.NOT_APPLICABLE}
    assert all(o.reason for o in outcomes)
