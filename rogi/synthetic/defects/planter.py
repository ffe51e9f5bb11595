"""What plants the defects of one rule in one kind of inventory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rogi.synthetic.defects.draft import Draft

SCHEMAS = ("tprogi", "rgik")


@dataclass(frozen=True, slots=True)
class Planter:
    """How defects of a rule are planted.

    Attributes
    ----------
    code
        The rule.
    plant
        Called with the draft, the units to spoil and the number of the defect, from 0; notes in the draft
        every finding to come.
    units
        Units one defect takes; 0 for a defect of a layer, which is planted once.
    schemas
        Names of the schemas it works in.
    where, place
        Which units (n,) are fit, if not all, and where they lie in words.
    least
        Units the inventory needs for the rule to look at it.
    """

    code: str
    plant: Callable[[Draft, tuple[int, ...], int], None]
    units: int = 1
    schemas: tuple[str, ...] = SCHEMAS
    where: Callable[[Draft], NDArray[np.bool_]] | None = None
    place: str = ""
    least: int = 1
