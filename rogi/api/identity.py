"""Primary IDs of units: from positions, and from texts in any form."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd

from rogi.api.inventories import Source, as_inventory, check_crs
from rogi.errors import InputError, OptionError
from rogi.inventory.id_sources import IdSource, from_inventory, from_texts
from rogi.inventory.id_sources import from_file as from_path
from rogi.inventory.ids import primary_id as ids
from rogi.inventory.ids.repair import repair
from rogi.inventory.ids.unit_positions import Place
from rogi.public import public
from rogi.schema.model import Role

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory

Texts: TypeAlias = "Source | pd.Series | Sequence[str]"
"""IDs as words, or what has a column of them."""


@public
def primary_id(source: Source | gpd.GeoSeries, *, prefix: str = "RGU", at: str = "auto") -> pd.Series:
    """Primary IDs of primary markers, or of outlines.

    Parameters
    ----------
    source : path, GeoDataFrame, GeoSeries or Inventory
        Markers, else outlines, in any CRS.
    prefix : {"RGU", "RGS"}
        Of units or of systems.
    at : {"auto", "centroid", "inside"}
        Point of an outline: the centroid, a point inside, or the centroid where it lies inside.

    Returns
    -------
    Series of str
        ``RGU384455N1092526W``: latitude and longitude on WGS84 in 1e-4 degree; None where a geometry is no
        place. On the index of the table.

    Raises
    ------
    InputError
        The source cannot be read, has no CRS, or no points and polygons.
    OptionError
        The prefix or the point is unknown.

    References
    ----------
    RGIK (2023), Guidelines for inventorying rock glaciers, primary ID.

    Examples
    --------
    >>> import geopandas as gpd
    >>> import rogi
    >>> points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([-109.2526], [38.4455]), crs=4326)
    >>> rogi.primary_id(points)
    0    RGU384455N1092526W
    Name: primary_id, dtype: object
    """
    if at not in list(Place):
        raise OptionError(f"The point of an outline is {', '.join(Place)}; found {at!r}.")
    table = source.to_frame("geometry") if isinstance(source, gpd.GeoSeries) else source
    inventory = as_inventory(table)
    check_crs(inventory, Role.MARKER, Role.OUTLINE)
    found = from_inventory(inventory, place=at)
    assert found.longitude is not None and found.latitude is not None
    made = ids.make(found.longitude, found.latitude, prefix)
    return pd.Series(made, index=_index(inventory), name="primary_id", dtype=object)


@public
def parse_ids(source: Texts, *, column: str | None = None) -> pd.DataFrame:
    """Read primary IDs in any form, and say which form it is.

    Parameters
    ----------
    source : Series or sequence of str, path, GeoDataFrame or Inventory
        Texts, or an inventory with a column of them; its positions decide where digits can be read in several
        ways. A path ends in a known suffix.
    column : str, optional
        Column of the IDs; found by its name unless given.

    Returns
    -------
    DataFrame
        text, form, prefix, latitude, longitude (WGS84 degrees), canonical, ambiguous, in_range; on the index
        of the source.

    Raises
    ------
    InputError
        The source cannot be read or has no column of IDs.
    OptionError
        There is no such column.

    Examples
    --------
    >>> import rogi
    >>> rogi.parse_ids(["RGU384455N1092526W", "RGU76723E46181N"])[["form", "canonical"]].values.tolist()
    [['canonical', 'RGU384455N1092526W'], ['swapped', 'RGU461810N0076723E']]
    """
    found, index = _texts(source, column, "auto")
    read = ids.parse(found.text)
    if found.longitude is not None and found.latitude is not None:
        read = ids.resolve(read, found.longitude, found.latitude)
    return pd.DataFrame(
        {
            "text": read.text,
            "form": [form.value for form in read.form],
            "prefix": read.prefix,
            "latitude": read.latitude,
            "longitude": read.longitude,
            "canonical": read.canonical,
            "ambiguous": read.ambiguous,
            "in_range": read.in_range,
        },
        index=index,
    )


@public
def repair_ids(
    source: Texts,
    *,
    column: str | None = None,
    by_position: bool = True,
    tolerance: float = 2.0,
    prefix: str = "RGU",
) -> pd.DataFrame:
    """Bring primary IDs into the form of 18 characters; positions of markers decide what the text has lost.

    Parameters
    ----------
    source : Series or sequence of str, path, GeoDataFrame or Inventory
        As of :func:`parse_ids`. Of outlines only the texts are used, as an ID is that of the marker.
    column : str, optional
        Column of the IDs.
    by_position : bool
        Whether the positions of markers count.
    tolerance : float
        Distance from the marker at which an ID keeps its numbers, in 1e-4 degree.
    prefix : {"RGU", "RGS"}
        For IDs whose prefix cannot be read.

    Returns
    -------
    DataFrame
        text (as given), id, method (``none`` where it could not be repaired); on the index of the source.

    Raises
    ------
    InputError, OptionError
        As of :func:`parse_ids`.

    Examples
    --------
    >>> import rogi
    >>> rogi.repair_ids(["RGU76723E46181N"]).values.tolist()
    [['RGU76723E46181N', 'RGU461810N0076723E', 'guessed']]
    """
    if not tolerance >= 0:
        raise OptionError(f"The tolerance is a distance of 0 or more in 1e-4 degree, found {tolerance!r}.")
    found, index = _texts(source, column, "auto")
    use = by_position and found.of_markers
    fixed = repair(
        found.text,
        found.longitude if use else None,
        found.latitude if use else None,
        tolerance=tolerance,
        prefix=prefix,
    )
    return pd.DataFrame(
        {"text": fixed.parsed.text, "id": fixed.text, "method": [method.value for method in fixed.method]},
        index=index,
    )


def _texts(source: Any, column: str | None, place: str) -> tuple[IdSource, pd.Index | None]:
    """IDs with positions where there are any, and the index of the source."""
    if isinstance(source, PathLike) or (isinstance(source, str) and Path(source).exists()):
        return from_path(Path(source), column=column, place=place, ids=True), None
    if isinstance(source, str):
        raise InputError(f"{source!r} does not exist; give several IDs, or one, as a list.")
    if isinstance(source, pd.Series) and not isinstance(source, gpd.GeoSeries):
        values = source.astype(object).where(source.notna(), None)
        return from_texts(values.to_list()), source.index
    if isinstance(source, list | tuple | np.ndarray):
        return from_texts(list(source)), None
    inventory = as_inventory(source)
    found = from_inventory(inventory, column=column, place=place, ids=True)
    return found, _index(inventory)


def _index(inventory: Inventory) -> pd.Index:
    """Labels of the markers, else of the outlines."""
    layer = inventory.layer(Role.MARKER) or inventory.layer(Role.OUTLINE)
    assert layer is not None
    return layer.index_of_rows
