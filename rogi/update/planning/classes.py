"""What the match of inventory and candidates says of each unit, and of each candidate without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.comparison.matching.graph import MATCH_TYPES, MatchGraph, MatchType
from rogi.geometry import Floats, Ints
from rogi.update.vocabulary import TaskClass

UNCHANGED_IOU: Final = 0.8
"""IoU from which two outlines of one landform count as the same.

No published value. An average unit (0.14 km², an ellipse twice as long as wide) that has moved by 50 m
along its length, the tolerance of fronts in Sun et al. (2024), has an IoU of 0.81 with what it was; drawn
22 m further out all around, of 0.80.
"""

GLACIER_SHARE: Final = 0.5
"""Share on glacier ice from which an outline counts as on a glacier: most of it."""

CLASSES: Final = tuple(TaskClass)
CODE: Final = {kind: code for code, kind in enumerate(CLASSES)}
STRUCTURAL: Final = (TaskClass.SPLIT, TaskClass.MERGED, TaskClass.COMPLEX)
"""Classes where the number of units differs, not only outlines."""


@dataclass(frozen=True, eq=False)
class Clusters:
    """The clusters of a match graph, as an update sees them.

    Attributes
    ----------
    of_unit, of_candidate : ndarray of int, shapes (n,), (m,)
        Cluster of each unit and candidate.
    code : ndarray of int, shape (k,)
        Index into :data:`CLASSES`.
    area_units, area_candidates, both : ndarray of float64, shape (k,)
        m²: sums over the units, the candidates, and over what they share.
    """

    of_unit: Ints
    of_candidate: Ints
    code: Ints
    area_units: Floats
    area_candidates: Floats
    both: Floats

    def __len__(self) -> int:
        return len(self.code)

    @property
    def union(self) -> Floats:
        """m² of units and candidates together, shape (k,)."""
        return self.area_units + self.area_candidates - self.both

    @property
    def iou(self) -> Floats:
        """Intersection over union of a cluster's units and candidates; NaN where one side is missing."""
        whole = self.union
        share = np.divide(self.both, whole, out=np.full(len(whole), np.nan), where=whole > 0)
        alone = (self.area_units == 0) | (self.area_candidates == 0)
        return np.asarray(np.where(alone, np.nan, np.minimum(share, 1.0)))

    @property
    def disagreement(self) -> Floats:
        """m² of the symmetric difference, shape (k,): what one side has and the other has not."""
        return np.asarray(np.maximum(self.union - self.both, 0.0))


def classify(
    graph: MatchGraph,
    *,
    unchanged_iou: float = UNCHANGED_IOU,
    unit_glacier_share: Floats | None = None,
    candidate_glacier_share: Floats | None = None,
    glacier_share: float = GLACIER_SHARE,
) -> Clusters:
    """The class of each cluster of units (A) and candidates (B).

    One unit and one candidate are unchanged or changed, by their IoU. A unit alone is not detected, a
    candidate alone is new. One unit and several candidates are split, several units and one candidate
    merged, several and several complex. A cluster of at most one unit and one candidate is on glacier
    instead if most of its unit, or of its candidate where there is no unit, lies on ice; in the others the
    count of units is the question.

    Parameters
    ----------
    graph : MatchGraph
        Of `rogi.comparison.matching.graph.match_polygons`, A the units and B the candidates.
    unchanged_iou : float
    unit_glacier_share, candidate_glacier_share : ndarray of float64, shapes (n,), (m,), optional
        0-1, NaN where it is not known.
    glacier_share : float
        From which an outline is on a glacier.

    Returns
    -------
    Clusters
    """
    count = len(graph.size_a)
    linked = graph.linked
    both = _sums(graph.cluster_a[graph.a[linked]], graph.overlap[linked], count)
    area_units = _sums(graph.cluster_a, graph.area_a, count)
    area_candidates = _sums(graph.cluster_b, graph.area_b, count)
    # Outlines that overlap others of their own side could share more with the other side than they have.
    both = np.minimum(both, np.minimum(area_units, area_candidates))
    code = np.array(
        [
            CODE[
                {
                    MatchType.ONE_TO_ONE: TaskClass.CHANGED,
                    MatchType.SPLIT: TaskClass.SPLIT,
                    MatchType.MERGE: TaskClass.MERGED,
                    MatchType.COMPLEX: TaskClass.COMPLEX,
                    MatchType.ONLY_A: TaskClass.NOT_DETECTED,
                    MatchType.ONLY_B: TaskClass.NEW,
                }[kind]
            ]
            for kind in MATCH_TYPES
        ],
        np.intp,
    )[graph.cluster_type]
    clusters = Clusters(graph.cluster_a, graph.cluster_b, code, area_units, area_candidates, both)
    code[(code == CODE[TaskClass.CHANGED]) & (clusters.iou >= unchanged_iou)] = CODE[TaskClass.UNCHANGED]
    icy = np.zeros(count, bool)
    if unit_glacier_share is not None:
        icy[graph.cluster_a[_at_least(unit_glacier_share, glacier_share)]] = True
    if candidate_glacier_share is not None:
        of = graph.cluster_b[_at_least(candidate_glacier_share, glacier_share)]
        icy[of[graph.size_a[of] == 0]] = True
    icy &= (graph.size_a <= 1) & (graph.size_b <= 1)
    code[icy] = CODE[TaskClass.ON_GLACIER]
    return clusters


def cluster_means(of: Ints, values: Floats, weights: Floats, count: int) -> Floats:
    """Weighted mean of the members of each cluster whose value is known, shape (count,); NaN without one."""
    known = ~np.isnan(values)
    weight = _sums(of[known], weights[known], count)
    total = _sums(of[known], (weights * values)[known], count)
    return np.asarray(np.divide(total, weight, out=np.full(count, np.nan), where=weight > 0))


def joined(of: Ints, texts: NDArray[np.object_], count: int) -> NDArray[np.object_]:
    """Texts of the members of each cluster in order, blanks between, each once; None if missing.

    Parameters
    ----------
    of : ndarray of int, shape (m,)
        Cluster of each member.
    texts : ndarray of object, shape (m,)
        Text or None.
    count : int
        Number of clusters.
    """
    out = np.full(count, None, dtype=object)
    table = pd.DataFrame({"of": of, "text": texts}).dropna().drop_duplicates()
    alone = ~table["of"].duplicated(keep=False).to_numpy()
    out[table["of"].to_numpy()[alone]] = table["text"].to_numpy(dtype=object)[alone]
    several = table[~alone].sort_values(["of", "text"], kind="stable")
    if len(several):
        lists = several.groupby("of", sort=True)["text"].agg(" ".join)
        out[lists.index.to_numpy()] = lists.to_numpy(dtype=object)
    return out


def _sums(rows: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(rows, weights=values, minlength=size).astype(float)


def _at_least(share: Floats, limit: float) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray(share >= limit)
