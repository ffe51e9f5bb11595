"""The summary numbers of an inventory as text (Markdown) and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rogi.statistics.facts import Checked, Facts
from rogi.statistics.summary import Direction, Group, InventoryStatistics, Summary
from rogi.text import counted, markdown

TITLES = {
    "area": "area",
    "elevation_minimum": "minimum elevation",
    "elevation_mean": "mean elevation",
    "elevation_median": "median elevation",
    "elevation_maximum": "maximum elevation",
    "slope_mean": "mean slope",
    "air_temperature": "MAAT",
    "ground_temperature": "MAGT",
    "precipitation": "annual precipitation",
    "radiation": "PISR",
}


def as_dict(
    statistics: InventoryStatistics, facts: Facts | None = None, checked: Sequence[Checked] = ()
) -> dict[str, Any]:
    """All numbers, for JSON; undefined ones are null."""
    out: dict[str, Any] = {
        "whole": _group(statistics.whole),
        "subregions": [_group(group) for group in statistics.subregions],
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
                    "unit": c.fact.unit,
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


def as_markdown(
    statistics: InventoryStatistics,
    name: str,
    facts: Facts | None = None,
    checked: Sequence[Checked] = (),
) -> str:
    """The numbers as Markdown; also what the terminal shows."""
    whole = statistics.whole
    lines = [f"# {markdown(name)}", "", counted(whole.units, "unit")]
    if math.isfinite(whole.total_area) and (whole.total_area > 0 or not whole.units):
        lines[-1] += f", total area {whole.total_area:,.6f} km²"
    if whole.quantities:
        lines += [
            "",
            "| quantity | unit | units | mean | median | minimum | maximum | 5 % | 95 % | share |",
        ]
        lines.append("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
        lines += [_row(q) for q in whole.quantities]
    if whole.aspect is not None and whole.aspect.count:
        lines += ["", _aspect(whole.aspect)]
    if statistics.subregions:
        lines += [
            "",
            "| subregion | units | area (km²) | mean area (km²) | min. elevation (m) | slope (°) | aspect |",
        ]
        lines.append("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
        lines += [_subregion(group) for group in statistics.subregions]
    if facts is not None:
        lines += [
            "",
            f"## Compared with {markdown(f'{facts.inventory} {facts.version}')}",
            "",
            markdown(facts.source),
            "",
        ]
        lines.append("| fact | stated | tolerance | found | |")
        lines.append("| --- | ---: | ---: | ---: | --- |")
        lines += [_checked(c) for c in checked]
    lines += ["", *(f"- {markdown(note)}" for note in statistics.notes)] if statistics.notes else []
    return "\n".join(lines) + "\n"


def _row(q: Summary) -> str:
    cells = [
        f"{v:,.{_digits(q)}f}" for v in (q.mean, q.median, q.minimum, q.maximum, q.quantile_05, q.quantile_95)
    ]
    share = "" if q.share is None else f"{100 * q.share:.1f} % from {q.low:g} to {q.high:g}"
    return f"| {TITLES.get(q.concept, q.concept)} | {q.unit} | {q.count:,} | {' | '.join(cells)} | {share} |"


def _digits(q: Summary) -> int:
    return 3 if q.concept == "area" else (1 if q.unit in ("degree", "°C") else 0)


def _subregion(group: Group) -> str:
    by_name = {q.concept: q for q in group.quantities}

    def mean(concept: str, digits: int) -> str:
        return f"{by_name[concept].mean:,.{digits}f}" if concept in by_name else ""

    area = f"{group.total_area:,.2f}" if math.isfinite(group.total_area) and group.total_area > 0 else ""
    aspect = ""
    if group.aspect is not None and group.aspect.count:
        aspect = f"{group.aspect.mean:.0f}° (R {group.aspect.resultant:.2f})"
    name = markdown(group.name)
    return (
        f"| {name} | {group.units:,} | {area} | {mean('area', 3)} | {mean('elevation_minimum', 0)} | "
        f"{mean('slope_mean', 1)} | {aspect} |"
    )


def _aspect(aspect: Direction) -> str:
    sectors = ", ".join(f"{name} {100 * n / aspect.count:.1f} %" for name, n in aspect.sectors.items())
    return (
        f"Aspect: circular mean {aspect.mean:.1f}°, resultant length {aspect.resultant:.3f} "
        f"({aspect.count:,} units); {sectors}"
    )


def _checked(c: Checked) -> str:
    verdict = {True: "holds", False: "**differs**", None: f"not checked: {markdown(c.reason)}"}[c.holds]
    found = "" if c.found is None else f"{c.found:.10g}"
    unit = f" {c.fact.unit}" if c.fact.unit else ""
    name = markdown(c.fact.name)
    return f"| {name} | {c.fact.value:.10g}{unit} | {c.fact.tolerance:g} | {found} | {verdict} |"


def _group(group: Group) -> dict[str, Any]:
    out = asdict(group)
    return {k: _clean(v) for k, v in out.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(v) for v in value]
    return value
