"""Time axes: calendars of CF, stamps of all kinds, bounds, years, days, mean years; what is missing."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr
from climates import BOUNDS, DAYS_2001, MONTHLY, field, months, saved, series, value

from rogi.errors import InputError, OptionError
from rogi.raster.climate.options import ClimateOptions
from rogi.raster.climate.steps import MONTH_DAYS

FEBRUARY = {"noleap": 28, "365_day": 28, "all_leap": 29, "366_day": 29, "360_day": 30}
CALENDARS = [
    "standard",
    "gregorian",
    "proleptic_gregorian",
    "noleap",
    "365_day",
    "all_leap",
    "366_day",
    "360_day",
    "julian",
]


def mean_of_months(february: float, month: float = 0) -> float:
    """Mean of 1 to 12 weighted by the lengths of the months."""
    days = np.array([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    return float(np.average(MONTHLY, weights=np.full(12, month) if month else days))


@pytest.mark.parametrize("stamp", ["start", "middle", "end", "bounds", "bounds at the end"])
@pytest.mark.parametrize("calendar", CALENDARS)
def test_calendars_and_stamps(tmp_path: Path, calendar: str, stamp: str) -> None:
    """2002 is warmer by 5: whatever the stamps, its months are its own. 2002 has 28 days in February, or its
    calendar's."""
    starts = months(2001, 25, calendar)
    edges = list(pairwise(starts))
    dates = {
        "start": starts[:-1],
        "middle": [a + (b - a) / 2 for a, b in edges],
        "end": [b - (b - a) / 31 for a, b in edges],
        "bounds": [a + (b - a) / 2 for a, b in edges],
        "bounds at the end": starts[1:],
    }[stamp]
    values = [float(k % 12 + 1) + 5 * (k // 12) for k in range(24)]
    data = series("degC", values, dates, bounds=edges if "bounds" in stamp else None)
    data["time"].attrs["calendar"] = calendar
    path = saved(data, tmp_path / "t.nc")
    expected = mean_of_months(FEBRUARY.get(calendar, 28), 30 if calendar == "360_day" else 0)
    assert value(path, "temperature", period=(2002, 2002)) == pytest.approx(expected + 5)
    assert field(path, "temperature").period == (2001, 2002)


@pytest.mark.parametrize("calendar", ["standard", "noleap", "all_leap", "360_day"])
def test_rates_make_the_sum_of_the_calendar(tmp_path: Path, calendar: str) -> None:
    """1 mm a day over 2003 and 2004, a leap year."""
    path = saved(series("mm/day", np.ones(24), months(2003, 24, calendar)), tmp_path / "p.nc")
    expected = {"standard": 365.5, "noleap": 365, "all_leap": 366, "360_day": 360}[calendar]
    assert value(path, "precipitation") == pytest.approx(expected)


def test_before_1678(tmp_path: Path) -> None:
    """Years that do not fit into 64-bit nanoseconds."""
    path = saved(series("degC", None, months(1501, 12, "proleptic_gregorian")), tmp_path / "t.nc")
    assert field(path, "temperature").period == (1501, 1501)
    assert value(path, "temperature") == pytest.approx(mean_of_months(28))


def test_bounds_with_units_of_their_own(tmp_path: Path) -> None:
    """Bounds that count from another day than the axis, as tools leave them: each counts from its own."""
    starts = months(2001, 13)
    data = series("degC", MONTHLY, starts[1:])
    numbers = cftime.date2num(starts, "hours since 2000-01-01")
    data["time_bnds"] = (("time", "nv"), np.column_stack([numbers[:-1], numbers[1:]]))
    data["time_bnds"].attrs["units"] = "hours since 2000-01-01"
    data["time"].attrs["bounds"] = "time_bnds"
    assert value(saved(data, tmp_path / "t.nc"), "temperature") == pytest.approx(mean_of_months(28))


def test_end_stamps_whose_bounds_are_lost(tmp_path: Path) -> None:
    """CESM's stamps after its bounds were dropped: whole years only if they are the ends of months."""
    data = series("degC", np.tile(MONTHLY, 2), months(2001, 25)[1:])
    data["time"].attrs["bounds"] = "time_bnds"
    found = field(saved(data, tmp_path / "t.nc"), "temperature")
    assert found.period == (2001, 2002)
    assert "ends of months" in found.notes[0]
    assert found.raster.values[0, 0] == pytest.approx(mean_of_months(28))
    del data["time"].attrs["bounds"]
    found = field(saved(data, tmp_path / "u.nc"), "temperature")
    assert found.period == (2002, 2002)
    assert "off by one; add time_bnds" in found.notes[0]


def test_stamps_outside_their_bounds(tmp_path: Path) -> None:
    starts = months(2001, 13)
    data = series("degC", None, months(2003, 12), bounds=list(pairwise(starts)))
    with pytest.raises(
        InputError, match=r"time 2003-01-01 of .*t.nc lies outside its bounds in time_bnds, 2001-01-01"
    ):
        value(saved(data, tmp_path / "t.nc"), "temperature")


def test_a_month_of_wrong_length(tmp_path: Path) -> None:
    starts = months(2001, 13)
    edges = [[a, b] for a, b in pairwise(starts)]
    edges[4][1] = starts[7]
    data = series("degC", None, starts[:-1], bounds=edges)
    with pytest.raises(InputError, match=r"step around 2001-06-16 of .* covers 92 days by its bounds"):
        value(saved(data, tmp_path / "t.nc"), "temperature")


def test_several_years_and_periods(tmp_path: Path) -> None:
    """Incomplete years at either end are left out; a period takes its own years; leap days count."""
    dates = months(2002, 50)[6:]
    years = [d.year - 2000.0 for d in dates]
    path = saved(series("mm", years, dates), tmp_path / "p.nc")
    assert field(path, "precipitation").period == (2003, 2005)
    assert value(path, "precipitation") == pytest.approx(12 * 4)
    assert value(path, "precipitation", period=(2004, 2005)) == pytest.approx(12 * 4.5)
    celsius = saved(series("degC", years, dates), tmp_path / "t.nc")
    assert value(celsius, "temperature") == pytest.approx(np.average([3, 4, 5], weights=[365, 366, 365]))
    with pytest.raises(
        InputError,
        match=r"p.nc lacks 10 months of 2005 to 2006, first 2006-03; it contains 2002-07 to 2006-02: choose "
        "another period with --ap-period",
    ):
        value(path, "precipitation", period=(2005, 2006))
    with pytest.raises(OptionError, match="ends before it begins"):
        ClimateOptions(period=(2000, 1990))


def test_incomplete_series(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no complete calendar year.*2001-01 to 2001-11, and lacks 2001-12"):
        value(saved(series("mm", None, months(2001, 11)), tmp_path / "a.nc"), "precipitation")
    whole = series("mm", None, months(2001, 48))
    gap = whole.isel(time=[k for k in range(48) if k != 17])
    with pytest.raises(
        InputError, match=r"gap in 2002: 2002-06 is missing.*--ap-period, for example 2003-2004"
    ):
        value(saved(gap, tmp_path / "gap.nc"), "precipitation")
    twice = xr.concat([whole, whole.isel(time=[3])], "time")
    with pytest.raises(InputError, match="more than one value for 2001-04"):
        value(saved(twice, tmp_path / "twice.nc"), "precipitation")


def test_a_month_without_values(tmp_path: Path) -> None:
    """A month void everywhere, or under some cells: its name is told, and years that are whole."""
    values = np.ones((36, 12, 15))
    values[17, 4:8, 5:8] = np.nan
    path = saved(series("mm", values, months(2001, 36)), tmp_path / "p.nc")
    found = field(path, "precipitation")
    assert found.voids == (
        "Variable v of p.nc lacks values for 2002-06 in 12 cells around the units, which have no annual "
        "value; choose years without it with --ap-period, for example 2001-2001.",
    )
    assert np.isnan(value(path, "precipitation"))
    assert value(path, "precipitation", period=(2003, 2003)) == 12
    values[17] = np.nan
    with pytest.raises(InputError, match=r"has no values around the units for 2002-06, though.*--ap-period"):
        value(saved(series("mm", values, months(2001, 36)), tmp_path / "p2.nc"), "precipitation")
    fill = np.where(np.isfinite(values), values, -9999)
    with pytest.raises(InputError, match=r"for 2002-06, though.*undeclared fill value -9999"):
        value(saved(series("mm", fill, months(2001, 36)), tmp_path / "f.nc"), "precipitation")
    climatology = series("mm", values[12:24]).drop_vars("time").rename(time="month")
    with pytest.raises(InputError, match="for 6, though for other times; give a file that has them"):
        value(saved(climatology, tmp_path / "c.nc"), "precipitation")


@pytest.mark.parametrize("day", [1, 2, 183, 365])
def test_annual_series(tmp_path: Path, day: int) -> None:
    """Years by stamps at their start, middle and end; 2004 counts a day more."""
    dates = [
        cftime.datetime(year, 1, 1)
        + (cftime.datetime(2001, 1, 1) - cftime.datetime(2000, 12, 31)) * (day - 1)
        for year in (2003, 2004, 2005)
    ]
    path = saved(series("K", [270, 271, 275], dates), tmp_path / "t.nc")
    assert value(path, "temperature") == pytest.approx(
        np.average([270, 271, 275], weights=[365, 366, 365]) - 273.15
    )
    assert value(path, "temperature", period=(2004, 2004)) == pytest.approx(-2.15)
    with pytest.raises(InputError, match="lacks 1 years of 2005 to 2006, first 2006"):
        value(path, "temperature", period=(2005, 2006))
    gap = saved(
        series("K", [270, 271, 272], [dates[0], dates[1], cftime.datetime(2006, 7, 1)]), tmp_path / "gap.nc"
    )
    with pytest.raises(InputError, match="gap in 2005: 2005 is missing"):
        value(gap, "temperature")


@pytest.mark.parametrize("per_day", [1, 4])
@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_days_and_parts_of_days(tmp_path: Path, calendar: str, per_day: int) -> None:
    """A day's temperature is its month; mm of each step sum up; an incomplete year at the end is left out."""
    start = cftime.datetime(2003, 1, 1, calendar=calendar)
    day = cftime.datetime(2003, 1, 2, calendar=calendar) - start
    count = {"standard": 731, "noleap": 730, "360_day": 720}[calendar] + 20
    dates = [start + day / per_day * k for k in range(count * per_day)]
    small = {"longitude": [86.0, 87, 88], "latitude": [30.0, 31, 32]}
    path = saved(series("degC", None, dates, **small), tmp_path / "t.nc")
    found = field(path, "temperature")
    assert found.period == (2003, 2004)
    kept = [d.month for d in dates if d.year < 2005]
    assert value(path, "temperature") == pytest.approx(np.mean(kept))
    sums = saved(series("mm", np.full(len(dates), 0.5), dates, **small), tmp_path / "p.nc")
    assert value(sums, "precipitation") == pytest.approx(0.5 * len(kept) / 2)


@pytest.mark.parametrize(
    ("per_day", "resets", "noise"), [(24, 1, 1e-3), (8, 2, 0.0), (4, 1, 0.0), (8, 0, 0.0), (4, 0, 0.0)]
)
def test_running_totals(tmp_path: Path, per_day: int, resets: int, noise: float) -> None:
    """Showers at any time of some days, as amounts of each step, and as they count on from midnight or noon.

    Their sum over the year is known; running totals, whose sum is larger, are refused.
    """
    generator = np.random.default_rng(5)
    showers = generator.exponential(1.0, (365 * per_day, 3, 3)) * (
        generator.random((365 * per_day, 3, 3)) < 0.1
    )
    amounts = showers
    if resets:
        amounts = showers.reshape(-1, per_day // resets, 3, 3).cumsum(axis=1).reshape(showers.shape)
        amounts = amounts + noise * generator.random(amounts.shape)
    hour = cftime.datetime(2001, 1, 1, 1) - cftime.datetime(2001, 1, 1)
    dates = [cftime.datetime(2001, 1, 1) + hour * (24 // per_day) * k for k in range(len(amounts))]
    small = {"longitude": [86.0, 87, 88], "latitude": [30.0, 31, 32]}
    path = saved(series("mm", amounts, dates, **small), tmp_path / "p.nc")
    if not resets:
        assert value(path, "precipitation") == pytest.approx(showers[:, 1, 1].sum())
        return
    times = {1: "00:00 only", 2: "00:00 and 12:00 only"}[resets]
    with pytest.raises(InputError, match=f"contains running totals: .* fall back at {times}, .* ERA5-Land"):
        value(path, "precipitation")


def test_showers_that_end_at_one_time_of_the_day_are_no_running_totals(tmp_path: Path) -> None:
    """Rain from 12 to 18 h on every day, and rain that never changes."""
    start = cftime.datetime(2001, 1, 1)
    dates = [start + (cftime.datetime(2001, 1, 1, 6) - start) * k for k in range(1460)]
    small = {"longitude": [86.0, 87, 88], "latitude": [30.0, 31, 32]}
    for name, amounts in {"a": np.tile([0.0, 0, 1, 0], 365), "b": np.full(1460, 0.25)}.items():
        path = saved(series("mm", amounts, dates, **small), tmp_path / f"{name}.nc")
        assert value(path, "precipitation") == pytest.approx(365)


def test_a_day_is_missing(tmp_path: Path) -> None:
    start = cftime.datetime(2001, 1, 1)
    day = cftime.datetime(2001, 1, 2) - start
    dates = [start + day * k for k in range(1095)]
    small = {"longitude": [86.0, 87, 88], "latitude": [30.0, 31, 32]}
    holed = series("degC", None, [d for k, d in enumerate(dates) if k != 500], **small)
    with pytest.raises(
        InputError,
        match=r"does not cover all of 2002: 2002-05-16 is missing; it contains 2001-01-01 to 2003-12-31. "
        r"Choose complete years with --maat-period, for example 2001-2001",
    ):
        value(saved(holed, tmp_path / "t.nc"), "temperature")
    twice = series("degC", None, sorted([*dates, dates[3]]), **small)
    with pytest.raises(InputError, match="more than one value for 2001-01-04"):
        value(saved(twice, tmp_path / "u.nc"), "temperature")


@pytest.mark.parametrize("how", ["month", "numbers", "bounds", "climatology"])
def test_months_of_a_mean_year(tmp_path: Path, how: str) -> None:
    """An axis without coordinate, one numbered 1 to 12, bounds over all years, and CF's climatology."""
    expected = np.average(MONTHLY, weights=MONTH_DAYS)
    ends = [cftime.datetime(2010 + k // 12, k % 12 + 1, 1) for k in range(1, 13)]
    data = series(
        "degC", None, months(1995, 12, day=16), bounds=list(zip(months(1981, 12), ends, strict=True))
    )
    if how == "month":
        data = data.drop_vars(["time", "time_bnds"]).rename(time="month")
    elif how == "numbers":
        data = data.drop_vars("time_bnds").assign_coords(time=np.arange(1, 13))
    elif how == "climatology":
        data = data.rename(time_bnds="climatology_bnds")
        data["time"].attrs = {**data["time"].attrs, "climatology": "climatology_bnds"}
        del data["time"].attrs["bounds"]
    path = saved(data, tmp_path / "t.nc")
    found = field(path, "temperature")
    assert found.raster.values[0, 0] == pytest.approx(expected)
    assert found.period == ((1981, 2010) if how in ("bounds", "climatology") else None)
    with pytest.raises(OptionError, match=r"period 2001-2002 cannot be taken.*leave out --maat-period"):
        value(path, "temperature", period=(2001, 2002))
    short = saved(data.isel({"month" if how == "month" else "time": slice(0, 11)}), tmp_path / "short.nc")
    with pytest.raises(InputError, match=r"short.nc"):
        value(short, "temperature")


@pytest.mark.parametrize("numbers", [None, range(1, 13)])
def test_twelve_years_are_no_months(tmp_path: Path, numbers: range | None) -> None:
    data = series("mm", np.full(12, 500.0)).drop_vars("time").rename(time="year")
    if numbers is not None:
        data = data.assign_coords(year=list(numbers))
    with pytest.raises(InputError, match=r"axis year of .* (without dates|cannot be read as dates)"):
        value(saved(data, tmp_path / "p.nc"), "precipitation")


def test_one_mean_of_thirty_years(tmp_path: Path) -> None:
    edges = [[cftime.datetime(1981, 1, 1), cftime.datetime(2011, 1, 1)]]
    data = series("mm/day", [1.0], [cftime.datetime(1996, 1, 1)], bounds=edges)
    path = saved(data, tmp_path / "p.nc")
    found = field(path, "precipitation", period=(1981, 2010))
    assert found.period == (1981, 2010)
    assert found.raster.values[0, 0] == pytest.approx((30 * 365 + 7) / 30)
    data["v"].attrs |= {"units": "mm", "cell_methods": "time: sum"}
    with pytest.raises(InputError, match="sums over several years"):
        value(saved(data, tmp_path / "q.nc"), "precipitation")


def test_one_time_alone(tmp_path: Path) -> None:
    path = saved(series("degC", [1.0], [cftime.datetime(2001, 7, 1)]), tmp_path / "t.nc")
    with pytest.raises(InputError, match=r"t.nc has one time, 2001-07-01, without time_bnds"):
        value(path, "temperature")


def test_other_steps(tmp_path: Path) -> None:
    for gap, found in ((90, "90 days apart; give hours"), (5, "5 days apart; .*or add time_bnds")):
        day = cftime.datetime(2001, 1, 2) - cftime.datetime(2001, 1, 1)
        dates = [cftime.datetime(2001, 1, 1) + day * gap * k for k in range(4)]
        with pytest.raises(InputError, match=found):
            value(saved(series("degC", None, dates), tmp_path / f"{gap}.nc"), "temperature")


@pytest.mark.parametrize(
    ("numbers", "attributes"),
    [
        (np.arange(12.0) + 12, {"units": "months since 2000-01-01"}),
        (np.arange(12) + 0.5, {"units": "months since 2001-01-01", "calendar": "gregorian"}),
        (200101 + np.arange(12), {"standard_name": "time"}),
        (20010101 + 100 * np.arange(12), {"units": "day as %Y%m%d.%f"}),
        ((np.arange(12) + 0.5) / 12, {"units": "years since 2001-01-01"}),
        (np.arange(12) * 30 + 15, {"units": "days since 2001-01-01", "calendar": "360_day"}),
        (np.cumsum(DAYS_2001) - 15, {"units": "Days Since 2001-01-01".lower(), "calendar": "STANDARD"}),
    ],
)
def test_dates_as_files_write_them(tmp_path: Path, numbers: np.ndarray, attributes: dict) -> None:
    data = series("degC")
    data["time"] = ("time", numbers, attributes)
    found = field(saved(data, tmp_path / "t.nc"), "temperature")
    assert found.period == (2001, 2001)
    month = 30 if attributes.get("calendar") == "360_day" else 0
    assert found.raster.values[0, 0] == pytest.approx(mean_of_months(28, month))


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"units": "days since the flood"}, "unit 'days since the flood'"),
        ({"units": "days since 2001-01-01", "calendar": "mayan"}, "calendar 'mayan'"),
        ({"units": "fortnights"}, "cannot be read as dates"),
    ],
)
def test_dates_that_cannot_be_read(tmp_path: Path, attributes: dict, found: str) -> None:
    data = series("degC")
    data["time"].attrs = attributes
    with pytest.raises(InputError, match=f"time axis time of .*t.nc.*{found}"):
        value(saved(data, tmp_path / "t.nc"), "temperature")
    with pytest.raises(InputError, match=r"axis time of .* has 11 steps without dates"):
        value(
            saved(series("degC").isel(time=slice(0, 11)).drop_vars("time"), tmp_path / "u.nc"), "temperature"
        )


def test_pieces_of_a_series(tmp_path: Path) -> None:
    """One file a month, as FLDAS and IMERG come; other variables beside them."""
    (tmp_path / "pieces").mkdir()
    whole = series("K", MONTHLY + 270).transpose("time", "lon", "lat")
    for month in range(12):
        piece = whole.isel(time=[month]).copy()
        piece["time"] = ("time", [month], {"units": "months since 2001-01-15"})
        saved(piece, tmp_path / "pieces" / f"m{month:02d}.nc")
    assert value(tmp_path / "pieces", "temperature") == pytest.approx(mean_of_months(28) - 3.15)
    saved(series("mm", name="rain"), tmp_path / "pieces" / "rain.nc")
    found = field(tmp_path / "pieces", "temperature", variable="v")
    assert found.notes == ("1 files without the variable v are left out.",)
    assert len(found.files) == 12
    with pytest.raises(OptionError, match=r"has no variable 'w'; it has v: choose one with --maat-variable"):
        value(tmp_path / "pieces", "temperature", variable="w")


def test_a_folder_of_two_variables(tmp_path: Path) -> None:
    """One of them is the quantity: taken, and said. Both are: asked."""
    saved(series("degC", name="tas"), tmp_path / "tas.nc")
    saved(series("mm", name="pr"), tmp_path / "pr.nc")
    found = field(tmp_path, "temperature")
    assert found.raster.values[0, 0] == pytest.approx(mean_of_months(28))
    assert found.notes == ("Of the variables pr, tas of 2 files, tas is taken, the only temperature.",)
    saved(series("degC", name="tasmax"), tmp_path / "tasmax.nc")
    with pytest.raises(
        OptionError, match="have the variables pr, tas, tasmax; choose one with --maat-variable"
    ):
        field(tmp_path, "temperature")
    assert value(tmp_path, "temperature", variable="tas") == pytest.approx(mean_of_months(28))


def test_pieces_that_do_not_agree(tmp_path: Path) -> None:
    first = saved(series("degC"), tmp_path / "a.nc")

    def check(found: str, data: xr.Dataset) -> None:
        with pytest.raises(InputError, match=found):
            value([first, saved(data, tmp_path / "b.nc")], "temperature")

    check("b.nc has the unit 'K' but .*a.nc has 'degC'", series("K", MONTHLY + 270, months(2002, 12)))
    check("b.nc lies on another grid", series("degC", None, months(2002, 12), longitude=np.arange(80.5, 95)))
    check("b.nc has the calendar noleap but", series("degC", None, months(2002, 12, "noleap")))
    check("b.nc has no time axis, so it is no part", series("degC").isel(time=0, drop=True))
    check("contains the months of a mean year", series("degC").drop_vars("time").rename(time="month"))


def test_final_and_preliminary_values_of_era5(tmp_path: Path) -> None:
    """An axis on which either place has the values of some months."""
    values = np.full((12, 2, 12, 15), np.nan)
    values[:9, 0], values[9:, 1] = 1.0, 2.0
    data = series("mm").drop_vars("v")
    data["v"] = (("time", "expver", "lat", "lon"), values, {"units": "mm"})
    assert value(saved(data, tmp_path / "p.nc"), "precipitation") == 9 + 6


def test_wrf_times(tmp_path: Path) -> None:
    """Dates as texts, without a coordinate."""
    data = series("degC").rename(time="Time").drop_vars("Time")
    stamps = np.array([f"2001-{m:02d}-15_00:00:00" for m in range(1, 13)], "S19")
    data["Times"] = ("Time", stamps)
    path = saved(data, tmp_path / "t.nc", encoding={"Times": {"dtype": "S1"}})
    assert field(path, "temperature", BOUNDS).period == (2001, 2001)
    assert value(path, "temperature") == pytest.approx(mean_of_months(28))


@pytest.mark.parametrize("calendar", ["none", "mayan"])
def test_a_calendar_without_dates_is_named(tmp_path: Path, calendar: str) -> None:
    """CF's "none" has no years, so nothing annual can be computed."""
    data = series("degC")
    data["time"].attrs["calendar"] = calendar
    with pytest.raises(InputError, match=f"calendar '{calendar}'.* a calendar of CF"):
        value(saved(data, tmp_path / "t.nc"), "temperature")


def test_years_that_are_left_out_are_told(tmp_path: Path) -> None:
    """A lost month takes its year with it."""
    data = series("degC", dates=months(2001, 36)).isel(time=[k for k in range(36) if k != 5])
    path = saved(data, tmp_path / "t.nc")
    assert any(
        "2002 to 2003 are taken; incomplete: 2001." in note for note in field(path, "temperature").notes
    )
    chosen = field(path, "temperature", period=(2002, 2002))
    assert not any("incomplete" in note for note in chosen.notes)
