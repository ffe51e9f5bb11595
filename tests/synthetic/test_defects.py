"""Planted defects: the key names every finding, before and after writing, and there is no other."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from rogi.errors import OptionError
from rogi.inventory.model import Inventory
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.rules.examples import tprogi
from rogi.rules.registry import rules
from rogi.schema.model import Role
from rogi.synthetic.defects import not_planted, plant
from rogi.synthetic.defects.plant import PLANTERS
from rogi.synthetic.inventory import synthetic_inventory
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

SCHEMAS = ("tprogi/1.0", "rgik/1.0")


def findings(inventory: Inventory) -> pd.DataFrame:
    """All findings; no rule broke down."""
    report = validate(inventory, Settings(today=dt.date(2026, 1, 1)))
    assert not report.crashed, report.crashed
    return report.findings


def places(table: pd.DataFrame) -> set[tuple[str, str, int, int]]:
    """Rule, layer, row and row of the second feature (0: none)."""
    other = table["other_row"].fillna(0).astype(int)
    return set(zip(table["code"], table["layer"], table["row"], other, strict=True))


def check(inventory: Inventory, key: pd.DataFrame) -> pd.DataFrame:
    """Recall is 100 %, and no row but those of the key has a finding."""
    found = findings(inventory)
    missed, false = places(key) - places(found), places(found) - places(key)
    assert not missed, missed
    assert not false, found[["code", "layer", "row", "other_row", "message"]].to_string()
    return found


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_defect_is_found_and_nothing_else(schema: str, seed: int) -> None:
    check(*plant(synthetic_inventory(300, seed, schema), seed=seed))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_written_and_read_again_the_findings_are_the_same(schema: str, tmp_path) -> None:
    """Rows with other types, null and empty geometries, Z and mixed parts survive the GeoPackage."""
    inventory, key = plant(synthetic_inventory(400, 4, schema), seed=9)
    path = tmp_path / "practice.gpkg"
    assert not write_inventory(inventory, path).losses
    before, after = check(inventory, key), check(read_inventory(path), key)
    columns = ["code", "severity", "layer", "row", "field", "message", "other_row"]
    pd.testing.assert_frame_equal(before[columns], after[columns])


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("seed", range(10, 25))
def test_many_seeds(schema: str, seed: int) -> None:
    check(*plant(synthetic_inventory(260, seed, schema), seed=seed))


@pytest.mark.slow
def test_the_published_number_of_units(tmp_path) -> None:
    inventory, key = plant(synthetic_inventory(44_273, 1), seed=1, per_rule=20)
    check(inventory, key)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_rule_is_planted_or_has_a_reason(schema: str) -> None:
    name = schema.partition("/")[0]
    planted = {p.code for p in PLANTERS if name in p.schemas}
    reasons = not_planted(schema)
    assert planted | set(reasons) == set(rules())
    assert not planted & set(reasons)
    assert all(reasons.values())


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS)
def test_one_rule_at_a_time(schema: str) -> None:
    """Each rule by itself: its key holds what it brings about, with nothing else around it."""
    clean = synthetic_inventory(40, 3, schema)
    name = schema.partition("/")[0]
    for planter in PLANTERS:
        if name not in planter.schemas:
            continue
        inventory, key = plant(clean, seed=2, select=(planter.code,), per_rule=1)
        assert set(key["planted_for"]) == {planter.code}
        assert planter.code in set(key["code"])
        check(inventory, key)


def test_selection_by_prefix_and_name_and_number_per_rule() -> None:
    _, key = plant(synthetic_inventory(60, 1), seed=1, select=("ATT00", "mapper-is-reviewer"), per_rule=4)
    own = key[key["code"] == key["planted_for"]]
    assert set(own["code"]) == {f"ATT00{i}" for i in range(1, 10)} | {"REV002"}
    assert own["code"].value_counts()["ATT003"] == 4
    assert own["code"].value_counts()["ATT006"] == 1  # of the layer, so once


def test_each_defect_has_units_of_its_own() -> None:
    """No feature is named by defects of two rules."""
    _, key = plant(synthetic_inventory(300, 8, "rgik/1.0"), seed=8)
    rows = key[key["row"] > 0]
    assert (rows.groupby(["layer", "row"])["planted_for"].nunique() == 1).all()


def test_same_seed_same_bytes_and_the_clean_inventory_is_left_alone(tmp_path) -> None:
    clean = synthetic_inventory(200, 5)
    write_inventory(clean, tmp_path / "before.gpkg")
    for name in ("a", "b"):
        made, key = plant(clean, seed=5)
        write_inventory(made, tmp_path / f"{name}.gpkg")
        key.to_csv(tmp_path / f"{name}.csv")
    write_inventory(clean, tmp_path / "after.gpkg")
    for one, other in (("a.gpkg", "b.gpkg"), ("a.csv", "b.csv"), ("before.gpkg", "after.gpkg")):
        assert (tmp_path / one).read_bytes() == (tmp_path / other).read_bytes()
    _, another = plant(clean, seed=6)
    assert places(another) != places(key)


def test_what_cannot_be_done_is_refused() -> None:
    small = synthetic_inventory(20, 1)
    with pytest.raises(OptionError, match="take 186 units, the inventory has 20"):
        plant(small, seed=1)
    with pytest.raises(OptionError, match="at least 30 units"):
        plant(small, seed=1, select=("ATT012",))
    with pytest.raises(OptionError, match=r"None of the rules selected .* SCH004: without a CRS"):
        plant(small, seed=1, select=("SCH004",))
    with pytest.raises(OptionError, match="no rule 'GOE015'"):
        plant(small, seed=1, select=("GOE015",))
    with pytest.raises(OptionError, match="At least 1 defect"):
        plant(small, seed=1, per_rule=0)
    with pytest.raises(OptionError, match="clean synthetic inventory"):
        plant(plant(small, seed=1, select=("REL002",))[0], seed=1)
    west = synthetic_inventory(30, 1, region="Western Pamir")
    with pytest.raises(OptionError, match=r"PID003 takes 3 units between 91° and 99.9° E"):
        plant(west, seed=1, select=("PID003",))


def test_key_holds_the_ids_of_the_file() -> None:
    inventory, key = plant(tprogi_of_any_kind(), seed=1, select=("PID", "ATT001"), per_rule=1)
    for role in (Role.MARKER, Role.OUTLINE):
        ids = inventory.layer(role).frame["ID"].fillna("").to_list()
        rows = key[key["layer"] == role.value]
        assert [ids[row - 1] for row in rows["row"]] == rows["id"].to_list()


def tprogi_of_any_kind() -> Inventory:
    """Small hand-made inventories are as good as generated ones: markers and outlines in one order."""
    return tprogi(30, origin=(92.0, 30.4))
