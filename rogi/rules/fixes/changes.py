"""What was changed: one record for each cell, geometry, row or column name."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from rogi.files import write_text
from rogi.text import sheet_text

if TYPE_CHECKING:
    from rogi.inventory.loss import Loss


class FixLevel(StrEnum):
    """How far fixing goes: ``unsafe`` includes ``safe``."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes
    ----------
    fix
        What was done, e.g. ``trimmed blanks``.
    rule
        Code of the rule whose finding it mends; empty if none is.
    layer
        Role of the layer.
    row
        Row number in the source, counted from 1; 0 for the layer itself.
    feature
        ID of the feature before the change, or its row.
    field
        Column, ``geometry`` for the geometry, empty for the whole feature.
    before, after
        Values as text; None is null, or a feature that is gone.
    """

    fix: str
    rule: str
    layer: str
    row: int
    feature: str
    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class FixReport:
    """All changes in the order they were made.

    Attributes
    ----------
    stood_back
        Which features the fixes that need a place left alone, and which rule says why.
    losses
        What the new file lacks or says otherwise than the input, beside the changes: tables that play no
        role, columns and values that its format cannot take.
    """

    level: FixLevel
    changes: tuple[Change, ...]
    stood_back: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()

    def __len__(self) -> int:
        return len(self.changes)

    def counts(self) -> dict[str, int]:
        """Number of changes of each fix, in the order of fixes."""
        return dict(Counter(change.fix for change in self.changes))

    def summary(self) -> str:
        """One line for people."""
        parts = ", ".join(f"{fix} {count}" for fix, count in self.counts().items())
        made = f"{len(self)} change{'s' if len(self) > 1 else ''}: {parts}"
        if not self.changes:
            made = f"nothing to mend ({self.level.value} fixes)"
        return "; ".join([made, *self.stood_back])

    def to_frame(self) -> pd.DataFrame:
        """A table with one row for each change and the columns of :class:`Change`."""
        return pd.DataFrame([asdict(c) for c in self.changes], columns=[f.name for f in fields(Change)])

    def write(self, path: Path) -> None:
        """Write the changes, then the losses, as CSV for a spreadsheet, atomically; see `rogi.text.cell`.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        columns = [f.name for f in fields(Change)]
        lost = [Change(x.kind.value, "", x.layer, 0, "", x.column, x.detail, None) for x in self.losses]
        rows = [[getattr(c, n) for n in columns] for c in (*self.changes, *lost)]
        write_text(path, sheet_text(columns, rows))
