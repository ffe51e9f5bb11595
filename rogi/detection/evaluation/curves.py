"""Curves over a score: precision and recall, average precision, calibration, and which threshold to take.

One idea serves candidates, their areas and pixels: things with a score, each with a size (1, an area) and how
much of it is right (0 or 1, an area). Kept above a threshold, precision is right / size, recall is right /
positives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rogi.comparison.agreement.rates import CONFIDENCE, Estimate, percentile_estimate
from rogi.geometry import Floats, Ints

BINS = 10
"""Bins of equal width of a calibration curve (Guo et al. 2017 use 15; 10 keep enough in each)."""
FOLDS = 5
"""Parts of the ground a threshold is chosen without, to see what it gains there."""
REPLICATES = 500
_AT_ONCE = 1 << 22  # numbers of a block of bootstrap replicates


@dataclass(frozen=True)
class Curve:
    """Precision and recall over falling thresholds; arrays of shape (m,).

    Attributes
    ----------
    threshold : ndarray of float64
        Scores that occur, from the highest.
    precision, recall, f1 : ndarray of float64
        Of what has at least this score; NaN where nothing can be said.
    average_precision : Estimate
        Area under the curve, where precision at a recall is the best one at that recall or a higher one
        (Everingham et al. 2010), with the interval of the cluster bootstrap.
    """

    threshold: Floats
    precision: Floats
    recall: Floats
    f1: Floats
    average_precision: Estimate


@dataclass(frozen=True)
class Calibration:
    """How scores agree with the share that is right; arrays of shape (bins,).

    Attributes
    ----------
    lower, upper : ndarray of float64
        Limits of the bins; the upper one belongs to the next bin, but for the last.
    count : ndarray of int64
        Things in a bin.
    size : ndarray of float64
        Their total size.
    score, share : ndarray of float64
        Mean score, by size, and the share of the size that is right; NaN in an empty bin.
    error : Estimate
        Expected calibration error: mean of the distance of score and share over the bins, by size, with the
        interval of the cluster bootstrap.
    """

    lower: Floats
    upper: Floats
    count: Ints
    size: Floats
    score: Floats
    share: Floats
    error: Estimate


@dataclass(frozen=True)
class ThresholdChoice:
    """The threshold with the largest F1, and what it is worth.

    Attributes
    ----------
    current, best : float
        Thresholds; the best of equal ones is the highest.
    f1_current, f1_best : float
        On all ground: the second is too good, for it was chosen there.
    f1_held_out : float
        F1 over all folds when the threshold for each is chosen on the others; NaN with less than two folds.
    """

    current: float
    best: float
    f1_current: float
    f1_best: float
    f1_held_out: float

    @property
    def gain(self) -> float:
        """What the choice gains on the ground it was made on."""
        return self.f1_best - self.f1_current

    @property
    def gain_held_out(self) -> float:
        """What it gains on other ground."""
        return self.f1_held_out - self.f1_current


@dataclass(frozen=True, eq=False)
class Scored:
    """Things with a score, summed by score and group.

    Attributes
    ----------
    score : ndarray of float64, shape (m,)
        All scores that occur, falling.
    size, right : ndarray of float64, shape (g, m)
        By group and score.
    count : ndarray of int64, shape (m,)
    positives : ndarray of float64, shape (g,)
        What could be found in each group.
    """

    score: Floats
    size: Floats
    right: Floats
    count: Ints
    positives: Floats


def scored(
    score: Floats, size: Floats, right: Floats, group: Ints, positives: Floats, *, levels: int = 255
) -> Scored:
    """Things by score and group.

    Parameters
    ----------
    score, size, right : ndarray of float64, shape (n,)
        Score from 0 to 1, size, and how much of it is right.
    group : ndarray of int, shape (n,)
        Groups are drawn as a whole in the bootstrap.
    positives : ndarray of float64, shape (g,)
    levels : int
        Scores are rounded down to so many steps, and 1, where more of them occur.
    """
    values = score
    if len(np.unique(score)) > levels:
        values = np.floor(score * (levels - 1) * (1 + 1e-12)) / (levels - 1)
    found, at = np.unique(-values, return_inverse=True)
    shape = (len(positives), len(found))
    flat = group * len(found) + at
    cells = shape[0] * shape[1]
    return Scored(
        -found,
        _summed(flat, size, cells).reshape(shape),
        _summed(flat, right, cells).reshape(shape),
        np.bincount(at, minlength=len(found)),
        positives,
    )


def curve(things: Scored, *, replicates: int = REPLICATES, seed: int = 0) -> Curve:
    """Precision and recall over the threshold.

    Examples
    --------
    >>> things = scored(np.array([0.9, 0.8, 0.7]), np.ones(3), np.array([1.0, 0.0, 1.0]), np.zeros(3, int),
    ...                 np.array([2.0]))
    >>> found = curve(things)
    >>> found.recall.tolist(), round(found.average_precision.value, 4)
    ([0.5, 0.5, 1.0], 0.8333)
    """
    precision, recall, f1 = _rates(things.right.sum(axis=0), things.size.sum(axis=0), things.positives.sum())
    value = _average_precision(precision[None], recall[None])[0]

    def drawn(weights: Floats) -> Floats:
        p, r, _ = _rates(weights @ things.right, weights @ things.size, (weights @ things.positives)[:, None])
        return _average_precision(p, r)

    return Curve(
        things.score,
        precision,
        recall,
        f1,
        _with_interval(float(value), drawn, things, replicates, seed),
    )


def calibration(
    things: Scored, *, bins: int = BINS, replicates: int = REPLICATES, seed: int = 0
) -> Calibration:
    """Scores beside the share that is right."""
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.floor(things.score * bins * (1 + 1e-12)).astype(np.intp), 0, bins - 1)
    into = np.zeros((len(things.score), bins))
    into[np.arange(len(place)), place] = 1.0
    size, right = things.size @ into, things.right @ into
    weighted = (things.size * things.score) @ into
    total = np.stack([size, right, weighted]).sum(axis=1)

    def error(sums: Floats) -> Floats:
        in_bin, good, score = sums
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.abs(score - good).sum(axis=-1) / in_bin.sum(axis=-1))

    def drawn(weights: Floats) -> Floats:
        return error(np.stack([weights @ size, weights @ right, weights @ weighted]))

    with np.errstate(divide="ignore", invalid="ignore"):
        score, share = total[2] / total[0], total[1] / total[0]
    value = float(error(total[:, None])[0])
    return Calibration(
        edges[:-1],
        edges[1:],
        (things.count @ into).astype(np.intp),
        total[0],
        score,
        share,
        _with_interval(value, drawn, things, replicates, seed),
    )


def choose_threshold(things: Scored, current: float, *, folds: int = FOLDS) -> ThresholdChoice:
    """The threshold with the largest F1, beside the one in use.

    Groups are dealt to the folds in turn, in their order.

    Parameters
    ----------
    things : Scored
    current : float
        The threshold in use; what has a lower score is not kept.
    folds : int
    """
    right, size = np.cumsum(things.right, axis=1), np.cumsum(things.size, axis=1)
    if not len(things.score):
        nan = float("nan")
        return ThresholdChoice(current, nan, nan, nan, nan)

    def f1_of(rows: Ints) -> Floats:
        return _f1(right[rows].sum(axis=0), size[rows].sum(axis=0), things.positives[rows].sum())

    everything = np.arange(len(things.positives))
    f1 = f1_of(everything)
    kept = int(np.searchsorted(-things.score, -current * (1 - 1e-12), side="right"))
    best = int(np.nanargmax(f1)) if np.isfinite(f1).any() else 0
    fold = everything % folds
    sums = np.zeros(3)
    used = np.unique(fold)
    for one in used if len(used) > 1 else ():
        others, here = np.flatnonzero(fold != one), np.flatnonzero(fold == one)
        elsewhere = f1_of(others)
        at = int(np.nanargmax(elsewhere)) if np.isfinite(elsewhere).any() else len(things.score) - 1
        sums += [right[here, at].sum(), size[here, at].sum(), things.positives[here].sum()]
    return ThresholdChoice(
        current,
        float(things.score[best]),
        float(f1[kept - 1]) if kept else 0.0,
        float(f1[best]),
        float(_f1(sums[0], sums[1], sums[2])) if len(used) > 1 else float("nan"),
    )


def _summed(place: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(place, weights=values, minlength=size).astype(np.float64)


def _rates(right: Floats, size: Floats, positives: Floats | float) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 along the last axis, the scores falling."""
    good, kept = np.cumsum(right, axis=-1), np.cumsum(size, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.minimum(good / kept, 1.0)
        recall = np.minimum(good / positives, 1.0)
    return precision, recall, _f1(good, kept, positives)


def _f1(right: Floats | float, size: Floats | float, positives: Floats | float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.minimum(2 * np.asarray(right) / (np.asarray(size) + positives), 1.0))


def _average_precision(precision: Floats, recall: Floats) -> Floats:
    """Area under precision, made to fall, over recall; shape (r,) of curves (r, m)."""
    if precision.shape[1] == 0:
        return np.where(np.isfinite(recall).all(axis=1), 0.0, np.nan)
    envelope = np.maximum.accumulate(np.nan_to_num(precision)[:, ::-1], axis=1)[:, ::-1]
    steps = np.diff(recall, axis=1, prepend=0.0)
    return np.asarray((envelope * steps).sum(axis=1))


def _with_interval(
    value: float, drawn: Callable[[Floats], Floats], things: Scored, replicates: int, seed: int
) -> Estimate:
    """A value with the interval of its replicates, for which groups are drawn with replacement."""
    groups = len(things.positives)
    if groups < 2 or replicates == 0 or not np.isfinite(value):
        return Estimate(value, float("nan"), float("nan"))
    random = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // max(1, groups, len(things.score)))
    parts = []
    for start in range(0, replicates, block):
        several = min(block, replicates - start)
        weights = random.multinomial(groups, np.full(groups, 1 / groups), size=several).astype(float)
        parts.append(drawn(weights))
    return percentile_estimate(value, np.concatenate(parts), CONFIDENCE)
