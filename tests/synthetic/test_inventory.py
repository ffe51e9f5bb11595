"""Synthetic inventories are free of findings, the same for the same seed, and like the published ones."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import shapely

from rogi.errors import OptionError
from rogi.inventory.write import write_inventory
from rogi.schema.model import Role
from rogi.synthetic.inventory import synthetic_inventory
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
