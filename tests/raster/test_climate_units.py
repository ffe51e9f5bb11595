"""Units as files spell them, and what numbers are over time: oracles are UDUNITS' definitions by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from climates import DAYS_2001, MONTHLY, field, months, saved, series, value

from rogi.errors import InputError
from rogi.raster.climate.methods import Method, time_methods
from rogi.raster.climate.units import YEAR_DAYS, Conversion, Per, Quantity, parse_unit

CELSIUS, KELVIN = Conversion(1.0), Conversion(1.0, -273.15)
TENTHS, TENTHS_K = Conversion(0.1), Conversion(0.1, -273.15)


@pytest.mark.parametrize(
    ("expected", "texts"),
    [
        (
            CELSIUS,
            [
                "℃",
                "°C",
                "degC",
                "deg_C",
                "deg C",
                "deg. C",
                "Celsius",
                "C",
                "degrees Celsius",
                "degree_C",
                "oC",
                "Degrees_Celsius",
                "º C",
                "Â°C",
                "\ufffdC",
                "\udcb0C",
                "celsius degrees",
                "celcius",
                "(°C)",
            ],
        ),
        (KELVIN, ["K", "Kelvin", "kelvins", "degK", "deg K", "degrees K", "°K", "[K]", "\u212a"]),
        (
            TENTHS,
            [
                "0.1 degC",
                "0.1degC",
                "degC*0.1",
                "°C x 10",
                "degC (x10)",
                "1/10 degC",
                "tenths of degC",
                "degC/10",
            ],
        ),
        (TENTHS_K, ["0.1 K", "K*10", "K/10", "K × 10", "1e-1 K", "0.1K"]),
        (Conversion(0.01, -273.15), ["0.01 K", "K*100", "hundredths of a kelvin"]),
        (Conversion(5 / 9, -160 / 9), ["degF", "°F", "Fahrenheit", "℉"]),
    ],
)
def test_temperatures(expected: Conversion, texts: list[str]) -> None:
    for text in texts:
        assert parse_unit(text, Quantity.TEMPERATURE, "x") == expected, text


@pytest.mark.parametrize(
    ("factor", "per", "texts"),
    [
        (
            1.0,
            Per.STEP,
            [
                "mm",
                "Millimetres",
                "millimeters",
                "kg m-2",
                "kg/m2",
                "kg.m-2",
                "kg m^-2",
                "l m-2",
                "L/m2",
                "mm w.e.",
                "mm of water",
                "mm H2O",
                "litres per square metre",
                "(mm)",
                "1e-3 m",
            ],
        ),
        (
            1.0,
            Per.SECOND,
            [
                "kg m-2 s-1",
                "kg.m-2.s-1",
                "kg m**-2 s**-1",
                "kg m⁻² s⁻¹",
                "kg/m2/s",
                "kg/(m^2 s)",
                "mm/s",
                "kg m-2s-1",
                "kg·m-2·s-1",
            ],
        ),
        (1000.0, Per.SECOND, ["m s-1", "m/s", "m s**-1"]),
        (1.0, Per.DAY, ["mm/day", "mm d-1", "mm day^-1", "mm per day", "[mm/day]", "kg m-2 day-1"]),
        (1.0, Per.MONTH, ["mm/month", "mm month-1", "mm mon-1", "mm/mo", "kg m-2 month-1", "kg m-2 / month"]),
        (1.0, Per.YEAR, ["mm/year", "mm a-1", "mm yr-1", "mm/annum"]),
        (1.0, Per.HOUR, ["mm/h", "mm hr-1"]),
        (1 / 3, Per.HOUR, ["mm/3h", "mm 3h-1", "mm per 3 hours"]),
        (0.1, Per.STEP, ["0.1mm", "0.1 mm", "mm*10", "mm/10"]),
        (0.1, Per.MONTH, ["0.1 mm/month", "mm/month/10"]),
        (10.0, Per.STEP, ["cm"]),
        (25.4, Per.STEP, ["in", "inches"]),
        (25.4, Per.MONTH, ["in/month"]),
        (1000.0, Per.STEP, ["m", "metres", "m of water equivalent"]),
        (1000.0, Per.DAY, ["m/day", "m day**-1", "m of water equivalent per day"]),
        (1e-3, Per.DAY, ["g m-2 day-1"]),
    ],
)
def test_precipitation(factor: float, per: Per, texts: list[str]) -> None:
    for text in texts:
        found = parse_unit(text, Quantity.PRECIPITATION, "x")
        assert (found.factor, found.offset, found.per) == (pytest.approx(factor), 0.0, per), text


@pytest.mark.parametrize(
    ("quantity", "texts"),
    [
        ("temperature", ["mm", "deg", "degrees", "1", "furlong", "W m-2", "days"]),
        (
            "precipitation",
            [
                "K",
                "m2",
                "mm mm",
                "mm s-1 s-1",
                "kg",
                "mm-1",
                "mm/0h",
                "mm 3",
                "kg m-2 s-2",
                "kg s-1",
                "%",
                "mm s",
                "kg kg m-2",
                "h-1",
            ],
        ),
    ],
)
def test_no_units(quantity: str, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(InputError, match=r"x has the unit .*no known unit of .*--ap-unit, one of"):
            parse_unit(text, Quantity(quantity), "x", "--ap-unit")
    with pytest.raises(InputError, match=r"x has no unit; name it with --ap-unit"):
        parse_unit(" ", Quantity(quantity), "x", "--ap-unit")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("time: mean", ["mean"]),
        ("area: mean time: sum within days time: mean over days", ["sum", "mean"]),
        ("area: time: mean", ["mean"]),
        ("time:sum", ["sum"]),
        ("lat: lon: mean", []),
        ("time: mean (interval: 20 minutes) lat: lon: mean", ["mean"]),
        ("time: maximum within days time: mean over days", ["maximum", "mean"]),
        ("", []),
        ("mean", []),
    ],
)
def test_cell_methods(text: str, names: list[str]) -> None:
    assert [method.name for method in time_methods(text)] == names


def test_spans_of_cell_methods() -> None:
    assert time_methods("time: sum within days time: mean over days (interval: 1 month)") == (
        Method("sum", Per.DAY),
        Method("mean", None, True, Per.MONTH),
    )


@pytest.mark.parametrize(
    ("unit", "attributes", "of_file", "per_month"),
    [
        # the unit alone
        ("mm", {}, {}, np.ones(12)),
        ("mm/month", {}, {}, np.ones(12)),
        ("0.1 mm", {}, {}, np.full(12, 0.1)),
        ("mm/day", {}, {}, DAYS_2001),
        ("mm/h", {}, {}, DAYS_2001 * 24 / 100),
        ("kg m-2 s-1", {}, {}, DAYS_2001 * 86400 / 1e5),
        ("m/day", {}, {}, DAYS_2001),
        ("mm/year", {}, {}, DAYS_2001 / YEAR_DAYS),
        # cell_methods come before it
        ("m", {"cell_methods": "time: sum"}, {}, np.full(12, 1.0)),
        ("mm/day", {"cell_methods": "time: sum"}, {}, np.ones(12)),
        ("mm", {"cell_methods": "time: sum within days time: mean over days"}, {}, DAYS_2001),
        ("mm", {"cell_methods": "time: mean (interval: 1 day)"}, {}, DAYS_2001),
        ("mm/month", {"cell_methods": "time: sum"}, {}, np.ones(12)),
        ("mm/day", {"cell_methods": "time: mean"}, {}, DAYS_2001),
        ("mm", {"cell_methods": "time: sum within years time: mean over years"}, {}, np.ones(12)),
        # GRIB's kind of step, ECMWF's history; sums are sums there too
        ("m", {"GRIB_stepType": "avgas"}, {}, DAYS_2001),
        ("m", {"GRIB_stepType": "avgad"}, {}, DAYS_2001),
        ("mm", {"GRIB_stepType": "avgas"}, {}, DAYS_2001),
        ("m", {}, {"history": "grib_to_netcdf: /opt/ecmwf/bin"}, DAYS_2001),
        ("m", {}, {"institution": "European Centre, ECMWF"}, DAYS_2001),
        ("m", {"GRIB_paramId": 228}, {}, DAYS_2001),
        ("m", {"cell_methods": "time: sum", "GRIB_paramId": 228}, {"history": "ecmwf"}, np.full(12, 1.0)),
    ],
)
def test_amounts_of_months(
    tmp_path: Path, unit: str, attributes: dict, of_file: dict, per_month: np.ndarray
) -> None:
    """Months of 1 to 12 mm, or that many mm a day: metres, hours and seconds are scaled to that."""
    scale = {"m": 1e-3, "m/day": 1e-3, "mm/h": 0.01, "kg m-2 s-1": 1e-5}.get(unit, 1.0)
    data = series(unit, MONTHLY * scale, **attributes)
    data.attrs = of_file
    expected = (MONTHLY * per_month).sum()
    assert value(saved(data, tmp_path / "p.nc"), "precipitation") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit", "attributes", "found"),
    [
        ("m", {}, "is in m, without"),
        ("mm", {"cell_methods": "time: mean"}, "contains means of amounts by its cell_methods 'time: mean'"),
        ("kg m-2 s-1", {"cell_methods": "time: sum"}, "contains sums of rates"),
        ("mm", {"cell_methods": "time: sum time: mean"}, "contains means of sums"),
        (
            "mm",
            {"cell_methods": "time: sum within years time: sum over years"},
            "contains sums over several years",
        ),
    ],
)
def test_amounts_that_are_not_said(tmp_path: Path, unit: str, attributes: dict, found: str) -> None:
    """The message says what was found and which option helps; with it the sum is right."""
    path = saved(series(unit, MONTHLY / 1000, **attributes), tmp_path / "p.nc")
    with pytest.raises(InputError, match=rf"Variable v of .*p.nc {found}.*per month; say so with --ap-unit"):
        value(path, "precipitation")
    assert value(path, "precipitation", unit="m/day") == pytest.approx((MONTHLY * DAYS_2001).sum())
    assert value(path, "precipitation", unit="m/month") == pytest.approx(78)


def test_temperatures_that_are_no_means(tmp_path: Path) -> None:
    path = saved(series("K", MONTHLY + 270, cell_methods="time: variance"), tmp_path / "t.nc")
    with pytest.raises(InputError, match="contains no means, its cell_methods say 'variance'"):
        value(path, "temperature")
    highest = "time: maximum within days time: mean over days"
    path = saved(series("K", MONTHLY + 270, cell_methods=highest), tmp_path / "x.nc")
    assert field(path, "temperature").notes == (
        "Variable v of x.nc contains maxima by its cell_methods, not mean temperatures.",
    )
    path = saved(series("K", MONTHLY + 270, name="tmmn"), tmp_path / "n.nc")
    assert field(path, "temperature").notes == (
        "Variable tmmn of n.nc contains minima by its name, not mean temperatures.",
    )
    both = "mean of minimum and maximum temperature"
    path = saved(series("K", MONTHLY + 270, long_name=both), tmp_path / "b.nc")
    assert field(path, "temperature").notes == ()


def test_hourly_metres_of_ecmwf_are_asked_about(tmp_path: Path) -> None:
    """ERA5 sums each hour, ERA5-Land from midnight on: the file does not say which it is."""
    import cftime

    hours = [cftime.datetime(2001, 1, 1 + k // 24, k % 24) for k in range(48)]
    data = series("m", np.full(48, 1e-4), hours)
    data.attrs["institution"] = "ECMWF"
    with pytest.raises(InputError, match="does not cover all of 2001"):
        value(saved(data, tmp_path / "h.nc"), "precipitation")


def test_per_step_of_other_lengths() -> None:
    """A month's amount in a year and in a day; a year's in a year."""
    assert Conversion(1.0, 0.0, Per.MONTH).per_step(365.0) == 12
    assert Conversion(1.0, 0.0, Per.MONTH).per_step(1.0) == pytest.approx(12 / YEAR_DAYS)
    assert Conversion(1.0, 0.0, Per.MONTH).per_step(28.0) == 1
    assert Conversion(1.0, 0.0, Per.YEAR).per_step(366.0) == 1
    assert Conversion(2.0, 0.0, Per.YEAR).per_step(1.0) == pytest.approx(2 / YEAR_DAYS)
    assert Conversion(2.0, 0.0, Per.HOUR).per_step(0.25) == 12


def test_years_of_another_unit(tmp_path: Path) -> None:
    years = [months(2001 + k, 1)[0] for k in range(3)]
    for unit, expected in (("mm", 400), ("mm/year", 400), ("mm/month", 4800), ("mm/day", 400 * 365)):
        scale = 0.01 if unit == "mm/day" else 1.0
        path = saved(series(unit, np.full(3, 400.0 * scale), years), tmp_path / "y.nc")
        assert value(path, "precipitation") == pytest.approx(expected * scale), unit


@pytest.mark.parametrize(("unit", "scale"), [("0.1 degC", 0.1), ("K*10", 0.1), ("1/100 K", 0.01)])
def test_a_factor_named_twice_is_asked_about(tmp_path: Path, unit: str, scale: float) -> None:
    """Stored 100 may be 10 or 1 degC; the user's unit decides."""
    data = series(unit, np.full(12, 1.0))
    data["v"].encoding |= {"scale_factor": scale, "dtype": "int16"}
    path = saved(data, tmp_path / "t.nc")
    with pytest.raises(InputError, match="multiplied once or twice is not known; name the unit"):
        value(path, "temperature")
    assert value(path, "temperature", unit="degC") == pytest.approx(1.0)
    assert value(path, "temperature", unit="0.1 degC") == pytest.approx(0.1)


def test_another_factor_is_applied_beside_that_of_the_unit(tmp_path: Path) -> None:
    data = series("0.1 degC", np.full(12, 50.0))
    data["v"].encoding |= {"scale_factor": 0.5, "dtype": "int16"}
    assert value(saved(data, tmp_path / "t.nc"), "temperature") == pytest.approx(5.0)
