"""Which concepts the rules on attributes look at, and their values without what other rules report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rogi.rules.context import Context
from rogi.rules.rule import Need, Rows
from rogi.schema.model import Concept, Role

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

STATISTICS = ("minimum", "median", "mean", "maximum")
ELEVATION = tuple(f"elevation_{s}" for s in STATISTICS)
SLOPE = tuple(f"slope_{s}" for s in STATISTICS)
CLIMATE = ("air_temperature", "ground_temperature", "precipitation")
CONTINUOUS = ("area", *ELEVATION, *SLOPE, "radiation", *CLIMATE)
NUMERIC = (
    "area",
    "latitude",
    "longitude",
    *ELEVATION,
    *SLOPE,
    "aspect",
    "radiation",
    *CLIMATE,
    "landform",
    "reliability_front",
    "reliability_left",
    "reliability_right",
    "reliability_upslope",
    "reliability_index",
    "cluster",
    "permafrost_index",
    "sample_number",
)

# No quantity of an inventory is that large; raster formats use such numbers for "no data".
ASTRONOMIC = 1e19


def layers_with(*any_of: str) -> tuple[Need, ...]:
    """Markers, outlines and moving areas that carry one of some concepts."""
    return tuple(Need(role, any_of=any_of) for role in (Role.MARKER, Role.OUTLINE, Role.MOVING_AREA))


def concept_of(context: Context, role: Role, name: str) -> Concept:
    """The concept as the layer's schema constrains it."""
    from rogi.schema.load import concepts

    schema = context.layer(role).schema
    field = schema.field(name) if schema else None
    return field.concept if field else concepts()[name]


def unit_of(context: Context, role: Role, name: str) -> str | None:
    """Unit of the column as its dialect declares it, else that of the concept."""
    dialect = context.layer(role).dialect
    declared = dialect.units.get(name) if dialect else None
    return declared or concept_of(context, role, name).unit


def in_concept_unit(context: Context, role: Role, name: str) -> bool:
    """Whether the column counts in the concept's own unit, as far as declared."""
    return unit_of(context, role, name) == concept_of(context, role, name).unit


def outside(values: Floats, concept: Concept) -> Mask:
    """(n,) below the minimum or above the maximum; False for NaN."""
    out = np.zeros(len(values), dtype=bool)
    with np.errstate(invalid="ignore"):
        if concept.minimum is not None:
            out |= values < concept.minimum
        if concept.maximum is not None:
            out |= values > concept.maximum
    return out


def is_sentinel(context: Context, role: Role, name: str) -> Mask:
    """(n,) a number that stands for "no data": one of the list that is no possible value, or astronomic."""

    def compute() -> Mask:
        values = context.numbers(role, name)
        listed = np.asarray(context.parameter("ATT009.values").value, dtype=np.float64)
        concept = concept_of(context, role, name)
        unbounded = concept.minimum is None and concept.maximum is None
        impossible = outside(values, concept) | unbounded
        with np.errstate(invalid="ignore"):
            astronomic = np.isfinite(values) & (np.abs(values) >= ASTRONOMIC)
        return (np.isin(values, listed) & impossible) | astronomic

    return context.once(("sentinel", role, name), compute)


def sound(context: Context, role: Role, name: str) -> Floats:
    """(n,) values that are finite, no sentinel and within the concept's range; others NaN."""

    def compute() -> Floats:
        values = context.numbers(role, name)
        bad = ~np.isfinite(values) | is_sentinel(context, role, name)
        if in_concept_unit(context, role, name):
            bad |= outside(values, concept_of(context, role, name))
        return np.where(bad, np.nan, values)

    return context.once(("sound", role, name), compute)


def out_of_range(
    context: Context, names: Sequence[str], hint: Callable[[float], str] = lambda value: ""
) -> Iterator[Rows]:
    """Findings for values outside the range of their concept; sentinels are left to ATT009."""
    for role in context.targets:
        for name in names:
            if not context.has(role, name) or not in_concept_unit(context, role, name):
                continue
            concept = concept_of(context, role, name)
            values = context.numbers(role, name)
            rows = np.flatnonzero(outside(values, concept) & ~is_sentinel(context, role, name))
            yield Rows(
                role,
                rows,
                [_message(v, concept) + hint(v) for v in values[rows].tolist()],
                field=context.column_name(role, name),
                value=values[rows],
            )


def with_unit(value: float, unit: str | None) -> str:
    """A number and its unit for a message."""
    number = f"{value:.10g}"
    if unit is None:
        return number
    return f"{number}°" if unit == "degree" else f"{number} {unit}"


def _message(value: float, concept: Concept) -> str:
    title = concept.title[:1].lower() + concept.title[1:]
    if concept.minimum is not None and value < concept.minimum:
        side = f"below {with_unit(concept.minimum, concept.unit)}"
    else:
        side = f"above {with_unit(float(concept.maximum or 0), concept.unit)}"
    return f"{title} {with_unit(value, concept.unit)} is {side}"
