"""The results of a comparison as named numbers, to be checked against limits and stored facts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from rogi.comparison.inventories import InventoryComparison, Section
from rogi.errors import InputError, OptionError
from rogi.schema.load import read_yaml

FORMAT = 1
SLACK = 1e-9  # neither number is exact in binary: areas that are equal have an F1 of 1 less some digits

# What the names mean; docs/commands/compare.md lists them, which is tested.
MEANINGS = {
    "count_a": "objects of A",
    "count_b": "objects of B",
    "pairs": "pairs that overlap or coincide",
    "found_a": "share of the objects of A that have a match in B",
    "found_b": "share of the objects of B that have a match in A",
    "clusters_1_1": "clusters of one object of A and one of B",
    "clusters_1_n": "clusters of one object of A and several of B",
    "clusters_n_1": "clusters of several objects of A and one of B",
    "clusters_n_m": "clusters of several objects on both sides",
    "only_a": "objects of A without a match",
    "only_b": "objects of B without a match",
    "true_positive_km2": "area of A and B in common, km²",
    "false_positive_km2": "area of B outside A, km²",
    "false_negative_km2": "area of A outside B, km²",
    "precision": "by area; by object where a side has markers",
    "recall": "by area; by object where a side has markers",
    "f1": "by area; by object where a side has markers",
    "iou": "by area",
    "object_precision": "by object at the IoU of the panoptic quality",
    "object_recall": "by object at the IoU of the panoptic quality",
    "object_f1": "by object at the IoU of the panoptic quality: recognition quality RQ",
    "segmentation_quality": "SQ, mean IoU of the matched pairs",
    "panoptic_quality": "PQ = SQ · RQ",
    "boundary_mean_m": "mean boundary distance of the assigned pairs, averaged over the pairs, m",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A number beside what was asked of it."""

    name: str
    found: float
    wanted: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Expectation:
    """A stored number and by how much the one found may differ."""

    name: str
    value: float
    tolerance: float = 0.0


def metrics(result: InventoryComparison) -> dict[str, float]:
    """All numbers of a comparison by name.

    Those of the largest class have the names of `MEANINGS`; those of the others are prefixed with the title
    of the class and a dot, as in ``restricted outlines.f1``.
    """
    out: dict[str, float] = {}
    for k, section in enumerate(result.sections):
        prefix = f"{section.title}." if k else ""
        out |= {prefix + name: value for name, value in _section_metrics(section).items()}
    return out


def parse_limits(items: list[str]) -> dict[str, float]:
    """Limits given as ``f1=0.6`` or ``only_a=10``.

    Raises
    ------
    OptionError
        If one is not of the form NAME=NUMBER.
    """
    limits = {}
    for item in items:
        name, sign, text = item.partition("=")
        try:
            limits[name.strip()] = float(text)
        except ValueError:
            sign = ""
        if not sign or not name.strip() or not math.isfinite(limits.get(name.strip(), math.nan)):
            raise OptionError(f"--fail-under takes NAME=NUMBER such as f1=0.6, found {item!r}.")
    return limits


def check_limits(found: Mapping[str, float], limits: Mapping[str, float]) -> list[Checked]:
    """Each limit beside the number found; a number that is not defined does not reach its limit."""
    return [
        Checked(name, found[name], f"at least {limit:g}", found[name] >= limit - SLACK)
        for name, limit in ((_known(n, found, "--fail-under"), v) for n, v in limits.items())
    ]


def read_expectations(path: Path) -> list[Expectation]:
    """Stored numbers with tolerances.

    A YAML file: ``format: 1``, then ``expect:`` with a number, or ``{value: …, tolerance: …}``, for each
    name.

    Raises
    ------
    InputError
        If the file cannot be read or is not of this form.
    """
    content = read_yaml(path)
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise InputError(f"{path} is not a file of expected numbers: it needs 'format: {FORMAT}'.")
    table = content.get("expect")
    if not isinstance(table, Mapping) or not table:
        raise InputError(f"{path} expects nothing; it needs a table 'expect' such as 'f1: 0.63'.")
    out = []
    for name, entry in table.items():
        try:
            if isinstance(entry, Mapping):
                if unknown := sorted(set(entry) - {"value", "tolerance"}):
                    raise ValueError(f"unknown key {unknown[0]!r}")
                one = Expectation(str(name), float(entry["value"]), float(entry.get("tolerance", 0.0)))
            else:
                one = Expectation(str(name), float(entry))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path}: {name!r} needs a number, or a value and a tolerance ({error})."
            ) from None
        if not (math.isfinite(one.value) and one.tolerance >= 0):
            raise InputError(f"{path}: {name!r} needs a finite value and a tolerance of 0 or more.")
        out.append(one)
    return out


def check_expectations(found: Mapping[str, float], expected: list[Expectation]) -> list[Checked]:
    """Each stored number beside the one found."""
    out = []
    for one in expected:
        value = found[_known(one.name, found, "--expect")]
        slack = SLACK * max(1.0, abs(one.value))
        wanted = f"{one.value:.10g}" + (f" ± {one.tolerance:.4g}" if one.tolerance else "")
        out.append(Checked(one.name, value, wanted, abs(value - one.value) <= one.tolerance + slack))
    return out


def _known(name: str, found: Mapping[str, float], option: str) -> str:
    if name in found:
        return name

    close = get_close_matches(name, list(found), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise OptionError(f"{option}: this comparison has no number {name!r}.{hint} It has {', '.join(found)}.")


def _section_metrics(section: Section) -> dict[str, float]:
    c = section.comparison
    counts = {kind.name: number for kind, number in c.graph.type_counts().items()}
    out: dict[str, float] = {
        "count_a": len(section.rows_a),
        "count_b": len(section.rows_b),
        "pairs": len(c.graph.a),
        "found_a": c.found_a.value,
        "found_b": c.found_b.value,
        "clusters_1_1": counts["ONE_TO_ONE"],
        "clusters_1_n": counts["SPLIT"],
        "clusters_n_1": counts["MERGE"],
        "clusters_n_m": counts["COMPLEX"],
        "only_a": counts["ONLY_A"],
        "only_b": counts["ONLY_B"],
    }
    if c.area is not None and c.panoptic is not None and c.boundaries is not None:
        distances = c.boundaries.mean[c.assigned]
        out |= {
            "true_positive_km2": c.area.true_positive / 1e6,
            "false_positive_km2": c.area.false_positive / 1e6,
            "false_negative_km2": c.area.false_negative / 1e6,
            "precision": c.area.precision.value,
            "recall": c.area.recall.value,
            "f1": c.area.f1.value,
            "iou": c.area.iou.value,
            "object_precision": c.panoptic.precision.value,
            "object_recall": c.panoptic.recall.value,
            "object_f1": c.panoptic.f1.value,
            "segmentation_quality": c.panoptic.segmentation_quality,
            "panoptic_quality": c.panoptic.panoptic_quality,
            "boundary_mean_m": float(np.mean(distances)) if len(distances) else math.nan,
        }
    if c.points is not None:
        shares = {
            "precision": c.points.precision.value,
            "recall": c.points.recall.value,
            "f1": c.points.f1.value,
        }
        out |= shares | {f"object_{name}": share for name, share in shares.items()}
    return out
