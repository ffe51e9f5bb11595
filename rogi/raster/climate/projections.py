"""The coordinate reference system of a NetCDF or Zarr field: grid mappings of CF, GDAL, rioxarray; WRF."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyproj

from rogi.errors import InputError
from rogi.geometry import parse_crs
from rogi.raster.climate.options import Request

if TYPE_CHECKING:
    import xarray as xr

WKT = ("crs_wkt", "spatial_ref", "esri_pe_string", "proj4", "proj4_params", "epsg_code")
"""Attributes that are a whole coordinate reference system."""

MAPPINGS = ("spatial_ref", "crs", "grid_mapping", "projection")
"""Variables that are grid mappings where no field names one."""

GLOBAL = ("crs", "crs_wkt", "spatial_ref", "proj4", "proj4string", "geospatial_bounds_crs", "EPSG")
"""Attributes of a file that name a coordinate reference system."""

METRES = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("km", "kilometre", "kilometres", "kilometer", "kilometers"), 1000.0),
}

WRF_RADIUS = 6370000.0
"""m; WRF's sphere."""


def grid_mapping(dataset: xr.Dataset, data: xr.DataArray, path: Path, request: Request) -> Mapping[Any, Any]:
    """Attributes of the grid mapping of a field, empty if it has none.

    Raises
    ------
    InputError
        The field names one that is not in the file.
    """
    named = str(data.attrs.get("grid_mapping", "")).strip()
    if named:
        # "crs" or, of CF 1.7, "crs: x y other: lat lon", of which the first is that of the axes.
        name = re.split(r"[:\s]", named)[0]
        if name not in dataset.variables:
            raise InputError(
                f"Variable {data.name} of {path} names the grid mapping {name!r}, which is not in the file; "
                f"give its coordinate reference system with {request.option('crs')}."
            )
        return dataset[name].attrs
    for name in MAPPINGS:
        if name in dataset.variables and {"grid_mapping_name", *WKT} & set(dataset[name].attrs):
            return dataset[name].attrs
    return {}


def mapped_crs(attributes: Mapping[Any, Any], path: Path, request: Request) -> pyproj.CRS | None:
    """The coordinate reference system of a grid mapping.

    Raises
    ------
    InputError
        It is not one that PROJ knows.
    """
    if not attributes:
        return None
    try:
        for name in WKT:
            if str(attributes.get(name, "")).strip():
                return pyproj.CRS.from_user_input(_plain(attributes[name]))
        return pyproj.CRS.from_cf(dict(attributes))
    except (pyproj.exceptions.CRSError, KeyError, TypeError, ValueError) as error:
        kind = attributes.get("grid_mapping_name", "of no name")
        raise InputError(
            f"The grid mapping {kind!r} of {path} is not a coordinate reference system that PROJ knows "
            f"({type(error).__name__}: {error}); give it with {request.option('crs')}."
        ) from error


def file_crs(attributes: Mapping[Any, Any]) -> pyproj.CRS | None:
    """What the attributes of a file say of its coordinate reference system: WRF's, or a name of one."""
    if "MAP_PROJ" in attributes and "STAND_LON" in attributes:
        return _wrf(attributes)
    for name in GLOBAL:
        if str(attributes.get(name, "")).strip():
            try:
                return pyproj.CRS.from_user_input(_plain(attributes[name]))
            except pyproj.exceptions.CRSError:
                continue
    return None


def _plain(value: Any) -> Any:
    """A number as an integer, else a text."""
    text = str(value).strip()
    return int(text) if text.isdigit() else text


def _wrf(attributes: Mapping[Any, Any]) -> pyproj.CRS | None:
    """The projection of a run of WRF (namelist.wps: map_proj)."""
    first, second = (float(attributes.get(f"TRUELAT{k}", 0.0)) for k in (1, 2))
    middle, meridian = float(attributes.get("MOAD_CEN_LAT", first)), float(attributes["STAND_LON"])
    sphere = f"+R={WRF_RADIUS:.0f} +units=m +no_defs"
    second = second if abs(second) <= 90 else first
    texts = {
        1: f"+proj=lcc +lat_1={first} +lat_2={second} +lat_0={middle} +lon_0={meridian} {sphere}",
        2: f"+proj=stere +lat_0={90 if first >= 0 else -90} +lat_ts={first} +lon_0={meridian} {sphere}",
        3: f"+proj=merc +lat_ts={first} +lon_0={meridian} {sphere}",
    }
    text = texts.get(int(attributes["MAP_PROJ"]))
    return None if text is None else parse_crs(text)


def axis_factor(unit: str, crs: pyproj.CRS, name: str, path: Path, mapping: Mapping[Any, Any]) -> float:
    """What coordinates in a unit are multiplied by to be those of a projected CRS.

    Raises
    ------
    InputError
        The unit is none of a length, nor of a scanning angle.
    """
    clean = unit.strip().casefold()
    if not clean or clean in ("1", "none"):
        return 1.0
    if clean in METRES:
        return METRES[clean] / float(crs.axis_info[0].unit_conversion_factor or 1.0)
    height = mapping.get("perspective_point_height")
    if clean.startswith("rad") and height is not None:  # geostationary: angles of the instrument
        return float(height)
    raise InputError(
        f"The coordinate {name} of {path} has the unit {unit!r} but its coordinate reference system "
        f"({crs.name}) counts in {crs.axis_info[0].unit_name}; correct the unit: m or km."
    )
