"""Windows read one after another: values as of each alone, and no pixel that two share is read twice."""

from __future__ import annotations

import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray

from rogi.attributes.relief import _Moving
from rogi.raster.files import ArrayRaster
from rogi.raster.grid import Window

GRID = ArrayRaster(
    np.arange(600.0, dtype=np.float32).reshape(20, 30), Affine(30, 0, 5e5, 0, -30, 4e6), pyproj.CRS(32645)
)


class Counting(ArrayRaster):
    """Counts the pixels that are read."""

    pixels = 0

    def read(self, window: Window) -> NDArray[np.float32]:
        """Values in the window."""
        type(self).pixels += window.shape[0] * window.shape[1]
        return super().read(window)


def test_bands_are_cut_where_rows_are_multiples() -> None:
    """The first and the last band are what is left; blocks of a file are never cut."""
    bands = list(Window(5, 21, 3, 7).bands(8))
    assert bands == [Window(5, 8, 3, 7), Window(8, 16, 3, 7), Window(16, 21, 3, 7)]
    assert list(Window(8, 16, 0, 1).bands(8)) == [Window(8, 16, 0, 1)]
    assert list(Window(4, 4, 0, 1).bands(8)) == []


def test_shared_and_rest_make_the_window() -> None:
    """Whatever the other window, both together cover each pixel once."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        sides = np.sort(rng.integers(0, 12, (4, 2)), axis=1)
        (a, b), (c, d), (e, f), (g, h) = sides.tolist()
        window, other = Window(a, b, c, d), Window(e, f, g, h)
        shared = window.shared(other)
        count = np.zeros((12, 12), dtype=int)
        if 0 not in shared.shape:
            for part in (shared, *window.without(shared)):
                count[part.row0 : part.row1, part.column0 : part.column1] += 1
            expected = np.zeros_like(count)
            expected[a:b, c:d] = 1
            np.testing.assert_array_equal(count, expected)
        inside = np.zeros((2, 12, 12), dtype=bool)
        inside[0, a:b, c:d] = inside[1, e:f, g:h] = True
        assert np.prod(shared.shape) == (inside[0] & inside[1]).sum()


def test_a_moving_window_reads_what_is_new() -> None:
    """Beyond the edges too; apart, or with nothing new."""
    Counting.pixels = 0
    raster = Counting(GRID.values, GRID.transform, GRID.crs)
    moving = _Moving(raster)
    for window, new in (
        (Window(-2, 10, -3, 9), 144),
        (Window(-1, 11, 2, 14), 12 * 12 - 11 * 7),
        (Window(3, 8, 4, 10), 0),
        (Window(0, 12, 0, 12), 144 - 5 * 6),
        (Window(12, 15, 12, 15), 9),
        (Window(15, 25, 20, 35), 150),
    ):
        before = Counting.pixels
        np.testing.assert_array_equal(moving.read(window), GRID.read(window))
        assert Counting.pixels - before == new
