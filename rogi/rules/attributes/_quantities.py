"""Which concepts the rules on attributes look at, and their values without what other rules report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rogi.inventory.values.known import concept_of as known_concept
from rogi.rules.context import Context
from rogi.rules.rule import Need, Rows
from rogi.schema.model import Concept, Role

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def layers_with(*any_of: str) -> tuple[Need, ...]:
    """Markers, outlines and moving areas that carry one of some concepts."""
    return tuple(Need(role, any_of=any_of) for role in (Role.MARKER, Role.OUTLINE, Role.MOVING_AREA))


def concept_of(context: Context, role: Role, name: str) -> Concept:
    """The concept as the layer's schema constrains it."""
    return known_concept(context.layer(role), name)


def sound(context: Context, role: Role, name: str) -> Floats:
    """(n,) values in the concept's unit that are finite, no sentinel and within its range; others NaN."""
    return context.quantity(role, name).values


def out_of_range(
    context: Context, names: Sequence[str], hint: Callable[[float], str] = lambda value: ""
) -> Iterator[Rows]:
    """Findings for values outside the range of their concept; sentinels are left to ATT009.

    Where all values show another unit there is one finding for the layer.
    """
    for role in context.targets:
        for name in names:
            if not context.has(role, name):
                continue
            found = context.quantity(role, name)
            field = context.column_name(role, name)
            if found.recognised and found.coding is None:
                message = f"values are in {found.unit}, {found.declared} is expected"
                yield Rows.of_layer(role, message, field=field, value=found.unit)
            rows = np.flatnonzero(found.impossible)
            foreign = found.unit if found.unit != found.concept.unit else None
            yield Rows(
                role,
                rows,
                [
                    f"{with_unit(v, foreign)} is impossible"
                    if foreign
                    else _message(v, found.concept) + hint(v)
                    for v in found.numbers[rows].tolist()
                ],
                field=field,
                value=found.numbers[rows],
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
