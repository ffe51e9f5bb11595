"""Small climate fields for tests: any calendar, stamps and grid, with values that can be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cftime
import numpy as np
import shapely
import xarray as xr

from rogi.attributes.zonal.zonal import zonal_statistics
from rogi.raster.climate.field import climate_field
from rogi.raster.climate.options import ClimateField, ClimateOptions
from rogi.raster.files import reading

BOUNDS = (86.0, 30.0, 88.0, 32.0)
DAYS_2001 = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
MONTHLY = np.arange(1.0, 13.0)
"""By default each month has its number everywhere: °C, or mm."""


def months(start: int, count: int, calendar: str = "standard", day: int = 1) -> list[cftime.datetime]:
    """Stamps on a day of consecutive months from January of a year."""
    return [cftime.datetime(start + k // 12, k % 12 + 1, day, calendar=calendar) for k in range(count)]


def series(
    unit: str,
    values: Any = None,
    dates: Sequence[cftime.datetime] | None = None,
    *,
    name: str = "v",
    longitude: Any = None,
    latitude: Any = None,
    bounds: Sequence[Sequence[cftime.datetime]] | None = None,
    **attributes: Any,
) -> xr.Dataset:
    """A series on a grid of degrees; `values` by step, or by step and cell."""
    dates = months(2001, 12) if dates is None else dates
    lon = np.arange(80.0, 95.0) if longitude is None else np.asarray(longitude)
    lat = np.arange(25.0, 37.0) if latitude is None else np.asarray(latitude)
    shape = (len(dates), len(lat), len(lon))
    values = [float(d.month) for d in dates] if values is None else values
    values = np.asarray(values, np.float64)
    if values.ndim == 1:
        values = values[:, None, None]
    calendar, epoch = dates[0].calendar, "days since 1500-01-01"
    data = xr.Dataset(
        {
            name: (
                ("time", "lat", "lon"),
                np.broadcast_to(values, shape).copy(),
                {"units": unit, **attributes},
            )
        },
        {
            "time": ("time", cftime.date2num(dates, epoch, calendar), {"units": epoch, "calendar": calendar}),
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )
    if bounds is not None:
        data["time_bnds"] = (("time", "nv"), cftime.date2num(np.asarray(bounds), epoch, calendar))
        data["time"].attrs["bounds"] = "time_bnds"
    return data


def saved(dataset: xr.Dataset, path: Path, **options: Any) -> Path:
    """Write a dataset as it is, no attribute added."""
    for variable in dataset.variables.values():
        variable.encoding.setdefault("_FillValue", None)
    dataset.to_netcdf(path, **options)
    return path


def field(source: Any, quantity: str, bounds: Any = BOUNDS, **options: Any) -> ClimateField:
    """A climate field with options; messages name --maat or --ap."""
    name = "maat" if quantity == "temperature" else "ap"
    return climate_field(source, quantity, bounds, ClimateOptions(**options), name=name)


def value(source: Any, quantity: str, bounds: Any = BOUNDS, **options: Any) -> float:
    """Mean over a small unit in the middle of the bounds."""
    found = field(source, quantity, bounds, **options)
    west, south, east, north = bounds
    return at(found, (west + east) / 2, (south + north) / 2)


def at(found: ClimateField, longitude: float, latitude: float, radius: float = 0.01) -> float:
    """Mean over a small unit at a place in degrees."""
    unit = shapely.Point(longitude, latitude).buffer(radius)
    with reading():
        return float(zonal_statistics([unit], {"v": found.raster}, crs=4326)["v_mean"][0])
