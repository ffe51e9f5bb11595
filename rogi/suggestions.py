"""Did-you-mean: which known names a mistyped one may stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

LIKE: Final = 0.6
"""Least likeness of a suggestion, of 1; difflib's value for the same purpose."""

_PREFIX: Final = 0.9  # a beginning is nearly as good as the name: `attr`, `--out`
_PART: Final = 0.75  # a word of a name: `fix` of `auto-fix`
_CASE: Final = 0.99
_LONG: Final = 64  # a longer text is no name


def suggestions(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Known names that are like a text, the likeliest first.

    Case, ``-``, ``_`` and zeros before a number do not count; one wrong, missing, added or swapped character
    is one error; the beginning of a name matches the name.

    Parameters
    ----------
    name : str
        What was typed.
    known : iterable of str
        What is allowed, in the order that decides between equals.
    most : int, optional
        How many at most.

    Returns
    -------
    list of str

    Examples
    --------
    >>> suggestions("vaildate", ["convert", "validate", "rule"])
    ['validate']
    >>> suggestions("GEO3", ["GEO030", "GEO003", "PID003"], 1)
    ['GEO003']
    >>> suggestions("attr", ["stats", "attributes"])
    ['attributes']
    >>> suggestions("xyz", ["validate"])
    []
    """
    typed = name[:_LONG]
    scores = {text: _like(typed, text) for text in known}
    likely = sorted((text for text in scores if scores[text] >= LIKE), key=lambda text: -scores[text])
    return likely[:most]


def did_you_mean(name: str, known: Iterable[str], most: int = 3) -> str:
    """``; did you mean X or Y?``, for the end of a message; empty where nothing is alike.

    Examples
    --------
    >>> did_you_mean("stric", ["lenient", "normal", "strict"])
    '; did you mean strict?'
    >>> did_you_mean("harsh", ["lenient", "normal", "strict"])
    ''
    """
    close = suggestions(name, known, most)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _like(typed: str, known: str) -> float:
    """Likeness of two names, 0 to 1."""
    if typed == known:
        return 1.0
    a, b = _plain(typed), _plain(known)
    if not a or not b:
        return 0.0
    if a == b:
        return _CASE
    longest = max(len(a), len(b))
    score = 1 - _distance(a, b) / longest
    if len(a) > 1 and b.startswith(a):
        score = max(score, _PREFIX + 0.05 * len(a) / longest)
    elif len(a) > 2 and (a in b or b in a):
        score = max(score, _PART + 0.1 * min(len(a), len(b)) / longest)
    return score


def _plain(text: str) -> str:
    letters = re.sub(r"[\s_.-]+", "", text.casefold())
    return re.sub(r"(?<!\d)0+(?=\d)", "", letters)


def _distance(a: str, b: str) -> int:
    """Optimal string alignment distance: insertions, deletions, replacements, swaps of neighbours."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
