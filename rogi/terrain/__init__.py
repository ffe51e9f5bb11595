"""Slope, aspect, horizons and potential solar radiation: arrays in, arrays out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rogi.terrain.gradient import SlopeMethod, aspect, slope
    from rogi.terrain.grid import Grid
    from rogi.terrain.horizons import horizon
    from rogi.terrain.parameters import RadiationParameters
    from rogi.terrain.radiation import (
        SolarRadiation,
        potential_incoming_solar_radiation,
        required_halo,
        solar_radiation,
    )

__all__ = [
    "Grid",
    "RadiationParameters",
    "SlopeMethod",
    "SolarRadiation",
    "aspect",
    "horizon",
    "potential_incoming_solar_radiation",
    "required_halo",
    "slope",
    "solar_radiation",
]

_MODULES = {
    "Grid": "grid",
    "RadiationParameters": "parameters",
    "SlopeMethod": "gradient",
    "SolarRadiation": "radiation",
    "aspect": "gradient",
    "horizon": "horizons",
    "potential_incoming_solar_radiation": "radiation",
    "required_halo": "radiation",
    "slope": "gradient",
    "solar_radiation": "radiation",
}


def __getattr__(name: str) -> Any:
    # numba and pyproj are slow to import; `rogi --help` must not wait for them.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
