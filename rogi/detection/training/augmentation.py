"""Variants of training patches: turned, mirrored, lit and scaled otherwise.

Each variant is drawn from its own random stream, seeded by (seed, epoch, place in the epoch): the same
whatever was drawn before it, so that training can be stopped and go on anywhere. Pixels are only moved, never
mixed; so values can be changed after that, and by a table where there are few.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

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

TABLE_BITS: Final = 16
"""Of integers whose values fit into a table."""


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


@dataclass(frozen=True, eq=False)
class Tone:
    """How the values of a variant differ from those of its patch.

    Attributes
    ----------
    exponent : float
        Of the values as a share of `value_range`.
    factor : array of float32, (channels,)
        Of the distance from the mean.
    shift : array of float32, (channels,)
        Added.
    mean : array of float32, (channels,)
    value_range : tuple of float
        Of the pixels; gamma bends what lies between.
    light : array of bool, (channels,)
        Channels whose values may change.
    """

    exponent: float
    factor: Floats
    shift: Floats
    mean: Floats
    value_range: tuple[float, float]
    light: Mask

    def __call__(self, values: npt.NDArray[Any]) -> Floats:
        """Values of the variant for values of the patch, (channels, rows, columns)."""
        out = values.astype(np.float32)
        if self.exponent != 1:
            for channel in np.flatnonzero(self.light):
                out[channel] = _bent(out[channel], self.exponent, self.value_range)
        out -= self.mean[:, None, None]
        out *= self.factor[:, None, None]
        out += (self.mean + self.shift)[:, None, None]
        return out


Tones = Callable[[npt.NDArray[Any]], Floats]
"""Values for a network from values of a patch, channels first."""


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
) -> tuple[npt.NDArray[Any], Labels, Mask, Tone]:
    """A variant of a patch: its pixels, and how their values change (`fill` applies it).

    Parameters
    ----------
    image : array, (channels, height, width)
    label : array of uint8, (height, width)
    valid : array of bool, (height, width)
    settings : Augmentation
    seed : tuple of int
        Seed, epoch, place in the epoch.
    mean, std : array of float32, (channels,)
    value_range, light
        See `Tone`.

    Returns
    -------
    image, label, valid
        Views of what was given where pixels stay beside each other.
    tone : Tone
    """
    rng = np.random.default_rng(seed)
    # All numbers are drawn whatever is asked for, so that one choice does not change the others.
    turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
    shift, factor, exponent, zoom = (float(v) for v in rng.uniform(-1.0, 1.0, 4))
    place = rng.uniform(0.0, 1.0, 2)
    if settings.crop:
        window = _window(label, settings.crop, rng)
        image, label, valid = image[:, *window], label[window], valid[window]
    if settings.scale:
        rows, columns, inside = _zoomed(label.shape, (1 + settings.scale) ** zoom, place)
        image = image.take(rows, axis=1).take(columns, axis=2)
        label = label.take(rows, axis=0).take(columns, axis=1)
        valid = valid.take(rows, axis=0).take(columns, axis=1) & inside
    if settings.turn:
        image, label = _turned(image, turns, mirror), _turned(label, turns, mirror)
        valid = _turned(valid, turns, mirror)
    tone = Tone(
        (1 + settings.gamma) ** exponent,
        np.where(light, (1 + settings.contrast) ** factor, 1.0).astype(np.float32),
        np.where(light, settings.brightness * shift * std, 0.0).astype(np.float32),
        mean,
        value_range,
        light,
    )
    return image, label, valid, tone


def fill(image: npt.NDArray[Any], valid: Mask, tones: Tones, out: Floats) -> None:
    """Write the values of a variant, 0 where invalid.

    Integers of up to 16 bits are looked up in a table of all values that there are: the same numbers as
    those computed for each pixel, in less time.

    Parameters
    ----------
    image : array, (channels, height, width)
    valid : array of bool, (height, width)
    tones : callable
    out : array of float32, (channels, height, width)
        Filled; fastest where channels lie beside each other in memory.
    """
    bits = 8 * image.itemsize
    if image.dtype.kind not in "iu" or bits > TABLE_BITS or 2**bits > valid.size:
        np.copyto(out, tones(image))
        np.copyto(out, np.float32(0), where=~valid)
        return
    plain = np.dtype(f"u{image.itemsize}")
    values = np.arange(2**bits, dtype=plain).view(image.dtype)
    table = tones(np.broadcast_to(values, (len(image), 1, len(values))))[:, 0]
    _look_up(image.view(plain), valid, np.ascontiguousarray(table.T), out.transpose(1, 2, 0))


@njit(cache=True, nogil=True)
def _look_up(image: npt.NDArray[Any], valid: Mask, table: Floats, out: Floats) -> None:
    channels, height, width = image.shape
    for row in range(height):
        for column in range(width):
            for channel in range(channels):
                if valid[row, column]:
                    out[row, column, channel] = table[image[channel, row, column], channel]
                else:
                    out[row, column, channel] = 0.0


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
    share: Floats = np.clip((values - low) / span, 0.0, 1.0)
    np.power(share, np.float32(exponent), out=share)
    share *= span
    share += low
    return share


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
