"""Places as the ID rules compare and show them; longitude and latitude in degrees on WGS84."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.blocks import run_blocks
from rogi.geometry import local_metres
from rogi.rules.context import Context
from rogi.schema.model import Role

Floats = NDArray[np.float64]


def positions(context: Context, role: Role) -> tuple[Floats, Floats]:
    """(n,) longitude and latitude of each feature's point or centroid; NaN if missing."""

    def compute() -> tuple[Floats, Floats]:
        lonlat = context.lonlat(role)
        points = lonlat
        if (shapely.get_type_id(lonlat) > 0).any():
            points = np.empty_like(lonlat)

            def take_centroids(start: int, stop: int) -> None:
                points[start:stop] = shapely.centroid(lonlat[start:stop])

            run_blocks(take_centroids, len(lonlat))
        return np.asarray(shapely.get_x(points)), np.asarray(shapely.get_y(points))

    return context.once(("positions", role), compute)


def metres_apart(lon: Floats, lat: Floats, other_lon: Floats, other_lat: Floats) -> Floats:
    """(n,) distance on the plane tangent at the first place; a rough figure far away."""
    offset = local_metres(np.column_stack([other_lon, other_lat]), np.column_stack([lon, lat]))
    return np.asarray(np.hypot(offset[:, 0], offset[:, 1]))


def place(lon: float, lat: float) -> str:
    """``28.1527° N 97.2426° E``."""
    return f"{abs(lat):.4f}° {'S' if lat < 0 else 'N'} {abs(lon):.4f}° {'W' if lon < 0 else 'E'}"


def length(metres: float) -> str:
    """Metres, or kilometres from one kilometre on."""
    return f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:.1f} km"
