"""Published agreement of candidates with an inventory, to set beside what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rogi.inventory.regions import fold
from rogi.schema.load import data_root, read_yaml

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PublishedRates:
    """Agreement by area as published: each a range, with equal ends where one number is known, or None."""

    precision: Range | None = None
    recall: Range | None = None
    f1: Range | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PublishedEvaluation:
    """A table of published rates.

    Attributes
    ----------
    name, title, inventory, source
    whole
        Of all subregions together.
    subregions
        By name.
    """

    name: str
    title: str
    inventory: str
    source: str
    whole: PublishedRates
    subregions: Mapping[str, PublishedRates]

    def of(self, subregion: str) -> PublishedRates | None:
        """Rates of a subregion, however its name is spelled; None if it has none."""
        wanted = fold(subregion)
        return next((rates for name, rates in self.subregions.items() if fold(name) == wanted), None)


def read_published(path: str | Path) -> PublishedEvaluation:
    """A published evaluation from a YAML file.

    Raises
    ------
    InputError
        If the file cannot be read or is none.
    """
    raw = read_yaml(Path(path), kind="evaluation")
    return PublishedEvaluation(
        raw["name"],
        raw["title"],
        raw.get("inventory", ""),
        raw["source"],
        _rates(raw["whole"]),
        {name: _rates(entry) for name, entry in raw["subregions"].items()},
    )


@cache
def packaged_evaluation(name: str = "sun-2024") -> PublishedEvaluation:
    """The published evaluation of that name that comes with rogi."""
    return read_published(data_root() / "schemas" / "references" / "evaluation" / f"{name}.yaml")


def _rates(entry: Mapping[str, Any]) -> PublishedRates:
    return PublishedRates(**{name: _range(value) for name, value in entry.items()})


def _range(value: float | list[float]) -> Range:
    low, high = value if isinstance(value, list) else (value, value)
    return float(low), float(high)
