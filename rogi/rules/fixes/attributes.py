"""Values of columns: blanks, spelling, areas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from rogi.inventory.values.area_unit import decimals_of
from rogi.inventory.values.columns import column_of, is_textual
from rogi.rules.attributes._area_unit import area_column
from rogi.rules.attributes.att001_area_mismatch import mismatches
from rogi.rules.context import Context
from rogi.rules.fixes.edits import CellEdit
from rogi.rules.structure._vocabulary import Fit, verdicts
from rogi.schema.model import Role


def outer_blanks(context: Context) -> Iterator[CellEdit]:
    """Text without blanks around it; nothing but blanks becomes null. Extra columns stay as they are."""
    for layer in context.inventory.layers:
        for column in dict.fromkeys(layer.columns.values()):
            if not is_textual(column_of(layer, column)) or _twice(layer.frame.columns, column):
                continue
            found = context.distinct(layer.role, column)
            trimmed = [v.strip() if isinstance(v, str) else v for v in found.values]
            rows = found.rows(
                [isinstance(v, str) and v != t for v, t in zip(found.values, trimmed, strict=True)]
            )
            if len(rows):
                after = found.at(rows, [t or None if isinstance(t, str) else t for t in trimmed])
                yield CellEdit("outer blanks", "SCH014", layer.role, rows, column, _objects(after))


def vocabulary_spelling(context: Context) -> Iterator[CellEdit]:
    """Terms as their vocabulary (or the dialect) writes them."""
    for layer in context.inventory.layers:
        for verdict in verdicts(context, layer.role):
            if _twice(layer.frame.columns, verdict.column):
                continue
            found = verdict.distinct
            rows = found.rows([fit is Fit.SPELLING for fit in verdict.fits])
            if len(rows):
                after = _objects(found.at(rows, verdict.meant))
                yield CellEdit("vocabulary spelling", "SCH014", layer.role, rows, verdict.column, after)


def areas(context: Context) -> Iterator[CellEdit]:
    """Areas that do not agree with the polygon, or are missing, computed anew.

    In the unit of the column (told from its values) and rounded as they are. Not where the coordinates are
    not sound.
    """
    for role in (Role.OUTLINE, Role.MOVING_AREA):
        layer = context.inventory.layer(role)
        if layer is None or "area" not in layer.columns or context.crs(role) is None:
            continue
        name = layer.columns["area"]
        if _twice(layer.frame.columns, name):
            continue
        column = area_column(context, role)
        missing = np.isnan(column.values) & np.isfinite(column.expected)
        wrong = mismatches(column, context.number("ATT001.tolerance"))
        rows = np.flatnonzero((wrong | missing) & ~context.state(role).faulty)
        if not len(rows):
            continue
        decimals = decimals_of(column.values)
        after = column.expected[rows] if decimals is None else np.round(column.expected[rows], decimals)
        cells: list[object] = after.tolist()
        if is_textual(column_of(layer, name)):
            cells = [f"{a:.10g}" for a in after]
        elif decimals == 0:
            cells = [int(a) for a in after]
        yield CellEdit("area computed anew", "ATT001", role, rows, name, _objects(cells))


def _objects(values: list[object]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def _twice(columns: Iterable[object], name: str) -> bool:
    """Whether several columns have the name: which is meant cannot be told."""
    return sum(column == name for column in columns) > 1
