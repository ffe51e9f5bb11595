"""Synthetic inventories are free of findings, the same for the same seed, and like the published ones."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
import pyproj
import pytest
import shapely

from rogi.errors import OptionError
from rogi.inventory.write import write_inventory
from rogi.schema.model import Role
from rogi.synthetic.inventory import _regions, synthetic_inventory
from rogi.synthetic.regions import GLOBE
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

SCHEMAS = ("tprogi/1.0", "rgik/1.0")


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(("count", "seed"), [(1, 0), (1, 7), (2, 1), (50, 2), (50, 3), (3000, 4)])
def test_no_rule_finds_anything(schema: str, count: int, seed: int) -> None:
    """Not even information: what is found after defects were planted is found because of them."""
    report = validate(synthetic_inventory(count, seed, schema), Settings(today=dt.date(2026, 1, 1)))
    assert not report.crashed
    assert report.findings.empty, report.findings[["code", "layer", "row", "message"]].to_string()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_same_seed_same_bytes(schema: str, tmp_path) -> None:
    for name in ("a.gpkg", "b.gpkg"):
        write_inventory(synthetic_inventory(40, 5, schema), tmp_path / name)
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    other = synthetic_inventory(40, 6, schema).layer(Role.MARKER)
    first = synthetic_inventory(40, 5, schema).layer(Role.MARKER)
    assert not shapely.equals_exact(first.geometry, other.geometry).any()


# Xu et al. (2026), doi 10.11888/Cryos.tpdc.303562: units of the 19 regions, 38,849 km² together.
REGIONS = {
    "Alaska": 30312,
    "Western Canada and USA": 41019,
    "Iceland": 462,
    "Svalbard Archipelago": 109,
    "Scandinavia": 1693,
    "Severny Island": 147,
    "Central Europe": 8903,
    "Caucasus and Middle East": 4292,
    "Central Asia": 83541,
    "South Asia West": 30208,
    "South Asia East": 38917,
    "Southern Andes": 7136,
    "New Zealand": 413,
    "Western Mediterranean": 37,
    "South Georgia and the South Sandwich Islands": 74,
    "Northern Andes": 2297,
    "South Greenland": 865,
    "North Asia": 49055,
    "Arctic Canada South": 2044,
}


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("count", [1, 41, 700])
def test_worldwide_no_rule_finds_anything(schema: str, count: int) -> None:
    report = validate(
        synthetic_inventory(count, 2, schema, worldwide=True), Settings(today=dt.date(2026, 1, 1))
    )
    assert not report.crashed
    assert report.findings.empty, report.findings[["code", "layer", "row", "message"]].to_string()


def test_worldwide_the_regions_have_their_shares() -> None:
    """Exactly, for as many units as were published; a twentieth of them has at least one of each region."""
    found = Counter(np.array([box.name for box in GLOBE])[_regions(301_524, None, GLOBE)].tolist())
    assert found == REGIONS
    for count in (41, 60, 1_000, 15_076, 400_000):
        boxes = np.bincount(_regions(count, None, GLOBE), minlength=len(GLOBE))
        assert boxes.sum() == count
        assert boxes.min() >= 1


def test_worldwide_seams_poles_and_sizes() -> None:
    """Units across 180 degrees, near 80° N and in Antarctica, of the size they have on the ground."""
    frame = synthetic_inventory(4_000, 1, worldwide=True).layer(Role.OUTLINE).frame
    west, _, east, _ = shapely.bounds(frame.geometry).T
    assert ((west < -180) | (east > 180)).sum() >= 2
    assert (np.abs(frame["LON"]) <= 180).all()
    assert frame["LAT"].max() > 79
    assert frame["LAT"].min() < -84
    assert frame["SUBREGION"].nunique() == 19
    assert frame["AREA"].mean() == pytest.approx(38_849 / 301_524, rel=0.05)
    geod = pyproj.Geod(ellps="WGS84")
    polar = frame[np.abs(frame["LAT"]) > 75]
    exact = [geod.geometry_area_perimeter(shape)[0] / 1e6 for shape in polar.geometry]
    assert polar["AREA"].to_numpy() == pytest.approx(exact, rel=1e-4)
    assert polar["AREA"].between(0.01, 4.6).all()


def test_worldwide_one_region_and_more_units_than_fit() -> None:
    near = synthetic_inventory(30, 1, region="north asia", worldwide=True).layer(Role.OUTLINE).frame
    assert set(near["SUBREGION"]) == {"North Asia"}
    with pytest.raises(OptionError, match="synthetic globe; at most"):
        synthetic_inventory(10_000_000, worldwide=True)
    with pytest.raises(OptionError, match="no synthetic subregion 'Eastern Pamir'; there are Alaska, West"):
        synthetic_inventory(10, region="Eastern Pamir", worldwide=True)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.filterwarnings("error")
def test_worldwide_as_few_units_as_boxes(count: int) -> None:
    """Alaska has three boxes; with as many units each has one."""
    frame = synthetic_inventory(count, region="Alaska", worldwide=True).layer(Role.OUTLINE).frame
    assert len(frame) == count
    boxes = {(lon > 0 or lon < -175, lat > 65) for lon, lat in zip(frame["LON"], frame["LAT"], strict=True)}
    assert count < 3 or len(boxes) == 3


# Sun et al. (2024), doi 10.5194/essd-16-5703-2024, Sect. 5.2; tolerances are a few percent of the value.
PUBLISHED = {
    "mean area, km²": (0.14, 0.01),
    "share below 0.3 km²": (0.906, 0.015),
    "mean slope, degree": (17.7, 0.5),
    "mean of minimum elevation, m": (4729.0, 40.0),
    "share of minimum elevation in 4000 to 5500 m": (0.95, 0.04),
    "mean MAAT, °C": (-2.7, 0.3),
    "mean MAGT, °C": (-1.6, 0.3),
    "mean AP, mm": (597.0, 40.0),
    "mean PISR, kWh m⁻²": (2930.0, 60.0),
}


@pytest.fixture(scope="module")
def published_size():
    return synthetic_inventory(20_000, 1).layer(Role.OUTLINE)


@pytest.mark.parametrize("name", PUBLISHED)
def test_distributions_are_near_the_published(published_size, name: str) -> None:
    frame = published_size.frame
    low = frame["ELE_MIN"]
    found = {
        "mean area, km²": frame["AREA"].mean(),
        "share below 0.3 km²": (frame["AREA"] < 0.3).mean(),
        "mean slope, degree": frame["SLO_MEAN"].mean(),
        "mean of minimum elevation, m": low.mean(),
        "share of minimum elevation in 4000 to 5500 m": ((low >= 4000) & (low <= 5500)).mean(),
        "mean MAAT, °C": frame["MAAT"].mean(),
        "mean MAGT, °C": frame["MAGT"].mean(),
        "mean AP, mm": frame["AP"].mean(),
        "mean PISR, kWh m⁻²": frame["PISR"].mean(),
    }
    value, tolerance = PUBLISHED[name]
    assert found[name] == pytest.approx(value, abs=tolerance)


def test_limits_and_shapes(published_size) -> None:
    """None below 0.01 km², none above the largest (4.6 km²), 60 to 100 vertices; larger in the west."""
    frame = published_size.frame
    assert frame["AREA"].min() > 0.01
    assert frame["AREA"].max() < 4.6
    vertices = shapely.get_num_coordinates(published_size.geometry) - 1
    assert vertices.min() == 60
    assert vertices.max() == 100
    west = frame["SUBREGION"].isin(["Western Pamir", "Eastern Pamir", "Karakoram", "Western Kunlun Shan"])
    assert frame.loc[west, "AREA"].mean() == pytest.approx(0.21, abs=0.03)
    assert frame.loc[~west, "AREA"].mean() == pytest.approx(0.11, abs=0.015)


def test_thirteen_subregions_and_more_fronts_to_the_north(published_size) -> None:
    frame = published_size.frame
    assert frame["SUBREGION"].nunique() == 13
    assert frame["SUBREGION"].value_counts().index[0] == "Nyainqêntanglha"
    north = (frame["ASPECT"] < 90) | (frame["ASPECT"] > 270)
    assert 0.55 < north.mean() < 0.75
    assert not np.isnan(frame["ASPECT"]).any()


def test_more_units_than_fit_and_unknown_schemas_are_refused() -> None:
    with pytest.raises(OptionError, match="at least 1 unit"):
        synthetic_inventory(0)
    with pytest.raises(OptionError, match="at most"):
        synthetic_inventory(10_000_000)
    with pytest.raises(OptionError, match="no synthetic inventory for 'psu'"):
        synthetic_inventory(5, schema="psu")
