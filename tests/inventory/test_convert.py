"""Converting: names, terms and units of a schema; every loss counted. Expected values by hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from rogi.errors import InputError, OptionError
from rogi.inventory.build import from_frames
from rogi.inventory.convert import convert
from rogi.inventory.loss import LossKind
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.rules import examples
from rogi.schema.load import load_dialect
from rogi.schema.model import Role
from rogi.synthetic.inventory import synthetic_inventory
from tests.inventory.conftest import outlines


def _points(n: int, crs: str = "EPSG:4326", **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[shapely.Point(8 + k, 46) for k in range(n)], crs=crs)


def test_swiss_markers_become_rgik() -> None:
    swiss = _points(
        4,
        pm_pid=["RGU460000N080000E"] * 4,
        pm_type=["rock_glacier"] * 4,
        rgu_upsl_con=["talus", "glacier_forefield", "talus ", None],
        rgu_activity_class=["active", "active_uncertain", "relict", "sleeping"],
        rgu_destabilized=["yes", "no", None, "yes"],
        rgu_kin_radar=["x"] * 4,
    )
    inventory = from_frames({Role.MARKER: swiss}, dialect="rogi-ch")
    result = convert(inventory)
    frame = result.inventory.layers[0].frame
    assert list(frame.columns[:4]) == ["PrimaryID", "Upsl.Con.", "Acti.Cl.", "Destabili."]
    assert list(frame["Upsl.Con."].dropna()) == [
        "Talus-connected",
        "Glacier forefield-connected",
        "Talus-connected",
    ]
    assert list(frame["Acti.Cl."]) == ["Active", "Active uncertain", "Relict", "sleeping"]
    assert list(frame["PrimaryID"]) == ["RGU460000N080000E"] * 4  # an ID is a name; it is not touched
    losses = {(loss.column, loss.kind): loss for loss in result.losses}
    assert losses["rgu_destabilized", LossKind.VALUE_AMBIGUOUS].count == 2
    assert "could also be a completed" in losses["rgu_destabilized", LossKind.VALUE_AMBIGUOUS].detail
    assert losses["rgu_activity_class", LossKind.VALUE_UNKNOWN].count == 1
    assert ("rgu_kin_radar", LossKind.COLUMN_WITHOUT_MEANING) not in losses  # known to the dialect, kept
    assert list(frame["rgu_kin_radar"]) == ["x"] * 4
    assert result.inventory.dialect.name == "rgik-template"
    assert list(swiss.columns[:2]) == ["pm_pid", "pm_type"]  # the original is as it was


def test_converting_twice_changes_nothing_more() -> None:
    once = convert(
        from_frames({Role.MARKER: _points(1, pm_pid=["a"], rgu_morphology=["simple"])}, dialect="rogi-ch")
    )
    twice = convert(once.inventory)
    assert once.inventory.layers[0].frame.equals(twice.inventory.layers[0].frame)
    assert list(twice.inventory.layers[0].frame["Morpho."]) == ["Simple"]


def test_units_become_those_of_the_schema() -> None:
    """La Sal gives m² and cardinal directions; TPRoGI wants km² and degrees."""
    table = _points(
        3, IPA_id=["a", "b", "c"], area_m2=[10_000.0, 250_000.0, None], aspect_med_cardinal=["N", "sw", "?"]
    )
    result = convert(from_frames({Role.MARKER: table}, dialect="la-sal"), "tprogi/1.0")
    frame = result.inventory.layers[0].frame
    np.testing.assert_allclose(frame["AREA"], [0.01, 0.25, np.nan])
    np.testing.assert_array_equal(frame["ASPECT"], [0.0, 225.0, np.nan])
    kinds = {(loss.column, loss.kind): loss.count for loss in result.losses}
    assert kinds["aspect_med_cardinal", LossKind.VALUE_AMBIGUOUS] == 2
    assert kinds["aspect_med_cardinal", LossKind.VALUE_LEFT_OUT] == 1


def test_aspect_classes_from_east() -> None:
    """1 = E, 2 = SE, 3 = S, 4 = SW, 5 = W, 6 = NW, 7 = N, 8 = NE in the global inventory of 2026."""
    frame = outlines(8, aspect=range(1, 9), pzi=[0.5] * 8)
    result = convert(from_frames({Role.OUTLINE: frame}, dialect="global-2026"), "tprogi/1.0")
    assert list(result.inventory.layers[0].frame["ASPECT"]) == [90, 135, 180, 225, 270, 315, 0, 45]


def test_layers_and_columns_without_a_place() -> None:
    result = convert(examples.rgik(2), "tprogi/1.0")
    assert result.inventory.roles == (Role.MARKER, Role.OUTLINE)
    left = {loss.layer: loss.count for loss in result.losses if loss.kind is LossKind.LAYER_LEFT_OUT}
    assert left == {"MA": 2, "AOI": 1}
    kept = [loss.column for loss in result.losses if loss.kind is LossKind.COLUMN_WITHOUT_MEANING]
    assert "Out.Type" in kept
    assert "Out.Type" in result.inventory.layer(Role.OUTLINE).frame
    dropped = convert(examples.rgik(2), "tprogi/1.0", keep_extra=False)
    assert "Out.Type" not in dropped.inventory.layer(Role.OUTLINE).frame
    assert "Out.Type" in [loss.column for loss in dropped.losses if loss.kind is LossKind.COLUMN_LEFT_OUT]


def test_columns_that_are_kept_stay_known() -> None:
    frame = outlines(1, RGU_ID=["a"], Slope=[412.0], PrimaryID=["b"], deep=[1])
    converted = convert(from_frames({Role.OUTLINE: frame}), "rgik/1.0").inventory.layers[0]
    assert converted.columns == {"primary_id": "PrimaryID", "slope_mean": "Slope"}
    assert set(converted.frame) >= {"RGU_ID", "deep"}


def test_an_extra_column_does_not_take_the_name_of_a_field() -> None:
    frame = outlines(1, primary_id=["a"], primaryid=["b"])
    result = convert(from_frames({Role.OUTLINE: frame}, dialect="generic"))
    table = result.inventory.layers[0].frame
    assert list(table["PrimaryID"]) == ["a"]
    assert list(table["primaryid_source"]) == ["b"]


def test_reprojection_is_asked_for() -> None:
    inventory = examples.reprojected(examples.tprogi(2), "EPSG:32646")
    assert convert(inventory).inventory.layers[0].crs.to_epsg() == 32646
    back = convert(inventory, crs="EPSG:4326").inventory
    np.testing.assert_allclose(
        shapely.get_coordinates(back.layers[1].geometry),
        shapely.get_coordinates(examples.tprogi(2).layers[1].geometry),
        atol=1e-9,
    )
    with pytest.raises(InputError, match="have no coordinate reference system"):
        convert(examples.with_crs(inventory, Role.MARKER, None), crs="EPSG:4326")
    with pytest.raises(OptionError, match="'nowhere' is not a coordinate reference system"):
        convert(inventory, crs="nowhere")


@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
def test_an_inventory_under_its_own_schema_loses_nothing(make) -> None:
    inventory = examples.without_layer(make(3), Role.MOVING_AREA)  # whose fields are not established
    result = convert(inventory)
    assert result.losses == ()
    for before, after in zip(inventory.layers, result.inventory.layers, strict=True):
        assert dict(before.columns) == dict(after.columns)
        for column in before.columns.values():
            assert before.frame[column].equals(after.frame[column])


def test_a_converted_file_is_recognised(tmp_path) -> None:
    """Written and read again, a converted inventory speaks the dialect of its schema."""
    swiss = _points(2, pm_pid=["a", "b"], rgu_morphology=["simple"] * 2, rgu_activity_class=["active"] * 2)
    result = convert(from_frames({Role.MARKER: swiss}, dialect="rogi-ch"))
    write_inventory(result.inventory, tmp_path / "a.gpkg")
    back = read_inventory(tmp_path / "a.gpkg")
    assert back.dialect.name == load_dialect("rgik-template").name
    assert dict(back.layers[0].columns) == dict(result.inventory.layers[0].columns)


def test_what_programs_stored_beside_the_layers_is_a_loss(tmp_path: Path) -> None:
    """A project, a style and metadata of QGIS, and an endless view; the styles that rogi writes are not."""
    path = tmp_path / "inventory.gpkg"
    write_inventory(
        from_frames(
            {Role.OUTLINE: outlines(1, ID=["RGU300050N0900050E"])}, schema="tprogi/1.0", dialect="tprogi"
        ),
        path,
    )
    assert not convert(read_inventory(path)).losses
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE qgis_projects (name TEXT, content BLOB)")
        connection.execute("INSERT INTO qgis_projects VALUES ('mine', x'00'), ('other', x'01')")
        connection.execute(
            "INSERT INTO layer_styles (f_table_name, styleName, styleQML) VALUES ('a', 'mine', '<qgis/>')"
        )
        connection.execute(
            "CREATE VIEW v AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
        )
    lost = [str(loss) for loss in convert(read_inventory(path)).losses]
    assert lost == [
        "v: table left out: not read, so its rows are not known",
        "qgis_projects: table left out, 2 rows: plays no role in an inventory",
        "layer_styles: table left out, 1 row: plays no role in an inventory",
    ]


def test_a_schema_to_itself_loses_nothing() -> None:
    """A column whose meaning is known stays as it is, though the layer's schema has no field for it."""
    for schema in ("rgik/1.0", "tprogi/1.0"):
        made = synthetic_inventory(5, 1, schema)
        assert convert(made, schema).losses == ()
