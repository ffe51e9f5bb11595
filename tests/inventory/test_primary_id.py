"""Primary IDs: real pairs of the Swiss inventory, hand-worked forms, and the algebra of make and parse."""

from __future__ import annotations

import re

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rogi.errors import OptionError
from rogi.inventory.ids.primary_id import LENGTH, PATTERN, deviation, make, parse
from rogi.inventory.ids.readings import IdForm
from rogi.inventory.ids.repair import RepairMethod, repair

# Ten markers of the Swiss inventory: ID before repair, after repair, easting and northing in EPSG:2056.
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
OLD = [row[0] for row in SWISS]
NEW = [row[1][:10] + "0" + row[1][10:] for row in SWISS]  # seven digits of longitude

degrees = st.floats(-180, 180, allow_nan=False)


@pytest.fixture(scope="module")
def swiss_lonlat() -> tuple[np.ndarray, np.ndarray]:
    to_wgs84 = pyproj.Transformer.from_crs("EPSG:2056", "EPSG:4326", always_xy=True)
    return to_wgs84.transform(np.array([row[2] for row in SWISS]), np.array([row[3] for row in SWISS]))


def test_ids_are_made_from_rounded_marker_positions(swiss_lonlat) -> None:
    """The repaired Swiss IDs are those of the markers, coordinates converted by PROJ."""
    assert list(make(*swiss_lonlat)) == NEW


def test_truncation_would_not_do(swiss_lonlat) -> None:
    lon, lat = swiss_lonlat
    truncated = make(np.trunc(lon * 1e4) / 1e4, np.trunc(lat * 1e4) / 1e4)
    assert 0 < sum(truncated == np.array(NEW, dtype=object)) < 5


def test_repair_by_position_gives_the_repaired_swiss_ids(swiss_lonlat) -> None:
    repaired = repair(OLD, *swiss_lonlat)
    assert list(repaired.text) == NEW
    kept = [old == new for old, new, *_ in SWISS]
    assert list(repaired.method == RepairMethod.REWRITTEN) == kept
    assert list(repaired.method == RepairMethod.POSITION) == [not k for k in kept]


def test_repair_without_position_is_off_by_what_the_text_has_lost(swiss_lonlat) -> None:
    repaired = repair(OLD)
    assert repaired.text[2] == "RGU461810N0076723E"
    assert repaired.text[0] == "RGU465071N0084471E"
    assert (deviation(repaired.parsed, *swiss_lonlat) < 10).all()  # latitudes cut to three decimals
    assert set(repaired.method) == {RepairMethod.REWRITTEN, RepairMethod.GUESSED}


@pytest.mark.parametrize(
    ("text", "form", "latitude", "longitude", "canonical", "ambiguous"),
    [
        ("RGU384455N1092526W", IdForm.CANONICAL, 38.4455, -109.2526, "RGU384455N1092526W", False),
        ("RGU281527N0972426E", IdForm.CANONICAL, 28.1527, 97.2426, "RGU281527N0972426E", False),
        ("RGS330000S0700000W", IdForm.CANONICAL, -33.0, -70.0, "RGS330000S0700000W", False),
        ("RGU450000S1680000E", IdForm.CANONICAL, -45.0, 168.0, "RGU450000S1680000E", False),
        ("RGU995000N1950000E", IdForm.CANONICAL, 99.5, 195.0, "RGU995000N1950000E", False),
        ("RGU000000N0000000E", IdForm.CANONICAL, 0.0, 0.0, "RGU000000N0000000E", False),
        ("rgu384455n1092526w", IdForm.LOWER_CASE, 38.4455, -109.2526, "RGU384455N1092526W", False),
        ("RGU 384455N 1092526W", IdForm.SEPARATED, 38.4455, -109.2526, "RGU384455N1092526W", False),
        ("RGU_38.4455N_109.2526W", IdForm.SEPARATED, 38.4455, -109.2526, "RGU384455N1092526W", False),
        ("RGU38,4455N109,2526W", IdForm.SEPARATED, 38.4455, -109.2526, "RGU384455N1092526W", False),
        (" RGU384455N1092526W", IdForm.SEPARATED, 38.4455, -109.2526, "RGU384455N1092526W", False),
        ("RGU0384455N1092526W", IdForm.EXTRA_ZEROS, 38.4455, -109.2526, "RGU384455N1092526W", False),
        ("RGU465071N084471E", IdForm.SWISS17, 46.5071, 8.4471, "RGU465071N0084471E", False),
        ("RGU1092526W384455N", IdForm.SWAPPED, 38.4455, -109.2526, "RGU384455N1092526W", False),
        ("RGU76723E46181N", IdForm.SWAPPED, 46.181, 7.6723, "RGU461810N0076723E", True),
        ("RGU46181N0076723E", IdForm.LOST_ZEROS, 46.181, 7.6723, "RGU461810N0076723E", True),
        ("RGU461812N76723E", IdForm.LOST_ZEROS, 46.1812, 7.6723, "RGU461812N0076723E", True),
        ("RGU95123N0076723E", IdForm.LOST_ZEROS, 9.5123, 7.6723, "RGU095123N0076723E", False),
        ("RGU09512N0076723E", IdForm.LOST_ZEROS, 9.512, 7.6723, "RGU095120N0076723E", True),
        ("RGU0N0076723E", IdForm.LOST_ZEROS, 0.0, 7.6723, "RGU000000N0076723E", False),
    ],
)
def test_forms(text, form, latitude, longitude, canonical, ambiguous) -> None:
    ids = parse([text])
    assert ids.form[0] is form
    assert (ids.latitude[0], ids.longitude[0]) == (latitude, longitude)
    assert ids.canonical[0] == canonical
    assert ids.ambiguous[0] == ambiguous
    assert ids.prefix[0] == canonical[:3]
    assert ids.in_range[0] == (abs(latitude) <= 90 and abs(longitude) <= 180)


@pytest.mark.parametrize(
    "text",
    [
        "unknown",
        "RGU",
        "RGX384455N1092526W",
        "RGU384455N1092526N",  # two latitudes
        "RGU384455E1092526W",
        "RGU384455X1092526W",
        "RGU38445AN1092526W",
        "RGU3844551N1092526W",  # seven digits that are not padding
        "RGU384455N11092526W",
        "RGU384455N1092526W2",
        "RGU٣84455N1092526W",  # another alphabet's digit
        "RGU384455N109252é",
        "R" * 100_000,
        "12",
        "\ud800" + "RGU384455N1092526",
        12,
        1.5,
    ],
)
def test_what_is_no_id(text) -> None:
    ids = parse([text])
    assert ids.form[0] is IdForm.UNPARSABLE
    assert ids.canonical[0] is None
    assert np.isnan(ids.latitude[0])
    assert repair(ids).method[0] is RepairMethod.NONE
    made = repair(ids, [7.0], [46.0], prefix="RGS")
    assert (made.text[0], made.method[0]) == ("RGS460000N0070000E", RepairMethod.POSITION)


@pytest.mark.parametrize("text", [None, np.nan, "", "  ", "\t"])
def test_missing(text) -> None:
    ids = parse([text])
    assert ids.form[0] is IdForm.MISSING
    assert ids.text[0] is None
    assert repair(ids).text[0] is None


def test_no_rows() -> None:
    assert len(parse([])) == 0
    assert len(make([], [])) == 0
    assert len(repair([], [], []).text) == 0


def test_ties_go_away_from_zero_as_written() -> None:
    """0.00005 is a tie in decimal digits, though not in binary."""
    assert list(make([0.00005, -0.00005, 7.12345, -7.12345], [38.44545, -38.44545, 1.00005, -1.00015])) == [
        "RGU384455N0000001E",
        "RGU384455S0000001W",
        "RGU010001N0071235E",
        "RGU010002S0071235W",
    ]


def test_edges_of_the_earth() -> None:
    ids = make([180, -180, 0, -0.00001, 180.00001, np.nan, np.inf], [90, -90, 0, -0.00001, 0, 0, 0])
    assert list(ids) == [
        "RGU900000N1800000E",
        "RGU900000S1800000W",
        "RGU000000N0000000E",
        "RGU000000N0000000E",
        None,
        None,
        None,
    ]


def test_prefixes() -> None:
    assert list(make([1, 2], [3, 4], ["RGU", "RGS"])) == ["RGU030000N0010000E", "RGS040000N0020000E"]
    with pytest.raises(OptionError, match="'RGX' is not a prefix"):
        make([1], [2], "RGX")


def test_repair_keeps_a_good_id_and_replaces_a_wrong_one() -> None:
    """Within the tolerance the name stays; with the wrong hemisphere or out of range it is made anew."""
    text = ["RGU330001S0700001W", "RGU330001N0700001W", "RGU995000S0700001W", "RGS330001S0700001W"]
    lon, lat = np.full(4, -70.0002), np.full(4, -33.0002)
    lon[3] = np.nan
    fixed = repair(text, lon, lat)
    assert list(fixed.text) == [text[0], "RGU330002S0700002W", "RGU330002S0700002W", text[3]]
    assert list(fixed.method) == ["unchanged", "position", "position", "unchanged"]
    assert repair(text[:1], lon[:1], lat[:1], tolerance=0.5).text[0] == "RGU330002S0700002W"


def test_deviation_goes_the_short_way_round() -> None:
    ids = parse(["RGU000000N1800000E", "RGU000000N1800000E", "x"])
    assert np.array_equal(deviation(ids, [-179.9999, 179.9998, 0], [0, 0.0003, 0]), [1, 3, np.nan], True)


@given(st.lists(st.tuples(degrees, degrees.map(lambda v: v / 2), st.sampled_from(["RGU", "RGS"]))))
def test_parse_inverts_make(rows) -> None:
    """Any position, both prefixes: 18 characters, canonical, within half a unit, and made again the same."""
    lon, lat = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    prefix = np.array([r[2] for r in rows], dtype=object)
    text = make(lon, lat, prefix)
    assert all(len(t) == LENGTH and re.match(PATTERN, t) for t in text)
    ids = parse(text)
    assert (ids.form == IdForm.CANONICAL).all()
    assert (ids.prefix == prefix).all()
    assert (deviation(ids, lon, lat) <= 0.5 + 1e-6).all()
    assert (make(ids.longitude, ids.latitude, prefix) == text).all()
    assert (repair(ids, lon, lat).text == text).all()


@given(degrees, degrees.map(lambda v: v / 2))
def test_damage_done_to_an_id_is_undone_by_its_position(lon, lat) -> None:
    good = make([lon], [lat])[0]
    prefix, latitude, longitude = good[:3], good[3:10], good[10:]
    for damaged in (
        good.lower(),
        f"{prefix}{longitude}{latitude}",
        f"{prefix} {latitude} {longitude}",
        f"{prefix}{latitude.strip('0')}{longitude.strip('0')}",
        f"{prefix}{latitude[:5]}{latitude[6:]}{longitude}",
    ):
        assert repair([damaged], [lon], [lat]).text[0] == good


def test_forms_do_not_depend_on_their_neighbours() -> None:
    together = parse([*OLD, None, "RGU384455N1092526W", "x"])
    for i, text in enumerate([*OLD, None, "RGU384455N1092526W", "x"]):
        alone = parse([text])
        assert together.form[i] is alone.form[0]
        assert np.array_equal(together.latitude[i], alone.latitude[0], equal_nan=True)
