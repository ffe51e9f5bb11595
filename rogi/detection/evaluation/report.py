"""Evaluations of candidates as text, Markdown, JSON, CSV and HTML."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from rogi import __version__
from rogi.comparison.metrics import Checked
from rogi.comparison.report.report import comparison_dict, plain
from rogi.detection.evaluation.page import evaluation_page
from rogi.detection.evaluation.published import Range
from rogi.detection.evaluation.scores import Evaluation
from rogi.detection.evaluation.tables import headline, remarks, tables
from rogi.report.output import by_ending, put
from rogi.report.tables import (
    markdown_cell,
    markdown_lines,
    text_lines,
)
from rogi.text import as_json, printable

if TYPE_CHECKING:
    from rogi.comparison.agreement.rates import Estimate

FORMAT = 1


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
            return evaluation_page(result, checks)


def render(
    result: Evaluation, format: Format, target: Path | TextIO | None = None, checks: Sequence[Checked] = ()
) -> None:
    """Write an evaluation to a file, whole or not at all, or to a stream; None is stdout."""
    put(as_string(result, format, checks), target)


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


def _csv(value: float) -> str:
    return f"{value:.9g}" if math.isfinite(value) else ""
