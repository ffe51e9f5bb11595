"""What looking at a task is expected to be worth, how doubtful it is, and how much work it makes.

The expected gain is the area that a look is expected to put right, on a scale from 0 to 1::

    gain = c D / (c D + A₀)

``D`` is the area in question, m²: the symmetric difference of unit and candidates; all of a unit that was
not detected and of a candidate without a unit; where the number of units differs, at least half of what the
outlines cover together; of a unit on a glacier, at least the part on ice. ``c`` is how far the evidence is
to be believed: the mean probability of the candidates; for a unit without one, the share of its outline
that could be judged times one less the mean probability inside; for a unit on a glacier, its share on ice,
and for a candidate there, less that share. Where nothing is known ``c`` is one half. ``A₀`` is the mean
area of a unit of TPRoGI v1.0, so that an average unit which is certainly wrong has a gain of one half.

It grows with the area in question and with the evidence, and falls with the IoU. The formula is a choice of
this project.

Where several models or turns made the candidates, ``c`` may be wrong by as much as they differ: the order of
review takes ``c`` plus their spread, at most 1, so of two tasks alike the one on which models disagree comes
first. What is proposed does not change with it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rogi.geometry import Floats, Ints
from rogi.update.planning.classes import CLASSES, CODE, STRUCTURAL
from rogi.update.vocabulary import Decision, TaskClass

MEAN_AREA_M2: Final = 137_060.0
"""Mean area of a unit of TPRoGI v1.0: 6,068,043,348 m² / 44,273 (Sun et al. 2024, §5.2)."""

UNKNOWN: Final = 0.5
"""Belief in evidence that the files say nothing about."""

STRUCTURAL_SHARE: Final = 0.5
"""Least part of a cluster's area that is in question where the number of units differs."""

WORK: Final = {
    TaskClass.UNCHANGED: 0.1,
    TaskClass.CHANGED: 1.0,
    TaskClass.NOT_DETECTED: 0.5,
    TaskClass.NEW: 1.0,
    TaskClass.SPLIT: 2.0,
    TaskClass.MERGED: 1.0,
    TaskClass.COMPLEX: 2.0,
    TaskClass.ON_GLACIER: 0.5,
}
"""Work of one task, in outlines drawn anew: packages get equal sums. An estimate of this project."""

SURE: Final = 0.9
"""Belief from which not being detected suggests removal."""

DOUBTFUL: Final = 0.5
"""Doubt from which a task is for a second look: belief between a quarter and three quarters."""


def evidence(
    code: Ints,
    has_unit: NDArray[np.bool_],
    confidence: Floats,
    probability: Floats,
    valid_share: Floats,
    glacier_share: Floats,
) -> Floats:
    """How far the evidence for a change is to be believed.

    Parameters
    ----------
    code : ndarray of int, shape (n,)
        Class of each task, index into `CLASSES`.
    has_unit : ndarray of bool, shape (n,)
        Whether the task is one of a unit.
    confidence, probability, valid_share, glacier_share : ndarray of float64, shape (n,)
        0-1; NaN where it is not known.

    Returns
    -------
    ndarray of float64, shape (n,)
        0-1.
    """
    belief = np.where(np.isnan(confidence), UNKNOWN, confidence)
    absent = code == CODE[TaskClass.NOT_DETECTED]
    silence = 1.0 - np.where(np.isnan(probability), UNKNOWN, probability)
    seen = np.where(np.isnan(valid_share), 1.0, valid_share)
    belief = np.where(absent, seen * silence, belief)
    icy = code == CODE[TaskClass.ON_GLACIER]
    ice = np.where(np.isnan(glacier_share), 0.0, glacier_share)
    return np.asarray(np.where(icy, np.where(has_unit, ice, belief * (1.0 - ice)), belief))


def reviewed(belief: Floats, spread: Floats) -> Floats:
    """Belief by which tasks are ordered for review: the belief and one standard deviation, at most 1.

    Parameters
    ----------
    belief : ndarray of float64, shape (n,)
        See `evidence`.
    spread : ndarray of float64, shape (n,)
        Standard deviation among the answers of several models or turns, 0-0.5; NaN where there was one.

    Examples
    --------
    >>> reviewed(np.array([0.5, 0.5, 0.9]), np.array([np.nan, 0.2, 0.3])).tolist()
    [0.5, 0.7, 1.0]
    """
    return np.asarray(np.minimum(belief + np.where(np.isnan(spread), 0.0, spread), 1.0))


def area_in_question(
    code: Ints, has_unit: NDArray[np.bool_], disagreement: Floats, union: Floats, glacier_share: Floats
) -> Floats:
    """Area that a decision may change, m², shape (n,), from that of each task's cluster."""
    structural = np.isin(code, [CODE[kind] for kind in STRUCTURAL])
    area = np.where(structural, np.maximum(disagreement, STRUCTURAL_SHARE * union), disagreement)
    icy = (code == CODE[TaskClass.ON_GLACIER]) & has_unit
    ice = np.where(np.isnan(glacier_share), 0.0, glacier_share)
    return np.asarray(np.where(icy, np.maximum(area, ice * union), area))


def expected_gain(belief: Floats, area_m2: Floats) -> Floats:
    """Expected gain of a look, 0-1, from the belief in the evidence and the area in question."""
    right = belief * area_m2
    return np.asarray(right / (right + MEAN_AREA_M2))


def doubt(code: Ints, belief: Floats, iou: Floats, spread: Floats) -> Floats:
    """How open a task is: 1 where the evidence is balanced, 0 where it is clear, shape (n,).

    ``1 - |2 q - 1|`` with q the belief in the evidence; of two outlines of one unit, their IoU; one half
    where the number of units differs or an outline lies on ice. Where models differ by a spread, twice that
    is added, up to 1: q may be as much nearer to one half.
    """
    q = belief.copy()
    pair = (code == CODE[TaskClass.CHANGED]) | (code == CODE[TaskClass.UNCHANGED])
    q[pair] = iou[pair]
    q[np.isin(code, [CODE[kind] for kind in (*STRUCTURAL, TaskClass.ON_GLACIER)])] = 0.5
    differ = 2.0 * np.where(np.isnan(spread), 0.0, spread)
    return np.asarray(np.minimum(1.0 - np.abs(2.0 * q - 1.0) + differ, 1.0))


def work_of(code: Ints) -> Floats:
    """Expected work of each task, shape (n,), in outlines drawn anew."""
    return np.array([WORK[kind] for kind in CLASSES])[code]


def proposals(
    code: Ints, belief: Floats, has_unit: NDArray[np.bool_], doubtful: NDArray[np.bool_] | None = None
) -> NDArray[np.object_]:
    """Decision that the match suggests, shape (n,); nothing is applied that no mapper decides.

    Where the imagery is ``doubtful``, nothing is suggested for removal: a unit remains, a candidate is
    unsure.
    """
    suggested = {
        TaskClass.UNCHANGED: Decision.REMAIN,
        TaskClass.CHANGED: Decision.REFINE,
        TaskClass.NOT_DETECTED: Decision.REMAIN,
        TaskClass.NEW: Decision.RETRIEVE,
        TaskClass.SPLIT: Decision.SPLIT,
        TaskClass.MERGED: Decision.MERGE,
        TaskClass.COMPLEX: Decision.UNSURE,
        TaskClass.ON_GLACIER: Decision.UNSURE,
    }
    out = np.array([suggested[kind].value for kind in CLASSES], dtype=object)[code]
    out[(code == CODE[TaskClass.NOT_DETECTED]) & (belief >= SURE)] = Decision.REMOVE.value
    out[(code == CODE[TaskClass.ON_GLACIER]) & ~has_unit] = Decision.REMOVE.value
    out[(code == CODE[TaskClass.NEW]) & (belief < 0.5)] = Decision.REMOVE.value
    if doubtful is not None:
        kept = np.where(has_unit, Decision.REMAIN.value, Decision.UNSURE.value).astype(object)
        out = np.where(doubtful & (out == Decision.REMOVE.value), kept, out)
    return out
