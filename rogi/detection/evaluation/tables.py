"""The tables of an evaluation, as text, Markdown and its page show them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rogi.comparison.agreement.rates import rate_text
from rogi.comparison.outcome import Outcome
from rogi.comparison.report.tables import inventory_tables, notes
from rogi.detection.evaluation.curves import Calibration, Curve, ThresholdChoice
from rogi.detection.evaluation.published import PublishedRates, Range
from rogi.detection.evaluation.scores import Evaluation
from rogi.report.tables import ReportTable, km2, number, significant
from rogi.text import counted

TABLE, GROUND, CONFIDENCE, PIXELS, BOUNDARIES = (
    "Agreement by area",
    "Evaluated area",
    "Confidence of candidates",
    "Probability of pixels",
    "Boundaries",
)


HONEST = (
    "A threshold chosen on the outlines it is judged by looks better than it is: what to expect elsewhere is "
    "the F1 on folds of ground that it was chosen without."
)


def headline(result: Evaluation) -> str:
    """The result in one sentence."""
    area = result.table[-1].area
    said = (
        f"{counted(result.table[-1].candidates, 'candidate')} against "
        f"{counted(result.table[-1].truth, 'true outline')}; by area F1 {rate_text(area.f1)}, precision "
        f"{rate_text(area.precision)}, recall {rate_text(area.recall)}"
    )
    panoptic = result.outcome.panoptic
    if panoptic is not None:
        said += f"; F1 of objects at IoU {panoptic.threshold:g} {rate_text(panoptic.f1)}"
    return said


def tables(result: Evaluation) -> Iterator[ReportTable]:
    """All tables in the order of the report."""
    yield _area_table(result)
    yield _ground_table(result)
    if result.band_m > 0:
        yield _boundary_table(result)
    yield from _confidence_tables(result)
    yield from _pixel_tables(result)
    for table in inventory_tables(result.comparison):
        # areas are in the first table; attributes of outlines that were cut say nothing
        if table.title != "Agreement by area" and not table.title.startswith(("Attributes", "Confusion")):
            yield table


def remarks(result: Evaluation) -> tuple[str, ...]:
    """What must be known to read the numbers, one sentence each."""
    # that a side is empty on the ground that counts is said below
    said = [
        note
        for note in notes(Outcome(inventories=result.comparison), "the truth", "the candidates' file")
        if not note.endswith("has nothing to compare")
    ]
    if math.isnan(result.ground_m2) and result.everywhere:
        said.append("all truth counts, as --everywhere asks, even where nothing was predicted")
    elif math.isnan(result.ground_m2):
        said.append("no predicted area given: all truth counts, also where nothing was predicted")
    elif result.truth.area_outside > 0:
        said.append(
            f"{km2(result.truth.area_outside)} km² of truth outside the evaluated area ("
            f"{counted(result.truth.outside, 'whole outline')}, parts of {result.truth.cut:,}) is not counted"
        )
    if result.candidates.outside or result.candidates.cut:
        said.append(
            f"{counted(result.candidates.outside, 'candidate')} outside the evaluated area, "
            f"{result.candidates.cut:,} cut at its edge"
        )
    if len(result.candidates.side) == 0 and len(result.truth.side) == 0:
        pass  # said already
    elif len(result.candidates.side) == 0:
        said.append("no candidate lies in the evaluated area: all truth there is missed")
    elif result.confidence is None:
        said.append("the candidates have no confidence, so there are no curves over it")
    elif result.confidence.without:
        said.append(f"{counted(result.confidence.without, 'candidate')} without a confidence, taken as 0")
    if result.pixels is not None and result.pixels.missed > 0:
        said.append(f"{km2(result.pixels.missed)} km² of truth has no data in the raster of probabilities")
    return tuple(said)


def _area_table(result: Evaluation) -> ReportTable:
    columns = ["", "candidates", "true", "TP km²", "FP km²", "FN km²", "precision", "recall", "F1"]
    with_published = result.published is not None
    if with_published:
        columns += ["published precision", "recall", "F1"]
    rows = []
    for row in result.table:
        a = row.area
        cells = [
            row.name,
            f"{row.candidates:,}",
            f"{row.truth:,}",
            *(km2(v) for v in (a.true_positive, a.false_positive, a.false_negative)),
            *(rate_text(v) for v in (a.precision, a.recall, a.f1)),
        ]
        if with_published:
            known = row.published or PublishedRates()
            cells += [_range(v) for v in (known.precision, known.recall, known.f1)]
        rows.append(tuple(cells))
    note = (
        "TP is the area of candidates that truth covers, FP the rest of it, FN the area of truth that no "
        f"candidate covers; {100 * result.comparison.parameters.confidence:g} % intervals by bootstrap over "
        "groups of linked outlines."
    )
    lacking = [f"{row.name} ({row.area.no_interval})" for row in result.table if row.area.no_interval]
    if lacking:
        note += f" No intervals: {'; '.join(lacking)}."
    if result.published is not None:
        note += f" Published: {result.published.title}, of candidates for {result.published.inventory}."
    return ReportTable(TABLE, "", tuple(columns), tuple(rows), tuple(range(1, len(columns))), note)


def _ground_table(result: Evaluation) -> ReportTable:
    rows = [
        (
            name,
            f"{len(side.side):,}",
            km2(side.area),
            f"{side.cut:,}",
            f"{side.outside:,}",
            km2(side.area_outside),
        )
        for name, side in (("truth", result.truth), ("candidates", result.candidates))
    ]
    ground = "unlimited" if math.isnan(result.ground_m2) else f"{km2(result.ground_m2)} km²"
    return ReportTable(
        GROUND,
        "",
        ("", "inside", "km² inside", "cut at the edge", "outside", "km² outside"),
        tuple(rows),
        (1, 2, 3, 4, 5),
        f"Evaluated area: {ground}.",
    )


def _boundary_table(result: Evaluation) -> ReportTable:
    values = result.boundary_iou
    if len(values):
        cells = [number(float(v)) for v in (values.mean(), *np.quantile(values, (0.1, 0.5, 0.9)))]
    else:
        cells = ["–"] * 4
    return ReportTable(
        BOUNDARIES,
        "Boundary IoU",
        ("pairs", "mean", "10 %", "median", "90 %"),
        ((f"{len(values):,}", *cells),),
        (0, 1, 2, 3, 4),
        f"Of the pairs matched one to one, in the band {result.band_m:g} m inside the outlines.",
    )


def _confidence_tables(result: Evaluation) -> Iterator[ReportTable]:
    c = result.confidence
    if c is None:
        return
    rows = [
        (f"objects at IoU {iou:g}", rate_text(found.average_precision)) for iou, found in c.objects.items()
    ]
    rows.append(("objects, mean of IoU 0.5 to 0.95", number(c.mean_average_precision)))
    rows.append(("area", rate_text(c.area.average_precision)))
    yield ReportTable(
        CONFIDENCE,
        "Average precision over the confidence",
        ("of", "average precision"),
        tuple(rows),
        (1,),
        "Intervals by bootstrap over blocks of ground.",
    )
    yield _threshold_table(
        CONFIDENCE,
        "Dropping candidates of low confidence",
        ((f"objects at IoU {c.iou:g}", c.choice_objects), ("area", c.choice_area)),
        "confidence",
    )
    yield _calibration_table(
        CONFIDENCE, c.calibration, "confidence", "candidates", "share of area that is true"
    )


def _pixel_tables(result: Evaluation) -> Iterator[ReportTable]:
    p = result.pixels
    if p is None:
        return
    yield ReportTable(
        PIXELS,
        "",
        ("km² with data", "average precision", "calibration error"),
        ((km2(p.area), rate_text(p.curve.average_precision), rate_text(p.calibration.error)),),
        (0, 1, 2),
        "Intervals by bootstrap over blocks of pixels.",
    )
    yield _threshold_table(PIXELS, "Threshold of pixels", (("area", p.choice),), "probability")
    yield _calibration_table(PIXELS, p.calibration, "probability", "km²", "share that is true")


def _threshold_table(
    group: str, title: str, choices: Sequence[tuple[str, ThresholdChoice]], what: str
) -> ReportTable:
    rows = tuple(
        (
            name,
            significant(c.current, 3),
            number(c.f1_current),
            significant(c.best, 3),
            number(c.f1_best),
            number(c.f1_held_out),
            "–" if math.isnan(c.gain_held_out) else f"{c.gain_held_out:+.3f}",
        )
        for name, c in choices
    )
    columns = ("F1 of", f"{what} now", "F1 now", f"best {what}", "F1 there", "F1 on held-out folds", "gain")
    return ReportTable(group, title, columns, rows, tuple(range(1, 7)), HONEST)


def _calibration_table(group: str, c: Calibration, what: str, of: str, share: str) -> ReportTable:
    rows = []
    for k in range(len(c.lower)):
        if c.size[k] > 0:
            amount = f"{c.count[k]:,}" if of == "candidates" else km2(float(c.size[k]))
            rows.append(
                (
                    f"{c.lower[k]:g} to {c.upper[k]:g}",
                    amount,
                    number(float(c.score[k])),
                    number(float(c.share[k])),
                )
            )
    return ReportTable(
        group,
        "Calibration",
        (what, of, f"mean {what}", share),
        tuple(rows),
        (1, 2, 3),
        f"Expected calibration error {rate_text(c.error)}: mean distance of the last two columns, by area.",
    )


def _range(value: Range | None) -> str:
    if value is None:
        return "–"
    low, high = value
    return f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"


def points(curve: Curve, limit: int = 200) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Recall and precision of a curve, at most so many points, from no recall on."""
    if not len(curve.recall):
        return np.zeros(0), np.zeros(0)
    rows = np.unique(np.linspace(0, len(curve.recall) - 1, limit).astype(int))
    x, y = curve.recall[rows], curve.precision[rows]
    return np.concatenate([[0.0], x]), np.concatenate([y[:1], y])
