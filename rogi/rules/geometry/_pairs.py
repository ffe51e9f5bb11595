"""Pairs of outlines that overlap though they should not, shared by the rules on overlap and containment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rogi.rules.context import Context
from rogi.rules.geometry._kinds import UNKNOWN, outline_groups
from rogi.rules.geometry.geo005_duplicate_geometry import duplicates
from rogi.schema.model import Role

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Overlapping outlines of one kind.

    Attributes
    ----------
    left, right, geometry, area
        As in :class:`~rogi.rules.overlaps.Overlaps`.
    smaller, larger
        (k,) positions of the two by area.
    share
        (k,) part of the smaller that is covered, 0 to 1.
    contained
        (k,) whether the smaller counts as lying within the larger.
    equal
        (k,) whether both have the same vertices.
    """

    left: Ints
    right: Ints
    geometry: NDArray[np.object_]
    area: NDArray[np.float64]
    smaller: Ints
    larger: Ints
    share: NDArray[np.float64]
    contained: NDArray[np.bool_]
    equal: NDArray[np.bool_]


def outline_pairs(context: Context) -> Pairs:
    """Overlapping pairs of outlines that are of the same kind."""
    return context.once(("outline pairs",), lambda: _outline_pairs(context))


def _outline_pairs(context: Context) -> Pairs:
    overlaps = context.overlaps(Role.OUTLINE)
    group = outline_groups(context, Role.OUTLINE)
    same = (group[overlaps.left] == group[overlaps.right]) & (group[overlaps.left] != UNKNOWN)
    left, right, overlap = overlaps.left[same], overlaps.right[same], overlaps.area[same]
    areas = context.area(Role.OUTLINE)
    left_smaller = areas[left] <= areas[right]
    smaller, larger = np.where(left_smaller, left, right), np.where(left_smaller, right, left)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.minimum(overlap / areas[smaller], 1.0)
    later, first = duplicates(context, Role.OUTLINE)
    representative = np.arange(len(areas))
    representative[later] = first
    return Pairs(
        left,
        right,
        overlaps.geometry[same],
        overlap,
        smaller,
        larger,
        share,
        share >= context.number("GEO016.share"),
        representative[left] == representative[right],
    )
