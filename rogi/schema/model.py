"""The model of a schema: concepts, fields, layers, vocabularies, dialects and rule parameters.

A *concept* is a quantity or property of the field (``primary_id``, ``elevation_mean``); it is
defined once, in ``schemas/concepts.yaml``. A *schema* gives concepts a column name in a layer. A
*dialect* says how another inventory names (and spells) them. Code refers to concepts only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a layer is in an inventory."""

    MARKER = "marker"
    OUTLINE = "outline"
    MOVING_AREA = "moving_area"
    AREA_OF_INTEREST = "area_of_interest"

    @property
    def title(self) -> str:  # type: ignore[override]
        """Words for people."""
        return {
            Role.MARKER: "primary markers",
            Role.OUTLINE: "outlines",
            Role.MOVING_AREA: "moving areas",
            Role.AREA_OF_INTEREST: "areas of interest",
        }[self]


class Evidence(StrEnum):
    """How well a fact is established; see the docs page "Evidence"."""

    VERIFIED = "V"  # read in a primary or direct source
    SECONDARY = "V2"  # read in code or notes that read the real file
    DERIVED = "D"  # follows from verified facts
    MEMORY_HIGH = "M-hi"  # recalled from the RGIK documents, not checked against the text
    MEMORY_MEDIUM = "M-med"
    MEMORY_LOW = "M-lo"

    @property
    def established(self) -> bool:
        """Only established facts may make an error by default."""
        return self in (Evidence.VERIFIED, Evidence.SECONDARY, Evidence.DERIVED)


class FieldType(StrEnum):
    """Type of a column's values."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"


class Match(StrEnum):
    """How well a value of a dialect fits the vocabulary term it is mapped to."""

    EXACT = "exact"
    NARROWER = "narrower"  # the original says more than the term: detail is lost
    AMBIGUOUS = "ambiguous"  # the original could also mean another term


@dataclass(frozen=True, slots=True)
class Term:
    """One allowed value of a vocabulary."""

    value: str
    title: str = ""
    description: str = ""
    evidence: Evidence = Evidence.VERIFIED
    code: int | None = None  # integer form, where files store one


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Allowed values of a field, in order; ``closed`` is False where the list is not established."""

    name: str
    version: str
    title: str
    terms: tuple[Term, ...]
    closed: bool
    evidence: Evidence
    source: str

    @property
    def values(self) -> tuple[str, ...]:
        """The allowed strings in order."""
        return tuple(term.value for term in self.terms)


@dataclass(frozen=True, slots=True)
class Attribute:
    """What is known of a concept that rogi derives for a unit, beside its title, unit and range.

    Attributes
    ----------
    group
        Fields from the same input.
    label
        What notes call it.
    family
        Concepts that are null for the same reason; by default the concept itself.
    statistic
        ``minimum``, ``median``, ``mean`` or ``maximum``; empty where the family has one value.
    decimals
        Stored, in the concept's unit: more than the inputs can tell, less than rounding noise. None for text.
    circular
        Whether it is a direction in degrees.
    short, axis
        Words in tables, and the unit on axes, where they are not the title and the unit.
    column
        The column that is made where neither the table nor a schema names one; empty: that of TPRoGI.
    share
        The column for the share of a unit with values; empty where there is no such share.
    mistaken, all_below
        Units that columns come in by mistake; of one that shows only in all values together, the greatest
        value and its unit.
    usual
        Interval in which nearly all values of an inventory of rock glaciers lie; elsewhere they are in
        another unit.
    tolerance
        Difference from the rasters that ATT020 allows, in the concept's unit; None: a parameter of the rule.
    summary, interval
        Row in the summary of an inventory, and the interval whose share of units it counts.
    shown
        Where else: ``facts``, ``figure``, ``grid``.
    """

    group: str
    label: str
    family: str
    statistic: str = ""
    decimals: int | None = None
    circular: bool = False
    short: str = ""
    axis: str = ""
    column: str = ""
    share: str = ""
    mistaken: tuple[str, ...] = ()
    all_below: tuple[float, str] | None = None
    usual: tuple[float, float] | None = None
    tolerance: float | None = None
    summary: int | None = None
    interval: tuple[float, float] | None = None
    shown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Concept:
    """What a column means: type, unit, constraints and where they come from."""

    name: str
    title: str
    type: FieldType
    description: str
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    length: int | None = None
    pattern: str | None = None
    vocabulary: str | None = None
    source: str = ""
    evidence: Evidence = Evidence.VERIFIED
    range_rule: str = "SCH018"  # the rule that checks minimum and maximum
    pattern_rule: str = "SCH019"  # the rule that checks the pattern
    missing: tuple[float, ...] = ()  # numbers within the range that mark a missing value
    attribute: Attribute | None = None  # of a concept that rogi derives


@dataclass(frozen=True, slots=True)
class Field:
    """A concept as a column of one layer of one schema."""

    name: str
    concept: Concept
    required: bool = False  # the column must be there
    nullable: bool = True
    unique: bool = False
    required_evidence: Evidence = Evidence.VERIFIED  # how well it is established that it is required

    @property
    def alias(self) -> str:
        """The name with case and punctuation removed, as columns are compared."""
        return normalise(self.name)


@dataclass(frozen=True, slots=True)
class LayerSchema:
    """One layer: its role, name, geometry and fields in writing order."""

    role: Role
    name: str
    title: str
    description: str
    geometry: tuple[str, ...]  # allowed geometry types, e.g. ("Polygon", "MultiPolygon")
    required: bool
    key: str | None  # concept that identifies a unit
    fields: tuple[Field, ...]

    def field(self, concept: str) -> Field | None:
        """The field of a concept, or None."""
        return next((f for f in self.fields if f.concept.name == concept), None)


@dataclass(frozen=True, slots=True)
class Schema:
    """A versioned description of an inventory."""

    name: str
    version: str
    title: str
    description: str
    source: str
    crs: str  # what coordinates should be in, e.g. "EPSG:4326"
    layers: tuple[LayerSchema, ...]

    @property
    def id(self) -> str:
        """``name/version``."""
        return f"{self.name}/{self.version}"

    def layer(self, role: Role) -> LayerSchema | None:
        """The layer of a role, or None."""
        return next((layer for layer in self.layers if layer.role is role), None)


@dataclass(frozen=True, slots=True)
class ValueMap:
    """One value of a dialect and the term it becomes."""

    to: str | None
    match: Match = Match.EXACT
    note: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Columns with a name of many meanings, taken for a concept only where the values look like it.

    Candidates are tried in order for a concept that has no column by ``DialectLayer.columns``; the first
    present column most of whose non-null texts (more than half) match ``pattern`` is taken, and is then
    no longer available to other concepts.
    """

    concept: str
    columns: tuple[str, ...]
    pattern: str  # regular expression, searched at the start of the text, without case


@dataclass(frozen=True, slots=True)
class DialectLayer:
    """How a dialect names one layer, its columns and its values.

    ``units`` holds ``m²``, ``ha``, ``m``, ``K`` and, for aspect, ``class-8-from-E`` or ``class-8-from-N``
    (1 to 8 clockwise) and ``cardinal`` (N, NE, ...).
    """

    role: Role
    names: tuple[str, ...]  # shell patterns of layer or file names, compared without case
    columns: Mapping[str, tuple[str, ...]]  # concept -> column names, first present wins
    values: Mapping[str, Mapping[str, ValueMap]] = field(default_factory=dict)  # concept -> value -> term
    units: Mapping[str, str] = field(default_factory=dict)  # concept -> unit, where it is not the concept's
    constants: Mapping[str, str] = field(default_factory=dict)  # concept -> value of every feature
    signature: tuple[str, ...] = ()  # columns that identify the dialect
    ignored: tuple[str, ...] = ()  # known columns without a concept
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """How another inventory writes what a schema describes."""

    name: str
    title: str
    description: str
    schema: str  # id of the schema it is mapped to
    source: str
    evidence: Evidence
    layers: tuple[DialectLayer, ...]
    priority: int = 0  # of two dialects that fit equally, the higher
    crs: str = ""  # what its coordinates are in, where it is not the schema's

    def layer(self, role: Role) -> DialectLayer | None:
        """The layer of a role, or None."""
        return next((layer for layer in self.layers if layer.role is role), None)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A threshold of a rule, with its source."""

    name: str  # e.g. "GEO014.minimum_area"
    value: float | int | str | tuple[float | int | str, ...]
    unit: str | None
    description: str
    source: str
    evidence: Evidence


def normalise(name: str) -> str:
    """A column name with case and punctuation removed: ``Acti.Cl.`` and ``ActiCl`` are one."""
    return "".join(c for c in name.casefold() if c.isalnum())
