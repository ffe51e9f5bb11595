"""Export: the ONNX model is the network, for any number of images, and says nothing of where it was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rogi.errors import RogiError

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from rogi.detection.model.export import OPSET, check_onnx, onnx_runner, probability, to_onnx  # noqa: E402
from rogi.detection.model.network import NetworkSpec, build_network  # noqa: E402
from rogi.detection.model.onnx_limits import FORBIDDEN  # noqa: E402

SPEC = NetworkSpec("Unet", "tu-regnetx_002", 4, 2, encoder_depth=3, decoder_channels=(16, 8, 8))


@pytest.fixture(scope="module")
def network():
    """A network with random weights, still in training mode."""
    return build_network(SPEC, seed=1).train()


@pytest.fixture(scope="module")
def images():
    """Four images of noise."""
    return np.random.default_rng(0).normal(size=(4, 4, 64, 64)).astype(np.float32)


@pytest.fixture(scope="module")
def model(network, images) -> bytes:
    """The network as ONNX, from one image."""
    return to_onnx(network, images[:1])


def test_onnxruntime_agrees_with_torch_for_any_number_of_images(network, images, model: bytes):
    """One, three, four: to 1e-5 in probability; with the sigmoid inside."""
    expected = probability(network, images)
    assert expected.shape == (4, 2, 64, 64)
    assert 0 < expected.min() < expected.max() < 1
    run = onnx_runner(model)
    for n in (1, 3, 4):
        np.testing.assert_allclose(run(images[:n]), expected[:n], atol=1e-5)
    assert check_onnx(model, images, expected) < 1e-5


def test_names_sizes_and_opset(model: bytes):
    """As the format of bundles has them."""
    parsed = onnx.load_model_from_string(model)
    onnx.checker.check_model(parsed, full_check=True)
    assert {item.domain: item.version for item in parsed.opset_import} == {"": OPSET}

    def sizes(value):
        return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]

    (given,), (found,) = parsed.graph.input, parsed.graph.output
    assert (given.name, sizes(given)) == ("image", ["n", 4, 64, 64])
    assert (found.name, sizes(found)) == ("probability", ["n", 2, 64, 64])


def test_the_same_network_gives_the_same_bytes_without_traces_of_the_machine(network, images, model: bytes):
    """No folder, file or line of the program that wrote it; no tensors in other files."""
    assert to_onnx(network, images[:1]) == model
    told = onnx.load_model_from_string(to_onnx(network, images[:1], {"model_type": '"Segmentor"'}))
    assert [(item.key, item.value) for item in told.metadata_props] == [("model_type", '"Segmentor"')]
    for trace in (str(Path(torch.__file__).parents[1]), str(Path.home()), ".py", "Traceback", "torchvision"):
        assert trace.encode() not in model
    assert FORBIDDEN not in model


def test_the_network_is_left_as_it_was(network, images, model: bytes):
    """In training mode, with its running statistics."""
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    probability(network, images)
    assert network.training
    assert all(module.training for module in network.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_another_network_does_not_pass_the_check(images, model: bytes):
    """The check is of the numbers, not of the shape."""
    other = build_network(SPEC, seed=2)
    with pytest.raises(RogiError, match="differs from the network"):
        check_onnx(model, images, probability(other, images))
    with pytest.raises(RogiError, match="differs"):
        check_onnx(model, images, np.full((4, 2, 64, 64), np.nan, np.float32))
