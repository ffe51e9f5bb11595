"""Findings as plain records, and text made fit to be shown: what all formats share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from rogi.paths import asked_for
from rogi.rules.rule import Severity
from rogi.schema.model import Role
from rogi.text import counted
from rogi.validation.report import _NOUNS, Outcome, Report, State

if TYPE_CHECKING:
    import pandas as pd

BOX = ("minx", "miny", "maxx", "maxy")


class Record(NamedTuple):
    """One finding; ``row`` counts from 1 as in the file, 0 is the layer as a whole.

    ``file`` is empty where the layer was read from one source.
    """

    code: str
    severity: str
    layer: str
    file: str
    row: int
    feature_id: str
    field: str
    value: str
    message: str
    other_layer: str
    other_file: str
    other_row: int
    other_id: str
    box: tuple[float, float, float, float] | None
    state: str
    reason: str
    fingerprint: str

    @property
    def subject(self) -> str:
        """What it is about, in words: ``outline 12 RGU…``."""
        return _subject(self.layer, self.file, self.row, self.feature_id)

    @property
    def other_subject(self) -> str:
        """The second feature concerned, in words; empty if there is none."""
        if not self.other_layer:
            return ""
        return _subject(self.other_layer, self.other_file, self.other_row, self.other_id)


def _subject(layer: str, file: str, row: int, feature_id: str) -> str:
    if not layer:
        return "inventory"
    layer = layer.replace("_", " ")
    if row < 1:
        return f"layer {layer}"
    generated = feature_id in ("", f"row {row}")
    return f"{layer} {row}" + (f" of {file}" if file else "") + ("" if generated else f" {feature_id}")


def records(frame: pd.DataFrame) -> Iterator[Record]:
    """Findings of a report's table, or of a part of it, in its order."""
    columns = [frame[name].tolist() for name in Record._fields if name != "box"]
    boxes = zip(*(frame[name].tolist() for name in BOX), strict=True)
    at = Record._fields.index("box")
    for values, box in zip(zip(*columns, strict=True), boxes, strict=True):
        place = box if all(math.isfinite(v) for v in box) else None
        yield Record._make((*values[:at], place, *values[at:]))


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """A rule with findings.

    Attributes
    ----------
    severity
        Of the worst finding that counts, or of the worst where none does: single findings may differ
        from their rule.
    positions
        (k,) rows of ``report.findings``: those that count first, the worst first.
    """

    outcome: Outcome
    severity: Severity
    positions: NDArray[np.intp]

    def mixture(self, report: Report) -> list[str]:
        """How many findings of each severity, where they are not all of one: a heading names the worst."""
        severities = report.findings["severity"].iloc[self.positions].value_counts()
        if len(severities) < 2:
            return []
        return [
            counted(int(severities[s.value]), _NOUNS[s])
            for s in sorted(Severity, key=lambda s: -s.rank)
            if s.value in severities.index
        ]

    def records(self, report: Report, limit: int = -1) -> Iterator[Record]:
        """Its findings in this order, at most ``limit`` of them (negative: all)."""
        part = self.positions if limit < 0 else self.positions[:limit]
        return records(report.findings.iloc[part])


def failures(report: Report) -> list[Failure]:
    """Rules with findings, those with errors first, else in the report's order."""
    frame = report.findings
    ranks = frame["severity"].map({s.value: s.rank for s in Severity}).to_numpy(dtype=np.int64)
    counts = (frame["state"] == State.OPEN.value).to_numpy(dtype=bool)
    weight = ranks + 3 * counts
    groups = frame.groupby("code", sort=False).indices
    found = []
    for outcome in report.outcomes:
        if outcome.code not in groups:
            continue
        at = np.asarray(groups[outcome.code], dtype=np.intp)
        at = at[np.argsort(-weight[at], kind="stable")]
        severity = next(s for s in Severity if s.rank == ranks[at[0]])
        found.append(Failure(outcome, severity, at))
    return sorted(found, key=lambda f: -f.severity.rank)


def source_uri(report: Report, layer: str, file: str = "") -> str:
    """Path of the file a layer came from, as a URI reference: relative stays relative.

    ``file`` is that of a `Record` where the layer has several.
    """
    path: PurePath | None = None
    if report.inventory is not None and layer:
        found = report.inventory.layer(Role(layer))
        if found is not None and found.sources and found.sources[0].driver != "memory":
            at = found.source_names.index(file) if file in found.source_names else 0
            path = found.sources[at].path
    if path is None:
        path = PurePath(report.summary.path or "inventory")
    text = path.as_posix()
    if (address := asked_for(text)) != text:
        return quote(address, safe="%/:?=&*")
    if path.is_absolute():
        return "file://" + quote(text if text.startswith("/") else f"/{text}")
    return quote(text)
