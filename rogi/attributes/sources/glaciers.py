"""Distance to the nearest glacier, from glacier outlines."""

from __future__ import annotations

from typing import Final

from rogi.attributes.nearest import nearest

RADIUS_KM: Final = 50.0

SOURCE = nearest(
    "glaciers",
    "glacier",
    "glacier_distance",
    "Glacier outlines, a vector file of polygons: distance to the nearest. Repeatable.",
    RADIUS_KM,
)
