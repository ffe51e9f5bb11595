"""Which ground is predicted: all of the imagery, or an area of it, without what is excluded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from rogi.detection.candidates.glaciers import read_glaciers
from rogi.errors import InputError, OptionError
from rogi.geometry import Geometries, to_lonlat, total_bounds, transform_geometries
from rogi.inventory.regions import fold, read_regions, regions_of
from rogi.raster.grid import Window

if TYPE_CHECKING:
    import pyproj

Mask = NDArray[np.bool_]

BOX_STEPS = 100
"""Parts an edge of a box in degrees is divided into, as it is no straight line in other systems."""

CLIP_MARGIN = 2
"""Pixels around a block to which polygons are cut, so that the cut never shows in it."""


@dataclass(frozen=True)
class BlockGround:
    """The part of the ground that a block may predict; small enough to be sent to a worker.

    Attributes
    ----------
    area : tuple of bytes, optional
        WKB of polygons in columns and rows of the raster; None where all of it counts.
    excluded : tuple of bytes
    """

    area: tuple[bytes, ...] | None = None
    excluded: tuple[bytes, ...] = ()

    def mask(self, window: Window) -> Mask | None:
        """Pixels of a window whose centre is on the ground; None where all are."""
        if self.area is None and not self.excluded:
            return None
        inside = np.ones(window.shape, bool) if self.area is None else _burnt(self.area, window)
        if self.excluded:
            inside &= ~_burnt(self.excluded, window)
        return inside


@dataclass(frozen=True, eq=False)
class Ground:
    """The ground that is predicted, on a raster.

    Attributes
    ----------
    area : ndarray of object, optional
        Polygons in columns and rows of the raster; None for all of it.
    excluded : ndarray of object
        Polygons that are left out.
    notes : tuple of str
        What is worth telling.
    """

    area: Geometries | None
    excluded: Geometries
    notes: tuple[str, ...] = ()

    def within(self, window: Window) -> BlockGround | None:
        """The ground in a window; None if there is none."""
        box = shapely.box(window.column0, window.row0, window.column1, window.row1)
        area: tuple[bytes, ...] | None = None
        if self.area is not None:
            near = self.area[shapely.intersects(self.area, box)]
            if not len(near):
                return None
            if not shapely.covers(near, box).any():
                area = _cut(near, window)
        out = self.excluded[shapely.intersects(self.excluded, box)]
        if shapely.covers(out, box).any():
            return None
        return BlockGround(area, _cut(out, window) if len(out) else ())


def ground_on(
    transform: Affine,
    shape: tuple[int, int],
    crs: pyproj.CRS,
    *,
    area: str | gpd.GeoDataFrame | None = None,
    area_field: str | None = None,
    exclude: Path | gpd.GeoDataFrame | None = None,
) -> Ground:
    """The ground to predict on a raster.

    Parameters
    ----------
    transform, shape, crs
        Of the raster.
    area : str or GeoDataFrame, optional
        A file of polygons, ``FILE:NAME`` for those of one name, ``W,S,E,N`` in degrees, or a table.
    area_field : str, optional
        Column of the names.
    exclude : Path or GeoDataFrame, optional
        Polygons, such as glacier outlines: a file or a table.

    Raises
    ------
    OptionError
        The area is neither, or has no such name.
    InputError
        A file cannot be read, or the area lies elsewhere than the imagery.
    """
    wanted = None if area is None else _placed(_area(area, area_field), transform, crs)
    rows, columns = shape
    here = shapely.box(0, 0, columns, rows)
    if wanted is not None:
        wanted = wanted[shapely.intersects(wanted, here)]
        if not len(wanted):
            shown = f"the area {area}" if isinstance(area, str) else "the polygons of the area"
            raise InputError(
                f"The imagery does not reach into {shown}; check the coordinates of both, and that "
                "boxes are given as west,south,east,north in degrees."
            )
        shapely.prepare(wanted)
    out: Geometries = np.zeros(0, dtype=object)
    notes: tuple[str, ...] = ()
    if exclude is not None:
        degrees = _corners_in_degrees(transform, shape, crs)
        found = read_glaciers(exclude, degrees, "outlines of --exclude")
        notes = (found.note,) if found.note else ()
        out = _placed(found.geometries, transform, crs)
        out = out[shapely.intersects(out, here)]
        shapely.prepare(out)
    return Ground(wanted, out, notes)


def _area(given: str | gpd.GeoDataFrame, field: str | None) -> Geometries:
    """Polygons in WGS84 longitude and latitude."""
    if isinstance(given, gpd.GeoDataFrame):
        table = given[[given.geometry.name]].assign(name="area")
        return np.asarray(regions_of(table, "name", "polygons of the area").geometry)
    text = given
    parts = text.split(",")
    if len(parts) == 4 and not Path(text).exists():
        try:
            west, south, east, north = (float(part) for part in parts)
        except ValueError:
            raise OptionError(f"--area {text}: a box is four numbers, west,south,east,north.") from None
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise OptionError(
                f"--area {text}: a box is west,south,east,north in degrees, the west less than the east and "
                "the south less than the north."
            )
        box = shapely.box(west, south, east, north)
        return np.array([shapely.segmentize(box, max(east - west, north - south) / BOX_STEPS)], dtype=object)
    file, _, name = text.rpartition(":") if not Path(text).exists() else (text, "", "")
    if not file or not Path(file).exists():
        raise OptionError(
            f"--area {text}: there is no such file; give a file of polygons, FILE:NAME, or a box as "
            "west,south,east,north in degrees."
        )
    if not name and field is None:
        return np.asarray(read_glaciers(file, what="outlines of --area").geometries)
    regions = read_regions(file, field, "outlines of --area")
    if not name:
        return np.asarray(regions.geometry)
    chosen = [fold(known) == fold(name) for known in regions.names]
    if not any(chosen):
        raise OptionError(f"--area {text}: {file} has no {name!r}; it has {', '.join(regions.names)}.")
    return np.asarray(regions.geometry[np.array(chosen)])


def _placed(lonlat: Geometries, transform: Affine, crs: pyproj.CRS) -> Geometries:
    """Polygons in columns and rows of the raster; parts of multipolygons apart."""
    inverse = ~transform
    parts = shapely.get_parts(transform_geometries(lonlat, 4326, crs))
    # What lies beyond a projection has no place.
    parts = parts[np.isfinite(shapely.bounds(parts)).all(axis=1)]

    def place(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        column = inverse.a * xy[:, 0] + inverse.b * xy[:, 1] + inverse.c
        row = inverse.d * xy[:, 0] + inverse.e * xy[:, 1] + inverse.f
        return np.column_stack([column, row])

    moved = np.asarray(shapely.transform(parts, place), dtype=object)
    moved = moved[shapely.get_type_id(moved) == shapely.GeometryType.POLYGON]
    bad = ~shapely.is_valid(moved)
    moved[bad] = shapely.buffer(shapely.make_valid(moved[bad]), 0)
    return np.asarray(moved)


def _corners_in_degrees(transform: Affine, shape: tuple[int, int], crs: pyproj.CRS) -> NDArray[np.float64]:
    rows, columns = shape
    frame = shapely.segmentize(shapely.box(0, 0, columns, rows), max(rows, columns) / BOX_STEPS)
    outline = shapely.transform(
        np.array([frame], dtype=object), lambda xy: np.column_stack(transform @ (xy[:, 0], xy[:, 1]))
    )
    return np.asarray(total_bounds(to_lonlat(outline, crs)))


def _cut(polygons: Geometries, window: Window) -> tuple[bytes, ...]:
    around = window.grown(CLIP_MARGIN)
    frame = shapely.box(around.column0, around.row0, around.column1, around.row1)
    pieces = shapely.normalize(shapely.intersection(polygons, frame))
    pieces = pieces[~shapely.is_empty(pieces)]
    return tuple(sorted(shapely.to_wkb(pieces, byte_order=1).tolist()))


def _burnt(polygons: tuple[bytes, ...], window: Window) -> Mask:
    shapes = [shape for shape in shapely.from_wkb(list(polygons)) if shape.geom_type.endswith("Polygon")]
    if not shapes:
        return np.zeros(window.shape, bool)
    found = rasterize(
        shapes,
        out_shape=window.shape,
        transform=Affine.translation(window.column0, window.row0),
        dtype="uint8",
    )
    return np.asarray(found, bool)
