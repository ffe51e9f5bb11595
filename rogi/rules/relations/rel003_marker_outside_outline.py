"""A primary marker lies outside its own outline.

## What it checks
The marker lies in the outline of the same ID, or no farther than `tolerance` from it. Where there are
several (extended and restricted) one is enough.

## Why
A marker outside is mostly one whose ID was given to a neighbour's outline, or that stayed behind when
the outline was drawn anew.

## Example
Two neighbours whose IDs were exchanged: each marker lies in the other's outline.

## How to fix
Look at both on the map: move the marker, or give the outline the ID of the marker that lies in it.

## Reference
RGIK (2023): the marker identifies and locates the unit. TPRoGI: each marker was made from its footprint
(Sun et al. 2024, Sect. 3.3).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.geometry import local_metres
from rogi.inventory.model import Inventory
from rogi.longitudes import beside
from rogi.rules import examples
from rogi.rules.context import Context, Floats, Geometries
from rogi.rules.relations._links import Way, links
from rogi.rules.rule import Bad, CannotCheck, Need, Rows, RuleInfo, Severity
from rogi.schema.model import Evidence, Role

RULE = RuleInfo(
    "REL003",
    "marker-outside-outline",
    Severity.WARNING,
    Evidence.DERIVED,
    (Need(Role.MARKER, ("primary_id",)), Need(Role.OUTLINE, ("primary_id",))),
    together=True,
    needs_values=False,  # working IDs link, too
    needs_crs=True,
)


def check(context: Context) -> Iterator[Rows]:
    """Findings of the rule."""
    found = links(context)
    markers, outlines = context.lonlat(Role.MARKER), context.lonlat(Role.OUTLINE)
    linked = np.isin(found.way, [Way.PRIMARY_ID, Way.WORKING_ID]) & context.valid(Role.OUTLINE)
    outline = np.flatnonzero(linked)
    if not len(outline):
        raise CannotCheck("no valid outline is linked with a marker by an ID")
    marker = found.marker[outline]
    there = ~shapely.is_missing(markers[marker]) & ~shapely.is_missing(outlines[outline])
    outline, marker = outline[there], marker[there]
    outside = ~shapely.intersects(outlines[outline], markers[marker])
    distance = np.zeros(len(outline))
    distance[outside] = metres_between(markers[marker[outside]], outlines[outline[outside]])
    # of several outlines of a marker the nearest counts
    order = np.lexsort((distance, marker))
    rows, first = np.unique(marker[order], return_index=True)
    nearest = order[first]
    far = np.flatnonzero(distance[nearest] > context.number("tolerance"))
    messages = [f"the marker lies {_length(d)} outside its outline" for d in distance[nearest[far]]]
    yield Rows(
        Role.MARKER,
        rows[far],
        messages,
        value=distance[nearest[far]].round(1),
        other_role=Role.OUTLINE,
        other=outline[nearest[far]],
    )


def metres_between(points: Geometries, shapes: Geometries) -> Floats:
    """(n,) distance of each point from its geometry, metres; both in WGS84 degrees, none empty."""
    x, y = shapely.get_x(shapely.centroid(points)), shapely.get_y(shapely.centroid(points))
    middle = shapely.bounds(shapes)[:, [0, 2]].mean(axis=1)
    x = beside(x, middle)
    lines = shapely.shortest_line(shapely.points(x, y), shapes)
    ends = [shapely.get_point(lines, k) for k in (0, 1)]
    start, end = (np.column_stack([shapely.get_x(p), shapely.get_y(p)]) for p in ends)
    metres: NDArray[np.float64] = np.hypot(*local_metres(start, end).T)
    return metres


def _length(metres: float) -> str:
    return f"{metres:.0f} m" if metres < 1000 else f"{metres / 1000:.1f} km"


def good() -> Inventory:
    """Markers in the middle of their outlines."""
    return examples.rgik()


def bad() -> Bad:
    """A marker 500 m beside its outline."""
    inventory = examples.tprogi()
    marker = examples.geometry_of(inventory, Role.MARKER, 2)
    moved = {2: shapely.Point(marker.x, marker.y + 0.005)}
    return Bad(examples.with_geometry(inventory, Role.MARKER, moved), {Role.MARKER: (2,)})
