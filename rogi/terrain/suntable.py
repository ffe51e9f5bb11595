"""A year of suns in a table, so that the cost of a pixel does not depend on their number.

For a given latitude and elevation the direct radiation on a pixel is the sum, over the suns above its
horizon, of beam irradiance times n . s, with n the surface normal and s the unit vector to the sun: linear
in n. So the suns are sorted into sectors of azimuth, and for each sector the vectors beam x s dt are summed
over all suns above a horizon, for every horizon. A pixel then needs one look-up per sector.

A sun between two sector azimuths counts for both, linearly by its distance: the table varies smoothly with
latitude, and the horizon between two rays is taken from both.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rogi.terrain import sun
from rogi.terrain.atmosphere import clear_sky

if TYPE_CHECKING:
    import numpy.typing as npt

    from rogi.terrain.parameters import RadiationParameters

#: Spacing of the tables' latitudes, degrees; linear in between (error below 1e-5, tests/terrain).
LATITUDE_SPACING = 0.25

#: Spacing of the tables' elevations, metres; linear in between (error below 5e-5).
ELEVATION_SPACING = 250.0

#: Elevations of the tables, metres: the whole of the Earth's land.
ELEVATIONS = np.arange(-500.0, 9000.0 + ELEVATION_SPACING, ELEVATION_SPACING)

#: Steps of the horizon, equal in its sine from 0 to 1; linear in between.
HORIZON_STEPS = 128


#: Tables that a process keeps, of 3.9 MB each by default: those of 2.75 degrees, as windows follow each other
#: from west to east.
TABLES = 12


class SunTable(NamedTuple):
    """Sums over the suns of the period at one latitude, for all `ELEVATIONS`.

    Attributes
    ----------
    direct : float32 array (elevations, sectors, HORIZON_STEPS + 1, 3)
        Sum of beam irradiance times sun vector (east, north, up), kWh m-2, of the suns whose sine of the
        altitude is at least k / HORIZON_STEPS.
    diffuse, reflected : float64 arrays (elevations,)
        Radiation on level ground under a full sky, and from ground of the given albedo that fills the view,
        kWh m-2.
    """

    direct: npt.NDArray[np.float32]
    diffuse: npt.NDArray[np.float64]
    reflected: npt.NDArray[np.float64]


class Suns(NamedTuple):
    """Sun positions of a period at one latitude: unit vectors (n, 3), I0 in kW m-2, hours and day of each."""

    vector: npt.NDArray[np.float64]
    irradiance: npt.NDArray[np.float64]
    hours: npt.NDArray[np.float64]
    day: npt.NDArray[np.int64]


def suns(latitude: float, parameters: RadiationParameters) -> Suns:
    """Suns at the middles of equal steps between sunrise and sunset of each day."""
    day = np.arange(parameters.first_day, parameters.last_day + 1)
    delta = sun.declination(day, parameters.declination)
    half_day = sun.sunset_hour_angle(latitude, delta)
    daylight = 2.0 * half_day / 15.0
    count = np.ceil(daylight * 60.0 / parameters.time_step - 1e-9).astype(np.int64)
    index = np.repeat(np.arange(day.size), count)
    position = np.arange(index.size) - np.repeat(np.cumsum(count) - count, count)
    hour_angle = half_day[index] * (2.0 * (position + 0.5) / count[index] - 1.0)
    vector = np.stack(sun.sun_vector(latitude, delta[index], hour_angle), axis=-1)
    irradiance = sun.extraterrestrial_irradiance(day, parameters.solar_constant)[index]
    return Suns(vector, irradiance, (daylight / np.maximum(count, 1))[index], day[index])


@lru_cache(maxsize=TABLES)
def sun_table(latitude: float, parameters: RadiationParameters) -> SunTable:
    """Table of `latitude` (degrees) for all `ELEVATIONS`; the last few are kept."""
    n = parameters.n_sectors
    vector, irradiance, hours, day = suns(latitude, parameters)
    sine = np.clip(vector[:, 2], 0.0, 1.0)
    level = np.minimum((sine * HORIZON_STEPS).astype(np.int64), HORIZON_STEPS - 1)
    turn = np.arctan2(vector[:, 0], vector[:, 1]) / (2.0 * np.pi) * n
    lower = np.floor(turn)
    share = turn - lower
    shape = (n, HORIZON_STEPS)
    near = (lower.astype(np.int64) % n) * HORIZON_STEPS + level
    far = ((lower.astype(np.int64) + 1) % n) * HORIZON_STEPS + level
    direct = np.zeros((ELEVATIONS.size, n, HORIZON_STEPS + 1, 3), dtype=np.float32)
    diffuse, reflected = np.zeros(ELEVATIONS.size), np.zeros(ELEVATIONS.size)
    energy = irradiance * hours
    level_energy = energy * sine
    sky_at = clear_sky(sine, day, parameters)
    for e, elevation in enumerate(ELEVATIONS):
        if e and not parameters.pressure:
            direct[e], diffuse[e], reflected[e] = direct[0], diffuse[0], reflected[0]
            continue
        sky = sky_at(elevation if parameters.pressure else 0.0)
        for axis in range(3):
            part = energy * sky.beam * vector[:, axis]
            histogram = np.bincount(near, part * (1.0 - share), n * HORIZON_STEPS)
            histogram += np.bincount(far, part * share, n * HORIZON_STEPS)
            above = np.cumsum(histogram.reshape(shape)[:, ::-1], axis=1)[:, ::-1]
            direct[e, :, :HORIZON_STEPS, axis] = above
        diffuse[e] = np.sum(level_energy * sky.diffuse)
        reflected[e] = parameters.albedo * np.sum(level_energy * sky.ground)
    return SunTable(direct, diffuse, reflected)


def paired_tables(
    band: int, first: int, last: int, parameters: RadiationParameters
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Tables around one latitude band, laid out for a look-up in one stride.

    Parameters
    ----------
    band : int
        The band reaches from latitude `band` to `band` + 1 times `LATITUDE_SPACING`.
    first, last : int
        First and last elevation step needed: step k lies between `ELEVATIONS` k and k + 1.

    Returns
    -------
    direct : float32 array (steps, sectors, HORIZON_STEPS + 1, 12)
        The 12 are (latitude low, high) x (elevation low, high) x (east, north, up).
    level : float64 array (steps, 2, 4)
        Diffuse and reflected sums for (latitude low, high) x (elevation low, high).
    """
    tables = [
        sun_table(float(np.clip((band + i) * LATITUDE_SPACING, -90.0, 90.0)), parameters) for i in (0, 1)
    ]
    corners = [(t, slice(first + k, last + 1 + k)) for t in tables for k in (0, 1)]
    direct = np.concatenate([t.direct[s] for t, s in corners], axis=-1)
    level = np.stack(
        [
            np.stack([t.diffuse[s] for t, s in corners], axis=-1),
            np.stack([t.reflected[s] for t, s in corners], axis=-1),
        ],
        axis=1,
    )
    return direct, level
