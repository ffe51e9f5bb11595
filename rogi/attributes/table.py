"""Derived values into the columns of a table: which are taken, in which unit, and what belongs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from rogi.attributes.fields import DECIMALS, FAMILIES, GROUPS, QUALITY, QUALITY_OF, column_name
from rogi.errors import OptionError
from rogi.inventory.ids.primary_id import parse
from rogi.inventory.values.columns import as_numbers, blank
from rogi.inventory.values.known import known_texts, placeholder_numbers, quantity
from rogi.longitudes import short_way
from rogi.schema.load import concepts
from rogi.schema.units import to_concept

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rogi.inventory.model import Layer

    Mask = NDArray[np.bool_]
    Columns = Mapping[str, NDArray[Any]]

QUALITY_DECIMALS: Final = 4

SAME_PLACE: Final = 1e-4
"""Degrees, about 10 m: a latitude or longitude that differs by more from that derived is of another point."""

CONVERSION: Final = 1e-6
"""What two conversions of one number between units can differ by; no column has as many decimals."""


@dataclass
class Merged:
    """Values for the columns of a layer.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (n,)
        By concept, in the unit of the layer's column.
    derived : dict of str to ndarray of bool, shape (n,)
        By concept, the units whose value is of this run, null or not.
    anew, refused : dict of str to ndarray of int64
        By family, the units in which values that were there contradicted those derived now. In `anew` all of
        the family is of this run; in `refused` it was not asked for as a whole, and what was missing is null.
    """

    columns: dict[str, NDArray[Any]]
    derived: dict[str, Mask]
    anew: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    refused: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """By concept, the units that have a value of this run."""
        return {
            name: int((units & ~blank(np.asarray(self.columns[name]))).sum())
            for name, units in self.derived.items()
        }


def merged(layer: Layer, values: Columns, only_missing: bool, rows: Mask | None = None) -> Merged:
    """Derived values beside those that a layer has.

    Parameters
    ----------
    layer : Layer
    values : dict of str to ndarray, shape (n,)
        By concept, in the unit of the layer's column (see `stored`).
    only_missing : bool
        Values that are there stay, unless those of their family in a unit would contradict each other: a
        mean outside minimum and maximum, a latitude of one point and a longitude of another.
    rows : ndarray of bool, shape (n,), optional
        Units that have derived values; by default all.
    """
    every = np.ones(len(layer), dtype=bool) if rows is None else rows
    out = Merged({}, {})
    for name in values:
        kept = only_missing or name == "primary_id"
        out.derived[name] = every & lacking(layer, name) if kept else every.copy()
    for family in {FAMILIES[name]: None for name in values if name in FAMILIES} if only_missing else ():
        _settle(layer, values, family, out, every)
    for name, new in values.items():
        old = layer.raw(name).to_numpy(dtype=object) if name in layer.columns else np.nan
        chosen = np.where(out.derived[name], new.astype(object), old)
        for units in (out.refused[f] for f in out.refused if FAMILIES.get(name) == f):
            here = units[out.derived[name][units]]
            chosen[here] = np.nan
        out.columns[name] = _column(chosen)
    return out


def _settle(layer: Layer, values: Columns, family: str, out: Merged, every: Mask) -> None:
    """Derive a family as a whole, or not at all, in units where values there contradict those derived."""
    names = [name for name, of in FAMILIES.items() if of == family]
    there = [name for name in names if name in layer.columns]
    none = np.zeros(len(layer), dtype=bool)
    own = {name: out.derived.get(name, none) & every for name in names}
    mixed = np.logical_or.reduce([own[n] for n in names]) & np.logical_or.reduce(
        [none, *(~own[n] & ~lacking(layer, n) for n in there)]
    )
    if not mixed.any():
        return
    new = {name: as_numbers(pd.Series(values[name])) for name in names if name in values}
    numbers = {
        name: np.where(
            own[name],
            new.get(name, np.nan),
            as_numbers(layer.raw(name)) if name in there else np.nan,
        )
        for name in names
    }
    scales = {name: _linear(name, layer) for name in names}
    plain = {name: numbers[name] * scales[name][0] + scales[name][1] for name in names}
    if family == "position":
        away = [np.abs(short_way(numbers[n] - new.get(n, numbers[n]))) for n in names]
        bad = mixed & np.logical_or.reduce([distance > SAME_PLACE for distance in away])
    else:
        bad = mixed & disordered(
            [plain[f"{family}_{which}"] for which in ("minimum", "median", "mean", "maximum")], CONVERSION
        )
    whole = np.logical_and.reduce([none | (n in values) for n in there])
    known = np.logical_and.reduce([np.isfinite(found) for found in new.values()])
    anew, refused = np.flatnonzero(bad & whole & known), np.flatnonzero(bad & ~(whole & known))
    for name in names:
        if name in values:
            out.derived[name][anew] = True
    if len(anew):
        out.anew[family] = anew
    if len(refused):
        out.refused[family] = refused


def disordered(columns: Sequence[NDArray[np.float64]], tolerance: float = 0.0) -> Mask:
    """Where a minimum, median, mean and maximum contradict each other.

    Parameters
    ----------
    columns : sequence of ndarray of float64, shape (n,)
        Minimum, median, mean, maximum; NaN where unknown.
    tolerance : float

    Examples
    --------
    >>> mean = np.array([2.0, np.nan])
    >>> disordered([np.array([1.0, 5.0]), np.array([2.0, 6.0]), mean, np.array([3.0, 5.5])])
    array([False,  True])
    """
    least, median, mean, greatest = columns
    pairs = ((least, median), (least, mean), (median, greatest), (mean, greatest), (least, greatest))
    with np.errstate(invalid="ignore"):
        found: Mask = np.logical_or.reduce([low > high + tolerance for low, high in pairs])
    return found


def lacking(layer: Layer, concept: str) -> Mask:
    """Which units have no value of a concept: null, blank, or a code or word for a missing value."""
    if concept not in layer.columns:
        return np.ones(len(layer), dtype=bool)
    given = layer.raw(concept)
    missing = blank(given.to_numpy() if given.dtype == np.float64 else given.to_numpy(dtype=object))
    if concept == "primary_id":
        return missing
    if given.dtype == np.float64:  # as nearly always: no text has to be made of each
        missing |= np.isin(given.to_numpy(), placeholder_numbers())
    else:
        missing |= known_texts(layer, concept) == None  # noqa: E711
    return missing | quantity(layer, concept).missing if concept in DECIMALS else missing


def filled_layer(
    layer: Layer, filled: Merged, quality: Mapping[str, NDArray[np.float64]], notes: NDArray[np.object_]
) -> Layer:
    """A layer with values in its columns, or in new ones, and columns on their quality.

    Parameters
    ----------
    layer : Layer
    filled : Merged
    quality : dict of str to ndarray of float64, shape (n,)
        By key of `QUALITY`; written for the units whose values of that family are of this run.
    notes : ndarray of str or None, shape (n,)
    """
    frame = layer.frame.copy()
    columns = dict(layer.columns)
    for concept, values in filled.columns.items():
        columns[concept] = column_name(concept, layer)
        frame[columns[concept]] = values
    for key, share in quality.items():
        about = [u for name, u in filled.derived.items() if FAMILIES.get(name, name) == QUALITY_OF[key]]
        if not about:
            continue
        name = QUALITY[key]
        old = frame[name].to_numpy(dtype=object) if name in frame.columns else np.nan
        new = np.round(share, QUALITY_DECIMALS).astype(object)
        frame[name] = _column(np.where(np.logical_or.reduce(about), new, old))
    if quality or (notes != None).any() or QUALITY["note"] in frame.columns:  # noqa: E711
        frame[QUALITY["note"]] = notes
    return replace(layer, frame=frame, columns=columns)


def without_values(layer: Layer) -> dict[str, Mask]:
    """By column of a derivable attribute that a layer has, (n,) the units without a value in it.

    A missing ID is not counted: it is a finding of its own.
    """
    names = [n for group in GROUPS.values() for n in group if n in layer.columns and n != "primary_id"]
    return {layer.columns[name]: lacking(layer, name) for name in names}


def joined_layer(markers: Layer, outlines: Layer, concepts: Sequence[str], only_missing: bool) -> Layer:
    """Markers with the values of the outline of their ID, in those of the columns that they have."""
    shared = [c for c in concepts if c in markers.columns and c != "primary_id"]
    if not shared or not markers.has("primary_id") or not outlines.has("primary_id"):
        return markers
    ids = parse(outlines.raw("primary_id").to_numpy(dtype=object)).canonical
    place = {text: k for k, text in reversed(list(enumerate(ids))) if text is not None}
    own = parse(markers.raw("primary_id").to_numpy(dtype=object)).canonical
    row = np.array([place.get(text, -1) if text is not None else -1 for text in own], dtype=np.int64)
    values = {}
    for concept in shared:
        found = outlines.raw(concept).to_numpy(dtype=object)
        if concept in DECIMALS and _linear(concept, outlines) != _linear(concept, markers):
            factor, offset = _linear(concept, outlines)
            found = stored(concept, as_numbers(outlines.raw(concept)) * factor + offset, markers).astype(
                object
            )
        values[concept] = np.array([*found, None], dtype=object)[row]
    frame = markers.frame.copy()
    for concept, column in merged(markers, values, only_missing, row >= 0).columns.items():
        frame[markers.columns[concept]] = column
    return replace(markers, frame=frame)


def stored(concept: str, values: NDArray[Any], layer: Layer) -> NDArray[Any]:
    """Values of a concept in the unit of the layer's column, rounded.

    Raises
    ------
    OptionError
        There is no linear way into that unit.
    """
    if concept not in DECIMALS:
        return values
    factor, offset = _linear(concept, layer)
    decimals = max(DECIMALS[concept] + round(np.log10(factor)), 0)
    found: NDArray[Any] = np.round((values.astype(np.float64) - offset) / factor, decimals) + 0.0
    if concept == "aspect":
        found[found >= 360.0] = 0.0
    return found


def _linear(concept: str, layer: Layer) -> tuple[float, float]:
    """Factor and offset from the unit of the layer's column to the concept's."""
    unit = layer.dialect.units.get(concept) if layer.dialect is not None else None
    linear = to_concept(unit, concepts()[concept].unit)
    if linear is None:
        raise OptionError(
            f"The column {column_name(concept, layer)} is in {unit}, in which derived values cannot be "
            "written; convert the inventory first (rogi convert)."
        )
    return linear


def _column(values: NDArray[Any]) -> Any:
    """Numbers as float64 where all are numbers or null."""
    series = pd.Series(values)
    if series.dtype == object:
        numbers = pd.to_numeric(series, errors="coerce")
        if not (numbers.isna() & series.notna()).any() and numbers.notna().any():
            return numbers.astype(np.float64).to_numpy()
    return series.to_numpy()
