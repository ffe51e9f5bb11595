"""Prediction and training on a GPU: how near to what its network alone can do, and whether results agree.

For a machine with an NVIDIA GPU and PyTorch with CUDA; without one, `--simulate` shows what the host can feed
to a device that answers so many windows a second. Needs no internet. About five minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import detect
import measure
import numpy as np

SIDE = 16_000
"""Pixels of the picture: 2,500 windows of 480 pixels at a stride of 320."""

BATCHES = (1, 8, 16, 32, 64, 128)
ENCODER = "tu-xception71"

QUIET_GROUND = ("--threshold", 0.95, "--minimum-area", 1e6)
"""Random weights would make outlines without number."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulate", type=float, help="windows a second of a device that only waits")
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of the picture")
    parser.add_argument("--only", help="sections, such as alone,predict")
    parser.add_argument("--keep", type=Path, help="folder to work in, and to keep")
    parser.add_argument("--encoder", default=ENCODER)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        folder.mkdir(exist_ok=True, parents=True)
        if options.simulate is not None:
            host(folder, options.side, options.simulate)
            return
        sections: dict[str, Callable[[], None]] = {
            "alone": lambda: alone(folder, options.encoder),
            "selftest": lambda: self_test(folder, options.encoder),
            "predict": lambda: predict(folder, options.side, options.encoder),
            "same": lambda: same_bytes(folder, options.encoder),
            "agree": lambda: agreement(folder, options.encoder),
            "train": lambda: training(folder, options.encoder),
        }
        chosen = options.only.split(",") if options.only else list(sections)
        bundle(folder, options.encoder)
        for section in chosen:
            start = time.perf_counter()
            print(f"\n== {section}\n", flush=True)
            try:
                sections[section]()
            except Exception:  # the other sections are worth their time
                traceback.print_exc(file=sys.stdout)
            print(f"\n({time.perf_counter() - start:.0f} s)", flush=True)


# ---- inputs


def bundle(folder: Path, encoder: str) -> Path:
    """A bundle of a network with random weights."""
    path = folder / encoder
    if not path.exists():
        start = time.perf_counter()
        detect.make_bundle(path, encoder)
        print(f"bundle {time.perf_counter() - start:.0f} s")
    return path


def picture(folder: Path, side: int) -> Path:
    """A picture in tiles of 2,000 pixels that repeats one scene, as a VRT."""
    import rasterio
    from affine import Affine

    path = folder / f"picture{side}"
    if path.exists():
        return path
    path.mkdir()
    scene = detect.scene(1, 2000)[0].astype(np.uint8)
    first = None
    for row in range(0, side, 2000):
        for column in range(0, side, 2000):
            tile = path / f"r{row:06}c{column:06}.tif"
            place = Affine(5, 0, 500_000 + 5 * column, 0, -5, 3_400_000 - 5 * row)
            if first is None:
                with rasterio.open(
                    tile, "w", driver="GTiff", width=2000, height=2000, count=3, dtype="uint8",
                    crs="EPSG:32646", transform=place, tiled=True, compress="deflate",
                ) as file:  # fmt: skip
                    file.write(scene)
                first = tile
            else:
                shutil.copy(first, tile)
                with rasterio.open(tile, "r+") as file:
                    file.transform = place
    return path


# ---- sections


def alone(folder: Path, encoder: str) -> None:
    """The network on its own, by precision and batch; folded and as it is, and compiled."""
    import torch

    from rogi.detection.model.bundle import Bundle
    from rogi.detection.model.engines import Plan, build_backend
    from rogi.detection.model.network import bundle_network

    loaded = Bundle.load(bundle(folder, encoder))
    patch = loaded.card.patch
    rows: list[list[object]] = [["windows a second, by batch", *BATCHES]]

    def rate(run: Callable[[Any], Any], batch: int) -> float:
        images = torch.randn(batch, 3, patch, patch, device="cuda").contiguous(
            memory_format=torch.channels_last
        )
        for _ in range(2):
            run(images)
        torch.cuda.synchronize()
        times = max(2, 128 // batch)
        start = time.perf_counter()
        for _ in range(times):
            run(images)
        torch.cuda.synchronize()
        return times * batch / (time.perf_counter() - start)

    for precision in ("fp32", "tf32", "bf16"):
        row: list[object] = [precision]
        engine = build_backend(Plan("torch", "cuda", precision, "", batch=8), loaded)
        for batch in BATCHES:
            engine.batch = batch
            row.append(f"{rate(engine.infer, batch):.0f}")
        rows.append(row)
    network = bundle_network(loaded).to("cuda", memory_format=torch.channels_last)

    def plain(images: Any) -> Any:
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
            return network(images)

    rows.append(["bf16, normalisations not folded", *(f"{rate(plain, batch):.0f}" for batch in BATCHES)])
    measure.table(rows)


def self_test(folder: Path, encoder: str) -> None:
    """What each precision does to the golden example, of random and of trained weights, sound and broken."""
    rows: list[list[object]] = [["bundle", "precision", "largest", "mean", "labels, %", "verdict"]]
    trained = [path.name for path in sorted(folder.glob("trained*")) if (path / "model.yaml").exists()]
    for name in (encoder, *trained):
        for precision in ("fp32", "tf32", "bf16"):
            rows += verdicts(folder / name, precision)
    measure.table(rows)


def verdicts(path: Path, precision: str) -> list[list[object]]:
    """Rows of the network as it is and of broken ones."""
    import torch

    from rogi.detection.model.backends import SelfTest, disagreement
    from rogi.detection.model.bundle import Bundle
    from rogi.detection.model.engines import Plan, build_backend

    loaded = Bundle.load(path)
    golden, level = loaded.golden(), loaded.card.threshold
    plan = Plan("torch", "cuda", precision, "", batch=8)
    engine: Any = build_backend(plan, loaded)
    found = {
        "": engine.run(golden.input),
        ", channels swapped": engine.run(np.ascontiguousarray(golden.input[:, ::-1])),
        ", half the contrast": engine.run(golden.input * np.float32(0.5)),
    }
    layers = [layer for layer in engine._network.modules() if isinstance(layer, torch.nn.Conv2d)]
    layers[len(layers) // 2].weight.data.zero_()
    found[", no middle layer"] = engine.run(golden.input)
    rows: list[list[object]] = []
    for kind, answer in found.items():
        difference = np.abs(answer - golden.expected)
        turned = ((answer >= level) != (golden.expected >= level)).mean()
        verdict = disagreement(answer, golden.expected, precision, level)
        if not kind:
            verdict = SelfTest(loaded, level)(plan).reason
        rows.append([f"{path.name}{kind}", precision, f"{difference.max():.2g}", f"{difference.mean():.2g}",
                     f"{100 * turned:.2g}", verdict[:40] or "passes"])  # fmt: skip
    return rows


def predict(folder: Path, side: int, encoder: str) -> None:
    """Whole commands: the first of all, again, and in other precisions."""
    source, model = picture(folder, side), bundle(folder, encoder)
    for number, (title, precision) in enumerate(
        (("first run", "bf16"), ("again, in a new folder", "bf16"), ("fp32", "fp32"), ("tf32", "tf32"))
    ):
        out = folder / f"{precision}{number}.gpkg"
        done = detect.run_rogi(
            "detect", "predict", source, "--model", model, "-o", out, *QUIET_GROUND, "--force",
            "--probability", out.with_suffix(".tif"), "--device", "cuda", "--precision", precision,
        )  # fmt: skip
        lines = done.text.splitlines()
        stages = next(line for line in lines if line.startswith("time: "))
        said = next(line for line in lines if "windows predicted" in line)
        windows = int(said.partition("; ")[2].split()[0].replace(",", ""))
        rate = windows / float(stages.partition("blocks ")[2].split()[0])
        using = next(line for line in lines if line.startswith("using"))
        print(
            f"* {title}: {using}: {done.seconds:.1f} s, {done.processor_seconds:.0f} s of processors, "
            f"{done.megabytes:.0f} MiB; {rate:.0f} windows a second in the blocks; {said}; {stages}",
            flush=True,
        )


def digest_of(folder: Path) -> str:
    """Of all blocks of a prediction, their times left out."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                total.update(archive.read(name))
    return total.hexdigest()[:16]


def blocks(folder: Path, encoder: str, side: int, name: str, *options: object) -> tuple[Path, str]:
    out = folder / f"{name}.gpkg"
    detect.run_rogi(
        "detect", "predict", picture(folder, side), "--model", bundle(folder, encoder), "-o", out,
        "--probability", out.with_suffix(".tif"), *QUIET_GROUND, "--force", *options,
    )  # fmt: skip
    return out.with_suffix(".tif"), digest_of(Path(f"{out}.rogi"))


def same_bytes(folder: Path, encoder: str) -> None:
    """Digests of all blocks: of two runs, of other batches, of other sizes of blocks."""
    import rasterio

    rows: list[list[object]] = [["precision", "batch 16", "again", "batch 64", "raster of batch 64 equal"]]
    for precision in ("fp32", "tf32", "bf16"):
        found, rasters = [], []
        for number, batch in enumerate((16, 16, 64)):
            raster, digest = blocks(
                folder, encoder, 4000, f"same-{precision}-{number}", "--device", "cuda",
                "--precision", precision, "--batch", batch,
            )  # fmt: skip
            found.append(digest)
            with rasterio.open(raster) as file:
                rasters.append(np.array(file.read(1), int))
        off = np.abs(rasters[2] - rasters[0])
        rows.append([precision, *found, f"{100 * (off == 0).mean():.4f} %, at most {off.max()} of 254 off"])
    measure.table(rows)


def agreement(folder: Path, encoder: str) -> None:
    """The GPU's raster against that of the processor."""
    import rasterio

    rasters = {}
    for name, options in {
        "processor": ("--device", "cpu", "--backend", "onnxruntime", "--precision", "fp32"),
        **{p: ("--device", "cuda", "--precision", p) for p in ("fp32", "tf32", "bf16")},
    }.items():
        raster, _ = blocks(folder, encoder, 2000, f"agree-{name}", *options)
        with rasterio.open(raster) as file:
            rasters[name] = np.array(file.read(1), int)
    rows: list[list[object]] = [
        ["precision on the GPU", "equal", "at most off, of 254", "labels turned at 0.5"]
    ]
    for name in ("fp32", "tf32", "bf16"):
        off = np.abs(rasters[name] - rasters["processor"])
        turned = ((rasters[name] >= 127) != (rasters["processor"] >= 127)).mean()
        rows.append([name, f"{100 * (off == 0).mean():.2f} %", off.max(), f"{100 * turned:.3f} %"])
    measure.table(rows)


def plain_step(encoder: str) -> float:
    """Seconds of a step on 16 patches that lie on the device already."""
    import torch

    from rogi.detection.model.network import NetworkSpec, build_network

    network = build_network(NetworkSpec(encoder=encoder).resolved(), seed=1, prior=0.05)
    network = network.to("cuda", memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    images = torch.randn(16, 3, 480, 480, device="cuda").contiguous(memory_format=torch.channels_last)
    target = torch.rand(16, 1, 480, 480, device="cuda").round()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16):
            logits = network(images)
        torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), target).backward()
        optimizer.step()

    for _ in range(3):
        step()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / 20


def training(folder: Path, encoder: str, steps: int = 60) -> None:
    """A plain step, and whole commands of as many steps."""
    plain = plain_step(encoder)
    print(f"a plain step of 16 patches: {plain:.3f} s\n")
    patches = folder / "patches"
    if not patches.exists():
        scenes = [folder / f"scene{seed}" for seed in (1, 2)]  # one alone leaves no unit to validate on
        for seed, scene in enumerate(scenes, 1):
            detect.run_rogi("synthetic", "imagery", "-o", scene, "--seed", seed, "--force")
        detect.run_rogi(
            "detect", "patches", *(scene / "season1.tif" for scene in scenes),
            *(part for scene in scenes for part in ("--units", scene / "truth1.gpkg")), "-o", patches,
        )  # fmt: skip
    for workers in (2, 8):
        done = detect.run_rogi(
            "detect", "train", patches, "-o", folder / f"trained{workers}", "--encoder", encoder, "--force",
            "--steps", steps, "--batch", 16, "--device", "cuda", "--workers", workers,
        )  # fmt: skip
        stages = next(line for line in done.text.splitlines() if line.startswith("time: "))
        alone = plain * steps / float(stages.partition("training ")[2].split()[0])
        print(
            f"* {steps} steps, {workers} workers: {done.seconds:.1f} s, {done.processor_seconds:.0f} s of "
            f"processors; plain steps would take {100 * alone:.0f} % of the time of training; {stages}",
            flush=True,
        )


# ---- the host alone


class Waiting:
    """A device that takes so many windows a second and gives noise."""

    def __init__(self, rate: float, parts: dict[str, np.ndarray]) -> None:
        self.rate, self._parts, self._free = rate, parts, time.perf_counter()

    def start(self, values: np.ndarray, valid: np.ndarray, wanted: np.ndarray, ran: np.ndarray) -> Waited:
        seconds = int(ran.sum()) / self.rate
        self._free = max(self._free, time.perf_counter()) + seconds
        return Waited(self._free, seconds, self._parts)


class Instant:
    """A network that answers at once."""

    def __init__(self, noise: np.ndarray) -> None:
        from rogi.detection.model.engines import Plan

        self.plan, self.batch = Plan("onnxruntime", "cpu", "fp32", threads=len(os.sched_getaffinity(0))), 1
        self._answer = (noise[:, :480, :480] / np.float32(254)).astype(np.float32)[None]

    def run(self, images: np.ndarray) -> np.ndarray:
        return self._answer


class Waited:
    """A block of `Waiting`."""

    def __init__(self, ready: float, seconds: float, parts: dict[str, np.ndarray]) -> None:
        self._ready, self.seconds, self._parts = ready, seconds, parts

    def parts(self) -> dict[str, np.ndarray]:
        time.sleep(max(0.0, self._ready - time.perf_counter()))
        return self._parts


def host(folder: Path, side: int, rate: float) -> None:
    """Blocks read, handed to a device that waits, and written."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "detection"))
    from bundles import tiny_bundle
    from scipy.ndimage import gaussian_filter

    from rogi.detection.imagery.channels import Imagery
    from rogi.detection.imagery.suitability import Intake
    from rogi.detection.model.engines import Plan
    from rogi.detection.prediction.block_prediction import BlockJob, Task
    from rogi.detection.prediction.block_stream import stream_blocks
    from rogi.detection.prediction.host_blend import HostBlend
    from rogi.detection.prediction.predicted_area import ground_on
    from rogi.detection.windows import Blend, Lattice, Merge, parts_of

    made = tiny_bundle(folder / "tiny", force=True)
    imagery = Imagery.open(picture(folder, side))
    blend = Blend(Merge.COSINE, 320, 480)
    task = Task(imagery, Intake((0, 1, 2)), made.path, made.digest, Plan("torch", "cpu", "fp32"), blend)
    ground = ground_on(imagery.transform, imagery.shape, imagery.crs)
    lattice = Lattice.over(imagery.transform, imagery.shape, blend)
    rng, noise = np.random.default_rng(0), {}
    for name, rows, columns in parts_of(blend):
        smooth = gaussian_filter(
            rng.random((1, rows.stop - rows.start, columns.stop - columns.start)), (0, 8, 8)
        )
        smooth = (smooth - smooth.min()) / np.ptp(smooth)
        kind = (254, np.uint8) if name == "core" else (65_000_000, np.uint32)
        noise[name] = (smooth * kind[0]).astype(kind[1])
    cores = len(os.sched_getaffinity(0))
    table: list[list[object]] = [
        ["computed by", "windows", "s", "windows a second", "of the device's", "by processor time"]
    ]
    for pace in (0.0, 1e9, rate):
        out = folder / "blocks"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        jobs = [
            BlockJob(task, lattice.footprint(block), here, out / f"{block[0]}-{block[1]}.zip")
            for block in lattice.blocks()
            if (here := ground.within(lattice.footprint(block))) is not None
        ]
        done: dict[int, Any] = {}
        with contextlib.ExitStack() as stack:
            device: Any = (
                Waiting(pace, noise)
                if pace
                else stack.enter_context(
                    HostBlend([(Instant(noise["core"]), made.card)], task.intake, blend, False)
                )
            )
            stream_blocks(jobs[:2], lambda *_: None, device=device)  # what is compiled is not counted
            start, used = time.perf_counter(), time.process_time()
            stream_blocks(jobs, done.__setitem__, device=device)
            seconds, used = time.perf_counter() - start, time.process_time() - used
        windows = sum(one.windows for one in done.values())
        reached = windows / seconds
        names = {0.0: "the processor, a network that answers at once", 1e9: "a device that answers at once"}
        table.append(
            [names.get(pace, f"a device of {pace:g} windows a second"), f"{windows:,}", f"{seconds:.2f}",
             f"{reached:.0f}", f"{100 * reached / pace:.0f} %" if pace == rate else "",
             f"{cores * windows / used:.0f}"]
        )  # fmt: skip
    print(
        f"{side:,} x {side:,} pixels, {cores} cores; by processor time: "
        "cores x windows / seconds of processors\n"
    )
    measure.table(table)


if __name__ == "__main__":
    main()
