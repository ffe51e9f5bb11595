"""The tables of a comparison, as text, Markdown and HTML show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rogi.comparison.agreement.attributes import ClassAgreement, NumericAgreement
from rogi.comparison.agreement.objects import LARGEST_SHARE, LEAST_GROUPS
from rogi.comparison.agreement.rates import Estimate, rate_text
from rogi.comparison.matching.graph import MATCH_TYPES, MatchType
from rogi.comparison.report.operator_tables import operator_tables
from rogi.report.tables import ReportTable, km2, number, sides_table, significant
from rogi.text import counted

if TYPE_CHECKING:
    from rogi.comparison.inventories import InventoryComparison, Section
    from rogi.comparison.matching.sides import Side
    from rogi.comparison.outcome import Outcome

IDS_SHOWN = 10
CLASSES_SHOWN = 12  # larger confusion matrices are in the JSON only
TYPE_TITLES = {
    MatchType.ONE_TO_ONE: "1:1",
    MatchType.SPLIT: "1:n, split in B",
    MatchType.MERGE: "n:1, merged in B",
    MatchType.COMPLEX: "n:m, complex",
    MatchType.ONLY_A: "only in A",
    MatchType.ONLY_B: "only in B",
}


def tables(outcome: Outcome) -> Iterator[ReportTable]:
    """All tables of an outcome in the order of the report."""
    if outcome.inventories is not None:
        yield from inventory_tables(outcome.inventories)
    if outcome.operators is not None:
        yield from operator_tables(outcome.operators)
    if outcome.references:
        yield _references(outcome)


def headline(outcome: Outcome) -> str:
    """The result in one sentence."""
    if outcome.inventories is not None and outcome.inventories.sections:
        section = outcome.inventories.sections[0]
        c = section.comparison
        counts = f"{len(section.rows_a):,} {section.title} in A, {len(section.rows_b):,} in B"
        if c.area is not None:
            return (
                f"{counts}; by area F1 {rate_text(c.area.f1)}, precision {rate_text(c.area.precision)}, "
                f"recall {rate_text(c.area.recall)}"
            )
        return f"{counts}; {rate_text(c.found_a)} of A and {rate_text(c.found_b)} of B have a match"
    if outcome.operators is not None and outcome.operators.sections:
        first = outcome.operators.sections[0]
        return (
            f"{len(outcome.operators.sides)} operators mapped {first.found.mapped.shape[1]:,} landforms "
            f"({first.title}); Krippendorff's alpha of detection {number(first.alpha.value)}"
        )
    if outcome.references:
        return f"{counted(len(outcome.references), 'reference')}, published and computed counts"
    return "There is nothing to compare: all sides are empty"


def notes(outcome: Outcome, a: str = "A", b: str = "B") -> tuple[str, ...]:
    """What was decided or left out on the way, one sentence each; two inventories are called ``a``, ``b``."""
    said: list[str] = []
    if outcome.inventories is not None:
        said += outcome.inventories.notes
        for mark, side in ((a, outcome.inventories.a), (b, outcome.inventories.b)):
            said += _side_notes(mark, side)
        for section in outcome.inventories.sections:
            said += _section_notes(section, a, b)
    if outcome.operators is not None:
        said += outcome.operators.notes
        for side in outcome.operators.sides:
            said += _side_notes(side.name, side)
    return tuple(said)


def inventory_tables(result: InventoryComparison) -> Iterator[ReportTable]:
    """Tables of two inventories."""
    yield sides_table((("A, reference", result.a), ("B", result.b)))
    for section in result.sections:
        yield from _section_tables(section, result)


def _section_tables(section: Section, result: InventoryComparison) -> Iterator[ReportTable]:
    c, group = section.comparison, section.title.capitalize()
    graph = c.graph
    kinds = graph.cluster_type
    rows = []
    for k, kind in enumerate(MATCH_TYPES):
        chosen = kinds == k
        rows.append(
            (
                TYPE_TITLES[kind],
                f"{int(chosen.sum()):,}",
                f"{int(graph.size_a[chosen].sum()):,}",
                f"{int(graph.size_b[chosen].sum()):,}",
            )
        )
    rows.append(("all", f"{len(kinds):,}", f"{len(section.rows_a):,}", f"{len(section.rows_b):,}"))
    slivers = int((~graph.linked).sum())
    note = f"Pairs: {c.method}."
    if slivers:
        note += f" {slivers:,} smaller overlaps are in the crosswalk and in the areas, but link nothing."
    yield ReportTable(group, "Clusters", ("type", "clusters", "of A", "of B"), tuple(rows), (1, 2, 3), note)
    yield ReportTable(
        group,
        "Objects with a match",
        ("side", "matched", "of", "share"),
        tuple(
            (mark, f"{found.count:,}", f"{found.total:,}", rate_text(found))
            for mark, found in (("A", c.found_a), ("B", c.found_b))
        ),
        (1, 2, 3),
    )
    if c.area is not None:
        yield from _area_tables(section, group)
    if c.points is not None:
        yield ReportTable(
            group,
            "Agreement by object",
            ("matched", "missed", "false", "precision", "recall", "F1"),
            (
                (
                    *(f"{n:,}" for n in (c.points.matched, c.points.missed, c.points.false)),
                    *(rate_text(e) for e in (c.points.precision, c.points.recall, c.points.f1)),
                ),
            ),
            tuple(range(6)),
            f"Optimal one-to-one assignment; {100 * c.parameters.confidence:g} % Wilson intervals.",
        )
    if c.groups:
        yield _group_table(section, group, result.by)
    yield from _attribute_tables(section, group)


def _area_tables(section: Section, group: str) -> Iterator[ReportTable]:
    c = section.comparison
    assert c.area is not None and c.boundaries is not None and c.panoptic is not None and c.parts is not None
    level = f"{100 * c.parameters.confidence:g} %"
    doubled = ""
    if c.parts.double_a >= 1 or c.parts.double_b >= 1:
        doubled = (
            f" Outlines that overlap within a side count once ({km2(c.parts.double_a)} km² in A, "
            f"{km2(c.parts.double_b)} km² in B)."
        )
    yield ReportTable(
        group,
        "Agreement by area",
        ("TP km²", "FP km²", "FN km²", "precision", "recall", "F1", "IoU"),
        (
            (
                km2(c.area.true_positive),
                km2(c.area.false_positive),
                km2(c.area.false_negative),
                *(rate_text(e) for e in (c.area.precision, c.area.recall, c.area.f1, c.area.iou)),
            ),
        ),
        tuple(range(7)),
        "TP is the area in both, FP in B only, FN in A only; "
        + (
            f"no intervals: {c.area.no_interval}."
            if c.area.no_interval
            else f"{level} intervals by bootstrap over {len(c.parts):,} groups of linked outlines."
        )
        + doubled,
    )
    objects = {o.threshold: o for o in [*c.objects, c.panoptic]}
    yield ReportTable(
        group,
        "Agreement by object",
        ("IoU from", "matched", "missed", "false", "precision", "recall", "F1", "SQ", "PQ"),
        tuple(
            (
                f"{o.threshold:g}",
                f"{o.matched:,}",
                f"{o.missed:,}",
                f"{o.false:,}",
                rate_text(o.precision),
                rate_text(o.recall),
                rate_text(o.f1),
                number(o.segmentation_quality),
                number(o.panoptic_quality),
            )
            for _, o in sorted(objects.items())
        ),
        tuple(range(9)),
        f"Optimal one-to-one assignment of the pairs that reach the IoU; {level} Wilson intervals. SQ is the "
        "mean IoU of the matched pairs, PQ = SQ · F1.",
    )
    chosen = c.assigned
    if chosen.any():
        columns = [v[chosen] for v in (c.boundaries.mean, c.boundaries.p95, c.boundaries.hausdorff)]
        titles = ("mean distance", "95 % of the length within", "largest distance (Hausdorff)")
        yield ReportTable(
            group,
            "Boundary distances, m",
            ("of each pair", "mean", "median", "90th percentile", "largest"),
            tuple(
                (
                    title,
                    *(number(float(f), 1) for f in (v.mean(), np.median(v), np.quantile(v, 0.9), v.max())),
                )
                for title, v in zip(titles, columns, strict=True)
            ),
            (1, 2, 3, 4),
            f"{counted(int(chosen.sum()), 'assigned pair')}, boundaries sampled every "
            f"{c.parameters.boundary_step_m:g} m or closer.",
        )
    yield ReportTable(
        group,
        "Agreement by size",
        ("km²", "of A", "with a match", "area covered by B", "of B", "with a match", "area covered by A"),
        tuple(
            (
                f"{s.lower_km2:g} to {s.upper_km2:g}"
                if np.isfinite(s.upper_km2)
                else f"from {s.lower_km2:g}",
                f"{s.found_a.total:,}",
                rate_text(s.found_a),
                number(s.recall_area),
                f"{s.found_b.total:,}",
                rate_text(s.found_b),
                number(s.precision_area),
            )
            for s in c.sizes
            if s.found_a.total or s.found_b.total
        ),
        (1, 2, 3, 4, 5, 6),
    )


def _group_table(section: Section, group: str, by: str) -> ReportTable:
    rows = []
    with_area = any(g.area is not None for g in section.comparison.groups)
    for g in section.comparison.groups:
        row = [
            g.name or "(none)",
            f"{g.count_a:,}",
            f"{g.count_b:,}",
            rate_text(g.found_a),
            rate_text(g.found_b),
        ]
        if g.area is not None and g.objects is not None:
            row += [rate_text(e) for e in (g.area.precision, g.area.recall, g.area.f1)]
            row += [number(g.area.iou.value), number(g.objects.panoptic_quality)]
        rows.append(tuple(row))
    titles = ["group", "of A", "of B", "A with a match", "B with a match"]
    if with_area:
        titles += ["precision", "recall", "F1", "IoU", "PQ"]
    return ReportTable(
        group,
        f"Agreement by {by}",
        tuple(titles),
        tuple(rows),
        tuple(range(1, len(titles))),
        "A group of linked outlines goes as a whole to the group of its largest outline of A; intervals by "
        f"area need {LEAST_GROUPS} groups of linked outlines, none with more than "
        f"{100 * LARGEST_SHARE:.0f} % of the area."
        if with_area
        else "",
    )


def _attribute_tables(section: Section, group: str) -> Iterator[ReportTable]:
    numeric = [(x.concept, x.result) for x in section.attributes if isinstance(x.result, NumericAgreement)]
    if numeric:
        yield ReportTable(
            group,
            "Attributes, B - A",
            (
                "attribute",
                "unit",
                "pairs",
                "without a value",
                "mean",
                "median",
                "sd",
                "MAE",
                "RMSE",
                "5 %",
                "95 %",
            ),
            tuple(
                (
                    concept.title,
                    concept.unit or "",
                    f"{r.count:,}",
                    f"{r.missing:,}",
                    *(
                        significant(v)
                        for v in (
                            r.mean,
                            r.median,
                            r.standard_deviation,
                            r.mean_absolute,
                            r.root_mean_square,
                            r.p5,
                            r.p95,
                        )
                    ),
                )
                for concept, r in numeric
            ),
            tuple(range(2, 11)),
            "Assigned pairs with a value on both sides.",
        )
    classes = [(x.concept, x.result) for x in section.attributes if isinstance(x.result, ClassAgreement)]
    if classes:
        yield ReportTable(
            group,
            "Attributes with classes",
            ("attribute", "pairs", "without a value", "same class", "kappa"),
            tuple(
                (
                    concept.title,
                    f"{r.equal.total:,}",
                    f"{r.missing:,}",
                    rate_text(r.equal),
                    rate_text(Estimate(r.kappa.value, r.kappa.low, r.kappa.high)),
                )
                for concept, r in classes
            ),
            (1, 2, 3, 4),
            "Assigned pairs with a value on both sides; Cohen's kappa with its large-sample interval.",
        )
    for concept, r in classes:
        if 1 < len(r.classes) <= CLASSES_SHOWN:
            yield ReportTable(
                group,
                f"Confusion of {concept.title.lower()}, rows A, columns B",
                ("", *r.classes),
                tuple(
                    (name, *(f"{n:,}" for n in row))
                    for name, row in zip(r.classes, r.table.tolist(), strict=True)
                ),
                tuple(range(1, len(r.classes) + 1)),
            )


def _references(outcome: Outcome) -> ReportTable:
    sources = "; ".join(sorted({r.reference.source for r in outcome.references}))
    return ReportTable(
        "Local inventories",
        "",
        (
            "location",
            "reference",
            "published there",
            "published in TPRoGI v1.0",
            "in the file given",
            "counted here",
            "how",
        ),
        tuple(
            (
                r.reference.location,
                r.reference.title,
                f"{r.reference.published:,}",
                "–" if r.reference.compared is None else f"{r.reference.compared:,}",
                "–" if r.own_count is None else f"{r.own_count:,}",
                "–" if r.count is None else f"{r.count:,}",
                r.how,
            )
            for r in outcome.references
        ),
        (2, 3, 4, 5),
        f"Sources of the published counts: {sources}.",
    )


def _side_notes(mark: str, side: Side) -> Iterator[str]:
    if side.reprojected:
        yield f"{mark} is in {side.reprojected} and was taken to longitude and latitude for the comparison"
    yield from (f"{mark}: {note}" for note in side.notes)
    if side.repaired:
        yield (
            f"{counted(len(side.repaired), 'invalid outline')} of {mark} repaired for the comparison only: "
            f"{_some(side.repaired)}"
        )
    if side.without_area:
        yield (
            f"{counted(len(side.without_area), 'outline')} of {mark} without any area, which can match "
            f"nothing: {_some(side.without_area)}"
        )
    if side.repeated:
        yield f"{counted(len(side.repeated), 'id')} of {mark} in more than one row: {_some(side.repeated)}"
    if side.without_id:
        yield (
            f"{counted(len(side.without_id), 'object')} of {mark} without an id in {side.id_column}, named "
            f"after their rows: {_some(side.without_id)}"
        )
    if not len(side):
        yield f"{mark} has nothing to compare"


def _section_notes(section: Section, a: str, b: str) -> Iterator[str]:
    c = section.comparison
    if len(section.rows_a) and len(section.rows_b) and not c.graph.linked.any():
        yield (
            f"no object of {a} meets one of {b} ({section.title}); do both inventories cover the same area?"
        )
    for mark, count in ((a, section.elsewhere_a), (b, section.elsewhere_b)):
        if count:
            yield (
                f"{count:,} {section.title} only in {mark} meet one of another class on the other side; "
                "classes are compared among themselves"
            )


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:IDS_SHOWN])
    return shown + (f" and {len(ids) - IDS_SHOWN:,} more" if len(ids) > IDS_SHOWN else "")
