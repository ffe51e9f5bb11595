"""What each task's rows decide, once copies are set aside: one decision, parts of one, or a contradiction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.areas import rings_of
from rogi.comparison.matching.overlap import overlap_areas
from rogi.comparison.matching.prepared_outlines import repair
from rogi.geometry import (
    Floats,
    Geometries,
    central_meridian,
    cylindrical_equal_area,
    equal_area_crs,
    to_lonlat,
    total_bounds,
)
from rogi.longitudes import in_one_map, turned
from rogi.release.differences.values import OUTLINE_NOISE_M2
from rogi.update.columns import GEOMETRY
from rogi.update.deciding.edits import Edits, by_candidate
from rogi.update.problems import Problem, Rule
from rogi.update.vocabulary import Decision, TaskClass

if TYPE_CHECKING:
    import geopandas as gpd

    from rogi.update.planning.units import Units

Texts = NDArray[np.object_]
Bools = NDArray[np.bool_]

DRAWN: Final = "drawn:"
"""Begins the key of a row without task and unit; the rest is the digest of its outline, or its place."""
ROUNDING: Final = 7
"""Decimals of coordinates, 1 cm in degrees, beyond which outlines of two copies are not told apart."""
WITH_OUTLINE: Final = (Decision.REFINE, Decision.RETRIEVE, Decision.SPLIT)
"""Decisions that give a new outline."""

SLIPS: Final = frozenset(
    {Rule.FRONT, Rule.OTHER_HAND, Rule.IMPOSSIBLE_DAY, "reason-given", "mapper-given", "date-written"}
)
"""Rules on what was left out or mistyped beside a clear decision. What it leads to is checked all the same,
so that a mapper learns of everything at once."""


class Status(StrEnum):
    """What a row comes to."""

    KEPT = "kept"  # probably unchanged, and left so
    OPEN = "open"  # not decided
    UNSURE = "unsure"
    COPY = "copy"  # says what another row says, or nothing beside it
    DECIDED = "decided"
    HELD = "held"  # decided, but with a problem


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """An equal-area plane for all outlines of an update."""

    crs: Any
    source: Any

    @classmethod
    def of(cls, units: Units) -> Plane:
        """The plane of an inventory; its outlines are in ``units.layer.crs``."""
        return cls(equal_area_crs(total_bounds(*in_one_map(units.lonlat))), units.layer.crs)

    def of_lonlat(self, lonlat: Geometries) -> Geometries:
        """Valid copies in the plane, m, of outlines on WGS84."""
        lonlat = turned(lonlat, central_meridian(self.crs))
        shapes = np.asarray(shapely.transform(lonlat, lambda xy: cylindrical_equal_area(xy, self.crs)))
        return repair(shapes)[0]

    def __call__(self, geometry: Geometries) -> Geometries:
        """Valid copies in the plane, m, of outlines in the inventory's CRS; None stays None."""
        out = np.array(geometry, dtype=object)
        some = ~shapely.is_missing(out)
        some[some] = np.isfinite(shapely.bounds(out[some])).all(axis=1)
        out[~some] = None
        out[some] = self.of_lonlat(to_lonlat(out[some], self.source))
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """The rows of the edits with what they come to.

    Attributes
    ----------
    edits, units
        The rows, and the inventory they are about.
    key
        (n,) what the row is about: a unit, else a task, else what was drawn, see :data:`DRAWN`.
    at
        (n,) position in ``units``, -1 for none.
    status
        (n,) values of :class:`Status`.
    outline
        (n,) the outline that the row decides for: drawn, or the candidate's; None where it decides for none.
    changed
        (n,) whether the drawn outline is another one than was planned.
    problems
        Those found so far.
    columns
        Column -> (n,) its values.
    slips
        Positions of decided rows that are held for :data:`SLIPS` only.
    """

    edits: Edits
    units: Units
    plane: Plane
    key: Texts
    at: NDArray[np.intp]
    status: Texts
    outline: Geometries
    changed: Bools
    problems: list[Problem]
    columns: Mapping[str, Texts]
    slips: set[int] = field(default_factory=set)

    @property
    def judged(self) -> Bools:
        """(n,) rows whose outline is looked at: decided, or held for :data:`SLIPS` only."""
        out = self.status == Status.DECIDED
        out[list(self.slips)] = True
        return np.asarray(out, dtype=bool)

    @property
    def without_outline(self) -> Bools:
        """(n,) rows of units that the plan has and the inventory has not: their package was exported."""
        return _without_outline(self.edits, self.at)

    @property
    def rows(self) -> gpd.GeoDataFrame:
        """The rows of the edits."""
        return self.edits.rows

    def text(self, name: str) -> Texts:
        """(n,) a column of the rows as objects."""
        return self.columns[name]

    def hold(self, index: int, rule: Rule | str, detail: str = "", **more: Any) -> None:
        """Record a problem of a row, and hold its decision."""
        self.problems.append(Problem.of(self.rows, index, rule, detail, **more))
        if self.status[index] == Status.DECIDED and rule in SLIPS:
            self.slips.add(int(index))
        elif rule not in SLIPS:
            self.slips.discard(int(index))
        if self.status[index] == Status.DECIDED:
            self.status[index] = Status.HELD


def decided(edits: Edits, units: Units) -> Decided:
    """Sort out the rows: copies, contradictions, what is open, and the outlines that are decided for."""
    rows = edits.rows
    n = len(rows)
    plane = Plane.of(units)
    drawn = np.asarray(rows.geometry.array, dtype=object)
    columns = {str(c): rows[c].to_numpy(dtype=object) for c in rows.columns if c != GEOMETRY}
    unit, task, decision = columns["unit"], columns["task"], columns["decision"]
    at = _positions(unit, units)
    key = np.array(
        [u or t or _key_of_drawn(columns, k, drawn[k]) for k, u, t in zip(range(n), unit, task, strict=True)],
        dtype=object,
    )
    planned = _planned_outlines(edits, units, at, task)
    changed = outlines_differ(drawn, planned, plane)
    status = np.full(n, Status.DECIDED, dtype=object)
    status[decision == Decision.UNSURE] = Status.UNSURE
    nothing = decision == None  # noqa: E711 - element by element
    # Half a decision is none: it is asked for, and not taken for silence.
    begun = np.array([use is True for use in columns["use_candidate"]], dtype=bool)
    begun |= columns["merge_into"] != None  # noqa: E711 - element by element
    quiet = (rows["class"] == TaskClass.UNCHANGED).to_numpy(dtype=bool) & ~changed & ~begun
    status[nothing & quiet] = Status.KEPT
    status[nothing & ~quiet] = Status.OPEN
    found = Decided(
        edits, units, plane, key, at, status, np.full(n, None, dtype=object), np.asarray(changed), [], columns
    )
    _sort_out_groups(found)
    _take_outlines(found)
    return found


def outlines_differ(one: Geometries, other: Geometries, plane: Plane) -> Bools:
    """(n,) whether two outlines differ by more than noise; where one is missing, whether the other is not."""
    a, b = np.asarray(one, dtype=object), np.asarray(other, dtype=object)
    missing_a, missing_b = shapely.is_missing(a), shapely.is_missing(b)
    differ = missing_a != missing_b
    both = np.flatnonzero(~missing_a & ~missing_b)
    apart = both[~shapely.equals_exact(shapely.normalize(a[both]), shapely.normalize(b[both]), 0.0)]
    if len(apart):
        x, y = plane(a[apart]), plane(b[apart])
        differ[apart] = shapely.area(shapely.symmetric_difference(x, y)) > OUTLINE_NOISE_M2
    return np.asarray(differ)


def shared_area(one: Geometries, other: Geometries) -> Floats:
    """(n,) m² that pairs of valid outlines in an equal-area plane have in common."""
    pairs = np.arange(len(one))
    return overlap_areas(rings_of(one), rings_of(other), pairs, pairs)


# ---- groups


def _positions(unit: Texts, units: Units) -> NDArray[np.intp]:
    place = {name: k for k, name in enumerate(units.ids.tolist())}
    return np.array([place.get(name, -1) for name in unit], dtype=np.intp)


def _without_outline(edits: Edits, at: NDArray[np.intp]) -> Bools:
    planned = set(edits.planned.tasks["unit"].dropna())
    return np.asarray((at < 0) & np.array([name in planned for name in edits.rows["unit"]], dtype=bool))


def _key_of_drawn(columns: Mapping[str, Texts], k: int, shape: Any) -> str:
    """Rows drawn alike are one; rows without an outline are each its own."""
    if shape is None:
        return f"{DRAWN}{columns['file'][k]}:{columns['row'][k]}"
    return DRAWN + hashlib.sha256(_rounded(shape)).hexdigest()[:16]


def _rounded(shape: Any) -> bytes:
    moved = shapely.transform(shape, lambda xy: np.round(xy, ROUNDING) + 0.0)
    return bytes(shapely.to_wkb(shapely.normalize(moved), byte_order=1))


def _planned_outlines(edits: Edits, units: Units, at: NDArray[np.intp], task: Texts) -> Geometries:
    """(n,) the outline each planned row began with: the unit's, or the candidate's."""
    out = np.full(len(at), None, dtype=object)
    out[at >= 0] = units.geometry[at[at >= 0]]
    outlines = by_candidate(edits.candidates)
    candidate = edits.rows["candidate"].to_numpy(dtype=object)
    lacking = _without_outline(edits, at)
    for i in np.flatnonzero((at < 0) & (task != None)).tolist():  # noqa: E711
        out[i] = outlines.get(candidate[i]) if candidate[i] and not lacking[i] else None
        if out[i] is None:  # the candidate cannot be looked up: what is there counts as planned
            out[i] = edits.rows.geometry.array[i]
    single = (shapely.get_type_id(out) == shapely.GeometryType.MULTIPOLYGON) & (
        shapely.get_num_geometries(out) == 1
    )
    out[single] = shapely.get_geometry(out[single], 0)
    return np.asarray(shapely.force_2d(out))


def _sort_out_groups(found: Decided) -> None:
    """Of rows with one key: set copies aside, and find those that contradict each other."""
    for members in groups(found.key):
        if len(members) > 1:
            _sort_out(found, members)


def groups(key: Texts) -> Iterator[NDArray[np.intp]]:
    """Positions of each key, in order of the keys."""
    order = np.argsort(key.astype(str), kind="stable")
    if len(order):
        yield from np.split(order, np.flatnonzero(key[order][1:] != key[order][:-1]) + 1)


def _sort_out(found: Decided, members: NDArray[np.intp]) -> None:
    status = found.status
    decision, file, into = found.text("decision"), found.text("file"), found.text("merge_into")
    use = found.text("use_candidate")
    members = np.array(sorted(members, key=lambda i: _canonical(found, i)), dtype=np.intp)
    idle = [i for i in members if decision[i] is None and not found.changed[i]]
    active = [i for i in members if i not in set(idle)]
    for i in idle if active else idle[1:]:
        status[i] = Status.COPY
    kept: list[int] = []
    seen: set[tuple[Any, ...]] = set()
    shapes = found.rows.geometry.array
    going = found.text("unit")[members[0]] is not None
    for i in active:
        # Where a unit goes, its outline says nothing.
        drawn = None if going and decision[i] in (Decision.REMOVE, Decision.MERGE) else shapes[i]
        outcome = (
            decision[i],
            use[i] is True,
            into[i],
            None if drawn is None else _rounded(drawn),
        )
        if outcome in seen:
            status[i] = Status.COPY
        else:
            seen.add(outcome)
            kept.append(int(i))
    if len(kept) < 2:
        return
    said = {decision[i] for i in kept}
    if len({file[i] for i in kept}) > 1:
        names = sorted({f"{_by(found, i)} ({file[i]})" for i in kept})
        for i in kept:
            found.hold(i, Rule.TWICE, " and ".join(names), conflict=True, peers=kept)
    elif said != {Decision.SPLIT} and (going or not said <= {Decision.RETRIEVE, Decision.REMOVE}):
        detail = ", ".join(sorted(f"{decision[i] or 'not decided'} by {_by(found, i)}" for i in kept))
        for i in kept:
            found.hold(i, Rule.ROWS_DISAGREE, detail, conflict=True, peers=kept)
    else:
        return
    for i in kept:  # also what was not decided, or not sure, cannot stand beside a decision
        status[i] = Status.HELD


def _by(found: Decided, i: int) -> str:
    """Who decided a row: its mapper, else the mapper of its package."""
    package = found.text("package")[i]
    mappers = {p.name: p.mapper for p in found.edits.planned.packages}
    mapper = found.text("mapper")[i] or mappers.get(package) or package
    return str(mapper) if mapper == package else f"{mapper} in {package}"


def _canonical(found: Decided, i: int) -> tuple[str, ...]:
    """What orders copies, so that the one that is kept does not depend on names of files."""
    names = ("decision", "mapper", "reviewer", "date", "reason", "comment", "package", "file")
    return (*(str(found.text(name)[i] or "") for name in names), f"{found.text('row')[i]:012d}")


# ---- outlines


def _take_outlines(found: Decided) -> None:
    """The outlines that decided rows stand for, drawn or of candidates."""
    rows = found.rows
    decision = found.text("decision")
    use = np.array([value is True for value in rows["use_candidate"]], dtype=bool)
    drawn = np.asarray(rows[GEOMETRY].array, dtype=object)
    with_outline = np.isin(decision.astype(str), [d.value for d in WITH_OUTLINE])
    plain = with_outline & ~use
    found.outline[plain] = drawn[plain]
    outlines = by_candidate(found.edits.candidates)
    candidate = found.text("candidate")
    for i in np.flatnonzero(with_outline & use & (found.status == Status.DECIDED)).tolist():
        names = (candidate[i] or "").split()
        lacking = [name for name in names if outlines.get(name) is None]
        if decision[i] == Decision.SPLIT and len(names) > 1 and not lacking:
            found.outline[i] = drawn[i]  # its parts are made where the split is
        elif decision[i] != Decision.SPLIT and len(names) == 1 and not lacking:
            found.outline[i] = outlines[names[0]]
        elif lacking:
            detail = f"the outline of {lacking[0]}, which no file holds"
            found.hold(i, Rule.CANDIDATE_MISSING, detail)
        else:
            wanted = "two candidates or more" if decision[i] == Decision.SPLIT else "one candidate"
            found.hold(i, Rule.CANDIDATE_MISSING, f"{wanted}; the row has {len(names)}")
        if found.changed[i] and found.status[i] == Status.DECIDED:
            _refuse_both(found, int(i), drawn[i])


def _refuse_both(found: Decided, i: int, drawn: Any) -> None:
    """An outline that was drawn beside the tick for the candidate's: which one is meant?"""
    taken = found.outline[i]
    pair = np.array([drawn], dtype=object), np.array([taken], dtype=object)
    if found.text("decision")[i] == Decision.SPLIT or outlines_differ(*pair, found.plane)[0]:
        found.hold(i, Rule.DRAWN_TOO)
