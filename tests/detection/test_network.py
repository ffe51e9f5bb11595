"""Networks: by name, with every choice stated, without any download; weights from local files only."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rogi.errors import InputError, OptionError

torch = pytest.importorskip("torch")

from rogi.detection.model.bundle import Bundle, Golden, tensor_bytes  # noqa: E402
from rogi.detection.model.bundle_writing import write_files  # noqa: E402
from rogi.detection.model.network import (  # noqa: E402
    NetworkSpec,
    build_network,
    bundle_network,
    load_weights,
)
from tests.detection.bundles import card, tiny_bundle  # noqa: E402

SMALL = NetworkSpec("Unet", "resnet18", encoder_depth=3, decoder_channels=(16, 8, 8))


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch):
    """Any connection is an error, so that a download cannot pass unseen."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def state(network) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def same(one, other) -> bool:
    """Whether two networks have the same weights."""
    return all(np.array_equal(a, b) for a, b in zip(state(one).values(), state(other).values(), strict=True))


def test_the_default_is_the_network_of_the_paper():
    """DeepLabV3+ with Xception71 at output stride 16: about 42 million parameters (Sun et al. 2024)."""
    spec = NetworkSpec().resolved()
    assert (spec.architecture, spec.encoder) == ("DeepLabV3Plus", "tu-xception71")
    assert (spec.output_stride, spec.atrous_rates) == (16, (6, 12, 18))
    assert (spec.encoder_depth, spec.decoder_channels) == (5, 256)
    learnt = sum(parameter.numel() for parameter in build_network(spec).parameters())
    assert learnt / 1e6 == pytest.approx(42, abs=2)


def test_rates_follow_the_stride_unless_given():
    """Chen et al. (2018): doubled at stride 8."""
    assert replace(NetworkSpec(), output_stride=8).resolved().atrous_rates == (12, 24, 36)
    given = replace(NetworkSpec(), output_stride=8, atrous_rates=(3, 6, 9)).resolved()
    assert given.atrous_rates == (3, 6, 9)
    network = build_network(replace(given, encoder="resnet18"))
    dilations = {m.dilation[0] for m in network.decoder.modules() if isinstance(m, torch.nn.Conv2d)}
    assert {3, 6, 9} <= dilations


def test_the_output_stride_is_that_of_the_encoder():
    """The last features of a 96 px image are 6 px at stride 16, 12 px at stride 8; the output is 96 px."""
    for stride in (16, 8):
        spec = NetworkSpec(encoder="resnet18", output_stride=stride, channels=4, outputs=2)
        network = build_network(spec).eval()
        image = torch.zeros(1, 4, 96, 96)
        with torch.no_grad():
            assert network.encoder(image)[-1].shape[-1] == 96 // stride
            assert network(image).shape == (1, 2, 96, 96)


@pytest.mark.parametrize("architecture", ["FPN", "Linknet", "PAN", "PSPNet"])
def test_architectures_by_name(architecture: str):
    """In any case of letters; what a card keeps of them builds the same network."""
    spec = NetworkSpec(architecture.lower(), "resnet18").resolved()
    assert spec.architecture == architecture
    assert spec.resolved() == spec
    network = build_network(spec)
    with torch.no_grad():  # PAN pools what is left of the image three times
        assert network(torch.zeros(2, 3, 128, 128)).shape == (2, 1, 128, 128)


def test_a_seed_fixes_the_weights_and_nothing_else():
    """Same seed, same weights; torch's own random numbers go on as if nothing had been drawn."""
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two = state(build_network(SMALL, seed=1)), state(build_network(SMALL, seed=1))
    assert torch.rand(1) == expected
    other = state(build_network(SMALL, seed=2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert any(not np.array_equal(one[name], other[name]) for name in one)


def test_the_prior_is_what_it_says_at_first():
    """Only the bias of the last layer differs; its sigmoid is the prior."""
    plain, begun = state(build_network(SMALL)), state(build_network(SMALL, prior=0.1))
    changed = [name for name in plain if not np.array_equal(plain[name], begun[name])]
    assert len(changed) == 1
    np.testing.assert_allclose(1 / (1 + np.exp(-begun[changed[0]])), 0.1, rtol=1e-5)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (NetworkSpec("Unet3000", "resnet18"), "there are .*DeepLabV3Plus"),
        (NetworkSpec("Unet", "resnet81"), "'resnet81'; names like it are resnet18[^]]*tu- before"),
        (NetworkSpec("Unet", "xception71"), "names like it are tu-xception71,"),
        (NetworkSpec("Unet", "tu-Xception71"), "names like it are tu-xception71,"),
        (NetworkSpec("Unet", "qqqq"), r"no encoder 'qqqq'\. Encoders are those of"),
        (NetworkSpec("Unet", "tu-hf-hub:someone/model"), "no name of an encoder"),
        (NetworkSpec("Unet", "tu-local-dir:/tmp"), "no name of an encoder"),
        (NetworkSpec("Unet", "resnet18", output_stride=16), "no choice of output stride"),
        (NetworkSpec("Unet", "resnet18", atrous_rates=(1, 2, 3)), "no atrous rates"),
        (NetworkSpec("DeepLabV3Plus", "resnet18", output_stride=4), "8 or 16"),
        (NetworkSpec("Linknet", "resnet18", decoder_channels=8), "no width"),
        (NetworkSpec("DeepLabV3Plus", "resnet18", encoder_depth=3), "5 stages"),
        (NetworkSpec("Unet", "resnet18", decoder_channels=(8, 8)), "cannot be made"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(spec: NetworkSpec, said: str):
    """In one sentence that says what is allowed."""
    with pytest.raises(OptionError, match=said):
        build_network(spec)


# Weights


def test_weights_of_the_whole_network(tmp_path: Path):
    """All tensors are taken."""
    source, target = build_network(SMALL, seed=1), build_network(SMALL, seed=2)
    (tmp_path / "w.safetensors").write_bytes(tensor_bytes(state(source)))
    assert load_weights(target, tmp_path / "w.safetensors") == ()
    assert all(
        np.array_equal(a, b) for a, b in zip(state(source).values(), state(target).values(), strict=True)
    )


@pytest.mark.parametrize("prefix", ["", "encoder."])
def test_weights_of_the_encoder(tmp_path: Path, prefix: str):
    """With names of the encoder alone, or of the network; the decoder keeps its own."""
    source, target = build_network(SMALL, seed=1), build_network(replace(SMALL, outputs=2), seed=2)
    before = state(target)
    only = {f"{prefix}{n.removeprefix('encoder.')}": t for n, t in state(source).items() if "encoder." in n}
    (tmp_path / "w.safetensors").write_bytes(tensor_bytes(only))
    kept = load_weights(target, tmp_path / "w.safetensors")
    assert all(not name.startswith("encoder.") for name in kept)
    for name, tensor in state(target).items():
        expected = before[name] if name in kept else state(source)[name]
        np.testing.assert_array_equal(tensor, expected)


def test_weights_of_a_bundle_with_other_outputs(tmp_path: Path):
    """The head keeps its random weights, and is named."""
    source = build_network(SMALL, seed=1)
    path = bundle_of(tmp_path / "m", SMALL, state(source))
    target = build_network(replace(SMALL, outputs=2), seed=2)
    assert set(load_weights(target, path)) == {"segmentation_head.0.weight", "segmentation_head.0.bias"}


def test_weights_of_another_encoder_are_refused(tmp_path: Path):
    """With how many tensors fit; the network is as it was."""
    other = build_network(SMALL, seed=1)
    (tmp_path / "w.safetensors").write_bytes(tensor_bytes(state(other)))
    wrong = NetworkSpec("Unet", "tu-mobilenetv3_small_050")
    network = build_network(wrong)
    with pytest.raises(InputError, match="another encoder"):
        load_weights(network, tmp_path / "w.safetensors")
    assert same(network, build_network(wrong))


def test_pickled_weights_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file of torch.save is told from safetensors by its content, and never unpickled."""
    import pickle

    torch.save(build_network(SMALL).state_dict(), tmp_path / "w.pt")
    monkeypatch.setattr(pickle, "Unpickler", None)
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(InputError, match="safetensors"):
        load_weights(build_network(SMALL), tmp_path / "w.pt")


def test_weights_that_are_not_there(tmp_path: Path):
    """A name is never taken for something to download."""
    for name in ("imagenet", "https://example.org/w.safetensors"):
        with pytest.raises(InputError, match="on this machine"):
            load_weights(build_network(SMALL), Path(name))


def bundle_of(path: Path, spec: NetworkSpec, tensors: dict[str, np.ndarray]) -> Path:
    """A bundle with these weights; its ONNX model is another, which does not matter here."""
    spec = spec.resolved()
    tiny = tiny_bundle(path.with_name("tiny"), patch=32, stride=16)
    made = card(
        patch=32, stride=16, architecture=spec.architecture, encoder=spec.encoder,
        encoder_depth=spec.encoder_depth, decoder_channels=spec.decoder_channels,
    )  # fmt: skip
    golden = Golden(tiny.golden().input, tiny.golden().expected)
    return write_files(path, made, onnx=tiny.onnx_bytes(), weights=tensors, golden=golden)


def test_the_network_of_a_bundle(tmp_path: Path):
    """From its card and weights; ready to predict."""
    source = build_network(SMALL, seed=3)
    path = bundle_of(tmp_path / "m", SMALL, state(source))
    network = bundle_network(Bundle.load(path))
    assert not network.training
    assert all(
        np.array_equal(a, b) for a, b in zip(state(source).values(), state(network).values(), strict=True)
    )


@pytest.mark.parametrize("change", ["missing", "added", "shape"])
def test_a_bundle_whose_weights_are_of_another_network(tmp_path: Path, change: str):
    """One tensor too few, too many, or of another shape; it is named."""
    tensors = state(build_network(SMALL))
    name = "segmentation_head.0.bias"
    if change == "missing":
        del tensors[name]
    elif change == "added":
        name = "extra.weight"
        tensors[name] = np.zeros(3, np.float32)
    else:
        tensors[name] = np.zeros(7, np.float32)
    path = bundle_of(tmp_path / "m", SMALL, tensors)
    with pytest.raises(InputError, match=name):
        bundle_network(Bundle.load(path))
