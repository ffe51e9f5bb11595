"""The vertices of an outline are too far apart for the imagery.

## What it checks
Between two vertices a straight edge of length s cuts off an arc by up to s² / (8 r), where r is the
radius of a circle of the outline's area. With the mean spacing of its vertices this is at most `pixels`
times `resolution`. That is known for TPRoGI only; of other inventories it must be set.

## Why
An outline drawn with a few clicks is less exact than the imagery allows, and its area is too small.

## Example
A rock glacier 200 m across drawn with five vertices: edges of 105 m cut off 15 m.

## How to fix
Draw the outline anew at a larger scale. If it was drawn on coarser imagery, set `GEO012.resolution` to its
pixel size in `rogi.toml`.

## Reference
Sagitta of a circular arc; 4.77 m is the pixel of the Planet Basemaps used by Sun et al. (2024), Sect.
3.1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.geometry._layers import DRAWN, pixel_size
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO012", "vertices-too-coarse", Severity.INFO, Evidence.DERIVED, DRAWN, needs_crs=True)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    limit = context.number("pixels") * pixel_size(context)
    for role in context.targets:
        spacing = context.vertices(role).spacing
        with np.errstate(invalid="ignore", divide="ignore"):
            sagitta = spacing**2 / (8.0 * np.sqrt(context.area(role) / np.pi))
        rows = np.flatnonzero(context.valid(role) & np.isfinite(sagitta) & (sagitta > limit))
        messages = [
            f"vertices {s:.0f} m apart cut curves by up to {e:.0f} m, more than {limit:.2g} m"
            for s, e in zip(spacing[rows], sagitta[rows], strict=True)
        ]
        yield Rows(role, rows, messages, value=spacing[rows].round(2))


def good() -> Inventory:
    """Outlines of 64 vertices."""
    return examples.tprogi()


def bad() -> Bad:
    """An outline of five vertices."""
    crude = examples.blob(*examples.ORIGIN, vertices=5)
    return Bad(examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: crude}), {Role.OUTLINE: (0,)})
