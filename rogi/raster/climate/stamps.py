"""The time axis of a file: dates in any calendar of CF, with their bounds where the file has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cftime
import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

NAMES = ("time", "valid_time", "date", "t", "month", "months", "mon", "year", "years", "xtime", "climatology")
CALENDARS = {"proleptic": "proleptic_gregorian", "gregorian": "standard", "": "standard", "utc": "standard"}
EPOCH = "days since 1600-01-01"

SPAN = 1.5 * 366.0
"""Days that the bounds of one step span, from which on it is of several years."""


@dataclass(frozen=True)
class Stamps:
    """The time axis of a file.

    Attributes
    ----------
    path : Path
    dates : tuple of cftime.datetime
        The middle of each step where the file says when it begins and ends, else its stamp.
    bounds : ndarray of float64, shape (n, 2), or None
        Begin and end of each step, days since 1600.
    months : tuple of int
        Of a climatology that is numbered 1 to 12, in place of dates.
    unbounded : bool
        Whether bounds are named, but are not in the file.
    """

    path: Path
    dates: tuple[Any, ...] = ()
    bounds: NDArray[np.float64] | None = None
    months: tuple[int, ...] = ()
    unbounded: bool = False

    @property
    def calendar(self) -> str:
        """CF's name of the calendar."""
        return str(self.dates[0].calendar) if self.dates else ""


def time_axis(dataset: xr.Dataset, data: xr.DataArray) -> tuple[str, str] | None:
    """Dimension of a field that is time, and the variable with its stamps (the dimension itself if none)."""
    best: tuple[int, str, str] | None = None
    for dimension in map(str, data.dims):
        for name, variable in dataset.variables.items():
            if variable.dims[:1] != (dimension,) or (variable.ndim > 1 and variable.dtype.kind != "S"):
                continue
            attributes = variable.attrs
            says = (
                "since" in str(attributes.get("units", ""))
                or "%Y" in str(attributes.get("units", ""))
                or attributes.get("standard_name") == "time"
                or attributes.get("axis") == "T"
                or (str(name).casefold() in NAMES and variable.dtype.kind in "iuf")
                or str(name) == "Times"
            )
            rank = 2 * (str(name) == dimension) + (attributes.get("standard_name") == "time")
            if says and (best is None or rank > best[0]):
                best = rank, dimension, str(name)
        if best is None and dimension.casefold() in NAMES:
            best = 0, dimension, dimension
    return best[1:] if best else None


def read_stamps(dataset: xr.Dataset, axis: tuple[str, str], path: Path) -> Stamps:
    """The time axis of a file.

    Raises
    ------
    InputError
        It contains no dates, or a calendar that CF has not, or bounds that do not contain the stamps.
    """
    dimension, name = axis
    size = int(dataset.sizes[dimension])
    twelve = size == 12 and name.casefold() not in ("year", "years")
    if name not in dataset.variables:
        if twelve:
            return Stamps(path, months=tuple(range(1, 13)))
        raise InputError(
            f"The axis {name} of {path} has {size} steps without dates; add a coordinate with the unit "
            "'days since ...'."
        )
    variable = dataset[name]
    if name == "Times":
        return Stamps(path, tuple(_wrf_dates(variable.values)))
    values = np.asarray(variable.values)
    unit, calendar = str(variable.attrs.get("units", "")), str(variable.attrs.get("calendar", "")).casefold()
    calendar = CALENDARS.get(calendar, calendar)
    numbered = "since" not in unit and values.dtype.kind in "iuf" and "%Y" not in unit
    if numbered and twelve and sorted(values.tolist()) == list(range(1, 13)):
        return Stamps(path, months=tuple(int(v) for v in values))
    dates = _decoded(values, unit, calendar, name, path)
    climatology = str(variable.attrs.get("climatology", ""))
    named = climatology or str(variable.attrs.get("bounds", ""))
    if not named and f"{name}_bnds" in dataset.variables:
        named = f"{name}_bnds"
    if named not in dataset.variables or dataset[named].ndim != 2:
        return Stamps(path, tuple(dates), unbounded=bool(named))
    edges = dataset[named]
    # CF says that bounds have the units of their axis; where they state their own, these count.
    own = str(edges.attrs.get("units", "")) or unit
    flat = _decoded(np.asarray(edges.values).ravel(), own, calendar, named, path)
    bounds = day_numbers(flat).reshape(size, 2)
    stamps = day_numbers(dates)
    if not np.all(bounds[:, 1] > bounds[:, 0]):
        return Stamps(path, tuple(dates), unbounded=True)
    outside = np.flatnonzero((stamps < bounds[:, 0] - 1) | (stamps > bounds[:, 1] + 1))
    if len(outside) and not climatology:
        at = int(outside[0])
        raise InputError(
            f"The time {day_name(dates[at])} of {path} lies outside its bounds in {named}, "
            f"{day_name(flat[2 * at])} to {day_name(flat[2 * at + 1])}; correct {named} or remove it from "
            "the file."
        )
    middle = [low + (high - low) / 2 for low, high in zip(flat[::2], flat[1::2], strict=True)]
    if climatology or np.diff(bounds, axis=1).min() > SPAN:
        middle = list(flat[::2])  # a month of all years: its bounds begin in that month of the first year
    return Stamps(path, tuple(middle), bounds)


def _decoded(values: NDArray[Any], unit: str, calendar: str, name: str, path: Path) -> list[Any]:
    """Dates of the numbers on an axis."""
    try:
        if not np.isfinite(values.astype(np.float64)).all():
            raise ValueError("a date is missing")
        match = re.match(r"(month|year)s? since (.*)", unit, re.IGNORECASE)
        if match and calendar != "360_day":
            start = cftime.num2date(0, f"days since {match[2]}", calendar, only_use_cftime_datetimes=True)
            months = np.floor(values.astype(np.float64) * (12 if match[1].casefold() == "year" else 1))
            count = start.year * 12 + start.month - 1 + months.astype(np.int64)
            return [date_of(int(n) // 12, int(n) % 12 + 1, 15, calendar) for n in count]
        if "since" in unit:
            found = cftime.num2date(values, unit, calendar, only_use_cftime_datetimes=True)
            return list(np.atleast_1d(found))
        return [_written(float(v), calendar) for v in values]
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"The time axis {name} of {path} (unit {unit!r}, calendar {calendar!r}) cannot be read as dates "
            f"({error}); it needs a unit such as 'days since 1900-01-01' and a calendar of CF."
        ) from error


def _written(number: float, calendar: str) -> Any:
    """A date written as a number: 2001, 200107 or 20010715; what is after the point is left out."""
    whole = int(number)
    for digits, (year, month, day) in {
        8: (whole // 10000, whole // 100 % 100, whole % 100),
        6: (whole // 100, whole % 100, 15),
        4: (whole, 7, 1),
    }.items():
        if len(str(whole)) == digits:
            return date_of(year, month, day, calendar)
    raise ValueError(f"{number:g} is no date")


def date_of(year: int, month: int, day: int, calendar: str = "standard") -> Any:
    """A day of a calendar of CF."""
    return cftime.datetime(year, month, day, calendar=calendar)


def _wrf_dates(values: NDArray[Any]) -> Iterator[Any]:
    for row in values:
        text = row if isinstance(row, bytes) else b"".join(np.atleast_1d(row).tolist())
        year, month, day = (int(part) for part in text.decode().split("_")[0].split("-"))
        hour, minute, *_ = (int(part) for part in text.decode().split("_")[1].split(":"))
        yield date_of(year, month, day, "standard").replace(hour=hour, minute=minute)


def day_numbers(dates: Sequence[Any]) -> NDArray[np.float64]:
    """Days since 1600 of dates of one calendar."""
    return np.asarray(cftime.date2num(list(dates), EPOCH, dates[0].calendar), dtype=np.float64)


def day_name(date: Any) -> str:
    """A date in words."""
    return f"{date.year}-{date.month:02d}-{date.day:02d}"
