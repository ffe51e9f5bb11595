"""A hillshade behind the maps of a page: one small picture in the page's own file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rogi.geometry import parse_crs, transform_coordinates
from rogi.report.html.shell import embed

LARGEST = 300_000
"""Bytes of a picture, as text in the page."""
SIDES = (1000, 700, 500)
QUALITIES = (60, 40)
MARGIN = 0.05
BRIGHT = 235
"""Brightness of level ground, of 255."""
EDGE = 84.0
"""Degrees of latitude up to which Mercator is drawn."""

NOTHING = '<p class="muted">No hillshade: the elevation model has no values where the map is.</p>\n'


def backdrop(relief: Sequence[str | Path], bounds: Sequence[float] | None) -> str:
    """The block of a page that its maps draw first.

    Parameters
    ----------
    relief
        Files and folders of an elevation model; none: nothing is drawn.
    bounds
        West, south, east and north of the maps, degrees.

    Returns
    -------
    str
        HTML; empty where no maps are drawn, and a sentence where the model lies elsewhere.

    Raises
    ------
    InputError
        There is no elevation model, or a file is damaged.
    """
    if not relief or bounds is None:
        return ""
    from rogi.raster.elevation.shading import LEVEL, jpeg, open_relief

    surface = open_relief(relief)
    west, south, east, north = bounds
    margin = MARGIN * max(east - west, north - south, 0.01)
    box = (west - margin, max(south - margin, -EDGE), east + margin, min(north + margin, EDGE))
    if box[1] >= box[3]:
        return NOTHING
    mercator = parse_crs(3857)
    turn = 2 * float(transform_coordinates(np.array([[180.0, 0.0]]), "EPSG:4326", mercator)[0, 0])
    low, high = transform_coordinates(np.array([(0.0, box[1]), (0.0, box[3])]), "EPSG:4326", mercator)[:, 1]
    across = (box[0] / 360 * turn, box[2] / 360 * turn)
    ratio = (high - low) / (across[1] - across[0])
    for side in SIDES:
        shape = (max(round(side * min(ratio, 1)), 2), max(round(side * min(1 / ratio, 1)), 2))
        shade = surface.shade(mercator, (across[0], float(low), across[1], float(high)), shape)
        if not np.isfinite(shade).any():
            return NOTHING
        grey = np.clip(np.nan_to_num(shade / LEVEL, nan=1.0) * BRIGHT, 0, 255).astype(np.uint8)
        for quality in QUALITIES:
            picture = base64.b64encode(jpeg(grey, quality)).decode()
            if len(picture) <= LARGEST:
                shown = {"image": f"data:image/jpeg;base64,{picture}", "box": list(box)}
                return embed("backdrop", shown) + "\n"
    return ""
