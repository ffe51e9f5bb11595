"""Which polygons of a file are taken for what: by an attribute, and by what mappers decided on candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.detection.patches.label_rasters import Outlines
from rogi.errors import InputError, OptionError
from rogi.text import counted

REMOVE, UNSURE = "remove", "unsure"
"""Decisions of `rogi update` (`rogi.update.vocabulary.Decision`)."""

DECISION: Final = "decision"
CONFIDENCE: Final = "confidence"


@dataclass(frozen=True, eq=False)
class Decided:
    """Polygons by what was decided on them.

    Attributes
    ----------
    rejected : Outlines
        No rock glaciers.
    unsure : Outlines
        Nobody knows.
    notes : tuple of str
    """

    rejected: Outlines
    unsure: Outlines
    notes: tuple[str, ...]


def decided(outlines: Outlines) -> Decided:
    """Divide candidates by the column ``decision``; without one all are rejected.

    Raises
    ------
    InputError
        No candidate was decided to be removed.
    """
    table = outlines.attributes
    column = _column(table, DECISION)
    if column is None:
        return Decided(outlines, outlines.only(np.zeros(len(outlines), bool)), ())
    text = _texts(table[column])
    rejected, unsure = text == REMOVE, text == UNSURE
    if not rejected.any():
        raise InputError(
            f"{outlines.path} has a column {column}, and no row with {REMOVE}; give candidates that were "
            "rejected, or leave the column out if all of them were."
        )
    others = len(outlines) - int(rejected.sum()) - int(unsure.sum())
    note = (
        f"{outlines.path}: {counted(int(rejected.sum()), 'outline')} rejected, {int(unsure.sum())} unsure "
        f"and ignored, {others} with another decision or none left out."
    )
    return Decided(outlines.only(rejected), outlines.only(unsure), (note,))


def hardness(outlines: Outlines) -> NDArray[np.float64]:
    """How sure a model was of each polygon, 0 to 1: its ``confidence``, 1 where there is none."""
    column = _column(outlines.attributes, CONFIDENCE)
    if column is None:
        return np.ones(len(outlines))
    values = pd.to_numeric(outlines.attributes[column], errors="coerce").to_numpy(dtype=float)
    return np.where(np.isnan(values), 1.0, np.clip(values, 0.0, 1.0))


def uncertain(outlines: Outlines, condition: str) -> NDArray[np.bool_]:
    """Which polygons have an attribute of some values.

    Parameters
    ----------
    outlines : Outlines
    condition : str
        ``COLUMN=VALUE``, or several values with commas; upper and lower case are the same.

    Raises
    ------
    OptionError
        It has another form.
    InputError
        There is no such column.
    """
    name, equals, values = condition.partition("=")
    wanted = {value.strip().casefold() for value in values.split(",")}
    if not equals or not name.strip() or wanted == {""}:
        raise OptionError(f"--ignore-where is COLUMN=VALUE or COLUMN=VALUE,VALUE, found {condition!r}.")
    column = _column(outlines.attributes, name.strip())
    if column is None:
        there = ", ".join(map(str, outlines.attributes.columns)) or "none"
        raise InputError(f"{outlines.path} has no column {name.strip()!r}; its columns are {there}.")
    found: NDArray[np.bool_] = np.isin(_texts(outlines.attributes[column]), list(wanted))
    return found


def _column(table: pd.DataFrame, name: str) -> str | None:
    """Name of a column as it is written."""
    known = {str(column).casefold(): str(column) for column in table.columns}
    return known.get(name.casefold())


def _texts(values: pd.Series) -> NDArray[np.str_]:
    """Values as plain text; whole numbers without a decimal point."""
    numbers = pd.api.types.is_float_dtype(values)
    plain = ["" if pd.isna(v) else f"{v:g}" if numbers else str(v) for v in values]
    return np.array([text.strip().casefold() for text in plain], dtype=str)
