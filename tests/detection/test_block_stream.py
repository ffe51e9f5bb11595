"""Blocks through a device: the files are those that the processor makes, however they are read and merged."""

from __future__ import annotations

import pickle
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from tests.detection.bundles import card, tiny_bundle

torch = pytest.importorskip("torch")

from rogi.detection.imagery.channels import Imagery  # noqa: E402
from rogi.detection.imagery.suitability import Intake  # noqa: E402
from rogi.detection.model.bundle import Bundle  # noqa: E402
from rogi.detection.model.engines import Plan  # noqa: E402
from rogi.detection.prediction import block_prediction, block_stream  # noqa: E402
from rogi.detection.prediction.block_prediction import BlockDone, BlockJob, Task  # noqa: E402
from rogi.detection.prediction.device_blend import DeviceBlend  # noqa: E402
from rogi.detection.prediction.host_blend import HostBlend  # noqa: E402
from rogi.detection.prediction.predicted_area import ground_on  # noqa: E402
from rogi.detection.windows import Blend, Lattice, Merge  # noqa: E402
from rogi.errors import RogiError  # noqa: E402

PATCH, STRIDE, ROWS, COLUMNS = 64, 48, 220, 250
TRANSFORM = Affine(5.0, 0, 500_000.0, 0, -5.0, 3_400_000.0)


class Engine:
    """A convolution of every channel with another kernel, so that order, place and turn matter."""

    def __init__(self, outputs: int = 1, broken: bool = False) -> None:
        kernel = torch.from_numpy(np.random.default_rng(3).normal(size=(outputs, 3, 5, 5)).astype(np.float32))
        self.kernel, self.broken = kernel / 4, broken
        self.plan, self.batch, self.device = Plan("torch", "cpu", "fp32"), 3, torch.device("cpu")
        self.notes: list[str] = []

    def infer(self, images: torch.Tensor) -> torch.Tensor:
        found = [
            torch.sigmoid(torch.nn.functional.conv2d(image[None].contiguous(), self.kernel, padding=2))
            for image in images
        ]
        return torch.cat(found) * (float("nan") if self.broken else 1.0)

    def run(self, images: np.ndarray) -> np.ndarray:
        return self.infer(torch.from_numpy(images)).numpy()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Bundle]:
    folder = tmp_path_factory.mktemp("bundles")
    return {n: tiny_bundle(folder / str(n), outputs=n, patch=PATCH, stride=STRIDE) for n in (1, 2)}


def image(path: Path, dtype: str = "uint8") -> Path:
    """Noise of three bands whose left edge is without data."""
    values = np.random.default_rng(1).integers(1, 256, (3, ROWS, COLUMNS)).astype(dtype)
    values[:, :, :20] = 0
    values[:, 60:70, 90:110] = 0
    return write_image(path, values, TRANSFORM)


def write_image(path: Path, values: np.ndarray, transform: Affine) -> Path:
    _, height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=len(values), height=height, width=width, dtype=values.dtype,
        crs="EPSG:32645",
        transform=transform, nodata=0, tiled=True, blockxsize=64, blockysize=64, compress="deflate",
    ) as file:  # fmt: skip
        file.write(values)
    return path


def jobs_of(source: Path, bundle: Bundle, blend: Blend, folder: Path, **more: object) -> list[BlockJob]:
    """All blocks of an image; `area`, `spread` and `intake` as given."""
    imagery = Imagery.open(
        source, resolution=more.pop("resolution", None), channels=more.pop("channels", None)
    )  # type: ignore[arg-type]
    ground = ground_on(imagery.transform, imagery.shape, imagery.crs, area=more.pop("area", None))
    intake = more.pop("intake", Intake((0, 1, 2)))
    plan = Plan("torch", "cpu", "fp32")
    task = Task(imagery, intake, bundle.path, bundle.digest, plan, blend, **more)  # type: ignore[arg-type]
    folder.mkdir()
    lattice = Lattice.over(imagery.transform, imagery.shape, blend)
    found = []
    for number, block in enumerate(lattice.blocks()):
        footprint = lattice.footprint(block)
        here = ground.within(footprint)
        if here is not None:
            found.append(BlockJob(task, footprint, here, folder / f"{number}.zip"))
    return found


def arrays(path: Path) -> dict[str, bytes]:
    """What a block's file holds; the file itself also holds the time."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def both(
    jobs: list[BlockJob], bundle: Bundle, engine: Engine
) -> tuple[dict[str, dict[str, bytes]], dict[int, BlockDone | str], list[BlockDone]]:
    """Files that the device makes, and what was done; the files of the processor must be the same."""
    task = jobs[0].task
    settings = [(engine, bundle.card)], task.intake, task.blend, task.spread, task.turns
    with HostBlend(*settings) as host:
        expected, files = streamed(jobs, host)
    done, found = streamed(jobs, DeviceBlend(*settings))  # type: ignore[arg-type]
    assert found == files
    return found, done, [one for _, one in sorted(expected.items())]  # type: ignore[misc]


def streamed(
    jobs: list[BlockJob], device: block_stream.Device
) -> tuple[dict[int, BlockDone | str], dict[str, dict[str, bytes]]]:
    """What was done, and the files, which go."""
    done: dict[int, BlockDone | str] = {}
    block_stream.stream_blocks(jobs, done.__setitem__, device=device)
    files = {job.path.name: arrays(job.path) for job in jobs if job.path.exists()}
    for job in jobs:
        job.path.unlink(missing_ok=True)
    return done, files


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(
    ("merge", "stride", "outputs", "spread", "turns"),
    [
        ("cosine", 48, 1, False, 1), ("cosine", 24, 2, True, 1), ("or", 16, 1, False, 1),
        ("cosine", 48, 2, False, 4), ("cosine", 48, 1, True, 8),
    ],
)  # fmt: skip
def test_the_same_bytes(
    merge: str,
    stride: int,
    outputs: int,
    spread: bool,
    turns: int,
    dtype: str,
    bundles: dict[int, Bundle],
    tmp_path: Path,
) -> None:
    bundle = bundles[outputs]
    jobs = jobs_of(
        image(tmp_path / "image.tif", dtype),
        bundle,
        Blend(Merge(merge), stride, PATCH, 64, turns),
        tmp_path / "blocks",
        spread=spread,
        turns=turns,
        area="87.002,30.7245,87.011,30.731",
    )
    files, done, expected = both(jobs, bundle, Engine(outputs))
    assert len(files) > 4
    assert [done[n].windows for n in range(len(jobs))] == [one.windows for one in expected]  # type: ignore[union-attr]


def test_bands_and_stretch(bundles: dict[int, Bundle], tmp_path: Path) -> None:
    """Blue first, and two of the channels stretched."""
    intake = Intake((2, 1, 0), (0, 2), ((17.0, 203.0), (3.0, 180.0)), (0.0, 255.0))
    blend = Blend(Merge.COSINE, STRIDE, PATCH, 64)
    jobs = jobs_of(image(tmp_path / "image.tif"), bundles[1], blend, tmp_path / "blocks", intake=intake)
    plain = [replace(job, task=replace(job.task, intake=Intake((0, 1, 2)))) for job in jobs]
    files, _, _ = both(jobs, bundles[1], Engine())
    others, _, _ = both(plain, bundles[1], Engine())
    assert all(files[name] != others[name] for name in files)


def test_damage_is_left_out_in_the_same_cells(bundles: dict[int, Bundle], tmp_path: Path) -> None:
    source = image(tmp_path / "image.tif")
    with rasterio.open(source) as file:
        offset = int(file.tags(1, ns="TIFF").get("BLOCK_OFFSET_1_1") or 0)
        offset = offset or int(file.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
    data = bytearray(source.read_bytes())
    data[offset : offset + 40] = bytes(40)
    source.write_bytes(data)
    blend = Blend(Merge.COSINE, STRIDE, PATCH, 64)
    jobs = jobs_of(source, bundles[1], blend, tmp_path / "blocks")
    _, done, expected = both(jobs, bundles[1], Engine())
    assert [done[n].damage for n in range(len(jobs))] == [one.damage for one in expected]  # type: ignore[union-attr]
    assert any(one.damage for one in expected)


@pytest.mark.parametrize("kind", [DeviceBlend, HostBlend])
def test_no_numbers_cost_their_block(
    kind: type[DeviceBlend | HostBlend], bundles: dict[int, Bundle], tmp_path: Path
) -> None:
    blend = Blend(Merge.COSINE, STRIDE, PATCH, 64)
    jobs = jobs_of(image(tmp_path / "image.tif"), bundles[1], blend, tmp_path / "blocks")
    network = Engine(broken=True), bundles[1].card
    device = kind([network], jobs[0].task.intake, blend, False)  # type: ignore[list-item]
    done, files = streamed(jobs, device)
    assert all("no numbers" in str(result) for result in done.values() if isinstance(result, str))
    assert any(isinstance(result, str) for result in done.values())
    assert not files


class Counting:
    """A device that notes how many blocks it holds, and answers the first one last."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.held, self.most, self.shape = 0, 0, shape
        self._lock = threading.Lock()

    def start(self, values: np.ndarray, *_: object) -> Counting:
        with self._lock:
            self.held += 1
            self.most = max(self.most, self.held)
        return self

    seconds = 0.0

    def parts(self) -> dict[str, np.ndarray]:
        time.sleep(0.001)
        with self._lock:
            self.held -= 1
        return {"core": np.zeros(self.shape, np.uint8)}


def test_two_blocks_in_flight(bundles: dict[int, Bundle], tmp_path: Path) -> None:
    blend = Blend(Merge.COSINE, STRIDE, PATCH, 32)
    jobs = jobs_of(image(tmp_path / "image.tif"), bundles[1], blend, tmp_path / "blocks")
    device = Counting((4, 4))
    done: dict[int, BlockDone | str] = {}
    block_stream.stream_blocks(jobs, done.__setitem__, device=device)
    assert len(done) == len(jobs) > 10
    assert device.held == 0
    assert 1 <= device.most <= block_stream.IN_FLIGHT


@pytest.mark.parametrize("resolution", [None, 7.0])
def test_a_worker_is_sent_only_the_tiles_of_its_blocks(
    bundles: dict[int, Bundle], tmp_path: Path, resolution: float | None
) -> None:
    """Of 25 tiles side by side, also resampled: few are sent, and the pixels are those of all.

    As many of an elevation model of coarser pixels.
    """
    folder, heights = tmp_path / "tiles", tmp_path / "heights"
    folder.mkdir()
    heights.mkdir()
    values = np.random.default_rng(5).integers(1, 256, (3, 200, 200)).astype(np.uint8)
    relief = np.random.default_rng(6).uniform(4000, 4100, (1, 100, 100)).astype(np.float32)
    for row, column in np.ndindex(5, 5):
        for place, array, side in ((folder, values, 40), (heights, relief, 20)):
            part = array[:, row * side : (row + 1) * side, column * side : (column + 1) * side]
            moved = TRANSFORM @ Affine.translation(column * 40, row * 40) @ Affine.scale(40 / side)
            write_image(place / f"{row}{column}.tif", part, moved)
    blend = Blend(Merge.COSINE, STRIDE, PATCH, 48)
    channels = {"elevation": heights, "slope": heights}
    jobs = jobs_of(folder, bundles[1], blend, tmp_path / "blocks", resolution=resolution, channels=channels)
    most = []
    for job in jobs:
        (sent,) = block_prediction.group_for_worker([job])
        here = job.footprint.row0, job.footprint.column0, *job.footprint.shape
        for found, expected in zip(sent.task.imagery.read(*here), job.task.imagery.read(*here), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert len(sent.task.imagery.tiles) <= (16 if resolution is None else 25)
        most.append(max(len(one.layer.surface.tiles) for one in sent.task.imagery.added))
    assert min(most) <= 9
    corners = block_prediction.group_for_worker([jobs[0], jobs[-1]])
    assert len({id(job.task) for job in corners}) == 1  # pickled once
    assert len(pickle.dumps(corners)) < len(pickle.dumps((jobs[0], jobs[-1])))
    assert len(jobs[0].task.imagery.tiles) == 25


def test_a_worker_refuses_another_bundle(bundles: dict[int, Bundle], tmp_path: Path) -> None:
    blend = Blend(Merge.COSINE, STRIDE, PATCH, 64)
    jobs = jobs_of(image(tmp_path / "image.tif"), bundles[1], blend, tmp_path / "blocks")
    other = [replace(job, task=replace(job.task, digest="0" * 64)) for job in jobs]
    block_prediction.engine_of.cache_clear()
    with pytest.raises(RogiError, match="was replaced"):
        block_stream.run_group(tuple(other))


def test_a_lost_worker_costs_the_block_it_was_at(
    bundles: dict[int, Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun again, a group computes what is not there, and knows of damage in what is."""
    blend = Blend(Merge.COSINE, STRIDE, PATCH, 64)
    jobs = tuple(jobs_of(image(tmp_path / "image.tif"), bundles[1], blend, tmp_path / "blocks"))
    engine = Engine()
    monkeypatch.setattr(block_prediction, "engine_of", lambda *_: (engine, bundles[1]))
    first = block_stream.run_group(jobs)
    files = {job.path.name: arrays(job.path) for job in jobs if job.path.exists()}
    done = [number for number, job in enumerate(jobs) if job.path.exists()]
    lost, cut, damaged = (jobs[number].path for number in done[:3])
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:-30])
    with zipfile.ZipFile(damaged, "a") as archive:
        archive.writestr("damage", '{"a.tif": "a.tif is cut off."}')
    computed: list[int] = []
    infer = engine.infer

    def counted(images: torch.Tensor) -> torch.Tensor:
        computed.append(len(images))
        return infer(images)

    engine.infer = counted  # type: ignore[method-assign]
    again = block_stream.run_group(jobs)
    assert [one.windows for one in again] == [one.windows for one in first]  # type: ignore[union-attr]
    assert sum(computed) == sum(first[number].windows for number in done[:2])  # type: ignore[union-attr]
    assert [bool(one.damage) for one in again] == [n == done[2] for n in range(len(jobs))]  # type: ignore[union-attr]
    with zipfile.ZipFile(damaged) as archive:
        assert "damage" in archive.namelist()
    assert {path.name: arrays(path) for path in (lost, cut)} == {p.name: files[p.name] for p in (lost, cut)}


# ---- PyTorch from the command line


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle of a real network with random weights, with several golden patches."""
    from rogi.detection.model.bundle_writing import write_bundle
    from rogi.detection.model.network import NetworkSpec, build_network

    made = card(
        patch=64,
        stride=48,
        architecture="Unet",
        encoder="resnet18",
        encoder_depth=3,
        decoder_channels=(16, 8, 8),
    )
    images = np.random.default_rng(1).normal(size=(2, 3, PATCH, PATCH)).astype(np.float32)
    folder = tmp_path_factory.mktemp("network")
    write_bundle(folder / "unet", build_network(NetworkSpec.of(made), seed=1), made, images)
    return Bundle.load(folder / "unet")


@pytest.mark.slow
def test_torch_gives_what_onnx_runtime_gives(network: Bundle, tmp_path: Path, monkeypatch) -> None:
    """By blocks on a device (here the processor): within a level; the same bytes with two workers."""
    import sys

    from rogi import cli

    source = image(tmp_path / "image.tif")
    rasters = {}
    for name, options in {
        "onnx": ("--backend", "onnxruntime"),
        "torch": ("--backend", "torch", "--device", "cpu", "--threads", "1"),
        "two": ("--backend", "torch", "--device", "cpu", "--threads", "1", "--workers", "2", "--block", "64"),
    }.items():
        out = tmp_path / f"{name}.gpkg"
        rasters[name] = tmp_path / f"{name}.tif"
        arguments = ("detect", "predict", source, "--model", network.path, "-o", out, "--precision", "fp32",
                     "--probability", rasters[name], "--quiet", *options)  # fmt: skip
        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert not end.value.code
    levels = {}
    for name, path in rasters.items():
        with rasterio.open(path) as file:
            levels[name] = file.read(1).astype(int)
    assert np.abs(levels["torch"] - levels["onnx"]).max() <= 1
    assert (levels["torch"] == levels["two"]).all()
