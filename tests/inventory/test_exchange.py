"""GeoJSON, KML and XLSX: what other programs find in them, what comes back, what is counted as lost."""

from __future__ import annotations

import json

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from typer.testing import CliRunner

from rogi.errors import InputError, OutputError
from rogi.inventory.build import from_frames
from rogi.inventory.loss import LossKind
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.inventory.writing.exchange import _cut, unfit_for_shapefile
from rogi.rules import examples
from rogi.schema.model import Role
from tests.inventory.conftest import outlines

IDS = ["RGU300000N0900000E", "RGU300000N0901000E", "RGU300000N0902000E"]
HOSTILE = '<a href="x">&"=1+1"</a>\x1b]]>'


def _inventory(frame: gpd.GeoDataFrame):
    return from_frames({Role.OUTLINE: frame})


@pytest.mark.parametrize("format", ["kml", "xlsx"])
@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
def test_layers_of_one_file_come_back(tmp_path, make, format) -> None:
    inventory = make(5)
    path = tmp_path / f"inventory.{format}"
    written = write_inventory(inventory, path)
    assert written.paths == (path,)
    assert {loss.kind for loss in written.losses} <= {LossKind.GEOMETRY_CHANGED}
    first = path.read_bytes()
    write_inventory(inventory, path)
    assert path.read_bytes() == first
    back = read_inventory(path)
    assert back.roles == inventory.roles
    for layer in inventory.layers:
        twin = back.layer(layer.role)
        assert dict(layer.columns) == dict(twin.columns)
        assert shapely.equals_exact(
            shapely.normalize(shapely.force_2d(layer.geometry)), shapely.normalize(twin.geometry), 1e-9
        ).all()
        for concept in layer.columns:
            a, b = layer.raw(concept), twin.raw(concept)
            assert (a.isna() == b.isna()).all()
            if pd.api.types.is_numeric_dtype(a.dtype):
                assert a.dropna().tolist() == pytest.approx(b.dropna().astype(float).tolist())


def test_geojson_by_rfc_7946(tmp_path) -> None:
    frame = outlines(3, ID=IDS).to_crs(32645)
    path = tmp_path / "outlines.geojson"
    written = write_inventory(_inventory(frame), path)
    content = json.loads(path.read_text())
    assert "crs" not in content
    assert all("id" not in feature for feature in content["features"])
    for feature, shape in zip(content["features"], outlines(3).geometry, strict=True):
        (ring,) = feature["geometry"]["coordinates"]
        assert shapely.LinearRing(ring).is_ccw
        assert (
            shapely.Polygon(ring).equals_exact(shapely.orient_polygons(shape), 1e-8)
            or shapely.Polygon(ring).symmetric_difference(shape).area < 1e-10
        )
    assert any("to WGS84" in loss.detail and loss.count == 3 for loss in written.losses)
    assert read_inventory(path).layer(Role.OUTLINE).frame["PrimaryID"].tolist() == IDS


@pytest.mark.parametrize(
    "shape",
    [
        shapely.box(179.9, 10, 180.1, 11),
        shapely.box(-180.1, 10, -179.9, 11),
        shapely.Polygon([(179.9, 10), (-179.9, 10), (-179.9, 11), (179.9, 11)]),
    ],
)
def test_outlines_are_cut_at_the_antimeridian(tmp_path, shape) -> None:
    """Two halves of 0.1 degrees, whichever way the outline was written."""
    west, east = sorted(shapely.get_parts(_cut(shape)), key=lambda g: g.bounds[0])
    assert west.bounds == pytest.approx((-180, 10, -179.9, 11))
    assert east.bounds == pytest.approx((179.9, 10, 180, 11))
    frame = gpd.GeoDataFrame({"ID": ["a"]}, geometry=[shape], crs=4326)
    written = write_inventory(_inventory(frame), tmp_path / "outlines.geojson")
    assert any(loss.detail == "cut at the antimeridian" and loss.count == 1 for loss in written.losses)
    (feature,) = json.loads((tmp_path / "outlines.geojson").read_text())["features"]
    assert feature["geometry"]["type"] == "MultiPolygon"


def test_nothing_is_lost_where_nothing_changes(tmp_path) -> None:
    frame = outlines(3, ID=IDS)
    frame.geometry = shapely.orient_polygons(frame.geometry.values)
    assert write_inventory(_inventory(frame), tmp_path / "outlines.geojson").losses == ()
    assert write_inventory(_inventory(frame), tmp_path / "outlines.kml").losses == ()


@pytest.mark.parametrize("name", ["a.geojson", "a.kml"])
def test_without_crs_there_is_no_wgs84(tmp_path, name) -> None:
    with pytest.raises(InputError, match="no coordinate reference system"):
        write_inventory(_inventory(outlines(1, crs=None, ID=IDS[:1])), tmp_path / name)


def test_texts_of_strangers_stay_texts(tmp_path) -> None:
    frame = outlines(1, ID=IDS[:1], comment=[HOSTILE], **{'b"<&': ["=1+1"]})
    column = 'b"<&'
    for name in ("outlines.kml", "outlines.xlsx"):
        write_inventory(_inventory(frame), tmp_path / name, schema_names=False)
        back = read_inventory(tmp_path / name).layer(Role.OUTLINE).frame
        assert back["comment"][0].replace("\ufffd", "\x1b") == HOSTILE or name.endswith("xlsx")
        assert back[column][0] == "=1+1"
    raw = pyogrio.read_dataframe(tmp_path / "outlines.xlsx")
    assert "=1+1" in raw.to_numpy().ravel().tolist()  # a formula would have no value


def test_geometry_too_long_for_a_cell_is_counted(tmp_path) -> None:
    frame = outlines(2, ID=IDS[:2])
    frame.geometry = [frame.geometry[0], shapely.Point(90, 30).buffer(0.1, quad_segs=500)]
    written = write_inventory(_inventory(frame), tmp_path / "outlines.xlsx")
    assert [(loss.kind, loss.count) for loss in written.losses] == [(LossKind.GEOMETRY_LEFT_OUT, 1)]
    back = read_inventory(tmp_path / "outlines.xlsx").layer(Role.OUTLINE)
    assert [g is None for g in back.geometry] == [False, True]


def test_a_shapefile_of_one_kind(tmp_path) -> None:
    point, square = shapely.Point(1, 2), shapely.box(0, 0, 1, 1)
    frame = outlines(4, ID=list("abcd"))
    frame.geometry = [square, None, shapely.Polygon(), point]
    with pytest.raises(OutputError, match=r"x\.shp cannot.* row 4 is a Point \(1 rows are no polygons"):
        write_inventory(_inventory(frame), tmp_path / "x.shp")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([shapely.box(0, 0, 1, 1), shapely.MultiPolygon([shapely.box(0, 0, 1, 1)]), None], None),
        ([shapely.Point(0, 0), shapely.Point()], None),
        ([None], None),
        ([], None),
        ([shapely.Point(0, 0), shapely.MultiPoint([(0, 0)])], "row 2 is a MultiPoint"),
        ([shapely.LineString([(0, 0), (1, 1)]), *[shapely.box(0, 0, 1, 1)] * 2], "row 1 is a LineString"),
        ([shapely.GeometryCollection([shapely.Point(0, 0)])], "row 1 is a GeometryCollection"),
    ],
)
def test_unfit_for_a_shapefile(shapes, said) -> None:
    import numpy as np

    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    found = unfit_for_shapefile(geometry)
    assert (found is None) if said is None else found.startswith(said)


def test_convert_takes_several_files(tmp_path) -> None:
    from rogi import cli

    inventory = examples.tprogi(3)
    write_inventory(inventory, tmp_path / "parts", format="shapefile")
    parts = sorted(str(path) for path in (tmp_path / "parts").glob("*.shp"))
    out = tmp_path / "all.gpkg"
    result = CliRunner().invoke(cli.app, ["convert", *parts, str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    assert len(parts) == 2
    assert len(pyogrio.list_layers(out)) >= 2
    assert read_inventory(out).roles == inventory.roles
