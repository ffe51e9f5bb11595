"""Mutation tests made from the schemas: each constraint of each field, broken once, is found at its place.

What is broken comes from the schema files, so a field or a constraint added there is tested without a line
here. The rule that must find it is named by the kind of constraint, or by the concept itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.schema.load import load_schema
from rogi.schema.model import Field, FieldType, LayerSchema, Role
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

SCHEMAS = ("tprogi/1.0", "rgik/1.0")
ROW = 3  # the one that is broken; rows count from 1
UNITS = 4
NO_TERM = "no such term"

# Values of columns that the small examples lack or leave empty, by concept.
OPTIONAL: dict[str, object] = {
    "landform": 1,
    "country": "Italy",
    "comment": "steep",
    "velocity_reliability": "High",
    "observation_window": "2020-07-01/2020-09-30",
    "observation_frame": "annual",
    "additional_information": "Yes: seen in the field",
}


@dataclass(frozen=True)
class Mutation:
    """One constraint of one field, broken."""

    schema: str
    layer: LayerSchema
    field: Field
    kind: str
    code: str
    value: Any = None

    def __str__(self) -> str:
        what = f"={self.value!r:.20}" if self.kind in ("type", "range") else ""
        return f"{self.layer.name}.{self.field.name}-{self.kind}{what}"


def mutations() -> Iterator[Mutation]:
    for name in SCHEMAS:
        for layer in load_schema(name).layers:
            for field in layer.fields:
                for kind, code, value in broken(field):
                    yield Mutation(name, layer, field, kind, code, value)


def broken(field: Field) -> Iterator[tuple[str, str, object]]:
    """Constraint, rule that finds it broken, and a value that breaks it."""
    concept = field.concept
    if field.required:
        yield "required", "SCH008", None
    wrong_type = {
        FieldType.STRING: [True],
        FieldType.NUMBER: ["about ten"],
        FieldType.INTEGER: ["about ten", 1.5],
    }
    for value in wrong_type[concept.type]:
        yield "type", "SCH009", value
    if concept.length is not None:
        yield "length", "SCH010", "x" * (concept.length + 1)
    if not field.nullable:
        yield "null", "SCH011", None
    if concept.vocabulary is not None:
        yield "vocabulary", "SCH013", NO_TERM if concept.type is FieldType.STRING else 77
    if concept.minimum is not None:
        yield "range", concept.range_rule, concept.minimum - 1
    if concept.maximum is not None:
        yield "range", concept.range_rule, concept.maximum + 1
    if concept.pattern is not None:
        yield "pattern", concept.pattern_rule, "x-1"
    if field.unique:
        yield "unique", "PID004", None


@cache
def complete(schema: str) -> Inventory:
    """A good example with a column for every field of its schema."""
    inventory = examples.tprogi(UNITS) if schema.startswith("tprogi") else examples.rgik(UNITS)
    outlines = inventory.layer(Role.OUTLINE)
    assert outlines is not None
    if schema.startswith("rgik"):  # as many areas of interest as it takes
        inventory = examples.with_rows(inventory, Role.AREA_OF_INTEREST, [0] * UNITS)
    for layer in load_schema(schema).layers:
        for field in layer.fields:
            concept = field.concept.name
            present = inventory.layer(layer.role)
            assert present is not None, layer.role
            if concept in OPTIONAL:
                values: Any = OPTIONAL[concept]
            elif concept in present.columns:
                continue
            elif concept == "polygon_uid":
                values = [f"polygon-{i}" for i in range(len(present))]
            else:
                values = outlines.raw(concept).to_numpy()[: len(present)]
            inventory = examples.with_column(inventory, layer.role, field.name, values)
    return inventory


def mutated(mutation: Mutation) -> Inventory:
    good, role = complete(mutation.schema), mutation.layer.role
    layer = good.layer(role)
    assert layer is not None
    column = layer.columns[mutation.field.concept.name]
    if mutation.kind == "required":
        return examples.without_column(good, role, column)
    value = layer.frame[column].iloc[0] if mutation.kind == "unique" else mutation.value
    return examples.with_values(good, role, column, {ROW - 1: value})


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_complete_example_is_good(schema: str) -> None:
    """All fields of all layers are there, and no rule finds anything."""
    inventory = complete(schema)
    for layer in load_schema(schema).layers:
        present = inventory.layer(layer.role)
        assert present is not None
        assert len(present) >= ROW
        assert {f.concept.name for f in layer.fields} <= set(present.columns)
    report = validate(inventory)
    assert report.findings.empty, report.findings[["code", "layer", "row", "message"]].to_string()
    assert not report.crashed


@pytest.mark.parametrize("mutation", list(mutations()), ids=str)
def test_a_broken_constraint_is_found_at_its_row_and_field(mutation: Mutation) -> None:
    report = validate(mutated(mutation), Settings(select=(mutation.code,)))
    assert not report.crashed, report.crashed
    expected = {"required": [0], "unique": [1, ROW]}.get(mutation.kind, [ROW])
    found = report.findings
    assert found["row"].to_list() == expected, found["message"].to_list()
    assert set(found["layer"]) == {mutation.layer.role.value}
    assert set(found["field"]) == {mutation.field.name}


def test_all_kinds_of_constraints_occur() -> None:
    """The table is made from the schemas: that it is not empty shows that they were read."""
    made = list(mutations())
    kinds = {"required", "type", "length", "null", "vocabulary", "range", "pattern", "unique"}
    assert {m.kind for m in made} == kinds
    fields = {(m.schema, m.layer.name, m.field.name) for m in made}
    listed = {(s, la.name, f.name) for s in SCHEMAS for la in load_schema(s).layers for f in la.fields}
    assert fields == listed
