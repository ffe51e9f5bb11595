"""Climate fields: months to years by their days, units by name, longitudes either way, errors that help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from affine import Affine

from rogi.attributes.zonal import zonal_statistics
from rogi.errors import InputError, OptionError
from rogi.raster.climate import ClimateOptions, climate_field
from rogi.raster.climate_units import YEAR_DAYS, Conversion, Per, Quantity, parse_unit
from rogi.raster.files import reading
from rogi.raster.grid import Window

WriteRaster = Callable[..., Path]
BOUNDS = (86.0, 30.0, 88.0, 32.0)
DAYS_2001 = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def series(
    unit: str,
    values: np.ndarray | None = None,
    start: str = "2001-01-01",
    months: int = 12,
    longitude: np.ndarray | None = None,
    latitude: np.ndarray | None = None,
    name: str = "v",
) -> xr.Dataset:
    """Monthly series; by default each month has its number (1-12) everywhere."""
    lon = np.arange(80.0, 95.0) if longitude is None else longitude
    lat = np.arange(25.0, 37.0) if latitude is None else latitude
    time = pd.date_range(start, periods=months, freq="MS")
    if values is None:
        values = np.broadcast_to(time.month.to_numpy()[:, None, None], (months, len(lat), len(lon)))
    data = xr.DataArray(
        np.asarray(values, np.float64),
        {"time": time, "lat": lat, "lon": lon},
        ("time", "lat", "lon"),
        name,
        {"units": unit},
    )
    data["lon"].attrs = {"units": "degrees_east"}
    data["lat"].attrs = {"units": "degrees_north"}
    return data.to_dataset()


@pytest.fixture
def save(tmp_path: Path) -> Callable[[xr.Dataset, str], Path]:
    def write(dataset: xr.Dataset, name: str = "climate.nc") -> Path:
        dataset.to_netcdf(tmp_path / name)
        return tmp_path / name

    return write


def value(path: object, quantity: str, bounds: tuple[float, ...] = BOUNDS, **options: object) -> float:
    """Mean over a unit in the middle of the bounds."""
    field = climate_field(path, quantity, bounds, ClimateOptions(**options))
    west, south, east, north = bounds
    unit = shapely.Point((west + east) / 2, (south + north) / 2).buffer(0.01)
    return float(zonal_statistics([unit], {"v": field.raster}, crs=4326)["v_mean"][0])


def test_temperature_is_weighted_by_days(save: Callable) -> None:
    expected = np.average(np.arange(1, 13), weights=DAYS_2001)
    assert value(save(series("degC")), "temperature") == pytest.approx(expected)
    assert value(save(series("K")), "temperature") == pytest.approx(expected - 273.15)


@pytest.mark.parametrize(
    ("unit", "per_month"),
    [
        ("mm", np.ones(12)),
        ("kg m-2", np.ones(12)),
        ("mm/month", np.ones(12)),
        ("m month-1", np.full(12, 1000.0)),
        ("mm/h", DAYS_2001 * 24),
        ("mm hr-1", DAYS_2001 * 24),
        ("mm/day", DAYS_2001),
        ("m day**-1", DAYS_2001 * 1000),
        ("kg m-2 s-1", DAYS_2001 * 86400),
        ("kg m**-2 s**-1", DAYS_2001 * 86400),
        ("kg/m2/s", DAYS_2001 * 86400),
        ("mm/year", DAYS_2001 / YEAR_DAYS),
        ("m of water equivalent per day", DAYS_2001 * 1000),
    ],
)
def test_precipitation_units(save: Callable, unit: str, per_month: np.ndarray) -> None:
    expected = (np.arange(1, 13) * per_month).sum()
    assert value(save(series(unit)), "precipitation") == pytest.approx(expected)


def test_several_years_and_periods(save: Callable) -> None:
    """Incomplete years at either end are left out; a period takes its own years; leap days count."""
    months = 6 + 36 + 2
    time = pd.date_range("2002-07-01", periods=months, freq="MS")
    values = np.broadcast_to(time.year.to_numpy()[:, None, None].astype(float), (months, 12, 15))
    path = save(series("mm", values, "2002-07-01", months))
    field = climate_field(path, "precipitation", BOUNDS)
    assert field.period == (2003, 2005)
    assert value(path, "precipitation") == pytest.approx(12 * 2004)
    assert value(path, "precipitation", period=(2004, 2005)) == pytest.approx(12 * 2004.5)
    celsius = save(series("degC", values, "2002-07-01", months), "t.nc")
    days = np.array([365, 366, 365])
    assert value(celsius, "temperature") == pytest.approx(np.average([2003, 2004, 2005], weights=days))
    with pytest.raises(
        InputError, match=r"lacks 10 months of 2005 to 2006, first 2006-03; it holds 2002-07 to 2006-02"
    ):
        value(path, "precipitation", period=(2005, 2006))


def test_incomplete_series(save: Callable) -> None:
    with pytest.raises(InputError, match="no complete calendar year"):
        value(save(series("mm", months=11)), "precipitation")
    whole = series("mm", months=36)
    gap = whole.isel(time=[k for k in range(36) if k != 17])
    with pytest.raises(InputError, match="gap in 2002"):
        value(save(gap, "gap.nc"), "precipitation")
    twice = xr.concat([whole, whole.isel(time=[3])], "time")
    with pytest.raises(InputError, match="more than one value for 2001-04"):
        value(save(twice, "twice.nc"), "precipitation")


def test_pieces_of_a_series(save: Callable, tmp_path: Path) -> None:
    """One file a month, as FLDAS and IMERG come, in a folder; any order of axes."""
    (tmp_path / "pieces").mkdir()
    whole = series("K").transpose("time", "lon", "lat")
    for month in range(12):
        whole.isel(time=[month]).to_netcdf(tmp_path / "pieces" / f"m{month:02d}.nc")
    expected = np.average(np.arange(1, 13), weights=DAYS_2001) - 273.15
    assert value(tmp_path / "pieces", "temperature") == pytest.approx(expected)


def test_longitudes_and_latitudes_either_way(save: Callable) -> None:
    """0 to 360 or -180 to 180, north or south first: the value follows the place; no cut at Greenwich."""
    lat = np.arange(-89.5, 90)

    def field(lon: np.ndarray, lat: np.ndarray) -> xr.Dataset:
        place = ((lon + 180) % 360 - 180)[None, None, :] + 1000 * lat[None, :, None]
        return series("degC", np.broadcast_to(place, (12, len(lat), len(lon))), longitude=lon, latitude=lat)

    for bounds in ((-71.0, -30.0, -69.6, -28.6), (-0.9, 42.0, 1.5, 42.6), (178.5, 66.0, 181.1, 66.6)):
        centre = (bounds[0] + bounds[2]) / 2
        found = {
            round(value(save(field(lon, order)), "temperature", bounds), 6)
            for lon in (np.arange(0.5, 360), np.arange(-179.5, 180))
            for order in (lat, lat[::-1])
        }
        cell = np.floor(centre) + 0.5
        latitude = np.floor((bounds[1] + bounds[3]) / 2) + 0.5
        assert len(found) == 1
        assert found.pop() == pytest.approx((cell + 180) % 360 - 180 + 1000 * latitude)


def test_a_unit_over_two_cells_has_the_weighted_mean(save: Callable) -> None:
    values = np.broadcast_to(np.arange(15.0)[None, None, :], (12, 12, 15))
    field = climate_field(save(series("degC", values)), "temperature", BOUNDS)
    unit = shapely.box(86.2, 31.0, 86.6, 31.2)  # a quarter of it lies in the cell of 87 E
    found = zonal_statistics([shapely.box(86.2, 31.0, 86.6, 31.2)], {"v": field.raster}, crs=4326)
    assert unit.area > 0
    assert found["v_mean"][0] == pytest.approx(0.75 * 6 + 0.25 * 7)


def test_missing_cells_stay_missing(save: Callable) -> None:
    values = np.ones((12, 12, 15))
    values[3, 6, 6] = np.nan  # 31 N 86 E, in April only
    field = climate_field(save(series("mm", values)), "precipitation", BOUNDS)
    found = zonal_statistics(
        [shapely.Point(86, 31).buffer(0.1), shapely.Point(87, 31).buffer(0.1)], {"v": field.raster}, crs=4326
    )
    assert np.isnan(found["v_mean"][0])
    assert found["v_mean"][1] == 12


def test_variables_must_be_chosen(save: Callable) -> None:
    both = series("degC", name="temp").merge(series("mm", name="prcp"))
    path = save(both)
    with pytest.raises(OptionError, match="temp, prcp; choose one"):
        value(path, "temperature")
    assert value(path, "precipitation", variable="prcp") == 78
    with pytest.raises(OptionError, match="no variable 'rain'"):
        value(path, "precipitation", variable="rain")


@pytest.mark.parametrize(
    ("unit", "quantity"), [("", "temperature"), ("furlong", "precipitation"), ("mm", "temperature")]
)
def test_unknown_units(save: Callable, unit: str, quantity: str) -> None:
    with pytest.raises(InputError, match=r"Variable v of .*(names no unit|no unit of)"):
        value(save(series(unit)), quantity)
    if quantity == "temperature":
        assert value(save(series(unit)), quantity, unit="degC") == pytest.approx(6.526, abs=0.01)


def test_metres_without_a_time(save: Callable) -> None:
    """Monthly means of ECMWF are of daily sums though they say "m"; of others it must be said."""
    plain = series("m")
    with pytest.raises(InputError, match="say m/day or m/month"):
        value(save(plain), "precipitation")
    plain.attrs["history"] = "grib_to_netcdf: /opt/ecmwf/..."
    field = climate_field(save(plain, "era.nc"), "precipitation", BOUNDS)
    assert "m per day" in field.notes[0]
    assert value(save(plain, "era2.nc"), "precipitation") == pytest.approx(
        (np.arange(1, 13) * DAYS_2001).sum() * 1000
    )
    assert value(save(plain, "era3.nc"), "precipitation", unit="m/month") == 78_000


def test_no_coordinates(save: Callable) -> None:
    bare = series("degC").drop_vars(["lat", "lon"])
    with pytest.raises(InputError, match="no coordinates along its axes"):
        value(save(bare), "temperature")
    curved = bare.assign_coords(lat2=(("lat", "lon"), np.ones((12, 15))))
    with pytest.raises(InputError, match="two-dimensional coordinates"):
        value(save(curved, "curved.nc"), "temperature")
    uneven = series("degC", longitude=np.array([80, 81, 82.5, 85, 86, 87, 90.0, *range(91, 99)]))
    with pytest.raises(InputError, match="not evenly spaced"):
        value(save(uneven, "uneven.nc"), "temperature")
    with pytest.raises(InputError, match="one cell along lat"):
        value(save(series("degC").isel(lat=[3]), "line.nc"), "temperature")


def test_unreadable(tmp_path: Path) -> None:
    (tmp_path / "bad.nc").write_text("nothing")
    with pytest.raises(InputError, match="cannot be opened as NetCDF"):
        value(tmp_path / "bad.nc", "temperature")
    with pytest.raises(InputError, match="There is no climate data"):
        value(tmp_path / "none.nc", "temperature")


def test_zarr_group_and_extra_axis(tmp_path: Path) -> None:
    """Zarr; a file that keeps all in one group (IMERG); an axis of length one."""
    data = series("K")
    data.to_zarr(tmp_path / "c.zarr", zarr_format=2)
    data.expand_dims("height").to_netcdf(tmp_path / "grid.nc", group="Grid")
    expected = np.average(np.arange(1, 13), weights=DAYS_2001) - 273.15
    assert value(tmp_path / "c.zarr", "temperature") == pytest.approx(expected)
    assert value(tmp_path / "grid.nc", "temperature") == pytest.approx(expected)


def test_annual_field_without_time(save: Callable) -> None:
    annual = series("mm/day").isel(time=0, drop=True)
    assert value(save(annual), "precipitation") == pytest.approx(YEAR_DAYS)


def test_geotiff_annual_and_monthly(write_raster: WriteRaster) -> None:
    grid = Affine(0.5, 0, 80, 0, -0.5, 40)
    annual = write_raster(
        "magt.tif", np.full((40, 40), 27315, np.int16), grid, "EPSG:4326", units="K", nodata=-1
    )
    field = climate_field(annual, "temperature", BOUNDS)
    with reading():
        assert field.raster.read(Window(0, 1, 0, 1))[0, 0] == pytest.approx(27315 - 273.15)
    months = np.broadcast_to(np.arange(1.0, 13)[:, None, None], (12, 40, 40)).astype(np.float32)
    path = write_raster("prec.tif", months, grid, "EPSG:4326", units="mm")
    assert value(path, "precipitation") == pytest.approx(78)
    assert value(path, "precipitation", variable="3") == pytest.approx(3)
    three = write_raster("three.tif", months[:3], grid, "EPSG:4326", units="mm")
    with pytest.raises(OptionError, match="has 3 bands"):
        value(three, "precipitation")
    unitless = write_raster("bare.tif", months[:1], grid, "EPSG:4326")
    with pytest.raises(InputError, match="names no unit"):
        value(unitless, "temperature")
    assert value(unitless, "temperature", unit="degrees Celsius") == pytest.approx(1)


def test_monthly_geotiff_of_0_to_360_degrees(write_raster: WriteRaster) -> None:
    """Units of the western hemisphere, and around Greenwich, on a grid that begins there."""
    months = np.broadcast_to(np.arange(180.0) + 1, (12, 90, 180)).astype(np.float32)
    path = write_raster("world.tif", months, Affine(2.0, 0, 0, 0, -2.0, 90), "EPSG:4326", units="mm")
    for bounds, inside, expected in (
        ((-71.9, -33.9, -70.1, -32.1), 289.0, 145),
        ((-3.9, 46.1, 3.9, 47.9), 358.5, 180),
        ((-3.9, 46.1, 3.9, 47.9), 0.5, 1),
    ):
        raster = climate_field(path, "precipitation", bounds).raster
        column, row = (int(np.floor(v)) for v in ~raster.transform @ (inside, bounds[1] + 0.5))
        with reading():
            assert raster.read(Window(row, row + 1, column, column + 1))[0, 0] == 12 * expected


def test_period_must_run_forward(save: Callable) -> None:
    with pytest.raises(OptionError, match="ends before it begins"):
        ClimateOptions(period=(2000, 1990))


def test_parse_unit() -> None:
    assert parse_unit("°C", Quantity.TEMPERATURE, "x") == Conversion(1.0, 0.0)
    assert parse_unit("Degrees_Celsius", Quantity.TEMPERATURE, "x") == Conversion(1.0, 0.0)
    assert parse_unit("kg m⁻² s⁻¹", Quantity.PRECIPITATION, "x") == Conversion(1.0, 0.0, Per.SECOND)
    assert parse_unit("cm", Quantity.PRECIPITATION, "x") == Conversion(10.0, 0.0, Per.STEP)


@pytest.mark.real
def test_kaiserberg_climate(real_data: Path) -> None:
    """MAAT of ERA5-Land at Kaiserberg is about -3.1 °C; its precipitation that of the Alps."""
    units = gpd.read_file(real_data / "kaiserberg" / "Area_inside_rock_glacier.shp")
    bounds = tuple(units.total_bounds)
    folder = real_data / "oetztal"
    warmth = climate_field(folder / "sel_era5_land_monthly_t2m_1981-2018.nc", "temperature", bounds)
    rain = climate_field(folder / "sel_era5_land_monthly_prcp_1981-2018.nc", "precipitation", bounds)
    found = zonal_statistics(units, {"maat": warmth.raster, "ap": rain.raster})
    assert found["maat_mean"][0] == pytest.approx(-3.1, abs=0.1)
    assert 1000 < found["ap_mean"][0] < 1500
    assert warmth.period == (1981, 2018)
