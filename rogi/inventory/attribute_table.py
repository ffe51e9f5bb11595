"""A table of attributes beside an inventory, joined to its outlines by their IDs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rogi import targets
from rogi.errors import InputError
from rogi.inventory.reading import csv_tables, spreadsheet
from rogi.inventory.reading.formats import Format, check
from rogi.schema.load import dialects
from rogi.schema.model import normalise
from rogi.text import agreeing, counted

_ID_LIKE = re.compile(r"\s*RG[US]\s*\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class AttributeTable:
    """Rows with an ID each, and what reading them had to say."""

    path: Path
    frame: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(str(column) for column in self.frame.columns)


def read_attribute_table(path: Path, encoding: str | None = None) -> AttributeTable:
    """Read a CSV file or the first sheet of a spreadsheet that has a column of IDs.

    Raises
    ------
    InputError
        If it is of another format or no table.
    """
    checked = check(path)
    targets.note_read(path)
    if checked.format is Format.CSV:
        frame, notes = csv_tables.read_attributes(path, encoding)
        return AttributeTable(path, frame, tuple(notes))
    if checked.format is not Format.SPREADSHEET:
        raise InputError(f"{path} is no table to join; give a spreadsheet (.xlsx, .ods) or a CSV file.")
    sheets = spreadsheet.read(path, path)
    sheet = next((s for s in sheets if id_column(s.frame) is not None), sheets[0])
    return AttributeTable(path, sheet.frame, sheet.notes)


def id_column(frame: pd.DataFrame) -> str | None:
    """The column of primary IDs: by its name, else the first in which most values look like one."""
    names = _id_names()
    for column in frame.columns:
        if normalise(str(column)) in names and frame[column].notna().any():
            return str(column)
    for column in frame.columns:
        texts = frame[column].dropna()
        if len(texts) and 2 * sum(bool(_ID_LIKE.match(str(v))) for v in texts) > len(texts):
            return str(column)
    return None


def join(frame: pd.DataFrame, table: AttributeTable, unit: str) -> tuple[pd.DataFrame, list[str]]:
    """A table with the columns of another one, row by row by ID, and notes.

    Columns that are there already stay as they are.

    Parameters
    ----------
    frame : DataFrame
        Features, one a row.
    table : AttributeTable
    unit : str
        What the features are, for messages.

    Raises
    ------
    InputError
        If there is no column of IDs in both, an ID occurs twice in the table, or none is in both.
    """
    own, other = _id_columns(frame, table, unit)
    keys, wanted = _keys(table.frame[other]), _keys(frame[own])
    twice = table.frame[other][keys.notna() & keys.duplicated(keep=False)]
    if len(twice):
        rows = ", ".join(str(k + 1) for k in twice.index[:5])
        raise InputError(
            f"{table.path} has the ID {twice.iloc[0]!r} more than once (rows {rows}); keep one row for each."
        )
    at = dict(zip(keys.dropna(), np.flatnonzero(keys.notna()), strict=True))
    positions = np.array([at.get(key, -1) if isinstance(key, str) else -1 for key in wanted], dtype=np.int64)
    there = positions >= 0
    if len(frame) and not there.any():
        raise InputError(
            f"{table.path} cannot be joined: none of its IDs in {other} is one of the {unit} in {own}."
        )
    name = table.path.name
    notes = [f"{name} was joined by {other}: {there.sum():,} of {len(frame):,} {unit} have a row there"]
    spare = len(at) - len(np.unique(positions[there]))
    if spare:
        match = agreeing(spare, "matches", "match")
        notes.append(f"{counted(spare, 'row')} of {name} {match} none of the {unit}: left out")
    present = {normalise(str(column)) for column in frame.columns}
    twins = [c for c in table.columns if c != other and normalise(c) in present]
    if twins:
        notes.append(f"{', '.join(twins)} of {name} were left out: the {unit} have columns of these names")
    added = table.frame[[c for c in table.columns if c != other and c not in twins]].reset_index(drop=True)
    taken = added.reindex(np.where(there, positions, len(added))).set_axis(frame.index)
    return pd.concat([frame, taken], axis=1), [*table.notes, *notes]


def _id_columns(frame: pd.DataFrame, table: AttributeTable, unit: str) -> tuple[str, str]:
    """Columns of IDs in both; by a name they share, where not both have primary IDs."""
    own, other = id_column(frame), id_column(table.frame)
    if own is not None and other is not None:
        return own, other
    shared = {normalise(column): column for column in table.columns}
    for column in map(str, frame.columns):
        if "id" in normalise(column) and normalise(column) in shared:
            return column, shared[normalise(column)]
    where = f"the {unit}" if own is None else str(table.path)
    raise InputError(
        f"{table.path} cannot be joined: {where} has no column of IDs; name it as the other one is named."
    )


def _keys(column: pd.Series[Any]) -> pd.Series[Any]:
    texts = column.astype(object).map(lambda v: str(v).strip().casefold(), na_action="ignore")
    return texts.where(texts.notna() & (texts != ""), None)


def _id_names() -> set[str]:
    return {
        normalise(name)
        for dialect in dialects()
        for layer in dialect.layers
        for name in layer.columns.get("primary_id", ())
    }
