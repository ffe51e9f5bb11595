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
    yield _votes_table(section, group, result)
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


def _votes_table(section: OperatorSection, group: str, result: OperatorComparison) -> ReportTable:
    """Landforms and ground by the number of operators.

    They are two counts: of landforms that one operator mapped, all ground may be covered by others, whose
    outlines of it share too little to be of the same landform.
    """
    operators = range(1, len(result.sides) + 1)
    votes, area, each = section.found.votes, section.votes, section.each
    columns = [("operators", [str(n) for n in operators])]
    columns.append(("landforms", [f"{np.count_nonzero(votes == n):,}" for n in operators]))
    if area is None or each is None:
        note = f"A landform gathers markers at most {result.parameters.marker_distance_m:g} m apart."
    else:
        columns.append(("their area km²", [km2(float(each.union[votes == n].sum())) for n in operators]))
        covered = [km2(float(area.area[area.votes == n].sum())) for n in operators]
        columns.append(("area covered by so many km²", covered))
        note = (
            f"A landform gathers objects of IoU {result.parameters.panoptic_iou:g} or more; its area is that "
            "of all its outlines. The last column is ground, whatever landform the outlines belong to."
        )
    names, values = zip(*columns, strict=True)
    return ReportTable(
        group, "Votes", names, tuple(zip(*values, strict=True)), tuple(range(len(names))), note
    )


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
