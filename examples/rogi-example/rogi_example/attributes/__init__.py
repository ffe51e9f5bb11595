"""Distance to the nearest road."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from rogi.attributes.registry import Choice, Given, Source, Units, Values
from rogi.errors import InputError

GEOD = pyproj.Geod(ellps="WGS84")


def derive(units: Units, given: Given) -> Values:
    """Distances in km; null beyond the choice ``limit``."""
    path = Path(given.files[0])
    try:
        roads = gpd.read_file(path)
    except (OSError, RuntimeError) as error:
        raise InputError(f"The roads {path} cannot be read: {error}; name a vector file of lines.") from None
    if roads.crs is None or roads.empty:
        raise InputError(f"The roads {path} have no features or no CRS; name a file that has both.")
    lon, lat = shapely.get_coordinates(roads.to_crs(4326).geometry.to_numpy()).T
    values = np.full(len(units.lonlat), np.nan)
    reasons = np.full(len(units.lonlat), None, dtype=object)
    limit = float(given.choice("limit"))
    for unit in units.used:
        inside = shapely.point_on_surface(units.lonlat[unit])
        metres = GEOD.inv(np.full(len(lon), inside.x), np.full(len(lat), inside.y), lon, lat)[2]
        nearest = float(metres.min()) / 1000
        if nearest <= limit:
            values[unit] = nearest
        else:
            reasons[unit] = f"no road within {limit:g} km"
    parameters = {"task": "roads", "limit_km": limit}
    return Values({"road_distance": values}, reasons, (path,), roads.crs.to_string(), parameters)


SOURCE = Source(
    "roads",
    "Roads, a vector file of lines: distance to the nearest.",
    derive,
    (Choice("limit", 100.0, "Kilometres; beyond, the distance is null."),),
)
