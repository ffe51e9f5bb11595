"""Intervals, kappa and alpha against published worked examples and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rogi.comparison.agreement.rates import (
    bootstrap_sums,
    cohen_kappa,
    f1_rate,
    krippendorff_alpha,
    percentile_estimate,
    rate,
    rate_text,
    wilson_interval,
)

M = -1  # missing


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_published(successes: int, trials: int, low: float, high: float) -> None:
    got = rate(successes, trials)
    assert (got.low, got.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_the_global_inventory() -> None:
    """90.9 % of 3015 with 89.8-91.9 % (global rock glacier inventory 2026)."""
    got = rate(2741, 3015)
    assert [round(100 * v, 1) for v in (got.value, got.low, got.high)] == [90.9, 89.8, 91.9]


def test_wilson_limits() -> None:
    low, high = wilson_interval([0, 5, 0], [5, 5, 0])
    assert low[0] == 0 and high[1] == 1 and np.isnan(low[2]) and np.isnan(high[2])
    # k = n: low = n / (n + z²)
    assert low[1] == pytest.approx(5 / (5 + 1.959964**2), abs=1e-6)
    narrow, wide = rate(50, 100, 0.8), rate(50, 100, 0.99)
    assert wide.low < narrow.low < 0.5 < narrow.high < wide.high


@given(st.integers(0, 300), st.integers(1, 300))
def test_wilson_solves_the_score_equation(k: int, n: int) -> None:
    """Each limit p satisfies |k/n - p| = z sqrt(p (1 - p) / n)."""
    k = min(k, n)
    got = rate(k, n)
    assert 0 <= got.low <= got.value <= got.high <= 1
    for limit in (got.low, got.high):
        if limit in (0.0, 1.0):
            continue
        assert abs(k / n - limit) == pytest.approx(1.959963985 * np.sqrt(limit * (1 - limit) / n), abs=1e-9)


def test_f1_by_hand() -> None:
    got = f1_rate(60, 20, 40)
    assert got.value == pytest.approx(2 * 60 / (2 * 60 + 20 + 40))
    jaccard = rate(60, 120)
    assert got.low == pytest.approx(2 * jaccard.low / (1 + jaccard.low))
    assert got.low < got.value < got.high


def test_kappa_published() -> None:
    """Fleiss, Levin & Paik (2003), table 18.1: kappa 0.68, standard error 0.087; and the two-class case."""
    got = cohen_kappa([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    assert got.observed == pytest.approx(0.89) and got.expected == pytest.approx(0.66)
    assert got.value == pytest.approx(0.676, abs=5e-4)
    assert got.standard_error == pytest.approx(0.087, abs=1e-3)
    assert got.count == 100
    assert (got.low, got.high) == pytest.approx((0.676 - 1.96 * 0.087, 0.676 + 1.96 * 0.087), abs=3e-3)
    # 20 and 15 of 50 agree: (0.7 - 0.5) / (1 - 0.5)
    assert cohen_kappa([[20, 5], [10, 15]]).value == pytest.approx(0.4)


def test_a_rate_with_its_interval_as_text() -> None:
    """10 of 20: 0.5, and Wilson's limits by hand, (0.5 + z²/40 ± z √(0.25/20 + z²/1600)) / (1 + z²/20)."""
    assert rate_text(rate(10, 20)) == "0.500 (0.299 to 0.701)"
    assert rate_text(rate(0, 0)) == "–"


def test_kappa_extremes() -> None:
    assert cohen_kappa(np.eye(3) * 7).value == 1 and cohen_kappa(np.eye(3) * 7).standard_error == 0
    assert cohen_kappa([[0, 5], [5, 0]]).value == -1
    assert cohen_kappa([[6, 4], [6, 4]]).value == pytest.approx(0)
    assert np.isnan(cohen_kappa([[9, 0], [0, 0]]).value) and cohen_kappa([[9, 0], [0, 0]]).observed == 1
    assert cohen_kappa(np.zeros((2, 2))).count == 0
    with pytest.raises(ValueError, match="square"):
        cohen_kappa([[1, 2, 3], [1, 2, 3]])


def test_kappa_standard_error_by_simulation() -> None:
    """The spread of kappa over multinomial draws from the published table is its standard error."""
    table = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]]) / 100
    draws = np.random.default_rng(1).multinomial(4000, table.ravel(), 800).reshape(-1, 3, 3)
    values = [cohen_kappa(d).value for d in draws]
    assert np.std(values) == pytest.approx(cohen_kappa(table * 4000).standard_error, rel=0.08)


def test_alpha_published() -> None:
    """Krippendorff (2011), Computing Krippendorff's Alpha-Reliability: the examples A, B and C (nominal)."""
    binary = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    assert krippendorff_alpha(binary).value == pytest.approx(0.095, abs=5e-4)
    letters = ["aabbdcccedda", "babbbccceddd"]
    nominal = [["abcde".index(c) for c in row] for row in letters]
    assert krippendorff_alpha(nominal).value == pytest.approx(0.692, abs=5e-4)
    missing = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, M, M, M],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, M, 3],
        [M, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, M],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, M],
    ]
    got = krippendorff_alpha(missing)
    assert got.value == pytest.approx(0.743, abs=5e-4)
    assert (got.units, got.values) == (11, 40)


def test_alpha_extremes() -> None:
    assert krippendorff_alpha([[0, 1, 2], [0, 1, 2]]).value == 1
    assert np.isnan(krippendorff_alpha([[1, 1], [1, 1]]).value)
    assert krippendorff_alpha([[0, M], [M, 1]]).units == 0
    assert krippendorff_alpha(np.zeros((0, 0), int)).units == 0


@given(st.integers(0, 10**6))
def test_alpha_does_not_depend_on_the_order_of_raters_or_units(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(-1, 3, (4, 12))
    one = krippendorff_alpha(codes)
    two = krippendorff_alpha(codes[rng.permutation(4)][:, rng.permutation(12)])
    assert one.value == pytest.approx(two.value, nan_ok=True)
    assert one.value <= 1 or np.isnan(one.value)


def test_bootstrap_of_a_mean() -> None:
    """The interval of a mean is that of the central limit theorem; a seed repeats the draws."""
    values = np.random.default_rng(3).normal(10, 2, 400)
    parts = np.column_stack([values, np.ones(400)])
    sums = bootstrap_sums(parts, 4000, seed=1)
    means = sums[:, 0] / sums[:, 1]
    got = percentile_estimate(values.mean(), means)
    half = 1.96 * values.std() / 20
    assert (got.low, got.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert (sums[:, 1] == 400).all()
    assert np.array_equal(sums, bootstrap_sums(parts, 4000, seed=1))
    assert not np.array_equal(sums, bootstrap_sums(parts, 4000, seed=2))


def test_bootstrap_of_nothing() -> None:
    assert bootstrap_sums(np.zeros((0, 3)), 5).shape == (5, 3)
    got = percentile_estimate(float("nan"), np.full(5, np.nan))
    assert np.isnan([got.value, got.low, got.high]).all()


def test_bootstrap_without_replicates() -> None:
    """No replicates: no sums, and a value without an interval."""
    sums = bootstrap_sums(np.ones((4, 3)), 0)
    assert sums.shape == (0, 3)
    got = percentile_estimate(0.5, sums[:, 0])
    assert got.value == 0.5 and np.isnan([got.low, got.high]).all()


def test_draws_are_uniform_and_do_not_depend_on_threads() -> None:
    """Each of seven clusters is drawn one time in seven; replicates are the same whatever the block."""
    parts = np.eye(7)
    sums = bootstrap_sums(parts, 20_000, seed=5)
    assert (sums.sum(axis=1) == 7).all()
    assert sums.mean(axis=0) == pytest.approx(np.ones(7), abs=0.03)
    # multinomial: variance 7 · 1/7 · 6/7, covariance of two clusters -7 / 49
    covariance = np.cov(sums.T)
    assert np.diag(covariance) == pytest.approx(np.full(7, 6 / 7), abs=0.05)
    assert covariance[0, 1:] == pytest.approx(np.full(6, -1 / 7), abs=0.03)
    assert np.array_equal(bootstrap_sums(parts, 10, seed=5), sums[:10])
    # several blocks of clusters: the total is kept, and the spread is that of independent draws
    many = np.column_stack([np.ones(10_000), np.arange(10_000) < 1000])
    drawn = bootstrap_sums(many, 3000, seed=2)
    assert (drawn[:, 0] == 10_000).all()
    assert drawn[:, 1].mean() == pytest.approx(1000, abs=3)
    assert drawn[:, 1].std() == pytest.approx(np.sqrt(10_000 * 0.1 * 0.9), rel=0.06)
