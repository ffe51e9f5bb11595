"""The network of Sun et al. (2024) at its real size: train, export, list, predict, in one go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from patchsets import tiny_patches
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from rogi.cli.detect import app  # noqa: E402
from rogi.detection.model.bundle import Bundle  # noqa: E402
from rogi.detection.model.engines import Plan, build_backend  # noqa: E402
from rogi.detection.model.export import probability  # noqa: E402
from rogi.detection.model.network import bundle_network  # noqa: E402

SIZE = 480


def rogi(*arguments: object) -> str:
    """Run a command of `rogi detect` that must succeed; give what it said."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.slow
def test_deeplabv3plus_with_xception71(tmp_path: Path):
    """Two steps at 480 pixels; ONNX Runtime then predicts what the network itself gives for that ground."""
    tiny_patches(tmp_path / "patches", train=4, validation=1, size=SIZE)
    rogi("train", tmp_path / "patches", "-o", tmp_path / "model.zip", "--steps", 2, "--batch", 2,
         "--device", "cpu", "--licence", "CC0-1.0", "-q")  # fmt: skip
    assert "tu-xception71" in rogi("models", tmp_path / "model.zip")
    bundle = Bundle.load(tmp_path / "model.zip")
    card = bundle.card
    assert (card.architecture, card.encoder) == ("DeepLabV3Plus", "tu-xception71")
    assert (card.output_stride, card.atrous_rates) == (16, (6, 12, 18))
    assert (card.patch, card.stride) == (SIZE, 320)
    assert sum(value.size for value in bundle.weights().values()) == pytest.approx(43.5e6, rel=0.01)

    image = np.clip(np.random.default_rng(5).normal(90, 30, (3, SIZE, SIZE)), 1, 255).astype(np.uint8)
    with rasterio.open(
        tmp_path / "scene.tif", "w", driver="GTiff", width=SIZE, height=SIZE, count=3, dtype="uint8",
        crs="EPSG:32646", transform=Affine(5, 0, 480_000, 0, -5, 3_360_000),
    ) as file:  # fmt: skip
        file.write(image)
    rogi("predict", tmp_path / "scene.tif", "--model", tmp_path / "model.zip", "-o", tmp_path / "found.gpkg",
         "--probability", tmp_path / "found.tif", "--stride", SIZE, "--backend", "onnxruntime",
         "--precision", "fp32", "-q")  # fmt: skip
    with rasterio.open(tmp_path / "found.tif") as file:
        found = file.read(1)
    mean, deviation = (
        np.array([getattr(channel, name) for channel in card.channels], np.float32)[:, None, None]
        for name in ("mean", "std")
    )
    images = ((image - mean) / deviation)[None].astype(np.float32)
    expected = probability(bundle_network(bundle), images)
    assert found.shape == (SIZE, SIZE)
    assert np.abs(found / 254 - expected[0, 0]).max() < 1e-3 + 1 / 254
    # Two steps leave an answer that varies by less than a step of the raster: the numbers themselves.
    engine = build_backend(Plan("onnxruntime", "cpu", "fp32", "", threads=1), bundle)
    assert np.abs(engine.run(images) - expected).max() < np.ptp(expected) / 100
