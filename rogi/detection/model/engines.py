"""Libraries that run a network: OpenVINO and ONNX Runtime on a CPU, PyTorch and ONNX Runtime on a GPU.

On a CPU each window is computed alone and by one thread, several of them side by side: this is no slower than
many threads on one window, and what a window gives depends neither on the number of threads nor on the
windows beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rogi.distribution import missing
from rogi.errors import RogiError
from rogi.text import counted

if TYPE_CHECKING:
    from rogi.detection.model.bundle import Bundle

Floats = NDArray[np.float32]

BACKENDS = ("openvino", "onnxruntime", "torch")
DEVICES = ("cpu", "cuda", "mps")
CUDA_PROVIDER = "CUDAExecutionProvider"
PRECISIONS = ("fp32", "tf32", "bf16")
"""``fp32`` is that of IEEE 754 on every device; ``tf32`` keeps 10 bits of its fraction, in the matrix units
of NVIDIA's GPUs since Ampere; ``bf16`` keeps 7."""


class Backend(Protocol):
    """A network ready to run.

    Attributes
    ----------
    plan : Plan
        What it is.
    batch : int
        Windows it is best given at a time.
    """

    plan: Plan
    batch: int

    def run(self, images: Floats) -> Floats:
        """Probabilities (n, k, patch, patch) of normalised images (n, c, patch, patch); safe in threads."""


@dataclass(frozen=True)
class Plan:
    """A way to run a network.

    Attributes
    ----------
    backend : str
        Of `BACKENDS`.
    device : str
        Of `DEVICES`.
    precision : str
        Of `PRECISIONS`.
    version : str
        Of the library: another may round otherwise.
    threads : int
        Windows computed side by side on a CPU.
    batch : int
        Windows at a time on a GPU.
    """

    backend: str
    device: str
    precision: str
    version: str = ""
    threads: int = 1
    batch: int = 1

    def __str__(self) -> str:
        if self.device == "cpu":
            at_a_time = counted(self.threads, "thread")
        else:
            at_a_time = f"{counted(self.batch, 'window')} at a time"
        return f"{self.backend} {self.version} {self.precision} on {self.device}, {at_a_time}"

    @property
    def identity(self) -> tuple[str | int, ...]:
        """What results may depend on; on a GPU also the batch, by which libraries choose kernels."""
        batch = () if self.device == "cpu" else (self.batch,)
        return self.backend, self.version, self.device, self.precision, *batch


def build_backend(plan: Plan, bundle: Bundle) -> Backend:
    """A network ready to run.

    Raises
    ------
    MissingExtra
        Its library is not installed.
    """
    if plan.backend == "torch":
        library("torch")
        engine: Backend = import_module("rogi.detection.model.torch_engine").Torch(plan, bundle)
        return engine
    if plan.device == "cuda":
        return OnnxRuntimeCuda(plan, bundle)
    kinds: dict[str, Callable[[Plan, Bundle], Backend]] = {
        "openvino": OpenVino,
        "onnxruntime": OnnxRuntime,
    }
    return kinds[plan.backend](plan, bundle)


class OpenVino:
    """The ONNX model in OpenVINO on the CPU: a stream of one thread for each window side by side."""

    def __init__(self, plan: Plan, bundle: Bundle) -> None:
        openvino = library("openvino")
        card = bundle.card
        core = openvino.Core()
        model = core.read_model(bundle.onnx_bytes())
        model.reshape([1, len(card.channels), card.patch, card.patch])
        self._compiled = core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[plan.precision],
                "NUM_STREAMS": plan.threads,
                "INFERENCE_NUM_THREADS": plan.threads,
                # Several processes, each of which believes the first cores to be its own, would share them.
                "ENABLE_CPU_PINNING": False,
            },
        )
        self.plan, self.batch = plan, 1
        self._local = threading.local()

    def run(self, images: Floats) -> Floats:
        """See `Backend`."""
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        return np.concatenate(
            [
                np.array(request.infer([image[None]], share_inputs=True, share_outputs=True)[0])
                for image in images
            ]
        )


class OnnxRuntime:
    """The ONNX model in ONNX Runtime on the CPU, one thread for each call."""

    def __init__(self, plan: Plan, bundle: Bundle) -> None:
        runtime = library("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what fails is raised
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Numbers below 1e-38, which a network may be full of, cost a hundred times as much as others. The
        # setting stays with the thread that makes or runs the session, so that must be one of our own.
        self._threads = ThreadPoolExecutor(plan.threads, thread_name_prefix="onnxruntime")
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        options.add_free_dimension_override_by_name("n", 1)
        self._session = self._threads.submit(
            runtime.InferenceSession, bundle.onnx_bytes(), options, providers=["CPUExecutionProvider"]
        ).result()
        self._input = self._session.get_inputs()[0].name
        self.plan, self.batch = plan, 1

    def run(self, images: Floats) -> Floats:
        """See `Backend`."""
        return self._threads.submit(self._run, images).result()

    def _run(self, images: Floats) -> Floats:
        return np.concatenate([self._session.run(None, {self._input: image[None]})[0] for image in images])


class OnnxRuntimeCuda:
    """The ONNX model in ONNX Runtime on a GPU of NVIDIA, the first that the process sees.

    Windows are computed `batch` at a time, the last ones with zeros beside them, as in PyTorch.

    Attributes
    ----------
    notes : list of str
        What had to be done on the way.

    References
    ----------
    https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
    """

    def __init__(self, plan: Plan, bundle: Bundle) -> None:
        runtime = library("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4  # what fails is raised
        options.use_deterministic_compute = True
        settings = {
            "use_tf32": str(int(plan.precision == "tf32")),
            "cudnn_conv_algo_search": "HEURISTIC",  # not by the clock: the same windows, the same answer
        }
        self._session = runtime.InferenceSession(
            bundle.onnx_bytes(), options, providers=[(CUDA_PROVIDER, settings), "CPUExecutionProvider"]
        )
        if CUDA_PROVIDER not in self._session.get_providers():
            # It goes on with the CPU without a word where CUDA, cuDNN or a GPU are missing.
            raise RogiError("ONNX Runtime found no GPU, or not the CUDA and cuDNN it was built for")
        self._input = self._session.get_inputs()[0].name
        self.plan, self.batch = plan, plan.batch
        self.notes: list[str] = []
        self._lock = threading.Lock()

    def run(self, images: Floats) -> Floats:
        """See `Backend`."""
        with self._lock:
            found, self.batch, notes = in_batches(self._forward, images, self.batch, _is_full, np.concatenate)
        self.notes += notes
        probability: Floats = found
        return probability

    def _forward(self, images: Floats, batch: int) -> Floats:
        count = len(images)
        if count < batch:
            images = np.concatenate([images, np.zeros((batch - count, *images.shape[1:]), np.float32)])
        found: Floats = self._session.run(None, {self._input: images})[0][:count]
        return found


def _is_full(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "Failed to allocate memory" in str(error)


def in_batches(
    forward: Callable[[Any, int], Any],
    images: Any,
    batch: int,
    is_full: Callable[[BaseException], bool],
    join: Callable[[list[Any]], Any],
) -> tuple[Any, int, list[str]]:
    """Run images some at a time; where memory does not suffice, half as many.

    Parameters
    ----------
    forward : callable
        Of images and the number that is computed at a time.
    images : array or tensor of float32, shape (n, c, h, w)
    batch : int
        Images at a time.
    is_full : callable
        Whether an error means that memory did not suffice.
    join : callable
        Puts answers one after another.

    Returns
    -------
    found : array or tensor of float32, shape (n, k, h, w)
    batch : int
        Images at a time that memory sufficed for.
    notes : list of str

    Raises
    ------
    RogiError
        It does not suffice for one.
    """
    found: list[Any] = []
    notes: list[str] = []
    start = 0
    while start < len(images):
        try:
            found.append(forward(images[start : start + batch], batch))
        except Exception as error:
            if not is_full(error):
                raise
            if batch == 1:
                raise RogiError(
                    "The memory of the device does not suffice for one window; use --device cpu, or a model "
                    "with a smaller encoder."
                ) from error
            notes.append(
                f"The memory of the device does not suffice for {batch} windows at a time; going on with "
                f"{batch // 2}."
            )
            batch //= 2
        else:
            start += batch
    return join(found), batch, notes


def library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        title = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "torch": "PyTorch"}[name]
        extra = "train" if name == "torch" else "detect"
        raise missing(f"--backend {name} needs {title}", extra) from None
