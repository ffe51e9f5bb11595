"""Which pixels of overlapping patches count, so that each ground counts once in scores.

A pixel counts in the patch whose centre is nearest (in rows or columns, the larger of both), where the
network sees most of its surroundings; of equally near ones in the first.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class OwnGround:
    """Pixels that count in each of some patches.

    Parameters
    ----------
    source, row, column : array of int64, (n,)
        Image of each patch, and its first pixel there.
    size : int
        Side of a patch, pixels.
    """

    def __init__(self, source: Ints, row: Ints, column: Ints, size: int) -> None:
        self._source, self._row, self._column, self._size = source, row, column, size
        self._packed = lru_cache(maxsize=None)(self._pack)

    def mask(self, number: int) -> Mask:
        """Pixels of a patch that count, shape (size, size)."""
        size = self._size
        return np.unpackbits(self._packed(number), count=size**2).reshape(size, size).astype(bool)

    def _pack(self, number: int) -> npt.NDArray[np.uint8]:
        size = self._size
        down = self._row - self._row[number]
        along = self._column - self._column[number]
        near = (self._source == self._source[number]) & (np.abs(down) < size) & (np.abs(along) < size)
        place = np.arange(size) - (size - 1) / 2
        mine = np.maximum(np.abs(place)[:, None], np.abs(place))
        own = np.ones((size, size), bool)
        for other in np.flatnonzero(near):
            if other == number:
                continue
            theirs = np.maximum(np.abs(place - down[other])[:, None], np.abs(place - along[other]))
            own &= (mine < theirs) | (mine == theirs) if number < other else mine < theirs
        return np.packbits(own)
