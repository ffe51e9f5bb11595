"""Rules on attributes: units, orders, ranges, codings, dates and outliers, against values worked by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.areas import area_m2
from rogi.inventory.build import from_frames
from rogi.inventory.model import Inventory
from rogi.inventory.values.area_unit import decimals_of, guess_unit, half_last_decimal
from rogi.rules import examples
from rogi.rules.attributes._dates import read_date
from rogi.rules.attributes.att012_outlier import robust_score
from rogi.rules.examples import with_column, with_geometry, with_values, without_column
from rogi.schema.attributes import family, numeric
from rogi.schema.load import concepts
from rogi.schema.model import FieldType, Role

Run = Callable[..., pd.DataFrame]
D = dt.date


def column(inventory: Inventory, name: str, role: Role = Role.OUTLINE) -> np.ndarray:
    layer = inventory.layer(role)
    assert layer is not None
    return layer.frame[name].to_numpy(dtype=float, copy=True)


def put(inventory: Inventory, name: str, values: object, role: Role = Role.OUTLINE) -> Inventory:
    return with_values(inventory, role, name, dict(enumerate(np.asarray(values).tolist())))


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32646", "EPSG:3857"])
@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
def test_good_inventories_have_no_findings(run: Run, make: Callable[[int], Inventory], crs: str) -> None:
    """No false positives, whatever the CRS; areas in Web Mercator are areas on the ellipsoid."""
    assert run(examples.reprojected(make(40), crs), "ATT")["message"].tolist() == []


def test_concepts_listed_here_are_those_of_the_schema() -> None:
    """The rules look at every number, and at every concept whose range they are named for."""
    table = concepts()
    numbers = {n for n, c in table.items() if c.type in (FieldType.NUMBER, FieldType.INTEGER)}
    assert set(numeric()) == numbers
    climate = ("air_temperature", "ground_temperature", "precipitation")
    by_rule = {
        "ATT003": family("elevation"), "ATT004": family("slope"), "ATT005": ("aspect",), "ATT007": climate,
    }  # fmt: skip
    by_rule["ATT008"] = ("radiation",)
    for code, names in by_rule.items():
        assert {n for n, c in table.items() if c.range_rule == code} == set(names)


# ---- areas


@pytest.mark.parametrize(("unit", "factor"), [("km²", 1.0), ("ha", 100.0), ("m²", 1e6)])
def test_area_in_each_unit(run: Run, unit: str, factor: float) -> None:
    """The unit is told from the median; the wrong value is found in every unit, and the unit is named."""
    inventory = examples.tprogi(9)
    areas = column(inventory, "AREA") * factor
    areas[4] *= 0.7
    findings = run(put(inventory, "AREA", areas), "ATT001", "ATT014")
    mismatch = findings[findings["code"] == "ATT001"]
    assert mismatch["at"].tolist() == [4]
    assert mismatch["message"].iloc[0].replace(" has ", " ").count(f" {unit}") == 2
    named = findings[findings["code"] == "ATT014"]["value"].tolist()
    assert named == ([] if unit == "km²" else [unit])


def test_one_value_in_another_unit(run: Run) -> None:
    """One area in m² among km² is named as such; a zero and a negative one are mismatches."""
    inventory = examples.tprogi(9)
    areas = column(inventory, "AREA")
    areas[2] *= 1e6
    areas[3], areas[5] = 0.0, -areas[5]
    findings = run(put(inventory, "AREA", areas), "ATT001")
    assert findings["at"].tolist() == [2, 3, 5]
    assert "seems to be in m²" in findings["message"].iloc[0]


def test_rounded_areas_agree(run: Run) -> None:
    """Two decimals of a km² are half as large as the smallest units, and yet not wrong."""
    inventory = examples.tprogi(9)
    assert len(run(put(inventory, "AREA", column(inventory, "AREA").round(2)), "ATT001")) == 0
    assert len(run(put(inventory, "AREA", column(inventory, "AREA") * 1.015), "ATT001")) == 0
    wrong = column(inventory, "AREA").round(2)
    wrong[8] += 0.02
    assert run(put(inventory, "AREA", wrong), "ATT001")["at"].tolist() == [8]


def test_areas_of_a_map_that_does_not_preserve_them(run: Run) -> None:
    """Web Mercator areas at 30.4 N are larger by 1 / cos²: 34 %; the plane is named."""
    inventory = examples.tprogi(6)
    wrong = column(inventory, "AREA") / np.cos(np.radians(30.4)) ** 2
    findings = run(put(inventory, "AREA", wrong), "ATT001", "ATT014")
    assert findings["code"].tolist() == ["ATT001"] * 6 + ["ATT014"]
    assert findings["message"].str.contains("Web Mercator").all()


def test_areas_that_cannot_be_compared(run: Run) -> None:
    """Null, text, sentinel, and invalid or missing outlines are no mismatch."""
    inventory = examples.tprogi(6)
    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    inventory = with_geometry(inventory, Role.OUTLINE, {0: None, 1: bow_tie, 2: shapely.Point(90, 30)})
    inventory = with_values(inventory, Role.OUTLINE, "AREA", {3: None, 4: -9999.0, 5: "about 0.1"})
    assert len(run(inventory, "ATT001", "ATT014")) == 0


def test_area_across_the_antimeridian(run: Run) -> None:
    """A ring that jumps from 179.999 to -179.999 has the area of the same ring elsewhere."""
    ring = shapely.get_coordinates(examples.blob(180.0, 66.0))
    ring[:, 0] = (ring[:, 0] + 180) % 360 - 180
    shapes = {0: shapely.Polygon(ring), 1: examples.blob(170, 66.0)}
    inventory = with_geometry(examples.tprogi(2), Role.OUTLINE, shapes)
    true = area_m2([shapes[1]], 4326)[0] / 1e6
    findings = run(put(inventory, "AREA", [true, true]), "ATT001")
    assert findings["message"].tolist() == []


@given(st.integers(0, 8), st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_decimals(decimals: int, digits: list[int]) -> None:
    """Values written with so many decimals are seen to be rounded to these, or fewer."""
    values = np.array([float(f"{d}e-{decimals}") for d in digits])
    seen = decimals_of(values)
    assert seen is not None
    assert seen <= decimals
    np.testing.assert_allclose(values, values.round(seen), atol=1e-6 * 10.0**-seen)


def test_values_that_are_not_rounded() -> None:
    """π has all decimals; no values, none."""
    assert half_last_decimal(np.array([np.pi, 1.0])) == 0.0
    assert half_last_decimal(np.array([1.5, np.nan, 2.25])) == pytest.approx(0.005)
    assert half_last_decimal(np.array([np.nan])) == 0.0
    assert half_last_decimal(np.array([120.0, 7.0])) == 0.5


def test_unit_needs_values() -> None:
    """No ratio, no unit; a ratio between two units is none of them."""
    assert guess_unit(np.array([np.nan, 0.0]), np.array([1.0, 1.0])) is None
    assert guess_unit(np.array([10.0]), np.array([1.0])) is None
    assert guess_unit(np.array([97.0, 103.0, 5.0]), np.ones(3)) == "ha"


# ---- statistics, ranges, sentinels


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("ELE_MIN", 4659.0, "ELE_MIN"),  # above the median of 4658 and the tolerance of 1 m is not exceeded
        ("ELE_MIN", 4659.5, "ELE_MIN"),
        ("ELE_MEDIAN", 4735.0, "ELE_MEDIAN"),
        ("ELE_MAX", 4650.0, "ELE_MEDIAN"),
        ("SLO_MEAN", 33.0, "SLO_MEAN"),
        ("SLO_MAX", 3.0, "SLO_MIN"),
    ],
)
def test_order_of_statistics(run: Run, name: str, value: float, field: str) -> None:
    """One finding for each unit and quantity, at the smaller of the statistics that contradict each other."""
    findings = run(with_values(examples.tprogi(), Role.OUTLINE, name, {0: value}), "ATT002")
    if value == 4659.0:
        assert len(findings) == 0
    else:
        assert findings[["at", "field"]].to_numpy().tolist() == [[0, field]]


def test_order_with_few_columns(run: Run) -> None:
    """Of two statistics those that are there are compared; alone, none."""
    inventory = with_values(examples.tprogi(), Role.OUTLINE, "ELE_MAX", {0: 100.0})
    for name in ("ELE_MEAN", "ELE_MEDIAN"):
        inventory = without_column(inventory, Role.OUTLINE, name)
    assert run(inventory, "ATT002")["field"].tolist() == ["ELE_MIN"]
    assert len(run(without_column(inventory, Role.OUTLINE, "ELE_MIN"), "ATT002")) == 0


@pytest.mark.parametrize(
    ("name", "value", "code", "word"),
    [
        ("ELE_MIN", -500.0, "ATT003", "below -430 m"),
        ("ELE_MEAN", 15000.0, "ATT003", "feet"),
        ("SLO_MIN", -0.1, "ATT004", "below 0°"),
        ("SLO_MAX", 90.0, None, ""),
        ("ASPECT", 360.0, None, ""),
        ("ASPECT", 361.0, "ATT005", "above 360°"),
        ("ASPECT", -1.0, "ATT005", "flat"),
        ("MAGT", 271.0, "ATT007", "kelvin"),
        ("AP", -1.0, "ATT007", "below 0 mm"),
        ("PISR", 2.9e6, "ATT008", "W h m⁻²"),
        ("PISR", np.inf, "ATT008", "above 4000"),
        ("ELE_MIN", -9999.0, "ATT009", "-9999 marks"),
        ("MAAT", -32768.0, "ATT009", "marks a missing"),
        ("AREA", 3.4028234663852886e38, "ATT009", "marks a missing"),
        ("AP", 9999.0, None, ""),
        ("AREA", -9999.0, "ATT009", "marks a missing"),
        ("LON", -999.0, "ATT009", "marks a missing"),
    ],
)
def test_ranges_and_sentinels(run: Run, name: str, value: float, code: str | None, word: str) -> None:
    """Each impossible value is reported by one rule; limits are inclusive."""
    rules = ("ATT002", "ATT003", "ATT004", "ATT005", "ATT007", "ATT008", "ATT009")
    findings = run(with_values(examples.tprogi(), Role.OUTLINE, name, {1: value}), *rules)
    assert findings["code"].tolist() == ([] if code is None else [code])
    if code:
        assert findings["field"].tolist() == [name]
        assert word in findings["message"].iloc[0]


def test_numbers_in_text_columns_count(run: Run) -> None:
    """A column read as text is checked all the same; what is no number is the matter of SCH009."""
    inventory = put(examples.tprogi(), "ELE_MAX", ["4800", " 9500 ", "high"])
    assert run(inventory, "ATT003")["at"].tolist() == [1]


# ---- aspect


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([1, 3, 5, 8, 2, 6], "class codes"),
        ([0, 1, 2, 7, 4, 4], "class codes"),
        ([0.1, 3.2, 6.1, 2.2, 1.0, 4.4], "radians"),
        (["N", "SW", "e", "nne", "South", "NW"], "compass points"),
        ([1, 3, 5, 8, 2, 200], None),
        ([1, 3, 5, 8], None),
        ([None, 1, None, 2, None, 3], None),
        ([350.5, 3.2, 6.1, 2.2, 1.0, 4.4], None),
    ],
)
def test_aspect_coding(run: Run, values: list[object], word: str | None) -> None:
    """Whole numbers to 8, radians and words are seen, for the layer as a whole; few values tell nothing."""
    inventory = with_values(examples.tprogi(6), Role.OUTLINE, "ASPECT", dict(enumerate([*values, 1][:6])))
    if len(values) == 4:
        inventory = with_values(inventory, Role.OUTLINE, "ASPECT", {4: None, 5: None})
    findings = run(inventory, "ATT006")
    assert findings["row"].tolist() == ([] if word is None else [0])
    if word:
        assert word in findings["message"].iloc[0]


def test_a_declared_coding_is_believed(run: Run) -> None:
    """The global inventory of 2026 holds classes and its dialect says so; degrees there would be told."""
    import geopandas as gpd

    n = 8
    shapes = [examples.blob(90 + 0.01 * k, 30) for k in range(n)]
    table = {
        "area": np.nan,
        "longitude": 90 + 0.01 * np.arange(n),
        "latitude": 30.0,
        "elevation": 4700.0,
        "slope": 17.0,
        "aspect": np.arange(1, n + 1),
        "maat": -2.0,
        "magt": -1.0,
        "precipitation": 500.0,
        "pzi": 0.5,
    }
    frame = gpd.GeoDataFrame(pd.DataFrame(table, index=range(n)), geometry=shapes, crs=4326)
    inventory = from_frames({Role.OUTLINE: frame}, dialect="global-2026")
    assert len(run(inventory, "ATT005", "ATT006")) == 0
    degrees = from_frames({Role.OUTLINE: frame.assign(aspect=45.5 * frame["aspect"])}, dialect="global-2026")
    assert "class codes are expected" in run(degrees, "ATT006")["message"].iloc[0]


# ---- dates


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2021-09-14", D(2021, 9, 14), D(2021, 9, 14)),
        ("2021/9/4", D(2021, 9, 4), D(2021, 9, 4)),
        ("20210914", D(2021, 9, 14), D(2021, 9, 14)),
        ("2021-09-14T12:30:00Z", D(2021, 9, 14), D(2021, 9, 14)),
        ("2021-09-14 00:00:00.000+00:00", D(2021, 9, 14), D(2021, 9, 14)),
        ("14.09.2021", D(2021, 9, 14), D(2021, 9, 14)),
        ("09/14/2021", D(2021, 9, 14), D(2021, 9, 14)),
        ("04/05/2021", D(2021, 4, 5), D(2021, 5, 4)),
        ("2021-09", D(2021, 9, 1), D(2021, 9, 30)),
        ("202102", D(2021, 2, 1), D(2021, 2, 28)),
        ("2020", D(2020, 1, 1), D(2020, 12, 31)),
        ("2021.0", D(2021, 1, 1), D(2021, 12, 31)),
        ("2021 Q3", D(2021, 7, 1), D(2021, 9, 30)),
        ("2021q4", D(2021, 10, 1), D(2021, 12, 31)),
        ("Q1-2020", D(2020, 1, 1), D(2020, 3, 31)),
        ("3Q2021", D(2021, 7, 1), D(2021, 9, 30)),
        ("2021 Q3/Q4", D(2021, 7, 1), D(2021, 12, 31)),
        ("2021 Q3 - Q4", D(2021, 7, 1), D(2021, 12, 31)),
        ("2021Q3, 2022Q1", D(2021, 7, 1), D(2022, 3, 31)),
        ("2018-2020", D(2018, 1, 1), D(2020, 12, 31)),
        ("2018 \u2013 2020", D(2018, 1, 1), D(2020, 12, 31)),
        ("2021-07-01/2021-09-30", D(2021, 7, 1), D(2021, 9, 30)),
        ("Sep 2021", D(2021, 9, 1), D(2021, 9, 30)),
        ("14 September 2021", D(2021, 9, 14), D(2021, 9, 14)),
        ("Sept. 14th, 2021", D(2021, 9, 14), D(2021, 9, 14)),
        ("July to September 2021", None, None),
        ("Jul 2021 to Sep 2021", D(2021, 7, 1), D(2021, 9, 30)),
        ("2021-02-29", None, None),
        ("2024-02-29", D(2024, 2, 29), D(2024, 2, 29)),
        ("2021-13", None, None),
        ("2021 Q5", None, None),
        ("21/9", None, None),
        ("summer 2021", None, None),
        ("14", None, None),
        ("0000", None, None),
        ("", None, None),
        ("2021" * 40, None, None),
        ("١٤٠٠", None, None),
    ],
)
def test_reading_dates(text: str, first: D | None, last: D | None) -> None:
    """First and last day of what a text names."""
    if text == "١٤٠٠":
        # Arabic-Indic digits are digits to Python: read as the year 1400, which is before 1900
        assert read_date(text) == (D(1400, 1, 1), D(1400, 12, 31))
        return
    assert read_date(text) == (None if first is None else (first, last))


@given(st.dates(min_value=D(1, 1, 1)), st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d %B %Y"]))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_every_day_is_read(day: D, form: str) -> None:
    """Written in any of the forms a day is read as that day."""
    text = day.strftime(form).replace(str(day.year), f"{day.year:04d}", 1)
    assert read_date(text) == (day, day)


@given(st.text(max_size=70))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_text_is_read_or_not(text: str) -> None:
    """No text breaks the reader; what is read begins before it ends."""
    period = read_date(text)
    assert period is None or period[0] <= period[1]


def test_dates_of_a_column(run: Run) -> None:
    """Unreadable, too early and future ones; nulls and placeholders are left to the rules on structure."""
    values = ["2021 Q3", "summer", "1840", "2031-01-01", None, "unknown", "", "2026-01-01", "2026 Q1"]
    inventory = with_values(examples.tprogi(9), Role.OUTLINE, "MAP_DATE", dict(enumerate(values)))
    findings = run(inventory, "ATT010", "ATT011")
    assert findings[["code", "at"]].to_numpy().tolist() == [["ATT010", 1], ["ATT010", 2], ["ATT011", 3]]


def test_columns_of_dates(run: Run) -> None:
    """Date and time columns as GeoPackages hold them."""
    days = pd.to_datetime(["2021-07-01", "2031-07-01", None])
    inventory = with_column(examples.tprogi(), Role.OUTLINE, "MAP_DATE", days)
    assert run(inventory, "ATT010", "ATT011")[["code", "at"]].to_numpy().tolist() == [["ATT011", 1]]
    plain = with_column(examples.tprogi(), Role.OUTLINE, "MAP_DATE", [2020, 2021, 2050])
    assert run(plain, "ATT010", "ATT011")[["code", "at"]].to_numpy().tolist() == [["ATT011", 2]]


# ---- outliers


def test_robust_score_by_hand() -> None:
    """Of 1..9 the median is 5; deviations to a side are 0..4, their median is 2: 9 lies 4 / 2.965 off."""
    score = robust_score(np.arange(1.0, 10.0), 5)
    np.testing.assert_allclose(score, (np.arange(1, 10) - 5) / (2 * 1.4826))
    assert np.isnan(robust_score(np.arange(4.0), 5)).all()
    assert np.isnan(robust_score(np.full(40, 7.0), 5)).all()


def test_normal_and_skewed_values_have_no_outliers(run: Run) -> None:
    """3,000 draws from distributions like those of TPRoGI, logarithmic areas included."""
    r = np.random.default_rng(4)
    n = 3000
    inventory = examples.tprogi(n)
    inventory = put(inventory, "ELE_MEAN", r.normal(4729, 320, n))
    inventory = put(inventory, "AP", r.gamma(8, 75, n))
    inventory = put(inventory, "SLO_MEAN", 90 * r.beta(6, 25, n))
    inventory = put(inventory, "AREA", np.exp(r.normal(np.log(0.09), 0.9, n)))
    assert len(run(inventory, "ATT012")) == 0


def test_outliers_on_either_side(run: Run) -> None:
    """A lost and an added digit; sentinels and impossible values are not repeated here."""
    r = np.random.default_rng(5)
    values = r.gamma(20, 30, 200)
    values[10], values[20], values[30] = 6000.0, -9999.0, 99999.0
    elevations = r.normal(4729, 200, 200)
    elevations[5] = 473.0
    inventory = put(put(examples.tprogi(200), "AP", values), "ELE_MIN", elevations)
    findings = run(inventory, "ATT012")
    assert findings[["field", "at"]].sort_values("at").to_numpy().tolist() == [["ELE_MIN", 5], ["AP", 10]]


# ---- positions


@pytest.mark.parametrize(
    ("place", "word"),
    [
        ((30.4, 90.61), None),
        ((30.4006, 90.61), None),
        ((30.43, 90.61), "3245 m"),
        ((90.61, 30.4), "swapped"),
        ((-30.4, 90.61), "latitude is wrong"),
        ((30.4, -90.61), "longitude is wrong"),
        ((99.0, 400.0), None),
        ((np.nan, 90.61), None),
        ((30.4, 450.61), None),
    ],
)
def test_positions_in_attributes(run: Run, place: tuple[float, float], word: str | None) -> None:
    """Near is fine, far is told with the distance, and the usual mistakes by their names."""
    inventory = with_values(examples.tprogi(), Role.OUTLINE, "LAT", {1: place[0]})
    inventory = with_values(inventory, Role.OUTLINE, "LON", {1: place[1]})
    for crs in ("EPSG:4326", "EPSG:32646"):
        findings = run(examples.reprojected(inventory, crs), "ATT013")
        assert findings["at"].tolist() == ([] if word is None else [1])
        if word:
            assert word in findings["message"].iloc[0]


def test_rounded_positions_and_centroids(run: Run) -> None:
    """Two decimals for all are rounding; the centroid of a crescent lies outside it and is right."""
    inventory = examples.tprogi(20)
    rounded = put(
        put(inventory, "LAT", column(inventory, "LAT").round(2)), "LON", column(inventory, "LON").round(2)
    )
    assert len(run(rounded, "ATT013")) == 0
    arc = np.linspace(0, np.pi, 40)
    outer, inner = (
        np.column_stack([np.cos(arc), np.sin(arc)]),
        np.column_stack([np.cos(arc), np.sin(arc)]) * 0.9,
    )
    crescent = shapely.Polygon(np.vstack([outer, inner[::-1]]) * 0.02 + [90.6, 30.4])
    centre = crescent.centroid
    assert not crescent.contains(centre)
    inventory = with_geometry(examples.tprogi(), Role.OUTLINE, {0: crescent})
    inventory = with_values(inventory, Role.OUTLINE, "LAT", {0: centre.y})
    inventory = with_values(inventory, Role.OUTLINE, "LON", {0: centre.x})
    assert len(run(inventory, "ATT013")) == 0
