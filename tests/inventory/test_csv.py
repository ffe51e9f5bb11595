"""CSV tables: where their geometry is, however it is named and written; rows that do not fit; encodings."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from rogi.errors import InputError
from rogi.inventory.read import read_inventory
from rogi.inventory.reading.geometry_cells import coordinate_columns, numbers
from rogi.schema.model import Role

SQUARE = shapely.box(90, 30, 90.25, 30.25)
COARSE = json.dumps(shapely.geometry.mapping(SQUARE))


def _write(path, header, *rows, **options) -> None:
    with path.open("w", newline="", encoding=options.pop("encoding", "utf-8")) as stream:
        csv.writer(stream, **options).writerows([header, *rows])


@pytest.mark.parametrize(
    "name",
    [".geo", "geom", "geometry", "the_geom", "wkb_geometry", "shape", "SHAPE", "wkb", "WKT", "poly", "x"],
)
@pytest.mark.parametrize(
    ("cell", "epsg"),
    [
        (shapely.to_wkt(SQUARE), None),
        ("SRID=4326;" + shapely.to_wkt(SQUARE), 4326),
        ("srid = 4326 ; " + shapely.to_wkt(SQUARE), 4326),
        ("<http://www.opengis.net/def/crs/EPSG/0/4326> " + shapely.to_wkt(SQUARE), 4326),
        (shapely.to_wkb(SQUARE, hex=True), None),
        (shapely.to_wkb(SQUARE, hex=True, byte_order=0).lower(), None),
        ("\\x" + shapely.to_wkb(SQUARE, hex=True), None),
        (shapely.to_wkb(shapely.set_srid(SQUARE, 4326), hex=True, include_srid=True), 4326),
        (COARSE, 4326),
        (json.dumps({"type": "Feature", "properties": {}, "geometry": json.loads(COARSE)}), 4326),
        (json.dumps({"geodesic": False} | json.loads(COARSE)), 4326),
    ],
)
def test_geometry_under_any_name_in_any_notation(tmp_path, name, cell, epsg) -> None:
    """Also beside columns of coordinates, which are attributes then."""
    _write(tmp_path / "a.csv", ["id", "lon", "lat", name, "z"], ["a", 1, 2, cell, 5], ["b", 1, 2, "", 6])
    layer = read_inventory(tmp_path / "a.csv").layer(Role.OUTLINE)
    assert layer.geometry[0].equals(SQUARE)
    assert layer.geometry[1] is None
    assert list(layer.frame.columns) == ["id", "lon", "lat", "z", "geometry"]
    assert (None if layer.crs is None else layer.crs.to_epsg()) == epsg
    assert not layer.notes
    assert shapely.get_srid(layer.geometry[0]) == 0


def test_polygons_before_points_and_usual_names_first(tmp_path) -> None:
    other = shapely.to_wkt(shapely.box(0, 0, 1, 1))
    _write(tmp_path / "a.csv", ["centre", "edge"], ["POINT (1 2)", shapely.to_wkt(SQUARE)])
    assert read_inventory(tmp_path / "a.csv").layer(Role.OUTLINE).geometry[0].equals(SQUARE)
    _write(tmp_path / "a.csv", ["bounds", "geom"], [other, shapely.to_wkt(SQUARE)])
    assert read_inventory(tmp_path / "a.csv").layer(Role.OUTLINE).geometry[0].equals(SQUARE)


def test_a_feature_without_geometry_from_earth_engine(tmp_path) -> None:
    _write(tmp_path / "a.csv", [".geo"], [COARSE], ['{"type":"MultiPoint","coordinates":[]}'])
    layer = read_inventory(tmp_path / "a.csv").layer(Role.OUTLINE)
    assert layer.geometry[1] is None
    assert not layer.notes


@pytest.mark.parametrize(
    ("good", "bad", "what"),
    [
        (shapely.to_wkt(SQUARE), "POLYGON ((0 0", "WKT"),
        (shapely.to_wkb(SQUARE, hex=True), "0103000000FFFFFFFF", "WKB"),
        (shapely.to_wkb(SQUARE, hex=True), "nonsense", "WKB"),
        (COARSE, '{"type": "Polygon"', "GeoJSON"),
    ],
)
def test_cells_that_cannot_be_read_are_told(tmp_path, good, bad, what) -> None:
    _write(tmp_path / "a.csv", ["id", "geom"], ["a", good], ["b", good], ["c", bad])
    layer = read_inventory(tmp_path / "a.csv").layer(Role.OUTLINE)
    assert [g is None for g in layer.geometry] == [False, False, True]
    assert layer.notes == (f"1 geometries are not valid {what} and were left out (rows 3)",)


def test_rows_in_several_crs_are_refused(tmp_path) -> None:
    wkb = [shapely.to_wkb(shapely.set_srid(SQUARE, s), hex=True, include_srid=True) for s in (4326, 32645)]
    _write(tmp_path / "a.csv", ["geom"], *([cell] for cell in wkb))
    with pytest.raises(InputError, match=r"several coordinate reference systems \(EPSG:4326, EPSG:32645\)"):
        read_inventory(tmp_path / "a.csv")


def test_an_srid_that_is_no_epsg_code(tmp_path) -> None:
    _write(tmp_path / "a.csv", ["geom"], ["SRID=999;" + shapely.to_wkt(SQUARE)])
    layer = read_inventory(tmp_path / "a.csv").layer(Role.OUTLINE)
    assert layer.crs is None
    assert "SRID 999" in layer.notes[0]


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        ("OBJECTID,POINT_X,POINT_Y", ("POINT_X", "POINT_Y", False)),
        ("X,Y,lon,lat", ("lon", "lat", True)),
        ("x_coord,y_coord", ("x_coord", "y_coord", False)),
        ("xcoord,y", ("xcoord", "y", False)),
        ("Longitud,Latitud", ("Longitud", "Latitud", True)),
        ("ESTE,NORTE", ("ESTE", "NORTE", False)),
        ("coordenada_este,coordenada_norte", ("coordenada_este", "coordenada_norte", False)),
        ("UTM_E,UTM_N", ("UTM_E", "UTM_N", False)),
        ("Easting (m),Northing (m)", ("Easting (m)", "Northing (m)", False)),
        ("LATDD,LONDD", ("LONDD", "LATDD", True)),
        ("lat_dd,long_dd", ("long_dd", "lat_dd", True)),
        ("Decimal Latitude,Decimal Longitude", ("Decimal Longitude", "Decimal Latitude", True)),
        ("Lat [°N],Lon [°E]", ("Lon [°E]", "Lat [°N]", True)),
        ("x_wgs84,y_wgs84", ("x_wgs84", "y_wgs84", True)),
        ("centroid_lon,centroid_lat,lon,latitude_min", ("centroid_lon", "centroid_lat", True)),
        ("lng,lat", ("lng", "lat", True)),
        ("Rechtswert,Hochwert", ("Rechtswert", "Hochwert", False)),
        ("lon,name", None),
        ("east_facing,north_facing,slope", None),
        ("latest,longest", None),
    ],
)
def test_names_of_coordinate_columns(names, pair) -> None:
    assert coordinate_columns(names.split(",")) == pair


@pytest.mark.parametrize(
    ("text", "directions", "value"),
    [
        ("12.5", "EW", 12.5),
        ("12,5", "EW", 12.5),
        ("-12,5", "EW", -12.5),
        ("\u221212.5", "EW", -12.5),
        ("12.5 E", "EW", 12.5),
        ("12.5W", "EW", -12.5),
        ("W 12.5", "EW", -12.5),
        ("12.5°", "EW", 12.5),
        ("12°30'36\"W", "EW", -12.51),
        ("12° 30′ 36.0″ W", "EW", -12.51),
        ("12 30 36", "EW", 12.51),
        ("12:30:36", "EW", 12.51),
        ("12°30,6'E", "EW", 12.51),
        ("12º30'S", "NS", -12.5),
        ("12d30m36s", "NS", 12.51),
        ("-0°30'", "NS", -0.5),
        ("12°30''", "NS", None),
        ("12°75'", "EW", None),
        ("12.5°30'", "EW", None),
        ("12 N", "EW", None),
        ("-12 W", "EW", None),
        ("E 12 W", "EW", None),
        ("about 12", "EW", None),
        ("2'600'000,5", "", 2600000.5),
        ("2 600 000", "", 2600000),
        ("1,234,567", "", None),
        ("12 30", "", None),
    ],
)
def test_numbers_and_angles(text, directions, value) -> None:
    (found,) = numbers(pd.Series([text]), directions)
    np.testing.assert_allclose(found, np.nan if value is None else value, rtol=0, atol=1e-12)


def test_plane_names_with_degrees_need_no_crs(tmp_path) -> None:
    _write(tmp_path / "a.csv", ["POINT_X", "POINT_Y"], ["-109.25", "38.44"])
    layer = read_inventory(tmp_path / "a.csv").layer(Role.MARKER)
    assert layer.geometry[0] == shapely.Point(-109.25, 38.44)
    assert layer.crs.to_epsg() == 4326
    assert "as all are within 180 and 90" in layer.notes[0]
    _write(tmp_path / "a.csv", ["POINT_X", "POINT_Y"], ["-109.25", "38.44"], ["500000", "4000000"])
    with pytest.raises(InputError, match="give it with crs="):
        read_inventory(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lon,lat\n1,2,3\n", "3 cells in row 1 (line 2), but 2 in its header"),
        ("lon,lat\n1,2,3\n1,2\n", "3 cells in row 1"),
        ("lon,lat\n1,2,3\n1,2,3\n", "3 cells in row 1"),
        ("lon,lat\n1,2\n1,2,3,4\n", "4 cells in row 2 (line 3)"),
        ('lon,lat,n\n1,2,"a\nb"\n\n1,2,c,d\n', "4 cells in row 2 (line 5)"),
        ("sep=;\nlon;lat\n1;2;3\n", "3 cells in row 1 (line 3)"),
    ],
)
def test_rows_longer_than_the_header_are_refused(tmp_path, recwarn, text, said) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_inventory(path)
    assert said in str(error.value)
    assert not recwarn.list


@pytest.mark.parametrize(
    "text",
    [
        "lon,lat\n1,2,\n3,4,\n",
        "lon,lat\n1,2,\n3,4\n",
        "lon,lat,\n1,2,\n3,4,\n",
        "sep=;\nlon;lat\n1;2\n3;4\n",
        ",lon,lat\n0,1,2\n1,3,4\n",
        '"a;b;c;d",lon,lat\nx,1,2\ny,3,4\n',
        "lon,lat\r\n1,2\r\n3,4\r\n",
    ],
)
def test_columns_without_name_and_content_do_not_matter(tmp_path, recwarn, text) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, newline="")
    layer = read_inventory(path).layer(Role.MARKER)
    assert layer.geometry.tolist() == [shapely.Point(1, 2), shapely.Point(3, 4)]
    assert set(layer.frame.columns) - {"a;b;c;d"} == {"lon", "lat", "geometry"}
    assert not recwarn.list


def test_a_column_without_name_but_with_values_stays(tmp_path) -> None:
    (tmp_path / "a.csv").write_text(",lon,lat\n5,1,2\n7,3,4\n")
    assert len(read_inventory(tmp_path / "a.csv").layers[0].frame.columns) == 4


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(tmp_path, encoding) -> None:
    (tmp_path / "a.csv").write_text("name;lon;lat\nÖtztal;1;2\n", encoding=encoding)
    layer = read_inventory(tmp_path / "a.csv").layer(Role.MARKER)
    assert layer.frame["name"].tolist() == ["Ötztal"]


@pytest.mark.parametrize(
    ("separator", "cells", "values"),
    [
        (";", ("0,83", "-1,5"), [0.83, -1.5]),
        ("\t", ("12", "0,5"), [12.0, 0.5]),
        (";", ("0.83", "1,5"), ["0.83", "1,5"]),  # points and commas: not told
        (";", ("1,234", "12,500"), ["1,234", "12,500"]),  # may be thousands
        (",", ("0,83", "1,5"), ["0,83", "1,5"]),  # quoted
    ],
)
def test_decimal_commas(tmp_path, separator, cells, values) -> None:
    _write(tmp_path / "a.csv", ["lon", "lat", "AREA"], *((9, 3, c) for c in cells), delimiter=separator)
    layer = read_inventory(tmp_path / "a.csv").layer(Role.MARKER)
    assert layer.frame["AREA"].tolist() == values
    assert ("numbers were read with a decimal comma" in layer.notes) == isinstance(values[0], float)


@pytest.mark.parametrize(
    ("below", "rows"),
    [
        ([("Total", "", "", 7.5)], 2),
        ([("合计", "", "", 7.5), ("from the paper", "", "", "")], 2),
        ([("", "", "", ""), ("Mean value:", "", "", 3)], 3),  # an empty row is a feature without anything
        ([("Totalp", "", "", 7.5)], 3),  # a place
        ([("Total", 9, 3, 7.5)], 3),  # a feature of that name
    ],
)
def test_totals_below_a_table_are_no_features(tmp_path, below, rows) -> None:
    features = [("a", 9, 3, 2.5), ("b", 9, 4, 5.0)]
    _write(tmp_path / "a.csv", ["name", "lon", "lat", "AREA"], *features, *below)
    layer = read_inventory(tmp_path / "a.csv").layer(Role.MARKER)
    assert len(layer) == rows
    assert any("below the features" in note for note in layer.notes) == (rows < 2 + len(below))


def test_repeated_names_are_kept_and_told(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("id,lon,lat,id\n1,1,2,9\n")
    layer = read_inventory(tmp_path / "a.csv").layer(Role.MARKER)
    assert layer.frame[["id", "id."]].to_numpy().tolist() == [[1, 9]]
    assert "several columns 'id'" in layer.notes[0]


def test_digits_that_are_no_numbers_stay_text(tmp_path) -> None:
    zero = shapely.Point(0, 0)
    _write(tmp_path / "a.csv", ["id", "geom"], ["007", shapely.to_wkb(zero, hex=True)])
    layer = read_inventory(tmp_path / "a.csv").layer(Role.MARKER)
    assert layer.frame["id"].tolist() == ["007"]
    assert layer.geometry[0] == zero


def test_a_first_row_longer_than_the_sample(tmp_path) -> None:
    """A polygon of 20,000 vertices is a line of 0.7 MB."""
    angle = np.linspace(0, 2 * np.pi, 20_000)
    wide = shapely.Polygon(np.c_[90 + np.cos(angle), 30 + np.sin(angle)])
    _write(tmp_path / "a.csv", ["id", "geom"], ["a", shapely.to_wkt(wide, rounding_precision=-1)])
    assert read_inventory(tmp_path / "a.csv").layer(Role.OUTLINE).geometry[0].equals_exact(wide, 1e-12)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (",".join(["wkt", *(f"c{n}" for n in range(20_000))]), "20,001 columns"),
        ("a" * 20_000, "20,000 characters"),
    ],
)
def test_a_header_that_no_table_has_is_refused(tmp_path: Path, header: str, said: str) -> None:
    """Many thousands of columns, or a name as long as a page: one short message."""
    path = tmp_path / "i.csv"
    path.write_text(f"{header}\nx\n")
    with pytest.raises(InputError, match=said) as error:
        read_inventory(path)
    assert len(str(error.value)) < 400 + len(str(path))
