"""How far the probabilities of a model can be taken at their word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Reliability:
    """Pixels by class of probability, those classes that have some.

    Attributes
    ----------
    probability : tuple of float
        Mean of the class.
    observed : tuple of float
        Share of its pixels that are rock glacier.
    pixels : tuple of int
    """

    probability: tuple[float, ...]
    observed: tuple[float, ...]
    pixels: tuple[int, ...]

    def error(self, least: float = 0.0) -> float:
        """Expected calibration error: mean difference of probability and share, over pixels.

        Parameters
        ----------
        least : float
            Classes of a smaller mean probability are left out.

        References
        ----------
        Guo et al. (2017), ICML, PMLR 70, 1321-1330, Eq. 3.

        Examples
        --------
        >>> round(Reliability((0.1, 0.8), (0.2, 0.6), (300, 100)).error(), 3)
        0.125
        """
        p, share, pixels = (np.array(part, float) for part in (self.probability, self.observed, self.pixels))
        pixels = np.where(p >= least, pixels, 0.0)
        return round(float((np.abs(p - share) * pixels).sum() / max(pixels.sum(), 1.0)), 6)


@dataclass(frozen=True)
class Calibration:
    """How far probabilities can be taken at their word, on validation pixels.

    In every form that the network has in the bundle, logits of rock glacier are calibrated by `apply`.

    Attributes
    ----------
    low, high : float
        Factors of logits far below and far above 0, one over a temperature each.
    shift : float
    error_before, error_after : float
        Expected calibration error over all pixels, without and with it.
    found_error_before, found_error_after : float
        The same without the class of the least probabilities, where most of the ground lies.
    before, after : Reliability
    """

    low: float
    high: float
    shift: float
    error_before: float
    error_after: float
    found_error_before: float
    found_error_after: float
    before: Reliability
    after: Reliability

    def apply(self, logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Calibrated logits: shift - low ln(1 + exp(-x)) + high ln(1 + exp(x)).

        With ``low`` = ``high`` = 1/T and no shift it is x / T.

        References
        ----------
        Kull et al. (2017), Beyond sigmoids, Electronic Journal of Statistics 11, 5052-5080, Eq. 5, with a =
        low, b = high and c = shift; doi 10.1214/17-EJS1338SI.
        """
        x = np.asarray(logits, np.float64)
        found: npt.NDArray[np.float64] = (
            self.shift - self.low * np.logaddexp(0, -x) + self.high * np.logaddexp(0, x)
        )
        return found
