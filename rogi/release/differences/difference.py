"""What changed between two versions of an inventory, unit by unit.

A unit is the same in both versions if its ID and its place are. What is left is followed through the match
graph: an outline that lies mostly inside another one is a part of it, so that splits, merges and renamed IDs
are told from units that came or went.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.comparison.matching.graph import MARKER_DISTANCE_M, connected, match_points, match_polygons
from rogi.comparison.matching.prepared_outlines import prepare_together
from rogi.comparison.matching.sides import Extent, Side, side_of
from rogi.errors import InputError
from rogi.geometry import Floats, Geometries, Ints
from rogi.inventory.model import Inventory
from rogi.release.differences.tables import by_field, by_subregion
from rogi.release.differences.values import (
    OUTLINE_NOISE_M2,
    Kind,
    Tolerances,
    changed_values,
    markers_of,
    moved_markers,
    repeated_ids,
)
from rogi.schema.model import Role
from rogi.text import agreeing, counted

__all__ = ["Difference", "Kind", "Tolerances", "difference"]


# Two outlines belong together if this share of the smaller one lies in the other: most of it.
PART_SHARE: Final = 0.5
M2_PER_KM2: Final = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Two versions, unit by unit.

    Attributes
    ----------
    old, new
        What the versions are called.
    units
        One row per link of an old and a new unit, and per unit without: ``kind``, ``group`` (number of the
        split, merge or regrouping, else 0), ``id_old``, ``id_new``, ``subregion``, ``area_old_km2``,
        ``area_new_km2``, ``area_change_km2``, ``iou``, ``distance_m`` (markers), ``fields`` (columns whose
        value changed), ``longitude``, ``latitude``. Sorted by kind, then ID.
    values
        One row per changed value: ``id``, ``field``, ``old``, ``new``.
    moved
        IDs that stand for a unit in another place than before.
    fields_added, fields_removed, fields_retyped
        Columns of the outlines (or markers).
    old_geometry, new_geometry
        (n,) shapely on longitude and latitude for the rows of ``units``; None if missing.
    notes
        What had to be decided on the way, or could not be compared.
    """

    old: str
    new: str
    schema_old: str
    schema_new: str
    units: pd.DataFrame
    values: pd.DataFrame
    moved: tuple[str, ...]
    fields_added: tuple[str, ...]
    fields_removed: tuple[str, ...]
    fields_retyped: tuple[str, ...]
    old_geometry: Geometries
    new_geometry: Geometries
    count_old: int
    count_new: int
    area_old_km2: float
    area_new_km2: float
    ids_old: frozenset[str]
    ids_new: frozenset[str]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Kind, int]:
        """Cases of each kind: units, but splits, merges and regroupings as a whole."""
        frame = self.units
        out = {}
        for kind in Kind:
            rows = frame[frame["kind"] == kind.value]
            grouped = kind in (Kind.SPLIT, Kind.MERGED, Kind.REGROUPED)
            out[kind] = int(rows["group"].nunique() if grouped else len(rows))
        return out

    @property
    def schema_changed(self) -> bool:
        """Whether old columns lost their meaning: another schema, columns gone or of another type."""
        return self.schema_old != self.schema_new or bool(self.fields_removed) or bool(self.fields_retyped)

    @property
    def changed(self) -> bool:
        """Whether anything did."""
        counts = self.counts
        units = any(counts[kind] for kind in Kind if kind is not Kind.UNCHANGED)
        return self.schema_changed or bool(self.fields_added) or bool(self.moved) or units

    @property
    def vanished(self) -> frozenset[str]:
        """IDs of the old version that the new one does not have."""
        return self.ids_old - self.ids_new

    def subregions(self) -> pd.DataFrame:
        """Units and area of both versions and cases of each kind, per subregion."""
        return by_subregion(self.units)

    def fields(self) -> pd.DataFrame:
        """Which fields changed, in how many units, and by how much."""
        return by_field(self.values)

    def layers(self) -> dict[str, gpd.GeoDataFrame]:
        """Layers ``old`` and ``new``: the outlines of all units that are not unchanged, EPSG:4326."""
        made = {}
        for name, shapes in (("old", self.old_geometry), ("new", self.new_geometry)):
            keep = ~shapely.is_missing(shapes) & (self.units["kind"] != Kind.UNCHANGED.value).to_numpy(
                dtype=bool
            )
            table = self.units.drop(columns=["row_old", "row_new", "subregion_old", "subregion_new"])[
                keep
            ].reset_index(drop=True)
            made[name] = gpd.GeoDataFrame(table, geometry=shapes[keep], crs="EPSG:4326")
        return made


def difference(
    old: Inventory,
    new: Inventory,
    *,
    tolerances: Tolerances | None = None,
    names: tuple[str, str] | None = None,
) -> Difference:
    """Compare two versions of an inventory.

    Parameters
    ----------
    old, new
        Extended outlines are compared, or markers where a version has no outlines; markers that go with
        outlines are compared by their place and by the values that only they have.
    tolerances
        What counts as no change.
    names
        What to call the versions; by default their paths.

    Raises
    ------
    InputError
        If a version has neither layer or no CRS, or one has outlines and the other only markers.
    """
    tolerances = tolerances or Tolerances()
    notes: list[str] = []
    a, b = _sides(old, new, notes)
    pairs = _pairs(a, b)
    link, moved = _links(a, b, pairs)
    return _assemble(old, new, a, b, pairs, link, moved, tolerances, names, notes)


# ---- the units


def _sides(old: Inventory, new: Inventory, notes: list[str]) -> tuple[Side, Side]:
    a, b = side_of(old), side_of(new)
    if a.role is not b.role:
        raise InputError(
            f"{old.path} has {a.role.title} but {new.path} {b.role.title}; versions are compared like with "
            "like."
        )
    sides = []
    for side in (a, b):
        restricted = side.extent == Extent.RESTRICTED
        if restricted.any() and not restricted.all():
            notes.append(
                f"{counted(int(restricted.sum()), 'restricted outline')} of {side.name} not compared"
            )
            side = side.keep(~restricted)
        if side.without_geometry:
            notes.append(
                f"{counted(side.without_geometry, 'unit')} of {side.name} without usable geometry left out"
            )
        notes += [f"{side.name}: {note}" for note in side.notes]
        if side.repaired:
            notes.append(
                f"{counted(len(side.repaired), 'invalid outline')} of {side.name} repaired to be compared"
            )
        repeated = repeated_ids(side)
        if repeated:
            notes.append(
                f"{counted(len(repeated), 'ID')} of {side.name} "
                f"{agreeing(len(repeated), 'stands', 'stand')} for several units, which were matched by place"
            )
        sides.append(side)
    notes += [
        f"the moving areas of {inventory.path} were not compared"
        for inventory in (old, new)
        if inventory.layer(Role.MOVING_AREA) is not None
    ]
    return sides[0], sides[1]


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs that meet or share an ID: rows, IoU and distance, and whether they belong together by place."""

    a: Ints
    b: Ints
    iou: Floats
    distance: Floats
    overlap: Floats
    together: NDArray[np.bool_]
    same_id: NDArray[np.bool_]
    area_a: Floats
    area_b: Floats


def _pairs(a: Side, b: Side) -> _Pairs:
    if a.outlines:
        left, right = prepare_together([(a.geometries, 4326), (b.geometries, 4326)])
        graph = match_polygons(left, right)
        smaller = np.minimum(graph.area_a[graph.a], graph.area_b[graph.b])
        # A hair less, since areas are not exact in binary: a half is half.
        together = graph.linked & (graph.overlap >= PART_SHARE * (1.0 - 1e-6) * smaller)
    else:
        graph = match_points(a.geometries, b.geometries, max_distance_m=MARKER_DISTANCE_M)
        together = graph.linked
    rows_a, rows_b = graph.a, graph.b
    same = (a.ids[rows_a] == b.ids[rows_b]).astype(bool)
    if a.id_column and b.id_column:
        same &= ~np.isin(a.ids[rows_a].astype(str), sorted(repeated_ids(a) | repeated_ids(b)))
    else:
        same[:] = False  # row numbers are no IDs
    return _Pairs(
        rows_a, rows_b, graph.iou, graph.distance, graph.overlap, together, same, graph.area_a, graph.area_b
    )


def _links(a: Side, b: Side, pairs: _Pairs) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Pairs that make one case, and IDs that moved.

    A pair of one ID that belongs together is the same unit, whatever else overlaps it, unless a part was cut
    from it: then the parts, which lay in it, go with it.
    """
    by_id_a = {k: i for i, k in enumerate(a.ids.tolist())}
    known = {pairs.a[k] for k in np.flatnonzero(pairs.same_id & pairs.together)}
    repeated = repeated_ids(a) | repeated_ids(b)
    moved = ()
    if a.id_column and b.id_column:
        shared = [i for i in b.ids.tolist() if i in by_id_a and i not in repeated]
        moved = tuple(sorted(i for i in shared if by_id_a[i] not in known))
    same = pairs.same_id & pairs.together
    kept_a = np.zeros(len(a), bool)
    kept_b = np.zeros(len(b), bool)
    # An outline that did not change has no parts: what overlaps it is a unit of its own.
    union = pairs.area_a[pairs.a] + pairs.area_b[pairs.b] - pairs.overlap
    with np.errstate(invalid="ignore"):
        equal = same & ((union - pairs.overlap <= OUTLINE_NOISE_M2) | np.isnan(union))
    kept_a[pairs.a[equal]] = True
    kept_b[pairs.b[equal]] = True
    free = pairs.together & ~same & ~kept_a[pairs.a] & ~kept_b[pairs.b]
    # Two units that each have their own counterpart are neighbours, not parts of each other.
    has_a, has_b = np.zeros(len(a), bool), np.zeros(len(b), bool)
    has_a[pairs.a[same]], has_b[pairs.b[same]] = True, True
    free &= ~(has_a[pairs.a] & has_b[pairs.b])
    return same | free, moved


def _assemble(
    old: Inventory,
    new: Inventory,
    a: Side,
    b: Side,
    pairs: _Pairs,
    link: NDArray[np.bool_],
    moved: tuple[str, ...],
    tolerances: Tolerances,
    names: tuple[str, str] | None,
    notes: list[str],
) -> Difference:
    rows = np.flatnonzero(link)
    left, right = pairs.a[rows], pairs.b[rows]
    alone_a = np.setdiff1d(np.arange(len(a)), left)
    alone_b = np.setdiff1d(np.arange(len(b)), right)
    nothing_a, nothing_b = np.full(len(alone_b), -1), np.full(len(alone_a), -1)
    row_old = np.concatenate([left, alone_a, nothing_a]).astype(np.intp)
    row_new = np.concatenate([right, nothing_b, alone_b]).astype(np.intp)
    blank = np.full(len(alone_a) + len(alone_b), np.nan)
    iou = np.concatenate([pairs.iou[rows], blank])
    distance = np.concatenate([pairs.distance[rows], blank])
    overlap = np.concatenate([pairs.overlap[rows], blank])
    kinds, group = _kinds(a, b, row_old, row_new)
    marker_sides = (markers_of(old, a), markers_of(new, b))
    fields, values, columns = changed_values(a, b, row_old, row_new, kinds, tolerances, marker_sides, notes)
    marker = moved_markers(marker_sides, a, b, row_old, row_new, kinds, tolerances)
    area_old = _taken(pairs.area_a, row_old) / M2_PER_KM2
    area_new = _taken(pairs.area_b, row_new) / M2_PER_KM2
    change = np.nan_to_num(area_new) - np.nan_to_num(area_old)
    alike = (kinds == Kind.UNCHANGED.value) | (kinds == Kind.RENAMED.value)
    if a.outlines:
        apart = (area_old + area_new) * M2_PER_KM2 - 2 * overlap > tolerances.outline_m2
    else:
        apart = distance > tolerances.marker_m
    fields = [[*f, *(["outline" if a.outlines else "marker"] if o else []), *(["marker"] if m else [])]
              for f, o, m in zip(fields, alike & apart, marker, strict=True)]  # fmt: skip
    kinds[(kinds == Kind.UNCHANGED.value) & (apart | marker)] = Kind.REFINED.value
    some = np.array([bool(f) for f in fields], bool)
    kinds[(kinds == Kind.UNCHANGED.value) & some] = Kind.ATTRIBUTES.value
    place = _places(a, b, row_old, row_new)
    table = pd.DataFrame(
        {
            "kind": kinds,
            "group": group,
            "id_old": _texts(a.ids, row_old),
            "id_new": _texts(b.ids, row_new),
            "subregion": _first(_texts(b.region, row_new), _texts(a.region, row_old)),
            "subregion_old": _texts(a.region, row_old),
            "subregion_new": _texts(b.region, row_new),
            "area_old_km2": area_old,
            "area_new_km2": area_new,
            "area_change_km2": np.where(np.abs(change) * M2_PER_KM2 > tolerances.outline_m2, change, 0.0),
            "iou": iou,
            "distance_m": distance,
            "fields": [", ".join(f) for f in fields],
            "longitude": place[:, 0],
            "latitude": place[:, 1],
            "row_old": row_old,
            "row_new": row_new,
        }
    )
    for name in ("id_old", "id_new", "subregion", "subregion_old", "subregion_new"):
        # An ID that is not there is None; in pandas' text columns it would be NaN.
        table[name] = table[name].astype(object).where(table[name].notna(), None)
    rank = {kind.value: k for k, kind in enumerate(Kind)}
    key = table.assign(rank=table["kind"].map(rank), id=table["id_new"].fillna(table["id_old"]).astype(str))
    order = key.sort_values(["rank", "group", "id", "row_old", "row_new"], kind="stable").index.to_numpy()
    shapes_old, shapes_new = (
        _geometries(side.geometries, rows)[order] for side, rows in ((a, row_old), (b, row_new))
    )
    return Difference(
        old=(names or (old.path, new.path))[0],
        new=(names or (old.path, new.path))[1],
        schema_old=old.schema.id,
        schema_new=new.schema.id,
        units=table.iloc[order].reset_index(drop=True),
        values=values,
        moved=moved,
        fields_added=columns[0],
        fields_removed=columns[1],
        fields_retyped=columns[2],
        old_geometry=shapes_old,
        new_geometry=shapes_new,
        count_old=len(a),
        count_new=len(b),
        area_old_km2=float(np.nansum(pairs.area_a)) / M2_PER_KM2,
        area_new_km2=float(np.nansum(pairs.area_b)) / M2_PER_KM2,
        ids_old=frozenset(a.ids.tolist()) if a.id_column else frozenset(),
        ids_new=frozenset(b.ids.tolist()) if b.id_column else frozenset(),
        notes=tuple(notes),
    )


def _kinds(a: Side, b: Side, row_old: Ints, row_new: Ints) -> tuple[NDArray[np.object_], Ints]:
    """Kind of each row by the number of units its case has on both sides, and the number of the case."""
    linked = (row_old >= 0) & (row_new >= 0)
    case = connected(len(a) + len(b), row_old[linked], row_new[linked] + len(a))
    size_a = np.bincount(case[: len(a)], minlength=int(case.max(initial=-1)) + 1)
    size_b = np.bincount(case[len(a) :], minlength=len(size_a))
    own = np.where(row_old >= 0, case[row_old], case[row_new + len(a)]) if len(case) else row_old
    n, m = size_a[own], size_b[own]
    same = np.zeros(len(row_old), bool)
    same[linked] = a.ids[row_old[linked]] == b.ids[row_new[linked]]
    if not (a.id_column and b.id_column):
        same = linked
    kinds = np.select(
        [n == 0, m == 0, (n == 1) & (m == 1) & same, (n == 1) & (m == 1), n == 1, m == 1],
        [k.value for k in (Kind.ADDED, Kind.REMOVED, Kind.UNCHANGED, Kind.RENAMED, Kind.SPLIT, Kind.MERGED)],
        default=Kind.REGROUPED.value,
    ).astype(object)
    several = (n > 1) | (m > 1)
    group = np.zeros(len(row_old), np.int64)
    _, number = np.unique(own[several], return_inverse=True)
    group[several] = number + 1
    return kinds, group


# ---- small parts


def _taken(values: Floats, rows: Ints) -> Floats:
    out = np.full(len(rows), np.nan)
    out[rows >= 0] = values[rows[rows >= 0]]
    return out


def _texts(values: NDArray[np.object_], rows: Ints) -> NDArray[np.object_]:
    out = np.full(len(rows), None, dtype=object)
    out[rows >= 0] = values[rows[rows >= 0]]
    return out


def _geometries(values: Geometries, rows: Ints) -> Geometries:
    return _texts(values, rows)


def _first(one: NDArray[np.object_], other: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.where(np.array([value is None for value in one], bool), other, one)


def _places(a: Side, b: Side, row_old: Ints, row_new: Ints) -> Floats:
    out = np.full((len(row_old), 2), np.nan)
    points = [shapely.get_coordinates(side.places()) for side in (a, b)]
    out[row_old >= 0] = points[0][row_old[row_old >= 0]]
    out[row_new >= 0] = points[1][row_new[row_new >= 0]]
    return out
