"""Whether imagery is what a model was trained on: channels, ground resolution, range of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError, OptionError
from rogi.text import agreeing

if TYPE_CHECKING:
    from rogi.detection.imagery.channels import Imagery
    from rogi.detection.model.card import ModelCard

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

RESOLUTION_TOLERANCE = 0.1
"""Share by which each side of a pixel may differ on the ground from that of the training. A mosaic on a
web map grid changes by as much over ten degrees of latitude."""

SAMPLES = 5
"""Windows along each side of the imagery that are looked at."""
SAMPLE_PIXELS = 64

FURTHEST = 10.0
"""Standard deviations of the training by which the median of a channel may lie off its mean. Snow, shadow and
season move it by two or three; another scale of the numbers by dozens."""
NARROWEST = 0.02
"""Part of the standard deviation of the training that a channel has at the least: 0 to 1 in place of 0 to 255
is less."""


@dataclass(frozen=True)
class Intake:
    """How the channels of some imagery become those of a model.

    Attributes
    ----------
    order : tuple of int
        Channel of the imagery for each of the model.
    stretched : tuple of int
        Channels of the model whose values are stretched.
    stretch : tuple of float, optional
        Values of the imagery that stand for the ends of the model's range.
    target : tuple of float
        The model's range.
    """

    order: tuple[int, ...]
    stretched: tuple[int, ...] = ()
    stretch: tuple[float, float] | None = None
    target: tuple[float, float] = (0.0, 255.0)

    def __call__(self, values: Floats) -> Floats:
        """Channels of the model (channels, h, w) from those of the imagery."""
        if self.order == tuple(range(len(values))) and self.stretch is None:
            return values
        chosen = values[list(self.order)]
        if self.stretch is not None:
            (low, high), (first, last) = self.stretch, self.target
            part = chosen[list(self.stretched)]
            scaled = first + (part - np.float32(low)) * np.float32((last - first) / (high - low))
            chosen[list(self.stretched)] = np.clip(scaled, first, last)
        return chosen


def intake(
    imagery: Imagery, card: ModelCard, *, stretch: tuple[float, float] | None = None
) -> tuple[Intake, tuple[str, ...]]:
    """Check that imagery fits a model, and say how its channels are taken.

    Parameters
    ----------
    imagery : Imagery
    card : ModelCard
    stretch : tuple of float, optional
        Values of the imagery that stand for the ends of the range the model was trained on.

    Returns
    -------
    intake : Intake
    notes : tuple of str
        What is worth telling.

    Raises
    ------
    InputError
        Channels are missing, pixels are of another size on the ground, or values of another range.
    OptionError
        A stretch that is none.
    """
    wanted = [channel.name for channel in card.channels]
    missing = [name for name in wanted if name not in imagery.names]
    if missing:
        example = ",".join(f"{name}={band}" for band, name in enumerate(wanted, 1))
        raise InputError(
            f"The model {card.name} takes the channels {', '.join(wanted)}; the imagery {imagery.name} has "
            f"{', '.join(imagery.names)}, so {', '.join(missing)} {agreeing(len(missing), 'is', 'are')} "
            f"missing. Say which bands they are, for example with --bands {example}, or give further rasters "
            f"with --channel {missing[-1]}=FILE."
        )
    sides, trained = np.array(imagery.grid.pixel_metres), card.resolution_m
    if (np.abs(sides / trained - 1) > RESOLUTION_TOLERANCE).any():
        # pixels that are square in degrees are narrow on the ground, the more so the nearer the pole
        square = abs(sides[0] / sides[1] - 1) <= RESOLUTION_TOLERANCE
        found = f"{imagery.metres_per_pixel:.4g} m" if square else f"{sides[0]:.4g} m by {sides[1]:.4g} m"
        raise InputError(
            f"The model {card.name} was trained on pixels of {trained:g} m, those of the imagery "
            f"{imagery.name} are {found} on the ground; --resample brings it to {trained:g} m, or "
            "take a model for this resolution."
        )
    order = tuple(imagery.names.index(name) for name in wanted)
    if stretch is None:
        taken = Intake(order)
    else:
        if not (np.isfinite(stretch).all() and stretch[0] < stretch[1]):
            raise OptionError(
                f"--stretch is LOW,HIGH, the lower value first, found {stretch[0]},{stretch[1]}."
            )
        bands = len(imagery.names) - len(imagery.added)
        own = tuple(place for place, channel in enumerate(order) if channel < bands)
        taken = Intake(order, own, stretch, card.dtype_range)
    _check_values(imagery, card, taken)
    notes = []
    unused = [name for name in imagery.names[len(imagery.names) - len(imagery.added) :] if name not in wanted]
    if unused:
        notes.append(
            f"The model {card.name} takes the channels {', '.join(wanted)}, so {', '.join(unused)} of "
            f"--channel {agreeing(len(unused), 'is', 'are')} not used; ground without a value there is left "
            "out all the same, so leave the option away."
        )
    if imagery.dtype != card.dtype and stretch is None:
        notes.append(f"The imagery holds {imagery.dtype}, the model was trained on {card.dtype}.")
    return taken, tuple(notes)


def _check_values(imagery: Imagery, card: ModelCard, taken: Intake) -> None:
    values = _sample(imagery, taken)
    if not values.size:
        return
    off = np.abs(np.median(values, axis=1) - card.mean) / card.std
    narrow = values.std(axis=1) / card.std
    wrong = np.flatnonzero((off > FURTHEST) | (narrow < NARROWEST))
    if not len(wrong):
        return
    channel, (low, high) = card.channels[wrong[0]], np.quantile(values[wrong[0]], [0.01, 0.99])
    raise InputError(
        f"The imagery {imagery.name} holds {imagery.dtype}, in the channel {channel.name} mostly {low:.4g} "
        f"to {high:.4g}; the model {card.name} was trained on {card.dtype}, there {channel.mean:.4g} ± "
        f"{channel.std:.4g}. Say with --stretch LOW,HIGH which values of the imagery stand for the ends of "
        f"the model's range, {card.dtype_range[0]:g} and {card.dtype_range[1]:g}."
    )


def _sample(imagery: Imagery, taken: Intake) -> Floats:
    """Valid values of small windows all over the imagery, those of damaged files left out; (channels, n)."""
    from rogi.detection.imagery.channels import CorruptTile

    rows, columns = imagery.shape
    found = []
    for i in range(SAMPLES):
        for j in range(SAMPLES):
            height, width = min(SAMPLE_PIXELS, rows), min(SAMPLE_PIXELS, columns)
            row = (rows - height) * i // max(SAMPLES - 1, 1)
            column = (columns - width) * j // max(SAMPLES - 1, 1)
            try:
                values, valid = imagery.read(row, column, height, width)
            except CorruptTile:
                continue
            found.append(taken(values)[:, valid])
    return np.concatenate(found, axis=1) if found else np.zeros((0, 0), np.float32)
