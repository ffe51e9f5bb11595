"""The HTML report of an evaluation: numbers, curves, a map, and all candidates and true outlines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from rogi import __version__
from rogi.comparison.matching.graph import MATCH_TYPES
from rogi.comparison.metrics import Checked
from rogi.comparison.report.clusters import clusters_of, pictures
from rogi.comparison.report.page import TYPE_TONES, report_table
from rogi.detection.evaluation.curves import Calibration
from rogi.detection.evaluation.tables import CONFIDENCE, PIXELS, headline, points, remarks, tables
from rogi.report.html.figures import bars, curves, histogram
from rogi.report.html.maps import MapLayer, Scheme, Shape, Style, map_view
from rogi.report.html.shell import Section, page
from rogi.report.html.tables import Column, Kind, badge, table
from rogi.report.tables import number
from rogi.text import html as escape
from rogi.text import printable

if TYPE_CHECKING:
    from rogi.detection.evaluation.scores import Evaluation

TABLE, MAP = "clusters-table", "candidates-map"
FRONT = ("Agreement by area", "Ground that counts")


def evaluation_page(result: Evaluation, checks: Sequence[Checked] = ()) -> str:
    """The evaluation as one self-contained HTML document; the same evaluation gives the same text."""
    shown = list(tables(result))
    sections = [
        Section("summary", "Summary", _summary(result, checks)),
        Section("table", "Agreement by area", "".join(report_table(t) for t in shown if t.group in FRONT)),
        Section("figures", "Figures", _figures(result)),
    ]
    if len(result.comparison.a) or len(result.comparison.b):
        sections += _map_and_clusters(result)
    for name, group in groupby((t for t in shown if t.group not in FRONT), key=lambda t: t.group):
        anchor = "tables-" + "".join(c if c.isalnum() else "-" for c in name.casefold())
        sections.append(Section(anchor, name, "".join(report_table(t) for t in group)))
    a, b = result.comparison.a, result.comparison.b
    where = f" in {result.comparison.region}" if result.comparison.region else ""
    lead = (
        f'<p class="muted">{escape(f"Candidates (B): {b.name} · truth (A): {a.name}{where}")} · '
        f"rogi {escape(__version__)}</p>"
    )
    footer = (
        f"<p>Made by rogi {escape(__version__)}. This file holds everything it shows and loads nothing from "
        "elsewhere. Every number is defined in the documentation, page Evaluation of candidates.</p>"
    )
    return page("Evaluation of candidates", sections, lead=lead, footer=footer)


def _summary(result: Evaluation, checks: Sequence[Checked]) -> str:
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
    items = "".join(f"<li><b>{escape(value)}</b>{escape(text)}</li>" for value, text in cards)
    parts = [f"<p>{escape(headline(result))}.</p>", f'<ul class="cards">{items}</ul>']
    for check in checks:
        tone, word = ("good", "holds") if check.holds else ("error", "FAILED")
        parts.append(
            f'<p class="notice {tone}">{badge(word, tone)} <b>{escape(check.name)}</b> is '
            f"{check.found:.6g}, wanted {escape(check.wanted)}</p>"
        )
    said = remarks(result)
    if said:
        listed = "".join(f"<li>{escape(n)}</li>" for n in said)
        parts.append(f'<div class="notice warning"><ul>{listed}</ul></div>')
    return "".join(parts)


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
    columns = [
        Column("Cluster", clusters.number, Kind.NUMBER),
        Column(
            "Type",
            clusters.kind,
            Kind.BADGE,
            filter=True,
            tones={k.value: TYPE_TONES[k] for k in MATCH_TYPES},
            order=[k.value for k in MATCH_TYPES],
        ),
        Column("A", clusters.ids_a, Kind.CODE),
        Column("B", clusters.ids_b, Kind.CODE),
        Column("Area in A, km²", clusters.area_a, Kind.NUMBER),
        Column("Area in B, km²", clusters.area_b, Kind.NUMBER),
        Column("IoU", clusters.iou, Kind.NUMBER),
        Column("Mean boundary distance, m", clusters.boundary, Kind.NUMBER),
    ]
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
