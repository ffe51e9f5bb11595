"""The vertices of an outline are closer than the imagery can justify.

## What it checks
The mean distance between neighbouring vertices is at least `fraction` of `resolution`.

## Why
Ten vertices to a pixel pretend an accuracy that is not there, and make files large. They come from
smoothing or from stream digitising.

## Example
An outline smoothed to a vertex every 0.3 m.

## How to fix
Simplify with a tolerance below the pixel size, for example 1 m. If finer imagery was used, set
`GEO013.resolution` in `rogi.toml` to its pixel size.

## Reference
4.77 m is the pixel of the Planet Basemaps used by Sun et al. (2024), Sect. 3.1; the fraction is our
choice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import DRAWN, pixel_size
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO013", "vertices-too-dense", Severity.INFO, Evidence.DERIVED, DRAWN, needs_crs=True)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    limit = context.number("fraction") * pixel_size(context)
    for role in context.targets:
        spacing = context.vertices(role).spacing
        rows = np.flatnonzero(context.usable(role) & (spacing < limit))
        messages = [f"vertices are {s:.2g} m apart on average, below {limit:.2g} m" for s in spacing[rows]]
        yield Rows(role, rows, messages, value=spacing[rows].round(4))


def good() -> Inventory:
    """Vertices 9 m apart."""
    return examples.tprogi()


def bad() -> Bad:
    """An outline of 2,500 vertices."""
    dense = shapely.segmentize(examples.blob(*examples.ORIGIN), 2e-6)
    return Bad(examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: dense}), {Role.OUTLINE: (0,)})
