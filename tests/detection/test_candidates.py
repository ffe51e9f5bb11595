"""Candidates: exact outlines and numbers, IDs, glaciers, and files that the other commands read."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from scipy import ndimage

from rogi.areas import area_m2
from rogi.detection.candidates.extraction import COLUMNS, make_candidates
from rogi.detection.candidates.files import read_parameters, write_candidates
from rogi.detection.candidates.glaciers import Glaciers, glacier_overlap, read_glaciers
from rogi.detection.candidates.polygons import polygonise
from rogi.detection.candidates.provisional_ids import provisional_ids
from rogi.detection.candidates.smoothing import smoothed
from rogi.detection.prediction.predicted_area import ground_on
from rogi.errors import InputError, OptionError, OutputError
from rogi.geometry import parse_crs, to_lonlat

UTM = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 3_100_000.0)


def reader(raster):
    return lambda row, col, height, width: raster[..., row : row + height, col : col + width]


@pytest.fixture
def rogi(monkeypatch, capsys):
    """Run the command in this process."""

    def run(*arguments):
        from rogi.cli import main

        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code, streams.out, streams.err)

    return run


def landscape(seed=3, shape=(400, 500)):
    """Smooth probabilities with a corner without data."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.standard_normal(shape), 8)
    raster = np.rint(254 / (1 + np.exp(-4 * (field / field.std() - 0.8)))).astype(np.uint8)
    raster[:60, :90] = 255
    return raster


def make(raster, **options):
    given = {"threshold": 0.5, "model": "m@0123456789ab", "imagery": "mosaic", "date": "2021-08-30"} | options
    return make_candidates(reader(raster), raster.shape, UTM, "EPSG:32645", **given)


def test_one_square():
    """A square of 20 by 30 pixels of 10 m: outline, area, confidence and ID by hand."""
    raster = np.zeros((60, 80), np.uint8)
    raster[10:30, 20:50] = 254
    found = make(raster)
    assert tuple(c for c in found.frame.columns if c != "geometry") == COLUMNS
    row = found.frame.iloc[0]
    assert row.geometry.equals(shapely.box(500_200, 3_099_700, 500_500, 3_099_900))
    assert pytest.approx(0.06, rel=1e-3) == row.AREA  # the scale of UTM on its central meridian is 0.9996
    assert pytest.approx(area_m2([row.geometry], 32645)[0] / 1e6, abs=1e-6) == row.AREA
    assert (row.confidence, row.prob_p10, row.prob_spread, row.entropy) == (1.0, 1.0, 0.0, 0.0)
    assert (row.invalid_halo, row.at_edge, row.holes) == (0.0, False, 0)
    assert row.candidate_id == f"C-{row.ID}"
    point = shapely.get_coordinates(to_lonlat([row.geometry.centroid], 32645))[0]
    assert f"RGU{round(point[1] * 1e4):06d}N{round(point[0] * 1e4):07d}E" == row.ID
    assert found.coverage.geometry.iloc[0].equals(shapely.box(500_000, 3_099_400, 500_800, 3_100_000))
    assert found.parents is None


def test_threshold_and_minimum_area():
    """A pixel at the threshold counts; areas below 0.01 km² do not, on the ellipsoid."""
    raster = np.zeros((50, 80), np.uint8)
    raster[5:15, 5:15] = 127  # 100 pixels of 100 m² by the map, a little more on the ground
    raster[20:29, 20:30] = 254  # 90 pixels
    assert len(make(raster)) == 1
    assert len(make(raster, threshold=0.51)) == 0
    assert len(make(raster, minimum_area_m2=8_000)) == 2
    assert len(make(raster, minimum_area_m2=0)) == 2


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"smooth": 1.5},
        {"separate": "watershed", "smooth": 1.0},
        {"fill_holes_m2": 9_000, "to_crs": "EPSG:4326"},
    ],
)
def test_same_bytes_for_every_block(tmp_path, options):
    """The file does not depend on the size of the blocks."""
    raster = landscape()
    files = []
    for block in (64, 200, 2048):
        path = tmp_path / f"{block}" / "candidates.gpkg"
        path.parent.mkdir()
        write_candidates(make(raster, block=block, **options), path)
        files.append(path.read_bytes())
    assert files[0] == files[1] == files[2]


def test_rows_are_ordered_and_valid():
    """By ID, then area; outlines valid, counter-clockwise, apart from each other."""
    found = make(landscape(), separate="watershed", smooth=1.2)
    shapes = found.frame.geometry.to_numpy()
    assert found.frame.ID.is_monotonic_increasing
    assert found.frame.ID.is_unique
    assert found.frame.candidate_id.is_unique
    assert shapely.is_valid(shapes).all()
    assert shapely.is_ccw(shapely.get_exterior_ring(shapes)).all()
    one, other = shapely.STRtree(shapes).query(shapes, predicate="overlaps")
    assert len(one) == len(other) == 0
    assert (found.frame.AREA >= 0.01).all()


def test_parents():
    """Every unit cut off names a parent; units of a parent cover it."""
    found = make(landscape(), separate="watershed", minimum_area_m2=10_000)
    assert found.parents is not None
    assert len(found.parents) > 0
    cut = found.frame[found.frame.parent_id.notna()]
    assert set(cut.parent_id) == set(found.parents.parent_id)
    for _, parent in found.parents.iterrows():
        units = cut[cut.parent_id == parent.parent_id]
        assert len(units) == parent.units
        assert shapely.union_all(units.geometry.to_numpy()).equals(parent.geometry)


def test_smoothing():
    """Fewer vertices, nearly the same area, the same holes; neighbours still share their border."""
    raster = landscape()
    found = polygonise(reader(raster), raster.shape, level=127, minimum_pixels=100)
    shapes, kept = smoothed(found, 1.5)
    assert shapely.is_valid(shapes).all()
    assert np.array_equal(shapely.get_num_interior_rings(shapes), found.holes)
    assert shapely.get_num_coordinates(shapes).sum() < 0.5 * len(found.coords)
    assert (np.abs(shapely.area(shapes) / found.pixels - 1) <= 0.05).all()
    assert kept < 0.1 * len(shapes)
    plain, none = smoothed(found, 0.0)
    assert none == 0
    assert np.array_equal(shapely.area(plain), found.pixels)


def test_holes():
    """Small holes are filled when asked, larger ones stay, never more than a candidate could lie in."""
    raster = np.zeros((80, 80), np.uint8)
    raster[5:75, 5:75] = 254
    raster[10:13, 10:13], raster[30:50, 30:50] = 0, 0
    assert make(raster).frame.holes.tolist() == [2]
    filled = make(raster, fill_holes_m2=5_000).frame
    assert filled.holes.tolist() == [1]
    assert filled.AREA[0] > make(raster).frame.AREA[0]
    with pytest.raises(OptionError, match="could hold another candidate"):
        make(raster, fill_holes_m2=20_000)


def test_equal_positions_get_free_ids():
    """Of polygons around one point the largest keeps the ID, the others take the nearest free ones."""
    shapes = np.array([shapely.box(90 - r, 30 - r, 90 + r, 30 + r) for r in (1e-6, 3e-6, 2e-6)], dtype=object)
    ids = provisional_ids(shapes, np.array([1.0, 3.0, 2.0]))
    assert ids.tolist() == ["RGU300000N0899999E", "RGU300000N0900000E", "RGU300001N0900000E"]


def test_glaciers():
    """Shares by hand: half under one glacier, three eighths under a second that overlaps the first."""
    unit = shapely.box(90.00, 30.00, 90.04, 30.001)
    ice = np.array(
        [
            shapely.box(90.00, 29.9, 90.02, 30.1),
            shapely.box(90.015, 29.9, 90.03, 30.1),
            shapely.box(91, 30, 92, 31),
        ]
    )
    share, ids = glacier_overlap(np.array([unit]), Glaciers(ice, np.array(["a", "b", "c"], object)))
    assert share[0] == pytest.approx(0.75, abs=1e-6)
    assert ids[0] == "a"
    nothing, none = glacier_overlap(np.array([unit]), Glaciers(ice[2:], np.array(["c"], object)))
    assert nothing[0] == 0
    assert none[0] is None


def test_invalid_glaciers_are_mended(tmp_path):
    """A self-crossing outline does not break the overlap, and is counted."""
    bow = shapely.Polygon([(90, 30), (90.02, 30.02), (90.02, 30), (90, 30.02)])
    path = tmp_path / "ice.gpkg"
    gpd.GeoDataFrame({"rgi_id": ["g"]}, geometry=[bow], crs=4326).to_file(path)
    ice = read_glaciers(path)
    assert ice.repaired == 1
    share, ids = glacier_overlap(np.array([shapely.box(90.018, 30.008, 90.02, 30.012)]), ice)
    assert share[0] == pytest.approx(1.0)
    assert ids[0] == "g"


def test_glaciers_that_cannot_be_read(tmp_path):
    """No such file, a text that names another, or points: the message names the file."""
    with pytest.raises(InputError, match=r"none\.gpkg cannot be read"):
        read_glaciers(tmp_path / "none.gpkg")
    text = tmp_path / "text.gpkg"
    text.write_text("<OGRVRTDataSource></OGRVRTDataSource>")
    with pytest.raises(InputError, match=r"text\.gpkg is a text that names other files"):
        read_glaciers(text)
    path = tmp_path / "points.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs=4326).to_file(path)
    with pytest.raises(InputError, match="contain no polygons"):
        read_glaciers(path)


def test_outlines_in_a_file_of_several_layers(tmp_path):
    """An inventory has its points first: the outlines are taken; of two layers of them none is guessed."""
    path = tmp_path / "inventory.gpkg"
    point, polygon = shapely.Point(90, 30), shapely.box(90, 30, 90.01, 30.01)
    gpd.GeoDataFrame(geometry=[point], crs=4326).to_file(path, layer="markers")
    gpd.GeoDataFrame({"id": ["a"]}, geometry=[polygon], crs=4326).to_file(path, layer="outlines")
    assert read_glaciers(path).ids.tolist() == ["a"]
    found = ground_on(Affine(1e-4, 0, 90.0, 0, -1e-4, 30.02), (300, 300), parse_crs(4326), area=str(path))
    assert len(found.area) == 1
    gpd.GeoDataFrame(geometry=[polygon], crs=4326).to_file(path, layer="restricted")
    with pytest.raises(InputError, match="layers outlines, restricted"):
        read_glaciers(path)


def test_nothing_found(tmp_path, rogi):
    """A raster without candidates gives an empty, valid file."""
    found = make(np.zeros((50, 50), np.uint8), separate="watershed", smooth=1.0)
    path = tmp_path / "candidates.gpkg"
    write_candidates(found, path)
    assert pyogrio.read_info(path, layer="candidates")["features"] == 0
    assert len(gpd.read_file(path, layer="coverage")) == 1
    assert rogi("validate", path).returncode == 0


def test_file(tmp_path):
    """Layers, styles, parameters; other formats hold the candidates alone and say so."""
    found = make(landscape(), separate="watershed")
    path = tmp_path / "candidates.gpkg"
    assert write_candidates(found, path) == ()
    assert {name for name, _ in pyogrio.list_layers(path)} >= {"candidates", "coverage", "parents"}
    back = pyogrio.read_dataframe(path, layer="candidates")
    assert list(back.columns) == [*COLUMNS, "geometry"]
    assert shapely.equals_exact(back.geometry.to_numpy(), found.frame.geometry.to_numpy()).all()
    with closing(sqlite3.connect(path)) as connection:
        tables = {t for (t,) in connection.execute("SELECT f_table_name FROM layer_styles")}
        text = connection.execute("SELECT metadata FROM gpkg_metadata").fetchone()[0]
    assert tables == {"candidates", "coverage", "parents"}
    assert json.loads(text)["candidates"]["threshold"] == 0.5
    notes = write_candidates(found, tmp_path / "candidates.parquet")
    assert "GeoPackage only" in notes[0]
    assert len(gpd.read_parquet(tmp_path / "candidates.parquet")) == len(found)
    with pytest.raises(OptionError, match="does not tell a format"):
        write_candidates(found, tmp_path / "candidates.xyz")
    with pytest.raises(OutputError, match="does not exist"):
        write_candidates(found, tmp_path / "no" / "candidates.gpkg")


def test_parameters_come_back_from_the_file(tmp_path):
    """All that was chosen, by name and value, and the ground; a file that does not say has none."""
    chosen = {
        "threshold": 0.625,
        "smooth": 1.5,
        "separate": "watershed",
        "neck": 0.55,
        "minimum_area_m2": 12_345.0,
    }
    found = make(landscape(), fill_holes_m2=321.0, **chosen)
    path = tmp_path / "candidates.gpkg"
    write_candidates(found, path)
    back = read_parameters(path)
    assert back == json.loads(json.dumps(dict(found.parameters)))
    labels = {"model": "m@0123456789ab", "imagery": "mosaic", "image_date": "2021-08-30"}
    smooth = chosen.pop("smooth")
    assert back == chosen | {"fill_holes_m2": 321.0, "smooth_pixels": smooth} | labels
    assert read_parameters(str(path)) == back
    ground = gpd.read_file(path, layer="coverage")
    assert shapely.equals(ground.geometry.to_numpy(), found.coverage.geometry.to_numpy()).all()
    with closing(sqlite3.connect(path)) as connection, connection:  # metadata of others, before it and broken
        connection.execute("UPDATE gpkg_metadata SET id = id + 10")
        columns = "id, md_scope, md_standard_uri, mime_type, metadata"
        insert = f"INSERT INTO gpkg_metadata ({columns}) VALUES (?, ?, ?, ?, ?)"
        connection.execute(insert, (1, "dataset", "x", "text/xml", "<candidates/>"))
        connection.execute(
            insert, (2, "dataset", "x", "text/json", '{"candidates": "none", "threshold": 0.1}')
        )
    assert read_parameters(path) == back
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM gpkg_metadata WHERE id > 2")
    assert read_parameters(path) == {}
    write_candidates(found, tmp_path / "plain.parquet")
    (tmp_path / "text.gpkg").write_text("no database")
    for other in ("plain.parquet", "text.gpkg", "none.gpkg", "."):
        assert read_parameters(tmp_path / other) == {}


def test_validate_and_compare_read_the_file(tmp_path, rogi):
    """`rogi validate` finds no error in candidates, `rogi compare` matches them with themselves."""
    path = tmp_path / "candidates.gpkg"
    write_candidates(make(landscape(), separate="watershed"), path)
    checked = rogi("validate", path, "--format", "json")
    assert checked.returncode == 0, checked.stdout
    assert '"candidates"' in checked.stdout
    compared = rogi("compare", path, path, "--fail-under", "object_f1=1")
    assert compared.returncode == 0, compared.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "above 0"),
        ({"threshold": 1.5}, "above 0"),
        ({"smooth": -1.0}, "Smoothing"),
        ({"minimum_area_m2": -1.0}, "minimum area"),
        ({"separate": "magic"}, "watershed or boundary"),
        ({"separate": "boundary"}, "trained with boundaries"),
    ],
)
def test_options_out_of_range(options, message):
    """Each names what is allowed."""
    with pytest.raises(OptionError, match=message):
        make(np.zeros((5, 5), np.uint8), **options)


def test_degrees_and_pixels_that_differ():
    """On longitude and latitude the minimum area is one on the ground: the same square, nearer the pole."""
    step = 1 / 3600
    raster = np.zeros((40, 40), np.uint8)
    raster[10:15, 10:15] = 254
    for latitude, expected in ((0.0, 1), (80.0, 0)):
        transform = Affine(step, 0, 90.0, 0, -step, latitude + 20 * step)
        found = make_candidates(
            reader(raster), raster.shape, transform, 4326, threshold=0.5, minimum_area_m2=20_000
        )
        assert len(found) == expected


def test_ground_of_a_wide_mosaic_stays_where_it_is(tmp_path, rogi):
    """A mosaic 400 km wide, whose straight edge is a curve in degrees: units near and on it count."""
    wide = Affine(100.0, 0.0, 300_000.0, 0.0, -100.0, 3_100_000.0)
    raster = np.zeros((40, 4000), np.uint8)
    raster[1:9, 1996:2004] = raster[:6, 2995:3010] = 254
    unit = shapely.box(499_600, 3_099_100, 500_400, 3_099_900)
    at_edge = shapely.box(599_500, 3_099_400, 601_000, 3_100_000)
    gpd.GeoDataFrame(geometry=[unit, at_edge], crs=32645).to_file(tmp_path / "truth.gpkg")
    for name, crs in (("utm", None), ("degrees", 4326)):
        path = tmp_path / f"{name}.gpkg"
        found = make_candidates(
            reader(raster), raster.shape, wide, 32645, threshold=0.5, imagery="wide", to_crs=crs
        )
        write_candidates(found, path)
        done = rogi("detect", "evaluate", path, tmp_path / "truth.gpkg", "--format", "json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["metrics"]["recall"] == pytest.approx(1.0, abs=1e-6), name
        assert result["metrics"]["truth_outside_km2"] == pytest.approx(0.0, abs=1e-6)
        for side in ("candidates", "truth"):
            there = tuple(result["ground"][f"{side}_{what}"] for what in ("cut", "outside", "outside_m2"))
            assert there == (0, 0, 0.0)
        assert result["ground"]["predicted_m2"] == pytest.approx(area_m2(unit, 32645)[0] * 2500, rel=2e-3)


@pytest.mark.real
def test_real_glaciers_with_invalid_outlines(real_data):
    """3 of 20 outlines are invalid; a raster over the Ötztal is measured against all of them."""
    ice = read_glaciers(real_data / "oetztal" / "rgi_oetztal.shp")
    assert len(ice) == 20
    assert ice.repaired == 3
    share, ids = glacier_overlap(shapely.buffer(shapely.point_on_surface(ice.geometries), 1e-5), ice)
    assert share == pytest.approx(1.0)
    assert ids.tolist() == ice.ids.tolist()
