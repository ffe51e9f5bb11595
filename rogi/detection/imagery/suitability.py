"""Whether imagery is what a model was trained on: channels, ground resolution, range of values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rogi.detection.imagery.derived_channels import SCALED
from rogi.detection.imagery.values import Doubt, doubts, sample
from rogi.errors import InputError, OptionError
from rogi.raster.spectral_names import meaning
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    from rogi.detection.imagery.channels import Imagery
    from rogi.detection.model.card import ModelCard

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

RESOLUTION_TOLERANCE = 0.1
"""Share by which each side of a pixel may differ on the ground from that of the training. A mosaic on a
web map grid changes by as much over ten degrees of latitude."""

NAMED = 5
"""Tiles named in a message at most."""

Trust = bool | tuple[str, ...]
"""Whether values that are not such as in training are taken; or names of tiles, with * and ?."""

Stretch = tuple[float | str, float | str]
"""Values of the imagery for the ends of the model's range: numbers, or percentiles such as ``p2``."""


@dataclass(frozen=True)
class Intake:
    """How the channels of some imagery become those of a model.

    Attributes
    ----------
    order : tuple of int
        Channel of the imagery for each of the model.
    stretched : tuple of int
        Channels of the model whose values are stretched.
    stretch : tuple of (float, float), optional
        For each of these, the imagery's values that are mapped to the ends of the model's range.
    target : tuple of float
        The model's range.
    """

    order: tuple[int, ...]
    stretched: tuple[int, ...] = ()
    stretch: tuple[tuple[float, float], ...] | None = None
    target: tuple[float, float] = (0.0, 255.0)

    def __call__(self, values: Floats) -> Floats:
        """Channels of the model (channels, h, w) from those of the imagery."""
        if self.order == tuple(range(len(values))) and self.stretch is None:
            return values
        chosen = values[list(self.order)]
        if self.stretch is not None:
            first, last = self.target
            base, factor = self.steps
            scaled = first + (chosen[list(self.stretched)] - base) * factor
            chosen[list(self.stretched)] = np.clip(scaled, first, last)
        return chosen

    @property
    def steps(self) -> tuple[Floats, Floats]:
        """What is taken off the stretched channels, and by what the rest is multiplied; (n, 1, 1) each."""
        low, high = np.array(self.stretch, np.float64).T[:, :, None, None]
        first, last = self.target
        return low.astype(np.float32), ((last - first) / (high - low)).astype(np.float32)


def intake(
    imagery: Imagery,
    card: ModelCard,
    *,
    others: Sequence[ModelCard] = (),
    stretch: Stretch | None = None,
    trust_values: Trust = False,
) -> tuple[Intake, tuple[str, ...], tuple[Doubt, ...]]:
    """Check that imagery fits a model, and say how its channels are taken.

    Parameters
    ----------
    imagery : Imagery
    card : ModelCard
    others : sequence of ModelCard
        Of models that answer together with it: values must be such as in the training of each.
    stretch : (float or str, float or str), optional
        The imagery's values that are mapped to the ends of the model's range; see `Stretch`.
    trust_values : bool or tuple of str
        Take tiles whose values are not such as in training: all, or those with names such as ``scene_3*``.

    Returns
    -------
    intake : Intake
    notes : tuple of str
        What is worth telling.
    doubts : tuple of Doubt
        Ground whose values are trusted though they are not such as in training.

    Raises
    ------
    InputError
        Channels are missing, pixels are of another size on the ground, or values are not such as in training.
    OptionError
        The stretch cannot be read, or no tile has the name.
    """
    order = _order(imagery, card)
    _check_resolution(imagery, card)
    bands = len(imagery.names) - len(imagery.added)
    own = tuple(place for place, channel in enumerate(order) if channel < bands)
    taken = Intake(order)
    if stretch is not None:
        taken = Intake(
            order, own, _stretched(stretch, imagery, [order[place] for place in own]), card.dtype_range
        )
    cards = (card, *others)
    found, fills = doubts(imagery, cards, taken, own)
    if refused := _untrusted(imagery, found, trust_values):
        raise InputError(_refusal(imagery, card, refused))
    notes = [*fills]
    notes += [f"{doubt}. Predicted because it is trusted." for doubt in found]
    notes += [
        f"The model {one.name} has no percentiles of its training pixels, so values were compared with their "
        "means and standard deviations only."
        for one in cards
        if not all(one.channels[place].percentiles for place in own)
    ]
    wanted = {channel.name for channel in card.channels}
    unused = [name for name in imagery.names[bands:] if name not in wanted]
    if unused:
        notes.append(
            f"The model {card.name} takes the channels {', '.join(c.name for c in card.channels)}, so "
            f"{', '.join(unused)} of --channel {agreeing(len(unused), 'is', 'are')} not used; ground "
            "without a "
            "value there is left out all the same, so leave the option away."
        )
    if imagery.dtype != card.dtype and stretch is None:
        notes.append(f"The imagery is {imagery.dtype}, the model was trained on {card.dtype}.")
    return taken, tuple(notes), found


def is_scaled(card: ModelCard) -> bool:
    """Whether a model takes values by scale and offset of files, not stored numbers."""
    return any(channel.unit == SCALED for channel in card.channels)


def parse_stretch(text: str | Sequence[float | str] | None) -> Stretch | None:
    """``0,3000`` or ``p2,p98`` as a stretch.

    Examples
    --------
    >>> parse_stretch("0,3000"), parse_stretch("p2,p98"), parse_stretch((0, 0.3))
    ((0.0, 3000.0), ('p2', 'p98'), (0.0, 0.3))

    Raises
    ------
    OptionError
        It is not two numbers or percentiles, the lower first.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")] if isinstance(text, str) else list(text)
    ends: list[float | str] = []
    for part in parts:
        match = re.fullmatch(r"[pP](\d+(\.\d+)?)", str(part))
        if match is not None and float(match[1]) <= 100:
            ends.append(f"p{match[1]}")
            continue
        try:
            ends.append(float(part))
        except ValueError:
            ends.append(np.nan)
    if len(ends) != 2 or any(isinstance(end, float) and not np.isfinite(end) for end in ends):
        raise OptionError(
            f"--stretch is two numbers such as 0,3000, or percentiles such as p2,p98, found {text!r}."
        )
    low, high = (float(end[1:]) if isinstance(end, str) else end for end in ends)
    if isinstance(ends[0], str) == isinstance(ends[1], str) and low >= high:
        raise OptionError(f"--stretch is LOW,HIGH, the lower value first, found {ends[0]},{ends[1]}.")
    return ends[0], ends[1]


def _order(imagery: Imagery, card: ModelCard) -> tuple[int, ...]:
    """Channel of the imagery for each of the model, by name."""
    known = [same_name(name) for name in imagery.names]
    wanted = [channel.name for channel in card.channels]
    missing = [name for name in wanted if same_name(name) not in known]
    if missing:
        named = any(meaning(name) for name in imagery.names)
        example = ",".join(f"{name}={band}" for band, name in enumerate(wanted, 1))
        bands = (
            f"Say which bands they are, for example with --bands {example}, or give" if not named else "Give"
        )
        raise InputError(
            f"The model {card.name} takes the channels {', '.join(wanted)}; the imagery {imagery.name} has "
            f"{', '.join(imagery.names)}, so {', '.join(missing)} {agreeing(len(missing), 'is', 'are')} "
            f"missing. {bands} further rasters with --channel {missing[-1]}=FILE."
        )
    return tuple(known.index(same_name(name)) for name in wanted)


def same_name(name: str) -> str:
    """What a channel is called whatever it is called: ``B04`` and ``Red`` are ``red``."""
    return meaning(name) or name.casefold()


def _check_resolution(imagery: Imagery, card: ModelCard) -> None:
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


def _stretched(stretch: Stretch, imagery: Imagery, bands: Sequence[int]) -> tuple[tuple[float, float], ...]:
    """The ends of a stretch for each band."""
    if not any(isinstance(end, str) for end in stretch):
        return (stretch,) * len(bands)  # type: ignore[return-value]
    pixels = sample(imagery)
    if not pixels.shape[1]:
        raise InputError(
            f"The imagery {imagery.name} has no valid pixel, so it has no percentiles for --stretch."
        )

    def end(band: int, given: float | str) -> float:
        return (
            given if isinstance(given, float) else float(np.percentile(pixels[band], float(str(given)[1:])))
        )

    ends = tuple((end(band, stretch[0]), end(band, stretch[1])) for band in bands)
    flat = [imagery.names[band] for band, (low, high) in zip(bands, ends, strict=True) if not low < high]
    if flat:
        raise InputError(
            f"The values of {flat[0]} in {imagery.name} are all the same between the ends of --stretch "
            f"{stretch[0]},{stretch[1]}; give numbers."
        )
    return ends


def _untrusted(imagery: Imagery, found: Sequence[Doubt], trust: Trust) -> list[Doubt]:
    """Those of some doubts whose tiles are not trusted."""
    if isinstance(trust, bool):
        return [] if trust else list(found)
    paths = {tile.parts[0].path for tile in imagery.tiles}
    for name in trust:
        if not any(_is_named(path, (name,)) for path in paths):
            shown = ", ".join(sorted(path.name for path in paths)[:NAMED])
            more = " ..." if len(paths) > NAMED else ""
            raise OptionError(f"--trust-tiles {name}: no tile has this name; found {shown}{more}.")
    return [doubt for doubt in found if not _is_named(doubt.path, trust)]


def _is_named(path: Path, names: Sequence[str]) -> bool:
    """Whether a file has one of some names, with or without folders and suffix."""
    known = (path.name, path.stem, path.as_posix())
    # Names may have brackets, which are a pattern too.
    return any(one == name or fnmatchcase(one, name) for one in known for name in names)


def _refusal(imagery: Imagery, card: ModelCard, found: Sequence[Doubt]) -> str:
    named = "; ".join(map(str, found[:NAMED])) + (" ..." if len(found) > NAMED else "")
    ends = f"{card.dtype_range[0]:g} and {card.dtype_range[1]:g}"
    return (
        f"{counted(len(found), 'tile')} of the imagery {imagery.name} ({imagery.dtype}) "
        f"{agreeing(len(found), 'does', 'do')} not match the values that the model {card.name} was "
        f"trained on ({card.dtype}): "
        f"{named}. Leave such tiles out, put their scale and offset tags right (gdal_edit -scale "
        "-offset), say with "
        f"--stretch LOW,HIGH which values are {ends} of the model, or predict all the same with "
        "--trust-values, or some of them with --trust-tiles NAME."
    )
