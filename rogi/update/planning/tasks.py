"""The tasks of an update: one per unit, and one per candidate without a unit."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from rogi.comparison.matching.graph import MatchGraph
from rogi.geometry import Ints
from rogi.update.planning import priority
from rogi.update.planning.candidate_files import Candidates
from rogi.update.planning.classes import CLASSES, Clusters, cluster_means, joined
from rogi.update.planning.evidence import Evidence
from rogi.update.planning.units import Units

DIGITS: Final = 4
"""Decimals of shares in a plan: differences of computers lie below them."""


def task_table(
    units: Units, found: Candidates, graph: MatchGraph, clusters: Clusters, known: Evidence
) -> tuple[pd.DataFrame, Ints]:
    """All tasks, units first, then candidates without one.

    Returns
    -------
    table : DataFrame
        The planned columns but area and priority, with ``doubt``, ``work`` and ``cluster``.
    outline : ndarray of int, shape (tasks,)
        Which outline each task is of: the row of a unit, or ``len(units)`` + that of a candidate.
    """
    n, count = len(units), len(clusters)
    lone = np.flatnonzero(graph.size_a[clusters.of_candidate] == 0)
    outline = np.append(np.arange(n), n + lone)
    cluster = np.append(clusters.of_unit, clusters.of_candidate[lone])
    nothing = np.full(len(lone), None, dtype=object)
    absent = np.full(len(lone), np.nan)
    has_unit = outline < n
    code = clusters.code[cluster]
    confidence = cluster_means(clusters.of_candidate, known.confidence, graph.area_b, count)[cluster]
    spread = cluster_means(clusters.of_candidate, found.model_spread, graph.area_b, count)[cluster]
    probability = np.append(known.probability, absent)
    valid_share = np.append(known.valid_share, absent)
    ice = np.append(known.unit_ice, known.candidate_ice[lone])
    iou = clusters.iou[cluster]
    belief = priority.evidence(code, has_unit, confidence, probability, valid_share, ice)
    area = priority.area_in_question(
        code, has_unit, clusters.disagreement[cluster], clusters.union[cluster], ice
    )
    keys = np.append("U:" + units.ids.astype(object), "C:" + found.ids[lone].astype(object))
    table = pd.DataFrame(
        {
            "task": keys,
            "unit": np.append(units.ids, nothing),
            "candidate": joined(clusters.of_candidate, found.ids, count)[cluster],
            "class": np.array([kind.value for kind in CLASSES], dtype=object)[code],
            "gain": priority.expected_gain(priority.reviewed(belief, spread), area).round(DIGITS),
            "iou": iou.round(DIGITS),
            "confidence": confidence.round(DIGITS),
            "model_spread": spread.round(DIGITS),
            "probability": probability.round(DIGITS),
            "valid_share": valid_share.round(DIGITS),
            "glacier_share": ice.round(DIGITS),
            "model": joined(clusters.of_candidate, found.texts["model"], count)[cluster],
            "image_date": joined(clusters.of_candidate, found.texts["image_date"], count)[cluster],
            "proposal": priority.proposals(code, belief, has_unit, known.doubtful[outline]),
            "doubt": priority.doubt(code, belief, iou, spread).round(DIGITS),
            "cluster": cluster,
            "work": priority.work_of(code),
        }
    )
    return table, outline
