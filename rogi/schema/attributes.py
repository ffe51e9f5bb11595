"""The attributes that rogi derives, as ``schemas/concepts.yaml`` records them: one list for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from rogi.schema.load import concepts, load_schema
from rogi.schema.model import Attribute, FieldType, Role, normalise

STATISTICS = ("minimum", "median", "mean", "maximum")
"""Of a quantity over a unit, in the order in which they cannot contradict each other."""

BARE = {"degree": "°"}
"""Units as axes write them."""


@cache
def attributes() -> Mapping[str, Attribute]:
    """Concept -> its attribute, in the order of columns.

    Examples
    --------
    >>> attributes()["slope_mean"].family
    'slope'
    """
    found = {name: concept.attribute for name, concept in concepts().items() if concept.attribute is not None}
    return MappingProxyType(found)


@cache
def added_columns() -> frozenset[str]:
    """Normalised names of columns that `rogi attributes` adds to tables: they tell nothing of the origin."""
    layer = load_schema("tprogi").layer(Role.OUTLINE)
    named = [f.name for f in layer.fields if f.concept.name in attributes()] if layer is not None else []
    return frozenset(normalise(name) for name in (*named, *(a.column for a in attributes().values())) if name)


@cache
def family(name: str) -> tuple[str, ...]:
    """Concepts of a family, from the least statistic to the greatest.

    Examples
    --------
    >>> family("slope")
    ('slope_minimum', 'slope_median', 'slope_mean', 'slope_maximum')
    """
    return tuple(sorted((n for n, a in attributes().items() if a.family == name), key=_rank))


@cache
def orderly_families() -> tuple[str, ...]:
    """Families of which each unit has a minimum, a median, a mean and a maximum."""
    names = dict.fromkeys(a.family for a in attributes().values() if a.statistic)
    return tuple(n for n in names if {attributes()[c].statistic for c in family(n)} == set(STATISTICS))


@cache
def checked_by(rule: str) -> tuple[str, ...]:
    """Concepts whose range a rule checks.

    Examples
    --------
    >>> checked_by("ATT007")
    ('air_temperature', 'ground_temperature', 'precipitation')
    """
    return tuple(name for name, concept in concepts().items() if concept.range_rule == rule)


@cache
def numeric() -> tuple[str, ...]:
    """Concepts whose values are numbers: attributes first."""
    kinds = (FieldType.NUMBER, FieldType.INTEGER)
    names = [name for name, concept in concepts().items() if concept.type in kinds]
    derived = _by_family(name for name in names if name in attributes())
    return (*derived, *(name for name in names if name not in derived))


@cache
def continuous() -> tuple[str, ...]:
    """Attributes that are quantities of the unit: neither places nor directions."""
    return _by_family(
        n
        for n, a in attributes().items()
        if a.decimals is not None and not a.circular and a.family != "position"
    )


@cache
def from_rasters() -> tuple[str, ...]:
    """Attributes that come from rasters and other data, not from the inventory itself."""
    return _by_family(n for n, a in attributes().items() if a.group not in ("geometry", "region"))


@cache
def summarised() -> tuple[str, ...]:
    """Concepts of the summary of an inventory, in the order of its rows."""
    rows = {name: a.summary for name, a in attributes().items() if a.summary is not None}
    return tuple(sorted(rows, key=lambda name: rows[name]))


@cache
def shown_in(where: str) -> tuple[str, ...]:
    """Concepts of ``facts``, ``figure`` or ``grid``."""
    names = [name for name, a in attributes().items() if where in a.shown]
    if where == "figure":
        return tuple(name for name in summarised() if name in names)
    order = {s: k for k, s in enumerate(("minimum", "mean", "median", "maximum"))}
    families = list(dict.fromkeys(attributes()[name].family for name in names))
    return tuple(
        sorted(
            names,
            key=lambda n: (families.index(attributes()[n].family), order.get(attributes()[n].statistic, 0)),
        )
    )


def is_circular(name: str) -> bool:
    """Whether a concept is a direction in degrees."""
    return name in attributes() and attributes()[name].circular


def short_title(name: str) -> str:
    """What tables call a concept: ``mean slope``, ``MAAT``."""
    attribute, title = attributes().get(name), concepts()[name].title
    return attribute.short if attribute is not None and attribute.short else title[:1].lower() + title[1:]


def axis_title(name: str, title: str = "") -> str:
    """What axes call a concept, with its unit: ``Minimum elevation (m a.s.l.)``."""
    attribute, unit = attributes()[name], concepts()[name].unit or ""
    words = title or attribute.short or concepts()[name].title
    unit = attribute.axis or BARE.get(unit, unit)
    return f"{words} ({unit})" if unit else words


def _by_family(names: Iterable[str]) -> tuple[str, ...]:
    """Names with each family from the least statistic to the greatest."""
    chosen = dict.fromkeys(names)
    families = dict.fromkeys(attributes()[name].family for name in chosen)
    return tuple(name for each in families for name in family(each) if name in chosen)


def _rank(name: str) -> int:
    statistic = attributes()[name].statistic
    return STATISTICS.index(statistic) if statistic else 0
