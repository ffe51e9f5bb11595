"""Structure rules on hard cases: what is no fault passes, what is one is named, and nothing breaks a rule."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rogi.inventory.build import from_frames
from rogi.inventory.model import Inventory, Source
from rogi.rules import examples
from rogi.rules.registry import rules
from rogi.rules.structure.sch015_encoding_damage import damage_of
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

OWN = ("SCH", "PID", "KIN", "REV")


def findings(inventory: Inventory, *codes: str) -> pd.DataFrame:
    """Findings of some rules, none of which broke down."""
    report = validate(inventory, Settings(select=codes, today=dt.date(2026, 1, 1)))
    assert not report.crashed, report.crashed
    return report.findings


def messages(inventory: Inventory, code: str) -> list[str]:
    return list(findings(inventory, code)["message"])


def with_frame(inventory: Inventory, role: Role, frame: gpd.GeoDataFrame) -> Inventory:
    """The layer with another table, columns as mapped before."""
    layers = tuple(replace(layer, frame=frame) if layer.role is role else layer for layer in inventory.layers)
    return replace(inventory, layers=layers)


# ---- nothing breaks a rule

JUNK = {
    "all null": lambda n: [None] * n,
    "all NaN": lambda n: [np.nan] * n,
    "infinite": lambda n: [np.inf, -np.inf, np.nan, 1.0][:n],
    "lists and dicts": lambda n: [[1, 2], {"a": 1}, None, "x"][:n],
    "arrays": lambda n: [np.array([1, 2])] * n,
    "bytes": lambda n: [b"\xff\xfe", b"a", None, "x"][:n],
    "mixed": lambda n: [1, "a", 2.5, None][:n],
    "booleans": lambda n: [True, False, None, True][:n],
    "dates": lambda n: list(pd.to_datetime(["2020-01-01"] * n)),
    "Python dates": lambda n: [dt.date(2020, 1, 1), None, "x", 1][:n],
    "categories": lambda n: pd.Categorical(["Active", None, "Relict", "x"][:n]),
    "nullable integers": lambda n: pd.array([1, None, 3, 0][:n], dtype="Int64"),
    "complex": lambda n: np.full(n, 1 + 2j),
    "durations": lambda n: pd.to_timedelta([1] * n),
    "very long text": lambda n: ["x" * 100_000] * n,
    "lone surrogates": lambda n: ["a\udcff\ud800"] * n,
    "NUL": lambda n: ["a\x00b"] * n,
    "blanks": lambda n: ["  ", "", "\u3000", "\t"][:n],
    "no-data numbers": lambda n: [-9999.0] * n,
    "text numbers": lambda n: ["1", "2.5", "-9999", "1e400"][:n],
    "damaged text": lambda n: ["Ã©tÃ©", "ÌìÉ½Ãû³Æ", "\ufffd", "ok"][:n],
}


@pytest.mark.parametrize("name", JUNK)
@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
@pytest.mark.filterwarnings("ignore")
def test_no_content_of_columns_breaks_a_rule(make, name) -> None:
    """All columns of all layers are filled with junk: every rule answers, none breaks down."""
    inventory = make(2)
    for layer in inventory.layers:
        frame = layer.frame.copy()
        for column in frame.columns.drop(frame.geometry.name):
            values = JUNK[name](len(frame))
            if isinstance(values, list):
                values = pd.Series(values, index=frame.index, dtype=object)
            frame[column] = values
        inventory = with_frame(inventory, layer.role, frame)
    findings(inventory, *OWN)


GEOMETRIES = {
    "null": None,
    "empty": shapely.Polygon(),
    "infinite": shapely.Point(np.inf, np.nan),
    "collection": shapely.GeometryCollection([shapely.Point(1, 2), shapely.box(0, 0, 1, 1)]),
    "bow-tie": shapely.Polygon([(10, 46), (11, 47), (11, 46), (10, 47)]),
    "ring": shapely.LinearRing([(10, 46), (11, 47), (11, 46)]),
    "Z": shapely.Point(1, 2, 3),
    "multipoint": shapely.MultiPoint([(1, 2), (3, 4)]),
    "huge": shapely.Point(1e300, -1e300),
    "whole Earth": shapely.box(-180, -90, 180, 90),
    "degenerate": shapely.Polygon([(1, 1), (1, 1), (1, 1), (1, 1)]),
}


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:2056", None])
@pytest.mark.filterwarnings("ignore")
def test_no_geometry_breaks_a_rule(name, crs) -> None:
    """Odd geometries among good ones and alone, in degrees, metres and without CRS."""
    some = every = examples.rgik(3)
    for role in some.roles:
        layer = some.layer(role)
        assert layer is not None
        some = examples.with_geometry(some, role, {0: GEOMETRIES[name]})
        every = examples.with_geometry(every, role, dict.fromkeys(range(len(layer)), GEOMETRIES[name]))
        some, every = (examples.with_crs(inventory, role, crs) for inventory in (some, every))
    findings(some, *OWN)
    findings(every, *OWN)


@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
def test_zero_rows_and_one_row_break_no_rule(make) -> None:
    for rows in ([], [0]):
        inventory = make(3)
        for role in inventory.roles:
            inventory = examples.with_rows(inventory, role, rows)
        found = findings(inventory, *OWN)
        assert set(found["code"]) <= ({"SCH002"} if not rows else set())


def test_a_repeated_column_name_breaks_no_rule() -> None:
    """Two columns of exactly the same name, as a table in memory can have them: named, not a crash."""
    inventory = examples.tprogi()
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    frame = layer.frame
    twice = gpd.GeoDataFrame(pd.concat([frame, frame[["AREA", "ID"]]], axis=1), crs=frame.crs)
    found = findings(with_frame(inventory, Role.OUTLINE, twice), *OWN)
    assert set(found.loc[found["code"] == "SCH016", "field"]) == {"AREA", "ID"}


# ---- no false positives

ORIGINS = [
    (90.6, 30.4),
    (-109.2, 38.4),
    (-70.0, -33.0),
    (170.0, -43.9),
    (0.0, 0.0),
    (179.98, -17.0),
    (-179.99, 66.0),
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
def test_good_inventories_pass_in_all_quadrants(make, origin) -> None:
    inventory = make(2, origin=origin)
    assert findings(inventory, *OWN).empty


@pytest.mark.parametrize(
    ("crs", "origin"),
    [
        ("EPSG:2056", (8.0, 46.5)),
        ("EPSG:31254", (11.0, 47.0)),
        ("EPSG:32646", (92.0, 30.0)),
        ("EPSG:25833", (6.0, 61.5)),  # Norway is mapped in zone 33 as a whole
        ("EPSG:32719", (-70.0, -33.0)),
        ("EPSG:2193", (170.0, -43.9)),
        ("EPSG:3857", (7.0, 46.0)),
        ("EPSG:8857", (-70.0, -33.0)),
        ("EPSG:3413", (-40.0, 70.0)),
        ("EPSG:4258", (10.0, 46.0)),
        ("+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=krass", (95.0, 38.0)),
    ],
)
def test_national_grids_and_other_projections_are_no_warning(crs, origin) -> None:
    """RGIK layers in any CRS that fits their place: at most the information that it is not EPSG:4326."""
    found = findings(examples.reprojected(examples.rgik(2, origin=origin), crs), *OWN)
    assert set(found["code"]) <= {"SCH005"}
    assert set(found["severity"]) <= {"info"}


WGS84_ESRI = (
    'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
)


@pytest.mark.parametrize(
    "crs", [WGS84_ESRI, "OGC:CRS84", "EPSG:4979", "EPSG:9057", "+proj=longlat +datum=WGS84"]
)
def test_every_way_to_write_wgs84_is_the_same(crs) -> None:
    assert findings(examples.with_crs(examples.tprogi(), Role.OUTLINE, crs), "SCH005").empty


def test_rgik_layers_without_optional_fields_pass() -> None:
    inventory = examples.rgik()
    for column in ("WorkingID", "Upsl.Cur.", "Destabili.", "Kin.Att.", "Rel.Kin.", "Kin.Period", "Comment"):
        inventory = examples.without_column(inventory, Role.MARKER, column)
    for role in (Role.MOVING_AREA, Role.AREA_OF_INTEREST):
        inventory = examples.without_layer(inventory, role)
    assert findings(inventory, *OWN).empty


def test_swiss_inventory_passes_but_for_its_ids() -> None:
    """RoGI-CH writes its own words in EPSG:2056: nothing but the 17-character IDs is to be said."""
    frame = gpd.GeoDataFrame(
        {
            "pm_pid": ["RGU465071N084471E", "RGU463731N079084E"],
            "pm_working_id": ["valley-1", "valley-2"],
            "rgu_morphology": ["simple", "complex"],
            "rgu_complete": ["yes", None],
            "rgu_upsl_con": ["debris-mantled_slope", "unknown"],
            "rgu_activity_class": ["active", "relict_uncertain"],
            "rgu_activity_assessment": ["kinematic", "kinematic"],
            "rgu_kin_att": ["dm", "inf_cm"],
        },
        geometry=shapely.points([2677403.704, 2636142.790], [1151135.003, 1135849.755]),
        crs="EPSG:2056",
    )
    inventory = from_frames({Role.MARKER: frame}, schema="rgik/1.0", dialect="rogi-ch")
    found = findings(inventory, *OWN)
    assert set(found["code"]) <= {"PID002", "SCH001", "SCH008"}
    assert not len(found[(found["code"] == "SCH008") & (found["severity"] == "error")])


# ---- coordinates


def moved(inventory: Inventory, change) -> Inventory:
    """All coordinates of all layers changed, CRS kept."""
    for role in inventory.roles:
        layer = inventory.layer(role)
        assert layer is not None
        shapes = [shapely.transform(g, change) for g in layer.geometry]
        inventory = examples.with_geometry(inventory, role, dict(enumerate(shapes)))
    return inventory


def test_swapped_axes_of_a_national_grid_are_recognised() -> None:
    """Northing before easting in EPSG:2056, without IDs or columns to tell."""
    inventory = examples.reprojected(examples.rgik(2, origin=(8.0, 46.5)), "EPSG:2056")
    for role in (Role.MARKER, Role.OUTLINE, Role.MOVING_AREA):
        inventory = examples.without_column(inventory, role, "PrimaryID")
    swapped = moved(inventory, lambda xy: xy[:, ::-1])
    found = findings(swapped, "SCH007")
    assert set(found["layer"]) == {role.value for role in inventory.roles}
    assert findings(inventory, "SCH007").empty


def test_swapped_degrees_are_recognised_by_the_ids_where_both_orders_are_possible() -> None:
    """46° N 8° E and 8° N 46° E are both places: the ID decides."""
    inventory = examples.rgik(2, origin=(8.0, 46.5))
    swapped = moved(inventory, lambda xy: xy[:, ::-1])
    found = findings(swapped, "SCH006", "SCH007")
    assert set(zip(found["code"], found["layer"], strict=True)) == {
        ("SCH007", "marker"),
        ("SCH007", "outline"),
        ("SCH007", "moving_area"),
    }
    assert "46.5000° E" in found["message"].iloc[0]


def test_a_wrong_id_is_not_taken_for_swapped_geometry() -> None:
    """IDs that give latitude 97° cannot witness against the geometry; nor columns where the ID agrees."""
    inventory = examples.tprogi()
    assert findings(
        examples.with_values(inventory, Role.MARKER, "ID", {0: "RGU906000N0304000E"}), "SCH007"
    ).empty
    exchanged = examples.with_values(inventory, Role.OUTLINE, "LAT", {0: 90.6})
    exchanged = examples.with_values(exchanged, Role.OUTLINE, "LON", {0: 30.4})
    assert findings(exchanged, "SCH007").empty


def test_near_the_diagonal_nothing_is_swapped() -> None:
    """Where latitude and longitude are nearly equal (the Caucasus) a swap is not claimed."""
    assert findings(examples.rgik(3, origin=(42.98, 42.99)), "SCH006", "SCH007").empty


def test_degrees_claimed_metres_inside() -> None:
    inventory = examples.reprojected(examples.rgik(3, origin=(8.0, 46.5)), "EPSG:2056")
    lying = examples.with_crs(inventory, Role.OUTLINE, "EPSG:4326")
    (message,) = messages(lying, "SCH006")
    assert "all 6 features" in message
    assert "no degrees" in message


def test_metres_claimed_degrees_inside() -> None:
    lying = examples.with_crs(examples.rgik(3), Role.MARKER, "EPSG:32632")
    (message,) = messages(lying, "SCH006")
    assert "look like degrees" in message
    assert "metre" in message


def test_old_swiss_coordinates_under_the_new_crs_are_out_of_range() -> None:
    """LV03 numbers (600 000, 200 000) said to be LV95 lie in the Atlantic."""
    inventory = examples.reprojected(examples.rgik(3, origin=(8.0, 46.5)), "EPSG:21781")
    for role in inventory.roles:
        inventory = examples.with_crs(inventory, role, "EPSG:2056")
    found = findings(inventory, "SCH006")
    assert set(found["layer"]) == {role.value for role in inventory.roles}


def test_single_outlier_has_a_finding_of_its_own() -> None:
    inventory = examples.with_geometry(examples.tprogi(), Role.MARKER, {1: shapely.Point(250.6, 30.4)})
    found = findings(inventory, "SCH006")
    assert list(found["row"]) == [2]
    assert "-109.4" in found["message"].iloc[0]


def test_polygon_drawn_across_the_antimeridian_is_in_range() -> None:
    box = shapely.box(179.99, 66.0, 180.01, 66.01)
    split = shapely.MultiPolygon([shapely.box(179.99, 66, 180, 66.01), shapely.box(-180, 66, -179.99, 66.01)])
    inventory = examples.with_geometry(examples.rgik(), Role.OUTLINE, {0: box, 1: split})
    assert findings(inventory, "SCH006").empty


# ---- values


def test_text_numbers_are_one_finding_for_the_column_and_none_in_csv() -> None:
    inventory = examples.tprogi(20)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    frame = layer.frame.copy()
    frame["AREA"] = frame["AREA"].astype("str")
    as_text = with_frame(inventory, Role.OUTLINE, frame)
    found = findings(as_text, "SCH009")
    assert list(found["row"]) == [0]
    assert "20 rows" in found["message"].iloc[0]
    csv = Source(Path("units.csv"), None, "CSV", 20)
    layers = tuple(replace(x, sources=(csv,)) if x.role is Role.OUTLINE else x for x in as_text.layers)
    assert findings(replace(as_text, layers=layers), "SCH009").empty


def test_whole_numbers_with_nulls_are_whole_numbers() -> None:
    inventory = examples.with_values(examples.rgik(), Role.OUTLINE, "RelFr", {0: None, 1: 1.0})
    assert findings(inventory, "SCH009").empty
    half = examples.with_values(examples.rgik(), Role.OUTLINE, "RelFr", {1: 1.5})
    assert messages(half, "SCH009") == ["value 1.5 is not a whole number"]


def test_open_vocabulary_is_information_closed_one_a_warning() -> None:
    inventory = examples.with_values(examples.rgik(), Role.MARKER, "Morpho.", {0: "Tongue"})
    inventory = examples.with_values(inventory, Role.MARKER, "Acti.Cl.", {1: "inactive"})
    found = findings(inventory, "SCH013").set_index("field")["severity"]
    assert found.to_dict() == {"Morpho.": "info", "Acti.Cl.": "warning"}


def test_a_value_is_either_spelling_placeholder_or_unknown() -> None:
    """Of the three vocabulary rules exactly one names a value; an override of severity holds for all rows."""
    values = {0: " ACTIVE ", 1: "n/a", 2: "Inactive"}
    inventory = examples.with_values(examples.rgik(), Role.MARKER, "Acti.Cl.", values)
    found = findings(inventory, "SCH012", "SCH013", "SCH014")
    assert dict(zip(found["row"], found["code"], strict=True)) == {1: "SCH014", 2: "SCH012", 3: "SCH013"}


def test_codes_of_a_vocabulary_are_its_terms() -> None:
    inventory = examples.with_column(examples.rgik(), Role.MARKER, "Landform", [0, 1, 2])
    assert findings(inventory, "SCH009", "SCH013").empty
    inventory = examples.with_values(examples.rgik(), Role.MOVING_AREA, "Vel.Class", {0: "6", 1: 3})
    assert findings(inventory, "SCH009", "SCH013").empty
    inventory = examples.with_values(inventory, Role.MOVING_AREA, "Vel.Class", {0: "17"})
    assert list(findings(inventory, "SCH013")["row"]) == [1]


def test_numbered_placeholders_but_not_codes() -> None:
    values = {0: "NULL01", 1: "NA1", 2: "Unknown 3"}
    inventory = examples.with_values(examples.rgik(), Role.MARKER, "WorkingID", values)
    assert list(findings(inventory, "SCH012")["row"]) == [1, 3]


@pytest.mark.parametrize(
    "text",
    [
        "Nyainqêntanglha",
        "天山",
        "གངས་རིབོ",
        "Señal Ñuñoa",
        "Ötztal – Kühtai",
        "30 °C, 5 m²",
        "Ältester Gletscher",
        "\t\n",
        "naïve",
    ],
)
def test_accents_and_scripts_are_no_damage(text) -> None:
    assert damage_of(text) is None


@pytest.mark.parametrize("text", ["Nyainqêntanglha", "Ötztal", "Señal", "天山", "5 m²", "’quoted’", "Ürümqi"])
@pytest.mark.parametrize("wrong", ["cp1252", "latin-1"])
def test_mojibake_is_found_and_undone(text, wrong) -> None:
    """UTF-8 bytes read in a wrong encoding: the message gives the original."""
    try:
        damaged = text.encode("utf-8").decode(wrong)
    except UnicodeDecodeError:
        pytest.skip("Windows-1252 has no character for one of the bytes")
    assert repr(text) in str(damage_of(damaged))


def test_gbk_read_as_latin1_is_found() -> None:
    damaged = "唐古拉山".encode("gbk").decode("latin-1")
    assert "唐古拉山" in str(damage_of(damaged))


def test_damaged_column_name_is_found() -> None:
    inventory = examples.with_column(examples.tprogi(), Role.OUTLINE, "FlÃ¤che", 1)
    found = findings(inventory, "SCH015")
    assert list(found["field"]) == ["FlÃ¤che"]
    assert "Fläche" in found["message"].iloc[0]


def test_missing_layers_have_fingerprints_of_their_own() -> None:
    """A waiver of the missing markers must not hide that the outlines are missing too."""
    without_markers = examples.without_layer(examples.tprogi(), Role.MARKER)
    neither = examples.without_layer(without_markers, Role.OUTLINE)
    one, two = findings(without_markers, "SCH001"), findings(neither, "SCH001")
    assert len(two) == 2
    assert len(set(two["fingerprint"])) == 2
    assert set(one["fingerprint"]) < set(two["fingerprint"])


def test_thousands_of_findings_are_all_reported() -> None:
    """Nothing is capped: every one of 5,000 distinct unknown values has its finding."""
    inventory = examples.rgik(5000)
    layer = inventory.layer(Role.MARKER)
    assert layer is not None
    frame = layer.frame.assign(**{"Acti.Cl.": [f"class {i}" for i in range(5000)]})
    found = findings(with_frame(inventory, Role.MARKER, frame), "SCH013")
    assert len(found) == 5000
    assert found["value"].nunique() == 5000


def test_messages_show_what_was_found_and_what_is_allowed() -> None:
    """Each finding of each bad example of these families says something, in one line of moderate length."""
    for rule in rules().values():
        if rule.info.code.startswith(OWN):
            for message in messages(rule.bad().inventory, rule.info.code):
                assert 20 < len(message) < 400
                assert "\n" not in message


@pytest.mark.parametrize(
    ("column", "value", "meant"),
    [
        ("Acti.Cl.", "Inactive", None),  # not the opposite
        ("Acti.Cl.", "Relic", "Relict"),
        ("Acti.Cl.", "Transitional uncertain", None),
        ("Kin.Att.", "dm/y", "dm/yr"),
        ("Complet.", "Incomplet", "Incomplete"),
    ],
)
def test_only_a_misspelt_term_is_suggested(column, value, meant):
    """A close word may be another class: a suggestion is made for typing errors only."""
    inventory = examples.with_values(examples.rgik(), Role.MARKER, column, {1: value})
    (message,) = validate(inventory, Settings(select=("SCH013",))).findings["message"]
    assert message.endswith(f"; is {meant!r} meant?") if meant else "meant" not in message


def test_other_numbers_are_another_class():
    inventory = examples.with_values(examples.rgik(), Role.MOVING_AREA, "Vel.Class", {0: "3-30 cm/yr"})
    (message,) = validate(inventory, Settings(select=("SCH013",))).findings["message"]
    assert "meant" not in message


def test_all_terms_are_named_where_the_dialect_has_words_for_some():
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "SUBREGION", {0: "Altyn Tagh"})
    (message,) = validate(inventory, Settings(select=("SCH013",))).findings["message"]
    assert "'Nyainqentanglha', 'Altun Shan'" in message


def test_numbers_as_text_are_a_warning_and_words_an_error():
    inventory = examples.with_values(examples.rgik(), Role.OUTLINE, "RelFr", dict.fromkeys(range(6), "2"))
    assert set(validate(inventory, Settings(select=("SCH009",))).findings["severity"]) == {"warning"}
    inventory = examples.with_values(inventory, Role.OUTLINE, "RelFr", {0: "good"})
    assert set(validate(inventory, Settings(select=("SCH009",))).findings["severity"]) == {"warning", "error"}


@pytest.mark.parametrize(
    ("text", "told"), [("0,25", True), ("-1,234.5", True), ("0,2 km²", False), (",5", False)]
)
def test_commas_in_numbers_are_explained(text: str, told: bool) -> None:
    """Whether 1,234 is near one or above a thousand, a rule cannot know: it says what to write."""
    (message,) = messages(examples.with_values(examples.tprogi(), Role.OUTLINE, "AREA", {0: text}), "SCH009")
    assert message.startswith(f"value '{text}' is not a number")
    assert message.endswith("; write decimals with a point, and thousands without a comma") is told
