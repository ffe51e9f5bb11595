"""Calibration by closed forms, and ground that several patches show counted once."""

from __future__ import annotations

import numpy as np
import pytest

from rogi.detection.model.calibration import Calibration, Reliability
from rogi.detection.training.calibration import Logits, calibration, centres, fit, reliability
from rogi.detection.training.shared_ground import OwnGround

NOTHING = Reliability((), (), ())


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def expected(low: float, high: float, shift: float) -> Logits:
    """Pixels whose share of rock glacier is exactly what a calibration with these numbers says."""
    x = centres()
    known = Calibration(low, high, shift, 0, 0, 0, 0, NOTHING, NOTHING)
    pixels = np.where(np.abs(x) < 8, 1e8, 0)
    share = sigmoid(known.apply(x))
    return Logits(np.rint(np.stack([pixels * (1 - share), pixels * share])).astype(np.int64))


@pytest.mark.parametrize("numbers", [(1.0, 1.0, 0.0), (0.5, 0.5, 0.0), (1.1, 0.25, 0.6), (0.4, 2.0, -1.5)])
def test_the_numbers_that_made_the_shares_are_found(numbers: tuple[float, float, float]) -> None:
    logits = expected(*numbers)
    np.testing.assert_allclose(fit(logits), numbers, atol=2e-3)
    found = calibration(logits)
    assert found.error_after < 1e-4 and found.found_error_after < 1e-4
    if numbers != (1.0, 1.0, 0.0):
        assert found.error_before > 0.01 and found.found_error_before > 0.01


def test_one_temperature_is_a_case_of_it() -> None:
    x = np.linspace(-40, 40, 81)
    known = Calibration(0.5, 0.5, 0.0, 0, 0, 0, 0, NOTHING, NOTHING)
    np.testing.assert_allclose(known.apply(x), x / 2, atol=1e-12)
    steep = Calibration(1.3, 0.2, 0.4, 0, 0, 0, 0, NOTHING, NOTHING)
    assert (np.diff(steep.apply(x)) > 0).all()  # the order of pixels stays


def test_without_one_of_both_kinds_nothing_changes() -> None:
    x = np.array([-1.0, 2.0], np.float32)
    for truth in (np.zeros(2, bool), np.ones(2, bool)):
        assert fit(Logits.of(x, truth)) == (1.0, 1.0, 0.0)


def test_a_table_of_reliability_by_hand() -> None:
    """Four pixels of probability 0.25, one of them rock glacier, and a pixel of 0.9 that is."""
    x = np.array([np.log(1 / 3)] * 4 + [np.log(9)], np.float32)
    table = reliability(Logits.of(x, np.array([True, False, False, False, True])))
    assert table.pixels == (4, 1)
    assert table.observed == (0.25, 1.0)
    np.testing.assert_allclose(table.probability, (0.25, 0.9), atol=2e-3)
    assert table.error() == pytest.approx(0.1 / 5, abs=1e-3)
    assert table.error(0.5) == pytest.approx(0.1, abs=2e-3)
    assert Reliability((), (), ()).error() == 0.0


def test_logits_are_counted_by_truth_and_added() -> None:
    one = Logits.of(np.array([-100.0, 0.0, 100.0], np.float32), np.array([False, True, True]))
    total = one + one
    assert total.counts.sum(axis=1).tolist() == [2, 4]
    assert total.counts[0, 0] == 2 and total.counts[1, -1] == 2


def test_every_pixel_counts_in_one_patch() -> None:
    """Patches at odd places over one ground: each pixel that any shows counts once, in the nearest."""
    rng = np.random.default_rng(1)
    size, n = 16, 14
    row, column = rng.integers(0, 30, n), rng.integers(0, 30, n)
    source = np.repeat([0, 1], n // 2)
    own = OwnGround(source, row, column, size)
    for image in (0, 1):
        shown, counted = np.zeros((50, 50), int), np.zeros((50, 50), int)
        for i in np.flatnonzero(source == image):
            where = np.s_[row[i] : row[i] + size, column[i] : column[i] + size]
            shown[where] += 1
            counted[where] += own.mask(i)
        np.testing.assert_array_equal(counted, shown > 0)
    alone = OwnGround(np.zeros(1, int), np.zeros(1, int), np.zeros(1, int), size)
    assert alone.mask(0).all()


def test_the_nearest_patch_counts_and_of_equal_ones_the_first() -> None:
    own = OwnGround(np.zeros(2, int), np.zeros(2, int), np.array([0, 4]), 8)
    # centres at columns 3.5 and 7.5: column 5 is nearer to the first where rows do not decide
    middle = own.mask(0)[4]
    np.testing.assert_array_equal(middle, np.arange(8) <= 5)
    np.testing.assert_array_equal(own.mask(1)[4], np.arange(8) + 4 > 5)
    assert own.mask(0)[0, 7] and not own.mask(1)[0, 0]  # equally far, by rows
