"""Probabilities of pixels against outlines: how many of each probability lie inside, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from rogi.detection.labels import NO_DATA
from rogi.detection.polygons import LEVELS, place
from rogi.detection.probability import SPREAD_OF
from rogi.detection.ranking import Scored
from rogi.errors import InputError
from rogi.geometry import Floats, Geometries, area_m2, parse_crs, transform_geometries
from rogi.raster.guard import OFFLINE, refuse_remote

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.io import DatasetReader

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
    """

    inside: Floats
    outside: Floats
    missed: float

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
    with _opened(Path(path)) as source:
        return _count(source, str(path), truth, ground, block)


def refuse_pictures(path: Path) -> None:
    """Refuse a raster of more bands than a model has outputs: a picture, whose bytes would pass for chances.

    Raises
    ------
    InputError
        If it has more than two bands, or the spread, or cannot be read.
    """
    with _opened(path):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    """A raster that may be one of probabilities, by its bands."""
    import rasterio

    refuse_remote(path)
    try:
        with rasterio.Env(**OFFLINE), rasterio.open(path) as source:
            _check_bands(source, str(path))
            yield source
    except rasterio.errors.RasterioIOError as error:
        raise InputError(f"The probabilities {path} cannot be read: {error}; name a raster.") from None


def _check_bands(source: DatasetReader, name: str) -> None:
    if source.count > MOST_BANDS:
        raise InputError(
            f"{name} has {source.count} bands, so it is a picture; give the raster that `rogi detect predict "
            "--probability` wrote."
        )
    if (source.descriptions[0] or "").startswith(SPREAD_OF):
        raise InputError(
            f"{name} holds the spread among windows, not probabilities; give the raster that `rogi detect "
            "predict --probability` wrote."
        )


def _count(
    source: DatasetReader, name: str, truth: Geometries, ground: Geometries | None, block: int
) -> PixelScores:
    from rasterio.windows import Window

    if source.crs is None:
        raise InputError(f"The probabilities {name} have no CRS; set it, so that outlines can be placed.")
    kind = source.dtypes[0]
    if kind != "uint8" and not kind.startswith("float"):
        raise InputError(
            f"{name} has values of type {kind}; probabilities are uint8 (254 is 1, 255 no data) or "
            "floating point from 0 to 1."
        )
    crs = parse_crs(source.crs.to_wkt())
    outlines = _Burner(transform_geometries(truth, 4326, crs))
    limits = None if ground is None else _Burner(transform_geometries(ground, 4326, crs))
    tables, missed = [], 0.0
    for top in range(0, source.height, block):
        for left in range(0, source.width, block):
            window = Window(left, top, min(block, source.width - left), min(block, source.height - top))
            values = _probabilities(source, window, name)
            transform = source.window_transform(window)
            counted = np.ones(values.shape, bool) if limits is None else limits.mask(transform, values.shape)
            inside = outlines.mask(transform, values.shape) & counted
            row, col = values.shape[0] / 2, values.shape[1] / 2
            pixel = float(area_m2(_box(transform, row, col, 1, 1), crs)[0])
            missed += pixel * float((inside & (values == NO_DATA)).sum())
            both = np.bincount(
                (values.astype(np.int64) + (NO_DATA + 1) * inside)[counted], minlength=2 * NO_DATA + 2
            ).reshape(2, -1)[:, :NO_DATA]
            if both.any():
                tables.append(both * pixel)
    table = np.array(tables).reshape(-1, 2, NO_DATA)
    if not len(table):
        raise InputError(f"{name} has no pixel with data on the ground that counts.")
    return PixelScores(table[:, 1], table[:, 0], missed)


class _Burner:
    """Polygons that can be burnt into windows of a raster."""

    def __init__(self, shapes: Geometries) -> None:
        self.shapes = shapes
        self.tree = shapely.STRtree(shapes)

    def mask(self, transform: Any, shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Pixels whose centre is inside any polygon."""
        from rasterio.features import rasterize

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


def _probabilities(source: DatasetReader, window: Any, name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    values = source.read(1, window=window, masked=True)
    if values.dtype == np.uint8:
        out = np.asarray(values.data).copy()
    else:
        known = np.ma.masked_invalid(values)
        if known.count() and (float(known.min()) < 0 or float(known.max()) > 1):
            raise InputError(f"{name} holds values outside 0 to 1, so it is no raster of probabilities.")
        out = np.rint(known.filled(0.0) * LEVELS).astype(np.uint8)
        values = known
    out[np.ma.getmaskarray(values)] = NO_DATA
    return out
