"""Sun positions and transmittances against pvlib, closed forms and hand-worked values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pvlib import solarposition

from rogi.terrain import sun
from rogi.terrain.parameters import RadiationParameters
from rogi.terrain.sun import Declination
from rogi.terrain.suntable import suns

DAYS = np.arange(1, 366)


def test_declinations_are_those_of_the_papers() -> None:
    """Cooper (1969) and Spencer (1971), written out; Cooper's is zero on day 81 and extreme on day 172."""
    cooper = 23.45 * np.sin(2 * np.pi * (284 + DAYS) / 365)
    np.testing.assert_allclose(sun.declination(DAYS, Declination.COOPER), cooper, atol=1e-9)
    angle = 2 * np.pi * (DAYS - 1) / 365
    spencer = (
        0.006918 - 0.399912 * np.cos(angle) + 0.070257 * np.sin(angle) - 0.006758 * np.cos(2 * angle)
        + 0.000907 * np.sin(2 * angle) - 0.002697 * np.cos(3 * angle) + 0.00148 * np.sin(3 * angle)
    )  # fmt: skip
    np.testing.assert_allclose(sun.declination(DAYS), np.degrees(spencer), atol=1e-9)
    assert RadiationParameters().declination is Declination.SPENCER


@pytest.mark.parametrize(("formula", "limit"), [(Declination.COOPER, 1.5), (Declination.SPENCER, 0.6)])
@pytest.mark.parametrize("latitude", [-70.0, -33.0, 0.0, 33.0, 66.0])
def test_positions_equal_the_ephemeris(formula: Declination, limit: float, latitude: float) -> None:
    """At the ephemeris's hour angle the sun stands where it says, within the declination's error.

    Cooper's declination is off by up to 1.4 degrees, Spencer's by 0.5 (within the four-year cycle and day).
    """
    times = pd.date_range("2023-01-01", "2023-12-31 23:00", freq="97h", tz="UTC")
    longitude = 15.0
    position = solarposition.get_solarposition(times, latitude, longitude, pressure=0, temperature=0)
    hour_angle = solarposition.hour_angle(times, longitude, position["equation_of_time"])
    east, north, up = sun.sun_vector(
        latitude, sun.declination(times.day_of_year.to_numpy(), formula), np.asarray(hour_angle)
    )
    zenith, azimuth = np.radians(position["zenith"].to_numpy()), np.radians(position["azimuth"].to_numpy())
    expected = np.stack([np.sin(zenith) * np.sin(azimuth), np.sin(zenith) * np.cos(azimuth), np.cos(zenith)])
    angle = np.degrees(np.arccos(np.clip(np.sum(expected * np.stack([east, north, up]), axis=0), -1, 1)))
    assert angle.max() < limit


def test_vectors_equal_the_analytical_formulas_of_pvlib() -> None:
    """With the same declination and hour angle, zenith and azimuth are pvlib's to rounding."""
    rng = np.random.default_rng(0)
    latitude, hour = rng.uniform(-80, 80, 500), rng.uniform(-179, 179, 500)
    delta = rng.uniform(-23, 23, 500)
    east, north, up = sun.sun_vector(latitude, delta, hour)
    zenith = solarposition.solar_zenith_analytical(np.radians(latitude), np.radians(hour), np.radians(delta))
    azimuth = solarposition.solar_azimuth_analytical(
        np.radians(latitude), np.radians(hour), np.radians(delta), zenith
    )
    np.testing.assert_allclose(np.degrees(np.arccos(up)), np.degrees(zenith), atol=1e-6)
    turn = np.degrees(np.arctan2(east, north) - azimuth)
    np.testing.assert_allclose((turn + 180) % 360 - 180, 0.0, atol=1e-5)
    np.testing.assert_allclose(east**2 + north**2 + up**2, 1.0, atol=1e-12)


def test_polar_day_and_night() -> None:
    """Beyond the polar circle the hour angle of sunset is clamped at 180 and 0."""
    assert sun.sunset_hour_angle(80.0, 23.0) == 180.0
    assert sun.sunset_hour_angle(80.0, -23.0) == 0.0
    assert sun.sunset_hour_angle(-80.0, 23.0) == 0.0
    assert sun.sunset_hour_angle(0.0, 23.0) == pytest.approx(90.0)


@pytest.mark.parametrize("latitude", [-85.0, -40.0, 0.0, 33.0, 67.0, 89.0])
def test_extraterrestrial_day_on_level_ground(latitude: float) -> None:
    """The suns of a day sum to H0 = 24/π I0 (cos L cos d sin ω + ω sin L sin d) at a fine step."""
    for day in (1, 80, 172, 266, 355):
        chosen = RadiationParameters(first_day=day, last_day=day, time_step=1.0)
        s = suns(latitude, chosen)
        phi, delta = np.radians(latitude), np.radians(float(sun.declination(day)))
        omega = np.radians(float(sun.sunset_hour_angle(latitude, np.degrees(delta))))
        closed = (
            24 / np.pi * float(sun.extraterrestrial_irradiance(day))
            * (np.cos(phi) * np.cos(delta) * np.sin(omega) + omega * np.sin(phi) * np.sin(delta))
        )  # fmt: skip
        assert np.sum(s.irradiance * s.hours * s.vector[:, 2]) == pytest.approx(closed, rel=1e-5, abs=1e-9)


def test_transmittances_by_hand() -> None:
    """Sun overhead at sea level: M = 1.0005, tb = 0.56 (e^-0.6503 + e^-0.0950); at 5000 m p/p0 = 0.533."""
    mass = sun.air_mass(1.0)
    assert mass == pytest.approx(1.0, abs=1e-3)
    beam = sun.beam_transmittance(1.0)
    assert beam == pytest.approx(0.56 * (0.5220458 + 0.9093729), rel=1e-6)
    assert sun.diffuse_transmittance(beam) == pytest.approx(0.271 - 0.294 * 0.8015945, rel=1e-6)
    assert sun.reflectance_transmittance(beam) == pytest.approx(0.271 + 0.706 * 0.8015945, rel=1e-6)
    assert sun.relative_pressure(5000.0) == pytest.approx((255.5 / 288) ** 5.256)
    assert sun.air_mass(0.0) == pytest.approx(np.sqrt(1229))
    assert sun.extraterrestrial_irradiance(365) == pytest.approx(1.367 * 1.0344)


def test_transmittances_stay_physical() -> None:
    """In thin air the fitted formulas leave their range: at most 1, and no negative diffuse radiation."""
    assert sun.beam_transmittance(0.1) == 1.0
    assert sun.diffuse_transmittance(0.95) == 0.0
    assert np.all(sun.diffuse_transmittance(sun.beam_transmittance(np.linspace(0.7, 35, 50))) > 0)
