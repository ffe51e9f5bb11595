"""Layers and texts of a release beside the version before: gone, fewer, or at other units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.columns import texts
from rogi.inventory.values.known import known_texts
from rogi.release.description import Thresholds
from rogi.release.gate.refusal import Refusal, liftable
from rogi.schema.model import Role
from rogi.text import counted

FEWEST: Final = 3  # units that have a median, or a distribution, worth the name
# Values that went to other units leave all of them together where they were, while each unit's changes.
SWAPPED: Final = 0.25


def lost_layers(old: Inventory, new: Inventory, limits: Thresholds) -> Iterator[Refusal]:
    """Layers, and outlines of a type, that are gone or fewer; the number of units has a limit of its own."""
    for layer in old.layers:
        now = new.layer(layer.role)
        typed = all(x is not None and x.has("outline_type") for x in (layer, now))
        before, after = _kinds(layer, typed), _kinds(now, typed) if now is not None else {}
        for kind, number in before.items():
            left = after.get(kind, 0)
            units = layer.role in (Role.MARKER, Role.OUTLINE) and len(before) == 1 and left > 0
            if units or 1 - left / number <= limits.count:
                continue
            what = f"{kind} {layer.role.title}" if kind else layer.role.title
            yield liftable(
                f"layer:{layer.role.value}" + (f":{kind}" if kind else ""),
                f"The {what} {f'went from {number:,} to {left:,}' if left else f'are gone, all {number:,}'} "
                f"(limit {100 * limits.count:g} %).",
                "Add them to the data with --inventory.",
            )


def _kinds(layer: Layer, typed: bool) -> dict[str, int]:
    """Number of rows, by type of outline where both versions have types."""
    if not typed:
        return {"": len(layer)} if len(layer) else {}
    kinds = pd.Series(known_texts(layer, "outline_type"), dtype=object).fillna("").astype(str).str.lower()
    return {str(kind): int(number) for kind, number in kinds.value_counts().sort_index().items()}


def words(layer: Layer, name: str) -> NDArray[np.object_]:
    """Texts of a field, None if missing."""
    found = known_texts(layer, name) if layer.has(name) else texts(layer.frame[name])
    return np.array([*found, None], dtype=object)[:-1]


def swapped(old: NDArray[np.object_], new: NDArray[np.object_], limits: Thresholds) -> str:
    """Whether texts went to other units, in words: many changed, and each is as frequent as before."""
    both = np.array([a is not None and b is not None for a, b in zip(old, new, strict=True)], dtype=bool)
    changed, number = int((old[both] != new[both]).sum()), int(both.sum())
    if number < FEWEST or changed <= limits.layer * number:
        return ""
    counts = (pd.Series(values[both]).value_counts() for values in (old, new))
    if next(counts).sub(next(counts), fill_value=0).abs().sum() / 2 > SWAPPED * changed:
        return ""  # a revision: other values, not the same in other places
    return (
        f"changed in {changed:,} of {counted(number, 'unit')} (limit {limits.layer:g} of them), while each "
        "value is about as frequent as before, as if values went to other units"
    )
