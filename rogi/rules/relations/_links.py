"""Which outline belongs to which marker: by primary ID, by working ID, or by place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.inventory.ids.readings import IdForm
from rogi.inventory.values.columns import folded, is_placeholder
from rogi.rules.context import Context
from rogi.rules.vertices import only
from rogi.schema.model import Role

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Objects = NDArray[np.object_]

NOBODY = -1


class Way(IntEnum):
    """How an outline was linked to a marker."""

    NONE = 0
    PRIMARY_ID = 1
    WORKING_ID = 2
    PLACE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Outlines and markers.

    Attributes
    ----------
    marker
        (n outlines,) position of the marker an outline belongs to; NOBODY if there is none.
    way
        (n outlines,) :class:`Way`.
    named
        (n outlines,) whether the outline has a primary ID of its own.
    has_outline
        (n markers,) whether an outline belongs to the marker.
    """

    marker: Ints
    way: Ints
    named: Mask
    has_outline: Mask


def unit_names(context: Context, role: Role) -> Objects:
    """(n,) what the primary ID says, in one spelling; None for nulls and placeholders.

    The 17-character and the 18-character form of an ID are one; IDs that cannot be read are compared
    without case and blanks.
    """

    def compute() -> Objects:
        ids = context.primary_ids(role)
        names = ids.canonical.copy()
        none = context.placeholders()
        for i in np.flatnonzero(ids.form == IdForm.UNPARSABLE):
            names[i] = None if is_placeholder(ids.text[i], none) else folded(ids.text[i])
        return names

    return context.once(("unit names", role), compute)


def links(context: Context) -> Links:
    """Links between all outlines and markers; both layers need the concept ``primary_id``.

    An outline with a primary ID belongs to the marker of the same ID, else to that of the same working
    ID. One without belongs to the marker of its working ID, or else to the one that lies in it.
    """
    return context.once(("links",), lambda: _links(context))


def _links(context: Context) -> Links:
    outlines, markers = unit_names(context, Role.OUTLINE), unit_names(context, Role.MARKER)
    named = _present(outlines)
    marker = match(outlines, markers)
    way = np.where(marker >= 0, int(Way.PRIMARY_ID), int(Way.NONE))
    used = match(markers, outlines[named]) >= 0
    if context.has(Role.OUTLINE, "working_id") and context.has(Role.MARKER, "working_id"):
        local = match(_working_ids(context, Role.OUTLINE), _working_ids(context, Role.MARKER))
        new = (marker < 0) & (local >= 0)
        marker[new], way[new] = local[new], Way.WORKING_ID
    homeless = np.flatnonzero((marker < 0) & ~named)
    if len(homeless):
        found = _marker_within(context, homeless)
        marker[homeless] = found
        way[homeless[found >= 0]] = Way.PLACE
    used[marker[marker >= 0]] = True
    return Links(marker, way.astype(np.int64), named, used)


def match(names: Objects, known: Objects) -> Ints:
    """(n,) position of each name among some known ones (the first of equals); NOBODY if it is not there."""
    index = pd.Index(known, dtype=object)
    first = ~index.duplicated() & _present(known)
    at = np.flatnonzero(first)
    found = index[first].get_indexer(pd.Index(names, dtype=object))
    found = np.where(_present(names), found, -1)
    return np.where(found >= 0, at[found] if len(at) else -1, NOBODY).astype(np.int64)


def _working_ids(context: Context, role: Role) -> Objects:
    none = context.placeholders()
    text = context.text(role, "working_id")
    return np.array([None if t is None or is_placeholder(t, none) else folded(t) for t in text], dtype=object)


def _marker_within(context: Context, outlines: Ints) -> Ints:
    """For each of some outlines a marker that lies in it (the first), NOBODY if there is none."""
    found = np.full(len(outlines), NOBODY, dtype=np.int64)
    shapes, points = context.lonlat(Role.OUTLINE)[outlines], context.lonlat(Role.MARKER)
    shapes = only(shapes, context.valid(Role.OUTLINE)[outlines])
    outline, marker = shapely.STRtree(points).query(shapes, predicate="intersects")
    order = np.lexsort((-marker, outline))  # the first marker is written last
    found[outline[order]] = marker[order]
    return found


def _present(values: Objects) -> Mask:
    return ~np.asarray(pd.isna(values), dtype=bool)
