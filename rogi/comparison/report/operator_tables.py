"""The tables of a comparison of several operators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rogi.report.tables import ReportTable, km2, number, short_names, sides_table

if TYPE_CHECKING:
    from rogi.comparison.exercise import OperatorComparison, OperatorSection

LANDFORMS_SHOWN = 20


def operator_tables(result: OperatorComparison) -> Iterator[ReportTable]:
    """Tables of several operators."""
    yield sides_table([(str(k + 1), s) for k, s in enumerate(result.sides)])
    for section in result.sections:
        yield from _operator_section(section, result)


def _operator_section(section: OperatorSection, result: OperatorComparison) -> Iterator[ReportTable]:
    group = section.title.capitalize()
    names = [str(k + 1) for k in range(len(result.sides))]
    files = short_names(result.sides)
    for title, matrix in (("IoU of the areas covered", section.iou), ("F1 by object", section.f1)):
        if matrix is not None:
            yield ReportTable(
                group,
                title,
                ("operator", "objects", *names),
                tuple(
                    (f"{names[k]} {files[k]}", f"{section.counts[k]:,}", *(number(v) for v in row))
                    for k, row in enumerate(matrix.tolist())
                ),
                tuple(range(1, len(names) + 2)),
            )
    votes = np.bincount(section.found.votes, minlength=len(names) + 1)[1:]
    area = section.votes
    yield ReportTable(
        group,
        "Votes",
        ("operators", "landforms", *(("area km²",) if area is not None else ())),
        tuple(
            (
                str(n),
                f"{count:,}",
                *((km2(float(area.area[area.votes == n].sum())),) if area is not None else ()),
            )
            for n, count in enumerate(votes.tolist(), start=1)
        ),
        (0, 1, 2) if area is not None else (0, 1),
        f"A landform gathers objects of IoU {result.parameters.panoptic_iou:g} or more; area by the number "
        "of operators who cover it."
        if area is not None
        else f"A landform gathers markers at most {result.parameters.marker_distance_m:g} m apart.",
    )
    alphas = [("mapped or not", section.alpha)]
    if section.alpha_classes is not None:
        alphas.append(("rock glacier, uncertain or not mapped", section.alpha_classes))
    yield ReportTable(
        group,
        "Krippendorff's alpha of detection",
        ("values", "alpha", "landforms", "observed disagreement", "expected"),
        tuple(
            (what, number(a.value), f"{a.units:,}", number(a.observed), number(a.expected))
            for what, a in alphas
        ),
        (1, 2, 3, 4),
        "Over landforms that anybody mapped: agreement on absence elsewhere is not credited.",
    )
    if section.each is not None:
        yield _landform_table(section, group, result)


def _landform_table(section: OperatorSection, group: str, result: OperatorComparison) -> ReportTable:
    each = section.each
    assert each is not None
    order = np.lexsort([np.arange(len(each.iou)), each.iou, -each.votes])[:LANDFORMS_SHOWN]
    return ReportTable(
        group,
        "Landforms, those with most votes and least agreement first",
        ("landform", "such as", "operators", "union km²", "common km²", "common / union", "spread of areas"),
        tuple(
            (
                str(k + 1),
                _example(section, result, k),
                str(each.votes[k]),
                km2(each.union[k]),
                km2(each.common[k]),
                number(each.iou[k]),
                number(each.spread[k]),
            )
            for k in order.tolist()
        ),
        (0, 2, 3, 4, 5, 6),
        f"{len(order):,} of {len(each.iou):,} landforms. The spread is the coefficient of variation.",
    )


def _example(section: OperatorSection, result: OperatorComparison, landform: int) -> str:
    """An outline to find a landform by: the first operator's who mapped it."""
    for place, (side, rows, own) in enumerate(
        zip(result.sides, section.rows, section.found.of_object, strict=True), start=1
    ):
        hit = np.flatnonzero(own == landform)
        if len(hit):
            return f"{side.ids[rows[hit[0]]]} of {place}"
    return ""
