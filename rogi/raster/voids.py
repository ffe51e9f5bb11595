"""Numbers of an elevation model that are no ground, though the file does not say so.

Two rules, each for what terrain can do:

* No ground is below -500 m (Dead Sea shore: -430 m), and no number near `HIGHEST` is an elevation in any
  unit. Such numbers, and those in `FILLS`, are fill wherever they lie. Others above Mount Everest are not:
  they may be feet or decimetres without a unit, which is told of the units they lie in.
* Zeros are sea, or fill. The sea has a shore: of all pixels around a patch of zeros some lie near zero. Where
  none does, the patch is fill (see `ZERO_GAP`).

What a pixel is depends on its file alone, never on the window it is read in.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from rogi.raster.damage import around_damage
from rogi.raster.files import RasterFile
from rogi.raster.grid import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]

SUMMIT = 9000.0
"""Metres; no ground is higher."""


LOWEST, HIGHEST = -500.0, 1e7
"""Limits of what can be ground: m below, and above in units down to the millimetre, since not all files state
one."""

FILLS = (9999.0, 32767.0, 65535.0, 99999.0, 999999.0, 9999999.0)
"""Numbers in use as fill that lie between these limits; no ground is as high in m."""

ZERO_GAP = 100.0
"""Metres: a patch of zeros is fill where all ground around it is as far from zero as this, and as far as a
slope of 45 degrees leads from pixel to pixel. The highest cliffs (Kalaupapa 1,010 m, Enniberg 754 m) stand
beside shores that are flat somewhere."""

BLOCK = 1024
"""Rows and columns labelled at a time."""

NAMED = (-32768.0, -32767.0, -9999.0, -99999.0, 1e20, *FILLS)
"""Fill values that are told by name."""

SENTINELS = (-32768.0, -32767.0, -9999.0)
"""Fill in whole numbers that are scaled: -9999 cm would be ground."""

Place = tuple[int, int]


@lru_cache(maxsize=4096)
def relief_file(raster: RasterFile) -> ReliefFile:
    """A file of elevations with what is known of its voids; a process looks for them once."""
    return ReliefFile(raster)


class ReliefFile:
    """A file of elevations, read with all its voids known.

    Parameters
    ----------
    raster : RasterFile

    Attributes
    ----------
    notes : set of str
        What reading found worth telling.
    searches : int
        Windows with zeros so far, of which the ground beyond them decides whether they are fill.
    """

    def __init__(self, raster: RasterFile) -> None:
        self.notes: set[str] = set()
        self.searches = 0
        scaled = raster.scale != 1 or raster.offset != 0
        self.raster = raster.with_voids(*stored_fills(raster)) if scaled else raster

    def read(self, window: Window) -> Values:
        """Elevations in a window inside the file, m; NaN for voids.

        Raises
        ------
        CorruptTile
        """
        values, low = self._without_fill(window)
        if low <= 0:  # elsewhere, as nearly everywhere, no masks are needed
            zero = values == 0
            fill = zero
            if zero.any():
                self.searches += 1
                fill = self._patches.mask(window, zero)
            if fill.any():
                values[fill] = np.nan
                self.notes.add(
                    f"{self.raster.name} has zeros without any ground near zero around them; they are taken "
                    "as void."
                )
        return values

    def _without_fill(self, window: Window) -> tuple[Values, float]:
        values = self.raster.read(window)
        what, low = clear_fill(values)
        if what:
            name = self.raster.name
            self.notes.add(
                f"{name} contains {what}, which no ground has, and does not declare it as nodata; "
                "taken as void."
            )
        return values, low

    @cached_property
    def _patches(self) -> ZeroPatches:
        def read(window: Window) -> Values:
            values: Values = np.full(window.shape, np.nan, dtype=self.raster.float_type)
            inside = window.within(self.raster.shape)
            if 0 not in inside.shape:
                # What cannot be read is told where a unit needs it.
                values[window.part(inside)] = around_damage(
                    lambda part: self._without_fill(part)[0], inside, np.nan, lambda _: None
                )
            return values

        return ZeroPatches(self.raster.shape, read, max(ZERO_GAP, *self.raster.grid.pixel_metres))


def stored_fills(raster: RasterFile) -> tuple[float, ...]:
    """Fill among numbers that are scaled: `SENTINELS`, limits of the type, and what would be above `SUMMIT`.

    9999 feet, say, is ground.
    """
    kind = np.dtype(raster.dtype)
    limits = np.iinfo(kind) if kind.kind in "iu" else None
    ends = () if limits is None else (float(limits.max), *((float(limits.min),) if kind.kind == "i" else ()))
    high = (fill for fill in FILLS if fill * raster.scale + raster.offset > SUMMIT)
    return (*SENTINELS, *ends, *high)


def clear_fill(values: Values) -> tuple[str, float]:
    """Make NaN what no ground is, in place.

    Parameters
    ----------
    values : ndarray of float
        Elevations, m or in an unknown unit.

    Returns
    -------
    what : str
        What it was, for a note; empty where there was nothing.
    least : float
        The least number there was; NaN without any.

    Examples
    --------
    >>> values = np.array([4000.0, -9999.0, -430.0, 8849.0])
    >>> clear_fill(values), values.tolist()
    (('-9999', -9999.0), [4000.0, nan, -430.0, 8849.0])
    """
    if not values.size:
        return "", np.nan
    # Least and greatest ignore NaN and are much cheaper than masks, of which most windows need none.
    low, high = float(np.fmin.reduce(values, axis=None)), float(np.fmax.reduce(values, axis=None))
    if not (low < LOWEST or high >= FILLS[0]):
        return "", low
    fill = (values < LOWEST) | (values > HIGHEST) | np.isin(values, FILLS)
    if not fill.any():
        return "", low
    first = float(values[fill][0])
    values[fill] = np.nan
    if first in NAMED:
        return f"{first:g}", low
    return f"numbers below {LOWEST:g}" if first < LOWEST else f"numbers above {HIGHEST:g}", low


@dataclass
class _Block:
    """Patches of zeros and voids of a block, as their labels lie along its sides.

    Attributes
    ----------
    packed : bytes
        Mask of zeros and voids.
    sides : dict of Place to ndarray of int32
        Labels along the side towards the block in that direction; 0 for ground.
    nearest : ndarray of float64, shape (labels + 1,)
        Least distance from zero of the ground around each patch, m; infinite where there is none.
    zeros : ndarray of bool, shape (labels + 1,)
        Patches with zeros.
    fill : dict of int to bool
        Verdicts so far.
    """

    packed: bytes
    sides: dict[Place, NDArray[np.int32]]
    nearest: NDArray[np.float64]
    zeros: Mask
    fill: dict[int, bool]


class ZeroPatches:
    """Zeros of a file that are fill: found when asked for, patch by patch, in bounded memory.

    A patch consists of zeros and voids joined along their sides, so that zeros behind a rim of voids belong
    to the ground beyond it. It is followed through blocks of `BLOCK` pixels until ground near zero is found
    or all of it is known.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the file.
    read : callable
        Elevations in a window, m; NaN for voids and outside the file.
    gap : float
        Metres; see `ZERO_GAP`.
    """

    def __init__(self, shape: tuple[int, int], read: Callable[[Window], Values], gap: float) -> None:
        self.shape, self.read, self.gap = shape, read, gap
        self._blocks: dict[Place, _Block] = {}

    def mask(self, window: Window, zero: Mask) -> Mask:
        """Which zeros of a window inside the file are fill.

        Parameters
        ----------
        window : Window
        zero : ndarray of bool
            Pixels that are zero.
        """
        fill = np.zeros_like(zero)
        for i in range(window.row0 // BLOCK, -(-window.row1 // BLOCK)):
            for j in range(window.column0 // BLOCK, -(-window.column1 // BLOCK)):
                own = self._window((i, j))
                row0, row1 = max(own.row0, window.row0), min(own.row1, window.row1)
                left, right = max(own.column0, window.column0), min(own.column1, window.column1)
                part = (
                    slice(row0 - window.row0, row1 - window.row0),
                    slice(left - window.column0, right - window.column0),
                )
                if not zero[part].any():
                    continue
                verdict = self._verdicts((i, j))
                block = self._blocks[i, j]
                if verdict[block.zeros].all():
                    fill[part] = zero[part]
                elif verdict.any():
                    labels, _ = _label(_unpack(block.packed, own.shape))
                    inside = labels[
                        row0 - own.row0 : row1 - own.row0, left - own.column0 : right - own.column0
                    ]
                    fill[part] = zero[part] & verdict[inside]
        return fill

    def _verdicts(self, place: Place) -> Mask:
        """Per label of a block whether it is fill; patches without zeros are not asked for."""
        block = self._block(place)
        verdict = np.zeros(len(block.nearest), dtype=bool)
        for label in np.flatnonzero(block.zeros).tolist():
            if label not in block.fill:
                self._follow(place, label)
            verdict[label] = block.fill[label]
        return verdict

    def _follow(self, place: Place, label: int) -> None:
        """Decide about the patch with a label."""
        seen, waiting = {(place, label)}, [(place, label)]
        nearest = np.inf
        while waiting and nearest >= self.gap:
            (i, j), own = waiting.pop()
            block = self._block((i, j))
            nearest = min(nearest, float(block.nearest[own]))
            for (down, right), labels in block.sides.items():
                beside = (i + down, j + right)
                touching = labels == own
                if not touching.any() or not self._inside(beside):
                    continue
                others = self._block(beside).sides[-down, -right][touching]
                for other in np.unique(others[others > 0]).tolist():
                    if (beside, other) not in seen:
                        seen.add((beside, other))
                        waiting.append((beside, other))
        fill = bool(self.gap <= nearest < np.inf)
        for where, number in seen:
            self._blocks[where].fill[number] = fill

    def _block(self, place: Place) -> _Block:
        known = self._blocks.get(place)
        if known is None:
            known = self._blocks[place] = self._look(place)
        return known

    def _look(self, place: Place) -> _Block:
        window = self._window(place)
        values = np.abs(self.read(window.grown(1)))
        empty = ~(values > 0)  # zero, or NaN
        labels, count = _label(empty[1:-1, 1:-1])
        ground = np.where(empty, np.inf, values)
        height, width = window.shape
        around = np.full(window.shape, np.inf)
        for down in range(3):
            for right in range(3):
                np.minimum(around, ground[down : down + height, right : right + width], out=around)
        numbers = np.arange(count + 1)
        nearest = np.asarray(ndimage.minimum(around, labels, numbers), dtype=np.float64)
        zeros = np.zeros(count + 1, dtype=bool)
        zeros[np.unique(labels[values[1:-1, 1:-1] == 0])] = True
        sides = {
            (-1, 0): labels[0].copy(), (1, 0): labels[-1].copy(),
            (0, -1): labels[:, 0].copy(), (0, 1): labels[:, -1].copy(),
        }  # fmt: skip
        packed = zlib.compress(np.packbits(empty[1:-1, 1:-1]).tobytes(), 1)
        return _Block(packed, sides, nearest, zeros, {})

    def _window(self, place: Place) -> Window:
        i, j = place
        rows, columns = self.shape
        return Window(i * BLOCK, min((i + 1) * BLOCK, rows), j * BLOCK, min((j + 1) * BLOCK, columns))

    def _inside(self, place: Place) -> bool:
        i, j = place
        return 0 <= i * BLOCK < self.shape[0] and 0 <= j * BLOCK < self.shape[1]


def _label(mask: Mask) -> tuple[NDArray[np.int32], int]:
    labels, count = ndimage.label(mask)
    return np.asarray(labels, dtype=np.int32), int(count)


def _unpack(packed: bytes, shape: tuple[int, int]) -> Mask:
    bits = np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8), count=shape[0] * shape[1])
    return bits.reshape(shape).astype(bool)
