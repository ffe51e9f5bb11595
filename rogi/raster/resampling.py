"""Pixels of one grid on another: bilinear, the same number for a pixel whatever window it is computed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, floor
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rogi.geometry import transform_coordinates
from rogi.raster.grid import Grid, Window, apply, extent_on

if TYPE_CHECKING:
    from rogi.raster.grid import Mask
    from rogi.raster.mosaic import Floats, Pixels, Tile

    Reader = Callable[[Window], tuple[Floats, Mask]]

NODES = 32
"""Pixels between the nodes at which positions are transformed. Between them they are interpolated, which for
map projections is right to a thousandth of a pixel. Nodes lie at multiples of this on the target grid."""

FILL_ROWS = 256
"""Rows resampled at a time where one layer fills the gaps of another."""

VALID_SHARE = 0.5
"""Share of the weight that must fall on valid pixels for the result to be valid."""


@dataclass(frozen=True)
class Resampling:
    """From one grid to another.

    A pixel is the mean of the source pixels around its centre, weighted by a tent that falls to zero one
    source pixel away or, where the target is coarser, one target pixel away: bilinear interpolation in the
    first case, smoothing against aliasing in the second.

    Attributes
    ----------
    source, target : Grid
    extent : Window, optional
        Rows and columns of the source that can be read; by default those of its grid.
    """

    source: Grid
    target: Grid
    extent: Window | None = None

    @cached_property
    def readable(self) -> Grid:
        """The part of the source that can be read."""
        if self.extent is None:
            return self.source
        corner = self.source.moved(self.extent.row0, self.extent.column0)
        return Grid(self.source.crs, corner, self.extent.shape)

    @property
    def reach(self) -> tuple[float, float]:
        """Half-width of the tent in rows and columns of the source."""
        rows, columns = self.target.shape
        row, column = self._positions(
            np.array([rows / 2, rows / 2 + 1.0]), np.array([columns / 2, columns / 2 + 1.0])
        )
        down = np.hypot(row[1, 0] - row[0, 0], row[0, 1] - row[0, 0])
        along = np.hypot(column[1, 0] - column[0, 0], column[0, 1] - column[0, 0])
        return max(1.0, float(down)), max(1.0, float(along))

    def source_window(self, window: Window) -> Window:
        """What must be read to fill a window; empty if the window shows none of the source."""
        row, column, _, _ = self._nodes(window)
        good = np.isfinite(row) & np.isfinite(column)
        if not good.any():
            return Window(0, 0, 0, 0)
        down, along = self.reach
        extent = self.extent or Window(0, self.source.shape[0], 0, self.source.shape[1])
        row0, row1 = int(np.floor(row[good].min() - down)) - 1, int(np.ceil(row[good].max() + down)) + 1
        column0, column1 = (
            int(np.floor(column[good].min() - along)) - 1,
            int(np.ceil(column[good].max() + along)) + 1,
        )
        row0, row1 = max(row0, extent.row0), min(row1, extent.row1)
        column0, column1 = max(column0, extent.column0), min(column1, extent.column1)
        return Window(row0, max(row0, row1), column0, max(column0, column1))

    def read(self, read: Reader, window: Window, channels: int) -> tuple[Floats, Mask]:
        """Pixels of a window of the target.

        Parameters
        ----------
        read : callable
            Gives values (channels, rows, columns) and valid (rows, columns) of a window of the source.
        window : Window
            Of the target grid; may reach outside.
        channels : int

        Returns
        -------
        values : ndarray of float, shape (channels, rows, columns)
            Of the type that is read; 0 where not valid.
        valid : ndarray of bool, shape (rows, columns)
        """
        valid = np.zeros(window.shape, dtype=bool)
        around = self.source_window(window)
        if 0 in around.shape or 0 in window.shape:
            return np.zeros((channels, *window.shape), dtype=np.float32), valid
        pixels, known = read(around)
        values = np.zeros((channels, *window.shape), dtype=pixels.dtype)
        row, column, top, left = self._nodes(window)
        down, along = self.reach
        _tent(
            pixels, known, around.row0, around.column0, row, column, window.row0 - top,
            window.column0 - left, down, along, values, valid,
        )  # fmt: skip
        return values, valid

    def picked(self, source: NDArray[Any], around: Window, window: Window, nothing: Any) -> NDArray[Any]:
        """Of each pixel of a window of the target, the number of the source pixel that its centre lies in.

        Parameters
        ----------
        source : ndarray, shape (rows, columns)
            Pixels of `around`, a window of the source.
        around, window : Window
        nothing : scalar
            Where there is none.
        """
        row, column, top, left = self._nodes(window)
        i, v = np.divmod(np.arange(window.row0, window.row1) - top, NODES)
        j, u = np.divmod(np.arange(window.column0, window.column1) - left, NODES)
        v, u = v[:, None] / NODES, u / NODES

        def between(nodes: NDArray[np.float64], first: int, count: int) -> NDArray[np.int64]:
            rows = nodes[i] * (1 - v) + nodes[i + 1] * v
            found = rows[:, j] * (1 - u) + rows[:, j + 1] * u
            # Where grids coincide, rounding of the transform must not decide on the pixel.
            near = np.floor(np.rint(found * 1e6) * 1e-6 + 0.5) - first
            return np.where((near >= 0) & (near < count), near, -1).astype(np.int64)

        rows, columns = (
            between(row, around.row0, len(source)),
            between(column, around.column0, source.shape[1]),
        )
        inside = (rows >= 0) & (columns >= 0)
        return np.where(inside, source[rows * inside, columns * inside], nothing)

    def _nodes(self, window: Window) -> tuple[NDArray[np.float64], NDArray[np.float64], int, int]:
        """Positions in the source of the nodes around a window, and row and column of the first node."""
        top, left = window.row0 // NODES * NODES, window.column0 // NODES * NODES
        rows = np.arange(top, window.row1 + NODES, NODES)
        columns = np.arange(left, window.column1 + NODES, NODES)
        row, column = self._positions(rows + 0.5, columns + 0.5)
        return row, column, top, left

    def _positions(
        self, rows: NDArray[Any], columns: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Row and column in the source, such that pixel centres are whole numbers, of target positions."""
        grid = np.meshgrid(columns, rows)
        row, column = self.positions(grid[1].ravel(), grid[0].ravel())
        return row.reshape(grid[0].shape), column.reshape(grid[0].shape)

    def positions(
        self, rows: NDArray[Any], columns: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Row and column in the source, such that pixel centres are whole numbers, of places in the target.

        Parameters
        ----------
        rows, columns : ndarray of float64, shape (n,)
            Counted from the corner of the target.
        """
        x, y = apply(self.target.transform, columns, rows)
        if self.target.crs != self.source.crs:
            xy = transform_coordinates(np.column_stack([x, y]), self.target.crs, self.source.crs)
            x, y = xy[:, 0], xy[:, 1]
        if self.source.crs.is_geographic:
            west = self.source.bounds[0]
            beyond = np.isfinite(x) & ((x < west - 1.0) | (x >= west + 359.0))
            x = np.where(beyond, (x - west + 1.0) % 360.0 + west - 1.0, x)
        column, row = apply(~self.source.transform, x, y)
        return row - 0.5, column - 0.5


class Layer(Protocol):
    """Channels on a grid that can be read by window."""

    @property
    def grid(self) -> Grid:
        """Where the pixels lie."""

    @property
    def extent(self) -> Window:
        """Rows and columns that can be read."""

    @property
    def channels(self) -> int:
        """How many."""

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        """Values (channels, rows, columns), 0 where not valid, and valid (rows, columns); in `out` if any."""

    def tiles_in(self, window: Window) -> list[Tile]:
        """Tiles that a window reads, in the order in which they count."""

    def restricted(self, window: Window) -> Self:
        """The same layer with only the tiles that a window reads."""


Kind = TypeVar("Kind", bound=Layer)


@dataclass(frozen=True)
class Fitted(Generic[Kind]):
    """A layer on another grid than its own, or on its own.

    Attributes
    ----------
    layer : Layer
    resampling : Resampling or None
        None where the layer has that grid.
    """

    layer: Kind
    resampling: Resampling | None

    @property
    def channels(self) -> int:
        """How many."""
        return self.layer.channels

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        """See `Layer`."""
        if self.resampling is None:
            return self.layer.read(window, out)
        return into(out, self.resampling.read(self.layer.read, window, self.layer.channels))

    def tiles_in(self, window: Window) -> list[Tile]:
        """See `Layer`."""
        return self.layer.tiles_in(self.source_window(window))

    def source_window(self, window: Window) -> Window:
        """What is read of the layer; empty if it has nothing there."""
        return window if self.resampling is None else self.resampling.source_window(window)

    def reached(self, window: Window) -> Window:
        """The part of a window in which it may have values."""
        if self.resampling is None:
            return window
        row0, row1, column0, column1 = extent_on(self.resampling.readable, self.resampling.target)
        inside = Window(floor(row0), ceil(row1), floor(column0), ceil(column1))
        return window.moved(-inside.row0, -inside.column0).within(inside.shape).moved(
            inside.row0, inside.column0
        )  # fmt: skip


def fitted(layer: Kind, grid: Grid) -> Fitted[Kind]:
    """A layer on a grid, resampled only where that is another one."""
    same = layer.grid == grid
    return Fitted(layer, None if same else Resampling(layer.grid, grid, layer.extent))


def into(out: Pixels | None, pixels: Pixels) -> Pixels:
    """Pixels, copied to where they are wanted, if anywhere."""
    if out is None:
        return pixels
    for target, found in zip(out, pixels, strict=True):
        target[...] = found
    return out


def read_layers(layers: Sequence[Fitted[Any]], window: Window, out: Pixels | None = None) -> Pixels:
    """Pixels of a window from the first of some layers, and from those behind it where it has none."""
    first, *others = layers
    values, valid = first.read(window, out)
    fill(values, valid, others, window)
    return values, valid


def fill(values: Floats, valid: Mask, layers: Sequence[Fitted[Any]], window: Window) -> None:
    """Put pixels of layers where there are none, those of the first layer first.

    Parameters
    ----------
    values : ndarray of float, shape (channels, rows, columns)
        Of the window; changed.
    valid : ndarray of bool, shape (rows, columns)
        Which of them there are; changed.
    layers : sequence of Fitted
    window : Window
    """
    for other in layers:
        if valid.all():
            break
        reached = other.reached(window)
        for row in range(reached.row0, reached.row1, FILL_ROWS):
            strip = replace(reached, row0=row, row1=min(row + FILL_ROWS, reached.row1))
            place = window.part(strip)
            empty = np.flatnonzero(~valid[place].all(axis=0))
            if not len(empty):
                continue
            first_column = strip.column0 + int(empty[0])
            strip = replace(strip, column0=first_column, column1=strip.column0 + int(empty[-1]) + 1)
            place = window.part(strip)
            more, known = other.read(strip)
            new = known & ~valid[place]
            np.copyto(values[:, place[0], place[1]], more, where=new)
            valid[place] |= new


@njit(cache=True, nogil=True, error_model="numpy")
def _tent(
    pixels: Floats,
    known: NDArray[np.bool_],
    row0: int,
    column0: int,
    node_row: NDArray[np.float64],
    node_column: NDArray[np.float64],
    skip_rows: int,
    skip_columns: int,
    down: float,
    along: float,
    values: Floats,
    valid: NDArray[np.bool_],
) -> None:
    """Fill `values` and `valid`; `row0` and `column0` are those of the first of the `pixels`."""
    channels, height, width = values.shape
    total = np.empty(channels)
    bilinear = down == 1.0 and along == 1.0
    for r in range(height):
        i, v = (r + skip_rows) // NODES, ((r + skip_rows) % NODES) / NODES
        start = 0
        while start < width:
            j = (start + skip_columns) // NODES
            stop = min(width, (j + 1) * NODES - skip_columns)
            y0 = node_row[i, j] + v * (node_row[i + 1, j] - node_row[i, j])
            y1 = node_row[i, j + 1] + v * (node_row[i + 1, j + 1] - node_row[i, j + 1])
            x0 = node_column[i, j] + v * (node_column[i + 1, j] - node_column[i, j])
            x1 = node_column[i, j + 1] + v * (node_column[i + 1, j + 1] - node_column[i, j + 1])
            if not (np.isfinite(y0) and np.isfinite(y1) and np.isfinite(x0) and np.isfinite(x1)):
                start = stop
                continue
            dy, dx = (y1 - y0) / NODES, (x1 - x0) / NODES
            first = j * NODES - skip_columns
            for c in range(start, stop):
                # Where the grids coincide, rounding of the transform must not let a neighbour in.
                y = np.rint((y0 + (c - first) * dy) * 1e6) * 1e-6
                x = np.rint((x0 + (c - first) * dx) * 1e6) * 1e-6
                if bilinear:
                    _from_four(pixels, known, y, x, row0, column0, values[:, r, c], valid[r, c : c + 1])
                else:
                    _from_many(
                        pixels, known, y, x, row0, column0, down, along, total, values[:, r, c],
                        valid[r, c : c + 1],
                    )  # fmt: skip
            start = stop


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _from_four(
    pixels: Floats,
    known: NDArray[np.bool_],
    y: float,
    x: float,
    row0: int,
    column0: int,
    value: Floats,
    good: NDArray[np.bool_],
) -> None:
    """The tent one source pixel wide: the four pixels around a place."""
    rows, columns = known.shape
    p, q = int(np.floor(y)), int(np.floor(x))
    fy, fx = y - p, x - q
    k, m = p - row0, q - column0
    if (
        0 <= k < rows - 1 and 0 <= m < columns - 1
        and known[k, m] and known[k, m + 1] and known[k + 1, m] and known[k + 1, m + 1]
    ):  # fmt: skip
        good[0] = True
        for n in range(value.size):
            above = pixels[n, k, m] * (1.0 - fx) + pixels[n, k, m + 1] * fx
            below = pixels[n, k + 1, m] * (1.0 - fx) + pixels[n, k + 1, m + 1] * fx
            value[n] = above * (1.0 - fy) + below * fy
        return
    weight = 0.0
    for a in range(2):
        for b in range(2):
            share = (fy if a else 1.0 - fy) * (fx if b else 1.0 - fx)
            if share > 0.0 and 0 <= k + a < rows and 0 <= m + b < columns and known[k + a, m + b]:
                weight += share
    if weight == 0.0 or weight < VALID_SHARE:
        return
    good[0] = True
    for n in range(value.size):
        total = 0.0
        for a in range(2):
            for b in range(2):
                share = (fy if a else 1.0 - fy) * (fx if b else 1.0 - fx)
                if share > 0.0 and 0 <= k + a < rows and 0 <= m + b < columns and known[k + a, m + b]:
                    total += share * pixels[n, k + a, m + b]
        value[n] = total / weight


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _from_many(
    pixels: Floats,
    known: NDArray[np.bool_],
    y: float,
    x: float,
    row0: int,
    column0: int,
    down: float,
    along: float,
    total: NDArray[np.float64],
    value: Floats,
    good: NDArray[np.bool_],
) -> None:
    """The tent as wide as a target pixel."""
    rows, columns = known.shape
    weight, whole = 0.0, 0.0
    total[:] = 0.0
    for p in range(int(np.ceil(y - down)), int(np.floor(y + down)) + 1):
        wy = 1.0 - abs(p - y) / down
        k = p - row0
        for q in range(int(np.ceil(x - along)), int(np.floor(x + along)) + 1):
            w = wy * (1.0 - abs(q - x) / along)
            m = q - column0
            whole += w
            if w > 0.0 and 0 <= k < rows and 0 <= m < columns and known[k, m]:
                weight += w
                for n in range(value.size):
                    total[n] += w * pixels[n, k, m]
    if weight > 0.0 and weight >= VALID_SHARE * whole:
        good[0] = True
        for n in range(value.size):
            value[n] = total[n] / weight
