"""Values of the units of two versions: which changed, beyond noise and tolerances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import Geod
from shapely import get_coordinates

from rogi.comparison.matching.graph import SLIVER_AREA_M2
from rogi.comparison.matching.sides import Side, side_of
from rogi.geometry import Ints
from rogi.inventory.model import Inventory
from rogi.schema.load import concepts
from rogi.schema.model import FieldType, Role

# Outlines whose union exceeds their intersection by less are the same: 1e-4 of the smallest unit of 0.01 km².
OUTLINE_NOISE_M2: Final = SLIVER_AREA_M2
# Two numbers this close are the same number written by two programs; single precision holds 6e-8.
NUMBER_TOLERANCE: Final = 1e-7
MARKER_NOISE_M: Final = 0.1  # 1e-6 of a degree, the sixth decimal


class Kind(StrEnum):
    """What became of a unit."""

    ADDED = "added"
    REMOVED = "removed"
    SPLIT = "split"
    MERGED = "merged"
    REGROUPED = "regrouped"  # several became several others
    RENAMED = "renamed"  # the same unit under another ID
    REFINED = "refined"  # the outline (or the marker) changed
    ATTRIBUTES = "attributes"  # only values changed
    UNCHANGED = "unchanged"

    @property
    def structural(self) -> bool:
        """Whether units or IDs came or went."""
        return self not in (Kind.REFINED, Kind.ATTRIBUTES, Kind.UNCHANGED)


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What counts as no change; ``values`` are absolute, by column or concept.

    Areas in km² have the noise of outlines, unless ``values`` says otherwise.
    """

    outline_m2: float = OUTLINE_NOISE_M2
    marker_m: float = MARKER_NOISE_M
    relative: float = NUMBER_TOLERANCE
    values: Mapping[str, float] = field(default_factory=dict)


def repeated_ids(side: Side) -> set[str]:
    """IDs that stand for several units of a version."""
    values, counts = np.unique(side.ids.astype(str), return_counts=True)
    return set(values[counts > 1].tolist())


def changed_values(
    a: Side,
    b: Side,
    row_old: Ints,
    row_new: Ints,
    kinds: NDArray[np.object_],
    tolerances: Tolerances,
    marker_sides: tuple[Side | None, Side | None],
    notes: list[str],
) -> tuple[list[list[str]], pd.DataFrame, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Columns that changed of each row, the changed values, and columns that came, went or changed type."""
    left, right = (_columns(side, markers) for side, markers in zip((a, b), marker_sides, strict=True))
    numbers = [_numbers(side, markers, notes) for side, markers in zip((a, b), marker_sides, strict=True)]
    both = [name for name in right if name in left]
    pairs = np.flatnonzero(np.isin(kinds, [Kind.UNCHANGED.value, Kind.RENAMED.value]))
    at_a, at_b = a.positions[row_old[pairs]], b.positions[row_new[pairs]]
    fields: list[list[str]] = [[] for _ in row_old]
    parts, retyped = [], []
    for name in both:
        if name == "primary_id":
            continue
        x, y = left[name].iloc[at_a], right[name].iloc[at_b]
        if pd.api.types.is_numeric_dtype(left[name].dtype) != pd.api.types.is_numeric_dtype(
            right[name].dtype
        ) and (left[name].notna().any() and right[name].notna().any()):
            retyped.append(name)
        compared = x, y
        if name in numbers[0] and name in numbers[1]:
            compared = numbers[0][name].iloc[at_a], numbers[1][name].iloc[at_b]
        noise = tolerances.values.get(name, tolerances.outline_m2 / 1e6 if name == "area" else 0.0)
        differs = np.flatnonzero(_differs(*compared, tolerances.relative, noise))
        for row in pairs[differs]:
            fields[row].append(name)
        parts.append(
            pd.DataFrame(
                {
                    "id": b.ids[row_new[pairs[differs]]],
                    "field": name,
                    "old": _shown(x.iloc[differs]),
                    "new": _shown(y.iloc[differs]),
                }
            )
        )
    table = (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame({"id": [], "field": [], "old": [], "new": []})
    )
    unknown = sorted(set(tolerances.values) - set(both))
    if unknown:
        notes.append(
            f"there is no column or concept {', '.join(unknown)} in both versions to give a tolerance to"
        )
    added = tuple(name for name in right if name not in left)
    removed = tuple(name for name in left if name not in right)
    return (
        fields,
        table.sort_values(["id", "field"], kind="stable", ignore_index=True),
        (added, removed, tuple(retyped)),
    )


def _columns(side: Side, markers: Side | None) -> dict[str, pd.Series[Any]]:
    """Values by concept, and of other columns by name; what only the markers tell comes from them, by ID."""
    layer = side.layer
    made = {concept: layer.values(concept) for concept in layer.columns}
    made |= {name: layer.frame[name] for name in layer.extra_columns}
    return made if markers is None else _with_markers(made, _columns(markers, None), side, markers)


def _numbers(side: Side, markers: Side | None, notes: list[str]) -> dict[str, pd.Series[Any]]:
    """Numbers by concept as they are compared: in the concept's unit, NaN for codes of missing values; noted.

    What is impossible stays as it is, since its correction is a change; so does a unit that cannot be
    converted.
    """
    made: dict[str, pd.Series[Any]] = {}
    for concept in side.layer.columns:
        known = concepts().get(concept)
        if known is None or known.type not in (FieldType.NUMBER, FieldType.INTEGER) or known.vocabulary:
            continue
        found = side.quantity(concept)
        if found.unread.any() or not found.convertible:
            continue
        kept = np.where(found.impossible, found.numbers, found.values)
        made[concept] = pd.Series(kept, index=side.layer.frame.index)
        if found.missing[side.positions].any() or found.unit != known.unit:
            notes += [f"{side.name}: {note}" for note in found.notes(side.positions)]
    return made if markers is None else _with_markers(made, _numbers(markers, None, notes), side, markers)


def _with_markers(
    made: dict[str, pd.Series[Any]], table: dict[str, pd.Series[Any]], side: Side, markers: Side
) -> dict[str, pd.Series[Any]]:
    """Columns of outlines, and those of their markers that they lack, in the order of the outlines."""
    repeated = repeated_ids(markers)
    row = {
        i: p
        for i, p in zip(markers.ids.tolist(), markers.positions.tolist(), strict=True)
        if i not in repeated
    }
    at = np.full(len(side.layer), -1)
    at[side.positions] = [row.get(i, -1) for i in side.ids.tolist()]
    return made | {
        name: values.reset_index(drop=True).reindex(at).reset_index(drop=True)
        for name, values in table.items()
        if name not in made
    }


def markers_of(inventory: Inventory, side: Side) -> Side | None:
    """The markers that go with outlines by their ID, or None."""
    layer = inventory.layer(Role.MARKER)
    if not side.outlines or not side.id_column or layer is None or layer.crs is None:
        return None
    markers = side_of(inventory, Role.MARKER)
    return markers if markers.id_column else None


def _differs(x: pd.Series[Any], y: pd.Series[Any], relative: float, absolute: float) -> NDArray[np.bool_]:
    if pd.api.types.is_numeric_dtype(x.dtype) and pd.api.types.is_numeric_dtype(y.dtype):
        p, q = (v.to_numpy(dtype=np.float64, na_value=np.nan) for v in (x, y))
        with np.errstate(invalid="ignore"):
            apart = np.abs(p - q) > absolute + relative * np.maximum(np.abs(p), np.abs(q))
        return np.asarray((apart & ~(np.isnan(p) | np.isnan(q))) | (np.isnan(p) != np.isnan(q)))
    return np.asarray(_shown(x) != _shown(y))


def _shown(values: pd.Series[Any]) -> NDArray[np.object_]:
    """Texts without outer blanks, empty where there is no value; numbers as Python writes them."""
    text = values.astype("str").str.strip()
    out: NDArray[np.object_] = text.to_numpy(dtype=object, copy=True)
    out[values.isna().to_numpy(dtype=bool)] = ""
    return out


def moved_markers(
    marker_sides: tuple[Side | None, Side | None],
    a: Side,
    b: Side,
    row_old: Ints,
    row_new: Ints,
    kinds: NDArray[np.object_],
    tolerances: Tolerances,
) -> NDArray[np.bool_]:
    """Rows of the same unit whose marker, in a layer of its own, stands elsewhere."""
    out = np.zeros(len(row_old), bool)
    sides = [side for side in marker_sides if side is not None]
    if len(sides) < 2:
        return out
    at: list[dict[Any, Any]] = []
    for side in sides:
        repeated = repeated_ids(side)
        at.append(
            {i: g for i, g in zip(side.ids.tolist(), side.geometries, strict=True) if i not in repeated}
        )
    rows = [
        k
        for k in np.flatnonzero(kinds == Kind.UNCHANGED.value).tolist()
        if a.ids[row_old[k]] in at[0] and b.ids[row_new[k]] in at[1]
    ]
    if rows:
        first = get_coordinates(np.array([at[0][a.ids[row_old[k]]] for k in rows], dtype=object))
        second = get_coordinates(np.array([at[1][b.ids[row_new[k]]] for k in rows], dtype=object))
        metres = Geod(ellps="WGS84").inv(*first.T, *second.T)[2]
        out[np.array(rows)[np.asarray(metres) > tolerances.marker_m]] = True
    return out
