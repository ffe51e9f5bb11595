"""IDs as they are keyed: what another program sees that compares them letter by letter."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rogi.inventory.ids.primary_id import parse

Objects = NDArray[np.object_]

_BLANKS: Final = ("Zs", "Zl", "Zp", "Cc")
_FORM: Final = r"RG[US][0-9]{6}[NS][0-9]{7}[EW]"
"""The 18-character form, in which nearly all IDs of a sound inventory are."""
_AS_KEYED: Final = re.compile(_FORM).fullmatch

_INVISIBLE: Final = ("Cf", "Cs", "Co", "Cn")


def flaw(text: str) -> str:
    """What of an ID cannot be seen, in words; empty where all of it can.

    Examples
    --------
    >>> flaw("RGU304000N0906000E"), flaw("A 1 "), flaw("A\\u00a01"), flaw("\\u200bA1")
    ('', 'has a blank at its end', 'has a no-break space (U+00A0)', 'has an invisible character (U+200B)')
    """
    plain = text.isascii() and text.isprintable()  # nearly all are
    odd = (
        [] if plain else [c for c in text if c != " " and unicodedata.category(c) in (*_BLANKS, *_INVISIBLE)]
    )
    if odd:
        kind = unicodedata.category(odd[0])
        what = "a no-break space" if odd[0] == "\xa0" else "a blank" if kind in _BLANKS else None
        return f"has {what or 'an invisible character'} (U+{ord(odd[0]):04X})"
    if text != text.lstrip(" "):
        return "has a blank at its start"
    return "has a blank at its end" if text != text.rstrip(" ") else ""


def key(text: str) -> str:
    """An ID without blanks, invisible characters and case: equal for IDs that look alike."""
    if text.isascii() and text.isprintable():
        return text.replace(" ", "").casefold()
    plain = unicodedata.normalize("NFKC", text)
    return "".join(c for c in plain if unicodedata.category(c) not in (*_BLANKS, *_INVISIBLE)).casefold()


def raw_ids(values: Sequence[object]) -> Objects:
    """(n,) the texts as they are, None if missing or nothing but blanks."""
    kept = [v if isinstance(v, str) and (v.isalnum() or key(v)) else None for v in values]
    return np.array([*kept, None], dtype=object)[:-1]


def all_as_keyed(column: pd.Series) -> bool:
    """Whether every ID of a column that is not null has the 18-character form, letter by letter."""
    try:
        texts = pa.array(column, type=pa.large_string(), from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError):  # numbers, lists, broken bytes among the texts
        return False
    return bool(pc.all(pc.match_substring_regex(texts, rf"\A{_FORM}\z"), min_count=0).as_py())


def odd_ids(columns: Sequence[Objects]) -> list[dict[int, str]]:
    """Row -> what is wrong with the ID there, for the columns of one inventory's layers together.

    Parameters
    ----------
    columns
        (n,) raw texts of each layer, None if missing.

    Examples
    --------
    >>> markers, outlines = raw_ids(["A1", "A2"]), raw_ids(["a1", "A2 "])
    >>> odd_ids([markers, outlines])
    [{}, {0: "differs from 'A1' in its case or form only", 1: 'has a blank at its end'}]
    """
    counts: Counter[str] = Counter()
    for column in columns:
        counts.update(text for text in column.tolist() if text is not None)
    distinct = list(counts)
    if all(map(_AS_KEYED, distinct)):  # no two of these look alike
        return [{} for _ in columns]
    read = parse(np.array([*distinct, None], dtype=object)).canonical[:-1]
    same: dict[str, list[str]] = {}
    forms = set(read.tolist())
    for text, canonical in zip(distinct, read, strict=True):
        same.setdefault(key(canonical if canonical is not None else text), []).append(text)
    wrong: dict[str, str] = {}
    for texts in same.values():
        sound = [t for t in texts if not flaw(t)]
        # the 18-character form is meant, else the most frequent
        meant = min(sound, key=lambda t: (t not in forms, -counts[t], t)) if sound else ""
        for text in texts:
            if said := flaw(text):
                wrong[text] = said
            elif text != meant:
                wrong[text] = f"differs from {meant!r} in its case or form only"
    return [
        {row: wrong[text] for row, text in enumerate(column.tolist()) if text in wrong} for column in columns
    ]
