"""Elevation models: one file, a VRT, or tiles, read as one grid by window.

Tiles that share a CRS, a pixel size and an origin form a grid; tiles that overlap (SRTM shares its border
rows) fill each other's voids, the first by name first. Tiles on another grid (Copernicus changes its spacing
with latitude, projected tiles change zone) are resampled where a window reaches into them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.geometry import transform_coordinates
from rogi.raster.files import RasterFile, Window, open_raster

if TYPE_CHECKING:
    import pyproj

SUFFIXES = (".tif", ".tiff", ".vrt", ".hgt", ".img", ".dt0", ".dt1", ".dt2", ".bil", ".asc")
"""What counts as a tile in a folder."""

SENTINELS = (-32768.0, -32767.0, -9999.0)
"""Numbers that stand for "no value" whether a file says so or not: no ground is that low."""

FOOT = 0.3048
FOOT_NAMES = frozenset({"ft", "foot", "feet", "international foot", "us survey foot", "us-ft", "ftus"})
METRE_NAMES = frozenset({"", "m", "metre", "meter", "metres", "meters"})

ZERO_EDGE_GAP = 100.0
"""Metres: where zeros line the edge of a file without a nodata value and nothing else seen in it is nearer to
zero than this, the zeros are fill and not the sea."""

ALIGNMENT = 0.01
"""Pixels by which the grids of tiles may differ and still count as one: their headers are rounded."""

FILL_ROWS = 256
"""Rows resampled at a time from tiles on another grid."""

EDGE_SAMPLES = 64
"""Blocks looked at along each edge of a file."""

Extent = tuple[float, float, float, float]
"""row0, row1, column0, column1 on a grid."""


@dataclass(frozen=True)
class Tile:
    """A file placed on the grid of a mosaic: its first pixel is (`row`, `column`) of the grid."""

    raster: RasterFile
    row: int
    column: int

    @property
    def extent(self) -> Extent:
        """Rows and columns of the grid it fills."""
        height, width = self.raster.shape
        return self.row, self.row + height, self.column, self.column + width


@dataclass(frozen=True)
class Mosaic:
    """Tiles on one grid, with those on other grids to fill in around them.

    Attributes
    ----------
    transform, shape, crs
        The grid; see `rogi.raster.files.Raster`.
    tiles : tuple of Tile
    others : tuple of RasterFile
        On other grids; used where no tile of the grid has a value.
    factor : float
        Metres per unit of the stored elevations.
    notes : set of str
        What reading found worth telling, filled as windows are read.
    """

    transform: Affine
    shape: tuple[int, int]
    crs: pyproj.CRS
    tiles: tuple[Tile, ...]
    others: tuple[RasterFile, ...] = ()
    factor: float = 1.0
    notes: set[str] = field(default_factory=set, compare=False)

    @property
    def name(self) -> str:
        """The first file's name, and how many more there are."""
        more = f" and {len(self.tiles) - 1} more" if len(self.tiles) > 1 else ""
        return f"{self.tiles[0].raster.path}{more}"

    @property
    def block_shape(self) -> tuple[int, int]:
        """Blocks of the first file."""
        return self.tiles[0].raster.block_shape

    @property
    def extents(self) -> list[Extent]:
        """Extent of every file on the grid."""
        others = [_extent_on(other, self.transform, self.crs) for other in self.others]
        return [tile.extent for tile in self.tiles] + others

    def tiles_in(self, window: Window) -> list[RasterFile]:
        """Files that a window reads, in the order in which they count."""
        own = [tile.raster for tile in self.tiles if _meet(tile.extent, window)]
        return own + [other for other in self.others if self._reaches(other, window)]

    def restricted(self, window: Window) -> Mosaic:
        """The same grid with only the tiles that a window reads."""
        return replace(
            self,
            tiles=tuple(tile for tile in self.tiles if _meet(tile.extent, window)) or self.tiles[:1],
            others=tuple(other for other in self.others if self._reaches(other, window)),
            notes=set(),
        )

    def read(self, window: Window) -> NDArray[np.floating[Any]]:
        """Elevations in the window, m; NaN for voids and outside.

        Raises
        ------
        InputError
            A tile is damaged; it is named.
        """
        tiles = [(tile, self._checked(tile.raster)) for tile in self.tiles if _meet(tile.extent, window)]
        double = any(raster.float_type is np.float64 for _, raster in tiles)
        values = np.full(window.shape, np.nan, dtype=np.float64 if double else np.float32)
        for tile, raster in tiles:
            row0, row1, column0, column1 = (int(v) for v in tile.extent)
            part = Window(
                max(row0, window.row0),
                min(row1, window.row1),
                max(column0, window.column0),
                min(column1, window.column1),
            )
            place = values[
                part.row0 - window.row0 : part.row1 - window.row0,
                part.column0 - window.column0 : part.column1 - window.column0,
            ]
            np.copyto(place, raster.read(part.moved(-tile.row, -tile.column)), where=np.isnan(place))
        for other in self.others:
            if np.isnan(values).any() and self._reaches(other, window):
                self._fill(values, window, other)
        return values if self.factor == 1.0 else values * values.dtype.type(self.factor)

    def _checked(self, raster: RasterFile) -> RasterFile:
        known, found = checked_tile(raster)
        self.notes.update(found)
        return known

    def _reaches(self, other: RasterFile, window: Window) -> bool:
        return _meet(_extent_on(other, self.transform, self.crs), window)

    def _fill(self, values: NDArray[np.floating[Any]], window: Window, other: RasterFile) -> None:
        """Put bilinear values of a tile on another grid where `values` has none."""
        raster = self._checked(other)
        row0, row1, column0, column1 = _extent_on(other, self.transform, self.crs)
        first = max(window.column0, int(column0))
        last = min(window.column1, int(np.ceil(column1)))
        for top in range(max(window.row0, int(row0)), min(window.row1, int(np.ceil(row1))), FILL_ROWS):
            bottom = min(top + FILL_ROWS, window.row1)
            part = values[
                top - window.row0 : bottom - window.row0, first - window.column0 : last - window.column0
            ]
            row, column = np.nonzero(np.isnan(part))
            if len(row):
                x, y = _apply(self.transform, column + first + 0.5, row + top + 0.5)
                xy = transform_coordinates(np.column_stack([x, y]), self.crs, raster.crs)
                part[row, column] = _bilinear(raster, xy)


@dataclass(frozen=True)
class ElevationModel:
    """An elevation model of one or more grids.

    Attributes
    ----------
    mosaics : tuple of Mosaic
        One per grid; the one with most files first.
    notes : tuple of str
        What opening it found worth telling.
    """

    mosaics: tuple[Mosaic, ...]
    notes: tuple[str, ...] = ()

    def assign(self, points: NDArray[np.float64], crs: Any) -> NDArray[np.int64]:
        """Which mosaic holds each point.

        Parameters
        ----------
        points : ndarray of float64, shape (n, 2)
            x and y; NaN for none.
        crs : anything `pyproj.CRS` accepts

        Returns
        -------
        ndarray of int64, shape (n,)
            The first mosaic with a tile at the point; 0 where there is none.
        """
        chosen = np.full(len(points), -1, dtype=np.int64)
        if len(self.mosaics) == 1:
            return np.zeros(len(points), dtype=np.int64)
        for number, mosaic in enumerate(self.mosaics):
            xy = transform_coordinates(points, crs, mosaic.crs)
            for turn in (0.0, 360.0, -360.0) if mosaic.crs.is_geographic else (0.0,):
                column, row = _apply(~mosaic.transform, xy[:, 0] + turn, xy[:, 1])
                for row0, row1, column0, column1 in (tile.extent for tile in mosaic.tiles):
                    inside = (row >= row0) & (row < row1) & (column >= column0) & (column < column1)
                    chosen[inside & (chosen < 0)] = number
        return np.maximum(chosen, 0)


def open_elevation_model(source: str | Path | Sequence[str | Path], *, crs: Any = None) -> ElevationModel:
    """Look at the files of an elevation model; only headers are read.

    Parameters
    ----------
    source : path or sequence of paths
        Files that rasterio opens (GeoTIFF, VRT, HGT, ...) or folders, which are searched with their
        subfolders.
    crs : anything `pyproj.CRS` accepts, optional
        For files that name none.

    Returns
    -------
    ElevationModel
        Elevations are in m: where the file says that its unit is the foot, they are converted. Values of
        -32768, -32767 and -9999 are voids in any file, zeros along the edges of one without a nodata value
        too (see `ZERO_EDGE_GAP`). AREA_OR_POINT needs no attention: either way a pixel's centre is where its
        value is.

    Raises
    ------
    InputError
        No file, or one without CRS or georeference, or whose unit is neither metre nor foot.
    """
    files = elevation_files(source)
    rasters = [open_raster(path, crs=crs) for path in files]
    factors = {_factor(raster) for raster in rasters}
    if len(factors) > 1:
        raise InputError(f"The files of {source} mix metres and feet; convert them to metres first.")
    factor = factors.pop()
    notes = [f"{rasters[0].path} is in feet; converted to metres."] if factor != 1.0 else []
    mosaics = []
    for group in sorted(_aligned(rasters), key=len, reverse=True):
        members = {id(raster) for raster in group}
        others = tuple(raster for raster in rasters if id(raster) not in members)
        mosaics.append(_mosaic(group, others, factor))
    if len(mosaics) > 1:
        notes.append(
            f"The elevation model lies on {len(mosaics)} grids; each unit is computed on the one that holds "
            "it, with its surroundings resampled bilinearly where they lie on another."
        )
    return ElevationModel(tuple(mosaics), tuple(notes))


def elevation_files(source: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    """Raster files named by paths and folders, sorted and without repetition."""
    found: set[Path] = set()
    for item in [source] if isinstance(source, str | Path) else source:
        path = Path(item)
        if path.is_dir():
            tiles = [p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file()]
            if not tiles:
                raise InputError(
                    f"The folder {path} holds no raster; it should hold files of {', '.join(SUFFIXES)}."
                )
            found.update(tiles)
        elif path.exists():
            found.add(path)
        else:
            raise InputError(f"There is no elevation model {path}; give a file, a VRT or a folder of tiles.")
    if not found:
        raise InputError("No elevation model was given; name a file, a VRT or a folder of tiles.")
    return tuple(sorted(found))


def _meet(extent: Extent, window: Window) -> bool:
    row0, row1, column0, column1 = extent
    return row0 < window.row1 and row1 > window.row0 and column0 < window.column1 and column1 > window.column0


def _factor(raster: RasterFile) -> float:
    """Metres per unit of a file's values."""
    unit = raster.units.casefold()
    if unit in METRE_NAMES:
        return 1.0
    if unit in FOOT_NAMES:
        return FOOT
    raise InputError(f"{raster.path} is in {raster.units!r}; an elevation model must be in metres or feet.")


def _aligned(rasters: Sequence[RasterFile]) -> list[list[RasterFile]]:
    """Rasters in groups that share a grid."""
    groups: list[list[RasterFile]] = []
    for raster in rasters:
        for group in groups:
            if _offset(group[0], raster) is not None:
                group.append(raster)
                break
        else:
            groups.append([raster])
    return groups


def _offset(base: RasterFile, other: RasterFile) -> tuple[int, int] | None:
    """Row and column of `other` on the grid of `base`, or None if it lies on another grid."""
    a, b = base.transform, other.transform
    drift = max(abs(a.a - b.a), abs(a.b - b.b), abs(a.d - b.d), abs(a.e - b.e)) * max(other.shape)
    if drift > ALIGNMENT * max(abs(a.a), abs(a.b)) or base.crs != other.crs:
        return None
    column, row = _apply(~a, b.c, b.f)
    if max(abs(column - round(column)), abs(row - round(row))) > ALIGNMENT:
        return None
    return round(row), round(column)


def _mosaic(rasters: Sequence[RasterFile], others: tuple[RasterFile, ...], factor: float) -> Mosaic:
    base = rasters[0]
    places = [_offset(base, raster) or (0, 0) for raster in rasters]
    rows = np.array([row for row, _ in places])
    columns = np.array([column for _, column in places])
    widths = np.array([raster.shape[1] for raster in rasters])
    if base.crs.is_geographic:
        columns = _around(columns, widths, 360.0 / abs(base.transform.a))
    top, left = int(rows.min()), int(columns.min())
    bottom = max(int(row) + raster.shape[0] for row, raster in zip(rows, rasters, strict=True))
    right = int((columns + widths).max())
    tiles = tuple(
        Tile(raster, int(row) - top, int(column) - left)
        for raster, row, column in zip(rasters, rows, columns, strict=True)
    )
    transform = base.transform if top == left == 0 else base.transform @ Affine.translation(left, top)
    return Mosaic(transform, (bottom - top, right - left), base.crs, tiles, others, factor)


def _around(columns: NDArray[np.int64], widths: NDArray[np.int64], circle: float) -> NDArray[np.int64]:
    """Columns of tiles with those west of the widest gap moved east, if that joins the antimeridian."""
    turn = round(circle)
    if abs(turn - circle) > ALIGNMENT:
        return columns
    order = np.argsort(columns, kind="stable")
    ends = np.maximum.accumulate((columns + widths)[order])
    gaps = columns[order][1:] - ends[:-1]
    if not len(gaps) or gaps.max() <= columns.min() + turn - ends[-1]:
        return columns
    west = columns < columns[order][int(gaps.argmax()) + 1]
    return columns + np.where(west, turn, 0)


@lru_cache(maxsize=4096)
def checked_tile(raster: RasterFile) -> tuple[RasterFile, tuple[str, ...]]:
    """A tile with all its voids known, and what to tell about them.

    Looks at up to `EDGE_SAMPLES` blocks along each edge of a file that has no nodata value, and for gaps
    between the files of a VRT, which it fills with zeros; what it finds depends on the file alone.
    """
    known = raster.with_voids(*SENTINELS)
    if raster.nodata is not None or raster.masked:
        return known, ()
    if raster.composed and _has_gaps(raster):
        note = f"{raster.path} has no nodata value and gaps between its files; zeros are taken as void."
        return known.with_voids(0.0), (note,)
    edges = _edge_values(raster)
    notes = [
        f"{raster.path} has no nodata value but holds {value:g}; taken as void."
        for value in SENTINELS
        if (edges == value).any()
    ]
    seen = edges[np.isfinite(edges) & ~np.isin(edges, SENTINELS)]
    ground = seen[seen != 0]
    if len(ground) and len(ground) < len(seen) and np.abs(ground).min() >= ZERO_EDGE_GAP:
        notes.append(
            f"{raster.path} has no nodata value and zeros along its edges, though no other elevation near "
            "zero; zeros are taken as void."
        )
        known = known.with_voids(0.0)
    return known, tuple(notes)


def _has_gaps(raster: RasterFile) -> bool:
    """Whether the files of a VRT leave part of it empty; unknown, so False, where they lie in another CRS."""
    height, width = raster.shape
    boxes = []
    for path in raster.files:
        if path == raster.path:
            continue
        try:
            source = open_raster(path)
        except InputError:
            continue  # a sidecar; a missing source shows when it is read
        if source.crs != raster.crs:
            return False
        corners = [source.transform @ corner for corner in ((0, 0), source.shape[::-1])]
        (x0, y0), (x1, y1) = (_apply(~raster.transform, *corner) for corner in corners)
        boxes.append((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
    if not boxes:
        return False
    west, north, east, south = np.array(boxes).T
    spare = ALIGNMENT
    filled = shapely.union_all(shapely.box(west - spare, north - spare, east + spare, south + spare))
    return bool(shapely.area(shapely.difference(shapely.box(0, 0, width, height), filled)) >= 1.0)


def _edge_values(raster: RasterFile) -> NDArray[np.floating[Any]]:
    """Values along the four edges and through the middle of a file."""
    (height, width), (block_height, block_width) = raster.shape, raster.block_shape
    windows = [
        Window(line, line + 1, start, min(start + block_width, width))
        for line in (0, height // 2, height - 1)
        for start in _starts(width, block_width)
    ] + [
        Window(start, min(start + block_height, height), line, line + 1)
        for line in (0, width // 2, width - 1)
        for start in _starts(height, block_height)
    ]
    return np.concatenate([raster.read(window).ravel() for window in windows])


def _starts(length: int, block: int) -> list[int]:
    count = -(-length // block)
    if count > EDGE_SAMPLES:
        return sorted({int(i) * block for i in np.linspace(0, count - 1, EDGE_SAMPLES)})
    return [i * block for i in range(count)]


def _apply(transform: Affine, x: Any, y: Any) -> tuple[Any, Any]:
    """An affine transform of arrays or numbers."""
    return transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f


def _bilinear(raster: RasterFile, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values at points from the four pixels around each; NaN where the nearest of them has none."""
    height, width = raster.shape
    if raster.crs.is_geographic:
        west = min(raster.transform.c, raster.transform.c + raster.transform.a * width)
        xy = np.column_stack([(xy[:, 0] - west) % 360.0 + west, xy[:, 1]])
    column, row = _apply(~raster.transform, xy[:, 0], xy[:, 1])
    values = np.full(len(xy), np.nan)
    inside = np.flatnonzero((column >= 0) & (column < width) & (row >= 0) & (row < height))
    if not len(inside):
        return values
    column, row = column[inside] - 0.5, row[inside] - 0.5
    left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    window = Window(int(top.min()), int(top.max()) + 2, int(left.min()), int(left.max()) + 2)
    pixels = raster.read(window).astype(np.float64)
    total, weight, nearest = np.zeros(len(inside)), np.zeros(len(inside)), np.zeros(len(inside), dtype=bool)
    for down in (0, 1):
        for right in (0, 1):
            share = (1 - np.abs(row - top - down)) * (1 - np.abs(column - left - right))
            pixel = pixels[top + down - window.row0, left + right - window.column0]
            known = np.isfinite(pixel)
            total += np.where(known, share * np.nan_to_num(pixel), 0.0)
            weight += np.where(known, share, 0.0)
            nearest |= known & (np.rint(row) == top + down) & (np.rint(column) == left + right)
    good = nearest & (weight > 0)
    values[inside[good]] = total[good] / weight[good]
    return values


@lru_cache(maxsize=65536)
def _extent_on(other: RasterFile, transform: Affine, crs: pyproj.CRS) -> Extent:
    """Extent of a file on another grid, from points along its edges, with a pixel to spare."""
    height, width = other.shape
    along = np.linspace(0.0, 1.0, 21)
    column = np.concatenate([along, along, np.zeros(21), np.ones(21)]) * width
    row = np.concatenate([np.zeros(21), np.ones(21), along, along]) * height
    x, y = _apply(other.transform, column, row)
    xy = transform_coordinates(np.column_stack([x, y]), other.crs, crs)
    columns, rows = _apply(~transform, xy[:, 0], xy[:, 1])
    if not np.isfinite(columns).all():
        return 0.0, 0.0, 0.0, 0.0
    return float(rows.min()) - 1, float(rows.max()) + 1, float(columns.min()) - 1, float(columns.max()) + 1
