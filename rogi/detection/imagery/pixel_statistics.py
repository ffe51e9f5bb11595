"""Mean and standard deviation of pixels that come in parts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class PixelStatistics:
    """Mean and standard deviation per channel.

    For integers of up to 16 bits the sums are exact; for floats means and squares are merged after Chan et
    al. (1979).

    Parameters
    ----------
    channels : int
    dtype : dtype
        Of the pixels.
    """

    def __init__(self, channels: int, dtype: np.dtype[Any]) -> None:
        self.exact = dtype.kind in "ui" and dtype.itemsize <= 2
        self.count = 0
        self.sums = [0] * channels
        self.squares = [0] * channels
        self._mean = np.zeros(channels)
        self._m2 = np.zeros(channels)

    def add(self, image: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Add the valid pixels of an image of shape (channels, rows, columns)."""
        pixels = image[:, valid]
        count = pixels.shape[1]
        if not count:
            return
        if self.exact:
            whole = pixels.astype(np.int64)
            self.sums = [a + int(b) for a, b in zip(self.sums, whole.sum(axis=1), strict=True)]
            self.squares = [
                a + int(b) for a, b in zip(self.squares, (whole * whole).sum(axis=1), strict=True)
            ]
        else:
            real = pixels.astype(np.float64)
            mean = real.mean(axis=1)
            delta = mean - self._mean
            total = self.count + count
            self._m2 += ((real - mean[:, None]) ** 2).sum(axis=1) + delta**2 * (self.count * count / total)
            self._mean += delta * (count / total)
        self.count += count

    @property
    def mean(self) -> tuple[float, ...]:
        """Per channel."""
        if self.exact:
            return tuple(total / self.count for total in self.sums)
        return tuple(float(v) for v in self._mean)

    @property
    def std(self) -> tuple[float, ...]:
        """Per channel, of the population."""
        n = self.count
        if self.exact:
            variances = [(n * q - s * s) / (n * n) for s, q in zip(self.sums, self.squares, strict=True)]
        else:
            variances = [float(v) / n for v in self._m2]
        return tuple(float(np.sqrt(v)) for v in variances)
