"""Steps between the pixels of an elevation model that no terrain has.

The tallest vertical drop is that of Mount Thor, 1,250 m; the Rupal face of Nanga Parbat rises 4,600 m over
about 4 km. Neighbouring pixels that differ by thousands of metres are fill or damage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from rogi.geometry import parse_crs
from rogi.raster.voids import SUMMIT

if TYPE_CHECKING:
    from affine import Affine
    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]


STEP, GRADE = 1500.0, 1.5
"""Metres, and metres per metre of distance: neighbouring pixels differ by less than their sum."""

ANY_UNIT = 3.5
"""Factor of the limit up to a number above `SUMMIT`: all numbers may be feet (3.28 in a metre)."""

EQUATOR_DEGREE = 111_320.0
"""Metres."""


def nominal_spacing(crs: Any, transform: Affine) -> tuple[float, float]:
    """Metres between the pixels of a row and of a column; of degrees those at the equator, where most are.

    So a limit made of it does not depend on which other tiles a grid has.
    """
    system = parse_crs(crs)
    unit = EQUATOR_DEGREE if system.is_geographic else system.axis_info[0].unit_conversion_factor
    return (
        unit * float(np.hypot(transform.a, transform.d)),
        unit * float(np.hypot(transform.b, transform.e)),
    )


def steepest_step(
    values: Values,
    rows: NDArray[np.integer[Any]],
    columns: NDArray[np.integer[Any]],
    spacing: tuple[float, float],
) -> tuple[int, float] | None:
    """The first of some pixels that differs from a neighbour by more than terrain does.

    Of pixels of which one is above `SUMMIT` there is none: what the numbers look like is told of the unit.

    Parameters
    ----------
    values : ndarray of float, shape (rows, columns)
        Elevations, m; NaN for voids.
    rows, columns : ndarray of int, shape (n,)
        Pixels to look at; none on the border of `values`.
    spacing : (float, float)
        Metres between pixels of a row, and of a column.

    Returns
    -------
    (int, float) or None
        Its number and the elevation of the neighbour.

    Examples
    --------
    >>> values = np.full((3, 3), 4000.0)
    >>> values[1, 2] = 18.0
    >>> steepest_step(values, np.array([1]), np.array([1]), (30.0, 30.0))
    (0, 18.0)
    """
    limits = STEP + GRADE * np.array(spacing)
    pixel, down, right = _first_step(values, rows, columns, limits[0], limits[1], SUMMIT)
    if pixel < 0:
        return None
    return pixel, float(values[rows[pixel] + down, columns[pixel] + right])


@njit(cache=True, nogil=True)
def _first_step(
    values: Values,
    rows: NDArray[np.integer[Any]],
    columns: NDArray[np.integer[Any]],
    along: float,
    across: float,
    summit: float,
) -> tuple[int, int, int]:
    """Number of the first pixel with a step, and rows and columns to the neighbour; -1 if there is none."""
    for k in range(len(rows)):
        if values[rows[k], columns[k]] > summit:
            return -1, 0, 0
    for k in range(len(rows)):
        row, column = rows[k], columns[k]
        own = values[row, column]
        for side in range(4):
            down = (0, 0, 1, -1)[side]
            right = (1, -1, 0, 0)[side]
            beside = values[row + down, column + right]
            limit = (along if down == 0 else across) * (1.0 if beside <= summit else ANY_UNIT)
            if abs(beside - own) > limit:
                return k, down, right
    return -1, 0, 0
