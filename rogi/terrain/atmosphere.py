"""How much of the sun gets through a clear sky: Kumar et al. (1997), or the models of pvlib."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from rogi.terrain import sun

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from rogi.terrain.parameters import RadiationParameters

#: Days of the middles of the months, between which monthly turbidities are linear.
_MONTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
MONTH_MIDDLES = np.cumsum(_MONTHS) - _MONTHS / 2

#: Highest ground for which the simplified Solis model was fitted, m; above it the air is that of this height.
SOLIS_HIGHEST = 7000.0

#: Air pressure at sea level, Pa.
SEA_LEVEL_PRESSURE = 101_325.0

#: Cells of pvlib's table of turbidity in a degree.
TURBIDITY_CELLS = 12

#: Allowed Linke turbidity; pvlib's table has 0.65 to 7.65, and 1 is air without dust and water.
TURBIDITY_RANGE = (1.0, 10.0)


class Atmosphere(StrEnum):
    """Model of the clear sky."""

    #: The fits of Kumar et al. (1997), as in their paper.
    KUMAR = "kumar"
    #: Ineichen and Perez (2002) with Linke turbidity.
    INEICHEN = "ineichen"
    #: Ineichen (2008) with aerosol optical depth and precipitable water.
    SIMPLIFIED_SOLIS = "simplified-solis"


class ClearSky(NamedTuple):
    """Shares of the irradiance outside the atmosphere (n,) that arrive at the ground.

    Attributes
    ----------
    beam : float64 array
        Of the direct beam, normal to it.
    diffuse, ground : float64 arrays
        Of what level ground would get without air: as diffuse radiation from a free sky, and as all
        radiation, which the ground reflects.
    """

    beam: npt.NDArray[np.float64]
    diffuse: npt.NDArray[np.float64]
    ground: npt.NDArray[np.float64]


def clear_sky(
    sine: npt.NDArray[np.float64], day: npt.NDArray[Any], parameters: RadiationParameters
) -> Callable[[float], ClearSky]:
    """What a clear sky lets through to the ground, as a function of its elevation in metres.

    Parameters
    ----------
    sine : float64 array (n,)
        Sine of the solar altitude (without refraction), at least 0.
    day : array (n,)
        Day of the year.
    parameters : RadiationParameters
        The atmosphere and what it needs; a Linke turbidity is required for Ineichen's.

    Examples
    --------
    >>> from rogi.terrain import RadiationParameters
    >>> zenith, day = np.array([1.0]), np.array([172])
    >>> clear_sky(zenith, day, RadiationParameters())(5000.0).beam.round(3)
    array([0.928])
    >>> ineichen = RadiationParameters(atmosphere="ineichen", linke_turbidity=1.7)
    >>> clear_sky(zenith, day, ineichen)(5000.0).beam.round(3)
    array([0.937])
    """
    if parameters.atmosphere is Atmosphere.KUMAR:
        mass = sun.air_mass(sine)

        def kumar(elevation: float) -> ClearSky:
            beam = sun.beam_transmittance(mass * sun.relative_pressure(elevation))
            return ClearSky(beam, sun.diffuse_transmittance(beam), sun.reflectance_transmittance(beam))

        return kumar
    from pvlib import atmosphere, clearsky  # half a second, which Kumar's sky does not need

    altitude = np.degrees(np.arcsin(sine))
    level = np.maximum(sine, 1e-9)  # a sun on the horizon, to rounding

    def shares(found: dict[str, Any]) -> ClearSky:
        return ClearSky(found["dni"], found["dhi"] / level, found["ghi"] / level)

    if parameters.atmosphere is Atmosphere.INEICHEN:
        relative_mass = atmosphere.get_relative_airmass(90.0 - altitude, "kastenyoung1989")
        turbidity = parameters.linke_turbidity
        linke = np.interp(day, MONTH_MIDDLES, turbidity, period=365.0) if len(turbidity) > 1 else turbidity[0]
        return lambda elevation: shares(
            clearsky.ineichen(
                90.0 - altitude,
                relative_mass * sun.relative_pressure(elevation),
                linke,
                elevation,
                dni_extra=1.0,
            )
        )
    return lambda elevation: shares(
        clearsky.simplified_solis(
            altitude,
            parameters.aod700,
            parameters.precipitable_water,
            SEA_LEVEL_PRESSURE * sun.relative_pressure(min(elevation, SOLIS_HIGHEST)),
            dni_extra=1.0,
        )
    )


@lru_cache(maxsize=4096)
def linke_turbidity(latitude: float, longitude: float) -> tuple[float, ...]:
    """Linke turbidity of the twelve months at a place, from the table that comes with pvlib.

    Parameters
    ----------
    latitude, longitude : float
        Degrees on WGS 84.

    Notes
    -----
    Monthly means of Remund et al. (2003) in cells of 5 arc minutes, limited to `TURBIDITY_RANGE`.

    Examples
    --------
    >>> linke_turbidity(30.5, 90.6)[:3]
    (1.75, 1.75, 1.75)
    """
    from pvlib.clearsky import lookup_linke_turbidity

    months = pd.date_range("2001-01-01", periods=12, freq="MS", tz="UTC")
    found = lookup_linke_turbidity(months, latitude, longitude, interp_turbidity=False)
    return tuple(float(value) for value in np.clip(found, *TURBIDITY_RANGE))
