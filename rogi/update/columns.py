"""Values of the columns of a task, in one form whatever program wrote them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

GEOMETRY: Final = "geom"
SHAPEFILE_NAME: Final = 10
"""Bytes of a column's name in a Shapefile."""
NULLS: Final = ("", "NULL", "<NULL>")
"""Texts that stand for no value in QGIS and its exports."""
_TRUE: Final = frozenset({"1", "true", "t", "yes", "y"})
_FALSE: Final = frozenset({"0", "false", "f", "no", "n"})


def cut(name: str) -> str:
    """A column's name as a Shapefile keeps it."""
    return name[:SHAPEFILE_NAME]


def typed(values: pd.Series, kind: str) -> NDArray[Any]:
    """(n,) values of a type of :class:`~.vocabulary.Column`: object with None, or float64 with NaN.

    Text and dates lose outer blanks, dates are ISO 8601 where they are dates; what is no value of the type
    stays as its text (dates), or is none (booleans, numbers).
    """
    if kind in ("integer", "real"):
        return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "date" and pd.api.types.is_datetime64_any_dtype(values.dtype):
        text = values.dt.strftime("%Y-%m-%d")
    elif kind == "date":
        text = values.map(_day, na_action="ignore").astype("str").str.strip()
    elif pd.api.types.is_float_dtype(values.dtype):
        text = values.map(lambda v: f"{v:.15g}", na_action="ignore").astype("str").str.strip()
    else:
        text = values.astype("str").str.strip()
    out: NDArray[Any] = text.to_numpy(dtype=object, copy=True)
    out[(values.isna() | text.isin(NULLS)).to_numpy(dtype=bool)] = None
    if kind == "boolean":
        folded = pd.Series(out, dtype=object).map(_truth, na_action="ignore")
        out = folded.to_numpy(dtype=object, copy=True)
        out[pd.isna(out)] = None
    return out


def objects(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table with None for no value in all columns that do not hold numbers."""
    out = {}
    for name in frame.columns:
        values = frame[name]
        if not pd.api.types.is_numeric_dtype(values.dtype):
            plain = values.to_numpy(dtype=object, copy=True)
            plain[values.isna().to_numpy(dtype=bool)] = None
            values = pd.Series(shared_texts(plain), index=frame.index, dtype=object)
        out[name] = values
    return pd.DataFrame(out, index=frame.index)


def shared_texts(values: NDArray[np.object_]) -> NDArray[np.object_]:
    """The same values, equal texts as one object: most columns have few."""
    known: dict[Any, Any] = {}
    out = values.copy()
    out[:] = [known.setdefault(v, v) if isinstance(v, str) else v for v in values.tolist()]
    return out


def _day(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    text = str(value).strip()
    if text[4:5] == text[7:8] == "/":  # how Shapefiles have it
        text = text.replace("/", "-", 2)
    # A day that a program gave a time of midnight is a day.
    return text[:10] if text[10:] in ("T00:00:00", " 00:00:00", "T00:00:00Z") else text


def _truth(value: Any) -> bool | None:
    text = str(value).strip().casefold().removesuffix(".0")
    return True if text in _TRUE else False if text in _FALSE else None
