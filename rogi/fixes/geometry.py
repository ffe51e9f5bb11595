"""Geometries: validity, repeats, orientation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.fixes.edits import GeometryEdit, Removal
from rogi.geometry import area_m2
from rogi.rules.context import Context
from rogi.rules.geometry._layers import POLYGONS
from rogi.rules.geometry.geo003_geometry_invalid import explain
from rogi.rules.geometry.geo005_duplicate_geometry import duplicates, find_duplicates
from rogi.rules.geometry.geo018_ring_orientation import formats_asked, from_formats
from rogi.rules.overlaps import polygonal
from rogi.rules.relations._links import unit_names
from rogi.schema.model import Role

Geometries = NDArray[np.object_]

# Part of the area by which making a polygon valid may change it.
MAXIMUM_AREA_CHANGE = 0.001


def valid_polygons(context: Context) -> Iterator[GeometryEdit]:
    """Invalid polygons made valid, where that hardly changes their area; crumbs it leaves are dropped."""
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
        made = polygonal(shapely.make_valid(before, method="structure", keep_collapsed=False))
        made = np.array([_without_crumbs(g) for g in made], dtype=object)
        old, new = area_m2(before, crs), area_m2(made, crs)
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.abs(new - old) / old
        good = (change <= MAXIMUM_AREA_CHANGE) & shapely.is_valid(made)
        reasons, _ = explain(before[good])
        words = tuple(
            (r, f"valid, area changed by {c:.2g}") for r, c in zip(reasons, change[good], strict=True)
        )
        if good.any():
            yield GeometryEdit("made valid", "GEO003", role, rows[good], made[good], words)


def _without_crumbs(geometry: shapely.Geometry) -> shapely.Geometry:
    """The parts that matter: the smallest are dropped as far as the change of area allows."""
    parts = shapely.get_parts(geometry)
    if len(parts) < 2:
        return parts[0] if len(parts) else geometry
    parts = parts[np.argsort(shapely.area(parts), kind="stable")]
    share = np.cumsum(shapely.area(parts)) / shapely.area(geometry)
    kept = parts[share > MAXIMUM_AREA_CHANGE]
    return kept[0] if len(kept) == 1 else shapely.multipolygons(kept)


def no_duplicates(context: Context) -> Iterator[Removal]:
    """Features removed that repeat an earlier one: same vertices, and same ID or none."""
    for role in (Role.MARKER, Role.OUTLINE, Role.MOVING_AREA):
        layer = context.inventory.layer(role)
        if layer is None:
            continue
        if role is Role.MARKER:
            at = np.flatnonzero(context.usable(role))
            later, first = find_duplicates(layer.geometry[at], np.zeros(len(at), np.int64), at)
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
        rows = np.flatnonzero(context.vertices(role).misoriented & asked)
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
