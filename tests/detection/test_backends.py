"""Backends: the fastest that passes the self-test is taken; answers do not depend on threads; full memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bundles import answer, card, tiny_bundle, tiny_onnx

from rogi.detection.model import backends, engines
from rogi.detection.model.backends import disagreement, select_backend
from rogi.detection.model.bundle import Bundle, Golden
from rogi.detection.model.bundle_writing import write_files
from rogi.detection.model.engines import PRECISIONS, Backend, Plan, build_backend
from rogi.errors import MissingExtra, OptionError, RogiError

PATCH = 64


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny", patch=PATCH, stride=48, outputs=2)


class Fake:
    """A backend that gives the golden answer, and what is added to it."""

    def __init__(self, plan: Plan, golden: Golden, error: np.ndarray | float = 0.0) -> None:
        self.plan, self.batch, self._golden, self._error = plan, 1, golden, error

    def run(self, images: np.ndarray) -> np.ndarray:
        return (self._golden.expected[: len(images)] + self._error).astype(np.float32)


def plans(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let just these be installed; ``name precision``."""
    made = [Plan(*name.split()[:1], "cpu", name.split()[1], "1") for name in names]
    monkeypatch.setattr(backends, "_plans", lambda *_: made)


# ---- selection


def test_fastest_that_passes_wins(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quickest has a wrong answer, the next ones pass: of them the quicker."""
    plans(monkeypatch, "openvino bf16", "openvino fp32", "onnxruntime fp32")
    golden = bundle.golden()
    seconds = {"bf16": 0.1, "fp32": 0.3}
    monkeypatch.setattr(
        backends,
        "_seconds",
        lambda engine, _: 0.2 if engine.plan.backend == "onnxruntime" else seconds[engine.plan.precision],
    )

    def build(plan: Plan, _: Bundle) -> Backend:
        return Fake(plan, golden, 0.3 if plan.precision == "bf16" else 1e-5)

    found = select_backend(bundle, build=build)
    assert (found.plan.backend, found.plan.precision) == ("onnxruntime", "fp32")
    reasons = [trial.reason for trial in found.trials]
    assert [reason[:32] for reason in reasons] == ["its answer is off by 0.3 on aver", "", ""]
    assert "not used, its answer is off" in str(found.trials[0])
    assert "0.200 s a window" in str(found.trials[2])


def test_what_cannot_start_is_passed_over(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    plans(monkeypatch, "openvino fp32", "onnxruntime fp32")

    def build(plan: Plan, _: Bundle) -> Backend:
        if plan.backend == "openvino":
            raise RuntimeError("no such operator\nand a long trace")
        return Fake(plan, bundle.golden())

    found = select_backend(bundle, build=build)
    assert found.plan.backend == "onnxruntime"
    assert found.trials[0].reason == "no such operator"


def test_a_lower_precision_is_judged_only_where_fp32_is_right(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that is another one fails in fp32, though bf16's own limits would let it pass."""
    plans(monkeypatch, "openvino bf16")
    tried: list[str] = []

    def build(plan: Plan, _: Bundle) -> Backend:
        tried.append(plan.precision)
        return Fake(plan, bundle.golden(), 0.004)

    with pytest.raises(RogiError, match=r"bf16 on cpu: in fp32 its answer is off by 0\.004"):
        select_backend(bundle, build=build)
    assert tried == ["fp32"]


def test_labels_are_compared_at_the_threshold_in_use(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """An area that grows by a shift: by much at a threshold within the answers, by nothing beyond them."""
    plans(monkeypatch, "openvino bf16")

    def build(plan: Plan, _: Bundle) -> Backend:
        return Fake(plan, bundle.golden(), 0.008 if plan.precision == "bf16" else 0.0)

    assert select_backend(bundle, threshold=0.999, build=build).plan.precision == "bf16"
    golden = np.sort(bundle.golden().expected.ravel())
    threshold = float(golden[-len(golden) // 50])  # 2 % lie above
    with pytest.raises(RogiError, match=r"changes the area above the threshold"):
        select_backend(bundle, threshold=threshold, build=build)


def test_nothing_passes(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    plans(monkeypatch, "openvino fp32")
    with pytest.raises(RogiError, match=r"openvino fp32 on cpu: its answer is off by 0\.5"):
        select_backend(bundle, build=lambda plan, _: Fake(plan, bundle.golden(), 0.5))


def test_gates() -> None:
    """fp32: 1e-4 in a probability, or 1e-3 and 3e-4 of the spread of logits; lower: labels and areas."""
    rng = np.random.default_rng(0)
    logit = rng.normal(size=(1, 1, 200, 200))

    def given(logits: np.ndarray) -> np.ndarray:
        return (1 / (1 + np.exp(-logits))).astype(np.float32)

    expected = given(logit)
    noise = rng.normal(size=logit.shape)
    for share, fp32, lower in (
        (2e-4, True, True),
        (8e-4, False, True),
        (0.08, False, True),
        (0.15, False, False),
    ):
        found = given(logit + share * noise)
        assert (not disagreement(found, expected, "fp32", 0.5)) is fp32, share
        for precision in ("tf32", "bf16"):
            assert (not disagreement(found, expected, precision, 0.5)) is lower, share
    flat = np.full_like(expected, 0.05)  # of a network that has learnt nothing: nobody sees what differs
    assert not disagreement(flat + np.float32(0.009), flat, "bf16", 0.5)
    assert "0.021 on average" in disagreement(flat + np.float32(0.021), flat, "bf16", 0.5)
    assert not disagreement(flat + np.float32(9e-5), flat, "fp32", 0.5)
    assert disagreement(flat + np.float32(2e-4), flat, "fp32", 0.5)
    one = expected.copy()
    one[0, 0, 0, 0] += 0.0011
    assert disagreement(one, expected, "fp32", 0.5).startswith("its answer is off by 0.0011")
    # 0.6 % of the labels turn that are 0.06 off the threshold; 0.6 % that are 0.04 off do no harm
    for off, passes in ((0.06, False), (0.04, True)):
        flat = np.where(rng.random(logit.shape) < 0.5, 0.2, 0.9)
        flat[0, 0, 0, :] = flat[0, 0, 1, :40] = 0.5
        flat.ravel()[:240] = 0.5 + off
        turned = flat.copy()
        turned.ravel()[:240] = 0.499
        answer_ = disagreement(turned.astype(np.float32), flat.astype(np.float32), "bf16", 0.5)
        assert (answer_ == "") is passes
        assert passes or answer_.startswith("it turns 0.6 % of the labels")
    assert "shape" in disagreement(expected[:, :, :5], expected, "fp32", 0.5)
    for precision in PRECISIONS:
        assert disagreement(np.full_like(expected, np.nan), expected, precision, 0.5)
        assert not disagreement(expected, expected, precision, 0.5)


def test_batch_of_a_gpu_is_the_least_beyond_which_nothing_is_won(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "_plans", lambda *_: [Plan("torch", "cuda", "fp32", "1")])
    for seconds, expected in (
        ({8: 1.0, 16: 0.9, 32: 0.89, 64: 0.1}, 16),
        ({8: 1.0, 16: 0.5, 32: 0.4, 64: 0.3}, 64),
    ):
        monkeypatch.setattr(backends, "_seconds", lambda engine, _, s=seconds: s[engine.batch])

        def build(plan: Plan, _: Bundle) -> Backend:
            engine = Fake(plan, bundle.golden())
            engine.batch = plan.batch
            return engine

        assert select_backend(bundle, build=build).plan.batch == expected
        assert select_backend(bundle, build=build, batch=3).plan.batch == 3


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"device": "gpu"}, "--device is auto, cpu, cuda or mps"),
        ({"precision": "int8"}, "--precision is auto, fp32, tf32 or bf16"),
        ({"backend": "tensorflow"}, "--backend is auto, openvino, onnxruntime or torch"),
        ({"threads": 0}, "--threads is at least 1"),
        ({"batch": 0}, "--batch is at least 1"),
        ({"backend": "onnxruntime", "precision": "bf16"}, "bf16 needs --backend openvino"),
        ({"backend": "openvino", "device": "cuda"}, "needs --backend torch"),
    ],
)
def test_choices_that_cannot_be(bundle: Bundle, choice: dict[str, str | int], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        select_backend(bundle, **choice)  # type: ignore[arg-type]


def test_missing_libraries_are_named(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any: both extras' names; of one that was asked for: its own."""

    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(engines, "import_module", missing)
    monkeypatch.setattr(backends, "import_module", missing)
    monkeypatch.setattr(backends, "_version", lambda _: None)
    with pytest.raises(MissingExtra, match=r"rogi-toolkit\[detect\]"):
        select_backend(bundle)
    for backend, extra in (("openvino", "detect"), ("onnxruntime", "detect"), ("torch", "train")):
        with pytest.raises(MissingExtra, match=rf"--backend {backend} .*rogi-toolkit\[{extra}\]"):
            select_backend(bundle, backend=backend)
    for device, more in (("cuda", r"\[detect-gpu\].*"), ("mps", "")):
        with pytest.raises(MissingExtra, match=rf"^--device {device} needs PyTorch, .*{more} or leave"):
            select_backend(bundle, device=device)


@pytest.mark.parametrize(
    ("cuda", "message"),
    [(None, "(2.9.0) was built without CUDA"), ("12.8", "2.9.0 finds no CUDA GPU here; see with nvidia-smi")],
)
def test_a_gpu_that_is_not_there(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, cuda: str | None, message: str
) -> None:
    """What is missing, the build or the GPU, and what to do; nothing of --backend, which was not given."""
    away = SimpleNamespace(is_available=lambda: False)
    torch = SimpleNamespace(
        __version__="2.9.0", version=SimpleNamespace(cuda=cuda, hip=None), cuda=away,
        backends=SimpleNamespace(mps=away), get_available_providers=list,
    )  # fmt: skip
    monkeypatch.setattr(backends, "_version", lambda _: torch.__version__)
    monkeypatch.setattr(backends, "library", lambda _: torch)
    for backend in ("auto", "torch"):
        with pytest.raises(OptionError) as error:
            select_backend(bundle, device="cuda", backend=backend)
        assert message in str(error.value)
        assert "--backend" not in str(error.value)
        assert "leave --device out" in str(error.value)


def test_a_cpu_without_bf16(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        def get_property(self, *_: str) -> list[str]:
            return ["FP32", "INT8"]

    class Library:
        __version__ = "2026.1"

    Library.Core = Core  # type: ignore[attr-defined]
    monkeypatch.setattr(backends, "library", lambda _: Library)
    with pytest.raises(OptionError, match="no bf16"):
        select_backend(bundle, precision="bf16", backend="openvino", device="cpu")


class Session:
    """ONNX Runtime with a GPU, or with a provider that is listed and does not start."""

    def __init__(self, runtime: CudaRuntime, providers: list[object]) -> None:
        self.runtime, self._asked = runtime, providers

    def get_providers(self) -> list[str]:
        named = [one if isinstance(one, str) else one[0] for one in self._asked]  # type: ignore[index]
        return named if self.runtime.works else named[1:]

    def get_inputs(self) -> list[object]:
        return [SimpleNamespace(name="image")]

    def run(self, _: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
        images = given["image"]
        self.runtime.sizes.append(len(images))
        if len(images) > self.runtime.most:
            raise RuntimeError("Failed to allocate memory for requested buffer of size 8")
        return [answer(images, 2)]


class CudaRuntime:
    """The module of onnxruntime-gpu."""

    __version__ = "1.99"
    GraphOptimizationLevel = SimpleNamespace(ORT_ENABLE_ALL=99)

    def __init__(self, works: bool = True, most: int = 1000) -> None:
        self.works, self.most, self.sizes, self.settings = works, most, [], []  # type: ignore[var-annotated]

    def SessionOptions(self) -> SimpleNamespace:
        return SimpleNamespace()

    def get_available_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def InferenceSession(self, _: bytes, __: object, providers: list[object]) -> Session:
        self.settings.append(providers[0][1])  # type: ignore[index]
        return Session(self, providers)


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> CudaRuntime:
    """ONNX Runtime for CUDA is installed, PyTorch and OpenVINO are not."""
    found = CudaRuntime()
    for module in (backends, engines):
        monkeypatch.setattr(module, "library", lambda name: found)
    monkeypatch.setattr(backends, "_installed", lambda name: name == "onnxruntime")
    monkeypatch.setattr(backends, "_version", lambda _: None)
    return found


def test_onnx_runtime_takes_a_gpu(bundle: Bundle, runtime: CudaRuntime) -> None:
    """It is named, passes the self-test, pads batches, and computes in TF32 only where that is asked for."""
    for precision, tf32 in (("fp32", "0"), ("tf32", "1")):
        selection = select_backend(bundle, device="cuda", precision=precision, batch=4)
        assert str(selection.plan) == f"onnxruntime 1.99 {precision} on cuda, 4 windows at a time"
        assert runtime.settings[-1]["use_tf32"] == tf32
        assert set(runtime.sizes) == {4}
    golden = bundle.golden()
    runtime.most = 3
    engine = engines.build_backend(Plan("onnxruntime", "cuda", "fp32", batch=8), bundle)
    np.testing.assert_allclose(
        engine.run(np.repeat(golden.input, 5, axis=0)), np.repeat(golden.expected, 5, axis=0)
    )
    assert engine.batch == 2
    assert len(engine.notes) == 2  # type: ignore[attr-defined]


def test_onnx_runtime_that_does_not_start_leaves_the_cpu(
    bundle: Bundle, runtime: CudaRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider is listed wherever the package is installed; what fails is told, and the CPU is taken."""
    runtime.works = False

    def build(plan: Plan, of: Bundle) -> Backend:
        return engines.build_backend(plan, of) if plan.device == "cuda" else Fake(plan, of.golden())

    selection = select_backend(bundle, build=build)
    assert selection.plan.device == "cpu"
    assert all("found no GPU" in trial.reason for trial in selection.trials if trial.plan.device == "cuda")
    assert {trial.plan.device for trial in selection.trials} == {"cuda", "cpu"}
    with pytest.raises(RogiError, match="found no GPU"):
        select_backend(bundle, build=build, device="cuda")


# ---- the real ones


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_answers_are_right_and_independent_of_threads(bundle: Bundle, backend: str) -> None:
    """Against the closed form of the tiny network; the same bytes whatever the threads and the batch."""
    pytest.importorskip(backend)
    images = np.random.default_rng(5).normal(size=(5, 3, PATCH, PATCH)).astype(np.float32)
    plan = select_backend(bundle, backend=backend, precision="fp32", device="cpu", threads=1).plan
    answers = []
    for threads in (1, 2):
        engine = build_backend(replace(plan, threads=threads), bundle)
        answers.append(engine.run(images).tobytes())
        answers.append(np.concatenate([engine.run(image[None]) for image in images]).tobytes())
    assert len(set(answers)) == 1
    found = np.frombuffer(answers[0], np.float32).reshape(5, 2, PATCH, PATCH)
    np.testing.assert_allclose(found, answer(images, 2), atol=2e-6)
    assert np.nextafter(np.float64(0), np.float64(1)) > 0  # the caller's arithmetic is as it was


def test_torch_gives_the_network_of_the_card(tmp_path: Path) -> None:
    """PyTorch on the CPU, from weights and card: the golden answer is that of the network itself."""
    torch = pytest.importorskip("torch")
    from rogi.detection.model.export import probability
    from rogi.detection.model.network import NetworkSpec, build_network

    made = card(
        patch=PATCH,
        stride=48,
        architecture="Unet",
        encoder="resnet18",
        encoder_depth=3,
        decoder_channels=(16, 8, 8),
    )
    network = build_network(NetworkSpec.of(made), seed=1)
    images = np.random.default_rng(1).normal(size=(2, 3, PATCH, PATCH)).astype(np.float32)
    weights = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    write_files(
        tmp_path / "unet", made, onnx=tiny_onnx(3, 1, PATCH, 5, 3.0)[0], weights=weights,
        golden=Golden(images, probability(network, images)),
    )  # fmt: skip
    bundle = Bundle.load(tmp_path / "unet")
    threads = torch.get_num_threads()
    try:
        found = select_backend(bundle, backend="torch", device="cpu", precision="fp32", threads=1)
    finally:
        torch.set_num_threads(threads)
    assert (found.plan.backend, found.plan.device, found.trials[0].reason) == ("torch", "cpu", "")
    # Its ONNX model is another network: the self-test finds that out.
    with pytest.raises(RogiError, match="its answer is off by"):
        select_backend(bundle, backend="onnxruntime")


# ---- full memory

pytest.importorskip("torch")

from rogi.detection.model.engines import in_batches  # noqa: E402
from rogi.detection.model.torch_engine import Torch, claim  # noqa: E402


class Full(Exception):
    pass


def test_full_memory_halves_the_batch() -> None:
    """A device that holds three images: eight at a time become four, then two, and nothing is lost."""
    sizes: list[int] = []

    def forward(images: np.ndarray, batch: int) -> np.ndarray:
        sizes.append(batch)
        if batch > 3:
            raise Full
        return images * 2

    images = np.arange(19, dtype=np.float32).reshape(19, 1, 1, 1)
    found, batch, notes = in_batches(
        forward, images, 8, lambda error: isinstance(error, Full), np.concatenate
    )
    np.testing.assert_array_equal(found, images * 2)
    assert batch == 2
    assert sizes[:3] == [8, 4, 2]
    assert [note.partition(" for ")[2] for note in notes] == [
        "8 windows at a time; going on with 4.",
        "4 windows at a time; going on with 2.",
    ]


def test_memory_for_not_even_one() -> None:
    def forward(*_: object) -> np.ndarray:
        raise Full

    with pytest.raises(RogiError, match="--device cpu"):
        in_batches(
            forward, np.zeros((3, 1, 1, 1), np.float32), 2, lambda error: isinstance(error, Full), list
        )


def test_other_errors_of_a_device_are_not_taken_for_full_memory() -> None:
    def forward(*_: object) -> np.ndarray:
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        in_batches(
            forward, np.zeros((3, 1, 1, 1), np.float32), 2, lambda error: isinstance(error, Full), list
        )


def test_torch_knows_full_memory(bundle: Bundle) -> None:
    """CUDA and CPUs have a class of error for it, Apple's GPUs a sentence."""
    import torch

    engine = Torch.__new__(Torch)
    engine.plan = Plan("torch", "cpu", "fp32")
    assert engine._is_full(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert engine._is_full(RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"))
    assert engine._is_full(MemoryError())
    assert not engine._is_full(RuntimeError("shape mismatch"))


# ---- several GPUs


def test_each_process_claims_a_gpu_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks on two devices: taken in order, shared when all are taken, free again when their holder ends."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second, third = claim("ab"), claim("ab"), claim("ab")
    assert (first[0], second[0]) == (0, 1)
    assert third[0] in (0, 1)
    assert third[1] is None
    assert first[1] is not None
    first[1].close()
    assert claim("ab")[0] == 0
