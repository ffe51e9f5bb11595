"""Prediction and training on a GPU: how near to what its network alone can do, and whether results agree.

For a machine with an NVIDIA GPU and PyTorch with CUDA, without internet: about five minutes. `--small` runs
every section with a small network, on a processor too; its figures say nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import detect
import host
import measure
import numpy as np

QUIET_GROUND = ("--threshold", 0.95, "--minimum-area", 1e6)
"""Random weights would make outlines without number."""


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Attributes
    ----------
    network : dict
        Settings of `rogi.detection.model.network.NetworkSpec`.
    patch : int
        Side of a window.
    batches : tuple of int
        Windows at a time of the network alone; the first two are those whose bytes are compared.
    predict, same, agree : int
        Sides of the pictures of these sections, pixels.
    scene : int
        Side of the scene that patches for training are cut from.
    steps, batch, workers : int
        Of training.
    """

    network: dict[str, Any]
    patch: int
    batches: tuple[int, ...]
    predict: int
    same: int
    agree: int
    scene: int
    steps: int
    batch: int
    workers: int


LARGE = Size({"encoder": "tu-xception71"}, 480, (16, 64, 1, 8, 32, 128), 16_000, 4000, 2000, 1536, 60, 16, 8)
"""2,601 windows at a stride of 320 are predicted."""

SMALL_NETWORK = {
    "architecture": "Unet", "encoder": "tu-test_resnet", "encoder_depth": 3, "decoder_channels": (32, 16, 8)
}  # fmt: skip
SMALL = Size(SMALL_NETWORK, 96, (2, 3), 250, 200, 150, 512, 2, 2, 1)


@dataclass
class Bench:
    """The sections, and what they learn of one another.

    Attributes
    ----------
    folder : Path
        To work in.
    device : str
        cuda, mps or cpu.
    size : Size
    best : dict of str to float
        Windows a second of the network alone, at its best batch, by precision.
    """

    folder: Path
    device: str
    size: Size
    best: dict[str, float] = field(default_factory=dict)

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those of the device."""
        return ("fp32", "tf32", "bf16") if self.device == "cuda" else ("fp32",)

    @property
    def sections(self) -> dict[str, Callable[[], None]]:
        """By name."""
        return {
            "alone": self.alone,
            "predict": self.predict,
            "train": self.train,
            "same": self.same_bytes,
            "agree": self.agreement,
            "selftest": self.self_test,
        }

    def bundle(self) -> Path:
        """A bundle of a network with random weights."""
        path = self.folder / "random"
        if not path.exists():
            detect.make_bundle(path, **self.size.network, patch=self.size.patch)
        return path

    def alone(self) -> None:
        """The network on its own, by precision and batch; folded and as it is."""
        import torch

        from rogi.detection.model.bundle import Bundle
        from rogi.detection.model.engines import Plan, build_backend
        from rogi.detection.model.network import bundle_network

        loaded = Bundle.load(self.bundle())
        patch, batches = loaded.card.patch, sorted(self.size.batches)
        timed = 256 if self.size is LARGE else 4
        rows: list[list[object]] = [["windows a second, by batch", *batches]]

        def rates(run: Callable[[Any], Any], prepare: Callable[[int], None] = lambda _: None) -> list[float]:
            found = []
            for batch in batches:
                prepare(batch)
                images = torch.randn(batch, 3, patch, patch, device=self.device).contiguous(
                    memory_format=torch.channels_last
                )
                found.append(batch / self.seconds(lambda images=images: run(images), max(1, timed // batch)))
            return found

        for precision in self.precisions:
            engine: Any = build_backend(Plan("torch", self.device, precision, batch=batches[0]), loaded)

            def prepare(batch: int, engine: Any = engine) -> None:
                engine.batch = batch

            found = rates(engine.infer, prepare)
            self.best[precision] = max(found)
            rows.append([precision, *(f"{rate:.0f}" for rate in found)])
        network = bundle_network(loaded).to(self.device, memory_format=torch.channels_last)

        def plain(images: Any) -> Any:
            with torch.inference_mode(), torch.autocast(self.device, torch.bfloat16):
                return network(images)

        rows.append(["bf16, normalisations not folded", *(f"{rate:.0f}" for rate in rates(plain))])
        measure.table(rows)

    def seconds(self, run: Callable[[], Any], times: int) -> float:
        """Of a call, after two that are not timed."""
        import torch

        wait = torch.cuda.synchronize if self.device == "cuda" else lambda: None
        for _ in range(2):
            run()
        wait()
        start = time.perf_counter()
        for _ in range(times):
            run()
        wait()
        return (time.perf_counter() - start) / times

    def predict(self) -> None:
        """Whole commands: the first of all, again, and in other precisions."""
        source, model = host.picture(self.folder, self.size.predict), self.bundle()
        last = self.precisions[-1]
        runs = [("first run", last), ("again, in a new folder", last)]
        runs += [(precision, precision) for precision in self.precisions[:-1]]
        for number, (title, precision) in enumerate(runs):
            out = self.folder / f"predict{number}.gpkg"
            done = detect.run_rogi(
                "detect", "predict", source, "--model", model, "-o", out, *QUIET_GROUND, "--force",
                "--probability", out.with_suffix(".tif"), *self.how(precision),
            )  # fmt: skip
            lines = done.text.splitlines()
            stages = next(line for line in lines if line.startswith("time: "))
            said = next(line for line in lines if "predicted" in line and "window" in line)
            windows = int(said.partition("; ")[2].split()[0].replace(",", ""))
            rate = windows / max(seconds_of(stages, "blocks"), 0.05)
            using = next(line for line in lines if line.startswith("using"))
            share = f" ({100 * rate / self.best[precision]:.0f} % of alone)" if precision in self.best else ""
            print(
                f"* {title}: {using}: {done.seconds:.1f} s, {done.processor_seconds:.0f} s of processors, "
                f"{done.megabytes:.0f} MiB; {rate:.0f} windows a second in the blocks{share}; {said}; "
                f"{stages}",
                flush=True,
            )

    def how(self, precision: str, batch: int | None = None) -> tuple[object, ...]:
        """Options of a command that computes with PyTorch on the device."""
        more = () if batch is None else ("--batch", batch)
        return ("--backend", "torch", "--device", self.device, "--precision", precision, *more)

    def raster(self, side: int, name: str, *options: object, part: str | None = None) -> tuple[Any, str]:
        """Levels of a prediction and a digest of its blocks; with a part, as an array of two jobs."""
        import rasterio

        out = self.folder / f"{name}.gpkg"
        arguments = (
            "detect", "predict", host.picture(self.folder, side), "--model", self.bundle(), "-o", out,
            "--probability", out.with_suffix(".tif"), *QUIET_GROUND, "--force",
            "--block", max(self.size.patch, side // 3), *options,
        )  # fmt: skip
        if part is not None:
            detect.run_rogi(*arguments, "--part", part)
        detect.run_rogi(*arguments)
        with rasterio.open(out.with_suffix(".tif")) as file:
            return np.array(file.read(1), int), digest_of(Path(f"{out}.rogi"))

    def same_bytes(self) -> None:
        """Digests of all blocks: of two runs, of one that goes on where another ended, of another batch."""
        few, many = self.size.batches[:2]
        rows: list[list[object]] = [
            ["precision", f"batch {few}", "again", "half, then gone on", f"batch {many}",
             f"raster of batch {many}"]
        ]  # fmt: skip
        for precision in self.precisions:
            found = [
                self.raster(
                    self.size.same, f"same-{precision}-{number}", *self.how(precision, batch), part=part
                )
                for number, (batch, part) in enumerate(((few, None), (few, None), (few, "1/2"), (many, None)))
            ]
            off = np.abs(found[3][0] - found[0][0])
            equal = f"{100 * (off == 0).mean():.4f} % equal, at most {off.max()} of 254 off"
            rows.append([precision, *(digest for _, digest in found), equal])
        measure.table(rows)

    def agreement(self) -> None:
        """The device's raster against that of ONNX Runtime on the processor."""
        side = self.size.agree
        expected, _ = self.raster(side, "agree", "--device", "cpu", "--backend", "onnxruntime")
        rows: list[list[object]] = [
            [f"precision on {self.device}", "equal", "at most off, of 254", "labels turned at 0.5"]
        ]
        for precision in self.precisions:
            found, _ = self.raster(side, f"agree-{precision}", *self.how(precision))
            off, turned = np.abs(found - expected), (found >= 127) != (expected >= 127)
            rows.append(
                [precision, f"{100 * (off == 0).mean():.2f} %", off.max(), f"{100 * turned.mean():.3f} %"]
            )
        measure.table(rows)

    def train(self) -> None:
        """A plain step, and a whole command of as many steps."""
        size = self.size
        plain = self.plain_step()
        print(f"a plain step of {size.batch} patches: {plain:.3f} s\n")
        scene, patches = self.folder / "scene1", self.folder / "patches"
        detect.run_rogi(
            "synthetic", "imagery", "-o", scene, "--seed", 1, "--size", size.scene, size.scene, "--force"
        )
        detect.run_rogi(
            "detect", "patches", scene / "season1.tif", "--units", scene / "truth1.gpkg", "-o", patches,
            "--size", size.patch, "--force",
        )  # fmt: skip
        options: list[object] = []
        for name, value in size.network.items():
            text = ",".join(map(str, value)) if isinstance(value, tuple) else value
            options += [f"--{name.replace('_', '-')}", text]
        done = detect.run_rogi(
            "detect", "train", patches, "-o", self.folder / "trained", *options, "--force",
            "--steps", size.steps, "--batch", size.batch, "--device", self.device, "--workers", size.workers,
        )  # fmt: skip
        stages = next(line for line in done.text.splitlines() if line.startswith("time: "))
        share = plain * size.steps / max(seconds_of(stages, "training"), 0.05)
        print(
            f"* {size.steps} steps, {size.workers} workers: {done.seconds:.1f} s, "
            f"{done.processor_seconds:.0f} s of processors; plain steps would take {100 * share:.0f} % of "
            f"the time of training; {stages}",
            flush=True,
        )

    def plain_step(self) -> float:
        """Seconds of a step on patches that lie on the device already."""
        import torch

        from rogi.detection.model.network import NetworkSpec, build_network

        size = self.size
        network = build_network(NetworkSpec(**size.network).resolved(), seed=1, prior=0.05)
        network = network.to(self.device, memory_format=torch.channels_last).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
        shape = size.patch, size.patch
        images = torch.randn(size.batch, 3, *shape, device=self.device).contiguous(
            memory_format=torch.channels_last
        )
        target = torch.rand(size.batch, 1, *shape, device=self.device).round()

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(self.device, torch.bfloat16):
                logits = network(images)
            torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), target).backward()
            optimizer.step()

        return self.seconds(step, 20 if size is LARGE else 1)

    def self_test(self) -> None:
        """What each precision does to golden examples, of random and trained weights, sound and broken."""
        rows: list[list[object]] = [["bundle", "precision", "largest", "mean", "labels, %", "verdict"]]
        for path in (self.bundle(), self.folder / "trained"):
            if path.exists():
                for precision in self.precisions:
                    rows += self.verdicts(path, precision)
        measure.table(rows)

    def verdicts(self, path: Path, precision: str) -> list[list[object]]:
        """Rows of the network as it is and of broken ones."""
        import torch

        from rogi.detection.model.backends import SelfTest, disagreement
        from rogi.detection.model.bundle import Bundle
        from rogi.detection.model.engines import Plan, build_backend

        loaded = Bundle.load(path)
        golden, level = loaded.golden(), loaded.card.threshold
        plan = Plan("torch", self.device, precision, batch=8)
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
            rows.append(
                [f"{path.name}{kind}", precision, f"{difference.max():.2g}", f"{difference.mean():.2g}",
                 f"{100 * turned:.2g}", verdict[:40] or "passes"]
            )  # fmt: skip
        return rows


def seconds_of(stages: str, stage: str) -> float:
    """Of a stage, in the line that a command ends with."""
    return float(stages.partition(f"{stage} ")[2].split()[0])


def digest_of(folder: Path) -> str:
    """Of all blocks of a prediction, their names and times left out."""
    found = []
    for path in folder.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            found.append(hashlib.sha256(b"".join(archive.read(name) for name in archive.namelist())).digest())
    return hashlib.sha256(b"".join(sorted(found))).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", help="cuda, mps or cpu")
    parser.add_argument("--small", action="store_true", help="a small network on little imagery")
    parser.add_argument("--only", help="sections, such as alone,predict")
    parser.add_argument("--keep", type=Path, help="folder to work in, and to keep")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        folder.mkdir(exist_ok=True, parents=True)
        bench = Bench(folder, options.device, SMALL if options.small else LARGE)
        begin = time.perf_counter()
        for section in options.only.split(",") if options.only else bench.sections:
            start = time.perf_counter()
            print(f"\n== {section}\n", flush=True)
            try:
                bench.sections[section]()
            except (Exception, SystemExit):  # the other sections are worth their time
                traceback.print_exc(file=sys.stdout)
            print(f"\n({time.perf_counter() - start:.0f} s)", flush=True)
        print(f"\nall of it: {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()
