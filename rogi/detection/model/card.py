"""The card of a model: what goes in, what comes out, where it comes from, how good it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import yaml

from rogi import __version__
from rogi.detection.model.calibration import Calibration, Reliability
from rogi.errors import InputError
from rogi.schema.documents import parse_yaml
from rogi.text import counted

FORMAT: Final = 1
"""Version of the bundle's format; a bundle of another is refused."""

RANDOM_SPLIT: Final = "random"
"""Method of a split that knows no blocks of ground."""

ROCK_GLACIER: Final = "rock glacier"
BOUNDARY: Final = "boundary"
PATCH: Final = 480
STRIDE: Final = 320
"""Pixels: the patch of Sun et al. (2024), and the step at which cosine windows of it add up."""


@dataclass(frozen=True)
class Channel:
    """A channel of the input.

    Attributes
    ----------
    name : str
        Such as ``red`` or ``elevation``.
    unit : str
        Of its values: ``1`` for digital numbers, ``scaled`` where scale and offset tags were applied.
    mean, std : float
        Of the valid pixels of the training patches.
    percentiles : tuple of float
        Of the same, at `rogi.detection.imagery.pixel_statistics.LEVELS`; empty in bundles of before.
    """

    name: str
    unit: str
    mean: float
    std: float
    percentiles: tuple[float, ...] = ()


@dataclass(frozen=True)
class ThresholdCurve:
    """Agreement of pixels on validation patches at each threshold; each column a share 0-1."""

    threshold: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    iou: tuple[float, ...]


@dataclass(frozen=True)
class Metric:
    """A number that says how good the model is, and its interval.

    Attributes
    ----------
    name : str
        ``iou``, ``precision``, ``recall`` or ``f1``.
    split : str
        ``train`` or ``validation``.
    value : float
        Share 0-1.
    low, high : float, optional
        Ends of its percentile bootstrap interval; None where only one block, or patch, could be drawn.
    level : float
        Of the interval.
    count : int
        Blocks, or patches, that were drawn.
    """

    name: str
    split: str
    value: float
    low: float | None
    high: float | None
    level: float
    count: int

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f})"


@dataclass(frozen=True)
class Source:
    """A file by its content."""

    name: str
    sha256: str


@dataclass(frozen=True)
class TrainingRecord:
    """What a model was trained on, and how.

    Attributes
    ----------
    patches, split : str
        SHA-256 of the patches, and of which patch is in which part.
    split_method : str
    train, validation : int
        Patches.
    bounds : tuple of float, optional
        West, south, east and north of their centres, degrees.
    sources : tuple of Source
        Imagery and labels that the patches were cut from.
    initial_weights : Source, optional
        Where the weights began; None for random ones.
    settings : mapping
        All choices of the training, as plain values, and how many epochs and steps were done.
    """

    patches: str
    split: str
    split_method: str
    train: int
    validation: int
    sources: tuple[Source, ...] = ()
    initial_weights: Source | None = None
    settings: Mapping[str, str | float | int | bool | None] = field(default_factory=dict)
    bounds: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class ModelCard:
    """``model.yaml`` of a bundle.

    Attributes
    ----------
    name, version : str
    architecture, encoder : str
        Names of segmentation-models-pytorch.
    encoder_depth, decoder_channels, output_stride, atrous_rates
        Choices of the architecture; None for its default, or where it has no such choice.
    channels : tuple of Channel
        In the order of the input.
    dtype, dtype_range
        Of the pixels it was trained on.
    resolution_m : float
        Ground size of a pixel, metres.
    patch, stride : int
        Pixels: side of the input, and step of prediction.
    outputs : tuple of str
        ``rock glacier``, and ``boundary`` where it was trained with one.
    threshold : float
        Probability from which a pixel is rock glacier; calibrated, as all probabilities of the bundle.
    calibration : Calibration, optional
        None where the probabilities are those of the network as it was trained.
    threshold_curve, metrics, training
    licence, citation, description : str
    training_data : str
        What a network that was trained elsewhere was trained on.
    imported : Source, optional
        The file that such a network was made from.
    rogi : str
        Version that wrote it.
    """

    name: str
    version: str
    architecture: str
    encoder: str
    channels: tuple[Channel, ...]
    dtype: str
    dtype_range: tuple[float, float]
    resolution_m: float
    encoder_depth: int | None = None
    decoder_channels: int | tuple[int, ...] | None = None
    output_stride: int | None = None
    atrous_rates: tuple[int, int, int] | None = None
    patch: int = PATCH
    stride: int = STRIDE
    outputs: tuple[str, ...] = (ROCK_GLACIER,)
    threshold: float = 0.5
    calibration: Calibration | None = None
    threshold_curve: ThresholdCurve | None = None
    metrics: tuple[Metric, ...] = ()
    training: TrainingRecord | None = None
    licence: str = ""
    citation: str = ""
    description: str = ""
    training_data: str = ""
    imported: Source | None = None
    rogi: str = __version__

    @property
    def mean(self) -> npt.NDArray[np.float32]:
        """Mean per channel, float32."""
        return np.array([channel.mean for channel in self.channels], np.float32)

    @property
    def std(self) -> npt.NDArray[np.float32]:
        """Standard deviation per channel, float32."""
        return np.array([channel.std for channel in self.channels], np.float32)

    def drawn(self, metric: Metric) -> str:
        """What the interval of a metric is of, such as ``2 blocks of ground``; nothing where it has none."""
        if metric.low is None or metric.high is None:
            return ""
        if self.training is not None and self.training.split_method == RANDOM_SPLIT:
            return counted(metric.count, "patch", "patches")
        return counted(metric.count, "block of ground", "blocks of ground")

    def normalise(self, values: npt.ArrayLike, valid: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """What the network takes: (value - mean) / std, and 0, the mean, where a pixel is invalid.

        Parameters
        ----------
        values : array, (..., channels, height, width)
        valid : array of bool, (..., height, width)

        Returns
        -------
        array of float32, shape of `values`
        """
        return normalise(values, valid, self.mean, self.std)


def normalise(
    values: npt.ArrayLike,
    valid: npt.ArrayLike,
    mean: npt.NDArray[np.float32],
    std: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """(value - mean) / std per channel, 0 where invalid; see `ModelCard.normalise`."""
    scaled = np.asarray(values, np.float32) - mean[:, None, None]
    scaled /= std[:, None, None]
    np.copyto(scaled, np.float32(0), where=~np.asarray(valid, bool)[..., None, :, :])
    return scaled


def write_card(card: ModelCard) -> str:
    """The card as YAML; `read_card` gives it back."""
    return write_yaml(plain_card(card))


def write_yaml(document: Mapping[str, Any]) -> str:
    """Plain values as a card has them."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def plain_card(card: ModelCard) -> dict[str, Any]:
    """The card as plain values."""
    return {"format": FORMAT, **_plain(asdict(card))}


def read_card(data: bytes, path: Path) -> ModelCard:
    """A card from YAML.

    Parameters
    ----------
    data : bytes
    path : Path
        For messages.

    Raises
    ------
    InputError
        It is no YAML, of another version of the format, or does not fit ``schemas/meta/model.schema.json``.
    """
    document = parse_yaml(data, path)
    version = document.get("format") if isinstance(document, dict) else None
    if version != FORMAT or isinstance(version, bool):
        raise InputError(
            f"{path} is a bundle of format {version!r}; this version of rogi reads format {FORMAT}. "
            "Use the version of rogi that wrote it, or train the model anew."
        )
    document = parse_yaml(data, path, kind="model")
    if not all(map(math.isfinite, _numbers(document))):
        raise InputError(f"{path} contains a number that is not finite; write the bundle anew.")
    del document["format"]
    channels = tuple(
        Channel(**(channel | {"percentiles": tuple(channel.get("percentiles", ()))}))
        for channel in document.pop("channels")
    )
    curve, training = document.pop("threshold_curve", None), document.pop("training", None)
    metrics = tuple(Metric(**metric) for metric in document.pop("metrics", ()))
    calibrated = document.pop("calibration", None)
    imported = document.pop("imported", None)
    for name in ("dtype_range", "outputs", "atrous_rates", "decoder_channels"):
        if isinstance(document.get(name), list):
            document[name] = tuple(document[name])
    card = ModelCard(
        channels=channels,
        threshold_curve=ThresholdCurve(**{k: tuple(v) for k, v in curve.items()}) if curve else None,
        metrics=metrics,
        calibration=_calibration(calibrated) if calibrated else None,
        imported=Source(**imported) if imported else None,
        training=_training(training) if training else None,
        **document,
    )
    _check(card, path)
    return card


def _calibration(document: dict[str, Any]) -> Calibration:
    before, after = (
        Reliability(**{k: tuple(v) for k, v in document.pop(name).items()}) for name in ("before", "after")
    )
    return Calibration(**document, before=before, after=after)


def _training(document: dict[str, Any]) -> TrainingRecord:
    initial = document.pop("initial_weights", None)
    bounds = document.pop("bounds", None)
    return TrainingRecord(
        split_method=document.pop("split_method", ""),
        sources=tuple(Source(**source) for source in document.pop("sources", ())),
        initial_weights=Source(**initial) if initial else None,
        bounds=tuple(bounds) if bounds else None,
        **document,
    )


def _check(card: ModelCard, path: Path) -> None:
    """What a JSON Schema cannot say."""
    names = [channel.name for channel in card.channels]
    if len(set(names)) < len(names):
        raise InputError(f"{path} names a channel twice: {', '.join(names)}.")
    for channel in card.channels:
        if list(channel.percentiles) != sorted(channel.percentiles):
            raise InputError(f"{path}: the percentiles of the channel {channel.name} must not decrease.")
    if card.stride > card.patch:
        raise InputError(
            f"{path}: a stride of {card.stride} would leave gaps between patches of {card.patch}."
        )
    curve = card.threshold_curve
    if curve is not None and len({len(column) for column in asdict(curve).values()}) > 1:
        raise InputError(f"{path}: the columns of the threshold curve differ in length.")
    known = card.calibration
    for table in (known.before, known.after) if known is not None else ():
        if len({len(column) for column in asdict(table).values()}) > 1:
            raise InputError(f"{path}: the columns of a table of reliability differ in length.")


def _numbers(document: object) -> Iterator[float]:
    if isinstance(document, float):
        yield document
    elif isinstance(document, Mapping):
        for value in document.values():
            yield from _numbers(value)
    elif isinstance(document, list):
        for value in document:
            yield from _numbers(value)


def _plain(value: Any) -> Any:
    """Without tuples and numpy's numbers, which YAML has no words for."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
