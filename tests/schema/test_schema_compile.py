"""Column checks: hand-worked cases, mutations of every constraint, pandera's own validation, odd columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rogi.inventory.model import Layer
from rogi.schema.compile import Constraint, column_failures, pandera_schema
from rogi.schema.load import concepts, load_dialect, load_schema, load_vocabulary, schema_ids
from rogi.schema.model import Concept, DialectLayer, Field, FieldType, LayerSchema, Role
from rogi.schema.units import to_concept


def layer_of(
    columns: Mapping[str, Any],
    fields: tuple[Field, ...],
    dialect: DialectLayer | None = None,
    index: Any = None,
) -> Layer:
    """A layer whose columns carry the fields of the same name."""
    frame = gpd.GeoDataFrame(pd.DataFrame(dict(columns), index=index))
    frame = frame.set_geometry(gpd.GeoSeries([None] * len(frame), index=frame.index))
    schema = LayerSchema(Role.OUTLINE, "units", "Units", "", ("Polygon",), True, None, fields)
    present = {f.concept.name: f.name for f in fields if f.name in columns}
    return Layer(Role.OUTLINE, "units", frame, present, schema, dialect, (), np.arange(len(frame)) + 1)


def field(name: str, column: str | None = None, **kwargs: Any) -> Field:
    """A packaged concept as a field."""
    return Field(column or name, concepts()[name], **kwargs)


def failures(layer: Layer) -> dict[tuple[str, str], list[int]]:
    return {(c, k.value): rows.tolist() for (c, k), rows in column_failures(layer).rows.items()}


# ---- hand-worked cases


def test_each_kind_of_failure() -> None:
    """Six columns with one fault each, at known rows."""
    text = Concept("note", "Note", FieldType.STRING, "", length=4)
    fields = (
        field("primary_id", "ID", nullable=False, unique=True),
        field("elevation_mean", "Z"),
        field("reliability_front", "R"),
        field("outline_type", "T"),
        Field("N", text),
        field("landform", "L"),
    )
    good = "RGU281527N0972426E"
    layer = layer_of(
        {
            "ID": [good, "RGU281528N0972426E", good, None, "  ", "x"],
            "Z": [4000.0, -431.0, 8849.0, np.nan, 8850.0, np.inf],
            "R": [0.0, 1.0, 2.0, 3.0, np.nan, 0.5],
            "T": ["Extended", "Restricted ", "extended", None, "", "Other"],
            "N": ["abcd", "abcde", None, "", "é" * 4, "é" * 5],
            "L": [0, 1, 2, 3, -1, 1],
        },
        fields,
    )
    assert failures(layer) == {
        ("primary_id", "null"): [3, 4],
        ("primary_id", "unique"): [0, 2],
        ("primary_id", "pattern"): [5],
        ("elevation_mean", "range"): [1, 4, 5],
        ("reliability_front", "range"): [3],
        ("reliability_front", "type"): [5],
        ("outline_type", "vocabulary"): [1, 2, 5],
        ("note", "length"): [1, 5],
        ("landform", "vocabulary"): [3, 4],
    }


def test_types_of_columns() -> None:
    """Numbers in text and text in numbers are faults of type; identifiers may be numbers; dates are text."""
    layer = layer_of(
        {
            "mapper": [1.5, 2.5],  # measured numbers are no names
            "working_id": [1, 2],
            "map_date": pd.to_datetime(["2021-07-01", None]),
            "slope_mean": ["12", "abc"],
            "activity": [1, 2],
            "velocity_class": [3, 9],
            "aspect": [True, False],
            "area": ["0.1", "-1"],
        },
        tuple(
            field(n)
            for n in [
                "mapper",
                "working_id",
                "map_date",
                "slope_mean",
                "activity",
                "velocity_class",
                "aspect",
                "area",
            ]
        ),
    )
    assert failures(layer) == {
        ("mapper", "type"): [0, 1],
        ("slope_mean", "type"): [0, 1],
        ("activity", "type"): [0, 1],
        ("velocity_class", "vocabulary"): [1],
        ("aspect", "type"): [0, 1],
        ("area", "type"): [0, 1],
        ("area", "range"): [1],
    }


def test_dialect_maps_values_and_units() -> None:
    """Mapped values are judged as the terms they become, ranges in the concept's unit, classes not at all."""
    dialect = DialectLayer(
        Role.OUTLINE,
        ("*",),
        {},
        values=load_dialect("la-sal").layer(Role.MARKER).values,  # type: ignore[union-attr]
        units={"area": "m²", "air_temperature": "K", "aspect": "cardinal"},
    )
    layer = layer_of(
        {
            "upslope_connection": ["TC", "dc ", "XX"],
            "area": [25_000.0, -1.0, 3e6],
            "air_temperature": [270.0, 200.0, 310.0],
            "aspect": ["N", "NE", "Q"],
        },
        tuple(field(n) for n in ("upslope_connection", "area", "air_temperature", "aspect")),
        dialect,
    )
    assert failures(layer) == {
        ("upslope_connection", "vocabulary"): [2],
        ("area", "range"): [1],
        ("air_temperature", "range"): [1, 2],  # 200 K is -73 °C, 310 K is 37 °C
    }
    assert ("aspect", Constraint.RANGE) not in column_failures(layer).checked


def test_columns_the_schema_does_not_list() -> None:
    """A concept that has no field in the schema is held against the concept itself."""
    layer = layer_of({"elevation": [4000.0, 9000.0]}, ())
    layer = replace(layer, columns={"elevation_mean": "elevation"})
    result = column_failures(layer)
    assert result.get("elevation_mean", "range").tolist() == [1]
    assert [(f.name, rows.tolist()) for f, rows in result.of("range")] == [("elevation", [1])]
    assert result.get("elevation_mean", "null").size == 0


def test_positions_not_labels() -> None:
    """Rows are positions whatever the index of the frame."""
    layer = layer_of({"slope_mean": [10.0, 99.0, 20.0]}, (field("slope_mean"),), index=["a", "a", "b"])
    assert failures(layer) == {("slope_mean", "range"): [1]}


def test_repeated_column_name() -> None:
    """Of two columns of one name the first is checked."""
    layer = layer_of({"slope_mean": [10.0, 99.0], "x": [99.0, 99.0]}, (field("slope_mean"),))
    layer.frame.columns = ["slope_mean", "slope_mean", "geometry"]
    assert failures(layer) == {("slope_mean", "range"): [1]}


def test_nothing_is_changed() -> None:
    """The frame is the same object with the same values afterwards."""
    columns = {"slope_mean": ["12", 5, None], "activity": ["active", " Active", "Relict"]}
    layer = layer_of(columns, (field("slope_mean"), field("activity")))
    before = layer.frame.copy(deep=True)
    column_failures(layer)
    pd.testing.assert_frame_equal(pd.DataFrame(layer.frame), pd.DataFrame(before))


def test_units() -> None:
    """Factors to the concept's unit, worked by hand."""
    factor, offset = to_concept("MJ m⁻²", "kWh m⁻²")  # type: ignore[misc]
    assert factor * 3600 + offset == pytest.approx(1000)
    factor, offset = to_concept("K", "°C")  # type: ignore[misc]
    assert factor * 273.15 + offset == 0
    factor, offset = to_concept("m²", "km²")  # type: ignore[misc]
    assert factor * 10_000 == pytest.approx(0.01)
    assert to_concept(None, "m") == (1, 0)
    assert to_concept("furlong", "m") is None


# ---- mutations: every constraint of every packaged schema broken once


def good_value(field: Field, row: int) -> object:
    concept = field.concept
    if concept.name == "primary_id":
        return f"RGU{280000 + row:06d}N0972426E"
    if concept.vocabulary is not None:
        terms = load_vocabulary(concept.vocabulary).terms
        term = terms[row % len(terms)]
        return term.code if concept.type is FieldType.INTEGER else term.value
    if concept.type is FieldType.DATE:
        return f"2021-07-{row % 28 + 1:02d}"
    if concept.type in (FieldType.NUMBER, FieldType.INTEGER):
        value = max(concept.minimum or 0, 0) + (row if field.unique else row % 2)
        if concept.type is FieldType.INTEGER:
            return int(value)
        return value + 0.5 if concept.maximum is None else min(value + 0.5, concept.maximum)
    if concept.type is FieldType.BOOLEAN:
        return row % 2 == 0
    return f"text {row}"


def good_frame(layer: LayerSchema, n: int = 5) -> pd.DataFrame:
    return pd.DataFrame({f.name: [good_value(f, row) for row in range(n)] for f in layer.fields})


def breaking(field: Field) -> dict[Constraint, object]:
    """One value that breaks each constraint of a field, and no other kind."""
    concept = field.concept
    values: dict[Constraint, object] = {}
    if not field.nullable:
        values[Constraint.NULL] = None
    if concept.maximum is not None:
        values[Constraint.RANGE] = concept.maximum + 1
    elif concept.minimum is not None:
        values[Constraint.RANGE] = concept.minimum - 1
    if concept.pattern is not None:
        values[Constraint.PATTERN] = "RGU28152N0972426E"
    if concept.vocabulary is not None:
        values[Constraint.VOCABULARY] = 99 if concept.type is FieldType.INTEGER else "no such term"
    if concept.length is not None and concept.vocabulary is None:
        values[Constraint.LENGTH] = "x" * (concept.length + 1)
    values[Constraint.TYPE] = 1.5 if concept.type is not FieldType.NUMBER else "text"
    return values


MUTATIONS = [
    pytest.param(field, kind, value, id=f"{id}-{layer.name}-{field.name}-{kind}")
    for id in schema_ids()
    for layer in load_schema(id).layers
    for field in layer.fields
    for kind, value in breaking(field).items()
]


@pytest.mark.parametrize(("broken", "kind", "value"), MUTATIONS)
def test_mutation_is_caught(broken: Field, kind: Constraint, value: object) -> None:
    """With one value broken exactly that constraint of that row fails."""
    column = pd.Series([good_value(broken, row) for row in range(5)], dtype=object)
    column[2] = value
    found = failures(layer_of({broken.name: column}, (broken,)))
    assert found == {(broken.concept.name, kind.value): [2]}


def test_good_layers_have_no_failures() -> None:
    """What the mutations start from."""
    for id in schema_ids():
        for schema in load_schema(id).layers:
            assert failures(layer_of(good_frame(schema), schema.fields)) == {}


def test_unique_mutation_is_caught() -> None:
    """A repeated key is found at both rows."""
    for id in schema_ids():
        for schema in load_schema(id).layers:
            for key in (f for f in schema.fields if f.unique):
                frame = good_frame(schema)
                frame.loc[3, key.name] = frame.loc[1, key.name]
                assert failures(layer_of(frame, schema.fields)) == {(key.concept.name, "unique"): [1, 3]}


# ---- pandera's own validation says the same


def test_pandera_lazy_validation_agrees() -> None:
    """``DataFrameSchema.validate(lazy=True)`` reports the rows ``column_failures`` finds."""
    schema = load_schema("tprogi").layers[0]
    frame = good_frame(schema, 50)
    rng = np.random.default_rng(3)
    for f in schema.fields:
        broken = breaking(f)
        rows = rng.choice(50, size=len(broken), replace=False)
        frame[f.name] = frame[f.name].astype(object)
        for row, value in zip(rows, broken.values(), strict=True):
            frame.loc[row, f.name] = value
    found = column_failures(layer_of(frame, schema.fields))
    with pytest.raises(pa.errors.SchemaErrors) as errors:
        pandera_schema(schema).validate(frame, lazy=True)
    cases = errors.value.failure_cases
    assert set(cases["schema_context"]) == {"Column"}
    said = {
        (column, check.split(":")[0], int(row))
        for column, check, row in zip(cases["column"], cases["check"], cases["index"], strict=True)
    }
    names = {f.concept.name: f.name for f in schema.fields}
    assert said == {(names[c], k.value, int(r)) for (c, k), rows in found.rows.items() for r in rows}
    assert len(said) == sum(len(breaking(f)) for f in schema.fields)


def test_pandera_schema_takes_good_frames() -> None:
    """Good frames pass, a missing needed column does not, an extra one does not matter."""
    for id in schema_ids():
        for schema in load_schema(id).layers:
            frame = good_frame(schema)
            out = pandera_schema(schema).validate(frame.assign(extra=1), lazy=True)
            assert list(out.columns) == [*frame.columns, "extra"]
            needed = [f.name for f in schema.fields if f.required]
            if needed:
                with pytest.raises(pa.errors.SchemaErrors):
                    pandera_schema(schema).validate(frame.drop(columns=needed[0]), lazy=True)


# ---- odd columns never make it fail

ODD = [
    None, "", " ", "x", "12", "Active", 0, 1, -9999, 1.5, float("nan"), float("inf"), True, pd.NaT, pd.NA,
    dt.date(2021, 1, 1), pd.Timestamp("2021-01-01"), [1, 2], {"a": 1}, 1 + 2j, 10**40, "\udcff", np.int8(3),
    b"\xff",
]  # fmt: skip
# One concept of each combination of type and constraints, and one of each type without any.
KINDS = {
    (c.type, c.minimum, c.maximum, c.pattern, c.length, c.vocabulary is not None): c
    for c in concepts().values()
} | {kind: Concept(kind.value, kind.value, kind, "") for kind in FieldType}
EVERY = tuple(Field(c.name, c, nullable=False, unique=True) for c in KINDS.values())
PLAIN = {*FieldType, "primary_id", "landform", "velocity_class", "slope_maximum"}
SOME = tuple(f for f in EVERY if f.concept.name in PLAIN)


@given(st.lists(st.sampled_from(range(len(ODD))), max_size=6), st.data())
def test_odd_values(picked: list[int], data: st.DataObject) -> None:
    """Any mixture of types in a column of any concept gives failures, not an exception."""
    chosen = data.draw(st.sampled_from(EVERY))
    values = pd.Series([ODD[i] for i in picked], dtype=object)
    result = column_failures(layer_of({chosen.name: values}, (chosen,)))
    for rows in result.rows.values():
        assert rows.size and (np.diff(rows) > 0).all() and rows[0] >= 0 and rows[-1] < len(values)
    nulls = set(result.get(chosen.concept.name, "null").tolist())
    for position, i in enumerate(picked):
        blank = ODD[i] is None or ODD[i] is pd.NaT or ODD[i] is pd.NA or ODD[i] != ODD[i]
        blank = bool(blank) or (isinstance(ODD[i], str) and not ODD[i].strip())
        assert (position in nulls) == blank


COLUMNS = {
    "object of None": pd.Series([None, None], dtype=object),
    "category": pd.Series(["Active", "x"], dtype="category"),
    "category of numbers": pd.Series([1, 99], dtype="category"),
    "Int64": pd.Series([1, None], dtype="Int64"),
    "Float64": pd.Series([1.5, None], dtype="Float64"),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "string": pd.Series(["Active", None], dtype="string"),
    "arrow string": pd.Series(["Active", None], dtype="string[pyarrow]"),
    "datetime": pd.to_datetime(pd.Series(["2021-01-01", None])),
    "datetime with zone": pd.to_datetime(pd.Series(["2021-01-01", None]), utc=True),
    "timedelta": pd.to_timedelta(pd.Series([1, None], dtype="Int64")),
    "complex": pd.Series([1j, 2]),
    "uint8": pd.Series([1, 255], dtype="uint8"),
    "float32": pd.Series([np.nan, -np.inf], dtype="float32"),
    "lists": pd.Series([[1], [2]]),
    "period": pd.Series(pd.period_range("2021Q1", periods=2, freq="Q")),
    "empty": pd.Series([], dtype=object),
    "empty float": pd.Series([], dtype=float),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_odd_columns(name: str) -> None:
    """Every dtype as every concept, through the checks and through pandera."""
    column = COLUMNS[name]
    for chosen in SOME:
        layer = layer_of({chosen.name: column}, (chosen,))
        result = column_failures(layer)
        for rows in result.rows.values():
            assert rows.size and rows[-1] < len(column)
        assert layer.schema is not None
        try:
            pandera_schema(layer.schema).validate(pd.DataFrame({chosen.name: column}), lazy=True)
            passed = True
        except pa.errors.SchemaErrors:
            passed = False
        assert passed == (not result.rows)
