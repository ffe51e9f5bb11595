"""Rates with their intervals, and agreement beyond chance between raters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from rogi.blocks import run_blocks
from rogi.geometry import Floats
from rogi.report.tables import number

CONFIDENCE = 0.95
_NAN = float("nan")
REPLICATES = 1000  # enough for percentile limits of a 95 % interval (Efron & Tibshirani 1993, §13)


@dataclass(frozen=True)
class Estimate:
    """A value with the limits of its interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Rate:
    """A share of counted things with its Wilson interval."""

    count: int
    total: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa of a square table of counts.

    Attributes
    ----------
    value, standard_error, low, high : float
        Kappa, its large-sample standard error, and the normal interval cut to [-1, 1].
    observed, expected : float
        Share of equal verdicts, and the share expected by chance from the margins.
    count : int
        Number of rated things.
    """

    value: float
    standard_error: float
    low: float
    high: float
    observed: float
    expected: float
    count: int


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha for nominal data.

    Attributes
    ----------
    value : float
        1 - observed / expected; NaN if all values are the same (nothing can then disagree by chance) or
        nothing can be paired.
    observed, expected : float
        Observed and expected disagreement.
    units, values : int
        Units with at least two values, and the values in them.
    """

    value: float
    observed: float
    expected: float
    units: int
    values: int


def wilson_interval(
    successes: ArrayLike, trials: ArrayLike, confidence: float = CONFIDENCE
) -> tuple[Floats, Floats]:
    """Score interval of a binomial proportion (Wilson 1927), without continuity correction.

    Parameters
    ----------
    successes, trials : array_like of number
        Counts; broadcast against each other.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray of float64
        Limits in [0, 1]; NaN where there are no trials.

    Examples
    --------
    >>> low, high = wilson_interval(81, 263)
    >>> round(float(low), 4), round(float(high), 4)
    (0.2553, 0.3662)
    """
    z = _z(confidence)
    k, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = np.where(k == 0, 0.0, centre - half)
    high = np.where(k == n, 1.0, centre + half)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def rate(successes: int, trials: int, confidence: float = CONFIDENCE) -> Rate:
    """Share of ``trials`` that are ``successes``, with its Wilson interval."""
    low, high = wilson_interval(successes, trials, confidence)
    value = successes / trials if trials else _NAN
    return Rate(int(successes), int(trials), value, float(low), float(high))


def f1_rate(matched: int, missed: int, false: int, confidence: float = CONFIDENCE) -> Estimate:
    """F1 of counted objects, with an interval.

    F1 = 2 J / (1 + J) grows with J = TP / (TP + FN + FP), which is a proportion of counted things: the
    limits are those of the Wilson interval of J, taken through the same function.
    """
    jaccard = rate(matched, matched + missed + false, confidence)
    limits = [2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high)]
    return Estimate(*limits)


def cohen_kappa(table: ArrayLike, confidence: float = CONFIDENCE) -> Kappa:
    """Agreement of two raters beyond chance (Cohen 1960).

    Parameters
    ----------
    table : array_like of number, shape (k, k)
        Counts: verdict of the first rater by row, of the second by column, classes in one order.
    confidence : float

    Returns
    -------
    Kappa
        With the standard error of Fleiss, Cohen & Everitt (1969), eq. 13, valid for any kappa.

    Raises
    ------
    ValueError
        If the table is not square.
    """
    counts = np.asarray(table, float)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a confusion matrix is square, this one has the shape {counts.shape}")
    n = counts.sum()
    if n == 0:
        return Kappa(_NAN, _NAN, _NAN, _NAN, _NAN, _NAN, 0)
    p = counts / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float(np.trace(p)), float(rows @ columns)
    if expected == 1.0:  # both raters used one and the same class only
        return Kappa(_NAN, _NAN, _NAN, _NAN, observed, expected, int(n))
    kappa = (observed - expected) / (1 - expected)
    own = np.diag(p) * (1 - (rows + columns) * (1 - kappa)) ** 2
    others = p * (columns[:, None] + rows[None, :]) ** 2
    variance = (
        own.sum()
        + (1 - kappa) ** 2 * (others.sum() - np.trace(others))
        - (kappa - expected * (1 - kappa)) ** 2
    ) / (n * (1 - expected) ** 2)
    error = float(np.sqrt(max(variance, 0.0)))
    half = _z(confidence) * error
    return Kappa(kappa, error, max(-1.0, kappa - half), min(1.0, kappa + half), observed, expected, int(n))


def krippendorff_alpha(codes: ArrayLike) -> Alpha:
    """Agreement of any number of raters beyond chance, nominal data (Krippendorff 2011).

    Parameters
    ----------
    codes : array_like of int, shape (raters, units)
        Class of each unit by each rater, from 0; a negative number is a missing value. Units with fewer
        than two values do not count.

    Returns
    -------
    Alpha
    """
    values = np.asarray(codes, int)
    if values.size == 0:
        return Alpha(_NAN, _NAN, _NAN, 0, 0)
    classes = values.max(initial=0) + 1
    units = values.shape[1]
    present = values >= 0
    unit = np.broadcast_to(np.arange(units), values.shape)[present]
    counts = np.bincount(unit * classes + values[present], minlength=units * classes).reshape(units, classes)
    per_unit = counts.sum(axis=1)
    counts, per_unit = counts[per_unit > 1], per_unit[per_unit > 1]
    n = int(per_unit.sum())
    if n == 0:
        return Alpha(_NAN, _NAN, _NAN, 0, 0)
    equal = (counts * (counts - 1)).sum(axis=1) / (per_unit - 1)
    observed = 1.0 - float(equal.sum()) / n
    totals = counts.sum(axis=0)
    expected = 1.0 - float((totals * (totals - 1)).sum()) / (n * (n - 1))
    value = 1.0 - observed / expected if expected > 0 else _NAN
    return Alpha(value, observed, expected, len(per_unit), n)


def bootstrap_sums(parts: Floats, replicates: int = REPLICATES, seed: int = 0) -> Floats:
    """Sums over clusters drawn with replacement (cluster bootstrap).

    Parameters
    ----------
    parts : ndarray of float64, shape (k, c)
        What each of k clusters adds to c sums.
    replicates : int
        None are drawn with 0, and an estimate then has no interval.
    seed : int
        Not negative; the same seed gives the same draws.

    Returns
    -------
    ndarray of float64, shape (replicates, c)
    """
    from rogi.comparison.agreement.bootstrap import block_draws, resample

    out = np.zeros((replicates, parts.shape[1]))
    values = np.ascontiguousarray(parts, np.float64)
    if len(values) and replicates:
        draws = block_draws(len(values), replicates, seed)

        def draw(start: int, stop: int) -> None:
            resample(values, draws[start:stop], seed, start, out[start:stop])

        run_blocks(draw, replicates, size=-(-replicates // 8))
    return out


def percentile_estimate(value: float, replicates: Floats, confidence: float = CONFIDENCE) -> Estimate:
    """A value with the percentile interval of its bootstrap replicates; undefined replicates are left out."""
    defined = replicates[np.isfinite(replicates)]
    if len(defined) == 0 or not np.isfinite(value):
        return Estimate(value, _NAN, _NAN)
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value, float(low), float(high))


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def rate_text(value: Estimate | Rate) -> str:
    """A share with its interval: ``0.777 (0.680 to 0.808)``."""
    if math.isnan(value.value):
        return "–"
    if math.isnan(value.low):
        return number(value.value)
    return f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})"
