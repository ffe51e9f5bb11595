"""Estimates from a random sample of units, simple or stratified, with intervals under the design.

After Stehman (2014), doi 10.1080/01431161.2014.930207, eqs. 3 to 28, and Olofsson et al. (2014),
doi 10.1016/j.rse.2014.02.015, eqs. 1 to 11, which is the case of strata equal to the map's classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rogi.comparison.agreement.rates import CONFIDENCE, wilson_interval
from rogi.geometry import Floats, Ints

_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class DesignEstimate:
    """An estimate under a sampling design.

    Attributes
    ----------
    value, standard_error
        NaN where not defined (a stratum with a single sampled unit has no variance).
    low, high
        Limits of the interval, within [0, 1] for shares.
    effective
        Size of the simple random sample, from an unbounded population, of the same precision.
    """

    value: float
    standard_error: float
    low: float
    high: float
    effective: float


def stratified_ratio(
    stratum: ArrayLike,
    y: ArrayLike,
    x: ArrayLike,
    population: ArrayLike,
    *,
    finite: bool = True,
    confidence: float = CONFIDENCE,
) -> DesignEstimate:
    """Share Σy / Σx of the population, from a stratified random sample.

    Parameters
    ----------
    stratum : array_like of int, shape (n,)
        Stratum of each sampled unit, from 0.
    y, x : array_like, shape (n,)
        0 or 1 for each sampled unit; ``x`` all 1 gives the share of all units. ``y`` is at most ``x``.
    population : array_like, shape (h,)
        Units (or any size) of each stratum. Every stratum with a population needs a sampled unit.
    finite : bool
        Apply the finite population correction 1 - n/N; False where ``population`` holds sizes, not
        numbers of units that could have been drawn.
    confidence : float

    Returns
    -------
    DesignEstimate
        Combined ratio estimator (Stehman 2014, eq. 27) with its variance (eq. 28). The interval is
        Wilson's at the effective sample size p (1 - p) / variance; where the variance is 0 because all
        sampled units agree, at the number of sampled units that count.

    Raises
    ------
    ValueError
        If a stratum with a population was not sampled, or a stratum number is out of range.
    """
    h = np.asarray(stratum, dtype=np.int64)
    size = np.asarray(population, dtype=float)
    ys, xs = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    if len(h) and (h.min() < 0 or h.max() >= len(size)):
        raise ValueError(f"strata are numbered 0 to {len(size) - 1}")
    n = np.bincount(h, minlength=len(size)).astype(float)
    if (unsampled := (n == 0) & (size > 0)).any():
        raise ValueError(f"no unit was sampled in {int(unsampled.sum())} of {len(size)} strata")
    used = n > 0
    mean_y, mean_x = _means(h, ys, n), _means(h, xs, n)
    total_y, total_x = float(size @ mean_y), float(size @ mean_x)
    if total_x == 0:
        return DesignEstimate(_NAN, _NAN, _NAN, _NAN, 0.0)
    ratio = total_y / total_x
    residual = (ys - mean_y[h]) - ratio * (xs - mean_x[h])
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.bincount(h, residual**2, len(size)) / (n - 1)
        if finite:
            spread *= np.clip(1 - n / size, 0, None)
        terms = size**2 * spread / n
    alone = used & (n == 1)
    if finite:
        alone &= size > 1
    terms[~used | (used & (n == 1))] = 0.0
    variance = _NAN if alone.any() else float(terms.sum()) / total_x**2
    return _with_interval(ratio, variance, float(xs.sum()), confidence)


def stratified_share(
    stratum: ArrayLike,
    y: ArrayLike,
    population: ArrayLike,
    *,
    finite: bool = True,
    confidence: float = CONFIDENCE,
) -> DesignEstimate:
    """Share of units with ``y`` = 1 in the population (Stehman 2014, eqs. 3 and 25); see stratified_ratio."""
    values = np.asarray(y, dtype=float)
    return stratified_ratio(
        stratum, values, np.ones_like(values), population, finite=finite, confidence=confidence
    )


def allocate(population: ArrayLike, n: int, method: str = "proportional") -> Ints:
    """How many units to draw in each stratum.

    Parameters
    ----------
    population : array_like of int, shape (h,)
        Units in each stratum.
    n : int
        Units to draw in all.
    method : {"proportional", "equal"}
        By the size of the strata, or the same in each. Largest remainders round; every stratum with two or
        more units gets at least two (else no variance can be estimated), none more than it has.

    Returns
    -------
    ndarray of int64, shape (h,)
        Adds up to ``n``, unless the strata's least sizes need more or the population has fewer.
    """
    size = np.asarray(population, dtype=np.int64)
    least = np.minimum(size, 2)
    n = int(min(max(n, least.sum()), size.sum()))
    weight = size / max(size.sum(), 1) if method == "proportional" else (size > 0) / max((size > 0).sum(), 1)
    drawn: Ints = np.clip(np.floor(weight * n).astype(np.int64), least, size)
    while (missing := n - int(drawn.sum())) != 0:
        want = weight * n - drawn
        if missing > 0:
            candidates = np.flatnonzero(drawn < size)
            best = candidates[np.argsort(-want[candidates], kind="stable")][:missing]
            drawn[best] += 1
        else:
            candidates = np.flatnonzero(drawn > least)
            best = candidates[np.argsort(want[candidates], kind="stable")][:-missing]
            drawn[best] -= 1
    return drawn


def _means(stratum: Ints, values: Floats, n: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(stratum, values, len(n)) / n
    mean[n == 0] = 0.0
    return mean


def _with_interval(value: float, variance: float, counted: float, confidence: float) -> DesignEstimate:
    if not np.isfinite(variance):
        return DesignEstimate(value, _NAN, _NAN, _NAN, _NAN)
    # A mean of residuals of 0/1 data keeps rounding noise where all agree.
    degenerate = variance <= 1e-15 or value in (0.0, 1.0)
    effective = counted if degenerate else value * (1 - value) / variance
    low, high = wilson_interval(value * effective, effective, confidence)
    return DesignEstimate(value, float(np.sqrt(variance)), float(low), float(high), float(effective))
