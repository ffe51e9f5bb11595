"""`rogi detect predict`: speed of a patch, what is lost around the network, memory, what blending gives.

Ratios of one run on one machine. Networks have random weights, except where `quality` trains one: speed and
memory do not depend on what a network has learnt. Their normalisation layers have the statistics of real
passes, so that numbers in them are of the usual size and bf16 is put to a fair test.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measure
import numpy as np

ENCODERS = ("tu-xception71", "resnet34", "mobilenet_v2")
PATCH = 480
PRODUCTS = 25
"""Products of matrices, to see how fast the processor computes."""

SHARE_SIDE = 8000
"""Pixels of the scene of `share`: four minutes of Xception71 on two cores."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of the speed table, all paths by turns")
    parser.add_argument(
        "--large", type=int, default=0, metavar="SIDE", help="pixels of a large mosaic, 40000"
    )
    parser.add_argument("--only", choices=("speed", "share", "large", "quality"), help="one part alone")
    parser.add_argument("--bundle", type=Path, help="trained model for the last part, else one is trained")
    options = parser.parse_args()
    parts: dict[str, Callable[[Path], None]] = {
        "speed": lambda folder: speed(folder, options.rounds),
        "share": share,
        "quality": lambda folder: quality(folder, options.bundle),
    }
    if options.large:
        parts["large"] = lambda folder: large(folder, options.large)
    with tempfile.TemporaryDirectory() as name:
        for part, run in parts.items():
            if options.only in (None, part):
                run(Path(name))
                print(flush=True)


# ---- speed of a patch


def speed(folder: Path, rounds: int) -> None:
    """Seconds per patch: plain segmentation-models-pytorch, and what rogi may run instead."""
    cores = len(os.sched_getaffinity(0))
    print(f"Seconds per patch of {PATCH} x {PATCH}, medians of {rounds} rounds by turns, {cores} cores\n")
    rows: list[list[object]] = [
        ["network", "path", "s", "ratio", "processor s", "ratio", "of products", "self-test"]
    ]
    bounds: list[list[object]] = [["network", "multiply-adds, 1e9", "fp32", "bf16"]]
    products = in_own_process(matrix_products)
    for encoder in ENCODERS:
        bundle = folder / encoder
        in_own_process(make_bundle, bundle, encoder)
        work = in_own_process(multiply_adds, bundle)
        timed = in_own_process(time_paths, bundle, rounds)
        eager = timed[0].seconds
        for path in timed:
            share = work / path.seconds / products[path.precision]
            rows.append(
                [encoder, path.name, f"{path.seconds:.3f}", f"{eager / path.seconds:.1f}",
                 f"{path.processor:.3f}", f"{timed[0].processor / path.processor:.1f}",
                 f"{100 * share:.0f} %", path.test]
            )  # fmt: skip
        bounds.append([encoder, f"{work:.1f}", *(f"{eager * rate / work:.1f}" for rate in products.values())])
    measure.table(rows)
    said = ", ".join(f"{precision} {rate:.0f}" for precision, rate in products.items())
    print(
        f"\nProducts of matrices of 2048 x 2048: {said} (1e9 multiply-adds a second, best of {PRODUCTS}).\n"
        "A network whose every multiply-add ran at that rate would be so many times faster than eager:\n"
    )
    measure.table(bounds)


@dataclass(frozen=True)
class Timed:
    """A way to run a network: wall and processor seconds per patch, and how the self-test went."""

    name: str
    precision: str
    seconds: float
    processor: float
    test: str


def matrix_products(side: int = 2048) -> dict[str, float]:
    """How fast the processor computes: 1e9 multiply-adds a second in products of matrices, by precision."""
    import torch

    found = {}
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        one, two = (torch.randn(side, side).to(dtype) for _ in range(2))
        times = []
        for _ in range(PRODUCTS):
            start = time.perf_counter()
            torch.mm(one, two)
            times.append(time.perf_counter() - start)
        found[precision] = side**3 / min(times) / 1e9
    return found


def multiply_adds(path: Path) -> float:
    """Of a bundle's network for one patch, in 1e9."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from rogi.detection.model.bundle import Bundle
    from rogi.detection.model.network import bundle_network

    bundle = Bundle.load(path)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        bundle_network(bundle).eval()(torch.from_numpy(bundle.golden().input[:1].copy()))
    return float(counter.get_total_flops()) / 2e9


def time_paths(path: Path, rounds: int) -> list[Timed]:
    """Each way to run a bundle; the first is plain segmentation-models-pytorch."""
    from concurrent.futures import ThreadPoolExecutor

    import torch

    from rogi.detection.model.backends import disagreement, select_backend, usable_cores
    from rogi.detection.model.bundle import Bundle
    from rogi.detection.model.engines import build_backend
    from rogi.detection.model.network import bundle_network

    bundle = Bundle.load(path)
    cores = usable_cores()
    torch.set_num_threads(cores)
    image = bundle.golden().input[:1].copy()
    network = torch.nn.Sequential(bundle_network(bundle), torch.nn.Sigmoid()).eval()

    def eager() -> None:
        with torch.inference_mode():
            network(torch.from_numpy(image)).numpy()

    selection = select_backend(bundle, threads=cores)
    runs: dict[str, tuple[Callable[[], object], int, str, str]] = {"smp eager fp32": (eager, 1, "fp32", "")}
    pool = ThreadPoolExecutor(cores)
    for trial in selection.trials:
        engine = build_backend(trial.plan, bundle)
        reason = disagreement(
            engine.run(image), bundle.golden().expected[:1], trial.plan.precision, bundle.card.threshold
        )
        name = f"{trial.plan.backend} {trial.plan.precision}"
        name += " (default)" if trial.plan == selection.plan else ""

        def side_by_side(run: Callable[[np.ndarray], object] = engine.run) -> None:
            list(pool.map(run, [image] * cores))

        runs[name] = (side_by_side, cores, trial.plan.precision, reason or "passed")
    wall: dict[str, list[float]] = {name: [] for name in runs}
    processor: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, (run, patches, *_) in runs.items():
            start, used = time.perf_counter(), time.process_time()
            run()
            if number:  # the first warms up
                wall[name].append((time.perf_counter() - start) / patches)
                processor[name].append((time.process_time() - used) / patches)
    return [
        Timed(name, precision, statistics.median(wall[name]), statistics.median(processor[name]), test)
        for name, (_, _, precision, test) in runs.items()
    ]


def make_bundle(path: Path, encoder: str, patch: int = PATCH, **settings: Any) -> None:
    """A bundle of a network with random weights, and statistics of normalisation from patches of a scene."""
    import torch

    from rogi.detection.model.bundle_writing import write_bundle
    from rogi.detection.model.card import Channel, ModelCard
    from rogi.detection.model.network import NetworkSpec, build_network

    spec = NetworkSpec(encoder=encoder, **settings).resolved()
    network = build_network(spec, seed=1, prior=0.05)
    patches = torch.from_numpy((scene(2, patch) - 110.0) / 50.0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean over all passes
    network.train()
    with torch.inference_mode():
        for _ in range(2):
            network(patches)
    network.eval()
    card = ModelCard(
        name=path.name,
        version="1",
        architecture=spec.architecture,
        encoder=spec.encoder,
        channels=tuple(Channel(name, "1", 110.0, 50.0) for name in ("red", "green", "blue")),
        dtype="uint8",
        dtype_range=(0.0, 255.0),
        resolution_m=5.0,
        patch=patch,
        stride=patch * 2 // 3,
        encoder_depth=spec.encoder_depth,
        decoder_channels=spec.decoder_channels,
        output_stride=spec.output_stride,
        atrous_rates=spec.atrous_rates,
        description="Random weights; for benchmarks.",
    )
    write_bundle(path, network, card, patches.numpy()[:1])


def scene(count: int, side: int) -> np.ndarray:
    """Pictures with something to see at all scales, (count, 3, side, side) float32 from 0 to 255."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(1)
    out = np.full((count, 3, side, side), 110.0)
    for scale in (1, 4, 16, 64):
        ground = gaussian_filter(rng.normal(size=(count, 3, side, side)), (0, 0.3, scale, scale))
        out += 25 * ground / ground.std()
    return np.clip(out, 1, 255).astype(np.float32)


def in_own_process(function: Callable[..., object], *arguments: object) -> Any:
    """Run a function in a new process: libraries that hold threads and memory do not disturb each other."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


# ---- what is lost around the network


def share(folder: Path) -> None:
    """Time of whole commands that is not the network's."""
    print(
        f"Time of `rogi detect predict` outside the network, {SHARE_SIDE} x {SHARE_SIDE} pixels, probability "
        "raster written\n"
    )
    rows: list[list[object]] = [
        ["network", "windows", "network alone, s", "blocks, s", "outside", "whole command, s",
         "outside", "processor s: network", "whole", "outside"]
    ]  # fmt: skip
    first = folder / "first.tif"
    in_own_process(write_picture, first, 2000)
    picture = folder / "picture.tif"
    in_own_process(write_picture, picture, SHARE_SIDE)
    for encoder in ENCODERS:
        bundle = folder / encoder
        if not bundle.exists():
            in_own_process(make_bundle, bundle, encoder)
        if not rows[1:]:  # what is compiled at the first run of all is not counted
            run_rogi("detect", "predict", first, "--model", bundle, "-o", folder / "first.gpkg")
        rows.append(in_own_process(time_command, folder, picture, bundle))
    measure.table(rows)


def time_command(folder: Path, picture: Path, bundle: Path) -> list[object]:
    """A row of the table of shares: the network alone before and after the command, by as many windows."""
    from concurrent.futures import ThreadPoolExecutor

    from rogi.detection.model.backends import select_backend, usable_cores
    from rogi.detection.model.bundle import Bundle
    from rogi.detection.model.engines import build_backend

    model = Bundle.load(bundle)
    plan = select_backend(model, threads=usable_cores()).plan
    engine = build_backend(plan, model)
    image = model.golden().input[:1]

    def alone(windows: int) -> tuple[float, float]:
        with ThreadPoolExecutor(plan.threads) as pool:
            start, used = time.perf_counter(), time.process_time()
            list(pool.map(engine.run, [image] * windows))
            return time.perf_counter() - start, time.process_time() - used

    alone(2 * plan.threads)
    some = 40
    before = alone(some)
    out = folder / f"{bundle.name}.gpkg"
    done = run_rogi(
        "detect", "predict", picture, "--model", bundle, "-o", out, "--probability", out.with_suffix(".tif"),
        "--backend", plan.backend, "--precision", plan.precision, "--minimum-area", 1e5, "--force",
    )  # fmt: skip
    after = alone(some)
    line = next(line for line in done.text.splitlines() if "windows predicted" in line)
    windows = int(line.partition("; ")[2].split()[0].replace(",", ""))
    inside = float(line.partition("the network ")[2].split()[0]) / 100
    network = windows * (before[0] + after[0]) / (2 * some)
    processor = windows * (before[1] + after[1]) / (2 * some)
    return [
        f"{bundle.name}, {plan.backend} {plan.precision}", windows, f"{network:.1f}",
        f"{network / inside:.1f}",
        f"{100 * (1 - inside):.0f} %", f"{done.seconds:.1f}", f"{100 * (1 - network / done.seconds):.0f} %",
        f"{processor:.1f}", f"{done.processor_seconds:.1f}",
        f"{100 * (1 - processor / done.processor_seconds):.0f} %",
    ]  # fmt: skip


def write_picture(path: Path, side: int) -> None:
    """A picture of 5 m pixels, as a GeoTIFF in tiles; it repeats."""
    import rasterio
    from affine import Affine

    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=3, dtype="uint8", crs="EPSG:32646",
        transform=Affine(5, 0, 500_000, 0, -5, 3_400_000), tiled=True, compress="deflate",
    ) as file:  # fmt: skip
        part = scene(1, 2000)[0].astype(np.uint8)
        file.write(np.tile(part, (1, side // 2000, side // 2000)))


# ---- memory


def large(folder: Path, side: int) -> None:
    """Peak memory of all processes on a mosaic that repeats one scene, with a network of one convolution."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "detection"))
    from bundles import tiny_bundle

    tile = 2000
    times = -(-side // tile)
    run_rogi(
        "synthetic", "imagery", "--size", tile, tile, "--repeat", times, "--seed", 3, "-o", folder / "scene"
    )
    bundle = tiny_bundle(folder / "tiny", width=9, gain=4.0, resolution_m=10.0, threshold=0.8)
    print(
        f"{times * tile:,} x {times * tile:,} pixels (a VRT that repeats a scene of {tile}), a network of "
        "one convolution, probability and spread written\n"
    )
    rows: list[list[object]] = [
        ["workers", "s", "s per million pixels", "candidates", "peak of all processes, MiB"]
    ]
    for workers in (1, 2):
        out = folder / f"large{workers}.gpkg"
        done = run_rogi(
            "detect", "predict", folder / "scene" / "mosaic.vrt", "--model", bundle.path, "-o", out,
            "--probability", folder / f"p{workers}.tif", "--spread", folder / f"s{workers}.tif",
            "--workers", workers,
        )  # fmt: skip
        found = next(line for line in done.text.splitlines() if "candidates, " in line).split()[0]
        million = (times * tile) ** 2 / 1e6
        rows.append(
            [workers, f"{done.seconds:.0f}", f"{done.seconds / million:.3f}", found, f"{done.megabytes:.0f}"]
        )
        shutil.rmtree(f"{out}.rogi")
    measure.table(rows)
    same = (folder / "large1.gpkg").read_bytes() == (folder / "large2.gpkg").read_bytes()
    print(f"\nThe same bytes from one worker and from two: {'yes' if same else 'NO'}")


# ---- what blending gives


def quality(folder: Path, bundle: Path | None = None) -> None:
    """Blended windows against OR on scenes the network has not seen, at equal recall of pixels."""
    import training

    scenes = {seed: training.make_scene(folder, seed) for seed in training.HELD_OUT}
    if bundle is None:
        bundle = folder / "trained"
        own = [training.make_scene(folder, seed) for seed in training.TRAIN]
        run_rogi(
            "detect", "patches", *(scene / "season1.tif" for scene in own),
            *(part for scene in own for part in ("--units", scene / "truth1.gpkg")),
            *(part for scene in own for part in ("--negatives", scene / "negatives.gpkg")),
            "-o", folder / "patches",
        )  # fmt: skip
        run_rogi(
            "detect", "train", folder / "patches", "-o", bundle, *training.RECIPE, "--steps", training.STEPS
        )
    print(f"Blended windows and OR, scenes {', '.join(map(str, scenes))}, which the network has not seen\n")
    totals: dict[str, list[np.ndarray]] = {"or": [], "cosine": []}
    windows = dict.fromkeys(totals, 0)
    for scene in scenes.values():
        for merge, parts in totals.items():
            out = scene / f"{merge}.gpkg"
            done = run_rogi(
                "detect", "predict", scene / "season1.tif", "--model", bundle, "-o", out,
                "--probability", out.with_suffix(".tif"), "--merge", merge, "--force",
            )  # fmt: skip
            line = next(line for line in done.text.splitlines() if "windows predicted" in line)
            windows[merge] += int(line.partition("; ")[2].split()[0].replace(",", ""))
            parts.append(in_own_process(counts, out.with_suffix(".tif"), scene / "truth1.gpkg"))
    threshold = in_own_process(threshold_of, bundle)
    curves = {merge: rates(sum(parts)) for merge, parts in totals.items()}
    level = int(np.ceil(threshold * 254 - 1e-9))
    rows: list[list[object]] = [["merge", "stride", "windows", "threshold", "recall", "precision", "IoU"]]
    for given, other in (("or", "cosine"), ("cosine", "or")):
        recall = curves[given][0][level]
        near = int(np.abs(curves[other][0] - recall).argmin())
        for merge, at in ((given, level), (other, near)):
            values = [f"{curve[at]:.3f}" for curve in curves[merge]]
            stride = 160 if merge == "or" else 320
            rows.append([merge, stride, windows[merge], f"{at / 254:.3f}", *values])
    measure.table(rows)
    best = {merge: max(curve[2]) for merge, curve in curves.items()}
    print("\nFirst two rows: at the recall of OR at the model's threshold; last two: at that of the blend.")
    print(f"Best IoU at any threshold: OR {best['or']:.3f}, blend {best['cosine']:.3f}.")


def counts(probability: Path, truth: Path) -> np.ndarray:
    """Pixels by value (0 to 254) in rock glaciers and elsewhere, shape (2, 255)."""
    import pyogrio
    import rasterio
    from rasterio.features import rasterize

    with rasterio.open(probability) as file:
        values = file.read(1)
        layers = [name for name, kind in pyogrio.list_layers(truth) if kind and "Polygon" in kind]
        outlines = pyogrio.read_dataframe(truth, layer=layers[0]).to_crs(file.crs)
        inside = rasterize(outlines.geometry, out_shape=file.shape, transform=file.transform).astype(bool)
    known = values != 255
    return np.stack([np.bincount(values[known & side], minlength=255)[:255] for side in (inside, ~inside)])


def rates(found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Recall, precision and IoU of pixels at each value as threshold."""
    hits, false = (side[::-1].cumsum()[::-1].astype(float) for side in found)
    return hits / hits[0], hits / np.maximum(hits + false, 1), hits / (hits[0] + false)


def threshold_of(bundle: Path) -> float:
    from rogi.detection.model.bundle import Bundle

    return Bundle.load(bundle).card.threshold


@dataclass(frozen=True)
class Run:
    """A command: wall and processor seconds, peak memory of all its processes, what it said on stderr."""

    seconds: float
    processor_seconds: float
    megabytes: float
    text: str


def run_rogi(*arguments: object) -> Run:
    """Run a command to its end, and watch its memory: of all processes, pages they share counted once."""
    import psutil

    rogi = shutil.which("rogi", path=str(Path(sys.executable).parent)) or "rogi"
    start = time.perf_counter()
    before = os.times()
    process = subprocess.Popen(
        [rogi, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    peak = 0.0
    watching = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not watching.wait(0.2):
            total = 0.0
            with contextlib.suppress(psutil.Error):
                top = psutil.Process(process.pid)
                for one in (top, *top.children(recursive=True)):
                    with contextlib.suppress(psutil.Error):
                        total += one.memory_full_info().pss / 2**20
            peak = max(peak, total)

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, text = process.communicate()
    watching.set()
    watcher.join()
    after = os.times()
    if process.returncode:
        raise SystemExit(f"rogi {' '.join(map(str, arguments))}: {text}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(time.perf_counter() - start, used, peak, text)


if __name__ == "__main__":
    main()
