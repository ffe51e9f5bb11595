"""Where the pixels of a raster lie, and how long they are on the ground."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.geometry import local_metres, transform_coordinates

if TYPE_CHECKING:
    import pyproj


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a raster lie.

    Attributes
    ----------
    crs : pyproj.CRS
    transform : Affine
        From (column, row) to coordinates, at pixel corners.
    shape : tuple of int
        Rows and columns.
    """

    crs: pyproj.CRS
    transform: Affine
    shape: tuple[int, int]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Least x, least y, greatest x, greatest y of the four corners, in the units of the CRS."""
        rows, columns = self.shape
        x, y = apply(self.transform, np.array([0, columns, 0, columns]), np.array([0, 0, rows, rows]))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @cached_property
    def pixel_metres(self) -> tuple[float, float]:
        """Length on the ground of a step along a row and along a column, m, at the centre of the grid."""
        rows, columns = self.shape
        along, down = self.pixel_metres_at(np.array([rows / 2]), np.array([columns / 2]))
        return float(along[0]), float(down[0])

    def pixel_metres_at(
        self, row: NDArray[np.float64], column: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Length on the ground of a step along a row and along a column, m, at places of shape (n,)."""
        places = [(column, row), (column + 1.0, row), (column, row + 1.0)]
        here, right, below = (self.lonlat(*place) for place in places)
        along, down = local_metres(right, here), local_metres(below, here)
        return np.hypot(along[:, 0], along[:, 1]), np.hypot(down[:, 0], down[:, 1])

    def lonlat(self, column: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
        """Longitude and latitude on WGS84, shape (n, 2), of places counted in pixels from the corner."""
        x, y = apply(self.transform, column, row)
        return transform_coordinates(np.column_stack([x, y]), self.crs, 4326)

    @property
    def metres_per_pixel(self) -> float:
        """Side of a square with the ground area of a pixel at the centre, m."""
        along, down = self.pixel_metres
        return float(np.sqrt(along * down))


def apply(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """An affine transform of arrays or numbers."""
    return transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f
