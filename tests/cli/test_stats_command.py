"""`rogi stats` and `rogi review score` as commands: inputs are never written over, nothing is left unsaid."""

from __future__ import annotations

import json
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin


@pytest.fixture
def rogi(monkeypatch, capsys):
    """Run the command in this process."""

    def run(*arguments):
        from rogi.cli import main

        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code, streams.out, streams.err)

    return run


@pytest.fixture
def markers(tmp_path):
    """Four markers, the last of them a degree east of the others."""
    points = shapely.points([97.1, 97.2, 97.3, 98.5], 30.5)
    path = tmp_path / "markers.gpkg"
    gpd.GeoDataFrame({"PrimaryID": list("abcd")}, geometry=points, crs=4326).to_file(path, layer="markers")
    return path


@pytest.mark.parametrize("option", ["--output", "--grid"])
def test_stats_never_writes_over_its_input(rogi, markers, option):
    before = markers.read_bytes()
    done = rogi("stats", markers, option, markers)
    assert done.returncode == 2 and "inputs are never changed" in done.stderr
    assert markers.read_bytes() == before


def test_units_beside_the_grid_are_counted(rogi, markers, tmp_path):
    """Of four markers one is east of the raster whose grid is taken: three are in cells, and one is said."""
    like, grid = tmp_path / "like.tif", tmp_path / "grid.tif"
    profile = {"driver": "GTiff", "width": 5, "height": 5, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(like, "w", transform=from_origin(97, 31, 0.2, 0.2), **profile) as target:
        target.write(np.zeros((1, 5, 5), np.float32))
    done = rogi("stats", markers, "--grid-like", like, "--grid", grid, "--format", "json")
    assert done.returncode == 0, done.stderr
    with rasterio.open(grid) as source:
        assert np.nansum(source.read(1)) == 3
    assert any(note.startswith("1 unit without a cell") for note in json.loads(done.stdout)["notes"])
    inside = rogi("stats", markers, "--grid", tmp_path / "own.tif", "--format", "json")
    assert json.loads(inside.stdout)["notes"] == []


def test_an_empty_inventory_has_nothing_of_everything(rogi, markers, tmp_path):
    """Zeros and exit code 0; a grid of its own has no place, on a raster nothing is counted or drawn."""
    frame = gpd.read_file(markers).iloc[:0]
    empty = tmp_path / "empty.gpkg"
    frame.to_file(empty, layer="markers", geometry_type="Point")
    done = rogi("stats", empty)
    assert done.returncode == 0 and "0 units" in done.stdout and "has no features" in done.stdout
    whole = json.loads(rogi("stats", empty, "--format", "json").stdout)["whole"]
    assert whole == {"name": "all", "units": 0, "total_area": 0.0, "quantities": [], "aspect": None}
    refused = rogi("stats", empty, "--grid", tmp_path / "grid.tif")
    assert refused.returncode == 2 and "No unit has a position" in refused.stderr
    like, grid, figures = (tmp_path / name for name in ("like.tif", "grid.tif", "figures"))
    profile = {"driver": "GTiff", "height": 2, "width": 2, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    with rasterio.open(like, "w", transform=from_origin(97, 31, 1, 1), **profile) as target:
        target.write(np.zeros((1, 2, 2), np.uint8))
    done = rogi("stats", empty, "--grid-like", like, "--grid", grid, "--figures", figures)
    assert done.returncode == 0 and done.stderr.count("skipped") == 4 and not list(figures.iterdir())
    with rasterio.open(grid) as source:
        assert source.read(1).sum() == 0


def test_a_score_never_writes_over_a_returned_file(rogi, markers, tmp_path):
    """Verdicts are somebody's work: neither the score nor the inventory replaces a file they came in."""
    folder = tmp_path / "review"
    drawn = rogi("review", "sample", markers, "--n", 2, "--reviewers", "Li,Rossi", "-o", folder)
    assert drawn.returncode == 0, drawn.stderr
    li, rossi = folder / "review_li.gpkg", folder / "review_rossi.gpkg"
    before = li.read_bytes()
    for more in (
        ["--output", li],
        ["--inventory", markers, "-o", li],
        ["--inventory", markers, "-o", markers],
    ):
        done = rogi("review", "score", li, rossi, *more)
        assert done.returncode == 2 and "inputs are never changed" in done.stderr
    assert li.read_bytes() == before


def test_options_of_figures_need_figures(rogi, markers, tmp_path):
    """What only figures have is refused without them, and drawn with them, relief included."""
    done = rogi("stats", markers, "--size", "90mm", "--language", "de")
    assert done.returncode == 2 and "--size and --language: only for figures; add --figures" in done.stderr
    done = rogi("stats", markers, "--cell", "50")
    assert done.returncode == 2 and "--cell: only for a grid; add --grid FILE or --figures" in done.stderr
    dem, figures = tmp_path / "dem.tif", tmp_path / "figures"
    done = rogi("stats", markers, "--figures", figures, "--figure-format", "jpg")
    assert done.returncode == 2 and "--figure-format is one of png, svg, pdf; found 'jpg'" in done.stderr
    profile = {"driver": "GTiff", "height": 20, "width": 30, "count": 1, "dtype": "float32", "crs": 4326}
    with rasterio.open(dem, "w", transform=from_origin(96.5, 31, 0.1, 0.1), **profile) as target:
        target.write(3000 + np.random.default_rng(0).normal(0, 300, (1, 20, 30)).astype("float32"))
    options = ("--size", "60x60mm", "--dpi", "60", "--dem", dem, "--permafrost", dem)
    wrong = rogi("stats", markers, "--figures", figures, *options)
    assert wrong.returncode == 2 and "expected the share of ground with permafrost" in wrong.stderr
    done = rogi("stats", markers, "--figures", figures, *options[:-2])
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in figures.iterdir()) == ["grid.png", "map.png"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dpi", "0"), "--dpi is from 50 to 1200, found 0"),
        (("--font-size", "0"), "--font-size is from 4 to 20 pt, found 0"),
        (("--language", ""), "--language : figures are labelled in"),
        (("--size", ""), "--size : give WIDTHxHEIGHT"),
        (("--size", "2000mm", "--dpi", "1200"), "The figure map would be 2,000 mm long"),
    ],
)
def test_settings_of_figures_are_taken_as_they_are(rogi, markers, tmp_path, options, said):
    """0 and an empty text are values, not the default, and no figure is larger than can be drawn."""
    done = rogi("stats", markers, "--figures", tmp_path / "figures", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not list((tmp_path / "figures").glob("*"))


def test_names_of_subregions_are_text_and_missing_letters_are_told_once(rogi, tmp_path):
    """Dollar signs begin no formula; of letters that no font has one line says so."""
    names = ["cost $1_a$", "c $^{x", "\U0001f980"]
    frame = gpd.GeoDataFrame(
        {"PrimaryID": list("abc"), "SUBREGION": names},
        geometry=shapely.points([97.1, 97.2, 97.3], 30.5),
        crs=4326,
    )
    frame.to_file(tmp_path / "in.gpkg")
    options = ("--figures", tmp_path / "figures", "--figure-format", "svg", "--dpi", "50")
    done = rogi("stats", tmp_path / "in.gpkg", *options)
    assert done.returncode == 0, done.stderr
    assert "cost $1_a$" in (tmp_path / "figures" / "map.svg").read_text(encoding="utf-8")
    done = rogi("stats", tmp_path / "in.gpkg", *options[:2], "--dpi", "50", "--force")
    assert done.stderr.count("no font found on this machine for \U0001f980") == 1
    assert "UserWarning" not in done.stderr


def test_units_at_the_poles_are_drawn(rogi, tmp_path):
    """No cell of a grid is whole around a pole; the map is drawn all the same."""
    shapes = shapely.buffer(shapely.points([(10, 89.9), (-170, 89.8)]), 0.01)
    gpd.GeoDataFrame({"PrimaryID": list("ab")}, geometry=shapes, crs=4326).to_file(tmp_path / "in.gpkg")
    done = rogi("stats", tmp_path / "in.gpkg", "--figures", tmp_path / "figures", "--dpi", "50")
    assert done.returncode == 0, done.stderr
    assert "grid skipped" in done.stderr
    assert (tmp_path / "figures" / "map.png").stat().st_size > 10_000


@pytest.mark.parametrize("command", ["compare", "release diff", "detect evaluate", "validate"])
def test_a_hillshade_is_refused_before_the_work_begins(rogi, tmp_path, command):
    """The inventories are not there either, and nothing is said of them."""
    inputs = ("a.gpkg",) if command == "validate" else ("a.gpkg", "b.gpkg")
    dem = ("--dem", tmp_path / "none.tif")
    done = rogi(*command.split(), *inputs, *dem)
    assert (done.returncode, done.stdout) == (2, "") and "add -o report.html" in done.stderr
    done = rogi(*command.split(), *inputs, *dem, "-o", tmp_path / "report.html")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--dem {tmp_path / 'none.tif'} does not exist" in done.stderr
