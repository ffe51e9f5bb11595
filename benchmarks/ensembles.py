"""What several models and turns gain: IoU, calibration and spread on scenes that no model has seen.

MODELS are bundles of `rogi detect train`, such as those of `benchmarks/training.py` with several seeds, and
SCENES folders of `rogi synthetic imagery`. ECE is the expected calibration error of pixels over ten classes
of probability, of all and of those from 0.05 up; the last columns are the mean spread of pixels on the right
and on the wrong side of the threshold.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import detect
import measure
import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", type=Path, required=True)
    parser.add_argument("--scenes", nargs="+", type=Path, required=True)
    parser.add_argument("--turns", nargs="+", type=int, default=[1, 4])
    options = parser.parse_args()
    ways = [([model], turns) for model in options.models for turns in options.turns]
    if len(options.models) > 1:
        ways += [(options.models, turns) for turns in options.turns]
    head = ["models", "turns", "IoU", "precision", "recall", "ECE", "ECE from 0.05", "right", "wrong", "s"]
    rows: list[list[object]] = [head]
    for models, turns in ways:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(way(models, turns, options.scenes, Path(folder)))
    measure.table(rows)


def way(models: list[Path], turns: int, scenes: list[Path], folder: Path) -> list[object]:
    """A row of the table."""
    cells, seconds = np.zeros((2, 255, 2)), 0.0
    threshold = np.mean([detect.in_own_process(detect.threshold_of, model) for model in models])
    for scene in scenes:
        rasters = folder / f"{scene.name}-p.tif", folder / f"{scene.name}-s.tif"
        done = detect.run_rogi(
            "detect", "predict", scene / "season1.tif", *(part for m in models for part in ("--model", m)),
            "--turns", turns, "-o", folder / f"{scene.name}.gpkg", "--probability", rasters[0],
            "--spread", rasters[1], "--force",
        )  # fmt: skip
        seconds += done.seconds
        cells += detect.in_own_process(counts, *rasters, scene / "truth1.gpkg")
    level = int(np.ceil(threshold * 254 - 1e-9))
    pixels = cells[..., 0]
    found, hit = pixels[:, level:].sum(), pixels[1, level:].sum()
    missed = pixels[1, :level].sum()
    right = cells[0, :level].sum(axis=0) + cells[1, level:].sum(axis=0)
    wrong = cells[1, :level].sum(axis=0) + cells[0, level:].sum(axis=0)
    return [
        " + ".join(model.stem for model in models), turns, f"{hit / (found + missed):.3f}",
        f"{hit / found:.3f}", f"{hit / (hit + missed):.3f}", f"{error(pixels, 0):.3f}",
        f"{error(pixels, 0.05):.3f}", f"{right[1] / right[0]:.4f}", f"{wrong[1] / wrong[0]:.4f}",
        f"{seconds:.0f}",
    ]  # fmt: skip


def counts(probability: Path, spread: Path, truth: Path) -> np.ndarray:
    """Pixels, and their spread added up, by truth and level: shape (2, 255, 2)."""
    import pyogrio
    import rasterio
    from rasterio.features import rasterize

    with rasterio.open(probability) as file, rasterio.open(spread) as other:
        levels, spreads = file.read(1), other.read(1)
        layers = [name for name, kind in pyogrio.list_layers(truth) if kind and "Polygon" in kind]
        units = pyogrio.read_dataframe(truth, layer=layers[0]).to_crs(file.crs).geometry
        inside = rasterize(units, levels.shape, transform=file.transform).astype(bool)
    known = levels != 255
    cell = inside[known] * 255 + levels[known].astype(int)
    shown = np.where(spreads == 255, 0, spreads)[known] / 254
    parts = [np.bincount(cell, weights, 510).reshape(2, 255) for weights in (None, shown)]
    return np.stack(parts, axis=-1)


def error(pixels: np.ndarray, least: float) -> float:
    """Expected calibration error of classes whose mean probability is at least so much."""
    probability = np.arange(255) / 254
    place = np.minimum((probability * 10).astype(int), 9)
    total = np.bincount(place, pixels.sum(axis=0), 10)
    mean = np.bincount(place, pixels.sum(axis=0) * probability, 10) / np.maximum(total, 1)
    share = np.bincount(place, pixels[1], 10) / np.maximum(total, 1)
    total = np.where(mean >= least, total, 0)
    return float((np.abs(mean - share) * total).sum() / max(total.sum(), 1))


if __name__ == "__main__":
    main()
