"""Inventories of tables: index, layers, refusals; the same results as from a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import rogi
from rogi.api.inventories import as_inventory
from rogi.errors import InputError, MissingExtra, OptionError
from rogi.inventory.model import Inventory
from rogi.schema.model import Role

LABELS = ["a", "b", "c", "d"]


@pytest.fixture
def outlines() -> gpd.GeoDataFrame:
    table = rogi.synthetic_inventory(4, seed=3).outlines
    assert table is not None
    return table.set_axis(LABELS, axis=0)


@pytest.fixture
def markers() -> gpd.GeoDataFrame:
    table = rogi.synthetic_inventory(4, seed=3).markers
    assert table is not None
    return table


def test_layers_come_back_on_their_index(outlines: gpd.GeoDataFrame, markers: gpd.GeoDataFrame) -> None:
    moving = outlines.iloc[:1].set_axis([7], axis=0)
    inventory = rogi.Inventory.from_frames(outlines, markers, moving, name="mine")
    assert inventory.roles == (Role.MARKER, Role.OUTLINE, Role.MOVING_AREA)
    pd.testing.assert_frame_equal(inventory.outlines, outlines)
    pd.testing.assert_frame_equal(inventory.markers, markers)
    assert inventory.moving_areas is not None
    assert inventory.moving_areas.index.tolist() == [7]
    assert inventory.area_of_interest is None
    assert "mine" in repr(inventory)
    assert "outlines" in inventory._repr_html_()


def test_tables_handed_out_are_copies(outlines: gpd.GeoDataFrame) -> None:
    inventory = rogi.Inventory.from_frames(outlines)
    handed = inventory.outlines
    assert handed is not None
    handed["ID"] = "changed"
    handed.loc["a", "geometry"] = None
    pd.testing.assert_frame_equal(inventory.outlines, outlines)


def test_labels_follow_rows_that_are_left_out(outlines: gpd.GeoDataFrame) -> None:
    twice = pd.concat([outlines, outlines.iloc[1:2].set_axis(["again"], axis=0)]).loc[
        ["a", "b", "again", "c", "d"]
    ]
    fixed = rogi.fix(twice, "unsafe")
    assert fixed.inventory.outlines is not None
    assert fixed.inventory.outlines.index.tolist() == LABELS
    assert len(fixed.changes)


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([3, 1, 2, 0]),
        pd.Index(["x", "y", "z", "w"], name="unit"),
        pd.DatetimeIndex(["2020-01-01", "2020-01-03", "2021-01-01", "2022-01-01"]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1), ("b", 2)]),
    ],
)
def test_any_index_is_kept(outlines: gpd.GeoDataFrame, index: pd.Index) -> None:
    table = outlines.set_axis(index, axis=0)
    pd.testing.assert_index_equal(rogi.area(table).index, index)
    pd.testing.assert_index_equal(rogi.primary_id(table).index, index)
    pd.testing.assert_index_equal(rogi.parse_ids(table).index, index)


@pytest.mark.parametrize("call", [rogi.validate, rogi.fix, rogi.convert, rogi.area, rogi.primary_id])
def test_refusals_are_sentences(call: object, outlines: gpd.GeoDataFrame) -> None:
    assert callable(call)
    repeated = outlines.set_axis(["a", "b", "b", "c"], axis=0)
    with pytest.raises(InputError, match=r"repeats 'b'.*reset_index"):
        call(repeated)
    with pytest.raises(InputError, match="no geometry"):
        call(gpd.GeoDataFrame({"ID": ["x"]}))
    with pytest.raises(InputError, match=r"GeoDataFrame.*DataFrame"):
        call(pd.DataFrame({"ID": ["x"]}))
    with pytest.raises(InputError, match="neither points nor polygons"):
        call(gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=4326))
    with pytest.raises(InputError, match=r"named 7"):
        call(outlines.assign(seven=1).rename(columns={"seven": 7}))


def test_tables_of_no_use_are_refused(outlines: gpd.GeoDataFrame) -> None:
    with pytest.raises(OptionError, match="outlines="):
        Inventory.from_frames()
    with pytest.raises(InputError, match="outlines should be a GeoDataFrame, found str"):
        Inventory.from_frames("outlines.gpkg")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="nothing/1"):
        Inventory.from_frames(outlines, schema="nothing/1")
    with pytest.raises(OptionError, match="has a schema"):
        as_inventory(Inventory.from_frames(outlines), schema="rgik/1.0")


def test_points_and_polygons_in_one_table_are_two_layers(
    outlines: gpd.GeoDataFrame, markers: gpd.GeoDataFrame
) -> None:
    both = pd.concat([outlines[["ID", "geometry"]], markers[["ID", "geometry"]]])
    inventory = as_inventory(both)
    assert inventory.outlines is not None
    assert inventory.markers is not None
    assert inventory.outlines.index.tolist() == LABELS
    assert inventory.markers.index.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet"])
def test_a_table_gives_the_findings_of_its_file(
    tmp_path: Path, outlines: gpd.GeoDataFrame, suffix: str
) -> None:
    outlines.loc["c", "ID"] = outlines.loc["a", "ID"]
    outlines.loc["b", "geometry"] = shapely.Polygon([(97, 28), (98, 29), (98, 28), (97, 29)])
    outlines["mine"] = [1.5, 2.5, np.nan, 4.0]
    path = tmp_path / f"outlines{suffix}"
    write = outlines.reset_index(drop=True)
    write.to_parquet(path) if suffix == ".parquet" else write.to_file(path)
    columns = ["code", "severity", "layer", "row", "field", "message"]
    of_file = rogi.validate(path, ignore="SCH001").findings[columns]
    of_table = rogi.validate(outlines, ignore="SCH001").findings[columns]
    assert len(of_file)
    assert of_table["code"].tolist() == of_file["code"].tolist()
    assert of_table[["severity", "row", "field"]].equals(of_file[["severity", "row", "field"]])


def test_a_table_without_crs_is_a_finding(outlines: gpd.GeoDataFrame) -> None:
    report = rogi.validate(outlines.set_crs(None, allow_override=True))
    assert "SCH004" in set(report.findings["code"])
    with pytest.raises(InputError, match="set_crs"):
        rogi.primary_id(outlines.set_crs(None, allow_override=True))
    with pytest.raises(InputError, match="set_crs"):
        rogi.area(outlines.set_crs(None, allow_override=True))


def test_empty_tables(outlines: gpd.GeoDataFrame) -> None:
    empty = outlines.iloc[:0]
    assert "SCH002" in set(rogi.validate(empty).findings["code"])
    assert len(rogi.area(empty)) == 0
    assert len(rogi.primary_id(empty)) == 0
    assert len(rogi.fix(empty).changes) == 0
    assert rogi.convert(empty, "rgik/1.0").inventory.outlines is not None


def test_findings_are_a_geodataframe(outlines: gpd.GeoDataFrame, tmp_path: Path) -> None:
    clean = rogi.validate(outlines, select="PID004")
    assert isinstance(clean.findings, gpd.GeoDataFrame)
    assert len(clean.findings) == 0
    outlines.loc["c", "ID"] = outlines.loc["a", "ID"]
    report = rogi.validate(outlines, select=["PID004"], severity={"PID004": "warning"})
    assert report.findings.crs.to_epsg() == 4326
    assert set(report.findings["severity"]) == {"warning"}
    rows = report.findings["row"].to_numpy() - 1
    assert outlines.index[rows].tolist() == ["a", "c"]
    for name in ("findings.json", "findings.gpkg", "findings.html", "findings.sarif", "findings.txt"):
        assert report.write(tmp_path / name).stat().st_size
    report.write(tmp_path / "plain", format="jsonl")
    with pytest.raises(OptionError, match="unknown file extension"):
        report.write(tmp_path / "findings.doc")
    with pytest.raises(OptionError, match="one of text"):
        report.write(tmp_path / "x.txt", format="word")


def test_a_map_names_what_it_needs(outlines: gpd.GeoDataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "folium", None)
    with pytest.raises(MissingExtra, match=r"rogi-toolkit\[maps\].*findings\.html"):
        rogi.validate(outlines, select="PID004").explore()


def test_settings_and_options_agree(outlines: gpd.GeoDataFrame, tmp_path: Path) -> None:
    outlines.loc["c", "ID"] = outlines.loc["a", "ID"]
    file = tmp_path / "rogi.toml"
    file.write_text('select = ["PID", "GEO"]\n[severity]\nPID004 = "info"\n', encoding="utf-8")
    one = rogi.validate(outlines, file)
    other = rogi.validate(outlines, select=["PID", "GEO"], severity={"PID004": "info"})
    assert one.findings.equals(other.findings)
    assert rogi.validate(outlines, file, select="GEO").findings["code"].str.startswith("GEO").all()
    with pytest.raises(OptionError, match="strict"):
        rogi.validate(outlines, profile="harsh")
    with pytest.raises(OptionError):
        rogi.validate(outlines, select="PIX")


def test_a_report_is_that_of_the_command(
    outlines: gpd.GeoDataFrame, tmp_path: Path, run_cli: Callable[..., str]
) -> None:
    outlines.loc["c", "ID"] = outlines.loc["a", "ID"]
    source = tmp_path / "outlines.gpkg"
    outlines.reset_index(drop=True).to_file(source)
    chosen = ("--select", "PID,GEO,ATT", "--ignore", "GEO012", "--severity", "PID004=warning")
    day = ("--date", "2026-01-31", "--profile", "strict", "--parameter", "GEO014.minimum_area=0.5")
    said = run_cli("validate", source, *chosen, *day, "--format", "json", "--no-config")
    report = rogi.validate(
        source,
        select=["PID", "GEO", "ATT"],
        ignore="GEO012",
        severity={"PID004": "warning"},
        date=dt.date(2026, 1, 31),
        profile="strict",
        parameters={"GEO014.minimum_area": 0.5},
    )
    assert report.write(tmp_path / "report.json").read_text("utf-8") == said
    baseline = tmp_path / "baseline.json"
    run_cli("validate", source, "--write-baseline", baseline, "--fail-on", "never", "--no-config")
    assert set(rogi.validate(source, baseline=baseline).findings["state"]) == {"baseline"}


def test_fix_writes_what_the_command_writes(
    outlines: gpd.GeoDataFrame, tmp_path: Path, run_cli: Callable[..., str]
) -> None:
    outlines["ID"] = " " + outlines["ID"].str.lower()
    source = tmp_path / "outlines.gpkg"
    outlines.reset_index(drop=True).to_file(source)
    run_cli("validate", source, "--fix", "safe", "--fixed", tmp_path / "command.gpkg", "--fail-on", "never")
    rogi.fix(source).write(tmp_path / "function.gpkg")
    names = ("command.gpkg", "function.gpkg")
    assert len({(tmp_path / name).read_bytes() for name in names}) == 1
    assert len({(tmp_path / f"{name}.changes.csv").read_bytes() for name in names}) == 1


def test_convert_writes_what_the_command_writes(
    outlines: gpd.GeoDataFrame, tmp_path: Path, run_cli: Callable[..., str]
) -> None:
    source = tmp_path / "outlines.gpkg"
    outlines.reset_index(drop=True).to_file(source)
    run_cli("convert", source, tmp_path / "a.gpkg", "--to-schema", "rgik/1.0", "--to-crs", "EPSG:32645")
    converted = rogi.convert(source, "rgik/1.0", crs=32645)
    converted.write(tmp_path / "b.gpkg")
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    assert {"layer", "column", "kind", "features", "detail"} == set(converted.losses.columns)
    with pytest.raises(OptionError, match="EPSG"):
        rogi.convert(outlines, crs=999999)


def test_z_and_other_names_of_the_geometry(outlines: gpd.GeoDataFrame) -> None:
    high = outlines.set_geometry(shapely.force_3d(outlines.geometry.array, 5000.0)).rename_geometry("shape")
    pd.testing.assert_series_equal(rogi.area(high), rogi.area(outlines))
    report = rogi.validate(high)
    assert "GEO006" in set(report.findings["code"]) | {o.code for o in report.outcomes}
    moved = outlines.to_crs(32645)
    np.testing.assert_allclose(rogi.area(moved), rogi.area(outlines), rtol=1e-5)


def test_the_rules_of_a_report_are_a_table() -> None:
    report = rogi.validate(rogi.synthetic_inventory(3), select="GEO")
    table = report.rules.set_index("code")
    assert len(table) == len(report.outcomes)
    assert table.loc["GEO003", ["status", "findings", "severity"]].tolist() == ["passed", 0, "error"]
    assert table.loc["PID001", ["status", "reason"]].tolist() == ["not run", "not selected"]
