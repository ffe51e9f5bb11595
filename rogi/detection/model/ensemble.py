"""Several models, and several turns of the ground, that answer together: their mean, and how far they differ.

All answers for a window have the same weight. They are added up as integers (`rogi.detection.windows`), so
neither their order nor the way work is shared out changes a byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rogi.detection.model.bundle import ONNX, WEIGHTS, Bundle
from rogi.errors import InputError, OptionError
from rogi.ledger import digest

if TYPE_CHECKING:
    from rogi.detection.model.card import ModelCard
    from rogi.detection.model.engines import Floats

TURNS: Final[dict[int, tuple[int, ...]]] = {1: (0,), 2: (0, 2), 4: (0, 1, 2, 3), 8: tuple(range(8))}
"""Quarter turns by how many turns are asked for; from 4 on, of the mirror image."""

MOST_MODELS: Final = 16
"""Models that may answer together; a process holds the networks of all."""

SAME_PIXEL: Final = 0.05
"""Share by which the ground size of the pixels of models that answer together may differ."""


@dataclass(frozen=True)
class Models:
    """Models that answer together.

    Attributes
    ----------
    bundles : tuple of Bundle
        By digest, so that the order in which they are named changes nothing.
    turns : int
        How often each window is answered: 1, 2 (and by half a turn), 4 (quarter turns) or 8 (and mirrored).
    """

    bundles: tuple[Bundle, ...]
    turns: int = 1

    @classmethod
    def load(cls, paths: Sequence[Path], turns: int = 1) -> Models:
        """Open bundles and check that they can be averaged.

        Raises
        ------
        InputError
            A bundle is damaged, or they differ in channels, pixel size, patch, outputs, or in whether their
            probabilities are calibrated.
        OptionError
            A network is named twice, or there is no such number of turns.
        """
        if turns not in TURNS:
            raise OptionError(f"--turns is 1, 2, 4 or 8, found {turns}.")
        if not 1 <= len(paths) <= MOST_MODELS:
            raise OptionError(f"From 1 to {MOST_MODELS} models can answer together, found {len(paths)}.")
        bundles = [Bundle.load(path) for path in paths]
        for number, bundle in enumerate(bundles):
            for other in bundles[:number]:
                if _networks(bundle) & _networks(other):
                    said = (
                        f"{bundle.path} is given twice"
                        if bundle.digest == other.digest
                        else f"{bundle.path} and {other.path} are the same network with other cards"
                    )
                    raise OptionError(f"{said}; name each model once.")
            _check_agreement(bundles[0], bundle)
        return cls(tuple(sorted(bundles, key=lambda bundle: bundle.digest)), turns)

    @property
    def answers(self) -> int:
        """Answers for each window."""
        return len(self.bundles) * self.turns

    @cached_property
    def card(self) -> ModelCard:
        """What is true of all: threshold and pixel size are means, the stride the smallest."""
        cards = [bundle.card for bundle in self.bundles]
        if len(cards) == 1:
            return cards[0]
        return replace(
            cards[0],
            name="+".join(card.name for card in cards),
            version="+".join(card.version for card in cards),
            threshold=round(sum(card.threshold for card in cards) / len(cards), 4),
            resolution_m=sum(card.resolution_m for card in cards) / len(cards),
            stride=min(card.stride for card in cards),
        )

    @property
    def digest(self) -> str:
        """Of what is answered: that of the bundle; of several, or with turns, of all and the turns."""
        if self.answers == 1:
            return self.bundles[0].digest
        return digest("ensemble", self.turns, *(bundle.digest for bundle in self.bundles))

    @property
    def label(self) -> str:
        """``name@digest`` of each model, 12 digits of it, and the turns: what candidates are marked with."""
        turns = f", {self.turns} turns" if self.turns > 1 else ""
        return "+".join(bundle.label for bundle in self.bundles) + turns

    def describe(self) -> dict[str, Any]:
        """What candidates state of it, as plain values."""
        card = self.card
        members = [
            {"name": one.card.name, "version": one.card.version, "sha256": one.digest} for one in self.bundles
        ]
        about: dict[str, Any] = members[0]
        if len(members) > 1:
            about = {"name": card.name, "version": card.version, "sha256": self.digest, "members": members}
        return about | ({"turns": self.turns} if self.turns > 1 else {})

    def notes(self) -> tuple[str, ...]:
        """What is worth telling: turns of what a model never saw turned."""
        if self.turns == 1:
            return ()
        still = [
            bundle.card.name
            for bundle in self.bundles
            if bundle.card.training is not None
            and bundle.card.training.settings.get("augmentation_turn") is False
        ]
        return tuple(
            f"{name} was trained without turns, so its turned answers may be poor." for name in still
        )


def turned(images: Floats, turn: int) -> Floats:
    """Images turned by quarter turns, mirrored after it from turn 4 on; shape (..., side, side).

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[1, 2], [3, 4]])
    >>> turned(image, 1).tolist(), turned(image, 4).tolist()
    ([[2, 4], [1, 3]], [[2, 1], [4, 3]])
    >>> all((turned_back(turned(image, turn), turn) == image).all() for turn in range(8))
    True
    """
    found = np.rot90(images, turn % 4, axes=(-2, -1))
    return np.ascontiguousarray(found[..., ::-1] if turn >= 4 else found)


def turned_back(images: Floats, turn: int) -> Floats:
    """What `turned` has turned, as it was."""
    found = images[..., ::-1] if turn >= 4 else images
    return np.ascontiguousarray(np.rot90(found, -(turn % 4), axes=(-2, -1)))


def _check_agreement(first: Bundle, other: Bundle) -> None:
    """Refuse models whose answers cannot be averaged."""
    a, b = first.card, other.card
    for what, own, wanted in (
        ("takes the channels", _channels(b), _channels(a)),
        ("has patches of", f"{b.patch} pixels", f"{a.patch} pixels"),
        ("has the outputs", ", ".join(b.outputs), ", ".join(a.outputs)),
        ("was trained on", _values(b), _values(a)),
        ("has", _calibrated(b), _calibrated(a)),
    ):
        if own != wanted:
            raise InputError(
                f"{other.path} {what} {own}, {first.path} {wanted}; models that answer together agree in it."
            )
    if abs(b.resolution_m / a.resolution_m - 1) > SAME_PIXEL:
        raise InputError(
            f"{other.path} was trained on pixels of {b.resolution_m:.4g} m, {first.path} of "
            f"{a.resolution_m:.4g} m; models that answer together agree in it."
        )


def _networks(bundle: Bundle) -> set[tuple[str, ...]]:
    """What tells a network from others, whatever its card is called."""
    card, sums = bundle.card, bundle.sums
    normalised = tuple(f"{channel.mean} {channel.std}" for channel in card.channels)
    found = {(sums[name], *normalised) for name in (ONNX, WEIGHTS) if name in sums}
    return found | ({(card.imported.sha256,)} if card.imported is not None else set())


def _channels(card: ModelCard) -> str:
    return ", ".join(f"{channel.name} ({channel.unit})" for channel in card.channels)


def _values(card: ModelCard) -> str:
    low, high = card.dtype_range
    return f"{card.dtype} from {low:g} to {high:g}" if not card.dtype.startswith("float") else card.dtype


def _calibrated(card: ModelCard) -> str:
    return "calibrated probabilities" if card.calibration is not None else "uncalibrated probabilities"
