"""A layer's schema as a pandera schema, and the rows that break it.

Each constraint of a field is one vectorised pandera check, named after its kind. Nothing is coerced, and no
type of column makes a check raise. A value is judged by the constraints that make sense for it: a number in
a text column is a fault of type, not also of vocabulary; a blank text counts as null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from numbers import Number
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rogi.schema.load import concepts, load_vocabulary
from rogi.schema.model import Concept, Field, FieldType, LayerSchema
from rogi.schema.units import to_concept

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

    from rogi.inventory.model import Layer

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]

_NO_ROWS: Final[Rows] = np.empty(0, dtype=np.int64)
_ISO_DATE: Final = r"^\s*\d{4}-\d{2}-\d{2}(?:[T ].*)?$"


class Constraint(StrEnum):
    """Kinds of constraints of a column; the names of the pandera checks."""

    TYPE = "type"
    LENGTH = "length"
    NULL = "null"
    VOCABULARY = "vocabulary"
    PATTERN = "pattern"
    RANGE = "range"
    UNIQUE = "unique"


@dataclass(frozen=True, slots=True, eq=False)
class ColumnFailures:
    """Rows of a layer that break constraints of its columns.

    Attributes
    ----------
    fields
        Concept -> field, for every column that was checked.
    checked
        (concept, constraint) pairs that were checked.
    rows
        (concept, constraint) -> (k,) ascending positions; pairs without failures are left out.
    """

    fields: Mapping[str, Field]
    checked: frozenset[tuple[str, Constraint]]
    rows: Mapping[tuple[str, Constraint], Rows]

    def get(self, concept: str, constraint: Constraint | str) -> Rows:
        """(k,) ascending positions; empty where all is well or nothing was checked."""
        return self.rows.get((concept, Constraint(constraint)), _NO_ROWS)

    def of(self, constraint: Constraint | str) -> Iterator[tuple[Field, Rows]]:
        """Fields that break a kind of constraint, in the order of the schema, with the positions."""
        kind = Constraint(constraint)
        for name, column in self.fields.items():
            rows = self.rows.get((name, kind))
            if rows is not None:
                yield column, rows


# ---- the pandera schema


@lru_cache(maxsize=64)
def pandera_schema(layer: LayerSchema) -> pa.DataFrameSchema:
    """The layer's columns as a pandera schema.

    The frame to be validated has the field names of the schema; other columns, geometry among them, are
    allowed. Validate with ``lazy=True`` to get all failures.
    """
    import pandera.pandas as pa

    columns = {
        field.name: pa.Column(
            checks=list(column_checks(field).values()),
            nullable=True,  # nulls are a check of their own
            required=field.required,
            coerce=False,
            title=field.concept.title,
            description=field.concept.description,
        )
        for field in layer.fields
    }
    return pa.DataFrameSchema(columns, strict=False, name=layer.name, title=layer.title)


def column_checks(field: Field) -> Mapping[Constraint, pa.Check]:
    """The constraints of a field as pandera checks."""
    import pandera.pandas as pa

    return {
        kind: pa.Check(
            _as_series(function),
            name=kind.value,
            error=f"{kind.value}: {_says(field.concept, kind)}",
            ignore_na=False,  # the checks pass nulls themselves
        )
        for kind, function in constraints(field).items()
    }


def constraints(
    field: Field, scale: tuple[float, float] | None = (1.0, 0.0)
) -> Mapping[Constraint, Callable[[Any], Mask]]:
    """The constraints of a field as functions of a column: (n,) whether its values are right.

    Parameters
    ----------
    field
        The field.
    scale
        Factor and offset from the column's unit to the concept's; None where the column holds something
        else (classes), whose type and range say nothing.
    """
    concept = field.concept
    functions: dict[Constraint, Callable[[Any], Mask]] = {}
    if scale is not None:
        functions[Constraint.TYPE] = lambda column: has_type(column, concept)
    if not field.nullable:
        functions[Constraint.NULL] = lambda column: ~is_null(column)
    if concept.length is not None:
        functions[Constraint.LENGTH] = lambda column: _is_short(column, concept.length or 0)
    if concept.vocabulary is not None:
        functions[Constraint.VOCABULARY] = lambda column: _is_term(column, concept)
    if concept.pattern is not None:
        functions[Constraint.PATTERN] = lambda column: _fits(column, concept.pattern or "")
    if scale is not None and (concept.minimum is not None or concept.maximum is not None):
        functions[Constraint.RANGE] = lambda column: _is_within(column, concept, scale)
    if field.unique:
        functions[Constraint.UNIQUE] = _is_unique
    return functions


def _as_series(function: Callable[[Any], Mask]) -> Callable[[pd.Series], pd.Series]:
    def check(column: pd.Series) -> pd.Series:
        import pandas as pd

        return pd.Series(function(column), index=column.index, dtype=bool)

    return check


def _says(concept: Concept, kind: Constraint) -> str:
    match kind:
        case Constraint.TYPE:
            return concept.type.value
        case Constraint.LENGTH:
            return f"at most {concept.length} characters"
        case Constraint.NULL:
            return "a value is needed"
        case Constraint.VOCABULARY:
            return f"a term of {concept.vocabulary}"
        case Constraint.PATTERN:
            return concept.pattern or ""
        case Constraint.RANGE:
            low = "" if concept.minimum is None else f"{concept.minimum:g} <= "
            high = "" if concept.maximum is None else f" <= {concept.maximum:g}"
            return f"{low}value{high}"
        case Constraint.UNIQUE:
            return "each value once"


# ---- failures


def column_failures(layer: Layer, layer_schema: LayerSchema | None = None) -> ColumnFailures:
    """Rows that break the constraints of the columns that carry concepts.

    Parameters
    ----------
    layer
        The layer; a dialect's value mapping is applied, its units are respected.
    layer_schema
        What its columns should be; default the layer's own. Columns whose concept the schema does not list
        are held against the concept itself.

    Returns
    -------
    ColumnFailures
        Positions in ``layer.frame``.
    """
    schema = layer_schema if layer_schema is not None else layer.schema
    units = layer.dialect.units if layer.dialect is not None else {}
    fields = _fields(layer, schema)
    checked: set[tuple[str, Constraint]] = set()
    rows: dict[tuple[str, Constraint], Rows] = {}
    for name, field in fields.items():
        column = _column(layer, name)
        scale = to_concept(units.get(name), field.concept.unit)
        for kind, is_right in constraints(field, scale).items():
            checked.add((name, kind))
            failing = np.flatnonzero(~np.asarray(is_right(column), dtype=bool))
            if failing.size:
                rows[name, kind] = failing
    return ColumnFailures(fields, frozenset(checked), rows)


def _fields(layer: Layer, schema: LayerSchema | None) -> dict[str, Field]:
    listed = {f.concept.name: f for f in schema.fields} if schema is not None else {}
    known = concepts()
    fields = {name: field for name, field in listed.items() if name in layer.columns}
    for name, column in layer.columns.items():
        if name not in fields and name in known:
            fields[name] = Field(column, known[name])
    return fields


def _column(layer: Layer, concept: str) -> pd.Series:
    """The mapped values, on positions."""
    try:
        column: Any = layer.values(concept)
    except (TypeError, ValueError):  # values that cannot be looked up, such as lists, or a repeated name
        column = layer.raw(concept)
    if column.ndim == 2:  # a repeated column name; the first counts
        column = column.iloc[:, 0]
    return column.reset_index(drop=True)  # type: ignore[no-any-return]


# ---- the checks: a column to a mask of what is right


def has_type(column: pd.Series, concept: Concept) -> Mask:
    """(n,) whether values have the type of the concept; null has any.

    Text columns take dates, and whole numbers where the text is free (an identifier, a name) or its
    vocabulary has codes. Whole numbers with a decimal point are integers: that is how integer columns with
    nulls are read.
    """
    import pandas as pd
    from pandas.api import types

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = column.cat.categories.to_series().reset_index(drop=True)
        return _take(has_type(categories, concept), column)
    kind = concept.type
    if types.is_bool_dtype(dtype) and not types.is_object_dtype(dtype):
        return np.full(len(column), kind is FieldType.BOOLEAN)
    if types.is_datetime64_any_dtype(dtype):
        return np.full(len(column), kind in (FieldType.DATE, FieldType.STRING))
    if types.is_complex_dtype(dtype):
        return column.isna().to_numpy(dtype=bool)
    if types.is_numeric_dtype(dtype):
        if kind is FieldType.NUMBER:
            return np.ones(len(column), dtype=bool)
        if kind is FieldType.INTEGER or (kind is FieldType.STRING and _takes_numbers(concept)):
            return _is_whole(column)
        if kind is FieldType.BOOLEAN:
            return np.asarray(column.isin([0, 1]) | column.isna(), dtype=bool)
        return np.zeros(len(column), dtype=bool)
    if isinstance(dtype, pd.StringDtype) or pd.api.types.infer_dtype(column, skipna=True) == "string":
        if kind is FieldType.DATE:
            return np.asarray(column.str.match(_ISO_DATE).fillna(True), dtype=bool)
        return np.ones(len(column), dtype=bool) if kind is FieldType.STRING else is_null(column)
    return np.fromiter((_value_has_type(v, concept) for v in column), dtype=bool, count=len(column))


def _value_has_type(value: object, concept: Concept) -> bool:
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return True
    kind = concept.type
    if isinstance(value, str):
        if not value.strip():
            return True
        return kind is FieldType.STRING or (kind is FieldType.DATE and bool(_iso_date(value)))
    if isinstance(value, (bool, np.bool_)):
        return kind is FieldType.BOOLEAN
    if isinstance(value, (date, np.datetime64)):
        return kind in (FieldType.DATE, FieldType.STRING)
    if isinstance(value, Number) and not isinstance(value, complex):
        number = float(value)  # type: ignore[arg-type]
        whole = number != number or number.is_integer()
        if kind is FieldType.NUMBER:
            return True
        if kind is FieldType.INTEGER or (kind is FieldType.STRING and _takes_numbers(concept)):
            return whole
        return number != number or (kind is FieldType.BOOLEAN and number in (0.0, 1.0))
    return False


def _iso_date(text: str) -> bool:
    return re.match(_ISO_DATE, text) is not None


def _takes_numbers(concept: Concept) -> bool:
    if concept.vocabulary is not None:
        return any(term.code is not None for term in load_vocabulary(concept.vocabulary).terms)
    return concept.pattern is None


def _is_whole(column: pd.Series) -> Mask:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(np.isnan(values) | (values == np.floor(values)) & np.isfinite(values))


def is_null(column: pd.Series) -> Mask:
    """(n,) null, or text of blanks only."""
    null = column.isna().to_numpy(dtype=bool)
    if _is_texts(column):
        blank = column.str.strip() == ""
        null = null | blank.fillna(False).to_numpy(dtype=bool)
    elif column.dtype == object:
        null = null | np.fromiter(
            (isinstance(v, str) and not v.strip() for v in column), dtype=bool, count=len(column)
        )
    return null


def _is_texts(column: pd.Series) -> bool:
    import pandas as pd

    if isinstance(column.dtype, pd.StringDtype):
        return True
    return bool(column.dtype == object) and pd.api.types.infer_dtype(column, skipna=True) == "string"


def _texts(column: pd.Series) -> tuple[pd.Series, Mask]:
    """A column of texts, and which rows held one; all else is null in it."""
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if _is_texts(column):
        return column, column.notna().to_numpy(dtype=bool)
    if column.dtype == object:
        held = np.fromiter((isinstance(v, str) for v in column), dtype=bool, count=len(column))
        return column.where(held, None), held
    return column, np.zeros(len(column), dtype=bool)


def _pass_blanks(good: Mask, texts: pd.Series) -> Mask:
    """Blank texts count as null: no fault of theirs is one of content."""
    faulty = np.flatnonzero(~good)
    if faulty.size:
        good[faulty] = is_null(texts.iloc[faulty])
    return good


def _is_short(column: pd.Series, length: int) -> Mask:
    texts, held = _texts(column)
    if not held.any():
        return ~held
    return np.asarray(~held | (texts.str.len() <= length).to_numpy(dtype=bool))


def _fits(column: pd.Series, pattern: str) -> Mask:
    texts, held = _texts(column)
    if not held.any():
        return ~held
    matching = texts.str.match(pattern).fillna(True).to_numpy(dtype=bool)
    return _pass_blanks(~held | matching, texts)


def _is_term(column: pd.Series, concept: Concept) -> Mask:
    vocabulary = load_vocabulary(concept.vocabulary or "")
    codes = [term.code for term in vocabulary.terms if term.code is not None]
    texts, held = _texts(column)
    good = np.ones(len(column), dtype=bool)
    if held.any() and concept.type is FieldType.STRING:
        allowed = [*vocabulary.values, *(str(code) for code in codes)]
        good = _pass_blanks(~held | texts.isin(allowed).to_numpy(dtype=bool), texts)
    if codes and not held.all():
        values = _numbers(column.where(~held, None) if held.any() else column)
        judged = ~held & (values == np.floor(values))
        good[judged] = np.isin(values[judged], codes)
    return good


def _is_within(column: pd.Series, concept: Concept, scale: tuple[float, float]) -> Mask:
    values = _numbers(column) * scale[0] + scale[1]
    low = -np.inf if concept.minimum is None else concept.minimum
    high = np.inf if concept.maximum is None else concept.maximum
    return np.asarray(np.isnan(values) | ((values >= low) & (values <= high) & np.isfinite(values)))


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    """(n,) the numbers of a column, also those written as text; NaN for all else."""
    import pandas as pd
    from pandas.api import types

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    nothing = np.full(len(column), np.nan)
    if types.is_bool_dtype(column.dtype) or types.is_datetime64_any_dtype(column.dtype):
        return nothing
    if not types.is_numeric_dtype(column.dtype):
        try:
            column = pd.to_numeric(column, errors="coerce")
        except (TypeError, ValueError):  # lists and the like among the values
            texts, _ = _texts(column)
            column = pd.to_numeric(texts, errors="coerce")
    if types.is_complex_dtype(column.dtype) or not types.is_numeric_dtype(column.dtype):
        return nothing
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _is_unique(column: pd.Series) -> Mask:
    try:
        repeated = column.duplicated(keep=False)
    except TypeError:  # values that cannot be hashed, such as lists
        repeated = column.map(str).duplicated(keep=False)
    return _pass_blanks(~repeated.to_numpy(dtype=bool), column)


def _take(mask: Mask, column: pd.Series) -> Mask:
    table = np.append(mask, True)  # code -1 is null
    return np.asarray(table[column.cat.codes.to_numpy()], dtype=bool)
