"""Pixels just beyond the edge of a grid, from another one that begins there.

Resampling there sees only one side of the edge, so that its mean lies off the pixel: slopes along the edge
would be wrong. A plane through the pixels of both grids around the place has no such error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from rogi.raster.grid import Mask, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rogi.raster.resampling import Fitted, Resampling

    Floats = NDArray[np.floating[Any]]

LEAST_SHARE = 0.24
"""Share of the weight of another grid's pixels that must be known: a quarter is at a corner between tiles."""

SPREAD = 1e-3
"""Least variance of places, in pixels squared, for a slope to be fitted: with less across their longest
direction they lie on a line, with less along it they are one pixel."""


def mend_edges(
    values: Floats, valid: Mask, around: Floats, own: Mask, layers: Sequence[Fitted[Any]], window: Window
) -> None:
    """Set pixels that touch those of a grid's own files and that another grid has.

    Parameters
    ----------
    values : ndarray of float, shape (rows, columns)
        Of the window, filled from the layers; changed.
    valid : ndarray of bool, shape (rows, columns)
        Which of them there are; changed.
    around : ndarray of float, shape (rows + 2, columns + 2)
        The grid's own pixels in the window and a pixel around it.
    own : ndarray of bool, shape (rows + 2, columns + 2)
        Which of these there are.
    layers : sequence of Fitted
        The other grids, in the order in which they count.
    window : Window
    """
    near = np.zeros(valid.shape, dtype=bool)
    height, width = valid.shape
    for down in range(3):
        for along in range(3):
            near |= own[down : down + height, along : along + width]
    rows, columns = np.nonzero(near & ~own[1:-1, 1:-1])
    for layer in layers:
        resampling: Resampling | None = layer.resampling
        if not len(rows) or resampling is None:
            continue
        top, left = int(rows.min()) + window.row0, int(columns.min()) + window.column0
        part = Window(top, int(rows.max()) + window.row0 + 1, left, int(columns.max()) + window.column0 + 1)
        source = resampling.source_window(part)
        if 0 in source.shape:
            continue
        pixels, known = layer.layer.read(source)
        places = [rows + window.row0 + 0.5, columns + window.column0 + 0.5]
        here = np.array(resampling.positions(*places))
        below = np.array(resampling.positions(places[0] + 1.0, places[1]))
        right = np.array(resampling.positions(places[0], places[1] + 1.0))
        jacobian = np.stack([below - here, right - here], axis=-1).transpose(1, 0, 2)
        found, share = _planes(
            here.T - (source.row0, source.column0), jacobian, pixels[0].astype(np.float64), known,
            around.astype(np.float64), own, rows, columns, *resampling.reach,
        )  # fmt: skip
        edge = (share >= LEAST_SHARE) & np.isfinite(found)
        values[rows[edge], columns[edge]] = found[edge]
        valid[rows[edge], columns[edge]] = True
        rows, columns = rows[~edge], columns[~edge]


@njit(cache=True, nogil=True)
def _planes(
    here: NDArray[np.float64],
    jacobian: NDArray[np.float64],
    pixels: NDArray[np.float64],
    known: Mask,
    around: NDArray[np.float64],
    own: Mask,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    down: float,
    along: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Heights at places of planes by weighted least squares, and the share of the other grid that is known.

    `here` is the place in the other grid, `jacobian` its change with a row and a column of the own grid. The
    weights of the other grid are those of resampling; what they lack of one goes to the own pixels around.
    """
    n = len(rows)
    found, shares = np.full(n, np.nan), np.zeros(n)
    for k in range(n):
        y, x = here[k]
        if not (np.isfinite(y) and np.isfinite(x)):
            continue
        a, b, c, d = jacobian[k, 0, 0], jacobian[k, 0, 1], jacobian[k, 1, 0], jacobian[k, 1, 1]
        determinant = a * d - b * c
        if determinant == 0.0:
            continue
        whole = 0.0
        m = np.zeros(9)
        for p in range(int(np.ceil(y - down)), int(np.floor(y + down)) + 1):
            for q in range(int(np.ceil(x - along)), int(np.floor(x + along)) + 1):
                w = (1.0 - abs(p - y) / down) * (1.0 - abs(q - x) / along)
                whole += w
                if w > 0.0 and 0 <= p < known.shape[0] and 0 <= q < known.shape[1] and known[p, q]:
                    r = (d * (p - y) - b * (q - x)) / determinant
                    s = (a * (q - x) - c * (p - y)) / determinant
                    _add(m, w, r, s, pixels[p, q])
        if whole <= 0.0:
            continue
        shares[k] = m[0] / whole
        m /= whole
        lacking = 1.0 - shares[k]
        for i in range(3):
            for j in range(3):
                if own[rows[k] + i, columns[k] + j]:
                    w = lacking * (1.0 - 0.5 * abs(i - 1)) * (1.0 - 0.5 * abs(j - 1))
                    _add(m, w, i - 1.0, j - 1.0, around[rows[k] + i, columns[k] + j])
        found[k] = _height(m)
    return found, shares


@njit(cache=True, nogil=True, inline="always")
def _add(m: NDArray[np.float64], w: float, r: float, s: float, z: float) -> None:
    """Add a pixel to the moments."""
    m[0] += w
    m[1] += w * r
    m[2] += w * s
    m[3] += w * r * r
    m[4] += w * r * s
    m[5] += w * s * s
    m[6] += w * z
    m[7] += w * r * z
    m[8] += w * s * z


@njit(cache=True, nogil=True)
def _height(m: NDArray[np.float64]) -> float:
    """Height at the origin of the plane of some moments; where they are on a line, of the line."""
    if m[0] <= 0.0:
        return np.nan
    r, s, z = float(m[1] / m[0]), float(m[2] / m[0]), float(m[6] / m[0])
    rr, rs, ss = float(m[3] / m[0] - r * r), float(m[4] / m[0] - r * s), float(m[5] / m[0] - s * s)
    rz, sz = float(m[7] / m[0] - r * z), float(m[8] / m[0] - s * z)
    if rr + ss <= SPREAD:
        return z
    determinant = rr * ss - rs * rs
    if determinant <= SPREAD * (rr + ss):
        return z - (r * rz + s * sz) / (rr + ss)
    return z - r * (ss * rz - rs * sz) / determinant - s * (rr * sz - rs * rz) / determinant
