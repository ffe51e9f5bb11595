"""Climate fields: monthly, annual or daily data as one field of annual means or sums over a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rogi import targets
from rogi.errors import InputError, OptionError
from rogi.geometry import parse_crs
from rogi.raster.climate.datasets import dataset_field
from rogi.raster.climate.images import image_field
from rogi.raster.climate.options import Bounds, ClimateField, ClimateOptions, Request
from rogi.raster.climate.units import Quantity
from rogi.raster.guard import address, is_there

GRID_SUFFIXES = (".nc", ".nc4", ".nc3", ".cdf", ".netcdf", ".h5", ".hdf5", ".he5")
IMAGE_SUFFIXES = (".tif", ".tiff", ".vrt", ".img", ".asc", ".bil")
OTHERS = {
    ".grib": "convert it, for example with grib_to_netcdf or cdo -f nc copy",
    ".grb": "convert it, for example with grib_to_netcdf or cdo -f nc copy",
    ".grib2": "convert it, for example with cdo -f nc copy",
    ".zip": "unpack it, and give the folder",
    ".gz": "unpack it",
    ".tar": "unpack it, and give the folder",
}
"""Files that climate data come in and that are not read, and what to do."""


def climate_field(
    source: str | Path | Sequence[str | Path],
    quantity: Quantity | str,
    bounds: Bounds,
    options: ClimateOptions | None = None,
    *,
    name: str = "",
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
    name : str
        Of the command's option that the data were given with (``maat``), for messages.

    Returns
    -------
    ClimateField
        Steps are weighted by their days in the calendar of the file. A cell without a value in any step of
        the period has none. Data without a time axis, or one band, count as annual already; twelve bands, or
        twelve files numbered 1 to 12, as the months of a mean year.

    Raises
    ------
    InputError
        Unreadable, without coordinates, an unknown unit, months missing, values that cannot be.
    OptionError
        Several variables and none chosen, no such variable, or no such CRS.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> places = {"lat": [32.0, 31, 30], "lon": [90.0, 91, 92]}
    >>> field = xr.DataArray(np.full((3, 3), 268.15), places, name="tas")
    >>> field.assign_attrs(units="K").to_netcdf("tas.nc")
    >>> found = climate_field("tas.nc", "temperature", (90.5, 30.5, 91.5, 31.5))
    >>> found.raster.values.round(2)[1, 1]
    np.float64(-5.0)
    """
    request = Request(Quantity(quantity), bounds, options or ClimateOptions(), name)
    if request.options.crs is not None:
        try:
            parse_crs(request.options.crs)
        except InputError as error:
            raise OptionError(f"{request.option('crs')}: {error}") from error
    files = _files(source)
    images = [path for path in files if path.suffix.casefold() in IMAGE_SUFFIXES]
    if images and len(images) < len(files):
        other = next(path for path in files if path not in images)
        raise InputError(
            f"{images[0]} and {other} are of two formats; give GeoTIFFs or NetCDFs as one climate field."
        )
    field = image_field(files, request) if images else dataset_field(files, request)
    notes, voids = (tuple(_named(note, files) for note in texts) for texts in (field.notes, field.voids))
    return replace(field, notes=notes, voids=voids)


def _named(note: str, files: Sequence[Path]) -> str:
    """A note with the names of files in place of their paths, so that it is the same in any folder."""
    for path in files:
        note = note.replace(str(path), path.name)
    return note


def _files(source: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    found: list[Path] = []
    for item in [source] if isinstance(source, str | Path) else source:
        path = Path(item)
        if address(path) is not None and path.suffix.casefold() not in IMAGE_SUFFIXES:
            raise InputError(
                f"{path} is an address; of climate data only GeoTIFFs are read there: download it."
            )
        if not is_there(path):
            raise InputError(f"There is no climate data {path}; give a NetCDF, Zarr or GeoTIFF that exists.")
        if path.is_dir() and not _is_zarr(path):
            found.extend(_folder(path))
        elif path.suffix.casefold() in OTHERS:
            raise InputError(f"{path} cannot be read as climate data; {OTHERS[path.suffix.casefold()]}.")
        else:
            found.append(path)
    if not found:
        raise InputError("No climate data was given; name a NetCDF, Zarr or GeoTIFF.")
    targets.note_read(*found)
    return tuple(sorted(set(found)))


def _folder(path: Path) -> list[Path]:
    """NetCDFs, Zarrs and GeoTIFFs in a folder, or, where it has none, in its subfolders."""
    for items in (path.iterdir(), path.glob("*/*")):
        pieces = [p for p in items if p.suffix.casefold() in GRID_SUFFIXES + IMAGE_SUFFIXES or _is_zarr(p)]
        if pieces:
            return pieces
    raise InputError(f"The folder {path} contains no NetCDF, Zarr or GeoTIFF.")


def _is_zarr(path: Path) -> bool:
    return path.is_dir() and any((path / name).exists() for name in (".zgroup", ".zmetadata", "zarr.json"))
