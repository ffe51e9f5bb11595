"""A geometry is invalid.

## What it checks
Geometries are valid in the sense of the OGC standard: rings do not cross or touch themselves, holes lie
within their shell, parts of a multipolygon do not overlap. The finding names the reason GEOS gives and
the place.

## Why
Area, overlap and statistics of an invalid polygon are undefined: programs give different numbers, or
fail.

## Example
A ring in the form of a figure eight, left by moving one vertex across the opposite side.

## How to fix
Move the vertex at the place named, in QGIS with the *Check validity* tool beside it. `rogi validate
--fix unsafe` repairs an outline where that changes its area by less than 0.1 %.

## Reference
OGC 06-103r4, Simple Feature Access, part 1. Reasons as given by GEOS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import shapely

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.context import Context, Geometries
from rogi.rules.geometry._layers import ALL
from rogi.rules.rule import Bad, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo("GEO003", "geometry-invalid", Severity.ERROR, Evidence.DERIVED, ALL, fix="unsafe")

# "Self-intersection[90.6 30.4]"
_REASON = re.compile(r"^(?P<reason>[^\[]+?)\s*\[(?P<x>\S+) (?P<y>[^\s\]]+)[^\]]*\]$")


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    for role in context.targets:
        rows = np.flatnonzero(context.usable(role) & ~context.valid(role))
        geometry = context.geometry(role)[rows]
        reasons, places = explain(geometry)
        messages = [f"the geometry is invalid: {reason}" for reason in reasons]
        yield Rows(role, rows, messages, value=reasons, geometry=places)


def explain(geometry: Geometries) -> tuple[list[str], Geometries]:
    """GEOS's reason for each invalid geometry, and the place as a point (the geometry itself if unknown)."""
    reasons: list[str] = []
    places = geometry.copy()
    for i, text in enumerate(np.atleast_1d(shapely.is_valid_reason(geometry))):
        match = _REASON.match(str(text))
        if match is None:
            reasons.append(str(text))
            continue
        place = shapely.Point(float(match["x"]), float(match["y"]))
        reasons.append(f"{match['reason']} at {match['x']} {match['y']}")
        if np.isfinite(shapely.bounds(place)).all():
            places[i] = place
    return reasons, places


def good() -> Inventory:
    """All geometries are valid."""
    return examples.tprogi()


def bad() -> Bad:
    """A ring that crosses itself (bow-tie)."""
    x, y = examples.ORIGIN
    bow_tie = shapely.Polygon([(x, y), (x + 0.002, y + 0.002), (x + 0.002, y), (x, y + 0.0018)])
    inventory = examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: bow_tie})
    return Bad(inventory, {Role.OUTLINE: (0,)})
