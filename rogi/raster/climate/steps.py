"""The steps of a series that make one annual value: months, years or days, complete and each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import cftime
import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.raster.climate.options import Request
from rogi.raster.climate.stamps import EPOCH, SPAN, Stamps, date_of, day_name, day_numbers

MONTH_DAYS = (31, 28.2425, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Mean lengths of the months, for climatologies without years."""

MONTH_LENGTH = (27.0, 32.5)
YEAR_LENGTH = (359.0, 368.0)
"""Days between the stamps of a monthly and of an annual series, in any calendar."""


class Kind(StrEnum):
    """What the steps of a series are."""

    MONTHS = "months"
    YEARS = "years"
    SHORT = "days or parts of days"
    CLIMATOLOGY = "the months of a mean year"
    MEAN = "one mean of several years"


@dataclass(frozen=True)
class Step:
    """One value of a series: file, place on its time axis, year and month (0 for none), length in days."""

    number: int
    index: int
    year: int
    month: int
    days: float


@dataclass(frozen=True)
class Timeline:
    """Steps that make one annual value.

    Attributes
    ----------
    kind : Kind
    steps : tuple of Step
        In the order of files and of their axes.
    period : (int, int) or None
        First and last year.
    notes : tuple of str
    """

    kind: Kind
    steps: tuple[Step, ...]
    period: tuple[int, int] | None
    notes: tuple[str, ...] = ()

    @property
    def years(self) -> int:
        """Number of years, by which sums are divided; 1 where the values are of a mean year already."""
        if self.kind in (Kind.CLIMATOLOGY, Kind.MEAN) or self.period is None:
            return 1
        return self.period[1] - self.period[0] + 1

    def named(self, step: Step) -> str:
        """A step in words."""
        return f"{step.year}-{step.month:02d}" if step.year and step.month else str(step.year or step.month)


def timeline(axes: Sequence[Stamps], request: Request) -> Timeline:
    """The steps of some files that make one annual value.

    Parameters
    ----------
    axes : sequence of Stamps
        One per file.
    request : Request

    Raises
    ------
    InputError
        Steps of no known length, or missing or repeated ones.
    OptionError
        A period was asked for that the data do not have.
    """
    path = axes[0].path
    if any(axis.months for axis in axes):
        if len(axes) > 1:
            raise InputError(
                f"{path} contains the months of a mean year, so it is no part of a series; give it alone."
            )
        request.undated(str(path))
        months = (Step(0, i, 0, m, MONTH_DAYS[m - 1]) for i, m in enumerate(axes[0].months))
        return Timeline(Kind.CLIMATOLOGY, tuple(months), None)
    if len({axis.calendar for axis in axes}) > 1:
        other = next(axis for axis in axes if axis.calendar != axes[0].calendar)
        raise InputError(
            f"{other.path} has the calendar {other.calendar} but {path} has {axes[0].calendar}; the files of "
            "a series must agree."
        )
    dates = [date for axis in axes for date in axis.dates]
    places = [(number, index) for number, axis in enumerate(axes) for index in range(len(axis.dates))]
    bounds = [axis.bounds for axis in axes if axis.bounds is not None]
    lengths = np.diff(np.concatenate(bounds), axis=1).ravel() if len(bounds) == len(axes) else None
    kind, length, notes = _kind(dates, lengths, path, request)
    if kind in (Kind.CLIMATOLOGY, Kind.MEAN):
        return _mean_years(kind, axes, request)
    if lengths is None and kind is Kind.MONTHS:
        dates, more = _begun(dates, any(axis.unbounded for axis in axes), path, request)
        notes += more
    steps: list[Step] = []
    for position, (date, (number, index)) in enumerate(zip(dates, places, strict=True)):
        if kind is Kind.MONTHS:
            days = float(date.daysinmonth)
        elif kind is Kind.YEARS:
            days = _year_days(date.year, date.calendar)
        else:
            days = length if lengths is None else float(lengths[position])
        steps.append(Step(number, index, date.year, 0 if kind is Kind.YEARS else date.month, days))
    if kind is Kind.SHORT:
        period = _whole_years(steps, dates, length, path, request)
    else:
        period = _period(kind, steps, path, request)
    first, last = period
    chosen = tuple(s for s in steps if first <= s.year <= last)
    rest = sorted({s.year for s in steps} - set(range(first, last + 1)))
    if rest and not request.options.period:
        taken = f"{first} to {last} are" if last > first else f"{first} is"
        others = f" and {len(rest) - 3} more" if len(rest) > 3 else ""
        notes += (f"Of {path} {taken} taken; incomplete: {', '.join(map(str, rest[:3]))}{others}.",)
    return Timeline(kind, chosen, period, notes)


def _kind(
    dates: Sequence[Any], lengths: NDArray[np.float64] | None, path: Path, request: Request
) -> tuple[Kind, float, tuple[str, ...]]:
    """What the steps are, and their usual length in days."""
    if lengths is not None:
        usual = float(np.median(lengths))
    elif len(dates) > 1:
        gaps = np.diff(np.unique(day_numbers(dates)))
        usual = float(np.sort(gaps)[(len(gaps) - 1) // 2]) if len(gaps) else 0.0
    else:
        raise InputError(
            f"{path} has one time, {day_name(dates[0])}, without time_bnds, so whether it is a month or a "
            "year is not known; give a whole series, or an annual mean without a time axis."
        )
    if MONTH_LENGTH[0] <= usual <= MONTH_LENGTH[1]:
        kind = Kind.MONTHS
    elif YEAR_LENGTH[0] <= usual <= YEAR_LENGTH[1]:
        kind = Kind.YEARS
    elif 0 < usual <= 1.001 or (lengths is not None and 0 < usual <= 17):
        return Kind.SHORT, usual, ()
    elif usual > SPAN and lengths is not None and len(dates) in (1, 12):
        return (Kind.MEAN if len(dates) == 1 else Kind.CLIMATOLOGY), usual, ()
    else:
        raise InputError(
            f"The steps of {path} are {usual:.4g} days apart; give hours, days, months or years"
            + (", or add time_bnds." if lengths is None and usual <= 17 else ".")
        )
    low, high = MONTH_LENGTH if kind is Kind.MONTHS else YEAR_LENGTH
    if lengths is not None and (odd := np.flatnonzero((lengths < low - 1) | (lengths > high))).size:
        at = int(odd[0])
        raise InputError(
            f"The step around {day_name(dates[at])} of {path} covers {lengths[at]:.4g} days by its bounds, "
            f"the others {kind}; correct the bounds."
        )
    return kind, usual, ()


def _begun(
    dates: list[Any], unbounded: bool, path: Path, request: Request
) -> tuple[list[Any], tuple[str, ...]]:
    """The months of stamps without bounds: on a month's first instant they may be of its end (CESM)."""
    ordered = sorted(dates)
    firsts = all(d.day == 1 and d.hour == 0 and d.minute == 0 for d in dates)
    if not (firsts and ordered[0].month == 2 and ordered[-1].month == 1 and len(dates) % 12 == 0):
        return dates, ()
    span = f"{day_name(ordered[0])} to {day_name(ordered[-1])}"
    if unbounded:
        shifted = [d - type(d - d)(days=1) for d in dates]
        note = (
            f"The times of {path}, {span}, are taken for the ends of months: only so they make whole years."
        )
        return shifted, (note,)
    return dates, (
        f"The times of {path} run from {span}: if they are the ends of months, as CESM writes them, all "
        "months are off by one; add time_bnds.",
    )


def _year_days(year: int, calendar: str) -> float:
    if calendar == "360_day":
        return 360.0
    return 366.0 if cftime.is_leap_year(year, calendar) else 365.0


def _period(kind: Kind, steps: Sequence[Step], path: Path, request: Request) -> tuple[int, int]:
    """The years to take of months or years, complete and without repetition."""
    parts = range(1, 13) if kind is Kind.MONTHS else (0,)
    have = {(s.year, s.month) for s in steps}

    def name(part: tuple[int, int]) -> str:
        return f"{part[0]}-{part[1]:02d}" if kind is Kind.MONTHS else str(part[0])

    if len(have) < len(steps):
        ordered = sorted((s.year, s.month) for s in steps)
        twice = next(b for a, b in pairwise(ordered) if a == b)
        raise InputError(f"{path} has more than one value for {name(twice)}; a series of {kind} has one.")
    complete = sorted({y for y, _ in have if all((y, m) in have for m in parts)})
    wanted = request.options.period
    if wanted is not None:
        first, last = wanted
        missing = [(y, m) for y in range(first, last + 1) for m in parts if (y, m) not in have]
        if missing:
            raise InputError(
                f"{path} lacks {len(missing)} {kind} of {first} to {last}, first {name(missing[0])}; it "
                f"contains {name(min(have))} to {name(max(have))}: choose another period with "
                f"{request.option('period')}."
            )
        return first, last
    if not complete:
        lack = next((y, m) for y in sorted({y for y, _ in have}) for m in parts if (y, m) not in have)
        raise InputError(
            f"{path} contains no complete calendar year, so no annual value can be computed from it: it "
            f"contains {name(min(have))} to {name(max(have))}, and lacks {name(lack)}."
        )
    first, last = complete[0], complete[-1]
    lacking = [(y, m) for y in range(first, last + 1) for m in parts if (y, m) not in have]
    if lacking:
        raise InputError(
            f"The series of {path} has a gap in {lacking[0][0]}: {name(lacking[0])} is missing; choose a "
            f"period without it with {request.option('period')}, for example {longest(complete)}."
        )
    return first, last


def _whole_years(
    steps: Sequence[Step], dates: Sequence[Any], length: float, path: Path, request: Request
) -> tuple[int, int]:
    """The years to take of days or parts of days."""
    order = np.argsort(day_numbers(dates), kind="stable")
    ordered = [dates[k] for k in order]
    gaps = np.diff(day_numbers(ordered))
    lengths = np.array([steps[k].days for k in order])
    spacing = 0.5 * (lengths[1:] + lengths[:-1])
    if (twice := np.flatnonzero(gaps < 0.5 * spacing)).size:
        raise InputError(
            f"{path} has more than one value for {day_name(ordered[int(twice[0])])}; a series has one."
        )
    covered: dict[int, float] = {}
    for step in steps:
        covered[step.year] = covered.get(step.year, 0.0) + step.days
    calendar = dates[0].calendar
    complete = sorted(
        y for y, d in covered.items() if abs(d - _year_days(y, calendar)) <= 0.5 * max(length, 1.0)
    )
    first, last = request.options.period or (
        (complete[0], complete[-1]) if complete else (min(covered), max(covered))
    )
    lacking = [y for y in range(first, last + 1) if y not in complete]
    if lacking:
        year = lacking[0]
        inside = [d for d in ordered if d.year == year]
        absent = _first_absent(inside, year, calendar)
        raise InputError(
            f"{path} does not cover all of {year}: {absent} is missing; it contains {day_name(ordered[0])} "
            f"to {day_name(ordered[-1])}. "
            + (
                f"Choose complete years with {request.option('period')}, for example {longest(complete)}."
                if complete
                else "No year is complete, so no annual value can be computed from it."
            )
        )
    return first, last


def _first_absent(inside: Sequence[Any], year: int, calendar: str) -> str:
    """The first day of a year that has no step, or that has too few."""
    if not inside:
        return str(year)
    counts: dict[tuple[int, int], int] = {}
    for date in inside:
        counts[date.month, date.day] = counts.get((date.month, date.day), 0) + 1
    day, full = date_of(year, 1, 1, calendar), max(counts.values())
    delta = type(day - day)(days=1)
    while day.year == year:
        if counts.get((day.month, day.day), 0) < full:
            return day_name(day)
        day += delta
    return f"a part of {year}"


def longest(years: Sequence[int]) -> str:
    """The longest run of some years, ``2001-2010``."""
    runs: list[tuple[int, int]] = []
    for year in years:
        if runs and runs[-1][1] == year - 1:
            runs[-1] = runs[-1][0], year
        else:
            runs.append((year, year))
    first, last = max(runs, key=lambda run: run[1] - run[0])
    return f"{first}-{last}"


def _mean_years(kind: Kind, axes: Sequence[Stamps], request: Request) -> Timeline:
    """Twelve months, or one value, of all years between two."""
    path, calendar = axes[0].path, axes[0].calendar
    bounds = np.concatenate([axis.bounds for axis in axes if axis.bounds is not None])
    ends = cftime.num2date([bounds.min(), bounds.max() - 1], EPOCH, calendar, only_use_cftime_datetimes=True)
    years = int(ends[0].year), int(ends[1].year)
    request.undated(str(path), years)
    if kind is Kind.MEAN:
        days = np.mean([_year_days(year, calendar) for year in range(years[0], years[1] + 1)])
        return Timeline(kind, (Step(0, 0, 0, 0, float(days)),), years)
    months = [date.month for axis in axes for date in axis.dates]
    if lack := sorted(set(range(1, 13)) - set(months)):
        raise InputError(f"{path} has the months {', '.join(map(str, months))}; month {lack[0]} is missing.")
    lengths = [30.0] * 12 if calendar == "360_day" else MONTH_DAYS
    places = [(number, index) for number, axis in enumerate(axes) for index in range(len(axis.dates))]
    steps = (Step(n, i, 0, m, lengths[m - 1]) for (n, i), m in zip(places, months, strict=True))
    return Timeline(kind, tuple(steps), years)
