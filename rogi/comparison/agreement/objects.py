"""Agreement of two inventories, by area and by object. A is the reference, B what is measured against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rogi.comparison.agreement.areas import Components
from rogi.comparison.agreement.rates import (
    CONFIDENCE,
    REPLICATES,
    Estimate,
    Rate,
    bootstrap_sums,
    f1_rate,
    percentile_estimate,
    rate,
)
from rogi.comparison.matching.graph import MatchGraph
from rogi.geometry import Floats
from rogi.text import counted

IOU_THRESHOLDS = (0.1, 0.25, 0.5, 0.75)
# Percentile intervals of fewer groups are too narrow, and where one group has most of the area the draws only
# say how often it was drawn (Efron & Tibshirani 1993, §13; Cameron, Gelbach & Miller 2008 for few clusters).
# The numbers are the choice of this project.
LEAST_GROUPS = 10
LARGEST_SHARE = 0.8
PANOPTIC_IOU = 0.5  # Kirillov et al. (2019): above it a match is unique where no side overlaps itself
# km²; the lower limit of an inventoried unit (0.01), the mean (0.14) and the 90th percentile (0.3) of
# TPRoGI lie on or near the edges.
SIZE_CLASSES_KM2 = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, np.inf)


@dataclass(frozen=True)
class AreaAgreement:
    """Agreement by area: TP, FP and FN are total areas, as in Table 3 of Sun et al. (2024).

    Attributes
    ----------
    true_positive, false_positive, false_negative : float
        Area of A ∩ B, of B outside A, and of A outside B, m².
        What lies along boundaries within a millimetre of each other counts as 0.
    precision, recall, f1, iou : Estimate
        With percentile intervals of the cluster bootstrap.
    no_interval : str
        Why there are none: fewer than :data:`LEAST_GROUPS` groups of linked outlines, or one of them has more
        than :data:`LARGEST_SHARE` of the area.
    """

    true_positive: float
    false_positive: float
    false_negative: float
    precision: Estimate
    recall: Estimate
    f1: Estimate
    iou: Estimate
    no_interval: str = ""


@dataclass(frozen=True)
class ObjectAgreement:
    """Agreement by object: a pair of the one-to-one assignment counts if its IoU reaches the threshold.

    Attributes
    ----------
    threshold : float
    matched, missed, false : int
        True positives, false negatives (objects of A) and false positives (objects of B).
    precision, recall : Rate
        With Wilson intervals.
    f1 : Estimate
        Also the recognition quality RQ of the panoptic quality.
    segmentation_quality : float
        SQ: mean IoU of the matched pairs; NaN if there are none.
    panoptic_quality : float
        PQ = SQ · RQ (Kirillov et al. 2019).
    """

    threshold: float
    matched: int
    missed: int
    false: int
    precision: Rate
    recall: Rate
    f1: Estimate
    segmentation_quality: float
    panoptic_quality: float


@dataclass(frozen=True)
class SizeClass:
    """Agreement of the objects of one size class; areas in km², upper limit not included.

    ``recall_area`` is the share of the area of A in the class that B covers, ``precision_area`` that of B
    in the class that A covers (outlines that overlap within a side count each).
    """

    lower_km2: float
    upper_km2: float
    found_a: Rate
    found_b: Rate
    recall_area: float
    precision_area: float


@dataclass(frozen=True)
class GroupAgreement:
    """Counts and agreement of one group (a subregion, for example); no areas where a side has points."""

    name: str
    count_a: int
    count_b: int
    found_a: Rate
    found_b: Rate
    area: AreaAgreement | None = None
    objects: ObjectAgreement | None = None


def area_agreement(
    parts: Components,
    rows: ArrayLike | None = None,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> AreaAgreement:
    """Agreement by area of all components, or of some.

    precision = TP / (TP + FP), recall = TP / (TP + FN), F1 = 2 TP / (2 TP + FP + FN), IoU = TP / (TP + FP +
    FN).

    Parameters
    ----------
    parts : Components
    rows : array_like of int or bool, optional
        Components to count.
    replicates, seed : int
        Of the bootstrap over components.
    """
    chosen = slice(None) if rows is None else np.asarray(rows)
    table = np.column_stack([parts.both[chosen], parts.union_a[chosen], parts.union_b[chosen]])
    reason = _no_interval(table[:, 1] + table[:, 2] - table[:, 0])
    drawn = bootstrap_sums(table, 0 if reason else replicates, seed)
    values, spread = _area_rates(table.sum(axis=0)[None, :]), _area_rates(drawn)
    estimates = {
        name: percentile_estimate(float(v[0]), spread[name], confidence) for name, v in values.items()
    }
    only_a, only_b = (_beyond(whole, table[:, 0], parts.noise[chosen]) for whole in table[:, 1:].T)
    return AreaAgreement(float(table[:, 0].sum()), only_b, only_a, **estimates, no_interval=reason)


def _beyond(whole: Floats, both: Floats, noise: Floats) -> float:
    """m² of one side outside the other."""
    rest = whole - both
    return max(0.0, float(rest[np.abs(rest) > noise].sum()))


def _no_interval(area: Floats) -> str:
    """Why some groups, by the area they cover, are no sample to draw from; empty if they are."""
    if len(area) < LEAST_GROUPS:
        return f"{counted(len(area), 'group')} of linked outlines; {LEAST_GROUPS} or more are needed"
    share = float(area.max() / area.sum()) if area.sum() > 0 else 0.0
    if share > LARGEST_SHARE:
        return (
            f"one group of linked outlines has {100 * share:.0f} % of the area; at most "
            f"{100 * LARGEST_SHARE:.0f} % are allowed"
        )
    return ""


def object_agreement(
    graph: MatchGraph,
    assigned: NDArray[np.bool_],
    threshold: float,
    *,
    in_a: NDArray[np.bool_] | None = None,
    in_b: NDArray[np.bool_] | None = None,
    confidence: float = CONFIDENCE,
) -> ObjectAgreement:
    """Agreement by object at one IoU threshold.

    Parameters
    ----------
    graph : MatchGraph
        Of polygons.
    assigned : ndarray of bool, shape (m,)
        Of `rogi.comparison.matching.graph.assignment` with ``min_iou=threshold``.
    threshold : float
        Least IoU of a match.
    in_a, in_b : ndarray of bool, shapes (n_a,), (n_b,), optional
        Objects to count; by default all.
    """
    a_counts = np.ones(len(graph.area_a), bool) if in_a is None else in_a
    b_counts = np.ones(len(graph.area_b), bool) if in_b is None else in_b
    iou = graph.iou
    hit = assigned & (iou >= threshold) & a_counts[graph.a] & b_counts[graph.b]
    matched = int(hit.sum())
    missed, false = int(a_counts.sum()) - matched, int(b_counts.sum()) - matched
    f1 = f1_rate(matched, missed, false, confidence)
    quality = float(iou[hit].mean()) if matched else float("nan")
    return ObjectAgreement(
        threshold,
        matched,
        missed,
        false,
        rate(matched, matched + false, confidence),
        rate(matched, matched + missed, confidence),
        f1,
        quality,
        quality * f1.value if matched else (0.0 if missed + false else float("nan")),
    )


def point_agreement(
    graph: MatchGraph, assigned: NDArray[np.bool_], *, confidence: float = CONFIDENCE
) -> ObjectAgreement:
    """Agreement by object where a side has points: every pair of the one-to-one assignment is a match.

    There is no IoU, so the threshold, SQ and PQ are NaN.

    Parameters
    ----------
    graph : MatchGraph
    assigned : ndarray of bool, shape (m,)
        Of `rogi.comparison.matching.graph.assignment`.
    """
    nan, matched = float("nan"), int(assigned.sum())
    missed, false = len(graph.area_a) - matched, len(graph.area_b) - matched
    return ObjectAgreement(
        nan,
        matched,
        missed,
        false,
        rate(matched, matched + false, confidence),
        rate(matched, matched + missed, confidence),
        f1_rate(matched, missed, false, confidence),
        nan,
        nan,
    )


def found(graph: MatchGraph) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which objects of A and of B have a link to the other side, whatever its IoU."""
    in_a = np.zeros(len(graph.area_a), bool)
    in_b = np.zeros(len(graph.area_b), bool)
    in_a[graph.a[graph.linked]] = True
    in_b[graph.b[graph.linked]] = True
    return in_a, in_b


def size_agreement(
    graph: MatchGraph,
    parts: Components,
    classes_km2: tuple[float, ...] = SIZE_CLASSES_KM2,
    *,
    confidence: float = CONFIDENCE,
) -> list[SizeClass]:
    """Agreement by size class of the objects; class limits in km², ascending."""
    limits = np.asarray(classes_km2) * 1e6
    found_a, found_b = found(graph)
    class_a = np.searchsorted(limits, graph.area_a, side="right") - 1
    class_b = np.searchsorted(limits, graph.area_b, side="right") - 1
    rows = []
    for k in range(len(limits) - 1):
        a, b = class_a == k, class_b == k
        rows.append(
            SizeClass(
                float(classes_km2[k]),
                float(classes_km2[k + 1]),
                rate(int(found_a[a].sum()), int(a.sum()), confidence),
                rate(int(found_b[b].sum()), int(b.sum()), confidence),
                _ratio(parts.covered_a[a].sum(), graph.area_a[a].sum()),
                _ratio(parts.covered_b[b].sum(), graph.area_b[b].sum()),
            )
        )
    return rows


def group_agreement(
    graph: MatchGraph,
    assigned: NDArray[np.bool_],
    parts: Components,
    group_a: ArrayLike,
    group_b: ArrayLike,
    *,
    threshold: float = PANOPTIC_IOU,
    replicates: int = REPLICATES,
    seed: int = 0,
    confidence: float = CONFIDENCE,
) -> list[GroupAgreement]:
    """Agreement per group, where every component goes to one group as a whole.

    That is the group of its largest outline of A, or of B if it has none of A, so that the areas and counts
    of the groups add up to those of the whole, and a pair astride a border is not torn apart.

    Parameters
    ----------
    assigned : ndarray of bool, shape (m,)
        Of `rogi.comparison.matching.graph.assignment` with ``min_iou=threshold``.
    group_a, group_b : array_like of str, shapes (n_a,), (n_b,)
        Group of each object; empty text for none.
    """
    names_a, names_b = np.asarray(group_a, dtype=object), np.asarray(group_b, dtype=object)
    group = np.full(len(parts), "", dtype=object)
    for owner, names, area in ((parts.of_b, names_b, graph.area_b), (parts.of_a, names_a, graph.area_a)):
        ascending = np.lexsort([-np.arange(len(area)), area])
        group[owner[ascending]] = names[ascending]  # the last one written, the largest, stays
    found_a, found_b = found(graph)
    rows = []
    for name in sorted(set(group.tolist())):
        chosen = group == name
        a, b = chosen[parts.of_a], chosen[parts.of_b]
        rows.append(
            GroupAgreement(
                str(name),
                int(a.sum()),
                int(b.sum()),
                rate(int(found_a[a].sum()), int(a.sum()), confidence),
                rate(int(found_b[b].sum()), int(b.sum()), confidence),
                area_agreement(parts, chosen, replicates=replicates, seed=seed, confidence=confidence),
                object_agreement(graph, assigned, threshold, in_a=a, in_b=b, confidence=confidence),
            )
        )
    return rows


def group_counts(
    graph: MatchGraph, group_a: ArrayLike, group_b: ArrayLike, *, confidence: float = CONFIDENCE
) -> list[GroupAgreement]:
    """Counts per group, each object in its own group: what can be said where a side has points."""
    names_a, names_b = np.asarray(group_a, dtype=object), np.asarray(group_b, dtype=object)
    found_a, found_b = found(graph)
    rows = []
    for name in sorted(set(names_a.tolist()) | set(names_b.tolist())):
        a, b = names_a == name, names_b == name
        rows.append(
            GroupAgreement(
                str(name),
                int(a.sum()),
                int(b.sum()),
                rate(int(found_a[a].sum()), int(a.sum()), confidence),
                rate(int(found_b[b].sum()), int(b.sum()), confidence),
            )
        )
    return rows


def _area_rates(sums: Floats) -> dict[str, Floats]:
    """Precision, recall, F1 and IoU from rows of (both, A, B)."""
    both, in_a, in_b = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "precision": np.minimum(both / in_b, 1.0),
            "recall": np.minimum(both / in_a, 1.0),
            "f1": np.minimum(2 * both / (in_a + in_b), 1.0),
            "iou": np.minimum(both / (in_a + in_b - both), 1.0),
        }


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
