"""Clear skies other than Kumar's, and the annual radiation of the true sun, against pvlib and by hand."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pvlib import atmosphere, clearsky, solarposition

from rogi.errors import OptionError
from rogi.terrain import RadiationParameters, potential_incoming_solar_radiation, solar_radiation, sun
from rogi.terrain.atmosphere import MONTH_MIDDLES, clear_sky, linke_turbidity
from rogi.terrain.grid import Grid
from rogi.terrain.sun import Declination

CELL = 30.0
MONTHS = (1.7, 1.75, 1.8, 2.0, 2.3, 2.9, 3.1, 3.0, 2.4, 2.0, 1.8, 1.7)


def planar(latitude: float) -> Grid:
    return Grid((CELL, 0.0, 0.0, 0.0, -CELL, 0.0), (3, 3), latitude=latitude)


def plane(angle: float, facing: float, height: float) -> np.ndarray:
    """Plane of 3 x 3 pixels through `height` at its middle."""
    y, x = np.mgrid[1:-2:-1, -1:2] * CELL
    t, f = np.tan(np.radians(angle)), np.radians(facing)
    return height - t * (np.sin(f) * x + np.cos(f) * y)


@cache
def ephemeris(latitude: float) -> tuple[Any, ...]:
    """Suns above the horizon in 2001 to 2004: time, elevation and azimuth (no refraction), hours each."""
    times = pd.date_range("2001-01-01 00:15", "2004-12-31 23:45", freq="30min", tz="UTC")
    found = solarposition.get_solarposition(times, latitude, 0.0, method="nrel_numpy", pressure=0)
    up = (found["elevation"] > 0).to_numpy()
    elevation, azimuth = (np.radians(found[name].to_numpy()[up]) for name in ("elevation", "azimuth"))
    return times[up], elevation, azimuth, 0.5 / 4 * 365 / 365.25


def on_plane(elevation: Any, azimuth: Any, angle: float, facing: float) -> Any:
    """Cosine of the incidence on a plane, at least 0."""
    t, f = np.radians(angle), np.radians(facing)
    cosine = np.sin(elevation) * np.cos(t) + np.cos(elevation) * np.sin(t) * np.cos(azimuth - f)
    return np.maximum(cosine, 0.0)


def kumar_year(latitude: float, angle: float, facing: float, height: float, true_distance: bool) -> float:
    """Kumar's sky under the suns of an ephemeris, kWh m-2 a-1."""
    times, elevation, azimuth, hours = ephemeris(latitude)
    irradiance = sun.extraterrestrial_irradiance(times.day_of_year.to_numpy())
    if true_distance:
        irradiance = sun.SOLAR_CONSTANT / solarposition.nrel_earthsun_distance(times).to_numpy() ** 2
    sine = np.sin(elevation)
    beam = sun.beam_transmittance(sun.air_mass(sine) * sun.relative_pressure(height))
    half = np.radians(angle / 2)
    return float(
        np.sum(
            irradiance
            * hours
            * (
                beam * on_plane(elevation, azimuth, angle, facing)
                + sun.diffuse_transmittance(beam) * sine * np.cos(half) ** 2
                + 0.2 * sun.reflectance_transmittance(beam) * sine * np.sin(half) ** 2
            )
        )
    )


@pytest.mark.parametrize("latitude", [-66.0, -47.0, -33.0, 0.0, 33.0, 47.0, 66.0])
@pytest.mark.parametrize(("angle", "facing"), [(0, 0), (30, 0), (30, 180), (30, 90)])
def test_the_year_is_that_of_the_true_sun(latitude: float, angle: float, facing: float) -> None:
    """Within 0.2 % of the suns of NREL's algorithm, with Kumar's and with the true distance to the sun."""
    z = plane(angle, facing, 4500.0)
    chosen = RadiationParameters(shading=False)
    found = potential_incoming_solar_radiation(z, planar(latitude), parameters=chosen)[1, 1]
    for true_distance in (False, True):
        assert found == pytest.approx(kumar_year(latitude, angle, facing, 4500.0, true_distance), rel=0.002)


@pytest.mark.parametrize(("latitude", "error"), [(-47.0, 0.0124), (33.0, -0.0078), (66.0, -0.0167)])
def test_coopers_year_errs_as_the_docs_say(latitude: float, error: float) -> None:
    """Cooper's declination, kept for the paper's equation, errs by -1.7 to +1.25 %."""
    chosen = RadiationParameters(shading=False, declination=Declination.COOPER)
    found = potential_incoming_solar_radiation(plane(0, 0, 4500.0), planar(latitude), parameters=chosen)[1, 1]
    assert found / kumar_year(latitude, 0, 0, 4500.0, False) - 1 == pytest.approx(error, abs=0.0005)


def pvlib_year(latitude: float, angle: float, facing: float, height: float, model: str) -> float:
    """A clear sky of pvlib under the suns of an ephemeris, kWh m-2 a-1."""
    times, elevation, azimuth, hours = ephemeris(latitude)
    extra = sun.SOLAR_CONSTANT / solarposition.nrel_earthsun_distance(times).to_numpy() ** 2
    altitude = np.degrees(elevation)
    pressure = atmosphere.alt2pres(height)
    if model == "ineichen":
        mass = atmosphere.get_absolute_airmass(atmosphere.get_relative_airmass(90 - altitude), pressure)
        linke = clearsky._interpolate_turbidity(np.array(MONTHS), times).to_numpy()
        sky = clearsky.ineichen(90 - altitude, mass, linke, height, dni_extra=extra)
    else:
        sky = clearsky.simplified_solis(altitude, 0.05, 0.4, pressure, dni_extra=extra)
    half = np.radians(angle / 2)
    return float(
        np.sum(
            hours
            * (
                sky["dni"] * on_plane(elevation, azimuth, angle, facing)
                + sky["dhi"] * np.cos(half) ** 2
                + 0.2 * sky["ghi"] * np.sin(half) ** 2
            )
        )
    )


@pytest.mark.parametrize("model", ["ineichen", "simplified-solis"])
@pytest.mark.parametrize(("latitude", "height"), [(33.0, 4870.0), (-47.0, 130.0), (66.0, 1510.0)])
@pytest.mark.parametrize(("angle", "facing"), [(0, 0), (30, 45), (40, 180)])
def test_other_skies_equal_a_year_of_pvlib(
    model: str, latitude: float, height: float, angle: float, facing: float
) -> None:
    """Tables, air pressure, months and the three components: within 0.3 % of pvlib under the true suns."""
    chosen = {
        "ineichen": RadiationParameters(shading=False, atmosphere="ineichen", linke_turbidity=MONTHS),
        "simplified-solis": RadiationParameters(
            shading=False, atmosphere="simplified-solis", aod700=0.05, precipitable_water=0.4
        ),
    }[model]
    found = potential_incoming_solar_radiation(
        plane(angle, facing, height), planar(latitude), parameters=chosen
    )[1, 1]
    assert found == pytest.approx(pvlib_year(latitude, angle, facing, height, model), rel=0.003)


def test_ineichens_beam_by_hand() -> None:
    """Sun overhead at sea level, Linke 3: b = 0.664 + 0.163, beam = b exp(-0.09 * 2 * M), M = 0.9997."""
    chosen = RadiationParameters(atmosphere="ineichen", linke_turbidity=3)
    found = clear_sky(np.array([1.0]), np.array([100]), chosen)(0.0)
    mass = 1 / (1 + 0.50572 * (90 + 6.07995) ** -1.6364)  # Kasten and Young (1989)
    assert found.beam[0] == pytest.approx(0.827 * np.exp(-0.18 * mass), rel=1e-9)
    assert found.ground[0] == pytest.approx(0.868 * np.exp(-0.0387 * mass * 3), rel=1e-9)
    assert found.diffuse[0] == pytest.approx(found.ground[0] - found.beam[0], rel=1e-9)


def test_a_sun_on_the_horizon_has_finite_shares() -> None:
    """No division by zero where a polar sun grazes the horizon."""
    for name in ("kumar", "ineichen", "simplified-solis"):
        turbidity = 2.0 if name == "ineichen" else ()
        chosen = RadiationParameters(atmosphere=name, linke_turbidity=turbidity)
        for values in clear_sky(np.array([0.0, 1e-12]), np.array([80, 80]), chosen)(4000.0):
            assert np.isfinite(values).all()
            assert (values * np.array([0.0, 1e-12]) < 1e-3).all()


def test_months_stand_for_their_middles() -> None:
    """The days between which turbidities are linear are those of pvlib, in a year of 365 days."""
    np.testing.assert_array_equal(MONTH_MIDDLES, clearsky._calendar_month_middles(2023)[1:-1])


def test_turbidity_of_the_place() -> None:
    """Without values the months of pvlib's table count, those of the cell that the pixels lie in."""
    level = np.full((3, 3), 2800.0)
    sky = RadiationParameters(shading=False, atmosphere="ineichen")
    transform = (1 / 3600, 0.0, 10.64, 0.0, -1 / 3600, 46.48)
    found = potential_incoming_solar_radiation(level, Grid(transform, (3, 3), 4326), parameters=sky)[1, 1]
    months = pd.date_range("2023-01-15", periods=12, freq="31D", tz="UTC")[:12]
    table = clearsky.lookup_linke_turbidity(months, 46.479, 10.641, interp_turbidity=False).to_numpy()
    assert linke_turbidity(46.479, 10.641) == tuple(table)
    assert np.ptp(table) > 1.0
    given = RadiationParameters(shading=False, atmosphere="ineichen", linke_turbidity=tuple(table))
    expected = potential_incoming_solar_radiation(level, Grid(transform, (3, 3), 4326), parameters=given)
    assert found == expected[1, 1]
    with pytest.raises(OptionError, match="no longitude"):
        potential_incoming_solar_radiation(level, planar(46.48), parameters=sky)


def test_turbidity_does_not_depend_on_the_window() -> None:
    """A raster over several cells of the table: each block has its own, in whatever window it is computed."""
    grid = Grid((0.002, 0.0, 10.0, 0.0, -0.002, 46.6), (130, 200), "EPSG:4326")
    level = np.full(grid.shape, 2500.0)
    sky = RadiationParameters(shading=False, atmosphere="ineichen", n_sectors=8)
    whole = potential_incoming_solar_radiation(level, grid, parameters=sky)
    assert len({linke_turbidity(46.5, 10.0 + 0.1 * k) for k in range(4)}) > 1
    window = grid.window(30, 50, (40, 100))
    part = potential_incoming_solar_radiation(level[:40, :100], window, parameters=sky, threads=2)
    np.testing.assert_array_equal(part[1:-1, 1:-1], whole[31:69, 51:149])
    # The same ground in another reference system: longitudes west of Greenwich counted from 0 to 360.
    west = grid.window(0, 0, (40, 100))
    shifted = Grid((0.002, 0.0, 370.0, 0.0, -0.002, 46.6), (40, 100), "EPSG:4326")
    np.testing.assert_array_equal(
        potential_incoming_solar_radiation(level[:40, :100], shifted, parameters=sky),
        potential_incoming_solar_radiation(level[:40, :100], west, parameters=sky),
    )


def test_kumars_sky_is_darker_in_thin_air() -> None:
    """At 5,000 m Kumar's year is below Ineichen's by what the docs say, nearly all in the diffuse part."""
    level = np.full((3, 3), 5000.0)
    for latitude, low, high in ((27.0, 0.13, 0.19), (39.0, 0.13, 0.19)):
        sky = {
            name: solar_radiation(
                level, planar(latitude), parameters=RadiationParameters(shading=False, **more)
            )
            for name, more in (
                ("kumar", {}),
                ("ineichen", {"atmosphere": "ineichen", "linke_turbidity": 1.7}),
            )
        }
        less = 1 - sky["kumar"].total[1, 1] / sky["ineichen"].total[1, 1]
        assert low < less < high


def test_turbidity_is_read_as_given() -> None:
    """A number, a text with commas or twelve numbers; parameters survive JSON."""
    for given, expected in (
        (3, (3.0,)),
        ("2.5", (2.5,)),
        (",".join(map(str, MONTHS)), MONTHS),
        (MONTHS, MONTHS),
    ):
        chosen = RadiationParameters(atmosphere="ineichen", linke_turbidity=given)
        assert chosen.linke_turbidity == expected
        assert RadiationParameters.from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen
    for low in (1, 10):
        assert RadiationParameters(atmosphere="ineichen", linke_turbidity=low).linke_turbidity == (low,)
    edges: list[dict[str, Any]] = [
        {"aod700": 0.0}, {"aod700": 0.45}, {"precipitable_water": 0.2}, {"precipitable_water": 10.0},
        {"albedo": 0.0}, {"albedo": 1.0}, {"time_step": 0.005}, {"time_step": 120.0}, {"n_sectors": 4},
        {"n_sectors": 720}, {"search_radius": 0.005}, {"search_radius": 200_000.0}, {"first_day": 365},
        {"last_day": 1}, {"solar_constant": 0.005}, {"solar_constant": 1.999}, {"n_sectors": 36.0},
    ]  # fmt: skip
    for values in edges:
        assert RadiationParameters.from_dict(values)


def test_defaults_are_those_of_the_docs() -> None:
    """Every default of the table in docs/methods/terrain.md."""
    assert RadiationParameters().to_dict() == {
        "declination": "spencer", "atmosphere": "kumar", "linke_turbidity": [], "aod700": 0.1,
        "precipitable_water": 1.0, "first_day": 1, "last_day": 365, "time_step": 10.0, "n_sectors": 64,
        "search_radius": 25_000.0, "shading": True, "curvature": True, "pressure": True, "albedo": 0.2,
        "sky": "slope", "solar_constant": 1.367, "slope_method": "horn",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"linke_turbidity": 3}, "atmosphere is 'kumar', which has none"),
        ({"atmosphere": "ineichen", "linke_turbidity": 0.9}, "each 1 to 10"),
        ({"atmosphere": "ineichen", "linke_turbidity": 10.1}, "each 1 to 10"),
        ({"atmosphere": "ineichen", "linke_turbidity": (2.0, 3.0)}, "one value or twelve"),
        ({"atmosphere": "ineichen", "linke_turbidity": "thick"}, "'thick'; allowed is a number"),
        ({"atmosphere": "ineichen", "linke_turbidity": None}, "None; allowed is a number"),
        ({"atmosphere": "blue"}, "kumar, ineichen, simplified-solis"),
        ({"aod700": 0.451}, "0 to 0.45"),
        ({"aod700": -0.01}, "0 to 0.45"),
        ({"precipitable_water": 0.19}, "0.2 to 10 cm"),
        ({"precipitable_water": 10.01}, "0.2 to 10 cm"),
        ({"albedo": "bright"}, "'bright'; allowed is a number"),
        ({"albedo": True}, "True; allowed is a number"),
        ({"n_sectors": 8.5}, "8.5; allowed is a whole number"),
        ({"shading": 1}, "1; allowed is true or false"),
        ({"albedo": -0.01}, "0 to 1"),
        ({"time_step": 0.0}, "above 0, up to 120"),
        ({"time_step": 120.1}, "above 0, up to 120"),
        ({"n_sectors": 721}, "4 to 720"),
        ({"search_radius": 0.0}, "above 0, up to 200000"),
        ({"search_radius": 200_001.0}, "above 0, up to 200000"),
        ({"first_day": 0}, "1 to last_day"),
        ({"first_day": 9, "last_day": 8}, "1 to last_day"),
        ({"solar_constant": 0.0}, "above 0, below 2"),
        ({"solar_constant": 2.0}, "above 0, below 2"),
    ],
)
def test_values_without_sense_are_refused(values: dict[str, Any], message: str) -> None:
    """What no sky has, or the chosen one does not use, is an error that says what is allowed."""
    with pytest.raises(OptionError, match=message):
        RadiationParameters.from_dict(values)
