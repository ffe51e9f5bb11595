"""Scores of pixels: equal to counting by hand at every threshold; intervals from blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.detection.model.card import ThresholdCurve
from rogi.detection.training.patch_scores import (
    THRESHOLDS,
    Counts,
    best_threshold,
    count,
    metrics,
    ratios,
    threshold_curve,
)


def case(seed: int, n: int = 4):
    rng = np.random.default_rng(seed)
    truth = rng.random((n, 12, 13)) < 0.2
    probability = np.clip(rng.normal(0.35, 0.2, truth.shape) + 0.3 * truth, 0, 1).astype(np.float32)
    # exactly at thresholds, too
    probability[:, 0] = np.round(probability[:, 0], 2)
    return probability, truth, rng.random(truth.shape) < 0.9


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_cells_are_those_of_thresholding(seed: int):
    """Hits, false alarms and misses per patch: a pixel is found from its threshold up, invalid ones never."""
    probability, truth, valid = case(seed)
    hits, false, missed = count(probability, truth, valid).cells()
    for k, threshold in enumerate(THRESHOLDS.astype(np.float32)):
        found = probability >= threshold
        axes = (1, 2)
        np.testing.assert_array_equal(hits[:, k], (found & truth & valid).sum(axes))
        np.testing.assert_array_equal(false[:, k], (found & ~truth & valid).sum(axes))
        np.testing.assert_array_equal(missed[:, k], (~found & truth & valid).sum(axes))


def test_counts_of_batches_join():
    """One batch or two, the same."""
    probability, truth, valid = case(0)
    parts = [count(probability[k : k + 2], truth[k : k + 2], valid[k : k + 2]) for k in (0, 2)]
    joined, at_once = Counts.join(parts), count(probability, truth, valid)
    np.testing.assert_array_equal(joined.rock_glacier, at_once.rock_glacier)
    np.testing.assert_array_equal(joined.background, at_once.background)


def test_ratios_by_hand():
    """TP 6, FP 2, FN 4: IoU 6/12, precision 6/8, recall 6/10, F1 12/18; of nothing: NaN."""
    found = ratios(6, 2, 4)
    assert [float(found[k]) for k in ("iou", "precision", "recall", "f1")] == [0.5, 0.75, 0.6, 12 / 18]
    assert all(np.isnan(value) for value in ratios(0, 0, 0).values())


def test_the_threshold_of_the_best_iou():
    """Of equal ones the nearest to a half."""
    curve = ThresholdCurve((0.2, 0.4, 0.55, 0.9), *[(0.0,) * 4] * 3, iou=(0.6, 0.7, 0.7, 0.7))
    assert best_threshold(curve) == 0.55


def test_a_sharp_edge_is_found():
    """Probability 0.7 inside, 0.3 outside: any threshold between is perfect, and one of them is chosen."""
    truth = np.zeros((1, 8, 8), bool)
    truth[:, :4] = True
    probability = np.where(truth, 0.7, 0.3).astype(np.float32)
    curve = threshold_curve(count(probability, truth, np.ones_like(truth)))
    assert 0.3 < best_threshold(curve) <= 0.7
    assert max(curve.iou) == 1
    assert curve.iou[0] == pytest.approx(0.5)
    assert curve.recall[-1] == 0


def test_intervals_are_of_blocks():
    """Patches of one block are drawn together: with two blocks there are only three outcomes."""
    probability, truth, valid = case(3, n=8)
    truth[4:] = probability[4:] > 0.5  # the second block is perfect
    counts = count(probability, truth, valid)
    blocks = np.repeat([7, 9], 4)
    found = {m.name: m for m in metrics(counts, blocks, 0.5, "validation")}
    assert found["iou"].count == 2
    parts = [part[:, 49] for part in counts.cells()]
    first = float(ratios(*(p[:4].sum() for p in parts))["iou"])
    assert found["iou"].low == pytest.approx(first, abs=1e-6)
    assert found["iou"].high > 0.97
    per_patch = {m.name: m for m in metrics(counts, np.arange(8), 0.5, "validation")}
    assert per_patch["iou"].value == found["iou"].value
    assert per_patch["iou"].low > found["iou"].low


def test_one_block_has_no_interval():
    """Its draws are all the same, which says nothing of how sure the value is."""
    probability, truth, valid = case(5)
    for metric in metrics(count(probability, truth, valid), [3, 3, 3, 3], 0.5, "validation"):
        assert (metric.low, metric.high, metric.count) == (None, None, 1)
        assert str(metric) == f"{metric.value:.3f}"


def test_nothing_to_find_has_no_metrics():
    """A ratio that is not defined is left out, not written as 0."""
    nothing = np.zeros((2, 4, 4), bool)
    counts = count(np.zeros((2, 4, 4), np.float32), nothing, ~nothing)
    assert metrics(counts, [0, 1], 0.5, "train") == ()
