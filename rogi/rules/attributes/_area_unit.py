"""The area column of a layer against its geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rogi.inventory.area_unit import UNITS_PER_KM2, guess_unit, half_last_decimal, standard_unit
from rogi.rules.attributes._quantities import is_sentinel, unit_of
from rogi.rules.context import Context
from rogi.schema.model import Role

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AreaColumn:
    """An area column against the geometry.

    Attributes
    ----------
    values
        (n,) as in the file; NaN for sentinels.
    expected
        (n,) area of the geometry in the same unit; NaN where the polygon is not valid.
    unit
        ``km²``, ``ha`` or ``m²``: the one that fits, else the declared one.
    declared
        What the dialect or the schema says.
    told
        Whether the unit was told from the values.
    rounding
        Half of the last decimal that all values are rounded to, in the unit.
    """

    values: Floats
    expected: Floats
    unit: str
    declared: str
    told: bool
    rounding: float

    @property
    def comparable(self) -> NDArray[np.bool_]:
        """(n,) whether both are there."""
        return np.isfinite(self.values) & np.isfinite(self.expected)


def area_column(context: Context, role: Role) -> AreaColumn:
    """The area column of a layer, its unit told from the median ratio to the area on the ellipsoid."""
    return context.once(("area column", role), lambda: _area_column(context, role))


def _area_column(context: Context, role: Role) -> AreaColumn:
    values = np.where(is_sentinel(context, role, "area"), np.nan, context.numbers(role, "area"))
    km2 = np.where(context.valid(role) & (context.vertices(role).parts > 0), context.area(role) / 1e6, np.nan)
    declared = standard_unit(unit_of(context, role, "area"))
    unit = guess_unit(values, km2)
    chosen = unit or declared
    return AreaColumn(
        values, km2 * UNITS_PER_KM2[chosen], chosen, declared, unit is not None, half_last_decimal(values)
    )
