"""From a network of torch to ONNX, which runs without torch."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from rogi.distribution import missing
from rogi.errors import RogiError

if TYPE_CHECKING:
    from torch import nn

    from rogi.detection.model.card import ModelCard

OPSET: Final = 18
"""Version of ONNX's operators: the first that torch's exporter writes without converting; read by
onnxruntime since 1.14 and OpenVINO since 2023.0."""

INPUT, OUTPUT = "image", "probability"
TOLERANCE: Final = 1e-4
"""Largest difference of a probability between torch and onnxruntime, both float32."""


def check_installed() -> None:
    """Whether all that writing a model needs is there: better before a training than after.

    Raises
    ------
    MissingExtra
    """
    for name in ("torch", "onnx", "onnxscript", "onnxruntime", "safetensors"):
        if find_spec(name) is None:
            raise missing(f"Writing a model needs {name}", "train")


def to_onnx(
    network: nn.Module, example: npt.NDArray[np.float32], metadata: Mapping[str, str] | None = None
) -> bytes:
    """The network, and a sigmoid behind it, as an ONNX model whose number of images is free.

    Parameters
    ----------
    network : torch.nn.Module
        Takes images and gives logits.
    example : array of float32, (n, channels, height, width)
        Fixes all other sizes.
    metadata : mapping of str to str, optional
        Properties of the model.

    Returns
    -------
    bytes
        Input ``image``, output ``probability``; the same bytes for the same network.

    Raises
    ------
    MissingExtra
    """
    check_installed()
    import onnx
    import torch

    whole = torch.nn.Sequential(network, torch.nn.Sigmoid())
    # The exporter takes a size of 1 for one that is always 1.
    image = torch.from_numpy(np.resize(example, (2, *example.shape[1:])))
    with _evaluating(whole), _silent():
        program: Any = torch.onnx.export(
            whole,
            (image,),
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("n", min=1, max=4096)},),
            opset_version=OPSET,
            verbose=False,
        )
        buffer = io.BytesIO()
        program.save(buffer, external_data=False)
    model = onnx.load_model_from_string(buffer.getvalue())
    _forget(model)
    for name, value in (metadata or {}).items():
        model.metadata_props.add(key=name, value=value)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def calibrated(network: nn.Module, card: ModelCard) -> nn.Module:
    """The network with the logits of its first output calibrated; see `Calibration.apply`."""
    known = card.calibration
    if known is None:
        return network
    import torch

    softplus = torch.nn.functional.softplus
    low, high, shift = known.low, known.high, known.shift

    class Calibrated(torch.nn.Module):
        """A network whose logits are calibrated."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            """Logits."""
            found = self.network(images)
            first = found[:, :1].float()
            first = shift - low * softplus(-first) + high * softplus(first)
            return torch.cat([first, found[:, 1:].float()], dim=1) if found.shape[1] > 1 else first

    return Calibrated().eval()


def probability(network: nn.Module, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Output of the network after the sigmoid, on the CPU in float32, (n, outputs, height, width)."""
    import torch

    with _evaluating(network), torch.inference_mode():
        found = [torch.sigmoid(network(torch.from_numpy(image[None]))).numpy() for image in images]
    return np.concatenate(found).astype(np.float32, copy=False)


def check_onnx(model: bytes, images: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    """Largest difference between what onnxruntime makes of the images and what is expected.

    Raises
    ------
    RogiError
        It is more than `TOLERANCE`: the exported model is not the network.
    MissingExtra
    """
    found = np.concatenate([run(image[None]) for run in [onnx_runner(model)] for image in images])
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE:
        raise RogiError(
            f"The exported model differs from the network by {difference:.2g} in probability, more than "
            f"{TOLERANCE:g}; export it with another version of torch or onnxruntime."
        )
    return difference


def onnx_runner(
    model: bytes, threads: int = 1
) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    """A function that runs an ONNX model on the CPU with onnxruntime, in float32."""
    try:
        import onnxruntime
    except ImportError:
        raise missing("Running an ONNX model needs onnxruntime", "detect") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what fails is raised
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = session.run([OUTPUT], {INPUT: images})[0]
        return found

    return run


def _forget(model: Any) -> None:
    """Remove what says where and when the model was exported: source lines, folders, notes."""
    model.doc_string = ""
    del model.metadata_props[:]
    graph = model.graph
    graph.doc_string = ""
    for part in (graph, *model.functions):
        for item in (part, *part.node, *part.value_info):
            item.doc_string = ""
            del item.metadata_props[:]
    for item in (*graph.input, *graph.output, *graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """The network as it predicts (no dropout, running statistics), and as it was afterwards."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _silent() -> Iterator[None]:
    """Without the notes of the exporter, which are about its own working."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
