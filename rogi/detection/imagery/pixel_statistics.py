"""Mean, standard deviation and percentiles of pixels that come in parts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

LEVELS: Final = (0.1, 1.0, 2.0, 5.0, 25.0, 50.0, 75.0, 95.0, 98.0, 99.0, 99.9)
"""Percentiles, in per cent, that cards of patches and models keep of each channel."""

SAMPLE: Final = 256
"""Pixels of a part, about, from which percentiles of floats are computed; those of integers are exact."""


class PixelStatistics:
    """Mean, standard deviation and percentiles per channel.

    Integers of up to 16 bits are counted, so that everything is exact; for floats means and squares are
    merged after Chan et al. (1979), and percentiles are those of every n-th pixel of each part.

    Parameters
    ----------
    channels : int
    dtype : dtype
        Of the pixels.
    """

    def __init__(self, channels: int, dtype: np.dtype[Any]) -> None:
        self.exact = dtype.kind in "ui" and dtype.itemsize <= 2
        self.count = 0
        self._least = int(np.iinfo(dtype).min) if self.exact else 0
        bins = 1 << 8 * dtype.itemsize if self.exact else 0
        self._counts = np.zeros((channels, bins), np.int64)
        self._mean = np.zeros(channels)
        self._m2 = np.zeros(channels)
        self._sample: list[NDArray[np.float64]] = [np.zeros((channels, 0))]

    def add(self, image: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Add the valid pixels of an image of shape (channels, rows, columns)."""
        pixels = image[:, valid]
        count = pixels.shape[1]
        if not count:
            return
        if self.exact:
            for counts, values in zip(self._counts, pixels, strict=True):
                counts += np.bincount(values.astype(np.int64) - self._least, minlength=len(counts))
        else:
            real = pixels.astype(np.float64)
            mean = real.mean(axis=1)
            delta = mean - self._mean
            total = self.count + count
            self._m2 += ((real - mean[:, None]) ** 2).sum(axis=1) + delta**2 * (self.count * count / total)
            self._mean += delta * (count / total)
            self._sample.append(real[:, :: max(1, count // SAMPLE)])
        self.count += count

    @property
    def mean(self) -> tuple[float, ...]:
        """Per channel."""
        if self.exact:
            return tuple(self._power(channel, 1) / self.count for channel in range(len(self._counts)))
        return tuple(float(v) for v in self._mean)

    @property
    def std(self) -> tuple[float, ...]:
        """Per channel, of the population."""
        n = self.count
        if self.exact:
            sums = [
                (self._power(channel, 1), self._power(channel, 2)) for channel in range(len(self._counts))
            ]
            variances = [(n * square - total * total) / (n * n) for total, square in sums]
        else:
            variances = [float(v) / n for v in self._m2]
        return tuple(float(np.sqrt(v)) for v in variances)

    @property
    def percentiles(self) -> tuple[tuple[float, ...], ...]:
        """Per channel, the least value that so many per cent of the pixels (`LEVELS`) do not exceed."""
        shares = np.array(LEVELS) / 100 - 1e-9  # 0.999 of 1000 is a little more than 999
        if self.exact:
            below = self._counts.cumsum(axis=1)
            places = [np.searchsorted(row, np.ceil(shares * self.count)) for row in below]
            return tuple(tuple(float(v) for v in place + self._least) for place in places)
        sample = np.concatenate(self._sample, axis=1)
        found = np.quantile(sample, shares, axis=1, method="inverted_cdf")
        return tuple(tuple(float(v) for v in channel) for channel in found.T)

    def _power(self, channel: int, exponent: int) -> int:
        """Sum of a power of all values, in Python's integers, which do not overflow."""
        filled = np.flatnonzero(self._counts[channel])
        counts = self._counts[channel, filled].tolist()
        values = (filled + self._least).tolist()
        return sum(count * value**exponent for count, value in zip(counts, values, strict=True))
