"""Attributes of units: one quantity one function, and the whole table of an inventory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd

from rogi.api.inventories import Source, as_inventory, as_texts, check_crs
from rogi.attributes.configuration import AttributeSettings
from rogi.attributes.derive import derive_attributes
from rogi.attributes.derived import Derived
from rogi.attributes.fields import GROUPS, QUALITY, Group
from rogi.errors import InputError, OptionError
from rogi.public import in_python, public
from rogi.schema.model import Role
from rogi.terrain import RadiationParameters

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory

Paths: TypeAlias = "str | PathLike[str] | Sequence[str | PathLike[str]]"
Units: TypeAlias = "Source | gpd.GeoSeries"

ELEVATION = tuple(name for name in GROUPS[Group.RELIEF] if name.startswith("elevation"))
SLOPE = tuple(name for name in GROUPS[Group.RELIEF] if name.startswith("slope"))


@public
def area(source: Units) -> pd.Series:
    """Areas of outlines on the ellipsoid, in km²; never of degrees or of a map.

    Parameters
    ----------
    source : path, GeoDataFrame, GeoSeries or Inventory
        Outlines in any CRS, geographic or projected.

    Returns
    -------
    Series of float64
        km²; NaN where a geometry is missing, empty or no place. On the index of the table.

    Raises
    ------
    InputError
        The source cannot be read, has no outlines or no CRS.

    References
    ----------
    Snyder (1987), Map projections: a working manual, USGS Prof. Paper 1395, eqs. 3-11, 3-12, 10-14 f.

    Examples
    --------
    >>> import geopandas as gpd
    >>> import shapely
    >>> import rogi
    >>> square = gpd.GeoDataFrame(geometry=[shapely.box(500_000, 3_000_000, 501_000, 3_001_000)], crs=32645)
    >>> rogi.area(square).round(4)
    0    1.0008
    Name: area, dtype: float64
    """
    inventory = plain(source)
    if inventory.layer(Role.OUTLINE) is None:
        raise InputError("There are no outlines, so there are no areas; primary markers are points.")
    derived = _derived(inventory, AttributeSettings(fields=("area",)))
    return _series(derived, "area")


@public
def elevation(
    source: Units, dem: Paths, *, buffer: float | None = None, remote: bool = False
) -> pd.DataFrame:
    """Elevation of units from an elevation model.

    Parameters
    ----------
    source : path, GeoDataFrame, GeoSeries or Inventory
        Outlines in any CRS, or markers with `buffer`.
    dem : path or sequence of paths
        Elevation model in metres: files, folders of tiles, archives, ``FILE:BAND``.
    buffer : float, optional
        Metres around primary markers.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    DataFrame of float64
        elevation_mean, elevation_median, elevation_minimum, elevation_maximum, in metres above sea level; NaN
        where the model has no values. Pixels count by the share of them inside. On the index of the table.

    Raises
    ------
    InputError
        The source or the model cannot be read, a CRS is missing, or the model reaches no unit.

    Warns
    -----
    UserWarning
        What is odd about the model or the values.

    Examples
    --------
    >>> from pathlib import Path
    >>> import geopandas as gpd
    >>> import shapely
    >>> import rogi
    >>> from rogi.synthetic.terrain import Box, write_tiles
    >>> tiles = write_tiles(Path("tiles"), Box(97.1, 28.1, 97.2, 28.2), arc_seconds=9)
    >>> unit = gpd.GeoDataFrame(geometry=[shapely.box(97.1, 28.1, 97.11, 28.11)], index=["a"], crs=4326)
    >>> heights = rogi.elevation(unit, "tiles")
    >>> bool((heights["elevation_minimum"] < heights["elevation_mean"])["a"])
    True
    """
    settings = AttributeSettings(fields=ELEVATION, dem=_files(dem), buffer=buffer)
    return frame(_derived(plain(source), settings))


@public
def slope_of(source: Units, dem: Paths, *, buffer: float | None = None, remote: bool = False) -> pd.DataFrame:
    """Slope of units from an elevation model, after Horn (1981).

    Parameters
    ----------
    source, dem, buffer, remote
        As of :func:`elevation`.

    Returns
    -------
    DataFrame of float64
        slope_mean, slope_median, slope_minimum, slope_maximum, in degrees from the horizontal; NaN where the
        model has no values. On the index of the table.

    Raises
    ------
    InputError
        As of :func:`elevation`.

    References
    ----------
    Horn (1981), Hill shading and the reflectance map, Proc. IEEE 69, 14-47.

    Examples
    --------
    >>> from pathlib import Path
    >>> import geopandas as gpd
    >>> import shapely
    >>> import rogi
    >>> from rogi.synthetic.terrain import Box, write_tiles
    >>> tiles = write_tiles(Path("tiles"), Box(97.1, 28.1, 97.2, 28.2), arc_seconds=9)
    >>> unit = gpd.GeoDataFrame(geometry=[shapely.box(97.1, 28.1, 97.11, 28.11)], index=["a"], crs=4326)
    >>> rogi.slope_of(unit, "tiles").columns.tolist()
    ['slope_mean', 'slope_median', 'slope_minimum', 'slope_maximum']
    """
    settings = AttributeSettings(fields=SLOPE, dem=_files(dem), buffer=buffer)
    return frame(_derived(plain(source), settings))


@public
def aspect_of(
    source: Units, dem: Paths, *, buffer: float | None = None, remote: bool = False
) -> pd.DataFrame:
    """Mean aspect of units from an elevation model: a circular mean, never an arithmetic one.

    Parameters
    ----------
    source, dem, buffer, remote
        As of :func:`elevation`.

    Returns
    -------
    DataFrame of float64
        aspect (degrees clockwise from north, 0 to 360), aspect_length (0: no preference, 1: all alike) and
        flat_share (share of the unit without an aspect); NaN for units without a value. On the index of the
        table.

    Raises
    ------
    InputError
        As of :func:`elevation`.

    References
    ----------
    Mardia & Jupp (2000), Directional statistics, eqs. 2.2.2 to 2.2.4.

    Examples
    --------
    >>> from pathlib import Path
    >>> import geopandas as gpd
    >>> import shapely
    >>> import rogi
    >>> from rogi.synthetic.terrain import Box, write_tiles
    >>> tiles = write_tiles(Path("tiles"), Box(97.1, 28.1, 97.2, 28.2), arc_seconds=9)
    >>> unit = gpd.GeoDataFrame(geometry=[shapely.box(97.1, 28.1, 97.11, 28.11)], index=["a"], crs=4326)
    >>> bool(rogi.aspect_of(unit, "tiles")["aspect"].between(0, 360).all())
    True
    """
    settings = AttributeSettings(fields=("aspect",), dem=_files(dem), buffer=buffer)
    derived = _derived(plain(source), settings)
    found = frame(derived)
    layer = derived.inventory.layer(derived.role)
    assert layer is not None
    for name in ("aspect_length", "flat_share"):
        found[name] = layer.frame[QUALITY[name]].to_numpy(dtype=np.float64)
    return found


@public
def solar_radiation(
    source: Units, dem: Paths, *, buffer: float | None = None, remote: bool = False, **parameters: Any
) -> pd.Series:
    """Potential incoming solar radiation of units in a year with a clear sky.

    Parameters
    ----------
    source, dem, buffer, remote
        As of :func:`elevation`. What lies beyond the model shades nothing.
    **parameters
        Of the radiation: ``albedo=0.3``, ``atmosphere="ineichen"``, ``linke_turbidity=3.0``,
        ``search_radius=20000`` (metres), as of `rogi attributes --radiation`.

    Returns
    -------
    Series of float64
        kWh m⁻² in a year; NaN where the model has no values. On the index of the table.

    Raises
    ------
    InputError
        As of :func:`elevation`.
    OptionError
        A parameter is unknown.

    References
    ----------
    Kumar, Skidmore & Knowles (1997), Int. J. Geogr. Inf. Sci. 11, 475-497.

    Examples
    --------
    >>> from pathlib import Path
    >>> import geopandas as gpd
    >>> import shapely
    >>> import rogi
    >>> from rogi.synthetic.terrain import Box, write_tiles
    >>> tiles = write_tiles(Path("tiles"), Box(97.1, 28.1, 97.2, 28.2), arc_seconds=9)
    >>> unit = gpd.GeoDataFrame(geometry=[shapely.box(97.1, 28.1, 97.11, 28.11)], index=["a"], crs=4326)
    >>> rogi.solar_radiation(unit, "tiles", search_radius=1000).between(500, 3500).tolist()
    [True]
    """
    settings = AttributeSettings(
        fields=("radiation",),
        dem=_files(dem),
        buffer=buffer,
        radiation=RadiationParameters.from_dict({**RadiationParameters().to_dict(), **parameters}),
    )
    return _series(_derived(plain(source), settings), "radiation")


@public
def climate(
    source: Units,
    *,
    maat: Paths | Mapping[str, Any] | None = None,
    magt: Paths | Mapping[str, Any] | None = None,
    ap: Paths | Mapping[str, Any] | None = None,
    buffer: float | None = None,
    remote: bool = False,
) -> pd.DataFrame:
    """Air temperature, ground temperature and precipitation of units.

    Parameters
    ----------
    source : path, GeoDataFrame, GeoSeries or Inventory
        Outlines in any CRS, or markers with `buffer`.
    maat, magt, ap : path, sequence of paths or mapping, optional
        Mean annual air temperature, mean annual ground temperature, annual precipitation: NetCDF, Zarr or
        GeoTIFF. A mapping ``{"files": ..., "variable": ..., "unit": ..., "period": (1991, 2020),
        "crs": ...}`` says how to read them.
    buffer : float, optional
        Metres around primary markers.
    remote : bool
        Whether rasters may be read from addresses (``https://``, ``s3://``).

    Returns
    -------
    DataFrame of float64
        Of what was given: air_temperature (°C), ground_temperature (°C), precipitation (mm in a year); NaN
        where a field has no values. On the index of the table.

    Raises
    ------
    InputError
        The source or a field cannot be read, or reaches no unit.
    OptionError
        Nothing was given, or a choice is unknown.

    Examples
    --------
    >>> import geopandas as gpd
    >>> import shapely
    >>> import rogi
    >>> from rogi.synthetic.terrain import Box, climate
    >>> field = climate(Box(97.0, 28.0, 97.5, 28.5)).to_netcdf("climate.nc")
    >>> unit = gpd.GeoDataFrame(geometry=[shapely.box(97.2, 28.2, 97.21, 28.21)], crs=4326)
    >>> maat = {"files": "climate.nc", "variable": "t2m", "period": (2001, 2010)}
    >>> rogi.climate(unit, maat=maat)["air_temperature"].between(-15, 10).tolist()
    [True]
    """
    settings = with_climate(AttributeSettings(buffer=buffer), maat=maat, magt=magt, ap=ap)
    given = [g for g in (Group.MAAT, Group.MAGT, Group.AP) if getattr(settings, g.value) is not None]
    if not given:
        raise OptionError("There is no climate field to take values from; give maat=, magt= or ap=.")
    return frame(_derived(plain(source), replace(settings, fields=tuple(g.concept for g in given))))


def plain(source: Units) -> Inventory:
    """The inventory of some units; no column is written, so their units do not matter."""
    inventory = as_inventory(source.to_frame("geometry") if isinstance(source, gpd.GeoSeries) else source)
    layers = tuple(
        layer if layer.dialect is None else replace(layer, dialect=replace(layer.dialect, units={}))
        for layer in inventory.layers
    )
    return replace(inventory, layers=layers)


def _derived(inventory: Inventory, settings: AttributeSettings) -> Derived:
    check_units(inventory, settings.buffer)
    derived = derive_attributes(inventory, settings)
    warn((*derived.warnings, *derived.failures))
    return derived


def check_units(inventory: Inventory, buffer: float | None) -> None:
    """Refuse in the words of Python what the command would refuse in those of its options."""
    outlines, markers = inventory.layer(Role.OUTLINE), inventory.layer(Role.MARKER)
    if buffer is None and outlines is None and markers is not None:
        raise InputError(
            "There are primary markers only; give buffer=, the metres around them that are described, or "
            "outlines."
        )
    check_crs(inventory, Role.OUTLINE if buffer is None else Role.MARKER)


def warn(texts: Sequence[str]) -> None:
    """Warn in the words of Python, where the texts name options of a command."""
    for text in texts:
        warnings.warn(in_python(text), UserWarning, stacklevel=4)


def frame(derived: Derived) -> pd.DataFrame:
    """Values by concept, on the index of the table they are of."""
    layer = derived.inventory.layer(derived.role)
    assert layer is not None
    return pd.DataFrame(dict(derived.values), index=layer.index_of_rows)


def _series(derived: Derived, name: str) -> pd.Series:
    return frame(derived)[name]


def _files(paths: Paths) -> tuple[str, ...]:
    return as_texts(paths)


def with_climate(settings: AttributeSettings, **fields: Any) -> AttributeSettings:
    """Settings with climate fields by name: paths, or a mapping of files and how to read them."""
    for name, given in fields.items():
        if isinstance(given, Mapping):
            choices = dict(given)
            files = _files(choices.pop("files", ()))
            unknown = set(choices) - {"variable", "unit", "period", "crs"}
            if unknown:
                raise OptionError(
                    f"{name} has no choice {sorted(unknown)[0]!r}; there are files, variable, unit, period "
                    "and crs."
                )
            if "crs" in choices:
                choices["crs"] = str(choices["crs"])
        else:
            files, choices = _files(given) if given is not None else (), {}
        settings = settings.with_climate(name, files, choices)
    return settings
