"""Whether decisions fit together: outlines that overlap, new units beside old ones, units that change places.

What does not fit is held, with its case; the outlines that were before come back, and may in turn be in the
way of other decisions. So this goes on until all that is left fits. The result depends on the decisions only,
not on their order, and nothing is chosen between two that contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.areas import rings_of
from rogi.comparison.matching.graph import MARKER_DISTANCE_M, SLIVER_AREA_M2, SLIVER_FRACTION, match_points
from rogi.comparison.matching.overlap import overlap_areas
from rogi.geometry import Floats, Geometries, to_lonlat
from rogi.update.deciding.decisions import Decided, Status, shared_area
from rogi.update.deciding.legality import cases, held_cases
from rogi.update.deciding.shapes import SAME_PLACE_SHARE, Products, hold_product
from rogi.update.identity import points_inside
from rogi.update.problems import Rule
from rogi.update.vocabulary import Decision

Bools = NDArray[np.bool_]
Ints = NDArray[np.intp]

OVERLAP_NOISE_M2: Final = SLIVER_AREA_M2
"""By so much an overlap that was there before may grow."""


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What is applied.

    Attributes
    ----------
    case
        (n,) case of each row.
    held
        Cases that are not applied.
    applied
        (m,) products that are applied.
    """

    case: NDArray[np.object_]
    held: frozenset[str]
    applied: Bools


def settle(found: Decided, made: Products, old: Geometries) -> Settled:
    """Hold what does not fit, until the rest does.

    Parameters
    ----------
    found
        Rows; those that do not fit are held, with the reason.
    made
        What they lead to.
    old
        (n,) outlines of the units in the equal-area plane.
    """
    case = cases(found)
    layout = _Layout(found, made, old, case)
    while True:
        held = held_cases(found, case)
        before = len(found.problems)
        layout.hold_misfits(held)
        if len(found.problems) == before:
            alive = ~np.isin(made.case.astype(str), sorted(held))
            return Settled(case, frozenset(held), np.asarray(alive))


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of a product and a unit, or of two products: rows and what they have in common."""

    a: Ints
    b: Ints
    shared: Floats
    excess: Floats  # m² beyond what was common before
    share: Floats  # of the smaller one


class _Layout:
    """All pairs that could be in each other's way, found once."""

    def __init__(self, found: Decided, made: Products, old: Geometries, case: NDArray[np.object_]) -> None:
        self.found, self.made, self.old = found, made, old
        self.unit_case = np.full(len(old), None, dtype=object)
        self.unit_row = np.full(len(old), -1, dtype=np.intp)
        self.kept_id = np.zeros(len(old), dtype=bool)
        decision = found.text("decision")
        touching = np.isin(
            decision.astype(str), [d.value for d in (Decision.REMOVE, Decision.REFINE, Decision.SPLIT)]
        ) | (decision == Decision.MERGE)
        rows = np.flatnonzero(touching & (found.at >= 0) & (found.status != Status.COPY))
        self.unit_case[found.at[rows]] = case[rows]
        self.unit_row[found.at[rows]] = rows
        self.kept_id[found.at[rows]] = decision[rows] == Decision.REFINE
        for k in np.flatnonzero(made.operation == Decision.MERGE).tolist():
            survivor = made.sources[k][0]
            self.unit_case[survivor] = made.case[k]
            self.unit_row[survivor] = made.row[k]
            self.kept_id[survivor] = True
        usable = np.flatnonzero(~shapely.is_missing(made.plane))
        self.with_units = self._overlaps(usable, old, np.arange(len(old)), units=True)
        self.with_products = self._overlaps(usable, made.plane[usable], usable, units=False)
        self._neighbours(usable)

    def hold_misfits(self, held: set[str]) -> None:
        """Hold every product that is in the way of a unit or product that is there."""
        found, made = self.found, self.made
        alive = ~np.isin(made.case.astype(str), sorted(held))
        edited = np.array([c is not None and c not in held for c in self.unit_case], dtype=bool)
        self._hold_overlaps(alive, edited)
        pairs = self.with_units
        own = np.array([b in made.sources[a] for a, b in zip(pairs.a, pairs.b, strict=True)], dtype=bool)
        new_id = made.unit[pairs.a] == None  # noqa: E711 - element by element
        taken = alive[pairs.a] & edited[pairs.b] & ~own & (pairs.share >= SAME_PLACE_SHARE)
        for m in np.flatnonzero(taken & (new_id | ~self.kept_id[pairs.b])).tolist():
            self._both(int(pairs.a[m]), int(pairs.b[m]))
        new = made.operation == Decision.RETRIEVE
        for k, unit, metres in zip(*self.near_units, strict=True):
            if alive[k] and new[k] and not edited[unit] and not self._is_held(int(k)):
                detail = f"{metres:.0f} m from unit {found.units.ids[unit]}"
                hold_product(found, made, int(k), Rule.DUPLICATE, detail, other=str(found.units.ids[unit]))
        for k, j, metres in zip(*self.near_products, strict=True):
            if alive[k] and alive[j] and new[k] and not self._is_held(int(k)):
                self._against(int(k), int(j), Rule.DUPLICATE, f"{metres:.0f} m from {self._name(int(j))}")

    def _hold_overlaps(self, alive: Bools, edited: Bools) -> None:
        found, made = self.found, self.made
        pairs = self.with_units
        bad = alive[pairs.a] & ~edited[pairs.b] & _too_much(pairs)
        for m in np.flatnonzero(bad).tolist():
            unit = str(found.units.ids[pairs.b[m]])
            note = "" if self.unit_case[pairs.b[m]] is None else ", whose own edit is not applied,"
            detail = f"unit {unit}{note} by {pairs.shared[m]:,.0f} m²"
            hold_product(found, made, int(pairs.a[m]), Rule.OVERLAP, detail, other=unit)
        pairs = self.with_products
        for m in np.flatnonzero(alive[pairs.a] & alive[pairs.b] & _too_much(pairs)).tolist():
            one, two = int(pairs.a[m]), int(pairs.b[m])
            area = f"by {pairs.shared[m]:,.0f} m²"
            self._against(one, two, Rule.OVERLAP, f"{self._name(two)} {area}")
            self._against(two, one, Rule.OVERLAP, f"{self._name(one)} {area}")

    def _is_held(self, k: int) -> bool:
        return bool(self.found.status[self.made.row[k]] == Status.HELD)

    def _both(self, k: int, unit: int) -> None:
        """A product in the place of a unit that is edited itself: both decisions are held."""
        found, made = self.found, self.made
        row, name = int(self.unit_row[unit]), str(found.units.ids[unit])
        hold_product(found, made, k, Rule.TAKES_PLACE, f"unit {name}", other=name, conflict=True, peers=[row])
        if found.status[row] == Status.DECIDED:
            detail = f"this unit: that of {self._name(k)}"
            message = f"another outline takes the place of {detail}; decide which of the two it is"
            found.hold(row, Rule.TAKES_PLACE, message=message, other=self._name(k), conflict=True,
                       peers=[int(made.row[k])])  # fmt: skip

    def _against(self, k: int, other: int, rule: Rule, detail: str) -> None:
        hold_product(
            self.found,
            self.made,
            k,
            rule,
            detail,
            other=self._name(other),
            conflict=True,
            peers=[int(self.made.row[other])],
        )

    def _name(self, k: int) -> str:
        """What to call a product."""
        row = int(self.made.row[k])
        at = {c: self.found.text(c)[row] for c in ("unit", "task", "package", "mapper", "row", "file")}
        unit, task = at["unit"], at["task"]
        by = f" of {at['mapper']}" if at["mapper"] and at["mapper"] != at["package"] else ""
        where = f"package {at['package']}{by}"
        if unit:
            part = "a part of " if self.made.operation[k] == Decision.SPLIT else ""
            return f"{part}unit {unit} in {where}"
        if task:
            return f"task {task} in {where}"
        return f"row {at['row']} of {at['file']}"

    def _overlaps(self, usable: Ints, other: Geometries, numbers: Ints, units: bool) -> _Pairs:
        """Pairs of products with units, or with other products, that have ground in common."""
        made = self.made
        left, right = shapely.STRtree(other).query(made.plane[usable])
        if not units:
            once = (left < right) & (made.case[usable[left]] != made.case[usable[right]])
            left, right = left[once], right[once]
        order = np.lexsort([right, left])
        left, right = left[order], right[order]
        shared = overlap_areas(rings_of(made.plane[usable]), rings_of(other), left, right)
        keep = shared > 0
        left, right, shared = left[keep], right[keep], shared[keep]
        area = np.minimum(shapely.area(made.plane[usable][left]), shapely.area(other[right]))
        a, b = usable[left], numbers[right]
        before = self._before(a, b, units)
        return _Pairs(a, b, shared, shared - before, np.divide(shared, area, where=area > 0, out=area * 0))

    def _before(self, a: Ints, b: Ints, units: bool) -> Floats:
        """m² that the units before had in common, for each pair."""
        made = self.made
        sets = [
            [(s, t) for s in made.sources[i] for t in ((j,) if units else made.sources[j]) if s != t]
            for i, j in zip(a.tolist(), b.tolist(), strict=True)
        ]
        owner = np.repeat(np.arange(len(sets)), [len(s) for s in sets])
        flat = np.array([pair for one in sets for pair in one], dtype=np.intp).reshape(-1, 2)
        shared = shared_area(self.old[flat[:, 0]], self.old[flat[:, 1]])
        return np.bincount(owner, weights=shared, minlength=len(sets)).astype(np.float64)

    def _neighbours(self, usable: Ints) -> None:
        """New units whose point lies near that of a unit, or of another product."""
        found, made = self.found, self.made
        new = usable[made.operation[usable] == Decision.RETRIEVE]
        crs = found.units.layer.crs
        if not len(new):
            empty = np.zeros(0, dtype=np.intp)
            self.near_units = self.near_products = (empty, empty, np.zeros(0))
            return
        points = points_inside(to_lonlat(made.geometry[usable], crs))
        of_new = points[np.isin(usable, new)]
        there = match_points(of_new, points_inside(found.units.lonlat), max_distance_m=MARKER_DISTANCE_M)
        self.near_units = new[there.a], there.b, there.distance
        others = match_points(of_new, points, max_distance_m=MARKER_DISTANCE_M)
        apart = new[others.a] != usable[others.b]
        self.near_products = new[others.a][apart], usable[others.b][apart], others.distance[apart]


def _too_much(pairs: _Pairs) -> Bools:
    """Overlaps that are no contact of neighbours, and that were not there before."""
    much = (pairs.shared >= SLIVER_AREA_M2) & (pairs.share >= SLIVER_FRACTION)
    return np.asarray(much & (pairs.excess > OVERLAP_NOISE_M2))
