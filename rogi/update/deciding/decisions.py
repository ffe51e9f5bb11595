"""What each task's rows decide, once copies are set aside: one decision, parts of one, or a contradiction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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
    in_two_dimensions,
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
AT_A_TIME: Final = 20_000
"""Outlines whose vertices are copied together."""
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
        shapes = np.empty(len(lonlat), dtype=object)
        for start in range(0, len(lonlat), AT_A_TIME):
            piece = slice(start, start + AT_A_TIME)
            shapes[piece] = shapely.transform(lonlat[piece], lambda xy: cylindrical_equal_area(xy, self.crs))
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
    """The rows of the edits with what they come to. Each step makes a new record; none is changed.

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
    columns
        Column -> (n,) its values.
    problems
        Those found so far, each once.
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
    columns: Mapping[str, Texts]
    problems: tuple[Problem, ...] = ()
    slips: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for values in (self.key, self.at, self.status, self.outline, self.changed):
            values.flags.writeable = False

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

    def true(self, name: str) -> Bools:
        """(n,) where a column of the rows is true."""
        return np.array([value is True for value in self.columns[name]], dtype=bool)

    @property
    def with_outline(self) -> Bools:
        """(n,) rows whose decision gives a new outline."""
        return np.isin(self.columns["decision"].astype(str), [d.value for d in WITH_OUTLINE])

    def problem(self, index: int, rule: Rule | str, detail: str = "", **more: Any) -> Problem:
        """A problem of a row."""
        return Problem.of(self.rows, int(index), rule, detail, **more)

    def holding(self, problems: Iterable[Problem], *, undecided: bool = False) -> Decided:
        """The next record: with these problems, and the decisions of their rows held.

        Parameters
        ----------
        problems
            Of rows; one that is known already is not repeated.
        undecided
            Whether rows that are open or unsure are held too. Problems of copies are then passed over.
        """
        status, slips = self.status.copy(), set(self.slips)
        known = {(p.index, p.rule, p.message): p for p in self.problems}
        for problem in problems:
            i = problem.index
            if undecided and status[i] == Status.COPY:
                continue
            known.setdefault((i, problem.rule, problem.message), problem)
            decided = status[i] == Status.DECIDED
            if problem.rule not in SLIPS:
                slips.discard(i)
            elif decided:
                slips.add(i)
            if decided or undecided:
                status[i] = Status.HELD
        return replace(self, status=status, problems=tuple(known.values()), slips=frozenset(slips))


def decided(edits: Edits, units: Units) -> Decided:
    """Sort out the rows: copies, contradictions, what is open, and the outlines that are decided for."""
    rows = edits.rows
    n = len(rows)
    plane = Plane.of(units)
    drawn = np.asarray(rows.geometry.array, dtype=object)
    columns = {str(c): rows[c].to_numpy(dtype=object) for c in rows.columns if c != GEOMETRY}
    unit, task, decision = columns["unit"], columns["task"], columns["decision"]
    at = units.positions_of(unit)
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
    none = np.full(n, None, dtype=object)
    found = Decided(edits, units, plane, key, at, status, none, np.asarray(changed), columns)
    found = _without_copies(found)
    outline, problems = _outlines(found)
    found = replace(found, outline=outline).holding(problems)
    return found.holding(_drawn_too(found))


def outlines_differ(one: Geometries, other: Geometries, plane: Plane) -> Bools:
    """(n,) whether two outlines differ by more than noise; where one is missing, whether the other is not."""
    a, b = np.asarray(one, dtype=object), np.asarray(other, dtype=object)
    missing_a, missing_b = shapely.is_missing(a), shapely.is_missing(b)
    differ = missing_a != missing_b
    both = np.flatnonzero(~missing_a & ~missing_b)
    both = both[~shapely.equals_exact(a[both], b[both], 0.0)]  # most are: not even their order differs
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
    return in_two_dimensions(out)


def _without_copies(found: Decided) -> Decided:
    """Of rows with one key: set copies aside, and hold those that contradict each other."""
    status = found.status.copy()
    problems: list[Problem] = []
    for members in groups(found.key):
        if len(members) > 1:
            copies, kept = _copies_and_others(found, members)
            status[copies] = Status.COPY
            problems += _contradictions(found, kept)
    # Also what was not decided, or not sure, cannot stand beside a decision.
    return replace(found, status=status).holding(problems, undecided=True)


def groups(key: Texts) -> Iterator[NDArray[np.intp]]:
    """Positions of each key, in order of the keys."""
    order = np.argsort(key.astype(str), kind="stable")
    if len(order):
        yield from np.split(order, np.flatnonzero(key[order][1:] != key[order][:-1]) + 1)


def _copies_and_others(found: Decided, members: NDArray[np.intp]) -> tuple[list[int], list[int]]:
    """Rows with one key that say what another says, or nothing beside it; and the others."""
    decision, into, use = (found.text(name) for name in ("decision", "merge_into", "use_candidate"))
    ordered = sorted(members.tolist(), key=lambda i: _canonical(found, i))
    idle = [i for i in ordered if decision[i] is None and not found.changed[i]]
    active = [i for i in ordered if i not in set(idle)]
    copies = idle if active else idle[1:]
    kept: list[int] = []
    seen: set[tuple[Any, ...]] = set()
    shapes = found.rows.geometry.array
    of_unit = found.text("unit")[ordered[0]] is not None
    for i in active:
        # Where a unit goes, its outline says nothing.
        drawn = None if of_unit and decision[i] in (Decision.REMOVE, Decision.MERGE) else shapes[i]
        outcome = (decision[i], use[i] is True, into[i], None if drawn is None else _rounded(drawn))
        (copies if outcome in seen else kept).append(i)
        seen.add(outcome)
    return copies, kept


def _contradictions(found: Decided, kept: list[int]) -> Iterator[Problem]:
    """Problems of rows with one key that decide differently."""
    if len(kept) < 2:
        return
    decision, file = found.text("decision"), found.text("file")
    of_unit = found.text("unit")[kept[0]] is not None
    said = {decision[i] for i in kept}
    if len({file[i] for i in kept}) > 1:
        rule, detail = Rule.TWICE, " and ".join(sorted({f"{_by(found, i)} ({file[i]})" for i in kept}))
    elif said != {Decision.SPLIT} and (of_unit or not said <= {Decision.RETRIEVE, Decision.REMOVE}):
        rule = Rule.ROWS_DISAGREE
        detail = ", ".join(sorted(f"{decision[i] or 'not decided'} by {_by(found, i)}" for i in kept))
    else:
        return
    for i in kept:
        yield found.problem(i, rule, detail, conflict=True, peers=kept)


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


def _outlines(found: Decided) -> tuple[Geometries, list[Problem]]:
    """(n,) outlines that decided rows take, drawn or of candidates; problems of rows that can take none."""
    decision, candidate = found.text("decision"), found.text("candidate")
    use, with_outline = found.true("use_candidate"), found.with_outline
    drawn = np.asarray(found.rows[GEOMETRY].array, dtype=object)
    out = drawn.copy()
    out[~with_outline | use] = None
    outlines = by_candidate(found.edits.candidates)
    problems = []
    for i in np.flatnonzero(with_outline & use & (found.status == Status.DECIDED)).tolist():
        names = (candidate[i] or "").split()
        lacking = [name for name in names if outlines.get(name) is None]
        if decision[i] == Decision.SPLIT and len(names) > 1 and not lacking:
            out[i] = drawn[i]  # its parts are made where the split is
        elif decision[i] != Decision.SPLIT and len(names) == 1 and not lacking:
            out[i] = outlines[names[0]]
        else:
            wanted = "two candidates or more" if decision[i] == Decision.SPLIT else "one candidate"
            detail = f"{wanted}; the row has {len(names)}"
            if lacking:
                detail = f"the outline of {lacking[0]}, which no file contains"
            problems.append(found.problem(i, Rule.CANDIDATE_MISSING, detail))
    return out, problems


def _drawn_too(found: Decided) -> Iterator[Problem]:
    """Outlines that were drawn beside the tick for the candidate's: which one is meant?"""
    decision = found.text("decision")
    taken = found.true("use_candidate") & found.with_outline
    rows = np.flatnonzero(taken & found.changed & (found.status == Status.DECIDED))
    drawn = np.asarray(found.rows[GEOMETRY].array, dtype=object)[rows]
    another = (decision[rows] == Decision.SPLIT) | outlines_differ(drawn, found.outline[rows], found.plane)
    for i in rows[another].tolist():
        yield found.problem(i, Rule.DRAWN_TOO)
