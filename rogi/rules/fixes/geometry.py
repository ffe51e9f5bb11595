"""Geometries: validity, repeats, orientation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.rules.context import Context
from rogi.rules.fixes.edits import GeometryEdit, Removal
from rogi.rules.geometry._layers import POLYGONS
from rogi.rules.geometry.geo003_geometry_invalid import explain
from rogi.rules.geometry.geo005_duplicate_geometry import duplicates, find_duplicates
from rogi.rules.geometry.geo018_ring_orientation import formats_asked, from_formats
from rogi.rules.overlaps import polygonal
from rogi.rules.relations._links import unit_names
from rogi.schema.model import Role
from rogi.text import counted

Geometries = NDArray[np.object_]

# Part of the area of a polygon by which making it valid may change it.
MAXIMUM_AREA_CHANGE = 0.001


def valid_polygons(context: Context) -> Iterator[GeometryEdit]:
    """Invalid polygons made valid part by part, where that takes away no more than crumbs.

    A part that is valid stays as it is; of an invalid one what is left out by :func:`repaired` may have
    :data:`MAXIMUM_AREA_CHANGE` of its area, and is listed.
    """
    for need in POLYGONS:
        role, layer = need.role, context.inventory.layer(need.role)
        if layer is None:
            continue
        crs, geometry = context.crs(role), context.geometry(role)
        kinds = shapely.get_type_id(geometry)
        flat = (kinds == shapely.GeometryType.POLYGON) | (kinds == shapely.GeometryType.MULTIPOLYGON)
        rows = np.flatnonzero(context.placed(role) & ~context.valid(role) & flat)
        if crs is None or not len(rows):
            continue
        before = geometry[rows]
        results = [repaired(shape) for shape in before]
        made = np.array([result.geometry for result in results], dtype=object)
        there = np.array([result.good for result in results], dtype=bool) & shapely.is_valid(made)
        good = np.flatnonzero(there)
        if not len(good):
            continue
        reasons, _ = explain(before[good])
        new = area_m2(made[good], crs)
        words = []
        for reason, k, area in zip(reasons, good, new, strict=True):
            lost = [f"{a:.3g} m² removed" for a in area_m2(results[k].removed, crs) if a > 0]
            lost += [f"{n} removed" for n in results[k].collapsed]
            words.append((reason, ", ".join([f"valid, {area:.10g} m²", *lost])))
        yield GeometryEdit("made valid", "GEO003", role, rows[good], made[good], tuple(words))


@dataclass(frozen=True, slots=True, eq=False)
class Repaired:
    """A polygon made valid.

    Attributes
    ----------
    geometry
        The result.
    good
        Whether no more than :data:`MAXIMUM_AREA_CHANGE` of any part was gained or lost.
    removed
        Crumbs that were left out.
    collapsed
        Parts and rings without area that were left out, in words.
    """

    geometry: shapely.Geometry
    good: bool
    removed: list[shapely.Geometry]
    collapsed: list[str]


def repaired(geometry: shapely.Geometry) -> Repaired:
    """A polygon or multipolygon made valid, no more changed than the defect.

    Each invalid part is made valid by itself (GEOS, method ``structure``, which keeps what the shell encloses
    without the holes); parts that then overlap or touch along a line are joined, and lie nested in each other
    as they would be drawn. Crumbs that crossings leave, up to :data:`MAXIMUM_AREA_CHANGE` of their part, are
    dropped; a part that was valid never is.
    """
    removed: list[shapely.Geometry] = []
    collapsed: list[str] = []
    kept: list[shapely.Geometry] = []
    good = True
    for part in shapely.get_parts(geometry):
        if part.is_empty:
            continue
        if part.is_valid:
            kept.append(part)
            continue
        part, outside = _without_holes_outside(part)
        if outside:
            collapsed.append(f"{counted(outside, 'hole')} outside the outline")
        made = polygonal(shapely.make_valid(np.array([part]), method="structure", keep_collapsed=False))[0]
        pieces = shapely.get_parts(made)
        pieces = pieces[~shapely.is_empty(pieces)]
        if not len(pieces):
            collapsed.append("a part without area")
            continue
        holes = sum(shapely.area(shapely.Polygon(ring)) == 0 for ring in part.interiors)
        if holes:
            collapsed.append(f"{counted(holes, 'hole')} without area")
        areas = shapely.area(pieces)
        order = np.argsort(areas, kind="stable")
        crumbs = order[np.cumsum(areas[order]) / areas.sum() <= MAXIMUM_AREA_CHANGE]
        removed += list(pieces[crumbs])
        pieces = pieces[np.setdiff1d(np.arange(len(pieces)), crumbs)]
        # the signed area of the ring: what lies on the wrong side of a crossing is subtracted from it
        meant = _signed_area(part)
        good &= abs(float(shapely.area(pieces).sum()) - meant) <= MAXIMUM_AREA_CHANGE * meant
        kept += list(pieces)
    if not kept:
        return Repaired(geometry, False, removed, collapsed)
    whole = kept[0] if len(kept) == 1 else shapely.multipolygons(kept)
    if not whole.is_valid:  # parts overlap, or touch along a line
        joined = shapely.union_all(kept)
        own = float(shapely.area(kept).sum())
        good &= abs(own - joined.area) <= MAXIMUM_AREA_CHANGE * own
        whole = joined
    return Repaired(whole, good, removed, collapsed)


def _without_holes_outside(part: shapely.Polygon) -> tuple[shapely.Polygon, int]:
    """The polygon without holes that lie wholly outside its shell, and how many these were."""
    shell = shapely.Polygon(part.exterior)
    holes = [shapely.Polygon(ring) for ring in part.interiors]
    if not holes or not shell.is_valid:
        return part, 0
    inside = [
        h for h in holes if not h.is_valid or h.area == 0 or shapely.relate_pattern(shell, h, "T********")
    ]
    return shapely.Polygon(shell.exterior, [h.exterior for h in inside]), len(holes) - len(inside)


def _signed_area(part: shapely.Polygon) -> float:
    """Area as the shoelace formula gives it, holes subtracted."""
    shell = abs(float(_shoelace(part.exterior)))
    return shell - sum(abs(float(_shoelace(ring))) for ring in part.interiors)


def _shoelace(ring: shapely.LinearRing) -> float:
    x, y = (shapely.get_coordinates(ring) - shapely.get_coordinates(ring)[0]).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2.0)


def no_duplicates(context: Context) -> Iterator[Removal]:
    """Features removed that repeat an earlier one: same vertices, and same ID or none."""
    for role in (Role.MARKER, Role.OUTLINE, Role.MOVING_AREA):
        layer = context.inventory.layer(role)
        if layer is None:
            continue
        if role is Role.MARKER:
            at = np.flatnonzero(context.usable(role))
            same_kind = np.zeros(len(at), np.int64)
            later, first = find_duplicates(layer.geometry[at], same_kind, at, context.bounds(role)[at])
        else:
            later, first = duplicates(context, role)
        if layer.has("primary_id"):
            names = unit_names(context, role)
            same = np.array(
                [names[a] is None or names[a] == names[b] for a, b in zip(later, first, strict=True)],
                dtype=bool,
            )
            later = later[same]
        if len(later):
            yield Removal("repeated feature removed", "GEO005", role, np.sort(later))


def ring_orientation(context: Context) -> Iterator[GeometryEdit]:
    """Outer rings counter-clockwise, inner ones clockwise, in layers whose format asks for it."""
    for need in POLYGONS:
        role, layer = need.role, context.inventory.layer(need.role)
        if layer is None:
            continue
        asked = from_formats(layer, formats_asked(context))
        if not asked.any():
            continue
        rows = np.flatnonzero(context.vertices(role).misoriented & asked & ~context.state(role).swapped)
        if len(rows):
            after = oriented(layer.geometry[rows])
            words = (("clockwise", "counter-clockwise"),) * len(rows)
            yield GeometryEdit("ring orientation", "GEO018", role, rows, after, words)


def oriented(geometry: Geometries) -> Geometries:
    """Polygons with outer rings counter-clockwise and inner ones clockwise; the vertices stay (RFC 7946)."""
    return np.array([_oriented(g) for g in geometry], dtype=object)


def _oriented(geometry: shapely.Geometry) -> shapely.Geometry:
    if geometry.geom_type == "Polygon":
        if geometry.is_empty:
            return geometry
        shell = geometry.exterior if geometry.exterior.is_ccw else geometry.exterior.reverse()
        holes = [ring.reverse() if ring.is_ccw else ring for ring in geometry.interiors]
        return shapely.Polygon(shell, holes)
    parts = [_oriented(part) for part in getattr(geometry, "geoms", ())]
    return type(geometry)(parts) if parts else geometry
