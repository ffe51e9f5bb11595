"""Planters of geometry: missing, invalid and odd outlines, overlaps."""

from __future__ import annotations

import numpy as np
import shapely

from rogi.schema.model import Role
from rogi.synthetic.defects.draft import MOVING, SMALL_M2, Draft, scaled
from rogi.synthetic.defects.planter import Planter

Units = tuple[int, ...]

MEDIUM_M2 = 50_000.0
LARGE_M2 = 100_000.0
BELOW_MINIMUM_M2 = 6_000.0
OVERLAP_M2 = 50.0
STEP_M = 2.0  # between places tried for a neighbour
MARKERS_APART_M = 30.0


def _null(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.reshape(Role.OUTLINE, unit, None)
    draft.found("GEO001", Role.OUTLINE, unit, what="the outline has no geometry")


def _empty(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.reshape(Role.OUTLINE, unit, shapely.Polygon())
    draft.found("GEO002", Role.OUTLINE, unit, what="the outline is an empty polygon")


def _figure_eight(draft: Draft, units: Units, number: int) -> None:
    """One half of the ring, from front to root, runs backwards: two long edges cross in the middle."""
    (unit,) = units
    ring = shapely.get_coordinates(draft.shape(Role.OUTLINE, unit))[:-1]
    half = len(ring) // 2
    crossed = np.vstack([ring[:1], ring[1:half][::-1], ring[half:]])
    draft.reshape(Role.OUTLINE, unit, shapely.Polygon(crossed))
    draft.found("GEO003", Role.OUTLINE, unit, what="the outline crosses itself like a figure eight")


def _touching_hole(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    if draft.has_restricted:
        role, ring = Role.MOVING_AREA, MOVING * draft.ring(unit)
    else:
        role, ring = Role.OUTLINE, draft.place(unit, MEDIUM_M2)
    side = len(ring) // 6
    hole = np.array([ring[0], 0.65 * ring[side], 0.65 * ring[-side]])  # wide enough to be no spike
    draft.reshape(role, unit, _with_hole(draft, unit, ring, hole))
    draft.found("GEO004", role, unit, what="a hole touches the outer ring at the front")
    if role is Role.OUTLINE:
        draft.found("GEO008", role, unit)


def _duplicate(draft: Draft, units: Units, number: int) -> None:
    first, second = units
    if draft.has_restricted:
        role = Role.MOVING_AREA
        velocity = draft.get(role, first, "velocity_class")
        draft.set(role, second, velocity_class=velocity)
    else:
        role = Role.OUTLINE
        draft.place(first, MEDIUM_M2)
        draft.move_marker(second, *_towards_front(draft, first))
    draft.reshape(role, second, draft.shape(role, first))
    draft.found("GEO005", role, second, what=f"the {role.title[:-1]} is that of another unit", other=first)


def _with_heights(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.reshape(Role.OUTLINE, unit, shapely.force_3d(draft.shape(Role.OUTLINE, unit), 4700.0))
    draft.found("GEO006", Role.OUTLINE, unit, what="the outline has heights")


def _crumb(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = draft.place(unit, SMALL_M2)
    east, north = ring.max(axis=0)
    square = np.array([(0.0, 0.0), (40.0, 0.0), (40.0, 40.0), (0.0, 40.0)]) + np.array([east + 10.0, north])
    parts = [draft.shape(Role.OUTLINE, unit), draft.polygon(unit, square)]
    draft.reshape(Role.OUTLINE, unit, shapely.MultiPolygon(parts))
    draft.found("GEO007", Role.OUTLINE, unit, what="a second part of 0.0016 km² lies beside the outline")


def _hole(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = draft.place(unit, MEDIUM_M2)
    position = unit
    if draft.has_restricted:
        # not in the extended outline: the restricted one would then reach beyond it
        position = draft.restricted(unit)
        ring = shapely.get_coordinates(draft.shape(Role.OUTLINE, position))[:-1]
        marker = draft.shape(Role.MARKER, unit)
        ring = (ring - (marker.x, marker.y)) * draft.metres(unit)
    hole = 0.55 * ring[0] + 0.15 * ring
    draft.reshape(Role.OUTLINE, position, _with_hole(draft, unit, ring, hole))
    draft.found("GEO008", Role.OUTLINE, position, what="the outline has a hole near the front")


def _sliver(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    x = np.arange(-150.0, 151.0, 10.0)
    strip = np.vstack(
        [np.column_stack([x, np.full_like(x, -4.0)]), np.column_stack([x[::-1], np.full_like(x, 4.0)])]
    )
    role = Role.MOVING_AREA if draft.has_restricted else Role.OUTLINE
    draft.reshape(role, unit, draft.polygon(unit, strip))
    draft.found("GEO009", role, unit, what=f"the {role.title[:-1]} is a strip of 300 m by 8 m")
    if role is Role.OUTLINE:
        draft.found("GEO014", role, unit)


def _spike(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = draft.place(unit, SMALL_M2).copy()
    tip = len(ring) // 4
    base = float(np.hypot(*(ring[tip + 1] - ring[tip - 1])))
    reach = float(np.hypot(*ring[tip]))
    ring[tip] *= 1.0 + 10.0 * base / reach  # an angle of about 2 atan(1/20), 6 degrees
    draft.reshape(Role.OUTLINE, unit, draft.polygon(unit, ring))
    draft.found("GEO010", Role.OUTLINE, unit, what=f"a vertex was pulled out by {10.0 * base:.0f} m")


def _repeated_vertex(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = shapely.get_coordinates(draft.shape(Role.OUTLINE, unit))
    draft.reshape(Role.OUTLINE, unit, shapely.Polygon(np.insert(ring, 20, ring[20], axis=0)))
    draft.found("GEO011", Role.OUTLINE, unit, what="vertex 21 is there twice")


def _coarse(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = scaled(draft.ring(unit), LARGE_M2)
    six = ring[np.arange(6) * len(ring) // 6]
    role = Role.MOVING_AREA if draft.has_restricted else Role.OUTLINE
    draft.reshape(role, unit, draft.polygon(unit, six))
    draft.found("GEO012", role, unit, what=f"the {role.title[:-1]} has 6 vertices")


def _dense(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.place(unit, SMALL_M2)
    outline = shapely.segmentize(draft.shape(Role.OUTLINE, unit), 3e-6)
    draft.reshape(Role.OUTLINE, unit, outline)
    count = shapely.get_num_coordinates(outline)
    draft.found("GEO013", Role.OUTLINE, unit, what=f"the outline has {count} vertices, some 0.3 m apart")


def _small(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.place(unit, BELOW_MINIMUM_M2)
    draft.found("GEO014", Role.OUTLINE, unit, what="the unit has 0.006 km²")


def _overlap(draft: Draft, units: Units, number: int) -> None:
    """A neighbour to the east that is pushed across the border, but not as far as the restricted outlines."""
    first, second = units
    shape = draft.place(first, SMALL_M2)
    steps = np.arange(STEP_M, 2.0 * float(np.hypot(*shape.T).max()), STEP_M)
    outline = shapely.Polygon(shape)
    moved = shapely.polygons(shape[None] + np.column_stack([steps, np.zeros_like(steps)])[:, None])
    areas = shapely.area(shapely.intersection(outline, moved))
    apart = float(steps[np.flatnonzero(areas >= OVERLAP_M2)[-1]])
    draft.place(second, SMALL_M2, at=draft.beside(first, apart, 0.0), like=first)
    draft.found("GEO015", Role.OUTLINE, first, what="the outline overlaps that of a neighbour", other=second)


def _contained(draft: Draft, units: Units, number: int) -> None:
    outer, inner = units
    draft.place(outer, LARGE_M2)
    draft.place(inner, SMALL_M2, at=_towards_front(draft, outer), like=outer)
    for inside, around in zip(draft.outlines(inner), draft.outlines(outer), strict=True):
        draft.found(
            "GEO016", Role.OUTLINE, inside, what="the outline lies within that of another unit", other=around
        )
    if draft.has_restricted:  # moving areas of different classes may overlap
        velocity = str(draft.get(Role.MOVING_AREA, outer, "velocity_class"))
        draft.set(Role.MOVING_AREA, inner, velocity_class="4" if velocity != "4" else "5")


def _rounded(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = scaled(draft.ring(unit), 1.5 * LARGE_M2)[::3]
    role = Role.MOVING_AREA if draft.has_restricted else Role.OUTLINE
    coords = shapely.get_coordinates(draft.polygon(unit, ring))
    draft.reshape(role, unit, shapely.Polygon(np.round(coords, 4)))
    draft.found("GEO017", role, unit, what="coordinates are rounded to four decimals")


def _infinite(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = shapely.get_coordinates(draft.shape(Role.OUTLINE, unit))
    ring[10] = np.inf
    draft.reshape(Role.OUTLINE, unit, shapely.Polygon(ring))
    draft.found("GEO019", Role.OUTLINE, unit, what="a vertex is at infinity")


def _with_hole(draft: Draft, unit: int, ring: np.ndarray, hole: np.ndarray) -> shapely.Polygon:
    """A polygon with a hole; both rings counter-clockwise, in metres from the marker."""
    inner = draft.polygon(unit, hole).exterior.coords[::-1]
    return shapely.Polygon(draft.polygon(unit, ring).exterior, [inner])


def _towards_front(draft: Draft, unit: int) -> tuple[float, float]:
    """A place beside the marker, in the direction of the farthest vertex: inside the outline."""
    ring = draft.ring(unit)
    reach = np.hypot(*ring.T)
    return draft.beside(unit, *(MARKERS_APART_M * ring[reach.argmax()] / reach.max()))


PLANTERS = (
    Planter("GEO001", _null),
    Planter("GEO002", _empty),
    Planter("GEO003", _figure_eight),
    Planter("GEO004", _touching_hole),
    Planter("GEO005", _duplicate, units=2),
    Planter("GEO006", _with_heights),
    Planter("GEO007", _crumb),
    Planter("GEO008", _hole),
    Planter("GEO009", _sliver),
    Planter("GEO010", _spike),
    Planter("GEO011", _repeated_vertex),
    Planter("GEO012", _coarse, schemas=("tprogi",)),
    Planter("GEO013", _dense, schemas=("tprogi",)),
    Planter("GEO014", _small),
    Planter("GEO015", _overlap, units=2),
    Planter("GEO016", _contained, units=2),
    Planter("GEO017", _rounded),
    Planter("GEO019", _infinite),
)
