"""Facts about an inventory, stated in YAML with tolerances, and what the inventory itself says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError, OptionError
from rogi.inventory.regions import fold
from rogi.longitudes import short_way
from rogi.schema.documents import refuse_unknown
from rogi.schema.load import concepts, data_root, read_yaml
from rogi.schema.units import standard_unit, to_concept
from rogi.statistics.summary import direction
from rogi.suggestions import did_you_mean

if TYPE_CHECKING:
    from rogi.statistics.unit_table import UnitTable

NUMBERS = ("value", "tolerance", "above", "below")
FORMAT = 1
FILE = "facts.yaml"


class Statistic(StrEnum):
    """What a fact is a number of."""

    COUNT = "count"  # units
    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    SHARE = "share"  # of the units with a value, those at or above ``above`` and below ``below``
    DISTINCT = "distinct"  # different values


@dataclass(frozen=True, slots=True)
class Fact:
    """One stated number.

    Attributes
    ----------
    name : str
    statistic : Statistic
    value, tolerance : float
        In ``unit``; of a share, a fraction from 0 to 1.
    concept : str, optional
        What it is a number of; none for a count.
    unit : str
        Of ``value``, ``tolerance``, ``above`` and ``below``; empty for the concept's. Of a share, only of its
        bounds, see :attr:`value_unit`.
    above, below : float, optional
        Bounds of a share, in ``unit``.
    subregion : str, optional
        Whose units are meant; by default all.
    """

    name: str
    statistic: Statistic
    value: float
    tolerance: float
    concept: str | None = None
    unit: str = ""
    above: float | None = None
    below: float | None = None
    subregion: str | None = None

    @property
    def value_unit(self) -> str:
        """Unit of ``value``: a share has none, whatever that of its bounds."""
        return "" if self.statistic is Statistic.SHARE else self.unit

    @property
    def scale(self) -> tuple[float, float]:
        """Factor and offset from the fact's unit to the concept's."""
        unit = concepts()[self.concept].unit if self.concept is not None else None
        if not self.unit or self.unit == unit:
            return 1.0, 0.0
        linear = to_concept(standard_unit(self.unit) or "", unit)
        if linear is None:
            raise OptionError(f"{self.unit!r} is no unit of {self.concept}; use {unit or 'none'}.")
        return linear


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of one inventory and version."""

    inventory: str
    version: str
    source: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A fact beside the number computed; ``found`` is None where it could not be, and ``reason`` says why."""

    fact: Fact
    found: float | None
    reason: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the number is within the tolerance; None if there is none."""
        if self.found is None:
            return None
        # A hair more than the tolerance, since neither number is exact in binary.
        slack = 1e-9 * max(1.0, abs(self.fact.value))
        difference = self.found - self.fact.value
        if self.fact.statistic is Statistic.MEAN and self.fact.concept == "aspect":
            factor, _ = self.fact.scale
            difference = short_way(difference * factor) / factor
        return abs(difference) <= self.fact.tolerance + slack


def read_facts(path: Path) -> Facts:
    """Facts of a YAML file, or of a folder (or release, as ``1.0``) that holds ``facts.yaml``.

    Raises
    ------
    InputError
        If there is no such file or it is not one of facts; the message names the fact.
    """
    if not path.exists() and (data_root() / "releases" / path.name / FILE).is_file():
        path = data_root() / "releases" / path.name
    if path.is_dir():
        path = path / FILE
    if not path.is_file():
        known = sorted(p.parent.name for p in (data_root() / "releases").glob(f"*/{FILE}"))
        raise InputError(
            f"There are no facts at {path}; name a facts.yaml, its folder, or a version ({', '.join(known)})."
        )
    content = read_yaml(path)
    if not isinstance(content, Mapping) or content.get("format") != FORMAT:
        raise InputError(f"{path} is not a file of facts of format {FORMAT}.")
    listed = content.get("facts")
    if not isinstance(listed, list) or not listed:
        raise InputError(f"{path} states no facts; it needs a list 'facts'.")
    return Facts(
        inventory=str(content.get("inventory", "")),
        version=str(content.get("version", "")),
        source=str(content.get("source", "")),
        facts=tuple(_fact(entry, path) for entry in listed),
    )


def check(facts: Facts, table: UnitTable) -> tuple[Checked, ...]:
    """Each fact beside what the inventory says."""
    subregion = None if table.subregion is None else _folded(table.subregion)
    return tuple(_check(fact, table, subregion) for fact in facts.facts)


def _folded(texts: NDArray[np.object_]) -> NDArray[np.object_]:
    """(n,) names as they are compared, or None; each distinct one is folded once."""
    known = {text: None if text is None else fold(text) for text in set(texts.tolist())}
    return np.array([*map(known.get, texts.tolist()), None], dtype=object)[:-1]


def _check(fact: Fact, table: UnitTable, subregion: NDArray[np.object_] | None) -> Checked:
    chosen = np.ones(len(table), dtype=bool)
    if fact.subregion is not None:
        if subregion is None:
            return Checked(fact, None, "no subregions")
        chosen = np.asarray(subregion == fold(fact.subregion), dtype=bool)
    if fact.statistic is Statistic.COUNT:
        return Checked(fact, float(chosen.sum()))
    assert fact.concept is not None
    if fact.statistic is Statistic.DISTINCT:
        text = table.text(fact.concept)
        if text is None:
            return Checked(fact, None, f"no column for {fact.concept.replace('_', ' ')}")
        return Checked(fact, float(len(set(_folded(text[chosen]).tolist()) - {None})))
    values = table.numbers(fact.concept)
    if values is None:
        return Checked(fact, None, f"no column for {fact.concept.replace('_', ' ')}")
    values = values[chosen]
    values = np.sort(values[np.isfinite(values)])  # so that sums do not depend on the order of rows
    if not len(values):
        return Checked(fact, None, "no values")
    factor, offset = fact.scale
    if fact.concept == "aspect" and fact.statistic is Statistic.MEAN:
        return Checked(fact, (direction(values).mean - offset) / factor)
    return Checked(fact, _number(fact, (values - offset) / factor))


def _number(fact: Fact, values: NDArray[np.float64]) -> float:
    match fact.statistic:
        case Statistic.SUM:
            return float(values.sum())
        case Statistic.MEAN:
            return float(values.mean())
        case Statistic.MEDIAN:
            return float(np.median(values))
        case Statistic.MINIMUM:
            return float(values.min())
        case Statistic.MAXIMUM:
            return float(values.max())
        case Statistic.SHARE:
            low = -np.inf if fact.above is None else fact.above
            high = np.inf if fact.below is None else fact.below
            return float(((values >= low) & (values < high)).mean())
    raise ValueError(fact.statistic)


def _fact(entry: Any, path: Path) -> Fact:
    known = {"name", "statistic", "concept", "unit", "subregion", *NUMBERS}
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise InputError(f"{path}: a fact is a table with a name, found {entry!r}.")
    where = f"{path}: fact {entry['name']!r}"
    refuse_unknown(entry, known, where)
    lacking = [key for key in ("statistic", "value") if key not in entry]
    if lacking:
        raise InputError(f"{where} has no {' and no '.join(lacking)}.")
    allowed = [s.value for s in Statistic]
    if entry["statistic"] not in allowed:
        meant = did_you_mean(str(entry["statistic"]), allowed) or "."
        raise InputError(
            f"{where} has the statistic {entry['statistic']!r}; statistics are {', '.join(allowed)}{meant}"
        )
    numbers = {key: _number_of(entry[key], f"{where}: {key}") for key in NUMBERS if key in entry}
    subregion = entry.get("subregion")
    fact = Fact(
        name=str(entry["name"]),
        statistic=(statistic := Statistic(entry["statistic"])),
        value=numbers["value"],
        tolerance=numbers.get("tolerance", 0.0),
        concept=entry.get("concept"),
        unit=str(entry.get("unit", "")),
        above=numbers.get("above"),
        below=numbers.get("below"),
        subregion=None if subregion is None else str(subregion),
    )
    if statistic is not Statistic.COUNT and fact.concept is None:
        raise InputError(f"{where} needs a concept to take the {statistic.value} of.")
    if fact.tolerance < 0:
        raise InputError(f"{where}: a tolerance is 0 or more, found {fact.tolerance:g}.")
    _check_meaning(fact, where)
    return fact


def _number_of(value: object, what: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = np.nan
    if isinstance(value, bool) or not np.isfinite(number):
        raise InputError(f"{what} is a number, found {value!r}.")
    return number


def _check_meaning(fact: Fact, where: str) -> None:
    """Refuse a concept that is not known, a unit it cannot be in, and statistics that directions have not."""
    known = concepts()
    if fact.concept is not None and fact.concept not in known:
        hint = did_you_mean(fact.concept, known) or "; `rogi schema show` lists concepts."
        raise InputError(f"{where} has the unknown concept {fact.concept!r}{hint}")
    if fact.statistic in (Statistic.COUNT, Statistic.DISTINCT):
        if fact.unit and standard_unit(fact.unit) is not None:
            raise InputError(f"{where} is a count and has no unit, found {fact.unit!r}; leave it out.")
        return
    try:
        _ = fact.scale
    except OptionError:
        of = known[str(fact.concept)].unit
        also = " above and below are in it, and a share is a fraction." if fact.unit == "%" else ""
        raise InputError(
            f"{where} has the unit {fact.unit!r}, which {fact.concept} cannot be converted to; "
            f"use {of or 'none'} or another unit of that kind.{also}"
        ) from None
    if fact.concept == "aspect" and fact.statistic in (Statistic.SUM, Statistic.MEDIAN):
        raise InputError(f"{where}: directions have no {fact.statistic.value}; take the mean, or a share.")
