"""The unit a column of numbers is in: declared, in its name, or shown by its values."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.geometry import places_on_earth, transform_geometries
from rogi.inventory.model import Layer
from rogi.inventory.values.area_unit import UNITS_PER_KM2, agrees, disagrees, guess_unit
from rogi.inventory.values.columns import numbers
from rogi.schema.attributes import attributes, family
from rogi.schema.model import Concept
from rogi.schema.parameters import load_parameters
from rogi.schema.units import dimension, standard_unit, to_concept, unit_in_name

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MINIMUM_VALUES = 5  # needed to tell a unit from values alone; as ATT006.minimum_values
INSIDE = 0.9  # of the values are possible in the unit that is told from them,
OUTSIDE = 0.5  # and so few of them in the unit expected
USUAL = 0.8  # of the values at least are usual for rock glaciers; else they are in another unit
NO_UNIT = "no known unit"
# Maximum slopes in per cent: more than this share above 90, the median large, and none steeper than 84°.
PERCENT_SHARE, PERCENT_MEDIAN, STEEPEST = 0.05, 50.0, 1000.0
_SIBLING_FACTOR = 1.25  # statistics of one quantity agree within this factor,
_FOREIGN_FACTOR = 1.5  # and are this far apart in different units


class Told(StrEnum):
    """How the unit of a column is known."""

    SCHEMA = "schema"
    DIALECT = "dialect"
    NAME = "name of the column"
    VALUES = "values"


class AreaKind(StrEnum):
    """What surface areas were measured on."""

    ELLIPSOID = "ellipsoid"
    DEGREES = "square degrees"
    WEB_MERCATOR = "Web Mercator"
    NONE = "in no known unit of area"


def declared_unit(layer: Layer, concept: Concept) -> tuple[str | None, Told]:
    """Unit of a column as the dialect, else its name, else the schema says; and which of them."""
    stated = layer.dialect.units.get(concept.name) if layer.dialect is not None else None
    if stated is not None:
        return standard_unit(stated) or stated, Told.DIALECT
    named = unit_in_name(layer.columns.get(concept.name, ""), concept.unit)
    if named is not None:
        return named, Told.NAME if named != concept.unit else Told.SCHEMA
    return concept.unit, Told.SCHEMA


@lru_cache(maxsize=1)
def missing_codes() -> tuple[float, ...]:
    """Numbers that mark a missing value where they are no possible one (parameter ``ATT009.values``)."""
    value = load_parameters()["ATT009.values"].value
    return tuple(float(v) for v in (value if isinstance(value, tuple) else (value,)))


def outside(values: Floats, concept: Concept) -> Mask:
    """(n,) below the minimum or above the maximum; False for NaN."""
    out = np.zeros(len(values), dtype=bool)
    with np.errstate(invalid="ignore"):
        if concept.minimum is not None:
            out |= values < concept.minimum
        if concept.maximum is not None:
            out |= values > concept.maximum
    return out


def recognised_unit(layer: Layer, concept: Concept, known: Floats, declared: str | None) -> str | None:
    """Another unit than the declared one that the values show; None where they show none.

    Values show it where nearly all are possible in one other unit and few in the declared one, where all
    are far too small, or where they agree with the other statistics of the same quantity in that unit only.
    Values that no rock glaciers have as they are, and in no other unit or in several, are in `NO_UNIT`.
    """
    attribute = concept.attribute
    finite = known[np.isfinite(known) & ~np.isin(known, concept.missing)]
    stated = scaled_values(finite, declared, concept.unit)
    if len(finite) < MINIMUM_VALUES or stated is None:
        return None
    mistaken = attribute.mistaken if attribute is not None else ()
    candidates = [u for u in (concept.unit, *mistaken) if u not in (declared, None)]
    possible = [u for u in candidates if _fits(finite, u, concept)]
    if float(outside(stated, concept).mean()) > 1 - OUTSIDE:
        return possible[0] if possible else NO_UNIT if attribute and attribute.usual else None
    if declared != concept.unit or attribute is None:
        return None
    # Values as small as these are possible one by one, but not in all units of an inventory.
    limit, small = attribute.all_below or (0.0, "")
    if small and 0 < finite.max() <= limit and finite.min() >= 0 and _fits(finite, small, concept):
        return small
    if _share_usual(stated, concept) < USUAL:
        # tenths are stored as whole numbers
        whole = bool((finite == np.rint(finite)).all())
        possible = [u for u in possible if whole or len(possible) == 1 or not u.startswith("0.1 ")]
        return possible[0] if len(possible) == 1 else NO_UNIT
    if attribute.family == "slope" and _slopes_in_percent(layer):
        return "%"
    return _by_siblings(layer, concept, known, candidates) if attribute.statistic else None


def _slopes_in_percent(layer: Layer) -> bool:
    """Whether maximum slopes are no degrees but per cent, and mean or median slopes are so too.

    Mean slopes of 20 to 50 may be either. Maximum slopes above 90 are per cent where they are not few and the
    others are large too; mean slopes are too where some are above the maximum, brought to degrees.
    """
    if "slope_maximum" not in layer.columns:
        return False
    highest = numbers(layer, "slope_maximum")
    highest = np.where(np.isin(highest, missing_codes()), np.nan, highest)
    known = highest[np.isfinite(highest)]
    few = len(known) < MINIMUM_VALUES or float((known > 90.0).mean()) < PERCENT_SHARE
    if few or known.max() > STEEPEST or np.median(known) <= PERCENT_MEDIAN:
        return False
    limit = np.degrees(np.arctan(highest / 100.0))
    middles = [numbers(layer, x) for x in ("slope_mean", "slope_median") if x in layer.columns]
    return any(float(((x > limit) & (x <= highest)).mean()) > PERCENT_SHARE for x in middles)


def _fits(values: Floats, unit: str, concept: Concept) -> bool:
    """Whether nearly all values are possible in a unit, and usual."""
    scaled = scaled_values(values, unit, concept.unit)
    if scaled is None or float((~outside(scaled, concept)).mean()) < INSIDE:
        return False
    return _share_usual(scaled, concept) >= INSIDE


def _share_usual(values: Floats, concept: Concept) -> float:
    """Share of the possible values that rock glaciers have; 1 where nothing is known of that."""
    if concept.attribute is None or concept.attribute.usual is None:
        return 1.0
    low, high = concept.attribute.usual
    possible = values[~outside(values, concept)]
    return float(((possible >= low) & (possible <= high)).mean()) if len(possible) else 1.0


def _by_siblings(layer: Layer, concept: Concept, known: Floats, candidates: Sequence[str]) -> str | None:
    """The unit in which values agree with other statistics of the quantity, where they do not as they are."""
    siblings = _siblings(concept)
    if concept.name not in siblings:
        return None
    listed = missing_codes()
    others = []
    for name in siblings:
        if name == concept.name or name not in layer.columns:
            continue
        found = numbers(layer, name)
        others.append(np.where(np.isin(found, listed) | outside(found, concept), np.nan, found))
    if not others:
        return None
    table = np.array(others)
    table = table[:, np.isfinite(table).any(axis=0)]
    shown = known[np.isfinite(np.array(others)).any(axis=0)]
    if table.shape[1] < MINIMUM_VALUES:
        return None
    # the median of each row's known values; numpy.nanmedian takes three times as long. Gaps are sorted last.
    ordered, count = np.sort(table, axis=0), (~np.isnan(table)).sum(axis=0)
    rows = np.arange(len(count))
    middle = (ordered[(count - 1) // 2, rows] + ordered[count // 2, rows]) / 2
    ratio = np.nanmedian(shown / middle)
    if not ratio > _FOREIGN_FACTOR:
        return None
    for unit in candidates:
        scaled = scaled_values(shown, unit, concept.unit)
        if scaled is None:
            continue
        # Near the sea a maximum may be three times the minimum, but not in nearly all units.
        away = np.abs(np.log((scaled / middle)[np.isfinite(shown)]))
        if float((away <= np.log(_SIBLING_FACTOR)).mean()) >= INSIDE:
            return unit
    return None


def _siblings(concept: Concept) -> tuple[str, ...]:
    """Statistics of a quantity that are near each other: of elevation all, of others not the extremes."""
    assert concept.attribute is not None
    every = family(concept.attribute.family)
    if concept.attribute.family == "elevation":
        return every
    return tuple(name for name in every if attributes()[name].statistic in ("mean", "median"))


def scaled_values(values: Floats, unit: str | None, target: str | None) -> Floats | None:
    """Values in another unit; None where there is no way."""
    if target == "%" and dimension(unit) == "angle" and unit is not None:
        degrees = scaled_values(values, unit, "degree")
        return None if degrees is None else np.tan(np.radians(degrees)) * 100.0
    if unit == "%" and dimension(target) == "angle":
        linear = to_concept("degree", target)
        return None if linear is None else np.degrees(np.arctan(values / 100.0)) * linear[0]
    linear = to_concept(unit, target)
    if linear is None:
        return None
    return values if linear == (1.0, 0.0) else values * linear[0] + linear[1]


def recognised_area_unit(layer: Layer, known: Floats, km2: Floats) -> tuple[str | None, AreaKind]:
    """Unit of areas and the surface they were measured on, told from the geometries."""
    unit = guess_unit(known, km2)
    if unit is not None and agrees(known, km2 * UNITS_PER_KM2[unit], 1.1):
        return unit, AreaKind.ELLIPSOID
    for kind, measured in _planes(layer):
        if kind is AreaKind.DEGREES:
            if agrees(known, measured):
                return None, kind
            continue
        for own in ("km²", "ha", "m²"):
            if agrees(known, measured / 1e6 * UNITS_PER_KM2[own]):
                return own, kind
    if unit is None and disagrees(known, km2):
        return None, AreaKind.NONE
    return unit, AreaKind.ELLIPSOID


def _planes(layer: Layer) -> list[tuple[AreaKind, Floats]]:
    """Areas in square degrees and on the plane of Web Mercator, in the unit of the plane."""
    crs, geometry = layer.crs, layer.geometry
    if crs is None or not places_on_earth(crs):
        return []
    bounds = shapely.bounds(geometry)
    usable = np.isfinite(bounds).all(axis=1)
    if crs.is_geographic:
        usable &= (np.abs(bounds) <= [540.0, 85.0, 540.0, 85.0]).all(axis=1)
    out = []
    for kind, target in ((AreaKind.DEGREES, 4326), (AreaKind.WEB_MERCATOR, 3857)):
        measured = np.full(len(geometry), np.nan)
        measured[usable] = shapely.area(transform_geometries(geometry[usable], crs, target))
        out.append((kind, measured))
    return out
