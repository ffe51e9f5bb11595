"""Where the sun is, and the sky of Kumar et al. (1997); `rogi.terrain.atmosphere` has other skies.

Equation numbers are those of Kumar, Skidmore & Knowles (1997), Modelling topographic variation in solar
radiation in a GIS environment, Int. J. Geographical Information Science 11(5), 475-497.
Angles are degrees in every public function; day numbers run from 1 (1 January) to 365.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

#: Solar constant of Kumar et al. (1997), kW m-2.
SOLAR_CONSTANT = 1.367


class Declination(StrEnum):
    """Formula of the solar declination; their errors are in docs/methods/terrain.md."""

    #: 23.45° sin(360 (284 + n) / 365), Cooper (1969), Kumar et al. (1997) eq. 4. Up to 1.4° off.
    COOPER = "cooper"
    #: Fourier series of Spencer (1971). Annual radiation within 0.2 % of that of an ephemeris.
    SPENCER = "spencer"


def declination(day: npt.ArrayLike, formula: Declination = Declination.SPENCER) -> npt.NDArray[np.float64]:
    """Solar declination in degrees on day number `day`, as pvlib gives it.

    Examples
    --------
    >>> declination([172, 355]).round(2)
    array([ 23.45, -23.42])
    """
    from pvlib import solarposition  # half a second, which commands without radiation do not need

    chosen = {
        Declination.COOPER: solarposition.declination_cooper69,
        Declination.SPENCER: solarposition.declination_spencer71,
    }[Declination(formula)]
    return np.asarray(np.degrees(chosen(np.asarray(day, dtype=np.float64))))


def extraterrestrial_irradiance(
    day: npt.ArrayLike, solar_constant: float = SOLAR_CONSTANT
) -> npt.NDArray[np.float64]:
    """I0, kW m-2 normal to the beam outside the atmosphere [7]: I (1 + 0.0344 cos(360 n / 365))."""
    n = np.asarray(day, dtype=np.float64)
    return np.asarray(solar_constant * (1.0 + 0.0344 * np.cos(np.radians(360.0 * n / 365.0))))


def sunset_hour_angle(latitude: npt.ArrayLike, declination: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Hour angle of sunset [6], degrees: acos(-tan L tan d); 180 in polar day, 0 in polar night."""
    phi, delta = np.radians(latitude), np.radians(declination)
    return np.asarray(np.degrees(np.arccos(np.clip(-np.tan(phi) * np.tan(delta), -1.0, 1.0))))


def sun_vector(
    latitude: npt.ArrayLike, declination: npt.ArrayLike, hour_angle: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Unit vector to the sun: east, north and up component [2].

    Hour angles are degrees, 0 at solar noon and positive in the afternoon. The up component is the sine of
    the solar altitude: sin L sin d + cos L cos d cos h.
    """
    phi, delta, hour = np.radians(latitude), np.radians(declination), np.radians(hour_angle)
    east = -np.cos(delta) * np.sin(hour)
    north = np.cos(phi) * np.sin(delta) - np.sin(phi) * np.cos(delta) * np.cos(hour)
    up = np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(hour)
    return np.asarray(east + 0.0 * phi), np.asarray(north), np.asarray(up)


def relative_pressure(elevation: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Air pressure at `elevation` (m) relative to sea level: ((288 - 0.0065 z) / 288)^5.256."""
    z = np.asarray(elevation, dtype=np.float64)
    return np.asarray(((288.0 - 0.0065 * z) / 288.0) ** 5.256)


def air_mass(sin_altitude: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Relative optical air mass at sea level [11]: sqrt(1229 + (614 sin a)²) - 614 sin a."""
    s = 614.0 * np.asarray(sin_altitude, dtype=np.float64)
    return np.asarray(np.sqrt(1229.0 + s * s) - s)


def beam_transmittance(mass: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Transmittance of the direct beam [14]: 0.56 (exp(-0.65 M) + exp(-0.095 M)), at most 1.

    The formula exceeds 1 for M < 0.31, which a pressure-corrected air mass reaches above 8,900 m.
    """
    m = np.asarray(mass, dtype=np.float64)
    return np.asarray(np.minimum(0.56 * (np.exp(-0.65 * m) + np.exp(-0.095 * m)), 1.0))


def diffuse_transmittance(beam: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Coefficient of diffuse radiation: 0.271 - 0.294 tb, at least 0.

    The formula turns negative for tb > 0.922: a sun near the zenith seen from above 4,700 m.
    """
    return np.asarray(np.maximum(0.271 - 0.294 * np.asarray(beam, dtype=np.float64), 0.0))


def reflectance_transmittance(beam: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Coefficient of reflected radiation: 0.271 + 0.706 tb."""
    return np.asarray(0.271 + 0.706 * np.asarray(beam, dtype=np.float64))
