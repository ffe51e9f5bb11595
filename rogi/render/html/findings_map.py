"""The map of a validation report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.render.html.maps import Geometries, Ints, MapLayer, Scheme, Shape, Style, drawable, map_view
from rogi.render.records import Record, failed, plural, printable
from rogi.rules.rule import Severity
from rogi.schema.model import Role
from rogi.validation.report import Report

if TYPE_CHECKING:
    from rogi.inventory.model import Layer

RULE_COLORS = 8
"""Rules with a colour of their own on the map; the rest share one."""
CONTEXT_CELLS = 1200
"""The whole inventory is drawn as dots on a grid of this many cells across."""


def findings_map(report: Report, found: Sequence[Record], *, name: str, table_name: str) -> str:
    """The findings where they are, over the units concerned and the inventory as a whole.

    Parameters
    ----------
    found
        All findings of the report; the rows of the table ``table_name`` are these.

    Returns
    -------
    str
        HTML for a section of a page.
    """
    geometry = np.empty(len(found), dtype=object)
    geometry[:] = report.findings["geometry"].to_list()
    placed = drawable(geometry)
    context, units = _surroundings(report, found)
    layers = []
    if len(context):
        layers.append(
            MapLayer(
                "All features",
                context,
                [Scheme("", [Style("", "context")])],
                interactive=False,
            )
        )
    if len(units[0]):
        layers.append(
            MapLayer(
                "Outlines of the units concerned",
                units[0],
                [Scheme("", [Style("", "neutral", fill=False, width=1)])],
                labels=units[1],
            )
        )
    layers.append(_findings_layer(report, found, geometry, placed))
    missing = int((~placed).sum())
    note = (
        "<p>Click a feature to see its findings; the filters of the table below apply here too. "
        "Outlines are simplified.</p>"
    )
    if missing:
        verb = "has" if missing == 1 else "have"
        note += f"<p>{plural(missing, 'finding')} {verb} no place on the map: about a whole layer, "
        note += "or without usable coordinates.</p>"
    return note + map_view(name, layers, title="Map of the findings", table_name=table_name)


def _findings_layer(
    report: Report,
    found: Sequence[Record],
    geometry: Geometries,
    placed: NDArray[np.bool_],
) -> MapLayer:
    """Places of the findings: those at one geometry are one feature."""
    features: dict[int, list[int]] = {}
    for index in np.flatnonzero(placed).tolist():
        features.setdefault(id(geometry[index]), []).append(index)
    rows = list(features.values())
    shapes = np.empty(len(rows), dtype=object)
    shapes[:] = [geometry[indices[0]] for indices in rows]
    labels = [printable(found[indices[0]].subject) for indices in rows]
    severities = Scheme(
        "severity",
        [
            Style("error", "error", Shape.SQUARE),
            Style("warning", "warning", Shape.TRIANGLE),
            Style("note", "info", Shape.CIRCLE),
        ],
        column="Severity",
        values=[s.value for s in Severity],
    )
    common = sorted(failed(report), key=lambda o: (-o.findings, o.code))[:RULE_COLORS]
    styles = [Style(f"{o.code} {o.name}", f"c{k}", list(Shape)[k % len(Shape)]) for k, o in enumerate(common)]
    by_rule = Scheme(
        "rule",
        [*styles, Style("other rules", "c8")],
        column="Rule",
        values=[o.code for o in common],
    )
    return MapLayer("Findings", shapes, [severities, by_rule], labels=labels, rows=rows)


def _surroundings(report: Report, found: Sequence[Record]) -> tuple[Geometries, tuple[Geometries, list[str]]]:
    """Dots where the inventory is, and outlines of units whose findings lie elsewhere than on them."""
    none = np.empty(0, dtype=object)
    if report.inventory is None:
        return none, (none, [])
    dots, outlines, labels = [none], [none], list[str]()
    for layer in report.inventory.layers:
        if layer.crs is None or layer.role is Role.AREA_OF_INTEREST:
            continue
        if layer.role in (Role.OUTLINE, Role.MARKER):
            dots.append(_dots(layer))
        positions, names = _concerned(layer, found)
        shapes = _lonlat(layer, layer.geometry[positions])
        area = shapely.get_dimensions(shapes) == 2
        outlines.append(shapes[area])
        labels += [names[i] for i in np.flatnonzero(area)]
    return np.concatenate(dots), (np.concatenate(outlines), labels)


def _concerned(layer: Layer, found: Sequence[Record]) -> tuple[Ints, list[str]]:
    """Positions and names of a layer's features that findings speak of."""
    names: dict[int, str] = {}
    for r in found:
        if r.layer == layer.role.value and r.row:
            names.setdefault(r.row, r.subject)
        if r.other_layer == layer.role.value and r.other_row:
            names.setdefault(r.other_row, r.other_subject)
    positions = np.flatnonzero(np.isin(layer.rows, np.fromiter(names, dtype=np.int64, count=len(names))))
    return positions, [printable(names[int(row)]) for row in layer.rows[positions]]


def _dots(layer: Layer) -> Geometries:
    """The layer's features as points on a coarse grid, each cell once."""
    bounds = shapely.bounds(layer.geometry)
    centres = np.column_stack([bounds[:, [0, 2]].mean(axis=1), bounds[:, [1, 3]].mean(axis=1)])
    points = shapely.points(centres[np.isfinite(centres).all(axis=1)])
    points = _lonlat(layer, points)
    points = points[drawable(points)]
    if not len(points):
        return points
    places = shapely.get_coordinates(points)
    step = max(float(np.ptp(places, axis=0).max()) / CONTEXT_CELLS, 1e-5)
    return np.asarray(shapely.points(np.unique(np.rint(places / step), axis=0) * step))


def _lonlat(layer: Layer, geometries: Geometries) -> Geometries:
    from rogi.geometry import to_lonlat

    if not len(geometries):
        return geometries
    finite = np.isfinite(shapely.bounds(geometries)).all(axis=1)
    out = np.full(len(geometries), None, dtype=object)
    out[finite] = to_lonlat(geometries[finite], layer.crs)
    return out
