"""Where a network is trained, and in which numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from rogi.detection.training.settings import Precision
from rogi.errors import OptionError

if TYPE_CHECKING:
    import torch


def find_device(name: str) -> torch.device:
    """The device of a name; ``auto`` is an accelerator if torch finds one, else the CPU.

    Raises
    ------
    OptionError
        There is no such device.
    """
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise OptionError(f"--device is auto, cpu, cuda or cuda:1 and the like, found {name!r}.") from None
    if device.type == "cpu":
        return device
    count = torch.accelerator.device_count() if accelerator is not None else 0
    if accelerator is None or accelerator.type != device.type or (device.index or 0) >= count:
        there = "only a CPU" if accelerator is None else f"{count} x {accelerator.type}"
        raise OptionError(f"There is no device {name}: torch finds {there}. Take --device auto or cpu.")
    return device


def find_precision(wanted: Precision, device: torch.device) -> Precision:
    """fp32 or bf16, by what the device computes in hardware."""
    if wanted is not Precision.AUTO:
        return wanted
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # Told by torch since 2.9; an older one is given fp32.
        tell = getattr(torch.cpu, "get_capabilities", dict)
        able = device.type == "cpu" and bool(
            {"avx512_bf16", "amx_bf16"} & {k for k, v in tell().items() if v}
        )
    return Precision.BF16 if able else Precision.FP32


@contextmanager
def exact(device: torch.device, threads: int, precision: Precision) -> Iterator[None]:
    """For the block only operations that give the same bits each time, on a GPU as far as there are such.

    Float32 is that of IEEE 754, or TF32 if that is wanted; torch takes it for convolutions by default.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    warn_before = torch.is_deterministic_algorithms_warn_only_enabled()
    switches: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    tf32_before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = precision is Precision.TF32
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Interpolation has no such backward step on a GPU.
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    if threads:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=warn_before)
        torch.set_num_threads(before[1])
        for switch, value in zip(switches, tf32_before, strict=True):
            switch.allow_tf32 = value
