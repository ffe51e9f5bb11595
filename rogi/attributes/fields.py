"""The derived fields: their groups, precision and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from rogi.errors import OptionError
from rogi.schema.model import LayerSchema, Role, normalise

if TYPE_CHECKING:
    from numpy.typing import NDArray

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

QUALITY_DECIMALS = 4

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
    from rogi.schema.load import load_schema

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
    from rogi.schema.load import load_vocabulary

    for schema in (layer.schema, _tprogi()):
        field = schema.field(concept) if schema is not None else None
        if field is not None:
            return load_vocabulary(field.concept.vocabulary).values if field.concept.vocabulary else ()
    return ()


def filled_layer(
    layer: Layer,
    values: Mapping[str, NDArray[Any]],
    quality: Mapping[str, NDArray[np.float64]],
    notes: NDArray[np.object_],
    computed: NDArray[np.bool_],
    only_missing: bool,
) -> Layer:
    """A layer with derived values in its columns, or new ones, in the units the columns have.

    Of units that were not computed the columns on quality keep what they hold.
    """
    frame = layer.frame.copy()
    columns = dict(layer.columns)
    for concept, raw in values.items():
        name = column_name(concept, layer)
        new = _stored(concept, raw, layer)
        if only_missing and name in frame.columns:
            old = frame[name].to_numpy(dtype=object)
            new = np.where(blank(old), new.astype(object), old)
        frame[name] = _column(new)
        columns[concept] = name
    for key, share in quality.items():
        name = QUALITY[key]
        old = frame[name].to_numpy(dtype=object) if name in frame.columns else np.nan
        frame[name] = _column(np.where(computed, np.round(share, QUALITY_DECIMALS).astype(object), old))
    if quality or (notes != None).any():  # noqa: E711
        name = QUALITY["note"]
        kept = frame[name].to_numpy(dtype=object) if name in frame.columns else np.full(len(frame), None)
        frame[name] = np.where(computed, notes, kept)
    return replace(layer, frame=frame, columns=columns)


def joined_layer(markers: Layer, outlines: Layer, concepts: Sequence[str], only_missing: bool) -> Layer:
    """Markers with the values of the outline of their ID, in those of the columns that they have."""
    from rogi.inventory.primary_id import parse

    shared = [c for c in concepts if c in markers.columns and c != "primary_id"]
    if not shared or not markers.has("primary_id") or not outlines.has("primary_id"):
        return markers
    ids = parse(outlines.raw("primary_id").to_numpy(dtype=object)).canonical
    place = {text: k for k, text in reversed(list(enumerate(ids))) if text is not None}
    own = parse(markers.raw("primary_id").to_numpy(dtype=object)).canonical
    row = np.array([place.get(text, -1) if text is not None else -1 for text in own], dtype=np.int64)
    frame = markers.frame.copy()
    for concept in shared:
        name = markers.columns[concept]
        old = frame[name].to_numpy(dtype=object)
        new = np.array([*outlines.raw(concept), None], dtype=object)[row]
        keep = (row < 0) | (~blank(old) if only_missing else False)
        frame[name] = _column(np.where(keep, old, new))
    return replace(markers, frame=frame)


def _stored(concept: str, values: NDArray[Any], layer: Layer) -> NDArray[Any]:
    """Values in the unit of the layer's column, rounded."""
    if concept not in DECIMALS:
        return values
    from rogi.schema.load import concepts
    from rogi.schema.units import to_concept

    factor, offset, decimals = 1.0, 0.0, DECIMALS[concept]
    unit = layer.dialect.units.get(concept) if layer.dialect is not None else None
    if unit is not None:
        linear = to_concept(unit, concepts()[concept].unit)
        if linear is None:
            raise OptionError(
                f"The column {column_name(concept, layer)} is in {unit}, in which derived values cannot be "
                "written; convert the inventory first (rogi convert)."
            )
        factor, offset = linear
        decimals += round(np.log10(factor))
    found: NDArray[Any] = np.round((values.astype(np.float64) - offset) / factor, max(decimals, 0)) + 0.0
    if concept == "aspect":
        found[found >= 360.0] = 0.0
    return found


def _column(values: NDArray[Any]) -> Any:
    """Numbers as float64 where all are numbers or null."""
    import pandas as pd

    series = pd.Series(values)
    if series.dtype == object:
        numbers = pd.to_numeric(series, errors="coerce")
        if not (numbers.isna() & series.notna()).any() and numbers.notna().any():
            return numbers.astype(np.float64).to_numpy()
    return series.to_numpy()


def blank(values: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which values are null or blank text."""
    import pandas as pd

    empty = np.array([isinstance(v, str) and not v.strip() for v in values], dtype=bool)
    found: NDArray[np.bool_] = empty | np.asarray(pd.isna(values), dtype=bool)
    return found
