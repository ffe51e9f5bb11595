"""The cells of a NetCDF or Zarr field around the units: its axes, where they lie, and the values on them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy.spatial import KDTree

from rogi.errors import InputError
from rogi.geometry import parse_crs, transform_coordinates
from rogi.longitudes import beside
from rogi.raster.climate.options import Bounds, Request
from rogi.raster.climate.projections import axis_factor, file_crs, grid_mapping, mapped_crs

if TYPE_CHECKING:
    import pyproj
    import xarray as xr

IRREGULAR = 0.01
"""Largest deviation of a coordinate from an even grid, in cells: coordinates are often stored as float32."""

MARGIN = 2
"""Cells read around the units."""

FINER = 4
"""Parts of a cell of a curved grid, along each side, that it is read into."""

MOST_CELLS = 1 << 24
"""Of an even grid that a curved one is read into."""

NAMES = {
    "x": ("lon", "longitude", "long", "longitudes", "nav_lon", "x", "rlon", "xc"),
    "y": ("lat", "latitude", "latitudes", "nav_lat", "y", "rlat", "yc"),
}
CURVED = {
    "x": ("lon", "longitude", "nav_lon", "xlong", "xlong_m"),
    "y": ("lat", "latitude", "nav_lat", "xlat", "xlat_m"),
}
STANDARD = {
    "x": ("longitude", "projection_x_coordinate", "grid_longitude", "projection_x_angular_coordinate"),
    "y": ("latitude", "projection_y_coordinate", "grid_latitude", "projection_y_angular_coordinate"),
}
DEGREES = {
    "x": ("degrees_east", "degree_east", "degreee", "degree_e", "degrees_e", "degreese"),
    "y": ("degrees_north", "degree_north", "degreen", "degree_n", "degrees_n", "degreesn"),
}


@dataclass(frozen=True)
class Cells:
    """Which cells of a field are read, and the grid that they make.

    Attributes
    ----------
    x, y : str
        Dimensions.
    columns, rows : ndarray of int64
        Cells along them, in the order of the grid: from the west, from the north.
    transform : Affine
    crs : pyproj.CRS
    nearest : ndarray of int64, shape (rows, columns), optional
        Of a curved grid that is read into an even one: number of the nearest of the cells read, -1 for none.
    """

    x: str
    y: str
    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    transform: Affine
    crs: pyproj.CRS
    nearest: NDArray[np.int64] | None = None

    @property
    def count(self) -> int:
        """Number of cells that are read."""
        return len(self.rows) * len(self.columns)

    def agrees(self, other: Cells) -> bool:
        """Whether another file has the same cells."""
        same = self.transform.almost_equals(other.transform, abs(self.transform.a) * IRREGULAR)
        return same and self.count == other.count and self.crs == other.crs

    def read(self, data: xr.DataArray, path: Path, select: dict[str, list[int]]) -> NDArray[np.float64]:
        """Values, rows from the north, float64, NaN where missing; `select` is the first axis.

        Raises
        ------
        InputError
            The file is damaged.
        """
        chosen: dict[Any, Any] = {**select, self.y: self.rows, self.x: self.columns}
        data = data.isel(chosen).transpose(*select, self.y, self.x)
        try:
            values = np.asarray(data.values, dtype=np.float64)
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"{path} cannot be read, so it is damaged or cut off ({error}).") from error
        if self.nearest is None:
            return values
        flat = values.reshape(*values.shape[:-2], -1)
        return np.where(self.nearest >= 0, flat[..., self.nearest], np.nan)


def field_cells(dataset: xr.Dataset, data: xr.DataArray, path: Path, request: Request) -> Cells:
    """The cells of a field around the units.

    Raises
    ------
    InputError
        It has no coordinates, uneven ones, or its coordinate reference system is not known.
    """
    mapping = grid_mapping(dataset, data, path, request) if request.options.crs is None else {}
    crs = parse_crs(request.options.crs) if request.options.crs else mapped_crs(mapping, path, request)
    x, y = _axis(dataset, data, "x"), _axis(dataset, data, "y")
    if x is not None and y is not None:
        known = _axes_crs(crs or file_crs(dataset.attrs), dataset[x], dataset[y], path)
        if known is not None:
            return _even(dataset, x, y, known, mapping, path, request)
    if "GeoTransform" in mapping and crs is not None and x is None and y is None:
        return _transformed(data, str(mapping["GeoTransform"]), crs, request)
    lon, lat = _curved(dataset, data, "x"), _curved(dataset, data, "y")
    if lon is not None and lat is not None:
        return _two_dimensional(dataset[lon], dataset[lat], crs or file_crs(dataset.attrs), path, request)
    where = f"Variable {data.name} of {path}"
    if x is None or y is None:
        lacks = (
            "no coordinates"
            if x is None and y is None
            else f"no coordinate along {'x' if x is None else 'y'}"
        )
        raise InputError(
            f"{where} has {lacks} on its axes {', '.join(map(str, data.dims))}, so the place of its cells is "
            "not known; add latitude and longitude."
        )
    raise InputError(
        f"{path} does not say what its coordinates {x} and {y} are; give its coordinate reference system "
        f"with {request.option('crs')}."
    )


# --- coordinates --------------------------------------------------------------------------------------


def _axis(dataset: xr.Dataset, data: xr.DataArray, which: str) -> str | None:
    """The coordinate along one of a field's dimensions that is its x or y."""
    found = []
    for name, variable in dataset.variables.items():
        if variable.ndim == 1 and variable.dims[0] in data.dims and variable.dtype.kind in "fiu":
            rank = _rank(str(name), variable.attrs, which)
            if rank:
                found.append((2 * rank + (name == variable.dims[0]), str(name)))
    return max(found)[1] if found else None


def _curved(dataset: xr.Dataset, data: xr.DataArray, which: str) -> str | None:
    """The coordinate on two of a field's dimensions that is its longitude or latitude."""
    found = []
    for name, variable in dataset.variables.items():
        dims = variable.dims[1:] if variable.ndim == 3 else variable.dims
        here = len(dims) == 2 and set(dims) <= set(data.dims) and name != data.name
        if here and (rank := _angular_rank(str(name), variable.attrs, which)):
            found.append((rank, str(name)))
    return max(found)[1] if found else None


def is_coordinate(data: xr.DataArray) -> bool:
    """Whether a variable on a grid is its longitude or latitude."""
    return data.ndim >= 2 and any(_angular_rank(str(data.name), data.attrs, which) for which in ("x", "y"))


def _angular_rank(name: str, attributes: Any, which: str) -> int:
    """How surely a variable is a longitude (x) or latitude (y); 0 if it is not."""
    if attributes.get("standard_name") == STANDARD[which][0]:
        return 3
    degrees = str(attributes.get("units", "")).casefold() in DEGREES[which]
    return 2 if degrees else int(name.casefold().removesuffix("2d") in CURVED[which])


def _rank(name: str, attributes: Any, which: str) -> int:
    """How surely a coordinate is the x or the y of a grid; 0 if it is not."""
    if attributes.get("standard_name") in STANDARD[which]:
        return 3
    if (
        str(attributes.get("units", "")).casefold() in DEGREES[which]
        or attributes.get("axis") == which.upper()
    ):
        return 2
    return int(name.casefold() in NAMES[which])


def _angular(coordinate: xr.DataArray, which: str) -> bool:
    """Whether a coordinate is a longitude or latitude, not one of a rotated grid."""
    attributes, name = coordinate.attrs, str(coordinate.name).casefold()
    standard = str(attributes.get("standard_name", ""))
    if standard:
        return standard == STANDARD[which][0]
    if name in ("rlon", "rlat"):
        return False
    units = str(attributes.get("units", "")).casefold()
    return units in DEGREES[which] or (
        name.startswith(("lon", "lat", "nav_")) and (not units or units.startswith("degree"))
    ) or units in ("degrees", "degree")  # fmt: skip


def _axes_crs(crs: pyproj.CRS | None, x: xr.DataArray, y: xr.DataArray, path: Path) -> pyproj.CRS | None:
    """The coordinate reference system of two axes; None where it is not known."""
    angular = _angular(x, "x") and _angular(y, "y")
    if angular and (crs is None or not crs.is_geographic):
        crs = parse_crs("EPSG:4326")
    if crs is not None and crs.is_geographic and np.nanmax(np.abs(y.values)) > 90.001:
        raise InputError(
            f"The coordinate {y.name} of {path} goes beyond 90 degrees, so it is no latitude; correct it, or "
            "give the coordinate reference system of the file."
        )
    return crs


# --- an even grid -------------------------------------------------------------------------------------


def _even(
    dataset: xr.Dataset, x_name: str, y_name: str, crs: pyproj.CRS, mapping: Any, path: Path, request: Request
) -> Cells:
    x, y = (np.asarray(dataset[name].values, dtype=np.float64) for name in (x_name, y_name))
    for name, values in ((x_name, x), (y_name, y)):
        if not np.isfinite(values).all():
            raise InputError(f"The coordinate {name} of {path} has missing values; correct it.")
    if not crs.is_geographic:
        x = x * axis_factor(str(dataset[x_name].attrs.get("units", "")), crs, x_name, path, mapping)
        y = y * axis_factor(str(dataset[y_name].attrs.get("units", "")), crs, y_name, path, mapping)
    dimensions = str(dataset[x_name].dims[0]), str(dataset[y_name].dims[0])
    return _on_axes(x, y, dimensions, (x_name, y_name), crs, path, request)


def _on_axes(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    dimensions: tuple[str, str],
    names: tuple[str, str],
    crs: pyproj.CRS,
    path: Path,
    request: Request,
) -> Cells:
    west, south, east, north = _extent(request.bounds, crs)
    if crs.is_geographic:
        # Longitudes are counted from the far side of the units, so that these are never cut in two.
        x = beside(x, 0.5 * (west + east))
    columns, (left, width) = _cells(x, west, east, names[0], path)
    rows, (bottom, height) = _cells(y, south, north, names[1], path)
    rows = rows[::-1]
    top = bottom + height * len(rows)
    return Cells(*dimensions, columns, rows, Affine(width, 0.0, left, 0.0, -height, top), crs)


def _extent(bounds: Bounds, crs: pyproj.CRS) -> Bounds:
    """Bounds in degrees as those of a coordinate reference system."""
    if crs.is_geographic and not crs.is_derived:
        return bounds
    west, south, east, north = bounds
    along, up = np.meshgrid(np.linspace(west, east, 65), np.linspace(south, north, 65))
    places = transform_coordinates(np.column_stack([along.ravel(), up.ravel()]), 4326, crs)
    places = places[np.isfinite(places).all(axis=1)]
    if crs.is_geographic and len(places):  # longitudes of a rotated pole, counted on from the first
        places[:, 0] = beside(places[:, 0], places[0, 0])
    if not len(places):
        return 0.0, 0.0, 0.0, 0.0
    (x0, y0), (x1, y1) = places.min(axis=0), places.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _cells(
    centres: NDArray[np.float64], low: float, high: float, name: str, path: Path
) -> tuple[NDArray[np.int64], tuple[float, float]]:
    """Cells from `low` to `high` in ascending order with a margin; the edge of the first and the spacing."""
    order = np.argsort(centres, kind="stable")
    ascending = centres[order]
    steps = np.diff(ascending)
    if len(steps) and steps.min() <= 1e-6 * steps.max():  # a meridian at both ends of a grid around the Earth
        order = order[np.concatenate([[True], steps > 1e-6 * steps.max()])]
        ascending = centres[order]
        if len(centres) - len(order) > 1:
            raise InputError(f"The coordinate {name} of {path} repeats its values; correct it.")
    if len(ascending) < 2:
        raise InputError(
            f"{path} has one cell along {name}, so its size is unknown; give a field of at least 2 x 2."
        )
    spacing = float(np.median(np.diff(ascending)))
    near = np.flatnonzero(
        (ascending >= low - (MARGIN + 0.5) * spacing) & (ascending <= high + (MARGIN + 0.5) * spacing)
    )
    if len(near) < 2:  # the units lie elsewhere: two cells say so as well as all
        first = min(int(np.searchsorted(ascending, low)), len(ascending) - 2)
        near = np.array([first, first + 1])
    # Spacing and origin come from the whole axis where that is even, so that they do not hang on the bounds.
    start, chosen = int(near[0]), ascending
    if not _is_even(ascending):
        start, chosen = 0, ascending[near]
    spacing = float((chosen[-1] - chosen[0]) / (len(chosen) - 1))
    if not _is_even(chosen):
        at = int(np.abs(np.diff(chosen) - spacing).argmax())
        raise InputError(
            f"The coordinate {name} of {path} is not evenly spaced ({chosen[at]:.7g} to {chosen[at + 1]:.7g}"
            f", on average {spacing:.5g}); regrid it to an even grid first."
        )
    return order[near].astype(np.int64), (float(chosen[0] + (start - 0.5) * spacing), spacing)


def _is_even(centres: NDArray[np.float64]) -> bool:
    spacing = (centres[-1] - centres[0]) / (len(centres) - 1)
    even = centres[0] + spacing * np.arange(len(centres))
    return bool(np.abs(centres - even).max() <= IRREGULAR * spacing)


def _transformed(data: xr.DataArray, text: str, crs: pyproj.CRS, request: Request) -> Cells:
    """Cells by GDAL's attribute in place of coordinates."""
    left, width, _, top, _, height = (float(part) for part in text.split()[:6])
    y, x = (str(d) for d in data.dims[-2:])
    xs = left + width * (np.arange(data.sizes[x], dtype=np.float64) + 0.5)
    ys = top + height * (np.arange(data.sizes[y], dtype=np.float64) + 0.5)
    return _on_axes(xs, ys, (x, y), (x, y), crs, Path(str(data.name)), request)


# --- a curved grid ------------------------------------------------------------------------------------


def _two_dimensional(
    longitude: xr.DataArray, latitude: xr.DataArray, crs: pyproj.CRS | None, path: Path, request: Request
) -> Cells:
    """Cells with a longitude and a latitude each: even in the projection that the file names, else curved."""
    if longitude.ndim == 3:  # WRF repeats them in time
        longitude, latitude = longitude[0], latitude[0]
    if latitude.dims != longitude.dims:
        latitude = latitude.transpose(*longitude.dims)
    lon = np.asarray(longitude.values, dtype=np.float64)
    lat = np.asarray(latitude.values, dtype=np.float64)
    y, x = (str(d) for d in longitude.dims)
    for system in (crs, parse_crs("EPSG:4326")):
        if system is None or min(lon.shape) < 2 or not np.isfinite(lon).all():
            continue
        places = np.stack([lon, lat], axis=-1)
        if not system.is_geographic or system.is_derived:
            places = transform_coordinates(places.reshape(-1, 2), 4326, system).reshape(places.shape)
        for one, other in ((0, 1), (1, 0)):
            # x changes along one axis of the array alone and y along the other
            xs, ys = places[..., 0].mean(axis=one), places[..., 1].mean(axis=other)
            off_x = np.abs(places[..., 0] - np.expand_dims(xs, one)).max()
            off_y = np.abs(places[..., 1] - np.expand_dims(ys, other)).max()
            steps = np.abs(np.diff(xs)).min(initial=np.inf), np.abs(np.diff(ys)).min(initial=np.inf)
            if off_x <= 10 * IRREGULAR * steps[0] and off_y <= 10 * IRREGULAR * steps[1]:
                dimensions = (x, y) if one == 0 else (y, x)
                return _on_axes(
                    xs, ys, dimensions, (str(longitude.name), str(latitude.name)), system, path, request
                )
    return _resampled(lon, lat, (x, y), request)


def _resampled(
    lon: NDArray[np.float64], lat: NDArray[np.float64], dimensions: tuple[str, str], request: Request
) -> Cells:
    """A curved grid read into an even one of longitude and latitude with cells a quarter as wide."""
    west, south, east, north = request.bounds
    middle = 0.5 * (west + east)
    lon = beside(lon, middle)
    points = _on_sphere(lon, lat)
    gaps = [np.linalg.norm(np.diff(points, axis=k), axis=-1) for k in (0, 1)]
    cell = float(np.rad2deg(max(np.nanmedian(gap) for gap in gaps)))
    widest = float(np.rad2deg(max(np.nanmax(gap) for gap in gaps)))
    margin = MARGIN * widest
    flat = np.cos(np.deg2rad(min(max(abs(south), abs(north)) + margin, 89.0)))
    inside = (lat >= south - margin) & (lat <= north + margin)
    inside &= (lon >= west - margin / flat) & (lon <= east + margin / flat)
    if not inside.any():
        inside.flat[int(np.nanargmin((lon - middle) ** 2 + (lat - 0.5 * (south + north)) ** 2))] = True
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    rows, columns = np.arange(rows[0], rows[-1] + 1), np.arange(columns[0], columns[-1] + 1)
    part = points[np.ix_(rows, columns)].reshape(-1, 3)
    finite = np.flatnonzero(np.isfinite(part).all(axis=1))
    height = cell / FINER
    area = (north - south + 2 * cell) * (east - west + 2 * cell / flat) * flat
    height = max(height, float(np.sqrt(area / MOST_CELLS)))
    width = height / flat
    across, down = (
        int(np.ceil((e - w + 2 * m) / s))
        for w, e, m, s in ((west, east, cell / flat, width), (south, north, cell, height))
    )
    left, top = west - cell / flat, north + cell
    xs, ys = left + width * (np.arange(across) + 0.5), top - height * (np.arange(down) + 0.5)
    target = _on_sphere(*np.meshgrid(xs, np.clip(ys, -90, 90)))
    reach = 0.71 * np.deg2rad(widest)  # half the diagonal of a cell
    distance, found = KDTree(part[finite]).query(target.reshape(-1, 3), distance_upper_bound=reach)
    nearest = np.where(np.isfinite(distance), finite[np.minimum(found, len(finite) - 1)], -1)
    return Cells(
        *dimensions, columns, rows, Affine(width, 0.0, left, 0.0, -height, top), parse_crs("EPSG:4326"),
        nearest.reshape(down, across),
    )  # fmt: skip


def _on_sphere(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places on the unit sphere, shape (..., 3)."""
    along, up = np.deg2rad(lon), np.deg2rad(lat)
    return np.stack([np.cos(up) * np.cos(along), np.cos(up) * np.sin(along), np.sin(up)], axis=-1)
