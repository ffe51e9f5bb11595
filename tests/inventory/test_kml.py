"""KML and KMZ: folders at any depth, what a placemark says, and what is refused or told."""

from __future__ import annotations

import zipfile

import pytest
import shapely

from rogi.errors import InputError
from rogi.inventory.read import read_inventory
from rogi.inventory.reading import kml
from rogi.schema.model import Role

HEAD = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
TAIL = "</Document></kml>"
SQUARE = (
    "<Polygon><outerBoundaryIs><LinearRing><coordinates>{0},30,0 {1},30,0 {1},31,0 {0},31,0 {0},30,0"
    "</coordinates></LinearRing></outerBoundaryIs></Polygon>"
)


def _square(west: int = 90, name: str = "a", inside: str = "") -> str:
    return f"<Placemark><name>{name}</name>{inside}{SQUARE.format(west, west + 1)}</Placemark>"


def _point(east: int = 90, name: str = "a") -> str:
    return f"<Placemark><name>{name}</name><Point><coordinates>{east},30,0</coordinates></Point></Placemark>"


def _folder(name: str, *content: str) -> str:
    return f"<Folder><name>{name}</name>{''.join(content)}</Folder>"


def _read(tmp_path, *content: str, head: str = HEAD, tail: str = TAIL):
    (tmp_path / "a.kml").write_text(head + "".join(content) + tail, encoding="utf-8")
    return read_inventory(tmp_path / "a.kml")


def _frame(inventory, role: Role = Role.OUTLINE):
    layer = inventory.layer(role)
    return layer.frame.drop(columns=layer.frame.geometry.name)


def test_polygons_of_nested_folders_are_read(tmp_path) -> None:
    inventory = _read(
        tmp_path,
        _folder(
            "Rock glaciers",
            _folder("Active", _square(90), _folder("Deeper", _square(91, "b"))),
            _square(92, "c"),
            _folder("Empty"),
        ),
        _folder("Markers", _point(), _point(91, "b")),
    )
    outlines = inventory.layer(Role.OUTLINE)
    assert [source.layer for source in outlines.sources] == [
        "Rock glaciers",
        "Rock glaciers/Active",
        "Rock glaciers/Active/Deeper",
    ]
    assert sorted(_frame(inventory)["Name"]) == ["a", "b", "c"]
    assert len(inventory.layer(Role.MARKER)) == 2
    assert outlines.crs.to_epsg() == 4326


def test_folders_with_different_columns_are_one_layer(tmp_path) -> None:
    data = '<ExtendedData><Data name="{}"><value>{}</value></Data></ExtendedData>'
    inventory = _read(
        tmp_path,
        _folder("East", _square(90, "a", data.format("x", "1"))),
        _folder("West", _square(91, "b", data.format("y", "2"))),
    )
    frame = _frame(inventory)
    assert list(frame.columns) == ["Name", "x", "y"]
    assert frame["x"].isna().tolist() == [False, True]


def test_points_and_polygons_of_one_folder_become_two_layers(tmp_path) -> None:
    pairs = [one(k, f"n{k}") for k in range(90, 95) for one in (_square, _point)]
    inventory = _read(tmp_path, _folder("My places", *pairs))
    for role, first in ((Role.OUTLINE, 1), (Role.MARKER, 2)):
        layer = inventory.layer(role)
        assert len(layer) == 5
        assert layer.rows.tolist() == list(range(first, 11, 2))
        assert layer.frame["Name"].tolist() == [f"n{k}" for k in range(90, 95)]


def test_a_few_points_among_many_polygons_stay_for_the_rules(tmp_path) -> None:
    many = [_square(k) for k in range(70, 90)]
    inventory = _read(tmp_path, _folder("My places", *many, _point()))
    assert inventory.roles == (Role.OUTLINE,)
    assert len(inventory.layer(Role.OUTLINE)) == 21
    assert len(_read(tmp_path, _folder("My places", *many, *[_point(k) for k in range(3)])).layers) == 2


def test_where_the_name_is_clear_all_stay(tmp_path) -> None:
    inventory = _read(tmp_path, _folder("Outlines", _square(), _point()))
    assert len(inventory.layer(Role.OUTLINE)) == 2


def test_only_columns_of_the_file(tmp_path) -> None:
    text = (
        "<Placemark><name>a</name><visibility>0</visibility><styleUrl>#s</styleUrl><address>here</address>"
        "<TimeSpan><begin>2020-01-01</begin><end>2021-01-01</end></TimeSpan>"
        '<ExtendedData><SchemaData schemaUrl="#q"><SimpleData name="n">5</SimpleData></SchemaData>'
        '<Data name="empty"><value/></Data><Data name="Name"><value>b</value></Data>'
        f'<Data name="zip"><value>007</value></Data></ExtendedData>{SQUARE.format(90, 91)}</Placemark>'
    )
    schema = '<Schema name="q" id="q"><SimpleField type="string" name="n"/></Schema>'
    frame = _frame(_read(tmp_path, schema, text))
    assert frame.iloc[0].dropna().to_dict() == {
        "Name": "a",
        "address": "here",
        "begin": "2020-01-01",
        "end": "2021-01-01",
        "n": "5",
        "Name.": "b",
        "zip": "007",
    }
    assert list(frame.columns) == ["Name", "address", "begin", "end", "n", "empty", "Name.", "zip"]
    assert list(_frame(_read(tmp_path, _square())).columns) == ["Name"]


@pytest.mark.parametrize(
    ("type", "values", "expected"),
    [
        ("", ["1", "2"], [1, 2]),
        ("", ["1", "2.5"], [1.0, 2.5]),
        ("", ["1", "x"], ["1", "x"]),
        ("", ["01", "2"], ["01", "2"]),
        ("double", ["1", "2"], [1.0, 2.0]),
        ("string", ["1", "2"], ["1", "2"]),
        ("int", ["1", "2.5"], [1.0, 2.5]),
    ],
)
def test_types_by_schema_or_by_values(tmp_path, type, values, expected) -> None:
    schema = f'<Schema id="s"><SimpleField type="{type}" name="v"/></Schema>' if type else ""
    data = '<ExtendedData><SchemaData><SimpleData name="v">{}</SimpleData></SchemaData></ExtendedData>'
    squares = [_square(90 + k, "a", data.format(v)) for k, v in enumerate(values)]
    found = _frame(_read(tmp_path, schema, *squares))["v"].tolist()
    assert found == expected
    assert [isinstance(v, float) for v in found] == [isinstance(v, float) for v in expected]


def test_geometries(tmp_path) -> None:
    ring = "<LinearRing><coordinates>{}</coordinates></LinearRing>"
    polygon = f"<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs></Polygon>"
    holes = "".join(
        f"<innerBoundaryIs>{ring.format(text)}</innerBoundaryIs>"
        for text in ("1,1 2,1 2,2 1,1", "3,3 3.5,3 3.5,3.5 3,3")
    )
    hole = polygon.format("0,0 4,0 4,4 0,4 0,0").replace("</Polygon>", f"{holes}</Polygon>")
    multi = "<MultiGeometry>{}</MultiGeometry>"
    two = multi.format(SQUARE.format(5, 6) + multi.format(SQUARE.format(7, 8)))
    spaced = polygon.format("0, 0, 5 1, 0, 5 1 , 1, 5 0, 0, 5")
    bad = polygon.format("0,0 1,0")
    content = [f"<Placemark>{g}</Placemark>" for g in (hole, two, spaced, bad, "", "<Model/>")]
    layer = _read(tmp_path, _folder("Outlines", *content)).layer(Role.OUTLINE)
    first, second, third, *others = layer.geometry
    assert (first.area, len(first.interiors)) == (16 - 0.5 - 0.125, 2)
    assert (second.geom_type, second.area) == ("MultiPolygon", 2)
    assert third.equals(shapely.Polygon([(0, 0), (1, 0), (1, 1)]))
    assert third.exterior.coords[0][2] == 5  # heights count where one is not 0
    assert others == [None, None, None]
    layer_notes = _read(tmp_path, _folder("Outlines", *content)).notes
    assert any("2 geometries could not be built" in note for note in layer_notes)


def test_heights_of_zero_are_no_heights(tmp_path) -> None:
    assert not shapely.has_z(_read(tmp_path, _square()).layers[0].geometry).any()


def test_links_are_told_and_never_followed(tmp_path) -> None:
    link = "<NetworkLink><Link><href>http://127.0.0.1:9/a.kml</href></Link></NetworkLink>"
    inventory = _read(tmp_path, link, link, "<GroundOverlay/>", _square())
    assert any("a.kml: 2 network links were not followed" in note for note in inventory.notes)
    assert any("1 ground overlays" in note for note in inventory.notes)


def test_prefixes_and_roots_that_programs_leave_out(tmp_path) -> None:
    inventory = _read(tmp_path, "<gx:balloonVisibility>1</gx:balloonVisibility>", _square())
    assert len(inventory.layers[0]) == 1
    inventory = _read(tmp_path, _square(), head="<kml>", tail="</kml>")
    assert len(inventory.layers[0]) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + _square(), "damaged: no element found"),
        (HEAD + "<Placemark></Folder>" + TAIL, "damaged: mismatched tag in line 1"),
        ('<!DOCTYPE kml [<!ENTITY a "b">]>' + HEAD[38:] + TAIL, "XML entities"),
        (HEAD + TAIL, "no placemark"),
        (HEAD + "<Folder>" * (kml.MAX_DEPTH + 1), "elements deep"),
    ],
)
def test_refused(tmp_path, text, said) -> None:
    (tmp_path / "a.kml").write_text(text)
    with pytest.raises(InputError, match=said) as error:
        read_inventory(tmp_path / "a.kml")
    assert str(tmp_path / "a.kml") in str(error.value)


def test_ids_of_placemarks(tmp_path) -> None:
    """Those that programs count are left out, primary IDs are not."""
    counted = _square().replace("<Placemark>", '<Placemark id="ID_00001">')
    assert "id" not in _frame(_read(tmp_path, counted))
    real = _square().replace("<Placemark>", '<Placemark id="RGU300000N0900000E">')
    assert _frame(_read(tmp_path, real))["id"].tolist() == ["RGU300000N0900000E"]


def test_a_kmz_in_an_archive(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "b.kmz", "w") as archive:
        archive.writestr("files/other.kml", "<kml/>")
        archive.writestr("doc.kml", HEAD + _folder("Outlines", _square()) + TAIL)
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(tmp_path / "b.kmz", "deep/b.kmz")
    assert len(read_inventory(tmp_path / "c.zip").layer(Role.OUTLINE)) == 1


@pytest.mark.parametrize("encoding", ["UDF-8", "gb18030", "idna"])
def test_an_encoding_that_xml_does_not_know(tmp_path, encoding) -> None:
    """An unknown encoding, or one that expat cannot use, is a message."""
    path = tmp_path / "i.kml"
    path.write_text(f'<?xml version="1.0" encoding="{encoding}"?><kml><Document/></kml>')
    with pytest.raises(InputError, match=r"i\.kml"):
        read_inventory(path)
