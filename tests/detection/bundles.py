"""Small model bundles for tests, made without torch; what they answer can be computed by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rogi.detection.model.bundle import Bundle, Golden
from rogi.detection.model.bundle_writing import write_files
from rogi.detection.model.card import BOUNDARY, ROCK_GLACIER, Channel, ModelCard
from rogi.detection.model.export import INPUT, OPSET, OUTPUT


def card(
    channels: int = 3,
    outputs: int = 1,
    patch: int = 480,
    stride: int = 320,
    percentiles: Sequence[Sequence[float]] = ((),) * 8,
    **changes: object,
) -> ModelCard:
    """A card of a model that takes bytes."""
    names = ("red", "green", "blue", *(f"channel {i}" for i in range(4, channels + 1)))
    settings: dict[str, object] = {
        "name": "tiny",
        "version": "1",
        "architecture": "Unet",
        "encoder": "resnet18",
        "channels": tuple(
            Channel(name, "1", 100.0 + 10 * i, 50.0, tuple(percentiles[i]))
            for i, name in enumerate(names[:channels])
        ),
        "dtype": "uint8",
        "dtype_range": (0.0, 255.0),
        "resolution_m": 5.0,
        "patch": patch,
        "stride": stride,
        "outputs": (ROCK_GLACIER, BOUNDARY)[:outputs],
        "licence": "CC0-1.0",
        "citation": "None.",
    }
    return ModelCard(**{**settings, **changes})  # type: ignore[arg-type]


def answer(images: np.ndarray, outputs: int = 1, width: int = 5, gain: float = 3.0) -> np.ndarray:
    """What the tiny network gives: sigmoid of gain x mean over all channels and width x width pixels.

    Beyond the image is 0. The second output has the opposite sign.
    """
    total = images.astype(np.float64).mean(axis=1)
    half = width // 2
    padded = np.pad(total, ((0, 0), (half, half), (half, half)))
    height, length = total.shape[1:]
    blurred = (
        sum(padded[:, i : i + height, j : j + length] for i in range(width) for j in range(width)) / width**2
    )
    logits = gain * np.stack([blurred, -blurred][:outputs], axis=1)
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def tiny_onnx(channels: int, outputs: int, patch: int, width: int, gain: float) -> tuple[bytes, np.ndarray]:
    """The network of `answer` as ONNX, and its one kernel."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.full((outputs, channels, width, width), gain / (channels * width**2), np.float32)
    kernel[1:] *= -1
    half = width // 2
    nodes = [
        helper.make_node("Conv", [INPUT, "kernel"], ["logit"], pads=[half] * 4, kernel_shape=[width] * 2),
        helper.make_node("Sigmoid", ["logit"], [OUTPUT]),
    ]
    sizes = ["n", channels, patch, patch]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", outputs, patch, patch])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True), kernel


def tiny_bundle(
    path: Path,
    channels: int = 3,
    outputs: int = 1,
    *,
    patch: int = 480,
    stride: int = 320,
    width: int = 5,
    gain: float = 3.0,
    force: bool = False,
    **changes: object,
) -> Bundle:
    """Write and load a bundle of the network of `answer`, as folder or ``.zip``.

    Parameters
    ----------
    path
        To make.
    channels, outputs, patch, stride
        See `card`; the means are 100, 110, 120..., the standard deviations 50.
    width, gain
        See `answer`; `width` (odd) is how far the network sees.
    changes
        Other fields of the card. Its threshold is 0.5: where the blurred mean of the normalised channels
        is above 0.
    """
    assert width % 2 == 1 and math.isfinite(gain)
    model, kernel = tiny_onnx(channels, outputs, patch, width, gain)
    images = np.random.default_rng(0).normal(size=(1, channels, patch, patch)).astype(np.float32)
    golden = Golden(images, answer(images, outputs, width, gain))
    made = card(channels, outputs, patch, stride, **changes)  # type: ignore[arg-type]
    write_files(path, made, onnx=model, weights={"kernel": kernel}, golden=golden, force=force)
    return Bundle.load(path)
