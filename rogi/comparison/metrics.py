"""The results of a comparison as named numbers, to be checked against limits and stored facts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from pathlib import Path

import numpy as np

from rogi.comparison.inventories import InventoryComparison, Section
from rogi.errors import InputError, OptionError
from rogi.schema.load import read_yaml

FORMAT = 1
SLACK = 1e-9  # neither number is exact in binary: areas that are equal have an F1 of 1 less some digits


class Better(Enum):
    """Which way a metric improves."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a number means, and which way it improves; this decides the option of its limit."""

    meaning: str
    better: Better


def _table(*rows: tuple[str, Better, str]) -> dict[str, Metric]:
    return {name: Metric(meaning, better) for name, better, meaning in rows}


HIGHER, LOWER, NEITHER = Better.HIGHER, Better.LOWER, Better.NEITHER

# docs/commands/compare.md has the same table, which is tested.
METRICS = _table(
    ("count_a", NEITHER, "objects of A"),
    ("count_b", NEITHER, "objects of B"),
    ("pairs", NEITHER, "pairs that overlap or coincide"),
    ("found_a", HIGHER, "share of the objects of A that have a match in B"),
    ("found_b", HIGHER, "share of the objects of B that have a match in A"),
    ("clusters_1_1", NEITHER, "clusters of one object of A and one of B"),
    ("clusters_1_n", NEITHER, "clusters of one object of A and several of B"),
    ("clusters_n_1", NEITHER, "clusters of several objects of A and one of B"),
    ("clusters_n_m", NEITHER, "clusters of several objects on both sides"),
    ("only_a", LOWER, "objects of A without a match"),
    ("only_b", LOWER, "objects of B without a match"),
    ("true_positive_km2", HIGHER, "area of A and B in common, km²"),
    ("false_positive_km2", LOWER, "area of B outside A, km²"),
    ("false_negative_km2", LOWER, "area of A outside B, km²"),
    ("precision", HIGHER, "by area; by object where a side has markers"),
    ("recall", HIGHER, "by area; by object where a side has markers"),
    ("f1", HIGHER, "by area; by object where a side has markers"),
    ("iou", HIGHER, "by area"),
    ("object_precision", HIGHER, "by object at the IoU of the panoptic quality"),
    ("object_recall", HIGHER, "by object at the IoU of the panoptic quality"),
    ("object_f1", HIGHER, "by object at the IoU of the panoptic quality: recognition quality RQ"),
    ("segmentation_quality", HIGHER, "SQ, mean IoU of the matched pairs"),
    ("panoptic_quality", HIGHER, "PQ = SQ · RQ"),
    ("boundary_mean_m", LOWER, "mean boundary distance of the assigned pairs, averaged over the pairs, m"),
)

# docs/commands/detect-evaluate.md has the same table, which is tested.
OF_CANDIDATES = _table(
    ("truth_outside_km2", NEITHER, "area of true outlines outside the evaluated area, km²"),
    ("boundary_iou", HIGHER, "mean IoU of the bands along the boundaries of the assigned pairs"),
    ("average_precision", HIGHER, "by object, at the IoU of the name: `average_precision_50` is at 0.5"),
    ("mean_average_precision", HIGHER, "mean of the average precisions"),
    ("area_average_precision", HIGHER, "by area"),
    ("calibration_error", LOWER, "expected calibration error of the confidence"),
    ("best_confidence", NEITHER, "confidence with the highest F1 by object"),
    ("best_confidence_f1", HIGHER, "F1 by object there"),
    ("pixel_f1", HIGHER, "F1 of the pixels at the threshold in use"),
    ("pixel_iou", HIGHER, "IoU of the pixels at the threshold in use"),
    ("pixel_average_precision", HIGHER, "of the pixels"),
    ("pixel_calibration_error", LOWER, "expected calibration error of the probabilities"),
    ("best_pixel_threshold", NEITHER, "threshold with the highest F1 of the pixels"),
    ("best_pixel_f1", HIGHER, "F1 of the pixels there"),
)


def better(name: str) -> Better:
    """Which way a metric improves: ``f1``, ``restricted outlines.f1``, ``average_precision_50``."""
    own = re.sub(r"^(average_precision)_\d+$", r"\1", name.rpartition(".")[2])
    known = METRICS | OF_CANDIDATES
    return known[own].better if own in known else NEITHER


@dataclass(frozen=True, slots=True)
class Checked:
    """A number beside what was asked of it."""

    name: str
    found: float
    wanted: str
    holds: bool


@dataclass(frozen=True)
class Limits:
    """Limits of numbers: lower ones where higher is better, upper ones where lower is better.

    Attributes
    ----------
    under, over
        Name -> the least, and the largest number that passes. A count, which is better neither way, takes
        both.

    Raises
    ------
    OptionError
        A limit is not finite, or is a lower one of a metric that is better when lower, or the reverse.
    """

    under: Mapping[str, float] = field(default_factory=dict)
    over: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for option, limits, other, wrong in (
            ("--fail-under", self.under, "--fail-over", LOWER),
            ("--fail-over", self.over, "--fail-under", HIGHER),
        ):
            for name, limit in limits.items():
                if not math.isfinite(limit):
                    raise OptionError(f"{option} takes a finite number, found {name}={limit}.")
                if better(name) is wrong:
                    raise OptionError(
                        f"{name} is better when {wrong.value}: use {other} {name}={limit:g}, not {option}."
                    )

    @classmethod
    def parse(cls, under: Sequence[str], over: Sequence[str]) -> Limits:
        """Limits given as ``f1=0.6`` or ``only_a=10``.

        Raises
        ------
        OptionError
            One is not of the form NAME=NUMBER, or a name is given twice.
        """
        return cls(_parsed(under, "--fail-under", "f1=0.6"), _parsed(over, "--fail-over", "only_a=10"))

    def __bool__(self) -> bool:
        return bool(self.under or self.over)

    def check(self, found: Mapping[str, float]) -> list[Checked]:
        """Each limit beside the number found; a number that is not defined misses its limit."""
        least, most = (
            [(_known(name, found, option), limit) for name, limit in limits.items()]
            for option, limits in (("--fail-under", self.under), ("--fail-over", self.over))
        )
        return [
            *(Checked(n, found[n], f"at least {x:g}", found[n] >= x - SLACK) for n, x in least),
            *(Checked(n, found[n], f"at most {x:g}", found[n] <= x + SLACK) for n, x in most),
        ]


def _parsed(items: Sequence[str], option: str, example: str) -> dict[str, float]:
    limits: dict[str, float] = {}
    for item in items:
        name, _, text = item.partition("=")
        name = name.strip()
        if name in limits:
            raise OptionError(f"{option} names {name} twice; give one limit.")
        try:
            limits[name] = float(text)
        except ValueError:
            name = ""
        if not name:
            raise OptionError(f"{option} takes NAME=NUMBER such as {example}, found {item!r}.")
    return limits


@dataclass(frozen=True, slots=True)
class Expectation:
    """A stored number and by how much the one found may differ."""

    name: str
    value: float
    tolerance: float = 0.0


def metrics(result: InventoryComparison) -> dict[str, float]:
    """All numbers of a comparison by name.

    Those of the largest class have the names of `METRICS`; those of the others are prefixed with the title
    of the class and a dot, as in ``restricted outlines.f1``.
    """
    out: dict[str, float] = {}
    for k, section in enumerate(result.sections):
        prefix = f"{section.title}." if k else ""
        out |= {prefix + name: value for name, value in _section_metrics(section).items()}
    return out


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
