"""The network of a bundle in PyTorch, for GPUs."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch

from rogi.detection.model.engines import Floats, Plan, in_batches
from rogi.detection.model.network import bundle_network, fold_batch_norms

if TYPE_CHECKING:
    from rogi.detection.model.bundle import Bundle


class Torch:
    """A network in PyTorch; where the memory of its device ends, with half as many windows at a time.

    Channels lie last in memory in fp32 and tf32, first in bf16, which is fastest for folded networks (H200,
    DeepLabv3+ with Xception71: 488 windows a second in bf16 in place of 434).

    Windows are always computed `batch` at a time, the last ones with zeros beside them: libraries choose
    their kernels by the size of a batch, and another kernel rounds otherwise.

    Attributes
    ----------
    device : torch.device
        The GPU of this process; see `claim_gpu`.
    notes : list of str
        What had to be done on the way.
    """

    def __init__(self, plan: Plan, bundle: Bundle) -> None:
        index = claim_gpu() if plan.device == "cuda" else None
        self.device = torch.device(plan.device) if index is None else torch.device(plan.device, index)
        if plan.device == "cpu":
            torch.set_num_threads(plan.threads)
        elif plan.device == "cuda":
            # The same windows, the same answer: no choice of algorithms by the clock.
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
        self.plan, self.batch = plan, plan.batch
        self.notes: list[str] = []
        self._lock = threading.Lock()
        network = bundle_network(bundle).to(self.device)
        example = torch.from_numpy(bundle.golden().input[:1]).to(self.device)
        with self._precision("fp32"):
            network = fold_batch_norms(network, example)
        self._format = torch.contiguous_format if plan.precision == "bf16" else torch.channels_last
        self._network: Any = network.to(memory_format=self._format)  # type: ignore[call-overload]

    def run(self, images: Floats) -> Floats:
        """See `rogi.detection.model.engines.Backend`."""
        given = torch.from_numpy(np.require(images, requirements="W"))
        found: Floats = self.infer(given.to(self.device)).cpu().numpy()
        return found

    def infer(self, images: torch.Tensor) -> torch.Tensor:
        """Probabilities (n, k, h, w), float32, of normalised images (n, c, h, w) on the device."""
        with self._lock:
            found, self.batch, notes = in_batches(self._forward, images, self.batch, self._is_full, torch.cat)
        self.notes += notes
        probability: torch.Tensor = found
        return probability

    def _forward(self, images: torch.Tensor, batch: int) -> torch.Tensor:
        count, precision = len(images), self.plan.precision
        if count < batch:
            images = torch.cat([images, images.new_zeros((batch - count, *images.shape[1:]))])
        half = torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16")
        with torch.inference_mode(), self._precision(precision), half:
            logits = self._network(images.contiguous(memory_format=self._format))
            return torch.sigmoid(logits.float())[:count]

    @contextlib.contextmanager
    def _precision(self, name: str) -> Any:
        """Compute float32 in TF32 only where that is wanted; torch does it for convolutions by default."""
        switches: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
        before = [switch.allow_tf32 for switch in switches]
        for switch in switches:
            switch.allow_tf32 = name == "tf32"
        try:
            yield
        finally:
            for switch, value in zip(switches, before, strict=True):
                switch.allow_tf32 = value

    def _is_full(self, error: BaseException) -> bool:
        # Apple's GPUs have no class of error of their own.
        full = isinstance(error, MemoryError | torch.OutOfMemoryError) or (
            isinstance(error, RuntimeError) and "out of memory" in str(error)
        )
        if full and self.plan.device in ("cuda", "mps"):
            getattr(torch, self.plan.device).empty_cache()
        return full


_claim: tuple[int, IO[bytes] | None] | None = None


def claim_gpu() -> int:
    """The GPU of this process, one that no other process of rogi on this machine has while there is such."""
    global _claim
    if _claim is None:
        count = torch.cuda.device_count()
        _claim = claim([str(torch.cuda.get_device_properties(index).uuid) for index in range(count)])
    return _claim[0]


def release_gpu() -> None:
    """Leave the GPU of this process to others."""
    global _claim
    if _claim is not None and _claim[1] is not None:
        _claim[1].close()
    _claim = None


def claim(devices: Sequence[str]) -> tuple[int, IO[bytes] | None]:
    """The first of some devices whose lock is free, and the file that holds the lock.

    Locks lie in the folder for temporary files, one for each user and device, and end with their process
    whatever it dies of. Where none is free, devices are shared.
    """
    try:
        import fcntl
    except ImportError:  # not on every system
        return 0, None
    for index, device in enumerate(devices):
        try:
            stream = (Path(tempfile.gettempdir()) / f"rogi-{os.getuid()}-{device}.lock").open("ab")
        except OSError:
            continue
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.close()
        else:
            return index, stream
    return os.getpid() % max(len(devices), 1), None
