"""Values: codes for missing ones, units told from names, values and geometries, codings of aspects.

Expected numbers are worked by hand.
"""

from dataclasses import replace

import numpy as np
import pytest

from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.aspects import Coding
from rogi.inventory.values.known import known_texts, outline_kinds, quantity
from rogi.inventory.values.units import AreaKind
from rogi.rules import examples
from rogi.schema.model import Role

N = 8


def outlines(inventory: Inventory) -> Layer:
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    return layer


def column(name: str, values: object, n: int = N) -> Layer:
    return outlines(examples.with_column(examples.tprogi(n), Role.OUTLINE, name, values))


def km2(layer: Layer) -> np.ndarray:
    from rogi.areas import area_m2

    return area_m2(layer.geometry, layer.crs) / 1e6


@pytest.mark.parametrize(
    "code", [-9999.0, -32768.0, 65535.0, 9999.0, 1e20, -3.4028234663852886e38, 0.0, -99.0, -1.0, 999.0, 1e-38]
)
def test_codes_for_missing_elevations_are_no_values(code: float) -> None:
    """No-data values of rasters and zeros far below all others; the rest is untouched."""
    found = quantity(column("ELE_MIN", [code, *[4500.0] * (N - 1)]), "elevation_minimum")
    assert found.missing.tolist() == [True] + [False] * (N - 1)
    assert not found.impossible.any()
    assert np.nansum(found.values) == 4500.0 * (N - 1)


@pytest.mark.parametrize("value", [-500.0, 8849.5, np.inf])
def test_impossible_values_are_left_out_and_counted(value: float) -> None:
    found = quantity(column("ELE_MIN", [value, *[4500.0] * (N - 1)]), "elevation_minimum")
    assert found.impossible.tolist() == [True] + [False] * (N - 1)
    assert "1 impossible value" in found.left_out()


def test_zero_is_a_value_where_it_is_possible() -> None:
    """0 °C, north, the shore, and a minimum slope of 0 are values; no radiation at all is none."""
    assert not quantity(column("MAAT", [0.0, *[-2.0] * (N - 1)]), "air_temperature").missing.any()
    assert not quantity(column("ASPECT", [0.0, *[200.5] * (N - 1)]), "aspect").missing.any()
    assert not quantity(column("ELE_MIN", [0.0, *[120.0] * (N - 1)]), "elevation_minimum").missing.any()
    assert not quantity(column("SLO_MIN", [0.0, *[3.0] * (N - 1)]), "slope_minimum").missing.any()
    for name, concept in (("PISR", "radiation"), ("AP", "precipitation"), ("SLO_MEAN", "slope_mean")):
        assert quantity(column(name, [0.0, *[20.0] * (N - 1)]), concept).missing.tolist()[:2] == [True, False]


def test_words_are_counted_and_are_no_values() -> None:
    found = quantity(
        column("ELE_MIN", ["4500", "NA", "-", " 4600 ", None, "none", "5", "6"]), "elevation_minimum"
    )
    assert found.unread.tolist() == [False, True, True, False, False, True, False, False]
    assert found.values[[0, 3]].tolist() == [4500.0, 4600.0]
    assert "3 texts that are no values" in found.left_out()


def test_the_minus_sign_of_printed_tables_is_a_minus() -> None:
    found = quantity(
        column("MAAT", ["\u22123.5", "2", None, "-1", "1-2", "", "\u2212", "0"]), "air_temperature"
    )
    assert found.values == pytest.approx([-3.5, 2, np.nan, -1, np.nan, np.nan, np.nan, 0], nan_ok=True)


@pytest.mark.parametrize(
    ("name", "concept", "stored", "expected", "unit"),
    [
        ("MAAT", "air_temperature", 270.15, -3.0, "K"),
        ("MAAT", "air_temperature", 2701.5, -3.0, "0.1 K"),
        ("MAGT", "ground_temperature", 41.0, 5.0, "°F"),
        ("ELE_MEAN", "elevation_mean", 15000.0, 4572.0, "ft"),
        ("ELE_MAX", "elevation_maximum", 470_000.0, 4700.0, "cm"),
        ("ELE_MIN", "elevation_minimum", 4.7, 4700.0, "km"),
        ("PISR", "radiation", 10_440.0, 2900.0, "MJ m⁻²"),
        ("PISR", "radiation", 2_900_000.0, 2900.0, "Wh m⁻²"),
        ("SLO_MEAN", "slope_mean", 0.5, 28.64788975654116, "radian"),
        ("SLO_MEAN", "slope_mean", 100.0, 45.0, "%"),
        ("AP", "precipitation", 0.4, 400.0, "m"),
        ("MAAT", "air_temperature", 24.8, -4.0, "°F"),
        ("PISR", "radiation", 330.0, 330 * 8.766, "W m⁻²"),
    ],
)
def test_a_column_in_another_unit_is_told_from_its_values(
    name: str, concept: str, stored: float, expected: float, unit: str
) -> None:
    found = quantity(column(name, stored), concept)
    assert found.unit == unit
    assert found.recognised
    assert found.values == pytest.approx(np.full(N, expected), abs=1e-9)


def test_temperatures_in_tenths_are_told_by_how_far_they_are_apart() -> None:
    """-36 and 15 are possible in °C and usual in no other unit than tenths."""
    found = quantity(column("MAAT", [-36.0, -45.0, -12.0, 15.0, 2.0, -50.0, -41.0, -38.0]), "air_temperature")
    assert found.unit == "0.1 °C"
    assert found.values[:2] == pytest.approx([-3.6, -4.5])


@pytest.mark.parametrize(
    ("name", "concept", "value"),
    [
        ("AP", "precipitation", 9.0),  # cm or inches
        ("AP", "precipitation", 2.5),  # mm in a day; 63 mm in inches would be usual
        ("AP", "precipitation", 1.4e-5),  # kg m⁻² s⁻¹, below 1 m and no metres
        ("PISR", "radiation", 8.0),  # kWh m⁻² in a day
        ("MAAT", "air_temperature", 25.0),  # °F or tenths
        ("MAAT", "air_temperature", -2500.0),
    ],
)
def test_values_that_no_rock_glacier_has_are_in_no_known_unit(name: str, concept: str, value: float) -> None:
    found = quantity(column(name, value), concept)
    assert (found.unit, found.convertible, found.recognised) == ("no known unit", False, True)
    assert np.isnan(found.values).all()
    assert found.notes() == [f"{name}: values are in no known unit, which cannot be converted; left out"]


@pytest.mark.parametrize(
    ("name", "concept", "stored", "expected"),
    [
        ("AP", "precipitation", 410.0, 410.0),
        ("AP", "precipitation", 0.41, 410.0),  # m
        ("PISR", "radiation", 2500.0, 2500.0),
        ("AREA", "area", 0.07, 0.07),
    ],
)
def test_zeros_for_missing_values_tell_nothing_of_the_unit(
    name: str, concept: str, stored: float, expected: float
) -> None:
    """Shapefiles write 0 where a number is missing: three of eight, and all of them."""
    found = quantity(column(name, [0.0] * 3 + [stored] * 5), concept)
    assert found.missing.tolist() == [True] * 3 + [False] * 5
    assert found.values[3:] == pytest.approx([expected] * 5)
    nothing = quantity(column(name, 0.0), concept)
    assert (nothing.missing.all(), nothing.recognised) == (True, False)


def test_a_code_within_the_range_is_one_where_it_is_far_from_all_others() -> None:
    """9999 mm occur on Earth, but not beside 300 to 600 mm; 999 mm among 200 to 1400 is a value."""
    ap = quantity(column("AP", [9999.0, 300.0, 350.0, 420.0, 500.0, 600.0, 310.0, 330.0]), "precipitation")
    assert ap.missing.tolist() == [True] + [False] * 7
    ap = quantity(column("AP", [999.0, 200.0, 350.0, 420.0, 500.0, 1400.0, 310.0, 330.0]), "precipitation")
    assert not ap.missing.any()


def test_little_precipitation_of_polar_deserts_is_in_millimetres() -> None:
    """3 to 50 mm fall in a year in the McMurdo Dry Valleys (Fountain et al. 2010)."""
    found = quantity(column("AP", [3.0, 11.0, 50.0, 24.0, 18.0, 14.0, 31.0, 12.0]), "precipitation")
    assert (found.unit, found.values[0]) == ("mm", 3.0)


@pytest.mark.parametrize(
    ("lowest", "highest", "unit"),
    [
        # fronts near the sea: the median maximum is 3.1 times the minimum, as feet are
        (
            [20.0, 30.0, 90.0, 45.0, 35.0, 60.0, 15.0, 40.0],
            [90.0, 98.0, 160.0, 149.0, 120.0, 260.0, 49.0, 300.0],
            "m",
        ),
        ([4500.0] * 8, [15_100.0] * 8, "ft"),
    ],
)
def test_elevations_near_the_sea_are_no_feet(lowest: list[float], highest: list[float], unit: str) -> None:
    layer = column("ELE_MIN", lowest)
    layer.frame["ELE_MAX"] = highest
    for name in ("ELE_MEAN", "ELE_MEDIAN"):
        layer.frame[name] = np.nan
    assert quantity(layer, "elevation_maximum").unit == unit


def test_one_value_in_another_unit_is_impossible_not_a_unit() -> None:
    """Two of eight temperatures in kelvin: they are impossible in °C, and the column stays in °C."""
    found = quantity(column("MAAT", [270.5, 268.0, *[-2.0] * 6]), "air_temperature")
    assert found.unit == "°C"
    assert found.impossible.tolist() == [True, True, *[False] * 6]


@pytest.mark.parametrize(
    ("mean", "highest", "unit"),
    [
        ([30.0, 45.0, 25.0, 40.0], [60.0, 95.0, 100.0, 105.0], "%"),  # 45 % beside 44° for 95 %
        ([10.0, 15.0, 20.0, 12.0], [60.0, 95.0, 100.0, 105.0], "degree"),  # the mean may be in degrees
        ([17.0, 25.0, 15.0, 20.0], [30.0, 35.0, 40.0, 95.0], "degree"),  # mistakes among degrees
    ],
)
def test_slopes_in_percent_are_told_by_the_maximum(
    mean: list[float], highest: list[float], unit: str
) -> None:
    """tan 45° is 100 %; mean slopes of 30 could be either."""
    layer = column("SLO_MEAN", mean * 2)
    layer.frame["SLO_MEDIAN"], layer.frame["SLO_MAX"] = mean * 2, highest * 2
    found = quantity(layer, "slope_mean")
    assert found.unit == unit
    if unit == "%":
        assert found.values[1] == pytest.approx(np.degrees(np.arctan(0.45)))
        assert quantity(layer, "slope_minimum").unit == "%"
        assert quantity(layer, "slope_maximum").values[2] == pytest.approx(45.0)
        alone = outlines(examples.without_column(examples.tprogi(N), Role.OUTLINE, "SLO_MAX"))
        alone.frame["SLO_MEAN"] = alone.frame["SLO_MEDIAN"] = mean * 2
        assert quantity(alone, "slope_mean").unit == "degree"


@pytest.mark.parametrize(
    ("factor", "unit"), [(1.0, "km²"), (100.0, "ha"), (1e6, "m²"), (1e8, "no known unit")]
)
def test_areas_of_markers_are_told_by_those_of_other_rock_glaciers(factor: float, unit: str) -> None:
    inventory = examples.with_column(
        examples.tprogi(N), Role.MARKER, "AREA", np.linspace(0.1, 0.4, N) * factor
    )
    layer = inventory.layer(Role.MARKER)
    assert layer is not None
    found = quantity(layer, "area")
    assert (found.unit, found.convertible) == (unit, factor < 1e8)
    if found.convertible:
        assert found.values == pytest.approx(np.linspace(0.1, 0.4, N))


def test_feet_within_the_range_are_told_by_the_other_statistics() -> None:
    """8200 ft would be a possible height in metres, but not beside a median of 2500 m."""
    layer = column("ELE_MEAN", 8200.0)
    layer.frame[["ELE_MIN", "ELE_MEDIAN", "ELE_MAX"]] = [2400.0, 2500.0, 2600.0]
    found = quantity(layer, "elevation_mean")
    assert found.unit == "ft"
    assert found.values == pytest.approx(np.full(N, 2499.36))
    assert quantity(layer, "elevation_median").unit == "m"


@pytest.mark.parametrize(
    ("unit", "per_km2"),
    [("km²", 1.0), ("ha", 100.0), ("m²", 1e6), ("acre", 247.10538146716533), ("ft²", 10763910.41670972)],
)
def test_areas_are_told_by_the_geometries(unit: str, per_km2: float) -> None:
    layer = outlines(examples.tprogi(N))
    areas = km2(layer)
    found = quantity(column("AREA", areas * per_km2), "area", km2=areas)
    assert (found.unit, found.area_kind) == (unit, AreaKind.ELLIPSOID)
    assert found.values == pytest.approx(areas, rel=1e-9)


def test_square_degrees_and_web_mercator_are_no_areas() -> None:
    """Areas measured on a plane that does not preserve them are named, and give no values."""
    import shapely

    from rogi.geometry import transform_geometries

    layer = outlines(examples.tprogi(N))
    areas = km2(layer)
    degrees = quantity(column("AREA", shapely.area(layer.geometry)), "area", km2=areas)
    assert (degrees.area_kind, degrees.convertible) == (AreaKind.DEGREES, False)
    mercator = shapely.area(transform_geometries(layer.geometry, 4326, 3857)) / 1e4
    found = quantity(column("AREA", mercator), "area", km2=areas)
    assert (found.area_kind, found.unit) == (AreaKind.WEB_MERCATOR, "ha")
    assert np.isnan(found.values).all()
    assert "Web Mercator" in found.notes()[0]


@pytest.mark.parametrize(
    ("factor", "told"), [(1e4, False), (1e-2, False), (1e3, False), (2.0, True), (0.5, True)]
)
def test_areas_far_from_their_outlines_in_every_unit_are_no_values(factor: float, told: bool) -> None:
    """Ares, or km² divided twice; an area of half the outline is a finding, but an area."""
    layer = outlines(examples.tprogi(N))
    areas = km2(layer)
    found = quantity(column("AREA", areas * factor), "area", km2=areas)
    assert (found.area_kind is AreaKind.ELLIPSOID) is told is found.convertible
    assert np.isfinite(found.values).all() == told
    if not told:
        assert found.notes() == [
            "AREA: values are in no known unit of area, which cannot be converted; left out"
        ]


def test_an_area_of_another_unit_among_others_is_impossible() -> None:
    """One of eight in m²; one that is twice its outline is a finding (ATT001), but an area."""
    layer = outlines(examples.tprogi(N))
    areas = km2(layer)
    stored = areas * np.array([1e6, 2, 1, 1, 1, 1, 1, 1])
    found = quantity(column("AREA", stored), "area", km2=areas)
    assert found.impossible.tolist() == [True, *[False] * 7]
    assert found.values[1] == pytest.approx(2 * areas[1])


def test_an_area_rounded_to_nothing_is_a_value_and_an_empty_one_is_not() -> None:
    """0.00 km² is how 0.004 is written with two decimals; 0.00 for 0.3 km² was never computed."""
    layer = outlines(examples.tprogi(N))
    areas = np.full(N, 0.3)
    areas[0] = 0.004
    stored = np.round(areas, 2)
    stored[1] = 0.0
    found = quantity(column("AREA", stored), "area", km2=areas)
    assert len(layer) == N
    assert found.missing.tolist() == [False, True, *[False] * 6]


@pytest.mark.parametrize(
    ("values", "coding", "first", "last"),
    [
        (["N", "nne", "East", "south-west", "W", "NW", "flat", "S"], Coding.COMPASS, 0.0, 180.0),
        ([0.0, 0.1, 1.0, 2.0, 3.0, 4.0, 6.2, np.pi], Coding.RADIANS, 0.0, 180.0),
        ([-90.0, -45.5, 0.0, 30.0, 10.0, 20.0, 179.0, 90.0], Coding.SIGNED, 270.0, 90.0),
        ([-np.pi / 2, -0.2, 0.0, 0.3, 3.1, 0.2, -3.0, 2.0], Coding.SIGNED_RADIANS, 270.0, 360 / np.pi),
        ([-0.5 * np.pi, 0.1, 0.9, -0.3, -1.2, 0.5, 0.0, 0.25 * np.pi], Coding.SIGNED_RADIANS, 270.0, 45.0),
        ([0.5 * np.pi, -1.0, 1.0, 6.2, 3.0, 4.0, 2.0, np.pi], Coding.RADIANS, 90.0, 180.0),
        ([-90.0, -1.0, -1.0, 30.5, 10.0, 20.0, -179.0, 90.0], Coding.SIGNED, 270.0, 90.0),
        ([100.0, 390.0, 380.0, 50.0, 10.0, 395.0, 200.0, 300.0], Coding.GON, 90.0, 270.0),
        ([1600.0, 5000.0, 6300.0, 100.0, 10.0, 3000.0, 200.0, 3200.0], Coding.MILS, 90.0, 180.0),
        ([10.5, 20.0, 350.0, 7.0, 3.0, 200.0, 180.0, 90.0], Coding.DEGREES, 10.5, 90.0),
    ],
)
def test_directions_in_every_coding(values: list[object], coding: Coding, first: float, last: float) -> None:
    found = quantity(column("ASPECT", values), "aspect")
    assert found.coding is coding
    assert found.values[[0, -1]] == pytest.approx([first, last])


def test_classes_of_unknown_start_give_no_direction() -> None:
    found = quantity(column("ASPECT", [1, 2, 3, 4, 5, 6, 7, 8]), "aspect")
    assert found.coding is Coding.CLASSES
    assert not found.convertible
    assert np.isnan(found.values).all()


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([2, 3, 4, 5, 6, 7, 8, 10], Coding.CLASSES),  # ArcGIS: 1 flat, 2 and 10 north
        ([1, 3, 16, 5, 6, 12, 8, 10], Coding.CLASSES),
        ([0, 1, 2, 3, 4, 5, 6, 7], Coding.CLASSES),
        ([np.nan, np.nan, np.nan, np.nan, 9, 1, 2, 3], Coding.DEGREES),  # too few
        ([36, 3, 16, 5, 6, 12, 28, 10], Coding.DEGREES),  # eight units may all face north-east,
        ([36, 3, 16, 5, 6, 12, 28, 10] * 3, Coding.CLASSES),  # but not 24: tens of degrees
        ([0.1, 0.2, 0.9, 0.5, 0.3, 0.8, 0.75, 0.0], Coding.UNKNOWN),  # turns
        ([0.1, -0.2, 0.9, -0.5, 0.3, 0.8, -0.75, 0.0], Coding.UNKNOWN),  # cosines
        ([35.0, 1800.0, 900.0, 2700.5, 3590.0, 450.0, 3000.0, 20.0], Coding.UNKNOWN),  # tenths
    ],
)
def test_numbers_that_are_no_directions(values: list[float], coding: Coding) -> None:
    found = quantity(column("ASPECT", values, len(values)), "aspect")
    assert found.coding is coding
    assert found.convertible is (coding is Coding.DEGREES) is bool(np.isfinite(found.values).any())


def test_a_declared_coding_holds_where_values_show_none() -> None:
    layer = column("ASPECT", [0.1, 0.2, 0.9, 0.5, 0.3, 0.8, 0.75, 0.0])
    frame = layer.frame.rename(columns={"ASPECT": "ASPECT_RAD"})
    layer = replace(layer, frame=frame, columns=dict(layer.columns) | {"aspect": "ASPECT_RAD"})
    assert quantity(layer, "aspect").coding is Coding.RADIANS


def test_minus_one_is_flat_and_no_direction() -> None:
    found = quantity(column("ASPECT", [-1.0, -1.0, 20.5, 30.0, 350.0, 7.0, 0.0, 9.0]), "aspect")
    assert found.coding is Coding.DEGREES
    assert found.impossible.tolist() == [True, True, *[False] * 6]


def test_types_of_outlines_however_they_are_written() -> None:
    words = ["Extended", "restricted ", "EXT.", "Restricted outline", "E", "r", "exterior", None]
    layer = outlines(examples.with_column(examples.rgik(4), Role.OUTLINE, "Out.Type", words))
    extended, restricted = "extended", "restricted"
    assert outline_kinds(layer).tolist() == [extended, restricted] * 3 + [None, None]


def test_words_for_no_value_are_no_texts() -> None:
    layer = column("SUBREGION", ["Pamir", "NA", "-", "unknown", " ", "None", "Nan Shan", "n/a"])
    assert known_texts(layer, "subregion").tolist() == ["Pamir", *[None] * 5, "Nan Shan", None]


def test_exponents_are_no_points_of_the_compass() -> None:
    """The letter of 1e+20 was once read as east."""
    found = quantity(column("ASPECT", [1e20] * 40, 40), "aspect")
    assert found.coding is Coding.DEGREES
    assert found.missing.all()
