"""Probabilities of pixels against outlines: how many of each probability lie inside, block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from rasterio.features import rasterize

from rogi.areas import area_m2
from rogi.detection.candidates.connected_pixels import NO_DATA
from rogi.detection.candidates.polygons import LEVELS, place
from rogi.detection.evaluation.curves import Scored
from rogi.detection.prediction.probability_raster import SPREAD_OF
from rogi.errors import InputError
from rogi.geometry import Floats, Geometries, transform_geometries
from rogi.raster.files import RasterFile, reading
from rogi.raster.grid import Window
from rogi.raster.header import read_header

if TYPE_CHECKING:
    from affine import Affine

BLOCK = 512
"""Rows and columns of the blocks that are drawn in the bootstrap and dealt to the folds."""

MOST_BANDS = 2
"""Outputs a model may have: rock glacier, and boundary."""


@dataclass(frozen=True, eq=False)
class PixelScores:
    """Pixels of a probability raster by probability, inside outlines and outside.

    Attributes
    ----------
    inside, outside : ndarray of float64, shape (k, 255)
        m² of pixels of each value, 0 to 254, in each block with data.
    missed : float
        m² of outlines without data in the raster.
    damaged : tuple of str
        What is wrong with files that cannot be read; what lies on them is without data.
    """

    inside: Floats
    outside: Floats
    missed: float
    damaged: tuple[str, ...] = ()

    def scored(self) -> Scored:
        """Pixels as things with a score; each is right in so far as it is inside."""
        right, size = self.inside[:, ::-1], (self.inside + self.outside)[:, ::-1]
        return Scored(
            np.arange(LEVELS, -1, -1) / LEVELS,
            size,
            right,
            np.full(LEVELS + 1, len(size)),
            self.inside.sum(axis=1),
        )


def pixel_scores(
    path: str | Path, truth: Geometries, ground: Geometries | None = None, *, block: int = BLOCK
) -> PixelScores:
    """Count the pixels of a probability raster against outlines.

    A pixel is inside where its centre is. Pixels have the area that they have on the ellipsoid in the middle
    of their block.

    Parameters
    ----------
    path
        One band: uint8 with 254 for probability 1 and 255 for no data, or floating point from 0 to 1 with NaN
        or a nodata value.
    truth : ndarray of object, shape (n,)
        Valid polygons on WGS84 longitude and latitude.
    ground : ndarray of object, shape (g,), optional
        Count only here; longitude and latitude.
    block : int
        Rows and columns of a block.

    Raises
    ------
    InputError
        If the raster cannot be read, has no CRS, or does not hold probabilities.
    """
    raster = replace(probability_raster(path), damaged={})
    name = raster.name
    outlines = _Burner(transform_geometries(truth, 4326, raster.crs))
    limits = None if ground is None else _Burner(transform_geometries(ground, 4326, raster.crs))
    tables, missed = [], 0.0
    height, width = raster.shape
    with reading():
        for top, left in product(range(0, height, block), range(0, width, block)):
            window = Window(top, top + block, left, left + block).within(raster.shape)
            values = _probabilities(raster, window)
            transform = raster.grid.moved(top, left)
            counted = np.ones(values.shape, bool) if limits is None else limits.mask(transform, values.shape)
            inside = outlines.mask(transform, values.shape) & counted
            row, col = values.shape[0] / 2, values.shape[1] / 2
            pixel = float(area_m2(_box(transform, row, col, 1, 1), raster.crs)[0])
            missed += pixel * float((inside & (values == NO_DATA)).sum())
            both = np.bincount(
                (values.astype(np.int64) + (NO_DATA + 1) * inside)[counted], minlength=2 * NO_DATA + 2
            ).reshape(2, -1)[:, :NO_DATA]
            if both.any():
                tables.append(both * pixel)
    table = np.array(tables).reshape(-1, 2, NO_DATA)
    if not len(table):
        raise next(iter((raster.damaged or {}).values()), None) or InputError(
            f"{name} has no pixel with data on the ground that counts."
        )
    damaged = tuple(map(str, (raster.damaged or {}).values()))
    return PixelScores(table[:, 1], table[:, 0], missed, damaged)


def probability_raster(path: str | Path) -> RasterFile:
    """A raster that may be one of probabilities, by its bands; stored numbers, without the file's scale.

    Raises
    ------
    InputError
        If it has more than two bands, which are a picture whose bytes would pass for chances, or the spread,
        is of another type than bytes and floats, in bytes of another scale, or cannot be read.
    """
    header = read_header(path)
    name, kind = header.path, header.dtypes[0]
    if len(header.dtypes) > MOST_BANDS:
        raise InputError(
            f"{name} has {len(header.dtypes)} bands, so it is a picture; give the raster that `rogi detect "
            "predict --probability` wrote."
        )
    if header.names[0].startswith(SPREAD_OF):
        raise InputError(
            f"{name} contains the spread of windows, not probabilities; give the raster that `rogi detect "
            "predict --probability` wrote."
        )
    if kind != "uint8" and not kind.startswith("float"):
        raise InputError(
            f"{name} has values of type {kind}; probabilities are uint8 (254 is 1, 255 no data) or "
            "floating point from 0 to 1."
        )
    scale = header.scales[0]
    if kind == "uint8" and scale != 1 and not math.isclose(scale, 1 / LEVELS, rel_tol=1e-6):
        raise InputError(
            f"{name} has bytes with the scale {scale:g}; probabilities in bytes are 254ths. Write it as "
            "floats from 0 to 1: gdal_translate -unscale -ot Float32."
        )
    return RasterFile(header, (1,), voids=(float(NO_DATA),) if kind == "uint8" else ())


class _Burner:
    """Polygons that can be burnt into windows of a raster."""

    def __init__(self, shapes: Geometries) -> None:
        self.shapes = shapes
        self.tree = shapely.STRtree(shapes)

    def mask(self, transform: Any, shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Pixels whose centre is inside any polygon."""
        near = np.sort(self.tree.query(_box(transform, 0, 0, *shape)))
        if not len(near):
            return np.zeros(shape, bool)
        burnt = rasterize(self.shapes[near], shape, transform=transform, dtype=np.uint8)
        return np.asarray(burnt != 0)


def _box(transform: Affine, row: float, col: float, height: float, width: float) -> shapely.Polygon:
    """A box of pixels in coordinates."""
    rows = row + np.array([0.0, 0.0, height, height])
    cols = col + np.array([0.0, width, width, 0.0])
    return shapely.Polygon(np.column_stack(place(transform, rows, cols)))


def _probabilities(raster: RasterFile, window: Window) -> np.ndarray[Any, np.dtype[np.uint8]]:
    values = raster.read(window)
    known = np.isfinite(values)
    if raster.dtype != "uint8":
        if known.any() and (values[known].min() < 0 or values[known].max() > 1):
            raise InputError(
                f"{raster.name} holds values outside 0 to 1, so it is no raster of probabilities."
            )
        values = np.rint(values * LEVELS)
    return np.where(known, values, NO_DATA).astype(np.uint8)
