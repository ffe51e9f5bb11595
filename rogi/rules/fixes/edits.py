"""Edits: what a fix wants changed, and how it is done to an inventory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.columns import as_text, column_of
from rogi.rules.fixes.changes import Change
from rogi.schema.model import Role

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """Changes of one fix in one layer.

    Attributes
    ----------
    fix, rule
        As in :class:`~rogi.rules.fixes.changes.Change`.
    rows
        (k,) positions, ascending.
    """

    fix: str
    rule: str
    role: Role
    rows: Ints


@dataclass(frozen=True, slots=True, eq=False)
class CellEdit(Edit):
    """New values of a column; null is None."""

    column: str
    after: NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class GeometryEdit(Edit):
    """New geometries, with words for before and after."""

    after: NDArray[np.object_]
    described: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Removal(Edit):
    """Features to be removed."""


@dataclass(frozen=True, slots=True, eq=False)
class Renaming(Edit):
    """New names of columns: (before, after); ``rows`` is empty."""

    names: tuple[tuple[str, str], ...]


def apply(inventory: Inventory, edits: Iterable[Edit]) -> tuple[Inventory, list[Change]]:
    """Edits done to a copy, one after the other; removals must come last within a layer."""
    changes: list[Change] = []
    for edit in edits:
        layer = inventory.layer(edit.role)
        if layer is None:
            continue
        edited, made = _apply(layer, edit)
        changes += made
        layers = tuple(edited if old is layer else old for old in inventory.layers)
        inventory = replace(inventory, layers=layers)
    return inventory, changes


def _apply(layer: Layer, edit: Edit) -> tuple[Layer, list[Change]]:
    if isinstance(edit, Renaming):
        return _rename(layer, edit)
    labels = _labels(layer, edit.rows)
    if isinstance(edit, CellEdit):
        before = column_of(layer, edit.column).iloc[edit.rows].tolist()
        frame = _with_cells(layer.frame, edit)
        told = [(_shown(a), _shown(b)) for a, b in zip(before, edit.after, strict=True)]
        return replace(layer, frame=frame), _changes(layer, edit, labels, edit.column, told)
    if isinstance(edit, GeometryEdit):
        frame = _with_geometry(layer, edit)
        return replace(layer, frame=frame), _changes(layer, edit, labels, "geometry", list(edit.described))
    if isinstance(edit, Removal):
        told = [(label, None) for label in labels]
        return _without(layer, edit.rows), _changes(layer, edit, labels, "", told)
    raise TypeError(f"unknown edit {type(edit).__name__}")


def _changes(
    layer: Layer, edit: Edit, labels: list[str], field: str, told: Iterable[tuple[str | None, str | None]]
) -> list[Change]:
    return [
        Change(edit.fix, edit.rule, layer.role.value, int(layer.rows[row]), label, field, before, after)
        for row, label, (before, after) in zip(edit.rows, labels, told, strict=True)
    ]


def _rename(layer: Layer, edit: Renaming) -> tuple[Layer, list[Change]]:
    table = dict(edit.names)
    frame = layer.frame.rename(columns=table)
    columns = {concept: table.get(name, name) for concept, name in layer.columns.items()}
    changes = [
        Change(edit.fix, edit.rule, layer.role.value, 0, "", before, before, after)
        for before, after in edit.names
    ]
    return replace(layer, frame=frame, columns=columns), changes


def _with_cells(frame: gpd.GeoDataFrame, edit: CellEdit) -> gpd.GeoDataFrame:
    """A copy with new cells; the column keeps its type where the values allow."""
    old: pd.Series[Any] = frame[edit.column]
    cells = old.astype(object).to_numpy(copy=True)
    cells[edit.rows] = edit.after
    new = pd.Series(cells, index=old.index, dtype=object)
    try:
        typed = new.astype(old.dtype)
        kept = typed.astype(object).iloc[edit.rows]
        new = typed if _same(kept.tolist(), list(edit.after)) else new.infer_objects()
    except (TypeError, ValueError, OverflowError):
        new = new.infer_objects()
    out = frame.copy(deep=False)
    out[edit.column] = new
    return out


def _same(left: list[object], right: list[object]) -> bool:
    return all(a == b or (_missing(a) and _missing(b)) for a, b in zip(left, right, strict=True))


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _with_geometry(layer: Layer, edit: GeometryEdit) -> gpd.GeoDataFrame:
    geometry = layer.geometry.copy()
    geometry[edit.rows] = edit.after
    return layer.frame.set_geometry(gpd.array.GeometryArray(geometry, crs=layer.crs))


def _without(layer: Layer, rows: Ints) -> Layer:
    keep = np.ones(len(layer), dtype=bool)
    keep[rows] = False
    return replace(
        layer,
        frame=layer.frame[keep].reset_index(drop=True),
        rows=layer.rows[keep],
        fids=None if layer.fids is None else layer.fids[keep],
        source_index=None if layer.source_index is None else layer.source_index[keep],
    )


def _labels(layer: Layer, rows: Ints) -> list[str]:
    """Primary or working IDs, else the rows in the source."""
    labels = [f"row {i}" for i in layer.rows[rows]]
    for concept in ("working_id", "primary_id"):
        if concept in layer.columns:
            values = column_of(layer, layer.columns[concept]).iloc[rows].tolist()
            labels = [_shown(v) or label for v, label in zip(values, labels, strict=True)]
    return labels


def _shown(value: object) -> str | None:
    return None if _missing(value) else as_text(value)
