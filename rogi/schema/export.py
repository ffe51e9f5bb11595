"""A schema in other languages: JSON Schema, Data Package (Table Schema), Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from rogi.schema.docs import describe, schema_page
from rogi.schema.load import load_vocabulary
from rogi.schema.model import Concept, Field, FieldType, LayerSchema, Schema, Vocabulary
from rogi.text import as_json

JSON_SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
DATA_PACKAGE: Final = "https://datapackage.org/profiles/2.0/datapackage.json"
DATA_RESOURCE: Final = "https://datapackage.org/profiles/2.0/dataresource.json"
TABLE_DIALECT: Final = "https://datapackage.org/profiles/2.0/tabledialect.json"
TABLE_SCHEMA: Final = "https://datapackage.org/profiles/2.0/tableschema.json"


class Language(StrEnum):
    """What a schema can be exported to."""

    JSONSCHEMA = "jsonschema"
    DATAPACKAGE = "datapackage"
    MARKDOWN = "markdown"


def export(schema: Schema, to: Language) -> str:
    """A schema as text; the same schema gives the same text."""
    if to is Language.MARKDOWN:
        return schema_page(schema)
    made = to_jsonschema(schema) if to is Language.JSONSCHEMA else to_datapackage(schema)
    return as_json(made, 2)


# ---- JSON Schema


def to_jsonschema(schema: Schema) -> dict[str, Any]:
    """JSON Schema (2020-12) of the layers as GeoJSON feature collections.

    Each layer is a definition (``#/$defs/<layer>``); a document is valid if it is one of the layers. A
    column is required where that is established; open vocabularies are examples, not limits.
    """
    return {
        "$schema": JSON_SCHEMA,
        "title": schema.title,
        "description": f"{schema.description} Source: {schema.source}.",
        "version": schema.version,
        "anyOf": [{"$ref": f"#/$defs/{_pointer(layer.name)}"} for layer in schema.layers],
        "$defs": {layer.name: _collection(layer) for layer in schema.layers},
    }


def _collection(layer: LayerSchema) -> dict[str, Any]:
    return {
        "title": layer.title,
        "description": layer.description,
        "type": "object",
        "required": ["type", "features"],
        "properties": {
            "type": {"const": "FeatureCollection"},
            "features": {"type": "array", "items": _feature(layer)},
        },
    }


def _feature(layer: LayerSchema) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "geometry", "properties"],
        "properties": {
            "type": {"const": "Feature"},
            "geometry": {
                "type": "object",
                "required": ["type", "coordinates"],
                "properties": {"type": {"enum": list(layer.geometry)}, "coordinates": {"type": "array"}},
            },
            "properties": {
                "type": "object",
                "required": [f.name for f in layer.fields if f.required and f.required_evidence.established],
                "properties": {f.name: _property(f) for f in layer.fields},
            },
        },
    }


def _property(field: Field) -> dict[str, Any]:
    concept = field.concept
    kind = {FieldType.DATE: "string"}.get(concept.type, concept.type.value)
    made: dict[str, Any] = {
        "title": concept.title,
        "description": describe(concept),
        "type": [kind, "null"] if field.nullable else kind,
    }
    if concept.type is FieldType.DATE:
        made["format"] = "date"
    made |= _limits(concept)
    vocabulary = _vocabulary(concept)
    if vocabulary is not None:
        values = _stored(concept, vocabulary)
        if vocabulary.closed:
            made["enum"] = [*values, None] if field.nullable else values
        else:
            made["examples"] = values
    return made


def _pointer(name: str) -> str:
    return quote(name.replace("~", "~0").replace("/", "~1"))


# ---- Data Package


def to_datapackage(schema: Schema, path: str | None = None) -> dict[str, Any]:
    """Data Package 2 descriptor of a GeoPackage that follows the schema, one resource per layer.

    Parameters
    ----------
    schema
        The schema.
    path
        Name of the GeoPackage, relative to the descriptor; default the schema's name.
    """
    return {
        "$schema": DATA_PACKAGE,
        "name": schema.name,
        "title": schema.title,
        "description": f"{schema.description} Source: {schema.source}.",
        "version": schema.version,
        "resources": [to_resource(schema, layer, path or f"{schema.name}.gpkg") for layer in schema.layers],
    }


def to_resource(schema: Schema, layer: LayerSchema, path: str) -> dict[str, Any]:
    """Data Resource of one layer (a table of a GeoPackage), with its Table Schema."""
    return {
        "$schema": DATA_RESOURCE,
        "name": layer.name.lower(),
        "type": "table",
        "title": layer.title,
        "description": f"{layer.description} Coordinates: {schema.crs}.",
        "path": path,
        "format": "gpkg",
        "mediatype": "application/geopackage+sqlite3",
        "dialect": {"$schema": TABLE_DIALECT, "table": layer.name},
        "schema": to_tableschema(schema, layer),
    }


def to_tableschema(schema: Schema, layer: LayerSchema) -> dict[str, Any]:
    """Table Schema of the attribute columns of a layer; geometry is not among them."""
    made: dict[str, Any] = {"$schema": TABLE_SCHEMA, "fields": [_table_field(f) for f in layer.fields]}
    key = layer.field(layer.key) if layer.key is not None else None
    if key is not None and key.unique:
        made["primaryKey"] = [key.name]
    elif key is not None:
        marker = next(
            (other for other in schema.layers if other is not layer and _unique_key(other) is not None), None
        )
        unique = _unique_key(marker) if marker is not None else None
        if marker is not None and unique is not None and unique.concept.name == key.concept.name:
            made["foreignKeys"] = [
                {
                    "fields": [key.name],
                    "reference": {"resource": marker.name.lower(), "fields": [unique.name]},
                }
            ]
    return made


def _unique_key(layer: LayerSchema) -> Field | None:
    key = layer.field(layer.key) if layer.key is not None else None
    return key if key is not None and key.unique else None


def _table_field(field: Field) -> dict[str, Any]:
    concept = field.concept
    constraints: dict[str, Any] = {}
    if not field.nullable:
        constraints["required"] = True
    if field.unique:
        constraints["unique"] = True
    constraints |= _limits(concept)
    made: dict[str, Any] = {
        "name": field.name,
        "type": concept.type.value,
        "title": concept.title,
        "description": describe(concept),
    }
    if concept.unit is not None:
        made["unit"] = concept.unit
    vocabulary = _vocabulary(concept)
    if vocabulary is not None:
        values = _stored(concept, vocabulary)
        if vocabulary.closed:
            constraints["enum"] = values
        made["description"] += f" {_listing(concept, vocabulary)}"
    if constraints:
        made["constraints"] = constraints
    return made


# ---- constraints


def _limits(concept: Concept) -> dict[str, Any]:
    """Range, length and pattern by the names both languages share."""
    whole = int if concept.type is FieldType.INTEGER else float
    made = {
        "minimum": None if concept.minimum is None else whole(concept.minimum),
        "maximum": None if concept.maximum is None else whole(concept.maximum),
        "maxLength": concept.length,
        "pattern": concept.pattern,
    }
    return {name: value for name, value in made.items() if value is not None}


def _vocabulary(concept: Concept) -> Vocabulary | None:
    return load_vocabulary(concept.vocabulary) if concept.vocabulary is not None else None


def _stored(concept: Concept, vocabulary: Vocabulary) -> list[str | int]:
    """The values as files store them: codes in an integer column."""
    if concept.type is FieldType.INTEGER:
        return [term.code for term in vocabulary.terms if term.code is not None]
    return list(vocabulary.values)


def _listing(concept: Concept, vocabulary: Vocabulary) -> str:
    coded = concept.type is FieldType.INTEGER
    words = [
        f"{term.code} {term.value}" if coded and term.code is not None else term.value
        for term in vocabulary.terms
    ]
    return f"{'Values' if vocabulary.closed else 'Values so far'}: {', '.join(words)}."


def summary(schemas: Mapping[str, Schema]) -> list[dict[str, Any]]:
    """What ``rogi schema list --format json`` prints."""
    return [
        {
            "id": schema.id,
            "title": schema.title,
            "crs": schema.crs,
            "layers": [
                {"role": layer.role.value, "name": layer.name, "fields": len(layer.fields)}
                for layer in schema.layers
            ],
        }
        for schema in schemas.values()
    ]
