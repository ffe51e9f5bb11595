"""Exports: valid by their standards, true to the schema, the same every time."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rogi.schema.docs import pages, schema_page
from rogi.schema.export import Language, export, to_datapackage, to_jsonschema
from rogi.schema.load import load_schema, load_vocabulary, schema_ids
from rogi.schema.model import FieldType, Schema

SCHEMAS = [load_schema(id) for id in schema_ids()]
each = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: s.id)


@each
@pytest.mark.parametrize("format", list(Language))
def test_export_is_the_same_every_time(schema: Schema, format: Language) -> None:
    """Twice the same text, ending in a line end."""
    assert export(schema, format) == export(schema, format)
    assert export(schema, format).endswith("\n")


# ---- JSON Schema


def validator(schema: Schema, layer: str) -> jsonschema.Draft202012Validator:
    document = to_jsonschema(schema)
    return jsonschema.Draft202012Validator({**document, "anyOf": [{"$ref": f"#/$defs/{layer}"}]})


def collection(*properties: dict[str, Any], geometry: str = "Point") -> dict[str, Any]:
    shape = {"type": geometry, "coordinates": [0, 0]}
    features = [{"type": "Feature", "geometry": shape, "properties": p} for p in properties]
    return {"type": "FeatureCollection", "features": features}


@each
def test_jsonschema_is_a_json_schema(schema: Schema) -> None:
    """Valid against its metaschema; every reference leads somewhere."""
    document = json.loads(export(schema, Language.JSONSCHEMA))
    jsonschema.Draft202012Validator.check_schema(document)
    assert [ref["$ref"] for ref in document["anyOf"]] == [f"#/$defs/{name}" for name in document["$defs"]]


def test_jsonschema_judges_features() -> None:
    """A hand-made layer passes; each fault is refused."""
    check = validator(load_schema("rgik"), "PM")
    good = {
        "PrimaryID": "RGU384455N1092526W",
        "Landform": 1,
        "Acti.Cl.": None,
        "Morpho.": "Lobate",
        "extra": 1,
    }
    assert check.is_valid(collection(good, good))
    assert not check.is_valid(collection(good, geometry="Polygon"))
    for fault in (
        {"PrimaryID": "RGU38445N1092526W"},
        {"PrimaryID": None},
        {"Landform": 3},
        {"Landform": "RG"},
        {"Comment": 1},
    ):
        assert not check.is_valid(collection({**good, **fault})), fault
    assert not check.is_valid(collection({k: v for k, v in good.items() if k != "PrimaryID"}))


def test_jsonschema_keeps_ranges() -> None:
    """Limits of numbers are those of the concepts."""
    check = validator(load_schema("tprogi"), "TPRoGI_Extended_Footprint")
    good = {"ID": "RGU281527N0972426E", "ELE_MEAN": 4729, "SLO_MEAN": 17.7, "ASPECT": 360}
    assert check.is_valid(collection(good, geometry="Polygon"))
    for fault in ({"ELE_MEAN": 9000}, {"SLO_MEAN": -1}, {"ASPECT": 361}, {"MAPPER": "x" * 255}):
        assert not check.is_valid(collection({**good, **fault}, geometry="MultiPolygon")), fault


# ---- Data Package and Table Schema

# Constraints the Table Schema standard (version 2) allows for a type.
ALLOWED = {
    "string": {"required", "unique", "pattern", "enum", "minLength", "maxLength"},
    "number": {"required", "unique", "enum", "minimum", "maximum"},
    "integer": {"required", "unique", "enum", "minimum", "maximum"},
    "boolean": {"required", "enum"},
    "date": {"required", "unique", "enum", "minimum", "maximum"},
}


@each
def test_datapackage_follows_the_standard(schema: Schema) -> None:
    """Names, types, constraints and keys as the standard asks for."""
    package = json.loads(export(schema, Language.DATAPACKAGE))
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    names = [resource["name"] for resource in package["resources"]]
    assert len(set(names)) == len(names) == len(schema.layers)
    for resource, layer in zip(package["resources"], schema.layers, strict=True):
        assert resource["type"] == "table" and not resource["path"].startswith(("/", "."))
        table = resource["schema"]
        fields = {f["name"]: f for f in table["fields"]}
        assert list(fields) == [f.name for f in layer.fields]
        for field in layer.fields:
            made = fields[field.name]
            constraints = made.get("constraints", {})
            assert made["type"] == field.concept.type.value
            assert set(constraints) <= ALLOWED[made["type"]]
            assert constraints.get("required", False) is not field.nullable
            for limit in ("minimum", "maximum"):
                assert constraints.get(limit) == getattr(field.concept, limit)
                if made["type"] == "integer" and limit in constraints:
                    assert isinstance(constraints[limit], int)
            kind = int if made["type"] == "integer" else str
            assert all(isinstance(value, kind) for value in constraints.get("enum", []))
            assert field.concept.unit is None or f"[{field.concept.unit}]" in made["description"]
        assert set(table.get("primaryKey", [])) <= set(fields)
        for key in table.get("foreignKeys", []):
            other = package["resources"][names.index(key["reference"]["resource"])]
            assert key["reference"]["fields"] == other["schema"]["primaryKey"]


def test_outlines_refer_to_markers() -> None:
    """An outline of the RGIK schema belongs to a marker: its ID is a foreign key and no primary key."""
    outlines = to_datapackage(load_schema("rgik"))["resources"][1]["schema"]
    assert "primaryKey" not in outlines
    assert outlines["foreignKeys"][0]["reference"] == {"resource": "pm", "fields": ["PrimaryID"]}


def profile(name: str) -> dict[str, Any]:
    """A JSON Schema of the Data Package standard, version 2.0, as dplib-py ships it."""
    spec = find_spec("dplib")
    if spec is None or spec.origin is None:
        pytest.skip("the profiles of the standard come with dplib-py, which is not installed")
    path = Path(spec.origin).parent / "profiles" / "2.0" / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


@each
def test_datapackage_fits_the_profiles_of_the_standard(schema: Schema) -> None:
    """Package, resources, dialects and table schemas are valid by the standard's own JSON Schemas."""
    package = to_datapackage(schema)
    resources = package["resources"]
    parts = {
        "datapackage": [package],
        "dataresource": resources,
        "tabledialect": [resource["dialect"] for resource in resources],
        "tableschema": [resource["schema"] for resource in resources],
    }
    for name, documents in parts.items():
        check = jsonschema.Draft7Validator(profile(name))
        for document in documents:
            assert [f"{e.json_path}: {e.message}" for e in check.iter_errors(document)] == []


# ---- Markdown


def cells(line: str) -> int:
    return len(line.replace("\\|", "").strip("|").split("|"))


def test_markdown_tables_are_whole() -> None:
    """Every row of every table has as many cells as its head, on all generated pages."""
    texts = dict(pages()) | {s.id: schema_page(s) for s in SCHEMAS}
    assert {"schemas/index.md", "schemas/tprogi-1.0.md", "schemas/dialects.md"} <= set(texts)
    for name, text in texts.items():
        width = 0
        for line in text.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            width = width or cells(line)
            assert cells(line) == width, (name, line)


@each
def test_markdown_tells_every_field(schema: Schema) -> None:
    """Name, unit and evidence of each field, and the terms of its vocabulary."""
    text = export(schema, Language.MARKDOWN)
    for layer in schema.layers:
        for field in layer.fields:
            row = next(line for line in text.splitlines() if line.startswith(f"| `{field.name}` |"))
            assert f"| {field.concept.unit or ''} |" in row
            if field.concept.vocabulary:
                for term in load_vocabulary(field.concept.vocabulary).terms:
                    assert f"`{term.value}`" in text


def test_every_type_has_a_name_in_each_language() -> None:
    """The names of types are those of Table Schema."""
    assert {kind.value for kind in FieldType} == set(ALLOWED)
