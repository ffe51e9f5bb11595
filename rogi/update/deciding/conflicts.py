"""Whether decisions fit together: outlines that overlap, new units beside old ones, units that change places.

What does not fit is held, with its case; the outlines that were before come back, and may in turn be in the
way of other decisions. So this goes on until all that is left fits. The result depends on the decisions only,
not on their order, and nothing is chosen between two that contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from rogi.update.deciding.shapes import SAME_PLACE_SHARE, Products, of_product
from rogi.update.identity import points_inside
from rogi.update.problems import Problem, Rule
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


def settle(found: Decided, made: Products, old: Geometries) -> tuple[Settled, Decided]:
    """What is applied, and the record in which all that does not fit is held.

    Parameters
    ----------
    found
        Rows sorted out and checked.
    made
        What they lead to.
    old
        (n,) outlines of the units in the equal-area plane.
    """
    case = cases(found)
    layout = _Layout(found, made, old, case)
    while True:
        held, found = held_cases(found, case)
        alive = ~np.isin(made.case.astype(str), sorted(held))
        misfits = layout.hold_misfits(found, alive, held)
        if len(misfits.problems) == len(found.problems):
            return Settled(case, held, np.asarray(alive)), found
        found = misfits


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of a product and a unit, or of two products: rows and what they have in common."""

    a: Ints
    b: Ints
    shared: Floats
    excess: Floats  # m² beyond what was common before
    share: Floats  # of the smaller one


class _Layout:
    """All pairs that could be in each other's way, found once; what rows say does not change meanwhile."""

    def __init__(self, found: Decided, made: Products, old: Geometries, case: NDArray[np.object_]) -> None:
        self.made, self.old = made, old
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
        self._neighbours(found, usable)

    def hold_misfits(self, found: Decided, alive: Bools, held: frozenset[str]) -> Decided:
        """The record in which every product that is in the way of a unit or product that is there is held."""
        edited = np.array([c is not None and c not in held for c in self.unit_case], dtype=bool)
        found = found.holding(self._overlapping(found, alive, edited))
        found = found.holding(self._taking_places(found, alive, edited))
        found = found.holding(self._near_units(found, alive, edited))
        return found.holding(self._near_products(found, alive))

    def _overlapping(self, found: Decided, alive: Bools, edited: Bools) -> Iterator[Problem]:
        pairs = self.with_units
        bad = alive[pairs.a] & ~edited[pairs.b] & _too_much(pairs)
        for m in np.flatnonzero(bad).tolist():
            unit = str(found.units.ids[pairs.b[m]])
            note = "" if self.unit_case[pairs.b[m]] is None else ", whose own edit is not applied,"
            detail = f"unit {unit}{note} by {pairs.shared[m]:,.0f} m²"
            yield from of_product(found, self.made, int(pairs.a[m]), Rule.OVERLAP, detail, other=unit)
        pairs = self.with_products
        for m in np.flatnonzero(alive[pairs.a] & alive[pairs.b] & _too_much(pairs)).tolist():
            one, two = int(pairs.a[m]), int(pairs.b[m])
            area = f"by {pairs.shared[m]:,.0f} m²"
            yield from self._against(found, one, two, Rule.OVERLAP, f"{self._name(found, two)} {area}")
            yield from self._against(found, two, one, Rule.OVERLAP, f"{self._name(found, one)} {area}")

    def _taking_places(self, found: Decided, alive: Bools, edited: Bools) -> Iterator[Problem]:
        """Products in the place of a unit that is edited itself: both decisions are held."""
        made, pairs = self.made, self.with_units
        own = np.array([b in made.sources[a] for a, b in zip(pairs.a, pairs.b, strict=True)], dtype=bool)
        new_id = made.unit[pairs.a] == None  # noqa: E711 - element by element
        taken = alive[pairs.a] & edited[pairs.b] & ~own & (pairs.share >= SAME_PLACE_SHARE)
        said: set[int] = set()
        for m in np.flatnonzero(taken & (new_id | ~self.kept_id[pairs.b])).tolist():
            k, unit = int(pairs.a[m]), int(pairs.b[m])
            row, name = int(self.unit_row[unit]), str(found.units.ids[unit])
            both = list(
                of_product(
                    found, made, k, Rule.TAKES_PLACE, f"unit {name}", other=name, conflict=True, peers=[row]
                )
            )
            if found.status[row] == Status.DECIDED and row not in said | {p.index for p in both}:
                by = self._name(found, k)
                detail = f"this unit: that of {by}"
                message = f"another outline takes the place of {detail}; decide which of the two it is"
                peers = [int(made.row[k])]
                both.append(
                    found.problem(
                        row, Rule.TAKES_PLACE, message=message, other=by, conflict=True, peers=peers
                    )
                )
            said.update(p.index for p in both)
            yield from both

    def _near_units(self, found: Decided, alive: Bools, edited: Bools) -> Iterator[Problem]:
        k, unit, metres = self.near_units
        for m in _first_of_each(k, self._new_and_free(found, alive)[k] & ~edited[unit]):
            name = str(found.units.ids[unit[m]])
            detail = f"{metres[m]:.0f} m from unit {name}"
            yield from of_product(found, self.made, int(k[m]), Rule.DUPLICATE, detail, other=name)

    def _near_products(self, found: Decided, alive: Bools) -> Iterator[Problem]:
        k, other, metres = self.near_products
        for m in _first_of_each(k, self._new_and_free(found, alive)[k] & alive[other]):
            detail = f"{metres[m]:.0f} m from {self._name(found, int(other[m]))}"
            yield from self._against(found, int(k[m]), int(other[m]), Rule.DUPLICATE, detail)

    def _new_and_free(self, found: Decided, alive: Bools) -> Bools:
        """(m,) new units that nothing holds yet: one reason for one that stands too near is enough."""
        new = self.made.operation == Decision.RETRIEVE
        return np.asarray(alive & new & (found.status[self.made.row] != Status.HELD), dtype=bool)

    def _against(self, found: Decided, k: int, other: int, rule: Rule, detail: str) -> Iterator[Problem]:
        name, peers = self._name(found, other), [int(self.made.row[other])]
        return of_product(found, self.made, k, rule, detail, other=name, conflict=True, peers=peers)

    def _name(self, found: Decided, k: int) -> str:
        """What to call a product."""
        row = int(self.made.row[k])
        at = {c: found.text(c)[row] for c in ("unit", "task", "package", "mapper", "row", "file")}
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
        met, at = np.unique(right, return_inverse=True)
        shared = overlap_areas(rings_of(made.plane[usable]), rings_of(other[met]), left, at)
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

    def _neighbours(self, found: Decided, usable: Ints) -> None:
        """New units whose point lies near that of a unit, or of another product."""
        made = self.made
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


def _first_of_each(k: Ints, chosen: Bools) -> list[int]:
    """Positions of the first chosen pair of each product."""
    rows = np.flatnonzero(chosen)
    return [int(m) for m in rows[np.sort(np.unique(k[rows], return_index=True)[1])]]


def _too_much(pairs: _Pairs) -> Bools:
    """Overlaps that are no contact of neighbours, and that were not there before."""
    much = (pairs.shared >= SLIVER_AREA_M2) & (pairs.share >= SLIVER_FRACTION)
    return np.asarray(much & (pairs.excess > OVERLAP_NOISE_M2))
