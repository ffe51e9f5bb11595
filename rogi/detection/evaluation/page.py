"""What the page of an evaluation shows beside its tables: curves, a map, all candidates and true outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rogi.comparison.report.clusters import cluster_columns, clusters_of, pictures
from rogi.detection.evaluation.curves import Calibration
from rogi.detection.evaluation.tables import CONFIDENCE, GROUND, PIXELS, points
from rogi.detection.evaluation.tables import TABLE as TABLE_BY_AREA
from rogi.report.document import Page
from rogi.report.html.figures import bars, curves, histogram
from rogi.report.html.maps import MapLayer, Scheme, Shape, Style, map_bounds, map_view
from rogi.report.html.shell import Section
from rogi.report.html.tables import table
from rogi.report.tables import number
from rogi.text import printable

if TYPE_CHECKING:
    from rogi.detection.evaluation.scores import Evaluation

TABLE, MAP = "clusters-table", "candidates-map"


def page(result: Evaluation) -> Page:
    """What the page shows beside the tables."""
    a, b = result.comparison.a, result.comparison.b
    where = f" in {result.comparison.region}" if result.comparison.region else ""
    sections = [Section("figures", "Figures", _figures(result))]
    if len(a) or len(b):
        sections += _map_and_clusters(result)
    lead = f"Candidates (B): {b.name} · truth (A): {a.name}{where}"
    sides = (result.comparison.a.geometries, result.comparison.b.geometries)
    return Page(lead, _cards(result), sections, front=(TABLE_BY_AREA, GROUND), bounds=map_bounds(*sides))


def _cards(result: Evaluation) -> list[tuple[str, str]]:
    area, panoptic = result.table[-1].area, result.outcome.panoptic
    cards = [
        (f"{result.table[-1].candidates:,}", "candidates"),
        (f"{result.table[-1].truth:,}", "true outlines"),
        (number(area.f1.value), "F1 by area"),
        (number(area.precision.value), "precision by area"),
        (number(area.recall.value), "recall by area"),
    ]
    if panoptic is not None:
        cards.append((number(panoptic.f1.value), f"F1 of objects at IoU {panoptic.threshold:g}"))
    if result.confidence is not None:
        c = result.confidence
        cards.append((number(c.objects[c.iou].average_precision.value), "average precision"))
        cards.append((number(c.calibration.error.value), "calibration error"))
    return cards


def _figures(result: Evaluation) -> str:
    figures = []
    if result.confidence is not None:
        c = result.confidence
        first = c.objects[c.iou]
        figures.append(
            curves(
                "Precision and recall over the confidence",
                [(f"objects at IoU {c.iou:g}", *points(first)), ("area", *points(c.area))],
                across="recall",
                up="precision",
            )
        )
        figures.append(_reliability(f"{CONFIDENCE}: calibration", c.calibration, "confidence"))
        figures.append(
            curves(
                "F1 when candidates below a confidence are dropped",
                [
                    (f"objects at IoU {c.iou:g}", first.threshold[::-1], first.f1[::-1]),
                    ("area", c.area.threshold[::-1], c.area.f1[::-1]),
                ],
                across="confidence",
                up="F1",
            )
        )
    if result.pixels is not None:
        p = result.pixels
        figures.append(
            curves(
                f"{PIXELS}: precision and recall",
                [("pixels", *points(p.curve))],
                across="recall",
                up="precision",
            )
        )
        figures.append(_reliability(f"{PIXELS}: calibration", p.calibration, "probability"))
        figures.append(
            curves(
                f"{PIXELS}: F1 over the threshold",
                [("pixels", p.curve.threshold[::-1], p.curve.f1[::-1])],
                across="threshold",
                up="F1",
            )
        )
    outcome = result.outcome
    if outcome.assigned.any():
        figures.append(
            histogram(
                "IoU of the assigned pairs",
                outcome.graph.iou[outcome.assigned],
                np.linspace(0, 1, 21),
                axis="intersection over union",
            )
        )
    sizes = [s for s in outcome.sizes if s.found_a.total or s.found_b.total]
    if sizes:
        figures.append(
            bars(
                "Share with a match, by size in km² (A truth, B candidates)",
                [
                    f"{s.lower_km2:g}-{s.upper_km2:g}" if np.isfinite(s.upper_km2) else f"≥{s.lower_km2:g}"
                    for s in sizes
                ],
                [s.found_a.value for s in sizes],
                second=[s.found_b.value for s in sizes],
                axis="share",
                most=1.0,
            )
        )
    return f'<div class="figures">{"".join(figures)}</div>'


def _reliability(title: str, c: Calibration, what: str) -> str:
    return curves(
        title,
        [("share that is true", c.score, c.share)],
        across=what,
        up="share that is true",
        diagonal=True,
        points=True,
    )


def _map_and_clusters(result: Evaluation) -> list[Section]:
    compared = result.comparison
    clusters = clusters_of(compared)
    matched = np.zeros(len(compared.b), bool)
    c = result.outcome
    matched[result.section.rows_b[c.graph.b[c.assigned]]] = True
    layers = [
        MapLayer(
            "A, truth",
            compared.a.geometries,
            [Scheme("inventory", [Style("", "first")])],
            labels=[f"truth: {printable(i)}" for i in compared.a.ids.tolist()],
            rows=[[r] for r in clusters.rows_a],
        ),
        MapLayer(
            "B, candidates",
            compared.b.geometries,
            [
                Scheme(
                    "match",
                    [
                        Style("with a match", "second", Shape.SQUARE, dash=True),
                        Style("without", "error", Shape.SQUARE, dash=True),
                    ],
                    np.where(matched, 0, 1),
                )
            ],
            labels=[f"candidate: {printable(i)}" for i in compared.b.ids.tolist()],
            rows=[[r] for r in clusters.rows_b],
        ),
    ]
    columns = cluster_columns(clusters)
    drawn = pictures(compared, clusters)
    return [
        Section("map", "Map", map_view(MAP, layers, title="Truth and candidates", table_name=TABLE)),
        Section(
            "clusters",
            "Clusters",
            (f"<h3>Worst cases</h3>{drawn}" if drawn else "")
            + "<h3>All clusters, the least similar first</h3>"
            + table(TABLE, columns, noun="clusters", label=["Type", "A", "B"], map_name=MAP),
        ),
    ]
