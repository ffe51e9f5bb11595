"""The summary numbers of an inventory as a document."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rogi.report.document import Document, Passage
from rogi.report.tables import ReportTable, km2
from rogi.schema.attributes import short_title
from rogi.statistics.facts import Checked, Facts
from rogi.statistics.summary import Direction, Group, InventoryStatistics, Summary
from rogi.text import counted

QUANTITIES = ("quantity", "unit", "units", "mean", "median", "minimum", "maximum", "5 %", "95 %", "share")
SUBREGIONS = (
    "subregion", "units", "area (km²)", "mean area (km²)", "min. elevation (m)", "slope (°)", "aspect"
)  # fmt: skip


def document(
    statistics: InventoryStatistics,
    name: str,
    facts: Facts | None = None,
    checked: Sequence[Checked] = (),
) -> Document:
    """The numbers of an inventory of this name, and of stated facts whether they hold."""
    whole = statistics.whole
    headline = f"{name}: {counted(whole.units, 'unit')}"
    if math.isfinite(whole.total_area) and (whole.total_area > 0 or not whole.units):
        headline += f", total area {km2(1e6 * whole.total_area)} km²"
        known = next((q.count for q in whole.quantities if q.concept == "area"), whole.units)
        headline += f" ({counted(known, 'unit')})" if known < whole.units else ""
    parts: list[ReportTable | Passage] = []
    if whole.quantities:
        rows = tuple(_quantity(q) for q in whole.quantities)
        parts.append(ReportTable("", "", QUANTITIES, rows, tuple(range(2, 9))))
    if whole.aspect is not None and whole.aspect.count:
        parts.append(Passage("", (_aspect(whole.aspect),)))
    if statistics.subregions:
        rows = tuple(_subregion(group) for group in statistics.subregions)
        parts.append(ReportTable("", "", SUBREGIONS, rows, tuple(range(1, 6))))
    if facts is not None:
        group = f"Compared with {facts.inventory} {facts.version}"
        rows = tuple(_checked(c) for c in checked)
        columns = ("fact", "stated", "tolerance", "found", "")
        parts.append(ReportTable(group, "", columns, rows, (1, 2, 3), facts.source))
    return Document(
        title=name,
        headline=headline,
        parts=parts,
        remarks=statistics.notes,
        data=lambda: _data(statistics, facts, checked),
    )


def _data(statistics: InventoryStatistics, facts: Facts | None, checked: Sequence[Checked]) -> dict[str, Any]:
    out: dict[str, Any] = {
        "whole": asdict(statistics.whole),
        "subregions": [asdict(group) for group in statistics.subregions],
        "notes": list(statistics.notes),
    }
    if facts is not None:
        out["facts"] = {
            "inventory": facts.inventory,
            "version": facts.version,
            "source": facts.source,
            "checked": [
                {
                    "name": c.fact.name,
                    "unit": c.fact.value_unit,
                    "stated": c.fact.value,
                    "tolerance": c.fact.tolerance,
                    "found": c.found,
                    "holds": c.holds,
                    "reason": c.reason,
                }
                for c in checked
            ],
        }
    return out


def _quantity(q: Summary) -> tuple[str, ...]:
    cells = [
        f"{v:,.{_digits(q)}f}" for v in (q.mean, q.median, q.minimum, q.maximum, q.quantile_05, q.quantile_95)
    ]
    share = "" if q.share is None else f"{100 * q.share:.1f} % from {q.low:g} to {q.high:g}"
    return (short_title(q.concept), q.unit, f"{q.count:,}", *cells, share)


def _digits(q: Summary) -> int:
    return 3 if q.concept == "area" else (1 if q.unit in ("degree", "°C") else 0)


def _subregion(group: Group) -> tuple[str, ...]:
    by_name = {q.concept: q for q in group.quantities}

    def mean(concept: str, digits: int) -> str:
        return f"{by_name[concept].mean:,.{digits}f}" if concept in by_name else ""

    area = f"{group.total_area:,.2f}" if math.isfinite(group.total_area) and group.total_area > 0 else ""
    aspect = ""
    if group.aspect is not None and group.aspect.count:
        aspect = f"{group.aspect.mean:.0f}° (R {group.aspect.resultant:.2f})"
    means = mean("area", 3), mean("elevation_minimum", 0), mean("slope_mean", 1)
    return (group.name, f"{group.units:,}", area, *means, aspect)


def _aspect(aspect: Direction) -> str:
    sectors = ", ".join(f"{name} {100 * n / aspect.count:.1f} %" for name, n in aspect.sectors.items())
    return (
        f"Aspect: circular mean {aspect.mean:.1f}°, resultant length {aspect.resultant:.3f} "
        f"({aspect.count:,} units); {sectors}"
    )


def _checked(c: Checked) -> tuple[str, ...]:
    verdict = {True: "holds", False: "differs", None: f"not checked: {c.reason}"}[c.holds]
    found = "" if c.found is None else f"{c.found:.10g}"
    unit = f" {c.fact.value_unit}" if c.fact.value_unit else ""
    return (c.fact.name, f"{c.fact.value:.10g}{unit}", f"{c.fact.tolerance:g}", found, verdict)
