"""Layers the rules of this family look at, and what their findings share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rogi.rules.context import Context
from rogi.rules.rule import CannotCheck, Need, Rows
from rogi.schema.model import Role
from rogi.schema.parameters import SET_BY_USER

ALL = tuple(Need(role) for role in Role)
POLYGONS = (Need(Role.OUTLINE), Need(Role.MOVING_AREA), Need(Role.AREA_OF_INTEREST))
DRAWN = (Need(Role.OUTLINE), Need(Role.MOVING_AREA))

SQUARE_METRES_PER_KM2 = 1e6


def per_feature_or_layer(
    context: Context, role: Role, found: NDArray[np.bool_], of: NDArray[np.bool_], message: str
) -> Rows:
    """One finding for the layer where all of several features share a property, else one each."""
    if found.sum() > 1 and found[of].all():
        return Rows.of_layer(role, f"all {int(found.sum())} features: {message}")
    return Rows(role, np.flatnonzero(found), message)


def pixel_size(context: Context) -> float:
    """Pixel of the imagery the outlines were drawn on, m: set by the user, or that of TPRoGI for TPRoGI.

    Raises
    ------
    CannotCheck
        Where it is not known: other inventories are drawn on other imagery.
    """
    parameter = context.parameter("resolution")
    if context.inventory.schema.name != "tprogi" and parameter.source != SET_BY_USER:
        raise CannotCheck(f"the pixel size of the imagery is not known; set {parameter.name}")
    return context.number("resolution")


def square_metres(area: float) -> str:
    """An area for a message, in the unit that reads best."""
    return f"{area:.0f} m²" if area < 1e4 else f"{area / SQUARE_METRES_PER_KM2:.3g} km²"
