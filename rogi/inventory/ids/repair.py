"""Repairing primary IDs that are not in the 18-character form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from rogi.inventory.ids.primary_id import (
    Objects,
    ParsedIds,
    _missing,
    _prefixes,
    deviation,
    filled,
    make,
    parse,
    resolve,
)
from rogi.inventory.ids.readings import IdForm


class RepairMethod(StrEnum):
    """What :func:`repair` did."""

    UNCHANGED = "unchanged"
    REWRITTEN = "rewritten"  # same numbers, canonical form
    GUESSED = "guessed"  # zeros were lost; read as the module says
    POSITION = "position"  # made from the position
    NONE = "none"  # could not be repaired


@dataclass(frozen=True, slots=True, eq=False)
class RepairedIds:
    """Repaired texts and how each was come by.

    Attributes
    ----------
    text
        (n,) 18-character IDs; where ``method`` is NONE the text as given.
    method
        (n,) :class:`RepairMethod`.
    parsed
        What the given texts said.
    """

    text: Objects
    method: Objects
    parsed: ParsedIds


def repair(
    text: ArrayLike | ParsedIds,
    longitude: ArrayLike | None = None,
    latitude: ArrayLike | None = None,
    *,
    tolerance: float = 2.0,
    prefix: str = "RGU",
) -> RepairedIds:
    """Bring IDs into the canonical form, with the help of positions where there are any.

    An ID that can be read without loss and lies within the tolerance of its position keeps its numbers
    (an ID is a name; a marker moved by a rounding does not rename a unit). One that has lost digits, lies
    elsewhere, is out of range, or cannot be read is made anew from the position. Without a position what
    can be read is rewritten.

    Parameters
    ----------
    text : array_like of str, shape (n,), or ParsedIds
    longitude, latitude : array_like, shape (n,), optional
        Positions of the primary markers, WGS84 degrees; NaN where unknown.
    tolerance : float
        Largest :func:`deviation` at which the numbers are kept, in 1e-4 degree.
    prefix : str
        For IDs whose own prefix cannot be read.

    Returns
    -------
    RepairedIds

    Examples
    --------
    >>> print(repair(["RGU76723E46181N"]).text[0])
    RGU461810N0076723E
    >>> print(repair(["RGU72283E45988N"], [7.22832], [45.98846]).text[0])
    RGU459885N0072283E
    """
    ids = text if isinstance(text, ParsedIds) else parse(text)
    n = len(ids)
    readable = ids.parsed & ids.in_range
    out = np.where(readable, ids.canonical, ids.text)
    method = filled(n, RepairMethod.NONE)
    method[readable] = RepairMethod.REWRITTEN
    method[readable & ids.ambiguous] = RepairMethod.GUESSED
    method[readable & (ids.form == IdForm.CANONICAL)] = RepairMethod.UNCHANGED
    if longitude is not None and latitude is not None:
        own = np.where(_missing(ids.prefix), _prefixes(prefix, 1)[0], ids.prefix)
        made = make(longitude, latitude, own)
        ids = resolve(ids, longitude, latitude)
        readable = ids.parsed & ids.in_range
        out = np.where(readable, ids.canonical, ids.text)
        keep = readable & ids.exact & (deviation(ids, longitude, latitude) <= tolerance)
        use = ~_missing(made) & ~keep
        out[use] = made[use]
        method[use] = RepairMethod.POSITION
    return RepairedIds(out, method, ids)
