"""Units of columns: what a dialect's unit is in the unit of the concept."""

from __future__ import annotations

from typing import Final

# unit, unit of the concept -> factor and offset: value of the concept = factor * value + offset
_LINEAR: Final[dict[tuple[str, str], tuple[float, float]]] = {
    ("m²", "km²"): (1e-6, 0.0),
    ("ha", "km²"): (1e-2, 0.0),
    ("km", "m"): (1e3, 0.0),
    ("ft", "m"): (0.3048, 0.0),
    ("K", "°C"): (1.0, -273.15),
    ("m", "mm"): (1e3, 0.0),
    ("MJ m⁻²", "kWh m⁻²"): (1 / 3.6, 0.0),
}


def to_concept(unit: str | None, concept_unit: str | None) -> tuple[float, float] | None:
    """Factor and offset from a column's unit to the concept's.

    Parameters
    ----------
    unit
        Unit of the column; None means the concept's.
    concept_unit
        Unit of the concept.

    Returns
    -------
    tuple of float or None
        ``value of the concept = factor * value + offset``; None where the unit is no linear one (classes of
        aspect) or is not known.

    Examples
    --------
    >>> to_concept("ha", "km²")
    (0.01, 0.0)
    >>> to_concept("class-8-from-E", "degree") is None
    True
    """
    if unit is None or unit == concept_unit:
        return 1.0, 0.0
    return _LINEAR.get((unit, concept_unit or ""))
