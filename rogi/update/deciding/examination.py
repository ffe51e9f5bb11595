"""Decisions looked at as a whole: what can be applied, what is open, and what is held, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.geometry import Floats, Geometries, to_lonlat
from rogi.longitudes import short_way
from rogi.update.deciding.conflicts import Settled, settle
from rogi.update.deciding.decisions import Decided, Status, decided
from rogi.update.deciding.edits import FAULT, Edits
from rogi.update.deciding.legality import check_rows, minimum_area, products
from rogi.update.deciding.shapes import Products
from rogi.update.drawn import is_no_place
from rogi.update.planning.units import Units, read_units
from rogi.update.problems import Problem
from rogi.update.vocabulary import Decision

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory


ELSEWHERE_DEGREES: Final = 0.1
"""About 10 km: no outline is drawn so far from its unit; coordinates in another system lie farther."""
SHARE_ELSEWHERE: Final = 0.9
LEAST_ELSEWHERE: Final = 3
"""Share and number of a file's outlines that lie elsewhere, from which its CRS is wrong and not the rows."""
SHOWN: Final = 5
MOST: Final = 0.5
"""Part of a unit's outline that may go without a word."""


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """What decisions come to.

    Attributes
    ----------
    inventory, units
        The inventory that was planned from, and its units.
    old
        (n,) outlines of the units in an equal-area plane.
    found
        The rows and their status.
    made
        The outlines they lead to.
    settled
        Which of them are applied.
    """

    inventory: Inventory
    units: Units
    old: Geometries
    found: Decided
    made: Products
    settled: Settled

    @property
    def edits(self) -> Edits:
        """The rows as they were read."""
        return self.found.edits

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why decisions are held, each once, in order of rows."""
        return tuple(sorted(self.found.problems, key=lambda p: (p.index, p.rule, p.message)))

    @property
    def to_confirm(self) -> tuple[str, ...]:
        """Refined and split units that lose most of their outline: legal, but worth a second look."""
        made = self.made
        chosen = self.settled.applied & np.isin(made.operation.astype(str), [Decision.REFINE, Decision.SPLIT])
        left: dict[tuple[int, str], list[int]] = {}
        for k in np.flatnonzero(chosen).tolist():
            left.setdefault((made.sources[k][0], str(made.operation[k])), []).append(k)
        out = []
        for (source, operation), parts in left.items():
            whole = self.old[source]
            kept = shapely.area(shapely.intersection(shapely.union_all(made.plane[parts]), whole))
            share = float(kept / shapely.area(whole)) if shapely.area(whole) > 0 else 1.0
            if share < MOST:
                row = int(made.row[parts[0]])
                who = self.found.text("mapper")[row] or self.found.text("package")[row]
                unit = str(self.units.ids[source])
                out.append(f"{unit}: {operation} by {who} keeps {share:.0%} of the outline; is that meant?")
        return tuple(sorted(out))

    def applied_rows(self, decision: Decision) -> NDArray[np.intp]:
        """Positions of the rows with a decision that is applied."""
        same = self.found.text("decision") == decision.value
        return np.flatnonzero(same & (self.found.status == Status.DECIDED))

    @property
    def open_tasks(self) -> int:
        """Tasks that nobody decided, or that were deleted."""
        status = self.found.status
        return int(((status == Status.OPEN) | (status == Status.UNSURE)).sum()) + len(self.edits.missing)

    @property
    def complete(self) -> bool:
        """Whether every decision is made, and can be applied."""
        return not self.found.problems and not self.open_tasks


def examine(
    edits: Edits,
    inventory: Inventory,
    *,
    units: Units | None = None,
    parameters: Mapping[str, object] = MappingProxyType({}),
) -> Examination:
    """Check the decisions of all packages against each other and the inventory.

    Parameters
    ----------
    edits
        In the CRS of the inventory's outlines.
    inventory
        The one that was planned from.
    units
        Its units, where they are known already.
    parameters
        Parameters of rules that differ from the schema's, e.g. ``GEO014.minimum_area``.

    Raises
    ------
    InputError
        If the inventory has no outlines, or no primary IDs of its own for each.
    """
    units = units if units is not None else read_units(inventory)
    _refuse_misplaced(edits, units)
    found = check_rows(decided(edits, units))
    old = found.plane.of_lonlat(units.lonlat)
    made, found = products(found, old, minimum_area(parameters))
    settled, found = settle(found, made, old)
    return Examination(inventory, units, old, found, made, settled)


def _refuse_misplaced(edits: Edits, units: Units) -> None:
    """Refuse a file whose outlines lie elsewhere than their units: its CRS is a wrong one.

    A wrong CRS moves all outlines of a file. A few that a mapper spoilt are problems of their rows.
    """
    rows = edits.rows
    shapes = np.asarray(rows.geometry.array, dtype=object)
    at = units.positions_of(rows["unit"])
    there = np.flatnonzero((at >= 0) & ~shapely.is_missing(shapes))
    with np.errstate(invalid="ignore"):
        drawn, own = (
            _middles(to_lonlat(g, c)) for g, c in ((shapes[there], rows.crs), (units.lonlat[at[there]], 4326))
        )
        apart = np.abs(drawn - own)
        apart[:, 0] = np.abs(short_way(apart[:, 0]))
    faults = rows[FAULT].to_numpy(dtype=object)
    # Outlines that are nowhere on the Earth were set aside when they were read.
    away = np.array([is_no_place(fault) for fault in faults], dtype=bool) & (at >= 0)
    away[there] = ~(apart.max(axis=1, initial=0.0) <= ELSEWHERE_DEGREES)
    counted_in = (at >= 0) & (~shapely.is_missing(shapes) | (faults != None))  # noqa: E711 - by element
    file = rows["file"].to_numpy(dtype=object)
    for name in sorted(set(file[away])):
        here = counted_in & (file == name)
        number, of = int(away[here].sum()), int(here.sum())
        if number < LEAST_ELSEWHERE or number < SHARE_ELSEWHERE * of:
            continue
        stated = edits.crs_names.get(name, "its coordinate reference system")
        numbers = [f"{row}" for row in rows["row"][here & away]]
        shown = ", ".join(numbers[:SHOWN]) + (f" and {number - SHOWN} more" if number > SHOWN else "")
        raise InputError(
            f"{name} states {stated}, but its coordinates are of another system: {number} of {of} outlines "
            f"(rows {shown}) lie elsewhere than the units they belong to. Export the layer tasks again "
            "without changing its CRS, or set the CRS that its coordinates are in."
        )


def _middles(lonlat: Geometries) -> Floats:
    bounds = shapely.bounds(lonlat).reshape(-1, 4)
    return np.column_stack([(bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2])
