"""Writing: same content, same bytes; whole or not at all; never over an input; limits are counted."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rogi.errors import OptionError, OutputError
from rogi.inventory.build import from_frames
from rogi.inventory.loss import LossKind
from rogi.inventory.read import read_inventory
from rogi.inventory.write import SHAPEFILE_NAME_LENGTH, WriteFormat, write_inventory
from rogi.inventory.writing.columns import unique_names
from rogi.rules import examples
from rogi.schema.model import Role
from tests.inventory.conftest import listing, outlines


@pytest.mark.parametrize("format", list(WriteFormat))
def test_the_same_inventory_gives_the_same_bytes(tmp_path, format, monkeypatch) -> None:
    contents = []
    gaps = {"words": ["a", None, "ä", None], "numbers": [1.5, np.nan, 2, np.nan], "whole": [None, 1, None, 2]}
    inventory = examples.rgik(4)
    inventory = replace(
        inventory,
        layers=tuple(
            replace(x, frame=x.frame.assign(**gaps).astype({"whole": "Int64"})) if len(x) == 4 else x
            for x in inventory.layers
        ),
    )
    for folder, rows in (("one", 10_000), ("two", 3)):
        monkeypatch.setattr("rogi.inventory.writing.layer_files.ROWS_AT_A_TIME", rows)
        (tmp_path / folder).mkdir()
        target = tmp_path / folder / (f"inventory{format.suffix}" if format.several else "inventory")
        written = write_inventory(inventory, target, format=format)
        assert all(path.is_file() for path in written.paths)
        contents.append(
            {name: data for name, (_, _, data) in listing(tmp_path / folder).items() if name != "."}
        )
    assert contents[0] == contents[1]
    assert not any(".inventory" in name for name in contents[0])  # nothing temporary is left


def test_times_are_those_of_source_date_epoch(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    path = tmp_path / "a.gpkg"
    write_inventory(examples.tprogi(1), path)
    connection = sqlite3.connect(path)
    times = {row[0] for row in connection.execute("SELECT last_change FROM gpkg_contents")}
    connection.close()
    assert times == {"2023-11-14T22:13:20.000Z"}
    shapefile = write_inventory(examples.tprogi(1), tmp_path / "shp", format="shapefile").paths[0]
    assert shapefile.with_suffix(".dbf").read_bytes()[1:4] == bytes([123, 11, 14])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(OptionError, match="SOURCE_DATE_EPOCH is a number of seconds"):
        write_inventory(examples.tprogi(1), path)


def test_geopackage_has_domains_styles_and_the_order_of_the_schema(tmp_path) -> None:
    path = tmp_path / "a.gpkg"
    inventory = examples.rgik(2)
    shuffled = inventory.layer(Role.OUTLINE).frame
    shuffled = (
        shuffled[["geometry", "extra", *reversed(shuffled.columns[:-2])]]
        if "extra" in shuffled
        else shuffled[["geometry", *reversed([c for c in shuffled.columns if c != "geometry"])]]
    )
    write_inventory(from_frames({Role.OUTLINE: shuffled.assign(extra=1)}), path)
    frame = read_inventory(path).layers[0].frame
    names = [field.name for field in inventory.layer(Role.OUTLINE).schema.fields]
    assert list(frame.columns) == [*(n for n in names if n in frame), "extra", "geometry"]
    connection = sqlite3.connect(path)
    domains = dict(connection.execute("SELECT column_name, constraint_name FROM gpkg_data_columns"))
    styled = [row[0] for row in connection.execute("SELECT f_table_name FROM layer_styles")]
    connection.close()
    assert domains["Out.Type"] == "outline_type"
    assert styled == ["GO"]


def test_names_of_the_file_are_kept_if_asked(tmp_path) -> None:
    frame = outlines(2, primaryid=["a", "b"], RELFR=[1, 2])
    inventory = from_frames({Role.OUTLINE: frame}, dialect="rgik-template")
    inventory = replace(inventory, layers=(replace(inventory.layers[0], name="my outlines"),))
    write_inventory(inventory, tmp_path / "own.gpkg", schema_names=False)
    write_inventory(inventory, tmp_path / "schema.gpkg")
    own, schema = (read_inventory(tmp_path / f"{n}.gpkg").layers[0] for n in ("own", "schema"))
    assert (own.name, list(own.frame.columns)) == ("my outlines", ["primaryid", "RELFR", "geometry"])
    assert (schema.name, list(schema.frame.columns)) == ("GO", ["PrimaryID", "RelFr", "geometry"])


def test_an_input_is_never_written_over(geopackage, tmp_path) -> None:
    inventory = read_inventory(geopackage)
    before = geopackage.read_bytes()
    link = tmp_path / "link.gpkg"
    link.symlink_to(geopackage)
    for path in (geopackage, tmp_path / "." / "rgik.gpkg", link):
        with pytest.raises(OutputError, match="is an input; inputs are never changed"):
            write_inventory(inventory, path)
    assert geopackage.read_bytes() == before


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.gpkg"
    write_inventory(examples.tprogi(1), path)
    before = listing(tmp_path)
    broken = examples.with_geometry(examples.tprogi(2), Role.OUTLINE, {0: shapely.box(0, 0, 1, 1)})

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rogi.inventory.write.add_field_domains", fail)
    with pytest.raises(OutputError, match="could not be written: No space left on device"):
        write_inventory(broken, path)
    after = listing(tmp_path)
    assert after["a.gpkg"] == before["a.gpkg"]
    assert set(after) == set(before)


@pytest.mark.parametrize(
    ("name", "format", "error", "match"),
    [
        ("a.xyz", None, OptionError, "does not tell a format; end it in .gpkg"),
        ("a", None, OptionError, "does not tell a format"),
        ("a.gpkg", "dxf", OptionError, "'dxf' is not a format rogi writes; use one of gpkg"),
        ("a.gpkg", "csv", OptionError, "ends in .gpkg, which is not csv"),
        ("a.fgb", None, OutputError, "can hold one layer but there are 2"),
        ("no/such/folder/a.gpkg", None, OutputError, "folder .* does not exist"),
        ("no/such/folder/a", "shapefile", OutputError, "cannot be made"),
    ],
)
def test_targets_that_cannot_be(tmp_path, name, format, error, match) -> None:
    with pytest.raises(error, match=match):
        write_inventory(examples.tprogi(1), tmp_path / name, format=format)
    assert not list(tmp_path.iterdir())


def test_one_layer_in_one_file(tmp_path) -> None:
    inventory = examples.without_layer(examples.tprogi(2), Role.MARKER)
    for name in ("a.fgb", "a.parquet", "a.geoparquet", "a.shp", "a.csv"):
        assert write_inventory(inventory, tmp_path / name).paths == (tmp_path / name,)
        assert len(read_inventory(tmp_path / name).layer(Role.OUTLINE)) == 2


def test_a_shapefile_that_is_replaced_leaves_no_old_part(tmp_path) -> None:
    path = tmp_path / "a.shp"
    write_inventory(from_frames({Role.OUTLINE: outlines(2, a=[1, 2])}), path)
    write_inventory(from_frames({Role.OUTLINE: outlines(1, crs=None, a=[1])}), path)
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".cpg", ".dbf", ".shp", ".shx"]
    assert read_inventory(path).layers[0].crs is None


def test_limits_of_shapefiles_are_counted(tmp_path) -> None:
    """Names of 10 bytes, texts of 254; cut between characters, and made different."""
    frame = outlines(2, a_long_name_1=[1, 2], a_long_name_2=[3, 4], text=["x", "ê" * 200])
    written = write_inventory(from_frames({Role.OUTLINE: frame}), tmp_path / "a.shp")
    kinds = {(loss.kind, loss.detail): loss.count for loss in written.losses}
    assert kinds == {
        (LossKind.COLUMN_RENAMED, "a_long_name_1 -> a_long_nam"): 2,
        (LossKind.COLUMN_RENAMED, "a_long_name_2 -> a_long_n_1"): 2,
        (LossKind.VALUE_CUT, "more than 254 bytes"): 1,
    }
    back = read_inventory(tmp_path / "a.shp").layers[0].frame
    assert list(back.columns) == ["a_long_nam", "a_long_n_1", "text", "geometry"]
    assert back["text"].iloc[1] == "ê" * 127


def test_names_are_made_different() -> None:
    assert unique_names(["ID", "id", "Id"], None) == ["ID", "id_1", "Id_2"]
    assert unique_names(["näääääää", "näääääää"], SHAPEFILE_NAME_LENGTH) == ["nääää", "näää_1"]


@pytest.mark.parametrize("format", list(WriteFormat))
def test_odd_tables_are_written(tmp_path, format) -> None:
    """Mixed types, all null, categories, fid and geom as attributes, no rows, no geometry."""
    frame = outlines(
        3,
        mixed=[1, "a", None],
        empty=[None, None, None],
        kind=pd.Categorical(["x", "y", None]),
        fid=[7, 7, 8],
        geom=["a", "b", "c"],
        flag=[True, False, True],
        day=pd.to_datetime(["2021-07-01", None, "2021-08-01"]),
    )
    frame.loc[1, "geometry"] = None
    inventory = from_frames({Role.OUTLINE: frame})
    path = tmp_path / f"a{format.suffix}"
    written = write_inventory(inventory, path)
    back = read_inventory(path).layers[0]
    assert len(back) == 3
    assert list(back.frame["mixed"].dropna().astype(str)) == ["1", "a"]
    assert list(back.frame["kind"].dropna()) == ["x", "y"]
    assert [int(v) for v in back.frame["fid"]] == [7, 7, 8]
    assert back.geometry[1] is None
    for row in (0, 2):  # a null geometry does not disturb its neighbours
        assert shapely.equals_exact(
            back.geometry[row].normalize(), frame.geometry[row].normalize(), 1e-9
        )  # GeoJSON and KML have nine decimals
    assert LossKind.TYPE_CHANGED in {loss.kind for loss in written.losses}
    no_rows = from_frames({Role.OUTLINE: frame[:0]})
    write_inventory(no_rows, path)
    if format in (WriteFormat.KML, WriteFormat.XLSX):  # rows and placemarks are all there is in these
        return
    assert len(read_inventory(path).layers[0]) == 0


def test_polygons_among_multipolygons_become_multi(tmp_path) -> None:
    """A layer of a GeoPackage has one type; a multipolygon of one part is the same area."""
    frame = outlines(2)
    frame.geometry = [frame.geometry[0], shapely.MultiPolygon(list(frame.geometry))]
    write_inventory(from_frames({Role.OUTLINE: frame}), tmp_path / "a.gpkg")
    geometry = read_inventory(tmp_path / "a.gpkg").layers[0].geometry
    assert [g.geom_type for g in geometry] == ["MultiPolygon"] * 2
    assert [len(g.geoms) for g in geometry] == [1, 2]


def test_other_crs_is_kept(tmp_path) -> None:
    inventory = examples.reprojected(examples.tprogi(2), "EPSG:32646")
    for format in set(WriteFormat) - {WriteFormat.GEOJSON, WriteFormat.KML}:  # these are in WGS84
        target = tmp_path / (f"a{format.suffix}" if format.several else format.value)
        write_inventory(inventory, target, format=format)
        back = read_inventory(target)
        assert back.layers[1].crs.to_epsg() == 32646
        np.testing.assert_allclose(
            np.sort(shapely.bounds(back.layers[1].geometry), axis=0),
            np.sort(shapely.bounds(inventory.layers[1].geometry), axis=0),
        )


def test_a_crs_that_a_table_cannot_state_is_a_loss(tmp_path) -> None:
    """WKT in CSV names its CRS by EPSG code; a CRS without one is said to be lost."""
    albers = "+proj=aea +lat_1=25 +lat_2=47 +lon_0=105 +datum=WGS84"
    inventory = examples.reprojected(examples.tprogi(2), albers)
    losses = write_inventory(inventory, tmp_path / "a", format="csv").losses
    assert [(loss.kind, loss.count) for loss in losses] == [(LossKind.NOTE, 2)] * 2
    assert "no EPSG code" in losses[0].detail
    assert not write_inventory(examples.tprogi(2), tmp_path / "b", format="csv").losses


def test_nothing_to_write(tmp_path) -> None:
    inventory = replace(examples.tprogi(1), layers=())
    with pytest.raises(OutputError, match="has no layers"):
        write_inventory(inventory, tmp_path / "a.gpkg")
    assert isinstance(examples.tprogi(1).layers[0].frame, gpd.GeoDataFrame)
