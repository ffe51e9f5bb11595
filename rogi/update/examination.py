"""Decisions looked at as a whole: what can be applied, what is open, and what is held, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rogi.geometry import Geometries
from rogi.update.conflicts import Settled, settle
from rogi.update.decisions import Decided, Status, decided
from rogi.update.edits import Edits
from rogi.update.inputs import Units, read_units
from rogi.update.legality import Products, check_rows, minimum_area, products
from rogi.update.model import Decision
from rogi.update.problems import Problem

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory


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
        unique = {(p.index, p.rule, p.message): p for p in self.found.problems}
        return tuple(sorted(unique.values(), key=lambda p: (p.index, p.rule, p.message)))

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
    found = decided(edits, units)
    check_rows(found)
    old = found.plane.of_lonlat(units.lonlat)
    made = products(found, old, minimum_area(parameters))
    settled = settle(found, made, old)
    return Examination(inventory, units, old, found, made, settled)
