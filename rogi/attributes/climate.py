"""Climate fields as tasks on units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from rogi.attributes.fields import Group
from rogi.attributes.registry import OnRaster
from rogi.attributes.tasks import Climate
from rogi.ledger import digest
from rogi.raster.climate.field import climate_field
from rogi.raster.climate.units import Quantity

if TYPE_CHECKING:
    from rogi.attributes.configuration import ClimateSource
    from rogi.attributes.registry import Units


def climate_on_units(group: Group, source: ClimateSource, units: Units) -> OnRaster:
    """The mean of a climate field in each unit.

    Raises
    ------
    InputError
        See `rogi.raster.climate.field.climate_field`.
    """
    bounds = shapely.total_bounds(units.lonlat)
    west, south, east, north = (float(v) for v in (bounds if np.isfinite(bounds).all() else (0, 0, 0, 0)))
    quantity = Quantity.PRECIPITATION if group is Group.AP else Quantity.TEMPERATURE
    field = climate_field(
        source.files, quantity, (west, south, east, north), source.options, name=group.value
    )
    parameters: dict[str, Any] = {"variable": field.variable, "unit": field.unit, "period": field.period}
    identity = digest([units.digest(path) for path in field.files], parameters, quantity.value)
    task = Climate(field.raster, group.concept, identity, units.zonal)
    parameters |= {"notes": list(field.notes)}
    return OnRaster(
        task, field.raster, field.files, task.identity() | parameters, field.notes, " ".join(field.voids)
    )
