"""Networks for segmentation by name, every choice that matters stated; nothing is ever downloaded."""

from __future__ import annotations

import copy
import inspect
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy.typing as npt

from rogi.detection.model.bundle import WEIGHTS, Bundle, read_tensors
from rogi.detection.model.card import BOUNDARY, ROCK_GLACIER, ModelCard
from rogi.detection.model.export import calibrated
from rogi.distribution import optional
from rogi.errors import InputError, MissingExtra, OptionError
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    import torch
    from torch import nn

ARCHITECTURE: Final = "DeepLabV3Plus"
ENCODER: Final = "tu-xception71"
"""The network of Sun et al. (2024, Sect. 3.1), under the names of segmentation-models-pytorch and timm."""

MISMATCH: Final = (
    "The torchvision that is installed was built for another PyTorch; install both from one index: "
    "pip install --force-reinstall torch torchvision --index-url https://download.pytorch.org/whl/cpu "
    "(or /whl/ and the version of CUDA, such as cu128, in place of cpu)."
)

RATES: Final[Mapping[int, tuple[int, int, int]]] = {16: (6, 12, 18), 8: (12, 24, 36)}
"""Atrous rates by output stride (Chen et al. 2018, doi 10.1007/978-3-030-01234-2_49, Sect. 3.1)."""

STRIDES: Final[Mapping[str, tuple[int, ...]]] = {
    "DeepLabV3": (8, 16),
    "DeepLabV3Plus": (16, 8),
    "PAN": (16, 32),
}
"""Output strides by architecture, the default first; others have no choice."""

ANY_DEPTH: Final = ("Linknet", "MAnet", "PSPNet", "Unet", "UnetPlusPlus")
"""Architectures whose output has the size of the input whatever the depth of the encoder."""

DECODER_PARAMETER: Final[Mapping[str, str]] = {
    "FPN": "decoder_segmentation_channels",
    "Segformer": "decoder_segmentation_channels",
    "PSPNet": "psp_out_channels",
}
"""Name of the width of the decoder, where it is not ``decoder_channels``."""

FOLDING_TOLERANCE: Final = 1e-4
"""Largest change of a probability; rounding makes some 1e-6."""

ENCODER_FIT: Final = 0.9
"""Share of the encoder's tensors that initial weights must hold to count as weights of it."""

_ENCODER_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")  # a colon or slash would name something to fetch


@dataclass(frozen=True)
class NetworkSpec:
    """Which network.

    Attributes
    ----------
    architecture, encoder : str
        Names of segmentation-models-pytorch; ``tu-`` before a name of timm.
    channels, outputs : int
    encoder_depth : int, optional
        Stages of the encoder, 3 to 5.
    decoder_channels : int or tuple of int, optional
        Width of the decoder; of each stage for Unet and its kin.
    output_stride : int, optional
        Input pixels per pixel of the encoder's last stage (DeepLabV3, DeepLabV3Plus, PAN).
    atrous_rates : tuple of 3 int, optional
        Dilations of the pyramid (DeepLabV3, DeepLabV3Plus).
    """

    architecture: str = ARCHITECTURE
    encoder: str = ENCODER
    channels: int = 3
    outputs: int = 1
    encoder_depth: int | None = None
    decoder_channels: int | tuple[int, ...] | None = None
    output_stride: int | None = None
    atrous_rates: tuple[int, int, int] | None = None

    @classmethod
    def of(cls, card: ModelCard) -> NetworkSpec:
        """The network of a model."""
        return cls(
            card.architecture,
            card.encoder,
            len(card.channels),
            len(card.outputs),
            card.encoder_depth,
            card.decoder_channels,
            card.output_stride,
            card.atrous_rates,
        )

    def resolved(self) -> NetworkSpec:
        """The same network with every choice spelled out.

        Raises
        ------
        OptionError
            An unknown architecture, or a choice it does not have.
        MissingExtra
        """
        name, parameters = _architecture(self.architecture)
        stride, rates = self.output_stride, self.atrous_rates
        if name in STRIDES:
            stride = STRIDES[name][0] if stride is None else stride
            if stride not in STRIDES[name]:
                allowed = " or ".join(map(str, sorted(STRIDES[name])))
                raise OptionError(f"The output stride of {name} is {allowed}, found {stride}.")
        elif stride is not None:
            raise OptionError(f"{name} has no choice of output stride; leave --output-stride out.")
        if "decoder_atrous_rates" in parameters:
            rates = RATES[stride or 16] if rates is None else rates
        elif rates is not None:
            raise OptionError(f"{name} has no atrous rates; leave --rates out.")
        depth = self.encoder_depth
        if depth is None:
            depth = parameters["encoder_depth"]
        elif name not in ANY_DEPTH and depth != parameters["encoder_depth"]:
            raise OptionError(
                f"{name} needs {parameters['encoder_depth']} stages of the encoder, found {depth}."
            )
        width, default = self.decoder_channels, parameters.get(_decoder_parameter(name))
        if default is None and width is not None:
            raise OptionError(f"{name} has no width of its decoder; leave --decoder-channels out.")
        if width is None:
            # Of a shallower network the stages at the finer scales are left.
            width = tuple(default[-depth:]) if isinstance(default, tuple | list) else default
        return replace(
            self,
            architecture=name,
            encoder_depth=depth,
            decoder_channels=width,
            output_stride=stride,
            atrous_rates=rates,
        )


def build_network(spec: NetworkSpec, *, seed: int = 0, prior: float | None = None) -> nn.Module:
    """A network with random weights.

    Parameters
    ----------
    spec : NetworkSpec
    seed : int
        Of the weights; torch's own random state is left as it was.
    prior : float, optional
        Share of rock glacier among the pixels, 0 to 1: what the network says at first of every pixel (Lin et
        al. 2017, doi 10.1109/ICCV.2017.324, Sect. 3.3), else a half.

    Returns
    -------
    torch.nn.Module
        Takes (n, channels, height, width), gives logits (n, outputs, height, width); sides are multiples of
        32 pixels.

    Raises
    ------
    OptionError
        There is no such architecture or encoder, or they do not go together.
    MissingExtra
    """
    spec = spec.resolved()
    if not _ENCODER_NAME.fullmatch(spec.encoder):
        raise OptionError(
            f"{spec.encoder!r} is no name of an encoder; names have letters, digits, _, . and -."
        )
    smp = _smp()
    import torch

    settings: dict[str, Any] = {"encoder_depth": spec.encoder_depth}
    if spec.decoder_channels is not None:
        settings[_decoder_parameter(spec.architecture)] = spec.decoder_channels
    if spec.output_stride is not None:
        settings["encoder_output_stride"] = spec.output_stride
    if spec.atrous_rates is not None:
        settings["decoder_atrous_rates"] = spec.atrous_rates
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network: nn.Module = smp.create_model(
                spec.architecture,
                encoder_name=spec.encoder,
                encoder_weights=None,
                in_channels=spec.channels,
                classes=spec.outputs,
                **settings,
            )
    except (KeyError, ValueError, RuntimeError, TypeError, NotImplementedError, AssertionError) as error:
        if unknown := _unknown_encoder(spec.encoder):
            raise OptionError(unknown) from None
        raise OptionError(
            f"{spec.architecture} with the encoder {spec.encoder} cannot be made "
            f"({' '.join(str(error).split())}). Encoders are those of "
            "segmentation-models-pytorch, and those of timm with tu- before the name."
        ) from error
    if prior is not None:
        head = next(m for m in reversed(list(network.modules())) if isinstance(m, torch.nn.Conv2d))
        if head.bias is not None and head.out_channels == spec.outputs:
            share = min(max(prior, 1e-3), 1 - 1e-3)
            torch.nn.init.constant_(head.bias, math.log(share / (1 - share)))
    return network


def bundle_network(bundle: Bundle) -> nn.Module:
    """The network of a bundle with its weights, calibrated, ready to predict.

    Raises
    ------
    InputError
        The weights are not those of the network that the card names.
    """
    import torch

    network = build_network(NetworkSpec.of(bundle.card))
    tensors = bundle.weights()
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    wrong = [name for name in sorted({*wanted, *tensors}) if wanted.get(name) != _shape(tensors, name)]
    if wrong:
        raise InputError(
            f"{bundle.path}: {counted(len(wrong), 'tensor')} of {WEIGHTS}, such as {wrong[0]}, "
            f"{agreeing(len(wrong), 'is', 'are')} not of "
            f"{bundle.card.architecture} with {bundle.card.encoder}; write the bundle anew."
        )
    network.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    return calibrated(network.eval(), bundle.card)


def fold_batch_norms(network: nn.Module, example: torch.Tensor) -> nn.Module:
    """Put batch normalisations into the convolutions before them: the same answer, less memory moved.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    example : torch.Tensor, (1, channels, height, width)
        On the network's device. It shows which normalisation follows which convolution, and whether the
        answer stays the same.

    Returns
    -------
    torch.nn.Module
        Another network; the one given where the answer would change by more than `FOLDING_TOLERANCE`.
    """
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    fuse: Any = fuse_conv_bn_eval  # takes these two types

    folded = copy.deepcopy(network)
    made: dict[int, tuple[nn.Module, torch.Tensor]] = {}
    pairs: dict[nn.Module, nn.Module] = {}
    calls: Counter[nn.Module] = Counter()

    def ran(layer: nn.Module, given: tuple[torch.Tensor, ...], found: torch.Tensor) -> None:
        calls[layer] += 1
        if isinstance(layer, torch.nn.Conv2d):
            made[id(found)] = layer, found  # kept alive, so that no other tensor has its number
        elif id(given[0]) in made:
            pairs[layer] = made[id(given[0])][0]

    kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d)
    hooks = [layer.register_forward_hook(ran) for layer in folded.modules() if isinstance(layer, kinds)]
    with torch.no_grad():
        expected = torch.sigmoid(folded(example))
        for hook in hooks:
            hook.remove()
        names = {layer: name for name, layer in folded.named_modules()}
        for norm, convolution in pairs.items():
            if calls[norm] == calls[convolution] == 1:
                folded.set_submodule(names[convolution], fuse(convolution, norm))
                # timm's normalisations hold the activation that follows.
                folded.set_submodule(names[norm], getattr(norm, "act", None) or torch.nn.Identity())
        change = float((torch.sigmoid(folded(example)) - expected).abs().max())
    return folded if change <= FOLDING_TOLERANCE else network


def load_weights(network: nn.Module, path: Path) -> tuple[str, ...]:
    """Begin with weights of a file: of the whole network, or of its encoder.

    Parameters
    ----------
    network : torch.nn.Module
        Changed.
    path : Path
        A safetensors file, or another bundle. Names may be those of the network, or those of the encoder in
        timm.

    Returns
    -------
    tuple of str
        Tensors of the network that keep their random weights, as the head of a model with other outputs.

    Raises
    ------
    InputError
        Another format, or weights of another encoder.
    """
    import torch

    is_bundle = path.is_dir() or path.suffix.lower() == ".zip"
    if not is_bundle and not path.is_file():
        raise InputError(
            f"There are no weights {path}; name a safetensors file or a model bundle on this machine."
        )
    tensors = Bundle.load(path).weights() if is_bundle else read_tensors(path.read_bytes(), path)
    state = network.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    best: dict[str, npt.NDArray[Any]] = {}
    for prefix in ("", "encoder.", "encoder.model."):
        named = {prefix + name: array for name, array in tensors.items()}
        fitting = {name: array for name, array in named.items() if shapes.get(name) == _shape(named, name)}
        best = max(best, fitting, key=len)
    encoder = [name for name in shapes if name.startswith("encoder.")]
    found = sum(name in best for name in encoder)
    if found < ENCODER_FIT * len(encoder):
        raise InputError(
            f"{path} holds {found} of the {len(encoder)} tensors of the encoder; it is of another encoder, "
            "number of channels or output stride. Name weights of this network, or leave --weights out."
        )
    network.load_state_dict(
        {**state, **{name: torch.from_numpy(array.copy()) for name, array in best.items()}}
    )
    return tuple(name for name in shapes if name not in best)


def output_names(boundary: bool) -> tuple[str, ...]:
    """Names of the outputs."""
    return (ROCK_GLACIER, BOUNDARY) if boundary else (ROCK_GLACIER,)


def _shape(tensors: Mapping[str, npt.NDArray[Any]], name: str) -> tuple[int, ...] | None:
    return tuple(tensors[name].shape) if name in tensors else None


def _decoder_parameter(name: str) -> str:
    return DECODER_PARAMETER.get(name, "decoder_channels")


def _smp() -> Any:
    try:
        with optional("Building a network"):
            import torch  # noqa: F401 - the first that is missing is the one that is named
            import segmentation_models_pytorch  # isort: skip
    except RuntimeError as error:
        if "torchvision" not in str(error):
            raise
        raise MissingExtra(MISMATCH) from None
    return segmentation_models_pytorch


def _unknown_encoder(name: str) -> str:
    """That there is no such encoder, and which have names like it; nothing where there is one."""
    own = list(_smp().encoders.encoders)
    import timm

    of_timm = [f"tu-{model}" for model in timm.list_models()]
    if name in own or (name.startswith("tu-") and timm.is_model(name[3:])):
        return ""
    asked = name.lower()
    # the same name with tu- before it is the likeliest of all
    close = [f"tu-{asked}"] if f"tu-{asked}" in of_timm else []
    close += [n for n in get_close_matches(asked, own + of_timm, n=3) if n not in close]
    return (
        f"There is no encoder {name!r}"
        + (f"; names like it are {', '.join(close)}" if close else "")
        + ". Encoders are those of segmentation-models-pytorch, such as resnet18 "
        "(https://smp.readthedocs.io/en/latest/encoders.html), and those of timm with tu- before the name, "
        "such as tu-xception71 (timm.list_models() gives their names)."
    )


def _architecture(name: str) -> tuple[str, dict[str, Any]]:
    """Name as it is written, and the parameters it takes with their defaults."""
    known: Mapping[str, Any] = _smp().MODEL_ARCHITECTURES_MAPPING
    found = known.get(name.lower())
    if found is None:
        names = ", ".join(sorted(item.__name__ for item in known.values()))
        raise OptionError(f"There is no architecture {name!r}; there are {names}.")
    parameters = inspect.signature(found.__init__).parameters
    return str(found.__name__), {key: p.default for key, p in parameters.items()}
