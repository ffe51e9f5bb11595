"""Numbers of a whole inventory: per subregion, and per cell of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from rogi.api.inventories import Source, as_inventory, check_crs
from rogi.comparison.outcome import Places
from rogi.distribution import optional
from rogi.errors import OptionError
from rogi.inventory.regions import Regions, read_regions, regions_of
from rogi.public import public
from rogi.schema.load import concepts
from rogi.schema.model import Role
from rogi.statistics.grids import cell_frame, equal_area_grid, grid_of_units
from rogi.statistics.summary import Group, statistics
from rogi.statistics.symbols import Symbols
from rogi.statistics.unit_table import UnitTable, unit_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@public
def summarise(
    source: Source, *, regions: Places | None = None, region_field: str | None = None
) -> pd.DataFrame:
    """The summary numbers of an inventory, in all and per subregion, as `rogi stats` prints them.

    Parameters
    ----------
    source : path, GeoDataFrame or Inventory
        Outlines in any CRS (restricted ones left out), else markers.
    regions : path or GeoDataFrame, optional
        Polygons of subregions; by default the column of the inventory.
    region_field : str, optional
        Column of their names.

    Returns
    -------
    DataFrame
        One row for each group (``all`` and each subregion) and quantity, the first of which is ``units``:
        group, units, quantity, unit, count, mean, median, standard_deviation, minimum, maximum, quantile_05,
        quantile_95, total (of area, km²), resultant (of aspect, whose mean is circular; 0 no preference, 1
        all alike). ``attrs["notes"]`` says what was
        decided on the way.

    Raises
    ------
    InputError
        The source or the regions cannot be read or have no CRS.
    OptionError
        The column of names is not there, or not known.

    References
    ----------
    Sun et al. (2024), abstract and Sect. 5.2; Mardia & Jupp (2000), eq. 2.2.4.

    Examples
    --------
    >>> import rogi
    >>> table = rogi.summarise(rogi.synthetic_inventory(50, seed=1))
    >>> table.query("group == 'all' and quantity == 'elevation_mean'")[["unit", "count"]].values.tolist()
    [['m', 50]]
    """
    numbers = statistics(_units(source, _regions(regions, region_field)))
    rows = [row for group in (numbers.whole, *numbers.subregions) for row in _rows(group)]
    names = [
        "group", "units", "quantity", "unit", "count", "mean", "median", "standard_deviation", "minimum",
        "maximum", "quantile_05", "quantile_95", "total", "resultant",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=names)
    table.attrs["notes"] = list(numbers.notes)
    return table


@public
def grid(
    source: Source, cell: float = 50.0, *, like: str | PathLike[str] | None = None, remote: bool = False
) -> gpd.GeoDataFrame:
    """Units per cell of an equal-area grid, and means of their attributes.

    Parameters
    ----------
    source : path, GeoDataFrame or Inventory
        As of :func:`summarise`.
    cell : float
        Side of a cell, km.
    like : path, optional
        A raster whose grid is taken instead.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    GeoDataFrame
        Cells with units, in the CRS of the grid: row (from the north), column (from the west), count,
        area_mean (km²), elevation_minimum_mean (m), slope_mean (degrees), of the attributes that are there.

    Raises
    ------
    InputError
        The source or the raster cannot be read, or has no CRS.
    OptionError
        The side is no length, or there would be too many cells.

    References
    ----------
    Sun et al. (2024), Sect. 4.3 and Fig. 7.

    Examples
    --------
    >>> import rogi
    >>> int(rogi.grid(rogi.synthetic_inventory(50, seed=1), cell=100)["count"].sum())
    50
    """
    _check_cell(cell)
    units = _units(source, None)
    if like is None:
        return cell_frame(grid_of_units(units, equal_area_grid(units.lonlat, cell * 1000.0)))
    with optional("The grid of a raster"):
        from rogi.statistics.grid_rasters import grid_of_raster
    return cell_frame(grid_of_units(units, grid_of_raster(Path(like))))


@public
def figures(
    source: Source,
    *,
    regions: Places | None = None,
    region_field: str | None = None,
    cell: float = 50.0,
    size: str = "180mm",
    font_size: float = 8.0,
    language: str = "en",
    symbols: str = "auto",
    dem: str | PathLike[str] | Sequence[str | PathLike[str]] | None = None,
    permafrost: str | PathLike[str] | None = None,
    remote: bool = False,
) -> dict[str, Figure]:
    """Figures of an inventory, as `rogi stats --figures` draws them: map, histograms, grid, aspects.

    Parameters
    ----------
    source : path, GeoDataFrame or Inventory
        As of :func:`summarise`.
    regions : path or GeoDataFrame, optional
        Polygons of subregions, also drawn as outlines; by default the column of the inventory.
    region_field : str, optional
        Column of their names.
    cell : float
        Side of a cell of the grid, km.
    size : str
        ``180x120mm``, ``9cm``, ``nature-page`` …; a width alone is as high as needed.
    font_size : float
        Points.
    language : str
        ``en``, ``de``, ``fr``, ``es``, ``zh`` or ``ru``.
    symbols : str
        ``dots``, ``density``, or ``auto``: density where dots merge.
    dem : path or paths, optional
        Elevation model, drawn behind the map as a hillshade.
    permafrost : path, optional
        Raster of the share of ground with permafrost (0 to 1, or per cent), drawn behind the map.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        ``map``, ``histograms``, ``grid`` and ``aspects``, those for which there are values.

    Raises
    ------
    InputError
        The source, the regions or a raster cannot be read.
    OptionError
        A size, language or kind of symbols that there is not.

    References
    ----------
    Sun et al. (2024), Figs. 5 to 8.

    Examples
    --------
    >>> import rogi
    >>> drawn = rogi.figures(rogi.synthetic_inventory(50, seed=1), size="nature-column")
    >>> sorted(drawn)
    ['aspects', 'grid', 'histograms', 'map']
    """
    with optional("rogi.figures"):
        from rogi.statistics.figures import Backgrounds, Style, figures_of, parse_size
    if symbols not in [s.value for s in Symbols]:
        raise OptionError(f"--symbols is auto, dots or density, found {symbols!r}.")
    _check_cell(cell)
    width, height = parse_size(size)
    style = Style(width, height, font_size=font_size, language=language)
    places = _regions(regions, region_field)
    surfaces = {}
    if dem is not None or permafrost is not None:
        with optional("A background"):
            from rogi.raster.elevation.shading import open_relief, open_share
        if dem is not None:
            paths = [dem] if isinstance(dem, str | PathLike) else dem
            surfaces["relief"] = open_relief([Path(path) for path in paths])
        if permafrost is not None:
            surfaces["permafrost"] = open_share(Path(permafrost))
    units = _units(source, places)
    cells = grid_of_units(units, equal_area_grid(units.lonlat, cell * 1000.0))
    drawn = figures_of(units, cells, style, Backgrounds(places, **surfaces), Symbols(symbols))
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _check_cell(cell: float) -> None:
    if not cell > 0:
        raise OptionError(f"The side of a cell is above 0 km, found {cell!r}.")


def _units(source: Source, regions: Regions | None) -> UnitTable:
    inventory = as_inventory(source)
    check_crs(inventory, Role.OUTLINE, Role.MARKER)
    return unit_table(inventory, regions, allow_empty=True)


def _regions(places: Places | None, field: str | None) -> Regions | None:
    if places is None:
        return None
    return (
        regions_of(places, field)
        if isinstance(places, gpd.GeoDataFrame)
        else read_regions(Path(places), field)
    )


def _rows(group: Group) -> list[dict[str, Any]]:
    shared: dict[str, Any] = {"group": group.name, "units": group.units}
    rows = [shared | {"quantity": "units", "unit": "", "count": group.units}]
    for one in group.quantities:
        names = ("unit", "count", "mean", "median", "standard_deviation", "minimum", "maximum",
                 "quantile_05", "quantile_95")  # fmt: skip
        total = {"total": group.total_area} if one.concept == "area" else {}
        rows.append(shared | {"quantity": one.concept} | {n: getattr(one, n) for n in names} | total)
    if group.aspect is not None:
        direction = group.aspect
        own = {"count": direction.count, "mean": direction.mean, "resultant": direction.resultant}
        rows.append(shared | {"quantity": "aspect", "unit": concepts()["aspect"].unit} | own)
    return rows
