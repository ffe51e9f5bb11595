"""Slow, plain references for the terrain tests: none shares code with what it checks."""

from __future__ import annotations

import numpy as np
from numba import njit


def fractal(size: int, relief: float, seed: int, roughness: float = 2.2) -> np.ndarray:
    """Spectral fractal surface (float32, metres), standard deviation `relief`, mean 4500."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None]
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = 1.0
    amplitude = frequency ** (-roughness)
    amplitude[0, 0] = 0.0
    z = np.fft.ifft2(amplitude * np.exp(2j * np.pi * rng.random((size, size)))).real
    return (4500.0 + relief * z / z.std()).astype(np.float32)


@njit
def bilinear(z: np.ndarray, y: float, x: float) -> float:
    """Height between four pixel centres; NaN outside."""
    i, j = int(np.floor(y)), int(np.floor(x))
    if i < 0 or j < 0 or i + 1 >= z.shape[0] or j + 1 >= z.shape[1]:
        return np.nan
    fy, fx = y - i, x - j
    top = (1 - fx) * z[i, j] + fx * z[i, j + 1]
    bottom = (1 - fx) * z[i + 1, j] + fx * z[i + 1, j + 1]
    return (1 - fy) * top + fy * bottom


@njit
def lit(
    z: np.ndarray, cell: float, r: int, c: int, sun: np.ndarray, radius: float, step: float, curvature: float
) -> bool:
    """Whether the sun (unit vector) is seen from a pixel, by a march of `step` metres along the beam."""
    level = np.sqrt(sun[0] ** 2 + sun[1] ** 2)
    if level == 0.0:
        return True
    east, north, rise = sun[0] / level, sun[1] / level, sun[2] / level
    s = step
    while s <= radius:
        height = bilinear(z, r - s * north / cell, c + s * east / cell)
        if np.isnan(height):
            break
        if height - z[r, c] - s * s * curvature > rise * s:
            return False
        s += step
    return True


@njit
def marched_direct(
    z: np.ndarray, cell: float, pixels: np.ndarray, normals: np.ndarray, suns: np.ndarray,
    energy: np.ndarray, radius: float, step: float, curvature: float,
) -> np.ndarray:  # fmt: skip
    """Direct radiation of each pixel, every sun by itself: energy (pixels, suns) normal to the beam."""
    out = np.zeros(len(pixels))
    for p in range(len(pixels)):
        r, c = pixels[p]
        for k in range(len(suns)):
            incidence = np.sum(normals[p] * suns[k])
            if incidence > 0.0 and lit(z, cell, r, c, suns[k], radius, step, curvature):
                out[p] += energy[p, k] * incidence
    return out
