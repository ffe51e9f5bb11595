"""What is known of the numbers of a layer: codes for missing values, possible values, units and codings.

The rules, the statistics, comparisons, conversions and fixes all ask here, so that none of them takes for a
measurement what another one reports as an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.inventory.model import Layer
from rogi.inventory.values.area_unit import UNITS_PER_KM2, area_unit, half_last_decimal
from rogi.inventory.values.aspects import Coding, declared_coding, degrees, recognised_coding
from rogi.inventory.values.columns import as_numbers, as_text, column_values, folded, is_placeholder, texts
from rogi.inventory.values.units import (
    MINIMUM_VALUES,
    AreaKind,
    Told,
    declared_unit,
    missing_codes,
    outside,
    recognised_area_unit,
    recognised_unit,
    scaled_values,
)
from rogi.schema.load import concepts, load_vocabulary
from rogi.schema.model import Concept
from rogi.schema.parameters import load_parameters
from rogi.schema.units import to_concept

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Objects = NDArray[np.object_]

# No quantity of an inventory is that large; raster formats use such numbers for "no data".
ASTRONOMIC = 1e19
# and some write the smallest number that is not zero.
MINUTE = 1e-30
# Elevations of zero and less beside others that are all this high (m) were never measured.
ZERO_BELOW = 500.0
# An area this many times larger or smaller than its outline is a code: no mistaken unit explains it.
AREA_APART = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """A column of numbers, and what is known of it.

    Attributes
    ----------
    concept
        As the layer's schema constrains it.
    numbers
        (n,) as in the file; NaN where there is no number.
    values
        (n,) in the concept's unit; NaN where missing, impossible, or in a unit that cannot be converted.
    missing
        (n,) a number that means that the value is missing.
    impossible
        (n,) outside the concept's range, or not finite.
    unread
        (n,) a text that is no number (and, for aspects, no direction).
    unit
        Unit of ``numbers``: one of :mod:`rogi.schema.units`, or a coding of aspects.
    declared
        What dialect, name or schema say.
    told
        How the unit is known.
    area_kind
        For areas, the surface they were measured on.
    """

    concept: Concept
    column: str
    numbers: Floats
    values: Floats
    missing: Mask
    impossible: Mask
    unread: Mask
    unit: str | None
    declared: str | None
    told: Told
    coding: Coding | None = None
    area_kind: AreaKind = AreaKind.ELLIPSOID

    @property
    def recognised(self) -> bool:
        """Whether the values themselves show another unit than is declared."""
        return self.told is Told.VALUES and self.unit != self.declared

    @property
    def kind(self) -> str:
        """What the values are, in words: ``class codes``, ``in no known unit``."""
        if self.area_kind is not AreaKind.ELLIPSOID:
            return self.area_kind.value
        return str(self.unit) if self.coding is not None else f"in {self.unit}"

    @property
    def convertible(self) -> bool:
        """Whether the unit can be brought to the concept's."""
        if self.area_kind is not AreaKind.ELLIPSOID:
            return False
        if self.coding is not None:
            return self.coding not in (Coding.CLASSES, Coding.UNKNOWN)
        return scaled_values(np.zeros(1), self.unit, self.concept.unit) is not None

    def left_out(self, rows: NDArray[np.int64] | None = None) -> str:
        """What is no value and why, for a note; empty where all numbers count."""
        at = slice(None) if rows is None else rows
        parts = []
        missing, impossible = self.missing[at], self.impossible[at]
        if missing.any():
            codes = sorted({as_text(v) for v in self.numbers[at][missing].tolist()})
            shown = ", ".join(codes[:4]) + (", …" if len(codes) > 4 else "")
            parts.append(f"{int(missing.sum()):,} {_plural(missing, 'code')} for missing values ({shown})")
        if impossible.any():
            numbers = sorted({as_text(v) for v in self.numbers[at][impossible].tolist()})
            shown = ", ".join(numbers[:4]) + (", …" if len(numbers) > 4 else "")
            parts.append(f"{int(impossible.sum()):,} impossible {_plural(impossible, 'value')} ({shown})")
        if self.unread[at].any():
            parts.append(
                f"{int(self.unread[at].sum()):,} {_plural(self.unread[at], 'text')} that are no values"
            )
        return " and ".join(parts)

    def notes(self, rows: NDArray[np.int64] | None = None) -> list[str]:
        """What was left out and converted, in words."""
        out = []
        if not self.convertible:
            out.append(f"{self.column}: values are {self.kind}, which cannot be converted; left out")
        elif self.coding is not None:
            if self.coding is not Coding.DEGREES:
                out.append(f"{self.column}: {self.coding.value} were converted to degrees")
        elif self.unit != self.concept.unit:
            out.append(f"{self.column}: values in {self.unit} were converted to {self.concept.unit}")
        if left := self.left_out(rows):
            out.append(f"{self.column}: {left} left out")
        return out


def known_texts(layer: Layer, name: str) -> Objects:
    """(n,) texts of a concept without outer blanks; None where blank or a word for "no value" (SCH012).

    Words that are terms of the concept's vocabulary are values (``Unknown`` upslope connection).
    """
    out = texts(column_values(layer, name))
    concept = concept_of(layer, name)
    terms = load_vocabulary(concept.vocabulary).values if concept.vocabulary is not None else ()
    kept = {folded(term) for term in terms}
    none = placeholders()
    missing = {t for t in set(out) if t is not None and folded(t) not in kept and is_placeholder(t, none)}
    if missing:
        out[[text in missing for text in out]] = None
    return out


def outline_kinds(layer: Layer) -> Objects:
    """(n,) ``"extended"``, ``"restricted"`` or None of the outlines of a layer that has their type.

    ``Ext.`` and ``restricted outline`` are understood too; how they are written is the matter of SCH013.
    """
    text = known_texts(layer, "outline_type")
    known = {t: _outline_kind(t) for t in set(text)}
    return np.array([*(known[t] for t in text), None], dtype=object)[:-1]


def _outline_kind(text: str | None) -> str | None:
    plain = "".join(filter(str.isalnum, (text or "").casefold()))
    if plain in ("e", "ext") or plain.startswith("extend"):
        return "extended"
    return "restricted" if plain in ("r", "res", "rest") or plain.startswith("restrict") else None


@lru_cache(maxsize=1)
def placeholders() -> frozenset[str]:
    """Words for "no value" in the form they are compared in (parameter ``SCH012.placeholders``)."""
    value = load_parameters()["SCH012.placeholders"].value
    return frozenset(folded(str(v)) for v in (value if isinstance(value, tuple) else (value,)))


@lru_cache(maxsize=1)
def placeholder_numbers() -> Floats:
    """Those of the `placeholders` that are numbers."""
    numbers = as_numbers(pd.Series(sorted(placeholders())))
    return numbers[np.isfinite(numbers)]


def concept_of(layer: Layer, name: str) -> Concept:
    """The concept as the layer's schema constrains it."""
    field = layer.schema.field(name) if layer.schema else None
    return field.concept if field else concepts()[name]


def quantity(
    layer: Layer,
    name: str,
    *,
    series: pd.Series | None = None,
    km2: Floats | None = None,
    codes: Sequence[float] | None = None,
    enough: int | None = None,
) -> Quantity:
    """A column of numbers with what is known of it.

    Parameters
    ----------
    layer
        It has the concept.
    name
        Concept, e.g. ``elevation_minimum``.
    series
        The concept's values, where they were looked up before.
    km2
        (n,) areas of the geometries on the ellipsoid, km², NaN where unknown: tells the unit of areas.
    codes
        Numbers that mark a missing value where they are no possible value; by default those of ATT009.
    enough
        Values needed to tell how aspects are coded (ATT006.minimum_values). By default a single value of 0
        to 8 is left out already, as it may be a class; a rule needs more to say so.

    Returns
    -------
    Quantity
    """
    listed = np.asarray(missing_codes() if codes is None else codes, dtype=np.float64)
    concept = concept_of(layer, name)
    series = column_values(layer, name) if series is None else series
    given = as_numbers(series)
    column = layer.columns.get(name, name)
    declared, told = declared_unit(layer, concept)
    with np.errstate(all="ignore"):
        known = np.where(np.isin(given, listed) | ~(np.abs(given) < ASTRONOMIC), np.nan, given)
        if name == "aspect":
            return _aspects(concept, column, series, given, known, listed, declared, told, enough)
        kind = AreaKind.ELLIPSOID
        unit: str | None
        if name == "area":
            declared = area_unit(declared)
        if name == "area" and km2 is not None and np.isfinite(km2).any():
            unit, kind = recognised_area_unit(layer, known, km2)
        else:
            unit = recognised_unit(layer, concept, known, declared)
        if unit is not None:
            told = Told.VALUES
        else:
            unit = declared
        scaled = scaled_values(given, unit, concept.unit)
        if scaled is None or kind is not AreaKind.ELLIPSOID:
            scaled = np.full(len(given), np.nan)
        rounding = half_last_decimal(known) if name == "area" else 0.0
        missing = _missing(concept, given, scaled, listed, rounding, unit, km2)
        impossible = ~missing & (outside(scaled, concept) | np.isinf(given))
        if name == "area" and km2 is not None:
            ratio = (scaled + rounding / UNITS_PER_KM2.get(unit or "", 1.0)) / km2
            impossible |= ~missing & ((ratio > AREA_APART) | (ratio < 1 / AREA_APART))
    return Quantity(
        concept,
        column,
        given,
        np.where(missing | impossible, np.nan, scaled),
        missing,
        impossible,
        _unread(series, given),
        unit,
        declared,
        told,
        None,
        kind,
    )


def _missing(
    concept: Concept,
    given: Floats,
    scaled: Floats,
    listed: Floats,
    rounding: float,
    unit: str | None,
    km2: Floats | None,
) -> Mask:
    """(n,) numbers that mark a missing value."""
    unbounded = concept.minimum is None and concept.maximum is None
    code = np.isin(given, listed)
    out = code & (outside(scaled, concept) | (unbounded & (given < 0)) | np.isnan(scaled))
    size = np.abs(given)
    out |= np.isfinite(given) & ((size >= ASTRONOMIC) | ((size < MINUTE) & (given != 0)))
    zero = np.isin(given, concept.missing)
    if concept.name == "area" and km2 is not None and zero.any():
        # an area that is smaller than half of the last decimal is rightly written as 0
        zero &= ~(km2 * UNITS_PER_KM2.get(unit or "", 1.0) <= rounding * 1.001)
    if concept.attribute is not None and concept.attribute.family == "elevation":
        rest = scaled[np.isfinite(scaled) & (scaled > 0) & ~code & ~outside(scaled, concept)]
        if len(rest) and rest.min() > ZERO_BELOW:
            zero |= (scaled <= 0) & ~outside(scaled, concept)
    return out | zero | _apart(given, code & ~out)


def _apart(given: Floats, code: Mask) -> Mask:
    """(n,) codes for missing values that would be possible, but are farther off than all others are apart."""
    rest = given[np.isfinite(given) & ~code & (np.abs(given) < ASTRONOMIC)]
    if not code.any() or len(rest) < MINIMUM_VALUES:
        return np.zeros(len(given), dtype=bool)
    low, high = rest.min(), rest.max()
    return np.asarray(code & ((given > high + (high - low)) | (given < low - (high - low))))


def _unread(series: pd.Series, given: Floats) -> Mask:
    """(n,) texts that are no number."""
    if pd.api.types.is_numeric_dtype(series.dtype):
        return np.zeros(len(given), dtype=bool)
    filled = np.array([text is not None for text in texts(series)], dtype=bool)
    return np.asarray(filled & np.isnan(given))


def _aspects(
    concept: Concept,
    column: str,
    series: pd.Series,
    given: Floats,
    known: Floats,
    listed: Floats,
    declared: str | None,
    told: Told,
    enough: int | None,
) -> Quantity:
    """Directions in degrees of a column in any coding."""
    numeric = pd.api.types.is_numeric_dtype(series.dtype)  # the text of a number is no direction
    words = np.full(len(given), None, dtype=object) if numeric else texts(series)
    said = declared_coding(declared)
    seen = recognised_coding(known, words, enough or MINIMUM_VALUES, enough or 1)
    coding = said if seen is None else _coding(said, seen, told)
    found = degrees(coding, given, words)
    linear = to_concept("degree", concept.unit) or (1.0, 0.0)
    bounded = outside(found, concept) if concept.unit == "degree" else outside(found * linear[0], concept)
    missing = np.isin(given, listed) & (bounded | np.isnan(found))
    missing |= np.isfinite(given) & (np.abs(given) >= ASTRONOMIC)
    impossible = ~missing & (bounded | np.isinf(given))
    if coding in (Coding.CLASSES_FROM_NORTH, Coding.CLASSES_FROM_EAST):
        impossible |= ~missing & np.isfinite(given) & np.isnan(found)
    unread = np.isnan(found) & np.array([w is not None for w in words], dtype=bool) & np.isnan(given)
    unit = {Coding.DEGREES: concept.unit, Coding.RADIANS: "radian"}.get(coding, coding.value)
    return Quantity(
        concept,
        column,
        given,
        np.where(missing | impossible, np.nan, found * linear[0]),
        missing,
        impossible,
        unread,
        unit,
        declared,
        Told.VALUES if coding is not said else told,
        coding,
    )


def _coding(said: Coding, seen: Coding, told: Told) -> Coding:
    """The coding to take: that declared, unless the values contradict it."""
    classes = (Coding.CLASSES_FROM_NORTH, Coding.CLASSES_FROM_EAST)
    if seen is Coding.UNKNOWN and said is not Coding.DEGREES:
        return said
    if seen is said or (seen is Coding.CLASSES and said in classes):
        return said
    if seen is Coding.RADIANS and said in classes:
        return said
    if seen is Coding.DEGREES and said in (Coding.GON, Coding.MILS, Coding.SIGNED):
        return said  # such numbers fit both: what was declared holds
    return seen


def _plural(mask: Mask, word: str) -> str:
    return word if int(mask.sum()) == 1 else f"{word}s"
