"""No impossible number is written, and every null value has its reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine

import rogi
from rogi.attributes.configuration import AttributeSettings, ClimateSource
from rogi.attributes.derive import derive_attributes
from rogi.attributes.derived import Derived
from rogi.attributes.fields import GROUPS, QUALITY, Group
from rogi.attributes.plausible import explanation, impossible, plausible_range
from rogi.attributes.reasons import NO_POSITION, NO_VALUE, REFUSED, WITHOUT_AREA, Nulls
from rogi.attributes.registry import sources
from rogi.attributes.relief import ZonalOptions
from rogi.attributes.zonal.groups import Engine
from rogi.errors import InputError
from rogi.inventory.build import from_frames
from rogi.schema.model import Role
from rogi.terrain import RadiationParameters

WriteRaster = Callable[..., Path]
ARC = 1 / 1200
GRID = Affine(ARC, 0, 90, 0, -ARC, 31)
QUICK = RadiationParameters(search_radius=2000.0, n_sectors=8)
GROUND = 5000.0 - 12.0 * np.arange(120.0)[None, :] + np.zeros((120, 1))


def box(column: float, row: float, width: float = 6, height: float = 6) -> shapely.Polygon:
    """A box given in pixels of the grid."""
    return shapely.box(
        90 + column * ARC, 31 - (row + height) * ARC, 90 + (column + width) * ARC, 31 - row * ARC
    )


def derive(shapes: list[shapely.Geometry | None], **settings: object) -> Derived:
    frame = gpd.GeoDataFrame({"MAPPER": ["A"] * len(shapes)}, geometry=shapes, crs=4326)
    inventory = from_frames({Role.OUTLINE: frame}, "tprogi/1.0", "tprogi")
    return derive_attributes(inventory, AttributeSettings(radiation=QUICK, **settings))


def table(derived: Derived) -> pd.DataFrame:
    layer = derived.inventory.layer(Role.OUTLINE)
    assert layer is not None
    return pd.DataFrame(layer.frame.drop(columns="geometry"))


# ---- what a value may be


def test_ranges_are_those_of_the_schema() -> None:
    assert plausible_range("elevation_minimum") == (-430, 8849)
    assert plausible_range("area") == (0, np.inf)
    assert impossible("slope_mean", np.array([-0.1, 0, 90, 90.1, np.nan])).tolist() == [1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("concept", "value", "expected"),
    [
        ("air_temperature", 268.95, "K labelled °C (then -4.2 °C)"),
        ("ground_temperature", -278.15, "°C labelled K (then -5 °C)"),
        ("air_temperature", -120.0, "tenths of a degree (then -12 °C)"),
        ("air_temperature", 2426.85, "tenths of a kelvin (then -3.15 °C)"),
        ("air_temperature", 41.0, "°F labelled °C (then 5 °C)"),
        ("air_temperature", -9999.0, "an undeclared fill value (-9999)"),
        ("air_temperature", -10272.15, "an undeclared fill value (-9999)"),
        ("air_temperature", -5000.0, "below absolute zero"),
        ("air_temperature", 1e20, "an undeclared fill value (1e+20)"),
        ("precipitation", 20_000.0, "tenths of a millimetre (then 2000 mm)"),
        ("precipitation", 600_000.0, "mm labelled m (then 600 mm)"),
        ("precipitation", 182_621.25, "a sum over the year labelled mm per day (then 500 mm)"),
        ("precipitation", -12.0, "never negative"),
        ("elevation_median", 15_000.0, "feet (then 4572 m)"),
        ("elevation_median", 450_000.0, "centimetres (then 4500 m)"),
        ("elevation_median", 32767.0, "an undeclared fill value (32767)"),
        ("elevation_median", -3.4e38, "an undeclared fill value"),
    ],
)  # fmt: skip
def test_what_it_looks_like(concept: str, value: float, expected: str) -> None:
    assert expected in explanation(concept, value)


@pytest.mark.parametrize(("concept", "value"), [("elevation_median", -12_000.0), ("radiation", 5000.0)])
def test_no_guess_without_ground(concept: str, value: float) -> None:
    assert explanation(concept, value) == ""


# ---- impossible values


@pytest.mark.parametrize(
    ("factor", "guess"), [(1 / 0.3048, "feet"), (10.0, "decimetres"), (100.0, "centimetres")]
)
def test_a_model_in_another_unit_is_refused(write_raster: WriteRaster, factor: float, guess: str) -> None:
    path = write_raster("dem.tif", (GROUND * factor).astype(np.float32), GRID, "EPSG:4326")
    with pytest.raises(
        InputError, match=f"possible are -430 to 8849 .*looks like .*{guess}.*metres above sea"
    ):
        derive([box(20, 20), box(40, 40)], dem=(str(path),), fields=("ELE",))


def test_a_model_in_kilometres_is_suspected(write_raster: WriteRaster) -> None:
    path = write_raster("dem.tif", (GROUND / 1000).astype(np.float32), GRID, "EPSG:4326")
    found = derive([box(20, 20)], dem=(str(path),), fields=("ELE",)).warnings
    assert any("no unit is higher than 4.76 m" in w and "kilometres" in w for w in found)
    low = write_raster("low.tif", np.full((120, 120), 9.5, np.float32), GRID, "EPSG:4326")
    assert not derive([box(20, 20)], dem=(str(low),), fields=("ELE_MEAN",)).warnings


def test_a_unit_without_several_values_for_one_reason_counts_once(write_raster: WriteRaster) -> None:
    """Outside of the elevation model and of the temperatures."""
    dem = write_raster("dem.tif", GROUND.astype(np.float32), GRID, "EPSG:4326")
    coarse = Affine(0.05, 0, 89.9, 0, -0.05, 31.1)
    warm = write_raster("t.tif", np.full((6, 6), -5, np.float32), coarse, "EPSG:4326", units="degC")
    given = {"dem": (str(dem),), "maat": ClimateSource((str(warm),))}
    derived = derive([box(20, 20), box(2000, 2000)], fields=("ELE", "SLO", "MAAT"), **given)
    assert derived.nulls == {"outside the raster": 1} and derived.lacking == 1


def test_an_impossible_unit_is_null_and_the_others_are_not(write_raster: WriteRaster) -> None:
    """A spike in one unit: its relief and radiation are null, those of the others as without it."""
    spiky = GROUND.copy()
    spiky[22, 22] = 40_000
    clean = write_raster("clean.tif", GROUND.astype(np.float32), GRID, "EPSG:4326")
    path = write_raster("dem.tif", spiky.astype(np.float32), GRID, "EPSG:4326")
    shapes = [box(20, 20), box(60, 60), box(90, 30)]
    derived = derive(shapes, dem=(str(path),))
    found, expected = table(derived), table(derive(shapes, dem=(str(clean),)))
    derived_columns = [c for c in found if c.startswith(("ELE_M", "SLO_M", "ASPECT", "PISR"))]
    assert found.loc[0, [c for c in derived_columns if "SHARE" not in c]].isna().all()
    pd.testing.assert_frame_equal(found.loc[1:].fillna(""), expected.loc[1:].fillna(""), check_dtype=False)
    note = found["ATTR_NOTE"][0]
    assert "ELE, SLO, ASPECT: impossible value 40000 m, possible are -430 to 8849" in note
    assert "PISR: impossible elevation" in note
    assert derived.nulls["impossible"] == 1
    assert any("1 unit has impossible values (row 1; the first 40000 m" in w for w in derived.warnings)
    alone = derive(shapes, dem=(str(path),), fields=("PISR",))
    assert alone.failures[0].startswith("At 90.01875, 30.98125 the elevation model has 40000 m, as no ground")
    assert table(alone)["PISR"].isna().tolist() == [True, False, False]
    only = table(derive(shapes, dem=(str(path),), fields=("SLO",)))
    assert only["ATTR_NOTE"][0].startswith("SLO: impossible value 40000 m")
    assert only["SLO_MEAN"].isna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("group", "value", "guess"),
    [
        (Group.MAAT, 268.0, "K labelled °C"),
        (Group.MAAT, -278.0, "°C labelled K"),
        (Group.MAGT, -152.0, "tenths of a degree"),
        (Group.MAGT, -9999.0, "undeclared fill value"),
        (Group.AP, 40_000.0, "tenths of a millimetre"),
    ],
)  # fmt: skip
def test_a_climate_in_another_unit_is_refused(group: Group, value: float, guess: str) -> None:
    """What reading let pass, as half of the values around the units were possible."""
    nulls = Nulls(lambda units: "some", np.zeros(5, dtype=bool), np.full(5, "", dtype=object))
    values = {group.concept: np.array([value, value, np.nan, value * 1.001, 5.0])}
    with pytest.raises(InputError, match=rf"looks like .*{guess}.*--{group.value}-unit"):
        nulls.refuse_impossible(group, [group.concept], values)


def test_some_impossible_units_of_a_climate() -> None:
    nulls = Nulls(
        lambda units: f"units {units.tolist()}", np.zeros(4, dtype=bool), np.full(4, "", dtype=object)
    )
    values = {"air_temperature": np.array([-4.5, -9999.0, np.nan, -3.0])}
    (warning,), units = nulls.refuse_impossible(Group.MAAT, ["air_temperature"], values)
    assert units.tolist() == [1]
    assert "1 unit has impossible values (units [1]; the first -9999 °C" in warning
    np.testing.assert_array_equal(values["air_temperature"], [-4.5, np.nan, np.nan, -3.0])
    assert nulls.texts([None] * 4, {"air_temperature": np.ones(4, dtype=bool)}).tolist() == [
        None,
        "MAAT: impossible value -9999 °C, possible are -60 to 35; perhaps an undeclared fill value (-9999)",
        None,
        None,
    ]


# ---- reasons of nulls


def test_every_null_has_its_reason(write_raster: WriteRaster, tmp_path: Path) -> None:
    values = GROUND.copy()
    values[:, 60:] = 4280.0  # flat
    values[90:, :] = -9999
    path = write_raster("dem.tif", values.astype(np.float32), GRID, "EPSG:4326", nodata=-9999)
    regions = tmp_path / "regions.gpkg"
    gpd.GeoDataFrame({"name": ["Here"]}, geometry=[box(0, 0, 50, 50)], crs=4326).to_file(regions)
    shapes = [box(20, 20), box(0, 0, 2, 2), box(80, 40), box(20, 100), box(20, 86), box(130, 20), None]
    derived = derive(shapes, dem=(str(path),), regions=str(regions))
    found = table(derived)
    notes = found["ATTR_NOTE"].fillna("").tolist()
    assert notes[0] == ""
    assert notes[1].startswith(
        "SLO, ASPECT, PISR: only 25.0% of it has the eight neighbours that slope needs"
    )
    assert "ELE" not in notes[1]
    assert "ASPECT: the ground is flat" in notes[2]
    assert found["SLO_MEAN"][2] == 0
    assert "ELE, SLO, ASPECT, PISR: in a void of the raster" in notes[3]
    assert "SLO, ASPECT, PISR: none of it" not in notes[4]
    assert "ELE, SLO, ASPECT, PISR: outside the raster" in notes[5]
    for label in ("AREA", "LAT, LON", "ID", "ELE, SLO, ASPECT, PISR", "SUBREGION"):
        assert label in notes[6]
    assert "SUBREGION: in no region with a name" in notes[2]
    columns = {"ELE": "ELE_MEAN", "SLO": "SLO_MAX", "ASPECT": "ASPECT", "PISR": "PISR", "AREA": "AREA",
               "LON": "LON", "SUBREGION": "SUBREGION", "ID": "ID"}  # fmt: skip
    for label, column in columns.items():
        for row, note in enumerate(notes):
            assert found[column].isna()[row] == (label in note.replace("SUBREGION: in", "SUBREGION")), (
                column,
                row,
            )


def test_opposite_slopes_have_no_aspect(write_raster: WriteRaster) -> None:
    """A roof of two equal halves, one to the east and one to the west."""
    roof = 5000.0 - 10.0 * np.abs(np.arange(120.0) - 59.5)[None, :] + np.zeros((120, 1))
    path = write_raster("dem.tif", roof.astype(np.float32), GRID, "EPSG:4326")
    found = table(derive([box(50, 40, 20, 20)], dem=(str(path),), fields=("relief",)))
    assert found["ATTR_NOTE"][0] == "ASPECT: directions cancel out"


def test_units_without_a_pixel_centre(write_raster: WriteRaster) -> None:
    path = write_raster("dem.tif", GROUND.astype(np.float32), GRID, "EPSG:4326")
    zonal = ZonalOptions(engine=Engine.RASTERSTATS)
    found = table(
        derive([box(20.6, 20.6, 0.7, 0.7), box(40, 40)], dem=(str(path),), zonal=zonal, fields=("ELE",))
    )
    assert found["ATTR_NOTE"][0] == "ELE: no centre of a pixel with a value is inside"


def test_reasons_of_other_fields_are_kept(write_raster: WriteRaster) -> None:
    """A run for the climate leaves the reasons of the relief, a run for the relief replaces them."""
    dem = write_raster("dem.tif", GROUND.astype(np.float32), GRID, "EPSG:4326")
    warm = write_raster("c.tif", np.full((120, 120), -1, np.float32), GRID, "EPSG:4326", units="degC")
    first = derive([box(20, 20), box(116, 20)], dem=(str(dem),), fields=("relief",))
    layer = first.inventory.layer(Role.OUTLINE)
    assert layer is not None
    settings = AttributeSettings(maat=ClimateSource((str(warm),)), fields=("MAAT",))
    again = derive_attributes(from_frames({Role.OUTLINE: layer.frame}, "tprogi/1.0", "tprogi"), settings)
    note = table(first)["ATTR_NOTE"][1]
    assert note.startswith("SLO, ASPECT: only")
    assert table(again)["ATTR_NOTE"][1] == note


@pytest.mark.parametrize(
    "fill", [-9999, -999, -99, -99.99, -999.9, -99999, -32768, -32767, 32767, 65535, 9999, 99999]
)
def test_every_fill_value_is_named(fill: float) -> None:
    """Also as °C made of a fill in K, and as a mean of float32."""
    for concept, offset in (("elevation_mean", 0.0), ("air_temperature", -273.15)):
        for value in (fill + offset, fill * (1 + 4e-6) + offset):
            assert explanation(concept, value) == f"an undeclared fill value ({fill:g})"
    assert f"({fill:g})" not in explanation("elevation_mean", fill * (1 + 1.05e-3))


@pytest.mark.parametrize(
    ("concept", "value", "guess"),
    [
        ("air_temperature", 269.15, "K labelled °C (then -4 °C)"),
        ("air_temperature", -277.15, "°C labelled K (then -4 °C)"),
        ("air_temperature", -120.0, "tenths of a degree (then -12 °C)"),
        ("air_temperature", 2691.5, "tenths of a kelvin labelled °C (then -4 °C)"),
        ("air_temperature", 26915.0, "hundredths of a kelvin labelled °C (then -4 °C)"),
        ("precipitation", 50000.0, "tenths of a millimetre (then 5000 mm)"),
        ("precipitation", 400000.0, "mm labelled m (then 400 mm)"),
        ("precipitation", 365242.5, "a sum over the year labelled mm per day (then 1000 mm)"),
        ("precipitation", 86400000.0 / 9, "mm per day labelled kg m-2 s-1 (then 111.1 mm)"),
        ("elevation_mean", 13123.3596, "feet (then 4000 m)"),
        ("elevation_mean", 40000.0, "decimetres (then 4000 m)"),
        ("elevation_mean", 400000.0, "centimetres (then 4000 m)"),
        ("elevation_mean", 4000000.0, "millimetres (then 4000 m)"),
    ],
)
def test_every_mistake_in_the_unit_is_named(concept: str, value: float, guess: str) -> None:
    """True values are worked out by hand."""
    assert guess in explanation(concept, value)


def test_the_page_and_the_function_name_all_groups_sources_and_columns() -> None:
    """Lists written by hand: groups of --fields, columns on quality, reasons, and other sources."""
    page = (Path(__file__).parents[2] / "docs/commands/attributes.md").read_text(encoding="utf-8")
    groups = re.search(r"groups \((.*?), and `ELE`", page, re.DOTALL)
    assert groups is not None
    assert set(re.findall(r"`(\w+)`", groups[1])) == set(GROUPS)
    table = page.partition("| column | what |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(QUALITY.values())
    for reason in NO_VALUE | {WITHOUT_AREA, NO_POSITION, REFUSED}:
        assert f"`{reason}`" in page
    for source in sources():
        assert f"| `--{source}` |" in page
        assert f"``{source}``" in (rogi.fill_attributes.__doc__ or "")
