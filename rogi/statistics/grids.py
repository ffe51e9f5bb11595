"""Grids of equal cells: units per cell and means of their attributes (Sun et al. 2024, Fig. 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from rogi.errors import OptionError
from rogi.files import replacing
from rogi.geometry import Floats, Ints, equal_area_crs, total_bounds, transform_coordinates
from rogi.inventory.writing.geopackage import set_last_change
from rogi.longitudes import in_one_map
from rogi.schema.attributes import shown_in

if TYPE_CHECKING:
    import pyproj

    from rogi.schema.attributes import shown_in
from rogi.statistics.unit_table import UnitTable

CELL_M = 50_000.0  # Sun et al. (2024), Sect. 4.3
MAX_CELLS = 50_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A raster grid: rows from north to south, columns from west to east.

    ``west`` and ``north`` are the outer corner, ``width`` and ``height`` of a cell are positive, all in units
    of the CRS.
    """

    crs: pyproj.CRS
    west: float
    north: float
    width: float
    height: float
    shape: tuple[int, int]  # rows, columns

    def cell(self, x: Floats, y: Floats) -> Ints:
        """Flat index of the cell of each position; -1 outside. The north and west edges belong to a cell."""
        column = np.floor((x - self.west) / self.width)
        row = np.floor((self.north - y) / self.height)
        rows, columns = self.shape
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        out = np.full(np.shape(x), -1, dtype=np.int64)
        out[inside] = (row[inside] * columns + column[inside]).astype(np.int64)
        return out

    def boxes(self, cells: Ints) -> NDArray[np.object_]:
        """Squares of cells, in the grid's CRS."""
        row, column = np.divmod(cells, self.shape[1])
        west = self.west + column * self.width
        north = self.north - row * self.height
        made: NDArray[np.object_] = shapely.box(west, north - self.height, west + self.width, north)
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Gridded:
    """Values per cell as (rows, columns) arrays: counts, and means (NaN in cells without a value)."""

    grid: Grid
    count: Ints
    means: Mapping[str, Floats]
    outside: int  # units not on the grid


def equal_area_grid(lonlat: Floats, cell: float = CELL_M) -> Grid:
    """A grid of square equal-area cells over points, its lines at multiples of the cell's size.

    Parameters
    ----------
    lonlat
        (n, 2) WGS84 degrees; rows with NaN are left out.
    cell
        Side of a cell, m.

    Raises
    ------
    OptionError
        If there is no point, the size is not positive, or the grid would have over 50 million cells.
    """
    lonlat = lonlat[np.isfinite(lonlat).all(axis=1)]
    if not len(lonlat):
        raise OptionError("No unit has a position, so no grid can be laid over them.")
    if not (np.isfinite(cell) and cell > 0):
        raise OptionError(f"The size of a cell is a positive number of metres, found {cell:g}.")
    crs = equal_area_crs(total_bounds(*in_one_map(shapely.points(lonlat))))
    xy = transform_coordinates(lonlat, "EPSG:4326", crs)
    west = np.floor(xy[:, 0].min() / cell) * cell
    north = np.floor(xy[:, 1].max() / cell) * cell + cell
    # A point on a line belongs to the cell east and south of it.
    columns = int(np.floor((xy[:, 0].max() - west) / cell)) + 1
    rows = int(np.floor((north - xy[:, 1].min()) / cell)) + 1
    if rows * columns > MAX_CELLS:
        raise OptionError(
            f"Cells of {cell:g} m would make a grid of {rows} x {columns}; choose larger cells."
        )
    return Grid(crs, float(west), float(north), cell, cell, (rows, columns))


def gridded(lonlat: Floats, grid: Grid, values: Mapping[str, Floats] | None = None) -> Gridded:
    """Counts and means of units per cell.

    Parameters
    ----------
    lonlat
        (n, 2) WGS84 degrees.
    grid
        Any grid.
    values
        Name -> (n,) values; NaN does not count.
    """
    xy = np.full(lonlat.shape, np.nan)
    known = np.isfinite(lonlat).all(axis=1)
    xy[known] = transform_coordinates(lonlat[known], "EPSG:4326", grid.crs)
    cell = np.full(len(lonlat), -1, dtype=np.int64)
    cell[known] = grid.cell(xy[known, 0], xy[known, 1])
    on = cell >= 0
    n = grid.shape[0] * grid.shape[1]
    means: dict[str, Any] = {}
    for name, value in (values or {}).items():
        ok = np.flatnonzero(on & np.isfinite(value))
        ok = ok[np.lexsort((value[ok], cell[ok]))]  # sums do not depend on the order of rows
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(cell[ok], value[ok], n) / np.bincount(cell[ok], minlength=n)
        means[name] = mean.reshape(grid.shape)
    count = np.bincount(cell[on], minlength=n).reshape(grid.shape)
    return Gridded(grid, count, means, int((~on).sum()))


def grid_of_units(table: UnitTable, grid: Grid) -> Gridded:
    """Units per cell, and means of their area, lowest elevation and mean slope."""
    values = {concept: found for concept in shown_in("grid") if (found := table.numbers(concept)) is not None}
    return gridded(table.lonlat, grid, values)


def cell_frame(cells: Gridded) -> gpd.GeoDataFrame:
    """Cells with units as polygons, with their row, column, count and means, in the grid's CRS."""
    flat = np.flatnonzero(cells.count.ravel())
    row, column = np.divmod(flat, cells.grid.shape[1])
    columns: dict[str, Any] = {"row": row, "column": column, "count": cells.count.ravel()[flat]}
    columns |= {f"{name}_mean": mean.ravel()[flat] for name, mean in column_names(cells).items()}
    return gpd.GeoDataFrame(columns, geometry=cells.grid.boxes(flat), crs=cells.grid.crs)


def write_gpkg(cells: Gridded, path: Path) -> None:
    """Write the table of `cell_frame`."""
    frame = cell_frame(cells)
    with replacing(path) as temporary:
        pyogrio.write_dataframe(frame, temporary, layer="grid", driver="GPKG", geometry_type="Polygon")
        set_last_change(temporary)


def column_names(cells: Gridded) -> Mapping[str, Floats]:
    """Means under names that do not repeat the word mean."""
    return {name.removesuffix("_mean"): mean for name, mean in cells.means.items()}
