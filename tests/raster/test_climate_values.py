"""Values that cannot be: fill values wherever they lie, valid ranges, wrong units; what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from climates import MONTHLY, field, months, saved, series, value

from rogi.errors import InputError, OptionError
from rogi.raster.climate.options import ClimateOptions, Request
from rogi.raster.climate.screen import Screen, annual_limits, annual_values, limits, valid_range
from rogi.raster.climate.units import Conversion, Per, Quantity
from rogi.raster.guard import network

FILLS = [-9999.0, -999.0, -99.9, 1e20, 9.969209968386869e36, -3.4028234663852886e38, -32768.0, 1e30, 9999.0]
SMALL = {"longitude": np.arange(84.0, 91), "latitude": np.arange(28.0, 35)}


@pytest.mark.parametrize("unit", ["degC", "K", "mm", "mm/day"])
@pytest.mark.parametrize("fill", FILLS)
def test_undeclared_fills(tmp_path: Path, fill: float, unit: str) -> None:
    """Under the unit, beside it, and under it in one month alone: void, and said; others keep values."""
    quantity = "temperature" if unit in ("degC", "K") else "precipitation"
    good = {"degC": -5.0, "K": 268.15, "mm": 30.0, "mm/day": 1.0}[unit]
    for place in ("under", "beside", "one month"):
        values = np.full((24, 7, 7), good)
        if place == "under":
            values[:, 2:5, 2:5] = fill
        elif place == "beside":
            values[:, 0, 0] = fill
        else:
            values[17, 3, 3] = fill
        data = series(unit, values, months(2001, 24), **SMALL)
        data["v"] = data.v.astype(np.float32)
        path = saved(data, tmp_path / "f.nc")
        found = field(path, quantity)
        assert (
            f"Variable v of f.nc contains the undeclared fill value {np.float32(fill):.7g} ("
            in found.voids[0]
        )
        mean = value(path, quantity)
        if place == "beside":
            assert mean == pytest.approx({"degC": -5, "K": -5, "mm": 360, "mm/day": 365}[unit], abs=1e-3)
        else:
            assert np.isnan(mean)


def test_integers_with_a_scale(tmp_path: Path) -> None:
    """An undeclared -9999 of packed numbers, and -1 of rain."""
    data = series("degC", np.full((12, 7, 7), -5.0), **SMALL)
    data["v"].values[:, 3, 3] = -999.9
    path = saved(data, tmp_path / "t.nc", encoding={"v": {"dtype": "i2", "scale_factor": 0.1}})
    assert "fill value -999.9" in field(path, "temperature").voids[0]
    assert np.isnan(value(path, "temperature"))
    rain = np.full((12, 7, 7), 5.0)
    rain[:, 3, 3] = -1
    assert np.isnan(value(saved(series("mm", rain, **SMALL), tmp_path / "p.nc"), "precipitation"))


@pytest.mark.parametrize("attribute", ["_FillValue", "missing_value"])
def test_declared_fills(tmp_path: Path, attribute: str) -> None:
    """A declared number is missing without a word, whatever it is."""
    data = series("degC", np.full((12, 7, 7), -5.0), **SMALL)
    data["v"].values[:, 3, 3] = 7.0
    data["v"].attrs[attribute] = 7.0
    found = field(saved(data.assign(v=data.v), tmp_path / "t.nc"), "temperature")
    assert found.voids == ()
    assert np.isnan(found.raster.values[3, 3])
    assert found.raster.values[2, 3] == pytest.approx(-5)


@pytest.mark.parametrize(
    ("attributes", "void"),
    [
        ({"valid_range": [-50.0, 50.0]}, True),
        ({"valid_min": -50.0}, True),
        ({"valid_max": 50.0}, False),
        ({"valid_min": -200.0, "valid_max": 200.0}, False),
        ({"valid_range": "all"}, False),
    ],
)
def test_valid_ranges(tmp_path: Path, attributes: dict[str, Any], void: bool) -> None:
    """A number that could be, but that the file calls invalid."""
    data = series("degC", np.full((12, 7, 7), -5.0), **SMALL, **attributes)
    data["v"].values[:, 3, 3] = -60.0
    assert np.isnan(value(saved(data, tmp_path / "t.nc"), "temperature")) == void


def test_valid_ranges_of_packed_numbers() -> None:
    """In packed numbers where they have their type (CF 1.11, 2.5.1), else as they are."""
    encoding = {"dtype": np.dtype("i2"), "scale_factor": 0.1, "add_offset": 10.0}
    assert valid_range({"valid_range": np.array([-500, 500], "i2")}, encoding) == pytest.approx(
        (-40.05, 60.05)
    )
    assert valid_range({"valid_range": np.array([-500.0, 500.0])}, encoding) == pytest.approx(
        (-500.05, 500.05)
    )
    assert valid_range({"valid_min": np.int16(3)}, {"dtype": np.dtype("i2")}) == (3, np.inf)
    assert valid_range({"valid_max": 3.0, "valid_range": [0.0, 9.0]}, {}) == (0, 3)
    negative = {"dtype": np.dtype("i2"), "scale_factor": -0.1}
    assert valid_range({"valid_range": np.array([-500, 100], "i2")}, negative) == pytest.approx(
        (-10.05, 50.05)
    )


def test_a_valid_range_that_lies(tmp_path: Path) -> None:
    data = series("K", np.full(12, 268.0), valid_range=[-90.0, 60.0], **SMALL)
    with pytest.raises(
        InputError, match=r"Variable v of .*t.nc declares valid values of -90 to 60, and none"
    ):
        value(saved(data, tmp_path / "t.nc"), "temperature")


SEASONS = 9.0 - 14.0 * np.cos(2 * np.pi * (MONTHLY - 1) / 12)
"""°C: -5 to 23; in tenths -50 to 230."""


@pytest.mark.parametrize(
    ("unit", "values", "looks"),
    [
        ("K", SEASONS, "degC"),
        ("K", np.full(12, -13.15), "degC"),
        ("degC", SEASONS + 273.15, "K"),
        ("degC", 10 * SEASONS - 150, "0.1 degC"),
        ("degC", 10 * (SEASONS + 273.15), "0.1 K"),
        ("K", 10 * (SEASONS + 273.15), "0.1 K"),
        ("K", 10 * SEASONS, "0.1 degC"),
        ("0.1 degC", SEASONS + 2731.5, "0.1 K"),
        ("degC", 100 * (SEASONS + 273.15), "0.01 K"),
    ],
)
def test_temperatures_in_another_unit(tmp_path: Path, unit: str, values: np.ndarray, looks: str) -> None:
    path = saved(series(unit, values, **SMALL), tmp_path / "t.nc")
    with pytest.raises(
        InputError,
        match=rf"Variable v of .*t.nc .* in the unit '{unit}': .*, which looks like {looks}. Name the true "
        "unit with --maat-unit",
    ):
        value(path, "temperature")
    assert -60 < value(path, "temperature", unit=looks) < 35


@pytest.mark.parametrize(
    ("unit", "amount", "looks"),
    [
        ("mm/day", 60.0, "mm/month"),
        ("kg m-2 s-1", 60.0, "mm/month"),
        ("m/month", 60.0, "mm/month"),
        ("mm/h", 60.0, "mm/month"),
    ],
)
def test_too_much_rain(tmp_path: Path, unit: str, amount: float, looks: str) -> None:
    """60 mm a month, read as something else."""
    path = saved(series(unit, np.full(12, amount), **SMALL), tmp_path / "p.nc")
    with pytest.raises(InputError, match=rf"in the unit '{unit}': .* looks like {looks}. .*--ap-unit"):
        value(path, "precipitation")


@pytest.mark.parametrize(("unit", "amount", "looks"), [("mm", 1.0, "mm/day"), ("mm", 2e-5, "kg m-2 s-1")])
def test_too_little_rain_is_told(tmp_path: Path, unit: str, amount: float, looks: str) -> None:
    """The driest deserts have as little, so it is no error."""
    found = field(saved(series(unit, np.full(12, amount), **SMALL), tmp_path / "p.nc"), "precipitation")
    assert found.notes[-1] == (
        f"Variable v of p.nc gives at most {12 * amount:.3g} mm a year around the units in the unit 'mm', "
        f"which looks like {looks}; check --ap-unit."
    )
    assert found.raster.values[3, 3] == pytest.approx(12 * amount)


def test_nothing_but_a_fill(tmp_path: Path) -> None:
    path = saved(series("K", np.full(12, -9999.0), **SMALL), tmp_path / "t.nc")
    with pytest.raises(
        InputError, match=r"t.nc contains only -9999 around the units, an undeclared fill value"
    ):
        value(path, "temperature")


def test_few_values_that_cannot_be(tmp_path: Path) -> None:
    """Spikes of any size, not one number: taken out and told, the others stay."""
    values = np.full((120, 7, 7), -5.0)
    values[range(10), 0, range(6, -4, -1)] = -np.arange(150.0, 160.0)
    found = field(saved(series("degC", values, months(2001, 120), **SMALL), tmp_path / "t.nc"), "temperature")
    assert found.voids[0] == (
        "Variable v of t.nc contains values that cannot be (10 of 5880 values around the units): taken as "
        "missing."
    )
    assert found.raster.values[3, 3] == pytest.approx(-5)


def test_annual_values_that_cannot_be() -> None:
    """By the schema's limits; rounding noise below no rain is no rain."""
    assert annual_limits(Quantity.TEMPERATURE) == (-60, 35)
    assert annual_limits(Quantity.PRECIPITATION) == (0, 13000)
    warm = annual_values(np.array([-61.0, -60, 35, 35.1, np.nan]), Quantity.TEMPERATURE)
    np.testing.assert_array_equal(warm, [np.nan, -60, 35, np.nan, np.nan])
    wet = annual_values(np.array([-1.5, -1e-9, 0, 13000, 13001]), Quantity.PRECIPITATION)
    np.testing.assert_array_equal(wet, [np.nan, 0, 0, 13000, np.nan])


def test_most_annual_values_cannot_be(tmp_path: Path) -> None:
    path = saved(series("degC", np.full(12, 40.0), **SMALL), tmp_path / "t.nc")
    with pytest.raises(
        InputError, match=r"t.nc gives 40 °C around the units in the unit 'degC'.* looks like 0.1 degC"
    ):
        value(path, "temperature")


@pytest.mark.parametrize(
    ("days", "most"),
    [(365.0, 75), (360.0, 75), (31.0, 320), (28.0, 320), (5.0, 2000), (1.0, 2000), (0.25, 10000)],
)
def test_limits_of_rain(days: float, most: float) -> None:
    assert limits(Quantity.PRECIPITATION, days) == (-0.5, most)
    assert limits(Quantity.TEMPERATURE, days) == (-98.6, 70)


def test_edges_of_what_can_be() -> None:
    screen = Screen(Request(Quantity.TEMPERATURE, (0, 0, 1, 1), ClimateOptions()), "x", "degC")
    found = screen.clean(np.array([-98.7, -98.6, 70.0, 70.1, np.nan, 1e6]), Conversion(1.0), 30.0)
    np.testing.assert_array_equal(found, [np.nan, -98.6, 70, np.nan, np.nan, np.nan])
    assert (screen.good, screen.bad) == (2, 3)
    rain = Screen(Request(Quantity.PRECIPITATION, (0, 0, 1, 1), ClimateOptions()), "x", "mm/day")
    found = rain.clean(np.array([-0.5, -0.51, 0.0, 320.0, 321.0]), Conversion(1.0, 0.0, Per.DAY), 31.0)
    np.testing.assert_array_equal(found, [-15.5, np.nan, 0, 320 * 31, np.nan])


def test_variables(tmp_path: Path) -> None:
    """The only one of the quantity is taken, and said; of several one must be chosen."""
    both = (
        series("degC", name="temp")
        .merge(series("mm", name="prcp"))
        .merge(series("m", name="hgt").isel(time=0, drop=True))
    )
    path = saved(both, tmp_path / "b.nc")
    found = field(path, "temperature")
    assert found.variable == "temp"
    assert found.notes == ("Of the variables temp, prcp, hgt of b.nc, temp is taken, the only temperature.",)
    assert value(path, "precipitation") == 78
    assert value(path, "precipitation", variable="PRCP") == 78
    two = saved(series("degC", name="tmin").merge(series("K", MONTHLY + 280, name="tmax")), tmp_path / "c.nc")
    with pytest.raises(
        OptionError,
        match=r"c.nc has the variables tmin \(degC\), tmax \(K\); choose one with --maat-variable",
    ):
        value(two, "temperature")
    with pytest.raises(
        OptionError, match="no variable 'rain'; it has temp, prcp, hgt: choose one with --ap-variable"
    ):
        value(path, "precipitation", variable="rain")
    with pytest.raises(InputError, match=r"d.nc contains no field on a grid"):
        value(saved(xr.Dataset({"a": ("x", np.ones(3))}), tmp_path / "d.nc"), "temperature")


def test_variables_that_describe_others(tmp_path: Path) -> None:
    """Bounds, longitudes and latitudes of cells are no fields."""
    data = series("degC")
    data["lat_bnds"] = (("lat", "nv"), np.ones((12, 2)))
    data["edges"] = (("lat", "nv"), np.ones((12, 2)))
    data["lat"].attrs["bounds"] = "edges"
    data["area_lon"] = (("lat", "lon"), np.ones((12, 15)), {"units": "degrees_east"})
    assert field(saved(data, tmp_path / "t.nc"), "temperature").variable == "v"


def test_fields_without_time(tmp_path: Path) -> None:
    day = saved(series("mm/day").isel(time=0, drop=True), tmp_path / "p.nc")
    assert value(day, "precipitation") == pytest.approx(365.2425)
    assert value(
        saved(series("K", MONTHLY + 270).isel(time=0, drop=True), tmp_path / "t.nc"), "temperature"
    ) == (pytest.approx(-2.15))
    with pytest.raises(InputError, match=r"amount per month without months.*--ap-unit, for example mm/year"):
        value(saved(series("mm/month").isel(time=0, drop=True), tmp_path / "m.nc"), "precipitation")
    with pytest.raises(OptionError, match="does not say of which years it is, so the period 2001-2002"):
        value(day, "precipitation", period=(2001, 2002))
    mean = saved(
        series("m", cell_methods="time: mean", GRIB_paramId=228).isel(time=0, drop=True), tmp_path / "e.nc"
    )
    with pytest.raises(InputError, match="from ECMWF and an amount per hour, day or year"):
        value(mean, "precipitation")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bad.nc").write_text("nothing")
    with pytest.raises(InputError, match=r"bad.nc cannot be opened as NetCDF"):
        value(tmp_path / "bad.nc", "temperature")
    with pytest.raises(InputError, match="There is no climate data"):
        value(tmp_path / "none.nc", "temperature")
    with pytest.raises(InputError, match="No climate data was given"):
        value([], "temperature")
    (tmp_path / "e.grib").write_bytes(b"GRIB")
    with pytest.raises(InputError, match=r"e.grib cannot be read as climate data; convert it"):
        value(tmp_path / "e.grib", "temperature")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"folder .*empty contains no NetCDF"):
        value(tmp_path / "empty", "temperature")
    whole = saved(series("degC", **SMALL), tmp_path / "whole.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut.nc cannot be"):
        value(tmp_path / "cut.nc", "temperature")


@pytest.mark.parametrize(("unit", "quantity"), [("", "temperature"), ("furlong", "precipitation")])
def test_unknown_units(tmp_path: Path, unit: str, quantity: str) -> None:
    path = saved(series(unit, **SMALL), tmp_path / "u.nc")
    with pytest.raises(InputError, match=r"Variable v of .*u.nc has .*unit"):
        value(path, quantity)
    assert value(path, "temperature", unit="degC") == pytest.approx(6.526, abs=1e-3)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "it is empty"), (None, "it is damaged or cut off"), (b"<html>", "a file of another kind")],
)
def test_a_file_that_cannot_be_opened_is_described(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = saved(series("degC"), tmp_path / "t.nc")
    path.write_bytes(path.read_bytes()[:2000] if content is None else content)
    with pytest.raises(InputError, match=f"cannot be opened as NetCDF or Zarr: {said}|: .*{said}"):
        value(path, "temperature")


def test_more_rain_than_nearly_anywhere_needs_its_unit_said(tmp_path: Path) -> None:
    """Monthly sums in m that their file calls accumulations of ECMWF: 0.03 m a month, or 0.03 m a day."""
    data = series("m", np.full((12, 7, 7), 0.03), **SMALL)
    data["v"].attrs["GRIB_stepType"] = "accum"
    data.attrs["history"] = "GRIB to CDM by ECMWF"
    path = saved(data, tmp_path / "p.nc")
    with pytest.raises(
        InputError, match=r"gives 1\.095e\+04 mm a year .* few places have.*m/month.*--ap-unit"
    ):
        field(path, "precipitation")
    assert value(path, "precipitation", unit="m/month") == pytest.approx(360.0)
    assert value(path, "precipitation", unit="m/day") == pytest.approx(10950.0)


@pytest.mark.parametrize("place", ["https://example.org/t2m.nc", "s3://bucket/era5.zarr"])
def test_only_images_are_read_from_addresses(place: str) -> None:
    with network(), pytest.raises(InputError, match="is an address; of climate data only GeoTIFFs are read"):
        field(Path(place), "temperature")
