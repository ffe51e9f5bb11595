"""`rogi detect train`: a small network from random weights, on synthetic scenes, scored on others.

Everything by the commands a user has: scenes, patches, training, prediction. Time is that of all processors;
IoU, precision and recall are of pixels at the model's threshold, units found are those of which more than
half is covered by candidates. Look-alikes are debris-covered glaciers, avalanche deposits and lakes.

With --loader: whether patches are ready in time for a GPU, with a sleep in place of its steps.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import detect
import measure
import numpy as np

NETWORK = ("--architecture", "Unet", "--encoder", "tu-test_resnet", "--encoder-depth", 4,
           "--decoder-channels", "48,32,16,8")  # fmt: skip
RECIPE = (*NETWORK, "--crop", 128, "--batch", 16, "--lr", 4e-3, "--light", 0.1, "--patience", 0)
"""Small enough for a laptop: a third of a million weights, learnt on windows around units."""

STEPS, QUICK_STEPS = 800, 150
BATCH, PLAIN_STEP, LOADER_STEPS = 16, 0.09, 60
"""A step of DeepLabv3+ Xception71 on 16 patches of 480 pixels takes so many seconds on an H200."""

TRAIN, HELD_OUT = (1, 2, 3, 4), (5, 6)
"""Seeds of scenes of 1536 x 1536 pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_STEPS} steps, as the demo takes")
    parser.add_argument("--steps", type=int, help=f"default {STEPS}")
    parser.add_argument("--keep", type=Path, help="folder to work in, and to keep")
    parser.add_argument("--loader", action="store_true", help="only the share of time that steps get")
    options = parser.parse_args()
    steps = options.steps or (QUICK_STEPS if options.quick else STEPS)
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        folder.mkdir(exist_ok=True)
        if options.loader:
            loader(folder)
        else:
            report(folder, steps)


def report(folder: Path, steps: int) -> None:
    """Train, predict and print."""
    patches = folder / "patches"
    made = make_patches(folder, patches)
    model = folder / "model"
    trained = detect.run_rogi("detect", "train", patches, "-o", model, *RECIPE, "--steps", steps, "--force")
    print(
        f"{len(TRAIN)} scenes, patches {made.processor_seconds:.0f} s, training of {steps} steps "
        f"{trained.processor_seconds:.0f} s of processors, {trained.seconds:.0f} s by the clock, "
        f"{trained.megabytes:.0f} MB\n"
    )
    threshold = detect.in_own_process(detect.threshold_of, model)
    level = int(np.ceil(threshold * 254 - 1e-9))
    rows: list[list[object]] = [["scenes", "look-alikes", "IoU", "precision", "recall", "units found"]]
    for negatives, said in ((None, "yes"), (0, "no")):
        counts, found = [], []
        for seed in HELD_OUT:
            scene = make_scene(folder, seed, negatives)
            out = scene / "candidates.gpkg"
            detect.run_rogi(
                "detect", "predict", scene / "season1.tif", "--model", model, "-o", out,
                "--probability", scene / "probability.tif", "--force",
            )  # fmt: skip
            truth = scene / "truth1.gpkg"
            counts.append(detect.in_own_process(detect.counts, scene / "probability.tif", truth))
            found.append(detect.in_own_process(units_found, out, truth))
        recall, precision, iou = (float(curve[level]) for curve in detect.rates(sum(counts)))
        hit, units = (sum(column) for column in zip(*found, strict=True))
        rows.append(
            [
                ", ".join(map(str, HELD_OUT)), said, f"{iou:.3f}", f"{precision:.3f}", f"{recall:.3f}",
                f"{hit} of {units}",
            ]
        )  # fmt: skip
    measure.table(rows)


def make_patches(folder: Path, patches: Path) -> detect.Run:
    """Patches of the scenes to train on."""
    scenes = [make_scene(folder, seed) for seed in TRAIN]
    return detect.run_rogi(
        "detect", "patches", *(scene / "season1.tif" for scene in scenes),
        *(part for scene in scenes for part in ("--units", scene / "truth1.gpkg")),
        *(part for scene in scenes for part in ("--negatives", scene / "negatives.gpkg")),
        "-o", patches, "--force",
    )  # fmt: skip


def loader(folder: Path) -> None:
    """Batches of 16 patches of 480 pixels, read and varied beside steps that only take their time."""
    patches = folder / "patches"
    if not patches.exists():
        make_patches(folder, patches)
    rows: list[list[object]] = [["variants", "workers", "processor, ms a patch", "share of the plain step"]]
    for name, scale in (("usual", 0.0), ("and of another size", 0.3)):
        for workers in (1, 2):
            processor, share = detect.in_own_process(fed, patches, scale, workers)
            rows.append([name, workers, f"{processor:.1f}", f"{100 * share:.0f} %"])
    measure.table(rows)
    print(f"\nBatches of {BATCH}; a step takes {PLAIN_STEP} s.")


def fed(patches: Path, scale: float, workers: int) -> tuple[float, float]:
    """Processor milliseconds of a patch, and the share of the time that steps took."""
    import torch

    from rogi.detection.patches.shards import PatchSet
    from rogi.detection.training.augmentation import Augmentation
    from rogi.detection.training.dataset import TrainingData, on_device

    stored = PatchSet.open(patches)
    stored.index["weight"] = float(BATCH * (LOADER_STEPS + 1))  # one epoch is long enough
    data = TrainingData(stored, batch=BATCH, augmentation=Augmentation(scale=scale), workers=workers)
    coming = on_device(data.training(0), torch.device("cpu"))
    next(coming)  # compiles
    start, used = time.perf_counter(), time.process_time()
    for _ in range(LOADER_STEPS):
        next(coming)
        time.sleep(PLAIN_STEP)
    processor = 1000 * (time.process_time() - used) / (LOADER_STEPS * BATCH)
    return processor, PLAIN_STEP * LOADER_STEPS / (time.perf_counter() - start)


def make_scene(folder: Path, seed: int, negatives: int | None = None) -> Path:
    """A scene of 1536 x 1536 pixels, with as many look-alikes as is usual, or so many."""
    path = folder / (f"scene{seed}" if negatives is None else f"scene{seed}-{negatives}")
    more = () if negatives is None else ("--negatives", negatives)
    detect.run_rogi("synthetic", "imagery", "-o", path, "--seed", seed, *more, "--force")
    return path


def units_found(candidates: Path, truth: Path) -> tuple[int, int]:
    """Units of which more than half is covered, and units that the prediction could see more than half of."""
    import pyogrio
    import shapely

    layers = [name for name, kind in pyogrio.list_layers(truth) if kind and "Polygon" in kind]
    found = pyogrio.read_dataframe(candidates, layer="candidates")
    seen = pyogrio.read_dataframe(candidates, layer="coverage").to_crs(found.crs)
    units = pyogrio.read_dataframe(truth, layer=layers[0]).to_crs(found.crs).geometry.to_numpy()
    area = shapely.area(units)
    covered = shapely.area(shapely.intersection(units, shapely.union_all(found.geometry.to_numpy())))
    visible = shapely.area(shapely.intersection(units, shapely.union_all(seen.geometry.to_numpy())))
    known = visible > area / 2
    return int((covered > area / 2)[known].sum()), int(known.sum())


if __name__ == "__main__":
    main()
