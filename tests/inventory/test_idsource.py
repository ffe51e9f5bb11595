"""Where `rogi id` takes IDs and positions from, and the command itself."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from typer.testing import CliRunner

from rogi.cli.id import app
from rogi.errors import InputError, OptionError
from rogi.inventory.build import from_frames
from rogi.inventory.id_sources import from_file, from_numbers
from rogi.inventory.ids.primary_id import make
from rogi.inventory.ids.unit_positions import Place, positions
from rogi.inventory.write import write_inventory
from rogi.rules import examples
from rogi.schema.model import Role
from tests.inventory.conftest import outlines

run = CliRunner()


def rogi_id(*arguments: str, code: int = 0, stdin: str | None = None) -> str:
    result = run.invoke(app, list(arguments), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


# ---- positions


def test_points_of_outlines() -> None:
    """A square, and a horseshoe whose centroid lies outside it."""
    square = shapely.box(90, 30, 90.02, 30.01)
    horseshoe = shapely.box(0, 0, 3, 3).difference(shapely.box(1, 1, 2, 3))
    frame = gpd.GeoDataFrame(geometry=[square, horseshoe, None, shapely.Polygon()], crs=4326)
    layer = from_frames({Role.OUTLINE: frame}).layers[0]
    lon, lat = positions(layer, Place.CENTROID)
    np.testing.assert_allclose(lon, [90.01, 1.5, np.nan, np.nan])
    np.testing.assert_allclose(lat, [30.005, 9.5 / 7, np.nan, np.nan])  # (9 - 4) parts: (13.5 - 4) / 7
    for place in (Place.AUTO, Place.INSIDE):
        lon, lat = positions(layer, place)
        assert horseshoe.contains(shapely.Point(lon[1], lat[1]))
    assert positions(layer, Place.AUTO)[0][0] == pytest.approx(90.01)


def test_positions_are_on_wgs84_whatever_the_crs() -> None:
    inventory = examples.tprogi(5)
    expected = np.column_stack(positions(inventory.layer(Role.MARKER)))
    projected = examples.reprojected(inventory, "EPSG:32646")
    np.testing.assert_allclose(np.column_stack(positions(projected.layer(Role.MARKER))), expected, atol=1e-9)
    # the centroid in metres and that in degrees differ by far less than a unit of the ID
    one, other = (np.column_stack(positions(i.layer(Role.OUTLINE))) for i in (inventory, projected))
    np.testing.assert_allclose(one, other, atol=1e-6)
    with pytest.raises(InputError, match="no coordinate reference system"):
        positions(examples.with_crs(inventory, Role.MARKER, None).layer(Role.MARKER))


# ---- sources


def test_numbers() -> None:
    for texts in (["97.2,28.1"], ["97.2", "28.1"], ["97.2 28.1"], ["97.2;28.1", ""]):
        source = from_numbers(texts)
        assert (list(source.longitude), list(source.latitude)) == ([97.2], [28.1])
    for texts, match in (
        (["97.2"], "longitude and latitude of each"),
        (["a", "b"], "'a' is not a number"),
        (["7,42 46,5"], "'7,42' may be a number with a decimal comma"),
        (["-70,1234; -33,5"], "'-70,1234' may be a number with a decimal comma"),
        ([], "longitude and latitude of each"),
    ):
        with pytest.raises(OptionError, match=match):
            from_numbers(texts)


def test_markers_before_outlines_and_columns_by_name(tmp_path) -> None:
    path = tmp_path / "a.gpkg"
    write_inventory(examples.tprogi(3), path)
    source = from_file(path, ids=True)
    assert source.of_markers
    assert list(source.text) == list(make(source.longitude, source.latitude))
    assert list(from_file(path, ids=True, column="SUBREGION").text) == ["Nyainqêntanglha"] * 3
    with pytest.raises(OptionError, match="no column 'X'; its columns are ID"):
        from_file(path, ids=True, column="X")
    outlines(2, a=[1, 2]).to_file(tmp_path / "b.gpkg")
    with pytest.raises(InputError, match="no column of primary IDs among a; name the column"):
        from_file(tmp_path / "b.gpkg", ids=True)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("PrimaryID\nRGU384455N1092526W\n", ["RGU384455N1092526W"]),
        ("a,b\n1,RGU384455N1092526W\n2,\n", ["RGU384455N1092526W", None]),
    ],
)
def test_a_table_needs_no_coordinates(tmp_path, text, ids) -> None:
    (tmp_path / "a.csv").write_text(text)
    source = from_file(tmp_path / "a.csv", ids=True)
    assert list(source.text) == ids
    assert source.longitude is None


# ---- the command


def test_make_from_arguments_and_stdin() -> None:
    assert rogi_id("make", "-109.2526", "38.4455") == "RGU384455N1092526W\n"
    assert rogi_id("make", "-70.5,-33.25", "97.24263,28.15273", "--prefix", "RGS") == (
        "RGS332500S0705000W\nRGS281527N0972426E\n"
    )
    assert rogi_id("make", stdin="7 46\n8,47\n") == "RGU460000N0070000E\nRGU470000N0080000E\n"
    assert (
        rogi_id("make", "7", "46", "--format", "json")
        == json.dumps([{"row": 1, "id": "RGU460000N0070000E", "longitude": 7.0, "latitude": 46.0}], indent=1)
        + "\n"
    )
    assert rogi_id("make", "200", "46", code=1) == "\n"


def test_make_from_a_file(tmp_path) -> None:
    path = tmp_path / "outlines.gpkg"
    outlines(2).to_file(path)
    expected = ["RGU300050N0900050E", "RGU300050N0901050E"]
    assert rogi_id("make", str(path)).split() == expected
    table = list(csv.DictReader(io.StringIO(rogi_id("make", str(path), "--format", "csv"))))
    assert [row["id"] for row in table] == expected
    assert [row["row"] for row in table] == ["1", "2"]
    out = tmp_path / "ids.csv"
    assert rogi_id("make", str(path), "--format", "csv", "-o", str(out)) == ""
    assert list(csv.DictReader(out.open())) == table
    assert rogi_id("make", "--layer", f"outline={path}").split() == expected


def test_parse() -> None:
    records = json.loads(
        rogi_id("parse", "RGU384455N1092526W", "RGU76723E46181N", "unknown", "--format", "json", code=1)
    )
    assert [r["form"] for r in records] == ["canonical", "swapped", "unparsable"]
    assert [r["longitude"] for r in records] == [-109.2526, 7.6723, None]
    assert [r["ambiguous"] for r in records] == [False, True, False]
    assert rogi_id("parse", "RGU384455N1092526W").split() == [
        "RGU384455N1092526W",
        "canonical",
        "RGU",
        "38.4455",
        "-109.2526",
        "RGU384455N1092526W",
    ]


def test_repair(tmp_path) -> None:
    assert rogi_id("repair", "RGU465071N084471E").split()[1] == "RGU465071N0084471E"
    assert rogi_id("repair", "nonsense", code=1).split() == ["nonsense", "nonsense", "none"]
    (tmp_path / "a.csv").write_text("PrimaryID,lon,lat\nRGU72283E45988N,7.22833,45.98851\nx,8,46\n,9,47\n")
    rows = list(csv.DictReader(io.StringIO(rogi_id("repair", str(tmp_path / "a.csv"), "--format", "csv"))))
    assert [row["id"] for row in rows] == [
        "RGU459885N0072283E",
        "RGU460000N0080000E",
        "RGU470000N0090000E",
    ]
    assert {row["method"] for row in rows} == {"position"}
    by_text = rogi_id("repair", str(tmp_path / "a.csv"), "--by-text", code=1)
    assert by_text.splitlines()[0].split() == ["RGU72283E45988N", "RGU459880N0072283E", "guessed"]


def test_repair_by_projected_positions_of_a_table(tmp_path) -> None:
    """A marker of the Swiss inventory in EPSG:2056: zeros that the text has lost come from its position."""
    path = tmp_path / "a.csv"
    path.write_text("PrimaryID,x,y\nRGU72283E45988N,2583702.233,1093016.191\n")
    repaired = rogi_id("repair", str(path), "--crs", "EPSG:2056")
    assert repaired.split() == ["RGU72283E45988N", "RGU459885N0072283E", "position"]


def test_outlines_do_not_rename_units(tmp_path) -> None:
    """The ID is that of the marker: the middle of an outline does not overrule it."""
    path = tmp_path / "outlines.gpkg"
    outlines(1, PrimaryID=["RGU300090N0900090E"]).to_file(path)
    assert rogi_id("repair", str(path)).split()[1:] == ["RGU300090N0900090E", "unchanged"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["make", "nothing.gpkg"], "nothing.gpkg does not exist"),
        (["make", "--bogus", "1"], "There is no option '--bogus'"),
        (["make", "1"], "longitude and latitude of each"),
        (["make", "7,42", "46,5"], "'7,42' may be a number with a decimal comma"),
        (["parse", "x", "--column", "ID"], "--column names a column of a file"),
    ],
)
def test_errors(arguments, match) -> None:
    with pytest.raises((InputError, OptionError), match=match):
        rogi_id(*arguments)


@pytest.mark.real
def test_andean_outlines(real_data) -> None:
    """South and west: every ID says S and W and lies on its outline, within its rounding."""
    rows = list(
        csv.DictReader(
            io.StringIO(rogi_id("make", str(real_data / "andes/outlines_81.gpkg"), "--format", "csv"))
        )
    )
    frame = gpd.read_file(real_data / "andes/outlines_81.gpkg")
    assert len(rows) == len(frame) == 95
    for row, outline in zip(rows, frame.geometry, strict=True):
        lat, lon = -int(row["id"][3:9]) / 1e4, -int(row["id"][10:17]) / 1e4
        assert (row["id"][9], row["id"][17]) == ("S", "W")
        assert outline.distance(shapely.Point(lon, lat)) <= 0.5e-4 * np.sqrt(2) + 1e-9
    assert Path(real_data / "andes/outlines_81.gpkg").is_file()
