"""`rogi detect evaluate`: areas, objects and curves by hand, the ground that counts, and all its outputs."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from scipy import ndimage

from rogi.areas import area_m2
from rogi.comparison.matching.sides import side_of
from rogi.comparison.metrics import METRICS, OF_CANDIDATES
from rogi.detection.candidates.extraction import make_candidates
from rogi.detection.candidates.files import write_candidates
from rogi.detection.evaluation.boundary_iou import boundary_iou
from rogi.detection.evaluation.evaluated_area import clip, intersected
from rogi.detection.evaluation.pixel_scores import pixel_scores
from rogi.detection.evaluation.published import packaged_evaluation, read_published
from rogi.detection.evaluation.scores import PIXEL_METRICS, evaluate, spatial_blocks
from rogi.errors import InputError, OptionError
from rogi.geometry import footprints_to_lonlat
from rogi.inventory.build import from_frames
from rogi.schema.load import load_vocabulary
from rogi.schema.model import Role

STEP = 0.001


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


def box(x, y, width=4.0, height=4.0):
    """A box in thousandths of a degree around 97° E, 30° N."""
    return shapely.box(97 + x * STEP, 30 + y * STEP, 97 + (x + width) * STEP, 30 + (y + height) * STEP)


def side(shapes, confidence=None, **columns):
    frame = gpd.GeoDataFrame({"PrimaryID": [f"u{n}" for n in range(len(shapes))], **columns}, geometry=shapes)
    if confidence is not None:
        frame["confidence"] = confidence
    return side_of(from_frames({Role.OUTLINE: frame.set_crs(4326)}))


def test_areas_and_objects_by_hand():
    """One candidate is right, one covers half a unit and as much beside it, one is false, one is missed."""
    truth = side([box(0, 0), box(10, 0), box(20, 0)])
    candidates = side([box(0, 0), box(12, 0), box(30, 0)], [0.9, 0.8, 0.7])
    found = evaluate(candidates, truth)
    unit = area_m2([box(0, 0)], 4326)[0]
    area = found.table[-1].area
    assert area.true_positive == pytest.approx(1.5 * unit, rel=1e-4)
    assert area.false_positive == pytest.approx(1.5 * unit, rel=1e-4)
    assert area.false_negative == pytest.approx(1.5 * unit, rel=1e-4)
    numbers = found.metrics()
    assert numbers["f1"] == pytest.approx(0.5, rel=1e-4)
    assert numbers["object_f1"] == pytest.approx(1 / 3)
    objects = {o.threshold: o.f1.value for o in found.outcome.objects}
    assert objects[0.25] == pytest.approx(2 / 3)  # IoU of the half covered one is 1 / 3
    assert numbers["average_precision_50"] == pytest.approx(1 / 3)
    assert numbers["average_precision_25"] == pytest.approx(2 / 3)
    assert found.confidence.choice_objects.best == 0.9
    assert found.confidence.choice_objects.f1_best == pytest.approx(0.5)
    assert found.confidence.choice_area.f1_best == pytest.approx(2 * 1.5 / (2 + 3), rel=1e-4)
    assert found.confidence.calibration.error.value == pytest.approx((0.1 + 0.3 + 0.7) / 3, rel=1e-3)


def test_only_predicted_ground_counts():
    """Truth off the ground counts nowhere and is told of; a unit at the edge counts with what is on it."""
    truth = side([box(0, 0), box(8, 0), box(50, 0)])
    candidates = side([box(0, 0)], [0.9])
    ground = np.array([box(-1, -1, 11, 6)])
    found = evaluate(candidates, truth, ground=ground)
    unit = area_m2([box(0, 0)], 4326)[0]
    assert found.table[-1].area.false_negative == pytest.approx(unit / 2, rel=1e-3)
    assert found.truth.area_outside == pytest.approx(1.5 * unit, rel=1e-3)
    assert (found.truth.outside, found.truth.cut) == (1, 1)
    overlapping = np.array([box(-1, -1, 8, 6), box(3, -1, 7, 6)])
    twice = evaluate(candidates, truth, ground=overlapping)
    assert twice.ground_m2 == pytest.approx(found.ground_m2, rel=1e-6)
    everywhere = evaluate(candidates, truth)
    assert everywhere.table[-1].area.false_negative == pytest.approx(2 * unit, rel=1e-3)
    with pytest.raises(InputError, match="on the ground that counts"):
        evaluate(candidates, truth, ground=np.array([box(500, 0)]))


def test_clip_keeps_polygons_only():
    """A unit that also touches the ground in a line keeps its polygon; one that only does so is outside."""
    corner = shapely.Polygon([(97, 30), (97.01, 30), (97.01, 30.01), (97.005, 30.002), (97, 30.01)])
    ground = np.array([shapely.box(96, 30.002, 98, 31), shapely.box(96, 29, 98, 30)])
    cut = clip(side([corner, shapely.box(97.02, 30, 97.03, 30.001)]), ground)
    assert cut.outside == 1
    assert set(shapely.get_type_id(cut.side.geometries)) <= {3, 6}
    assert cut.area + cut.area_outside == pytest.approx(
        area_m2([corner, shapely.box(97.02, 30, 97.03, 30.001)], 4326).sum()
    )


def test_ground_across_the_antimeridian():
    """Ground that is one polygon in UTM counts on both sides of 180°, wherever outlines are written."""
    ground = np.array([shapely.box(500_000, 7_200_000, 900_000, 7_300_000)])  # 177° E to 174.5° W
    lonlat = footprints_to_lonlat(ground, 32660)
    places = [(177.5, 65.3), (179.999, 65.3), (-178.0, 65.3), (-150.0, 65.3), (0.0, 65.3)]
    shapes = [shapely.box(x, y, x + 0.004, y + 0.004) for x, y in places]
    assert clip(side(shapes), lonlat).outside == 2
    turned = [shapely.transform(shape, lambda xy: xy + np.array([360.0, 0.0])) for shape in shapes[2:]]
    assert clip(side([*shapes[:2], *turned]), lonlat).outside == 2
    assert clip(side(shapes), intersected(lonlat, np.array([shapely.box(-179, 60, -170, 70)]))).outside == 4
    assert area_m2(lonlat, 4326) == pytest.approx(4e5 * 1e5, rel=2e-3)  # UTM stretches by up to 0.1 % there


def test_table_beside_published_rates():
    """Subregions of TPRoGI get the paper's numbers, others none; all names of the table are subregions."""
    frame = {"SUBREGION": ["Hengduan Shan", "Nyainqentanglha", "Elsewhere"]}
    shapes = [box(0, 0), box(10, 0), box(20, 0)]
    found = evaluate(
        side(shapes, **frame),
        side(shapes, **frame),
        subregions="SUBREGION",
        published=packaged_evaluation(),
    )
    rows = {row.name: row for row in found.table}
    assert rows["Hengduan Shan"].published.f1 == (0.76, 0.76)
    assert rows["Nyainqentanglha"].published.f1 == (0.6, 0.76)
    assert rows["Elsewhere"].published is None
    assert rows["all"].published.recall == (0.73, 0.73)
    assert all(row.area.f1.value == pytest.approx(1) for row in found.table)
    assert set(packaged_evaluation().subregions) <= set(load_vocabulary("himap_region").values)
    plain = evaluate(side(shapes), side(shapes), published=packaged_evaluation())
    assert plain.published is None


def test_published_files_are_checked(tmp_path):
    """A rate above 1 is refused and named."""
    path = tmp_path / "rates.yaml"
    path.write_text("name: x\ntitle: x\nsource: x\nwhole: {f1: 1.5}\nsubregions: {}\n")
    with pytest.raises(InputError, match="f1"):
        read_published(path)


def test_boundary_iou():
    """Equal outlines 1; of two squares a step apart the bands are worked out by hand; distant ones 0."""
    east, north = 96_490.0, 110_852.0  # metres of a degree at 30° N, about
    a = np.array([shapely.box(97, 30, 97 + 1000 / east, 30 + 1000 / north)] * 3)
    shifted = [
        shapely.box(97 + d / east, 30, 97 + (1000 + d) / east, 30 + 1000 / north) for d in (0, 10, 5000)
    ]
    found = boundary_iou(a, np.array(shifted), 30.0)
    band = 1000**2 - 940**2
    # 990 m of both long bands, of 30 m each; 20 m of overlap of each short band between them
    both = 2 * 990 * 30 + 2 * 20 * 940
    assert found == pytest.approx([1.0, both / (2 * band - both), 0.0], abs=2e-3)


def test_blocks_of_ground():
    """Blocks are as large as they can be while there are enough of them, and depend on places only."""
    places = np.array(shapely.points(97 + 0.1 * np.arange(40), 30.05))
    number = spatial_blocks(places, minimum=4)
    assert len(np.unique(number)) >= 4
    assert (np.diff(number) >= 0).all()
    assert len(np.unique(spatial_blocks(places, minimum=40))) == 40


def probability_file(path, raster, transform, crs="EPSG:32645", nodata=255):
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=raster.shape[0],
        width=raster.shape[1],
        count=1,
        dtype=raster.dtype,
        crs=crs,
        transform=transform,
        nodata=nodata,
    ) as target:
        target.write(raster, 1)
    return path


TRANSFORM = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 3_100_000.0)


def truth_in_pixels(*boxes):
    """Boxes (row, col, height, width) of pixels on longitude and latitude."""
    from rogi.geometry import to_lonlat

    shapes = [
        shapely.box(500_000 + 10 * c, 3_100_000 - 10 * (r + h), 500_000 + 10 * (c + w), 3_100_000 - 10 * r)
        for r, c, h, w in boxes
    ]
    return to_lonlat(shapes, 32645)


def test_pixels_by_hand(tmp_path):
    """Ten pixels: inside 3 at 254 and 1 at 127 and 1 without data, outside 1 at 127 and 4 at 0."""
    raster = np.array([[254, 254, 254, 127, 255], [127, 0, 0, 0, 0]], np.uint8)
    path = probability_file(tmp_path / "p.tif", raster, TRANSFORM)
    found = pixel_scores(path, truth_in_pixels((0, 0, 1, 5)))
    pixel = found.inside[0, 254] / 3
    assert pixel == pytest.approx(100, rel=1e-3)
    assert found.inside[0, [127, 0]].tolist() == pytest.approx([pixel, 0])
    assert found.outside[0, [254, 127, 0]].tolist() == pytest.approx([0, pixel, 4 * pixel])
    assert found.missed == pytest.approx(pixel)
    part = pixel_scores(path, truth_in_pixels((0, 0, 1, 5)), truth_in_pixels((0, 0, 2, 2)))
    assert (part.inside.sum() + part.outside.sum()) == pytest.approx(4 * pixel)


@pytest.mark.parametrize("block", [7, 64])
def test_pixels_by_blocks(tmp_path, block):
    """Sums over blocks are those of the whole; probabilities as floating point are the same."""
    rng = np.random.default_rng(0)
    raster = rng.integers(0, 256, (50, 60)).astype(np.uint8)
    truth = truth_in_pixels((5, 5, 20, 30), (30, 40, 15, 15))
    whole = pixel_scores(probability_file(tmp_path / "p.tif", raster, TRANSFORM), truth)
    parts = pixel_scores(tmp_path / "p.tif", truth, block=block)
    assert parts.inside.sum(axis=0) == pytest.approx(whole.inside.sum(axis=0), rel=1e-6)
    share = np.where(raster == 255, np.nan, raster / 254).astype(np.float32)
    floating = pixel_scores(probability_file(tmp_path / "f.tif", share, TRANSFORM, nodata=None), truth)
    assert np.array_equal(floating.inside, whole.inside)


def test_bytes_of_another_scale_are_refused(tmp_path):
    """Per cent, as the file says; 254ths may have their tag or none."""
    path = probability_file(tmp_path / "p.tif", np.full((4, 4), 50, np.uint8), TRANSFORM)
    truth = truth_in_pixels((0, 0, 2, 2))
    plain = pixel_scores(path, truth).inside
    for scale in (1 / 254, np.float32(1 / 254)):
        with rasterio.open(path, "r+") as file:
            file.scales = (scale,)
        assert np.array_equal(pixel_scores(path, truth).inside, plain)
    with rasterio.open(path, "r+") as file:
        file.scales = (0.01,)
    with pytest.raises(InputError, match=r"p.tif has bytes with the scale 0.01; .* 254ths.*-unscale"):
        pixel_scores(path, truth)


def test_rasters_that_are_no_probabilities(tmp_path):
    """No file, no CRS, other types, values above 1: each message says what is wrong."""
    raster = np.full((4, 4), 7, np.int16)
    truth = truth_in_pixels((0, 0, 2, 2))
    with pytest.raises(InputError, match="There is no raster"):
        pixel_scores(tmp_path / "none.tif", truth)
    with pytest.raises(InputError, match="int16"):
        pixel_scores(probability_file(tmp_path / "i.tif", raster, TRANSFORM, nodata=None), truth)
    with pytest.raises(InputError, match="no coordinate reference system"):
        pixel_scores(
            probability_file(tmp_path / "c.tif", raster.astype(np.uint8), TRANSFORM, crs=None), truth
        )
    with pytest.raises(InputError, match="outside 0 to 1"):
        pixel_scores(
            probability_file(tmp_path / "f.tif", raster.astype(np.float32), TRANSFORM, nodata=None), truth
        )
    empty = np.full((4, 4), 255, np.uint8)
    with pytest.raises(InputError, match="no pixel with data"):
        pixel_scores(probability_file(tmp_path / "e.tif", empty, TRANSFORM), truth)


@pytest.fixture(scope="module")
def trial(tmp_path_factory) -> Path:
    """A folder with a probability raster, candidates made of it, and the truth, some of it off the raster."""
    folder = tmp_path_factory.mktemp("trial")
    rng = np.random.default_rng(4)
    boxes = [
        (int(r) + 5, int(c) + 5, int(rng.integers(12, 22)), int(rng.integers(12, 22)))
        for r in range(0, 300, 40)
        for c in range(0, 400, 40)
    ]
    truth = truth_in_pixels(*boxes, (100, 600, 20, 20))
    inside = np.zeros((320, 400), np.uint8)
    for r, c, h, w in boxes:
        inside[r : r + h, c : c + w] = 1
    noise = ndimage.gaussian_filter(rng.standard_normal(inside.shape), 3)
    field = ndimage.gaussian_filter(inside.astype(float), 2) + 0.25 * noise / noise.std()
    raster = np.clip(np.rint(field * 254), 0, 254).astype(np.uint8)
    probability_file(folder / "probability.tif", raster, TRANSFORM)
    found = make_candidates(
        lambda row, col, height, width: raster[row : row + height, col : col + width],
        raster.shape,
        TRANSFORM,
        "EPSG:32645",
        threshold=0.5,
        minimum_area_m2=3_000,
    )
    write_candidates(found, folder / "candidates.gpkg")
    frame = gpd.GeoDataFrame({"PrimaryID": [f"t{n}" for n in range(len(truth))]}, geometry=truth, crs=4326)
    frame.to_file(folder / "truth.gpkg", layer="outlines")
    half = shapely.box(86.9, 27.9, 87.02, 28.1)
    rest = shapely.box(87.02, 27.9, 87.2, 28.1)
    gpd.GeoDataFrame({"name": ["Karakoram", "East"]}, geometry=[half, rest], crs=4326).to_file(
        folder / "regions.gpkg"
    )
    return folder


def test_command(rogi, trial, tmp_path):
    """All outputs of one run; they agree, and a second run gives the same bytes."""
    outputs = [tmp_path / f"evaluation.{end}" for end in ("html", "json", "csv", "md", "txt")]
    arguments = [
        "detect",
        "evaluate",
        trial / "candidates.gpkg",
        trial / "truth.gpkg",
        "--probability",
        trial / "probability.tif",
        "--subregions",
        trial / "regions.gpkg",
        "--replicates",
        "200",
        "--quiet",
    ]
    for path in outputs:
        arguments += ["-o", path]
    done = rogi(*arguments)
    assert done.returncode == 0, done.stderr
    assert "of truth outside the evaluated area (" in done.stdout
    first = [path.read_bytes() for path in outputs]
    content = json.loads(first[1])
    table = pd.read_csv(outputs[2])
    assert table.subregion.tolist() == ["East", "Karakoram", "all"]
    assert table.f1.iloc[-1] == pytest.approx(content["metrics"]["f1"])
    assert table.published_f1_low.tolist()[1:] == [0.6, 0.63]
    assert content["ground"]["truth_outside"] == 1
    assert 0.5 < content["metrics"]["f1"] < 1
    assert content["metrics"]["pixel_f1"] == pytest.approx(content["metrics"]["f1"], abs=0.02)
    assert content["pixels"]["choice"]["current"] == 0.5
    html = first[0].decode()
    assert html.count("<figure>") >= 8
    assert "<script src" not in html and "http://" not in html.replace("http://www.w3.org", "")
    assert rogi(*arguments).returncode == 0
    assert [path.read_bytes() for path in outputs] == first


def test_areas_of_command_agree_with_compare(rogi, trial):
    """Where all ground counts, `rogi compare` gives the same numbers."""
    both = [trial / "candidates.gpkg", trial / "truth.gpkg"]
    mine = json.loads(
        rogi("detect", "evaluate", *both, "--everywhere", "--format", "json", "--replicates", "20").stdout
    )
    named = {re.sub(r"(?<=average_precision)_\d+$", "", name) for name in mine["metrics"]}
    assert named | set(PIXEL_METRICS) == set(METRICS | OF_CANDIDATES)  # each has a direction
    theirs = json.loads(rogi("compare", *reversed(both), "--format", "json").stdout)
    for name in ("f1", "precision", "recall", "object_f1", "panoptic_quality", "boundary_mean_m"):
        assert mine["metrics"][name] == pytest.approx(theirs["metrics"][name], rel=1e-9)


def test_limits_and_exit_codes(rogi, trial, tmp_path):
    """0 where limits hold, 1 where one is missed, 2 for what cannot be done."""
    both = [trial / "candidates.gpkg", trial / "truth.gpkg", "--replicates", "20"]
    assert rogi("detect", "evaluate", *both, "--fail-under", "f1=0.1").returncode == 0
    failed = rogi("detect", "evaluate", *both, "--fail-under", "average_precision_50=0.999")
    assert failed.returncode == 1
    assert "average_precision_50 is" in failed.stderr
    failed = rogi("detect", "evaluate", *both, "--fail-over", "calibration_error=1e-9")
    assert failed.returncode == 1
    assert "wanted at most 1e-09" in failed.stderr
    unknown = rogi("detect", "evaluate", *both, "--fail-under", "f2=0.1")
    assert unknown.returncode == 2
    assert "no number 'f2'" in unknown.stderr
    expected = tmp_path / "expected.yaml"
    expected.write_text("format: 1\nexpect: {f1: {value: 0.0, tolerance: 0.01}}\n")
    assert rogi("detect", "evaluate", *both, "--expect", expected).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--area", "nowhere.gpkg"], "no such file"),
        (["--subregions", "nowhere.gpkg"], "no such file"),
        (["--subregions", "SUBREGION"], "no column 'SUBREGION'"),
        (["--confidence", "score"], "no column 'score'"),
        (["--confidence", "holes_"], "no column"),
        (["--iou", "2"], "threshold is above 0"),
        (["--threshold", "0"], "The threshold is a probability"),
        (["--band", "-1"], "The band is 0"),
        (["--format", "pdf"], "--format is one of"),
        (["-o", "report.doc"], "unknown file extension"),
        (["--probability", "none.tif"], "There is no raster"),
        (["--fail-under", "pixel_f1=0.5"], "--fail-under pixel_f1 needs --probability"),
        (["--fail-over", "best_pixel_threshold=0.5"], "--fail-over best_pixel_threshold needs --probability"),
        (["--fail-under", "calibration_error=0.1"], "use --fail-over calibration_error=0.1"),
    ],
)
def test_options_that_cannot_be(rogi, trial, arguments, message):
    """Exit code 2, and a message that names the option."""
    done = rogi("detect", "evaluate", trial / "candidates.gpkg", trial / "truth.gpkg", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_area(rogi, trial, tmp_path):
    """One region of a file by name, or all of its polygons; what it leaves out is told."""
    both = [trial / "candidates.gpkg", trial / "truth.gpkg", "--format", "json", "--replicates", "20"]
    part = json.loads(
        rogi("detect", "evaluate", *both, "--area", f"{trial / 'regions.gpkg'}:karakoram").stdout
    )
    whole = json.loads(rogi("detect", "evaluate", *both, "--area", trial / "regions.gpkg").stdout)
    assert part["comparison"]["region"] == "Karakoram"
    assert part["ground"]["predicted_m2"] < whole["ground"]["predicted_m2"]
    assert part["metrics"]["count_a"] < whole["metrics"]["count_a"]
    wrong = rogi("detect", "evaluate", *both, "--area", f"{trial / 'regions.gpkg'}:Alps")
    assert wrong.returncode == 2
    assert "it has East, Karakoram" in wrong.stderr


def test_polygons_behind_points(rogi, trial, tmp_path):
    """The layer of polygons is found where points come first, for one region and for the table of all."""
    regions = gpd.read_file(trial / "regions.gpkg")
    path = tmp_path / "regions.gpkg"
    points = regions.set_geometry(regions.to_crs(3857).centroid.to_crs(regions.crs))
    for layer, frame in (("markers", points), ("outlines", regions)):
        frame.to_file(path, layer=layer)
    both = ("detect", "evaluate", trial / "candidates.gpkg", trial / "truth.gpkg", "--replicates", "20")
    for given, said in (
        (("--area", f"{path}:karakoram"), "outside the evaluated area"),
        (("--subregions", path), "Karakoram"),
    ):
        done = rogi(*both, *given)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        assert "Warning" not in done.stderr


def test_no_candidates(rogi, trial, tmp_path):
    """An empty file of candidates is judged: all truth on its ground is missed."""
    raster = np.zeros((320, 400), np.uint8)
    found = make_candidates(
        lambda row, col, height, width: raster[row : row + height, col : col + width],
        raster.shape,
        TRANSFORM,
        "EPSG:32645",
        threshold=0.5,
    )
    path = tmp_path / "candidates.gpkg"
    write_candidates(found, path)
    done = rogi(
        "detect", "evaluate", path, trial / "truth.gpkg", "-o", tmp_path / "e.html", "-o", tmp_path / "e.csv"
    )
    assert done.returncode == 0, done.stderr
    row = next(csv.DictReader((tmp_path / "e.csv").open()))
    assert float(row["recall"]) == 0
    assert row["precision"] == ""
    text = rogi("detect", "evaluate", path, trial / "truth.gpkg").stdout
    assert "no candidate lies in the evaluated area: all truth there is missed" in text
    assert "no confidence" not in text
    assert "B has nothing" not in text
    off = tmp_path / "off.gpkg"
    gpd.GeoDataFrame({"PrimaryID": ["t"]}, geometry=[box(0, 0)], crs=4326).to_file(off, layer="outlines")
    outputs = [tmp_path / f"none.{end}" for end in ("html", "json", "csv", "md")]
    raster = tmp_path / "probability.tif"
    probability_file(raster, np.zeros((320, 400), np.uint8), TRANSFORM)
    for more in ((), ("--subregions", trial / "regions.gpkg", "--probability", raster)):
        neither = rogi("detect", "evaluate", path, off, *more, *(part for o in outputs for part in ("-o", o)))
        assert neither.returncode == 0, neither.stderr
        assert "there was nothing to find and nothing was found" in neither.stdout
        assert "all truth there is missed" not in neither.stdout
        metrics = json.loads(outputs[1].read_text())["metrics"]
        assert (metrics["count_a"], metrics["count_b"], metrics["f1"]) == (0, 0, None)


def test_notes_name_candidates_and_truth(rogi, tmp_path):
    """Not the A and B of a comparison; with --everywhere it is no wonder that all ground counts."""
    for name, shapes in (("candidates", [box(0, 0)]), ("truth", [box(50, 50), box(60, 60)])):
        ids = ["same"] * len(shapes)
        frame = gpd.GeoDataFrame({"PrimaryID": ids}, geometry=shapes, crs=4326)
        frame.to_crs(32647).to_file(tmp_path / f"{name}.gpkg", layer="outlines")
    both = (tmp_path / "candidates.gpkg", tmp_path / "truth.gpkg")
    unsaid = rogi("detect", "evaluate", *both).stdout
    assert "no predicted area given" in unsaid
    assert "1 id of the truth in more than one row" in unsaid
    assert "no object of the truth meets one of the candidates' file (outlines)" in unsaid
    for note in (line for line in unsaid.splitlines() if line.startswith("note: ")):
        assert not re.search(r"\b[AB]\b", note), note
    asked = rogi("detect", "evaluate", *both, "--everywhere").stdout
    assert "no predicted area given" not in asked
    assert "all truth counts, as --everywhere asks" in asked


def test_hostile_texts_stay_text(rogi, tmp_path):
    """Names of regions and ids cannot become markup."""
    evil = "<script>alert(1)</script>|`x`"
    for name in ("candidates", "truth"):
        frame = gpd.GeoDataFrame(
            {"PrimaryID": [evil], "subregion": [evil], "confidence": [0.5]}, geometry=[box(0, 0)], crs=4326
        )
        frame.to_file(tmp_path / f"{name}.gpkg", layer="outlines")
    both = (tmp_path / "candidates.gpkg", tmp_path / "truth.gpkg")
    outputs = ("-o", tmp_path / "e.html", "-o", tmp_path / "e.md")
    done = rogi("detect", "evaluate", *both, "--subregions", "subregion", *outputs)
    assert done.returncode == 0, done.stderr
    assert "<script>alert" not in (tmp_path / "e.html").read_text()
    assert "<script>" not in (tmp_path / "e.md").read_text()


def test_confidence_out_of_range():
    """A column that leaves 0 to 1 is no confidence."""
    with pytest.raises(OptionError, match="leaves 0 to 1"):
        evaluate(side([box(0, 0)], [7.0]), side([box(0, 0)]))


@pytest.mark.real
def test_real_glaciers(rogi, real_data, tmp_path):
    """Glacier outlines of the Everest scene, rasterised, blurred and displaced, are found again, mostly."""
    outlines = real_data / "everest" / "15_rgi60_glacier_outlines.gpkg"
    with rasterio.open(real_data / "everest" / "LE71400412000304SGS00_RGB.tif") as image:
        shape, transform, crs = image.shape, image.transform, image.crs
    shapes = gpd.read_file(outlines).to_crs(crs).geometry
    inside = rasterio.features.rasterize(shapes, shape, transform=transform).astype(float)
    raster = np.rint(254 * np.roll(ndimage.gaussian_filter(inside, 1.5), 1, axis=1)).astype(np.uint8)
    raster[:, :80] = 255
    found = make_candidates(
        lambda row, col, height, width: raster[row : row + height, col : col + width],
        shape,
        transform,
        crs.to_wkt(),
        threshold=0.5,
        glaciers=outlines,
    )
    write_candidates(found, tmp_path / "candidates.gpkg")
    assert (found.frame.glacier_share > 0.5).all()
    done = rogi("detect", "evaluate", tmp_path / "candidates.gpkg", outlines, "--format", "json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["metrics"]["f1"] > 0.9
    assert content["ground"]["truth_outside_m2"] > 1e8
