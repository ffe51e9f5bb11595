"""Smooth noise without a grain: gradient noise on turned lattices, the same at a place whatever the window.

Gradient noise after Perlin (1985, An image synthesizer, SIGGRAPH; with the quintic curve of his 2002 paper);
each seed turns its lattice by another angle, so that sums of octaves show no axes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

_EAST = np.cos(np.arange(256) * (2 * np.pi / 256))
_NORTH = np.sin(np.arange(256) * (2 * np.pi / 256))

SPREAD = 0.85
"""Brings the noise, whose values lie within ±0.71, to a spread like that of uniform numbers."""


def noise(x: Floats, y: Floats, wavelength: float, seed: int) -> Floats:
    """Noise in 0 to 1 with a mean of 0.5.

    Parameters
    ----------
    x, y : ndarray of float64, shape (columns,) and (rows,)
        m.
    wavelength : float
        Of the lattice, m.
    seed : int

    Returns
    -------
    ndarray of float64, shape (rows, columns)
    """
    out = np.empty((len(y), len(x)))
    angle = (seed * 0.618033988749895) % 1.0 * 2 * np.pi
    _fill(x / wavelength, y / wavelength, np.cos(angle), np.sin(angle), np.uint64(seed % 2**63), out)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(x: Floats, y: Floats, cos: float, sin: float, seed: np.uint64, out: Floats) -> None:
    for i in range(y.size):
        for j in range(x.size):
            u = cos * x[j] - sin * y[i]
            v = sin * x[j] + cos * y[i]
            left, top = np.floor(u), np.floor(v)
            fu, fv = u - left, v - top
            a, b = np.int64(left), np.int64(top)
            wu = fu * fu * fu * (fu * (fu * 6 - 15) + 10)
            wv = fv * fv * fv * (fv * (fv * 6 - 15) + 10)
            n00 = _slope(a, b, seed, fu, fv)
            n10 = _slope(a + 1, b, seed, fu - 1, fv)
            n01 = _slope(a, b + 1, seed, fu, fv - 1)
            n11 = _slope(a + 1, b + 1, seed, fu - 1, fv - 1)
            upper = n00 + wu * (n10 - n00)
            lower = n01 + wu * (n11 - n01)
            value = 0.5 + SPREAD * (upper + wv * (lower - upper))
            out[i, j] = min(max(value, 0.0), 1.0)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _slope(a: np.int64, b: np.int64, seed: np.uint64, du: float, dv: float) -> float:
    """Rise of the plane at a lattice point, of random direction (splitmix64's mixing), towards a place."""
    h = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(b) * np.uint64(0xC2B2AE3D27D4EB4F)
    h += seed * np.uint64(0x165667B19E3779F9)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h = h ^ (h >> np.uint64(31))
    direction = h >> np.uint64(56)
    rise: float = _EAST[direction] * du + _NORTH[direction] * dv
    return rise
