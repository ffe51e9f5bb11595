"""The choices behind a value of potential incoming solar radiation, to be stored with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from rogi.errors import OptionError
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
    """Parameters of `potential_incoming_solar_radiation`; the defaults follow Kumar et al. (1997).

    Attributes
    ----------
    declination : Declination
        Formula of the solar declination; Cooper (Kumar's eq. 4) by default.
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

    declination: Declination = Declination.COOPER
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
        for name, kind in (("declination", Declination), ("sky", Sky), ("slope_method", SlopeMethod)):
            value = getattr(self, name)
            if value not in list(kind):
                allowed = ", ".join(kind)
                raise OptionError(f"radiation parameter {name} is {value!r}; allowed are {allowed}")
            object.__setattr__(self, name, kind(value))
        for field in fields(self):
            if field.type in _KINDS:
                given = getattr(self, field.name)
                object.__setattr__(self, field.name, _typed(field.name, given, _KINDS[field.type]))
        for name, valid, allowed in (
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
                    f"radiation parameter {name} is {getattr(self, name)!r}; allowed is {allowed}"
                )

    def to_dict(self) -> dict[str, str | int | float | bool]:
        """Plain values by name, for a sidecar or a configuration file."""
        return {
            key: str(value) if isinstance(value, StrEnum) else value for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RadiationParameters:
        """Parameters from `to_dict`; a missing name keeps its default, an unknown one is an error."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise OptionError(
                f"unknown radiation parameters {', '.join(unknown)}; allowed are {', '.join(known)}"
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
        raise OptionError(f"radiation parameter {name} is {value!r}; allowed is {allowed}")
    return kind(value)
