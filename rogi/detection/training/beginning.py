"""What a training begins with: the network that was asked for, or that of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rogi.detection.model.bundle import WEIGHTS, Bundle
from rogi.detection.model.card import BOUNDARY
from rogi.detection.model.network import NetworkSpec
from rogi.detection.patches.shards import PatchSet
from rogi.errors import InputError, OptionError
from rogi.ledger import file_sha256

OPTIONS: Final = {
    "architecture": "--architecture",
    "encoder": "--encoder",
    "encoder_depth": "--encoder-depth",
    "decoder_channels": "--decoder-channels",
    "output_stride": "--output-stride",
    "atrous_rates": "--rates",
}

SAME_PIXEL: Final = 0.05
"""Share by which pixels may differ in size on the ground from those of the bundle without a note."""


@dataclass(frozen=True)
class Beginning:
    """The network of a training.

    Attributes
    ----------
    spec : NetworkSpec
    boundary : bool
        Whether borders between touching units are learnt.
    notes : tuple of str
    """

    spec: NetworkSpec
    boundary: bool
    notes: tuple[str, ...] = ()


def beginning(
    patches: PatchSet, weights: Path | None, given: Mapping[str, Any], boundary: bool | None = None
) -> Beginning:
    """The network that was asked for; with a bundle as initial weights, that of the bundle.

    Parameters
    ----------
    patches : PatchSet
    weights : Path, optional
        A bundle, or a file of tensors, which says nothing of its network.
    given : mapping
        Fields of `NetworkSpec` that were asked for; None where nothing was.
    boundary : bool, optional
        None where nothing was asked for.

    Raises
    ------
    OptionError
        The bundle has another network than what was asked for.
    InputError
        Its channels are others than those of the patches, or it has no weights to go on with.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    if weights is None or not is_bundle_path(weights):
        return Beginning(NetworkSpec(**asked), bool(boundary))
    bundle = Bundle.load(weights)
    card, alone = bundle.card, f"To take only tensors that fit, name its {WEIGHTS}."
    if WEIGHTS not in bundle.sums:
        raise InputError(
            f"{weights} was made of an ONNX model and has no {WEIGHTS}, so it cannot be trained on."
        )
    spec, has_boundary = NetworkSpec.of(card), BOUNDARY in card.outputs
    for name, value in asked.items():
        own = getattr(spec, name)
        same = value.casefold() == own.casefold() if isinstance(value, str) else value == own
        if not same:
            raise OptionError(
                f"{OPTIONS[name]} {_shown(value)} contradicts {weights}, whose network has {_shown(own)}; "
                f"leave the option out. {alone}"
            )
    if boundary is not None and boundary != has_boundary:
        option = "--boundary" if boundary else "--no-boundary"
        raise OptionError(
            f"{option} contradicts {weights}, whose outputs are {', '.join(card.outputs)}; leave the option "
            f"out. {alone}"
        )
    names = tuple(channel.name for channel in card.channels)
    if names != patches.card.channels:
        raise InputError(
            f"{patches.folder} has the channels {', '.join(patches.card.channels)}, {weights} takes "
            f"{', '.join(names)}; cut patches with these channels in this order."
        )
    notes = []
    if abs(patches.card.resolution_m / card.resolution_m - 1) > SAME_PIXEL:
        notes.append(
            f"{weights} was trained on pixels of {card.resolution_m:.4g} m, the patches have "
            f"{patches.card.resolution_m:.4g} m."
        )
    return Beginning(spec, has_boundary, tuple(notes))


def is_bundle_path(path: Path) -> bool:
    """Whether weights are those of a bundle, rather than a file of tensors."""
    return path.is_dir() or path.suffix.lower() == ".zip"


def weights_sha256(path: Path) -> str:
    """Digest of initial weights: of a bundle its own, the same for folder and zip."""
    return Bundle.load(path).digest if is_bundle_path(path) else file_sha256(path)


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
