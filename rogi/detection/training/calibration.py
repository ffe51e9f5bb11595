"""Probabilities that mean what they say: logits rescaled by what validation shows.

Networks trained with an overlap loss are too sure of what they find. One temperature for all logits (Guo et
al. 2017, ICML, PMLR 70, 1321-1330) must also suit the ground that is clearly none, which most pixels are, and
so changes little. Therefore logits below and above 0 have a factor each (Kull et al. 2017; see
`rogi.detection.model.calibration.Calibration.apply`). The order of the pixels stays, so precision and recall
do, at a threshold that moves along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from rogi.detection.model.calibration import Calibration, Reliability

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WIDTH: Final = 1 / 64
"""Of a class of logits: a probability changes by less than 0.004 within one."""

LARGEST: Final = 32.0
"""Logit, either sign, beyond which a network could not be more sure."""

CLASSES: Final = 10
"""Of probability, in a table of reliability."""

FINDS: Final = 0.05
"""Probability from which on pixels count in the error of what was found."""

FACTORS: Final = (0.02, 20.0)
SHIFTS: Final = (-20.0, 20.0)
DIGITS: Final = 4


@dataclass(frozen=True, eq=False)
class Logits:
    """Pixels by class of logit.

    Attributes
    ----------
    counts : array of int64, (2, classes)
        Background and rock glacier.
    """

    counts: Ints

    @classmethod
    def of(cls, logits: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_]) -> Logits:
        """Count pixels, each array of shape (n,)."""
        classes = round(2 * LARGEST / WIDTH)
        place = np.clip(np.floor((logits.astype(np.float64) + LARGEST) / WIDTH), 0, classes - 1)
        cell = truth.astype(np.int64) * classes + place.astype(np.int64)
        return cls(np.bincount(cell, minlength=2 * classes).reshape(2, classes))

    def __add__(self, other: Logits) -> Logits:
        return Logits(self.counts + other.counts)


def centres() -> Floats:
    """Middle of each class of logits."""
    return np.asarray((np.arange(round(2 * LARGEST / WIDTH)) + 0.5) * WIDTH - LARGEST, np.float64)


def fit(logits: Logits) -> tuple[float, float, float]:
    """Low, high and shift of the least cross-entropy; 1, 1 and 0 where only background or units are found.

    Examples
    --------
    Logits that are twice what the shares of the pixels say:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> true = rng.normal(size=200_000)
    >>> truth = rng.random(200_000) < 1 / (1 + np.exp(-true))
    >>> [float(round(value, 1)) + 0.0 for value in fit(Logits.of((2 * true).astype("float32"), truth))]
    [0.5, 0.5, 0.0]
    """
    if not logits.counts.any(axis=1).all():
        return 1.0, 1.0, 0.0
    has = logits.counts.any(axis=0)
    x = centres()[has]
    background, rock_glacier = logits.counts[:, has] / logits.counts.sum()
    parts = np.stack([-np.logaddexp(0, -x), np.logaddexp(0, x), np.ones_like(x)])

    def entropy(factors: Floats) -> tuple[float, Floats]:
        scaled = factors @ parts
        loss = background * np.logaddexp(0, scaled) + rock_glacier * np.logaddexp(0, -scaled)
        slope = (background + rock_glacier) / (1 + np.exp(-scaled)) - rock_glacier
        return float(loss.sum()), parts @ slope

    found = minimize(
        entropy, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[FACTORS, FACTORS, SHIFTS],
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000},
    )  # fmt: skip
    low, high, shift = (round(float(value), DIGITS) for value in found.x)
    return low, high, shift


def reliability(logits: Logits, calibrated: Floats | None = None) -> Reliability:
    """Mean probability and share of rock glacier of the pixels in each class of probability that has some.

    Parameters
    ----------
    logits : Logits
    calibrated : array of float64, (classes,), optional
        What the logits of `centres` become.
    """
    probability = 1 / (1 + np.exp(-(centres() if calibrated is None else calibrated)))
    place = np.minimum((probability * CLASSES).astype(np.int64), CLASSES - 1)
    pixels = logits.counts.sum(axis=0)
    total = np.bincount(place, pixels, CLASSES)
    has = total > 0
    mean = np.bincount(place, pixels * probability, CLASSES)[has] / total[has]
    observed = np.bincount(place, logits.counts[1], CLASSES)[has] / total[has]
    return Reliability(
        tuple(np.round(mean, 6).tolist()),
        tuple(np.round(observed, 6).tolist()),
        tuple(total[has].astype(np.int64).tolist()),
    )


def calibration(logits: Logits) -> Calibration:
    """How logits are to be calibrated, and how reliable probabilities are before and after."""
    low, high, shift = fit(logits)
    before = reliability(logits)
    plain = Calibration(low, high, shift, 0.0, 0.0, 0.0, 0.0, before, before)
    after = reliability(logits, plain.apply(centres()))
    return replace(
        plain,
        error_before=before.error(),
        error_after=after.error(),
        found_error_before=before.error(FINDS),
        found_error_after=after.error(FINDS),
        after=after,
    )
