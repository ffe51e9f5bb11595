"""What the host does around a network: blocks read, handed to a device that only waits, and written.

Two cores show what they can feed to a GPU, and what is left of them beside a network on the processor. By
kind of compression of the imagery: a synthetic scene of mountains, whose bands compress like those of real
images (deflate: 0.70 of their size; Landsat 7 of the Himalaya 0.59, Sentinel-2 of the Alps in 8 bits 0.70).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import detect
import measure
import numpy as np

SIDE = 16_000
"""Pixels of the picture: 2,601 windows of 480 pixels at a stride of 320."""

TILE = 2000
"""Pixels of a tile of the picture."""

KINDS: dict[str, dict[str, object]] = {
    "deflate": {"compress": "deflate"},
    "lzw": {"compress": "lzw", "predictor": 2},
    "jpeg": {"compress": "jpeg", "photometric": "ycbcr"},
    "none": {},
}
"""Options of GDAL by what is said of them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=500, help="windows a second of the device that waits")
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of the picture")
    parser.add_argument("--kinds", default=",".join(KINDS), help="compressions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report(Path(name), options.side, options.rate, options.kinds.split(","))


def picture(folder: Path, side: int, kind: str = "deflate") -> Path:
    """A picture in tiles that repeats one scene of mountains, all of it with data."""
    import rasterio
    from affine import Affine

    path = folder / f"picture{side}-{kind}"
    if path.exists():
        return path
    path.mkdir()
    tile = min(side, TILE)
    scene = folder / f"scene{tile}"
    if not scene.exists():
        detect.run_rogi("synthetic", "imagery", "-o", scene, "--size", tile, tile, "--seed", 5)
    with rasterio.open(scene / "season1.tif") as file:
        values = np.maximum(file.read([1, 2, 3]), 1)
    first = path / "first.tif"
    for row in range(0, side, tile):
        for column in range(0, side, tile):
            place = Affine(5, 0, 500_000 + 5 * column, 0, -5, 3_400_000 - 5 * row)
            name = path / f"r{row:06}c{column:06}.tif"
            if row == column == 0:
                first = name
                with rasterio.open(
                    name, "w", driver="GTiff", width=tile, height=tile, count=3, dtype="uint8",
                    crs="EPSG:32646", transform=place, tiled=True, interleave="pixel", **KINDS[kind],
                ) as file:  # fmt: skip
                    file.write(values)
            else:
                shutil.copy(first, name)
                with rasterio.open(name, "r+") as file:
                    file.transform = place
    return path


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


def report(folder: Path, side: int, rate: float, kinds: list[str]) -> None:
    """Windows a second by kind of compression and device."""
    from scipy.ndimage import gaussian_filter

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "detection"))
    from bundles import tiny_bundle

    from rogi.detection.imagery.channels import Imagery
    from rogi.detection.imagery.suitability import Intake
    from rogi.detection.model.engines import Plan
    from rogi.detection.prediction.block_prediction import BlockJob, Task
    from rogi.detection.prediction.block_stream import stream_blocks
    from rogi.detection.prediction.host_blend import HostBlend
    from rogi.detection.prediction.predicted_area import ground_on
    from rogi.detection.windows import Blend, Lattice, Merge, parts_of

    made = tiny_bundle(folder / "tiny", force=True)
    blend, intake = Blend(Merge.COSINE, 320, 480), Intake((0, 1, 2))
    rng, noise = np.random.default_rng(0), {}
    for name, rows, columns in parts_of(blend):
        smooth = gaussian_filter(
            rng.random((1, rows.stop - rows.start, columns.stop - columns.start)), (0, 8, 8)
        )
        smooth = (smooth - smooth.min()) / np.ptp(smooth)
        most = (254, np.uint8) if name == "core" else (65_000_000, np.uint32)
        noise[name] = (smooth * most[0]).astype(most[1])
    cores = len(os.sched_getaffinity(0))
    table: list[list[object]] = [
        ["imagery", "computed by", "windows", "s", "windows a second", "of the device's", "by processor time",
         "processor, ms a window"]
    ]  # fmt: skip
    for kind in kinds:
        imagery = Imagery.open(picture(folder, side, kind))
        task = Task(imagery, intake, made.path, made.digest, Plan("torch", "cpu", "fp32"), blend)
        ground = ground_on(imagery.transform, imagery.shape, imagery.crs)
        lattice = Lattice.over(imagery.transform, imagery.shape, blend)
        for title, pace in (
            ("the processor, a network that answers at once", 0.0),
            ("a device that answers at once", 1e9),
            (f"a device of {rate:g} windows a second", rate),
        ):
            if kind != kinds[0] and pace:
                continue
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
                        HostBlend([(Instant(noise["core"]), made.card)], intake, blend, False)
                    )
                )
                stream_blocks(jobs[:2], lambda *_: None, device=device)  # what is compiled is not counted
                start, used = time.perf_counter(), time.process_time()
                stream_blocks(jobs, done.__setitem__, device=device)
                seconds, used = time.perf_counter() - start, time.process_time() - used
            windows = sum(one.windows for one in done.values())
            table.append(
                [kind, title, f"{windows:,}", f"{seconds:.2f}", f"{windows / seconds:.0f}",
                 f"{100 * windows / seconds / rate:.0f} %" if pace == rate else "",
                 f"{cores * windows / used:.0f}", f"{1000 * used / windows:.2f}"]
            )  # fmt: skip
    print(
        f"{side:,} x {side:,} pixels, {cores} cores; by processor time: "
        "cores x windows / seconds of processors\n"
    )
    measure.table(table)


if __name__ == "__main__":
    main()
