"""What drivers do not say: ids of features, deleted and lost rows, impossible dates, endless views."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import struct
import zipfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from rogi.errors import InputError
from rogi.inventory.read import read_inventory
from rogi.inventory.reading import sqlite_files
from rogi.inventory.write import write_inventory
from rogi.rules import examples
from rogi.schema.model import Role
from tests.inventory.conftest import outlines, without_triggers

IDS = ["RGU300000N0900000E", "RGU300000N0901000E", "RGU300000N0902000E"]


def _geojson(path, features) -> None:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def _features(ids, properties):
    shapes = json.loads(outlines(len(properties)).geometry.to_json())["features"]
    return [
        {"type": "Feature", "properties": p, "geometry": s["geometry"]} | ({} if i is None else {"id": i})
        for i, p, s in zip(ids, properties, shapes, strict=True)
    ]


# ---- ids of features


def test_ids_that_geopandas_counts_are_no_column(tmp_path) -> None:
    frame = outlines(3, ID=IDS)
    (tmp_path / "outlines.geojson").write_text(frame.to_json())
    layer = read_inventory(tmp_path / "outlines.geojson").layer(Role.OUTLINE)
    assert list(layer.frame.columns) == ["ID", "geometry"]
    assert layer.columns["primary_id"] == "ID"


@pytest.mark.parametrize(
    ("ids", "properties", "kept"),
    [
        (["0", "1"], [{"x": 1}, {"x": 2}], []),
        (["1", "2"], [{"x": 1}, {"x": 2}], []),
        (IDS[:2], [{"x": 1}, {"x": 2}], IDS[:2]),  # they say something
        (["a", "b"], [{"Id": "p", "x": 1}, {"Id": "q", "x": 1}], []),
        (["0", "1"], [{"id": "p"}, {"id": "q"}], ["p", "q"]),  # a property
        ([5, 7], [{"id": "p"}, {"id": "q"}], ["p", "q"]),
        ([None, None], [{"id": "0"}, {"id": "1"}], ["0", "1"]),
    ],
)
def test_properties_before_ids_of_features(tmp_path, ids, properties, kept) -> None:
    features = _features(ids, properties)
    _geojson(tmp_path / "outlines.geojson", features)
    (tmp_path / "outlines2.geojsonl").write_text("\n".join(map(json.dumps, features)) + "\n")
    for name in ("outlines.geojson", "outlines2.geojsonl"):
        frame = read_inventory(tmp_path / name).layer(Role.OUTLINE).frame
        assert (frame["id"].tolist() if "id" in frame else []) == kept, name


# ---- mixed kinds


def test_a_geojson_of_polygons_and_multipolygons_is_of_outlines(tmp_path) -> None:
    frame = outlines(2)
    frame.geometry = [frame.geometry[0], shapely.MultiPolygon([frame.geometry[1]])]
    frame.to_file(tmp_path / "units.geojson")
    assert read_inventory(tmp_path / "units.geojson").roles == (Role.OUTLINE,)


def test_points_and_polygons_of_one_table_keep_their_ids(tmp_path) -> None:
    frame = outlines(4, ID=list("abcd"))
    frame.geometry = [g if k % 2 else g.centroid for k, g in enumerate(frame.geometry)]
    frame.to_file(tmp_path / "units.gpkg", layer="all")
    inventory = read_inventory(tmp_path / "units.gpkg")
    assert inventory.layer(Role.MARKER).frame["ID"].tolist() == ["a", "c"]
    assert inventory.layer(Role.OUTLINE).rows.tolist() == [2, 4]
    assert inventory.layer(Role.OUTLINE).fids.tolist() == [2, 4]


# ---- Shapefiles


@pytest.fixture
def shapefile(tmp_path):
    table = pa.table(
        {
            "ID": list("abcdef"),
            "MAP_DATE": pa.array([dt.date(2021, 8, k) for k in range(1, 7)]),
            "g": pa.array(shapely.to_wkb(outlines(6).geometry.values)),
        }
    )
    path = tmp_path / "outlines.shp"
    pyogrio.write_arrow(
        table, path, driver="ESRI Shapefile", geometry_name="g", geometry_type="Polygon", crs="EPSG:4326"
    )
    return path


def _record(path, row: int, at: int | None, content: bytes) -> None:
    """Change a row of a dBASE file: its mark, or its last bytes."""
    table = path.with_suffix(".dbf")
    data = bytearray(table.read_bytes())
    start, width = struct.unpack("<HH", data[8:12])
    begin = start + row * width + (at if at is not None else width - len(content))
    data[begin : begin + len(content)] = content
    table.write_bytes(data)


def test_deleted_rows_are_told(shapefile) -> None:
    for row in (1, 4):
        _record(shapefile, row, 0, b"*")
    layer = read_inventory(shapefile).layer(Role.OUTLINE)
    assert layer.frame["ID"].tolist() == list("acdf")
    assert layer.notes == ("2 rows are marked as deleted and were not read (rows 2, 5)",)


def test_impossible_dates_stay_what_they_are(shapefile, tmp_path) -> None:
    for row, text in enumerate([b"20211332", b"00000000", b"20210230", b"        ", b"\0" * 8]):
        _record(shapefile, row, None, text)
    _record(shapefile, 3, 0, b"*")  # a deleted row counts for none
    inventory = read_inventory(shapefile)
    layer = inventory.layer(Role.OUTLINE)
    values = [None if pd.isna(v) else v for v in layer.frame["MAP_DATE"]]
    assert values == ["20211332", None, "20210230", None, "2021-08-06"]
    assert "2 values of MAP_DATE are no dates (row 1: '20211332')" in layer.notes[1]
    write_inventory(inventory, tmp_path / "out.gpkg", schema_names=False)
    back = gpd.read_file(tmp_path / "out.gpkg")["MAP_DATE"]
    assert [None if pd.isna(v) else v for v in back] == values


def test_dates_that_are_dates_stay_dates(shapefile) -> None:
    layer = read_inventory(shapefile).layer(Role.OUTLINE)
    assert pd.to_datetime(layer.frame["MAP_DATE"]).dt.day.tolist() == [1, 2, 3, 4, 5, 6]
    assert not layer.notes


@pytest.mark.parametrize(
    ("suffix", "said"),
    [
        (".dbf", "outlines.dbf is damaged: 3 rows, the first of them row 4, contain only zeros"),
        (".shx", "outlines.shx is damaged: 3 rows, the first of them row 4"),
        (".shp", "outlines.shp is damaged: 3 rows, the first of them row 4"),
    ],
)
def test_rows_of_zeros_are_refused(shapefile, suffix, said) -> None:
    part = shapefile.with_suffix(suffix)
    data = bytearray(part.read_bytes())
    if suffix == ".dbf":
        start, width = struct.unpack("<HH", data[8:12])
        begin = start + 3 * width
    elif suffix == ".shx":
        begin = 100 + 3 * 8
    else:
        begin = 2 * struct.unpack(">I", shapefile.with_suffix(".shx").read_bytes()[124:128])[0]
    part.write_bytes(data[:begin] + bytes(len(data) - begin))
    with pytest.raises(InputError, match=said):
        read_inventory(shapefile)


def test_one_row_of_zeros_in_the_middle(shapefile) -> None:
    width = struct.unpack("<H", shapefile.with_suffix(".dbf").read_bytes()[10:12])[0]
    _record(shapefile, 2, 0, bytes(width))
    with pytest.raises(InputError, match=r"row 3 contains only zeros"):
        read_inventory(shapefile)


def test_a_table_of_another_length(shapefile, tmp_path) -> None:
    pyogrio.write_dataframe(outlines(5, ID=list("abcde")), tmp_path / "other.shp")
    (tmp_path / "other.dbf").replace(shapefile.with_suffix(".dbf"))
    for part in tmp_path.glob("other.*"):
        part.unlink()
    with pytest.raises(InputError, match=r"6 shapes but outlines.dbf has 5 rows"):
        read_inventory(shapefile)


def test_index_that_leads_outside(shapefile) -> None:
    index = shapefile.with_suffix(".shx")
    data = bytearray(index.read_bytes())
    data[116:120] = struct.pack(">I", 2**31 - 1)
    index.write_bytes(data)
    with pytest.raises(InputError, match="row 3 contains only zeros"):
        read_inventory(shapefile)


# ---- databases


@pytest.mark.parametrize(("driver", "name"), [("GPKG", "outlines.gpkg"), ("SQLite", "outlines.sqlite")])
def test_impossible_dates_of_databases(tmp_path, driver, name) -> None:
    day = dt.date(2021, 8, 1)
    frame = outlines(6)
    table = pa.table(
        {
            "d": pa.array([day] * 6),
            "t": pa.array([dt.datetime(2021, 8, 1)] * 6, pa.timestamp("ms")),
            "good": pa.array([day] * 6),
            "g": pa.array(shapely.to_wkb(frame.geometry.values)),
        }
    )
    path = tmp_path / name
    pyogrio.write_arrow(
        table,
        path,
        driver=driver,
        layer="outlines",
        geometry_name="g",
        geometry_type="Polygon",
        crs="EPSG:4326",
    )
    without_triggers(path)
    texts = ["2021-13-32", "2021-02-30", "n/a", "", "20210801", None]
    with sqlite3.connect(path) as connection:
        for row, text in enumerate(texts, 1):
            connection.execute("UPDATE outlines SET d = ?, t = ? WHERE rowid = ?", (text, text, row))
        connection.execute("UPDATE outlines SET good = NULL WHERE rowid = 3")
    layer = read_inventory(path).layer(Role.OUTLINE)
    for column in ("d", "t"):
        found = [None if pd.isna(v) else v for v in layer.frame[column]]
        assert found == ["2021-13-32", "2021-02-30", "n/a", None, "20210801", None]
    assert pd.to_datetime(layer.frame["good"]).dt.year.tolist()[:2] == [2021, 2021]
    assert [note.split(" (")[0] for note in layer.notes] == [
        "4 values of d are no dates",
        "4 values of t are no dates",
    ]


def _with_sql(path, *statements) -> None:
    without_triggers(path)
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT "
REGISTERED = (
    "INSERT INTO gpkg_contents (table_name, data_type, srs_id) VALUES ('v', 'features', 4326)",
    "INSERT INTO gpkg_geometry_columns VALUES ('v', 'geom', 'POLYGON', 4326, 0, 0)",
)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (f"{ENDLESS} x AS OGC_FID, NULL AS geom FROM c", "does not end"),
        (f"{ENDLESS.replace(' ALL', '')} x AS OGC_FID, NULL AS geom FROM c", "does not end"),
        (f"{ENDLESS} x AS OGC_FID, NULL AS geom FROM c ORDER BY random()", "does not end"),
        (
            "SELECT a.fid AS OGC_FID, a.geom FROM GO a, GO b, GO c, GO d, GO e, GO f, GO g, GO h, GO i",
            "does not end",
        ),
        ("SELECT fid AS OGC_FID, geom, zeroblob(200000000) AS x FROM GO", "cannot be run safely"),
        ("SELECT fid AS OGC_FID, geom, missing FROM GO", "cannot be run safely"),
    ],
)
def test_views_that_are_not_run(geopackage, monkeypatch, view, said) -> None:
    monkeypatch.setattr(sqlite_files, "MAX_STEPS", 2_000_000)
    _with_sql(geopackage, f"CREATE VIEW v AS {view}", *REGISTERED)
    inventory = read_inventory(geopackage)
    assert len(inventory.layers) == 4
    assert any("(layer v) was not read" in note and said in note for note in inventory.notes)
    assert [source.layer for source in inventory.unread] == ["v"]


def test_a_view_that_reaches_the_network_is_not_run(geopackage) -> None:
    _with_sql(
        geopackage, "CREATE VIEW v AS SELECT fid AS OGC_FID, ogr_geocode('x') AS x FROM GO", *REGISTERED
    )
    inventory = read_inventory(geopackage)
    assert len(inventory.layers) == 4
    assert any("no such function: ogr_geocode" in note for note in inventory.notes)


def test_a_view_alone_that_does_not_end_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sqlite_files, "MAX_STEPS", 2_000_000)
    path = tmp_path / "a.gpkg"
    outlines(1).to_file(path, layer="t")
    _with_sql(
        path,
        f"CREATE VIEW v AS {ENDLESS} x AS fid, NULL AS geom FROM c",
        "DELETE FROM gpkg_contents",
        "DELETE FROM gpkg_geometry_columns",
        *REGISTERED,
        "DROP TABLE t",
    )
    with pytest.raises(InputError, match=r"a.gpkg contains no layer that can be read .*does not end"):
        read_inventory(path)


def test_a_list_of_contents_that_does_not_end_is_refused(geopackage, monkeypatch) -> None:
    monkeypatch.setattr(sqlite_files, "MAX_STEPS", 2_000_000)
    _with_sql(
        geopackage,
        "ALTER TABLE gpkg_contents RENAME TO old",
        f"CREATE VIEW gpkg_contents AS {ENDLESS} o.* FROM c, old o",
    )
    with pytest.raises(InputError, match=r"its table gpkg_contents, .* does not end"):
        read_inventory(geopackage)


def test_computed_columns_without_measure(geopackage) -> None:
    _with_sql(geopackage, "ALTER TABLE GO ADD COLUMN x GENERATED ALWAYS AS (zeroblob(200000000)) VIRTUAL")
    assert any("(layer GO) was not read" in note for note in read_inventory(geopackage).notes)


def test_views_and_computed_columns_that_end_are_read(tmp_path) -> None:
    path = tmp_path / "a.gpkg"
    outlines(3, ID=IDS).to_file(path, layer="t")
    _with_sql(
        path,
        "ALTER TABLE t ADD COLUMN x GENERATED ALWAYS AS (length(ID)) VIRTUAL",
        "CREATE VIEW v AS SELECT fid AS OGC_FID, geom, ID, ST_MinX(geom) AS x FROM t WHERE fid > 1",
        *REGISTERED,
    )
    assert sqlite_files.unsafe_layers(path) == {}
    assert len(read_inventory(layers=[f"outline={path}:v"]).layers[0]) == 2
    assert len(read_inventory(layers=[f"outline={path}:t"]).layers[0]) == 3


@pytest.mark.parametrize("spatial", [True, False])
def test_sqlite_with_spatial_tables(tmp_path, spatial) -> None:
    path = tmp_path / "outlines.sqlite"
    pyogrio.write_dataframe(
        outlines(3, ID=IDS), path, driver="SQLite", dataset_options={"SPATIALITE": spatial}
    )
    layer = read_inventory(path).layer(Role.OUTLINE)
    assert layer.frame["id"].tolist() == IDS
    assert layer.crs.to_epsg() == 4326
    assert layer.geometry[0].equals(outlines(1).geometry[0])


@pytest.mark.parametrize("kind", ["lon and lat", "WKT", "WKB"])
def test_plain_sqlite(tmp_path, kind) -> None:
    path = tmp_path / "data.db"
    shape = outlines(1).geometry[0]
    rows = {
        "lon and lat": ("lon REAL, lat REAL", (90.5, 30.5)),
        "WKT": ("shape TEXT, n INTEGER", (shape.wkt, 1)),
        "WKB": ("shape BLOB, n INTEGER", (shape.wkb, 1)),
    }
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE units (id TEXT, {rows[kind][0]})")
        connection.execute("INSERT INTO units VALUES (?, ?, ?)", ("a", *rows[kind][1]))
    inventory = read_inventory(path)
    if kind == "lon and lat":
        assert inventory.layer(Role.MARKER).geometry.tolist() == [shapely.Point(90.5, 30.5)]
    else:
        assert inventory.layer(Role.OUTLINE).geometry[0].equals(shape)


# ---- geodatabases


@pytest.fixture
def geodatabase(tmp_path):
    path = tmp_path / "data.gdb"
    pyogrio.write_dataframe(outlines(3, ID=IDS), path, driver="OpenFileGDB", layer="outlines")
    return path


@pytest.mark.parametrize(
    "way", ["itself", "its folder", "renamed", "zipped", "zipped in folders", "zipped bare"]
)
def test_geodatabase(geodatabase, tmp_path, way) -> None:
    path = geodatabase
    if way == "its folder":
        path = tmp_path
    elif way == "renamed":
        path = geodatabase.rename(tmp_path / "export")
    elif way.startswith("zipped"):
        inside = {"zipped": "data.gdb/", "zipped in folders": "a/b/data.gdb/", "zipped bare": ""}[way]
        path = tmp_path / "data.gdb.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for part in geodatabase.iterdir():
                archive.write(part, f"{inside}{part.name}")
    layer = read_inventory(path).layer(Role.OUTLINE)
    assert layer.frame["ID"].tolist() == IDS
    assert layer.crs.to_epsg() == 4326


def test_geodatabase_that_is_not_whole(geodatabase) -> None:
    (geodatabase / "a00000001.gdbtable").unlink()
    with pytest.raises(InputError, match=r"a00000001\.gdbtable is missing"):
        read_inventory(geodatabase)


# ---- Parquet


def _parquet(path, frame, geometry, metadata=None) -> None:
    attributes = pa.Table.from_pandas(pd.DataFrame(frame.drop(columns="geometry")), preserve_index=False)
    table = attributes.replace_schema_metadata(metadata).append_column(*geometry)
    pq.write_table(table, path)


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("interleaved", [True, False])
def test_parquet_encodings(tmp_path, encoding, keyed, interleaved) -> None:
    """GeoParquet and GeoArrow, as geopandas writes them."""
    frame = outlines(3, ID=IDS)
    frame.geometry = [*frame.geometry[:2], None]
    path = tmp_path / "outlines.parquet"
    if keyed:
        frame.to_parquet(path, geometry_encoding=encoding)
    else:
        pq.write_table(
            pa.table(frame.to_arrow(index=False, geometry_encoding=encoding, interleaved=interleaved)), path
        )
    layer = read_inventory(path).layer(Role.OUTLINE)
    assert layer.geometry[2] is None
    assert shapely.equals(layer.geometry[:2], outlines(2).geometry.values).all()
    assert layer.crs.to_string() == "EPSG:4326"
    assert list(layer.frame.columns) == ["ID", "geometry"]


def test_parquet_with_several_geometries(tmp_path) -> None:
    frame = outlines(2, ID=IDS[:2])
    frame["centre"] = frame.geometry.centroid
    frame.to_parquet(tmp_path / "outlines.parquet")
    layer = read_inventory(tmp_path / "outlines.parquet").layer(Role.OUTLINE)
    assert "only the geometry in geometry was read, not centre" in layer.notes


@pytest.mark.parametrize("name", ["shape", "geometry"])
def test_plain_parquet(tmp_path, name) -> None:
    """Columns of WKB or of coordinates without a word about it, as pandas writes them."""
    frame = outlines(2, ID=IDS[:2])
    _parquet(tmp_path / "outlines.parquet", frame, (name, pa.array(shapely.to_wkb(frame.geometry.values))))
    layer = read_inventory(tmp_path / "outlines.parquet").layer(Role.OUTLINE)
    assert shapely.equals(layer.geometry, frame.geometry.values).all()
    assert layer.crs is None
    pd.DataFrame({"ID": IDS, "lon": [1.0, 2, 3], "lat": [1.0, 2, 3]}).to_parquet(tmp_path / "points.parquet")
    assert len(read_inventory(tmp_path / "points.parquet").layer(Role.MARKER)) == 3


@pytest.mark.parametrize(
    ("crs", "epsg"),
    [("", 4326), ("srid:32645", 32645), ("EPSG:32645", 32645), ("projjson:k", 32645), ("srid:0", None)],
)
def test_parquet_with_its_own_type(tmp_path, monkeypatch, crs, epsg) -> None:
    """The logical type, of which pyarrow writes the one without CRS only."""
    import pyproj

    from rogi.inventory.reading import geoparquet

    path = tmp_path / "outlines.parquet"
    frame = outlines(2, ID=IDS[:2])
    metadata = {"k": pyproj.CRS(32645).to_json()}
    _parquet(path, frame, ("geometry", pa.array(shapely.to_wkb(frame.geometry.values))), metadata)

    class Logical:
        def __init__(self, column) -> None:
            self.type = "GEOMETRY" if column.name == "geometry" else "NONE"

        def to_json(self) -> str:
            return json.dumps({"Type": "Geometry"} | ({"crs": crs} if crs else {}))

    class Parquet(pq.ParquetFile):
        @property
        def schema(self):
            from types import SimpleNamespace

            plain = super().schema
            columns = [plain.column(k) for k in range(len(plain))]
            described = [SimpleNamespace(path=c.path, logical_type=Logical(c)) for c in columns]
            return type("S", (), {"__len__": lambda _: len(described), "column": lambda _, k: described[k]})()

    assert geoparquet.describe  # the module opens files by this name
    monkeypatch.setattr(pq, "ParquetFile", Parquet)
    layer = read_inventory(path).layer(Role.OUTLINE)
    assert shapely.equals(layer.geometry, frame.geometry.values).all()
    assert (None if layer.crs is None else layer.crs.to_epsg()) == epsg


# ---- spreadsheets


def _sheet(path, rows) -> None:
    """Cells as text or numbers, without a header of the driver's own."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    first, *below = zip(*columns, strict=True)
    table = pa.table({str(n): pa.array([row[k] for row in below]) for k, n in enumerate(first)})
    pyogrio.write_arrow(table, path, driver=path.suffix[1:].upper(), layer="Units")


@pytest.mark.parametrize("name", ["units.xlsx", "units.ods"])
def test_spreadsheet(tmp_path, name) -> None:
    rows = [["Code", "Longitud", "Latitud", "n"], ["007", "12°30'W", "30,5", 1], ["8", "90.5", "31", 2]]
    _sheet(tmp_path / name, rows)
    layer = read_inventory(tmp_path / name).layer(Role.MARKER)
    assert layer.geometry.tolist() == [shapely.Point(-12.5, 30.5), shapely.Point(90.5, 31)]
    assert layer.frame["Code"].tolist() == ["007", "8"]
    assert layer.frame["n"].tolist() == [1, 2]
    assert layer.rows.tolist() == [2, 3]
    assert layer.crs.to_epsg() == 4326


def test_titles_and_merged_cells_above_the_header(tmp_path) -> None:
    """Of merged cells a file has the first, the others are empty."""
    rows = [
        ["Rock glaciers of the Andes", None, None, None],
        ["ID", "Position", None, "Height"],
        [None, "lon", "lat", None],
        ["a", "90.5", "30.5", "4000"],
        [None, None, None, None],
        ["b", "91.5", "31.5", "#N/A"],
        ["Sum:", None, None, "4000"],
    ]
    named = [["c1", "c2", "c3", "c4"], *rows]
    _sheet(tmp_path / "units.xlsx", named)
    layer = read_inventory(tmp_path / "units.xlsx").layer(Role.MARKER)
    assert list(layer.frame.columns) == ["ID", "lon", "lat", "Height", "geometry"]
    assert layer.frame["ID"].tolist() == ["a", "b"]
    assert layer.rows.tolist() == [5, 7]
    assert np.isnan(layer.frame["Height"].to_numpy(dtype=float, na_value=np.nan)[1])
    assert any("1 cells contain an error" in note for note in layer.notes)


def test_spreadsheet_dates(tmp_path) -> None:
    table = pa.table({"lon": [1.0], "lat": [2.0], "MAP_DATE": pa.array([dt.date(2021, 8, 1)])})
    pyogrio.write_arrow(table, tmp_path / "units.xlsx", driver="XLSX", layer="a")
    assert read_inventory(tmp_path / "units.xlsx").layers[0].frame["MAP_DATE"].tolist() == ["2021-08-01"]


def test_spreadsheet_without_coordinates(tmp_path) -> None:
    _sheet(tmp_path / "units.xlsx", [["ID", "name"], ["a", "b"]])
    with pytest.raises(InputError, match=r"has no coordinates: its columns are ID, name.*table="):
        read_inventory(tmp_path / "units.xlsx")


def test_spreadsheets_beside_an_inventory_are_told(tmp_path) -> None:
    write_inventory(examples.tprogi(3), tmp_path / "inventory.gpkg")
    _sheet(tmp_path / "fieldwork.xlsx", [["n", "lon", "lat"], ["a", "1", "2"]])
    inventory = read_inventory(tmp_path)
    assert len(inventory.layer(Role.MARKER)) == 3
    assert any("fieldwork.xlsx was not read" in note for note in inventory.notes)


@pytest.mark.parametrize(
    ("row", "cell", "said"),
    [
        (b'"1048576"', b'"XFD1048576"', "Maximum number of fields"),
        (b'"1048576"', b'"A1048576"', "could not be read"),
        (b'"2"', b'"XFD2"', "Maximum number of fields"),
    ],
)
def test_spreadsheet_with_far_apart_cells_is_refused(tmp_path, row, cell, said) -> None:
    _sheet(tmp_path / "units.xlsx", [["lon", "lat"], ["1", "2"]])
    bad = tmp_path / "bad.xlsx"
    with zipfile.ZipFile(tmp_path / "units.xlsx") as source, zipfile.ZipFile(bad, "w") as target:
        for member in source.infolist():
            content = source.read(member)
            content = content.replace(b'row r="2"', b"row r=" + row).replace(b'"A2"', cell)
            target.writestr(member.filename, content)
    with pytest.raises(InputError, match=rf"bad.xlsx .*{said}"):
        read_inventory(bad)


def test_a_constant_id_names_nothing() -> None:
    """ArcGIS adds a column Id of zeros."""
    from rogi.inventory.build import from_frames
    from rogi.inventory.coordinates import labels_of
    from rogi.validation.engine import validate
    from rogi.validation.settings import Settings

    frame = outlines(3, Id=[0, 0, 0])
    frame.loc[1, "geometry"] = None
    inventory = from_frames({Role.OUTLINE: frame})
    assert labels_of(inventory.layers[0]).tolist() == ["row 1", "row 2", "row 3"]
    findings = validate(inventory, Settings(select=("GEO001",))).findings
    assert findings["feature_id"].tolist() == ["row 2"]
