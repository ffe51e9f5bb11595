"""Fixes mend the findings they are for, list every change, touch nothing else, and do it once."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rogi.inventory.build import from_frames
from rogi.inventory.loss import Loss, LossKind
from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.fixes import FixLevel, FixReport, fix
from rogi.rules.geometry import geo018_ring_orientation
from rogi.rules.registry import rules
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

TODAY = dt.date(2026, 1, 1)
SAFE, UNSAFE = FixLevel.SAFE, FixLevel.UNSAFE


def codes(inventory: Inventory) -> dict[str, int]:
    """Number of findings of each rule."""
    findings = validate(inventory, Settings(today=TODAY)).findings
    return findings["code"].value_counts().to_dict()


def frame(inventory: Inventory, role: Role = Role.OUTLINE) -> gpd.GeoDataFrame:
    layer = inventory.layer(role)
    assert layer is not None
    return layer.frame


def same(left: Inventory, right: Inventory) -> bool:
    """Equal names, values, types and geometries in all layers."""
    for role in left.roles:
        a, b = frame(left, role), frame(right, role)
        pd.testing.assert_frame_equal(
            pd.DataFrame(a.drop(columns="geometry")), pd.DataFrame(b.drop(columns="geometry"))
        )
        shapes = [shapely.to_wkb(np.asarray(t.geometry.array, dtype=object)).tolist() for t in (a, b)]
        assert shapes[0] == shapes[1]
    return left.roles == right.roles


def told(report: FixReport) -> list[tuple[str, str, int, str, str | None, str | None]]:
    return [(c.fix, c.layer, c.row, c.field, c.before, c.after) for c in report.changes]


@pytest.mark.parametrize("level", FixLevel)
@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik], ids=["tprogi", "rgik"])
def test_nothing_to_mend(make: type, level: FixLevel) -> None:
    """A good inventory comes back as it is."""
    inventory = make(4)
    mended, report = fix(inventory, level)
    assert report.changes == ()
    assert "nothing" in report.summary()
    assert same(mended, inventory)


def test_blanks_and_spelling() -> None:
    """Blanks go, terms get their spelling, blanks alone become null; each change is listed."""
    inventory = examples.with_values(
        examples.rgik(), Role.OUTLINE, "Out.Type", {0: " extended", 4: "Restricted "}
    )
    inventory = examples.with_values(inventory, Role.MARKER, "Comment", {1: "  seen from afar ", 2: "   "})
    mended, report = fix(inventory, SAFE)
    assert told(report) == [
        ("outer blanks", "marker", 2, "Comment", "  seen from afar ", "seen from afar"),
        ("outer blanks", "marker", 3, "Comment", "   ", None),
        ("outer blanks", "outline", 1, "Out.Type", " extended", "extended"),
        ("outer blanks", "outline", 5, "Out.Type", "Restricted ", "Restricted"),
        ("vocabulary spelling", "outline", 1, "Out.Type", "extended", "Extended"),
    ]
    assert "SCH014" in codes(inventory)
    assert "SCH014" not in codes(mended)
    assert frame(mended)["Out.Type"].tolist() == ["Extended"] * 3 + ["Restricted"] * 3
    assert pd.isna(frame(mended, Role.MARKER)["Comment"].iloc[2])


def test_column_names() -> None:
    """Names that differ in case or punctuation become the schema's; other columns keep theirs."""
    inventory = examples.tprogi()
    frames = {
        role: frame(inventory, role).rename(columns={"ELE_MIN": "Ele.Min", "AREA": "area"}).assign(extra=1)
        for role in inventory.roles
    }
    inventory = from_frames(frames, schema="tprogi/1.0", dialect="tprogi")
    mended, report = fix(inventory, SAFE)
    assert [(c.layer, c.before, c.after) for c in report.changes] == [
        ("outline", "area", "AREA"),
        ("outline", "Ele.Min", "ELE_MIN"),
    ]
    assert "extra" in frame(mended).columns
    layer = mended.layer(Role.OUTLINE)
    assert layer is not None
    assert layer.columns["area"] == "AREA"
    assert "area" in frame(inventory).columns, "the input is not changed"


@pytest.mark.parametrize(("factor", "decimals"), [(1.0, 4), (100.0, 2), (1e6, 0)], ids=["km²", "ha", "m²"])
def test_areas_in_the_unit_and_decimals_of_the_column(factor: float, decimals: int) -> None:
    """A wrong and a missing area are computed anew as the others are; the type of the column stays."""
    inventory = examples.tprogi(5)
    exact = frame(inventory)["AREA"].to_numpy() * factor
    values = np.round(exact, decimals)
    right = values.copy()
    values[1] *= 3
    column: list[object] = [int(v) if decimals == 0 else float(v) for v in values]
    inventory = examples.with_values(inventory, Role.OUTLINE, "AREA", dict(enumerate(column)))
    kind = frame(inventory)["AREA"].dtype
    mended, report = fix(inventory, SAFE)
    assert [(c.row, c.field) for c in report.changes] == [(2, "AREA")]
    np.testing.assert_array_equal(frame(mended)["AREA"].to_numpy(), right)
    assert frame(mended)["AREA"].dtype == kind
    gone = examples.with_values(mended, Role.OUTLINE, "AREA", {0: None})
    filled, report = fix(gone, SAFE)
    assert report.changes[0].before is None
    np.testing.assert_allclose(frame(filled)["AREA"].to_numpy(dtype=float), right)


def test_canonical_ids() -> None:
    """The Swiss, the swapped and the lower-case form become canonical, in all layers; RGU-RGS are kept."""
    forms = {0: "RGU469000N106000E", 1: "RGU0106100E469000N", 2: "rgu469000n0106200e"}
    inventory = examples.with_values(examples.rgik(), Role.MARKER, "PrimaryID", forms)
    mended, report = fix(inventory, SAFE)
    expected = ["RGU469000N0106000E", "RGU469000N0106100E", "RGU469000N0106200E"]
    assert frame(mended, Role.MARKER)["PrimaryID"].tolist() == expected
    assert [c.rule for c in report.changes] == ["PID002"] * 3
    assert not {"PID002", "REL001"} & codes(mended).keys()


def test_lost_zeros_need_a_marker() -> None:
    """The Swiss marker RGU76723E46181N at 46.1810 N, 7.6723 E is repaired; far from there it is not."""
    inventory = examples.rgik(1, origin=(7.6723, 46.181))
    inventory = examples.with_values(inventory, Role.MARKER, "PrimaryID", {0: "RGU76723E46181N"})
    inventory = examples.with_values(inventory, Role.OUTLINE, "PrimaryID", {0: "RGU76723E46181N"})
    mended, _ = fix(inventory, SAFE)
    assert frame(mended, Role.MARKER)["PrimaryID"].tolist() == ["RGU461810N0076723E"]
    assert frame(mended)["PrimaryID"].tolist() == ["RGU461810N0076723E"] * 2, "the outline follows its marker"
    elsewhere = examples.with_geometry(inventory, Role.MARKER, {0: shapely.Point(8.5, 46.3)})
    left, report = fix(elsewhere, SAFE)
    assert report.changes == ()
    assert frame(left, Role.MARKER)["PrimaryID"].tolist() == ["RGU76723E46181N"]


def test_ring_orientation_only_where_asked() -> None:
    """A clockwise ring of a GeoJSON file is reversed, that of another file is not."""
    bad = geo018_ring_orientation.bad().inventory
    mended, report = fix(bad, SAFE)
    assert [c.fix for c in report.changes] == ["ring orientation"]
    assert "GEO018" in codes(bad)
    assert "GEO018" not in codes(mended)
    assert shapely.equals(frame(bad).geometry.array, frame(mended).geometry.array).all()
    plain = examples.tprogi()
    turned = shapely.reverse(examples.geometry_of(plain, Role.OUTLINE, 1))
    assert fix(examples.with_geometry(plain, Role.OUTLINE, {1: turned}), SAFE)[1].changes == ()


def invalid_outline(loop: float) -> shapely.Polygon:
    """An outline with a small loop, its size in parts of the outline's."""
    x, y = examples.ORIGIN
    s, t = 0.002, 0.002 * loop
    return shapely.Polygon(
        [
            (x, y),
            (x + s, y),
            (x + s, y + s),
            (x + s / 2 + t, y + s),
            (x + s / 2, y + s + t),
            (x + s / 2 + t, y + s + t),
            (x + s / 2, y + s),
            (x, y + s),
        ]
    )


def test_made_valid_within_a_thousandth() -> None:
    """A small loop is mended, one that matters is left, and neither by the safe level."""
    small = examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: invalid_outline(0.01)})
    assert "GEO003" in codes(small)
    mended, report = fix(small, UNSAFE)
    assert "GEO003" not in codes(mended)
    assert "GEO007" not in codes(mended), "no crumbs are left"
    change = report.changes[0]
    assert (change.fix, change.row, change.field) == ("made valid", 1, "geometry")
    assert "Self-intersection" in str(change.before)
    before, after = (shapely.area(frame(i).geometry.array[0]) for i in (small, mended))
    assert abs(after - before) / before <= 0.001
    large = examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: invalid_outline(0.3)})
    assert "GEO003" in codes(fix(large, UNSAFE)[0])
    assert "GEO003" in codes(fix(small, SAFE)[0])


def test_repeated_features_go_only_with_the_same_id() -> None:
    """The copy of a row goes; the same outline under another ID stays and is reported."""
    inventory = examples.with_rows(examples.tprogi(), Role.OUTLINE, [0, 1, 2, 1])
    assert {"GEO005", "PID004"} <= codes(inventory).keys()
    mended, report = fix(inventory, UNSAFE)
    assert len(frame(mended)) == 3
    assert [(c.fix, c.row, c.after) for c in report.changes] == [("repeated feature removed", 4, None)]
    assert not {"GEO005", "PID004"} & codes(mended).keys()
    layer = mended.layer(Role.OUTLINE)
    assert layer is not None
    assert layer.rows.tolist() == [1, 2, 3]
    twins = examples.with_geometry(
        examples.tprogi(), Role.OUTLINE, {1: examples.geometry_of(examples.tprogi(), Role.OUTLINE, 0)}
    )
    assert len(frame(fix(twins, UNSAFE)[0])) == 3


def test_ids_by_position() -> None:
    """Unreadable, missing and far IDs of markers are made anew; their outlines follow."""
    inventory = examples.rgik(4)
    good = frame(inventory, Role.MARKER)["PrimaryID"].tolist()
    broken = {0: "KG-12", 1: None, 2: "RGU100000N0100000E"}
    inventory = examples.with_values(inventory, Role.MARKER, "PrimaryID", broken)
    outline_ids = {
        0: "KG-12",
        4: "KG-12",
        1: None,
        5: "unknown",
        2: "RGU100000N0100000E",
        6: "RGU100000N0100000E",
    }
    inventory = examples.with_values(inventory, Role.OUTLINE, "PrimaryID", outline_ids)
    mended, report = fix(inventory, UNSAFE)
    assert frame(mended, Role.MARKER)["PrimaryID"].tolist() == good
    assert frame(mended)["PrimaryID"].tolist() == [*good, *good]
    assert report.counts() == {"ID from position": 3, "ID of the marker": 4, "ID of the marker inside": 2}
    left = codes(mended).keys() & {"PID001", "PID006", "REL001", "REL002", "REL004"}
    assert not left
    assert fix(inventory, SAFE)[1].changes == ()


def test_an_id_that_is_taken_is_not_given_twice() -> None:
    """A marker without ID at the place of another stays without."""
    inventory = examples.tprogi()
    place = examples.geometry_of(inventory, Role.MARKER, 0)
    near = shapely.Point(place.x + 1e-5, place.y)
    inventory = examples.with_geometry(inventory, Role.MARKER, {1: near})
    inventory = examples.with_values(inventory, Role.MARKER, "ID", {1: None})
    mended, report = fix(inventory, UNSAFE)
    assert report.changes == ()
    assert frame(mended, Role.MARKER)["ID"].isna().tolist() == [False, True, False]


def test_without_markers_ids_come_from_outlines() -> None:
    """The ID lies in the outline; an ID that can be read is kept."""
    inventory = examples.without_layer(examples.tprogi(), Role.MARKER)
    inventory = examples.with_values(inventory, Role.OUTLINE, "ID", {1: "nameless"})
    mended, report = fix(inventory, UNSAFE)
    assert [c.row for c in report.changes] == [2]
    assert not {"PID001", "PID008"} & codes(mended).keys()


def test_the_list_of_changes(tmp_path: Path) -> None:
    """As a table, as a line, and as CSV that holds what the table does."""
    inventory = examples.with_values(examples.rgik(), Role.MARKER, "Comment", {1: 'a, "b"\n '})
    _, report = fix(inventory, SAFE)
    assert len(report) == 1
    assert report.summary() == "1 change: outer blanks 1"
    table = report.to_frame()
    assert table.loc[0, ["row", "field", "after"]].tolist() == [2, "Comment", 'a, "b"']
    report.write(tmp_path / "changes.csv")
    with (tmp_path / "changes.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["before"] == 'a, "b"\n '
    assert rows[0]["feature"] == "RGU469000N0106100E"


def test_losses_are_listed_after_the_changes(tmp_path: Path) -> None:
    _, report = fix(examples.rgik(), SAFE)
    lost = Loss("notes", LossKind.TABLE_LEFT_OUT, "", 3, "plays no role in an inventory")
    replace(report, losses=(lost,)).write(tmp_path / "changes.csv")
    with (tmp_path / "changes.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["fix"], r["layer"], r["row"], r["before"]) for r in rows] == [
        ("table left out", "notes", "0", "plays no role in an inventory")
    ]


@pytest.mark.parametrize("level", FixLevel)
@pytest.mark.parametrize("code", [code for code, rule in rules().items() if rule.info.fix])
def test_bad_examples_of_rules_that_say_they_can_be_mended(code: str, level: FixLevel) -> None:
    """Mending their bad examples leaves nothing to mend, brings no new error, and, where the rule says so,
    removes the finding."""
    rule = rules()[code]
    bad = rule.bad().inventory
    before = codes(bad)
    mended, report = fix(bad, level)
    after = codes(mended)
    assert fix(mended, level)[1].changes == ()
    errors = [c for c in after if c not in before and rules()[c].info.severity.value == "error"]
    assert errors == []
    if report.changes and rule.info.fix == "safe":
        assert after.get(code, 0) < before[code]


IDS = st.sampled_from(
    [
        None,
        "unknown",
        "KG-1",
        "rgu304000n0906100e",
        "RGU304000N906100E",
        "RGU304000N0906000E",
        "RGU9061E304N",
        " RGU304000N0906200E",
    ]
)
TEXTS = st.sampled_from([None, "", " ", " extended", "Restricted ", "EXTENDED", "odd", "Extended"])
AREAS = st.sampled_from([None, 0.0, 0.03, -9999.0, 5.0, np.inf])
SHAPES = st.sampled_from([0, 1, 2, 3, 4])


@given(st.lists(st.tuples(IDS, IDS, AREAS, SHAPES), min_size=3, max_size=3), st.sampled_from(list(FixLevel)))
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_mending_twice_changes_nothing_more(
    rows: list[tuple[object, object, object, int]], level: FixLevel
) -> None:
    """Idempotent on any mixture of defects, the input is not touched, every change is a difference."""
    inventory = examples.tprogi()
    shapes = [
        examples.geometry_of(inventory, Role.OUTLINE, 0),
        invalid_outline(0.01),
        invalid_outline(0.3),
        None,
        shapely.Polygon(),
    ]
    for i, (outline_id, marker_id, area, shape) in enumerate(rows):
        inventory = examples.with_values(inventory, Role.OUTLINE, "ID", {i: outline_id})
        inventory = examples.with_values(inventory, Role.MARKER, "ID", {i: marker_id})
        inventory = examples.with_values(inventory, Role.OUTLINE, "AREA", {i: area})
        inventory = examples.with_geometry(inventory, Role.OUTLINE, {i: shapes[shape]})
    copy = frame(inventory).copy(deep=True)
    mended, report = fix(inventory, level)
    pd.testing.assert_frame_equal(pd.DataFrame(frame(inventory)), pd.DataFrame(copy))
    again, second = fix(mended, level)
    assert told(second) == []
    assert same(again, mended)
    assert all(change.before != change.after for change in report.changes)


@given(st.lists(TEXTS, min_size=6, max_size=6))
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_text_is_mended_once(types: list[object]) -> None:
    """Outer blanks and spelling of outline types: idempotent, and known words are known afterwards."""
    inventory = examples.with_values(examples.rgik(), Role.OUTLINE, "Out.Type", dict(enumerate(types)))
    mended, _ = fix(inventory, SAFE)
    assert fix(mended, SAFE)[1].changes == ()
    assert "SCH014" not in codes(mended)
    for before, after in zip(types, frame(mended)["Out.Type"].tolist(), strict=True):
        if isinstance(before, str) and before.strip().lower() in ("extended", "restricted"):
            assert after == before.strip().capitalize()


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32646", "EPSG:4978", None])
@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik], ids=["tprogi", "rgik"])
def test_odd_input_breaks_no_fix(make: type, crs: str | None) -> None:
    """Nulls, wrong types and impossible geometries everywhere: mended or left, twice the same."""
    shapes = [
        None,
        shapely.Polygon(),
        shapely.Point(1, 2),
        shapely.LineString([(0, 0), (0, 0)]),
        shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]),
        shapely.Polygon([(0, 0), (0, 0), (0, 0), (0, 0)]),
        shapely.Polygon([(0, 0), (np.inf, 0), (1, 1)]),
        shapely.GeometryCollection([shapely.box(0, 0, 1, 1), shapely.Point(1, 2)]),
        shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(0, 0, 1, 1)]),
    ]
    values = [None, np.nan, "", " x ", [1], {"a": 1}, b"b", dt.date(2021, 1, 1), 10**30]
    inventory = make(len(shapes))
    for role in inventory.roles:
        layer = inventory.layer(role)
        assert layer is not None
        n = len(layer)
        for name in layer.columns.values():
            inventory = examples.with_values(inventory, role, name, dict(enumerate(values[:n])))
        inventory = examples.with_geometry(inventory, role, dict(enumerate(shapes[:n])))
        inventory = examples.with_crs(inventory, role, crs)
    mended, _ = fix(inventory, UNSAFE)
    assert fix(mended, UNSAFE)[1].changes == ()


def test_no_rows_and_columns_of_one_name() -> None:
    """Layers without rows have nothing to mend; a name that two columns have is left alone."""
    inventory = examples.tprogi()
    assert fix(examples.with_rows(inventory, Role.OUTLINE, []), UNSAFE)[1].changes == ()
    columns = frame(inventory)
    twice = gpd.GeoDataFrame(pd.concat([columns, columns[["AREA", "ID"]]], axis=1), crs=columns.crs)
    assert fix(examples._with_frame(inventory, Role.OUTLINE, twice), UNSAFE)[1].changes == ()
