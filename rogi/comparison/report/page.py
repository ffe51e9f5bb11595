"""What the page of a comparison shows beside its tables: figures, maps, clusters, pictures of the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from rogi.comparison.crosswalk import LEAST_CHANGE_M2
from rogi.comparison.exercise import consensus_layer, vote_layer
from rogi.comparison.matching.graph import MATCH_TYPES, MatchType
from rogi.comparison.matching.sides import Side
from rogi.comparison.report.clusters import Clusters, cluster_columns, clusters_of, pictures
from rogi.geometry import Geometries, Ints
from rogi.report.document import Page
from rogi.report.html.figures import bars, histogram, round_top
from rogi.report.html.maps import (
    VERTEX_BUDGET,
    Cut,
    MapLayer,
    Scheme,
    Shape,
    Style,
    map_bounds,
    map_view,
    with_points,
)
from rogi.report.html.shell import Section
from rogi.report.html.tables import Column, table
from rogi.report.tables import number, short_names
from rogi.text import printable

if TYPE_CHECKING:
    from rogi.comparison.exercise import OperatorComparison
    from rogi.comparison.inventories import InventoryComparison
    from rogi.comparison.outcome import Outcome

TABLE, MAP = "clusters-table", "comparison-map"
SIDE_BY_SIDE = 20_000
"""Objects up to which the two maps side by side are made: they hold all outlines a second time."""
VERTICES_EACH = 16
LARGEST_BUDGET = 700_000
"""Vertices of outlines on the map: so many for each of a side, and at most of all, about 3 MB of page."""
MOSTLY = 0.5
"""Share of an outline from which a gain or loss is seen as a dot where outlines are too small to be drawn."""
TYPE_COLORS = {
    MatchType.ONE_TO_ONE: "c2",
    MatchType.SPLIT: "c4",
    MatchType.MERGE: "c5",
    MatchType.COMPLEX: "c3",
    MatchType.ONLY_A: "c0",
    MatchType.ONLY_B: "c1",
}


def page(outcome: Outcome) -> Page:
    """What the page shows beside the tables."""
    sections = []
    result = outcome.inventories
    if result is not None and result.sections:
        clusters = clusters_of(result)
        sections = [
            Section("figures", "Figures", _figures(result)),
            Section("map", "Map", _map(result, clusters)),
            Section("clusters", "Clusters", _clusters(result, clusters)),
        ]
    if outcome.operators is not None and outcome.operators.sections:
        sections.append(Section("map", "Map", _operator_map(outcome.operators)))
    sides = [] if result is None else [result.a, result.b]
    if outcome.operators is not None:
        sides = list(outcome.operators.sides)
    return Page(
        _names(outcome),
        _cards(outcome),
        sections,
        front=("What was compared",),
        bounds=map_bounds(*(side.geometries for side in sides)),
    )


def _names(outcome: Outcome) -> str:
    if outcome.inventories is not None:
        a, b = outcome.inventories.a, outcome.inventories.b
        where = f" in {outcome.inventories.region}" if outcome.inventories.region else ""
        return f"A (reference): {a.name} · B: {b.name}{where}"
    if outcome.operators is not None:
        return " · ".join(s.name for s in outcome.operators.sides)
    return "published and computed counts"


def _cards(outcome: Outcome) -> list[tuple[str, str]]:
    cards: list[tuple[str, str]] = []
    if outcome.inventories is not None and outcome.inventories.sections:
        section = outcome.inventories.sections[0]
        c = section.comparison
        cards = [(f"{len(section.rows_a):,}", f"{section.title} in A"), (f"{len(section.rows_b):,}", "in B")]
        if c.area is not None and c.panoptic is not None:
            cards += [
                (number(c.area.f1.value), "F1 by area"),
                (number(c.area.precision.value), "precision by area"),
                (number(c.area.recall.value), "recall by area"),
                (number(c.area.iou.value), "IoU by area"),
                (number(c.panoptic.panoptic_quality), "panoptic quality"),
            ]
        else:
            cards += [(number(c.found_a.value), "of A have a match"), (number(c.found_b.value), "of B")]
    elif outcome.operators is not None and outcome.operators.sections:
        first = outcome.operators.sections[0]
        cards = [
            (str(len(outcome.operators.sides)), "operators"),
            (f"{first.found.mapped.shape[1]:,}", "landforms"),
            (f"{int((first.found.votes == len(outcome.operators.sides)).sum()):,}", "mapped by all"),
            (number(first.alpha.value), "alpha of detection"),
        ]
    return cards


def _figures(result: InventoryComparison) -> str:
    figures = []
    for section in result.sections:
        c = section.comparison
        counts = c.graph.type_counts()
        title = f"{section.title}: clusters"
        figures.append(
            bars(
                title,
                [kind.value for kind in MATCH_TYPES],
                [float(counts[k]) for k in MATCH_TYPES],
                axis="clusters",
            )
        )
        if c.boundaries is None or not c.assigned.any():
            continue
        figures.append(
            histogram(
                f"{section.title}: IoU of the assigned pairs",
                c.graph.iou[c.assigned],
                np.linspace(0, 1, 21),
                axis="intersection over union",
            )
        )
        mean = c.boundaries.mean[c.assigned]
        limit = round_top([float(np.quantile(mean, 0.98))])
        figures.append(
            histogram(
                f"{section.title}: mean boundary distance of the assigned pairs",
                np.minimum(mean, limit),
                np.linspace(0, limit, 21),
                axis="m (the last bar holds all larger ones)",
            )
        )
        labels = [
            f"{s.lower_km2:g}-{s.upper_km2:g}" if np.isfinite(s.upper_km2) else f"≥{s.lower_km2:g}"
            for s in c.sizes
        ]
        figures.append(
            bars(
                f"{section.title}: share with a match, by size in km²",
                labels,
                [s.found_a.value for s in c.sizes],
                second=[s.found_b.value for s in c.sizes],
                axis="share",
                most=1.0,
            )
        )
    return f'<div class="figures">{"".join(figures)}</div>'


def _map(result: InventoryComparison, clusters: Clusters) -> str:
    objects = len(result.a) + len(result.b)
    left_out = []
    difference = 1 - np.nan_to_num(np.array(clusters.iou, dtype=float))
    drawn: list[Geometries] = []
    most_points = 0
    for mark, side, rows in (("A", result.a, clusters.rows_a), ("B", result.b, clusters.rows_b)):
        shapes = with_points(side.geometries, -difference[rows]) if len(rows) else side.geometries
        points = int((shapely.get_type_id(shapes) == shapely.GeometryType.POINT).sum())
        if side.outlines and points:
            most_points = max(most_points, points)
            left_out.append(
                f"Of {mark} the {len(side) - points:,} outlines that differ most are drawn, the other "
                f"{points:,} as points, without what changed in them."
            )
        drawn.append(shapes)
    layers = _change_layers(result, drawn)
    text = "<p>Both inventories. The filters of the table of clusters apply here too.</p>"
    if layers:
        text += (
            "<p>Gains and losses can be switched on in the legend: what one inventory has outside the "
            "outlines of the other, or a dot where outlines are small and at least half of one changed. "
            "Where the map simplifies outlines, the legend says from what distance outside changes are "
            "drawn.</p>"
        )
    first = len(layers)
    for title, side, shapes, rows, color in (
        ("A, reference", result.a, drawn[0], clusters.rows_a, "first"),
        ("B", result.b, drawn[1], clusters.rows_b, "second"),
    ):
        layers.append(_side_layer(title, side, shapes, rows, clusters, color))
    if left_out:
        text += f"<p>{' '.join(left_out)} The numbers count everything.</p>"
    budget = max(VERTEX_BUDGET, min(VERTICES_EACH * max(len(result.a), len(result.b)), LARGEST_BUDGET))
    budget += most_points
    shown = text + map_view(MAP, layers, title="Both inventories", table_name=TABLE, vertex_budget=budget)
    if objects > SIDE_BY_SIDE:
        return shown + f"<p>Maps side by side are made up to {SIDE_BY_SIDE:,} objects.</p>"
    names = short_names([result.a, result.b])
    both = "".join(
        map_view(
            f"{MAP}-{mark}",
            [_typed_layer(f"{mark}: {name}", layers[index], index)],
            title=f"Inventory {mark}",
            table_name=TABLE,
            group="sides",
        )
        for mark, name, index in (("A", names[0], first), ("B", names[1], first + 1))
    )
    return shown + f'<h3>Side by side, coloured by type of cluster</h3><div class="maps">{both}</div>'


def _change_layers(result: InventoryComparison, drawn: Sequence[Geometries]) -> list[MapLayer]:
    """What each side has outside the other, cut on the page out of the layers of both, which come next."""
    shares = _changed(result)
    chosen = [
        (title, column, color, side, int((shares[side] > 0).sum()))
        for title, column, color, side in (
            ("Losses: in A only", "A", "first", 0),
            ("Gains: in B only", "B", "second", 1),
        )
        if shares[side].any()
    ]
    _leave_out_points(result, drawn, shares)
    first = len(chosen)
    return [
        MapLayer(
            title,
            drawn[side],
            [Scheme("inventory", [Style("", color)])],
            named=(f"{title}, ", column),
            visible=False,
            count=count,
            shared=(MAP, first + side),
            cut=Cut(first + 1 - side, shares[side], "Class"),
        )
        for title, column, color, side, count in chosen
    ]


def _changed(result: InventoryComparison) -> tuple[Ints, Ints]:
    """How much of each object of A and B the other side does not cover: 0 nothing, 1 some, 2 most of it."""
    shares = np.zeros(len(result.a), np.int64), np.zeros(len(result.b), np.int64)
    for section in result.sections:
        graph, parts = section.comparison.graph, section.comparison.parts
        if parts is None:
            continue
        for share, rows, area, covered in (
            (shares[0], section.rows_a, graph.area_a, parts.covered_a),
            (shares[1], section.rows_b, graph.area_b, parts.covered_b),
        ):
            left = area - covered
            share[rows] = (left >= LEAST_CHANGE_M2) * (1 + (left >= MOSTLY * area))
    return shares


def _leave_out_points(
    result: InventoryComparison, drawn: Sequence[Geometries], shares: tuple[Ints, Ints]
) -> None:
    """No change of an object that is drawn as a point, nor of one that overlaps such an object."""
    points = [shapely.get_type_id(shapes) == shapely.GeometryType.POINT for shapes in drawn]
    for section in result.sections:
        graph = section.comparison.graph
        a, b = section.rows_a[graph.a], section.rows_b[graph.b]
        shares[0][a[points[1][b]]] = 0
        shares[1][b[points[0][a]]] = 0
    for share, point in zip(shares, points, strict=True):
        share[point] = 0


def _labels(names: Sequence[str], rows: Sequence[int], ids: Sequence[str]) -> list[str | None]:
    """None where the table of clusters has the name."""
    return [None if name == ids[row] else name for name, row in zip(names, rows, strict=True)]


def _side_layer(
    title: str, side: Side, shapes: Geometries, rows: Sequence[int], clusters: Clusters, color: str
) -> MapLayer:
    first = color == "first"
    shape = Shape.CIRCLE if first else Shape.SQUARE
    ids = clusters.ids_a if first else clusters.ids_b
    return MapLayer(
        title,
        shapes,
        [Scheme("inventory", [Style("", color, shape, fill=not side.outlines, dash=not first)])],
        labels=_labels([printable(i) for i in side.ids.tolist()], rows, ids),
        rows=np.asarray(rows, np.int64),
        named=(f"{title}: ", "A" if first else "B"),
    )


def _typed_layer(title: str, overlaid: MapLayer, index: int) -> MapLayer:
    """A layer of the map of both inventories again, coloured by type."""
    scheme = Scheme(
        "type",
        [Style(k.value, TYPE_COLORS[k]) for k in MATCH_TYPES],
        column="Type",
        values=[k.value for k in MATCH_TYPES],
    )
    assert overlaid.named is not None
    return replace(
        overlaid, title=title, schemes=[scheme], named=("", overlaid.named[1]), shared=(MAP, index)
    )


def _clusters(result: InventoryComparison, clusters: Clusters) -> str:
    columns = [
        *cluster_columns(clusters),
        Column("Class", clusters.title, filter=len(result.sections) > 1, detail=len(result.sections) == 1),
    ]
    drawn = pictures(result, clusters)
    return (
        (f"<h3>Worst cases</h3>{drawn}" if drawn else "")
        + "<h3>All clusters, the least similar first</h3>"
        + table(TABLE, columns, noun="clusters", label=["Type", "A", "B"], map_name=MAP)
    )


def _operator_map(result: OperatorComparison) -> str:
    layers: list[MapLayer] = []
    k = len(result.sides)
    names = short_names(result.sides)
    faces = vote_layer(result)
    if len(faces):
        votes = faces["votes"].to_numpy()
        layers.append(
            MapLayer(
                "Votes",
                np.asarray(faces.geometry.array, dtype=object),
                [
                    Scheme(
                        "votes",
                        [Style(f"{n} of {k}", f"c{(k - n) % 9}", width=0.5) for n in range(k, 0, -1)],
                        k - votes,
                    )
                ],
                labels=[f"{n} of {k} operators" for n in votes.tolist()],
            )
        )
    for number_, side in enumerate(result.sides):
        layers.append(
            MapLayer(
                f"{number_ + 1}: {names[number_]}",
                side.geometries,
                [Scheme("operator", [Style("", f"c{number_ % 9}", fill=not side.outlines)])],
                labels=[f"{names[number_]}: {printable(i)}" for i in side.ids.tolist()],
                visible=not len(faces),
            )
        )
    agreed = consensus_layer(result)
    if len(agreed):
        layers.append(
            MapLayer(
                f"Consensus of {result.min_votes} or more",
                np.asarray(agreed.geometry.array, dtype=object),
                [Scheme("consensus", [Style("", "neutral", fill=False, width=2)])],
                labels=[
                    f"landform {n}: consensus, {a / 1e6:.4f} km²"
                    for n, a in zip(agreed["landform"].tolist(), agreed["area_m2"].tolist(), strict=True)
                ],
            )
        )
    return map_view(MAP, layers, title="Operators, votes and consensus")
