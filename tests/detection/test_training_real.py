"""Real pixels from end to end: glaciers near Everest, learnt in the west and looked for in the east.

Glaciers stand in for rock glaciers, of which there is no labelled imagery to be had. Few steps: this shows
that the way is sound, not how good a model can be (docs/methods/detection-training.md has that).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

pytest.importorskip("torch")

import pyogrio
from rasterio.features import rasterize
from typer.testing import CliRunner

from rogi.cli.detect import app
from rogi.detection.model.bundle import Bundle

BORDER = 480
"""Column that divides the picture of 800."""


@pytest.fixture(scope="module")
def halves(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Landsat picture in two files, west.tif and east.tif."""
    folder = tmp_path_factory.mktemp("everest")
    with rasterio.open(real_data / "everest" / "LE71400412000304SGS00_RGB.tif") as source:
        for name, first, last in (("west", 0, BORDER), ("east", BORDER, source.width)):
            window = Window(first, 0, last - first, source.height)
            profile = source.profile | {
                "width": window.width, "height": window.height, "transform": source.window_transform(window),
            }  # fmt: skip
            with rasterio.open(folder / f"{name}.tif", "w", **profile) as target:
                target.write(source.read(window=window))
    return folder


@pytest.mark.real
@pytest.mark.slow
def test_glaciers_learnt_in_the_west_are_found_in_the_east(real_data: Path, halves: Path):
    """After 80 steps pixels agree better than chance (Cohen's kappa above 0.2), on ground it has not seen."""
    outlines = real_data / "everest" / "15_rgi60_glacier_outlines.gpkg"

    def rogi(*arguments: object) -> None:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output

    rogi("patches", halves / "west.tif", "--units", outlines, "--size", 128, "--stride", 64, "--border", 0,
         "--split", "random", "-o", halves / "patches", "-q")  # fmt: skip
    rogi("train", halves / "patches", "-o", halves / "model", "--architecture", "Unet", "--encoder",
         "tu-test_resnet", "--encoder-depth", 4, "--decoder-channels", "48,32,16,8", "--steps", 80,
         "--batch", 8, "--lr", 5e-3, "--threads", 1, "--device", "cpu", "-q")  # fmt: skip
    card = Bundle.load(halves / "model").card
    assert card.resolution_m == pytest.approx(30, rel=0.01)
    assert [channel.name for channel in card.channels] == ["red", "green", "blue"]
    rogi("predict", halves / "east.tif", "--model", halves / "model", "-o", halves / "east.gpkg",
         "--probability", halves / "east-probability.tif", "-q")  # fmt: skip
    with rasterio.open(halves / "east-probability.tif") as file:
        probability = file.read(1)
        glaciers = pyogrio.read_dataframe(outlines).to_crs(file.crs)
        truth = rasterize(glaciers.geometry, out_shape=file.shape, transform=file.transform).astype(bool)
    assert (probability != 255).all()  # the picture has no void
    found = probability >= card.threshold * 254
    agree = (found == truth).mean()
    chance = found.mean() * truth.mean() + (1 - found.mean()) * (1 - truth.mean())
    assert (agree - chance) / (1 - chance) > 0.2
    candidates = pyogrio.read_dataframe(halves / "east.gpkg", layer="candidates")
    area = candidates.geometry.area.sum() / 900
    assert area == pytest.approx(found.sum(), rel=0.02)  # but for what is below 0.01 km²
    assert np.isfinite(candidates["confidence"]).all()
