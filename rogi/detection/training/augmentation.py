"""Variants of training patches: turned, mirrored, lit and scaled otherwise.

Each variant is drawn from its own random stream, seeded by (seed, epoch, place in the epoch): the same
whatever was drawn before it, so that training can be stopped and go on anywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rogi.detection.patches.shards import IGNORED
from rogi.errors import OptionError

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

OPTICAL = frozenset({"red", "green", "blue", "nir", "swir", "swir1", "swir2", "pan", "grey"})
"""Channels that are light: others (elevation, slope) keep their values."""

NUMBERED = re.compile(r"b(and)?\d+a?")

HOLDING = 0.5
"""Share of windows that hold a rock glacier."""

VALUES_FLOOR = 1e-6


@dataclass(frozen=True)
class Augmentation:
    """How far variants may go; 0 for not at all.

    Attributes
    ----------
    turn : bool
        Mirror images and turns by 90°: all eight are equally likely.
    brightness : float
        Largest change, in standard deviations of the channel; the same for all channels.
    contrast : float
        Largest factor is 1 + this, smallest its inverse; about the mean of the channel.
    gamma : float
        Largest exponent is 1 + this, smallest its inverse; over the range of the values.
    scale : float
        Largest factor of size is 1 + this, smallest its inverse; nearest pixels.
    crop : int
        Side of a window of the patch that is taken, pixels; 0 for all of it. Half of the windows hold a
        random pixel of a rock glacier, where there is one: more of what is rare for the same work.
    """

    turn: bool = True
    brightness: float = 0.2
    contrast: float = 0.2
    gamma: float = 0.2
    scale: float = 0.0
    crop: int = 0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "gamma", "scale"):
            if not 0 <= getattr(self, name) <= 4:
                raise OptionError(f"Augmentation: {name} is from 0 to 4, found {getattr(self, name):g}.")
        if self.crop < 0 or self.crop % 32:
            raise OptionError(f"--crop is a multiple of 32 pixels, found {self.crop}.")


NONE = Augmentation(turn=False, brightness=0, contrast=0, gamma=0)


def augment(
    image: npt.NDArray[Any],
    label: Labels,
    valid: Mask,
    settings: Augmentation,
    seed: tuple[int, int, int],
    *,
    mean: Floats,
    std: Floats,
    value_range: tuple[float, float],
    light: Mask,
) -> tuple[Floats, Labels, Mask]:
    """A variant of a patch.

    Parameters
    ----------
    image : array, (channels, height, width)
    label : array of uint8, (height, width)
    valid : array of bool, (height, width)
    settings : Augmentation
    seed : tuple of int
        Seed, epoch, place in the epoch.
    mean, std : array of float32, (channels,)
    value_range : tuple of float
        Of the pixels; gamma bends what lies between.
    light : array of bool, (channels,)
        Channels whose values may change.

    Returns
    -------
    image, label, valid
        The image as float32.
    """
    rng = np.random.default_rng(seed)
    # All numbers are drawn whatever is asked for, so that one choice does not change the others.
    turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
    shift, factor, exponent, zoom = (float(v) for v in rng.uniform(-1.0, 1.0, 4))
    place = rng.uniform(0.0, 1.0, 2)
    if settings.crop:
        window = _window(label, settings.crop, rng)
        image, label, valid = image[:, *window], label[window], valid[window]
    # A patch from the store is read-only, and must stay as it is.
    out = image.astype(np.float32)
    if settings.gamma and light.any():
        out[light] = _bent(out[light], (1 + settings.gamma) ** exponent, value_range)
    scale = np.where(light, (1 + settings.contrast) ** factor, 1.0).astype(np.float32)
    offset = np.where(light, settings.brightness * shift * std, 0.0).astype(np.float32)
    out = (out - mean[:, None, None]) * scale[:, None, None] + (mean + offset)[:, None, None]
    if settings.scale:
        rows, columns, inside = _zoomed(label.shape, (1 + settings.scale) ** zoom, place)
        out = out[:, rows[:, None], columns]
        label = label[rows[:, None], columns]
        valid = valid[rows[:, None], columns] & inside
    if settings.turn:
        out, label, valid = (
            _turned(out, turns, mirror),
            _turned(label, turns, mirror),
            _turned(valid, turns, mirror),
        )
    return np.ascontiguousarray(out), np.ascontiguousarray(label), np.ascontiguousarray(valid)


def is_light(names: tuple[str, ...]) -> Mask:
    """Which channels are light, by name; numbered bands count as such."""
    plain = [name.lower().replace(" ", "").replace("_", "") for name in names]
    return np.array([name in OPTICAL or bool(NUMBERED.fullmatch(name)) for name in plain], bool)


def _window(label: Labels, side: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of a window; see `Augmentation.crop`."""
    room = np.array(label.shape) - side
    start = rng.integers(0, room + 1)
    inside = np.flatnonzero((label > 0) & (label != IGNORED))
    if rng.random() < HOLDING and len(inside):
        pixel = np.array(np.unravel_index(inside[rng.integers(len(inside))], label.shape))
        start = np.clip(pixel - rng.integers(0, side, 2), 0, room)
    return slice(start[0], start[0] + side), slice(start[1], start[1] + side)


def _turned(part: npt.NDArray[Any], turns: int, mirror: bool) -> npt.NDArray[Any]:
    turned = np.rot90(part, turns, axes=(-2, -1))
    return turned[..., ::-1] if mirror else turned


def _bent(values: Floats, exponent: float, value_range: tuple[float, float]) -> Floats:
    low, high = value_range
    span = max(high - low, VALUES_FLOOR)
    share = np.clip((values - low) / span, 0.0, 1.0)
    bent: Floats = (low + span * share**exponent).astype(np.float32)
    return bent


def _zoomed(
    shape: tuple[int, ...], factor: float, place: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Mask]:
    """Rows and columns to take for a patch `factor` times as large, and where they lie inside it."""
    taken, inside = [], []
    for size, share in zip(shape, place, strict=True):
        covered = size / factor
        start = share * (size - covered)  # between both ends, also where more is covered than there is
        index = np.floor(start + (np.arange(size) + 0.5) / factor).astype(np.int64)
        taken.append(np.clip(index, 0, size - 1))
        inside.append((index >= 0) & (index < size))
    return taken[0], taken[1], inside[0][:, None] & inside[1]
