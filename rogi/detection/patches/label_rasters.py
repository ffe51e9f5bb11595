"""Outlines on the pixels of imagery: those of units, of what is none, and their rasters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import maximum_filter, minimum_filter

from rogi.errors import InputError
from rogi.geometry import total_bounds, transform_geometries
from rogi.inventory.coordinates import coordinates, labels_of
from rogi.inventory.read import read_inventory
from rogi.ledger import file_sha256
from rogi.raster.grid import Grid, Mask, apply
from rogi.schema.model import Role
from rogi.statistics.unit_table import unit_table

Objects = NDArray[np.object_]
Numbers = NDArray[np.int32]

ID_CONCEPTS = ("primary_id", "candidate_id", "working_id", "name")
"""What a unit is called by, the first that is there."""


MANY_VERTICES = 2000
"""Polygons with more are cut to a window before they are drawn there."""


@dataclass(frozen=True, eq=False)
class Outlines:
    """Polygons of a file.

    Attributes
    ----------
    path : Path
    geometry : ndarray of shapely geometries, shape (n,)
        Polygons and multipolygons, none empty; not repaired.
    crs : pyproj.CRS
    ids : ndarray of str, shape (n,)
        ID, else the number of the row in the file.
    sha256 : str
        Of the file.
    left_out : int
        Features without a polygon.
    notes : tuple of str
        On features whose coordinates are no place.
    attributes : DataFrame, n rows
        Columns of the file, as they are.
    """

    path: Path
    geometry: Objects
    crs: object
    ids: Objects
    sha256: str
    left_out: int = 0
    notes: tuple[str, ...] = ()
    attributes: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __len__(self) -> int:
        return len(self.geometry)

    def only(self, keep: Mask) -> Outlines:
        """Some of them."""
        attributes = self.attributes[keep] if len(self.attributes) else self.attributes
        return replace(self, geometry=self.geometry[keep], ids=self.ids[keep], attributes=attributes)

    def on(self, grid: Grid) -> Objects:
        """The polygons in pixels of a grid: x is the column, y the row, counted from the corner."""
        inverse = ~grid.transform

        def to_pixels(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(apply(inverse, xy[:, 0], xy[:, 1]))

        placed = transform_geometries(self.geometry, self.crs, grid.crs)
        pixels: Objects = shapely.transform(placed, to_pixels)
        pixels[~np.isfinite(shapely.bounds(pixels)).all(axis=1)] = shapely.Polygon()
        return pixels


def read_outlines(path: Path, crs: str | None = None) -> Outlines:
    """The outlines of an inventory, or any file of polygons; of an inventory with both, the extended ones.

    Parameters
    ----------
    path : Path
        A file, or ``PATH:LAYER`` where it has several layers of polygons.
    crs : str, optional
        Of a file that states none (CSV).

    Raises
    ------
    InputError
        The file cannot be read, has no polygons, or no CRS.
    """
    file, colon, name = str(path).rpartition(":")
    if colon and not Path(path).exists() and Path(file).exists():
        inventory = read_inventory(layers=(f"outline={file}:{name}",), crs=crs)
        path = Path(file)
    else:
        inventory = read_inventory(path, crs=crs)
    layer = inventory.layer(Role.OUTLINE)
    if layer is None or not len(layer):
        raise InputError(f"{path} contains no outlines; give a file of polygons.")
    if layer.crs is None:
        raise InputError(
            f"{path} has no CRS, so its outlines cannot be placed on the image; set it in the file or with "
            "--crs."
        )
    positions = unit_table(inventory).positions
    geometry = layer.geometry[positions]
    polygonal = np.isin(shapely.get_type_id(geometry), [3, 6]) & ~shapely.is_empty(geometry)
    state = coordinates(layer)
    notes = state.notes(lambda: labels_of(layer), "outline", "left out", positions)
    without = int((~polygonal).sum())
    polygonal &= state.sound[positions]
    concept = next((name for name in ID_CONCEPTS if layer.has(name)), None)
    numbers = np.array([str(row) for row in layer.rows[positions]], dtype=object)
    if concept is None:
        ids = numbers
    else:
        named = layer.values(concept).iloc[positions]
        ids = np.where(named.isna().to_numpy(dtype=bool), numbers, named.astype("str").to_numpy(dtype=object))
    return Outlines(
        Path(path), geometry[polygonal], layer.crs, ids[polygonal], file_sha256(Path(path)),
        without, tuple(f"{path}: {note}." for note in notes),
        pd.DataFrame(layer.frame.drop(columns=layer.frame.geometry.name)).iloc[positions][polygonal],
    )  # fmt: skip


def joined(parts: Sequence[Outlines], grid: Grid) -> tuple[Objects, Objects]:
    """Polygons in pixels of a grid, and ids, of several files in their order."""
    if not parts:
        return np.empty(0, dtype=object), np.empty(0, dtype=object)
    return np.concatenate([part.on(grid) for part in parts]), np.concatenate([part.ids for part in parts])


def burn(polygons: Objects, numbers: NDArray[np.integer], window: tuple[int, int, int, int]) -> Numbers:
    """Numbers of the polygons that hold the pixel centres of a window; 0 for none, the last one of several.

    Parameters
    ----------
    polygons : ndarray of shapely geometries, shape (n,)
        In pixels.
    numbers : ndarray of int, shape (n,)
        Above 0.
    window : tuple of int
        Row and column of the first pixel, rows, columns.
    """
    row, column, height, width = window
    if not len(polygons):
        return np.zeros((height, width), dtype=np.int32)
    long = shapely.get_num_coordinates(polygons) > MANY_VERTICES
    if long.any():
        # What lies elsewhere is cut off before it is handed over, a pixel beyond the window.
        long &= shapely.is_valid(polygons)
        polygons = polygons.copy()
        near = (column - 1.0, row - 1.0, column + width + 1.0, row + height + 1.0)
        polygons[long] = shapely.clip_by_rect(polygons[long], *near)
        polygons, numbers = polygons[~shapely.is_empty(polygons)], numbers[~shapely.is_empty(polygons)]
        if not len(polygons):
            return np.zeros((height, width), dtype=np.int32)
    found: Numbers = rasterize(
        zip(polygons, numbers.tolist(), strict=True),
        out_shape=(height, width),
        transform=Affine.translation(column, row),
        dtype=np.int32,
    )
    return found


def touching_borders(numbers: Numbers, width: int) -> Mask:
    """Pixels of units that lie within some pixels of another unit: the borders along which units touch.

    Parameters
    ----------
    numbers : ndarray of int32, shape (rows, columns)
        Unit of each pixel, 0 for none.
    width : int
        Pixels on each side of the border.
    """
    if width < 1 or not numbers.any():
        return np.zeros(numbers.shape, dtype=bool)
    side = 2 * width + 1
    highest = maximum_filter(numbers, side, mode="constant", cval=0)
    far = np.iinfo(np.int32).max
    lowest = minimum_filter(np.where(numbers > 0, numbers, far), side, mode="constant", cval=far)
    found: Mask = (numbers > 0) & ((highest != numbers) | (lowest != numbers))
    return found


def within(bounds: tuple[float, float, float, float], polygons: Objects) -> bool:
    """Whether the bounds of some polygons meet a rectangle (least x, least y, greatest x, greatest y)."""
    west, south, east, north = total_bounds(polygons)
    return bool(west <= bounds[2] and east >= bounds[0] and south <= bounds[3] and north >= bounds[1])
