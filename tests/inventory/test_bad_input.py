"""Bad input: one clear message that names the file and a remedy (exit 2), or findings (exit 1).

Never a traceback, never a pass, nothing printed by a driver, and the input as it was.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from rogi import archives
from rogi.errors import InputError
from rogi.inventory.read import read_inventory
from rogi.inventory.reading import sources
from rogi.inventory.write import write_inventory
from rogi.rules import examples
from rogi.rules.rule import Severity
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.settings import Settings
from tests.inventory.conftest import listing, outlines, without_triggers


@pytest.fixture
def refused(tmp_path, capfd):
    """Check that a path is refused with one message that says what and where, and left as it was."""

    def check(path: Path, *parts: str) -> None:
        before = listing(tmp_path)
        with pytest.raises(InputError) as error:
            read_inventory(path)
        message = str(error.value)
        assert "\n" not in message
        assert message.endswith(".")
        for part in (path.stem, *parts):
            assert part in message
        assert capfd.readouterr() == ("", "")  # nothing printed by a driver
        assert listing(tmp_path) == before

    return check


@pytest.fixture
def found(tmp_path, capfd):
    """Check that a path is read and that the given rules find something, so that it does not pass."""

    def check(path: Path, *codes: str) -> None:
        before = listing(tmp_path)
        report = validate(read_inventory(path), Settings())
        assert not report.crashed
        assert set(codes) <= set(report.findings["code"])
        assert report.exit_code(Severity.ERROR) == 1
        assert capfd.readouterr() == ("", "")
        assert listing(tmp_path) == before

    return check


def test_exit_codes(tmp_path) -> None:
    """The installed command: a message and 2 for what cannot be read, 1 for findings, no traceback."""

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-c",
            "from rogi.cli import main; main()",
            "validate",
            str(path),
            "--no-config",
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    path = tmp_path / "outlines.gpkg"
    missing = run(path)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == f"error: {path} does not exist; check the spelling and the folder.\n"
    outlines(2).to_file(path)
    there = run(path)
    assert (there.returncode, there.stderr) == (1, "")
    os.truncate(path, path.stat().st_size // 2)
    truncated = run(path)
    assert truncated.returncode == 2
    assert truncated.stderr.startswith(f"error: {path} is truncated")
    assert truncated.stderr.count("\n") == 1


# ---- files that are not there, or not what they should be


def test_missing_file(tmp_path, refused) -> None:
    refused(tmp_path / "nothing.gpkg", "does not exist", "check the spelling")


@pytest.mark.parametrize("suffix", sorted(sources.SUFFIXES))
def test_empty_file(tmp_path, refused, suffix) -> None:
    path = tmp_path / f"inventory{suffix}"
    path.touch()
    refused(path, "is empty (0 bytes)")


@pytest.mark.parametrize("suffix", sorted(sources.SUFFIXES))
@pytest.mark.parametrize(
    "content", [b"\x00" * 300, b"\xff\xd8\xff\xe0 no vector file \x00 " * 20, b"%PDF-1.7\n" * 50]
)
def test_non_vector_content(tmp_path, refused, suffix, content) -> None:
    path = tmp_path / f"inventory{suffix}"
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("image.tif", "is a raster or image"),
        ("photo.jpg", "is a raster or image"),
        ("paper.pdf", "is not a vector file"),
        ("table.xls", "save it as .xlsx"),
        ("table.xlsx", "is not a spreadsheet"),
        ("a00000009.gdbtable", "one part of a file geodatabase"),
        ("outlines.dbf", "name its .shp file"),
        ("no_suffix", "is not a vector file"),
    ],
)
def test_other_kinds_of_files(tmp_path, refused, name, said) -> None:
    path = tmp_path / name
    path.write_bytes(b"some bytes that are no inventory")
    refused(path, said)


def test_a_file_with_the_wrong_suffix(tmp_path, refused, geopackage) -> None:
    path = tmp_path / "inventory.bin"
    geopackage.rename(path)
    refused(path, "looks like GPKG", "rename it to *.gpkg")
    path.rename(tmp_path / "inventory.shp")
    refused(tmp_path / "inventory.shp", "is not a Shapefile, though its name says so")


@pytest.mark.parametrize(
    "text",
    [
        "<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer>"
        "</OGRVRTDataSource>",
        "<html><body>404 not found</body></html>",
    ],
)
@pytest.mark.parametrize("suffix", [".geojson", ".kml", ".gpkg", ".shp", ".fgb"])
def test_content_does_not_choose_the_driver(tmp_path, refused, text, suffix) -> None:
    """A virtual dataset or a web page under a vector file's name is not opened as such."""
    path = tmp_path / f"inventory{suffix}"
    path.write_text(text)
    refused(path)


def test_no_regular_file(tmp_path) -> None:
    os.mkfifo(tmp_path / "inventory.gpkg")
    with pytest.raises(InputError, match="is not a regular file"):
        read_inventory(tmp_path / "inventory.gpkg")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_no_permission(geopackage, refused) -> None:
    geopackage.chmod(0)
    refused(geopackage, "cannot be read", "Permission denied")


# ---- truncated and damaged files


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
@pytest.mark.parametrize("format", ["gpkg", "geoparquet", "flatgeobuf"])
def test_truncated_file(tmp_path, refused, format, share) -> None:
    folder = tmp_path / "whole"
    folder.mkdir()
    target = folder / "outlines.gpkg" if format == "gpkg" else folder
    inventory = examples.without_layer(examples.tprogi(200), Role.MARKER)
    path = write_inventory(inventory, target, format=format).paths[0]
    os.truncate(path, int(path.stat().st_size * share))
    refused(path)


@pytest.mark.parametrize("driver", ["GeoJSON", "KML"])
def test_truncated_text(tmp_path, refused, driver) -> None:
    path = tmp_path / f"outlines.{driver.lower()}"
    outlines(50).to_file(path, driver=driver)
    os.truncate(path, path.stat().st_size // 2)
    refused(path)


@pytest.mark.parametrize("suffix", [".shp", ".dbf", ".shx"])
def test_truncated_shapefile(shapefiles, refused, suffix) -> None:
    part = shapefiles / f"TPRoGI_Extended_Footprint{suffix}"
    os.truncate(part, part.stat().st_size // 2)
    refused(shapefiles / "TPRoGI_Extended_Footprint.shp", part.name, "is truncated")


def test_geopackage_damaged_inside(tmp_path, refused) -> None:
    """The driver stops at the damage and says nothing; the features after it must not be lost in silence."""
    path = tmp_path / "tprogi.gpkg"
    write_inventory(examples.tprogi(2000), path)
    size = path.stat().st_size
    with path.open("r+b") as stream:
        stream.seek(size // 2)
        stream.write(b"\xff" * (size // 4))
    refused(path)


def test_geopackage_with_a_stale_count_is_whole(geopackage) -> None:
    without_triggers(geopackage)
    connection = sqlite3.connect(geopackage)
    connection.execute("DELETE FROM PM WHERE fid = 2")
    connection.commit()
    connection.close()
    assert len(read_inventory(geopackage).layer(Role.MARKER)) == 3


def test_damaged_archive(shapefiles, tmp_path, refused) -> None:
    path = tmp_path / "inventory.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in shapefiles.iterdir():
            archive.write(part, part.name)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "damaged")
    path.write_bytes(whole[:200] + b"\x00" * 300 + whole[500:])
    refused(path, "damaged")


# ---- Shapefiles with parts missing


@pytest.mark.parametrize(("suffix", "remedy"), [(".dbf", "copy all parts"), (".shx", "SHAPE_RESTORE_SHX")])
def test_shapefile_without_a_part(shapefiles, refused, suffix, remedy) -> None:
    (shapefiles / f"TPRoGI_Primary_Marker{suffix}").unlink()
    refused(shapefiles / "TPRoGI_Primary_Marker.shp", f"lacks TPRoGI_Primary_Marker{suffix}", remedy)
    refused(shapefiles, f"lacks TPRoGI_Primary_Marker{suffix}")


def test_shapefile_without_prj(shapefiles, found) -> None:
    (shapefiles / "TPRoGI_Primary_Marker.prj").unlink()
    found(shapefiles, "SCH004")


# ---- archives from strangers


@pytest.mark.parametrize(
    "name",
    ["../outside.shp", "/etc/outside.shp", "a/../../outside.shp", "..\\outside.shp", "C:\\outside.shp"],
)
def test_archive_with_paths_leading_outside(tmp_path, refused, name) -> None:
    path = tmp_path / "inventory.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.csv", "lon,lat\n1,2\n")
        archive.writestr(name, b"x")
    refused(path, "leads outside")
    assert not list(tmp_path.parent.glob("outside*"))


def test_archive_with_a_link(tmp_path, refused) -> None:
    path = tmp_path / "inventory.zip"
    link = zipfile.ZipInfo("outlines.gpkg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(path, "contains the link")


def test_archive_that_would_not_end(tmp_path, refused) -> None:
    path = tmp_path / "inventory.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("outlines.csv", b"0" * (archives._RATIO_FLOOR + 1))
    refused(path, "which no inventory does")


def test_archive_that_lies_about_sizes(tmp_path, refused) -> None:
    path = tmp_path / "inventory.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("outlines.csv", b"lon,lat\n" + b"1,2\n" * 1000)
    content = path.read_bytes().replace(struct.pack("<I", 4008), struct.pack("<I", 8))
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize("names", [[], ["README.txt"], ["inner.zip"], ["a/b/c.pdf", "d.tif"]])
def test_archive_without_inventory(tmp_path, refused, names) -> None:
    path = tmp_path / "inventory.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    refused(path)


def test_encrypted_archive(tmp_path, refused) -> None:
    path = tmp_path / "inventory.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("outlines.csv", b"x")
    content = bytearray(path.read_bytes())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(sign) + at] |= 1
    path.write_bytes(bytes(content))
    refused(path, "is encrypted")


def test_kml_that_declares_entities(tmp_path, refused) -> None:
    path = tmp_path / "outlines.kml"
    path.write_text(
        '<?xml version="1.0"?><!DOCTYPE k [<!ENTITY a "b">]><kml><Document><name>&a;</name></Document></kml>'
    )
    refused(path, "declares XML entities")


# ---- folders


def test_folder_without_inventory(tmp_path, refused) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    refused(folder, "contains no layer that rogi can read")
    (folder / "image.tif").write_bytes(b"x")
    (folder / "README.txt").write_text("lon,lat\n1,2\n")
    (folder / "prices.csv").write_text("a,b\n1,2\n")
    (folder / "settings.json").write_text("[1, 2]")
    refused(folder, "prices.csv has no coordinates")


def test_folder_that_contains_itself(shapefiles) -> None:
    (shapefiles / "again").symlink_to(shapefiles)
    assert len(read_inventory(shapefiles).layers[0]) == 4


def test_folder_of_very_many_files(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILES", 5)
    for k in range(7):
        (tmp_path / f"{k}.txt").touch()
    with pytest.raises(InputError, match="contains more than 5 files; name the file"):
        read_inventory(tmp_path)


# ---- tables


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,name\n1,a\n", "has no coordinates: its columns are id, name"),
        ("id,lon\n1,90\n", "has no coordinates"),
        ("id,x,y\n1,2600000,1200000\n", "give it with crs="),
        ("id,lon,lat\n1,90,30\n2,91,31,5,6\n", "as many cells as the header"),
        ('id,lon,lat\n1,90,"30\n2,91,31\n', "cannot be read as a table"),
    ],
)
def test_csv_that_cannot_be_placed(tmp_path, refused, text, said) -> None:
    path = tmp_path / "markers.csv"
    path.write_text(text)
    refused(path, said)


def test_parquet_without_geometry(tmp_path, refused) -> None:
    path = tmp_path / "outlines.parquet"
    outlines(2).drop(columns="geometry").assign(a=1).to_parquet(path)
    refused(path, "without geometry")


# ---- readable, with something to find


def test_no_crs(tmp_path, found) -> None:
    path = tmp_path / "outlines.gpkg"
    outlines(2, crs=None).to_file(path)
    assert read_inventory(path).layers[0].crs is None
    found(path, "SCH004")


def test_a_crs_that_lies(tmp_path, found) -> None:
    """Degrees said, metres inside."""
    path = tmp_path / "outlines.gpkg"
    outlines(2).to_crs(32646).set_crs(4326, allow_override=True).to_file(path)
    found(path, "SCH006")


def test_null_empty_and_mixed_geometries(tmp_path, found) -> None:
    path = tmp_path / "outlines.gpkg"
    frame = gpd.GeoDataFrame(
        {"PrimaryID": ["a", "b", "c", "d"]},
        geometry=[shapely.box(90, 30, 90.01, 30.01), None, shapely.Polygon(), shapely.Point(90, 30)],
        crs=4326,
    )
    frame.to_file(path)
    layer = read_inventory(path).layers[0]
    assert (layer.role, len(layer)) == (Role.OUTLINE, 4)
    found(path, "SCH003", "GEO001", "GEO002")


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_infinite_coordinates(tmp_path, found, value) -> None:
    path = tmp_path / "outlines.parquet"
    outlines(2).set_geometry(
        [shapely.box(90, 30, 91, 31), shapely.Polygon([(0, 0), (1, value), (1, 1)])], crs=4326
    ).to_parquet(path)
    found(path, "GEO019")


def test_zero_rows(tmp_path, found) -> None:
    path = tmp_path / "outlines.gpkg"
    outlines(2, PrimaryID=["a", "b"])[:0].to_file(path)
    assert len(read_inventory(path).layers[0]) == 0
    found(path, "SCH002")


def test_csv_with_a_header_only(tmp_path, found) -> None:
    path = tmp_path / "markers.csv"
    path.write_text("id,lon,lat\n")
    found(path, "SCH002")


def test_one_row(tmp_path, found) -> None:
    path = tmp_path / "outlines.gpkg"
    outlines(1).to_file(path)
    assert len(read_inventory(path).layers[0]) == 1
    found(path, "SCH008")


def test_three_hundred_columns(tmp_path, found) -> None:
    path = tmp_path / "outlines.gpkg"
    outlines(2, **{f"column_{k}": [k, k] for k in range(300)}).to_file(path)
    assert len(read_inventory(path).layers[0].extra_columns) == 300
    found(path, "SCH017")


def test_z_is_kept_and_found(tmp_path, found) -> None:
    path = tmp_path / "outlines.gpkg"
    frame = outlines(2)
    frame.geometry = shapely.force_3d(frame.geometry.array, 4500.0)
    frame.to_file(path)
    assert shapely.has_z(read_inventory(path).layers[0].geometry).all()
    found(path, "GEO006")


def test_m_is_kept_and_found(tmp_path, found) -> None:
    path = tmp_path / "outlines.parquet"
    measured = shapely.from_wkt(["POLYGON M ((90 30 1, 91 30 2, 91 31 3, 90 30 1))"])
    gpd.GeoDataFrame({"a": [1]}, geometry=measured, crs=4326).to_parquet(path)
    assert shapely.has_m(read_inventory(path).layers[0].geometry).all()
    found(path, "GEO006")
    geopackage = tmp_path / "outlines.gpkg"
    write_inventory(read_inventory(path), geopackage)
    path.unlink()
    assert shapely.has_m(read_inventory(geopackage).layers[0].geometry).all()


def _curve_polygon(radius: float) -> bytes:
    """GeoPackage blob of a circle made of two arcs."""
    ring = [(-radius, 0), (0, radius), (radius, 0), (0, -radius), (-radius, 0)]
    arcs = struct.pack("<BII", 1, 8, 5) + b"".join(struct.pack("<dd", 90 + x, 30 + y) for x, y in ring)
    return b"GP\x00\x01" + struct.pack("<i", 4326) + struct.pack("<BII", 1, 10, 1) + arcs


def test_curves_are_made_straight_with_a_note(tmp_path) -> None:
    path = tmp_path / "outlines.gpkg"
    outlines(3).to_file(path, layer="outlines")
    without_triggers(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE outlines SET geom = ? WHERE fid = 2", (_curve_polygon(0.01),))
    connection.commit()
    connection.close()
    layer = read_inventory(path).layers[0]
    circle = layer.geometry[1]
    assert circle.geom_type == "Polygon"
    assert circle.area == pytest.approx(np.pi * 0.01**2, rel=2e-3)
    assert layer.geometry[0].equals(outlines(3).geometry[0])
    assert "1 curved geometries were turned into straight segments" in layer.notes


def test_rings_that_cannot_be_built_are_null_with_a_note(tmp_path, found) -> None:
    path = tmp_path / "outlines.geojson"
    ring = [[90, 30], [91, 30], [91, 31]]
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [r]}}
        for r in ([[90, 30], [91, 30], [91, 31], [90, 30]], ring)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    layer = read_inventory(path).layers[0]
    assert layer.geometry[1] is None
    assert any("1 geometries could not be built" in note for note in layer.notes)
    found(path, "GEO001")


# ---- text


@pytest.mark.parametrize("cpg", ["UTF-8", None, "nonsense", "ISO-8859-1"])
def test_text_that_is_not_utf8_in_a_shapefile(tmp_path, cpg) -> None:
    path = tmp_path / "outlines.shp"
    outlines(2, SUBREGION=["Nyainqêntanglha", "Zürich"]).to_file(path, encoding="ISO-8859-1")
    if cpg is None:
        path.with_suffix(".cpg").unlink()
    else:
        path.with_suffix(".cpg").write_text(cpg)
    layer = read_inventory(path).layers[0]
    text = list(layer.frame["SUBREGION"])
    if cpg == "UTF-8":  # the file lies: damage shows, and is a finding
        assert text == ["Nyainq\ufffdntanglha", "Z\ufffdrich"]
        assert any("--encoding" in note for note in layer.notes)
    else:
        assert text == ["Nyainqêntanglha", "Zürich"]
    assert list(read_inventory(path, encoding="latin-1").layers[0].frame["SUBREGION"])[1] == "Zürich"


def test_encoding_damage_is_found(tmp_path, found) -> None:
    path = tmp_path / "outlines.shp"
    outlines(2, SUBREGION=["Nyainqêntanglha", "Zürich"]).to_file(path, encoding="ISO-8859-1")
    path.with_suffix(".cpg").write_text("UTF-8")
    found(path, "SCH015")


def test_bytes_that_are_not_utf8_in_a_geopackage(tmp_path, found) -> None:
    path = tmp_path / "outlines.gpkg"
    outlines(2, comment=["a", "b"]).to_file(path, layer="outlines")
    without_triggers(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE outlines SET comment = CAST(x'5AFC72696368' AS TEXT) WHERE fid = 1")
    connection.commit()
    connection.close()
    assert list(read_inventory(path).layers[0].frame["comment"]) == ["Z\ufffdrich", "b"]
    found(path, "SCH015")


def test_csv_that_is_not_utf8(tmp_path) -> None:
    path = tmp_path / "markers.csv"
    path.write_bytes("name,lon,lat\nZürich,90,30\n".encode("latin-1"))
    layer = read_inventory(path).layers[0]
    assert list(layer.frame["name"]) == ["Zürich"]
    assert any("was read as cp1252" in note for note in layer.notes)
    with pytest.raises(InputError, match="no encoding 'klingon'"):
        read_inventory(path, encoding="klingon")


def test_columns_of_the_same_name(tmp_path) -> None:
    """A dBASE table may have two columns of one name; the second gets a dot, which does not count."""
    path = tmp_path / "outlines.shp"
    outlines(1, AAAA=[1], BBBB=[2]).to_file(path)
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace(b"BBBB", b"AAAA"))
    layer = read_inventory(path).layers[0]
    assert list(layer.frame.columns[:2]) == ["AAAA", "AAAA."]
    assert any("several columns 'AAAA'" in note for note in layer.notes)


def test_lists_become_text(tmp_path) -> None:
    path = tmp_path / "outlines.geojson"
    square = shapely.geometry.mapping(shapely.box(90, 30, 91, 31))
    feature = {"type": "Feature", "properties": {"a": [1, 2], "b": {"c": 1}}, "geometry": square}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    frame = read_inventory(path).layers[0].frame
    assert json.loads(frame["a"].iloc[0]) == [1, 2]
    assert json.loads(frame["b"].iloc[0]) == {"c": 1}


def test_damaged_text_in_a_message_of_sqlite(tmp_path, geopackage) -> None:
    """SQLite quotes the file's own bytes, which may be no text at all."""
    without_triggers(geopackage)
    data = geopackage.read_bytes()
    at = data.index(b'CREATE TABLE "GO"') if b'CREATE TABLE "GO"' in data else data.index(b"CREATE TABLE")
    geopackage.write_bytes(data[:at] + b"\xabR\xabATE T\xabBLE" + data[at + 12 :])
    with pytest.raises(InputError, match=str(geopackage)):
        read_inventory(geopackage)
