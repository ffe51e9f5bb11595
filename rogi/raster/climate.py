"""Climate fields: monthly or annual data as one field of annual means or sums over a period.

NetCDF and Zarr are read through xarray, GeoTIFF through rasterio; of large fields only the part around the
units is read, a year at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rogi import targets
from rogi.errors import InputError, OptionError
from rogi.geometry import transform_coordinates
from rogi.raster.climate_cells import MARGIN, Axes, Bounds, field_axes, plane
from rogi.raster.climate_units import DAY, SECONDS, YEAR_DAYS, Conversion, Per, Quantity, parse_unit
from rogi.raster.files import ArrayRaster, Raster, RasterFile, open_raster
from rogi.raster.grid import Window

if TYPE_CHECKING:
    import xarray as xr

GRID_SUFFIXES = (".nc", ".nc4", ".cdf", ".h5", ".hdf5")
IMAGE_SUFFIXES = (".tif", ".tiff", ".vrt", ".img")

MONTH_DAYS = (31, 28.2425, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Mean lengths of the months, for climatologies without years."""


@dataclass(frozen=True)
class ClimateField:
    """One climate field and how it came to be.

    Attributes
    ----------
    raster : Raster
        °C, or mm a year.
    quantity : Quantity
    files : tuple of Path
    variable : str
        Variable or band.
    unit : str
        Unit of the file.
    period : (int, int) or None
        First and last year; None for data without years.
    notes : tuple of str
        What was decided on the way.
    """

    raster: Raster
    quantity: Quantity
    files: tuple[Path, ...]
    variable: str
    unit: str
    period: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClimateOptions:
    """Choices for reading a climate field.

    Attributes
    ----------
    variable : str, optional
        Variable of a NetCDF or Zarr, or number of a GeoTIFF's band; needed where there are several.
    unit : str, optional
        Instead of what the file says.
    period : (int, int), optional
        First and last year; by default all complete calendar years.
    crs : str, optional
        For a file that names none and whose coordinates are not longitude and latitude.

    Raises
    ------
    OptionError
        The period ends before it begins.
    """

    variable: str | None = None
    unit: str | None = None
    period: tuple[int, int] | None = None
    crs: str | None = None

    def __post_init__(self) -> None:
        if self.period is not None and self.period[0] > self.period[1]:
            raise OptionError(
                f"The period {self.period[0]}-{self.period[1]} ends before it begins; "
                "give the first year first."
            )


def climate_field(
    source: str | Path | Sequence[str | Path],
    quantity: Quantity | str,
    bounds: Bounds,
    options: ClimateOptions | None = None,
) -> ClimateField:
    """Read a climate field around some units.

    Parameters
    ----------
    source : path or sequence of paths
        NetCDF, Zarr or GeoTIFF; several files, or a folder of them, are pieces of one series.
    quantity : Quantity
    bounds : (west, south, east, north)
        Degrees; what is read.
    options : ClimateOptions, optional

    Returns
    -------
    ClimateField
        Months are weighted by their days. A cell without a value in any month of the period has none. Data
        without a time axis, or a GeoTIFF of one band, count as annual already; a GeoTIFF of twelve bands as a
        climatology from January to December.

    Raises
    ------
    InputError
        Unreadable, without coordinates, an unknown unit, months missing from the period.
    OptionError
        Several variables and none chosen, or no such variable.
    """
    quantity = Quantity(quantity)
    chosen = options or ClimateOptions()
    files = _files(source)
    if all(path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        return _from_image(files, quantity, bounds, chosen)
    return _from_datasets(files, quantity, bounds, chosen)


def _files(source: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    found: list[Path] = []
    for item in [source] if isinstance(source, str | Path) else source:
        path = Path(item)
        if not path.exists():
            raise InputError(f"There is no climate data {path}; give a NetCDF, Zarr or GeoTIFF that exists.")
        if path.is_dir() and not _is_zarr(path):
            pieces = [p for p in path.iterdir() if p.suffix.lower() in GRID_SUFFIXES + IMAGE_SUFFIXES]
            if not pieces:
                raise InputError(f"The folder {path} holds no NetCDF and no GeoTIFF.")
            found.extend(pieces)
        else:
            found.append(path)
    if not found:
        raise InputError("No climate data was given; name a NetCDF, Zarr or GeoTIFF.")
    targets.note_read(*found)
    return tuple(sorted(set(found)))


def _is_zarr(path: Path) -> bool:
    return any((path / name).exists() for name in (".zgroup", ".zmetadata", "zarr.json"))


# --- GeoTIFF ------------------------------------------------------------------------------------------


def _from_image(
    files: tuple[Path, ...], quantity: Quantity, bounds: Bounds, options: ClimateOptions
) -> ClimateField:
    import rasterio

    if len(files) > 1:
        raise InputError(
            f"{len(files)} GeoTIFFs were given as one climate field; give one, or a VRT of twelve months."
        )
    path = files[0]
    raster = open_raster(path, crs=options.crs)
    with rasterio.open(path) as dataset:
        bands = dataset.count
    where = f"{path}"
    if bands == 12 and options.variable is None:
        conversion = parse_unit(options.unit or raster.units, quantity, where)
        months = [open_raster(path, band=band, crs=options.crs) for band in range(1, 13)]
        return ClimateField(
            _climatology(months, conversion, quantity, bounds),
            quantity,
            files,
            "bands 1-12",
            options.unit or raster.units,
            notes=("Twelve bands taken for the months of a climatology.",),
        )
    if bands > 1 and options.variable is None:
        raise OptionError(f"{path} has {bands} bands; choose one by its number, from 1.")
    if options.variable is not None:
        if not options.variable.isdigit():
            raise OptionError(
                f"{path} has bands, not variables: {options.variable!r} should be a number from 1."
            )
        raster = open_raster(path, band=int(options.variable), crs=options.crs)
    conversion = parse_unit(options.unit or raster.units, quantity, where)
    factor, offset = _annual(conversion, quantity, where)
    scaled = replace(raster, scale=raster.scale * factor, offset=raster.offset * factor + offset)
    return ClimateField(scaled, quantity, files, f"band {raster.band}", options.unit or raster.units)


def _annual(conversion: Conversion, quantity: Quantity, where: str) -> tuple[float, float]:
    """Factor and offset for data without a time axis."""
    if quantity is Quantity.TEMPERATURE:
        return conversion.factor, conversion.offset
    if conversion.per is Per.MONTH:
        raise InputError(
            f"{where} is an amount per month without months; give a monthly series or its annual sum."
        )
    per_year = 1.0 if conversion.per in (Per.YEAR, Per.STEP) else YEAR_DAYS * DAY / SECONDS[conversion.per]
    return conversion.factor * per_year, 0.0


def _climatology(
    months: Sequence[RasterFile], conversion: Conversion, quantity: Quantity, bounds: Bounds
) -> ArrayRaster:
    first = months[0]
    window = _window(bounds, first)
    total = np.zeros(window.shape)
    for days, month in zip(MONTH_DAYS, months, strict=True):
        total += _month(month.read(window).astype(np.float64), conversion, quantity, days)
    if quantity is Quantity.TEMPERATURE:
        total /= sum(MONTH_DAYS)
    transform = first.transform @ Affine.translation(window.column0, window.row0)
    return ArrayRaster(total, transform, first.crs, first.name)


def _window(bounds: Bounds, raster: RasterFile) -> Window:
    """Part of a raster around bounds."""
    west, south, east, north = bounds
    along = np.linspace(0.0, 1.0, 21)
    lon = np.concatenate([west + along * (east - west)] * 2 + [np.full(21, west), np.full(21, east)])
    lat = np.concatenate([np.full(21, south), np.full(21, north)] + [south + along * (north - south)] * 2)
    xy = transform_coordinates(np.column_stack([lon, lat]), 4326, raster.crs)
    turns = np.floor((xy[:, 0] - raster.transform.c) / 360.0) if raster.crs.is_geographic else np.zeros(1)
    xy[:, 0] -= 360.0 * turns
    inverse = ~raster.transform
    column = inverse.a * xy[:, 0] + inverse.b * xy[:, 1] + inverse.c
    row = inverse.d * xy[:, 0] + inverse.e * xy[:, 1] + inverse.f
    height, width = raster.shape
    row0, row1 = np.clip([np.floor(row.min()) - MARGIN, np.ceil(row.max()) + MARGIN], 0, height)
    column0, column1 = np.clip([np.floor(column.min()) - MARGIN, np.ceil(column.max()) + MARGIN], 0, width)
    if turns.min() < turns.max():  # units at both ends of a grid around the Earth
        column0, column1 = 0, width
    return Window(int(row0), int(row1), int(column0), int(column1))


def _month(
    values: NDArray[np.float64], conversion: Conversion, quantity: Quantity, days: float
) -> NDArray[np.float64]:
    """A month's part of the annual sum: degree days, or mm."""
    if quantity is Quantity.TEMPERATURE:
        return (values * conversion.factor + conversion.offset) * days
    if conversion.per is Per.YEAR:
        return values * (conversion.factor * days / YEAR_DAYS)
    steps = 1.0 if conversion.per in (Per.STEP, Per.MONTH) else days * DAY / SECONDS[conversion.per]
    return values * (conversion.factor * steps)


# --- NetCDF and Zarr ----------------------------------------------------------------------------------


def _from_datasets(
    files: tuple[Path, ...], quantity: Quantity, bounds: Bounds, options: ClimateOptions
) -> ClimateField:
    stamps: list[tuple[int, int, float, int, int]] = []
    conversion: Conversion | None = None
    notes: list[str] = []
    name = unit = ""
    annual: ClimateField | None = None
    for number, path in enumerate(files):
        with _dataset(path) as dataset:
            data = _variable(dataset, path, options.variable)
            name = str(data.name)
            unit = options.unit or str(data.attrs.get("units", ""))
            where = f"Variable {name} of {path}"
            found, note = _conversion(dataset, data, unit, quantity, where, options)
            if conversion is not None and found != conversion:
                raise InputError(
                    f"{where} has another unit than {files[0]}; the pieces of a series must agree."
                )
            conversion = found
            if note and note not in notes:
                notes.append(note)
            time = _time(data)
            if time is None:
                annual = _single(dataset, data, path, quantity, bounds, options, conversion, unit)
            else:
                stamps += [(*month, number, index) for index, month in enumerate(_months(data, time, path))]
    if annual is not None:
        if len(files) > 1:
            raise InputError(
                f"{annual.files[0]} has no time axis, so it is no piece of a series; give it alone."
            )
        return replace(annual, notes=(*annual.notes, *notes))
    assert conversion is not None
    first, last = _period(stamps, options.period, files[0])
    raster = _reduced(files, stamps, (first, last), quantity, bounds, options, conversion)
    return ClimateField(raster, quantity, files, name, unit, (first, last), tuple(notes))


def _dataset(path: Path) -> xr.Dataset:
    import xarray as xr

    try:
        if path.is_dir():
            return xr.open_dataset(path, engine="zarr", chunks=None)
        dataset = xr.open_dataset(path)
        if not dataset.data_vars:
            import netCDF4

            with netCDF4.Dataset(str(path)) as file:
                groups = list(file.groups)
            if len(groups) == 1:  # IMERG keeps everything in a group "Grid"
                dataset.close()
                dataset = xr.open_dataset(path, group=groups[0])
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{path} cannot be opened as NetCDF or Zarr ({error}).") from error
    return dataset


def _variable(dataset: xr.Dataset, path: Path, wanted: str | None) -> xr.DataArray:
    if wanted is not None:
        if wanted not in dataset.data_vars:
            raise OptionError(
                f"{path} has no variable {wanted!r}; it has {', '.join(map(str, dataset.data_vars))}."
            )
        return dataset[wanted]
    bounds = {str(v.attrs.get("bounds", "")) for v in dataset.variables.values()}
    mappings = {str(v.attrs.get("grid_mapping", "")) for v in dataset.data_vars.values()}
    fields = [
        str(name)
        for name, data in dataset.data_vars.items()
        if data.ndim >= 2 and data.dtype.kind in "fiu" and str(name) not in bounds | mappings
        and not str(name).endswith(("_bnds", "_bounds"))
    ]  # fmt: skip
    if not fields:
        raise InputError(f"{path} has no field on a grid.")
    if len(fields) > 1:
        raise OptionError(f"{path} has the variables {', '.join(fields)}; choose one.")
    return dataset[fields[0]]


def _conversion(
    dataset: xr.Dataset,
    data: xr.DataArray,
    unit: str,
    quantity: Quantity,
    where: str,
    options: ClimateOptions,
) -> tuple[Conversion, str]:
    conversion = parse_unit(unit, quantity, where)
    ambiguous = (
        quantity is Quantity.PRECIPITATION and conversion.per is Per.STEP and conversion.factor == 1000.0
    )
    if not ambiguous or _time(data) is None:
        return conversion, ""
    # Monthly means of ECMWF are of the daily sums, though their unit says only "m".
    history = " ".join(str(v) for v in (*dataset.attrs.values(), *data.attrs)).casefold()
    if options.unit is None and ("ecmwf" in history or "grib" in history):
        note = f"{where} is in m and from ECMWF, whose monthly means are of daily sums: read as m per day."
        return replace(conversion, per=Per.DAY), note
    raise InputError(f"{where} is in m, per day or per month is not said; say m/day or m/month.")


def _time(data: xr.DataArray) -> str | None:
    for name in data.dims:
        if name in data.coords and (
            np.issubdtype(data[name].dtype, np.datetime64) or str(name).casefold() in ("time", "valid_time")
        ):
            return str(name)
    return None


def _months(data: xr.DataArray, time: str, path: Path) -> Iterator[tuple[int, int, float]]:
    """Year, month and length in days of each step."""
    try:
        parts = data[time].dt
        return zip(
            parts.year.values.tolist(),
            parts.month.values.tolist(),
            parts.days_in_month.values.tolist(),
            strict=True,
        )
    except (AttributeError, TypeError) as error:
        raise InputError(
            f"The time axis {time} of {path} is not a date; its units should be 'days since ...'."
        ) from error


def _period(
    stamps: Sequence[tuple[int, int, float, int, int]], wanted: tuple[int, int] | None, path: Path
) -> tuple[int, int]:
    """The years to take, complete and without repetition."""
    months = [(year, month) for year, month, *_ in stamps]
    if len(set(months)) < len(months):
        twice = next(m for k, m in enumerate(sorted(months)) if k and sorted(months)[k - 1] == m)
        raise InputError(
            f"{path} has more than one value for {twice[0]}-{twice[1]:02d}; a monthly series has one."
        )
    have = set(months)
    complete = sorted({y for y, _ in months if all((y, m) in have for m in range(1, 13))})
    if wanted is not None:
        first, last = wanted
        missing = [(y, m) for y in range(first, last + 1) for m in range(1, 13) if (y, m) not in have]
        if missing:
            span = f"{min(have)[0]}-{min(have)[1]:02d} to {max(have)[0]}-{max(have)[1]:02d}"
            raise InputError(
                f"{path} lacks {len(missing)} months of {first} to {last}, first "
                f"{missing[0][0]}-{missing[0][1]:02d}; it holds {span}: choose a period that it covers."
            )
        return first, last
    if not complete:
        raise InputError(f"{path} holds no complete calendar year, so no annual value can be had from it.")
    first, last = complete[0], complete[-1]
    if len(complete) != last - first + 1:
        gap = next(y for y in range(first, last) if y not in complete)
        raise InputError(f"The series of {path} has a gap in {gap}; choose a period before or after it.")
    return first, last


def _reduced(
    files: tuple[Path, ...],
    stamps: Sequence[tuple[int, int, float, int, int]],
    period: tuple[int, int],
    quantity: Quantity,
    bounds: Bounds,
    options: ClimateOptions,
    conversion: Conversion,
) -> ArrayRaster:
    """Annual mean or sum over the period, month by month."""
    total: NDArray[np.float64] | None = None
    axes: Axes | None = None
    all_days = 0.0
    for number, path in enumerate(files):
        steps = [s for s in stamps if s[3] == number and period[0] <= s[0] <= period[1]]
        if not steps:
            continue
        with _dataset(path) as dataset:
            data = _variable(dataset, path, options.variable)
            own = field_axes(dataset, data, path, bounds, options.crs)
            if axes is not None and (own.transform != axes.transform or len(own.rows) != len(axes.rows)):
                raise InputError(
                    f"{path} lies on another grid than {files[0]}; the pieces of a series must agree."
                )
            axes = own
            time = str(_time(data))
            for start in range(0, len(steps), 12):
                part = steps[start : start + 12]
                cube = plane(data, own, path, {time: [s[4] for s in part]})
                for values, (_, _, days, *_) in zip(cube, part, strict=True):
                    month = _month(values, conversion, quantity, float(days))
                    total = month if total is None else total + month
                    all_days += days
    assert total is not None and axes is not None
    total /= all_days if quantity is Quantity.TEMPERATURE else period[1] - period[0] + 1
    return ArrayRaster(total, axes.transform, axes.crs, str(files[0]))


def _single(
    dataset: xr.Dataset,
    data: xr.DataArray,
    path: Path,
    quantity: Quantity,
    bounds: Bounds,
    options: ClimateOptions,
    conversion: Conversion,
    unit: str,
) -> ClimateField:
    """A field without a time axis."""
    axes = field_axes(dataset, data, path, bounds, options.crs)
    factor, offset = _annual(conversion, quantity, f"Variable {data.name} of {path}")
    values = plane(data, axes, path, {}) * factor + offset
    raster = ArrayRaster(values, axes.transform, axes.crs, str(path))
    return ClimateField(raster, quantity, (path,), str(data.name), unit)
