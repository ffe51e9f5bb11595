"""Curves over a score: hand-worked cases, plain definitions as oracles, and what intervals must do."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from rogi.detection.evaluation.curves import calibration, choose_threshold, curve, scored


def things(score, right, *, positives=None, group=None, size=None):
    score, right = np.asarray(score, float), np.asarray(right, float)
    group = np.zeros(len(score), np.intp) if group is None else np.asarray(group)
    positives = [right.sum()] if positives is None else positives
    size = np.ones(len(score)) if size is None else np.asarray(size, float)
    return scored(score, size, right, group, np.asarray(positives, float))


def test_curve_by_hand():
    """Five candidates, of which the first, third and fifth are right, and four true outlines."""
    found = curve(things([0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 0, 1], positives=[4]))
    assert found.threshold.tolist() == [0.9, 0.8, 0.7, 0.6, 0.5]
    assert found.precision == pytest.approx([1, 1 / 2, 2 / 3, 2 / 4, 3 / 5])
    assert found.recall == pytest.approx([1 / 4, 1 / 4, 2 / 4, 2 / 4, 3 / 4])
    assert found.f1 == pytest.approx([2 / 5, 2 / 6, 4 / 7, 4 / 8, 6 / 9])
    assert found.average_precision.value == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)


def test_equal_scores_are_one_point():
    """The order of candidates with one score changes nothing."""
    one = curve(things([0.9, 0.5, 0.5, 0.5], [1, 1, 0, 0]))
    other = curve(things([0.5, 0.5, 0.5, 0.9], [0, 0, 1, 1]))
    assert np.array_equal(one.precision, other.precision)
    assert one.average_precision.value == other.average_precision.value
    assert one.precision.tolist() == [1.0, 0.5]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=40),
    st.integers(0, 5),
)
def test_average_precision_by_its_definition(items, missed):
    """The mean over positives of the best precision at their recall or beyond, 0 for those not found."""
    score = np.array([s / 40 for s, _ in items])
    right = np.array([float(r) for _, r in items])
    positives = right.sum() + missed
    if positives == 0:
        return
    found = curve(things(score, right, positives=[positives])).average_precision.value
    levels = sorted(set(score), reverse=True)
    points = [((right[score >= t]).sum(), (score >= t).sum()) for t in levels]
    expected, before = 0.0, 0.0
    for k, (good, _) in enumerate(points):
        best = max(g / n for g, n in points[k:])
        expected += (good - before) / positives * best
        before = good
    assert found == pytest.approx(expected)


def test_calibration_by_hand():
    """Two bins: 0.25 said and 0 true (size 1), 0.75 said and 1 true (size 3)."""
    found = calibration(things([0.25, 0.75], [0, 3], size=[1, 3], positives=[3]), bins=2)
    assert found.score.tolist() == [0.25, 0.75]
    assert found.share.tolist() == [0.0, 1.0]
    assert found.error.value == pytest.approx((1 * 0.25 + 3 * 0.25) / 4)
    assert found.count.tolist() == [1, 1]


def test_a_calibrated_score_has_no_error():
    """Scores that are the shares themselves; 1 belongs to the last bin."""
    score = np.array([0.1, 0.5, 1.0])
    found = calibration(things(score, score, size=np.ones(3), positives=[3]))
    assert found.error.value == pytest.approx(0.0)
    assert found.count[-1] == 1


def test_threshold_by_hand():
    """Keeping the first two of four gives F1 0.8, keeping all 0.667; the better one is chosen."""
    choice = choose_threshold(things([0.9, 0.8, 0.3, 0.2], [1, 1, 0, 0], positives=[3]), 0.0)
    assert choice.best == 0.8
    assert choice.f1_best == pytest.approx(4 / 5)
    assert choice.f1_current == pytest.approx(4 / 7)
    assert choice.gain == pytest.approx(4 / 5 - 4 / 7)
    assert np.isnan(choice.f1_held_out)  # one group of ground cannot be held out


def test_held_out_gain_is_smaller():
    """Where scores say nothing, the best threshold gains on its own ground, and less on held-out ground."""
    rng = np.random.default_rng(0)
    score, right = rng.random(300), (rng.random(300) < 0.3).astype(float)
    group = np.arange(300) % 20
    positives = np.bincount(group, weights=right, minlength=20)
    choice = choose_threshold(things(score, right, positives=positives, group=group), 0.0)
    assert choice.gain >= 0
    assert choice.gain_held_out <= choice.gain
    current = choose_threshold(things(score, right, positives=positives, group=group), 2.0)
    assert current.f1_current == 0.0


def test_intervals():
    """They hold the value, are the same for a seed, and need at least two groups."""
    rng = np.random.default_rng(1)
    score = rng.random(400)
    right = (rng.random(400) < score).astype(float)
    group = rng.integers(0, 40, 400)
    positives = np.bincount(group, weights=right, minlength=40)
    made = things(score, right, positives=positives, group=group)
    one, same = curve(made, seed=3).average_precision, curve(made, seed=3).average_precision
    assert one == same
    assert one.low < one.value < one.high
    assert 0.6 < one.value < 0.85
    single = curve(things(score, right)).average_precision
    assert np.isnan(single.low)
    error = calibration(made).error
    assert error.low <= error.high
    assert error.value < 0.1


def test_many_scores_are_rounded_down():
    """More than 255 scores become 255; a threshold that is met stays met."""
    score = np.linspace(0, 1, 2001)
    made = scored(score, np.ones(2001), np.zeros(2001), np.zeros(2001, np.intp), np.ones(1))
    assert len(made.score) == 255
    assert made.count.sum() == 2001
    assert made.score[0] == 1.0


def test_nothing_scored():
    """No candidates: an empty curve, no recall."""
    found = curve(things([], [], positives=[3]))
    assert len(found.threshold) == 0
    assert found.average_precision.value == 0.0
    assert np.isnan(choose_threshold(things([], [], positives=[3]), 0.0).best)
