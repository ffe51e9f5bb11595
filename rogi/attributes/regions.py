"""The region each unit lies in: the one that holds most of it."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from rogi.attributes.coverage import valid_polygons
from rogi.errors import InputError, OptionError
from rogi.geometry import to_lonlat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def read_regions(
    path: str | Path, column: str | None = None
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Names and polygons (longitude and latitude) of regions in a vector file.

    Raises
    ------
    InputError
        It cannot be read, or has no polygons or no CRS.
    OptionError
        Several columns of text and none chosen, or no such column.
    """
    import geopandas as gpd
    import pandas as pd

    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no file of regions {path}.")
    try:
        frame = gpd.read_file(path)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} cannot be read as polygons of regions ({error}).") from error
    polygons, _ = valid_polygons(frame.geometry.to_numpy())
    if not (shapely.area(polygons) > 0).any():
        raise InputError(f"{path} holds no polygons, so no regions.")
    texts = [c for c in frame.columns if c != frame.geometry.name and pd.api.types.is_string_dtype(frame[c])]
    if column is None:
        if len(texts) != 1:
            raise OptionError(
                f"{path} has {len(texts)} columns of text ({', '.join(texts)}); say which holds the names."
            )
        column = texts[0]
    if column not in frame.columns:
        raise OptionError(f"{path} has no column {column!r}; it has {', '.join(map(str, frame.columns))}.")
    return frame[column].astype(object).to_numpy(), to_lonlat(polygons, frame.crs)


def region_of(
    units: NDArray[np.object_], names: NDArray[np.object_], regions: NDArray[np.object_]
) -> NDArray[np.object_]:
    """Name of the region that holds the largest part of each unit.

    Parameters
    ----------
    units : ndarray of shapely geometries, shape (n,)
        Polygons or points, longitude and latitude.
    names : ndarray of str, shape (m,)
    regions : ndarray of polygons, shape (m,)
        Longitude and latitude, valid. Several may share a name.

    Returns
    -------
    ndarray of object, shape (n,)
        None where no region touches the unit. Of equal parts the region listed first counts.
    """
    found = np.full(len(units), None, dtype=object)
    unit, region = shapely.STRtree(regions).query(units, predicate="intersects")
    if not len(unit):
        return found
    parts = np.full(len(unit), np.inf)
    several = np.bincount(unit, minlength=len(units))[unit] > 1
    cut = shapely.intersection(units[unit[several]], regions[region[several]])
    parts[several] = shapely.area(cut)
    order = np.lexsort((region, -parts, unit))
    first = np.concatenate([[True], np.diff(unit[order]) != 0])
    found[unit[order][first]] = names[region[order][first]]
    return found


def spelled(names: NDArray[np.object_], vocabulary: Sequence[str]) -> NDArray[np.object_]:
    """Names as a vocabulary spells them, where they differ by accents, case or blanks only."""
    terms = {_plain(term): term for term in vocabulary}
    out: NDArray[np.object_] = np.array(
        [terms.get(_plain(name), name) if isinstance(name, str) else name for name in names], dtype=object
    )
    return out


def _plain(name: Any) -> str:
    decomposed = unicodedata.normalize("NFKD", str(name))
    return "".join(c for c in decomposed.casefold() if c.isalnum())
