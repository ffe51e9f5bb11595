"""Zonal statistics from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from rogi.api.attributes import Units, check_units, plain, warn
from rogi.attributes.zonal.described_units import described_units
from rogi.attributes.zonal.groups import Engine
from rogi.attributes.zonal.statistics import MIN_VALID_SHARE
from rogi.attributes.zonal.zonal import zonal_statistics as statistics_of
from rogi.errors import OptionError
from rogi.public import public


@public
def zonal_statistics(
    source: Units,
    rasters: Mapping[str, Any] | str | PathLike[str],
    statistics: Sequence[str] | Mapping[str, Sequence[str]] = ("mean",),
    *,
    engine: str = "coverage",
    minimum_valid_share: float | None = None,
    remote: bool = False,
) -> pd.DataFrame:
    """Statistics of any rasters in polygons, by the exact share of each pixel inside.

    Parameters
    ----------
    source : path, GeoDataFrame, GeoSeries or Inventory
        Polygons in any CRS.
    rasters : mapping of str to path, or path
        By name; of one path alone the name is that of the file. Of a file of several bands name one after a
        colon: ``stack.tif:2``, or its description.
    statistics : sequence of str, or mapping of str to sequence of str
        mean, median, min, max, std, quantiles such as ``q05``; ``circular_mean`` and
        ``resultant_length`` of directions in degrees. For all rasters or by name.
    engine : {"coverage", "rasterstats"}
        Pixels by the share inside, or those whose centre is inside.
    minimum_valid_share : float, optional
        Least share of a unit on valid pixels; below it the unit's statistics are NaN.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    DataFrame of float64
        ``<raster>_<statistic>`` in the unit of the raster, ``<raster>_valid_share``; on the index of the
        table.

    Raises
    ------
    InputError
        A raster cannot be read or has no CRS, or the polygons have none.
    OptionError
        An unknown statistic or engine.

    Examples
    --------
    >>> from pathlib import Path
    >>> import geopandas as gpd
    >>> import shapely
    >>> import rogi
    >>> from rogi.synthetic.terrain import Box, write_tiles
    >>> tiles = write_tiles(Path("tiles"), Box(97.1, 28.1, 97.2, 28.2), arc_seconds=9)
    >>> unit = gpd.GeoDataFrame(geometry=[shapely.box(97.1, 28.1, 97.11, 28.11)], index=["a"], crs=4326)
    >>> rogi.zonal_statistics(unit, {"dem": tiles[0]}, ["mean", "q95"]).columns.tolist()
    ['dem_mean', 'dem_q95', 'dem_valid_share']
    """
    if engine not in list(Engine):
        raise OptionError(f"The engine is {' or '.join(Engine)}, found {engine!r}.")
    if isinstance(rasters, str | PathLike):
        rasters = {Path(rasters).stem: rasters}
    inventory = plain(source)
    check_units(inventory, None)
    described = described_units(inventory, None)
    warn(described.notes)
    found = statistics_of(
        described.polygons,
        rasters,
        statistics,
        crs=described.layer.crs,
        engine=engine,
        minimum_valid_share=MIN_VALID_SHARE if minimum_valid_share is None else minimum_valid_share,
    )
    return found.set_axis(described.layer.index_of_rows, axis=0)
