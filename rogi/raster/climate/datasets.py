"""Climate fields of NetCDF and Zarr: which variable, in which unit, and its annual means or sums."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError, OptionError
from rogi.raster.climate.cells import Cells, field_cells, is_coordinate
from rogi.raster.climate.methods import amounts, annual_rate, refuse_anomalies, temperature_notes
from rogi.raster.climate.options import ClimateField, Request
from rogi.raster.climate.running import RunningTotals
from rogi.raster.climate.screen import Screen, annual_values, valid_range
from rogi.raster.climate.stamps import Stamps, read_stamps, time_axis
from rogi.raster.climate.steps import Kind, Step, Timeline, longest, timeline
from rogi.raster.climate.units import YEAR_DAYS, Conversion, Per, Quantity, parse_unit, refuse_twice
from rogi.raster.codecs import refuse_codecs
from rogi.raster.files import ArrayRaster

if TYPE_CHECKING:
    import xarray as xr

READ_VALUES = 1 << 22
"""Values read at a time, 32 MiB: of large fields few steps, of small ones a year of months or days."""

STEPS = {
    Kind.MONTHS: Per.MONTH, Kind.CLIMATOLOGY: Per.MONTH, Kind.YEARS: Per.YEAR, Kind.MEAN: Per.STEP,
}  # fmt: skip

ECMWF_VERSIONS = "expver"
"""Axis of ERA5 where final and preliminary values each have their own place, and are missing in the other."""


@dataclass(frozen=True)
class Piece:
    """A file of a series: what its variable is called, and how its attributes describe it."""

    path: Path
    variable: str
    unit: str
    attributes: dict[Any, Any]
    of_dataset: dict[Any, Any]
    time: str | None
    stamps: Stamps | None
    valid: tuple[float, float]

    @property
    def where(self) -> str:
        """For messages."""
        return f"Variable {self.variable} of {self.path}"


def dataset_field(files: tuple[Path, ...], request: Request) -> ClimateField:
    """The annual field of NetCDF or Zarr files, pieces of one series.

    Raises
    ------
    InputError
        Unreadable, without coordinates, an unknown unit, months missing from the period.
    OptionError
        Several variables and none chosen, or no such variable.
    """
    pieces, notes = _pieces(files, request)
    first = pieces[0]
    units = {piece.unit for piece in pieces}
    if len(units) > 1:
        other = next(piece for piece in pieces if piece.unit != first.unit)
        raise InputError(
            f"{other.where} has the unit {other.unit!r} but {first.path} has {first.unit!r}; the files of a "
            "series must agree."
        )
    line = None
    if all(piece.stamps is not None for piece in pieces):
        line = timeline([piece.stamps for piece in pieces if piece.stamps is not None], request)
        notes += line.notes
    elif len(pieces) > 1:
        alone = next(piece for piece in pieces if piece.stamps is None)
        raise InputError(f"{alone.path} has no time axis, so it is no part of a series; give it alone.")
    else:
        request.undated(first.where)
    conversion = parse_unit(first.unit, request.quantity, first.where, request.option("unit"))
    step = (
        None if line is None else STEPS.get(line.kind) or (Per.DAY if line.steps[0].days > 0.9 else Per.HOUR)
    )
    names = " ".join(
        [first.variable, *(str(first.attributes.get(k, "")) for k in ("long_name", "standard_name"))]
    )
    refuse_anomalies(names, first.where)
    if request.quantity is Quantity.TEMPERATURE:
        more = temperature_notes(str(first.attributes.get("cell_methods", "")), names, first.where)
    else:
        conversion, more = amounts(conversion, first.attributes, first.of_dataset, step, first.where, request)
    notes += more
    screen = Screen(request, first.where, first.unit)
    if line is None:
        conversion = annual_rate(conversion, request, first.where)
        line = Timeline(Kind.MEAN, (Step(0, 0, 0, 0, YEAR_DAYS),), None)
    total, cells, voids = _reduced(pieces, line, request, conversion, screen)
    notes += voids + screen.annual(total)
    values = annual_values(total, request.quantity)
    raster = ArrayRaster(values, cells.transform, cells.crs, str(first.path))
    notes = tuple(dict.fromkeys(notes))
    used = tuple(piece.path for piece in pieces)
    return ClimateField(raster, request.quantity, used, first.variable, first.unit, line.period, notes, voids)


# --- files and variables ------------------------------------------------------------------------------


def _pieces(files: tuple[Path, ...], request: Request) -> tuple[list[Piece], tuple[str, ...]]:
    """What is known of the files without reading values; those without the variable are left out."""
    pieces: list[Piece] = []
    without: list[tuple[Path, OptionError]] = []
    notes: tuple[str, ...] = ()
    for path in files:
        with open_dataset(path) as dataset:
            try:
                data, more = _variable(dataset, path, request)
            except OptionError as error:
                if len(files) == 1 or request.options.variable is None:
                    raise
                without.append((path, error))
                continue
            notes += more
            axis = time_axis(dataset, data)
            unit = request.options.unit
            if unit is None:
                unit = str(data.attrs.get("units", data.attrs.get("unit", "")))
                scale = float(data.encoding.get("scale_factor", 1.0))
                refuse_twice(unit, scale, f"Variable {data.name} of {path}", request.option("unit"))
            pieces.append(
                Piece(
                    path,
                    str(data.name),
                    unit,
                    dict(data.attrs),
                    dict(dataset.attrs),
                    axis[0] if axis else None,
                    read_stamps(dataset, axis, path) if axis else None,
                    valid_range(data.attrs, data.encoding),
                )
            )
    if not pieces:
        raise without[0][1]
    names = {piece.variable for piece in pieces}
    if len(names) > 1:
        fitting = [piece for piece in pieces if _is_unit(piece.unit, request)]
        if len({piece.variable for piece in fitting}) != 1:
            raise OptionError(
                f"The {len(pieces)} files, such as {pieces[0].path}, have the variables "
                f"{', '.join(sorted(names))}; choose one with {request.option('variable')}."
            )
        notes += (
            f"Of the variables {', '.join(sorted(names))} of {len(pieces)} files, {fitting[0].variable} "
            f"is taken, the only {request.quantity}.",
        )
        pieces = fitting
    if without:
        notes += (f"{len(without)} files without the variable {request.options.variable} are left out.",)
    return pieces, notes


MAGIC = (b"CDF", b"\x89HDF")
"""How NetCDF files begin."""


def _fault(path: Path, error: Exception) -> str:
    """What is wrong with a file or store that cannot be opened."""
    if path.is_dir():
        return str(error)
    with path.open("rb") as stream:
        start = stream.read(4)
    if not start:
        return "it is empty; download it again"
    if start.startswith(MAGIC):
        return f"it is damaged or cut off ({error}); download it again"
    return "it does not begin as NetCDF does, so it is a file of another kind"


@contextmanager
def open_dataset(path: Path) -> Iterator[xr.Dataset]:
    """A NetCDF or Zarr with its times as numbers.

    Attributes that name bounds and grid mappings stay where they are: `decode_coords="all"` drops those whose
    variables are lost, of which we tell.

    Raises
    ------
    InputError
        It cannot be opened.
    """
    import xarray as xr

    how: dict[str, Any] = {"decode_coords": True, "decode_times": False, "decode_timedelta": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # several fill values: all are taken
            if path.is_dir():
                refuse_codecs(path)
                dataset = xr.open_dataset(path, engine="zarr", chunks=None, **how)
            else:
                dataset = xr.open_dataset(path, **how)
                if not dataset.data_vars:
                    dataset = _group(path, dataset, how)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise InputError(f"{path} cannot be opened as NetCDF or Zarr: {_fault(path, error)}.") from error
    with dataset, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield dataset


def _group(path: Path, dataset: xr.Dataset, how: dict[str, Any]) -> xr.Dataset:
    """The only group of a file that keeps everything in it, as IMERG does in "Grid"."""
    import netCDF4
    import xarray as xr

    with netCDF4.Dataset(str(path)) as file:
        groups = list(file.groups)
    if len(groups) != 1:
        return dataset
    dataset.close()
    return xr.open_dataset(path, group=groups[0], **how)


def _variable(dataset: xr.Dataset, path: Path, request: Request) -> tuple[xr.DataArray, tuple[str, ...]]:
    """The variable that was named, or the only one that can be meant."""
    wanted = request.options.variable
    names = [str(name) for name in dataset.data_vars]
    if wanted is not None:
        same = [name for name in names if name.casefold() == wanted.casefold()]
        if wanted not in names and len(same) != 1:
            raise OptionError(
                f"{path} has no variable {wanted!r}; it has {', '.join(names)}: choose one with "
                f"{request.option('variable')}."
            )
        return dataset[wanted if wanted in names else same[0]], ()
    fields = [
        name
        for name in names
        if dataset[name].ndim >= 2
        and dataset[name].dtype.kind in "fiu"
        and not name.endswith(("_bnds", "_bounds"))
        and name not in _described(dataset)
    ]
    if not fields:
        raise InputError(f"{path} contains no field on a grid.")
    if len(fields) == 1:
        return dataset[fields[0]], ()
    fitting = [name for name in fields if _fits(dataset[name], request)]
    dated = [name for name in fitting if time_axis(dataset, dataset[name])]
    chosen = dated if len(dated) == 1 else fitting
    if len(chosen) != 1:
        listed = ", ".join(f"{name} ({dataset[name].attrs.get('units', 'no unit')})" for name in fields)
        raise OptionError(f"{path} has the variables {listed}; choose one with {request.option('variable')}.")
    note = (
        f"Of the variables {', '.join(fields)} of {path}, {chosen[0]} is taken, the only {request.quantity}."
    )
    return dataset[chosen[0]], (note,)


def _described(dataset: xr.Dataset) -> set[str]:
    """Variables that describe others: bounds, grid mappings, longitudes and latitudes."""
    names = {
        name
        for variable in dataset.variables.values()
        for key in ("bounds", "climatology", "grid_mapping")
        for name in str(variable.attrs.get(key, "")).split()
    }
    return names | {str(name) for name, data in dataset.data_vars.items() if is_coordinate(data)}


def _fits(data: xr.DataArray, request: Request) -> bool:
    """Whether a variable's unit is one of the quantity."""
    return _is_unit(str(data.attrs.get("units", "")), request)


def _is_unit(unit: str, request: Request) -> bool:
    try:
        parse_unit(unit, request.quantity, "")
    except InputError:
        return False
    return True


# --- reading ------------------------------------------------------------------------------------------


def _reduced(
    pieces: Sequence[Piece], line: Timeline, request: Request, conversion: Conversion, screen: Screen
) -> tuple[NDArray[np.float64], Cells, tuple[str, ...]]:
    """Annual means or sums of the steps, read one after the other; their cells; why some are void."""
    total: NDArray[np.float64] | None = None
    counts: NDArray[np.int64] | None = None
    cells: Cells | None = None
    found: list[tuple[Step, int]] = []
    all_days = 0.0
    warm = request.quantity is Quantity.TEMPERATURE
    running = RunningTotals()
    for number, piece in enumerate(pieces):
        steps = [step for step in line.steps if step.number == number]
        if not steps:
            continue
        with open_dataset(piece.path) as dataset:
            data = dataset[piece.variable]
            own = field_cells(dataset, data, piece.path, request)
            if cells is not None and not cells.agrees(own):
                raise InputError(
                    f"{piece.path} lies on another grid than {pieces[0].path}; the files of a series must "
                    "agree."
                )
            cells = own
            size = max(1, READ_VALUES // max(1, own.count))
            for start in range(0, len(steps), size):
                part = steps[start : start + size]
                for step, raw in zip(part, _read(data, own, piece, part), strict=True):
                    values = screen.clean(raw, conversion, step.days)
                    if warm:
                        values *= step.days
                    elif step.days < 0.5 and piece.stamps is not None:
                        running.see(piece.stamps.dates[step.index], step.days, values)
                    finite = np.isfinite(values)
                    found.append((step, int(finite.sum())))
                    total = values if total is None else total + values
                    counts = finite.astype(np.int64) if counts is None else counts + finite
                    all_days += step.days
    running.refuse(pieces[0].where)
    assert total is not None and cells is not None and counts is not None
    total /= all_days if warm else line.years
    partly = int(((counts > 0) & (counts < len(line.steps))).sum())
    voids = screen.verdict()  # comes first: what is in another unit may lack whole months
    if partly:
        voids += _lacking(found, partly, line, pieces[0], request, voids)
    return total, cells, voids


def _lacking(
    found: Sequence[tuple[Step, int]],
    cells: int,
    line: Timeline,
    piece: Piece,
    request: Request,
    voids: tuple[str, ...],
) -> tuple[str, ...]:
    """What to tell of cells that have values at some times alone.

    Raises
    ------
    InputError
        At one of the times none has.
    """
    most = max(count for _, count in found)
    void = [step for step, count in found if count == 0]
    lack = void or [step for step, count in found if count < most]
    good = sorted({step.year for step in line.steps} - {step.year for step in lack})
    times = (
        f"{line.named(lack[0])}{f' and {len(lack) - 1} more' if len(lack) > 1 else ''}"
        if lack
        else "some times"
    )
    remedy = "give a file that has them"
    if lack and good and line.kind in (Kind.MONTHS, Kind.YEARS, Kind.SHORT):
        remedy = f"choose years without it with {request.option('period')}, for example {longest(good)}"
    if void:
        raise InputError(
            f"{piece.where} has no values around the units for {times}, though for other times; {remedy}."
            + "".join(f" {text}" for text in voids)
        )
    return (
        f"{piece.where} lacks values for {times} in {cells} cells around the units, which have no annual "
        f"value; {remedy}.",
    )


def _read(data: xr.DataArray, cells: Cells, piece: Piece, steps: Sequence[Step]) -> NDArray[np.float64]:
    """Values of some steps, shape (steps, rows, columns), NaN outside what the file says is valid."""
    time = {piece.time: [step.index for step in steps]} if piece.time else {}
    extra = [str(d) for d in data.dims if d not in (cells.x, cells.y, *time)]
    several = [d for d in extra if data.sizes[d] > 1]
    if several and several != [ECMWF_VERSIONS]:
        listed = ", ".join(f"{d} ({data.sizes[d]} values)" for d in several)
        raise InputError(f"{piece.where} has further axes: {listed}; select one value of each first.")
    data = data.isel({d: 0 for d in extra if d not in several})
    values = cells.read(data.isel(dict.fromkeys(several, 0)), piece.path, time)
    for d in several:
        for version in range(1, data.sizes[d]):
            values = np.where(
                np.isfinite(values), values, cells.read(data.isel({d: version}), piece.path, time)
            )
    if not time:
        values = values[None]
    low, high = piece.valid
    if np.isfinite(low) or np.isfinite(high):
        invalid = (values < low) | (values > high)
        if invalid.any() and not (np.isfinite(values) & ~invalid).any() and np.isfinite(values).all():
            raise InputError(
                f"{piece.where} declares valid values of {low:.6g} to {high:.6g}, and none of its values is: "
                "its valid_range, valid_min or valid_max is wrong; remove it from the file."
            )
        values[invalid] = np.nan
    values[np.isinf(values)] = np.nan
    return values
