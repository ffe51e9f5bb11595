"""What a rule is: its identity, what it needs, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rogi.schema.model import Evidence, Role

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory
    from rogi.rules.context import Context


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """2 for error, 1 for warning, 0 for information."""
        return {Severity.ERROR: 2, Severity.WARNING: 1, Severity.INFO: 0}[self]


class Family(StrEnum):
    """The first three letters of a code."""

    SCH = "structure"
    PID = "primary IDs"
    GEO = "geometry"
    ATT = "attributes"
    REL = "relations"
    KIN = "kinematics and activity"
    REV = "review"
    X = "extensions"  # rules of other packages


@dataclass(frozen=True, slots=True)
class Need:
    """A layer, and the concepts its columns must carry, for a rule to run there.

    ``concepts`` must all be present; of ``any_of`` at least one.
    """

    role: Role
    concepts: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()


class CannotCheck(Exception):
    """Raised by a rule that cannot give a verdict; the reason goes into the conformance statement.

    Parameters
    ----------
    reason : str
    partly : bool
        Whether it looked at the rest: then what it found, or did not find, stands beside the reason.
    """

    def __init__(self, reason: str, *, partly: bool = False) -> None:
        super().__init__(reason)
        self.partly = partly


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """Identity of a rule; its page is the docstring of its module.

    Attributes
    ----------
    code
        Family and three digits; never reused. Of a rule of another package ``X``, two letters, three digits.
    name
        A few words in kebab case.
    severity
        In the profile ``normal``.
    evidence
        How well the rule itself is established.
    needs
        Where it applies. The rule runs on every layer whose need is met (``together`` False) or
        only if all are met (``together`` True). Empty: the inventory as a whole, always run.
    needs_crs
        Whether a layer without CRS keeps the rule from running there.
    needs_valid
        Whether invalid geometries are left out; the conformance statement then says how many.
    schemas
        Names of schemas it is for; empty: all.
    needs_values
        Whether a feature without a value of a needed concept is nothing to look at. If no feature has
        one the rule has not passed but was not run. False where such features are linked otherwise.
    fix
        ``safe`` or ``unsafe`` where ``--fix`` can mend it, else empty.
    """

    code: str
    name: str
    severity: Severity
    evidence: Evidence
    needs: tuple[Need, ...] = ()
    together: bool = False
    needs_crs: bool = False
    needs_valid: bool = False
    schemas: tuple[str, ...] = ()
    needs_values: bool = True
    fix: str = ""

    @property
    def family(self) -> Family:
        """The family of the code."""
        return Family.X if self.code.startswith(Family.X.name) else Family[self.code[:3]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Findings of one rule on one layer, column by column.

    Attributes
    ----------
    role
        The layer; None for the inventory as a whole.
    rows
        (k,) positions in the layer; -1 means the layer itself.
    message
        One sentence for all, or k of them.
    field
        Column of the file that is concerned (its name there, or the schema's where it is missing).
    value
        k offending values, shown as text.
    geometry
        (k,) places of the findings in the layer's CRS (a point, an overlap polygon); None: the feature's own.
    other_role, other
        (k,) positions of a second feature that is concerned, and its layer (default: the same).
    severity
        Where these findings matter more or less than the rule's others (a missing key, a value
        outside a list that is not established); a severity the user sets for the rule goes before it.
    """

    role: Role | None
    rows: NDArray[np.int64]
    message: str | Sequence[str]
    field: str | None = None
    value: Sequence[object] | NDArray[np.generic] | None = None
    geometry: NDArray[np.object_] | None = None
    other_role: Role | None = None
    other: NDArray[np.int64] | None = None
    severity: Severity | None = None

    @classmethod
    def of_layer(
        cls,
        role: Role | None,
        message: str,
        field: str | None = None,
        value: object = None,
        severity: Severity | None = None,
    ) -> Rows:
        """One finding about a layer (or the inventory) as a whole."""
        at = np.array([-1], dtype=np.int64)
        return cls(role, at, message, field, None if value is None else [value], severity=severity)


@dataclass(frozen=True, slots=True)
class Bad:
    """An inventory that breaks a rule, and where: role -> positions (-1 for the layer)."""

    inventory: Inventory
    rows: Mapping[Role | None, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the registry knows it; ``origin`` is the package of a foreign one, and its version."""

    info: RuleInfo
    doc: str
    check: Callable[[Context], Iterable[Rows]]
    good: Callable[[], Inventory]
    bad: Callable[[], Bad]
    origin: str = ""

    @property
    def title(self) -> str:
        """First line of the page."""
        return self.doc.strip().splitlines()[0].rstrip(".")
