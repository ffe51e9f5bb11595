"""Primary IDs from Python: those of the command, on the index of what was given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import rogi
from rogi.errors import InputError, OptionError

Run = Callable[..., str]


@pytest.fixture
def markers() -> gpd.GeoDataFrame:
    """Four markers, one of which lost its leading zeros in the ID, and a row without a place."""
    points = gpd.points_from_xy(
        [7.22832, -109.2526, 97.24263, 8.4471], [45.98846, 38.4455, 28.15273, 46.5071]
    )
    ids = ["RGU72283E45988N", "RGU384455N1092526W", "nothing", "RGU465071N084471E", None]
    table = gpd.GeoDataFrame({"ID": ids}, geometry=[*points, None], crs="EPSG:4326")
    return table.set_axis(["a", "b", "c", "d", "e"], axis=0)


@pytest.fixture
def file(markers: gpd.GeoDataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "markers.gpkg"
    markers.reset_index(drop=True).to_file(path)
    return path


def test_ids_are_made_as_by_the_command(markers: gpd.GeoDataFrame, file: Path, run_cli: Run) -> None:
    made = rogi.primary_id(markers)
    # degrees in 1e-4, latitude first
    assert made.to_dict() == {
        "a": "RGU459885N0072283E", "b": "RGU384455N1092526W", "c": "RGU281527N0972426E",
        "d": "RGU465071N0084471E", "e": None,
    }  # fmt: skip
    said = json.loads(run_cli("id", "make", file, "--format", "json"))
    assert [row["id"] for row in said] == made.tolist()
    assert rogi.primary_id(markers.to_crs(3857)).tolist() == made.tolist()
    assert rogi.primary_id(markers.geometry, prefix="RGS")["b"] == "RGS384455N1092526W"
    with pytest.raises(OptionError, match="auto, centroid, inside"):
        rogi.primary_id(markers, at="corner")


def test_the_point_of_an_outline_can_be_chosen() -> None:
    # an L whose centroid is outside
    shape = shapely.Polygon(
        [(97, 28), (97.02, 28), (97.02, 28.001), (97.001, 28.001), (97.001, 28.02), (97, 28.02)]
    )
    table = gpd.GeoDataFrame(geometry=[shape], crs=4326)
    auto, centroid, inside = (rogi.primary_id(table, at=at)[0] for at in ("auto", "centroid", "inside"))
    assert auto == inside != centroid


def test_ids_are_parsed_and_repaired_as_by_the_command(
    markers: gpd.GeoDataFrame, file: Path, run_cli: Run
) -> None:
    parsed, repaired = rogi.parse_ids(markers), rogi.repair_ids(markers)
    for found, command in ((parsed, "parse"), (repaired, "repair")):
        assert found.index.tolist() == ["a", "b", "c", "d", "e"]
        said = pd.DataFrame(json.loads(run_cli("id", command, file, "--format", "json"))).drop(columns="row")
        plain = found.reset_index(drop=True)
        for name in said:
            same = [
                a == b or (pd.isna(a) and pd.isna(b)) or a == pytest.approx(b)
                for a, b in zip(said[name], plain[name], strict=True)
            ]
            assert all(same), (command, name)
    assert repaired["id"][:4].to_dict() == rogi.primary_id(markers)[:4].to_dict()
    assert pd.isna(repaired.loc["e", "id"])
    by_text = rogi.repair_ids(markers, by_position=False)
    assert by_text.loc["c", "method"] == "none"


def test_texts_alone() -> None:
    texts = pd.Series(["RGU384455N1092526W", None, "x"], index=["p", "q", "r"])
    assert rogi.parse_ids(texts)["in_range"].to_dict() == {"p": True, "q": False, "r": False}
    assert rogi.repair_ids(texts).loc["p", "method"] == "unchanged"
    assert len(rogi.parse_ids([])) == 0


def test_refusals(markers: gpd.GeoDataFrame) -> None:
    with pytest.raises(InputError, match="as a list"):
        rogi.parse_ids("RGU384455N1092526W")
    with pytest.raises(InputError, match="no column of primary IDs"):
        rogi.parse_ids(markers[["geometry"]])
    with pytest.raises(OptionError, match="no column 'name'"):
        rogi.parse_ids(markers, column="name")
    with pytest.raises(OptionError, match="0 or more"):
        rogi.repair_ids(markers, tolerance=-1)
