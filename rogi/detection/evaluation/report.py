"""An evaluation of candidates as a document."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rogi import __version__
from rogi.comparison.metrics import Checked
from rogi.comparison.report.report import as_check, comparison_dict, plain
from rogi.detection.evaluation.page import page
from rogi.detection.evaluation.published import Range
from rogi.detection.evaluation.scores import Evaluation
from rogi.detection.evaluation.tables import headline, remarks, tables
from rogi.report.document import Document
from rogi.report.format import DOCUMENT, Format
from rogi.text import printable

if TYPE_CHECKING:
    from rogi.comparison.agreement.rates import Estimate

FORMAT = 1


FORMATS: Final = (*DOCUMENT, Format.CSV)


def document(result: Evaluation, checks: Sequence[Checked] = ()) -> Document:
    """All tables of an evaluation, with its checks, curves and map."""
    return Document(
        title="Evaluation of candidates",
        headline=headline(result),
        parts=list(tables(result)),
        remarks=remarks(result),
        checks=[as_check(check) for check in checks],
        data=lambda: _data(result, checks),
        csv=lambda: _csv(result),
        page=lambda: page(result),
        explained="Evaluation of candidates",
    )


def _csv(result: Evaluation) -> str:
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
        cells += [_cell(v / 1e6) for v in (a.true_positive, a.false_positive, a.false_negative)]
        for name in rates:
            estimate: Estimate = getattr(a, name)
            cells += [_cell(v) for v in (estimate.value, estimate.low, estimate.high)]
        for name in published:
            known: Range | None = getattr(row.published, name, None)
            cells += ["", ""] if known is None else [_cell(v) for v in known]
        writer.writerow(cells)
    return out.getvalue()


def _data(result: Evaluation, checks: Sequence[Checked]) -> dict[str, Any]:
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


def _cell(value: float) -> str:
    return f"{value:.9g}" if math.isfinite(value) else ""
