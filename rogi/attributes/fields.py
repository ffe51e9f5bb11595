"""The derived fields: their groups, precision and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from rogi.errors import OptionError
from rogi.schema.attributes import attributes
from rogi.schema.load import load_schema, load_vocabulary
from rogi.schema.model import LayerSchema, Role, normalise
from rogi.suggestions import did_you_mean

if TYPE_CHECKING:
    from rogi.attributes.configuration import AttributeSettings
    from rogi.inventory.model import Layer


class Group(StrEnum):
    """Groups of fields whose inputs have options of their own; others are those of `registry.sources`."""

    GEOMETRY = "geometry"
    REGION = "region"
    RELIEF = "relief"
    RADIATION = "radiation"
    MAAT = "maat"
    MAGT = "magt"
    AP = "ap"

    @property
    def concept(self) -> str:
        """The concept of a group of one."""
        return GROUPS[self][0]


def _groups() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {group.value: () for group in Group}
    for name, attribute in attributes().items():
        found[attribute.group] = (*found.get(attribute.group, ()), name)
    return found


GROUPS: Mapping[str, tuple[str, ...]] = _groups()
"""Group -> its concepts: fields that come from the same inputs."""

DECIMALS: Mapping[str, int] = {n: a.decimals for n, a in attributes().items() if a.decimals is not None}
"""Decimals stored, in the concept's unit."""

FAMILIES: Mapping[str, str] = {name: attribute.family for name, attribute in attributes().items()}
"""Concepts that belong together, null for the same reason and consistent in every unit."""

LABELS: Mapping[str, str] = {attribute.family: attribute.label for attribute in attributes().values()}
"""What notes call a family."""

_SHARES = {a.family: a.share for a in attributes().values() if a.share}

QUALITY: Mapping[str, str] = {
    "aspect_length": "ASP_LENGTH",
    "flat_share": "FLAT_SHARE",
    **{f"{family}_share": column for family, column in _SHARES.items()},
    "note": "ATTR_NOTE",
}
"""Columns that say how good a value is: resultant length of aspect, share of flat ground, shares of the unit
with values, and why there is none."""

QUALITY_OF: Mapping[str, str] = {
    "aspect_length": "aspect",
    "flat_share": "aspect",
    **{f"{family}_share": family for family in _SHARES},
}
"""The family that a column on quality is about; it is written where that family is."""


def group_label(group: str) -> str:
    """What messages call a group: the labels of its families."""
    return ", ".join(dict.fromkeys(LABELS[FAMILIES[name]] for name in GROUPS[group]))


def wanted_fields(settings: AttributeSettings, schema: LayerSchema | None) -> tuple[str, ...]:
    """Concepts to derive.

    Raises
    ------
    OptionError
        An unknown field, or one whose input was not given.
    """
    given = {group: is_given(group, settings) for group in GROUPS}
    possible = [name for group, names in GROUPS.items() if given[group] for name in names]
    if not settings.fields:
        return tuple(possible)
    chosen: set[str] = set()
    for text in settings.fields:
        chosen.update(_named(text, schema))
    needs = {Group.REGION: "regions", Group.RELIEF: "dem", Group.RADIATION: "dem"}
    for group, names in GROUPS.items():
        lacking = chosen.intersection(names) if not given[group] else ()
        if lacking:
            raise OptionError(
                f"{sorted(lacking)[0]} needs --{needs.get(group, group)}; name its data."  # type: ignore[call-overload]
            )
    return tuple(name for names in GROUPS.values() for name in names if name in chosen)


def is_given(group: str, settings: AttributeSettings) -> bool:
    """Whether the settings name the input of a group."""
    if group == Group.GEOMETRY:
        return True
    if group in (Group.RELIEF, Group.RADIATION):
        return bool(settings.dem)
    if group == Group.REGION:
        return settings.regions is not None
    if group in (Group.MAAT, Group.MAGT, Group.AP):
        return getattr(settings, group) is not None
    return any(given.name == group for given in settings.inputs)


def names() -> list[str]:
    """What can be asked for, as users write it: columns, groups, concepts."""
    every = [name for names in GROUPS.values() for name in names]
    layer = _tprogi()
    columns = [f.name for f in layer.fields if f.concept.name in every] if layer is not None else []
    columns += [a.column for a in attributes().values() if a.column]
    return [*columns, *GROUPS, *every]


def _named(text: str, schema: LayerSchema | None) -> Sequence[str]:
    """Concepts of a name: a concept, a column, a group, or ELE and SLO."""
    every = [name for names in GROUPS.values() for name in names]
    table: dict[str, Sequence[str]] = {normalise(name): [name] for name in every}
    for name, label in LABELS.items():
        table.setdefault(normalise(label), [each for each in every if FAMILIES[each] == name])
    table |= {normalise(a.column): [name] for name, a in attributes().items() if a.column}
    table |= {normalise(group): names for group, names in GROUPS.items()}
    for layer in (_tprogi(), schema):
        for field in layer.fields if layer is not None else ():
            if field.concept.name in every:
                table[normalise(field.name)] = [field.concept.name]
    found = table.get(normalise(text))
    if found is None:
        hint = did_you_mean(text, names()) or f"; derived are {', '.join(every)}."
        raise OptionError(f"There is no derived field {text!r}{hint}")
    return found


def _tprogi() -> LayerSchema | None:
    return load_schema("tprogi").layer(Role.OUTLINE)


def column_name(concept: str, layer: Layer) -> str:
    """The layer's column of a concept, else the name its schema gives it, else TPRoGI's."""
    if concept in layer.columns:
        return layer.columns[concept]
    for schema in (layer.schema, _tprogi()):
        field = schema.field(concept) if schema is not None else None
        if field is not None:
            return field.name
    return attributes()[concept].column or concept if concept in attributes() else concept


def field_vocabulary(concept: str, layer: Layer) -> tuple[str, ...]:
    """Terms of a concept's field in the layer's schema, else in TPRoGI's; none where it has no vocabulary."""
    for schema in (layer.schema, _tprogi()):
        field = schema.field(concept) if schema is not None else None
        if field is not None:
            return load_vocabulary(field.concept.vocabulary).values if field.concept.vocabulary else ()
    return ()
