"""A comparison as a document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rogi import __version__
from rogi.comparison.metrics import Checked, metrics
from rogi.comparison.report.page import page
from rogi.comparison.report.tables import headline, notes, tables
from rogi.report.document import Check, Document

if TYPE_CHECKING:
    from rogi.comparison.exercise import OperatorComparison
    from rogi.comparison.inventories import InventoryComparison, Section
    from rogi.comparison.matching.sides import Side
    from rogi.comparison.outcome import Outcome

FORMAT = 1


def document(outcome: Outcome) -> Document:
    """All tables of a comparison, with its checks, figures and maps."""
    return Document(
        title="Comparison of inventories",
        headline=headline(outcome),
        parts=list(tables(outcome)),
        remarks=notes(outcome),
        checks=[as_check(check) for check in outcome.checks],
        data=lambda: _data(outcome),
        page=lambda: page(outcome),
        explained="Agreement",
    )


def as_check(check: Checked) -> Check:
    """A number held against its limit, or the one expected."""
    return Check(check.name, check.holds, f"{check.found:.6g}, wanted {check.wanted}")


def _data(outcome: Outcome) -> dict[str, Any]:
    out: dict[str, Any] = {"format": FORMAT, "rogi": __version__, "notes": list(notes(outcome))}
    if outcome.inventories is not None:
        out["metrics"] = plain(metrics(outcome.inventories))
        out["comparison"] = comparison_dict(outcome.inventories)
    if outcome.operators is not None:
        out["operators"] = _operators(outcome.operators)
    if outcome.references:
        out["references"] = [
            {
                "name": r.reference.name,
                "location": r.reference.location,
                "title": r.reference.title,
                "citation": r.reference.citation,
                "published": r.reference.published,
                "published_compared": r.reference.compared,
                "inventory_compared": r.reference.inventory,
                "source": r.reference.source,
                "count_in_file": r.own_count,
                "count": r.count,
                "how": r.how,
            }
            for r in outcome.references
        ]
    if outcome.checks:
        out["checks"] = plain(outcome.checks)
        out["passed"] = not outcome.failed
    return out


def comparison_dict(result: InventoryComparison) -> dict[str, Any]:
    """Two inventories compared, as plain values."""
    return {
        "a": _side(result.a),
        "b": _side(result.b),
        "region": result.region,
        "by": result.by,
        "parameters": plain(result.parameters),
        "classes": [_section(s) for s in result.sections],
    }


def _section(section: Section) -> dict[str, Any]:
    c = section.comparison
    out: dict[str, Any] = {
        "class": section.title,
        "method": c.method,
        "count_a": len(section.rows_a),
        "count_b": len(section.rows_b),
        "pairs": len(c.graph.a),
        "pairs_linked": int(c.graph.linked.sum()),
        "pairs_assigned": int(c.assigned.sum()),
        "clusters": {kind.value: n for kind, n in c.graph.type_counts().items()},
        "found_a": plain(c.found_a),
        "found_b": plain(c.found_b),
        "only_here_but_other_class_a": section.elsewhere_a,
        "only_here_but_other_class_b": section.elsewhere_b,
    }
    if c.area is not None and c.parts is not None and c.boundaries is not None:
        chosen = c.assigned
        out["area"] = plain(c.area) | {
            "counted_once_a_m2": plain(c.parts.double_a),
            "counted_once_b_m2": plain(c.parts.double_b),
            "components": len(c.parts),
        }
        out["objects"] = plain([*c.objects])
        out["panoptic"] = plain(c.panoptic)
        out["sizes"] = plain([*c.sizes])
        out["boundaries_m"] = {
            name: _summary(values[chosen])
            for name, values in (
                ("mean", c.boundaries.mean),
                ("p95", c.boundaries.p95),
                ("hausdorff", c.boundaries.hausdorff),
            )
        }
    if c.points is not None:
        out["points"] = plain(c.points)
    out["groups"] = plain([*c.groups])
    out["attributes"] = {
        x.concept.name: {"unit": x.concept.unit, **plain(x.result)} for x in section.attributes
    }
    return out


def _operators(result: OperatorComparison) -> dict[str, Any]:
    return {
        "operators": [_side(s) for s in result.sides],
        "parameters": plain(result.parameters),
        "min_votes": result.min_votes,
        "classes": [
            {
                "class": s.title,
                "counts": list(s.counts),
                "iou": plain(s.iou),
                "f1": plain(s.f1),
                "landforms": int(s.found.mapped.shape[1]),
                "votes": np.bincount(s.found.votes, minlength=len(result.sides) + 1)[1:].tolist(),
                "alpha": plain(s.alpha),
                "alpha_classes": plain(s.alpha_classes),
                "area_by_votes_m2": None
                if s.votes is None
                else np.bincount(s.votes.votes, weights=s.votes.area, minlength=len(result.sides) + 1)[
                    1:
                ].tolist(),
                "each": plain(s.each),
            }
            for s in result.sections
        ],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "objects": side.role.value,
        "read": side.read,
        "compared": len(side),
        "without_geometry": side.without_geometry,
        "impossible_coordinates": list(side.impossible),
        "not_rock_glaciers": side.not_rock_glaciers,
        "outside_region": side.outside,
        "repaired": list(side.repaired),
        "without_area": list(side.without_area),
        "without_id": list(side.without_id),
        "repeated_ids": list(side.repeated),
        "id_column": side.id_column or None,
        "reprojected_from": side.reprojected or None,
    }


def _summary(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, float | None]:
    if not len(values):
        return {"mean": None, "median": None, "p90": None, "largest": None}
    figures = (values.mean(), np.median(values), np.quantile(values, 0.9), values.max())
    return dict(zip(("mean", "median", "p90", "largest"), (float(v) for v in figures), strict=True))


def plain(value: Any) -> Any:
    """Dataclasses, arrays and NaN as JSON has them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(v) for v in value]
    return value
