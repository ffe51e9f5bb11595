"""What comes of a training: a network, how good it is, and the bundle that holds both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from rogi import __version__
from rogi.detection.model.bundle_writing import write_bundle
from rogi.detection.model.calibration import Calibration
from rogi.detection.model.card import RANDOM_SPLIT, ModelCard, Source, TrainingRecord
from rogi.detection.model.network import NetworkSpec, output_names
from rogi.detection.training.beginning import weights_sha256
from rogi.detection.training.curves import Epoch, curves_csv
from rogi.detection.training.dataset import Ints, TrainingData
from rogi.detection.training.patch_scores import Counts, best_threshold, metrics, threshold_curve
from rogi.detection.training.settings import TrainingSettings
from rogi.errors import OptionError

if TYPE_CHECKING:
    from torch import nn

    from rogi.detection.patches.shards import PatchSet

GOLDEN_PATCHES: Final = 4
"""Of a golden example: enough to see units, their edges and ground without any."""

UNSAID: Final = ("workers", "checkpoint_seconds")
"""Settings that change nothing in the network."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What came of a training.

    Attributes
    ----------
    network : torch.nn.Module
        With the best weights, on the CPU, ready to predict.
    spec : NetworkSpec
    settings : TrainingSettings
        With the device, precision and threads that were used.
    data : TrainingData
    history : tuple of Epoch
    best : Epoch
    calibration : Calibration
        Of validation.
    validation, training : Counts
        Of all validation patches, and of as many training patches, without variation, each ground once, by
        calibrated probabilities.
    training_positions : array of int64
        Which training patches these are.
    initial_weights : Path, optional
    kept_random : tuple of str
        Tensors that `initial_weights` had nothing for.
    seconds : mapping of str to float
        Of training and of scoring.
    """

    network: nn.Module
    spec: NetworkSpec
    settings: TrainingSettings
    data: TrainingData
    history: tuple[Epoch, ...]
    best: Epoch
    calibration: Calibration
    validation: Counts
    training: Counts
    training_positions: Ints
    initial_weights: Path | None
    kept_random: tuple[str, ...]
    seconds: Mapping[str, float]


def check_name(name: str, version: str) -> None:
    """Refuse names and versions that a card cannot have, before hours of training.

    Raises
    ------
    OptionError
    """
    for what, text in (("name", name), ("version", version)):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", text):
            raise OptionError(
                f"The {what} of a model has letters, digits, points, hyphens and underscores, 40 at most, "
                f"found {text!r}."
            )


def write_model(
    trained: Trained,
    path: Path,
    *,
    name: str,
    version: str = "1",
    licence: str = "",
    citation: str = "",
    description: str = "",
    extras: Mapping[str, bytes] | None = None,
    force: bool = False,
) -> ModelCard:
    """Write the bundle of a trained network; its golden example are some patches of validation.

    Parameters
    ----------
    trained : Trained
    path : Path
        Folder, or zip, to make.
    name, version, licence, citation, description : str
        For the card.
    extras : mapping
        Further files, such as ``curves.png``.
    force : bool
        Replace what is there.

    Returns
    -------
    ModelCard
    """
    card = replace(
        model_card(trained, name, version), licence=licence, citation=citation, description=description
    )
    chosen = golden_positions(trained.data.patches)
    golden = np.concatenate([batch.images for batch in trained.data.plain(chosen)])
    files = {"curves.csv": curves_csv(trained.history).encode(), **(extras or {})}
    write_bundle(path, trained.network, card, golden, extras=files, force=force)
    return card


def golden_positions(patches: PatchSet) -> Ints:
    """Up to `GOLDEN_PATCHES` patches of validation, from that with most of a unit to that with least."""
    positions = patches.positions("validation")
    order = np.argsort(-patches.index["unit_pixels"].to_numpy()[positions], kind="stable")
    ranks = np.unique(np.linspace(0, len(positions) - 1, GOLDEN_PATCHES).round().astype(np.int64))
    chosen: Ints = positions[order[ranks]]
    return chosen


def model_card(trained: Trained, name: str, version: str) -> ModelCard:
    """What is known of a trained network."""
    patches, spec = trained.data.patches, trained.spec
    curve = threshold_curve(trained.validation)
    threshold = best_threshold(curve)
    validation = patches.positions("validation")
    scored = (
        *metrics(trained.validation, _clusters(patches, validation), threshold, "validation"),
        *metrics(trained.training, _clusters(patches, trained.training_positions), threshold, "train"),
    )
    begun = trained.initial_weights
    chosen = {name: value for name, value in trained.settings.plain().items() if name not in UNSAID}
    if trained.settings.steps is not None:
        chosen["epochs"] = None  # steps take its place
    settings = {
        **chosen,
        "epochs_done": trained.history[-1].number,
        "steps_done": trained.history[-1].step,
        "best_epoch": trained.best.number,
        "best_step": trained.best.step,
        "patches_per_epoch": trained.data.steps * trained.data.batch,
    }
    record = TrainingRecord(
        patches=patches.digest,
        split=patches.split_digest,
        split_method=str(patches.card.split.get("method", "")),
        train=len(patches.positions("train")),
        validation=len(validation),
        sources=_sources(patches),
        initial_weights=Source(begun.name, weights_sha256(begun)) if begun is not None else None,
        settings=settings,
        bounds=_bounds(patches),
    )
    return ModelCard(
        name=name,
        version=version,
        architecture=spec.architecture,
        encoder=spec.encoder,
        encoder_depth=spec.encoder_depth,
        decoder_channels=spec.decoder_channels,
        output_stride=spec.output_stride,
        atrous_rates=spec.atrous_rates,
        channels=trained.data.channels,
        dtype=patches.card.dtype,
        dtype_range=trained.data.value_range,
        resolution_m=patches.card.resolution_m,
        patch=patches.card.size,
        stride=max(1, round(patches.card.size * 2 / 3)),
        outputs=output_names(trained.settings.boundary),
        threshold=threshold,
        calibration=trained.calibration,
        threshold_curve=curve,
        metrics=scored,
        training=record,
        rogi=__version__,
    )


def _bounds(patches: PatchSet) -> tuple[float, float, float, float]:
    """West, south, east and north of the patches' centres."""
    east, north = (patches.index[name].to_numpy(dtype=float) for name in ("longitude", "latitude"))
    west, south = float(east.min()), float(north.min())
    return (round(west, 2), round(south, 2), round(float(east.max()), 2), round(float(north.max()), 2))


def _clusters(patches: PatchSet, positions: Ints) -> Ints:
    """What is drawn together for intervals: blocks of ground, or patches where the split knows no blocks."""
    if patches.card.split.get("method") == RANDOM_SPLIT:
        return positions
    blocks: Ints = patches.index["block"].to_numpy()[positions]
    return blocks


def _sources(patches: PatchSet) -> tuple[Source, ...]:
    """What the patches were made from, each once; files of a mosaic are listed in ``patches.yaml``."""
    card = patches.card
    items = (*card.sources, *card.labels, *card.negatives)
    return tuple(dict.fromkeys(Source(str(item["name"]), str(item["sha256"])) for item in items))
