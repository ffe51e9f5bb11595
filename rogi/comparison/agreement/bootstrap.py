"""The inner loop of the cluster bootstrap."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rogi.geometry import Floats

BLOCK = 4096
"""Clusters of a block: few enough to stay in the cache while all replicates draw from them."""


def block_draws(size: int, replicates: int, seed: int) -> NDArray[np.int64]:
    """How many of ``size`` draws fall on each block of clusters, shape (replicates, blocks).

    Multinomial; drawing so many from each block afterwards is the same as drawing from all at once.
    """
    lengths = np.diff(np.append(np.arange(0, size, BLOCK), size))
    return np.random.default_rng(seed).multinomial(size, lengths / size, size=replicates)


@njit(cache=True, nogil=True)
def resample(parts: Floats, draws: NDArray[np.int64], seed: int, first: int, sums: Floats) -> None:
    """Sums over as many clusters as there are, drawn with replacement; one draw per row of ``sums``.

    Each block of each replicate has a stream of its own (SplitMix64, Steele, Lea & Flood 2014, begun from the
    seed and the numbers of both), so that replicates may be computed in any order and in threads.

    Parameters
    ----------
    parts : ndarray of float64, shape (k, c)
    draws : ndarray of int64, shape (replicates, blocks)
        Of these replicates; see `block_draws`.
    seed : int
    first : int
        Number of the first replicate.
    sums : ndarray of float64, shape (replicates, c)
        Filled.
    """
    k, c = parts.shape
    golden = np.uint64(0x9E3779B97F4A7C15)
    for block in range(draws.shape[1]):
        start = block * BLOCK
        length = np.uint64(min(BLOCK, k - start))
        for replicate in range(len(sums)):
            state = _mix(
                _mix(_mix(np.uint64(seed)) + golden * np.uint64(block + 1)) + np.uint64(first + replicate)
            )
            for _ in range(draws[replicate, block]):
                state += golden
                # the upper 32 bits, scaled to the length of the block: uneven by at most one in a million
                row = start + np.int64(((_mix(state) >> np.uint64(32)) * length) >> np.uint64(32))
                for j in range(c):
                    sums[replicate, j] += parts[row, j]


@njit(cache=True, nogil=True, inline="always")
def _mix(z: np.uint64) -> np.uint64:
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
