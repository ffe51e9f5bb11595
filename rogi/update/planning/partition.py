"""Work shared out: compact parts of equal work, in which what belongs together stays together.

Groups that may not be torn are divided by recursive bisection: across the longest extent of their places,
at the place where the work on both sides is in proportion to the parts each side is to have. The result
depends on the places and the work only, not on the order of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.comparison.matching.graph import MatchGraph, connected
from rogi.errors import OptionError
from rogi.geometry import Floats, Geometries, Ints, mercator, metres_per_degree
from rogi.text import agreeing, counted
from rogi.update.planning.surroundings import pairs_of_boxes, part_boxes

NEAR_M: Final = 100.0
"""Outlines closer than this stay together as far as it can be had."""

LARGEST_GROUP: Final = 0.25
"""Share of the work of a package above which a group is kept together only where its outlines touch."""


@dataclass(frozen=True)
class Part:
    """How even and how compact a part is.

    Attributes
    ----------
    members : int
    work : float
    share : float
        Its work over the mean of all parts.
    radius_km : float
        Root mean square distance of its members from their middle.
    """

    members: int
    work: float
    share: float
    radius_km: float


def groups(
    lonlat: Geometries,
    graph: MatchGraph,
    work: Floats,
    parts: int,
    *,
    tied: tuple[Ints, Ints] | None = None,
    near_m: float = NEAR_M,
    largest: float = LARGEST_GROUP,
) -> Ints:
    """Groups of outlines that are not torn between mappers.

    Outlines of one cluster are of one group always. Those that touch are too, unless they make a chain with
    more work than a whole part. Those within a distance are too, unless that makes a group with more than a
    share of the work of a part: a chain of neighbours may run along a whole valley.

    Parameters
    ----------
    lonlat : ndarray of object, shape (n + m,)
        Outlines of the units, then of the candidates, on one map (`rogi.longitudes.in_one_map`).
    graph : MatchGraph
        Units are A, candidates B.
    work : ndarray of float64, shape (n + m,)
        Of each unit, then each candidate.
    parts : int
        Number of parts the groups are for.
    tied : (ndarray of int, ndarray of int), optional
        Further pairs to keep together, numbered as in ``work``.
    near_m, largest : float

    Returns
    -------
    ndarray of int, shape (n + m,)
        Group of each outline, from 0 in the order of the first ones.
    """
    first, second = graph.a[graph.linked], graph.b[graph.linked] + len(graph.area_a)
    if tied is not None:
        first, second = np.append(first, tied[0]), np.append(second, tied[1])
    bound = connected(len(lonlat), first, second)

    def touching(one: Ints, other: Ints) -> NDArray[np.bool_]:
        return np.asarray(shapely.intersects(lonlat[one], lonlat[other]))

    def near(one: Ints, other: Ints) -> NDArray[np.bool_]:
        rows, at = np.unique(np.append(one, other), return_inverse=True)
        plane = shapely.transform(lonlat[rows], mercator)
        shapely.prepare(plane)
        left, right = plane[at].reshape(2, -1)
        return np.asarray(shapely.dwithin(left, right, near_m / metres_east(one)))

    def metres_east(of: Ints) -> Floats:
        _, south, _, north = shapely.bounds(lonlat[of]).reshape(-1, 4).T
        return metres_per_degree((south + north) / 2)[0]

    boxes, row = part_boxes(lonlat)
    tight = _joined(bound, pairs_of_boxes(boxes, row, 0.0), touching)
    loose = _joined(tight, pairs_of_boxes(boxes, row, near_m), near)
    even = work.sum() / parts
    small, fitting = _weight(loose, work) <= largest * even, _weight(tight, work) <= even
    # groups of the three kinds get numbers that differ
    count = len(lonlat)
    return _renumbered(np.where(small, loose, np.where(fitting, tight + count, bound + 2 * count)))


def divide(places: Floats, work: Floats, group: Ints, parts: int) -> Ints:
    """Compact parts of equal work that tear no group.

    Parameters
    ----------
    places : ndarray of float64, shape (n, 2)
        Metres in a plane.
    work : ndarray of float64, shape (n,)
        Not negative.
    group : ndarray of int, shape (n,)
        From 0, none left out.
    parts : int

    Returns
    -------
    ndarray of int, shape (n,)
        Part of each member, 0 to ``parts`` - 1; neighbouring numbers are mostly neighbours in space.

    Raises
    ------
    OptionError
        If there are fewer groups than parts.
    """
    count = int(group.max(initial=-1)) + 1
    if parts > count:
        raise OptionError(
            f"{counted(parts, 'part')} cannot be made of {counted(count, 'group')} that "
            f"{agreeing(count, 'stays', 'stay')} together; at most {counted(count, 'mapper')} can share them."
        )
    members = np.bincount(group, minlength=count)
    total = np.bincount(group, weights=work, minlength=count)
    middle = np.column_stack(
        [np.bincount(group, weights=axis, minlength=count) / members for axis in places.T]
    )
    # Work of nothing still has a place: half of it is shared by numbers, so that no part is empty.
    load = total + 1e-9 * (total.sum() + 1.0) / count
    part = np.zeros(count, np.intp)
    waiting = [(np.arange(count), 0, parts)]
    while waiting:
        rows, first, number = waiting.pop()
        if number == 1:
            part[rows] = first
            continue
        low = number // 2
        order = rows[_across(middle[rows], load[rows])]
        cut = _cut(load[order], low, number)
        waiting += [(order[:cut], first, low), (order[cut:], first + low, number - low)]
    return part[group]


def quality(places: Floats, work: Floats, part: Ints, parts: int) -> list[Part]:
    """How even and compact parts are; see `divide` for the arguments."""
    members = np.bincount(part, minlength=parts)
    total = np.bincount(part, weights=work, minlength=parts)
    number = np.maximum(members, 1)
    spread = np.zeros(parts)
    for axis in places.T:
        mean = np.bincount(part, weights=axis, minlength=parts) / number
        spread += np.bincount(part, weights=(axis - mean[part]) ** 2, minlength=parts) / number
    even = total.sum() / parts
    share = total / even if even > 0 else np.ones(parts)
    return [
        Part(int(m), float(w), float(s), float(r))
        for m, w, s, r in zip(members, total, share, np.sqrt(spread) / 1000.0, strict=True)
    ]


def _weight(label: Ints, work: Floats) -> Floats:
    """Work of the group of each member."""
    return np.bincount(label, weights=work).astype(float)[label]


def _joined(
    group: Ints, pairs: Iterable[tuple[Ints, Ints]], meet: Callable[[Ints, Ints], NDArray[np.bool_]]
) -> Ints:
    """Groups joined where members meet, which pairs of two groups are asked."""
    first, second = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    for one, other in pairs:
        apart = (one < other) & (group[one] != group[other])
        one, other = one[apart], other[apart]
        met = meet(one, other)
        first.append(group[one[met]])
        second.append(group[other[met]])
    size = int(group.max(initial=-1)) + 1
    return connected(size, np.concatenate(first), np.concatenate(second))[group]


def _across(places: Floats, load: Floats) -> Ints:
    """Order of places along the direction in which they spread most, ties by the other coordinates."""
    centred = places - np.average(places, axis=0, weights=load)
    xx, yy = (np.average(centred[:, k] ** 2, weights=load) for k in (0, 1))
    xy = np.average(centred[:, 0] * centred[:, 1], weights=load)
    angle = 0.5 * np.arctan2(2.0 * xy, xx - yy)  # of the principal axis, in (-90°, 90°]
    along = centred @ np.array([np.cos(angle), np.sin(angle)])
    return np.lexsort([places[:, 1], places[:, 0], np.round(along, 3)])


def _cut(load: Floats, low: int, number: int) -> int:
    """Where to cut a row of groups so that its first part has nearest ``low / number`` of the work."""
    done = np.cumsum(load)
    wanted = done[-1] * low / number
    after = int(np.searchsorted(done, wanted))
    before = done[after - 1] if after else 0.0
    cut = after + 1 if done[min(after, len(done) - 1)] - wanted < wanted - before else after
    return min(max(cut, low), len(load) - (number - low))


def _renumbered(label: Ints) -> Ints:
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])
