"""Whether each decision is legal by itself: the constraints of the model, and the outline it decides for."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.comparison.matching.prepared_outlines import repair
from rogi.geometry import Floats, Geometries, metres_per_degree
from rogi.schema.parameters import load_parameters
from rogi.update.deciding.decisions import Decided, Status, groups, outlines_differ
from rogi.update.deciding.edits import by_candidate, row_problems
from rogi.update.deciding.shapes import Products, check_against_old, check_parts, check_shapes
from rogi.update.problems import Problem, Rule
from rogi.update.vocabulary import CONSTRAINTS, TASK_COLUMNS, Decision

if TYPE_CHECKING:
    import geopandas as gpd

    from rogi.update.planning.units import Units

MERGE_GAP_M: Final = 100.0
"""Largest distance of outlines that are merged; no published value: the distance at which units stay in one
work package."""
FIRST_DAY: Final = dt.date(1909, 1, 1)
"""Photographs were taken from aeroplanes from 1909 on; a decision on an outline is later."""
TIME_ZONES: Final = dt.timedelta(days=1)
"""How far the day of a mapper may be ahead of that of this computer."""
_SQL_TYPES: Final = {
    "text": "TEXT",
    "integer": "INTEGER",
    "real": "REAL",
    "boolean": "BOOLEAN",
    "date": "TEXT",
}


def check_rows(found: Decided) -> Decided:
    """The record in which rows that break a constraint, or do not fit the plan or the inventory, are held."""
    for whatever in (_of_reading, _of_constraints, _unknown_units, _impossible_days):
        found = found.holding(whatever(found), undecided=True)
    for of_decisions in (_not_in_packages, _changed_anyway, _idle_ticks, _front_not_seen):
        found = found.holding(of_decisions(found))
    return found


def _of_reading(found: Decided) -> list[Problem]:
    return row_problems(found.edits)


def _of_constraints(found: Decided) -> Iterator[Problem]:
    for name, message, indices in broken_constraints(found.rows):
        for i in indices:
            yield found.problem(i, name, message=message)


def _unknown_units(found: Decided) -> Iterator[Problem]:
    unknown = (found.text("unit") != None) & (found.at < 0)  # noqa: E711 - element by element
    for i in np.flatnonzero(unknown & ~found.without_outline).tolist():
        yield found.problem(i, Rule.UNKNOWN_UNIT)


def _impossible_days(found: Decided) -> Iterator[Problem]:
    """Decided rows whose day has not come yet, or is before there was anything to map from."""
    latest = _today() + TIME_ZONES
    decision = found.text("decision")
    for i, text in enumerate(found.text("date")):
        if text is None or decision[i] is None:
            continue
        try:
            day = dt.date.fromisoformat(text)
        except ValueError:  # a constraint of the model says so
            continue
        if day > latest:
            yield found.problem(i, Rule.IMPOSSIBLE_DAY, f"{text}, which has not come yet")
        elif day < FIRST_DAY:
            detail = f"{text}, before the first photographs from aeroplanes"
            yield found.problem(i, Rule.IMPOSSIBLE_DAY, detail)


def _today() -> dt.date:
    return dt.date.today()


def _not_in_packages(found: Decided) -> Iterator[Problem]:
    for i in np.flatnonzero(found.without_outline & found.judged).tolist():
        yield found.problem(i, Rule.NOT_HELD)


def _changed_anyway(found: Decided) -> Iterator[Problem]:
    remain = found.text("decision") == Decision.REMAIN
    for i in np.flatnonzero(remain & found.changed & found.judged).tolist():
        yield found.problem(i, Rule.CHANGED_ANYWAY, Decision.REMAIN.value)


def _idle_ticks(found: Decided) -> Iterator[Problem]:
    """Rows that take a candidate's outline with a decision that gives none."""
    ticked, decision = found.true("use_candidate"), found.text("decision")
    for i in np.flatnonzero(ticked & ~found.with_outline & found.judged).tolist():
        yield found.problem(i, Rule.NOT_TAKEN, str(decision[i]))


def _front_not_seen(found: Decided) -> Iterator[Problem]:
    if not found.edits.planned.front_rule:
        return
    for i in np.flatnonzero(found.with_outline & ~found.true("front_50m") & found.judged).tolist():
        yield found.problem(i, Rule.FRONT)


def broken_constraints(rows: gpd.GeoDataFrame) -> list[tuple[str, str, list[int]]]:
    """Name and message of each constraint of the model that is broken, and the positions of the rows.

    The constraints are the SQL of the triggers, run by SQLite on a table in memory.
    """
    with closing(sqlite3.connect(":memory:")) as connection:
        columns = ", ".join(f'"{c.name}" {_SQL_TYPES[c.type]}' for c in TASK_COLUMNS)
        connection.execute(f"CREATE TABLE rows (position INTEGER PRIMARY KEY, {columns})")
        values = [_plain(rows[c.name].to_numpy(dtype=object)) for c in TASK_COLUMNS]
        marks = ", ".join("?" * (1 + len(TASK_COLUMNS)))
        connection.executemany(
            f"INSERT INTO rows VALUES ({marks})",  # noqa: S608 - marks only
            zip(range(len(rows)), *values, strict=True),
        )
        out = []
        for rule in CONSTRAINTS:
            query = f"SELECT position FROM rows WHERE NOT ({rule.holds.format(row='')}) ORDER BY 1"  # noqa: S608
            found = [int(position) for (position,) in connection.execute(query)]
            if found:
                out.append((rule.name, rule.message, found))
        return out


def _plain(values: NDArray[np.object_]) -> list[Any]:
    """What sqlite3 takes: NaN is null."""
    return [None if v is None or v != v else v for v in values.tolist()]


# ---- what the decisions lead to


def products(found: Decided, old: Geometries, minimum_area_km2: float) -> tuple[Products, Decided]:
    """The outlines of all decided rows, and the record in which rows whose outline is not legal are held.

    Parameters
    ----------
    found
        Rows sorted out and checked.
    old
        (n,) outlines of the units in the equal-area plane.
    minimum_area_km2
        Area below which a unit is not mapped.
    """
    found = found.holding(_merge_targets(found))
    found = found.holding(_merge_gaps(found))
    maker = _Maker(found, cases(found))
    maker.refined_and_new()
    maker.splits()
    maker.unions()
    made = maker.products()
    found = found.holding(maker.problems)
    for problems in (
        check_shapes(found, made, minimum_area_km2),
        check_against_old(found, made, old),
        check_parts(found, made),
    ):
        found = found.holding(problems)
    return made, found


def cases(found: Decided) -> NDArray[np.object_]:
    """(n,) key of the case of each row, which is applied or not as a whole: the unit that takes it in, else
    its own key."""
    case = found.key.copy()
    into = found.text("merge_into")
    merging = (found.text("decision") == Decision.MERGE) & (into != None)  # noqa: E711
    case[merging] = into[merging]
    return case


class _Maker:
    """Collects products row by row of the cases that need it, and why some rows lead to none."""

    def __init__(self, found: Decided, case: NDArray[np.object_]) -> None:
        self.found, self.case = found, case
        self.decision = found.text("decision")
        self.parts: list[tuple[Any, ...]] = []
        self.problems: list[Problem] = []

    def sound(self, decision: Decision) -> NDArray[np.intp]:
        return np.flatnonzero((self.decision == decision.value) & self.found.judged)

    def add(
        self, row: int, operation: Decision, unit: str | None, sources: tuple[int, ...], shape: Any
    ) -> None:
        self.parts.append((self.case[row], row, operation, unit, sources, shape))

    def refined_and_new(self) -> None:
        found = self.found
        unit = found.text("unit")
        rows = self.sound(Decision.REFINE)
        use = found.true("use_candidate")[rows]
        shapes, before = found.outline[rows], found.units.geometry[found.at[rows]]
        shapes, before = shapes.copy(), before.copy()
        shapes[~use] = before[~use] = None
        other = outlines_differ(shapes, before, found.plane)
        # An outline that is missing is said so below.
        other = np.where(use, other, found.changed[rows]) | shapely.is_missing(found.outline[rows])
        for i, changed in zip(rows.tolist(), other.tolist(), strict=True):
            if changed:
                self.add(i, Decision.REFINE, unit[i], (int(found.at[i]),), found.outline[i])
            else:
                self.problems.append(found.problem(i, Rule.NOT_CHANGED))
        for i in self.sound(Decision.RETRIEVE):
            self.add(int(i), Decision.RETRIEVE, None, (), found.outline[i])

    def splits(self) -> None:
        found = self.found
        outlines = by_candidate(found.edits.candidates)
        use = found.true("use_candidate")
        candidate = found.text("candidate")
        rows = self.sound(Decision.SPLIT)
        for members in groups(found.key[rows]):
            own = rows[members]
            first = int(own[0])
            source = (int(found.at[first]),)
            if len(own) == 1 and use[first]:
                shapes = [outlines[name] for name in (candidate[first] or "").split()]
                for shape in shapes:
                    self.add(first, Decision.SPLIT, None, source, shape)
            elif len(own) == 1:
                self.problems.append(found.problem(first, Rule.ONE_PART))
            else:
                for i in own:
                    self.add(int(i), Decision.SPLIT, None, source, found.outline[i])

    def unions(self) -> None:
        """Units that take others in, undrawn: the union of all."""
        found = self.found
        rows = self.sound(Decision.MERGE)
        refined = {part[3]: k for k, part in enumerate(self.parts) if part[2] == Decision.REFINE}
        into = found.text("merge_into")
        place = {name: k for k, name in enumerate(found.units.ids.tolist())}
        for members in groups(into[rows]):
            own = rows[members]
            target = into[own[0]]
            sources = (place[target], *sorted(int(found.at[i]) for i in own))
            if target in refined:
                case, row, _, unit, _, shape = self.parts[refined[target]]
                self.parts[refined[target]] = (case, row, Decision.MERGE, unit, sources, shape)
                continue
            shape = shapely.union_all(repair(found.units.geometry[list(sources)])[0])
            if shapely.get_num_geometries(shape) > 1:
                self.problems += [found.problem(i, Rule.MERGE_APART, target) for i in own]
                continue
            if shape.geom_type == "MultiPolygon":
                shape = shapely.get_geometry(shape, 0)
            survivor = np.flatnonzero(found.key == target)
            row = int(survivor[0]) if len(survivor) else int(own[0])
            self.add(row, Decision.MERGE, target, sources, shape)
            self.parts[-1] = (target, *self.parts[-1][1:])

    def products(self) -> Products:
        order = sorted(range(len(self.parts)), key=lambda k: (self.parts[k][0], self.parts[k][1], k))
        columns: list[NDArray[np.object_]] = []
        for position in range(6):
            column = np.empty(len(order), dtype=object)
            for k, part in enumerate(order):
                column[k] = self.parts[part][position]
            columns.append(column)
        case, row, operation, unit, sources, shape = columns
        return Products(case, row.astype(np.intp), operation, unit, sources, shape, self.found.plane(shape))


def _merge_targets(found: Decided) -> Iterator[Problem]:
    """Merges whose target is not there, goes itself, or is not decided."""
    decision, into, unit = (found.text(name) for name in ("decision", "merge_into", "unit"))
    by_key = {found.key[g[0]]: g for g in groups(found.key)}
    ids = set(found.units.ids.tolist())
    for i in np.flatnonzero((decision == Decision.MERGE) & found.judged).tolist():
        target = into[i]
        if target not in ids:
            yield found.problem(i, Rule.MERGE_TARGET, target)
            continue
        if target == unit[i]:
            yield found.problem(i, Rule.MERGE_ITSELF)
            continue
        rows = [j for j in by_key.get(target, ()) if found.status[j] != Status.COPY]
        going = [j for j in rows if decision[j] in (Decision.REMOVE, Decision.MERGE, Decision.SPLIT)]
        if going:
            yield found.problem(i, Rule.MERGE_CHAIN, target, other=target, conflict=True, peers=going)
        elif len(rows) != 1 or found.status[rows[0]] in (Status.OPEN, Status.UNSURE):
            yield found.problem(i, Rule.MERGE_OPEN, target, other=target)


def _merge_gaps(found: Decided) -> Iterator[Problem]:
    """Merges of units that are no neighbours."""
    into = found.text("merge_into")
    place = {name: k for k, name in enumerate(found.units.ids.tolist())}
    merging = np.flatnonzero((found.text("decision") == Decision.MERGE) & found.judged)
    for members in groups(into[merging]):
        own = merging[members]
        positions = [place[into[own[0]]], *(int(found.at[i]) for i in own)]
        gaps = _gaps(found.units, positions)
        for i, gap in zip(own.tolist(), gaps[1:], strict=True):
            if gap > MERGE_GAP_M:
                yield found.problem(i, Rule.MERGE_FAR, f"{gap:.0f} m")


def _gaps(units: Units, positions: list[int]) -> Floats:
    """Distance in m of each of some units from the nearest of the others, on the tangent plane."""
    lonlat = units.lonlat[positions]
    origin = shapely.get_coordinates(shapely.centroid(lonlat[:1]))[0]
    east, north = metres_per_degree(origin[1])
    metres = np.asarray(shapely.transform(lonlat, lambda xy: (xy - origin) * [float(east), float(north)]))
    apart = shapely.distance(metres[:, None], metres[None, :])
    np.fill_diagonal(apart, np.inf)
    return np.asarray(apart.min(axis=1))


def held_cases(found: Decided, case: NDArray[np.object_]) -> tuple[frozenset[str], Decided]:
    """Cases with a row that has a problem, and the record in which their other decided rows are held too."""
    held = frozenset(case[found.status == Status.HELD].tolist())
    others = (found.status == Status.DECIDED) & np.isin(case, list(held) or [""])
    others &= found.text("decision") != Decision.REMAIN
    return held, found.holding(found.problem(i, Rule.CASE_HELD) for i in np.flatnonzero(others).tolist())


def minimum_area(parameters: Mapping[str, object] = MappingProxyType({})) -> float:
    """km² below which a unit is not mapped: the parameter of rule GEO014 (Sun et al. 2024, Sect. 3.3)."""
    value = load_parameters(parameters)["GEO014.minimum_area"].value
    assert isinstance(value, (int, float))
    return float(value)
