"""Primary ID rules against the ten markers of RoGI-CH, all quadrants, the antimeridian and brute force."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from rogi.inventory.build import from_frames
from rogi.inventory.ids.primary_id import make
from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.primary_ids.pid005_marker_collision import _nearest
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.report import Status
from rogi.validation.settings import Settings

# Primary markers of RoGI-CH, Valais: old ID, repaired ID, easting, northing (EPSG:2056).
SWISS = [
    ("RGU465071N084471E", "RGU465071N084471E", 2677403.704, 1151135.003),
    ("RGU463731N079084E", "RGU463731N079084E", 2636142.790, 1135849.755),
    ("RGU76723E46181N", "RGU461810N076723E", 2618046.085, 1114421.082),
    ("RGU464277N078804E", "RGU464277N078804E", 2633959.472, 1141911.740),
    ("RGU80345E46167N", "RGU461670N080341E", 2645994.261, 1113011.393),
    ("RGU72406E45984N", "RGU459840N072407E", 2584658.397, 1092516.628),
    ("RGU72283E45988N", "RGU459885N072283E", 2583702.233, 1093016.191),
    ("RGU72303E45988N", "RGU459886N072304E", 2583861.901, 1093027.732),
    ("RGU72355E45984N", "RGU459842N072355E", 2584256.909, 1092530.483),
    ("RGU459858N072335E", "RGU459858N072335E", 2584102.952, 1092714.553),
]


def findings(inventory: Inventory, *codes: str) -> pd.DataFrame:
    """Findings of some rules, none of which broke down."""
    report = validate(inventory, Settings(select=codes, today=dt.date(2026, 1, 1)))
    assert not report.crashed, report.crashed
    return report.findings


def markers(ids, x, y, crs="EPSG:4326") -> Inventory:
    """RGIK markers with nothing but an ID."""
    frame = gpd.GeoDataFrame({"PrimaryID": list(ids)}, geometry=shapely.points(x, y), crs=crs)
    return from_frames({Role.MARKER: frame}, schema="rgik/1.0", dialect="rgik-template")


def outlines(ids, shapes, crs="EPSG:4326") -> Inventory:
    """Extended outlines with nothing but an ID."""
    frame = gpd.GeoDataFrame({"PrimaryID": list(ids), "Out.Type": "Extended"}, geometry=list(shapes), crs=crs)
    return from_frames({Role.OUTLINE: frame}, schema="rgik/1.0", dialect="rgik-template")


# ---- form


def test_swiss_ids_are_readable_but_not_canonical() -> None:
    """Old and repaired IDs of all ten markers: none malformed, each reported with its 18-character form."""
    _, _, x, y = zip(*SWISS, strict=True)
    for column in (0, 1):
        inventory = markers([row[column] for row in SWISS], x, y, "EPSG:2056")
        assert findings(inventory, "PID001", "PID003", "PID009", "PID010").empty
        found = findings(inventory, "PID002")
        assert list(found["row"]) == list(range(1, 11))
        assert found["message"].str.contains(r"RGU46\d{4}N00\d{5}E|RGU45\d{4}N00\d{5}E").all()


def test_repaired_swiss_ids_agree_with_their_markers() -> None:
    """All repaired IDs lie within the tolerance; of the old ones some do not, one by 4e-4 degree."""
    old, repaired, x, y = zip(*SWISS, strict=True)
    assert findings(markers(repaired, x, y, "EPSG:2056"), "PID006").empty
    found = findings(markers(old, x, y, "EPSG:2056"), "PID006")
    assert list(found["row"]) == [5, 7, 8]  # 3.7 units of longitude; third decimals of 45.9885 and 45.9886


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("RGU384455N1092526W", None),
        (" RGU384455N1092526W ", "PID002"),  # outer blanks
        ("RGS384455N1092526W", "PID009"),
        ("rgu384455n1092526w", "PID002"),
        ("RGU1092526W384455N", "PID002"),
        ("RGU38.4455N109.2526W", "PID002"),
        ("RGU384455N109252W", "PID002"),
        ("RGU914455N1092526W", "PID003"),
        ("RGU384455N1892526W", "PID003"),
        ("RGU384455X1092526W", "PID001"),
        ("RGU384455N1092526N", "PID001"),
        ("384455N1092526W", "PID001"),
        ("unknown", "PID001"),
        ("17", "PID001"),
    ],
)
def test_form_of_one_id(text, code) -> None:
    """Each fault is named by one rule of form."""
    inventory = markers([text, "RGU384555N1092626W"], [-109.2526, -109.2626], [38.4455, 38.4555])
    found = findings(inventory, "PID001", "PID002", "PID003", "PID009")
    assert set(found["code"]) == ({code} if code else set())


def test_null_ids_are_null_values_and_nothing_else() -> None:
    inventory = markers(
        [None, "", "RGU384555N1092626W"], [-109.25, -109.27, -109.2626], [38.44, 38.46, 38.4555]
    )
    found = findings(inventory, "SCH011", "SCH012", "PID")
    assert set(zip(found["code"], found["row"], found["severity"], strict=True)) == {
        ("SCH011", 1, "error"),
        ("SCH011", 2, "error"),
    }


# ---- uniqueness


def test_forms_of_one_id_are_duplicates_placeholders_are_not() -> None:
    ids = ["RGU465071N084471E", "rgu465071n0084471e", "unknown", "Unknown", None, None, "A-1", "a-1"]
    found = findings(markers(ids, 8.0 + np.arange(8) / 10, np.full(8, 46.5)), "PID004")
    assert list(found["row"]) == [1, 2, 7, 8]
    assert list(found["other_row"]) == [2, 1, 8, 7]


def test_extended_and_restricted_outlines_share_an_id_but_tprogi_footprints_do_not() -> None:
    assert findings(examples.rgik(3), "PID004").empty
    inventory = examples.tprogi(3)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    first = layer.frame["ID"].iloc[0]
    found = findings(examples.with_values(inventory, Role.OUTLINE, "ID", {2: first}), "PID004")
    assert set(zip(found["layer"], found["row"], strict=True)) == {("outline", 1), ("outline", 3)}


def test_outlines_without_types_share_no_id() -> None:
    """A table from a paper: outlines alone, and no column says which is extended."""
    frame = gpd.GeoDataFrame(
        {"RGU_ID": ["RGU300000N0900000E", "RGU300000N0901000E", "rgu300000n0900000e"]},
        geometry=[shapely.box(90 + 0.1 * k, 30, 90.01 + 0.1 * k, 30.01) for k in range(3)],
        crs=4326,
    )
    assert list(findings(from_frames({Role.OUTLINE: frame}), "PID004")["row"]) == [1, 3]


def test_with_types_and_without_markers_there_is_no_verdict() -> None:
    inventory = examples.rgik(3)
    alone = replace(inventory, layers=tuple(x for x in inventory.layers if x.role is Role.OUTLINE))
    outcomes = {outcome.code: outcome for outcome in validate(alone, Settings()).outcomes}
    assert outcomes["PID004"].status is Status.NOT_RUN
    assert "REL004" in str(outcomes["PID004"].reason)


def test_one_id_for_all_is_found_for_all() -> None:
    n = 3000
    inventory = markers(["RGU384455N1092526W"] * n, -109.0 + np.arange(n) / 1000, np.full(n, 38.0))
    found = findings(inventory, "PID004")
    assert len(found) == n
    assert (found["other_row"] != found["row"]).all()
    assert set(found["other_row"]) == set(found["row"])


@given(
    st.lists(
        st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
        min_size=2,
        max_size=12,
    ),
    st.sampled_from([(0.0, 0.0), (179.9999, 60.0), (-70.0, -33.0), (90.0, 89.0)]),
)
@settings(max_examples=60, deadline=None)
def test_collisions_agree_with_geodesics(steps, origin) -> None:
    """Which markers have another within 11.1 m: tree against all geodesics, also across the antimeridian."""
    limit = 11.1
    east, north = np.array(steps, dtype=float).T * 6.0  # m; distances are 0, 6, 8.5, 12, ...
    lat = origin[1] + north / 111_600.0
    lon = origin[0] + east / (111_400.0 * np.cos(np.radians(origin[1])))
    lon = (lon + 180.0) % 360.0 - 180.0
    i, j = np.triu_indices(len(lon), 1)
    apart = Geod(ellps="WGS84").inv(lon[i], lat[i], lon[j], lat[j])[2]
    if ((apart > 10.9) & (apart < 11.3)).any():
        return  # sphere and ellipsoid differ by half a per cent
    close = np.zeros(len(lon), dtype=bool)
    close[i[apart < limit]] = close[j[apart < limit]] = True
    near = _nearest(lon, lat, limit)
    assert ((near >= 0) == close).all()
    assert (near != np.arange(len(lon))).all()


def test_markers_of_the_same_rounded_place_collide_though_farther_apart() -> None:
    """Corners of one cell of 1e-4 degree are 13 m apart and have one ID."""
    lon, lat = np.array([10.00005, 10.00014, 10.01]), np.array([46.00005, 46.00014, 46.0])
    assert make(lon, lat)[0] == make(lon, lat)[1]
    found = findings(markers([None] * 3, lon, lat), "PID005")
    assert list(found["row"]) == [1, 2]
    assert found["message"].str.contains("12 m from").all()


def test_system_and_unit_markers_may_coincide() -> None:
    ids = ["RGU460000N0100000E", "RGS460000N0100000E"]
    assert findings(markers(ids, [10.0, 10.0], [46.0, 46.0]), "PID005").empty


def test_all_markers_at_one_place() -> None:
    """The worst case for a tree: every marker has a partner, none is its own."""
    n = 5000
    found = findings(markers([None] * n, np.full(n, 10.0), np.full(n, 46.0)), "PID005")
    assert len(found) == n
    assert (found["other_row"] != found["row"]).all()


# ---- agreement with places


@given(
    st.lists(
        st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
        min_size=1,
        max_size=30,
        unique=True,
    )
)
@settings(max_examples=50, deadline=None)
def test_ids_made_from_markers_agree_with_them_everywhere(places) -> None:
    """For any position on Earth the ID made from it is well-formed, in range, and near its marker."""
    lon, lat = np.array(places).T
    found = findings(
        markers(make(lon, lat), lon, lat),
        "PID001",
        "PID002",
        "PID003",
        "PID006",
        "PID010",
        "SCH006",
        "SCH007",
    )
    assert found.empty, found["message"].iloc[0]


def test_id_and_marker_on_both_sides_of_the_antimeridian_agree() -> None:
    inventory = markers(["RGU660000N1800000W", "RGU660100N1799999E"], [179.99999, -179.99995], [66.0, 66.01])
    assert findings(inventory, "PID006", "PID010").empty


@pytest.mark.parametrize("steps, found", [(2.4, 0), (2.6, 1)])
def test_tolerance_of_the_marker(steps, found) -> None:
    """Two units beyond the rounding of half a unit at most."""
    inventory = markers(["RGU460000N0100000E"], [10.0], [46.0 + (steps - 0.5) * 1e-4])
    assert len(findings(inventory, "PID006")) == found


def test_distance_in_the_message_is_the_geodesic() -> None:
    inventory = markers(["RGU460000N0100000E"], [10.1], [46.05])
    (message,) = findings(inventory, "PID006")["message"]
    metres = Geod(ellps="WGS84").inv(10.0, 46.0, 10.1, 46.05)[2]
    assert f"{metres / 1000:.1f} km away" in message


def test_columns_with_the_centroid_of_a_large_outline_agree() -> None:
    """LAT and LON of the centroid, the ID of a marker 1 km away, both inside the outline."""
    shape = shapely.box(90.60, 30.40, 90.62, 30.42)
    inventory = examples.tprogi(2)
    inventory = examples.with_geometry(inventory, Role.OUTLINE, {0: shape})
    inventory = examples.with_values(inventory, Role.OUTLINE, "LAT", {0: 30.41})
    inventory = examples.with_values(inventory, Role.OUTLINE, "LON", {0: 90.61})
    assert findings(inventory, "PID007").empty
    outside = examples.with_values(inventory, Role.OUTLINE, "LON", {0: 90.63})
    assert list(findings(outside, "PID007")["row"]) == [1]


def test_impossible_columns_are_left_to_other_rules() -> None:
    values = {0: -9999.0, 1: None}
    assert findings(examples.with_values(examples.tprogi(), Role.OUTLINE, "LAT", values), "PID007").empty


CRESCENT = shapely.Point(10.0, 46.0).buffer(0.01).difference(shapely.Point(10.003, 46.0).buffer(0.009))


def test_an_id_from_the_centroid_is_accepted_where_it_lies_outside() -> None:
    """The centroid of a crescent is not in it; inventories without markers make IDs from it all the same."""
    centre = CRESCENT.centroid
    assert not CRESCENT.contains(centre)
    (name,) = make(centre.x, centre.y)
    (inside,) = make(*CRESCENT.representative_point().coords[0])
    (beside,) = make(10.012, 46.0)
    inventory = outlines([name, inside, beside], [CRESCENT] * 3)
    assert list(findings(inventory, "PID008")["row"]) == [3]


@pytest.mark.parametrize("metres, found", [(40.0, 0), (65.0, 1)])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632"])
def test_distance_from_the_outline(metres, found, crs) -> None:
    """An ID 40 m beside a square is accepted, one 65 m beside it is not; ID rounding is up to 8 m."""
    shape = shapely.box(9.99, 45.99, 10.0, 46.0)
    lon, lat, _ = Geod(ellps="WGS84").fwd(10.0, 45.995, 90.0, metres)
    inventory = examples.reprojected(outlines(make(lon, lat), [shape]), crs)
    assert len(findings(inventory, "PID008")) == found


def test_outline_across_the_antimeridian_holds_its_id() -> None:
    """Drawn beyond 180 degrees, or split into two parts, with the marker on either side."""
    beyond = shapely.box(179.995, 66.0, 180.005, 66.01)
    split = shapely.MultiPolygon(
        [shapely.box(179.995, 66.0, 180.0, 66.01), shapely.box(-180.0, 66.0, -179.995, 66.01)]
    )
    west, east = make([-179.998, 179.998], [66.005, 66.005])
    inventory = outlines([west, east, west, east], [beyond, beyond, split, split])
    assert findings(inventory, "PID008", "PID010").empty


def test_restricted_outline_is_judged_only_without_an_extended_one() -> None:
    inventory = examples.rgik(2)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    far = shapely.transform(layer.geometry[2], lambda xy: xy + 0.05)
    moved = examples.with_geometry(inventory, Role.OUTLINE, {2: far})  # the first restricted outline
    assert findings(moved, "PID008").empty
    alone = examples.with_rows(moved, Role.OUTLINE, [2, 3])
    assert list(findings(alone, "PID008")["row"]) == [1]


QUADRANTS = [
    (10.0, 46.0, "N", "E"),
    (-109.25, 38.44, "N", "W"),
    (-70.0, -33.0, "S", "W"),
    (170.0, -43.9, "S", "E"),
]


@pytest.mark.parametrize(("lon", "lat", "north", "east"), QUADRANTS)
def test_wrong_letters_in_every_quadrant(lon, lat, north, east) -> None:
    """The right letters pass; either wrong letter is named with the side the geometry is on."""
    digits = f"{abs(lat) * 1e4:06.0f}", f"{abs(lon) * 1e4:07.0f}"
    ids = [f"RGU{digits[0]}{n}{digits[1]}{e}" for n in "NS" for e in "EW"]
    found = findings(markers(ids, [lon] * 4, [lat] * 4), "PID010")
    assert set(found["value"]) == {i for i in ids if i[9] != north or i[17] != east}
    both = f"RGU{digits[0]}{'S' if north == 'N' else 'N'}{digits[1]}{'W' if east == 'E' else 'E'}"
    (message,) = found.loc[found["value"] == both, "message"]
    assert message.count("the geometry lies in the") == 2


def test_at_the_equator_and_the_meridians_either_letter_is_right() -> None:
    ids = ["RGU000000S0000000W", "RGU000001S0000001W", "RGU000000N1800000E", "RGU000000N1800000W"]
    inventory = markers(ids, [0.0, 0.00005, -180.0, 180.0], [0.0, 0.00005, 0.0, 0.0])
    assert findings(inventory, "PID010").empty


def test_layers_of_systems_have_one_finding() -> None:
    ids = make([10.0, 10.1, 10.2], [46.0, 46.1, 46.2], "RGS")
    found = findings(markers(ids, [10.0, 10.1, 10.2], [46.0, 46.1, 46.2]), "PID009")
    assert list(found["row"]) == [0]


def test_without_crs_places_are_not_compared() -> None:
    """The rules that need places say that they were not run; the others run."""
    inventory = examples.with_crs(examples.tprogi(), Role.MARKER, None)
    report = validate(inventory, Settings(select=("PID",)))
    outcomes = {o.code: o for o in report.outcomes}
    for code in ("PID005", "PID006"):
        assert outcomes[code].status is Status.NOT_RUN
        assert "no CRS" in outcomes[code].reason
    assert outcomes["PID004"].status is Status.PASSED
    assert report.findings.empty


def test_numeric_ids_are_malformed_not_a_crash() -> None:
    inventory = examples.tprogi()
    layer = inventory.layer(Role.MARKER)
    assert layer is not None
    frame = layer.frame.assign(ID=[17, 18, 18])
    layers = tuple(replace(x, frame=frame) if x.role is Role.MARKER else x for x in inventory.layers)
    found = findings(replace(inventory, layers=layers), "PID001", "PID004")
    assert found.groupby("code").size().to_dict() == {"PID001": 3, "PID004": 2}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("RGU304000N0906000E ", "has a blank at its end"),
        (" RGU304000N0906000E", "has a blank at its start"),
        ("RGU304000N0906000E\u00a0", "has a no-break space (U+00A0)"),
        ("\ufeffRGU304000N0906000E", "has an invisible character (U+FEFF)"),
        ("unit 1 ", "has a blank at its end"),
        ("unit\u200b1", "has an invisible character (U+200B)"),
        ("RGU304000N0906000E", None),
        ("unit 1", None),
    ],
)
def test_what_is_not_seen_of_an_id_is_found(name: str, said: str | None) -> None:
    """IDs are compared letter by letter by every other program."""
    found = findings(markers([name, "RGU304100N0906100E"], [90.6, 90.61], [30.4, 30.41]), "PID002")
    assert [m.endswith(said) for m in found["message"]] == ([True] if said else [])


def test_ids_that_differ_in_case_only_are_found() -> None:
    """An outline's own ID in capitals, as the markers do not have it; the rarer one is named."""
    inventory = examples.rgik(2)
    names = ["unit a", "unit b"]
    inventory = examples.with_values(inventory, Role.MARKER, "PrimaryID", dict(enumerate(names)))
    outlines = {0: "unit a", 1: "Unit A", 2: "unit b", 3: "unit b"}
    found = findings(examples.with_values(inventory, Role.OUTLINE, "PrimaryID", outlines), "PID002")
    assert found["row"].tolist() == [2]
    assert "differs from 'unit a' in its case" in found["message"].iloc[0]


def test_blanks_around_an_id_are_taken_away() -> None:
    """The safe fix writes the 18-character form in every layer."""
    from rogi.rules.fixes import fix

    name = "RGU304000N0906000E"
    inventory = markers([f"{name} ", "RGU304100N0906100E"], [90.6, 90.61], [30.4, 30.41])
    mended, _ = fix(inventory, "safe")
    layer = mended.layer(Role.MARKER)
    assert layer is not None and layer.frame["PrimaryID"].tolist() == [name, "RGU304100N0906100E"]
