"""How good a network is on patches: agreement of pixels at every threshold, with intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rogi.comparison.agreement.rates import CONFIDENCE, REPLICATES, bootstrap_sums, percentile_estimate
from rogi.detection.model.card import Metric, ThresholdCurve

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

THRESHOLDS: Final = np.arange(1, 100) / 100.0
"""Probabilities at which agreement is computed."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Pixels of each patch by class of probability.

    Attributes
    ----------
    background, rock_glacier : array of int64, (patches, classes)
        Valid pixels of either truth whose probability lies between two of `THRESHOLDS`.
    """

    background: Ints
    rock_glacier: Ints

    @classmethod
    def join(cls, parts: Iterable[Counts]) -> Counts:
        """Of several batches."""
        listed = list(parts)
        return cls(
            np.concatenate([part.background for part in listed]),
            np.concatenate([part.rock_glacier for part in listed]),
        )

    def cells(self) -> tuple[Ints, Ints, Ints]:
        """Hits, false alarms and misses, each (patches, thresholds): a pixel counts from its threshold up."""
        hits, false = (
            part[:, ::-1].cumsum(axis=1)[:, -2::-1] for part in (self.rock_glacier, self.background)
        )
        return hits, false, self.rock_glacier.sum(axis=1, keepdims=True) - hits


def count(
    probability: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_], valid: npt.NDArray[np.bool_]
) -> Counts:
    """Count the pixels of patches.

    Parameters
    ----------
    probability : array of float32, (n, height, width)
    truth, valid : array of bool, (n, height, width)
    """
    n, classes = len(probability), len(THRESHOLDS) + 1
    found = np.searchsorted(THRESHOLDS.astype(np.float32), probability.ravel(), side="right")
    patch = np.repeat(np.arange(n), probability[0].size)
    cell = (2 * patch + truth.ravel()) * classes + found
    table = np.bincount(cell[valid.ravel()], minlength=2 * n * classes).reshape(n, 2, classes)
    return Counts(table[:, 0], table[:, 1])


def ratios(hits: npt.ArrayLike, false: npt.ArrayLike, missed: npt.ArrayLike) -> dict[str, Floats]:
    """IoU, precision, recall and F1 from hits, false alarms and misses; NaN where they are not defined."""
    tp, fp, fn = (np.asarray(part, float) for part in (hits, false, missed))
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "iou": tp / (tp + fp + fn),
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
        }


def threshold_curve(counts: Counts) -> ThresholdCurve:
    """Agreement at each threshold; 0 where a ratio is not defined."""
    table = ratios(*(part.sum(axis=0) for part in counts.cells()))
    columns = {name: tuple(np.round(np.nan_to_num(column), 6).tolist()) for name, column in table.items()}
    return ThresholdCurve(threshold=tuple(THRESHOLDS.tolist()), **columns)


def best_threshold(curve: ThresholdCurve) -> float:
    """Threshold of the largest IoU (so also of the largest F1); of equal ones the nearest to a half."""
    iou, threshold = np.array(curve.iou), np.array(curve.threshold)
    return float(min(threshold[iou == iou.max()], key=lambda value: (abs(value - 0.5), value)))


def metrics(counts: Counts, clusters: npt.ArrayLike, threshold: float, split: str) -> tuple[Metric, ...]:
    """IoU, precision, recall and F1 at a threshold, with percentile intervals of the cluster bootstrap.

    Parameters
    ----------
    counts : Counts
    clusters : array of int, (patches,)
        Patches of one number are drawn together: blocks of ground, since neighbours resemble each other. A
        single block has no interval.
    threshold : float
        One of `THRESHOLDS`.
    split : str
    """
    at = int(np.abs(THRESHOLDS - threshold).argmin())
    cells = np.stack([part[:, at] for part in counts.cells()], axis=1).astype(float)
    names, group = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.zeros((len(names), 3))
    np.add.at(sums, group, cells)
    drawn = ratios(*bootstrap_sums(sums, REPLICATES).T)
    values = ratios(*sums.sum(axis=0))
    found = []
    for name, value in values.items():
        if not np.isfinite(value):
            continue
        low = high = None
        if len(names) > 1:
            estimate = percentile_estimate(float(value), drawn[name])
            low, high = round(estimate.low, 6), round(estimate.high, 6)
        found.append(Metric(name, split, round(float(value), 6), low, high, CONFIDENCE, len(names)))
    return tuple(found)
