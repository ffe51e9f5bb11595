"""A stored attribute differs from what rasters give.

## What it checks
Elevation, slope, aspect, radiation, temperatures and precipitation against values derived anew from the
rasters named with `rogi validate --check-attributes --dem …`. Without rasters the rule is not run.
Differences within a tolerance are not reported: other programs count pixels in another way, which moves a
mean by a few metres and an extreme by a pixel. Aspects are compared the short way round. What cannot be
compared is counted in the report, column by column: nulls, texts, fill values and values out of range, units
the rasters do not cover, columns in another unit. If nothing can be compared, the rule is not run.

## Why
Attributes outlive the outlines they were made from: an outline edited later, a join on the wrong key, an
arithmetic mean of aspect or feet for metres stay unnoticed, as each number alone is plausible.

## Example
ELE_MEAN 4655 m where the elevation model gives 4812 m: the outline was moved after the attributes were
computed.

## How to fix
Compute the attributes anew (`rogi attributes`), or name the rasters they were made from.

## Reference
Sun et al. (2024) doi 10.5194/essd-16-5703-2024, Table 2, for the fields; the method is on the page
Attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rogi.inventory.model import Inventory
from rogi.inventory.values.aspects import is_class
from rogi.longitudes import short_way
from rogi.rules import examples
from rogi.rules.attributes._quantities import (
    Floats,
    concept_of,
    layers_with,
    with_unit,
)
from rogi.rules.context import Context
from rogi.rules.rule import Bad, CannotCheck, Rows, RuleInfo, Severity
from rogi.schema.attributes import attributes, from_rasters, is_circular
from rogi.schema.model import Evidence, Role

CHECKED = from_rasters()

RULE = RuleInfo("ATT020", "differs-from-rasters", Severity.WARNING, Evidence.DERIVED, layers_with(*CHECKED))


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule: one per feature and field."""
    recomputed = context.inventory.recomputed
    if not recomputed:
        raise CannotCheck("no rasters were named; use --check-attributes with --dem, --maat, --magt or --ap")
    gaps: list[str] = []
    compared = 0
    for role in context.targets:
        for name, expected in recomputed.get(role, {}).items():
            if not context.has(role, name):
                continue
            concept = concept_of(context, role, name)
            field = context.column_name(role, name)
            found = context.quantity(role, name)
            classes = found.coding is not None and is_class(found.coding)
            if classes or not found.convertible:
                unit = found.declared if classes else found.unit
                gaps.append(f"{field} not compared: it is in {unit}, the rasters give {concept.unit}")
                continue
            stored = found.values
            difference = np.abs(stored - expected)
            if is_circular(name):
                difference = np.abs(short_way(stored - expected))
            gaps += _gaps(context, role, name, stored, expected)
            compared += int(np.isfinite(difference).any())
            with np.errstate(invalid="ignore"):
                rows = np.flatnonzero(difference > tolerance(context, name))
            messages = [
                f"{concept.title[:1].lower()}{concept.title[1:]} {with_unit(a, concept.unit)} is stored, but "
                f"the rasters give {with_unit(round(b, 2), concept.unit)}"
                for a, b in zip(stored[rows].tolist(), expected[rows].tolist(), strict=True)
            ]
            yield Rows(role, rows, messages, field=field, value=context.numbers(role, name)[rows])
    if not compared:
        raise CannotCheck("; ".join(gaps) or "no column that the rasters give")
    if gaps:
        raise CannotCheck("; ".join(gaps), partly=True)


def _gaps(context: Context, role: Role, name: str, stored: Floats, expected: Floats) -> Iterator[str]:
    """How many values of a column were not compared, and why."""
    filled = np.array([text is not None for text in context.text(role, name)], dtype=bool)
    missing = {
        "null": ~filled,
        "no number, a fill value or out of range": filled & np.isnan(stored),
        "without a value from the rasters": np.isfinite(stored) & np.isnan(expected),
    }
    counts = {why: int(rows.sum()) for why, rows in missing.items() if rows.any()}
    if counts:
        every = sum(counts.values()) == len(stored)
        parts = ", ".join(f"{count} {why}" for why, count in counts.items())
        field = context.column_name(role, name)
        yield f"{field} not compared: {parts}" if every else f"{field} not compared in part: {parts}"


def tolerance(context: Context, name: str) -> float:
    """The difference allowed for a concept, in its unit."""
    attribute = attributes()[name]
    if attribute.tolerance is not None:
        return attribute.tolerance
    if attribute.statistic:
        kind = "extreme" if attribute.statistic in ("minimum", "maximum") else "middle"
        return context.number(f"{attribute.family}_{kind}_tolerance")
    return context.number(f"{'temperature' if name.endswith('temperature') else name}_tolerance")


def good() -> Inventory:
    """What is stored is what the rasters give, but for rounding."""
    inventory = examples.tprogi()
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    values = {name: layer.raw(name).to_numpy(dtype=np.float64) + 0.01 for name in CHECKED if layer.has(name)}
    return replace(inventory, recomputed={Role.OUTLINE: values})


def bad() -> Bad:
    """An elevation of another place, and a mean of directions around north that is south."""
    inventory = good()
    values = {name: column.copy() for name, column in inventory.recomputed[Role.OUTLINE].items()}
    values["elevation_mean"][1] += 157.0
    values["aspect"][2] = (values["aspect"][2] + 180.0) % 360.0
    return Bad(replace(inventory, recomputed={Role.OUTLINE: values}), {Role.OUTLINE: (1, 2)})
