"""Slope and aspect of an elevation raster, on the ground whatever its grid."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from rogi.errors import OptionError

if TYPE_CHECKING:
    import numpy.typing as npt

    from rogi.terrain.grid import Grid

#: Ground steeper than this has an aspect (metres per metre): rounding of level ground stays below it.
FLAT_GRADIENT = 1e-9


class SlopeMethod(StrEnum):
    """How the gradient is taken from the 3 x 3 neighbourhood."""

    #: Third-order finite difference, weights 1 2 1 (Horn 1981), as GDAL and r.slope.aspect.
    HORN = "horn"
    #: Second-order finite difference of the four neighbours (Zevenbergen & Thorne 1987).
    ZEVENBERGEN_THORNE = "zevenbergen-thorne"


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def arctan(x: float) -> float:
    """Arc tangent of x >= 0 in radians, within 2 ulp, by arithmetic alone.

    A library call may differ in its vectorised and its scalar form, and thus with a pixel's place in a
    window; plain arithmetic does not. Rational approximation of S. L. Moshier's Cephes library (atan.c).
    """
    large = x > 2.414213562373095  # tan(3π/8)
    middle = x > 0.66
    reduced = (x - 1.0) / (x + 1.0) if middle else x
    reduced = -1.0 / x if large else reduced
    base = 0.7853981633974483 if middle else 0.0
    base = 1.5707963267948966 if large else base
    rest = 3.061616997868383e-17 if middle else 0.0
    rest = 6.123233995736766e-17 if large else rest
    z = reduced * reduced
    p = -8.750608600031904122785e-1
    p = p * z - 1.615753718733365076637e1
    p = p * z - 7.500855792314704667340e1
    p = p * z - 1.228866684490136173410e2
    p = p * z - 6.485021904942025371773e1
    q = z + 2.485846490142306297962e1
    q = q * z + 1.650270098316988542046e2
    q = q * z + 4.328810604912902668951e2
    q = q * z + 4.853903996359136964868e2
    q = q * z + 1.945506571482613964425e2
    return base + (reduced * (z * p / q) + reduced + rest)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _differences(
    nw: float, n: float, ne: float, w: float, e: float, sw: float, s: float, se: float, horn: bool
) -> tuple[float, float]:
    """Rise per column and per row from the eight neighbours."""
    if horn:
        col = ((ne + 2.0 * e + se) - (nw + 2.0 * w + sw)) * 0.125
        row = ((sw + 2.0 * s + se) - (nw + 2.0 * n + ne)) * 0.125
    else:
        col = (e - w) * 0.5
        row = (s - n) * 0.5
    return col, row


@njit(cache=True, nogil=True, error_model="numpy")
def ground_gradient(
    above: npt.NDArray[Any],
    middle: npt.NDArray[Any],
    below: npt.NDArray[Any],
    nodes: npt.NDArray[np.float64],
    first: int,
    spacing: int,
    column: int,
    start: int,
    stop: int,
    horn: bool,
    east: npt.NDArray[np.float64],
    north: npt.NDArray[np.float64],
) -> None:
    """Rise per metre east and north of pixels `start`:`stop` of a row into `east` and `north` (from 0).

    `column` is the number of the window's first column in the whole raster. NaN where any neighbour (or the
    pixel) is NaN and on the window's outermost columns.
    """
    cols = middle.size
    begin = start
    while begin < stop:
        node = (column + begin - first) // spacing
        node_column = first + node * spacing - column  # in the window
        end = min(stop, node_column + spacing)
        for i in range(begin - start, end - start):
            east[i] = np.nan
            north[i] = np.nan
        lo, hi = max(begin, 1), min(end, cols - 1)
        size = hi - lo
        if size > 0:
            j0, j1 = nodes[node], nodes[node + 1]
            a0, b0, c0, d0 = j0[0], j0[1], j0[2], j0[3]
            da, db, dc, dd = j1[0] - a0, j1[1] - b0, j1[2] - c0, j1[3] - d0
            up, mid, low = above[lo - 1 : hi + 1], middle[lo - 1 : hi + 1], below[lo - 1 : hi + 1]
            east_out, north_out = east[lo - start : hi - start], north[lo - start : hi - start]
            shift = lo - node_column
            for i in range(size):
                t = float(i + shift) / spacing
                a, b, c, d = a0 + t * da, b0 + t * db, c0 + t * dc, d0 + t * dd
                col, row = _differences(
                    float(up[i]),
                    float(up[i + 1]),
                    float(up[i + 2]),
                    float(mid[i]),
                    float(mid[i + 2]),
                    float(low[i]),
                    float(low[i + 1]),
                    float(low[i + 2]),
                    horn,
                )
                void = 0.0 * float(mid[i + 1])  # NaN where the pixel itself is void
                # Solve (a c; b d) (gE gN) = (col row): rise per step = gradient . step.
                inverse = 1.0 / (a * d - b * c)
                east_out[i] = (d * col - c * row) * inverse + void
                north_out[i] = (a * row - b * col) * inverse + void
        begin = end


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _steepness(east: float, north: float) -> float:
    """Slope of a gradient, degrees."""
    return arctan(np.sqrt(east * east + north * north)) * 57.29577951308232


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _direction(east: float, north: float) -> np.float32:
    """Direction downhill of a gradient, degrees; NaN where it is flat."""
    x, y = -east, -north
    ax, ay = abs(x), abs(y)
    small, big = min(ax, ay), max(ax, ay)
    flat = big * big + small * small < FLAT_GRADIENT * FLAT_GRADIENT
    angle = arctan(small / (1.0 if flat else big)) * 57.29577951308232
    angle = 90.0 - angle if ax > ay else angle
    angle = 180.0 - angle if y < 0.0 else angle
    angle = 360.0 - angle if x < 0.0 else angle
    rounded = np.float32(angle)
    rounded = np.float32(0.0) if rounded >= np.float32(360.0) else rounded
    return np.float32(np.nan) if flat else rounded


@njit(cache=True, nogil=True, error_model="numpy")
def _at(
    elevation: npt.NDArray[Any],
    rows: npt.NDArray[np.int32],
    columns: npt.NDArray[np.int32],
    nodes: npt.NDArray[np.float64],
    first: int,
    spacing: int,
    column: int,
    horn: bool,
    slopes: npt.NDArray[np.float32],
    aspects: npt.NDArray[np.float32],
) -> None:
    east, north = np.empty(elevation.shape[1]), np.empty(elevation.shape[1])
    k = 0
    while k < rows.size:
        end = k + 1
        while end < rows.size and rows[end] == rows[k] and columns[end] == columns[end - 1] + 1:
            end += 1
        r, start = rows[k], columns[k]
        if 0 < r < elevation.shape[0] - 1:
            ground_gradient(
                elevation[r - 1], elevation[r], elevation[r + 1],
                nodes[r], first, spacing, column, start, start + end - k, horn, east, north,
            )  # fmt: skip
            for i in range(end - k):
                slopes[k + i] = _steepness(east[i], north[i])
                aspects[k + i] = _direction(east[i], north[i])
        k = end


@njit(cache=True, nogil=True, error_model="numpy")
def _slope(
    elevation: npt.NDArray[Any],
    nodes: npt.NDArray[np.float64],
    first: int,
    spacing: int,
    column: int,
    horn: bool,
    out: npt.NDArray[np.float32],
) -> None:
    rows, cols = elevation.shape
    east, north = np.empty(cols), np.empty(cols)
    for r in range(1, rows - 1):
        ground_gradient(
            elevation[r - 1], elevation[r], elevation[r + 1],
            nodes[r], first, spacing, column, 0, cols, horn, east, north,
        )  # fmt: skip
        target = out[r]
        for i in range(cols):
            target[i] = _steepness(east[i], north[i])


@njit(cache=True, nogil=True, error_model="numpy")
def _aspect(
    elevation: npt.NDArray[Any],
    nodes: npt.NDArray[np.float64],
    first: int,
    spacing: int,
    column: int,
    horn: bool,
    out: npt.NDArray[np.float32],
) -> None:
    rows, cols = elevation.shape
    east, north = np.empty(cols), np.empty(cols)
    for r in range(1, rows - 1):
        ground_gradient(
            elevation[r - 1], elevation[r], elevation[r + 1],
            nodes[r], first, spacing, column, 0, cols, horn, east, north,
        )  # fmt: skip
        target = out[r]
        for i in range(cols):
            target[i] = _direction(east[i], north[i])


def prepared(elevation: npt.ArrayLike, grid: Grid) -> npt.NDArray[Any]:
    """Elevation as a C-contiguous float32 or float64 array, NaN where void, checked against the grid.

    Void are masked pixels, and those with the fill value that a DataArray declares in its attributes.
    A first axis of length 1, as rasterio and rioxarray give it, is dropped.
    """
    array: Any = np.ma.asarray(elevation)
    declared = getattr(elevation, "attrs", {})
    for fill in (declared.get("_FillValue"), declared.get("missing_value")):
        if isinstance(fill, int | float | np.number):
            array = np.ma.masked_where(array.data == fill, array)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or array.shape != tuple(grid.shape):
        raise OptionError(
            f"The elevation has shape {array.shape} but the grid {tuple(grid.shape)}; "
            "give the grid of the same window."
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64 if array.dtype.itemsize > 2 else np.float32)
    return np.ascontiguousarray(array.filled(np.nan))


def slope(
    elevation: npt.ArrayLike, grid: Grid, *, method: SlopeMethod = SlopeMethod.HORN
) -> npt.NDArray[np.float32]:
    """Slope of the terrain in degrees.

    Parameters
    ----------
    elevation : array_like (rows, cols)
        Metres; void where NaN or masked (`numpy.ma`), or where a DataArray has the fill value it declares.
        Computed in float64 whatever its type.
    grid : Grid
        Grid of the same window. Distances are ground metres: per row on geographic grids, with the
        CRS's scale and unit on projected ones, the plain unit on planar ones.
    method : SlopeMethod
        Horn (1981) by default, or Zevenbergen and Thorne (1987).

    Returns
    -------
    float32 array (rows, cols)
        Degrees, 0-90; NaN on the outermost ring of the window (read one pixel more on each side) and where
        the pixel or any of its eight neighbours (Zevenbergen-Thorne: four) is void.

    Examples
    --------
    >>> from rogi.terrain import Grid
    >>> plane = np.add.outer(np.zeros(3), [0.0, 30.0, 60.0])
    >>> float(slope(plane, Grid((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), (3, 3)))[1, 1])
    45.0
    """
    array = prepared(elevation, grid)
    metric = grid.metric()
    out = np.full(array.shape, np.nan, dtype=np.float32)
    horn = SlopeMethod(method) is SlopeMethod.HORN
    _slope(array, metric.nodes, metric.first, metric.spacing, grid.col_offset, horn, out)
    return out


def aspect(
    elevation: npt.ArrayLike, grid: Grid, *, method: SlopeMethod = SlopeMethod.HORN
) -> npt.NDArray[np.float32]:
    """Direction the terrain faces (downhill), degrees clockwise from true north.

    On projected grids the meridian convergence is taken into account, so the aspect does not depend on the
    CRS the DEM is in; subtract `Grid.convergence` to get it relative to grid north, as GIS programs give it.

    Parameters
    ----------
    elevation, grid, method
        As for `slope`.

    Returns
    -------
    float32 array (rows, cols)
        Degrees, 0 <= aspect < 360; NaN on flat ground (gradient below `FLAT_GRADIENT`), on the outermost
        ring and next to voids.

    Examples
    --------
    >>> from rogi.terrain import Grid
    >>> plane = np.add.outer(np.zeros(3), [0.0, 30.0, 60.0])  # rises eastward, so it faces west
    >>> float(aspect(plane, Grid((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), (3, 3)))[1, 1])
    270.0
    """
    array = prepared(elevation, grid)
    metric = grid.metric()
    out = np.full(array.shape, np.nan, dtype=np.float32)
    horn = SlopeMethod(method) is SlopeMethod.HORN
    _aspect(array, metric.nodes, metric.first, metric.spacing, grid.col_offset, horn, out)
    return out


def slope_and_aspect(
    elevation: npt.ArrayLike,
    grid: Grid,
    rows: npt.NDArray[np.int32],
    columns: npt.NDArray[np.int32],
    *,
    method: SlopeMethod = SlopeMethod.HORN,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """`slope` and `aspect` of some pixels of a window; those beside one another in a row come fastest.

    Parameters
    ----------
    elevation, grid, method
        As for `slope`.
    rows, columns : int32 arrays (n,)
        Pixels of the window.

    Returns
    -------
    two float32 arrays (n,)

    Examples
    --------
    >>> from rogi.terrain import Grid
    >>> plane = np.add.outer(np.zeros(3), [0.0, 30.0, 60.0])
    >>> middle = np.array([1], dtype=np.int32)
    >>> slope_and_aspect(plane, Grid((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), (3, 3)), middle, middle)
    (array([45.], dtype=float32), array([270.], dtype=float32))
    """
    array, metric = prepared(elevation, grid), grid.metric()
    found = np.full((2, len(rows)), np.nan, dtype=np.float32)
    horn = SlopeMethod(method) is SlopeMethod.HORN
    _at(array, rows, columns, metric.nodes, metric.first, metric.spacing, grid.col_offset, horn, *found)
    return found[0], found[1]
