"""The facts of a version: counts, sums, means and ranges that a copy of it can be checked against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import yaml

from rogi.release.description import Release
from rogi.schema.attributes import shown_in
from rogi.schema.load import concepts
from rogi.statistics.facts import FILE, FORMAT

if TYPE_CHECKING:
    from rogi.statistics.unit_table import UnitTable

__all__ = ["FILE", "facts_text"]

RELATIVE: Final = 1e-9  # tolerance of sums and means: the order of adding up


def facts_text(release: Release, table: UnitTable) -> str:
    """``facts.yaml`` of an inventory as it is: what `rogi stats --expect` and `rogi release check` read."""
    facts: list[dict[str, Any]] = [_fact("units", "count", None, len(table), 0)]
    for name in shown_in("facts"):
        values = table.numbers(name)
        if values is None or not np.isfinite(values).any():
            continue
        values = values[np.isfinite(values)]
        title = concepts()[name].title.lower()
        unit = concepts()[name].unit
        if name == "area":
            facts.append(_fact("total area", "sum", name, float(values.sum()), None, unit))
        facts.append(_fact(f"mean {title}", "mean", name, float(values.mean()), None, unit))
        facts.append(_fact(f"smallest {title}", "minimum", name, float(values.min()), None, unit))
        facts.append(_fact(f"largest {title}", "maximum", name, float(values.max()), None, unit))
    regions = table.text("subregion")
    if regions is not None:
        names = sorted({r for r in regions if r is not None})
        facts.append(_fact("subregions", "distinct", "subregion", len(names), 0))
        for region in names:
            count = int(sum(r == region for r in regions))
            facts.append({**_fact(f"units in {region}", "count", None, count, 0), "subregion": region})
    content: dict[str, Any] = {
        "format": FORMAT,
        "inventory": release.inventory,
        "version": release.version,
        "source": f"{release.name}, computed when it was built",
        "facts": facts,
    }
    if notes := [*table.notes, *table.value_notes()]:
        content["notes"] = notes  # what the numbers leave out
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def _fact(
    name: str,
    statistic: str,
    concept: str | None,
    value: float,
    tolerance: float | None,
    unit: str | None = None,
) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "statistic": statistic}
    if concept is not None:
        made["concept"] = concept
    if unit is not None:
        made["unit"] = unit
    number = float(f"{value:.12g}") if isinstance(value, float) else value
    exact = float(f"{max(RELATIVE * abs(value), 1e-12):.3g}")
    return made | {"value": number, "tolerance": exact if tolerance is None else tolerance}
