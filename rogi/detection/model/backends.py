"""Which backend runs a network here: the fastest of those that pass the self-test of its bundle."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import import_module, metadata
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rogi.detection.model.bundle import WEIGHTS
from rogi.detection.model.engines import (
    BACKENDS,
    CUDA_PROVIDER,
    DEVICES,
    PRECISIONS,
    Backend,
    Floats,
    Plan,
    build_backend,
    library,
)
from rogi.detection.model.onnx_limits import limited_memory
from rogi.distribution import install, missing
from rogi.errors import MissingExtra, OptionError, RogiError

if TYPE_CHECKING:
    from rogi.detection.model.bundle import Bundle

TOLERANCE = 1e-3
"""Largest difference of a probability from the golden answer in fp32. Other orders of summation give some
1e-5; a wrong kernel, or another operator, gives far more."""

NEGLIGIBLE = 1e-4
"""Difference of a probability in fp32 that is always right."""

NOISE = 3e-4
"""Largest root mean square difference of logits in fp32, as a share of their standard deviation, where a
probability is off by more than `NEGLIGIBLE`. TF32, which is not fp32, gives 8e-4 and more."""

SATURATED = 1e-3
"""Probabilities nearer to 0 or 1 count as this near: beyond, logits show only how float32 rounds."""

MEAN = 0.02
"""Largest mean difference of probabilities in a lower precision: twice what random weights give."""

CLEAR = 0.05
"""Distance of a golden probability from the threshold from which on its label may not turn."""

CLEAR_FLIPPED = 5e-3
"""Largest share of labels that a lower precision may turn all the same."""

AREA_CHANGE, AREA_FLOOR = 0.1, 0.01
"""Largest change of the area above the threshold in a lower precision, as a share of that area; an area of
less than this share of the pixels counts as that much."""

GPU_BATCHES = (8, 16, 32, 64)
"""Windows at a time on a GPU that are tried."""

FASTER = 0.97
"""Share of the time that a larger batch must be within to be taken."""

TF32_SINCE = (8, 0)
"""Compute capability of the first GPUs with TF32."""

TIMED_RUNS = 2
"""Runs of the golden example that are timed, after one that is not; the shortest counts."""


@dataclass(frozen=True)
class Trial:
    """How a plan did in the self-test.

    Attributes
    ----------
    plan : Plan
    seconds : float or None
        Per window, all threads at work; None if it was not timed, or failed.
    reason : str
        Why it failed, else nothing.
    """

    plan: Plan
    seconds: float | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"{self.plan}: not used, {self.reason}"
        return f"{self.plan}" + (f": {self.seconds:.3f} s a window" if self.seconds is not None else "")


@dataclass(frozen=True)
class Selection:
    """The plan that was chosen, and how all that were tried did."""

    plan: Plan
    trials: tuple[Trial, ...]


def select_backend(
    bundle: Bundle | tuple[Bundle, ...],
    *,
    device: str = "auto",
    precision: str = "auto",
    backend: str = "auto",
    threads: int | None = None,
    batch: int | None = None,
    threshold: float | None = None,
    build: Callable[[Plan, Bundle], Backend] | None = None,
) -> Selection:
    """Try what is installed on the bundle's golden example, and take the fastest that passes.

    Parameters
    ----------
    bundle : Bundle or tuple of Bundle
        Of several the first is timed, and all must pass.
    device, precision, backend : str
        ``auto``, or one of `DEVICES`, `PRECISIONS` and `BACKENDS`.
    threads : int, optional
        On a CPU; by default all cores this process may use.
    batch : int, optional
        Windows at a time on a GPU; a CPU takes one per thread.
    threshold : float, optional
        At which labels are compared; by default the model's own.
    build : callable, optional
        In place of `build_backend`.

    Raises
    ------
    OptionError
        An unknown choice, or one that this machine does not have.
    MissingExtra
        Nothing that could run the network is installed.
    RogiError
        Nothing passes the self-test.
    """
    _check_choice("--device", device, DEVICES)
    _check_choice("--precision", precision, PRECISIONS)
    _check_choice("--backend", backend, BACKENDS)
    if threads is not None and threads < 1:
        raise OptionError(f"--threads is at least 1, found {threads}.")
    if batch is not None and batch < 1:
        raise OptionError(f"--batch is at least 1, found {batch}.")
    plans = _plans(device, precision, backend)
    members = bundle if isinstance(bundle, tuple) else (bundle,)
    if backend == "auto" and any(WEIGHTS not in one.sums for one in members):  # PyTorch needs them
        able = [plan for plan in plans if plan.backend != "torch"]
        plans = able or _plans(device, precision, "onnxruntime")
    cores = threads or usable_cores()
    plans = [
        replace(plan, threads=cores) if plan.device == "cpu" else replace(plan, batch=batch or GPU_BATCHES[0])
        for plan in plans
    ]
    first, *others = members
    tests = [
        SelfTest(one, one.card.threshold if threshold is None else threshold, build or build_backend)
        for one in (first, *others)
    ]
    trials = [
        tests[0](plan, timed=len(plans) > 1 or (plan.device != "cpu" and batch is None)) for plan in plans
    ]
    for one, test in zip(others, tests[1:], strict=True):
        for number, trial in enumerate(trials):
            if not trial.reason and (reason := test(trial.plan).reason):
                trials[number] = Trial(trial.plan, reason=f"with {one.path.name} {reason}")
    passed = [trial for trial in trials if not trial.reason]
    if not passed:
        raise RogiError(
            f"Nothing here runs {first.path} as its golden example says: "
            + "; ".join(f"{t.plan.backend} {t.plan.precision} on {t.plan.device}: {t.reason}" for t in trials)
            + ". Try another --backend or --precision, or export the model anew."
        )
    best = min(passed, key=lambda trial: trial.seconds or 0.0)
    return Selection(best.plan, tuple(trials))


class SelfTest:
    """Plans against the golden example of a bundle.

    A lower precision is judged by what a user gets. It is tried only where fp32 of the same library and
    device gives the golden answer, which shows that the network itself is right.

    Parameters
    ----------
    bundle : Bundle
    threshold : float
        At which labels are compared.
    build : callable
        See `build_backend`.
    """

    def __init__(
        self, bundle: Bundle, threshold: float, build: Callable[[Plan, Bundle], Backend] = build_backend
    ) -> None:
        self._bundle, self._threshold, self._build = bundle, threshold, build
        self._golden = bundle.golden()
        self._sound: dict[tuple[str, str], Trial] = {}

    def __call__(self, plan: Plan, *, timed: bool = False) -> Trial:
        """Build a backend, let it answer the golden example, and time it.

        Raises
        ------
        MissingExtra
            Its library is not installed.
        """
        key = plan.backend, plan.device
        if plan.precision == "fp32":
            if key not in self._sound or (timed and self._sound[key].seconds is None):
                self._sound[key] = self._try(plan, timed)
            return self._sound[key]
        if key not in self._sound:
            self._sound[key] = self._try(replace(plan, precision="fp32"), False)
        if self._sound[key].reason:
            return Trial(plan, reason=f"in fp32 {self._sound[key].reason}")
        return self._try(plan, timed)

    def _try(self, plan: Plan, timed: bool) -> Trial:
        golden = self._golden
        room = plan.threads * self._bundle.card.patch**2 if plan.device == "cpu" else None
        try:
            with limited_memory(room):
                engine = self._build(plan, self._bundle)
                found = _one_by_one(engine, golden.input)
        except Exception as error:  # onnxruntime has classes of its own
            if isinstance(error, MissingExtra):
                raise
            return Trial(plan, reason=_first_line(error))
        reason = disagreement(found, golden.expected, plan.precision, self._threshold)
        if reason or not timed:
            return Trial(plan, reason=reason)
        if plan.device == "cpu":
            return Trial(plan, seconds=_seconds(engine, golden.input))
        return _best_batch(plan, engine, golden.input)


def _best_batch(plan: Plan, engine: Backend, images: Floats) -> Trial:
    """The least of `GPU_BATCHES` beyond which nothing is won."""
    best = Trial(plan, seconds=_seconds(engine, images))
    for batch in GPU_BATCHES:
        if batch <= plan.batch:
            continue
        engine.batch = batch
        seconds = _seconds(engine, images)
        if engine.batch < batch or seconds > FASTER * (best.seconds or 0.0):
            break  # memory ended, or nothing is won
        best = Trial(replace(plan, batch=batch), seconds=seconds)
    return best


def disagreement(found: Floats, expected: Floats, precision: str, threshold: float) -> str:
    """Why an answer is not the golden one, or nothing; see `TOLERANCE`, `MEAN`, `CLEAR`, `AREA_CHANGE`."""
    if found.shape != expected.shape:
        return f"its answer has the shape {found.shape}, not {expected.shape}"
    difference = np.abs(found.astype(np.float64) - expected)
    most, mean = float(difference.max()), float(difference.mean())
    if precision == "fp32":
        sound = most <= NEGLIGIBLE or (most <= TOLERANCE and logit_noise(found, expected) <= NOISE)
        return "" if sound else f"its answer is off by {most:.2g}"
    if not mean <= MEAN:
        return f"its answer is off by {mean:.2g} on average (limit {MEAN:g})"
    labels, golden = found >= threshold, expected >= threshold
    flipped = float(((labels != golden) & (np.abs(expected - threshold) > CLEAR)).mean())
    if flipped > CLEAR_FLIPPED:
        return f"it turns {100 * flipped:.2g} % of the labels, though clear at the threshold {threshold:g}"
    area, whole = float(golden.mean()), float(labels.mean())
    if abs(whole - area) > AREA_CHANGE * max(area, AREA_FLOOR):
        return (
            f"it changes the area above the threshold {threshold:g} from {100 * area:.3g} % of the example "
            f"to {100 * whole:.3g} %"
        )
    return ""


def logit_noise(found: Floats, expected: Floats) -> float:
    """Root mean square difference of logits, as a share of the standard deviation of those expected."""

    def logits(probability: Floats) -> npt.NDArray[np.float64]:
        inside = np.clip(probability.astype(np.float64), SATURATED, 1 - SATURATED)
        logit: npt.NDArray[np.float64] = np.log(inside / (1 - inside))
        return logit

    wanted = logits(expected)
    off = float(np.sqrt(np.mean((logits(found) - wanted) ** 2)))
    return off / max(float(wanted.std()), SATURATED)


def usable_cores() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def _plans(device: str, precision: str, backend: str) -> list[Plan]:
    """Ways to run a network that fit what was asked for and what is installed, the likely fastest first."""
    wanted = [d for d in DEVICES if device in ("auto", d)]
    plans: list[Plan] = []
    if backend in ("auto", "torch") and (backend == "torch" or device != "cpu"):
        plans += _torch_plans(
            [d for d in wanted if d != "cpu"] + (["cpu"] if backend == "torch" else []), precision
        )
        plans = [plan for plan in plans if plan.device in wanted]
    if plans and device == "auto":
        return plans  # a GPU is faster by far: nothing else is tried
    if not plans and "cuda" in wanted and backend != "openvino":
        plans += _onnxruntime_cuda_plans(precision, backend)
    if not plans and device in ("cuda", "mps") and backend in ("auto", "torch"):
        raise _no_gpu(device)
    if not plans and backend == "torch":
        library("torch")  # it is not installed
    if "cpu" in wanted and backend != "torch":
        plans += _cpu_plans(precision, backend)
    if not plans:
        if backend == "onnxruntime" and precision == "bf16":
            raise OptionError("ONNX Runtime computes in fp32 on a CPU; bf16 needs --backend openvino.")
        if precision == "bf16" and _installed("openvino"):
            raise OptionError("This CPU has no bf16; leave --precision out, or choose fp32.")
        if backend in ("openvino", "onnxruntime") and device in ("cuda", "mps"):
            raise OptionError(
                f"--backend {backend} runs on the CPU here; --device {device} needs --backend torch"
                + (f", or ONNX Runtime for CUDA ({install('detect-gpu')})." if device == "cuda" else ".")
            )
        raise missing("Prediction needs OpenVINO or ONNX Runtime", "detect")
    return plans


def _cpu_plans(precision: str, backend: str) -> list[Plan]:
    plans = []
    if backend in ("auto", "openvino") and (backend == "openvino" or _installed("openvino")):
        openvino = library("openvino")
        version = str(openvino.__version__).partition("-")[0]
        if precision in ("auto", "bf16"):
            able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            plans += [Plan("openvino", "cpu", "bf16", version)] if "BF16" in able else []
        if precision in ("auto", "fp32"):
            plans.append(Plan("openvino", "cpu", "fp32", version))
    also = backend == "onnxruntime" or (backend == "auto" and _installed("onnxruntime"))
    if also and precision in ("auto", "fp32"):
        plans.append(Plan("onnxruntime", "cpu", "fp32", str(library("onnxruntime").__version__)))
    return plans


def _onnxruntime_cuda_plans(precision: str, backend: str) -> list[Plan]:
    """Only the self-test shows whether there is a GPU: with CUDA or without, the provider is listed."""
    if backend == "torch" or not _installed("onnxruntime"):
        return []
    runtime = library("onnxruntime")
    if CUDA_PROVIDER not in runtime.get_available_providers():
        return []
    version = str(runtime.__version__)
    return [
        Plan("onnxruntime", "cuda", name, version) for name in ("tf32", "fp32") if precision in ("auto", name)
    ]


def _torch_plans(devices: list[str], precision: str) -> list[Plan]:
    if not devices or _version("torch") is None:
        return []
    if "cpu" not in devices and "+cpu" in str(_version("torch")):
        return []  # a build without GPUs need not be imported, which takes seconds, to know it
    torch = library("torch")
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    plans = []
    for device in devices:
        if not there[device]:
            continue
        able = {"fp32": True, "tf32": False, "bf16": False}
        if device == "cuda":
            able["bf16"] = torch.cuda.is_bf16_supported(including_emulation=False)
            able["tf32"] = torch.cuda.get_device_capability() >= TF32_SINCE
        plans += [
            Plan("torch", device, name, str(torch.__version__))
            for name in reversed(PRECISIONS)
            if precision == name or (precision == "auto" and able[name])
        ]
    return plans


def _no_gpu(device: str) -> RogiError:
    """Why there is no such GPU, and what to do."""
    otherwise = "or leave --device out to predict on the CPU"
    if _version("torch") is None:
        if device == "cuda":
            otherwise = f"or {install('detect-gpu')}, which brings ONNX Runtime for CUDA, {otherwise}"
        return missing(f"--device {device} needs PyTorch, which is not installed", "train", otherwise)
    torch = library("torch")
    if device == "mps":
        return OptionError(f"PyTorch finds no GPU of Apple (Metal) here; take another --device, {otherwise}.")
    if torch.version.cuda is None and torch.version.hip is None:
        return OptionError(
            f"The PyTorch that is installed ({torch.__version__}) was built without CUDA; install a build "
            f"with CUDA (https://pytorch.org/get-started/locally), {otherwise}."
        )
    return OptionError(
        f"PyTorch {torch.__version__} finds no CUDA GPU here; see with nvidia-smi whether there is one and "
        f"its driver works, {otherwise}."
    )


def _one_by_one(engine: Backend, images: Floats) -> Floats:
    step = engine.batch
    return np.concatenate([engine.run(images[i : i + step]) for i in range(0, len(images), step)])


def _seconds(engine: Backend, images: Floats) -> float:
    """Seconds per window with all threads at work."""
    sides = engine.plan.threads if engine.plan.device == "cpu" else 1
    image = np.repeat(images[:1], engine.batch, axis=0)
    with ThreadPoolExecutor(sides) as pool:
        best = np.inf
        for attempt in range(1 + TIMED_RUNS):
            start = time.perf_counter()
            list(pool.map(engine.run, [image] * sides))
            if attempt:
                best = min(best, (time.perf_counter() - start) / (sides * len(image)))
    return float(best)


def _check_choice(option: str, value: str, known: tuple[str, ...]) -> None:
    if value != "auto" and value not in known:
        raise OptionError(f"{option} is auto, {', '.join(known[:-1])} or {known[-1]}, found {value!r}.")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _installed(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
