"""The map of a validation report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.geometry import to_lonlat
from rogi.report.html.maps import (
    STEP,
    Geometries,
    Ints,
    MapLayer,
    Scheme,
    Shape,
    Style,
    drawable,
    map_view,
    scattered,
)
from rogi.report.validation.records import Record, failures
from rogi.rules.rule import Severity
from rogi.schema.model import Role
from rogi.text import counted, printable
from rogi.validation.report import Report

if TYPE_CHECKING:
    from rogi.inventory.model import Layer

BACKGROUND = (Role.OUTLINE, Role.MARKER)
RULE_COLORS = 8
"""Rules with a colour of their own on the map; the rest share one."""
Box = tuple[float, float, float, float]
Concerned = tuple[str, list[Box], list[int]]
"""A feature's name, the places of its findings, and their rows, those where it is the other feature too."""


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
    context, resolution, units = _surroundings(report, found)
    layers = []
    if len(context):
        layers.append(
            MapLayer(
                "All outlines and markers",
                context,
                [Scheme("", [Style("", "context")])],
                interactive=False,
                resolution=resolution,
                count=sum(x.features for x in report.summary.layers if x.role in BACKGROUND),
            )
        )
    if len(units[0]):
        layers.append(
            MapLayer(
                "Outlines of the units concerned",
                units[0],
                [Scheme("", [Style("", "neutral", fill=False, width=1)])],
                labels=units[1],
                rows=units[2],
            )
        )
    layers.append(_findings_layer(report, found, geometry, placed))
    missing = int((~placed).sum())
    note = "Click a feature to see its findings. The filters of the table below apply here too."
    if missing:
        verb = "has" if missing == 1 else "have"
        note += f" {counted(missing, 'finding')} {verb} no place on the map: about a whole layer, or without "
        note += "usable coordinates."
    return f"<p>{note}</p>" + map_view(name, layers, title="Map of the findings", table_name=table_name)


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
            Style("info", "info", Shape.CIRCLE),
        ],
        column="Severity",
        values=[s.value for s in Severity],
    )
    outcomes = [failure.outcome for failure in failures(report)]
    common = sorted(outcomes, key=lambda o: (-o.findings, o.code))[:RULE_COLORS]
    styles = [Style(f"{o.code} {o.name}", f"c{k}", list(Shape)[k % len(Shape)]) for k, o in enumerate(common)]
    by_rule = Scheme(
        "rule",
        [*styles, Style("other rules", "c8")],
        column="Rule",
        values=[o.code for o in common],
    )
    return MapLayer("Findings", shapes, [severities, by_rule], labels=labels, rows=rows)


def _surroundings(
    report: Report, found: Sequence[Record]
) -> tuple[Geometries, float, tuple[Geometries, list[str], list[list[int]]]]:
    """Dots where the inventory is, their spacing, and outlines of units whose findings lie elsewhere."""
    none = np.empty(0, dtype=object)
    dots, outlines, spacing = [none], [none], 0.0
    labels: list[str] = []
    rows: list[list[int]] = []
    for layer in report.inventory.layers if report.inventory is not None else ():
        if layer.crs is None or layer.role is Role.AREA_OF_INTEREST:
            continue
        if layer.role in BACKGROUND:
            points, step = _dots(layer)
            dots.append(points)
            spacing = max(spacing, step)
        positions, names = _concerned(layer, found)
        shapes = _lonlat(layer, layer.geometry[positions])
        bounds = shapely.bounds(shapes).tolist()
        for position in np.flatnonzero(shapely.get_dimensions(shapes) == 2).tolist():
            name, boxes, indices = names[position]
            pair = any(found[index].other_row for index in indices)
            if pair or not any(_same(bounds[position], box) for box in boxes):
                outlines.append(shapes[position : position + 1])
                labels.append(printable(name))
                rows.append(indices)
    return np.concatenate(dots), spacing, (np.concatenate(outlines), labels, rows)


def _concerned(layer: Layer, found: Sequence[Record]) -> tuple[Ints, list[Concerned]]:
    """Positions of a layer's features that findings speak of, and what is said of each."""
    role = layer.role.value
    names: dict[tuple[str, int], Concerned] = {}
    for index, r in enumerate(found):
        if r.layer == role and r.row:
            _, boxes, indices = names.setdefault((r.file, r.row), (r.subject, [], []))
            if r.box is not None and r.box not in boxes:
                boxes.append(r.box)
            indices.append(index)
        if r.other_layer == role and r.other_row:
            names.setdefault((r.other_file, r.other_row), (r.other_subject, [], []))[2].append(index)
    rows = np.array([row for _, row in names], dtype=np.int64)
    files = layer.files
    there = [
        (position, names[key])
        for position in np.flatnonzero(np.isin(layer.rows, rows)).tolist()
        if (key := (files[position], int(layer.rows[position]))) in names
    ]
    return np.array([position for position, _ in there], dtype=np.intp), [name for _, name in there]


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(a - b) <= STEP for a, b in zip(one, other, strict=True))


def _dots(layer: Layer) -> tuple[Geometries, float]:
    """The layer's features as points on a coarse grid, each cell once, and the grid's spacing in degrees."""
    bounds = shapely.bounds(layer.geometry)
    centres = np.column_stack([bounds[:, [0, 2]].mean(axis=1), bounds[:, [1, 3]].mean(axis=1)])
    points = shapely.points(centres[np.isfinite(centres).all(axis=1)])
    points = _lonlat(layer, points)
    return scattered(points[drawable(points)])


def _lonlat(layer: Layer, geometries: Geometries) -> Geometries:
    if not len(geometries):
        return geometries
    finite = np.isfinite(shapely.bounds(geometries)).all(axis=1)
    out = np.full(len(geometries), None, dtype=object)
    out[finite] = to_lonlat(geometries[finite], layer.crs)
    return out
