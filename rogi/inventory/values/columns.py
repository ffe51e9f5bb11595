"""Columns as texts, and their distinct values: each value is looked at once, however often it occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rogi.schema.model import LayerSchema

if TYPE_CHECKING:
    from rogi.inventory.model import Layer

Floats = NDArray[np.float64]

LONGEST = 30  # characters; a placeholder is a word or two
WORD = 4  # letters a numbered placeholder has at least: NULL01, but not NA1, which may be a code
_MINUS = "\u2212"  # the minus sign of printed tables
SHOWN_CHARACTERS = 60  # of a value in a message


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """The values of a column of n rows, each once.

    Attributes
    ----------
    codes
        (n,) index into ``values``; -1 where the row is null.
    values
        (u,) the values that are not null, in order of first appearance.
    text
        (u,) the values as text; whole numbers without a decimal point.
    """

    codes: NDArray[np.int64]
    values: NDArray[np.object_]
    text: tuple[str, ...]

    @property
    def null(self) -> NDArray[np.bool_]:
        """(n,) whether the row has no value."""
        return self.codes < 0

    def rows(self, chosen: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows, ascending, whose value is chosen; ``chosen`` has one entry per distinct value."""
        table = np.append(np.asarray(chosen, dtype=bool), False)  # code -1 picks the last
        return np.flatnonzero(table[self.codes])

    def at(self, rows: NDArray[np.int64], per_value: Sequence[Any]) -> list[Any]:
        """What belongs to the value of each of some rows."""
        return [per_value[code] for code in self.codes[rows]]


def distinct(column: pd.Series) -> Distinct:
    """Distinct values of a column; values that cannot be hashed (lists) count as their text."""
    uniques: Any
    try:
        codes, uniques = pd.factorize(column, use_na_sentinel=True)
    except TypeError:
        null = [v is None or v is pd.NaT or v is pd.NA or (isinstance(v, float) and v != v) for v in column]
        texts = np.array(
            [None if skip else str(v) for v, skip in zip(column, null, strict=True)], dtype=object
        )
        codes, uniques = pd.factorize(texts, use_na_sentinel=True)
    values = np.empty(len(uniques), dtype=object)
    values[:] = uniques.to_numpy(dtype=object) if hasattr(uniques, "to_numpy") else list(uniques)
    plain = isinstance(column.dtype, pd.StringDtype)  # holds nothing but text
    text = tuple(values.tolist()) if plain else tuple(as_text(v) for v in values)
    return Distinct(np.asarray(codes, dtype=np.int64), values, text)


def column_of(layer: Layer, name: str) -> pd.Series:
    """The first column of that name (a file may have two)."""
    found: Any = layer.frame[name]
    return cast("pd.Series", found if found.ndim == 1 else found.iloc[:, 0])


def is_textual(column: pd.Series) -> bool:
    """Whether a column may hold text (geometry does not)."""
    return pd.api.types.is_object_dtype(column.dtype) or isinstance(
        column.dtype, pd.StringDtype | pd.CategoricalDtype
    )


def texts(column: pd.Series) -> NDArray[np.object_]:
    """(n,) str or None: values as text without outer blanks; blank text is None."""
    try:
        text = column.astype("str").str.strip()
    except UnicodeError:  # bytes that are no text, or lone surrogates
        clean = [v if v is None else readable(as_text(v)).strip() for v in column]
        text = pd.Series(clean, index=column.index, dtype="str")
    out = text.to_numpy(dtype=object, copy=True)
    out[(column.isna() | (text == "")).to_numpy(dtype=bool)] = None
    return out


def numbers(layer: Layer, concept: str) -> Floats:
    """(n,) float64 of a concept, NaN where null or not a number (text holding a number counts)."""
    return as_numbers(column_values(layer, concept))


def column_values(layer: Layer, concept: str) -> pd.Series:
    """Values of a concept with the dialect's mapping applied, where values can be looked up."""
    try:
        column = layer.values(concept)
    except (TypeError, ValueError):  # lists among the values, or two columns of one name
        return column_of(layer, layer.columns[concept])
    return column if column.ndim == 1 else column_of(layer, layer.columns[concept])


def as_numbers(values: pd.Series) -> Floats:
    """(n,) float64, NaN where null or not a number; perhaps the column's own array, not to be changed."""
    if values.dtype == np.float64:
        return values.to_numpy()
    try:
        numeric = pd.to_numeric(values, errors="coerce")
    except (TypeError, OverflowError):  # lists and the like among the values
        numeric = pd.to_numeric(pd.Series(texts(values)), errors="coerce")
    types = pd.api.types
    if is_textual(values) and (unread := (numeric.isna() & values.notna()).to_numpy(dtype=bool)).any():
        signs = [text and text.replace(_MINUS, "-") for text in texts(values[unread])]
        numeric = numeric.astype(np.float64)
        numeric[unread] = pd.to_numeric(pd.Series(signs, dtype="str"), errors="coerce").to_numpy(np.float64)
    if types.is_complex_dtype(numeric.dtype) or types.is_datetime64_any_dtype(values.dtype):
        return np.full(len(values), np.nan)
    return numeric.to_numpy(dtype=np.float64, na_value=np.nan)


def not_plain(column: pd.Series) -> NDArray[np.int64]:
    """Rows, ascending, whose text is not all printable ASCII; for odd columns all rows that are not null."""
    try:
        texts = pa.array(column, type=pa.large_string(), from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):  # numbers, lists, broken bytes among the texts
        return np.flatnonzero(column.notna().to_numpy(dtype=bool))
    odd = pc.fill_null(pc.match_substring_regex(texts, "[^\\t\\n\\r -~]"), False)
    return np.flatnonzero(odd.to_numpy(zero_copy_only=False))


def schema_of(layer: Layer) -> LayerSchema:
    """The layer's schema; one without fields where it has none."""
    return layer.schema or LayerSchema(layer.role, layer.name, layer.name, "", (), False, None, ())


def as_text(value: object) -> str:
    """A value as text; whole numbers without a decimal point."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return str(value)


def readable(text: str) -> str:
    """The text with U+FFFD for what cannot be written out (lone surrogates)."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def folded(text: str) -> str:
    """Text as it is compared when case and blanks do not count."""
    return " ".join(text.split()).casefold()


def quoted(value: object) -> str:
    """A value as it is shown in a message: text in quotes, escaped and cut."""
    text = readable(as_text(value))
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    return repr(text) if isinstance(value, str) else text


def listed(values: Sequence[str], most: int = 12) -> str:
    """Allowed values for a message."""
    shown = ", ".join(repr(v) for v in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"


def is_placeholder(text: str, placeholders: frozenset[str]) -> bool:
    """Whether a text says "no value": a listed word, also numbered (``NULL01``), or nothing but blanks."""
    if len(text) > LONGEST and not text.isspace():
        return False
    plain = folded(text)
    if plain in placeholders or not plain:
        return bool(text)
    word = plain.rstrip("0123456789_ ")
    return len(word) >= WORD and word in placeholders


def blank(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are null or blank text."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    empty = np.array([isinstance(v, str) and not v.strip() for v in values], dtype=bool)
    found: NDArray[np.bool_] = empty | np.asarray(pd.isna(values), dtype=bool)
    return found
