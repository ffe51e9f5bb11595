"""The state of a training on disk, in one file that is written whole or not at all.

Tensors (network, optimiser, random state, best network so far) in the format of safetensors, and counters as
JSON in its header: nothing that can run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import safetensors.numpy
import torch

from rogi.detection.model.bundle import read_tensors
from rogi.errors import InputError
from rogi.files import replacing

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.optim import Optimizer

FORMAT: Final = 1
NAME: Final = "checkpoint.safetensors"
_KEY: Final = "rogi"
_LARGEST_HEADER: Final = 100 * 2**20  # as the library of safetensors has it


@dataclass(frozen=True)
class Checkpoint:
    """What was read.

    Attributes
    ----------
    tensors : mapping
        By name: ``network/…``, ``best/…``, ``optimizer/NUMBER/…``, ``random/cpu``, ``random/device``.
    counters : mapping
        Plain values.
    """

    tensors: Mapping[str, npt.NDArray[Any]]
    counters: Mapping[str, Any]

    def part(self, prefix: str) -> dict[str, npt.NDArray[Any]]:
        """Tensors below a prefix."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


def write_checkpoint(
    path: Path,
    network: nn.Module,
    optimizer: Optimizer,
    best: Mapping[str, torch.Tensor],
    counters: Mapping[str, Any],
) -> None:
    """Write the state of a training; on an error, or when the process dies, the file is what it was.

    Parameters
    ----------
    path : Path
    network, optimizer
    best : mapping
        State of the best network so far; empty before the first.
    counters : mapping
        What JSON can hold.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    device = next(network.parameters()).device
    state: dict[str, torch.Tensor] = {"random/cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["random/device"] = torch.cuda.get_rng_state(device)
    state |= {f"network/{name}": tensor for name, tensor in network.state_dict().items()}
    state |= {f"best/{name}": tensor for name, tensor in best.items()}
    for number, values in optimizer.state_dict()["state"].items():
        state |= {
            f"optimizer/{number}/{name}": torch.as_tensor(value)
            for name, value in values.items()
            if value is not None
        }
    arrays = {name: np.asarray(tensor.detach().cpu().numpy(), order="C") for name, tensor in state.items()}
    header = {_KEY: json.dumps({"format": FORMAT, **counters}, allow_nan=True)}
    with replacing(path, state=True) as temporary:
        safetensors.numpy.save_file(arrays, str(temporary), metadata=header)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what `write_checkpoint` wrote.

    Raises
    ------
    InputError
        There is none, or it is something else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"There is no checkpoint {path} ({error.strerror}); start without --resume."
        ) from None
    tensors = read_tensors(data, path)
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + min(length, _LARGEST_HEADER)])
        counters = json.loads(header["__metadata__"][_KEY])
        version = counters.pop("format")
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise InputError(f"{path} is no checkpoint of rogi; start without --resume.") from error
    if version != FORMAT:
        raise InputError(
            f"{path} is a checkpoint of format {version!r}, this version of rogi reads {FORMAT}; start "
            "without --resume."
        )
    return Checkpoint(tensors, counters)


def restore(checkpoint: Checkpoint, network: nn.Module, optimizer: Optimizer) -> dict[str, torch.Tensor]:
    """Put network, optimiser and random state back as they were; gives the best network so far.

    Raises
    ------
    InputError
        It is the state of another network.
    """
    device = next(network.parameters()).device
    saved = {name: torch.from_numpy(array.copy()) for name, array in checkpoint.part("network/").items()}
    try:
        network.load_state_dict(saved)
    except RuntimeError as error:
        raise InputError(
            f"The checkpoint is of another network ({error}); start without --resume."
        ) from error
    state: dict[int, dict[str, torch.Tensor]] = {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for name, array in checkpoint.part("optimizer/").items():
        number, _, key = name.partition("/")
        value = torch.from_numpy(array.copy())
        if value.ndim == 4:
            # The order of numbers in memory decides in what order they are added.
            value = torch.empty_like(parameters[int(number)], device="cpu").copy_(value)
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(torch.from_numpy(checkpoint.tensors["random/cpu"].copy()))
    if device.type == "cuda" and "random/device" in checkpoint.tensors:
        torch.cuda.set_rng_state(torch.from_numpy(checkpoint.tensors["random/device"].copy()), device)
    return {name: torch.from_numpy(array.copy()) for name, array in checkpoint.part("best/").items()}
