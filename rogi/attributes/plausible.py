"""Values that cannot be: outside the range of their concept, and what they may be instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rogi.schema.load import concepts

if TYPE_CHECKING:
    from numpy.typing import NDArray

ZERO_CELSIUS = 273.15

FILLS = (
    -9999.0,
    -999.0,
    -99.0,
    -99.99,
    -999.9,
    -99999.0,
    -32768.0,
    -32767.0,
    32767.0,
    65535.0,
    9999.0,
    99999.0,
)
"""Numbers that files use for "no value"."""

FILL_DIGITS = 1e-3
"""Relative difference up to which a number counts as one of `FILLS`: a mean of float32."""

ASTRONOMIC = 1e7
"""No quantity of the table comes near it in any unit: a fill value such as 1e20, or a mean with one."""

CONVERSIONS: Mapping[str, tuple[tuple[str, float, float], ...]] = {
    "°C": (
        ("K labelled °C", 1.0, -ZERO_CELSIUS),
        ("°C labelled K", 1.0, ZERO_CELSIUS),
        ("tenths of a degree", 0.1, 0.0),
        ("tenths of a degree labelled K", 0.1, 0.1 * ZERO_CELSIUS),
        ("tenths of a kelvin", 0.1, 0.1 * ZERO_CELSIUS - ZERO_CELSIUS),
        ("tenths of a kelvin labelled °C", 0.1, -ZERO_CELSIUS),
        ("°F labelled °C", 5 / 9, -160 / 9),
        ("hundredths of a degree", 0.01, 0.0),
        ("hundredths of a kelvin labelled °C", 0.01, -ZERO_CELSIUS),
    ),
    "mm": (
        ("tenths of a millimetre", 0.1, 0.0),
        ("mm labelled m", 1e-3, 0.0),
        ("a sum over the year labelled mm per day", 1 / 365.2425, 0.0),
        ("mm per day labelled kg m-2 s-1", 1 / 86400, 0.0),
        ("hundredths of a millimetre", 0.01, 0.0),
    ),
    "m": (
        ("feet", 0.3048, 0.0),
        ("decimetres", 0.1, 0.0),
        ("centimetres", 0.01, 0.0),
        ("millimetres", 0.001, 0.0),
    ),
}  # fmt: skip
"""By the concept's unit: a mistake, and the true value from the wrong one as factor and offset."""

USUAL: Mapping[str, tuple[float, float]] = {"°C": (-35.0, 20.0), "mm": (20.0, 6000.0), "m": (0.0, 8849.0)}
"""Range of values after a correction, by unit: where rock glaciers and the land around them are."""

RARE = ("hundredths", "millimetres")
"""Mistakes that are only guessed where no other explains a value."""

GUESSES = 3
"""Explanations named in a message."""


def plausible_range(concept: str) -> tuple[float, float]:
    """Least and greatest possible value of a concept, in its unit; infinite where the schema has no limit.

    Examples
    --------
    >>> plausible_range("elevation_mean")
    (-430.0, 8849.0)
    """
    found = concepts()[concept]
    low = -np.inf if found.minimum is None else float(found.minimum)
    return low, np.inf if found.maximum is None else float(found.maximum)


def impossible(concept: str, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values of a concept are outside its range; False for NaN.

    Parameters
    ----------
    concept : str
    values : ndarray of float64, shape (n,)
        In the concept's unit.

    Examples
    --------
    >>> impossible("air_temperature", np.array([-4.2, 268.9, np.nan])).tolist()
    [False, True, False]
    """
    low, high = plausible_range(concept)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = (values < low) | (values > high)
    return found


def explanation(concept: str, value: float) -> str:
    """What a value outside the range of its concept may be instead.

    Parameters
    ----------
    concept : str
    value : float
        In the concept's unit; of several, their median.

    Returns
    -------
    str
        Empty if neither a usual fill value nor a usual mistake in the unit explains it.

    Examples
    --------
    >>> explanation("air_temperature", 268.95)
    'K labelled °C (then -4.2 °C)'
    >>> explanation("elevation_mean", -9999.0)
    'an undeclared fill value (-9999)'
    """
    unit = concepts()[concept].unit or ""
    offsets = (0.0, ZERO_CELSIUS) if unit == "°C" else (0.0,)
    away, fill = min((abs(value + offset - fill), fill) for fill in FILLS for offset in offsets)
    if away <= FILL_DIGITS * abs(fill):
        return f"an undeclared fill value ({fill:g})"
    if abs(value) >= ASTRONOMIC:
        return f"an undeclared fill value ({value:.6g}), or a mean with one"
    low, high = USUAL.get(unit, (np.inf, -np.inf))
    guesses: list[str] = []
    for what, factor, offset in CONVERSIONS.get(unit, ()):
        true = value * factor + offset
        if low <= true <= high and not (guesses and what.startswith(RARE)):
            guesses.append(f"{what} (then {true:.4g} {unit})")
    if not guesses and unit == "°C" and value < -ZERO_CELSIUS:
        return "a mean with an undeclared fill value: it is below absolute zero"
    if not guesses and unit == "mm" and value < 0:
        return "a mean with an undeclared fill value: precipitation is never negative"
    return " or ".join(guesses[:GUESSES])
