"""All that one run of `rogi compare` found, for the renderers."""

from __future__ import annotations

from dataclasses import dataclass

from rogi.comparison.exercise import OperatorComparison
from rogi.comparison.inventories import InventoryComparison
from rogi.comparison.metrics import Checked
from rogi.comparison.references import ReferenceCount


@dataclass(frozen=True)
class Outcome:
    """Results of one run; what was not asked for is ``None`` or empty.

    Attributes
    ----------
    inventories
        A compared with B.
    operators
        Several compared with each other.
    references
        Published and computed counts.
    checks
        Limits and stored numbers beside the numbers found.
    """

    inventories: InventoryComparison | None = None
    operators: OperatorComparison | None = None
    references: tuple[ReferenceCount, ...] = ()
    checks: tuple[Checked, ...] = ()

    @property
    def failed(self) -> tuple[Checked, ...]:
        """Checks that do not hold."""
        return tuple(c for c in self.checks if not c.holds)
