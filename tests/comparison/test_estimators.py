"""Estimators under the sampling design, against the published worked examples and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rogi.review.estimators import allocate, stratified_ratio, stratified_share

# Stehman (2014), Table 2: strata A to D of 40,000 to 10,000 pixels, ten sampled in each.
STRATUM = np.repeat(np.arange(4), 10)
MAP = np.array([*"AAAAAAABBB", *"ABBBBBBBBB", *"BBCCCCCCBB", *"DDDDDDDDDD"])
REFERENCE = np.array([*"AAAAACBABC", *"ABBBBBAABB", *"CCCCCDDBBA", *"DDDDDDDCCB"])
PIXELS = np.array([40_000, 30_000, 20_000, 10_000])


@pytest.mark.parametrize(
    ("y", "x", "value", "error"),
    [
        (REFERENCE == "A", None, 0.35, 0.082),  # area of A (pages 4932 and 4935)
        (REFERENCE == "C", None, 0.20, 0.064),  # area of C
        (MAP == REFERENCE, None, 0.63, 0.085),  # overall accuracy (pages 4932 and 4936)
        ((MAP == "B") & (REFERENCE == "B"), MAP == "B", 0.574, 0.125),  # user's accuracy of B
        ((MAP == "B") & (REFERENCE == "B"), REFERENCE == "B", 0.794, 0.116),  # producer's accuracy of B
    ],
)
def test_the_numerical_example_of_stehman_2014(y, x, value, error):
    found = stratified_ratio(STRATUM, y, np.ones(40) if x is None else x, PIXELS, finite=False)
    assert found.value == pytest.approx(value, abs=5e-4)
    assert found.standard_error == pytest.approx(error, abs=1.5e-3)


# Olofsson et al. (2014), Tables 8 and 9: deforestation, forest gain, stable forest, stable non-forest.
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
MAPPED = np.array([200_000, 150_000, 3_200_000, 6_450_000])


def test_the_worked_example_of_olofsson_2014():
    mapped = np.repeat(np.arange(4), COUNTS.sum(axis=1))
    reference = np.concatenate([np.repeat(np.arange(4), row) for row in COUNTS])
    overall = stratified_share(mapped, mapped == reference, MAPPED, finite=False)
    assert overall.value == pytest.approx(0.95, abs=5e-3)
    assert 1.96 * overall.standard_error == pytest.approx(0.02, abs=5e-3)
    users = [
        stratified_ratio(mapped, (mapped == k) & (reference == k), mapped == k, MAPPED, finite=False)
        for k in range(4)
    ]
    assert [u.value for u in users] == pytest.approx([0.88, 0.73, 0.93, 0.96], abs=5e-3)
    assert [1.96 * u.standard_error for u in users] == pytest.approx([0.07, 0.10, 0.04, 0.02], abs=5e-3)
    # Printed to two digits only; their eqs. 5 and 6, written out: W² p (1 - p) / (n - 1) of each class.
    n, weight = COUNTS.sum(axis=1), MAPPED / MAPPED.sum()
    right = np.diag(COUNTS) / n
    variance = right * (1 - right) / (n - 1)
    assert [u.standard_error for u in users] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert overall.value == pytest.approx(weight @ right, rel=1e-12)
    assert overall.standard_error == pytest.approx(np.sqrt(weight**2 @ variance), rel=1e-12)
    producers = [
        stratified_ratio(mapped, (mapped == k) & (reference == k), reference == k, MAPPED, finite=False)
        for k in range(4)
    ]
    assert [p.value for p in producers] == pytest.approx([0.75, 0.85, 0.93, 0.96], abs=5e-3)
    # Their eq. 7, written out, is the ratio estimator's variance for producer's accuracy.
    share = COUNTS / COUNTS.sum(axis=1, keepdims=True)
    spread = share * (1 - share) / (COUNTS.sum(axis=1, keepdims=True) - 1)
    for j, found in enumerate(producers):
        others = np.arange(4) != j
        total = MAPPED @ share[:, j]
        own = MAPPED[j] ** 2 * (1 - found.value) ** 2 * spread[j, j]
        rest = found.value**2 * (MAPPED[others] ** 2 @ spread[others, j])
        assert found.standard_error == pytest.approx(np.sqrt(own + rest) / total)
    # Area of deforestation: 21,158 ha, 95 % interval of 6,158 ha, at 0.09 ha a pixel.
    area = stratified_share(mapped, reference == 0, MAPPED, finite=False)
    hectares = MAPPED.sum() * 0.09
    assert area.value * hectares == pytest.approx(21_158, abs=1)
    assert 1.96 * area.standard_error * hectares == pytest.approx(6_158, abs=5)
    # The same sample from so few pixels that a tenth of each class was drawn: variances are 0.9 of it.
    few = stratified_share(mapped, reference == 0, 10 * n)
    many = stratified_share(mapped, reference == 0, 10 * n, finite=False)
    assert few.standard_error == pytest.approx(np.sqrt(0.9) * many.standard_error, rel=1e-12)
    assert few.value == many.value


def test_a_simple_sample_without_correction_has_wilsons_interval():
    """The global inventory of 2026: 90.9 % of 3015, 95 % interval 89.8 to 91.9 %."""
    y = np.arange(3015) < 2740
    one = np.zeros(3015, dtype=int)
    found = stratified_share(one, y, [301_524], finite=False)
    shown = [round(100 * v, 1) for v in (found.value, found.low, found.high)]
    assert shown == [90.9, 89.8, 91.9]
    corrected = stratified_share(one, y, [301_524])
    assert [round(100 * v, 1) for v in (corrected.low, corrected.high)] == [89.8, 91.9]
    assert corrected.low > found.low


def test_a_census_has_no_error():
    found = stratified_share([0, 0, 0, 1, 1], [1, 0, 1, 1, 0], [3, 2])
    assert (found.value, found.standard_error) == (pytest.approx(0.6), 0.0)


def test_strata_with_one_sampled_unit_have_no_interval():
    found = stratified_share([0, 0, 1], [1, 0, 1], [10, 10])
    assert found.value == pytest.approx(0.75)
    assert np.isnan(found.low)


def test_all_agree_gives_a_one_sided_interval():
    found = stratified_share(np.zeros(50, int), np.ones(50), [1000])
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.9 < found.low < 1.0


def test_unsampled_strata_are_refused():
    with pytest.raises(ValueError, match="no unit was sampled in 1 of 2"):
        stratified_share([0, 0], [1, 0], [5, 5])


def test_nothing_counted():
    assert np.isnan(stratified_ratio([0, 0], [0, 0], [0, 0], [5]).value)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=14), st.integers(1, 3000))
def test_allocation_adds_up_and_stays_within_the_strata(sizes, n):
    drawn = allocate(sizes, n)
    size = np.array(sizes)
    assert (drawn <= size).all()
    assert (drawn >= np.minimum(size, 2)).all()
    assert drawn.sum() == min(max(n, np.minimum(size, 2).sum()), size.sum())


def test_equal_allocation():
    assert allocate([100, 1000, 10], 45, "equal").tolist() in ([18, 17, 10], [17, 18, 10])
