"""Names and values of columns that a format can take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rogi.inventory.loss import Loss, LossKind

if TYPE_CHECKING:
    from numpy.typing import NDArray


def unique_names(wanted: Sequence[str], limit: int | None) -> list[str]:
    """Names of at most `limit` bytes; no two differ by case only, which databases do not take."""
    final: list[str] = []
    seen: set[str] = set()
    for name in wanted:
        unique, number = _cut(name, limit), 1
        while unique.casefold() in seen:
            ending = f"_{number}"
            unique = _cut(name, None if limit is None else limit - len(ending)) + ending
            number += 1
        seen.add(unique.casefold())
        final.append(unique)
    return final


def plain_column(
    series: pd.Series[Any], layer: str, column: str, limit: int | None, losses: list[Loss]
) -> pd.Series[Any]:
    """A column every driver can take: mixed values become text, texts have at most `limit` bytes."""
    try:
        array = pa.array(series, from_pandas=True)
        odd = pa.types.is_nested(array.type) or pa.types.is_duration(array.type)
        if pa.types.is_dictionary(array.type):
            series = series.astype("str").where(series.notna(), None)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, UnicodeError):
        odd = True
    if odd:
        texts = [None if pd.isna(v) is True else _text(v) for v in series]
        count = sum(t is not None for t in texts)
        losses.append(Loss(layer, LossKind.TYPE_CHANGED, column, count, "values of mixed types became text"))
        series = pd.Series(texts, index=series.index, dtype="object")
    if limit is not None and pd.api.types.is_string_dtype(series.dtype):
        long = _longer(series, limit)
        if long.any():
            detail = f"more than {limit} bytes"
            losses.append(Loss(layer, LossKind.VALUE_CUT, column, int(long.sum()), detail))
            series = series.map(lambda v: _cut(v, limit) if isinstance(v, str) else v)
    return series


def _cut(text: str, length: int | None) -> str:
    """Text cut to a number of bytes of UTF-8, between characters."""
    return text if length is None else text.encode()[:length].decode(errors="ignore")


def _longer(series: pd.Series[Any], limit: int) -> NDArray[np.bool_]:
    """Which texts have more bytes of UTF-8; other values have none."""
    array = pa.array(series, from_pandas=True)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return np.asarray(pc.fill_null(pc.greater(pc.binary_length(array), limit), False), dtype=bool)
    return np.array([isinstance(v, str) and len(v.encode()) > limit for v in series], dtype=bool)


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode("utf-8")
