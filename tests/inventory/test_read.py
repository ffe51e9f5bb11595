"""Reading: formats, folders, archives, several layers of one role, options; the inputs stay as they are."""

from __future__ import annotations

import json
import os
import sqlite3
import zipfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.affinity import translate

from rogi.errors import InputError, OptionError
from rogi.inventory.read import layers_for, read_inventory
from rogi.inventory.write import write_inventory
from rogi.rules import examples
from rogi.schema.model import Role
from tests.inventory.conftest import outlines, without_triggers

ALL_FORMATS = ["gpkg", "geoparquet", "flatgeobuf", "shapefile", "csv"]


def _same(one, other) -> None:
    """Same rows, same geometries (rings may turn), same meaning of columns."""
    assert one.roles == other.roles
    for layer in one.layers:
        twin = other.layer(layer.role)
        assert len(layer) == len(twin)
        assert shapely.equals_identical(
            shapely.normalize(layer.geometry), shapely.normalize(twin.geometry)
        ).all()
        assert dict(layer.columns) == dict(twin.columns)
        for concept in layer.columns:
            a, b = layer.raw(concept), twin.raw(concept)
            assert (a.isna() == b.isna()).all()
            if pd.api.types.is_float_dtype(a.dtype):  # a Shapefile has 15 decimals
                np.testing.assert_allclose(b.dropna().astype(float), a.dropna(), rtol=0, atol=1e-15)
            else:
                assert [str(x) for x in a.dropna()] == [str(x) for x in b.dropna()]
        assert np.array_equal(twin.rows, np.arange(1, len(twin) + 1))


@pytest.mark.parametrize("format", ALL_FORMATS)
@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
def test_every_format_gives_back_what_was_written(tmp_path, untouched, make, format) -> None:
    inventory = make(5)
    path = tmp_path / ("inventory.gpkg" if format == "gpkg" else "inventory")
    write_inventory(inventory, path, format=format)
    untouched()
    back = read_inventory(path)
    _same(inventory, back)
    assert back.dialect.name == inventory.dialect.name
    assert back.schema.id == inventory.schema.id
    assert all(layer.crs.to_epsg() == 4326 for layer in back.layers)
    assert not back.notes
    assert not any(layer.notes for layer in back.layers)


@pytest.mark.parametrize("suffix", ["geojson", "kml"])
def test_geojson_and_kml_are_longitude_and_latitude(tmp_path, untouched, suffix) -> None:
    path = tmp_path / f"outlines.{suffix}"
    outlines(3, name=["a", "b", "c"]).to_file(path, driver="KML" if suffix == "kml" else "GeoJSON")
    untouched()
    inventory = read_inventory(path)
    assert inventory.roles == (Role.OUTLINE,)
    assert inventory.layers[0].crs.to_epsg() == 4326
    assert shapely.equals_exact(
        inventory.layers[0].geometry, outlines(3).geometry.array, 1e-9, normalize=True
    ).all()


def test_kmz(tmp_path, untouched) -> None:
    outlines(2).to_file(tmp_path / "doc.kml", driver="KML")
    with zipfile.ZipFile(tmp_path / "rock glaciers.kmz", "w") as archive:
        archive.write(tmp_path / "doc.kml", "doc.kml")
        archive.writestr("files/icon.png", b"x")
    untouched()
    layer = read_inventory(tmp_path / "rock glaciers.kmz").layers[0]
    assert len(layer) == 2
    assert layer.sources[0].driver == "KMZ"
    assert layer.sources[0].path.name == "rock glaciers.kmz"


def test_folder_of_shapefiles(shapefiles, untouched) -> None:
    untouched()
    inventory = read_inventory(shapefiles)
    assert inventory.roles == (Role.MARKER, Role.OUTLINE)
    assert inventory.dialect.name == "tprogi"
    assert "TPRoGI_Extended_Footprint" in inventory.dialect_reason
    assert [layer.sources[0].driver for layer in inventory.layers] == ["ESRI Shapefile"] * 2
    assert inventory.layers[0].fids is None


def test_zipped_shapefiles_with_folders_inside(shapefiles, tmp_path, untouched) -> None:
    archive = tmp_path / "TPRoGI.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        for part in sorted(shapefiles.iterdir()):
            z.write(part, f"TPRoGI v1.0/{part.name}")
        z.writestr("__MACOSX/._TPRoGI_Extended_Footprint.shp", b"junk")
        z.writestr("README.txt", "read me")
    untouched()
    inventory = read_inventory(archive)
    _same(read_inventory(shapefiles), inventory)
    source = inventory.layers[0].sources[0]
    assert source.path == archive / "TPRoGI v1.0" / "TPRoGI_Primary_Marker.shp"


def test_upper_case_suffixes(shapefiles, tmp_path) -> None:
    folder = tmp_path / "DOS"
    folder.mkdir()
    for part in shapefiles.iterdir():
        (folder / part.name.upper()).write_bytes(part.read_bytes())
    _same(read_inventory(shapefiles), read_inventory(folder))


def test_several_paths_and_named_layers(shapefiles, geopackage, tmp_path, untouched) -> None:
    untouched()
    files = [shapefiles / "TPRoGI_Primary_Marker.shp", shapefiles / "TPRoGI_Extended_Footprint.shp"]
    _same(read_inventory(shapefiles), read_inventory(files))
    only = read_inventory(layers=[f"outline={files[1]}"])
    assert only.roles == (Role.OUTLINE,)
    both = read_inventory(geopackage, layers=[f"outline={geopackage}:MA"])
    assert len(both.layer(Role.OUTLINE)) == 4
    assert both.layer(Role.OUTLINE).name == "MA"
    assert any("GO" in note and "not read" in note for note in both.notes)
    assert (
        read_inventory(geopackage, layers=["area-of-interest=GO"]).layer(Role.AREA_OF_INTEREST).name == "GO"
    )


@pytest.mark.parametrize(
    ("layers", "error", "match"),
    [
        (["outline"], OptionError, "write role=path"),
        (["outlines=x.gpkg"], OptionError, "no layer role 'outlines'; the roles are marker, outline"),
        (["outline=nothing.gpkg"], InputError, "nothing.gpkg does not exist"),
        (["outline={path}:nothing"], InputError, "no layer 'nothing'; it has PM, GO, MA, AOI"),
        (["outline={path}"], InputError, "has several layers .*; write outline=.*:LAYER"),
    ],
)
def test_bad_named_layers(geopackage, layers, error, match) -> None:
    with pytest.raises(error, match=match):
        read_inventory(layers=[spec.format(path=geopackage) for spec in layers])


def test_other_options(geopackage) -> None:
    with pytest.raises(OptionError, match="nothing to read"):
        read_inventory()
    with pytest.raises(OptionError, match="'EPSG:0' is not a coordinate reference system"):
        read_inventory(geopackage, crs="EPSG:0")
    with pytest.raises(OptionError):
        read_inventory(geopackage, schema="nonsense")
    assert read_inventory(geopackage, schema="tprogi/1.0").schema.id == "tprogi/1.0"
    assert read_inventory(geopackage, dialect="rgik-published").dialect_reason == "chosen by the user"


def test_feature_ids_and_row_numbers(tmp_path) -> None:
    path = tmp_path / "a.gpkg"
    outlines(3, n=[1, 2, 3]).to_file(path, layer="outlines")
    without_triggers(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE outlines SET fid = fid * 100")
    connection.commit()
    connection.close()
    layer = read_inventory(path).layers[0]
    assert list(layer.fids) == [100, 200, 300]
    assert list(layer.rows) == [1, 2, 3]


def test_layers_of_one_role_are_joined(tmp_path, untouched) -> None:
    for k, n in enumerate((2, 3)):
        part = outlines(n, PrimaryID=["x"] * n, **{f"extra{k}": [k] * n})
        part.set_geometry(part.translate(0, k)).to_file(tmp_path / f"outlines_{k}.gpkg")
    untouched()
    layer = read_inventory(tmp_path).layers[0]
    assert len(layer) == 5
    assert list(layer.source_index) == [0, 0, 1, 1, 1]
    assert list(layer.rows) == [1, 2, 1, 2, 3]
    assert [s.path.name for s in layer.sources] == ["outlines_0.gpkg", "outlines_1.gpkg"]
    assert [s.features for s in layer.sources] == [2, 3]
    assert layer.frame["extra0"].notna().tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("changed", [0, 2, 3])
def test_versions_of_one_layer_are_not_joined(tmp_path, changed) -> None:
    """With half or more of their outlines in common they are asked for; named one by one they are read."""
    path = tmp_path / "a.gpkg"
    old = outlines(4, PrimaryID=list("abcd"))
    new = old.set_geometry([translate(g, 0, 5 * (k < changed)) for k, g in enumerate(old.geometry)])
    for name, frame in (("v1", old), ("v2", new)):
        frame.to_file(path, layer=name, mode="a" if path.exists() else "w")
    if changed == 3:
        assert len(read_inventory(path).layers[0]) == 8
        return
    with pytest.raises(InputError, match=rf"v1\) .*v2\) have {4 - changed} outlines .*layers="):
        read_inventory(path)
    assert len(read_inventory(path, layers=["outline=v2"]).layers[0]) == 4
    assert len(read_inventory(path, layers=["outline=v1", "outline=v2"]).layers[0]) == 8


@pytest.mark.parametrize(
    ("shift", "kinds", "rows"),
    [
        (0.002, ("Extended", "Extended"), 0),  # drawn anew under the same IDs
        (0.002, ("Extended", "Restricted"), 8),  # two outlines of each unit
        (0.05, ("Extended", "Extended"), 8),  # each region counts its units from a
    ],
)
def test_outlines_drawn_anew_are_a_version(tmp_path, shift, kinds, rows) -> None:
    for k, kind in enumerate(kinds):
        frame = outlines(4, PrimaryID=list("abcd"), OutType=[kind] * 4)
        frame.set_geometry(frame.translate(k * shift)).to_file(tmp_path / f"outlines_{k}.gpkg")
    if rows:
        assert len(read_inventory(tmp_path).layers[0]) == rows
    else:
        with pytest.raises(InputError, match="4 outlines in common, so they look like versions"):
            read_inventory(tmp_path)


def test_outlines_without_numbers_are_joined_in_silence(tmp_path, recwarn) -> None:
    """A coordinate that is no number is a finding of a rule, no warning of a library."""
    for k in range(2):
        part = outlines(3, PrimaryID=["x"] * 3)
        broken = part.translate(0, k).to_list()
        ring = shapely.get_coordinates(broken[0])
        ring[2] = np.inf
        broken[0] = shapely.Polygon(ring)
        part.set_geometry(broken, crs=part.crs).to_file(tmp_path / f"outlines_{k}.gpkg")
    recwarn.clear()
    assert len(read_inventory(tmp_path).layers[0]) == 6
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_outlines_of_two_types_in_two_layers(tmp_path) -> None:
    """Where a column says which layer is restricted and which extended, equal outlines are no copies."""
    path = tmp_path / "a.gpkg"
    for kind in ("Extended", "Restricted"):
        frame = outlines(3, PrimaryID=list("abc"), Out_Type=[kind] * 3)
        frame.to_file(path, layer=kind, mode="a" if path.exists() else "w")
    assert len(read_inventory(path).layers[0]) == 6


@pytest.mark.parametrize(
    ("member", "epsg"),
    [
        (None, 4326),
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}, 4326),
        ({"type": "name", "properties": {"name": "CRS84"}}, 4326),
        ({"type": "name", "properties": {"name": "WGS 84 / UTM zone 45N"}}, 32645),
        ({"type": "name", "properties": {"name": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}, 4326),
        ({"type": "name", "properties": {"name": "EPSG:32645"}}, 32645),
        ({"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::99999"}}, None),
        ({"properties": {"href": "http://localhost/crs"}, "type": "link"}, None),
    ],
)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("escaped", [False, True])
def test_the_crs_member_of_geojson(tmp_path, member, epsg, last, escaped) -> None:
    """What is not known counts as none; drivers would take WGS84."""
    features = json.loads(outlines(2).to_json(drop_id=True))["features"]
    made = {"type": "FeatureCollection"}
    made |= {"features": features, "crs": member} if last else {"crs": member, "features": features}
    text = json.dumps(made)
    if escaped:  # as PHP writes it
        text = text.replace("/", "\\/")
    (tmp_path / "a.geojson").write_text(text)
    crs = read_inventory(tmp_path / "a.geojson").layers[0].crs
    assert epsg == (crs and (crs.to_epsg() or 4326))
    given = read_inventory(tmp_path / "a.geojson", crs="EPSG:4326").layers[0].crs
    assert (given.to_epsg() or 4326) == (epsg or 4326)


def test_layers_of_one_role_must_share_their_crs(tmp_path) -> None:
    outlines(2).to_file(tmp_path / "outlines_1.gpkg")
    outlines(2).to_crs(32646).to_file(tmp_path / "outlines_2.gpkg")
    with pytest.raises(
        InputError, match=r"outlines_1.gpkg is in EPSG:4326 but .*outlines_2.gpkg in EPSG:32646"
    ):
        read_inventory(tmp_path)


def test_regional_copies_are_not_counted_twice(tmp_path) -> None:
    """The global inventory of 2026 ships one file of all and one for each region."""
    whole = outlines(5, area=range(5), pzi=range(5), maat=range(5), magt=range(5), precipitation=range(5))
    whole.to_file(tmp_path / "global_rgs.gpkg")
    whole[:2].to_file(tmp_path / "global_rgs_01.gpkg")
    whole[2:].to_file(tmp_path / "global_rgs_02.gpkg")
    gpd.GeoDataFrame({"name": ["x"]}, geometry=[shapely.box(80, 20, 99, 40)], crs=4326).to_file(
        tmp_path / "global_rg_regions.gpkg"
    )
    inventory = read_inventory(tmp_path)
    assert inventory.dialect.name == "global-2026"
    assert len(inventory.layer(Role.OUTLINE)) == 5
    assert len(inventory.layer(Role.AREA_OF_INTEREST)) == 1
    assert any("2 regional files global_rgs_NN were not read" in note for note in inventory.notes)
    (tmp_path / "global_rgs.gpkg").unlink()
    assert len(read_inventory(tmp_path).layer(Role.OUTLINE)) == 5


def test_one_table_in_two_formats_is_read_once(tmp_path) -> None:
    outlines(2).to_file(tmp_path / "outlines.gpkg")
    outlines(2).to_file(tmp_path / "outlines.shp")
    inventory = read_inventory(tmp_path)
    assert len(inventory.layers[0]) == 2
    assert any("outlines.shp was passed over for outlines.gpkg" in note for note in inventory.notes)


def test_layers_without_a_role_are_noted(geopackage) -> None:
    gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=4326).to_file(
        geopackage, layer="rivers"
    )
    inventory = read_inventory(geopackage)
    assert len(inventory.layers) == 4
    assert any("layer rivers" in note and "was not read" in note for note in inventory.notes)


def test_role_by_geometry_alone(tmp_path) -> None:
    outlines(2).to_file(tmp_path / "a.gpkg", layer="whatever")
    inventory = read_inventory(tmp_path / "a.gpkg")
    assert inventory.roles == (Role.OUTLINE,)
    assert inventory.notes == ("a.gpkg (layer whatever) was taken for the outlines by its geometry",)


def test_a_layer_counts_before_a_file_of_its_name(geopackage, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "MA").mkdir()
    outlines(1).to_file(tmp_path / "MA" / "other.gpkg")
    assert len(read_inventory(geopackage, layers=["outline=MA"]).layer(Role.OUTLINE)) == 4
    assert len(read_inventory(geopackage, layers=["outline=./MA"]).layer(Role.OUTLINE)) == 1
    assert layers_for(geopackage, ["outline=MA"], [geopackage]) == ("outline=MA",)
    with pytest.raises(OptionError, match="names a file that is none of"):
        layers_for(geopackage, ["outline=./MA"], [geopackage])


def test_layers_that_the_dialect_does_not_name_have_roles_by_common_names(tmp_path) -> None:
    """The first column of IDs turns the dialect from generic to the RGIK template; no layer is lost by it."""
    for ids in ({}, {"PrimaryID": ["a", "b"]}):
        path = tmp_path / f"a{len(ids)}.gpkg"
        outlines(2, **ids).to_file(path, layer="GO")
        outlines(2).to_file(path, layer="insar_2020")
        outlines(2).to_file(path, layer="project_extent")
        inventory = read_inventory(path)
        assert inventory.dialect.name == ("rgik-template" if ids else "generic")
        assert inventory.roles == (Role.OUTLINE, Role.MOVING_AREA, Role.AREA_OF_INTEREST)
    outlines(2).to_file(path, layer="old_footprints")  # the role is taken: nothing is joined
    inventory = read_inventory(path)
    assert len(inventory.layer(Role.OUTLINE)) == 2
    assert any("layer old_footprints) was not read" in note for note in inventory.notes)


def test_unclear_roles_are_asked_for(tmp_path) -> None:
    outlines(2, a=[1, 2]).to_file(tmp_path / "a.gpkg", layer="north")
    outlines(2, b=[1, 2]).to_file(tmp_path / "a.gpkg", layer="south")
    with pytest.raises(
        InputError, match=r"several layers that could be the outlines \(.*north.*south.*layers="
    ):
        read_inventory(tmp_path / "a.gpkg")
    assert len(read_inventory(layers=[f"outline={tmp_path / 'a.gpkg'}:south"]).layers[0]) == 2


def test_write_ahead_geopackage_leaves_no_trace_and_loses_nothing(geopackage, untouched) -> None:
    """A program is at work on the file: its last changes are still in the log beside it."""
    without_triggers(geopackage)
    connection = sqlite3.connect(geopackage)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("""UPDATE PM SET "Comment" = 'in the log'""")
    connection.commit()
    assert geopackage.with_name("rgik.gpkg-wal").stat().st_size > 0
    untouched()
    layer = read_inventory(geopackage).layer(Role.MARKER)
    assert (layer.raw("comment") == "in the log").all()


def test_write_ahead_mode_without_a_log(geopackage, untouched) -> None:
    connection = sqlite3.connect(geopackage)
    connection.execute("PRAGMA journal_mode = wal")
    connection.close()
    untouched()
    assert len(read_inventory(geopackage).layer(Role.MARKER)) == 4


def test_integers_and_booleans_with_nulls_keep_their_type(tmp_path) -> None:
    frame = outlines(3)
    frame["n"] = pd.array([1, None, 2**60 + 1], dtype="Int64")
    frame["b"] = pd.array([True, None, False], dtype="boolean")
    frame.to_file(tmp_path / "outlines.gpkg")
    read = read_inventory(tmp_path / "outlines.gpkg").layers[0].frame
    assert read["n"].tolist() == [1, pd.NA, 2**60 + 1]
    assert read["b"].tolist() == [True, pd.NA, False]


def test_a_geometry_column_does_not_hide_an_attribute_of_that_name(tmp_path) -> None:
    (tmp_path / "LaSal_UT_active_RoGI.csv").write_text(
        "IPA_id,lon,lat,geometry,Up_connect,area_m2\n"
        'RGU384455N1092526W,-109.2526,38.4455,"c(-109.2526, 38.4455)",TC,5\n'
    )
    inventory = read_inventory(tmp_path / "LaSal_UT_active_RoGI.csv")
    assert inventory.dialect.name == "la-sal"
    frame = inventory.layers[0].frame
    assert frame["geometry"].iloc[0] == "c(-109.2526, 38.4455)"
    assert frame.geometry.iloc[0] == shapely.Point(-109.2526, 38.4455)
    assert any("degrees on WGS84" in note for note in inventory.layers[0].notes)


@pytest.mark.parametrize(
    ("text", "crs", "points"),
    [
        ("id,lon,lat\n1,90.5,30.5\n2,91,31\n", None, [(90.5, 30.5), (91, 31)]),
        ("id;Longitude;Latitude\n1;90,5;30,5\n2;91;31\n", None, [(90.5, 30.5), (91, 31)]),
        ("id\tlon\tlat\n1\t90.5\t30.5\n", None, [(90.5, 30.5)]),
        ("\ufeffid,lon,lat\n1,90.5,30.5\n", None, [(90.5, 30.5)]),
        ("id,x,y\n1,2600000,1200000\n", "EPSG:2056", [(2600000, 1200000)]),
        ("id,wkt\n1,POINT (90.5 30.5)\n", "EPSG:4326", [(90.5, 30.5)]),
        ("id,wkt\n1,\n2,SRID=4326;POINT (90.5 30.5)\n", None, [None, (90.5, 30.5)]),
        ("id,lon,lat\n1,NA,NA\n2,90.5,30.5\n3,unknown,30\n", None, [None, (90.5, 30.5), None]),
    ],
)
def test_csv(tmp_path, text, crs, points) -> None:
    path = tmp_path / "markers.csv"
    path.write_text(text, encoding="utf-8")
    layer = read_inventory(path, crs=crs).layer(Role.MARKER)
    expected = [None if p is None else shapely.Point(p) for p in points]
    assert layer.geometry.tolist() == expected
    assert layer.crs.to_epsg() == (2056 if crs == "EPSG:2056" else 4326)


def test_csv_of_polygons_without_crs_has_none(tmp_path) -> None:
    path = tmp_path / "outlines.csv"
    path.write_text('id,wkt\n1,"POLYGON ((0 0, 1 0, 1 1, 0 0))"\n2,"POLYGON ((0 0, 1"\n')
    layer = read_inventory(path).layer(Role.OUTLINE)
    assert layer.crs is None
    assert layer.geometry[1] is None
    assert any("1 geometries are not valid WKT" in note for note in layer.notes)


def test_crs_of_files_that_state_none(shapefiles) -> None:
    for prj in shapefiles.glob("*.prj"):
        prj.unlink()
    assert all(layer.crs is None for layer in read_inventory(shapefiles).layers)
    given = read_inventory(shapefiles, crs="EPSG:4326")
    assert all(layer.crs.to_epsg() == 4326 for layer in given.layers)
    assert "EPSG:4326 was given" in given.layers[0].notes[0]


@pytest.mark.real
def test_real_files(real_data) -> None:
    """Every vector file is read whole, its folder untouched; Chinese text, Z, KMZ among them."""
    counts = {
        "setp/markers_49178.gpkg": (Role.MARKER, 49178),
        "setp/outlines_5.gpkg": (Role.OUTLINE, 5),
        "hma_regions/himap_22_regions.gpkg": (Role.AREA_OF_INTEREST, 22),
        "hma_regions/tibetan_plateau_boundary_2021.gpkg": (Role.AREA_OF_INTEREST, 1),
        "zhadang/rgi6_zhadang.shp": (Role.OUTLINE, 1),
        "kaiserberg/Area_inside_rock_glacier.shp": (Role.OUTLINE, 1),
        "oetztal/rgi_oetztal.shp": (Role.OUTLINE, 20),
        "oetztal/rgi7g_hef_complex.shp": (Role.OUTLINE, 23),
        "oetztal/cgi2.shp": (Role.OUTLINE, 5),
        "andes/outlines_81.gpkg": (Role.OUTLINE, 95),
        "andes/Rock_Glacier.kml": (Role.OUTLINE, 3),
        "andes/Rock_Glacier.kmz": (Role.OUTLINE, 3),
        "everest/15_rgi60_glacier_outlines.gpkg": (Role.OUTLINE, 86),
    }
    before = {p: p.stat().st_mtime_ns for p in real_data.rglob("*")}
    for name, (role, n) in counts.items():
        inventory = read_inventory(real_data / name)
        assert (inventory.roles, len(inventory.layers[0])) == ((role,), n), name
        assert inventory.layers[0].crs is not None, name
    assert {p: p.stat().st_mtime_ns for p in real_data.rglob("*")} == before
    names = read_inventory(real_data / "oetztal/cgi2.shp").layers[0].frame
    assert any(ord(c) > 0x4E00 for text in names["Mtn_Name"].astype(str) for c in text)
    # all heights in it are 0
    assert not shapely.has_z(read_inventory(real_data / "andes/Rock_Glacier.kmz").layers[0].geometry).any()


def test_relative_paths_and_odd_names(tmp_path, monkeypatch, untouched) -> None:
    """Characters that drivers take for something else: ! # ? & % : and blanks."""
    for name in ("a!b.gpkg", "a#1 ?x=1&y.gpkg", "100%.gpkg", "ü 冰川.gpkg"):
        outlines(1).to_file(tmp_path / "plain.gpkg", layer="outlines")
        os.replace(tmp_path / "plain.gpkg", tmp_path / name)
    untouched()
    monkeypatch.chdir(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        assert len(read_inventory(path.name).layers[0]) == 1, path.name


def test_a_named_layer_that_is_not_there_is_told_from_those_that_are(tmp_path) -> None:
    write_inventory(examples.rgik(2), tmp_path / "a.gpkg")
    with pytest.raises(InputError, match=r"'XX' is neither a file nor a layer of .*, which has PM, GO"):
        read_inventory(tmp_path / "a.gpkg", layers=["outline=XX"])
