"""Training a model from Python."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from rogi.api.detection import _path, _settings
from rogi.api.display import frames_html
from rogi.detection.model.bundle_writing import check_target
from rogi.detection.model.card import ModelCard
from rogi.detection.model.export import check_installed
from rogi.detection.model.network import NetworkSpec
from rogi.detection.patches.shards import PatchSet
from rogi.detection.training.augmentation import Augmentation
from rogi.detection.training.loop import train as train_network
from rogi.detection.training.outcome import check_name, write_model
from rogi.detection.training.report import curves_figure
from rogi.detection.training.settings import TrainingSettings


@dataclass(frozen=True, eq=False)
class Model:
    """What :func:`rogi.train` gives.

    Attributes
    ----------
    path : Path
        The bundle: a folder or zip.
    card : ModelCard
        Architecture, channels, threshold, scores, licence.
    history : DataFrame
        One row for each epoch: step, learning rate, loss and IoU of training and validation.
    """

    path: Path
    card: ModelCard
    history: pd.DataFrame

    @property
    def scores(self) -> pd.DataFrame:
        """name (iou, precision, recall, f1), split, value (0 to 1), low, high, level, count."""
        return pd.DataFrame([asdict(one) for one in self.card.metrics])

    def __repr__(self) -> str:
        shown = ", ".join(f"{m.name} {m}" for m in self.card.metrics if m.split == "validation")
        return (
            f"<Model {self.path}: {self.card.architecture}, {self.card.encoder}; {shown or 'no unit found'}>"
        )

    def _repr_html_(self) -> str:
        return frames_html(repr(self), scores=self.scores, history=self.history)


def train(
    patches: str | PathLike[str],
    output: str | PathLike[str],
    *,
    architecture: str = "DeepLabV3Plus",
    encoder: str = "tu-xception71",
    encoder_depth: int | None = None,
    decoder_channels: int | Sequence[int] | None = None,
    output_stride: int | None = None,
    atrous_rates: tuple[int, int, int] | None = None,
    weights: str | PathLike[str] | None = None,
    resume: bool = False,
    name: str | None = None,
    version: str = "1",
    licence: str = "",
    citation: str = "",
    description: str = "",
    force: bool = False,
    augmentation: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Model:
    """Train a network on patches and write its bundle, as `rogi detect train` does.

    Parameters
    ----------
    patches : path
        Folder that `rogi detect patches` wrote.
    output : path
        Bundle to write: a folder, or a .zip. Checkpoints lie in ``<output>.training`` until it is done.
    architecture, encoder, encoder_depth, decoder_channels, output_stride, atrous_rates
        Of segmentation-models-pytorch.
    weights : path, optional
        Begin with these; nothing is downloaded.
    resume : bool
        Go on where a training of this bundle was stopped.
    name, version, licence, citation, description : str
        For the card of the model.
    force : bool
        Replace a bundle that exists.
    augmentation : mapping, optional
        Fields of `rogi.detection.training.augmentation.Augmentation`: ``{"turn": False, "scale": 0.25}``.
    **settings
        Fields of `rogi.detection.training.settings.TrainingSettings`: ``epochs=20``, ``batch=8``,
        ``loss="bce+dice"``, ``learning_rate=1e-3``, ``device="cpu"``, ``seed=0`` …

    Returns
    -------
    Model
        ``path``, ``card``, ``scores``, ``history``.

    Raises
    ------
    InputError
        The patches cannot be trained on.
    OptionError
        A setting is unknown, or settings do not go together.
    OutputError
        The bundle exists, or cannot be written.
    MissingExtra
        The extra ``train`` is not installed.

    References
    ----------
    Chen et al. (2018), DeepLabV3+; Sun et al. (2024), Sect. 3.

    Examples
    --------
    >>> import rogi
    >>> rogi.train("patches", "small.zip", encoder="resnet18", steps=200)  # doctest: +SKIP
    """
    target = Path(output)
    check_target(target, force)
    check_installed()
    title = name or (target.stem if target.suffix.lower() == ".zip" else target.name)
    check_name(title, version)
    chosen = _settings(TrainingSettings, settings)
    if augmentation is not None:
        chosen = replace(chosen, augmentation=_settings(Augmentation, augmentation))
    width = decoder_channels if decoder_channels is None or isinstance(decoder_channels, int) else (
        tuple(decoder_channels)
    )  # fmt: skip
    spec = NetworkSpec(
        architecture,
        encoder,
        encoder_depth=encoder_depth,
        decoder_channels=width,
        output_stride=output_stride,
        atrous_rates=atrous_rates,
    )
    work = target.with_name(f"{target.name}.training")
    data = PatchSet.open(Path(patches))
    trained = train_network(data, spec, chosen, work, weights=_path(weights), resume=resume)
    card = write_model(
        trained,
        target,
        name=title,
        version=version,
        licence=licence,
        citation=citation,
        description=description,
        extras={"curves.png": curves_figure(trained.history, trained.best)},
        force=force,
    )
    shutil.rmtree(work, ignore_errors=True)
    return Model(target, card, pd.DataFrame([asdict(epoch) for epoch in trained.history]))
