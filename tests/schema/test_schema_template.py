"""Blank GeoPackages: layers, domains and forms as the schema says, read by GDAL, filled in and checked."""

from __future__ import annotations

import ctypes
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import geopandas as gpd
import pyogrio
import pytest
import shapely

from rogi.errors import InputError, OutputError
from rogi.inventory.writing.geopackage import add_field_domains, add_schema_styles, add_styles
from rogi.inventory.writing.template import geometry_type, write_template
from rogi.schema.load import load_schema, load_vocabulary, schema_ids
from rogi.schema.model import FieldType, Role, Schema
from rogi.schema.qgis import NULL_VALUE, layer_qml


@pytest.fixture(scope="module", params=schema_ids())
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Schema]:
    """A template of each packaged schema."""
    schema = load_schema(request.param)
    path = tmp_path_factory.mktemp("template") / "blank.gpkg"
    write_template(path, schema)
    return path, schema


def query(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, values).fetchall()


# ---- layers


def test_layers_and_fields(made: tuple[Path, Schema]) -> None:
    """Every layer with its fields in order, their types, the geometry type and the CRS; no features."""
    path, schema = made
    kinds = {FieldType.STRING: "OFTString", FieldType.INTEGER: "OFTInteger", FieldType.NUMBER: "OFTReal"}
    for layer in schema.layers:
        info = pyogrio.read_info(path, layer=layer.name)
        assert list(info["fields"]) == [f.name for f in layer.fields]
        for field, kind in zip(layer.fields, info["ogr_types"], strict=True):
            assert kind == kinds.get(field.concept.type, kind)
        assert (info["features"], info["geometry_type"]) == (0, geometry_type(layer))
        assert info["crs"] == schema.crs
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "PRAGMA foreign_key_check") == []


def test_same_bytes(made: tuple[Path, Schema], tmp_path: Path) -> None:
    """Written again, the file is the same to the byte, and nothing is left beside it."""
    path, schema = made
    again = tmp_path / "again.gpkg"
    write_template(again, schema)
    assert again.read_bytes() == path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["again.gpkg"]


# ---- the schema extension


def test_extension_is_registered(made: tuple[Path, Schema]) -> None:
    """Both tables of the extension are in gpkg_extensions, once each."""
    rows = query(
        made[0], "SELECT table_name, scope FROM gpkg_extensions WHERE extension_name = 'gpkg_schema'"
    )
    assert sorted(rows) == [
        ("gpkg_data_column_constraints", "read-write"),
        ("gpkg_data_columns", "read-write"),
    ]


def test_columns_are_described(made: tuple[Path, Schema]) -> None:
    """Each column has a title and a description with its unit and source."""
    path, schema = made
    rows = query(path, "SELECT table_name, column_name, title, description FROM gpkg_data_columns")
    table = {(t, c): (title, about) for t, c, title, about in rows}
    assert set(table) == {(layer.name, f.name) for layer in schema.layers for f in layer.fields}
    for layer in schema.layers:
        for field in layer.fields:
            title, about = table[layer.name, field.name]
            assert title == field.concept.title
            assert field.concept.source in about
            assert (field.concept.unit or "") in about


def test_constraints_follow_the_standard(made: tuple[Path, Schema]) -> None:
    """Requirements of Annex F.9: kinds, one row per range, min < max, nulls where they belong."""
    path, schema = made
    rows = query(path, "SELECT * FROM gpkg_data_column_constraints")
    for _, kind, value, low, low_in, high, high_in, _ in rows:
        assert kind in ("enum", "range")
        if kind == "range":
            assert value is None and low < high and low_in in (0, 1) and high_in in (0, 1)
        else:
            assert value is not None and (low, low_in, high, high_in) == (None,) * 4
    used = query(
        path, "SELECT DISTINCT constraint_name FROM gpkg_data_columns WHERE constraint_name NOT NULL"
    )
    assert {name for (name,) in used} == {row[0] for row in rows}
    domains = dict(query(path, "SELECT column_name, constraint_name FROM gpkg_data_columns"))
    for layer in schema.layers:
        for field in layer.fields:
            if field.concept.vocabulary is not None:
                values = query(
                    path,
                    "SELECT value FROM gpkg_data_column_constraints WHERE constraint_name = ? ORDER BY rowid",
                    domains[field.name],
                )
                terms = load_vocabulary(field.concept.vocabulary).terms
                coded = field.concept.type is FieldType.INTEGER
                assert [v for (v,) in values] == [str(t.code) if coded else t.value for t in terms]


def test_domains_can_be_written_twice(made: tuple[Path, Schema], tmp_path: Path) -> None:
    """Writing domains and styles again changes nothing."""
    path, schema = made
    copy = tmp_path / "copy.gpkg"
    copy.write_bytes(path.read_bytes())
    add_field_domains(copy, schema)
    add_schema_styles(copy, schema)
    for table in ("gpkg_extensions", "gpkg_data_columns", "gpkg_data_column_constraints", "gpkg_contents"):
        assert sorted(map(str, query(copy, f"SELECT * FROM {table}"))) == sorted(
            map(str, query(path, f"SELECT * FROM {table}"))
        )
    styles = "SELECT f_table_name, styleName, styleQML, useAsDefault FROM layer_styles ORDER BY f_table_name"
    assert query(copy, styles) == query(path, styles)


def test_domains_of_other_files(tmp_path: Path) -> None:
    """Columns without dots and tables of another name are described too; others are left alone."""
    path = tmp_path / "other.gpkg"
    frame = gpd.GeoDataFrame({"ActiCl": ["Active"], "x": [1]}, geometry=[shapely.Point(0, 0)], crs=4326)
    frame.to_file(path, layer="my markers", driver="GPKG")
    add_field_domains(path, load_schema("rgik"), {Role.MARKER: "my markers"})
    add_schema_styles(path, load_schema("rgik"), {Role.MARKER: "my markers", Role.OUTLINE: "none"})
    assert query(path, "SELECT table_name, column_name, constraint_name FROM gpkg_data_columns") == [
        ("my markers", "ActiCl", "activity")
    ]
    assert query(path, "SELECT f_table_name FROM layer_styles") == [("my markers",)]
    assert pyogrio.read_dataframe(path, layer="my markers")["ActiCl"].tolist() == ["Active"]


def test_no_geopackage(tmp_path: Path) -> None:
    """Another file, or none, is refused and not changed."""
    path = tmp_path / "a.gpkg"
    with pytest.raises(InputError, match=r"a\.gpkg"):
        add_field_domains(path, load_schema("rgik"))
    assert not path.exists()
    for content in (b"not a database" * 100, b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.gpkg"):
            add_styles(path, {})
        assert path.read_bytes() == content


# ---- GDAL's view of the domains


class _CodedValue(ctypes.Structure):
    _fields_ = (("code", ctypes.c_char_p), ("value", ctypes.c_char_p))


@pytest.fixture(scope="module")
def gdal() -> Iterator[ctypes.CDLL]:
    """GDAL's C interface, from the library pyogrio brings along."""
    libraries = sorted((Path(pyogrio.__file__).parent.parent / "pyogrio.libs").glob("libgdal*"))
    if not libraries:
        pytest.skip("pyogrio was installed without its own GDAL library")
    library = ctypes.CDLL(str(libraries[0]))
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name, result, arguments in (
        ("GDALOpenEx", pointer, (text, ctypes.c_uint, pointer, pointer, pointer)),
        ("GDALClose", None, (pointer,)),
        ("GDALDatasetGetFieldDomain", pointer, (pointer, text)),
        ("OGR_FldDomain_GetDomainType", ctypes.c_int, (pointer,)),
        ("OGR_CodedFldDomain_GetEnumeration", ctypes.POINTER(_CodedValue), (pointer,)),
        ("GDALDatasetGetLayerByName", pointer, (pointer, text)),
        ("OGR_L_GetLayerDefn", pointer, (pointer,)),
        ("OGR_FD_GetFieldIndex", ctypes.c_int, (pointer, text)),
        ("OGR_FD_GetFieldDefn", pointer, (pointer, ctypes.c_int)),
        ("OGR_Fld_GetDomainName", text, (pointer,)),
        ("OGR_Fld_GetAlternativeNameRef", text, (pointer,)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.GDALAllRegister()
    yield library


def test_gdal_reads_the_domains(gdal: ctypes.CDLL, made: tuple[Path, Schema]) -> None:
    """GDAL finds on each field the domain with the vocabulary's values, and the title as alias."""
    path, schema = made
    dataset = gdal.GDALOpenEx(str(path).encode(), 4, None, None, None)
    assert dataset
    for layer in schema.layers:
        definition = gdal.OGR_L_GetLayerDefn(gdal.GDALDatasetGetLayerByName(dataset, layer.name.encode()))
        for field in layer.fields:
            index = gdal.OGR_FD_GetFieldIndex(definition, field.name.encode())
            read = gdal.OGR_FD_GetFieldDefn(definition, index)
            alias = gdal.OGR_Fld_GetAlternativeNameRef(read).decode()
            assert alias == field.concept.title or field.name.lower() == field.concept.title.lower()
            name = gdal.OGR_Fld_GetDomainName(read)
            concept = field.concept
            if concept.vocabulary is not None:
                domain = gdal.GDALDatasetGetFieldDomain(dataset, name)
                assert gdal.OGR_FldDomain_GetDomainType(domain) == 0  # coded values
                values, found = gdal.OGR_CodedFldDomain_GetEnumeration(domain), {}
                number = 0
                while values[number].code:
                    found[values[number].code.decode()] = values[number].value.decode()
                    number += 1
                terms = load_vocabulary(concept.vocabulary).terms
                coded = concept.type is FieldType.INTEGER
                assert found == {(str(t.code) if coded else t.value): t.value for t in terms}
            elif concept.minimum is not None and concept.maximum is not None:
                domain = gdal.GDALDatasetGetFieldDomain(dataset, name)
                assert gdal.OGR_FldDomain_GetDomainType(domain) == 1  # range
            else:
                assert not name
    gdal.GDALClose(dataset)


# ---- QGIS styles and forms


def test_styles_are_well_formed(made: tuple[Path, Schema]) -> None:
    """One default style per layer; XML with a widget, an alias, a default and a constraint per field."""
    path, schema = made
    rows = query(path, "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles")
    assert [(table, column, use) for table, column, _, use in rows] == [
        (layer.name, "geom", 1) for layer in schema.layers
    ]
    for (_, _, qml, _), layer in zip(rows, schema.layers, strict=True):
        assert qml.startswith("<!DOCTYPE qgis ")
        root = ET.fromstring(qml)
        names = [f.name for f in layer.fields]
        assert [e.get("name") for e in root.findall("fieldConfiguration/field")] == names
        for part in (
            "aliases/alias",
            "defaults/default",
            "constraints/constraint",
            "constraintExpressions/constraint",
        ):
            assert [e.get("field") for e in root.findall(part)] == names
        symbols = {e.get("name") for e in root.findall("renderer-v2/symbols/symbol")}
        used = {e.get("symbol") for e in root.findall("renderer-v2/categories/category")} or {"0"}
        assert symbols == used


def test_forms_have_drop_downs(made: tuple[Path, Schema]) -> None:
    """A field with a vocabulary is a value map of its terms in order, after NULL where it may be null."""
    _, schema = made
    for layer in schema.layers:
        root = ET.fromstring(layer_qml(layer, schema.crs))
        for field, element in zip(layer.fields, root.findall("fieldConfiguration/field"), strict=True):
            widget = element.find("editWidget")
            assert widget is not None
            if field.concept.vocabulary is None:
                assert widget.get("type") != "ValueMap"
                continue
            assert widget.get("type") == "ValueMap"
            values = [
                o.get("value") for o in widget.findall("config/Option/Option[@name='map']/Option/Option")
            ]
            terms = load_vocabulary(field.concept.vocabulary).terms
            coded = field.concept.type is FieldType.INTEGER
            wanted = [str(t.code) if coded else t.value for t in terms]
            assert values == ([NULL_VALUE] if field.nullable else []) + wanted


def test_form_constraints_and_defaults() -> None:
    """The key is wanted and unique (softly), the index sums its parts, the ID is made of the point."""
    rgik = load_schema("rgik")
    markers, outlines = (ET.fromstring(layer_qml(layer)) for layer in rgik.layers[:2])
    key = markers.find("constraints/constraint[@field='PrimaryID']")
    assert key is not None
    assert (key.get("constraints"), key.get("notnull_strength"), key.get("unique_strength")) == (
        "7",
        "2",
        "2",
    )
    made = markers.find("defaults/default[@field='PrimaryID']")
    assert made is not None and "y($geometry)" in made.get("expression", "")
    index = outlines.find("defaults/default[@field='RelIndex']")
    assert index is not None
    assert index.get("expression") == '"RelFr" + "RelLeftLM" + "RelRightLM" + "RelUpsCon"'
    assert index.get("applyOnUpdate") == "1"
    other = ET.fromstring(layer_qml(rgik.layers[0], "EPSG:2056")).find("defaults/default[@field='PrimaryID']")
    assert other is not None and "transform($geometry,'EPSG:2056','EPSG:4326')" in other.get("expression", "")


# ---- filled in


def test_filled_template_has_no_failures(tmp_path: Path) -> None:
    """Features written into the template's layers pass the column checks when read again."""
    from rogi.inventory.read import read_inventory
    from rogi.schema.compile import column_failures

    schema = load_schema("rgik")
    path = tmp_path / "filled.gpkg"
    write_template(path, schema)
    square = shapely.MultiPolygon([shapely.box(10.0, 46.0, 10.002, 46.002)])
    values = {
        "PM": {"PrimaryID": "RGU460010N0100010E", "Landform": 1, "Acti.Cl.": "Active", "Morpho.": "Simple"},
        "GO": {"PrimaryID": "RGU460010N0100010E", "Out.Type": "Extended", "RelFr": 2, "RelIndex": 7},
        "MA": {"Vel.Class": "3-10 cm/yr"},
        "AOI": {"Name": "somewhere"},
    }
    for layer in schema.layers:
        shape = shapely.Point(10.001, 46.001) if layer.role is Role.MARKER else square
        frame = gpd.GeoDataFrame({k: [v] for k, v in values[layer.name].items()}, geometry=[shape], crs=4326)
        pyogrio.write_dataframe(frame, path, layer=layer.name, append=True)
    inventory = read_inventory(path)
    assert inventory.schema.id == "rgik/1.0"
    assert inventory.dialect.name == "rgik-template"
    assert set(inventory.roles) == set(Role)
    for read in inventory.layers:
        assert len(read) == 1
        assert read.extra_columns == ()
        assert column_failures(read).rows == {}


def test_codes_stay_codes(tmp_path: Path) -> None:
    """A coded column is read as the codes it holds, also one outside the domain."""
    from rogi.inventory.read import read_inventory

    path = tmp_path / "coded.gpkg"
    write_template(path, load_schema("rgik"))
    points = [shapely.Point(x, 46) for x in range(4)]
    frame = gpd.GeoDataFrame({"Landform": [1, 2, 0, 7]}, geometry=points, crs=4326)
    pyogrio.write_dataframe(frame, path, layer="PM", append=True)
    markers = read_inventory(path).layer(Role.MARKER)
    assert markers is not None
    assert markers.raw("landform").tolist() == [1, 2, 0, 7]


# ---- faults


def test_template_needs_a_name_of_a_geopackage(tmp_path: Path) -> None:
    """Another suffix or a folder that is not there is told, and nothing is written."""
    with pytest.raises(OutputError, match=r"\.gpkg"):
        write_template(tmp_path / "blank.shp", load_schema("rgik"))
    with pytest.raises(OutputError, match="does not exist"):
        write_template(tmp_path / "no" / "blank.gpkg", load_schema("rgik"))
    assert list(tmp_path.iterdir()) == []


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands print lists, pages and exports; an existing file is kept unless told otherwise."""
    import typer

    from rogi.cli.schema import app

    def run(*arguments: str) -> str:
        typer.main.get_command(app)(list(arguments), standalone_mode=False)
        return capsys.readouterr().out

    listed = json.loads(run("list", "--format", "json"))
    assert [s["id"] for s in listed["schemas"]] == list(schema_ids())
    assert "tprogi/1.0" in run("list")
    assert run("show", "tprogi").startswith("# tprogi/1.0")
    assert json.loads(run("export", "rgik", "--to", "jsonschema"))["title"] == load_schema("rgik").title
    target = tmp_path / "package.json"
    assert run("export", "rgik", "--to", "datapackage", "-o", str(target)) == ""
    assert json.loads(target.read_text(encoding="utf-8"))["name"] == "rgik"
    blank = tmp_path / "blank.gpkg"
    run("template", "-o", str(blank), "--schema", "tprogi")
    run("template", "-o", str(blank), "--schema", "tprogi")  # as it was written: nothing is lost
    with closing(sqlite3.connect(blank)) as connection, connection:
        connection.execute("CREATE TABLE mapping (note TEXT)")
    before = blank.read_bytes()
    with pytest.raises(OutputError, match="--force"):
        run("template", "-o", str(blank))
    assert blank.read_bytes() == before
    run("template", "-o", str(blank), "--force")
    assert "PM" in pyogrio.list_layers(blank)[:, 0]


def test_moving_areas_say_how_fast_how_sure_and_when() -> None:
    """The fields of the practical InSAR guidelines, with drop-downs where there is a vocabulary."""
    layer = load_schema("rgik/1.0").layer(Role.MOVING_AREA)
    assert layer is not None
    names = ["Vel.Class", "Rel.Vel.", "Obs.Window", "Obs.Frame", "Comment"]
    assert [f.name for f in layer.fields] == names
    root = ET.fromstring(layer_qml(layer).partition("\n")[2])
    widgets = {f.attrib["name"]: f[0].attrib["type"] for f in root.findall("fieldConfiguration/field")}
    assert [widgets[name] for name in names] == ["ValueMap", "ValueMap", "TextEdit", "TextEdit", "TextEdit"]
