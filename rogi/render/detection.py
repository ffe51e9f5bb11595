"""Evaluations of candidates as text, Markdown, JSON, CSV and HTML."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from rogi import __version__
from rogi.comparison.metrics import Checked
from rogi.detection.evaluation import Evaluation
from rogi.detection.published import PublishedRates, Range
from rogi.detection.ranking import Calibration, Curve, ThresholdChoice
from rogi.render.comparison import comparison_dict, plain
from rogi.render.comparison_tables import inventory_tables, notes
from rogi.render.output import by_ending, put
from rogi.render.report_table import (
    ReportTable,
    km2,
    markdown_cell,
    markdown_lines,
    number,
    rate_text,
    significant,
    text_lines,
)
from rogi.text import as_json, printable
from rogi.words import counted

if TYPE_CHECKING:
    from rogi.comparison.rates import Estimate

FORMAT = 1
TABLE, GROUND, CONFIDENCE, PIXELS, BOUNDARIES = (
    "Agreement by area",
    "Ground that counts",
    "Confidence of candidates",
    "Probability of pixels",
    "Boundaries",
)
HONEST = (
    "A threshold chosen on the outlines it is judged by looks better than it is: what to expect elsewhere is "
    "the F1 on folds of ground that it was chosen without."
)


class Format(StrEnum):
    """Formats of an evaluation."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    CSV = "csv"
    HTML = "html"


SUFFIXES = {
    ".txt": Format.TEXT,
    ".json": Format.JSON,
    ".md": Format.MARKDOWN,
    ".csv": Format.CSV,
    ".html": Format.HTML,
    ".htm": Format.HTML,
}


def format_of(path: Path) -> Format:
    """The format a file's name stands for.

    Raises
    ------
    OptionError
        If its ending is not known.
    """
    return by_ending(path, SUFFIXES, ", or give --format")


def as_string(result: Evaluation, format: Format, checks: Sequence[Checked] = ()) -> str:
    """An evaluation in a format. The same evaluation gives the same text."""
    match format:
        case Format.TEXT:
            return as_text(result, checks)
        case Format.MARKDOWN:
            return as_markdown(result, checks)
        case Format.JSON:
            return as_json(as_dict(result, checks), 2)
        case Format.CSV:
            return as_csv(result)
        case Format.HTML:
            from rogi.render.html.detection import evaluation_page

            return evaluation_page(result, checks)


def render(
    result: Evaluation, format: Format, target: Path | TextIO | None = None, checks: Sequence[Checked] = ()
) -> None:
    """Write an evaluation to a file, whole or not at all, or to a stream; None is stdout."""
    put(as_string(result, format, checks), target)


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
    from rogi.comparison.outcome import Outcome

    # that a side is empty on the ground that counts is said below
    said = [
        note
        for note in notes(Outcome(inventories=result.comparison), "the truth", "the candidates' file")
        if not note.endswith("has nothing to compare")
    ]
    if math.isnan(result.ground_m2) and result.everywhere:
        said.append("all truth counts, as --everywhere asks, even where nothing was predicted")
    elif math.isnan(result.ground_m2):
        said.append(
            "nothing says what ground was predicted, so all truth counts, even where no candidate could be"
        )
    elif result.truth.area_outside > 0:
        said.append(
            f"{km2(result.truth.area_outside)} km² of truth ({counted(result.truth.outside, 'outline')} "
            f"wholly, {result.truth.cut:,} cut) lies off the ground that was predicted or asked for, and "
            "counts nowhere"
        )
    if result.candidates.outside or result.candidates.cut:
        said.append(
            f"{counted(result.candidates.outside, 'candidate')} wholly off the ground that counts, "
            f"{result.candidates.cut:,} cut at its edge"
        )
    if len(result.candidates.side) == 0 and len(result.truth.side) == 0:
        pass  # said already
    elif len(result.candidates.side) == 0:
        said.append("no candidate lies on the ground that counts: all truth there is missed")
    elif result.confidence is None:
        said.append("the candidates have no confidence, so there are no curves over it")
    elif result.confidence.without:
        said.append(f"{counted(result.confidence.without, 'candidate')} without a confidence, taken as 0")
    if result.pixels is not None and result.pixels.missed > 0:
        said.append(f"{km2(result.pixels.missed)} km² of truth has no data in the raster of probabilities")
    return tuple(said)


def as_text(result: Evaluation, checks: Sequence[Checked] = ()) -> str:
    """For the terminal."""
    lines = [f"{headline(result)}.", ""]
    group = ""
    for table in tables(result):
        if table.group != group:
            group = table.group
            lines += [group, "=" * len(group)]
        lines += text_lines(table)
    lines += [f"note: {printable(n)}" for n in remarks(result)]
    lines += [f"FAILED: {c.name} is {c.found:.6g}, wanted {c.wanted}" for c in checks if not c.holds]
    return "\n".join(lines).rstrip() + "\n"


def as_markdown(result: Evaluation, checks: Sequence[Checked] = ()) -> str:
    """For pull requests and ``$GITHUB_STEP_SUMMARY``."""
    lines = ["## Evaluation of candidates", "", markdown_cell(f"{headline(result)}."), ""]
    group = ""
    for table in tables(result):
        if table.group != group:
            group = table.group
            lines += [f"### {markdown_cell(group)}", ""]
        lines += markdown_lines(table)
    lines += [f"- {markdown_cell(n)}" for n in remarks(result)]
    for c in checks:
        word = "holds" if c.holds else "FAILED"
        lines.append(f"- **{word}**: {markdown_cell(c.name)} is {c.found:.6g}, wanted {c.wanted}")
    return "\n".join([*lines, "", f"<sub>rogi {__version__}</sub>"]).rstrip() + "\n"


def as_csv(result: Evaluation) -> str:
    """Table 3: one row for each subregion and one for all, areas in km²."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rates = ("precision", "recall", "f1", "iou")
    published = ("precision", "recall", "f1")
    writer.writerow(
        [
            "subregion",
            "candidates",
            "truth",
            "tp_km2",
            "fp_km2",
            "fn_km2",
            *(f"{n}{end}" for n in rates for end in ("", "_low", "_high")),
            *(f"published_{n}{end}" for n in published for end in ("_low", "_high")),
        ]
    )
    for row in result.table:
        a = row.area
        cells: list[object] = [printable(row.name), row.candidates, row.truth]
        cells += [_csv(v / 1e6) for v in (a.true_positive, a.false_positive, a.false_negative)]
        for name in rates:
            estimate: Estimate = getattr(a, name)
            cells += [_csv(v) for v in (estimate.value, estimate.low, estimate.high)]
        for name in published:
            known: Range | None = getattr(row.published, name, None)
            cells += ["", ""] if known is None else [_csv(v) for v in known]
        writer.writerow(cells)
    return out.getvalue()


def as_dict(result: Evaluation, checks: Sequence[Checked] = ()) -> dict[str, Any]:
    """For machines: every number, with its interval; NaN is null."""
    out: dict[str, Any] = {
        "format": FORMAT,
        "rogi": __version__,
        "notes": list(remarks(result)),
        "metrics": plain(result.metrics()),
        "table": [plain(row) for row in result.table],
        "ground": {
            "predicted_m2": plain(result.ground_m2),
            **{
                f"{name}_{key}": value
                for name, side in (("truth", result.truth), ("candidates", result.candidates))
                for key, value in (
                    ("m2", side.area),
                    ("outside_m2", side.area_outside),
                    ("outside", side.outside),
                    ("cut", side.cut),
                )
            },
        },
        "boundary_iou": plain(
            {
                "band_m": result.band_m,
                "pairs": len(result.boundary_iou),
                "mean": result.boundary_iou.mean() if len(result.boundary_iou) else math.nan,
                "median": np.median(result.boundary_iou) if len(result.boundary_iou) else math.nan,
            }
        ),
        "comparison": comparison_dict(result.comparison),
    }
    if result.confidence is not None:
        out["confidence"] = plain(result.confidence)
    if result.pixels is not None:
        out["pixels"] = plain(result.pixels)
    if result.published is not None:
        out["published"] = {"title": result.published.title, "source": result.published.source}
    if checks:
        out["checks"] = plain(list(checks))
        out["passed"] = all(c.holds for c in checks)
    return out


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
    ground = "everywhere" if math.isnan(result.ground_m2) else f"{km2(result.ground_m2)} km²"
    return ReportTable(
        GROUND,
        "",
        ("", "on it", "km²", "cut at its edge", "wholly off it", "km² off it"),
        tuple(rows),
        (1, 2, 3, 4, 5),
        f"Ground that counts: {ground}.",
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


def _csv(value: float) -> str:
    return f"{value:.9g}" if math.isfinite(value) else ""


def points(curve: Curve, limit: int = 200) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Recall and precision of a curve, at most so many points, from no recall on."""
    if not len(curve.recall):
        return np.zeros(0), np.zeros(0)
    rows = np.unique(np.linspace(0, len(curve.recall) - 1, limit).astype(int))
    x, y = curve.recall[rows], curve.precision[rows]
    return np.concatenate([[0.0], x]), np.concatenate([y[:1], y])
