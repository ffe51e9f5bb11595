"""Agreement of the attributes of matched objects: differences of numbers, confusion of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rogi.comparison.agreement.rates import Kappa, Rate, cohen_kappa, rate
from rogi.longitudes import short_way

DIGITS = 1e-9
"""Part of a number by which it may change on the way through another unit or file."""


@dataclass(frozen=True)
class NumericAgreement:
    """Differences B - A of a number over pairs that have it on both sides; in its unit.

    Attributes
    ----------
    count, missing : int
        Pairs compared, and pairs where a side has no value.
    mean, median, standard_deviation : float
        Of the differences; the standard deviation is that of a sample.
    mean_absolute, root_mean_square : float
    p5, p95 : float
        5th and 95th percentile of the differences.
    equal : Rate
        Share of pairs with equal values.
    circular : bool
        Whether the values are directions: then differences are in [-180°, 180°).
    """

    count: int
    missing: int
    mean: float
    median: float
    standard_deviation: float
    mean_absolute: float
    root_mean_square: float
    p5: float
    p95: float
    equal: Rate
    circular: bool


@dataclass(frozen=True)
class ClassAgreement:
    """Confusion of classes over pairs that have one on both sides.

    Attributes
    ----------
    classes : tuple of str
        In the order of the rows (A) and columns (B) of the table; sorted, or as given.
    table : ndarray of int, shape (k, k)
    missing : int
        Pairs where a side has no value.
    equal : Rate
        Share of pairs with the same class.
    kappa : Kappa
        Cohen's kappa.
    """

    classes: tuple[str, ...]
    table: NDArray[np.intp]
    missing: int
    equal: Rate
    kappa: Kappa


def numeric_agreement(
    a: ArrayLike, b: ArrayLike, *, circular: bool = False, noise: float = 0.0
) -> NumericAgreement:
    """Differences B - A of paired numbers.

    Parameters
    ----------
    a, b : array_like of float, shape (m,)
        Values of the pairs; NaN is missing.
    circular : bool
        Directions in degrees: 350° and 10° are 20° apart.
    noise : float
        Smaller differences are 0, as are those in the last digits of the numbers (:data:`DIGITS`).
    """
    x, y = np.asarray(a, float), np.asarray(b, float)
    both = np.isfinite(x) & np.isfinite(y)
    difference = y[both] - x[both]
    if circular:
        difference = short_way(difference)
    difference[np.abs(difference) < np.maximum(noise, DIGITS * np.abs(y[both]))] = 0.0
    n = len(difference)
    nan = float("nan")
    p5, median, p95 = (float(v) for v in np.quantile(difference, [0.05, 0.5, 0.95])) if n else (nan,) * 3
    return NumericAgreement(
        n,
        len(x) - n,
        float(difference.mean()) if n else nan,
        median,
        float(difference.std(ddof=1)) if n > 1 else nan,
        float(np.abs(difference).mean()) if n else nan,
        float(np.sqrt((difference**2).mean())) if n else nan,
        p5,
        p95,
        rate(int((difference == 0).sum()), n),
        circular,
    )


def class_agreement(a: ArrayLike, b: ArrayLike, classes: tuple[str, ...] | None = None) -> ClassAgreement:
    """Confusion matrix and kappa of paired classes.

    Parameters
    ----------
    a, b : array_like of str or None, shape (m,)
        Classes of the pairs; ``None``, NaN and blank text are missing. Spaces at the ends do not count.
    classes : tuple of str, optional
        Order of the classes; others that occur are added at the end, sorted.
    """
    x, y = _clean(a), _clean(b)
    both = (x != "") & (y != "")
    x, y = x[both], y[both]
    order = list(classes or ())
    order += sorted(set(np.unique(np.concatenate([x, y])).tolist()) - set(order))
    place = {name: k for k, name in enumerate(order)}
    rows = np.array([place[v] for v in x.tolist()], np.intp)
    columns = np.array([place[v] for v in y.tolist()], np.intp)
    k = len(order)
    table = np.bincount(rows * k + columns, minlength=k * k).reshape(k, k) if k else np.zeros((0, 0), np.intp)
    return ClassAgreement(
        tuple(order),
        table,
        int((~both).sum()),
        rate(int(np.trace(table)), int(table.sum())),
        cohen_kappa(table),
    )


def _clean(values: ArrayLike) -> NDArray[np.str_]:
    text = pd.Series(np.asarray(values, dtype=object), dtype="object")
    return text.where(text.notna(), "").astype(str).str.strip().to_numpy(dtype=str)
