"""Checking stored attributes against rasters: agreement is silent, what was changed is found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine

from rogi.attributes.configuration import AttributeSettings
from rogi.attributes.derive import derive_attributes
from rogi.attributes.recheck import with_recomputed
from rogi.errors import InputError, OptionError
from rogi.inventory.build import from_frames
from rogi.inventory.model import Inventory
from rogi.inventory.write import write_inventory
from rogi.schema.model import Role
from rogi.terrain import RadiationParameters
from rogi.validation.engine import validate
from rogi.validation.report import Status
from rogi.validation.settings import Settings

QUICK = RadiationParameters(search_radius=2000.0, n_sectors=8)
ONLY = Settings(select=("ATT020",))


@pytest.fixture
def dem(write_raster: Callable[..., Path]) -> Path:
    row, column = np.indices((240, 240))
    values = (5000 - 8.0 * column + 150 * np.sin(row / 20)).astype(np.float32)
    grid = Affine(1 / 1200, 0, 90, 0, -1 / 1200, 31)
    return write_raster("dem.tif", values, grid, "EPSG:4326", nodata=-32768)


@pytest.fixture
def inventory(dem: Path) -> Inventory:
    """Outlines with attributes of the elevation model."""
    shapes = [shapely.Point(90.05 + 0.03 * k, 30.9).buffer(0.004) for k in range(4)]
    plain = gpd.GeoDataFrame({"ID": [None] * 4}, geometry=shapes, crs=4326)
    settings = AttributeSettings(dem=(str(dem),), radiation=QUICK)
    filled = derive_attributes(from_frames({Role.OUTLINE: plain}, "tprogi/1.0", "tprogi"), settings).inventory
    layer = filled.layer(Role.OUTLINE)
    assert layer is not None
    return from_frames({Role.OUTLINE: layer.frame}, "tprogi/1.0", "tprogi")


def changed(inventory: Inventory, **values: dict[int, float]) -> Inventory:
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    frame = layer.frame.copy()
    for column, table in values.items():
        for row, value in table.items():
            frame.loc[row, column] = value
    return from_frames({Role.OUTLINE: frame}, "tprogi/1.0", "tprogi")


def test_what_was_derived_passes(inventory: Inventory, dem: Path) -> None:
    checked, *_ = with_recomputed(inventory, AttributeSettings(dem=(str(dem),), radiation=QUICK))
    (outcome,) = [o for o in validate(checked, ONLY).outcomes if o.code == "ATT020"]
    assert outcome.status is Status.PASSED
    assert set(checked.recomputed[Role.OUTLINE]) >= {"elevation_mean", "slope_maximum", "aspect", "radiation"}


def test_what_was_changed_is_found(inventory: Inventory, dem: Path) -> None:
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    turned = (float(layer.frame["ASPECT"][2]) + 180) % 360
    wrong = changed(inventory, ELE_MEAN={1: 4000.0}, ASPECT={2: turned}, SLO_MAX={3: 60.0})
    checked, *_ = with_recomputed(wrong, AttributeSettings(dem=(str(dem),), radiation=QUICK))
    findings = validate(checked, ONLY).findings
    assert set(zip(findings["row"], findings["field"], strict=True)) == {
        (2, "ELE_MEAN"),
        (3, "ASPECT"),
        (4, "SLO_MAX"),
    }
    assert "4000 m is stored, but the rasters give" in findings.set_index("field").loc["ELE_MEAN", "message"]


def outcome_of(inventory: Inventory, dem: Path) -> tuple[Status, str]:
    checked, *_ = with_recomputed(inventory, AttributeSettings(dem=(str(dem),), radiation=QUICK))
    (outcome,) = [o for o in validate(checked, ONLY).outcomes if o.code == "ATT020"]
    return outcome.status, outcome.reason


def only(inventory: Inventory, values: list[object]) -> Inventory:
    """An inventory whose only attribute is ELE_MEAN."""
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    frame = layer.frame[["ID", "geometry"]].assign(ELE_MEAN=values)
    return from_frames({Role.OUTLINE: frame}, "tprogi/1.0", "tprogi")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([-9999.0] * 4, "4 no number, a fill value or out of range"),
        (["high", "low", "high", "low"], "4 no number"),
        ([15_700.0] * 4, "4 no number, a fill value or out of range"),  # feet
        ([np.nan] * 4, "4 null"),
        ([np.nan, -9999.0, None, 1e20], "2 null, 2 no number"),
    ],
)  # fmt: skip
def test_a_column_that_cannot_be_compared_has_not_passed(
    inventory: Inventory, dem: Path, values: list[object], why: str
) -> None:
    status, reason = outcome_of(only(inventory, values), dem)
    assert status is Status.NOT_RUN
    assert "ELE_MEAN not compared" in reason
    assert why in reason


def test_nulls_and_uncovered_units_are_counted(inventory: Inventory, dem: Path) -> None:
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    frame = layer.frame.copy()
    frame.loc[3, "geometry"] = shapely.Point(10, 10).buffer(0.01)
    frame.loc[1, "SLO_MAX"] = np.nan
    frame["PISR"] = -9999.0
    status, reason = outcome_of(from_frames({Role.OUTLINE: frame}, "tprogi/1.0", "tprogi"), dem)
    assert status is Status.PASSED
    assert "ELE_MEAN not compared in part: 1 without a value from the rasters" in reason
    assert "SLO_MAX not compared in part: 1 null, 1 without a value from the rasters" in reason
    assert "PISR not compared: 4 no number, a fill value or out of range" in reason


def test_a_column_in_another_unit_is_said(inventory: Inventory, dem: Path) -> None:
    """Aspects as N, NE, ... cannot be compared with degrees."""
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    frame = layer.frame.copy().assign(ASPECT="NE")
    changed = from_frames({Role.OUTLINE: frame}, "tprogi/1.0", "tprogi")
    found = changed.layer(Role.OUTLINE)
    assert found is not None
    dialect = replace(found.dialect, units={**found.dialect.units, "aspect": "cardinal"})
    status, reason = outcome_of(replace(changed, layers=(replace(found, dialect=dialect),)), dem)
    assert status is Status.PASSED
    assert "ASPECT not compared: it is in cardinal" in reason


def test_without_rasters_it_is_not_run(inventory: Inventory) -> None:
    (outcome,) = [o for o in validate(inventory, ONLY).outcomes if o.code == "ATT020"]
    assert outcome.status is Status.NOT_RUN
    assert "--check-attributes" in outcome.reason
    with pytest.raises(OptionError, match="name these"):
        with_recomputed(inventory, AttributeSettings())


def test_nothing_to_compare(dem: Path) -> None:
    plain = gpd.GeoDataFrame({"ID": ["a"]}, geometry=[shapely.Point(90.1, 30.9).buffer(0.01)], crs=4326)
    with pytest.raises(InputError, match="holds none of the attributes"):
        with_recomputed(
            from_frames({Role.OUTLINE: plain}, "tprogi/1.0", "tprogi"), AttributeSettings(dem=(str(dem),))
        )


def test_command(
    inventory: Inventory,
    dem: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from rogi import cli

    path = tmp_path / "in.gpkg"
    write_inventory(
        changed(inventory, ELE_MEAN={1: 4000.0}, PISR={0: np.nan, 1: np.nan, 2: np.nan, 3: np.nan}), path
    )

    def run(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["rogi", "validate", str(path), "--no-config", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, errors = capsys.readouterr()
        return int(end.value.code or 0), out + errors

    rule = ("--select", "ATT020", "--fail-on", "warning")
    settings = tmp_path / "a.toml"
    settings.write_text("[attributes.radiation]\nsearch_radius = 2000.0\nn_sectors = 8\n")
    code, text = run("--check-attributes", "--dem", dem, "--attributes-config", settings, *rule)
    assert code == 1
    assert "ATT020" in text
    assert run("--dem", dem, *rule)[0] == 2
