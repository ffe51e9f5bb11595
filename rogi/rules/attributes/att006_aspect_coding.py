"""The aspect column does not hold degrees.

## What it checks
Whether a column's values (`minimum_values` of them at least) are degrees. Whole numbers from 0 to 8 are
classes, words like `NE` are compass points, numbers up to 2 π are radians. A dialect that declares the
coding is believed, unless the values contradict it. One finding for the layer.

## Why
Classes are counted from north in some inventories and from east in others, so the numbers alone do not
say which way a unit faces; taken for degrees, all units face north.

## Example
The global inventory of 2026: 1 = E, 2 = SE … 8 = NE. PyRogi: 1 = N … 8 = NW.

## How to fix
Convert the column to degrees from north, clockwise, or name a dialect that declares its coding (`units:
{aspect: class-8-from-E}`).

## Reference
Guide of the global rock glacier inventory (2026); PyRogi, source code.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.attributes._quantities import is_sentinel, layers_with, unit_of
from rogi.rules.context import Context
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("ATT006", "aspect-coding", Severity.INFO, Evidence.VERIFIED, layers_with("aspect"))

CLASSES = "class codes"
COMPASS = "compass points"
RADIANS = "radians"
DEGREES = "degrees"

_DESCRIPTIONS = {
    CLASSES: "whole numbers from 0 to 8, so class codes; whether 1 is north or east they do not say",
    COMPASS: "compass points",
    RADIANS: "numbers up to 2 π, so radians",
    DEGREES: "no class codes",
}
_SIDES = frozenset({"n", "ne", "e", "se", "s", "sw", "w", "nw", "flat"})
_BETWEEN = frozenset({"nne", "ene", "ese", "sse", "ssw", "wsw", "wnw", "nnw"})
_WORDS = frozenset({"north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest"})
_COMPASS_SHARE = 0.9  # of the words; the rest are placeholders and mistakes
_LAST_CLASS = 8


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        coding = coding_of(context, role)
        declared = _declared(unit_of(context, role, "aspect"))
        if coding is not None and coding != declared:
            yield Rows.of_layer(
                role,
                f"values are {_DESCRIPTIONS[coding]}; {declared} are expected",
                field=context.column_name(role, "aspect"),
            )


def coding_of(context: Context, role: Role) -> str | None:
    """What the values are, or None where there are too few to tell."""
    enough = context.number("ATT006.minimum_values")
    numbers = context.numbers(role, "aspect")
    numbers = numbers[np.isfinite(numbers) & ~is_sentinel(context, role, "aspect")]
    if len(numbers) >= enough:
        low, high = float(numbers.min()), float(numbers.max())
        if low >= 0 and high <= _LAST_CLASS and (numbers == np.rint(numbers)).all():
            return CLASSES
        return RADIANS if low >= 0 and high <= 2 * np.pi else DEGREES
    words = [text for text in context.text(role, "aspect") if text is not None]
    points = sum(
        "".join(filter(str.isalpha, word.casefold())) in _SIDES | _BETWEEN | _WORDS for word in words
    )
    return COMPASS if len(words) >= enough and points >= _COMPASS_SHARE * len(words) else None


def _declared(unit: str | None) -> str:
    if unit is not None and unit.startswith("class"):
        return CLASSES
    return {"cardinal": COMPASS, "radian": RADIANS}.get(unit or "", DEGREES)


def good() -> Inventory:
    """Degrees from north."""
    return examples.tprogi(12)


def bad() -> Bad:
    """Classes from 1 to 8."""
    classes = {k: 1 + k % 8 for k in range(12)}
    inventory = examples.with_values(examples.tprogi(12), Role.OUTLINE, "ASPECT", classes)
    return Bad(inventory, {Role.OUTLINE: (-1,)})
