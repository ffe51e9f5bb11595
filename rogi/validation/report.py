"""What a validation says: findings, the conformance statement, and what was validated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from rogi.distribution import missing
from rogi.public import public
from rogi.rules.rule import Severity
from rogi.schema.model import Evidence, Role
from rogi.text import counted

if TYPE_CHECKING:
    import geopandas as gpd
    from folium import Map

    from rogi.inventory.model import Inventory

COLUMNS = (
    "code",
    "severity",
    "layer",
    "file",
    "row",
    "feature_id",
    "field",
    "value",
    "message",
    "other_layer",
    "other_file",
    "other_row",
    "other_id",
    "minx",
    "miny",
    "maxx",
    "maxy",
    "state",
    "reason",
    "fingerprint",
    "geometry",
)


NOT_SELECTED = "not selected"  # why a rule was not run: it was not asked for


class Status(StrEnum):
    """How a rule came out."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    NOT_RUN = "not run"


class State(StrEnum):
    """Whether a finding counts."""

    OPEN = "open"
    WAIVED = "waived"
    BASELINE = "baseline"  # known before


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the conformance statement.

    ``findings`` counts all, ``waived`` and ``known`` those of them that do not count because of a
    waiver or a baseline. ``reason`` says why a rule did not run, or where it ran only in part.
    """

    code: str
    name: str
    title: str
    severity: Severity
    evidence: Evidence
    status: Status
    findings: int = 0
    waived: int = 0
    known: int = 0
    reason: str = ""
    crashed: bool = False

    @property
    def open(self) -> int:
        """Findings that count."""
        return self.findings - self.waived - self.known


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """A layer as it was read."""

    role: Role
    name: str
    features: int
    sources: tuple[str, ...]  # "file:layer (driver)"
    crs: str  # "EPSG:4326", a name, or "none"
    columns: Mapping[str, str]  # concept -> column
    extra_columns: tuple[str, ...]
    bounds: tuple[float, float, float, float] | None  # WGS84 west, south, east, north
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InventorySummary:
    """The inventory as it was understood."""

    path: str
    schema: str
    dialect: str
    dialect_reason: str
    layers: tuple[LayerSummary, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A waiver and its status: ``used``, ``unused``, ``expired``, or ``not checked`` (rule not run)."""

    rule: str
    target: str
    reason: str
    author: str
    expires: dt.date | None
    status: str
    findings: int


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The result of :func:`rogi.validate`.

    Attributes
    ----------
    findings
        GeoDataFrame, EPSG:4326: one row per finding, columns :data:`COLUMNS`, sorted by code, layer and row.
        ``row`` counts from 1 as in the file (0: the layer as a whole), ``minx`` … ``maxy`` and ``geometry``
        (shapely or None) are WGS84 longitude and latitude, ``state`` is ``open``, ``waived`` or ``baseline``.
    outcomes
        One line per rule: the conformance statement.
    summary
        What was validated, and how it was understood.
    settings
        The choices made (profile, selection, overrides, parameters), as text.
    waivers
        Every waiver given, with its use.
    inventory
        The inventory itself, for renderers that draw it.
    """

    findings: gpd.GeoDataFrame
    outcomes: tuple[Outcome, ...]
    summary: InventorySummary
    settings: Mapping[str, str]
    version: str
    date: dt.date
    waivers: tuple[WaiverUse, ...] = ()
    inventory: Inventory | None = field(default=None, repr=False)

    @property
    def rules(self) -> pd.DataFrame:
        """The conformance statement, one row for each rule: code, name, title, severity, evidence, status.

        ``findings`` counts all, ``waived`` and ``known`` those that do not count; ``reason`` says why a rule
        did not run.
        """
        names = [one.name for one in fields(Outcome)]
        rows = [[getattr(outcome, name) for name in names] for outcome in self.outcomes]
        return pd.DataFrame(rows, columns=names).astype(
            dict.fromkeys(("severity", "evidence", "status"), str)
        )

    def count(self, severity: Severity | str) -> int:
        """Open findings of a severity."""
        found = self.findings
        return int(((found["severity"] == str(severity)) & (found["state"] == State.OPEN.value)).sum())

    @property
    def counts(self) -> dict[Severity, int]:
        """Open findings per severity, errors first."""
        return {severity: self.count(severity) for severity in Severity}

    @property
    def crashed(self) -> tuple[Outcome, ...]:
        """Rules that broke down: the report is then incomplete, and the exit code 2."""
        return tuple(outcome for outcome in self.outcomes if outcome.crashed)

    def exit_code(self, fail_on: Severity | None = Severity.ERROR) -> int:
        """0 nothing found at or above ``fail_on`` (None: never), 1 something found, 2 a rule broke down."""
        if self.crashed:
            return 2
        if fail_on is None:
            return 0
        return int(any(n for severity, n in self.counts.items() if severity.rank >= fail_on.rank))

    def explore(self, **options: object) -> Map:
        """An interactive map of the findings that have a place, coloured by severity.

        Parameters
        ----------
        **options
            Of :meth:`geopandas.GeoDataFrame.explore`.

        Raises
        ------
        MissingExtra
            folium or mapclassify is not installed.
        """
        try:
            import folium  # noqa: F401
        except ImportError as error:
            otherwise = "or write the findings with .write('findings.html') or .write('findings.gpkg')"
            raise missing(f"A map of findings needs {error.name}", "maps", otherwise) from None
        placed = self.findings[~(self.findings.geometry.isna() | self.findings.geometry.is_empty)]
        shown = ["code", "severity", "feature_id", "field", "value", "message"]
        colours = {Severity.ERROR: "#c0392b", Severity.WARNING: "#e08e0b", Severity.INFO: "#2d7fb8"}
        present = [severity for severity in Severity if (placed["severity"] == severity.value).any()]
        chosen: dict[str, object] = {
            "column": "severity",
            "categories": [severity.value for severity in present],
            "cmap": [colours[severity] for severity in present],
            "tooltip": shown,
            **options,
        }
        drawn: Map = placed[[*shown, "geometry"]].explore(**chosen)
        return drawn

    @public
    def write(
        self, path: str | PathLike[str], *, format: str | None = None, limit: int | None = None
    ) -> Path:
        """Write the report; see `rogi validate --output`.

        Parameters
        ----------
        path : path
            Its suffix names the format: .txt, .json, .jsonl, .md, .junit.xml, .sarif, .gpkg or .html.
        format : str, optional
            ``text``, ``json``, ``jsonl``, ``markdown``, ``junit``, ``sarif``, ``github``, ``gpkg`` or
            ``html``, where the suffix does not say it.
        limit : int, optional
            Findings shown of each rule in text and Markdown.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        OptionError
            The suffix or the format is unknown.
        OutputError
            The file cannot be written.
        """
        from rogi.report.format import chosen
        from rogi.report.validation import FORMATS, render

        target = Path(path)
        render(self, chosen(format, target, FORMATS), target, limit=limit)
        return target

    def _repr_html_(self) -> str:
        from rogi.report.validation.page import fragment

        return fragment(self)

    def __repr__(self) -> str:
        totals = ", ".join(f"{n} {severity.value}" for severity, n in self.counts.items())
        return f"<Report {self.summary.path or 'in memory'}: {totals}; {len(self.outcomes)} rules>"


@dataclass(frozen=True, slots=True)
class Totals:
    """What a report adds up to."""

    open: dict[Severity, int]
    waived: int
    known: int
    rules: dict[Status, int]

    @property
    def findings(self) -> int:
        """Findings that count."""
        return sum(self.open.values())

    def sentence(self) -> str:
        """The open findings in words."""
        parts = [counted(n, _NOUNS[severity]) for severity, n in self.open.items()]
        text = ", ".join(parts)
        aside = [
            f"{n:,} {word}" for n, word in ((self.waived, "waived"), (self.known, "in the baseline")) if n
        ]
        return text + (f" (and {', '.join(aside)})" if aside else "")

    def rule_sentence(self) -> str:
        """How the rules came out, in words."""
        return ", ".join(f"{n:,} {status.value}" for status, n in self.rules.items())


_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def totals(report: Report) -> Totals:
    """Counts over all findings and rules."""
    states = report.findings["state"].value_counts()
    return Totals(
        open=report.counts,
        waived=int(states.get(State.WAIVED.value, 0)),
        known=int(states.get(State.BASELINE.value, 0)),
        rules={status: sum(o.status is status for o in report.outcomes) for status in Status},
    )
