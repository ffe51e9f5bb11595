"""What filling the attribute table gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from rogi.attributes.provenance import Provenance
from rogi.inventory.model import Inventory
from rogi.schema.model import Role


@dataclass(frozen=True)
class Derived:
    """An inventory with its attributes, and what is to be told about them.

    Attributes
    ----------
    inventory : Inventory
    provenance : tuple of Provenance
        One per group of fields.
    warnings : tuple of str
    failures : tuple of str
        Files that are missing or damaged, and how many units lack values for it: these are null, with a note.
    units, reused : int
        Values of units per task, and how many of them came from the ledger.
    role : Role
        The layer whose units are described.
    values : dict of str to ndarray, shape (n,)
        By concept, in the concept's unit, not rounded.
    nulls : dict of str to int
        Units with null values by kind of reason; a unit may have several.
    empty : dict of str to int
        By column of a derivable attribute, derived in this run or not, the units without a value in it.
    lacking : int
        Units without a value in any of these columns.
    """

    inventory: Inventory
    provenance: tuple[Provenance, ...]
    warnings: tuple[str, ...]
    failures: tuple[str, ...]
    units: int
    reused: int
    role: Role
    values: Mapping[str, NDArray[Any]]
    nulls: Mapping[str, int]
    empty: Mapping[str, int]
    lacking: int
