"""The cells of a NetCDF or Zarr field around the units: its axes, its CRS, and the values on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.geometry import parse_crs, transform_coordinates

if TYPE_CHECKING:
    import xarray as xr

IRREGULAR = 0.01
"""Largest deviation of a coordinate from an even grid, in cells: coordinates are often stored as float32."""

MARGIN = 2
"""Cells read around the units."""

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

NAMES = {
    "x": (("lon", "longitude", "x", "rlon"), ("longitude", "projection_x_coordinate"), "degrees_east"),
    "y": (("lat", "latitude", "y", "rlat"), ("latitude", "projection_y_coordinate"), "degrees_north"),
}


@dataclass(frozen=True)
class Axes:
    """Where a dataset's cells lie: names of its axes and the cells to read, in order."""

    x: str
    y: str
    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    transform: Affine
    crs: Any


def plane(data: xr.DataArray, axes: Axes, path: Path, select: dict[str, list[int]]) -> NDArray[np.float64]:
    """Values of the chosen cells, rows from the north, float64, NaN where missing."""
    extra = [str(d) for d in data.dims if d not in (axes.x, axes.y, *select)]
    if any(data.sizes[d] > 1 for d in extra):
        raise InputError(
            f"Variable {data.name} of {path} has further axes: {', '.join(extra)}; select one value first."
        )
    data = data.isel({**dict.fromkeys(extra, 0), **select})
    data = data.isel({axes.y: axes.rows, axes.x: axes.columns}).transpose(*select, axes.y, axes.x)
    try:
        return np.asarray(data.values, dtype=np.float64)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} cannot be read, so it is damaged or cut off ({error}).") from error


def _axis(data: xr.DataArray, which: str, path: Path) -> str:
    names, standard, unit = NAMES[which]
    for dimension in data.dims:
        if dimension not in data.coords:
            continue
        attributes = data[dimension].attrs
        if (
            str(dimension).casefold() in names
            or attributes.get("standard_name") in standard
            or attributes.get("units") == unit
        ):
            return str(dimension)
    curved = [str(c) for c in data.coords if data[c].ndim == 2]
    raise InputError(
        f"Variable {data.name} of {path} has "
        + (
            f"two-dimensional coordinates ({', '.join(curved)}); regrid it to an even grid first."
            if curved
            else f"no coordinates along its axes {', '.join(map(str, data.dims))}, so its cells lie nowhere; "
            "add latitude and longitude."
        )
    )


def field_axes(
    dataset: xr.Dataset, data: xr.DataArray, path: Path, bounds: Bounds, crs_given: str | None
) -> Axes:
    """The cells of a field around the units; `crs_given` counts more than what the file says.

    Raises
    ------
    InputError
        The axes are not those of an even grid, or the CRS is not known.
    """
    x_name, y_name = _axis(data, "x", path), _axis(data, "y", path)
    x = np.asarray(data[x_name].values, dtype=np.float64)
    y = np.asarray(data[y_name].values, dtype=np.float64)
    crs = parse_crs(crs_given or _crs(dataset, data, x_name, y_name, path))
    west, south, east, north = bounds
    if crs.is_geographic:
        # Longitudes are counted from the far side of the units, so that these are never cut in two.
        start = 0.5 * (west + east) - 180.0
        x = (x - start) % 360.0 + start
    else:
        corners = transform_coordinates(
            np.array([[a, b] for a in np.linspace(west, east, 21) for b in np.linspace(south, north, 21)]),
            4326,
            crs,
        )
        west, south = corners.min(axis=0)
        east, north = corners.max(axis=0)
    columns, transform_x = _cells(x, west, east, x_name, path)
    rows, transform_y = _cells(y, south, north, y_name, path)
    rows = rows[::-1]
    (left, width), (bottom, height) = transform_x, transform_y
    top = bottom + height * len(rows)
    return Axes(x_name, y_name, columns, rows, Affine(width, 0.0, left, 0.0, -height, top), crs)


def _cells(
    centres: NDArray[np.float64], low: float, high: float, name: str, path: Path
) -> tuple[NDArray[np.int64], tuple[float, float]]:
    """Cells from `low` to `high` in ascending order with a margin; the edge of the first and the spacing."""
    if len(centres) < 2:
        raise InputError(
            f"{path} has one cell along {name}, so its size is unknown; give a field of at least 2 x 2."
        )
    order = np.argsort(centres, kind="stable")
    ascending = centres[order]
    spacing = float(np.median(np.diff(ascending)))
    if not spacing > 0:
        raise InputError(f"The coordinate {name} of {path} repeats its values.")
    near = np.flatnonzero(
        (ascending >= low - (MARGIN + 0.5) * spacing) & (ascending <= high + (MARGIN + 0.5) * spacing)
    )
    if len(near) < 2:
        near = np.arange(len(ascending))
    # Spacing and origin come from the whole axis where that is even, so that they do not hang on the bounds.
    start, chosen = int(near[0]), ascending
    if np.abs(np.diff(ascending) - spacing).max() > IRREGULAR * spacing:
        start, chosen = 0, ascending[near]
    spacing = float((chosen[-1] - chosen[0]) / (len(chosen) - 1))
    even = chosen[0] + spacing * np.arange(len(chosen))
    if np.abs(chosen - even).max() > IRREGULAR * spacing:
        raise InputError(
            f"The coordinate {name} of {path} is not evenly spaced; regrid it to an even grid first."
        )
    return order[near].astype(np.int64), (float(chosen[0] + (start - 0.5) * spacing), spacing)


def _crs(dataset: xr.Dataset, data: xr.DataArray, x: str, y: str, path: Path) -> Any:
    import rioxarray  # noqa: F401  (registers the accessor)

    found = dataset.rio.crs or data.rio.crs
    if found is not None:
        return found.to_wkt()
    units = str(data[x].attrs.get("units", "")).casefold()
    if units.startswith("degree") or x.casefold() in ("lon", "longitude"):
        if np.abs(data[y].values).max() <= 90.001:
            return "EPSG:4326"
        raise InputError(f"The latitudes of {path} go beyond 90 degrees; its coordinates are something else.")
    raise InputError(
        f"{path} does not say what its coordinates {x} and {y} are; name its coordinate reference system."
    )
