"""The choices behind a value of potential incoming solar radiation, to be stored with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np

from rogi.errors import OptionError
from rogi.terrain.atmosphere import TURBIDITY_RANGE, Atmosphere
from rogi.terrain.gradient import SlopeMethod
from rogi.terrain.horizons import SEARCH_RADIUS
from rogi.terrain.sun import SOLAR_CONSTANT, Declination

_KINDS: dict[Any, type[bool] | type[int] | type[float]] = {"bool": bool, "int": int, "float": float}


class Sky(StrEnum):
    """Share of the sky a pixel sees, for diffuse radiation; the rest of its view is ground that reflects."""

    #: cos²(S/2) of an infinite plane of slope S (Kumar et al. 1997).
    SLOPE = "slope"
    #: Sky-view factor from the terrain horizons (Dozier & Frew 1990, eq. 7b).
    HORIZON = "horizon"


@dataclass(frozen=True)
class RadiationParameters:
    """Parameters of `potential_incoming_solar_radiation`; the defaults follow Kumar et al. (1997), except for
    the declination, which is nearer to the true sun.

    Attributes
    ----------
    declination : Declination
        Formula of the solar declination: Spencer (1971), or Cooper (1969), which is Kumar's eq. 4.
    atmosphere : Atmosphere
        Model of the clear sky: Kumar's, Ineichen's, or simplified Solis.
    linke_turbidity : tuple of float
        For Ineichen's sky: one value for the year, or those of the twelve months. Empty: pvlib's table of
        monthly means, at the place.
    aod700, precipitable_water : float
        For the simplified Solis sky: aerosol optical depth at 700 nm (0-0.45), water in cm (0.2-10).
    first_day, last_day : int
        Days of the year (1-365) that are summed, both included.
    time_step : float
        Longest step of the sun in minutes. The day, from sunrise to sunset, is divided into equal steps
        no longer than this and the sun taken at their middles, so morning and afternoon are alike. The cost
        per pixel does not depend on it.
    n_sectors : int
        Azimuths in which the horizon is found, and sectors of the sun table.
    search_radius : float
        Metres within which terrain can hide the sun.
    shading : bool
        Whether terrain hides the sun; without it only the pixel's own slope does.
    curvature : bool
        Whether terrain sinks below the horizontal by the curvature of the Earth.
    pressure : bool
        Whether air mass is scaled by the air pressure at the pixel's elevation.
    albedo : float
        Reflectance of the surrounding ground, 0-1; 0.20 is that of bare ground in Kumar et al. (1997).
    sky : Sky
        Share of the sky seen: cos²(S/2) (Kumar) or the sky-view factor.
    solar_constant : float
        kW m-2.
    slope_method : SlopeMethod
        How the slope and the aspect of a pixel are taken.

    Examples
    --------
    >>> RadiationParameters(albedo=0.25).to_dict()["albedo"]
    0.25
    """

    declination: Declination = Declination.SPENCER
    atmosphere: Atmosphere = Atmosphere.KUMAR
    linke_turbidity: tuple[float, ...] = ()
    aod700: float = 0.1
    precipitable_water: float = 1.0
    first_day: int = 1
    last_day: int = 365
    time_step: float = 10.0
    n_sectors: int = 64
    search_radius: float = SEARCH_RADIUS
    shading: bool = True
    curvature: bool = True
    pressure: bool = True
    albedo: float = 0.20
    sky: Sky = Sky.SLOPE
    solar_constant: float = SOLAR_CONSTANT
    slope_method: SlopeMethod = SlopeMethod.HORN

    def __post_init__(self) -> None:
        for name, kind in (
            ("declination", Declination),
            ("atmosphere", Atmosphere),
            ("sky", Sky),
            ("slope_method", SlopeMethod),
        ):
            value = getattr(self, name)
            if value not in list(kind):
                allowed = ", ".join(kind)
                raise OptionError(f"Radiation parameter {name} is {value!r}; allowed are {allowed}.")
            object.__setattr__(self, name, kind(value))
        for field in fields(self):
            if field.type in _KINDS:
                given = getattr(self, field.name)
                object.__setattr__(self, field.name, _typed(field.name, given, _KINDS[field.type]))
        turbidity = _turbidity(self.linke_turbidity)
        object.__setattr__(self, "linke_turbidity", turbidity)
        if turbidity and self.atmosphere is not Atmosphere.INEICHEN:
            raise OptionError(
                f"A Linke turbidity was given, but the atmosphere is {self.atmosphere.value!r}, "
                "which has none; leave it out, or choose 'ineichen'."
            )
        low, high = TURBIDITY_RANGE
        for name, valid, allowed in (
            (
                "linke_turbidity",
                len(turbidity) in (0, 1, 12) and all(low <= value <= high for value in turbidity),
                f"one value or twelve (January to December), each {low:g} to {high:g}",
            ),
            ("aod700", 0.0 <= self.aod700 <= 0.45, "0 to 0.45"),
            ("precipitable_water", 0.2 <= self.precipitable_water <= 10.0, "0.2 to 10 cm"),
            ("first_day", 1 <= self.first_day <= self.last_day, "1 to last_day"),
            ("last_day", self.last_day <= 365, "first_day to 365"),
            ("time_step", 0.0 < self.time_step <= 120.0, "minutes above 0, up to 120"),
            ("n_sectors", 4 <= self.n_sectors <= 720, "4 to 720"),
            ("search_radius", 0.0 < self.search_radius <= 200_000.0, "metres above 0, up to 200000"),
            ("albedo", 0.0 <= self.albedo <= 1.0, "0 to 1"),
            ("solar_constant", 0.0 < self.solar_constant < 2.0, "kW m-2 above 0, below 2"),
        ):
            if not valid:
                raise OptionError(
                    f"Radiation parameter {name} is {getattr(self, name)!r}; allowed is {allowed}."
                )

    def to_dict(self) -> dict[str, str | int | float | bool | list[float]]:
        """Plain values by name, for a sidecar or a configuration file."""
        values = asdict(self)
        plain = {key: str(value) if isinstance(value, StrEnum) else value for key, value in values.items()}
        return {**plain, "linke_turbidity": list(self.linke_turbidity)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RadiationParameters:
        """Parameters from `to_dict`; a missing name keeps its default, an unknown one is an error."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise OptionError(
                f"Unknown radiation parameters {', '.join(unknown)}; allowed are {', '.join(known)}."
            )
        return cls(**values)


def _typed(name: str, value: Any, kind: type[bool] | type[int] | type[float]) -> bool | int | float:
    """A value as its parameter's type, where it is one without loss."""
    if isinstance(value, bool):
        fits = kind is bool
    else:
        number = kind is not bool and isinstance(value, int | float)
        fits = number and (kind is float or float(value).is_integer())
    if not fits:
        allowed = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise OptionError(f"Radiation parameter {name} is {value!r}; allowed is {allowed}.")
    return kind(value)


def _turbidity(value: Any) -> tuple[float, ...]:
    """One number, some, or a text with commas between them, as numbers."""
    parts = value.split(",") if isinstance(value, str) else value
    try:
        return tuple(float(part) for part in np.ravel(np.asarray(parts, dtype=object)))
    except (TypeError, ValueError):
        raise OptionError(
            f"Radiation parameter linke_turbidity is {value!r}; allowed is a number, or twelve with commas."
        ) from None
