"""Attributes in a table of their own, joined to outlines by ID."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio
import pytest

from rogi.errors import InputError
from rogi.inventory.read import read_inventory
from rogi.schema.model import Role
from tests.inventory.conftest import outlines

IDS = ["RGU300000N0900000E", "RGU300000N0901000E", "RGU300000N0902000E"]


@pytest.fixture
def shapes(tmp_path):
    path = tmp_path / "outlines.gpkg"
    outlines(3, RGU_ID=IDS, area=[1.0, 2.0, 3.0]).to_file(path, layer="outlines")
    return path


def _table(path, frame: pd.DataFrame):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        pyogrio.write_arrow(table, path, driver=path.suffix[1:].upper(), layer="attributes")
    return path


@pytest.mark.parametrize("name", ["attributes.xlsx", "attributes.ods", "attributes.csv"])
def test_joined_by_id_in_any_order(shapes, tmp_path, name) -> None:
    frame = pd.DataFrame(
        {
            "Code": [IDS[2].lower(), f" {IDS[0]} ", "RGU999999N0000000E"],
            "ele_mean": [4000.5, 4100.5, 1.5],
            "AREA": [9, 9, 9],
        }
    )
    layer = read_inventory(shapes, table=_table(tmp_path / name, frame)).layer(Role.OUTLINE)
    assert isinstance(layer.frame, gpd.GeoDataFrame)
    assert layer.frame["ele_mean"].tolist()[::2] == [4100.5, 4000.5]
    assert pd.isna(layer.frame["ele_mean"][1])
    assert layer.frame["area"].tolist() == [1, 2, 3]
    assert layer.columns["elevation_mean"] == "ele_mean"
    assert layer.notes == (
        f"{name} was joined by Code: 2 of 3 outlines have a row there",
        f"1 row of {name} matches none of the outlines: left out",
        f"AREA of {name} were left out: the outlines have columns of these names",
    )


def test_joined_by_an_id_of_their_own(tmp_path) -> None:
    outlines(2, site_id=[7, 8]).to_file(tmp_path / "outlines.gpkg")
    table = _table(tmp_path / "a.csv", pd.DataFrame({"SITE_ID": [8, 7], "name": ["b", "a"]}))
    layer = read_inventory(tmp_path / "outlines.gpkg", table=table).layer(Role.OUTLINE)
    assert layer.frame["name"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"RGU_ID": [IDS[0], IDS[0]], "x": [1, 2]}, r"has the ID .* more than once \(rows 1, 2\)"),
        ({"RGU_ID": ["RGU111111N1111111E"], "x": [1]}, "none of its IDs in RGU_ID is one of the outlines"),
        ({"name": ["a"], "x": [1]}, r"a\.csv has no column of IDs"),
    ],
)
def test_refused(shapes, tmp_path, content, said) -> None:
    table = _table(tmp_path / "a.csv", pd.DataFrame(content))
    with pytest.raises(InputError, match=said):
        read_inventory(shapes, table=table)


def test_only_tables_are_joined(shapes) -> None:
    with pytest.raises(InputError, match="is no table to join"):
        read_inventory(shapes, table=shapes)
