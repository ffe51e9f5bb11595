"""The GeoPackage holds every finding once, in the layer of its geometry, styled for QGIS."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely
from lxml import etree

from rogi.report.format import Format
from rogi.report.validation import render
from rogi.validation.report import Report

LAYERS = ("findings_polygon", "findings_line", "findings_point")


@pytest.fixture(scope="module")
def path(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("gpkg") / "findings.gpkg"
    render(report, Format.GPKG, target)
    return target


def test_every_finding_once(path: Path, report: Report) -> None:
    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    assert names == [*LAYERS, "findings_without_place", "conformance", "summary", "layer_styles"]
    prints = [p for name in names[:4] for p in pyogrio.read_dataframe(path, layer=name)["fingerprint"]]
    assert sorted(prints) == sorted(report.findings["fingerprint"])


def test_geometry(path: Path) -> None:
    """Invalid shapes as they are, Z dropped, of mixed collections the parts that have area."""
    polygons = gpd.read_file(path, layer="findings_polygon")
    assert polygons.crs.to_epsg() == 4326
    assert set(polygons.geom_type) == {"MultiPolygon"}
    assert not polygons.loc[polygons["code"] == "GEO003"].is_valid.any()
    mixed = polygons.loc[polygons["state"] == "baseline"].geometry.iloc[0]
    assert mixed.equals(shapely.box(97.0, 30.0, 97.01, 30.01))
    line = gpd.read_file(path, layer="findings_line").geometry.iloc[0]
    assert not line.has_z and shapely.get_coordinates(line).tolist() == [[-70, -33], [-69, -32]]


def test_styles_name_their_layers(path: Path) -> None:
    """Every layer with geometry has a default style; QML is well-formed and knows the three severities."""
    with sqlite3.connect(path) as base:
        styles = base.execute(
            "select f_table_name, f_geometry_column, useAsDefault, styleQML from layer_styles"
        ).fetchall()
        columns = dict(base.execute("select table_name, column_name from gpkg_geometry_columns").fetchall())
    assert [s[0] for s in styles] == list(LAYERS)
    for name, column, default, qml in styles:
        assert columns[name] == column and default == 1
        root = etree.fromstring(qml.encode("utf-8").split(b"\n", 1)[1])
        values = [c.get("value") for c in root.iter("category")]
        assert values == ["error", "warning", "info"]
        assert {s.get("name") for s in root.iter("symbol")} == {
            c.get("symbol") for c in root.iter("category")
        }


def test_conformance_is_in_it(path: Path, report: Report) -> None:
    table = pyogrio.read_dataframe(path, layer="conformance")
    assert table["code"].tolist() == [o.code for o in report.outcomes]
    assert table["outcome"].tolist() == [o.status.value for o in report.outcomes]


def test_no_findings(empty_report: Report, tmp_path: Path) -> None:
    render(empty_report, Format.GPKG, tmp_path / "empty.gpkg")
    names = [str(name) for name, _ in pyogrio.list_layers(tmp_path / "empty.gpkg")]
    assert names == ["conformance", "summary"]
