"""The area column of a layer against its geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rogi.inventory.values.area_unit import UNITS_PER_KM2, half_last_decimal
from rogi.inventory.values.units import AreaKind, Told
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
    kind
        The surface the areas were measured on; only those on the ellipsoid can be compared.
    rounding
        Half of the last decimal that all values are rounded to, in the unit.
    """

    values: Floats
    expected: Floats
    unit: str
    declared: str
    told: bool
    kind: AreaKind
    rounding: float

    @property
    def comparable(self) -> NDArray[np.bool_]:
        """(n,) whether both are there."""
        return np.isfinite(self.values) & np.isfinite(self.expected)


def area_column(context: Context, role: Role) -> AreaColumn:
    """The area column of a layer, its unit told from the median ratio to the area on the ellipsoid."""
    return context.once(("area column", role), lambda: _area_column(context, role))


def _area_column(context: Context, role: Role) -> AreaColumn:
    found = context.quantity(role, "area")
    # impossible areas and zeros are compared too: they are wrong
    values = np.where(found.missing & (found.numbers != 0), np.nan, found.numbers)
    km2 = np.where(context.valid(role) & (context.vertices(role).parts > 0), context.area(role) / 1e6, np.nan)
    unit = found.unit or "km²"
    if found.area_kind is AreaKind.DEGREES:
        km2 = np.full(len(km2), np.nan)
    return AreaColumn(
        values,
        km2 * UNITS_PER_KM2.get(unit, np.nan),
        unit,
        found.declared or "km²",
        found.told is Told.VALUES,
        found.area_kind,
        half_last_decimal(values),
    )
