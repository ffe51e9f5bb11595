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

from rogi.detection.engines import (
    BACKENDS,
    DEVICES,
    PRECISIONS,
    Backend,
    Floats,
    Plan,
    build_backend,
    library,
)
from rogi.distribution import missing
from rogi.errors import MissingExtra, OptionError, RogiError

if TYPE_CHECKING:
    from rogi.detection.bundle import Bundle, Golden

TOLERANCE = 1e-3
"""Largest difference of a probability from the golden answer in fp32. Other orders of summation give some
1e-6; a wrong kernel, or another operator, gives far more."""

BF16_MEAN_TOLERANCE = 1e-2
"""Largest mean difference of probabilities in bf16, whose 8 bits put a logit off by some hundredths."""

BF16_FLIPPED = 1e-3
"""Largest share of labels that bf16 may turn. On a trained DeepLabV3+ it turns 5e-5."""

GPU_BATCH = 8
"""Windows at a time on a GPU, until memory says otherwise."""

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
    bundle: Bundle,
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
    bundle : Bundle
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
    cores = threads or usable_cores()
    plans = [
        replace(plan, threads=cores) if plan.device == "cpu" else replace(plan, batch=batch or GPU_BATCH)
        for plan in plans
    ]
    golden, level = bundle.golden(), bundle.card.threshold if threshold is None else threshold
    trials = [
        try_plan(plan, bundle, golden, level, timed=len(plans) > 1, build=build or build_backend)
        for plan in plans
    ]
    passed = [trial for trial in trials if not trial.reason]
    if not passed:
        raise RogiError(
            f"Nothing here runs {bundle.path} as its golden example says: "
            + "; ".join(f"{t.plan.backend} {t.plan.precision} on {t.plan.device}: {t.reason}" for t in trials)
            + ". Try another --backend or --precision, or export the model anew."
        )
    best = min(passed, key=lambda trial: trial.seconds or 0.0)
    return Selection(best.plan, tuple(trials))


def try_plan(
    plan: Plan,
    bundle: Bundle,
    golden: Golden,
    threshold: float,
    *,
    timed: bool,
    build: Callable[[Plan, Bundle], Backend],
) -> Trial:
    """Build a backend, let it answer the golden example, and time it."""
    try:
        engine = build(plan, bundle)
        found = _one_by_one(engine, golden.input)
    except MissingExtra:
        raise
    except (RuntimeError, RogiError, MemoryError, ValueError) as error:
        return Trial(plan, reason=_first_line(error))
    reason = disagreement(found, golden.expected, plan.precision, threshold)
    if reason or not timed:
        return Trial(plan, reason=reason)
    return Trial(plan, seconds=_seconds(engine, golden.input))


def disagreement(found: Floats, expected: Floats, precision: str, threshold: float) -> str:
    """Why an answer is not the golden one, or nothing.

    In fp32 no probability may differ by more than `TOLERANCE`; in bf16 no more than `BF16_FLIPPED` of the
    labels may turn at the threshold, and the mean difference may be `BF16_MEAN_TOLERANCE`.
    """
    if found.shape != expected.shape:
        return f"its answer has the shape {found.shape}, not {expected.shape}"
    difference = np.abs(found.astype(np.float64) - expected)
    if precision == "fp32":
        most = float(difference.max())
        return "" if most <= TOLERANCE else f"its answer is off by {most:.2g}"
    mean = float(difference.mean())
    if not mean <= BF16_MEAN_TOLERANCE:
        return f"its answer is off by {mean:.2g} on average"
    flipped = float(((found >= threshold) != (expected >= threshold)).mean())
    if flipped <= BF16_FLIPPED:
        return ""
    return f"it turns {100 * flipped:.2g} % of the labels at the threshold {threshold:g}"


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
        if not plans and device in ("cuda", "mps"):
            raise _no_gpu(device)
        if not plans and backend == "torch":
            library("torch")  # it is not installed
    if plans and device == "auto":
        return plans  # a GPU is faster by far: nothing else is tried
    if "cpu" in wanted and backend != "torch":
        plans += _cpu_plans(precision, backend)
    if not plans:
        if backend == "onnxruntime" and precision == "bf16":
            raise OptionError("ONNX Runtime computes in fp32 on a CPU; bf16 needs --backend openvino.")
        if precision == "bf16" and _installed("openvino"):
            raise OptionError("This CPU has no bf16; leave --precision out, or choose fp32.")
        if backend in ("openvino", "onnxruntime") and device in ("cuda", "mps"):
            raise OptionError(
                f"--backend {backend} runs on the CPU; --device {device} needs --backend torch."
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
        half = device == "cuda" and torch.cuda.is_bf16_supported()
        if precision in ("auto", "bf16") and (half or precision == "bf16"):
            plans.append(Plan("torch", device, "bf16", str(torch.__version__)))
        if precision in ("auto", "fp32"):
            plans.append(Plan("torch", device, "fp32", str(torch.__version__)))
    return plans


def _no_gpu(device: str) -> RogiError:
    """Why there is no such GPU, and what to do."""
    otherwise = "or leave --device out to predict on the CPU"
    if _version("torch") is None:
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
