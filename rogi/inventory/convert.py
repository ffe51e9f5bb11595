"""An inventory under the names, values and units of a schema, and what is lost on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.errors import OptionError
from rogi.geometry import places_on_earth
from rogi.inventory.build import columns_of
from rogi.inventory.coordinates import coordinates, labels_of
from rogi.inventory.crs import label
from rogi.inventory.ids.unit_positions import finite_coordinates
from rogi.inventory.loss import Loss, LossKind, unread_tables
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.aspects import from_degrees, is_class
from rogi.inventory.values.known import quantity
from rogi.inventory.values.units import AreaKind, scaled_values
from rogi.schema.load import dialects, load_schema, load_vocabulary
from rogi.schema.model import Concept, Dialect, FieldType, LayerSchema, Match, Schema, normalise


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted inventory, what was lost, and what was converted or kept although it is wrong."""

    inventory: Inventory
    losses: tuple[Loss, ...]
    notes: tuple[str, ...] = ()


def convert(
    inventory: Inventory,
    schema: str | Schema | None = None,
    *,
    crs: str | None = None,
    keep_extra: bool = True,
) -> Conversion:
    """Map an inventory to a schema: names of layers and columns, terms of vocabularies, units.

    Parameters
    ----------
    inventory : Inventory
        Not changed.
    schema : str or Schema, optional
        Id or path; by default the inventory's own.
    crs : str, optional
        Coordinate reference system to bring all layers into; by default each keeps its own.
    keep_extra : bool
        Whether columns without a field in the schema are kept, as they are, after the others.

    Returns
    -------
    Conversion
        Every loss is counted: values whose term says less or could be another, columns and layers without
        a place in the schema.

    Raises
    ------
    OptionError
        If the schema or CRS is unknown, or a layer without CRS is to be reprojected.
    """
    if schema is None:
        target = inventory.schema
    else:
        target = load_schema(schema) if isinstance(schema, str) else schema
    native = _native_dialect(target)
    losses = unread_tables(inventory)
    notes: list[str] = []
    layers = []
    for layer in inventory.layers:
        described = target.layer(layer.role)
        if described is None:
            detail = f"{target.id} has no {layer.role.title}"
            losses.append(Loss(layer.name, LossKind.LAYER_LEFT_OUT, "", len(layer), detail))
            continue
        same = inventory.schema.id == target.id
        converted = _layer(layer, described, losses, notes, keep_extra, same)
        if crs is not None:
            converted = _reprojected(layer, converted, crs, losses)
        kept = converted.frame.drop(columns=list(converted.columns.values()))
        columns = columns_of(kept, None, native, layer.role) | dict(converted.columns)
        layers.append(replace(converted, columns=columns, dialect=native.layer(layer.role)))
    reason = f"converted from {inventory.dialect.name}"
    return Conversion(
        replace(
            inventory, layers=tuple(layers), schema=target, dialect=native, dialect_reason=reason, unread=()
        ),
        tuple(losses),
        tuple(notes),
    )


def _native_dialect(schema: Schema) -> Dialect:
    """The dialect that names columns as the schema does."""

    def agreement(dialect: Dialect) -> int:
        return sum(
            field.name in layer.columns.get(field.concept.name, ())
            for described in schema.layers
            if (layer := dialect.layer(described.role)) is not None
            for field in described.fields
        )

    own = [dialect for dialect in dialects() if dialect.schema == schema.id]
    return max(own or dialects(), key=lambda dialect: (agreement(dialect), dialect.priority))


def _layer(
    layer: Layer, target: LayerSchema, losses: list[Loss], notes: list[str], keep_extra: bool, same: bool
) -> Layer:
    """A layer under the names of a schema; of the ``same`` one, a column it does not have loses nothing."""
    columns: dict[str, pd.Series[Any]] = {}
    concepts: dict[str, str] = {}
    for field in target.fields:
        if layer.has(field.concept.name):
            columns[field.name] = _values(layer, field.concept, field.name, target.name, losses, notes)
            concepts[field.concept.name] = field.name
    used = {layer.columns[concept] for concept in concepts if concept in layer.columns}
    geometry = layer.frame.geometry.name
    taken = {normalise(name) for name in columns}
    ignored = {normalise(name) for name in layer.dialect.ignored} if layer.dialect is not None else set()
    for column in (c for c in layer.frame.columns if c != geometry and c not in used):
        if not keep_extra:
            losses.append(
                Loss(target.name, LossKind.COLUMN_LEFT_OUT, column, len(layer), "not in the schema")
            )
            continue
        name = column
        while normalise(name) in taken:
            name = f"{name}_source"
        taken.add(normalise(name))
        columns[name] = layer.frame[column]
        known = next((c for c, own in layer.columns.items() if own == column), None)
        if name != column:
            detail = f"kept as {name}, as the schema has a field {column}"
            losses.append(Loss(target.name, LossKind.COLUMN_RENAMED, column, len(layer), detail))
        elif known is not None and same:
            continue
        elif known is not None:
            detail = f"holds {known.replace('_', ' ')}, for which the schema has no field; kept as it is"
            losses.append(Loss(target.name, LossKind.COLUMN_WITHOUT_MEANING, column, len(layer), detail))
        elif normalise(column) not in ignored:
            detail = "not known to the dialect; kept as it is"
            losses.append(Loss(target.name, LossKind.COLUMN_WITHOUT_MEANING, column, len(layer), detail))
    table = pd.DataFrame(columns, index=layer.frame.index)
    name = "geometry"
    while name in table.columns:
        name = f"_{name}"
    frame = gpd.GeoDataFrame(table.assign(**{name: layer.frame.geometry.array}), geometry=name)
    return replace(layer, name=target.name, frame=frame, columns=concepts, schema=target, dialect=None)


def _values(
    layer: Layer, concept: Concept, field: str, target: str, losses: list[Loss], notes: list[str]
) -> pd.Series[Any]:
    """Values of a concept in the terms and the unit of the schema."""
    values = layer.values(concept.name)
    if concept.name not in layer.columns:
        return values  # a constant of the dialect
    column = layer.columns[concept.name]
    raw = layer.raw(concept.name)
    mapping = layer.value_map(concept.name)
    kinds = {Match.NARROWER: LossKind.VALUE_NARROWER, Match.AMBIGUOUS: LossKind.VALUE_AMBIGUOUS}
    if mapping or concept.vocabulary is not None:
        terms = _terms(concept)
        for value, count in raw.value_counts(dropna=True, sort=False).items():
            mapped = mapping.get(_key(value))
            if mapped is not None and mapped.to is None:
                detail = f"{value!r}: {mapped.note or 'no term for it'}"
                losses.append(Loss(target, LossKind.VALUE_LEFT_OUT, column, int(count), detail))
            elif mapped is not None and mapped.match in kinds:
                detail = f"{value!r} -> {mapped.to!r}" + (f": {mapped.note}" if mapped.note else "")
                losses.append(Loss(target, kinds[mapped.match], column, int(count), detail))
            elif mapped is None and terms and _key(value) not in terms:
                detail = f"{value!r} is kept as it is"
                losses.append(Loss(target, LossKind.VALUE_UNKNOWN, column, int(count), detail))
    numeric = concept.type in (FieldType.NUMBER, FieldType.INTEGER) and concept.vocabulary is None
    return _quantity(layer, concept, field, target, losses, notes) if numeric else values


def _quantity(
    layer: Layer, concept: Concept, field: str, target: str, losses: list[Loss], notes: list[str]
) -> pd.Series[Any]:
    """Numbers in the unit of the schema; in a column that has it already all stay as they are."""
    found = quantity(layer, concept.name, km2=_areas(layer) if concept.name == "area" else None)
    column = found.column
    kept = layer.values(concept.name)
    if found.unit == concept.unit and found.convertible:
        if left := found.left_out():
            notes.append(f"{target}.{field}: {left}, kept as they are")
        return kept
    if found.area_kind is AreaKind.ELLIPSOID and not found.convertible:
        detail = f"kept as it is: values are {found.kind}, {concept.unit} is expected"
        losses.append(Loss(target, LossKind.TYPE_CHANGED, column, len(layer), detail))
        return kept
    classes = found.coding is not None and is_class(found.coding)
    values: NDArray[Any] | None = None
    if concept.name == "aspect":
        values = from_degrees(found.values, concept.unit)
    if values is None:
        scaled = scaled_values(found.values, found.concept.unit, concept.unit)
        if scaled is None:
            detail = f"kept in {found.unit}, not {concept.unit}"
            losses.append(Loss(target, LossKind.TYPE_CHANGED, column, len(layer), detail))
            return kept
        values = scaled
        if classes:
            count = int(np.isfinite(values).sum())
            detail = "a class of 45 degrees became its middle"
            losses.append(Loss(target, LossKind.VALUE_AMBIGUOUS, column, count, detail))
        elif found.convertible:
            notes.append(f"{target}.{field}: converted from {found.unit} to {concept.unit}")
    else:
        count = int(np.isfinite(found.values).sum())
        detail = "a direction became its class"
        losses.append(Loss(target, LossKind.VALUE_NARROWER, column, count, detail))
    if found.area_kind is not AreaKind.ELLIPSOID:
        count = int(np.isfinite(found.numbers).sum())
        where = found.kind if found.area_kind is AreaKind.NONE else f"in {found.kind}"
        detail = f"areas {where}, not {concept.unit}"
        losses.append(Loss(target, LossKind.VALUE_LEFT_OUT, column, count, detail))
    words = "no class of aspect" if classes else "no number"
    for mask, why in (
        (found.missing, "code for a missing value"),
        (found.impossible, words if classes else f"impossible in {found.unit}"),
        (found.unread, words),
    ):
        if mask.any():
            losses.append(Loss(target, LossKind.VALUE_LEFT_OUT, column, int(mask.sum()), why))
    return pd.Series(values, index=kept.index, name=field)


def _areas(layer: Layer) -> NDArray[np.float64]:
    """(n,) areas of the outlines on the ellipsoid, km²; NaN where their coordinates are not sound."""
    out = np.full(len(layer), np.nan)
    geometry = layer.geometry
    sound = coordinates(layer).sound & shapely.is_valid(geometry) & (shapely.get_dimensions(geometry) == 2)
    if sound.any():
        out[sound] = area_m2(geometry[sound], layer.crs) / 1e6
    return out


def _terms(concept: Concept) -> set[str]:
    """What may stand in a column of the concept, as values are compared."""
    if concept.vocabulary is None:
        return set()
    terms = load_vocabulary(concept.vocabulary).terms
    return {_key(t.value) for t in terms} | {_key(t.code) for t in terms if t.code is not None}


def _key(value: object) -> str:
    """A value as the keys of value mappings are compared."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().casefold()


def _reprojected(source: Layer, layer: Layer, crs: str, losses: list[Loss]) -> Layer:
    """A layer in another CRS; refused where its coordinates are not those of its own."""
    try:
        target = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        raise OptionError(f"{crs!r} is not a coordinate reference system; try an EPSG code.") from None
    known = layer.known_crs
    if not places_on_earth(target):
        raise OptionError(f"{crs!r} has no longitude and latitude; name a geographic or projected CRS.")
    state = coordinates(source)
    usable = int(state.usable.sum())
    if not state.placed:
        raise OptionError(
            f"The {layer.title} are in {label(known)}, which has no longitude and latitude, so they "
            f"cannot be brought into {crs}."
        )
    wrong = np.flatnonzero(state.usable & (state.off_earth | state.swapped))
    if usable and len(wrong) == usable:
        words = state.swapped_words[wrong[0]] or state.out_of_range_words[wrong[0]]
        raise OptionError(
            f"The {layer.title} cannot be brought into {crs}: {words} (all {usable:,} features). Assign "
            "the CRS they are in, or exchange the coordinates, first; `rogi validate` lists what is wrong."
        )
    if known == target:
        return layer
    geometry = layer.geometry.copy()
    away = state.off_earth | state.infinite | state.swapped
    geometry[away] = None
    frame = layer.frame.set_geometry(gpd.array.GeometryArray(geometry, crs=known)).to_crs(target)
    moved = np.asarray(frame.geometry.array, dtype=object)
    lost = ~finite_coordinates(moved)
    moved[lost] = None
    lost |= away
    if lost.any():
        named = ", ".join(str(name) for name in labels_of(source)[lost][:5]) + ", …" * int(lost.sum() > 5)
        detail = f"coordinates are impossible or swapped, or have no place in {crs}: {named}"
        losses.append(Loss(layer.name, LossKind.GEOMETRY_LEFT_OUT, "", int(lost.sum()), detail))
        frame = frame.set_geometry(gpd.array.GeometryArray(moved, crs=target))
    return replace(layer, frame=frame)
