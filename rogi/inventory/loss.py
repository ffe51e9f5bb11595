"""What writing or mapping an inventory loses, counted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rogi.text import counted

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory

UNKNOWN_ROWS = -1
"""As ``Source.features``: the rows of a table that was not read are not known."""


class LossKind(StrEnum):
    """Ways in which a copy says less, or something else, than the original."""

    LAYER_LEFT_OUT = "layer left out"  # the schema has no such layer
    TABLE_LEFT_OUT = "table left out"  # of the input; it plays no role in an inventory
    ROW_LEFT_OUT = "row left out"
    COLUMN_LEFT_OUT = "column left out"
    COLUMN_WITHOUT_MEANING = "column kept without meaning"  # the schema has no field for it
    COLUMN_RENAMED = "column renamed"  # cut or made different by the limits of a format
    VALUE_NARROWER = "value narrower"  # the original says more than the term
    VALUE_AMBIGUOUS = "value ambiguous"  # the original could mean another term too
    VALUE_LEFT_OUT = "value left out"  # no term for it
    VALUE_UNKNOWN = "value not in vocabulary"  # kept as it is
    VALUE_CUT = "text cut"
    TYPE_CHANGED = "type changed"
    GEOMETRY_CHANGED = "geometry changed"
    GEOMETRY_LEFT_OUT = "geometry left out"
    NOTE = "note"  # what the driver said


@dataclass(frozen=True, slots=True)
class Loss:
    """One kind of loss in one column.

    Attributes
    ----------
    layer
        Name of the layer.
    kind
        What kind.
    column
        Column, or empty for the layer as a whole.
    count
        Features concerned.
    detail
        The value or name and what became of it.
    """

    layer: str
    kind: LossKind
    column: str
    count: int
    detail: str

    def __str__(self) -> str:
        where = f"{self.layer}.{self.column}" if self.column else self.layer
        if self.kind is not LossKind.TABLE_LEFT_OUT:
            return f"{where}: {self.kind.value}, {self.count:,} features: {self.detail}"
        rows = f", {counted(self.count, 'row')}" if self.count else ""
        return f"{where}: {self.kind.value}{rows}: {self.detail}"


def unread_tables(inventory: Inventory) -> list[Loss]:
    """Layers and tables of the input that no file written from an inventory contains."""
    details = {0: "no rows", UNKNOWN_ROWS: "not read, so its rows are not known"}
    return [
        Loss(
            source.layer or source.path.name,
            LossKind.TABLE_LEFT_OUT,
            "",
            max(source.features, 0),
            details.get(source.features, "plays no role in an inventory"),
        )
        for source in inventory.unread
    ]
