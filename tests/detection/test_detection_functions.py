"""`rogi.predict`, `rogi.train` and `rogi.evaluate` give what the commands write."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from bundles import tiny_bundle
from rasterio.transform import from_origin

import rogi
from rogi.detection.candidates.files import read_parameters
from rogi.detection.origin import origin_of_parameters, origin_of_raster
from rogi.errors import InputError, OptionError

Run = Callable[..., str]
PATCH = 96


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; its standard output."""
    from rogi import cli

    def command(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        shown = capsys.readouterr()
        assert end.value.code in (0, 1), shown.err
        return shown.out

    return command


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An image with two bright units, and a network that finds what is bright."""
    folder = tmp_path_factory.mktemp("files")
    image = np.full((3, 200, 220), 60, np.uint8)
    image[:, 40:90, 60:120] = 190
    image[:, 130:170, 130:190] = 190
    path = folder / "image.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=3, height=200, width=220, dtype="uint8", crs="EPSG:32646",
        transform=from_origin(500_015, 3_399_980, 5, 5),
    ) as file:  # fmt: skip
        file.write(image)
    return path, tiny_bundle(folder / "tiny", patch=PATCH, stride=64).path


def test_candidates_are_those_of_the_command(files: tuple[Path, Path], run: Run, tmp_path: Path) -> None:
    image, model = files
    common = ("--backend", "onnxruntime", "--block", 192, "--date", "2021-08-15", "--crs", "EPSG:4326")
    run(
        "detect",
        "predict",
        image,
        "--model",
        model,
        "-o",
        tmp_path / "a.gpkg",
        "--probability",
        tmp_path / "a.tif",
        *common,
    )
    found = rogi.predict(
        image,
        model,
        backend="onnxruntime",
        block=192,
        date="2021-08-15",
        crs=4326,
        probability=tmp_path / "b.tif",
    )
    assert len(found) == 2
    assert "2, 0.1" in repr(found)
    assert found._repr_html_().startswith("<div>")
    assert found.write(tmp_path / "b.gpkg") == ()
    one, other = (gpd.read_file(tmp_path / name) for name in ("a.gpkg", "b.gpkg"))
    pd.testing.assert_frame_equal(one, other)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    own, raster = (
        origin_of_parameters(read_parameters(tmp_path / "a.gpkg")),
        origin_of_raster(tmp_path / "a.tif"),
    )
    assert own == raster
    assert (raster.date, raster.threshold, len(raster.model_sha256), len(raster.imagery_sha256)) == (
        "2021-08-15", "0.5", 64, 64,
    )  # fmt: skip
    table = found.to_geodataframe()
    table["confidence"] = 0.0
    assert (found.frame["confidence"] > 0).all()
    again = rogi.predict(image, model, backend="onnxruntime", block=192, work=tmp_path / "work")
    assert (tmp_path / "work").is_dir()
    assert len(again) == len(found)


def test_glaciers_and_what_is_excluded_as_tables(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A file, a table and an inventory of the same polygons lead to the same candidates."""
    image, model = files
    ground = {"backend": "onnxruntime", "block": 192}
    shapes = rogi.predict(image, model, **ground).frame[["geometry"]]
    ice = shapes.iloc[[0]].buffer(5.0).to_frame("geometry").to_crs(4326).assign(rgi_id="g1")
    ice.to_file(tmp_path / "ice.gpkg")
    by_file = rogi.predict(image, model, glaciers=tmp_path / "ice.gpkg", **ground)
    assert by_file.frame["glacier_id"].tolist()[0] == "g1"
    by_table = rogi.predict(image, model, glaciers=ice, **ground)
    pd.testing.assert_frame_equal(by_file.frame, by_table.frame)
    assert by_table.parameters["glaciers"].startswith("1 polygon in memory, sha256 ")
    left = rogi.predict(image, model, exclude=rogi.Inventory.from_frames(outlines=ice), **ground)
    assert len(left) == len(shapes) - 1
    with pytest.raises(InputError, match="The glaciers in memory have no geometry or no CRS"):
        rogi.predict(image, model, glaciers=ice.set_crs(None, allow_override=True), **ground)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"threshold": 1.5}, "threshold"),
        ({"merge": "mean"}, "cosine or or"),
        ({"merge": "or", "spread": "spread.tif"}, "averaged"),
        ({"date": "yesterday"}, "2026-01-31"),
        ({"separate": "boundary"}, "trained with boundaries"),
        ({"area": "nowhere.gpkg"}, "no such file"),
        ({"stretch": (9, 3)}, "lower value first"),
    ],
)
def test_choices_that_cannot_be(files: tuple[Path, Path], choice: dict[str, object], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        rogi.predict(*files, backend="onnxruntime", block=192, **choice)


def test_evaluations_are_those_of_the_command(files: tuple[Path, Path], run: Run, tmp_path: Path) -> None:
    image, model = files
    found = rogi.predict(image, model, backend="onnxruntime", block=192)
    found.write(tmp_path / "found.gpkg")
    shift = found.frame.geometry.translate(10, 0)
    truth = gpd.GeoDataFrame({"name": ["p", "q"]}, geometry=shift, crs=found.frame.crs)
    truth.loc[2] = ["far", shapely.box(600_000, 3_300_000, 600_300, 3_300_300)]  # not predicted
    truth.to_file(tmp_path / "truth.gpkg")
    said = json.loads(
        run(
            "detect",
            "evaluate",
            tmp_path / "found.gpkg",
            tmp_path / "truth.gpkg",
            "--format",
            "json",
            "--seed",
            "3",
        )
    )
    of_files = rogi.evaluate(tmp_path / "found.gpkg", tmp_path / "truth.gpkg", seed=3)
    of_files.write(tmp_path / "made.json")
    assert json.loads((tmp_path / "made.json").read_text("utf-8")) == said
    of_tables = rogi.evaluate(found, truth, seed=3)
    pd.testing.assert_series_equal(of_tables.metrics, of_files.metrics, rtol=1e-9)
    pd.testing.assert_frame_equal(of_tables.table, of_files.table, rtol=1e-9)
    assert of_tables.table["truth"].tolist() == [2]
    assert rogi.evaluate(found, truth, everywhere=True).table["truth"].tolist() == [3]
    assert rogi.evaluate(found, truth, area=truth.iloc[[0]]).table["truth"].tolist() == [1]
    assert rogi.evaluate(found, truth, fail_under={"f1": 0.99}).failed
    assert "2 candidates by 2 outlines" in repr(of_tables)
    assert "precision" in of_tables._repr_html_()
    for choice, message in (
        ({"iou": 2}, "at most 1"), ({"band": -1}, "band is 0"), ({"threshold": 0}, "threshold"),
        ({"replicates": 1}, "10 replicates"), ({"area": "gone.gpkg"}, "no such file"),
    ):  # fmt: skip
        with pytest.raises(OptionError, match=message):
            rogi.evaluate(found, truth, **choice)
    with pytest.raises(InputError, match="set_crs"):
        rogi.evaluate(found.frame.set_crs(None, allow_override=True), truth)


def test_training_is_that_of_the_command(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from rogi.detection.model.bundle import Bundle
    from tests.detection.patchsets import tiny_patches

    patches = tiny_patches(tmp_path / "patches").folder
    (tmp_path / "command").mkdir()
    run(
        "detect", "train", patches, "-o", tmp_path / "command" / "m.zip", "--architecture", "unet",
        "--encoder", "tu-regnetx_002", "--encoder-depth", 3, "--decoder-channels", "16,8,8",
        "--steps", 4, "--batch", 2,
        "--threads", 1, "--device", "cpu", "--precision", "fp32", "--quiet",
    )  # fmt: skip
    (tmp_path / "function").mkdir()
    model = rogi.train(
        patches, tmp_path / "function" / "m.zip", architecture="unet", encoder="tu-regnetx_002",
        encoder_depth=3, decoder_channels=(16, 8, 8), steps=4, batch=2, threads=1, device="cpu",
        precision="fp32",
    )  # fmt: skip
    one, two = (Bundle.load(tmp_path / name / "m.zip") for name in ("command", "function"))
    assert one.read("model.onnx") == two.read("model.onnx")
    assert len(model.history) == 2
    assert {"iou", "f1"} <= set(model.scores["name"]) or len(model.scores) == 0
    assert "unet" in repr(model).casefold()
    assert "history" in model._repr_html_()
    with pytest.raises(OptionError, match="no setting 'epoch'"):
        rogi.train(patches, tmp_path / "x.zip", epoch=3)
    with pytest.raises(OptionError, match="schedule is cosine or poly or constant, found 'flat'"):
        rogi.train(patches, tmp_path / "x.zip", schedule="flat")
    with pytest.raises(OptionError, match="crop is given in augmentation"):
        rogi.train(patches, tmp_path / "x.zip", crop=32)


def test_patches_are_those_of_the_command(run: Run, files: tuple[Path, Path], tmp_path: Path) -> None:
    """To the byte, also where a size is given without a stride, and a whole number for a fraction."""
    image, _ = files
    units = gpd.GeoDataFrame(
        geometry=shapely.box(
            [500_315, 500_665], [3_399_530, 3_399_130], [500_615, 500_965], [3_399_780, 3_399_330]
        ),
        crs="EPSG:32646",
    )
    units.to_file(tmp_path / "units.gpkg")
    options = ("--size", 32, "--context", 200, "--hard", 3, "--split", "random", "--quiet")
    run("detect", "patches", image, "--units", tmp_path / "units.gpkg", "-o", tmp_path / "a", *options)
    made = rogi.cut_patches(
        image, tmp_path / "units.gpkg", tmp_path / "b", size=32, context_m=200, hard=3, split="random"
    )
    assert made.card.stride == 22
    for path in (tmp_path / "a").iterdir():
        assert (tmp_path / "b" / path.name).read_bytes() == path.read_bytes()


def test_numbers_and_choices_as_python_gives_them(files: tuple[Path, Path]) -> None:
    image, model = files
    whole = rogi.predict(image, model, nodata=None)
    assert len(rogi.predict(image, model, nodata=np.uint8(190))) == 0 < len(whole)
    with pytest.raises(OptionError, match=r"nodata is a number such as .* found 'none'"):
        rogi.predict(image, model, nodata="none")
    with pytest.raises(OptionError, match=r"^prefer='latest': no image states its date"):
        rogi.predict(image, model, prefer="latest")
