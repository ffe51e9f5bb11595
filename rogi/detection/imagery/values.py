"""Whether the values of an image are such as a model was trained on: the same scale, offset and stretch.

An image is judged by the percentiles of a sample of its pixels, tile by tile, beside those of the training
pixels. Season, shadow and snow move them, also far; other numbers for the same brightness move them in ways
that ground cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.detection.imagery.derived_channels import DIGITAL, SCALED
from rogi.detection.imagery.pixel_statistics import LEVELS
from rogi.errors import InputError
from rogi.geometry import transform_geometries
from rogi.raster.files import reading
from rogi.raster.grid import Window
from rogi.raster.header import CorruptTile
from rogi.raster.imagery.image_edges import plain_fill
from rogi.text import counted

if TYPE_CHECKING:
    from rogi.detection.imagery.channels import Imagery
    from rogi.detection.model.card import ModelCard
    from rogi.raster.mosaic import Mosaic, Tile

Floats = NDArray[np.floating]

CELL: Final = 4096
"""Side of what is judged as one, pixels: a tile, or a part of one that is larger."""

PLACES: Final = (3, 12)
"""Windows along each side of a cell from which pixels are taken, and those where these have too few."""
SIDE: Final = 64
"""Pixels along each side of such a window."""

SAMPLE: Final = 1 << 22
"""Pixels of which percentiles of all imagery are taken at most, 50 MB of three bands."""

READERS: Final = 4
"""Threads that read."""

ENOUGH: Final = 256
"""Valid pixels from which on a cell is judged; of fewer only values beyond the range of the type are."""

UNIFORM: Final = 8
"""Distinct steps of whole numbers below which a cell is uniform, as snow, water and fill are."""

DIM: Final = 6.0
"""How many times as bright ground is in training, by the median, where values are of another scale, if
they vary as much less too. A tile all in shadow or water is darker than others by less."""

BRIGHT: Final = 3.0
"""How many times as bright as nearly all of the training, by the median, values of another scale are. Snow is
up to three times as bright as rock, and training shows the brightest rock at the least."""

ALIKE: Final = 4.0
"""Factor by which the ratio of spreads (of the middle half) may differ from that of medians in another
scale."""

HUE: Final = 2.5
"""Factor by which ratios of medians may differ among channels in another scale: it is the same for all. Deep
water has a fifth of the blue of rock, and a twentieth of its red."""

WATER: Final = 16.0
"""How many times as bright as deep water ground is in training at the most, by the median; 12 bits in place
of 16 are as much."""

FLAT: Final = 1 / 8
"""Spread of the middle half, as a share of that in training, below which a tile is water or shadow, which no
offset or stretch explains."""

OFFSET: Final = {DIGITAL: 1000.0, SCALED: 0.1}
"""What Sentinel-2 adds to all numbers since processing baseline 04.00, of numbers and of reflectances (ESA,
Sentinel-2 Products Specification Document, RADIO_ADD_OFFSET and BOA_ADD_OFFSET)."""

OFFSET_SHARE: Final = 0.4
"""Part of the offset by which dark ends and medians may be off it: what light and season do to dark "
"ground."""

OFFSET_RANGE: Final = 0.25
"""Part of the offset by which dark ends of channels may differ: light on bright ground adds more to red than
to blue, an offset the same to all."""

DARKER: Final = 0.5
"""How far, beyond the darkest pixels of the training, dark ends and medians may lie; in distances from these
to the median of the training. Ground in shadow is as dark in training; another stretch takes off a
constant."""

_MEDIAN, _LOW, _HIGH = LEVELS.index(50.0), LEVELS.index(2.0), LEVELS.index(98.0)
_FIRST, _THIRD = LEVELS.index(25.0), LEVELS.index(75.0)
_DARKEST, _DARK, _BRIGHTEST = LEVELS.index(0.1), LEVELS.index(1.0), LEVELS.index(99.9)


@dataclass(frozen=True, eq=False)
class Doubt:
    """Ground whose values are not such as the model was trained on.

    Attributes
    ----------
    name : str
        Of the file, with the place of the cell in one that is larger than `CELL`.
    reason : str
        What the values seem to be: a few words, and after a colon the numbers.
    outline : Polygon
        In the CRS of the imagery.
    path : Path
        Of the file.
    """

    name: str
    reason: str
    outline: shapely.Polygon
    path: Path

    @property
    def kind(self) -> str:
        """The reason without numbers of this tile."""
        return self.reason.partition(":")[0]

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


def doubts(
    imagery: Imagery, cards: Sequence[ModelCard], take: Callable[[Floats], Floats], bands: Sequence[int]
) -> tuple[tuple[Doubt, ...], tuple[str, ...]]:
    """Hold every tile of some imagery against the values that each of some models was trained on.

    Parameters
    ----------
    imagery : Imagery
    cards : sequence of ModelCard
        Of models with the same channels and type; the first with a doubt gives the reason.
    take : callable
        Makes the channels of the models of those of the imagery.
    bands : sequence of int
        Channels of the models that come from bands of the imagery.

    Returns
    -------
    doubts : tuple of Doubt
        In the order of the tiles.
    notes : tuple of str
        What is worth telling of fill that counts as ground.
    """
    card = cards[0]
    trained = [np.array([trained_percentiles(one, number) for number in bands]) for one in cards]
    units = {card.channels[number].unit for number in bands}
    low, high = card.dtype_range if np.dtype(card.dtype).kind in "ui" else (-np.inf, np.inf)

    def judged(place: tuple[Mosaic, Tile, Window]) -> tuple[str, int | None]:
        _, tile, cell = place
        whole = np.dtype(tile.dtype).kind in "ui"
        with reading():
            pixels, fill = _sample(tile, cell)
        # channels that are added are not of this file, and are not judged
        filled = np.concatenate([pixels, np.zeros((len(imagery.added), pixels.shape[1]), pixels.dtype)])
        values = take(filled.astype(np.float32)[:, :, None])[list(bands), :, 0]
        offset = OFFSET.get(min(units, default=DIGITAL), 0.0)
        reasons = (judge(values, table, (low, high), offset, whole) for table in trained)
        return next(filter(None, reasons), ""), fill

    places = [
        (image.layer, tile, cell)
        for image in imagery.images
        for tile in image.layer.tiles
        for cell in _cells(tile)
    ]
    with ThreadPoolExecutor(READERS) as pool:
        verdicts = list(pool.map(judged, places))
    found = tuple(
        Doubt(_name(tile, cell), reason, _outline(mosaic, tile, cell, imagery), tile.parts[0].path)
        for (mosaic, tile, cell), (reason, _) in zip(places, verdicts, strict=True)
        if reason
    )
    fills = [(tile, fill) for (_, tile, _), (_, fill) in zip(places, verdicts, strict=True)]
    return found, _fill_notes(fills)


def training_notes(images: Sequence[Imagery]) -> tuple[str, ...]:
    """What is worth telling of the values of images that a model is to be trained on.

    Raises
    ------
    InputError
        Some have scale and offset tags and others have none.
    """
    tiles = [tile for image in images for tile in image.tiles]
    if len({tile.scaled for tile in tiles}) > 1:
        tagged = next(tile for tile in tiles if tile.scaled)
        raise InputError(
            f"{tagged.parts[0].path} has scale and offset tags and other images have none, so their "
            "values are in "
            "different units; write the tags into all of them with gdal_edit -scale -offset."
        )
    return odd_tiles(images)


def odd_tiles(images: Sequence[Imagery]) -> tuple[str, ...]:
    """What is worth telling of tiles with fill, or of another scale or offset than the others.

    Each is held against the tile whose medians are in the middle of all.
    """
    cells = [(tile, cell) for image in images for tile in image.tiles for cell in _cells(tile)]
    known: list[tuple[int, int, Floats]] = []  # number of the cell, of its pixels, and their percentiles
    fills = []
    with reading():
        for number, (tile, cell) in enumerate(cells):
            pixels, fill = _sample(tile, cell)
            fills.append((tile, fill))
            if pixels.shape[1] >= ENOUGH:
                known.append((number, pixels.shape[1], _percentiles(pixels)))
    notes = _fill_notes(fills)
    if len(known) < 2:
        return notes
    middles = [float(np.median(table[:, _MEDIAN])) for _, _, table in known]
    first, _, usual = known[int(np.argsort(middles, kind="stable")[(len(middles) - 1) // 2])]
    model, _ = cells[first]
    unit = SCALED if model.scaled else DIGITAL
    odd = []
    for number, count, table in known:
        tile, cell = cells[number]
        whole = np.dtype(tile.dtype).kind in "ui"
        reason = _judge(table, count, usual, (-np.inf, np.inf), OFFSET[unit], whole)
        if reason and not reason.startswith("another stretch"):  # a single tile says little of dark ground
            odd.append(
                f"{_name(tile, cell)} ({reason.replace('in training', f'in {model.parts[0].path.name}')})"
            )
    if not odd:
        return notes
    shown = "; ".join(odd[:3]) + (" ..." if len(odd) > 3 else "")
    return (
        *notes,
        f"Values of {counted(len(odd), 'tile')} are not such as in the others, so a model learns from "
        f"both: {shown}.",
    )


def judge(
    values: Floats, trained: Floats, limits: tuple[float, float], offset: float = 0.0, whole: bool = False
) -> str:
    """What values seem to be if not such as in training, or nothing.

    Parameters
    ----------
    values : ndarray of float, shape (channels, n)
        Valid pixels of a cell, as the model would take them.
    trained : ndarray of float, shape (channels, len(LEVELS))
        Percentiles of the training pixels.
    limits : (float, float)
        Least and greatest value of the type of the training pixels.
    offset : float
        What is looked for as added to all values; 0 for nothing.
    whole : bool
        Whether values are whole numbers, in which few steps are little.
    """
    count = values.shape[1]
    return _judge(_percentiles(values), count, trained, limits, offset, whole) if count else ""


def _judge(
    found: Floats, count: int, trained: Floats, limits: tuple[float, float], offset: float, whole: bool
) -> str:
    """As `judge`, by the percentiles of so many pixels."""
    middle, low, high = (found[:, place] for place in (_MEDIAN, _LOW, _HIGH))
    usual = trained[:, _MEDIAN]
    shown = (
        f"values mostly {low.min():.4g} to {high.max():.4g} (median {np.median(middle):.4g}), in training "
        f"{trained[:, _LOW].min():.4g} to {trained[:, _HIGH].max():.4g} (median {np.median(usual):.4g})"
    )
    if (high > limits[1]).any() or (low < limits[0]).any():
        return f"another scale: {shown}"
    if count < ENOUGH:
        return ""
    spread = high - low
    if (spread == 0).any() or (whole and (spread < UNIFORM).all()):
        return ""
    core, usual_core = (table[:, _THIRD] - table[:, _FIRST] for table in (found, trained))
    ratios = usual / middle if (middle > 0).all() else np.ones_like(middle)
    factor, contrast = float(np.median(ratios)), float(np.median(core / np.maximum(usual_core, 1e-12)))
    alike = 1 / ALIKE < factor * contrast < ALIKE
    alike &= factor >= WATER or bool(ratios.max() < HUE * ratios.min())
    if (factor > DIM and alike) or (middle > BRIGHT * trained[:, _BRIGHTEST]).all():
        return f"another scale: {shown}, {_factor(factor)} of it"
    if contrast < FLAT and factor < WATER:
        return ""
    if offset and _is_off_by(found, trained, offset):
        return (
            f"an offset of {offset:g} as of Sentinel-2 since processing baseline 04.00: {shown}, and no "
            "tag that "
            "takes it off"
        )
    if offset and _is_off_by(found, trained, -offset):
        return f"an offset of {offset:g} taken off twice: {shown}"
    cut = (low <= limits[0]) & (high >= limits[1])
    usual_cut = (trained[:, _LOW] <= limits[0]) | (trained[:, _HIGH] >= limits[1])
    if (cut & ~usual_cut).any():
        return f"another stretch: cut at both ends, {shown}"
    reach = usual - trained[:, _DARKEST]
    bottom = trained[:, _DARKEST] - DARKER * reach
    if np.median((low - bottom) / np.maximum(reach, 1e-12)) < 0 or (middle < trained[:, _DARKEST]).all():
        return f"another stretch or darker ground: {shown}"
    return ""


def _is_off_by(found: Floats, trained: Floats, offset: float) -> bool:
    """Whether dark ends and medians of all channels are off by a constant."""
    dark = (found - trained)[:, [_DARK, _LOW]].mean(axis=1) / offset
    middle = (found - trained)[:, _MEDIAN] / offset
    if (np.abs(dark - 1) > OFFSET_SHARE).any() or np.ptp(dark) > OFFSET_RANGE:
        return False
    # Ground may be brighter or darker besides; it is nearer with the constant taken off than without.
    return bool(np.abs(middle - 1).mean() < np.abs(middle).mean())


def _percentiles(values: Floats) -> Floats:
    return np.quantile(values, np.array(LEVELS) / 100, axis=1, method="inverted_cdf").T


def _factor(factor: float) -> str:
    return f"about 1/{factor:.3g}" if factor > 1 else f"about {1 / factor:.3g} times"


def trained_percentiles(card: ModelCard, number: int) -> tuple[float, ...]:
    """Percentiles of a channel in training; of a bundle without them, those of a normal distribution."""
    channel = card.channels[number]
    if channel.percentiles:
        return channel.percentiles
    low, high = card.dtype_range
    bell = NormalDist(channel.mean, channel.std)
    return tuple(min(max(bell.inv_cdf(level / 100), low), high) for level in LEVELS)


def _fill_notes(fills: Sequence[tuple[Tile, int | None]]) -> tuple[str, ...]:
    """What is worth telling of tiles with fill that counts as ground, by the number that fills them."""
    by_value: dict[int, dict[str, None]] = {}
    for tile, value in fills:
        if value is not None:
            by_value.setdefault(value, {})[tile.parts[0].path.name] = None
    return tuple(
        f"{counted(len(names), 'image')}, {', '.join([*names][:3])}{' ...' if len(names) > 3 else ''}: parts "
        f"are {'white' if value else 'black or nearly black'} "
        f"({value} in all bands) and count as ground; if they are fill, give --nodata {value}."
        for value, names in sorted(by_value.items())
    )


def sample(imagery: Imagery) -> Floats:
    """Valid pixels of small windows all over some imagery, as its bands are; shape (bands, n).

    About `SAMPLE` at most, however large the imagery is: of each cell every n-th.
    """
    cells = [(tile, cell) for tile in imagery.tiles for cell in _cells(tile)]
    share = max(1, SAMPLE // len(cells))
    found = []
    with reading():
        for tile, cell in cells:
            pixels, _ = _sample(tile, cell)
            found.append(pixels[:, :: -(-pixels.shape[1] // share) or 1].astype(np.float32))
    return np.concatenate(found, axis=1)


def _cells(tile: Tile) -> Iterator[Window]:
    """A tile in parts of `CELL` at most."""
    rows, columns = ([*range(0, length, CELL), length] for length in tile.shape)
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield Window(top, bottom, left, right)


def _sample(tile: Tile, cell: Window) -> tuple[Floats, int | None]:
    """Valid pixels of small windows all over a cell, shape (channels, n); those of damaged files left out.

    Also the number that fills one of the windows, see `plain_fill`.
    """
    found: list[Floats] = [np.zeros((tile.channels, 0), np.float32)]
    fill = None
    for places in PLACES:
        for window in _windows(cell, places):
            try:
                values, valid = tile.read(window)
                fill = plain_fill(tile, window, valid) if fill is None else fill
            except CorruptTile:
                continue
            found.append(values[:, valid])
        if sum(part.shape[1] for part in found) >= ENOUGH:
            break
    return np.concatenate(found, axis=1), fill


def _windows(cell: Window, places: int) -> Iterator[Window]:
    height, width = (min(SIDE, length) for length in cell.shape)
    down = np.unique(np.linspace(0, cell.shape[0] - height, places).astype(int))
    along = np.unique(np.linspace(0, cell.shape[1] - width, places).astype(int))
    for row in (cell.row0 + down).tolist():
        for column in (cell.column0 + along).tolist():
            yield Window(row, row + height, column, column + width)


def _name(tile: Tile, cell: Window) -> str:
    name = tile.parts[0].path.name
    if cell.shape == tile.shape:
        return name
    return f"{name}, rows {cell.row0} to {cell.row1 - 1} and columns {cell.column0} to {cell.column1 - 1}"


def _outline(mosaic: Mosaic, tile: Tile, cell: Window, imagery: Imagery) -> shapely.Polygon:
    """A cell in the CRS of the imagery."""
    placed = cell.moved(tile.row, tile.column)
    box = shapely.box(placed.column0, placed.row0, placed.column1, placed.row1)
    turned = mosaic.grid.crs != imagery.crs
    if turned:
        box = shapely.segmentize(box, CELL / 16)
    shape = shapely.transform(box, lambda xy: np.column_stack(mosaic.grid.transform @ (xy[:, 0], xy[:, 1])))
    if not turned:
        return shape
    return transform_geometries(np.array([shape], object), mosaic.grid.crs, imagery.crs)[0]
