"""The derived fields: their groups, precision and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

from rogi.errors import OptionError
from rogi.schema.load import load_schema, load_vocabulary
from rogi.schema.model import LayerSchema, Role, normalise

if TYPE_CHECKING:
    from rogi.attributes.configuration import AttributeSettings
    from rogi.inventory.model import Layer


class Group(StrEnum):
    """Fields that come from the same inputs."""

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

    @property
    def label(self) -> str:
        """What messages call it."""
        return {"relief": "ELE, SLO, ASPECT", "radiation": "PISR"}.get(self.value, self.value.upper())


GROUPS: Mapping[Group, tuple[str, ...]] = {
    Group.GEOMETRY: ("primary_id", "area", "latitude", "longitude"),
    Group.REGION: ("subregion",),
    Group.RELIEF: (
        "elevation_mean", "elevation_median", "elevation_minimum", "elevation_maximum",
        "slope_mean", "slope_median", "slope_minimum", "slope_maximum", "aspect",
    ),
    Group.RADIATION: ("radiation",),
    Group.MAAT: ("air_temperature",),
    Group.MAGT: ("ground_temperature",),
    Group.AP: ("precipitation",),
}  # fmt: skip

DECIMALS: Mapping[str, int] = {
    "area": 6,
    "latitude": 6,
    "longitude": 6,
    **dict.fromkeys(GROUPS[Group.RELIEF], 2),
    "radiation": 1,
    "air_temperature": 2,
    "ground_temperature": 2,
    "precipitation": 1,
}
"""Decimals stored, in the concept's unit: beyond what the inputs can tell, short of rounding noise."""

QUALITY: Mapping[str, str] = {
    "aspect_length": "ASP_LENGTH",
    "flat_share": "FLAT_SHARE",
    "elevation_share": "ELE_SHARE",
    "slope_share": "SLO_SHARE",
    "radiation_share": "PISR_SHARE",
    "air_temperature_share": "MAAT_SHARE",
    "ground_temperature_share": "MAGT_SHARE",
    "precipitation_share": "AP_SHARE",
    "note": "ATTR_NOTE",
}
"""Columns that say how good a value is: resultant length of aspect, share of flat ground, shares of the unit
with values, and why there is none."""

QUALITY_OF: Mapping[str, str] = {
    "aspect_length": "aspect",
    "flat_share": "aspect",
    **{
        name: name.removesuffix("_share")
        for name in QUALITY
        if name.endswith("_share") and name != "flat_share"
    },
}
"""The family that a column on quality is about; it is written where that family is."""

FAMILIES: Mapping[str, str] = {
    **{name: name.split("_")[0] for name in GROUPS[Group.RELIEF]},
    "area": "area", "latitude": "position", "longitude": "position",
}  # fmt: skip
"""Concepts that belong together, null for the same reason and consistent in every unit; others by
themselves."""

SHORT = {"ELE": "elevation", "SLO": "slope"}
"""Names of the paper's columns that stand for four fields."""


def wanted_fields(settings: AttributeSettings, schema: LayerSchema | None) -> tuple[str, ...]:
    """Concepts to derive.

    Raises
    ------
    OptionError
        An unknown field, or one whose input was not given.
    """
    given = {
        Group.GEOMETRY: True,
        Group.REGION: settings.regions is not None,
        Group.RELIEF: bool(settings.dem),
        Group.RADIATION: bool(settings.dem),
        Group.MAAT: settings.maat is not None,
        Group.MAGT: settings.magt is not None,
        Group.AP: settings.ap is not None,
    }
    possible = [name for group, names in GROUPS.items() if given[group] for name in names]
    if not settings.fields:
        return tuple(possible)
    chosen: set[str] = set()
    for text in settings.fields:
        chosen.update(_named(text, schema))
    needs = {Group.REGION: "--regions", Group.RELIEF: "--dem", Group.RADIATION: "--dem"}
    for group, names in GROUPS.items():
        lacking = chosen.intersection(names) if not given[group] else ()
        if lacking:
            raise OptionError(
                f"{sorted(lacking)[0]} needs {needs.get(group, f'--{group.value}')}; name its data."
            )
    return tuple(name for names in GROUPS.values() for name in names if name in chosen)


def _named(text: str, schema: LayerSchema | None) -> Sequence[str]:
    """Concepts of a name: a concept, a column, a group, or ELE and SLO."""
    every = [name for names in GROUPS.values() for name in names]
    table: dict[str, Sequence[str]] = {normalise(name): [name] for name in every}
    table |= {normalise(group.value): names for group, names in GROUPS.items()}
    table |= {normalise(k): [name for name in every if name.startswith(v)] for k, v in SHORT.items()}
    for layer in (_tprogi(), schema):
        for field in layer.fields if layer is not None else ():
            if field.concept.name in every:
                table[normalise(field.name)] = [field.concept.name]
    found = table.get(normalise(text))
    if found is None:
        near = get_close_matches(normalise(text), table, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; derived are {', '.join(every)}."
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
    return concept


def field_vocabulary(concept: str, layer: Layer) -> tuple[str, ...]:
    """Terms of a concept's field in the layer's schema, else in TPRoGI's; none where it has no vocabulary."""
    for schema in (layer.schema, _tprogi()):
        field = schema.field(concept) if schema is not None else None
        if field is not None:
            return load_vocabulary(field.concept.vocabulary).values if field.concept.vocabulary else ()
    return ()
