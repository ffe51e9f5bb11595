"""Regions: which named polygon a unit lies in, and names compared as people mean them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import ArrayLike, NDArray

from rogi.errors import InputError, OptionError
from rogi.geometry import to_lonlat
from rogi.inventory import vector
from rogi.inventory.coordinates import on_earth
from rogi.longitudes import around
from rogi.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

Objects = NDArray[np.object_]

# Columns that hold the name of a region in files in use (HiMAP, global 2026, RGI, GTN-G).
NAME_COLUMNS = ("himap_region", "subregion", "region", "name", "full_name", "o2region", "o1region", "nombre")


VIRTUAL = re.compile(rb"<OGR[A-Z]")
"""How GDAL knows texts that name vector files and services, wherever it stands among the first bytes."""
HEAD_BYTES = 1024

UNNAMED = "(no name)"  # polygons whose name is null; units in them are in a region all the same


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Named polygons, EPSG:4326; those without a name share the name :data:`UNNAMED`.

    ``repaired`` names the regions whose polygon was invalid and was mended for looking things up; the file
    stays as it is.
    """

    names: tuple[str, ...]
    geometry: Objects
    repaired: tuple[str, ...] = ()


def fold(name: str) -> str:
    """A name without diacritics, case and punctuation: ``Nyainqêntanglha`` is ``nyainqentanglha``."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(c for c in plain.casefold() if c.isalnum())


def same_name(name: str, names: ArrayLike) -> str | None:
    """The one of ``names`` that is meant by ``name``, diacritics and case aside; None if there is none."""
    wanted = fold(name)
    return next(
        (str(n) for n in np.asarray(names, dtype=object) if n is not None and fold(str(n)) == wanted), None
    )


def polygon_layer(path: str | Path, what: str) -> str | None:
    """The one layer of polygons of a vector file; None where it cannot be told before it is read.

    Inventories hold points too, often before the outlines.

    Raises
    ------
    InputError
        There are several, or the file is a text that names others.
    """
    refuse_virtual(path)
    layers = vector.list_layers(path)
    found = [str(name) for name, kind in layers if kind is not None and "Polygon" in str(kind)]
    if len(found) > 1:
        raise InputError(
            f"The {what} {path} could be those of the layers {', '.join(found)}; write the one that "
            "is meant to a file of its own."
        )
    return found[0] if found else None


def read_regions(path: str | Path, field: str | None = None, what: str = "regions") -> Regions:
    """Regions of a vector file.

    Parameters
    ----------
    path
        Polygons in any format pyogrio reads, with a CRS.
    field
        Column of the names; default the first of :data:`NAME_COLUMNS` that is there, else the only text
        column.
    what
        What they are to be called in messages.

    Returns
    -------
    Regions
        Parts of one name are joined; in order of names.

    Raises
    ------
    InputError
        If the file cannot be read, has no CRS, no polygons, or several layers of them.
    OptionError
        If the column is not there, or none can be told to hold the names.
    """
    try:
        frame = vector.read_dataframe(path, layer=polygon_layer(path, what))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise InputError(
            f"The {what} {path} cannot be read: {error}; name a vector file of polygons."
        ) from None
    return regions_of(frame, field, f"{what} {path}")


def regions_of(frame: pd.DataFrame, field: str | None = None, what: str = "regions") -> Regions:
    """Regions of a table of polygons; see :func:`read_regions`."""
    if not isinstance(frame, gpd.GeoDataFrame) or not frame.geom_type.isin(["Polygon", "MultiPolygon"]).any():
        raise InputError(f"The {what} contain no polygons; name a file that does.")
    if frame.crs is None:
        raise InputError(f"The {what} have no CRS; set it, so that they can be placed.")
    column = _name_column(frame, field, f"The {what}")
    frame = frame[frame.geom_type.isin(["Polygon", "MultiPolygon"])]
    geometry = to_lonlat(np.asarray(frame.geometry.array, dtype=object), frame.crs)
    text = frame[column].astype(str).str.strip()
    names = text.where(frame[column].notna() & (text != ""), UNNAMED).to_numpy(dtype=object)
    if not (here := on_earth(geometry)).all():
        raise InputError(
            f"The {what}: {', '.join(sorted(set(names[~here])))} have impossible coordinates, or "
            "none; correct or remove them."
        )
    bad = ~shapely.is_valid(geometry)
    geometry[bad] = shapely.make_valid(geometry[bad])
    distinct = sorted(set(names))
    parts = [geometry[names == name] for name in distinct]
    joined = [p[0] if len(p) == 1 else shapely.union_all(p) for p in parts]
    return Regions(tuple(distinct), np.array(joined, dtype=object), tuple(sorted(set(names[bad]))))


def refuse_virtual(path: str | Path) -> None:
    """Refuse a text in place of a vector file: GDAL would open what it names, addresses too.

    Raises
    ------
    InputError
        It is one, whatever its name ends in.
    """
    try:
        with Path(path).open("rb") as stream:
            start = stream.read(HEAD_BYTES)
    except OSError:
        return  # a folder, or told by what reads it
    if VIRTUAL.search(start):
        raise InputError(
            f"{path} is a text that names other files or a service, not a vector file; save what it shows "
            "as a GeoPackage."
        )


def assign(units: Objects, regions: Regions) -> Objects:
    """Name of the region each unit lies in: the one that holds most of it.

    Parameters
    ----------
    units
        (n,) points or valid polygons, WGS84 longitude and latitude; None or empty ones lie nowhere.
    regions
        Of regions that hold equal parts of a unit, or one point, the first counts.

    Returns
    -------
    (n,) object
        Names; None where no region touches the unit.
    """
    found = np.full(len(units), None, dtype=object)
    shapes, owner = around(regions.geometry, units)
    shapely.prepare(shapes)
    copy, unit = shapely.STRtree(units).query(shapes, predicate="intersects")
    if not len(unit):
        return found
    region, part = owner[copy], np.zeros(len(unit))
    several = np.bincount(unit, minlength=len(units))[unit] > 1
    part[several] = shapely.area(shapely.intersection(units[unit[several]], shapes[copy[several]]))
    order = np.lexsort((region, -part, unit))
    first = order[np.diff(unit[order], prepend=-1) != 0]
    found[unit[first]] = np.array(regions.names, dtype=object)[region[first]]
    return found


def spelled(names: Sequence[str], vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Names as a vocabulary spells them, where they differ by diacritics, case and punctuation only.

    Examples
    --------
    >>> spelled(["nyainqentanglha", "elsewhere"], ["Nyainqêntanglha", "Qilian Shan"])
    ('Nyainqêntanglha', 'elsewhere')
    """
    terms = {fold(term): term for term in reversed(vocabulary)}
    return tuple(terms.get(fold(name), name) for name in names)


def _name_column(frame: gpd.GeoDataFrame, field: str | None, what: str) -> str:
    columns = [str(c) for c in frame.columns if c != frame.geometry.name]
    if field is not None:
        if field in columns:
            return field
        raise OptionError(
            f"{what} have no column {field!r}; they have {', '.join(columns) or 'none'}"
            f"{did_you_mean(field, columns) or '.'}"
        )
    by_fold = {fold(c): c for c in columns}
    for candidate in NAME_COLUMNS:
        if fold(candidate) in by_fold:
            return by_fold[fold(candidate)]
    texts = [
        c for c in columns if frame[c].dtype == object or str(frame[c].dtype).startswith(("str", "string"))
    ]
    if len(texts) == 1:
        return texts[0]
    raise OptionError(
        f"{what}: which column contains the names? Name one of {', '.join(columns) or '(none)'}."
    )
