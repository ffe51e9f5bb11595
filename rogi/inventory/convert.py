"""An inventory under the names, values and units of a schema, and what is lost on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rogi.errors import OptionError
from rogi.inventory.loss import Loss, LossKind
from rogi.inventory.model import Inventory, Layer
from rogi.schema.model import Concept, Dialect, LayerSchema, Match, Schema, normalise

if TYPE_CHECKING:
    import pandas as pd

# Middle direction of the eight classes of aspect, degrees clockwise from north.
_CLASSES_FROM_NORTH = tuple(45.0 * k for k in range(8))
_ASPECT_CLASSES = {
    "class-8-from-N": {str(k + 1): angle for k, angle in enumerate(_CLASSES_FROM_NORTH)},
    "class-8-from-E": {str(k + 1): (90.0 + angle) % 360.0 for k, angle in enumerate(_CLASSES_FROM_NORTH)},
    "cardinal": dict(zip(("n", "ne", "e", "se", "s", "sw", "w", "nw"), _CLASSES_FROM_NORTH, strict=True)),
}


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted inventory and what was lost."""

    inventory: Inventory
    losses: tuple[Loss, ...]


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
    from rogi.schema.load import load_schema

    if schema is None:
        target = inventory.schema
    else:
        target = load_schema(schema) if isinstance(schema, str) else schema
    native = _native_dialect(target)
    losses: list[Loss] = []
    layers = []
    for layer in inventory.layers:
        described = target.layer(layer.role)
        if described is None:
            detail = f"{target.id} has no {layer.role.title}"
            losses.append(Loss(layer.name, LossKind.LAYER_LEFT_OUT, "", len(layer), detail))
            continue
        converted = _layer(layer, described, losses, keep_extra)
        if crs is not None:
            converted = _reprojected(converted, crs)
        layers.append(replace(converted, dialect=native.layer(layer.role)))
    reason = f"converted from {inventory.dialect.name}"
    return Conversion(
        replace(inventory, layers=tuple(layers), schema=target, dialect=native, dialect_reason=reason),
        tuple(losses),
    )


def _native_dialect(schema: Schema) -> Dialect:
    """The dialect that names columns as the schema does."""
    from rogi.schema.load import dialects

    def agreement(dialect: Dialect) -> int:
        return sum(
            field.name in layer.columns.get(field.concept.name, ())
            for described in schema.layers
            if (layer := dialect.layer(described.role)) is not None
            for field in described.fields
        )

    own = [dialect for dialect in dialects() if dialect.schema == schema.id]
    return max(own or dialects(), key=lambda dialect: (agreement(dialect), dialect.priority))


def _layer(layer: Layer, target: LayerSchema, losses: list[Loss], keep_extra: bool) -> Layer:
    import geopandas as gpd
    import pandas as pd

    columns: dict[str, pd.Series[Any]] = {}
    concepts: dict[str, str] = {}
    for field in target.fields:
        if layer.has(field.concept.name):
            columns[field.name] = _values(layer, field.concept, field.name, target.name, losses)
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


def _values(layer: Layer, concept: Concept, field: str, target: str, losses: list[Loss]) -> pd.Series[Any]:
    """Values of a concept in the terms and the unit of the schema."""
    import pandas as pd

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
    unit = layer.dialect.units.get(concept.name) if layer.dialect is not None else None
    if unit is None or unit == concept.unit:
        return values
    if unit in _ASPECT_CLASSES:
        codes, uniques = pd.factorize(values, use_na_sentinel=True)
        angles = _ASPECT_CLASSES[unit]
        table = np.array([*(angles.get(_key(u), np.nan) for u in uniques), np.nan])
        known = int(np.isfinite(table[codes]).sum())
        detail = "a class of 45 degrees became its middle"
        losses.append(Loss(target, LossKind.VALUE_AMBIGUOUS, column, known, detail))
        lost = int((codes >= 0).sum()) - known
        if lost:
            losses.append(Loss(target, LossKind.VALUE_LEFT_OUT, column, lost, "no class of aspect"))
        return pd.Series(table[codes], index=values.index, name=field)
    from rogi.schema.units import to_concept

    scale = to_concept(unit, concept.unit)
    if scale is None:
        losses.append(
            Loss(target, LossKind.TYPE_CHANGED, column, len(layer), f"kept in {unit}, not {concept.unit}")
        )
        return values
    return pd.to_numeric(values, errors="coerce").astype("float64") * scale[0] + scale[1]


def _terms(concept: Concept) -> set[str]:
    """What may stand in a column of the concept, as values are compared."""
    from rogi.schema.load import load_vocabulary

    if concept.vocabulary is None:
        return set()
    terms = load_vocabulary(concept.vocabulary).terms
    return {_key(t.value) for t in terms} | {_key(t.code) for t in terms if t.code is not None}


def _key(value: object) -> str:
    """A value as the keys of value mappings are compared."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip().casefold()


def _reprojected(layer: Layer, crs: str) -> Layer:
    import pyproj

    try:
        target = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        raise OptionError(f"{crs!r} is not a coordinate reference system; try an EPSG code.") from None
    if layer.crs is None:
        raise OptionError(
            f"The {layer.role.title} have no coordinate reference system, so they cannot be brought into "
            f"{crs}; say with --crs which one they are in."
        )
    return replace(layer, frame=layer.frame.to_crs(target))
