"""The summary numbers of an inventory (Sun et al. 2024, abstract and Sect. 5.2), in all and per subregion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.geometry import Floats
from rogi.schema.attributes import attributes, summarised
from rogi.schema.load import concepts
from rogi.statistics.unit_table import UnitTable

Mask = NDArray[np.bool_]

UNKNOWN = "(none)"
COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of one quantity over units; ``share`` is of units with low <= value < high."""

    concept: str
    unit: str
    count: int
    mean: float
    median: float
    standard_deviation: float
    minimum: float
    maximum: float
    quantile_05: float
    quantile_95: float
    low: float | None
    high: float | None
    share: float | None


@dataclass(frozen=True, slots=True)
class Direction:
    """Aspects of units: the circular mean (degrees clockwise from north), its resultant length (0 no
    preference, 1 all alike; Mardia & Jupp 2000, eq. 2.2.4), and counts in eight sectors centred on N, NE, …
    """

    count: int
    mean: float
    resultant: float
    sectors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Group:
    """The numbers of all units, or of those of one subregion."""

    name: str
    units: int
    total_area: float  # km²; NaN without areas
    quantities: tuple[Summary, ...]
    aspect: Direction | None


@dataclass(frozen=True, slots=True)
class InventoryStatistics:
    """What ``rogi stats`` says."""

    whole: Group
    subregions: tuple[Group, ...]
    notes: tuple[str, ...]


def statistics(table: UnitTable) -> InventoryStatistics:
    """The summary numbers of an inventory; subregions in order of names."""
    degrees = aspects(table)
    whole = _group("all", table, np.ones(len(table), dtype=bool), degrees)
    groups: list[Group] = []
    if table.subregion is not None:
        code, names = pd.factorize(np.array([UNKNOWN if s is None else s for s in table.subregion], object))
        order = sorted(range(len(names)), key=names.__getitem__)
        groups = [_group(str(names[k]), table, code == k, degrees) for k in order]
    notes = (*table.layer.notes, *table.notes, *table.value_notes())
    return InventoryStatistics(whole, tuple(groups), notes)


def aspects(table: UnitTable) -> Floats | None:
    """(n,) degrees clockwise from north, NaN where unknown; None where there are none or their coding is not
    known: small whole numbers are classes, whose start is not."""
    values = table.numbers("aspect")
    return None if values is None or not np.isfinite(values).any() else values % 360.0


def direction(degrees: Floats) -> Direction:
    """Circular mean, resultant length and sector counts of aspects; NaN does not count."""
    known = np.sort(degrees[np.isfinite(degrees)])
    sector = np.floor((known + 22.5) / 45.0).astype(np.int64) % 8
    counts = np.bincount(sector, minlength=8)
    c, s = np.cos(np.radians(known)).sum(), np.sin(np.radians(known)).sum()
    n = len(known)
    return Direction(
        count=n,
        mean=float(np.degrees(np.arctan2(s, c)) % 360.0) if n else float("nan"),
        resultant=float(np.hypot(s, c) / n) if n else float("nan"),
        sectors=dict(zip(COMPASS, counts.tolist(), strict=True)),
    )


def _group(name: str, table: UnitTable, chosen: Mask, aspect: Floats | None) -> Group:
    quantities = []
    for concept in summarised():
        values = table.numbers(concept)
        if values is not None:
            known = np.sort(values[chosen & np.isfinite(values)])  # sums do not depend on the order of rows
            if len(known):
                quantities.append(
                    _summary(concept, concepts()[concept].unit or "", known, attributes()[concept].interval)
                )
    area = table.numbers("area")
    return Group(
        name=name,
        units=int(chosen.sum()),
        total_area=_total(area, chosen),
        quantities=tuple(quantities),
        aspect=None if aspect is None else direction(aspect[chosen]),
    )


def _total(area: Floats | None, chosen: Mask) -> float:
    """km²; nothing has no area, and what has none known is NaN."""
    if area is None:
        return float("nan") if chosen.any() else 0.0
    return float(np.nansum(np.sort(area[chosen])))


def _summary(concept: str, unit: str, values: Floats, interval: tuple[float, float] | None) -> Summary:
    q05, median, q95 = np.quantile(values, [0.05, 0.5, 0.95])
    low, high = interval or (None, None)
    return Summary(
        concept=concept,
        unit=unit,
        count=len(values),
        mean=float(values.mean()),
        median=float(median),
        standard_deviation=float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
        minimum=float(values.min()),
        maximum=float(values.max()),
        quantile_05=float(q05),
        quantile_95=float(q95),
        low=low,
        high=high,
        share=None if interval is None else float(((values >= interval[0]) & (values < interval[1])).mean()),
    )
