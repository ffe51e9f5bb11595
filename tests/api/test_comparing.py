"""Comparison, statistics and reviews from Python: the numbers of the commands, on the index of the tables."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import rogi
from rogi.errors import InputError, OptionError


def squares(
    *corners: tuple[float, float], side: float = 1000.0, index: list[str] | None = None
) -> gpd.GeoDataFrame:
    shapes = [
        shapely.box(500_000 + x, 3_000_000 + y, 500_000 + x + side, 3_000_000 + y + side) for x, y in corners
    ]
    return gpd.GeoDataFrame(geometry=shapes, crs="EPSG:32645", index=index)


@pytest.fixture
def old() -> gpd.GeoDataFrame:
    return squares((0, 0), (5000, 0), (9000, 0), index=["p", "q", "r"])


@pytest.fixture
def new() -> gpd.GeoDataFrame:
    return squares((9000, 500), (0, 0), (20_000, 0), index=["x", "y", "z"]).to_crs(4326)


def test_pairs_are_on_the_indices(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> None:
    pairs = rogi.match(old, new).set_index("index_a")
    assert pairs["index_b"].to_dict() == {"p": "y", "r": "x"}
    # half of each of two squares of one size: 1/3 in common
    assert pairs["iou"].to_dict() == {"p": pytest.approx(1, abs=1e-6), "r": pytest.approx(1 / 3, abs=1e-6)}


def test_frames_of_a_comparison(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, tmp_path: Path) -> None:
    comparison = rogi.compare(old, new)
    numbers = comparison.agreement.set_index("metric")["value"]
    # 1.5 of three squares each are in common
    assert numbers[["recall", "precision"]].tolist() == [pytest.approx(0.5, abs=1e-5)] * 2
    assert numbers[["count_a", "count_b", "only_a", "only_b"]].tolist() == [3, 3, 1, 1]
    crosswalk = comparison.crosswalk
    assert set(crosswalk["index_a"].dropna()) == {"p", "q", "r"}
    assert set(crosswalk["index_b"].dropna()) == {"x", "y", "z"}
    assert comparison.clusters["side"].value_counts().to_dict() == {"a": 3, "b": 3}
    assert comparison.losses["area_m2"].sum() == pytest.approx(1.5e6, rel=2e-3)
    assert comparison.gains.crs.to_epsg() == 4326
    assert comparison.write(tmp_path / "report.html").stat().st_size
    assert "Comparison of B with A" in repr(comparison)
    assert "recall" in comparison._repr_html_()
    with pytest.raises(InputError, match="three or more"):
        comparison.consensus  # noqa: B018
    with pytest.raises(OptionError, match=r"report\.docx"):
        comparison.write(tmp_path / "report.docx")


def test_the_command_says_the_same(
    old: gpd.GeoDataFrame, new: gpd.GeoDataFrame, tmp_path: Path, run_cli: Callable[..., str]
) -> None:
    old["name"] = ["west", "west", "east"]
    new["name"] = ["east", "west", "east"]
    regions = gpd.GeoDataFrame(
        {"name": ["left", "right"]},
        geometry=[
            shapely.box(480_000, 2_990_000, 504_000, 3_010_000),
            shapely.box(504_000, 2_990_000, 540_000, 3_010_000),
        ],
        crs="EPSG:32645",
    )
    for name, table in (("old", old), ("new", new), ("regions", regions)):
        table.reset_index(drop=True).to_file(tmp_path / f"{name}.gpkg")
    paths = tmp_path / "old.gpkg", tmp_path / "new.gpkg"
    said = run_cli(
        "compare",
        *paths,
        "--by",
        tmp_path / "regions.gpkg",
        "--format",
        "json",
        "--crosswalk",
        tmp_path / "links.csv",
        "--iou",
        "0.25",
        "--seed",
        "4",
    )
    made = rogi.compare(*paths, by=tmp_path / "regions.gpkg", iou=0.25, seed=4)
    made.write(tmp_path / "made.json")
    assert json.loads(said) == json.loads((tmp_path / "made.json").read_text("utf-8"))
    made.crosswalk.to_csv(tmp_path / "made.csv", index=False, lineterminator="\n")
    assert (tmp_path / "links.csv").read_bytes() == (tmp_path / "made.csv").read_bytes()
    in_memory = rogi.compare(old, new, by=regions, iou=0.25, seed=4)
    pd.testing.assert_frame_equal(in_memory.agreement, made.agreement)
    pd.testing.assert_frame_equal(in_memory.groups, made.groups)
    assert in_memory.groups["group"].tolist() == ["left", "right"]
    inside = rogi.compare(old, new, region=regions.iloc[:1]).agreement.set_index("metric")["value"]
    assert inside[["count_a", "count_b"]].tolist() == [1, 1]
    by_column = rogi.compare(old, new, by="name").groups
    assert by_column["count_a"].tolist() == [1, 2]


def test_several_operators(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> None:
    made = rogi.compare(old, new, old)
    assert len(made.consensus) == 3
    assert "3 operators" in repr(made)
    assert len(made.clusters) == 9
    with pytest.raises(OptionError, match="between 1 and 3"):
        rogi.compare(old, new, old, min_votes=4)


def test_published_counts(old: gpd.GeoDataFrame) -> None:
    assert rogi.compare(old, reference="all").references["published"].notna().all()


def test_refusals(old: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> None:
    with pytest.raises(OptionError, match="nothing to be compared"):
        rogi.compare(old)
    with pytest.raises(OptionError, match="nothing to be compared"):
        rogi.compare()
    with pytest.raises(OptionError, match=r"at most 1, found 1\.5"):
        rogi.compare(old, new, iou=[1.5])
    with pytest.raises(OptionError, match="outline or marker"):
        rogi.compare(old, new, role="polygon")
    with pytest.raises(InputError, match="set_crs"):
        rogi.compare(old.set_crs(None, allow_override=True), new)
    with pytest.raises(InputError, match="no primary markers"):
        rogi.compare(old, new, role="marker")
    with pytest.raises(OptionError, match="takes one inventory"):
        rogi.compare(old, new, reference="all")
    with pytest.raises(OptionError, match=r"no file gone\.gpkg"):
        rogi.compare(old, new, region="gone.gpkg")
    assert rogi.compare(old, new, fail_under={"f1": 0.99}).failed
    assert not rogi.compare(old, new, fail_under={"f1": 0.1}).failed
    assert rogi.compare(old, new, fail_over={"only_a": 0}).failed
    with pytest.raises(OptionError, match=r"use fail_over=\{'only_a': 0.0\}, not fail_under"):
        rogi.compare(old, new, fail_under={"only_a": 0})


def test_a_side_whose_coordinates_are_all_wrong_is_refused(old: gpd.GeoDataFrame) -> None:
    """Of one with some wrong ones the rest is compared."""
    swapped = old.set_geometry(shapely.transform(old.geometry.values, lambda xy: xy[:, ::-1]))
    with pytest.raises(InputError, match=r"B has nothing to compare: .* swapped coordinates \(SCH007\)"):
        rogi.compare(old, swapped)
    mixed = pd.concat([swapped.iloc[:1], old.iloc[1:]])
    assert len(rogi.match(old, mixed)) == 2


def test_empty_tables(old: gpd.GeoDataFrame) -> None:
    assert len(rogi.match(old, old.iloc[:0])) == 0
    comparison = rogi.compare(old.iloc[:0], old.iloc[:0])
    assert len(comparison.agreement) == 0
    assert len(comparison.clusters) == 0
    assert len(comparison.crosswalk) == 0


def test_summaries_are_those_of_the_command(tmp_path: Path, run_cli: Callable[..., str]) -> None:
    inventory = rogi.synthetic_inventory(60, seed=5)
    path = tmp_path / "inventory.gpkg"
    inventory.write(path)
    said = json.loads(
        run_cli("stats", path, "--format", "json", "--grid", tmp_path / "grid.gpkg", "--cell", "80")
    )
    table = rogi.summarise(path)
    pd.testing.assert_frame_equal(table, rogi.summarise(inventory))
    whole = table[table["group"] == "all"].set_index("quantity")
    stated = {entry["concept"]: entry for entry in said["whole"]["quantities"]}
    assert set(stated) == set(whole.index) - {"aspect", "units"}
    assert whole.loc["units", "count"] == 60
    for concept, entry in stated.items():
        for name in ("count", "mean", "median", "minimum", "maximum"):
            assert whole.loc[concept, name] == pytest.approx(entry[name]), (concept, name)
    assert whole.loc["area", "total"] == pytest.approx(said["whole"]["total_area"])
    cells = rogi.grid(path, cell=80)
    stored = gpd.read_file(tmp_path / "grid.gpkg")
    plain = [pd.DataFrame(table.drop(columns="geometry")) for table in (cells, stored)]
    pd.testing.assert_frame_equal(*plain, check_dtype=False)
    with pytest.raises(OptionError, match="above 0 km"):
        rogi.grid(path, cell=0)


def test_regions_as_a_table(old: gpd.GeoDataFrame) -> None:
    regions = gpd.GeoDataFrame(
        {"name": ["left"]}, geometry=[shapely.box(499_000, 2_999_000, 502_000, 3_002_000)], crs=32645
    )
    table = rogi.summarise(old, regions=regions)
    assert table.drop_duplicates("group").set_index("group")["units"].to_dict() == {
        "all": 3,
        "left": 1,
        "(none)": 2,
    }
    empty = rogi.summarise(old.iloc[:0])
    assert empty["quantity"].tolist() == ["units"]


def test_samples_are_those_of_the_command(tmp_path: Path, run_cli: Callable[..., str]) -> None:
    inventory = rogi.synthetic_inventory(60, seed=5)
    path = tmp_path / "inventory.gpkg"
    inventory.write(path)
    run_cli(
        "review",
        "sample",
        path,
        "-o",
        tmp_path / "command",
        "--n",
        "12",
        "--stratify",
        "size",
        "--reviewers",
        "Li,Rossi",
    )
    sample = rogi.draw_sample(path, n=12, stratify="size")
    written = sample.write(tmp_path / "function", ["Li", "Rossi"])
    for file in written:
        assert file.read_bytes() == (tmp_path / "command" / file.name).read_bytes(), file.name
    assert sample.strata["drawn"].sum() == len(sample.units) == 12
    markers = inventory.markers
    assert markers is not None
    named = rogi.draw_sample(markers.set_index("ID", drop=False), n=4)
    assert named.units.index.tolist() == named.units["ID"].tolist()
    with pytest.raises(OptionError, match="none or subregion or size"):
        rogi.draw_sample(path, stratify="colour")


def test_scores_are_those_of_the_command(tmp_path: Path, run_cli: Callable[..., str]) -> None:
    inventory = rogi.synthetic_inventory(60, seed=5)
    inventory.write(tmp_path / "inventory.gpkg")
    sample = rogi.draw_sample(inventory, n=4)
    sample.write(tmp_path / "review", ["Li", "Rossi"])
    files = []
    for name, verdicts in (("Li", ["Yes", "Yes", "No", "Yes"]), ("Rossi", ["Yes", "No", "No", "Yes"])):
        table = pd.read_csv(tmp_path / "review" / "sample.csv").assign(verdict=verdicts, reviewer=name)
        files.append(tmp_path / "review" / f"{name}.csv")
        table.to_csv(files[-1], index=False)
    score = rogi.score_reviews(files)
    assert score.reviewers.set_index("reviewer").loc["Li", ["Yes", "No", "correct"]].tolist() == [3, 1, 0.75]
    assert score.disagreements[["Li", "Rossi"]].values.tolist() == [["Yes", "No"]]
    # three of four alike; by chance 0.75 * 0.5 + 0.25 * 0.5 = 0.5
    assert score.pairs["kappa"].tolist() == [pytest.approx(0.5)]
    said = run_cli("review", "score", *files)
    assert str(score) == said
    changed, count = score.apply_to(inventory)
    assert count == 4
    outlines = changed.outlines
    assert outlines is not None
    assert outlines["ADDI_INF"].str.contains("Review: Li Yes, Rossi No").sum() == 1
    with pytest.raises(OptionError, match="same reviewer"):
        rogi.score_reviews([files[0], files[0]])
    assert math.isfinite(score.reviewers["correct_low"].iloc[0])


def test_labels_that_are_numbers_stay_whole_where_a_partner_is_missing() -> None:
    old = rogi.synthetic_inventory(4, seed=2).outlines
    crosswalk = rogi.compare(old, old.iloc[1:]).crosswalk.sort_values("index_a")
    assert crosswalk["index_a"].tolist() == [0, 1, 2, 3]
    assert crosswalk["index_b"].dtype == "Int64"
    assert old.loc[crosswalk["index_b"].dropna()].index.tolist() == [1, 2, 3]
