"""Zonal and circular statistics, climate, and filling the attribute table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rogi.attributes.configuration import AttributeSettings as AttributeSettings
    from rogi.attributes.derive import Runner as Runner
    from rogi.attributes.derive import derive_attributes as derive_attributes
    from rogi.attributes.derived import Derived as Derived
    from rogi.attributes.zonal.coverage import Coverage as Coverage
    from rogi.attributes.zonal.coverage import coverage as pixel_coverage
    from rogi.attributes.zonal.statistics import circular_statistics as circular_statistics
    from rogi.attributes.zonal.statistics import weighted_statistics as weighted_statistics
    from rogi.attributes.zonal.zonal import zonal_statistics as zonal_statistics
    from rogi.raster.climate.field import climate_field as climate_field
    from rogi.raster.climate.options import ClimateField as ClimateField
    from rogi.raster.climate.options import ClimateOptions as ClimateOptions
    from rogi.raster.elevation.model import ElevationModel as ElevationModel
    from rogi.raster.elevation.model import open_elevation_model as open_elevation_model

_HOMES = {
    "AttributeSettings": ("configuration", "AttributeSettings"),
    "ClimateField": ("rogi.raster.climate.options", "ClimateField"),
    "ClimateOptions": ("rogi.raster.climate.options", "ClimateOptions"),
    "Coverage": ("rogi.attributes.zonal.coverage", "Coverage"),
    "Derived": ("derive", "Derived"),
    "ElevationModel": ("rogi.raster.elevation.model", "ElevationModel"),
    "Runner": ("derive", "Runner"),
    "circular_statistics": ("rogi.attributes.zonal.statistics", "circular_statistics"),
    "climate_field": ("rogi.raster.climate.field", "climate_field"),
    "derive_attributes": ("derive", "derive_attributes"),
    "open_elevation_model": ("rogi.raster.elevation.model", "open_elevation_model"),
    "pixel_coverage": ("rogi.attributes.zonal.coverage", "coverage"),
    "weighted_statistics": ("rogi.attributes.zonal.statistics", "weighted_statistics"),
    "zonal_statistics": ("rogi.attributes.zonal.zonal", "zonal_statistics"),
}

__all__ = [
    "AttributeSettings",
    "ClimateField",
    "ClimateOptions",
    "Coverage",
    "Derived",
    "ElevationModel",
    "Runner",
    "circular_statistics",
    "climate_field",
    "derive_attributes",
    "open_elevation_model",
    "pixel_coverage",
    "weighted_statistics",
    "zonal_statistics",
]


def __getattr__(name: str) -> Any:
    # numba, rasterio and xarray are slow to import; `rogi --help` must not wait for them.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module if "." in module else f"{__name__}.{module}"), attribute)
