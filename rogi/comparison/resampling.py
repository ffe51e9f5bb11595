"""The inner loop of the cluster bootstrap."""

from __future__ import annotations

import numpy as np
from numba import njit

from rogi.geometry import Floats


@njit(cache=True, nogil=True)
def resample(parts: Floats, seed: int, first: int, sums: Floats) -> None:
    """Sums over as many clusters as there are, drawn with replacement; one draw per row of ``sums``.

    Each replicate has a stream of its own (SplitMix64, Steele, Lea & Flood 2014, begun from the seed and
    the number of the replicate), so that replicates may be computed in any order and in threads.

    Parameters
    ----------
    parts : ndarray of float64, shape (k, c)
    seed : int
    first : int
        Number of the first replicate.
    sums : ndarray of float64, shape (replicates, c)
        Filled.
    """
    k, c = parts.shape
    golden = np.uint64(0x9E3779B97F4A7C15)
    size = np.uint64(k)
    for replicate in range(len(sums)):
        state = _mix(_mix(np.uint64(seed)) + golden * np.uint64(first + replicate + 1))
        for _ in range(k):
            state += golden
            # the upper 32 bits, scaled to the number of clusters: uneven by at most k / 2^32
            row = ((_mix(state) >> np.uint64(32)) * size) >> np.uint64(32)
            for j in range(c):
                sums[replicate, j] += parts[row, j]


@njit(cache=True, nogil=True, inline="always")
def _mix(z: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
